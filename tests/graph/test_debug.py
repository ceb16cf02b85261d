"""`tg.debug()`: each planted NaN and infinity, and each matrix of two vectors, is named with the line that made it."""

import contextlib
import copy
import inspect
import warnings

import numpy as np
import pytest

import tinygrad_ed as tg


def test_a_nan_in_the_forward_pass_is_named_with_op_node_entry_and_line():
    x = tg.Node([4.0, -1.0, 9.0], name="weights")
    here = inspect.currentframe().f_lineno
    with (
        tg.debug(),
        pytest.raises(tg.NotFinite, match=r"op 'sqrt' gave nan at \[1\] \(1 of.*weights.*-1.0") as caught,
    ):
        np.sqrt(x)
    assert str(caught.value).endswith(f"made at {__file__}:{here + 5}")


@pytest.mark.parametrize(
    ("f", "op", "number"),
    [
        (lambda x: 1.0 / (x - x), "divide", "inf"),
        (lambda x: tg.log(x - 2.0), "log", "-inf"),
        (lambda x: tg.exp(1e6 * x), "exp", "inf"),
        (lambda x: tg.arcsin(x), "arcsin", "nan"),
    ],
)
def test_infinities_and_nans_of_scalars(f, op, number):
    with tg.debug(), pytest.raises(tg.NotFinite, match=f"op '{op}' gave {number} in the forward pass"):
        f(tg.Node(2.0, name="x"))


def test_it_stops_at_the_first_op_not_at_those_that_inherit():
    x = tg.Node([0.0, 1.0], name="x")
    with tg.debug(), pytest.raises(tg.NotFinite, match="op 'log'"):
        (tg.log(x) * 2.0 + 1.0).sum()


def test_a_leaf_that_is_not_finite_is_named_as_the_origin():
    x = tg.Node([np.nan, 1.0], name="data")
    with tg.debug(), pytest.raises(tg.NotFinite, match=r"from data of shape \(2,\), which is not finite itself"):
        x * 2.0


def test_an_infinity_in_the_backward_pass_is_named():
    x = tg.Node([0.0, 4.0], name="x")
    with tg.debug():
        y = np.sqrt(x).sum()
        with pytest.raises(tg.NotFinite, match=r"rule of op 'sqrt' sent inf at \[0\].*to input 0, x of shape \(2,\)"):
            y.backward()
    assert x.grad is None


def test_inside_a_transform_and_under_create_graph():
    with tg.debug(), pytest.raises(tg.NotFinite, match="backward pass"):
        tg.grad(lambda x: tg.grad(lambda y: y**1.5)(x))(0.0)
    with tg.debug():
        assert tg.grad(lambda x: tg.grad(lambda y: y**3)(x))(2.0) == 12.0


def test_what_was_read_stands_whatever_its_owner_does_before_the_sweep():
    x, kept = tg.Node([1.0, 2.0], name="x"), np.empty(2)
    double = tg.op(
        "double into a buffer",
        lambda x: np.multiply(x, 2.0, out=kept),
        lambda g, y, x: np.multiply(g, 2.0, out=kept),  # the same one for every node
    )
    for watching in (tg.debug, contextlib.nullcontext):
        data = np.array([3.0, 4.0])
        with watching():
            tenfold = 10.0 * x
            y = double(x)
            z = (y * y * data + double(tenfold)).sum()  # 4 x^2 data + 20 x
            if watching is not tg.debug:  # which names the change
                data[0] = 100.0
            np.testing.assert_array_equal(y.value, [2.0, 4.0])
            z.backward()
        np.testing.assert_array_equal(x.grad, [44.0, 84.0])
        np.testing.assert_array_equal(y.grad, [12.0, 32.0])


