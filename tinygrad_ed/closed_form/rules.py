"""The backpropagation rules for a batch, and the two algorithms of the lecture that use them.

A network with L layers is given by dicts of plain arrays, keyed as on the slides: `omega[j]` of shape
`(n_{j-1}, n_j)`, `beta[j]` of shape `(n_j,)` and the name `activations[j]`, for j = 1..L. A layer without a bias has
no entry in `beta`: a rule gets zeros for it, and its gradient is no quantity. Sample i of a batch of M
is row i, so `alpha[j]`, `zeta[j]` and `B[j]` are `(M, n_j)` and `P[j]` is `(M, n_{j-1})`; with M = 1 this is
the slide, transposed. E is the mean over the samples: 1/M enters once, at the top.

A rule is a function of plain arrays. The algorithms look their rules up in a mapping, so that a reader
can put a version of any rule in its place: `backpropagation(..., rules={"B_hidden": mine})`.
"""

from collections.abc import Callable, Mapping

import numpy as np

from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Array

Layers = Mapping[int, Array]
Rule = Callable[..., Array]

# The rules


def zeta(alpha_prev: Array, omega: Array, beta: Array) -> Array:
    """Return the net input of a layer, ζ^j = α^{j-1} Ω^j + β^j.

    >>> zeta(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    return alpha_prev @ omega + beta


def alpha(zeta: Array, phi: Callable[[Array], Array]) -> Array:
    """Return the activation of a layer, α^j = Φ(ζ^j).

    >>> alpha(np.array([[11.5, -1.0]]), ACTIVATIONS["relu"].phi)
    array([[11.5,  0. ]])
    """
    return phi(zeta)


def B_last(
    zeta: Array, alpha: Array, rho: Array, dphi: Callable[[Array], Array], grad_C: Callable[[Array, Array], Array]
) -> Array:
    """Return B of the last layer, B^L = Φ'(ζ^L) ⊙ ∇C(α^L, ρ) / M.

    >>> two = np.array([[2.0], [3.0]])
    >>> B_last(two, two, np.array([[1.0], [1.0]]), ACTIVATIONS["identity"].dphi, COSTS["mse"].grad_C)
    array([[0.5],
           [1. ]])
    """
    return dphi(zeta) * grad_C(alpha, rho) / len(alpha)


def B_hidden(zeta: Array, omega_next: Array, B_next: Array, dphi: Callable[[Array], Array]) -> Array:
    """Return B of a hidden layer, B^j = Φ'(ζ^j) ⊙ (B^{j+1} [Ω^{j+1}]^T).

    >>> B_hidden(np.array([[1.0, -1.0]]), np.array([[3.0], [4.0]]), np.array([[0.5]]), ACTIVATIONS["relu"].dphi)
    array([[1.5, 0. ]])
    """
    return dphi(zeta) * (B_next @ omega_next.T)


def P(omega: Array, B: Array) -> Array:
    """Return what the layer below receives, P^j = B^j [Ω^j]^T.

    >>> P(np.array([[3.0], [4.0]]), np.array([[0.5]]))
    array([[1.5, 2. ]])
    """
    return B @ omega.T


def grad_omega(alpha_prev: Array, B: Array) -> Array:
    """Return the gradient of the weights, ∂E/∂Ω^j = [α^{j-1}]^T B^j: the product sums over the samples.

    >>> grad_omega(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [10.0]]))
    array([[31.],
           [42.]])
    """
    return alpha_prev.T @ B


def grad_beta(B: Array) -> Array:
    """Return the gradient of the bias, ∂E/∂β^j: the sum of the rows of B^j.

    >>> grad_beta(np.array([[1.0, 2.0], [10.0, 20.0]]))
    array([11., 22.])
    """
    gradient: Array = B.sum(axis=0)
    return gradient


_ALL: list[Rule] = [zeta, alpha, B_last, B_hidden, P, grad_omega, grad_beta]
RULES = {rule.__name__: rule for rule in _ALL}
"""The rules by name. The algorithms take a mapping with other versions of some or all of them."""

# The algorithms. "Line" is the number of the line on the slide.


def forward(
    omega: Layers, beta: Layers, activations: Mapping[int, str], x: Array, rules: Mapping[str, Rule] = RULES
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Propagate the batch `x`, shape `(M, n_0)`, and return `zeta` (keys 1..L) and `alpha` (keys 0..L).

    >>> forward({1: np.array([[2.0]])}, {1: np.array([-3.0])}, {1: "relu"}, np.array([[1.0], [2.0]]))
    ({1: array([[-1.], [ 1.]])}, {0: array([[1.], [2.]]), 1: array([[0.], [1.]])})
    """
    rule = {**RULES, **rules}
    zeta, alpha = {}, {0: x}
    for j in range(1, len(omega) + 1):
        zeta[j] = rule["zeta"](alpha[j - 1], omega[j], beta.get(j, np.zeros_like(omega[j][0])))
        alpha[j] = rule["alpha"](zeta[j], ACTIVATIONS[activations[j]].phi)
    return zeta, alpha


