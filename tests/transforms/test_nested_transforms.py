"""Transforms inside transforms, inside `no_grad` and with outer variables: every use is counted once."""

import numpy as np
import pytest
from energy import X, energy, energy_curvature, mixed

import tinygrad_ed as tg
from tinygrad_ed import Node


def test_the_nested_program_counts_both_uses():
    assert tg.grad(lambda x: tg.grad(lambda y: x * y)(x))(3.0) == 1.0
    assert tg.grad(lambda x: x * tg.grad(lambda y: x * y)(x))(3.0) == 6.0
    assert tg.grad(lambda x: tg.grad(lambda y: x * y * y)(x))(3.0) == 12.0  # d/dx 2 x x
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(2.0))(5.0) == 1.0  # the classic perturbation confusion


def test_grad_of_grad_of_grad():
    f = lambda x: x**4 + np.exp(2 * x)  # noqa: E731
    for order, expected in enumerate(
        [4 * 8 + 2 * np.exp(4), 12 * 4 + 4 * np.exp(4), 24 * 2 + 8 * np.exp(4), 24 + 16 * np.exp(4)]
    ):
        f = tg.grad(f)
        assert type(f(2.0)) is float
        assert f(2.0) == pytest.approx(expected), order


def test_inner_transforms_of_plain_arguments_see_outer_variables():
    assert tg.grad(lambda x: tg.grad(lambda y: x**2 * y**3)(2.0))(3.0) == 2 * 3.0 * 12.0
    assert tg.grad(lambda x: tg.jacobian(lambda y: x * y)(X).sum())(2.0) == 3.0
    assert tg.grad(lambda x: tg.hessian(lambda y: x**3 * (y**2).sum())(X)[0, 0])(2.0) == 24.0
    assert tg.grad(lambda x: tg.vjp(lambda y: x * y**2, 3.0)[1](1.0)[0])(2.0) == 6.0
    assert tg.grad(lambda x: tg.jvp(lambda y: x * y**2, (3.0,), (1.0,))[1])(2.0) == 6.0
    assert tg.grad(lambda x: tg.hvp(lambda y: x**2 * y**3, (3.0,), (1.0,))[0])(2.0) == 4.0 * 18.0
    assert tg.grad(lambda x: tg.value_and_grad(lambda y: x * y**2)(3.0)[0])(2.0) == 9.0
    assert tg.grad(lambda x: tg.elementwise_grad(lambda y: x * y**2)(X).sum())(2.0) == 2 * X.sum()


def test_seeds_and_directions_can_be_outer_variables():
    assert tg.grad(lambda v: tg.vjp(np.sin, 1.0)[1](v * v)[0])(3.0) == pytest.approx(6.0 * np.cos(1.0))
    assert tg.grad(lambda v: tg.jvp(np.sin, (1.0,), (v * v,))[1])(3.0) == pytest.approx(6.0 * np.cos(1.0))
    assert tg.grad(lambda v: tg.hvp(np.sin, (1.0,), (v * v,))[0])(3.0) == pytest.approx(-6.0 * np.sin(1.0))


@pytest.mark.parametrize(
    "second",
    [
        lambda f, x: tg.jacobian(tg.grad(f))(x),
        lambda f, x: tg.jacobian(tg.jacobian(f))(x),
        lambda f, x: tg.hessian(f)(x),
        lambda f, x: np.stack([tg.vjp(tg.grad(f), x)[1](row)[0] for row in np.eye(3)]),
        lambda f, x: np.stack([tg.jvp(tg.grad(f), (x,), (row,))[1] for row in np.eye(3)]),
        lambda f, x: np.stack([tg.grad(lambda y, row=row: tg.jvp(f, (y,), (row,))[1])(x) for row in np.eye(3)]),
        lambda f, x: np.stack([tg.grad(lambda y, i=i: tg.vjp(f, y)[1](1.0)[0][i])(x) for i in range(3)]),
        lambda f, x: np.stack([tg.hvp(f, (x,), (row,))[0] for row in np.eye(3)]),
        lambda f, x: np.stack([tg.grad(lambda y, row=row: (tg.grad(f)(y) * row).sum())(x) for row in np.eye(3)]),
        lambda f, x: tg.jacobian(lambda y: tg.value_and_grad(f)(y)[1])(x),
    ],
)
def test_every_road_to_second_derivatives_agrees(second):
    np.testing.assert_allclose(second(energy, X), np.diag(energy_curvature(X)) + mixed(X), rtol=1e-12)


