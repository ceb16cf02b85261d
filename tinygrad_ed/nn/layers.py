"""Layers: f(a, W, b) = Φ(a W + b), and the MLP, which is one layer after another (lecture, section 3.2).

A batch is `(M, n_in)`, one row a sample; one sample is `(n_in,)`. The weights are `(n_in, n_out)`, and column k
belongs to neuron k, as on the slides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.checks import generator, storable, whole_number
from tinygrad_ed.errors import GraphDropped, InvalidType, InvalidValue, ShapeError
from tinygrad_ed.nn import activations
from tinygrad_ed.nn import init as initialisers
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.nn.problem import Problem, problem_of
from tinygrad_ed.node import Node, plain
from tinygrad_ed.recording import no_grad
from tinygrad_ed.values import Array

Seed = int | np.random.Generator


class Dense:
    """A fully connected layer.

    Args:
        n_in, n_out: its widths, at least 1.
        activation: the name of Φ, see `nn.activations`.
        init: the name of the initial weights, see `nn.init`, or a function. The bias starts at zero.
        rng: a seed or a generator.
        dtype: float32 or float64.
        number: the layer's place in a network, for names (`W1`, `b1`) and messages.

    Raises:
        InvalidValue: for an unknown activation or init, a width below 1, a negative seed, another dtype.
        InvalidType: for a width that is not a whole number, another rng, or an init that gives no numbers.
        ShapeError: for an init that gives weights of another shape.

    >>> layer = Dense(2, 3, "tanh")
    >>> layer, layer([[0.5, 1.0]]).shape
    (Dense(2, 3, 'tanh'), (1, 3))
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str = "identity",
        init: "str | initialisers.Initialiser" = "glorot",
        rng: Seed = 0,
        dtype: DTypeLike = float,
        number: int | None = None,
    ) -> None:
        self.n_in, self.n_out = _width(n_in), _width(n_out)
        self.activation, self.number = activation, number
        self._phi = activations.find(activation)
        dtype = _float_type(dtype)
        storable("a matrix of weights", self.n_in, self.n_out)
        weights = numbers("init gave weights that", initialisers.find(init)(generator(rng), self.n_in, self.n_out))
        if weights.shape != (self.n_in, self.n_out):
            raise ShapeError(f"init gave weights of shape {weights.shape}, but this layer needs {(n_in, n_out)}")
        suffix = "" if number is None else str(number)
        self.weights = Node(weights.astype(dtype), name=f"W{suffix}")
        self.bias = Node(np.zeros(self.n_out, dtype), name=f"b{suffix}")

    def net_input(self, x: Any) -> Any:
        """Return ζ = x W + b, `(M, n_out)`, or `(n_out,)` for one sample, in the dtype of the weights.

        Raises:
            ShapeError: if x is not `(M, n_in)` or `(n_in,)`.
            InvalidType: if x does not hold real numbers.
        """
        x = x if isinstance(x, Node) else numbers("the input x", x)
        if x.dtype != self.weights.dtype:
            x = x.astype(self.weights.dtype)
        shape = x.shape
        if not 1 <= len(shape) <= 2 or shape[-1] != self.n_in:
            which = "this layer" if self.number is None else f"layer {self.number}"
            raise ShapeError(
                f"{which} has weights {self.weights.name} of shape {self.weights.shape} and takes inputs of shape "
                f"(M, {self.n_in}), or ({self.n_in},) for one sample; it got {shape}"
            )
        return x @ self.weights + self.bias

    def activate(self, zeta: Any) -> Any:
        """Return α = Φ(ζ)."""
        return self._phi(zeta)

    def __call__(self, x: Any) -> Any:
        """Return α = Φ(x W + b): a Node of the graph."""
        return self.activate(self.net_input(x))

    def parameters(self) -> list[Node]:
        """Return the weights and the bias."""
        return [self.weights, self.bias]

    def __repr__(self) -> str:
        return f"Dense({self.n_in}, {self.n_out}, {self.activation!r})"


