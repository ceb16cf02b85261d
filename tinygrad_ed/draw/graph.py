"""The graph view: a computational graph with its values, gradients and what flows on each edge, as DOT text.

A tensor is a rounded box, an op a circle. Parameters, inputs and constants differ by the shape of their box as
well as by colour. Labels are HTML-like tables in which every name is escaped; record shapes are never used.
"""

import math
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from tinygrad_ed.backward import backward
from tinygrad_ed.draw import backends
from tinygrad_ed.draw.equations import matrix, shape_text, summary
from tinygrad_ed.draw.picture import Picture, image_page
from tinygrad_ed.draw.scalar import expand
from tinygrad_ed.draw.style import (
    CLUSTER_FILL,
    DOT_FONT,
    GRADIENT,
    INK,
    LINE,
    OP,
    QUIET,
    ROLES,
    cell,
    number,
    quoted,
    short,
    symbol,
    tooltip,
)
from tinygrad_ed.draw.trace import Edge, Numbers, Trace, TraceNode, collapse, layer_of, trace
from tinygrad_ed.errors import InvalidValue, nearest
from tinygrad_ed.node import Node
from tinygrad_ed.recording import recording

DETAILS = ("auto", "layer", "tensor", "scalar")
AUTO = 150  # "auto" takes the finest detail with at most this many nodes
LABELS = 300  # above this many edges their labels become tooltips: they are what makes a layout slow

_SHAPES = {
    "parameter": 'shape=box, style="filled", peripheries=2',
    "input": 'shape=box, style="filled", penwidth=2',
    "constant": 'shape=box, style="filled,dashed"',
    "op": 'shape=box, style="filled,rounded"',
    "output": 'shape=box, style="filled,rounded", penwidth=2.4',
}


def graph(
    node: Node,
    *,
    detail: str = "auto",
    title: str | None = None,
    engine: str | None = None,
    parameters: Iterable[Node] | None = None,
) -> Picture:
    """Draw the computational graph of `node`, with values and with the gradients of its last `backward`.

    A gradient reads `∂ = 0.42`; `∂ = 0` is a gradient of zero, and `∂ –` means that no sweep has arrived. The
    label of an edge is what flows back through it: the gradient at the op times its local derivative. If the
    nodes hold gradients of another result, the caption says so, and nothing is written on the edges.

    Args:
        node: the result to draw; everything it was computed from comes with it.
        detail: "scalar" draws every number by itself, "tensor" every Node, "layer" one box a layer; "auto" takes the
            finest of them that has at most 150 nodes. The scalar view needs a result with one entry.
        title: a line above the picture.
        engine: the path of a `dot` program, or "pygraphviz"; None takes what there is (see `doctor`).
        parameters: the leaves to mark as parameters; None takes those named like `W1` or `b1`.

    Returns:
        a picture with `.save("name.svg")` (also png, pdf, dot, html), that shows itself in a notebook.

    Raises:
        InvalidType: if `node` is not a Node.
        InvalidValue: for an unknown detail.

    >>> x = Node(2.0, name="x")
    >>> print(graph(x * x).render("dot").decode().splitlines()[0])
    digraph {
    """
    if detail not in DETAILS:
        raise InvalidValue(f"detail={detail!r} is not a level of detail. {nearest(detail, DETAILS)}")
    marked = None if parameters is None else set(parameters)
    data, chosen = at_detail(node, detail, marked)
    return picture(data, title, chosen, engine)


