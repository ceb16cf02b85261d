"""The equation of every op and of its derivative, as templates that are filled with names or with numbers.

In a template `{0}`, `{1}` are the inputs, `{y}` is the result, `{g}` is what arrives at the result, and `^[...]` is
a superscript. A filled template is a `Term`: plain text beside MathML.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tinygrad_ed.draw.style import escape, letter, number, plain
from tinygrad_ed.draw.trace import Numbers

SMALL, WIDE = 12, 6  # arrays up to this many entries, in rows of up to this many, are written out

FORWARD = {
    "add": "{0} + {1}",
    "subtract": "{0} − {1}",
    "multiply": "{0} · {1}",
    "divide": "{0} / {1}",
    "negative": "− {0}",
    "power": "{0}^[{1}]",
    "square": "{0}^[2]",
    "sqrt": "√ {0}",
    "absolute": "| {0} |",
    "reciprocal": "1 / {0}",
    "matmul": "{0} {1}",
    "sum": "Σ {0}",
    "sigmoid": "σ ( {0} )",
    "exp": "e^[{0}]",
}
SLOPE = {  # ∂y/∂input, for ops that work entry by entry
    "add": ("1", "1"),
    "subtract": ("1", "− 1"),
    "multiply": ("{1}", "{0}"),
    "divide": ("1 / {1}", "− {y} / {1}"),
    "negative": ("− 1",),
    "power": ("{1} · {0}^[{1} − 1]", "{y} · ln {0}"),
    "square": ("2 {0}",),
    "sqrt": ("1 / ( 2 {y} )",),
    "absolute": ("sign ( {0} )",),
    "reciprocal": ("− {y}^[2]",),
    "exp": ("{y}",),
    "log": ("1 / {0}",),
    "sin": ("cos ( {0} )",),
    "cos": ("− sin ( {0} )",),
    "tan": ("1 + {y}^[2]",),
    "tanh": ("( 1 − {y}^[2] )",),
    "sigmoid": ("{y} ( 1 − {y} )",),
    "softplus": ("σ ( {0} )",),
    "identity": ("1",),
    "positive": ("1",),
    "relu": ("( 1 if {0} > 0 else 0 )",),
}
FLOW = {  # what is sent to an input, for ops that do not
    "matmul": ("{g} {1}^[T]", "{0}^[T] {g}"),
    "sum": ("{g} to every entry",),
    "transpose": ("{g}^[T]",),
}

_TOKEN = re.compile(r"\^\[([^\]]*)\]|\{(\w)\}|(\d+)|([^\W\d]+(?: [^\W\d]+)*)|(\S)")


class Term(NamedTuple):
    """A piece of an equation, as text and as MathML."""

    text: str
    math: str


def name_term(name: str) -> Term:
    """A name, in an equation: `v7` becomes a v with the index 7.

    >>> name_term("w").math
    '<mi>w</mi>'
    """
    match = re.fullmatch(r"v(\d+)", name)
    if match:
        return Term(plain(letter("v", None, match[1])), f"<msub><mi>v</mi><mn>{match[1]}</mn></msub>")
    return Term(name, f"<mi>{escape(name)}</mi>")


def value_term(numbers: Numbers, alone: bool = False) -> Term:
    """A value, in an equation: a number, a small matrix written out, or the shape and range of a large array.

    A negative number stands in brackets, unless it stands alone.

    >>> value_term(Numbers((2,), [1.0, -2.0], -2.0, 1.0, -0.5)).text
    '[1, −2]'
    """
    if not numbers.shape:
        text = number(numbers.low)
        math = f"<mn>{text}</mn>"
        return (
            Term(f"({text})", f"<mrow><mo>(</mo>{math}<mo>)</mo></mrow>")
            if text[0] == "−" and not alone
            else Term(text, math)
        )
    cells = matrix(numbers)
    if cells is None:
        text = f"[{shape_text(numbers.shape)}: {summary(numbers)}]"
        return Term(text, f"<mtext>{text}</mtext>")
    flat = len(numbers.shape) == 1
    text = f"[{', '.join(cells[0])}]" if flat else f"[{'; '.join(', '.join(row) for row in cells)}]"
    rows = "".join(f"<mtr>{''.join(f'<mtd><mn>{x}</mn></mtd>' for x in row)}</mtr>" for row in cells)
    return Term(text, f"<mtable>{rows}</mtable>")  # the page's style draws its brackets


def fill(template: str, terms: Mapping[str, Term]) -> Term:
    """Fill a template.

    >>> fill("{0} · {1}^[2]", {"0": name_term("a"), "1": name_term("b")}).text
    'a · b²'
    """
    texts: list[str] = []
    maths: list[str] = []
    for upper, slot, digits, word, sign in _TOKEN.findall(template):
        if upper:
            inner = fill(upper, terms)
            raised = plain(((inner.text, 1),))
            texts[-1] += (
                raised if raised != inner.text else f"^({inner.text})" if " " in inner.text else f"^{inner.text}"
            )
            maths[-1] = f"<msup><mrow>{maths[-1]}</mrow><mrow>{inner.math}</mrow></msup>"
            continue
        if slot:
            term = terms[slot]
        elif digits:
            term = Term(digits, f"<mn>{digits}</mn>")
        elif word:
            spaced = word.replace(" ", "\u00a0")
            text = f"<mtext>\u00a0{spaced}\u00a0</mtext>"
            term = Term(word, text if " " in word or word in ("if", "else") else f"<mi>{word}</mi>")
        else:
            term = Term(sign, f"<mo>{sign}</mo>")
        texts.append(term.text)
        maths.append(term.math)
    text = " ".join(texts).replace("( ", "(").replace(" )", ")").replace("| ", "|", 1).replace(" |", "|")
    return Term(text.replace("− ", "−") if text.startswith("− ") else text, "".join(maths))


def forward_template(op: str, inputs: int) -> str:
    """The template of an op's value; an op without one of its own is written as a function.

    >>> forward_template("tanh", 1), forward_template("matmul", 2)
    ('tanh ( {0} )', '{0} {1}')
    """
    name = re.sub(r"\W", "", op.strip("_")) or "op"
    return FORWARD.get(op) or f"{name} ( {' , '.join(f'{{{i}}}' for i in range(min(inputs, 10)))} )"


def backward_template(op: str, slot: int, scalar: bool) -> str | None:
    """The template of what an op sends back to one input, or None where there is no short one."""
    if op in FLOW:
        return FLOW[op][slot]
    if op in SLOPE:
        slope = SLOPE[op][slot]
        return "{g}" if slope == "1" and not scalar else f"{{g}} {'·' if scalar else '⊙'} {slope}"
    return None


def derivative(of: Term, by: Term) -> Term:
    """The fraction ∂of/∂by."""
    top, bottom = (f"<mrow><mo>∂</mo>{term.math}</mrow>" for term in (of, by))
    return Term(f"∂{of.text}/∂{by.text}", f"<mfrac>{top}{bottom}</mfrac>")


def matrix(numbers: Numbers) -> list[list[str]] | None:
    """The entries of a small vector (one row) or matrix as text; None for a number or anything larger."""
    size = 1
    for n in numbers.shape:
        size *= n
    if numbers.entries is None or not 1 <= len(numbers.shape) <= 2 or not 0 < size <= SMALL:
        return None
    rows = [numbers.entries] if len(numbers.shape) == 1 else numbers.entries
    return [[number(x) for x in row] for row in rows] if len(rows[0]) <= WIDE else None


def summary(numbers: Numbers) -> str:
    """A number, or the range of an array.

    >>> summary(Numbers((), 0.5, 0.5, 0.5, 0.5)), summary(Numbers((64, 32), None, -0.5, 0.5, 0.0))
    ('0.5', '−0.5 … 0.5')
    """
    if not numbers.shape:
        return number(numbers.low)
    if 0 in numbers.shape:
        return "no entries"
    if numbers.low == numbers.high:
        return f"all {number(numbers.low)}"
    return f"{number(numbers.low)} … {number(numbers.high)}"


def brief(numbers: Numbers, most: int = 24) -> str:
    """A value in a small room: written out if it is short enough, else its range.

    >>> brief(Numbers((3,), [1.0, 2.0, 3.0], 1.0, 3.0, 2.0)), brief(Numbers((3,), [1.0, 2.0, 3.0], 1.0, 3.0, 2.0), 5)
    ('[1, 2, 3]', '1 … 3')
    """
    text = value_term(numbers, alone=True).text
    return text if len(text) <= most else summary(numbers)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as on slides: `2×3`, or the length of a vector.

    >>> shape_text((2, 3)), shape_text((4,))
    ('2×3', '4')
    """
    return "×".join(map(str, shape))
