"""A mistake in a reader's rule is named alone, and an unknown one is called unknown."""

import itertools

import numpy as np
import pytest
from diagnosis_cases import EXACT, GENERIC, NAMES, PLANTED, batch, generic, network, random_network

import tinygrad_ed as tg
from tinygrad_ed.checking.diagnosis import _equal, _trial
from tinygrad_ed.checking.mistakes import KNOWN, MEND
from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.nn.batch import parameters_of
from tinygrad_ed.nn.problem import Problem


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
        if (
            found.known == ("zeros",) or "right on these data" in found.mistake
        ):  # a dead first sample; a counter that ran on
            continue
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
    ("grad_beta", lambda B: None, "it gave None; is a `return` missing?"),
    ("grad_beta", lambda B: np.zeros((7, 7, 2)), "it returned shape (7, 7, 2); expected was (4,)"),
    ("grad_beta", lambda B: np.full((7, 7), B.sum()), "it returned shape (7, 7); expected was (4,)"),
    ("grad_omega", lambda a, B: "text", "it gave no array of real numbers"),
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


# the table and the probes


def problem(sizes, phis, cost, M, seed=0):
    mlp = network(sizes, phis, seed)
    return Problem(*parameters_of(mlp), *batch(mlp, cost, M, seed), cost)


@pytest.mark.parametrize("rule", sorted(KNOWN))
def test_every_known_mistake_is_visible_somewhere_and_differs_from_every_other(rule):
    cases = [
        _trial(rule, problem(sizes, phis, cost, 6), KNOWN[rule])
        for sizes in ([3, 4, 5, 2, 7], [4, 4, 4, 4, 4], [3, 4, 5, 2, 1])
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
