"""Linear algebra: inverses, determinants, triangular factors, least squares; all over stacks of matrices.

The gradient of a determinant is the matrix of cofactors, which every matrix has: that with singular values s has
U diag(prod_(j != i) s_j) V^T, up to a sign. How the cofactors move is of the same kind, with products of all values but
two. cholesky reads one triangle, so the gradient lies there; pinv and lstsq have the derivative along matrices of equal
rank. What has no derivative at a singular matrix gets NaN.

Sources: Giles (2008), Golub & Pereyra (1973), Walter (2012).
"""

import math
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, NoDerivativeRule
from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.values import shape_of
from tinygrad_ed.ops.elementwise import absolute, minimum, square, where
from tinygrad_ed.ops.numpy.spectral import (
    flat,
    lower,
    no_infinity,
    of_singular_values,
    rounding,
    row,
    svd,
    undetermined,
    unflat,
)
from tinygrad_ed.ops.shape import concatenate, reshape, trace
from tinygrad_ed.ops.typed import answer


def _scalar_times(g: Any, x: Any) -> Any:
    """Return a number for each matrix times that matrix."""
    return reshape(g, (*shape_of(g), 1, 1)) * x


def _inverses(x: Any) -> Any:
    """Return the inverse of each matrix; NaN where there is none."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        singular = (np.linalg.slogdet(x)[0] == 0)[..., None, None]
        return np.where(singular, np.nan, np.linalg.inv(np.where(singular, np.eye(x.shape[-1], dtype=x.dtype), x)))


def _of_inv(g: Any, y: Any, x: Any) -> Any:
    return -(y.mT @ g @ y.mT)


inv = op("inv", np.linalg.inv, _of_inv)
inverse = op("inverse", _inverses, _of_inv)  # what rules and cond use: NaN in place of an error


# Determinants


def _others(s: Any) -> Any:
    """Return for each entry of the last axis the product of the others, without a division."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    behind = np.cumprod(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)
    return before * behind[..., : s.shape[-1]][..., ::-1]


def _svd_and_sign(x: Any) -> tuple[Any, Any, Any, Any]:
    """Return U, s, V^T and the sign of det(U) det(V) of each matrix; the sign is NaN where the matrix is not finite."""
    finite = np.all(np.isfinite(x), axis=(-2, -1), keepdims=True)
    u, s, vh = np.linalg.svd(np.where(finite, x, 0.0))  # LAPACK may search for ever in an infinite matrix
    sign = (np.linalg.slogdet(u)[0] * np.linalg.slogdet(vh)[0])[..., None, None]
    return u, s, vh, np.where(finite, sign, np.nan)


def _forward_cofactors(x: Any, d: Any) -> Any:
    """Compute the cofactors by the inverse and the determinant; where that is lost, by singular values."""
    with np.errstate(all="ignore"):
        y = np.asarray(d, x.dtype)[..., None, None] * _inverses(x).mT
    lost = ~np.isfinite(y) & np.all(np.isfinite(x), axis=(-2, -1), keepdims=True)
    if np.any(lost):
        u, s, vh, sign = _svd_and_sign(x)
        y = np.where(lost, sign * ((u * _others(s)[..., None, :]) @ vh), y)
    return y


def _forward_moved(g: Any, x: Any) -> Any:
    """Tell how the cofactors move along g, by singular values: products of all but two of them."""
    u, s, vh, sign = _svd_and_sign(x)
    one, m = np.eye(s.shape[-1], dtype=s.dtype), u.mT @ g @ vh.mT
    but_two = _others(np.where(one == 1, 1.0, s[..., None, :])) * (1.0 - one)
    inner = one * (but_two @ np.diagonal(m, axis1=-2, axis2=-1)[..., None]) - m.mT * but_two
    return sign * (u @ inner @ vh)


def _of_moved(k: Any, y: Any, g: Any, x: Any) -> Any:
    """Return the third derivative of a determinant, by the inverse: NaN where there is none, to rounding."""
    values = _svd_and_sign(plain(x))[1]
    back = inverse(where(row(values)[..., -1:] <= rounding(x, values), 0.0, x)).mT
    s, t = back @ g.mT, back @ k.mT
    a, b, both = trace(s, 0, -2, -1), trace(t, 0, -2, -1), s @ t
    inner = both + t @ s - _scalar_times(b, s) - _scalar_times(a, t)
    return _scalar_times(
        det(x), (inner + _scalar_times(a * b - trace(both, 0, -2, -1), np.eye(shape_of(x)[-1]))) @ back
    )


det: Op = op("det", np.linalg.det, lambda g, y, x: _scalar_times(g, _cofactors(x, y)))
_cofactors: Op = op("cofactors", _forward_cofactors, lambda g, y, x, d: _moved(g, x), None)
_moved: Op = op("cofactors_moved", _forward_moved, lambda k, y, g, x: _moved(k, x), _of_moved)
_logdet = op("logdet", lambda x: np.linalg.slogdet(x)[1], lambda g, y, x: _scalar_times(g, inverse(x).mT))


