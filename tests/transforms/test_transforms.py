"""Derivatives as functions, `grad` first of all: nested arguments, constants, and what is refused."""

import functools
import pickle
from collections import namedtuple

import numpy as np
import pytest
from energy import X, energy, energy_slope

import tinygrad_ed as tg
from tinygrad_ed import Node


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


@pytest.mark.parametrize("transform", [tg.grad, tg.jacobian, tg.hessian, tg.value_and_grad])
def test_a_node_put_into_an_array_is_refused_with_the_lesson_and_not_with_numpys_riddle(transform):
    def filled(x):
        out = np.zeros(3)
        out[0] = x[0] ** 2
        return out.sum()

    with pytest.raises(tg.GraphDropped, match=r"to fill an array, as in `array\[i\] = node`"):
        transform(filled)(np.ones(3))


def test_a_value_error_of_the_readers_own_stays_as_it_is():
    with pytest.raises(ValueError, match=r"^mine$") as caught:
        tg.grad(lambda x: (_ for _ in ()).throw(ValueError("mine")))(1.0)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize(
    "transform", [tg.grad, tg.value_and_grad, tg.elementwise_grad, tg.jacobian, tg.hessian, tg.compile]
)
def test_a_transformed_function_pickles_where_the_function_does(transform):
    x = np.array([0.5, -1.0])
    f = transform(energy_of)
    f(x)
    again = pickle.loads(pickle.dumps(f))  # noqa: S301
    found, wanted = again(x), f(x)
    if transform is tg.value_and_grad:
        found, wanted = found[1], wanted[1]
    np.testing.assert_array_equal(found, wanted)
    assert (again.__name__, again.__doc__) == ("energy_of", energy_of.__doc__)


def energy_of(x):
    """Return a number, and for `jacobian` one for each entry."""
    return np.sum(np.tanh(x) ** 2)


def test_a_transformed_method_takes_its_object():
    class Model:
        scale = 3.0

        def cost(self, w):
            return self.scale * w**2

        slope = tg.grad(cost, argnums=1)

    assert Model().slope(2.0) == 12.0
