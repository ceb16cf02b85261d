"""Eigenvalues, eigenvectors and singular values, also where some of them are equal or zero.

eigh and svd are one op each, whose results lie side by side in one array; the values are read off it by ops with rules
of their own, V diag(g) V^T and U diag(g) V^T, for they have derivatives where the vectors have none. eigh reads one
triangle of the matrix, so the gradient lies there. What holds where values are equal or zero (vectors get NaN, values
share what they get, a singular value at zero gets 0 and no second derivative) is in `docs/conventions.md`.

Sources: Giles (2008), Townsend (2016).
"""

import builtins
import math
import warnings
from typing import Any

import numpy as np

from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.rule import same
from tinygrad_ed.graph.values import shape_of, short
from tinygrad_ed.ops.elementwise import absolute, watched, where
from tinygrad_ed.ops.reduce import max, sum
from tinygrad_ed.ops.shape import flip, reshape
from tinygrad_ed.ops.typed import answer


def lower(n: int, diagonal: float) -> Any:
    """Return ones below the diagonal, and another number on it."""
    return np.tri(n, k=-1) + diagonal * np.eye(n)


def row(x: Any) -> Any:
    """Return each vector as a matrix of one row."""
    return reshape(x, (*shape_of(x)[:-1], 1, shape_of(x)[-1]))


def flat(*parts: Any) -> Any:
    """Join stacks of arrays, given with their numbers of axes, into one stack of vectors."""
    rows = [np.reshape(part, (*part.shape[:-k], math.prod(part.shape[-k:]))) for part, k in parts]
    return np.concatenate(rows, axis=-1)


