"""A network, its data and a cost, checked once as plain data; the forward pass by layers (lecture, section 3.3)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, shown
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import costs
from tinygrad_ed.nn.checks import finite, numbers
from tinygrad_ed.nn.dense import Layers
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.ops import matmul


def forward(mlp: Any, x: Any, parameters: Sequence[Any] | None = None) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return all activations α[0] ... α[L] and net inputs ζ[1] ... ζ[L] by layer.

    x is a Node or an array `(M, n_0)` in the dtype of the parameters W1, b1, W2, ..., which may be others than the
    network's own, Nodes or arrays.
    """
    taken = iter(mlp.parameters() if parameters is None else parameters)
    alpha, zeta = {0: x}, {}
    for j, layer in enumerate(mlp.layers, start=1):
        zeta[j] = matmul(alpha[j - 1], next(taken))
        if layer.bias is not None:
            zeta[j] = zeta[j] + next(taken)
        alpha[j] = layer.activate(zeta[j])
    return alpha, zeta


def problem_of(mlp: Any, x: Any, rho: Any, cost: str, classes: bool = False) -> Problem:
    """Check a network, its data and a cost, and return them; see `MLP.problem`. `classes`: class numbers stay such."""
    if not isinstance(getattr(mlp, "layers", None), Layers):
        raise InvalidType(f"the first argument is a network, a tg.nn.MLP, not {shown(mlp)}")
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
    for layer in mlp.layers:
        layer.check_shapes()
    for parameter in mlp.parameters():
        finite(str(parameter.name), parameter.value, mlp.dtype)
    x = finite("x", x, mlp.dtype)
    finite("rho", rho, mlp.dtype)
    rho = costs.matching(cost, np.broadcast_to(x.dtype.type(0), (*x.shape[:-1], n_out)), rho)
    rho = rho.reshape(-1) if classes and rho.ndim < x.ndim else np.atleast_2d(costs.one_hot(rho, n_out, mlp.dtype))
    return Problem(*parameters_of(mlp), np.atleast_2d(x), rho, cost)


def parameters_of(mlp: Any) -> tuple[dict[int, Array], dict[int, Array], dict[int, str]]:
    """Return Ω, β (read-only; of the layers with a bias) and the names of Φ by layer, as `closed_form` takes them."""
    numbered = list(enumerate(mlp.layers, start=1))
    omega = {j: layer.weights.value for j, layer in numbered}
    beta = {j: layer.bias.value for j, layer in numbered if layer.bias is not None}
    return omega, beta, {j: layer.activation for j, layer in numbered}


def batch_of(mlp: Any, x: Any, rho: Any, cost: str, classes: bool = False) -> tuple[Array, Array]:
    """Return inputs `(M, n_0)` and expected outputs `(M, n_L)` as `problem_of` checks them."""
    problem = problem_of(mlp, x, rho, cost, classes)
    return problem.x, problem.rho
