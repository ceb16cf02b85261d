"""Who computes the gradient of a batch for `fit`: one class a road, all with the same face.

Each keeps the parameters and their gradients in an `Arena`. `compute(batch, scale)` returns the mean cost of some
samples of the data, and leaves `scale` times its gradient there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.fast import FastStep
from tinygrad_ed.graph.backward import pull
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.mlp import forward, parameters_of
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs
from tinygrad_ed.transforms.functions import value_and_grad


class Gradients:
    """What `fit` needs of a road; each has its own `compute`."""

    arena: Arena
    samples: int
    """How many samples there are in all."""

    def compute(self, batch: Array | slice, scale: float) -> float:
        """Return the mean cost of a batch (a slice: of all samples), and leave `scale` times its gradient."""
        raise NotImplementedError

    def descend(self, batch: Array | slice, eta: float) -> float:
        """Return the mean cost of a batch, and move all parameters by -η times its gradient."""
        error = self.compute(batch, eta)
        np.subtract(self.arena.theta, self.arena.gradient, self.arena.theta)
        return error


class ByRules(Gradients):
    """The closed form in place (`closed_form/fast.py`): nothing is allocated after the first batch of a size."""

    def __init__(self, mlp: MLP, x: Array, rho: Array, cost: str) -> None:
        self.arena, self.samples = arena_of(mlp), len(x)
        self._x = np.column_stack([x, np.ones(len(x), x.dtype)])
        self._rho = np.ascontiguousarray(rho.T)
        self._activations = {j: layer.activation for j, layer in enumerate(mlp.layers, start=1)}
        self._cost = cost
        self._steps: dict[int, FastStep] = {}
        self._everything: FastStep | None = None

    def compute(self, batch: Array | slice, scale: float) -> float:
        """Compute the gradient, as `Gradients.compute` says."""
        return self._step(batch).cost_and_gradient(scale)

    def descend(self, batch: Array | slice, eta: float) -> float:
        """Descend, as `Gradients.descend` says."""
        return self._step(batch).descend(eta)

    def _step(self, batch: Array | slice) -> FastStep:
        """Return the buffers for a batch of this size, with its samples in them."""
        if isinstance(batch, slice):
            if self._everything is None:
                self._everything = FastStep(self.arena, self._activations, self._cost, self.samples)
                self._everything.x[:], self._everything.rho[:] = self._x, self._rho
            return self._everything
        step = self._steps.get(len(batch))
        if step is None:
            step = self._steps[len(batch)] = FastStep(self.arena, self._activations, self._cost, len(batch))
        # "clip": with "raise" NumPy goes through a buffer of its own, and all these indices are good.
        self._x.take(batch, 0, step.x, "clip")
        self._rho.take(batch, 1, step.rho, "clip")
        return step


class ByGraph(Gradients):
    """The general road: build the graph of the batch, sweep it, forget it."""

    def __init__(self, mlp: MLP, x: Array, rho: Array, cost: str) -> None:
        self.arena, self.samples = arena_of(mlp), len(x)
        self._mlp, self._x, self._rho, self._cost = mlp, x, rho, costs.find(cost)

    def compute(self, batch: Array | slice, scale: float) -> float:
        """Compute the gradient, as `Gradients.compute` says."""
        leaves = self._mlp.parameters()
        for leaf, array in zip(leaves, self.arena.parameters, strict=True):
            leaf.value = array
        with recording(True):
            error = self._cost(self._mlp(self._x[batch]), self._rho[batch])
        for gradient, found in zip(self.arena.gradients, pull([error], [1.0], leaves), strict=True):
            np.multiply(found, scale, gradient)
        return float(error.item())


class ByTape(Gradients):
    """The general road, recorded as a program at the first batch of a size, and then replayed (`tape/`)."""

    def __init__(self, mlp: MLP, x: Array, rho: Array, cost: str) -> None:
        self.arena, self.samples = arena_of(mlp), len(x)
        self._x, self._rho = x, rho
        find_cost = costs.find(cost)

        def error(parameters: list[Any], x: Array, rho: Array) -> Any:
            return find_cost(forward(mlp, x, parameters)[0][len(mlp.layers)], rho)

        self._program = compile(value_and_grad(error), reuse=True)

    def compute(self, batch: Array | slice, scale: float) -> float:
        """Compute the gradient, as `Gradients.compute` says."""
        error, gradients = self._program(self.arena.parameters, self._x[batch], self._rho[batch])
        for gradient, found in zip(self.arena.gradients, gradients, strict=True):
            np.multiply(found, scale, gradient)
        return float(error)


def arena_of(mlp: MLP) -> Arena:
    """Return an arena with the network's parameters in it."""
    arena = Arena(mlp.sizes, mlp.dtype, parameters_of(mlp)[1])
    for array, parameter in zip(arena.parameters, mlp.parameters(), strict=True):
        array[:] = parameter.value
    return arena


Road = Callable[[MLP, Array, Array, str], Gradients]
ROADS: dict[str, Road] = {"rules": ByRules, "graph": ByGraph, "tape": ByTape}
"""The roads by name."""
