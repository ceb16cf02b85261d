"""Networks of other libraries, read as what `MLP.from_weights` takes: matrices, biases, names of activations.

A reader takes a network of its library apart into `Linear` and `Phi` pieces, and `assembled` joins them. No library is
imported here, and nothing is unpickled: objects are asked for their numbers, files are read as numbers.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.errors import FileProblem, InvalidType, InvalidValue, MissingExtra, ShapeError
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import numbers

# The activations under the names that other libraries use, in lower case without "_", and the options that must hold.
NAMES = {
    "identity": "identity",
    "linear": "identity",
    "logistic": "sigmoid",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "leakyrelu": "leaky_relu",
    "softplus": "softplus",
    "elu": "elu",
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "leaky_relu": {"slope": 0.01},
    "softplus": {"beta": 1.0},
    "elu": {"alpha": 1.0},
    "gelu": {"form": "tanh"},
    "relu": {"slope": 0.0, "largest": None, "threshold": 0.0},
}
NOTHING_TO_DO = {"dropout", "flatten", "inputlayer"}  # they change no number of a row that is predicted
IN_THE_COST = {"softmax", "logsoftmax"}  # here cross_entropy holds the softmax


class Linear(NamedTuple):
    """Matrix and bias of a layer, rows as samples; a bias alone is added to the layer before."""

    where: str
    weights: Array | None  # (n_in, n_out)
    bias: Array | None


class Phi(NamedTuple):
    """An activation under its foreign name."""

    where: str
    name: str
    options: Mapping[str, Any] = {}


class Found(NamedTuple):
    """What `MLP.from_weights` takes, in its order."""

    weights: list[Array]
    biases: list[Array | None]
    activation: list[str]


def assembled(pieces: Iterable[Linear | Phi]) -> Found:
    """Join pieces to layers; a layer without an activation has the identity.

    Raises:
        InvalidValue: for an activation that this package has not, or in a place where none can stand.

    >>> pieces = [Linear("0", np.ones((2, 1)), None), Phi("1", "ReLU"), Linear("2", np.ones((1, 1)), np.zeros(1))]
    >>> assembled(pieces).activation
    ['relu', 'identity']
    """
    found, ended = Found([], [], []), ""  # ended: by a softmax
    closed = True  # the last layer has its activation
    for piece in pieces:
        key = piece.name.lower().replace("_", "") if isinstance(piece, Phi) else ""
        ours = _ours(piece, key) if isinstance(piece, Phi) and key not in NOTHING_TO_DO | IN_THE_COST else "identity"
        if key in NOTHING_TO_DO or (key and key not in IN_THE_COST and ours == "identity"):
            continue
        if ended:
            raise InvalidValue(f"{ended} is followed by {piece.where}; a softmax can stand at the end alone")
        if isinstance(piece, Linear) and piece.weights is not None:
            found.weights.append(piece.weights)
            found.biases.append(piece.bias)
            found.activation.append("identity")
            closed = False
        elif closed:
            raise InvalidValue(
                f"{piece.where} follows no matrix of weights; a layer here is a matrix, a bias and one activation"
            )
        elif isinstance(piece, Linear):
            before = found.biases[-1]
            found.biases[-1] = piece.bias if before is None else before + piece.bias
        elif key in IN_THE_COST:
            ended = piece.where
        else:
            found.activation[-1], closed = ours, True
    if not found.weights:
        raise InvalidValue("there is no matrix of weights in it")
    return found


def _ours(piece: Phi, key: str) -> str:
    """Return our name of an activation."""
    known = ", ".join(dict.fromkeys(NAMES.values()))
    if key not in NAMES:
        raise InvalidValue(f"{piece.where} is {piece.name}, which is none of the activations here: {known}")
    ours = NAMES[key]
    for option, wanted in OPTIONS.get(ours, {}).items():
        given = piece.options.get(option, wanted)
        if given != wanted and not (
            isinstance(given, float) and isinstance(wanted, float) and math.isclose(given, wanted, rel_tol=1e-6)
        ):
            raise InvalidValue(
                f"{piece.where} is {piece.name} with {option} {given}; here {ours} has {option} {wanted}"
            )
    return ours


def of_sklearn(estimator: Any) -> Found:
    """Read a fitted network or linear model, also at the end of a Pipeline, whose scaling goes into layer 1."""
    *before, last = _steps(estimator)
    kinds = _kinds(last, "sklearn")
    if hasattr(last, "network_"):
        raise InvalidType(f"this {type(last).__name__} is of tg.sklearn: its network is the attribute network_")
    if kinds & {"MLPClassifier", "MLPRegressor"}:
        weights, biases = _fitted(last, "coefs_"), list(_fitted(last, "intercepts_"))
        phis = [last.activation] * (len(weights) - 1)
        end, outputs = last.out_activation_, len(biases[-1])
        if end not in ("identity", "softmax", "logistic"):
            raise InvalidValue(
                f"the outputs of this {type(last).__name__} are {end} of a sum, which no layer here gives"
            )
        phis += ["logistic"] if end == "logistic" and outputs > 1 else []  # several labels a row: each has its sigmoid
    elif kinds & {"LogisticRegression", "LinearRegression", "Ridge", "Lasso", "ElasticNet"}:
        coefficients = np.atleast_2d(_fitted(last, "coef_"))
        if len(coefficients) > 1 and getattr(last, "solver", "") == "liblinear":
            raise InvalidValue(
                "the solver liblinear learns each class by itself, and a softmax would not be its answer"
            )
        weights, phis = [coefficients.T], []
        biases = [np.broadcast_to(np.asarray(last.intercept_, coefficients.dtype), len(coefficients))]
    else:
        raise InvalidType(
            "from_sklearn takes a fitted MLPClassifier, MLPRegressor, LogisticRegression or linear regression, or a "
            f"Pipeline of StandardScalers and one of these, not {type(last).__name__}"
        )
    weights = [np.asarray(matrix) for matrix in weights]
    for scaler in reversed(before):
        if "StandardScaler" not in _kinds(scaler, "sklearn"):
            raise InvalidType(
                f"of what stands before a network, only StandardScaler is known, not {type(scaler).__name__}"
            )
        _fitted(scaler, "n_features_in_")
        if scaler.scale_ is not None:
            weights[0] = weights[0] / np.asarray(scaler.scale_)[:, None]
        if scaler.mean_ is not None:
            biases[0] = biases[0] - scaler.mean_ @ weights[0]
    pieces: list[Linear | Phi] = []
    for j, (matrix, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        pieces += [Linear(f"layer {j}", matrix, bias), *[Phi(f"layer {j}", name) for name in phis[j - 1 : j]]]
    return assembled(pieces)


def _steps(estimator: Any) -> list[Any]:
    """Return the steps of a Pipeline, also of one inside another, that do something."""
    if "Pipeline" not in _kinds(estimator, "sklearn"):
        return [estimator]
    return [inner for _, step in estimator.steps if step not in (None, "passthrough") for inner in _steps(step)]


def _kinds(thing: Any, library: str) -> set[str]:
    """Return the names of a thing's classes, as far as they are of that library."""
    return {kind.__name__ for kind in type(thing).__mro__ if kind.__module__.partition(".")[0] == library}


