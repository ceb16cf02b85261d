"""Where the data hide a mistake, the diagnosis says so and advises which other data would tell."""

import numpy as np
import pytest
from diagnosis_cases import EXACT, GENERIC, b_of_the_last_layer, batch, generic, network

import tinygrad_ed as tg
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
