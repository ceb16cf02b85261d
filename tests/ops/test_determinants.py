"""Determinants of regular and of singular matrices: derivatives to second order are minors.

The oracles are NumPy's determinants of minors.
"""

from itertools import combinations

import numpy as np
import pytest
from matrices import L, made, numbers

import tinygrad_ed as tg


def minor(a, rows, columns):
    return L.det(np.delete(np.delete(a, rows, 0), columns, 1))


def cofactors(a):
    n = len(a)
    return np.array([[(-1.0) ** (i + j) * minor(a, [i], [j]) for j in range(n)] for i in range(n)]).reshape(n, n)


def second_minors(a):
    """All second derivatives of the determinant: minors without two rows and two columns, with their signs."""
    n = len(a)
    found = np.zeros((n,) * 4)
    for i, k in combinations(range(n), 2):
        for j, m in combinations(range(n), 2):
            found[i, j, k, m] = found[k, m, i, j] = (-1.0) ** (i + j + k + m) * minor(a, [i, k], [j, m])
            found[i, m, k, j] = found[k, j, i, m] = -found[i, j, k, m]
    return found


KINDS = [
    *("regular", "rank n-1", "rank n-2", "a zero column", "two equal rows of whole numbers", "zero", "orthogonal"),
    *("ill-conditioned", "small", "reflection"),
]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 12, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_determinant_is_the_matrix_of_cofactors(kind, n):
    a = made(kind, n)
    size = np.prod(np.sort(L.svdvals(a))[2:]) * max(L.norm(a, 2), 1e-300)  # what rounding of a by 1 would change
    np.testing.assert_allclose(tg.grad(L.det)(a), cofactors(a), rtol=1e-9, atol=1e-12 * size)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_of_a_determinant_are_minors_of_minors(kind, n):
    a, expected = made(kind, n), second_minors(made(kind, n))
    scale = max(np.max(np.abs(expected)), 1e-300)
    np.testing.assert_allclose(tg.hessian(L.det)(a) / scale, expected / scale, atol=1e-10)
    v = numbers(n, n, seed=7)
    along = np.tensordot(expected, v, 2)
    np.testing.assert_allclose(tg.hvp(L.det, (a,), (v,))[0] / scale, along / scale, atol=1e-9)
    np.testing.assert_allclose(tg.jvp(tg.grad(L.det), (a,), (v,))[1] / scale, along / scale, atol=1e-9)


def test_determinants_of_a_stack_are_each_for_itself():
    stack = np.stack([made(kind, 4) for kind in KINDS])
    found = tg.grad(lambda x: np.sum(L.det(x) * np.arange(1.0, 1.0 + len(KINDS))))(stack)
    for k, a in enumerate(stack):
        np.testing.assert_allclose(found[k], (k + 1) * cofactors(a), rtol=1e-9, atol=1e-11)
    v = numbers(*stack.shape)
    second = tg.hvp(lambda x: np.sum(L.det(x)), (stack,), (v,))[0]
    for k, a in enumerate(stack):
        np.testing.assert_allclose(second[k], np.tensordot(second_minors(a), v[k], 2), rtol=1e-9, atol=1e-10)


def test_third_derivatives_of_a_determinant_are_those_of_the_inverse_or_nan():
    for n in (1, 2, 3, 4):
        tg.check_grads(L.det, made("regular", n), order=3)
        tg.check_grads(L.det, made("orthogonal", n), order=3)
    a, v = made("rank n-1", 3), numbers(3, 3)
    assert np.all(np.isnan(tg.grad(lambda x: np.sum(tg.hvp(L.det, (x,), (v,))[0]))(a)))


def test_the_determinant_of_nothing_and_of_nan():
    assert tg.grad(L.det)(np.zeros((0, 0))).shape == (0, 0)
    assert tg.grad(L.det)(np.array([[0.0]])) == [[1.0]]
    with np.errstate(invalid="ignore"):
        assert np.all(np.isnan(tg.grad(L.det)(np.full((2, 2), np.nan))))


def test_the_logarithm_of_a_determinant_of_zero_has_no_derivative():
    stack = np.stack([np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[2.0, 0.0], [0.0, 4.0]])])
    found = tg.grad(lambda x: np.sum(L.slogdet(x)[1]))(stack)
    assert np.all(np.isnan(found[0]))
    np.testing.assert_allclose(found[1], [[0.5, 0.0], [0.0, 0.25]])
    assert np.all(np.isnan(tg.grad(lambda x: L.slogdet(x)[1])(np.zeros((2, 2)))))
