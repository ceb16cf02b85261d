"""NumPy's polynomials, highest power first, said with other ops."""

import operator
import warnings
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, NoDerivativeRule, ShapeError
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.values import constant, shape_of
from tinygrad_ed.ops.elementwise import sqrt, square
from tinygrad_ed.ops.linalg import outer
from tinygrad_ed.ops.numpy.decompose import lstsq
from tinygrad_ed.ops.numpy.scan import convolve
from tinygrad_ed.ops.reduce import sum
from tinygrad_ed.ops.shape import astype, concatenate, in_one_dtype, reshape, stack, transpose
from tinygrad_ed.ops.typed import answer


def _powers(g: Any, x: Any, count: int = 0) -> Any:
    """Return the sums of g x^k, highest power first."""
    sums = np.empty(count, np.result_type(g, x))
    for k in range(count):
        sums[count - 1 - k] = np.sum(g)
        g = g * x
    return sums


_polyval: Op = op(
    "polyval",
    np.polyval,
    lambda g, y, p, x: _moments(g, x, count=shape_of(p)[0]),
    lambda g, y, p, x: g * _polyval(polyder(p), x),
)
_moments: Op = op(
    "moments",
    _powers,
    lambda h, y, g, x, count=0: _polyval(h, x),
    lambda h, y, g, x, count=0: g * _polyval(polyder(h), x),
)


def polyval(p: Any, x: Any) -> Any:
    """Return the value at x; of coefficients that are arrays themselves, by Horner's scheme."""
    if len(shape_of(p)) == 1:
        return _polyval(p, x)
    p, x = in_one_dtype(p, x)
    y = 0.0 * x
    for k in range(shape_of(p)[0]):
        y = y * x + p[k]
    return y


def polydiv(u: Any, v: Any) -> Any:
    """Return quotient and remainder, by long division."""
    u, v = np.atleast_1d(u), np.atleast_1d(v)
    if not len(shape_of(u)) == len(shape_of(v)) == 1 or 0 in (*shape_of(u), *shape_of(v)):
        raise ShapeError(f"polydiv: polynomials are vectors, not of shape {shape_of(u)} and {shape_of(v)}")
    dtype = np.result_type(u.dtype, v.dtype, np.float16)
    u, v = astype(u, dtype=dtype), astype(v, dtype=dtype)
    count = shape_of(u)[0] - shape_of(v)[0] + 1
    if count < 1:
        return np.zeros(1, dtype), _trimmed(u, 1e-8)
    y = _divided(u, v)
    return y[:count], _trimmed(y[count:], 1e-8)


def _forward_divided(u: Any, v: Any) -> Any:
    """Return the quotient, then the remainder: with the zeros that NumPy leaves out, without rounding's leftovers."""
    quotient, rest = np.polydiv(u, v)
    size = max(len(v) - 1, 1)
    return np.concatenate([quotient, np.zeros(max(size - len(rest), 0), u.dtype), rest[-size:]])


def _of_dividend(g: Any, y: Any, u: Any, v: Any) -> Any:
    """Send g back to the dividend: transposed, a long division is one from the other end."""
    n, m = shape_of(u)[0], shape_of(v)[0]
    count = n - m + 1
    of_rest = np.pad(g[count:], (n - shape_of(g[count:])[0], 0))
    arriving = np.flip(g[:count] - np.correlate(of_rest, v, "valid"))
    return of_rest + np.pad(np.flip(_divided(np.pad(arriving, (0, m - 1)), v)[:count]), (0, m - 1))


_divided: Op = op(
    "long_division",
    _forward_divided,
    _of_dividend,
    lambda g, y, u, v: -np.correlate(_of_dividend(g, y, u, v), y[: shape_of(u)[0] - shape_of(v)[0] + 1], "valid"),
)


def polyder(p: Any, m: int = 1) -> Any:
    """Return the m-th derivative."""
    if int(m) < 0:
        raise InvalidValue(f"polyder: m must not be negative, but it is {m}; np.polyint integrates")
    for _ in range(int(m)):
        p = p[:-1] * np.arange(shape_of(p)[0] - 1, 0, -1)
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """Return the m-th integral, with integration constants k."""
    m = int(m)
    constants: Any = np.zeros(m) if k is None else np.atleast_1d(k)
    if len(shape_of(constants)) > 1:
        raise ShapeError(f"polyint: the constants k are a vector, not of shape {shape_of(constants)}")
    if shape_of(constants) == (1,):
        constants = [constants[0]] * m
    if len(constants) < m or m < 0:
        raise InvalidValue(f"polyint: {m} integrals want one constant k, or as many, but there are {len(constants)}")
    for i in range(m):
        raised = p / np.arange(shape_of(p)[0], 0, -1)
        p = concatenate([raised, np.reshape(constants[i], (1,))])
    return p


