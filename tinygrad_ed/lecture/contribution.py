"""What one neuron contributes to the error, through its own weights and its bias: the lecture's opening question.

The answer has three parts: how the error moves with the neuron (P, B, and the gradients by its parameters); on which
ways (the paths to the cost, which add up to P); and what happens if this neuron alone takes a step of gradient
descent, as its gradient predicts and as it really is.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Array
from tinygrad_ed.lecture.check import Check, same
from tinygrad_ed.lecture.derive import case_of
from tinygrad_ed.lecture.paths import Path, Paths, paths_of
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.notation.letters import factor, formula, letter, number, prose
from tinygrad_ed.notation.writing import LECTURE, Writing

HEAVIEST = 6  # paths that are kept
WIDTH = 110  # of a line on a terminal
WEIGHTS = 8  # weights that are printed: those with the largest gradients


@dataclass(frozen=True, eq=False)
class Contribution:
    """What the neuron k of layer j contributes to the error. Print it, and it says so in words.

    Attributes:
        j, k: the neuron; layers count from 1, neurons from 0.
        alpha_prev, omega, beta: what it receives, its weights `(n_{j-1},)`, and its bias (None: it has none).
        zeta, alpha, dphi: its net input, its activation, and Φ' at its net input.
        P: how the error moves with its activation, ∂E/∂α.
        B: how the error moves with its net input, ∂E/∂ζ = Φ' P.
        grad_omega, grad_beta: how the error moves with its weights, B α, and with its bias, B (None: it has none).
        paths: the paths that carry it: how many, what they add up to, and the heaviest.
        check: that all paths add up to P.
        error: the error E.
        learning_rate: η of one step of gradient descent on this neuron alone.
        predicted: how far that step moves E to first order: -η times the square of its gradient.
        measured: how far it really does, by running the changed network.
        about: the network, the cost, and what was decided at kinks, in words (see `notation.prose`).
        write: in whose letters it is printed.
    """

    j: int
    k: int
    alpha_prev: Array
    omega: Array
    beta: float | None
    zeta: float
    alpha: float
    dphi: float
    P: float
    B: float
    grad_omega: Array
    grad_beta: float | None
    paths: Paths
    check: Check
    error: float
    learning_rate: float
    predicted: float
    measured: float
    about: str
    write: Writing = LECTURE

    def __repr__(self) -> str:
        return self.write.text(
            f"<what neuron {self.k} of layer {self.j} contributes: B = {number(self.B)}, {self.paths.count:,} paths; "
            f"one step on it alone moves the error by {number(self.measured)}>"
        )

    def __str__(self) -> str:
        title = f"What the neuron {self._v} contributes to the error"
        parts = [
            [title, "=" * len(title)],
            textwrap.wrap(prose(self.about, str), WIDTH),
            self._neuron(),
            self._parameters(),
            self._paths(),
            self._step(),
        ]
        return self.write.text("\n\n".join(["\n".join(part) for part in parts]))

    @property
    def _v(self) -> str:
        """Its name on the slides."""
        return letter("v", self.j, self.k + 1).unicode

    def _neuron(self) -> list[str]:
        """Return what it did, and how the error moves with it."""
        at = {"j": self.j, "k": self.k + 1}
        lines = [
            ("ζ^$j_$k = $it", self.zeta, "is its net input"),
            ("α^$j_$k = $it", self.alpha, "is its activation"),
            ("P = {∂E}/{∂α^$j_$k} = $it", self.P, f"when its activation rises a little, the error {_moves(self.P)}"),
            ("Φ'(ζ^$j_$k) = $it", self.dphi, f"when its net input rises a little, its activation {_moves(self.dphi)}"),
            ("B = Φ' · P = $it", self.B, f"so when its net input rises a little, the error {_moves(self.B)}"),
        ]
        return _table([(formula(markup, it=value, **at).unicode, words) for markup, value, words in lines])

    def _parameters(self) -> list[str]:
        """Tell how the error moves with its weights and its bias."""
        rows = [("parameter", "is", "meets", "moves the error by")]
        for i in np.argsort(-np.abs(self.grad_omega), kind="stable")[:WEIGHTS]:
            weight, below = letter("omega_k", self.j, f"{i + 1},{self.k + 1}"), letter("alpha", self.j - 1, i + 1)
            met = f"{below} = {number(self.alpha_prev[i])}"
            rows.append((str(weight), str(number(self.omega[i])), met, f"B · {below} = {number(self.grad_omega[i])}"))
        left = len(self.grad_omega) - WEIGHTS
        if left > 0:
            rows.append(("⋮", f"{left} more", "", "less"))
        if self.beta is not None and self.grad_beta is not None:
            beta = str(letter("beta", self.j, self.k + 1))
            rows.append((beta, str(number(self.beta)), "1", f"B = {number(self.grad_beta)}"))
        own = "its own weights" + (" and its bias" if self.beta is not None else " (it has no bias)")
        return [f"Through {own} it moves the error with these slopes:", *_table(rows)]

    def _paths(self) -> list[str]:
        """Return the ways on which it reaches the error."""
        found = self.paths
        some = f"the {len(found.heaviest)} heaviest" if found.count > len(found.heaviest) else "all of them"
        dead = f" ({found.count - found.alive:,} of them blocked by a zero)" if found.alive < found.count else ""
        rows = []
        for path in found.heaviest:
            stations = [self._v, *[letter("v", i, q + 1).unicode for i, q in path.neurons], "ε"]
            rows.append((" → ".join(stations), _product(path)))
        sums = {"up": found.raising, "down": factor(found.lowering), "P": found.total}
        return [
            f"{found.count:,} path{'s' * (found.count > 1)} to the cost{dead}; {some}:",
            *_table(rows),
            f"All together carry {formula('P = $up + $down = $P', **sums)}: the first sum is of the paths on which the",
            "error rises with the activation of the neuron, the second of those on which it falls.",
            *textwrap.wrap(str(self.check), WIDTH),
        ]

    def _step(self) -> list[str]:
        """Return what one step on this neuron alone does."""
        move = formula("-η (⟦{∂E}/{∂ω}⟧^2 + ({∂E}/{∂β})^2) = $it", it=self.predicted)
        share = f", {100 * self.measured / self.predicted:.1f} % of that" if self.predicted else ""
        return [
            f"One step of gradient descent on this neuron alone (η = {number(self.learning_rate)}):",
            f"  to first order the error moves by {move};",
            f"  really it goes from {number(self.error)} to {number(self.error + self.measured)}, that is "
            f"by {number(self.measured)}{share}.",
        ]


def contribution(
    mlp: Any,
    x: Any,
    rho: Any,
    j: int,
    k: int,
    cost: str = "mse",
    *,
    learning_rate: float = 0.1,
    notation: Notation = "lecture",
) -> Contribution:
    """Say what neuron k of layer j contributes to the error, through its own weights and its bias.

    It is for one sample, as the lecture asks it: paths and local derivatives belong to a sample.

    Args:
        mlp: the network, a `tg.nn.MLP`; computed in float64.
        x: one sample, `(n_0,)` or `(1, n_0)`.
        rho: its expected output; for cross_entropy also a class number.
        j: the layer, from 1 as on the slides.
        k: the neuron of that layer, from 0 as in NumPy.
        cost: the name of the cost.
        learning_rate: η of the step on this neuron alone.
        notation: the letters: "lecture", "textbook", or a dict, see `draw.network`.

    Raises:
        ShapeError: for more than one sample; and what `mlp.problem` raises.
        InvalidValue, InvalidType: for a layer or a neuron that does not exist, a learning rate that is not positive.
        TypeError: for what is no network.

    >>> from tinygrad_ed.nn import MLP
    >>> found = contribution(MLP([2, 3, 2], rng=0), [0.5, -1.0], [1.0, 0.0], j=1, k=2)
    >>> round(found.B, 6), found.grad_omega.round(6), found.paths.count
    (-0.379505, array([-0.189752,  0.379505]), 2)
    >>> [round(path.product, 6) for path in found.paths.heaviest], found.check.holds
    ([-1.03005, -0.748037], True)
    >>> round(found.predicted, 6), round(found.measured, 6)
    (-0.032405, -0.034646)
    """
    case = case_of(mlp, x, rho, cost, j, k, learning_rate)
    write = written_in(notation, case.L)
    j, k = case.j, case.k
    zeta, alpha = rules.forward(case.omega, case.beta, case.activations, case.alpha[0][np.newaxis])
    B, P = rules.backpropagation(case.omega, case.activations, zeta, alpha, case.rho[np.newaxis], case.cost)
    grad_omega, grad_beta = rules.gradient_computation(alpha, B)
    for i in case.layers:
        case.zeta[i], case.alpha[i] = zeta[i][0], alpha[i][0]
        case.dphi[i] = ACTIVATIONS[case.activations[i]].dphi(case.zeta[i])
    C_by_a = COSTS[case.cost].grad_C(alpha[case.L], case.rho[np.newaxis])[0]
    paths = paths_of(case.omega, case.dphi, C_by_a, j, k, HEAVIEST)

    biased = j in case.biased
    by_omega, by_beta = grad_omega[j][:, k], float(grad_beta[j][k]) if biased else 0.0
    new_omega, new_beta = case.omega[j].copy(), case.beta[j].copy()
    new_omega[:, k] -= case.learning_rate * by_omega
    new_beta[k] -= case.learning_rate * by_beta
    error = case.cost_of(case.alpha[case.L])
    after = case.run({**case.omega, j: new_omega}, {**case.beta, j: new_beta})
    return Contribution(
        j=j,
        k=k,
        alpha_prev=case.alpha[j - 1],
        omega=case.omega[j][:, k],
        beta=float(case.beta[j][k]) if biased else None,
        zeta=float(case.zeta[j][k]),
        alpha=float(case.alpha[j][k]),
        dphi=float(case.dphi[j][k]),
        P=float(P[j + 1][0, k]),
        B=float(B[j][0, k]),
        grad_omega=by_omega,
        grad_beta=by_beta if biased else None,
        paths=paths,
        check=same(
            "the sum of all paths with P of the rules",
            [(paths.total, P[j + 1][0, k], paths.raising - paths.lowering)],
        ),
        error=error,
        learning_rate=case.learning_rate,
        predicted=-case.learning_rate * (float(by_omega @ by_omega) + by_beta**2),
        measured=after - error,
        about=f"{case.intro} The error is `ε = {number(error)}`. {case.kinks()} {case.cost_kinks(C_by_a)}".strip(),
        write=write,
    )


def _moves(slope: float) -> str:
    """Tell how something moves that has this slope."""
    if slope == 0:
        return "does not move"
    return f"{'rises' if slope > 0 else 'falls'} {number(abs(slope))} times as far"


def _product(path: Path) -> str:
    """Return the product on a path, written out."""
    factors = " · ".join([str(factor(value)) for value in path.factors])
    return f"{factors} = {number(path.product)}" if len(path.factors) > 1 else str(number(path.product))


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows in columns, with a margin."""
    widths = [max([len(cell) for cell in column]) for column in zip(*rows, strict=True)]
    return ["  " + "   ".join([cell.ljust(w) for cell, w in zip(row, widths, strict=True)]).rstrip() for row in rows]
