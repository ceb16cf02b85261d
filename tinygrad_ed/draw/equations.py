"""The equation of every op and of its derivative, in names or in numbers, and the lecture's rule for every quantity.

The ops' formulas are those of `notation/op_formulas.py`. A quantity of the lecture has the name that a ledger gives it
(`zeta[2]`, `B[1]`), or, entry by entry, with the neurons counted from 0 (`zeta[2,0]`). Samples are rows.
"""

import re
from collections.abc import Mapping
from functools import partial
from math import prod
from typing import TypeVar

from tinygrad_ed.draw.parts import Numbers, TraceNode, numbers_of
from tinygrad_ed.draw.style import clean, escape, short
from tinygrad_ed.notation import letters as notation
from tinygrad_ed.notation.formula import Bracket, Formula, Fraction, Row, Script, Sign, tex_text
from tinygrad_ed.notation.letters import formula, letter, named
from tinygrad_ed.notation.op_formulas import COSTS, FLOW, FORWARD, SLOPE
from tinygrad_ed.notation.quantity import Quantity
from tinygrad_ed.notation.writing import LECTURE, Writing

SMALL, WIDE = 12, 6  # arrays up to this many entries, in rows of up to this many, are written out

T = TypeVar("T")
_GRADIENT = {"zeta": "B", "alpha": "P", "omega": "grad_omega", "beta": "grad_beta"}
_MATRICES = {
    "zeta": "ζ^$j = α^$i Ω^$j + β^$j",
    "alpha": "α^$j = Φ(ζ^$j)",
    "P last": "P^$n = ∇C / M",
    "P": "P^$j = B^$j [Ω^$j]^T",
    "B": "B^$j = Φ'(ζ^$j) ⊙ P^$n",
    "grad_omega": "{∂E}/{∂Ω^$j} = [α^$i]^T B^$j",
    "grad_beta": "{∂E}/{∂β^$j} = Σ_i B^$j_{(i)}",
}
_ENTRIES = {
    "zeta": "$zeta = Σ_m ω^$j_{m,$k} α^$i_m + β^$j_$k",
    "alpha": "$alpha = Φ($zeta)",
    "P last": "$P = {∂C}/{∂$above}",
    "P": "$P = Σ_m ω^$j_{$k,m} B^$j_m",
    "B": "$B = Φ'($zeta) · $Pn",
    "grad_omega": "{∂E}/{∂ω^$j_{$m,$k}} = α^$i_$m · $B",
    "grad_beta": "{∂E}/{∂β^$j_$k} = $B",
}


def word(text: str) -> Formula:
    """Return a name or a piece of text, whatever it holds, as one sign."""
    text = short(clean(text))
    return Sign(text, tex_text(text), "word")


def words(text: str) -> Formula:
    """Return plain text, which is never looked into, as a sign of an equation or a drawing."""
    return Sign(text, tex_text(text), "text")


def name_term(name: str) -> Formula:
    """Return a name, in an equation: `v7` becomes a v with the index 7."""
    match = re.fullmatch(r"v(\d+)", name)
    return notation.letter("v", None, match[1]) if match else word(name)


def label_of(node: TraceNode, name: str) -> Formula:
    """Tell how a node is called: its letter in the lecture, its name, or of a constant its number."""
    if node.role == "constant" and not node.name and not node.value.shape:
        return value_term(node.value)
    if node.quantity and node.quantity.startswith("rho["):
        return notation.letter("rho", None, int(node.quantity[4:-1]) + 1)
    quantity = "E" if node.quantity == "cost" else node.quantity
    return named(quantity) if quantity else name_term(name)


def value_term(numbers: Numbers, alone: bool = False) -> Formula:
    """Return a value, in an equation; a negative number stands in brackets, unless it stands alone."""
    if not numbers.shape:
        return notation.number(numbers.low) if alone else notation.factor(numbers.low)
    if not written_out(numbers):
        return words(f"[{shape_text(numbers.shape)}: {summary(numbers)}]")
    return notation.matrix([numbers.entries] if len(numbers.shape) == 1 else numbers.entries)


def fill(template: str, terms: Mapping[str, Formula]) -> Formula:
    """Fill a template; what is raised to a power gets brackets if it has a script: `v²₄` is a neuron, `(v₄)²` not."""
    slots = {key: _bracketed(term) if f"${key}^" in template else term for key, term in terms.items()}
    for key, term in terms.items():  # (−2) needs no brackets where it has some already, or stands alone
        inside = f"(${key}" in template and template.count(f"${key}") == 1
        if isinstance(term, Bracket) and isinstance(term.inside, Sign) and (inside or template == f"${key}"):
            slots[key] = term.inside
    return formula(template, **slots)


