"""CSV files: from cells to columns of numbers, and the line and column of the first thing that is wrong."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinygrad_ed.data.columns import Found, Rows, Which, find, left_out, shown, unique
from tinygrad_ed.data.csv_text import MISSING, Cells, read_cells
from tinygrad_ed.data.dataset import Array
from tinygrad_ed.errors import InvalidValue, nearest

EXACT = 2**53  # whole numbers beyond are rounded as floats

SEPARATED = "cells are separated by tab, semicolon or comma"

_GROUPED = re.compile(r"[+-]?\d{1,3}([.,' ]\d{3})+([.,]\d+)?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")


def read_csv(
    path: Path,
    target: Which,
    header: str = "auto",
    kind: str = "auto",
    drop: str | Sequence[Which] = (),
    missing: str = "refuse",
    decimal: str = "auto",
) -> Found:
    """Return the columns of a file, the target apart."""
    cells = read_cells(path, header, decimal, [target])
    names = cells.names
    remark = "" if cells.header else " (no line was taken for a header, see header='yes')"
    at = find(names, target, remark if len(names) > 1 else f"{remark} ({SEPARATED})")
    out = left_out(names, at, drop)
    nothing = [k for k, name in enumerate(names) if name == f"c{k + 1}" and k != at and not any(cells.columns[k])]
    used = [k for k in range(len(names)) if k not in {at, *out, *nothing}]
    if not used:
        raise InvalidValue(f"the only column is {names[at]!r}: nothing is left to learn it from ({SEPARATED})")
    unique(names, used)
    cells = _without_gaps(cells, [*used, at]) if missing == "skip" else cells
    _no_text(cells, used)
    values = _target(cells, at, kind)
    x = np.column_stack([_numbers(cells, k, used, "; inputs must be numbers, so write it as one") for k in used])
    return Found(x, [names[k] for k in used], names[at], values, names, cells.remarks)


def read_csv_rows(
    path: Path, features: Sequence[str], target: str, columns: Sequence[str], header: str, decimal: str
) -> Rows:
    """Return the columns of these names; a file without a header has them in the order of the `columns`."""
    cells = read_cells(path, header, decimal, features)
    if not cells.header:
        cells = cells._replace(names=_by_order(cells, features, target, columns, header))
    absent = [name for name in features if name not in cells.names]
    if absent:
        raise InvalidValue(
            f"there is no column {', '.join(map(repr, absent))}, which the network was trained on. "
            f"{nearest(absent[0], shown(absent[0], cells.names))}"
        )
    used = [find(cells.names, name) for name in features]
    _no_text(cells, used, learning=False)
    x = np.column_stack([_numbers(cells, k, [], "; the network was trained on numbers there") for k in used])
    given = [k for k, name in enumerate(cells.names) if name == target]
    unused = [name for k, name in enumerate(cells.names) if k not in {*used, *given}]
    known = list(cells.columns[given[0]]) if len(given) == 1 else None
    if known and cells.comma:
        known = [cell if cells.number(cell) is None else cell.replace(",", ".", 1) for cell in known]
    return Rows(x, "line", cells.lines, known, unused)


def _by_order(cells: Cells, features: Sequence[str], target: str, columns: Sequence[str], header: str) -> list[str]:
    """Name columns by order: all of the table that was learned from, all but the target, or the inputs."""
    if header != "no" and list(columns) != [f"c{k + 1}" for k in range(len(columns))]:
        raise InvalidValue(
            f"the first line does not name the columns {', '.join(features)}, which the network was trained on; "
            "write them there, or say header='no' if the columns are in their old order"
        )
    for names in (list(columns), [name for name in columns if name != target], list(features)):
        if len(names) == len(cells.names):
            return names
    raise InvalidValue(
        f"there are {len(cells.names)} columns, but the network takes {len(features)} ({', '.join(features)})"
    )


def _without_gaps(cells: Cells, used: Sequence[int]) -> Cells:
    """Leave out the rows in which one of the columns lacks a value."""
    rows = range(len(cells.lines))
    whole = [i for i in rows if all([cells.columns[k][i].lower() not in MISSING for k in used])]
    if not whole:
        raise InvalidValue("every line lacks a value; leave the columns out that are mostly empty (drop)")
    gone = [cells.lines[i] for i in sorted(set(rows) - set(whole))]
    if not gone:
        return cells
    shown = ", ".join(map(str, gone if len(gone) <= 8 else [*gone[:7], "..."]))
    return cells._replace(
        columns=[tuple([column[i] for i in whole]) for column in cells.columns],
        lines=[cells.lines[i] for i in whole],
        remarks=[*cells.remarks, f"{len(gone)} of {len(rows)} lines lack a value and are left out: {shown}"],
    )


def _no_text(cells: Cells, used: Sequence[int], learning: bool = True) -> None:
    """Refuse empty columns, and all columns of text at once.

    A few texts among numbers are slips, and are refused with their line later.
    """
    texts = {}
    for k in used:
        there = [cell for cell in cells.columns[k] if cell.lower() not in MISSING]
        wrong = [cell for cell in there if cells.number(cell) is None and not _with_comma(cell)]
        if 2 * len(wrong) > len(there):
            texts[k] = wrong[0]
        elif not there:
            hint = f"; leave it out (drop={cells.names[k]!r})" if learning else ""
            raise InvalidValue(f"column {cells.names[k]!r} is empty{hint}")
    if not texts:
        return
    held = ", ".join([f"{cells.names[k]!r} (such as {_short(cell)})" for k, cell in texts.items()])
    where = f"text in {'column' if len(texts) == 1 else 'columns'} {held}"
    if grouped := [cell for cell in texts.values() if _GROUPED.fullmatch(cell)]:
        raise InvalidValue(f"{where}: {grouped[0]!r} has marks of thousands; write numbers without them")
    if not learning:
        raise InvalidValue(f"{where}, but the network was trained on numbers there")
    names = ",".join([cells.names[k] if "," not in cells.names[k] else str(k + 1) for k in texts])
    dates = "a date becomes the number of days since some day; " if any(map(_DATE.fullmatch, texts.values())) else ""
    raise InvalidValue(
        f"{where}, but inputs must be numbers: leave it out (drop={names!r}), or write numbers in its place "
        f"({dates}a category becomes a column of 0 and 1 for each of its values)"
    )


def _numbers(cells: Cells, k: int, used: Sequence[int], advice: str) -> Array:
    """Return column k as floats, or say which of its cells is none, and the advice."""
    values = []
    for line, cell in zip(cells.lines, cells.columns[k], strict=True):
        value = cells.number(cell)
        if value is None or not math.isfinite(value):
            raise _bad_cell(cells, k, line, cell, advice, used)
        values.append(value)
    return np.array(values)


def _bad_cell(cells: Cells, k: int, line: int, cell: str, advice: str, used: Sequence[int]) -> InvalidValue:
    where = f"line {line}, column {cells.names[k]!r}"
    if cell.lower() in MISSING:
        if not used:
            return InvalidValue(f"{where}: a value is missing ({cell!r}); fill it in or take the line out")
        gaps = {j: sum(each.lower() in MISSING for each in cells.columns[j]) for j in dict.fromkeys([k, *used])}
        more = ", ".join([f"{cells.names[j]} {count}" for j, count in gaps.items() if count])
        all_of_them = f" ({sum(gaps.values())} are missing in all: {more})" if sum(gaps.values()) > 1 else ""
        return InvalidValue(
            f"{where}: a value is missing ({cell!r}); fill it in or take the line out{all_of_them}; "
            "missing='skip' leaves such lines out"
        )
    if (value := cells.number(cell)) is not None and not math.isnan(value):
        return InvalidValue(f"{where}: {_short(cell)} is not finite; correct it or take the line out")
    if cells.comma and "." in cell:
        advice = "; the numbers of this file have a decimal comma, and no point (see decimal='point')"
    elif _with_comma(cell):
        advice = "; write a point in place of the decimal comma, or say decimal='comma'"
    return InvalidValue(f"{where}: {_short(cell)} is not a number{advice}")


def _with_comma(cell: str) -> bool:
    """Tell whether it would be a number with a point in place of its comma."""
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return "," in cell


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def _target(cells: Cells, at: int, kind: str) -> Array:
    """Return the target as floats or as text; mostly numbers with a few texts among them is taken for a slip."""
    column = cells.columns[at]
    values = [cells.number(cell) for cell in column]
    texts = sum(value is None for value in values)
    # Whole numbers that a float does not hold exactly are names, such as those of accounts.
    long = any([cell.isdecimal() and int(cell) > EXACT for cell in column])
    if (kind == "classes" and (texts or long)) or (kind == "auto" and (2 * texts > len(column) or long)):
        for line, cell in zip(cells.lines, column, strict=True):
            if cell == "" or (kind == "auto" and cell.lower() in MISSING):
                raise _bad_cell(cells, at, line, cell, "", [at])
        return np.array(column)
    return _numbers(
        cells,
        at,
        [at],
        "; correct it or take the line out, or say kind='classes' to read the target as names of classes",
    )
