"""The rule table is the only truth: a wrong rule, planted in each op in turn, shows in every road that differentiates.

A rule is made wrong by a factor of three. Then `.backward()`, `gradients`, `grad`, `hvp`, a compiled gradient and both
modes of `check_grads` must all give other numbers than before, and for the ops of a network the cross-check must name
the road `graph`.
"""

from functools import cache

import numpy as np
import pytest
from op_calls import direction, weighted
from op_table import ROWS
from planting import planted
from tape_examples import NOT_IN_A_PROGRAM

import tinygrad_ed as tg
from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.op import OPS
from tinygrad_ed.nn import activations, costs

PLACES = [
    (name, position)
    for name, op in sorted(OPS.items())
    for position, rule in enumerate(op.rules)
    if op.trusted and rule is not None
]
"""Every rule of the package: the name of its op, and the input that it is for. Other tests make ops of their own."""


OF_GRADIENTS = {"bent"}
"""Ops that no value is made with, only the gradient of eigenvalues and singular values."""


def bent(row):
    """The row as one number, bent so that second derivatives are seen, too."""
    f = weighted(row)

    def g(*xs):
        y = f(*xs)
        return y + 0.1 * (y * y)

    return g


def by_backward(f, xs, _):
    leaves = [tg.Node(x) for x in xs]
    f(*leaves).backward()
    return [np.zeros(x.shape) if x.grad is None else x.grad for x in leaves]


def by_gradients(f, xs, _):
    leaves = [tg.Node(x) for x in xs]
    return tg.gradients(f(*leaves), leaves)


def by_grad(f, xs, _):
    return tg.grad(f, tuple(range(len(xs))))(*xs)


def by_tape(f, xs, _):
    return tg.compile(tg.grad(f, tuple(range(len(xs)))))(*xs)


def by_hvp(f, xs, vs):
    return tg.hvp(f, tuple(xs), tuple(vs))


CALLERS = {"backward": by_backward, "gradients": by_gradients, "grad": by_grad, "hvp": by_hvp, "tape": by_tape}


def plant(name, position, trusted=True):
    """Make one rule three times too large, as in an edited line of `ops/`, or as one that is set from outside."""
    op = OPS[name]
    right = op.rules[position]

    def wrong(*args, **params):
        return 3.0 * right(*args, **params)

    rules = [wrong if i == position else rule for i, rule in enumerate(op.rules)]
    return planted(op, *rules, trusted=trusted)


@cache
def places_of(row):
    """The rules that the row's graph uses."""
    root = bent(row)(*[tg.Node(x) for x in row.arguments()])
    return frozenset(
        [
            (node.op.name, 0 if node.op.variadic else position)
            for node in walk(root)
            for position, arg in enumerate(node.args)
            if isinstance(arg, tg.Node)
        ]
    )


def numbers(found):
    return np.concatenate([np.ravel(x) for x in found])


def differ(a, b):
    a, b = numbers(a), numbers(b)
    return bool(np.max(np.abs(a - b), initial=0.0) > 1e-6 * max(1.0, np.max(np.abs(b), initial=0.0)))


def row_for(name, position):
    """A row whose gradient changes with this rule."""
    for row in sorted(ROWS, key=lambda row: row.op != name):
        if row.op in NOT_IN_A_PROGRAM or (name, position) not in places_of(row):
            continue
        f, xs = bent(row), row.arguments()
        right = by_backward(f, xs, None)
        with plant(name, position):
            if differ(by_backward(f, xs, None), right):
                return row
    return None


def test_a_wrong_rule_of_an_op_of_gradients_shows_where_a_gradient_is_differentiated():
    def f(x):
        return np.linalg.eigvalsh(x @ x.T)[0] ** 2

    x = np.array([[1.0, 0.5], [0.25, -2.0]])
    right = tg.hvp(f, (x,), (x,))
    with plant("bent", 0):
        assert differ(tg.hvp(f, (x,), (x,)), right)
        with pytest.raises(tg.GradientMismatch, match="order 2, mode rev"):
            tg.check_grads(f, x, modes=("rev",))


@pytest.mark.parametrize(("name", "position"), [place for place in PLACES if place[0] not in OF_GRADIENTS])
def test_a_wrong_rule_shows_wherever_it_is_used(name, position):
    row = row_for(name, position)
    assert row is not None, "no row of the table uses this rule"
    f, xs, vs = bent(row), row.arguments(), direction(row)
    right = {caller: found(f, xs, vs) for caller, found in CALLERS.items()}
    with plant(name, position):
        for caller, found in CALLERS.items():
            assert differ(found(f, xs, vs), right[caller]), f"{caller} does not use this rule"
        for mode in ("rev", "fwd"):
            with pytest.raises(tg.GradientMismatch, match=f"mode {mode}"):
                tg.check_grads(f, *xs, order=1, modes=(mode,))
    for caller, found in CALLERS.items():
        assert not differ(found(f, xs, vs), right[caller])


def labels_for(cost):
    return {
        "logistic": np.sign,
        "hinge": np.sign,
        "bce": lambda rho: (rho > 0).astype(float),
        "cross_entropy": lambda rho: np.abs(rho) / np.abs(rho).sum(1)[:, None],
    }.get(cost, lambda rho: rho)