def backpropagation(
    omega: Layers,
    activations: Mapping[int, str],
    zeta: Layers,
    alpha: Layers,
    rho: Array,
    cost: str,
    rules: Mapping[str, Rule] = RULES,
    *,
    with_P: bool = True,
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Run the algorithm "backpropagation" after `forward`; return `B` (keys 1..L) and `P` (keys 1..L+1).

    `P[L+1]` is ∇C / M. The gradients need B alone: `with_P=False` leaves P empty and saves its products.

    >>> omega, one = {1: np.array([[2.0]])}, np.array([[1.0]])
    >>> backpropagation(omega, {1: "tanh"}, {1: 0 * one}, {0: one, 1: 0 * one}, one, "mse")
    ({1: array([[-1.]])}, {2: array([[-1.]]), 1: array([[-2.]])})
    """
    rule = {**RULES, **rules}
    dphi = {j: ACTIVATIONS[name].dphi for j, name in activations.items()}
    grad_C = COSTS[cost].grad_C
    L = len(omega)

    B: dict[int, Array] = {}
    P: dict[int, Array] = {L + 1: grad_C(alpha[L], rho) / len(rho)} if with_P else {}
    B[L] = rule["B_last"](zeta[L], alpha[L], rho, dphi[L], grad_C)  # line 1
    if with_P:
        P[L] = rule["P"](omega[L], B[L])  # line 2
    for j in range(L - 1, 0, -1):  # line 3
        B[j] = rule["B_hidden"](zeta[j], omega[j + 1], B[j + 1], dphi[j])  # line 4, with P^{j+1} written out
        if with_P:
            P[j] = rule["P"](omega[j], B[j])  # line 5
    return B, P  # line 6


def gradient_computation(
    alpha: Layers, B: Layers, rules: Mapping[str, Rule] = RULES
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Run the algorithm "gradient computation"; return `grad_omega` and `grad_beta` (keys 1..L).

    >>> gradient_computation({0: np.array([[1.0, 2.0]]), 1: np.array([[0.0]])}, {1: np.array([[3.0]])})
    ({1: array([[3.], [6.]])}, {1: array([3.])})
    """
    rule = {**RULES, **rules}
    grad_omega, grad_beta = {}, {}
    for j in range(1, len(B) + 1):  # line 1
        grad_omega[j] = rule["grad_omega"](alpha[j - 1], B[j])  # line 2
        grad_beta[j] = rule["grad_beta"](B[j])  # line 3
    return grad_omega, grad_beta  # line 4


def update(
    omega: Layers, beta: Layers, grad_omega: Layers, grad_beta: Layers, learning_rate: float
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Return new parameters, Ω^j - η ∂E/∂Ω^j and β^j - η ∂E/∂β^j; the old ones stay as they are.

    >>> update({1: np.array([[1.0]])}, {1: np.array([0.0])}, {1: np.array([[2.0]])}, {1: np.array([1.0])}, 0.5)
    ({1: array([[0.]])}, {1: array([-0.5])})
    """
    eta = float(learning_rate)  # as a NumPy float64 it would turn float32 weights into float64
    new_omega = {j: omega[j] - eta * grad_omega[j] for j in omega}
    new_beta = {j: beta[j] - eta * grad_beta[j] for j in beta}
    return new_omega, new_beta


def quantities(
    omega: Layers,
    beta: Layers,
    activations: Mapping[int, str],
    x: Array,
    rho: Array,
    cost: str,
    rules: Mapping[str, Rule] = RULES,
) -> dict[str, Array | float]:
    """Return every quantity of the slides by its name, in the order in which the algorithms find them.

    `alpha[0] zeta[1] alpha[1] ... alpha[L] cost P[L+1] B[L] P[L] ... B[1] P[1] grad_omega[L] grad_beta[L] ...`,
    with the numbers written out; `cost` is the mean over the samples, a float.

    >>> one = np.array([[1.0]])
    >>> quantities({1: 2 * one}, {1: np.array([0.5])}, {1: "identity"}, one, one, "mse")
    {'alpha[0]': array([[1.]]), 'zeta[1]': array([[2.5]]), 'alpha[1]': array([[2.5]]), 'cost': 1.125,
     'P[2]': array([[1.5]]), 'B[1]': array([[1.5]]), 'P[1]': array([[3.]]),
     'grad_omega[1]': array([[1.5]]), 'grad_beta[1]': array([1.5])}
    """
    L = len(omega)
    zeta, alpha = forward(omega, beta, activations, x, rules)
    B, P = backpropagation(omega, activations, zeta, alpha, rho, cost, rules)
    grad_omega, grad_beta = gradient_computation(alpha, B, rules)

    named: dict[str, Array | float] = {"alpha[0]": alpha[0]}
    for j in range(1, L + 1):
        named[f"zeta[{j}]"] = zeta[j]
        named[f"alpha[{j}]"] = alpha[j]
    named["cost"] = float(np.mean(COSTS[cost].C(alpha[L], rho)))
    named[f"P[{L + 1}]"] = P[L + 1]
    for j in range(L, 0, -1):
        named[f"B[{j}]"] = B[j]
        named[f"P[{j}]"] = P[j]
    for j in range(L, 0, -1):
        named[f"grad_omega[{j}]"] = grad_omega[j]
        if j in beta:
            named[f"grad_beta[{j}]"] = grad_beta[j]
    return named
