"""The sweep: what arrives where, what a seed does, and that a graph that is out of date is refused."""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import Node

# --- backward --------------------------------------------------------------------------------------------------------


def test_a_square_has_two_edges():
    x = Node(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def test_a_node_that_is_used_in_many_places_gets_the_sum():
    x = Node(np.array([1.0, 2.0]))
    y = np.exp(x)
    (y * x + y / x - y).sum().backward()
    v = x.value
    np.testing.assert_allclose(x.grad, np.exp(v) * (v + 1 / v - 1) + np.exp(v) * (1 - 1 / v**2))


def test_a_sweep_fills_every_node_it_reaches_and_the_root():
    x, w = Node(2.0), Node(5.0)
    y = x * w
    z = y + 1
    z.backward()
    assert (z.grad, y.grad, x.grad, w.grad) == (1.0, 1.0, 5.0, 2.0)


def test_not_computed_is_none_and_not_zero():
    x, other = Node(2.0), Node(1.0)
    y = x * 0.0
    assert (x.grad, y.grad) == (None, None)
    y.backward()
    assert x.grad == 0.0
    assert other.grad is None


def test_a_condition_gets_no_gradient():
    condition_only, x = Node([1.0, 0.0]), Node([2.0, 3.0])
    y = tg.where(condition_only, x, 0.0).sum()
    y.backward()
    assert condition_only.grad is None
    sign_only = tg.copysign(x, condition_only).sum()
    sign_only.backward()
    assert condition_only.grad is None
    np.testing.assert_array_equal(tg.gradients(sign_only, condition_only), [0.0, 0.0])


def test_a_sweep_replaces_the_gradients_of_an_older_one():
    x, w = Node(3.0), Node(4.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad == 6.0
    (x * w).backward()
    assert (x.grad, w.grad) == (4.0, 3.0)
    assert y.grad == 1.0  # the second graph does not have it


def test_a_leaf_can_be_swept_from():
    x = Node(3.0)
    x.backward()
    assert x.grad == 1.0


def test_gradients_have_the_shape_and_dtype_of_their_nodes():
    x, b = Node(np.ones((2, 3), np.float32)), Node(np.ones(3, np.float32))
    c = Node(2.0)
    ((x + b) * c).mean().backward()
    assert (x.grad.shape, x.grad.dtype, b.grad.shape, b.grad.dtype, type(c.grad)) == (
        (2, 3),
        np.float32,
        (3,),
        np.float32,
        float,
    )
    y, z = Node(np.ones(2, np.float32)), Node(np.ones(2))
    (y * z).sum().backward()
    assert (y.grad.dtype, z.grad.dtype) == (np.float32, np.float64)


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_a_root_with_several_entries_needs_a_seed():
    x = Node(np.ones((2, 3)))
    with pytest.raises(
        tg.ShapeError, match=r"has shape \(2, 3\); reduce it \(`.sum\(\)`\), give .* seed=.*tg.jacobian"
    ):
        (x * 2).backward()
    with pytest.raises(tg.ShapeError, match=r"starts from one number"):
        tg.gradients(x * 2, x)
    assert x.grad is None  # refused before anything was changed


@pytest.mark.parametrize("root", [np.ones((1, 1)), np.ones(1), 1.0])
def test_one_entry_needs_no_seed(root):
    x = Node(root)
    (x * 3).backward()
    np.testing.assert_array_equal(x.grad, 3.0 * np.ones(np.shape(root)))


def test_a_seed_is_what_arrives_at_the_root():
    x = Node([1.0, 2.0])
    y = x * x
    for seed in (
        np.array([1.0, 10.0]),
        [1, 10],
        np.array([1, 10]),
        Node([1.0, 10.0]),
        np.array([1.0, 10.0], np.float32),
    ):
        y.backward(seed)
        np.testing.assert_array_equal(x.grad, [2.0, 40.0])
        assert y.grad.dtype == x.grad.dtype == np.float64
    z = Node(3.0) * 1
    z.backward(seed=2)
    assert (z.grad, z.args[0].grad) == (2.0, 2.0)


def test_a_seed_is_copied():
    x, seed = Node([1.0, 2.0]), np.ones(2)
    (x + 0).backward(seed)
    seed[:] = 99.0
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])


def test_a_seed_that_does_not_fit_is_refused():
    x = Node(np.ones((2, 3)))
    y = x * 1.0
    with pytest.raises(tg.ShapeError, match=r"the seed has shape \(3,\), but .* has shape \(2, 3\)"):
        y.backward(np.ones(3))
    with pytest.raises(tg.ShapeError, match=r"the seed has shape \(\)"):
        tg.gradients(y, x, seed=1.0)
    with pytest.raises(tg.ShapeError, match=r"the seed has shape \(1,\), but .* has shape \(\)"):
        y.sum().backward(np.ones(1))
    with pytest.raises(tg.InvalidType, match="only real numbers"):
        y.sum().backward("one")


# --- a graph that is out of date -------------------------------------------------------------------------------------


def test_a_graph_built_before_a_leaf_was_changed_is_refused():
    x, w = Node(2.0, name="x"), Node(3.0)
    y = x * w
    y.backward()
    x.value = 5.0
    for sweep in (y.backward, lambda: tg.gradients(y, w), lambda: tg.gradients(y + 1, x)):
        with pytest.raises(
            tg.StaleGraph, match=r"Node\(5.0, name='x'\) got a new value after .*'multiply'.* build the graph again"
        ):
            sweep()
    assert (x.grad, w.grad) == (3.0, 2.0)
    (x * w).backward()
    assert w.grad == 5.0


def test_a_change_of_another_leaf_does_no_harm():
    x, other = Node(2.0), Node(3.0)
    y = x * x
    other.value = 4.0
    y.backward()
    assert x.grad == 4.0
