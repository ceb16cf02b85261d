"""MLP: one layer after another, as one network (lecture, section 3.3), with its batch and cost as plain data."""

import reprlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_ed.errors import FileProblem, GraphDropped, InvalidType, InvalidValue, generator, shown
from tinygrad_ed.graph.grad_mode import no_grad
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Array, Plain
from tinygrad_ed.nn import activations, foreign, metrics, storage
from tinygrad_ed.nn import init as initializers
from tinygrad_ed.nn.batch import batch_of, problem_of
from tinygrad_ed.nn.dense import Dense, Layers, Seed, float_type, width
from tinygrad_ed.nn.onnx_file import of_onnx
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.nn.weights import chained
from tinygrad_ed.ops import exp, logsumexp, sigmoid


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

    def __setattr__(self, name: str, new: Any) -> None:
        known = name in self.__dict__
        if name == "sizes" and known:
            raise InvalidType("the sizes of a network stay as they are; make another MLP")
        if name == "layers" and known:
            new = self.layers.replaced(new)
        if type(self) is MLP and name not in ("sizes", "layers"):
            raise InvalidValue(
                f"a network has no {name!r} to assign; its layers have: mlp.layers[0].activation = 'relu'"
            )
        super().__setattr__(name, new)

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
        layers = chained(weights, biases, layout)
        sizes = [len(layers[0].weights), *[layer.weights.shape[1] for layer in layers]]
        kind = np.float32 if all([layer.weights.dtype == np.float32 for layer in layers]) else np.float64
        biased = [layer.bias is not None for layer in layers]
        mlp = cls(sizes, activation, output, "zeros", dtype=kind if dtype is None else dtype, bias=biased)
        for layer, (matrix, bias) in zip(mlp.layers, layers, strict=True):
            layer.weights = matrix
            if bias is not None:
                layer.bias = bias
        return mlp

    @classmethod
    def from_sklearn(cls, estimator: Any) -> "MLP":
        """Return the network that scikit-learn has fitted; the scaling of a Pipeline goes into layer 1.

        A classifier's outputs are the numbers before the softmax or sigmoid; with several labels a row the sigmoid is
        the last activation. `predict_proba` gives the probabilities.

        Args:
            estimator: an MLPClassifier, MLPRegressor, LogisticRegression or linear regression; or a Pipeline of
                StandardScalers and one of these.

        Raises:
            InvalidType, InvalidValue: for another estimator, or one that is not fitted.

        >>> from sklearn.linear_model import LinearRegression
        >>> MLP.from_sklearn(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])).predict([[2.0]]).round(9)
        array([[5.]])
        """
        return cls.from_weights(*foreign.of_sklearn(estimator))

    @classmethod
    def from_torch(cls, module: Any, activation: str | Sequence[str] | None = None, output: str = "identity") -> "MLP":
        """Return a network of PyTorch's. A softmax at the end is left to the cost: see `predict_proba`.

        Args:
            module: a torch.nn.Sequential of Linear and activations; or a state dict, or a .safetensors file with one.
            activation: for a state dict, which does not say it; as in `MLP`.
            output: as `activation`.

        Raises:
            InvalidType, InvalidValue: for what a network here cannot be; the message names the module.
            FileProblem, MissingExtra: for another file (a .pt file is a pickle), or without safetensors.

        >>> MLP.from_torch({"0.weight": [[1.0, 2.0]], "0.bias": [3.0]}, activation="tanh").predict([1.0, 1.0])
        array([6.])
        """
        return cls.from_weights(*foreign.of_torch(module, activation, output))

    @classmethod
    def from_keras(
        cls,
        weights: Any,
        config: Mapping[str, Any] | None = None,
        activation: str | Sequence[str] | None = None,
        output: str = "identity",
    ) -> "MLP":
        """Return a network of Keras's. A softmax at the end is left to the cost: see `predict_proba`.

        Args:
            weights: a model, or what its `get_weights()` gives, or a .weights.h5 file.
            config: what `get_config()` gives, with the activations.
            activation: where there is no config; as in `MLP`.
            output: as `activation`.

        Raises:
            InvalidType, InvalidValue, ShapeError: for what a network here cannot be; the message names the layer.
            FileProblem, MissingExtra: for a file that cannot be read, or without h5py.

        >>> MLP.from_keras([[[1.0], [2.0]], [3.0]], activation="tanh").predict([1.0, 1.0])
        array([6.])
        """
        return cls.from_weights(*foreign.of_keras(weights, config, activation, output))

    @classmethod
    def from_onnx(cls, path: str | PathLike[str]) -> "MLP":
        """Return the network in an ONNX file, a chain of Gemm, MatMul, Add and activations.

        Raises:
            InvalidValue: for another graph; the message names the node.
            FileProblem, MissingExtra: for a file that cannot be read, or without the extra `onnx`.
        """
        return cls.from_weights(*of_onnx(path))

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
            cost: "cross_entropy", "logistic" or "bce"; by default logistic for one output, else cross_entropy. Outputs
                of a sigmoid are probabilities by themselves, and are so by default.

        Raises:
            InvalidValue: for another cost, whose outputs are no probabilities, or cross_entropy with one output.
            GraphDropped, ShapeError, InvalidType: as `predict`.

        >>> MLP([2, 3, 2], rng=1).predict_proba([[0.5, -0.5]]).sum(axis=1).round(12)
        array([1.])
        """
        known = cost is None and self.layers[-1].activation == "sigmoid"
        cost = ("logistic" if known or self.sizes[-1] == 1 else "cross_entropy") if cost is None else cost
        if cost not in ("cross_entropy", "logistic", "bce") or (cost == "cross_entropy" and self.sizes[-1] == 1):
            raise InvalidValue(
                f"outputs of cost {shown(cost)} ({self.sizes[-1]} of them) are no probabilities; learn classes with "
                "cross_entropy (an output a class) or logistic (labels -1 and +1) or bce (0 and 1)"
            )
        output = self.predict(x)
        if cost == "cross_entropy":
            return np.asarray(exp(output - logsumexp(output, axis=-1, keepdims=True)))
        positive = output if known else np.asarray(sigmoid(output))
        negative = 1 - output if known else np.asarray(sigmoid(-output))
        return np.concatenate([negative, positive], axis=-1) if self.sizes[-1] == 1 else positive

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
        name = metrics.suiting(cost) if metric is None else metric
        measure, (inputs, expected) = metrics.find(name), batch_of(self, x, rho, cost, classes=True)
        return metrics.measured(measure, self.predict(inputs), metrics.taken(name, expected, self.sizes[-1]))

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
        """Return a description of the network that JSON knows, and its parameters by name: what a file keeps."""
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
        """Return the network that `parts` described, if all fits; `path` says where that stood."""
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
