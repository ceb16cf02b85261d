"""The trace of a network in the lecture's letters: the graph that its ops build, seen neuron by neuron or in layers.

`detail="tensor"` keeps the graph as it is. "layer" has one node for each ζ and α, and "scalar" one for each of their
entries: what the ops compute on the way there is gathered in it, and so is the cost. Values, derivatives and
contributions stay those of the graph. The numbers of the closed-form rules come along, for comparison.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_ed.checking.crosscheck import ledger
from tinygrad_ed.draw.parts import Edge, TraceNode, merged, numbers_of
from tinygrad_ed.draw.scalar import expand
from tinygrad_ed.draw.trace import Trace, trace
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.node import Node
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.batch import batch_of, forward
from tinygrad_ed.notation.letters import letter, named
from tinygrad_ed.notation.quantity import Quantity
from tinygrad_ed.notation.writing import LECTURE, Writing

_KINDS = ("omega", "beta")
DETAILS = ("scalar", "layer", "tensor")


def network_trace(
    mlp: MLP, x: Any, rho: Any, cost: str, detail: str, learning_rate: float, write: Writing = LECTURE
) -> Trace:
    """Return the trace of a network on a batch, with gradients."""
    x, rho = batch_of(mlp, x, rho, cost)
    if detail == "scalar":
        if len(x) != 1:
            raise InvalidValue(
                f"detail='scalar' plays one sample, but x holds {len(x)}; give one of them (x[0] and rho[0]), or "
                "take detail='layer'"
            )
        x, rho = x[0], rho[0]
    found = ledger(mlp, x, rho, cost, road="rules")
    closed = {name: numbers_of(value) for name, value in found.items()}
    names = [f"{kind}[{j}]" for j, n in enumerate(mlp.layers, start=1) for kind in _KINDS[: len(n.parameters())]]
    slopes = [found[f"grad_{name}"] for name in names]
    moved = [Node(p.value - learning_rate * slope) for p, slope in zip(mlp.parameters(), slopes, strict=True)]
    with recording(True):  # also inside no_grad: these graphs are ours
        root, quantities = _built(mlp, x, rho, cost, dict(zip(names, mlp.parameters(), strict=True)), detail)
        after, _ = _built(mlp, x, rho, cost, dict(zip(names, moved, strict=True)), detail)
    parameters = {node for node, name in quantities.items() if Quantity.of(name)[0] in _KINDS}
    layers = {node: f"layer {Quantity.of(name)[1]}" for node, name in quantities.items() if Quantity.of(name)[1]}
    data = trace(
        root,
        parameters=parameters,
        layers=layers,
        names={node: write(named("E" if name == "cost" else name)).unicode for node, name in quantities.items()},
        quantities=quantities,
        fresh=True,
        learning_rate=learning_rate,
        after={node: value for node, value in _paired(root, after).items() if node.op or node in parameters},
    )
    if detail != "tensor":
        data = _gathered(data, mlp, rho, cost, detail == "scalar", write)
    return replace(data, closed=closed, write=write)


def _built(
    mlp: MLP, x: Any, rho: Any, cost: str, parameters: dict[str, Node], detail: str
) -> tuple[Node, dict[Node, str]]:
    """Return the graph of the error with these parameters, and what its nodes are in the lecture."""
    alpha, zeta = forward(mlp, Node(x), list(parameters.values()))
    root = costs.find(cost)(alpha[len(mlp.layers)], rho)
    quantities = {alpha[0]: "alpha[0]", root: "cost"} | {node: name for name, node in parameters.items()}
    for j in zeta:
        quantities |= {zeta[j]: f"zeta[{j}]", alpha[j]: f"alpha[{j}]"}
    if detail != "scalar":
        return root, quantities
    root, _, _, entries = expand(root)
    return root, {
        entry: f"{name[:-1]},{','.join(map(str, at))}]" if at else name
        for node, name in quantities.items()
        for at, entry in np.ndenumerate(entries[node])
    }


def _paired(root: Node, twin: Node) -> dict[Node, Any]:
    """Return for every node of a graph the value in another graph that was built in the same way."""
    values: dict[Node, Any] = {}
    todo = [(root, twin)]
    while todo:
        one, other = todo.pop()
        if one not in values:
            values[one] = other._value
            todo += zip(one.parents, other.parents, strict=True)
    return values


def _gathered(data: Trace, mlp: MLP, rho: Any, cost: str, scalar: bool, write: Writing) -> Trace:
    """Return one node for each quantity: what leads to it alone is gathered in it."""
    home: dict[str, str] = {}
    own = {node.id for node in data.nodes if node.quantity}
    for edge in reversed(data.edges):  # a node comes after what it was computed from
        if edge.source not in own:
            home.setdefault(edge.source, home.get(edge.target, edge.target))
    nodes, edges = merged(data.nodes, data.edges, home)
    ops = {"zeta": "net input", "cost": cost}
    told: list[TraceNode] = []
    for node in nodes:
        kind, j, _ = Quantity.of(node.quantity or "")
        op = ops.get(kind) or mlp.layers[j - 1].activation
        told.append(node if node.op is None else replace(node, op=op))
    answers = {"rho": (write(letter("rho")).unicode, numbers_of(np.asarray(rho, float)))}
    if scalar:
        answers = {
            f"rho[{k}]": (write(letter("rho", None, k + 1)).unicode, numbers_of(float(r))) for k, r in enumerate(rho)
        }
    expected = [
        TraceNode(f"n{len(data.nodes) + i}", "constant", None, name, None, value, None, quantity)
        for i, (quantity, (name, value)) in enumerate(answers.items())
    ]
    given = [e for e in edges if e.target == data.root]
    edges += [Edge(node.id, data.root, len(given) + i, None, None) for i, node in enumerate(expected)]
    return replace(data, nodes=(*told[:-1], *expected, told[-1]), edges=tuple(edges))
