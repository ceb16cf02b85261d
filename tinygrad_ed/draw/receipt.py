"""Two traces side by side: what differs first, in the order of the story.

A student's and a teacher's step are compared like two receipts, line by line: first the values in the order in which
they were computed, then contributions and gradients in the order of the sweep. The first difference is where the
mistake was made; what differs after it has mostly inherited it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.draw.equations import brief
from tinygrad_ed.draw.parts import Edge, Numbers, TraceData, TraceNode
from tinygrad_ed.draw.style import clean, short


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
    """What a comparison of two traces found; true if they are equal.

    Attributes:
        differences: all differences in the order of the story; graphs of another shape are compared up to the first.
    """

    differences: tuple[Difference, ...]

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


def receipt(first: TraceData, second: TraceData, tolerance: float = 1e-9) -> Receipt:
    """Compare two traces, in time linear in their nodes and edges; numbers may differ by a share of the larger one."""
    into = first.into(), second.into()
    shape = next(_shape(first, second, *into), None)
    return Receipt((shape,) if shape else tuple(_numbers(first, second, *into, tolerance)))


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
    told = [(_of_node(a), "value", a.kept, b.kept) for a, b in pairs]
    for a, b in reversed(pairs):
        told.append((_of_node(a), "gradient", a.kept_gradient, b.kept_gradient))
        for (_, e), (_, f) in zip(into[a.id], into_other[b.id], strict=True):
            where = f"{_of_node(names[e.source])} used by {_of_node(a)}"
            told += [(where, "local derivative", e.local, f.local), (where, "contribution", e.sent, f.sent)]
    for where, what, one, other in told:
        if not _alike(one, other, tolerance):
            yield Difference(where, what, one, other)


def _of_node(node: TraceNode) -> str:
    """Return a node in words: its id, and its name or op or role."""
    return f"{node.id} ({short(clean(node.name or node.op or node.role))})"


def _alike(a: float | Numbers | None, b: float | Numbers | None, tolerance: float) -> bool:
    """Tell whether both are equal up to rounding: by entries if known, else by range, mean and means of the parts."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=tolerance) or (math.isnan(a) and math.isnan(b))
    if not isinstance(a, Numbers) or not isinstance(b, Numbers):
        return a is b
    parts = [
        np.ravel(n.entries if n.entries is not None else [n.low, n.high, n.mean, *np.ravel(n.cells or [])])
        for n in (a, b)
    ]
    alike = a.shape == b.shape and len(parts[0]) == len(parts[1])
    return alike and np.allclose(*parts, tolerance, 0.0, equal_nan=True)


def _shown(value: Any) -> str:
    if isinstance(value, Numbers):
        return brief(value, 60)
    if isinstance(value, float):
        return f"{value:.10g}"
    return "not computed" if value is None else short(clean(str(value)), 60)
