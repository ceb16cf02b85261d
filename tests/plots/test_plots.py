"""Plots: what is drawn are the numbers, labels say what they are, `ax=` is taken and returned, and nothing warns."""

import io
import itertools
import sys

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt
from test_draw_style import VISION, lab, linear

import tinygrad_ed as tg
from tinygrad_ed import plots
from tinygrad_ed.lecture import experiments
from tinygrad_ed.plots import style
from tinygrad_ed.train.compare_methods import compare_methods

DATA = tg.data.moons(30, noise=0.2)
MLP = tg.nn.MLP([2, 3, 1], rng=0)
LINE = tg.nn.MLP([1, 1], init=lambda rng, n, m: np.array([[0.5]]))
LINE.layers[0].bias.value = [0.25]
X, RHO = np.array([[-1.0], [0.0], [2.0]]), np.array([[-3.0], [-1.0], [3.0]])
"""Three points of the line 2 x - 1."""


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return plt.subplots()[1]


def labels(ax):
    return ax.get_legend_handles_labels()[1]


def line(ax, label):
    found = [line for line in ax.lines if line.get_label() == label]
    assert len(found) == 1
    return found[0]


EXPECTED = {"mse": 0, "l1": 0, "huber": 0, "logistic": 1, "hinge": 1, "margin": 1, "cross_entropy": 1}
"""Each cost, with the expected answer that is drawn."""

RESULTS = {
    "expectation": lambda: experiments.expectation(batch_sizes=(1,)),
    "batch_variance": lambda: experiments.batch_variance(draws=20, batch_sizes=(1, 4)),
    "noise_ball": lambda: experiments.noise_ball(learning_rates=(0.1, 0.2), updates=900),
    "saddle": lambda: experiments.saddle(updates=50, runs=2),
    "robust_costs": lambda: experiments.robust_costs(sizes=(0, 1, 2), epochs=50),
    "overlapping_classes": lambda: experiments.overlapping_classes(epochs=50),
    "compare_methods": lambda: compare_methods(MLP, DATA.x, DATA.signs, batch_size=5, budget=90),
}

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


# Cost curves


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


# Decision boundary


def test_the_boundary_lies_where_the_output_is_zero(ax):
    mlp = tg.nn.MLP([2, 1], init="zeros")
    mlp.layers[0].weights.value, mlp.layers[0].bias.value = [[1.0], [-2.0]], [0.5]
    x = np.array([[-1.0, -1.0], [-0.5, 0.0], [1.0, 1.0], [2.0, -1.0]])
    plots.decision_boundary(mlp, x, [1, 1, 1, -1], ax)
    edges = [path.vertices for each in ax.collections for path in each.get_paths() if each.get_linewidth()[0] == 1.2]
    vertices = np.concatenate(edges)
    assert len(vertices) > 10
    np.testing.assert_allclose(mlp.predict(vertices), 0.0, atol=1e-9)
    # Answers 1.5, 0, -0.5, 4.5 against +1, +1, +1, -1: the last two are wrong, and 0 counts as +1.
    np.testing.assert_array_equal(line(ax, "label +1").get_xydata(), x[:3])
    np.testing.assert_array_equal(line(ax, "label −1").get_xydata(), x[3:])
    np.testing.assert_array_equal(line(ax, "wrong side (2)").get_xydata(), x[2:])
    assert ax.get_title(loc="left") == "Decision boundary: 50.0% of 4 right"


@pytest.mark.parametrize("one_hot", [False, True])
def test_the_boundary_of_three_classes(one_hot, ax):
    mlp = tg.nn.MLP([2, 3], init=lambda rng, n, m: np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]))
    x, y = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.1, 2.0]]), np.array([0, 1, 2, 0])
    plots.decision_boundary(mlp, x, np.eye(3)[y] if one_hot else y, ax)
    assert labels(ax) == ["class 0", "class 1", "class 2", "wrong side (1)"]
    edges = [path.vertices for each in ax.collections for path in each.get_paths() if each.get_linewidth()[0] == 1.2]
    best = np.sort(mlp.predict(np.concatenate(edges)), axis=1)
    # Between the points of the grid the edge is interpolated: good to a step of it.
    assert np.abs(best[:, -1] - best[:, -2]).max() < 0.05


def test_a_network_that_says_the_same_everywhere_has_no_boundary(ax):
    plots.decision_boundary(tg.nn.MLP([2, 1], init="zeros"), DATA.x, DATA.signs, ax)
    assert ax.get_title(loc="left") == "Decision boundary: 50.0% of 30 right"


@pytest.mark.parametrize(
    ("mlp", "x", "y", "error", "words"),
    [
        (LINE, DATA.x, DATA.y, tg.ShapeError, "takes 1"),
        (MLP, DATA.x[:, :1], DATA.y, tg.ShapeError, r"x must be \(M, 2\)"),
        (MLP, DATA.x, DATA.y, tg.InvalidValue, r"map classes 0 and 1 by 2 \* y - 1"),
        (MLP, DATA.x, DATA.signs[:3], tg.ShapeError, "a class of each of the 30 samples"),
        (tg.nn.MLP([2, 3]), DATA.x, DATA.y + 2, tg.InvalidValue, "y holds 3, but this network has the classes 0 to 2"),
        (tg.nn.MLP([2, 3]), DATA.x, DATA.y + 0.5, tg.InvalidValue, "y holds"),
    ],
)
def test_what_has_no_boundary_in_the_plane_is_refused(mlp, x, y, error, words, ax):
    with pytest.raises(error, match=words):
        plots.decision_boundary(mlp, x, y, ax)


