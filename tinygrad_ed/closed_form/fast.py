"""The rules once more, as fast as NumPy can run them: the same mathematics as `rules.py`, which is its oracle.

What makes it fast, and what the reader has to know to follow it:

* **Columns.** Here a sample is a column, as on the slides: `alpha[j]`, `zeta[j]` and `B[j]` are `(n_j, M)`.
* **The bias is a row of Ω, and the input has a row of ones.** Then `Ω̃ᵀ α̃` is `Ωᵀ α + β` in one product, and
  `α̃ Bᵀ` is the gradient of the weights with that of the bias as its last row: ∇_b E = B summed over the samples.
* **One arena** (`arena.py`): all parameters are one vector, all gradients another, and an update is one subtraction.
* **Nothing is allocated** after the buffers are: every call writes into an array that is there already, and a
  product `Ωʲ Bʲ` is written where `Bʲ⁻¹` will be, which then is multiplied by Φ'(ζʲ⁻¹).
* E is linear in the scale of C: with `scale=η` in place of 1 the result is η times the gradient, and an update
  needs no product of its own.

Constants are arrays without axes, in the dtype of the network: a Python number costs NumPy as much as the sum itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.derivatives import DELTA, GELU_CUBE, GELU_SCALE, SLOPE, Array

# An input at least so wide before a layer at most so narrow: there OpenBLAS takes up to 1.4 times as long for
# Ω̃ᵀ α̃ with both sides transposed as for the rows of α̃ᵀ Ω̃, and exchanging the axes of ζ costs less.
WIDE, NARROW = 256, 128
BLOCK = 2**15  # entries that are worked on at a time, so that they stay in the processor's cache

# Activation functions. Each fills `alpha`, and later multiplies `B` by Φ'(ζ); `s` and `t` are for intermediate results.


class Constants:
    """The numbers that the functions below need, in one dtype; ones, and room for a number a sample."""

    def __init__(self, dtype: DTypeLike, n_L: int, M: int) -> None:
        self.zero, self.half, self.one, self.minus_one, self.two, self.slope, self.delta, self.minus_delta = [
            np.array(number, dtype) for number in (0, 0.5, 1, -1, 2, SLOPE, DELTA, -DELTA)
        ]
        self.gelu_scale, self.gelu_cube, self.gelu_cube_3 = [
            np.array(number, dtype) for number in (GELU_SCALE, GELU_CUBE, 3 * GELU_CUBE)
        ]
        self.row, self.column, self.samples = np.ones((1, n_L), dtype), np.ones((n_L, 1), dtype), np.ones((1, M), dtype)


Phi = Callable[[Array, Array, Array, Array, Constants], object]
Times = Callable[[Array, Array, Array, Array, Array, Constants], object]


class Activation(NamedTuple):
    """Φ and the product with Φ', in place. Where Φ' can be told from α, ζ and α may share their memory."""

    phi: Phi
    times_dphi: Times
    shared: bool


def _nothing(*_: object) -> None:
    """Φ(ζ) = ζ, in shared memory; Φ' = 1."""


