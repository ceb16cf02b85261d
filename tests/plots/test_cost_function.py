"""A cost function is drawn with its derivative and its kinks."""

import numpy as np
import pytest
from plot_cases import EXPECTED, labels, line

import tinygrad_ed as tg
from tinygrad_ed import plots


@pytest.mark.parametrize(
    ("cost", "y"), [*EXPECTED.items(), ("margin", -1), ("hinge", -1), ("logistic", -1), ("bce", 0), ("l1", 2)]
)
def test_the_cost_and_its_derivative_are_those_of_the_graph(cost, y, ax):
    plots.cost_function(cost, ax, y=y)
    drawn = line(ax, "cost C").get_xydata()[::20]
    slopes = line(ax, "derivative ∂C/∂αᴸ").get_xydata()[5::20]
    slopes = slopes[~np.isnan(slopes[:, 0])]

    def graph(answer):
        if cost == "cross_entropy":
            return tg.nn.costs.cross_entropy(tg.array([0.0, answer]), [0.0, 1.0])
        return getattr(tg.nn.costs, cost)(tg.reshape(answer, (1,)), [float(y)])

    np.testing.assert_allclose(drawn[:, 1], [graph(tg.Node(answer)).item() for answer in drawn[:, 0]], atol=1e-12)
    np.testing.assert_allclose(slopes[:, 1], [tg.grad(graph)(answer) for answer in slopes[:, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("cost", "y", "kinks", "limits"),
    [
        ("mse", 0, [], []),
        ("logistic", 1, [], []),
        ("bce", 1, [], []),
        ("cross_entropy", 1, [], []),
        ("l1", 0, [0], [-1, 1]),
        ("huber", 0, [-1, 1], []),
        ("hinge", 1, [1], [-1, 0]),
        ("hinge", -1, [-1], [0, 1]),
        ("margin", 1, [1], [-1, 0]),
        ("margin", -1, [-1], [-1, 0]),
    ],
)
def test_every_kink_is_marked_with_what_is_used_there(cost, y, kinks, limits, ax):
    plots.cost_function(cost, ax, y=y)
    diamonds = [mark for mark in ax.lines if mark.get_marker() == "D"]
    assert [mark.get_xdata()[0] for mark in diamonds] == kinks
    hollow = [mark for mark in ax.lines if mark.get_label() == "_limits"]
    assert [value for mark in hollow for value in mark.get_ydata()] == limits
    used = [mark.get_ydata()[0] for mark in ax.lines if mark.get_label() == "_used"]
    assert used == ([0.0] if limits else kinks)
    said = ["kink (derivative used: 0)"] if limits else ["kink of the derivative"] if kinks else []
    assert labels(ax)[2:] == said


def test_no_line_of_a_derivative_leads_over_a_jump(ax):
    plots.cost_function("l1", ax)
    x, slope = line(ax, "derivative ∂C/∂αᴸ").get_data()
    steps = np.abs(np.diff(slope))
    assert np.nanmax(steps) == 0
    assert np.isnan(x).sum() == 2


@pytest.mark.parametrize(
    ("cost", "y", "words"),
    [("mes", None, "Did you mean 'mse'"), ("hinge", 0, "y must be a label"), ("cross_entropy", 0, "y = 1, not 0")],
)
def test_costs_and_labels_that_do_not_exist_are_refused(cost, y, words, ax):
    with pytest.raises(tg.InvalidValue, match=words):
        plots.cost_function(cost, ax, y=y)
