"""The graph view: a computational graph with its values, gradients and what flows on each edge, as DOT text.

A tensor is a rounded box, an op a circle. Parameters, inputs and constants differ by the shape of their box as
well as by color. Labels are HTML-like tables in which every name is escaped; record shapes are never used.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.draw import style
from tinygrad_ed.draw.equations import matrix_cells, shape_text, summary
from tinygrad_ed.draw.overview import stages
from tinygrad_ed.draw.parts import Edge, Numbers, TraceNode
from tinygrad_ed.draw.picture import Picture, image_page, of_dot, of_scene, sheet
from tinygrad_ed.draw.scalar import expand
from tinygrad_ed.draw.scene import Scene, rewritten, to_svg
from tinygrad_ed.draw.stage import in_rows
from tinygrad_ed.draw.trace import Trace, collapse, layer_of, trace
from tinygrad_ed.errors import InvalidValue, nearest
from tinygrad_ed.graph.backward import backward
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.node import Node
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.notation.letters import factor, named, number
from tinygrad_ed.notation.quantity import lettered
from tinygrad_ed.notation.writing import LECTURE, Writing

DETAILS = ("auto", "layer", "tensor", "scalar")
AUTO = 150  # "auto" takes the finest detail with at most this many nodes
MOST = 2000  # nodes in a picture of every node
_PATIENCE = "nslimit=3, nslimit1=3, mclimit=0.5"  # how long Graphviz looks for a better layout
_CELL = 5  # points, in a heat map
LABELS = 140  # above this many edges their labels become tooltips: they are what makes a layout slow
EDGES = 300  # above this many a layout engine may need minutes

_SHAPES = {
    "parameter": 'shape=box, style="filled", peripheries=2',
    "input": 'shape=box, style="filled", penwidth=2',
    "constant": 'shape=box, style="filled,dashed"',
    "op": 'shape=box, style="filled,rounded"',
    "output": 'shape=box, style="filled,rounded", penwidth=2.4',
}
COLORINGS = ("role", "value", "gradient")
_KINDS: dict[str, tuple[Any, ...]] = {
    "input": ("input", 2),
    "parameter": ("parameter", 1, "double"),
    "constant": ("constant", 1, "dashed"),
    "op": ("result", 1, "rounded"),
    "output": ("last result", 2, "rounded"),
}
_MISSING = style.ROLES["constant"][0]


class Scale(NamedTuple):
    """What the color of a box says, and for numbers the one that gets the strongest color."""

    color: str
    largest: float

    @classmethod
    def of(cls, data: Trace, color: str) -> "Scale":
        """Return the scale on which all nodes of a trace fit."""
        sizes = [abs(_farthest(shown)) for node in data.nodes if (shown := _shown(node, color))]
        return cls(color, max([size for size in sizes if size < float("inf")], default=0.0))

    def fill(self, node: TraceNode) -> str:
        """Return the color of a box."""
        if self.color == "role":
            return style.ROLES[node.role][0]
        shown = _shown(node, self.color)
        return style.heat(_farthest(shown), self.largest, style.BEHIND_TEXT) if shown else _MISSING


def graph(
    node: Node,
    *,
    detail: str = "auto",
    title: str | None = None,
    engine: str | None = None,
    parameters: Iterable[Node] | None = None,
    color: str = "role",
    notation: Notation | None = None,
    numbers: bool | str = True,
    digits: int = 3,
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
        color: what the color of a box says: its "role", or its "value" or "gradient", from blue (the lowest) over
            white (zero) to orange (the highest); of an array it is the entry farthest from zero.
        notation: write parameters that are named like `W1` or `b1[0]` with letters, as in `network`; None keeps names.
        numbers: False for names alone, "blank" for numbers to fill in, as in `network`; those of leaves are given.
        digits: significant digits of every number.

    Returns:
        a picture with `.save("name.svg")` (also png, pdf, dot, html, json), that shows itself in a notebook.

    Raises:
        InvalidType: if `node` is not a Node.
        InvalidValue: for an unknown detail, color or notation, or a color that tells the numbers that are hidden.

    >>> x = Node(2.0, name="x")
    >>> print(graph(x * x).render("dot").decode().splitlines()[0])
    digraph {
    """
    if detail not in DETAILS:
        raise InvalidValue(f"detail={detail!r} is not a level of detail. {nearest(detail, DETAILS)}")
    if color not in COLORINGS:
        raise InvalidValue(f"color={color!r} is nothing that a box can show. {nearest(color, COLORINGS)}")
    marked = None if parameters is None else set(parameters)
    write = written_in(notation or "lecture", 0, numbers, digits)
    if color != "role" and write.numbers is not True:
        raise InvalidValue(f"color={color!r} would tell what numbers={numbers!r} hides; take color='role'")
    data, chosen = at_detail(node, detail, marked)
    if notation is not None:
        letters = [n.name and write(named(lettered(n.name))).unicode for n in data.nodes]
        data = replace(data, nodes=tuple([replace(n, name=a) for n, a in zip(data.nodes, letters, strict=True)]))
    return sheet(lambda write: picture(data, title, chosen, engine, color, write), write)


