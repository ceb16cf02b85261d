"""Arguments of ops: by position or by name, and refused if unknown, too many, or of shapes that do not fit."""

import numpy as np
import pytest

import tinygrad_ed as tg


def test_parameters_come_by_position_or_by_name():
    x = tg.Node([[1.0, 2.0], [3.0, 4.0]])
    for y in (tg.sum(x, 0), tg.sum(x, axis=0), x.sum(0), x.sum(axis=0), np.sum(x, 0), np.sum(x, axis=0)):
        np.testing.assert_array_equal(y.value, [4.0, 6.0])
    for y in (tg.sum(x, 0, True), x.sum(0, keepdims=True), np.sum(x, 0, None, None, True)):
        np.testing.assert_array_equal(y.value, [[4.0, 6.0]])


def test_parameters_that_a_rule_does_not_know_are_refused_before_anything_is_computed():
    x = tg.Node([1.0, 2.0])
    with pytest.raises(tg.NoDerivativeRule, match=r"sum does not take where= \(known: axis, keepdims\)"):
        x.sum(where=[True, False])
    with pytest.raises(tg.NoDerivativeRule, match=r"max does not take initial="):
        x.max(initial=5.0)
    with pytest.raises(tg.NoDerivativeRule, match=r"np.max on a Node does not take initial="):
        np.max(x, initial=5.0)
    with pytest.raises(tg.NoDerivativeRule, match=r"np.reshape on a Node does not take copy="):
        np.reshape(x, 2, copy=False)
    with pytest.raises(tg.NoDerivativeRule, match=r"concatenate on a Node does not take dtype="):
        np.concatenate([x, x], dtype=np.float32)
    with pytest.raises(tg.NoDerivativeRule, match=r"tanh does not take axis= \(known: none\)"):
        tg.tanh(x, axis=0)


def test_too_many_or_too_few_inputs_are_refused():
    with pytest.raises(tg.InvalidType, match=r"power takes 2 inputs; it got 1 positional"):
        tg.power(2.0)
    with pytest.raises(tg.InvalidType, match=r"sum takes 1 input and then axis, keepdims; it got 4 positional"):
        tg.sum(tg.Node(1.0), 0, True, 3)


def test_shapes_that_do_not_fit_name_the_op_both_shapes_and_the_node():
    x, y = tg.Node(np.ones((2, 3)), name="weights"), tg.Node(np.ones(4))
    with pytest.raises(tg.ShapeError, match=r"add: inputs of shape \(2, 3\) \('weights'\) and \(4,\) do not fit"):
        x + y
    with pytest.raises(tg.ShapeError, match=r"matmul: inputs of shape \(2, 3\) \('weights'\) and \(4,\)"):
        x @ y
    with pytest.raises(tg.ShapeError, match=r"reshape: inputs of shape \(2, 3\).* do not fit"):
        x.reshape(5)
    with pytest.raises(tg.ShapeError, match=r"concatenate: inputs of shape .* and \(4,\)"):
        np.concatenate([x, y])
    with pytest.raises(
        tg.ShapeError, match=r"tensordot: the axes \(0, 1\) of shape \(2, 3\) and \(0, 1\) of shape \(3, 2\)"
    ):
        np.tensordot(x, np.ones((3, 2)), axes=([0, 1], [0, 1]))
    with pytest.raises(tg.ShapeError, match=r"max: inputs of shape \(0,\) do not fit: zero-size"):
        np.max(tg.Node([]))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.swapaxes(0, 3),
        lambda x: np.take(x, [0], axis=3),
        lambda x: x.repeat(2, axis=3),
        lambda x: x.sum(axis=3),
    ],
)
def test_axes_that_do_not_exist_are_refused_as_numpy_does(call):
    with pytest.raises(np.exceptions.AxisError, match="out of bounds"):
        call(tg.Node(np.ones((2, 2))))


def test_a_vector_has_no_matrix_transpose():
    with pytest.raises(tg.ShapeError, match=r"matrix_transpose: inputs of shape \(1,\) do not fit"):
        tg.Node([1.0]).mT  # noqa: B018  # the look at it is the test


def test_an_argument_whose_derivative_would_be_lost_is_refused():
    x = tg.Node([1.0, 3.0, 2.0])
    with pytest.raises(tg.NoDerivativeRule, match="no derivative rule for q"):
        np.quantile(x, tg.Node(0.3))
    with pytest.raises(tg.NoDerivativeRule, match="no derivative rule for q"):
        np.nanpercentile([1.0, 3.0], tg.Node(30.0))
    with pytest.raises(tg.NoDerivativeRule, match="no derivative rule for its spacings"):
        np.gradient(x, tg.Node(0.5))
    with pytest.raises(tg.NoDerivativeRule, match="take the orders C, F and A, not 'K'"):
        np.ravel(x, order="K")


@pytest.mark.parametrize("read", [lambda x, i: x[i], lambda x, i: x[(i,)], lambda x, i: np.take(x, i)])
def test_an_index_that_changes_after_the_forward_pass_does_no_harm(read):
    x, index = tg.Node([1.0, 2.0, 3.0]), np.array([0, 1])
    y = read(x, index).sum()
    index[0] = 2
    y.backward()
    np.testing.assert_array_equal(x.grad, [1.0, 1.0, 0.0])
