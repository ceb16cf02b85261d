"""A layer without a bias has none: on every road, in training, in every picture, in the file, in the derivation."""

import copy
import pickle
import pydoc
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.closed_form import rules
from tinygrad_ed.draw import stage
from tinygrad_ed.nn import MLP, Dense

RNG = np.random.default_rng(5)
X, RHO = RNG.standard_normal((6, 3)), RNG.standard_normal((6, 2))
WEIGHTS = [RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))]
BIASES = [RNG.standard_normal(4), RNG.standard_normal(2)]
ROADS = ("graph", "rules", "jacobians", "numeric", "tape")
KINDS = {"none": (False, False), "first": (True, False), "last": (False, True), "both": (True, True)}
OPTIMIZERS = ("SGD", "Momentum", "NAG", "AdaGrad", "RMSProp", "Adam", "AdamW", "AMSGrad", "Adadelta", "GradientDescent")


def network(kind):
    return MLP.from_weights(WEIGHTS, [b if has else None for b, has in zip(BIASES, KINDS[kind], strict=True)])


def names(kind):
    return [f"{p}{j}" for j in (1, 2) for p in "Wb" if p == "W" or KINDS[kind][j - 1]]


def by_hand(kind, x):
    first, last = [b if has else 0.0 for b, has in zip(BIASES, KINDS[kind], strict=True)]
    return np.tanh(x @ WEIGHTS[0] + first) @ WEIGHTS[1] + last


@pytest.mark.parametrize("kind", KINDS)
def test_every_road_and_the_ledger(kind):
    mlp = network(kind)
    assert [p.name for p in mlp.parameters()] == names(kind)
    assert [layer.bias is not None for layer in mlp.layers] == list(KINDS[kind])
    np.testing.assert_allclose(mlp.predict(X), by_hand(kind, X), rtol=1e-13)
    np.testing.assert_allclose(mlp(X).value, by_hand(kind, X), rtol=1e-13)
    books = {road: tg.ledger(mlp, X, RHO, road=road) for road in ROADS}
    for book in books.values():
        found = [name for name in book if name.startswith("grad")]
        assert found == [
            f"grad_{p}[{j}]" for j in (2, 1) for p in ("omega", "beta") if p == "omega" or KINDS[kind][j - 1]
        ]
    assert list(books["rules"]) == list(books["graph"]) == list(books["jacobians"]) == list(books["tape"])
    checked = tg.crosscheck(mlp, X, RHO, roads=ROADS)
    assert checked.agree
    assert [row.quantity for row in checked.rows] == list(books["rules"])
    tg.check_grads(lambda *p: tg.nn.costs.mse(tg.tanh(X @ p[0]) @ p[1], RHO), *WEIGHTS)  # the graph without any


@pytest.mark.parametrize("kind", KINDS)
def test_a_float32_network_on_the_roads(kind):
    mlp = MLP([3, 4, 2], dtype="float32", bias=KINDS[kind])
    assert {str(value.dtype) for value in tg.ledger(mlp, X, RHO).values() if np.ndim(value)} == {"float32"}
    assert tg.crosscheck(mlp, X, RHO, roads=ROADS).agree


@pytest.mark.parametrize("wide", [3, 300], ids=["narrow", "wide"])  # a wide input goes another way in `fast.py`
@pytest.mark.parametrize("kind", KINDS)
def test_training_is_that_of_the_formulas_on_every_road(kind, wide):
    rng = np.random.default_rng(wide)
    x, first = rng.standard_normal((6, wide)), MLP([wide, 4, 2], rng=1, bias=KINDS[kind])
    omega = {j: layer.weights.value.copy() for j, layer in enumerate(first.layers, start=1)}
    beta = {j: np.zeros(layer.n_out) for j, layer in enumerate(first.layers, start=1) if layer.bias is not None}
    phis = {1: "tanh", 2: "identity"}
    for _ in range(3):
        zeta, alpha = rules.forward(omega, beta, phis, x)
        B, _ = rules.backpropagation(omega, phis, zeta, alpha, RHO, "mse")
        omega, beta = rules.update(omega, beta, *rules.gradient_computation(alpha, B), 0.05)
    for road in ("rules", "graph", "tape"):
        mlp = copy.deepcopy(first)
        tg.train.fit(mlp, x, RHO, method="gradient", epochs=3, learning_rate=0.05, road=road)
        for j, layer in enumerate(mlp.layers, start=1):
            np.testing.assert_allclose(layer.weights.value, omega[j], rtol=1e-9, atol=1e-12)
            assert (layer.bias is None) == (j not in beta)
            if j in beta:
                np.testing.assert_allclose(layer.bias.value, beta[j], rtol=1e-9, atol=1e-12)


