"""The lecture's road to the gradient: closed forms on plain arrays, NumPy only.

* `derivatives`: every Φ with its Φ', every individual cost C with its ∇C, written by hand;
* `rules`: the backpropagation rules for a batch, and the two algorithms that use them (the fast road);
* `jacobians`: the derivation of these rules taken literally, one sample at a time (the slow road, for reading);
* `derive`: that derivation as a program: every step on a reader's network, checked against the one before, to print;
* `contribution`: what one neuron contributes to the error, and on which paths;
* `notation`: the lecture's letters, and formulas in Unicode, LaTeX and MathML.

Nothing here imports the rest of the package, not even its errors: the graph's road and this one share
data, never lemmas, so that their agreement proves something. Names and numbers are checked by the callers.
"""

from tinygrad_ed.closed_form import derivatives, jacobians, notation, rules
from tinygrad_ed.closed_form.contribution import Contribution, contribution
from tinygrad_ed.closed_form.derivation import Derivation, Step
from tinygrad_ed.closed_form.derive import derive

__all__ = [
    "Contribution",
    "Derivation",
    "Step",
    "contribution",
    "derivatives",
    "derive",
    "jacobians",
    "notation",
    "rules",
]
