# (the names are the slides' letters, capitals included)
import itertools

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.checking.diagnosis import _equal, _trial
from tinygrad_ed.checking.mistakes import KNOWN, MEND
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.nn.mlp import parameters_of
from tinygrad_ed.nn.problem import Problem

PHIS, COST_NAMES = sorted(ACTIVATIONS), sorted(COSTS)
EXACT = ("graph", "rules", "jacobians")
GENERIC = {"sizes": [3, 4, 5, 2], "phis": ["tanh", "sigmoid", "softplus"], "cost": "logistic", "M": 6}


def network(sizes, phis, seed=0):
    """A network with biases that are not zero, and an activation of its own for each layer."""
    rng = np.random.default_rng(seed)
    mlp = tg.nn.MLP(sizes, rng=seed)
    pairs = zip(itertools.pairwise(sizes), phis, strict=True)
    mlp.layers = [tg.nn.Dense(*n, phi, rng=rng, number=j) for j, (n, phi) in enumerate(pairs, start=1)]
    for layer in mlp.layers:
        layer.bias.value = rng.normal(size=layer.n_out)
    return mlp


def batch(mlp, cost, M, seed=0):
    rng, n = np.random.default_rng(seed), mlp.sizes[-1]
    x, rho = rng.normal(size=(M, mlp.sizes[0])), rng.normal(size=(M, n))
    if cost in ("logistic", "hinge"):
        rho = np.where(rho > 0, 1.0, -1.0)
    return x, rng.dirichlet(np.ones(n), size=M) if cost == "cross_entropy" else rho


def generic(rules, seed=0, **changes):
    """A cross-check on data that hide nothing: all sizes differ, none is 1 or 2 but that of the output."""
    made = {**GENERIC, **changes}
    mlp = network(made["sizes"], made["phis"], seed)
    return tg.crosscheck(mlp, *batch(mlp, made["cost"], made["M"], seed), made["cost"], roads=EXACT, rules=rules)


def random_network(seed):
    """Everything is drawn: depth, widths (often equal), activations, cost, batch."""
    rng = np.random.default_rng(seed)
    L, M, cost = int(rng.integers(1, 5)), int(rng.integers(1, 8)), str(rng.choice(COST_NAMES))
    sizes = [int(n) for n in (rng.integers(1, 7, L + 1) if rng.random() < 0.7 else [rng.integers(1, 6)] * (L + 1))]
    mlp = network(sizes, [str(phi) for phi in rng.choice(PHIS, L)], seed)
    return mlp, *batch(mlp, cost, M, seed), cost


# Mistakes as students write them: the rule, how the words begin, and its code. None is taken from the table.

