"""What is found in a user's file before it becomes a Dataset: columns with names, and how one of them is meant.

`csv_file` and `npz_file` give these; `table` decides what the target means.
"""

import difflib
from collections.abc import Sequence
from typing import NamedTuple

from tinygrad_ed.data.dataset import Array
from tinygrad_ed.errors import InvalidValue, nearest

Which = str | int


class Found(NamedTuple):
    """A table to learn from."""

    x: Array
    """`(N, n)`."""
    features: list[str]
    target: str
    values: Array
    """`(N,)`, numbers or text."""
    columns: list[str]
    """The names of all columns of the file, in its order."""
    remarks: list[str]
    """What the reader should know, a line each."""


class Rows(NamedTuple):
    """Inputs to be answered.

    Attributes:
        x: `(M, n)`, in the order of the features that were asked for.
        counted: what a row is called: "line" (of a text, from 1) or "row" (of an array, from 0).
        places: the number of the line or row of each sample.
        given: the values of the target as text, where the file has them.
        unused: the names of the columns that are not used.
    """

    x: Array
    counted: str
    places: list[int]
    given: list[str] | None
    unused: list[str]


def numbered(count: int) -> list[str]:
    """Return the names of columns that have none.

    >>> numbered(3)
    ['c1', 'c2', 'c3']
    """
    return [f"c{k}" for k in range(1, count + 1)]


def find(names: Sequence[str], which: Which, remark: str = "") -> int:
    """Return the position of a column: it is given by its name, or, if no column has that name, by its number from 1.

    Raises:
        InvalidValue: if there is none, or several have that name.

    >>> find(["a", "b"], "b"), find(["a", "b"], 1), find(["7", "1"], "1")
    (1, 0, 1)
    """
    same = [k for k, name in enumerate(names) if name == which]
    if len(same) > 1:
        raise InvalidValue(f"{len(same)} columns are called {which!r}; give the number of the column, from 1")
    if same:
        return same[0]
    if str(which).isdecimal() and 1 <= int(which) <= len(names):
        return int(which) - 1
    raise InvalidValue(f"there is no column {which!r}{remark}. {nearest(which, shown(which, names))}")


def shown(which: Which, names: Sequence[str]) -> list[str]:
    """Return the names to show where `which` was not found: of more than 20 the nearest 5."""
    return list(names) if len(names) <= 20 else difflib.get_close_matches(str(which), names, n=5, cutoff=0)


def left_out(names: Sequence[str], target: int, drop: str | Sequence[Which]) -> set[int]:
    """Return the positions of the columns to leave out: a list of names and numbers, or a text with commas between.

    Raises:
        InvalidValue: for an unknown column, or the target.

    >>> left_out(["id", "name", "y"], 2, "name, 1")
    {0, 1}
    """
    wanted = [each.strip() for each in drop.split(",") if each.strip()] if isinstance(drop, str) else drop
    places = {find(names, which) for which in wanted}
    if target in places:
        raise InvalidValue(f"column {names[target]!r} is the target, so it cannot be left out too")
    return places


def unique(names: Sequence[str], used: Sequence[int]) -> None:
    """Refuse inputs of one name: a network knows its inputs by their names.

    Raises:
        InvalidValue: for two columns of one name.

    >>> unique(["a", "b", "a"], [0, 1, 2])
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: columns 1 and 3 are both called 'a'; rename one, or leave one out (drop='3')
    """
    seen: dict[str, int] = {}
    for k in used:
        if names[k] in seen:
            raise InvalidValue(
                f"columns {seen[names[k]] + 1} and {k + 1} are both called {names[k]!r}; "
                f"rename one, or leave one out (drop='{k + 1}')"
            )
        seen[names[k]] = k
