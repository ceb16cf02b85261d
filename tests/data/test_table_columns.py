"""What each column of a table is taken for: numbers, two words, categories, ids and dates; gaps; labels as written."""

import numpy as np
import pytest

from tinygrad_ed.data import read_table
from tinygrad_ed.data.columns import WORDS
from tinygrad_ed.errors import InvalidValue


def table(write, target=None, **columns):
    """A CSV file with these columns, and a target of numbers."""
    rows = len(next(iter(columns.values())))
    columns = {**columns, "y": target or [k / 7 for k in range(rows)]}
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return write("\n".join(lines))


RNG = np.random.default_rng(0)
REAL = RNG.normal(size=40).round(6).tolist()  # a real input, each value once

# --- categories and words --------------------------------------------------------------------------------------------


def test_text_is_one_hot_encoded_and_it_is_said(write):
    data = read_table(table(write, color=["red", "blue", "red", "green"], size=[1, 2, 2, 5]))
    assert data.features == ("color=blue", "color=green", "color=red", "size")
    assert data.x.tolist() == [[0, 0, 1, 1], [1, 0, 0, 2], [0, 0, 1, 2], [0, 1, 0, 5]]
    assert "text columns (1) are one-hot encoded as 3 inputs of 0 and 1: color 3" in data.remarks
    assert data.columns == ("color", "size", "y")


def test_text_can_be_refused(write):
    path = table(write, color=["red", "blue", "red"], kind=["a", "a", "b"], size=[1, 2, 3])
    with pytest.raises(InvalidValue, match=r"text in 'color' \(such as 'blue'\), 'kind' \(such as 'a'\); leave it out"):
        read_table(path, categories="refuse")


def test_text_of_many_kinds_is_left_out_unless_kept(write):
    few, many = ([f"town {k % n}" for k in range(130)] for n in (50, 51))
    path = table(write, few=few, many=many)
    data = read_table(path)
    assert len(data.features) == 50
    assert (
        "left out: many (51 different texts; up to 50, each in several rows, are one-hot encoded)" in data.remarks[-1]
    )
    assert len(read_table(path, keep="many").features) == 101


@pytest.mark.parametrize("words", ["no yes", "False True", "N Y", "f t", "off on", "nein ja", "FALSCH WAHR"])
def test_two_words_are_0_and_1(write, words):
    no, yes = words.split()
    data = read_table(table(write, a=[no, yes, yes.upper(), no], size=[1, 2, 2, 5]))
    assert data.features == ("a", "size")
    assert data.x[:, 0].tolist() == [0, 1, 1, 0]
    assert f"a: {no.lower()} is 0, {yes.lower()} is 1" in data.remarks


def test_codes_with_leading_zeros_are_categories(write):
    data = read_table(table(write, plz=["01067", "99084", "01067", "80331"], size=[1, 2, 2, 5]))
    assert data.features == ("plz=01067", "plz=80331", "plz=99084", "size")


def test_numbers_with_some_words_that_come_again_are_categories_and_a_single_word_is_a_slip(write):
    cells = ["0", "1", "2", "3+"] * 10
    assert read_table(table(write, n=cells, size=REAL)).features == ("n=0", "n=1", "n=2", "n=3+", "size")
    with pytest.raises(InvalidValue, match=r"line 5, column 'n': '3\+' is not a number"):
        read_table(table(write, n=["0", "1", "2", "3+", *cells[:3] * 12], size=REAL[:40][: 4 + 36]))


# --- ids and row numbers ---------------------------------------------------------------------------------------------

COUNT = list(range(40))
KEPT = [k for k in range(891) if k % 7 not in (0, 3)][:200]  # a counter after rows were dropped
SHUFFLED = RNG.permutation(40).tolist()
ACCOUNTS = RNG.permutation(np.arange(15_565_701, 15_815_690))[:2000].tolist()


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("Unnamed: 0", COUNT, "row numbers"),
        ("Unnamed: 0", COUNT[:20] * 2, "row numbers"),
        ("", COUNT, "row numbers"),
        ("", KEPT, "row numbers"),
        ("PassengerId", SHUFFLED, "a different number in each row"),
        ("customer_id", [7 * k * k for k in SHUFFLED], "a different number in each row"),
        ("user id", [k if k else 1 for k in COUNT], "an id: 39 different numbers in 40 rows"),
        ("Nr", [9 * k for k in COUNT], "a different number in each row"),
        ("anything", COUNT, "it counts the rows"),
        ("anything", SHUFFLED, "it counts the rows"),
        ("anything", KEPT, "it counts the rows"),
        ("anything", ACCOUNTS, "it counts the rows"),
        ("name", [f"plant {k}" for k in COUNT], "a different text in each row"),
        ("uuid", [f"6b{k}f-{k * 77}" for k in COUNT], "a different text in each row"),
        ("ticket", [f"A{k % 30}" for k in COUNT], "30 different texts"),
        ("nothing", [""] * 40, "it is empty"),
    ],
)
def test_ids_are_left_out_by_name_unless_they_are_kept(write, name, cells, why):
    real = RNG.normal(size=len(cells)).round(6).tolist()
    path = table(write, **{name: cells, "size": real})
    shown = name or "c1"
    data = read_table(path)
    assert data.features == ("size",)
    assert any(f"left out: {shown} ({why}" in remark and "keep" in remark for remark in data.remarks)
    if why == "it is empty":
        with pytest.raises(InvalidValue, match="column 'nothing' cannot be kept: it is empty"):
            read_table(path, keep=shown)
    else:
        assert read_table(path, keep=shown).features[-1] == "size"
        assert len(read_table(path, keep=shown).features) > 1


