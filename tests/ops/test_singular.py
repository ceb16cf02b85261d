"""Singular matrices, low rank and equal values: what has a derivative along matrices of equal rank, and what has none.

The oracles are central differences along directions that keep the rank.
"""

import numpy as np
import pytest
from matrices import L, made, numbers

import tinygrad_ed as tg


def central(f, x, v, h=1e-5):
    """The derivative of f along v, to the fourth order of h."""
    return (8 * (f(x + h * v) - f(x - h * v)) - (f(x + 2 * h * v) - f(x - 2 * h * v))) / (12 * h)


# --- powers and products ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rank n-1", "rank n-2", "zero", "a zero column"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8])
def test_powers_of_a_singular_matrix(kind, n):
    tg.check_grads(lambda x: x * 0.0 + L.matrix_power(x, n), made(kind, 3))


def test_what_needs_an_inverse_is_refused_as_numpy_does():
    a = tg.Node([[1.0, 2.0], [2.0, 4.0]])
    for call in (L.inv, lambda x: L.matrix_power(x, -1), lambda x: L.solve(x, np.ones(2))):
        with pytest.raises(L.LinAlgError, match="Singular matrix"):
            call(a)
    with pytest.raises(L.LinAlgError, match="Singular matrix"):
        L.tensorinv(a.reshape(2, 1, 2), ind=1)


@pytest.mark.parametrize("p", [None, 2, -2, 1, "fro", np.inf])
def test_the_condition_of_a_singular_matrix_has_no_derivative(p):
    for a in (np.array([[1.0, 2.0], [2.0, 4.0]]), np.zeros((2, 2)), np.diag([1.0, 0.0])):
        if p == -2:
            continue  # 0 there, as a norm at zero is
        with np.errstate(all="ignore"):
            assert not np.any(np.isfinite(tg.grad(lambda x: L.cond(x, p))(a)))


# --- along matrices of equal rank ------------------------------------------------------------------------------------

WIDE = {"1 x 3": (1, 3), "2 x 3": (2, 3), "3 x 5": (3, 5), "stack": (2, 2, 4)}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("of", ["pinv", "projection", "hermitian", "square"])
def test_pinv_of_a_gram_matrix_of_lower_rank_is_right_to_third_order(name, of):
    x = numbers(*WIDE[name])
    f = {
        "pinv": lambda x: L.pinv(x.mT @ x),
        "projection": lambda x: L.pinv(x.mT @ x) @ (x.mT @ x),
        "hermitian": lambda x: L.pinv(x.mT @ x, hermitian=True),
        "square": lambda x: np.sum(L.pinv(x.mT @ x) ** 2),
    }[of]
    tg.check_grads(f, x, order=3)


@pytest.mark.parametrize("rank", [1, 2])
def test_pinv_and_lstsq_of_a_product_of_lower_rank(rank):
    p, q, b = numbers(5, rank), numbers(rank, 3), numbers(5, 2)
    tg.check_grads(lambda p, q: L.pinv(p @ q), p, q)
    tg.check_grads(lambda p, q, b: L.lstsq(p @ q, b, rcond=None)[0], p, q, b)
    tg.check_grads(lambda p, q: L.pinv((p @ q).T @ (p @ q)), p, q)
    found = tg.jacobian(lambda p: L.lstsq(p @ q, b, rcond=None)[3][:rank])(p)
    for e in np.eye(5 * rank).reshape(-1, 5, rank):
        expected = central(lambda p: L.svdvals(p @ q)[:rank], p, e)
        np.testing.assert_allclose(np.tensordot(found, e, 2), expected, atol=1e-8)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3), (2, 4, 3)])
@pytest.mark.parametrize("cut", [None, 1e-10, 0.3, 0.6])
def test_a_pinv_that_leaves_out_what_is_small_moves_with_it(shape, cut):
    tg.check_grads(lambda x: L.pinv(x, rcond=cut), numbers(*shape))
    if len(shape) == 2:
        tg.check_grads(lambda a, b: L.lstsq(a, b, rcond=cut)[0], numbers(*shape), numbers(shape[0]))


