"""`MLPClassifier` and `MLPRegressor` for scikit-learn's users (extra `sklearn`): a thin face on `MLP` and `fit`.

They are estimators like any other: for `Pipeline`, `GridSearchCV`, `clone`, `cross_val_score`. The parameters have the
names and defaults of scikit-learn's own MLP, as far as `fit` has the same. What differs: `alpha` acts on biases too;
early stopping goes by the cost of the validation rows, and the best weights are given back; there is no "lbfgs". Each
call of `fit` starts afresh, or with `warm_start=True` from the weights that are there; the optimizer's memory starts
afresh in both, so there is no `partial_fit`. Inputs are not standardized: put a `StandardScaler` in front.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, MissingExtra, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, activations
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.train import OPTIMIZERS, Epoch, Nesterov, Optimizer, fit
from tinygrad_ed.train.checks import number_between

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtra(
        "tinygrad_ed.sklearn needs scikit-learn 1.6 or newer; install it with: "
        f'python -m pip install "tinygrad_ed[sklearn]" ({error})'
    ) from None

__all__ = ["MLPClassifier", "MLPRegressor"]

SOLVERS = {**OPTIMIZERS, "sgd": Nesterov}
"""The optimizers by name; "sgd" is with Nesterov's momentum of 0.9, as in scikit-learn."""