def unflat(y: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """Return the arrays of the given shapes out of a stack of vectors."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        parts.append(reshape(y[..., start : start + size], (*shape_of(y)[:-1], *shape)))
        start += size
    return parts


def rounding(x: Any, values: Any) -> Any:
    """Tell how far rounding may move eigenvalues or singular values of x; two that are nearer count as equal."""
    eps, n = np.finfo(plain(x).dtype).eps, builtins.max(shape_of(x)[-2:])
    return 8 * n * eps * np.max(np.abs(plain(values)), axis=-1, initial=0.0)[..., None, None]


SLIGHT = 100
"""How many times eps two gradients may differ and be the same."""


def _forward_divided(n: Any, d: Any, tiny: Any, pairs: bool = False) -> Any:
    none, zero = n == 0, np.abs(d) <= tiny
    if pairs:
        own = np.diagonal(n, axis1=-2, axis2=-1)
        one, other = own[..., None], own[..., None, :]
        slight = SLIGHT * np.finfo(n.dtype).eps * np.maximum(np.abs(one), np.abs(other))
        none = (np.abs(n) <= slight) & (np.abs(one - other) <= slight)
    y = np.where(zero & none, 0.0, np.where(zero, np.nan, n / np.where(zero, 1.0, d)))
    return np.where(np.eye(n.shape[-1], dtype=bool), 0.0 * n, y) if pairs else y


def _of_divided(g: Any, y: Any, n: Any, d: Any, tiny: Any, pairs: bool = False) -> Any:
    if pairs:  # n was c times the identity there, and stays so
        own = np.diagonal(plain(n), axis1=-2, axis2=-1)[..., None]
        other = ~np.eye(shape_of(d)[-1], dtype=bool)
        g = where((np.abs(plain(d)) <= tiny) & (plain(y) == 0) & (own != 0) & other, 0.0, g)
    return _divided(g, d, tiny, pairs=pairs)


# n / d for matrices. Where d is zero, or no more than `tiny`: 0 for 0 / 0, else NaN. In a matrix of pairs i, j of equal
# values it is also 0 if n is a number times the identity, as far as they go: then nothing is changed by turning them.
# And it is 0 on the diagonal, for no value makes a pair with itself.
_divided: Op = op(
    "divided",
    _forward_divided,
    _of_divided,
    lambda g, y, n, d, tiny, pairs=False: -_divided(g * y, d, tiny),
    None,
    broadcasts=True,
)


def _times(n: Any, d: Any, tiny: Any, factor: Any, pairs: bool = False) -> Any:
    """Return n / d times a factor that is zero wherever d is, and is left out there: what is NaN stays NaN."""
    out = np.abs(plain(d)) <= tiny
    out = out | np.eye(shape_of(d)[-1], dtype=bool) if pairs else out
    return _divided(n, d, tiny, pairs=pairs) * where(out, 1.0, factor)


def _gaps(values: Any, sign: float = -1.0) -> Any:
    """Return v_j - v_i, or the sum."""
    return row(values) + sign * row(values).mT


def _forward_alike(g: Any, tied: Any, zero: Any, vectors: bool = False) -> Any:
    size = np.max(np.abs(g), axis=-1, keepdims=True, initial=0.0)
    mean = g @ (tied / np.sum(tied, axis=-1, keepdims=True)).astype(g.dtype)
    y = np.where(zero, 0.0 * g, mean)
    if not vectors:
        return y
    slight = SLIGHT * np.finfo(g.dtype).eps * size
    same = np.all(~tied | (np.abs(g - np.swapaxes(g, -1, -2)) <= slight), axis=-2, keepdims=True)
    return np.where(same & (~zero | (np.abs(g) <= slight)), y, np.nan)


# The gradients of values, as rows, of which equal ones get the mean, and those at a kink nothing. With `vectors` they
# are NaN where these differ, and at a kink: a function of both, such as U s V^T, may be smooth there, and have another.
_alike: Op = op("alike", _forward_alike, lambda k, y, g, tied, zero, **how: _alike(k, tied, zero, **how), None, None)


def _where_bent(g: Any, y: Any, whole: Any, x: Any, given: Any, tied: Any, zero: Any) -> Any:
    one, other = plain(given)[..., None], plain(given)[..., None, :]
    slight = SLIGHT * np.finfo(whole.dtype).eps * np.maximum(np.abs(one), np.abs(other))
    bent = (tied & (np.abs(one - other) > slight)) | (zero & (other != 0))
    return where(np.any(bent, axis=(-2, -1), keepdims=True), np.nan, 0.0 * g)


# The gradient of the matrix, which has no derivative where equal values get different gradients, or one at a kink gets
# any: NaN, also from what does not move, for how far it moves is not determined.
_bent: Op = op("bent", lambda whole, x, given, tied, zero: whole, same, _where_bent, None, None, None)


def _of_equals(g: Any, values: Any, tiny: Any, vectors: bool, kink: bool = False) -> tuple[Any, Any]:
    """Return the gradients of eigenvalues or singular values, with care for equal ones and zeros; and the values."""
    v, given = plain(values), plain(g)
    tied, zero = np.abs(v[..., None] - v[..., None, :]) <= tiny, (v[..., None, :] <= tiny) & kink
    if not vectors and watched(given, v) and np.any(tied & (given[..., None] != given[..., None, :])):
        warnings.warn(
            f"eigenvalues or singular values are equal (to rounding; the values are {short(v)}) but get different "
            f"gradients ({short(given)}): there is no derivative here, so the equal ones share what they get",
            stacklevel=2,
        )
    return _alike(row(g), tied, zero, vectors=vectors), (g, tied, zero)


def _warn_of_zeros(g: Any, values: Any, single: bool = False) -> None:
    """Say under `tg.debug()` that vectors of zeros get nothing from a product with them, whatever its derivative."""
    v = plain(values)
    if watched(g, v) and np.any(np.sum(v == 0, axis=-1) > (0 if single else 1)):
        warnings.warn(
            f"eigenvalues or singular values are equal and 0 (the values are {short(v)}): of a product of values and "
            "vectors, such as V diag(w) V^T, no derivative arrives at these vectors, and the one that you get may lack "
            "a part; say it with the matrix itself. What is said with the other vectors alone is right",
            stacklevel=2,
        )


def no_infinity(x: Any, message: str = "SVD did not converge") -> Any:
    """Return the matrix; refuse an infinite one, in which LAPACK may search for ever, as NumPy does one with NaN."""
    if np.any(np.isinf(x)):
        raise np.linalg.LinAlgError(message)
    return x


# Eigenvalues: [w; V], the eigenvalues above the eigenvectors


def _readable(x: Any, UPLO: Any) -> Any:
    """Return the matrix; refuse infinities in the triangle that is read."""
    no_infinity(np.triu(x) if UPLO in ("U", "u") else np.tril(x), "Eigenvalues did not converge")
    return x


def _forward_eigh(x: Any, UPLO: Any = "L") -> Any:
    w, v = np.linalg.eigh(_readable(x, UPLO), UPLO)
    return np.concatenate([w[..., None, :], v], axis=-2)


def _on_triangle(whole: Any, UPLO: str) -> Any:
    """Return the gradient of a symmetric matrix, as that of the triangle that is read."""
    triangle = lower(shape_of(whole)[-1], 0.5)
    return (whole + whole.mT) * (triangle if UPLO.upper() == "L" else triangle.T)


def _of_eigenvectors(g: Any, y: Any, x: Any, UPLO: Any = "L") -> Any:
    v, w = y[..., 1:, :], _eigenvalues(x, y, UPLO=UPLO)
    _warn_of_zeros(g, w)
    inner = _divided(v.mT @ g[..., 1:, :], _gaps(w), rounding(x, w), pairs=True)
    return _on_triangle(v @ inner @ v.mT, UPLO)


def _of_eigenvalues(g: Any, w: Any, x: Any, y: Any = None, UPLO: Any = "L") -> Any:
    g, looked_at = _of_equals(g, w, rounding(x, w), vectors=y is not None)
    y = _eigh(x, UPLO=UPLO) if y is None else y
    return _on_triangle(_bent(_symmetric(g, x, y, UPLO=UPLO), x, *looked_at), UPLO)


def _along_eigenvectors(g: Any, s: Any, gw: Any, x: Any, y: Any, UPLO: Any = "L") -> Any:
    """Tell how V diag(gw) V^T moves with x: V (M_ij (gw_j - gw_i) / (w_j - w_i)) V^T, with M = V^T g V."""
    v, w = y[..., 1:, :], _eigenvalues(x, y, UPLO=UPLO)
    inner = _times(v.mT @ g @ v, _gaps(w), rounding(x, w), gw - gw.mT, pairs=True)
    return _on_triangle(v @ inner @ v.mT, UPLO)


_eigh: Op = op("eigh", _forward_eigh, _of_eigenvectors)
_eigenvalues: Op = op("eigenvalues", lambda x, y, UPLO="L": y[..., 0, :], _of_eigenvalues, None)
eigvalsh: Op = op("eigvalsh", lambda x, UPLO="L": np.linalg.eigvalsh(_readable(x, UPLO), UPLO), _of_eigenvalues)
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


def _parts(x: Any, y: Any, full: bool) -> Any:
    """Return U of k columns, the singular values, and V^T of k rows."""
    u, _, vh = unflat(y, *_svd_shapes(x, full))
    s = _singular_values(x, y, full=full)
    k = shape_of(s)[-1]
    return u[..., :, :k], s, vh[..., :k, :]


def _of_svd(g: Any, y: Any, x: Any, full: bool = False) -> Any:
    """Send g back by sums and differences of what turns U and what turns V, divided by s_j - s_i and s_j + s_i."""
    shapes = _svd_shapes(x, full)
    (u, s, vh), (gu, _, gvh), (m, n) = _parts(x, y, full), unflat(g, *shapes), shape_of(x)[-2:]
    k, tiny = shape_of(s)[-1], rounding(x, s)
    _warn_of_zeros(g, s, single=m != n)
    left, right = u.mT @ gu[..., :, :k], vh @ gvh[..., :k, :].mT
    p = _divided(left + right, _gaps(s), tiny, pairs=True)
    q = _divided(left - right, _gaps(s, 1.0), tiny, pairs=True)
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
    """Return NaN if a gradient turns vectors within their space, and so asks for more than that space; else 0.

    They are columns of U, and z is U^T g.
    """
    one, size = np.eye(shape_of(z)[-1]), max(absolute(z), axis=(-2, -1), keepdims=True)
    turned = z - z.mT + one * (size + 1e-30)  # what is on the diagonal only says what is zero beside it
    return sum(_divided(turned, np.zeros_like(one), 0.0, pairs=True), axis=(-2, -1), keepdims=True)


def of_singular_values(g: Any, s: Any, x: Any, y: Any = None, full: bool = False) -> Any:
    """Return the gradient of x from that of its singular values, and what the svd gave, if it is at hand."""
    g, looked_at = _of_equals(g, s, rounding(x, s), vectors=y is not None, kink=True)
    return _bent(_rectangular(g, x, _svd(x) if y is None else y, full=full), x, *looked_at)


def _forward_rectangular(gs: Any, x: Any, y: Any, full: bool = False) -> Any:
    u, _, vh = _parts(x, y, full)
    return (u * gs) @ vh


def _of_rectangular(g: Any, r: Any, gs: Any, x: Any, y: Any, full: bool = False) -> Any:
    u, _, vh = _parts(x, y, full)
    return sum(u * (g @ vh.mT), axis=-2, keepdims=True)


def _along_singular_vectors(g: Any, r: Any, gs: Any, x: Any, y: Any, full: bool = False) -> Any:
    """Tell how U diag(gs) V^T moves with x, with M = U^T g V; a singular value of zero has no second derivative."""
    (u, s, vh), (m, n) = _parts(x, y, full), shape_of(x)[-2:]
    k, tiny, inner = shape_of(s)[-1], rounding(x, s), u.mT @ g @ vh.mT
    kink = _times(inner * np.eye(k), row(s), tiny, 0.0)
    p = _times(inner + inner.mT, _gaps(s), tiny, gs - gs.mT, pairs=True)
    q = _times(inner - inner.mT, _gaps(s, 1.0), tiny, gs + gs.mT, pairs=True)
    whole = u @ (0.5 * (p + q) + kink) @ vh
    if m > k:
        whole = whole + _times(g @ vh.mT - u @ inner, row(s), tiny, gs) @ vh
    if n > k:
        whole = whole + u @ _times(u.mT @ g - inner @ vh, row(s).mT, tiny, gs.mT)
    return whole


_svd: Op = op(
    "svd",
    lambda x, full=False: flat(*zip(np.linalg.svd(no_infinity(x), full_matrices=full), (2, 1, 2), strict=True)),
    _of_svd,
)
_singular_values: Op = op(
    "singular_values", lambda x, y, full=False: unflat(y, *_svd_shapes(x, full))[1], of_singular_values, None
)
svdvals: Op = op("svdvals", lambda x: np.linalg.svdvals(no_infinity(x)), of_singular_values)
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
    """Decompose a symmetric matrix by its eigenvalues, as NumPy does: s = |w|, and the sign goes into V."""
    if not compute_uv:
        return flip(np.sort(absolute(eigvalsh(a))), -1)
    w, v = eigh(a)
    order = np.argsort(np.abs(plain(w)))[..., ::-1]
    sign = np.take_along_axis(np.copysign(1.0, plain(w)), order, axis=-1)
    s, u = np.take_along_axis(absolute(w), order, -1), np.take_along_axis(v, order[..., None, :], -1)
    return type(np.linalg.svd(np.eye(1)))(u, s, (u * sign[..., None, :]).mT)


answer(np.linalg, eigh, eigvalsh, svd, svdvals)