def network(activation, cost):
    rng = np.random.default_rng(5)
    mlp = tg.nn.MLP([3, 4, 2], activation=activation, output=activation, rng=1)
    for layer in mlp.layers:
        layer.bias.value = rng.standard_normal(layer.bias.shape)
    return mlp, rng.standard_normal((5, 3)), labels_for(cost)(rng.standard_normal((5, 2)))


@pytest.mark.parametrize("activation", sorted(activations.NAMES))
@pytest.mark.parametrize("cost", sorted(costs.NAMES))
def test_a_wrong_rule_of_a_network_is_found_in_the_road_graph(activation, cost):
    """Each rule that `.backward()` uses for this network, planted in turn."""
    mlp, x, rho = network(activation, cost)
    assert tg.crosscheck(mlp, x, rho, cost).agree
    book = tg.ledger(mlp, x, rho, cost, road="graph")
    error = costs.find(cost)(mlp(x), rho)
    used = {
        (node.op.name, 0 if node.op.variadic else position)
        for node in walk(error)
        for position, arg in enumerate(node.args)
        if isinstance(arg, tg.Node)
    }
    shown = 0
    for name, position in sorted(used):
        with plant(name, position):
            changed = [
                q for q, value in tg.ledger(mlp, x, rho, cost, road="graph").items() if differ([value], [book[q]])
            ]
            checked = tg.crosscheck(mlp, x, rho, cost)
        if changed:  # a rule that gives zeros here stays right
            shown += 1
            assert not checked.agree
            assert checked.first_divergence.quantity == changed[0]
            assert checked.first_divergence.roads == ("graph",)
    assert shown >= 3


def squared_and_more(v):
    u = v * 2.0
    w = np.tanh(u) + u
    return (w * w).sum()


X = np.array([0.5, -1.2, 2.0])
EVERY = {
    "backward": lambda f: by_backward(f, [X], None)[0],
    "gradients": lambda f: by_gradients(f, [X], None)[0],
    "grad": lambda f: tg.grad(f)(X),
    "jacobian": lambda f: tg.jacobian(f)(X),
    "hvp": lambda f: tg.hvp(f, (X,), (X,))[0],
    "compiled": lambda f: tg.compile(tg.grad(f))(X),
}
MALFORMED = {
    "a forgotten return": (lambda g, y, a: None, "returned None, not a gradient"),
    "another shape": (
        lambda g, y, a: np.ones(7),
        r"returned a gradient of shape \(7,\), but that input has shape \(3,\)",
    ),
    "a kept axis": (lambda g, y, a: np.ones((3, 1)), r"returned a gradient of shape \(3, 1\)"),
    "a text": (lambda g, y, a: "g", "returned 'g', not a gradient"),
}


@pytest.mark.parametrize("trusted", [True, False], ids=["as a line", "from outside"])
@pytest.mark.parametrize("fault", MALFORMED)
@pytest.mark.parametrize("caller", EVERY)
def test_a_malformed_rule_is_named_on_every_road(caller, fault, trusted):
    rule, words = MALFORMED[fault]
    for f in (lambda v: np.tanh(v).sum(), squared_and_more):
        with planted(OPS["tanh"], rule, trusted=trusted), pytest.raises(tg.RuleError, match=f"op 'tanh'.* {words}"):
            EVERY[caller](f)


@pytest.mark.parametrize("rule", [lambda g, y, a: None, lambda g, y, a: np.ones(2), lambda g, y, a: "g"])
def test_a_malformed_rule_is_named_on_numbers_too(rule):
    x = tg.Node(0.5)
    y = (x * 2.0).tanh() * x
    with planted(OPS["tanh"], rule), pytest.raises(tg.RuleError, match="derivative rule of op 'tanh' for input 0"):
        y.backward()
    assert (x.grad, y.grad) == (None, None)


@pytest.mark.parametrize("caller", ["backward", "grad", "jacobian"])
def test_a_rule_from_outside_that_writes_into_its_gradient_is_refused(caller):
    def in_place(g, y, a):
        g *= 1.0 - y * y
        return g

    with planted(OPS["tanh"], in_place, trusted=False), pytest.raises(ValueError, match="read-only"):
        EVERY[caller](squared_and_more)


def test_an_input_may_lose_its_rule():
    rule = OPS["multiply"].rules[1]
    with planted(OPS["multiply"], None, rule, trusted=False):
        for a, b in ((tg.Node(2.0), tg.Node(3.0)), (tg.Node([2.0]), tg.Node([3.0]))):
            y = a * b
            y.backward()
            assert (a.grad, np.ravel(b.grad)) == (None, [2.0])
            assert np.ravel(tg.gradients(y, a)) == [0.0]


def test_a_program_that_was_recorded_under_other_rules_is_refused():
    compiled = tg.compile(tg.grad(lambda v: np.tanh(v).sum()))
    right = compiled(X)
    with planted(OPS["tanh"], lambda g, y, a: 7.0 * g):
        with pytest.raises(tg.StaleGraph, match="another value of the derivative rules"):
            compiled(X)
        compiled.forget()
        np.testing.assert_array_equal(compiled(X), [7.0, 7.0, 7.0])
    compiled.forget()
    np.testing.assert_array_equal(compiled(X), right)
    tg.op("made_meanwhile", lambda x: x, lambda g, y, x: g)  # replaces nobody's rules
    np.testing.assert_array_equal(compiled(X), right)
