"""Sorting and what is read off a sorted array: sort, partition, median, quantile, percentile, and their nan-twins.

Near a point without ties the order does not change, so each of these reads entries at fixed positions: the
positions are found on plain values, and only the reading is differentiated. Where NumPy interpolates, it says
itself between which positions: the quantile of 0, 1, ..., n-1 *is* the position.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.errors import NoDerivativeRule
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.values import Array, Lifted, as_array, shape_of, wide
from tinygrad_ed.ops.elementwise import where
from tinygrad_ed.ops.reduce import Axis, axes_of
from tinygrad_ed.ops.shape import astype, moveaxis, ravel, reshape
from tinygrad_ed.ops.typed import answer


def _forward_placed(g: Any, order: Array, axis: int = -1) -> Any:
    out = np.empty_like(g)
    np.put_along_axis(out, order, g, axis)
    return out


_placed: Op = op(  # puts entries back that were read in another order
    "placed", _forward_placed, lambda g, y, x, order=(), axis=-1: np.take_along_axis(g, order, axis)
)
_sort = op(
    "sort",
    lambda x, axis=-1, kind=None, stable=None: np.sort(x, axis, kind, stable=stable),
    lambda g, y, x, axis=-1, **how: _placed(g, order=np.argsort(plain(x), axis=axis, kind="stable"), axis=axis),
)


def sort(a: Any, axis: int | None = -1, kind: Any = None, stable: bool | None = None) -> Any:
    """Sort along an axis; equal entries keep their order, so each keeps its own gradient."""
    return _sort(ravel(a) if axis is None else a, axis=-1 if axis is None else axis, kind=kind, stable=stable)


def _origins(y: Any, x: Any, kth: Any, axis: int, kind: Any) -> Any:
    """Tell where each entry of the partitioned array came from.

    `np.argpartition` says so in a tenth of the time of three sorts, where it leaves the entries in the order that
    `np.partition` does; that depends on the processor.
    """
    if not isinstance(y, Lifted):
        order = np.argpartition(x, kth, axis, kind)
        if np.array_equal(np.take_along_axis(x, order, axis), y, equal_nan=True):
            return order
    ranks = np.argsort(np.argsort(y, axis, kind="stable"), axis, kind="stable")
    return np.take_along_axis(np.argsort(x, axis, kind="stable"), ranks, axis)


_partition = op(
    "partition",
    lambda x, kth=0, axis=-1, kind="introselect": np.partition(x, kth, axis, kind),
    lambda g, y, x, kth=0, axis=-1, kind="introselect": _placed(
        g, order=_origins(plain(y), plain(x), kth, axis, kind), axis=axis
    ),
)


def partition(a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect") -> Any:
    """Sort only so far that the entry at `kth` is in its place; the others are where NumPy puts them."""
    return _partition(ravel(a) if axis is None else a, kth=kth, axis=-1 if axis is None else axis, kind=kind)


def _quantile(numpys: Any, skip_nan: bool = False) -> Callable[..., Any]:
    """Return what answers np.quantile or np.percentile: NaN where there is a NaN, unless these are left out."""

    def read(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
        if isinstance(q, Node):
            raise NoDerivativeRule("quantiles have no derivative rule for q: give q as a plain number (q.value)")
        return _read_off(a, lambda vector: numpys(vector, q, method=method), axis, keepdims, skip_nan)

    return read


def _read_off(a: Any, numpys: Callable[[Array], Any], axis: Axis, keepdims: bool, skip_nan: bool = False) -> Any:
    """Return what NumPy's function of a vector reads off each sorted row; it says itself where, and in which dtype."""
    folded = axes_of(a, axis)
    rows = moveaxis(a, folded, tuple(range(-len(folded), 0))) if folded else reshape(a, (*shape_of(a), 1))
    kept = shape_of(rows)[: len(shape_of(a)) - len(folded)]
    length = math.prod(shape_of(rows)[len(kept) :])
    rows = reshape(rows, (*kept, length))
    valid = np.sum(~np.isnan(plain(rows)), axis=-1)
    near, far, weight = _positions(valid if skip_nan else np.full(kept, length), numpys)
    y, other = _of_ranks(rows, near, far)
    if np.any(weight):
        between = (wide(y) + other) * 0.5 if numpys is np.median else y + (other - y) * weight
        y = where(weight > 0, between, y)  # an infinite entry of weight zero must not make NaN
    undefined = (valid == 0) if skip_nan else (valid < length)
    if np.any(undefined):
        if skip_nan:
            warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=2)
        y = where(undefined[..., None], np.nan, y)
    sample = numpys(np.zeros(1, as_array(plain(a)).dtype))
    y = reshape(moveaxis(y, -1, 0), (*sample.shape, *kept))
    if keepdims:
        y = reshape(y, sample.shape + tuple(1 if i in folded else n for i, n in enumerate(shape_of(a))))
    return astype(y, dtype=sample.dtype) if shape_of(y) and y.dtype != sample.dtype else y


FEW = 4
"""For so many ranks a row is not sorted: NumPy's partition finds their values, and a look at the row their places."""


def _of_ranks(rows: Any, *ranks: Array) -> list[Any]:
    """Return the entries that would stand in these places if the rows were sorted; equal entries in their order."""
    values, wanted = plain(rows), np.unique(np.stack(ranks))
    if not 0 < len(wanted) <= FEW:
        ordered = sort(rows)
        return [np.take_along_axis(ordered, rank, -1) for rank in ranks]
    parted = np.partition(values, wanted, axis=-1)
    return [np.take_along_axis(rows, _places(values, parted, rank), -1) for rank in ranks]


def _places(values: Any, parted: Any, ranks: Array) -> Any:
    """Tell where in each row the entry of each rank is, among equal ones by counting them."""
    found = np.take_along_axis(parted, ranks, -1)
    places = []
    for k in range(ranks.shape[-1]):
        one = found[..., k : k + 1]
        before = np.sum(values < one, axis=-1, keepdims=True)
        counted = np.cumsum(values == one, axis=-1)
        places.append(np.argmax(counted > ranks[..., k : k + 1] - before, axis=-1))
    return np.stack(places, axis=-1)


def _positions(counts: Array, numpys: Callable[[Array], Any]) -> tuple[Array, Array, Array]:
    """Return, for rows of so many entries, the place nearest to what is read off, the other one, and its weight.

    NumPy starts from the nearer of two entries as well, so that the last digits are its own.
    """
    virtual = np.zeros((*counts.shape, np.size(numpys(np.zeros(1)))))
    for count in np.unique(counts[counts > 0]):
        virtual[counts == count] = np.ravel(numpys(np.arange(count, dtype=float)))
    below = np.floor(virtual).astype(int)
    above = np.minimum(below + 1, counts[..., None] - 1)
    weight = virtual - below
    upper = weight >= 0.5
    return np.where(upper, above, below), np.where(upper, below, above), np.minimum(weight, 1.0 - weight)


answer(np, sort, partition)
answer(
    np,
    quantile=_quantile(np.quantile),
    nanquantile=_quantile(np.quantile, skip_nan=True),
    percentile=_quantile(np.percentile),
    nanpercentile=_quantile(np.percentile, skip_nan=True),
    median=lambda a, axis=None, keepdims=False: _read_off(a, np.median, axis, keepdims),
    nanmedian=lambda a, axis=None, keepdims=False: _read_off(a, np.median, axis, keepdims, skip_nan=True),
)
