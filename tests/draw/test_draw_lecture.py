import dataclasses

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.equations import gradient_of, net_input, net_slope, rule_of
from tinygrad_ed.draw.network_trace import network_trace
from tinygrad_ed.draw.parts import numbers_of
from tinygrad_ed.notation.letters import named

X, RHO = np.array([[0.5, -1.0]]), np.array([[1.0, 0.0]])
ACTIVATIONS = ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu"]
COSTS = ["mse", "l1", "huber", "logistic", "bce", "hinge", "margin", "cross_entropy"]


def network(activation="tanh", sizes=(2, 3, 2)):
    mlp = tg.nn.MLP(sizes, activation, rng=1)
    for layer in mlp.layers:
        layer.bias.value = np.linspace(-0.3, 0.4, layer.n_out)
    return mlp


def story(detail, activation="tanh", cost="mse"):
    rho = np.array([[1.0, -1.0]]) if cost in ("logistic", "hinge") else RHO
    return network_trace(network(activation), X, rho, cost, detail, 0.1)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("detail", ["scalar", "layer"])
def test_beside_every_step_stands_a_rule_that_gives_the_same_number(detail, activation, cost):
    data = story(detail, activation, cost)
    told = [step for step in data.steps if step.rule]
    assert [step.rule_agrees for step in told] == [True] * len(told)
    wanted = 5 + 5 + (2 + 2 + 3 + 3 + 2) + 17 if detail == "scalar" else 4 + 5 + 4
    assert len(told) == wanted  # zeta and alpha; P and B; the parameters


@pytest.mark.parametrize("detail", ["scalar", "layer", "tensor"])
def test_at_every_detail_the_last_gradients_are_those_of_the_rules(detail):
    data = story(detail)
    book = tg.ledger(network(), X, RHO, road="rules")
    seen = 0
    for node in data.nodes:
        if node.quantity and node.quantity.startswith(("omega", "beta")):
            places = [int(i) for i in node.quantity[node.quantity.index("[") + 1 : -1].split(",")]
            whole = book[f"grad_{node.quantity.split('[')[0]}[{places[0]}]"]
            assert np.allclose(node.gradient.entries, whole[tuple(places[1:])], rtol=1e-12, atol=0)
            seen += 1
    assert seen == (17 if detail == "scalar" else 4)


@pytest.mark.parametrize("detail", ["scalar", "layer"])
def test_the_contributions_of_a_gathered_graph_add_up_and_are_products(detail):
    data = story(detail, "gelu", "cross_entropy")
    by_id = {node.id: node for node in data.nodes}
    arrived = {}
    for edge in data.edges:
        if edge.contribution is None:
            assert by_id[edge.source].role == "constant"
            continue
        arrived[edge.source] = arrived.get(edge.source, 0.0) + np.asarray(edge.contribution.entries)
        if detail == "scalar":
            product = edge.local * by_id[edge.target].gradient.low
            assert edge.contribution.low == pytest.approx(product, rel=1e-9, abs=1e-15)
    for node in data.nodes:
        if node.id in arrived:
            assert np.allclose(arrived[node.id], node.gradient.entries, rtol=1e-12, atol=1e-15)


def test_a_rule_that_gives_another_number_is_marked_in_page_and_script():
    data = story("layer")
    wrong = dataclasses.replace(data, closed={**data.closed, "B[1]": numbers_of(2 * data.closed["B[1]"].array)})
    step = next(step for step in wrong.steps if step.rule_agrees is False)
    assert step.rule.unicode.startswith("B¹ = ")
    page = draw.player(wrong).render("html").decode()
    assert page.count("✗ not as in the graph") == 1
    assert "✗ not as in the graph" in draw.player(wrong).render("txt").decode()


def test_a_neuron_is_written_out_in_letters_and_in_numbers():
    told = {step.general.unicode: step.numbers.unicode for step in story("scalar").steps if step.phase != "again"}
    assert "ζ¹₁ = ω¹₁,₁ · α⁰₁ + ω¹₂,₁ · α⁰₂ + β¹₁" in told
    w = network().layers[0].weights.value
    first = f"{w[0, 0]:.3g} · 0.5 + ".replace("-", "−")
    assert first in told["ζ¹₁ = ω¹₁,₁ · α⁰₁ + ω¹₂,₁ · α⁰₂ + β¹₁"].replace("(", "").replace(")", "")
    assert "∂E/∂ω¹₂,₁ = ∂E/∂ζ¹₁ · α⁰₂" in told
    assert "∂E/∂α²₁ = ∂E/∂E · (α²₁ − ρ₁)" in told
    assert "ω¹₂,₁ ← ω¹₂,₁ − η · ∂E/∂ω¹₂,₁" in told
    assert any(line.startswith("∂E/∂α¹₁ += ∂E/∂ζ²₁ · ω²₁,₁") for line in told)


