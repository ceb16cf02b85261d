"""`fit`: draw a batch, compute the gradient on one of the roads, update; once more.

    theta <- theta - eta * gradient of the mean cost over the batch

The road only says who computes the gradient: `rules` (the closed form, the fast one) or `graph` (a graph of
Nodes, built and swept for each update). From the same seed both give the same weights.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_ed.backward import pull
from tinygrad_ed.checks import generator, storable, whole_number
from tinygrad_ed.closed_form import derivatives, rules
from tinygrad_ed.crosscheck import batch_of
from tinygrad_ed.errors import Diverged, InvalidType
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.recording import recording
from tinygrad_ed.train.methods import batches, check_method
from tinygrad_ed.train.optim import GradientDescent, Optimizer
from tinygrad_ed.train.progress import progress_bar
from tinygrad_ed.values import Array

CostAndGradient = Callable[[MLP, Sequence[Array], Array, Array, str], tuple[float, Sequence[Array]]]


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
        mlp: the network; its parameters get their new values after every epoch.
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
    cost_and_gradient = chosen("road", road, ROADS)
    batch_size, epochs = whole_number("batch_size", batch_size), whole_number("epochs", epochs)
    if sampling == "uniform":  # with "shuffle" a batch is at most all samples
        storable("a batch", batch_size, max(mlp.sizes))
    optimizer = _with_a_step(GradientDescent(learning_rate) if optimizer is None else optimizer)
    x, rho = batch_of(mlp, x, rho, cost)
    held_out = None if validation is None else batch_of(mlp, *_pair(validation), cost)
    rng = generator(rng)
    bar = progress_bar(epochs, progress)

    history, began = History(), time.perf_counter()
    parameters = [np.array(parameter.value) for parameter in mlp.parameters()]
    saved = [parameter.value for parameter in mlp.parameters()]
    try:
        with np.errstate(all="ignore"):  # what overflows ends in Diverged, which says more than a warning
            for _ in range(epochs):
                drawn = batches(method, len(x), batch_size, sampling, rng)
                history.cost.append(_epoch(mlp, parameters, x, rho, cost, drawn, cost_and_gradient, optimizer, history))
                saved = _give(mlp, parameters)
                history.epochs += 1
                if held_out is not None:
                    history.validation.append(float(costs.find(cost)(mlp.predict(held_out[0]), held_out[1])))
                bar.update(f"cost {history.cost[-1]:.4g}")
    except BaseException:  # also Ctrl-C: the network is left with the weights of a whole epoch
        _give(mlp, saved)
        raise
    finally:
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


def _epoch(
    mlp: MLP,
    parameters: list[Array],
    x: Array,
    rho: Array,
    cost: str,
    drawn: Iterable[Array | slice],
    cost_and_gradient: CostAndGradient,
    optimizer: Optimizer,
    history: History,
) -> float:
    """Do the updates of one epoch in place; return the mean of the costs, each before its update."""
    seen = []
    for batch in drawn:
        inputs = x[batch]
        error, gradients = cost_and_gradient(mlp, parameters, inputs, rho[batch], cost)
        if not math.isfinite(error):
            raise Diverged(
                f"the cost became {error} at update {history.updates + 1} (epoch {history.epochs + 1}); try a smaller "
                "learning_rate. The network has the weights of the last whole epoch"
            )
        optimizer.step(parameters, gradients)
        seen.append(error)
        history.updates += 1
        history.gradient_computations += len(inputs)
    return float(np.mean(seen))


def _give(mlp: MLP, parameters: Sequence[Array]) -> list[Array]:
    """Give the network its new weights, if all of them are finite; return them as the network has them."""
    if not all([np.isfinite(array).all() for array in parameters]):
        raise Diverged("the weights are no longer finite; try a smaller learning_rate. The network keeps its old ones")
    for parameter, array in zip(mlp.parameters(), parameters, strict=True):
        parameter.value = array
    return [parameter.value for parameter in mlp.parameters()]


# The roads: the mean cost of a batch, and its gradients in the order W1, b1, W2, b2, ...


def _by_rules(mlp: MLP, parameters: Sequence[Array], x: Array, rho: Array, cost: str) -> tuple[float, list[Array]]:
    """The closed form: forward, algorithm "backpropagation", algorithm "gradient computation"."""
    layers = range(1, len(mlp.layers) + 1)
    omega = {j: parameters[2 * j - 2] for j in layers}
    beta = {j: parameters[2 * j - 1] for j in layers}
    names = {j: mlp.layers[j - 1].activation for j in layers}
    zeta, alpha = rules.forward(omega, beta, names, x)
    B, _ = rules.backpropagation(omega, names, zeta, alpha, rho, cost, with_P=False)
    grad_omega, grad_beta = rules.gradient_computation(alpha, B)
    error = float(derivatives.COSTS[cost].C(alpha[layers[-1]], rho).mean())
    return error, [gradient for j in layers for gradient in (grad_omega[j], grad_beta[j])]


def _by_graph(mlp: MLP, parameters: Sequence[Array], x: Array, rho: Array, cost: str) -> tuple[float, list[Array]]:
    """The general road: build the graph of the batch, sweep it, forget it."""
    leaves = mlp.parameters()
    for leaf, array in zip(leaves, parameters, strict=True):
        leaf.value = array
    with recording(True):
        error = costs.find(cost)(mlp(x), rho)
    return error.item(), pull([error], [1.0], leaves)


ROADS: dict[str, CostAndGradient] = {"rules": _by_rules, "graph": _by_graph}