def _fitted(estimator: Any, attribute: str) -> Any:
    if not hasattr(estimator, attribute):
        raise InvalidValue(f"this {type(estimator).__name__} is not fitted; call its fit first")
    return getattr(estimator, attribute)


def of_torch(module: Any, activation: Any, output: str) -> Found:
    """Read a torch.nn.Sequential, or a state dict, or a .safetensors file with one, which says no activations."""
    if not isinstance(module, Mapping | str | os.PathLike):
        if activation is not None:
            raise InvalidValue("a module says its activations itself; give activation= with a state dict alone")
        if not hasattr(module, "named_children"):
            raise InvalidType(
                "from_torch takes a torch.nn.Sequential, a state dict or the path of a .safetensors file, not "
                f"{type(module).__name__}"
            )
        return assembled(_modules("it", module))
    state = module if isinstance(module, Mapping) else _state_of_file(module)
    return _with(assembled(_state(state)), activation, output, "a state dict")


def _with(found: Found, activation: Any, output: str, source: str) -> Found:
    """Return the layers with the activations that the reader names."""
    if activation is None:
        raise InvalidValue(f'{source} does not say its activations; give activation="relu", for example, and output=')
    if isinstance(activation, str):
        activation = [*[activation] * (len(found.weights) - 1), output]
    return found._replace(activation=list(activation))


def _modules(where: str, module: Any) -> Iterator[Linear | Phi]:
    """Take a module apart, nested ones too."""
    kind, kinds = type(module).__name__, _kinds(module, "torch")
    if "Sequential" in kinds:
        for place, child in module.named_children():
            yield from _modules(f"module {place}", child)
    elif "Linear" in kinds:
        bias = None if module.bias is None else _tensor(where, module.bias)
        yield Linear(where, _tensor(where, module.weight).T, bias)
    elif any(True for _ in module.parameters()) or any(True for _ in module.children()):
        raise InvalidValue(
            f"{where} is a {kind}; a Sequential of Linear and activations can be read, and of other modules the state "
            "dict, if it holds nothing but the matrices and biases of layers"
        )
    else:
        options = {"slope": "negative_slope", "alpha": "alpha", "beta": "beta", "form": "approximate"}
        yield Phi(where, kind, {ours: getattr(module, its) for ours, its in options.items() if hasattr(module, its)})


