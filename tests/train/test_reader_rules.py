"""Training with a reader's own rules: right ones learn as the road `rules`, wrong ones show, and none does harm."""

import sys

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.closed_form.rules import RULES

X, RHO = tg.data.xor(40, rng=0)


def network(**options):
    return tg.nn.MLP([2, 6, 2], rng=1, **options)


def fit(rules, mlp=None, **options):
    options = {"cost": "cross_entropy", "learning_rate": 0.5, "epochs": 6, "batch_size": 8, **options}
    return tg.train.fit(mlp or network(), X, RHO, rules=rules, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("names", [*[[name] for name in RULES], list(RULES), []])
def test_right_rules_learn_as_the_road_does(names, dtype):
    mine, ours = network(dtype=dtype), network(dtype=dtype)
    found = fit({name: RULES[name] for name in names}, mine)
    wanted = fit(None, ours)
    np.testing.assert_allclose(found.cost, wanted.cost, rtol=1e-4 if dtype == np.float32 else 1e-9)
    for a, b in zip(mine.parameters(), ours.parameters(), strict=True):
        assert a.value.dtype == dtype
        np.testing.assert_allclose(a.value, b.value, rtol=1e-3 if dtype == np.float32 else 1e-8, atol=1e-5)


def test_a_wrong_rule_shows_in_the_history():
    uphill = fit({"B_last": lambda z, a, r, d, g: -RULES["B_last"](z, a, r, d, g)}, epochs=3)
    assert uphill.cost[-1] > uphill.cost[0]
    assert fit(None, epochs=3).cost[-1] < uphill.cost[0]


@pytest.mark.parametrize(
    ("name", "rule", "kind", "words"),
    [
        (
            "grad_beta",
            lambda B: B.sum(),
            tg.ShapeError,
            r"your grad_beta returned shape \(\) in layer 1; expected was \(6,\)",
        ),
        ("B_hidden", lambda z, w, B, d: B @ w, tg.RuleError, r"your B_hidden raised ValueError: .* \(in layer 1\)"),
        ("B_last", lambda *args: sys.exit(0), tg.RuleError, r"your B_last ended the program .* \(in layer 2\)"),
        ("P", lambda w, B: None, tg.InvalidType, "your P, in layer 2, gave None; is a `return` missing?"),
        ("zeta", lambda a, w, b: w.fill(0), tg.RuleError, "your zeta writes into what it was given"),
    ],
)
def test_a_rule_that_fails_is_named_with_its_layer_and_nothing_is_lost(name, rule, kind, words):
    mlp = network()
    before = [p.value.copy() for p in mlp.parameters()]
    with pytest.raises(kind, match=words):
        fit({name: rule}, mlp)
    assert all((p.value == old).all() for p, old in zip(mlp.parameters(), before, strict=True))


def test_the_process_is_as_it_was_and_random_rules_draw_anew_in_each_batch():
    drawn = []

    def noisy(B):
        np.seterr(all="ignore")
        drawn.append(np.random.normal())
        return B.sum(axis=0)

    before = np.geterr(), np.random.get_state()[1].tolist()
    fit({"grad_beta": noisy}, epochs=1)
    assert (np.geterr(), np.random.get_state()[1].tolist()) == before
    assert len(set(drawn)) == len(drawn) > 4


def test_bad_rules_are_refused():
    with pytest.raises(tg.InvalidValue, match=r"unknown rule 'B_hiden'. Did you mean 'B_hidden'"):
        fit({"B_hiden": RULES["B_hidden"]})
    with pytest.raises(tg.InvalidType, match="rules is a dict of functions"):
        fit({"B_hidden": 3})
    with pytest.raises(tg.InvalidType, match="rules is a dict of functions"):
        fit([RULES["B_hidden"]])
    with pytest.raises(tg.InvalidValue, match="belong to the road 'rules', not to 'graph'"):
        fit({}, road="graph")


def test_methods_are_compared_with_right_and_wrong_rules_on_the_same_batches():
    plain = tg.train.compare_methods(network(), X, RHO, cost="cross_entropy", batch_size=8, budget=400)
    right = tg.train.compare_methods(
        network(), X, RHO, cost="cross_entropy", batch_size=8, budget=400, rules=dict(RULES)
    )
    assert list(right.runs) == [name for m in plain.runs for name in (m, f"{m}, your rules")]
    for method, run in plain.runs.items():
        np.testing.assert_array_equal(right.runs[method].cost, run.cost)
        np.testing.assert_allclose(right.runs[f"{method}, your rules"].cost, run.cost, rtol=1e-9)
    wrong = {"B_hidden": lambda z, w, B, d: -RULES["B_hidden"](z, w, B, d)}
    compared = tg.train.compare_methods(network(), X, RHO, cost="cross_entropy", batch_size=8, rules=wrong)
    assert compared.runs["sgd"].cost[-1] < compared.runs["sgd, your rules"].cost[-1]
    assert "sgd, your rules " in str(compared)
    labels = [line.get_label() for line in compared.plot().lines]
    assert labels[3] == "SGD (η = 0.1), your rules"
    assert len({line.get_linestyle() for line in compared.plot().lines[:2]}) == 2
