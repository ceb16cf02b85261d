"""A computational graph as plain data: what every picture and the player are made from.

`trace(root)` walks the graph once, without recursion, and gives a `Trace`: nodes and edges as dataclasses
of numbers and text. Ids are `n0`, `n1`, ... in the order of creation, so two runs of a program give equal
traces, byte for byte. An edge is one use of a value: `x * x` has two. What arrives at the op times the edge's local
derivative is its contribution, and the contributions of all edges that leave a node add up to its gradient. Where the
gradients that the nodes hold are not those of one sweep from the root, no edge carries a contribution.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.data.files import write_whole
from tinygrad_ed.draw import stored
from tinygrad_ed.draw.equations import brief
from tinygrad_ed.draw.parts import Edge, Numbers, TraceData, TraceNode, merged, numbers_of
from tinygrad_ed.draw.steps import StoryStep, steps
from tinygrad_ed.draw.style import clean, short
from tinygrad_ed.errors import InvalidType, InvalidValue
from tinygrad_ed.graph.backward import start, sweep, walk
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.rule import contribution
from tinygrad_ed.tape.record import collector_off

_PARAMETER = re.compile(r"(?:W|b)([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs, and what each of the traces has there."""

    where: str  # the node or edge
    what: str  # "value", "gradient", "op", ...; or "missing", where only one of the traces has it
    first: Any
    second: Any

    def __str__(self) -> str:
        if self.what == "missing":
            return f"{self.where} is only in the {'first' if self.second is None else 'second'}"
        return f"{self.where}: {self.what} is {_shown(self.first)} in the first and {_shown(self.second)} in the second"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a comparison of two traces found; true if they are equal."""

    differences: tuple[Difference, ...]  # in the order of the story; of graphs of another shape the first

    @property
    def equal(self) -> bool:
        """True if nothing differs."""
        return not self.differences

    @property
    def first(self) -> Difference | None:
        """The first difference, or None."""
        return self.differences[0] if self.differences else None

    def __bool__(self) -> bool:
        return self.equal

    def __str__(self) -> str:
        if self.first is None:
            return "the traces are equal"
        more = len(self.differences) - 1
        return f"{self.first}" + (f" ({more} more {'differs' if more == 1 else 'differ'})" if more else "")


_Uses = dict[str, list[tuple[int, Edge]]]


def _shape(first: TraceData, second: TraceData, into: _Uses, into_other: _Uses) -> Iterator[Difference]:
    """Tell where the graphs are not the same: in order, each node with the edges that lead to it."""
    for a, b in zip(first.nodes, second.nodes, strict=False):
        for what in ("id", "role", "op", "name", "quantity"):
            if getattr(a, what) != getattr(b, what):
                yield Difference(_of_node(a), what, getattr(a, what), getattr(b, what))
        if a.value.shape != b.value.shape:
            yield Difference(_of_node(a), "shape", a.value.shape, b.value.shape)
        uses = [[(edge.source, edge.slot) for _, edge in by[a.id]] for by in (into, into_other)]
        if uses[0] != uses[1]:
            names = [" ".join(source for source, _ in use) or "none" for use in uses]
            yield Difference(_of_node(a), "inputs", *names)
    both = min(len(first.nodes), len(second.nodes))
    for node in first.nodes[both:]:
        yield Difference(_of_node(node), "missing", node.id, None)
    for node in second.nodes[both:]:
        yield Difference(_of_node(node), "missing", None, node.id)
    if first.root != second.root:
        yield Difference("the graph", "root", first.root, second.root)


def _numbers(
    first: TraceData, second: TraceData, into: _Uses, into_other: _Uses, tolerance: float
) -> Iterator[Difference]:
    """Tell where the numbers differ: values forward, then contributions and gradients backward."""
    pairs, names = list(zip(first.nodes, second.nodes, strict=True)), first.by_id
    told: list[tuple[str, str, Any, Any]] = [(_of_node(a), "value", a.value, b.value) for a, b in pairs]
    for a, b in reversed(pairs):
        told.append((_of_node(a), "gradient", a.gradient, b.gradient))
        for (_, e), (_, f) in zip(into[a.id], into_other[b.id], strict=True):
            where = f"{_of_node(names[e.source])} used by {_of_node(a)}"
            told += [
                (where, "local derivative", e.local, f.local),
                (where, "contribution", e.contribution, f.contribution),
            ]
    for where, what, one, other in told:
        if not _alike(one, other, tolerance):
            yield Difference(where, what, one, other)


def _of_node(node: TraceNode) -> str:
    """Return a node in words: its id, and its name or op or role."""
    return f"{node.id} ({short(clean(node.name or node.op or node.role))})"


def _alike(a: float | Numbers | None, b: float | Numbers | None, tolerance: float) -> bool:
    """Tell whether both are equal up to rounding: by entries if known, else by range, mean and means of the parts."""
    if isinstance(a, Numbers) and isinstance(b, Numbers) and not a.shape and not b.shape:
        a, b = a.low, b.low
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=tolerance) or (math.isnan(a) and math.isnan(b))
    if not isinstance(a, Numbers) or not isinstance(b, Numbers) or a.shape != b.shape:
        return a is b
    one, other = [np.ravel([n.low, n.high, n.mean] if n.entries is None else n.entries) for n in (a, b)]
    if a.cells and b.cells:
        one, other = np.append(one, a.cells), np.append(other, b.cells)
    return len(one) == len(other) and np.allclose(one, other, tolerance, 0.0, equal_nan=True)


def _shown(value: Any) -> str:
    if isinstance(value, Numbers):
        return brief(value, 60) if value.shape else f"{value.low:.10g}"
    if isinstance(value, float):
        return f"{value:.10g}"
    return "not computed" if value is None else short(clean(str(value)), 60)


class Trace(TraceData):
    """A computational graph as plain data: it tells its story, is saved and loaded, and compared with another."""

    @cached_property
    def steps(self) -> list[StoryStep]:
        """The story: every value forward, every contribution backward, then the update of the parameters.

        >>> x = Node(3.0, name="x")
        >>> for step in trace(x * x, fresh=True).steps:
        ...     print(step.phase, step.node, step.edges, step.general, "|", step.numbers)
        forward n1 (0, 1) v₁ = x · x | 3 · 3 = 9
        backward n1 () ∂v₁/∂v₁ = 1 | 1
        backward n0 (0,) ∂v₁/∂x += ∂v₁/∂v₁ · x | 1 · 3 = 3
        backward n0 (1,) ∂v₁/∂x += ∂v₁/∂v₁ · x | 1 · 3 = 3; in all 6
        """
        return steps(self)

    def to_json(self) -> str:
        """Return the trace as JSON: see `stored.py` and docs/trace.md for its schema."""
        return stored.written(self, self.steps if len(self.nodes) <= stored.TOLD else None)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace as JSON, beside its place and then renamed; return the path.

        Raises:
            InvalidValue: for a name that does not end with .json.
            FileProblem: if the folder is missing or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".json":
            raise InvalidValue(f"a trace is saved as JSON; {str(path)!r} must end with .json")
        write_whole(path, self.to_json().encode())
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Trace":
        """Read a trace that was saved.

        Raises:
            FileProblem: if there is no such file, if it is no trace, or if it is damaged; the message says where.
        """
        return cls(**stored.load(Path(path)))

    def compare(self, other: "Trace", tolerance: float = 1e-9) -> Receipt:
        """Return what differs between this trace and another one, in the order of the story.

        A student's and a teacher's step are compared like two receipts, line by line: first the values in the order in
        which they were computed, then contributions and gradients in the order of the sweep; numbers may differ by a
        share of the larger one. The first difference is where the mistake was made; what follows mostly inherits it.

        >>> x, y = Node(3.0, name="x"), Node(3.0, name="x")
        >>> print(trace(x * 2.0).compare(trace(y * 4.0)))
        n1 (constant): value is 2 in the first and 4 in the second (2 more differ)
        """
        into = self.into(), other.into()
        shape = next(_shape(self, other, *into), None)
        return Receipt((shape,) if shape else tuple(_numbers(self, other, *into, tolerance)))


@np.errstate(all="ignore")  # what is computed again here has given its warnings the first time
def trace(
    root: Node,
    *,
    parameters: Iterable[Node] | None = None,
    layers: Mapping[Node, str] | None = None,
    names: Mapping[Node, str] | None = None,
    quantities: Mapping[Node, str] | None = None,
    fresh: bool = False,
    learning_rate: float = 0.1,
    after: Mapping[Node, Any] | None = None,
) -> Trace:
    """Return the graph below `root` as plain data, in time linear in its nodes and edges.

    Args:
        root: the node to draw.
        parameters: the leaves to mark as parameters; None takes those named like `W1` or `b1`.
        layers: the cluster of each node; None works it out from the names of the parameters.
        names: other names for some nodes.
        quantities: what some nodes are in the lecture, such as `zeta[2]`.
        fresh: take the gradients of `root` from a sweep made here, which touches no node, in place of those
            that the last `backward` left.
        learning_rate: η of the update of the parameters in the last steps.
        after: the values after this update; None computes them by the same ops, if `fresh`.

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
    with collector_off():  # it would look through millions of new objects, none of which is garbage
        order = walk(root)
        held = {node: node._grad for node in order if node._grad is not None}
        gradients = sweep(order, {root: start(root)}) if fresh else held
        sent = {node: _sent(node, gradients.get(node)) for node in order}
        of_root = fresh or _of_one_sweep(order, gradients, sent)
        order.reverse()
        marked = set(parameters) if parameters is not None else {n for n in order if n.op is None and layer_of(n)}
        clusters = layers_of(order) if layers is None else layers
        names, quantities = names or {}, quantities or {}
        if after is None:
            after = _after(order, marked, gradients, learning_rate) if fresh else {}
        ids: dict[Node, str] = {}
        nodes: list[TraceNode] = []
        edges: list[Edge] = []
        for node in order:
            home, op, g = clusters.get(node), node.op, gradients.get(node)
            sources = []
            for arg in node.args:
                if isinstance(arg, Node):
                    sources.append(ids[arg])
                else:
                    sources.append(f"n{len(nodes)}")
                    reader = home if type(arg) is float else None  # data do not belong to the layer that reads them
                    nodes.append(TraceNode(sources[-1], "constant", None, None, reader, numbers_of(arg), None))
            ids[node] = key = f"n{len(nodes)}"
            role = ("output" if node is root else "op") if op else "parameter" if node in marked else "input"
            gradient = None if g is None else numbers_of(g)
            name, quantity = names.get(node, node.name), quantities.get(node)
            new = numbers_of(after[node]) if node in after else None
            nodes.append(
                TraceNode(key, role, op and op.name, name, home, numbers_of(node._value), gradient, quantity, new)
            )
            for slot, (source, (local, part)) in enumerate(zip(sources, sent[node], strict=True)):
                edges.append(Edge(source, key, slot, local, numbers_of(part) if of_root and part is not None else None))
        known = [node for node in order if node in marked and node in after]
        predicted = math.fsum([float(np.vdot(gradients[p], after[p] - p._value)) for p in known]) if known else None
        return Trace(ids[root], tuple(nodes), tuple(edges), of_root, learning_rate, predicted=predicted)


