"""Tables in CSV files that cannot be learned from are refused with one clear line."""

import os

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
        ("a,y\n1,2\n3\n", "y", InvalidValue, r"line 3, column 'y': a value is missing \(''\)"),
        ("\na,y\n\n1,2\n\n3,4,5\n", "y", InvalidValue, "line 6 has 3 cells, but line 2 has 2; .* by comma"),
        (
            "a,y\n1,2\nred,3\n",
            "y",
            InvalidValue,
            "line 3, column 'a': 'red' is not a number; correct",
        ),
        ("a,y\n1_000,2\n3,3\n5,3\n", "y", InvalidValue, "line 2, column 'a': '1_000' is not a number"),
        ('"a\nb",y\n"1\n",2\n\nx,3\n', "y", InvalidValue, "line 6, column 'a b': 'x' is not a number"),
        ("a,y\n1,2\n", "y", InvalidValue, "there is one row of data; a network learns from several"),
        ("a,b,a,y\n1,2,3,4\n2,3,4,5\n", "y", InvalidValue, r"columns 1 and 3 are both called 'a'; .*drop='3'"),
        ("a!y\n1!2\n2!3\n", "y", InvalidValue, "no column 'y' .*separator: comma, see option separator"),
        (
            "a,b,y\n1,,2\n,NA,3\n5,6,4\n",
            "y",
            InvalidValue,
            r"line 3, column 'a': a value is missing .*\(3 are missing in all: a 1, b 2\); fill it in, leave such "
            "lines out by missing='skip', or have inputs filled by missing='mean' or missing='median'",
        ),
        ("a,b,y\n1,2,2\n3,,\n5,6,\n", "y", InvalidValue, r"column 'b': .*\(3 are missing in all: b 1, y 2\)"),
        ("a,y\n1,2\nNaN,3\n", "y", InvalidValue, r"line 3, column 'a': a value is missing \('NaN'\)"),
        ("a,y\n1,2\n-inf,3\n", "y", InvalidValue, "line 3, column 'a': '-inf' is not finite; correct it"),
        ("a,y\n1,2\n1e999,3\n", "y", InvalidValue, "line 3, column 'a': '1e999' is not finite"),
        (f"a,y\n1,2\n{'9' * 5000},3\n", "y", InvalidValue, r"line 3, column 'a': '9+\.\.\.' is not fin"),
        ("a,y\n1,2\n2,\n", "y", InvalidValue, r"line 3, column 'y': a value is missing \(''\)"),
        ("a,y\n1,p\n2,NA\n3,q\n", "y", InvalidValue, r"line 3, column 'y': a value is missing \('NA'\)"),
        (
            "a,y\n1,2\n2,x\n3,4\n",
            "y",
            InvalidValue,
            "line 3, column 'y': 'x' is not a number; .* or say kind='classes'",
        ),
        (
            "a,width\n1,2\n",
            "widht",
            InvalidValue,
            "no column 'widht' .separator: comma, see option separator.. Did you mean 'width'\\? Known: a, width",
        ),
        ("a,y\n1,2\n", 3, InvalidValue, "there is no column 3"),
        ("a,y\n1,2\n", 0, InvalidValue, "there is no column 0"),
        ("a,y\n1,2\n", "9" * 5000, InvalidValue, "there is no column '9"),
        (
            "1,2\n3,4\n",
            "y",
            InvalidValue,
            r"no column 'y' \(no line was taken for a header, see option header\).*Known: c1",
        ),
        ("y,y\n1,2\n3,4\n", "y", InvalidValue, "2 columns are called 'y'; give the number of the column"),
        ("y\n1\n2\n", "y", InvalidValue, "the only column is 'y': nothing is left to learn it from"),
        ("a,y\n1,p\n2,p\n", "y", InvalidValue, "target 'y' is always 'p': there is nothing to learn"),
        ("a,y\n1,2.5\n2,2.5\n", "y", InvalidValue, "target 'y' is always '2.5': there is nothing to learn"),
        ('\na,y\n1,"p\n2,q\n', "y", FileProblem, "line 3: a quote is opened and not closed; check the quotes"),
    ],
)
def test_bad_csv_gets_one_clear_line(write, text, target, error, message):
    with pytest.raises(error, match=rf"data\.csv': .*{message}") as caught:
        read_table(write(text), target)
    assert "\n" not in str(caught.value)


def test_long_cells_are_cut_in_the_message(write):
    for length in (500, 200_000):  # Python's own csv reader takes 131,072
        with pytest.raises(InvalidValue, match=r"'aaaaaaaaaa.{27}\.\.\.' is not a number"):
            read_table(write(f"a,y\n{'a' * length},1\n2,3\n"))


def test_a_wide_table_names_only_the_nearest_columns(write):
    header = ",".join([*(f"pixel{k}" for k in range(100)), "label"])
    with pytest.raises(InvalidValue, match=r"no column 'lable'. Did you mean 'label'") as caught:
        read_table(write(f"{header}\n{','.join(['1'] * 101)}\n"), "lable")
    assert len(str(caught.value).split("Known: ")[1].split(",")) == 5


def test_bytes_that_are_no_text_are_refused(write, tmp_path):
    with pytest.raises(FileProblem, match="it is no text in utf-8; name its encoding"):
        read_table(write("grün,y\n1,2\n", encoding="latin-1"), encoding="utf-8")
    (tmp_path / "odd.csv").write_bytes(b"gr\x81n,y\n1,2\n")
    with pytest.raises(FileProblem, match="it is no text in utf-8 or cp1252; name its encoding"):
        read_table(tmp_path / "odd.csv")
    with pytest.raises(FileProblem, match="it holds zeros, so it is no text in utf-8; perhaps in utf-16-le"):
        read_table(write("a,y\n1,2\n", encoding="utf-16-le"))
    with pytest.raises(InvalidValue, match="encoding 'utf8000' is not known"):
        read_table(write("a,y\n1,2\n"), encoding="utf8000")


# --- files -----------------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_named(tmp_path, write):
    with pytest.raises(FileProblem, match=r"nowhere\.csv': there is no such file \(seen from the folder"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(FileProblem, match=r"this is a folder; name a .csv or .npz file in it"):
        read_table(tmp_path)
    with pytest.raises(FileProblem, match=r"read from .csv, .tsv, .txt, .data and .npz files, not '\.xlsx'"):
        read_table(write("a,y\n", "data.xlsx"))
    with pytest.raises(FileProblem, match=r"data\.csv/x\.csv': the file cannot be read: Not a directory"):
        read_table(write(PLANTS) / "x.csv")
    with pytest.raises(OSError, match="there is no such file"):
        read_table(str(tmp_path / "nowhere.npz"))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileProblem, match="this is a pipe or a device, and no file"):
        read_table(tmp_path / "pipe.csv")


@pytest.mark.parametrize("option", ["header", "kind", "missing", "categories", "decimal", "thousands", "separator"])
def test_unknown_options_are_refused(write, option):
    with pytest.raises(InvalidValue, match=f"{option} 'commas' is not known.*Known: "):
        read_table(write(PLANTS), "species", **{option: "commas"})
