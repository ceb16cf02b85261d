"""Eigenvalues, eigenvectors and singular values, also where some of them are equal or zero.

eigh and svd are one op each, whose results lie side by side in one array. The eigenvalues and singular values are read
off it by ops with rules of their own, V diag(g) V^T and U diag(g) V^T: they have derivatives where the vectors have
none. eigh and eigvalsh read one triangle of the matrix, so the gradient lies there.

Conventions. Vectors of equal eigenvalues or singular values (equal to rounding) may be turned in their space, so they
have no derivative: a gradient that arrives at them becomes NaN, unless it is the same however they are turned. Equal
values share their gradient equally, as equal maxima do; if their gradients differ, `tg.debug()` warns. A singular value
at zero is at a kink, as a norm is: its first derivative is 0, and it has no second one.

Sources: Giles (2008), Townsend (2016).
"""

import builtins
import math
import warnings
from typing import Any

import numpy as np

from tinygrad_ed.node import plain
from tinygrad_ed.operation import HANDLERS, Op, op
from tinygrad_ed.ops.elementwise import absolute, where
from tinygrad_ed.ops.reduce import max, sum
from tinygrad_ed.ops.shape import flip, reshape
from tinygrad_ed.recording import observer
from tinygrad_ed.values import Lifted, shape_of, short


def lower(n: int, diagonal: float) -> Any:
    """Ones below the diagonal, and another number on it."""
    return np.tri(n, k=-1) + diagonal * np.eye(n)


def row(x: Any) -> Any:
    """Each vector as a matrix of one row."""
    return reshape(x, (*shape_of(x)[:-1], 1, shape_of(x)[-1]))


def flat(*parts: Any) -> Any:
    """Stacks of arrays, given with their numbers of axes, as one stack of vectors."""
    rows = [np.reshape(part, (*part.shape[:-k], math.prod(part.shape[-k:]))) for part, k in parts]
    return np.concatenate(rows, axis=-1)


