"""Claim 2 of the lecture: the variance of a mini-batch gradient falls as one over its size."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from test_expectation import SMALL, TEN

from tinygrad_ed import InvalidValue
from tinygrad_ed.data import moons
from tinygrad_ed.lecture.experiments import batch_variance, expectation

# Seeds are fixed, so a test gives the same result each time; the margins are what theory says a fresh seed would need.


def test_the_variance_falls_as_one_over_m():
    """99.7 % of seeds give an interval of three standard errors that contains -1; this is one of them."""
    result = batch_variance()
    low, high = result.slope_interval
    assert low <= -1 <= high
    assert high - low < 0.1, "a band so wide would not tell -1 from -0.9"
    assert result.holds


def test_the_measured_variances_lie_in_their_bands_over_many_seeds():
    """Of 20 seeds x 3 sizes = 60 numbers 0.16 lie outside of three errors on average; more than 3 in 1 try of 40,000.

    (The squares are skewed, which makes misses somewhat more frequent than for normal numbers.)
    """
    data = moons(20, noise=0.2)
    outside, slopes = 0, 0
    for seed in range(20):
        result = batch_variance(SMALL, data.x, data.signs, batch_sizes=(1, 4, 16), draws=150, rng=seed)
        outside += int(np.sum(np.abs(result.variance - result.exact) > 3 * result.error))
        slopes += result.holds
    assert outside <= 3
    assert slopes >= 18


def test_sigma_squared_is_the_enumerated_variance():
    """For N = 5 and M = 2 all 25 draws are enumerated: their variance is σ²/2 exactly."""
    x, rho = TEN.x[:5], TEN.signs[:5]
    singles = expectation(SMALL, x, rho).sample_gradients
    means = np.array([(singles[i] + singles[j]) / 2 for i, j in product(range(5), repeat=2)])
    exact = np.mean(np.sum((means - singles.mean(axis=0)) ** 2, axis=1))
    assert batch_variance(SMALL, x, rho, batch_sizes=(1, 2), draws=2).exact[1] == pytest.approx(exact, rel=1e-12)
    pairs = np.array([(singles[i] + singles[j]) / 2 for i, j in combinations(range(5), 2)])
    without = np.mean(np.sum((pairs - singles.mean(axis=0)) ** 2, axis=1))
    shuffled = batch_variance(SMALL, x, rho, batch_sizes=(1, 2), draws=2, sampling="shuffle")
    assert shuffled.exact[1] == pytest.approx(without, rel=1e-12)


def test_drawn_without_replacement_the_variance_falls_faster():
    data = moons(20, noise=0.2)
    result = batch_variance(SMALL, data.x, data.signs, batch_sizes=(1, 4, 16), draws=400, sampling="shuffle")
    assert np.all(np.abs(result.variance - result.exact) < 4 * result.error)
    assert not result.holds
    assert result.slope < -1.3


@pytest.mark.parametrize("correlated", [1.0, 0.5])
def test_correlated_draws_break_claim_2(correlated):
    """With a share of the batch equal, the variance stays above share² σ²: the slope is far from -1."""

    def sampler(rng, n, size):
        drawn = rng.integers(0, n, size)
        drawn[: math.ceil(correlated * size)] = drawn[0]
        return drawn

    result = batch_variance(draws=300, sampling=sampler)
    assert not result.holds
    assert result.slope > -0.7
    assert str(result).startswith("FAILS")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_sizes": (4,)}, "at least two different ones"),
        ({"batch_sizes": (4, 4)}, "at least two different ones"),
        ({"sampling": "shuffle", "batch_sizes": (1, 100)}, "100 of 100 samples have no noise"),
        ({"sampling": "shufle"}, "Did you mean 'shuffle'"),
        ({"draws": 1}, "draws must be a whole number of at least 2"),
    ],
)
def test_claim_2_refuses_bad_options(options, words):
    with pytest.raises(InvalidValue, match=words):
        batch_variance(**options)
