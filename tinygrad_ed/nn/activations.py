"""The activation functions Φ by name, as ops of the graph.

`closed_form/derivatives.py` has the same functions, with Φ' written by hand: the two roads share none.

>>> find("tanh")(0.0), find("relu")(-2.0)
(0.0, 0.0)
"""

from collections.abc import Callable
from typing import Any

from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.ops import elu, gelu, identity, leaky_relu, relu, sigmoid, silu, softplus, tanh

Activation = Callable[[Any], Any]

NAMES: dict[str, Activation] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "softplus": softplus,
    "elu": elu,
    "silu": silu,
    "gelu": gelu,
}


def find(name: str) -> Activation:
    """Return the activation function of that name.

    Raises:
        InvalidValue: for an unknown name; it suggests the nearest.
    """
    return chosen("activation", name, NAMES)
