"""`tinygrad-ed train --save` and `tinygrad-ed predict`, on tables of a user."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from user_tables import answers, flowers, houses, people

from tinygrad_ed.data import read_table
from tinygrad_ed.nn import MLP, storage

# --- from a table to answers ------------------------------------------------------------------------------------------


READ = "separator: comma; encoding: utf-8; header: line 1; decimal point; gaps: refuse\n"


def test_classes_from_a_table_to_answers(run, model):
    Path("new.csv").write_text(flowers(rows=10, target=False))
    status, out, err = run("predict", model, "new.csv")
    assert (status, err) == (0, READ)
    found = answers(out)
    assert [row["kind"] for row in found] == ["rose", "lily"] * 5
    assert [row["line"] for row in found] == [str(k) for k in range(2, 12)]
    assert all(0.5 < float(row["probability"]) <= 1.0 for row in found)


def test_all_probabilities_are_written_if_asked(run, model):
    Path("new.csv").write_text(flowers(rows=10, target=False))
    _, single, _ = run("predict", model, "new.csv")
    status, out, _ = run("predict", model, "new.csv", "--probabilities")
    assert status == 0
    for row, one in zip(answers(out), answers(single), strict=True):
        shares = {name: float(row[f"probability of {name}"]) for name in ("lily", "rose")}
        assert sum(shares.values()) == pytest.approx(1.0, abs=2e-6)
        assert max(shares, key=shares.get) == row["kind"]
        assert shares[row["kind"]] == float(one["probability"])
    Path("houses.csv").write_text(houses())
    assert run("train", "houses.csv", "--target", "price", "--epochs", 1, "--save", "h.npz")[0] == 0
    status, out, err = run("predict", "h.npz", "houses.csv", "--probabilities")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "'price' is a number: there are no probabilities of classes" in err


def test_columns_are_found_by_name_in_any_order_and_others_are_not_used(run, model):
    _, straight, _ = run("predict", model, "flowers.csv")
    Path("turned.csv").write_text(flowers(order=("color", "kind", "width", "height")).replace("\n", ",x\n") + ",x")
    status, turned, err = run("predict", model, "turned.csv")
    assert status == 0
    assert turned == straight
    assert "not used: x" in err
    assert "accuracy on 90 rows whose 'kind' is known: 1 (baseline, always 'lily': 0.5); balanced accuracy 1" in err
    assert [line.split() for line in err.splitlines()[-2:]] == [["lily", "45", "0"], ["rose", "0", "45"]]


def test_what_the_table_was_read_as_is_kept_for_new_rows(run):
    Path("people.csv").write_text(people())
    train = ["train", "people.csv", "--target", "pays", "--missing", "mean", "--epochs", 30, "--save", "m.npz"]
    status, out, _ = run(*train)
    assert status == 0
    assert "note: left out: PersonId (a different number in each row); --keep takes one all the same" in out
    whole = run("predict", "m.npz", "people.csv")[1]
    rows = [line.split(",") for line in people().splitlines()]
    turned = [[row[4], row[3].upper() if i else row[3], row[1], row[2]] for i, row in enumerate(rows)]
    Path("turned.csv").write_text("\n".join(";".join(row).replace(".", ",") for row in turned), encoding="utf-16")
    status, out, err = run("predict", "m.npz", "turned.csv")
    assert out == whole
    assert "separator: semicolon; encoding: utf-16; header: line 1; decimal comma; gaps: mean" in err
    assert "age: missing values (9) are filled with" in err
    Path("one.csv").write_text("age,city,member,height\n30,Rom,no,170\n31,Bonn,no,170\n,Bonn,no,170\n")
    status, out, err = run("predict", "m.npz", "one.csv", "--missing", "skip")
    assert [row["line"] for row in answers(out)] == ["2", "3"]
    assert "1 of 3 lines lack a value and are left out: 4" in err
    assert "city: not seen in training, so its inputs are all 0: 'Rom' (line 2)" in err
    assert run("predict", "m.npz", "one.csv", "--missing", "refuse")[0] == 2


def test_numbers_come_back_in_their_own_unit(run):
    Path("houses.csv").write_text(houses(comma=True))
    status, out, _ = run("train", "houses.csv", "--target", "price", "--epochs", 200, "--save", "houses")
    assert status == 0
    assert "; decimal comma;" in out
    saved = re.search(r"saved (\S+);", out)[1]
    Path("new.csv").write_text("rooms,size\n3,100\n\n5,50.5\n")
    status, out, err = run("predict", saved, "new.csv")
    assert (status, err) == (0, READ)
    assert [row["line"] for row in answers(out)] == ["2", "4"]
    assert [float(row["price"]) for row in answers(out)] == pytest.approx([460.0, 351.5], rel=0.05)
    status, _, err = run("predict", saved, "houses.csv")
    assert float(err.split("R² on 120 rows whose 'price' is known: ")[1].split()[0]) > 0.98
    assert "(baseline, always the mean: 0); root of the mean square error of 'price': " in err


@pytest.mark.parametrize("unknown", ["", "?", "daisy"])
def test_only_rows_whose_target_is_known_are_scored(run, model, unknown):
    Path("new.csv").write_text(f"height,width,color,kind\n0,1,3,rose\n2,2,3,{unknown}\n")
    status, out, err = run("predict", model, "new.csv")
    assert status == 0
    assert len(answers(out)) == 2
    assert "accuracy on 1 rows whose 'kind' is known" in err
    assert "not scored, for their 'kind' is missing or unknown to the network: 1 of 2 rows" in err
    Path("new.csv").write_text(f"height,width,color,kind\n1,2,3,{unknown}\n1,2,3,{unknown}\n")
    assert "accuracy" not in run("predict", model, "new.csv")[2]


def test_a_score_no_better_than_the_commonest_class_is_said(run, model):
    turned = flowers().replace("rose", "x").replace("lily", "rose").replace("x", "lily")
    Path("wrong.csv").write_text(turned)
    assert (
        "That is no better than always answering 'lily'. Try early stopping (patience)"
        in run("predict", model, "wrong.csv")[2]
    )


def test_npz_tables(run):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    np.savez("table.npz", X=x, side=np.where(x[:, 1] > 0, "right", "left"))
    assert run("train", "table.npz", "--target", "side", "--drop", "c1", "--epochs", 30, "--save", "m.npz")[0] == 0
    np.savez("all.npz", x=x)
    np.savez("two.npz", x=x[:, 1:])
    np.savez("both.npz", x=x[:, 1:], side=np.where(x[:, 1] > 0, "right", "left"))
    status, out, err = run("predict", "m.npz", "all.npz")
    assert (status, err) == (0, "gaps: refuse\nnot used: c1\n")
    assert [row["row"] for row in answers(out)[:2]] == ["0", "1"]
    assert run("predict", "m.npz", "two.npz")[1] == out
    assert run("predict", "m.npz", "both.npz")[1] == out
    assert "accuracy on 80 rows whose 'side' is known" in run("predict", "m.npz", "both.npz")[2]
    assert "accuracy on 80 rows whose 'side' is known" in run("predict", "m.npz", "table.npz")[2]
    np.savez("one.npz", x=x[:, :1])
    status, _, err = run("predict", "m.npz", "one.npz")
    assert status == 2
    assert "there are 1 columns, but the network takes 2 (c2, c3)" in err


def test_without_a_header_columns_are_taken_by_their_order(run):
    body = "\n".join(flowers(order=("color", "height", "kind", "width")).splitlines()[1:])
    Path("bare.csv").write_text(body)
    assert run("train", "bare.csv", "--target", 3, "--drop", 1, "--epochs", 20, "--save", "m.npz")[0] == 0
    _, whole, err = run("predict", "m.npz", "bare.csv")
    assert "accuracy on 90 rows whose 'c3' is known: 1" in err
    rows = [line.split(",") for line in body.splitlines()]
    Path("no_target.csv").write_text("\n".join(f"{row[0]},{row[1]},{row[3]}" for row in rows))
    Path("inputs.csv").write_text("\n".join(f"{row[1]},{row[3]}" for row in rows))
    assert run("predict", "m.npz", "no_target.csv")[1] == whole
    assert run("predict", "m.npz", "inputs.csv")[1] == whole
    Path("one.csv").write_text("1\n2\n")
    assert "there are 1 columns, but the network takes 2 (c2, c4)" in run("predict", "m.npz", "one.csv")[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "height,with,color\n1,2,3\n",
            "there is no column 'width', which the network was trained on. Did you mean 'with'",
        ),
        ("1,2,3\n", "the first line does not name the columns height, width, color.*--header no if"),
        ("height,width,color\n1,,3\n1,2,3\n", "line 2, column 'width': a value is missing .''.; fill it in, leave"),
        ("height,width,color\n1,2,red\n1,2,blue\n", "line 2, column 'color': 'red' is not a number"),
        ("height,width,color\n1,2,red\n1,2,3\n1,2,3\n", "line 2, column 'color': 'red' is not a number"),
        (
            "height;width;color\n1;2,5;3\n1;1,234;3.5\n",
            "read with a decimal point, but '2,5' .* say --decimal point or",
        ),
        ("height;width;color\n1;1,234;3\n", "is '1,234' the number 1.234 or 1234. Say --decimal comma for the first"),
        ("height,width,color\n1,2,3\n1,1e300,3\n", "column 'width': 1e.300 lies more than 1e.100 deviations"),
        ("height,width,width,color\n1,2,3,4\n", "2 columns are called 'width'"),
        ("height,width,color\n", "there is no data below the header"),
        ("", "the file is empty"),
    ],
)
def test_new_rows_that_do_not_fit_are_one_line(run, model, text, message):
    Path("new.csv").write_text(text)
    status, out, err = run("predict", model, "new.csv", "--output", "answers.csv")
    assert (status, out) == (2, "")
    assert err.startswith("tinygrad-ed: ")
    assert err.count("\n") == 1
    assert re.search(message, err.strip())
    assert not Path("answers.csv").exists()


# --- what is written is safe ------------------------------------------------------------------------------------------


def trained_on_labels(run, labels, target="kind"):
    """The answers for a table whose classes have these names."""
    with Path("t.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = [[i % 10 / 3, labels[i % 10 > 4]] for i in range(80)]
        csv.writer(stream).writerows([["height", target], *rows])
    assert run("train", "t.csv", "--target", 2, "--epochs", 60, "--save", "m.npz", "--force")[0] == 0
    return run("predict", "m.npz", "t.csv", "--output", "answers.csv", "--force")


@pytest.mark.parametrize("label", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=1", "=HYPERLINK(1)"])
def test_a_label_that_a_spreadsheet_would_run_is_text(run, label):
    assert trained_on_labels(run, [label, "b"], label)[0] == 0
    with Path("answers.csv").open(newline="", encoding="utf-8") as stream:
        head, *rows = csv.reader(stream)
    assert head[1] == f"'{label}"
    assert {row[1] for row in rows} == {f"'{label}", "b"}


@pytest.mark.parametrize("label", ["-1", "+2.5", "-1e3"])
def test_a_number_is_no_formula(run, label):
    trained_on_labels(run, [label, "b"])
    assert {row["kind"] for row in answers(Path("answers.csv").read_text())} == {label, "b"}


def test_nothing_from_a_table_steers_the_terminal(run):
    label, name = "\x1b[31mred\x07", "ki\x1b]0;nd"
    status, out, err = trained_on_labels(run, [label, "b"], name)
    assert status == 0
    printed = [out, err, *run("train", "t.csv", "--target", 2, "--epochs", 2), *run("predict", "m.npz", "t.csv")[1:]]
    printed += run("train", "t.csv", "--target", "height", "--drop", label)
    assert "\\x1b[31mred\\x07" in "".join(map(str, printed))
    assert not [text for text in printed if "\x1b" in str(text) or "\x07" in str(text)]


def test_lone_surrogates_are_spelled_out(run, model):
    kind, about, arrays = storage.read(model, "network of a table")
    about["table"]["target"], about["table"]["classes"] = "ki\ud800nd", ["li\udfffly", "rose"]
    storage.write("odd.npz", kind, about, arrays)
    status, out, _ = run("predict", "odd.npz", "flowers.csv")
    assert status == 0
    assert "ki\\ud800nd" in out
    assert run("predict", "odd.npz", "flowers.csv", "--output", "answers.csv")[0] == 0
    assert "li\\udfffly" in Path("answers.csv").read_text()


# --- files ------------------------------------------------------------------------------------------------------------


def test_answers_go_to_a_file_which_is_not_replaced_unless_forced(run, model):
    status, out, err = run("predict", model, "flowers.csv", "--output", "answers.csv")
    assert (status, err) == (0, "")
    assert out.splitlines()[:2] == ["wrote answers.csv: 90 answers", READ.strip()]
    text = Path("answers.csv").read_text()
    assert text == run("predict", model, "flowers.csv")[1]
    Path("answers.csv").write_text("mine")
    status, out, err = run("predict", model, "flowers.csv", "--output", "answers.csv")
    assert (status, out) == (2, "")
    assert err == "tinygrad-ed: 'answers.csv' is there already; give another name, or replace it with --force\n"
    assert Path("answers.csv").read_text() == "mine"
    assert run("predict", model, "flowers.csv", "--output", "answers.csv", "--force")[0] == 0
    assert Path("answers.csv").read_text() == text
    assert run("predict", model, "flowers.csv", "--output", "no/answers.csv")[0] == 2
    assert not list(Path().glob(".*.part"))


def test_names_are_quoted_in_the_answers(run):
    tall = '"tall, ""very"""'
    rows = "".join(f"{i % 9},{tall if i % 9 > 4 else 'small'}\n" for i in range(60))
    Path("t.csv").write_text(f"height,kind\n{rows}")
    assert run("train", "t.csv", "--target", "kind", "--epochs", 40, "--save", "m.npz")[0] == 0
    assert {row["kind"] for row in answers(run("predict", "m.npz", "t.csv")[1])} == {"small", 'tall, "very"'}


