"""A line of markup becomes a formula in every way of writing; the letters stand in `alphabet.py`.

`formula("P^j = P^{j+1} · {∂f^j}/{∂a^{j-1}}")` has `.unicode`, `.latex` and `.mathml` (and `.runs` for drawings,
`.block` for terminals). `named("P[3]")` is the formula of a quantity by the name that it has in code. Code counts
neurons from 0, as NumPy does; slides count them from 1: `named("B[2,0]")` is B²₁.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_ed.notation.alphabet import LETTERS
from tinygrad_ed.notation.formula import (
    ABOVE,
    BELOW,
    Bracket,
    Formula,
    Fraction,
    Lines,
    Matrix,
    Row,
    Runs,
    Script,
    Sign,
    kind,
    tex_text,
)
from tinygrad_ed.notation.quantity import Quantity

__all__ = [
    "LETTERS", "Formula", "Runs", "factor", "formula", "given", "letter", "lines", "matrix", "named", "number", "prose",
    "symbols", "tex_of", "tex_prose",
]  # fmt: skip


_OPERATORS = {
    "=": "=", "←": r"\leftarrow", "≈": r"\approx", "→": r"\to", "<": "<", ">": ">", "≤": r"\le", "≥": r"\ge",
    "∈": r"\in", "+": "+", "−": "-", "-": "-", "·": r"\cdot", "⊙": r"\odot", "×": r"\times", "/": "/",
}  # fmt: skip
_KINDS = {  # of other signs, with their LaTeX
    "comma": {",": ",", ";": ";"},
    "prefix": {"∂": r"\partial", "∇": r"\nabla"},
    "big": {"∏": r"\prod", "Σ": r"\sum"},
    "dots": {"…": r"\ldots", "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots"},
}
_OTHERS = {sign: Sign(sign, tex, kind) for kind, signs in _KINDS.items() for sign, tex in signs.items()}
_OTHERS["'"] = Sign("′", r"\prime", "prime")
_BRACKETS = {"(": "()", "[": "[]", "⟦": "‖‖"}
_CLOSING = {"(": ")", "[": "]", "⟦": "⟧", "{": "}"}
_BY_SIGN = {entry.sign: Sign(entry.sign, entry.latex, "letter", name) for name, entry in LETTERS.items()}
_TRANSPOSED = Sign("T", r"\mathrm{T}", "letter", "transposed")
_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot"}
_TOKEN = re.compile(r'"([^"]*)"|@(\w+):([^\W_]+)|\$([A-Za-z0-9]+)|(\d+(?:\.\d+)?)|([A-Za-z]{2,})|(\S)')
_WIDEST, _FIRST = 8, 3  # a matrix up to 8 wide and high is written out; of more, the first three and the last


def formula(markup: str, **slots: Any) -> Formula:
    r"""Read a line of markup; for our own texts, never for a user's (that is what slots are for).

    Letters and signs stand for themselves; two or more Latin letters are a word; `^` and `_` set what follows above
    and below, `{...}` groups, `{...}/{...}` is a fraction, `'` a prime, `^T` transposes, "..." is plain
    text. `$name` is a slot: for a formula, a number, an array, or text that is markup again. `@B:δ` is a δ in the place
    of B.

    Raises:
        ValueError: for a bracket without its partner, or a script without its base.

    >>> f = formula("P^j = P^{j+1} · {∂f^j}/{∂a^{j-1}}")
    >>> print(f.unicode)
    Pʲ = Pʲ⁺¹ · ∂fʲ/∂aʲ⁻¹
    >>> print(f.latex)
    P^{j} = P^{j + 1} \cdot \frac{\partial f^{j}}{\partial a^{j - 1}}
    >>> formula("[Ω^$j]^T", j=2).unicode
    '[Ω²]ᵀ'
    """
    return _Markup(markup, slots).read()


class _Markup:
    """A line of markup, read from left to right."""

    def __init__(self, text: str, slots: Mapping[str, Any]) -> None:
        self.text, self.slots = text, slots
        self.tokens = list(_TOKEN.finditer(text))
        self.at = 0

    def read(self) -> Formula:
        """Return the whole line."""
        row = self.row()
        if self.at < len(self.tokens):
            raise ValueError(f"formula {self.text!r}: {self.next()!r} closes nothing")
        return row

    def next(self) -> str:
        """Return the next token; nothing at the end."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def row(self) -> Formula:
        """Return the pieces up to a closing sign or the end."""
        parts: list[Formula] = []
        while (sign := self.next()) and sign not in _CLOSING.values():
            if sign in ("^", "_", "'"):
                if not parts:
                    raise ValueError(f"formula {self.text!r}: {sign!r} has nothing before it")
                self.at += sign != "'"
                parts[-1] = _scripted(parts[-1], self.piece(), below=sign == "_")
            elif sign in ("-", "−") and (not parts or kind(parts[-1]) in ("operator", "comma")):
                self.at += 1
                parts.append(Sign("−", "-", "prefix"))
            else:
                parts.append(self.piece())
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def piece(self) -> Formula:
        """Return the next sign, slot, group or bracket."""
        match, sign = self.tokens[self.at], self.next()
        self.at += 1
        if sign in _CLOSING:
            inside = self.row()
            if self.next() != _CLOSING[sign]:
                raise ValueError(f"formula {self.text!r}: {sign!r} is not closed")
            self.at += 1
            if sign != "{":
                return Bracket(_BRACKETS[sign][0], inside, _BRACKETS[sign][1])
            if self.next() == "/" and self.tokens[self.at + 1][0] == "{":
                self.at += 1
                return Fraction(inside, self.piece())
            return inside
        words, name, own, slot, digits, word, _ = match.groups()
        if words is not None:
            return Sign(words, tex_text(words), "text")
        if name:
            return Sign(own, tex_of(own), "letter", name)
        if slot:
            return _slot(self.slots[slot])
        if digits:
            return Sign(digits, digits, "number")
        return Sign(word, rf"\mathrm{{{word}}}", "word") if word else _sign(sign)


