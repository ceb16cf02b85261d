"""Sorting and what is read off a sorted array: sort, partition, median, quantile, percentile, and their nan-twins.

Near a point without ties the order does not change, so each of these reads entries at fixed positions: the
positions are found on plain values, and only the reading is differentiated. Where NumPy interpolates, it says
itself between which positions: the quantile of 0, 1, ..., n-1 *is* the position.

>>> from tinygrad_ed.node import Node
>>> np.median(Node([3.0, 1.0, 2.0, 10.0]))
Node(2.5, op='reshape')
"""

from typing import Any

import numpy as np

from tinygrad_ed.errors import NoDerivativeRule
from tinygrad_ed.node import Node, plain
from tinygrad_ed.operation import HANDLERS
from tinygrad_ed.ops.elementwise import where
from tinygrad_ed.ops.reduce import Axis, axes_of
from tinygrad_ed.ops.shape import astype, moveaxis, ravel, reshape
from tinygrad_ed.values import Array, shape_of


def sort(a: Any, axis: int | None = -1, kind: str | None = None, stable: bool | None = None) -> Any:
    """Sort along an axis; equal entries keep their order, so each keeps its own gradient."""
    if axis is None:
        return sort(ravel(a), 0)
    return np.take_along_axis(a, np.argsort(plain(a), axis=axis, kind="stable"), axis)


def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect") -> Any:
    """Sort only so far that the entry at `kth` is in its place."""
    if axis is None:
        return partition(ravel(a), kth, 0)
    return np.take_along_axis(a, np.argpartition(plain(a), kth, axis=axis), axis)


def quantile(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The q-quantile; NaN where there is a NaN."""
    return _quantile(a, q, axis, method, keepdims, skip_nan=False)


def nanquantile(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The q-quantile of the entries that are not NaN."""
    return _quantile(a, q, axis, method, keepdims, skip_nan=True)


def percentile(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The quantile at q percent."""
    return quantile(a, np.true_divide(q, 100), axis, method, keepdims)


def nanpercentile(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The quantile at q percent of the entries that are not NaN."""
    return nanquantile(a, np.true_divide(q, 100), axis, method, keepdims)


def median(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The middle entry, or the mean of the two middle ones."""
    return quantile(a, 0.5, axis, keepdims=keepdims)


def nanmedian(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The median of the entries that are not NaN."""
    return nanquantile(a, 0.5, axis, keepdims=keepdims)


def _quantile(a: Any, q: Any, axis: Axis, method: str, keepdims: bool, skip_nan: bool) -> Any:
    if isinstance(q, Node):
        raise NoDerivativeRule("quantiles have no derivative rule for q: give q as a plain number (q.value)")
    folded, q = axes_of(a, axis), np.asarray(q, float)
    rows = moveaxis(a, folded, tuple(range(-len(folded), 0))) if folded else reshape(a, (*shape_of(a), 1))
    kept = shape_of(rows)[: len(shape_of(a)) - len(folded)]
    ordered = sort(reshape(rows, (*kept, -1)))
    valid = np.sum(~np.isnan(plain(ordered)), axis=-1)
    length = shape_of(ordered)[-1]
    below, weight = _positions(valid if skip_nan else np.full(kept, length), q, method)
    above = np.minimum(below + 1, length - 1)
    low, high = (np.take_along_axis(ordered, at, -1) for at in (below, above))
    # An infinite entry of weight zero must not make the result NaN.
    result = low + where(weight > 0, weight * where(weight > 0, high - low, 0.0), 0.0)
    undefined = (valid == 0) if skip_nan else (valid < length)
    if np.any(undefined):
        result = where(undefined[..., None], np.nan, result)
    result = reshape(moveaxis(result, -1, 0), (*q.shape, *kept))
    if keepdims:
        result = reshape(result, q.shape + tuple(1 if i in folded else n for i, n in enumerate(shape_of(a))))
    # One quantile has the dtype of a, as in NumPy; several have that of q, float64.
    return astype(result, dtype=a.dtype) if q.ndim == 0 and shape_of(result) else result


def _positions(counts: Array, q: Array, method: str) -> tuple[Array, Array]:
    """For rows with so many entries: the position below each quantile, and the weight of the one above it."""
    exact: Any = np.quantile  # whose types list the methods by name
    virtual = np.zeros((*counts.shape, q.size))
    for count in np.unique(counts[counts > 0]):
        virtual[counts == count] = np.ravel(exact(np.arange(count, dtype=float), q, method=method))
    below = np.floor(virtual).astype(int)
    return below, virtual - below


HANDLERS.update(
    {
        np.sort: sort,
        np.partition: partition,
        np.quantile: quantile,
        np.nanquantile: nanquantile,
        np.percentile: percentile,
        np.nanpercentile: nanpercentile,
        np.median: median,
        np.nanmedian: nanmedian,
    }
)