def _bracketed(term: Formula) -> Formula:
    return Bracket("(", term, ")") if isinstance(term, Row | Fraction | Script) else term


def forward(op: str, inputs: list[Formula]) -> Formula:
    """Return the value of an op; an op without a template of its own is written as a function."""
    terms = {f"x{i}": term for i, term in enumerate(inputs[:10])}
    template = FORWARD.get(op)
    if template is None or not _fits(template, terms):
        template = f"$f({', '.join([f'${key}' for key in terms])}{', …' if len(inputs) > 10 else ''})"
    return fill(template, {"f": word(op.strip("_") or "op"), **terms})


def backward(op: str, slot: int, scalar: bool, terms: Mapping[str, Formula]) -> Formula:
    """Return what an op sends back to one input: `terms` has `g`, `y` and the inputs `x0`, `x1`, ..."""
    rules = FLOW.get(op) or SLOPE.get(op, ())
    slope = rules[slot] if slot < len(rules) else None
    if op == "power" and slot == 0 and (power := _value(terms.get("x1"))) is not None:
        slope = "$x1 · $x0" if power == 2 else "$x1 · $x0^$less"
        terms = {**terms, "less": notation.number(power - 1)}
    if slope is None or not _fits(slope, terms):
        return fill("$g · $slope", {**terms, "slope": derivative(terms["y"], terms[f"x{slot}"])})
    if op in FLOW:
        return fill(slope, terms)
    return fill("$g" if slope == "1" and not scalar else f"$g {'·' if scalar else '⊙'} {slope}", terms)


def _value(term: Formula | None) -> float | None:
    """Return the number that a term is; None for a letter."""
    sign = term.inside if isinstance(term, Bracket) else term
    plain = sign.unicode.replace("−", "-") if isinstance(sign, Sign) and sign.kind == "number" else ""
    return float(plain) if re.fullmatch(r"-?[\d.]+", plain) else None


def has_slope(op: str) -> bool:
    """Tell whether the derivative of an op has a form that can be filled with numbers."""
    return op in FLOW or op in SLOPE or op in ("net input", *COSTS)


def _fits(template: str, terms: Mapping[str, Formula]) -> bool:
    """Tell whether an op has as many inputs as its template; in a trace from a file it may not."""
    return set(re.findall(r"\$(\w+)", template)) <= terms.keys()


def derivative(of: Formula, by: Formula) -> Formula:
    """Return the fraction ∂of/∂by."""
    return formula("{∂$of}/{∂$by}", of=of, by=by)


def equation(left: Formula, right: Formula, sign: str = "=") -> Formula:
    """Return two terms with a sign between them."""
    tex = {"←": r"\leftarrow", "; in all": r"\text{; in all}"}.get(sign, sign)
    between = Sign(sign, tex, "comma" if sign[0] == ";" else "operator")
    return Row((left, between, right))


def math(term: Formula, sign: str = "") -> str:
    """Return an equation as an element of a page, with its text for those who see no MathML; a sign may precede it."""
    said = "" if isinstance(term, Sign) and term.kind == "number" else escape(f"{sign} {term.unicode}".strip())
    text = f' alttext="{said}"' if said else ""
    before = f"<mo>{sign}</mo>" if sign else ""
    return f"<math{text}>{before}{term.mathml}</math>"


def matrix_cells(numbers: Numbers, write: Writing = LECTURE) -> list[list[str]] | None:
    """Return the entries of a small vector (one row) or matrix as text; None for a number or anything larger."""
    if not numbers.shape or not written_out(numbers):
        return None
    rows = [numbers.entries] if len(numbers.shape) == 1 else numbers.entries
    return [[write(notation.number(x)).unicode for x in row] for row in rows]


def written_out(numbers: Numbers) -> bool:
    """Tell whether a value is small enough to stand in an equation with all its entries."""
    size = prod(numbers.shape)
    fits = numbers.entries is not None and len(numbers.shape) <= 2 and 0 < size <= SMALL
    return fits and (not numbers.shape or numbers.shape[-1] <= WIDE)


def summary(numbers: Numbers, write: Writing = LECTURE) -> str:
    """Return a number, or the range of an array."""
    low, high = [write(notation.number(x)).unicode for x in (numbers.low, numbers.high)]
    if not numbers.shape or write.numbers is not True:
        return low
    if 0 in numbers.shape:
        return "no entries"
    return f"all {low}" if numbers.low == numbers.high else f"{low} … {high}"


def brief(numbers: Numbers, most: int = 24, write: Writing = LECTURE) -> str:
    """Return a value in a small room: written out if it is short enough, else its range."""
    text = write(value_term(numbers, alone=True)).unicode if written_out(numbers) else summary(numbers, write)
    return text if len(text) <= most else summary(numbers, write)


