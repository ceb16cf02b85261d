"""Tables in CSV files that cannot be learned from are refused with one clear line."""

import pytest
from test_table import PLANTS

from tinygrad_ed.data import read_table
from tinygrad_ed.errors import FileProblem, InvalidValue


@pytest.mark.parametrize(
    ("text", "target", "error", "message"),
    [
        ("", "y", FileProblem, "the file is empty"),
        ("\ufeff", "y", FileProblem, "the file is empty: it has only blank lines"),
        ("\n \n,,\n", "y", FileProblem, "only blank lines"),
        ("a,y\n", "y", InvalidValue, "there is no data below the header"),
        ("a,y\n1,2\n3\n", "y", InvalidValue, "line 3 has 1 cells, but line 1 has 2"),
        ("\na,y\n\n1,2\n\n3,4,5\n", "y", InvalidValue, "line 6 has 3 cells, but line 2 has 2"),
        (
            "a,y\n1,2\nred,3\n",
            "y",
            InvalidValue,
            "line 3, column 'a': 'red' is not a number; inputs must be numbers, so write",
        ),
        ("a,y\n1_000,2\n3,3\n5,3\n", "y", InvalidValue, "line 2, column 'a': '1_000' is not a number"),
        ('"a\nb",y\n"1\n",2\n\nx,3\n', "y", InvalidValue, "line 6, column 'a b': 'x' is not a number"),
        (
            "a;y\n1,5;2\n2.5;3\n",
            "y",
            InvalidValue,
            "line 2, column 'a': '1,5' is not a number; write a point in place of",
        ),
        (
            'a,y\n"1,5",2\n2,3\n',
            "y",
            InvalidValue,
            "'1,5' is not a number; .* or say decimal='comma'",
        ),
        (
            "a;y\n1,234;5\n2,345;6\n",
            "y",
            InvalidValue,
            "'1,234' may be 1.234 or 1234: say decimal='comma' for the first",
        ),
        ("a;y\n1.241,66;5,5\n12.345,00;6,5\n", "y", InvalidValue, "'1.241,66' has marks of thousands; write numbers"),
        ("a,y\n1,2\n", "y", InvalidValue, "there is one row of data; a network learns from several"),
        ("a,b,a,y\n1,2,3,4\n2,3,4,5\n", "y", InvalidValue, r"columns 1 and 3 are both called 'a'; .*drop='3'"),
        ("a,b,y\n1,,2\n2,,3\n", "y", InvalidValue, "column 'b' is empty; leave it out .drop='b'"),
        ("a|y\n1|2\n2|3\n", "y", InvalidValue, "no column 'y' .*cells are separated by tab, semicolon or comma"),
        (
            "name,sex,when,y\nA,m,2024-01-02,1\nB,f,2024-01-03,2\n",
            "y",
            InvalidValue,
            r"text in columns 'name' \(such as 'A'\), 'sex' \(such as 'm'\), 'when' .*leave it out "
            r"\(drop='name,sex,when'\), or .*a date becomes the number of days .*a category becomes a column of 0 ",
        ),
        (
            "a,b,y\n1,,2\n,NA,3\n5,6,4\n",
            "y",
            InvalidValue,
            r"line 3, column 'a': a value is missing .*\(3 are missing in all: a 1, b 2\); missing='skip' leaves",
        ),
        ("a,y\n1,2\n,3\n", "y", InvalidValue, r"line 3, column 'a': a value is missing \(''\); fill it in or take"),
        ("a,y\n1,2\nNaN,3\n", "y", InvalidValue, r"line 3, column 'a': a value is missing \('NaN'\)"),
        ("a,y\n1,2\n-inf,3\n", "y", InvalidValue, "line 3, column 'a': '-inf' is not finite; correct it"),
        ("a,y\n1,2\n1e999,3\n", "y", InvalidValue, "line 3, column 'a': '1e999' is not finite"),
        ("a,y\n1,2\n2,\n", "y", InvalidValue, r"line 3, column 'y': a value is missing \(''\)"),
        ("a,y\n1,p\n2,NA\n3,q\n", "y", InvalidValue, r"line 3, column 'y': a value is missing \('NA'\)"),
        (
            "a,width\n1,2\n",
            "widht",
            InvalidValue,
            "there is no column 'widht'. Did you mean 'width'\\? Known: a, width",
        ),
        ("a,y\n1,2\n", 3, InvalidValue, "there is no column 3"),
        ("a,y\n1,2\n", 0, InvalidValue, "there is no column 0"),
        (
            "1,2\n3,4\n",
            "y",
            InvalidValue,
            r"no column 'y' \(no line was taken for a header, see header='yes'\). Known: c1",
        ),
        ("y,y\n1,2\n3,4\n", "y", InvalidValue, "2 columns are called 'y'; give the number of the column"),
        ("y\n1\n2\n", "y", InvalidValue, "the only column is 'y': nothing is left to learn it from"),
        ("a,y\n1,p\n2,p\n", "y", InvalidValue, "target 'y' is always 'p': there is nothing to learn"),
        ("a,y\n1,2.5\n2,2.5\n", "y", InvalidValue, "target 'y' is always 2.5: there is nothing to learn"),
        ('a,y\n1,"p\n2,q\n', "y", FileProblem, "line 2: unexpected end of data; check the quotes"),
        ('a,y\n1,2\n"1" 5,q\n', "y", FileProblem, "line 3: .* check the quotes"),
    ],
)
def test_bad_csv_gets_one_clear_line(write, text, target, error, message):
    with pytest.raises(error, match=rf"data\.csv': .*{message}") as caught:
        read_table(write(text), target)
    assert "\n" not in str(caught.value)


