"""The checks of a derivation hold at kinks and under rounding, and fail at a planted mistake."""

import numpy as np
import pytest
from derive_networks import given_network

import tinygrad_ed as tg
from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Activation, Cost
from tinygrad_ed.lecture import derive
from tinygrad_ed.lecture.check import entry_slopes, same, slopes_of

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