@np.errstate(all="ignore")  # what is computed again here has given its warnings the first time
def at_detail(node: Node, detail: str, parameters: set[Node] | None) -> tuple[Trace, str]:
    """Return the trace at a level of detail, and a sentence for the caption that says which."""
    data = trace(node, parameters=parameters)
    if detail == "scalar" or (detail == "auto" and node.size == 1 and _has_numbers_to_show(data)):
        fine = in_numbers(node, parameters, data.of_root)
        if detail == "scalar" or len(fine.nodes) <= AUTO:
            less = ", detail='tensor' keeps arrays together" if detail == "auto" else ""
            return fine, f"Every number by itself: {len(fine.nodes)} nodes{less}"
    if detail == "tensor" or (detail == "auto" and len(data.nodes) <= AUTO):
        return data, f"{len(data.nodes)} nodes"
    coarse = collapse(data)
    if detail == "auto" and (not data.layers or len(coarse.nodes) > AUTO):
        return stages(data)
    why = f", because the graph has {len(data.nodes)} nodes" if detail == "auto" else ""
    return coarse, f"One box a layer{why}"


def in_numbers(node: Node, parameters: set[Node] | None, swept: bool) -> Trace:
    """Return the trace of a graph of arrays, written out in numbers; if it was swept, with what its sweep brought."""
    if node.size != 1:
        raise InvalidValue(f"detail='scalar' draws a result with one entry, but {node!r} has shape {node.shape}")
    with recording(True):  # also inside no_grad: this graph is ours
        root, leaves, homes, _ = expand(node)
    marked = {leaf for leaf, of in leaves.items() if (of in parameters if parameters is not None else layer_of(of))}
    if swept:
        backward(root, float(np.ravel(node.grad)[0]))
    return trace(root, parameters=marked, layers=homes)


def _has_numbers_to_show(data: Trace) -> bool:
    """Tell whether there are arrays, none of them empty, that are small enough, and no gradients of another result."""
    shapes = [node.value.shape for node in data.nodes]
    entries = [math.prod(shape) for shape in shapes]
    return any(shapes) and all(entries) and sum(entries) <= AUTO and data.of_root == data.swept


def picture(data: Trace, title: str | None, caption: str, engine: str | None, color: str, write: Writing) -> Picture:
    """Return the picture of a trace."""
    scale = Scale.of(data, color)
    name = title or "a computational graph"
    if len(data.nodes) <= AUTO and len(data.edges) <= EDGES:
        source = to_dot(data, title, caption, scale, write)
        return of_dot(name, source, engine, json=lambda: data.to_json().encode())

    @cache  # Graphviz would need minutes, so it is placed in rows by ourselves, up to a limit
    def scene() -> Scene:
        if len(data.nodes) > MOST:
            raise InvalidValue(
                f"this graph has {len(data.nodes)} nodes, and a picture of every node takes at most {MOST}; "
                "detail='auto' draws an overview, and .dot can be saved for a layout program of your own"
            )
        found = in_rows(data, f"{name}. {caption}. {whose(data)}", scale.fill)
        return replace(found, items=rewritten(found.items, write))

    return of_scene(
        name,
        scene,
        engine,
        dot=lambda: to_dot(data, title, caption, scale, write).encode(),
        html=lambda: image_page(name, to_svg(scene(), inline=True)),
        json=lambda: data.to_json().encode(),
    )


