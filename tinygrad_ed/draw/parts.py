"""The plain data that every picture is made from: numbers, nodes and edges.

A `TraceNode` is one value and an `Edge` one use of it; `trace.py` makes them from a graph of Nodes, `stored.py` from a
file. Nothing here knows of Nodes or of drawing.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

FULL = 64  # arrays up to this many entries are kept entry by entry
CELLS = (12, 24)  # of a larger one, a grid of at most this many rows and columns of means


@dataclass(slots=True)
class Numbers:
    """A float, or an array as plain data.

    Attributes:
        shape: `()` for a float.
        entries: the float, or nested lists; None for an array of more than `FULL` entries.
        low: the smallest entry.
        high: the largest entry.
        mean: the mean of the entries.
        cells: of an array of more than `FULL` entries the means of its parts, at most 12 rows of 24, else None.
    """

    shape: tuple[int, ...]
    entries: Any
    low: float
    high: float
    mean: float
    cells: list[list[float]] | None = None

    @property
    def array(self) -> Any:
        """The entries as an array; None where they were not kept."""
        return None if self.entries is None else np.array(self.entries, float).reshape(self.shape)


def numbers_of(value: Any) -> Numbers:
    """Return a float or an array as plain data.

    >>> numbers_of(np.array([[1.0, 2.0], [3.0, 6.0]]))
    Numbers(shape=(2, 2), entries=[[1.0, 2.0], [3.0, 6.0]], low=1.0, high=6.0, mean=3.0, cells=None)
    >>> large = numbers_of(np.arange(100.0))
    >>> large.entries, len(large.cells), len(large.cells[0])
    (None, 1, 24)
    """
    if type(value) is float:
        return Numbers((), value, value, value, value)
    array = np.asarray(value, float)
    if array.ndim == 0:
        return numbers_of(float(array))
    if array.size == 0:
        return Numbers(array.shape, array.tolist(), 0.0, 0.0, 0.0)
    small = array.size <= FULL
    with np.errstate(all="ignore"):
        low, high, mean = float(array.min()), float(array.max()), float(array.mean())
        return Numbers(
            array.shape, array.tolist() if small else None, low, high, mean, None if small else _coarse(array)
        )


def _coarse(array: Any) -> list[list[float]]:
    """Return the means of the parts of an array that is cut into a grid; its last axis goes across, all others down."""
    table = array.reshape(-1, array.shape[-1])
    across = [part.mean(axis=1) for part in np.array_split(table, min(CELLS[1], table.shape[1]), axis=1)]
    down = [part.mean(axis=0) for part in np.array_split(np.array(across).T, min(CELLS[0], len(table)))]
    return [row.tolist() for row in down]


@dataclass(slots=True)
class TraceNode:
    """One value: a leaf, a constant, or the result of an op.

    Attributes:
        id: `n0`, `n1`, ...
        role: "parameter", "input", "constant", "op" or "output".
        op: the name of the op that made it, None for a leaf.
        name: the name that the user gave, or None.
        layer: the cluster it belongs to, or None.
        kept: the value: a float as it is, an array as `Numbers`.
        kept_gradient: the gradient in the same way, or None where no sweep arrived: "not computed" is not zero.
        quantity: what the value is in the lecture, such as `zeta[2]` or, entry by entry, `omega[1,0,2]`; or None.
    """

    id: str
    role: str
    op: str | None
    name: str | None
    layer: str | None
    kept: float | Numbers
    kept_gradient: float | Numbers | None
    quantity: str | None = None

    @property
    def value(self) -> Numbers:
        """The value."""
        return numbers_of(self.kept) if isinstance(self.kept, float) else self.kept

    @property
    def gradient(self) -> Numbers | None:
        """The gradient, or None."""
        kept = self.kept_gradient
        return numbers_of(kept) if isinstance(kept, float) else kept


@dataclass(slots=True)
class Edge:
    """One use of a value by an op.

    Attributes:
        source: the id of the value.
        target: the id of the op's result.
        slot: the position among the op's inputs, from 0.
        local: for floats, the derivative of the op's result with respect to this input.
        sent: what this use adds to the gradient of the source, kept as in a node, or None where there is none.
    """

    source: str
    target: str
    slot: int
    local: float | None
    sent: float | Numbers | None

    @property
    def contribution(self) -> Numbers | None:
        """What this use adds to the gradient of the source, or None."""
        return numbers_of(self.sent) if isinstance(self.sent, float) else self.sent


def kept(value: Any) -> float | Numbers:
    """Return a value as it is kept in a trace: most are floats, and a float needs no more than itself."""
    return value if type(value) is float else numbers_of(value)


def merged(
    nodes: Iterable[TraceNode], edges: Iterable[Edge], home: Mapping[str, str]
) -> tuple[list[TraceNode], list[Edge]]:
    """Return a graph in which groups of nodes became one: each node goes to its `home`, by id.

    Edges inside a group are dropped. Several uses of one value by a group become one edge, whose contribution is the
    sum of theirs.
    """
    kept_nodes = [node for node in nodes if home.get(node.id, node.id) == node.id]
    gradients = {node.id: node.kept_gradient for node in kept_nodes}
    groups: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        pair = home.get(edge.source, edge.source), home.get(edge.target, edge.target)
        if pair[0] != pair[1]:
            groups.setdefault(pair, []).append(edge)
    slots: dict[str, int] = {}
    found = []
    rank = {node.id: i for i, node in enumerate(kept_nodes)}
    for (source, target), uses in sorted(groups.items(), key=lambda item: rank[item[0][1]]):
        slot = slots[target] = slots.get(target, -1) + 1
        whole = uses[0].target == target and len(uses) == 1
        sent = _sum([use.sent for use in uses])
        local = uses[0].local if whole else _slope(sent, gradients[target], uses)
        found.append(replace(uses[0], source=source, target=target, slot=slot, local=local, sent=sent))
    return kept_nodes, found


def _slope(sent: Any, gradient: Any, uses: list[Edge]) -> float | None:
    """Return the derivative of a group's result: what is sent back for what arrived."""
    if type(sent) is float and type(gradient) is float and gradient and math.isfinite(sent / gradient):
        return sent / gradient
    return uses[0].local if len(uses) == 1 else None


