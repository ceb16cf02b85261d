"""The rules once more, as fast as NumPy can run them: the same mathematics as `rules.py`, which is its oracle.

A sample is a column, as on the slides. The bias is a row of Ω, and the input has a row of ones: `Ω̃ᵀ α̃` is `Ωᵀ α + β`
in one product, and `α̃ Bᵀ` is the gradient of the weights with that of the bias as its last row. Nothing is allocated:
every call writes into an array that is there already, and `Ωʲ Bʲ` is written where `Bʲ⁻¹` will be. E is linear in the
scale of C: with `scale=η` the result is η times the gradient, and an update is one subtraction. A step is a list of
calls, each a NumPy function with its arrays, made once: `do(np.tanh, zeta, alpha)`.
"""

from collections.abc import Mapping
from functools import partial as do

import numpy as np

from tinygrad_ed.closed_form import in_place
from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.derivatives import COSTS, Array
from tinygrad_ed.closed_form.in_place import Call, calls

# An input at least so wide before a layer at most so narrow: there OpenBLAS takes up to 1.4 times as long for
# Ω̃ᵀ α̃ with both sides transposed as for the rows of α̃ᵀ Ω̃, and exchanging the axes of ζ costs less.
WIDE, NARROW = 256, 128
BLOCK = 2**15  # entries that are worked on at a time, so that they stay in the processor's cache
LARGE = 2**15  # entries of a product from which `dot` loses to `matmul`: it fills it with zeros first


def times(a: Array, b: Array, out: Array) -> Call:
    """Return the call that writes the matrix product a b to `out`."""
    column_times_row = len(b) == 1  # which `matmul` does in a slow loop of its own
    return do(a.dot, b, out) if out.size < LARGE or column_times_row else do(np.matmul, a, b, out)


class FastStep:
    """Forward propagation, backpropagation and the gradients of one batch, again and again in the same buffers.

    Args:
        arena: where the parameters are, and where the gradients go.
        activations, cost: the names of Φ for each layer, and of C; the batch has `M` samples.
        classes: whether `rho` holds class numbers, for cross_entropy.
        weighted: whether the samples count differently.

    To be filled by the caller are `x`, `(M, n_0 + 1)`, one sample a row and its last column ones; `rho`, `(n_L, M)`, or
    `(M,)` class numbers; and `share`, what each sample counts in the mean, `(M,)` with the sum 1, or None. `alpha` and
    `B` are what the last step computed, by layer, `(n_j, M)`; B times the scale.
    """

    def __init__(
        self,
        arena: Arena,
        activations: Mapping[int, str],
        cost: str,
        M: int,
        classes: bool = False,
        weighted: bool = False,
    ) -> None:
        sizes, dtype, L = arena.sizes, arena.theta.dtype, len(arena.sizes) - 1
        self.M, self._cost, c = M, in_place.cost(cost, classes), in_place.constants(dtype, sizes[-1], M)
        self._scale = np.array(0, dtype)  # filled in by `cost_and_gradient`
        self.x = np.ones((M, sizes[0] + 1), dtype)
        self.rho: Array = np.zeros(M, np.intp) if classes else np.zeros((sizes[-1], M), dtype)
        self.share, self._C = np.ones(M, dtype) if weighted else None, COSTS[cost].C

        with_ones = {j: np.ones((sizes[j] + 1, M), dtype) for j in range(1, L)}
        below = {1: self.x.T} | {j + 1: with_ones[j] for j in range(1, L)}
        below = {j: rows if j in arena.beta else rows[:-1] for j, rows in below.items()}  # no bias, no row of ones
        self.alpha = {j: with_ones[j][:-1] for j in range(1, L)} | {L: np.zeros((sizes[L], M), dtype)}
        self.B = {j: np.zeros((sizes[j], M), dtype) for j in range(1, L + 1)}
        most = max(1, BLOCK // M)  # rows that are worked on at a time
        s, t = np.zeros((2, min(most, max(sizes)), M), dtype)

        self._forward: list[Call] = []
        self._backward: list[Call] = []
        for j in range(1, L + 1):
            row = in_place.activation(activations[j])
            alpha, B, folded = self.alpha[j], self.B[j], arena.folded[j]
            zeta = alpha if row.shared else np.zeros_like(alpha)
            named = []
            for part in [slice(start, min(start + most, sizes[j])) for start in range(0, sizes[j], most)]:
                few = slice(part.stop - part.start)
                arrays = {"zeta": zeta[part], "alpha": alpha[part], "B": B[part], "s": s[few], "t": t[few]}
                named.append({**c, **row.own, **arrays})

            if j == 1 and sizes[0] >= WIDE and sizes[1] <= NARROW:
                product = np.zeros((M, sizes[1]), dtype)
                self._forward += [times(below[1].T, folded, product), do(np.copyto, zeta, product.T)]  # ζᵀ = α̃ᵀ Ω̃
            else:
                self._forward.append(times(folded.T, below[j], zeta))  # ζ = Ω̃ᵀ α̃
            self._forward += [call for names in named for call in calls(row.phi, names)]  # α = Φ(ζ)

            backward = [call for names in named for call in calls(row.times_dphi, names)]  # B = Φ'(ζ) ⊙ B
            backward.append(times(below[j], B.T, arena.grad_folded[j]))  # ∇Ω̃ = α̃ Bᵀ
            if j > 1:
                backward.append(times(arena.omega[j], B, self.B[j - 1]))  # Ω B, to be multiplied by Φ' of layer j-1
            self._backward[:0] = backward  # the last layer comes first

        top, s, t = self.B[L], *np.zeros((2, sizes[L], M), dtype)
        names = {**c, **self._cost.own, "alpha": self.alpha[L], "rho": self.rho, "B": top, "s": s, "t": t}
        self._forward += calls(self._cost.fill, names)  # B = ∇C
        self._left = (top, s, c["samples"])
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
        if self.share is None:
            error = float(self._cost.error(*self._left)) / self.M
            self._scale[()] = scale / self.M
        else:
            top, L = self._left[0], len(self.alpha)
            error = float(np.dot(self._C(self.alpha[L].T, self.rho.T), self.share))
            np.multiply(top, self.share, top)
            self._scale[()] = scale
        self._scaled()
        for call in backward:
            call()
        return error
