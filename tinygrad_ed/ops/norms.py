"""Norms, condition numbers and powers of matrices, said with other ops; `norm2` has the one rule, 0 at zero."""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_ed.errors import ShapeError
from tinygrad_ed.node import plain
from tinygrad_ed.operation import HANDLERS, op
from tinygrad_ed.ops.decompose import inv, solve, svdvals
from tinygrad_ed.ops.elementwise import absolute, power, where
from tinygrad_ed.ops.linalg import matmul
from tinygrad_ed.ops.reduce import Axis, axes_of, lift, max, min, sum
from tinygrad_ed.ops.shape import moveaxis, ravel, reshape
from tinygrad_ed.values import shape_of

norm2 = op(
    "norm2",
    lambda x, axis=None, keepdims=False: np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)),
    lambda g, y, x, axis=None, keepdims=False: lift(g / where(plain(y) == 0, 1.0, y), x, axis) * x,
)


def vector_norm(x: Any, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return (sum |x_i|^ord)^(1/ord), for any ord but 0 also the limits at infinity."""
    if axis is None and not keepdims:
        x, axis = ravel(x), -1
    axes = axes_of(x, axis)
    if ord == 2:
        return norm2(x, axis=axes, keepdims=keepdims)
    if ord == 0:
        return np.linalg.vector_norm(plain(x), axis=axes, keepdims=keepdims, ord=0)
    if ord == np.inf:
        return max(absolute(x), axis=axes, keepdims=keepdims)
    if ord == -np.inf:
        return min(absolute(x), axis=axes, keepdims=keepdims)
    size = absolute(x)
    total = sum(power(size, ord), axis=axes, keepdims=keepdims)
    return where(plain(total) == 0, 0.0, power(where(plain(total) == 0, 1.0, total), 1.0 / ord))


def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return a norm of each matrix: fro, nuc, 1, -1, 2, -2, inf or -inf."""
    if ord in ("fro", "f", None):
        return norm2(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        y = sum(svdvals(x), axis=-1)
    elif ord in (2, -2):
        y = svdvals(x)[..., 0 if ord == 2 else -1]
    elif ord in (1, -1, np.inf, -np.inf):
        sums = sum(absolute(x), axis=-2 if abs(ord) == 1 else -1)
        y = (max if ord > 0 else min)(sums, axis=-1)
    else:
        raise ShapeError(f"matrix norm of ord={ord!r} does not exist; use fro, nuc, 1, -1, 2, -2, inf or -inf")
    return reshape(y, (*shape_of(y), 1, 1)) if keepdims else y


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of vectors or matrices, as `np.linalg.norm` does."""
    ndim = len(shape_of(x))
    if axis is None and (ord is None or (ndim == 1 and ord == 2)):
        return vector_norm(x, axis=None, keepdims=keepdims)
    axes = axes_of(x, axis)
    if len(axes) == 1:
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ShapeError(
            f"norm: axis must be one axis (vectors) or two (matrices), but it is {axis!r} for {shape_of(x)}"
        )
    y = matrix_norm(moveaxis(x, axes, (-2, -1)), ord=ord)
    return reshape(y, tuple([1 if i in axes else n for i, n in enumerate(shape_of(x))])) if keepdims else y


def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number, |x| |x^-1|; for the 2-norm the ratio of the singular values."""
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


# Products of matrices


def matrix_power(a: Any, n: int) -> Any:
    """Return a multiplied by itself n times, by repeated squaring."""
    n = operator.index(n)  # of unsigned ones there is no -n
    if n == 0:
        return np.linalg.matrix_power(plain(a), 0)
    base, n = (inv(a), -n) if n < 0 else (a, n)
    result = None
    while n:
        if n % 2:
            result = base if result is None else matmul(result, base)
        n //= 2
        base = matmul(base, base) if n else base
    return result


def multi_dot(arrays: Any) -> Any:
    """Return the product of several matrices, from left to right."""
    result = arrays[0]
    for factor in arrays[1:]:
        result = matmul(result, factor)
    return result


def tensorinv(a: Any, ind: int = 2) -> Any:
    """Return the inverse with respect to `tensordot` over `ind` axes."""
    rows, columns = shape_of(a)[:ind], shape_of(a)[ind:]
    return reshape(inv(reshape(a, (math.prod(rows), -1))), columns + rows)


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Return x with `tensordot(a, x, x.ndim) = b`."""
    if axes is not None:
        moved = [axis % len(shape_of(a)) for axis in axes]
        a = np.transpose(a, [i for i in range(len(shape_of(a))) if i not in moved] + moved)
    shape = shape_of(a)[len(shape_of(b)) :]
    return reshape(solve(reshape(a, (-1, math.prod(shape))), ravel(b)), shape)


HANDLERS.update(
    {
        np.linalg.cond: cond,
        np.linalg.matrix_norm: matrix_norm,
        np.linalg.matrix_power: matrix_power,
        np.linalg.multi_dot: multi_dot,
        np.linalg.norm: norm,
        np.linalg.tensorinv: tensorinv,
        np.linalg.tensorsolve: tensorsolve,
        np.linalg.vector_norm: vector_norm,
    }
)
