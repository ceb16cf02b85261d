"""The diagnosis never accuses a right rule, however it is written and whatever its rounding."""

import numpy as np
import pytest
from diagnosis_cases import EXACT, batch, generic, network, random_network

import tinygrad_ed as tg
from tinygrad_ed.closed_form.rules import RULES


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
