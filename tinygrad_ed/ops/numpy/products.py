"""Products over named axes and the products that NumPy builds from them: einsum, kron, cross, vecdot, vdot, ...

einsum is its own rule: the gradient of one operand is the einsum of the gradient with all others, with that
operand's letters as the output. Before that, ellipses get letters, and an operand with a repeated letter
(a diagonal) is read along it.
"""

import operator
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.op import op
from tinygrad_ed.graph.values import constant, shape_of
from tinygrad_ed.ops.linalg import matmul, outer
from tinygrad_ed.ops.numpy.moves import gather
from tinygrad_ed.ops.shape import expand_dims, in_one_dtype, moveaxis, ravel, reshape, stack
from tinygrad_ed.ops.typed import answer

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # what einsum takes; `string` would be slow to import


def _of_einsum(
    g: Any, y: Any, i: int, *xs: Any, terms: tuple[str, ...] = (), out: str = "", optimize: Any = False
) -> Any:
    operands = [g, *(x for k, x in enumerate(xs) if k != i)]
    letters = [out, *(term for k, term in enumerate(terms) if k != i)]
    lengths = [pair for term, x in zip(letters, operands, strict=True) for pair in zip(term, shape_of(x), strict=True)]
    # A letter whose full length only this operand has was summed away alone: the gradient is the same all along it.
    for letter, length in zip(terms[i], shape_of(xs[i]), strict=True):
        if (letter, length) not in lengths:
            operands.append(np.ones(length))
            letters.append(letter)
    # A path that was given is one for the operands of the value; for these NumPy looks for another.
    return _einsum(*operands, terms=tuple(letters), out=terms[i], optimize=optimize is not False or len(xs) > 2)


_einsum = op(
    "einsum",
    lambda *xs, terms=(), out="", optimize=False: np.einsum(f"{','.join(terms)}->{out}", *xs, optimize=optimize),
    _of_einsum,
    broadcasts=True,
    variadic=True,
)


def einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    """Sum products over named axes, as `np.einsum` does, with a string or with lists of axis numbers."""
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    inputs, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise InvalidValue(f"einsum {subscripts!r} names {len(terms)} operands, but {len(operands)} were given")
    # In one dtype: a pair of truth values or of small integers that meet first must not be multiplied as such.
    arrays = in_one_dtype(*[x if isinstance(x, Node) else constant(x) for x in operands])
    free = [letter for letter in LETTERS if letter not in subscripts]
    widths = [len(shape_of(x)) - len(term.replace("...", "")) for term, x in zip(terms, arrays, strict=True)]
    dots = "".join(free[: max([w for w, term in zip(widths, terms, strict=True) if "..." in term], default=0)])
    terms = [term.replace("...", dots[len(dots) - w :]) for term, w in zip(terms, widths, strict=True)]
    if arrow:
        out = out.replace("...", dots)
    else:
        everything = "".join(terms)
        out = dots + "".join(sorted({c for c in everything if everything.count(c) == 1 and c not in dots}))
    read = [_along_diagonals(term, x) for term, x in zip(terms, arrays, strict=True)]
    return _einsum(*[x for _, x in read], terms=tuple([term for term, _ in read]), out=out, optimize=optimize)


def _from_lists(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Return the string for operands that alternate with lists of axis numbers, and a last list for the result."""

    def text(axes: Any) -> str:
        return "".join("..." if axis is Ellipsis else LETTERS[axis] for axis in axes)

    pairs = len(given) // 2
    subscripts = ",".join([text(given[2 * k + 1]) for k in range(pairs)])
    return subscripts + (f"->{text(given[-1])}" if len(given) % 2 else ""), given[0 : 2 * pairs : 2]


def _along_diagonals(term: str, x: Any) -> tuple[str, Any]:
    """Return an operand read where the indices of its repeated letters are equal, and its letters, each once."""
    once = "".join(dict.fromkeys(term))
    if once == term:
        return term, x
    positions = np.arange(1, np.prod(shape_of(x), dtype=int) + 1).reshape(shape_of(x))
    return once, gather(x, positions=np.einsum(f"{term}->{once}", positions))


def kron(a: Any, b: Any) -> Any:
    """Return the Kronecker product: a block of b for each entry of a."""
    ndim = max(len(shape_of(a)), len(shape_of(b)))
    a = np.reshape(a, (1,) * (ndim - len(shape_of(a))) + shape_of(a))
    b = np.reshape(b, (1,) * (ndim - len(shape_of(b))) + shape_of(b))
    one, other = LETTERS[:ndim], LETTERS[ndim : 2 * ndim]
    product = einsum(f"{one},{other}->{''.join([p + q for p, q in zip(one, other, strict=True)])}", a, b)
    return reshape(product, [n * m for n, m in zip(shape_of(a), shape_of(b), strict=True)])


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Return the cross product of vectors of length 3."""
    if axis is not None:
        axisa = axisb = axisc = axis
    axisa, axisb, axisc = map(operator.index, (axisa, axisb, axisc))
    a, b = in_one_dtype(np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1))
    if shape_of(a)[-1] != 3 or shape_of(b)[-1] != 3:
        raise InvalidValue(f"cross wants vectors of length 3, but got shapes {shape_of(a)} and {shape_of(b)}")
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return moveaxis(stack(parts, axis=-1), -1, axisc)


def _outer_of_vectors(x1: Any, x2: Any) -> Any:
    np.linalg.outer(*[np.zeros((1,) * len(shape_of(x))) for x in (x1, x2)])  # NumPy refuses others
    return outer(x1, x2)


_vecdot = op(
    "vecdot",
    np.vecdot,
    lambda g, y, a, b: expand_dims(g, -1) * b,
    lambda g, y, a, b: expand_dims(g, -1) * a,
    broadcasts=True,
)


def vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    """Return the sum of products along one axis."""
    axis = operator.index(axis)
    return _vecdot(x1, x2) if axis == -1 else _vecdot(moveaxis(x1, axis, -1), moveaxis(x2, axis, -1))


op(
    "matvec",
    np.matvec,
    lambda g, y, a, x: expand_dims(g, -1) * expand_dims(x, -2),
    lambda g, y, a, x: matmul(expand_dims(g, -2), a)[..., 0, :],
    broadcasts=True,
)
op(
    "vecmat",
    np.vecmat,
    lambda g, y, x, a: matmul(a, expand_dims(g, -1))[..., 0],
    lambda g, y, x, a: expand_dims(x, -1) * expand_dims(g, -2),
    broadcasts=True,
)


answer(np, cross, einsum, kron, vecdot, vdot=lambda a, b: matmul(ravel(a), ravel(b)))
answer(
    np.linalg,
    matmul,
    vecdot,
    cross=lambda x1, x2, axis=-1: cross(x1, x2, *[operator.index(axis)] * 3),
    outer=_outer_of_vectors,
    tensordot=lambda x1, x2, axes=2: np.tensordot(x1, x2, axes),
)
