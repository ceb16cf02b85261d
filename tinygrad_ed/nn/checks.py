"""The checks that every entrance of `nn`, of the cross-check and of the pictures makes: names, numbers, letters."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, nearest, whole_number
from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.values import Array, as_array
from tinygrad_ed.notation.alphabet import LETTERS, NOTATIONS, OTHER
from tinygrad_ed.notation.writing import Writing

T = TypeVar("T")


def chosen(kind: str, name: object, known: Mapping[str, T]) -> T:
    """Return what is known by that name.

    Raises:
        InvalidValue: for an unknown name; it suggests the nearest.

    >>> chosen("size", "smal", {"small": 1, "large": 2})
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: unknown size 'smal'. Did you mean 'small'? Known: large, small.
    """
    if not isinstance(name, str) or name not in known:
        raise InvalidValue(f"unknown {kind} {name!r}. {nearest(name, known)}")
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
    """Return the data (an array-like or a Node) as a plain array of real numbers.

    Raises:
        InvalidType: for text, complex numbers, objects, or a masked array.
        ShapeError: for rows of different lengths.

    >>> numbers("x", [[1, 2], [3]])
    Traceback (most recent call last):
    tinygrad_ed.ShapeError: x must be one array, but its rows differ in length
    """
    if isinstance(data, np.ma.MaskedArray):
        raise InvalidType(f"{what} is a masked array, whose mask would be lost; fill it first (`array.filled(...)`)")
    try:
        array: Array = as_array(plain(data))
    except ValueError as error:
        raise ShapeError(f"{what} must be one array, but its rows differ in length") from error
    if array.dtype.kind not in "fiub":
        kinds = dict(data.dtypes) if hasattr(data, "columns") else {}  # of a DataFrame
        named = [
            f"column {name!r} is {kind}" for name, kind in kinds.items() if getattr(kind, "kind", "O") not in "fiub"
        ]
        raise InvalidType(f"{what} must hold real numbers, but {named[0] if named else f'its dtype is {array.dtype}'}")
    return array


def own_row(kind: str, name: object, ours: Collection[str]) -> None:
    """Refuse what is no name for an activation or a cost of the reader's own.

    Raises:
        InvalidType: for what is not a text.
        InvalidValue: for the name of one of the package's own.
    """
    if not isinstance(name, str) or not name:
        raise InvalidType(f"the first argument is the name of your {kind}, such as 'mish', not {name!r}")
    if name in ours:
        raise InvalidValue(f"{name!r} is one of the package's own {kind}s; give yours another name")


def own_answer(what: str, f: Any, shape: tuple[int, ...], *args: Array) -> None:
    """Refuse a reader's function that gives something else than numbers of that shape.

    Raises:
        InvalidType: for what is no function, or gives no numbers.
        ShapeError: for another shape.
    """
    if not callable(f):
        raise InvalidType(f"{what} must be a function, not {f!r}")
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
