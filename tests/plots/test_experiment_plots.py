"""The results of the experiments draw their own numbers."""

import numpy as np
import pytest
from plot_cases import RESULTS, labels, line

import tinygrad_ed as tg


def test_the_comparison_draws_its_curves(ax):
    compared = RESULTS["compare_methods"]()
    names = {"gradient": "gradient (η = 0.1)", "sgd": "SGD (η = 0.1)", "minibatch": "mini-batch, M = 5 (η = 0.1)"}
    compared.plot(ax)
    for method, name in names.items():
        run = compared.runs[method]
        np.testing.assert_array_equal(line(ax, name).get_data(), [run.gradient_computations, run.cost])
    for against, label in (("updates", "updates"), ("seconds", "seconds of training")):
        other = compared.plot(against=against)
        assert (other.get_xlabel(), other.get_xscale()) == (label, "log")
        run = compared.runs["sgd"]
        np.testing.assert_array_equal(line(other, names["sgd"]).get_data(), [getattr(run, against)[1:], run.cost[1:]])
    with pytest.raises(tg.InvalidValue, match="Did you mean 'updates'"):
        compared.plot(against="update")


def test_the_expectation_draws_singles_mean_and_full(ax):
    result = RESULTS["expectation"]()
    result.plot(ax)
    np.testing.assert_array_equal(line(ax, "gradient of one sample").get_ydata(), result.sample_gradients.ravel())
    np.testing.assert_array_equal(line(ax, "full gradient").get_ydata(), result.full)
    np.testing.assert_array_equal(line(ax, "expectation over i").get_ydata(), result.enumerations[0].expectation)


def test_the_variance_draws_its_slope_and_three_errors(ax):
    result = RESULTS["batch_variance"]()
    result.plot(ax)
    assert ax.get_title(loc="left").endswith(f"slope {result.slope:.3f}".replace("-", "−"))
    ends = np.array([segment[:, 1] for segment in ax.containers[0][2][0].get_segments()])
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 6 * result.error)


def test_the_ball_draws_means_of_its_curves_and_the_levels_of_theory(ax):
    result = RESULTS["noise_ball"]()
    result.plot(ax)
    assert labels(ax) == ["η = 0.1", "η = 0.2", "shrinking η"]
    levels = [level.get_ydata()[0] for level in ax.lines if level.get_label() == "_theory"]
    assert levels == [ball.theory for ball in result.balls]
    at, drawn = line(ax, "η = 0.1").get_data()
    assert 1 <= at[0] < 2 < 800 < at[-1] < 900
    curve = result.balls[0].curve
    assert drawn[0] == curve[0]
    assert curve[-100:].min() <= drawn[-1] <= curve[-100:].max()


def test_the_saddle_draws_every_run(ax):
    result = RESULTS["saddle"]()
    result.plot(ax)
    np.testing.assert_array_equal(line(ax, "gradient descent").get_data(), [result.updates, result.descent])
    np.testing.assert_array_equal(line(ax, "SGD (2 runs)").get_ydata(), result.sgd[0])
    np.testing.assert_array_equal(line(ax, "_SGD").get_ydata(), result.sgd[1])


def test_the_robust_costs_draw_points_lines_and_errors(ax):
    result = RESULTS["robust_costs"]()
    result.plot(ax)
    np.testing.assert_array_equal(line(ax, "outliers").get_ydata(), result.y[result.outliers])
    slope, intercept = result.lines["huber"]
    np.testing.assert_allclose(line(ax, "huber").get_ydata(), [intercept - slope, intercept + slope])
    other = result.plot_errors()
    np.testing.assert_array_equal(line(other, "l1").get_data(), [result.sizes, result.errors["l1"]])


def test_the_overlap_draws_answers_and_labels(ax):
    result = RESULTS["overlapping_classes"]()
    result.plot(ax)
    w1, _, b = result.learned["margin"].neuron
    found = next(line for line in ax.lines if line.get_label().startswith("margin: "))
    np.testing.assert_allclose(found.get_ydata(), w1 * found.get_xdata() + b)
    np.testing.assert_array_equal(line(ax, "samples of −1").get_xdata(), result.x[result.labels[:, 0] == -1, 0])
