"""`fit`: the updates against a loop written by hand, the lecture's table, all roads, and what is refused."""

import math
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg

N = 10


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return rng.standard_normal((N, 3)), rng.standard_normal((N, 2))


def network(**options):
    return tg.nn.MLP([3, 4, 2], rng=1, **options)


def weights_of(mlp):
    return [parameter.value.copy() for parameter in mlp.parameters()]


@pytest.mark.parametrize(
    ("method", "batch_size", "updates", "per_update"),
    [("gradient", 32, 1, N), ("sgd", 32, N, 1), ("minibatch", 5, N // 5, 5), ("minibatch", 2, N // 2, 2)],
)
@pytest.mark.parametrize("sampling", ["uniform", "shuffle"])
def test_the_lectures_table_is_what_was_counted(problem, method, batch_size, updates, per_update, sampling):
    history = tg.train.fit(network(), *problem, method=method, batch_size=batch_size, epochs=3, sampling=sampling)
    assert history.epochs == 3
    assert history.updates == 3 * updates
    assert history.gradient_computations == 3 * updates * per_update


def test_a_batch_size_that_does_not_divide_n(problem):
    uniform = tg.train.fit(network(), *problem, batch_size=4, epochs=1)
    assert (uniform.updates, uniform.gradient_computations) == (3, 12)
    shuffled = tg.train.fit(network(), *problem, batch_size=4, epochs=1, sampling="shuffle")
    assert (shuffled.updates, shuffled.gradient_computations) == (3, N)


def test_uniform_draws_with_replacement_and_shuffle_takes_every_sample_once():
    rng = np.random.default_rng(0)
    shuffled = np.concatenate(list(tg.train.batches("minibatch", 50, 7, "shuffle", rng)))
    assert sorted(shuffled) == list(range(50))
    drawn = np.concatenate([b for _ in range(400) for b in tg.train.batches("sgd", 5, 1, "uniform", rng)])
    counts = np.bincount(drawn, minlength=5)
    assert counts.sum() == 2000
    # Uniform on 1..5: each count is 400 with deviation sqrt(2000 * 0.2 * 0.8) = 18.
    assert np.all(np.abs(counts - 400) < 4 * 18)
    first = next(iter(tg.train.batches("minibatch", 5, 5, "uniform", np.random.default_rng(1))))
    assert len(set(first.tolist())) < 5, "five draws out of five that are all different would be a shuffle"


@pytest.mark.parametrize("road", ["rules", "graph", "tape"])
def test_gradient_descent_equals_a_loop_written_by_hand(road):
    """One linear neuron, mse: dE/dw = mean((w x + b - y) x), dE/db = mean(w x + b - y)."""
    x, y = np.array([[1.0], [2.0], [4.0]]), np.array([[3.0], [5.0], [7.0]])
    mlp = tg.nn.MLP([1, 1], rng=0)
    w, b = mlp.layers[0].weights.value.item(), 0.0
    expected_costs = []
    for _ in range(5):
        error = [w * a + b - r for a, r in [(1.0, 3.0), (2.0, 5.0), (4.0, 7.0)]]
        expected_costs.append(sum(e * e / 2 for e in error) / 3)
        w, b = (
            w - 0.1 * sum(e * a for e, a in zip(error, [1.0, 2.0, 4.0], strict=True)) / 3,
            b - 0.1 * sum(error) / 3,
        )
    history = tg.train.fit(mlp, x, y, method="gradient", learning_rate=0.1, epochs=5, road=road)
    assert mlp.layers[0].weights.value.item() == pytest.approx(w, rel=1e-13)
    assert mlp.layers[0].bias.value.item() == pytest.approx(b, rel=1e-13)
    assert history.cost == pytest.approx(expected_costs, rel=1e-13)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    method=st.sampled_from(tg.train.METHODS),
    sampling=st.sampled_from(tg.train.SAMPLINGS),
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "softplus"]),
    cost=st.sampled_from(["mse", "l1", "huber", "logistic", "margin", "cross_entropy"]),
    batch_size=st.integers(1, 6),
    seed=st.integers(0, 10),
)
def test_all_roads_train_to_the_same_weights(method, sampling, activation, cost, batch_size, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, 3))
    rho = np.eye(2)[rng.integers(0, 2, N)] if cost == "cross_entropy" else rng.choice([-1.0, 1.0], (N, 2))
    trained, histories = [], []
    for road in ("rules", "graph", "tape"):
        mlp = tg.nn.MLP([3, 4, 2], activation, rng=seed)
        histories.append(
            tg.train.fit(
                mlp,
                x,
                rho,
                cost,
                method,
                batch_size,
                epochs=3,
                sampling=sampling,
                road=road,
                rng=seed,
                learning_rate=0.05,
            )
        )
        trained.append(weights_of(mlp))
    for by_rules, *others in zip(*trained, strict=True):
        for other in others:
            np.testing.assert_allclose(by_rules, other, rtol=1e-12, atol=1e-12)
    for history in histories[1:]:
        assert history.cost == pytest.approx(histories[0].cost, rel=1e-12, abs=1e-12)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(problem):
    runs = []
    for seed in (3, 3, 4):
        mlp = network()
        tg.train.fit(mlp, *problem, batch_size=4, rng=seed)
        runs.append(np.concatenate([w.ravel() for w in weights_of(mlp)]))
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("road", ["rules", "graph", "tape"])
def test_float32_stays_float32(problem, road):
    mlp = network(dtype=np.float32)
    tg.train.fit(mlp, *problem, road=road, learning_rate=np.float64(0.1))
    assert {w.dtype for w in weights_of(mlp)} == {np.dtype(np.float32)}


