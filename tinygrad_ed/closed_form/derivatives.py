"""Every activation function Φ with its Φ', every individual cost C with its ∇C, derived by hand: one row each.

`rules` and `jacobians` look a function up by its name here. The graph's road (`nn`) takes the names, what a row says of
kinks and expected values, and where it has no op of its own, the definition of Φ or C; never Φ' or ∇C.
All of them are stable for arguments up to 1e4: no `exp` ever gets a positive argument, so none overflows.
The dtype of the input is kept (float32 stays float32).

Conventions at kinks: relu'(0) = 0, leaky_relu'(0) = 0.01 (the slope below), elu'(0) = 1 (smooth there);
the derivative of a cost at its kink is 0 (l1 and margin at y_hat = y, hinge at y y_hat = 1).
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

SLOPE = 0.01  # of leaky_relu, below zero
DELTA = 1.0  # of huber: where the parabola meets the straight line
GELU_SCALE, GELU_CUBE = sqrt(2.0 / pi), 0.044715  # of gelu's tanh form


class Activation(NamedTuple):
    """An activation function and its derivative, both entry by entry.

    >>> sigmoid = ACTIVATIONS["sigmoid"]
    >>> sigmoid.phi(np.array([0.0, -1e4])), sigmoid.dphi(np.array([0.0, -1e4]))
    (array([0.5, 0. ]), array([0.25, 0.  ]))
    """

    phi: Callable[[Array], Array]
    dphi: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()
    """Where Φ' jumps."""
    bends: tuple[float, ...] = ()
    """Where Φ' itself has a kink."""


class Cost(NamedTuple):
    """An individual cost and its gradient, for a batch whose rows are samples.

    `C(alpha_L, rho)` has shape `(M,)`: for each sample the sum over its output neurons.
    `grad_C(alpha_L, rho)` has shape `(M, n_L)`: row i is ∇_{a^L} C of sample i, without the 1/M of the mean.

    >>> mse, alpha_L, rho = COSTS["mse"], np.array([[3.0, 1.0]]), np.array([[1.0, 2.0]])
    >>> mse.C(alpha_L, rho), mse.grad_C(alpha_L, rho)
    (array([2.5]), array([[ 2., -1.]]))
    """

    C: Callable[[Array, Array], Array]
    grad_C: Callable[[Array, Array], Array]
    expects: Literal["numbers", "labels", "bits", "shares"] = "numbers"
    """What y may be: any numbers, labels of -1 and +1, labels of 0 and 1, or rows that sum to one."""
    classes: bool = False
    """Whether classes are learned with it, and not numbers."""
    kinks: tuple[float, ...] = ()
    """Where ∇C jumps: the distances ŷ - y."""
    bends: tuple[float, ...] = ()
    """Where ∇C itself has a kink."""


# Activation functions


def _sigmoid(zeta: Array) -> Array:
    """Compute 1 / (1 + e^-ζ), with both sides of the fraction times e^min(ζ, 0), so that nothing overflows."""
    sigma: Array = np.exp(np.minimum(zeta, 0)) / (1 + np.exp(-np.abs(zeta)))
    return sigma


def _softplus(zeta: Array) -> Array:
    """Compute log(1 + e^ζ), which for ζ > 0 is ζ + log(1 + e^-ζ)."""
    return np.maximum(zeta, 0) + np.log1p(np.exp(-np.abs(zeta)))


def _step(zeta: Array) -> Array:
    """Return 1 above zero, else 0."""
    return (zeta > 0).astype(zeta.dtype)


def _dsigmoid(zeta: Array) -> Array:
    """Compute σ(ζ) σ(-ζ), and not σ (1 - σ), which loses its digits where σ is near 1."""
    e: Array = np.exp(-np.abs(zeta))
    return e / (1 + e) ** 2


def _gelu_argument(zeta: Array) -> Array:
    """Compute 2u, u = √(2/π) (ζ + 0.044715 ζ³): (1 + tanh u)/2 is σ(2u), which keeps its digits near tanh u = -1."""
    return 2 * GELU_SCALE * zeta * (1 + GELU_CUBE * zeta * zeta)


