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

* **A step is a list of calls**, each a NumPy function with its arrays, made once: `do(np.tanh, zeta, alpha)`. To run
  it is to make the calls.

Constants are arrays without axes, in the dtype of the network: a Python number costs NumPy as much as the sum itself.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.closed_form import derivatives
from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.derivatives import DELTA, GELU_CUBE, GELU_SCALE, SLOPE, Array

# An input at least so wide before a layer at most so narrow: there OpenBLAS takes up to 1.4 times as long for
# Ω̃ᵀ α̃ with both sides transposed as for the rows of α̃ᵀ Ω̃, and exchanging the axes of ζ costs less.
WIDE, NARROW = 256, 128
BLOCK = 2**15  # entries that are worked on at a time, so that they stay in the processor's cache

LARGE = 2**15  # entries of a product from which `dot` loses to `matmul`: it fills it with zeros first

do = partial
Call = Callable[[], Any]
Calls = Iterator[Call]


def times(a: Array, b: Array, out: Array) -> Call:
    """The call that writes the matrix product a b to `out`."""
    column_times_row = len(b) == 1  # which `matmul` does in a slow loop of its own
    return do(a.dot, b, out) if out.size < LARGE or column_times_row else do(np.matmul, a, b, out)


# Activation functions. The calls of each fill `alpha`, and later multiply `B` by Φ'(ζ); `s` and `t` are for what lies
# between.


class Constants:
    """The numbers that the functions below need, in one dtype; ones, and room for a number a sample."""

    def __init__(self, dtype: DTypeLike, n_L: int, M: int) -> None:
        self.zero, self.half, self.one, self.two, self.slope, self.delta, self.minus_delta = [
            np.array(number, dtype) for number in (0, 0.5, 1, 2, SLOPE, DELTA, -DELTA)
        ]
        self.gelu_scale, self.gelu_cube, self.gelu_cube_3 = [
            np.array(number, dtype) for number in (GELU_SCALE, GELU_CUBE, 3 * GELU_CUBE)
        ]
        self.row, self.column, self.samples = np.ones((1, n_L), dtype), np.ones((n_L, 1), dtype), np.ones((1, M), dtype)


Phi = Callable[[Array, Array, Array, Array, Constants], Calls]
Times = Callable[[Array, Array, Array, Array, Array, Constants], Calls]


class Activation(NamedTuple):
    """Φ and the product with Φ', in place. Where Φ' can be told from α, ζ and α may share their memory."""

    phi: Phi
    times_dphi: Times
    shared: bool


def _nothing(*_: object) -> Calls:
    """Φ(ζ) = ζ, in shared memory; Φ' = 1."""
    yield from ()


def _tanh(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.tanh, zeta, alpha)


def _times_dtanh(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.square, alpha, s)
    yield do(np.subtract, c.one, s, s)
    yield do(np.multiply, B, s, B)


def _relu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.maximum, zeta, c.zero, out=alpha)


def _times_drelu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.sign, alpha, s)  # 1 above zero, 0 at it
    yield do(np.multiply, B, s, B)


def _leaky_relu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.multiply, zeta, c.slope, s)
    yield do(np.maximum, zeta, s, out=alpha)


def _times_dleaky_relu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.sign, alpha, s)
    yield do(np.maximum, s, c.slope, out=s)
    yield do(np.multiply, B, s, B)


def _e_and_1_plus_e(zeta: Array, e: Array, one_plus_e: Array, c: Constants) -> Calls:
    """e^-|ζ|, which cannot overflow, and 1 more."""
    yield do(np.absolute, zeta, e)
    yield do(np.negative, e, e)
    yield do(np.exp, e, e)
    yield do(np.add, e, c.one, one_plus_e)


