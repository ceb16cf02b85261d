"""The one visual language of all pictures: colors, fonts, and text that is safe in every format.

The colors stand in `notation/colors.py`, the letters in `notation/alphabet.py`. No meaning is
carried by color alone.
"""

import html
import re

from tinygrad_ed.notation import colors
from tinygrad_ed.notation import letters as notation
from tinygrad_ed.notation.alphabet import LETTERS
from tinygrad_ed.notation.formula import Runs

COLORS = {name: entry.light for name, entry in LETTERS.items() if entry.light}
_PARTS = "ink quiet paper op wrong backward-fill cluster-fill"
INK, QUIET, PAPER, OP, WRONG, BACKWARD_FILL, CLUSTER_FILL = [colors.REST[name][0] for name in _PARTS.split()]
FORWARD_FILL, WRONG_FILL, LINE, YOURS = "#eff6fb", "#fdf0ec", "#6f7984", "#7b3f9e"  # all letters can be read on these
ON_OP = "#fefefe"  # letters on an op
GRADIENT = COLORS["B"]

ROLES = {  # role: (fill, border)
    "parameter": (colors.REST["parameter-fill"][0], COLORS["omega"]),
    "input": (FORWARD_FILL, COLORS["alpha"]),
    "constant": (colors.REST["constant-fill"][0], QUIET),
    "op": (PAPER, OP),
    "output": (PAPER, INK),
}

DARK = {light: dark for name, (light, dark) in colors.COLORS.items() if name != "now-fill"}
DARK |= {FORWARD_FILL: "#16324d", WRONG_FILL: "#4a1f1a", LINE: "#8f99a5", YOURS: "#d7a8f2", OP: "#6b7685"}
"""What becomes of a color in a drawing in the dark; each letter stays its own."""
BEHIND_TEXT = 0.55  # the strongest color of a scale on which numbers can be read
_ENDS = {  # of a heat map below zero and above it, in the light and in the dark: both go away from the paper
    False: ("#0b5ad6", "#468cf0"),
    True: ("#c93b10", "#e6643c"),
}

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


def back_on(role: str, fill: str) -> str:
    """Return the color of a gradient on a box; on a color of a scale orange could not be read."""
    return GRADIENT if fill == ROLES[role][0] else INK


def number_text(x: float) -> str:
    """Return a number in at most three significant digits, with a true minus sign."""
    return notation.number(x).unicode


def _mix(paper: str, end: str, share: float) -> str:
    pairs = zip(bytes.fromhex(paper[1:]), bytes.fromhex(end[1:]), strict=True)
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


def heat(x: float, largest: float, strongest: float = 1.0) -> str:
    """Return a number's color in a heat map, in nine steps: blue below zero, white at zero, orange above."""
    share = round(8 * min(abs(x) / largest, 1.0)) / 8 if largest > 0 and abs(x) < float("inf") else 0.0
    return _mix(PAPER, _ENDS[x > 0][0], share * strongest)


for _share in [_step / 8 * _strongest for _step in range(1, 9) for _strongest in (BEHIND_TEXT, 1.0)]:
    DARK |= {_mix(PAPER, _light, _share): _mix(DARK[PAPER], _dark, _share) for _light, _dark in _ENDS.values()}


def page_css(drawn: str) -> str:
    """Return the colors of a page, and what becomes of those that are drawn in the dark and in forced colors.

    In forced colors, boxes have the ground of the page and lines and letters its ink; heat maps keep their colors.
    """
    found = sorted(set(re.findall(r'(fill|stroke)="(#[0-9a-f]{6})"', drawn)))
    dark = "".join(f'[{kind}="{color}"]{{{kind}:{DARK[color]}}}' for kind, color in found if color in DARK)
    maps = {heat(sign * step, 8.0) for sign in (-1, 1) for step in range(1, 9)}
    kept = [
        "".join(f'[fill="{c}"][fill]{{fill:{k[c]}}}' for _, c in found if c in maps)
        for k in ({c: c for c in maps}, DARK)
    ]
    forced = (
        'svg{forced-color-adjust:none}[fill]:not([fill="none"]){fill:Canvas}'
        '[stroke]:not([stroke="none"],[stroke="transparent"]){stroke:CanvasText}'
        f'[fill="{LINE}"][fill],svg text:not(#_){{fill:CanvasText}}'
    )
    active = f"@media (forced-colors:active){{{forced}{kept[0]}}}"
    active += f"@media (forced-colors:active) and (prefers-color-scheme:dark){{{kept[1]}}}"
    return f"{colors.page_css()}@media screen and (prefers-color-scheme:dark){{{dark}}}{active}"


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
