"""MLP: one layer after another, as one network (lecture, section 3.3), with its batch and cost as plain data."""

import reprlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.errors import FileProblem, GraphDropped, InvalidType, InvalidValue, ShapeError, generator
from tinygrad_ed.graph.grad_mode import no_grad
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Array, Plain
from tinygrad_ed.nn import activations, costs, metrics, storage
from tinygrad_ed.nn import init as initializers
from tinygrad_ed.nn.checks import chosen, finite, numbers
from tinygrad_ed.nn.dense import Dense, Layers, Seed, float_type, width
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.ops import exp, logsumexp, matmul, sigmoid


class MLP:
    """A multi-layer perceptron.

    Args:
        sizes: the widths n_0, n_1, ... n_L: at least two numbers.
        activation: Φ of the hidden layers; or a list with one for each layer, the last one too.
        output: Φ of the last layer. (For cross_entropy keep "identity": the softmax is in the cost.)
        init, rng, dtype: as in `Dense`.
        bias: whether the layers have one; or a list of True and False, one for each layer.

    Attributes:
        layers: the `Dense` layers in order. `layers[0].weights` and `layers[0].bias` are the Nodes W1 and b1 (without a
            bias None): assign arrays to them, or see `from_weights`.
        sizes: the widths.

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
        activation: str | Sequence[str] = "tanh",
        output: str = "identity",
        init: "str | initializers.Initializer" = "glorot",
        rng: Seed = 0,
        dtype: DTypeLike = float,
        bias: bool | Sequence[bool] = True,
    ) -> None:
        if not np.iterable(sizes):
            raise InvalidType(f"sizes is a list of widths, such as [2, 3, 1], not {reprlib.repr(sizes)}")
        self.sizes = tuple([width(size) for size in sizes])
        if len(self.sizes) < 2:
            raise InvalidValue(
                f"an MLP needs the widths of its input and of at least one layer, but got {[*self.sizes]}"
            )
        rng = generator(rng)  # one for all layers
        L = len(self.sizes) - 1
        biased = list(bias) if isinstance(bias, Sequence) else [bias] * L
        if len(biased) != L:
            raise InvalidValue(
                f"bias is True, False, or a list with one for each of the {L} layers, but got {len(biased)}"
            )
        kinds = zip(pairwise(self.sizes), _one_for_each(L, activation, output), biased, strict=True)
        self.layers = Layers(
            [Dense(*widths, phi, init, rng, dtype, has, j) for j, (widths, phi, has) in enumerate(kinds, start=1)]
        )

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[Plain],
        biases: Sequence[Plain | None] | None = None,
        activation: str | Sequence[str] = "tanh",
        output: str = "identity",
        layout: str = "rows",
        dtype: DTypeLike | None = None,
    ) -> "MLP":
        """Return a network with weights of your own.

        Args:
            weights: one matrix a layer: `(n_in, n_out)` with layout "rows" (z = a W + b), `(n_out, n_in)` with layout
                "columns" (z = W a + b).
            biases: one a layer, `(n_out,)`, `(1, n_out)` or `(n_out, 1)`; None for a layer without. By default zeros.
            activation: as in `MLP`.
            output: as in `MLP`.
            layout: "rows" or "columns".
            dtype: float32 or float64; by default float32 if all weights are, else float64.

        Raises:
            ShapeError: for matrices that do not follow one another, or a bias of another width; it names the layer.
            InvalidValue, InvalidType: for another layout, no weights, what is no number; and as `MLP`.

        >>> mlp = MLP.from_weights([[[1.0, 2.0]], [[3.0, 4.0]]], layout="columns", activation="identity")
        Traceback (most recent call last):
        tinygrad_ed.ShapeError: layer 2 has weights of shape (1, 2), which take 2 inputs, but layer 1 gives 1
        >>> mlp = MLP.from_weights([[[1.0], [2.0]], [[3.0, 4.0]]], [[0.5], [0.0, 1.0]], activation="identity")
        >>> mlp, mlp.predict([1.0, 1.0])
        (MLP([2, 1, 2], activation='identity', output='identity'), array([10.5, 15. ]))
        """
        turned = chosen("layout", layout, {"rows": False, "columns": True})
        if not np.iterable(weights) or not np.iterable([] if biases is None else biases):
            raise InvalidType("weights is a list of matrices, one for each layer, and biases a list of vectors")
        given = [numbers(f"the weights of layer {j}", w) for j, w in enumerate(weights, start=1)]
        if not given:
            raise InvalidValue("from_weights needs the weights of at least one layer")
        for j, matrix in enumerate(given, start=1):
            if matrix.ndim != 2:
                raise ShapeError(f"the weights of layer {j} are a matrix, but got shape {matrix.shape}")
        kind = np.float32 if all([matrix.dtype == np.float32 for matrix in given]) else np.float64
        matrices = [matrix.T if turned else matrix for matrix in given]
        for j, (above, below) in enumerate(pairwise(matrices), start=2):
            if below.shape[0] != above.shape[1]:
                raise ShapeError(
                    f"layer {j} has weights of shape {given[j - 1].shape}, which take {below.shape[0]} inputs, but "
                    f"layer {j - 1} gives {above.shape[1]}"
                )
        sizes = [matrices[0].shape[0], *[matrix.shape[1] for matrix in matrices]]
        biases = biases if biases is None else list(biases)
        if biases is not None and len(biases) != len(matrices):
            raise ShapeError(f"there are {len(matrices)} matrices of weights, but {len(biases)} biases")
        biased = True if biases is None else [bias is not None for bias in biases]
        mlp = cls(sizes, activation, output, "zeros", dtype=kind if dtype is None else dtype, bias=biased)
        for j, (layer, matrix) in enumerate(zip(mlp.layers, matrices, strict=True)):
            layer.weights = matrix
            if biases is not None and biases[j] is not None:
                bias = numbers(f"the bias of layer {j + 1}", biases[j])
                layer.bias = bias.ravel() if bias.shape in ((1, layer.n_out), (layer.n_out, 1)) else bias
        return mlp

    def __call__(self, x: Node | Plain) -> Node:
        """Return the network's output as a Node of the graph."""
        for layer in self.layers:
            x = layer(x)
        return x  # type: ignore[return-value]  # there is at least one layer

    def predict(self, x: Plain) -> Array:
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

    def predict_proba(self, x: Plain, cost: str | None = None) -> Array:
        """Return the probabilities that a network has learned with cross_entropy, logistic or bce.

        cross_entropy: the softmax of the outputs, `(M, n_L)`, one column a class. logistic, bce: 1 / (1 + exp(-output))
        is the probability of the label +1; with one output that makes two columns, first the other label, with more it
        is one column an output. For one sample `(n_0,)` the result has no batch axis.

        Args:
            x: the inputs, as in `predict`.
            cost: "cross_entropy", "logistic" or "bce"; by default logistic for one output, else cross_entropy.

        Raises:
            InvalidValue: for another cost, whose outputs are no probabilities, or cross_entropy with one output.
            GraphDropped, ShapeError, InvalidType: as `predict`.

        >>> MLP([2, 3, 2], rng=1).predict_proba([[0.5, -0.5]]).sum(axis=1).round(12)
        array([1.])
        """
        cost = ("logistic" if self.sizes[-1] == 1 else "cross_entropy") if cost is None else cost
        if cost not in ("cross_entropy", "logistic", "bce") or (cost == "cross_entropy" and self.sizes[-1] == 1):
            raise InvalidValue(
                f"outputs of cost {cost!r} ({self.sizes[-1]} of them) are no probabilities; learn classes with "
                "cross_entropy (an output a class) or logistic (labels -1 and +1) or bce (0 and 1)"
            )
        output = self.predict(x)
        if cost == "cross_entropy":
            return np.asarray(exp(output - logsumexp(output, axis=-1, keepdims=True)))
        positive = np.asarray(sigmoid(output))
        return np.concatenate([np.asarray(sigmoid(-output)), positive], axis=-1) if self.sizes[-1] == 1 else positive

    def score(self, x: Plain, rho: Plain, cost: str = "mse", metric: "str | metrics.Metric | None" = None) -> float:
        """Return how good the answers are: accuracy for the costs that learn classes, R² for the others.

        Args:
            x: the inputs `(M, n_0)`.
            rho: the expected outputs, as `fit` takes them.
            cost: what the network learned with; it says what `rho` may hold.
            metric: another metric, see `nn.metrics`: a name (also that of a cost), or a function (output, expected).

        Raises:
            InvalidValue, InvalidType, ShapeError: as `problem`, or for an unknown metric.

        >>> from tinygrad_ed.data import xor
        >>> 0.0 <= MLP([2, 4, 2], rng=1).score(*xor(20), cost="cross_entropy") <= 1.0
        True
        """
        measure = metrics.find(metrics.suiting(cost) if metric is None else metric)
        problem = self.problem(x, rho, cost)
        return float(measure(self.predict(problem.x), problem.rho))

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the network to a file, without pickle, all or nothing; return the file's path.

        Args:
            path: ends with .npz or .safetensors (extra `safetensors`); without a suffix it gets the latter where that
                is installed, else the former.

        Raises:
            InvalidValue: for another suffix, or NaN or infinite weights.
            FileProblem: if the file cannot be written; an older one of that name is as it was.
            MissingExtra: for .safetensors without the extra.

        >>> import tempfile
        >>> mlp = MLP([2, 3, 1], "relu", rng=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = MLP.load(mlp.save(Path(folder) / "network.npz"))
        >>> again, bool(np.all(again.predict([1.0, 2.0]) == mlp.predict([1.0, 2.0])))
        (MLP([2, 3, 1], activation='relu', output='identity'), True)
        """
        return storage.write(path, "network", *self.parts())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "MLP":
        """Read a network that `save` wrote, or the one in a checkpoint of `fit`, as it was after the last epoch there.

        Raises:
            FileProblem: for a file that is missing, damaged, cut short, foreign, newer, or holds something else.
            InvalidValue, MissingExtra: as `save`.
        """
        return cls.from_parts(path, *storage.read(path, "network", "training")[1:])

    def parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return a description of the network that JSON knows, and its parameters by name: what a file keeps.

        Raises:
            InvalidValue: for NaN or infinite weights.
        """
        arrays: dict[str, Array] = {}
        for j, layer in enumerate(self.layers, start=1):
            layer.check_shapes()
            arrays |= {f"{kind}{j}": np.asarray(p.value) for kind, p in zip("Wb", layer.parameters(), strict=False)}
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise InvalidValue(f"{name} holds NaN or infinite numbers; such a network is not saved")
        phis, biased = [layer.activation for layer in self.layers], [layer.bias is not None for layer in self.layers]
        about = {"sizes": list(self.sizes), "activations": phis, "bias": biased, "dtype": str(self.dtype)}
        return {"network": about}, arrays

    @classmethod
    def from_parts(cls, path: str | PathLike[str], about: Mapping[str, Any], arrays: Mapping[str, Array]) -> "MLP":
        """Return the network that `parts` described; `path` says where that stood, and more may stand there.

        Raises:
            FileProblem: for a description or parameters that do not fit.
        """
        try:
            described = about["network"]
            sizes, dtype = [width(size) for size in described["sizes"]], float_type(described["dtype"])
            for j, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
                for name, shape in ((f"W{j}", (n_in, n_out)), (f"b{j}", (n_out,)))[: 1 + described["bias"][j - 1]]:
                    array = arrays[name]
                    if array.shape != shape or array.dtype != dtype or not np.isfinite(array).all():
                        raise ValueError(f"{name} must hold {shape} finite numbers in {dtype}")
            mlp = cls(sizes, described["activations"], init="zeros", dtype=dtype, bias=described["bias"])
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise FileProblem(f"{str(path)!r} holds no network of this package: {error}") from error
        for j, layer in enumerate(mlp.layers, start=1):
            layer.weights, layer.bias = arrays[f"W{j}"], None if layer.bias is None else arrays[f"b{j}"]
        return mlp

    def parameters(self) -> list[Node]:
        """Return all weights and biases: W1, b1, W2, b2, ..., as far as the layers have biases."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def problem(self, x: Plain, rho: Plain, cost: str = "mse") -> Problem:
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
        *hidden, last = [layer.activation for layer in self.layers]
        biased = [layer.bias is not None for layer in self.layers]
        bias = "" if all(biased) else f", bias={biased if any(biased) else False}"
        if len(set(hidden)) > 1:
            return f"MLP({list(self.sizes)}, activation={[*hidden, last]}{bias})"
        return f"MLP({list(self.sizes)}{f', activation={hidden[0]!r}' if hidden else ''}, output={last!r}{bias})"


def _one_for_each(layers: int, activation: str | Sequence[str], output: str) -> list[str]:
    """Return the name of Φ for each layer."""
    if isinstance(activation, str):
        activations.find(activation)  # also where there is no hidden layer to use it
        return [*[activation] * (layers - 1), output]
    names = list(activation) if np.iterable(activation) else [activation]
    if len(names) != layers or output not in ("identity", names[-1]):
        raise InvalidValue(
            f"activation is one name, or a list with one for each of the {layers} layers, the last one too; got "
            f"{reprlib.repr(names)}, and output={output!r}"
        )
    return names


def forward(mlp: MLP, x: Any, parameters: Sequence[Any] | None = None) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return all activations α[0] ... α[L] and net inputs ζ[1] ... ζ[L] by layer.

    x is a Node or an array `(M, n_0)` in the dtype of the parameters W1, b1, W2, ..., which may be others than the
    network's own, Nodes or arrays.
    """
    taken = iter(mlp.parameters() if parameters is None else parameters)
    alpha, zeta = {0: x}, {}
    for j, layer in enumerate(mlp.layers, start=1):
        zeta[j] = matmul(alpha[j - 1], next(taken))
        if layer.bias is not None:
            zeta[j] = zeta[j] + next(taken)
        alpha[j] = layer.activate(zeta[j])
    return alpha, zeta


def problem_of(mlp: MLP, x: Any, rho: Any, cost: str, classes: bool = False) -> Problem:
    """Check a network, its data and a cost, and return them; see `MLP.problem`. `classes`: class numbers stay such."""
    if not isinstance(mlp, MLP):
        raise InvalidType(f"the first argument is a network, a tg.nn.MLP, not {mlp!r}")
    costs.find(cost)
    n_in, n_out = mlp.sizes[0], mlp.sizes[-1]
    x, rho = numbers("x", x), numbers("rho", rho)
    if not 1 <= x.ndim <= 2 or x.shape[-1] != n_in:
        raise ShapeError(
            f"layer 1 has weights W1 of shape {mlp.layers[0].weights.shape} and takes inputs of shape (M, {n_in}), or "
            f"({n_in},) for one sample; x has shape {x.shape}"
        )
    if len(x) == 0:
        raise InvalidValue(f"x is an empty batch (shape {x.shape}); there is nothing to average over")
    for layer in mlp.layers:
        layer.check_shapes()
    for parameter in mlp.parameters():
        finite(str(parameter.name), parameter.value, mlp.dtype)
    x = finite("x", x, mlp.dtype)
    finite("rho", rho, mlp.dtype)
    rho = costs.matching(cost, np.broadcast_to(x.dtype.type(0), (*x.shape[:-1], n_out)), rho)
    rho = rho.reshape(-1) if classes and rho.ndim < x.ndim else np.atleast_2d(costs.one_hot(rho, n_out, mlp.dtype))
    return Problem(*parameters_of(mlp), np.atleast_2d(x), rho, cost)


def parameters_of(mlp: MLP) -> tuple[dict[int, Array], dict[int, Array], dict[int, str]]:
    """Return Ω, β (read-only; of the layers with a bias) and the names of Φ by layer, as `closed_form` takes them."""
    numbered = list(enumerate(mlp.layers, start=1))
    omega = {j: layer.weights.value for j, layer in numbered}
    beta = {j: layer.bias.value for j, layer in numbered if layer.bias is not None}
    return omega, beta, {j: layer.activation for j, layer in numbered}


def batch_of(mlp: MLP, x: Any, rho: Any, cost: str, classes: bool = False) -> tuple[Array, Array]:
    """Return inputs `(M, n_0)` and expected outputs `(M, n_L)` as `problem_of` checks them."""
    problem = problem_of(mlp, x, rho, cost, classes)
    return problem.x, problem.rho
