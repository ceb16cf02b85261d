"""Ops that move entries and do no arithmetic: reshape, transpose, index, join, broadcast, repeat.

The rule of each sends `g` back the way the entries came. Indexing and `scatter_add` are each other's rule:
an entry that was read twice gets both gradients.
"""

import itertools
import operator
from collections.abc import Sequence
from contextlib import suppress
from types import EllipsisType
from typing import Any, overload

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, NoDerivativeRule
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.values import Array, Lifted, Plain, as_array, shape_of
from tinygrad_ed.ops.typed import answer, typed

__all__ = ["array", "astype", "broadcast_to", "concatenate", "diagonal", "expand_dims", "flip", "full", "getitem"]
__all__ += ["matrix_transpose", "moveaxis", "ravel", "repeat", "reshape", "roll", "scatter_add", "squeeze", "stack"]
__all__ += ["swapaxes", "take", "trace", "transpose"]

reshape: Op = op(
    "reshape", lambda x, shape=(): np.reshape(x, shape), lambda g, y, x, shape=(): reshape(g, shape=shape_of(x))
)
matrix_transpose = op("matrix_transpose", lambda x: as_array(x).mT, lambda g, y, x: g.mT)
transpose: Op = op("transpose", np.transpose, lambda g, y, x, axes=None: transpose(g, axes=_inverse(axes)))
# The sum that undoes a broadcast is done for all ops in graph/rule.py, so this rule just hands `g` on.
broadcast_to = op("broadcast_to", np.broadcast_to, lambda g, y, x, shape=(): g, broadcasts=True)
_astype = op("astype", lambda x, dtype=float: np.asarray(x).astype(dtype), lambda g, y, x, dtype=float: g)
flip: Op = op("flip", np.flip, lambda g, y, x, axis=None: flip(g, axis=axis))
roll: Op = op(
    "roll", np.roll, lambda g, y, x, shift=0, axis=None: roll(g, shift=(-np.asarray(shift, int)).tolist(), axis=axis)
)


def _inverse(axes: Sequence[int] | None) -> list[int] | None:
    return None if axes is None else [int(i) for i in np.argsort([a % len(axes) for a in axes])]


# Indexing


def as_read(index: Any) -> Any:
    """Return an index in integers, slices, None, Ellipsis and arrays alone: NumPy takes many other forms."""
    return tuple([_part_as_read(part) for part in index]) if isinstance(index, tuple) else _part_as_read(index)


_AS_THEY_ARE = frozenset([int, slice, type(None), EllipsisType])


def _part_as_read(part: Any) -> Any:
    if type(part) in _AS_THEY_ARE or isinstance(part, Lifted):
        return part
    if isinstance(part, Node):
        raise InvalidType(f"{part!r} cannot be an index: a position has no derivative; use int(node.item())")
    if hasattr(part, "__index__") and not isinstance(part, bool):  # that is an array without axes, not a 0 or a 1
        with suppress(TypeError):
            return operator.index(part)
    array = as_array(part)
    return array if array.size or array is part else array.astype(int)  # an empty list is of floats


def arrays_in(index: Any) -> list[Any]:
    """Return the arrays in an index, and what stands for them."""
    parts = as_read(index)
    return [part for part in (parts if isinstance(parts, tuple) else (parts,)) if isinstance(part, np.ndarray | Lifted)]


def can_repeat(index: Any) -> bool:
    """Tell whether an index can name an entry twice: only arrays of integers can."""
    parts = [np.asarray(part) for part in (index if isinstance(index, tuple) else (index,))]
    return any([part.ndim > 0 and part.dtype.kind != "b" for part in parts])


def _are_other_rows(index: Any, out: Array) -> bool:
    """Tell whether an index takes rows along one axis, each once: to count them costs little, as each is of many."""
    arrays = [part for part in (index if isinstance(index, tuple) else (index,)) if isinstance(part, np.ndarray)]
    if out.ndim < 2 or len(arrays) != 1 or arrays[0].ndim != 1 or arrays[0].dtype.kind not in "iu":
        return False
    rows = arrays[0].astype(np.intp, copy=False)
    return bool(rows.size and np.min(rows) >= 0 and np.max(np.bincount(rows)) == 1)


def _scatter_add(g: Any, index: Any = (), shape: tuple[int, ...] = ()) -> Any:
    if getattr(g, "dtype", None) == np.float16:  # in which ones add up to 2,048 and no further
        return _scatter_add(g.astype(np.float32), index, shape).astype(np.float16)
    out = np.zeros(shape, np.asarray(g).dtype)
    if not can_repeat(index) or _are_other_rows(index, out):
        out[index] = g
    elif 8 * np.size(g) < out.size:
        np.add.at(out, index, g)
    else:  # five times as quick, but it goes through all of `out`
        (places,) = index if type(index) is tuple and len(index) == 1 else (index,)
        if out.ndim != 1 or type(places) is not np.ndarray or np.min(places) < 0:
            places = np.arange(out.size).reshape(shape)[index]
        places = places.astype(np.intp, copy=False)  # older versions of NumPy do not count numbers of uint64
        sums = np.bincount(places.ravel(), np.broadcast_to(g, places.shape).ravel(), out.size)
        out = sums.astype(out.dtype, copy=False).reshape(shape)
    return out


