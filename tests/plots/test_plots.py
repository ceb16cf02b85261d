"""Plots: labels say what is drawn, `ax=` is taken and returned, colors can be told apart, and nothing warns."""

import io
import itertools
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from plot_cases import DATA, EXPECTED, LINE, MLP, RESULTS, RHO, X
from test_draw_style import VISION, lab, linear

import tinygrad_ed as tg
from tinygrad_ed import plots
from tinygrad_ed.plots import style

DRAWN = {
    "cost_curves": lambda ax: plots.cost_curves([3.0, 2.0, 1.0], ax),
    "decision_boundary": lambda ax: plots.decision_boundary(MLP, DATA.x, DATA.signs, ax, resolution=20),
    "gradient_noise": lambda ax: plots.gradient_noise([1, 2], [2.0, 1.0], [0.1, 0.1], [2.0, 1.0], ax),
    "cost_contour": lambda ax: plots.cost_contour(LINE, X, RHO, ax=ax, resolution=5),
    "gradient_histograms": lambda ax: plots.gradient_histograms(MLP, DATA.x, DATA.signs, ax=ax),
    **{f"cost_function {cost}": lambda ax, cost=cost: plots.cost_function(cost, ax) for cost in EXPECTED},
    **{f"{name}.plot": lambda ax, made=made: made().plot(ax) for name, made in RESULTS.items()},
    "robust_costs.plot_errors": lambda ax: RESULTS["robust_costs"]().plot_errors(ax),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_plot_takes_axes_returns_them_and_says_what_it_shows(name, ax):
    assert DRAWN[name](ax) is ax
    assert ax.get_title(loc="left")
    assert ax.get_xlabel()
    assert ax.get_ylabel() or ax.get_yticklabels()
    ax.figure.savefig(io.BytesIO(), format="png")  # a missing glyph, or a layout without room, would warn
    own = DRAWN[name](None)
    assert own is not ax
    assert own.get_title(loc="left") == ax.get_title(loc="left")


@pytest.mark.parametrize("name", DRAWN)
def test_without_matplotlib_the_error_has_the_line_that_installs_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(tg.MissingExtra, match=r'python -m pip install "tinygrad_ed\[plots\]"'):
        DRAWN[name](None)


@pytest.mark.parametrize("wrong", [plt, "axes", 3])
def test_what_is_no_pair_of_axes_is_refused(wrong):
    with pytest.raises(tg.InvalidType, match="ax is one pair of matplotlib's axes"):
        plots.cost_curves([1.0], wrong)


@pytest.mark.parametrize("vision", VISION)
def test_the_series_can_be_told_apart_with_any_color_vision(vision):
    seen = {color: lab(np.clip(np.array(VISION[vision]) @ linear(color), 0, 1)) for color in style.SERIES}
    assert min(np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(seen, 2)) > 15


def test_the_series_stand_out_from_white_and_differ_in_line_and_mark():
    for color in style.SERIES:
        assert 1.05 / (linear(color) @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3.0  # WCAG 1.4.11, for graphics
    assert len({(str(style.series(k)["linestyle"])) for k in range(6)}) == 6
    assert len({style.dots(k)["marker"] for k in range(6)}) == 6


@pytest.mark.parametrize("name", DRAWN)
def test_no_legend_lies_on_the_data(name):
    figure, ax = plt.subplots()
    DRAWN[name](ax)
    figure.canvas.draw()
    if legend := ax.get_legend():
        assert legend.get_window_extent().y1 <= ax.get_window_extent().y0 - 10
        assert legend.get_window_extent().y0 >= 0
        assert legend.get_window_extent().y1 <= ax.xaxis.get_label().get_window_extent().y0 + 2
    plt.close(figure)