@pytest.mark.parametrize(
    "cells",
    [
        REAL,  # floats, each once
        [float(k) + 0.5 for k in COUNT],
        sorted(REAL),
        RNG.choice(100_000, 40, replace=False).tolist(),  # whole numbers, far apart
        RNG.choice(400, 40, replace=False).tolist(),
        RNG.integers(18, 80, 40).tolist(),
        [k // 2 for k in COUNT],
        [round(k**0.5, 3) for k in COUNT],
        [1, 5, 2, 4, 3],
    ],
)
def test_real_numbers_are_not_taken_for_ids(write, cells):
    assert read_table(table(write, size=cells, more=[k % 3 for k in range(len(cells))])).features == ("size", "more")


def test_a_counter_that_is_all_there_is_is_used_and_it_is_said(write):
    data = read_table(table(write, x=COUNT, name=[f"n{k}" for k in COUNT]))
    assert data.features == ("x",)
    assert "x: it counts the rows, and is used, for there is nothing else" in data.remarks
    with pytest.raises(
        InvalidValue, match=r"nothing is left to learn from. Left out: name \(a different text in each row\)"
    ):
        read_table(table(write, name=[f"n{k}" for k in COUNT]))


# --- dates -----------------------------------------------------------------------------------------------------------


FORMS = ["2024-01-{:02}", "{}/12/2023", "{:02}.01.2024", "{} Jan 2024", "{}. März 2024", "Jan {}, 2024", "{}.1.24 8:15"]


@pytest.mark.parametrize("form", [*FORMS, "2024-01-{:02}T10:00:00Z", "{:02}:30"])
def test_dates_as_text_are_left_out_with_a_lesson(write, form):
    cells = [form.format(k % 12 + 1) if "," not in form else f'"{form.format(k % 12 + 1)}"' for k in COUNT]
    path = table(write, when=cells, size=REAL)
    data = read_table(path)
    assert data.features == ("size",)
    assert "left out: when (dates as text, such as '" in data.remarks[-1]
    assert "write days since a first day" in data.remarks[-1]
    with pytest.raises(InvalidValue, match="column 'when' cannot be kept: dates as text"):
        read_table(path, keep="when")
    with pytest.raises(InvalidValue, match="target 'when' holds dates, such as"):
        read_table(path, "when")


# --- gaps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", ["", "NA", "n/a", "?", "#N/A", "NULL", "None", "nan", "-", "#DIV/0!", "<NA>"])
def test_gaps_are_refused_skipped_or_filled(write, gap):
    path = table(write, a=[1.5, gap, 3, 9, 8], b=["x", "x", gap, "z", "x"], target=[0.5, 1.5, 2.5, gap, 3.5])
    with pytest.raises(InvalidValue, match=r"line 3, column 'a': .*\(3 are missing in all: a 1, b 1, y 1\)"):
        read_table(path)
    data = read_table(path, missing="skip")
    assert (data.x[:, 0].tolist(), data.y.tolist()) == ([1.5, 8], [0.5, 3.5])
    assert data.remarks[1] == "3 of 5 lines lack a value and are left out: 3, 4, 5"


@pytest.mark.parametrize(("missing", "fill"), [("mean", 5.0), ("median", 3.0)])
def test_gaps_are_filled_and_it_is_said(write, missing, fill):
    path = table(write, a=[2, "", 3, 10], b=["x", "x", "", "z"], c=["yes", "", "yes", "no"], target=[0.5, 1.5, 2.5, 4])
    data = read_table(path, missing=missing)
    assert data.features == ("a", "b=x", "b=z", "c")
    assert data.x.tolist() == [[2, 1, 0, 1], [fill, 1, 0, 1], [3, 1, 0, 1], [10, 0, 1, 0]]
    assert data.remarks[-3:] == (
        f"a: missing values (1) are filled with {fill:g}, the {missing}",
        "b: missing values (1) are filled with 'x', the commonest",
        "c: missing values (1) are filled with 'yes', the commonest",
    )
    assert f"gaps: {missing}" in data.remarks[0]


@pytest.mark.parametrize("missing", ["skip", "mean"])
def test_rows_without_a_target_are_left_out_and_never_filled(write, missing):
    data = read_table(table(write, a=[1, 3, 8, 9], target=[0.5, "", 2.5, 4.5]), missing=missing)
    assert data.y.tolist() == [0.5, 2.5, 4.5]
    assert "1 of 4 lines lack a value and are left out: 3" in data.remarks


def test_every_row_with_a_gap_is_refused(write):
    with pytest.raises(InvalidValue, match="every line lacks a value; leave out what is mostly empty"):
        read_table(table(write, a=[1, ""], b=["", 2]), missing="skip")


# --- labels of the target --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ["01", "02", "10"],
        ["0.0", "1.0", "2.0"],
        ["1", "2", "10"],
        ["+1", "-1", "0"],
        ["x", "y", "Y"],
        ["1e0", "2", "3"],
    ],
)
def test_labels_stay_as_they_are_written(write, labels):
    data = read_table(table(write, a=[k / 7 for k in range(30)], target=labels * 10), "y")
    assert sorted(data.classes) == sorted(labels)
    assert [data.classes[k] for k in data.y] == labels * 10


