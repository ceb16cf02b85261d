"""CSV files: from text to columns of numbers, and the line and column of the first thing that is wrong.

Lines are counted as an editor counts them: a header and blank lines count, and a row whose quoted cells
span several lines has the number of its first.
"""

import csv
import difflib
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tinygrad_ed.data.dataset import Array
from tinygrad_ed.errors import FileProblem, InvalidValue, nearest

MISSING = {"", "?", "nan", "na", "n/a", "null"}


def read_csv(path: Path, target: str | int, header: str, kind: str) -> tuple[Array, list[str], str, Array, str]:
    """Return x `(N, n)`, the names of its columns, the name and the values of the target, and a note on the header."""
    lines, rows = _rows(path)
    has_header = header == "yes" or (header == "auto" and _looks_like_header(rows[0], rows[1:101], target))
    names = [f"c{k}" for k in range(1, len(rows[0]) + 1)]
    note = f"no header line, so the columns are c1 ... {names[-1]}"
    if has_header:
        unnamed = [name for name, cell in zip(names, rows[0], strict=True) if not cell]
        note = f"without a name in the header: {', '.join(unnamed)}" if unnamed else ""
        names = [cell or name for name, cell in zip(names, rows[0], strict=True)]
        lines, rows = lines[1:], rows[1:]
    if not rows:
        raise InvalidValue("there is no data below the header")
    chosen = _find(names, target, "" if has_header else " (no line was taken for a header, see header='yes')")
    columns = dict(enumerate(zip(*rows, strict=True)))
    values = _target(columns.pop(chosen), lines, names[chosen], kind)
    if not columns:
        raise InvalidValue(
            f"the only column is {names[chosen]!r}: nothing is left to learn it from "
            "(cells are separated by tab, semicolon or comma)"
        )
    advice = "; inputs must be numbers, so write it as numbers or leave the column out"
    x = np.column_stack([_numbers(cells, lines, names[k], advice) for k, cells in columns.items()])
    return x, [names[k] for k in columns], names[chosen], values, note


def _rows(path: Path) -> tuple[list[int], list[list[str]]]:
    """Return the line number and the cells of each row that is not blank, white space trimmed to single spaces."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except UnicodeDecodeError as error:
        raise FileProblem(
            f"byte {error.start + 1} is not UTF-8 text; save the file as 'CSV UTF-8' or with the encoding UTF-8"
        ) from None
    lines: list[int] = []
    rows: list[list[str]] = []
    line = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append(line)
                rows.append([" ".join(cell.split()) for cell in row])
                if len(row) != len(rows[0]):
                    raise InvalidValue(f"line {line} has {len(row)} cells, but line {lines[0]} has {len(rows[0])}")
            line = reader.line_num + 1
    except csv.Error as error:
        raise FileProblem(f"line {line}: {error}; check the quotes") from None
    if not rows:
        raise FileProblem("the file is empty: it has only blank lines")
    return lines, rows


def _delimiter(text: str) -> str:
    """Return the first of tab, semicolon and comma that splits the first row."""
    for mark in "\t;":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
        if len(next((row for row in rows if any(cell.strip() for cell in row)), [])) > 1:
            return mark
    return ","


def _looks_like_header(first: list[str], below: list[list[str]], target: str | int) -> bool:
    texts = [k for k, cell in enumerate(first) if _number(cell) is None and cell.lower() not in MISSING]
    return any(first[k] == target or 2 * sum(_number(row[k]) is not None for row in below) >= len(below) for k in texts)


def _find(names: list[str], target: str | int, remark: str) -> int:
    """Return the position of the target among the names; a number that is no name counts from 1."""
    same = [k for k, name in enumerate(names) if name == target]
    if len(same) > 1:
        raise InvalidValue(f"{len(same)} columns are called {target!r}; give the number of the column, from 1")
    if same:
        return same[0]
    if str(target).isdecimal() and 1 <= int(target) <= len(names):
        return int(target) - 1
    known = names if len(names) <= 20 else difflib.get_close_matches(str(target), names, n=5, cutoff=0)
    raise InvalidValue(f"there is no column {target!r}{remark}. {nearest(target, known)}")


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _numbers(cells: Iterable[str], lines: Iterable[int], name: str, advice: str) -> Array:
    """Return the cells as floats, or say which of them is none, and the advice."""
    values = []
    for line, cell in zip(lines, cells, strict=True):
        value = _number(cell)
        if value is None or not math.isfinite(value):
            raise _bad_cell(line, name, cell, advice)
        values.append(value)
    return np.array(values)


def _bad_cell(line: int, name: str, cell: str, advice: str) -> InvalidValue:
    where = f"line {line}, column {name!r}"
    if cell.lower() in MISSING:
        return InvalidValue(f"{where}: a value is missing ({cell!r}); fill it in or take the line out")
    shown = repr(cell if len(cell) <= 40 else cell[:37] + "...")
    if _number(cell) is not None:
        return InvalidValue(f"{where}: {shown} is not finite; correct it or take the line out")
    if _number(cell.replace(",", ".", 1)) is not None:
        advice = "; write a point in place of the decimal comma"
    return InvalidValue(f"{where}: {shown} is not a number{advice}")


def _target(cells: Sequence[str], lines: Sequence[int], name: str, kind: str) -> Array:
    """Return the target as floats or as text; mostly numbers with a few texts among them is taken for a slip."""
    texts = sum(_number(cell) is None for cell in cells)
    if (kind == "classes" and texts) or (kind == "auto" and 2 * texts > len(cells)):
        for line, cell in zip(lines, cells, strict=True):
            if cell == "" or (kind == "auto" and cell.lower() in MISSING):
                raise _bad_cell(line, name, cell, "")
        return np.array(cells)
    return _numbers(cells, lines, name, "; kind='classes' reads the target as names of classes")
