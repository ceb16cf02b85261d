"""A computational graph as plain data: what every picture and the player are made from.

`trace(root)` walks the graph once, without recursion, and gives a `Trace`: nodes and edges as dataclasses
of numbers and text. Ids are `n0`, `n1`, ... in the order of creation, so two runs of a program give equal
traces, byte for byte. An edge is one use of a value: `x * x` has two. An edge carries the two numbers that
backpropagation multiplies: what arrives at the op times its local derivative is the edge's contribution,
and the contributions of all edges that leave a node add up to its gradient. Where the gradients that the nodes
hold are not those of one sweep from the root, no edge carries a contribution: they would not add up.
"""

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.backward import contribution, start, sweep, walk
from tinygrad_ed.errors import InvalidType
from tinygrad_ed.node import Node, plain

SCHEMA = 1
FULL = 64  # arrays up to this many entries are kept entry by entry, larger ones as a summary
_PARAMETER = re.compile(r"(?:W|b)([1-9][0-9]*)")


@dataclass(slots=True)
class Numbers:
    """A float, or an array as plain data.

    Attributes:
        shape: `()` for a float.
        entries: the float, or nested lists; None for an array of more than `FULL` entries.
        low: the smallest entry.
        high: the largest entry.
        mean: the mean of the entries.
    """

    shape: tuple[int, ...]
    entries: Any
    low: float
    high: float
    mean: float


@dataclass(slots=True)
class TraceNode:
    """One value: a leaf, a constant, or the result of an op.

    Attributes:
        id: `n0`, `n1`, ...
        role: "parameter", "input", "constant", "op" or "output".
        op: the name of the op that made it, None for a leaf.
        name: the name that the user gave, or None.
        layer: the cluster it belongs to, or None.
        value: the numbers.
        gradient: the numbers, or None where no sweep arrived: "not computed" is not zero.
    """

    id: str
    role: str
    op: str | None
    name: str | None
    layer: str | None
    value: Numbers
    gradient: Numbers | None


@dataclass(slots=True)
class Edge:
    """One use of a value by an op.

    Attributes:
        source: the id of the value.
        target: the id of the op's result.
        slot: the position among the op's inputs, from 0.
        local: for floats, the derivative of the op's result with respect to this input.
        contribution: what this use adds to the gradient of the source, or None where there is none.
    """

    source: str
    target: str
    slot: int
    local: float | None
    contribution: Numbers | None


