"""Case: one network, one sample and the neuron that is followed: what the steps of a derivation work on.

All is float64. The steps fill in what they find (`zeta`, `f_by_a`, `P`, ...), and later steps use it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Array
from tinygrad_ed.notation.letters import Formula, given, letter, matrix, number

Layers = dict[int, Array]

NEAR = 1e-4  # this near to a kink the numeric slopes of the error follow the convention
UNITS = 64 * float(np.finfo(float).eps)  # what is smaller than this, beside the numbers it is the sum of, is rounding


class Case:
    """A network, a sample, and the neuron k of layer j that is followed.

    Args:
        problem: omega, beta, activations, x, rho and cost, as `rules.quantities` takes them, with one sample.
        j, k: the neuron; layers count from 1, neurons from 0.
        learning_rate: η of the update.
    """

    def __init__(self, problem: Any, j: int, k: int, learning_rate: float) -> None:
        omega, beta, self.activations, x, rho, self.cost = problem
        self.omega: Layers = {i: np.asarray(omega[i], float) for i in omega}
        self.biased = list(beta)
        self.beta: Layers = {i: np.asarray(beta.get(i, np.zeros_like(omega[i][0])), float) for i in omega}
        self.rho = np.asarray(rho[0], float)
        self.j, self.k, self.learning_rate, self.L = j, k, learning_rate, len(omega)
        self.alpha: Layers = {0: np.asarray(x[0], float)}
        self.zeta: Layers = {}
        self.dphi: Layers = {}
        self.h_by_w: Array
        self.h_by_b: Array
        self.f_by_a: Layers = {}
        self.f_by_b: Layers = {}
        self.f_by_w: Array
        self.E_by_w: Layers = {}
        self.E_by_b: Layers = {}
        self.P: Layers = {}
        self.B: Layers = {}
        self.grad_omega: Layers = {}
        self.grad_beta: Layers = {}
        self.P_size: Layers = {}

    @property
    def title(self) -> str:
        """What is derived, in a few words."""
        return f"Backpropagation, derived on a {self.sizes} network"

    @property
    def sizes(self) -> str:
        """The widths of the layers, such as 2-3-2."""
        return "-".join([str(len(self.alpha[0])), *[str(len(self.beta[i])) for i in self.layers]])

    @property
    def intro(self) -> str:
        """What the reader has given, in words."""
        names = [self.activations[i] for i in self.layers]
        hidden = f"`Φ` is {names[0]} in the hidden layers and {names[-1]}" if self.L > 1 else f"`Φ` is {names[-1]}"
        return (
            f"A network with the layer sizes {self.sizes}; {hidden} in the last layer; the cost is {self.cost}. There "
            "is one sample, so the error `E` is its individual cost, `ε = C(α^L, ρ)`. Followed is the neuron "
            f"`v^{self.j}_{{{self.k + 1}}}`: neuron {self.k + 1} of layer {self.j} (j={self.j}, k={self.k} in code)."
            + "".join(
                [f" Layer {i} has no bias: `β^{i} = 0`, and it stays so." for i in self.layers if i not in self.biased]
            )
            + ("" if len(self.shown) == self.L else f" Printed are the layers {', '.join(map(str, self.shown))}.")
        )

    @property
    def layers(self) -> range:
        """1 .. L."""
        return range(1, self.L + 1)

    @property
    def shown(self) -> list[int]:
        """The layers that are printed: all of a few, else the first, the one that is followed, and the last."""
        return list(self.layers) if self.L <= 4 else sorted({1, self.j, self.L})

    def show(self, array: Array, down: int = -1, across: int = -1) -> Formula:
        """Write an array out; its rows belong to layer `down`, its columns to layer `across`; 1-D is a column.

        Of a large one a part is shown, and the neuron that is followed is always in it.
        """
        rows, columns = [[self.k] if i == self.j else [] for i in (down, across)]
        shown, own = matrix(array, rows, columns), (self.alpha[0], self.rho, *self.omega.values(), *self.beta.values())
        return given(shown) if any([np.shares_memory(array, one) for one in own]) else shown

    @property
    def neuron(self) -> str:
        """The neuron's name, as on the slides: v¹₂ is neuron 2 of layer 1, with k=1 in code."""
        return letter("v", self.j, self.k + 1).unicode

    @property
    def cost_of(self) -> Callable[[Array], float]:
        """The error as a function of the answer α^L."""
        C = COSTS[self.cost].C
        return lambda alpha_L: float(C(alpha_L[np.newaxis], self.rho[np.newaxis])[0])

    # How large the numbers are that are added up: by their rounding two right ways may differ

    def zeta_size(self, i: int) -> Array:
        """Return the size for ζ^i, `(n_i,)`."""
        size: Array = np.abs(self.alpha[i - 1]) @ np.abs(self.omega[i]) + np.abs(self.beta[i])
        return size

    def measure(self, C_by_a: Array) -> None:
        """Keep the sizes for all P^i, rows `(1, n_{i-1})`: the product of the slides, of absolute values."""
        self.P_size = {self.L + 1: np.abs(C_by_a)}
        for i in reversed(self.layers):
            self.P_size[i] = self.P_size[i + 1] @ np.abs(self.f_by_a[i])

    def B_size(self, i: int) -> Array:
        """Return the size for B^i, `(n_i,)`."""
        size: Array = self.P_size[i + 1][0] * np.abs(self.dphi[i])
        return size

    def omega_size(self, i: int) -> Array:
        """Return the size for the gradient by the weights, `(n_{i-1}, n_i)`."""
        return np.outer(np.abs(self.alpha[i - 1]), self.B_size(i))

    def error_size(self) -> float:
        """Return the size for the error: every ζ and α is rounded, and P carries that on."""
        logs = np.sum(np.abs(self.alpha[self.L])) if COSTS[self.cost].expects == "shares" else 0.0  # they cancel
        size = self.cost_of(self.alpha[self.L]) + float(logs)
        for i in self.layers:
            moved = np.abs(self.dphi[i]) * self.zeta_size(i) + np.abs(self.alpha[i])
            size += float(self.P_size[i + 1][0] @ moved)
        return size

    # Kinks

    def at_one_of(self, points: Sequence[float], i: int, near: float) -> NDArray[np.bool]:
        """Tell which net inputs of layer i are at one of the points, up to rounding, or this near to it."""
        room = np.maximum(near, UNITS * self.zeta_size(i))
        near_one = [np.abs(self.zeta[i] - point) <= room for point in points]
        return np.asarray(np.any([np.zeros(len(room), bool), *near_one], axis=0))

    def cost_at_kink(self) -> NDArray[np.bool]:
        """Tell which outputs lie on a kink of C, up to rounding."""
        answer, size = self.alpha[self.L], np.abs(self.alpha[self.L]) + np.abs(self.rho)
        off = [np.abs(answer - self.rho - kink) <= UNITS * size for kink in COSTS[self.cost].kinks]
        return np.asarray(np.any([np.zeros(len(answer), bool), *off], axis=0))

    def kinks(self) -> str:
        """Return what is decided at neurons whose net input lies on a kink, in words."""
        found = [
            f"The net input of `v^{i}_{{{q + 1}}}` lies on the kink of {self.activations[i]}, which has no derivative "
            f"there; by convention `Φ' = {number(self.dphi[i][q])}`."
            for i in self.layers
            for q in np.flatnonzero(self.at_one_of(ACTIVATIONS[self.activations[i]].kinks, i, 0.0))
        ]
        return _few(found)

    def cost_kinks(self, slope: Array) -> str:
        """Return what is decided at outputs that lie on a kink of C, in words."""
        return _few(
            [
                f"The output `α^{self.L}_{{{q + 1}}}` lies on the kink of {self.cost}, which has no derivative there; "
                f"by convention it is `{number(slope[q])}`."
                for q in np.flatnonzero(self.cost_at_kink())
            ]
        )

    @cached_property
    def straight(self) -> dict[int, NDArray[np.bool]]:
        """Which neurons are so near to a kink that `error` takes a straight line for their Φ."""
        rows = {i: ACTIVATIONS[self.activations[i]] for i in self.layers}
        return {i: self.at_one_of((*row.kinks, *row.bends), i, NEAR) for i, row in rows.items()}

    def run(self, omega: Mapping[int, Array], beta: Mapping[int, Array]) -> float:
        """Return the error for other parameters."""
        a = self.alpha[0]
        for i in self.layers:
            a = ACTIVATIONS[self.activations[i]].phi(a @ omega[i] + beta[i])
        return self.cost_of(a)

    def error(self, omega: Mapping[int, Array], beta: Mapping[int, Array]) -> float:
        """Return the error for other parameters near by, without the kinks of Φ.

        A neuron at a kink has no slope of its own: it goes along the straight line that the convention chooses,
        Φ(ζ) + Φ'(ζ) (z - ζ). So the numeric slopes of the error are what the derivation must give. (The kinks of
        the costs bend upwards, and the conventions choose a slope between both sides; they need no line.)
        """
        a = self.alpha[0]
        for i in self.layers:
            z = a @ omega[i] + beta[i]
            line = self.alpha[i] + self.dphi[i] * (z - self.zeta[i])
            a = np.where(self.straight[i], line, ACTIVATIONS[self.activations[i]].phi(z))
        return self.cost_of(a)


def _few(sentences: list[str]) -> str:
    """Return the first three, and how many more there are."""
    more = [f"({len(sentences) - 3} more.)"] if len(sentences) > 3 else []
    return " ".join(sentences[:3] + more)
