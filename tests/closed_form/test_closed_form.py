# ruff: noqa: N803, N806
# (the names are the slides' letters, capitals included)
import itertools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS

ACTIVATION_NAMES, COST_NAMES = sorted(ACTIVATIONS), sorted(COSTS)
CONTRACT_ACTIVATIONS = ["elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh"]
CONTRACT_COSTS = ["cross_entropy", "hinge", "huber", "l1", "logistic", "margin", "mse"]
KINKS = {"relu": 0.0, "leaky_relu": 0.0}
H = 1e-6  # the step of central differences


def expected_values(rng, cost, shape):
    if cost in ("logistic", "hinge"):
        return rng.choice([-1.0, 1.0], size=shape)
    if cost == "cross_entropy":
        return rng.dirichlet(np.ones(shape[1]), size=shape[0])
    return rng.normal(size=shape)


def network(seed, sizes, activations, cost, M):
    """The arguments of `quantities`: omega, beta, activations, x, rho, cost."""
    rng = np.random.default_rng(seed)
    pairs = list(enumerate(itertools.pairwise(sizes), start=1))
    omega = {j: rng.normal(size=(n, m)) / math.sqrt(n) for j, (n, m) in pairs}
    beta = {j: rng.normal(size=m) for j, (_, m) in pairs}
    x = rng.normal(size=(M, sizes[0]))
    names = dict(enumerate(activations, start=1))
    return omega, beta, names, x, expected_values(rng, cost, (M, sizes[-1])), cost


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    activations = [draw(st.sampled_from(ACTIVATION_NAMES)) for _ in sizes[1:]]
    cost = draw(st.sampled_from(COST_NAMES))
    return network(draw(st.integers(0, 2**32 - 1)), sizes, activations, cost, draw(st.integers(1, 4)))


def mean_cost(omega, beta, activations, x, rho, cost):
    _, alpha = rules.forward(omega, beta, activations, x)
    return float(COSTS[cost].C(alpha[len(omega)], rho).mean())


def central_differences(parameter, f):
    """The derivative of f() by every entry of `parameter`, which is changed in place and restored."""
    gradient = np.empty_like(parameter)
    for index in np.ndindex(parameter.shape):
        before = parameter[index]
        parameter[index] = before + H
        above = f()
        parameter[index] = before - H
        below = f()
        parameter[index] = before
        gradient[index] = (above - below) / (2 * H)
    return gradient


def assert_same(one, other, rtol=1e-10, atol=1e-12):
    assert list(one) == list(other)
    for name in one:
        assert np.shape(one[name]) == np.shape(other[name]), name
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, atol=atol, err_msg=name)


# derivatives


def test_the_names_are_those_of_the_contract():
    assert ACTIVATION_NAMES == CONTRACT_ACTIVATIONS
    assert COST_NAMES == CONTRACT_COSTS


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_dphi_is_the_slope_of_phi(name):
    phi, dphi = ACTIVATIONS[name][:2]
    zeta = np.linspace(-6.0, 6.0, 240)  # an even number of points: 0 is not among them
    slope = (phi(zeta + H) - phi(zeta - H)) / (2 * H)
    np.testing.assert_allclose(dphi(zeta), slope, rtol=1e-8, atol=1e-9)


def gelu(z):
    return z / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


