"""The one visual language of all pictures: colours, fonts, numbers and the lecture's letters.

A letter has the same colour wherever it appears. The colours differ in lightness as well as in hue, so that readers
with any kind of colour vision can tell them apart (a test simulates them), and all are dark enough to be read on
white. No meaning is carried by colour alone.

A label with sub- and superscripts is a tuple of runs `(text, level)`, with level 0 on the line, 1 above
and -1 below. It becomes Unicode for DOT and plain text, or `<tspan>` for SVG.
"""

import html
import math
import re

Runs = tuple[tuple[str, int], ...]

COLOURS = {
    "α": "#0a5ad6",
    "ζ": "#22303a",
    "ω": "#5a3200",
    "Ω": "#5a3200",
    "β": "#00684a",
    "B": "#c93a10",
    "P": "#9c3391",
    "ρ": "#333333",
    "ε": "#111111",
}
INK, QUIET, PAPER, LINE = "#1b1f24", "#5f6873", "#ffffff", "#8b95a1"
OP = "#4b5563"
GRADIENT, WRONG = COLOURS["B"], "#b3261e"
FORWARD_FILL, BACKWARD_FILL, CLUSTER_FILL, WRONG_FILL = "#e6f1f9", "#fdeee3", "#f6f7f9", "#fde2da"

ROLES = {  # role: (fill, border)
    "parameter": ("#fff4dc", COLOURS["ω"]),
    "input": (FORWARD_FILL, COLOURS["α"]),
    "constant": ("#f0f1f3", QUIET),
    "op": (PAPER, OP),
    "output": (PAPER, INK),
}

DOT_FONT = "Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-Serif"
FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

_SUPERSCRIPT = str.maketrans("0123456789+−-()njT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿʲᵀ")
_SUBSCRIPT = str.maketrans("0123456789+−-()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_CONTROL = {i: chr(0x2400 + i) for i in range(32)} | {0x7F: "␡"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_CONTROL |= dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")

SYMBOLS = {
    "add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negative": "−", "matmul": "@", "power": "xⁿ",
    "square": "x²", "sqrt": "√", "absolute": "|x|", "sum": "Σ", "sigmoid": "σ",
}  # fmt: skip


def symbol(op: str) -> str:
    """Return what is written on an op: its sign, or its name."""
    return SYMBOLS.get(op, op.strip("_"))


def number(x: float) -> str:
    """Return a number in at most three significant digits, with a true minus sign.

    A number that is shown exactly keeps its short form; a rounded one keeps its zeros.

    >>> number(0.5), number(-0.99996), number(12345), number(0.0000123)
    ('0.5', '−1.00', '12345', '1.23·10⁻⁵')
    """
    x = float(x)
    if not math.isfinite(x):
        return "nan" if math.isnan(x) else "∞" if x > 0 else "−∞"
    if x == int(x) and abs(x) < 1e5:
        return f"{int(x)}".replace("-", "−")
    digits = "" if float(f"{x:.3g}") == x else "#"
    text = f"{x:{digits}.3g}".rstrip(".")
    if 1e3 <= abs(x) < 1e5:
        text = f"{x:.0f}"
    elif 1e-3 <= abs(x) < 1e3 and "e" in text:
        text = f"{x:.0f}"  # 999.9 rounds up to 1.00e+03
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def letter(name: str, up: object = None, down: object = None) -> Runs:
    """Return a letter with its layer above and its neuron below.

    >>> plain(letter("ω", 1, "1,2"))
    'ω¹₁,₂'
    """
    return ((name, 0), *(((str(up), 1),) if up is not None else ()), *(((str(down), -1),) if down is not None else ()))


def marked(text: str) -> Runs:
    """Return runs from text with scripts in braces; for our own texts, never for a user's name.

    >>> marked("ζ^{j} = 1"), plain(marked("B^{j}_{k}"))
    ((('ζ', 0), ('j', 1), (' = 1', 0)), 'Bʲₖ')
    """
    levels = {"^": 1, "_": -1, "": 0}
    parts = re.findall(r"([_^])\{([^}]*)\}|([^_^]+)", text)
    return tuple((inner or outer, levels[mark]) for mark, inner, outer in parts)


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


def plain(runs: Runs) -> str:
    """Return runs as one Unicode string."""
    tables = {0: {}, 1: _SUPERSCRIPT, -1: _SUBSCRIPT}
    return "".join(text.translate(tables[level]) for text, level in runs)


def tspans(runs: Runs, size: float) -> str:
    """Return runs as the inside of an SVG `<text>` of this font size; a subscript stands under its superscript.

    A space at the edge of a run becomes a distance, because a viewer may drop it.
    """
    if len(runs) == 1:
        return escape(runs[0][0])
    parts, at, before = [], 0.0, ("", 0)
    for text, level in runs:
        wanted = {0: 0.0, 1: -0.4 * size, -1: 0.24 * size}[level]
        stacked = level == -1 and before[1] == 1
        spaces = len(before[0]) - len(before[0].rstrip()) + len(text) - len(text.lstrip())
        dx = -0.39 * size * len(before[0]) if stacked else 0.28 * size * spaces
        place = (f' dx="{dx:.1f}"' if dx else "") + (f' dy="{wanted - at:.1f}"' if wanted != at else "")
        small = f' font-size="{0.68 * size:.1f}"' if level else ""
        parts.append(f"<tspan{place}{small}>{escape(text.strip())}</tspan>")
        at, before = wanted, (text, level)
    return "".join(parts)
