"""The one visual language of all pictures: colors, fonts, and text that is safe in every format.

The colors stand in `notation/colors.py`, the letters in `notation/alphabet.py`. No meaning is
carried by color alone.
"""

import html

from tinygrad_ed.notation import colors
from tinygrad_ed.notation import letters as notation
from tinygrad_ed.notation.alphabet import LETTERS
from tinygrad_ed.notation.formula import Runs

COLORS = {name: entry.light for name, entry in LETTERS.items() if entry.light}
_PARTS = "ink quiet paper stroke op wrong forward-fill backward-fill cluster-fill wrong-fill"
INK, QUIET, PAPER, LINE, OP, WRONG, FORWARD_FILL, BACKWARD_FILL, CLUSTER_FILL, WRONG_FILL = [
    colors.REST[name][0] for name in _PARTS.split()
]
GRADIENT = COLORS["B"]

ROLES = {  # role: (fill, border)
    "parameter": (colors.REST["parameter-fill"][0], COLORS["omega"]),
    "input": (FORWARD_FILL, COLORS["alpha"]),
    "constant": (colors.REST["constant-fill"][0], QUIET),
    "op": (PAPER, OP),
    "output": (PAPER, INK),
}

DARK = {light: dark for name, (light, dark) in colors.COLORS.items() if name != "now-fill"}
"""What becomes of a color in a drawing in the dark; each letter stays its own."""
_COLD, _WARM = (10, 90, 214), (201, 58, 16)  # the ends of the heat map: below zero and above it

DOT_FONT = "Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-Serif"
FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

_CONTROL = {i: chr(0x2400 + i) for i in range(32)} | {0x7F: "␡"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_CONTROL |= dict.fromkeys((*range(0x80, 0xA0), 0x2028, 0x2029, 0xFFFE, 0xFFFF), "\ufffd")
_CONTROL |= dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")  # turn text round

SYMBOLS = {
    "add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negative": "−", "matmul": "@", "power": "xⁿ",
    "square": "x²", "sqrt": "√", "absolute": "|x|", "sum": "Σ", "sigmoid": "σ",
    "identity": "id", "cross_entropy": "CE", "leaky_relu": "lrelu",
}  # fmt: skip


def symbol(op: str) -> str:
    """Return what is written on an op: its sign, or its name."""
    return SYMBOLS.get(op, op.strip("_"))


def number_text(x: float) -> str:
    """Return a number in at most three significant digits, with a true minus sign."""
    return notation.number(x).unicode


def heat(x: float, largest: float, strongest: float = 1.0) -> str:
    """Return a number's color in a heat map: blue below zero, white at zero, orange above, as strong as text allows."""
    share = round(8 * min(abs(x) / largest, 1.0)) / 8 if largest > 0 and abs(x) < float("inf") else 0.0
    end, share = _WARM if x > 0 else _COLD, share * strongest
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in end)


def page_css() -> str:
    """Return the colors of a page, and what becomes of those in drawings in the dark."""
    dark = "".join(
        f'svg[{kind}="{color}"],svg [{kind}="{color}"]{{{kind}:{seen}}}'
        for color, seen in DARK.items()
        for kind in ("fill", "stroke")
    )
    return f"{colors.page_css()}@media screen and (prefers-color-scheme:dark){{{dark}}}"


def clean(text: str) -> str:
    """Return text without the characters that XML, UTF-8 or a terminal cannot hold; they become visible signs."""
    return text.translate(_CONTROL)


def short(text: str, most: int = 32) -> str:
    """Return text cut to a number of characters; the whole of it belongs into a tooltip."""
    return text if len(text) <= most else text[: most - 1] + "…"


def escape(text: str) -> str:
    """Return text safe inside SVG, HTML and Graphviz's HTML-like labels, in element and attribute alike."""
    return html.escape(clean(text), quote=True)


def quoted(text: str) -> str:
    r"""Return text as a string of DOT for a label, in which nothing is interpreted: no `\N`, `\l` or `&amp;`."""
    return '"' + clean(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'


def tooltip(text: str) -> str:
    """Return text as a string of DOT for a tooltip, which Graphviz unescapes twice."""
    return quoted(text.replace("\\", "\\\\"))


def cell(text: str) -> str:
    """Return text safe inside an HTML-like label of DOT, where a backslash still needs its own."""
    return escape(text).replace("\\", "\\\\")


def tspans(runs: Runs, size: float) -> str:
    """Return runs as the inside of an SVG `<text>` of this font size; a subscript stands under its superscript."""
    if len(runs) < 2:
        return "".join(escape(text) for text, _ in runs)
    parts, at, before = [], 0.0, ("", 0)
    for text, level in runs:
        wanted = {0: 0.0, 1: -0.4 * size, -1: 0.24 * size}[level]
        stacked = level == -1 and before[1] == 1
        # a space at the edge of a run becomes a distance, because a viewer may drop it
        spaces = len(before[0]) - len(before[0].rstrip()) + len(text) - len(text.lstrip())
        dx = -0.39 * size * len(before[0]) if stacked else 0.28 * size * spaces
        place = (f' dx="{dx:.2g}"' if dx else "") + (f' dy="{wanted - at:.2g}"' if wanted != at else "")
        small = f' font-size="{0.68 * size:.2g}"' if level else ""
        parts.append(f"<tspan{place}{small}>{escape(text.strip())}</tspan>")
        at, before = wanted, (text, level)
    return "".join(parts)
