"""What stands above a picture of a graph: title, caption, and what its boxes and their colors mean."""

from typing import Any, NamedTuple

from tinygrad_ed.draw.equations import summary
from tinygrad_ed.draw.parts import Numbers, TraceNode
from tinygrad_ed.draw.style import BEHIND_TEXT, INK, LINE, QUIET, ROLES, cell, heat, number_text, short
from tinygrad_ed.draw.trace import Trace

COLORINGS = ("role", "value", "gradient")
_KINDS: dict[str, tuple[Any, ...]] = {
    "input": ("input", 2),
    "parameter": ("parameter", 1, "double"),
    "constant": ("constant", 1, "dashed"),
    "op": ("result", 1, "rounded"),
    "output": ("last result", 2, "rounded"),
}
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
    lines = [f"{caption}. {whose(data)}"]
    if data.of_root and labeled and any(edge.local is not None for edge in data.edges):
        lines.append("On an edge: what arrives · local derivative = what is sent back.")
    present = {node.role for node in data.nodes}
    found = [swatch(words, *ROLES[role], *kind) for role, (words, *kind) in _KINDS.items() if role in present]
    if scale.color != "role":
        for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
            words = number_text(share * scale.largest)
            words = f"{scale.color} {words}" if share == -1 else words
            found.append(swatch(words, heat(share, 1.0, BEHIND_TEXT), LINE, width=10))
    if scale.color == "gradient":
        found.append(swatch("not computed", _MISSING, LINE))
    return head(title, lines, found)


def head(title: str | None, lines: list[str], swatches: list[str]) -> str:
    """Return what stands above a drawing by Graphviz: a title, small lines, and a row of swatches."""
    rows = [f'<FONT COLOR="{INK}" POINT-SIZE="16"><B>{cell(short(title, 100))}</B></FONT>'] if title else []
    rows += [f'<FONT COLOR="{QUIET}" POINT-SIZE="11">{cell(line)}</FONT>' for line in lines]
    body = "".join(f'<TR><TD ALIGN="LEFT" COLSPAN="{len(swatches)}">{row}</TD></TR>' for row in rows)
    cells = "".join(f'<TD ALIGN="LEFT">{swatch}</TD>' for swatch in swatches)
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="3">{body}<TR>{cells}</TR></TABLE>>'


def swatch(words: str, fill: str, color: str, border: int = 1, style: str = "solid", width: int = 80) -> str:
    """Return a small copy of a kind of box; a "double" one has a second border."""
    inner = f'<FONT COLOR="{INK}" POINT-SIZE="11">{words}</FONT>'
    for margin in (6, 0) if style == "double" else (0,):
        inner = (
            f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" COLOR="{color}" BGCOLOR="{fill}" '
            f'STYLE="{style.replace("double", "solid")}"><TR><TD WIDTH="{width - margin}" HEIGHT="{24 - margin}">'
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
