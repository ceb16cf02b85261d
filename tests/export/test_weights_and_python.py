"""Weights under other libraries' names, and modules that need NumPy alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP

X = np.random.default_rng(0).normal(size=(5, 3))


def test_weights_go_out_and_come_back(tmp_path):
    mlp = MLP([3, 4, 2], "relu", bias=[True, False])
    state = tg.export.torch_state(mlp, tmp_path / "net.safetensors")
    assert {name: array.shape for name, array in state.items()} == {
        "0.weight": (4, 3),
        "0.bias": (4,),
        "2.weight": (2, 4),
    }
    for source in (state, tmp_path / "net.safetensors"):
        np.testing.assert_array_equal(MLP.from_torch(source, "relu").predict(X), mlp.predict(X))
    assert load_file(tmp_path / "net.safetensors")["0.weight"].tolist() == mlp.layers[0].weights.value.T.tolist()
    assert state["0.weight"].flags.writeable
    np.testing.assert_array_equal(
        MLP.from_keras(tg.export.keras_weights(mlp), activation="relu").predict(X), mlp.predict(X)
    )
    with pytest.raises(tg.InvalidValue, match=r"torch_state writes .safetensors files"):
        tg.export.torch_state(mlp, tmp_path / "net.pt")


@pytest.mark.parametrize("activation", ["tanh", "elu", "gelu"])
def test_a_network_as_a_module(tmp_path, activation):
    mlp = MLP([3, 4, 2], activation)
    tg.export.python(mlp, tmp_path / "net.py")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import net, numpy as np; "
    code += f"print(net.predict(np.array({X.tolist()})).tolist()); assert 'tinygrad_ed' not in sys.modules"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    np.testing.assert_allclose(json.loads(said), mlp.predict(X), rtol=1e-12)


def test_a_compiled_function_as_a_module(tmp_path):
    step = tg.compile(tg.value_and_grad(lambda x: np.sum(np.tanh(x) ** 2)))
    step(X)
    scope = {}
    exec(tg.export.python(step, tmp_path / "f.py").read_text(), scope)  # noqa: S102
    name = next(name for name, thing in scope.items() if callable(thing) and name != "np")
    value, gradient = scope[name](X)
    assert value == pytest.approx(step(X)[0])
    np.testing.assert_allclose(gradient, step(X)[1])
    with pytest.raises(tg.InvalidType, match="a network can be exported"):
        tg.export.python(np.sin, tmp_path / "f.py")
