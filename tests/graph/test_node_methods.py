"""The methods of a Node are those of an array of NumPy: the same values, shapes, dtypes and keywords."""

import numpy as np
import pytest
from node_arrays import MATRIX, VECTOR, plain

import tinygrad_ed as tg
from tinygrad_ed import Node

METHODS = {
    "sum": [(), (0,), (-1,)],
    "prod": [(), (1,)],
    "mean": [(), (0,)],
    "var": [(), (1,)],
    "std": [(), (0,)],
    "max": [(), (0,)],
    "min": [(), (1,)],
    "cumsum": [(), (1,)],
    "reshape": [(3, 2), ((3, 2),), ([6],), (-1,), (2, -1, 1), (np.int64(6),)],
    "transpose": [(), (1, 0), ((1, 0),), ([1, 0],), (None,), (-1, -2), (np.int64(1), np.int64(0))],
    "ravel": [()],
    "flatten": [()],
    "squeeze": [()],
    "swapaxes": [(0, 1), (0, -1)],
    "repeat": [(2,), (2, 1), ([1, 2], 0)],
    "take": [([0, 2],), ([1, 1], 1), (0,)],
    "diagonal": [(), (1,)],
    "trace": [(), (1,)],
    "dot": [(VECTOR,), (VECTOR.tolist(),)],
    "clip": [(-1.0, 2.0), (-1.0,), (None, 2.0), (np.zeros(3), 2.0)],
    "astype": [(np.float32,), ("float64",)],
    "copy": [()],
}
PLAIN_METHODS = {
    "round": [(), (1,)],
    "argmax": [(), (0,)],
    "argmin": [(), (1,)],
    "argsort": [(), (0,)],
    "nonzero": [()],
    "any": [(), (0,)],
    "all": [(), (1,)],
    "astype": [(int,), (bool,), (np.int8,)],
}
KEYWORDS = {
    "sum": {"axis": 0, "keepdims": True},
    "prod": {"axis": (0, 1)},
    "mean": {"axis": 1, "keepdims": True},
    "var": {"axis": 0, "ddof": 1},
    "std": {"ddof": 1, "keepdims": True},
    "max": {"axis": -1, "keepdims": True},
    "min": {"axis": (0,)},
    "cumsum": {"axis": 0},
    "repeat": {"repeats": 2, "axis": 0},
    "take": {"indices": [0], "axis": -1},
    "trace": {"offset": -1},
    "diagonal": {"offset": 1, "axis1": 1, "axis2": 0},
    "clip": {"max": 1.0},
    "squeeze": {"axis": ()},
    "astype": {"dtype": np.float32},
    "argmax": {"axis": 1},
}


@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name, cases in METHODS.items() for given in cases], ids=str
)
def test_methods_equal_those_of_ndarray(name, given):
    y = getattr(Node(MATRIX), name)(*given)
    assert isinstance(y, Node)
    expected = getattr(MATRIX, name)(*given)
    assert (y.shape, y.dtype) == (np.shape(expected), np.asarray(expected).dtype)
    np.testing.assert_allclose(y.value, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "given"), [(n, given) for n, cases in PLAIN_METHODS.items() for given in cases], ids=str
)
def test_methods_without_a_derivative_are_plain(name, given):
    found, expected = getattr(Node(MATRIX), name)(*given), getattr(MATRIX, name)(*given)
    assert type(found) is type(expected)
    np.testing.assert_equal(found, expected)


@pytest.mark.parametrize("name", KEYWORDS)
def test_methods_take_the_keywords_of_ndarray(name):
    np.testing.assert_allclose(
        plain(getattr(Node(MATRIX), name)(**KEYWORDS[name])), getattr(MATRIX, name)(**KEYWORDS[name])
    )


def test_methods_of_a_scalar():
    x = Node(2.0)
    for y in (
        x.sum(),
        x.mean(),
        x.max(),
        x.prod(),
        x.reshape(()),
        x.reshape(),
        x.squeeze(),
        x.transpose(),
        x.T,
        x.copy(),
    ):
        assert type(y.value) is float
        assert y.value == 2.0
    assert (x.var().value, x.std().value, x.clip(0, 1).value) == (0.0, 0.0, 1.0)
    assert (x.ravel().shape, x.reshape(1, 1).shape, x.repeat(2).shape) == ((1,), (1, 1), (2,))
    assert (round(x, 1), x.round(), x.argmax()) == (2.0, 2.0, 0)


def test_transposes():
    x = Node(np.arange(24.0).reshape(2, 3, 4))
    assert (x.T.shape, x.mT.shape) == ((4, 3, 2), (2, 4, 3))
    np.testing.assert_array_equal(x.mT.value, x.value.mT)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "exp", "log"])
def test_functions_as_methods(name):
    x = Node([0.5, 2.0])
    y = getattr(x, name)()
    assert y.op.name == name
    np.testing.assert_array_equal(y.value, getattr(tg, name)(x.value))
