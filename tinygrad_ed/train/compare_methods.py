"""The three methods side by side: gradient descent, SGD and mini-batch from the same start, with the same budget.

The fair unit is the gradient of one sample: an epoch of each method computes N of them, however many updates it makes
of them. What the lecture's table says is counted here, while the methods run. The cost of all data, which
the curves show, is found between the updates and is part of neither the counts nor the seconds.
"""

import copy
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import InvalidType, generator, storable, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import restored
from tinygrad_ed.nn.mlp import batch_of
from tinygrad_ed.plots.style import axes, dressed, series
from tinygrad_ed.train.gradients import ROADS, Gradients
from tinygrad_ed.train.methods import METHODS, batches, check_method
from tinygrad_ed.train.optim import GradientDescent
from tinygrad_ed.train.reader_rules import Rules, with_rules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 100  # of each curve, and some 20 more at its start
AXES = {"gradient_computations": "gradient computations", "updates": "updates", "seconds": "seconds of training"}


@dataclass(frozen=True, eq=False)
class MethodRun:
    """What one method made of the budget. The curves have K points; the first is the start."""

    method: str
    learning_rate: float
    samples: int
    """N."""
    batch_size: int
    """Gradient computations per update as the lecture's table has them: N, 1 or M."""
    gradient_computations: Array
    """`(K,)`: how many gradients of single samples had been computed."""
    updates: Array
    """`(K,)`: how many updates had been made."""
    seconds: Array
    """`(K,)`: how long that had taken."""
    cost: Array
    """`(K,)`: the cost of all data."""
    path: Array | None
    """`(K, P)`: the parameters, W1, b1, W2, ... one after another, where asked for."""
    diverged: int | None
    """The update at which the cost was no longer finite; the curves end before."""
    by_reader: bool = False
    """Whether it ran on a reader's own rules."""

    @property
    def name(self) -> str:
        """Its name in the table and the plot."""
        return f"{self.method}, your rules" if self.by_reader else self.method

    @property
    def updates_per_epoch(self) -> float:
        """Updates that were counted for every N gradient computations that were counted."""
        return float(self.updates[-1] * self.samples / max(1, self.gradient_computations[-1]))

    @property
    def gradients_per_update(self) -> float:
        """Gradient computations that were counted for every update that was counted."""
        return float(self.gradient_computations[-1] / max(1, self.updates[-1]))