@pytest.mark.parametrize(
    ("name", "phi_of_1", "phi_of_minus_2"),
    [
        ("identity", 1.0, -2.0),
        ("sigmoid", 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(2))),
        ("tanh", math.tanh(1), math.tanh(-2)),
        ("relu", 1.0, 0.0),
        ("leaky_relu", 1.0, -0.02),
        ("softplus", math.log(1 + math.e), math.log(1 + math.exp(-2))),
        ("elu", 1.0, math.exp(-2) - 1),
        ("silu", 1 / (1 + math.exp(-1)), -2 / (1 + math.exp(2))),
        ("gelu", gelu(1.0), gelu(-2.0)),
    ],
)
def test_phi_is_the_function_of_that_name(name, phi_of_1, phi_of_minus_2):
    np.testing.assert_allclose(ACTIVATIONS[name].phi(np.array([1.0, -2.0])), [phi_of_1, phi_of_minus_2], rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "slope_at_0"), [("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0), ("gelu", 0.5), ("silu", 0.5)]
)
def test_the_slope_at_zero_is_the_documented_one(name, slope_at_0):
    for zero in (0.0, -0.0):
        assert ACTIVATIONS[name].dphi(np.array([zero]))[0] == slope_at_0


LIMITS = {  # phi(-1e4), phi(1e4), dphi(-1e4), dphi(1e4)
    "identity": (-1e4, 1e4, 1, 1),
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "relu": (0, 1e4, 0, 1),
    "leaky_relu": (-100, 1e4, 0.01, 1),
    "softplus": (0, 1e4, 0, 1),
    "elu": (-1, 1e4, 0, 1),
    "silu": (0, 1e4, 0, 1),
    "gelu": (0, 1e4, 0, 1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_phi_and_dphi_are_right_at_1e4_without_a_warning(name, dtype):
    zeta = np.array([[-1e4, 1e4]], dtype=dtype)
    for function, limits in zip(ACTIVATIONS[name][:2], (LIMITS[name][:2], LIMITS[name][2:]), strict=True):
        result = function(zeta)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, [limits], rtol=1e-6)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_phi_and_dphi_let_no_intermediate_number_overflow(name):
    zeta = np.linspace(-1e4, 1e4, 4001)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for function in ACTIVATIONS[name][:2]:
            assert np.isfinite(function(zeta)).all()
            assert np.isfinite(function(zeta.astype(np.float32))).all()


def test_small_values_of_the_sigmoid_family_keep_their_digits():
    zeta = np.array([-40.0, 40.0])
    small = math.exp(-40)  # all four are this to a relative 1e-17
    np.testing.assert_allclose(ACTIVATIONS["sigmoid"].phi(zeta)[0], small, rtol=1e-15)
    np.testing.assert_allclose(ACTIVATIONS["sigmoid"].dphi(zeta), [small, small], rtol=1e-15)
    np.testing.assert_allclose(ACTIVATIONS["softplus"].phi(zeta)[0], small, rtol=1e-15)


def sigma(z):
    """To fifty digits, as all of the following."""
    return 1 / (1 + (-z).exp())


def gelu_argument(z):
    u = Decimal(math.sqrt(2 / math.pi)) * z * (1 + Decimal("0.044715") * z * z)
    return 2 * u, 2 * Decimal(math.sqrt(2 / math.pi)) * (1 + 3 * Decimal("0.044715") * z * z)


def dgelu(z):
    v, slope = gelu_argument(z)
    return sigma(v) + z * sigma(v) * sigma(-v) * slope


TO_FIFTY_DIGITS = {
    "sigmoid": (sigma, lambda z: sigma(z) * sigma(-z)),
    "softplus": (lambda z: (1 + z.exp()).ln(), sigma),
    "elu": (lambda z: z if z > 0 else z.exp() - 1, lambda z: min(z, Decimal(0)).exp()),
    "silu": (lambda z: z * sigma(z), lambda z: sigma(z) + z * sigma(z) * sigma(-z)),
    "gelu": (lambda z: z * sigma(gelu_argument(z)[0]), dgelu),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(TO_FIFTY_DIGITS))
def test_the_tails_keep_their_digits(name, dtype):
    zeta = np.array([-8.0, -6.5, -5.0, -3.0, -1e-3, 1e-3, 3.0, 5.0, 6.5, 8.0, 20.0, 40.0], dtype)
    with localcontext(prec=50):
        exact = [[float(f(Decimal(float(z)))) for z in zeta] for f in TO_FIFTY_DIGITS[name]]
    rtol = 100 * float(np.finfo(dtype).eps)  # an exponent of -60 that is rounded costs 60 of them
    for function, values in zip(ACTIVATIONS[name][:2], exact, strict=True):
        np.testing.assert_allclose(function(zeta), values, rtol=rtol)


@pytest.mark.parametrize("name", COST_NAMES)
def test_grad_c_is_the_slope_of_c(name):
    rng = np.random.default_rng(3)
    C, grad_C = COSTS[name][:2]
    alpha_L = rng.normal(size=(40, 3)) * 3
    rho = expected_values(rng, name, alpha_L.shape)
    steps = H * np.eye(3)  # every sample takes the same step: it moves its own cost only
    slopes = [(C(alpha_L + step, rho) - C(alpha_L - step, rho)) / (2 * H) for step in steps]
    np.testing.assert_allclose(grad_C(alpha_L, rho), np.transpose(slopes), rtol=1e-7, atol=1e-8)


def softmax_cost(row, rho):
    total = sum(math.exp(a) for a in row)
    return -sum(r * math.log(math.exp(a) / total) for a, r in zip(row, rho, strict=True))


@pytest.mark.parametrize(
    ("name", "rho", "individual"),
    [
        ("mse", [[2.0, 0.5]], (1.5**2 + 2.5**2) / 2),
        ("l1", [[2.0, 0.5]], 1.5 + 2.5),
        ("huber", [[1.0, 0.5]], 0.5**2 / 2 + (2.5 - 0.5)),
        ("logistic", [[1.0, 1.0]], math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(2))),
        ("hinge", [[1.0, -1.0]], 0.5 + 0.0),
        ("margin", [[2.0, -3.0]], 1.5 + 0.0),
        ("cross_entropy", [[0.25, 0.75]], softmax_cost([0.5, -2.0], [0.25, 0.75])),
    ],
)
def test_an_individual_cost_is_the_sum_over_the_neurons(name, rho, individual):
    C = COSTS[name].C(np.array([[0.5, -2.0], [0.5, -2.0]]), np.array(rho * 2))
    assert C.shape == (2,)
    np.testing.assert_allclose(C, individual, rtol=1e-14)


@pytest.mark.parametrize(("name", "alpha_L", "rho"), [("l1", 2.0, 2.0), ("margin", 2.0, 2.0), ("hinge", -1.0, -1.0)])
def test_the_gradient_of_a_cost_is_zero_at_its_kink(name, alpha_L, rho):
    assert COSTS[name].grad_C(np.array([[alpha_L]]), np.array([[rho]])) == 0.0


@pytest.mark.parametrize(
    ("name", "rho", "C", "grad"),
    [
        ("mse", [0.0, 0.0], 1e8, [-1e4, 1e4]),
        ("l1", [0.0, 0.0], 2e4, [-1, 1]),
        ("huber", [0.0, 0.0], 2e4 - 1, [-1, 1]),
        ("logistic", [1.0, 1.0], 1e4, [-1, 0]),
        ("hinge", [1.0, 1.0], 1e4 + 1, [-1, 0]),
        ("margin", [0.0, 0.0], 1e4, [-1, 0]),
        ("cross_entropy", [1.0, 0.0], 2e4, [-1, 1]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_costs_are_right_at_1e4_without_a_warning(name, rho, C, grad, dtype):
    alpha_L, expected = np.array([[-1e4, 1e4]], dtype=dtype), np.array([rho], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        results = COSTS[name].C(alpha_L, expected), COSTS[name].grad_C(alpha_L, expected)
    assert [r.dtype for r in results] == [dtype, dtype]
    np.testing.assert_allclose(results[0], [C], rtol=1e-6)
    np.testing.assert_allclose(results[1], [grad], rtol=1e-6, atol=1e-30)


# jacobians: each step of the derivation equals the next


def test_one_neuron_has_the_derivatives_of_step_1():
    rng = np.random.default_rng(0)
    alpha, omega_k, beta_k = rng.normal(size=3), rng.normal(size=3), rng.normal(size=1)
    phi, dphi = ACTIVATIONS["tanh"][:2]

    def h():
        return phi(jacobians.neuron_zeta(alpha, omega_k, beta_k[0]))

    dphi_k = dphi(jacobians.neuron_zeta(alpha, omega_k, beta_k[0]))
    for parameter, jacobian in [
        (alpha, jacobians.neuron_by_a(omega_k, dphi_k)),
        (omega_k, jacobians.neuron_by_w(alpha, dphi_k)),
        (beta_k, jacobians.neuron_by_b(dphi_k)),
    ]:
        assert jacobian.shape == (1, len(parameter))
        np.testing.assert_allclose(jacobian[0], central_differences(parameter, h), rtol=1e-8)


def test_one_layer_has_the_jacobians_of_step_2():
    rng = np.random.default_rng(1)
    alpha, omega, beta = rng.normal(size=3), rng.normal(size=(3, 2)), rng.normal(size=2)
    phi, dphi = ACTIVATIONS["sigmoid"][:2]
    slopes = dphi(jacobians.layer_zeta(alpha, omega, beta))

    def f(i):
        return lambda: phi(jacobians.layer_zeta(alpha, omega, beta))[i]

    for i in range(2):  # row i of every Jacobian belongs to output i
        np.testing.assert_allclose(
            jacobians.layer_by_a(omega, slopes)[i], central_differences(alpha, f(i)), rtol=1e-7, atol=1e-9
        )
        np.testing.assert_allclose(
            jacobians.layer_by_b(slopes)[i], central_differences(beta, f(i)), rtol=1e-7, atol=1e-9
        )
        by_omega = central_differences(omega, f(i))
        for k in range(2):
            np.testing.assert_allclose(jacobians.layer_by_w(alpha, slopes, k)[i], by_omega[:, k], rtol=1e-7, atol=1e-9)


def test_the_jacobian_by_all_biases_is_made_of_those_by_one():
    slopes = np.array([0.5, 2.0, -1.0])
    columns = [jacobians.layer_by_b_k(slopes, k) for k in range(3)]
    assert [c.shape for c in columns] == [(3, 1)] * 3
    np.testing.assert_array_equal(np.hstack(columns), jacobians.layer_by_b(slopes))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(networks())
def test_product_form_recursion_and_effective_computations_are_equal(net):
    omega, beta, activations, x, rho, cost = net
    L = len(omega)
    alpha, dphi = {0: x[0]}, {}
    for j in range(1, L + 1):
        zeta = jacobians.layer_zeta(alpha[j - 1], omega[j], beta[j])
        alpha[j], dphi[j] = (function(zeta) for function in ACTIVATIONS[activations[j]][:2])
    f_by_a = {j: jacobians.layer_by_a(omega[j], dphi[j]) for j in omega}
    C_by_a = jacobians.cost_by_a(alpha[L], rho[0], cost)
    P = jacobians.P_rows(C_by_a, f_by_a)
    close = {"rtol": 1e-10, "atol": 1e-13}

    for j in range(1, L + 1):
        np.testing.assert_allclose(P[j], jacobians.effective_P(P[j + 1], dphi[j], omega[j]), **close)
        np.testing.assert_allclose(P[j], P[j + 1] @ np.diag(dphi[j]) @ omega[j].T, **close)
        np.testing.assert_allclose(P[j + 1], C_by_a @ jacobians.product(f_by_a, j), **close)

        by_b = jacobians.error_by_b(P[j + 1], dphi[j])
        product_form = jacobians.error_by_product(C_by_a, f_by_a, j, jacobians.layer_by_b(dphi[j]))
        np.testing.assert_allclose(by_b, product_form, **close)
        np.testing.assert_allclose(by_b[0], jacobians.effective_grad_beta(P[j + 1], dphi[j]), **close)

        gradient = jacobians.grad_omega(P[j + 1], alpha[j - 1], dphi[j])
        effective = jacobians.effective_grad_omega(P[j + 1], alpha[j - 1], dphi[j])
        np.testing.assert_allclose(gradient, effective, **close)
        for k in range(len(dphi[j])):
            by_w = jacobians.layer_by_w(alpha[j - 1], dphi[j], k)
            product_form = jacobians.error_by_product(C_by_a, f_by_a, j, by_w)
            by_recursion = jacobians.error_by_w(P[j + 1], alpha[j - 1], dphi[j], k)
            np.testing.assert_allclose(product_form, by_recursion, **close)
            np.testing.assert_allclose(gradient[:, [k]], by_recursion.T, **close)


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


def test_products_of_jacobians_stay_float32():
    f_by_a = {1: np.ones((2, 3), np.float32), 2: np.ones((1, 2), np.float32)}
    assert {jacobians.product(f_by_a, j).dtype for j in range(3)} == {np.dtype(np.float32)}


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
