"""Matrix products, factors and what is repeated in a compiled function: rewritten only where nothing else changes."""

import numpy as np
import pytest
from tape_examples import W, X, equal

import tinygrad_ed as tg
from tinygrad_ed.ops.linalg import LARGE_PRODUCT
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs


def test_factors_are_not_joined_where_the_product_would_overflow():
    for c in (2.0**600, 2.0**-600):
        compiled = compile(lambda x, c=c: c * (c * x))
        x = np.array([1.0 / c, 1.0])
        with np.errstate(over="ignore", under="ignore"):
            equal(compiled(x), c * (c * x))


def test_the_bits_are_the_same():
    def f(x):
        signs = x * np.array([0.0, -0.0]), x * 0.0, x * -0.0
        return 0.1 * (0.3 * x), 0.5 * (0.3 * x), *signs, x / 3.0 * 3.0, np.tanh(x) ** 2, x @ x.T

    compiled = compile(f)
    for x in (X, np.random.default_rng(0).standard_normal((3, 2))):
        for found, expected in zip(compiled(x), f(x), strict=True):
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("columns", [3, 200])  # a product below and above LARGE_PRODUCT entries
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrix_products_are_made_by_the_function_that_made_them_eagerly(columns, dtype):
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((200, 5)).astype(dtype), rng.standard_normal((5, columns)).astype(dtype)

    def f(x, weights):
        return np.tanh(x @ weights).sum()

    compiled = compile(tg.value_and_grad(f, (0, 1)))
    value, gradients = tg.value_and_grad(f, (0, 1))(x, weights)
    for _ in range(2):  # recorded, then replayed
        found, of = compiled(x, weights)
        assert found == value
        assert [g.tobytes() for g in of] == [g.tobytes() for g in gradients]
    large = 200 * columns >= LARGE_PRODUCT
    assert ("np.matmul" in compiled.tape.text) == large  # the others are small in any case


def test_a_product_that_is_read_twice_is_made_once():
    compiled = compile(lambda a, b: [a @ b, (a @ b).T])
    compiled(X, W)
    equal(compiled(2.0 * X, W), [2.0 * X @ W, (2.0 * X @ W).T])
    assert sum([step.fn is np.matmul for step in compiled.tape.program.steps]) == 1


def test_of_two_repeated_operands_none_loses_its_shape():
    def f(x, y, r):
        both = np.broadcast_to(x, (2, 1, 3)) + np.broadcast_to(y, (2, 1, 3))
        return both.sum(axis=0), 1.0 / r

    compiled, ones = compile(f), np.ones((1, 3))
    equal(compiled(ones, ones, 2.0), f(ones, ones, 2.0))
    with np.errstate(divide="ignore"):
        found, infinite = compiled(ones, ones, 0.0)
    equal(found, np.array([[4.0, 4.0, 4.0]]))
    assert infinite == np.inf
    space = {"np": np}
    exec(compiled.source(), space)  # noqa: S102  # that it can be executed is what is tested
    equal(space["f"](ones, ones, 2.0), f(ones, ones, 2.0))


def test_what_is_repeated_stays_so_where_it_brings_the_shape_or_the_dtype():
    row = np.array([[2.0, -3.0]])
    for x in (np.float32(1.0) * np.ones((1, 2), np.float32), np.ones((3, 2), np.float32), np.ones((3, 1))):
        for f in (
            lambda x, row: x * np.broadcast_to(row, (3, 2)),
            lambda x, row: x * np.broadcast_to(row.sum(), (3, 2)),
        ):
            compiled = compile(f)
            compiled(x, row)
            equal(compiled(2.0 * x, row), f(2.0 * x, row))


def test_a_number_that_is_repeated_makes_float64_of_float32_as_in_numpy():
    def f(x, number):
        return x * np.broadcast_to(number, (3, 2))

    x = np.ones((3, 2), np.float32)
    compiled = compile(f)
    compiled(x, 2.0)
    equal(compiled(2.0 * x, 0.1), f(2.0 * x, 0.1))
