"""Φ, the product with Φ', and C with ∇C, in place: as programs that write into arrays which are there already.

`fast.py` makes a step of them. What a function does is said in `derivatives.py`, its oracle. `multiply B s B` is a
call: first the function, NumPy's where it is none of ours, then what it reads, last where it writes. `zeta`, `alpha`,
`rho` and `B` are the quantities of that name, `s` and `t` are room for what lies between.
"""

from collections.abc import Callable, Mapping
from functools import partial as do
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.closed_form import derivatives
from tinygrad_ed.closed_form.derivatives import DELTA, GELU_CUBE, GELU_SCALE, SLOPE, Array

Call = Callable[[], Any]
Names = Mapping[str, Any]

CONSTANTS = {"0": 0, "0.5": 0.5, "1": 1, "2": 2, "slope": SLOPE, "delta": DELTA, "-delta": -DELTA}
CONSTANTS |= {"scale": GELU_SCALE, "cube": GELU_CUBE, "3cube": 3 * GELU_CUBE}


def constants(dtype: DTypeLike, n_L: int, M: int) -> dict[str, Any]:
    """Return the numbers that the programs need, ones, and `samples`, room for a number a sample."""
    # Arrays without axes, in the dtype of the network: a Python number costs NumPy as much as the sum itself.
    numbers = {word: np.array(number, dtype) for word, number in CONSTANTS.items()}
    ones = {"row": np.ones((1, n_L), dtype), "column": np.ones((n_L, 1), dtype), "samples": np.ones((1, M), dtype)}
    return {**numbers, **ones, "largest": _largest, "at_the_classes": _at_the_classes}


def calls(program: str, names: Names) -> list[Call]:
    """Return the calls of a program, with the arrays and functions that are meant by its names."""
    made: list[Call] = []
    for line in filter(None, map(str.split, program.split(";"))):
        function, (*inputs, out) = names.get(line[0]) or getattr(np, line[0]), [names[word] for word in line[1:]]
        by_name = line[0] in ("maximum", "minimum")  # of these NumPy takes it by name alone
        made.append(do(function, *inputs, out=out) if by_name else do(function, *inputs, out))
    return made


# Activation functions. The programs fill `alpha`, and later multiply `B` by Φ'(ζ).


class Activation(NamedTuple):
    """Φ and the product with Φ', in place. Where Φ' can be told from α, ζ and α may share their memory."""

    phi: str
    times_dphi: str
    shared: bool = False
    own: Names = {}  # noqa: RUF012  # functions of its own


def _minus_size(zeta: str, out: str) -> str:
    return f"absolute {zeta} {out}; negative {out} {out};"


def _sigmoid(zeta: str, out: str, s: str = "s") -> str:
    e = f"{_minus_size(zeta, s)} exp {s} {s}"  # e^-|ζ|, which cannot overflow
    return f"{e}; add {s} 1 {s}; minimum {zeta} 0 {out}; exp {out} {out}; divide {out} {s} {out};"


def _softplus(zeta: str, out: str) -> str:
    return f"{_minus_size(zeta, 's')} exp s s; log1p s s; maximum {zeta} 0 {out}; add {out} s {out};"


def _gelu_tanh(out: str) -> str:
    """Fill in tanh u, u = √(2/π) (ζ + 0.044715 ζ³)."""
    u = f"square zeta {out}; multiply {out} cube {out}; add {out} 1 {out}; multiply {out} zeta {out}"
    return f"{u}; multiply {out} scale {out}; tanh {out} {out};"


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation("", "", shared=True),
    "sigmoid": Activation(
        _sigmoid("zeta", "alpha"),
        f"{_minus_size('zeta', 's')} exp s s; add s 1 t; divide s t s; divide s t s; multiply B s B",
    ),
    "tanh": Activation("tanh zeta alpha", "square alpha s; subtract 1 s s; multiply B s B", shared=True),
    "relu": Activation("maximum zeta 0 alpha", "sign alpha s; multiply B s B", shared=True),  # the sign of 0 is 0
    "leaky_relu": Activation(
        "multiply zeta slope s; maximum zeta s alpha",
        "sign alpha s; maximum s slope s; multiply B s B",
        shared=True,
    ),
    "softplus": Activation(_softplus("zeta", "alpha"), _sigmoid("zeta", "t") + "multiply B t B"),
    "elu": Activation(
        "minimum zeta 0 s; expm1 s s; maximum zeta 0 alpha; add alpha s alpha",
        "minimum zeta 0 s; exp s s; multiply B s B",
    ),
    "silu": Activation(  # σ + ζ σ (1 - σ) = σ (1 + ζ - α): 1 is not added to a large α, which would cost its digits
        _sigmoid("zeta", "alpha") + "multiply alpha zeta alpha",
        _sigmoid("zeta", "t") + "subtract zeta alpha s; add s 1 s; multiply B t B; multiply B s B",
    ),
    "gelu": Activation(  # ((1 + tanh u) + ζ (1 - tanh² u) u')/2 = (1 + tanh u)/2 · (1 + ζ (1 - tanh u) u')
        _gelu_tanh("alpha") + "add alpha 1 alpha; multiply alpha zeta alpha; multiply alpha 0.5 alpha",
        "square zeta s; multiply s 3cube s; add s 1 s; multiply s zeta s; multiply s scale s;"  # ζ u'
        + _gelu_tanh("t")
        + "multiply B 0.5 B; subtract 1 t t; multiply s t s; add s 1 s; subtract 2 t t; multiply s t s; multiply B s B",
    ),
}
"""Φ in place, by name; what is not here runs as it stands in `derivatives`, with arrays that are made each time."""


