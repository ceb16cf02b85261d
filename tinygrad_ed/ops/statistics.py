"""Statistics said with other ops: averages, covariances, and the functions that leave NaN out.

An entry that is left out gets the gradient 0.
"""

from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, ShapeError
from tinygrad_ed.node import plain
from tinygrad_ed.operation import HANDLERS
from tinygrad_ed.ops.elementwise import root, sqrt, square, where
from tinygrad_ed.ops.reduce import Axis, axes_of, cumsum, max, min, prod, sum
from tinygrad_ed.ops.scan import cumprod
from tinygrad_ed.ops.shape import astype, broadcast_to, reshape, transpose
from tinygrad_ed.values import as_array, shape_of


def ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The distance from the smallest to the largest entry."""
    return max(a, axis=axis, keepdims=keepdims) - min(a, axis=axis, keepdims=keepdims)


def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    """The weighted mean, sum(w a) / sum(w); the weights may be a Node as well."""
    if weights is None:
        weights = 1.0
    elif shape_of(weights) != shape_of(a):
        if axis is None:
            raise ShapeError(f"average: weights of shape {shape_of(weights)} need axis= for a of shape {shape_of(a)}")
        axes = axes_of(a, axis)
        if shape_of(weights) != tuple(shape_of(a)[i] for i in axes):
            raise ShapeError(f"average: weights of shape {shape_of(weights)} do not fit axis {axis} of {shape_of(a)}")
        weights = transpose(weights, axes=[int(i) for i in np.argsort(axes)])
        weights = reshape(weights, tuple([n if i in axes else 1 for i, n in enumerate(shape_of(a))]))
    spread = broadcast_to(weights, shape=shape_of(a))
    total = sum(spread, axis=axis, keepdims=keepdims)
    mean = sum(a * spread, axis=axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    """The covariance matrix of variables in rows (or columns)."""
    x = np.atleast_2d(m)
    x = x if rowvar or shape_of(x)[0] == 1 else transpose(x)
    if y is not None:
        y = np.atleast_2d(y)
        x = np.vstack([x, y if rowvar or shape_of(y)[0] == 1 else transpose(y)])
    counts = 1.0 if fweights is None else np.asarray(fweights, float)
    weights = np.broadcast_to(counts * (1.0 if aweights is None else np.asarray(aweights, float)), shape_of(x)[1])
    total = float(np.sum(weights))
    lost: float = (0 if bias else 1) if ddof is None else ddof
    if aweights is not None:
        lost = lost * float(np.sum(weights * aweights)) / total
    centred = x - average(x, axis=1, weights=broadcast_to(weights, shape=shape_of(x)), keepdims=True)
    return np.squeeze(centred @ transpose(centred * weights) / (total - lost))


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """The matrix of correlation coefficients: the covariances over the deviations."""
    c = cov(x, y, rowvar)
    if shape_of(c) == ():
        return c / c
    deviation = sqrt(np.diag(c))
    return c / deviation[:, None] / deviation[None, :]


def _filled(a: Any, filling: float) -> Any:
    return where(np.isnan(plain(a)), filling, a)


def _counted(a: Any, axis: Axis) -> Any:
    return np.sum(~np.isnan(plain(a)), axis=axis if axis is None else axes_of(a, axis), keepdims=True)


def nansum(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum of what is not NaN."""
    return sum(_filled(a, 0.0), axis=axis, keepdims=keepdims)


def nanprod(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product of what is not NaN."""
    return prod(_filled(a, 1.0), axis=axis, keepdims=keepdims)


def nancumsum(a: Any, axis: int | None = None) -> Any:
    """The running sum of what is not NaN."""
    return cumsum(_filled(a, 0.0), axis=axis)


def nancumprod(a: Any, axis: int | None = None) -> Any:
    """The running product of what is not NaN."""
    return cumprod(_filled(a, 1.0), axis=axis)


def nanmax(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest entry that is not NaN."""
    return _or_nan(max(_filled(a, -np.inf), axis=axis, keepdims=keepdims), a, axis)


def nanmin(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest entry that is not NaN."""
    return _or_nan(min(_filled(a, np.inf), axis=axis, keepdims=keepdims), a, axis)


def _or_nan(result: Any, a: Any, axis: Axis) -> Any:
    """The result, and NaN where all entries are NaN."""
    nothing = np.reshape(_counted(a, axis) == 0, shape_of(result))
    return where(nothing, np.nan, result) if np.any(nothing) else result


def nanmean(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of what is not NaN."""
    total = nansum(a, axis, keepdims)
    return total / np.reshape(_counted(a, axis), shape_of(total))


def nanvar(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The variance of what is not NaN."""
    centred = where(np.isnan(plain(a)), 0.0, a - nanmean(a, axis, keepdims=True))
    total = sum(square(centred), axis=axis, keepdims=keepdims)
    return total / np.reshape(_counted(a, axis) - ddof, shape_of(total))


def nanstd(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The standard deviation of what is not NaN."""
    return root(nanvar(a, axis, ddof, keepdims))


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Sum the weights of equal numbers; the numbers themselves are plain."""
    from tinygrad_ed.ops.moves import scatter

    numbers = as_array(plain(x))
    if numbers.dtype.kind not in "iu":
        raise InvalidValue("bincount counts whole numbers: x must be an integer array, and only weights may be a Node")
    length = int(np.max(numbers, initial=minlength - 1)) + 1
    return scatter(astype(weights, dtype=float), positions=numbers + 1, shape=(length,))


HANDLERS.update(
    {
        np.average: average,
        np.bincount: bincount,
        np.corrcoef: corrcoef,
        np.cov: cov,
        np.nancumprod: nancumprod,
        np.nancumsum: nancumsum,
        np.nanmax: nanmax,
        np.nanmean: nanmean,
        np.nanmin: nanmin,
        np.nanprod: nanprod,
        np.nanstd: nanstd,
        np.nansum: nansum,
        np.nanvar: nanvar,
        np.ptp: ptp,
    }
)
