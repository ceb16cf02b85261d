"""Three methods of training compared: what is counted, where each starts and ends, and what the table says."""

import numpy as np
import pytest

from tinygrad_ed import Diverged, InvalidType, InvalidValue, ShapeError, TrainingWarning
from tinygrad_ed.data import moons
from tinygrad_ed.lecture.experiments.setting import BatchGradient
from tinygrad_ed.nn import MLP
from tinygrad_ed.train.compare_methods import compare_methods
from tinygrad_ed.train.fit import fit
from tinygrad_ed.train.gradients import ByRules

SMALL = MLP([2, 3, 1], rng=0)
TEN = moons(10, noise=0.2)


def flat(mlp):
    return np.concatenate([np.ravel(parameter.value) for parameter in mlp.parameters()])


@pytest.fixture
def compared():
    return compare_methods(SMALL, TEN.x, TEN.signs, batch_size=5, budget=60, path=True)


def test_the_lectures_table_is_what_was_counted(compared):
    table = {m: (run.updates_per_epoch, run.gradients_per_update) for m, run in compared.runs.items()}
    assert table == {"gradient": (1, 10), "sgd": (10, 1), "minibatch": (2, 5)}
    assert {m: run.updates[-1] for m, run in compared.runs.items()} == {"gradient": 6, "sgd": 60, "minibatch": 12}
    assert all(run.gradient_computations[-1] == 60 for run in compared.runs.values())


@pytest.mark.parametrize(("batch_size", "budget"), [(5, 60), (4, 37), (7, 10), (30, 99)])
def test_the_counts_are_those_of_the_code_that_computes_gradients(monkeypatch, batch_size, budget):
    seen = []
    compute = ByRules.compute

    def spied(self, batch, scale):
        seen.append(self.samples if isinstance(batch, slice) else len(batch))
        return compute(self, batch, scale)

    monkeypatch.setattr(ByRules, "compute", spied)
    runs = compare_methods(SMALL, TEN.x, TEN.signs, batch_size=batch_size, budget=budget).runs
    per_update = {"gradient": 10, "sgd": 1, "minibatch": batch_size}
    assert seen == [n for method, n in per_update.items() for _ in range(budget // n)]
    for method, run in runs.items():
        assert run.gradient_computations[-1] == per_update[method] * run.updates[-1] <= budget
        assert run.updates[-1] == budget // per_update[method]


def test_all_start_from_the_weights_of_the_network_which_keeps_them(compared):
    starts = [run.path[0] for run in compared.runs.values()]
    assert all(np.array_equal(start, flat(SMALL)) for start in starts)
    assert len({run.cost[0] for run in compared.runs.values()}) == 1
    assert np.array_equal(flat(SMALL), flat(MLP([2, 3, 1], rng=0)))


@pytest.mark.parametrize("method", ["gradient", "sgd", "minibatch"])
def test_each_method_ends_where_fit_does(method):
    """Each method alone gets the same draws as fit, whose generator is the third, second or first to be used."""
    mlp, rng = MLP([2, 3, 1], rng=0), np.random.default_rng(5)
    if method != "gradient":
        rng.integers(0, 10, (30, 1) if method == "minibatch" else (0, 1))
    if method == "minibatch":  # SGD has drawn three epochs before, and has looked at a fourth
        rng = np.random.default_rng(5)
        for _ in range(4):
            rng.integers(0, 10, (10, 1))
    run = compare_methods(mlp, TEN.x, TEN.signs, batch_size=5, budget=30, path=True, rng=5).runs[method]
    fit(mlp, TEN.x, TEN.signs, method=method, batch_size=5, epochs=3, rng=rng, progress=False)
    np.testing.assert_allclose(run.path[-1], flat(mlp), rtol=1e-12)


def test_the_curve_is_the_cost_of_all_data_at_the_path(compared):
    for run in compared.runs.values():
        for theta, cost in zip(run.path[::3], run.cost[::3], strict=True):
            gradient = BatchGradient(SMALL, TEN.x, TEN.signs, "mse")
            gradient.theta[:] = theta
            assert gradient.cost() == pytest.approx(cost, rel=1e-12)
        assert np.all(np.diff(run.gradient_computations) > 0)
        assert np.all(np.diff(run.updates) > 0)
        assert np.all(np.diff(run.seconds) >= 0)


def test_both_roads_and_a_rate_for_each_method(compared):
    graph = compare_methods(SMALL, TEN.x, TEN.signs, batch_size=5, budget=60, road="graph")
    assert np.array_equal(flat(SMALL), flat(MLP([2, 3, 1], rng=0)))
    for method, run in graph.runs.items():
        np.testing.assert_allclose(run.cost, compared.runs[method].cost, rtol=1e-10)
    rates = {"gradient": 0.3, "sgd": 0.01, "minibatch": 0.1}
    runs = compare_methods(SMALL, TEN.x, TEN.signs, learning_rate=rates, batch_size=5).runs
    assert {method: run.learning_rate for method, run in runs.items()} == rates
    assert runs["gradient"].path is None


def test_the_printed_table_has_counted_and_lecture_side_by_side(compared):
    lines = str(compared).splitlines()
    assert "at most 60 gradient computations each; N = 10 samples" in lines[0]
    words = [line.split()[:6] for line in lines[-3:]]
    assert words == [
        ["gradient", "1", "1", "10", "10", "6"],
        ["sgd", "10", "10", "1", "1", "60"],
        ["minibatch", "2", "2", "5", "5", "12"],
    ]


def test_a_method_that_diverges_ends_its_curve_and_the_table_says_so():
    x, y = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [3.0]])
    rates = {"gradient": 0.01, "sgd": 50.0, "minibatch": 0.01}
    compared = compare_methods(MLP([1, 1], rng=0), x, y, learning_rate=rates, batch_size=2, budget=2000)
    run = compared.runs["sgd"]
    assert 10 < run.diverged < 2000
    assert np.isfinite(run.cost).all()
    assert f"not finite at update {run.diverged}" in str(compared)
    assert compared.runs["gradient"].diverged is None
    # The same update as a loop that uses the same draws.
    with pytest.warns(TrainingWarning), pytest.raises(Diverged, match=f"update {run.diverged} "):
        fit(MLP([1, 1], rng=0), x, y, method="sgd", learning_rate=50.0, epochs=700, progress=False)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"budget": 9}, InvalidValue, "budget must be a number of gradient computations of at least 10, not 9"),
        ({"batch_size": 0}, InvalidValue, "batch_size must be"),
        ({"learning_rate": -1.0}, InvalidValue, "learning_rate must be a positive"),
        ({"learning_rate": {"sgd": 0.1}}, InvalidType, "a rate of gradient, minibatch as well"),
        ({"learning_rate": {"sdg": 0.1}}, InvalidValue, "Did you mean 'sgd'"),
        ({"sampling": "unifrom"}, InvalidValue, "Did you mean 'uniform'"),
        ({"road": "rule"}, InvalidValue, "Did you mean 'rules'"),
        ({"cost": "mes"}, InvalidValue, "Did you mean 'mse'"),
        ({"rho": np.zeros((10, 2))}, ShapeError, "expected has shape"),
    ],
)
def test_compare_methods_refuses_bad_options(options, error, words):
    with pytest.raises(error, match=words):
        compare_methods(SMALL, **{"x": TEN.x, "rho": TEN.signs, **options})


def test_a_cost_that_is_not_finite_at_the_start_is_refused():
    with pytest.raises(InvalidValue, match="not finite at the start; scale the data"):
        compare_methods(MLP([1, 1], rng=0), [[1e200], [1.0]], [[1.0], [1.0]])
