"""Train on a reader's own table: hold rows out, standardize, fit, and score what was held out.

Inputs are standardized with the mean and deviation of the rows that are learned from, so that the held-out rows stay
unseen; so is the target where it holds numbers. Classes are learned with cross_entropy, numbers with mse.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.data import Dataset
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.train.checks import number_between
from tinygrad_ed.train.fit import fit
from tinygrad_ed.train.history import History
from tinygrad_ed.train.table_network import Scale, TableNetwork

FOR_NUMBERS = tuple([name for name, row in COSTS.items() if not row.classes])


@dataclass(frozen=True)
class Score:
    """How good the answers are on rows that the network has not seen."""

    measure: str
    """"accuracy" for classes, "R²" for numbers."""
    value: float
    baseline: float
    """That of the best constant answer: the most frequent class, or the mean (R² = 0)."""
    rows: int
    detail: str
    """By class how many were found, or the usual error in the unit of the target."""

    def __str__(self) -> str:
        if np.isnan(self.value):
            return f"{self.measure} does not exist for the rows held out: too few ({self.rows}), or all the same"
        return (
            f"{self.measure} on {self.rows} rows held out: {self.value:.4g} "
            f"(a constant answer: {self.baseline:.4g}){self.detail and f'; {self.detail}'}"
        )


@dataclass(frozen=True)
class TableResult:
    """A network trained on a table, and its score on the rows that were held out."""

    network: TableNetwork
    history: History
    score: Score
    train: Dataset
    held_out: Dataset

    @property
    def mlp(self) -> MLP:
        """The network without its table."""
        return self.network.mlp

    def __str__(self) -> str:
        return f"{self.mlp}\n{self.history}\n{self.score}"


def train_on_table(
    data: Dataset,
    hidden: list[int],
    activation: str = "tanh",
    test: float = 0.25,
    seed: int = 0,
    *,
    cost: str | None = None,
    validation: float = 0.0,
    **options: Any,
) -> TableResult:
    """Train an MLP on a table and score it on held-out rows: accuracy for classes, R² for numbers.

    Args:
        data: the table, with `classes` or without.
        hidden: the widths of the hidden layers.
        activation: Φ of the hidden layers.
        test: the share of the rows that is held out for the score.
        seed: for the split, the weights and the batches.
        cost: cross_entropy for classes; mse, l1 or huber for numbers.
        validation: the share of the other rows that is kept for the validation cost, for early stopping.
        **options: handed to `fit`.

    Raises:
        InvalidValue: for a held-out number more than 1e100 deviations from the mean, or a cost that does not suit.
        InvalidValue, InvalidType, ShapeError, Diverged: as `Dataset.split`, `MLP` and `fit`.

    >>> from tinygrad_ed.data import iris
    >>> result = train_on_table(iris(), hidden=[8], epochs=50)
    >>> result.score.measure, result.score.rows, result.score.value > 0.9
    ('accuracy', 38, True)
    >>> result.network.predict(iris().x[:2])
    array(['setosa', 'setosa'], dtype='<U10')
    """
    known = ("cross_entropy",) if data.classes else FOR_NUMBERS
    cost = known[0] if cost is None else cost
    if cost not in known:
        raise InvalidValue(
            f"the target {data.target!r} holds {'classes' if data.classes else 'numbers'}, which are learned with the "
            f"cost {' or '.join(known)}, not {cost!r}"
        )
    validation = number_between("validation", validation, high=1.0, closed="[")
    learned, held_out = data.split(test, rng=seed)
    train, checked = learned.split(validation, rng=seed) if validation else (learned, None)
    outputs = None if data.classes else Scale.of(train.rho)
    mlp = MLP([train.x.shape[1], *hidden, train.rho.shape[1]], activation, rng=seed)
    network = TableNetwork(mlp, data.features, data.target, data.classes, data.columns, Scale.of(train.x), outputs)
    for part in (train, checked, held_out):  # what cannot be standardized is refused before the training
        if part is not None:
            _standardized(network, part)
    if checked is not None:
        options["validation"] = _standardized(network, checked)
    history = fit(mlp, *_standardized(network, train), cost=cost, rng=seed, **options)
    return TableResult(network, history, score(network, train, held_out), train, held_out)


def _standardized(network: TableNetwork, data: Dataset) -> tuple[Array, Array]:
    x = network.inputs.applied(data.x, network.features)
    return x, data.rho if network.outputs is None else network.outputs.applied(data.rho, [network.target])


def score(network: TableNetwork, train: Dataset, held_out: Dataset) -> Score:
    """Score a network on rows that it has not seen; `train` says what the best constant answer is."""
    x, rho = _standardized(network, held_out)
    output = network.mlp.predict(x)
    if held_out.classes is not None:
        right = output.argmax(axis=1) == held_out.y
        usual = np.bincount(train.y.astype(int)).argmax()
        by_class = [
            f"{name}: {right[held_out.y == k].sum()} of {np.sum(held_out.y == k)}"
            for k, name in enumerate(held_out.classes)
            if np.any(held_out.y == k)
        ]
        detail = f"right: {', '.join(by_class)}" if len(by_class) <= 10 else ""
        return Score("accuracy", float(right.mean()), float(np.mean(held_out.y == usual)), len(right), detail)
    assert network.outputs is not None  # noqa: S101  # a target of numbers has a scale
    missed = float(np.mean((output - rho) ** 2))
    total = float(np.mean((rho - rho.mean()) ** 2))
    error = np.sqrt(missed) * float(network.outputs.deviation[0]) * float(network.outputs.unit[0])
    detail = f"root of the mean square error of {held_out.target!r}: {error:.4g}" if np.isfinite(error) else ""
    return Score("R²", 1.0 - missed / total if total else float("nan"), 0.0, len(rho), detail)
