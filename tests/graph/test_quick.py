"""The quick sweeps against the careful one, on random graphs of numbers and of arrays; and what they leave to it."""

import gc
import os
import subprocess
import sys
import threading
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


def test_sweeps_of_arrays_in_two_threads_run_side_by_side():
    """The second one does not wait for the first, and neither finds the gradients of the other in its own."""
    shared, inside, go_on, read = tg.Node([1.0, 2.0]), threading.Event(), threading.Event(), []
    tanh = OPS["tanh"].rules[0]

    def slow(g, y, x):
        inside.set()
        assert go_on.wait(20)
        return tanh(g, y, x)

    with planted(OPS["tanh"], slow):
        first, second = (tg.tanh(shared * 1.0) + shared).sum(), (shared * 3.0 + shared).sum()
        one = threading.Thread(target=first.backward)
        one.start()
        assert inside.wait(20)
        assert sweep_in_place(second, 1.0) is False
        reader = threading.Thread(target=lambda: read.append(shared.grad))  # waits, for a whole gradient
        reader.start()
        reader.join(0.2)
        assert read == []
        np.testing.assert_array_equal(tg.gradients(second, shared), [4.0, 4.0])
        other = threading.Thread(target=second.backward)  # computes, and waits with what it has to write
        other.start()
        other.join(0.2)
        go_on.set()
        for thread in (one, other, reader):
            thread.join(20)
        assert read[0].tolist() in ([2.0 - np.tanh(1.0) ** 2, 2.0 - np.tanh(2.0) ** 2], [4.0, 4.0])
        assert second.grad == 1.0
        np.testing.assert_array_equal(shared.grad, [4.0, 4.0])


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


def test_sweeps_in_several_threads_do_not_mix_what_arrives_at_a_shared_leaf():
    shared, interval = tg.Node(1.5), sys.getswitchinterval()

    def uses(factor):
        y = shared * factor
        for _ in range(1000):
            y = y + shared * factor
        return y

    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            roots, start = [uses(1.0), uses(2.0)], threading.Barrier(2)

            def work(root, start=start):
                start.wait()
                root.backward()

            threads = [threading.Thread(target=work, args=(root,)) for root in roots]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert shared.grad in (1001.0, 2002.0)
            assert [root.grad for root in roots] == [1.0, 1.0]
    finally:
        sys.setswitchinterval(interval)


def test_a_reader_who_comes_in_between_finds_a_number_or_nothing():
    x, found = tg.Node(3.0), []
    square = OPS["square"]
    first = square.rules[0]
    with planted(square, lambda g, y, a: (found.append(x.grad), first(g, y, a))[1]):
        tg.square(x * 1.0).backward()
    assert x.grad == 6.0
    assert [type(value) for value in found] == [float]


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


FORK = """
import os, signal, threading
import numpy as np
import tinygrad_ed as tg
from tinygrad_ed.graph.op import OPS

signal.alarm(30)
inside, go_on, tanh = threading.Event(), threading.Event(), OPS["tanh"].rules[0]
rules = (lambda g, y, x: (inside.set(), go_on.wait(20), tanh(g, y, x))[2],)
OPS["tanh"].trusted = (rules, True, True)
OPS["tanh"].rules = rules
x = tg.Node([1.0, 2.0])
sweep = threading.Thread(target=tg.tanh(x).sum().backward)
sweep.start()
inside.wait(20)
threading.Timer(0.2, go_on.set).start()
child = os.fork()
if not child:
    signal.alarm(10)  # the alarm of the parent is not inherited
    x.value = 2.0 * x.grad
    (x * x).sum().backward()
    os._exit(0 if x.grad.shape == (2,) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
sweep.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_child_that_is_forked_during_a_sweep_can_read_and_sweep():
    run = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]  # Python 3.12 warns of forks beside threads
    result = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr) == ("0\n", "")


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
