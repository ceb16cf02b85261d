import html.parser
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

import tinygrad_ed as tg
from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Activation, Cost
from tinygrad_ed.lecture import derive
from tinygrad_ed.lecture.check import entry_slopes, same, slopes_of

NAMES = [
    "forward", "dphi",
    "h", "h_by_a", "h_by_w", "h_by_b",
    "f_by_a", "f_by_w", "f_by_b_k", "f_by_b",
    "C_by_a", "product", "P", "with_P",
    "effective_P", "effective_grad_omega", "effective_grad_beta",
    "B", "rule_P", "rule_grad_omega", "rule_grad_beta",
    "backpropagation", "gradient_computation", "update",
]  # fmt: skip
PARTS = [
    "The network and the sample",
    "One neuron",
    "One layer",
    "The whole network",
    "The effective computations",
    "The backpropagation rules",
    "The algorithms",
]


def expected_output(rng, cost, n):
    if cost in ("logistic", "hinge"):
        return rng.choice([-1.0, 1.0], size=n)
    return rng.dirichlet(np.ones(n)) if cost == "cross_entropy" else rng.normal(size=n)


def given_network(sizes, activation="tanh", output="identity", cost="mse", seed=0, dtype=float):
    """A network with random biases, a sample and its expected output."""
    rng = np.random.default_rng(seed)
    mlp = tg.nn.MLP(sizes, activation=activation, output=output, rng=seed, dtype=dtype)
    for layer in mlp.layers:
        layer.bias.value = rng.normal(size=layer.n_out).astype(dtype)
    return mlp, rng.normal(size=sizes[0]), expected_output(rng, cost, sizes[-1]), cost


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    activation, output = [draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in range(2)]
    seed, dtype = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([np.float32, np.float64]))
    j = draw(st.integers(1, len(sizes) - 1))
    problem = given_network(sizes, activation, output, draw(st.sampled_from(sorted(COSTS))), seed, dtype)
    return *problem, j, draw(st.integers(0, sizes[j] - 1))


@pytest.fixture(scope="module")
def small():
    return derive(*given_network([2, 3, 2]), j=1, k=1)


# The steps


def test_the_steps_are_those_of_the_lecture_in_its_order(small):
    assert [step.name for step in small] == NAMES
    assert [part for part, _ in small.parts] == PARTS
    assert [number for _, steps in small.parts for number, _ in steps][:7] == [
        "1.1",
        "1.2",
        "2.1",
        "2.2",
        "2.3",
        "2.4",
        "3.1",
    ]
    assert small["P"] is small[NAMES.index("P")]
    assert small.holds
    assert small.first_failure is None
    assert all(step.check.difference <= step.check.allowed for step in small)