def test_a_saved_network_is_not_replaced_unless_forced_and_that_is_said_before_the_training(run, model):
    before = model.read_bytes()
    again = ["train", "flowers.csv", "--target", "kind", "--epochs", 5, "--save", model]
    status, _, err = run(*again)
    assert status == 2
    assert "'model.npz' is there already" in err
    assert model.read_bytes() == before
    assert run(*again, "--force")[0] == 0
    assert model.read_bytes() != before


def test_other_files_are_no_networks_of_a_table(run, model):
    MLP([2, 1]).save("plain.npz")
    Path("damaged.npz").write_bytes(model.read_bytes()[:-20])
    for file, message in [
        ("plain.npz", "'plain.npz' holds a network, but a network of a table is needed"),
        ("damaged.npz", "'damaged.npz' is damaged"),
        ("nowhere.npz", "cannot read 'nowhere.npz': No such file"),
        ("flowers.csv", "'flowers.csv' must end with .npz or .safetensors"),
    ]:
        status, out, err = run("predict", file, "flowers.csv")
        assert (status, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1


def test_the_commands_of_the_help_work(run, capsys):
    """The examples of `tinygrad-ed --help`, word for word."""
    _, out, _ = run("--help")
    lines = [line.split()[1:] for line in out.splitlines() if line.startswith("  tinygrad-ed ")]
    assert [line[0] for line in lines] == ["train", "predict"]
    Path("table.csv").write_text(houses())
    shutil.copy("table.csv", "new.csv")
    for line in lines:
        assert run(*line)[0] == 0
    assert len(Path("answers.csv").read_text().splitlines()) == 121
    assert read_table("answers.csv", "price", keep="line").features == ("line",)


@pytest.mark.parametrize(
    ("trained", "new", "thousands"),
    [
        ("3.500,50", "3.500", True),
        ("3.500,50", "3,500", False),
        ("3,500.50", "3.500", False),
        ("3,500.50", "3,500", True),
        ("3500,5", "3,500", False),
        ("3500.5", "3.500", False),
        ("3500.5", "3,500.0", True),
        ("3.500,5", "3,500.0", True),  # the new rows prove a decimal point
        ("3,500.5", "3.500,0", True),
        ("3500", "3.500", None),
        ("3500,5", "3.500", None),  # no mark of thousands was seen
        ("3500.5", "3,500", None),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_read_as_in_training(run, trained, new, thousands):
    kinds = "".join(f"{trained};low\n{k};high\n" for k in range(20))
    Path("t.csv").write_text(f"sales;kind\n{kinds}")
    assert run("train", "t.csv", "--target", "kind", "--epochs", 2, "--save", "m.npz")[0] == 0
    Path("new.csv").write_text(f"sales;color\n{new};red\n")
    status, out, err = run("predict", "m.npz", "new.csv", "--probabilities")
    if thousands is None:
        assert (status, err.count(f"is '{new}' the number 3.500 or 3500?")) == (2, 1)
        return
    Path("plain.csv").write_text(f"sales\n{3500 if thousands else 3.5}\n")
    mark = ["--decimal", "point"]
    assert (status, out) == run("predict", "m.npz", "plain.csv", "--probabilities", *mark)[:2]
