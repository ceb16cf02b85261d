"""The sweep: what arrives where, what is refused, and that depth and breadth do not matter."""

import gc
import sys
import time
import warnings
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_ed as tg
from tinygrad_ed import Node

bounded = settings(max_examples=80, deadline=None, derandomize=True)


# --- backward --------------------------------------------------------------------------------------------------------


def test_a_square_has_two_edges():
    x = Node(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def test_a_node_that_is_used_in_many_places_gets_the_sum():
    x = Node(np.array([1.0, 2.0]))
    y = np.exp(x)
    (y * x + y / x - y).sum().backward()
    v = x.value
    np.testing.assert_allclose(x.grad, np.exp(v) * (v + 1 / v - 1) + np.exp(v) * (1 - 1 / v**2))


def test_a_sweep_fills_every_node_it_reaches_and_the_root():
    x, w = Node(2.0), Node(5.0)
    y = x * w
    z = y + 1
    z.backward()
    assert (z.grad, y.grad, x.grad, w.grad) == (1.0, 1.0, 5.0, 2.0)


def test_not_computed_is_none_and_not_zero():
    x, other = Node(2.0), Node(1.0)
    y = x * 0.0
    assert (x.grad, y.grad) == (None, None)
    y.backward()
    assert x.grad == 0.0
    assert other.grad is None


def test_a_condition_gets_no_gradient():
    condition_only, x = Node([1.0, 0.0]), Node([2.0, 3.0])
    y = tg.where(condition_only, x, 0.0).sum()
    y.backward()
    assert condition_only.grad is None
    sign_only = tg.copysign(x, condition_only).sum()
    sign_only.backward()
    assert condition_only.grad is None
    np.testing.assert_array_equal(tg.gradients(sign_only, condition_only), [0.0, 0.0])


def test_a_sweep_replaces_the_gradients_of_an_older_one():
    x, w = Node(3.0), Node(4.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad == 6.0
    (x * w).backward()
    assert (x.grad, w.grad) == (4.0, 3.0)
    assert y.grad == 1.0  # the second graph does not have it


def test_a_leaf_can_be_swept_from():
    x = Node(3.0)
    x.backward()
    assert x.grad == 1.0


def test_gradients_have_the_shape_and_dtype_of_their_nodes():
    x, b = Node(np.ones((2, 3), np.float32)), Node(np.ones(3, np.float32))
    c = Node(2.0)
    ((x + b) * c).mean().backward()
    assert (x.grad.shape, x.grad.dtype, b.grad.shape, b.grad.dtype, type(c.grad)) == (
        (2, 3),
        np.float32,
        (3,),
        np.float32,
        float,
    )
    y, z = Node(np.ones(2, np.float32)), Node(np.ones(2))
    (y * z).sum().backward()
    assert (y.grad.dtype, z.grad.dtype) == (np.float32, np.float64)


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_a_root_with_several_entries_needs_a_seed():
    x = Node(np.ones((2, 3)))
    with pytest.raises(
        tg.ShapeError, match=r"has shape \(2, 3\); reduce it \(`.sum\(\)`\), give .* seed=.*tg.jacobian"
    ):
        (x * 2).backward()
    with pytest.raises(tg.ShapeError, match=r"starts from one number"):
        tg.gradients(x * 2, x)
    assert x.grad is None  # refused before anything was changed


@pytest.mark.parametrize("root", [np.ones((1, 1)), np.ones(1), 1.0])
def test_one_entry_needs_no_seed(root):
    x = Node(root)
    (x * 3).backward()
    np.testing.assert_array_equal(x.grad, 3.0 * np.ones(np.shape(root)))


def test_a_seed_is_what_arrives_at_the_root():
    x = Node([1.0, 2.0])
    y = x * x
    for seed in (
        np.array([1.0, 10.0]),
        [1, 10],
        np.array([1, 10]),
        Node([1.0, 10.0]),
        np.array([1.0, 10.0], np.float32),
    ):
        y.backward(seed)
        np.testing.assert_array_equal(x.grad, [2.0, 40.0])
        assert y.grad.dtype == x.grad.dtype == np.float64
    z = Node(3.0) * 1
    z.backward(seed=2)
    assert (z.grad, z.args[0].grad) == (2.0, 2.0)


def test_a_seed_is_copied():
    x, seed = Node([1.0, 2.0]), np.ones(2)
    (x + 0).backward(seed)
    seed[:] = 99.0
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])


