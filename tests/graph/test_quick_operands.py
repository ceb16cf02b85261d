"""The quick way through an operator: numbers of every kind beside a Node, and what kind of number comes out."""

import numpy as np
import pytest

import tinygrad_ed as tg


def test_inputs_are_listed_whatever_their_number():
    x, y = tg.Node([1.0, 2.0]), tg.Node([3.0, 4.0])
    assert tg.tanh(x).args == (x,)
    product = x * y
    assert product.args == product.parents == (x, y)
    assert (x * x).parents == (x, x)
    halved = x * 0.5
    assert (halved.args, halved.parents) == ((x, 0.5), (x,))
    joined = tg.concatenate([x, y, x])
    assert joined.parents == (x, y, x)
    assert x.args == ()


@pytest.mark.parametrize("value", [0.5, np.array([0.5, -1.5]), np.array([0.5, 2.0], np.float32)])
@pytest.mark.parametrize("number", [2, -3, 0, True, 2**53, 2**60, np.int64(2), np.float32(1.5)])
def test_numbers_of_every_kind_beside_a_node_are_as_floats(value, number):
    x = tg.Node(value)
    for make in (lambda x, n: x + n, lambda x, n: n * x, lambda x, n: n - x, lambda x, n: n / x):
        result = make(x, number)
        expected = make(np.asarray(value), float(number))
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result.value, expected)
        assert [type(arg) for arg in result.args if arg is not x] == [float]
    if abs(number) < 4 and number == int(number):
        np.testing.assert_array_equal((x**number).value, np.asarray(value) ** float(number))


def test_operands_that_are_too_large_or_make_no_sense_are_refused_in_words():
    x = tg.Node(2.0)
    for huge in (lambda: x + 10**400, lambda: 10**400 * x):
        with pytest.raises(tg.InvalidValue, match="an integer of 401 digits is too large"):
            huge()
    for wrong in (lambda: x + "1", lambda: None * x, lambda: {} - x):
        with pytest.raises(TypeError, match="unsupported operand"):
            wrong()
    with pytest.raises(tg.ShapeError, match="matmul: inputs of shape"):
        x @ 3.0
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(((-x) ** 0.5).item())
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (tg.Node(0.0) ** -1).item() == np.inf


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_product_of_two_vectors_is_a_float(dtype):
    a, b = tg.Node(np.array([1.0, 2.0], dtype)), tg.Node(np.array([3.0, 4.0], dtype))
    for y in (a @ b, a @ np.array(b.value), np.array(a.value) @ b):
        assert (type(y.value), y.value) == (float, 11.0)
        y.backward()
    np.testing.assert_array_equal(b.grad, [1.0, 2.0])


@pytest.mark.parametrize("combine", [lambda p, q: p * q, lambda p, q: p + q], ids=["multiply", "add"])
def test_a_gradient_has_the_byte_order_of_its_input(combine):
    turned = np.array([1.0, 2.0], np.dtype(float).newbyteorder())
    p, q = tg.Node(turned), tg.Node(turned)
    assert p._value.dtype is q._value.dtype  # one object, but the result of NumPy has the machine's order
    combine(p, q).sum().backward()
    assert [leaf.grad.dtype for leaf in (p, q)] == [p.dtype, q.dtype]
    assert p.grad.dtype.str == p.dtype.str
