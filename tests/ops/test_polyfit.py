"""Least squares over numbers that are far from zero and close together: time stamps, years. No direction is lost."""

import numpy as np
import pytest

import tinygrad_ed as tg

YEARS = np.arange(1950.0, 2024.0)
DAYS = 1.7e9 + 86400.0 * np.arange(40.0)  # seconds since 1970, one a day
SECONDS = 1.7e9 + np.arange(20.0)
WHERE = {"years": YEARS, "days": DAYS, "seconds": SECONDS}
CASES = [("years", 1), ("years", 2), ("years", 3), ("days", 1), ("days", 2), ("seconds", 1)]
cases = pytest.mark.parametrize(("name", "degree"), CASES)


def points(name):
    x = WHERE[name]
    return x, 2e-3 * (x - x[0]) + 0.05 * noise(len(x))


def noise(count, seed=5):
    return np.random.default_rng(seed).standard_normal(count)


@cases
@pytest.mark.parametrize("weighted", [False, True])
def test_the_coefficients_are_numpys(name, degree, weighted):
    x, y = points(name)
    w = np.linspace(0.5, 2.0, len(x)) if weighted else None
    expected = np.polyfit(x, y, degree, w=w)
    for given in ((tg.Node(x), tg.Node(y)), (x, tg.Node(y)), (tg.Node(x), y)):
        found = np.polyfit(*given, degree, w=w)
        # Both solve the same equations; what is left is rounding times the condition of the scaled powers.
        np.testing.assert_allclose(found.value, expected, rtol=1e-5)


def test_the_slope_over_time_stamps_is_the_slope():
    x = SECONDS
    found = np.polyfit(tg.Node(x), tg.Node(2e-3 * (x - x[0])), 1).value
    assert found[0] == pytest.approx(2e-3, rel=1e-6)


@cases
def test_the_derivative_by_the_measurements_is_that_of_a_linear_map(name, degree):
    x, y = points(name)
    found = tg.grad(lambda y: np.polyfit(x, y, degree)[0])(y)
    expected = [np.polyfit(x, unit, degree)[0] for unit in np.eye(len(x))]
    np.testing.assert_allclose(found, expected, atol=1e-8 * float(np.max(np.abs(expected))))


@cases
@pytest.mark.parametrize("weighted", [False, True])
def test_the_derivative_by_the_places_is_that_of_differences(name, degree, weighted):
    x, y = points(name)
    w = np.linspace(0.5, 2.0, len(x)) if weighted else None
    slope = lambda x: np.polyfit(x, y, degree, w=w)[-2]  # noqa: E731
    direction, step = noise(len(x), seed=6), 1e-3 * (x[1] - x[0])
    expected = (slope(x + step * direction) - slope(x - step * direction)) / (2 * step)
    assert tg.grad(slope)(x) @ direction == pytest.approx(expected, rel=2e-3)


def test_the_derivative_by_the_weights_is_that_of_differences():
    x, y = points("years")
    tg.check_grads(lambda w: np.polyfit(x, y, 1, w=w)[0], np.linspace(0.5, 2.0, len(x)), order=1)


def test_covariance_and_residuals_have_derivatives():
    x, y = np.linspace(0.0, 2.0, 7), noise(7)
    tg.check_grads(lambda x, y: np.polyfit(x, y, 1, cov=True)[1].sum(), x, y, order=1)
    tg.check_grads(lambda x, y: np.polyfit(x, y, 2, full=True)[1].sum(), x, y, order=1)


def test_too_many_powers_are_told_as_numpy_tells_them():
    x, y = np.array([0.3, -1.2, 2.5]), np.array([1.0, 2.0, 0.5])
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
        expected = np.polyfit(x, y, 4)
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
        found = np.polyfit(tg.Node(x), tg.Node(y), 4)
    np.testing.assert_allclose(found.value, expected, rtol=1e-9)


def test_what_cannot_be_fitted_is_refused():
    node = tg.Node([1.0, 2.0])
    with pytest.raises(tg.InvalidType, match=r"x and y of the same length, not \(3,\) and \(2,\)"):
        np.polyfit([0.0, 1.0, 2.0], node, 1)
    with pytest.raises(tg.InvalidValue, match="2 coefficients wants more than 2 points, not 2"):
        np.polyfit(node, node, 1, cov=True)