@settings(max_examples=30, deadline=None)
@given(networks())
def test_every_number_is_that_of_the_graph(problem):
    mlp, x, rho, cost, j, k = problem
    derivation = derive(mlp, x, rho, cost, j=j, k=k)
    assert derivation.holds, derivation.first_failure.check
    twin = tg.nn.MLP(mlp.sizes, mlp.layers[0].activation, mlp.layers[-1].activation)
    for layer, old in zip(twin.layers, mlp.layers, strict=True):
        layer.weights.value, layer.bias.value = old.weights.value.astype(float), old.bias.value.astype(float)
    book = tg.ledger(twin, x.astype(mlp.dtype), np.asarray(rho, mlp.dtype), cost, road="graph")
    compared = 0
    for step in derivation:
        if step.name == "update":
            continue
        for name, found in step.numbers.items():
            if name in book:
                np.testing.assert_allclose(
                    np.ravel(found), np.ravel(book[name]), rtol=1e-8, atol=1e-10, err_msg=f"{step.name}: {name}"
                )
                compared += 1
    L = len(mlp.layers)
    assert compared == 15 * L + 6
    for i, layer in enumerate(twin.layers, start=1):
        new = layer.weights.value - 0.1 * book[f"grad_omega[{i}]"]
        np.testing.assert_allclose(derivation["update"].numbers[f"omega[{i}]"], new, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("cost", sorted(COSTS))
def test_it_holds_for_every_activation_and_cost(activation, cost):
    derivation = derive(*given_network([3, 4, 3], activation, activation, cost, seed=5), j=2, k=2)
    assert derivation.holds, derivation.first_failure.check
    assert len(derivation) == len(NAMES)


def test_the_products_are_what_autograd_finds():
    mlp, x, rho, _ = given_network([3, 4, 3, 2])
    parameters = [p.value for p in mlp.parameters()]

    def error(parameters):
        a = x
        for i in range(0, 6, 2):
            z = anp.dot(a, parameters[i]) + parameters[i + 1]
            a = anp.tanh(z) if i < 4 else z
        return anp.sum((a - rho) ** 2) / 2

    gradients = autograd.grad(error)([*parameters])
    numbers = derive(mlp, x, rho)["product"].numbers
    for j in (1, 2, 3):
        np.testing.assert_allclose(numbers[f"E_by_w[{j}]"].T, gradients[2 * j - 2], rtol=1e-10)
        np.testing.assert_allclose(numbers[f"E_by_b[{j}]"][0], gradients[2 * j - 1], rtol=1e-10)


def test_the_jacobians_of_a_layer_have_the_zeros_of_the_slides():
    mlp, x, rho, _ = given_network([3, 4, 2], "sigmoid")
    derivation = derive(mlp, x, rho, j=1, k=2)
    slope = derivation["dphi"].numbers["dphi[1]"]
    by_w = derivation["f_by_w"].numbers["f_by_w[1,2]"]
    np.testing.assert_array_equal(by_w[[0, 1, 3]], 0)
    np.testing.assert_allclose(by_w[2], slope[2] * x)
    np.testing.assert_array_equal(derivation["f_by_b_k"].numbers["f_by_b[1,2]"].ravel(), [0, 0, slope[2], 0])
    np.testing.assert_array_equal(derivation["f_by_b"].numbers["f_by_b[1]"], np.diag(slope))
    np.testing.assert_allclose(
        derivation["f_by_a"].numbers["f_by_a[1]"], slope[:, np.newaxis] * mlp.layers[0].weights.value.T
    )
    assert derivation["f_by_a"].shapes == {"f_by_a[1]": (4, 3), "f_by_a[2]": (2, 4)}
    assert derivation["product"].shapes["product[0]"] == (2, 3)
    assert derivation["h"].shapes["zeta[1,2]"] == ()


def test_the_update_says_what_the_error_becomes():
    mlp, x, rho, _ = given_network([2, 3, 2])
    step = derive(mlp, x, rho, learning_rate=0.05)["update"]
    for i, layer in enumerate(mlp.layers, start=1):
        layer.weights.value, layer.bias.value = step.numbers[f"omega[{i}]"], step.numbers[f"beta[{i}]"]
    assert step.numbers["cost"] == pytest.approx(tg.nn.costs.mse(mlp.predict(x), rho), rel=1e-12)


def test_a_large_network_is_derived_whole_and_printed_short():
    mlp = tg.nn.MLP([100, 60, 40, 30, 20, 20, 10], "relu", rng=0)
    derivation = derive(mlp, np.random.default_rng(0).normal(size=100), 3, "cross_entropy", j=3, k=17)
    assert derivation.holds
    assert derivation["with_P"].shapes["grad_omega[1]"] == (100, 60)
    text = str(derivation)
    assert "Printed are the layers 1, 3, 6." in text
    assert len(text.splitlines()) < 700
    assert max(map(len, text.splitlines())) < 130
    assert len(derivation.to_html()) < 300_000
    by_w = derivation["f_by_w"]
    nonzero = by_w.numbers["f_by_w[3,17]"][17]
    shown = by_w.equations[0].unicode.split("; ")
    assert shown[4] == ", ".join(
        [tg.notation.letters.number(x).unicode for x in nonzero[:3]]
        + ["⋯", tg.notation.letters.number(nonzero[-1]).unicode]
    )


# Kinks


@pytest.mark.parametrize(("activation", "slope"), [("relu", "0"), ("leaky_relu", "0.01")])
def test_a_net_input_on_a_kink_is_said_and_the_derivation_holds(activation, slope):
    mlp = tg.nn.MLP([2, 3, 2], activation=activation, rng=0)
    derivation = derive(mlp, [0.0, 0.0], [1.0, 0.5])
    assert derivation.holds
    note = derivation["dphi"].text
    assert f"The net input of v¹₂ lies on the kink of {activation}, which has no derivative there" in note
    assert f"by convention Φ′ = {slope}." in note
    assert note.count("lies on the kink") == 3
    assert "lies on the kink" in str(derivation)
    assert "lies on the kink" in derivation.to_html()


@pytest.mark.parametrize(("cost", "rho"), [("l1", [0.0, 2.0]), ("margin", [0.0, 2.0]), ("hinge", [1.0, 1.0])])
def test_an_output_on_a_kink_of_the_cost_is_said_and_the_derivation_holds(cost, rho):
    mlp = tg.nn.MLP([2, 2], rng=0)
    mlp.layers[0].weights.value = np.zeros((2, 2))
    mlp.layers[0].bias.value = [1.0, 3.0] if cost == "hinge" else [0.0, 3.0]
    derivation = derive(mlp, [1.0, 2.0], rho, cost)
    assert derivation.holds
    assert (
        f"The output α¹₁ lies on the kink of {cost}, which has no derivative there; by convention it is 0."
        in derivation["C_by_a"].text
    )
    assert derivation["C_by_a"].text.count("kink") == 1
    assert not derivation["dphi"].note


def test_what_is_on_a_kink_but_for_rounding_is_said_with_the_slope_that_was_taken():
    mlp = tg.nn.MLP([1, 1], output="relu", rng=0)
    mlp.layers[0].weights.value, mlp.layers[0].bias.value = [[0.1]], [-0.3]  # 0.1 * 3 - 0.3 is 5.6e-17
    derivation = derive(mlp, [3.0], [5.551115123125783e-17 + 1.0])
    assert derivation.holds
    assert "lies on the kink of relu, which has no derivative there; by convention Φ′ = 1." in derivation["dphi"].text
    mlp = tg.nn.MLP([1, 1], rng=0)
    mlp.layers[0].weights.value = [[0.1]]
    derivation = derive(mlp, [3.0], [0.3], "l1")
    assert derivation.holds
    assert "lies on the kink of l1, which has no derivative there; by convention it is 1." in derivation["C_by_a"].text


def test_elu_is_smooth_at_zero_and_has_no_kink_to_speak_of():
    derivation = derive(tg.nn.MLP([2, 3, 2], "elu", rng=0), [0.0, 0.0], [1.0, 0.5])
    assert derivation.holds
    assert "kink" not in str(derivation)


def test_kinks_that_cancel_are_decided_by_the_convention_and_nobody_is_blamed():
    mlp = tg.nn.MLP([1, 1, 2, 1], "relu", rng=0)
    mlp.layers[1].weights.value = [[1.0, -2.0]]  # 3 a above zero as well as below, but 0 by the convention
    mlp.layers[0].bias.value, mlp.layers[2].weights.value = [1.0], [[3.0], [-1.5]]
    mlp.layers[1].bias.value = [-1.0, 2.0]
    derivation = derive(mlp, [0.0], [1.0])
    assert derivation.holds, derivation.first_failure.check
    assert derivation["dphi"].text.count("kink of relu") == 2
    assert derivation["product"].numbers["E_by_b[1]"] == 0


def test_the_rounding_of_large_numbers_that_cancel_is_not_blamed():
    mlp = tg.nn.MLP([2, 2, 2], "tanh", rng=0)
    mlp.layers[0].weights.value = [[0.7, 0.3], [-0.7, -0.3]]
    for x in ([1e8, 1e8], [1e10 + 1, 1e10]):
        derivation = derive(mlp, x, [1.0, 0.0])
        assert derivation.holds, derivation.first_failure.check


def test_near_a_kink_and_beyond_it_the_slopes_of_the_error_are_still_right():
    mlp = tg.nn.MLP([1, 2, 1], "relu", rng=0)
    mlp.layers[0].weights.value = [[1.0, 1.0]]
    for shift in (0.0, 1e-7, -1e-7, 1e-5, -1e-5, 1e-3):
        mlp.layers[0].bias.value = [-1.0 + shift, -2.0]
        for cost, rho in (("mse", 0.3), ("l1", shift), ("margin", 0.0)):
            derivation = derive(mlp, [1.0], [rho], cost)
            assert derivation.holds, (shift, cost, derivation.first_failure.check)


# The checks can fail


def wrong_by(factor):
    return lambda right: lambda *args: factor * right(*args)


def transposed(right):
    return lambda *args: right(*args).T


def shifted(right):
    return lambda *args: right(*args) + 1e-6


def at_wrong_place(right):
    return lambda alpha_prev, dphi, k: right(alpha_prev, dphi, (k + 1) % len(dphi))


PLANTED = [  # where, what, how it is spoilt, the step that must fail first
    (jacobians, "neuron_zeta", shifted, "forward"),
    (jacobians, "layer_zeta", wrong_by(1 + 1e-6), "forward"),
    (rules, "zeta", wrong_by(-1), "forward"),
    (rules, "alpha", shifted, "forward"),
    (jacobians, "neuron_by_a", shifted, "h_by_a"),
    (jacobians, "neuron_by_w", wrong_by(-1), "h_by_w"),
    (jacobians, "neuron_by_b", wrong_by(2), "h_by_b"),
    (jacobians, "layer_by_a", transposed, "f_by_a"),
    (jacobians, "layer_by_a", lambda right: lambda omega, dphi: omega.T, "f_by_a"),
    (jacobians, "layer_by_w", at_wrong_place, "f_by_w"),
    (jacobians, "layer_by_w", wrong_by(1 + 1e-6), "f_by_w"),
    (jacobians, "layer_by_b_k", wrong_by(1 + 1e-6), "f_by_b_k"),
    (jacobians, "layer_by_b", lambda right: lambda dphi: np.diag(dphi[::-1]), "f_by_b"),
    (jacobians, "cost_by_a", wrong_by(-1), "C_by_a"),
    (jacobians, "product", lambda right: lambda f, j: right({i: f[i][:, ::-1] for i in f}, j), "product"),
    (jacobians, "error_by_product", wrong_by(1.001), "product"),
    (jacobians, "P_rows", lambda right: lambda *args: {i: (1 + (i == 1)) * P for i, P in right(*args).items()}, "P"),
    (jacobians, "error_by_w", wrong_by(-1), "with_P"),
    (jacobians, "error_by_b", wrong_by(-1), "with_P"),
    (jacobians, "grad_omega", lambda right: lambda P, a, d: a[:, None] * P, "with_P"),
    (jacobians, "effective_P", lambda right: lambda P, dphi, omega: P @ omega.T, "effective_P"),
    (jacobians, "effective_grad_omega", transposed, "effective_grad_omega"),
    (jacobians, "effective_grad_beta", lambda right: lambda P, dphi: P[0], "effective_grad_beta"),
    (rules, "B_last", wrong_by(0.5), "B"),
    (rules, "B_hidden", lambda right: lambda zeta, omega, B, dphi: dphi(np.tanh(zeta)) * (B @ omega.T), "B"),
    (rules, "P", wrong_by(-1), "rule_P"),
    (rules, "grad_omega", wrong_by(2), "rule_grad_omega"),
    (rules, "grad_beta", lambda right: lambda B: np.full(B.shape[1], B.sum()), "rule_grad_beta"),
    (rules.RULES, "B_hidden", wrong_by(-1), "backpropagation"),
    (rules.RULES, "P", wrong_by(-1), "backpropagation"),
    (rules, "backpropagation", lambda right: lambda *args: tuple({i: -row[i] for i in row} for row in right(*args)),
     "backpropagation"),
    (rules.RULES, "grad_omega", wrong_by(-1), "gradient_computation"),
    (rules, "gradient_computation", lambda right: lambda alpha, B: right(alpha, {j: 2 * b for j, b in B.items()}),
     "gradient_computation"),
    (rules, "update", lambda right: lambda o, b, go, gb, eta: right(o, b, go, gb, -eta), "update"),
    (rules, "update", lambda right: lambda o, b, go, gb, eta: (right(o, b, go, gb, eta)[0], b), "update"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "name", "spoil", "step"), PLANTED)
@pytest.mark.parametrize("sizes", [[2, 3, 2], [3, 4, 3, 2]])
def test_a_planted_mistake_stops_the_derivation_at_its_step(where, name, spoil, step, sizes, monkeypatch):
    if isinstance(where, dict):
        monkeypatch.setitem(where, name, spoil(where[name]))
    else:
        monkeypatch.setattr(where, name, spoil(getattr(where, name)))
    derivation = derive(*given_network(sizes, seed=3), j=1, k=1)
    assert derivation.first_failure is not None
    assert derivation.first_failure.name == step
    assert derivation[-1] is derivation.first_failure
    assert not derivation.holds
    text, page = str(derivation), derivation.to_html()
    assert "✗ Compared" in text
    assert f"The step '{step}' does not hold. The derivation stops there" in text
    assert 'class="check fails"' in page
    assert 'class="verdict fails"' in page


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("output", [False, True])
def test_a_wrong_dphi_of_any_activation_is_found_where_the_slopes_are_taken(name, output, monkeypatch):
    right = ACTIVATIONS[name]
    monkeypatch.setitem(ACTIVATIONS, name, Activation(right.phi, lambda zeta: 1.001 * right.dphi(zeta) + 1e-3))
    activation, last = ("tanh", name) if output and name != "tanh" else (name, name)
    assert derive(*given_network([2, 3, 2], activation, last), j=1).first_failure.name == "dphi"


@pytest.mark.parametrize("name", sorted(COSTS))
def test_a_wrong_gradient_of_any_cost_is_found_at_the_cost(name, monkeypatch):
    right = COSTS[name]
    monkeypatch.setitem(COSTS, name, Cost(right.C, lambda y_hat, y: 1.001 * right.grad_C(y_hat, y) + 3e-3))
    assert derive(*given_network([2, 3, 2], cost=name), j=2).first_failure.name == "C_by_a"


def test_a_convention_outside_of_both_slopes_at_a_kink_is_found(monkeypatch):
    right = ACTIVATIONS["relu"]
    monkeypatch.setitem(
        ACTIVATIONS, "relu", Activation(right.phi, lambda zeta: np.where(zeta == 0, 1.1, right.dphi(zeta)))
    )
    assert derive(tg.nn.MLP([2, 2, 1], "relu"), [0.0, 0.0], [1.0]).first_failure.name == "dphi"


def test_a_check_says_what_it_compared_how_far_off_and_what_was_allowed():
    right, off = np.array([1.0, 100.0]), np.array([1.0, 100.0 + 1e-7])
    check = same("a with b", [(off, right, right)])
    assert (check.holds, check.allowed) == (False, pytest.approx(1e-8))
    assert check.difference == pytest.approx(1e-7)
    assert str(check) == "✗ Compared: a with b; largest difference 1.00·10⁻⁷, allowed 1·10⁻⁸."
    assert same("a with b", [(off, right, 100 * right)]).holds
    assert "(shapes (1, 2) and (2,))" in str(same("a with b", [(off[None], right, right)]))
    assert not same("a with b", [(np.array([np.nan]), np.ones(1), np.ones(1))]).holds
    assert same("inf with inf", [(np.array([np.inf]), np.array([np.inf]), np.ones(1))]).holds


def test_slopes_know_how_far_off_they_are():
    point = np.array([0.3, -2.0, 50.0])
    found = slopes_of(lambda x: np.sin(x[0]) * x[1] + np.log(x[2]), point, np.ones(3), 4.0)
    right = np.array([np.cos(0.3) * -2.0, np.sin(0.3), 1 / 50])
    assert (np.abs(found.middle - right) <= found.allowed).all()
    assert (found.allowed < 1e-5).all()
    kink = entry_slopes(np.abs, np.zeros(1))
    assert (kink.middle[0], kink.allowed[0]) == (0.0, pytest.approx(1.0))


# To read


def test_printing_it_shows_words_formulas_numbers_and_checks(small):
    text = str(small)
    for line in (
        "Backpropagation, derived on a 2-3-2 network",
        "4 The whole network",
        "4.2 The error by any parameter, as one product",
        "    ∂E/∂wʲₖ = ∂C/∂aᴸ · [∏(i=L…j+1) ∂fⁱ/∂aⁱ⁻¹] · ∂fʲ/∂wʲₖ",
        "    3  for j ← L − 1 to 1 do",
        "    5      [Pʲ]ᵀ ← Ωʲ · Bʲ",
        "    2      Gradient(Ωʲ) ← αʲ⁻¹ · [Bʲ]ᵀ",
        "All 24 steps hold: each equals the step before it.",
    ):
        assert line in text.splitlines(), line
    assert "neuron 2 of layer 1 (j=1, k=1 in code)" in text
    assert text.count("✓ Compared: ") == 24
    assert max(map(len, text.splitlines())) <= 110
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert (
        repr(small)
        == "<Backpropagation, derived on a 2-3-2 network. All 24 steps hold: each equals the step before it.>"
    )
    assert repr(small["B"]) == "<step 'B': The rule for B>"


def test_the_numbers_that_are_printed_are_those_of_the_steps(small):
    number = tg.notation.letters.number
    row = small["P"].numbers["P[1]"][0]
    assert small["P"].equations[-1].unicode.endswith(f"= [{number(row[0])}, {number(row[1])}]")
    new = small["update"].numbers["omega[1]"]
    rows = "; ".join([", ".join([number(x).unicode for x in line]) for line in new])
    before, gradients = small["forward"].numbers["cost"], small["gradient_computation"].numbers.values()
    fall = 0.1 * sum(float(np.sum(g**2)) for g in gradients)
    guess = f"E − η ‖∇E‖² = {number(before)} − {number(fall)} = {number(before - fall)}"
    assert small["update"].equations[2].unicode == guess
    assert small["update"].equations[0].unicode.endswith(f"= [{rows}]")


def test_every_formula_is_latex_that_another_reader_takes(small):
    for step in small:
        for f in (step.formula, *step.equations):
            if "\\begin" not in f.latex:
                MathTextParser("path").parse(f"${f.latex}$")


def test_markdown_has_headings_and_display_formulas(small):
    text = small.to_markdown()
    headings = re.findall(r"^(#+) ", text, re.M)
    assert (headings.count("#"), headings.count("##"), headings.count("###")) == (1, 7, 24)
    assert text.count("$$\n") == 2 * sum(1 + len(step.equations) for step in small)
    assert r"\frac{\partial E}{\partial w_{k}^{j}}" in text
    assert r"the slope of $\Phi$ times the derivative" in text
    assert "`" not in re.sub(r"Numbers: `[^`]*`", "", text)
    assert small._repr_markdown_() == text


class Outline(html.parser.HTMLParser):
    """The tags of a page, checked to be closed; its headings, ids, links and scripts."""

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.ids, self.links, self.tags = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "mspace"):
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs[name] for name in ("href", "aria-labelledby") if name in attrs]

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(small):
    page = small.to_html()
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    assert outline.headings == ["h1", "h2", *[tag for _, steps in small.parts for tag in ["h2", *["h3"] * len(steps)]]]
    assert len(set(outline.ids)) == len(outline.ids)
    assert {link.lstrip("#") for link in outline.links} <= set(outline.ids)
    assert {step.name for step in small} <= set(outline.ids)
    assert not {"script", "link", "img"} & set(outline.tags)
    assert set(re.findall(r"https?://[^\"' ]*", page)) == {"http://www.w3.org/1998/Math/MathML"}
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme:dark" in page
    assert "@media print" in page
    assert '<html lang="en">' in page
    assert "`" not in page
    for math in re.findall(r"<math.*?</math>", page):
        ET.fromstring(math)  # noqa: S314  # our own
    assert 'class="zero"' in page


