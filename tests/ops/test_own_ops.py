"""Ops of one's own, made with `tg.op`: what they can do, and what is refused when they are made or called."""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.graph.op import HANDLERS


def test_an_op_of_ones_own_works_in_every_way():
    softsign = tg.op("softsign", lambda x: x / (1 + np.abs(x)), lambda g, y, x: g / tg.square(1 + abs(x)))
    tg.check_grads(softsign, np.array([-1.5, 0.5, 2.0]))
    assert softsign(3.0) == 0.75
    assert softsign(tg.Node(3.0)).op.name == "softsign"


def test_an_op_of_ones_own_may_broadcast_have_parameters_and_inputs_without_gradient():
    shifted = tg.op("shifted", lambda a, b, by=1.0: a * b + by, lambda g, y, a, b, by=1.0: g * b, None, broadcasts=True)
    a, b = tg.Node(np.ones((2, 1))), tg.Node(np.array([1.0, 2.0, 3.0]))
    y = shifted(a, b, by=2.0)
    np.testing.assert_array_equal(y.value, [[3.0, 4.0, 5.0]] * 2)
    found = tg.gradients(y.sum(), (a, b))
    np.testing.assert_array_equal(found[0], [[6.0], [6.0]])
    np.testing.assert_array_equal(found[1], np.zeros(3))
    np.testing.assert_array_equal(shifted(a, b, 0.0).value, [[1.0, 2.0, 3.0]] * 2)
    with pytest.raises(tg.NoDerivativeRule, match=r"shifted does not take byte= \(known: by\)"):
        shifted(a, b, byte=0.0)


def test_an_op_of_ones_own_may_take_any_parameter():
    total = tg.op("total", np.sum, lambda g, y, x, **options: g * np.ones(np.shape(x)))
    x = tg.Node([1.0, 2.0])
    np.testing.assert_array_equal(tg.gradients(total(x, dtype=float), x), [1.0, 1.0])


def test_an_op_of_a_numpy_function_teaches_numpys_own_name(monkeypatch):
    for function in (np.nan_to_num, np.sinc):  # as if nobody had taught them yet; undone afterwards
        monkeypatch.setitem(HANDLERS, function, None)
        del HANDLERS[function]
    x = tg.Node([2.0, 3.0])
    with pytest.raises(tg.NoDerivativeRule, match=r"np.nan_to_num has no derivative rule .* tg.op\('nan_to_num'"):
        np.nan_to_num(x)
    tg.op("nan_to_num", np.nan_to_num, lambda g, y, x: g)
    np.testing.assert_array_equal(tg.gradients(np.nan_to_num(x).sum(), x), [1.0, 1.0])
    tg.op("sinc", np.sinc, lambda g, y, x: g)
    assert tg.grad(np.sinc)(2.0) == 1.0
    tg.op("tanh", np.tanh, lambda g, y, x: -g)  # the rule that is there stays
    assert tg.grad(np.tanh)(0.0) == 1.0


def test_an_op_needs_functions_and_rules():
    with pytest.raises(tg.InvalidType, match=r"op 'f': 3 cannot be called"):
        tg.op("f", 3, lambda g, y, x: g)
    with pytest.raises(tg.InvalidType, match=r"op 'f': 2.0 cannot be called; give functions \(None: no gradient\)"):
        tg.op("f", np.sin, 2.0)
    with pytest.raises(tg.InvalidValue, match=r"op 'f' has no rules; give one for each input"):
        tg.op("f", lambda x: x)


def test_an_op_has_one_result():
    both = tg.op("both", lambda x: np.modf(x), lambda g, y, x: g)
    with pytest.raises(tg.InvalidType, match="both: the forward function returned a tuple, but an op has one result"):
        both(tg.Node(1.5))


def test_a_result_that_is_not_real_is_refused():
    root = tg.op("root", lambda x: np.emath.sqrt(x), lambda g, y, x: g)
    with pytest.raises(tg.InvalidType, match=r"root: the result is complex128, but a Node holds real numbers only"):
        root(tg.Node(-1.0))


def test_an_op_of_ones_own_cannot_write_into_the_graph():
    def careless(g, y, x):
        g *= 2.0
        return g

    doubled = tg.op("doubled by a careless rule", lambda x: 2.0 * x, careless)
    x = tg.Node([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        doubled(x).sum().backward()

    def overwriting(x):
        return np.multiply(x, 2.0, out=x)

    with pytest.raises(ValueError, match="read-only"):
        tg.op("overwriting", overwriting, lambda g, y, x: 2.0 * g)(x)
    np.testing.assert_array_equal(x.value, [1.0, 2.0])


def test_a_rule_that_cannot_be_called_is_refused_when_the_op_is_made():
    with pytest.raises(tg.InvalidType, match=r"rule of op 'short' does not take \(g, y, and 1 input\)"):
        tg.op("short", np.sin, lambda g, x: g)
    with pytest.raises(tg.InvalidType, match=r"rule of op 'two' does not take \(g, y, and 2 inputs\)"):
        tg.op("two", np.add, lambda g, y, a, b: g, lambda g, y, a: g)
