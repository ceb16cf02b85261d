"""Problem: a network, a batch and a cost as plain data, all checked: what the closed form and the roads compute on.

>>> from tinygrad_ed.nn import MLP
>>> problem = MLP([2, 1], rng=0).problem([1.0, 2.0], [0.5])
>>> problem.x, problem.rho, problem.activations
(array([[1., 2.]]), array([[0.5]]), {1: 'identity'})
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_ed.checks import real_number, whole_number
from tinygrad_ed.errors import InvalidValue, ShapeError
from tinygrad_ed.nn import costs
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.values import Array

if TYPE_CHECKING:
    from tinygrad_ed.nn.layers import MLP


class Problem(NamedTuple):
    """The arguments of `closed_form.rules.quantities`, in their order; layers are counted from 1.

    Attributes:
        omega, beta: the parameters by layer, read-only.
        activations: the names of Φ by layer.
        x, rho: the batch `(M, n_0)` and its expected outputs `(M, n_L)`, in the dtype of the network.
        cost: the name of the cost.
    """

    omega: dict[int, Array]
    beta: dict[int, Array]
    activations: dict[int, str]
    x: Array
    rho: Array
    cost: str

    def one_sample(self) -> "Problem":
        """Return this problem, if its batch is one sample.

        Raises:
            ShapeError: for more samples.
        """
        if len(self.x) > 1:
            raise ShapeError(
                f"the derivation is for one sample, as on the slides, but x holds {len(self.x)} of them (shape "
                f"{self.x.shape}); give one, such as x[0] and rho[0] (for a batch there is tg.ledger)"
            )
        return self

    def neuron(self, j: Any, k: Any) -> tuple[int, int]:
        """Return a layer and a neuron of it as whole numbers, if they exist; layers count from 1, neurons from 0.

        Raises:
            InvalidValue: for a layer or neuron that does not exist.
            InvalidType: for what is not a whole number.

        >>> from tinygrad_ed.nn import MLP
        >>> MLP([2, 3], rng=0).problem([1.0, 2.0], [0, 0, 0]).neuron(1, 3)
        Traceback (most recent call last):
        tinygrad_ed.errors.InvalidValue: k=3: layer 1 has 3 neurons, counted from 0 as in NumPy, so k is at most 2
        """
        L = len(self.omega)
        j = whole_number("j", j, 1, "a layer, counted from 1 as on the slides:")
        if j > L:
            raise InvalidValue(
                f"j={j}: the network has {L} layers, counted from 1 as on the slides, so j is at most {L}"
            )
        m = len(self.beta[j])
        k = whole_number("k", k, 0, "a neuron, counted from 0 as in NumPy:")
        if k >= m:
            raise InvalidValue(f"k={k}: layer {j} has {m} neurons, counted from 0 as in NumPy, so k is at most {m - 1}")
        return j, k

    def step_size(self, learning_rate: Any) -> float:
        """Return the learning rate as a float, if it is a positive number.

        Raises:
            InvalidValue: for zero, a negative number, NaN or infinity.
            InvalidType: for what is not a number.
        """
        eta = real_number("learning_rate", learning_rate, "a positive number")
        if not eta > 0:
            raise InvalidValue(f"learning_rate must be a positive number, got {learning_rate!r}")
        return eta


def problem_of(mlp: "MLP", x: Any, rho: Any, cost: str) -> Problem:
    """Check a network, its data and a cost, and return them; see `MLP.problem`."""
    costs.find(cost)
    n_in, n_out = mlp.sizes[0], mlp.sizes[-1]
    x, rho = numbers("x", x), numbers("rho", rho)
    if not 1 <= x.ndim <= 2 or x.shape[-1] != n_in:
        raise ShapeError(
            f"layer 1 has weights W1 of shape {mlp.layers[0].weights.shape} and takes inputs of shape (M, {n_in}), or "
            f"({n_in},) for one sample; x has shape {x.shape}"
        )
    if len(x) == 0:
        raise InvalidValue(f"x is an empty batch (shape {x.shape}); there is nothing to average over")
    for parameter in mlp.parameters():
        _finite(str(parameter.name), parameter.value, mlp.dtype)
    x = _finite("x", x, mlp.dtype)
    _finite("rho", rho, mlp.dtype)
    rho = costs.matching(cost, np.broadcast_to(x.dtype.type(0), (*x.shape[:-1], n_out)), rho)
    return Problem(*parameters_of(mlp), np.atleast_2d(x), np.atleast_2d(rho), cost)


def parameters_of(mlp: "MLP") -> tuple[dict[int, Array], dict[int, Array], dict[int, str]]:
    """Return Ω, β (read-only) and the names of Φ by layer, as `closed_form` takes them: plain data, no lemmas."""
    numbered = list(enumerate(mlp.layers, start=1))
    omega = {j: layer.weights.value for j, layer in numbered}
    beta = {j: layer.bias.value for j, layer in numbered}
    return omega, beta, {j: layer.activation for j, layer in numbered}


def _finite(what: str, data: Array, dtype: np.dtype[Any]) -> Array:
    """A copy of the data in that dtype, if every number is finite there."""
    with np.errstate(over="ignore"):
        found = data.astype(dtype)
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise InvalidValue(f"{what} holds {data[place]} at {list(place)}; every number must be finite in {dtype}")
    return found
