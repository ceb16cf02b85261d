"""Every keyword of linear algebra, away from singular points: derivatives by differences."""

import numpy as np
import pytest
from matrices import L, numbers

import tinygrad_ed as tg


def whole_svd(x, **how):
    """What the full factors determine: the vectors of singular values, and the space of the others."""
    u, s, vh = L.svd(x, **how)
    k = s.shape[-1]
    return u[..., :k], s, vh[..., :k, :], u[..., k:] @ u[..., k:].mT, vh[..., k:, :].mT @ vh[..., k:, :]


def whole_qr(x):
    q, r = L.qr(x, "complete")
    k = min(x.shape[-2:])
    return q[..., :k], q[..., k:] @ q[..., k:].mT, r


SQUARE, TALL, LYING, STACK = (3, 3), (4, 2), (2, 4), (2, 3, 3)
CALLS = {
    "svd, full": (lambda x: whole_svd(x), [SQUARE, TALL, LYING, (2, 4, 2)]),
    "svd": (lambda x: whole_svd(x, full_matrices=False), [SQUARE, TALL, LYING, STACK]),
    "svd, hermitian": (lambda x: tuple(L.svd(x, hermitian=True)), [SQUARE, STACK]),
    "svd, values, hermitian": (lambda x: L.svd(x, compute_uv=False, hermitian=True), [SQUARE, STACK]),
    "pinv, hermitian": (lambda x: L.pinv(x, hermitian=True), [SQUARE, STACK]),
    "pinv, rtol": (lambda x: L.pinv(x, rtol=0.2), [SQUARE, TALL]),
    "eigh, U": (lambda x: tuple(L.eigh(x, "U")), [SQUARE, STACK]),
    "eigh, l": (lambda x: tuple(L.eigh(x, "l")), [SQUARE]),
    "eigvalsh, U": (lambda x: L.eigvalsh(x, "U"), [SQUARE, STACK]),
    "cholesky, upper": (lambda x: L.cholesky(x @ x.mT + np.eye(3), upper=True), [SQUARE, STACK]),
    "qr, complete": (whole_qr, [SQUARE, TALL, LYING, (2, 4, 2)]),
    "qr, r": (lambda x: L.qr(x, "r"), [TALL, LYING]),
    "multi_dot": (lambda x: L.multi_dot([x[0], x.T, x, x[0] + x[1]]), [(3, 3)]),
    "cond, nuc": (lambda x: L.cond(x, "nuc"), [SQUARE, STACK]),
    "cond, -1": (lambda x: L.cond(x, -1), [SQUARE]),
    "cond, -inf": (lambda x: L.cond(x, -np.inf), [SQUARE]),
    "norm, axes": (lambda x: L.norm(x, "nuc", axis=(2, 0), keepdims=True), [(3, 2, 2)]),
    "vector_norm, axes": (lambda x: L.vector_norm(x, axis=(2, 0), ord=3), [(3, 2, 2)]),
    "norm, 0.5": (lambda x: L.norm(x, 0.5, axis=0), [TALL]),
    "tensorsolve, axes": (lambda x: L.tensorsolve(x, x[:, 0, 0], axes=(1,)), [(4, 2, 2)]),
}


@pytest.mark.parametrize("n", [31, 32, 33, 70])
def test_the_triangle_of_a_large_matrix_is_inverted_by_blocks(n):
    w = numbers(n, n, seed=1)
    tg.check_grads(lambda x: np.sum(w * L.cholesky(x @ x.mT / n + np.eye(n))), numbers(n, n))


@pytest.mark.parametrize("name", CALLS)
def test_derivatives_by_differences_for_every_keyword(name):
    f, shapes = CALLS[name]
    for shape in shapes:
        tg.check_grads(f, numbers(*shape, seed=3) + (0.5 * np.eye(3) if shape[-2:] == (3, 3) else 0.0))


def test_vectors_beyond_the_singular_values_count_as_a_space_only():
    x = numbers(4, 2)
    for call in (lambda x: L.svd(x)[0][0, 3], lambda x: L.qr(x, "complete")[0][0, 3]):
        assert np.all(np.isnan(tg.grad(call)(x)))
        assert np.isnan(tg.jvp(call, (x,), (x**2,))[1])
    tg.check_grads(lambda x: abs(L.svd(x)[0][0, 2]), numbers(3, 2))  # of one vector the space is all but the sign
    assert np.all(np.isfinite(tg.hvp(lambda x: np.sum(L.svd(x)[0][:, :2] ** 3), (x,), (x**2,))[0]))
