"""Claim 3: near the optimum the noise of SGD is a problem (lecture, section 1).

With a constant rate SGD does not settle on the optimum: it wanders in a ball around it whose size grows with η. A
rate that shrinks like 1/k lets it in (Robbins & Monro 1951).

The network is one linear neuron with mse, so E is a parabola, and `parabola.py` computes how large the ball must be:
exactly, and by the rule of thumb η σ²/(2 (2 - η λ)) for a direction of curvature λ.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinygrad_ed.errors import InvalidValue, generator, real_number, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.lecture.experiments.parabola import Parabola
from tinygrad_ed.lecture.experiments.setting import BAND, BatchGradient, verdict, weighted_slope
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.plots.style import INK, axes, dressed, series
from tinygrad_ed.train.methods import METHODS, batches

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLOCKS = 20  # the stationary part is cut into so many, whose means are nearly independent
SHRINK = 20.0  # updates after which a shrinking rate is half of the first one


class Ball(NamedTuple):
    """A run with a constant rate."""

    learning_rate: float
    excess: float
    """The mean cost above the optimum in the stationary part of the run."""
    error: float
    """Its standard error, from the means of blocks."""
    theory: float
    additive: float
    """What η σ²/(2 (2 - η λ)) says, summed over the directions."""
    curve: Array
    """`(updates,)`: the cost above the optimum before each update."""


@dataclass(frozen=True, eq=False)
class NoiseBall:
    """What `noise_ball` found; the balls in the order of the rates."""

    balls: tuple[Ball, ...]
    shrinking: Array
    """`(updates,)`: the cost above the optimum with η_k = η_max / (1 + k/20)."""
    power: float
    """p of the fit `excess = a η^p`."""
    power_error: float
    """Its standard error."""
    method: str

    @property
    def shrunk(self) -> float:
        """The mean cost above the optimum in the last quarter of the run with the shrinking rate."""
        return float(self.shrinking[-len(self.shrinking) // 4 :].mean())

    @property
    def holds(self) -> bool:
        """True if every larger rate has a clearly larger ball, and the shrinking rate ends below the smallest."""
        grows = all([b.excess - a.excess > BAND * math.hypot(a.error, b.error) for a, b in pairwise(self.balls)])
        first = self.balls[0]
        return grows and first.excess > BAND * first.error and self.shrunk < first.excess / 2

    def __str__(self) -> str:
        rows = [
            f"η = {ball.learning_rate:<6g} {ball.excess:.3e} ± {BAND * ball.error:.1e}, theory {ball.theory:.3e}, "
            f"η σ²/(2 (2 - η λ)) gives {ball.additive:.3e}"
            for ball in self.balls
        ]
        first, last = self.balls[0], self.balls[-1]
        return verdict(
            "with a constant rate SGD stalls in a ball of noise that grows with the rate; a shrinking rate escapes it",
            self.holds,
            f"{self.method}, {len(self.shrinking)} updates each; the mean cost above the optimum, ± three errors:",
            *rows,
            f"fit: excess ~ η^p with p = {self.power:.3f} ± {BAND * self.power_error:.3f}",
            f"rate shrinking from {last.learning_rate:g}: {self.shrunk:.2e} in the last quarter, "
            f"{first.excess / max(self.shrunk, 1e-300):.3g} times less than with {first.learning_rate:g}",
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the cost above the optimum over the updates, smoothed, with the levels of theory; return the axes."""
        ax = axes(ax, (6.4, 4.2))
        for k, ball in enumerate(self.balls):
            ax.plot(*_smoothed(ball.curve), label=f"η = {ball.learning_rate:g}", **series(k))
            if ball.theory > 0:
                color = series(k)["color"]
                ax.axhline(ball.theory, color=color, linewidth=0.9, linestyle=(0, (1, 2)), label="_theory")
        ax.plot(*_smoothed(self.shrinking), color=INK, linewidth=2.0, label="shrinking η")
        ax.set_xscale("log")
        ax.set_yscale("log")
        title = "SGD stalls; a shrinking rate goes on (dotted: theory)"
        return dressed(ax, title, "update", "cost above the optimum", legend=True)


