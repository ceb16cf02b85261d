"""How a page is written: in whose letters, with how many digits, or with blanks in the place of its numbers.

All formulas are made in the lecture's letters. A `Writing` is applied to them at the end, where a picture, a page or a
table is handed out; so no formula needs to know of other notations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tinygrad_ed.notation.alphabet import LETTERS
from tinygrad_ed.notation.formula import ABOVE, Bracket, Formula, Fraction, Lines, Matrix, Row, Script, Sign
from tinygrad_ed.notation.letters import named, tex_of

BLANK = Sign("____", r"\underline{\qquad}", "letter", "blank")
_LETTER = re.compile(
    r"([αζΩωβρεΦη]|(?<![A-Za-z_\"'])[BPE](?![A-Za-z_.(\[]))(\^(?:0|L|\d+)(?![\d⁺⁻])|[⁰-⁹¹²³ᴸ]+(?![⁺⁻]))?"
)
_NAME = re.compile(r"\b(?:alpha|zeta|omega|beta|B|P|grad_omega|grad_beta)\[\d+(?:,\d+)*\]")
_ONE_LINE = {small: plain for plain, small in ABOVE.items()}


def _keyed(sign: str, up: str, last: int) -> str:
    """Return the name of a letter, with its layer if it is α of the input or of the last layer."""
    name = next((name for name, entry in LETTERS.items() if entry.sign == sign), "")
    name = "cost" if name == "E" else name
    end = {str(last): "L", "L": "L", "0": "0"}.get(up)
    return f"alpha[{end}]" if name == "alpha" and end else name


@dataclass(frozen=True)
class Writing:
    """Writes formulas and texts of the lecture in other letters, and their numbers with other digits or not at all."""

    signs: Mapping[str, str] = field(default_factory=dict)  # other letters, by the names in `alphabet.OTHER`
    last: int = field(default=0, compare=False)  # L, where it is known
    numbers: bool | str = True  # False: letters only; or "blank"
    digits: int = 3  # of every number that is data

    @property
    def bare(self) -> bool:
        """True if its numbers are left out."""
        return self.numbers is False

    def __call__(self, f: Formula) -> Formula:
        """Return the formula, so written."""
        match f:
            case Sign() | Script(base=Sign()) | Bracket(inside=Sign()) if (found := self._sign(f)) is not None:
                return found
            case Script():
                return Script(self(f.base), f.up and self(f.up), f.down and self(f.down))
            case Fraction():
                return Fraction(self(f.top), self(f.bottom))
            case Bracket():
                return replace(f, inside=self(f.inside))
            case Row():
                parts = [self(part) for part in f.parts]
                if self.bare:  # "= 0.5" goes as a whole
                    gone = {i for i, part in enumerate(parts) if part == Row(())}
                    gone |= {i - 1 for i in gone if i and getattr(parts[i - 1], "kind", "") == "operator"}
                    parts = [part for i, part in enumerate(parts) if i not in gone]
                return parts[0] if len(parts) == 1 else Row(tuple(parts))
            case Matrix():
                return Row(()) if self.bare and _data(f) else Matrix(tuple([tuple(map(self, row)) for row in f.rows]))
            case Lines():
                return Lines(tuple([(number, depth, self(said)) for number, depth, said in f.lines]))
            case _:
                return f

    def _sign(self, f: Formula) -> Formula | None:
        """Return a letter or a number with what belongs to it, if it is to be written in another way."""
        sign = f.inside if isinstance(f, Bracket) else f.base if isinstance(f, Script) else f
        if not isinstance(sign, Sign):
            return None
        if sign.again and not isinstance(f, Script):
            if self.bare or (
                self.numbers == "blank" and sign.name != "given"
            ):  # with its bracket, which would tell that it is negative
                return BLANK if self.numbers else Row(())
            again = sign.again(self.digits)
            again = replace(again, name=sign.name) if isinstance(again, Sign) else again
            return replace(f, inside=again) if isinstance(f, Bracket) else again
        up = f.up.text if isinstance(f, Script) and isinstance(f.up, Sign) else ""
        lecture = sign.name in LETTERS and LETTERS[sign.name].sign == sign.text  # else it is another letter already
        key = _keyed(sign.text, up, self.last) if lecture else ""
        ends = key in self.signs and key.endswith("]")
        letter = (self.signs.get(key) or self.signs.get(sign.name)) if lecture else None
        if letter is None or isinstance(f, Bracket):
            return None
        written: Formula = Sign(letter, tex_of(letter), "letter", sign.name)
        if isinstance(f, Script):
            rest = [part and self(part) for part in (None if ends else f.up, f.down)]
            written = Script(written, *rest) if any(rest) else written
        return written

    def text(self, text: str, named_sign: str = "{sign}") -> str:
        """Return a text of ours in these letters, and quantities by their letters in place of their names in code.

        >>> write = Writing({"alpha": "a", "alpha[L]": "ŷ", "rho": "y", "cost": "C", "B": "δ"}, last=2)
        >>> write.text("α² − ρ is ∂E/∂α², and Φ' · ∂E/∂α¹ is B[1]")
        "ŷ − y is ∂C/∂ŷ, and Φ' · ∂C/∂a¹ is δ¹"
        """
        if not self.signs:
            return text

        def letter(found: re.Match[str]) -> str:
            sign, script = found[1], found[2] or ""
            up = "".join([_ONE_LINE.get(c, c) for c in script.removeprefix("^")])
            key = _keyed(sign, up, self.last)
            name = key.partition("[")[0]
            if key in self.signs and key.endswith("]"):
                return named_sign.format(name=name, sign=self.signs[key])
            return named_sign.format(name=name, sign=self.signs[name]) + script if name in self.signs else found[0]

        return _LETTER.sub(letter, _NAME.sub(lambda found: named(found[0]).unicode, text))

    def outside_code(self, text: str) -> str:
        """Return a text in these letters; what stands between backquotes is code, and stays."""
        return "`".join([bit if i % 2 else self.text(bit) for i, bit in enumerate(text.split("`"))])

    def in_prose(self, text: str) -> str:
        """Return a text in these letters that has its formulas between backquotes (see `letters.prose`)."""
        named_sign = "@{name}:{sign}"  # so that it keeps its color
        return "`".join([self.text(bit, named_sign) if i % 2 else bit for i, bit in enumerate(text.split("`"))])

    def name(self, quantity: str) -> str:
        """Return the letter of a quantity; in the lecture's letters its name in code."""
        return self(named(quantity)).unicode if self.signs else quantity


def _data(f: Matrix) -> bool:
    return any([isinstance(cell, Sign) and cell.again for row in f.rows for cell in row])


LECTURE = Writing()
