"""Matrix products. `matmul` and `outer` have rules; dot, inner and tensordot are said with matmul.

For matrices, y = a b: the gradient of a is g b^T, that of b is a^T g. A vector is a matrix with one row
(left) or one column (right) for the time of the rule; batch axes broadcast as in NumPy.
"""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_ed.errors import ShapeError
from tinygrad_ed.graph.op import op
from tinygrad_ed.graph.values import shape_of
from tinygrad_ed.ops.elementwise import multiply
from tinygrad_ed.ops.shape import expand_dims, ravel, reshape, swapaxes
from tinygrad_ed.ops.typed import answer, typed

__all__ = ["dot", "inner", "matmul", "outer", "tensordot"]

LARGE_PRODUCT = 2**15
"""Entries of a matrix product from which NumPy's `dot`, which fills it with zeros first, may lose to `matmul`."""


def _as_matrices(g: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Give g, a and b their matrix axes: a row for a vector on the left, a column for one on the right."""
    if b.ndim == 1:
        g, b = expand_dims(g, -1), expand_dims(b, -1)
    if a.ndim == 1:
        g, a = expand_dims(g, -2), expand_dims(a, -2)
    return g, a, b


def _of_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 1 and b.ndim > 1:
        return product(g, b.mT)
    g, _, b = _as_matrices(g, a, b)
    rows = matmul(g, swapaxes(b, -1, -2))
    return rows[..., 0, :] if a.ndim == 1 else rows


def _of_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 1 and b.ndim > 1:
        return product(a.mT, g)
    g, a, _ = _as_matrices(g, a, b)
    columns = matmul(swapaxes(a, -1, -2), g)
    return columns[..., 0] if b.ndim == 1 else columns


def product(a: Any, b: Any) -> Any:
    """Return what `a @ b` does; of two small matrices in half the time (see `by_dot`)."""
    if type(a) is type(b) is np.ndarray and a.ndim == b.ndim == 2 and by_dot(a, b):
        return a.dot(b)
    return np.matmul(a, b) if type(a) is type(b) is float else a @ b  # of two floats: NumPy has the words


def by_dot(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether the product of two matrices takes NumPy's `dot` less time than `matmul`.

    Of small ones it does, as it asks less. Of large ones it does where `matmul` has loops of its own: for a column
    times a row, and for what BLAS cannot take (for strides NumPy has that from 2.0 to 2.2).
    """
    if a.size == 1 or b.size == 1:  # for `dot` it is a number, and 0 times inf is 0 then
        return False
    if len(a) * b.shape[1] < LARGE_PRODUCT or b.shape[0] == 1:
        return True
    return a.dtype.char not in "fd" or not (a.flags.forc and b.flags.forc)


matmul = op("matmul", np.matmul, _of_left, _of_right, broadcasts=True)


@typed
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum products over pairs of axes, as `np.tensordot` does."""
    a_shape, b_shape = shape_of(a), shape_of(b)
    if np.ndim(axes) == 0:
        axes = range(-operator.index(axes), 0), range(operator.index(axes))
    over_a = np.lib.array_utils.normalize_axis_tuple(axes[0], len(a_shape))
    over_b = np.lib.array_utils.normalize_axis_tuple(axes[1], len(b_shape))
    summed = [a_shape[i] for i in over_a]
    if summed != [b_shape[i] for i in over_b]:
        raise ShapeError(
            f"tensordot: the axes {over_a} of shape {a_shape} and {over_b} of shape {b_shape} differ in length; "
            "products are summed over pairs of axes of equal length"
        )
    kept_a, kept_b = [[i for i in range(len(s)) if i not in over] for s, over in ((a_shape, over_a), (b_shape, over_b))]
    out_a, out_b, inner_length = [a_shape[i] for i in kept_a], [b_shape[i] for i in kept_b], math.prod(summed)
    rows = np.reshape(np.transpose(a, (*kept_a, *over_a)), (math.prod(out_a), inner_length))
    columns = np.reshape(np.transpose(b, (*over_b, *kept_b)), (inner_length, math.prod(out_b)))
    return reshape(matmul(rows, columns), out_a + out_b)


@typed
def dot(a: Any, b: Any) -> Any:
    """Return the product of `np.dot`: over the last axis of a and the last but one of b."""
    if not shape_of(a) or not shape_of(b):
        return _scaled(a, b)
    if len(shape_of(b)) <= 2:
        return matmul(a, b)
    return tensordot(a, b, ([-1], [-2]))


@typed
def inner(a: Any, b: Any) -> Any:
    """Sum products over the last axes."""
    if not shape_of(a) or not shape_of(b):
        return _scaled(a, b)
    return tensordot(a, b, ([-1], [-1]))


def _scaled(a: Any, b: Any) -> Any:
    """Return the product with a number, which these functions take for an array of float64."""
    ndim = len(shape_of(a)) + len(shape_of(b))
    return multiply(*[x if len(shape_of(x)) == ndim else reshape(x, (1,) * ndim) for x in (a, b)])


outer = op(
    "outer",
    np.outer,
    lambda g, y, a, b: reshape(matmul(g, ravel(b)), shape_of(a)),
    lambda g, y, a, b: reshape(matmul(ravel(a), g), shape_of(b)),
)


answer(np, dot, inner, tensordot)
