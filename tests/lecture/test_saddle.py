"""Claim 4 of the lecture: gradient descent stays at a saddle, and SGD leaves it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tinygrad_ed import InvalidValue
from tinygrad_ed.lecture.experiments import saddle


def test_gradient_descent_stays_at_the_saddle_bit_for_bit_and_every_run_of_sgd_leaves():
    result = saddle()
    assert result.holds
    assert result.full_gradient == 0.0
    assert result.moved == 0.0
    assert np.all(result.descent == 0.5)
    assert np.all(result.sample_gradients > 1)
    assert np.all(result.sgd[:, 0] == 0.5)
    assert np.all(result.sgd[:, -1] < 0.01)


def test_the_point_is_a_saddle_by_the_hessian_of_the_graph():
    import tinygrad_ed as tg
    from tinygrad_ed.lecture.experiments.saddle import PAIRS, RHO, X

    def error(theta):
        hidden = np.tanh(X @ theta[:8].reshape(2, 4) + theta[8:12])
        return tg.nn.costs.mse(hidden @ theta[12:16].reshape(4, 1) + theta[16:], RHO)

    start = np.concatenate([PAIRS.ravel(), np.zeros(9)])
    assert np.abs(tg.grad(error)(start)).max() < 1e-16
    exact = np.linalg.eigvalsh(tg.hessian(error)(start))
    np.testing.assert_allclose(saddle(updates=10, runs=1).eigenvalues, exact, atol=1e-8)
    assert exact[0] < -0.1 < 0.1 < exact[-1]


def test_claim_4_needs_a_way_down():
    assert not replace(saddle(), eigenvalues=np.array([0.0, 1.0])).holds


def test_a_start_beside_the_saddle_breaks_claim_4():
    result = saddle(offset=0.1)
    assert not result.holds
    assert result.full_gradient > 0
    assert result.descent[-1] < result.descent[0]
    assert str(result).startswith("FAILS")


def test_a_minimum_is_no_saddle():
    """All weights 0: SGD moves the bias, but there is no way down that it could find."""
    assert not saddle(scale=0.0).holds


def test_a_smaller_rate_needs_more_updates_and_claim_4_says_so():
    assert not saddle(learning_rate=1e-4, updates=100).holds


@pytest.mark.parametrize(
    "options", [{"learning_rate": 0.0}, {"updates": 9}, {"runs": 0}, {"scale": math.nan}, {"offset": math.inf}]
)
def test_claim_4_refuses_bad_options(options):
    with pytest.raises(InvalidValue, match=f"{next(iter(options))} must be"):
        saddle(**options)
