"""The score of answers, beside that of an answer that is always the same, against scikit-learn's numbers."""

import numpy as np
import pytest
from sklearn import metrics

from tinygrad_ed.train.score import score

RNG = np.random.default_rng(0)
CLASSES = ["a", "b", "c"]


def test_classes_are_scored_as_scikit_learn_scores_them():
    expected, answers = RNG.integers(0, 3, 60), RNG.integers(0, 3, 60)
    found = score("kind", CLASSES, answers, expected)
    assert found.value == metrics.accuracy_score(expected, answers)
    assert found.baseline == np.bincount(expected).max() / 60
    assert found.constant == repr(CLASSES[np.bincount(expected).argmax()])
    assert f"balanced accuracy {metrics.balanced_accuracy_score(expected, answers):.4g}" in found.detail
    assert (found.confusion == metrics.confusion_matrix(expected, answers)).all()


def test_a_class_that_is_not_there_does_not_count():
    found = score("kind", CLASSES, np.array([0, 2, 1]), np.array([0, 0, 1]))
    assert "balanced accuracy 0.75" in found.detail


def test_two_classes_have_precision_and_recall_of_the_positive_one():
    expected, answers = RNG.integers(0, 2, 60), RNG.integers(0, 2, 60)
    precision, recall = metrics.precision_score(expected, answers), metrics.recall_score(expected, answers)
    found = score("kind", ["no", "yes"], answers, expected)
    assert f"of 'yes': precision {precision:.4g}, recall {recall:.4g}" in found.detail


def test_the_confusion_table_has_the_expected_classes_as_rows():
    lines = str(score("kind", ["no", "yes"], np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 0, 1]))).splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["expected", "\\", "answered", "no", "yes"],
        ["no", "2", "2"],
        ["yes", "0", "1"],
    ]
    many = [str(k) for k in range(11)]
    assert len(str(score("kind", many, np.arange(11), np.arange(11))).splitlines()) == 1


def test_numbers_are_scored_as_scikit_learn_scores_them():
    expected = RNG.normal(5, 2, 60)
    answers = expected + RNG.normal(0, 1, 60)
    found = score("price", None, answers, expected)
    assert found.value == pytest.approx(metrics.r2_score(expected, answers))
    error = np.sqrt(metrics.mean_squared_error(expected, answers))
    assert f"root of the mean square error of 'price': {error:.4g} (baseline: {expected.std():.4g})" in found.detail
    assert score("price", None, 1e300 * answers, 1e300 * expected).value == pytest.approx(found.value)


@pytest.mark.parametrize(("right", "said"), [(1, True), (3, True), (4, False)])
def test_answers_that_are_no_better_than_a_constant_one_are_said(right, said):
    expected = np.array([0, 0, 0, 1, 1])
    answers = np.where(np.arange(5) < right, expected, 1 - expected)
    text = str(score("kind", ["a", "b"], answers, expected))
    assert ("That is no better than always answering 'a'. Try early stopping" in text) is said
    worse = score("price", None, np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))
    assert "no better than always answering the mean" in str(worse)


def test_all_right_is_never_no_better():
    assert "no better" not in str(score("kind", ["a", "b"], np.zeros(3, int), np.zeros(3, int)))


def test_names_cannot_steer_a_terminal():
    assert "\x1b" not in str(score("kind", ["a\x1b[31m", "b"], np.array([0, 1]), np.array([0, 0])))


def test_a_score_that_does_not_exist_is_said():
    assert "R² does not exist for the rows held out: too few (1)" in str(score("y", None, np.ones(1), np.zeros(1)))
