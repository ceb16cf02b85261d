"""Claim 6: what logistic and the slide's margin make of classes that overlap (lecture, section 1).

Two classes are drawn from round normal distributions around (-d/2, 0) and (d/2, 0), and a linear neuron is to tell them
apart. Nobody can do better than the sign of x₁, which is right with probability Φ(d/2) (Φ: the normal distribution).

The margin of the slide, max(0, y - ŷ), is one-sided: it asks ŷ ≥ +1 of the class +1, and ŷ ≥ -1 of the class -1. No
sample ever pulls ŷ down, so the cost falls to 0 while samples of the class -1 are called +1: all mistakes lie on one
side. (The usual hinge, max(0, 1 - y ŷ), has a pull for each class.) logistic always pulls both ways, and its optimum
lies where the pulls balance, near the best boundary.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinygrad_ed.errors import InvalidValue, generator, real_number, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.lecture.experiments.setting import BAND, verdict
from tinygrad_ed.nn import MLP
from tinygrad_ed.plots.style import INK, QUIET, axes, dressed, marks, series
from tinygrad_ed.train.fit import fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COSTS = ("logistic", "margin", "hinge")
UNSEEN = 4000
CLEARLY = 0.05  # how much accuracy is a difference to speak of


class Learned(NamedTuple):
    """What one cost taught the neuron."""

    cost: float
    """Of the samples that were learned, at the end."""
    accuracy: float
    """On 4000 samples that were not seen."""
    false_positives: float
    """The share of the unseen class -1 that was called +1."""
    false_negatives: float
    """The share of the unseen class +1 that was called -1."""
    neuron: tuple[float, float, float]
    """ω_1, ω_2, β: the boundary is where ω_1 x_1 + ω_2 x_2 + β = 0."""


@dataclass(frozen=True, eq=False)
class OverlappingClasses:
    """What `overlapping_classes` found."""

    learned: dict[str, Learned]
    best: float
    """Φ(d/2), the accuracy that nobody can exceed."""
    x: Array
    labels: Array

    @property
    def error(self) -> float:
        """The standard error of an accuracy near the best on the unseen samples."""
        return math.sqrt(self.best * (1 - self.best) / UNSEEN)

    @property
    def holds(self) -> bool:
        """True if logistic comes near the best while margin, at a cost near 0, stays clearly below it, on one side."""
        margin, logistic = self.learned["margin"], self.learned["logistic"]
        one_sided = margin.false_positives > 10 * margin.false_negatives
        near = logistic.accuracy > self.best - BAND * self.error - 0.01  # 0.01: what N samples leave uncertain
        return near and margin.cost < 0.01 and one_sided and margin.accuracy < self.best - CLEARLY

    def __str__(self) -> str:
        rows = [
            f"{cost:<9} cost {made.cost:.4f}, right {made.accuracy:.1%}; of -1 called +1: {made.false_positives:.1%}, "
            f"of +1 called -1: {made.false_negatives:.1%}"
            for cost, made in self.learned.items()
        ]
        return verdict(
            "on overlapping classes logistic finds the best boundary; the one-sided margin does not",
            self.holds,
            f"N = {len(self.x)} samples to learn from, {UNSEEN} unseen; nobody can exceed {self.best:.1%} "
            f"(± {BAND * self.error:.1%} on these)",
            *rows,
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the samples at their labels, and the answer of each neuron along α⁰₁ (at α⁰₂ = 0); return the axes."""
        ax = axes(ax, (6.0, 4.2))
        x1 = np.array([self.x[:, 0].min() - 0.3, self.x[:, 0].max() + 0.3])
        for label, mark in ((-1, "s"), (1, "o")):
            mine = self.x[self.labels[:, 0] == label, 0]
            said = f"samples of {'−' if label < 0 else '+'}1"
            ax.plot(mine, np.full(len(mine), label), label=said, **marks(QUIET, mark, 4, alpha=0.35))
        ax.axhline(0.0, color=INK, linewidth=0.9)
        ax.axvline(0.0, color=INK, linewidth=4.0, alpha=0.2, label=f"best boundary: {self.best:.0%} right")
        for k, (cost, made) in enumerate(self.learned.items()):
            w1, _, b = made.neuron
            ax.plot(x1, w1 * x1 + b, label=f"{cost}: {made.accuracy:.0%} right", **series(k))
        ax.set(xlim=x1, ylim=(-3.5, 5.5))
        title = "Overlapping classes: +1 is said where the line is above 0"
        return dressed(ax, title, "α⁰₁", "answer α¹, and the labels ρ", legend=True)


def overlapping_classes(
    distance: float = 2.0,
    samples: int = 400,
    epochs: int = 3000,
    learning_rate: float = 0.1,
    rng: int | np.random.Generator = 0,
) -> OverlappingClasses:
    """Learn two overlapping classes with logistic, margin and hinge.

    Args:
        distance: d, between the middles of the classes, whose deviation is 1 in each direction.
        samples: N, at least 10.
        epochs: of gradient descent, from zeros.
        learning_rate: η.
        rng: a seed or a generator.

    Raises:
        InvalidValue, InvalidType: for a distance that is not positive, or too few samples.

    >>> result = overlapping_classes()
    >>> result.holds, round(result.best, 3), {cost: round(made.accuracy, 2) for cost, made in result.learned.items()}
    (True, 0.841, {'logistic': 0.84, 'margin': 0.5, 'hinge': 0.84})
    >>> overlapping_classes(distance=12.0, learning_rate=0.02).holds  # far apart, in small steps, margin is right too
    False
    """
    if not real_number("distance", distance, "a positive number") > 0:
        raise InvalidValue(f"distance must be a positive number, got {distance!r}")
    samples, random = whole_number("samples", samples, 10), generator(rng)
    x, labels = _drawn(samples, distance, random)
    unseen, truth = _drawn(UNSEEN, distance, random)
    learned = {}
    for cost in COSTS:
        mlp = MLP([2, 1], init="zeros")
        history = fit(mlp, x, labels, cost, "gradient", learning_rate=learning_rate, epochs=epochs, progress=False)
        said = np.where(mlp.predict(unseen) >= 0, 1.0, -1.0)
        layer = mlp.layers[0]
        learned[cost] = Learned(
            history.cost[-1],
            float(np.mean(said == truth)),
            float(np.mean(said[truth == -1] == 1)),
            float(np.mean(said[truth == 1] == -1)),
            (*layer.weights.value[:, 0].tolist(), layer.bias.value.item()),
        )
    return OverlappingClasses(learned, NormalDist().cdf(distance / 2), x, labels)


def _drawn(n: int, distance: float, rng: np.random.Generator) -> tuple[Array, Array]:
    labels = np.where(np.arange(n) % 2 == 0, -1.0, 1.0)[:, None]
    return rng.standard_normal((n, 2)) + labels * [[distance / 2, 0.0]], labels
