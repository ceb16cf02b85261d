"""The alphabet: one table of the lecture's letters, with their colors and meanings, and what other notations write.

The colors differ in lightness as well as in hue, so that readers with any kind of color vision can tell them apart, and
all can be read on every background of their row; tests simulate and measure both.
"""

from collections.abc import Mapping
from typing import NamedTuple

Notation = str | Mapping[str, str]
"""What a caller says: the name of a notation, or letters of their own by the names of those that they replace."""


class Letter(NamedTuple):
    """A letter of the lecture: how it is written, what it means (see `prose`), and what it is called elsewhere."""

    sign: str
    latex: str
    light: str = ""
    dark: str = ""
    meaning: str = ""
    elsewhere: str = ""


_B, _P = "`Φ'(ζ) ⊙ P^T`, that is `{∂E}/{∂z}` as a column", "what a layer receives from above: `{∂E}/{∂a}` as a row"
_OMEGA = "the weights of a layer; its column `ω_k` belongs to neuron `k`"
LETTERS: dict[str, Letter] = {
    "alpha": Letter(
        "α", r"\alpha", "#0a5ad6", "#a4cdf9", "the activation of a layer; `α^0` is the input", "activation, output"
    ),
    "zeta": Letter("ζ", r"\zeta", "#22303a", "#f1f3f3", "the net input of a layer", "pre-activation"),
    "omega": Letter("Ω", r"\Omega", "#5a3200", "#fad205", _OMEGA, "weight matrix"),
    "beta": Letter("β", r"\beta", "#00684a", "#47fda0", "the bias of a layer", "bias"),
    "rho": Letter("ρ", r"\rho", "#333333", "#d8d8d8", "the expected output", "target, label"),
    "phi": Letter("Φ", r"\Phi", "", "", "the activation function of a layer", "activation function"),
    "cost": Letter("ε", r"\varepsilon", "#111111", "#f2f2f2", "the error, `C(α^L, ρ)`", "loss"),
    "P": Letter("P", "P", "#9c3391", "#e65fff", _P, "upstream gradient"),
    "B": Letter("B", "B", "#c93a10", "#ec863d", _B, "delta, error signal"),
    "eta": Letter("η", r"\eta", "", "", "the learning rate", "learning rate"),
    "omega_k": Letter("ω", r"\omega", "#5a3200", "#fad205"),
    "E": Letter("E", "E", "#111111", "#f2f2f2"),
    "psi": Letter("Ψ", r"\Psi"),
    "theta": Letter("θ", r"\theta"),
}
"""The letters by their ASCII names: first those that are explained to the reader."""

NOTATIONS: dict[str, Mapping[str, str]] = {
    "lecture": {},
    "textbook": {
        "alpha": "a", "alpha[0]": "x", "alpha[L]": "ŷ", "zeta": "z", "omega": "W", "omega_k": "w", "beta": "b",
        "rho": "y", "cost": "C", "P": "g", "B": "δ",
    },
}  # fmt: skip
"""By notation: what it writes in the place of a letter. α of the input and of the last layer may have their own."""

OTHER = ("alpha[0]", "alpha[L]", *[name for name in LETTERS if name not in ("E", "psi", "theta")])
"""The letters for which a reader may have another."""
