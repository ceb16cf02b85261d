"""What an update does with the gradient: the optimizers, in the form in which PyTorch documents them.

An optimizer changes the parameters in place. Those here work entry by entry, so that `fit` hands them all parameters
of the network as one vector and all gradients as another; nothing is allocated after the first step. Weight decay
acts on all parameters, biases included, as in PyTorch. Numbers outside of their ranges are InvalidValue or InvalidType.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tinygrad_ed.errors import InvalidValue, ShapeError, real_number, shown
from tinygrad_ed.graph.values import Array
from tinygrad_ed.train.checks import number_between


class Optimizer(Protocol):
    """Anything with a `step`; `fit` calls it once an update, always with the same arrays.

    The next gradients are written where these are: an optimizer that remembers some keeps a copy. `fit` uses what more
    there is: with `elementwise = True`, `step` gets one vector of all parameters, and one of all gradients; `reset()`
    forgets everything, and is called before the first update; `learning_rate` is changed by a schedule; `state()`,
    numbers and arrays by name, and `restore(state)` are what a checkpoint keeps.
    """

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change the parameters in place."""


class Elementwise:
    """The base of the optimizers here: the arrays, buffers beside them, and constants.

    The learning rate η is a positive number, and may be changed between steps; of a weight decay λ of at least 0, λθ is
    added to the gradient.
    """

    elementwise = True
    buffers: tuple[str, ...] = ()
    """The names of the buffers that a step remembers, each as large as the parameters."""
    _update: Callable[..., None]
    """The update of one array: of θ, with g, the buffers, and room for two intermediate results."""

    def __init__(self, learning_rate: float, weight_decay: float) -> None:
        wanted = "a positive, finite number"
        # A plain float: as a NumPy float64 it would turn float32 parameters into float64.
        self.learning_rate = real_number("learning_rate", learning_rate, wanted)
        if not self.learning_rate > 0:
            raise InvalidValue(f"learning_rate must be {wanted}, got {shown(learning_rate)}")
        self.weight_decay = number_between("weight_decay", weight_decay, closed="[")
        self.reset()

    def reset(self) -> None:
        """Forget all that earlier steps have left."""
        self.steps = 0
        self._kept: dict[str, list[Array]] = {}
        self._arrays: tuple[object, object] = (None, None)
        self._rows: list[tuple[Array, ...]] = []

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change the parameters in place."""
        if self._arrays[0] is not parameters or self._arrays[1] is not gradients:
            self._lay_out(parameters, gradients)
        self.steps += 1
        self._numbers = self._constants()
        for row in self._rows:
            self._update(*(self._decayed(*row) if self.weight_decay else row))

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on, beside the constructor's arguments: count of steps and buffers."""
        arrays = {f"{name}.{k}": array for name, kept in self._kept.items() for k, array in enumerate(kept)}
        return {"steps": self.steps, **arrays}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state()`."""
        self.reset()
        self.steps = int(state["steps"])
        for name in self.buffers if self.steps else ():
            count = sum(key.startswith(f"{name}.") for key in state)
            self._kept[name] = [np.array(state[f"{name}.{k}"]) for k in range(count)]

    def __repr__(self) -> str:
        names = [name for name in vars(self) if not name.startswith("_") and name != "steps"]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def _lay_out(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Put beside each array its buffers, and room for intermediate results."""
        for name in self.buffers:
            kept = self._kept.setdefault(name, [np.zeros_like(parameter, order="C") for parameter in parameters])
            if [array.shape for array in kept] != [parameter.shape for parameter in parameters]:
                raise ShapeError(
                    f"{self!r} remembers parameters of the shapes {[array.shape for array in kept]}, but got "
                    f"{[parameter.shape for parameter in parameters]}; make a new one for each network, or reset() it"
                )
        alike = zip(parameters, gradients, *[self._kept[name] for name in self.buffers], strict=True)
        self._rows = [(*arrays, np.empty_like(arrays[0]), np.empty_like(arrays[0])) for arrays in alike]
        self._arrays = (parameters, gradients)

    def _decayed(self, theta: Array, g: Array, *rest: Array) -> tuple[Array, ...]:
        """Put g + λθ in the last of the intermediate results, and that in the place of g."""
        t = rest[-1]
        np.multiply(theta, self._numbers["decay"], t)
        np.add(t, g, t)
        return (theta, t, *rest)

    def _constants(self) -> dict[str, float]:
        """Return the numbers of the next update by name."""
        return {"rate": self.learning_rate, "decay": self.weight_decay}


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

    μ is `momentum`, from 0 up to 1; η and λ are those of `GradientDescent`.

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
    """Nesterov's momentum (Sutskever et al. 2013), b ← μ b + g, θ ← θ - η (g + μ b); arguments as in `Momentum`."""

    def _update(self, theta: Array, g: Array, b: Array, s: Array, t: Array) -> None:
        self._push(g, b)
        np.multiply(b, self._numbers["momentum"], s)
        np.add(s, g, s)
        np.multiply(s, self._numbers["rate"], s)
        np.subtract(theta, s, theta)


class RMSprop(Elementwise):
    """RMSprop (Tieleman & Hinton 2012), v ← α v + (1 - α) g², θ ← θ - η g / (√v + ε).

    α is from 0 up to 1, and ε (`eps`) above 0; η and λ are those of `GradientDescent`.

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

    β₁ and β₂ (`betas`) are from 0 up to 1, and ε (`eps`) is above 0; η and λ are those of `GradientDescent`.

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
            raise InvalidValue(f"betas must be two numbers, such as (0.9, 0.999), got {shown(betas)}") from None
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
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2019): first θ ← θ - η λ θ, then Adam."""

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