def test_in_layers_the_products_of_matrices_are_written_out():
    told = {step.general.unicode: step for step in story("layer").steps}
    step = told["∂E/∂Ω¹ = (α⁰)ᵀ ∂E/∂ζ¹"]
    left, right = step.work.parts[0], step.work.parts[-1]
    assert left.unicode == "[0.5, −1]ᵀ"
    assert right.unicode.startswith("[")
    assert np.allclose(step.result.entries, np.outer(X[0], tg.ledger(network(), X, RHO)["B[1]"][0]))
    assert told["ζ¹ = α⁰ Ω¹ + β¹"].work is not None


def test_of_a_batch_the_layers_are_played_and_the_mean_is_said():
    x, rho = np.array([[0.5, -1.0], [1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    data = network_trace(network(), x, rho, "mse", "layer", 0.1)
    assert all(step.rule_agrees for step in data.steps if step.rule)
    assert any("/ M" in step.general.unicode for step in data.steps)
    with pytest.raises(tg.InvalidValue, match=r"detail='scalar' plays one sample, but x holds 2"):
        draw.player(network(), x, rho, detail="scalar")
    assert b"node-n0" in draw.player(network(), x, rho).render("html")


def test_a_wide_sum_is_not_written_out():
    mlp = network(sizes=(9, 2))
    data = network_trace(mlp, np.linspace(-1, 1, 9), [1.0, 0.0], "mse", "scalar", 0.1)
    assert data.steps[0].general.unicode == "ζ¹₁ = Σ(m) ω¹ₘ,₁ α⁰ₘ + β¹₁"
    assert data.steps[0].work is None
    assert data.steps[0].rule_agrees


def test_an_unknown_detail_is_refused_with_the_nearest():
    with pytest.raises(tg.InvalidValue, match="Did you mean 'layer'"):
        draw.player(network(), X, RHO, detail="layers")


@pytest.mark.parametrize("quantity", ["alpha[0]", "alpha[0,1]", "omega[1]", "beta[1,0]", "rho[0]", "cost", "x"])
def test_what_is_given_has_no_rule(quantity):
    assert rule_of(quantity, 2) is None


def test_the_script_of_a_lesson_has_every_step_in_order(tmp_path):
    picture = draw.player(network(), X, RHO)
    text = picture.save(tmp_path / "lesson.txt").read_text(encoding="utf-8")
    data = network_trace(network(), X, RHO, "mse", "scalar", 0.1)
    at = 0
    for i, step in enumerate(data.steps, start=1):
        at = text.index(f"{i:>3}  {step.general.unicode}\n", at)
    assert [text.count(f"\n{head}: ") for head in ("Forward", "Backward", "Update")] == [1, 1, 1]
    assert text.count("✓") == sum(step.rule is not None for step in data.steps)
    assert max(len(line) for line in text.splitlines()) <= 130


@pytest.mark.parametrize(
    ("quantity", "rule"),
    [
        ("zeta[2]", "ζ² = α¹ Ω² + β²"),
        ("B[1]", "B¹ = Φ′(ζ¹) ⊙ P²"),
        ("B[1,0]", "B¹₁ = Φ′(ζ¹₁) · P²₁"),
        ("P[3,1]", "P³₂ = ∂C/∂α²₂"),
        ("grad_omega[1,1,0]", "∂E/∂ω¹₂,₁ = α⁰₂ · B¹₁"),
    ],
)
def test_a_rule_is_written_in_matrices_or_entry_by_entry(quantity, rule):
    assert rule_of(quantity, 2).unicode == rule


def test_every_letter_has_its_gradient_and_the_cost_has_none():
    gradients = {"zeta[2,0]": "B[2,0]", "alpha[0]": "P[1]", "omega[1,0,2]": "grad_omega[1,0,2]", "cost": None}
    assert {name: gradient_of(name) for name in gradients} == gradients


def test_a_net_input_and_its_slopes_in_letters():
    names = ("alpha[0,0]", "omega[1,0,2]", "alpha[0,1]", "omega[1,1,2]", "beta[1,2]")
    terms = {name: named(name) for name in names}
    assert net_input("zeta[1,2]", terms).unicode == "ω¹₁,₃ · α⁰₁ + ω¹₂,₃ · α⁰₂ + β¹₃"
    assert net_slope("zeta[1,2]", "omega[1,1,2]", terms).unicode == "α⁰₂"
    assert net_slope("zeta[1,2]", "beta[1,2]", terms) is None
