"""The road `rules` with a reader's own rules in it, right or wrong: what a mistake does to learning."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.rules import RULES, quantities
from tinygrad_ed.errors import InvalidType, InvalidValue, RuleError, ShapeError
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.costs import one_hot
from tinygrad_ed.nn.guard import plain_numbers, tame
from tinygrad_ed.train.gradients import Gradients, Road
from tinygrad_ed.train.stored import Rows

Rules = Mapping[str, Callable[..., Any]]


class ByReaderRules(Gradients):
    """The algorithms of the lecture with some rules of the reader's: plain, and slower than `ByRules`."""

    def __init__(self, mlp: MLP, x: Rows, rho: Rows, cost: str, rules: Rules) -> None:
        super().__init__(mlp, x, rho, None)
        self._cost, self._calls, self._classes = cost, dict.fromkeys(rules, 0), mlp.sizes[-1]
        self._activations = {j: layer.activation for j, layer in enumerate(mlp.layers, start=1)}
        self._rules = {name: self._checked(name, tame(name, rule)) for name, rule in rules.items()}

    def _batch(self, batch: Array | slice, scale: float) -> float:
        arena, self._calls = self.arena, dict.fromkeys(self._calls, 0)
        x, rho = self._x[batch], one_hot(self._rho[batch], self._classes, self.arena.theta.dtype)
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


def with_rules(by_road: Road, road: str, rules: Any) -> Road:
    """Return the road with a reader's rules in it; without rules, the road as it is."""
    if rules is None:
        return by_road
    if not isinstance(rules, Mapping) or not all([callable(rule) for rule in rules.values()]):
        raise InvalidType(f"rules is a dict of functions by name, such as {{'B_hidden': mine}}, not {rules!r}")
    for name in rules:
        chosen("rule", name, RULES)
    if road != "rules":
        raise InvalidValue(f"rules of your own belong to the road 'rules', not to {road!r}")

    def make(mlp: MLP, x: Rows, rho: Rows, cost: str, weights: Array | None = None) -> ByReaderRules:
        if weights is not None:
            raise InvalidValue("rules of your own do not know of weights; leave weights out")
        return ByReaderRules(mlp, x, rho, cost, dict(rules))

    return make
