"""The cells of a table: which of them are missing, which are numbers, and which mark is the decimal mark."""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_ed.errors import InvalidValue, MissingExtra, nearest

Array = NDArray[Any]

_WORDS = "? - na nan -nan n/a null none <na> #n/a #na #null! #div/0! #value! #ref! #name? #num! 1.#ind 1.#qnan"
MISSING = frozenset(["", *_WORDS.split(), "#n/a n/a", "-1.#ind", "-1.#qnan"])
"""What stands for a missing value, in small letters: what pandas takes for one, what Excel writes, "?" and "-"."""

DECIMALS = {"point": ".", "comma": ","}
THOUSANDS = {"none": "", "comma": ",", "point": ".", "space": " \u00a0\u202f\u2009", "apostrophe": "'’"}
_ANY = "".join(THOUSANDS.values())


def pandas() -> Any:
    """Return pandas, if it is installed."""
    try:
        import pandas
    except ImportError:
        raise MissingExtra(
            'tables are read by pandas, the extra "tables": python -m pip install "tinygrad_ed[tables]"'
        ) from None
    return pandas


def known(name: str, value: str, choices: Iterable[str]) -> None:
    """Refuse an unknown choice; the nearest is suggested."""
    if value not in choices:
        raise InvalidValue(f"{name} {value!r} is not known. {nearest(value, choices)}")


