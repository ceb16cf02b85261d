"""Initial weights: their spread, their seed, and a reader's own."""

import math

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP, Dense, init

DEVIATION = {
    "zeros": 0.0,
    "uniform": 2 / math.sqrt(12),
    "normal": 1.0,
    "glorot": math.sqrt(2 / (400 + 200)),
    "he": math.sqrt(2 / 400),
    "lecun": math.sqrt(1 / 400),
}
BOUND = {"zeros": 0.0, "uniform": 1.0, "glorot": math.sqrt(6 / 600)}


@pytest.mark.parametrize("name", sorted(init.NAMES))
def test_initial_weights_have_the_spread_they_promise(name):
    weights = Dense(400, 200, init=name, rng=3).weights.value
    assert weights.shape == (400, 200)
    assert abs(weights.mean()) <= 4 * DEVIATION[name] / math.sqrt(weights.size)
    assert weights.std() == pytest.approx(DEVIATION[name], rel=0.02)
    assert np.abs(weights).max() <= BOUND.get(name, math.inf)
    assert np.abs(weights).max() >= BOUND.get(name, 0.0) * 0.99


def test_all_initializers_are_held_by_the_table():
    assert sorted(init.NAMES) == sorted(DEVIATION)


@pytest.mark.parametrize("name", sorted(set(init.NAMES) - {"zeros"}))
def test_a_seed_gives_the_same_weights_again_and_another_seed_others(name):
    one, again, other = [MLP([3, 3, 3], init=name, rng=seed) for seed in (7, 7, 8)]
    for p, q in zip(one.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)
    assert not np.array_equal(one.layers[0].weights.value, other.layers[0].weights.value)
    assert not np.array_equal(one.layers[0].weights.value, one.layers[1].weights.value)


def test_a_generator_is_drawn_from_and_a_bias_starts_at_zero():
    generator = np.random.default_rng(7)
    first, second = Dense(2, 2, rng=generator), Dense(2, 2, rng=generator)
    assert not np.array_equal(first.weights.value, second.weights.value)
    np.testing.assert_array_equal(first.weights.value, Dense(2, 2, rng=7).weights.value)
    assert first.bias.value.tolist() == [0.0, 0.0]


def test_a_readers_own_initializer_is_taken_and_checked():
    layer = Dense(2, 3, init=lambda rng, n_in, n_out: np.arange(6).reshape(n_in, n_out))
    assert layer.weights.value.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(tg.ShapeError, match=r"init gave weights of shape \(3, 2\), but this layer needs \(2, 3\)"):
        Dense(2, 3, init=lambda rng, n_in, n_out: np.zeros((n_out, n_in)))
    with pytest.raises(tg.InvalidType, match="init gave weights that must hold real numbers, but it holds the text"):
        Dense(2, 3, init=lambda rng, n_in, n_out: "glorot")
    with pytest.raises(tg.InvalidType, match="init takes a name or a function"):
        Dense(2, 3, init=0.1)
