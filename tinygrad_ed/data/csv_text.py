"""From the text of a CSV file to cells: delimiter, header, decimal mark, and where each row stands.

Lines are counted as an editor counts them: a header and blank lines count, and a row whose quoted cells
span several lines has the number of its first.
"""

import csv
import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from tinygrad_ed.data.columns import numbered
from tinygrad_ed.errors import FileProblem, InvalidValue

MISSING = {"", "?", "nan", "na", "n/a", "null", "none", "-"}

_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_SEPARATOR = re.compile(r"(sep=(\S))\s*?[\r\n]", re.IGNORECASE)  # a first line by which Excel is told
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


class Cells(NamedTuple):
    """A table of text."""

    names: list[str]
    """Of the columns: from the header, else c1, c2, ..."""
    columns: list[tuple[str, ...]]
    lines: list[int]
    header: bool
    comma: bool
    """Whether its numbers have a decimal comma."""
    remarks: list[str]

    def number(self, cell: str) -> float | None:
        """Return the number in a cell, which may be infinite or NaN; None if there is none."""
        if "_" in cell:
            return None
        if self.comma:
            if "." in cell:
                return None
            cell = cell.replace(",", ".", 1)
        try:
            return float(cell)
        except ValueError:
            return None


def read_cells(path: Path, header: str, decimal: str, known: Collection[str | int]) -> Cells:
    """Read a file; one of the `known` names in its first line makes that a header.

    Raises:
        FileProblem: for a file that is no UTF-8 text, has only blank lines, or a stray quote.
        InvalidValue: for rows of different lengths, no row of data, or commas that may mean decimals or thousands.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except UnicodeDecodeError as error:
        raise FileProblem(
            f"byte {error.start + 1} is not UTF-8 text; save the file as 'CSV UTF-8' or with the encoding UTF-8"
        ) from None
    said = _SEPARATOR.match(text)
    if said:  # its place stays as a blank line, so that lines are counted as before
        text = text[said.end(1) :]
    mark = said[2] if said else _delimiter(text)
    lines, rows = _rows(text, mark)
    comma, remarks = _decimal_comma(rows, decimal, mark), []
    if comma:
        remarks.append("numbers have a decimal comma")
    bare = Cells([], [], lines, False, comma, remarks)
    has_header = header == "yes" or (header == "auto" and _looks_like_header(rows[0], rows[1:101], known, bare))
    names = numbered(len(rows[0]))
    if has_header:
        names = [cell or name for name, cell in zip(names, rows[0], strict=True)]
        empty = [not any(cells) for cells in zip(*rows, strict=True)]
        if unnamed := [name for name, cell, gone in zip(names, rows[0], empty, strict=True) if not cell and not gone]:
            remarks.append(f"without a name in the header: {', '.join(unnamed)}")
        lines, rows = lines[1:], rows[1:]
    else:
        remarks.append(f"no header line, so the columns are c1 ... {names[-1]}")
    if not rows:
        raise InvalidValue("there is no data below the header")
    return Cells(names, list(zip(*rows, strict=True)), lines, has_header, comma, remarks)


def _rows(text: str, mark: str) -> tuple[list[int], list[list[str]]]:
    """Return the line number and the cells of each row that is not blank, white space trimmed to single spaces."""
    lines: list[int] = []
    rows: list[list[str]] = []
    line = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append(line)
                rows.append([" ".join(cell.split()) for cell in row])
                if len(row) != len(rows[0]):
                    raise InvalidValue(
                        f"line {line} has {len(row)} cells, but line {lines[0]} has {len(rows[0])}; cells are "
                        f"separated by {_NAMES.get(mark, repr(mark))} here; one that holds it is put in double quotes"
                    )
            line = reader.line_num + 1
    except csv.Error as error:
        raise FileProblem(f"line {line}: {error}; check the quotes") from None
    if not rows:
        raise FileProblem("the file is empty: it has only blank lines")
    return lines, rows


_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma"}


def _delimiter(text: str) -> str:
    """Return the first of tab, semicolon and comma that splits the first row."""
    for mark in "\t;":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
        if len(next((row for row in rows if any(cell.strip() for cell in row)), [])) > 1:
            return mark
    return ","


def _decimal_comma(rows: list[list[str]], decimal: str, mark: str) -> bool:
    """Tell whether a comma is the decimal mark: where cells are not separated by commas, and no number has a point."""
    if decimal != "auto" or mark == ",":
        return decimal == "comma"
    commas = [cell for row in rows for cell in row if "," in cell and _COMMA.fullmatch(cell)]
    if not commas or any([_POINT.fullmatch(cell) for row in rows for cell in row if "." in cell]):
        return False
    if all([_THOUSANDS.fullmatch(cell) for cell in commas]):
        raise InvalidValue(
            f"{commas[0]!r} may be {commas[0].replace(',', '.')} or {commas[0].replace(',', '')}: say decimal='comma' "
            "for the first, and write numbers without marks of thousands for the second"
        )
    return True


def _looks_like_header(first: list[str], below: list[list[str]], known: Collection[str | int], cells: Cells) -> bool:
    texts = [k for k, cell in enumerate(first) if cells.number(cell) is None and cell.lower() not in MISSING]
    return any(
        first[k] in known or 2 * sum(cells.number(row[k]) is not None for row in below) >= len(below) for k in texts
    )
