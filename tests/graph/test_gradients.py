"""`gradients`: it touches no node, answers for any node of the graph, and can build a graph of its own."""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import Node


def test_gradients_touches_nothing():
    x, w = Node(3.0), Node(4.0)
    y = x * w
    assert tg.gradients(y, x) == 4.0
    assert (x.grad, w.grad, y.grad) == (None, None, None)
    y.backward()
    tg.gradients(x * x, x)
    assert x.grad == 4.0


def test_gradients_gives_one_for_a_node_and_a_tuple_for_a_sequence():
    x, w, b = Node(3.0), Node([4.0, 5.0]), Node(1.0)
    y = (x * w).sum()
    assert tg.gradients(y, x) == 9.0
    found = tg.gradients(y, [x, w, b, y, x])
    assert type(found) is tuple
    assert (found[0], found[1].tolist(), found[2], found[3], found[4]) == (9.0, [3.0, 3.0], 0.0, 1.0, 9.0)
    assert tg.gradients(y, ()) == ()
    assert tg.gradients(y, (node for node in (x, b))) == (9.0, 0.0)


def test_what_the_root_does_not_depend_on_gets_zeros():
    x, w = Node(np.ones((2, 3), np.float32)), Node(2.0)
    zero = tg.gradients(w * w, x)
    assert (zero.shape, zero.dtype, zero.any()) == ((2, 3), np.float32, False)
    later = w * 3
    assert tg.gradients(w, later) == 0.0
    assert tg.gradients(w, later, create_graph=True).value == 0.0


def test_intermediate_nodes_can_be_asked_for():
    x = Node(2.0)
    y = x * x
    z = y * y
    assert tg.gradients(z, (y, x)) == (8.0, 32.0)


def test_results_are_the_users_own():
    x = Node(np.ones(3))
    y = x + 0
    first, second = tg.gradients(y.sum(), (x, y))
    first[0] = 99.0
    np.testing.assert_array_equal(second, np.ones(3))
    assert first.flags.owndata
    assert first.flags.writeable


@pytest.mark.parametrize("wrong", [3.0, None, np.ones(2), "x", [1.0]])
def test_only_nodes_have_gradients(wrong):
    x = Node(2.0)
    with pytest.raises(tg.InvalidType, match=r"gradients\(root, wrt\) takes Nodes, but got"):
        tg.gradients(x * x, wrong)
    with pytest.raises(tg.InvalidType, match=r"gradients\(root, wrt\) takes Nodes"):
        tg.gradients(3.0, x)


def test_create_graph_to_third_order_and_beyond():
    x = Node(2.0)
    y = x**5 + np.sin(x)
    expected = [
        5 * 2.0**4 + np.cos(2),
        20 * 2.0**3 - np.sin(2),
        60 * 2.0**2 - np.cos(2),
        120 * 2.0 + np.sin(2),
        120 + np.cos(2),
    ]
    for slope in expected:
        y = tg.gradients(y, x, create_graph=True)
        assert isinstance(y, Node)
        assert y.value == pytest.approx(slope, rel=1e-13)
    assert x.grad is None
    y.backward()
    assert x.grad == pytest.approx(-np.sin(2))


def test_a_seed_can_be_differentiated():
    x, seed = Node([1.0, 2.0]), Node([3.0, 4.0])
    slope = tg.gradients(x**2, x, seed=seed, create_graph=True)
    np.testing.assert_array_equal(slope.value, [6.0, 16.0])
    np.testing.assert_array_equal(tg.gradients(slope.sum(), seed), [2.0, 4.0])
    assert type(tg.gradients(x**2, x, seed=seed)) is np.ndarray


def test_create_graph_works_inside_no_grad_for_a_graph_built_outside():
    x = Node(2.0)
    y = x**3
    with tg.no_grad():
        slope = tg.gradients(y, x, create_graph=True)
    assert tg.gradients(slope, x) == 12.0
