"""Running products, differences, and integrals along an axis.

The running product is computed by doubling, y_i <- y_i y_(i-d) for d = 1, 2, 4, ...: log2(n) multiplications of whole
arrays and no division, so it is right with any number of zeros, to every order.
"""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, NoDerivativeRule
from tinygrad_ed.node import Node, plain
from tinygrad_ed.operation import HANDLERS
from tinygrad_ed.ops.elementwise import where
from tinygrad_ed.ops.linalg import outer
from tinygrad_ed.ops.moves import scatter
from tinygrad_ed.ops.reduce import cumsum
from tinygrad_ed.ops.shape import astype, broadcast_to, concatenate, expand_dims, flip, moveaxis, ravel, stack
from tinygrad_ed.values import Array, as_array, constant, shape_of


def cumprod(a: Any, axis: int | None = None) -> Any:
    """The running product along an axis (`None`: of the flat array)."""
    if axis is None:
        return cumprod(ravel(a), 0)
    y, step = moveaxis(a, axis, 0), 1
    while step < shape_of(y)[0]:
        y = concatenate([y[:step], y[step:] * y[:-step]])
        step *= 2
    return moveaxis(y, 0, axis)


def cumulative_sum(x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
    """The running sum, as the array API standard has it."""
    return _with_initial(cumsum(x, axis=_only_axis(x, axis)), 0.0, _only_axis(x, axis), include_initial)


def cumulative_prod(x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
    """The running product, as the array API standard has it."""
    return _with_initial(cumprod(x, axis=_only_axis(x, axis)), 1.0, _only_axis(x, axis), include_initial)


def _only_axis(x: Any, axis: int | None) -> int:
    if axis is None and len(shape_of(x)) != 1:
        raise InvalidValue(f"axis= must be given for an array of shape {shape_of(x)}")
    return 0 if axis is None else axis


def _with_initial(y: Any, initial: float, axis: int, include: bool) -> Any:
    if not include:
        return y
    shape = list(shape_of(y))
    shape[axis] = 1
    return concatenate([np.full(shape, initial), y], axis=axis)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours, n times."""
    if n == 0:
        return a
    if n < 0:
        raise InvalidValue(f"diff: n must be at least 0, not {n}")
    first = moveaxis(a, axis, 0)

    def edge(value: Any) -> Any:
        value = value if isinstance(value, Node) else constant(value)
        if shape_of(value) == ():
            return np.broadcast_arrays(value, np.empty((1, *shape_of(first)[1:])))[0]
        return moveaxis(value, axis, 0)

    parts = [edge(prepend)] if prepend is not None else []
    parts += [first] + ([edge(append)] if append is not None else [])
    y = concatenate(parts) if len(parts) > 1 else first
    for _ in range(n):
        y = y[1:] - y[:-1]
    return moveaxis(y, 0, axis)


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of neighbours in the flat array, with something before and after."""
    parts = [] if to_begin is None else [np.ravel(to_begin)]
    parts.append(diff(ravel(ary)))
    parts += [] if to_end is None else [np.ravel(to_end)]
    return astype(concatenate(parts), dtype=np.result_type(as_array(plain(ary)), np.float16))


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral by the trapezoidal rule."""
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(x) if len(shape_of(x)) == 1 else np.moveaxis(np.diff(x, axis=axis), axis, -1)
    return (dx * (y[..., 1:] + y[..., :-1]) / 2.0).sum(axis=-1)


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slopes of a sampled function: central differences inside, one-sided ones at the ends."""
    if any([isinstance(spacing, Node) for spacing in varargs]):
        raise NoDerivativeRule("np.gradient has no derivative rule for its spacings: give them as plain numbers")
    ndim = len(shape_of(f))
    axes = range(ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)
    spacings = [1.0] * len(axes) if not varargs else list(varargs) * (len(axes) if len(varargs) == 1 else 1)
    if len(spacings) != len(axes) or edge_order not in (1, 2):
        raise InvalidValue("gradient takes no spacing, one, or one for each axis; edge_order is 1 or 2")
    slopes = [_slope(f, h, i, edge_order) for h, i in zip(spacings, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    y = moveaxis(f, axis, 0)
    n = shape_of(y)[0]
    if n < edge_order + 1:
        raise InvalidValue(f"gradient needs at least {edge_order + 1} entries along axis {axis}, but there are {n}")
    steps = (
        np.diff(np.asarray(plain(spacing), float)) if np.ndim(plain(spacing)) == 1 else np.full(n - 1, plain(spacing))
    )
    h = steps.reshape(-1, *[1] * (len(shape_of(y)) - 1)).astype(float)
    left, right = h[:-1], h[1:]
    middle = (left**2 * y[2:] + (right**2 - left**2) * y[1:-1] - right**2 * y[:-2]) / (left * right * (left + right))
    if edge_order == 1:
        first, last = (y[1:2] - y[0:1]) / h[:1], (y[-1:] - y[-2:-1]) / h[-1:]
    else:
        a, b = h[:1], h[1:2]
        first = -(2 * a + b) / (a * (a + b)) * y[0:1] + (a + b) / (a * b) * y[1:2] - a / (b * (a + b)) * y[2:3]
        a, b = h[-1:], h[-2:-1]
        last = (2 * a + b) / (a * (a + b)) * y[-1:] - (a + b) / (a * b) * y[-2:-1] + a / (b * (a + b)) * y[-3:-2]
    return astype(moveaxis(concatenate([first, middle, last]), 0, axis), dtype=y.dtype)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Piecewise linear interpolation; flat outside. At a node the slope is that of the piece to its right."""
    x, xp, fp = [astype(given, dtype=float) for given in (x, xp, fp)]
    points, knots = as_array(plain(x)), as_array(plain(xp))
    i = np.clip(np.searchsorted(knots, points, side="right") - 1, 0, max(len(knots) - 2, 0))
    j = np.minimum(i + 1, len(knots) - 1)
    width = np.take(xp, j) - np.take(xp, i)
    share = (x - np.take(xp, i)) / where(plain(width) == 0, 1.0, width)
    y = np.take(fp, i) + share * (np.take(fp, j) - np.take(fp, i))
    y = where(points < knots[0], fp[0] if left is None else left, y)
    return where(points > knots[-1], fp[-1] if right is None else right, y)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """The discrete convolution: products a_i v_j are summed by i + j."""
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    if shape_of(v)[0] > shape_of(a)[0]:
        a, v = v, a
    n, m = shape_of(a)[0], shape_of(v)[0]
    sums = scatter(outer(a, v), positions=1 + np.add.outer(np.arange(n), np.arange(m)), shape=(n + m - 1,))
    return sums[_window(mode, n, m)]


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """The cross-correlation: the convolution with v reversed."""
    n, m = np.size(plain(a)), np.size(plain(v))
    if m > n:
        return flip(correlate(v, a, mode))
    return convolve(a, flip(np.atleast_1d(v)), mode)


def _window(mode: str, n: int, m: int) -> slice:
    """The part of a full convolution of lengths n >= m."""
    if mode not in ("full", "same", "valid"):
        raise InvalidValue(f"unknown mode {mode!r}: full, same or valid")
    start = {"full": 0, "same": (m - 1) // 2, "valid": m - 1}[mode]
    return slice(start, start + {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode])


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, axis: int = 0) -> Any:
    """Evenly spaced numbers from start to stop."""
    num = operator.index(num)
    if num < 0:
        raise InvalidValue(f"a sequence has no {num} entries: num must be at least 0")
    pieces = num - 1 if endpoint else num
    difference = stop - start
    share: Array = np.arange(num) / max(pieces, 1)
    y = start + difference * share.reshape(num, *[1] * len(shape_of(difference)))
    y = moveaxis(y, 0, axis) if axis else y
    return (y, difference / pieces if pieces > 0 else np.nan) if retstep else y


def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, axis: int = 0) -> Any:
    """The base raised to evenly spaced powers."""
    if shape_of(base):
        start, stop, base = np.broadcast_arrays(start, stop, base)
        base = expand_dims(base, axis)
    return base ** linspace(start, stop, num, endpoint, axis=axis)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, axis: int = 0) -> Any:
    """Numbers with equal ratios from start to stop."""
    if not (np.all(plain(start)) and np.all(plain(stop))):
        raise InvalidValue("geomspace: there is no constant ratio from or to zero")
    ratio = stop / start
    shape = shape_of(ratio)
    share = linspace(np.zeros(shape), np.ones(shape), num, endpoint, axis=axis)
    if shape:
        start, ratio = expand_dims(broadcast_to(start, shape=shape), axis), expand_dims(ratio, axis)
    return start * ratio**share


def unwrap(p: Any, discont: float | None = None, axis: int = -1, period: float = 2 * np.pi) -> Any:
    """Remove jumps of a period: adds a constant to each entry."""
    values = as_array(plain(p))
    return p + (np.unwrap(values, discont, axis, period=period) - values)


def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply a function of vectors to every vector along an axis."""
    rows = moveaxis(arr, axis, -1)
    *kept, length = shape_of(rows)
    together = stack([func1d(row, *args, **kwargs) for row in np.reshape(rows, (math.prod(kept), length))])
    shape = shape_of(together)[1:]
    y = np.reshape(together, (*kept, *shape))
    for k in range(len(shape)):
        y = moveaxis(y, len(kept) + k, axis % len(shape_of(arr)) + k)
    return y


HANDLERS.update(
    {
        np.apply_along_axis: apply_along_axis,
        np.convolve: convolve,
        np.correlate: correlate,
        np.cumprod: cumprod,
        np.diff: diff,
        np.ediff1d: ediff1d,
        np.geomspace: geomspace,
        np.gradient: gradient,
        np.interp: interp,
        np.linspace: linspace,
        np.logspace: logspace,
        np.trapezoid: trapezoid,
        np.unwrap: unwrap,
    }
)
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    HANDLERS.update({np.cumulative_sum: cumulative_sum, np.cumulative_prod: cumulative_prod})
