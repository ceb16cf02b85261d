"""A layout for graphs that needs no engine: rows from the leaves down to the result.

A node's row is its distance from the leaves; a leaf stands one row above the first op that uses it. An edge over
several rows passes through a place of its own in each, so it never runs under a box. Within a row, nodes are
ordered by the mean place of their neighbours, in a few sweeps; then each moves as near to them as the others allow.
"""

import itertools
from collections.abc import Sequence

from tinygrad_ed.draw.trace import Trace

SWEEPS = 8
Point = tuple[float, float]


def place(
    data: Trace, width: float, height: float, across: float, down: float
) -> tuple[dict[str, Point], list[list[Point]]]:
    """Return the centre of every node and the points that every edge passes through.

    Args:
        data: the trace.
        width: the width of a box.
        height: its height.
        across: the room between boxes of a row.
        down: the room between rows.
    """
    rank = _ranks(data)
    chains = [_chain(i, edge.source, edge.target, rank) for i, edge in enumerate(data.edges)]
    rows: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for name, number in rank.items():
        rows[number].append(name)
    above: dict[str, list[str]] = {name: [] for name in rank}
    below: dict[str, list[str]] = {name: [] for name in rank}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    sizes = dict.fromkeys(rank, 0.0) | {node.id: width for node in data.nodes}
    at: dict[str, float] = {}
    for row in rows:
        _spread(row, {name: i * (width + across) for i, name in enumerate(row)}, sizes, across, at)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows if downwards else reversed(rows):
            near = above if downwards else below
            wish = {name: _mean([at[n] for n in near[name]], at[name]) for name in row}
            row.sort(key=lambda name: (wish[name], at[name]))
            _spread(row, wish, sizes, across, at)
    left = min(at[name] - sizes[name] / 2 for name in at)
    points = {name: (at[name] - left, height / 2 + rank[name] * (height + down)) for name in rank}
    return {node.id: points[node.id] for node in data.nodes}, [[points[name] for name in chain] for chain in chains]


def _ranks(data: Trace) -> dict[str, int]:
    """The row of every node; the nodes of a trace come after what they use, so one pass does it."""
    made = {node.id for node in data.nodes if node.op is not None}
    rank = {node.id: 0 for node in data.nodes}
    for edge in data.edges:
        rank[edge.target] = max(rank[edge.target], rank[edge.source] + 1)
    first: dict[str, int] = {}
    for edge in data.edges:
        first[edge.source] = min(first.get(edge.source, rank[edge.target]), rank[edge.target])
    return {name: row if name in made or name not in first else first[name] - 1 for name, row in rank.items()}


def _chain(i: int, source: str, target: str, rank: dict[str, int]) -> list[str]:
    """The source, a place in each row between, and the target; the places are added to the ranks."""
    between = [f"{i}/{row}" for row in range(rank[source] + 1, rank[target])]
    rank |= {name: row for row, name in enumerate(between, start=rank[source] + 1)}
    return [source, *between, target]


def _spread(
    row: Sequence[str], wish: dict[str, float], sizes: dict[str, float], across: float, at: dict[str, float]
) -> None:
    """Put a row as near to its wishes as its order and the room between boxes allow: the mean of both extremes."""
    rightmost, leftmost = {}, {}
    edge = float("-inf")
    for name in row:
        rightmost[name] = max(wish[name], edge + sizes[name] / 2)
        edge = rightmost[name] + sizes[name] / 2 + across
    edge = float("inf")
    for name in reversed(row):
        leftmost[name] = min(wish[name], edge - sizes[name] / 2)
        edge = leftmost[name] - sizes[name] / 2 - across
    for name in row:
        at[name] = (rightmost[name] + leftmost[name]) / 2


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
