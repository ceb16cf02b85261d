"""A network in an ONNX file, read as the pieces of `foreign`: a chain of Gemm, MatMul, Add and activations."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_ed.errors import FileProblem, InvalidValue, MissingExtra
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.foreign import Found, Linear, Phi, assembled

OPTIONS = {
    "LeakyRelu": ("slope", "alpha", 0.01),
    "Elu": ("alpha", "alpha", 1.0),
    "Gelu": ("form", "approximate", b"none"),
}


def of_onnx(path: "str | os.PathLike[str]") -> Found:
    """Read a file. What lies outside of it is never opened.

    Raises:
        MissingExtra: without onnx.
        FileProblem: for a file that is missing, damaged, or keeps its numbers elsewhere.
        InvalidValue: for what is no chain of layers; the message names the node.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("reading ONNX needs the extra: pip install 'tinygrad_ed[onnx]'") from error
    try:
        model = onnx.load(os.fspath(path), load_external_data=False)
        for tensor in model.graph.initializer:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                raise ValueError(f"{tensor.name} lies in another file")
        onnx.checker.check_model(model)
        constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    except Exception as error:  # protobuf, the checker and NumPy have an error each
        raise FileProblem(f"{str(path)!r} is no ONNX file that can be read: {error}") from error
    return assembled(_nodes(model.graph, constants, onnx.helper.get_attribute_value, onnx.numpy_helper.to_array))


def _nodes(graph: Any, constants: dict[str, Array], value_of: Any, array_of: Any) -> Iterator[Linear | Phi]:
    """Follow the chain from the input to the output."""
    inputs = [entry.name for entry in graph.input if entry.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise InvalidValue(
            f"the graph has {len(inputs)} inputs and {len(graph.output)} outputs; a network has one each"
        )
    current, weights = inputs[0], np.empty((0, 0))
    for i, node in enumerate(graph.node):
        kind, where = node.op_type, f"node {node.name or i} ({node.op_type})"
        options = {attribute.name: value_of(attribute) for attribute in node.attribute}
        if kind == "Constant" and "value" in options:
            constants[node.output[0]] = array_of(options["value"])
            continue
        if [name for name in node.input if name and name not in constants] != [current]:
            raise InvalidValue(f"{where} is not the next of a chain: its inputs are {', '.join(node.input)}")
        others = [constants[name] for name in node.input if name in constants]
        if kind in ("Gemm", "MatMul"):
            if node.input[0] != current or options.get("transA") or others[0].ndim != 2:
                raise InvalidValue(f"{where} does not multiply rows by a matrix")
            weights = np.asarray((others[0].T if options.get("transB") else others[0]) * options.get("alpha", 1.0))
            weights = weights.astype(others[0].dtype)
            yield Linear(where, weights, None)
            for array in others[1:]:
                yield Linear(where, None, _bias(where, array * options.get("beta", 1.0), weights))
        elif kind == "Add":
            yield Linear(where, None, _bias(where, others[0], weights))
        elif len(node.input) == 1 or kind == "Dropout":
            name, theirs, standard = OPTIONS.get(kind, ("", "", None))
            option = options.get(theirs, standard)
            yield Phi(where, kind, {name: option.decode() if isinstance(option, bytes) else option} if name else {})
        else:
            raise InvalidValue(f"{where} is no layer; Gemm, MatMul, Add and activations can be read")
        current = node.output[0]
    if current != graph.output[0].name:
        raise InvalidValue(f"the chain ends with {current}, but the output is {graph.output[0].name}")


def _bias(where: str, array: Array, weights: Array) -> Array:
    """Return a bias as `(n_out,)`."""
    if array.size not in (1, weights.shape[1]) or array.shape[-1:] != (array.size,) * min(array.ndim, 1):
        raise InvalidValue(f"{where} adds shape {array.shape} to {weights.shape[1]} outputs; that is no bias")
    return np.broadcast_to(array.ravel(), (weights.shape[1],)).astype(weights.dtype)