def short(cell: str) -> str:
    """Return a cell for a message: a long one is cut."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


class Marks(NamedTuple):
    """How numbers are written: the decimal mark, and the marks that may stand between groups of three digits.

    >>> [Marks(",").number(cell) for cell in ("1.234,5", "1,5e3", "12.34")]
    [1234.5, 1500.0, nan]
    """

    decimal: str = "."
    thousands: str = _ANY

    def number(self, cell: str) -> float:
        """Return the number in a cell, which may be infinite; NaN if there is none."""
        if not _pattern(self).fullmatch(cell):
            return np.nan
        for mark in self.thousands.replace(self.decimal, ""):
            cell = cell.replace(mark, "")
        return float(cell.replace(self.decimal, "."))

    def numbers(self, cells: Sequence[str]) -> Array:
        """Return the numbers in cells."""
        if self.decimal == "." and set("".join(cells)) <= set("0123456789+-.eE"):
            try:
                return np.array(cells, float)  # much faster, and exact as well
            except ValueError:
                pass
        return np.array([self.number(cell) for cell in cells])

    def grouped(self, cell: str) -> bool:
        """Tell whether a cell holds a number with marks of thousands."""
        return not np.isnan(self.number(cell)) and bool(np.isnan(self._replace(thousands="").number(cell)))


@functools.cache
def _pattern(marks: Marks) -> re.Pattern[str]:
    groups = "".join([mark for mark in marks.thousands if mark != marks.decimal])
    whole = rf"\d+|[1-9]\d{{0,2}}([{groups}])\d{{3}}(?:\1\d{{3}})*" if groups else r"\d+"
    decimal = re.escape(marks.decimal)
    number = rf"[+-]?(?:(?:{whole})(?:{decimal}\d*)?|{decimal}\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?"
    return re.compile(number, re.ASCII | re.IGNORECASE)


class Table(NamedTuple):
    """A table as it was found: its cells are text (of a file) or of any dtype (of arrays and DataFrames).

    Its frame is a DataFrame whose columns are numbered; `lines` has the number of the line (of a text, from 1) or row
    (from 0) of each row, and `counted` is "line" or "row". The header says whether the names stand in the table, the
    remarks how it was read, the marks how its numbers are written. `proven` has the decimal mark, if it is no guess,
    and the marks of thousands that were found.
    """

    names: list[str]
    frame: Any
    lines: Array
    counted: str
    header: bool
    remarks: list[str]
    marks: Marks = Marks(thousands="")
    proven: str = ""

    def where(self, row: int, k: int) -> str:
        """Say where a cell stands."""
        return f"{self.counted} {self.lines[row]}, column {self.names[k]!r}"

    def texts(self, k: int) -> Any:
        """Return column k as text; what is missing in a column of another dtype is empty."""
        column = self.frame[k].astype(object)
        return column if self.counted == "line" else column.where(column.notna(), "").map(_text)

    def numeric(self, k: int) -> bool:
        """Tell whether column k has a dtype of numbers (or bools)."""
        return bool(pandas().api.types.is_numeric_dtype(self.frame[k].dtype))

    def gaps(self, k: int) -> Array:
        """Return where column k lacks a value."""
        return self._each(k, lambda cells: np.array([cell.lower() in MISSING for cell in cells], bool))

    def numbers(self, k: int) -> Array:
        """Return column k as floats, NaN where no number stands."""
        if self.numeric(k):
            return np.asarray(self.frame[k].to_numpy(float, na_value=np.nan))
        return self._each(k, self.marks.numbers)

    def _each(self, k: int, what: Callable[[list[str]], Array]) -> Array:
        """Ask once for each different text."""
        codes, different = pandas().factorize(self.frame[k] if self.counted == "line" else self.texts(k))
        return np.asarray(what(list(different))[codes])

    def rows(self, kept: Array) -> "Table":
        """Return the table with some of its rows."""
        return self._replace(frame=self.frame[kept].reset_index(drop=True), lines=self.lines[kept])

    def without(self, gone: Array) -> "Table":
        """Return the table without the rows that lack a value, if some are left, and say which these are."""
        if gone.all():
            raise InvalidValue(f"every {self.counted} lacks a value; leave out what is mostly empty (option drop)")
        remark = f"{gone.sum()} of {len(gone)} {self.counted}s lack a value and are left out: {self.listed(gone)}"
        return self.rows(~gone)._replace(remarks=[*self.remarks, remark]) if gone.any() else self

    def listed(self, rows: Array) -> str:
        """Name rows, of many the first."""
        lines = [str(line) for line in self.lines[rows]]
        return ", ".join(lines if len(lines) <= 8 else [*lines[:7], "..."])

    def marked(self, used: Sequence[int], decimal: str, thousands: str, remark: str, before: str = "") -> "Table":
        """Return the table with the marks of its numbers: as asked, or as the cells of the used columns prove it.

        `0,5` and `12,34` prove a decimal comma, `0.5` and `1,234,567` a decimal point. `1,234` alone proves nothing;
        it is read as in a table `before` whose `proven` marks have its mark, and else refused.
        """
        known("decimal", decimal, ("auto", *DECIMALS))
        known("thousands", thousands, ("auto", *THOUSANDS))
        groups = _ANY if thousands == "auto" else THOUSANDS[thousands]
        if decimal == "auto" and thousands in DECIMALS:
            decimal = "comma" if thousands == "point" else "point"
        elif decimal == thousands != "auto":
            raise InvalidValue(f"{decimal} is the decimal mark, so it is no mark of thousands (option thousands)")
        texts = {k: list(filter(None, self.texts(k).unique())) for k in used if not self.numeric(k)}
        proven = DECIMALS[decimal] if decimal != "auto" else _proven(texts, self.names, groups, before)
        mark = proven or "."
        marks = Marks(mark, groups)
        signs = set(groups) - {mark}
        grouped = [cell for cells in texts.values() for cell in cells if signs & set(cell) and marks.grouped(cell)]
        signs &= set("".join(grouped))
        said = [name for name, own in THOUSANDS.items() if set(own) & signs]
        remarks = [f"decimal {'comma' if mark == ',' else 'point'}"] if texts else []
        remarks += [f"marks of thousands: {', '.join(said)}"] if said else []
        proven += "".join(sorted(signs)) if proven else ""
        return self._replace(marks=marks, proven=proven, remarks=["; ".join([*self.remarks, *remarks, remark])])


def _text(cell: Any) -> str:
    """Return a cell as text; a whole number has no fraction."""
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _proven(texts: dict[int, list[str]], names: Sequence[str], groups: str, before: str) -> str:
    """Return the decimal mark that the cells of columns of numbers prove, or those of before; "" if none."""
    point, comma = Marks(".", groups), Marks(",", groups)
    proofs: dict[str, str] = {}
    unclear = []
    for k, cells in texts.items():
        text = [np.isnan(point.number(cell)) and np.isnan(comma.number(cell)) for cell in cells[:200]]
        if 2 * sum(text) > len(text):
            continue  # most of it is text
        two = ""
        for cell in [cell for cell in cells if "," in cell or "." in cell]:
            one, other = point.number(cell), comma.number(cell)
            if np.isnan(one) != np.isnan(other):
                proofs.setdefault("," if np.isnan(one) else ".", f"{short(cell)} in column {names[k]!r}")
                break
            two = two or cell * (one != other and not np.isnan(one))
        else:
            if two:
                unclear.append((k, two, "," if "," in two else ".", any(map(str.isdecimal, cells))))
    if len(proofs) == 2:
        raise InvalidValue(
            f"{proofs['.']} is read with a decimal point, but {proofs[',']} with a decimal comma; write all numbers in "
            "one way, or say decimal='point' or decimal='comma', which refuses the others"
        )
    if unclear and not proofs and all([mark in before for _, _, mark, _ in unclear]):
        return before[0]
    for k, cell, mark, with_others in unclear:
        if not proofs or (mark in proofs and with_others):  # 950 beside 1,234: nobody writes decimals so
            name = "comma" if mark == "," else "point"
            raise InvalidValue(
                f"column {names[k]!r}: is {cell!r} the number {cell.replace(mark, '.')} or {cell.replace(mark, '')}? "
                f"Say decimal={name!r} for the first, thousands={name!r} for the second"
            )
    return next(iter(proofs), "")