@np.errstate(all="ignore")  # what is computed again here has given its warnings the first time
def at_detail(node: Node, detail: str, parameters: set[Node] | None) -> tuple[Trace, str]:
    """Return the trace at a level of detail, and a sentence for the caption that says which."""
    data = trace(node, parameters=parameters)
    if detail == "scalar" or (detail == "auto" and node.size == 1 and _has_numbers_to_show(data)):
        fine = in_numbers(node, parameters, data.of_root)
        if detail == "scalar" or len(fine.nodes) <= AUTO:
            less = ", detail='tensor' keeps arrays together" if detail == "auto" else ""
            return fine, f"Every number by itself: {len(fine.nodes)} nodes{less}"
    if detail == "tensor" or (detail == "auto" and (len(data.nodes) <= AUTO or not data.layers)):
        return data, f"{len(data.nodes)} nodes"
    why = f", because the graph has {len(data.nodes)} nodes" if detail == "auto" else ""
    return collapse(data), f"One box a layer{why}"


def in_numbers(node: Node, parameters: set[Node] | None, swept: bool) -> Trace:
    """The trace of a graph of arrays, written out in numbers; if it was swept, with what its sweep brought."""
    if node.size != 1:
        raise InvalidValue(f"detail='scalar' draws a result with one entry, but {node!r} has shape {node.shape}")
    with recording(True):  # also inside no_grad: this graph is ours
        root, leaves, homes = expand(node)
    marked = {leaf for leaf, of in leaves.items() if (of in parameters if parameters is not None else layer_of(of))}
    if swept:
        backward(root, float(np.ravel(node.grad)[0]))
    return trace(root, parameters=marked, layers=homes)


def _has_numbers_to_show(data: Trace) -> bool:
    """Whether there are arrays, none of them empty, that are small enough, and no gradients of another result."""
    shapes = [node.value.shape for node in data.nodes]
    entries = [math.prod(shape) for shape in shapes]
    return any(shapes) and all(entries) and sum(entries) <= AUTO and data.of_root == data.swept


def picture(data: Trace, title: str | None, caption: str, engine: str | None) -> Picture:
    """Return the picture of a trace."""
    source = to_dot(data, title, caption)
    drawn = partial(backends.render, source, engine=engine)
    name = title or "a computational graph"

    def html() -> bytes:
        svg = drawn("svg").decode()
        return image_page(name, svg[svg.index("<svg") :])

    makers: dict[str, Any] = {form: partial(drawn, form) for form in backends.FORMATS}
    return Picture(name, {**makers, "dot": source.encode, "html": html})


def to_dot(data: Trace, title: str | None = None, caption: str = "") -> str:
    """Return a trace as DOT text; equal traces give equal text."""
    labelled = len(data.edges) <= LABELS
    down = _depth(data) > 5
    inside: dict[str | None, list[str]] = {None: [], **{layer: [] for layer in data.layers}}
    for node in data.nodes:
        inside[node.layer] += _node(node)
    lines = [
        "digraph {",
        f"  graph [rankdir={'TB' if down else 'LR'}, nodesep=0.25, ranksep=0.3, newrank=true, bgcolor=white, pad=0.2,",
        f'    fontname="{DOT_FONT}", labelloc=t, labeljust=l, label={_heading(data, title, caption, labelled)}]',
        f'  node [fontname="{DOT_FONT}", fontsize=12, fontcolor="{INK}", margin="0.1,0.06"]',
        f'  edge [fontname="{DOT_FONT}", fontsize=10, fontcolor="{GRADIENT}", color="{LINE}", arrowsize=0.7]',
    ]
    for i, (layer, members) in enumerate(inside.items()):
        if layer is None:
            lines += [f"  {line}" for line in members]
            continue
        lines += [
            f"  subgraph cluster_{i} {{",
            f'    graph [label={quoted(short(layer))}, labelloc=t, style="rounded,filled", fillcolor="{CLUSTER_FILL}", '
            f'color="{LINE}", fontcolor="{QUIET}", fontsize=13, margin=12]',
            *(f"    {line}" for line in members),
            "  }",
        ]
    by_id = {node.id: node for node in data.nodes}
    lines += [f"  {_edge(edge, by_id, labelled)}" for edge in data.edges]
    if down and any(node.value.shape for node in data.nodes):
        lines += [f"  {{ rank=same; {edge.source}; op_{edge.target} }}" for edge in _beside(data, by_id)]
    return "\n".join([*lines, "}"]) + "\n"