def slogdet(a: Any) -> Any:
    """Return the sign of the determinant (plain) and the logarithm of its size."""
    values = np.linalg.slogdet(plain(a))
    return type(values)(values[0], _logdet(a))


# Linear equations

_solve: Op = op(
    "solve",
    np.linalg.solve,
    lambda g, y, a, b: -(_solve(a.mT, g) @ y.mT),
    lambda g, y, a, b: _solve(a.mT, g),
    broadcasts=True,
)


def solve(a: Any, b: Any) -> Any:
    """Return x with a x = b, for one right side `(n,)` or several `(..., n, k)`."""
    if len(shape_of(b)) == 1:
        return _solve(a, reshape(b, (-1, 1)))[..., 0]
    return _solve(a, b)


# Triangular factors


def _of_cholesky(g: Any, y: Any, x: Any, upper: bool = False) -> Any:
    if upper:
        return _of_cholesky(g.mT, y.mT, x.mT).mT
    n = shape_of(y)[-1]
    back = _inverse_of_lower(y)
    inner = back.mT @ ((y.mT @ g) * lower(n, 0.5)) @ back
    return (inner + inner.mT) * lower(n, 0.5)


def _by_blocks(y: Any) -> Any:
    """Invert lower triangles by the inverses of their halves: for 200 rows in a quarter of np.linalg.inv's time."""
    half = y.shape[-1] // 2
    if half < FEW:
        return np.linalg.inv(y)
    back = np.zeros_like(y)
    first, last = _by_blocks(y[..., :half, :half]), _by_blocks(y[..., half:, half:])
    back[..., :half, :half], back[..., half:, half:] = first, last
    back[..., half:, :half] = -(last @ (y[..., half:, :half] @ first))
    return back


FEW = 16
_inverse_of_lower = op("inverse_of_lower", _by_blocks, _of_inv)
cholesky = op("cholesky", np.linalg.cholesky, _of_cholesky)


def _qr_shapes(x: Any, mode: str) -> tuple[tuple[int, int], tuple[int, int]]:
    m, n = shape_of(x)[-2:]
    k = m if mode == "complete" or m < n else n
    return (m, k), (k, n)


def _of_qr(g: Any, y: Any, x: Any, mode: str = "reduced") -> Any:
    """Send g back by x_1 = Q_1 R_1, of k = min(m, n) columns; more of Q count as a space, more of R are Q^T x_2."""
    (q, r), (gq, gr) = unflat(y, *_qr_shapes(x, mode)), unflat(g, *_qr_shapes(x, mode))
    k, extra = min(shape_of(x)[-2:]), 0.0
    if shape_of(q)[-1] > k:
        extra = undetermined(q[..., :, k:].mT @ gq[..., :, k:])
        gq = gq[..., :, :k] - q[..., :, k:] @ (gq[..., :, k:].mT @ q[..., :, :k])
        q, r, gr = q[..., :, :k], r[..., :k, :], gr[..., :k, :]
    gq, first = gq + x[..., :, k:] @ gr[..., :, k:].mT, r[..., :, :k]
    inner = first @ gr[..., :, :k].mT - gq.mT @ q
    symmetric = inner * lower(k, 1.0) + (inner * lower(k, 0.0)).mT
    of_first = (gq + q @ symmetric) @ inverse(where(_depend(plain(first)), 0.0, first)).mT + extra
    return concatenate([of_first, q @ gr[..., :, k:]], axis=-1)


def _depend(r: Any) -> Any:
    """Tell for each column of a triangular matrix whether it depends on those before it, to rounding."""
    inside = 8 * np.finfo(r.dtype).eps * r.shape[-1] * np.sqrt(np.sum(np.square(r), axis=-2))
    return (np.abs(np.diagonal(r, axis1=-2, axis2=-1)) <= inside)[..., None, :]


_qr = op("qr", lambda x, mode="reduced": flat(*[(part, 2) for part in np.linalg.qr(x, mode)]), _of_qr)


def qr(a: Any, mode: str = "reduced") -> Any:
    """Return Q and R of a matrix whose first min(m, n) columns do not depend on each other; or R, by mode "r"."""
    if mode == "raw":
        raise NoDerivativeRule("np.linalg.qr with mode='raw' has no derivative rule for Nodes; use mode='reduced'")
    whole = "reduced" if mode == "r" else mode
    q, r = unflat(_qr(a, mode=whole), *_qr_shapes(a, whole))
    return r if mode == "r" else type(np.linalg.qr(np.eye(1)))(q, r)


# Generalized inverse and least squares


def _of_pinv(g: Any, y: Any, x: Any, rcond: Any = None, hermitian: bool = False) -> Any:
    """Apply Golub & Pereyra's rule to the part of x that is kept; then that of the part, if another one is cut off."""
    rows, columns = _product(g.mT, y, y.mT), _product(y.mT, y, g.mT)
    part = rows - _product(x, y, rows) + columns - _product(columns, y, x) - _product(y.mT, g, y.mT)
    whole = rcond is None or (type(plain(x)) is np.ndarray and _is_whole(np.linalg.svdvals(plain(x)), x, rcond))
    return part if whole else part + _of_part(part, x, rcond)


