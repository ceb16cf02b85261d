"""The plain data that every picture is made from: numbers, nodes and edges.

A `TraceNode` is one value and an `Edge` one use of it; `trace.py` makes them from a graph of Nodes, `stored.py` from a
file. Nothing here knows of Nodes or of drawing.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinygrad_ed.notation.quantity import Quantity
from tinygrad_ed.notation.writing import LECTURE, Writing

FULL = 64  # arrays up to this many entries are kept entry by entry
CELLS = (24, 32)  # of a larger one, at most so many rows and columns of means, each over a square of entries


@dataclass(slots=True)
class Numbers:
    """A float, or an array as plain data."""

    shape: tuple[int, ...]
    entries: Any  # the float, or nested lists; None for an array of more than `FULL` entries, which has `cells`
    low: float
    high: float
    mean: float
    cells: list[list[float]] | None = None  # the means of its parts

    @property
    def means(self) -> str:
        """What a cell is: "means over 3×3" entries; nothing where it is an entry."""
        cells, whole = self.cells or [[]], (math.prod(self.shape[:-1]), self.shape[-1])
        side = max(math.ceil(n / count) for n, count in zip(whole, (len(cells), len(cells[0])), strict=True))
        return f"means over {min(side, whole[0])}×{min(side, whole[1])}" if side > 1 else ""

    @property
    def largest(self) -> float:
        """The size of the largest cell."""
        return max([abs(x) for row in self.cells or [] for x in row if math.isfinite(x)], default=0.0)

    @property
    def array(self) -> Any:
        """The entries as an array; None where they were not kept."""
        return None if self.entries is None else np.array(self.entries, float).reshape(self.shape)


def numbers_of(value: Any) -> Numbers:
    """Return a float or an array as plain data."""
    if type(value) is float:
        return Numbers((), value, value, value, value)
    array = np.asarray(value, float)
    if array.ndim == 0:
        return numbers_of(float(array))
    if array.size == 0:
        return Numbers(array.shape, array.tolist(), 0.0, 0.0, 0.0)
    with np.errstate(all="ignore"):
        low, high, mean = float(array.min()), float(array.max()), float(array.mean())
        if array.size <= FULL:
            return Numbers(array.shape, array.tolist(), low, high, mean)
        table = array.reshape(-1, array.shape[-1])  # the last axis goes across, all others down
        side = max([math.ceil(n / most) for n, most in zip(table.shape, CELLS, strict=True)])
        down, across = [np.arange(0, n, side) for n in table.shape]
        sums = np.add.reduceat(np.add.reduceat(table, down, axis=0), across, axis=1)
        sizes = [np.diff([*starts, n]) for starts, n in zip((down, across), table.shape, strict=True)]
        return Numbers(array.shape, None, low, high, mean, (sums / np.outer(*sizes)).tolist())


@dataclass(slots=True)
class TraceNode:
    """One value: a leaf, a constant, or the result of an op."""

    id: str  # `n0`, `n1`, ...
    role: str  # "parameter", "input", "constant", "op" or "output"
    op: str | None  # None for a leaf
    name: str | None
    layer: str | None  # the cluster it belongs to
    value: Numbers
    gradient: Numbers | None  # None where no sweep arrived: "not computed" is not zero
    quantity: str | None = None  # in the lecture: `zeta[2]` or, entry by entry, `omega[1,0,2]`
    after: Numbers | None = None  # the value after the update of the parameters, where it is known


@dataclass(slots=True)
class Edge:
    """One use of a value by an op."""

    source: str
    target: str
    slot: int  # the position among the op's inputs, from 0
    local: float | None  # for floats, the derivative of the op's result with respect to this input
    contribution: Numbers | None  # what this use adds to the gradient of the source


def last_layer(nodes: Iterable[TraceNode]) -> int:
    """Return L of the network that a trace is of; 0 if it is of none."""
    return max([Quantity.of(node.quantity or "").layer for node in nodes], default=0)


def merged(
    nodes: Iterable[TraceNode], edges: Iterable[Edge], home: Mapping[str, str]
) -> tuple[list[TraceNode], list[Edge]]:
    """Return a graph in which groups of nodes became one, each its `home`; several uses by a group become one edge."""
    kept_nodes = [node for node in nodes if home.get(node.id, node.id) == node.id]
    gradients = {node.id: node.gradient for node in kept_nodes}
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
        sent = _sum([use.contribution for use in uses])
        local = uses[0].local if whole else _slope(sent, gradients[target], uses)
        found.append(replace(uses[0], source=source, target=target, slot=slot, local=local, contribution=sent))
    return kept_nodes, found


def _slope(sent: Numbers | None, gradient: Numbers | None, uses: list[Edge]) -> float | None:
    """Return the derivative of a group's result: what is sent back for what arrived."""
    if sent and gradient and not sent.shape and not gradient.shape and gradient.low:
        return sent.low / gradient.low if math.isfinite(sent.low / gradient.low) else None
    return uses[0].local if len(uses) == 1 else None


def _sum(parts: list[Numbers | None]) -> Numbers | None:
    """Return the sum of contributions; None where one is missing, or too large to have been kept."""
    if len(parts) == 1:
        return parts[0]
    arrays = [part.array if part else None for part in parts]
    return None if any(array is None for array in arrays) else numbers_of(sum(arrays))


@dataclass(frozen=True)
class TraceData:
    """A computational graph as plain data; `Trace` adds what can be done with it."""

    root: str
    nodes: tuple[TraceNode, ...]  # each after those it was computed from
    edges: tuple[Edge, ...]  # in the order of their targets
    of_root: bool  # whether the gradients are those of one sweep through the root
    learning_rate: float = 0.1  # η of the update of the parameters, the last steps
    closed: Mapping[str, Numbers] = field(default_factory=dict)  # what the closed-form rules give, by ledger names
    predicted: float | None = None  # how much the update changes the result, as far as the gradient can tell
    write: Writing = LECTURE  # in whose letters its quantities are written

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the clusters, in the order of their first node."""
        return tuple(dict.fromkeys(node.layer for node in self.nodes if node.layer is not None))

    @property
    def by_id(self) -> dict[str, TraceNode]:
        """The nodes by their ids."""
        return {node.id: node for node in self.nodes}

    def into(self) -> dict[str, list[tuple[int, Edge]]]:
        """Return for every node the edges that lead to it, with their places among all edges."""
        found: dict[str, list[tuple[int, Edge]]] = {node.id: [] for node in self.nodes}
        for i, edge in enumerate(self.edges):
            found[edge.target].append((i, edge))
        return found

    def depths(self) -> dict[str, int]:
        """Return for every node the largest number of ops between it and a leaf."""
        depth = dict.fromkeys([node.id for node in self.nodes], 0)
        for edge in self.edges:
            depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
        return depth

    @property
    def swept(self) -> bool:
        """True if there is any gradient, of this result or of another one."""
        return any(node.gradient is not None for node in self.nodes)
