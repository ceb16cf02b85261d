"""Files that run elsewhere: ONNX graphs of outputs, gradients and whole steps, and Python with NumPy alone."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.data.files import write_whole
from tinygrad_ed.errors import Error, InvalidType, InvalidValue, MissingExtra
from tinygrad_ed.export.graph import IR, OPSET, Graph, OtherProgram
from tinygrad_ed.graph.nested import leaves, name_of, rebuilt
from tinygrad_ed.nn import activations, costs
from tinygrad_ed.nn.batch import forward
from tinygrad_ed.nn.mlp import MLP
from tinygrad_ed.tape import Compiled
from tinygrad_ed.tape import compile as compiled
from tinygrad_ed.tape.record import Recording
from tinygrad_ed.tape.traced import Traced
from tinygrad_ed.transforms.functions import value_and_grad

NATIVE = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}
NATIVE_FLOAT32 = {"leaky_relu": "LeakyRelu", "softplus": "Softplus", "elu": "Elu"}  # older runtimes have no float64
WHAT = ("forward", "gradient", "step")
_SIZES = ((11, 13), (17, 19), (23, 29))  # primes: a size that is a multiple of one is that by no chance


def onnx(
    source: "MLP | Compiled[..., Any]",
    path: "str | os.PathLike[str]",
    what: str = "forward",
    cost: str = "mse",
) -> Path:
    """Write a network, its gradient or a step of gradient descent as an ONNX graph; the number of samples is free.

    Inputs are `x`, and where they are needed `rho`, `learning_rate`; the parameters `W1`, `b1`, ... have the network's
    values unless others are given. Outputs are `output`; or `cost` and `grad_W1`, `grad_b1`, ...; or `cost` and
    `new_W1`, `new_b1`, .... The graph of a compiled function has its arguments' names, and `result`.

    Args:
        source: a network, or a function of `tg.compile` that has been called.
        path: the file, .onnx.
        what: "forward", "gradient" or "step": of a network.
        cost: the name of the cost that is differentiated.

    Raises:
        InvalidValue: for another kind, an unknown cost, or a step of a function that has no operator; it is named.
        InvalidType: for another source.
        MissingExtra, FileProblem: without onnx, or for a file that cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = onnx(MLP([2, 3, 1]), Path(folder) / "net.onnx")
    ...     MLP.from_onnx(path)
    MLP([2, 3, 1], activation='tanh', output='identity')
    """
    try:
        import onnx as library
    except ImportError as error:
        raise MissingExtra("writing ONNX needs the extra: pip install 'tinygrad_ed[onnx]'") from error
    if what not in WHAT:
        raise InvalidValue(f"what is exported is one of {', '.join(WHAT)}, not {what!r}")
    if isinstance(source, MLP) and what == "forward":
        model = _layers(library, source)
    elif isinstance(source, MLP):
        f, args, results = _of_network(source, what, cost)
        parameters = [str(p.name) for p in source.parameters()]
        model = _model(library, f, args, {}, results, parameters, [{len(parameters), len(parameters) + 1}])
    elif isinstance(source, Compiled) and what == "forward":
        given, keywords = source.tape.given
        model = _model(library, source.tape.f, given, keywords, ["result"], [], _batches(leaves([given, keywords])))
    else:
        raise InvalidType(
            f"a network can be exported, or a function of tg.compile (what='forward'), not {source!r} with {what!r}"
        )
    library.checker.check_model(model)
    return write_whole(Path(path), model.SerializeToString())


def _of_network(mlp: MLP, what: str, cost: str) -> tuple[Callable[..., Any], list[Any], list[str]]:
    """Return a function of parameters, x, rho, learning_rate; arguments for it; and the names of its results."""
    measure = costs.find(cost)
    names = [str(p.name) for p in mlp.parameters()]
    values = [np.array(p.value) for p in mlp.parameters()]
    x, rho = (np.full((1, n), 1.0, mlp.dtype) for n in (mlp.sizes[0], mlp.sizes[-1]))
    if cost == "cross_entropy":
        rho = rho / mlp.sizes[-1]

    def output(parameters: Sequence[Any], x: Any) -> Any:
        return forward(mlp, x, parameters)[0][len(mlp.layers)]

    def gradient(parameters: Sequence[Any], x: Any, rho: Any) -> Any:
        def of_parameters(parameters: Any) -> Any:
            return measure(output(parameters, x), rho)

        differentiated: Callable[..., Any] = value_and_grad(of_parameters)
        return differentiated(parameters)

    def step(parameters: Sequence[Any], x: Any, rho: Any, learning_rate: Any) -> Any:
        value, slopes = gradient(parameters, x, rho)
        return value, [p - learning_rate * slope for p, slope in zip(parameters, slopes, strict=True)]

    if what == "gradient":
        return gradient, [values, x, rho], ["cost", *[f"grad_{name}" for name in names]]
    return step, [values, x, rho, 0.1], ["cost", *[f"new_{name}" for name in names]]


def _layers(library: Any, mlp: MLP) -> Any:
    """Return the model of a network's outputs: a Gemm and an activation for each layer, as others write it."""
    sizes = (11, 13)
    graph = Graph(library, sizes, {}, mlp.dtype)
    current = graph.samples = "x"
    for layer in mlp.layers:
        current = graph.node("Gemm", current, *[str(p.name) for p in layer.parameters()])
        native = NATIVE if mlp.dtype == np.float64 else {**NATIVE, **NATIVE_FLOAT32}
        if layer.activation in native:
            current = graph.node(native[layer.activation], current)
        elif layer.activation != "identity":
            phi = activations.find(layer.activation)
            two = [Recording(phi, (np.ones((size, layer.n_out), mlp.dtype),), {}) for size in sizes]
            graph.names[two[0].inputs[0]] = current
            graph.steps(*two)
            current = graph.operand(two[0].results[0])
    graph.nodes.append(library.helper.make_node("Identity", [current], ["output"]))
    ends = [("output", mlp.sizes[-1]), ("x", mlp.sizes[0])]
    output, x = [graph.entry(name, mlp.dtype, ["samples", n]) for name, n in ends]
    constants = {str(p.name): np.asarray(p.value) for p in mlp.parameters()} | dict(graph.constants.values())
    values = [library.numpy_helper.from_array(array, name) for name, array in constants.items()]
    return _model_of(library, graph.nodes, "network", [x], [output], values)