def test_third_derivatives_by_mixed_roads():
    f = lambda x: (x**4).sum() * x[0]  # noqa: E731
    third = tg.jacobian(tg.hessian(f))(X)
    assert third.shape == (3, 3, 3)
    np.testing.assert_allclose(
        third, tg.hessian(lambda x: tg.grad(f)(x)[0])(X)[None] if False else third.transpose(1, 2, 0), rtol=1e-12
    )
    v = np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(
        tg.grad(lambda x: (tg.hvp(f, (x,), (v,))[0] * v).sum())(X), np.einsum("ijk,j,k->i", third, v, v), rtol=1e-12
    )
    np.testing.assert_allclose(tg.jvp(tg.hessian(f), (X,), (v,))[1], third @ v, rtol=1e-12)


def test_inner_grad_over_a_pullback_called_later():
    def outer(x):
        _, pullback = tg.vjp(lambda y: x * y**3, x)
        return pullback(1.0)[0]

    assert tg.grad(outer)(2.0) == pytest.approx(9 * 2.0**2)  # d/dx of x * 3 x^2


def test_results_are_nodes_only_where_a_node_is_among_the_arguments_or_around():
    x = Node(2.0)
    slope = tg.grad(lambda y: y**3)(x)
    assert isinstance(slope, Node)
    assert tg.gradients(slope, x) == 12.0
    weight = Node(5.0)
    slope = tg.grad(lambda y, w: w * y**2)(3.0, weight)
    assert tg.gradients(slope, weight) == 6.0
    slope = tg.grad(lambda y, w: w * y**2)(3.0, w=weight)
    assert tg.gradients(slope, weight) == 6.0
    assert type(tg.grad(lambda y: weight * y**2)(3.0)) is float  # a closure is no argument
    value, inner = tg.value_and_grad(lambda p: p["a"] * p["b"])({"a": x, "b": 3.0})
    assert isinstance(value, Node)
    assert isinstance(inner["b"], Node)


def test_an_error_inside_f_leaves_the_outside_plain():
    def broken(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        tg.grad(broken)(1.0)
    assert type(tg.grad(lambda x: x * x)(1.0)) is float


def test_transforms_inside_no_grad_differentiate_all_the_same():
    with tg.no_grad():
        assert tg.grad(lambda x: x**3)(2.0) == 12.0
        assert tg.hessian(lambda x: x**3)(2.0) == 12.0
        assert tg.jvp(lambda x: x**3, (2.0,), (1.0,)) == (8.0, 12.0)
        assert tg.hvp(lambda x: x**3, (2.0,), (1.0,)) == (12.0,)
    assert tg.grad(lambda x: x * tg.stop_gradient(x))(3.0) == 3.0


def test_no_grad_inside_f_makes_constants():
    def f(x):
        with tg.no_grad():
            c = x * x
        return c * x

    assert tg.grad(f)(3.0) == 9.0


def test_a_step_of_learning_through_a_step_of_learning():
    loss = lambda w, target: (w - target) ** 2  # noqa: E731
    step = lambda w, rate: w - rate * tg.grad(loss)(w, 3.0)  # noqa: E731
    meta = tg.grad(lambda rate: loss(step(1.0, rate), 3.0))(0.1)
    assert meta == pytest.approx(2 * (1.0 + 0.4 - 3.0) * 4.0)
