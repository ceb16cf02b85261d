"""The checker is checked: one planted fault of each kind, and the right words for it."""

import math
import warnings

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import Node

X = np.array([0.7, -1.3, 2.1])
cube = lambda x: x**3  # noqa: E731


def planted(rule, forward=cube):
    return tg.op("planted", forward, rule)


# --- what is right passes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "xs"),
    [
        (np.sin, (0.3,)),
        (np.sin, (2,)),
        (cube, (X,)),
        (lambda x: x**2, (1e6,)),
        (lambda x: 1e6 + np.sin(x), (0.5,)),
        (lambda x: np.exp(x) * 1e-3, (np.array([5.0, -5.0, 8.0]),)),
        (lambda a, b: a @ b, (np.ones((2, 3)), X)),
        (lambda p, x: {"out": [p["w"] * x, p["b"]]}, ({"w": X, "b": 2.0}, X)),
        (lambda x: 3.0, (X,)),
        (lambda x: x, (np.zeros((0, 2)),)),
        (np.sin, (Node(0.3),)),
        (np.prod, (np.array([0.0, 0.0, 2.0]),)),
        (lambda x: np.sum(x, axis=0), (np.arange(2000.0).reshape(2, 1000),)),
    ],
)
def test_right_rules_pass_to_third_order(f, xs):
    tg.check_grads(f, *xs, order=3)


def test_f_gets_nodes_in_both_halves():
    seen = set()

    def f(x):
        seen.add(type(x))
        return x * x

    tg.check_grads(f, X)
    tg.check_grads(f, 2)
    assert seen == {Node}


def test_the_arguments_are_left_as_they_were():
    x, node = X.copy(), Node(X)
    tg.check_grads(cube, x)
    tg.check_grads(cube, node)
    np.testing.assert_array_equal(x, X)
    assert node.grad is None


# Sharp bends, small points and the edge of a domain: here 6e-6 is too long a step.
SHARP = {
    "log": (np.log, 1e-3),
    "log of very little": (np.log, 1e-6),
    "log of next to nothing": (np.log, 1e-150),
    "log of an array": (np.log, np.array([1e-7, 1.0, 2.0])),
    "a sum of logs": (lambda x: np.sum(np.log(x)), np.array([1e-30, 0.5, 1e-5])),
    "log at the other edge": (lambda x: np.log(1 - x), 1 - 1e-7),
    "sqrt": (np.sqrt, 1e-5),
    "sqrt of very little": (np.sqrt, 1e-12),
    "one by x": (lambda x: 1 / x, 1e-4),
    "power": (lambda x: x**-2, 1e-5),
    "arcsin": (np.arcsin, 1 - 1e-8),
    "cbrt": (np.cbrt, 1e-8),
    "fast wave": (lambda x: np.sin(1000 * x), 0.3),
    "very fast wave": (lambda x: np.sin(1e6 * x), 0.3),
    "fast waves": (lambda x: np.sin(1000 * x), np.linspace(0.0, 1.0, 20)),
    "beside a kink": (abs, 1e-7),
}


@pytest.mark.parametrize("name", SHARP)
def test_right_rules_pass_where_a_step_must_be_small(name):
    tg.check_grads(SHARP[name][0], SHARP[name][1])


@pytest.mark.parametrize("modes", [["rev"], ["fwd"]])
@pytest.mark.parametrize(
    ("forward", "rule", "x"),
    [
        (np.log, lambda g, y, x: g / x * 1.0001, 1e-3),
        (np.log, lambda g, y, x: g / x * 1.0001, 1e-9),
        (np.log, lambda g, y, x: g / x * 1.0001, np.array([1e-6, 1.0, 5.0])),
        (np.log, lambda g, y, x: -g / x, 1e-300),
        (np.sqrt, lambda g, y, x: g / y, 1e-10),
        (np.sqrt, lambda g, y, x: g / y, np.array([1e-8, 1.0])),
        (lambda x: 1 / x, lambda g, y, x: -g * y * y * 1.0001, 1e-7),
        (lambda x: np.sin(1000 * x), lambda g, y, x: g * 1000 * np.cos(1000 * x) * 1.00001, 0.3),
        (lambda x: x * x, lambda g, y, x: g * (2 * x + 1e-4), 1e-8),
        (lambda x: x * x, lambda g, y, x: g * (2 * x + 1e-4), np.array([1e-8, 1.0])),
    ],
)
def test_wrong_rules_are_found_where_a_step_must_be_small_and_not_called_kinks(forward, rule, x, modes):
    with pytest.raises(tg.GradientMismatch, match=f"order 1, mode {modes[0]}, argument 0.*: derivative") as caught:
        tg.check_grads(planted(rule, forward), x, modes=modes)
    assert "kink" not in str(caught.value)


