"""Every form of an index under every transform, against a selection matrix: an array of positions, indexed by NumPy.

The Jacobian of `x[index]` is that matrix, and all other derivatives here follow from it.
"""

import numpy as np
import pytest

import tinygrad_ed as tg

X = np.random.default_rng(0).standard_normal((2, 3, 4))
V = np.random.default_rng(1).standard_normal(X.shape)
POSITIONS = np.arange(X.size).reshape(X.shape)
ALL, EVERY_OTHER, NOTHING = slice(None), slice(None, None, 2), slice(5, None)

FORMS = {
    "an integer": 1,
    "a negative one": -1,
    "int8": np.int8(1),
    "uint64": np.uint64(1),
    "an array without axes": np.array(1),
    "one of uint8": np.array(1, np.uint8),
    "integers": (1, np.int32(2), np.uint8(3)),
    "an integer and an array without axes": (ALL, np.array(-1)),
    "a slice": slice(1, None),
    "a backward one": (ALL, slice(None, None, -1)),
    "one of NumPy's integers": (ALL, slice(np.int64(0), np.uint8(2))),
    "a slice of nothing": (ALL, NOTHING),
    "nothing at all": (),
    "...": ...,
    "..., 1": (..., 1),
    "1, ...": (1, ...),
    "0, ..., 1, 2": (0, ..., 1, 2),
    "0, 1, 2, ...": (0, 1, 2, ...),
    "None": None,
    ":, None, 1": (ALL, None, 1),
    "None, 1, None": (None, 1, None, ALL),
    "..., None": (..., None),
    "a list": [0, 1],
    "a list, repeated": [0, 0, 1],
    "a negative list": [-1, 0],
    "nested lists": [[0, 1], [1, 0]],
    "an empty list": [],
    "a list of an empty list": [[]],
    "a tuple in a tuple": ((0, 1),),
    "a tuple behind a slice": (ALL, (0, 2)),
    "lists in a tuple": ([(0, 1), (1, 0)],),
    "a range": range(2),
    "a range behind a slice": (ALL, range(0, 3, 2)),
    "an empty range": (ALL, range(0)),
    "an array": np.array([0, 1, 1]),
    "an array of uint8": np.array([1, 0], np.uint8),
    "a negative array of int8": np.array([-1, -2], np.int8),
    "an array with two axes": np.array([[0, 1], [1, 0]]),
    "an empty array": np.array([], int),
    "a mask of rows": np.array([True, False]),
    "a mask as a list": [True, False],
    "a mask as a tuple": ((True, False),),
    "a mask of entries": X > 0,
    "a mask of pairs": X[:, :, 0] > 0,
    "a mask of none": np.zeros((2, 3), bool),
    "a mask behind a slice": (ALL, [True, False, True]),
    "a mask at the end": (..., [True, False, True, True]),
    "a mask in nested lists": [[True, False, True], [False, False, True]],
    "a mask behind an integer": (0, np.ones((3, 4), bool)),
    "a mask of two axes behind a slice": (ALL, X[0] > 0),
    "True": True,
    "False": False,
    **({"True of NumPy": np.True_} if np.lib.NumpyVersion(np.__version__) >= "2.4.0" else {}),  # an error before
    "False as an array": np.array(False),
    ":, True": (ALL, True),
    "True, list": (True, [0, 1]),
    ":, True, list": (ALL, True, [0, 1]),
    "list, :, True": ([0, 1], ALL, True),
    "0, False": (0, False),
    "True, ..., 1": (True, ..., 1),
    "True, :, True": (True, ALL, True),
    "tuple, :, integer": ((0, 1), ALL, 2),
    "list, :, integer": ([0, 1], ALL, 2),
    "range, :, integer": (range(2), ALL, 0),
    "integer, :, list": (0, ALL, [1, 2]),
    "uint8, :, list": (np.uint8(1), ALL, [0, 2]),
    "0-d array, :, list": (np.array(1), ALL, [0, 2]),
    "0-d array, :, 0-d array": (np.array(1), ALL, np.array(0)),
    "integer, :, integer": (1, ALL, 2),
    "one in a list, :, integer": ([0], ALL, 2),
    "list, :, list": ([0, 1], ALL, [1, 2]),
    "tuple, :, tuple": ((0, 1), ALL, (1, 2)),
    "list, ..., list": ([0, 1], ..., [1, 2]),
    "list, list, ..., list": ([0, 1], [0, 2], ..., [1, 2]),
    "list, list": ([0, 1], [1, 2]),
    "list, list, list": ([0, 1], [1, 2], [3, 3]),
    ":, list, list": (ALL, [1, 2], [0, 3]),
    ":, list, integer": (ALL, [1, 2], 0),
    ":, integer, list": (ALL, 1, [0, 0, 3]),
    "list, integer": ([0, 1], 2),
    "list, None, list": ([0, 1], None, [1, 2]),
    "None, list, :, list": (None, [0, 1], ALL, [1, 2]),
    "list, :, None, integer": ([0, 1], ALL, None, 2),
    "integer, None, list": (0, None, [1, 2]),
    "None, list, None": (None, [0, 1], None),
    "a table, apart": ([[0], [1]], ALL, [0, 1, 2]),
    "a table, together": ([[0], [1]], [0, 1, 2]),
    "np.ix_": np.ix_([0, 1], [2, 0], [1, 3]),
    "np.ix_ of two": np.ix_([0, 1], [2, 0]),
    "mask, :, list": (np.array([True, True]), ALL, [0, 2]),
    "mask, list": ([True, True], [0, 2]),
    "mask, :, mask": ([True, True], ALL, [True, False, False, True]),
    "list, mask of pairs": ([0, 1], np.arange(12).reshape(3, 4) % 10 == 1),
    "nothing, :, nothing": ([], ALL, []),
    "nothing, :, integer": ([], ALL, 1),
    "slice, list, slice": (slice(0, 1), [0, 2], slice(1, 3)),
    "step, list": (ALL, EVERY_OTHER, [0, 0]),
    "repeated, :, repeated": ([0, 0], ALL, [1, 1]),
    "..., list": (..., [0, 3]),
    "integer, ..., list": (0, ..., [1, 1]),
    "list, ..., integer": ([0, 1], ..., 0),
    "np.nonzero": np.nonzero(X > 0),
    "lists of places": tuple(np.argwhere(X > 0.5).T.tolist()),
}


