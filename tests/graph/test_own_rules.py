"""Rules as readers write them, for plain arrays and nothing else, under every transform.

Each op of the table stands beside a twin made of the package's own ops, whose derivatives `test_ops.py` compares with
central differences and with another library; `check_grads` compares both kinds with central differences here.
"""

import math
import warnings

import numpy as np
import pytest
from own_rules import OWN, TRANSFORMS, M, W, X, cost, filled, inner

import tinygrad_ed as tg


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", OWN)
def test_a_rule_for_plain_arrays_is_right_under_every_transform(name, transform):
    own = OWN[name]
    found = TRANSFORMS[transform](own.op(name), *own.args)
    expected = TRANSFORMS[transform](own.twin, *own.args)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", OWN)
def test_check_grads_takes_it_in_its_default_modes_and_says_where_it_ran_on_plain_arrays(name):
    own = OWN[name]
    op = own.op(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tg.check_grads(lambda x: op(x, *own.args[1:]), own.args[0])
        tg.check_grads(inner(op, *own.args[1:]), own.args[0])
    said = [str(w.message) for w in caught]
    assert len(said) == (0 if own.on_nodes else 2)
    for words in said:
        assert f"a rule of op 'own {name}' does not run on Nodes" in words
        assert "plain arrays" in words
        assert 'modes=("rev",)' in words
    assert {w.filename for w in caught} <= {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tg.check_grads(lambda x: op(x, *own.args[1:]), own.args[0], order=1, modes=("rev",))


def test_both_inputs_and_all_arguments_at_once():
    own = OWN["two inputs that broadcast"]
    op = own.op("of two")
    for found, expected in zip(
        tg.hessian(cost(op), (0, 1))(*own.args), tg.hessian(cost(own.twin), (0, 1))(*own.args), strict=True
    ):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)
    with pytest.warns(UserWarning, match="does not run on Nodes"):
        tg.check_grads(op, *own.args)


def test_third_derivatives_come_in_the_same_way():
    for name in ("zeroed", "entry by entry", "filled", "tolist", "added to entries"):
        own = OWN[name]

        def third(op):
            return tg.grad(lambda x: (tg.hessian(cost(op))(x) * M.T[:, :1]).sum())(X)

        np.testing.assert_allclose(third(own.op(name)), third(own.twin), rtol=1e-5, atol=1e-6)


def test_parameters_and_any_number_of_inputs():
    def turned(g, y, x, steps=1):
        d = np.empty_like(x)
        d[:] = np.roll(g, -steps)
        return d

    roll = tg.op("own roll", lambda x, steps=1: np.roll(x, steps), turned)
    np.testing.assert_array_equal(tg.jacobian(lambda x: roll(x, steps=2))(X), np.roll(np.eye(3), 2, axis=0))
    np.testing.assert_array_equal(tg.jvp(lambda x: roll(x, steps=2), (X,), (W,))[1], np.roll(W, 2))
    np.testing.assert_allclose(
        tg.hessian(lambda x: (roll(x, steps=2) ** 3).sum())(X), np.diag(6 * X), rtol=1e-9, atol=1e-9
    )

    def product_of_others(g, y, i, *xs):
        d = np.array(g, dtype=float)
        for k, x in enumerate(xs):
            d *= x if k != i else 1.0
        return d

    product = tg.op("own product", lambda *xs: math.prod(xs), product_of_others, variadic=True)
    found = tg.hessian(lambda a, b, c: product(a, b, c).sum(), (0, 1, 2))(X, W, W)
    expected = tg.hessian(lambda a, b, c: (a * b * c).sum(), (0, 1, 2))(X, W, W)
    np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-9, atol=1e-9)


def test_float32_stays_and_is_differenced_in_double_precision():
    op = OWN["filled"].op("filled, single")
    x = X.astype(np.float32)
    for transform in ("grad", "jacobian", "hvp", "jvp", "hessian"):
        found = TRANSFORMS[transform](op, x)
        assert found.dtype == np.float32 or transform in ("jvp",), transform
        np.testing.assert_allclose(found, TRANSFORMS[transform](np.sin, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,), (2, 1, 3)])
def test_odd_shapes(shape):
    op = OWN["filled"].op(f"filled {shape}")
    x = np.linspace(-1.0, 2.0, math.prod(shape)).reshape(shape)
    for transform in ("grad", "jacobian", "hvp", "jvp", "jacobian of grad", "hessian", "jvp of grad"):
        found, expected = TRANSFORMS[transform](op, x), TRANSFORMS[transform](np.sin, x)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_at_a_jump_of_the_rule_the_side_counts_to_which_the_point_belongs():
    op = OWN["zeroed"].op("zeroed at zero")
    x = np.array([-1.0, 0.0, 1e-9, 2.0])
    np.testing.assert_array_equal(tg.jacobian(op)(x), np.diag([0.0, 0.0, 1.0, 1.0]))
    np.testing.assert_allclose(
        tg.hessian(lambda x: ((3.0 + x) * op(x)).sum())(x), np.diag([0.0, 0.0, 2.0, 2.0]), rtol=1e-9, atol=1e-9
    )


def test_a_hessian_asks_the_rule_for_each_entry_and_not_for_each_pair_of_entries():
    calls = []

    def counted(g, y, x):
        calls.append(1)
        return filled(g, y, x)

    op = tg.op("own counted", np.sin, counted)
    for count in (10, 20):
        calls.clear()
        tg.hessian(lambda x: np.sum(op(x) ** 2))(np.linspace(0.1, 1.0, count))
        assert len(calls) < 15 * count
    calls.clear()
    tg.jvp(tg.grad(lambda x: np.sum(op(x) ** 2)), (np.linspace(0.1, 1.0, 20),), (np.ones(20),))
    assert len(calls) < 15 * 20


