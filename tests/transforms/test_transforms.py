"""Derivatives as functions: nested arguments, nested transforms, constants, and what is refused."""

import functools
import warnings
from collections import namedtuple

import autograd
import autograd.numpy
import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import Node

X = np.array([0.5, -1.0, 2.0])
MATRIX = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 0.8]])


def energy(x):
    return (x**2 * np.sin(x)).sum() + x[0] * x[1] * x[2]


def energy_slope(x):
    return 2 * x * np.sin(x) + x**2 * np.cos(x) + np.array([x[1] * x[2], x[0] * x[2], x[0] * x[1]])


# --- grad and value_and_grad -----------------------------------------------------------------------------------------


def test_grad_of_a_float_is_a_float_and_of_an_array_an_array():
    slope = tg.grad(lambda x: x**3)(2)
    assert (type(slope), slope) == (float, 12.0)
    slope = tg.grad(energy)(X)
    assert type(slope) is np.ndarray
    np.testing.assert_allclose(slope, energy_slope(X))


def test_results_are_writable_and_owned():
    for result in (
        tg.grad(lambda x: x.sum())(X),
        tg.value_and_grad(lambda x: (x * 1).sum(keepdims=True))(X)[0],
        tg.jacobian(lambda x: x)(X),
        tg.vjp(lambda x: x, X)[0],
        tg.vjp(lambda x: x, X)[1](X)[0],
        tg.jvp(lambda x: x, (X,), (X,))[0],
        tg.jvp(lambda x: x, (X,), (X,))[1],
        tg.hvp(energy, (X,), (X,))[0],
        tg.hessian(energy)(X),
        tg.elementwise_grad(np.exp)(X),
    ):
        assert type(result) is np.ndarray
        assert result.flags.writeable
        before = X.copy()
        result += 1.0
        np.testing.assert_array_equal(X, before)


def test_value_and_grad_runs_f_once():
    calls = []

    def f(x):
        calls.append(x)
        return energy(x)

    value, slope = tg.value_and_grad(f)(X)
    assert (type(value), len(calls), type(calls[0])) == (float, 1, Node)
    assert value == energy(X)
    np.testing.assert_allclose(slope, energy_slope(X))


def test_float32_goes_through():
    x = X.astype(np.float32)
    assert tg.grad(energy)(x).dtype == np.float32
    assert tg.jacobian(np.sin)(x).dtype == np.float32
    assert tg.hessian(energy)(x).dtype == np.float32
    assert tg.jvp(np.sin, (x,), (x,))[1].dtype == np.float32


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, 6.0),
        (1, 2.0),
        (-1, 0.5),
        (2, 0.5),
        (-3, 6.0),
        ((0, 1), (6.0, 2.0)),
        ((2, 0), (0.5, 6.0)),
        ([1], (2.0,)),
        ((-1,), (0.5,)),
        ((), ()),
        (np.int64(1), 2.0),
    ],
)
def test_argnums(argnums, expected):
    f = lambda a, b, c: a * b + 0.5 * c  # noqa: E731
    assert tg.grad(f, argnums)(2.0, 6.0, 1.0) == expected
    assert tg.value_and_grad(f, argnums)(2.0, 6.0, 1.0) == (12.5, expected)
    assert tg.jacobian(f, argnums)(2.0, 6.0, 1.0) == expected
    assert tg.elementwise_grad(f, argnums)(2.0, 6.0, 1.0) == expected


@pytest.mark.parametrize("argnums", [2, -3, "a", 1.5, None, (0, 2), (0, 0), (0, -2), True, (0.0,)])
def test_wrong_argnums_are_refused(argnums):
    def product(a, b):
        raise AssertionError("refused before f is run")

    for transform in (tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian, tg.elementwise_grad):
        with pytest.raises(tg.InvalidValue, match=r"argnums=.* does not fit: .*product was called with 2 positional"):
            transform(product, argnums)(2.0, 3.0)


def test_arguments_that_are_not_differentiated_are_left_as_they_are():
    seen = []

    def f(x, text, flag, power=1, options=None):
        seen.append((text, flag, power, options))
        return x**power

    options = {"a": object()}
    assert tg.grad(f)(3.0, "text", True, power=2, options=options) == 6.0
    assert seen == [("text", True, 2, options)]
    assert seen[0][3] is options


