"""Cost curves draw the history of one run or several."""

import numpy as np
import pytest
from plot_cases import DATA, labels, line

import tinygrad_ed as tg
from tinygrad_ed import plots


def test_cost_curves_draw_the_history_and_its_validation(ax):
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    history = tg.train.fit(
        mlp, DATA.x, DATA.signs, epochs=4, validation=(DATA.x[:5], DATA.signs[:5]), rng=1, progress=False
    )
    plots.cost_curves({"mine": history}, ax)
    np.testing.assert_array_equal(line(ax, "mine").get_xydata(), np.column_stack([[1, 2, 3, 4], history.cost]))
    np.testing.assert_array_equal(line(ax, "mine validation").get_ydata(), history.validation)
    assert line(ax, "mine").get_color() == line(ax, "mine validation").get_color()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "cost E")


@pytest.mark.parametrize(
    ("runs", "named"),
    [
        ([1.0, 0.5], []),
        (np.array([1.0, 0.5]), []),
        ([[1.0, 0.5], [1.0, 0.2]], ["run 1", "run 2"]),
        ({"a": [1.0], "b": [2.0, 1.0]}, ["a", "b"]),
    ],
)
def test_cost_curves_take_one_run_or_several(runs, named, ax):
    plots.cost_curves(runs, ax, log=True)
    assert labels(ax) == named
    assert len(ax.lines) == max(1, len(named))
    assert (ax.get_legend() is not None) == bool(named)
    assert ax.get_yscale() == "log"


@pytest.mark.parametrize("wrong", [3.0, "abc", {"x": "abc"}, {"x": [[1.0], [2.0]]}, {"x": None}])
def test_what_is_no_run_is_refused(wrong, ax):
    with pytest.raises(tg.InvalidType, match=r"a cost curve( of 'x')? is a History or a list of costs"):
        plots.cost_curves(wrong, ax)