def unflat(y: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The arrays of the given shapes out of a stack of vectors."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        parts.append(reshape(y[..., start : start + size], (*shape_of(y)[:-1], *shape)))
        start += size
    return parts


def rounding(x: Any, values: Any) -> Any:
    """How far rounding may move eigenvalues or singular values of x; two that are nearer count as equal."""
    eps, n = np.finfo(plain(x).dtype).eps, builtins.max(shape_of(x)[-2:])
    return 8 * n * eps * np.max(np.abs(plain(values)), axis=-1, initial=0.0)[..., None, None]


def _nothing(n: Any) -> Any:
    """What is zero beside the largest entry of a matrix, to rounding."""
    return 100 * np.finfo(n.dtype).eps * np.max(np.abs(n), axis=(-2, -1), keepdims=True, initial=0.0)


def _forward_divided(n: Any, d: Any, tiny: Any, pairs: bool = False) -> Any:
    none, zero = np.abs(n) <= _nothing(n), np.abs(d) <= tiny
    if pairs:
        own = np.diagonal(n, axis1=-2, axis2=-1)
        none &= np.abs(own[..., None] - own[..., None, :]) <= _nothing(n)
    return np.where(zero & none, 0.0, np.where(zero, np.nan, n / np.where(zero, 1.0, d)))


def _of_divided(g: Any, y: Any, n: Any, d: Any, tiny: Any, pairs: bool = False) -> Any:
    if pairs:  # n was c times the identity there, and stays so
        own = np.abs(np.diagonal(plain(n), axis1=-2, axis2=-1)) > _nothing(plain(n))[..., 0]
        g = where((np.abs(plain(d)) <= tiny) & (plain(y) == 0) & own[..., None], 0.0, g)
    return _divided(g, d, tiny)


# n / d for matrices. Where d is zero, or no more than `tiny`: 0 for 0 / 0 (zero beside other entries of n), else NaN.
# In a matrix of pairs i, j of equal values, n must be the same on the diagonal as well: then turning does nothing.
_divided: Op = op(
    "divided",
    _forward_divided,
    _of_divided,
    lambda g, y, n, d, tiny, pairs=False: -_divided(g * y, d, tiny),
    None,
    broadcasts=True,
)


def _by_gaps(n: Any, values: Any, tiny: Any, sign: float = -1.0) -> Any:
    """n_ij / (v_j - v_i), or over the sum; 0 on the diagonal."""
    gaps = row(values) + sign * row(values).mT + np.diag(np.full(shape_of(values)[-1], np.inf))
    return _divided(n, gaps, tiny, pairs=True)


def _shares(g: Any, values: Any, tiny: Any) -> Any:
    """The gradients of values, of which equal ones get the mean; as rows."""
    v, given = plain(values), plain(g)
    tied = np.abs(v[..., None] - v[..., None, :]) <= tiny
    watched = observer.get() is not None and not isinstance(given, Lifted) and not isinstance(v, Lifted)
    if watched and np.any(tied & (given[..., None] != given[..., None, :])):
        warnings.warn(
            f"eigenvalues or singular values are equal (to rounding; the values are {short(v)}) but get different "
            f"gradients ({short(given)}): there is no derivative here, so the equal ones share what they get",
            stacklevel=2,
        )
    return row(g) @ (tied / np.sum(tied, axis=-1, keepdims=True))


# Eigenvalues: [w; V], the eigenvalues above the eigenvectors


def _forward_eigh(x: Any, UPLO: Any = "L") -> Any:
    w, v = np.linalg.eigh(x, UPLO)
    return np.concatenate([w[..., None, :], v], axis=-2)


def _on_triangle(whole: Any, UPLO: str) -> Any:
    """The gradient of a symmetric matrix, as that of the triangle that is read."""
    triangle = lower(shape_of(whole)[-1], 0.5)
    return (whole + whole.mT) * (triangle if UPLO.upper() == "L" else triangle.T)


def _of_eigenvectors(g: Any, y: Any, x: Any, UPLO: Any = "L") -> Any:
    v, w = y[..., 1:, :], _eigenvalues(x, y, UPLO=UPLO)
    inner = _by_gaps(v.mT @ g[..., 1:, :], w, rounding(x, w))
    return _on_triangle(v @ inner @ v.mT, UPLO)


def _of_eigenvalues(g: Any, w: Any, x: Any, y: Any = None, UPLO: Any = "L") -> Any:
    g, y = _shares(g, w, rounding(x, w)), _eigh(x, UPLO=UPLO) if y is None else y
    return _on_triangle(_symmetric(g, x, y, UPLO=UPLO), UPLO)


def _along_eigenvectors(g: Any, s: Any, gw: Any, x: Any, y: Any, UPLO: Any = "L") -> Any:
    """How V diag(gw) V^T moves with x: V (M_ij (gw_j - gw_i) / (w_j - w_i)) V^T, with M = V^T g V."""
    v, w = y[..., 1:, :], _eigenvalues(x, y, UPLO=UPLO)
    inner = _by_gaps(v.mT @ g @ v, w, rounding(x, w)) * (gw - gw.mT)
    return _on_triangle(v @ inner @ v.mT, UPLO)


_eigh: Op = op("eigh", _forward_eigh, _of_eigenvectors)
_eigenvalues: Op = op("eigenvalues", lambda x, y, UPLO="L": y[..., 0, :], _of_eigenvalues, None)
eigvalsh: Op = op("eigvalsh", np.linalg.eigvalsh, _of_eigenvalues)
_symmetric: Op = op(
    "symmetric",
    lambda gw, x, y, UPLO="L": (y[..., 1:, :] * gw) @ y[..., 1:, :].mT,
    lambda g, s, gw, x, y, UPLO="L": sum(y[..., 1:, :] * (g @ y[..., 1:, :]), axis=-2, keepdims=True),
    _along_eigenvectors,
    None,
)


def eigh(a: Any, UPLO: Any = "L") -> Any:
    """Return the eigenvalues and eigenvectors of a symmetric matrix, of which one triangle is read."""
    y = _eigh(a, UPLO=UPLO)
    return type(np.linalg.eigh(np.eye(1)))(_eigenvalues(a, y, UPLO=UPLO), y[..., 1:, :])


# Singular values: U, s and V^T flat, one after the other


def _svd_shapes(x: Any, full: bool) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    m, n = shape_of(x)[-2:]
    k = m if m < n else n
    return ((m, m), (k,), (n, n)) if full else ((m, k), (k,), (k, n))


def _forward_svd(x: Any, full: bool = False) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=full)
    return flat((u, 2), (s, 1), (vh, 2))


def _parts(x: Any, y: Any, full: bool) -> Any:
    """U and V^T, of k columns and rows, and the singular values."""
    u, _, vh = unflat(y, *_svd_shapes(x, full))
    s = _singular_values(x, y, full=full)
    k = shape_of(s)[-1]
    return u[..., :, :k], s, vh[..., :k, :]


def _of_svd(g: Any, y: Any, x: Any, full: bool = False) -> Any:
    """By sums and differences of what turns U and what turns V: they are divided by s_j - s_i and s_j + s_i."""
    shapes = _svd_shapes(x, full)
    (u, s, vh), (gu, _, gvh), (m, n) = _parts(x, y, full), unflat(g, *shapes), shape_of(x)[-2:]
    k, tiny = shape_of(s)[-1], rounding(x, s)
    left, right = u.mT @ gu[..., :, :k], vh @ gvh[..., :k, :].mT
    p, q = _by_gaps(left + right, s, tiny), _by_gaps(left - right, s, tiny, sign=1.0)
    whole = u @ (0.5 * (p + p.mT + q - q.mT)) @ vh
    if m > k:
        outside = gu[..., :, :k] - u @ left
        if full:
            others = unflat(y, *shapes)[0][..., :, k:]
            outside = outside - others @ (gu[..., :, k:].mT @ u)
            whole = whole + undetermined(others.mT @ gu[..., :, k:])
        whole = whole + _divided(outside, row(s), tiny) @ vh
    if n > k:
        outside = gvh[..., :k, :] - right.mT @ vh
        if full:
            others = unflat(y, *shapes)[2][..., k:, :]
            outside = outside - (vh @ gvh[..., k:, :].mT) @ others
            whole = whole + undetermined(others @ gvh[..., k:, :].mT)
        whole = whole + u @ _divided(outside, row(s).mT, tiny)
    return whole


