"""The two checks that every entrance of `nn` and of the cross-check makes: names and numbers."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, nearest
from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.values import Array, as_array

T = TypeVar("T")


def chosen(kind: str, name: object, known: Mapping[str, T]) -> T:
    """Return what is known by that name; an unknown one is refused, and the nearest suggested."""
    if not isinstance(name, str) or name not in known:
        raise InvalidValue(f"unknown {kind} {name!r}. {nearest(name, known)}")
    return known[name]


def numbers(what: str, data: Any) -> Array:
    """Return the data (an array-like or a Node) as a plain array of real numbers, if they are one."""
    if isinstance(data, np.ma.MaskedArray):
        raise InvalidType(f"{what} is a masked array, whose mask would be lost; fill it first (`array.filled(...)`)")
    try:
        array: Array = as_array(plain(data))
    except ValueError as error:
        raise ShapeError(f"{what} must be one array, but its rows differ in length") from error
    if array.dtype.kind not in "fiub":
        kinds = dict(zip(data.columns, data.dtypes, strict=True)) if hasattr(data, "dtypes") else {}  # of a DataFrame
        named = [
            f"column {name!r} is {kind}" for name, kind in kinds.items() if getattr(kind, "kind", "O") not in "fiub"
        ]
        raise InvalidType(f"{what} must hold real numbers, but {named[0] if named else f'its dtype is {array.dtype}'}")
    return array


def own_row(kind: str, name: object, ours: Collection[str]) -> None:
    """Refuse what is no name for an activation or a cost of the reader's own."""
    if not isinstance(name, str) or not name:
        raise InvalidType(f"the first argument is the name of your {kind}, such as 'mish', not {name!r}")
    if name in ours:
        raise InvalidValue(f"{name!r} is one of the package's own {kind}s; give yours another name")


def own_answer(what: str, f: Any, shape: tuple[int, ...], *args: Array) -> None:
    """Refuse a reader's function that gives something else than numbers of that shape."""
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