PHI = {**{name: name for name in activations.NAMES}, "logistic": "sigmoid"}
"""The activations by name; scikit-learn calls the sigmoid "logistic"."""


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """What both have in common: the parameters, and a run of `fit`."""

    _cost: str

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    @property
    def coefs_(self) -> list[Array]:
        """The weights, a matrix `(n_in, n_out)` a layer."""
        check_is_fitted(self)
        return [layer.weights.value for layer in self.network_.layers]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases, a vector a layer."""
        check_is_fitted(self)
        return [layer.bias.value for layer in self.network_.layers]

    def _train(self, x: Array, rho: Array, n_out: int, labels: Array | None) -> None:
        """Train a network on checked data; `labels` are the classes, which validation rows are drawn by."""
        random = check_random_state(self.random_state)
        patience, tol = (
            whole_number("n_iter_no_change", self.n_iter_no_change),
            number_between("tol", self.tol, closed="["),
        )
        validation = None
        if self.early_stopping:
            share = number_between("validation_fraction", self.validation_fraction, high=1.0)
            x, held_x, rho, held_rho = train_test_split(x, rho, test_size=share, random_state=random, stratify=labels)
            validation = held_x, held_rho
        batch_size = min(200, len(x)) if self.batch_size == "auto" else whole_number("batch_size", self.batch_size)
        batch_size = min(batch_size, len(x))
        stop = _NoProgress(patience, tol)
        network = self._network([x.shape[1], *self._hidden(), n_out], x.dtype, random)
        self.history_ = fit(
            network,
            x,
            rho,
            self._cost,
            batch_size=batch_size,
            epochs=whole_number("max_iter", self.max_iter),
            sampling="shuffle",
            optimizer=self._optimizer(batch_size),
            validation=validation,
            patience=patience if self.early_stopping else None,
            rng=random.randint(2**31 - 1),
            progress=bool(self.verbose),
            callbacks=[] if self.early_stopping else [stop],
        )
        self.network_ = network
        self.n_iter_, self.loss_curve_ = self.history_.epochs, self.history_.cost
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
        if self.history_.stopped in (None, "interrupted"):
            ended = "was interrupted" if self.history_.stopped else f"ended with max_iter={self.max_iter}"
            warnings.warn(
                f"the training {ended}, before {patience} epochs went by without progress; raise max_iter or "
                "learning_rate_init to see it to its end",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _network(self, sizes: list[int], dtype: Any, random: Any) -> MLP:
        """Return the network to train: a new one, or with `warm_start` a copy of the one that is there."""
        phi = chosen("activation", self.activation, PHI)
        network = MLP(sizes, phi, init="he" if phi == "relu" else "glorot", rng=random.randint(2**31 - 1), dtype=dtype)
        old = getattr(self, "network_", None)
        if not self.warm_start or old is None:
            return network
        if old.sizes != network.sizes:
            raise InvalidValue(
                f"warm_start=True goes on with the network of sizes {list(old.sizes)}, but these data and parameters "
                f"need {sizes}; set warm_start=False"
            )
        for parameter, known in zip(network.parameters(), old.parameters(), strict=True):
            parameter.value = known.value.astype(network.dtype)
        return network

    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        return [whole_number("hidden_layer_sizes", size) for size in (sizes if np.iterable(sizes) else [sizes])]

    def _optimizer(self, batch_size: int) -> Optimizer:
        """Return the optimizer; scikit-learn's alpha is divided by the number of samples of an update."""
        make: Any = chosen("solver", self.solver, SOLVERS)
        decay = number_between("alpha", self.alpha, closed="[") / batch_size
        optimizer: Optimizer = make(self.learning_rate_init, weight_decay=decay)
        return optimizer

    def _output(self, x: Any) -> Array:
        """Return the network's answers, after the checks that scikit-learn makes of inputs."""
        check_is_fitted(self)
        return self.network_.predict(validate_data(self, x, dtype=[np.float64, np.float32], reset=False))

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the network as plain arrays."""
        state: dict[str, Any] = dict(super().__getstate__())
        return state | {"network_": state["network_"].parts()} if "network_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self.network_ = MLP.from_parts("the pickle", *state["network_"])


class MLPClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """A multi-layer perceptron that tells classes apart, trained with cross_entropy.

    Args:
        hidden_layer_sizes: the widths of the hidden layers.
        activation: Φ of the hidden layers, see `nn.activations`; "logistic" is the sigmoid.
        solver: an optimizer: "adam", "sgd" (Nesterov's momentum 0.9), or another name of `train.OPTIMIZERS`.
        alpha: weight decay, divided by the size of a batch as in scikit-learn.
        batch_size: samples an update sees; "auto" is 200, or all if there are fewer.
        learning_rate_init: the learning rate of the optimizer.
        max_iter: the most epochs.
        random_state: a seed, a RandomState, or None: for the weights, the batches and the validation rows.
        tol: an epoch counts as progress if its cost is lower than the lowest so far by more than that.
        verbose: whether to show a progress bar (extra `progress`).
        warm_start: whether a second `fit` goes on from the weights of the first.
        early_stopping: keep a share of the rows for validation, and stop when their cost no longer falls; the network
            gets the weights with the lowest. `tol` is not used then.
        validation_fraction: that share.
        n_iter_no_change: stop after so many epochs without progress.

    Attributes:
        classes_: the classes, sorted.
        network_: the `MLP`.
        history_: the `History` of the run; from it `n_iter_`, `loss_curve_` and `loss_`.
        coefs_, intercepts_: weights and biases.
        n_features_in_, feature_names_in_: as in every estimator.

    >>> from tinygrad_ed.data import iris
    >>> data = iris()
    >>> names = np.array(data.classes)[data.y]
    >>> model = MLPClassifier((8,), learning_rate_init=0.02, max_iter=500, random_state=0).fit(data.x, names)
    >>> model.classes_, bool(model.score(data.x, names) > 0.95), model.predict_proba(data.x).shape
    (array(['setosa', 'versicolor', 'virginica'], dtype='<U10'), True, (150, 3))
    """

    _cost = "cross_entropy"

    def fit(self, X: Any, y: Any) -> "MLPClassifier":  # noqa: N803  # scikit-learn's name
        """Train on inputs `(N, n)` and classes `(N,)`, numbers or text; return the estimator itself.

        Raises:
            ValueError: for data or classes that cannot be used; all of `tg.Error` that `fit` raises.
        """
        known = getattr(self, "classes_", None) if self.warm_start else None
        x, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        classes, numbers = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise InvalidValue(f"y holds one class, {classes.tolist()[0]!r}: two or more are needed to tell apart")
        if known is not None and not np.array_equal(known, classes):
            raise InvalidValue(
                f"warm_start=True goes on with the classes {known.tolist()}, but y holds {classes.tolist()}"
            )
        self._train(x, numbers, len(classes), numbers)
        self.classes_ = classes
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the most probable class of each row, `(M,)`."""
        output = self._output(X)
        return np.asarray(self.classes_[output.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the probability of each class, `(M, classes)`, the softmax of the outputs."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the logarithm of the probabilities, also where they are too small for a float."""
        output = self._output(X)
        output = output - output.max(axis=1, keepdims=True)
        return np.asarray(output - np.log(np.exp(output).sum(axis=1, keepdims=True)))


class MLPRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """A multi-layer perceptron that learns numbers, one or several a sample, trained with mse.

    Args and attributes as `MLPClassifier`, without `classes_`. Scale a target far from 0 or 1 with
    `sklearn.compose.TransformedTargetRegressor`.

    >>> x = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> model = MLPRegressor((20,), "tanh", batch_size=20, learning_rate_init=0.01, random_state=0)
    >>> bool(model.fit(x, np.sin(3.0 * x[:, 0])).score(x, np.sin(3.0 * x[:, 0])) > 0.98)
    True
    """

    _cost = "mse"

    def fit(self, X: Any, y: Any) -> "MLPRegressor":  # noqa: N803  # scikit-learn's name
        """Train on inputs `(N, n)` and numbers `(N,)` or `(N, outputs)`; return the estimator itself.

        Raises:
            ValueError: for data that cannot be used; all of `tg.Error` that `fit` raises.
        """
        x, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        rho = y.astype(x.dtype).reshape(len(y), -1)
        self._train(x, rho, rho.shape[1], None)
        self._one_column = y.ndim == 1
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the answers: `(M,)` if `y` was `(N,)`, else `(M, outputs)`."""
        output = self._output(X)
        return output[:, 0] if self._one_column else output

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class _NoProgress:
    """A callback that stops a run after so many epochs in which the cost did not fall below the lowest by `tol`."""

    def __init__(self, patience: int, tol: float) -> None:
        self._patience, self._tol = patience, tol
        self._lowest, self._since = math.inf, 0

    def __call__(self, epoch: Epoch) -> bool:
        self._since = self._since + 1 if epoch.cost > self._lowest - self._tol else 0
        self._lowest = min(self._lowest, epoch.cost)
        return self._since >= self._patience