def test_a_seed_that_does_not_fit_is_refused():
    x = Node(np.ones((2, 3)))
    y = x * 1.0
    with pytest.raises(tg.ShapeError, match=r"the seed has shape \(3,\), but .* has shape \(2, 3\)"):
        y.backward(np.ones(3))
    with pytest.raises(tg.ShapeError, match=r"the seed has shape \(\)"):
        tg.gradients(y, x, seed=1.0)
    with pytest.raises(tg.ShapeError, match=r"the seed has shape \(1,\), but .* has shape \(\)"):
        y.sum().backward(np.ones(1))
    with pytest.raises(tg.InvalidType, match="only real numbers"):
        y.sum().backward("one")


# --- gradients -------------------------------------------------------------------------------------------------------


def test_gradients_touches_nothing():
    x, w = Node(3.0), Node(4.0)
    y = x * w
    assert tg.gradients(y, x) == 4.0
    assert (x.grad, w.grad, y.grad) == (None, None, None)
    y.backward()
    tg.gradients(x * x, x)
    assert x.grad == 4.0


def test_gradients_gives_one_for_a_node_and_a_tuple_for_a_sequence():
    x, w, b = Node(3.0), Node([4.0, 5.0]), Node(1.0)
    y = (x * w).sum()
    assert tg.gradients(y, x) == 9.0
    found = tg.gradients(y, [x, w, b, y, x])
    assert type(found) is tuple
    assert (found[0], found[1].tolist(), found[2], found[3], found[4]) == (9.0, [3.0, 3.0], 0.0, 1.0, 9.0)
    assert tg.gradients(y, ()) == ()
    assert tg.gradients(y, (node for node in (x, b))) == (9.0, 0.0)


def test_what_the_root_does_not_depend_on_gets_zeros():
    x, w = Node(np.ones((2, 3), np.float32)), Node(2.0)
    zero = tg.gradients(w * w, x)
    assert (zero.shape, zero.dtype, zero.any()) == ((2, 3), np.float32, False)
    later = w * 3
    assert tg.gradients(w, later) == 0.0
    assert tg.gradients(w, later, create_graph=True).value == 0.0


def test_intermediate_nodes_can_be_asked_for():
    x = Node(2.0)
    y = x * x
    z = y * y
    assert tg.gradients(z, (y, x)) == (8.0, 32.0)


def test_results_are_the_users_own():
    x = Node(np.ones(3))
    y = x + 0
    first, second = tg.gradients(y.sum(), (x, y))
    first[0] = 99.0
    np.testing.assert_array_equal(second, np.ones(3))
    assert first.flags.owndata
    assert first.flags.writeable


@pytest.mark.parametrize("wrong", [3.0, None, np.ones(2), "x", [1.0]])
def test_only_nodes_have_gradients(wrong):
    x = Node(2.0)
    with pytest.raises(tg.InvalidType, match=r"gradients\(root, wrt\) takes Nodes, but got"):
        tg.gradients(x * x, wrong)
    with pytest.raises(tg.InvalidType, match=r"gradients\(root, wrt\) takes Nodes"):
        tg.gradients(3.0, x)