def noise_ball(
    learning_rates: Sequence[float] = (0.01, 0.03, 0.1, 0.3),
    updates: int = 16000,
    samples: int = 50,
    noise: float = 0.5,
    method: str = "sgd",
    batch_size: int = 8,
    rng: int | np.random.Generator = 0,
) -> NoiseBall:
    """Fit a line to noisy points with several constant rates, and with a shrinking one; compare with theory.

    Args:
        learning_rates: η, at least two, in growing order; each below what theory says is stable.
        updates: of each run. The stationary part begins after 10/η of them.
        samples: N points of the line y = 2 x - 1.
        noise: the standard deviation of y around the line. With 0 all samples agree, and there is no ball.
        method: "sgd", "minibatch", or "gradient" (which has no noise).
        batch_size: M, for mini-batches.
        rng: a seed or a generator.

    Raises:
        InvalidValue: for rates that are not growing or not stable, or too few updates for the smallest.
        InvalidType: for what is not a number.

    >>> result = noise_ball(learning_rates=(0.05, 0.2), updates=8000)
    >>> result.holds, [f"{ball.excess / ball.theory:.2f}" for ball in result.balls]
    (True, ['1.03', '0.99'])
    >>> noise_ball(learning_rates=(0.05, 0.2), updates=8000, noise=0.0).holds
    False
    """
    chosen("method", method, dict.fromkeys(METHODS))
    rates, random = _growing(learning_rates), generator(rng)
    samples, updates = whole_number("samples", samples, 3), whole_number("updates", updates)
    batch_size = whole_number("batch_size", batch_size)
    if updates * rates[0] < 80:
        raise InvalidValue(
            f"updates={updates} is too few for the rate {rates[0]:g}: it needs {math.ceil(80 / rates[0])}"
        )
    if not real_number("noise", noise, "a standard deviation, 0 or more") >= 0:
        raise InvalidValue(f"noise must be a standard deviation, 0 or more, got {noise!r}")
    x = np.linspace(-1.0, 1.0, samples)[:, None]
    x /= x.std()  # then the Hessian is the unit matrix
    rho = 2.0 * x - 1.0 + noise * random.standard_normal((samples, 1))
    parabola = Parabola(x, rho, {"sgd": 1.0, "minibatch": float(batch_size), "gradient": math.inf}[method])
    theories = [parabola.stationary(rate) for rate in rates]
    gradient = BatchGradient(MLP([1, 1], init="zeros"), x, rho, "mse")

    def run(rate_of_update: Array) -> Array:
        gradient.theta[:] = 0.0
        thetas = np.empty((updates, 2))
        drawn = _endless(method, samples, batch_size, random)
        for k, rate in enumerate(rate_of_update.tolist()):
            thetas[k] = gradient.theta
            gradient.descend(next(drawn), rate)
        return parabola.excess(thetas)

    balls = []
    for rate, theory in zip(rates, theories, strict=True):
        curve = run(np.full(updates, rate))
        balls.append(Ball(rate, *_stationary(curve, rate), *theory, curve))
    shrinking = run(rates[-1] / (1.0 + np.arange(updates) / SHRINK))
    return NoiseBall(tuple(balls), shrinking, *_power(balls), method)


def _growing(learning_rates: Sequence[float]) -> list[float]:
    rates = [real_number("a learning rate", rate, "a positive number") for rate in learning_rates]
    if len(rates) < 2 or not all([0 < low < high for low, high in pairwise(rates)]):
        raise InvalidValue(f"learning_rates must be at least two positive numbers that grow, got {learning_rates!r}")
    return rates


def _endless(method: str, n: int, batch_size: int, rng: np.random.Generator) -> Iterator[Array | None]:
    while True:
        for batch in batches(method, n, batch_size, "uniform", rng):
            yield None if isinstance(batch, slice) else batch


def _stationary(curve: Array, rate: float) -> tuple[float, float]:
    """Return the mean after 10/η updates, which forget the start, and its standard error from the means of blocks."""
    rest = curve[math.ceil(10.0 / rate) :]
    means = rest[len(rest) % BLOCKS :].reshape(BLOCKS, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / math.sqrt(BLOCKS))


def _power(balls: Sequence[Ball]) -> tuple[float, float]:
    """Return the slope of log excess over log η, weighted with the errors; NaN where there is no ball."""
    excess, error = np.array([[ball.excess, ball.error] for ball in balls]).T
    if not (np.all(excess > 0) and np.all(error > 0)):
        return math.nan, math.nan
    return weighted_slope(np.log([ball.learning_rate for ball in balls]), np.log(excess), error / excess)


def _smoothed(curve: Array) -> tuple[Array, Array]:
    """Return means over stretches that grow with k, for a logarithmic axis: the middles, and the means."""
    edges = np.unique(np.geomspace(1, len(curve), 60).astype(int)) - 1
    sums = np.add.reduceat(curve[: edges[-1]], edges[:-1])
    return np.sqrt((edges[:-1] + 1.0) * (edges[1:] + 1.0)), sums / np.diff(edges)
