"""What is looked after between epochs: validation, metrics, patience, callbacks, Ctrl-C, the progress bar; scores."""

import dataclasses
import math

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import metrics
from tinygrad_ed.train.run import TrainingRun

X = np.random.default_rng(0).standard_normal((12, 3))
RHO = np.random.default_rng(1).standard_normal((12, 2))
OTHER = np.random.default_rng(2).standard_normal((5, 3)), np.random.default_rng(3).standard_normal((5, 2))


def network(**options):
    return tg.nn.MLP([3, 4, 2], rng=1, **options)


def vector(mlp):
    return np.concatenate([parameter.value.ravel() for parameter in mlp.parameters()])


def trained(epochs, **options):
    mlp = network()
    tg.train.fit(mlp, X, RHO, batch_size=4, epochs=epochs, **options)
    return vector(mlp)


# Patience


class Scripted:
    """Moves every weight by one each update: with a function of the weights for a cost, the cost is a script."""

    def step(self, parameters, gradients):
        for parameter in parameters:
            parameter += 1.0


def scripted_run(costs, patience, epochs, **options):
    """A run whose validation cost after epoch k is costs[k - 1]: the label is 0, the weight k, and l1 is looked up."""
    mlp = tg.nn.MLP([1, 1], init="zeros")
    seen = iter(costs)
    original = tg.nn.costs.NAMES["l1"]
    tg.nn.costs.NAMES["l1"] = lambda output, expected: next(seen)
    try:
        history = tg.train.fit(
            mlp,
            [[1.0]],
            [[0.0]],
            cost="l1",
            method="gradient",
            epochs=epochs,
            optimizer=Scripted(),
            validation=([[1.0]], [[0.0]]),
            patience=patience,
            **options,
        )
    finally:
        tg.nn.costs.NAMES["l1"] = original
    return history, mlp.layers[0].weights.value.item()


@pytest.mark.parametrize(
    ("costs", "patience", "epochs", "stopped", "best"),
    [
        ([5, 4, 3, 3, 3, 3], 3, 6, "patience", 3),  # an equal cost is no better one
        ([5, 4, 6, 6, 3.5, 6, 6, 6], 3, 8, "patience", 5),
        ([5, 4, 6, 6, 6, 1], 3, 5, "patience", 2),
        ([5, 4, 3, 2], 2, None, None, 4),
        ([5, 2, 3, 4], 9, None, None, 2),  # not stopped, and the best weights all the same
        ([5, math.nan, math.nan, 4], 2, 3, "patience", 1),
        ([math.nan, math.inf], 2, 2, "patience", None),  # none was better than the beginning
        ([5, 6], 1, 2, "patience", 1),
    ],
)
def test_patience_stops_and_leaves_the_best_weights(costs, patience, epochs, stopped, best):
    history, weight = scripted_run(costs, patience, len(costs))
    assert history.epochs == (epochs or len(costs))
    assert history.stopped == stopped
    assert history.best_epoch == best
    assert weight == (best or history.epochs)
    assert len(history.validation) == len(history.cost) == history.updates == history.epochs


def test_after_an_error_the_weights_are_those_of_the_last_whole_epoch_also_with_patience():
    def fail(epoch):
        if epoch.epoch == 3:
            raise ZeroDivisionError

    mlp = network()
    with pytest.raises(ZeroDivisionError):
        tg.train.fit(mlp, X, RHO, batch_size=4, validation=(X, -RHO), patience=9, callbacks=[fail])
    np.testing.assert_array_equal(vector(mlp), trained(3))


def test_without_patience_the_last_weights_stay():
    history, weight = scripted_run([5, 2, 3, 4], None, 4)
    assert (weight, history.best_epoch, history.stopped) == (4, 2, None)