def _sum(parts: list[float | Numbers | None]) -> float | Numbers | None:
    """Return the sum of contributions; None where one is missing, or too large to have been kept."""
    if len(parts) == 1:
        return parts[0]
    if all(type(part) is float for part in parts):
        return math.fsum(parts)  # type: ignore[arg-type]  # all are floats
    arrays = [part.array if isinstance(part, Numbers) else part for part in parts]
    return None if any(array is None for array in arrays) else kept(sum(arrays))


@dataclass(frozen=True)
class TraceData:
    """A computational graph as plain data; `Trace` adds what can be done with it.

    Attributes:
        root: the id of the node that was drawn.
        nodes: the nodes, each after those it was computed from.
        edges: the edges, in the order of their targets.
        of_root: whether the gradients are those of one sweep through the root. False where there is none, and
            where other results were swept since.
        learning_rate: η of the update of the parameters, the last steps.
        closed: what the lecture's closed-form rules give, by the names of a ledger, for comparison; often empty.
    """

    root: str
    nodes: tuple[TraceNode, ...]
    edges: tuple[Edge, ...]
    of_root: bool
    learning_rate: float = 0.1
    closed: Mapping[str, Numbers] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the clusters, in the order of their first node."""
        return tuple(dict.fromkeys(node.layer for node in self.nodes if node.layer is not None))

    @property
    def swept(self) -> bool:
        """True if there is any gradient, of this result or of another one."""
        return any(node.kept_gradient is not None for node in self.nodes)
