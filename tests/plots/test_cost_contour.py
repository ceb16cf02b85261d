"""The contour shows the cost of each point of a plane, and the path of a training in it."""

import numpy as np
import pytest
from plot_cases import DATA, LINE, MLP, RHO, X, line

import tinygrad_ed as tg
from tinygrad_ed import plots
from tinygrad_ed.train.compare_methods import compare_methods


def test_the_contour_shows_the_cost_of_each_point(ax):
    """For the line 2 x - 1 the cost is 0 at W1 = 2, b1 = -1; each line of the contour has one cost."""
    plots.cost_contour(LINE, X, RHO, directions=["W1[0,0]", "b1[0]"], ax=ax, reach=3.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("ω¹₁,₁", "β¹₁")
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


def test_the_pictures_of_a_page_share_plane_axes_and_levels():
    rng = np.random.default_rng(0)
    mlp = tg.nn.MLP([1, 2, 1], rng=0)
    paths = [rng.standard_normal((5, 7)) * size for size in (1.0, 0.2)]
    axes = [tg.plots.cost_contour(mlp, X, RHO, path=path, around=paths, resolution=5) for path in paths]
    for of in ("xlim", "ylim", "xlabel", "ylabel"):
        one, other = [getattr(ax, f"get_{of}")() for ax in axes]
        assert one == other
    one, other = [[part.get_array() for part in ax.collections if part.get_array() is not None] for ax in axes]
    np.testing.assert_array_equal(one[0], other[0])  # the levels
    ends = [ax.lines[2].get_xydata()[0] for ax in axes]
    assert not np.allclose(*ends)
    with pytest.raises(tg.ShapeError, match=r"path must be \(K, 7\)"):
        tg.plots.cost_contour(mlp, X, RHO, around=[np.ones((3, 2))])