def undetermined(z: Any) -> Any:
    """NaN if a gradient asks for more of vectors than the space that they span, by turning them in it; else 0.

    They are columns of U, and z is U^T g.
    """
    one, size = np.eye(shape_of(z)[-1]), max(absolute(z), axis=(-2, -1), keepdims=True)
    turned = z - z.mT + one * (size + 1e-30)  # what is on the diagonal only says what is zero beside it
    return sum(_divided(turned, np.where(one == 1, np.inf, 0.0), 0.0, pairs=True), axis=(-2, -1), keepdims=True)


def of_singular_values(g: Any, s: Any, x: Any, y: Any = None, full: bool = False) -> Any:
    """Return the gradient of x from that of its singular values, and what the svd gave, if it is at hand."""
    tiny = rounding(x, s)
    g = _shares(g, s, tiny) * (row(plain(s)) > tiny)
    return _rectangular(g, x, _svd(x) if y is None else y, full=full)


def _forward_rectangular(gs: Any, x: Any, y: Any, full: bool = False) -> Any:
    u, _, vh = _parts(x, y, full)
    return (u * gs) @ vh


def _of_rectangular(g: Any, r: Any, gs: Any, x: Any, y: Any, full: bool = False) -> Any:
    u, _, vh = _parts(x, y, full)
    return sum(u * (g @ vh.mT), axis=-2, keepdims=True)


def _along_singular_vectors(g: Any, r: Any, gs: Any, x: Any, y: Any, full: bool = False) -> Any:
    """How U diag(gs) V^T moves with x, with M = U^T g V; a singular value of zero has no second derivative."""
    (u, s, vh), (m, n) = _parts(x, y, full), shape_of(x)[-2:]
    k, tiny, inner = shape_of(s)[-1], rounding(x, s), u.mT @ g @ vh.mT
    kink = _divided(inner * np.eye(k), row(s), tiny) * 0.0
    p = _by_gaps(inner + inner.mT, s, tiny) * (gs - gs.mT)
    q = _by_gaps(inner - inner.mT, s, tiny, sign=1.0) * (gs + gs.mT)
    whole = u @ (0.5 * (p + q) + kink) @ vh
    if m > k:
        whole = whole + (_divided(g @ vh.mT - u @ inner, row(s), tiny) * gs) @ vh
    if n > k:
        whole = whole + u @ (_divided(u.mT @ g - inner @ vh, row(s).mT, tiny) * gs.mT)
    return whole


_svd: Op = op("svd", _forward_svd, _of_svd)
_singular_values: Op = op(
    "singular_values",
    lambda x, y, full=False: unflat(y, *_svd_shapes(x, full))[1],
    of_singular_values,
    None,
)
svdvals: Op = op("svdvals", np.linalg.svdvals, of_singular_values)
_rectangular: Op = op("rectangular", _forward_rectangular, _of_rectangular, _along_singular_vectors, None)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Return U, s, V^T; the vectors beyond the singular values count as a space only (see `undetermined`)."""
    if hermitian:
        return _svd_of_symmetric(a, compute_uv)
    if not compute_uv:
        return svdvals(a)
    y = _svd(a, full=full_matrices)
    u, _, vh = unflat(y, *_svd_shapes(a, full_matrices))
    return type(np.linalg.svd(np.eye(1)))(u, _singular_values(a, y, full=full_matrices), vh)


def _svd_of_symmetric(a: Any, compute_uv: bool) -> Any:
    """By eigenvalues, as NumPy has it: s = |w|, and the sign goes into V."""
    if not compute_uv:
        return flip(np.sort(absolute(eigvalsh(a))), -1)
    w, v = eigh(a)
    order = np.argsort(np.abs(plain(w)))[..., ::-1]
    sign = np.take_along_axis(np.copysign(1.0, plain(w)), order, axis=-1)
    s, u = np.take_along_axis(absolute(w), order, -1), np.take_along_axis(v, order[..., None, :], -1)
    return type(np.linalg.svd(np.eye(1)))(u, s, (u * sign[..., None, :]).mT)


HANDLERS.update({np.linalg.eigh: eigh, np.linalg.svd: svd})
