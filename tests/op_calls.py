"""The rows of the table called: in NumPy's words or ours, and made one number by fixed weights."""

import autograd
import autograd.numpy
import numpy as np
from op_row import Row

import tinygrad_ed as tg


def space_of(row: Row):
    """NumPy itself where it has the function, else tinygrad_ed."""
    return tg if row.twin else np


def weighted(row: Row, space=None):
    """The row's function, made scalar by fixed random weights; it remembers none of its calls."""
    space = space or space_of(row)
    rng = np.random.default_rng(1)
    plain_result = reference(row, *row.arguments())
    weights = rng.uniform(0.5, 1.5, np.shape(plain_result))
    if space is autograd.numpy and row.twin:
        return lambda *xs: space.sum(weights * row.twin(space, *xs))
    return lambda *xs: space.sum(weights * row.call(space, *xs))


def reference(row: Row, *xs):
    return (row.twin or row.call)(np, *xs)


def direction(row: Row, seed: int = 2):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(np.shape(x)) if np.shape(x) else float(rng.standard_normal()) for x in row.arguments()]


def plain(y):
    return y.value if isinstance(y, tg.Node) else y