def _is_whole(s: Any, x: Any, rcond: Any) -> bool:
    """Tell whether the singular values of x that are cut off are zero, to rounding."""
    cut = np.asarray(rcond)[..., None] * np.max(s, axis=-1, keepdims=True, initial=0.0)
    return not np.any((s > rounding(x, s)[..., 0]) & (s <= cut))


def _product(a: Any, b: Any, c: Any) -> Any:
    """Return the product of three matrices, in the order that makes the smaller one between."""
    (m, k), n = shape_of(a)[-2:], shape_of(c)[-1]
    return (a @ b) @ c if m * shape_of(b)[-1] <= k * n else a @ (b @ c)


def _of_part(g: Any, x: Any, rcond: Any) -> Any:
    """Let what is cut off (s_j) move what is kept (s_i): by s_j^2 and s_i s_j over s_i^2 - s_j^2."""
    u, s, vh = svd(x, full_matrices=False)
    kept = plain(s) > np.asarray(rcond)[..., None] * np.max(plain(s), axis=-1, keepdims=True, initial=0.0)
    mixed = kept[..., :, None] != kept[..., None, :]
    across, m = row(s), u.mT @ g @ vh.mT
    squares = square(across)
    share = where(mixed, 1.0 / where(mixed, absolute(squares - squares.mT), 1.0), 0.0)
    inner = m * (minimum(squares, squares.mT) * share) + (m * (across * across.mT * share)).mT
    return u @ inner @ vh


_pinv = op(
    "pinv",
    lambda x, rcond=None, hermitian=False: np.linalg.pinv(
        no_infinity(x, f"{'Eigenvalues' if hermitian else 'SVD'} did not converge"), rcond, hermitian
    ),
    _of_pinv,
)


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, rtol: Any = ...) -> Any:
    """Return the Moore-Penrose inverse, with the derivative along matrices of the same rank."""
    if rtol is not ...:
        if rcond is not None:
            raise InvalidValue("pinv takes rcond= or rtol=, not both")
        rcond = max(shape_of(a)[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    if hermitian:  # the lower triangle is read
        a = where(np.tri(shape_of(a)[-1], dtype=bool), a, a.mT)
    return _pinv(a, rcond=rcond, hermitian=hermitian)


def _forward_lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    x, residuals, _, s = np.linalg.lstsq(no_infinity(a, "SVD did not converge in Linear Least Squares"), b, rcond)
    return np.concatenate([np.ravel(x), residuals, s])


def _of_lstsq(g: Any, y: Any, a: Any, b: Any, rcond: Any = None) -> Any:
    cut, s = _cut(a, rcond), plain(y)[shape_of(y)[0] - min(shape_of(a)) :]
    whole = rcond is None or (type(s) is np.ndarray and _is_whole(s, a, cut))
    return _of_pinv(_solution(g, a, b) @ _as_columns(b).mT, _pinv(a, rcond=cut), a, None if whole else cut)


def _cut(a: Any, rcond: float | None) -> float:
    """Tell which singular values are zero for lstsq, beside the largest."""
    eps = float(np.finfo(float).eps)
    return eps * max(shape_of(a)) if rcond is None else eps if rcond < 0 else rcond


def _as_columns(b: Any) -> Any:
    return reshape(b, (shape_of(b)[0], -1))


def _solution(y: Any, a: Any, b: Any) -> Any:
    """Return the solution, as columns, at the beginning of all results of lstsq."""
    shape = (shape_of(a)[1], math.prod(shape_of(b)[1:]))
    return reshape(y[: math.prod(shape)], shape)


def _pulled_residuals(g: Any, a: Any, b: Any, y: Any) -> Any:
    return 2.0 * g * (_as_columns(b) - a @ _solution(y, a, b))


_lstsq = op(
    "lstsq",
    _forward_lstsq,
    _of_lstsq,
    lambda g, y, a, b, rcond=None: reshape(_pinv(a, rcond=_cut(a, rcond)).mT @ _solution(g, a, b), shape_of(b)),
)
_residuals = op(
    "residuals",
    lambda a, b, y: y[np.size(b) // len(b) * a.shape[1] : len(y) - min(a.shape)],
    lambda g, r, a, b, y: -_pulled_residuals(g, a, b, y) @ _solution(y, a, b).mT,
    lambda g, r, a, b, y: reshape(_pulled_residuals(g, a, b, y), shape_of(b)),
    None,
)
_lstsq_values = op(
    "lstsq_values", lambda a, y: y[len(y) - min(a.shape) :], lambda g, s, a, y: of_singular_values(g, s, a), None
)


def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """Return the solution of least squares, the residuals, the rank (plain) and the singular values."""
    y, values = _lstsq(a, b, rcond=rcond), np.linalg.lstsq(plain(a), plain(b), rcond)
    x, residuals = reshape(_solution(y, a, b), shape_of(values[0])), values[1]
    return x, _residuals(a, b, y) if shape_of(residuals) != (0,) else residuals, values[2], _lstsq_values(a, y)


answer(np.linalg, lstsq, pinv, qr, slogdet, solve)
