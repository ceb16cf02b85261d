"""Lists and arrays that their owner changes between the forward pass and the sweep: what was read stands.

A row is a call with one parameter that can be changed: an index, axes, a shape, sections, counts, weights, a partner.
The parameter is changed after the forward pass; the gradients are those of what was read, to second order.
"""

import copy

import numpy as np
import pytest

import tinygrad_ed as tg

RNG = np.random.default_rng(0)
V, X, CUBE = np.array([0.7, -0.4, 1.3, 0.2, -1.1, 0.5]), RNG.standard_normal((3, 3)), RNG.standard_normal((2, 3, 4))
TABLE = RNG.standard_normal((2, 3))
SIX, INTS = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 2, 3, 1, 2, 3]
scale_by = tg.op("scale by", lambda x, w=(): x * np.asarray(w[0]), lambda g, y, x, w=(): g * np.asarray(w[0]))

# Each call as a list, and again as an array where NumPy takes one.
LISTS = {
    "x[p]": (lambda x, p: x[p], X, [0, 1]),
    "x[:, p]": (lambda x, p: x[:, p], X, [0, 1]),
    "x[p, :]": (lambda x, p: x[p, :], X, [[0, 1], [2, 2]]),
    "x[mask]": (lambda x, p: x[p], X, [True, False, True]),
    "take": (lambda x, p: np.take(x, p, axis=1), X, [0, 1]),
    "method take": (lambda x, p: x.take(p), X, [0, 1]),
    "scatter_add": (lambda x, p: tg.scatter_add(x, index=p, shape=(4,)), V[:2], [0, 1]),
    "roll by": (lambda x, p: np.roll(x, p, axis=(0, 1)), X, [1, 2]),
    "roll along": (lambda x, p: np.roll(x, (1, 2), axis=p), X, [0, 1]),
    "transpose": (lambda x, p: np.transpose(x, p), CUBE, [1, 2, 0]),
    "method transpose": (lambda x, p: x.transpose(p), CUBE, [1, 2, 0]),
    "reshape": (lambda x, p: np.reshape(x, p), CUBE, [4, 6]),
    "broadcast_to": (lambda x, p: np.broadcast_to(x, p), X, [2, 3, 3]),
    "flip": (lambda x, p: tg.flip(x, p), X, [0]),
    "expand_dims": (lambda x, p: np.expand_dims(x, p), X, [1]),
    "moveaxis": (lambda x, p: np.moveaxis(x, p, [2, 1]), CUBE, [0, 1]),
    "repeat": (lambda x, p: np.repeat(x, p, axis=0), X, [1, 2, 0]),
    "tile": (lambda x, p: np.tile(x, p), X, [1, 2]),
    "split": (lambda x, p: np.split(x, p)[1], V, [1, 2]),
    "delete": (lambda x, p: np.delete(x, p), V, [1]),
    "insert at": (lambda x, p: np.insert(x, p, 1.5), V, [2]),
    "insert": (lambda x, p: np.insert(x, [0, 2], p), V, [0.5, 1.5]),
    "pad": (lambda x, p: np.pad(x, p), X, [[1, 2], [0, 1]]),
    "choose": (lambda x, p: np.choose(p, [x, 2 * x]), V, [0, 1, 0, 1, 1, 0]),
    "select": (lambda x, p: np.select([np.asarray(p)], [x], 0.5 * x), V, [True, False] * 3),
    "compress": (lambda x, p: np.compress(p, x), V, [True, False, True]),
    "where": (lambda x, p: np.where(p, x, 2 * x), V, [True, False] * 3),
    "take_along_axis": (lambda x, p: np.take_along_axis(x, np.asarray(p), 0), X, [[0, 1, 0]]),
    "clip": (lambda x, p: np.clip(x, p, None), V, [-9.0, 0.9, -9.0, -9.0, -9.0, 0.9]),
    "bincount": (lambda x, p: np.bincount(p, x), V, [0, 1, 2, 2, 1, 3]),
    "average": (lambda x, p: np.average(x, weights=p), V, SIX),
    "cov": (lambda x, p: np.cov(x, fweights=p), TABLE, [1, 2, 3]),
    "interp at": (lambda x, p: np.interp(p, SIX, x), V, [1.5, 3.2]),
    "interp of": (lambda x, p: np.interp(x, [-9.0, 0.0, 9.0], p), V, [0.0, 1.0, 5.0]),
    "gradient": (lambda x, p: np.gradient(x, p), V, [0.0, 1.0, 3.0, 4.0, 5.0, 7.0]),
    "trapezoid": (lambda x, p: np.trapezoid(x, p), V, [0.0, 1.0, 3.0, 4.0, 5.0, 7.0]),
    "quantile": (lambda x, p: np.quantile(x, p), V, [0.1, 0.5]),
    "ldexp": (np.ldexp, V, INTS),
    "power": (lambda x, p: x**p, V, INTS),
    "multiply": (lambda x, p: x * p, V, SIX),
    "multiply integers": (lambda x, p: p * x, V, INTS),
    "matmul": (lambda x, p: x @ p, X, [1.0, 2.0, 3.0]),
    "matmul integers": (lambda x, p: x @ p, X, [1, 2, 3]),
    "maximum": (np.maximum, V, [-1.0, 1.0] * 3),
    "arctan2": (np.arctan2, V, SIX),
    "copysign": (np.copysign, V, [1.0, -1.0] * 3),
    "fmod": (np.fmod, 7 * V, SIX),
    "convolve": (lambda x, p: np.convolve(x, p), V, [1.0, 2.0]),
    "polyval": (lambda x, p: np.polyval(x, p), V, [1.0, 2.0]),
    "polyfit": (lambda x, p: np.polyfit(p, x, 2), V, [0.0, 1.0, 2.0, 3.0, 4.0, 5.5]),
    "polyint": (lambda x, p: np.polyint(x, 2, p), V, [1.0, 2.0]),
    "solve": (lambda x, p: np.linalg.solve(x, p), X, [1.0, 2.0, 3.0]),
    "cross": (lambda x, p: np.cross(x, p), X, [1.0, 2.0, 3.0]),
    "dot": (np.dot, X, [1.0, 2.0, 3.0]),
    "outer": (np.outer, V, [1.0, 2.0]),
    "einsum": (lambda x, p: np.einsum("ij,j->i", x, p), X, [1.0, 2.0, 3.0]),
    "einsum of lists": (lambda x, p: np.einsum(x, p, [0, 1]), X, [1, 0]),
    "tensordot over": (lambda x, p: np.tensordot(x, X, axes=(p, [1])), X, [0]),
    "append": (np.append, V, [1.0, 2.0]),
    "diff": (lambda x, p: np.diff(x, prepend=p), V, [1.0, 2.0]),
    "stack": (lambda x, p: np.stack([x, p]), V, SIX),
    "full": (lambda x, p: tg.full(p, x), V[:3], [2, 3]),
    "rot90": (lambda x, p: np.rot90(x, 1, p), X, [0, 1]),
    "fftshift": (lambda x, p: np.fft.fftshift(x, p), X, [0]),
    "sliding_window_view": (lambda x, p: np.lib.stride_tricks.sliding_window_view(x, p), V, [2]),
    "a reader's own op": (lambda x, p: scale_by(x, w=p), V, [SIX]),
    "one within a tuple": (lambda x, p: scale_by(x, w=(p,)), V, SIX),
}
NO_ARRAYS = (
    "full",
    "flip",
    "roll along",
    "moveaxis",
    "split",
    "einsum of lists",
    "expand_dims",
    "tensordot over",
)
ROWS = [(name, *row) for name, row in LISTS.items()]
ROWS += [(f"{name} (array)", f, x, np.array(p)) for name, f, x, p in ROWS if name not in (*NO_ARRAYS, "fftshift")]


