"""Statistics said with other ops: averages, covariances, and the functions that leave NaN out.

An entry that is left out gets the gradient 0.
"""

import builtins
import warnings
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, NoDerivativeRule, ShapeError
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Lifted, as_array, shape_of, wide
from tinygrad_ed.ops.elementwise import root, sqrt, square, where
from tinygrad_ed.ops.numpy.moves import scatter
from tinygrad_ed.ops.numpy.scan import cumprod
from tinygrad_ed.ops.reduce import Axis, axes_of, count, cumsum, folded_axes, max, mean, min, prod, sum, var
from tinygrad_ed.ops.shape import astype, broadcast_to, reshape, transpose
from tinygrad_ed.ops.typed import answer


def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    """Return the weighted mean, sum(w a) / sum(w); the weights may be a Node as well."""
    if weights is None:
        y = mean(a, axis=axis, keepdims=keepdims)
        return (y, np.full(shape_of(y), float(count(a, axis)))[()]) if returned else y
    if shape_of(weights) != shape_of(a):
        axes = axes_of(a, axis)
        if shape_of(weights) != tuple(shape_of(a)[i] for i in axes):
            raise ShapeError(f"average: weights of shape {shape_of(weights)} do not fit axis {axis} of {shape_of(a)}")
        weights = transpose(weights, axes=[int(i) for i in np.argsort(axes)])
        weights = reshape(weights, tuple([n if i in axes else 1 for i, n in enumerate(shape_of(a))]))
    spread = wide(broadcast_to(weights, shape=shape_of(a)))
    total = sum(spread, axis=axis, keepdims=keepdims)
    empty = plain(total) == 0
    if not isinstance(empty, Lifted) and np.any(empty):
        raise InvalidValue("average: the weights add up to zero")
    y = sum(a * spread, axis=axis, keepdims=keepdims) / total
    return (y, total) if returned else y


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    """Return the covariance matrix of variables in rows (or columns)."""
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if isinstance(given, Node):
            raise NoDerivativeRule(f"np.cov has no derivative rule for {name}=: give plain numbers (node.value)")
    rows = [np.atleast_2d(z) for z in (m, y) if z is not None]
    rows = [z if rowvar or shape_of(z)[0] == 1 else transpose(z) for z in rows]
    x = rows[0] if len(rows) == 1 else np.vstack(rows)
    one_row = np.zeros((*[1] * (len(shape_of(x)) - 1), shape_of(x)[-1]))
    np.cov(one_row, bias=bias, ddof=ddof, fweights=fweights, aweights=aweights)  # NumPy warns, and refuses
    counts = 1.0 if fweights is None else np.asarray(fweights, float)
    weights = np.broadcast_to(counts * (1.0 if aweights is None else np.asarray(aweights, float)), shape_of(x)[1])
    total = float(np.sum(weights))
    lost: float = int(bias == 0) if ddof is None else ddof
    if aweights is not None:
        lost = lost * float(np.sum(weights * aweights)) / total
    centered = x - average(x, axis=1, weights=broadcast_to(weights, shape=shape_of(x)), keepdims=True)
    return np.squeeze(centered @ transpose(centered * weights) / builtins.max(total - lost, 0.0))


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """Return the matrix of correlation coefficients: the covariances over the deviations."""
    c = cov(x, y, rowvar)
    if shape_of(c) == ():
        return c / c
    deviation = sqrt(np.diag(c))
    return c / deviation[:, None] / deviation[None, :]


def _filled(a: Any, filling: float) -> Any:
    return where(np.isnan(plain(a)), filling, wide(a))


def _counts(a: Any, axis: Axis, keepdims: bool = False) -> Any:
    """Tell how many entries are not NaN."""
    return np.sum(~np.isnan(plain(a)), axis=axis if axis is None else folded_axes(a, axis), keepdims=keepdims)


def _share(total: Any, counts: Any, words: str) -> Any:
    """Return the total over the counts; NaN, with NumPy's words, where nothing is left to count."""
    counts = np.reshape(counts, shape_of(total))
    return _or_nan(total / where(counts <= 0, 1, counts), counts <= 0, words)


def _or_nan(result: Any, lacking: Any, words: str) -> Any:
    """Return the result, and NaN where it lacks entries, with NumPy's warning."""
    if not isinstance(lacking, Lifted):
        if not np.any(lacking):
            return result
        warnings.warn(words, RuntimeWarning, stacklevel=3)
    return where(lacking, np.nan, result)


def nansum(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the sum of what is not NaN."""
    return sum(_filled(a, 0.0), axis=axis, keepdims=keepdims)


def _extreme(op: Any, filling: float, a: Any, axis: Axis, keepdims: bool) -> Any:
    """Return the largest or smallest entry that is not NaN."""
    nothing = _counts(a, axis, keepdims) == 0
    return _or_nan(op(_filled(a, filling), axis=axis, keepdims=keepdims), nothing, "All-NaN slice encountered")


def nanvar(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Return the variance of what is not NaN."""
    lacking = np.isnan(plain(a))
    if not isinstance(lacking, Lifted) and not np.any(lacking) and np.all(_counts(a, axis) > ddof):
        return var(a, axis if shape_of(a) else folded_axes(a, axis), ddof, keepdims)
    center = nansum(a, axis, keepdims=True) / np.maximum(_counts(a, axis, keepdims=True), 1)
    total = sum(square(where(lacking, 0.0, a - center)), axis=axis, keepdims=keepdims)
    return _share(total, _counts(a, axis) - ddof, "Degrees of freedom <= 0 for slice.")


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Sum the weights of equal numbers; the numbers themselves are plain."""
    numbers = as_array(plain(x))
    if numbers.dtype.kind not in "iub":
        raise InvalidType("bincount counts whole numbers: x must be an integer array, and only weights may be a Node")
    numbers = numbers.astype(int)
    length = len(np.bincount(numbers, minlength=minlength))
    return scatter(astype(weights, dtype=float), positions=numbers + 1, shape=(length,))


answer(np, average, bincount, corrcoef, cov, nansum, nanvar)
answer(
    np,
    nancumprod=lambda a, axis=None: cumprod(_filled(a, 1.0), axis=axis),
    nancumsum=lambda a, axis=None: cumsum(_filled(a, 0.0), axis=axis),
    nanmax=lambda a, axis=None, keepdims=False: _extreme(max, -np.inf, a, axis, keepdims),
    nanmean=lambda a, axis=None, keepdims=False: _share(
        nansum(a, axis, keepdims), _counts(a, axis), "Mean of empty slice"
    ),
    nanmin=lambda a, axis=None, keepdims=False: _extreme(min, np.inf, a, axis, keepdims),
    nanprod=lambda a, axis=None, keepdims=False: prod(_filled(a, 1.0), axis=axis, keepdims=keepdims),
    nanstd=lambda a, axis=None, ddof=0, keepdims=False: root(nanvar(a, axis, ddof, keepdims)),
    ptp=lambda a, axis=None, keepdims=False: (
        max(a, axis=axis, keepdims=keepdims) - min(a, axis=axis, keepdims=keepdims)
    ),
)
