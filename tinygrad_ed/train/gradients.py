"""Who computes the gradient of a batch for `fit`: one class a road, all with the same face.

Each keeps the parameters and their gradients in an `Arena`. `compute(batch, scale)` returns the mean cost of some
samples of the data, and leaves `scale` times its gradient there.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.fast import FastStep
from tinygrad_ed.closed_form.rules import RULES, quantities
from tinygrad_ed.errors import InvalidType, InvalidValue, RuleError, ShapeError, shown
from tinygrad_ed.graph.backward import pull
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.batch import forward, parameters_of
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import plain_numbers, tame
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs
from tinygrad_ed.train.stored import AT_ONCE, Rows, Stored
from tinygrad_ed.transforms.functions import value_and_grad

Rules = Mapping[str, Callable[..., Any]]


class Gradients:
    """What `fit` needs of a road; each has its own `_batch`."""

    def __init__(self, mlp: MLP, x: Rows, rho: Rows, weights: Array | None) -> None:
        self.arena, self.samples = Arena(mlp.sizes, mlp.dtype, parameters_of(mlp)[1]), len(x)
        for array, parameter in zip(self.arena.parameters, mlp.parameters(), strict=True):
            array[:] = parameter.value
        self._x, self._rho, self._weights = x, rho, weights
        self._at_once = max(1, AT_ONCE // max(mlp.sizes))

    def compute(self, batch: Array | slice, scale: float) -> float:
        """Return the mean cost of a batch (a slice: of all samples), and leave `scale` times its gradient.

        All samples, if they are many, are taken part by part: ∇E is the mean of the parts', by what these count.
        """
        if not self._in_parts(batch):
            return self._batch(batch, scale)
        error, gradient = 0.0, np.zeros_like(self.arena.gradient)
        for start in range(0, self.samples, self._at_once):
            part = np.arange(start, min(start + self._at_once, self.samples))
            share = self.counts(part) / self.counts(batch)
            error += share * self._batch(part, share * scale)
            gradient += self.arena.gradient
        self.arena.gradient[:] = gradient
        return error

    def descend(self, batch: Array | slice, eta: float) -> float:
        """Return the mean cost of a batch, and move all parameters by -η times its gradient."""
        error = self.compute(batch, eta)
        np.subtract(self.arena.theta, self.arena.gradient, self.arena.theta)
        return error

    def counts(self, batch: Array | slice) -> float:
        """Return what the samples of a batch count together: their weights, or 1 each."""
        if self._weights is not None:
            return float(self._weights[batch].sum())
        return self.samples if isinstance(batch, slice) else len(batch)

    def _batch(self, batch: Array | slice, scale: float) -> float:
        """Compute as `compute`, at once."""
        raise NotImplementedError

    def _in_parts(self, batch: Array | slice) -> bool:
        return isinstance(batch, slice) and self.samples > self._at_once

    def _shares(self, batch: Array | slice) -> Array | None:
        """Return what each sample of a batch counts in its mean, w / Σ w; None if all count the same."""
        if self._weights is None:
            return None
        weights: Array = self._weights[batch] / self._weights[batch].sum()
        return weights


class ByRules(Gradients):
    """The closed form in place (`closed_form/fast.py`): nothing is allocated after the first batch of a size."""

    def __init__(self, mlp: MLP, x: Rows, rho: Rows, cost: str, weights: Array | None = None) -> None:
        super().__init__(mlp, x, rho, weights)
        if not isinstance(x, Stored):
            self._x = np.column_stack([x, np.ones(len(x), x.dtype)])
        if not isinstance(rho, Stored):
            self._rho = np.ascontiguousarray(rho.T)
        kind = {"classes": len(rho.shape) == 1, "weighted": weights is not None}
        self._make = partial(FastStep, self.arena, parameters_of(mlp)[2], cost, **kind)
        self._steps: dict[int, FastStep] = {}
        self._everything: FastStep | None = None

    def _batch(self, batch: Array | slice, scale: float) -> float:
        return self._step(batch).cost_and_gradient(scale)

    def descend(self, batch: Array | slice, eta: float) -> float:
        """Descend, as `Gradients.descend` says."""
        return super().descend(batch, eta) if self._in_parts(batch) else self._step(batch).descend(eta)

    def _step(self, batch: Array | slice) -> FastStep:
        """Return the buffers for a batch of this size, with its samples in them."""
        if isinstance(batch, slice):
            if self._everything is None:
                self._everything = self._filled(self._make(M=self.samples), np.arange(self.samples))
            return self._everything
        step = self._steps.get(len(batch))
        if step is None:
            step = self._steps[len(batch)] = self._make(M=len(batch))
        return self._filled(step, batch)

    def _filled(self, step: FastStep, batch: Array) -> FastStep:
        # "clip": with "raise" NumPy goes through a buffer of its own, and all these indices are good.
        if isinstance(self._x, Stored):
            step.x[:, :-1] = self._x[batch]
        else:
            self._x.take(batch, 0, step.x, "clip")
        if isinstance(self._rho, Stored):
            step.rho[:] = self._rho[batch].T
        else:
            self._rho.take(batch, -1, step.rho, "clip")
        if step.share is not None:
            step.share[:] = self._shares(batch)
        return step


class ByGraph(Gradients):
    """The general road: build the graph of the batch, sweep it, forget it."""

    def __init__(self, mlp: MLP, x: Rows, rho: Rows, cost: str, weights: Array | None = None) -> None:
        super().__init__(mlp, x, rho, weights)
        self._mlp, self._cost = mlp, mean_cost(cost)

    def _batch(self, batch: Array | slice, scale: float) -> float:
        leaves = self._mlp.parameters()
        for leaf, array in zip(leaves, self.arena.parameters, strict=True):
            leaf.value = array
        with recording(True):
            error = self._cost(self._mlp(self._x[batch]), self._rho[batch], self._shares(batch))
        for gradient, found in zip(self.arena.gradients, pull([error], [1.0], leaves), strict=True):
            np.multiply(found, scale, gradient)
        return float(error.item())


class ByTape(Gradients):
    """The general road, recorded as a program at the first batch of a size, and then replayed (`tape/`)."""

    def __init__(self, mlp: MLP, x: Rows, rho: Rows, cost: str, weights: Array | None = None) -> None:
        super().__init__(mlp, x, rho, weights)
        mean = mean_cost(cost)

        def error(parameters: list[Any], x: Array, rho: Array, shares: Array | None) -> Any:
            return mean(forward(mlp, x, parameters)[0][len(mlp.layers)], rho, shares)

        self._program = compile(value_and_grad(error), reuse=True)

    def _batch(self, batch: Array | slice, scale: float) -> float:
        error, gradients = self._program(self.arena.parameters, self._x[batch], self._rho[batch], self._shares(batch))
        for gradient, found in zip(self.arena.gradients, gradients, strict=True):
            np.multiply(found, scale, gradient)
        return float(error)


class ByReaderRules(Gradients):
    """The algorithms of the lecture with some rules of the reader's: plain, and slower than `ByRules`."""

    def __init__(self, mlp: MLP, x: Rows, rho: Rows, cost: str, weights: Array | None = None, *, rules: Rules) -> None:
        if weights is not None:
            raise InvalidValue("rules of your own do not know of weights; leave weights out")
        super().__init__(mlp, x, rho, None)
        self._cost, self._calls, self._classes = cost, dict.fromkeys(rules, 0), mlp.sizes[-1]
        self._activations = parameters_of(mlp)[2]
        self._rules = {name: self._checked(name, tame(name, rule)) for name, rule in rules.items()}

    def _batch(self, batch: Array | slice, scale: float) -> float:
        arena, self._calls = self.arena, dict.fromkeys(self._calls, 0)
        x, rho = self._x[batch], costs.one_hot(self._rho[batch], self._classes, self.arena.theta.dtype)
        with np.errstate(all="ignore"):
            found: Any = quantities(arena.omega, arena.beta, self._activations, x, rho, self._cost, self._rules)
            for kind, gradients in (("grad_omega", arena.grad_omega), ("grad_beta", arena.grad_beta)):
                for j, gradient in gradients.items():
                    np.multiply(found[f"{kind}[{j}]"], scale, gradient)
        return float(found["cost"])

    def _checked(self, name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*args: Any) -> Array:
            call, L, shape = self._calls[name], len(self._activations), RULES[name](*args).shape
            self._calls[name] += 1
            layer = {"B_last": L, "B_hidden": L - 1 - call, "P": L - call}.get(name, call + 1)
            try:
                answer = plain_numbers(f"your {name}, in layer {layer},", rule(*args))
            except RuleError as error:
                raise RuleError(f"{error} (in layer {layer})") from error
            if answer.shape != shape:
                raise ShapeError(f"your {name} returned shape {answer.shape} in layer {layer}; expected was {shape}")
            return answer

        return checked


def mean_cost(name: str) -> Callable[..., Any]:
    """Return E as a function of outputs, expected values, and what each sample counts (None: all the same)."""
    mean, each = costs.find(name), costs.individual(name)

    def error(output: Any, expected: Any, shares: Array | None = None) -> Any:
        return mean(output, expected) if shares is None else (each(output, expected) * shares).sum()

    return error


Road = Callable[..., Gradients]
ROADS: dict[str, Road] = {"rules": ByRules, "graph": ByGraph, "tape": ByTape}
"""The roads by name."""


def with_rules(by_road: Road, road: str, rules: Any) -> Road:
    """Return the road with a reader's rules in it; without rules, the road as it is."""
    if rules is None:
        return by_road
    if not isinstance(rules, Mapping) or not all([callable(rule) for rule in rules.values()]):
        raise InvalidType(f"rules is a dict of functions by name, such as {{'B_hidden': mine}}, not {shown(rules)}")
    for name in rules:
        chosen("rule", name, RULES)
    if road != "rules":
        raise InvalidValue(f"rules of your own belong to the road 'rules', not to {road!r}")
    return partial(ByReaderRules, rules=dict(rules))