def _after(order: list[Node], parameters: set[Node], gradients: dict[Node, Any], rate: float) -> dict[Node, Any]:
    """Return the values after a step of the parameters against their gradients, of them and of all that use them."""
    after: dict[Node, Any] = {}
    for node in order:
        if node in parameters and node in gradients:
            after[node] = node._value - rate * gradients[node]
        elif node.op and any(arg in after for arg in node.parents):
            inputs = [after.get(arg, arg._value) if isinstance(arg, Node) else arg for arg in node.args]
            after[node] = node.op(*inputs, **(node.params or {}))
    return after


def _sent(node: Node, upstream: Any) -> list[tuple[float | None, Any]]:
    """Return for each input the local derivative, of a float by a float, and what is sent to it for what arrives."""
    y, values = node._value, [plain(arg) for arg in node.args]
    found: list[tuple[float | None, Any]] = [(None, None)] * len(values)
    for slot, arg in enumerate(node.args):
        of_floats = type(y) is float and type(values[slot]) is float
        if isinstance(arg, Node) and (of_floats or upstream is not None):
            # of a float the rule is asked for a gradient of 1, and the product is sent, as the picture says
            part = contribution(node.op, slot, 1.0 if of_floats else upstream, y, values, node.params, arg)
            known = part is not None and upstream is not None
            found[slot] = (part, upstream * part if known else None) if of_floats else (None, part)
    return found