def test_patience_and_metrics_need_validation_data():
    with pytest.raises(tg.InvalidValue, match=r"patience needs validation data: validation=\(x, rho\)"):
        tg.train.fit(network(), X, RHO, patience=3)
    with pytest.raises(tg.InvalidValue, match=r"metrics needs validation data"):
        tg.train.fit(network(), X, RHO, metrics=["r2"])
    with pytest.raises(tg.InvalidValue, match="patience must be a whole number of at least 1, not 0"):
        tg.train.fit(network(), X, RHO, patience=0, validation=OTHER)


# Ctrl-C


def test_ctrl_c_leaves_the_weights_with_the_lowest_validation_cost():
    """The validation costs are 5, 2, 3; Ctrl-C comes in the third epoch's callback, or in the fourth epoch."""

    def press(epoch):
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    history, weight = scripted_run([5, 2, 3, 4], None, 4, callbacks=[press])
    assert (history.stopped, history.epochs, history.validation, weight) == ("interrupted", 3, [5.0, 2.0, 3.0], 2)


def test_ctrl_c_while_validating_forgets_that_epoch():
    class Pressed:
        calls = 0

        def __call__(self, output, expected):
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt
            return 0.0

    mlp = network()
    history = tg.train.fit(mlp, X, RHO, batch_size=4, epochs=5, validation=OTHER, metrics=[Pressed(), "r2"])
    assert (history.epochs, history.updates) == (2, 6)
    assert {len(values) for values in (history.cost, history.validation, *history.metrics.values())} == {2}
    np.testing.assert_array_equal(vector(mlp), trained(history.best_epoch))


def test_ctrl_c_while_an_epoch_is_written_down_forgets_that_epoch(monkeypatch):
    note = TrainingRun._note

    def pressed(self, measured):
        note(self, measured)
        if len(self.history.validation) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingRun, "_note", pressed)
    history = tg.train.fit(network(), X, RHO, batch_size=4, epochs=5, validation=OTHER)
    assert (history.epochs, history.updates) == (2, 6)
    assert {len(values) for values in (history.cost, history.validation, *history.metrics.values())} == {2}


# Callbacks


def test_a_callback_sees_every_epoch_and_cannot_change_anything():
    told, seen = [], []
    mlp = network()

    def look(epoch):
        told.append(epoch)
        np.testing.assert_array_equal(np.concatenate([p.ravel() for p in epoch.parameters]), vector(mlp))
        seen.append(vector(mlp))
        with pytest.raises(dataclasses.FrozenInstanceError):
            epoch.cost = 0.0
        with pytest.raises(ValueError, match="read-only"):
            epoch.parameters[0][0] = 0.0
        with pytest.raises(TypeError):
            epoch.metrics["r2"] = 1.0

    history = tg.train.fit(mlp, X, RHO, batch_size=4, epochs=3, validation=OTHER, callbacks=[look])
    assert [epoch.epoch for epoch in told] == [1, 2, 3]
    assert {epoch.epochs for epoch in told} == {3}
    assert [epoch.cost for epoch in told] == history.cost
    assert [epoch.validation for epoch in told] == history.validation
    assert [epoch.metrics["r2"] for epoch in told] == history.metrics["r2"]
    assert {epoch.learning_rate for epoch in told} == {0.1}
    assert 0 < told[0].seconds < told[1].seconds < told[2].seconds <= history.seconds
    for k, (weights, epoch) in enumerate(zip(seen, told, strict=True), start=1):
        np.testing.assert_array_equal(weights, trained(k))
        np.testing.assert_array_equal(np.concatenate([p.ravel() for p in epoch.parameters]), weights)


def test_a_callback_may_stop_the_run_and_the_others_still_hear_of_the_epoch():
    heard = []
    mlp = network()
    history = tg.train.fit(
        mlp,
        X,
        RHO,
        batch_size=4,
        epochs=9,
        callbacks=[lambda epoch: epoch.epoch == 2, lambda epoch: heard.append(epoch)],
    )
    assert (history.stopped, history.epochs, len(heard)) == ("callback", 2, 2)
    np.testing.assert_array_equal(vector(mlp), trained(2))


