"""The derivation of backpropagation taken literally: one sample, and every Jacobian is really built.

Read it from top to bottom, as the lecture goes: one neuron, one layer, the whole network by the chain rule,
and the effective computations in which no Jacobian is left. Each step is a function to call on numbers.
`f_by_a` stands for ∂f/∂a. Columns of the slides (α, β, ζ, Φ'(ζ), gradients of biases) are 1-D arrays here;
Jacobians and rows (∂C/∂a^L, P^j, ∂E/∂w) are 2-D, so `@` is the product of the slides. Layers are counted from 1 as
on the slides, the neuron k of a layer from 0 as in NumPy. A layer has n inputs and m neurons.

It is slow on purpose. `rules` is the same mathematics after the last step, for a whole batch; nothing of it
is used here.
"""

from collections.abc import Mapping

import numpy as np

from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Array

Layers = Mapping[int, Array]

# Step 1: one neuron, h(a, w, b) = Φ(w^T a + b)


def neuron_zeta(alpha_prev: Array, omega_k: Array, beta_k: float) -> float:
    """Return the net input of one neuron, ζ_k = ω_k^T α + β_k.

    >>> float(neuron_zeta(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 0.5))
    11.5
    """
    zeta_k: float = np.dot(omega_k, alpha_prev) + beta_k
    return zeta_k


def neuron_by_a(omega_k: Array, dphi_k: float) -> Array:
    """Return ∂h/∂a = Φ'(ζ_k) ω_k^T, the row `(1, n)`.

    >>> neuron_by_a(np.array([3.0, 4.0]), 0.5)
    array([[1.5, 2. ]])
    """
    return dphi_k * omega_k[np.newaxis]


def neuron_by_w(alpha_prev: Array, dphi_k: float) -> Array:
    """Return ∂h/∂w = Φ'(ζ_k) α^T, the row `(1, n)`.

    >>> neuron_by_w(np.array([1.0, 2.0]), 0.5)
    array([[0.5, 1. ]])
    """
    return dphi_k * alpha_prev[np.newaxis]


def neuron_by_b(dphi_k: float) -> Array:
    """Return ∂h/∂b = Φ'(ζ_k), as a Jacobian `(1, 1)`.

    >>> neuron_by_b(0.5)
    array([[0.5]])
    """
    return np.array([[dphi_k]])


# Step 2: one layer, f(a, W, b) = [h(a, w_1, b_1) ... h(a, w_m, b_m)]^T


def layer_zeta(alpha_prev: Array, omega: Array, beta: Array) -> Array:
    """Return the net inputs `(m,)` of a layer, neuron by neuron; neuron k owns column k of `omega` `(n, m)`.

    >>> layer_zeta(np.array([1.0, 2.0]), np.array([[3.0, 0.0], [4.0, 1.0]]), np.array([0.5, 0.0]))
    array([11.5,  2. ])
    """
    return np.array([neuron_zeta(alpha_prev, omega[:, k], beta[k]) for k in range(len(beta))])


def layer_by_a(omega: Array, dphi: Array) -> Array:
    """Return ∂f/∂a `(m, n)`: row k is ∂h/∂a of neuron k, Φ'(ζ_k) ω_k^T.

    >>> layer_by_a(np.array([[3.0, 0.0], [4.0, 1.0]]), np.array([0.5, 2.0]))
    array([[1.5, 2. ],
           [0. , 2. ]])
    """
    return np.vstack([neuron_by_a(omega[:, k], dphi[k]) for k in range(len(dphi))])


def layer_by_w(alpha_prev: Array, dphi: Array, k: int) -> Array:
    """Return ∂f/∂w_k `(m, n)`: zero but for row k, which is ∂h/∂w of neuron k, Φ'(ζ_k) α^T.

    >>> layer_by_w(np.array([1.0, 2.0]), np.array([0.5, 2.0]), 1)
    array([[0., 0.],
           [2., 4.]])
    """
    jacobian = np.zeros((len(dphi), len(alpha_prev)), dtype=dphi.dtype)
    jacobian[k] = neuron_by_w(alpha_prev, dphi[k])
    return jacobian


def layer_by_b_k(dphi: Array, k: int) -> Array:
    """Return ∂f/∂b_k `(m, 1)`: the column (0 ... Φ'(ζ_k) ... 0)^T.

    >>> layer_by_b_k(np.array([0.5, 2.0]), 1)
    array([[0.],
           [2.]])
    """
    jacobian = np.zeros((len(dphi), 1), dtype=dphi.dtype)
    jacobian[k] = neuron_by_b(dphi[k])
    return jacobian


def layer_by_b(dphi: Array) -> Array:
    """Return ∂f/∂b = diag(Φ'(ζ_1) ... Φ'(ζ_m)), `(m, m)`: the columns ∂f/∂b_k side by side.

    >>> layer_by_b(np.array([0.5, 2.0]))
    array([[0.5, 0. ],
           [0. , 2. ]])
    """
    return np.diag(dphi)


