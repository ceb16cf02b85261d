"""What stands above a picture of a graph: title, caption, and what its boxes and their colors mean."""

from typing import NamedTuple

from tinygrad_ed.draw.equations import summary
from tinygrad_ed.draw.parts import Numbers, TraceNode
from tinygrad_ed.draw.style import BEHIND_TEXT, INK, LINE, QUIET, ROLES, cell, heat, number_text, short
from tinygrad_ed.draw.trace import Trace

COLORINGS = ("role", "value", "gradient")
_MISSING = ROLES["constant"][0]


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
            return ROLES[node.role][0]
        shown = _shown(node, self.color)
        return heat(_farthest(shown), self.largest, BEHIND_TEXT) if shown else _MISSING


def _shown(node: TraceNode, color: str) -> Numbers | None:
    return node.value if color == "value" else node.gradient


def _farthest(numbers: Numbers) -> float:
    """Return the entry farthest from zero."""
    return numbers.high if abs(numbers.high) >= abs(numbers.low) else numbers.low


def heading(data: Trace, title: str | None, caption: str, labeled: bool, scale: Scale) -> str:
    """Return title, caption and legend, as one table of DOT."""
    lines = [f'<FONT COLOR="{INK}" POINT-SIZE="16"><B>{cell(short(title, 100))}</B></FONT>'] if title else []
    lines.append(f'<FONT COLOR="{QUIET}" POINT-SIZE="11">{cell(caption)}. {whose(data)}</FONT>')
    if data.of_root and labeled and any(edge.local is not None for edge in data.edges):
        small = "On an edge: what arrives · local derivative = what is sent back."
        lines.append(f'<FONT COLOR="{QUIET}" POINT-SIZE="11">{small}</FONT>')
    present = {node.role for node in data.nodes}
    swatches = [swatch for role, swatch in _SWATCHES.items() if role in present]
    if scale.color != "role":
        swatches += _scale(scale)
    cells = "".join(f'<TD ALIGN="LEFT">{swatch}</TD>' for swatch in swatches)
    body = "".join(f'<TR><TD ALIGN="LEFT" COLSPAN="{len(swatches)}">{line}</TD></TR>' for line in lines)
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="3">{body}<TR>{cells}</TR></TABLE>>'


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


def _swatch(role: str, words: str, style: str, border: int = 1, double: bool = False) -> str:
    """Return a small copy of a kind of box, for the legend."""
    fill, color = ROLES[role]
    inner = f'<FONT COLOR="{INK}" POINT-SIZE="10">{words}</FONT>'
    for width, height in ((74, 18), (80, 24)) if double else ((80, 24),):
        inner = (
            f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" COLOR="{color}" '
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


def _scale(scale: Scale) -> list[str]:
    """Return the cells for five steps of the scale, and for what has no number."""
    steps = [(share * scale.largest, heat(share, 1.0, BEHIND_TEXT)) for share in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    found = [(f"{scale.color} {number_text(x)}" if x == steps[0][0] else number_text(x), fill) for x, fill in steps]
    if scale.color == "gradient":
        found.append(("not computed", _MISSING))
    return [
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" COLOR="{LINE}" BGCOLOR="{fill}"><TR><TD HEIGHT="18">'
        f'<FONT COLOR="{INK}" POINT-SIZE="10">{text}</FONT></TD></TR></TABLE>'
        for text, fill in found
    ]
