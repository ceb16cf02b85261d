"""Norms, condition numbers, and products, powers and inverses said with other ops.

All norms are one op, NumPy's own, whose rule asks what is measured. At zero a norm is bent to a point: its derivative
there is 0, and it has no second one. Entries, sums and singular values that are largest together share the gradient.
"""

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, ShapeError
from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.op import op
from tinygrad_ed.graph.values import Lifted, shape_of
from tinygrad_ed.ops.elementwise import absolute, over, power, sign_of, where
from tinygrad_ed.ops.linalg import dot, matmul
from tinygrad_ed.ops.numpy.decompose import inv, inverse, solve
from tinygrad_ed.ops.numpy.spectral import no_infinity, of_singular_values, rounding, svdvals
from tinygrad_ed.ops.reduce import axes_of, count, lift, max, min, of_extreme, sum
from tinygrad_ed.ops.shape import astype, moveaxis, ravel, reshape, transpose
from tinygrad_ed.ops.typed import answer


def _of_norm(g: Any, y: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    axes, g = axes_of(x, axis), lift(g, x, axis)
    if ord in (None, "f", "fro") or (ord == 2 and len(axes) == 1):
        return g * over(x, lift(y, x, axis))
    sign = sign_of(x)
    if len(axes) == 2:
        return _of_singular_norm(g, x, ord, axes) if ord in (2, -2, "nuc") else sign * _of_sums(g, x, ord, axes)
    if abs(ord) == np.inf:
        return sign * of_extreme(g, y, absolute(x), axis)
    if ord in (0, 1):
        return ord * sign * g
    size, y = absolute(x), lift(y, x, axis)
    if ord > 0:
        return g * sign * power(over(size, y), ord - 1.0)
    return g * sign * power(y / where(plain(size) == 0, np.nan, size), 1.0 - ord)  # NaN is made right below


def _of_singular_norm(g: Any, x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """Return the gradient of the sum, of the largest or of the smallest singular value."""
    matrices = moveaxis(x, axes, (-2, -1))
    s = svdvals(matrices)
    g = reshape(g, (*shape_of(s)[:-1], 1))
    place = np.arange(shape_of(s)[-1])  # the first one is the largest; equal ones will share what it gets
    parts = g * (place >= 0 if ord == "nuc" else place == (0 if ord == 2 else len(place) - 1))
    return moveaxis(of_singular_values(parts, s, matrices), (-2, -1), axes)


def _of_sums(g: Any, x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """Return the gradient of the largest or smallest sum of absolute values: of columns (±1) or of rows (±inf)."""
    along, across = axes if abs(ord) == 1 else axes[::-1]
    sums = sum(absolute(x), axis=along, keepdims=True)
    values = plain(sums)
    return of_extreme(g, np.max(values, across, initial=0.0) if ord > 0 else np.min(values, across), sums, across)


def _forward_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord in (2, -2, "nuc") and len(axes_of(x, axis)) == 2 and not isinstance(x, Lifted):
        no_infinity(x)
    return np.linalg.norm(x, ord, axis, keepdims)


norm = op("norm", _forward_norm, _of_norm)


def vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return (sum |x_i|^ord)^(1/ord) over any number of axes."""
    axes = axes_of(x, axis)
    if axis is None or isinstance(axis, tuple):
        rows = moveaxis(x, axes, tuple(range(len(axes))))
        y = norm(reshape(rows, (count(x, axes), *shape_of(rows)[len(axes) :])), ord=ord, axis=0)
    else:
        y = norm(x, ord=ord, axis=axis)
    return lift(y, x, axes) if keepdims else y


def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return a norm of each matrix: fro, nuc, 1, -1, 2, -2, inf or -inf."""
    return norm(x, ord=ord, axis=(-2, -1), keepdims=keepdims)


_regular = op("regular", lambda x, singular: x, lambda g, y, x, singular: where(singular, np.nan, g), None)


def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number, |x| |x^-1|; for the 2-norm the ratio of the singular values.

    It is infinite, or any large number, for a singular matrix, and has no derivative there.
    """
    if 0 in shape_of(x)[-2:]:
        raise ShapeError(f"cond: a matrix of shape {shape_of(x)} has no entries, so no condition number")
    with np.errstate(all="ignore"):
        if p in (None, 2, -2):
            s = svdvals(x)
            large, small = max(s, axis=-1, keepdims=True), min(s, axis=-1, keepdims=True)
            ratio = small / large if p == -2 else large / _regular(small, plain(small) <= rounding(x, s)[..., 0])
        else:
            back = inverse(astype(x, dtype=float) if x.dtype == np.float32 else x)  # as NumPy has it
            ratio = matrix_norm(x, ord=p, keepdims=True) * matrix_norm(back, ord=p, keepdims=True)
        ratio = reshape(astype(ratio, dtype=x.dtype), shape_of(x)[:-2])
    lost = np.isnan(plain(ratio)) & ~np.any(np.isnan(plain(x)), axis=(-2, -1))
    return where(lost, np.inf, ratio)


# Products of matrices


def matrix_power(a: Any, n: int) -> Any:
    """Return a multiplied by itself n times, by repeated squaring."""
    n = operator.index(n)  # of unsigned ones there is no -n
    one = np.linalg.matrix_power(plain(a), 0)  # NumPy refuses what is no square
    if n == 0:
        return one
    base, n = (inv(a), -n) if n < 0 else (a, n)
    if n == 3:  # in NumPy's order
        return matmul(matmul(base, base), base)
    result = None
    while n:
        if n % 2:
            result = base if result is None else matmul(result, base)
        n //= 2
        base = matmul(base, base) if n else base
    return result


def multi_dot(arrays: Sequence[Any]) -> Any:
    """Return the product of several matrices, in the order that takes the fewest multiplications."""
    if len(arrays) < 2:
        raise InvalidValue(f"multi_dot takes two matrices or more, but got {len(arrays)}")
    if len(arrays) == 2:
        return dot(*arrays)
    first, *between, last = arrays
    rows = first if len(shape_of(first)) > 1 else reshape(first, (1, -1))
    columns = last if len(shape_of(last)) > 1 else reshape(last, (-1, 1))
    y = _in_best_order([rows, *between, columns])
    return reshape(y, (*shape_of(first)[:-1], *shape_of(last)[1:]))


def _in_best_order(matrices: Sequence[Any]) -> Any:
    """Multiply a chain, each part cut in two where that costs least; at equal costs where NumPy cuts it."""
    n, sizes = len(matrices), [shape_of(m)[0] for m in matrices] + [shape_of(matrices[-1])[1]]
    costs, cuts = {(i, i + 1): 0 for i in range(n)}, {}
    for i, j in [(i, i + length) for length in range(2, n + 1) for i in range(n + 1 - length)]:
        costs[i, j], cuts[i, j] = builtins.min(
            [(costs[i, k] + costs[k, j] + sizes[i] * sizes[k] * sizes[j], k) for k in range(i + 1, j)]
        )

    def product(i: int, j: int) -> Any:
        return dot(product(i, cuts[i, j]), product(cuts[i, j], j)) if j - i > 1 else matrices[i]

    return product(0, n)


def tensorinv(a: Any, ind: int = 2) -> Any:
    """Return the inverse with respect to `tensordot` over `ind` axes."""
    if ind <= 0:
        raise InvalidValue(f"tensorinv: ind counts axes, so it is at least 1, not {ind}")
    rows, columns = shape_of(a)[:ind], shape_of(a)[ind:]
    return reshape(inv(reshape(a, (math.prod(columns), -1))), columns + rows)


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Return x with `tensordot(a, x, x.ndim) = b`."""
    if axes is not None:
        moved = [axis % len(shape_of(a)) for axis in axes]
        a = transpose(a, [i for i in range(len(shape_of(a))) if i not in moved] + moved)
    shape = shape_of(a)[len(shape_of(b)) :]
    return reshape(solve(reshape(a, (-1, math.prod(shape))), ravel(b)), shape)


answer(np.linalg, cond, matrix_norm, matrix_power, multi_dot, norm, tensorinv, tensorsolve, vector_norm)