def test_validation_has_the_cost_after_each_epoch(problem):
    x, rho = problem
    mlp = network()
    history = tg.train.fit(mlp, x, rho, epochs=4, validation=(x[:3], rho[:3]))
    assert len(history.validation) == 4
    assert history.validation[-1] == pytest.approx(float(tg.nn.costs.mse(mlp.predict(x[:3]), rho[:3])))


def test_an_optimizer_of_ones_own_gets_every_gradient(problem):
    class Counting:
        def __init__(self):
            self.shapes = []

        def step(self, parameters, gradients):
            self.shapes.append([g.shape for g in gradients])
            for parameter in parameters:
                parameter += 1.0

    mlp, optimizer = network(), Counting()
    before = weights_of(mlp)
    tg.train.fit(mlp, *problem, method="gradient", epochs=2, optimizer=optimizer)
    assert optimizer.shapes == [[(3, 4), (4,), (4, 2), (2,)]] * 2
    for old, new in zip(before, weights_of(mlp), strict=True):
        np.testing.assert_array_equal(new, old + 1.0 + 1.0)


@pytest.mark.parametrize("road", ["rules", "graph", "tape"])
def test_a_diverging_run_stops_and_leaves_finite_weights(problem, road):
    mlp = network()
    lesson = r"cost became (inf|nan) at update \d+ \(epoch \d+\).*learning_rate"
    with pytest.raises(tg.Diverged, match=lesson), pytest.warns(tg.TrainingWarning, match="it explodes"):
        tg.train.fit(mlp, *problem, learning_rate=1e6, epochs=400, method="minibatch", batch_size=5, road=road)
    assert all(np.isfinite(w).all() for w in weights_of(mlp))


@pytest.mark.parametrize("road", ["rules", "graph", "tape"])
def test_diverged_comes_although_numpys_warnings_are_errors(road, recwarn):
    ones = np.ones((4, 2))
    for level in ("error", "always"):
        warnings.simplefilter(level)
        warnings.simplefilter("ignore", tg.TrainingWarning)
        with np.errstate(all="warn"), pytest.raises(tg.Diverged, match="smaller learning_rate"):
            tg.train.fit(tg.nn.MLP([2, 2]), 1e3 * ones, ones, learning_rate=1e6, epochs=50, road=road)
    assert not recwarn


