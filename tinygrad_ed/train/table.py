"""Train on a reader's own table: hold rows out, standardise, fit, and score what was held out.

Inputs are standardised with the mean and deviation of the training rows, so that the held-out rows stay
unseen; so is the target where it holds numbers. Classes are learned with cross-entropy, numbers with mse.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.data import Dataset
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.nn import MLP
from tinygrad_ed.train.fit import fit
from tinygrad_ed.train.history import History
from tinygrad_ed.values import Array

FAR = 1e100  # deviations: the squares of numbers beyond are no floats


@dataclass(frozen=True)
class TableResult:
    """A network trained on a table, and its score on the rows that were held out."""

    mlp: MLP
    history: History
    measure: str
    score: float
    baseline: float
    """The score of the best constant answer: the most frequent class, or the mean (R² = 0)."""
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.mlp}\n{self.history}\n"
            f"{self.measure} on {self.rows} rows held out: {self.score:.4g} (a constant answer: {self.baseline:.4g})"
        )


def train_on_table(
    data: Dataset,
    hidden: list[int],
    activation: str = "tanh",
    test: float = 0.25,
    seed: int = 0,
    **options: Any,
) -> TableResult:
    """Train an MLP on a table and score it on held-out rows: accuracy for classes, R² for numbers.

    Args:
        data: the table, with `classes` or without.
        hidden: the widths of the hidden layers.
        activation: Φ of the hidden layers.
        test: the share of the rows that is held out.
        seed: for the split, the weights and the batches.
        **options: handed to `fit`.

    Raises:
        InvalidValue: for a held-out number more than 1e100 deviations from the mean.
        InvalidValue, InvalidType, ShapeError, Diverged: as `Dataset.split`, `MLP` and `fit`.

    >>> from tinygrad_ed.data import iris
    >>> result = train_on_table(iris(), hidden=[8], epochs=50)
    >>> result.measure, result.rows, result.score > 0.9
    ('accuracy', 38, True)
    """
    train, held_out = data.split(test, rng=seed)
    x, unseen = [_standardised(part.x, train.x, data.features) for part in (train, held_out)]
    mlp = MLP([x.shape[1], *hidden, train.rho.shape[1]], activation, rng=seed)
    if data.classes is not None:
        history = fit(mlp, x, train.rho, cost="cross_entropy", rng=seed, **options)
        right = float(np.mean(mlp.predict(unseen).argmax(axis=1) == held_out.y))
        usual = np.bincount(train.y.astype(int)).argmax()
        return TableResult(mlp, history, "accuracy", right, float(np.mean(held_out.y == usual)), len(held_out))
    rho, expected = [_standardised(part.rho, train.rho, (data.target,)) for part in (train, held_out)]
    history = fit(mlp, x, rho, cost="mse", rng=seed, **options)
    missed = float(np.sum((mlp.predict(unseen) - expected) ** 2))
    total = float(np.sum((expected - expected.mean(axis=0)) ** 2))
    return TableResult(mlp, history, "R²", 1.0 - missed / total if total else float("nan"), 0.0, len(held_out))


def _standardised(values: Array, like: Array, names: tuple[str, ...]) -> Array:
    """Shift and scale each column as the columns of `like` need it; a constant column becomes zero."""
    largest = np.abs(like).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)  # then neither the sum nor the squares of `like` can overflow
    like = like / unit
    deviation = like.std(axis=0)
    with np.errstate(over="ignore"):
        shifted: Array = (values / unit - like.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    far = np.argwhere(~(np.abs(shifted) <= FAR))
    if len(far):
        row, column = far[0]
        raise InvalidValue(
            f"column {names[column]!r}: {values[row, column]} lies more than {FAR:g} deviations from the mean of the "
            "rows to learn from; correct it or take the row out"
        )
    return shifted