def change(parameter):
    """What the owner does: other entries of the same kind."""
    flat = parameter.reshape(-1) if isinstance(parameter, np.ndarray) else parameter
    if isinstance(flat[0], list | np.ndarray):
        for part in flat:
            change(part)
    elif isinstance(flat[0], bool | np.bool_):
        flat[:] = [not entry for entry in flat]
    else:
        flat[:] = [*flat[::-1]] if len(set(flat)) > 1 and [*flat] != [*flat[::-1]] else [entry + 1 for entry in flat]


def tried(f, x, parameter):
    """What becomes of the call, in its value and its gradient."""
    node = tg.Node(x)
    try:
        y = f(node, parameter)
    except Exception as error:  # noqa: BLE001 # a changed parameter need not mean anything
        return repr(error)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
    return repr((y.value, tg.gradients((y * weights).sum(), node)))


@pytest.mark.parametrize(("name", "f", "x", "parameter"), ROWS, ids=[row[0] for row in ROWS])
def test_what_was_read_stands(name, f, x, parameter):
    def swept(changed, sweep):
        mine = copy.deepcopy(parameter)
        node = tg.Node(x)
        y = f(node, mine)
        weights = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
        if changed:
            change(mine)
        return sweep((y**2 * weights).sum(), node)

    def by_backward(y, node):
        y.backward()
        return node.grad

    def twice(y, node):
        return tg.gradients((tg.gradients(y, node, create_graph=True) ** 2).sum(), node)

    for sweep in (by_backward, tg.gradients, twice):
        np.testing.assert_array_equal(swept(True, sweep), swept(False, sweep))

    other = copy.deepcopy(parameter)
    change(other)
    assert tried(f, x, parameter) != tried(f, x, other), "a change that changes nothing"
