"""The decision boundary lies where the answer changes, and wrong samples are marked."""

import numpy as np
import pytest
from plot_cases import DATA, LINE, MLP, labels, line

import tinygrad_ed as tg
from tinygrad_ed import plots


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
