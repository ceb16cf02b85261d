"""Far out and close to the limits of a float the ops and their derivatives keep their digits."""

import math

import numpy as np
import pytest

import tinygrad_ed as tg


@pytest.mark.parametrize("x", [1e4, -1e4, 1e3, -1e3, 0.0, 40.0, -40.0])
@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_activations_are_stable_far_out(x, as_array, dtype):
    slope = 0.0 if x < -100 else 1.0 if x > 100 else float(1 / (1 + np.exp(np.float64(-x))))
    at = np.array([x, x], dtype) if as_array else x
    tolerance = {"rtol": 1e-6 if dtype == np.float32 else 1e-14}
    found = tg.vjp(lambda x: (tg.sigmoid(x), tg.softplus(x)), at)[0]
    np.testing.assert_allclose(found[0], np.full(np.shape(at), slope), **tolerance)
    np.testing.assert_allclose(
        found[1], np.full(np.shape(at), max(x, 0.0) + math.log1p(math.exp(-abs(x)))), **tolerance
    )
    np.testing.assert_allclose(tg.elementwise_grad(tg.softplus)(at), np.full(np.shape(at), slope), **tolerance)
    curved = np.asarray(tg.elementwise_grad(tg.sigmoid)(at))
    np.testing.assert_allclose(curved, np.full(np.shape(at), slope * (1 - slope)), rtol=1e-5, atol=1e-12)
    for other in (tg.silu, tg.gelu, tg.elu, tg.tanh, tg.relu):
        assert np.all(np.isfinite(tg.elementwise_grad(other)(at)))


def test_logsumexp_is_stable():
    x = np.array([1e4, 1e4, -1e4])
    assert tg.logsumexp(x) == 1e4 + np.log(2.0)
    np.testing.assert_array_equal(tg.grad(tg.logsumexp)(x), [0.5, 0.5, 0.0])


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (tg.sigmoid, 40.0, math.exp(-40.0)),
        (tg.elu, -40.0, math.exp(-40.0)),
        (np.expm1, -40.0, math.exp(-40.0)),
        (np.arccosh, 1e200, 1e-200),
        (lambda x: np.logaddexp(x, 1e4), 1e4 - 40, math.exp(-40.0)),
    ],
)
def test_the_tails_keep_their_digits(f, x, slope):
    assert tg.grad(f)(x) == pytest.approx(slope, rel=1e-13)


def test_arctan2_of_very_large_and_small_arguments():
    for size in (1e200, 1e-160):
        assert tg.grad(np.arctan2, (0, 1))(size, size) == pytest.approx((0.5 / size, -0.5 / size), rel=1e-13)