def to_dot(
    data: Trace, title: str | None = None, caption: str = "", scale: Scale | None = None, write: Writing = LECTURE
) -> str:
    """Return a trace as DOT text; equal traces give equal text."""
    scale = scale or Scale("role", 0.0)
    labeled = len(data.edges) <= LABELS and write.numbers is True
    down = max(data.depths().values()) > 5
    inside: dict[str | None, list[str]] = {None: [], **{layer: [] for layer in data.layers}}
    for node in data.nodes:
        inside[node.layer] += _node(node, scale.fill(node), write)
    lines = [
        "digraph {",
        f"  graph [rankdir={'TB' if down else 'LR'}, {_PATIENCE}, nodesep=0.25, ranksep=0.3, newrank=true,",
        f'    bgcolor="{style.PAPER}", pad=0.2, fontname="{style.DOT_FONT}",',
        f"    labelloc=t, labeljust=l, label={heading(data, title, caption, labeled, scale)}]",
        f'  node [fontname="{style.DOT_FONT}", fontsize=12, fontcolor="{style.INK}", margin="0.1,0.06"]',
        f'  edge [fontname="{style.DOT_FONT}", fontsize=10, fontcolor="{style.GRADIENT}", color="{style.LINE}"]',
    ]
    for i, (layer, members) in enumerate(inside.items()):
        if layer is None:
            lines += [f"  {line}" for line in members]
            continue
        lines += [
            f"  subgraph cluster_{i} {{",
            f'    graph [label={style.quoted(style.short(layer))}, labelloc=t, style="rounded,filled", fontsize=13, '
            f'fillcolor="{style.CLUSTER_FILL}", color="{style.LINE}", fontcolor="{style.QUIET}", margin=12]',
            *(f"    {line}" for line in members),
            "  }",
        ]
    by_id = data.by_id
    lines += [f"  {_edge(edge, by_id, labeled, write)}" for edge in data.edges]
    if down and any(node.value.shape for node in data.nodes):
        lines += [f"  {{ rank=same; {edge.source}; op_{edge.target} }}" for edge in _beside(data, by_id)]
    return "\n".join([*lines, "}"]) + "\n"


def _beside(data: Trace, by_id: dict[str, TraceNode]) -> list[Edge]:
    """Return the edges from parameters and constants that stand beside the one op that uses them, not above it."""
    uses = Counter(edge.source for edge in data.edges)
    entries = Counter(edge.target for edge in data.edges)
    found = []
    for edge in data.edges:
        small = by_id[edge.source].role in ("parameter", "constant") and uses[edge.source] == 1
        if small and entries[edge.target] > 1 and not (edge.contribution and not edge.contribution.shape):
            entries[edge.target] -= 1  # one input at least stays above
            found.append(edge)
    return found


def _node(node: TraceNode, fill: str, write: Writing) -> list[str]:
    """Return a box for the value and, for the result of an op, the op's circle before it."""
    border = style.ROLES[node.role][1]
    back = style.back_on(node.role, fill)
    box = (
        f'{node.id} [{_SHAPES[node.role]}, fillcolor="{fill}", color="{border}", group={node.id}, '
        f"label={_label(node, back, write)}, tooltip={style.tooltip(_tip(node, write))}]"
    )
    if node.op is None:
        return [box]
    sign = style.short(style.symbol(node.op), 14)
    big = len(sign) <= 2
    width = "fixedsize=true, width=0.42, fontsize=17" if big else "fontsize=11"
    circle = (
        f'op_{node.id} [shape=circle, style=filled, fillcolor="{style.OP}", color="{style.OP}", margin=0.03, {width}, '
        f'fontcolor="{style.ON_OP}", group={node.id}, label={style.quoted(sign)}, tooltip={style.tooltip(node.op)}]'
    )
    return [circle, box, f'op_{node.id} -> {node.id} [arrowhead=none, color="{style.OP}", weight=9]']


