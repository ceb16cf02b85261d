"""Claim 4: gradient descent stays at a saddle point that SGD leaves (lecture, section 1).

The exclusive or at the corners (±1, ±1), labels -1 and +1, and a 2-4-1 network with tanh whose first weights come in
pairs (c, c), (c, -c), and all else is 0. There tanh(ζ) changes its sign with x and the label does not: in the sums over
the four corners everything cancels, exactly also in floating point (a - a + 0 + 0), and the full gradient is 0. One
sample alone has nothing to cancel with. That it is a saddle, and no minimum, is told by the Hessian: it has negative
eigenvalues.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_ed.errors import generator, real_number, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.lecture.experiments.setting import BatchGradient, positive, verdict
from tinygrad_ed.nn import MLP
from tinygrad_ed.plots.style import axes, dressed, series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

X = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
RHO = np.array([[1.0], [1.0], [-1.0], [-1.0]])
PAIRS = np.array([[1.0, 1.0, 2.0, 2.0], [1.0, -1.0, 2.0, -2.0]])
STEP = 1e-5  # of the central differences of the gradient
EVERY = 10  # updates between two points of the curves


@dataclass(frozen=True, eq=False)
class Saddle:
    """What `saddle` found. The curves have a point at the start and after every tenth update."""

    full_gradient: float  # the largest entry of the full gradient at the start
    sample_gradients: Array  # `(4,)`: the norm of the gradient of each sample there
    eigenvalues: Array  # of the Hessian there, in growing order
    updates: Array
    descent: Array  # the cost of gradient descent
    moved: float  # how far gradient descent moved its parameters, at most
    sgd: Array  # `(runs, points)`: the cost of all samples in each run of SGD

    @property
    def holds(self) -> bool:
        """True if gradient descent did not move at all, from a point with a way down, and each run of SGD found one."""
        start = self.descent[0]
        stays = self.full_gradient == 0.0 and self.moved == 0.0
        return bool(stays and self.eigenvalues[0] < -1e-6 and np.all(self.sgd[:, -1] < start / 10))

    def __str__(self) -> str:
        norms = ", ".join([f"{norm:.3f}" for norm in self.sample_gradients])
        return verdict(
            "gradient descent stays at a saddle that SGD leaves",
            self.holds,
            f"at the start: full gradient {self.full_gradient:g}, norms of the single gradients {norms}",
            f"eigenvalues of the Hessian from {self.eigenvalues[0]:.3f} to {self.eigenvalues[-1]:.3f}",
            f"after {self.updates[-1]} updates: gradient descent moved by {self.moved:.2g}, its cost is "
            f"{self.descent[0]:.4g} -> {self.descent[-1]:.4g}",
            f"{len(self.sgd)} runs of SGD: cost {self.descent[0]:.4g} -> at most {self.sgd[:, -1].max():.2g}",
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the cost of all samples over the updates; return the axes."""
        ax = axes(ax)
        thin = series(1) | {"linewidth": 0.9, "linestyle": "-", "alpha": 0.8}
        for k, run in enumerate(self.sgd):
            ax.plot(self.updates, run, label=f"SGD ({len(self.sgd)} runs)" if k == 0 else "_SGD", **thin)
        ax.plot(self.updates, self.descent, label="gradient descent", **(series(0) | {"linewidth": 2.4}))
        ax.set_ylim(bottom=0.0)
        title = "Gradient descent stays at a saddle; SGD leaves it"
        return dressed(ax, title, "update", "cost E of all samples", legend=True)


def saddle(
    learning_rate: float = 0.1,
    updates: int = 500,
    runs: int = 5,
    scale: float = 1.0,
    offset: float = 0.0,
    rng: int | np.random.Generator = 0,
) -> Saddle:
    """Start gradient descent and SGD at an exact saddle of the exclusive or, and see who leaves.

    Args:
        learning_rate: η of both.
        updates: of each run, at least 10.
        runs: how often SGD is tried.
        scale: c, the size of the first weights.
        offset: added to every parameter at the start; with any but 0 gradient descent finds its way, too.
        rng: a seed or a generator.

    Raises:
        InvalidValue, InvalidType: for numbers that are not positive, or no numbers.

    >>> result = saddle()
    >>> result.holds, result.full_gradient, result.eigenvalues.min().round(3), result.sample_gradients.round(3)
    (True, 0.0, np.float64(-0.482), array([1.711, 1.711, 1.711, 1.711]))
    >>> saddle(offset=0.1).holds
    False
    """
    rate = positive("learning_rate", learning_rate)
    updates, runs = whole_number("updates", updates, EVERY), whole_number("runs", runs)
    scale = real_number("scale", scale, "a number")
    random = generator(rng)
    mlp = MLP([2, 4, 1], init="zeros")
    mlp.layers[0].weights.value = scale * PAIRS
    gradient = BatchGradient(mlp, X, RHO, "mse")
    start = gradient.theta + real_number("offset", offset, "a number")

    def run(stochastic: bool) -> Array:
        gradient.theta[:] = start
        costs = [gradient.cost()]
        for k in range(updates // EVERY * EVERY):
            gradient.descend(random.integers(0, 4, 1) if stochastic else None, rate)
            if (k + 1) % EVERY == 0:
                costs.append(gradient.cost())
        return np.array(costs)

    gradient.theta[:] = start
    full = float(np.abs(gradient()).max())
    single = np.array([np.linalg.norm(gradient(np.array([i]))) for i in range(4)])
    eigenvalues = _eigenvalues(gradient, start)
    descent = run(stochastic=False)
    moved = float(np.abs(gradient.theta - start).max())
    sgd = np.array([run(stochastic=True) for _ in range(runs)])
    return Saddle(full, single, eigenvalues, EVERY * np.arange(len(descent)), descent, moved, sgd)


def _eigenvalues(gradient: BatchGradient, start: Array) -> Array:
    """Return the eigenvalues of the Hessian, whose columns are central differences of the full gradient."""

    def at(theta: Array) -> Array:
        gradient.theta[:] = theta
        return gradient()

    hessian = np.array([(at(start + step) - at(start - step)) / (2 * STEP) for step in STEP * np.eye(start.size)])
    return np.linalg.eigvalsh((hessian + hessian.T) / 2)