# Step 3: the whole network, by the chain rule


def cost_by_a(alpha_L: Array, rho: Array, cost: str) -> Array:
    """Return ∂C/∂a^L, the row `(1, n_L)`: the gradient of the individual cost, transposed.

    >>> cost_by_a(np.array([3.0, 1.0]), np.array([1.0, 2.0]), "mse")
    array([[ 2., -1.]])
    """
    return COSTS[cost].grad_C(alpha_L[np.newaxis], rho[np.newaxis])


def product(f_by_a: Layers, j: int) -> Array:
    """Return ∏_{i=L..j+1} ∂f^i/∂a^{i-1}, `(n_L, n_j)`; for j = L it has no factor and is the identity.

    `f_by_a[i]` is ∂f^i/∂a^{i-1}, for i = 1..L.

    >>> product({1: np.array([[1.0, 2.0], [0.0, 1.0]]), 2: np.array([[3.0, 4.0]])}, 0)
    array([[ 3., 10.]])
    """
    L = len(f_by_a)
    jacobian: Array = np.eye(len(f_by_a[L]), dtype=f_by_a[L].dtype)
    for i in range(L, j, -1):
        jacobian = jacobian @ f_by_a[i]
    return jacobian


def error_by_product(C_by_a: Array, f_by_a: Layers, j: int, fj_by_own: Array) -> Array:
    """Return ∂E/∂w_k^j or ∂E/∂b^j as a row: ∂C/∂a^L · ∏_{i=L..j+1} ∂f^i/∂a^{i-1} · ∂f^j/∂(its own parameter).

    `fj_by_own` is ∂f^j/∂w_k^j (gives `(1, n_{j-1})`) or ∂f^j/∂b^j (gives `(1, n_j)`).

    >>> f_by_a = {1: np.array([[1.0, 2.0], [0.0, 1.0]]), 2: np.array([[3.0, 4.0]])}
    >>> error_by_product(np.array([[10.0]]), f_by_a, 1, layer_by_b(np.array([0.5, 2.0])))
    array([[15., 80.]])
    """
    return C_by_a @ product(f_by_a, j) @ fj_by_own


def P_rows(C_by_a: Array, f_by_a: Layers) -> dict[int, Array]:
    """Return P^{L+1} = ∂C/∂a^L and P^j = P^{j+1} · ∂f^j/∂a^{j-1}: rows `(1, n_{j-1})`, from L+1 down to 1.

    >>> P_rows(np.array([[10.0]]), {1: np.array([[1.0, 2.0], [0.0, 1.0]]), 2: np.array([[3.0, 4.0]])})
    {3: array([[10.]]), 2: array([[30., 40.]]), 1: array([[ 30., 100.]])}
    """
    L = len(f_by_a)
    P = {L + 1: C_by_a}
    for j in range(L, 0, -1):
        P[j] = P[j + 1] @ f_by_a[j]
    return P


def error_by_w(P_next: Array, alpha_prev: Array, dphi: Array, k: int) -> Array:
    """Return ∂E/∂w_k^j = P^{j+1} · ∂f^j/∂w_k^j, the row `(1, n)`.

    >>> error_by_w(np.array([[30.0, 40.0]]), np.array([1.0, 2.0]), np.array([0.5, 2.0]), 1)
    array([[ 80., 160.]])
    """
    return P_next @ layer_by_w(alpha_prev, dphi, k)


def error_by_b(P_next: Array, dphi: Array) -> Array:
    """Return ∂E/∂b^j = P^{j+1} · ∂f^j/∂b^j, the row `(1, m)`. Its transpose is what the rules call B^j.

    >>> error_by_b(np.array([[30.0, 40.0]]), np.array([0.5, 2.0]))
    array([[15., 80.]])
    """
    return P_next @ layer_by_b(dphi)


def grad_omega(P_next: Array, alpha_prev: Array, dphi: Array) -> Array:
    """Return ∇_{W^j} E `(n, m)`: column k is [∂E/∂w_k^j]^T.

    >>> grad_omega(np.array([[30.0, 40.0]]), np.array([1.0, 2.0]), np.array([0.5, 2.0]))
    array([[ 15.,  80.],
           [ 30., 160.]])
    """
    return np.hstack([error_by_w(P_next, alpha_prev, dphi, k).T for k in range(len(dphi))])


# Step 4: the effective computations. A row times a diagonal matrix is a product entry by entry, and a row times
# a matrix with one row that is not zero is that row times a number: every Jacobian disappears.


