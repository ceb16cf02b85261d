"""A reader's own version of a rule, run so that it can harm nothing; `diagnosis.py` reads off its calls what is wrong.

Where it raises, or returns what has not the right shape, NaN stands in its place, so that the algorithms go on.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.checking.rounding import FLOOR, UNITS
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.errors import InvalidType, RuleError
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import plain_numbers, tame

EPSILON = float(np.finfo(float).eps)


class Call(NamedTuple):
    """One call of a reader's rule."""

    args: tuple[Any, ...]
    answer: Array | Exception  # the numbers that it returned, of whatever shape, or what went wrong
    right: Array
    slack: Array  # how far rounding may move each entry of that
    epsilon: float  # that of the floats that it returned
    problem: str | None  # what went wrong, other than a wrong number

    @property
    def off(self) -> Any:
        """Which entries are wrong: True or False for all, where the shape is wrong or nothing came back."""
        return True if self.problem else differ(self.answer, self.right, self.slack)

    @property
    def fair(self) -> bool:
        """True if it was given finite numbers only: else others have gone wrong before it."""
        return all(np.isfinite(arg).all() for arg in self.args if isinstance(arg, np.ndarray))


class Judged:
    """A reader's rule; `calls` holds every call, in order."""

    def __init__(self, name: str, rule: Callable[..., Any], seconds: float | None = None) -> None:
        self.name, self.rule, self.seconds = name, rule, seconds
        self.calls: list[Call] = []

    def __call__(self, *args: Any) -> Array:
        """Return what the rule returns, in float64, or NaN.

        What is right to the digits of float32 counts as right, and float64 goes on in its place: else the rounding
        would be found in all that follows.
        """
        right = RULES[self.name](*args)
        answer: Any = None
        try:
            answer = plain_numbers(f"your {self.name}", tame(self.name, self.rule, self.seconds)(*args))
            wrong = f"your {self.name} returned shape {answer.shape}; expected was {right.shape}"
            problem = wrong if answer.shape != right.shape else None
        except (RuleError, InvalidType) as error:
            answer, problem = error, str(error)
        floats: np.finfo[Any] = np.finfo(answer.dtype if isinstance(answer, np.ndarray) else float)
        answer = answer.astype(float) if isinstance(answer, np.ndarray) else answer
        call = Call(args, answer, right, rounding(self.name, args, right, floats), float(floats.eps), problem)
        self.calls.append(call)
        if problem:
            return np.full_like(right, np.nan)
        return right if call.epsilon > EPSILON and not np.any(call.off) else answer

    def layer(self, call: int, L: int) -> int:
        """Return the layer of a call in a network of L: B and P are called from the last layer down, the others up."""
        return {"B_last": L - call, "B_hidden": L - 1 - call, "P": L - call}.get(self.name, call + 1)

    def problem(self, j: int, L: int) -> str | None:
        """Return what went wrong in layer j of L, other than a wrong number."""
        return next((call.problem for i, call in enumerate(self.calls) if self.layer(i, L) == j), None)


def differ(a: Any, b: Any, slack: Any) -> Any:
    """Tell which entries of two arrays differ by more than the slack; equal infinities and NaN beside NaN do not."""
    with np.errstate(all="ignore"):
        return ~((a == b) | (np.abs(a - b) <= slack) | (np.isnan(a) & np.isnan(b)))


def rounding(name: str, args: tuple[Any, ...], right: Array, floats: np.finfo[Any]) -> Array:
    """Return how far rounding may move each entry of a rule's result, with such floats.

    That is 64 times their spacing at the sum of the sizes of its terms, and at least 1e-10 of the result. The rule
    itself gives that sum, on the sizes of what it multiplies and adds. At a kink, the slopes on both sides are right.
    """
    epsilon, smallest = float(floats.eps), float(floats.tiny) / float(floats.eps)
    named = list(zip(inspect.signature(RULES[name]).parameters, args, strict=True))
    with np.errstate(all="ignore"):
        allowed = np.abs(right) * max(1e-10, epsilon) + FLOOR
        allowed = allowed + UNITS * epsilon * RULES[name](*[_size(what, arg, smallest) for what, arg in named])
        for step in (epsilon, -epsilon):
            allowed = allowed + np.abs(RULES[name](*[_nudged(what, arg, step) for what, arg in named]) - right)
    return np.where(np.isnan(allowed), 0.0, allowed)


def _size(name: str, arg: Any, smallest: float) -> Any:
    """Return the size of an argument, at least where small numbers lose digits; of a function, that of what it sums."""
    if name == "phi":
        return lambda zeta: np.abs(arg(zeta)) + np.abs(zeta) + smallest
    if name == "dphi":
        return lambda zeta: np.abs(arg(zeta)) + 1
    if name == "grad_C":
        return lambda alpha, rho: (
            np.abs(arg(alpha, rho)) + np.abs(alpha).max(axis=1, keepdims=True) + np.abs(rho) + smallest
        )
    return arg if name in ("zeta", "alpha", "rho") else np.abs(arg) + smallest  # those only go into functions


def _nudged(name: str, arg: Any, step: float) -> Any:
    """Return what goes into a function, moved by a rounding: at a kink, to the other side."""
    return arg + step * np.abs(arg) + math.copysign(FLOOR, step) if name in ("zeta", "alpha") else arg


def judged(rules: Mapping[str, Callable[..., Any]] | None, seconds: float | None = None) -> dict[str, Judged]:
    """Return the reader's rules, each to be judged; refuse unknown names, and what is not a dict of functions."""
    rules = {} if rules is None else rules
    if not isinstance(rules, Mapping):
        raise InvalidType(f"rules is a dict of functions by name, such as {{'B_hidden': mine}}, not {rules!r}")
    for name, rule in rules.items():
        chosen("rule", name, RULES)
        if not callable(rule):
            raise InvalidType(
                f"the rule {name!r} must be a function with the signature of the one it replaces, not {rule!r}"
            )
    return {name: Judged(name, rule, seconds) for name, rule in rules.items()}
