"""NumPy's functions on Nodes: they give Nodes or are refused by name, and nothing drops the derivative silently."""

import math
import operator

import numpy as np
import pytest
from node_arrays import MATRIX, VECTOR

import tinygrad_ed as tg
from tinygrad_ed import Node


def test_ufuncs_and_functions_give_nodes():
    x = Node(MATRIX)
    for y in (
        np.tanh(x),
        np.sum(x, axis=0),
        np.concatenate([x, MATRIX]),
        np.concatenate([MATRIX, x], axis=1),
        np.float64(2) * x,
        MATRIX.T @ x,
        np.add(MATRIX, x),
        np.add(1, x),
        np.where(MATRIX > 0, x, 0.0),
        np.dot([1, 2], x),
        np.inner(2, x),
        np.stack([x, MATRIX]),
        np.maximum([0, 0, 0], x),
        np.tensordot(MATRIX.tolist(), x),
        np.outer([1, 2], x),
    ):
        assert isinstance(y, Node)


REFUSED = {
    "np.add.at": lambda x: np.add.at(x, [0], 1.0),
    "np.add.at of an array": lambda x: np.add.at(np.ones(3), [0, 1, 2], x),
    "np.add.reduce": np.add.reduce,
    "np.multiply.accumulate": np.multiply.accumulate,
    "np.add.outer": lambda x: np.add.outer(x, x),
    "np.add does not take out": lambda x: np.add(x, 1.0, out=np.ones(3)),
    "np.sin does not take out": lambda x: np.sin(np.ones(3), out=x),
    "np.add does not take where": lambda x: np.add(x, 1.0, where=np.array([True, False, True])),
    "np.add does not take dtype": lambda x: np.add(x, 1.0, dtype=np.float32),
    "np.sum does not take out": lambda x: np.sum(x, out=np.ones(())),
    "np.put": lambda x: np.put(x, [0], 1.0),
    "np.copyto": lambda x: np.copyto(x, 1.0),
    "np.copyto from": lambda x: np.copyto(np.ones(3), x),
    "np.putmask": lambda x: np.putmask(x, [True] * 3, 1.0),
    "np.place": lambda x: np.place(x, [True] * 3, [1.0]),
    "np.fill_diagonal": lambda x: np.fill_diagonal(x, 1.0),
    "np.nextafter": lambda x: np.nextafter(x, 1.0),
    "np.histogram": np.histogram,
    "np.linalg.eig": np.linalg.eig,
    "np.roots": np.roots,
    "np.fft.fft": np.fft.fft,
    "np.spacing": np.spacing,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_rule_is_refused_by_name(name):
    said = name.split(" of ")[0].replace(" does not take ", ".* does not take .*").removesuffix(" from")
    with pytest.raises(tg.NoDerivativeRule, match=said) as caught:
        REFUSED[name](Node(VECTOR))
    assert isinstance(caught.value, TypeError)


def test_functions_that_write_are_refused_with_the_way_out():
    for write in (
        lambda x: np.put(x, [0], 1.0),
        lambda x: np.copyto(np.ones(3), x),
        lambda x: np.fill_diagonal(x, 1.0),
    ):
        with pytest.raises(tg.NoDerivativeRule, match=r"writes into an array.*tg.where\(mask, new, old\)"):
            write(Node(VECTOR))


def test_the_refusal_says_how_to_add_a_rule():
    with pytest.raises(
        tg.NoDerivativeRule, match=r"node.value.*spacing = tg.op\('spacing', np.spacing, lambda g, y, x: ...\)"
    ):
        np.spacing(Node(1.0))
    with pytest.raises(tg.NoDerivativeRule, match=r"use np\.sum itself, or plain values"):
        np.add.reduce(Node(VECTOR))


DROPPED = {
    "float": float,
    "int": int,
    "complex": complex,
    "math.exp": math.exp,
    "math.floor": math.floor,
    "math.trunc": math.trunc,
    "operator.index": operator.index,
    "range": range,
    "np.array": lambda x: np.array([x]),
    "np.array of rows": lambda x: np.array([[x, 1.0]]),
    "np.asarray": np.asarray,
    "np.sum of a list": lambda x: np.sum([x, x]),
    "np.float64": np.float64,
    "np.full": lambda x: np.full(3, x),
    "array[:] =": lambda x: np.ones(3).__setitem__(slice(None), x),
    "np.linspace": lambda x: np.asarray(x, dtype=float),
    "np.array object": lambda x: np.array(x, dtype=object),
}


@pytest.mark.parametrize("name", DROPPED)
def test_nothing_drops_the_derivative_silently(name):
    with pytest.raises(tg.GraphDropped, match=r"node.item\(\).*tg.exp.*tg.array\(\[...\]\)") as caught:
        DROPPED[name](Node(2.0))
    assert isinstance(caught.value, TypeError)


def test_items_cannot_be_assigned():
    x = Node(VECTOR)
    with pytest.raises(tg.GraphDropped, match=r"tg.where\(mask, new, node\)"):
        x[0] = 1
    with pytest.raises(tg.GraphDropped, match="in place"):
        x[0] += 1
    array = np.ones(3)
    with pytest.raises((ValueError, TypeError)):  # NumPy's own words, ours are its cause
        array[0] = x[0]


def test_array_makes_one_node_of_several():
    x, y = Node(2.0), Node(VECTOR)
    z = tg.array([[x, 1.0], [0, x * x]])
    np.testing.assert_array_equal(z.value, [[2.0, 1.0], [0.0, 4.0]])
    assert tg.gradients(z.sum(), x) == 5.0
    np.testing.assert_array_equal(tg.array((y, [1, 2, 3])).value, [VECTOR, [1, 2, 3]])
    assert tg.array(x) is x
    assert tg.array([1, 2]).dtype == float
    with pytest.raises(tg.ShapeError, match="stack"):
        tg.array([x, y])