def activation(name: str) -> Activation:
    """Return Φ in place."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    row = derivatives.ACTIVATIONS[name]
    own = {
        "phi": lambda zeta, alpha: np.copyto(alpha, row.phi(zeta)),
        "times_dphi": lambda zeta, B: np.multiply(B, row.dphi(zeta), B),
    }
    return Activation("phi zeta alpha", "times_dphi zeta B", own=own)


# Individual costs. The programs fill `B` with ∇C; `error` then reads the sum of C over the samples off what they have
# left. A scalar product gives a sum in one call: Σ |d| is that of d and its sign.


class Cost(NamedTuple):
    """∇C in place, and the sum of C, from `B`, `s` and `samples`."""

    fill: str
    error: Callable[[Array, Array, Array], Any]
    own: Names = {}  # noqa: RUF012  # functions of its own


def _largest(alpha: Array, out: Array) -> None:
    np.maximum.reduce(alpha, axis=0, out=out, keepdims=True)


def _at_the_classes(rho: Array, s: Array, samples: Array, B: Array) -> None:
    at = rho, np.arange(len(rho))
    samples[0] -= s[at]
    B[at] -= 1


def _of_samples(B: Array, s: Array, samples: Array) -> Any:
    return np.add.reduce(samples, None)


# A row is spread over all neurons by a product with ones: NumPy would do it through a buffer of its own.
_SPREAD, _OF_NEURONS = "dot column samples t;", "dot row B samples;"
# Leave the softmax in B, α less each sample's greatest entry in s, and the log of Σ e^s in the row of samples.
_SOFTMAX = (
    f"largest alpha samples; {_SPREAD} subtract alpha t s; exp s B; {_OF_NEURONS} {_SPREAD} divide B t B;"
    "log samples samples;"
)


COSTS: dict[str, Cost] = {
    "mse": Cost("subtract alpha rho B", lambda B, s, _: 0.5 * float(np.vdot(B, B))),
    "l1": Cost("subtract alpha rho s; sign s B", lambda B, s, _: np.vdot(s, B)),
    "huber": Cost(  # d in s, and c = d cut off at ±δ in B: C is c (d - c/2)
        "subtract alpha rho s; minimum s delta B; maximum B -delta B",
        lambda B, s, _: np.vdot(B, s) - 0.5 * float(np.vdot(B, B)),
    ),
    "logistic": Cost(
        f"multiply alpha rho t; negative t t; {_softplus('t', 'B')} {_OF_NEURONS} {_sigmoid('t', 'B')}"
        "multiply B rho B; negative B B",
        _of_samples,
    ),
    "bce": Cost(  # log(1 + e^a) - ρ a and σ(a) - ρ
        f"{_softplus('alpha', 'B')} multiply alpha rho t; subtract B t B; {_OF_NEURONS} {_sigmoid('alpha', 'B')}"
        "subtract B rho B",
        _of_samples,
    ),
    "hinge": Cost(
        "multiply alpha rho s; subtract 1 s s; maximum s 0 s; dot row s samples; sign s B; multiply B rho B;"
        "negative B B",
        _of_samples,
    ),
    "margin": Cost("subtract alpha rho s; minimum s 0 s; sign s B", lambda B, s, _: np.vdot(s, B)),
    # -ρ · log softmax, and Σρ softmax - ρ; subtracting each sample's greatest entry changes neither.
    "cross_entropy": Cost(
        f"{_SOFTMAX} {_SPREAD} subtract s t s; multiply s rho s; dot row rho samples; {_SPREAD} multiply B t B;"
        "subtract B rho B",
        lambda B, s, _: -np.add.reduce(s, None),
    ),
}
"""C and ∇C in place, by name; see `ACTIVATIONS`."""


def cost(name: str, classes: bool = False) -> Cost:
    """Return C in place; with `classes` cross_entropy for class numbers, of which `rho` has one for each sample."""
    if classes:  # log Σ e^s - s at the class, and the softmax less 1 there
        return Cost(f"{_SOFTMAX} at_the_classes rho s samples B", _of_samples)
    if name in COSTS:
        return COSTS[name]
    row = derivatives.COSTS[name]
    own = {
        "C": lambda alpha, rho, samples: np.copyto(samples, row.C(alpha.T, rho.T)),
        "grad_C": lambda alpha, rho, B: np.copyto(B, row.grad_C(alpha.T, rho.T).T),
    }
    return Cost("C alpha rho samples; grad_C alpha rho B", _of_samples, own)