NESTED = {"w": [np.array([1.0, 2.0]), (3.0, 4.0)], "b": {"deep": 5.0}}


def nested_cost(p):
    return (p["w"][0] * p["w"][1][0]).sum() * p["b"]["deep"] + p["w"][1][1] ** 2


def test_nested_arguments_give_nested_gradients():
    slope = tg.grad(nested_cost)(NESTED)
    assert type(slope["w"][1]) is tuple
    np.testing.assert_array_equal(slope["w"][0], [15.0, 15.0])
    assert (slope["w"][1], slope["b"]) == ((15.0, 8.0), {"deep": 9.0})
    value, pullback = tg.vjp(nested_cost, NESTED)
    assert value == 61.0
    assert pullback(2.0)[0]["b"] == {"deep": 18.0}
    direction = {"w": [np.array([1.0, 0.0]), (0.0, 1.0)], "b": {"deep": 0.0}}
    assert tg.jvp(nested_cost, (NESTED,), (direction,)) == (61.0, 15.0 + 8.0)
    curved = tg.hvp(nested_cost, (NESTED,), (direction,))[0]
    assert (curved["w"][0].tolist(), curved["w"][1], curved["b"]["deep"]) == ([0.0, 0.0], (5.0, 2.0), 3.0)
    both = tg.hessian(nested_cost)(NESTED)
    assert both["b"]["deep"]["w"][1] == (3.0, 0.0)
    np.testing.assert_array_equal(both["w"][0]["w"][1][0], [5.0, 5.0])
    each = tg.elementwise_grad(lambda p: p["a"] * p["b"])({"a": X, "b": 2.0})
    assert (each["a"].tolist(), each["b"]) == ([2.0, 2.0, 2.0], X.sum())


def test_named_tuples_stay_named_tuples():
    Point = namedtuple("Point", "x y")  # plain on purpose
    assert tg.grad(lambda p: p.x * p.y)(Point(2.0, 3.0)) == Point(3.0, 2.0)
    assert isinstance(tg.grad(lambda p: p.x * p.y)(Point(2.0, 3.0)), Point)


def test_a_list_is_a_container_and_an_array_is_not():
    assert tg.grad(lambda xs: xs[0] * xs[1])([2.0, 3.0]) == [3.0, 2.0]
    assert tg.grad(lambda xs: xs[0] * xs[1])(np.array([2.0, 3.0])).tolist() == [3.0, 2.0]


def test_constants_have_zero_derivatives():
    for constant in (3, 3.0, np.float32(3.0), np.array(3.0), np.array([[3.0]])):
        np.testing.assert_array_equal(tg.grad(lambda x, c=constant: c)(X), np.zeros(3))
        np.testing.assert_array_equal(tg.hessian(lambda x, c=constant: c)(X), np.zeros((3, 3)))
    assert tg.grad(lambda x: 3)(2.0) == 0.0
    assert tg.jacobian(lambda x: np.ones(2))(X).shape == (2, 3)
    assert tg.jvp(lambda x: np.ones(2), (X,), (X,))[1].tolist() == [0.0, 0.0]
    assert tg.vjp(lambda x: 3.0, X)[1](1.0)[0].tolist() == [0.0] * 3
    assert tg.hvp(lambda x: x.sum(), (X,), (X,))[0].tolist() == [0.0] * 3
    assert tg.hvp(lambda x: 7.0, (X,), (X,))[0].tolist() == [0.0] * 3
    assert tg.elementwise_grad(lambda x: 1.0)(X).tolist() == [0.0] * 3
    assert tg.grad(lambda x: Node(3.0))(2.0) == 0.0
    assert tg.grad(lambda x: x)(2.0) == 1.0


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: None, "returned None, which has no derivative.* is a `return` missing"),
        (lambda x: x.sum() > 1, "returned (True|False), which has no derivative; return a number or array"),
        (lambda x: np.bool_(True), "which has no derivative"),
        (lambda x: x > 0, r"returned array\(\[ True, False, True\]\), which has no derivative"),
        (lambda x: "text", "returned 'text'"),
        (lambda x: 1j, "returned 1j"),
        (lambda x: object(), "no derivative"),
    ],
)
def test_results_that_have_no_derivative_are_refused(f, said):
    for run in (
        tg.grad(f),
        tg.value_and_grad(f),
        tg.jacobian(f),
        tg.hessian(f),
        tg.elementwise_grad(f),
        lambda x: tg.vjp(f, x),
        lambda x: tg.jvp(f, (x,), (x,)),
        lambda x: tg.hvp(f, (x,), (x,)),
    ):
        with pytest.raises(tg.InvalidType, match=said):
            run(X)


