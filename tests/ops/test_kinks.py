"""Kinks, ties and zeros of the ops, by the conventions that the rules say."""

import math

import numpy as np
import pytest
from op_calls import plain

import tinygrad_ed as tg

KINKS = {
    "abs at 0": (lambda x: abs(x), 0.0, 0.0),
    "fabs at -0": (lambda x: np.fabs(x), -0.0, 0.0),
    "relu at 0": (tg.relu, 0.0, 0.0),
    "leaky_relu at 0": (tg.leaky_relu, 0.0, 0.01),
    "elu at 0": (tg.elu, 0.0, 1.0),
    "maximum of equals": (lambda x: np.maximum(x, 2.0), 2.0, 0.5),
    "minimum of equals": (lambda x: np.minimum(2.0, x), 2.0, 0.5),
    "maximum of x and x": (lambda x: np.maximum(x, x), 2.0, 1.0),
    "fmax of equals": (lambda x: np.fmax(x, 2.0), 2.0, 0.5),
    "fmax against nan": (lambda x: np.fmax(x, np.nan), 2.0, 1.0),
    "fmin of equals": (lambda x: np.fmin(2.0, x), 2.0, 0.5),
    "fmin against nan": (lambda x: np.fmin(np.nan, x), 2.0, 1.0),
    "clip at the lower bound": (lambda x: np.clip(x, 2.0, 3.0), 2.0, 1.0),
    "clip at the upper bound": (lambda x: np.clip(x, 1.0, 2.0), 2.0, 1.0),
    "clip outside": (lambda x: np.clip(x, 3.0, 4.0), 2.0, 0.0),
    "hypot at the origin": (lambda x: np.hypot(x, 0.0), 0.0, 0.0),
    "copysign at 0": (lambda x: np.copysign(x, -1.0), 0.0, 0.0),
    "square at 0": (np.square, 0.0, 0.0),
    "x ** 0 at 0": (lambda x: x**0, 0.0, 0.0),
    "x ** 1 at 0": (lambda x: x**1, 0.0, 1.0),
    "x ** 2 at 0": (lambda x: x**2, 0.0, 0.0),
    "x ** 3 below 0": (lambda x: x**3, -2.0, 12.0),
    "0 ** x": (lambda x: 0.0**x, 2.0, 0.0),
    "where, outside of the branch": (lambda x: np.where(x > 3, 1.0 / x, 7.0), 2.0, 0.0),
    "std of one": (lambda x: np.std(x.reshape(1)), 2.0, 0.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_by_convention(name):
    f, x, expected = KINKS[name]
    assert tg.grad(f)(x) == expected
    np.testing.assert_array_equal(
        tg.elementwise_grad(lambda xs: np.stack([f(x) for x in xs]))(np.array([x, x])), expected
    )
    if "reshape" not in name and name != "std of one":
        np.testing.assert_array_equal(tg.elementwise_grad(f)(np.array([x, x])), expected)


def test_clip_sends_the_gradient_to_what_gave_the_value_and_at_a_bound_to_x():
    x, low, high = np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.full(5, 1.0), np.full(5, 3.0)
    sent = tg.grad(lambda *xs: np.clip(*xs).sum(), (0, 1, 2))(x, low, high)
    np.testing.assert_array_equal(sent, [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    assert tg.grad(np.clip, (0, 1, 2))(2.0, 5.0, 3.0) == (0.0, 0.0, 1.0)  # bounds that cross: NumPy gives the upper one


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_a_power_at_zero_has_the_derivatives_of_the_polynomial(n):
    derivative = lambda x: x**n  # noqa: E731
    for order in range(4):
        expected = math.factorial(n) if order == n else 0.0
        assert derivative(tg.Node(0.0)).item() == expected if order == 0 else derivative(0.0) == expected
        np.testing.assert_array_equal(plain(derivative(tg.Node([0.0, 0.0]))), [expected, expected])
        derivative = tg.elementwise_grad(derivative)


def test_square_has_a_second_derivative_at_zero():
    assert tg.hessian(np.square)(0.0) == 2.0
    assert tg.hessian(lambda x: x**2)(0.0) == 2.0


def test_equal_extremes_share_the_gradient():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_array_equal(tg.grad(np.max)(x), [[0, 0.5, 0.5], [0, 0, 0]])
    rows = tg.grad(lambda x: np.max(x, axis=1).sum())(x)
    np.testing.assert_allclose(rows, [[0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(tg.grad(np.min)(x), [[1, 0, 0], [0, 0, 0]])


def test_the_gradient_of_a_maximum_that_is_nan_goes_to_the_nan():
    np.testing.assert_array_equal(tg.grad(np.max)(np.array([1.0, np.nan, 3.0])), [0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("x", "first", "second"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0], [[0, 4, 3], [4, 0, 2], [3, 2, 0]]),
        ([2.0, 0.0, 4.0], [0.0, 8.0, 0.0], [[0, 4, 0], [4, 0, 2], [0, 2, 0]]),
        ([0.0, 0.0, 4.0], [0.0, 0.0, 0.0], [[0, 4, 0], [4, 0, 0], [0, 0, 0]]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], np.zeros((3, 3))),
    ],
)
def test_prod_is_right_with_any_number_of_zeros(x, first, second):
    np.testing.assert_array_equal(tg.grad(np.prod)(np.array(x)), first)
    np.testing.assert_array_equal(tg.hessian(np.prod)(np.array(x)), second)


def test_prod_with_zeros_along_several_axes():
    x = np.array([[[1.0, 0.0], [2.0, 3.0]], [[0.0, 5.0], [0.0, 7.0]]])
    expected = np.zeros_like(x)
    expected[0, 0, 1] = 1.0 * 2.0 * 3.0  # the only zero of its product
    np.testing.assert_array_equal(tg.grad(lambda x: np.prod(x, axis=(1, 2)).sum())(x), expected)


def test_entries_that_are_read_twice_get_both_gradients():
    x = np.arange(3.0)
    for index in ([0, 0, 2], np.array([0, 0, 2]), (0, 0, 2), [-3, 0, 2]):
        sent = tg.grad(lambda x, index=index: (x[index,] * np.array([1.0, 10.0, 100.0])).sum())(x)
        np.testing.assert_array_equal(sent, [11.0, 0.0, 100.0])
        np.testing.assert_array_equal(tg.grad(lambda x, index=index: np.take(x, index).sum())(x), [2.0, 0.0, 1.0])
    np.testing.assert_array_equal(tg.scatter_add(np.array([1.0, 10.0]), index=[1, 1], shape=(3,)), [0.0, 11.0, 0.0])


def test_a_branch_that_where_does_not_take_sends_nothing():
    f = lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0).sum()  # noqa: E731
    np.testing.assert_array_equal(tg.grad(f)(np.array([0.0, 4.0])), [0.0, 0.25])


def test_norms_of_matrices_at_zero_have_gradient_zero():
    for order in ("nuc", 2, "fro"):
        np.testing.assert_array_equal(tg.grad(lambda x, order=order: np.linalg.norm(x, order))(np.zeros((2, 2))), 0.0)