def tex_of(sign: str) -> str:
    """Return a letter of a reader's own in LaTeX."""
    parts = unicodedata.normalize("NFD", sign)
    if len(parts) == 2 and parts[1] in _ACCENTS:
        return rf"\{_ACCENTS[parts[1]]}{{{parts[0]}}}"
    known = next((entry.latex for entry in LETTERS.values() if entry.sign == sign), "")
    kind, _, greek = unicodedata.name(sign[0]).rpartition(" LETTER ")
    if not known and kind == "GREEK SMALL" and len(sign) == 1:
        known = "\\" + greek.lower().removeprefix("final ")
    return known or (sign if len(sign) == 1 and sign.isascii() else tex_text(sign))


def _slot(value: Any) -> Formula:
    if isinstance(value, Formula):
        return value
    return formula(value) if isinstance(value, str) else matrix(value) if np.ndim(value) else number(value)


def _sign(sign: str) -> Sign:
    """Return a letter of the table, an operator, or any other letter."""
    if sign in _OPERATORS:
        return Sign("−" if sign == "-" else sign, _OPERATORS[sign], "operator")
    return _OTHERS.get(sign) or _BY_SIGN.get(sign) or Sign(sign, sign)


def _scripted(base: Formula, script: Formula, below: bool) -> Formula:
    """Return the base with a script more: the one above and the one below stand over each other."""
    if script == Sign("T", "T"):
        script = _TRANSPOSED
    if isinstance(base, Script) and (base.down if below else base.up) is None:
        return replace(base, **{"down" if below else "up": script})
    return Script(base, None if below else script, script if below else None)


def letter(
    name: str, up: "Formula | float | str | None" = None, down: "Formula | float | str | None" = None
) -> Formula:
    """Return a letter, by its ASCII name or as it is, with its layer above and its neuron below."""
    entry = LETTERS.get(name)
    base: Formula = _sign(entry.sign if entry else name)
    for script, below in ((up, False), (down, True)):
        if script is not None:
            base = _scripted(base, _slot(script), below)
    return base


def named(name: str) -> Formula:
    """Return the formula of a quantity by the name it has in code; what is no quantity stays a plain word.

    `X[j]` belongs to layer j, `X[j,k]` to neuron k of it, counted from 0; `omega[j,i,k]` is the weight from neuron i;
    `X_by_y` is ∂X/∂y, as in `jacobians`.
    """
    what, layer, neurons = Quantity.of(name)
    j = layer if "[" in name else None
    k = ",".join([str(neuron + 1) for neuron in neurons]) or None
    grad, base = what.startswith("grad_"), what.removeprefix("grad_")
    base, _, by = base.partition("_by_")
    if by:
        below = j - 1 if j and by == "a" and base != "C" else j
        top, bottom = letter(base, j if base in ("f", "g") else None), letter(by, below, k)
        return formula("{∂$top}/{∂$bottom}", top=top, bottom=bottom)
    if base == "dphi":
        return formula("Φ'($zeta)", zeta=letter("zeta", j, k))
    if base not in LETTERS or (grad and base not in ("omega", "beta")):
        return Sign(name, tex_text(name), "word")
    found = letter("omega_k" if base == "omega" and k else base, j, k)
    return formula("{∂E}/{∂$by}", by=found) if grad else found


