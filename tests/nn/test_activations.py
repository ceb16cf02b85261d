"""The activations: their definitions, their slopes, and their values far from zero."""

import numpy as np
import pytest
from nn_definitions import ACTIVATIONS, COSTS, DTYPES, PHI, H

import tinygrad_ed as tg
from tinygrad_ed.nn import activations, costs


def test_the_names_are_those_of_the_contract():
    assert set(ACTIVATIONS) <= set(activations.NAMES)
    assert set(COSTS) <= set(costs.NAMES)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_its_definition(name):
    phi, z = activations.find(name), np.array([-6.0, -2.5, -1.0, -0.1, 0.1, 0.7, 1.0, 3.0, 6.0])
    expected = [PHI[name](float(v)) for v in z]
    np.testing.assert_allclose(phi(z), expected, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(phi(tg.Node(z)).value, expected, rtol=1e-13, atol=1e-16)
    for v, want in zip(z, expected, strict=True):
        assert phi(tg.Node(float(v))).value == pytest.approx(want, rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_of_an_activation_is_the_slope_of_its_definition(name):
    for v in (-4.0, -1.3, -0.2, 0.2, 1.3, 4.0):
        slope = (PHI[name](v + H) - PHI[name](v - H)) / (2 * H)
        assert tg.grad(activations.find(name))(v) == pytest.approx(slope, rel=1e-7, abs=1e-9)
        assert tg.elementwise_grad(activations.find(name))(np.array([v]))[0] == pytest.approx(slope, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_passes_the_check_to_second_order(name):
    tg.check_grads(activations.find(name), np.array([[-2.0, -0.4], [0.4, 2.0]]), order=2)
    tg.check_grads(activations.find(name), 0.7, order=2)


KINKS = {"relu": 0.0, "leaky_relu": 0.01, "elu": 1.0, "gelu": 0.5, "silu": 0.5, "identity": 1.0}


@pytest.mark.parametrize(("name", "slope"), KINKS.items())
def test_the_slope_at_zero(name, slope):
    for zero in (0.0, -0.0):
        assert tg.grad(activations.find(name))(zero) == slope
        assert tg.elementwise_grad(activations.find(name))(np.array([zero]))[0] == slope


FAR = {  # value and slope at -1e4 and at 1e4
    "identity": (-1e4, 1, 1e4, 1),
    "sigmoid": (0, 0, 1, 0),
    "tanh": (-1, 0, 1, 0),
    "relu": (0, 0, 1e4, 1),
    "leaky_relu": (-100, 0.01, 1e4, 1),
    "softplus": (0, 0, 1e4, 1),
    "elu": (-1, 0, 1e4, 1),
    "silu": (0, 0, 1e4, 1),
    "gelu": (0, 0, 1e4, 1),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_far_from_zero_value_and_gradient_are_exact_and_no_warning_is_given(name, dtype):
    phi, (low, slope_low, high, slope_high) = activations.find(name), FAR[name]
    z = tg.Node(np.array([-1e4, 1e4], dtype))
    alpha = phi(z)
    np.testing.assert_allclose(alpha.value, [low, high], rtol=1e-6)
    np.testing.assert_allclose(tg.gradients(alpha, z, seed=np.ones(2, dtype)), [slope_low, slope_high], rtol=1e-6)
    assert phi(-1e4) == pytest.approx(low)
    assert tg.grad(phi)(1e4) == pytest.approx(slope_high)
    assert tg.grad(phi)(-1e4) == pytest.approx(slope_low)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_finite_and_keep_their_dtype_at_every_size(name, dtype):
    sizes = np.array([0, 1e-30, 1e-8, 0.5, 5, 17, 40, 90, 400, 1e3, 1e4], dtype)
    z = tg.Node(np.concatenate([-sizes, sizes]))
    alpha = activations.find(name)(z)
    gradient = tg.gradients(alpha, z, seed=np.ones(22, dtype))
    assert alpha.dtype == gradient.dtype == dtype
    assert np.isfinite(alpha.value).all()
    assert np.isfinite(gradient).all()
    assert activations.find(name)(z.value).dtype == dtype