def brief_term(numbers: Numbers, most: int = 24, digits: int = 3) -> Formula:
    """Return the same as a number of a formula."""
    text = brief(numbers, most, Writing(digits=digits))
    return Sign(text, tex_text(text), "number", again=partial(brief_term, numbers, most))


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as on slides: `2×3`, or the length of a vector."""
    return "×".join(map(str, shape))


def gradient_of(quantity: str) -> str | None:
    """Return what the lecture calls the gradient of a quantity: `P[1]` for `alpha[0]`."""
    kind, j, neurons = Quantity.of(quantity)
    if kind not in _GRADIENT:
        return None
    return f"{_GRADIENT[kind]}[{','.join(map(str, (j + (kind == 'alpha'), *neurons)))}]"


def letter_of(quantity: str) -> Formula:
    """Return the letter of a quantity in pictures: of the mean error E, and of a gradient ∂E/∂ω or ∂E/∂β."""
    kind, j, _ = Quantity.of(quantity)
    if kind.startswith("grad_"):
        return formula("{∂E}/{∂$x}", x=letter(kind.removeprefix("grad_"), j))
    return formula("E") if kind == "cost" else named(quantity)


def rule_of(quantity: str, last: int) -> Formula | None:
    """Return the closed-form rule of a quantity of a network with `last` layers; None for what is given."""
    kind, j, neurons = Quantity.of(quantity)
    key = "P last" if kind == "P" and j > last else kind
    rules = _ENTRIES if neurons else _MATRICES
    if key not in rules or (kind == "alpha" and j == 0):
        return None
    k = neurons[-1] + 1 if neurons else 1
    slots = {"i": j - 1, "j": j, "n": j if key == "P last" else j + 1, "k": k, "m": neurons[0] + 1 if neurons else 1}
    letters = {name: letter(name, j, k) for name in ("zeta", "alpha", "P", "B")}
    return formula(rules[key], **slots, **letters, above=letter("alpha", j - 1, k), Pn=letter("P", j + 1, k))


def number_of(closed: Mapping[str, Numbers], quantity: str) -> Numbers | None:
    """Return the number that the closed-form rules give for a quantity, or None."""
    kind, j, neurons = Quantity.of(quantity)
    whole = closed.get(f"{kind}[{j}]" if j or kind != "cost" else kind)
    if whole is None or not neurons:
        return whole
    at = neurons if kind.startswith("grad") else (0, *neurons)
    inside = len(at) == len(whole.shape) and all(i < n for i, n in zip(at, whole.shape, strict=True))
    return numbers_of(float(whole.array[at])) if inside and whole.array is not None else None


def net_input(quantity: str, terms: Mapping[str, Formula]) -> Formula:
    """Return the sum inside a neuron: `terms` are the letters or the numbers of its inputs, by their quantity."""
    _, j, neurons = Quantity.of(quantity)
    if not neurons:
        names = {"a": f"alpha[{j - 1}]", "w": f"omega[{j}]", "b": f"beta[{j}]"}
        known = {slot: terms[name] for slot, name in names.items() if name in terms}
        return fill("$a $w + $b" if "b" in known else "$a $w", known)
    k = neurons[0]
    before = sorted(Quantity.of(name)[2][0] for name in terms if name.startswith("omega"))
    slots = {f"w{m}": terms[f"omega[{j},{m},{k}]"] for m in before}
    slots |= {f"a{m}": terms[f"alpha[{j - 1},{m}]"] for m in before}
    sums = [f"$w{m} · $a{m}" for m in before]
    if (bias := f"beta[{j},{k}]") in terms:
        slots["b"], sums = terms[bias], [*sums, "$b"]
    return fill(" + ".join(sums), slots)


def net_slope(quantity: str, of: str, terms: Mapping[str, T]) -> T | None:
    """Return the derivative of a neuron's net input with respect to one of its inputs; None where it is 1."""
    kind, j, neurons = Quantity.of(of)
    if kind == "omega":
        return terms[f"alpha[{j - 1},{neurons[0]}]"]
    return terms[f"omega[{j + 1},{neurons[0]},{Quantity.of(quantity)[2][0]}]"] if kind == "alpha" else None


def cost_of(name: str, pairs: list[tuple[Formula, Formula]]) -> Formula:
    """Return the individual cost, a sum over the neurons: `pairs` are what each answers and what is expected of it."""
    terms = [fill(COSTS[name][0], {"a": a, "r": r}) for a, r in pairs]
    return Row(tuple([part for term in terms for part in (formula("+"), term)][1:]))
