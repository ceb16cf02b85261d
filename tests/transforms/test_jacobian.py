"""`vjp`, `jvp`, `jacobian`, `hessian`, `hvp` and `elementwise_grad`: shapes and blocks, and that they tell the same."""

import warnings

import autograd
import autograd.numpy
import numpy as np
import pytest
from energy import MATRIX, X

import tinygrad_ed as tg


def two_results(x, m):
    return m @ np.sin(x), {"total": (x * x).sum() * m[0, 0]}


def test_a_result_that_is_returned_twice_sends_both_gradients():
    def twice(x):
        y = x * x
        return y, y

    _, pull = tg.vjp(twice, 3.0)
    assert pull((1.0, 10.0)) == (66.0,)


def test_vjp_jvp_and_jacobian_tell_the_same():
    (y, other), pullback = tg.vjp(two_results, X, MATRIX)
    np.testing.assert_allclose(y, MATRIX @ np.sin(X))
    assert other["total"] == (X @ X) * MATRIX[0, 0]
    jac = tg.jacobian(two_results, (0, 1))(X, MATRIX)
    assert (jac[0][0].shape, jac[0][1].shape, jac[1]["total"][0].shape, jac[1]["total"][1].shape) == (
        (2, 3),
        (2, 2, 3),
        (3,),
        (2, 3),
    )
    u, v, w = np.array([2.0, -1.0]), np.array([0.3, 1.0, -2.0]), MATRIX[::-1]
    pulled = pullback((u, {"total": 3.0}))
    np.testing.assert_allclose(pulled[0], u @ jac[0][0] + 3.0 * jac[1]["total"][0])
    np.testing.assert_allclose(pulled[1], np.tensordot(u, jac[0][1], 1) + 3.0 * jac[1]["total"][1])
    value, tangent = tg.jvp(two_results, (X, MATRIX), (v, w))
    np.testing.assert_allclose(value[0], y)
    np.testing.assert_allclose(tangent[0], jac[0][0] @ v + np.tensordot(jac[0][1], w, 2))
    assert tangent[1]["total"] == pytest.approx(jac[1]["total"][0] @ v + np.sum(jac[1]["total"][1] * w))
    again = pullback((u, {"total": 3.0}))  # one run, many sweeps
    np.testing.assert_array_equal(again[0], pulled[0])


@pytest.mark.parametrize(
    ("s", "t"), [((), ()), ((2,), ()), ((), (3,)), ((2, 2), (3, 1)), ((0,), (3,)), ((2,), (0,)), ((1,), (1,))]
)
def test_a_jacobian_has_the_shape_of_the_result_and_then_of_the_argument(s, t):
    f = lambda x: np.broadcast_to(np.sum(x) ** 2, s)  # noqa: E731
    x = np.full(t, 0.5) if t else 0.5
    jac = tg.jacobian(f)(x)
    assert np.shape(jac) == s + t
    np.testing.assert_allclose(jac, 2 * np.sum(x) * np.ones(s + t))
    assert (type(jac) is float) == (s + t == ())


def test_a_hessian_is_symmetric_and_autograds():
    def f(x, space=np):
        return space.sum(space.tanh(space.outer(x, x)) ** 2) + space.prod(x) + space.exp(x[0] * x[1]) / (1 + x[2] ** 2)

    found = tg.hessian(f)(X)
    np.testing.assert_allclose(found, found.T, rtol=1e-13)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = autograd.hessian(lambda x: f(x, autograd.numpy))(X)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    v = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(tg.hvp(f, (X,), (v,))[0], found @ v, rtol=1e-12)
    np.testing.assert_allclose(tg.jvp(tg.grad(f), (X,), (v,))[1], found @ v, rtol=1e-12)


def test_a_hessian_of_several_arguments_has_all_blocks():
    blocks = tg.hessian(lambda a, b: a**2 * b.sum() + (b**3).sum(), (0, 1))(2.0, X)
    assert blocks[0][0] == 2 * X.sum()
    np.testing.assert_allclose(blocks[0][1], 4.0 * np.ones(3))
    np.testing.assert_allclose(blocks[1][0], 4.0 * np.ones(3))
    np.testing.assert_allclose(blocks[1][1], np.diag(6 * X))
    assert tg.hessian(lambda m: (m**2).sum())(MATRIX).shape == (2, 3, 2, 3)


def test_hvp_takes_and_gives_tuples():
    found = tg.hvp(lambda a, b: a**2 * b, (3.0, 2.0), (1.0, 10.0))
    assert found == (2 * 2.0 * 1.0 + 2 * 3.0 * 10.0, 2 * 3.0 * 1.0)
    assert tg.hvp(lambda a, b: a**2, [3.0, 2.0], [1, 1]) == (2.0, 0.0)


def test_elementwise_grad_differentiates_every_entry_for_itself():
    np.testing.assert_allclose(tg.elementwise_grad(np.sin)(X), np.cos(X))
    second = tg.elementwise_grad(tg.elementwise_grad(np.sin))
    np.testing.assert_allclose(second(X), -np.sin(X))
    assert tg.elementwise_grad(np.sin)(0.0) == 1.0
