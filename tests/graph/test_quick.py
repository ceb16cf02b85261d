"""The quick sweeps against the careful one, on random graphs of numbers and of arrays; and what they leave to it."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planting import planted

import tinygrad_ed as tg
from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.op import OPS
from tinygrad_ed.graph.quick import sweep_in_place, sweep_values
from tinygrad_ed.graph.rule import contribution

NUMBERS = sorted(name for name, op in OPS.items() if op.quick and op.scalar is not None)
ENTRYWISE = sorted(name for name, op in OPS.items() if op.entrywise)


def careful(root):
    """What arrives at each node, edge by edge, as the definition says."""
    arrived = {root: np.ones(root.shape) if root.shape else 1.0}
    for node in walk(root):
        inputs = [arg.value if isinstance(arg, tg.Node) else arg for arg in node.args]
        for position, arg in enumerate(node.args):
            if isinstance(arg, tg.Node):
                part = contribution(node.op, position, arrived[node], node.value, inputs, node.params, arg)
                arrived[arg] = part + arrived[arg] if arg in arrived else part
    return arrived


def random_graph(plan, leaves):
    nodes = list(leaves)
    for kind, a, b in plan:
        x, y = nodes[a % len(nodes)], nodes[b % len(nodes)]
        made = [
            lambda x, y: x + y,
            lambda x, y: x - y,
            lambda x, y: x * y * 0.5,
            lambda x, y: x / (y * y + 1.0),
            lambda x, y: tg.tanh(x),
            lambda x, y: x.relu() + 0.25,
            lambda x, y: 2.0 * x,
            lambda x, y: -x,
            lambda x, y: 1.5 - x,
            lambda x, y: tg.maximum(x, y),  # which is not quick for numbers
        ][kind](x, y)
        nodes.append(made)
    return nodes[-1]


def plans(kinds):
    return st.lists(st.tuples(st.integers(0, kinds), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(plans(8))
def test_a_graph_of_numbers(plan):
    leaves = [tg.Node(0.5), tg.Node(-1.25), tg.Node(2.0)]
    root = random_graph(plan, leaves)
    expected = careful(root)
    assert sweep_in_place(root, 1.0) is True
    for node, gradient in expected.items():
        assert type(node.grad) is float
        assert node.grad == pytest.approx(gradient, rel=1e-12, abs=1e-300)


@settings(max_examples=60, deadline=None)
@given(plans(9), st.sampled_from([(3,), (2, 3), (1, 3)]), st.sampled_from([(3,), (2, 1), (1,)]))
def test_a_graph_of_arrays_that_broadcast(plan, one, other):
    rng = np.random.default_rng(0)
    leaves = [tg.Node(rng.standard_normal(one)), tg.Node(rng.standard_normal(other)), tg.Node(0.5)]
    root = random_graph(plan, leaves)
    seed = np.ones(root.shape) if root.shape else 1.0
    expected = careful(root)
    found = sweep_values(walk(root), {root: seed})
    assert found.keys() == expected.keys()
    for node, gradient in expected.items():
        assert np.shape(found[node]) == node.shape
        np.testing.assert_allclose(found[node], gradient, rtol=1e-12)
    assert sweep_in_place(root, seed) is True
    for node in expected:
        assert np.shape(node.grad) == node.shape
        np.testing.assert_allclose(node.grad, found[node], rtol=1e-12)


@pytest.mark.parametrize("name", NUMBERS)
def test_rules_of_quick_ops_give_floats_for_floats(name):
    op = OPS[name]
    for a, b in ((0.3, 0.7), (0.7, 0.3), (0.5, 0.5)):
        inputs = (a,) if op.single else (a, b)
        try:
            y = op.scalar(*inputs)
        except ValueError:  # outside of the domain: arccosh(0.3)
            inputs = tuple(x + 1.0 for x in inputs)
            y = op.scalar(*inputs)
        for rule in op.rules:
            assert type(rule(2.0, float(y), *inputs)) is float


@pytest.mark.parametrize("name", ENTRYWISE)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (0,), (2, 0)])
def test_an_entrywise_op_of_arrays_gives_an_array_and_its_rules_keep_an_even_shape(name, shape):
    """What lets the sweep leave shapes uncompared, and a graph of numbers go without a look at its values.

    The rules of the other ops are held to their inputs' shapes by `test_ops.py`.
    """
    op, x = OPS[name], np.linspace(0.2, 0.8, int(np.prod(shape))).reshape(shape) + (name == "arccosh")
    for inputs in ((x,),) if op.single else ((x, x), (x, 0.5), (0.5, x)):
        y = op.forward(*inputs)
        assert (type(y), y.shape) == (np.ndarray, shape)
        for rule, value in zip(op.rules, inputs, strict=True):
            if value is x:
                assert rule(np.ones_like(y), y, *inputs).shape == shape


def test_float32_stays_float32_where_numbers_meet_it():
    x = tg.Node(np.ones(3, np.float32))
    y = (0.5 * x + x * 2.0 - 1.0) * tg.Node(2.0)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


def test_an_outdated_graph_and_a_division_by_zero_are_left_to_the_careful_sweep():
    x = tg.Node(2.0)
    y = x * x
    y.backward()
    x.value = 3.0
    with pytest.raises(tg.StaleGraph, match="build the graph again"):
        y.backward()
    for outdated in (0, 1):
        inputs = [tg.Node(2.0), tg.Node(3.0)]
        y = inputs[0] * inputs[1]
        inputs[outdated].value = 4.0
        with pytest.raises(tg.StaleGraph, match="build the graph again"):
            y.backward()
    zero = tg.Node(0.0)
    with np.errstate(divide="ignore"):
        (zero * 1.0 + tg.sqrt(zero)).backward()
    assert zero.grad == np.inf


def test_a_graph_that_is_outdated_below_a_newer_root_is_left_to_the_careful_sweep():
    for shape in ((), (2,)):
        x = tg.Node(np.full(shape, 2.0))
        y = x * x
        x.value = np.full(shape, 3.0)
        root = (y + 1.0).sum()
        assert sweep_in_place(root, 1.0) is False
        with pytest.raises(tg.StaleGraph, match="build the graph again"):
            root.backward()
        assert (x.grad, y.grad, root.grad) == (None, None, None)  # nothing half done is left
    x, other = tg.Node(2.0), tg.Node(3.0)
    y = x * x
    other.value = 4.0  # of another graph: older than the root, younger than y
    assert sweep_in_place(y + 1.0, 1.0) is True
    assert x.grad == 4.0


def test_what_gets_nothing_says_none_and_a_zero_keeps_its_sign():
    sign, x = tg.Node([1.0, -2.0]), tg.Node([3.0, 4.0])
    below = sign * 2.0
    for _ in range(2):  # the gradients of an older sweep do not stay
        assert sweep_in_place((np.copysign(x, below)).sum(), 1.0) is True
        assert (sign.grad, below.grad) == (None, None)
        np.testing.assert_array_equal(x.grad, [1.0, -1.0])
        sign._grad = below._grad = 7.0
    x = tg.Node(0.5)
    assert sweep_in_place(x * -0.0, 1.0) is True
    assert str(x.grad) == "-0.0"


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_rule_that_is_stopped_leaves_no_marks(shape):
    def stopped(g, y, x):
        raise KeyboardInterrupt

    x = tg.Node(np.full(shape, 0.5))
    y = tg.tanh(x) * 2.0 + x
    y.backward(np.ones(shape))
    before = [node.grad for node in walk(y)]
    with planted(OPS["tanh"], stopped):
        with pytest.raises(KeyboardInterrupt):
            y.backward(2.0 * np.ones(shape))
        for node, gradient in zip(walk(y), before, strict=True):
            np.testing.assert_array_equal(node.grad, gradient)
        new = tg.tanh(x) * 2.0
        with pytest.raises(KeyboardInterrupt):
            new.backward(np.ones(shape))
        assert (new.grad, new.parents[0].grad) == (None, None)


def test_a_sweep_that_fails_changes_no_gradient():
    def broken(g, y, x):
        raise ValueError("no derivative today")

    own = tg.op("broken_today", lambda x: x * 1.0, broken)
    for shape in ((), (2,)):
        x, w, z = [tg.Node(np.full(shape, value)) for value in (2.0, 5.0, 7.0)]
        y = x * w
        (y * z).sum().backward()
        before = [node.grad for node in (x, w, y, z)]
        x.value = np.full(shape, 3.0)
        outdated, failing = (y + tg.Node(1.0)).sum(), tg.stack([z, own(w * x)]).sum()
        for root, error in ((outdated, tg.StaleGraph), (failing, ValueError)):
            with pytest.raises(error):
                root.backward()
            assert root.grad is None
            for node, gradient in zip((x, w, y, z), before, strict=True):
                np.testing.assert_array_equal(node.grad, gradient)


def test_only_the_rules_of_what_lies_between_are_asked():
    """The square root at 0, below the target, is not: its warning would be an error here."""
    x = tg.Node([0.0, 1.0])
    y = tg.sqrt(x)
    np.testing.assert_array_equal(tg.gradients((y * 2.0).sum(), y), [2.0, 2.0])


def test_a_rule_of_ones_own_may_sweep_itself():
    """The derivative of a value that is found by a search, say: its rule asks another graph that has the same leaf."""
    shared = tg.Node([2.0, 3.0])

    def rule(g, y, x):
        (shared * shared).sum().backward()
        return g * shared.grad

    searched = tg.op("searched", lambda x: x**2, rule)
    root = (searched(shared) * shared).sum()
    assert sweep_in_place(root, 1.0) is False
    root.backward()
    np.testing.assert_array_equal(shared.grad, [12.0, 27.0])


def test_only_what_lies_between_is_sent():
    sent = []

    def rule(g, y, x):
        sent.append(g)
        return g

    watched = tg.op("watched_between", lambda x: x + 0.0, rule)
    x, other = tg.Node([1.0, 2.0]), tg.Node([3.0, 4.0])
    y = x * watched(other)
    np.testing.assert_array_equal(tg.gradients(y, x, seed=np.ones(2)), [3.0, 4.0])
    assert sent == []
    found = sweep_values([y], {y: np.ones(2)}, {y, x})
    assert found.keys() == {y, x}
    y = watched(other) * x
    assert sweep_values([y], {y: np.ones(2)}, {y, x}).keys() == {y, x}


def test_a_swept_graph_of_numbers_is_freed_without_the_collector():
    gc.disable()
    try:
        x = tg.Node(0.5)
        y = tg.tanh(x * x + 1.0)
        y.backward()
        watch = weakref.ref(y)
        del y
        assert watch() is None
    finally:
        gc.enable()
