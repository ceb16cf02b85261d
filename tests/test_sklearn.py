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

NEEDS_MORE = {"check_array_api_input", "check_classifier_data_not_an_array", "check_regressor_data_not_an_array"}
"""The checks that need pandas, or a setting of SciPy before it is imported."""


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


def test_in_a_grid_search_over_a_pipeline():
    x, y = flowers()
    model = make_pipeline(StandardScaler(), MLPClassifier(**QUICK, max_iter=15, random_state=0))
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
    assert not gained[-5:].any()
    assert gained[-6]


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
    monkeypatch.setattr("tinygrad_ed.sklearn._NoProgress.__call__", pressed)
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