def _depth(data: Trace) -> int:
    """The largest number of ops between a leaf and the result."""
    depth: dict[str, int] = {}
    for edge in data.edges:  # ordered by target, and a node comes after what it uses
        depth[edge.target] = max(depth.get(edge.target, 0), depth.get(edge.source, 0) + 1)
    return max(depth.values(), default=0)


def _beside(data: Trace, by_id: dict[str, TraceNode]) -> list[Edge]:
    """The edges from parameters and constants that stand beside the one op that uses them, not above it."""
    uses = Counter(edge.source for edge in data.edges)
    entries = Counter(edge.target for edge in data.edges)
    found = []
    for edge in data.edges:
        small = by_id[edge.source].role in ("parameter", "constant") and uses[edge.source] == 1
        if small and entries[edge.target] > 1 and not (edge.contribution and not edge.contribution.shape):
            entries[edge.target] -= 1  # one input at least stays above
            found.append(edge)
    return found


def _node(node: TraceNode) -> list[str]:
    """A box for the value and, for the result of an op, the op's circle before it."""
    fill, border = ROLES[node.role]
    box = (
        f'{node.id} [{_SHAPES[node.role]}, fillcolor="{fill}", color="{border}", group={node.id}, '
        f"label={_label(node)}, tooltip={tooltip(_tip(node))}]"
    )
    if node.op is None:
        return [box]
    sign = short(symbol(node.op), 14)
    big = len(sign) <= 2
    width = "fixedsize=true, width=0.42, fontsize=17" if big else "fontsize=11"
    circle = (
        f'op_{node.id} [shape=circle, style=filled, fillcolor="{OP}", color="{OP}", fontcolor=white, margin=0.03, '
        f"{width}, group={node.id}, label={quoted(sign)}, tooltip={tooltip(node.op)}]"
    )
    return [circle, box, f'op_{node.id} -> {node.id} [arrowhead=none, color="{OP}", weight=9]']


def _label(node: TraceNode) -> str:
    """The table in a box: name and shape, value, gradient; entries of the two stand under each other."""
    value, gradient = _rows("", node.value, INK), []
    if node.role != "constant":
        missing = [[_cell("∂ –", QUIET, "LEFT")]]
        gradient = missing if node.gradient is None else _rows("∂ = ", node.gradient, GRADIENT)
    columns = max(len(row) for row in value + gradient)
    body = "".join(f"<TR>{''.join(row)}</TR>" for row in value + gradient)
    name = f"<B>{cell(short(node.name))}</B>" if node.name else ""
    shape = f'<FONT COLOR="{QUIET}" POINT-SIZE="10">{shape_text(node.value.shape)}</FONT>' if node.value.shape else ""
    head = "  ".join(part for part in (name, shape) if part)
    head = f'<TR><TD ALIGN="LEFT" COLSPAN="{columns}">{head}</TD></TR>' if head else ""
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{head}{body}</TABLE>>'


def _rows(before: str, numbers: Numbers, colour: str) -> list[list[str]]:
    """The cells of a number, of a small matrix in full, or of the range of a large array."""
    cells = matrix(numbers)
    if cells is None:
        return [[_cell(before + summary(numbers), colour, "LEFT")]]
    first = [_cell(before, colour, "LEFT"), *([_cell("", colour, "LEFT")] * (len(cells) - 1))]
    return [[head, *(_cell(x, colour, "RIGHT") for x in row)] for head, row in zip(first, cells, strict=True)]


def _cell(text: str, colour: str, align: str) -> str:
    space = "&#160;&#160;" if align == "RIGHT" else ""  # room between columns
    return f'<TD ALIGN="{align}"><FONT COLOR="{colour}">{space}{text}</FONT></TD>' if text else "<TD></TD>"


