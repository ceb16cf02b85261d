"""The derivation for all numbers: what is true is proved, what is wrong is refuted, and the rest is said to be open."""

import sys

import numpy as np
import pytest
import sympy

import tinygrad_ed as tg
from tinygrad_ed.checking.mistakes import KNOWN
from tinygrad_ed.closed_form import jacobians
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.lecture import algebra
from tinygrad_ed.lecture.lemmas import Lecture
from tinygrad_ed.lecture.refute import Judges

SIZES = [2, 3, 2]


@pytest.fixture(scope="module")
def proof():
    return tg.lecture.prove([4, 5, 3, 2], batch=3)


def test_every_step_of_the_derivation_and_the_batch_are_proved(proof):
    derived = tg.lecture.derive(tg.nn.MLP([4, 5, 3, 2]), np.ones(4), np.ones(2))
    assert (proof.holds, proof.refuted, proof.refutations) == (True, (), ())
    assert {step.name for step in proof} == {step.name for step in derived} | {"batch"}
    assert proof.verdict.startswith("Proved: all 25 steps hold for all numbers (791 equations)")
    assert all("✓ Holds for all numbers" in str(step.check) for step in proof)


def test_a_proof_is_written_in_every_form(proof, tmp_path):
    for suffix in ("txt", "md", "html", "tex"):
        text = proof.save(tmp_path / f"proof.{suffix}").read_text("utf-8")
        assert text.count("Holds for all numbers") == len(proof)
    assert text.isascii()
    assert (text[:14], text[-15:]) == ("\\documentclass", "\\end{document}\n")
    assert text.count(r"\[") == text.count(r"\]") == sum([1 + len(step.equations) for step in proof])


def test_a_network_puts_its_numbers_beside_the_letters():
    mlp = tg.nn.MLP.from_weights([[[0.25, 0.5]], [[1.0], [2.0]]], activation="identity")
    assert "0.25" in str(tg.lecture.prove(mlp)["forward"])


@pytest.mark.parametrize("cost", COSTS)
def test_the_named_functions_are_proved_piece_by_piece(cost):
    names = list(ACTIVATIONS)
    lecture = Lecture((1, *[1] * (len(names) - 1), 2), 1, names, cost, RULES)
    judges = Judges(lecture, lecture, {})
    assert all(judges.proved([lemma]).holds for lemma in lecture.definitions())


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_wrong_slope_is_refuted(name, monkeypatch):
    right = ACTIVATIONS[name]
    monkeypatch.setitem(ACTIVATIONS, name, right._replace(dphi=lambda zeta: right.dphi(zeta) * (1 + zeta)))
    assert [step.name for step in tg.lecture.prove([1, 1], activations=name).refuted] == ["dphi"]


@pytest.mark.parametrize(
    ("function", "steps"),
    {
        "neuron_zeta": ["h"],
        "neuron_by_a": ["h_by_a", "f_by_a", "product", "P", "effective_P"],
        "neuron_by_w": ["h_by_w", "f_by_w", "with_P", "effective_grad_omega"],
        "neuron_by_b": ["h_by_b", "f_by_b_k"],
        "layer_by_b": ["f_by_b", "with_P", "effective_grad_beta"],
        "effective_P": ["P", "effective_P"],
        "effective_grad_omega": ["effective_grad_omega"],
        "effective_grad_beta": ["effective_grad_beta"],
    }.items(),
)
def test_a_wrong_line_of_the_derivation_is_refuted_where_it_stands(function, steps, monkeypatch):
    right = getattr(jacobians, function)
    monkeypatch.setattr(jacobians, function, lambda *args: 2 * right(*args))
    refuted = _refuted_lemmas(Lecture(tuple(SIZES), 1, None, None, RULES))
    assert {steps[0]} <= set(refuted) <= set(steps)


def _refuted_lemmas(lecture):
    judges, found = Judges(lecture, lecture, {}), {}
    for lemma in lecture.lemmas():
        if not judges.proved([lemma]).holds:
            found[lemma.step] = lemma
    return found


