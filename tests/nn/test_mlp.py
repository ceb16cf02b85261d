"""Layers and networks: what they compute, which inputs and sizes they refuse, and values assigned to them."""

import re

import numpy as np
import pandas as pd
import pytest
from nn_definitions import ACTIVATIONS, DTYPES, PHI, problem

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP, Dense, activations, costs


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_layer_is_phi_of_x_w_plus_b(name):
    layer = Dense(3, 2, name, rng=1)
    layer.bias.value = [0.5, -0.25]
    x = np.random.default_rng(0).normal(size=(4, 3))
    w, b = layer.weights.value, layer.bias.value
    want = [[PHI[name](sum(row[i] * w[i, k] for i in range(3)) + b[k]) for k in range(2)] for row in x]
    np.testing.assert_allclose(layer(x).value, want, rtol=1e-12)
    np.testing.assert_allclose(layer(x[0]).value, want[0], rtol=1e-12)
    np.testing.assert_allclose(layer.net_input(x).value, x @ w + b, rtol=1e-12)


def test_a_network_is_its_layers_one_after_another_and_has_the_contracts_attributes():
    mlp = MLP([4, 3, 5, 2], "relu", output="sigmoid", rng=0)
    assert mlp.sizes == (4, 3, 5, 2)
    assert [layer.activation for layer in mlp.layers] == ["relu", "relu", "sigmoid"]
    assert [p.name for p in mlp.parameters()] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert [p.shape for p in mlp.parameters()] == [(4, 3), (3,), (3, 5), (5,), (5, 2), (2,)]
    assert all(isinstance(p, tg.Node) and p.op is None for p in mlp.parameters())
    x = np.ones((2, 4))
    np.testing.assert_array_equal(mlp(x).value, mlp.layers[2](mlp.layers[1](mlp.layers[0](x))).value)
    assert [p.name for p in Dense(1, 1).parameters()] == ["W", "b"]
    assert repr(mlp) == "MLP([4, 3, 5, 2], activation='relu', output='sigmoid')"
    assert repr(MLP(np.array([2, 1]))) == "MLP([2, 1], output='identity')"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 4), (0, 4)])
def test_one_sample_in_one_sample_out_and_predict_gives_plain_numbers_of_ones_own(shape, dtype):
    mlp, x = MLP([4, 3, 2], rng=0, dtype=dtype), np.random.default_rng(0).normal(size=shape)
    node, found = mlp(x), mlp.predict(x)
    assert type(found) is np.ndarray
    assert node.shape == found.shape == (*shape[:-1], 2)
    assert node.dtype == found.dtype == dtype
    np.testing.assert_array_equal(node.value, found)
    found[...] = 7.0
    assert found.flags.owndata
    np.testing.assert_array_equal(node.value, mlp.predict(x))


def test_predict_never_drops_the_derivative_of_a_node():
    mlp = MLP([2, 3, 1], rng=0)
    with pytest.raises(tg.GraphDropped, match=r"derivative by photo would be lost; use mlp\(x\)"):
        mlp.predict(tg.Node([1.0, 2.0], name="photo"))
    with pytest.raises(tg.GraphDropped, match=r"use mlp\(x\)"):
        tg.grad(lambda x: mlp.predict(x)[0])(np.ones(2))


def test_predict_takes_lists_and_builds_no_graph(monkeypatch):
    mlp = MLP([2, 3, 1], rng=0)
    np.testing.assert_array_equal(mlp.predict([1, 2]), mlp(np.array([1.0, 2.0])).value)
    seen = []
    monkeypatch.setattr(mlp.layers[1], "_phi", lambda zeta: (seen.append(zeta), zeta)[1])
    mlp.predict([1.0, 2.0])
    assert seen[0].op is None
    assert seen[0].parents == ()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_stays_float32_in_weights_activations_and_gradients(activation):
    mlp = MLP([3, 4, 2], activation, activation, rng=0, dtype=np.float32)
    for x in (np.ones((5, 3)), tg.Node(np.ones((5, 3))), np.ones((5, 3), np.float32), [[1, 2, 3]] * 5):
        output = mlp(x)
        costs.mse(output, np.zeros((5, 2))).backward()
        assert output.dtype == output.grad.dtype == np.float32
        assert all(p.dtype == p.grad.dtype == np.float32 for p in mlp.parameters())
    assert mlp.dtype == np.float32


def test_the_gradient_reaches_an_input_that_is_a_node():
    mlp, x = MLP([3, 2], rng=0), tg.Node([1.0, 2.0, 3.0])
    mlp(x).sum().backward()
    np.testing.assert_allclose(x.grad, mlp.layers[0].weights.value.sum(axis=1))


