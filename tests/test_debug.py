"""`tg.debug()`: each planted NaN, infinity and changed array is found, named, and placed at the line that made it."""

import inspect
import warnings

import numpy as np
import pytest

import tinygrad_ed as tg


def test_a_nan_in_the_forward_pass_is_named_with_op_node_entry_and_line():
    x = tg.Node([4.0, -1.0, 9.0], name="weights")
    here = inspect.currentframe().f_lineno
    with (
        tg.debug(),
        pytest.raises(tg.NotFinite, match=r"op 'sqrt' gave nan at \[1\] \(1 of.*weights.*-1.0") as caught,
    ):
        np.sqrt(x)
    assert str(caught.value).endswith(f"made at {__file__}:{here + 5}")


@pytest.mark.parametrize(
    ("f", "op", "number"),
    [
        (lambda x: 1.0 / (x - x), "divide", "inf"),
        (lambda x: tg.log(x - 2.0), "log", "-inf"),
        (lambda x: tg.exp(1e6 * x), "exp", "inf"),
        (lambda x: tg.arcsin(x), "arcsin", "nan"),
    ],
)
def test_infinities_and_nans_of_scalars(f, op, number):
    with tg.debug(), pytest.raises(tg.NotFinite, match=f"op '{op}' gave {number} in the forward pass"):
        f(tg.Node(2.0, name="x"))


def test_it_stops_at_the_first_op_not_at_those_that_inherit():
    x = tg.Node([0.0, 1.0], name="x")
    with tg.debug(), pytest.raises(tg.NotFinite, match="op 'log'"):
        (tg.log(x) * 2.0 + 1.0).sum()


def test_a_leaf_that_is_not_finite_is_named_as_the_origin():
    x = tg.Node([np.nan, 1.0], name="data")
    with tg.debug(), pytest.raises(tg.NotFinite, match=r"from data of shape \(2,\), which is not finite itself"):
        x * 2.0


def test_an_infinity_in_the_backward_pass_is_named():
    x = tg.Node([0.0, 4.0], name="x")
    with tg.debug():
        y = np.sqrt(x).sum()
        with pytest.raises(tg.NotFinite, match=r"rule of op 'sqrt' sent inf at \[0\].*to input 0, x of shape \(2,\)"):
            y.backward()
    assert x.grad is None


def test_inside_a_transform_and_under_create_graph():
    with tg.debug(), pytest.raises(tg.NotFinite, match="backward pass"):
        tg.grad(lambda x: tg.grad(lambda y: y**1.5)(x))(0.0)
    with tg.debug():
        assert tg.grad(lambda x: tg.grad(lambda y: y**3)(x))(2.0) == 12.0


def test_an_array_that_was_changed_between_forward_and_backward_is_found_and_named():
    x, data = tg.Node([1.0, 2.0], name="x"), np.array([3.0, 4.0])
    with tg.debug():
        y = (x * data).sum()
        data[0] = 100.0
        with pytest.raises(tg.StaleGraph, match=r"\(2,\) that is input 1 of op 'multiply' was changed.*test_debug"):
            y.backward()
        data[0] = 3.0
        y.backward()
    np.testing.assert_array_equal(x.grad, [3.0, 4.0])


def test_numpys_warnings_give_way_to_the_error_and_come_back():
    x = tg.Node(np.array([-1.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tg.debug(), pytest.raises(tg.NotFinite):
            np.log(x)
        with pytest.raises(RuntimeWarning):
            np.log(x)


def test_it_ends_with_its_block_and_nests_and_leaves_no_trace():
    x = tg.Node([1.0, -1.0])
    with tg.debug():
        with tg.debug(), pytest.raises(tg.NotFinite):
            np.log(x)
        with pytest.raises(tg.NotFinite):
            np.log(x)
    with np.errstate(all="ignore"):
        assert np.isnan(np.log(x).value[1])


def test_no_grad_inside_debug_is_not_watched_and_debug_goes_on_after_it():
    x = tg.Node([1.0, -1.0])
    with tg.debug():
        with tg.no_grad():
            assert np.isnan(np.log(x).value[1])
        with pytest.raises(tg.NotFinite):
            np.log(x)


def test_a_graph_made_before_the_block_can_be_swept_inside():
    x = tg.Node([4.0])
    y = np.sqrt(x).sum()
    with tg.debug():
        y.backward()
    np.testing.assert_array_equal(x.grad, [0.25])


def test_a_network_that_learns_is_not_disturbed():
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    with tg.debug():
        assert tg.crosscheck(mlp, [[0.5, 1.0]], [[1.0]]).agree