def _tanh(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.tanh(zeta, alpha)


def _times_dtanh(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.square(alpha, s)
    np.subtract(c.one, s, s)
    np.multiply(B, s, B)


def _relu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.maximum(zeta, c.zero, out=alpha)


def _times_drelu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.sign(alpha, s)  # 1 above zero, 0 at it
    np.multiply(B, s, B)


def _leaky_relu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.multiply(zeta, c.slope, s)
    np.maximum(zeta, s, out=alpha)


def _times_dleaky_relu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.sign(alpha, s)
    np.maximum(s, c.slope, out=s)
    np.multiply(B, s, B)


def _e_and_1_plus_e(zeta: Array, e: Array, one_plus_e: Array, c: Constants) -> None:
    """e^-|ζ|, which cannot overflow, and 1 more."""
    np.absolute(zeta, e)
    np.negative(e, e)
    np.exp(e, e)
    np.add(e, c.one, one_plus_e)


def _sigmoid(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    _e_and_1_plus_e(zeta, s, s, c)
    np.minimum(zeta, c.zero, out=alpha)
    np.exp(alpha, alpha)
    np.divide(alpha, s, alpha)


def _times_dsigmoid(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    _e_and_1_plus_e(zeta, s, t, c)
    np.divide(s, t, s)
    np.divide(s, t, s)
    np.multiply(B, s, B)


def _softplus(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.absolute(zeta, s)
    np.negative(s, s)
    np.exp(s, s)
    np.log1p(s, s)
    np.maximum(zeta, c.zero, out=alpha)
    np.add(alpha, s, alpha)


def _times_dsoftplus(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    _sigmoid(zeta, t, s, s, c)
    np.multiply(B, t, B)


def _elu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.minimum(zeta, c.zero, out=s)
    np.expm1(s, s)
    np.maximum(zeta, c.zero, out=alpha)
    np.add(alpha, s, alpha)


def _times_delu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    np.minimum(zeta, c.zero, out=s)
    np.exp(s, s)
    np.multiply(B, s, B)


def _silu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    _sigmoid(zeta, alpha, s, t, c)
    np.multiply(alpha, zeta, alpha)


def _times_dsilu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    """σ + ζ σ (1 - σ) = σ (1 + ζ - α): 1 is not added to a large α, which would cost its digits."""
    _sigmoid(zeta, t, s, s, c)
    np.subtract(zeta, alpha, s)
    np.add(s, c.one, s)
    np.multiply(B, t, B)
    np.multiply(B, s, B)


def _gelu_tanh(zeta: Array, out: Array, c: Constants) -> None:
    """Fill in tanh u, u = √(2/π) (ζ + 0.044715 ζ³)."""
    np.square(zeta, out)
    np.multiply(out, c.gelu_cube, out)
    np.add(out, c.one, out)
    np.multiply(out, zeta, out)
    np.multiply(out, c.gelu_scale, out)
    np.tanh(out, out)


def _gelu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    _gelu_tanh(zeta, alpha, c)
    np.add(alpha, c.one, alpha)
    np.multiply(alpha, zeta, alpha)
    np.multiply(alpha, c.half, alpha)


def _times_dgelu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> None:
    """((1 + tanh u) + ζ (1 - tanh² u) u')/2 = (1 + tanh u)/2 · (1 + ζ (1 - tanh u) u')."""
    np.square(zeta, s)
    np.multiply(s, c.gelu_cube_3, s)
    np.add(s, c.one, s)
    np.multiply(s, zeta, s)
    np.multiply(s, c.gelu_scale, s)  # ζ u'
    _gelu_tanh(zeta, t, c)
    np.multiply(B, c.half, B)
    np.subtract(c.one, t, t)
    np.multiply(s, t, s)
    np.add(s, c.one, s)
    np.subtract(c.two, t, t)  # 1 + tanh u
    np.multiply(s, t, s)
    np.multiply(B, s, B)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(_nothing, _nothing, shared=True),
    "sigmoid": Activation(_sigmoid, _times_dsigmoid, shared=False),
    "tanh": Activation(_tanh, _times_dtanh, shared=True),
    "relu": Activation(_relu, _times_drelu, shared=True),
    "leaky_relu": Activation(_leaky_relu, _times_dleaky_relu, shared=True),
    "softplus": Activation(_softplus, _times_dsoftplus, shared=False),
    "elu": Activation(_elu, _times_delu, shared=False),
    "silu": Activation(_silu, _times_dsilu, shared=False),
    "gelu": Activation(_gelu, _times_dgelu, shared=False),
}
"""Φ in place, by name."""

# Individual costs. Each fills `B` with ∇C and returns the sum of C over the samples; `s` and `t` are as above. A scalar
# product gives a sum in one call: Σ |d| is that of d and its sign.


def _mse(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Any:
    np.subtract(alpha, rho, B)
    return 0.5 * float(np.vdot(B, B))


def _l1(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Any:
    np.subtract(alpha, rho, s)
    np.sign(s, B)
    return np.vdot(s, B)


def _huber(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Any:
    """The sum of c (d - c/2), with c = d cut off at ±δ."""
    np.subtract(alpha, rho, s)
    np.minimum(s, c.delta, out=B)
    np.maximum(B, c.minus_delta, out=B)
    return np.vdot(B, s) - 0.5 * float(np.vdot(B, B))


def _logistic(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Any:
    np.multiply(alpha, rho, t)
    np.negative(t, t)
    _softplus(t, B, s, s, c)
    error = np.add.reduce(B, None)
    _sigmoid(t, B, s, s, c)
    np.multiply(B, rho, B)
    np.negative(B, B)
    return error


def _hinge(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Any:
    np.multiply(alpha, rho, s)
    np.subtract(c.one, s, s)
    np.maximum(s, c.zero, out=s)
    np.sign(s, B)
    error = np.vdot(s, B)
    np.multiply(B, rho, B)
    np.negative(B, B)
    return error


def _margin(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Any:
    np.subtract(alpha, rho, s)
    np.minimum(s, c.zero, out=s)
    np.sign(s, B)
    return np.vdot(s, B)


def _cross_entropy(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Any:
    """-ρ · log softmax, and Σρ softmax - ρ; less the greatest entry of the sample, which changes neither."""
    row = np.maximum.reduce(alpha, axis=0, out=c.samples, keepdims=True)
    np.subtract(alpha, np.dot(c.column, row, t), s)  # a product with ones: NumPy broadcasts through a buffer of its own
    np.exp(s, B)
    np.dot(c.row, B, row)
    np.divide(B, np.dot(c.column, row, t), B)
    np.log(row, row)
    np.subtract(s, np.dot(c.column, row, t), s)
    np.multiply(s, rho, s)
    np.dot(c.row, rho, row)
    np.multiply(B, np.dot(c.column, row, t), B)
    np.subtract(B, rho, B)
    return -np.add.reduce(s, None)


COSTS: dict[str, Callable[[Array, Array, Array, Array, Array, Constants], Any]] = {
    "mse": _mse,
    "l1": _l1,
    "huber": _huber,
    "logistic": _logistic,
    "hinge": _hinge,
    "margin": _margin,
    "cross_entropy": _cross_entropy,
}
"""C and ∇C in place, by name."""


@dataclass(slots=True)
class Layer:
    """What layer j needs in every step: its products, bound to their left sides, and its buffers `(n_j, M)`."""

    zeta_dot: Callable[[Array, Array], Array]  # Ω̃ᵀ ·
    below: Array  # α̃ of the layer below
    zeta: Array
    rows: tuple[Callable[[Array, Array], Array], Array, Array] | None  # or else: α̃ᵀ · Ω̃, which is ζᵀ
    phi: Phi
    forward: list[tuple[Any, ...]]  # ζ, α and scratch, some rows at a time
    times_dphi: Times
    backward: list[tuple[Any, ...]]  # B, ζ, α and scratch, likewise
    below_dot: Callable[[Array, Array], Array]  # α̃ of the layer below, ·
    B_T: Array
    gradient: Array  # of Ω̃
    omega_dot: Callable[[Array, Array], Array]  # Ω ·
    B: Array
    B_below: Array | None  # where Ω B goes; None in the first layer


class Step:
    """Forward propagation, backpropagation and the gradients of one batch, again and again in the same buffers.

    Args:
        arena: where the parameters are, and where the gradients go.
        activations: the name of Φ for each layer.
        cost: the name of the cost.
        M: the number of samples of a batch.

    Attributes:
        x: `(M, n_0 + 1)`, one sample a row as data come: to be filled by the caller, its last column with ones.
        rho: `(n_L, M)`, to be filled as well.
        alpha, B: what the last step computed, by layer, `(n_j, M)`; B times the scale.

    >>> arena = Arena([1, 1], float)
    >>> arena.omega[1][:] = 2.0
    >>> step = Step(arena, {1: "identity"}, "mse", 2)
    >>> step.x[:, 0], step.rho[0] = [1.0, 3.0], [0.0, 0.0]
    >>> step.cost_and_gradient(), arena.gradient
    (10.0, array([10.,  4.]))
    """

    def __init__(self, arena: Arena, activations: Mapping[int, str], cost: str, M: int) -> None:
        sizes, dtype, L = arena.sizes, arena.theta.dtype, len(arena.sizes) - 1
        self.M, self._constants, self._cost = M, Constants(dtype, sizes[-1], M), COSTS[cost]
        self._scale = np.array(0, dtype)  # filled in by `cost_and_gradient`
        self.x, self.rho = np.ones((M, sizes[0] + 1), dtype), np.zeros((sizes[-1], M), dtype)

        with_ones = {j: np.ones((sizes[j] + 1, M), dtype) for j in range(1, L)}
        below = {1: self.x.T} | {j + 1: with_ones[j] for j in range(1, L)}
        self.alpha = {j: with_ones[j][:-1] for j in range(1, L)} | {L: np.zeros((sizes[L], M), dtype)}
        self.B = {j: np.zeros((sizes[j], M), dtype) for j in range(1, L + 1)}
        self._top = (self.alpha[L], self.rho, self.B[L], *np.zeros((2, sizes[L], M), dtype), self._constants)

        most = max(1, BLOCK // M)  # rows
        s, t = np.zeros((2, min(most, max(sizes)), M), dtype)
        self._layers = []
        for j in range(1, L + 1):
            phi, times_dphi, shared = ACTIVATIONS[activations[j]]
            alpha, B, folded = self.alpha[j], self.B[j], arena.folded[j]
            zeta = alpha if shared else np.zeros_like(alpha)
            by_rows = j == 1 and sizes[0] >= WIDE and sizes[1] <= NARROW
            rows = [slice(start, min(start + most, sizes[j])) for start in range(0, sizes[j], most)]
            scratch = [(s[: r.stop - r.start], t[: r.stop - r.start], self._constants) for r in rows]
            self._layers.append(
                Layer(
                    zeta_dot=folded.T.dot,
                    below=below[j],
                    zeta=zeta,
                    rows=(self.x.dot, folded, np.zeros((M, sizes[1]), dtype)) if by_rows else None,
                    phi=phi,
                    forward=[(zeta[r], alpha[r], *rest) for r, rest in zip(rows, scratch, strict=True)],
                    times_dphi=times_dphi,
                    backward=[(B[r], zeta[r], alpha[r], *rest) for r, rest in zip(rows, scratch, strict=True)],
                    below_dot=below[j].dot,
                    B_T=B.T,
                    gradient=arena.grad_folded[j],
                    omega_dot=arena.omega[j].dot,
                    B=B,
                    B_below=self.B.get(j - 1),
                )
            )
        self._backwards = self._layers[::-1]

    def cost_and_gradient(self, scale: float = 1.0) -> float:
        """Return the mean cost of the batch, and leave `scale` times its gradient in the arena."""
        for at in self._layers:
            if at.rows is None:
                at.zeta_dot(at.below, at.zeta)  # ζ = Ω̃ᵀ α̃
            else:
                x_dot, folded, product = at.rows
                np.copyto(at.zeta, x_dot(folded, product).T)
            for part in at.forward:
                at.phi(*part)  # α = Φ(ζ)
        error = self._cost(*self._top)  # B = ∇C
        self._scale[()] = scale / self.M
        np.multiply(self._top[2], self._scale, self._top[2])
        for at in self._backwards:
            for part in at.backward:
                at.times_dphi(*part)  # B = Φ'(ζ) ⊙ B
            at.below_dot(at.B_T, at.gradient)  # ∇Ω̃ = α̃ Bᵀ
            if at.B_below is not None:
                at.omega_dot(at.B, at.B_below)  # Ω B, to be multiplied by Φ' of the layer below
        return float(error) / self.M
