"""A reader's own version of a rule, run so that it can harm nothing and that every failure becomes a finding.

It gets read-only copies, and a copy is taken of what it returns. Where it raises, or returns what has not the
right shape, NaN stands in its place, so that the algorithms go on and the cross-check can say what happened.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.errors import InvalidType
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.values import Array


class Judged:
    """A reader's rule; `problems` says of every call what went wrong, other than a wrong number."""

    def __init__(self, name: str, rule: Callable[..., Any]) -> None:
        self.name, self.rule = name, rule
        self.problems: list[str | None] = []

    def __call__(self, *args: Any) -> Array:
        """Return what the rule returns, or NaN.

        >>> mine = Judged("grad_beta", lambda B: B.sum())
        >>> mine(np.ones((3, 2))), mine.problems
        (array([nan, nan]), ['your grad_beta returned shape (); expected was (2,)'])
        """
        expected = RULES[self.name](*args)
        try:
            answer = self.rule(*[_protected(arg) for arg in args])
            result = np.array(answer)
        except Exception as error:  # noqa: BLE001  # whatever a reader's rule raises is a finding
            return self._failed(f"raised {type(error).__name__}: {error}", expected)
        if answer is None:
            return self._failed("returned None; is a `return` missing?", expected)
        if result.dtype.kind not in "fiub":
            return self._failed(f"returned no array of real numbers (dtype {result.dtype})", expected)
        if result.shape != expected.shape:
            return self._failed(f"returned shape {result.shape}; expected was {expected.shape}", expected)
        self.problems.append(None)
        return result if result.dtype.kind == "f" else result.astype(float)

    def _failed(self, problem: str, expected: Array) -> Array:
        self.problems.append(f"your {self.name} {problem}")
        return np.full_like(expected, np.nan)

    def problem(self, j: int, L: int) -> str | None:
        """What went wrong in layer j of L: B and P are called from the last layer down, the others upward."""
        call = {"B_last": L - j, "B_hidden": L - 1 - j, "P": L - j}.get(self.name, j - 1)
        return self.problems[call] if self.problems else None


def judged(rules: Mapping[str, Callable[..., Any]] | None) -> dict[str, Judged]:
    """Return the reader's rules, each to be judged.

    Raises:
        InvalidValue: for an unknown name; it suggests the nearest.
        InvalidType: for what is not a dict of functions.
    """
    rules = {} if rules is None else rules
    if not isinstance(rules, Mapping):
        raise InvalidType(f"rules is a dict of functions by name, such as {{'B_hidden': mine}}, not {rules!r}")
    for name, rule in rules.items():
        chosen("rule", name, RULES)
        if not callable(rule):
            raise InvalidType(
                f"the rule {name!r} must be a function with the signature of the one it replaces, not {rule!r}"
            )
    return {name: Judged(name, rule) for name, rule in rules.items()}


def _protected(arg: Any) -> Any:
    if not isinstance(arg, np.ndarray):
        return arg
    copy = arg.copy()
    copy.flags.writeable = False
    return copy
