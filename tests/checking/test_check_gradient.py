"""Gradients of a plain NumPy function: right ones pass in every form, and planted slips are named."""

import sys

import numpy as np
import pytest

import tinygrad_ed as tg

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
PARAMETERS = {
    "W1": RNG.normal(size=(3, 4)),
    "b1": RNG.normal(size=4),
    "W2": RNG.normal(size=(4, 2)),
    "b2": RNG.normal(size=2),
}


def cost(p, lam=0.0):
    a = np.tanh(X @ p["W1"] + p["b1"])
    return np.sum((a @ p["W2"] + p["b2"] - Y) ** 2) / 2 / len(X) + lam / 2 * np.sum(p["W1"] ** 2)


def gradients(p):
    a = np.tanh(X @ p["W1"] + p["b1"])
    d2 = (a @ p["W2"] + p["b2"] - Y) / len(X)
    d1 = d2 @ p["W2"].T * (1 - a**2)
    return {"dW1": X.T @ d1, "db1": d1.sum(axis=0), "dW2": a.T @ d2, "db2": d2.sum(axis=0)}


RIGHT = gradients(PARAMETERS)


def judged(**slips):
    return tg.check_gradient(cost, PARAMETERS, {**RIGHT, **slips}, tell="mend")


def test_right_gradients_are_right():
    check = judged()
    assert check.agree
    assert [row.verdict for row in check.rows] == ["right"] * 4
    assert str(check).endswith("your gradients: right")
    assert check.first_divergence is None


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (2 * RIGHT["dW1"], "a factor of 2 too much"),
        (RIGHT["dW1"] / 2, "a factor of 1/2 too much"),
        (-RIGHT["dW1"], "the sign is wrong"),
        (5 * RIGHT["dW1"], r"5 times the right numbers \(a sum in place of a mean\?\); 5 is len\(X\)"),
        (RIGHT["dW1"] / 5, r"1/5 times the right numbers \(a mean in place of a sum\?\); 5 is len\(X\)"),
        (RIGHT["dW1"] / 3, r"1/3 times the right numbers \(a mean in place of a sum\?\)"),
        (1.07 * RIGHT["dW1"], "1.07 times the right numbers"),
        (0 * RIGHT["dW1"], "it is zeros"),
        (RIGHT["dW1"] * np.nan, "NaN or infinite"),
        (RIGHT["dW1"].T, r"transposed: \(4, 3\) in place of \(3, 4\)"),
        (RIGHT["dW1"].ravel(), r"its shape is \(12,\) in place of \(3, 4\); the numbers are right"),
        (RIGHT["dW1"][:2], r"its shape is \(2, 4\); it should be that of its value"),
        (RIGHT["dW1"] + 0.1 * PARAMETERS["W1"], "plus 0.1 times the value itself: an L2 term of λ = 0.1"),
        (RIGHT["dW1"] - 0.1 * PARAMETERS["W1"], "minus 0.1 times the value itself: an L2 term of λ = 0.1 is missing"),
        (RIGHT["dW1"] + np.eye(12)[6].reshape(3, 4), r"one entry is wrong, \[1, 2\]"),
        (RIGHT["dW1"] + np.eye(3, 4), "only column 0, 1, 2 is wrong"),
        (None, "no gradient is given"),
        ("text", "no array of real numbers"),
    ],
)
def test_a_slip_is_named(slip, words):
    check = judged(dW1=slip)
    assert [finding.quantity for finding in check.diagnosis] == ["W1"]
    assert [row.agree for row in check.rows] == [False, True, True, True]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(check.diagnosis[0].mistake)


def test_a_square_matrix_may_be_transposed_too_and_a_bias_not_summed():
    w, d = RNG.normal(size=(3, 3)), RNG.normal(size=(5, 3))
    summed = "it is not summed over axis 0, along which its value was spread: its shape is (5, 3)"
    check = tg.check_gradient(lambda w, b: np.sum((X @ w + b) * d), (w, np.zeros(3)), [d.T @ X, d])
    assert [f.mistake for f in check.diagnosis] == ["it is transposed", summed]


def test_a_missing_l2_term_is_seen_from_the_cost():
    check = tg.check_gradient(lambda p: cost(p, lam=0.3), PARAMETERS, RIGHT)
    words = "the right numbers minus 0.3 times the value itself: an L2 term of λ = 0.3 is missing, or of the wrong sign"
    assert check.diagnosis[0].mistake == words


@pytest.mark.parametrize("spelled", ["W1", "dW1", "d_W1", "grad_W1", "W1_grad"])
def test_every_spelling_of_a_gradient_is_known(spelled):
    given = {**RIGHT, spelled: RIGHT["dW1"]}
    if spelled != "dW1":
        del given["dW1"]
    assert tg.check_gradient(cost, PARAMETERS, given).agree


