"""Toy sets: two classes in the plane, generated from a seed, to see what a network learns.

The classes take turns (0, 1, 0, 1, ...), so they are balanced to within one sample. With `noise=0` the
points lie exactly on their curves; `noise` is the standard deviation of what is added to each coordinate.

All of them raise InvalidType or InvalidValue for a number of samples, a noise or a seed that cannot be used.
"""

import math

import numpy as np

from tinygrad_ed.data.dataset import Array, Dataset
from tinygrad_ed.errors import InvalidValue, generator, real_number, storable, whole_number

Rng = int | np.random.Generator


def moons(n: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return two half circles that interlock: `(cos t, sin t)` and `(1 - cos t, 1/2 - sin t)`, t in 0..π.

    >>> moons(n=4, noise=0, rng=1).x.round(2)
    array([[-0.04,  1.  ],
           [ 1.99,  0.35],
           [ 0.9 ,  0.44],
           [ 1.99,  0.34]])
    """
    n, noise, random = _checked(n, noise, rng)
    y = np.arange(n) % 2
    t = random.uniform(0, math.pi, n)
    x = np.where(y == 0, [np.cos(t), np.sin(t)], [1 - np.cos(t), 0.5 - np.sin(t)]).T
    return _toy("moons", x, y, ("upper", "lower"), noise, random)


def circles(n: int = 200, noise: float = 0.1, rng: Rng = 0, *, factor: float = 0.5) -> Dataset:
    """Return two circles around the origin: class 0 of radius 1, class 1 of radius `factor` (between 0 and 1).

    >>> data = circles(n=100, noise=0, factor=0.25)
    >>> np.unique(np.hypot(*data.x.T).round(12))
    array([0.25, 1.  ])
    """
    n, noise, random = _checked(n, noise, rng)
    wanted = "the radius of the inner circle, between 0 and 1"
    if not 0 < real_number("factor", factor, wanted) < 1:
        raise InvalidValue(f"factor must be {wanted}, got {factor!r}")
    y = np.arange(n) % 2
    t = random.uniform(0, 2 * math.pi, n)
    x = np.where(y == 0, 1.0, factor)[:, None] * np.stack([np.cos(t), np.sin(t)], axis=1)
    return _toy("circles", x, y, ("outer", "inner"), noise, random)


def spirals(n: int = 200, noise: float = 0.03, rng: Rng = 0, *, turns: float = 1.5) -> Dataset:
    """Return two spiral arms, half a turn apart: radius r in 0..1 at the angle `2π turns r`; more turns are harder.

    >>> data = spirals(n=100, noise=0, turns=2)
    >>> bool(np.hypot(*data.x.T).max() <= 1), np.bincount(data.y)
    (True, array([50, 50]))
    """
    n, noise, random = _checked(n, noise, rng)
    wanted = "how often an arm goes round, more than 0"
    if not real_number("turns", turns, wanted) > 0:
        raise InvalidValue(f"turns must be {wanted}, got {turns!r}")
    y = np.arange(n) % 2
    r = np.sqrt(random.uniform(0, 1, n))  # the root spreads the points evenly over the disc
    angle = 2 * math.pi * turns * r + math.pi * y
    x = r[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _toy("spirals", x, y, ("first", "second"), noise, random)


def xor(n: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return the exclusive or: the four corners (0, 0), (0, 1), (1, 1), (1, 0) in turn, class 1 where they differ.

    >>> data = xor(n=4, noise=0)
    >>> data.x, data.y
    (array([[0., 0.],
           [0., 1.],
           [1., 1.],
           [1., 0.]]), array([0, 1, 0, 1]))
    """
    n, noise, random = _checked(n, noise, rng, at_least=4)
    y = np.arange(n) % 2
    first = np.arange(n) // 2 % 2
    x = np.stack([first, first ^ y], axis=1).astype(float)
    return _toy("xor", x, y, ("same", "different"), noise, random)


def _toy(name: str, x: Array, y: Array, classes: tuple[str, str], noise: float, random: np.random.Generator) -> Dataset:
    return Dataset(name, x + noise * random.standard_normal(x.shape), y, classes, ("x1", "x2"), source="generated")


def _checked(n: int, noise: float, rng: Rng, at_least: int = 2) -> tuple[int, float, np.random.Generator]:
    n = whole_number("n", n, at_least)
    storable("a data set", n, 2)
    wanted = "a standard deviation, 0 or more"
    if not real_number("noise", noise, wanted) >= 0:
        raise InvalidValue(f"noise must be {wanted}, got {noise!r}")
    return n, float(noise), generator(rng)