def poly(seq_of_zeros: Any) -> Any:
    """Return the polynomial with these zeros."""
    if len(shape_of(seq_of_zeros)) != 1:
        raise NoDerivativeRule("np.poly on a Node takes the zeros of a polynomial, not a matrix")
    return _poly(seq_of_zeros)


def _of_zeros(g: Any, y: Any, x: Any) -> Any:
    """Sweep back through the products of all t - x_k: no factor is divided out, which would not be stable."""
    factors = [*np.stack([np.ones_like(plain(x)), -x], axis=-1)]
    products, parts = [np.ones(1, y.dtype)], []
    for factor in factors[:-1]:
        products.append(np.convolve(products[-1], factor))
    for factor, product in zip(factors[::-1], products[::-1], strict=True):
        parts.append(-(product * g[1:]).sum())
        g = g[:-1] + factor[1] * g[1:]
    return np.stack(parts[::-1])


_poly = op("poly", np.poly, _of_zeros)


def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Return the coefficients of the polynomial of least squares; powers of x are scaled to length 1, as in NumPy."""
    x, y = [z if isinstance(z, Node) else constant(z) for z in (x, y)]
    n, order = shape_of(x)[0], int(deg) + 1
    if not (0 < n == shape_of(y)[0]) or order < 1:
        raise InvalidType(
            f"polyfit wants x and y of the same length, not {shape_of(x)} and {shape_of(y)}, and deg >= 0"
        )
    rcond = n * np.finfo(x.dtype if x.dtype.kind == "f" else float).eps if rcond is None else rcond
    powers = vander(x, order)
    if w is not None:
        weights = np.reshape(w, (n, 1))
        powers, y = powers * weights, y * (weights if len(shape_of(y)) == 2 else weights[:, 0])
    scale = sqrt(sum(square(powers), axis=0))
    powers = powers / scale
    c, residuals, rank, s = lstsq(powers, y, rcond)
    c = transpose(transpose(c) / scale)
    if full:
        return c, residuals, rank, s, rcond
    if rank != order:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    if not cov:
        return c
    if cov != "unscaled" and n <= order:
        raise InvalidValue(f"polyfit: the covariance of {order} coefficients wants more than {order} points, not {n}")
    spread = np.linalg.inv(transpose(powers) @ powers) / outer(scale, scale)
    spread = spread if len(shape_of(y)) == 1 else reshape(spread, (order, order, 1))
    return c, spread if cov == "unscaled" else spread * residuals / (n - order)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the matrix of the powers of x."""
    outline = np.vander(np.zeros((1,) * len(shape_of(x))), shape_of(x)[0] if N is None else N)
    count, x = outline.shape[1], astype(x, dtype=float)
    powers = range(count) if increasing else range(count - 1, -1, -1)
    return stack([x**k for k in powers], axis=-1) if count else np.zeros((shape_of(x)[0], 0))


def _of_one_length(a1: Any, a2: Any) -> list[Any]:
    both = np.atleast_1d(a1), np.atleast_1d(a2)
    length = max([shape_of(p)[0] for p in both])
    return [concatenate([np.zeros(length - n, p.dtype), p]) if (n := shape_of(p)[0]) < length else p for p in both]


def _trimmed(p: Any, zero: float = 0.0) -> Any:
    """Cut off leading zeros, as NumPy does; return one zero for no coefficient at all."""
    nonzero, length = np.flatnonzero(~(np.abs(plain(p)) <= zero)), shape_of(p)[0]
    return p[int(nonzero[0]) if len(nonzero) else length - 1 :] if length else np.zeros(1)


answer(np, poly, polyder, polydiv, polyfit, polyint, polyval, vander)
answer(
    np,
    polyadd=lambda a1, a2: operator.add(*_of_one_length(a1, a2)),
    polymul=lambda a1, a2: convolve(_trimmed(np.atleast_1d(a1)), _trimmed(np.atleast_1d(a2))),
    polysub=lambda a1, a2: operator.sub(*_of_one_length(a1, a2)),
)