@pytest.mark.parametrize("activation", ["tanh", "softplus", "gelu"])
def test_a_network_with_its_cost_passes_the_check_in_all_parameters(activation):
    mlp, (output, rho) = MLP([2, 3, 3], activation, rng=0), problem("cross_entropy")

    def cost(w1, b1, w2, b2):
        phi = activations.find(activation)
        return costs.cross_entropy(phi(output[:, :2] @ w1 + b1) @ w2 + b2, rho)

    tg.check_grads(cost, *[p.value for p in mlp.parameters()], order=2)
    want = tg.grad(cost, argnums=(0, 1, 2, 3))(*[p.value for p in mlp.parameters()])
    for found, expected in zip(
        tg.gradients(costs.cross_entropy(mlp(output[:, :2]), rho), mlp.parameters()), want, strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2,), (4, 4, 4), ()])
def test_a_wrong_width_names_the_layer_and_both_shapes(shape):
    mlp, got = MLP([4, 3, 2]), str(shape).replace("(", r"\(").replace(")", r"\)")
    lesson = rf"layer 1 has weights W1 of shape \(4, 3\) and takes inputs of shape \(M, 4\), .* it got {got}"
    for x in (np.zeros(shape), tg.Node(np.zeros(shape))):
        with pytest.raises(tg.ShapeError, match=lesson):
            mlp(x)
    with pytest.raises(tg.ShapeError, match=lesson):
        mlp.predict(np.zeros(shape))
    with pytest.raises(tg.ShapeError, match=r"layer 2 has weights W2 of shape \(3, 2\)"):
        mlp.layers[1](np.zeros((1, 4)))
    with pytest.raises(tg.ShapeError, match=r"this layer has weights W of shape \(2, 2\)"):
        Dense(2, 2)(np.zeros(3))


@pytest.mark.parametrize("x", ["text", [["a", "b"]], None, [[1j, 2.0]], [[None, 1.0]]])
def test_inputs_that_are_not_numbers_are_refused(x):
    for network in (MLP([2, 1]), MLP([2, 1]).predict, Dense(2, 1)):
        with pytest.raises(tg.InvalidType, match=r"input x must hold real numbers, but it(s dtype is| holds the text)"):
            network(x)


def test_ragged_and_masked_inputs_and_lists_of_nodes_are_refused():
    mlp = MLP([2, 1])
    with pytest.raises(tg.ShapeError, match="the input x must be one array, but its rows differ in length"):
        mlp([[1.0, 2.0], [3.0]])
    with pytest.raises(tg.InvalidType, match="masked array, whose mask would be lost"):
        mlp(np.ma.masked_less([[1.0, -2.0]], 0))
    with pytest.raises(tg.GraphDropped, match=r"tg\.array"):
        mlp([[tg.Node(1.0), tg.Node(2.0)]])


