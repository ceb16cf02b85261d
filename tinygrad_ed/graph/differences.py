"""Numeric derivatives: central differences whose step is found by itself. They know nothing of rules.

A slope is trusted when half the step gives the same slope, and half the gap between the slopes from both sides. Else a
shorter step is tried; where no step settles there is a kink, and no derivative.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.errors import Error
from tinygrad_ed.graph.values import Array

Line = Callable[[Any], Array]
"""A function along a line: the results at a distance t from the point. Of several lines, t is an array."""

ROUNDINGS = 32  # how many times eps a value of f may be off
SHRINK = 8  # how many times smaller the next step is
AT_ONCE = 2_000_000  # numbers in the points that a function gets at once


def numeric_derivative(f: Callable[[Array], Any], x: Any, step: float = 6e-6, retry: bool = True) -> Array:
    """Return the derivatives of a plain function with respect to each entry of `x`, by central differences.

    The step is h = step * max(1, |x_i|), rounded to a power of two so that x_i + h is exact. Half of it must give
    the same slope, and half the gap between the slopes from both sides; else h is made smaller, if `retry` says
    so. The result has shape `shape of f(x) + x.shape`. It is NaN where no step will do: at a kink, where there is
    no derivative, or at the edge of the domain.

    >>> import numpy as np
    >>> numeric_derivative(lambda x: x[0] * x[1], np.array([3.0, 2.0])).round(6)
    array([2., 3.])
    >>> numeric_derivative(lambda x: abs(x), np.array([0.0, 1.0])).diagonal().round(6)
    array([nan,  1.])
    """
    x = np.array(x, dtype=float)
    here = np.asarray(f(x), dtype=float)
    referee = Referee(float(np.finfo(float).eps), step, 1e-7)
    columns = []
    for entry in np.ndindex(x.shape):

        def line(t: float, entry: tuple[int, ...] = entry) -> Array:
            moved = x.copy()
            moved[entry] += t
            return np.asarray(f(moved), dtype=float)

        found = referee.limit(line, here, referee.starts(float(x[entry])), retry)
        columns.append(np.where(found.settled, found.slope, np.nan))
    return np.stack(columns, axis=-1).reshape(here.shape + x.shape) if columns else np.zeros(here.shape + x.shape)


def stacked_derivative(f: Callable[[Array], Array], x: Array, step: float, places: Array | None = None) -> Array:
    """Return the derivatives of a function that takes many points at once, `(K, *shape of x)`, and gives K numbers.

    Each entry gets the step of `numeric_derivative`, once: NaN stands where half of it does not confirm it, and outside
    of `places`, where only some of the entries are asked for.
    """
    here, step_of = np.asarray(f(x[None]))[0], power_of_two(step * np.maximum(1.0, np.abs(x.ravel())))
    referee = Referee(float(np.finfo(float).eps), step, 1e-7)
    found = np.full(x.size, np.nan)
    places, at_once = np.arange(x.size) if places is None else places, max(1, AT_ONCE // max(1, x.size))
    for part in np.split(places, range(at_once, len(places), at_once)):
        along = np.zeros((len(part), x.size))
        along[np.arange(len(part)), part] = step_of[part]
        moved = np.concatenate([share * along for share in (1.0, -1.0, 0.5, -0.5)])  # as `limit` asks for them
        values = iter(np.asarray(f(x + moved.reshape(-1, *x.shape))).reshape(4, -1))

        def line(_: Any, values: Iterator[Array] = values) -> Array:
            return next(values)

        slopes = referee.limit(line, np.full(len(part), here), [step_of[part]], retry=False)
        found[part] = np.where(slopes.settled, slopes.slope, np.nan)
    return found.reshape(x.shape)


class Slopes(NamedTuple):
    """What `limit` found: the slope, the slope from the right less that from the left, and whether they settled."""

    slope: Array
    gap: Array
    settled: Array
    kink: Array  # neither settled nor nearer to it at the smallest step than at the first


class Referee(NamedTuple):
    """Central differences in a precision `eps`; two of them agree if they differ by no more than `close` of them."""

    eps: float
    step: float
    close: float

    def starts(self, x: float) -> list[float]:
        """Return the first, longest steps: one that is good for most functions, and one that follows a small x."""
        tiny = self.step * abs(x)
        relative = [power_of_two(tiny)] if np.finfo(float).tiny < tiny < self.step else []
        return [power_of_two(max(self.step, tiny)), *relative]

    def limit(self, line: Line, here: Array, starts: list[Any], retry: bool = True) -> Slopes:
        """Return the slopes of `line` at 0, where it is `here`, from the longest step that half the step confirms.

        For a smooth line the slope does not change and the gap halves. Where no step does, the first slope stands.
        """
        floor = ROUNDINGS * self.eps / starts[0] * np.maximum(1.0, np.abs(here))
        slope, gap, first, last = [np.full(here.shape, np.nan) for _ in range(4)]
        settled = np.zeros(here.shape, dtype=bool)
        with np.errstate(all="ignore"):
            for start in starts:
                share = 1.0  # of the longest step
                while share * self.step > 8 * self.eps and not settled.all():  # x + h is more than x
                    h = share * start
                    (whole, whole_gap), (half, half_gap) = sides(line, here, h), sides(line, here, h / 2)
                    allowed = self.close * np.abs(whole) + floor
                    unrest = np.maximum(np.abs(whole - half), np.abs(half_gap - whole_gap / 2))
                    rounding = (unrest > 0) & (self.eps * np.abs(here) / h > allowed)
                    unrest = np.where(rounding, np.nan, unrest)
                    good = ~settled & (unrest <= allowed)
                    new = good | np.isnan(slope)
                    slope, gap = np.where(new, whole, slope), np.where(new, whole_gap, gap)
                    first = np.where(np.isnan(first), unrest, first)
                    last = np.where(np.isnan(unrest), last, unrest)
                    settled = settled | good
                    if not retry:
                        return Slopes(slope, gap, settled, ~settled)
                    share /= SHRINK
        return Slopes(slope, gap, settled, ~settled & (last >= first / 2))


def sides(line: Line, here: Array, h: Any) -> tuple[Array, Array]:
    """Return the central difference, and the slope from the right less that from the left; NaN outside the domain."""
    try:
        above, below = line(h), line(-h)
    except (ValueError, ArithmeticError) as error:  # as `math.log` says it
        if isinstance(error, Error):
            raise
        above = below = np.full(here.shape, np.nan)
    return (above - below) / (2 * h), ((above - here) - (here - below)) / h


def power_of_two(h: Any) -> Any:
    """Return the power of two next to `h`, or to each: a step that is added to most numbers without rounding."""
    found = np.exp2(np.round(np.log2(h)))
    return found if np.ndim(found) else float(found)