def test_no_text_reaches_the_page_unescaped(small):
    hostile = replace(
        small, title="<b>&", intro="a < b & `α`", steps=(replace(small[0], title="</h3>", words="x > 0 & `ζ`"),)
    )
    page = hostile.to_html()
    for text in ("<title>&lt;b&gt;&amp;</title>", "a &lt; b &amp; <math", "&lt;/h3&gt;", "x &gt; 0 &amp; <math"):
        assert text in page
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    assert "&amp;lt;b" in hostile._repr_html_()


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(small):
    shown = small._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count("<") == 2
    assert html.unescape(re.search('srcdoc="([^"]*)"', shown)[1]) == small.to_html()


@pytest.mark.parametrize(
    ("suffix", "start"), [(".txt", "Backprop"), (".md", "# Backprop"), (".HTML", "<!DOCTYPE html>")]
)
def test_it_saves_itself_by_the_suffix(small, suffix, start, tmp_path):
    path = small.save(tmp_path / f"derivation{suffix}")
    assert path.read_text(encoding="utf-8").startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_save_that_fails_leaves_the_old_file(small, tmp_path, monkeypatch):
    path = tmp_path / "derivation.md"
    path.write_text("old")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        small.save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["derivation.md"]


@pytest.mark.parametrize("name", ["derivation", "derivation.pdf", ""])
def test_an_unknown_suffix_is_refused(small, name, tmp_path):
    with pytest.raises(ValueError, match=r"must end with one of \.txt, \.md, \.html: the suffix is the format"):
        small.save(tmp_path / name if name else name)
    with pytest.raises(tg.FileProblem, match="No such file"):
        small.save(tmp_path / "missing" / "derivation.md")


