"""A graph that is too large to be drawn node by node, in stages: all nodes of about the same depth become one box.

A box says how many ops of which kind it holds, over which range their values and gradients go, and shows both as a
heat map in the order of computation: where gradients vanish or explode, it can be seen.
"""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np

from tinygrad_ed.draw.parts import Edge, Numbers, TraceNode, numbers_of
from tinygrad_ed.draw.style import symbol
from tinygrad_ed.draw.trace import Trace

STAGES = 24
CROWDED = 60  # edges between stages; of more, only those between neighbors are drawn


def stages(data: Trace) -> tuple[Trace, str]:
    """Return the overview of a trace, and a sentence that says what it is."""
    depth = data.depths()
    deepest = max(depth.values())
    count = min(STAGES, deepest)
    groups: dict[str, list[TraceNode]] = defaultdict(list)
    home: dict[str, str] = {}
    for node in data.nodes:
        if node.role == "constant":
            continue
        stage = f"{(depth[node.id] - 1) * count // deepest:03}" if node.op else f"  {node.role}"
        stage = "result" if node.id == data.root else stage
        home[node.id] = stage
        groups[stage].append(node)
    order = sorted(groups)
    ids = {stage: f"n{i}" for i, stage in enumerate(order)}
    nodes = [_box(ids[stage], groups[stage], depth) for stage in order[:-1]]
    nodes.append(replace(groups["result"][0], id=ids["result"], layer=None))
    pairs = {(home[e.source], home[e.target]) for e in data.edges if e.source in home}
    pairs = {(a, b) for a, b in pairs if a != b}
    said = f"{count} stages by depth, because the graph has {len(data.nodes)} nodes"
    if len(pairs) > CROWDED:
        first = next(i for i, stage in enumerate(order) if not stage.startswith(" "))
        near = {(a, b) for a, b in pairs if order.index(b) - max(order.index(a), first - 1) == 1}
        said += f"; {len(pairs) - len(near)} connections that skip a stage are not drawn"
        pairs = near
    edges = [Edge(ids[a], ids[b], 0, None, None) for a, b in sorted(pairs, key=lambda pair: (pair[1], pair[0]))]
    return replace(data, root=nodes[-1].id, nodes=tuple(nodes), edges=tuple(edges)), said


def _box(name: str, members: list[TraceNode], depth: dict[str, int]) -> TraceNode:
    """Return one stage, or all leaves of one role."""
    values = _together([node.value for node in members])
    known = [node.gradient for node in members if node.gradient is not None]
    gradient = _together(known) if known else None
    if members[0].op is None:
        said = f"{len(members)} {members[0].role}{'s' if len(members) > 1 else ''}"
        said = members[0].name or said if len(members) == 1 else said
        return TraceNode(name, members[0].role, None, said, None, values, gradient)
    kinds = Counter(node.op or "" for node in members)
    said = ", ".join(f"{n} {symbol(op)}" for op, n in kinds.most_common(3)) + (", …" if len(kinds) > 3 else "")
    low, high = min(depth[node.id] for node in members), max(depth[node.id] for node in members)
    where = f"depth {low}" if low == high else f"depth {low} to {high}"
    return TraceNode(name, "op", f"{len(members)} ops", f"{where}: {said}", None, values, gradient)


def _together(parts: list[Numbers]) -> Numbers:
    """Return many values as one: an array counts by its mean in the heat map, and by its whole range in the range."""
    whole = numbers_of(np.array([part.mean for part in parts]))
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return replace(whole, low=low, high=high) if len(parts) > 1 else parts[0]