def _edge(edge: Edge, by_id: dict[str, TraceNode], labelled: bool) -> str:
    target = by_id[edge.target]
    end = edge.target if target.op is None else f"op_{edge.target}"
    flow = flow_text(edge, target)
    if not flow:
        return f"{edge.source} -> {end}"
    scalar = not (edge.contribution and edge.contribution.shape)
    shown = f"label={quoted(f' {flow} ')}" if labelled and scalar else f"edgetooltip={tooltip(flow)}"
    main = ", weight=6" if by_id[edge.source].op else ""
    return f"{edge.source} -> {end} [{shown}{main}]"


def flow_text(edge: Edge, target: TraceNode) -> str:
    """What flows back through an edge: incoming × local = contribution; for arrays the contribution's range."""
    if edge.contribution is None:
        return ""
    sent = summary(edge.contribution)
    if edge.local is None or target.gradient is None:
        return f"∂ {sent}"
    return f"{summary(target.gradient)} · {number(edge.local)} = {sent}"


def _heading(data: Trace, title: str | None, caption: str, labelled: bool) -> str:
    """Title, caption and legend: one table above the picture."""
    lines = [f'<FONT POINT-SIZE="16"><B>{cell(short(title, 100))}</B></FONT>'] if title else []
    lines.append(f'<FONT COLOR="{QUIET}" POINT-SIZE="11">{cell(caption)}. {_whose(data)}</FONT>')
    if data.of_root and labelled and any(edge.local is not None for edge in data.edges):
        small = "On an edge: what arrives · local derivative = what is sent back."
        lines.append(f'<FONT COLOR="{QUIET}" POINT-SIZE="11">{small}</FONT>')
    present = {node.role for node in data.nodes}
    swatches = [f'<TD ALIGN="LEFT">{swatch}</TD>' for role, swatch in _SWATCHES.items() if role in present]
    body = "".join(f'<TR><TD ALIGN="LEFT" COLSPAN="{len(swatches)}">{line}</TD></TR>' for line in lines)
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="3">{body}<TR>{"".join(swatches)}</TR></TABLE>>'


def _whose(data: Trace) -> str:
    """Which sweep the gradients come from."""
    if not data.swept:
        return "∂ – : no gradient yet, call backward() first."
    if not data.of_root:
        return "∂: from another backward(), all or some; call backward() on the last result."
    arrived = next(node.gradient for node in data.nodes if node.id == data.root)
    if arrived and not arrived.low == arrived.high == 1:
        return f"∂: from a backward() that brought {summary(arrived)} to the last result."
    return "∂: the derivative of the last result, from the last backward()."


def _swatch(role: str, words: str, style: str, border: int = 1, double: bool = False) -> str:
    """A small copy of a kind of box, for the legend."""
    fill, colour = ROLES[role]
    inner = f'<FONT POINT-SIZE="10">{words}</FONT>'
    for width, height in ((74, 18), (80, 24)) if double else ((80, 24),):
        inner = (
            f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" COLOR="{colour}" '
            f'BGCOLOR="{fill}" STYLE="{style}"><TR><TD WIDTH="{width}" HEIGHT="{height}">{inner}</TD>'
            "</TR></TABLE>"
        )
    return inner


_SWATCHES = {
    "input": _swatch("input", "input", "solid", border=2),
    "parameter": _swatch("parameter", "parameter", "solid", double=True),
    "constant": _swatch("constant", "constant", "dashed"),
    "op": _swatch("op", "result", "rounded"),
    "output": _swatch("output", "last result", "rounded", border=2),
}


def _tip(node: TraceNode) -> str:
    parts = [node.name or node.op or node.role, f"shape {node.value.shape}" if node.value.shape else ""]
    parts.append(f"value {summary(node.value)}")
    parts.append(f"gradient {summary(node.gradient)}" if node.gradient else "gradient not computed")
    return ", ".join(part for part in parts if part)
