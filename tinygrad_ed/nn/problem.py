"""Problem: a network, a batch and a cost as plain data, all checked: what the closed form and the roads compute on.

>>> from tinygrad_ed.nn import MLP
>>> problem = MLP([2, 1], rng=0).problem([1.0, 2.0], [0.5])
>>> problem.x, problem.rho, problem.activations
(array([[1., 2.]]), array([[0.5]]), {1: 'identity'})
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

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
    numbered = list(enumerate(mlp.layers, start=1))
    return Problem(
        {j: layer.weights.value for j, layer in numbered},
        {j: layer.bias.value for j, layer in numbered},
        {j: layer.activation for j, layer in numbered},
        np.atleast_2d(x),
        np.atleast_2d(rho),
        cost,
    )


def _finite(what: str, data: Array, dtype: np.dtype[Any]) -> Array:
    """A copy of the data in that dtype, if every number is finite there."""
    with np.errstate(over="ignore"):
        found = data.astype(dtype)
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise InvalidValue(f"{what} holds {data[place]} at {list(place)}; every number must be finite in {dtype}")
    return found
