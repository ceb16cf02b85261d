# ruff: noqa: N803
# (the names are the slides' letters, capitals included)
"""The algorithms take a reader's own rules, and an update steps against the gradient."""

import numpy as np
import pytest
from closed_form_networks import mean_cost, network

from tinygrad_ed.closed_form import rules

# the algorithms take a reader's own rules


FAULTS = [  # a wrong version of a rule, and the first quantity that it spoils in a network of three layers
    ("zeta", lambda alpha_prev, omega, beta: alpha_prev @ omega, "zeta[1]"),
    ("alpha", lambda zeta, phi: 2 * phi(zeta), "alpha[1]"),
    ("B_last", lambda zeta, alpha, rho, dphi, grad_C: dphi(zeta) * grad_C(alpha, rho), "B[3]"),
    ("B_last", lambda zeta, alpha, rho, dphi, grad_C: -dphi(zeta) * grad_C(alpha, rho) / len(alpha), "B[3]"),
    ("B_last", lambda zeta, alpha, rho, dphi, grad_C: dphi(alpha) * grad_C(alpha, rho) / len(alpha), "B[3]"),
    ("B_hidden", lambda zeta, omega_next, B_next, dphi: B_next @ omega_next.T, "B[2]"),
    ("B_hidden", lambda zeta, omega_next, B_next, dphi: dphi(zeta) * (B_next @ omega_next), "B[2]"),
    ("P", lambda omega, B: B @ omega, "P[3]"),
    ("grad_omega", lambda alpha_prev, B: B.T @ alpha_prev, "grad_omega[3]"),
    ("grad_beta", lambda B: B.mean(axis=0), "grad_beta[3]"),
    ("grad_beta", lambda B: np.full(B.shape[1], B.sum()), "grad_beta[3]"),
]


@pytest.mark.parametrize(("name", "fault", "first"), FAULTS)
def test_a_swapped_rule_is_used_and_spoils_its_own_quantity_first(name, fault, first):
    net = network(2, [3, 3, 3, 3], ["tanh", "sigmoid", "softplus"], "mse", 4)
    right, wrong = rules.quantities(*net), rules.quantities(*net, rules={name: fault})
    assert next(q for q in right if not np.allclose(right[q], wrong[q], rtol=1e-9, atol=0)) == first


def test_the_algorithms_call_their_rules_line_by_line():
    calls = []

    def recorded(name):
        return lambda *arguments: (calls.append(name), rules.RULES[name](*arguments))[1]

    net = network(2, [2, 3, 2, 1], ["tanh", "relu", "identity"], "mse", 2)
    rules.quantities(*net, rules={name: recorded(name) for name in rules.RULES})
    assert calls == [
        *["zeta", "alpha"] * 3,
        *["B_last", "P", "B_hidden", "P", "B_hidden", "P"],
        *["grad_omega", "grad_beta"] * 3,
    ]


def test_every_rule_is_swapped_by_some_fault_and_the_names_are_those_of_the_contract():
    assert list(rules.RULES) == ["zeta", "alpha", "B_last", "B_hidden", "P", "grad_omega", "grad_beta"]
    assert {name for name, _, _ in FAULTS} == set(rules.RULES)


def test_a_whole_mapping_of_rules_is_taken_as_well_and_the_table_is_left_alone():
    net = network(2, [2, 2], ["tanh"], "mse", 2)
    before = dict(rules.RULES)
    doubled = rules.quantities(*net, rules={**rules.RULES, "grad_beta": lambda B: 2 * B.sum(axis=0)})
    np.testing.assert_allclose(doubled["grad_beta[1]"], 2 * rules.quantities(*net)["grad_beta[1]"])
    assert before == rules.RULES


def test_backpropagation_without_p_gives_the_same_b():
    omega, beta, activations, x, rho, cost = network(4, [3, 4, 2, 2], ["tanh", "relu", "silu"], "huber", 3)
    zeta, alpha = rules.forward(omega, beta, activations, x)
    B, P = rules.backpropagation(omega, activations, zeta, alpha, rho, cost)
    alone, nothing = rules.backpropagation(omega, activations, zeta, alpha, rho, cost, with_P=False)
    assert sorted(B) == [1, 2, 3]
    assert sorted(P) == [1, 2, 3, 4]
    assert nothing == {}
    for j, row in B.items():
        np.testing.assert_array_equal(alone[j], row)


# the update


def test_an_update_steps_against_the_gradient_and_leaves_the_old_parameters_alone():
    omega, beta, activations, x, rho, cost = network(6, [2, 3, 1], ["tanh", "identity"], "mse", 4)
    before = {j: w.copy() for j, w in omega.items()}
    zeta, alpha = rules.forward(omega, beta, activations, x)
    B, _ = rules.backpropagation(omega, activations, zeta, alpha, rho, cost)
    grad_omega, grad_beta = rules.gradient_computation(alpha, B)
    new_omega, new_beta = rules.update(omega, beta, grad_omega, grad_beta, 0.1)
    for j in omega:
        np.testing.assert_array_equal(omega[j], before[j])
        np.testing.assert_allclose(new_omega[j], omega[j] - 0.1 * grad_omega[j])
        np.testing.assert_allclose(new_beta[j], beta[j] - 0.1 * grad_beta[j])
    assert mean_cost(new_omega, new_beta, activations, x, rho, cost) < mean_cost(omega, beta, activations, x, rho, cost)


def test_an_update_with_a_numpy_learning_rate_keeps_float32():
    one = {1: np.ones((1, 1), np.float32)}
    new_omega, new_beta = rules.update(one, one, one, one, np.float64(0.1))
    assert {new_omega[1].dtype, new_beta[1].dtype} == {np.dtype(np.float32)}