@pytest.fixture(params=FORMS)
def index(request):
    return FORMS[request.param]


def selection(index):
    """The Jacobian: a row for each entry of the result, with a 1 where it comes from."""
    chosen = POSITIONS[index]
    return np.eye(X.size)[chosen].reshape(*chosen.shape, *X.shape)


def weights(index):
    return np.random.default_rng(2).uniform(0.5, 1.5, POSITIONS[index].shape)


def sent_back(index):
    """What comes back to x of these weights: the transposed matrix times the weights."""
    return np.tensordot(weights(index), selection(index), POSITIONS[index].ndim)


def cubes(index):
    w = weights(index)
    return lambda x: (w * x[index] ** 3).sum()


def diagonal(entries):
    return np.diag(entries.ravel()).reshape(X.shape * 2)


def same(found, expected):
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_the_value_and_what_a_sweep_sends_back(index):
    x = tg.Node(X)
    y = x[index]
    np.testing.assert_array_equal(y.value, X[index])
    (weights(index) * y).sum().backward()
    same(x.grad, sent_back(index))
    same(tg.vjp(lambda x: x[index], X)[1](weights(index))[0], sent_back(index))
    same(tg.jvp(lambda x: x[index], (X,), (V,))[1], V[index])


def test_a_jacobian_is_the_selection(index):
    same(tg.jacobian(lambda x: x[index])(X), selection(index))
    half = tg.jacobian(lambda x: x[index])(X.astype(np.float32))
    assert half.dtype == np.float32
    same(half, selection(index))
    # The way back through a rule that reads, and through one that adds up.
    same(tg.jacobian(lambda x: np.exp(x)[index])(X), selection(index) * np.exp(X))
    matrix = np.moveaxis(selection(index), range(-3, 0), range(3))
    same(tg.jacobian(lambda g: tg.scatter_add(g, index, X.shape))(weights(index)), matrix)
    same(tg.scatter_add(weights(index), index, X.shape), sent_back(index))


def test_second_derivatives(index):
    f, curvature = cubes(index), 6 * sent_back(index) * X
    same(tg.hessian(f)(X), diagonal(curvature))
    same(tg.jacobian(tg.grad(f))(X), diagonal(curvature))
    same(tg.hvp(f, (X,), (V,))[0], curvature * V)
    same(tg.grad(lambda x: (tg.grad(f)(x) * V).sum())(X), curvature * V)
    rows = lambda x: tg.jacobian(lambda x: x[index] ** 2)(x).sum(axis=tuple(range(POSITIONS[index].ndim)))  # noqa: E731
    same(tg.jacobian(rows)(X), diagonal(2 * np.bincount(POSITIONS[index].ravel(), minlength=X.size)))


