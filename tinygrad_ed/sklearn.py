"""`MLPClassifier` and `MLPRegressor` for scikit-learn's users (extra `sklearn`): a thin face on `MLP` and `fit`.

The parameters have the names and defaults of scikit-learn's own MLP, as far as `fit` has the same, and the first
weights are drawn as there. What differs: `alpha` acts on biases too; early stopping goes by the cost of the validation
rows, and the best weights are given back; there is no "lbfgs". Each `fit` starts afresh, or with `warm_start=True` from
the weights that are there, with a new optimizer in both; only `partial_fit` goes on with the optimizer's memory. Inputs
are not standardized: put a `StandardScaler` in front.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from tinygrad_ed.errors import InvalidValue, MissingExtra, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, activations
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.train import OPTIMIZERS, Epoch, Nesterov, fit
from tinygrad_ed.train.checks import number_between, weights_of
from tinygrad_ed.train.optim import Elementwise
from tinygrad_ed.train.stored import Stored, answers, is_stored, some

try:
    from scipy.sparse import issparse
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_regressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.class_weight import compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtra(
        "tinygrad_ed.sklearn needs scikit-learn 1.7 or newer; install it with: "
        f'python -m pip install "tinygrad_ed[sklearn]" ({error})'
    ) from None

__all__ = ["MLPClassifier", "MLPRegressor"]

SOLVERS = {**OPTIMIZERS, "sgd": Nesterov}  # with a momentum of 0.9, as in scikit-learn
PHI = {**{name: name for name in activations.NAMES}, "logistic": "sigmoid"}  # scikit-learn's name of the sigmoid
FLOATS = [np.float64, np.float32]


@dataclass(eq=False, repr=False)  # scikit-learn's own, which go by the parameters of __init__
class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """What both have in common: the parameters, and a run of `fit`."""

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str = "relu"
    _: KW_ONLY
    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: int | str = "auto"
    learning_rate_init: float = 0.001
    max_iter: int = 200
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool = False
    warm_start: bool = False
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10

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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803  # scikit-learn's name
        """Train on inputs `(N, n)` and what is to be answered; return the estimator itself.

        Args:
            X: an array, a DataFrame, a sparse matrix; what `tg.train.fit` reads in batches is read so here.
            y: classes `(N,)` or labels `(N, labels)` of 0 and 1; for the regressor numbers, `(N,)` or `(N, outputs)`.
            sample_weight: what each sample counts, `(N,)`; by default all count the same.

        Data that cannot be used are a ValueError; and what `tg.train.fit` raises.
        """
        return self._learn(X, y, sample_weight)

    def _learn(self, X: Any, y: Any, sample_weight: Any, part: bool = False, classes: Any = None) -> Self:  # noqa: N803
        """Check data, and train on them: `part` is one epoch more of the network that is there."""
        more = part and hasattr(self, "network_")
        if part and self.early_stopping:
            raise InvalidValue("partial_fit is one epoch a call, so early_stopping=True has nothing to stop")
        x, y = self._checked(X, y, reset=not more)
        rho, strata, found = self._targets(y, classes, part, more)
        weights = None if sample_weight is None else weights_of("sample_weight", sample_weight, len(y)).astype(float)
        class_weight = getattr(self, "class_weight", None)
        if part and isinstance(class_weight, str):
            raise InvalidValue("partial_fit sees but a part of the data; for class_weight give a dict, not 'balanced'")
        if class_weight is not None:
            each = compute_sample_weight(class_weight, y) * (1.0 if weights is None else weights)
            weights = weights_of("the product of class_weight and sample_weight", each, len(y))
        random = self._random if more else check_random_state(self.random_state)
        sizes = self.hidden_layer_sizes
        hidden = [whole_number("hidden_layer_sizes", size) for size in (sizes if np.iterable(sizes) else [sizes])]
        n_out = rho.shape[1] if rho.ndim == 2 else len(found["classes_"])
        dtype = x.dtype if x.dtype in FLOATS else np.dtype(float)
        network = self._network([x.shape[1], *hidden, n_out], dtype, random, more)
        data: Any = x, rho, weights
        held_out = None
        if self.early_stopping:
            share = number_between("validation_fraction", self.validation_fraction, high=1.0)
            rows = np.arange(len(y)) if weights is None else np.flatnonzero(weights)
            by = None if strata is None else strata[rows]
            parts = train_test_split(rows, test_size=share, random_state=random, stratify=by)
            data, held_out = [[each if each is None else some(each, part) for each in data] for part in parts]
        self._run(network, data, held_out, random, part, more)
        self.__dict__.update(found)
        return self

    def _checked(self, X: Any, y: Any = "no_validation", reset: bool = False) -> tuple[Any, Any]:  # noqa: N803
        """Return inputs, and targets where there are some, after scikit-learn's checks."""
        if hasattr(getattr(y, "dtype", None), "numpy_dtype") and not y.isna().any():
            y = y.to_numpy(y.dtype.numpy_dtype)  # scikit-learn makes floats of whole numbers in pandas' nullable dtypes
        known = {} if isinstance(y, str) else {"y": y, "multi_output": True, "y_numeric": is_regressor(self)}
        if is_stored(X) and not issparse(X):  # `fit` checks the numbers, block by block
            x = Stored(X)
            validate_data(self, x, skip_check_array=True, reset=reset)
            y = validate_data(self, **known) if known else None
            check_consistent_length(x, y)
        else:
            x = validate_data(self, X, **known, dtype=FLOATS, accept_sparse="csr", reset=reset)
            x, y = x if known else (x, None)
        return Stored(x) if issparse(x) else x, y.toarray() if issparse(y) else y

    def _run(self, network: MLP, data: Any, held_out: Any, random: Any, part: bool, more: bool) -> None:
        """Run `fit` with the estimator's parameters, and keep what comes of it."""
        x, rho, weights = data
        patience = whole_number("n_iter_no_change", self.n_iter_no_change)
        epochs, tol = whole_number("max_iter", self.max_iter), number_between("tol", self.tol, closed="[")
        count = len(x) if weights is None else int(np.count_nonzero(weights))
        even = math.ceil(count / math.ceil(count / 200))  # a small last batch would make the cost of an epoch noisy
        size = min(count, even if self.batch_size == "auto" else whole_number("batch_size", self.batch_size))
        make: Any = chosen("solver", self.solver, SOLVERS)
        # scikit-learn divides its alpha by what the samples of an update count together.
        together = size if weights is None else size * weights.sum() / count
        decay = number_between("alpha", self.alpha, closed="[") / together
        optimizer: Elementwise = make(self.learning_rate_init, weight_decay=decay)
        if more:
            optimizer.restore(self._memory)
        self.history_ = fit(
            network,
            x,
            rho,
            "mse" if is_regressor(self) else "cross_entropy" if rho.ndim == 1 else "logistic",
            batch_size=size,
            epochs=1 if part else epochs,
            sampling="shuffle",
            # Without `reset` an optimizer keeps its memory when a run begins.
            optimizer=SimpleNamespace(step=optimizer.step, elementwise=True) if more else optimizer,
            validation=held_out,
            patience=None if held_out is None else patience,
            rng=random.randint(2**31 - 1),
            progress=bool(self.verbose),
            callbacks=[] if self.early_stopping or part else [_no_progress(patience, tol)],
            weights=weights,
        )
        self.network_, self._random = network, random
        self._memory: dict[str, Any] = optimizer.state()
        self.loss_curve_: list[float] = [*(self.loss_curve_ if more else []), *self.history_.cost]
        self.n_iter_ = len(self.loss_curve_)
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
        if not part and self.history_.stopped in (None, "interrupted"):
            ended = "was interrupted" if self.history_.stopped else f"ended with max_iter={self.max_iter}"
            warnings.warn(
                f"the training {ended}, before {patience} epochs went by without progress; raise max_iter or "
                "learning_rate_init to see it to its end",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _targets(self, y: Array, classes: Any, part: bool, more: bool) -> tuple[Array, Array | None, dict[str, Any]]:
        """Return what the network shall answer, the classes to draw validation rows by, and attributes to be set."""
        raise NotImplementedError

    def _network(self, sizes: list[int], dtype: Any, random: Any, more: bool) -> MLP:
        """Return the network to train: the one that is there, copied, or a new one, drawn as scikit-learn does."""
        phi = chosen("activation", self.activation, PHI)
        network = MLP(sizes, phi, init="zeros", dtype=dtype)
        old = getattr(self, "network_", None) if self.warm_start or more else None
        if old is None:
            for layer in network.layers:
                bound = math.sqrt((2.0 if phi == "sigmoid" else 6.0) / (layer.n_in + layer.n_out))
                layer.weights = random.uniform(-bound, bound, (layer.n_in, layer.n_out)).astype(dtype)
                layer.bias = random.uniform(-bound, bound, layer.n_out).astype(dtype)
            return network
        if old.sizes != network.sizes:
            raise InvalidValue(
                f"{'partial_fit' if more else 'warm_start=True'} goes on with the network of sizes {list(old.sizes)}, "
                f"but these data and parameters need {sizes}; {'call fit' if more else 'set warm_start=False'}"
            )
        for parameter, known in zip(network.parameters(), old.parameters(), strict=True):
            parameter.value = known.value.astype(network.dtype)
        return network

    def _output(self, x: Any, then: Callable[[Array], Array] = np.asarray) -> Array:
        """Return what `then` makes of the network's answers, block by block."""
        check_is_fitted(self)
        return answers(self.network_, self._checked(x)[0], then)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse, tags.target_tags.multi_output = True, isinstance(self, RegressorMixin)
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the network as plain arrays."""
        state: dict[str, Any] = dict(super().__getstate__())
        return state | {"network_": state["network_"].parts()} if "network_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self.network_ = MLP.from_parts("the pickle", *state["network_"])


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """A multi-layer perceptron that tells classes apart, trained with cross_entropy (two classes, or labels: logistic).

    Args:
        hidden_layer_sizes: the widths of the hidden layers.
        activation: Φ of the hidden layers, see `nn.activations`; "logistic" is the sigmoid.
        solver: an optimizer: "adam", "sgd" (Nesterov's momentum 0.9), or another name of `train.OPTIMIZERS`.
        alpha: weight decay, divided by the size of a batch as in scikit-learn.
        batch_size: samples an update sees; with "auto" at most 200, the batches of an epoch being even.
        learning_rate_init: the learning rate of the optimizer.
        max_iter: the most epochs.
        random_state: a seed, a RandomState, or None: for the weights, the batches and the validation rows.
        tol: an epoch counts as progress if its cost is lower than the lowest so far by more than that.
        verbose: whether to show a progress bar (extra `progress`).
        warm_start: whether a second `fit` goes on from the weights of the first.
        early_stopping: stop when the cost of rows kept for validation no longer falls, with the best weights; no `tol`.
        validation_fraction: the share of the rows that are kept for validation.
        n_iter_no_change: stop when more epochs than that went by without progress.
        class_weight: what a sample of each class counts, as a dict; "balanced": as much as its class is rare.

    Attributes: `classes_` (sorted; for labels their column numbers), `network_` (the `MLP`), `history_` (the `History`
    of the run; from it `n_iter_`, `loss_curve_`, `loss_`), `coefs_` and `intercepts_`, and those of every estimator.

    >>> from tinygrad_ed.data import iris
    >>> data = iris()
    >>> names = np.array(data.classes)[data.y]
    >>> model = MLPClassifier((8,), learning_rate_init=0.02, max_iter=500, random_state=0).fit(data.x, names)
    >>> model.classes_, bool(model.score(data.x, names) > 0.95), model.predict_proba(data.x).shape
    (array(['setosa', 'versicolor', 'virginica'], dtype='<U10'), True, (150, 3))
    """

    class_weight: Any = None

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train one epoch more on these data, with the optimizer's memory of the epochs before; return itself.

        The arguments are those of `fit`, and `classes`: all that will ever come. The first call needs them, unless `y`
        has a column a label; others are refused later (ValueError).
        """
        return self._learn(X, y, sample_weight, part=True, classes=classes)

    def _targets(self, y: Array, classes: Any, part: bool, more: bool) -> tuple[Array, Array | None, dict[str, Any]]:
        y = column_or_1d(y, warn=True) if y.shape[1:] == (1,) else y
        check_classification_targets(y)
        many = y.ndim == 2
        if many:
            if not np.isin(y, (0, 1)).all():
                raise InvalidValue("y with several columns says of each label whether it is there, by 0 and 1 alone")
            found = np.arange(y.shape[1])
        elif classes is not None:
            found = np.unique(classes)
        elif part and not more:
            raise InvalidValue("the first partial_fit needs classes=..., all classes that will ever come")
        else:
            found = self.classes_ if more else np.unique(y)
        if not many and len(found) < 2:
            raise InvalidValue(f"y holds one class, {found.tolist()[0]!r}: two or more are needed to tell apart")
        going_on = hasattr(self, "network_") and (more or self.warm_start)
        if going_on and not (many == self._many and np.array_equal(self.classes_, found)):
            raise InvalidValue(
                f"{'partial_fit' if more else 'warm_start=True'} goes on with the classes {self.classes_.tolist()}, "
                f"but y holds {found.tolist()}"
            )
        kept = {"classes_": found, "_many": many}
        if many:
            return 2.0 * y - 1.0, None, kept
        if len(unknown := np.setdiff1d(y, found)):
            raise InvalidValue(f"y holds the class {unknown.tolist()[0]!r}, but the classes are {found.tolist()}")
        numbers = np.searchsorted(found, y)
        return (numbers if len(found) > 2 else 2.0 * numbers[:, None] - 1.0), numbers, kept

    def predict(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the most probable class of each row, `(M,)`; or of several labels which are there, `(M, labels)`."""
        check_is_fitted(self)
        if len(self.classes_) > 2 and not self._many:
            return np.asarray(self.classes_[self._output(X, lambda output: output.argmax(axis=1))])
        there = self._output(X, lambda output: output > 0).astype(int)
        return there if self._many else np.asarray(self.classes_[there[:, 0]])

    def predict_proba(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the probability of each class, `(M, classes)`, or of each label, `(M, labels)`."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the logarithm of the probabilities, also where they are too small for a float."""

        def logs(output: Array) -> Array:
            if self._many or len(self.classes_) == 2:
                positive = -np.logaddexp(0, -output)
                return positive if self._many else np.hstack([-np.logaddexp(0, output), positive])
            output = output - output.max(axis=1, keepdims=True)
            return np.asarray(output - np.log(np.exp(output).sum(axis=1, keepdims=True)))

        return self._output(X, logs)


class MLPRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """A multi-layer perceptron that learns numbers, one or several a sample, trained with mse.

    Args and attributes as `MLPClassifier`, without `class_weight` and `classes_`. Scale a target far from 0 or 1 with
    `sklearn.compose.TransformedTargetRegressor`.

    >>> x = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> model = MLPRegressor((20,), "tanh", batch_size=20, learning_rate_init=0.01, random_state=0)
    >>> bool(model.fit(x, np.sin(3.0 * x[:, 0])).score(x, np.sin(3.0 * x[:, 0])) > 0.98)
    True
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Train one epoch more on these data, with the optimizer's memory of the epochs before; return itself."""
        return self._learn(X, y, sample_weight, part=True)

    def _targets(self, y: Array, classes: Any, part: bool, more: bool) -> tuple[Array, Array | None, dict[str, Any]]:
        return y.reshape(len(y), -1), None, {"_one_column": y.ndim == 1}

    def predict(self, X: Any) -> Array:  # noqa: N803  # scikit-learn's name
        """Return the answers: `(M,)` if `y` was `(N,)`, else `(M, outputs)`."""
        output = self._output(X)
        return output[:, 0] if self._one_column else output


def _no_progress(patience: int, tol: float) -> Callable[[Epoch], bool]:
    """Return a callback that stops after so many epochs in which the cost did not fall below the lowest by `tol`."""
    lowest, since = math.inf, 0

    def stop(epoch: Epoch) -> bool:
        nonlocal lowest, since
        since = since + 1 if epoch.cost > lowest - tol else 0
        lowest = min(lowest, epoch.cost)
        return since > patience

    return stop
