"""The checks of numbers and seeds that every entrance makes: one mistake, one lesson, whoever is asked.

The lowest floor after the errors. (What needs Nodes or names of functions is checked in `nn/checks.py`.)
"""

import math
import operator
import sys
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue


def whole_number(name: str, value: Any, at_least: int = 1, what: str = "a whole number") -> int:
    """Return `value` as an int; True is not a number here.

    Raises:
        InvalidType: for what is not an integer.
        InvalidValue: for one that is too small.

    >>> whole_number("epochs", np.int64(3))
    3
    >>> whole_number("epochs", 0)
    Traceback (most recent call last):
    tinygrad_ed.errors.InvalidValue: epochs must be a whole number of at least 1, not 0
    """
    wanted = f"{name} must be {what} of at least {at_least}, not"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise InvalidType(f"{wanted} {value!r}") from None
    if number < at_least:
        raise InvalidValue(f"{wanted} {value!r}")
    return number


def real_number(name: str, value: Any, wanted: str) -> float:
    """Return `value` as a finite float, or say that `name` must be `wanted`; True is not a number here.

    Raises:
        InvalidType: for what is not a real number.
        InvalidValue: for NaN, an infinity, or an integer beyond all floats.

    >>> real_number("noise", math.inf, "a standard deviation")
    Traceback (most recent call last):
    tinygrad_ed.errors.InvalidValue: noise must be a standard deviation, got inf, which is not finite
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidType(f"{name} must be {wanted}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise InvalidValue(f"{name} must be {wanted}, got an integer beyond all floats") from None
    if not math.isfinite(number):
        raise InvalidValue(f"{name} must be {wanted}, got {value!r}, which is not finite")
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
    tinygrad_ed.errors.InvalidValue: the batch would hold more numbers than any memory can; choose a smaller one
    """
    if math.prod(shape) > sys.maxsize // np.dtype(float).itemsize:
        raise InvalidValue(f"{what} would hold more numbers than any memory can; choose a smaller one")
