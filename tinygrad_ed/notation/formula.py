"""Formulas as data: a small tree of signs, scripts, fractions, brackets and matrices, and four ways to write it.

Unicode is one line of plain text; LaTeX and MathML are for pages; runs are text above and below the line, for
drawings. (`blocks.py` writes matrices over several lines, for the terminal.) Trees are made by `notation.formula` from
a line of markup; nobody needs to build one by hand.
"""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Runs = tuple[tuple[str, int], ...]
"""Pieces of text with their level: 0 on the line, 1 above, -1 below."""

ABOVE = dict(
    zip(
        "0123456789+−-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′",
        strict=True,
    )
)
BELOW = dict(zip("0123456789+−-=()aehijklmnoprstuvx,", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ,", strict=True))
_UPRIGHT = ("Ω", "Φ", "Ψ")  # as in LaTeX
_TEX = str.maketrans(
    {c: "\\" + c for c in "{}$&#_%"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "−": "-", "…": r"\ldots{}"}
)


class Formula:
    """A formula, or a piece of one."""

    @property
    def unicode(self) -> str:
        """One line of plain text."""
        return _unicode(self)

    @property
    def latex(self) -> str:
        """LaTeX, for math mode."""
        return _latex(self)

    @property
    def mathml(self) -> str:
        """MathML elements, to stand inside `<math>`."""
        return _mathml(self)

    @property
    def runs(self) -> Runs:
        """Text on three levels; a script inside a script, or inside a fraction, is flattened."""
        return _joined(_runs(self))

    def math(self, display: bool = False) -> str:
        """Return the whole `<math>` element, with its Unicode for readers who see no MathML."""
        shown = ' display="block"' if display else ""
        said = html.escape(" ".join(self.unicode.split()))
        return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{shown} alttext="{said}">{self.mathml}</math>'

    def __str__(self) -> str:
        return self.unicode


@dataclass(frozen=True)
class Sign(Formula):
    """One letter, word, number or operator, in Unicode and in LaTeX."""

    text: str
    tex: str
    kind: str = "letter"  # or word, text, number, operator, prefix (close to what follows), comma, dots, big (∏, Σ)
    name: str = ""  # of a letter, its ASCII name, by which it is colored; "given" of a number that is not left blank
    again: Callable[[int], Formula] | None = field(default=None, compare=False, repr=False)  # data, with other digits


@dataclass(frozen=True)
class Script(Formula):
    """A base with something above it, below it, or both."""

    base: Formula
    up: Formula | None = None
    down: Formula | None = None


@dataclass(frozen=True)
class Fraction(Formula):
    """One thing over another."""

    top: Formula
    bottom: Formula


@dataclass(frozen=True)
class Bracket(Formula):
    """Something in brackets."""

    left: str
    inside: Formula
    right: str


@dataclass(frozen=True)
class Row(Formula):
    """Pieces side by side."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Matrix(Formula):
    """A matrix of numbers, written out; a vector is a matrix of one row or one column."""

    rows: tuple[tuple[Formula, ...], ...]


@dataclass(frozen=True)
class Lines(Formula):
    """Lines below each other: each with its number on the slide, its depth inside loops, and what it says."""

    lines: tuple[tuple[str, int, Formula], ...]


# One line of text


def _unicode(f: Formula) -> str:
    match f:
        case Sign():
            return f.text
        case Script(base=Sign(kind="big")):
            limits = "…".join([limit.unicode.replace(" ", "") for limit in (f.down, f.up) if limit])
            return f"{f.base.unicode}({limits})"
        case Script():
            above, below = shifted(f.up, ABOVE, "^"), shifted(f.down, BELOW, "_")
            if below.startswith("_") and kind(f.base) == "prefix":  # no small W: ∇[Wʲ] E
                below = f"[{f.down.unicode}]" if f.down else ""
            return f.base.unicode + (below + above if above == "ᵀ" else above + below)
        case Fraction():
            return "/".join(
                [f"({part.unicode})" if " " in part.unicode else part.unicode for part in (f.top, f.bottom)]
            )
        case Bracket():
            return f.left + f.inside.unicode + f.right
        case Row():
            return "".join([gap + part.unicode for gap, part in spaced(f.parts)])
        case Matrix():
            return f"[{'; '.join([', '.join([cell.unicode for cell in row]) for row in f.rows])}]"
        case Lines():
            return "\n".join([before + what.unicode for before, what in numbered(f)])
    raise TypeError(f"{f!r} is no formula")


def numbered(f: Lines) -> list[tuple[str, Formula]]:
    """Return the lines, each with what stands before it: its number on the slide, and its depth inside loops."""
    wide = max([len(number) for number, _, _ in f.lines])
    margin = wide + 2 if wide else 0
    return [(f"{number:>{wide}}".ljust(margin) + "    " * depth, what) for number, depth, what in f.lines]


def shifted(script: Formula | None, table: dict[str, str], mark: str) -> str:
    """Return a script in Unicode's small letters, or behind a mark where there are none."""
    if script is None:
        return ""
    text = script.unicode.replace(" ", "")
    if all([c in table for c in text]):
        return "".join([table[c] for c in text])
    return mark + (text if len(text) < 3 else f"({text})")


def spaced(parts: Sequence[Formula]) -> list[tuple[str, Formula]]:
    """Return the parts of a row, each with the space before it."""
    return [(_gap(left, right), right) for left, right in pairwise((None, *parts)) if right]


def _gap(left: Formula | None, right: Formula) -> str:
    """Keep signs of operations apart, but ∂ close to its letter, and a function close to its argument."""
    one, other = kind(left), kind(right)
    close = left is None or one == "prefix" or other == "comma"
    applied = other == "(" and one in ("letter", "word")
    return "" if close or applied else " "


def kind(f: Formula | None) -> str:
    """Return what a piece is for its neighbors: the kind of its sign, its opening bracket, or nothing special."""
    match f:
        case Sign():
            return f.kind
        case Script():
            return "letter" if kind(f.base) == "prefix" else kind(f.base)  # ∇_W E, but ∂E
        case Bracket():
            return f.left
        case _:
            return ""


def numeric(f: Matrix) -> bool:
    """Tell whether all entries are numbers, and perhaps dots for more of them."""
    return all([kind(cell) in ("number", "dots") for row in f.rows for cell in row])


def _runs(f: Formula) -> Runs:
    match f:
        case Script(base=Sign(kind="big")):
            return ((f.unicode, 0),)
        case Script(up=Sign(kind="prime")) if f.down is None:
            return (*_runs(f.base), ("′", 0))  # it is raised already
        case Script():
            up, down = [
                ((part.unicode.replace(" ", ""), level),) if part else () for part, level in ((f.up, 1), (f.down, -1))
            ]
            return _runs(f.base) + (down + up if up == (("T", 1),) else up + down)
        case Fraction() if " " not in f.unicode:
            return (*_runs(f.top), ("/", 0), *_runs(f.bottom))
        case Bracket():
            return ((f.left, 0), *_runs(f.inside), (f.right, 0))
        case Row():
            return tuple([run for gap, part in spaced(f.parts) for run in ((gap, 0), *_runs(part))])
        case _:
            return ((f.unicode, 0),)


def _joined(runs: Runs) -> Runs:
    """Join neighbors on one level into one run."""
    joined: list[tuple[str, int]] = []
    for text, level in runs:
        if joined and joined[-1][1] == level:
            joined[-1] = (joined[-1][0] + text, level)
        elif text:
            joined.append((text, level))
    return tuple(joined)


# LaTeX

_NEXT = r" \\ "  # the next line


def _latex(f: Formula) -> str:
    match f:
        case Sign():
            return f.tex
        case Script():
            up, down = f.up and f"^{{{f.up.latex}}}", f.down and f"_{{{f.down.latex}}}"
            return f"{f.base.latex}{down or ''}{up or ''}"
        case Fraction():
            return rf"\frac{{{f.top.latex}}}{{{f.bottom.latex}}}"
        case Bracket():
            left, right = [side.replace("‖", r"\|") for side in (f.left, f.right)]
            return rf"\left{left} {f.inside.latex} \right{right}"
        case Row():
            return "".join([_latex_gap(left, part) + part.latex for left, part in pairwise((None, *f.parts)) if part])
        case Matrix():
            rows = _NEXT.join([" & ".join([cell.latex for cell in row]) for row in f.rows])
            return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"
        case Lines():
            deep, numbered = r"\quad ", any([number for number, _, _ in f.lines])
            said = [(f"{number} & " if numbered else "") + deep * depth + what.latex for number, depth, what in f.lines]
            return rf"\begin{{array}}{{{'rl' if numbered else 'l'}}} {_NEXT.join(said)} \end{{array}}"
    raise TypeError(f"{f!r} is no formula")


def _latex_gap(left: Formula | None, right: Formula) -> str:
    """Return the space between two parts in LaTeX, which knows the spaces of signs, but not those of words."""
    return "" if left is None else r" \ " if "text" in (kind(left), kind(right)) else " "


def tex_text(text: str) -> str:
    """Return plain text as LaTeX, upright; whatever a name holds, it does nothing there."""
    return rf"\text{{{text.translate(_TEX)}}}"


# MathML


def _mathml(f: Formula) -> str:
    match f:
        case Sign():
            return _sign(f)
        case Script():
            tags = ("under", "over") if kind(f) == "big" else ("sub", "sup")
            scripts = [(tag, part) for tag, part in zip(tags, (f.down, f.up), strict=True) if part]
            tag = "m" + "".join([tag for tag, _ in scripts])
            return f"<{tag}>{''.join([_one(part) for part in (f.base, *[part for _, part in scripts])])}</{tag}>"
        case Fraction():
            return f"<mfrac>{_one(f.top)}{_one(f.bottom)}</mfrac>"
        case Bracket():
            return f"<mrow><mo>{f.left}</mo>{f.inside.mathml}<mo>{f.right}</mo></mrow>"
        case Row():
            return "".join([_between(left, part) + part.mathml for left, part in pairwise((None, *f.parts)) if part])
        case Matrix():
            rows = "".join([f"<mtr>{''.join([_cell(cell) for cell in row])}</mtr>" for row in f.rows])
            shown = "numbers" if numeric(f) else "symbols"
            return f'<mrow class="matrix {shown}"><mo>[</mo><mtable>{rows}</mtable><mo>]</mo></mrow>'
        case Lines():
            numbered, deep = any([number for number, _, _ in f.lines]), '<mspace width="2em"/>'
            lines = [(number, deep * depth + said.mathml) for number, depth, said in f.lines]
            first = "<mtd><mtext>{}</mtext></mtd>" if numbered else ""
            rows = "".join([f"<mtr>{first.format(number)}<mtd>{said}</mtd></mtr>" for number, said in lines])
            shown = "lines numbered" if numbered else "lines"
            return f'<mtable class="{shown}" displaystyle="true">{rows}</mtable>'
    raise TypeError(f"{f!r} is no formula")


def _sign(f: Sign) -> str:
    text = html.escape(f.text)
    match f.kind:
        case "number":
            return f"<mn>{text}</mn>"
        case "text":
            return f"<mtext>{text}</mtext>"
        case "letter" | "word":
            color = f' class="{f.name}"' if f.name else ""
            upright = ' mathvariant="normal"' if f.text in _UPRIGHT or f.name == "transposed" else ""
            return f"<mi{upright}{color}>{text}</mi>"
        case "prefix":
            return f'<mo form="prefix" rspace="0">{text}</mo>'
        case _:
            return f"<mo>{text}</mo>"


def _one(f: Formula) -> str:
    """Return exactly one element, as the parts of a script or a fraction must be."""
    return f"<mrow>{f.mathml}</mrow>" if isinstance(f, Row) else f.mathml


def _cell(f: Formula) -> str:
    shown = "dots" if kind(f) == "dots" else "zero" if f.unicode == "0" else ""
    return f'<mtd class="{shown}">{f.mathml}</mtd>' if shown else f"<mtd>{f.mathml}</mtd>"


def _between(left: Formula | None, right: Formula) -> str:
    """Return what is not written but meant: a product of two letters, or a function and its argument."""
    if left is not None and "text" in (kind(left), kind(right)):
        return '<mspace width="0.3em"/>'
    silent = ("operator", "prefix", "comma", "big")
    if left is None or kind(left) in silent or kind(right) in silent:
        return ""
    return "<mo>\u2061</mo>" if not _gap(left, right) else '<mo rspace="0.2em">\u2062</mo>'
