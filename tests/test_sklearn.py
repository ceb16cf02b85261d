"""The estimators: scikit-learn's own checks, its tools around them, and its own MLP beside them."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from tinygrad_ed.data import digits, iris
from tinygrad_ed.errors import Error, InvalidValue
from tinygrad_ed.sklearn import MLPClassifier, MLPRegressor
from tinygrad_ed.train import fit

NEEDS_MORE = {
    *("check_array_api_input", "check_classifier_data_not_an_array", "check_regressor_data_not_an_array"),
    "check_classifiers_multilabel_output_format_decision_function",
}
"""Checks that need pandas, or a setting of SciPy before it is imported, or a method that their MLP does not have."""


def waves(outputs=1):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2.0, 2.0, (400, 2))
    y = np.stack([np.sin(2.0 * x[:, 0]) + x[:, 1] ** 2, x[:, 0] * x[:, 1]], axis=1)[:, :outputs]
    return x, y if outputs > 1 else y[:, 0]


def flowers():
    data = iris()
    return StandardScaler().fit_transform(data.x), np.array(data.classes)[data.y]


QUICK = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "tol": 0.0, "n_iter_no_change": 10**6}


def trained(make, x, y, **options):
    """An estimator after a run that goes to its last epoch."""
    model = make(**{**QUICK, "max_iter": 20, "random_state": 0, **options})
    with pytest.warns(ConvergenceWarning, match="ended with max_iter"):
        return model.fit(x, y)


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings, and look for the right ones themselves
@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_check_estimator(make):
    found = check_estimator(make(), on_skip=None)
    status = {row["check_name"]: row["status"] for row in found}
    assert len(status) > 40
    assert {name for name, each in status.items() if each != "passed"} <= NEEDS_MORE


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of theirs: 30 epochs are few
@pytest.mark.parametrize(
    ("ours", "theirs", "data", "options"),
    [
        (
            MLPClassifier,
            TheirClassifier,
            lambda: (digits().x, digits().y),
            {"hidden_layer_sizes": (32,), "learning_rate_init": 0.005, "max_iter": 30},
        ),
        (
            MLPClassifier,
            TheirClassifier,
            lambda: (iris().x, iris().y),
            {"hidden_layer_sizes": (16,), "learning_rate_init": 0.01},
        ),
        (
            MLPRegressor,
            TheirRegressor,
            waves,
            {"hidden_layer_sizes": (32,), "learning_rate_init": 0.01, "batch_size": 32},
        ),
    ],
    ids=["digits", "iris", "waves"],
)
def test_as_good_as_scikit_learns_own(ours, theirs, data, options):
    x, y = data()
    x, held_x, y, held_y = train_test_split(x, y, random_state=0)
    with threadpool_limits(1):  # several test processes that each use all cores are slow
        scores = [
            make_pipeline(StandardScaler(), make(random_state=0, **options)).fit(x, y).score(held_x, held_y)
            for make in (ours, theirs)
        ]
    assert scores[0] > 0.93
    assert scores[0] > scores[1] - 0.02


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize(
    ("kind", "y", "more"),
    [
        ("Classifier", lambda: iris().y, {}),
        ("Classifier", lambda: iris().y == 1, {}),
        ("Classifier", lambda: np.stack([iris().y > 0, iris().y == 2], axis=1).astype(int), {}),
        ("Regressor", lambda: iris().x[:, 0], {}),
        ("Regressor", lambda: iris().x[:, :2], {"sample_weight": np.arange(150.0)}),
        ("Classifier", lambda: iris().y, {"sample_weight": np.arange(150) % 3 + 0.5}),
    ],
)
def test_in_batches_of_all_rows_it_is_scikit_learns_own_number_for_number(kind, y, more, activation):
    """First weights, cost, Adam and the end of the run are theirs; alpha acts on biases, too, so it is left out."""
    x, y = flowers()[0], y()
    options = {"hidden_layer_sizes": (20,), "activation": activation, "alpha": 0.0, "random_state": 3, "tol": 1e-3}
    pair = (MLPClassifier, TheirClassifier) if kind == "Classifier" else (MLPRegressor, TheirRegressor)
    mine, their = [make(**options).fit(x, y, **more) for make in pair]
    assert mine.n_iter_ == their.n_iter_
    for ours, theirs in zip(mine.coefs_ + mine.intercepts_, their.coefs_ + their.intercepts_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(mine.predict(x) > 0, their.predict(x) > 0)
    if kind == "Classifier":
        np.testing.assert_allclose(mine.predict_proba(x), their.predict_proba(x), rtol=0, atol=1e-4)
        assert mine.classes_.tolist() == their.classes_.tolist()


@pytest.mark.parametrize(("n", "size"), [(150, 150), (201, 101), (331, 166), (600, 200)])
def test_the_batches_of_an_epoch_are_even(n, size, monkeypatch):
    """331 rows are 166 and 165: a last batch of 131 after 200 made the cost noisy, and the run ended too soon."""
    seen = []
    monkeypatch.setattr("tinygrad_ed.sklearn.fit", lambda *_, **options: seen.append(options) or fit(*_, **options))
    model = trained(MLPRegressor, np.ones((n, 1)), np.ones(n), max_iter=1)
    assert seen[0]["batch_size"] == size
    for _ in range(3):
        model.partial_fit(np.ones((n, 1)), np.ones(n))
    assert len({options["rng"] for options in seen}) == 4, "each call draws its own batches"


@pytest.mark.parametrize(("make", "theirs"), [(MLPClassifier, TheirClassifier), (MLPRegressor, TheirRegressor)])
def test_partial_fit_goes_on_with_the_optimizers_memory(make, theirs):
    x, y = flowers()[0], iris().y
    classes = {"classes": [0, 1, 2]} if make is MLPClassifier else {}
    options = {"hidden_layer_sizes": (8,), "alpha": 0.0, "learning_rate_init": 0.01, "random_state": 0}
    mine, their = make(**options), theirs(**options)
    for rows in [slice(0, 75), slice(50, 150)] * 10:
        mine.partial_fit(x[rows], y[rows], **classes)
        their.partial_fit(x[rows], y[rows], **classes)
        mine = pickle.loads(pickle.dumps(mine))  # noqa: S301  # our own
    for ours, theirs in zip(mine.coefs_, their.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    assert mine.n_iter_ == len(mine.loss_curve_) == 20
    with pytest.warns(ConvergenceWarning):
        assert mine.set_params(max_iter=2).fit(x, y).n_iter_ == 2, "fit starts afresh"


def test_partial_fit_says_what_it_cannot_do():
    x, y = flowers()
    with pytest.raises(InvalidValue, match=r"the first partial_fit needs classes=\.\.\., all classes that will ever"):
        MLPClassifier().partial_fit(x, y)
    with pytest.raises(InvalidValue, match="class_weight give a dict, not 'balanced'"):
        MLPClassifier(class_weight="balanced").partial_fit(x, y, classes=np.unique(y))
    with pytest.raises(InvalidValue, match="early_stopping=True has nothing to stop"):
        MLPRegressor(early_stopping=True).partial_fit(x, x[:, 0])
    model = MLPClassifier((4,)).partial_fit(x[:50], y[:50], classes=np.unique(y))
    before = model.coefs_[0]
    with pytest.raises(InvalidValue, match="y holds the class 'rose', but the classes are"):
        model.partial_fit(x[:2], ["setosa", "rose"])
    with pytest.raises(InvalidValue, match="partial_fit goes on with the classes"):
        model.partial_fit(x, y, classes=["a", "b", "c"])
    with pytest.raises(InvalidValue, match=r"partial_fit goes on with the network of sizes \[4, 4, 3\]"):
        model.set_params(hidden_layer_sizes=(5,)).partial_fit(x, y)
    with pytest.raises(ValueError, match="expecting 4 features"):
        model.partial_fit(x[:, :2], y)
    np.testing.assert_array_equal(model.coefs_[0], before)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("weight", ["sample_weight", "class_weight"])
def test_a_class_without_weight_is_not_there(weight, early_stopping):
    x, y = flowers()
    options = {"random_state": 0, "max_iter": 15, "early_stopping": early_stopping}
    there = y != "virginica"
    if weight == "class_weight":
        zero = MLPClassifier((4,), **options, class_weight={"setosa": 2, "versicolor": 2, "virginica": 0}).fit(x, y)
    else:
        zero = MLPClassifier((4,), **options).fit(x, y, sample_weight=2.0 * there)
    two = MLPClassifier((4,), **options).fit(x, y, sample_weight=np.where(there, 2.0, 0.0))
    np.testing.assert_array_equal(zero.coefs_[0], two.coefs_[0])
    assert (zero.predict(x) != "virginica").mean() > 0.6
    assert zero.history_.gradient_computations == zero.n_iter_ * (90 if early_stopping else 100)
    with pytest.raises(InvalidValue, match=r"class_weight and sample_weight must be finite numbers.*not all zero"):
        MLPClassifier(class_weight=dict.fromkeys(np.unique(y), 0)).fit(x, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_weight_counts_as_rows_do(early_stopping):
    """Also in alpha, which is shared by what the rows count together; a row without weight is not drawn at all."""
    x, numbers = flowers()[0], iris().x[:, 0]
    options = {"hidden_layer_sizes": (4,), "alpha": 20.0, "max_iter": 5, "random_state": 0}
    there = np.arange(150) % 4 > 0
    zero = MLPRegressor(**options, early_stopping=early_stopping).fit(x, numbers, 1.0 * there)
    less = MLPRegressor(**options, early_stopping=early_stopping).fit(x[there], numbers[there])
    np.testing.assert_allclose(zero.coefs_[0], less.coefs_[0], rtol=0, atol=1e-12)
    twice = MLPRegressor(**options, batch_size=300).fit(np.r_[x, x], np.r_[numbers, numbers])
    heavy = MLPRegressor(**options).fit(x, numbers, np.full(150, 2))
    np.testing.assert_allclose(heavy.coefs_[0], twice.coefs_[0], rtol=0, atol=1e-12)
    both = MLPClassifier(**options, class_weight={0: 2, 1: 3, 2: 1}).fit(x, iris().y, np.arange(150))
    product = MLPClassifier(**options).fit(x, iris().y, np.arange(150) * np.array([2, 3, 1])[iris().y])
    np.testing.assert_allclose(both.coefs_[0], product.coefs_[0], rtol=0, atol=1e-12)


def test_balanced_classes_count_the_same():
    x, y = flowers()
    few = np.r_[0:50, 50:60, 100:105]
    balanced = trained(MLPClassifier, x[few], y[few], class_weight="balanced")
    said = {"setosa": 65 / 150, "versicolor": 65 / 30, "virginica": 65 / 15}
    by_name = trained(MLPClassifier, x[few], y[few], class_weight=said)
    np.testing.assert_allclose(balanced.coefs_[0], by_name.coefs_[0], rtol=0, atol=1e-12)
    assert np.abs(balanced.coefs_[0] - trained(MLPClassifier, x[few], y[few]).coefs_[0]).max() > 1e-3


def test_in_a_grid_search_over_a_pipeline():
    x, y = flowers()
    model = make_pipeline(StandardScaler(), MLPClassifier(**QUICK, max_iter=25, random_state=0))
    grid = {"mlpclassifier__activation": ["tanh", "logistic"], "mlpclassifier__learning_rate_init": [1e-6, 0.05]}
    with pytest.warns(ConvergenceWarning):
        search = GridSearchCV(model, grid, cv=3).fit(x, y)
    assert search.best_params_["mlpclassifier__learning_rate_init"] == 0.05
    assert search.best_score_ > 0.9
    assert list(search.classes_) == ["setosa", "versicolor", "virginica"]


def test_parameters_are_kept_as_they_are_given_and_a_clone_is_untrained():
    model = MLPClassifier(5, "tanh", solver="rmsprop", alpha=0.5)
    assert model.get_params()["hidden_layer_sizes"] == 5
    model.set_params(hidden_layer_sizes=[3, 2], max_iter=2)
    x, y = flowers()
    with pytest.warns(ConvergenceWarning):
        model.fit(x, y)
    assert [weights.shape for weights in model.coefs_] == [(4, 3), (3, 2), (2, 3)]
    assert [bias.shape for bias in model.intercepts_] == [(3,), (2,), (3,)]
    again = clone(model)
    assert again.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        again.predict(x)


def test_probabilities_belong_to_the_classes():
    x, y = flowers()
    model = trained(MLPClassifier, x, y)
    proba = model.predict_proba(x)
    assert proba.shape == (150, 3)
    assert np.allclose(proba.sum(axis=1), 1.0)
    assert (model.classes_[proba.argmax(axis=1)] == model.predict(x)).all()
    assert np.allclose(np.log(proba), model.predict_log_proba(x))
    assert model.n_features_in_ == 4
    assert np.isfinite(model.predict_log_proba(x * 1e4)).all()  # where a probability is no float any more


def test_the_seed_decides_all():
    x, y = flowers()
    first, again, other = [trained(MLPClassifier, x, y, random_state=seed).predict_proba(x) for seed in (1, 1, 2)]
    assert (first == again).all()
    assert not np.allclose(first, other)


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_float32_stays(make):
    x, y = flowers()
    y = y if make is MLPClassifier else x[:, 0]
    model = trained(make, x.astype(np.float32), y)
    assert {weights.dtype for weights in model.coefs_} == {np.dtype(np.float32)}
    answers = model.predict_proba(x[:3].astype(np.float32)) if make is MLPClassifier else model.predict(x[:3])
    assert answers.dtype == np.float32


def test_several_numbers_a_sample():
    x, y = waves(outputs=2)
    model = trained(MLPRegressor, x, y, hidden_layer_sizes=(32,), batch_size=32, max_iter=60)
    assert model.predict(x).shape == (400, 2)
    assert model.score(x, y) > 0.9
    assert trained(MLPRegressor, x, y[:, :1]).predict(x).shape == (400, 1)
    assert trained(MLPRegressor, x, y[:, 0]).predict(x).shape == (400,)


def test_a_pickle_gives_the_same_answers():
    x, y = flowers()
    model = trained(MLPClassifier, x, y)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301  # our own
    assert (again.predict_proba(x) == model.predict_proba(x)).all()


def test_alpha_is_the_weight_decay_of_scikit_learn():
    """One epoch of plain gradient descent on one batch: θ ← θ - η (g + α θ / N)."""
    x, y = waves()
    options = {"solver": "gradient_descent", "batch_size": 400, "max_iter": 1, "learning_rate_init": 0.1}
    plain, decayed = [trained(MLPRegressor, x, y, **options, alpha=alpha).coefs_[0] for alpha in (0.0, 40.0)]
    start = trained(MLPRegressor, x, y, **{**options, "learning_rate_init": 1e-12}, alpha=0.0).coefs_[0]
    assert np.allclose(decayed, plain - 0.1 * 40.0 / 400 * start, atol=1e-9)


def test_it_stops_when_nothing_is_gained_any_more():
    x, y = flowers()
    model = MLPClassifier((8,), learning_rate_init=0.05, max_iter=2000, tol=1e-3, n_iter_no_change=5, random_state=0)
    model.fit(x, y)
    assert model.n_iter_ == len(model.loss_curve_) < 2000
    assert model.loss_ == model.loss_curve_[-1]
    lowest = np.minimum.accumulate(model.loss_curve_)
    gained = lowest[:-1] - np.array(model.loss_curve_[1:]) >= 1e-3
    assert not gained[-6:].any()
    assert gained[-7]


def test_early_stopping_gives_the_best_weights_back():
    x, y = waves()
    model = MLPRegressor(
        (64,), learning_rate_init=0.05, max_iter=2000, early_stopping=True, n_iter_no_change=5, random_state=0
    ).fit(x, y)
    history = model.history_
    assert history.stopped == "patience"
    assert history.best_epoch == model.n_iter_ - 5
    assert min(history.validation) == history.validation[history.best_epoch - 1]


def test_a_warm_start_goes_on_from_the_weights():
    x, y = flowers()
    model = trained(MLPClassifier, x, y, warm_start=True, max_iter=30)
    first = model.loss_curve_
    with pytest.warns(ConvergenceWarning):
        model.fit(x, y)
    assert model.loss_curve_[0] < 1.5 * first[-1] < first[0]
    with pytest.raises(InvalidValue, match="warm_start=True goes on with the classes"):
        model.fit(x[:100], y[:100])
    with pytest.raises(InvalidValue, match=r"warm_start=True goes on with the network of sizes \[4, 8, 3\]"):
        model.set_params(hidden_layer_sizes=(9,)).fit(x, y)
    with pytest.warns(ConvergenceWarning):
        assert model.set_params(warm_start=False).fit(x, y).loss_curve_[0] > first[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "lbfgs"}, "unknown solver 'lbfgs'. Known: adam, adamw, .* sgd"),
        ({"activation": "rleu"}, "unknown activation 'rleu'. Did you mean 'relu'"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be a whole number of at least 1, not 0"),
        ({"batch_size": "all"}, "batch_size must be a whole number of at least 1, not 'all'"),
        ({"alpha": -1}, "alpha must be a number of at least 0"),
        ({"tol": -1}, "tol must be a number of at least 0"),
        ({"max_iter": 0}, "max_iter must be a whole number of at least 1"),
        ({"learning_rate_init": 0}, "learning_rate must be a positive, finite number"),
        (
            {"early_stopping": True, "validation_fraction": 1.5},
            "validation_fraction must be a number above 0 and below",
        ),
    ],
)
def test_bad_parameters_are_refused_when_it_is_trained(options, message):
    x, y = flowers()
    with pytest.raises(Error, match=message):
        MLPClassifier(**options).fit(x, y)


def test_one_class_is_refused():
    with pytest.raises(InvalidValue, match="y holds one class, 'a'"):
        MLPClassifier().fit([[1.0], [2.0]], ["a", "a"])


def test_ctrl_c_ends_the_training_and_it_is_said(monkeypatch):
    def pressed(*_):
        raise KeyboardInterrupt

    x, y = flowers()
    monkeypatch.setattr("tinygrad_ed.sklearn._no_progress", lambda *_: pressed)
    with pytest.warns(ConvergenceWarning, match="was interrupted"):
        model = MLPClassifier((4,), random_state=0).fit(x, y)
    assert model.predict(x).shape == (150,)


def test_without_scikit_learn_the_extra_is_named():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import tinygrad_ed\n"
        "try:\n    import tinygrad_ed.sklearn\n"
        "except tinygrad_ed.MissingExtra as error:\n    print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert 'python -m pip install "tinygrad_ed[sklearn]"' in done.stdout
    assert done.stdout.count("\n") == 1
