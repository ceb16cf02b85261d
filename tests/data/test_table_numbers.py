"""How numbers in a table are written: decimal marks, marks of thousands, and what is asked about."""

import pytest

from tinygrad_ed.data import read_table
from tinygrad_ed.data.cells import Marks
from tinygrad_ed.errors import InvalidValue


def column(write, cells, others=("0", "1", "5"), **options):
    """The inputs of a table with the cells in one column, separated by semicolons."""
    rows = [f"{cell};{others[k % len(others)]};{k}" for k, cell in enumerate(cells)]
    return read_table(write("\n".join(["a;b;y", *rows])), keep="a,b", **options)


@pytest.mark.parametrize(
    ("cells", "numbers", "said"),
    [
        (["1,5", "2,25", "-0,5"], [1.5, 2.25, -0.5], "decimal comma"),
        (["1.5", "2.25", "-.5"], [1.5, 2.25, -0.5], "decimal point"),
        (["1.234,5", "12", "2.345,0"], [1234.5, 12.0, 2345.0], "decimal comma; marks of thousands: point"),
        (["1,234,567", "12", "2,345"], [1234567.0, 12.0, 2345.0], "decimal point; marks of thousands: comma"),
        (["1,234.5", "12", "2,345"], [1234.5, 12.0, 2345.0], "decimal point; marks of thousands: comma"),
        (["1 234,5", "12", "2\u202f345,0"], [1234.5, 12.0, 2345.0], "decimal comma; marks of thousands: space"),
        (["1'234.5", "12", "2’345.0"], [1234.5, 12.0, 2345.0], "decimal point; marks of thousands: apostrophe"),
        (["1e3", "1.5e-3", "+2E2"], [1000.0, 0.0015, 200.0], "decimal point"),
        (["0,123", "0,456", "1,234"], [0.123, 0.456, 1.234], "decimal comma"),
    ],
)
def test_what_the_cells_prove(write, cells, numbers, said):
    data = column(write, cells)
    assert data.x[:, 0].tolist() == numbers
    assert f"; {said}; gaps" in data.remarks[0]


@pytest.mark.parametrize(("mark", "name"), [(",", "comma"), (".", "point")])
@pytest.mark.parametrize("place", ["input", "target"])
@pytest.mark.parametrize("beside", [[], ["950"]])
def test_a_number_that_can_be_read_in_two_ways_is_asked_about(write, mark, name, place, beside):
    cells = [f"{k}{mark}{k}34" for k in range(1, 8)] * 3 + beside
    rows = [f"{cell};{k % 5}" if place == "input" else f"{k % 5};{cell}" for k, cell in enumerate(cells)]
    path = write("\n".join(["a;y", *rows]))
    ask = rf"column '{'a' if place == 'input' else 'y'}': is '1\{mark}134' the number 1\.134 or 1134\? "
    with pytest.raises(
        InvalidValue, match=rf"{ask}Say decimal='{name}' for the first, thousands='{name}' for the second"
    ):
        read_table(path)
    small, large = read_table(path, decimal=name), read_table(path, thousands=name)
    found = [data.x[0, 0] if place == "input" else data.y[0] for data in (small, large)]
    assert found == [1.134, 1134.0]
    assert (small.classes, large.classes) == (None, None)


def test_a_column_of_950_and_1_234_is_asked_about_though_commas_are_decimals_elsewhere(write):
    assert column(write, ["1,234", "2,345"], ("0,5", "7,1")).x[:, 0].tolist() == [1.234, 2.345]
    with pytest.raises(InvalidValue, match=r"column 'a': is '1,234' the number 1\.234 or 1234\?"):
        column(write, ["950", "1,234"], ("0,5", "7,1"))
    assert column(write, ["950", "1,234"], ("0.5", "7.1")).x[:, 0].tolist() == [950, 1234]


def test_two_decimal_marks_in_one_file_are_refused(write):
    with pytest.raises(
        InvalidValue, match=r"'1.5' in column 'b' is read with a decimal point, but '2,5' in column 'a' with"
    ):
        column(write, ["2,5", "3"], ("1.5", "2"))
    with pytest.raises(InvalidValue, match=r"line 2, column 'a': '2,5' is not a number; .*a decimal point here"):
        column(write, ["2,5", "3", "4"], ("1.5", "2"), decimal="point")


@pytest.mark.parametrize("words", [{"decimal": "comma"}, {"thousands": "none"}])
def test_without_marks_of_thousands_a_comma_is_a_decimal(write, words):
    assert column(write, ["1,234", "2,345"], **words).x[:, 0].tolist() == [1.234, 2.345]


def test_one_mark_cannot_be_both(write):
    with pytest.raises(InvalidValue, match="comma is the decimal mark, so it is no mark of thousands"):
        column(write, ["1,234", "2,345"], decimal="comma", thousands="comma")


def test_a_price_with_marks_of_thousands_is_a_number(write):
    """Twelve prices, five times each, are no twelve classes."""
    rows = "".join(f'{k % 7 / 2},"{1000 + 100 * (k % 12):,}"\n' for k in range(60))
    data = read_table(write(f"a,price\n{rows}"), "price")
    assert data.classes is None
    assert data.y[:2].tolist() == [1000.0, 1100.0]


@pytest.mark.parametrize("cell", ["${}.50", "{} €", "EUR {}", "{}%"])
@pytest.mark.parametrize("target", ["a", "y"])
def test_numbers_with_their_unit_are_refused(write, cell, target):
    rows = "".join(f"{cell.format(k % 4)},{k / 7}\n" for k in range(20))
    with pytest.raises(
        InvalidValue, match=r"column 'a' holds numbers with their unit, such as .*; write the numbers alone"
    ):
        read_table(write(f"a,y\n{rows}"), target)


@pytest.mark.parametrize(
    "cell", ["1,23,456", "12,34", "0,123,456", "1,2345", "1_000", "١", "0x10", "1e", "e5", ".", ",", "+", "1 2"]
)
def test_what_is_no_number_with_a_decimal_point(cell):
    number = Marks().number(cell)
    assert number != number
