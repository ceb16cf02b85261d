"""What theory says of SGD on a parabola: one linear neuron with mse, whose stationary state can be computed.

With Δ = θ - θ*, H_B the Hessian of a batch and g_B its gradient at θ*, an update is Δ ← (1 - η H_B) Δ - η g_B, and the
batch is independent of Δ. So the mean of Δ goes to 0, and S = E[Δ Δᵀ] to the solution of the linear equation

    S = E[(1 - η H_B) S (1 - η H_B)] + η² E[g_B g_Bᵀ],     cost above the optimum = 1/2 trace(H S).

If the noise did not depend on Δ, each direction of curvature λ and noise σ² would add η σ² / (2 (2 - η λ)).
"""

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.values import Array


class Parabola:
    """The cost of a linear neuron, E = mean (y - w x - b)²/2.

    Args:
        x, rho: the data, `(N, n)` and `(N, 1)`.
        batch_size: M, drawn with replacement; infinite for the full gradient.

    >>> parabola = Parabola(np.array([[-1.0], [1.0]]), np.array([[1.0], [1.0]]), 1.0)
    >>> parabola.optimum.round(12), parabola.excess(np.array([[0.0, 0.0]]))
    (array([0., 1.]), array([0.5]))
    """

    def __init__(self, x: Array, rho: Array, batch_size: float) -> None:
        rows = np.column_stack([x, np.ones(len(x))])
        self.optimum: Array = np.linalg.lstsq(rows, rho[:, 0], rcond=None)[0]
        self._hessians = rows[:, :, None] * rows[:, None, :]
        self._hessian = self._hessians.mean(axis=0)
        gradients = rows * (rows @ self.optimum - rho[:, 0])[:, None]
        self._noise = gradients.T @ gradients / len(x) / batch_size
        self._batch_size = batch_size

    def excess(self, theta: Array) -> Array:
        """Return the cost above the optimum of parameters `(K, P)`, as `(K,)`."""
        off = theta - self.optimum
        above: Array = 0.5 * np.einsum("ka,ab,kb->k", off, self._hessian, off)
        return above

    def stationary(self, learning_rate: float) -> tuple[float, float]:
        """Return the mean cost above the optimum with a constant rate: exactly, and by the rule of thumb.

        Raises:
            InvalidValue: for a rate with which S grows without end.

        >>> Parabola(np.zeros((2, 1)), np.array([[-1.0], [1.0]]), 1.0).stationary(0.5)[1]
        0.16666666666666666
        """
        eta, hessian = learning_rate, self._hessian
        one = np.eye(len(hessian))
        spread = np.mean([np.kron(h, h) for h in self._hessians], axis=0) - np.kron(hessian, hessian)
        step = np.kron(one - eta * hessian, one - eta * hessian) + eta**2 / self._batch_size * spread
        curvature, directions = np.linalg.eigh(hessian)
        seen = curvature > 1e-12 * curvature.max()  # a direction without curvature costs nothing, wherever one is
        growth = np.abs(np.linalg.eigvals(_within(step, directions[:, seen]))).max()
        if growth >= 1.0:
            raise InvalidValue(
                f"the rate {eta:g} is not stable here: the squared distance grows {growth:.3g}-fold an update"
            )
        inner = directions[:, seen]
        noise = inner.T @ self._noise @ inner
        fixed = np.eye(noise.size) - _within(step, inner)
        wanders = np.linalg.solve(fixed, eta**2 * noise.ravel()).reshape(noise.shape)
        exact = 0.5 * np.sum(curvature[seen] * np.diag(wanders))
        additive = np.sum(eta * np.diag(noise) / (2.0 * (2.0 - eta * curvature[seen])))
        return float(exact), float(additive)


def _within(step: Array, directions: Array) -> Array:
    """Return the map of S, seen in some directions only."""
    both = np.kron(directions, directions)
    inside: Array = both.T @ step @ both
    return inside
