# ruff: noqa: N806
# (the names are the slides' letters, capitals included)
"""The rules agree with the Jacobians, and both with central differences and a network computed by hand."""

import math

import numpy as np
import pytest
from closed_form_networks import ACTIVATION_NAMES, COST_NAMES, central_differences, mean_cost, network, networks
from hypothesis import assume, given, settings

from tinygrad_ed.closed_form import jacobians, rules

KINKS = {"relu": 0.0, "leaky_relu": 0.0}


def assert_same(one, other, rtol=1e-10, atol=1e-12):
    assert list(one) == list(other)
    for name in one:
        assert np.shape(one[name]) == np.shape(other[name]), name
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, atol=atol, err_msg=name)


# rules against jacobians, and both against the referee


@settings(max_examples=150, deadline=None, derandomize=True)
@given(networks())
def test_rules_and_jacobians_agree_on_every_quantity(net):
    assert_same(rules.quantities(*net), jacobians.quantities(*net))


def near_a_kink(net):
    """Whether central differences might step over a kink of an activation or of the cost."""
    omega, beta, activations, x, rho, cost = net
    zeta, alpha = rules.forward(omega, beta, activations, x)
    answer = alpha[len(omega)]
    distances = [np.abs(zeta[j] - KINKS[name]).min() for j, name in activations.items() if name in KINKS]
    if cost in ("l1", "margin"):
        distances.append(np.abs(answer - rho).min())
    if cost == "hinge":
        distances.append(np.abs(1 - answer * rho).min())
    return any(distance < 1e-3 for distance in distances)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(networks())
def test_the_gradients_are_the_central_differences_of_the_mean_cost(net):
    assume(not near_a_kink(net))
    found = rules.quantities(*net)
    for what, parameters in (("omega", net[0]), ("beta", net[1])):
        for j, parameter in parameters.items():
            numeric = central_differences(parameter, lambda: mean_cost(*net))
            np.testing.assert_allclose(found[f"grad_{what}[{j}]"], numeric, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("cost", COST_NAMES)
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_every_pair_of_activation_and_cost_has_the_gradient_of_its_central_differences(activation, cost):
    seeds = (network(seed, [2, 3, 2], [activation, activation], cost, 3) for seed in range(100))
    net = next(net for net in seeds if not near_a_kink(net) and np.abs(rules.quantities(*net)["B[2]"]).max() > 0.01)
    found = rules.quantities(*net)
    for what, parameters in (("omega", net[0]), ("beta", net[1])):
        for j, parameter in parameters.items():
            numeric = central_differences(parameter, lambda: mean_cost(*net))
            np.testing.assert_allclose(found[f"grad_{what}[{j}]"], numeric, rtol=1e-6, atol=1e-8)


def test_p1_is_the_derivative_of_the_mean_cost_by_the_input():
    net = network(5, [3, 4, 2], ["tanh", "sigmoid"], "mse", 3)
    numeric = central_differences(net[3], lambda: mean_cost(*net))
    np.testing.assert_allclose(rules.quantities(*net)["P[1]"], numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("road", [rules, jacobians])
def test_the_quantities_come_in_the_order_of_the_slides_with_the_batch_axis_first(road):
    found = road.quantities(*network(0, [2, 3, 1], ["relu", "sigmoid"], "mse", 4))
    shapes = {name: np.shape(value) for name, value in found.items()}
    assert list(shapes.items()) == [
        ("alpha[0]", (4, 2)),
        ("zeta[1]", (4, 3)),
        ("alpha[1]", (4, 3)),
        ("zeta[2]", (4, 1)),
        ("alpha[2]", (4, 1)),
        ("cost", ()),
        ("P[3]", (4, 1)),
        ("B[2]", (4, 1)),
        ("P[2]", (4, 3)),
        ("B[1]", (4, 3)),
        ("P[1]", (4, 2)),
        ("grad_omega[2]", (3, 1)),
        ("grad_beta[2]", (1,)),
        ("grad_omega[1]", (2, 3)),
        ("grad_beta[1]", (3,)),
    ]
    assert type(found["cost"]) is float


@pytest.mark.parametrize("cost", COST_NAMES)
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_float32_stays_float32_on_both_roads(activation, cost):
    omega, beta, activations, x, rho, _ = network(1, [2, 3, 2], [activation, activation], cost, 3)
    single = [{j: v.astype(np.float32) for j, v in p.items()} for p in (omega, beta)]
    net = (*single, activations, x.astype(np.float32), rho.astype(np.float32), cost)
    roads = rules.quantities(*net), jacobians.quantities(*net)
    for road in roads:
        assert {value.dtype for name, value in road.items() if name != "cost"} == {np.dtype(np.float32)}
    assert_same(*roads, rtol=1e-4, atol=1e-5)
    assert_same(roads[0], rules.quantities(omega, beta, activations, x, rho, cost), rtol=1e-3, atol=1e-4)


# the slides on paper: a 2-2-1 network with tanh below and sigmoid above, two samples, the square error


def test_the_worked_2_2_1_example():
    w1, b1 = [[0.5, -1.0], [0.25, 2.0]], [0.1, -0.2]  # w1[i][k]: from input i to neuron k
    w2, b2 = [1.5, -0.5], 0.3
    samples = [([1.0, 2.0], 1.0), ([-0.5, 0.75], 0.0)]

    E, gw1, gb1, gw2, gb2 = 0.0, [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0], [0.0, 0.0], 0.0
    Z1, A1, A2, D1, D2 = [], [], [], [], []
    for x, y in samples:
        z1 = [x[0] * w1[0][k] + x[1] * w1[1][k] + b1[k] for k in range(2)]
        a1 = [math.tanh(z) for z in z1]
        z2 = a1[0] * w2[0] + a1[1] * w2[1] + b2
        a2 = 1 / (1 + math.exp(-z2))
        E += 0.5 * (y - a2) ** 2 / 2
        d2 = a2 * (1 - a2) * (a2 - y) / 2
        d1 = [(1 - a1[k] ** 2) * w2[k] * d2 for k in range(2)]
        for k in range(2):
            gw2[k] += a1[k] * d2
            gb1[k] += d1[k]
            for i in range(2):
                gw1[i][k] += x[i] * d1[k]
        gb2 += d2
        Z1, A1, A2, D1, D2 = [*Z1, z1], [*A1, a1], [*A2, [a2]], [*D1, d1], [*D2, [d2]]

    omega = {1: np.array(w1), 2: np.array(w2).reshape(2, 1)}
    beta = {1: np.array(b1), 2: np.array([b2])}
    x, rho = np.array([s[0] for s in samples]), np.array([[s[1]] for s in samples])
    net = (omega, beta, {1: "tanh", 2: "sigmoid"}, x, rho, "mse")
    by_hand = {
        "zeta[1]": Z1,
        "alpha[1]": A1,
        "alpha[2]": A2,
        "cost": E,
        "P[3]": [[(a2[0] - s[1]) / 2] for a2, s in zip(A2, samples, strict=True)],
        "B[2]": D2,
        "P[2]": [[d[0] * w for w in w2] for d in D2],
        "B[1]": D1,
        "P[1]": [[w1[i][0] * d[0] + w1[i][1] * d[1] for i in range(2)] for d in D1],
        "grad_omega[2]": [[g] for g in gw2],
        "grad_beta[2]": [gb2],
        "grad_omega[1]": gw1,
        "grad_beta[1]": gb1,
    }
    for road in (rules, jacobians):
        found = road.quantities(*net)
        for name, value in by_hand.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-13, err_msg=name)
