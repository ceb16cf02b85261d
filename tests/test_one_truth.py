"""The rule table is the only truth: a wrong rule, planted in each op in turn, shows in every road that differentiates.

A rule is made wrong by a factor of three. Then `.backward()`, `gradients`, `grad`, `hvp`, a compiled gradient and both
modes of `check_grads` must all give other numbers than before, and for the ops of a network the cross-check must name
the road `graph`.
"""

from functools import cache

import numpy as np
import numpy_rows  # noqa: F401 # adds its rows to the table
import pytest
from op_table import ROWS
from test_ops import direction, weighted
from test_tape import NOT_IN_A_PROGRAM

import tinygrad_ed as tg
from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.op import OPS
from tinygrad_ed.nn import activations, costs

PLACES = [
    (name, position) for name, op in sorted(OPS.items()) for position, rule in enumerate(op.rules) if rule is not None
]
"""Every rule of the package: the name of its op, and the input that it is for. (Taken before a test makes an op.)"""


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


def plant(monkeypatch, name, position):
    """Make one rule three times too large."""
    op = OPS[name]
    right = op.rules[position]

    def wrong(*args, **params):
        return 3.0 * right(*args, **params)

    monkeypatch.setattr(op, "rules", tuple([wrong if i == position else rule for i, rule in enumerate(op.rules)]))


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


def row_for(name, position, monkeypatch):
    """A row whose gradient changes with this rule."""
    for row in sorted(ROWS, key=lambda row: row.op != name):
        if row.op in NOT_IN_A_PROGRAM or (name, position) not in places_of(row):
            continue
        f, xs = bent(row), row.arguments()
        right = by_backward(f, xs, None)
        with monkeypatch.context() as patch:
            plant(patch, name, position)
            if differ(by_backward(f, xs, None), right):
                return row
    return None


@pytest.mark.parametrize(("name", "position"), PLACES)
def test_a_wrong_rule_shows_wherever_it_is_used(name, position, monkeypatch):
    row = row_for(name, position, monkeypatch)
    assert row is not None, "no row of the table uses this rule"
    f, xs, vs = bent(row), row.arguments(), direction(row)
    right = {caller: found(f, xs, vs) for caller, found in CALLERS.items()}
    with monkeypatch.context() as patch:
        plant(patch, name, position)
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
def test_a_wrong_rule_of_a_network_is_found_in_the_road_graph(activation, cost, monkeypatch):
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
        with monkeypatch.context() as patch:
            plant(patch, name, position)
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
