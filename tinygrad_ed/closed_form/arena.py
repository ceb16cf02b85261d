"""Arena: the parameters of a network as one vector, and their gradients as another.

The bias of a layer is kept as the last row of its weights. All that one is used to, Ω and β by layer, are views.
"""

from collections.abc import Container, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.closed_form.derivatives import Array


class Arena:
    """The parameters of a network in one vector, `theta`, and their gradients in another, `gradient`.

    Args:
        sizes: the widths n_0, n_1, ... n_L.
        dtype: float32 or float64.
        biased: the layers that have a bias, all by default.

    Attributes:
        omega, beta, grad_omega, grad_beta: by layer, views into the two vectors, shaped as in `rules`.
        folded, grad_folded: the same with the bias, where there is one, as the last row: `(n_{j-1} + 1, n_j)`.
        parameters, gradients: the same views as lists: Ω^1, β^1, Ω^2, β^2, ...

    >>> arena = Arena([2, 3, 1], float)
    >>> arena.beta[1][:] = 7.0
    >>> arena.theta
    array([0., 0., 0., 0., 0., 0., 7., 7., 7., 0., 0., 0., 0.])
    """

    def __init__(self, sizes: Sequence[int], dtype: DTypeLike, biased: Container[int] | None = None) -> None:
        self.sizes = tuple(sizes)
        rows = [(j, n, m, biased is None or j in biased) for j, (n, m) in enumerate(pairwise(sizes), start=1)]
        count = sum([(n + bias) * m for _, n, m, bias in rows])
        self.theta, self.gradient = np.zeros(count, dtype), np.zeros(count, dtype)
        self.folded: dict[int, Array] = {}
        self.grad_folded: dict[int, Array] = {}
        start = 0
        for j, n, m, bias in rows:
            stop = start + (n + bias) * m
            self.folded[j] = self.theta[start:stop].reshape(n + bias, m)
            self.grad_folded[j] = self.gradient[start:stop].reshape(n + bias, m)
            start = stop
        self.omega, self.beta, self.parameters = _views(self.folded, rows)
        self.grad_omega, self.grad_beta, self.gradients = _views(self.grad_folded, rows)


def _views(
    folded: Mapping[int, Array], rows: Sequence[tuple[int, int, int, bool]]
) -> tuple[dict[int, Array], dict[int, Array], list[Array]]:
    """Return Ω and β by layer, and both as one list."""
    omega = {j: folded[j][:n] for j, n, _, _ in rows}
    beta = {j: folded[j][n] for j, n, _, bias in rows if bias}
    return omega, beta, [book[j] for j in omega for book in (omega, beta) if j in book]