def test_create_graph_to_third_order_and_beyond():
    x = Node(2.0)
    y = x**5 + np.sin(x)
    expected = [
        5 * 2.0**4 + np.cos(2),
        20 * 2.0**3 - np.sin(2),
        60 * 2.0**2 - np.cos(2),
        120 * 2.0 + np.sin(2),
        120 + np.cos(2),
    ]
    for slope in expected:
        y = tg.gradients(y, x, create_graph=True)
        assert isinstance(y, Node)
        assert y.value == pytest.approx(slope, rel=1e-13)
    assert x.grad is None
    y.backward()
    assert x.grad == pytest.approx(-np.sin(2))


def test_a_seed_can_be_differentiated():
    x, seed = Node([1.0, 2.0]), Node([3.0, 4.0])
    slope = tg.gradients(x**2, x, seed=seed, create_graph=True)
    np.testing.assert_array_equal(slope.value, [6.0, 16.0])
    np.testing.assert_array_equal(tg.gradients(slope.sum(), seed), [2.0, 4.0])
    assert type(tg.gradients(x**2, x, seed=seed)) is np.ndarray


def test_create_graph_works_inside_no_grad_for_a_graph_built_outside():
    x = Node(2.0)
    y = x**3
    with tg.no_grad():
        slope = tg.gradients(y, x, create_graph=True)
    assert tg.gradients(slope, x) == 12.0


# --- a graph that is out of date -------------------------------------------------------------------------------------


def test_a_graph_built_before_a_leaf_was_changed_is_refused():
    x, w = Node(2.0, name="x"), Node(3.0)
    y = x * w
    y.backward()
    x.value = 5.0
    for sweep in (y.backward, lambda: tg.gradients(y, w), lambda: tg.gradients(y + 1, x)):
        with pytest.raises(
            tg.StaleGraph, match=r"Node\(5.0, name='x'\) got a new value after .*'multiply'.* build the graph again"
        ):
            sweep()
    assert (x.grad, w.grad) == (3.0, 2.0)
    (x * w).backward()
    assert w.grad == 5.0


def test_a_change_of_another_leaf_does_no_harm():
    x, other = Node(2.0), Node(3.0)
    y = x * x
    other.value = 4.0
    y.backward()
    assert x.grad == 4.0


# --- rules that are wrong --------------------------------------------------------------------------------------------


def wrong(rule, **more):
    return tg.op("wrong", lambda x: 2.0 * x, rule, **more)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda g, y, x: None, "returned None, not a gradient"),
        (lambda g, y, x: "three", "returned 'three', not a gradient"),
        (lambda g, y, x: 1j * g, "not a gradient"),
        (
            lambda g, y, x: g.sum(),
            r"of shape \(\), but that input has shape \(3,\); a rule must return its input's shape",
        ),
        (lambda g, y, x: np.ones((2, 3)), r"shape \(2, 3\), but that input has shape \(3,\).*broadcasts=True"),
        (lambda g, y, x: np.ones(4), r"shape \(4,\)"),
        (lambda g, y, x: g[:1], r"shape \(1,\)"),
    ],
)
def test_a_rule_that_returns_no_gradient_is_named(rule, said):
    x = Node(np.ones(3))
    y = wrong(rule)(x)
    with pytest.raises(
        tg.RuleError, match="the derivative rule of op 'wrong' for input 0 returned .*" + said.removeprefix("returned ")
    ):
        y.sum().backward()
    assert x.grad is None
    with pytest.raises(tg.RuleError, match="op 'wrong'"):
        tg.gradients(y.sum(), x, create_graph=True)


def test_a_broadcasting_op_may_not_return_just_any_shape():
    op = tg.op("wrong", np.add, lambda g, y, a, b: g, lambda g, y, a, b: np.ones((2, 4)), broadcasts=True)
    with pytest.raises(tg.RuleError, match=r"op 'wrong' for input 1 returned a gradient of shape \(2, 4\)"):
        op(Node(np.ones((2, 3))), Node(np.ones(3))).sum().backward()