class MLP:
    """A multi-layer perceptron.

    Args:
        sizes: the widths n_0, n_1, ... n_L: at least two numbers.
        activation: Φ of the hidden layers.
        output: Φ of the last layer. (For cross_entropy keep "identity": the softmax is in the cost.)
        init, rng, dtype: as in `Dense`.

    Raises:
        InvalidValue, InvalidType: for fewer than two sizes, and as `Dense`.

    >>> mlp = MLP([2, 3, 2], rng=1)
    >>> [p.name for p in mlp.parameters()]
    ['W1', 'b1', 'W2', 'b2']
    >>> mlp([0.5, -0.5]).shape, mlp.predict([[0.5, -0.5]]).shape
    ((2,), (1, 2))
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "tanh",
        output: str = "identity",
        init: "str | initialisers.Initialiser" = "glorot",
        rng: Seed = 0,
        dtype: DTypeLike = float,
    ) -> None:
        if not np.iterable(sizes):
            raise InvalidType(f"sizes is a list of widths, such as [2, 3, 1], not {sizes!r}")
        self.sizes = tuple([_width(size) for size in sizes])
        if len(self.sizes) < 2:
            raise InvalidValue(f"an MLP needs the widths of its input and of at least one layer, but got {sizes!r}")
        activations.find(activation)  # also where there is no hidden layer to use it
        rng = generator(rng)  # one for all layers
        last = len(self.sizes) - 1
        self.layers = [
            Dense(n_in, n_out, output if j == last else activation, init, rng, dtype, number=j)
            for j, (n_in, n_out) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True), start=1)
        ]

    def __call__(self, x: Any) -> Any:
        """Return the network's output as a Node of the graph."""
        for layer in self.layers:
            x = layer(x)
        return x

    def predict(self, x: Any) -> Array:
        """Return the output as a plain array: `(M, n_L)`, or `(n_L,)` for one sample. No graph is built.

        Raises:
            GraphDropped: for a Node, whose derivative would be lost.
            ShapeError, InvalidType: as `Dense.net_input`.
        """
        if isinstance(x, Node):
            raise GraphDropped(
                f"predict gives plain numbers, and the derivative by {x.name or 'its input'} would be lost; "
                "use mlp(x), or mlp.predict(x.value) for the numbers alone"
            )
        with no_grad():
            return np.asarray(plain(self(x)))

    def parameters(self) -> list[Node]:
        """Return all weights and biases: W1, b1, W2, b2, ..."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def problem(self, x: Any, rho: Any, cost: str = "mse") -> Problem:
        """Return this network, a batch and a cost as plain data, as `closed_form` takes them.

        Args:
            x: the inputs `(M, n_0)`, or one sample `(n_0,)`.
            rho: the expected outputs `(M, n_L)`, or `(n_L,)`; for cross_entropy class numbers as well.
            cost: the name of the cost, see `nn.costs`.

        Raises:
            InvalidValue: for an unknown cost, an empty batch, NaN or infinite data or weights, what the cost refuses.
            InvalidType: for data that are not numbers.
            ShapeError: for a wrong width; the message names the layer and both shapes.

        >>> from tinygrad_ed.closed_form import rules
        >>> list(rules.quantities(*MLP([2, 1]).problem([1.0, 2.0], [0.5])))[:4]
        ['alpha[0]', 'zeta[1]', 'alpha[1]', 'cost']
        """
        return problem_of(self, x, rho, cost)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the weights."""
        return self.layers[0].weights.dtype

    def __repr__(self) -> str:
        hidden = f", activation={self.layers[0].activation!r}" if len(self.layers) > 1 else ""
        return f"MLP({list(self.sizes)}{hidden}, output={self.layers[-1].activation!r})"


def _width(width: object) -> int:
    return whole_number("a layer's width", width)


def _float_type(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise InvalidType(f"a layer computes in float32 or float64; {dtype!r} is no dtype") from error
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InvalidValue(f"a layer computes in float32 or float64, not in {found}")
    return found
