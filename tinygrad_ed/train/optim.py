"""What an update does with the gradient. An optimizer changes the parameters in place.

>>> import numpy as np
>>> theta = [np.array([1.0, 2.0])]
>>> GradientDescent(0.5).step(theta, [np.array([2.0, -2.0])])
>>> theta
[array([0., 3.])]
"""

from collections.abc import Sequence
from typing import Protocol

from tinygrad_ed.checks import real_number
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.values import Array


class Optimizer(Protocol):
    """Anything with a `step`; `fit` calls it once an update, always with the same arrays.

    The next gradients are written where these are: an optimizer that remembers some keeps a copy.
    """

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change the parameters in place."""


class GradientDescent:
    """The update of the lecture, theta <- theta - eta * gradient.

    Args:
        learning_rate: eta, a positive number.

    Raises:
        InvalidValue, InvalidType: for a rate that is not a positive, finite number.
    """

    def __init__(self, learning_rate: float) -> None:
        wanted = "a positive, finite number"
        # A plain float: as a NumPy float64 it would turn float32 parameters into float64.
        self.learning_rate = real_number("learning_rate", learning_rate, wanted)
        if not self.learning_rate > 0:
            raise InvalidValue(f"learning_rate must be {wanted}, got {learning_rate!r}")

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Subtract the learning rate times the gradient from each parameter."""
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= self.learning_rate * gradient
