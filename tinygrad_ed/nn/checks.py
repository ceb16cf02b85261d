"""The checks that every entrance of `nn`, of the cross-check and of the pictures makes: names, numbers, letters."""

import re
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, nearest, shown, whole_number
from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.values import Array, as_array
from tinygrad_ed.notation.alphabet import LETTERS, NOTATIONS, OTHER
from tinygrad_ed.notation.writing import Writing

T = TypeVar("T")
_NUMBER = r"[-+]?\d*\.?\d+(e[-+]?\d+)?"


def chosen(kind: str, name: object, known: Mapping[str, T]) -> T:
    """Return what is known by that name; an unknown one is refused, and the nearest suggested."""
    if not isinstance(name, str) or name not in known:
        raise InvalidValue(f"unknown {kind} {shown(name)}. {nearest(name, known)}")
    return known[name]


def written_in(notation: object = "lecture", last: int = 0, numbers: object = True, digits: object = 3) -> Writing:
    """Return how a page is written: `notation` is "lecture", "textbook", or a dict of the reader's own letters.

    Raises:
        InvalidValue: for an unknown notation, letter, or way to show numbers; the message names all of them.
        InvalidType: for what is neither a name nor a dict.

    >>> written_in({"delta": "δ"})
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: unknown letter 'delta'. Did you mean 'eta'? Known: B, P, alpha, alpha[0], alpha[L], ...
    """
    signs = notation if isinstance(notation, Mapping) else chosen("notation", notation, NOTATIONS)
    for name, sign in signs.items():
        chosen("letter", name, dict.fromkeys(OTHER))
        if not isinstance(sign, str) or not sign.isalnum() or not sign[0].isalpha() or len(sign) > 8:
            raise InvalidValue(f"the letter for {name} must be up to 8 letters and digits, such as 'δ', not {sign!r}")
    signs = dict(signs)
    if "omega" in signs:
        signs.setdefault("omega_k", signs["omega"].lower())
    taken = {name: sign for name, sign in signs.items() if name != "omega_k"}
    taken |= {name: LETTERS[name].sign for name in OTHER if name in LETTERS and name not in signs}
    for name, sign in taken.items():
        if (twin := next((other for other in taken if other != name and taken[other] == sign), None)) is not None:
            raise InvalidValue(f"{sign!r} would stand for {name} and for {twin}; give each a letter of its own")
    if numbers is not True and numbers is not False and numbers != "blank":
        raise InvalidValue(f"numbers={numbers!r}: take True, False (letters only) or 'blank' (boxes to fill in)")
    return Writing(signs, last, numbers, whole_number("digits", digits))


def numbers(what: str, data: Any) -> Array:
    """Return the data (an array-like or a Node) as a plain array of real numbers, if they are one."""
    if isinstance(data, np.ma.MaskedArray):
        raise InvalidType(f"{what} is a masked array, whose mask would be lost; fill it first (`array.filled(...)`)")
    try:
        array: Array = as_array(plain(data))
    except ValueError as error:
        deep = "maximum number of dimension" in str(error)
        why = "its lists are nested deeper than any array" if deep else "its rows differ in length"
        raise ShapeError(f"{what} must be one array, but {why}") from error
    if array.dtype.kind not in "fiub":
        raise InvalidType(f"{what} must hold real numbers, but {_not_numbers(data, array)}")
    return array


def _not_numbers(data: Any, array: Array) -> str:
    """Say what is no number: a column of a DataFrame, the dtype, or the first entry that is none."""
    for name, kind in zip(data.columns, data.dtypes, strict=True) if hasattr(data, "dtypes") else ():
        numeric = str(kind).startswith(("Float", "Int", "UInt", "Boolean"))  # as polars and pandas name their own
        if not numeric and getattr(kind, "kind", "O") not in "fiub":
            return f"column {name!r} is {kind}"
        if hasattr(data[name], "isna") and data[name].isna().any():
            return f"column {name!r} ({kind}) lacks values: fill them in (`fillna`), or drop these rows (`dropna`)"
    if array.dtype.kind == "U" and array.size:  # a single text makes texts of all numbers beside it
        text = min(map(str, array.flat), key=lambda text: bool(re.fullmatch(_NUMBER, text)))
        point = text.strip().replace(",", ".")
        return f"it holds the text {shown(text)}" + (f"; write {point}" if re.fullmatch(_NUMBER, point) else "")
    said = f"its dtype is {array.dtype}"
    if array.dtype.kind == "O":
        wrong = [(place, entry) for place, entry in np.ndenumerate(array) if not isinstance(entry, Real)]
        return f"{said}: entry {list(wrong[0][0])} is {shown(wrong[0][1])}" if wrong and array.ndim else said
    return said


def own_row(kind: str, name: object, ours: Collection[str]) -> None:
    """Refuse what is no name for an activation or a cost of the reader's own."""
    if not isinstance(name, str) or not name:
        raise InvalidType(f"the first argument is the name of your {kind}, such as 'mish', not {shown(name)}")
    if name in ours:
        raise InvalidValue(f"{name!r} is one of the package's own {kind}s; give yours another name")


def own_answer(what: str, f: Any, shape: tuple[int, ...], *args: Array) -> None:
    """Refuse a reader's function that gives something else than numbers of that shape."""
    if not callable(f):
        raise InvalidType(f"{what} must be a function, not {shown(f)}")
    found = numbers(f"what {what} returns", f(*args))
    if found.shape != shape:
        raise ShapeError(f"{what} returned shape {found.shape} for {args[0].shape}; expected was {shape}")


def finite(what: str, data: Array, dtype: np.dtype[Any]) -> Array:
    """Return a copy of the data in that dtype; refuse what is not finite there."""
    with np.errstate(over="ignore"):
        found = data.astype(dtype)
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise InvalidValue(f"{what} holds {data[place]} at {list(place)}; every number must be finite in {dtype}")
    return found
