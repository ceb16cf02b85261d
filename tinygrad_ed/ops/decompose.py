"""Linear algebra: inverses, determinants, factorizations, norms; all over stacks of matrices.

A function with several results (eigh, svd, qr) is one op whose results lie side by side in one array and are taken
apart again by indexing; its rule gets the gradients of all of them. What NumPy does not read has no gradient: cholesky,
eigh and eigvalsh read the lower triangle only, so the gradient lies there. (PyTorch spreads it evenly over both.)

Conventions: singular values have gradient 0 at zero; among equal eigenvalues or singular values the vectors get no
gradient, for there they are not determined.

Sources: Giles (2008), Golub & Pereyra (1973), Townsend (2016), Walter (2012).
"""

import math
from typing import Any

import numpy as np

from tinygrad_ed.errors import NoDerivativeRule
from tinygrad_ed.node import plain
from tinygrad_ed.operation import HANDLERS, Op, op
from tinygrad_ed.ops.elementwise import square, where
from tinygrad_ed.ops.reduce import sum
from tinygrad_ed.ops.shape import concatenate, reshape
from tinygrad_ed.values import shape_of


def _t(x: Any) -> Any:
    return x.mT


def _scalar_times(g: Any, x: Any) -> Any:
    """A number for each matrix times that matrix."""
    return reshape(g, (*shape_of(g), 1, 1)) * x


def _lower(n: int, diagonal: float) -> Any:
    """Ones below the diagonal, and another number on it."""
    return np.tri(n, k=-1) + diagonal * np.eye(n)


inv = op("inv", np.linalg.inv, lambda g, y, x: -(_t(y) @ g @ _t(y)))
det = op("det", np.linalg.det, lambda g, y, x: _scalar_times(g * y, _t(inv(x))))
_logdet = op("logdet", lambda x: np.linalg.slogdet(x)[1], lambda g, y, x: _scalar_times(g, _t(inv(x))))
_solve: Op = op(
    "solve",
    np.linalg.solve,
    lambda g, y, a, b: -(_solve(_t(a), g) @ _t(y)),
    lambda g, y, a, b: _solve(_t(a), g),
    broadcasts=True,
)


def solve(a: Any, b: Any) -> Any:
    """Return x with a x = b, for one right side `(n,)` or several `(..., n, k)`."""
    if len(shape_of(b)) == 1:
        return _solve(a, reshape(b, (-1, 1)))[..., 0]
    return _solve(a, b)


def slogdet(a: Any) -> Any:
    """Return the sign of the determinant (plain) and the logarithm of its size."""
    values = np.linalg.slogdet(plain(a))
    return type(values)(values[0], _logdet(a))


def _of_cholesky(g: Any, y: Any, x: Any) -> Any:
    n = shape_of(y)[-1]
    back = inv(y)
    inner = _t(back) @ ((_t(y) @ g) * _lower(n, 0.5)) @ back
    return (inner + _t(inner)) * _lower(n, 0.5)


_cholesky = op("cholesky", np.linalg.cholesky, _of_cholesky)


def cholesky(a: Any, upper: bool = False) -> Any:
    """Return L with L L^T = a (or its transpose); only one triangle of a is read."""
    return _t(_cholesky(_t(a))) if upper else _cholesky(a)


# Eigenvalues: [w; V], the eigenvalues above the eigenvectors


def _gaps(values: Any) -> Any:
    """1 / (v_j - v_i) for different values, 0 for equal ones."""
    *stack, n = shape_of(values)
    difference = reshape(values, (*stack, 1, n)) - reshape(values, (*stack, n, 1))
    equal = np.abs(plain(difference)) <= 1e-12 * np.max(np.abs(plain(values)), axis=-1, initial=1e-300)[..., None, None]
    return where(equal, 0.0, 1.0 / where(equal, 1.0, difference))


def _of_eigh(g: Any, y: Any, x: Any) -> Any:
    w, v = y[..., 0, :], y[..., 1:, :]
    gw, gv = g[..., 0, :], g[..., 1:, :]
    n = shape_of(w)[-1]
    inner = (_t(v) @ gv) * _gaps(w) + reshape(gw, (*shape_of(gw), 1)) * np.eye(n)
    whole = v @ inner @ _t(v)
    return (whole + _t(whole)) * _lower(n, 0.5)


def _side_by_side(x: Any) -> Any:
    w, v = np.linalg.eigh(x)
    return np.concatenate([w[..., None, :], v], axis=-2)


_eigh = op("eigh", _side_by_side, _of_eigh)


def eigh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues and eigenvectors of a symmetric matrix, of which one triangle is read."""
    y = _eigh(_t(a) if UPLO.upper() == "U" else a)
    return type(np.linalg.eigh(np.eye(1)))(y[..., 0, :], y[..., 1:, :])


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues of a symmetric matrix."""
    return eigh(a, UPLO)[0]


# Singular values: U, s and V^T flat, one after the other


def _flat(*parts: Any) -> Any:
    """Stacks of arrays as one stack of vectors."""
    rows = [np.reshape(part, (*part.shape[:-k], math.prod(part.shape[-k:]))) for part, k in parts]
    return np.concatenate(rows, axis=-1)


