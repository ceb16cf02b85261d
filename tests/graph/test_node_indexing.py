"""Indices of a Node, and iteration over one: the entries are NumPy's, and what cannot be an index is refused."""

import numpy as np
import pytest
from node_arrays import MATRIX, VECTOR

import tinygrad_ed as tg
from tinygrad_ed import Node


@pytest.mark.parametrize("index", [None, ..., (), (None, ...), (None, None)])
def test_a_scalar_can_be_indexed_as_numpy_does(index):
    y = Node(2.0)[index]
    assert isinstance(y, Node)
    assert y.shape == np.float64(2.0)[index].shape
    assert tg.grad(lambda x: x[index].sum())(2.0) == 1.0


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        slice(1, None),
        (slice(None), 1),
        (0, 1),
        None,
        ...,
        (..., None, 0),
        [1, 0],
        np.array([[0], [1]]),
        MATRIX > 0,
        ([0, 1], [2, 2]),
        np.int64(1),
        [],
        [True, False],
    ],
    ids=str,
)
def test_indexing_equals_numpys(index):
    y = Node(MATRIX)[index]
    assert isinstance(y, Node)
    np.testing.assert_array_equal(y.value, MATRIX[index])


def test_iteration_and_unpacking():
    rows = list(Node(MATRIX))
    assert [type(row) for row in rows] == [Node, Node]
    np.testing.assert_array_equal(rows[1].value, MATRIX[1])
    a, b, c = Node(VECTOR)
    assert (a.item(), b.item(), c.item()) == (1.0, -2.0, 3.0)
    assert [x.item() for x in reversed(Node(VECTOR))] == [3.0, -2.0, 1.0]
    with pytest.raises(tg.InvalidType, match="scalar"):
        iter(Node(2.0))


def test_bad_indices():
    x = Node(VECTOR)
    with pytest.raises(IndexError, match="out of bounds"):
        x[5]
    with pytest.raises(IndexError, match="too many indices"):
        Node(2.0)[0]
    with pytest.raises(
        tg.InvalidType, match=r"cannot be an index: a position has no derivative; use int\(node.item\(\)\)"
    ):
        x[Node(1.0)]
    with pytest.raises(tg.InvalidType, match="cannot be an index"):
        Node(MATRIX)[0, Node(1.0)]
    for index in ([Node(1.0)], slice(Node(1.0), None)):
        with pytest.raises(tg.GraphDropped):
            x[index]
    with pytest.raises(tg.GraphDropped):
        VECTOR[Node(1.0)]
