"""Where the data hide a mistake, the diagnosis says so and advises which other data would tell."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from diagnosis_cases import EXACT, GENERIC, b_of_the_last_layer, batch, generic, network

import tinygrad_ed as tg
from tinygrad_ed.checking.mistakes import KNOWN
from tinygrad_ed.closed_form.rules import RULES


def test_two_mistakes_with_the_same_numbers_are_both_named_and_the_advice_tells_them_apart():
    code = {"B_last": lambda z, a, r, d, g: d(z) * g(a, r)}
    (found,) = generic(code, M=2, sizes=[3, 4, 5, 7]).diagnosis
    assert [words.split(" (")[0] for words in found.known] == ["missing 1/M", "a factor of 2 too much"]
    assert found.apart == "a batch of 6 samples"
    assert "(they give the same here; a batch of 6 samples would tell them apart)" in str(found)
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
    ("change", "rule", "code", "said"),
    [
        ({"M": 1}, "B_last", lambda z, a, r, d, g: d(z) * g(a, r), "a batch of 6 samples: missing 1/M"),
        ({"M": 1}, "grad_beta", lambda B: B[0], "a batch of 6 samples: only the first sample"),
        ({"M": 1}, "grad_omega", lambda a, B: np.outer(a[0], B[0]), "a batch of 6 samples: only the first sample"),
        ({"sizes": [1, 1, 1, 1]}, "P", lambda w, B: B @ w, "layers of widths 3-4-5-7: transposed weights"),
    ],
)
def test_a_rule_that_is_right_on_these_data_alone_is_wrong(change, rule, code, said):
    check = generic({rule: code}, **change)
    assert all(row.agree for row in check.rows)
    assert not check.agree
    (found,) = check.diagnosis
    assert found.mistake.startswith(f"right on these data, but not with {said}")


@pytest.mark.parametrize(
    ("change", "rule", "code", "said"),
    [
        (
            {"phis": ["tanh"] * 3},
            "B_hidden",
            lambda z, w, B, d: (1 - np.tanh(z) ** 2) * (B @ w.T),
            "is right only where Φ is tanh and C is logistic; with other activations: tanh' in place of Φ'",
        ),
        (
            {"cost": "mse"},
            "B_last",
            lambda z, a, r, d, g: d(z) * (a - r) / len(a),
            "C is mse; with another cost: ∇C = α - ρ, that of mse",
        ),
        ({}, "grad_beta", lambda B: np.array(B.sum(axis=0).tolist())[:99], "right on all 10 other problems, too"),
        ({}, "B_last", RULES["B_last"], "right on all 10 other problems, too"),
    ],
)
def test_a_note_says_where_a_right_rule_is_right(change, rule, code, said):
    check = generic({rule: code}, **change)
    assert check.agree
    (note,) = check.notes
    assert said in note


def test_squares_pass_for_what_is_zero_or_one_and_anything_for_weights_of_zero():
    """The data of XOR; and a network whose weights are all zero."""
    mlp = tg.nn.MLP([2, 1], "sigmoid", output="sigmoid", rng=0)
    x, rho = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
    check = tg.crosscheck(mlp, x, rho, rules={"grad_omega": lambda a, B: (a**2).T @ B})
    assert not check.agree
    assert "right on these data, but not with a batch of " in str(check)
    mlp = tg.nn.MLP([2, 3, 1], "tanh", rng=0)
    for layer in mlp.layers:
        layer.weights = np.zeros(layer.weights.shape)
    check = tg.crosscheck(mlp, x, rho, rules={"P": lambda w, B: 17 * B @ w.T})
    assert not check.agree
    assert "it gives 17 times the right numbers" in check.diagnosis[0].mistake


def test_a_rule_for_this_network_alone_is_not_accused():
    """It has a buffer of one size, and cannot run elsewhere."""
    buffer = np.empty((6, 2))
    check = generic({"B_last": lambda z, a, r, d, g: np.divide(d(z) * g(a, r), 6, out=buffer)})
    assert check.agree
    assert check.notes[0].startswith("your B_last could not be run with ")


def test_biases_of_zero_hide_a_forgotten_bias_but_other_biases_do_not():
    mlp = tg.nn.MLP([2, 3, 2], rng=0)
    check = tg.crosscheck(mlp, np.ones((4, 2)), np.zeros((4, 2)), rules={"zeta": lambda a, w, b: a @ w})
    assert not check.agree
    (found,) = check.diagnosis
    assert found.mistake == "right on these data, but not with biases that are not zero: bias forgotten"


@pytest.mark.parametrize("rule", ["zeta", "B_hidden", "P", "grad_omega", "grad_beta"])
def test_a_mistake_in_one_layer_alone_is_named_with_it(rule):
    wrong, calls = KNOWN[rule]["bias subtracted" if rule == "zeta" else "wrong sign"], []

    def mine(*args):
        calls.append(args)
        return wrong(None, *args) if len(calls) == 2 else RULES[rule](*args)

    (found,) = generic({rule: mine}, sizes=[3, 4, 5, 7]).diagnosis
    layer = 1 if rule == "B_hidden" else 2
    assert found.layers == (layer,)
    assert found.mistake.endswith(f", in layer {layer} only")


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("grad_omega", lambda at, a, B: a.T @ B + 0.02 * at.omega[at.j], "an L2 term of λ = 0.02 (that is 0.12/M)"),
        (
            "grad_beta",
            lambda at, B: B.sum(axis=0) - 0.3 * at.beta[at.j],
            "an L2 term of λ = -0.3 (that is -1.8/M) on the",
        ),
    ],
)
def test_a_mistake_with_a_number_of_its_own_is_named_with_it(rule, code, said):
    mlp = network([3, 4, 5, 7], GENERIC["phis"])
    layer = itertools.count(1)

    def mine(*args):
        j = next(layer)
        at = SimpleNamespace(
            j=j,
            omega={i: other.weights.value for i, other in enumerate(mlp.layers, 1)},
            beta={i: other.bias.value for i, other in enumerate(mlp.layers, 1)},
        )
        return code(at, *args)

    check = tg.crosscheck(mlp, *batch(mlp, "logistic", 6), "logistic", roads=EXACT, rules={rule: mine})
    assert check.diagnosis[0].mistake.startswith(said)


def test_weights_that_were_updated_too_early_are_named_with_the_learning_rate():
    single = network([3, 4, 7], ["tanh", "sigmoid"])
    x, rho = batch(single, "logistic", 6)
    gradient = tg.ledger(single, x, rho, "logistic")["grad_omega[2]"]
    rules = {"B_hidden": lambda z, w, B, d: d(z) * (B @ (w - 0.37 * gradient).T)}
    (found,) = tg.crosscheck(single, x, rho, "logistic", roads=EXACT, rules=rules).diagnosis
    assert found.mistake == "the weights were updated before, η = 0.37"


def test_zeros_are_called_zeros():
    """Beside a bias of zero they are not "multiplied by the bias"."""
    mlp = tg.nn.MLP([3, 4, 2], rng=0)
    check = tg.crosscheck(mlp, *batch(mlp, "mse", 4), roads=EXACT, rules={"grad_beta": lambda B: 0 * B[0]})
    assert check.diagnosis[0].mistake == "zeros"


def test_a_rule_that_is_never_called_was_not_judged():
    check = generic({"B_hidden": RULES["B_hidden"]}, sizes=[3, 2], phis=["tanh"])
    (note,) = check.notes
    assert note == "your B_hidden was not judged: no layer of this network called it with finite numbers"


def test_an_endless_loop_in_a_rule_is_a_finding_where_there_is_a_limit():
    def loops(B):
        while True:
            pass

    check = generic({"grad_beta": loops}, seconds=0.05)
    assert "stopped after 0.05 seconds" in check.diagnosis[0].mistake


def test_a_rule_that_sets_how_numpy_prints_changes_nothing_here():
    def prints(B):
        np.set_printoptions(precision=1)
        return B.sum(axis=0)

    before = np.get_printoptions()
    assert generic({"grad_beta": prints}).agree
    assert np.get_printoptions() == before
