"""How an optimizer works entry by entry: in place, with buffers made once. What it does, its formula, is in `optim.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tinygrad_ed.errors import InvalidValue, ShapeError, real_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.train.checks import number_between


class Optimizer(Protocol):
    """Anything with a `step`; `fit` calls it once an update, always with the same arrays.

    The next gradients are written where these are: an optimizer that remembers some keeps a copy. What more there may
    be, and `fit` uses where it is:

    * `elementwise = True`: `step` gets one vector of all parameters, and one of all gradients;
    * `reset()` forgets everything: `fit` calls it before the first update, so that each run starts afresh;
    * `learning_rate`, which a schedule changes;
    * `state()`, numbers and arrays by name, and `restore(state)`: what a checkpoint keeps.
    """

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change the parameters in place."""


class Elementwise:
    """The base of the optimizers in `optim.py`: the arrays, buffers beside them, and constants.

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
            raise InvalidValue(f"learning_rate must be {wanted}, got {learning_rate!r}")
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