def _sigmoid(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield from _e_and_1_plus_e(zeta, s, s, c)
    yield do(np.minimum, zeta, c.zero, out=alpha)
    yield do(np.exp, alpha, alpha)
    yield do(np.divide, alpha, s, alpha)


def _times_dsigmoid(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield from _e_and_1_plus_e(zeta, s, t, c)
    yield do(np.divide, s, t, s)
    yield do(np.divide, s, t, s)
    yield do(np.multiply, B, s, B)


def _softplus(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.absolute, zeta, s)
    yield do(np.negative, s, s)
    yield do(np.exp, s, s)
    yield do(np.log1p, s, s)
    yield do(np.maximum, zeta, c.zero, out=alpha)
    yield do(np.add, alpha, s, alpha)


def _times_dsoftplus(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield from _sigmoid(zeta, t, s, s, c)
    yield do(np.multiply, B, t, B)


def _elu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.minimum, zeta, c.zero, out=s)
    yield do(np.expm1, s, s)
    yield do(np.maximum, zeta, c.zero, out=alpha)
    yield do(np.add, alpha, s, alpha)


def _times_delu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.minimum, zeta, c.zero, out=s)
    yield do(np.exp, s, s)
    yield do(np.multiply, B, s, B)


def _silu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield from _sigmoid(zeta, alpha, s, t, c)
    yield do(np.multiply, alpha, zeta, alpha)


def _times_dsilu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    """σ + ζ σ (1 - σ) = σ (1 + ζ - α): 1 is not added to a large α, which would cost its digits."""
    yield from _sigmoid(zeta, t, s, s, c)
    yield do(np.subtract, zeta, alpha, s)
    yield do(np.add, s, c.one, s)
    yield do(np.multiply, B, t, B)
    yield do(np.multiply, B, s, B)


def _gelu_tanh(zeta: Array, out: Array, c: Constants) -> Calls:
    """Fill in tanh u, u = √(2/π) (ζ + 0.044715 ζ³)."""
    yield do(np.square, zeta, out)
    yield do(np.multiply, out, c.gelu_cube, out)
    yield do(np.add, out, c.one, out)
    yield do(np.multiply, out, zeta, out)
    yield do(np.multiply, out, c.gelu_scale, out)
    yield do(np.tanh, out, out)


def _gelu(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield from _gelu_tanh(zeta, alpha, c)
    yield do(np.add, alpha, c.one, alpha)
    yield do(np.multiply, alpha, zeta, alpha)
    yield do(np.multiply, alpha, c.half, alpha)


def _times_dgelu(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
    """((1 + tanh u) + ζ (1 - tanh² u) u')/2 = (1 + tanh u)/2 · (1 + ζ (1 - tanh u) u')."""
    yield do(np.square, zeta, s)
    yield do(np.multiply, s, c.gelu_cube_3, s)
    yield do(np.add, s, c.one, s)
    yield do(np.multiply, s, zeta, s)
    yield do(np.multiply, s, c.gelu_scale, s)  # ζ u'
    yield from _gelu_tanh(zeta, t, c)
    yield do(np.multiply, B, c.half, B)
    yield do(np.subtract, c.one, t, t)
    yield do(np.multiply, s, t, s)
    yield do(np.add, s, c.one, s)
    yield do(np.subtract, c.two, t, t)  # 1 + tanh u
    yield do(np.multiply, s, t, s)
    yield do(np.multiply, B, s, B)


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
"""Φ in place, by name; what is not here runs as it stands in `derivatives`, with arrays that are made each time."""


def _as_it_stands(name: str) -> Activation:
    row = derivatives.ACTIVATIONS[name]

    def phi(zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
        yield lambda: np.copyto(alpha, row.phi(zeta))

    def times_dphi(B: Array, zeta: Array, alpha: Array, s: Array, t: Array, c: Constants) -> Calls:
        yield lambda: np.multiply(B, row.dphi(zeta), B)

    return Activation(phi, times_dphi, shared=False)


# Individual costs. The calls of each fill `B` with ∇C; `error` then reads the sum of C over the samples off what they
# have left. A scalar product gives a sum in one call: Σ |d| is that of d and its sign.


class Cost(NamedTuple):
    """∇C in place, and the sum of C."""

    fill: Callable[[Array, Array, Array, Array, Array, Constants], Calls]
    error: Callable[[Array, Array, Constants], Any]


def _mse(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.subtract, alpha, rho, B)


def _l1(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.subtract, alpha, rho, s)
    yield do(np.sign, s, B)


def _huber(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    """C is c (d - c/2), with c = d cut off at ±δ."""
    yield do(np.subtract, alpha, rho, s)
    yield do(np.minimum, s, c.delta, out=B)
    yield do(np.maximum, B, c.minus_delta, out=B)


def _logistic(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.multiply, alpha, rho, t)
    yield do(np.negative, t, t)
    yield from _softplus(t, B, s, s, c)
    yield do(np.dot, c.row, B, c.samples)
    yield from _sigmoid(t, B, s, s, c)
    yield do(np.multiply, B, rho, B)
    yield do(np.negative, B, B)


def _hinge(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.multiply, alpha, rho, s)
    yield do(np.subtract, c.one, s, s)
    yield do(np.maximum, s, c.zero, out=s)
    yield do(np.dot, c.row, s, c.samples)
    yield do(np.sign, s, B)
    yield do(np.multiply, B, rho, B)
    yield do(np.negative, B, B)


def _margin(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    yield do(np.subtract, alpha, rho, s)
    yield do(np.minimum, s, c.zero, out=s)
    yield do(np.sign, s, B)


def _cross_entropy(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    """-ρ · log softmax, and Σρ softmax - ρ; less the greatest entry of the sample, which changes neither.

    A row is spread over all neurons by a product with ones: NumPy would do it through a buffer of its own.
    """
    row, spread = c.samples, do(np.dot, c.column, c.samples, t)
    yield do(np.maximum.reduce, alpha, axis=0, out=row, keepdims=True)
    yield spread
    yield do(np.subtract, alpha, t, s)
    yield do(np.exp, s, B)
    yield do(np.dot, c.row, B, row)
    yield spread
    yield do(np.divide, B, t, B)
    yield do(np.log, row, row)
    yield spread
    yield do(np.subtract, s, t, s)
    yield do(np.multiply, s, rho, s)
    yield do(np.dot, c.row, rho, row)
    yield spread
    yield do(np.multiply, B, t, B)
    yield do(np.subtract, B, rho, B)


COSTS: dict[str, Cost] = {
    "mse": Cost(_mse, lambda B, s, c: 0.5 * float(np.vdot(B, B))),
    "l1": Cost(_l1, lambda B, s, c: np.vdot(s, B)),
    "huber": Cost(_huber, lambda B, s, c: np.vdot(B, s) - 0.5 * float(np.vdot(B, B))),
    "logistic": Cost(_logistic, lambda B, s, c: np.add.reduce(c.samples, None)),
    "hinge": Cost(_hinge, lambda B, s, c: np.add.reduce(c.samples, None)),
    "margin": Cost(_margin, lambda B, s, c: np.vdot(s, B)),
    "cross_entropy": Cost(_cross_entropy, lambda B, s, c: -np.add.reduce(s, None)),
}
"""C and ∇C in place, by name; see `ACTIVATIONS`."""


def _cost_as_it_stands(name: str) -> Cost:
    row = derivatives.COSTS[name]

    def fill(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
        yield lambda: np.copyto(c.samples, row.C(alpha.T, rho.T))
        yield lambda: np.copyto(B, row.grad_C(alpha.T, rho.T).T)

    return Cost(fill, lambda B, s, c: np.add.reduce(c.samples, None))


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
        self.M, self._cost, c = M, COSTS.get(cost) or _cost_as_it_stands(cost), Constants(dtype, sizes[-1], M)
        self._scale = np.array(0, dtype)  # filled in by `cost_and_gradient`
        self.x, self.rho = np.ones((M, sizes[0] + 1), dtype), np.zeros((sizes[-1], M), dtype)

        with_ones = {j: np.ones((sizes[j] + 1, M), dtype) for j in range(1, L)}
        below = {1: self.x.T} | {j + 1: with_ones[j] for j in range(1, L)}
        self.alpha = {j: with_ones[j][:-1] for j in range(1, L)} | {L: np.zeros((sizes[L], M), dtype)}
        self.B = {j: np.zeros((sizes[j], M), dtype) for j in range(1, L + 1)}
        most = max(1, BLOCK // M)  # rows that are worked on at a time
        s, t = np.zeros((2, min(most, max(sizes)), M), dtype)

        self._forward: list[Call] = []
        self._backward: list[Call] = []
        for j in range(1, L + 1):
            phi, times_dphi, shared = ACTIVATIONS.get(activations[j]) or _as_it_stands(activations[j])
            alpha, B, folded = self.alpha[j], self.B[j], arena.folded[j]
            zeta = alpha if shared else np.zeros_like(alpha)
            rows = [slice(start, min(start + most, sizes[j])) for start in range(0, sizes[j], most)]
            scratch = [(s[: r.stop - r.start], t[: r.stop - r.start], c) for r in rows]

            if j == 1 and sizes[0] >= WIDE and sizes[1] <= NARROW:
                product = np.zeros((M, sizes[1]), dtype)
                self._forward += [times(self.x, folded, product), do(np.copyto, zeta, product.T)]  # ζᵀ = α̃ᵀ Ω̃
            else:
                self._forward.append(times(folded.T, below[j], zeta))  # ζ = Ω̃ᵀ α̃
            for r, rest in zip(rows, scratch, strict=True):
                self._forward += phi(zeta[r], alpha[r], *rest)  # α = Φ(ζ)

            backward: list[Call] = []
            for r, rest in zip(rows, scratch, strict=True):
                backward += times_dphi(B[r], zeta[r], alpha[r], *rest)  # B = Φ'(ζ) ⊙ B
            backward.append(times(below[j], B.T, arena.grad_folded[j]))  # ∇Ω̃ = α̃ Bᵀ
            if j > 1:
                backward.append(times(arena.omega[j], B, self.B[j - 1]))  # Ω B, to be multiplied by Φ' of layer j-1
            self._backward[:0] = backward  # the last layer comes first

        top, s, t = self.B[L], *np.zeros((2, sizes[L], M), dtype)
        self._forward += self._cost.fill(self.alpha[L], self.rho, top, s, t, c)  # B = ∇C
        self._left = (top, s, c)
        self._scaled = do(np.multiply, top, self._scale, top)
        self._descent: list[Call] = [*self._backward, do(np.subtract, arena.theta, arena.gradient, arena.theta)]

    def cost_and_gradient(self, scale: float = 1.0) -> float:
        """Return the mean cost of the batch, and leave `scale` times its gradient in the arena."""
        return self._run(self._backward, scale)

    def descend(self, eta: float) -> float:
        """Return the mean cost of the batch, and take a step of gradient descent: Ω̃ ← Ω̃ - η ∇Ω̃."""
        return self._run(self._descent, eta)

    def _run(self, backward: list[Call], scale: float) -> float:
        for call in self._forward:
            call()
        error = float(self._cost.error(*self._left)) / self.M
        self._scale[()] = scale / self.M
        self._scaled()
        for call in backward:
            call()
        return error
