import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.draw.trace import Trace, collapse, trace
from tinygrad_ed.graph.node import Node


def named(data: Trace, name: str):
    return next(node for node in data.nodes if node.name == name)


def network(dtype=float):
    mlp = tg.nn.MLP([2, 3, 2], rng=1, dtype=dtype)
    x, rho = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    return mlp, x, rho


def test_a_product_of_a_value_with_itself_has_two_edges_and_both_count():
    x = Node(3.0, name="x")
    y = x * x
    y.backward()
    data = trace(y)
    assert [(e.source, e.target, e.slot, e.local, e.contribution.low) for e in data.edges] == [
        ("n0", "n1", 0, 3.0, 3.0),
        ("n0", "n1", 1, 3.0, 3.0),
    ]
    assert named(data, "x").gradient.entries == 6.0


def test_not_computed_is_none_and_zero_is_zero():
    x, unused = Node(2.0, name="x"), Node(5.0, name="unused")
    y = x + unused * 0.0
    assert {node.gradient for node in trace(y).nodes} == {None}
    y.backward()
    data = trace(y)
    assert named(data, "unused").gradient.entries == 0.0
    assert [node.gradient for node in data.nodes if node.role == "constant"] == [None]


def test_fresh_gradients_touch_no_node():
    x = Node(2.0)
    y = x * 3.0
    assert trace(y, fresh=True).nodes[0].gradient.entries == 3.0
    assert x.grad is None
    assert y.grad is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("+-*"), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=25))
def test_the_contributions_that_leave_a_node_add_up_to_its_gradient(program):
    pool = [Node(0.5), Node(-1.25), Node(0.75)]
    for sign, i, j in program:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        pool.append((a + b if sign == "+" else a - b if sign == "-" else a * b).tanh())
    root = pool[-1]
    root.backward()
    data = trace(root)
    by_id = {node.id: node for node in data.nodes}
    arrived: dict[str, float] = {}
    for edge in data.edges:
        arrived[edge.source] = arrived.get(edge.source, 0.0) + edge.contribution.low
        assert edge.contribution.low == pytest.approx(edge.local * by_id[edge.target].gradient.low)
    for node in data.nodes:
        if node.role != "output":
            assert node.gradient.low == pytest.approx(arrived[node.id])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contributions_of_arrays_have_the_shape_of_their_input_also_where_it_was_broadcast(dtype):
    mlp, x, rho = network(dtype)
    cost = tg.nn.costs.mse(mlp(x), rho.astype(dtype))
    cost.backward()
    data = trace(cost)
    into = {e.source: e for e in data.edges}
    for layer in mlp.layers:
        bias = named(data, layer.bias.name)
        edge = into[bias.id]
        assert edge.contribution.shape == layer.bias.shape
        assert np.array_equal(edge.contribution.entries, layer.bias.grad)


def test_two_runs_of_a_program_give_the_same_bytes():
    def run() -> str:
        mlp, x, rho = network()
        cost = tg.nn.costs.mse(mlp(x), rho)
        cost.backward()
        return trace(cost).to_json()

    first = run()
    Node(1.0)  # moves the creation counter
    assert run() == first


def test_roles_and_layers_follow_the_names_of_the_parameters():
    mlp, x, rho = network()
    data = trace(tg.nn.costs.mse(mlp(Node(x, name="x")), rho))
    assert {node.name: node.role for node in data.nodes if node.name} == {
        "x": "input",
        **dict.fromkeys(["W1", "b1", "W2", "b2"], "parameter"),
    }
    assert data.layers == ("layer 1", "layer 2")
    assert named(data, "x").layer is None
    assert [n.op for n in data.nodes if n.layer == "layer 1" and n.op] == ["matmul", "add", "tanh"]
    assert data.nodes[-1].role == "output"
    assert data.nodes[-1].layer is None


def test_roles_and_layers_can_be_given():
    a, b = Node(1.0, name="a"), Node(2.0, name="b")
    y = a * b
    data = trace(y, parameters=[b], layers={y: "mine", b: "mine"}, names={a: "first"})
    assert [(n.name, n.role, n.layer) for n in data.nodes] == [
        ("first", "input", None),
        ("b", "parameter", "mine"),
        (None, "output", "mine"),
    ]