def test_numpys_warnings_give_way_to_the_error_and_come_back():
    x = tg.Node(np.array([-1.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tg.debug(), pytest.raises(tg.NotFinite):
            np.log(x)
        with pytest.raises(RuntimeWarning):
            np.log(x)


LOUD = {
    "the reader's own NumPy": (lambda x: np.log(np.zeros(2)), "divide by zero encountered in log"),
    "an op on plain arrays": (lambda x: tg.log(np.array([-1.0])), "invalid value encountered in log"),
    "an op that is not recorded": (tg.no_grad()(lambda x: tg.log(x - x)), "divide by zero encountered in log"),
    "inside an op, and it ends finite": (lambda x: naive(-1000.0 * x), "overflow encountered in exp"),
    "inside a rule, and it ends finite": (lambda x: heavy(x).sum().backward(), "overflow encountered in exp"),
    "inside a rule of a batch": (lambda x: tg.jacobian(heavy)(x.value), "overflow encountered in exp"),
    "inside a rule on Nodes": (
        lambda x: tg.hvp(lambda x: heavy(x).sum(), [x.value], [x.value]),
        "overflow encountered",
    ),
    "a warning of Python": (lambda x: warnings.warn("look out", stacklevel=1), "look out"),
}


def naive(x):
    return tg.op("naive sigmoid", lambda x: 1 / (1 + np.exp(-x)), lambda g, y, x: g * y * (1 - y))(x)


def heavy(x):
    return tg.op("heavy", lambda x: x * 1.0, lambda g, y, x: g + 1 / np.exp(1000.0 + np.zeros(x.shape)))(x)


@pytest.mark.parametrize("name", LOUD)
def test_it_is_never_quieter_than_python_is_without_it(name):
    f, words = LOUD[name]

    def heard():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            f(tg.Node([1.0, 2.0]))
        return [(w.category, str(w.message)) for w in caught]

    without = heard()
    with tg.debug():
        within = heard()
    assert words in without[0][1]
    assert set(within) == set(without)


def test_what_the_reader_says_of_numpys_warnings_holds():
    with tg.debug(), np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow encountered in exp"):
        naive(tg.Node([-1000.0]))
    with tg.debug(), np.errstate(over="ignore"):
        assert naive(tg.Node([-1000.0])).value[0] == 0.0


def test_of_a_batch_of_sweeps_the_first_one_that_went_wrong_is_told():
    with tg.debug(), pytest.raises(tg.NotFinite) as caught:
        tg.jacobian(lambda x: np.sqrt(x[1:]))(np.array([1.0, 4.0, 0.0]))
    assert "rule of op 'sqrt' sent nan at [1] (1 of 2 entries, shape (2,)) in the backward pass" in str(caught.value)
    assert "the input is finite there: 0.0, the result was of shape (2,)" in str(caught.value)


# --- two vectors that become a matrix --------------------------------------------------------------------------------

COLUMN, VECTOR = np.array([[1.0], [2.0], [3.0]]), np.array([4.0, 5.0, 6.0])
MEETING = {
    "-": lambda a, b: a - b,
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "%": lambda a, b: a % b,
    **{
        name: lambda a, b, name=name: getattr(np, name)(a, b)
        for name in ("subtract", "maximum", "fmin", "hypot", "arctan2", "logaddexp", "copysign")
    },
    "tg.maximum": lambda a, b: tg.maximum(a, b),
    "where": lambda a, b: np.where(True, a, b),
    "clip": lambda a, b: np.clip(a, b, 9.0),
}


@pytest.mark.parametrize("nodes", ["both", "column", "vector"])
@pytest.mark.parametrize("name", MEETING)
def test_a_column_that_meets_a_vector_is_named_with_both_and_the_line(name, nodes):
    column = tg.Node(COLUMN, name="output") if nodes != "vector" else COLUMN
    vector = tg.Node(VECTOR, name="expected") if nodes != "column" else VECTOR
    for a, b in ((column, vector), (vector, column)):
        with (
            tg.debug(),
            pytest.warns(UserWarning, match=r"made a matrix of shape \(3, 3\) out of two vectors") as caught,
        ):
            MEETING[name](a, b)
        assert len(caught) == 1
        words = str(caught[0].message)
        assert ("output of shape (3, 1)" if nodes != "vector" else "a constant of shape (3, 1)") in words
        assert ("expected of shape (3,)" if nodes != "column" else "a constant of shape (3,)") in words
        assert "column[:, 0] or vector[:, None]" in words
        code = MEETING[name].__code__
        assert (caught[0].filename, caught[0].lineno - code.co_firstlineno) in ((__file__, 0), (__file__, 1))


def test_inside_a_transform_it_is_named_once():
    def cost(w):
        return np.mean((COLUMN @ w - VECTOR) ** 2)

    w = np.array([[2.0]])
    for transform in (tg.grad, tg.hessian, tg.jacobian):
        with tg.debug(), pytest.warns(UserWarning, match="op 'subtract' made a matrix") as caught:
            transform(cost)(w)
        assert len(caught) == 1
    with tg.debug(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            cost(tg.Node(w))
    assert len(caught) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: a - b[:, None],
        lambda a, b: a[:, 0] - b,
        lambda a, b: a - b[None, :],
        lambda a, b: a - b[:2],
        lambda a, b: a[:1] - b[:1],
        lambda a, b: a[:1] - b,
        lambda a, b: (a @ b[None, :]) - b,
        lambda a, b: (a @ b[None, :]) - a,
        lambda a, b: a[None] - b,
        lambda a, b: np.outer(a, b),
        lambda a, b: np.vander(b),
        lambda a, b: np.linalg.norm(a - b[None, :], axis=1),
        lambda a, b: tg.nn.costs.mse(a, b[:, None]),
        lambda a, b: np.cov(b, a[:, 0]),
        lambda a, b: a.value - b.value,
    ],
)
def test_all_other_shapes_are_meant(f):
    with tg.debug():  # and warnings are errors here
        f(tg.Node(COLUMN), tg.Node(VECTOR))


def test_it_ends_with_its_block_and_nests_and_leaves_no_trace():
    x = tg.Node([1.0, -1.0])
    with tg.debug():
        with tg.debug(), pytest.raises(tg.NotFinite):
            np.log(x)
        with pytest.raises(tg.NotFinite):
            np.log(x)
    with np.errstate(all="ignore"):
        assert np.isnan(np.log(x).value[1])


def test_no_grad_inside_debug_is_not_watched_and_debug_goes_on_after_it():
    x = tg.Node([1.0, -1.0])
    with tg.debug():
        with tg.no_grad(), pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
            assert np.isnan(np.log(x).value[1])
        with pytest.raises(tg.NotFinite):
            np.log(x)


def test_a_graph_made_before_the_block_can_be_swept_inside():
    x = tg.Node([4.0])
    y = np.sqrt(x).sum()
    with tg.debug():
        y.backward()
    np.testing.assert_array_equal(x.grad, [0.25])


def test_a_network_that_learns_is_not_disturbed():
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    with tg.debug():
        assert tg.crosscheck(mlp, [[0.5, 1.0]], [[1.0]]).agree


@pytest.mark.parametrize(
    ("given", "op", "change", "what"),
    [
        (np.array([3.0, 4.0]), lambda x, data: x * data, lambda data: data.fill(7.0), r"an array of shape \(2,\)"),
        (np.array([3.0, 4.0]), lambda x, data: data - x, lambda data: data.fill(7.0), r"an array of shape \(2,\)"),
        ([3.0, 4.0], lambda x, data: np.maximum(x, data), lambda data: data.append(7.0), "a list"),
        ([0, 1], lambda x, places: x[places], lambda places: places.__setitem__(0, 1), "a list"),
        (np.array([0, 1]), lambda x, places: x[places], lambda places: places.fill(0), "an array"),
        (np.array([0, 1]), lambda x, places: np.take(x, places), lambda places: places.fill(0), "an array"),
        ([0], lambda x, axes: np.expand_dims(x, axes), lambda axes: axes.clear(), "a list"),
        ([1, 1], lambda x, pads: np.pad(x, pads), lambda pads: pads.append(2), "a list"),
        (np.array([1, 2]), lambda x, counts: np.repeat(x, counts), lambda counts: counts.fill(1), "an array"),
    ],
)
def test_what_its_owner_changes_before_the_sweep_changes_no_gradient_and_is_named_by_debug(given, op, change, what):
    def gradient(changed):
        x, mine = tg.Node([1.0, 2.0], name="x"), copy.deepcopy(given)
        y = np.sin(op(x, mine)).sum()
        if changed:
            change(mine)
        y.backward()
        return x.grad

    np.testing.assert_array_equal(gradient(changed=True), gradient(changed=False))
    with tg.debug():
        gradient(changed=False)
        with pytest.raises(tg.StaleGraph, match=f"{what}.* was changed after the forward pass.*test_debug"):
            gradient(changed=True)