def _unflat(y: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The arrays of the given shapes out of a stack of vectors."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        parts.append(reshape(y[..., start : start + size], (*shape_of(y)[:-1], *shape)))
        start += size
    return parts


def _svd_shapes(x: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    m, n = shape_of(x)[-2:]
    k = m if m < n else n
    return (m, k), (k,), (k, n)


def _forward_svd(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return _flat((u, 2), (s, 1), (vh, 2))


def _of_svd(g: Any, y: Any, x: Any) -> Any:
    shapes = _svd_shapes(x)
    u, s, vh = _unflat(y, *shapes)
    gu, gs, gvh = _unflat(g, *shapes)
    (m, k), _, (_, n) = shapes
    row, column = reshape(s, (*shape_of(s)[:-1], 1, k)), reshape(s, (*shape_of(s), 1))
    gaps = _gaps(square(s))
    inverse = where(plain(s) == 0, 0.0, 1.0 / where(plain(s) == 0, 1.0, s))
    over_row, over_column = reshape(inverse, shape_of(row)), reshape(inverse, shape_of(column))
    left, right = _t(u) @ gu, vh @ _t(gvh)
    inner = gaps * (left - _t(left)) * row + column * gaps * (right - _t(right)) + column * 0.0
    inner = inner + reshape(gs, (*shape_of(gs), 1)) * np.eye(k)
    whole = u @ inner @ vh
    if m > k:
        whole = whole + (gu - u @ left) * over_row @ vh
    if n > k:
        whole = whole + u @ (over_column * (gvh - _t(right) @ vh))
    return whole


_svd = op("svd", _forward_svd, _of_svd)


def _of_svdvals(g: Any, y: Any, x: Any) -> Any:
    u, _, vh = _unflat(_svd(x), *_svd_shapes(x))
    g = where(plain(y) == 0, 0.0, g)
    return (u * reshape(g, (*shape_of(g)[:-1], 1, shape_of(g)[-1]))) @ vh


svdvals = op("svdvals", lambda x: np.linalg.svd(x, compute_uv=False), _of_svdvals)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Return U, s, V^T; for a matrix that is not square only with `full_matrices=False`."""
    if not compute_uv:
        return svdvals(a)
    m, n = shape_of(a)[-2:]
    if full_matrices and m != n:
        raise NoDerivativeRule(
            f"np.linalg.svd of shape {shape_of(a)} with full_matrices=True: the extra vectors are not determined "
            "by the matrix and have no derivative; give full_matrices=False"
        )
    u, s, vh = _unflat(_svd(a), *_svd_shapes(a))
    return type(np.linalg.svd(np.eye(1)))(u, s, vh)


# Q R


def _forward_qr(x: Any) -> Any:
    q, r = np.linalg.qr(x)
    return _flat((q, 2), (r, 2))


def _of_qr(g: Any, y: Any, x: Any) -> Any:
    m, n = shape_of(x)[-2:]
    q, r = _unflat(y, (m, n), (n, n))
    gq, gr = _unflat(g, (m, n), (n, n))
    inner = r @ _t(gr) - _t(gq) @ q
    symmetric = inner * _lower(n, 1.0) + _t(inner * _lower(n, 0.0))
    return _t(_solve(r, _t(gq + q @ symmetric)))


_qr = op("qr", _forward_qr, _of_qr)


def qr(a: Any, mode: str = "reduced") -> Any:
    """Return Q and R of a matrix of full rank; mode "reduced" or "r"."""
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise NoDerivativeRule(f"np.linalg.qr with mode={mode!r} has no derivative rule for Nodes; use mode='reduced'")
    square_part = a[..., :, :m] if m < n else a
    k = m if m < n else n
    q, r = _unflat(_qr(square_part), (m, k), (k, k))
    if m < n:
        r = concatenate([r, _t(q) @ a[..., :, m:]], axis=-1)
    return r if mode == "r" else type(np.linalg.qr(np.eye(1)))(q, r)


# Generalized inverse


def _of_pinv(g: Any, y: Any, x: Any, rcond: Any = None) -> Any:
    m, n = shape_of(x)[-2:]
    through = _t(y) @ g @ _t(y)
    rows = (np.eye(m) - x @ y) @ _t(g) @ y @ _t(y)
    columns = _t(y) @ y @ _t(g) @ (np.eye(n) - y @ x)
    return rows + columns - through


_pinv = op("pinv", lambda x, rcond=None: np.linalg.pinv(x, rcond), _of_pinv)


def pinv(a: Any, rcond: Any = None) -> Any:
    """Return the Moore-Penrose inverse of a matrix whose rank does not change nearby."""
    return _pinv(a, rcond=rcond)


def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """Return the solution of least squares, the residuals, the rank (plain) and the singular values."""
    values = np.linalg.lstsq(plain(a), plain(b), rcond=rcond)
    m, n = shape_of(a)
    cut = np.finfo(float).eps * (m if m > n else n) if rcond is None else rcond
    x = pinv(a, cut) @ b
    residuals = sum(square(b - a @ x), axis=0) if np.size(values[1]) else values[1]
    if np.ndim(plain(residuals)) == 0:
        residuals = reshape(residuals, (1,))
    return x, residuals, values[2], svdvals(a)


HANDLERS.update(
    {
        np.linalg.cholesky: cholesky,
        np.linalg.eigh: eigh,
        np.linalg.eigvalsh: eigvalsh,
        np.linalg.lstsq: lstsq,
        np.linalg.pinv: pinv,
        np.linalg.qr: qr,
        np.linalg.slogdet: slogdet,
        np.linalg.solve: solve,
        np.linalg.svd: svd,
        np.linalg.svdvals: svdvals,
    }
)
