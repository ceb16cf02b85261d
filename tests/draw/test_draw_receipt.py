import time

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.draw.network_trace import network_trace
from tinygrad_ed.draw.trace import trace
from tinygrad_ed.graph.node import Node


def told(f, *values, **options):
    y = f(*[Node(value, name=name) for value, name in zip(values, "abc", strict=False)])
    y.backward()
    return trace(y, **options)


def test_equal_traces_are_equal_and_say_so():
    first, second = told(lambda a, b: (a * b).tanh(), 2.0, 3.0), told(lambda a, b: (a * b).tanh(), 2.0, 3.0)
    receipt = first.compare(second)
    assert receipt
    assert receipt.equal
    assert receipt.first is None
    assert str(receipt) == "the traces are equal"


@pytest.mark.parametrize(
    ("one", "other", "line"),
    [
        (lambda a, b: a * b, lambda a, b: a + b, "n2 (multiply): op is multiply in the first and add in the second"),
        (lambda a, b: a - b, lambda a, b: b - a, "n2 (subtract): inputs is n0 n1 in the first and n1 n0 in the second"),
        (
            lambda a, b: a * b,
            lambda a, b: (a * b).tanh(),
            "n2 (multiply): role is output in the first and op in the second",
        ),
    ],
)
def test_graphs_of_another_shape_are_told_apart_at_the_first_node(one, other, line):
    assert str(told(one, 2.0, 3.0).compare(told(other, 2.0, 3.0))) == line


def test_a_node_that_only_one_has_is_missing():
    y = Node(2.0, name="a") * 3.0
    more = y.tanh()
    first, second = trace(y), trace(more)
    first.nodes[-1].role = "op"
    difference = first.compare(second).first
    assert str(difference) == "n3 (tanh) is only in the second"
    assert str(second.compare(first).first) == "n3 (tanh) is only in the first"


def test_values_come_before_gradients_and_gradients_in_the_order_of_the_sweep():
    first, second = told(lambda a, b: (a * b).tanh(), 2.0, 3.0), told(lambda a, b: (a * b).tanh(), 2.0, 3.5)
    differences = first.compare(second).differences
    assert [d.where for d in differences[:3]] == ["n1 (b)", "n2 (multiply)", "n3 (tanh)"]
    assert {d.what for d in differences[:3]} == {"value"}
    assert [d.what for d in differences[3:5]] == ["local derivative", "contribution"]
    assert str(first.compare(second)).startswith("n1 (b): value is 3 in the first and 3.5 in the second (")


def test_a_wrong_rule_of_a_student_is_found_at_its_edge():
    wrong = tg.op("tanh", np.tanh, lambda g, y, x: g * (1.0 + y * y))
    right = tg.op("tanh", np.tanh, lambda g, y, x: g * (1.0 - y * y))
    teacher, student = (told(lambda a, b, op=op: op(a * b) + a, 0.2, 0.3) for op in (right, wrong))
    first = teacher.compare(student).first
    assert first.where == "n2 (multiply) used by n3 (tanh)"
    assert first.what == "local derivative"
    assert first.second == pytest.approx(1 + np.tanh(0.06) ** 2)


def test_rounding_counts_as_equal_within_the_tolerance_and_nan_equals_nan():
    first, second = told(lambda a: a * 1.0, 1.0), told(lambda a: a * 1.0, 1.0 + 1e-12)
    assert first.compare(second).equal
    assert not first.compare(second, tolerance=1e-15).equal
    assert trace(Node(np.nan) * 2.0).compare(trace(Node(np.nan) * 2.0)).equal
    assert not trace(Node(np.nan) * 2.0).compare(trace(Node(1.0) * 2.0)).equal


def test_not_computed_is_not_zero():
    x = Node(2.0, name="x")
    y = x * 0.0
    before = trace(y)
    y.backward()
    assert (
        str(before.compare(trace(y)).first)
        == "n2 (multiply): gradient is not computed in the first and 1 in the second"
    )


@pytest.mark.parametrize("size", [3, 500])
def test_arrays_small_and_large_are_compared(size):
    values = np.linspace(0.0, 1.0, size)
    changed = values.copy()
    changed[1] += 0.25
    first, second = told(lambda a: a.sum(), values), told(lambda a: a.sum(), changed)
    assert first.compare(told(lambda a: a.sum(), values)).equal
    assert first.compare(second).first.where == "n0 (a)"
    swapped = values[::-1]
    assert not first.compare(told(lambda a: a.sum(), swapped)).equal


def test_two_networks_are_compared_in_the_letters_of_the_lecture():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    one = network_trace(mlp, [0.5, -1.0], [1.0, 0.0], "mse", "scalar", 0.1)
    other = network_trace(mlp, [0.5, -1.0], [1.0, 0.5], "mse", "scalar", 0.1)
    assert str(one.compare(other).first) == "n62 (ρ₂): value is 0 in the first and 0.5 in the second"


def test_twenty_thousand_nodes_take_linear_time():
    y = x = Node(1.0, name="x")
    for _ in range(10_000):
        y = y * 1.0001 + x
    data = trace(y, fresh=True)
    began = time.process_time()
    assert data.compare(data).equal
    assert time.process_time() - began < 3.0