def _label(node: TraceNode, back: str, write: Writing) -> str:
    """Return the table in a box: name and shape, value, gradient; entries of the two stand under each other."""
    known = replace(write, numbers=True) if node.op is None and not write.bare else write
    value, gradient = _rows("", node.value, style.INK, known), []
    if node.role != "constant":
        missing = [[_cell("∂ –", style.QUIET, "LEFT")]]
        gradient = missing if node.gradient is None else _rows("∂ = ", node.gradient, back, write)
    columns = max(len(row) for row in value + gradient)
    body = "".join(f"<TR>{''.join(row)}</TR>" for row in value + gradient)
    name = f"<B>{style.cell(style.short(node.name))}</B>" if node.name else ""
    quiet = style.QUIET if back == style.GRADIENT else style.INK
    shape = f'<FONT COLOR="{quiet}" POINT-SIZE="10">{shape_text(node.value.shape)}</FONT>' if node.value.shape else ""
    head = "  ".join(part for part in (name, shape) if part)
    head = f'<TR><TD ALIGN="LEFT" COLSPAN="{columns}">{head}</TD></TR>' if head else ""
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{head}{body}</TABLE>>'


def _rows(before: str, numbers: Numbers, color: str, write: Writing) -> list[list[str]]:
    """Return the cells of a number, of a small matrix in full, or of the range of a large array."""
    if write.bare:
        return [[_cell(before.rstrip("= "), color, "LEFT")]]
    cells = matrix_cells(numbers, write)
    if cells is None:
        line = [_cell(before + summary(numbers, write), color, "LEFT")]
        if not numbers.cells or write.numbers is not True:
            return [line]
        said = f"{numbers.means}, ±{write(number(numbers.largest))}".removeprefix(", ")
        scale = [[style.heat(step, 4.0) for step in range(-4, 5)]]
        small = f'<TD ALIGN="LEFT"><FONT COLOR="{style.QUIET}" POINT-SIZE="10">{said}</FONT></TD>'
        drawn = [[style.heat(x, numbers.largest) for x in row] for row in numbers.cells]
        return [line, [f'<TD ALIGN="LEFT">{_squares(drawn)}</TD>'], [f"<TD>{_squares(scale)}</TD>{small}"]]
    first = [_cell(before, color, "LEFT"), *([_cell("", color, "LEFT")] * (len(cells) - 1))]
    return [[head, *(_cell(x, color, "RIGHT") for x in row)] for head, row in zip(first, cells, strict=True)]


def _squares(colors: list[list[str]]) -> str:
    """Return the cells of a heat map."""
    square = f'<TD FIXEDSIZE="TRUE" WIDTH="{_CELL}" HEIGHT="{_CELL}" BGCOLOR="'
    rows = ["".join(f'{square}{color}"></TD>' for color in line) for line in colors]
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" COLOR="{style.LINE}">{body}</TABLE>'


def _cell(text: str, color: str, align: str) -> str:
    space = "&#160;&#160;" if align == "RIGHT" else ""  # room between columns
    return f'<TD ALIGN="{align}"><FONT COLOR="{color}">{space}{text}</FONT></TD>' if text else "<TD></TD>"


def _edge(edge: Edge, by_id: dict[str, TraceNode], labeled: bool, write: Writing) -> str:
    """Return an edge with what flows back through it: incoming · local = contribution; of arrays the range."""
    target, sent = by_id[edge.target], edge.contribution
    end = edge.target if target.op is None else f"op_{edge.target}"
    if sent is None or write.numbers is not True:
        return f"{edge.source} -> {end}"
    flow = f"∂ {summary(sent, write)}"
    if edge.local is not None and target.gradient is not None:
        flow = f"{summary(target.gradient, write)} · {write(factor(edge.local))} = {summary(sent, write)}"
    shown = f"label={style.quoted(f' {flow} ')}" if labeled and not sent.shape else f"edgetooltip={style.tooltip(flow)}"
    main = ", weight=6" if by_id[edge.source].op else ""
    return f"{edge.source} -> {end} [{shown}{main}]"


