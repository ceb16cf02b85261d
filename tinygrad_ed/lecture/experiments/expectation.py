"""Claim 1: the expectation of the SGD gradient over uniform i is the full gradient (lecture, section 1).

    Σ_i 1/N · ∇C_i = ∇E,   and for mini-batches   Σ over all (i_1 ... i_M) of 1/N^M · 1/M Σ_j ∇C_(i_j) = ∇E

Nothing is drawn here: every possible draw is enumerated, and each gradient is computed by the code that trains.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_ed.errors import InvalidValue, ShapeError, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.lecture.experiments.setting import BatchGradient, given_or_moons, verdict
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.plots.style import INK, SERIES, axes, dressed, marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXACT = 1e-12
MOST = 100_000  # draws that are enumerated


class Enumeration(NamedTuple):
    """All draws of one batch size."""

    batch_size: int
    draws: int  # N^M
    expectation: Array  # `(P,)`
    difference: float  # the largest distance of an entry from the full gradient


@dataclass(frozen=True, eq=False)
class Expectation:
    """What `expectation` found."""

    sample_gradients: Array  # `(N, P)`: the gradient of each sample, as SGD computes it
    full: Array  # `(P,)`: the gradient of the cost of all samples, as gradient descent computes it
    enumerations: tuple[Enumeration, ...]

    @property
    def holds(self) -> bool:
        """True if every expectation is the full gradient, to 1e-12 of the largest entry of a sample's gradient."""
        scale = max(1.0, float(np.abs(self.sample_gradients).max()))
        return all([row.difference <= EXACT * scale for row in self.enumerations])

    def __str__(self) -> str:
        n, P = self.sample_gradients.shape
        spread = np.abs(self.sample_gradients - self.full).max()
        return verdict(
            "the expectation of the SGD gradient over uniform i is the full gradient",
            self.holds,
            f"N = {n} samples, P = {P} parameters; a single gradient is up to {spread:.2g} away from the full one",
            *[f"M = {M}: mean over {k} draws, largest difference {off:.1e}" for M, k, _, off in self.enumerations],
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw each entry of the gradient: single samples, their mean, and the full gradient; return the axes."""
        ax = axes(ax)
        n, P = self.sample_gradients.shape
        places = np.arange(1, P + 1)
        cloud = marks(SERIES[0], "o", 4, alpha=0.6, markeredgewidth=0)
        ax.plot(np.tile(places, n), self.sample_gradients.ravel(), label="gradient of one sample", **cloud)
        ax.plot(places, self.full, label="full gradient", **marks(INK, "_", 16, markeredgewidth=2))
        mean = self.enumerations[0].expectation
        ax.plot(places, mean, label="expectation over i", **marks(SERIES[1], "x", 6, markeredgewidth=1.6))
        if P <= 20:
            ax.set_xticks(places)
        return dressed(ax, "The mean of the single gradients is the full gradient", "parameter", "∂C/∂θ", legend=True)


def expectation(
    mlp: MLP | None = None,
    x: Any = None,
    rho: Any = None,
    cost: str = "mse",
    batch_sizes: Sequence[int] = (1, 2, 3),
    probabilities: Any = None,
) -> Expectation:
    """Enumerate every draw of SGD and of small mini-batches, and compare the expectation with the full gradient.

    Args:
        mlp: the network; by default a 2-3-1 network, with 8 points of two moons.
        x: the inputs `(N, n_0)`.
        rho: the expected outputs, as in `fit`.
        cost: the name of the cost.
        batch_sizes: M; N^M may be at most 100,000.
        probabilities: `(N,)`: how likely each sample is drawn; uniform by default. Another one breaks the claim.

    Raises:
        InvalidValue: for more draws than that, or probabilities that are negative or do not sum to one.
        ShapeError: for probabilities of another shape; and as `MLP.problem`.

    >>> result = expectation()
    >>> result.holds, [(row.draws, row.difference < 1e-14) for row in result.enumerations]
    (True, [(8, True), (64, True), (512, True)])
    >>> expectation(probabilities=[0, 0, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2]).holds
    False
    """
    gradient = BatchGradient(*given_or_moons(mlp, x, rho, samples=8), cost)
    n, full = gradient.samples, gradient()
    p = _probabilities(probabilities, n)
    sizes = [whole_number("a batch size", M) for M in batch_sizes]
    if not sizes or max(sizes) * math.log(n) > math.log(MOST):
        raise InvalidValue(
            f"batch_sizes {tuple(batch_sizes)!r} with {n} samples: N^M draws are enumerated, from 1 up to {MOST}; "
            "choose fewer samples or smaller batches"
        )
    samples = np.array([gradient(np.array([i])) for i in range(n)])
    found = []
    for M in sizes:
        draws = map(np.array, product(range(n), repeat=M))
        mean = sum((p[batch].prod() * gradient(batch) for batch in draws), np.zeros_like(full))
        found.append(Enumeration(M, n**M, mean, float(np.abs(mean - full).max())))
    return Expectation(samples, full, tuple(found))


def _probabilities(probabilities: Any, n: int) -> Array:
    if probabilities is None:
        return np.full(n, 1.0 / n)
    p = numbers("probabilities", probabilities)
    if p.shape != (n,):
        raise ShapeError(f"probabilities must have shape ({n},), one for each sample, not {p.shape}")
    if not (np.all(p >= 0) and abs(p.sum() - 1.0) < 1e-9):
        raise InvalidValue(f"probabilities must be at least 0 and sum to one, but sum to {p.sum():g}")
    return p
