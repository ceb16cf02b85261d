import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.graph import at_detail
from tinygrad_ed.draw.scalar import expand
from tinygrad_ed.draw.trace import trace
from tinygrad_ed.graph.node import Node

A, B, V = (
    np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]]),
    np.array([[1.0, -2.0], [0.5, 0.75], [3.0, 0.1]]),
    np.array([1.0, 2.0, 4.0]),
)

RESULTS = {
    "broadcast": lambda a, b, v: ((a + v) * a / v).tanh().sum(),
    "product of matrices": lambda a, b, v: (a @ b).sum(),
    "vector times matrix": lambda a, b, v: ((v @ b).tanh() @ (a @ v)).sum(),
    "vector times vector": lambda a, b, v: v @ v,
    "mean over an axis": lambda a, b, v: (a.mean(axis=1) * a.sum(axis=0, keepdims=True).sum()).sum(),
    "moves": lambda a, b, v: (a.T.reshape((2, 3))[1] * np.flip(v) * np.concatenate([v[:1], a[0, :2]])).sum(),
    "an entry read twice": lambda a, b, v: (v[[0, 0, 2]] * v).sum(),
    "a choice": lambda a, b, v: np.where(np.array([True, False, True]), v * 2.0, a[0] * v).sum(),
    "powers with a parameter": lambda a, b, v: (tg.leaky_relu(a, slope=0.3) ** 2.0).sum(),
    "an op that stays whole": lambda a, b, v: (np.max(a, axis=1) * np.prod(v) + tg.logsumexp(a @ b)).sum(),
    "sums of nothing": lambda a, b, v: (
        (a[:, :0] @ b[:0]).sum() + (a[:, :0].sum(axis=1) @ a + a[:0].sum(axis=0) + v).sum()
    ),
    "batches of matrices": lambda a, b, v: (np.stack([a, a * 2.0]) @ b).sum(),
}


@pytest.mark.parametrize("what", RESULTS)
def test_the_graph_of_numbers_has_the_value_and_the_gradients_of_the_arrays(what):
    leaves = [Node(A, name="a"), Node(B, name="b"), Node(V, name="v")]
    root = RESULTS[what](*leaves)
    scalar, entries, _, _ = expand(root)
    assert scalar.shape == ()
    assert scalar.value == pytest.approx(root.value, rel=1e-12)
    wanted = dict(zip(leaves, tg.gradients(root, leaves), strict=True))
    for entry, got in zip(entries, tg.gradients(scalar, list(entries)), strict=True):
        leaf = entries[entry]
        at = tuple(map(int, entry.name[2:-1].split(",")))
        assert entry.value == leaf.value[at]
        assert got == pytest.approx(wanted[leaf][at], rel=1e-12, abs=1e-12)


def test_a_graph_of_numbers_has_no_arrays_if_its_ops_can_be_written_out():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    cost = tg.nn.costs.mse(mlp([[0.5, -1.0]]), [[1.0, 0.0]])
    root, _, homes, _ = expand(cost)
    data = trace(root, layers=homes)
    assert all(node.value.shape == () for node in data.nodes)
    assert data.layers == ("layer 1", "layer 2")
    ops = [node.op for node in data.nodes if node.layer == "layer 1" and node.op]
    assert {op: ops.count(op) for op in ops} == {"multiply": 6, "add": 6, "tanh": 3}


def test_auto_takes_the_finest_detail_that_is_small_enough_and_says_so():
    small = tg.nn.MLP([2, 3, 2], rng=1)
    data, caption = at_detail(small([[0.5, -1.0]]).sum(), "auto", None)
    assert [node.name for node in data.nodes if node.role == "parameter"][:3] == ["W1[0,0]", "W1[0,1]", "W1[0,2]"]
    assert caption == f"Every number by itself: {len(data.nodes)} nodes, detail='tensor' keeps arrays together"
    wide = tg.nn.MLP([64, 32, 10], rng=1)
    data, caption = at_detail(wide(np.ones((1, 64))).sum(), "auto", None)
    assert caption == f"{len(data.nodes)} nodes"
    assert max(len(node.value.shape) for node in data.nodes) == 2


def test_the_numbers_of_a_scalar_view_are_those_of_the_arrays():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    cost = tg.nn.costs.mse(mlp([[0.5, -1.0]]), [[1.0, 0.0]])
    assert not at_detail(cost, "scalar", None)[0].swept
    cost.backward()
    data, _ = at_detail(cost, "scalar", None)
    found = {node.name: node.gradient.low for node in data.nodes if node.role == "parameter"}
    for parameter in mlp.parameters():
        for at, gradient in np.ndenumerate(parameter.grad):
            assert found[f"{parameter.name}[{','.join(map(str, at))}]"] == pytest.approx(gradient, rel=1e-12)


def test_the_numbers_of_a_scalar_view_follow_the_seed_and_are_not_computed_if_another_result_was_swept():
    w = Node([1.0, 2.0], name="w")
    y = (w * 3.0).sum()
    y.backward(seed=0.5)
    assert [n.gradient.low for n in at_detail(y, "scalar", None)[0].nodes if n.name] == [1.5, 1.5]
    w.sum().backward()
    assert not at_detail(y, "scalar", None)[0].swept
    data, caption = at_detail(y, "auto", None)
    assert [n.gradient.entries for n in data.nodes if n.name] == [[1.0, 1.0]]
    assert caption == "4 nodes"


def test_inside_no_grad_the_graph_of_numbers_is_still_a_graph():
    y = (Node([1.0, 2.0]) * 3.0).sum()
    with tg.no_grad():
        assert len(at_detail(y, "scalar", None)[0].nodes) == 7


def test_parameters_that_were_named_stay_parameters_entry_by_entry():
    w, x = Node([1.0, 2.0], name="w"), Node([3.0, 4.0], name="x")
    data, _ = at_detail((w * x).sum(), "scalar", {w})
    assert {node.name: node.role for node in data.nodes if node.name} == {
        "w[0]": "parameter",
        "w[1]": "parameter",
        "x[0]": "input",
        "x[1]": "input",
    }


def test_a_result_with_several_entries_cannot_be_drawn_in_numbers():
    with pytest.raises(tg.InvalidValue, match=r"draws a result with one entry, but Node\(.*\) has shape \(2,\)"):
        draw.graph(Node([1.0, 2.0]) * 2.0, detail="scalar")
