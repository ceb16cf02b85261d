"""Dense: one layer, f(a, W, b) = Φ(a W + b) (lecture, section 3.2).

A batch is `(M, n_in)`, one row a sample; one sample is `(n_in,)`. The weights are `(n_in, n_out)`, and column k
belongs to neuron k, as on the slides.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, generator, nearest, shown, storable, whole_number
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Plain
from tinygrad_ed.nn import activations
from tinygrad_ed.nn import init as initializers
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.ops import matmul

Seed = int | np.random.Generator
ASSIGNED = ("weights", "bias", "activation")  # what a reader may assign to a layer

T = TypeVar("T")  # what a reader's type checker sees: a Node, or for a bias, which may be None, anything


class Parameter(Generic[T]):
    """The weights or the bias of a layer (None, for good, without one): an array is a new value, a Node a new Node.

    >>> layer = Dense(2, 1)
    >>> layer.weights = [[1.0], [-1.0]]
    >>> layer([3.0, 1.0]).value
    array([2.])
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: "Dense", owner: type) -> T:
        return layer.__dict__[self.name]  # type: ignore[no-any-return]  # `__set__` put it there

    def __set__(self, layer: "Dense", new: Node | Plain | None) -> None:
        has = layer.__dict__.get(self.name, new) is not None
        if self.name == "bias" and has == (new is None):
            raise InvalidValue(
                f"{layer.called()} was made {'with' if has else 'without'} a bias, and that stays so; make another "
                f"network with bias={not has}" + (", or give it zeros" if has else "")
            )
        if self.name == "bias" and new is None:
            return
        given = new if isinstance(new, Node) else numbers(f"the {self.name}", new)
        layer.check_shape(self.name, given.shape)
        if isinstance(given, Node):
            layer.__dict__[self.name] = given
        else:
            old = layer.__dict__[self.name]
            old.value = given.astype(old.dtype)


class Dense:
    """A fully connected layer.

    Args:
        n_in, n_out: its widths, at least 1.
        activation: the name of Φ, see `nn.activations`.
        init: the name of the initial weights, see `nn.init`, or a function. The bias starts at zero.
        rng: a seed or a generator.
        dtype: float32 or float64.
        bias: whether there is one.
        number: the layer's place in a network, for names (`W1`, `b1`) and messages.

    Attributes:
        weights: W, a Node `(n_in, n_out)`. An array that is assigned becomes its value, if the shape fits.
        bias: b, a Node `(n_out,)`, likewise; None with `bias=False`.

    Raises:
        InvalidValue: for an unknown activation or init, a width below 1, a negative seed, another dtype.
        InvalidType: for a width that is not a whole number, a bias that is not True or False, another rng, or an init
            that gives no numbers.
        ShapeError: for an init that gives weights of another shape.

    >>> layer = Dense(2, 3, "tanh")
    >>> layer, layer([[0.5, 1.0]]).shape
    (Dense(2, 3, 'tanh'), (1, 3))
    """

    weights, bias = Parameter[Node](), Parameter[Any]()

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str = "identity",
        init: "str | initializers.Initializer" = "glorot",
        rng: Seed = 0,
        dtype: DTypeLike = float,
        bias: bool = True,
        number: int | None = None,
    ) -> None:
        self.n_in, self.n_out = width(n_in), width(n_out)
        self.activation, self.number = activation, number
        dtype = float_type(dtype)
        storable("a matrix of weights", self.n_in, self.n_out)
        weights = numbers("init gave weights that", initializers.find(init)(generator(rng), self.n_in, self.n_out))
        if weights.shape != (self.n_in, self.n_out):
            raise ShapeError(f"init gave weights of shape {weights.shape}, but this layer needs {(n_in, n_out)}")
        suffix = "" if number is None else str(number)
        self.weights = Node(weights.astype(dtype), name=f"W{suffix}")
        if not isinstance(bias, bool | np.bool):
            raise InvalidType(f"bias is True or False, not {shown(bias)}; its numbers are assigned: layer.bias = [...]")
        self.__dict__["bias"] = Node(np.zeros(self.n_out, dtype), name=f"b{suffix}") if bias else None

    def __setattr__(self, name: str, new: Any) -> None:
        if name in ("n_in", "n_out") and name in self.__dict__:
            raise InvalidType(f"the widths of {self.called()} stay as they are; make another layer")
        if type(self) is Dense and name not in (*ASSIGNED, "n_in", "n_out", "number", "_phi", "_activation"):
            raise InvalidValue(f"{self.called()} has no {name!r} to assign. {nearest(name, ASSIGNED)}")
        super().__setattr__(name, new)

    @property
    def activation(self) -> str:
        """The name of Φ; another name changes what the layer computes."""
        return self._activation

    @activation.setter
    def activation(self, name: str) -> None:
        self._phi, self._activation = activations.find(name), name

    def net_input(self, x: Node | Plain) -> Node:
        """Return ζ = x W + b, or x W without a bias: `(M, n_out)`, or `(n_out,)` for one sample, in the layer's dtype.

        Raises:
            ShapeError: if x is not `(M, n_in)` or `(n_in,)`.
            InvalidType: if x does not hold real numbers.
        """
        x = x if isinstance(x, Node) else numbers("the input x", x)
        if x.dtype != self.weights.dtype:
            x = x.astype(self.weights.dtype)
        shape = x.shape
        if not 1 <= len(shape) <= 2 or shape[-1] != self.n_in:
            raise ShapeError(
                f"{self.called()} has weights {self.weights.name} of shape {self.weights.shape} and takes inputs of "
                f"shape (M, {self.n_in}), or ({self.n_in},) for one sample; it got {shape}"
            )
        zeta: Node = matmul(x, self.weights)  # `x @`, with an array x, would ask NumPy first
        return zeta if self.bias is None else zeta + self.bias

    def activate(self, zeta: Any) -> Any:
        """Return α = Φ(ζ)."""
        return self._phi(zeta)

    def __call__(self, x: Node | Plain) -> Node:
        """Return α = Φ(x W + b): a Node of the graph."""
        return self.activate(self.net_input(x))  # type: ignore[no-any-return]  # that is what Φ gives for a Node

    def parameters(self) -> list[Node]:
        """Return the weights and the bias, if there is one."""
        return [self.weights] if self.bias is None else [self.weights, self.bias]

    def check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse weights or a bias of another shape than the layer's widths want."""
        wanted = (self.n_in, self.n_out) if name == "weights" else (self.n_out,)
        if shape != wanted:
            raise ShapeError(
                f"the {name} of {self.called()} must be of shape {wanted}, not {shape}; for other widths make a layer"
            )

    def check_shapes(self) -> None:
        """Refuse weights and a bias whose values were given another shape."""
        self.check_shape("weights", self.weights.shape)
        if self.bias is not None:
            self.check_shape("bias", self.bias.shape)

    def called(self) -> str:
        """Return what messages call the layer."""
        return "this layer" if self.number is None else f"layer {self.number}"

    def __repr__(self) -> str:
        return f"Dense({self.n_in}, {self.n_out}, {self.activation!r}{'' if self.bias is not None else ', bias=False'})"