def test_what_a_broadcasting_op_returns_is_looked_at_before_it_is_added_up():
    op = tg.op("wrong", np.add, lambda g, y, a, b: g, lambda g, y, a, b: np.full((2, 3), None), broadcasts=True)
    with pytest.raises(tg.RuleError, match=r"(?s)op 'wrong' for input 1 returned array\(\[\[None.*not a gradient"):
        op(Node(np.ones((2, 3))), Node(np.ones(3))).sum().backward()


def test_a_rule_that_raises_is_named_in_a_note():
    with pytest.raises(TypeError) as caught:
        wrong(lambda g, y, x: g + None)(Node(1.0)).backward()
    assert "(raised by the derivative rule of op 'wrong' for input 0)" in caught.value.__notes__


def test_a_rule_may_hold_nodes_of_its_own_and_a_plain_sweep_stays_plain():
    scale = Node(2.0)
    op = tg.op("scaled", lambda x: 2.0 * x, lambda g, y, x: g * scale)
    x = Node(3.0)
    y = op(x)
    y.backward()
    assert type(x.grad) is float
    assert tg.gradients(y, x) == 2.0
    assert tg.gradients(tg.gradients(y, x, create_graph=True), scale) == 1.0


def test_rules_on_floats_divide_by_zero_as_numpy_does():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert tg.grad(np.sqrt)(0.0) == np.inf
        assert tg.grad(lambda x: x**0.5)(0.0) == np.inf
        assert tg.grad(lambda x: 1.0 / x)(0.0) == -np.inf
        assert np.isnan(tg.grad(np.arctan2, 0)(0.0, 0.0))
        assert Node(0.0).log().value == -np.inf
        assert (1.0 / Node(0.0)).value == np.inf
        assert np.exp(Node(1e3)).value == np.inf
        assert np.isnan((Node(-8.0) ** (1 / 3)).value)
        assert tg.grad(lambda x: tg.grad(np.sqrt)(x))(0.0) == -np.inf
    assert {entry.category for entry in said} == {RuntimeWarning}
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        tg.grad(np.sqrt)(np.array(0.0))


# --- depth, breadth, memory ------------------------------------------------------------------------------------------


def chain(x, n):
    for _ in range(n):
        x = x + 1.0
    return x


def test_a_chain_of_100000_ops_builds_sweeps_and_dies_at_the_default_recursion_limit():
    assert sys.getrecursionlimit() <= 1000
    x = Node(1.0)
    y = chain(x, 100_000)
    assert y.value == 100_001.0
    y.backward()
    assert (x.grad, tg.gradients(y, x)) == (1.0, 1.0)
    slope = tg.gradients(y * y, x, create_graph=True)
    assert tg.gradients(slope, x) == 2.0
    seen = weakref.ref(y.args[0])
    del y, slope
    assert seen() is None


def test_a_chain_of_arrays_dies_too():
    y = chain(Node(np.ones(2)), 20_000)
    seen = weakref.ref(y.args[0])
    del y
    assert seen() is None


def test_sixty_doublings_are_exact_and_fast():
    x = y = Node(1.0)
    for _ in range(60):
        y = y + y
    started = time.perf_counter()
    y.backward()
    assert x.grad == 2.0**60
    assert tg.gradients(y, x) == 2.0**60
    assert time.perf_counter() - started < 0.5


def test_a_node_with_many_uses_and_an_op_with_many_inputs():
    x = Node(1.0)
    y = tg.stack([x] * 3000).sum()
    y.backward()
    assert x.grad == 3000.0


def test_everything_is_freed_without_the_garbage_collector():
    alive = lambda: sum([type(thing) is Node for thing in gc.get_objects()])  # noqa: E731
    gc.collect()
    gc.disable()
    before = alive()
    try:
        x, w = Node(np.ones(3)), Node(np.ones((3, 3)))
        y = np.tanh(x @ w).max() + np.concatenate([x, x * x])[[0, 0, 1]].prod()
        y.backward()
        slopes = tg.gradients(y, (x, w), create_graph=True)
        tg.gradients((slopes[0] * slopes[0]).sum(), w)
        seen = [weakref.ref(node) for node in (x, w, y, *y.parents, *slopes)]
        tg.hessian(lambda v: np.tanh(v).sum() * v.prod())(np.ones(2))
        del x, w, y, slopes
        assert [ref() for ref in seen] == [None] * len(seen)
        assert alive() == before
    finally:
        gc.enable()