def number(x: float, digits: int = 3) -> Formula:
    """Return a number in at most so many significant digits, with a true minus sign.

    A number that is shown exactly keeps its short form; a rounded one keeps its zeros. A float is data, and can be
    written with other digits later, or left blank (see `writing.py`); an int is a count or an index, and stays.
    """
    again = None if isinstance(x, int) else partial(number, x)
    x = float(x)
    if not math.isfinite(x):
        text, tex = ("nan", r"\mathrm{nan}") if math.isnan(x) else ("∞", r"\infty") if x > 0 else ("−∞", r"-\infty")
        return Sign(text, tex, "number", again=again)
    if x == int(x) and abs(x) < 1e5:
        text = f"{int(x)}"
    else:
        text = f"{x:{'' if float(f'{x:.{digits}g}') == x else '#'}.{digits}g}".rstrip(".")
        whole = 10**digits  # 999.9 rounds up to 1.00e+03
        if whole <= abs(x) < 1e5 or (1e-3 <= abs(x) < whole and "e" in text):
            text = f"{x:.0f}"
    mantissa, _, exponent = text.partition("e")
    if exponent:
        tens = Script(Sign("10", "10", "number"), number(int(exponent)))
        written = f"{mantissa}·{tens.unicode}".replace("-", "−"), rf"{mantissa} \cdot {tens.latex}"
        return Sign(*written, "number", again=again)
    return Sign(text.replace("-", "−"), text, "number", again=again)


def given(x: Any) -> Formula:
    """Return a number, or a matrix, that a reader is given: it stays where others are left blank (see `writing.py`)."""
    f = _slot(x)
    if isinstance(f, Matrix):
        return Matrix(tuple([tuple(map(given, row)) for row in f.rows]))
    return replace(f, name="given") if isinstance(f, Sign) and f.again else f


def factor(x: float) -> Formula:
    """Return a number as it stands in a product or sum: a negative one in brackets."""
    return Bracket("(", number(x), ")") if x < 0 else number(x)


def matrix(array: Any, rows: Sequence[int] = (), columns: Sequence[int] = ()) -> Formula:
    """Return a matrix of numbers, of a large one the ends, and what is asked for; a 1-D array is a column."""
    array = np.asarray(array)
    array = array[:, np.newaxis] if array.ndim == 1 else np.atleast_2d(array)
    down, across = _shown(array.shape[0], rows), _shown(array.shape[1], columns)
    return Matrix(tuple([tuple([_entry(array, i, k) for k in across]) for i in down]))


def _entry(array: Any, i: int | None, k: int | None) -> Formula:
    if i is None or k is None:
        return _OTHERS["⋯" if i is not None else "⋮" if k is not None else "⋱"]
    return number(array[i, k])


def _shown(n: int, wanted: Sequence[int]) -> list[int | None]:
    """Tell which of n places are written out; None stands for a gap."""
    if n <= _WIDEST:
        return list(range(n))
    places = sorted({*range(_FIRST), n - 1, *[place for place in wanted if place < n]})
    shown: list[int | None] = []
    for before, place in pairwise([-1, *places]):
        shown += [place] if place == before + 1 else [place - 1, place] if place == before + 2 else [None, place]
    return shown


def symbols(*rows: str) -> Formula:
    """Return a matrix of formulas, one line of markup a row, with `&` between its entries."""
    return Matrix(tuple([tuple([formula(entry) for entry in row.split("&")]) for row in rows]))


def prose(text: str, write: Callable[[Formula], str], escape: Callable[[str], str] = str) -> str:
    """Return a text in which the formulas, between backquotes, are written in one of their ways."""
    return "".join([write(formula(bit)) if i % 2 else escape(bit) for i, bit in enumerate(text.split("`"))])


def tex_signs() -> dict[str, str]:
    """Return what stands in LaTeX's math mode for each sign that plain text may hold."""
    signs = {entry.sign: entry.latex for entry in LETTERS.values()} | _OPERATORS
    signs |= {sign: entry.latex for sign, entry in _OTHERS.items()} | {c: f"^{{{plain}}}" for plain, c in ABOVE.items()}
    signs |= {c: f"_{{{plain}}}" for plain, c in BELOW.items()} | {"✓": r"\surd", "✗": r"\times", "′": "'", "‖": r"\|"}
    return {sign: latex for sign, latex in signs.items() if len(sign) == 1 and not sign.isascii()}


def tex_prose(text: str) -> str:
    """Return plain text as running text in LaTeX; the lecture's letters and signs stand in math mode."""
    signs, escaped = tex_signs(), tex_text(text).removeprefix(r"\text{").removesuffix("}")
    return "".join([rf"\ensuremath{{{signs[c]}}}" if c in signs else c for c in escaped])


def lines(*said: tuple[str, int, Formula]) -> Formula:
    """Return the lines of an algorithm: each with its number, its depth inside loops, and a formula."""
    return Lines(said)