def effective_P(P_next: Array, dphi: Array, omega: Array) -> Array:
    """Return P^j = [Φ'(ζ^j) ⊙ [P^{j+1}]^T]^T · [Ω^j]^T, the row `(1, n)`.

    >>> effective_P(np.array([[30.0, 40.0]]), np.array([0.5, 2.0]), np.array([[3.0, 0.0], [4.0, 1.0]]))
    array([[ 45., 140.]])
    """
    return (dphi * P_next) @ omega.T


def effective_grad_omega(P_next: Array, alpha_prev: Array, dphi: Array) -> Array:
    """Return ∇_{W^j} E = α^{j-1} · [Φ'(ζ^j) ⊙ [P^{j+1}]^T]^T, `(n, m)`.

    >>> effective_grad_omega(np.array([[30.0, 40.0]]), np.array([1.0, 2.0]), np.array([0.5, 2.0]))
    array([[ 15.,  80.],
           [ 30., 160.]])
    """
    return alpha_prev[:, np.newaxis] @ (dphi * P_next)


def effective_grad_beta(P_next: Array, dphi: Array) -> Array:
    """Return ∇_{b^j} E = Φ'(ζ^j) ⊙ [P^{j+1}]^T, the column `(m,)`.

    >>> effective_grad_beta(np.array([[30.0, 40.0]]), np.array([0.5, 2.0]))
    array([15., 80.])
    """
    column: Array = P_next[0]
    return dphi * column


# All of it: step 3 on one sample, and on the samples of a batch one after the other


def sample_quantities(
    omega: Layers, beta: Layers, activations: Mapping[int, str], x: Array, rho: Array, cost: str
) -> dict[str, Array]:
    """Return every quantity of the slides for one sample `x` `(n_0,)` that should give `rho` `(n_L,)`.

    Names and order are those of `quantities`. The error is the individual cost C here, there is no mean yet.

    >>> one = np.array([1.0])
    >>> sample_quantities({1: np.array([[2.0]])}, {1: np.array([0.5])}, {1: "identity"}, one, one, "mse")
    {'alpha[0]': array([1.]), 'zeta[1]': array([2.5]), 'alpha[1]': array([2.5]), 'cost': array([1.125]),
     'P[2]': array([[1.5]]), 'B[1]': array([[1.5]]), 'P[1]': array([[3.]]),
     'grad_omega[1]': array([[1.5]]), 'grad_beta[1]': array([1.5])}
    """
    L = len(omega)
    alpha, dphi = {0: x}, {}
    named = {"alpha[0]": x}
    for j in range(1, L + 1):
        named[f"zeta[{j}]"] = zeta = layer_zeta(alpha[j - 1], omega[j], beta.get(j, np.zeros_like(omega[j][0])))
        named[f"alpha[{j}]"] = alpha[j] = ACTIVATIONS[activations[j]].phi(zeta)
        dphi[j] = ACTIVATIONS[activations[j]].dphi(zeta)
    named["cost"] = COSTS[cost].C(alpha[L][np.newaxis], rho[np.newaxis])

    P = P_rows(cost_by_a(alpha[L], rho, cost), {j: layer_by_a(omega[j], dphi[j]) for j in omega})
    named[f"P[{L + 1}]"] = P[L + 1]
    for j in range(L, 0, -1):
        named[f"B[{j}]"] = error_by_b(P[j + 1], dphi[j])
        named[f"P[{j}]"] = P[j]
    for j in range(L, 0, -1):
        named[f"grad_omega[{j}]"] = grad_omega(P[j + 1], alpha[j - 1], dphi[j])
        if j in beta:
            named[f"grad_beta[{j}]"] = error_by_b(P[j + 1], dphi[j])[0]
    return named


def quantities(
    omega: Layers, beta: Layers, activations: Mapping[int, str], x: Array, rho: Array, cost: str
) -> dict[str, Array | float]:
    """Return every quantity of the slides for a batch, names, order and shapes as in `rules.quantities`.

    One sample after the other goes through `sample_quantities`; E is the mean, so the rows of P and B are divided
    by M, and the costs and gradients are averaged.

    >>> one, two = np.array([1.0]), np.array([[1.0], [3.0]])
    >>> batch = quantities({1: np.array([[2.0]])}, {1: 0 * one}, {1: "identity"}, two, two, "mse")
    >>> batch["cost"], batch["grad_omega[1]"]
    (2.5, array([[5.]]))
    """
    samples = [sample_quantities(omega, beta, activations, *sample, cost) for sample in zip(x, rho, strict=True)]
    named: dict[str, Array | float] = {}
    for name in samples[0]:
        rows = np.stack([sample[name] for sample in samples])
        if name.startswith(("P", "B")):
            named[name] = rows[:, 0] / len(x)
        else:
            named[name] = rows if name.startswith(("alpha", "zeta")) else rows.mean(axis=0)
    return named | {"cost": float(np.mean([sample["cost"] for sample in samples]))}
