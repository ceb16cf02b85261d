"""A layout for graphs that needs no engine: rows from the leaves down to the result.

A node's row is its distance from the leaves; a leaf stands one row above the first op that uses it. An edge over
several rows passes through a place of its own in each, so it never runs under a box. Within a row, nodes are
ordered by the mean place of their neighbors, in a few sweeps; then each moves as near to them as the others allow.
"""

import itertools
from collections.abc import Mapping, Sequence
from statistics import fmean

from tinygrad_ed.draw.trace import Trace
from tinygrad_ed.errors import InvalidValue

SWEEPS = 8
CROSSED = 100_000  # rows, by all edges together
ACROSS, DOWN = 22.0, 50.0  # the room between the boxes of a row, and between rows
Point = tuple[float, float]


def place(data: Trace, boxes: Mapping[str, tuple[float, float]]) -> tuple[dict[str, Point], list[list[Point]]]:
    """Return the center of every node's box, and the points that every edge passes, from lower side to upper side."""
    rank = _ranks(data)
    rows_crossed = sum(rank[edge.target] - rank[edge.source] for edge in data.edges)
    if rows_crossed > CROSSED:
        raise InvalidValue(
            f"the edges of this graph cross {rows_crossed} rows, too many to be drawn one by one; detail='auto' draws "
            "an overview"
        )
    chains = []
    for i, edge in enumerate(data.edges):
        between = {f"{i}/{row}": row for row in range(rank[edge.source] + 1, rank[edge.target])}
        chains.append([edge.source, *between, edge.target])
        rank |= between
    rows: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for name, number in rank.items():
        rows[number].append(name)
    above: dict[str, list[str]] = {name: [] for name in rank}
    below: dict[str, list[str]] = {name: [] for name in rank}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    sizes = dict.fromkeys(rank, 0.0) | {name: width for name, (width, _) in boxes.items()}
    usual = max(width for width, _ in boxes.values())
    at: dict[str, float] = {}
    for row in rows:
        spread(row, {name: i * (usual + ACROSS) for i, name in enumerate(row)}, sizes, at)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows if downwards else reversed(rows):
            near = above if downwards else below
            wish = {name: fmean([at[n] for n in near[name]] or [at[name]]) for name in row}
            row.sort(key=lambda name: (wish[name], at[name]))
            spread(row, wish, sizes, at)
    left = min(at[name] - sizes[name] / 2 for name in at)
    tops, top = [], 0.0
    for row in rows:
        height = max([boxes[name][1] for name in row if name in boxes], default=0.0)
        tops.append((top, top + height))
        top += height + DOWN
    centers = {name: (at[name] - left, sum(tops[rank[name]]) / 2) for name in boxes}
    routes = []
    for chain in chains:
        (x1, y1), (x2, y2) = centers[chain[0]], centers[chain[-1]]
        inner = [(at[name] - left, y) for name in chain for y in tops[rank[name]]][1:-1]
        routes.append([(x1, y1 + boxes[chain[0]][1] / 2), *inner, (x2, y2 - boxes[chain[-1]][1] / 2)])
    return centers, routes


def _ranks(data: Trace) -> dict[str, int]:
    """Return the row of every node."""
    made = {node.id for node in data.nodes if node.op is not None}
    rank = data.depths()
    first: dict[str, int] = {}
    for edge in data.edges:
        first[edge.source] = min(first.get(edge.source, rank[edge.target]), rank[edge.target])
    return {name: row if name in made or name not in first else first[name] - 1 for name, row in rank.items()}


def spread(row: Sequence[str], wish: dict[str, float], sizes: dict[str, float], at: dict[str, float]) -> None:
    """Put a row as near to its wishes as its order and the room between boxes allow: the mean of both extremes."""
    rightmost, leftmost = {}, {}
    edge = float("-inf")
    for name in row:
        rightmost[name] = max(wish[name], edge + sizes[name] / 2)
        edge = rightmost[name] + sizes[name] / 2 + ACROSS
    edge = float("inf")
    for name in reversed(row):
        leftmost[name] = min(wish[name], edge - sizes[name] / 2)
        edge = leftmost[name] - sizes[name] / 2 - ACROSS
    for name in row:
        at[name] = (rightmost[name] + leftmost[name]) / 2
