"""Every op against NumPy, central differences and HIPS autograd, at first and second order, in both modes."""

import warnings

import autograd
import autograd.numpy
import numpy as np
import pytest
from op_calls import direction, plain, reference, space_of, weighted
from op_table import ROWS

import tinygrad_ed as tg
from tinygrad_ed.graph.op import HANDLERS
from tinygrad_ed.ops.numpy.moves import MOVES

HANDLED = {
    function.__name__ for function in {**HANDLERS, **MOVES}
}  # at import: ops that other tests make are not meant


def moved(xs, vs, h):
    return [x + h * v for x, v in zip(xs, vs, strict=True)]


def central(f, xs, vs, h=6e-6):
    """The derivative of f along vs: the referee, in one line."""
    return (np.asarray(f(*moved(xs, vs, h))) - np.asarray(f(*moved(xs, vs, -h)))) / (2 * h)


def gradient(f, xs):
    return tg.grad(f, tuple(range(len(xs))))(*xs)


by_row = pytest.mark.parametrize("row", ROWS, ids=str)


# --- the table is complete -------------------------------------------------------------------------------------------


def test_every_exported_op_and_every_numpy_function_we_answer_is_in_the_table():
    named = {row.op for row in ROWS}
    assert set(tg.ops.__all__) - named == set()
    assert HANDLED - named == set()


def test_there_are_enough_ops():
    assert len(set(tg.ops.__all__)) >= 45


# --- values ----------------------------------------------------------------------------------------------------------


@by_row
def test_value_shape_and_dtype_are_numpys(row):
    xs = row.arguments()
    expected = np.asarray(reference(row, *xs))
    y = row.call(space_of(row), *[tg.Node(x) for x in xs])
    assert isinstance(y, tg.Node)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    assert (type(y.value) is float) == (expected.shape == ())
    np.testing.assert_allclose(y.value, expected, rtol=1e-13, atol=1e-13)


OURS = [row for row in ROWS if hasattr(tg, row.op) and "linalg" not in row.note and "(a_m" not in row.note]


@pytest.mark.parametrize("row", OURS, ids=str)
def test_our_own_name_does_the_same_as_numpys_and_on_plain_values_gives_plain_ones(row):
    xs = row.arguments()
    expected = reference(row, *xs)
    np.testing.assert_allclose(plain(row.call(tg, *[tg.Node(x) for x in xs])), expected, rtol=1e-13, atol=1e-13)
    if row.op not in ("getitem", "array"):  # said with x[...] on a float, and a function that always makes a Node
        result = row.call(tg, *xs)
        assert not isinstance(result, tg.Node)
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-13)


@by_row
def test_float32_stays_float32_in_value_and_gradient(row):
    xs = [np.asarray(x, np.float32) for x in row.arguments()]
    if row.op == "astype":
        assert np.astype(tg.Node(xs[0]), np.float32).dtype == np.float32
        return
    nodes = [tg.Node(x) for x in xs]
    y = row.call(space_of(row), *nodes)
    if y.ndim and all(x.ndim for x in xs) and "float64" not in row.note:
        assert y.dtype == np.asarray(reference(row, *xs)).dtype
    for g, x in zip(tg.gradients(y.sum(), nodes), xs, strict=True):
        assert np.asarray(g).dtype == (np.float32 if x.ndim else np.float64)


def test_sequences_end_where_numpys_end_and_pieces_keep_their_signs():
    rng = np.random.default_rng(5)
    for start, stop in rng.uniform(0.1, 2.0, (50, 2)):
        for call in (np.linspace, np.logspace, np.geomspace):
            for num in (2, 5, 7, 50):
                found = call(tg.Node(start), stop, num).value
                np.testing.assert_array_equal(found, call(start, stop, num))
                assert call is np.logspace or found[-1] == stop
    x = np.array([-0.0, 1.0, -2.0, 3.0])
    pieces = np.piecewise(tg.Node(x), [x <= 0, x > 2], [lambda t: t, -0.0]).value
    np.testing.assert_array_equal(np.signbit(pieces), [True, False, True, True])


# --- derivatives -----------------------------------------------------------------------------------------------------


@by_row
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_sweeps_give_the_same_gradients_of_the_inputs_shape_and_dtype(row, dtype):
    """`backward` adds up in the nodes and compares few shapes, `gradients` in a dictionary and compares all."""
    nodes = [tg.Node(np.asarray(x, dtype)) for x in row.arguments()]
    y = row.call(space_of(row), *nodes)
    seed = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(seed)
    for node, gradient in zip(nodes, tg.gradients(y, nodes, seed=seed), strict=True):
        if node.grad is not None:  # a condition has none
            assert (node.grad.shape if node.ndim else type(node.grad)) == (node.shape if node.ndim else float)
            assert np.asarray(node.grad).dtype == node.dtype
        np.testing.assert_array_equal(gradient if node.grad is None else node.grad, gradient)


@by_row
def test_first_order_in_reverse_entry_by_entry(row):
    xs, f = row.arguments(), weighted(row)
    found = gradient(f, xs)
    assert [np.shape(g) for g in found] == [np.shape(x) for x in xs]
    plain_f = lambda *ys: plain(f(*[tg.Node(y) for y in ys]))  # noqa: E731
    for i, x in enumerate(xs):
        for entry in np.ndindex(np.shape(x)):
            vs = [np.zeros(np.shape(y)) for y in xs]
            vs[i][entry] = 1.0
            np.testing.assert_allclose(np.asarray(found[i])[entry], central(plain_f, xs, vs), rtol=2e-7, atol=2e-8)


@by_row
def test_first_order_forward(row):
    xs, vs, space = row.arguments(), direction(row), space_of(row)
    y, tangent = tg.jvp(lambda *ys: row.call(space, *ys), tuple(xs), tuple(vs))
    assert np.shape(tangent) == np.shape(y)
    expected = central(lambda *ys: plain(row.call(space, *[tg.Node(y) for y in ys])), xs, vs)
    np.testing.assert_allclose(tangent, expected, rtol=2e-7, atol=2e-8)


@by_row
def test_second_order_in_reverse_and_forward(row):
    xs, vs, f = row.arguments(), direction(row), weighted(row)
    slopes = lambda *ys: gradient(f, ys)  # noqa: E731
    products = tg.hvp(f, tuple(xs), tuple(vs))
    forward = tg.jvp(slopes, tuple(xs), tuple(vs))[1]
    for i, (product, moved_slope) in enumerate(zip(products, forward, strict=True)):
        expected = central(lambda *ys, i=i: slopes(*ys)[i], xs, vs)
        np.testing.assert_allclose(product, expected, rtol=2e-6, atol=2e-7)
        np.testing.assert_allclose(moved_slope, expected, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("row", [row for row in ROWS if row.oracle], ids=str)
def test_autograd_agrees_at_first_and_second_order(row):
    xs, vs = row.arguments(), direction(row)
    f, theirs = weighted(row), weighted(row, autograd.numpy)
    every = tuple(range(len(xs)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = autograd.grad(theirs, every)(*xs)
        second = autograd.grad(lambda *ys: dot_of(autograd.grad(theirs, every)(*ys), vs), every)(*xs)
    for a, b in zip(gradient(f, xs), first, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    for a, b in zip(tg.hvp(f, tuple(xs), tuple(vs)), second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def dot_of(gradients, vs):
    return sum(autograd.numpy.sum(g * v) for g, v in zip(gradients, vs, strict=True))
