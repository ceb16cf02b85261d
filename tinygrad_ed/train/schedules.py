"""How the learning rate changes: a schedule gives the factor on the optimizer's own rate at time t.

Time is counted in epochs from 0. `fit` asks before each epoch, and the rate keeps through it; or, where the schedule
says `per_update=True`, before each update: at the k-th of K updates of epoch e the time is e + k/K. Any function of
t may be a schedule; these are the usual ones, in PyTorch's form. A schedule remembers nothing. All of them raise
InvalidValue or InvalidType for numbers outside of their ranges.

>>> halves = Step(every=10, gamma=0.5)
>>> [halves(t) for t in (0, 9, 10, 25)]
[1.0, 1.0, 0.5, 0.25]
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tinygrad_ed.errors import InvalidType, shown
from tinygrad_ed.train.checks import number_between

Schedule = Callable[[float], float]


@dataclass(frozen=True)
class Constant:
    """The rate stays: a factor of 1. With `per_update` it is asked for before each update, not just each epoch."""

    per_update: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if name in ("final", "start"):
                number_between(name, number, high=1.0, closed="[]")
            elif name in ("every", "gamma", "epochs"):
                number_between(name, number)

    def __call__(self, t: float) -> float:
        """Return the factor at time t."""
        return self._factor(t)

    def _factor(self, t: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Step(Constant):
    """The rate falls by the factor `gamma` (above 0) every so many epochs: gamma^⌊t / every⌋."""

    every: float
    gamma: float = 0.1

    def _factor(self, t: float) -> float:
        return float(self.gamma ** math.floor(t / self.every))


@dataclass(frozen=True)
class Exponential(Constant):
    """The rate falls by the same factor (above 0) each epoch: gamma^t.

    >>> Exponential(0.9)(2)
    0.81
    """

    gamma: float

    def _factor(self, t: float) -> float:
        return float(self.gamma**t)


@dataclass(frozen=True)
class Cosine(Constant):
    """The rate falls along half a cosine, to `final` after that many epochs, where it stays (Loshchilov & Hutter 2017).

        final + (1 - final) (1 + cos(π t / epochs)) / 2       with `epochs` above 0, and `final` from 0 to 1

    >>> [Cosine(10)(t) for t in (0, 5, 10, 99)]
    [1.0, 0.5, 0.0, 0.0]
    """

    epochs: float
    final: float = 0.0

    def _factor(self, t: float) -> float:
        return self.final + (1.0 - self.final) * (1.0 + math.cos(math.pi * min(t / self.epochs, 1.0))) / 2.0


@dataclass(frozen=True)
class WarmUp(Constant):
    """The rate grows evenly from a factor of `start` (0 to 1) to 1, and then follows a schedule that begins there.

    The growth takes `epochs`, above 0. The rate is asked for before each update, unless you say otherwise.

    >>> [WarmUp(4, Cosine(10), start=0.2)(t) for t in (0, 4, 9)]
    [0.2, 1.0, 0.5]
    """

    epochs: float
    then: Schedule = Constant()
    start: float = 0.1
    per_update: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        checked(self.then)

    def _factor(self, t: float) -> float:
        return self.start + (1.0 - self.start) * t / self.epochs if t < self.epochs else self.then(t - self.epochs)


def checked(schedule: Any) -> Schedule:
    """Return a schedule, if it is one: a function of the time."""
    if isinstance(schedule, type) or not callable(schedule):
        raise InvalidType(
            "a schedule is a function of the time in epochs, such as tg.train.schedules.Cosine(100), not "
            f"{shown(schedule)}"
        )
    return schedule  # type: ignore[no-any-return]  # that is what was checked