# Gradient noise


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


# Contour


def test_the_contour_shows_the_cost_of_each_point(ax):
    """For the line 2 x - 1 the cost is 0 at W1 = 2, b1 = -1; each line of the contour has one cost."""
    plots.cost_contour(LINE, X, RHO, directions=["W1[0,0]", "b1[0]"], ax=ax, reach=3.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("W1[0,0]", "b1[0]")
    lines = ax.collections[1]
    said = {text.get_text() for text in ax.texts}
    assert said
    assert said <= {f"{level:.3g}" for level in lines.levels}
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        for w, b in path.vertices[:-1]:
            cost = np.mean((w * X + b - RHO) ** 2) / 2
            assert cost == pytest.approx(level, abs=0.12)  # linear between points of a grid of 0.1
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2.5, 3.5), (-2.75, 3.25)), "the network is in the middle"


def test_the_path_is_drawn_through_the_parameters(ax):
    run = compare_methods(LINE, X, RHO, budget=30, path=True).runs["gradient"]
    plots.cost_contour(LINE, X, RHO, path=run.path, ax=ax)
    np.testing.assert_allclose(line(ax, "path").get_xydata(), run.path, atol=1e-12)
    np.testing.assert_allclose(line(ax, "start").get_xydata(), run.path[:1], atol=1e-12)
    np.testing.assert_allclose(line(ax, "end").get_xydata(), run.path[-1:], atol=1e-12)


def test_the_principal_plane_of_a_path_shows_as_much_of_it_as_any(ax):
    """Three parameters move, the third hardly: distances in the plane are those of the path, up to the third."""
    rng = np.random.default_rng(0)
    start = np.concatenate([np.ravel(p.value) for p in MLP.parameters()])
    path = np.tile(start, (20, 1))
    path[:, [0, 5, 9]] += rng.standard_normal((20, 3)) * [3.0, 1.0, 1e-4]
    plots.cost_contour(MLP, DATA.x, DATA.signs, path=path, ax=ax, resolution=5)
    walked = line(ax, "path").get_xydata()
    np.testing.assert_allclose(walked[-1], 0.0, atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.norm(walked - walked[-1], axis=1), np.linalg.norm(path - path[-1], axis=1), atol=1e-3
    )
    assert ax.get_xlabel().startswith("direction 1 of the path (")


def test_a_path_that_is_nearly_straight_is_seen_with_some_of_what_lies_beside_it(ax):
    path = np.column_stack([np.linspace(0, 4, 9), 0.01 * np.arange(9) % 2])
    plots.cost_contour(LINE, X, RHO, path=path, ax=ax, resolution=5)
    assert np.ptp(ax.get_ylim()) > np.ptp(ax.get_xlim()) / 4


def test_two_directions_start_at_the_network(ax):
    rng = np.random.default_rng(0)
    plots.cost_contour(MLP, DATA.x, DATA.signs, directions=rng.standard_normal((2, 13)), ax=ax, resolution=5, reach=1.0)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-1, 1))
    assert ax.get_xlabel() == "step along direction 1"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, tg.InvalidValue, r"this network has 13 parameters; say which two .*\('W1\[0,0\]', 'b2\[0\]'\)"),
        ({"directions": ["W1[0,0]", "W1[0,9]"]}, tg.InvalidValue, r"unknown parameter 'W1\[0,9\]'"),
        ({"directions": ["b2[0]"]}, tg.InvalidValue, "say which two"),
        ({"directions": ["b2[0]", "b2[0]"]}, tg.InvalidValue, "the two directions are parallel"),
        ({"directions": [np.ones(13), np.ones(3)]}, tg.ShapeError, r"a direction must have shape \(13,\)"),
        ({"path": np.zeros((4, 3))}, tg.ShapeError, r"path must be \(K, 13\)"),
        ({"path": np.arange(4.0)[:, None] * np.ones(13)}, tg.InvalidValue, "the path is straight"),
        ({"path": np.zeros((4, 13))}, tg.InvalidValue, "the path is straight"),
    ],
)
def test_a_plane_that_is_none_is_refused(options, error, words, ax):
    with pytest.raises(error, match=words):
        plots.cost_contour(MLP, DATA.x, DATA.signs, ax=ax, resolution=5, **options)


# Histograms


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


# Cost functions


@pytest.mark.parametrize(("cost", "y"), [*EXPECTED.items(), ("margin", -1), ("hinge", -1), ("logistic", -1), ("l1", 2)])
def test_the_cost_and_its_derivative_are_those_of_the_graph(cost, y, ax):
    plots.cost_function(cost, ax, y=y)
    drawn = line(ax, "cost C").get_xydata()[::20]
    slopes = line(ax, "derivative ∂C/∂ŷ").get_xydata()[5::20]
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
    x, slope = line(ax, "derivative ∂C/∂ŷ").get_data()
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


# The results of the experiments draw their own numbers


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
