"""What the experiments share: a small problem to start from, the gradient of any batch, and the form of a verdict."""

from typing import Any

import numpy as np

from tinygrad_ed.data import moons
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.batch import batch_of
from tinygrad_ed.train.gradients import ROADS

BAND = 3.0
"""Standard errors to both sides of what is measured: a normal number lies outside in one case of 370."""


class BatchGradient:
    """The gradient of any batch at any parameters, by the code that `fit` trains with (`train/gradients.py`).

    A batch is an array of indices, or None for all samples.

    >>> gradient = BatchGradient(MLP([1, 1], init="zeros"), [[1.0], [3.0]], [[2.0], [2.0]], "mse")
    >>> gradient(np.array([0])), gradient(), gradient.cost()
    (array([-2., -2.]), array([-4., -2.]), 2.0)
    """

    def __init__(self, mlp: MLP, x: Any, rho: Any, cost: str) -> None:
        x, rho = batch_of(mlp, x, rho, cost)
        self._gradients, self._all = ROADS["rules"](mlp, x, rho, cost), np.arange(len(x))
        self.samples = len(x)
        self.theta: Array = self._gradients.arena.theta

    def __call__(self, batch: Array | None = None) -> Array:
        """Return the gradient of the mean cost of a batch, `(P,)`."""
        self._gradients.compute(self._all if batch is None else batch, 1.0)
        return self._gradients.arena.gradient.copy()

    def cost(self) -> float:
        """Return the cost of all samples."""
        return self._gradients.compute(self._all, 1.0)

    def descend(self, batch: Array | None, learning_rate: float) -> None:
        """Make one update, θ ← θ - η · gradient of the batch."""
        self._gradients.compute(self._all if batch is None else batch, learning_rate)
        self.theta -= self._gradients.arena.gradient


def given_or_moons(mlp: MLP | None, x: Any, rho: Any, samples: int) -> tuple[MLP, Any, Any]:
    """Return what the reader gave, or a 2-3-1 network and that many points of two moons with labels -1 and +1.

    Raises:
        InvalidValue: if only some of the three were given.
    """
    given = [mlp is not None, x is not None, rho is not None]
    if any(given) and not all(given):
        raise InvalidValue("give mlp, x and rho together, or none of them for two moons and a small network")
    if mlp is not None:
        return mlp, x, rho
    data = moons(samples, noise=0.2)
    return MLP([2, 3, 1], rng=0), data.x, data.signs


def verdict(claim: str, holds: bool, *lines: str) -> str:
    """Return the claim, whether it holds, and the numbers below.

    >>> print(verdict("two is even", True, "2 = 2 · 1"))
    HOLDS: two is even
      2 = 2 · 1
    """
    return "\n".join([f"{'HOLDS' if holds else 'FAILS'}: {claim}", *[f"  {line}" for line in lines]])


def weighted_slope(x: Array, y: Array, error: Array) -> tuple[float, float]:
    """Return the slope of the line through points whose y have these standard errors, and the slope's own error.

    (The standard error of a logarithm is the relative error of its argument.)

    >>> slope, error = weighted_slope(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), np.array([0.1, 0.1, 0.1]))
    >>> round(slope, 12), round(error, 4)
    (2.0, 0.0707)
    """
    weight = error**-2.0
    u = x - np.average(x, weights=weight)
    return float(np.sum(weight * u * y) / np.sum(weight * u**2)), float(np.sum(weight * u**2) ** -0.5)