def test_long_cells_are_cut_in_the_message(write):
    with pytest.raises(InvalidValue, match=r"'aaaaaaaaaa.{27}\.\.\.' is not a number"):
        read_table(write(f"a,y\n{'a' * 500},1\n2,3\n"))


def test_a_wide_table_names_only_the_nearest_columns(write):
    header = ",".join([*(f"pixel{k}" for k in range(100)), "label"])
    with pytest.raises(InvalidValue, match=r"no column 'lable'. Did you mean 'label'") as caught:
        read_table(write(f"{header}\n{','.join(['1'] * 101)}\n"), "lable")
    assert len(str(caught.value).split("Known: ")[1].split(",")) == 5


def test_text_that_is_not_utf8_is_refused(write):
    with pytest.raises(FileProblem, match="byte 3 is not UTF-8 text; save the file as 'CSV UTF-8'"):
        read_table(write("grün,y\n1,2\n", encoding="latin-1"))


# --- files -----------------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_named(tmp_path, write):
    with pytest.raises(FileProblem, match=r"nowhere\.csv': there is no such file \(seen from the folder"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(FileProblem, match=r"this is a folder; name a .csv or .npz file in it"):
        read_table(tmp_path)
    with pytest.raises(FileProblem, match=r"read from .csv, .tsv, .txt and .npz files, not '\.xlsx'"):
        read_table(write("a,y\n", "data.xlsx"))
    with pytest.raises(FileProblem, match=r"data\.csv/x\.csv': the file cannot be read: Not a directory"):
        read_table(write(PLANTS) / "x.csv")
    with pytest.raises(OSError, match="there is no such file"):
        read_table(str(tmp_path / "nowhere.npz"))


def test_unknown_options_are_refused(write):
    with pytest.raises(InvalidValue, match=r"kind 'class' is not known. Did you mean 'classes'"):
        read_table(write(PLANTS), "species", kind="class")
    with pytest.raises(InvalidValue, match=r"header 'true' is not known. Known: auto, no, yes"):
        read_table(write(PLANTS), "species", header="true")
