"""Problem: a network, a batch and a cost as plain data, all checked: what the closed form and the roads compute on."""

from typing import Any, NamedTuple

from tinygrad_ed.errors import InvalidValue, ShapeError, real_number, whole_number
from tinygrad_ed.graph.values import Array


class Problem(NamedTuple):
    """The arguments of `closed_form.rules.quantities`, in their order; layers are counted from 1.

    The parameters omega and beta (read-only; beta has no entry for a layer without a bias) and the names of Φ go by
    layer; x is the batch `(M, n_0)`, rho its expected outputs `(M, n_L)`, both in the dtype of the network.
    """

    omega: dict[int, Array]
    beta: dict[int, Array]
    activations: dict[int, str]
    x: Array
    rho: Array
    cost: str

    def one_sample(self) -> "Problem":
        """Return this problem, if its batch is one sample."""
        if len(self.x) > 1:
            raise ShapeError(
                f"the derivation is for one sample, as on the slides, but x holds {len(self.x)} of them (shape "
                f"{self.x.shape}); give one, such as x[0] and rho[0] (for a batch there is tg.ledger)"
            )
        return self

    def neuron(self, j: Any, k: Any) -> tuple[int, int]:
        """Return a layer (from 1) and a neuron of it (from 0) as whole numbers, if they exist."""
        L = len(self.omega)
        j = whole_number("j", j, 1, "a layer, counted from 1 as on the slides:")
        if j > L:
            raise InvalidValue(
                f"j={j}: the network has {L} layers, counted from 1 as on the slides, so j is at most {L}"
            )
        m = self.omega[j].shape[1]
        k = whole_number("k", k, 0, "a neuron, counted from 0 as in NumPy:")
        if k >= m:
            raise InvalidValue(f"k={k}: layer {j} has {m} neurons, counted from 0 as in NumPy, so k is at most {m - 1}")
        return j, k

    def step_size(self, learning_rate: Any) -> float:
        """Return the learning rate as a float, if it is a positive number."""
        eta = real_number("learning_rate", learning_rate, "a positive number")
        if not eta > 0:
            raise InvalidValue(f"learning_rate must be a positive number, got {learning_rate!r}")
        return eta
