"""Functions of nothing at all: what NumPy says of empty arrays, and no derivative."""

import itertools

import numpy as np
import pytest
from keyword_calls import (
    arrays,
    combinations,
    compared,
    difference,
    each,
    floats,
    outcome,
    range_of,
)
from keyword_rows import CALLS
from keyword_values import A, V

import tinygrad_ed as tg

EMPTY = [(0,), (0, 3), (3, 0), (2, 0, 3)]
ABOUT_EMPTY = ["axis", "keepdims", "ddof", "n", "mode", "method", "k", "axes", "full", "num", "offset", "weights", "m"]


@each
def test_of_nothing_comes_what_numpy_says_and_no_derivative(name):
    calls, options = CALLS[name]
    options = {key: options[key] for key in ABOUT_EMPTY if key in options}
    wrong = []
    for args, shape, keywords in itertools.product(calls, EMPTY, combinations(options)):
        if not arrays(args):
            continue
        nodes = []

        def node(_, shape=shape, nodes=nodes):
            nodes.append(tg.Node(np.zeros(shape)))
            return nodes[-1]

        expected = outcome(name, args, keywords, lambda x, shape=shape: np.zeros(shape))
        found = outcome(name, args, keywords, node)
        fault, _ = compared(expected, found, keywords)
        if fault and not isinstance(found[0], tg.NoDerivativeRule):
            wrong.append(f"{args} {shape} {keywords}: {fault}")
        for part in floats(found[0]):
            if isinstance(part, tg.Node):
                slopes = tg.gradients(part, nodes, seed=np.ones(part.shape))
                assert [(g.shape, g.dtype) for g in slopes] == [(shape, float)] * len(nodes)
    assert not wrong, f"{len(wrong)} calls, the first: {wrong[0]}"


BESIDE = {  # nothing, beside something that the result does depend on
    "append": (np.append, [0], [3]),
    "concatenate": (lambda a, b: np.concatenate([a, b]), [0], [3]),
    "insert": (lambda a, b: np.insert(a, 0, b), [0], [3]),
    "diff": (lambda a, b: np.diff(a, prepend=b), [0], [3]),
    "ediff1d": (lambda a, b: np.ediff1d(a, to_end=b), [0], [3]),
    "polyadd": (np.polyadd, [0], [3]),
    "polymul": (np.polymul, [0], [3]),
    "polyval": (np.polyval, [3], [0]),
    "interp": (lambda a, b: np.interp(a, [0.0, 1.0, 2.0], b), [0], [3]),
    "dot": (np.dot, [3, 0], [0, 2]),
    "outer": (np.outer, [0], [3]),
    "einsum": (lambda a, b: np.einsum("i,j->j", a, b), [0], [3]),
    "full_like": (lambda a, b: np.full_like(a, b, shape=(2, 3)), [0], [3]),
}


@pytest.mark.parametrize("name", BESIDE)
def test_nothing_beside_something(name):
    f, *shapes = BESIDE[name]
    xs = [1.0 + np.arange(np.prod(shape)).reshape(shape) for shape in shapes]
    assert difference(f(*xs), f(*map(tg.Node, xs))) is None
    weights = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(f(*xs)))
    total = lambda *xs: np.sum(f(*xs) * weights)  # noqa: E731
    slopes = tg.grad(total, range_of(xs))(*xs)
    assert [slope.shape for slope in slopes] == [x.shape for x in xs]
    for k, x in enumerate(xs):
        ends = [total(*[y + h * (y is x) for y in xs]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(np.sum(slopes[k]), (ends[0] - ends[1]) / 2e-6, atol=1e-6)


def test_of_nothing_methods_say_what_numpy_says():
    x = tg.Node(np.zeros((0, 3)))
    for method, words in ((x.mean, "Mean of empty slice"), (x.var, "Degrees of freedom <= 0 for slice")):
        with pytest.warns(RuntimeWarning) as caught:
            assert np.isnan(method().value)
        assert any(words in str(warning.message) for warning in caught)
    with pytest.raises(tg.ShapeError, match="zero-size array to reduction operation maximum"):
        x.max()
    np.testing.assert_array_equal(x.sum(axis=0).value, np.zeros(3))


def test_no_positions_are_an_empty_list_of_them():
    for nothing in ([], (), np.zeros(0, int)):
        assert np.take(tg.Node(V), nothing).shape == tg.Node(V).take(nothing).shape == (0,)
        assert np.take(tg.Node(A), nothing, axis=1).shape == (3, 0)
        np.testing.assert_array_equal(tg.grad(lambda x: np.take(x, nothing).sum())(V), 0.0)  # noqa: B023
    with pytest.raises(TypeError):
        np.take(tg.Node(V), np.zeros(0))
