"""The activation functions Φ by name, as ops of the graph.

Their derivatives are those of the graph. The closed form has its own, written by hand; the two roads share none.

>>> find("tanh")(0.0), find("relu")(-2.0)
(0.0, 0.0)
"""

from collections.abc import Callable
from typing import Any

from tinygrad_ed import ops
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS
from tinygrad_ed.nn.checks import chosen

Activation = Callable[[Any], Any]

NAMES: dict[str, Activation] = {name: vars(ops).get(name, row.phi) for name, row in ACTIVATIONS.items()}
"""Φ by name: our function of that name, or the definition in `closed_form/derivatives.py`, run on Nodes."""


def find(name: str) -> Activation:
    """Return the activation function of that name.

    Raises:
        InvalidValue: for an unknown name; it suggests the nearest.
    """
    return chosen("activation", name, NAMES)
