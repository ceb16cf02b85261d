"""tg.compile: a compiled function gives what the function gives, for every op, activation and cost, to second order."""

import numpy as np
import pytest
from op_calls import space_of, weighted
from op_table import ROWS
from tape_examples import B, W, X, Y, equal, layer, refused

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs


def shifted(xs):
    return [x * 0.999 for x in xs]


def by_name(rows):
    """One row of each op."""
    return list({row.op: row for row in rows}.values())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_compiled_gradient_of_every_op_is_the_gradient(row):
    f = tg.value_and_grad(weighted(row), tuple(range(len(row.shapes))))
    xs = row.arguments()
    compiled = compile(f)
    try:
        first = compiled(*xs)
    except (tg.GraphDropped, tg.InvalidValue):
        assert refused(row)
        return
    equal(first, f(*xs))
    equal(compiled(*shifted(xs)), f(*shifted(xs)))  # a replay at another point


@pytest.mark.parametrize("row", by_name([row for row in ROWS if not refused(row)]), ids=str)
def test_compiled_jacobians_and_second_derivatives_are_those_of_the_op(row):
    xs, places = row.arguments(), tuple(range(len(row.shapes)))
    space = space_of(row)
    jacobian = tg.jacobian(lambda *xs: row.call(space, *xs), places)
    first = tg.grad(weighted(row), places)
    second = tg.grad(lambda *xs: sum([np.sum(g * g) for g in first(*xs)]), places)
    for f in (jacobian, second):
        compiled = compile(f)
        equal(compiled(*xs), f(*xs), 1e-9)
        equal(compiled(*shifted(xs)), f(*shifted(xs)), 1e-9)


@pytest.mark.parametrize("activation", sorted(tg.nn.activations.NAMES))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_activation_compiles_on_arrays_and_on_single_numbers(activation, dtype):
    phi = tg.nn.activations.find(activation)
    f = tg.value_and_grad(lambda x: phi(x).sum())
    compiled = compile(f)
    for x in (X, -3.0 * X, 100.0 * X):
        equal(compiled(x.astype(dtype)), f(x.astype(dtype)), 1e-6 if dtype is np.float32 else 1e-12)
    g = tg.value_and_grad(phi)
    of_number = compile(g)
    for x in (0.7, -0.7, 0.0, 40.0):
        equal(of_number(x), g(x))


@pytest.mark.parametrize("name", sorted(tg.nn.costs.NAMES))
def test_every_cost_compiles_with_labels_as_arguments(name):
    expected = {
        "logistic": np.sign(Y - 0.15),
        "hinge": np.sign(Y - 0.15),
        "bce": Y > 0.15,
        "cross_entropy": np.array([2, 0, 1]),
    }.get(name, Y)
    chosen = tg.nn.costs.find(name)
    f = tg.value_and_grad(lambda p, x, y: chosen(layer(p, x), y))
    compiled = compile(f)
    for x in (X, 2.0 * X):
        equal(compiled({"W": W, "b": B}, x, expected), f({"W": W, "b": B}, x, expected))


def test_parts_of_a_division_are_recorded():
    equal(compile(lambda x: (*divmod(x, 0.4), *divmod(2.0, x)))(1.5), (*divmod(1.5, 0.4), *divmod(2.0, 1.5)))


def test_a_node_can_be_shown_while_a_function_is_recorded():
    def f(x):
        node = tg.Node(x) * 2.0
        assert "op='multiply'" in repr(node)
        return node * 1.0

    assert compile(f)(1.5) == 3.0


def test_numbers_that_python_refuses_are_left_to_numpy():
    inverse, growth = compile(lambda x: 1.0 / x), compile(tg.value_and_grad(tg.exp))
    assert inverse(2.0) == 0.5
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert inverse(0.0) == np.inf
    assert growth(1.0) == (np.e, np.e)
    with pytest.warns(RuntimeWarning, match="overflow"):
        value, slope = growth(1e4)
    assert (value, slope) == (np.inf, np.inf)
    assert type(slope) is float


def test_a_mask_of_numbers_is_part_of_the_program():
    f = tg.value_and_grad(lambda x: np.where(x > 0, x * x, -x).sum())
    compiled = compile(f)
    of_number = compile(tg.grad(lambda x: tg.where(x > 0, x * x, -x)))
    for sign in (1.0, -1.0):
        equal(compiled(sign * X), f(sign * X))
        assert of_number(sign * 3.0) == (6.0 if sign > 0 else -1.0)


def test_positions_of_numbers_are_part_of_the_program():
    f = tg.value_and_grad(lambda x: (np.sort(x) * np.arange(3.0)).sum() + x.value[np.argmax(x)] * x[0])
    compiled = compile(f)
    for x in (B, B[::-1].copy(), -B):
        equal(compiled(x), f(x))