getitem = op(
    "getitem",
    lambda x, index=(): np.asarray(x)[index],
    lambda g, y, x, index=(): scatter_add(g, index=index, shape=shape_of(x)),
)
scatter_add: Op = op("scatter_add", _scatter_add, lambda g, y, x, index=(), shape=(): getitem(g, index=index))


def cut(x: Any, axis: int, ends: Sequence[int], single: bool = False) -> list[Any]:
    """Cut into parts that end at these places along an axis; where `single`, each part is the entry at its start.

    The gradient of a part is filled up with zeros to what it was cut out of. Many parts are cut out of halves, and
    these out of halves: else there were as many zeros for each part as x has entries.
    """
    before, middle = axes_before(axis, x), len(ends) // 2
    if len(ends) > FEW:
        half = ends[middle - 1]
        left, right = [getitem(x, index=(*before, places)) for places in (slice(half), slice(half, None))]
        return [
            *cut(left, axis, ends[:middle], single),
            *cut(right, axis, [end - half for end in ends[middle:]], single),
        ]
    return [getitem(x, index=(*before, a if single else slice(a, b))) for a, b in zip([0, *ends], ends, strict=False)]


FEW = 16

# Joining


def _part(g: Any, y: Any, i: int, axis: int = 0, ends: tuple[int, ...] = ()) -> Any:
    """Return the part of a concatenated `g` that belongs to input i."""
    return g[(*axes_before(axis, y), slice(ends[i - 1] if i else 0, ends[i]))]


def axes_before(axis: int, x: Any) -> tuple[slice, ...]:
    """Return the index that takes everything along the axes before this one."""
    return (slice(None),) * np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))


_concatenate = op("concatenate", lambda *xs, axis=0, ends=(): np.concatenate(xs, axis=axis), _part, variadic=True)
_stack = op(
    "stack",
    lambda *xs, axis=0: np.stack(xs, axis=axis),
    lambda g, y, i, axis=0: g[(*axes_before(axis, y), i)],
    variadic=True,
)


@overload
def concatenate(arrays: Array | Sequence[float | Array | list[Any]], axis: int | None = 0) -> Any: ...
@overload
def concatenate(arrays: Node | Sequence[Node | Plain], axis: int | None = 0) -> Node: ...
def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    """Join arrays along an axis they have; `axis=None` flattens them first.

    >>> concatenate([Node([1.0, 2.0]), [3.0]])
    Node([1., 2., 3.], op='concatenate')
    """
    if axis is None:
        return concatenate([np.ravel(array) for array in arrays])
    lengths = [n for array in arrays for n in shape_of(array)[axis:][:1]]
    return _concatenate(*arrays, axis=axis, ends=tuple(itertools.accumulate(lengths)))