RIGHT = {
    "zeta": lambda a, w, b: np.einsum("mi,ik->mk", a, w) + b[np.newaxis],
    "B_last": lambda z, a, r, d, g: np.multiply(g(a, r), d(z)) * (1 / len(r)),
    "B_hidden": lambda z, w, B, d: np.stack([d(row) * (w @ b) for row, b in zip(z, B, strict=True)]),
    "P": lambda w, B: np.dot(w, B.T).T,
    "grad_omega": lambda a, B: sum(np.outer(one, b) for one, b in zip(a, B, strict=True)),
    "grad_beta": lambda B: np.ones(len(B)) @ B,
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_rule_in_another_form_is_proved(name):
    assert tg.lecture.prove(SIZES, batch=2, rules={name: RIGHT[name]}).holds


def masked(z, w, B, d):
    found = B @ w.T
    found[z <= 0] = 0
    return found


HARD_WIRED = {
    "tanh": lambda z, w, B, d: (1 - np.tanh(z) ** 2) * (B @ w.T),
    "sigmoid": lambda z, w, B, d: np.exp(-z) / (1 + np.exp(-z)) ** 2 * (B @ w.T),
    "relu": masked,
    "leaky_relu": lambda z, w, B, d: np.where(z > 0, 1.0, 0.01) * (B @ w.T),
}


@pytest.mark.parametrize("phi", HARD_WIRED)
def test_a_hard_wired_slope_is_proved_for_its_function_and_refuted_for_others(phi):
    rules = {"B_hidden": HARD_WIRED[phi]}
    proof = tg.lecture.prove([2, 2, 1], activations=phi, rules=rules)
    assert proof.holds
    assert "for these functions alone" in str(proof["B"].check)
    other = tg.lecture.prove([2, 2, 1], activations="softplus", rules=rules)
    assert [step.name for step in other.refuted] == ["B", "backpropagation"]


WRONG = [
    ("B_hidden", "Φ' forgotten"),
    ("B_hidden", "wrong sign"),
    ("B_last", "missing 1/M (a sum in place of the mean)"),
    ("P", "a factor of 2 too much"),
    ("grad_omega", "only the first sample"),
    ("grad_omega", "α forgotten"),
    ("grad_beta", "mean over all axes"),
    ("zeta", "bias forgotten"),
    ("alpha", "Φ applied twice"),
]


@pytest.mark.parametrize(("rule", "words"), WRONG)
def test_a_wrong_rule_is_refuted_by_a_formula_a_name_and_whole_numbers(rule, words):
    def mine(*args):
        return KNOWN[rule][words](Layer, *args)

    proof = tg.lecture.prove([2, 3, 2], batch=3, rules={rule: mine})
    (refutation,) = proof.refutations
    assert (proof.holds, refutation.rule) == (False, rule)
    assert words in refutation.mistakes or refutation.difference == "one of shapes"
    example = refutation.example
    mlp = tg.nn.MLP.from_weights(example["weights"], example["biases"], ["tanh", "tanh"])
    check = tg.crosscheck(mlp, example["x"], example["rho"], rules={rule: mine})
    assert check.first_divergence.quantity == example["quantity"]
    assert example["yours"] != example["right"]


class Layer:
    """What the mistakes above ask of their surroundings."""

    M = 3


def test_most_known_mistakes_are_refuted_for_all_numbers():
    lecture = Lecture((2, 3, 2), 3, None, None, RULES)
    judges, book = Judges(lecture, lecture, {}), {"refuted": 0, "proved": []}
    for lemma in lecture.lemmas():
        if lemma.rule not in ("B_hidden", "P", "grad_omega") or lemma.step == "gradient_computation":
            continue
        for words, wrong in KNOWN[lemma.rule].items():
            try:
                found = wrong(judges._around(lemma.layer), *lemma.args)
            except (KeyError, ValueError):
                continue  # it cannot be made here, or its shapes clash
            holds = judges.proved([lemma._replace(found=found, rule="")]).holds
            book["refuted"] += not holds
            book["proved"] += [words] * holds
    assert book["refuted"] > 60
    # In these layers they are no mistakes: there is no layer between the two that are exchanged.
    assert all("wrong layer" in words or words.startswith("Φ' of the layer below") for words in book["proved"])


def test_a_rule_that_cannot_run_on_symbols_goes_to_the_numeric_judge():
    right = tg.lecture.prove(SIZES, rules={"P": lambda w, B: np.array(B, float) @ w.T})
    wrong = tg.lecture.prove(SIZES, rules={"P": lambda w, B: 2 * np.array(B, float) @ w.T})
    assert (right.holds, right.refuted) == (False, ())
    assert "cannot run on symbols (TypeError" in str(right["rule_P"].check)
    assert "on numbers it is right in 60 networks, which proves nothing" in str(right["rule_P"].check)
    assert "on numbers it is wrong" in str(wrong["rule_P"].check)


def test_a_wrong_shape_is_refuted():
    proof = tg.lecture.prove(SIZES, rules={"grad_beta": lambda B: B.sum(axis=0, keepdims=True)})
    assert "summed with its axis kept (keepdims)" in proof.refutations[0].mistakes
    assert "gives" in str(proof["rule_grad_beta"].check)


def test_what_cannot_be_decided_in_time_is_said_to_be_open():
    x = algebra.symbols("x", 1)[0]
    assert algebra.decided(sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1, seconds=-1)[0] == "not decided"
    assert algebra.decided(sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1) == ("holds", "by simplifying")
    assert sys.getprofile() is None


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"activations": "tahn"}, "unknown activation 'tahn'. Did you mean 'tanh'"),
        ({"activations": ["tanh"]}, "a name for each of the 2 layers"),
        ({"cost": "msee"}, "unknown cost 'msee'"),
        ({"rules": {"B": max}}, "unknown rule 'B'"),
        ({"rules": {"P": 3}}, "must be a function"),
        ({"batch": 0}, "batch"),
    ],
)
def test_bad_arguments_are_refused(keywords, message):
    with pytest.raises(tg.Error, match=message):
        tg.lecture.prove(SIZES, **keywords)


