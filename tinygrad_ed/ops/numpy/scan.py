"""Running products, differences, slopes and convolutions along an axis.

Each is one op that takes NumPy's own time, and its rule is an op of the same kind: the gradient of differences is made
of differences, that of slopes of slopes, that of a convolution of convolutions. The gradient of a running product
is a recurrence, run backwards, which divides by nothing: so it is right with any number of zeros, to every order.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, NoDerivativeRule
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.values import Array, as_array, shape_of
from tinygrad_ed.ops.elementwise import is_safe, where
from tinygrad_ed.ops.reduce import cumsum, sum
from tinygrad_ed.ops.shape import (
    astype,
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    getitem,
    moveaxis,
    ravel,
    reshape,
    roll,
    stack,
)
from tinygrad_ed.ops.typed import answer

BLOCK = 64
"""How many entries of a recurrence are run one after the other; the blocks run side by side."""


def _side_by_side(x: Any, length: int) -> Any:
    """Return the entries of a block below each other, the blocks side by side, and zeros after the last entry."""
    whole, rest = divmod(len(x), length)
    blocks = np.zeros((length, whole + (rest > 0), *x.shape[1:]), x.dtype)
    np.moveaxis(blocks, 1, 0)[:whole] = x[: whole * length].reshape(whole, length, *x.shape[1:])
    blocks[:rest, whole:] = x[whole * length :, None]
    return blocks


def _run(a: Any, c: Any) -> Any:
    """Compute y_0 = c_0, y_k = a_k y_(k-1) + c_k along the first axis.

    The axis is cut into blocks that run side by side. First each is found as y -> p y + e of what it starts from; what
    they start from is a recurrence of the same kind, and shorter; with that, all run once more.
    """
    n, length = len(c), max(min(len(c), BLOCK), 1)
    a, c = _side_by_side(a, length), _side_by_side(c, length)
    _, blocks, *rest = c.shape
    y = np.zeros((blocks, *rest), c.dtype)
    if blocks > 1:
        p, e = a[0].copy(), c[0].copy()
        with np.errstate(all="ignore"):  # what overflows here may meet a zero; what overflows in the end is said below
            for k in range(1, length):
                p *= a[k]
                e *= a[k]
                e += c[k]
        y[1:] = _run(np.nan_to_num(p[:-1]), e[:-1])
    for k in range(length):
        y = np.multiply(a[k], y, out=a[k])
        y += c[k]
    return np.moveaxis(a, 1, 0).reshape(blocks * length, *rest)[:n]


def _run_back(a: Any, g: Any) -> Any:
    """Compute z_k = g_k + a_(k+1) z_(k+1): what arrives at y_k, from itself and from all that follow."""
    return flip(_recurrence(roll(flip(a, 0), 1, axis=0), flip(g, 0)), 0)


def _before(y: Any, first: float) -> Any:
    """Return each entry's predecessor along the first axis."""
    return concatenate([np.full((1, *shape_of(y)[1:]), first, y.dtype), y[:-1]])


_recurrence: Op = op(
    "recurrence",
    _run,
    lambda g, y, a, c: _run_back(a, g) * _before(y, 0.0),
    lambda g, y, a, c: _run_back(a, g),
)


def _of_cumprod(g: Any, y: Any, x: Any, axis: int | None = None) -> Any:
    if axis is None or not shape_of(x):
        return reshape(_of_cumprod(ravel(g), y, ravel(x), 0), shape_of(x))
    g, y, x = [moveaxis(part, axis, 0) for part in (g, y, x)]
    if type(g) is type(y) is type(x) is np.ndarray and is_safe(y):
        return moveaxis(np.cumsum((g * y)[::-1], axis=0)[::-1] / x, 0, axis)  # the same in less time
    return moveaxis(_run_back(x, g) * _before(y, 1.0), 0, axis)


cumprod = op("cumprod", np.cumprod, _of_cumprod)


