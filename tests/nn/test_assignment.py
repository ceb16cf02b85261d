"""A network is what it says: whatever can be assigned changes every road, the file and the pictures, or is refused."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP, Dense

RNG = np.random.default_rng(3)
X, RHO = RNG.standard_normal((4, 2)), RNG.standard_normal((4, 2))
ROADS = ("graph", "rules", "jacobians", "numeric", "tape")


def other_activation(mlp):
    mlp.layers[0].activation = "softplus"


def other_output(mlp):
    mlp.layers[-1].activation = "sigmoid"


def other_weights(mlp):
    mlp.layers[1].weights = RNG.standard_normal((3, 2))


def other_node(mlp):
    mlp.layers[1].weights = tg.Node(RNG.standard_normal((3, 2)))


def other_bias(mlp):
    mlp.layers[0].bias = [1.0, -2.0, 3.0]


def other_value(mlp):
    mlp.layers[0].weights.value = RNG.standard_normal((2, 3))


def other_layer(mlp):
    mlp.layers[0] = Dense(2, 3, "elu", rng=9)


def nameless(mlp):
    for layer in mlp.layers:
        layer.weights, layer.bias = tg.Node(layer.weights.value * 2.0), tg.Node(layer.bias.value + 0.5)


CHANGES = [
    other_activation, other_output, other_weights, other_node, other_bias, other_value, other_layer, nameless,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_on_every_road_in_the_file_and_in_the_pictures(change, tmp_path):
    mlp = MLP([2, 3, 2], rng=0)
    before = mlp.predict(X)
    mlp(X)  # nothing of an older graph stays
    change(mlp)
    output = mlp.predict(X)
    assert not np.allclose(output, before)
    np.testing.assert_array_equal(mlp(X).value, output)
    for road in ROADS:
        book = tg.ledger(mlp, X, RHO, road=road)
        if road != "numeric":
            np.testing.assert_allclose(book["alpha[2]"], output, rtol=1e-12)
        assert book["cost"] == pytest.approx(tg.nn.costs.mse(output, RHO), rel=1e-12)
    assert tg.crosscheck(mlp, X, RHO, roads=ROADS).agree
    for again in (MLP.load(mlp.save(tmp_path / "network.npz")), copy.deepcopy(mlp), pickle.loads(pickle.dumps(mlp))):  # noqa: S301  # our own
        np.testing.assert_array_equal(again.predict(X), output)
        assert repr(again) == repr(mlp)
    cost = f"{tg.ledger(mlp, X[:1], RHO[:1])['cost']:.3g}"
    for picture in (tg.draw.network(mlp, X[:1], RHO[:1]), tg.draw.player(mlp, X[:1], RHO[:1])):
        assert cost in picture.render("svg").decode()
    assert tg.lecture.derive(mlp, X[0], RHO[0]).holds
    for fit_road in ("rules", "graph", "tape"):
        learned = copy.deepcopy(mlp)
        history = tg.train.fit(learned, X, RHO, road=fit_road, epochs=2, method="gradient", learning_rate=0.01)
        assert history.cost[0] == pytest.approx(tg.nn.costs.mse(output, RHO), rel=1e-12)


REFUSED = {
    "activation": (lambda m: setattr(m.layers[0], "activation", "tanhh"), "unknown activation 'tanhh'. Did you mean"),
    "weights": (lambda m: setattr(m.layers[0], "weights", np.ones((3, 2))), r"layer 1 .* \(2, 3\), not \(3, 2\)"),
    "bias": (lambda m: setattr(m.layers[1], "bias", np.ones((1, 2))), r"bias of layer 2 .* shape \(2,\), not \(1, 2\)"),
    "node": (lambda m: setattr(m.layers[0], "weights", tg.Node(1.0)), r"layer 1 must be of shape \(2, 3\), not \(\)"),
    "layer": (lambda m: m.layers.__setitem__(0, Dense(2, 4)), r"widths \(2, 3\), and the new one \(2, 4\)"),
    "dtype": (lambda m: m.layers.__setitem__(1, Dense(3, 2, dtype="float32")), "layer 2 has the dtype float64"),
    "no layer": (lambda m: m.layers.__setitem__(1, "relu"), "a layer is a tg.nn.Dense, not 'relu'"),
    "a slice": (lambda m: m.layers.__setitem__(slice(0, 1), [Dense(2, 3)]), "a layer is a tg.nn.Dense, not"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_at_once_and_changes_nothing(name):
    mlp = MLP([2, 3, 2], rng=0)
    before, said = mlp.predict(X), repr(mlp)
    assign, words = REFUSED[name]
    with pytest.raises(tg.Error, match=words):
        assign(mlp)
    np.testing.assert_array_equal(mlp.predict(X), before)
    assert repr(mlp) == said


def test_one_activation_a_layer(tmp_path):
    mlp = MLP([2, 3, 3, 1], activation=["tanh", "relu", "sigmoid"], rng=0)
    assert repr(mlp) == "MLP([2, 3, 3, 1], activation=['tanh', 'relu', 'sigmoid'])"
    assert [layer.activation for layer in MLP.load(mlp.save(tmp_path / "n.npz")).layers] == ["tanh", "relu", "sigmoid"]
    assert tg.crosscheck(mlp, X, RHO[:, :1]).agree
    for wrong in ({"activation": ["tanh", "relu"]}, {"activation": ["tanh"] * 3, "output": "relu"}):
        with pytest.raises(tg.InvalidValue, match="one for each of the 3 layers"):
            MLP([2, 3, 3, 1], **wrong)


def test_your_own_weights_in_rows_and_in_columns():
    weights = [RNG.standard_normal((2, 3)), RNG.standard_normal((3, 1))]
    biases = [RNG.standard_normal(3), RNG.standard_normal(1)]
    expected = np.tanh(X @ weights[0] + biases[0]) @ weights[1] + biases[1]
    rows = MLP.from_weights(weights, biases)
    columns = MLP.from_weights([w.T for w in weights], [b[:, None] for b in biases], layout="columns")
    lists = MLP.from_weights([w.tolist() for w in weights], [[b.tolist()] for b in biases])
    for mlp in (rows, columns, lists):
        np.testing.assert_allclose(mlp.predict(X), expected, rtol=1e-14)
        assert [p.name for p in mlp.parameters()] == ["W1", "b1", "W2", "b2"]
    weights[0][:] = 0.0  # they are copied
    np.testing.assert_allclose(rows.predict(X), expected, rtol=1e-14)
    assert not MLP.from_weights(weights).layers[0].bias.value.any()
    single = MLP.from_weights([w.astype(np.float32) for w in weights])
    assert (single.dtype, MLP.from_weights(weights, dtype="float32").dtype, rows.dtype) == (
        np.float32,
        np.float32,
        float,
    )


WRONG = {
    "a chain": (([np.ones((2, 3)), np.ones((2, 1))],), {}, r"layer 2 .* shape \(2, 1\), which take 2 inputs, but"),
    "a vector": (([np.ones(3)],), {}, r"weights of layer 1 are a matrix, but got shape \(3,\)"),
    "a bias": (([np.ones((2, 3))], [np.ones(2)]), {}, r"bias of layer 1 must be of shape \(3,\), not \(2,\)"),
    "biases": (([np.ones((2, 3))], []), {}, "1 matrices of weights, but 0 biases"),
    "none": (([],), {}, "at least one layer"),
    "layout": (([np.ones((2, 3))],), {"layout": "colums"}, "unknown layout 'colums'. Did you mean 'columns'"),
    "text": (([[["a"]]],), {}, "weights of layer 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_do_not_fit_are_refused_with_the_layer(name):
    args, keywords, words = WRONG[name]
    with pytest.raises(tg.Error, match=words):
        MLP.from_weights(*args, **keywords)


def test_layers_take_the_place_of_all_the_others():
    mlp = MLP([2, 3, 2], rng=0)
    mlp.layers = [Dense(2, 3, "elu", rng=9), Dense(3, 2, rng=8)]
    assert [layer.activation for layer in mlp.layers] == ["elu", "identity"]
    assert [layer.called() for layer in mlp.layers] == ["layer 1", "layer 2"]
    for copied in (copy.deepcopy(mlp), pickle.loads(pickle.dumps(mlp))):  # noqa: S301  # our own
        np.testing.assert_array_equal(copied.predict(X), mlp.predict(X))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda mlp: setattr(mlp, "sizes", (2, 9, 2)), tg.InvalidType, "the sizes of a network stay"),
        (lambda mlp: setattr(mlp, "layers", []), tg.ShapeError, "layers takes 2 layers, one for each"),
        (lambda mlp: setattr(mlp, "layers", 3), tg.ShapeError, "layers takes 2 layers, one for each"),
        (lambda mlp: setattr(mlp, "layers", [Dense(2, 3), Dense(4, 2)]), tg.ShapeError, "layer 2 has the widths"),
        (lambda mlp: setattr(mlp, "activation", "relu"), tg.InvalidValue, "no .activation. to assign; its layers"),
        (lambda mlp: setattr(mlp.layers[0], "weight", 1.0), tg.InvalidValue, "no 'weight' to assign.*mean 'weights'"),
        (lambda mlp: setattr(mlp.layers[0], "n_in", 3), tg.InvalidType, "the widths of layer 1 stay as they are"),
        *[
            (lambda mlp, name=name, args=args: getattr(mlp.layers, name)(*args), tg.InvalidType, "keeps its 2 layers")
            for name, args in {
                "append": (Dense(2, 2),), "extend": ([Dense(2, 2)],), "insert": (0, Dense(2, 2)), "pop": (),
                "clear": (), "remove": (None,),
                "reverse": (), "sort": (), "__delitem__": (0,), "__iadd__": ([Dense(2, 2)],),
                "__imul__": (2,),
            }.items()
        ],
    ],
)  # fmt: skip
def test_what_cannot_be_changed_is_refused_at_once(change, error, message):
    mlp = MLP([2, 3, 2], rng=0)
    before = mlp.predict(X)
    with pytest.raises(error, match=message):
        change(mlp)
    assert (mlp.sizes, len(mlp.layers)) == ((2, 3, 2), 2)
    np.testing.assert_array_equal(mlp.predict(X), before)


def test_every_method_that_changes_a_list_is_refused():
    changing = {name for name in dir(list) if name in vars(type(MLP([2, 1]).layers))} - {"__reduce__", "__doc__"}
    reading = {"copy", "count", "index"} | {name for name in dir(tuple) if name.startswith("__")} | {"__reversed__"}
    assert set(dir(list)) - reading - changing <= {"__setitem__"}
