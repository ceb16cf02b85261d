"""Φ, the product with Φ', and C with ∇C, in place: as lists of calls that write into arrays which are there already.

`fast.py` makes a step of them. What a function does is said in `derivatives.py`, its oracle. Constants are arrays
without axes, in the dtype of the network: a Python number costs NumPy as much as the sum itself.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.closed_form import derivatives
from tinygrad_ed.closed_form.derivatives import DELTA, GELU_CUBE, GELU_SCALE, SLOPE, Array

do = partial
Call = Callable[[], Any]
Calls = Iterator[Call]

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
    """Yield nothing: Φ(ζ) = ζ, in shared memory, and Φ' = 1."""
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
    """Compute e^-|ζ|, which cannot overflow, and 1 + e^-|ζ|."""
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
    """Multiply by σ + ζ σ (1 - σ) = σ (1 + ζ - α): 1 is not added to a large α, which would cost its digits."""
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
    """Multiply by ((1 + tanh u) + ζ (1 - tanh² u) u')/2 = (1 + tanh u)/2 · (1 + ζ (1 - tanh u) u')."""
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


def activation(name: str) -> Activation:
    """Return the calls of Φ."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
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
    """Leave d in s, and c = d cut off at ±δ in B: C is c (d - c/2)."""
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


def _bce(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    """Compute log(1 + e^a) - ρ a and σ(a) - ρ."""
    yield from _softplus(alpha, B, s, s, c)
    yield do(np.multiply, alpha, rho, t)
    yield do(np.subtract, B, t, B)
    yield do(np.dot, c.row, B, c.samples)
    yield from _sigmoid(alpha, B, s, s, c)
    yield do(np.subtract, B, rho, B)


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


def _softmax(alpha: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    """Leave the softmax in B, α less each sample's greatest entry in s, and the log of Σ e^s in the row of samples.

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


def _class_numbers(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    """Compute log Σ e^s - s at the class, and the softmax less 1 there; `rho` has the class of each sample, `(M,)`."""
    order = np.arange(len(rho))

    def at_the_classes() -> None:
        c.samples[0] -= s[rho, order]
        B[rho, order] -= 1

    yield from _softmax(alpha, B, s, t, c)
    yield at_the_classes


def _cross_entropy(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
    """Compute -ρ · log softmax, and Σρ softmax - ρ; subtracting each sample's greatest entry changes neither."""
    row, spread = c.samples, do(np.dot, c.column, c.samples, t)
    yield from _softmax(alpha, B, s, t, c)
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
    "bce": Cost(_bce, lambda B, s, c: np.add.reduce(c.samples, None)),
    "hinge": Cost(_hinge, lambda B, s, c: np.add.reduce(c.samples, None)),
    "margin": Cost(_margin, lambda B, s, c: np.vdot(s, B)),
    "cross_entropy": Cost(_cross_entropy, lambda B, s, c: -np.add.reduce(s, None)),
}
"""C and ∇C in place, by name; see `ACTIVATIONS`."""


def cost(name: str, classes: bool = False) -> Cost:
    """Return the calls of C; with `classes` those of cross_entropy for class numbers."""
    if classes:
        return Cost(_class_numbers, lambda B, s, c: np.add.reduce(c.samples, None))
    if name in COSTS:
        return COSTS[name]
    row = derivatives.COSTS[name]

    def fill(alpha: Array, rho: Array, B: Array, s: Array, t: Array, c: Constants) -> Calls:
        yield lambda: np.copyto(c.samples, row.C(alpha.T, rho.T))
        yield lambda: np.copyto(B, row.grad_C(alpha.T, rho.T).T)

    return Cost(fill, lambda B, s, c: np.add.reduce(c.samples, None))
