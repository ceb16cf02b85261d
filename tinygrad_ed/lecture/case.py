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
    """A network, one sample, and the neuron k of layer j that is followed; layers count from 1, neurons from 0."""

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
        self.f_by_a: Layers
        self.f_by_b: Layers
        self.f_by_w: Array
        self.C_by_a: Array
        self.E_by_w: Layers = {}
        self.E_by_b: Layers = {}
        self.P: Layers
        self.B: Layers = {}
        self.grad_omega: Layers
        self.grad_beta: Layers

    @property
    def sizes(self) -> str:
        """The widths of the layers, such as 2-3-2."""
        return "-".join([str(len(self.alpha[0])), *[str(len(self.beta[i])) for i in self.layers]])

    @property
    def intro(self) -> str:
        """What the reader has given, in words."""
        first, last = self.activations[1], self.activations[self.L]
        hidden = f"`Φ` is {first} in the hidden layers and {last}" if self.L > 1 else f"`Φ` is {last}"
        said = (
            f"A network with the layer sizes {self.sizes}; {hidden} in the last layer; the cost is {self.cost}. There "
            "is one sample, so the error `E` is its individual cost, `ε = C(α^L, ρ)`. Followed is the neuron "
            f"`v^{self.j}_{{{self.k + 1}}}`: neuron {self.k + 1} of layer {self.j} (j={self.j}, k={self.k} in code)."
        )
        for i in [i for i in self.layers if i not in self.biased]:
            said += f" Layer {i} has no bias: `β^{i} = 0`, and it stays so."
        return said if len(self.shown) == self.L else f"{said} Printed are the layers {str(self.shown)[1:-1]}."

    @property
    def layers(self) -> range:
        """1 .. L."""
        return range(1, self.L + 1)

    @property
    def shown(self) -> list[int]:
        """The layers that are printed: all of a few, else the first, the one that is followed, and the last."""
        return list(self.layers) if self.L <= 4 else sorted({1, self.j, self.L})

    def at(self, i: int) -> dict[str, Any]:
        """Return the slots of a formula about layer i: the layers around it, and the neuron that is followed."""
        return {"i": i, "h": i - 1, "up": i + 1, "j": self.j, "k": self.k + 1, "L": self.L}

    def show(self, array: Array, down: int = -1, across: int = -1) -> Formula:
        """Write an array out; its rows belong to layer `down`, its columns to layer `across`; 1-D is a column.

        Of a large one a part is shown, and the neuron that is followed is always in it.
        """
        shown = matrix(array, *[[self.k] if i == self.j else [] for i in (down, across)])
        own = self.alpha[0], self.rho, *self.omega.values(), *self.beta.values()
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

    @cached_property
    def zeta_size(self) -> Layers:
        """The sizes for all ζ^i, `(n_i,)`."""
        return {i: np.abs(self.alpha[i - 1]) @ np.abs(self.omega[i]) + np.abs(self.beta[i]) for i in self.layers}

    @cached_property
    def P_size(self) -> Layers:
        """The sizes for all P^i, rows `(1, n_{i-1})`: the product of the slides, of absolute values."""
        found = {self.L + 1: np.abs(self.C_by_a)}
        for i in reversed(self.layers):
            found[i] = found[i + 1] @ np.abs(self.f_by_a[i])
        return found

    @cached_property
    def B_size(self) -> Layers:
        """The sizes for all B^i, `(n_i,)`."""
        return {i: self.P_size[i + 1][0] * np.abs(self.dphi[i]) for i in self.layers}

    @cached_property
    def omega_size(self) -> Layers:
        """The sizes for the gradients by the weights, `(n_{i-1}, n_i)`."""
        return {i: np.outer(np.abs(self.alpha[i - 1]), self.B_size[i]) for i in self.layers}

    def error_size(self) -> float:
        """Return the size for the error: every ζ and α is rounded, and P carries that on."""
        logs = np.sum(np.abs(self.alpha[self.L])) if COSTS[self.cost].expects == "shares" else 0.0  # they cancel
        size = self.cost_of(self.alpha[self.L]) + float(logs)
        for i in self.layers:
            size += float(self.P_size[i + 1][0] @ (np.abs(self.dphi[i]) * self.zeta_size[i] + np.abs(self.alpha[i])))
        return size

    # Kinks

    def at_one_of(self, points: Sequence[float], i: int, near: float) -> NDArray[np.bool]:
        """Tell which net inputs of layer i are at one of the points, up to rounding, or this near to it."""
        room = np.maximum(near, UNITS * self.zeta_size[i])
        near_one = [np.abs(self.zeta[i] - point) <= room for point in points]
        return np.asarray(np.any([np.zeros(len(room), bool), *near_one], axis=0))

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
        off, size = self.alpha[self.L] - self.rho, np.abs(self.alpha[self.L]) + np.abs(self.rho)
        found = [
            f"The output `α^{self.L}_{{{q + 1}}}` lies on the kink of {self.cost}, which has no derivative there; "
            f"by convention it is `{number(slope[q])}`."
            for q in range(len(off))
            if any(abs(off[q] - kink) <= UNITS * size[q] for kink in COSTS[self.cost].kinks)
        ]
        return _few(found)

    @cached_property
    def straight(self) -> dict[int, NDArray[np.bool]]:
        """Which neurons are so near to a kink that `error` takes a straight line for their Φ."""
        rows = {i: ACTIVATIONS[self.activations[i]] for i in self.layers}
        return {i: self.at_one_of((*row.kinks, *row.bends), i, NEAR) for i, row in rows.items()}

    def error(self, omega: Mapping[int, Array], beta: Mapping[int, Array], straight: bool = True) -> float:
        """Return the error for other parameters; for slopes, near by, without the kinks of Φ.

        A neuron at a kink has no slope of its own: it goes along the straight line that the convention chooses,
        Φ(ζ) + Φ'(ζ) (z - ζ). So the numeric slopes of the error are what the derivation must give. (The kinks of
        the costs bend upwards, and the conventions choose a slope between both sides; they need no line.)
        """
        a = self.alpha[0]
        for i in self.layers:
            z = a @ omega[i] + beta[i]
            a = ACTIVATIONS[self.activations[i]].phi(z)
            if straight:
                a = np.where(self.straight[i], self.alpha[i] + self.dphi[i] * (z - self.zeta[i]), a)
        return self.cost_of(a)


def _few(sentences: list[str]) -> str:
    """Return the first three, and how many more there are."""
    more = [f"({len(sentences) - 3} more.)"] if len(sentences) > 3 else []
    return " ".join(sentences[:3] + more)