def test_grad_wants_one_entry():
    with pytest.raises(
        tg.ShapeError,
        match=r"returned shape \(3,\); reduce it \(`.sum\(\)`\), or use tg.jacobian or tg.elementwise_grad",
    ):
        tg.grad(np.sin)(X)
    with pytest.raises(tg.ShapeError, match=r"hvp needs one number as the result"):
        tg.hvp(np.sin, (X,), (X,))
    with pytest.raises(tg.ShapeError, match=r"returned shape \(0,\)"):
        tg.grad(lambda x: x[:0])(X)
    with pytest.raises(tg.InvalidType, match=r"returned a tuple; use tg.vjp or tg.jacobian for nested results"):
        tg.grad(lambda x: (x, x))(2.0)
    assert tg.grad(lambda x: x.reshape(1, 1) * 2)(np.array([2.0])).tolist() == [2.0]


@pytest.mark.parametrize("transform", [tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian, tg.elementwise_grad])
def test_a_transform_takes_a_function(transform):
    with pytest.raises(
        tg.InvalidType, match=r"takes a function, but got 4.0; write grad\(f\)\(x\), not grad\(f\(x\)\)"
    ):
        transform(4.0)
    with pytest.raises(tg.InvalidType, match="takes a function"):
        tg.vjp(4.0, 1.0)


def test_bad_arguments_are_refused():
    with pytest.raises(tg.InvalidType, match="not bool"):
        tg.grad(lambda x: x)(True)
    with pytest.raises(tg.InvalidType, match="not object"):
        tg.grad(lambda x: x["a"])({"a": 1.0, "b": None})
    with pytest.raises(tg.InvalidType, match="xs must be a tuple with one entry an argument"):
        tg.jvp(np.sin, X, (X,))
    with pytest.raises(tg.InvalidType, match="vs must be a tuple"):
        tg.jvp(np.sin, (X,), X)
    with pytest.raises(tg.InvalidType, match="vs must be nested like"):
        tg.jvp(np.sin, (X,), (X, X))
    with pytest.raises(tg.InvalidType, match="vs must be a dict with the keys"):
        tg.jvp(lambda p: p["a"], ({"a": 1.0},), ({"b": 1.0},))
    with pytest.raises(tg.ShapeError, match=r"an entry of vs has shape \(2,\), but its argument has shape \(3,\)"):
        tg.hvp(energy, (X,), (X[:2],))
    with pytest.raises(tg.ShapeError, match=r"the seed has shape \(2,\), but .* has shape \(3,\)"):
        tg.vjp(np.sin, X)[1](X[:2])
    with pytest.raises(tg.InvalidType, match="the gradient given to the pullback must be nested like"):
        tg.vjp(lambda x: (x, x), X)[1](X)


def test_a_transform_keeps_the_name_of_the_function():
    assert tg.grad(energy).__name__ == "energy"
    assert tg.grad(tg.tanh)(0.0) == 1.0
    assert tg.grad(np.tanh)(0.0) == 1.0
    assert tg.grad(functools.partial(np.power, 2.0))(0.0) == pytest.approx(np.log(2.0))


# --- vjp, jvp, jacobian, hessian, hvp --------------------------------------------------------------------------------


def two_results(x, m):
    return m @ np.sin(x), {"total": (x * x).sum() * m[0, 0]}


def test_a_result_that_is_returned_twice_sends_both_gradients():
    def twice(x):
        y = x * x
        return y, y

    _, pull = tg.vjp(twice, 3.0)
    assert pull((1.0, 10.0)) == (66.0,)