CODE = [
    ("zeta", "bias forgotten", lambda a, w, b: np.einsum("mi,ik->mk", a, w)),
    ("zeta", "bias subtracted", lambda a, w, b: -b + np.dot(a, w)),
    ("zeta", "bias added twice", lambda a, w, b: (a @ w + b) + b),
    ("zeta", "transposed weights", lambda a, w, b: a.dot(w.transpose()) + b),
    ("zeta", "mean over the inputs", lambda a, w, b: (a[:, :, None] * w[None]).mean(axis=1) + b),
    ("zeta", "Ωᵀα as for samples in columns", lambda a, w, b: np.dot(w.T, a) + b),
    ("alpha", "Φ forgotten", lambda z, phi: z.copy()),
    ("alpha", "Φ applied twice", lambda z, phi: phi(phi(z))),
    ("alpha", "relu in place of Φ", lambda z, phi: z * (z > 0)),
    ("alpha", "wrong sign", lambda z, phi: -phi(z)),
    ("B_last", "missing 1/M", lambda z, a, r, d, g: g(a, r) * d(z)),
    ("B_last", "1/M twice", lambda z, a, r, d, g: g(a, r) / len(z) * d(z) / len(z)),
    ("B_last", "wrong sign of ∇C", lambda z, a, r, d, g: -(g(a, r) / len(z)) * d(z)),
    ("B_last", "Φ' taken at α instead of ζ", lambda z, a, r, d, g: g(a, r) / len(z) * d(a)),
    ("B_last", "Φ' forgotten", lambda z, a, r, d, g: g(a, r) / len(z)),
    ("B_last", "Φ in place of Φ'", lambda z, a, r, d, g: g(a, r) / len(z) * a),
    ("B_last", "a factor of 2 too much", lambda z, a, r, d, g: d(z) * (2 * g(a, r)) / a.shape[0]),
    ("B_last", "a factor of 1/2 too much", lambda z, a, r, d, g: d(z) * (g(a, r) / 2) / a.shape[0]),
    ("B_last", "1/n_L in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) / a.shape[1]),
    ("B_last", "2/n_L in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) * 2 / a.shape[1]),
    ("B_last", "1/(M n_L) in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) / (a.shape[1] * a.shape[0])),
    ("B_last", "2/(M n_L) in place of 1/M", lambda z, a, r, d, g: d(z) * g(a, r) / np.prod(a.shape) * 2),
    ("B_last", "∇C at ζ instead of α", lambda z, a, r, d, g: d(z) * g(z, r) / len(a)),
    ("B_last", "∇C = α - ρ", lambda z, a, r, d, g: d(z) * (a - r) / len(a)),
    ("B_last", "∇C of huber", lambda z, a, r, d, g: d(z) * np.clip(a - r, -1, 1) / len(a)),
    ("B_last", "sigmoid' in place of Φ'", lambda z, a, r, d, g: np.exp(-z) / (1 + np.exp(-z)) ** 2 * g(a, r) / len(a)),
    ("B_hidden", "Φ' forgotten", lambda z, w, B, d: np.einsum("mk,ik->mi", B, w)),
    ("B_hidden", "transposed weights", lambda z, w, B, d: d(z) * np.dot(B, w)),
    ("B_hidden", "1/M again", lambda z, w, B, d: d(z) * (B @ w.T) / z.shape[0]),
    ("B_hidden", "wrong sign", lambda z, w, B, d: -d(z) * (B @ w.T)),
    ("B_hidden", "ΩB as for samples in columns", lambda z, w, B, d: d(z) * (w @ B)),
    ("B_hidden", "Φ' applied twice", lambda z, w, B, d: d(z) * d(z) * (w @ B.T).T),
    ("B_hidden", "tanh' in place of Φ'", lambda z, w, B, d: np.cosh(z) ** -2.0 * (B @ w.T)),
    ("P", "transposed weights", lambda w, B: B.dot(w)),
    ("P", "wrong sign", lambda w, B: -(w @ B.T).T),
    ("P", "1/M again", lambda w, B: (w @ B.T).T / len(B)),
    ("grad_omega", "mean in place of sum", lambda a, B: (a[:, :, None] * B[:, None, :]).mean(axis=0)),
    ("grad_omega", "transposed", lambda a, B: sum(np.outer(q, p) for p, q in zip(a, B, strict=True))),
    ("grad_omega", "wrong sign", lambda a, B: -a.T @ B),
    ("grad_omega", "only the first sample", lambda a, B: a[:1].T @ B[:1]),
    ("grad_omega", "only the last sample", lambda a, B: a[-1:].T @ B[-1:]),
    ("grad_omega", "mean of α times mean of B", lambda a, B: np.outer(a.mean(0), B.mean(0))),
    ("grad_omega", "α and B summed before their product", lambda a, B: np.outer(a.sum(0), B.sum(0))),
    ("grad_omega", "a factor of M too much", lambda a, B: a.T @ B * len(a)),
    ("grad_beta", "mean in place of sum", lambda B: np.average(B, axis=0)),
    ("grad_beta", "summed over the wrong axis", lambda B: np.sum(B, axis=1)),
    ("grad_beta", "summed over all axes", lambda B: np.sum(B)),
    ("grad_beta", "summed over all axes", lambda B: np.full(B.shape[1], B.sum())),
    ("grad_beta", "not summed over the samples", lambda B: B.copy()),
    ("grad_beta", "summed with its axis kept", lambda B: np.ones((1, len(B))) @ B),
    ("grad_beta", "only the first sample", lambda B: B[0, :]),
    ("grad_beta", "only the last sample", lambda B: B[-1, :]),
    ("grad_beta", "wrong sign", lambda B: -sum(list(B))),
]


def at_alpha(mlp):
    """Φ' at α: the rule is not given α, so it counts the layers."""
    layers = iter(mlp.layers[-2::-1])
    return {"B_hidden": lambda z, w, B, d: d(next(layers).activate(z)) * (B @ w.T)}


def from_the_weight_product(mlp):
    kept = {}

    def grad_omega(a, B):
        kept["product"] = a.T @ B
        return kept["product"]

    return {"grad_omega": grad_omega, "grad_beta": lambda B: kept["product"].sum(axis=0)}


def b_of_the_last_layer(mlp):
    kept = []

    def b_last(*args):
        kept.append(RULES["B_last"](*args))
        return kept[0]

    return {"B_last": b_last, "B_hidden": lambda z, w, B, d: d(z) * (kept[0] @ w.T)}


def b_of_the_layer_above(mlp):
    kept = []

    def keep(name):
        return lambda *args: (kept.append(RULES[name](*args)), kept[-1])[1]

    layer = itertools.count(1)

    def grad_beta(B):
        return kept[::-1][min(next(layer), len(kept) - 1)].sum(axis=0)

    return {"B_last": keep("B_last"), "B_hidden": keep("B_hidden"), "grad_beta": grad_beta}


def alpha_of_its_own_layer(mlp):
    kept = []

    def alpha(z, phi):
        kept.append(phi(z))
        return kept[-1]

    layer = itertools.count()
    return {"alpha": alpha, "grad_omega": lambda a, B: kept[next(layer)].T @ B}


def slope_of_the_layer_above(mlp):
    kept = []

    def b_last(z, *args):
        kept.append(z)
        return RULES["B_last"](z, *args)

    def b_hidden(z, w, B, d):
        kept.append(z)
        return d(kept[-2]) * (B @ w.T)

    return {"B_last": b_last, "B_hidden": b_hidden}


STATEFUL = [
    ("B_hidden", "Φ' taken at α instead of ζ", at_alpha),
    ("grad_beta", "taken from the weight product (its sum over the inputs)", from_the_weight_product),
    ("B_hidden", "B of the wrong layer (the last)", b_of_the_last_layer),
    ("grad_beta", "B of the wrong layer (the one above)", b_of_the_layer_above),
    ("grad_omega", "α of the wrong layer (this one)", alpha_of_its_own_layer),
    ("B_hidden", "Φ' at ζ of the wrong layer (the one above)", slope_of_the_layer_above),
]
PLANTED = [(rule, words, lambda mlp, rule=rule, code=code: {rule: code}) for rule, words, code in CODE] + STATEFUL
NAMES = [f"{rule}: {words}" for rule, words, _ in PLANTED]


@pytest.mark.parametrize(("rule", "words", "planted"), PLANTED, ids=NAMES)
def test_a_planted_mistake_is_named_alone_where_nothing_hides_it(rule, words, planted):
    sizes, phis = [3, 4, 5, 7], GENERIC["phis"]
    if "wrong layer" in words or "transposed weights" in words:  # whose shapes must fit
        sizes, phis = [4] * 6, [*phis, "tanh", "sigmoid"]
    check = generic(planted(network(sizes, phis)), sizes=sizes, phis=phis)
    (found,) = check.diagnosis
    assert found.rule == rule
    assert len(found.known) == 1
    assert found.known[0].startswith(words)
    assert found.apart is None
    assert found.mend == MEND[rule]
    assert check.first_divergence.diagnosis is found
    assert str(check.first_divergence).endswith(f": probably {found.known[0]}")
    assert str(found) in str(check)


@pytest.mark.parametrize(("rule", "words", "planted"), PLANTED, ids=NAMES)
def test_a_planted_mistake_is_among_the_named_in_random_networks(rule, words, planted):
    seen = 0
    for seed in range(8):
        mlp, x, rho, cost = random_network(1000 * len(words) + seed)
        check = tg.crosscheck(mlp, x, rho, cost, roads=EXACT, rules=planted(mlp))
        if check.agree:  # the data hide it: then the note says so, or the rule is given numbers that are right
            assert check.diagnosis == ()
            continue
        (found,) = check.diagnosis
        assert found.rule == rule
        assert any(known.startswith(words) for known in found.known), str(check)
        assert len(found.known) == 1 or found.apart
        seen += 1
    assert seen


def test_every_rule_has_a_planted_mistake():
    assert {rule for rule, _, _ in PLANTED} == set(RULES) == set(KNOWN) == set(MEND)


def test_arguments_of_the_gradient_exchanged_are_named_where_that_is_more_than_a_sign():
    def b_last(z, a, r, d, g):
        return d(z) * g(r, a) / len(a)

    for cost in ("cross_entropy", "logistic", "hinge", "margin"):
        (found,) = generic({"B_last": b_last}, cost=cost, sizes=[3, 4, 5, 7]).diagnosis
        assert found.known[0] == "∇C with α and ρ exchanged"
    for cost in ("mse", "l1", "huber"):
        (found,) = generic({"B_last": b_last}, cost=cost, sizes=[3, 4, 5, 7]).diagnosis
        assert len(found.known) == 1
        assert found.known[0].startswith("wrong sign of ∇C")


def test_a_forgotten_softmax_is_named():
    check = generic({"B_last": lambda z, a, r, d, g: d(z) * (a - r) / len(a)}, cost="cross_entropy")
    assert check.diagnosis[0].known[0] == "∇C = α - ρ, that of mse (softmax forgotten?)"


def test_a_short_cut_is_named_as_what_it_is():
    """α - ρ is right for some Φ and C; where only Φ' or only ∇C is wrong, that is the mistake."""

    def known(**data):
        code = {"B_last": lambda z, a, r, d, g: (a - r) / len(a)}
        return [words.partition(" (")[0] for words in generic(code, sizes=[3, 4, 5, 7], **data).diagnosis[0].known]

    assert known(cost="mse") == ["Φ' forgotten"]
    assert known(phis=["tanh", "tanh", "identity"]) == ["∇C = α - ρ, that of mse"]
    assert known() == ["α - ρ whatever Φ and C are"]


# a right rule is never accused


def in_float32(rule):
    def single(*args):
        return np.asarray(rule(*[a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args]), np.float32)

    return single


def shuffled(a, b):
    order = np.random.default_rng(1).permutation(a.shape[1])
    return a[:, order] @ b[order]


def loops(a, w, b):
    z = np.zeros((len(a), len(b)))
    for m, k in np.ndindex(z.shape):
        z[m, k] = b[k]
        for i in range(a.shape[1]):
            z[m, k] += a[m, i] * w[i, k]
    return z


RIGHT = {
    "zeta": [
        loops,
        lambda a, w, b: np.einsum("mi,ik->mk", a, w) + b,
        lambda a, w, b: (w.T @ a.T).T + b,
        lambda a, w, b: shuffled(a, w) + b,
        lambda a, w, b: np.c_[a, np.ones(len(a))] @ np.r_[w, b[None]],
    ],
    "alpha": [lambda z, phi: phi(z.T.copy()).T, lambda z, phi: np.array([phi(row) for row in z])],
    "B_last": [
        lambda z, a, r, d, g: g(a, r) * (d(z) / z.shape[0]),
        lambda z, a, r, d, g: np.vstack([d(z[[i]]) * g(a[[i]], r[[i]]) / len(z) for i in range(len(z))]),
        lambda z, a, r, d, g: np.einsum("mk,mk->mk", g(a, r), d(z)) * (1 / len(r)),
    ],
    "B_hidden": [
        lambda z, w, B, d: (w @ B.T).T * d(z),
        lambda z, w, B, d: np.einsum("mk,ik,mi->mi", B, w, d(z)),
        lambda z, w, B, d: shuffled(B, w.T) * d(z),
        lambda z, w, B, d: np.array([np.diag(row) @ (w @ B[i]) for i, row in enumerate(d(z))]),
    ],
    "P": [lambda w, B: (w @ B.T).T, lambda w, B: np.einsum("mk,ik->mi", B, w), lambda w, B: shuffled(B, w.T)],
    "grad_omega": [
        lambda a, B: sum(np.outer(p, q) for p, q in zip(a, B, strict=True)),
        lambda a, B: np.einsum("mi,mk->ik", a, B),
        lambda a, B: (a[:, :, None] * B[:, None, :]).mean(axis=0) * len(a),
        lambda a, B: a[::-1].T @ B[::-1],
    ],
    "grad_beta": [
        lambda B: np.ones(len(B)) @ B,
        lambda B: B.mean(axis=0) * len(B),
        lambda B: list(sum(B[::-1])),
        lambda B: np.cumsum(B, axis=0)[-1],
    ],
}
WRONG = {
    "zeta": lambda a, w, b: a @ w,
    "B_last": lambda z, a, r, d, g: d(z) * g(a, r),
    "B_hidden": lambda z, w, B, d: 1e6 * d(z) * (B @ w.T),
    "grad_omega": lambda a, B: -a.T @ B,
}


@pytest.mark.parametrize("block", range(5))
def test_right_rules_are_never_accused_however_they_are_written(block):
    for seed in range(60 * block, 60 * block + 60):
        rng, (mlp, x, rho, cost) = np.random.default_rng(seed), random_network(seed)
        if seed % 3 == 1:
            for layer in mlp.layers:
                layer.weights.value = layer.weights.value * 10.0 ** rng.integers(-3, 4)
        if seed % 5 == 2:
            x = x * 10.0 ** rng.integers(-6, 5, x.shape[1])
        rules = {name: written[rng.integers(len(written))] for name, written in RIGHT.items()}
        rules = {name: in_float32(rule) if rng.random() < 0.15 else rule for name, rule in rules.items()}
        name = str(rng.choice([*WRONG, "none"]))
        check = tg.crosscheck(
            mlp, x, rho, cost, roads=EXACT, rules={**rules, **{n: WRONG[n] for n in WRONG if n == name}}
        )
        if name == "none":
            assert check.agree, str(check)
        assert [found.rule for found in check.diagnosis] in ([], [name]), str(check)


def test_rules_in_float32_are_right_and_a_note_says_so():
    check = generic({name: in_float32(rule) for name, rule in RULES.items()})
    assert check.agree
    assert check.diagnosis == ()
    for name in RULES:
        assert f"your {name} computes in float32; it is right to the digits of float32" in check.notes
    for row in check.rows:  # its rounding is not passed on
        np.testing.assert_allclose(row.values["rules"], row.values["graph"], rtol=1e-12, atol=1e-15)


def test_what_is_rounded_to_float32_on_the_way_is_called_right_to_its_digits():
    check = generic({"P": lambda w, B: (B @ w.T).astype(np.float32).astype(float)})
    assert check.first_divergence.quantity == "P[3]"  # in float64, the other digits are missing
    assert check.diagnosis[0].known == ()
    assert check.diagnosis[0].mistake.startswith("right to the digits of float32, but not of float64")


def test_a_mistake_in_float32_is_named_as_well():
    check = generic({"B_hidden": in_float32(lambda z, w, B, d: B @ w.T)})
    assert check.diagnosis[0].known == ("Φ' forgotten",)


@pytest.mark.parametrize("layers", [[0], [1], [0, 1]])
def test_numbers_too_small_for_float32_are_no_mistake(layers):
    mlp = network([3, 4, 2], ["identity", "identity"])
    for j in layers:
        mlp.layers[j].weights.value = mlp.layers[j].weights.value * 1e-42
        mlp.layers[j].bias.value = mlp.layers[j].bias.value * 1e-46
    rules = {name: in_float32(rule) for name, rule in RULES.items()}
    x, rho = batch(mlp, "mse", 4)
    for expected in (rho, 1e-46 * rho):
        check = tg.crosscheck(mlp, x, expected, roads=EXACT, rules={**rules, "grad_beta": lambda B: -B.sum(axis=0)})
        assert [found.rule for found in check.diagnosis] in ([], ["grad_beta"]), str(check)


def test_outputs_near_to_what_is_expected_have_few_digits_in_float32():
    mlp = network([3, 4, 2], ["tanh", "identity"])
    mlp.layers[1].bias.value = [1e4, -1e4]
    x, rho = batch(mlp, "mse", 5)
    check = tg.crosscheck(mlp, x, mlp.predict(x) + 0.01 * rho, rules={"B_last": in_float32(RULES["B_last"])})
    assert check.agree, str(check)


def test_large_outputs_before_a_softmax_have_few_digits_in_float32():
    mlp = network([3, 4, 3], ["tanh", "identity"])
    mlp.layers[1].bias.value = [1000.3, 1000.1, 999.4]
    rules = {"B_last": in_float32(RULES["B_last"])}
    check = tg.crosscheck(mlp, *batch(mlp, "cross_entropy", 5), "cross_entropy", rules=rules)
    assert check.agree, str(check)


def test_a_right_rule_that_overflows_is_not_accused():
    mlp = network([2, 2, 1], ["identity", "identity"])
    for layer in mlp.layers:
        layer.weights.value = layer.weights.value * 1e200
    check = tg.crosscheck(mlp, [[1.0, 2.0]], [[1.0]], roads=EXACT, rules=RULES)
    assert check.diagnosis == ()


def test_where_the_roads_agree_nobody_is_accused():
    """Where large numbers cancel, a ninth digit is nobody's mistake; the local judge would have seen it."""
    rng = np.random.default_rng(2)
    mlp, x = network([4, 3, 2], ["tanh", "tanh"], seed=2), rng.normal(size=(3, 2))
    large = 1e7 * rng.normal(size=(2, 3))
    mlp.layers[0].weights.value = np.vstack([large, -large])
    x = np.hstack([x, x + 1e-8 * rng.normal(size=(3, 2))])
    off = {"B_hidden": lambda *args: RULES["B_hidden"](*args) * (1 + 1e-9)}
    check = tg.crosscheck(mlp, x, rng.normal(size=(3, 2)), roads=EXACT, rules=off)
    assert check.agree
    assert check.diagnosis == ()


def test_another_slope_at_a_kink_is_a_choice_and_no_mistake():
    mlp, rules = tg.nn.MLP([2, 3, 2], "relu", rng=0), {"B_hidden": lambda z, w, B, d: (z >= 0) * (B @ w.T)}
    x = [[0.0, 0.0], [1.0, -1.0]]
    check = tg.crosscheck(mlp, x, np.ones((2, 2)), roads=EXACT, rules=rules)
    assert check.rows[-1].difference > 0.1
    assert check.agree
    rules["grad_beta"] = lambda B: -B.sum(axis=0)
    check = tg.crosscheck(mlp, x, np.ones((2, 2)), roads=EXACT, rules=rules)
    assert [found.rule for found in check.diagnosis] == ["grad_beta"]


def test_a_rule_that_is_given_wrong_numbers_is_not_accused():
    check = generic({**RULES, "zeta": lambda a, w, b: a @ w, "B_last": lambda *args: np.nan * args[0]})
    assert [found.rule for found in check.diagnosis] == ["zeta", "B_last"]
    assert any("your P was not judged" in note for note in check.notes)


def test_without_readers_rules_there_is_neither_diagnosis_nor_note():
    check = generic(None)
    assert (check.diagnosis, check.notes) == ((), ())


# several rules, several layers, two mistakes at once


def test_several_rules_are_each_judged_on_their_own_arguments():
    check = generic(
        {
            "zeta": lambda a, w, b: a @ w - b,
            "B_last": lambda z, a, r, d, g: d(z) * g(a, r),
            "B_hidden": RULES["B_hidden"],
            "P": lambda w, B: -B @ w.T,
            "grad_beta": lambda B: B.mean(axis=0),
        },
        sizes=[3, 4, 5, 7],
    )
    assert [(found.rule, found.layers, found.known[0].split(" (")[0]) for found in check.diagnosis] == [
        ("zeta", (1, 2, 3), "bias subtracted"),
        ("B_last", (3,), "missing 1/M"),
        ("P", (3, 2, 1), "wrong sign"),
        ("grad_beta", (1, 2, 3), "mean in place of sum over the samples"),
    ]
    assert check.diagnosis[1].quantities == ("B[3]",)
    assert check.diagnosis[2].quantities == ("P[3]", "P[2]", "P[1]")
    assert check.first_divergence.diagnosis is check.diagnosis[0]


def test_the_layer_is_the_first_in_which_the_rule_is_wrong():
    layer = itertools.count(1)
    check = generic({"grad_beta": lambda B: B.sum(axis=0) + (next(layer) == 2)})
    (found,) = check.diagnosis
    assert (found.layer, found.layers) == (2, (2,))
    assert found.mistake.endswith("it gives the right numbers plus 1 in layer 2 only")


def test_two_mistakes_in_one_rule_are_both_named():
    check = generic({"B_last": lambda z, a, r, d, g: -d(z) * g(a, r)}, sizes=[3, 4, 5, 7])
    assert "two mistakes at once: missing 1/M (a sum in place of the mean), and a wrong sign" in str(check)
    check = generic({"B_hidden": lambda z, w, B, d: 2 * (B @ w.T)}, sizes=[3, 4, 5, 7])
    assert "two mistakes at once: Φ' forgotten, and a factor of 2" in str(check)


def test_a_divergence_that_is_not_the_readers_has_no_diagnosis(monkeypatch):
    monkeypatch.setitem(COSTS, "mse", COSTS["mse"]._replace(grad_C=lambda a, rho: 3 * (a - rho)))
    check = generic({"grad_beta": lambda B: B.mean(axis=0)}, cost="mse", sizes=[3, 4, 5, 7])
    assert check.first_divergence.quantity == "P[4]"
    assert check.first_divergence.diagnosis is None
    assert [found.rule for found in check.diagnosis] == ["grad_beta"]


def test_two_mistakes_that_cancel_are_still_two():
    """Without 1/M in B, and with it in the gradients: some courses write it so."""
    check = generic(
        {
            "B_last": lambda z, a, r, d, g: d(z) * g(a, r),
            "grad_omega": lambda a, B: a.T @ B / len(a),
            "grad_beta": lambda B: B.mean(axis=0),
        },
        sizes=[3, 4, 5, 7],
    )
    assert [row.agree for row in check.rows if row.quantity.startswith("grad")] == [True] * 6
    assert [found.known[0].split()[0] for found in check.diagnosis] == ["missing", "mean", "mean"]


# an unknown mistake is called unknown


UNKNOWN = [
    ("zeta", lambda a, w, b: 1.37 * (a @ w) + b, "it is off by up to"),
    ("zeta", lambda a, w, b: a @ np.abs(w) + b, "only column 1, 2, 3 is wrong"),
    ("alpha", lambda z, phi: 1.1 * phi(z), "it gives 1.1 times the right numbers"),
    ("alpha", lambda z, phi: phi(z) + 0.1, "it gives the right numbers plus 0.1"),
    ("B_last", lambda *args: 1.001 * RULES["B_last"](*args), "it gives 1.001 times the right numbers"),
    ("B_last", lambda *args: np.abs(RULES["B_last"](*args)), "it gives the right numbers but for some signs"),
    (
        "B_last",
        lambda *args: RULES["B_last"](*args) * [1, 2],
        "only column 1 is wrong (counted from 0, of shape (6, 2))",
    ),
    ("B_hidden", lambda z, w, B, d: 0 * d(z) * (B @ w.T), "it gives zeros"),
    ("B_hidden", lambda z, w, B, d: d(z) * (B @ np.sign(w.T)), "it is off by up to"),
    (
        "B_hidden",
        lambda z, w, B, d: d(z) * (B @ w.T) / z.shape[1],
        "right numbers times 0.2 in layer 2, 0.25 in layer 1",
    ),
    (
        "B_hidden",
        lambda z, w, B, d: d(z) * (B @ w.T) / (len(z.T) > 4),
        "it gives NaN or infinite numbers in layer 1 only",
    ),
    ("P", lambda w, B: B @ w.T + 1, "it gives the right numbers plus 1"),
    ("P", lambda w, B: 4 * B @ w.T, "it gives 4 times the right numbers"),
    ("P", lambda w, B: B @ w.T * (1 + 1e-9), "right to the digits of float32, but not of float64"),
    (
        "P",
        lambda w, B: B @ w.T * np.r_[1.5, np.ones(5)][:, None],
        "only row 0 is wrong (counted from 0, of shape (6, 5))",
    ),
    ("grad_omega", lambda a, B: np.sign(a.T @ B), "it is off by up to"),
    ("grad_beta", lambda B: 1 / 0, "it raised ZeroDivisionError: division by zero"),
    ("grad_beta", lambda B: None, "it returned None; is a `return` missing?"),
    ("grad_beta", lambda B: np.zeros((7, 7, 2)), "it returned shape (7, 7, 2); expected was (4,)"),
    ("grad_beta", lambda B: np.full((7, 7), B.sum()), "it returned shape (7, 7); expected was (4,)"),
    ("grad_omega", lambda a, B: "text", "it returned no array of real numbers"),
    ("P", lambda w, B: np.linalg.inv(w) @ B, "it raised LinAlgError: Last 2 dimensions"),
    ("B_hidden", lambda z, w, B: z, "it raised TypeError"),
]


@pytest.mark.parametrize(("rule", "code", "said"), UNKNOWN)
def test_an_unknown_mistake_is_called_unknown_and_what_can_be_said_is_said(rule, code, said):
    check = generic({rule: code})
    (found,) = check.diagnosis
    assert (found.rule, found.known, found.apart) == (rule, (), None)
    if "float32" not in said:
        assert found.mistake.startswith(f"an unknown mistake, not one of the {len(KNOWN[rule])} known of this rule: ")
    assert said in found.mistake
    assert found.mistake in str(check.first_divergence)
    assert "probably" not in str(check)


# shapes


@pytest.mark.parametrize(
    ("rule", "code", "words"),
    [
        ("grad_beta", lambda B: B.sum(axis=1), "summed over the wrong axis"),
        ("grad_beta", lambda B: B.sum(), "summed over all axes"),
        ("grad_beta", lambda B: B, "not summed over the samples"),
        ("grad_omega", lambda a, B: B.T @ a, "transposed"),
        ("B_hidden", lambda z, w, B, d: d(z) * (B @ w), "transposed weights"),
        ("B_hidden", lambda z, w, B, d: d(z) * np.einsum("mk,ki->mi", B, w), "transposed weights"),
        ("zeta", lambda a, w, b: a @ w.T + b, "transposed weights"),
        ("zeta", lambda a, w, b: np.dot(a, w.T) + b, "transposed weights"),
        ("P", lambda w, B: np.einsum("mk,ki->mi", B, w), "transposed weights"),
        ("P", lambda w, B: w @ B, "ΩB as for samples in columns (here they are rows)"),
        ("B_last", lambda z, a, r, d, g: (d(z) * g(a, r)).mean(axis=0), "mean over the samples"),
    ],
)
def test_a_wrong_shape_and_sizes_that_do_not_fit_are_told_by_the_mistake(rule, code, words):
    check = generic({rule: code})
    assert check.diagnosis[0].known == (words,)
    assert check.first_divergence.problem
    assert str(check.first_divergence).endswith(f": {check.first_divergence.problem}: probably {words}")


def test_a_wrong_shape_with_other_numbers_is_unknown():
    assert generic({"grad_beta": lambda B: 1.5 * B.sum(axis=1)}).diagnosis[0].known == ()
    assert generic({"P": lambda w, B: B @ np.ones((7, 7))}).diagnosis[0].known == ()


# what the data hide


def test_two_mistakes_with_the_same_numbers_are_both_named_and_the_advice_tells_them_apart():
    code = {"B_last": lambda z, a, r, d, g: d(z) * g(a, r)}
    (found,) = generic(code, M=2, sizes=[3, 4, 5, 7]).diagnosis
    assert [words.split(" (")[0] for words in found.known] == ["missing 1/M", "a factor of 2 too much"]
    assert found.apart == "a batch of 6 samples"
    assert "(the same numbers here; a batch of 6 samples would tell them apart)" in str(found)
    (found,) = generic(code, M=6, sizes=[3, 4, 5, 7]).diagnosis
    assert len(found.known) == 1


def test_the_advice_is_the_first_change_that_tells_all_apart():
    code = {"B_hidden": lambda z, w, B, d: (B @ w.T) / (1 + np.exp(-z))}  # Φ of the sigmoid, and softplus'
    (found,) = generic(code, phis=["sigmoid"] * 3).diagnosis
    assert found.known == ("Φ in place of Φ'", "softplus' in place of Φ'")
    assert found.apart == "other activations"
    mlp = network([4, 4, 4, 4], GENERIC["phis"])
    (found,) = generic(b_of_the_last_layer(mlp), sizes=[4, 4, 4, 4]).diagnosis
    assert found.known == ("B of the wrong layer (two above)", "B of the wrong layer (the last)")
    assert found.apart == "5 layers"


def test_a_mistake_that_the_data_hide_is_not_named_for_other_numbers():
    """Beside a bias of zero, `bias forgotten` gives the right numbers."""
    mlp = tg.nn.MLP([3, 5, 2], rng=0)
    for factor in (2.0, 1 + 1e-9):
        code = {"zeta": lambda a, w, b, factor=factor: factor * (a @ w + b)}
        (found,) = tg.crosscheck(mlp, *batch(mlp, "mse", 4), roads=EXACT, rules=code).diagnosis
        assert found.known == ()


@pytest.mark.parametrize(
    ("change", "rule", "hidden", "advice"),
    [
        ({"M": 1}, "B_last", "missing 1/M", "a batch of 6 samples"),
        ({"M": 1}, "grad_beta", "only the first sample", "a batch of 6 samples"),
        ({"M": 1}, "grad_omega", "only the first sample", "a batch of 6 samples"),
        ({"phis": ["relu"] * 3}, "B_hidden", "Φ' taken at α instead of ζ", "other activations"),
        ({"phis": ["tanh"] * 3}, "B_hidden", "tanh' in place of Φ'", "other activations"),
        ({"phis": ["tanh", "tanh", "identity"]}, "B_last", "Φ' forgotten", "other activations"),
        ({"sizes": [1, 1, 1, 1]}, "P", "transposed weights", "layers of widths"),
        ({"cost": "mse"}, "B_last", "∇C = α - ρ, that of mse", "another cost"),
    ],
)
def test_a_right_rule_is_told_which_mistake_the_data_would_have_hidden(change, rule, hidden, advice):
    def note(**data):
        return " ".join(text for text in generic({rule: RULES[rule]}, **data).notes if f"your {rule} " in text)

    assert hidden in note(**change)
    assert f"(try {advice}" in note(**change)
    assert hidden not in note()
    assert f"note: {note(**change)}" in str(generic({rule: RULES[rule]}, **change))


def test_biases_of_zero_hide_a_forgotten_bias_and_the_note_says_so():
    mlp = tg.nn.MLP([2, 3, 2], rng=0)
    check = tg.crosscheck(mlp, np.ones((4, 2)), np.zeros((4, 2)), rules={"zeta": lambda a, w, b: a @ w})
    assert check.agree
    (note,) = check.notes
    assert note.startswith("these data cannot tell your zeta from one with: bias forgotten, bias subtracted and ")
    assert note.endswith("(try biases that are not zero)")


def test_data_that_hide_nothing_give_no_note():
    for rule in ("zeta", "P", "grad_omega", "grad_beta"):
        assert generic({rule: RULES[rule]}).notes == ()


def test_a_rule_that_is_never_called_was_not_judged():
    check = generic({"B_hidden": RULES["B_hidden"]}, sizes=[3, 2], phis=["tanh"])
    (note,) = check.notes
    assert note == "your B_hidden was not judged: no layer of this network called it with finite numbers"


# the table and the probes


def problem(sizes, phis, cost, M, seed=0):
    mlp = network(sizes, phis, seed)
    return Problem(*parameters_of(mlp), *batch(mlp, cost, M, seed), cost)


@pytest.mark.parametrize("rule", sorted(KNOWN))
def test_every_known_mistake_is_visible_somewhere_and_differs_from_every_other(rule):
    cases = [
        _trial(rule, problem(sizes, phis, cost, 6), KNOWN[rule])
        for sizes in ([3, 4, 5, 2, 7], [4, 4, 4, 4, 4])
        for phis in (["tanh", "sigmoid", "softplus", "gelu"], ["sigmoid", "tanh", "silu", "tanh"])
        for cost in ("cross_entropy", "logistic", "mse")
    ]
    for words in KNOWN[rule]:
        assert any(case.visible(words) for case in cases), words
    for a, b in itertools.combinations(KNOWN[rule], 2):
        assert not all(_equal(*pair) for case in cases for pair in zip(case.given[a], case.given[b], strict=True)), (
            a,
            b,
        )