def test_the_function_may_take_parameters_in_every_usual_way():
    w, b = np.array([1.0, -2.0]), 0.5
    dw, db = w + b, np.sum(w + b)
    f = lambda w, b: np.sum((w + b) ** 2) / 2  # noqa: E731
    assert tg.check_gradient(f, {"w": w, "b": b}, {"w": dw, "b": db}).agree
    assert tg.check_gradient(f, [w, b], [dw, db]).agree
    assert tg.check_gradient(lambda p: f(*p), (w, b), [dw, db]).agree
    assert tg.check_gradient(lambda p: f(p["layer"][0], p["b"]), {"layer": [w], "b": b}, {"layer": [dw], "b": db}).agree
    assert tg.check_gradient(lambda w: np.sum(w**2), w, 2 * w).agree
    assert tg.check_gradient(lambda w: w**3, 2.0, 12.0).agree
    nested = [[1.0, 2.0], [3.0, 4.0]]
    assert tg.check_gradient(
        lambda w: sum(sum(row) ** 2 for row in w), nested, np.array([[6.0, 6.0], [14.0, 14.0]])
    ).agree
    assert tg.check_gradient(np.linalg.norm, w, w / np.linalg.norm(w)).agree


def test_integers_and_float32_are_taken_and_judged_to_their_digits():
    w = np.array([1, 2, 3])
    assert tg.check_gradient(lambda w: np.sum(w**2), w, 2 * w).agree
    single = {key: value.astype(np.float32) for key, value in RIGHT.items()}
    assert tg.check_gradient(cost, PARAMETERS, single).agree
    assert tg.check_gradient(lambda p: np.float32(cost(p)), PARAMETERS, RIGHT).agree
    assert not tg.check_gradient(lambda p: np.float32(cost(p)), PARAMETERS, {**RIGHT, "db1": 1.2 * RIGHT["db1"]}).agree


def test_numbers_on_paper_are_judged_to_their_digits():
    paper = {
        key: np.array([float(f"{v:.3g}") for v in value.ravel()]).reshape(value.shape) for key, value in RIGHT.items()
    }
    assert not tg.check_gradient(cost, PARAMETERS, paper).agree
    assert tg.check_gradient(cost, PARAMETERS, paper, digits=3).agree
    assert not tg.check_gradient(cost, PARAMETERS, {**paper, "dW2": paper["dW2"] * 1.05}, digits=3).agree


def test_a_kink_is_said_and_not_accused():
    w = np.array([0.0, 1.0, -1.0])
    check = tg.check_gradient(lambda w: np.sum(np.maximum(w, 0)), w, [1.0, 1.0, 0.0])
    assert check.agree
    assert check.notes == ("x: no derivative (a kink?) at 1 entries, such as [0]: not judged",)
    assert tg.check_gradient(lambda w: np.sum(np.abs(w)), np.zeros(2), np.ones(2)).rows[0].verdict == "not judged"


def test_scales_of_parameters_do_not_matter():
    for scale in (1e-6, 1.0, 1e6):
        w = scale * np.array([1.0, -2.0])
        assert tg.check_gradient(lambda w: np.sum(w**3), w, 3 * w**2).agree, scale
        assert not tg.check_gradient(lambda w: np.sum(w**3), w, 3.01 * w**2).agree, scale


def test_of_many_entries_some_are_looked_at_and_of_tiny_gradients_it_is_said():
    w = RNG.normal(size=(40, 25))
    assert tg.check_gradient(lambda w: np.sum(w**2), w, 2 * w).notes == ("x: 300 of its 1000 entries were looked at",)
    check = tg.check_gradient(lambda w: 1e3 + 1e-7 * w, 1.0, 0.0)
    assert check.notes == ("x: its gradient is too small to be told from zero by differences",)


def test_the_function_can_do_no_harm():
    def writes(p):
        p["W1"] *= 2
        return cost({**p, "W1": p["W1"] / 2})

    before = PARAMETERS["W1"].copy()
    check = tg.check_gradient(writes, PARAMETERS, RIGHT)
    assert check.agree
    assert check.notes == ("f changes W1 in place; it was given a copy each time",)
    assert (PARAMETERS["W1"] == before).all()


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda p: sys.exit(0), "your f ended the program"),
        (lambda p: p["W3"], "your f raised KeyError"),
        (lambda p: None, "is a `return` missing"),
        (lambda p: p["b1"], r"your f returned shape \(4,\); a gradient is that of one number"),
        (lambda p: RNG.normal(), "another number each time"),
        (lambda p: [1 for _ in iter(int, 1)], "stopped after 0.05 seconds"),
    ],
)
def test_a_function_that_cannot_be_judged_is_a_finding(f, words):
    check = tg.check_gradient(f, PARAMETERS, RIGHT, seconds=0.05)
    assert not check.agree
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(check.first_divergence.mistake)


def test_random_numbers_of_numpy_are_the_same_in_each_call():
    f = lambda w: np.sum(np.random.normal(size=3) * w)  # noqa: E731
    np.random.seed(3)
    mask = np.random.normal(size=3)
    np.random.seed(3)
    assert tg.check_gradient(f, np.ones(3), mask).agree


def test_bad_arguments_are_refused():
    with pytest.raises(tg.InvalidType, match="must be a dict with its keys"):
        tg.check_gradient(cost, PARAMETERS, [1, 2])
    with pytest.raises(tg.InvalidType, match="must be 2, one each"):
        tg.check_gradient(lambda a, b: 0.0, [1.0, 2.0], [1.0])
    with pytest.raises(tg.InvalidType, match="the parameter x must hold real numbers"):
        tg.check_gradient(cost, "text", 1.0)
    with pytest.raises(tg.InvalidValue, match="unknown tell 'all'"):
        tg.check_gradient(cost, PARAMETERS, RIGHT, tell="all")
