"""Networks in ONNX files, made by hand here: chains that are read, and everything else, which is refused."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
W1, b1, W2, b2 = RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=(4, 2)), RNG.normal(size=(1, 2))


def file_of(folder, *nodes, output="y", inputs=("x",), opset=20, **constants):
    """Write a model of these nodes."""
    entries = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["N", 3]) for name in inputs]
    result = [helper.make_tensor_value_info(output, TensorProto.DOUBLE, ["N", None])]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(list(nodes), "g", entries, result, tensors)
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), path)
    return path


def test_the_two_ways_to_write_a_layer(tmp_path):
    wanted = np.tanh(X @ W1 + b1) @ W2 + b2
    by_gemm = file_of(
        tmp_path,
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "W1", "b1"], ["z"], transB=1, alpha=2.0, beta=0.5),
        helper.make_node("Tanh", ["z"], ["a"]),
        helper.make_node("Gemm", ["a", "W2", "b2"], ["y"]),
        W1=W1.T / 2,
        b1=b1 * 2,
        W2=W2,
        b2=b2,
    )
    np.testing.assert_allclose(MLP.from_onnx(by_gemm).predict(X), wanted, rtol=1e-12)
    by_matmul = file_of(
        tmp_path,
        helper.make_node("MatMul", ["x", "W1"], ["m"]),
        helper.make_node("Add", ["b1", "m"], ["z"]),
        helper.make_node("Tanh", ["z"], ["a"]),
        helper.make_node("Constant", [], ["W2"], value=numpy_helper.from_array(W2)),
        helper.make_node("MatMul", ["a", "W2"], ["n"]),
        helper.make_node("Add", ["n", "b2"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"]),
        W1=W1,
        b1=b1,
        b2=b2,
    )
    mlp = MLP.from_onnx(str(by_matmul))
    np.testing.assert_allclose(mlp.predict(X), wanted, rtol=1e-12)
    assert tg.crosscheck(mlp, X, RNG.normal(size=(5, 2))).agree


@pytest.mark.parametrize(
    ("kind", "options", "ours"),
    [
        ("Relu", {}, "relu"),
        ("Sigmoid", {}, "sigmoid"),
        ("LeakyRelu", {}, "leaky_relu"),
        ("LeakyRelu", {"alpha": 0.01}, "leaky_relu"),
        ("Softplus", {}, "softplus"),
        ("Elu", {}, "elu"),
        ("Gelu", {"approximate": "tanh"}, "gelu"),
        ("Identity", {}, "identity"),
    ],
)
def test_activations(tmp_path, kind, options, ours):
    nodes = helper.make_node("MatMul", ["x", "W"], ["z"]), helper.make_node(kind, ["z"], ["y"], **options)
    mlp = MLP.from_onnx(file_of(tmp_path, *nodes, W=W1.astype(np.float32)))
    assert mlp.layers[0].activation == ours
    assert mlp.dtype == np.float32


MATMUL = helper.make_node("MatMul", ["x", "W"], ["z"])


@pytest.mark.parametrize(
    ("nodes", "more", "message"),
    [
        ([MATMUL, helper.make_node("Gelu", ["z"], ["y"])], {}, r"node 1 \(Gelu\) is Gelu with form none"),
        ([MATMUL, helper.make_node("Elu", ["z"], ["y"], alpha=2.0)], {}, "Elu with alpha 2"),
        ([MATMUL, helper.make_node("Mul", ["z", "W"], ["y"])], {}, r"node 1 \(Mul\) is no layer; Gemm, MatMul, Add"),
        ([MATMUL, helper.make_node("Mish", ["z"], ["y"])], {}, "which is none of the activations here"),
        ([MATMUL, helper.make_node("Add", ["z", "x"], ["y"])], {}, "is not the next of a chain: its inputs are z, x"),
        ([MATMUL, helper.make_node("Tanh", ["x"], ["y"])], {}, "is not the next of a chain: its inputs are x"),
        ([helper.make_node("MatMul", ["W", "x"], ["y"])], {}, "does not multiply rows by a matrix"),
        ([helper.make_node("Gemm", ["x", "W"], ["y"], transA=1)], {}, "does not multiply rows by a matrix"),
        (
            [MATMUL, helper.make_node("Add", ["z", "W"], ["y"])],
            {},
            r"adds shape \(3, 4\) to 4 outputs; that is no bias",
        ),
        ([MATMUL, helper.make_node("Tanh", ["z"], ["y"])], {"inputs": ("x", "u")}, "2 inputs and 1 outputs"),
        ([MATMUL, helper.make_node("Tanh", ["z"], ["y"])], {"output": "z"}, "ends with y, but the output is z"),
    ],
)
def test_what_is_no_chain_of_layers(tmp_path, nodes, more, message):
    with pytest.raises(tg.InvalidValue, match=message):
        MLP.from_onnx(file_of(tmp_path, *nodes, W=W1, **more))


def test_files_that_are_damaged_or_point_elsewhere(tmp_path):
    path = file_of(tmp_path, MATMUL, helper.make_node("Tanh", ["z"], ["y"]), W=W1)
    whole = path.read_bytes()
    for data in (b"", b"\x80\x04.", whole[: len(whole) // 2], whole[:-40] + b"\xff" * 40):
        path.write_bytes(data)
        with pytest.raises(tg.FileProblem, match="is no ONNX file that can be read"):
            MLP.from_onnx(path)
    with pytest.raises(tg.FileProblem, match=r"none\.onnx"):
        MLP.from_onnx(tmp_path / "none.onnx")
    model = onnx.ModelProto.FromString(whole)
    (tensor,) = model.graph.initializer
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(tg.FileProblem, match="W lies in another file"):
        MLP.from_onnx(path)
    model = onnx.ModelProto.FromString(whole)
    model.graph.initializer[0].dims[:] = [10**9, 10**9]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(tg.FileProblem, match="is no ONNX file that can be read"):
        MLP.from_onnx(path)
