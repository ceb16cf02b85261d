"""The rows of `op_table.py` for ops that stand in rules only."""

import numpy
from op_row import POSITIVE, REAL, UNIT, Rows

from tinygrad_ed.ops import elementwise
from tinygrad_ed.ops.numpy import decompose, polynomial, scan, spectral
from tinygrad_ed.ops.numpy import order as ordering

ROWS = Rows()
add = ROWS.add


def cofactors(np, x):
    """The matrix of cofactors of a regular matrix."""
    return np.reshape(np.linalg.det(x), (*x.shape[:-2], 1, 1)) * np.swapaxes(np.linalg.inv(x), -1, -2)


def moved(np, g, x):
    """How the cofactors of a regular matrix move along g."""
    back = np.swapaxes(np.linalg.inv(x), -1, -2)
    return np.linalg.det(x) * (np.sum(back * g) * back - back @ g.T @ back)


def spectrum(np, g, x):
    """The matrix with the eigenvectors of x and other eigenvalues."""
    v = np.linalg.eigh(x)[1]
    return (v * g) @ np.swapaxes(v, -1, -2)


def singular(np, g, x):
    """The matrix with the singular vectors of x and other singular values."""
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return (u * g) @ vh


add("over", lambda np, a, b: elementwise.over(a, b), [(3,), (2, 3)], [(), ()], domain=POSITIVE,
    twin=lambda np, a, b: a / b)  # fmt: skip
add(
    "cofactors",
    lambda np, x: decompose._cofactors(x, decompose.det(x)),
    (3, 3),
    (2, 2, 2),
    twin=cofactors,
    oracle=False,
)
add("inverse_of_lower", lambda np, x: decompose._inverse_of_lower(numpy.tri(3) * x + 3.0 * numpy.eye(3)), (3, 3),
    oracle=False, twin=lambda np, x: np.linalg.inv(numpy.tri(3) * x + 3.0 * numpy.eye(3)),
    note="(float64)")  # fmt: skip
add("long_division", lambda np, u, v: polynomial._divided(u, v), [(5,), (3,)], [(3,), (1,)], domain=[REAL, POSITIVE],
    twin=lambda np, u, v: np.concatenate(np.polydiv(u, v)), oracle=False)  # fmt: skip
add("cofactors_moved", lambda np, g, x: decompose._moved(g, x), [(3, 3), (3, 3)], twin=moved, oracle=False)
add(
    "divided",
    lambda np, n, d: spectral._divided(n, d + 3.0, 1e-9),
    [(2, 3), (1, 3)],
    twin=lambda np, n, d: n / (d + 3.0),
)
add("symmetric", lambda np, g, x: spectral._symmetric(g, x, spectral._eigh(x)), [(1, 3), (3, 3)], twin=spectrum,
    oracle=False)  # fmt: skip
TIED = numpy.array([[True, True, False], [True, True, False], [False, False, True]])
add("alike", lambda np, g: spectral._alike(g, TIED, numpy.zeros((1, 3), bool)), (1, 3), oracle=False,
    twin=lambda np, g: (g @ (TIED / [2.0, 2.0, 1.0])).astype(g.dtype))  # fmt: skip
add("rectangular", lambda np, g, x: spectral._rectangular(g, x, spectral._svd(x)), [(1, 2), (3, 2)], [(1, 2), (2, 3)],
    twin=singular, oracle=False)  # fmt: skip


def slopes_matrix(n):
    """Row k of the transpose has the part of entry k in each slope."""
    return numpy.gradient(numpy.eye(n), 0.5, axis=0).T


def recurrence(np, a, c):
    """y_k = a_k y_(k-1) + c_k, one after the other."""
    y = [c[0]]
    for k in range(1, len(c)):
        y.append(a[k] * y[-1] + c[k])
    return np.stack(y)


ORDER = numpy.array([2, 0, 1])
add("of_neighbors", lambda np, x: scan._of_neighbors(x), (3,), (2, 3), oracle=False, note="(float64)",
    twin=lambda np, x: -numpy.diff(x, prepend=0.0, append=0.0))  # fmt: skip
add(
    "of_slope",
    lambda np, x: scan._of_slope(x, spacing=0.5),
    (4,),
    twin=lambda np, x: slopes_matrix(4) @ x,
    note="(float64)",
    oracle=False,
)
add("recurrence", lambda np, a, c: scan._recurrence(a, c), [(5,), (5,)], [(3, 2), (3, 2)], [(9, 2), (9, 2)],
    [(150,), (150,)], domain=[UNIT, REAL], twin=recurrence, oracle=False)  # fmt: skip
add("moments", lambda np, g, x: polynomial._moments(g, x, count=3), [(4,), (4,)], [(2, 3), (2, 3)], oracle=False,
    twin=lambda np, g, x: np.stack([np.sum(g * x**k) for k in (2, 1, 0)]))  # fmt: skip
add("placed", lambda np, x: ordering._placed(x, order=ORDER), (3,), oracle=False,
    twin=lambda np, x: x[numpy.argsort(ORDER)])  # fmt: skip