def test_codes_are_labels_though_few_rows_have_them(write):
    data = read_table(table(write, a=[0.5, 3, 1, 7], target=["01067", "99084", "01067", "80331"]))
    assert data.classes == ("01067", "80331", "99084")


def test_one_number_written_in_two_ways_is_refused(write):
    with pytest.raises(InvalidValue, match=r"target 'y': '1' and '1\.0' are one number, written in two ways"):
        read_table(table(write, a=[k / 7 for k in range(40)], target=["1", "0", "1.0", "0"] * 10))


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("words", WORDS[1:])
def test_the_class_that_means_yes_is_positive_as_it_is_1_in_an_input(write, words, change):
    no, yes = words.split()
    no = change(no)
    data = read_table(table(write, a=[yes, no, yes, no], target=[yes, no, no, yes]))
    assert (data.classes, data.y.tolist(), data.x[:, 0].tolist()) == ((no, yes), [1, 0, 0, 1], [1, 0, 1, 0])
    assert f"positive class: {yes}, as {no} is 0 and {yes} is 1 (option positive)" in data.remarks


def test_the_positive_class_has_the_number_1(write):
    path = table(write, a=[0.5, 2, 3, 5], target=["yes", "no", "no", "yes"])
    assert read_table(path).classes == ("no", "yes")
    assert "positive class: yes, as no is 0 and yes is 1 (option positive)" in read_table(path).remarks
    data = read_table(path, positive="no")
    assert (data.classes, data.y.tolist()) == (("yes", "no"), [0, 1, 1, 0])
    assert "positive class: no" in data.remarks
    with pytest.raises(InvalidValue, match=r"target 'y' has no class 'ja' \(option positive\)\. Known: no, yes"):
        read_table(path, positive="ja")
    three = table(write, a=[0.5, 2, 3, 5], target=["a", "b", "c", "a"])
    with pytest.raises(InvalidValue, match=r"one of two classes can be positive .*, but target 'y' holds 3 classes"):
        read_table(three, positive="a")
    with pytest.raises(InvalidValue, match="target 'y' holds numbers"):
        read_table(table(write, a=[0.5, 2, 3, 5]), positive="a")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["True", "False", "true"], ["'True' and 'true'"]),
        (["yes", "no", "y", "n"], ["'n' and 'no'", "'y' and 'yes'"]),
        (["New York", "new_york", "Boston"], ["'New York' and 'new_york'"]),
        (["1", "true", "false"], ["'1' and 'true'"]),
        (["a", "b", "c"], []),
        (["-1", "1", "0"], []),
        (["1-2", "1 2", "12"], []),
        (["on", "off", "ontario"], []),
    ],
)
def test_one_thing_in_two_spellings_is_said_of_the_target_and_of_inputs(write, labels, said):
    target = [labels[k % len(labels)] for k in range(40)]
    remarks = read_table(table(write, a=REAL, b=["red", "Red"] * 20, target=target)).remarks
    found = [remark for remark in remarks if "spellings" in remark]
    wanted = [f"classes: {same} may be one thing in 2 spellings, but are kept apart" for same in said]
    assert found == [*wanted, "texts of 'b': 'Red' and 'red' may be one thing in 2 spellings, but are kept apart"]


def test_what_steers_a_terminal_is_written_out_in_what_is_said(write):
    target = [("\x1b[31mred", "blue")[k % 2] for k in range(40)]
    data = read_table(table(write, a=REAL, **{"b\x1b[2J": [k // 2 for k in range(40)], "id": range(40)}, target=target))
    assert data.classes[0] == "\x1b[31mred"
    assert "\x1b" not in "".join([repr(data), data.said, *data.remarks])
    assert r"\x1b[31mred" in repr(data)
