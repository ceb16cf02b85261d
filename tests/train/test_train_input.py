"""Data that cannot be learned from are refused with a line that says what to do; unusual ones are learned."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_ed as tg

X = np.random.default_rng(0).standard_normal((10, 3))
RHO = np.random.default_rng(1).standard_normal((10, 2))


def network(n_out=2):
    return tg.nn.MLP([3, 4, n_out], rng=1)


def refuse(error, message, *data, **options):
    """The data are refused, and the network is as it was."""
    mlp = options.pop("mlp", None) or network()
    before = [parameter.value for parameter in mlp.parameters()]
    with pytest.raises(error, match=message):
        tg.train.fit(mlp, *data, **options)
    for old, parameter in zip(before, mlp.parameters(), strict=True):
        np.testing.assert_array_equal(parameter.value, old)


@pytest.mark.parametrize("cost", ["logistic", "hinge", "margin"])
@pytest.mark.parametrize("labels", [[0.0, 1.0], [1.0, 2.0], [-1.0, 0.5]])
def test_labels_other_than_minus_one_and_one_are_refused_with_the_way_out(cost, labels):
    rho = np.resize(labels, (10, 2))
    refuse(tg.InvalidValue, rf"{cost}: labels must be -1 and \+1.*map labels 0 and 1 by 2 \* y - 1", X, rho, cost=cost)
    held_out = X, rho
    refuse(tg.InvalidValue, f"{cost}: labels must be", X, np.sign(RHO), cost=cost, validation=held_out)


def test_labels_zero_and_one_are_learned_and_scored():
    labels = (X[:, :1] > 0).astype(int)
    mlp = network(1)
    refuse(
        tg.InvalidValue, "bce: labels must be 0 and 1, but expected holds -1", X, 2 * labels - 1, cost="bce", mlp=mlp
    )
    tg.train.fit(mlp, X, labels, "bce", epochs=200)
    assert mlp.score(X, labels, "bce") == 1.0
    assert mlp.score(X, 1 - labels, "bce") == 0.0
    several = np.hstack([labels, 1 - labels, labels])
    mlp = network(3)
    tg.train.fit(mlp, X, several, "bce", epochs=200)
    assert mlp.score(X, several, "bce") == 1.0
    assert mlp.predict_proba(X, "bce").round().tolist() == several.tolist()


@pytest.mark.parametrize("cost", ["logistic", "hinge", "margin"])
def test_mapped_labels_are_learned(cost):
    labels = (X[:, :1] > 0).astype(int)
    mlp = network(1)
    tg.train.fit(mlp, X, 2 * labels - 1, cost, epochs=200)
    if cost != "margin":  # one-sided: it only lifts the answers, and says nothing against lifting all
        assert mlp.score(X, 2 * labels - 1, cost) == 1.0


@pytest.mark.parametrize("wrong", [2, -1, 7])
def test_class_numbers_out_of_range_are_refused(wrong):
    classes = np.zeros(10, int)
    classes[4] = wrong
    message = f"class number {wrong} does not exist: 2 outputs have classes 0 to 1"
    refuse(tg.InvalidValue, message, X, classes, cost="cross_entropy")


def test_a_missing_value_is_named_by_row_and_column():
    x = X.copy()
    x[7, 2] = math.nan
    lesson = r"x holds nan at \[7, 2\]: the value in row 7, column 2 \(counted from 0\) is missing; fill it in"
    refuse(tg.InvalidValue, lesson, x, RHO)
    x[8, 0] = math.nan
    refuse(tg.InvalidValue, r"row 7, column 2 .* is missing, and 1 more", x, RHO)
    refuse(tg.InvalidValue, "validation x holds nan", X, RHO, validation=(x, RHO))
    rho = RHO.copy()
    rho[3, 1] = math.nan
    refuse(tg.InvalidValue, r"^rho holds nan at \[3, 1\]: the value in row 3, column 1", X, rho)
    classes = np.zeros(10)
    classes[5] = math.nan
    refuse(tg.InvalidValue, r"rho holds nan at \[5\]: entry 5 .* is missing", X, classes, cost="cross_entropy")
    with pytest.raises(tg.InvalidValue, match=r"x holds inf at \[0, 0\]"):
        tg.train.fit(network(), np.full((10, 3), math.inf), RHO)


def test_a_table_with_named_columns_has_its_column_named():
    class Frame:
        """As much of a pandas.DataFrame as fit sees."""

        columns = ("height", "width", "weight")

        def __array__(self, dtype=None, copy=None):
            x = X.copy()
            x[7, 2] = math.nan
            return x

    refuse(tg.InvalidValue, r"row 7, column 'weight' \(counted from 0\) is missing", Frame(), RHO)


@pytest.mark.parametrize("sampling", tg.train.SAMPLINGS)
def test_a_batch_may_be_larger_than_the_data(sampling):
    history = tg.train.fit(network(), X, RHO, batch_size=1000, epochs=3, sampling=sampling)
    assert history.updates == 3
    assert history.gradient_computations == 3 * (1000 if sampling == "uniform" else 10)


def test_all_samples_once_is_what_a_large_shuffled_batch_sees():
    one, two = network(), network()
    tg.train.fit(one, X, RHO, batch_size=1000, epochs=5, sampling="shuffle")
    tg.train.fit(two, X, RHO, method="gradient", epochs=5)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("method", tg.train.METHODS)
@pytest.mark.parametrize("sampling", tg.train.SAMPLINGS)
def test_one_sample_is_enough(method, sampling):
    mlp = network()
    options = {"method": method, "sampling": sampling, "epochs": 200, "validation": (X[:1], RHO[:1])}
    history = tg.train.fit(mlp, X[0], RHO[0], **options)
    assert history.updates == 200
    np.testing.assert_allclose(mlp.predict(X[0]), RHO[0], atol=1e-3)
    assert math.isnan(history.metrics["r2"][-1]), "of one sample R² does not exist"


def test_constant_columns_are_learned_from():
    x = np.hstack([X[:, :1], np.zeros((10, 1)), np.full((10, 1), 3.0)])
    history = tg.train.fit(network(), x, np.ones((10, 2)), epochs=200, learning_rate=0.05)
    assert history.cost[-1] < 1e-3


@pytest.mark.parametrize("make", [tg.train.GradientDescent, tg.train.Momentum, tg.train.Nesterov])
def test_a_diverging_run_names_the_update_and_keeps_finite_weights(make):
    """One linear neuron, x = 1, y = 0: with rate 3 the error is multiplied by -2 or so, until it overflows."""
    mlp = tg.nn.MLP([1, 1], init="normal", rng=0)
    lesson = r"the cost became (inf|nan) at update (\d+) \(epoch \2\).*smaller learning"
    with pytest.warns(tg.TrainingWarning, match="explodes"), pytest.raises(tg.Diverged, match=lesson) as info:
        tg.train.fit(mlp, [[1.0]], [[0.0]], method="gradient", epochs=10**5, optimizer=make(3.0))
    update = int(str(info.value).split("at update ")[1].split()[0])
    last = mlp.layers[0].weights.value.item()
    assert math.isfinite(last)
    again = tg.nn.MLP([1, 1], init="normal", rng=0)
    with pytest.warns(tg.TrainingWarning, match="explodes"):
        history = tg.train.fit(again, [[1.0]], [[0.0]], method="gradient", epochs=update - 1, optimizer=make(3.0))
    assert all(map(math.isfinite, history.cost))
    assert again.layers[0].weights.value.item() == last


def test_weights_that_overflow_in_the_last_update_are_named_too():
    class Blown:
        def step(self, parameters, gradients):
            parameters[0][:] = math.inf

    mlp = network()
    before = mlp.layers[0].weights.value
    with pytest.raises(tg.Diverged, match=r"weights are no longer finite after update 1 \(epoch 1\)"):
        tg.train.fit(mlp, X, RHO, optimizer=Blown())
    np.testing.assert_array_equal(mlp.layers[0].weights.value, before)


def test_resume_needs_a_checkpoint():
    refuse(tg.InvalidValue, "resume=True needs the file to resume from", X, RHO, resume=True)


# weights


LABELS = {"logistic": np.sign(RHO), "hinge": np.sign(RHO), "margin": np.sign(RHO), "bce": np.sign(RHO) > 0}
LABELS["cross_entropy"] = np.eye(2)[(RHO[:, 0] > 0).astype(int)]


def learned(x, rho, cost="mse", **options):
    mlp = network()
    history = tg.train.fit(mlp, x, rho, cost, **{"epochs": 3, "batch_size": 4, **options})
    return np.concatenate([parameter.value.ravel() for parameter in mlp.parameters()]), history


@pytest.mark.parametrize("road", tg.train.gradients.ROADS)
@pytest.mark.parametrize("cost", tg.nn.costs.NAMES)
def test_a_weight_of_two_is_a_row_that_stands_there_twice(cost, road):
    rho, times = LABELS.get(cost, RHO), np.array([1, 2, 0, 3, 1, 1, 2, 0, 1, 1])
    options = {"method": "gradient", "road": road}
    theta, history = learned(X, rho, cost, **options, weights=times)
    rows = np.repeat(np.arange(10), times)
    wanted, told = learned(X[rows], rho[rows], cost, **options)
    np.testing.assert_allclose(theta, wanted, rtol=0, atol=1e-13)
    np.testing.assert_allclose(history.cost, told.cost, rtol=1e-13)


@pytest.mark.parametrize("road", tg.train.gradients.ROADS)
@pytest.mark.parametrize("sampling", tg.train.SAMPLINGS)
def test_a_row_without_weight_is_not_there(road, sampling):
    weights = np.array([1.0, 0, 1, 1, 0, 1, 1, 1, 1, 1])
    there, options = weights > 0, {"road": road, "sampling": sampling}
    theta, history = learned(X, RHO, **options, weights=weights)
    wanted, told = learned(X[there], RHO[there], **options)
    np.testing.assert_allclose(theta, wanted, rtol=0, atol=1e-13)
    assert history.gradient_computations == told.gradient_computations


@pytest.mark.parametrize("sampling", tg.train.SAMPLINGS)
def test_weights_that_are_all_equal_change_nothing_and_roads_agree_on_others(sampling):
    plain, _ = learned(X, RHO, sampling=sampling)
    np.testing.assert_allclose(learned(X, RHO, sampling=sampling, weights=[0.3] * 10)[0], plain, rtol=0, atol=1e-13)
    weights = np.random.default_rng(2).random(10)
    first, *others = [
        learned(X, RHO, sampling=sampling, weights=weights, road=road)[0] for road in tg.train.gradients.ROADS
    ]
    assert np.abs(first - plain).max() > 1e-3
    for other in others:
        np.testing.assert_allclose(other, first, rtol=0, atol=1e-13)
    with ThreadPoolExecutor(2) as workers:
        parts = learned(X, RHO, sampling=sampling, weights=weights, executor=workers, shards=3)[0]
    np.testing.assert_allclose(parts, first, rtol=0, atol=1e-13)


def test_the_validation_cost_is_weighted_too():
    weights = np.arange(10.0)
    rows = np.repeat(np.arange(10), np.arange(10))
    _, history = learned(X, RHO, validation=(X, RHO, weights))
    _, told = learned(X, RHO, validation=(X[rows], RHO[rows]))
    np.testing.assert_allclose(history.validation, told.validation, rtol=1e-13)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.ones(9), tg.ShapeError, r"weights has shape \(9,\), but 10 samples need one number each, \(10,\)"),
        (np.ones((10, 1)), tg.ShapeError, r"weights has shape \(10, 1\)"),
        (-np.ones(10), tg.InvalidValue, r"at least zero, and not all zero; the least is -1.0"),
        (np.zeros(10), tg.InvalidValue, "not all zero; the least is 0.0"),
        (np.full(10, math.nan), tg.InvalidValue, "weights must be finite"),
        (["a"] * 10, tg.InvalidType, "weights must hold real numbers"),
    ],
)
def test_bad_weights_are_refused(weights, error, message):
    refuse(error, message, X, RHO, weights=weights)
    refuse(error, message, X, RHO, validation=(X, RHO, weights))


DEEP = [1.0]
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "option",
    ["learning_rate", "epochs", "batch_size", "cost", "method", "sampling", "road", "optimizer", "validation", "rng",
     "progress", "schedule", "patience", "metrics", "callbacks", "executor", "rules"],
)  # fmt: skip
def test_lists_nested_without_end_are_refused_in_words_as_options(option):
    options = {"validation": (X, RHO)} if option == "metrics" else {}
    with pytest.raises(tg.Error, match="a list that cannot be shown"):
        tg.train.fit(network(), X, RHO, **options, **{option: DEEP})


@pytest.mark.parametrize("place", ["x", "rho", "weights", "validation"])
def test_lists_nested_without_end_are_refused_in_words_as_data(place):
    options = {"x": X, "rho": RHO} | {place: (DEEP, RHO) if place == "validation" else DEEP}
    refuse(tg.ShapeError, f"{place}.* must be one array, but its lists are nested deeper", **options)


def test_a_value_in_a_message_is_cut_and_one_that_cannot_be_shown_has_its_type_named():
    class Silent:
        def __repr__(self):
            raise KeyError

    with pytest.raises(tg.InvalidType, match=r"not a Silent that cannot be shown \(KeyError\)"):
        tg.train.fit(network(), X, RHO, epochs=Silent())
    with pytest.raises(tg.InvalidType) as caught:
        tg.train.fit(network(), X, RHO, epochs="9" * 10**6)
    assert len(str(caught.value)) < 2100
