"""Arena: the parameters of a network as one vector, and their gradients as another.

The bias of a layer is kept as the last row of its weights. All that one is used to, Ω and β by layer, are views.
"""

from collections.abc import Container, Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.closed_form.derivatives import Array

Layers = dict[int, Array]


class Arena:
    """The parameters of a network of the widths n_0 ... n_L in one vector, `theta`, and their gradients in another.

    `biased` names the layers that have a bias, all by default. By layer, `omega`, `beta`, `grad_omega` and `grad_beta`
    are views into the two vectors, shaped as in `rules`; `folded` and `grad_folded`, `(n_{j-1} + 1, n_j)`, have the
    bias as their last row. `parameters` and `gradients` are lists of the same views: Ω^1, β^1, Ω^2, β^2, ...
    """

    def __init__(self, sizes: Sequence[int], dtype: DTypeLike, biased: Container[int] | None = None) -> None:
        self.sizes = tuple(sizes)
        rows = [(j, n, m, biased is None or j in biased) for j, (n, m) in enumerate(pairwise(sizes), start=1)]
        count = sum([(n + bias) * m for _, n, m, bias in rows])
        self.theta, self.gradient = np.zeros(count, dtype), np.zeros(count, dtype)
        self.folded, self.omega, self.beta, self.parameters = _views(self.theta, rows)
        self.grad_folded, self.grad_omega, self.grad_beta, self.gradients = _views(self.gradient, rows)


def _views(vector: Array, rows: list[tuple[int, int, int, bool]]) -> tuple[Layers, Layers, Layers, list[Array]]:
    """Return Ω̃, Ω and β by layer, and the last two as one list."""
    ends = [*accumulate([(n + bias) * m for _, n, m, bias in rows], initial=0)]
    folded = {j: vector[a:b].reshape(-1, m) for (j, _, m, _), (a, b) in zip(rows, pairwise(ends), strict=True)}
    omega = {j: folded[j][:n] for j, n, _, _ in rows}
    beta = {j: folded[j][n] for j, n, _, bias in rows if bias}
    return folded, omega, beta, [book[j] for j in omega for book in (omega, beta) if j in book]