def test_a_rule_that_is_not_linear_is_differentiated_where_it_is():
    def limited(g, y, x):
        d = g.copy()
        d[d > 1.25] = 1.25
        return d

    limit = tg.op("own limit", lambda x: x * 1.0, limited)
    twin = tg.op("own limit on Nodes", lambda x: x * 1.0, lambda g, y, x: np.minimum(g, 1.25))
    for transform in TRANSFORMS:
        x = np.array([0.2, 0.3, 3.0])
        np.testing.assert_allclose(TRANSFORMS[transform](limit, x), TRANSFORMS[transform](twin, x), atol=1e-9)


def test_what_the_forward_pass_keeps_for_the_rule_is_as_it_was_afterwards():
    kept = {}

    def forward(x):
        kept["mask"] = x > 0
        kept["slope"] = np.cos(x)
        return np.where(kept["mask"], np.sin(x), 0.0)

    def rule(g, y, x):
        d = g * kept["slope"]
        d[~kept["mask"]] = 0.0
        return d

    op = tg.op("own with a memory", forward, rule)
    found = tg.hessian(lambda x: op(x).sum())(X)
    np.testing.assert_allclose(found, np.diag(np.where(X > 0, -np.sin(X), 0.0)), rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(kept["slope"], np.cos(X))


def test_chance_in_an_op_is_no_hindrance_to_first_order_and_forward_mode_and_refused_at_second_order():
    rng = np.random.default_rng(0)

    def dropped(g, y, x):
        d = np.zeros_like(x)
        d[y != 0] = 2.0
        return g * d

    def forward(x):
        return 2.0 * x * (rng.uniform(size=x.shape) < 0.5)

    dropout = tg.op("own dropout", forward, lambda g, y, x: np.asarray(dropped(g, y, x)) + 0.0)
    x = np.ones(50)
    y, pullback = tg.vjp(dropout, x)
    np.testing.assert_array_equal(pullback(x)[0], y)
    y, tangent = tg.jvp(dropout, (x,), (x,))
    np.testing.assert_array_equal(tangent, y)
    with pytest.raises(tg.RuleError, match=r"rule of op 'own dropout' .* gives other results each time"):
        tg.hessian(lambda x: np.sum(dropout(x) ** 2))(x)


def test_a_wrong_rule_is_still_found_and_a_rule_that_raises_says_so():
    wrong = tg.op("own wrong", np.sin, lambda g, y, x: 1.01 * filled(g, y, x))
    with pytest.raises(tg.GradientMismatch, match="order 1, mode rev"):
        tg.check_grads(wrong, X)
    with pytest.raises(tg.GradientMismatch, match="order 1, mode fwd"):
        tg.check_grads(wrong, X, modes=("fwd",))

    def failing(g, y, x):
        raise KeyError("no such thing")

    broken = tg.op("own broken", np.sin, failing)
    for transform in ("grad", "jacobian", "jvp", "hessian", "hvp"):
        with pytest.raises(KeyError, match="no such thing") as caught:
            TRANSFORMS[transform](broken, X)
        assert "op 'own broken' for input 0" in caught.value.__notes__[0]
    shape = tg.op("own of another shape", np.sin, lambda g, y, x: filled(g, y, x)[:2])
    for transform in ("grad", "jacobian", "jvp", "hessian", "hvp"):
        with pytest.raises(
            tg.RuleError, match=r"'own of another shape' for input 0 returned a gradient of shape \(2,\)"
        ):
            TRANSFORMS[transform](shape, X)


def test_a_rule_that_cuts_the_derivative_on_purpose_is_not_mended():
    cut = tg.op("own cut", lambda x: x**3, lambda g, y, x: g * 3 * tg.stop_gradient(x) ** 2)
    np.testing.assert_array_equal(tg.hessian(lambda x: cut(x).sum())(X), np.zeros((3, 3)))
    with pytest.raises(tg.GradientMismatch, match="order 2"):
        tg.check_grads(cut, X)


def test_nobody_writes_into_what_a_rule_is_given():
    def careless(g, y, x):
        x *= 0.0
        return g

    op = tg.op("own careless", lambda x: x * 1.0, careless)
    for transform in ("grad", "jacobian", "compiled grad"):
        with pytest.raises(ValueError, match="read-only") as caught:
            TRANSFORMS[transform](op, X)
        assert "write `g = 2 * g`" in caught.value.__notes__[0]


def test_a_compiled_program_runs_the_rule_anew_at_each_call():
    own = OWN["with branches"]
    step = tg.compile(tg.grad(cost(own.op("with branches, compiled"))))
    for x in (X, -X, W):  # the branches of the rule fall otherwise
        np.testing.assert_allclose(step(x), tg.grad(cost(own.twin))(x), rtol=1e-12)
    assert len(step.tapes) == 1


def test_the_nodes_own_numbers_can_be_had_again_after_a_rule_was_tried():
    op = OWN["tolist"].op("tolist, and afterwards")
    seen = []

    def f(x):
        seen.append(x.tolist())
        return op(x).sum()

    tg.hessian(f)(X)
    assert seen == [X.tolist()]
    assert tg.Node(2.0).item() == 2.0


@pytest.mark.parametrize("name", OWN)
def test_under_debug_the_numbers_are_the_same(name):
    own = OWN[name]
    op = own.op(f"{name}, watched")
    for transform in ("grad", "jacobian", "hessian", "jvp of grad", "compiled grad"):
        expected = TRANSFORMS[transform](op, *own.args)
        with tg.debug():
            np.testing.assert_allclose(TRANSFORMS[transform](op, *own.args), expected, rtol=1e-12, atol=1e-12)
