"""Problem: a network, a batch and a cost as plain data, all checked: what the closed form and the roads compute on.

>>> from tinygrad_ed.nn import MLP
>>> problem = MLP([2, 1], rng=0).problem([1.0, 2.0], [0.5])
>>> problem.x, problem.rho, problem.activations
(array([[1., 2.]]), array([[0.5]]), {1: 'identity'})
"""

from typing import Any, NamedTuple

from tinygrad_ed.errors import InvalidValue, ShapeError, real_number, whole_number
from tinygrad_ed.graph.values import Array


class Problem(NamedTuple):
    """The arguments of `closed_form.rules.quantities`, in their order; layers are counted from 1.

    Attributes:
        omega, beta: the parameters by layer, read-only; a layer without a bias has no entry in beta.
        activations: the names of Φ by layer.
        x, rho: the batch `(M, n_0)` and its expected outputs `(M, n_L)`, in the dtype of the network.
        cost: the name of the cost.
    """

    omega: dict[int, Array]
    beta: dict[int, Array]
    activations: dict[int, str]
    x: Array
    rho: Array
    cost: str

    def one_sample(self) -> "Problem":
        """Return this problem, if its batch is one sample.

        Raises:
            ShapeError: for more samples.
        """
        if len(self.x) > 1:
            raise ShapeError(
                f"the derivation is for one sample, as on the slides, but x holds {len(self.x)} of them (shape "
                f"{self.x.shape}); give one, such as x[0] and rho[0] (for a batch there is tg.ledger)"
            )
        return self

    def neuron(self, j: Any, k: Any) -> tuple[int, int]:
        """Return a layer and a neuron of it as whole numbers, if they exist; layers count from 1, neurons from 0.

        Raises:
            InvalidValue: for a layer or neuron that does not exist.
            InvalidType: for what is not a whole number.

        >>> from tinygrad_ed.nn import MLP
        >>> MLP([2, 3], rng=0).problem([1.0, 2.0], [0, 0, 0]).neuron(1, 3)
        Traceback (most recent call last):
        tinygrad_ed.InvalidValue: k=3: layer 1 has 3 neurons, counted from 0 as in NumPy, so k is at most 2
        """
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
        """Return the learning rate as a float, if it is a positive number.

        Raises:
            InvalidValue: for zero, a negative number, NaN or infinity.
            InvalidType: for what is not a number.
        """
        eta = real_number("learning_rate", learning_rate, "a positive number")
        if not eta > 0:
            raise InvalidValue(f"learning_rate must be a positive number, got {learning_rate!r}")
        return eta