def test_a_constant_array_can_be_read_at_recorded_positions():
    table = np.arange(12.0).reshape(4, 3)
    compiled = compile(lambda x, labels: (tg.take(table, labels, axis=0) * x).sum())
    for labels in (np.array([0, 3]), np.array([2, 2])):
        equal(compiled(B, labels), (table[labels] * B).sum())


def test_what_leaves_the_graph_stays_in_the_program():
    f = tg.grad(lambda x: (tg.stop_gradient(x) * x + np.sign(x) * x.value).sum())
    compiled = compile(f)
    equal(compiled(X), f(X))
    equal(compiled(-3.0 * X), f(-3.0 * X))


def test_a_function_may_use_the_methods_of_nodes():
    compiled = compile(lambda x, y: (x.relu() * y.sigmoid() + x.tanh().exp() - (y * y + 1.0).log()).sum())
    for x in (X, -2.0 * X):
        node = tg.Node(x)
        expected = (node.relu() * node.sigmoid() + node.tanh().exp() - (node * node + 1.0).log()).sum()
        equal(compiled(x, x), expected.item())
    assert compile(lambda x: x.relu())(-1.0) == 0.0
    with pytest.raises(AttributeError, match="nothing"):
        compile(lambda x: x.nothing)(X)


def test_second_order_transforms_compile():
    def f(x):
        return (np.tanh(x) ** 3).sum()

    for g in (
        tg.hessian(f),
        tg.grad(lambda x: (tg.grad(f)(x) ** 2).sum()),
        tg.elementwise_grad(tg.elementwise_grad(np.tanh)),
    ):
        compiled = compile(g)
        compiled(X)
        equal(compiled(2.0 * X), g(2.0 * X))
    product = compile(lambda x, v: tg.hvp(f, (x,), (v,)))
    product(X, X)
    equal(product(2.0 * X, X), tg.hvp(f, (2.0 * X,), (X,)))
    slope = compile(tg.grad(tg.grad(lambda x: tg.sin(x) * x)))
    assert slope(0.3) == pytest.approx(tg.grad(tg.grad(lambda x: tg.sin(x) * x))(0.3), rel=1e-14)
    tangent = compile(lambda x, v: tg.jvp(np.tanh, (x,), (v,)))
    tangent(X, X)
    equal(tangent(2.0 * X, X), tg.jvp(np.tanh, (2.0 * X,), (X,)))


def test_a_whole_training_step_compiles():
    mlp = tg.nn.MLP([2, 4, 3], rng=0)

    def step(parameters, x, y, rate):
        def error(parameters):
            a = x
            for k in range(0, len(parameters), 2):
                a = np.tanh(a @ parameters[k] + parameters[k + 1])
            return tg.nn.costs.mse(a, y)

        value, slopes = tg.value_and_grad(error)(parameters)
        return value, [p - rate * g for p, g in zip(parameters, slopes, strict=True)]

    compiled = compile(step)
    plain = ours = [p.value for p in mlp.parameters()]
    for _ in range(5):
        value, plain = step(plain, X, Y, 0.1)
        found, ours = compiled(ours, X, Y, 0.1)
        equal((found, ours), (value, plain))


def test_inside_another_transform_a_compiled_function_is_the_function():
    inner = compile(lambda x: (x * x).sum())
    inner(X)
    equal(tg.grad(inner)(X), 2.0 * X)
    outer = compile(lambda x: inner(x) + 1.0)
    outer(X)
    assert outer(2.0 * X) == pytest.approx(4.0 * np.sum(X * X) + 1.0)
    logarithm = compile(tg.grad(lambda x: np.log(x).sum()))
    with tg.debug():
        equal(logarithm(np.abs(X)), 1.0 / np.abs(X))
        with pytest.raises(tg.NotFinite):
            logarithm(-np.abs(X))
    assert logarithm.tapes == []


def test_a_gradient_that_is_zero_but_for_rounding_is_no_random_draw():
    rng = np.random.default_rng(0)
    half, labels = rng.standard_normal((5, 3)), rng.standard_normal((5, 1))
    x, y = np.concatenate([half, -half]), np.concatenate([labels, labels])

    def descend(weights):
        return weights - 0.3 * tg.grad(lambda w: tg.nn.costs.mse(x @ w, y))(weights)

    assert np.abs(compile(descend)(np.zeros((3, 1)))).max() < 1e-16
    for seed in range(20):
        point = np.random.default_rng(seed).standard_normal(20).astype(np.float32)
        found = compile(tg.grad(lambda x: np.sum((x * 0.3) * x) / np.sum(x * x)))(point)
        assert np.abs(found).max() < 1e-6


def test_a_spread_of_equal_numbers_is_no_branch():
    f = tg.value_and_grad(lambda x: np.sum((x - np.mean(x, axis=0)) / (np.std(x, axis=0) + 1e-3) * X))
    compiled = compile(f)
    for x in (np.zeros((3, 2)), X, np.ones((3, 2)), X * 0.5):
        equal(compiled(x), f(x))