def test_callbacks_are_checked():
    for wrong in (print, [3], [dict], 7):
        with pytest.raises(tg.InvalidType, match="callbacks is a list of functions of an Epoch, not"):
            tg.train.fit(network(), X, RHO, callbacks=wrong)
    with pytest.raises(tg.InvalidType, match=r"returned 0\.5; a callback returns True to stop the run"):
        tg.train.fit(network(), X, RHO, callbacks=[lambda epoch: 0.5])


def test_an_optimizer_without_a_rate_tells_none():
    told = []
    tg.train.fit(network(), X, RHO, epochs=1, optimizer=Scripted(), callbacks=[told.append])
    assert told[0].learning_rate is None
    assert told[0].validation is None


# Metrics


@pytest.mark.parametrize(
    ("cost", "name"), [("mse", "r2"), ("huber", "r2"), ("logistic", "accuracy"), ("hinge", "accuracy")]
)
def test_the_metric_suits_the_cost_and_has_one_entry_an_epoch(cost, name):
    rho = np.sign(RHO[:, :1])
    mlp = tg.nn.MLP([3, 4, 1], rng=1)
    history = tg.train.fit(mlp, X, rho, cost, epochs=3, validation=(X, rho))
    assert list(history.metrics) == [name]
    assert len(history.metrics[name]) == 3
    assert history.metrics[name][-1] == pytest.approx(mlp.score(X, rho, cost), rel=1e-15)
    assert f", {name} {history.metrics[name][-1]:.4g}" in str(history)


def test_class_numbers_count_for_accuracy_as_one_hot_rows_do():
    classes = np.arange(12) % 2
    one, two = network(), network()
    by_number = tg.train.fit(one, X, classes, "cross_entropy", validation=(X, classes))
    by_row = tg.train.fit(two, X, np.eye(2)[classes], "cross_entropy", validation=(X, np.eye(2)[classes]))
    assert by_number.metrics == by_row.metrics
    right = np.mean(one.predict(X).argmax(axis=1) == classes)
    assert by_number.metrics["accuracy"][-1] == right == one.score(X, classes, "cross_entropy")


def test_metrics_by_name_and_of_ones_own():
    def worst(output, expected):
        return np.abs(output - expected).max()

    mlp = network()
    history = tg.train.fit(mlp, X, RHO, epochs=2, validation=OTHER, metrics=["l1", worst])
    assert list(history.metrics) == ["l1", "worst"]
    values = list(history.metrics.values())
    assert values[0][-1] == pytest.approx(tg.nn.costs.l1(mlp.predict(OTHER[0]), OTHER[1]))
    assert values[1][-1] == pytest.approx(np.abs(mlp.predict(OTHER[0]) - OTHER[1]).max())
    assert type(values[1][-1]) is float
    with pytest.raises(tg.InvalidValue, match=r"unknown metric 'acuracy'\. Did you mean 'accuracy'"):
        tg.train.fit(mlp, X, RHO, validation=OTHER, metrics=["acuracy"])
    with pytest.raises(tg.InvalidType, match="a metric is a name or a function"):
        tg.train.fit(mlp, X, RHO, validation=OTHER, metrics=[3])
    with pytest.raises(tg.InvalidValue, match="two of the metrics have one name: <lambda>"):
        tg.train.fit(mlp, X, RHO, validation=OTHER, metrics=[lambda o, e: 0.0, lambda o, e: 1.0])
    for wrong in ("accuracy", 3):
        with pytest.raises(tg.InvalidType, match=r"metrics is a list, such as \['accuracy'\]"):
            tg.train.fit(mlp, X, RHO, validation=OTHER, metrics=wrong)


def test_accuracy_counts_the_right_answers():
    rng = np.random.default_rng(4)
    output, classes, signs = rng.standard_normal((30, 3)), rng.integers(0, 3, 30), rng.choice([-1.0, 1.0], (30, 3))
    found = [max(range(3), key=list(row).__getitem__) for row in output]
    right = sum(f == c for f, c in zip(found, classes, strict=True)) / 30
    assert metrics.accuracy(output, np.eye(3)[classes]) == right
    assert metrics.accuracy(output, 2.0 * np.eye(3)[classes] - 1.0) == right
    agree = [[o * s > 0 for o, s in zip(*rows, strict=True)] for rows in zip(output, signs, strict=True)]
    assert metrics.accuracy(output, signs) == sum(map(all, agree)) / 30
    assert metrics.accuracy(output[:, :1], signs[:, :1]) == sum(row[0] for row in agree) / 30


