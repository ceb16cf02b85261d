"""An activation and a cost of one's own, as pairs of functions in the place of a name: every road takes them."""

import copy

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.nn import activations, costs
from tinygrad_ed.nn.activations import Activation
from tinygrad_ed.nn.costs import Cost

X, RHO = np.random.default_rng(0).normal(size=(6, 3)), np.random.default_rng(1).normal(size=(6, 2))
ROADS = ("graph", "rules", "jacobians", "numeric", "tape")


@pytest.fixture(autouse=True)
def own_rows_are_forgotten():
    tables = (ACTIVATIONS, COSTS, activations.NAMES, costs.NAMES)
    before = [dict(table) for table in tables]
    yield
    for table, rows in zip(tables, before, strict=True):
        table.clear()
        table.update(rows)


def softsign(slope=1.0):
    return Activation("softsign", lambda z: z / (1 + np.abs(z)), lambda z: slope / (1 + np.abs(z)) ** 2)


def quartic(slope=1.0):
    return Cost("quartic", lambda a, y: ((a - y) ** 4).sum(axis=1) / 4, lambda a, y: slope * (a - y) ** 3)


def network(**options):
    mlp = tg.nn.MLP([3, 4, 2], activation=softsign(), rng=1, **options)
    for layer in mlp.layers:
        layer.bias.value = np.linspace(-0.5, 0.5, layer.n_out).astype(mlp.dtype)
    return mlp


def test_a_right_pair_agrees_on_every_road():
    check = tg.crosscheck(network(), X, RHO, quartic(), roads=ROADS)
    assert check.agree, check
    assert tg.lecture.derive(network(), X[0], RHO[0], "quartic").holds


def test_a_wrong_derivative_is_found():
    mlp = network()
    softsign(slope=2.0)
    assert tg.crosscheck(mlp, X, RHO).first_divergence.quantity == "B[1]"
    softsign()
    assert tg.crosscheck(mlp, X, RHO).agree
    assert tg.crosscheck(mlp, X, RHO, quartic(slope=3.0)).first_divergence.quantity == "P[3]"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_learns_with_it_is_copied_saved_and_loaded(tmp_path, dtype):
    found = {}
    for road in ("rules", "graph", "tape"):
        mlp = copy.deepcopy(network(dtype=dtype))
        history = tg.train.fit(mlp, X, RHO, quartic(), road=road, epochs=30, learning_rate=0.01)
        assert history.cost[-1] < history.cost[0]
        found[road] = mlp.predict(X)
        assert found[road].dtype == dtype
        np.testing.assert_allclose(found[road], found["rules"], rtol=1e-3 if dtype == np.float32 else 1e-9, atol=1e-5)
    mlp.save(tmp_path / "mine.npz")
    np.testing.assert_array_equal(tg.nn.MLP.load(tmp_path / "mine.npz").predict(X), found["tape"])
    del activations.NAMES["softsign"]
    with pytest.raises(tg.Error, match="softsign"):
        tg.nn.MLP.load(tmp_path / "mine.npz")


def test_what_is_expected_is_checked_as_the_row_says():
    name = Cost(
        "twice bce", lambda a, y: 2 * COSTS["bce"].C(a, y), lambda a, y: 2 * COSTS["bce"].grad_C(a, y), "bits", True
    )
    with pytest.raises(tg.InvalidValue, match="twice bce: labels must be 0 and 1"):
        costs.find(name)([[0.5]], [[-1.0]])
    assert tg.nn.metrics.suiting(name) == "accuracy"


def test_bad_pairs_are_refused_before_anything_is_known():
    known = set(activations.NAMES), set(costs.NAMES)
    square, double = (lambda z: z**2), (lambda z: 2 * z)
    for make, error, message in (
        (lambda: Activation("tanh", square, double), tg.InvalidValue, "'tanh' is one of the package's own activations"),
        (lambda: Activation(square, square, double), tg.InvalidType, "the first argument is the name"),
        (lambda: Activation("square", square, 2), tg.InvalidType, "dphi of square must be a function"),
        (
            lambda: Activation("square", square, np.sum),
            tg.ShapeError,
            r"dphi of square returned shape \(\) for \(1, 3\)",
        ),
        (
            lambda: Activation("square", lambda z: None, double),
            tg.InvalidType,
            "what phi of square returns must hold real",
        ),
        (lambda: Cost("mse", np.subtract, np.subtract), tg.InvalidValue, "'mse' is one of the package's own costs"),
        (
            lambda: Cost("c", np.subtract, np.subtract),
            tg.ShapeError,
            r"C of c returned shape \(2, 3\).*expected was \(2,\)",
        ),
        (
            lambda: Cost("c", lambda a, y: (a - y).sum(1), np.subtract, "text"),
            tg.InvalidValue,
            "unknown kind of expected",
        ),
    ):
        with pytest.raises(error, match=message):
            make()
    assert (set(activations.NAMES), set(costs.NAMES)) == known
