"""The activation functions Φ by name, as ops of the graph.

Their derivatives are those of the graph. The closed form has its own, written by hand; the two roads share none.

>>> find("tanh")(0.0), find("relu")(-2.0)
(0.0, 0.0)
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.closed_form import derivatives
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS
from tinygrad_ed.nn.checks import chosen, own_answer, own_row

NAMES: dict[str, Callable[[Any], Any]] = {name: vars(ops).get(name, row.phi) for name, row in ACTIVATIONS.items()}
"""Φ by name: our function of that name, or the definition in `closed_form/derivatives.py`, run on Nodes."""

_OURS = frozenset(NAMES)


def Activation(  # noqa: N802  # it makes one, and is used as a class would be
    name: str,
    phi: Callable[[Any], Any],
    dphi: Callable[[Any], Any],
    kinks: Sequence[float] = (),
    bends: Sequence[float] = (),
) -> str:
    """Make an activation of your own known under its name, on every road, and return the name.

    Args:
        name: what it is called. A second one of that name takes the place of the first, in its networks too.
        phi: Φ, entry by entry, written with NumPy's functions: the graph differentiates it.
        dphi: Φ', of plain arrays: what the closed form uses. A wrong one is found by the cross-check.
        kinks: where Φ' jumps.
        bends: where Φ' has a kink itself.

    Raises:
        InvalidValue: for the name of one of the package's own.
        InvalidType, ShapeError: for functions that do not give an array of the shape that they are given.

    >>> from tinygrad_ed.nn import MLP
    >>> mlp = MLP([2, 3, 1], activation=Activation("square", lambda z: z**2, lambda z: 2 * z))
    >>> mlp.layers[0], find("square")(3.0)
    (Dense(2, 3, 'square'), 9.0)
    >>> del ACTIVATIONS["square"], NAMES["square"]  # to forget it
    """
    own_row("activation", name, _OURS)
    zeta = np.array([[-1.5, 0.5, 2.0]])
    own_answer(f"phi of {name}", phi, zeta.shape, zeta)
    own_answer(f"dphi of {name}", dphi, zeta.shape, zeta)
    ACTIVATIONS[name] = derivatives.Activation(phi, dphi, tuple(kinks), tuple(bends))
    NAMES[name] = lambda zeta: ACTIVATIONS[name].phi(zeta)
    return name


def find(name: str) -> Callable[[Any], Any]:
    """Return the activation function of that name; an unknown one is refused, and the nearest suggested."""
    return chosen("activation", name, NAMES)
