"""How good an answer is, in the numbers that people compare: accuracy for classes, R² for numbers.

A metric takes `(output, expected)` as a cost does, plain arrays, and gives a float; here more is better.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import InvalidType, shown
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import costs
from tinygrad_ed.nn.checks import chosen

Metric = Callable[[Array, Array], float]


def accuracy(output: Any, expected: Any) -> float:
    """Return the share of the samples whose class was found.

    With one output the class is its sign (labels -1 or 0, and +1; an output of 0 counts as +1). With more it is the
    largest, in `expected` (one-hot rows, or labels with one +1 a row) as in `output`. Rows of labels with several +1,
    or none, are answers to several questions, and a sample counts where all signs are right.

    Args:
        output: the network's answers, `(M, n_L)`.
        expected: `(M, n_L)`, or class numbers `(M,)`.

    >>> accuracy(np.array([[0.2, 0.1], [0.3, 0.9]]), np.eye(2)), accuracy(np.array([[-3.0], [2.0]]), np.ones((2, 1)))
    (1.0, 0.5)
    >>> accuracy(np.array([[0.2, 0.1], [0.3, 0.9], [0.0, 1.0]]), np.array([0, 1, 1]))
    1.0
    """
    if expected.ndim < output.ndim:
        return float(np.mean(output.argmax(axis=-1) == expected))
    labels = np.isin(expected, (-1, 0, 1)).all() and np.any(np.sum(expected == 1, axis=-1) != 1)
    if expected.shape[-1] == 1 or labels:
        return float(np.mean(np.all((output >= 0) == (expected > 0.5), axis=-1)))
    return float(np.mean(output.argmax(axis=-1) == expected.argmax(axis=-1)))


def r2(output: Any, expected: Any) -> float:
    """Return R² = 1 - Σ (y - ŷ)² / Σ (y - mean of y)², averaged over the outputs: 1 is perfect, the mean alone has 0.

    For fewer than two samples, and where y is constant but missed, it does not exist: NaN. (A constant that is hit
    counts as perfect.)

    Args:
        output: the network's answers, `(M, n_L)`.
        expected: `(M, n_L)`.

    >>> y = np.array([[1.0], [2.0], [3.0]])
    >>> r2(y, y), r2(np.full((3, 1), 2.0), y)
    (1.0, 0.0)
    """
    if len(expected) < 2:
        return float("nan")
    missed = np.sum((expected - output) ** 2, axis=0)
    total = np.sum((expected - expected.mean(axis=0)) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(missed == 0, 1.0, np.where(total > 0, 1.0 - missed / total, np.nan))
    return float(scores.mean())


NAMES: dict[str, Metric] = {"accuracy": accuracy, "r2": r2}
"""The metrics by name."""
BY_NUMBERS = ("accuracy", "cross_entropy")


def suiting(cost: str) -> str:
    """Return the name of the metric for what is learned with a cost: classes, or numbers."""
    return "accuracy" if chosen("cost", cost, COSTS).classes else "r2"


def find(metric: "str | Metric") -> Metric:
    """Return the metric, or cost, of that name; a function of the reader's own is taken as it is."""
    if callable(metric):
        return metric
    if not isinstance(metric, str):
        raise InvalidType(f"a metric is a name or a function (output, expected) -> number, not {shown(metric)}")
    return chosen("metric", metric, {**NAMES, **costs.NAMES})


def taken(metric: "str | Metric", expected: Array, n: int) -> Array:
    """Return expected values as a metric takes them: class numbers only where it is known to, else rows of shares."""
    return expected if isinstance(metric, str) and metric in BY_NUMBERS else costs.one_hot(expected, n)


def measured(metric: Metric, output: Array, expected: Array) -> float:
    """Return what a metric says, if it is a number."""
    said: Any = metric(output, expected)
    try:
        return float(said)
    except (TypeError, ValueError) as error:
        raise InvalidType(
            f"the metric {shown(metric)} returned {shown(said)}, but a metric gives one number"
        ) from error
