"""The three methods side by side: gradient descent, SGD and mini-batch from the same start, with the same budget.

The fair unit is the gradient of one sample: an epoch of each method computes N of them, however many updates it makes
of them. What the lecture's table says is counted here, while the methods run. The cost of all data, which
the curves show, is found between the updates and is part of neither the counts nor the seconds.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.closed_form.rules import forward
from tinygrad_ed.errors import InvalidType, InvalidValue, generator, storable, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.batch import batch_of, parameters_of
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import restored
from tinygrad_ed.plots.style import axes, dressed, series
from tinygrad_ed.train.gradients import ROADS, Gradients, Rules, with_rules
from tinygrad_ed.train.methods import METHODS, batches, check_method
from tinygrad_ed.train.optim import GradientDescent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 100  # of each curve, and some 20 more at its start
AXES = {"gradient_computations": "gradient computations", "updates": "updates", "seconds": "seconds of training"}


@dataclass(frozen=True, eq=False)
class MethodRun:
    """What one method made of the budget.

    The curves have K points, the first of which is the start: `gradient_computations`, `updates` and `seconds` till
    then, the `cost` of all data, and where asked for the `path` `(K, P)` of the parameters W1, b1, W2, ... They end
    before the update `diverged`, at which the cost was no longer finite. `by_reader` says: on a reader's own rules.
    """

    method: str
    learning_rate: float
    samples: int  # N
    batch_size: int  # gradient computations per update as the lecture's table has them: N, 1 or M
    gradient_computations: Array
    updates: Array
    seconds: Array
    cost: Array
    path: Array | None
    diverged: int | None
    by_reader: bool = False

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
        InvalidValue, InvalidType, ShapeError, RuleError: for bad options, data or rules, or a cost that is not finite
            at the start. (A rate with which a method diverges is no error: its curve ends there.)

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
    phis, each = parameters_of(mlp)[2], COSTS[cost].C

    def cost_of_all(arena: Arena) -> float:
        return float(np.mean(each(forward(arena.omega, arena.beta, phis, x)[1][len(phis)], rho)))

    runs = {}
    for method, rate in rates.items():
        size = {"gradient": n, "sgd": 1}.get(method, batch_size)
        before = copy.deepcopy(random)
        for by_road in roads:
            draw = random if by_road is roads[0] else before
            drawn = chain.from_iterable(batches(method, n, batch_size, sampling, draw) for _ in repeat(None))
            gradients = by_road(copy.deepcopy(mlp), x, rho, cost)
            with restored():
                points, diverged = _curves(gradients, cost_of_all, drawn, rate, budget, path)
            if not points:
                raise InvalidValue("the cost of all data is not finite at the start; scale the data, or the weights")
            computed, updates, seconds, costs, thetas = [np.array(values) for values in zip(*points, strict=True)]
            curves = computed, updates, seconds, costs, thetas if path else None
            run = MethodRun(method, rate, n, size, *curves, diverged, by_road is not roads[0])
            runs[run.name] = run
    return Comparison(runs, budget)


def _rates(learning_rate: Any) -> dict[str, float]:
    """Return the rate of each method, checked as `fit` checks it."""
    rates = learning_rate if isinstance(learning_rate, Mapping) else dict.fromkeys(METHODS, learning_rate)
    for method in rates:
        check_method(method, "uniform")
    if missing := [method for method in METHODS if method not in rates]:
        raise InvalidType(f"learning_rate must be a number, or a dict with a rate of {', '.join(missing)} as well")
    return {method: GradientDescent(rates[method]).learning_rate for method in METHODS}


def _curves(
    gradients: Gradients,
    cost_of_all: Callable[[Arena], float],
    drawn: Iterator[Array | slice],
    rate: float,
    budget: int,
    path: bool,
) -> tuple[list[tuple[int, int, float, float, Array | None]], int | None]:
    """Update until the budget is used up: return the points, and the update at which the cost was no longer finite."""
    arena = gradients.arena
    points: list[tuple[int, int, float, float, Array | None]] = []
    computed, updates, seconds, due, began = 0, 0, 0.0, 0.0, time.perf_counter()
    with np.errstate(all="ignore"):  # what overflows ends the curve
        for batch in drawn:
            samples = gradients.samples if isinstance(batch, slice) else len(batch)
            last = computed + samples > budget
            if computed >= due or last:
                seconds += time.perf_counter() - began
                if not math.isfinite(cost := cost_of_all(arena)):
                    return points, updates
                points.append((computed, updates, seconds, cost, arena.theta.copy() if path else None))
                due = computed + min(computed / 4, budget / POINTS)  # closer at the start, where all goes fast
                began = time.perf_counter()
            if last:
                break
            if not math.isfinite(gradients.compute(batch, rate)):
                return points, updates + 1
            np.subtract(arena.theta, arena.gradient, arena.theta)
            computed, updates = computed + samples, updates + 1
    return points, None