def test_every_optimizer_and_workers(tmp_path):
    from tinygrad_ed.train.optim import OPTIMIZERS

    for make in OPTIMIZERS.values():
        learned = []
        for road in ("rules", "graph"):
            mlp = network("first")
            tg.train.fit(mlp, X, RHO, epochs=2, batch_size=3, road=road, optimizer=make(0.01))
            learned.append(np.concatenate([p.value.ravel() for p in mlp.parameters()]))
            assert mlp.layers[1].bias is None
        np.testing.assert_allclose(*learned, rtol=1e-8)
    alone, together = network("last"), network("last")
    tg.train.fit(alone, X, RHO, epochs=2, batch_size=3)
    with ThreadPoolExecutor(2) as executor:
        tg.train.fit(together, X, RHO, epochs=2, batch_size=3, executor=executor)
    np.testing.assert_allclose(alone.predict(X), together.predict(X), rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_files_checkpoints_and_copies(kind, tmp_path):
    mlp = network(kind)
    for again in (
        MLP.load(mlp.save(tmp_path / "n.npz")),
        MLP.load(mlp.save(tmp_path / "n.safetensors")),
        copy.deepcopy(mlp),
        pickle.loads(pickle.dumps(mlp)),  # noqa: S301  # our own
        eval(repr(mlp), {"MLP": MLP}),  # noqa: S307  # our own
    ):
        assert repr(again) == repr(mlp)
        assert [p.name for p in again.parameters()] == names(kind)
    np.testing.assert_array_equal(MLP.load(tmp_path / "n.npz").predict(X), mlp.predict(X))
    half, whole = network(kind), network(kind)
    for epochs in (1, 3):
        tg.train.fit(half, X, RHO, batch_size=2, epochs=epochs, checkpoint=tmp_path / "run.npz", resume=True)
    tg.train.fit(whole, X, RHO, batch_size=2, epochs=3)
    np.testing.assert_array_equal(half.predict(X), whole.predict(X))
    other = MLP([3, 4, 2], bias=not all(KINDS[kind]))
    with pytest.raises(tg.InvalidValue, match="is of a run with network MLP"):
        tg.train.fit(other, X, RHO, batch_size=2, epochs=3, checkpoint=tmp_path / "run.npz", resume=True)


def test_a_file_with_a_description_that_does_not_fit_its_arrays_is_refused(tmp_path):
    about, arrays = network("both").parts()
    for bias in ([True, "no"], [True], None, [False, False, True], "TT"):
        described = {"network": about["network"] | {"bias": bias}}
        with pytest.raises(tg.FileProblem, match="holds no network of this package"):
            MLP.from_parts("n.npz", described, arrays)
    with pytest.raises(tg.FileProblem, match="'b2'"):
        MLP.from_parts("n.npz", about, {name: array for name, array in arrays.items() if name != "b2"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture(kind, monkeypatch):
    mlp, has = network(kind), KINDS[kind]
    drawn = tg.draw.network(mlp, X[0], RHO[0]).render("svg").decode()
    for j, width in ((1, 4), (2, 2)):
        assert len(re.findall(rf">β</tspan><tspan [^>]*>{j}<", drawn)) == width * has[j - 1]
    compared = tg.draw.compare(mlp, X, RHO).render("html").decode()
    assert ["grad_beta[1]" in compared, "grad_beta[2]" in compared] == list(has)
    lines = [tg.draw.compare(net, X, RHO).render("svg").count(b'class="wire"') for net in (mlp, network("both"))]
    assert lines[1] - lines[0] == 2 * has.count(False)  # to the gradients of the biases, on both roads
    with monkeypatch.context() as only:
        only.setattr(stage, "in_rows", None)  # neuron by neuron it is drawn as a network
        tg.draw.player(mlp, X[0], RHO[0], detail="scalar").render("svg")
    for detail in ("scalar", "layer", "tensor"):
        player = tg.draw.player(mlp, X[0], RHO[0], detail=detail).render("html").decode()
        assert ['"beta[1' in player, '"beta[2' in player] == list(has)
    root = tg.nn.costs.mse(mlp(X[0]), RHO[0])
    root.backward()
    graph = tg.draw.graph(root, detail="tensor").render("dot").decode()
    assert [">b1<" in graph, ">b2<" in graph] == list(has)
    ax = tg.plots.cost_contour(mlp, X, RHO, directions=("W1[0,0]", "W2[0,0]"), resolution=3)
    assert ax.get_xlabel() == "ω¹₁,₁"


def test_the_player_tells_the_sum_without_a_bias():
    from tinygrad_ed.draw.network_trace import network_trace

    said = [step.general.unicode for step in network_trace(network("first"), X[0], RHO[0], "mse", "scalar", 0.1).steps]
    assert "ζ¹₁ = ω¹₁,₁ · α⁰₁ + ω¹₂,₁ · α⁰₂ + ω¹₃,₁ · α⁰₃ + β¹₁" in said
    assert "ζ²₁ = ω²₁,₁ · α¹₁ + ω²₂,₁ · α¹₂ + ω²₃,₁ · α¹₃ + ω²₄,₁ · α¹₄" in said
    layers = [step.general.unicode for step in network_trace(network("last"), X, RHO, "mse", "layer", 0.1).steps]
    assert "ζ¹ = α⁰ Ω¹" in layers
    assert "ζ² = α¹ Ω² + β²" in layers


@pytest.mark.parametrize("kind", KINDS)
def test_the_derivation_and_the_contribution(kind):
    mlp, has = network(kind), KINDS[kind]
    derivation = tg.lecture.derive(mlp, X[0], RHO[0], learning_rate=0.1)
    assert derivation.holds
    assert [f"Layer {j} has no bias" in derivation.intro for j in (1, 2)] == [not b for b in has]
    moved = copy.deepcopy(mlp)
    tg.train.fit(moved, X[:1], RHO[:1], method="gradient", epochs=1, learning_rate=0.1)
    after = tg.nn.costs.mse(moved.predict(X[:1]), RHO[:1])
    assert float(derivation["update"].numbers["cost"]) == pytest.approx(after, rel=1e-10)
    said = tg.lecture.contribution(mlp, X[0], RHO[0], 1, 0)
    assert (said.beta is None, said.grad_beta is None) == (not has[0], not has[0])
    assert ("it has no bias" in str(said), "β¹₁" in str(said)) == (not has[0], has[0])
    square = float(said.grad_omega @ said.grad_omega) + (said.grad_beta or 0.0) ** 2
    assert said.predicted == pytest.approx(-0.1 * square, rel=1e-12)
    assert said.measured == pytest.approx(said.predicted, abs=0.2 * abs(said.predicted))


def test_a_readers_rules_are_judged_where_they_count():
    wrong = {"grad_beta": lambda B: B.mean(axis=0)}
    none = tg.crosscheck(network("none"), X, RHO, rules=wrong)
    assert none.agree
    assert "your grad_beta was not judged" in none.notes[0]
    first = tg.crosscheck(network("first"), X, RHO, rules=wrong)
    assert (first.first_divergence.quantity, first.diagnosis[0].layers) == ("grad_beta[1]", (1,))
    forgets = tg.crosscheck(network("none"), X, RHO, rules={"zeta": lambda a, w, b: a @ w})
    assert forgets.agree
    assert "right on all 10 other problems" in forgets.notes[0]  # they have no biases, either


def test_a_bias_is_there_for_good_or_not_at_all():
    mlp = MLP([2, 3, 2], bias=[True, False])
    for change, words in (
        (lambda: setattr(mlp.layers[1], "bias", [1.0, 2.0]), "layer 2 was made without a bias.*bias=True"),
        (lambda: setattr(mlp.layers[1], "bias", tg.Node([1.0, 2.0])), "layer 2 was made without a bias"),
        (lambda: setattr(mlp.layers[0], "bias", None), "layer 1 was made with a bias.*bias=False, or give it zeros"),
        (lambda: setattr(mlp.layers[0], "weights", None), "the weights must hold real numbers"),
        (
            lambda: mlp.layers.__setitem__(0, Dense(2, 3, bias=False)),
            r"parameters \('weights', 'bias'\), and the new one \('weights',\)",
        ),
    ):
        with pytest.raises(tg.Error, match=words):
            change()
    assert [p.name for p in mlp.parameters()] == ["W1", "b1", "W2"]
    mlp.layers[1].bias = None  # what it is
    mlp.layers[1] = Dense(3, 2, "relu", bias=False)
    assert repr(mlp) == "MLP([2, 3, 2], activation='tanh', output='relu', bias=[True, False])"
    assert (repr(Dense(2, 1, bias=False)), repr(Dense(2, 1))) == (
        "Dense(2, 1, 'identity', bias=False)", "Dense(2, 1, 'identity')",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bias", "words"),
    [("no", "True or False, not 'n'"), (None, "not None"), (1, "not 1"), ([True], "for each of the 2 layers, but got"),
     ([True, "no"], "not 'no'"), (np.ones(2), "True or False")],
)  # fmt: skip
def test_what_is_no_bias_is_refused(bias, words):
    with pytest.raises(tg.Error, match=words):
        MLP([2, 3, 2], bias=bias)


def test_help_names_the_layers_the_weights_and_the_bias():
    for thing, words in (
        (MLP, ("layers:", "layers[0].weights", "layers[0].bias", "bias:")),
        (Dense, ("weights:", "bias:")),
    ):
        said = pydoc.plain(pydoc.render_doc(thing))
        assert [word for word in words if word not in said] == []