def test_vjp_jvp_and_jacobian_tell_the_same():
    (y, other), pullback = tg.vjp(two_results, X, MATRIX)
    np.testing.assert_allclose(y, MATRIX @ np.sin(X))
    assert other["total"] == (X @ X) * MATRIX[0, 0]
    jac = tg.jacobian(two_results, (0, 1))(X, MATRIX)
    assert (jac[0][0].shape, jac[0][1].shape, jac[1]["total"][0].shape, jac[1]["total"][1].shape) == (
        (2, 3),
        (2, 2, 3),
        (3,),
        (2, 3),
    )
    u, v, w = np.array([2.0, -1.0]), np.array([0.3, 1.0, -2.0]), MATRIX[::-1]
    pulled = pullback((u, {"total": 3.0}))
    np.testing.assert_allclose(pulled[0], u @ jac[0][0] + 3.0 * jac[1]["total"][0])
    np.testing.assert_allclose(pulled[1], np.tensordot(u, jac[0][1], 1) + 3.0 * jac[1]["total"][1])
    value, tangent = tg.jvp(two_results, (X, MATRIX), (v, w))
    np.testing.assert_allclose(value[0], y)
    np.testing.assert_allclose(tangent[0], jac[0][0] @ v + np.tensordot(jac[0][1], w, 2))
    assert tangent[1]["total"] == pytest.approx(jac[1]["total"][0] @ v + np.sum(jac[1]["total"][1] * w))
    again = pullback((u, {"total": 3.0}))  # one run, many sweeps
    np.testing.assert_array_equal(again[0], pulled[0])


@pytest.mark.parametrize(
    ("s", "t"), [((), ()), ((2,), ()), ((), (3,)), ((2, 2), (3, 1)), ((0,), (3,)), ((2,), (0,)), ((1,), (1,))]
)
def test_a_jacobian_has_the_shape_of_the_result_and_then_of_the_argument(s, t):
    f = lambda x: np.broadcast_to(np.sum(x) ** 2, s)  # noqa: E731
    x = np.full(t, 0.5) if t else 0.5
    jac = tg.jacobian(f)(x)
    assert np.shape(jac) == s + t
    np.testing.assert_allclose(jac, 2 * np.sum(x) * np.ones(s + t))
    assert (type(jac) is float) == (s + t == ())


def test_a_hessian_is_symmetric_and_autograds():
    def f(x, space=np):
        return space.sum(space.tanh(space.outer(x, x)) ** 2) + space.prod(x) + space.exp(x[0] * x[1]) / (1 + x[2] ** 2)

    found = tg.hessian(f)(X)
    np.testing.assert_allclose(found, found.T, rtol=1e-13)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = autograd.hessian(lambda x: f(x, autograd.numpy))(X)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    v = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(tg.hvp(f, (X,), (v,))[0], found @ v, rtol=1e-12)
    np.testing.assert_allclose(tg.jvp(tg.grad(f), (X,), (v,))[1], found @ v, rtol=1e-12)


def test_a_hessian_of_several_arguments_has_all_blocks():
    blocks = tg.hessian(lambda a, b: a**2 * b.sum() + (b**3).sum(), (0, 1))(2.0, X)
    assert blocks[0][0] == 2 * X.sum()
    np.testing.assert_allclose(blocks[0][1], 4.0 * np.ones(3))
    np.testing.assert_allclose(blocks[1][0], 4.0 * np.ones(3))
    np.testing.assert_allclose(blocks[1][1], np.diag(6 * X))
    assert tg.hessian(lambda m: (m**2).sum())(MATRIX).shape == (2, 3, 2, 3)


def test_hvp_takes_and_gives_tuples():
    found = tg.hvp(lambda a, b: a**2 * b, (3.0, 2.0), (1.0, 10.0))
    assert found == (2 * 2.0 * 1.0 + 2 * 3.0 * 10.0, 2 * 3.0 * 1.0)
    assert tg.hvp(lambda a, b: a**2, [3.0, 2.0], [1, 1]) == (2.0, 0.0)


def test_elementwise_grad_differentiates_every_entry_for_itself():
    np.testing.assert_allclose(tg.elementwise_grad(np.sin)(X), np.cos(X))
    second = tg.elementwise_grad(tg.elementwise_grad(np.sin))
    np.testing.assert_allclose(second(X), -np.sin(X))
    assert tg.elementwise_grad(np.sin)(0.0) == 1.0


# --- nesting ---------------------------------------------------------------------------------------------------------


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


def energy_curvature(x):
    return 2 * np.sin(x) + 4 * x * np.cos(x) - x**2 * np.sin(x)


def mixed(x):
    return np.array([[0.0, x[2], x[1]], [x[2], 0.0, x[0]], [x[1], x[0], 0.0]])


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