@dataclass(frozen=True, eq=False)
class Comparison:
    """The runs by name, in the order of the lecture: each method, and after it "sgd, your rules", if there are any."""

    runs: dict[str, MethodRun]
    budget: int

    def __str__(self) -> str:
        first, wide = next(iter(self.runs.values())), max([10, *map(len, self.runs)])
        lines = [
            f"The same start (cost {first.cost[0]:.4g}) and at most {self.budget} gradient computations each; "
            f"N = {first.samples} samples:",
            f"{'':<{wide}} {'updates per epoch':>25} {'gradients per update':>25}",
            f"{'method':<{wide}} {'counted':>15} {'lecture':>9} {'counted':>15} {'lecture':>9} "
            f"{'updates':>8} {'seconds':>9} {'cost':>9}",
        ]
        for run in self.runs.values():
            counted = f"{run.updates_per_epoch:>15g} {run.samples / run.batch_size:>9g}"
            per_update = f"{run.gradients_per_update:>15g} {run.batch_size:>9}"
            line = f"{run.name:<{wide}} {counted} {per_update} {run.updates[-1]:>8} {run.seconds[-1]:>9.4f}"
            end = f"{run.cost[-1]:>9.4g}" if run.diverged is None else f" not finite at update {run.diverged}"
            lines.append(f"{line} {end}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None, against: str = "gradient_computations") -> "Axes":
        """Draw the cost of all data against "gradient_computations", "updates" or "seconds"; return the axes.

        The last two have a logarithmic axis, on which the start, at 0, does not appear.

        Raises:
            InvalidValue: for another name.
            MissingExtra: without matplotlib.
        """
        label = chosen("axis", against, AXES)
        ax = axes(ax)
        wide = against != "gradient_computations"  # there the methods differ N-fold
        for run in self.runs.values():
            name = f"mini-batch, M = {run.batch_size}" if run.method == "minibatch" else run.method
            name = {"sgd": "SGD"}.get(name, name) + f" (η = {run.learning_rate:g})"
            look = {**series(METHODS.index(run.method)), **({"linestyle": ":", "marker": "."} if run.by_reader else {})}
            name += ", your rules" if run.by_reader else ""
            ax.plot(getattr(run, against)[wide:], run.cost[wide:], label=name, **look)
        if wide:
            ax.set_xscale("log")
        return dressed(ax, "Three methods, one budget", label, "cost E of all samples", legend=True)


def compare_methods(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    batch_size: int = 32,
    learning_rate: float | Mapping[str, float] = 0.1,
    budget: int | None = None,
    sampling: str = "uniform",
    road: str = "rules",
    path: bool = False,
    rng: int | np.random.Generator = 0,
    rules: Rules | None = None,
) -> Comparison:
    """Run gradient descent, SGD and mini-batch from the weights of `mlp`, which keeps them; return what happened.

    Args:
        mlp: the network to start from.
        x: the inputs `(N, n_0)`.
        rho: the expected outputs, as in `fit`.
        cost: the name of the cost.
        batch_size: M, for mini-batches; at most N.
        learning_rate: η, for all methods, or a dict by method.
        budget: how many gradients of single samples each method may compute, at least N; 20 N by default. A method
            stops where its next update would need more than is left.
        sampling: "uniform" or "shuffle", as in `fit`.
        road: "rules" or "graph", as in `fit`.
        path: keep the parameters at each point of the curves, for `plots.cost_contour`.
        rng: a seed or a generator, for the draw of the batches.
        rules: rules of your own, as in `fit`: each method runs with them as well, on the same batches.

    Raises:
        InvalidValue, InvalidType, ShapeError, RuleError: for bad options, data or rules. (A rate with which a method
            diverges is no error: its curve ends there, and the table says so.)

    >>> from tinygrad_ed.data import moons
    >>> compared = compare_methods(MLP([2, 8, 2], rng=0), *moons(100), cost="cross_entropy", batch_size=20)
    >>> for run in compared.runs.values():
    ...     print(run.method, run.updates_per_epoch, run.gradients_per_update, round(float(run.cost[-1]), 3))
    gradient 1.0 100.0 0.394
    sgd 100.0 1.0 0.116
    minibatch 5.0 20.0 0.275
    """
    x, rho = batch_of(mlp, x, rho, cost)
    n = len(x)
    check_method("gradient", sampling)
    roads = [chosen("road", road, ROADS)]
    roads += [] if rules is None else [with_rules(roads[0], road, rules)]
    batch_size = whole_number("batch_size", batch_size)
    storable("a batch", batch_size, max(mlp.sizes))
    budget = 20 * n if budget is None else whole_number("budget", budget, n, "a number of gradient computations")
    rates = _rates(learning_rate)
    random = generator(rng)
    runs = {}
    for method, rate in rates.items():
        size = {"gradient": n, "sgd": 1}.get(method, batch_size)
        before = copy.deepcopy(random)
        for by_road in roads:
            drawn = _endless(method, n, batch_size, sampling, random if by_road is roads[0] else before)
            counts = _Curves(mlp, by_road(copy.deepcopy(mlp), x, rho, cost), x, rho, cost, path)
            with restored():
                diverged = counts.fill(drawn, rate, budget)
            run = MethodRun(method, rate, n, size, *counts.arrays(), diverged, by_road is not roads[0])
            runs[run.name] = run
    return Comparison(runs, budget)


def _rates(learning_rate: Any) -> dict[str, float]:
    """Return the rate of each method, checked as `fit` checks it."""
    if isinstance(learning_rate, Mapping):
        for method in learning_rate:
            check_method(method, "uniform")
        missing = [method for method in METHODS if method not in learning_rate]
        if missing:
            raise InvalidType(f"learning_rate must be a number, or a dict with a rate of {', '.join(missing)} as well")
        return {method: GradientDescent(learning_rate[method]).learning_rate for method in METHODS}
    return dict.fromkeys(METHODS, GradientDescent(learning_rate).learning_rate)


def _endless(method: str, n: int, batch_size: int, sampling: str, rng: np.random.Generator) -> Iterator[Array | slice]:
    for _ in repeat(None):
        yield from batches(method, n, batch_size, sampling, rng)


class _Curves:
    """One method at work: its counts, and the points of its curves."""

    def __init__(self, mlp: MLP, gradients: Gradients, x: Array, rho: Array, cost: str, path: bool) -> None:
        self._gradients, self._x, self._rho, self._C, self._path = gradients, x, rho, COSTS[cost].C, path
        self._activations = {j: layer.activation for j, layer in enumerate(mlp.layers, start=1)}
        self._points: list[tuple[int, int, float, float]] = []
        self._thetas: list[Array] = []

    def fill(self, drawn: Iterator[Array | slice], rate: float, budget: int) -> int | None:
        """Update until the budget is used up; return the update at which the cost was no longer finite."""
        gradients, theta = self._gradients, self._gradients.arena.theta
        computed, updates, seconds, due = 0, 0, 0.0, 0.0
        with np.errstate(all="ignore"):  # what overflows ends the curve
            self._note(computed, updates, seconds)
            began = time.perf_counter()
            for batch in drawn:
                samples = gradients.samples if isinstance(batch, slice) else len(batch)
                if computed + samples > budget:
                    break
                if not math.isfinite(gradients.compute(batch, rate)):
                    return updates + 1
                np.subtract(theta, gradients.arena.gradient, theta)
                computed, updates = computed + samples, updates + 1
                if computed >= due:
                    seconds += time.perf_counter() - began
                    if not self._note(computed, updates, seconds):
                        return updates
                    due = computed + min(computed / 4, budget / POINTS)  # closer at the start, where all goes fast
                    began = time.perf_counter()
            seconds += time.perf_counter() - began
            if self._points[-1][1] < updates and not self._note(computed, updates, seconds):
                return updates
        return None

    def arrays(self) -> tuple[Array, Array, Array, Array, Array | None]:
        """Return gradient computations, updates, seconds, costs, and the path if it is wanted."""
        computed, updates, seconds, cost = zip(*self._points, strict=True)
        path = np.array(self._thetas) if self._path else None
        return np.array(computed), np.array(updates), np.array(seconds), np.array(cost), path

    def _note(self, computed: int, updates: int, seconds: float) -> bool:
        """Add a point, if the cost of all data is finite there."""
        arena = self._gradients.arena
        _, alpha = rules.forward(arena.omega, arena.beta, self._activations, self._x)
        cost = float(np.mean(self._C(alpha[len(self._activations)], self._rho)))
        if not math.isfinite(cost):
            return False
        self._points.append((computed, updates, seconds, cost))
        if self._path:
            self._thetas.append(arena.theta.copy())
        return True
