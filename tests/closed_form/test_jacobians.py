# ruff: noqa: N806
# (the names are the slides' letters, capitals included)
"""Each step of the derivation by Jacobians equals the next."""

import numpy as np
from closed_form_networks import central_differences, networks
from hypothesis import given, settings

from tinygrad_ed.closed_form import jacobians
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS


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


def test_products_of_jacobians_stay_float32():
    f_by_a = {1: np.ones((2, 3), np.float32), 2: np.ones((1, 2), np.float32)}
    assert {jacobians.product(f_by_a, j).dtype for j in range(3)} == {np.dtype(np.float32)}
