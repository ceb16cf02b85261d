"""The known mistakes: what students and published courses write in the place of a rule, one mistake a line.

Each mistake is a function. It takes `at`, the layer where the rule is called with what surrounds it, and then the
arguments of the rule. A sample is a row, as in `closed_form/rules.py`, and M is their number. `diagnosis.py` tries all
mistakes of a rule on the arguments that a reader's rule got, and names those that give the same numbers.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Activation
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.notation.quantity import Quantity

Wrong = Callable[..., Any]


class At(NamedTuple):
    """Layer j of L, M samples, and the quantities of all layers; `zeta[0]` is the input.

    A KeyError says that a mistake cannot be made here: there is no such layer, or it would be another mistake.
    """

    j: int
    L: int
    M: int
    omega: Mapping[int, Array]
    beta: Mapping[int, Array]
    zeta: Mapping[int, Array]
    alpha: Mapping[int, Array]
    P: Mapping[int, Array]
    B: Mapping[int, Array]
    grad_omega: Mapping[int, Array]
    activation: Mapping[int, Activation]
    cost: str

    def phi(self, zeta: Array) -> Array:
        """Apply Φ of this layer."""
        return self.activation[self.j].phi(zeta)

    def slope(self) -> Array:
        """Return Φ'(ζ) of this layer."""
        return self.activation[self.j].dphi(self.zeta[self.j])

    def slope_below(self) -> Array | float:
        """Return Φ'(ζ) of the layer below; 1 below layer 1."""
        return self.activation[self.j - 1].dphi(self.zeta[self.j - 1]) if self.j > 1 else 1.0

    def weights_like(self, omega: Array) -> Array:
        """Return Ω of this layer, where it fits in the place of another."""
        if self.omega[self.j].shape != omega.shape:
            raise KeyError(self.j)
        return self.omega[self.j]

    def exchanged(self, gradient: Callable[[Array, Array], Array], alpha: Array, rho: Array) -> Array:
        """Return ∇C(ρ, α), where that is more than a wrong sign."""
        if not COSTS[self.cost].classes:
            raise KeyError(self.cost)
        return gradient(rho, alpha)

    def short_cut(self, alpha: Array, rho: Array) -> Array:
        """Return α - ρ, which Φ'(ζ) ⊙ ∇C is for some Φ and C, where both are wrong."""
        if self.cost == "mse" or self.activation[self.j] is ACTIVATIONS["identity"]:
            raise KeyError(self.cost)
        return alpha - rho

    def softmax(self, alpha: Array, axis: int | None = 1) -> Array:
        """Return the softmax in the last layer; elsewhere nothing is done."""
        e = np.exp(alpha - alpha.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True) if self.j == self.L else alpha

    def shares(self, alpha: Array, axis: int | None = 1) -> Array:
        """Return the softmax, where the cost has one."""
        if self.cost != "cross_entropy":
            raise KeyError(self.cost)
        return self.softmax(alpha, axis)

    def of_alpha(self, zeta: Array) -> Array:
        """Return the formula of Φ' that takes α, at ζ."""
        of_alpha = {ACTIVATIONS["sigmoid"]: zeta * (1 - zeta), ACTIVATIONS["tanh"]: 1 - zeta**2}
        found: Array = of_alpha[self.activation[self.j]]
        return found

    def spread(self, alpha: Array, rho: Array) -> tuple[Array, Array]:
        """Return one output and what is expected as (M, 1) and (M,), of which NumPy makes a matrix."""
        if alpha.shape[1] > 1:
            raise KeyError(self.j)
        return alpha, rho[:, 0]


def surroundings(j: int, problem: Problem, book: Mapping[str, Any]) -> At:
    """Return layer j in a run of the road `rules` that filled this ledger."""
    L, M = len(problem.omega), len(problem.x)
    by_layer: dict[str, dict[int, Array]] = {}
    for quantity, value in book.items():
        kind, layer, _ = Quantity.of(quantity)
        by_layer.setdefault(kind, {})[layer] = value
    zeta = {0: problem.x, **by_layer["zeta"]}
    activation = {i: ACTIVATIONS[name] for i, name in problem.activations.items()}
    inner = (zeta, by_layer["alpha"], by_layer["P"], by_layer["B"], by_layer["grad_omega"])
    return At(j, L, M, problem.omega, problem.beta, *inner, activation, problem.cost)


