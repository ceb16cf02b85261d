"""Claim 5: L1 and Huber are robust where mse is not (lecture, section 1).

A line is learned from points of which some lie far above it. The derivative of mse grows with the distance:
far points pull with all their might, and the error of the line grows in proportion to how far they are. The derivative
of L1 is 1 and that of Huber at most δ: beyond some distance it does not matter how far a point is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_ed.errors import InvalidValue, generator, real_number, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.lecture.experiments.setting import verdict
from tinygrad_ed.nn import MLP
from tinygrad_ed.plots.style import INK, MARKS, QUIET, axes, dressed, marks, series
from tinygrad_ed.train.fit import fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SLOPE, INTERCEPT = 2.0, -1.0
COSTS = {"mse": 0.5, "huber": 0.5, "l1": 0.05}
"""The costs, each with its learning rate."""


@dataclass(frozen=True, eq=False)
class RobustCosts:
    """What `robust_costs` found."""

    sizes: Array
    """`(K,)`: how far the outliers lie above the line."""
    errors: dict[str, Array]
    """By cost, `(K,)`: the root mean square distance of the learned line from the true one, over the points."""
    lines: dict[str, tuple[float, float]]
    """By cost: slope and intercept that were learned with the farthest outliers."""
    x: Array
    y: Array
    """`(N,)`: the points with the farthest outliers."""
    outliers: Array
    """`(N,)`: which they are."""

    @property
    def holds(self) -> bool:
        """True if the error of mse grows in proportion, while the others grow by less than 5 % and stay far below."""
        ratio = self.sizes[-1] / self.sizes[-2]
        grew = {cost: errors[-1] / errors[-2] for cost, errors in self.errors.items()}
        far = all([self.errors[cost][-1] < self.errors["mse"][-1] / 5 for cost in ("huber", "l1")])
        return bool(abs(grew["mse"] / ratio - 1) < 0.1 and grew["huber"] < 1.05 and grew["l1"] < 1.05 and far)

    def __str__(self) -> str:
        head = "distance of the outliers " + "".join([f"{size:>9g}" for size in self.sizes])
        rows = [
            f"error of the line, {cost:<6}" + "".join([f"{e:>9.3f}" for e in es]) for cost, es in self.errors.items()
        ]
        return verdict(
            "L1 and Huber are robust against outliers where mse is not",
            self.holds,
            f"N = {len(self.x)} points of y = {SLOPE:g} x - {-INTERCEPT:g}, {np.sum(self.outliers)} of them outliers",
            head,
            *rows,
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the points and the learned lines; return the axes."""
        ax = axes(ax)
        good = ~self.outliers
        ax.plot(self.x[good], self.y[good], label="points", **marks(QUIET, "o", 4))
        ax.plot(self.x[self.outliers], self.y[self.outliers], label="outliers", **marks(INK, "x", 6))
        ends = np.array([self.x.min(), self.x.max()])
        ax.plot(ends, SLOPE * ends + INTERCEPT, color=QUIET, linewidth=4.0, alpha=0.4, label="true line")
        for k, (cost, (slope, intercept)) in enumerate(self.lines.items()):
            ax.plot(ends, slope * ends + intercept, label=cost, **series(k))
        return dressed(ax, "Outliers pull the line of mse away", "α⁰", "ρ and α¹", legend=True)

    def plot_errors(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the error of the line over the distance of the outliers; return the axes."""
        ax = axes(ax)
        for k, (cost, errors) in enumerate(self.errors.items()):
            ax.plot(self.sizes, errors, label=cost, marker=MARKS[k], markersize=5, **series(k))
        x, y = "distance of the outliers", "error of the learned line"
        return dressed(ax, "The error of mse grows without end", x, y, legend=True)


def robust_costs(
    sizes: Sequence[float] = (0.0, 1.0, 2.0, 4.0, 8.0),
    share: float = 0.2,
    samples: int = 50,
    noise: float = 0.3,
    epochs: int = 1500,
    rng: int | np.random.Generator = 0,
) -> RobustCosts:
    """Learn a line with mse, Huber and L1 from points with outliers, for several distances of these.

    Args:
        sizes: distances, at least two, in growing order, and the last two above 0.
        share: of the points that are outliers, from 0 to below one half.
        samples: N.
        noise: the standard deviation of the others around the line.
        epochs: of gradient descent, for each line.
        rng: a seed or a generator.

    Raises:
        InvalidValue: for sizes or a share out of range.

    >>> result = robust_costs(sizes=(0, 10, 20))
    >>> result.holds, {cost: errors.round(2).tolist() for cost, errors in result.errors.items()}
    (True, {'mse': [0.11, 2.29, 4.5], 'huber': [0.11, 0.37, 0.37], 'l1': [0.12, 0.17, 0.17]})
    >>> robust_costs(sizes=(0, 10, 20), share=0.0).holds
    False
    """
    distances = [real_number("a size", size, "a distance") for size in sizes]
    if len(distances) < 2 or sorted(distances) != distances or not 0 < distances[-2] < distances[-1]:
        raise InvalidValue(f"sizes must be growing distances, the last two above 0, got {sizes!r}")
    if not 0 <= real_number("share", share, "a share of the points") < 0.5:
        raise InvalidValue(f"share must be at least 0 and below one half, got {share!r}: outliers are few")
    if not real_number("noise", noise, "a standard deviation, 0 or more") >= 0:
        raise InvalidValue(f"noise must be a standard deviation, 0 or more, got {noise!r}")
    samples, random = whole_number("samples", samples, 3), generator(rng)
    x = np.linspace(-1.0, 1.0, samples)
    good = SLOPE * x + INTERCEPT + noise * random.standard_normal(samples)
    outliers = np.zeros(samples, bool)
    outliers[random.permutation(samples)[: round(share * samples)]] = True

    errors: dict[str, list[float]] = {cost: [] for cost in COSTS}
    lines = {}
    for distance in distances:
        y = good + distance * outliers
        for cost, rate in COSTS.items():
            mlp = MLP([1, 1], init="zeros")
            fit(mlp, x[:, None], y[:, None], cost, "gradient", learning_rate=rate, epochs=epochs, progress=False)
            lines[cost] = mlp.layers[0].weights.value.item(), mlp.layers[0].bias.value.item()
            off = (lines[cost][0] - SLOPE) * x + lines[cost][1] - INTERCEPT
            errors[cost].append(float(np.sqrt(np.mean(off**2))))
    found = {cost: np.array(values) for cost, values in errors.items()}
    return RobustCosts(np.array(distances), found, lines, x, y, outliers)
