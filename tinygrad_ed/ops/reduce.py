"""Ops that fold axes: sum, mean, max, min, prod, logsumexp, cumsum, and var and std said with them.

A rule lifts `g` back over the folded axes, then multiplies by the local derivative. Conventions: equal
maxima share the gradient equally, and `prod` is right with any number of zeros, for its rule never divides.
Where one call of NumPy is all that an op does (`sum`, `cumsum`), its float16 is NumPy's; all else, the gradients
among it, is added up in float32, for ones in float16 add up to 2,048 and no further.
"""

import math
import warnings
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.op import op
from tinygrad_ed.graph.values import HALF, shape_of, wide
from tinygrad_ed.ops.elementwise import exp, root, square
from tinygrad_ed.ops.shape import astype, broadcast_to, concatenate, flip, getitem, moveaxis, ravel, reshape, stack
from tinygrad_ed.ops.typed import answer, typed

__all__ = ["cumsum", "logsumexp", "max", "mean", "min", "prod", "std", "sum", "var"]

Axis = int | tuple[int, ...] | None


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """Return the folded axes of x, as non-negative numbers."""
    ndim = len(shape_of(x))
    return tuple(range(ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)


def folded_axes(x: Any, axis: Axis) -> tuple[int, ...]:
    """Return the same for folds that NumPy makes of a number along an axis 0 or -1, too, which it does not have."""
    return () if shape_of(x) == () and not isinstance(axis, tuple) and axis in (0, -1) else axes_of(x, axis)


def count(x: Any, axis: Axis) -> int:
    """Tell how many entries of x are folded into one."""
    shape = shape_of(x)
    return math.prod(shape if axis is None else [shape[i] for i in axes_of(x, axis)])


def lift(g: Any, x: Any, axis: Axis) -> Any:
    """Give g the folded axes of x back, with length 1."""
    return reshape(g, _lifted(x, axis))


def _lifted(x: Any, axis: Axis) -> tuple[int, ...]:
    folded = folded_axes(x, axis)
    return tuple([1 if i in folded else n for i, n in enumerate(shape_of(x))])


def _spread(g: Any, x: Any, axis: Axis) -> Any:
    """Give every folded entry what its fold got."""
    if isinstance(g, float | np.ndarray) and shape_of(x):  # the usual case, without the way through two ops
        out = np.empty(shape_of(x), getattr(g, "dtype", plain(x).dtype))
        out[...] = g if isinstance(g, float) else g.reshape(_lifted(x, axis))
        return out
    return broadcast_to(lift(g, x, axis) if shape_of(g) else g, shape=shape_of(x))


def _sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return what np.sum does, without its questions."""
    add_up: Any = np.add.reduce  # whose types do not know a tuple of axes
    return add_up(x, axis=axis, keepdims=keepdims)


def _mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Do what np.mean does, without its checks; nothing gives NaN with NumPy's warning, float16 is added up wider."""
    n = count(x, axis)
    if n and getattr(x, "dtype", None) != HALF:
        return _sum(x, axis, keepdims) / n
    return np.mean(x, axis=axis, keepdims=keepdims)


def of_extreme(g: Any, y: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Give equal shares to all entries that are the extreme (for NaN: to the NaNs)."""
    values = plain(x)
    ties = np.equal(values, lift(plain(y), values, axis)) | np.isnan(values)
    return lift(g, x, axis) * (ties / np.maximum(ties.sum(axis=folded_axes(values, axis), keepdims=True), 1))


def _of_prod(g: Any, y: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Multiply g by the product of all other entries."""
    folded = folded_axes(x, axis)
    if not folded:
        return reshape(g, shape_of(x))
    ends = tuple(range(-len(folded), 0))
    rows = moveaxis(x, folded, ends)
    flat = reshape(rows, (*shape_of(rows)[: -len(folded)], count(x, axis)))
    others = _product_of_others(reshape(g, (*shape_of(flat)[:-1], 1)), flat)
    return moveaxis(reshape(others, shape_of(rows)), ends, folded)


def _product_of_others(g: Any, x: Any) -> Any:
    """Return for each entry of the last axis g times the product of the others, by a tree of pairwise products.

    Up the tree go the products of pairs; down come, for each of a pair, what arrived times its partner.
    """
    n = shape_of(x)[-1]
    levels, length = [], n
    while length > 1:
        if length % 2:
            x = concatenate([x, np.ones((*shape_of(x)[:-1], 1))], axis=-1)
        pair = x[..., 0::2], x[..., 1::2]
        levels.append(pair)
        x = pair[0] * pair[1]
        length = shape_of(x)[-1]
    down = broadcast_to(g, (*shape_of(g)[:-1], length))
    for left, right in reversed(levels):
        down = getitem(down, (..., slice(shape_of(left)[-1])))
        pairs = stack([down * right, down * left], axis=-1)
        down = reshape(pairs, (*shape_of(pairs)[:-2], 2 * shape_of(left)[-1]))
    return getitem(down, (..., slice(n)))


def _logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    axes, top = axes_of(x, axis), _top(x, axis)
    y = np.log(np.sum(wide(np.exp(x - top)), axis=axes, keepdims=True)) + top
    y = y.astype(HALF) if getattr(x, "dtype", None) == HALF else y
    return y if keepdims else np.squeeze(y, axes)


def _top(x: Any, axis: Axis) -> Any:
    """Return the greatest entries of a plain x: taken off before exp, they keep it from overflow."""
    top = np.max(x, axis=axes_of(x, axis), keepdims=True)
    return np.where(np.isfinite(top), top, 0.0)


def _of_logsumexp(g: Any, y: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the softmax; not exp(x - y), in which the rounding of a large y would be seen."""
    e = wide(exp(x - _top(plain(x), axis)))
    return lift(g, x, axis) * (e / sum(e, axis=axes_of(x, axis), keepdims=True))


def _of_cumsum(g: Any, y: Any, x: Any, axis: int | None = None) -> Any:
    """Return the cumulative sum from the other end: each entry is in all sums that follow it."""
    if axis is None or not shape_of(x):
        return reshape(_of_cumsum(g, y, ravel(x), 0), shape_of(x))
    return flip(cumsum(flip(wide(g), axis), axis), axis)


sum = op("sum", _sum, lambda g, y, x, axis=None, keepdims=False: _spread(g, x, axis))
mean = op("mean", _mean, lambda g, y, x, axis=None, keepdims=False: _spread(wide(g) / (count(x, axis) or 1), x, axis))
max = op("max", np.max, of_extreme)
min = op("min", np.min, of_extreme)
prod = op("prod", np.prod, _of_prod)
cumsum = op("cumsum", np.cumsum, _of_cumsum)
logsumexp = op("logsumexp", _logsumexp, _of_logsumexp)


@typed
def var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, correction: float | None = None) -> Any:
    """Return the variance: sum (x - mean)^2 / (n - ddof); `correction` is another name of ddof."""
    if correction is not None and ddof:
        raise InvalidValue(f"ddof={ddof} and correction={correction} are two names of one thing: give one of them")
    x, given = wide(x), x
    divisor = count(x, axis) - (ddof if correction is None else correction)
    if divisor <= 0:  # as NumPy has it: with these words, and divided by zero
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        divisor = 0
    y = sum(square(x - mean(x, axis=axis, keepdims=True)), axis=axis, keepdims=keepdims) / divisor
    return y if x is given else astype(y, dtype=HALF)


@typed
def std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, correction: float | None = None) -> Any:
    """Return the standard deviation, the root of `var`; its gradient is 0 where all entries are equal, as a norm's."""
    return root(var(x, axis, ddof, keepdims, correction))


answer(np, sum, mean, var, std, amax=max, amin=min)