def test_the_edge_of_a_domain_is_called_what_it_is():
    with pytest.raises(tg.GradientMismatch, match=r"difference nan \(the function has no values on both sides"):
        tg.check_grads(lambda x: x**1.5, 0.0)


def test_what_a_function_refuses_is_said_in_its_own_words():
    with pytest.raises(tg.InvalidValue, match="labels must be -1 and"):
        tg.check_grads(lambda rho: tg.nn.costs.logistic([0.5], rho), np.array([1.0]))


# --- what is wrong is named ------------------------------------------------------------------------------------------

FAULTS = {
    "factor": (lambda g, y, x: g * 2 * x**2, r"order 1, mode rev, argument 0, entry \[\d\]: derivative"),
    "sign": (
        lambda g, y, x: -g * 3 * x**2,
        r"order 1, mode rev, argument 0, entry \[2\]: derivative -13.23, central difference 13.23",
    ),
    "missing term": (lambda g, y, x: g * 3 * x**2 - g * 1e-3, "order 1, mode rev"),
    "g forgotten": (lambda g, y, x: 3 * x**2, "order 1, mode rev"),
    "nan": (lambda g, y, x: g * np.nan, "derivative nan"),
    "one entry": (
        lambda g, y, x: g * 3 * x**2 * np.array([1.0, 1.001, 1.0]),
        r"entry \[1\]: derivative .*, central difference",
    ),
    "second derivative only": (lambda g, y, x: g * 3 * tg.stop_gradient(x) ** 2, "order 2, mode rev, argument 0"),
    "second derivative half": (lambda g, y, x: g * 3 * x * tg.stop_gradient(x), "order 2, mode rev, argument 0"),
    "forward only": (lambda g, y, x: tg.stop_gradient(g) * 3 * x**2, "order 1, mode fwd, argument 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(fault):
    rule, said = FAULTS[fault]
    weights = np.array([0.5, 1.0, 2.0]) if fault in ("g forgotten",) else 1.0
    with pytest.raises(tg.GradientMismatch, match=said) as caught:
        tg.check_grads(lambda x: (weights * planted(rule)(x)).sum(), X)
    assert isinstance(caught.value, AssertionError)
    assert "kink" not in str(caught.value)


def test_a_small_fault_at_a_large_point_is_found():
    with pytest.raises(tg.GradientMismatch, match="order 1, mode rev, argument 0: derivative 2000020, central"):
        tg.check_grads(planted(lambda g, y, x: g * 2.00002 * x, lambda x: x**2), 1e6)


def test_both_numbers_of_a_scalar_function_are_the_derivatives_themselves():
    with pytest.raises(
        tg.GradientMismatch, match=r"^order 1, mode rev, argument 0: derivative 8, central difference 12$"
    ):
        tg.check_grads(planted(lambda g, y, x: g * 2 * x**2), 2.0)
    with pytest.raises(
        tg.GradientMismatch, match=r"^order 2, mode rev, argument 0: derivative 6, central difference 12$"
    ):
        tg.check_grads(planted(lambda g, y, x: g * 3 * x * tg.stop_gradient(x)), 2.0)
    with pytest.raises(
        tg.GradientMismatch, match=r"^order 3, mode rev, argument 0: derivative 0, central difference 6"
    ):
        tg.check_grads(
            planted(lambda g, y, x: g * planted(lambda g, y, x: 6 * g * tg.stop_gradient(x), lambda x: 3 * x**2)(x)),
            2.0,
            order=3,
        )


def test_a_fault_in_the_third_order_needs_order_three():
    f = planted(lambda g, y, x: g * planted(lambda g, y, x: 6 * g * tg.stop_gradient(x), lambda x: 3 * x**2)(x))
    tg.check_grads(f, 2.0, order=2)
    with pytest.raises(tg.GradientMismatch, match="order 3"):
        tg.check_grads(f, 2.0, order=3)


def test_the_argument_is_named():
    product = tg.op("product", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * b)
    with pytest.raises(tg.GradientMismatch, match="argument 1: derivative 5, central difference 3"):
        tg.check_grads(product, 3.0, 5.0)
    swapped = tg.op("product", np.multiply, lambda g, y, a, b: g * a, lambda g, y, a, b: g * a)
    with pytest.raises(tg.GradientMismatch, match="argument 0: derivative 3, central difference 5"):
        tg.check_grads(swapped, 3.0, 5.0)


def test_a_fault_behind_nested_arguments_and_results_is_found():
    bad = planted(lambda g, y, x: g * 2 * x**2)
    with pytest.raises(tg.GradientMismatch, match=r"argument 2, entry \[\d\]"):
        tg.check_grads(lambda p: {"a": p["w"][0] * 2, "b": (p["w"][1], bad(p["w"][2]))}, {"w": [1.0, 2.0, X]})
    with pytest.raises(tg.GradientMismatch, match="order 1, mode rev, argument 1"):
        tg.check_grads(lambda a, b: (a * 2, bad(b)), 1.0, 2.0)  # two scalar results


def test_a_function_that_changes_between_calls_is_found():
    calls = []

    def drifting(x):
        calls.append(1)
        return x * len(calls)

    with pytest.raises(tg.GradientMismatch):
        tg.check_grads(drifting, 2.0)


def test_a_derivative_cut_by_hand_is_found():
    with pytest.raises(tg.GradientMismatch, match="argument 0: derivative 2, central difference 4"):
        tg.check_grads(lambda x: x * tg.stop_gradient(x), 2.0)
    with pytest.raises(tg.GradientMismatch, match="derivative 0, central difference 4"):
        tg.check_grads(lambda x: x.item() ** 2, 2.0)


def test_modes_are_checked_on_their_own():
    forward_only = planted(FAULTS["forward only"][0])
    tg.check_grads(forward_only, 2.0, order=1, modes=("rev",))
    with pytest.raises(tg.GradientMismatch, match="order 1, mode fwd, argument 0: derivative 0, central difference 12"):
        tg.check_grads(forward_only, 2.0, order=1, modes=("fwd",))
    with pytest.raises(tg.GradientMismatch, match="order 1, mode fwd"):
        tg.check_grads(planted(FAULTS["factor"][0]), 2.0, modes=["fwd"])


@pytest.mark.parametrize("mode", ["rev", "fwd"])
@pytest.mark.parametrize("wrong", [np.arange(16_000) == 7_001, np.arange(16_000) > 0])
def test_a_fault_among_very_many_entries_is_found_without_a_look_at_each(wrong, mode):
    calls, x = [], np.linspace(1.0, 2.0, 16_000)
    bad = planted(lambda g, y, x: g * 3 * x**2 * (1.0 + wrong))

    def counted(x):
        calls.append(1)
        return bad(x)

    with pytest.raises(tg.GradientMismatch, match=rf"order 1, mode {mode}, argument 0, entry \[\d+\]: deriv") as caught:
        tg.check_grads(counted, x, modes=(mode,))
    entry = int(str(caught.value).split("[")[1].split("]")[0])
    assert wrong[entry]
    assert len(calls) < 4_000  # two for each entry are 32,000
    assert "kink" not in str(caught.value)


def test_bends_among_very_many_entries_are_no_fault():
    tg.check_grads(lambda x: np.sum(np.log(x)), np.logspace(-9, 0, 300), order=1)


# --- kinks -----------------------------------------------------------------------------------------------------------

KINKS = {
    "abs": (abs, 0.0),
    "relu": (tg.relu, 0.0),
    "leaky_relu": (tg.leaky_relu, 0.0),
    "maximum": (lambda x: np.maximum(x, 2.0), 2.0),
    "clip": (lambda x: np.clip(x, -1.0, 1.0), 1.0),
    "max": (np.max, np.array([1.0, 3.0, 3.0])),
    "relu in a sum": (lambda x: (tg.relu(x) * np.array([1.0, 2.0, 3.0])).sum(), np.array([1.0, 0.0, -1.0])),
    "a jump": (lambda x: np.where(x > 1.0, x + 1, x), 1.0),
    "a jump at a small point": (lambda x: np.where(x > 1e-3, x + 1, x), 1e-3),
    "a kink at a small point": (lambda x: np.log(x) + 1e4 * abs(x - 1e-3), 1e-3),
    "a kink at a large point": (lambda x: tg.relu(x - 1e6), 1e6),
    "a slight kink": (lambda x: 1e-3 * tg.relu(x), 0.0),
    "a kink in a fast wave": (lambda x: tg.relu(x) + np.sin(300 * x), 0.0),
    "abs of log": (lambda x: abs(np.log(x)), 1.0),
    "a kink of the slope": (lambda x: tg.nn.costs.huber(x, [0.0]), np.array([1.0])),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_is_called_a_kink(name):
    f, x = KINKS[name]
    with pytest.raises(tg.GradientMismatch, match="kink"):
        tg.check_grads(f, x)


def test_the_slopes_from_both_sides_of_a_kink_are_told():
    with pytest.raises(
        tg.GradientMismatch,
        match=r"difference 0.5 \(this point looks like a kink: slope 0 from the left, 1 from the right, and smaller",
    ):
        tg.check_grads(tg.relu, 0.0)


# --- float32, tolerances, options ------------------------------------------------------------------------------------


def test_float32_is_warned_of_and_checked_to_two_digits():
    x = X.astype(np.float32)
    with pytest.warns(UserWarning, match="float32 differences are good to two digits; use float64"):
        tg.check_grads(np.sin, x)
    with pytest.warns(UserWarning, match="float32"), pytest.raises(tg.GradientMismatch, match="order 1, mode rev"):
        tg.check_grads(planted(FAULTS["factor"][0]), x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tg.check_grads(np.sin, X)


def test_tolerances_can_be_given():
    bad = planted(lambda g, y, x: g * 3.001 * x**2)
    tg.check_grads(bad, 2.0, order=1, rtol=1e-2)
    tg.check_grads(bad, 2.0, order=1, atol=1e-1)
    with pytest.raises(tg.GradientMismatch):
        tg.check_grads(bad, 2.0, order=1, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"modes": ("rev", "backward")}, {"modes": "rev"}, {"modes": ()}, {"order": 0}, {"order": 1.5}, {"order": "2"}],
)
def test_unknown_options_are_refused(options):
    with pytest.raises(tg.InvalidValue, match=r"takes modes among \('rev', 'fwd'\) and order >= 1, but got"):
        tg.check_grads(np.sin, 1.0, **options)


def test_bad_functions_and_arguments_are_refused():
    with pytest.raises(tg.InvalidType, match="takes a function"):
        tg.check_grads(3.0, 1.0)
    with pytest.raises(tg.InvalidType, match="turn text into numbers"):
        tg.check_grads(np.sin, "one")
    with pytest.raises(tg.InvalidType, match="returned None"):
        tg.check_grads(lambda x: None, 1.0)


# --- numeric_derivative ----------------------------------------------------------------------------------------------


def test_the_numeric_derivative_has_the_shape_of_the_result_and_then_of_the_argument():
    m = np.arange(6.0).reshape(2, 3)
    found = tg.numeric_derivative(lambda x: m @ x, X)
    np.testing.assert_allclose(found, m, atol=1e-8)
    assert tg.numeric_derivative(np.sin, 0.5).shape == ()
    assert tg.numeric_derivative(lambda x: x.sum(), m).shape == (2, 3)
    assert tg.numeric_derivative(lambda x: m, np.zeros((0,))).shape == (2, 3, 0)
    np.testing.assert_allclose(tg.numeric_derivative(np.sin, 0.5), np.cos(0.5), atol=1e-9)


def test_the_step_follows_the_size_of_the_entry():
    np.testing.assert_allclose(
        tg.numeric_derivative(lambda x: x**2, np.array([1e6, 1.0])).diagonal(), [2e6, 2.0], rtol=1e-8
    )


def test_the_numeric_derivative_is_nan_at_kinks_and_only_there():
    found = tg.numeric_derivative(np.abs, np.array([-1.0, 0.0, 1e-7, 1.0])).diagonal()
    np.testing.assert_allclose(found, [-1.0, np.nan, 1.0, 1.0], atol=1e-9)
    jumping = np.array([-1e-3, 0.0, 1e-3])
    np.testing.assert_array_equal(tg.numeric_derivative(np.sign, jumping).diagonal(), [0.0, np.nan, 0.0])
    assert np.isnan(tg.numeric_derivative(lambda x: x * abs(x - 1e-3), 1e-3))
    curved = np.array([0.1, 3.0, 10.0])
    np.testing.assert_allclose(tg.numeric_derivative(np.exp, curved).diagonal(), np.exp(curved), rtol=1e-7)
    steep = tg.numeric_derivative(lambda x: np.sum(100 * x**2), np.array([0.0, 1.0]))
    np.testing.assert_allclose(steep, [0.0, 200.0], atol=1e-6)


@pytest.mark.parametrize("log", [np.log, lambda x: math.log(x)])
@pytest.mark.parametrize("x", [1e-300, 1e-30, 1e-7, 1e-6, 1e-3, 1.0])
def test_the_numeric_derivative_stays_in_the_domain(log, x):
    np.testing.assert_allclose(tg.numeric_derivative(log, x), 1 / x, rtol=2e-7)


def test_the_numeric_derivative_at_the_edge_of_a_domain_is_nan():
    assert np.isnan(tg.numeric_derivative(np.sqrt, 0.0))
    assert np.isnan(tg.numeric_derivative(lambda x: math.sqrt(x), 0.0))


def test_without_retry_the_first_step_decides():
    assert np.isnan(tg.numeric_derivative(np.abs, 1e-7, retry=False))
    assert np.isnan(tg.numeric_derivative(np.log, 1e-3, retry=False))
    np.testing.assert_allclose(tg.numeric_derivative(np.log, 1.0, retry=False), 1.0, rtol=1e-9)


def test_the_numeric_derivative_leaves_its_argument_alone():
    x = X.copy()

    def rude(v):
        result = float(v.sum())
        v[:] = 0.0
        return result

    tg.numeric_derivative(lambda v: rude(v.copy()), x)
    np.testing.assert_array_equal(x, X)
