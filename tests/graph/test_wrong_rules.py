"""Derivative rules that return no gradient, raise, or divide by zero: the op is named, or NumPy's answer stands."""

import warnings

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import Node


def wrong(rule, **more):
    return tg.op("wrong", lambda x: 2.0 * x, rule, **more)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda g, y, x: None, "returned None, not a gradient"),
        (lambda g, y, x: "three", "returned 'three', not a gradient"),
        (lambda g, y, x: 1j * g, "not a gradient"),
        (
            lambda g, y, x: g.sum(),
            r"of shape \(\), but that input has shape \(3,\); a rule must return its input's shape",
        ),
        (lambda g, y, x: np.ones((2, 3)), r"shape \(2, 3\), but that input has shape \(3,\).*broadcasts=True"),
        (lambda g, y, x: np.ones(4), r"shape \(4,\)"),
        (lambda g, y, x: g[:1], r"shape \(1,\)"),
    ],
)
def test_a_rule_that_returns_no_gradient_is_named(rule, said):
    x = Node(np.ones(3))
    y = wrong(rule)(x)
    with pytest.raises(
        tg.RuleError, match="the derivative rule of op 'wrong' for input 0 returned .*" + said.removeprefix("returned ")
    ):
        y.sum().backward()
    assert x.grad is None
    with pytest.raises(tg.RuleError, match="op 'wrong'"):
        tg.gradients(y.sum(), x, create_graph=True)


def test_a_broadcasting_op_may_not_return_just_any_shape():
    op = tg.op("wrong", np.add, lambda g, y, a, b: g, lambda g, y, a, b: np.ones((2, 4)), broadcasts=True)
    with pytest.raises(tg.RuleError, match=r"op 'wrong' for input 1 returned a gradient of shape \(2, 4\)"):
        op(Node(np.ones((2, 3))), Node(np.ones(3))).sum().backward()


def test_what_a_broadcasting_op_returns_is_looked_at_before_it_is_added_up():
    op = tg.op("wrong", np.add, lambda g, y, a, b: g, lambda g, y, a, b: np.full((2, 3), None), broadcasts=True)
    with pytest.raises(tg.RuleError, match=r"(?s)op 'wrong' for input 1 returned array\(\[\[None.*not a gradient"):
        op(Node(np.ones((2, 3))), Node(np.ones(3))).sum().backward()


def test_a_rule_that_raises_is_named_in_a_note():
    with pytest.raises(TypeError) as caught:
        wrong(lambda g, y, x: g + None)(Node(1.0)).backward()
    assert "(raised by the derivative rule of op 'wrong' for input 0)" in caught.value.__notes__


def test_a_rule_may_hold_nodes_of_its_own_and_a_plain_sweep_stays_plain():
    scale = Node(2.0)
    op = tg.op("scaled", lambda x: 2.0 * x, lambda g, y, x: g * scale)
    x = Node(3.0)
    y = op(x)
    y.backward()
    assert type(x.grad) is float
    assert tg.gradients(y, x) == 2.0
    assert tg.gradients(tg.gradients(y, x, create_graph=True), scale) == 1.0


def test_rules_on_floats_divide_by_zero_as_numpy_does():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert tg.grad(np.sqrt)(0.0) == np.inf
        assert tg.grad(lambda x: x**0.5)(0.0) == np.inf
        assert tg.grad(lambda x: 1.0 / x)(0.0) == -np.inf
        assert np.isnan(tg.grad(np.arctan2, 0)(0.0, 0.0))
        assert Node(0.0).log().value == -np.inf
        assert (1.0 / Node(0.0)).value == np.inf
        assert np.exp(Node(1e3)).value == np.inf
        assert np.isnan((Node(-8.0) ** (1 / 3)).value)
        assert tg.grad(lambda x: tg.grad(np.sqrt)(x))(0.0) == -np.inf
    assert {entry.category for entry in said} == {RuntimeWarning}
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        tg.grad(np.sqrt)(np.array(0.0))
