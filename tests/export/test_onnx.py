"""Exported networks, gradients and steps, run on other inputs and batches by onnxruntime and by ONNX's reference."""

import math

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP, activations, costs

PRECISION = {np.dtype(float): 1e-12, np.dtype(np.float32): 1e-5}
ACTIVATIONS = ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu"]
COSTS = ["mse", "l1", "huber", "logistic", "hinge", "margin", "cross_entropy", "bce"]


def run(path, **feed):
    """Run a file with onnxruntime; return the results by name."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(zip([entry.name for entry in session.get_outputs()], session.run(None, feed), strict=True))


def batch(cost, dtype, size):
    """Return inputs, some of them large, and expected outputs that the cost takes."""
    rng = np.random.default_rng(size)
    x, signs = rng.normal(size=(size, 3)), np.where(rng.normal(size=(size, 2)) > 0, 1.0, -1.0)
    x[0] *= 20
    rho = {"cross_entropy": np.eye(2)[(signs[:, 0] > 0) * 1], "bce": (signs + 1) / 2}.get(cost, signs)
    return x.astype(dtype), rho.astype(dtype)


def assert_close(found, wanted, dtype):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == dtype
        assert found[name].shape == np.shape(value)
        np.testing.assert_allclose(found[name], value, rtol=PRECISION[dtype], atol=PRECISION[dtype], err_msg=name)


def test_all_activations_and_costs_are_here():
    assert [*activations.NAMES] == ACTIVATIONS
    assert set(costs.NAMES) == set(COSTS)


@pytest.mark.parametrize("dtype", PRECISION, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_outputs(tmp_path, activation, dtype):
    mlp = MLP([3, 4, 2], activation, activation, dtype=dtype, bias=[True, False])
    path = tg.export.onnx(mlp, tmp_path / "net.onnx")
    for size in (1, 7):
        x = batch("mse", dtype, size)[0]
        assert_close(run(path, x=x), {"output": mlp.predict(x)}, dtype)
        np.testing.assert_allclose(
            ReferenceEvaluator(str(path)).run(None, {"x": x})[0], mlp.predict(x), rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("dtype", PRECISION, ids=str)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_and_steps(tmp_path, activation, cost, dtype):
    mlp = MLP([3, 4, 2], activation, dtype=dtype)
    other = MLP([3, 4, 2], activation, dtype=dtype, rng=5)
    gradient = tg.export.onnx(mlp, tmp_path / "gradient.onnx", "gradient", cost)
    step = tg.export.onnx(mlp, tmp_path / "step.onnx", "step", cost)
    for size, network in ((1, mlp), (6, other)):
        x, rho = batch(cost, dtype, size)
        book = tg.ledger(network, x, rho, cost)
        slopes = {
            f"{name}{j}": book[f"grad_{letter}[{j}]"]
            for j in (1, 2)
            for name, letter in (("W", "omega"), ("b", "beta"))
        }
        weights = {str(p.name): np.asarray(p.value) for p in network.parameters()}
        given = {} if network is mlp else weights
        wanted = {f"grad_{name}": slope for name, slope in slopes.items()}
        found = run(gradient, x=x, rho=rho, **given)
        assert_close(found, {"cost": book["cost"], **wanted}, dtype)
        wanted = {f"new_{name}": weights[name] - 0.25 * slope for name, slope in slopes.items()}
        found = run(step, x=x, rho=rho, learning_rate=np.asarray(0.25, dtype), **given)
        assert_close(found, {"cost": book["cost"], **wanted}, dtype)


def test_what_others_write_can_be_read_again(tmp_path):
    for dtype, names in ((float, ["relu", "sigmoid", "tanh"]), (np.float32, ["leaky_relu", "softplus", "elu"])):
        mlp = MLP([3, 4, 5, 2], activation=names, dtype=dtype, bias=[True, False, True])
        again = MLP.from_onnx(tg.export.onnx(mlp, tmp_path / "net.onnx"))
        assert repr(again) == repr(mlp)
        x = batch("mse", dtype, 5)[0]
        np.testing.assert_array_equal(again.predict(x), mlp.predict(x))


def test_the_graph_says_what_it_is(tmp_path):
    path = tg.export.onnx(MLP([3, 4, 2]), tmp_path / "net.onnx", "step")
    model = onnx.load(path)
    assert [entry.name for entry in model.graph.input] == ["W1", "b1", "W2", "b2", "x", "rho", "learning_rate"]
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[4].type.tensor_type.shape.dim] == ["samples", 3]
    assert path.stat().st_size < 4000
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    assert [entry.name for entry in inferred.graph.output] == ["cost", "new_W1", "new_b1", "new_W2", "new_b2"]


def of_many(x, w):
    """Use what networks do not."""
    y = np.tan(w) + np.sinh(x[:, :1] / 4) * np.cosh(w[:2]).sum() + np.hypot(x, 1.0)[:, ::-1].clip(-1.0, 2.0)[:, [0, 2]]
    z = np.log2(x**2 + 1) + np.exp2(x / 3) + np.where(np.isfinite(x), x, 0.0) + np.expand_dims(x[:, 0], 1)
    return (
        np.mean(np.square(y)) + z.max(axis=1).sum() + np.prod(w),
        np.swapaxes(z[:, 1:-1], 0, 1),
        (x != w[0]) & (x > 0),
    )


def test_a_compiled_function(tmp_path):
    rng = np.random.default_rng(0)
    step = tg.compile(of_many)
    w = rng.normal(size=2)
    step(rng.normal(size=(4, 3)), w)
    path = tg.export.onnx(step, tmp_path / "f.onnx")
    for size in (1, 4, 9):
        x = rng.normal(size=(size, 3))
        found = run(path, x=x, w=w)
        assert list(found) == ["result", "result_2", "result_3"]
        for name, wanted in zip(found, of_many(x, w), strict=True):
            np.testing.assert_allclose(found[name], wanted, rtol=1e-11)


@pytest.mark.parametrize(
    "f",
    [tg.grad(lambda x: np.sum(np.tanh(x) ** 3)), tg.hessian(lambda x: np.sum(x**3 * x[0])), lambda x: np.sinh(x[0])],
)
def test_derivatives_of_ones_own(tmp_path, f):
    x = np.array([0.5, -1.0, 2.0])
    compiled = tg.compile(f)
    compiled(x)
    path = tg.export.onnx(compiled, tmp_path / "f.onnx")
    np.testing.assert_allclose(run(path, x=x * 0.7)["result"], f(x * 0.7), rtol=1e-12)


def test_a_scalar_graph_and_class_numbers(tmp_path):
    scalar = tg.compile(tg.value_and_grad(lambda a, b: a * math.e + np.log1p(b * a) + np.expm1(a)))
    scalar(0.5, 2.0)
    path = tg.export.onnx(scalar, tmp_path / "scalar.onnx")
    found = run(path, a=np.asarray(1e-9), b=np.asarray(3.0))
    np.testing.assert_allclose([*found.values()], scalar(1e-9, 3.0), rtol=1e-14)

    picked = tg.compile(tg.grad(lambda x, labels: np.sum(x[np.arange(len(x)), labels] ** 2)))
    x, labels = np.arange(6.0).reshape(3, 2), np.array([0, 1, 1])
    picked(x, labels)
    path = tg.export.onnx(picked, tmp_path / "picked.onnx")
    for size in (3, 2):
        found = run(path, x=x[:size], labels=labels[:size])["result"]
        np.testing.assert_allclose(found, picked(x[:size], labels[:size]))


def test_what_cannot_be_exported(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"before")
    solve = tg.compile(lambda a: np.linalg.inv(a))
    solve(np.eye(2))
    with pytest.raises(tg.InvalidValue, match=r"ONNX has no operator here for 'inv' \(test_onnx.py:\d+\)"):
        tg.export.onnx(solve, path)
    with pytest.raises(tg.InvalidValue, match="one of forward, gradient, step, not 'backward'"):
        tg.export.onnx(MLP([2, 1]), path, "backward")
    with pytest.raises(tg.InvalidValue, match="unknown cost"):
        tg.export.onnx(MLP([2, 1]), path, "step", "mean")
    with pytest.raises(tg.InvalidType, match=r"a network can be exported, or a function of tg.compile"):
        tg.export.onnx(np.sin, path)
    with pytest.raises(tg.InvalidType, match="with 'gradient'"):
        tg.export.onnx(solve, path, "gradient")
    with pytest.raises(tg.FileProblem):
        tg.export.onnx(MLP([2, 1]), tmp_path / "none" / "net.onnx")
    assert path.read_bytes() == b"before"
