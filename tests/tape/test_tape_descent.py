"""Steps of gradient descent in a compiled program: a factor stands where the function has it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape_examples import equal
from test_fuzz import bounded
from test_tape_reading import run as run_source

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
W = np.array([[0.2, -0.4, 0.1], [0.3, 0.7, -0.6]])


def update(mlp, cost):
    """A step of gradient descent of a network, as a function of its parameters."""
    phis = [layer.activate for layer in mlp.layers]

    def error(parameters, x, rho):
        for phi, weights, bias in zip(phis, parameters[::2], parameters[1::2], strict=True):
            x = phi(x @ weights + bias)
        return cost(x, rho)

    def step(parameters, x, rho, rate=0.1):
        value, gradients = tg.value_and_grad(error)(parameters, x, rho)
        return value, [p - rate * g for p, g in zip(parameters, gradients, strict=True)]

    return step, [np.array(p.value) for p in mlp.parameters()]


@pytest.mark.parametrize("cost", ["mse", "huber", "cross_entropy"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "softplus"])
def test_a_step_of_descent_gives_what_the_function_gives(activation, cost):
    mlp = tg.nn.MLP([3, 5, 4, 2], activation=activation, rng=1)
    rng = np.random.default_rng(0)
    x, rho = rng.standard_normal((6, 3)), np.eye(2)[rng.integers(0, 2, 6)]
    step, parameters = update(mlp, getattr(tg.nn.costs, cost))
    compiled = compile(step)
    for rate in (0.1, 0.7, 0.0, -0.3):
        equal(compiled(parameters, x, rho, rate), step(parameters, x, rho, rate))
        equal(run_source(compiled, parameters, x, rho, rate), step(parameters, x, rho, rate))
    constant = compile(step)
    equal(constant(parameters, x, rho), step(parameters, x, rho))


def descended(p, x, y):
    """Where 0.3 can go to the source; the tests below each put something in its way."""
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ d), 1.0 - d.sum(axis=0) * 0.3


def raw(p, x, y):
    d = 0.25 * (x @ p - y)
    g = x.T @ d
    return p - 0.3 * g, g


def two_rates(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ d), 1.0 - d.sum(axis=0) * 0.2


def end_is_a_result(p, x, y):
    end = 0.3 * (x.T @ (0.25 * (x @ p - y)))
    return p - end, end


def square(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ (d * d))


def product_with_itself(p, x, y):
    d = 0.25 * (x @ p - y)
    return 1.0 - 0.3 * (d.T @ d)


def in_the_denominator(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ (1.0 / d))


def decay(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ d + 0.5 * p)


def shifted(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ (d + 1.0))


def rate_from_the_data(p, x, y):
    d = 0.25 * (x @ p - y)
    g = x.T @ d
    return p - (0.3 / (1.0 + np.sqrt((g * g).sum()))) * g


def rate_known_too_late(p, x, y):
    d = 0.25 * (x @ p - y)
    rate = 0.3 / (1.0 + y.sum())
    return p - rate * (x.T @ d)


def nonlinear_function(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ np.tanh(d)), 1.0 - 0.3 * np.maximum(d, 0.0)


def in_another_dtype(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ d.astype(np.float32))


def starting_elsewhere(p, x, y):
    d = 0.25 * (x @ p - y)
    return p - 0.3 * (x.T @ d), 1.0 - 0.3 * np.add.reduce(d, axis=0, initial=1.0)


def in_two_dtypes(p, x, y):
    d = 0.25 * (x @ p - y).astype(np.float32)
    return p - 0.3 * (x.T @ d)


def as_a_power(p, x, y):
    d = 0.25 * (x @ p - y)
    return 1.0 - 0.3 * d**3, 1.0 - 0.3 * (2.0**d)


IN_THE_WAY = [
    *(descended, raw, two_rates, end_is_a_result, square, product_with_itself, in_the_denominator, decay, shifted),
    *(rate_from_the_data, rate_known_too_late, nonlinear_function, in_another_dtype, as_a_power),
    *(starting_elsewhere, in_two_dtypes),
]


@pytest.mark.parametrize("f", IN_THE_WAY)
def test_a_factor_stays_where_the_function_has_it(f):
    y = X @ W + np.array([1.0, -2.0, 0.5])
    compiled = compile(f)
    for p in (W, 3.0 * W):
        equal(compiled(p, X, y), f(p, X, y), 1e-6 if f is in_another_dtype else 1e-12)
        equal(run_source(compiled, p, X, y), f(p, X, y), 1e-6 if f is in_another_dtype else 1e-12)


def test_sums_and_differences_of_products():
    def f(p, x, y):
        d = 0.25 * (x @ p - y)
        both = x.T @ d - (2.0 * x.T) @ d + -x.T @ (d / (1.0 + x[:, :1] ** 2))
        return p - 0.3 * both, 1.0 - 0.3 * d[1], 1.0 - 0.3 * d.reshape(-1)

    compiled = compile(f)
    y = X @ W + np.array([1.0, -2.0, 0.5])
    equal(compiled(W, X, y), f(W, X, y))


def test_whole_numbers_are_not_scaled_where_they_are_whole():
    def f(x):
        signs = np.sign(x).astype(int)
        return x - 0.3 * (signs + signs), x - 0.3 * signs, x.T - 0.3 * signs.T

    equal(compile(f)(X), f(X))


def test_a_rate_that_is_computed_on_the_way_stays_where_it_is():
    def f(p, x, y, k):
        d = 0.25 * (x @ p - y)
        rate = 0.3 / (1.0 + k)
        return p - rate * (x.T @ d), 1.0 - rate * d.sum(axis=0)

    compiled = compile(f)
    for k in (0.0, 1.0, 2.0):
        equal(compiled(W, X, X @ W + 1.0, k), f(W, X, X @ W + 1.0, k))


def test_functions_with_several_results_are_left_alone():
    def f(x):
        parts = np.split(2.0 * x, [1])
        values, vectors = np.linalg.eigh(x.T @ x * 3.0)
        return [0.5 * part.sum() for part in parts], values, np.abs(vectors)

    equal(compile(f)(X), f(X))


def test_halves_and_numbers_out_of_range_are_left_alone():
    def descended(p, x, y, rate):
        d = (1 / 4096) * (x @ p - y)
        return p - rate * (x.T @ d), y[:2] - rate * (x[:2].T @ y[:2])

    x, p, y = np.ones((4096, 2), np.float16), np.zeros((2, 2), np.float16), np.zeros((4096, 2), np.float16)
    compiled = compile(descended)
    compiled(p, x, y, 0.01)
    for after in (1e-2, 1e-3):
        y[:] = after
        for found, expected in zip(compiled(p, x, y, 1e-4), descended(p, x, y, 1e-4), strict=True):
            np.testing.assert_array_equal(found, expected)

    def outer(a, b, rate):
        return rate * (a.T @ b)

    a, b = np.full((2, 20), 100.0, np.float16), np.full((2, 20), 1e-3, np.float16)
    compiled = compile(outer)
    compiled(a, b, 1.0)
    np.testing.assert_allclose(compiled(a, b, 1e-4), outer(a, b, 1e-4), rtol=1e-2)

    def tiny(p, x):
        d = 1e-30 * p
        return 1e-30 - 1e-20 * (x @ d), 1e-30 - 1e-20 * (x[:1] @ d)

    one = np.ones((2, 2), np.float32)
    compiled = compile(tiny)
    compiled(one, one)
    for a, b in ((1e30, 1e20), (1.0, 1e20)):
        for found, expected in zip(compiled(a * one, b * one), tiny(a * one, b * one), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_array_without_axes_and_a_number_are_no_source():
    compiled = compile(lambda x, rate: rate * (0.5 * x.sum()) + rate * (x * x).sum())
    equal(compiled(X, 0.3), 0.3 * 0.5 * X.sum() + 0.3 * (X * X).sum())


def test_two_sources_are_scaled_apart():
    def f(p, x, y, a, b):
        d, e = 0.25 * (x @ p - y), 0.5 * (x @ p + y)
        return p - a * (x.T @ d), p + b * (x.T @ e), y - a * d, y - b * e

    compiled = compile(f)
    y = X @ W + np.array([1.0, -2.0, 0.5])
    for a, b in ((0.3, 0.7), (2.0, -1.0)):
        equal(compiled(W, X, y, a, b), f(W, X, y, a, b))


STEPS = {
    "turned": lambda v, x: v.T if v.shape == (3, 3) else v,
    "times x": lambda v, x: x * v,
    "product": lambda v, x: x @ v,
    "by x": lambda v, x: v / (2.0 + x * x),
    "sum": lambda v, x: v.sum(axis=0, keepdims=True) + v * 0.0,
    "number": lambda v, x: 0.5 * v,
    "square": lambda v, x: v * v,
    "sine": lambda v, x: np.sin(v),
    "plus x": lambda v, x: v + x,
    "minus": lambda v, x: -v,
    "twice": lambda v, x: v + v[::-1],
}


@bounded
@given(
    st.lists(st.tuples(st.sampled_from(list(STEPS)), st.integers(0, 5)), max_size=8),
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["a", "b", 0.3, 1.0, None])), min_size=1, max_size=4),
)
def test_random_programs_with_factors_give_what_the_function_gives(steps, ends):
    x = np.array([[0.5, -0.3, 0.2], [0.1, 0.4, -0.6], [-0.2, 0.7, 0.3]])

    def f(y, a, b):
        values = [0.25 * (y - x)]
        for name, back in steps:
            values.append(STEPS[name](values[max(0, len(values) - 1 - back)], x))
        rates = {"a": a, "b": b}
        found = []
        for which, rate in ends:
            v = values[min(which, len(values) - 1)]
            found.append(x - v if rate is None else x - rates.get(rate, rate) * v)
        return found

    compiled = compile(f)
    for y, a, b in ((x * 2.0 + 1.0, 0.7, 0.2), (x.T, -0.4, 1.5)):
        equal(compiled(y, a, b), f(y, a, b), 1e-9)
        equal(run_source(compiled, y, a, b), f(y, a, b), 1e-9)