def test_r2_is_one_less_the_share_of_the_variance_that_was_missed():
    rng = np.random.default_rng(4)
    output, expected = rng.standard_normal((30, 3)), rng.standard_normal((30, 3))
    by_output = [1 - np.mean((e - o) ** 2) / np.var(e) for o, e in zip(output.T, expected.T, strict=True)]
    assert metrics.r2(output, expected) == pytest.approx(np.mean(by_output), rel=1e-13)


def test_r2_where_it_does_not_exist():
    assert math.isnan(metrics.r2(np.ones((1, 1)), np.ones((1, 1))))
    assert math.isnan(metrics.r2(np.zeros((3, 1)), np.ones((3, 1))))
    assert metrics.r2(np.ones((3, 1)), np.ones((3, 1))) == 1.0


# predict_proba and score


def test_probabilities_are_those_of_the_costs():
    three, one = tg.nn.MLP([3, 4, 3], rng=1), tg.nn.MLP([3, 4, 1], rng=1)
    output = three.predict(X)
    softmax = np.exp(output) / np.exp(output).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(three.predict_proba(X), softmax, rtol=1e-13)
    positive = 1 / (1 + np.exp(-one.predict(X)))
    np.testing.assert_allclose(one.predict_proba(X), np.hstack([1 - positive, positive]), rtol=1e-13)
    np.testing.assert_allclose(three.predict_proba(X, "logistic"), 1 / (1 + np.exp(-output)), rtol=1e-13)
    assert three.predict_proba(X[0]).shape == (3,)
    assert one.predict_proba(X[0]).shape == (2,)


def test_probabilities_of_large_outputs_are_still_probabilities():
    for sizes in ([1, 1], [1, 3]):
        mlp = tg.nn.MLP(sizes, rng=0)
        found = mlp.predict_proba([[1e4], [-1e4]])
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-15)
        assert found.min() >= 0.0


def test_outputs_that_are_no_probabilities_are_refused():
    with pytest.raises(tg.InvalidValue, match=r"outputs of cost 'mse' .* are no probabilities"):
        network().predict_proba(X, "mse")
    with pytest.raises(tg.InvalidValue, match=r"'cross_entropy' \(1 of them\)"):
        tg.nn.MLP([3, 1]).predict_proba(X, "cross_entropy")


def test_score_takes_another_metric():
    mlp = network()
    assert mlp.score(X, RHO, metric="l1") == pytest.approx(tg.nn.costs.l1(mlp.predict(X), RHO))
    assert mlp.score(X, RHO) == pytest.approx(metrics.r2(mlp.predict(X), RHO))
    with pytest.raises(tg.InvalidValue, match="unknown cost 'mes'"):
        mlp.score(X, RHO, cost="mes")


def test_the_progress_bar_shows_cost_validation_and_the_time_left(capsys):
    tg.train.fit(network(), X, RHO, epochs=4, validation=OTHER, progress=True)
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "cost " in shown
    assert "validation " in shown
    assert "r2 " in shown
    assert "<" in shown.split("\r")[-1], "tqdm writes the time gone < the time left"


@pytest.mark.parametrize("said", ["good", None, [1.0, 2.0]])
def test_a_metric_that_gives_no_number_is_refused_in_words(said):
    def mine(output, expected):
        return said

    with pytest.raises(tg.InvalidType, match=r"the metric .*mine.* returned .*, but a metric gives one number"):
        tg.train.fit(network(), X, RHO, validation=OTHER, metrics=[mine])
    with pytest.raises(tg.InvalidType, match="a metric gives one number"):
        network().score(X, RHO, metric=mine)
