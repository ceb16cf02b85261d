"""The lecture's road to the gradient: closed forms on plain arrays, NumPy only.

* `derivatives`: every Φ with its Φ', every individual cost C with its ∇C, written by hand;
* `rules`: the backpropagation rules for a batch, and the two algorithms that use them (the fast road);
* `jacobians`: the derivation of these rules taken literally, one sample at a time (the slow road, for reading).

Nothing here imports the rest of the package, not even its errors: the graph's road and this one share
data, never lemmas, so that their agreement proves something. Names and numbers are checked by the callers.
"""

from tinygrad_ed.closed_form import derivatives, jacobians, rules

__all__ = ["derivatives", "jacobians", "rules"]
