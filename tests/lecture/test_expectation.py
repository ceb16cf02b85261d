"""Claim 1 of the lecture: the expectation of the SGD gradient is the full gradient."""

import numpy as np
import pytest

from tinygrad_ed import InvalidValue, ShapeError, ledger
from tinygrad_ed.data import moons
from tinygrad_ed.lecture.experiments import expectation
from tinygrad_ed.nn import MLP

SMALL = MLP([2, 3, 1], rng=0)
TEN = moons(10, noise=0.2)


def test_the_gradients_of_claim_1_are_those_of_the_graph():
    data = moons(8, noise=0.2)
    result = expectation()

    def by_graph(x, rho):
        book = ledger(MLP([2, 3, 1], rng=0), x, rho, road="graph")
        return np.concatenate([np.ravel(book[f"grad_{name}[{j}]"]) for j in (1, 2) for name in ("omega", "beta")])

    np.testing.assert_allclose(result.full, by_graph(data.x, data.signs), atol=1e-14)
    singles = [by_graph(x, rho) for x, rho in zip(data.x, data.signs, strict=True)]
    np.testing.assert_allclose(result.sample_gradients, singles, atol=1e-14)


@pytest.mark.parametrize("cost", ["mse", "l1", "huber", "logistic", "hinge", "margin"])
def test_the_expectation_is_the_full_gradient_to_1e_12(cost):
    result = expectation(SMALL, TEN.x[:5], TEN.signs[:5], cost, batch_sizes=(1, 2, 3, 4))
    assert result.holds
    assert [row.draws for row in result.enumerations] == [5, 25, 125, 625]
    assert max(row.difference for row in result.enumerations) < 1e-12


@pytest.mark.parametrize("probabilities", [[0, 0.25, 0.25, 0.25, 0.25], [0.2 + 1e-6, 0.2 - 1e-6, 0.2, 0.2, 0.2]])
def test_a_biased_sampler_breaks_claim_1(probabilities):
    """Also one that is off by a millionth: 1e-6 of the difference of two gradients is far above 1e-12."""
    result = expectation(SMALL, TEN.x[:5], TEN.signs[:5], probabilities=probabilities)
    assert not result.holds
    assert str(result).startswith("FAILS: the expectation of the SGD gradient")


def test_a_biased_expectation_is_the_weighted_sum():
    p = np.array([0.5, 0.3, 0.2, 0.0, 0.0])
    result = expectation(SMALL, TEN.x[:5], TEN.signs[:5], probabilities=p, batch_sizes=(1, 2))
    for row in result.enumerations:
        np.testing.assert_allclose(row.expectation, p @ result.sample_gradients, atol=1e-14)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"batch_sizes": (6,)}, InvalidValue, r"with 8 samples: N\^M draws are enumerated"),
        ({"batch_sizes": ()}, InvalidValue, "choose fewer samples"),
        ({"probabilities": [0.5, 0.5]}, ShapeError, r"shape \(8,\), one for each sample"),
        ({"probabilities": np.full(8, 0.1)}, InvalidValue, "sum to 0.8"),
        ({"mlp": SMALL}, InvalidValue, "give mlp, x and rho together"),
    ],
)
def test_claim_1_refuses_bad_options(options, error, words):
    with pytest.raises(error, match=words):
        expectation(**options)