# What is refused


@pytest.mark.parametrize(
    ("arguments", "named", "kind", "message"),
    [
        (
            ([[1.0, 2.0]] * 3, [[0.0]] * 3),
            {},
            tg.ShapeError,
            r"for one sample, as on the slides, but x holds 3 of them",
        ),
        (([1.0, 2.0], [0.0]), {"j": 3}, tg.InvalidValue, "j=3: the network has 2 layers, counted from 1"),
        (([1.0, 2.0], [0.0]), {"j": 0}, tg.InvalidValue, "j must be a layer, counted from 1"),
        (([1.0, 2.0], [0.0]), {"j": 1.0}, tg.InvalidType, "j must be a layer"),
        (([1.0, 2.0], [0.0]), {"k": 3}, tg.InvalidValue, "k=3: layer 1 has 3 neurons, counted from 0"),
        (([1.0, 2.0], [0.0]), {"k": -1}, tg.InvalidValue, "k must be a neuron, counted from 0"),
        (([1.0, 2.0], [0.0]), {"learning_rate": 0}, tg.InvalidValue, "learning_rate must be a positive number"),
        (([1.0, 2.0], [0.0]), {"learning_rate": "1"}, tg.InvalidType, "learning_rate must be a positive number"),
        (([1.0, 2.0], [0.0]), {"cost": "msee"}, tg.InvalidValue, "Did you mean 'mse'"),
        (([1.0], [0.0]), {}, tg.ShapeError, "layer 1 has weights W1"),
        (([1.0, np.nan], [0.0]), {}, tg.InvalidValue, "x holds nan"),
    ],
)
def test_what_cannot_be_derived_is_refused_with_a_lesson(arguments, named, kind, message):
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    for entrance in (tg.lecture.derive, lambda *a, **n: tg.lecture.contribution(*a, **{"j": 1, "k": 0, **n})):
        with pytest.raises(kind, match=message) as problem:
            entrance(mlp, *arguments, **named)
        assert isinstance(problem.value, tg.Error)
        assert isinstance(problem.value, ValueError | TypeError)


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match=r"the first argument is a network, a tg\.nn\.MLP, not 5"):
        derive(5, [1.0], [1.0])


def test_one_sample_may_be_a_batch_of_one_and_the_network_stays_as_it_is():
    mlp, x, rho, _ = given_network([2, 3, 2])
    before = [p.value.copy() for p in mlp.parameters()]
    one, batch = derive(mlp, x, rho), derive(mlp, x[None], rho[None])
    assert str(one) == str(batch)
    for p, value in zip(mlp.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, value)