def _of_one_sweep(order: list[Node], gradients: dict[Node, Any], sent: dict[Node, list[tuple[Any, Any]]]) -> bool:
    """Tell whether the nodes hold the gradients of one sweep through the first: what is sent adds up to them."""
    root = order[0]
    sums: dict[Node, Any] = {root: gradients[root]} if root in gradients else {}
    for node in order:
        for arg, (_, part) in zip(node.args, sent[node], strict=True):
            if part is not None:
                sums[arg] = sums[arg] + part if arg in sums else part
    return bool(sums) and all(_same(gradients.get(node), sums.get(node)) for node in order)


def collapse(data: Trace) -> Trace:
    """Return a coarser trace: all nodes of a layer become one, which shows the layer's result."""
    last = {node.layer: node.id for node in data.nodes if node.layer is not None and node.op is not None}
    home = {node.id: last[node.layer] for node in data.nodes if node.layer in last}
    nodes, edges = merged(data.nodes, data.edges, home)
    nodes = [replace(n, op=n.layer, layer=None) if n.layer in last else n for n in nodes]
    root = home.get(data.root, data.root)
    return replace(data, root=root, nodes=tuple(nodes), edges=tuple(edges))


def layer_of(leaf: Node) -> str | None:
    """Return the cluster of a parameter named like `W1` or `b1`: "layer 1"."""
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


def _same(a: Any, b: Any) -> bool:
    """Tell whether a stored gradient is the one that a sweep brings."""
    if a is None or b is None:
        return a is b
    return (type(a) is float and a == b) or np.allclose(a, b, rtol=1e-5, atol=0, equal_nan=True)
