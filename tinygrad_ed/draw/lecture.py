"""The lecture's rule for every quantity of a network, in matrices or entry by entry, and how a neuron is written out.

A quantity has the name that a ledger gives it (`zeta[2]`, `B[1]`, `grad_omega[1]`), or, entry by entry, with the
neurons counted from 0 (`zeta[2,0]`, `grad_omega[1,0,2]`). The rules stand beside the steps of the graph that compute
the same numbers. Samples are rows, as in the code.
"""

from collections.abc import Mapping
from typing import TypeVar

from tinygrad_ed.draw.equations import COSTS, fill
from tinygrad_ed.draw.parts import Numbers, numbers_of
from tinygrad_ed.notation.formula import Formula, Row
from tinygrad_ed.notation.letters import formula, letter, named
from tinygrad_ed.notation.quantity import Quantity

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


def cost(name: str, pairs: list[tuple[Formula, Formula]]) -> Formula:
    """Return the individual cost, a sum over the neurons: `pairs` are what each answers and what is expected of it."""
    terms = [fill(COSTS[name][0], {"a": a, "r": r}) for a, r in pairs]
    return Row(tuple([part for term in terms for part in (formula("+"), term)][1:]))
