"""What an update does with the gradient: the optimizers, in the form in which PyTorch documents them.

An optimizer changes the parameters in place. Those here work entry by entry, so that `fit` hands them all parameters
of the network as one vector and all gradients as another; nothing is allocated after the first step. Weight decay
acts on all parameters, biases included, as in PyTorch. Numbers outside of their ranges are InvalidValue or InvalidType.
"""

import math

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.values import Array
from tinygrad_ed.train.checks import number_between
from tinygrad_ed.train.elementwise import Elementwise


class GradientDescent(Elementwise):
    """The update of the lecture, θ ← θ - η g.

    Args:
        learning_rate: η, a positive number.
        weight_decay: λ, at least 0; g is the gradient plus λθ.

    >>> theta = [np.array([1.0, 2.0])]
    >>> GradientDescent(0.5).step(theta, [np.array([2.0, -2.0])])
    >>> theta
    [array([0., 3.])]
    """

    def __init__(self, learning_rate: float, weight_decay: float = 0.0) -> None:
        super().__init__(learning_rate, weight_decay)

    def _update(self, theta: Array, g: Array, s: Array, t: Array) -> None:
        np.multiply(g, self._numbers["rate"], s)
        np.subtract(theta, s, theta)


class Momentum(Elementwise):
    """Gradient descent with momentum (Polyak 1964), b ← μ b + g, θ ← θ - η b; b starts at 0.

    Args:
        learning_rate: η.
        momentum: μ, from 0 up to 1.
        weight_decay: λ; g is the gradient plus λθ.

    >>> theta, gradient, optimizer = [np.array([1.0])], [np.array([1.0])], Momentum(0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.step(theta, gradient)
    >>> theta[0].round(12)
    array([0.75])
    """

    buffers = ("velocity",)

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        super().__init__(learning_rate, weight_decay)
        self.momentum = number_between("momentum", momentum, high=1.0, closed="[")

    def _constants(self) -> dict[str, float]:
        return super()._constants() | {"momentum": self.momentum}

    def _update(self, theta: Array, g: Array, b: Array, s: Array, t: Array) -> None:
        self._push(g, b)
        np.multiply(b, self._numbers["rate"], s)
        np.subtract(theta, s, theta)

    def _push(self, g: Array, b: Array) -> None:
        np.multiply(b, self._numbers["momentum"], b)
        np.add(b, g, b)


class Nesterov(Momentum):
    """Nesterov's momentum (Sutskever et al. 2013), b ← μ b + g, θ ← θ - η (g + μ b).

    Args and errors as `Momentum`.
    """

    def _update(self, theta: Array, g: Array, b: Array, s: Array, t: Array) -> None:
        self._push(g, b)
        np.multiply(b, self._numbers["momentum"], s)
        np.add(s, g, s)
        np.multiply(s, self._numbers["rate"], s)
        np.subtract(theta, s, theta)


class RMSprop(Elementwise):
    """RMSprop (Tieleman & Hinton 2012), v ← α v + (1 - α) g², θ ← θ - η g / (√v + ε).

    Args:
        learning_rate: η.
        alpha: α, from 0 up to 1.
        eps: ε, above 0.
        weight_decay: λ; g is the gradient plus λθ.

    >>> theta = [np.array([1.0, 1.0])]
    >>> RMSprop(0.1).step(theta, [np.array([2.0, 20.0])])
    >>> abs(theta[0].round(6))  # g / √(0.01 g²) is 10, however large g is
    array([0., 0.])
    """

    buffers = ("squares",)  # v / (1 - α): the factor is a constant, so it need not be applied to each entry

    def __init__(
        self, learning_rate: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.alpha, self.eps = number_between("alpha", alpha, high=1.0, closed="["), number_between("eps", eps)

    def _constants(self) -> dict[str, float]:
        unit = math.sqrt(1.0 - self.alpha)
        scaled = {"alpha": self.alpha, "eps": self.eps / unit, "rate": self.learning_rate / unit}
        return super()._constants() | scaled

    def _update(self, theta: Array, g: Array, v: Array, s: Array, t: Array) -> None:
        np.multiply(g, g, s)
        np.multiply(v, self._numbers["alpha"], v)
        np.add(v, s, v)
        np.sqrt(v, s)
        np.add(s, self._numbers["eps"], s)
        np.divide(g, s, s)
        np.multiply(s, self._numbers["rate"], s)
        np.subtract(theta, s, theta)


class Adam(Elementwise):
    """Adam (Kingma & Ba 2015): the means of the gradients and of their squares, freed of their start at 0.

        m ← β₁ m + (1 - β₁) g       v ← β₂ v + (1 - β₂) g²
        θ ← θ - η (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε)       in step t = 1, 2, ...

    Args:
        learning_rate: η.
        betas: β₁ and β₂, each from 0 up to 1.
        eps: ε, above 0.
        weight_decay: λ; g is the gradient plus λθ.

    >>> theta = [np.array([1.0, 1.0])]
    >>> Adam(0.1).step(theta, [np.array([2.0, -20.0])])
    >>> theta[0].round(6)  # the first step is η, whatever the gradient is
    array([0.9, 1.1])
    """

    buffers = ("mean", "squares")  # m / (1 - β₁) and v / (1 - β₂): constant factors, as in RMSprop

    def __init__(
        self,
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        try:
            first, second = betas
        except (TypeError, ValueError):
            raise InvalidValue(f"betas must be two numbers, such as (0.9, 0.999), got {betas!r}") from None
        first = number_between("the first of betas", first, high=1.0, closed="[")
        self.betas = first, number_between("the second of betas", second, high=1.0, closed="[")
        self.eps = number_between("eps", eps)

    def _constants(self) -> dict[str, float]:
        first, second = self.betas
        t = max(self.steps, 1)
        # √(v / (1 - β₂ᵗ)) is `unit` times the square root of the buffer.
        unit = math.sqrt((1.0 - second) / (1.0 - second**t))
        rate = self.learning_rate * (1.0 - first) / (1.0 - first**t)
        scaled = {"first": first, "second": second, "eps": self.eps / unit, "rate": rate / unit}
        return super()._constants() | scaled

    def _update(self, theta: Array, g: Array, m: Array, v: Array, s: Array, t: Array) -> None:
        np.multiply(m, self._numbers["first"], m)
        np.add(m, g, m)
        np.multiply(g, g, s)
        np.multiply(v, self._numbers["second"], v)
        np.add(v, s, v)
        np.sqrt(v, s)
        np.add(s, self._numbers["eps"], s)
        np.divide(m, s, s)
        np.multiply(s, self._numbers["rate"], s)
        np.subtract(theta, s, theta)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2019): first θ ← θ - η λ θ, then Adam.

    Args and errors as `Adam`; the weight decay is 0.01 unless it is given.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, betas, eps, weight_decay)

    def _constants(self) -> dict[str, float]:
        return super()._constants() | {"decay": 1.0 - self.learning_rate * self.weight_decay}

    def _decayed(self, theta: Array, g: Array, *rest: Array) -> tuple[Array, ...]:
        np.multiply(theta, self._numbers["decay"], theta)
        return (theta, g, *rest)


OPTIMIZERS: dict[str, type[Elementwise]] = {"gradient_descent": GradientDescent, "momentum": Momentum}
OPTIMIZERS |= {"nesterov": Nesterov, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}
"""The optimizers by name."""
