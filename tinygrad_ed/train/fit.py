"""`fit`: draw a batch, compute the gradient on one of the roads, update; once more.

    theta <- theta - eta * gradient of the mean cost over the batch

The road only says who computes the gradient: `rules` (the closed form, the fast one) or `graph` (a graph of
Nodes, built and swept for each update). From the same seed both give the same weights.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_ed.checks import generator, storable, whole_number
from tinygrad_ed.crosscheck import batch_of
from tinygrad_ed.errors import Diverged, InvalidType
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.train.gradients import ROADS, Gradients
from tinygrad_ed.train.methods import batches, check_method
from tinygrad_ed.train.optim import GradientDescent, Optimizer
from tinygrad_ed.train.progress import progress_bar
from tinygrad_ed.values import Array


@dataclass
class History:
    """What happened in a run of `fit`."""

    cost: list[float] = field(default_factory=list)
    """One entry an epoch: the mean of the costs of its batches, each before its update."""
    validation: list[float] = field(default_factory=list)
    """One entry an epoch: the cost of the validation data after it, where they were given."""
    epochs: int = 0
    updates: int = 0
    gradient_computations: int = 0
    """How many gradients of single samples were computed."""
    seconds: float = 0.0

    def __str__(self) -> str:
        fell = f"cost {self.cost[0]:.4g} -> {self.cost[-1]:.4g}" if self.cost else "no epoch"
        checked = f", validation {self.validation[-1]:.4g}" if self.validation else ""
        return (
            f"{self.epochs} epochs, {self.updates} updates, {self.gradient_computations} gradient computations, "
            f"{self.seconds:.2f} s: {fell}{checked}"
        )


def fit(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    method: str = "minibatch",
    batch_size: int = 32,
    learning_rate: float = 0.1,
    epochs: int = 10,
    sampling: str = "uniform",
    road: str = "rules",
    optimizer: Optimizer | None = None,
    validation: tuple[Any, Any] | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool | None = None,
) -> History:
    """Train a network in place and return what happened (lecture, section 1).

    Args:
        mlp: the network; its parameters get their new values at the end (before, if there are validation data).
        x: the inputs `(N, n_0)`.
        rho: the expected outputs `(N, n_L)`; for cross_entropy class numbers `(N,)` as well.
        cost: the name of the cost, see `nn.costs`.
        method: "gradient" (all samples, one update an epoch), "sgd" (one sample an update) or "minibatch".
        batch_size: M, for mini-batches.
        learning_rate: eta.
        epochs: how many times N samples are seen.
        sampling: "uniform" (drawn with replacement, as in the lecture) or "shuffle" (each sample once an epoch).
        road: who computes the gradient: "rules" or "graph".
        optimizer: something with `step(parameters, gradients)` in place of plain gradient descent; it has its own
            learning rate.
        validation: `(x, rho)`, whose cost is computed after every epoch.
        rng: a seed or a generator, for the draw of the batches.
        progress: True shows a progress bar (extra `progress`), False none; by default there is one on a
            terminal, where it is installed and the run takes more than a second.

    Raises:
        InvalidValue, InvalidType, ShapeError: for bad options or data, before anything is changed.
        Diverged: if the cost is no longer finite. After this, as after Ctrl-C, the network has the weights of
            the last whole epoch.
        MissingExtra: for `progress=True` without the extra.

    >>> from tinygrad_ed.data import xor
    >>> history = fit(MLP([2, 8, 2], rng=1), *xor(100), cost="cross_entropy", learning_rate=0.5, epochs=40)
    >>> history.updates, history.gradient_computations, history.cost[-1] < 0.1
    (160, 5120, True)
    """
    if not isinstance(mlp, MLP):
        raise InvalidType(f"fit trains a tg.nn.MLP, but got {mlp!r}")
    costs.find(cost)
    check_method(method, sampling)
    by_road = chosen("road", road, ROADS)
    batch_size, epochs = whole_number("batch_size", batch_size), whole_number("epochs", epochs)
    if sampling == "uniform":  # with "shuffle" a batch is at most all samples
        storable("a batch", batch_size, max(mlp.sizes))
    optimizer = _with_a_step(GradientDescent(learning_rate) if optimizer is None else optimizer)
    x, rho = batch_of(mlp, x, rho, cost)
    held_out = None if validation is None else batch_of(mlp, *_pair(validation), cost)
    rng = generator(rng)
    bar = progress_bar(epochs, progress)

    gradients = by_road(mlp, x, rho, cost)
    theta = gradients.arena.theta

    history, began, saved = History(), time.perf_counter(), theta.copy()
    try:
        with np.errstate(all="ignore"):  # what overflows ends in Diverged, which says more than a warning
            for _ in range(epochs):
                drawn = batches(method, len(x), batch_size, sampling, rng)
                history.cost.append(_epoch(gradients, drawn, optimizer, history))
                _check(theta)
                saved[:] = theta
                history.epochs += 1
                if held_out is not None:
                    _give(mlp, gradients.arena.parameters)
                    history.validation.append(float(costs.find(cost)(mlp.predict(held_out[0]), held_out[1])))
                bar.update(f"cost {history.cost[-1]:.4g}")
    finally:  # also after an error or Ctrl-C: the network gets the weights of the last whole epoch
        theta[:] = saved
        _give(mlp, gradients.arena.parameters)
        bar.close()
        history.seconds = time.perf_counter() - began
    return history


def _with_a_step(optimizer: Any) -> Optimizer:
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise InvalidType(
            f"optimizer must be an object with a method step(parameters, gradients), such as "
            f"tg.train.GradientDescent(0.1), not {optimizer!r}"
        )
    return optimizer  # type: ignore[no-any-return]  # that is what was checked


def _pair(validation: Any) -> tuple[Any, Any]:
    try:
        x, rho = validation
    except (TypeError, ValueError):
        raise InvalidType(
            f"validation must be a pair (x, rho), such as (test.x, test.rho), not {validation!r}"
        ) from None
    return x, rho


def _epoch(gradients: Gradients, drawn: Iterable[Array | slice], optimizer: Optimizer, history: History) -> float:
    """Do the updates of one epoch; return the mean of the costs, each before its update."""
    arena = gradients.arena
    # With plain gradient descent η is in the gradient already, and the update is one subtraction.
    eta = optimizer.learning_rate if type(optimizer) is GradientDescent else None
    seen = []
    for batch in drawn:
        error = gradients.compute(batch, 1.0 if eta is None else eta)
        if not math.isfinite(error):
            raise Diverged(
                f"the cost became {error} at update {history.updates + 1} (epoch {history.epochs + 1}); try a smaller "
                "learning_rate. The network has the weights of the last whole epoch"
            )
        if eta is None:
            optimizer.step(arena.parameters, arena.gradients)
        else:
            np.subtract(arena.theta, arena.gradient, arena.theta)
        seen.append(error)
        history.updates += 1
        history.gradient_computations += gradients.samples if isinstance(batch, slice) else len(batch)
    return sum(seen) / len(seen)


def _check(theta: Array) -> None:
    """See that all weights are finite: the sum of their squares is, or each of them."""
    if not math.isfinite(theta.dot(theta)) and not np.isfinite(theta).all():
        raise Diverged("the weights are no longer finite; try a smaller learning_rate. The network keeps its old ones")


def _give(mlp: MLP, parameters: Sequence[Array]) -> None:
    """Give the network its new weights."""
    for parameter, array in zip(mlp.parameters(), parameters, strict=True):
        parameter.value = array
