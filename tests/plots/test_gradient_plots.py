"""Gradient noise and gradient histograms draw the numbers."""

import numpy as np
import pytest
from plot_cases import DATA, RHO, X, line

import tinygrad_ed as tg
from tinygrad_ed import plots


def test_gradient_noise_draws_the_numbers_and_their_bands(ax):
    plots.gradient_noise([1, 4, 16], [2.0, 0.6, 0.1], [0.1, 0.2, 0.05], [2.0, 0.5, 0.125], ax)
    np.testing.assert_array_equal(line(ax, "exact").get_ydata(), [2.0, 0.5, 0.125])
    measured = ax.containers[0]
    np.testing.assert_array_equal(measured[0].get_xydata(), [[1, 2.0], [4, 0.6], [16, 0.1]])
    ends = np.array([segment[:, 1] for segment in measured[2][0].get_segments()])
    np.testing.assert_allclose(ends, [[1.9, 2.1], [0.4, 0.8], [0.05, 0.15]])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "4", "16"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_gradient_noise_refuses_lists_of_different_lengths(ax):
    with pytest.raises(tg.ShapeError, match=r"variance \(2,\), exact \(1,\)"):
        plots.gradient_noise([1, 2], [1.0, 0.5], exact=[1.0], ax=ax)


def test_the_histograms_count_the_entries_of_the_gradient(ax):
    mlp = tg.nn.MLP([2, 16, 16, 1], activation="relu", rng=3)
    plots.gradient_histograms(mlp, DATA.x, DATA.signs, ax=ax, bins=12)
    book = tg.ledger(mlp, DATA.x, DATA.signs, road="graph")
    filled = [patch for patch in ax.patches if patch.get_fill()]
    for j, stairs in zip((1, 2, 3), filled, strict=True):
        entries = np.abs(book[f"grad_omega[{j}]"]).ravel()
        heights, edges, baseline = stairs.get_data()
        counts, _ = np.histogram(np.log10(entries[entries > 0]), edges)
        assert baseline == j
        np.testing.assert_allclose((heights - j) * counts.max() / 0.82, counts, atol=1e-9)
        said = ax.texts[j - 1].get_text()
        assert said.startswith(f"{entries.size} weights, median {np.median(entries[entries > 0]):.1e}")
        zeros = int(np.sum(entries == 0))
        assert (f"{zeros} exactly 0" in said) == (zeros > 0)
    assert any("exactly 0" in text.get_text() for text in ax.texts), "relu leaves some weights without a gradient"


def test_a_gradient_of_zeros_is_drawn_too(ax):
    plots.gradient_histograms(tg.nn.MLP([1, 1], init="zeros"), X, 0 * RHO, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["1 weights, 1 exactly 0"]