def _each(table: Mapping[str, Any], words: str, make: Callable[[Any], Wrong]) -> dict[str, Wrong]:
    """Return a mistake for each function of a table, but for identity and mse, which have rows of their own."""
    return {words.format(name): make(f) for name, f in table.items() if name not in ("identity", "mse")}


def _times(rule: str, factor: Callable[[At], float]) -> Wrong:
    """Return the rule with a factor that does not belong there."""
    return lambda at, *args: factor(at) * RULES[rule](*args)


def _scaled(rule: str) -> dict[str, Wrong]:
    """Return the wrong factors of every rule below B of the last layer, which has 1/M already."""
    mean = "mean in place of sum over the samples (1/M again)" if rule.startswith("grad") else "1/M again"
    return {
        "wrong sign": _times(rule, lambda at: -1),
        mean: _times(rule, lambda at: 1 / at.M),
        "a factor of M too much (1/M undone)": _times(rule, lambda at: at.M),
        "a factor of 2 too much": _times(rule, lambda at: 2),
        "a factor of 1/2 too much": _times(rule, lambda at: 1 / 2),
    }


KNOWN: dict[str, dict[str, Wrong]] = {
    "zeta": {
        "bias forgotten": lambda at, a, w, b: a @ w,
        "bias subtracted": lambda at, a, w, b: a @ w - b,
        "bias added twice": lambda at, a, w, b: a @ w + 2 * b,
        "bias multiplied, not added": lambda at, a, w, b: a @ w * b,
        "bias summed over the neurons": lambda at, a, w, b: a @ w + b.sum(),
        "bias of the wrong layer (the one below)": lambda at, a, w, b: a @ w + at.beta[max(at.j - 1, 1)],
        "transposed weights": lambda at, a, w, b: a @ w.T + b,
        "Ωᵀα as for samples in columns (here they are rows)": lambda at, a, w, b: w.T @ a + b,
        "mean over the inputs in place of their sum": lambda at, a, w, b: a @ w / len(w) + b,
        "mean over the samples": lambda at, a, w, b: (a @ w + b).mean(axis=0),
        "Φ applied here already": lambda at, a, w, b: at.phi(a @ w + b),
        "ζ in place of α": lambda at, a, w, b: at.zeta[at.j - 1] @ w + b,
        "α of the wrong layer (the input)": lambda at, a, w, b: at.alpha[0] @ w + b,
    },
    "alpha": {
        "Φ forgotten": lambda at, z, phi: z,
        "Φ forgotten in the last layer": lambda at, z, phi: z if at.j == at.L else phi(z),
        "Φ applied twice": lambda at, z, phi: phi(phi(z)),
        "Φ' in place of Φ": lambda at, z, phi: at.activation[at.j].dphi(z),
        "Φ at -ζ": lambda at, z, phi: phi(-z),
        "wrong sign": lambda at, z, phi: -phi(z),
        "softmax in the last layer (cross_entropy has it)": lambda at, z, phi: at.softmax(phi(z)),
        **_each(ACTIVATIONS, "{} in place of Φ", lambda f: lambda at, z, phi: f.phi(z)),
    },
    "B_last": {
        "missing 1/M (a sum in place of the mean)": lambda at, z, a, r, d, g: d(z) * g(a, r),
        "1/M twice": lambda at, z, a, r, d, g: d(z) * g(a, r) / at.M**2,
        "wrong sign of ∇C (y - y_hat, or arguments exchanged?)": lambda at, z, a, r, d, g: -d(z) * g(a, r) / at.M,
        "Φ' forgotten": lambda at, z, a, r, d, g: g(a, r) / at.M,
        "Φ' taken at α instead of ζ": lambda at, z, a, r, d, g: d(a) * g(a, r) / at.M,
        "Φ' applied twice": lambda at, z, a, r, d, g: d(z) ** 2 * g(a, r) / at.M,
        "Φ in place of Φ'": lambda at, z, a, r, d, g: a * g(a, r) / at.M,
        "Φ' at ζ of the wrong layer (the one below)": lambda at, z, a, r, d, g: d(at.zeta[at.j - 1]) * g(a, r) / at.M,
        "a factor of 2 too much (the half of C forgotten?)": lambda at, z, a, r, d, g: 2 * d(z) * g(a, r) / at.M,
        "a factor of 1/2 too much (its half kept in ∇C?)": lambda at, z, a, r, d, g: d(z) * g(a, r) / at.M / 2,
        "1/n_L in place of 1/M (mean over neurons)": lambda at, z, a, r, d, g: d(z) * g(a, r) / z.shape[1],
        "2/n_L in place of 1/M (and no half in C)": lambda at, z, a, r, d, g: 2 * d(z) * g(a, r) / z.shape[1],
        "1/(M n_L) in place of 1/M (mean over neurons too)": lambda at, z, a, r, d, g: d(z) * g(a, r) / z.size,
        "2/(M n_L) in place of 1/M (and no half in C)": lambda at, z, a, r, d, g: 2 * d(z) * g(a, r) / z.size,
        "∇C at ζ instead of α": lambda at, z, a, r, d, g: d(z) * g(z, r) / at.M,
        "the formula of Φ' for α used on ζ": lambda at, z, a, r, d, g: at.of_alpha(z) * g(a, r) / at.M,
        "∇C lost (Φ' alone)": lambda at, z, a, r, d, g: d(z) * np.ones_like(a) / at.M,
        "divided by Φ'": lambda at, z, a, r, d, g: g(a, r) / d(z) / at.M,
        "Φ' of relu taken from the gradient": lambda at, z, a, r, d, g: g(a, r) * (g(a, r) > 0) / at.M,
        "an extra α (1 - α)": lambda at, z, a, r, d, g: d(z) * a * (1 - a) * g(a, r) / at.M,
        "a matrix (M, M) out of two vectors": lambda at, z, a, r, d, g: g(*at.spread(a, r)) * d(z) / at.M,
        "softmax over the samples": lambda at, z, a, r, d, g: d(z) * (at.shares(a, 0) - r) / at.M,
        "softmax over all entries": lambda at, z, a, r, d, g: d(z) * (at.shares(a, None) - r) / at.M,
        "softmax applied twice": lambda at, z, a, r, d, g: d(z) * (at.shares(at.shares(a)) - r) / at.M,
        "-ρ/s, without the derivative of the softmax": lambda at, z, a, r, d, g: d(z) * -r / at.shares(a) / at.M,
        "only the diagonal of softmax'": lambda at, z, a, r, d, g: d(z) * -r * (1 - at.shares(a)) / at.M,
        "an extra s (1 - s) after cross-entropy": lambda at, z, a, r, d, g: (
            d(z) * at.shares(a) * (1 - at.shares(a)) * (at.shares(a) - r) / at.M
        ),
        "∇C with α and ρ exchanged": lambda at, z, a, r, d, g: d(z) * at.exchanged(g, a, r) / at.M,
        "α - ρ whatever Φ and C are": lambda at, z, a, r, d, g: at.short_cut(a, r) / at.M,
        "a matrix product in place of ⊙": lambda at, z, a, r, d, g: d(z) @ g(a, r).T / at.M,
        "sum over the neurons": lambda at, z, a, r, d, g: (d(z) * g(a, r)).sum(axis=1) / at.M,
        "mean over the samples": lambda at, z, a, r, d, g: (d(z) * g(a, r)).mean(axis=0),
        "∇C = α - ρ, that of mse (softmax forgotten?)": lambda at, z, a, r, d, g: d(z) * (a - r) / at.M,
        **_each(COSTS, "∇C of {}", lambda C: lambda at, z, a, r, d, g: d(z) * C.grad_C(a, r) / at.M),
        **_each(ACTIVATIONS, "{}' in place of Φ'", lambda f: lambda at, z, a, r, d, g: f.dphi(z) * g(a, r) / at.M),
    },
    "B_hidden": {
        "Φ' forgotten": lambda at, z, w, B, d: B @ w.T,
        "Φ' taken at α instead of ζ": lambda at, z, w, B, d: d(at.phi(z)) * (B @ w.T),
        "Φ' applied twice": lambda at, z, w, B, d: d(z) ** 2 * (B @ w.T),
        "the formula of Φ' for α used on ζ": lambda at, z, w, B, d: at.of_alpha(z) * (B @ w.T),
        "what arrives from above lost (Φ' alone)": lambda at, z, w, B, d: d(z),
        "divided by Φ'": lambda at, z, w, B, d: (B @ w.T) / d(z),
        "Φ' of relu taken from the gradient": lambda at, z, w, B, d: (B @ w.T) * (B @ w.T > 0),
        "Φ in place of Φ'": lambda at, z, w, B, d: at.phi(z) * (B @ w.T),
        "Φ' at ζ of the wrong layer (the one above)": lambda at, z, w, B, d: d(at.zeta[at.j + 1]) * (B @ w.T),
        "Φ' at ζ of the wrong layer (the one below)": lambda at, z, w, B, d: d(at.zeta[at.j - 1]) * (B @ w.T),
        "transposed weights": lambda at, z, w, B, d: d(z) * (B @ w),
        "ΩB as for samples in columns (here they are rows)": lambda at, z, w, B, d: d(z) * (w @ B),
        "weights forgotten": lambda at, z, w, B, d: d(z) * B,
        "weights forgotten, B summed": lambda at, z, w, B, d: d(z) * B.sum(axis=1, keepdims=True),
        "weights of the wrong layer (this one)": lambda at, z, w, B, d: d(z) * (B @ at.weights_like(w).T),
        "weights of the wrong layer (transposed)": lambda at, z, w, B, d: d(z) * (B @ at.weights_like(w.T)),
        "B of the wrong layer (two above)": lambda at, z, w, B, d: d(z) * (at.B[min(at.j + 2, at.L)] @ w.T),
        "B of the wrong layer (the last)": lambda at, z, w, B, d: d(z) * (at.B[at.L] @ w.T),
        "P in place of B (Φ' above forgotten)": lambda at, z, w, B, d: d(z) * (at.P[at.j + 2] @ w.T),
        "mean over the samples": lambda at, z, w, B, d: (d(z) * (B @ w.T)).mean(axis=0),
        **_scaled("B_hidden"),
        **_each(ACTIVATIONS, "{}' in place of Φ'", lambda f: lambda at, z, w, B, d: f.dphi(z) * (B @ w.T)),
    },
    "P": {
        "transposed weights": lambda at, w, B: B @ w,
        "ΩB as for samples in columns (here they are rows)": lambda at, w, B: w @ B,
        "weights forgotten": lambda at, w, B: B,
        "weights of the wrong layer (the one above)": lambda at, w, B: B @ at.omega[min(at.j + 1, at.L)].T,
        "B of the wrong layer (the one above)": lambda at, w, B: at.B[min(at.j + 1, at.L)] @ w.T,
        "B of the wrong layer (the last)": lambda at, w, B: at.B[at.L] @ w.T,
        "P in place of B (Φ' forgotten)": lambda at, w, B: at.P[at.j + 1] @ w.T,
        "Φ' of the layer below applied here already": lambda at, w, B: at.slope_below() * (B @ w.T),
        "mean over the samples": lambda at, w, B: (B @ w.T).mean(axis=0),
        **_scaled("P"),
    },
    "grad_omega": {
        "transposed": lambda at, a, B: B.T @ a,
        "αBᵀ as for samples in columns (here they are rows)": lambda at, a, B: a @ B.T,
        "only the first sample": lambda at, a, B: np.outer(a[0], B[0]),
        "only the last sample (`=` in place of `+=`?)": lambda at, a, B: np.outer(a[-1], B[-1]),
        "α and B summed before their product": lambda at, a, B: np.outer(a.sum(axis=0), B.sum(axis=0)),
        "mean of α times mean of B": lambda at, a, B: np.outer(a.mean(axis=0), B.mean(axis=0)),
        "mean of α times sum of B": lambda at, a, B: np.outer(a.mean(axis=0), B.sum(axis=0)),
        "α forgotten": lambda at, a, B: np.ones_like(a).T @ B,
        "ζ in place of α": lambda at, a, B: at.zeta[at.j - 1].T @ B,
        "α of the wrong layer (the input)": lambda at, a, B: at.alpha[0].T @ B,
        "α of the wrong layer (this one)": lambda at, a, B: at.alpha[at.j].T @ B,
        "α of the wrong layer (two below)": lambda at, a, B: at.alpha[max(at.j - 2, 0)].T @ B,
        "B of the wrong layer (the one above)": lambda at, a, B: a.T @ at.B[min(at.j + 1, at.L)],
        "B of the wrong layer (the one below)": lambda at, a, B: a.T @ at.B[max(at.j - 1, 1)],
        "B of the wrong layer (the last)": lambda at, a, B: a.T @ at.B[at.L],
        "P in place of B (Φ' forgotten)": lambda at, a, B: a.T @ at.P[at.j + 1],
        "Φ' applied again (B has it)": lambda at, a, B: a.T @ (at.slope() * B),
        **_scaled("grad_omega"),
    },
    "grad_beta": {
        "summed over the wrong axis": lambda at, B: B.sum(axis=1),
        "summed over all axes": lambda at, B: B.sum(),
        "not summed over the samples": lambda at, B: B,
        "summed with its axis kept (keepdims)": lambda at, B: B.sum(axis=0, keepdims=True),
        "mean over the wrong axis": lambda at, B: B.mean(axis=1),
        "mean over all axes": lambda at, B: B.mean(),
        "only the first sample": lambda at, B: B[0],
        "only the last sample (`=` in place of `+=`?)": lambda at, B: B[-1],
        "taken from the weight product (its sum over the inputs)": lambda at, B: at.grad_omega[at.j].sum(axis=0),
        "taken from the weight product (its mean over the inputs)": lambda at, B: at.grad_omega[at.j].mean(axis=0),
        "taken from the weight product (its sum over the neurons)": lambda at, B: at.grad_omega[at.j].sum(axis=1),
        "taken from the weight product (its first row)": lambda at, B: at.grad_omega[at.j][0],
        "taken from the weight product (its last row)": lambda at, B: at.grad_omega[at.j][-1],
        "taken from the weight product (all of it)": lambda at, B: at.grad_omega[at.j],
        "B of the wrong layer (the one above)": lambda at, B: at.B[min(at.j + 1, at.L)].sum(axis=0),
        "B of the wrong layer (the one below)": lambda at, B: at.B[max(at.j - 1, 1)].sum(axis=0),
        "B of the wrong layer (the last)": lambda at, B: at.B[at.L].sum(axis=0),
        "P in place of B (Φ' forgotten)": lambda at, B: at.P[at.j + 1].sum(axis=0),
        "Φ' applied again (B has it)": lambda at, B: (at.slope() * B).sum(axis=0),
        "multiplied by the bias": lambda at, B: at.beta[at.j] * B.sum(axis=0),
        **_scaled("grad_beta"),
    },
}
"""By rule, and in words."""