@pytest.mark.parametrize(
    ("make", "lesson"),
    [
        (lambda: MLP([2, 1], "tahn"), "unknown activation 'tahn'. Did you mean 'tanh'?"),
        (lambda: MLP([2, 1], output="sigmod"), "unknown activation 'sigmod'. Did you mean 'sigmoid'?"),
        (lambda: Dense(2, 1, "rleu"), "unknown activation 'rleu'. Did you mean 'relu'?"),
        (lambda: Dense(2, 1, init="glorrot"), "unknown init 'glorrot'. Did you mean 'glorot'?"),
        (lambda: costs.find("mes"), "unknown cost 'mes'. Did you mean 'mse'?"),
        (lambda: costs.find("cross-entropy"), "unknown cost 'cross-entropy'. Did you mean 'cross_entropy'?"),
        (lambda: costs.find(["mse"]), "unknown cost"),
        (lambda: activations.find(None), "unknown activation None. Known: elu, gelu,"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(make, lesson):
    with pytest.raises(tg.InvalidValue) as caught:
        make()
    assert lesson in str(caught.value)
    assert "Known: " in str(caught.value)


@pytest.mark.parametrize(
    ("make", "error", "lesson"),
    [
        (lambda: MLP([3]), tg.InvalidValue, r"widths of its input and of at least one layer, but got \[3\]"),
        (lambda: MLP([]), tg.InvalidValue, "at least one layer"),
        (lambda: MLP(3), tg.InvalidType, r"sizes is a list of widths, such as \[2, 3, 1\], not 3"),
        (lambda: MLP("23"), tg.InvalidType, "whole number of at least 1, not '2'"),
        (lambda: MLP([2, 0, 1]), tg.InvalidValue, "whole number of at least 1, not 0"),
        (lambda: MLP([2, -3]), tg.InvalidValue, "not -3"),
        (lambda: MLP([2, 2.5]), tg.InvalidType, "not 2.5"),
        (lambda: MLP([2, True]), tg.InvalidType, "not True"),
        (lambda: Dense("2", 1), tg.InvalidType, "not '2'"),
        (lambda: Dense(2, 1, dtype=int), tg.InvalidValue, "float32 or float64, not in int64"),
        (lambda: Dense(2, 1, dtype=np.float16), tg.InvalidValue, "float32 or float64, not in float16"),
        (lambda: MLP([2, 1], dtype="single precision"), tg.InvalidType, "'single precision' is no dtype"),
        (lambda: MLP([2, 1], rng="seed"), tg.InvalidType, "rng must be a .*Generator or a seed .* not 'seed'"),
        (lambda: Dense(2, 1, rng=-1), tg.InvalidValue, "rng must be .* a seed of at least 0, not -1"),
        (lambda: MLP([2, 10**20]), tg.InvalidValue, "matrix of weights would hold more numbers than any memory can"),
        (lambda: MLP([10**10, 10**10]), tg.InvalidValue, "more numbers than any memory can"),
    ],
)
def test_a_network_that_cannot_be_is_refused(make, error, lesson):
    with pytest.raises(error, match=lesson):
        make()


# --- values that are assigned -----------------------------------------------------------------------------------------


def test_an_array_assigned_to_a_parameter_is_a_new_value_of_its_node():
    mlp = tg.nn.MLP([2, 3, 1], rng=0, dtype=np.float32)
    first, second = mlp.layers
    nodes = mlp.parameters()
    first.weights, first.bias = np.ones((2, 3)), [1, 2, 3]
    assert all(a is b for a, b in zip(mlp.parameters(), nodes, strict=True))
    assert (first.weights.dtype, first.weights.name, first.bias.value.tolist()) == (np.float32, "W1", [1.0, 2.0, 3.0])
    own = tg.Node(np.zeros((3, 1)), name="own")
    second.weights = own
    assert mlp.parameters()[2] is own
    tg.train.fit(mlp, np.ones((4, 2)), np.ones((4, 1)), epochs=1)


@pytest.mark.parametrize("shape", [(3, 3), (2,), (), (1, 2, 3), (3,)])
def test_a_parameter_of_another_shape_is_refused_at_once_or_named(shape):
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    words = re.escape(f"the weights of layer 1 must be of shape (2, 3), not {shape}")
    for given in (np.ones(shape), tg.Node(np.ones(shape))):
        with pytest.raises(tg.ShapeError, match=words):
            mlp.layers[0].weights = given
    with pytest.raises(tg.ShapeError, match=r"the bias of this layer must be of shape \(4,\)"):
        tg.nn.Dense(2, 4).bias = [0.0]
    with pytest.raises(tg.InvalidType, match="the weights must hold real numbers"):
        mlp.layers[0].weights = "ones"
    mlp.layers[0].weights.value = np.ones(shape)
    for use in (lambda: tg.train.fit(mlp, np.ones((4, 2)), np.ones((4, 1))), lambda: mlp.save("never.npz")):
        with pytest.raises(tg.ShapeError, match=words):
            use()


def test_text_in_a_dataframe_names_its_column():
    frame = pd.DataFrame({"age": [1.0, 2.0], "city": ["Ulm", "Bonn"], "size": [1, 2]})
    with pytest.raises(tg.InvalidType, match="the input x must hold real numbers, but column 'city' is "):
        tg.nn.MLP([3, 1]).predict(frame)


def test_a_score_takes_class_numbers_without_rows_where_the_metric_can(monkeypatch):
    mlp, x = tg.nn.MLP([2, 4, 3], rng=1), np.random.default_rng(0).standard_normal((30, 2))
    classes, seen = mlp.predict(x).argmax(axis=1), []
    rows = [mlp.score(x, np.eye(3)[classes], "cross_entropy", metric) for metric in (None, "cross_entropy", "mse")]
    assert [
        mlp.score(x, classes, "cross_entropy", metric) for metric in (None, "cross_entropy", "mse")
    ] == pytest.approx(rows)
    mlp.score(x, classes, "cross_entropy", lambda output, expected: seen.append(expected.shape) or 0.0)
    assert seen == [(30, 3)], "a function of the reader's own gets rows"
    monkeypatch.setattr(tg.nn.costs, "one_hot", lambda *_: seen.append("rows") or np.zeros((30, 3)))
    assert mlp.score(x, classes, "cross_entropy") == 1.0
    assert "rows" not in seen


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, None], [2.0, 3.0]], r"its dtype is object: entry \[0, 1\] is None"),
        ([[1.0, "two"], [2.0, object]], "its dtype is object: entry|it holds the text 'two'"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": pd.array([1.0, None], dtype="Float64")}), r"column 'b' \(Float64\) lacks"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), "column 'b' is"),
        ((k for k in range(2)), "its dtype is object"),
    ],
)
def test_what_is_no_number_is_named(x, message):
    with pytest.raises(tg.InvalidType, match=f"must hold real numbers, but {message}"):
        MLP([2, 1], rng=0).predict(x)