def _cumulative(op: Op, initial: float) -> Callable[..., Any]:
    """Return the running sum or product as the array API standard has it: with an axis, and perhaps a first entry."""

    def run(x: Any, axis: Any = None, include_initial: bool = False) -> Any:
        if axis is None and len(shape_of(x)) > 1:
            raise InvalidValue(f"axis= must be given for an array of shape {shape_of(x)}")
        only = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
        axis = 0 if only is None else operator.index(only)
        y = op(x, axis=axis)
        if not include_initial:
            return y
        shape = list(shape_of(y))
        shape[axis] = 1
        return concatenate([np.full(shape, initial), y], axis=axis)

    return run


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Return the differences of neighbors, n times."""
    if n == 0:
        return a
    if n < 0:
        raise InvalidValue(f"diff: n must be at least 0, not {n}")
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(a))) - len(shape_of(a))
    one = tuple([1 if i == len(shape_of(a)) + axis else n for i, n in enumerate(shape_of(a))])
    edges = [z if z is None or shape_of(z) else broadcast_to(z, shape=one) for z in (prepend, append)]
    parts = [part for part in (edges[0], a, edges[1]) if part is not None]
    y = concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        y = _neighbors(y, axis=axis)
    return y


def _from_neighbors(g: Any, axis: int = -1) -> Any:
    """Return what differences send back: they are gained by the entries ahead, and lost by those behind."""
    nothing = np.zeros((), g.dtype)
    return -np.diff(g, axis=axis, prepend=nothing, append=nothing)


_neighbors: Op = op(
    "neighbors",
    lambda x, axis=-1: np.diff(x, axis=axis),
    lambda g, y, x, axis=-1: _of_neighbors(g, axis=axis) if shape_of(x)[axis] else g,
)
_of_neighbors: Op = op("of_neighbors", _from_neighbors, lambda g, y, x, axis=-1: _neighbors(g, axis=axis))


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return the differences of neighbors in the flat array, with something before and after."""
    parts = [] if to_begin is None else [np.ravel(to_begin)]
    parts.append(diff(ravel(ary)))
    parts += [] if to_end is None else [np.ravel(to_end)]
    return astype(concatenate(parts), dtype=np.result_type(as_array(plain(ary)), np.float16))


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Return the integral by the trapezoidal rule."""
    y = np.moveaxis(y, operator.index(axis), -1)
    if x is not None:
        dx = np.diff(x) if len(shape_of(x)) == 1 else np.moveaxis(np.diff(x, axis=axis), axis, -1)
    return (dx * (y[..., 1:] + y[..., :-1]) / 2.0).sum(axis=-1)


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return the slopes of a sampled function: central differences inside, one-sided ones at the ends."""
    if any([isinstance(spacing, Node) for spacing in varargs]):
        raise NoDerivativeRule("np.gradient has no derivative rule for its spacings: give them as plain numbers")
    ndim = len(shape_of(f))
    axes = range(ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)
    spacings = list(varargs or (1.0,))
    spacings *= len(axes) if len(spacings) == 1 and np.ndim(spacings[0]) == 0 else 1
    if len(spacings) != len(axes) or edge_order not in (1, 2):
        raise InvalidValue("gradient takes no spacing, one, or one for each axis; edge_order is 1 or 2")
    slopes = [_slope(f, spacing=h, axis=i - ndim, edge_order=edge_order) for h, i in zip(spacings, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _from_slopes(g: Any, spacing: Any = 1.0, axis: int = -1, edge_order: Any = 1) -> Any:
    """Return what the slopes send back: each entry is in its own and in those of its neighbors."""
    g = np.moveaxis(g, axis, 0)
    n, rest = len(g), [1] * (g.ndim - 1)
    k, places = min(n, 3), np.asarray(spacing, float)
    inside, sent = g[1:-1], np.zeros(g.shape, g.dtype)
    if places.ndim:
        left, right = [steps.reshape(-1, *rest) for steps in (np.diff(places)[:-1], np.diff(places)[1:])]
        sent[1:-1] = (right - left) / (left * right) * inside
        sent[:-2] -= right / (left * (left + right)) * inside
        sent[2:] += left / (right * (left + right)) * inside
    else:
        half = inside / (2.0 * places)
        sent[:-2] -= half
        sent[2:] += half
        places = places * np.arange(k)
    for few, end in ((slice(k), 0), (slice(n - k, n), -1)):
        weights = np.gradient(np.eye(k), places[-k:] if end else places[:k], axis=0, edge_order=edge_order)[end]
        sent[few] += weights.reshape(-1, *rest) * g[end]
    return np.moveaxis(sent, 0, axis)


_slope: Op = op(
    "slope",
    lambda f, spacing=1.0, axis=-1, edge_order=1: np.gradient(f, spacing, axis=axis, edge_order=edge_order),
    lambda g, y, x, **how: _of_slope(g, **how),
)
_of_slope: Op = op("of_slope", _from_slopes, lambda g, y, x, **how: _slope(g, **how))


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Interpolate linearly piece by piece; flat outside. At a node the slope is that of the piece to its right."""
    x, xp, fp = [astype(given, dtype=float) for given in (x, xp, fp)]
    points, knots = as_array(plain(x)), as_array(plain(xp))
    np.interp([], knots, plain(fp), plain(left), plain(right))  # NumPy refuses what does not fit
    i = np.clip(np.searchsorted(knots, points, side="right") - 1, 0, max(len(knots) - 2, 0))
    j = np.minimum(i + 1, len(knots) - 1)
    width = getitem(xp, j) - getitem(xp, i)
    share = (x - getitem(xp, i)) / where(plain(width) == 0, 1.0, width)
    y = getitem(fp, i) + share * (getitem(fp, j) - getitem(fp, i))
    y = where(points < knots[0], fp[0] if left is None else left, y)
    return where(points > knots[-1], fp[-1] if right is None else right, y)


def _whole(g: Any, y: Any, v: Any, mode: str) -> Any:
    """Return the gradient of a full convolution from that of the middle part; others stay."""
    cut = (shape_of(v)[0] - 1) // 2
    rest = shape_of(v)[0] - 1 - cut
    return concatenate([np.zeros(cut, y.dtype), g, np.zeros(rest, y.dtype)]) if mode == "same" else g


_convolve = op(
    "convolve",
    lambda a, v, mode="full": np.convolve(a, v, mode),
    lambda g, y, a, v, mode="full": convolve(_whole(g, y, v, mode), flip(v), "full" if mode == "valid" else "valid"),
    lambda g, y, a, v, mode="full": convolve(_whole(g, y, v, mode), flip(a), "valid"),
)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Return the discrete convolution: products a_i v_j are summed by i + j."""
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    return _convolve(v, a, mode=mode) if shape_of(v)[0] > shape_of(a)[0] else _convolve(a, v, mode=mode)


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Return the cross-correlation: the convolution with v reversed."""
    numpys: Any = np.correlate
    numpys(*[np.zeros((1,) * len(shape_of(x))) for x in (a, v)], mode)  # it refuses all but vectors
    if math.prod(shape_of(v)) > math.prod(shape_of(a)):
        return flip(correlate(v, a, mode))
    return convolve(a, np.flip(np.atleast_1d(v)), mode)


def _ends(of_stop: bool, g: Any, num: int = 50, endpoint: bool = True, axis: int = 0) -> Any:
    """Return what entries that go evenly from start to stop send to one of these."""
    share: Array = np.arange(num) / max(num - 1 if endpoint else num, 1)
    g = moveaxis(g, axis, 0) if axis else g
    return sum(g * np.reshape(share if of_stop else 1.0 - share, (num, *[1] * (len(shape_of(g)) - 1))), axis=0)


_linspace = op(
    "linspace",
    np.linspace,
    lambda g, y, a, b, **how: _ends(False, g, **how),
    lambda g, y, a, b, **how: _ends(True, g, **how),
    broadcasts=True,
)
_geomspace = op(
    "geomspace",
    np.geomspace,
    lambda g, y, a, b, **how: _ends(False, g * y, **how) / a,
    lambda g, y, a, b, **how: _ends(True, g * y, **how) / b,
    broadcasts=True,
)


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, axis: int = 0) -> Any:
    """Return evenly spaced numbers from start to stop."""
    num = operator.index(num)
    if num < 0:
        raise InvalidValue(f"a sequence has no {num} entries: num must be at least 0")
    y = _linspace(start, stop, num=num, endpoint=endpoint, axis=axis)
    pieces = num - 1 if endpoint else num
    return (y, (stop - start) / pieces if pieces > 0 else np.nan) if retstep else y


def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, axis: int = 0) -> Any:
    """Return the base raised to evenly spaced powers."""
    if shape_of(base):
        start, stop, base = np.broadcast_arrays(start, stop, base)
        base = expand_dims(base, axis)
    return base ** linspace(start, stop, num, endpoint, axis=axis)


def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply a function of vectors to every vector along an axis."""
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(arr)))
    rows = moveaxis(arr, axis, -1)
    *kept, length = shape_of(rows)
    together = stack([func1d(row, *args, **kwargs) for row in np.reshape(rows, (math.prod(kept), length))])
    shape = shape_of(together)[1:]
    y = np.reshape(together, (*kept, *shape))
    for k in range(len(shape)):
        y = moveaxis(y, len(kept) + k, axis + k)
    return y


answer(np, apply_along_axis, convolve, correlate, diff, ediff1d, gradient, interp, linspace, logspace, trapezoid)
answer(
    np,
    cumulative_prod=_cumulative(cumprod, 1.0),
    cumulative_sum=_cumulative(cumsum, 0.0),
    geomspace=lambda start, stop, num=50, endpoint=True, axis=0: _geomspace(
        start, stop, num=operator.index(num), endpoint=endpoint, axis=axis
    ),
    unwrap=lambda p, discont=None, axis=-1, period=2 * np.pi: (  # it adds a constant to each entry
        p + (np.unwrap(as_array(plain(p)), discont, axis, period=period) - plain(p))
    ),
)
