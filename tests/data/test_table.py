"""Tables in CSV files: what is read, what the target means, and what is said of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import iris, read_table
from tinygrad_ed.errors import InvalidValue, MissingExtra

ROOT = Path(__file__).parents[2]
PLANTS = "length,width,species\n1.5,2,rose\n2.5,3,lily\n3.5,4,rose\n"


# --- CSV, what is read -----------------------------------------------------------------------------------------------


def test_csv_with_a_header(write):
    data = read_table(write(PLANTS), target="species")
    assert data.x.tolist() == [[1.5, 2.0], [2.5, 3.0], [3.5, 4.0]]
    assert data.y.tolist() == [1, 0, 1]
    assert data.classes == ("lily", "rose")
    assert data.rho.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert data.features == ("length", "width")
    assert (data.name, data.target) == ("data.csv", "species")
    assert data.source.endswith("data.csv")
    assert data.said == "target 'species': 2 classes (lily, rose)"


def test_csv_without_a_header(write):
    path = write("1.5,2,rose\n2.5,3,lily\n3.5,4,rose\n")
    for target in ("c3", "3", 3):
        data = read_table(path, target=target)
        assert data.x.shape == (3, 2)
        assert data.features == ("c1", "c2")
        assert data.said == "target 'c3': 2 classes (lily, rose)"
        assert "no header line, so the columns are c1 ... c3" in data.remarks[0]
        assert data.columns == ("c1", "c2", "c3")


def test_the_target_can_stand_anywhere_and_be_counted_from_one(write):
    path = write("species,length\nrose,1\nlily,2\n")
    for target in ("species", 1, "1"):
        data = read_table(path, target)
        assert data.x.tolist() == [[1.0], [2.0]]
        assert data.features == ("length",)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_delimiters_line_ends_and_byte_order_mark(write, mark, end, encoding):
    text = PLANTS.replace("width", "größe").replace(",", mark).replace("\n", end)
    data = read_table(write(text, encoding=encoding), "species")
    assert data.features == ("length", "größe")
    assert data.x[2].tolist() == [3.5, 4.0]


def test_quotes_hide_delimiters_and_line_ends(write):
    data = read_table(write('"length; in\ncm", "width, mm","species"\n1,2,"red ""old"" rose"\n3,4,lily\n'), "species")
    assert data.features == ("length; in cm", "width, mm")
    assert data.classes == ("lily", 'red "old" rose')


def test_blank_lines_and_spaces_do_not_matter(write):
    data = read_table(write("\n  \nlength , width, species\n\n1.5, 2 ,rose \n,,\n2.5,3, lily\n\n"), "species")
    assert data.features == ("length", "width")
    assert data.x.tolist() == [[1.5, 2.0], [2.5, 3.0]]
    assert data.classes == ("lily", "rose")


@pytest.mark.parametrize("name", ["data.tsv", "data.txt", "DATA.CSV"])
def test_other_suffixes_of_text(write, name):
    assert len(read_table(write(PLANTS, name), "species")) == 3


def test_a_column_without_a_name_is_said(write):
    data = read_table(write(",length,species\n0.5,1.5,rose\n1,2.5,lily\n"), "species")
    assert data.features == ("c1", "length")
    assert "without a name in the header: c1" in data.remarks[0]


def test_a_column_with_nothing_in_it_and_no_name_is_left_out(write):
    """As programs write it that end each line with a delimiter."""
    data = read_table(write("a;b;y;\n1;2;0.5;\n2;5;1.5;\n"))
    assert data.features == ("a", "b")
    assert data.remarks == ("separator: semicolon; encoding: utf-8; header: line 1; decimal point; gaps: refuse",)


# --- CSV, is there a header? -----------------------------------------------------------------------------------------


def test_text_above_numbers_is_a_header_in_spite_of_a_slip_below(write):
    path = write("a,b,kind\n1,2,x\noops,3,y\n4,5,x\n")
    with pytest.raises(InvalidValue, match="line 3, column 'a': 'oops' is not a number"):
        read_table(path, target=3)


def test_the_name_of_the_target_makes_a_header(write):
    data = read_table(write("1,2,kind\n5,6,x\n7,8,y\n"), target="kind")
    assert data.features == ("1", "2")
    assert data.x.shape == (2, 2)


def test_texts_that_come_again_are_no_header(write):
    rows = "p,x,s\ne,b,s\np,x,t\ne,x,s\n"
    assert read_table(write(rows), 1).features == ("c2=b", "c2=x", "c3=s", "c3=t")
    assert read_table(write("class,shape,spore\n" + rows), 1).features == ("shape=b", "shape=x", "spore=s", "spore=t")


def test_numbers_only_are_no_header(write):
    data = read_table(write("1,2\n3,4\n5,7\n"), target=2)
    assert data.x.tolist() == [[1.0], [3.0], [5.0]]
    assert data.y.tolist() == [2.0, 4.0, 7.0]


def test_a_missing_value_in_the_first_line_is_no_header(write):
    with pytest.raises(InvalidValue, match=r"line 1, column 'c1': a value is missing \('\?'\)"):
        read_table(write("?,2,a\n3,4,b\n5,6,a\n"), target=3)


def test_header_yes_and_no_overrule(write):
    path = write("1,2\n3,4\n5,7\n")
    assert read_table(path, "2", header="yes").x.tolist() == [[3.0], [5.0]]
    assert read_table(path, "2", header="yes").features == ("1",)
    with pytest.raises(InvalidValue, match="line 1, column 'c1': 'length' is not a number"):
        read_table(write(PLANTS), "c3", header="no")


# --- what the target means -------------------------------------------------------------------------------------------


def csv_of_targets(targets):
    return "x,y\n" + "".join(f"{k},{value}\n" for k, value in enumerate(targets))


def test_few_integers_are_classes(write):
    data = read_table(write(csv_of_targets([3, 1, 10, 3, 1, 10, 3, 1, 10, 3, 1, 10, 3, 1, 10])))
    assert data.classes == ("1", "3", "10")
    assert data.y[:3].tolist() == [1, 0, 2]
    assert data.said == "target 'y': 3 classes (1, 3, 10); few integers mean classes, unless kind='numbers'"


def test_many_or_hardly_repeated_integers_are_numbers(write):
    data = read_table(write(csv_of_targets([1, 2, 3, 1, 2, 3])))
    assert data.classes is None
    assert data.rho.tolist() == [[1], [2], [3], [1], [2], [3]]
    assert data.said == "target 'y': numbers; 3 different integers in 6 rows mean numbers, unless kind='classes'"
    assert read_table(write(csv_of_targets([*range(21)] * 10))).classes is None
    assert len(read_table(write(csv_of_targets([*range(20)] * 10))).classes) == 20
    assert read_table(write(csv_of_targets([0, 1, 0, 1, 0, 1, 0, 1, 0]))).classes is None
    assert read_table(write(csv_of_targets([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]))).classes == ("0", "1")


def test_fractions_are_numbers(write):
    data = read_table(write(csv_of_targets([0.5, 1.5] * 10)))
    assert data.classes is None
    assert data.said == "target 'y': numbers"


def test_kind_overrules(write):
    path = write(csv_of_targets([0, 1] * 10))
    assert read_table(path, kind="numbers").classes is None
    assert read_table(write(csv_of_targets([0, 1])), kind="classes").classes == ("0", "1")
    assert read_table(write(csv_of_targets([0.5, 2])), kind="classes").classes == ("0.5", "2")
    assert read_table(write(csv_of_targets(["7", "8a", "NA"])), kind="classes").classes == ("7", "8a", "NA")
    with pytest.raises(InvalidValue, match=r"line 2, column 'y': 'a' is not a number; .*kind='classes' to read"):
        read_table(write(csv_of_targets(["a", "b"])), kind="numbers")


def test_a_few_texts_among_numbers_are_a_slip(write):
    with pytest.raises(InvalidValue, match=r"line 4, column 'y': '3x' is not a number; .*kind='classes' to read"):
        read_table(write(csv_of_targets([1, 2, "3x", 4])))


def test_names_of_the_rows_are_no_classes(write):
    path = write(csv_of_targets([f"plant {k}" for k in range(30)]))
    with pytest.raises(InvalidValue, match=r"'y' has 30 different texts in 30 rows, .* or say kind='classes'"):
        read_table(path)
    assert len(read_table(path, kind="classes").classes) == 30


# --- options, and what is said of strange columns --------------------------------------------------------------------


def test_how_the_file_was_read_is_said(write):
    text = PLANTS.replace(",", ";").replace(".", ",")
    assert read_table(write(text, encoding="utf-16"), "species").remarks[0] == (
        "separator: semicolon; encoding: utf-16; header: line 1; decimal comma; gaps: refuse"
    )
    data = read_table(write(PLANTS.replace("width", "Höhe"), encoding="cp1252"), "species")
    assert data.features == ("length", "Höhe")
    assert "encoding: cp1252" in data.remarks[0]


@pytest.mark.parametrize(
    ("name", "mark"), [("tab", "\t"), ("semicolon", ";"), ("pipe", "|"), ("comma", ","), ("^", "^")]
)
def test_the_separator_can_be_asked_for(write, name, mark):
    path = write(PLANTS.replace(",", mark))
    assert read_table(path, "species", separator=name).x.tolist() == [[1.5, 2.0], [2.5, 3.0], [3.5, 4.0]]
    if len(name) > 1:
        assert f"separator: {name};" in read_table(path, "species").remarks[0]
    with pytest.raises(InvalidValue, match="there is no column 'species'"):
        read_table(path, "species", separator="!")


def test_spaces_separate_if_asked(write):
    assert read_table(write("a  b y\n1  2 0.5\n10 3 1.5\n"), separator="space").x.tolist() == [[1, 2], [10, 3]]


def test_a_separator_inside_cells_is_none(write):
    data = read_table(write("note;s,width,species\nx,1.5,rose\ny; z,2.5,lily\nx,3.5,rose\n"), "species")
    assert data.features[-1] == "width"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp850"])
def test_the_encoding_can_be_asked_for(write, encoding):
    path = write(PLANTS.replace("width", "Größe"), encoding=encoding)
    assert read_table(path, "species", encoding=encoding).features == ("length", "Größe")


@pytest.mark.parametrize("mark", ";|")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_first_line_for_excel_names_the_delimiter(write, mark, encoding):
    text = "sep=;\r\na;y\r\n1;0,5\r\n2;1,5\r\n".replace(";", mark)
    assert read_table(write(text, encoding=encoding)).y.tolist() == [0.5, 1.5]
    with pytest.raises(InvalidValue, match="line 4, column 'a': 'x' is not a number"):
        read_table(write(text.replace("2", "x")))


def test_columns_can_be_left_out_by_name_and_by_number(write):
    path = write("id,name,a,y\n7,x,1,0.5\n9,z,2,1.5\n")
    for drop in (["id", "name"], "name, id", "1,2", [1, "name"]):
        data = read_table(path, drop=drop)
        assert data.features == ("a",)
        assert data.columns == ("id", "name", "a", "y")
    with pytest.raises(InvalidValue, match=r"there is no column 'nmae'. Did you mean 'name'"):
        read_table(path, drop="nmae")
    with pytest.raises(InvalidValue, match="column 'y' is the target, so it cannot be left out"):
        read_table(path, drop="y")
    with pytest.raises(InvalidValue, match="nothing is left to learn it from"):
        read_table(path, drop="1,2,3")


def test_what_looks_strange_is_said(write):
    rows = "".join(f"{(7 * k) % 31 / 2},5,{(k % 9) * 10**17},{k / 2}\n" for k in range(30))
    data = read_table(write(f"a,flat,account,y\n{rows}"))
    assert data.remarks[1:] == (
        "column 'flat' is always 5: nothing can be learned from it",
        "column 'account' has whole numbers beyond 9007199254740992, which are rounded",
    )
    assert read_table(write("a,y\n1,p\n2,p\n2,q\n")).remarks[-1] == "classes with a single row: 'q'"


def test_whole_numbers_that_floats_would_round_are_names_of_classes(write):
    rows = "".join(f"{k},{12345678901234567000 + k % 2}\n" for k in range(10))
    data = read_table(write(f"a,y\n{rows}"))
    assert data.classes == ("12345678901234567000", "12345678901234567001")
    assert data.y[:3].tolist() == [0, 1, 0]


def test_without_pandas_one_line_names_the_extra(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        MissingExtra, match=r'^tables are read by pandas, the extra "tables": .*"tinygrad_ed\[tables\]"$'
    ):
        read_table(write(PLANTS), "species")


def test_importing_the_package_does_not_import_pandas():
    code = "import sys, tinygrad_ed.cli, tinygrad_ed.train.table; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"


# --- round trips -----------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(2, 6).flatmap(
        lambda n: st.lists(
            st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=n, max_size=n), min_size=2, max_size=8
        )
    ),
    mark=st.sampled_from(",;\t"),
    header=st.booleans(),
)
def test_numbers_written_are_the_numbers_read(tmp_path_factory, rows, mark, header):
    for k, row in enumerate(rows):
        row[-1] = k + 0.5  # a target that is not constant
    path = tmp_path_factory.mktemp("round") / "data.csv"
    names = [mark.join(f"n{k}" for k in range(1, len(rows[0]) + 1))] if header else []
    path.write_text("\n".join(names + [mark.join(map(repr, row)) for row in rows]))
    data = read_table(path, target=len(rows[0]), keep=[*range(1, len(rows[0]))], decimal="point")
    assert data.x.tolist() == [row[:-1] for row in rows]
    assert data.y.tolist() == [row[-1] for row in rows]
    assert data.features[0] == ("n1" if header else "c1")


def test_iris_through_a_csv_file_and_an_npz_file(tmp_path):
    data = iris()
    names = [data.classes[k] for k in data.y]
    lines = [",".join([*map(repr, row), name]) for row, name in zip(data.x.tolist(), names, strict=True)]
    (tmp_path / "iris.csv").write_text("\n".join([",".join([*data.features, "species"]), *lines]))
    np.savez(tmp_path / "iris.npz", X=data.x, species=np.array(names))
    for name in ("iris.csv", "iris.npz"):
        read = read_table(tmp_path / name, "species")
        assert (read.x == data.x).all()
        assert (read.y == data.y).all()
        assert read.said == data.said
