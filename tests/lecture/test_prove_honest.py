"""What a proof may not say: "proved" of a rule that is wrong at some numbers, "refuted" of one that is right."""

import shutil
import subprocess

import numpy as np
import pytest

from tinygrad_ed.closed_form import jacobians
from tinygrad_ed.lecture import my_derivation, prove


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


WRONG_AT_SOME = {
    "a weight of 0": ("P", lambda w, B: B @ np.where(w == 0, 1, w).T),
    "a net input of 3": ("B_last", lambda z, a, r, d, g: np.where(z == 3, 0, d(z)) * g(a, r) / len(a)),
    "no net input of 3": ("B_last", lambda z, a, r, d, g: (z != 3) * d(z) * g(a, r) / len(a)),
    "a B of 0": ("B_hidden", lambda z, w, B, d: d(z) * (np.where(B == 0, 7, B) @ w.T)),
    "or": ("P", lambda w, B: B @ np.array([[entry or 1 for entry in row] for row in w]).T),
    "all": ("grad_beta", lambda B: B.sum(0) if B.all() else B.sum(0) + 1),
    "any": ("grad_beta", lambda B: B.sum(0) if B.any() else B.sum(0) + 1),
}


@pytest.mark.parametrize("name", WRONG_AT_SOME)
def test_a_rule_that_is_wrong_at_some_numbers_is_not_proved(name):
    rule, wrong = WRONG_AT_SOME[name]
    proof = prove([2, 2, 1], batch=2, rules={rule: wrong})
    decisions = {step.check.decision for step in proof.steps}
    assert not proof.holds
    assert decisions == {"holds", "not decided"}


RIGHT_FOR_ONE = [
    ("tanh", None, lambda z, a, r, d, g: (1 - a**2) * g(a, r) / len(a)),
    ("sigmoid", None, lambda z, a, r, d, g: a * (1 - a) * g(a, r) / len(a)),
    ("relu", None, lambda z, a, r, d, g: (a > 0) * g(a, r) / len(a)),
    ("tanh", "mse", lambda z, a, r, d, g: (1 - a * a) * (a - r) / len(a)),
    ("identity", "mse", lambda z, a, r, d, g: (z - r) / len(a)),
]


@pytest.mark.parametrize(("activation", "cost", "right"), RIGHT_FOR_ONE)
def test_a_rule_through_the_output_is_proved_for_its_function(activation, cost, right):
    assert prove([2, 2], batch=2, activations=activation, cost=cost, rules={"B_last": right}).holds
    other = "sigmoid" if activation == "tanh" else "tanh"
    assert not prove([2, 2], batch=2, activations=other, cost=cost, rules={"B_last": right}).holds


def test_softmax_minus_rho_is_not_refuted_and_twice_that_is():
    for factor, decision in ((1, "not decided"), (2, "fails")):
        rule = {"B_last": lambda z, a, r, d, g, factor=factor: factor * (softmax(z) - r) / len(a)}
        proof = prove([2, 2], batch=2, activations="identity", cost="cross_entropy", rules=rule)
        assert decision in {step.check.decision for step in proof.steps}
        assert ("fails" in {step.check.decision for step in proof.steps}) == (factor == 2)


@pytest.mark.parametrize(("given", "words"), [(None, "gives None, which is no number"), ("x", "gives 'x'")])
def test_what_is_no_number_is_said(given, words):
    proof = prove([2, 2], batch=2, rules={"grad_beta": lambda B: given})
    assert words in "".join([step.check.words for step in proof.steps])
    assert not prove([2, 2], rules={"grad_beta": lambda B: B.sum(0) * np.nan}).holds


def test_a_kink_is_named_where_a_function_has_one():
    said = {step.name: str(step.check) for step in prove([2, 2], activations="relu", cost="l1").steps}
    assert said["dphi"].endswith(", away from kinks.")
    assert said["C_by_a"].endswith(", away from kinks.")
    assert "kinks" not in "".join([str(step.check) for step in prove([2, 2], activations="tanh", cost="mse").steps])


def test_a_step_that_is_wrong_on_numbers_is_refuted_and_not_left_out(monkeypatch):
    right = jacobians.cost_by_a
    monkeypatch.setattr(jacobians, "cost_by_a", lambda *args: 2 * right(*args))
    proof = prove([2, 2, 1], batch=2)
    assert not proof.holds
    assert [step.name for step in proof.steps if not step.check.holds] == ["C_by_a"]


def test_a_readers_own_letters_compile_in_latex(tmp_path):
    chain = my_derivation("B^j = Φ'(ζ^j) ⊙ (Ω^{j+1} B^{j+1})")
    text = chain.save(tmp_path / "mine.tex").read_text(encoding="utf-8")
    assert r"\DeclareUnicodeCharacter{03A6}{\ensuremath{\Phi}}" in text
    if pdflatex := shutil.which("pdflatex"):
        subprocess.run([pdflatex, "-halt-on-error", "mine.tex"], cwd=tmp_path, check=True, capture_output=True)
