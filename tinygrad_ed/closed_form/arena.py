"""Arena: the parameters of a network as one vector, and their gradients as another.

The bias of a layer is kept as the last row of its weights. All that one is used to, Ω and β by layer, are views.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.closed_form.derivatives import Array


class Arena:
    """The parameters of a network in one vector, `theta`, and their gradients in another, `gradient`.

    Args:
        sizes: the widths n_0, n_1, ... n_L.
        dtype: float32 or float64.

    Attributes:
        omega, beta, grad_omega, grad_beta: by layer, views into the two vectors, shaped as in `rules`.
        folded, grad_folded: the same with the bias as the last row, `(n_{j-1} + 1, n_j)`.
        parameters, gradients: the same views as lists: Ω^1, β^1, Ω^2, β^2, ...

    >>> arena = Arena([2, 3, 1], float)
    >>> arena.beta[1][:] = 7.0
    >>> arena.theta
    array([0., 0., 0., 0., 0., 0., 7., 7., 7., 0., 0., 0., 0.])
    """

    def __init__(self, sizes: Sequence[int], dtype: DTypeLike) -> None:
        self.sizes = tuple(sizes)
        rows = list(enumerate(pairwise(sizes), start=1))
        count = sum([(n + 1) * m for _, (n, m) in rows])
        self.theta, self.gradient = np.zeros(count, dtype), np.zeros(count, dtype)
        self.folded: dict[int, Array] = {}
        self.grad_folded: dict[int, Array] = {}
        start = 0
        for j, (n, m) in rows:
            stop = start + (n + 1) * m
            self.folded[j] = self.theta[start:stop].reshape(n + 1, m)
            self.grad_folded[j] = self.gradient[start:stop].reshape(n + 1, m)
            start = stop
        self.omega = {j: folded[:-1] for j, folded in self.folded.items()}
        self.beta = {j: folded[-1] for j, folded in self.folded.items()}
        self.grad_omega = {j: folded[:-1] for j, folded in self.grad_folded.items()}
        self.grad_beta = {j: folded[-1] for j, folded in self.grad_folded.items()}
        self.parameters = [array for j, _ in rows for array in (self.omega[j], self.beta[j])]
        self.gradients = [array for j, _ in rows for array in (self.grad_omega[j], self.grad_beta[j])]
