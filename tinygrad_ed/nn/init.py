"""Initial weights by name: a function of the generator and the layer's widths gives the `(n_in, n_out)` matrix.

The spread keeps the signals of a deep network alive: glorot (Glorot & Bengio 2010) balances the forward and
the backward pass, he (He et al. 2015) is for relu, lecun (LeCun et al. 1998) for inputs of variance one.

>>> find("glorot")(np.random.default_rng(0), 4, 2).shape
(4, 2)
"""

import math
from collections.abc import Callable

import numpy as np

from tinygrad_ed.errors import InvalidType, shown
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import chosen

Initializer = Callable[[np.random.Generator, int, int], Array]


def zeros(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Return zeros (a hidden layer of equal neurons stays equal: see for yourself)."""
    return np.zeros((n_in, n_out))


def uniform(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw uniformly from [-1, 1]."""
    return rng.uniform(-1.0, 1.0, (n_in, n_out))


def normal(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw from the normal distribution with deviation 1."""
    return rng.standard_normal((n_in, n_out))


def glorot(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw uniformly from [-a, a], a = sqrt(6 / (n_in + n_out))."""
    bound = math.sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-bound, bound, (n_in, n_out))


def he(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw from the normal distribution with deviation sqrt(2 / n_in)."""
    return rng.standard_normal((n_in, n_out)) * math.sqrt(2.0 / n_in)


def lecun(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw from the normal distribution with deviation sqrt(1 / n_in)."""
    return rng.standard_normal((n_in, n_out)) * math.sqrt(1.0 / n_in)


NAMES: dict[str, Initializer] = {f.__name__: f for f in (zeros, uniform, normal, glorot, he, lecun)}


def find(init: "str | Initializer") -> Initializer:
    """Return the initializer of that name; a function of the reader's own is taken as it is."""
    if callable(init):
        return init
    if not isinstance(init, str):
        raise InvalidType(f"init takes a name or a function (rng, n_in, n_out) -> weights, but got {shown(init)}")
    return chosen("init", init, NAMES)