def _batches(given: list[Any]) -> list[set[int]]:
    """Return which entries of the arguments may hold a row for each sample: as many as possible first, at last none."""
    lengths: dict[int, list[int]] = {}
    for i, x in enumerate(given):
        if np.ndim(x):
            lengths.setdefault(len(x), []).append(i)
    groups = sorted(lengths.values(), key=len, reverse=True)
    return [*[set(group[start:]) for group in groups for start in range(len(group))], set()]


def _model(
    library: Any,
    f: Callable[..., Any],
    args: Sequence[Any],
    keywords: dict[str, Any],
    results: list[str],
    parameters: list[str],
    batches: list[set[int]],
) -> Any:
    """Return the model of a function, with the first of these batches for which one graph serves all sizes."""
    for batch in batches:
        for sizes in _SIZES if batch else ((1, 1),):
            try:
                recordings = [_recorded(f, args, keywords, batch, size) for size in sizes]
            except (Error, ValueError, TypeError, IndexError):
                if not batch:
                    raise
                break  # these are not the samples
            try:
                return _written(library, name_of(f), recordings, sizes, batch, results, parameters)
            except OtherProgram:
                continue
    raise InvalidValue(f"{name_of(f)} does other things for other numbers of samples: no one graph does them all")


def _recorded(f: Callable[..., Any], args: Sequence[Any], keywords: dict[str, Any], batch: set[int], size: int) -> Any:
    """Record a function with so many samples."""
    entries = [np.resize(x, (size, *x.shape[1:])) if i in batch else x for i, x in enumerate(leaves([args, keywords]))]
    args, keywords = rebuilt([list(args), keywords], iter(entries))
    return Recording(f, tuple(args), keywords, lines=True)


def _written(
    library: Any, name: str, recordings: Any, sizes: Any, batch: set[int], results: list[str], parameters: list[str]
) -> Any:
    """Return the model of two recordings."""
    first, second = recordings
    helper = library.helper
    floats = {x.dtype for x in first.inputs if isinstance(x.value, np.ndarray) and x.dtype.kind == "f"}
    graph = Graph(library, sizes, first.lines, np.float32 if floats == {np.dtype(np.float32)} else np.float64)
    inputs, values = [], []
    for i, x in enumerate(first.inputs):
        called = parameters[i] if i < len(parameters) else str(x.label)
        graph.names[x] = called
        shape = ["samples", *x.shape[1:]] if i in batch else x.shape
        inputs.append(graph.entry(called, graph.kind(x), shape))
        if i < len(parameters):
            values.append(library.numpy_helper.from_array(np.asarray(x.value, x.dtype), called))
    graph.samples = inputs[min(batch)].name if batch else ""
    graph.steps(first, second)
    outputs = []
    for i, (x, y) in enumerate(zip(first.results, second.results, strict=True)):
        called = results[i] if i < len(results) else f"{results[0]}_{i + 1}"
        dtype = graph.kind(x) if isinstance(x, Traced) else np.asarray(x).dtype
        graph.nodes.append(helper.make_node("Identity", [graph.operand(x, None, y)], [called]))
        shape = [
            "samples" if (a, b) == sizes else a if a == b else None for a, b in zip(*map(np.shape, (x, y)), strict=True)
        ]
        outputs.append(graph.entry(called, dtype, shape))
    values += [library.numpy_helper.from_array(array, called) for called, array in graph.constants.values()]
    return _model_of(library, graph.nodes, name, inputs, outputs, values)


def _model_of(library: Any, nodes: Any, name: str, inputs: Any, outputs: Any, values: Any) -> Any:
    name = name if name.isidentifier() else "program"
    made = library.helper.make_graph(nodes, name, inputs, outputs, values)
    version = library.helper.make_opsetid("", OPSET)
    return library.helper.make_model(made, opset_imports=[version], ir_version=IR, producer_name="tinygrad_ed")


def python(source: "MLP | Compiled[..., Any]", path: "str | os.PathLike[str]") -> Path:
    """Write a network's outputs, or a compiled function, as a Python module that needs NumPy alone.

    The module has one function: `predict(x)` for a network, with the weights as constants.

    Args:
        source: a network, or a function of `tg.compile` that has been called.
        path: the file, .py.

    Raises:
        InvalidType: for another source.
        FileProblem: for a file that cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(python(MLP([1, 1]), Path(folder) / "net.py").read_text().splitlines()[-1])
        return t_2
    """
    if isinstance(source, MLP):
        mlp, values = source, [np.array(p.value) for p in source.parameters()]

        def predict(x: Any) -> Any:
            return forward(mlp, x, values)[0][len(mlp.layers)]

        source = compiled(predict)
        source(np.ones((2, mlp.sizes[0]), mlp.dtype))
    if not isinstance(source, Compiled):
        raise InvalidType(f"a network can be exported, or a function of tg.compile, not {source!r}")
    return write_whole(Path(path), source.source().encode())