def test_a_collapsed_trace_has_one_node_a_layer_which_shows_the_layers_result():
    mlp, x, rho = network()
    x = Node(x, name="x")
    hidden = mlp.layers[0](x)
    cost = tg.nn.costs.mse(mlp.layers[1](hidden), rho)
    small = collapse(trace(cost))
    first = next(node for node in small.nodes if node.op == "layer 1")
    assert np.array_equal(first.value.entries, hidden.value)
    ids = {node.id for node in small.nodes}
    assert {e.source for e in small.edges} | {e.target for e in small.edges} <= ids
    assert [e.source for e in small.edges if e.target == first.id] == [named(small, "x").id]


def test_json_is_strict_also_for_numbers_that_json_does_not_have():
    x = Node([0.0, 1.0, np.inf], name="x")
    data = json.loads(trace(x * 2.0).to_json(), parse_constant=pytest.fail)
    assert data["schema"] == 2
    assert data["nodes"][0]["value"]["entries"] == [0.0, 1.0, "inf"]
    assert [node["id"] for node in data["nodes"]] == ["n0", "n1", "n2"]


def test_large_arrays_are_kept_as_a_summary():
    numbers = trace(Node(np.arange(100.0)) * 1.0).nodes[0].value
    assert (numbers.shape, numbers.entries, numbers.low, numbers.high, numbers.mean) == ((100,), None, 0.0, 99.0, 49.5)


def test_sixty_doublings_and_a_chain_of_ten_thousand_ops_are_traced_in_under_a_second():
    x = Node(1.0)
    y = x
    for _ in range(60):
        y = y + y
    z = x
    for _ in range(10_000):
        z = z * 1.0001
    began = time.process_time()
    doubled, chain = trace(y, fresh=True), trace(z, fresh=True)
    assert time.process_time() - began < 1.0
    assert (len(doubled.nodes), len(doubled.edges), doubled.nodes[0].gradient.low) == (61, 120, 2.0**60)
    assert len(chain.nodes) == 20_001


def test_what_is_not_a_node_or_is_outdated_is_refused():
    with pytest.raises(tg.InvalidType, match=r"a graph is drawn from its last Node, but got 3\.0"):
        trace(3.0)  # type: ignore[arg-type]
    x = Node(1.0)
    y = x * 2.0
    x.value = 5.0
    with pytest.raises(tg.StaleGraph, match="build the graph again"):
        trace(y)


def test_gradients_of_one_sweep_from_the_root_or_from_above_it_belong_to_the_root():
    x = Node(2.0, name="x")
    y = x * x
    z = y.tanh()
    assert not trace(y).of_root
    y.backward(seed=3.0)
    assert trace(y).of_root
    z.backward()
    assert trace(y).of_root
    assert trace(z).of_root
    assert trace(y, fresh=True).nodes[-1].gradient.entries == 1.0


def test_after_another_sweep_no_edge_carries_a_contribution():
    x = Node(2.0, name="x")
    y = x * x
    y.backward()
    above = trace(y * 3.0)
    (x * 5.0).backward()
    for data in (trace(y), above):
        assert data.swept
        assert not data.of_root
        assert not collapse(data).of_root
        assert [edge.contribution for edge in data.edges] == [None] * len(data.edges)
        assert [edge.local for edge in data.edges if edge.source == "n0"] == [2.0, 2.0]
    assert [node.gradient and node.gradient.entries for node in trace(y).nodes] == [5.0, 1.0]


def test_a_part_that_another_sweep_went_through_is_noticed_in_arrays_too():
    mlp, x, rho = network()
    hidden = mlp.layers[0](x)
    cost = tg.nn.costs.mse(mlp.layers[1](hidden), rho)
    cost.backward()
    assert trace(cost).of_root
    hidden.sum().backward()
    assert not trace(cost).of_root
    assert trace(hidden).of_root


def test_gradients_that_are_not_numbers_belong_to_their_root_and_drawing_does_not_warn_again():
    x = Node([np.inf, 1.0], name="x")
    with np.errstate(all="ignore"):
        y = (x * 0.0).sum()
        y.backward(seed=np.inf)
    assert np.isnan(x.grad).all()
    assert trace(y).of_root
    assert ">&#160;&#160;nan<" in tg.draw.graph(y, detail="tensor").render("dot").decode()
    assert "∞ · 0 = nan" in tg.draw.graph(y, detail="scalar").render("dot").decode()