def test_a_compiled_function_gives_the_same(index):
    f = cubes(index)
    for function, expected in {
        tg.compile(lambda x: x[index]): X[index],
        tg.compile(tg.grad(f)): 3 * sent_back(index) * X**2,
        tg.compile(tg.jacobian(lambda x: x[index])): selection(index),
        tg.compile(tg.hessian(f)): diagonal(6 * sent_back(index) * X),
        tg.compile(lambda x: tg.hvp(f, (x,), (V,))[0]): 6 * sent_back(index) * X * V,
        tg.compile(lambda x: tg.jvp(lambda x: x[index], (x,), (V,))[1]): V[index],
    }.items():
        function(X + 1.0)
        same(function(X), expected)
        same(function(X), expected)


def test_the_example_of_the_issue():
    matrix = np.random.default_rng(3).standard_normal((5, 2))
    found = tg.jacobian(lambda x: matrix @ x[(0, 1), :, 2].sum(axis=1))(X)
    same(found, tg.jacobian(lambda x: matrix @ x[[0, 1], :, 2].sum(axis=1))(X))
    np.testing.assert_array_equal(found[:, :, :, 2], np.repeat(matrix[:, :, None], 3, axis=2))


@pytest.mark.parametrize("index", [1.5, "a", [0.5], np.array([1.0]), slice(0.5), [[0], [1, 2]], (0, 0, 0, 0), 7])
def test_what_is_no_index_is_refused_as_numpy_refuses_it(index):
    with pytest.raises(Exception) as theirs:  # NumPy's own
        X[index]
    with pytest.raises(theirs.type):
        tg.Node(X)[index]


@pytest.mark.parametrize("index", [tg.Node(1.0), (0, tg.Node(1.0)), (slice(None), [tg.Node(1.0)])])
def test_a_node_is_no_index(index):
    with pytest.raises(tg.Error, match=r"item\(\)"):
        tg.Node(X)[index]


class Place:
    """A position of a reader's own making, which may move."""

    def __init__(self, place):
        self.place = place

    def __index__(self):
        return self.place


MOVING = {
    "slice": lambda n, i, j: n[i:j],
    "slice with a step": lambda n, i, j: n[::j],
    "slice in a tuple": lambda n, i, j: n[i:j, None],
    "position": lambda n, i, j: n[j],
    "delete": lambda n, i, j: np.delete(n, slice(i, j)),
    "insert": lambda n, i, j: np.insert(n, slice(i, j), 7.0),
    "roll": lambda n, i, j: np.roll(n, j),
    "take": lambda n, i, j: np.take(n, j),
    "repeat": lambda n, i, j: np.repeat(n, j),
    "tile": lambda n, i, j: np.tile(n, j),
    "pad": lambda n, i, j: np.pad(n, j, mode="wrap"),
    "diag": lambda n, i, j: np.diag(n, j),
    "rot90": lambda n, i, j: np.rot90(n[None], j),
    "resize": lambda n, i, j: np.resize(n, j),
    "sliding_window_view": lambda n, i, j: np.lib.stride_tricks.sliding_window_view(n, j),
    "sum": lambda n, i, j: np.sum(n, axis=i),
    "cumsum": lambda n, i, j: np.cumsum(n, axis=i),
    "split": lambda n, i, j: np.split(n, [j])[0],
    "fftshift": lambda n, i, j: np.fft.fftshift(n, i),
}


def numpy_takes(name, kind):
    try:
        MOVING[name](np.arange(1.0, 7.0), kind(0), kind(2))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n in MOVING for k in (np.array, Place) if numpy_takes(n, k)])
def test_a_position_that_is_changed_before_the_sweep_is_what_it_was(name, kind):
    x, call = np.arange(1.0, 7.0), MOVING[name]
    node, i, j = tg.Node(x), kind(0), kind(2)
    y = (call(node, i, j) ** 2).sum()
    for place in (i, j):
        if kind is Place:
            place.place += 1
        else:
            place += 1
    np.testing.assert_array_equal(tg.gradients(y, node), tg.grad(lambda n: (call(n, 0, 2) ** 2).sum())(x))