def test_a_validation_cost_beyond_all_floats_gives_no_warning(problem):
    history = tg.train.fit(network(activation="relu"), *problem, epochs=1, validation=(1e300 * problem[0], problem[1]))
    assert history.validation == [math.inf]


def test_an_optimizer_that_counts_its_steps_is_used_before_the_first(problem):
    class Steps(list):
        def step(self, parameters, gradients):
            self.append(len(gradients))

    mlp, optimizer = network(), Steps()
    before = weights_of(mlp)
    with pytest.warns(tg.TrainingWarning, match="never changed"):
        tg.train.fit(mlp, *problem, method="gradient", epochs=2, optimizer=optimizer)
    assert optimizer == [4, 4]
    for old, new in zip(before, weights_of(mlp), strict=True):
        np.testing.assert_array_equal(old, new)


class StopsAt:
    """Gradient descent that is broken off before one of its updates."""

    def __init__(self, update, error=KeyboardInterrupt):
        self.left, self.error, self.inner = update, error, tg.train.GradientDescent(0.1)

    def step(self, parameters, gradients):
        self.left -= 1
        if self.left < 0:
            raise self.error
        self.inner.step(parameters, gradients)


@pytest.mark.parametrize("update", [0, 1, 2, 3, 4, 5])
def test_ctrl_c_returns_the_history_and_leaves_the_weights_of_the_last_whole_epoch(problem, update):
    stopped, whole = network(), network()
    history = tg.train.fit(stopped, *problem, batch_size=5, epochs=9, optimizer=StopsAt(update), road="graph")
    epochs = update // 2
    assert (history.stopped, history.epochs, history.updates) == ("interrupted", epochs, 2 * epochs)
    assert history.gradient_computations == 10 * epochs
    assert len(history.cost) == epochs
    assert str(history).endswith("(stopped: interrupted)")
    if epochs:
        expected = tg.train.fit(whole, *problem, batch_size=5, epochs=epochs)
        assert history.cost == pytest.approx(expected.cost, rel=1e-12)
    for left, wanted in zip(weights_of(stopped), weights_of(whole), strict=True):
        np.testing.assert_allclose(left, wanted, rtol=1e-12, atol=1e-12)


def test_an_error_in_an_update_goes_on_up_and_leaves_the_weights_of_the_last_whole_epoch(problem):
    stopped, whole = network(), network()
    with pytest.raises(ZeroDivisionError):
        tg.train.fit(stopped, *problem, batch_size=5, epochs=9, optimizer=StopsAt(5, ZeroDivisionError), road="graph")
    tg.train.fit(whole, *problem, batch_size=5, epochs=2)
    for left, wanted in zip(weights_of(stopped), weights_of(whole), strict=True):
        np.testing.assert_allclose(left, wanted, rtol=1e-12, atol=1e-12)


