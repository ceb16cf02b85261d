"""Claim 2: a mini-batch has less noise: the variance of its gradient falls as 1/M (lecture, section 1).

The variance is E ‖g_M - ∇E‖², the sum over the parameters. Drawn with replacement, the M gradients of a batch are
independent, so it is σ²/M, with σ² = 1/N Σ_i ‖∇C_i - ∇E‖². Drawn without (`shuffle`), it falls faster:
σ²/M · (N - M)/(N - 1), as in survey sampling (Cochran, Sampling Techniques, 1977, section 2.6).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, generator, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.lecture.experiments.setting import BAND, BatchGradient, given_or_moons, verdict, weighted_slope
from tinygrad_ed.nn import MLP
from tinygrad_ed.plots import gradient_noise
from tinygrad_ed.train.methods import batches, check_method

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Sampler = Callable[[np.random.Generator, int, int], Array]


@dataclass(frozen=True, eq=False)
class BatchVariance:
    """What `batch_variance` found; arrays have one entry a batch size."""

    batch_sizes: Array
    variance: Array
    """Measured: the mean of ‖g_M - ∇E‖² over the draws."""
    error: Array
    """The standard error of that mean."""
    exact: Array
    """σ²/M, and for "shuffle" σ²/M · (N - M)/(N - 1)."""
    draws: int
    samples: int
    slope: float
    """The slope of log variance over log M, by least squares weighted with the errors."""
    slope_error: float
    """Its standard error."""

    @property
    def slope_interval(self) -> tuple[float, float]:
        """Three standard errors to both sides of the slope."""
        return self.slope - BAND * self.slope_error, self.slope + BAND * self.slope_error

    @property
    def holds(self) -> bool:
        """True if that interval contains -1."""
        low, high = self.slope_interval
        return low <= -1.0 <= high

    def __str__(self) -> str:
        low, high = self.slope_interval
        rows = [
            f"M = {M:>4}: measured {v:.5f} ± {BAND * e:.5f}, exact {s:.5f}"
            for M, v, e, s in zip(self.batch_sizes, self.variance, self.error, self.exact, strict=True)
        ]
        return verdict(
            "the variance of the mini-batch gradient falls as 1/M",
            self.holds,
            f"slope of log variance over log M: {self.slope:.4f}, within [{low:.4f}, {high:.4f}]",
            f"N = {self.samples} samples, {self.draws} draws for each M; ± is three standard errors",
            *rows,
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the variance over M, with the band and the exact line; return the axes."""
        ax = gradient_noise(self.batch_sizes, self.variance, BAND * self.error, self.exact, ax)
        slope = f"{self.slope:.3f}".replace("-", "−")
        ax.set_title(f"Noise of the mini-batch gradient: slope {slope}", loc="left", fontsize=11)
        return ax


def batch_variance(
    mlp: MLP | None = None,
    x: Any = None,
    rho: Any = None,
    cost: str = "mse",
    batch_sizes: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
    draws: int = 1000,
    sampling: "str | Sampler" = "uniform",
    rng: int | np.random.Generator = 0,
) -> BatchVariance:
    """Draw mini-batches as `fit` does, and measure the variance of their gradients.

    Args:
        mlp: the network; by default a 2-3-1 network, with 100 points of two moons.
        x: the inputs `(N, n_0)`.
        rho: the expected outputs, as in `fit`.
        cost: the name of the cost.
        batch_sizes: at least two different M.
        draws: batches for each M, at least 2.
        sampling: "uniform" (the lecture), "shuffle" (every M below N), or a sampler `(rng, N, M) -> indices`.
        rng: a seed or a generator.

    Raises:
        InvalidValue: for fewer than two batch sizes, or batches of all samples drawn by "shuffle", whose variance is 0;
            and as `MLP.problem`.

    >>> result = batch_variance(draws=300)
    >>> result.holds, round(result.slope, 2)
    (True, -0.99)
    >>> batch_variance(draws=300, sampling=lambda rng, N, M: np.repeat(rng.integers(N), M)).holds
    False
    """
    gradient = BatchGradient(*given_or_moons(mlp, x, rho, samples=100), cost)
    n, random, draws = gradient.samples, generator(rng), whole_number("draws", draws, 2)
    sizes = np.array([whole_number("a batch size", M) for M in batch_sizes])
    if len(np.unique(sizes)) < 2:
        raise InvalidValue(f"batch_sizes {tuple(batch_sizes)!r}: a slope needs at least two different ones")
    if sampling == "shuffle" and sizes.max() >= n:
        raise InvalidValue(f"drawn without replacement, {sizes.max()} of {n} samples have no noise; stay below N")
    full = gradient()

    def squared(batch: Array) -> float:
        off = gradient(batch) - full
        return float(off @ off)

    measured = np.array([[squared(_draw(sampling, random, n, M)) for _ in range(draws)] for M in sizes.tolist()])
    variance, error = measured.mean(axis=1), measured.std(axis=1, ddof=1) / math.sqrt(draws)
    one = np.mean([squared(np.array([i])) for i in range(n)])
    exact = one / sizes * ((n - sizes) / (n - 1) if sampling == "shuffle" else 1.0)
    slope, slope_error = weighted_slope(np.log(sizes), np.log(variance), error / variance)
    return BatchVariance(sizes, variance, error, exact, draws, n, slope, slope_error)


def _draw(sampling: "str | Sampler", rng: np.random.Generator, n: int, M: int) -> Array:
    """Return one batch: of the sampler, or the first of an epoch, as `fit` draws it."""
    if callable(sampling):
        return np.asarray(sampling(rng, n, M))
    check_method("minibatch", sampling)
    return np.asarray(next(batches("minibatch", n, M, sampling, rng)))