def test_without_sympy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    for name in ("algebra", "lemmas", "refute"):
        monkeypatch.delitem(sys.modules, f"tinygrad_ed.lecture.{name}")
    with pytest.raises(tg.MissingExtra, match=r'pip install "tinygrad_ed\[proof\]"'):
        tg.lecture.prove(SIZES)


def test_a_network_without_biases_shows_none():
    assert tg.lecture.prove(tg.nn.MLP([1, 1], bias=False)).holds


def test_a_rule_that_ends_the_program_or_writes_into_its_arguments_does_no_harm():
    def writes(w, B):
        B[:] = 0
        return B @ w.T

    for rule, words in ((lambda w, B: sys.exit(0), "SystemExit"), (writes, "read-only")):
        proof = tg.lecture.prove(SIZES, rules={"P": rule})
        assert (proof.holds, proof.refuted) == (False, ())
        assert words in str(proof["rule_P"].check)


def endless(omega, B):
    while True:
        pass


def leaves(omega, B):
    raise GeneratorExit


def right_on_symbols_alone(omega, B):
    return B @ omega.T if B.dtype == object else 2 * B @ omega.T


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (endless, "your P was stopped after 0.3 seconds: an endless loop?"),
        (leaves, "your P cannot run on symbols (GeneratorExit: ; leaves, line"),
        (right_on_symbols_alone, "your P is right on symbols and wrong on numbers"),
    ],
)
def test_a_rule_that_never_ends_or_asks_what_it_is_given_is_not_decided(rule, words, monkeypatch):
    monkeypatch.setattr("tinygrad_ed.lecture.lemmas.SECONDS", 0.3)
    proof = tg.lecture.prove(SIZES, rules={"P": rule})
    assert (proof.holds, proof.refuted) == (False, ())
    assert words in str(proof["rule_P"].check)


@pytest.mark.parametrize("cost", COSTS)
def test_a_wrong_rule_has_a_counterexample_with_every_cost(cost):
    proof = tg.lecture.prove([2, 2, 2], cost=cost, rules={"P": lambda omega, B: 2 * B @ omega.T})
    assert proof.refutations[0].example["yours"] != proof.refutations[0].example["right"]


def test_a_setting_of_numpy_that_a_rule_changes_is_set_right_again():
    before = np.geterr()
    tg.lecture.prove([1, 1], rules={"P": lambda w, B: np.seterr(all="raise") and B @ w.T})
    assert np.geterr() == before