FITTED: dict[str, dict[str, Wrong]] = {
    "B_hidden": {
        "the weights were updated before, η = {k:.4g}": lambda at, z, w, B, d: -d(z) * (B @ at.grad_omega[at.j + 1].T)
    },
    "P": {"the weights were updated before, η = {k:.4g}": lambda at, w, B: -B @ at.grad_omega[at.j].T},
    "grad_omega": {"an L2 term of λ = {k:.4g} (that is {M:.4g}/M)": lambda at, a, B: at.omega[at.j]},
    "grad_beta": {"an L2 term of λ = {k:.4g} (that is {M:.4g}/M) on the bias": lambda at, B: at.beta[at.j]},
}
"""Mistakes with a number k of their own: what is added k times to the right numbers."""

MEND = {
    "zeta": "ζʲ = αʲ⁻¹ Ωʲ + βʲ, `alpha_prev @ omega + beta` (lecture, section 2)",
    "alpha": "αʲ = Φ(ζʲ), `phi(zeta)` (lecture, section 2)",
    "B_last": "Bᴸ = Φ′(ζᴸ) ⊙ ∇C(αᴸ, ρ) / M, `dphi(zeta) * grad_C(alpha, rho) / len(rho)` (backpropagation, line 1)",
    "B_hidden": "Bʲ = Φ′(ζʲ) ⊙ Bʲ⁺¹ [Ωʲ⁺¹]ᵀ, `dphi(zeta) * (B_next @ omega_next.T)` (backpropagation, line 4)",
    "P": "Pʲ = Bʲ [Ωʲ]ᵀ, `B @ omega.T` (backpropagation, lines 2 and 5)",
    "grad_omega": "∂E/∂Ωʲ = [αʲ⁻¹]ᵀ Bʲ, `alpha_prev.T @ B` (gradient computation, line 2)",
    "grad_beta": "∂E/∂βʲ = the sum of the rows of Bʲ, `B.sum(axis=0)` (gradient computation, line 3)",
}
"""By rule: what it is, and where the lecture has it. A sample is a row; 1/M enters once, in B^L."""
