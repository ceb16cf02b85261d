"""Nested parameters as one vector, functions of it for SciPy, and results beside the value."""

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize, root

import tinygrad_ed as tg

TREE = {"w": np.arange(6.0).reshape(2, 3), "rest": [3.0, (np.ones(2),)], "none": np.empty((0, 2))}


def test_there_and_back():
    vector, unflatten = tg.flatten(TREE)
    np.testing.assert_array_equal(vector, [0, 1, 2, 3, 4, 5, 3, 1, 1])
    again = unflatten(vector + 1)
    np.testing.assert_array_equal(again["w"], TREE["w"] + 1)
    assert again["rest"][0] == 4.0
    assert isinstance(again["rest"][1], tuple)
    assert again["none"].shape == (0, 2)
    for wrong in (np.zeros(8), np.zeros((1, 9)), 1.0):
        with pytest.raises(tg.ShapeError, match=r"must have shape \(9,\), as the one that was made, not"):
            unflatten(wrong)
    empty, back = tg.flatten({})
    assert (empty.shape, back(empty)) == ((0,), {})


def test_derivatives_go_through_both_ways():
    def f(tree):
        vector, unflatten = tg.flatten(tree)
        return np.sum(unflatten(vector**2)["w"] ** 2) + tree["rest"][0]

    found = tg.grad(f)(TREE)
    np.testing.assert_allclose(found["w"], 4 * TREE["w"] ** 3)
    assert found["rest"][0] == 1.0


def test_what_cannot_be_flattened():
    with pytest.raises(tg.InvalidType, match="text"):
        tg.flatten({"w": "text"})
    with pytest.raises(tg.InvalidType):
        tg.objective(3.0, 1.0)


def rosenbrock(p):
    return (1.0 - p["x"]) ** 2 + 100.0 * np.sum((p["y"] - p["x"] ** 2) ** 2)


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("BFGS", ()),
        ("L-BFGS-B", ()),
        ("Newton-CG", ("hess",)),
        ("Newton-CG", ("hessp",)),
        ("trust-exact", ("hess",)),
        ("trust-ncg", ("hessp",)),
    ],
)
def test_scipys_optimizers(method, given):
    of = tg.objective(rosenbrock, {"x": -1.2, "y": np.array([1.0, 2.0])})
    found = minimize(of.fun, of.x0, jac=True, method=method, **{name: getattr(of, name) for name in given})
    there = of.unflatten(found.x)
    assert found.success
    assert there["x"] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(there["y"], [1.0, 1.0], atol=2e-3)


def test_second_derivatives_agree():
    of = tg.objective(rosenbrock, {"x": -1.2, "y": np.array([1.0, 2.0])})
    direction = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(of.hess(of.x0) @ direction, of.hessp(of.x0, direction))
    fun, x0, args, method, jac = of
    assert (fun, args, method, jac) == (of.fun, (), None, True)
    assert x0 is of.x0


def test_least_squares_and_roots_take_a_jacobian():
    t = np.linspace(0.0, 1.0, 20)
    seen = 2.0 * np.exp(-3.0 * t)

    def residuals(p):
        return p[0] * np.exp(-p[1] * t) - seen

    found = least_squares(residuals, [1.0, 1.0], jac=tg.jacobian(residuals))
    np.testing.assert_allclose(found.x, [2.0, 3.0], atol=1e-6)

    def system(p):
        return tg.stack([p[0] ** 2 + p[1] ** 2 - 4.0, p[0] - p[1]])

    there = root(lambda p: np.asarray(system(p)), [1.0, 2.0], jac=tg.jacobian(system))
    np.testing.assert_allclose(there.x, [np.sqrt(2), np.sqrt(2)])


def test_a_result_beside_the_value():
    def loss(w, x, scale=1.0):
        out = np.tanh(w * x) * scale
        return np.sum(out**2), {"out": out, "word": "kept", "none": None}

    x = np.array([1.0, 2.0])
    (value, other), gradient = tg.value_and_grad(loss, has_aux=True)(0.5, x, scale=2.0)
    assert value == pytest.approx(np.sum(4 * np.tanh(0.5 * x) ** 2))
    assert type(other["out"]) is np.ndarray
    assert (other["word"], other["none"]) == ("kept", None)
    assert gradient == pytest.approx(tg.grad(lambda w: loss(w, x, scale=2.0)[0])(0.5))

    def outer(w):  # inside another transform the other result has a derivative as well
        return np.sum(tg.value_and_grad(loss, has_aux=True)(w, x)[0][1]["out"])

    assert tg.grad(outer)(0.5) == pytest.approx(np.sum(x / np.cosh(0.5 * x) ** 2))
    with pytest.raises(tg.InvalidType, match=r"with has_aux, .*must return a pair \(value, other thing\)"):
        tg.value_and_grad(lambda w: w * 2.0, has_aux=True)(1.0)