def _dgelu(zeta: Array) -> Array:
    """Compute σ(2u) + ζ σ'(2u) 2u'."""
    argument = _gelu_argument(zeta)
    slope = 2 * GELU_SCALE * (1 + 3 * GELU_CUBE * zeta * zeta)
    return _sigmoid(argument) + zeta * _dsigmoid(argument) * slope


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda zeta: zeta, np.ones_like),
    "sigmoid": Activation(_sigmoid, _dsigmoid),
    "tanh": Activation(np.tanh, lambda zeta: 1 - np.tanh(zeta) ** 2),
    "relu": Activation(lambda zeta: np.maximum(zeta, 0), _step, kinks=(0.0,)),
    "leaky_relu": Activation(
        lambda zeta: np.maximum(zeta, SLOPE * zeta),
        lambda zeta: np.where(zeta > 0, 1, SLOPE).astype(zeta.dtype),
        kinks=(0.0,),
    ),
    "softplus": Activation(_softplus, _sigmoid),
    "elu": Activation(
        lambda zeta: np.maximum(zeta, 0) + np.expm1(np.minimum(zeta, 0)),
        lambda zeta: np.exp(np.minimum(zeta, 0)),
        bends=(0.0,),
    ),
    "silu": Activation(lambda zeta: zeta * _sigmoid(zeta), lambda zeta: _sigmoid(zeta) + zeta * _dsigmoid(zeta)),
    "gelu": Activation(lambda zeta: zeta * _sigmoid(_gelu_argument(zeta)), _dgelu),
}
"""Φ and Φ' by name."""


# Individual costs, of the answer y_hat = alpha_L and the expected y = rho


def _sum(cost_of_neurons: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """Return the cost of a sample: the sum over its output neurons."""
    return lambda alpha_L, rho: cost_of_neurons(alpha_L, rho).sum(axis=1)


def _huber(alpha_L: Array, rho: Array) -> Array:
    """Compute d²/2 in the middle and δ (|d| - δ/2) outside; both are c (d - c/2) with c = d cut off at ±δ."""
    d = alpha_L - rho
    c = np.clip(d, -DELTA, DELTA)
    return c * (d - c / 2)


def _log_softmax(alpha_L: Array) -> Array:
    """Compute log(e^a_k / Σ e^a_i); subtracting the greatest entry first changes nothing, and no `exp` overflows."""
    shifted = alpha_L - alpha_L.max(axis=1, keepdims=True)
    logs: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs


def _cross_entropy(alpha_L: Array, rho: Array) -> Array:
    """Compute -Σ ρ log softmax, which for class numbers is one entry of each row."""
    logs = _log_softmax(alpha_L)
    cost: Array = -logs[np.arange(len(rho)), rho] if rho.ndim == 1 else (-rho * logs).sum(axis=1)
    return cost


def _grad_cross_entropy(alpha_L: Array, rho: Array) -> Array:
    """Compute ∇C = softmax - ρ. The sum of ρ is 1 up to rounding; keeping it makes this the exact gradient of C."""
    softmax: Array = np.exp(_log_softmax(alpha_L))
    if rho.ndim == 1:
        softmax[np.arange(len(rho)), rho] -= 1
        return softmax
    total: Array = rho.sum(axis=1, keepdims=True)
    return softmax * total - rho


COSTS: dict[str, Cost] = {
    "mse": Cost(_sum(lambda y_hat, y: (y_hat - y) ** 2 / 2), lambda y_hat, y: y_hat - y),  # (y - y_hat)²/2
    "l1": Cost(_sum(lambda y_hat, y: np.abs(y_hat - y)), lambda y_hat, y: np.sign(y_hat - y), kinks=(0.0,)),
    "huber": Cost(_sum(_huber), lambda y_hat, y: np.clip(y_hat - y, -DELTA, DELTA), bends=(-DELTA, DELTA)),
    "logistic": Cost(  # log(1 + e^(-y y_hat)), labels -1 and +1
        _sum(lambda y_hat, y: _softplus(-y * y_hat)),
        lambda y_hat, y: -y * _sigmoid(-y * y_hat),
        expects="labels",
        classes=True,
    ),
    "bce": Cost(  # -y log σ(y_hat) - (1 - y) log(1 - σ(y_hat)), labels 0 and 1
        _sum(lambda y_hat, y: y * _softplus(-y_hat) + (1 - y) * _softplus(y_hat)),
        lambda y_hat, y: (1 - y) * _sigmoid(y_hat) - y * _sigmoid(-y_hat),
        expects="bits",
        classes=True,
    ),
    "hinge": Cost(  # max(0, 1 - y y_hat), labels -1 and +1
        _sum(lambda y_hat, y: np.maximum(0, 1 - y * y_hat)),
        lambda y_hat, y: np.where(y * y_hat < 1, -y, 0),
        expects="labels",
        classes=True,
        kinks=(0.0,),
    ),
    "margin": Cost(  # max(0, y - y_hat)
        _sum(lambda y_hat, y: np.maximum(0, y - y_hat)),
        lambda y_hat, y: np.sign(np.minimum(0, y_hat - y)),
        classes=True,
        kinks=(0.0,),
    ),
    # -Σ y log(softmax(y_hat)), the rows of y sum to one; or y has the class numbers, (M,)
    "cross_entropy": Cost(_cross_entropy, _grad_cross_entropy, expects="shares", classes=True),
}
"""C and ∇C by name. The expected values are floats of the same dtype and shape as the answers; "shares" may be class
numbers, too: integers of shape `(M,)`, in the place of rows with a single one."""
