"""The checks between the steps of a derivation: two ways to one array, and a derivative between two slopes.

Two ways may differ by rounding only. What rounding can do to a sum of products is known: at most a small multiple of
the sum of their absolute values, whatever cancels. That sum is the `size` of a comparison.
"""

from collections.abc import Callable, Iterable, Mapping
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
    """What was compared, in words, and how it came out.

    `allowed` is the limit of the entry that came nearest to its own, or went farthest beyond it; where nothing
    differs, the most that was allowed anywhere.
    """

    compared: str
    difference: float  # the largest; infinite for shapes that differ, or a number that is none
    allowed: float
    holds: bool  # every entry stayed within its limit

    def __str__(self) -> str:
        difference = f"largest difference {number(self.difference)}, allowed {number(self.allowed)}"
        return f"{'✓' if self.holds else '✗'} Compared: {self.compared}; {difference}."


def same(compared: str, pairs: Iterable[tuple[Any, Any, Any]]) -> Check:
    """Compare what was found with what it should be: each entry may differ by 1e-10 of its size, which stands third."""
    return _worst(compared, [(found, right, TOLERANCE * np.abs(size)) for found, right, size in pairs])


def by_layer(
    found: Mapping[int, Array], right: Mapping[int, Array], size: Mapping[int, Array]
) -> list[tuple[Array, Array, Array]]:
    """Return what `same` compares, for all layers that were found."""
    return [(found[i], right[i], size[i]) for i in found]


def between_slopes(compared: str, found: Any, slopes: "Slopes") -> Check:
    """Check that derivatives lie between the slopes from the left and from the right.

    That is true where a function is smooth, up to the rounding of its values; and at a kink for any convention
    that takes a slope from one side, or one in between.
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

    When an entry of x moves by one, the argument of the next function moves by `reach`. The numbers that f adds up
    have this `size`, by which they are rounded.
    """
    step, entries = _steps(x, reach), np.eye(len(x), dtype=bool)
    up, down = [np.array([float(f(np.where(one, x + s, x))) for one in entries]) for s in (step, -step)]
    return _slopes(float(f(x)), up, down, x, step, size)


def entry_slopes(f: Callable[[Array], Array], x: Array) -> Slopes:
    """Return the slopes of a function that works entry by entry, such as Φ."""
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