@dataclass(frozen=True, slots=True)
class Trace:
    """A computational graph as plain data.

    Attributes:
        root: the id of the node that was drawn.
        nodes: the nodes, each after those it was computed from.
        edges: the edges, in the order of their targets.
        of_root: whether the gradients are those of one sweep through the root. False where there is none, and
            where other results were swept since.
    """

    root: str
    nodes: tuple[TraceNode, ...]
    edges: tuple[Edge, ...]
    of_root: bool

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the clusters, in the order of their first node."""
        return tuple(dict.fromkeys(node.layer for node in self.nodes if node.layer is not None))

    @property
    def swept(self) -> bool:
        """Whether there is any gradient, of this result or of another one."""
        return any(node.gradient is not None for node in self.nodes)

    def to_json(self) -> str:
        """Return the trace as JSON, with `"schema": 1`.

        A number stands for itself; an array is an object with its shape, its entries (or null), low, high and
        mean. What JSON cannot hold becomes "nan", "inf" or "-inf".
        """
        nodes = [{key: _plain_data(getattr(node, key)) for key in _NODE_KEYS} for node in self.nodes]
        edges = [{key: _plain_data(getattr(edge, key)) for key in _EDGE_KEYS} for edge in self.edges]
        data = {"schema": SCHEMA, "root": self.root, "nodes": nodes, "edges": edges}
        return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@np.errstate(all="ignore")  # what is computed again here has given its warnings the first time
def trace(
    root: Node,
    *,
    parameters: Iterable[Node] | None = None,
    layers: Mapping[Node, str] | None = None,
    names: Mapping[Node, str] | None = None,
    fresh: bool = False,
) -> Trace:
    """Return the graph below `root` as plain data, in time linear in its nodes and edges.

    Args:
        root: the node to draw.
        parameters: the leaves to mark as parameters; None takes those named like `W1` or `b1`.
        layers: the cluster of each node; None works it out from the names of the parameters.
        names: other names for some nodes.
        fresh: take the gradients of `root` from a sweep made here, which touches no node, in place of those
            that the last `backward` left.

    Raises:
        InvalidType: if `root` is not a Node.
        StaleGraph: if a leaf got a new value after the graph was built.
        ShapeError: if `fresh` and `root` has several entries.

    >>> x = Node(3.0, name="x")
    >>> y = x * x
    >>> t = trace(y, fresh=True)
    >>> [(edge.source, edge.target, edge.slot, edge.contribution.entries) for edge in t.edges]
    [('n0', 'n1', 0, 3.0), ('n0', 'n1', 1, 3.0)]
    >>> t.nodes[0].gradient.entries
    6.0
    """
    if not isinstance(root, Node):
        raise InvalidType(f"a graph is drawn from its last Node, but got {root!r}; give the result of a computation")
    order = walk(root)
    swept = sweep(order, {root: start(root)}) if fresh else {}
    of_root = fresh or _of_one_sweep(order, root)
    order.reverse()
    marked = set(parameters) if parameters is not None else {n for n in order if n.op is None and layer_of(n)}
    clusters = layers_of(order) if layers is None else layers
    names = names or {}
    ids: dict[Node, str] = {}
    nodes: list[TraceNode] = []
    edges: list[Edge] = []
    for node in order:
        sources, home = [], clusters.get(node)
        for arg in node.args:
            if isinstance(arg, Node):
                sources.append(ids[arg])
                continue
            sources.append(f"n{len(nodes)}")
            reader = home if type(arg) is float else None  # data do not belong to the layer that reads them
            nodes.append(TraceNode(sources[-1], "constant", None, None, reader, numbers_of(arg), None))
        ids[node] = key = f"n{len(nodes)}"
        if node.op is None:
            role, op = "parameter" if node in marked else "input", None
        else:
            role, op = "output" if node is root else "op", node.op.name
        g = swept.get(node) if fresh else node._grad
        gradient = None if g is None else numbers_of(g)
        nodes.append(TraceNode(key, role, op, names.get(node, node.name), home, numbers_of(node._value), gradient))
        inputs = [plain(arg) for arg in node.args]
        for slot, source in enumerate(sources):
            edges.append(Edge(source, key, slot, *_flow(node, slot, inputs, g if of_root else None)))
    return Trace(ids[root], tuple(nodes), tuple(edges), of_root)


def collapse(data: Trace) -> Trace:
    """Return a coarser trace: all nodes of a layer become one, which shows the layer's result.

    Edges that enter a layer are kept, those inside it are not.
    """
    last: dict[str | None, TraceNode] = {
        node.layer: node for node in data.nodes if node.layer is not None and node.op is not None
    }
    kept = [node for node in data.nodes if last.get(node.layer, node) is node]
    home = {node.id: last.get(node.layer, node).id for node in data.nodes}
    edges = [dataclasses.replace(e, source=home[e.source], target=home[e.target]) for e in data.edges]
    nodes = [node if node.layer not in last else dataclasses.replace(node, op=node.layer, layer=None) for node in kept]
    return Trace(home[data.root], tuple(nodes), tuple([e for e in edges if e.source != e.target]), data.of_root)


def layer_of(leaf: Node) -> str | None:
    """The cluster of a parameter named like `W1` or `b1`: "layer 1"."""
    match = _PARAMETER.fullmatch(leaf.name or "")
    return f"layer {match[1]}" if match else None


def layers_of(order: list[Node]) -> dict[Node, str]:
    """Work out clusters from the names of the parameters.

    A node belongs to a layer if it uses a parameter of that layer, or if all Nodes it uses belong to it and it
    keeps their shape and meets no other array: so the activation function does, the cost does not.
    """
    found = {node: layer for node in order if node.op is None and (layer := layer_of(node))}
    for node in order if found else []:
        if node.op is None:
            continue
        own = next((found[p] for p in node.parents if p.op is None and p in found), None)
        if own is None:
            theirs = {found.get(p) for p in node.parents}
            same = all(type(a) is float or (isinstance(a, Node) and a.shape == node.shape) for a in node.args)
            own = theirs.pop() if len(theirs) == 1 and same else None
        if own is not None:
            found[node] = own
    return found


def _of_one_sweep(order: list[Node], root: Node) -> bool:
    """Whether the gradients that the nodes hold are what a sweep brings that comes to the root with the root's."""
    if root._grad is None:
        return False
    swept = sweep(order, {root: root._grad})
    return all(_same(node._grad, swept.get(node)) for node in order)


def _same(a: Any, b: Any) -> bool:
    """Whether a stored gradient is the one that a sweep brings."""
    if a is None or b is None:
        return a is b
    return (type(a) is float and a == b) or np.allclose(a, b, rtol=1e-5, atol=0, equal_nan=True)


def _flow(node: Node, slot: int, inputs: list[Any], g: Any) -> tuple[float | None, Numbers | None]:
    """The local derivative (floats only) and the contribution of one edge."""
    arg, op = node.args[slot], node.op
    if op is None or not isinstance(arg, Node):
        return None, None
    y, local, sent = node._value, None, None
    if type(y) is float and type(arg._value) is float:
        local = contribution(op, slot, 1.0, y, inputs, node.params, arg)
    if g is not None:
        sent = contribution(op, slot, g, y, inputs, node.params, arg)
    return local, None if sent is None else numbers_of(sent)


def numbers_of(value: Any) -> Numbers:
    """A float or an array as plain data."""
    if type(value) is float:
        return Numbers((), value, value, value, value)
    array = np.asarray(value)
    if array.ndim == 0:
        return numbers_of(float(array))
    if array.size == 0:
        return Numbers(array.shape, array.tolist(), 0.0, 0.0, 0.0)
    entries = array.astype(float).tolist() if array.size <= FULL else None
    with np.errstate(all="ignore"):
        return Numbers(array.shape, entries, float(array.min()), float(array.max()), float(array.mean()))


def _plain_data(part: Any) -> Any:
    """The same data as JSON can hold it."""
    if isinstance(part, Numbers):
        if not part.shape:
            return _plain_data(part.low)
        return {key: _plain_data(getattr(part, key)) for key in ("shape", "entries", "low", "high", "mean")}
    if isinstance(part, float):
        return part if math.isfinite(part) else str(part)
    return [_plain_data(inner) for inner in part] if isinstance(part, list | tuple) else part


_NODE_KEYS = [field.name for field in dataclasses.fields(TraceNode)]
_EDGE_KEYS = [field.name for field in dataclasses.fields(Edge)]