@overload
def stack(arrays: Array | Sequence[float | Array | list[Any]], axis: int = 0) -> Any: ...
@overload
def stack(arrays: Node | Sequence[Node | Plain], axis: int = 0) -> Node: ...
def stack(arrays: Any, axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis.

    >>> stack([Node(1.0), 2.0, Node(3.0)])
    Node([1., 2., 3.], op='stack')
    """
    return _stack(*arrays, axis=axis)


def array(nested: Any) -> Node:
    """Make one Node of nested lists of Nodes and numbers.

    >>> x = Node(2.0)
    >>> array([[x, 1.0], [0.0, x * x]]).shape
    (2, 2)
    """
    if isinstance(nested, list | tuple) and any([isinstance(entry, Node) for entry in leaves(nested)]):
        return stack([entry if type(entry) is float else array(entry) for entry in nested])
    return nested if isinstance(nested, Node) else Node(nested)


# Said with the ops above


def outline(shape: tuple[int, ...]) -> Array:
    """Return an array of that shape that takes no memory."""
    return np.broadcast_to(0.0, shape)


def astype(x: Any, dtype: Any = float) -> Any:
    """Convert to another float dtype. Converted to integers or truth values the result is plain: no derivative.

    >>> import numpy as np
    >>> astype(Node([1.5]), np.float32).dtype, astype(Node([1.5]), int)
    (dtype('float32'), array([1]))
    """
    return as_array(plain(x)).astype(dtype) if np.dtype(dtype).kind in "iub" else _astype(x, dtype=dtype)


def axes_as_lengths(x: Any) -> Array:
    """Return an empty array whose axes are as long as their numbers: its shape then tells where NumPy has put them."""
    return np.empty(range(len(shape_of(x))))


def in_one_dtype(*xs: Any) -> list[Any]:
    """Return the arrays in the dtype that they have together, in which NumPy computes; numbers as they are."""
    values = [x if isinstance(x, Node) or shape_of(x) == () else as_array(x) for x in xs]
    dtype = np.result_type(0.0, *[x.dtype for x in values if shape_of(x)])
    return [astype(x, dtype=dtype) if shape_of(x) and x.dtype != dtype else x for x in values]


def reshape_in(x: Any, shape: Any, order: str = "C") -> Any:
    """Reshape with the entries in row order ("C"), column order ("F"), or as they lie in memory ("A")."""
    if order not in ("C", "F", "A"):
        raise NoDerivativeRule(f"np.reshape and np.ravel of a Node take the orders C, F and A, not {order!r}")
    if order == "A":
        flags = as_array(plain(x)).flags
        order = "C" if flags.c_contiguous or not flags.f_contiguous else "F"
    if order == "C":
        return reshape(x, shape=shape)
    # Column order is row order of the transpose.
    target = outline(shape_of(x)).reshape(shape).shape
    return transpose(reshape(transpose(x), shape=target[::-1]))


@typed
def ravel(x: Any, order: str = "C") -> Any:
    """Flatten to one axis."""
    return reshape(x, (-1,)) if order == "C" else reshape_in(x, (-1,), order)


@typed
def full(shape: int | Sequence[int], fill_value: Any) -> Any:
    """Return an array of one value, which may be a Node: `np.full` itself asks no Node.

    >>> full((2, 2), Node(3.0))
    Node([[3., 3.], [3., 3.]], op='broadcast_to')
    """
    return broadcast_to(fill_value, shape=shape)


@typed
def expand_dims(x: Any, axis: Any) -> Any:
    """Insert axes of length 1."""
    return reshape(x, np.expand_dims(outline(shape_of(x)), axis).shape)


@typed
def squeeze(x: Any, axis: Any = None) -> Any:
    """Remove axes of length 1."""
    return reshape(x, np.squeeze(outline(shape_of(x)), axis).shape)


@typed
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    return transpose(x, np.swapaxes(axes_as_lengths(x), axis1, axis2).shape)


@typed
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Move axes to new places; the others keep their order."""
    return transpose(x, np.moveaxis(axes_as_lengths(x), source, destination).shape)


@typed
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat entries, as `np.repeat` does."""
    if axis is None or (axis in (0, -1) and not shape_of(x)):
        return repeat(ravel(x), repeats, 0)
    before, shape = axes_before(axis, x), shape_of(x)
    if np.ndim(repeats):
        return getitem(x, (*before, np.repeat(np.arange(shape[axis]), repeats)))
    first, last, times = shape[: len(before) + 1], shape[len(before) + 1 :], operator.index(repeats)
    if times < 0:
        raise InvalidValue(f"repeat: no entry can be repeated {times} times; give at least 0")
    spread = broadcast_to(reshape(x, (*first, 1, *last)), (*first, times, *last))
    return reshape(spread, (*first[:-1], first[-1] * times, *last))


@typed
def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """Read the entries at `indices` along an axis; `axis=None` reads from the flat array.

    >>> take(Node([1.0, 2.0, 3.0]), [2, 0])
    Node([3., 1.], op='getitem')
    """
    if axis is None or (axis in (0, -1) and not shape_of(x)):
        return take(ravel(x), indices, 0, mode)
    before, places = axes_before(axis, x), as_array(indices)
    if mode != "raise" or places.dtype.kind not in "iu":
        into_range: Any = np.take  # whose types list the modes by name
        places = into_range(np.arange(shape_of(x)[axis]), indices, mode=mode)  # so NumPy says what is a position
    return getitem(x, index=(*before, places))


@typed
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Read the diagonal of two axes, which becomes the last axis.

    >>> diagonal(Node([[1.0, 2.0], [3.0, 4.0]]))
    Node([1., 4.], op='getitem')
    """
    x, offset = moveaxis(x, (axis1, axis2), (-2, -1)), operator.index(offset)
    rows, columns = shape_of(x)[-2:]
    i = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return getitem(x, index=(..., i - min(offset, 0), i + max(offset, 0)))


@typed
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum the diagonal of two axes.

    >>> trace(Node([[1.0, 2.0], [3.0, 4.0]])).item()
    5.0
    """
    return diagonal(x, offset, axis1, axis2).sum(axis=-1)


answer(np, astype, concatenate, diagonal, expand_dims, matrix_transpose, moveaxis, ravel, repeat, squeeze, stack)
answer(np, swapaxes, take, trace, reshape=reshape_in)
answer(np.linalg, matrix_transpose, diagonal=lambda x, offset=0: diagonal(x, offset, -2, -1))
answer(np.linalg, trace=lambda x, offset=0: trace(x, offset, -2, -1))