def test_the_nuclear_norm_of_a_matrix_of_low_rank():
    u, v = np.array([3.0, 4.0]) / 5.0, np.array([1.0, 2.0, 2.0]) / 3.0
    np.testing.assert_allclose(tg.grad(lambda x: L.norm(x, "nuc"))(7.0 * np.outer(u, v)), np.outer(u, v), atol=1e-14)


def test_q_r_of_columns_that_depend_on_each_other_has_no_derivative():
    for a in (np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])):
        assert np.all(np.isnan(tg.grad(lambda x: np.sum(L.qr(x)[0]))(a)))
    tg.check_grads(lambda x: tuple(L.qr(x)), np.array([[1.0, 1e-20], [2.0, 3e-20]]) * np.array([1.0, 1e20]))


# --- second derivatives where equal values get different gradients ----------------------------------------------------

ONE = np.eye(2)
NO_SECOND = {
    "largest eigenvalue": lambda m: L.eigvalsh(m)[-1],
    "of eigh": lambda m: L.eigh(m)[0][0],
    "largest singular value": lambda m: L.svdvals(m)[0],
    "of svd": lambda m: L.svd(m)[1][0],
    "norm 2": lambda m: L.norm(m, 2),
    "norm -2": lambda m: L.norm(m, -2),
    "cube": lambda m: L.eigvalsh(m)[0] ** 3 + L.eigvalsh(m)[0],
}


@pytest.mark.parametrize("name", NO_SECOND)
@pytest.mark.parametrize("add", [0.0, 1.0])
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_not_determined_is_nan_also_where_the_matrix_does_not_move(name, add, compiled):
    hessian = tg.hessian(lambda x: NO_SECOND[name](add * ONE + x @ x.T))
    assert np.all(np.isnan((tg.compile(hessian) if compiled else hessian)(np.zeros((2, 2)))[0, 0]))
    stack = tg.hessian(lambda x: np.sum(tg.stack([NO_SECOND[name](add * ONE + x @ x.T), x[0, 0] ** 2])))
    assert np.all(np.isnan(stack(np.zeros((2, 2)))[0, 0]))


def test_where_equal_values_get_equal_gradients_the_second_derivative_is_right():
    for f in (lambda m: L.eigvalsh(m).sum(), lambda m: L.svdvals(ONE + m).sum(), lambda m: L.norm(ONE + m, "nuc")):
        np.testing.assert_allclose(tg.hessian(lambda x: f(x @ x.T))(np.zeros((2, 2)))[0, 0], [[2, 0], [0, 0]])  # noqa: B023
    apart = np.diag([1.0, 3.0])
    tg.check_grads(lambda x: L.eigvalsh(apart + x @ x.T)[-1] + L.norm(apart + x @ x.T, 2), np.zeros((2, 2)))


@pytest.mark.parametrize("order", [-1, -2, -3, -0.5, np.int64(-1)])
def test_norms_of_negative_order_at_an_entry_of_zero(order):
    x = np.array([1.0, 0.0, -2.0])
    for norm in (lambda v: L.norm(v, order), lambda v: L.vector_norm(v, ord=order), lambda v: L.norm(v, order, axis=0)):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(tg.grad(norm)(x), [0.0, np.nan, 0.0])
            assert np.all(np.isnan(tg.hessian(norm)(x)[1]))
        tg.check_grads(norm, x + 0.5)
    with np.errstate(all="ignore"):
        rows = tg.grad(lambda v: L.norm(v, order, axis=1).sum())(np.stack([x, x + 0.5]))
    np.testing.assert_array_equal(rows[0], [0.0, np.nan, 0.0])
    assert np.all(np.isfinite(rows[1]))