def test_a_scalar_node_is_small():
    x = Node(1.0)
    y = x * x
    bytes_each = sys.getsizeof(y) + sys.getsizeof(y.args) + sys.getsizeof(y.value) + sys.getsizeof(y.id) + 16
    assert bytes_each <= 250


# --- properties ------------------------------------------------------------------------------------------------------

entries = st.floats(-3.0, 3.0, allow_nan=False).map(lambda v: round(v, 3))


@bounded
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), st.integers(0, 2**32 - 1))
def test_broadcasting_is_undone_for_any_shapes(shapes, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(0.5, 2.0, shape) for shape in shapes.input_shapes]
    weights = rng.standard_normal(shapes.result_shape)
    a, b, c = (Node(array) for array in arrays)
    y = a * b / c + np.maximum(a, 1.2) - np.where(weights > 0, b, c)
    assert y.shape == shapes.result_shape
    found = tg.gradients((weights * y).sum(), (a, b, c))
    x, z, w = arrays
    ones = np.ones(shapes.result_shape)
    whole = [
        weights * (z / w + (x > 1.2)),
        weights * (x / w - (weights > 0)),
        weights * (-x * z / w**2 - (weights <= 0)),
    ]
    for gradient, array, full in zip(found, arrays, whole, strict=True):
        np.testing.assert_allclose(gradient, folded(full * ones, array.shape), rtol=1e-10, atol=1e-10)


def folded(full, shape):
    """Sum what was repeated: the textbook's way, one axis at a time."""
    while full.ndim > len(shape):
        full = full.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1:
            full = full.sum(axis=axis, keepdims=True)
    return full


@bounded
@given(st.data())
def test_any_index_sends_gradients_back_to_where_they_came_from(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    kind = data.draw(st.sampled_from(["basic", "integers", "mask"]))
    if kind == "basic":
        index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    elif kind == "integers":
        index = data.draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=5)))
    else:
        index = data.draw(hnp.arrays(bool, shape))
    array = np.arange(np.prod(shape, dtype=float)).reshape(shape)
    x = Node(array)
    y = x[index]
    assert y.shape == array[index].shape
    seed = np.arange(1.0, 1.0 + y.size).reshape(y.shape)
    expected = np.zeros(shape)
    np.add.at(expected, index, seed)
    np.testing.assert_array_equal(tg.gradients(y, x, seed=seed if y.ndim else float(seed)), expected)
    second = tg.gradients(y * y, x, seed=seed if y.ndim else float(seed), create_graph=True)
    np.testing.assert_allclose(second.value, 2 * array * expected)
    np.testing.assert_allclose(tg.gradients(second.sum(), x), 2 * expected)


@bounded
@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), st.integers(0, 2**32 - 1), st.data())
def test_reductions_over_any_axes(shape, seed, data):
    x = np.random.default_rng(seed).permutation(int(np.prod(shape))).reshape(shape) / 7.0 + 0.3
    axis = data.draw(st.none() | hnp.valid_tuple_axes(len(shape)) | st.integers(-len(shape), len(shape) - 1))
    keepdims = data.draw(st.booleans())
    for reduce, local in {
        np.sum: lambda x, y: np.ones_like(x),
        np.max: lambda x, y: x == y,
        np.prod: lambda x, y: y / x,
    }.items():
        node = Node(x)
        y = reduce(node, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(y.value, reduce(x, axis=axis, keepdims=keepdims))
        expected = local(x, reduce(x, axis=axis, keepdims=True))
        np.testing.assert_allclose(tg.gradients(y.sum(), node), expected, rtol=1e-10)
