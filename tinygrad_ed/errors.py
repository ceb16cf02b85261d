"""Every error of the package, and the checks of numbers and seeds that raise them. It imports nothing of the package.

Each derives from `Error` and from the builtin that fits, so that both `except tg.Error` and
`except ValueError` catch it. A message is a lesson: what happened, to which thing, what was
expected, and what to do.
"""

import math
import operator
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

LONG = 2000  # characters of a value in a message


class Error(Exception):
    """The base of every error that tinygrad_ed raises on purpose. Its message is one line, also with an array in it."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


class InvalidValue(Error, ValueError):
    """A value of the right type that cannot be used: a wrong number, name or label."""


class InvalidType(Error, TypeError):
    """A thing of a type that cannot be used: text in place of a number, for example."""


class ShapeError(Error, ValueError):
    """Shapes that do not fit together."""


class GraphDropped(Error, TypeError):
    """An operation that would turn a Node into a plain number and lose its derivative."""


class NoDerivativeRule(Error, TypeError):
    """A function, keyword or method for which no derivative rule exists."""


class StaleGraph(Error, RuntimeError):
    """A sweep through a graph that was built before one of its leaves was changed."""


class RuleError(Error, RuntimeError):
    """A derivative rule that failed or that returned a gradient of the wrong shape."""


class NotFinite(Error, ArithmeticError):
    """The first NaN or infinity, found by `tg.debug()`."""


class GradientMismatch(Error, AssertionError):
    """A gradient that disagrees with central differences."""


class Diverged(Error, ArithmeticError):
    """A training run whose cost or weights are no longer finite."""


class WorkerLost(Error, RuntimeError):
    """A worker that was lost, or that failed, before it gave its part of a gradient."""


class TrainingWarning(UserWarning):
    """What `fit` has to say of a run that goes on: a cost that explodes, parameters that never change."""


class MissingExtra(Error, ImportError):
    """An optional dependency that is not installed."""


class FileProblem(Error, OSError):
    """A file or folder that cannot be read or written."""


def printable(text: str) -> str:
    r"""Return text that a terminal may show: what is not printable is written as in `repr`, but for the ends of lines.

    >>> print(printable("a\x1b[31m"))
    a\x1b[31m
    """
    return "".join([c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text])


def shown(value: object) -> str:
    """Return the repr of a value for a message, cut where it is long; one that fails has its type named."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001  # lists nested without end, and whatever a reader's __repr__ raises
        return f"a {type(value).__name__} that cannot be shown ({type(error).__name__})"
    return text if len(text) <= LONG else f"{text[:LONG]}..."


def nearest(name: object, known: Iterable[str]) -> str:
    """Return a hint with the nearest known names, and all of them.

    >>> nearest("tahn", ["tanh", "relu"])
    "Did you mean 'tanh'? Known: relu, tanh."
    """
    import difflib  # only for a message: it would be a tenth of the time that the package takes to import

    names = sorted(known)
    close = difflib.get_close_matches(name if isinstance(name, str) else shown(name), names, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(names)}."


def whole_number(name: str, value: Any, at_least: int = 1, what: str = "a whole number") -> int:
    """Return `value` as an int; True is not a number here.

    Raises:
        InvalidType: for what is not an integer.
        InvalidValue: for one that is too small.

    >>> whole_number("epochs", np.int64(3))
    3
    >>> whole_number("epochs", 0)
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: epochs must be a whole number of at least 1, not 0
    """
    wanted = f"{name} must be {what} of at least {at_least}, not"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise InvalidType(f"{wanted} {shown(value)}") from None
    if number < at_least:
        raise InvalidValue(f"{wanted} {shown(value)}")
    return number


def real_number(name: str, value: Any, wanted: str) -> float:
    """Return `value` as a finite float, or say that `name` must be `wanted`; True is not a number here.

    Raises:
        InvalidType: for what is not a real number.
        InvalidValue: for NaN, an infinity, or an integer beyond all floats.

    >>> real_number("noise", math.inf, "a standard deviation")
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: noise must be a standard deviation, got inf, which is not finite
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidType(f"{name} must be {wanted}, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise InvalidValue(f"{name} must be {wanted}, got an integer beyond all floats") from None
    if not math.isfinite(number):
        raise InvalidValue(f"{name} must be {wanted}, got {shown(value)}, which is not finite")
    return number


def generator(rng: Any) -> np.random.Generator:
    """Return a random generator: `rng` itself, or a new one from the seed `rng`; None is another one each time.

    Raises:
        InvalidType: for anything but an integer, a generator or None.
        InvalidValue: for a negative seed.

    >>> int(generator(0).integers(10))
    8
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    return np.random.default_rng(whole_number("rng", rng, 0, "a numpy.random.Generator or a seed"))


def storable(what: str, *shape: int) -> None:
    """Refuse an array of floats that no machine can address (NumPy says so in several ways).

    Raises:
        InvalidValue: for more than 2^63 bytes.

    >>> storable("the batch", 10**20, 2)
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: the batch would hold more numbers than any memory can; choose a smaller one
    """
    if math.prod(shape) > sys.maxsize // np.dtype(float).itemsize:
        raise InvalidValue(f"{what} would hold more numbers than any memory can; choose a smaller one")