def test_a_graph_built_before_training_cannot_be_swept_after_it(problem):
    mlp = network()
    error = tg.nn.costs.mse(mlp(problem[0]), problem[1])
    tg.train.fit(mlp, *problem)
    with pytest.raises(tg.StaleGraph, match="new value"):
        error.backward()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "minibach"}, tg.InvalidValue, "unknown method 'minibach'. Did you mean 'minibatch'"),
        ({"sampling": "unifrom"}, tg.InvalidValue, "unknown sampling.*Did you mean 'uniform'"),
        ({"road": "jacobians"}, tg.InvalidValue, "unknown road 'jacobians'. Known: graph, rules, tape"),
        ({"cost": "mes"}, tg.InvalidValue, "unknown cost 'mes'. Did you mean 'mse'"),
        ({"batch_size": 0}, tg.InvalidValue, "batch_size must be a whole number of at least 1, not 0"),
        ({"batch_size": 10**20}, tg.InvalidValue, "a batch would hold more numbers than any memory can"),
        ({"epochs": 1.5}, tg.InvalidType, "epochs must be a whole number of at least 1, not 1.5"),
        ({"epochs": True}, tg.InvalidType, "epochs must be a whole number"),
        ({"learning_rate": 0.0}, tg.InvalidValue, "learning_rate must be a positive, finite number"),
        ({"learning_rate": math.nan}, tg.InvalidValue, "learning_rate must be a positive, finite number"),
        ({"learning_rate": "fast"}, tg.InvalidType, "learning_rate must be a positive, finite number"),
        ({"learning_rate": True}, tg.InvalidType, "learning_rate must be a positive, finite number, got True"),
        ({"learning_rate": 10**400}, tg.InvalidValue, "learning_rate must be a positive, finite number"),
        ({"rng": "a"}, tg.InvalidType, "rng must be a numpy.random.Generator or a seed of at least 0, not 'a'"),
        ({"rng": -1}, tg.InvalidValue, "rng must be .* not -1"),
        ({"rng": 1.5}, tg.InvalidType, "rng must be .* not 1.5"),
        ({"road": ["rules"]}, tg.InvalidValue, r"unknown road \['rules'\]"),
        ({"method": ["sgd"]}, tg.InvalidValue, r"unknown method \['sgd'\]"),
        ({"sampling": {}}, tg.InvalidValue, "unknown sampling {}"),
        ({"cost": ["mse"]}, tg.InvalidValue, r"unknown cost \['mse'\]"),
        ({"optimizer": 3}, tg.InvalidType, r"optimizer must be an object with a method step.*not 3"),
        ({"optimizer": tg.train.GradientDescent}, tg.InvalidType, "optimizer must be an object"),
        ({"progress": "yes"}, tg.InvalidType, "progress must be True, False or None, not 'yes'"),
        ({"validation": 3}, tg.InvalidType, r"validation must be a pair \(x, rho\).* not 3"),
        ({"validation": (np.ones((2, 3)),)}, tg.InvalidType, r"validation must be a pair \(x, rho\)"),
        ({"validation": (np.ones((2, 5)), np.ones((2, 2)))}, tg.ShapeError, r"\(2, 5\)"),
    ],
)
def test_bad_options_are_refused_before_anything_is_changed(problem, options, error, message):
    mlp = network()
    before = weights_of(mlp)
    with pytest.raises(error, match=message):
        tg.train.fit(mlp, *problem, **options)
    for old, new in zip(before, weights_of(mlp), strict=True):
        np.testing.assert_array_equal(old, new)


def test_bad_data_are_refused(problem):
    x, rho = problem
    broken = x.copy()
    broken[3, 1] = np.nan
    with pytest.raises(tg.InvalidValue, match=r"x holds nan at \[3, 1\]"):
        tg.train.fit(network(), broken, rho)
    with pytest.raises(tg.InvalidValue, match="empty batch"):
        tg.train.fit(network(), x[:0], rho[:0])
    with pytest.raises(tg.ShapeError, match=r"layer 1.*\(3, 4\).*\(10, 2\)"):
        tg.train.fit(network(), x[:, :2], rho)
    with pytest.raises(tg.ShapeError, match=r"\(10, 2\).*\(9, 2\)"):
        tg.train.fit(network(), x, rho[:9])
    with pytest.raises(tg.InvalidType, match="fit trains a"):
        tg.train.fit(None, x, rho)


def test_progress(problem, capsys, monkeypatch):
    tg.train.fit(network(), *problem)
    assert capsys.readouterr().err == "", "quiet when the output is not a terminal"
    tg.train.fit(network(), *problem, progress=True)
    assert "10/10" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    tg.train.fit(network(), *problem)
    with pytest.raises(tg.MissingExtra, match=r"pip install \"tinygrad_ed\[progress\]\""):
        tg.train.fit(network(), *problem, progress=True)


def test_a_history_prints_itself(problem):
    history = tg.train.fit(network(), *problem, epochs=2, batch_size=5)
    assert str(history).startswith("2 epochs, 4 updates, 20 gradient computations, ")
