"""What an update does with the gradient. An optimizer changes the parameters in place.

>>> theta = [np.array([1.0, 2.0])]
>>> GradientDescent(0.5).step(theta, [np.array([2.0, -2.0])])
>>> theta
[array([0., 3.])]
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.node import Array


class Optimizer(Protocol):
    """Anything with a `step`; `fit` calls it once an update, always with the same arrays."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change the parameters in place."""


class GradientDescent:
    """The update of the lecture, theta <- theta - eta * gradient.

    Args:
        learning_rate: eta, a positive number.

    Raises:
        InvalidValue: for a rate that is not a positive, finite number.
    """

    def __init__(self, learning_rate: float) -> None:
        if not isinstance(learning_rate, int | float | np.number) or not 0 < learning_rate < math.inf:
            raise InvalidValue(f"learning_rate must be a positive, finite number, not {learning_rate!r}")
        # As a NumPy float64 it would turn float32 parameters into float64.
        self.learning_rate = float(learning_rate)

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Subtract the learning rate times the gradient from each parameter."""
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= self.learning_rate * gradient
