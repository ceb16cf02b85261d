"""The checks between the steps of a derivation: two ways to one array, and a derivative between two slopes.

Two ways may differ by rounding only. What rounding can do to a sum of products is known: at most a small multiple of
the sum of their absolute values, whatever cancels. That sum is the `size` of a comparison.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.closed_form.derivatives import Array
from tinygrad_ed.notation.letters import number

TOLERANCE = 1e-10  # of the size
STEP = 1e-6  # of central differences, in units of what is computed next
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Check:
    """What was compared, and how it came out.

    Attributes:
        compared: what with what, in words.
        difference: the largest difference; infinite for shapes that differ, or a number that is none.
        allowed: how much was allowed at the entry that came nearest to its limit, or went farthest beyond it; where
            nothing differs, the most that was allowed anywhere.
        holds: whether every entry stayed within its limit.
    """

    compared: str
    difference: float
    allowed: float
    holds: bool

    def __str__(self) -> str:
        difference = f"largest difference {number(self.difference)}, allowed {number(self.allowed)}"
        return f"{'✓' if self.holds else '✗'} Compared: {self.compared}; {difference}."


def same(compared: str, pairs: Iterable[tuple[Any, Any, Any]]) -> Check:
    """Compare two ways to the same arrays: each entry may differ by 1e-10 of its size.

    Args:
        compared: what with what, in words.
        pairs: what was found, what it should be, and the size of every entry, each with the shape of the second.

    >>> one = np.array([1.0, 2.0])
    >>> same("one way with another", [(one, one, one)]).holds, same("row with column", [(one[None], one, one)]).holds
    (True, False)
    """
    return _worst(compared, [(found, right, TOLERANCE * np.abs(size)) for found, right, size in pairs])


def between_slopes(compared: str, found: Any, slopes: "Slopes") -> Check:
    """Check that derivatives lie between the slopes from the left and from the right.

    That is true where a function is smooth, up to the rounding of its values; and at a kink for any convention
    that takes a slope from one side, or one in between.

    >>> relu = entry_slopes(lambda z: np.maximum(z, 0), np.zeros(1))
    >>> between_slopes("Φ' at the kink", [0.0], relu).holds, between_slopes("a wrong one", [-1.0], relu).holds
    (True, False)
    """
    return _worst(compared, [(found, slopes.middle, slopes.allowed)])


def _worst(compared: str, triples: list[tuple[Any, Any, Any]]) -> Check:
    """Return the largest difference of all, and the entry that is worst by its own limit."""
    largest, ratio, limit = 0.0, 0.0, 0.0
    for found, right, allowed in triples:
        found, right = np.asarray(found, float), np.asarray(right, float)
        if found.shape != right.shape:
            return Check(f"{compared} (shapes {found.shape} and {right.shape})", np.inf, 0.0, False)
        allowed = np.broadcast_to(allowed, right.shape) + TINY
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.where(found == right, 0.0, np.abs(found - right)).ravel()
        difference = np.where(np.isnan(difference), np.inf, difference)
        ratios = difference / allowed.ravel()
        if ratios.max() > ratio:
            ratio, limit = float(ratios.max()), float(allowed.ravel()[ratios.argmax()])
        elif ratio == 0:
            limit = max(limit, float(allowed.max()))
        largest = max(largest, float(difference.max(initial=0.0)))
    return Check(compared, largest, limit, ratio <= 1)


class Slopes(NamedTuple):
    """Central differences, and how far from them a derivative may lie: half the gap of both sides, and rounding."""

    middle: Array
    allowed: Array


def slopes_of(f: Callable[[Array], Any], x: Array, reach: Array, size: float) -> Slopes:
    """Return the slopes of a function of several numbers along each of them.

    Args:
        f: the function of `x`; its value is one number.
        x: the point `(n,)`.
        reach: how far the argument of the next function moves when an entry of x moves by one `(n,)`.
        size: how large the numbers are that f adds up: they are rounded.

    >>> slopes_of(lambda x: x[0] * x[1], np.array([2.0, 3.0]), np.ones(2), 6.0).middle.round(6)
    array([3., 2.])
    """
    step, entries = _steps(x, reach), np.eye(len(x), dtype=bool)
    up, down = [np.array([float(f(np.where(one, x + s, x))) for one in entries]) for s in (step, -step)]
    return _slopes(float(f(x)), up, down, x, step, size)


def entry_slopes(f: Callable[[Array], Array], x: Array) -> Slopes:
    """Return the slopes of a function that works entry by entry, such as Φ.

    >>> entry_slopes(np.tanh, np.array([0.0, 100.0])).middle.round(6)
    array([1., 0.])
    """
    step = _steps(x, np.ones_like(x))
    here = f(x)
    return _slopes(here, f(x + step), f(x - step), x, step, np.abs(here) + np.abs(x))


def _steps(x: Array, reach: Array) -> Array:
    steps: Array = np.maximum(STEP / np.maximum(1.0, np.abs(reach)), 16 * np.spacing(np.abs(x)))
    return steps


def _slopes(here: Any, up: Array, down: Array, x: Array, step: Array, size: Any) -> Slopes:
    """Return the slopes from the values on both sides; a step is what is left of it after rounding."""
    right, left = x + step - x, x - (x - step)
    middle = (up - down) / (right + left)
    gap = np.abs((up - here) / right - (here - down) / left)
    return Slopes(middle, gap / 2 + 16 * np.finfo(float).eps * size / step + 1e-7 * np.abs(middle))
