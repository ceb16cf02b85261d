"""Arrays, a layer and a cost for the tests of compiled functions, and what of the table is refused there."""

import numpy as np
from op_row import Row

from tinygrad_ed.graph.nested import leaves

NOT_IN_A_PROGRAM = {
    "interp": "positions from plain numbers",
    "nanmedian": "counts decide how far it sorts",
    "nanquantile": "counts decide how far it sorts",
    "nanpercentile": "counts decide how far it sorts",
    "piecewise": "shapes depend on numbers",
    "polydiv": "leading zeros are cut off",
    "polymul": "leading zeros are cut off",
}
"""Functions of the table that turn numbers into Python integers: they are refused, and little else is."""

X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
W = np.array([[0.2, -0.4, 0.1], [0.3, 0.7, -0.6]])
B = np.array([0.1, -0.2, 0.3])
Y = np.array([[0.5, 0.1, -0.2], [0.0, 1.0, 0.3], [0.2, 0.2, 0.9]])


def equal(found, expected, rtol=1e-12):
    """The same nesting, shapes and numbers; to the last bits where no sum is taken in another order."""
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * 10)


def layer(p, x):
    return np.tanh(x @ p["W"] + p["b"])


def cost(p, x, y):
    return (0.5 * np.square(layer(p, x) - y)).sum() / len(x)


def refused(row: Row) -> bool:
    return row.op in NOT_IN_A_PROGRAM or row.note == "(A)"  # the order in memory
