"""The one visual language of all pictures: colours, fonts, and text that is safe in every format.

A letter has the same colour wherever it appears. The colours differ in lightness as well as in hue, so that readers
with any kind of colour vision can tell them apart (a test simulates them), and all are dark enough to be read on
white; in the dark, each has a lighter partner. No meaning is carried by colour alone. The letters themselves, and
numbers as text, come from `closed_form/notation.py`.
"""

import html

from tinygrad_ed.notation import letters as notation
from tinygrad_ed.notation.formula import Runs

COLOURS = {  # by the letter's name in notation.LETTERS
    "alpha": "#0a5ad6",
    "zeta": "#22303a",
    "omega": "#5a3200",
    "omega_k": "#5a3200",
    "beta": "#00684a",
    "B": "#c93a10",
    "P": "#9c3391",
    "rho": "#333333",
    "cost": "#111111",
}
INK, QUIET, PAPER, LINE = "#1b1f24", "#5f6873", "#ffffff", "#8b95a1"
OP = "#4b5563"
GRADIENT, WRONG = COLOURS["B"], "#b3261e"
FORWARD_FILL, BACKWARD_FILL, CLUSTER_FILL, WRONG_FILL = "#e6f1f9", "#fdeee3", "#f6f7f9", "#fde2da"

ROLES = {  # role: (fill, border)
    "parameter": ("#fff4dc", COLOURS["omega"]),
    "input": (FORWARD_FILL, COLOURS["alpha"]),
    "constant": ("#f0f1f3", QUIET),
    "op": (PAPER, OP),
    "output": (PAPER, INK),
}

DARK = {  # what becomes of a colour on a page in the dark; each letter stays its own
    COLOURS["alpha"]: "#a4cdf9",
    COLOURS["zeta"]: "#f1f3f3",
    COLOURS["omega"]: "#fad205",
    COLOURS["beta"]: "#47fda0",
    COLOURS["B"]: "#ec863d",
    COLOURS["P"]: "#e65fff",
    COLOURS["rho"]: "#d8d8d8",
    COLOURS["cost"]: "#f2f2f2",
    INK: "#e8eaed",
    QUIET: "#a6afba",
    PAPER: "#1d2126",
    LINE: "#77818d",
    OP: "#5b6675",
    WRONG: "#ff8a80",
    FORWARD_FILL: "#16324d",
    BACKWARD_FILL: "#472a1b",
    CLUSTER_FILL: "#262b31",
    WRONG_FILL: "#4a1f1a",
    "#fff4dc": "#3a2f17",
    "#f0f1f3": "#2a2f36",
}
_COLD, _WARM = (10, 90, 214), (201, 58, 16)  # the ends of the heat map: below zero and above it

DOT_FONT = "Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-Serif"
FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

_CONTROL = {i: chr(0x2400 + i) for i in range(32)} | {0x7F: "␡"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_CONTROL |= dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")

SYMBOLS = {
    "add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negative": "−", "matmul": "@", "power": "xⁿ",
    "square": "x²", "sqrt": "√", "absolute": "|x|", "sum": "Σ", "sigmoid": "σ",
    "identity": "id", "cross_entropy": "CE", "leaky_relu": "lrelu",
}  # fmt: skip


def symbol(op: str) -> str:
    """Return what is written on an op: its sign, or its name."""
    return SYMBOLS.get(op, op.strip("_"))


def number(x: float) -> str:
    """Return a number in at most three significant digits, with a true minus sign.

    >>> number(0.5), number(-0.99996), number(12345), number(0.0000123)
    ('0.5', '−1.00', '12345', '1.23·10⁻⁵')
    """
    return notation.number(x).unicode


def heat(x: float, largest: float, strongest: float = 1.0) -> str:
    """Return the colour of a number in a heat map: blue below zero, white at zero, orange above.

    Args:
        x: the number.
        largest: the size that gets the strongest colour.
        strongest: how strong that is; less than 1 where text stands on it.

    >>> heat(0.0, 2.0), heat(-2.0, 2.0), heat(1.0, 2.0)
    ('#ffffff', '#0a5ad6', '#e49c88')
    """
    share = round(8 * min(abs(x) / largest, 1.0)) / 8 if largest > 0 and abs(x) < float("inf") else 0.0
    end, share = _WARM if x > 0 else _COLD, share * strongest
    return "#" + "".join(f"{round(255 + share * (part - 255)):02x}" for part in end)


def page_css() -> str:
    """Return the style of letters in equations, and of drawings in the dark, for every page."""
    letters = "".join(f"mi.{name}{{color:{colour}}}" for name, colour in COLOURS.items())
    dark = "".join(f"mi.{name}{{color:{DARK[colour]}}}" for name, colour in COLOURS.items())
    dark += "".join(
        f'svg[{kind}="{colour}"],svg [{kind}="{colour}"]{{{kind}:{seen}}}'
        for colour, seen in DARK.items()
        for kind in ("fill", "stroke")
    )
    return f"{letters}@media screen and (prefers-color-scheme:dark){{{dark}}}"


def clean(text: str) -> str:
    """Return text without the characters that XML and UTF-8 cannot hold; they become visible signs.

    >>> clean("a" + chr(0) + "b")
    'a␀b'
    """
    return text.translate(_CONTROL)


def short(text: str, most: int = 32) -> str:
    """Return text cut to a number of characters; the whole of it belongs into a tooltip.

    >>> short("a" * 40, 6)
    'aaaaa…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def escape(text: str) -> str:
    """Return text safe inside SVG, HTML and Graphviz's HTML-like labels, in element and attribute alike.

    >>> escape("<b>α & 'β'")
    '&lt;b&gt;α &amp; &#x27;β&#x27;'
    """
    return html.escape(clean(text), quote=True)


def quoted(text: str) -> str:
    r"""Return text as a string of DOT for a label, in which nothing is interpreted: no `\N`, `\l` or `&amp;`.

    >>> print(quoted(r"a\N"), quoted('"b" & c'))
    "a\\N" "\"b\" &amp; c"
    """
    return '"' + clean(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'


def tooltip(text: str) -> str:
    """Return text as a string of DOT for a tooltip, which Graphviz unescapes twice."""
    return quoted(text.replace("\\", "\\\\"))


def cell(text: str) -> str:
    """Return text safe inside an HTML-like label of DOT, where a backslash still needs its own."""
    return escape(text).replace("\\", "\\\\")


def tspans(runs: Runs, size: float) -> str:
    """Return runs as the inside of an SVG `<text>` of this font size; a subscript stands under its superscript.

    A space at the edge of a run becomes a distance, because a viewer may drop it.
    """
    if len(runs) < 2:
        return "".join(escape(text) for text, _ in runs)
    parts, at, before = [], 0.0, ("", 0)
    for text, level in runs:
        wanted = {0: 0.0, 1: -0.4 * size, -1: 0.24 * size}[level]
        stacked = level == -1 and before[1] == 1
        spaces = len(before[0]) - len(before[0].rstrip()) + len(text) - len(text.lstrip())
        dx = -0.39 * size * len(before[0]) if stacked else 0.28 * size * spaces
        place = (f' dx="{dx:.2g}"' if dx else "") + (f' dy="{wanted - at:.2g}"' if wanted != at else "")
        small = f' font-size="{0.68 * size:.2g}"' if level else ""
        parts.append(f"<tspan{place}{small}>{escape(text.strip())}</tspan>")
        at, before = wanted, (text, level)
    return "".join(parts)