class Layers(list[Dense]):
    """The layers of a network. One may take the place of another of the same widths and dtype, and bias or none."""

    def __setitem__(self, place: Any, new: Any) -> None:
        if not isinstance(new, Dense):
            raise InvalidType(
                f"a layer is a tg.nn.Dense, not {shown(new)}; one takes the place of one other: layers[0] = Dense(...)"
            )
        old = self[place]
        for what, wanted, got in (
            ("widths", (old.n_in, old.n_out), (new.n_in, new.n_out)),
            ("dtype", old.weights.dtype, new.weights.dtype),
            ("parameters", *[("weights", "bias")[: len(layer.parameters())] for layer in (old, new)]),
        ):
            if wanted != got:
                raise ShapeError(f"{old.called()} has the {what} {wanted}, and the new one {got}; they must be equal")
        new.number = old.number
        super().__setitem__(place, new)

    def replaced(self, layers: Any) -> "Layers":
        """Return these layers in the place of the old ones."""
        if not isinstance(layers, Sequence) or len(layers) != len(self):
            raise ShapeError(f"layers takes {len(self)} layers, one for each that is there")
        new = Layers(self)
        for j, layer in enumerate(layers):
            new[j] = layer
        return new

    def _stays(self, *_: Any, **__: Any) -> Any:
        raise InvalidType(f"a network keeps its {len(self)} layers; make another MLP, with other sizes")

    append = extend = insert = pop = remove = clear = sort = reverse = _stays
    __delitem__ = __iadd__ = __imul__ = _stays

    def __reduce__(self) -> Any:  # a copy would append
        return type(self), (list(self),)


def width(number: object) -> int:
    """Return the width of a layer as an int; refuse what is none."""
    return whole_number("a layer's width", number)


def float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float32 or float64; refuse another dtype."""
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise InvalidType(f"a layer computes in float32 or float64; {shown(dtype)} is no dtype") from error
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InvalidValue(f"a layer computes in float32 or float64, not in {found}")
    return found
