"""Claim 5 of the lecture: outliers pull the line of MSE, and hardly that of Huber and L1."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tinygrad_ed import InvalidValue
from tinygrad_ed.lecture.experiments import robust_costs


@pytest.fixture(scope="module")
def robust():
    return robust_costs(sizes=(0.0, 4.0, 8.0))


def test_mse_fails_in_proportion_and_the_robust_costs_do_not_move(robust):
    assert robust.holds
    assert robust.errors["mse"][-1] / robust.errors["mse"][-2] == pytest.approx(2, rel=0.1)
    for cost in ("huber", "l1"):
        # Beyond δ the derivative does not see the distance: the same line, up to how far descent has come.
        assert robust.errors[cost][-1] == pytest.approx(robust.errors[cost][-2], rel=1e-3)
        assert robust.errors[cost][-1] < robust.errors["mse"][-1] / 4


def test_the_learned_lines_are_the_best_ones(robust):
    rows = np.column_stack([robust.x, np.ones(len(robust.x))])
    np.testing.assert_allclose(robust.lines["mse"], np.linalg.lstsq(rows, robust.y, rcond=None)[0], atol=1e-10)

    def error(cost, line):
        distance = np.abs(rows @ line - robust.y)
        return np.mean(distance if cost == "l1" else np.where(distance <= 1, distance**2 / 2, distance - 0.5))

    for cost, line in robust.lines.items():
        off = rows @ line - rows @ [2.0, -1.0]
        assert robust.errors[cost][-1] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-12)
    # A best line of L1 goes through two of the points: try all pairs.
    through = [np.linalg.solve(rows[[i, j]], robust.y[[i, j]]) for i, j in combinations(range(len(rows)), 2)]
    best = min(error("l1", line) for line in through)
    assert best <= error("l1", robust.lines["l1"]) < best * 1.001
    # Huber is convex: no step in any direction gets lower.
    here = error("huber", robust.lines["huber"])
    for angle in np.linspace(0, 2 * np.pi, 16):
        assert error("huber", np.array(robust.lines["huber"]) + 0.01 * np.array([np.cos(angle), np.sin(angle)])) > here


@pytest.mark.parametrize("cost", ["huber", "l1"])
@pytest.mark.parametrize("errors", [[0.1, 0.2, 0.3], [0.1, 0.9, 0.9]])
def test_claim_5_needs_that_both_neither_grow_nor_are_far_off(robust, cost, errors):
    assert not replace(robust, errors=robust.errors | {cost: np.array(errors)}).holds


def test_without_outliers_claim_5_fails():
    result = robust_costs(sizes=(0.0, 4.0, 8.0), share=0.0)
    assert not result.holds
    assert str(result).startswith("FAILS")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sizes": (1.0,)}, "sizes must be growing distances"),
        ({"sizes": (2.0, 1.0)}, "sizes must be growing distances"),
        ({"share": 0.5}, "share must be at least 0 and below one half"),
    ],
)
def test_claim_5_refuses_bad_options(options, words):
    with pytest.raises(InvalidValue, match=words):
        robust_costs(**options)