def _tip(node: TraceNode, write: Writing) -> str:
    parts = [node.name or node.op or node.role, f"shape {node.value.shape}" if node.value.shape else ""]
    if write.numbers is True:
        parts.append(f"value {summary(node.value, write)}")
        parts.append(f"gradient {summary(node.gradient, write)}" if node.gradient else "gradient not computed")
    return ", ".join(part for part in parts if part)


def _shown(node: TraceNode, color: str) -> Numbers | None:
    return node.value if color == "value" else node.gradient


def _farthest(numbers: Numbers) -> float:
    """Return the entry farthest from zero."""
    return numbers.high if abs(numbers.high) >= abs(numbers.low) else numbers.low


def heading(data: Trace, title: str | None, caption: str, labeled: bool, scale: Scale) -> str:
    """Return title, caption and legend, as one table of DOT."""
    lines = [f"{caption}. {whose(data)}"]
    if data.of_root and labeled and any(edge.local is not None for edge in data.edges):
        lines.append("On an edge: what arrives · local derivative = what is sent back.")
    present = {node.role for node in data.nodes}
    found = [swatch(words, *style.ROLES[role], *kind) for role, (words, *kind) in _KINDS.items() if role in present]
    if scale.color != "role":
        for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
            words = style.number_text(share * scale.largest)
            words = f"{scale.color} {words}" if share == -1 else words
            found.append(swatch(words, style.heat(share, 1.0, style.BEHIND_TEXT), style.LINE, width=10))
    if scale.color == "gradient":
        found.append(swatch("not computed", _MISSING, style.LINE))
    return head(title, lines, found)


def head(title: str | None, lines: list[str], swatches: list[str]) -> str:
    """Return what stands above a drawing by Graphviz: a title, small lines, and a row of swatches."""
    top = style.cell(style.short(title or "", 100))
    rows = [f'<FONT COLOR="{style.INK}" POINT-SIZE="16"><B>{top}</B></FONT>'] if title else []
    rows += [f'<FONT COLOR="{style.QUIET}" POINT-SIZE="11">{style.cell(line)}</FONT>' for line in lines]
    body = "".join(f'<TR><TD ALIGN="LEFT" COLSPAN="{len(swatches)}">{row}</TD></TR>' for row in rows)
    cells = "".join(f'<TD ALIGN="LEFT">{swatch}</TD>' for swatch in swatches)
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="3">{body}<TR>{cells}</TR></TABLE>>'


def swatch(words: str, fill: str, color: str, border: int = 1, shape: str = "solid", width: int = 80) -> str:
    """Return a small copy of a kind of box; a "double" one has a second border."""
    inner = f'<FONT COLOR="{style.INK}" POINT-SIZE="11">{words}</FONT>'
    for margin in (6, 0) if shape == "double" else (0,):
        inner = (
            f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" COLOR="{color}" BGCOLOR="{fill}" '
            f'STYLE="{shape.replace("double", "solid")}"><TR><TD WIDTH="{width - margin}" HEIGHT="{24 - margin}">'
            f"{inner}</TD></TR></TABLE>"
        )
    return inner


def whose(data: Trace) -> str:
    """Tell which sweep the gradients come from."""
    if not data.swept:
        return "∂ – : no gradient yet, call backward() first."
    if not data.of_root:
        return "∂: from another backward(), all or some; call backward() on the last result."
    arrived = data.by_id[data.root].gradient
    if arrived and not arrived.low == arrived.high == 1:
        return f"∂: from a backward() that brought {summary(arrived)} to the last result."
    return "∂: the derivative of the last result, from the last backward()."
