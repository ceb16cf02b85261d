# ruff: noqa: N803, N806
# (the names are the slides' letters, capitals included)
"""The activations and costs of the closed form: their definitions, their slopes, and their digits far from zero."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from closed_form_networks import ACTIVATION_NAMES, COST_NAMES, H, expected_values

from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS

CONTRACT_ACTIVATIONS = ["elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh"]
CONTRACT_COSTS = ["bce", "cross_entropy", "hinge", "huber", "l1", "logistic", "margin", "mse"]


def test_the_names_are_those_of_the_contract():
    assert set(CONTRACT_ACTIVATIONS) <= set(ACTIVATION_NAMES)
    assert set(CONTRACT_COSTS) <= set(COST_NAMES)


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
@pytest.mark.parametrize("name", LIMITS)
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
        ("bce", [[1.0, 0.0]], math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(-2))),
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
        ("bce", [1.0, 1.0], 1e4, [-1, 0]),
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