def _state(state: Mapping[str, Any]) -> Iterator[Linear]:
    """Take a state dict apart: `name.weight` of shape (n_out, n_in), and where there is one its `name.bias`."""
    rest = {str(key): value for key, value in state.items()}
    for key in list(rest):
        name, dot, part = key.rpartition(".")
        if part == "weight":
            weights, bias = _tensor(key, rest.pop(key)), rest.pop(f"{name}{dot}bias", None)
            if weights.ndim != 2:
                raise ShapeError(f"{key} has shape {weights.shape}; the weights of a layer are a matrix")
            yield Linear(key, weights.T, None if bias is None else _tensor(key, bias))
    if rest:
        raise InvalidValue(f"{next(iter(rest))!r} is neither the weight nor the bias of a layer")


def _tensor(name: str, value: Any) -> Array:
    """Return a tensor's numbers; those of half precision become float32."""
    value = value.detach().cpu() if hasattr(value, "detach") else value
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        value = value.float()
    array = numbers(name, value)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _state_of_file(path: "str | os.PathLike[str]") -> dict[str, Array]:
    """Read a state dict, its layers in the order of the numbers in their names."""
    if Path(path).suffix != ".safetensors":
        raise FileProblem(
            f"{str(path)!r} is no .safetensors file, and a pickle could run any program; in PyTorch write "
            'safetensors.torch.save_file(torch.load("net.pt", weights_only=True), "net.safetensors") and read that'
        )
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise MissingExtra("reading .safetensors needs the extra: pip install 'tinygrad_ed[safetensors]'") from error
    try:
        state = load_file(path)
    except Exception as error:  # its own error derives from Exception alone
        raise FileProblem(f"{str(path)!r} cannot be read: {error}") from error
    return {key: state[key] for key in sorted(state, key=_by_number)}


def _by_number(name: str) -> list[tuple[int, str]]:
    """Sort 2 before 10, and `dense` before `dense_1`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def of_keras(weights: Any, config: Mapping[str, Any] | None, activation: Any, output: str) -> Found:
    """Read a model, or what its `get_weights()` gives (also from a .weights.h5 file) with its `get_config()`."""
    if hasattr(weights, "get_weights") and hasattr(weights, "get_config"):
        weights, config = weights.get_weights(), weights.get_config()
    if isinstance(weights, str | os.PathLike):
        weights = _weights_of_h5(weights)
    arrays = [numbers(f"array {i} of the weights", array) for i, array in enumerate(weights)]
    if config is None:
        kernels = [
            Linear(f"array {i} of the weights", *((array, None) if array.ndim == 2 else (None, array)))
            for i, array in enumerate(arrays)
        ]
        return _with(assembled(kernels), activation, output, "a list of weights")
    if activation is not None:
        raise InvalidValue("the config says the activations itself; give activation= with weights alone")
    try:
        return assembled(_keras_layers(config["layers"], arrays))
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidType(f"config is what model.get_config() gives; {error!r} went wrong in it") from error


def _keras_layers(layers: Iterable[Mapping[str, Any]], arrays: list[Array]) -> Iterator[Linear | Phi]:
    """Take a model's config apart, with an array for each kernel and bias."""
    for layer in layers:
        kind, options = layer["class_name"], layer["config"]
        where = f"layer {options.get('name', kind)!r}"
        if kind == "Dense":
            count = 2 if options.get("use_bias", True) else 1
            taken, arrays = arrays[:count], arrays[count:]
            if [array.ndim for array in taken] != [2, 1][:count]:
                raise ShapeError(f"{where} needs a matrix{' and a bias' * (count == 2)}, which the weights do not hold")
            yield Linear(where, taken[0], taken[1] if count == 2 else None)
        phi = options.get("activation", "linear") if kind in ("Dense", "Activation") else {**layer}
        name, more = (phi["class_name"], phi["config"]) if isinstance(phi, Mapping) else (str(phi), {})
        own = {"slope": "negative_slope", "alpha": "alpha", "largest": "max_value", "threshold": "threshold"}
        given = {ours: more[theirs] for ours, theirs in own.items() if theirs in more}
        given["form"] = "tanh" if more.get("approximate") else "exact"
        if "leaky" in name.lower():
            given.setdefault("slope", 0.2)  # what Keras takes where the activation is a text
        yield Phi(where, name, given)
    if arrays:
        raise ShapeError(f"the layers leave {len(arrays)} of the arrays over")


def _weights_of_h5(path: "str | os.PathLike[str]") -> list[Array]:
    """Read kernels and biases from a .weights.h5 file, layer by layer."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtra("reading .weights.h5 needs h5py: pip install h5py") from error
    found: dict[str, Array] = {}

    def keep(name: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset) and name.startswith("layers/"):
            found[name] = thing[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except OSError as error:
        raise FileProblem(f"{str(path)!r} cannot be read: {error}") from error
    return [found[name] for name in sorted(found, key=_by_number)]
