"""A reader's own derivation: right chains are proved, wrong steps refuted by their factor, hostile text is refused."""

import json
import sys
import time

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.lecture import my_derivation

SLIDES = {
    "net input": "ζ^j = [Ω^j]^T α^{j-1} + β^j",
    "activation": "α^j = Φ(ζ^j)",
    "one neuron": "∂α^j/∂α^{j-1} = diag(Φ'(ζ^j)) [Ω^j]^T",
    "by the bias": "∂f^j/∂b^j = diag(Φ'(ζ^j)) = ∂α^j/∂ζ^j",
    "the product": "∂E/∂a^0 = ∂C/∂a^L · ∂f^3/∂a^2 · ∂f^2/∂a^1 · ∂f^1/∂a^0 = P^2 · ∂f^1/∂a^0 = P^1",
    "P above all": "P^{L+1} = ∂C/∂a^L = [∇_{a^L} C(α^L, ρ)]^T",
    "P": "P^j = P^{j+1} · ∂f^j/∂a^{j-1} = P^{j+1} · diag(Φ'(ζ^j)) · [Ω^j]^T",
    "P without Jacobians": "P^j = [Φ'(ζ^j) ⊙ [P^{j+1}]^T]^T · [Ω^j]^T",
    "the gradients": "∇_{W^j} E = α^{j-1} · [Φ'(ζ^j) ⊙ [P^{j+1}]^T]^T",
    "B^L": "B^L = Φ'(ζ^L) ⊙ ∇_{a^L} C(α^L, ρ)",
    "B^j": "B^j = Φ'(ζ^j) ⊙ [P^{j+1}]^T",
    "B^j below L": "B^j = Φ'(ζ^j) ⊙ (Ω^{j+1} B^{j+1})",
    "rule of the weights": "∇_{W^j} E = α^{j-1} [B^j]^T",
    "rule of the bias": "∇_{b^j} E = B^j = [∂E/∂b^j]^T",
    "line 2": "[P^j]^T = Ω^j · B^j",
}
"""Every line of the lecture's derivation, as it stands on the slides."""


@pytest.mark.parametrize("chain", SLIDES.values(), ids=SLIDES)
def test_every_line_of_the_slides_is_proved_as_it_is_printed(chain):
    assert my_derivation(chain).holds


WRONG = {"2 ({})": ("", "2"), "({}) / 3": ("3", ""), "-({})": ("", "-1")}


@pytest.mark.parametrize("chain", SLIDES.values(), ids=SLIDES)
@pytest.mark.parametrize("plant", WRONG)
def test_a_factor_that_is_planted_in_any_line_is_named(chain, plant):
    steps = chain.split(" = ")
    steps[-1] = plant.format(steps[-1])
    found = my_derivation(steps)
    assert (found.holds, found.first_wrong.name) == (False, f"step-{len(steps)}")
    check = found.first_wrong.check
    assert (check.missing, check.superfluous) == WRONG[plant]


FORGOTTEN = [
    ("B^j", "Ω^{j+1} B^{j+1}", "Φ'(ζ¹₁)", ""),
    ("B^j", "Φ'(α^j) ⊙ (Ω^{j+1} B^{j+1})", "Φ'(ζ¹₁)", "Φ'(Φ(ζ¹₁))"),
    ("∇_{W^j} E", "Φ(α^{j-1}) [B^j]^T", "α⁰₁", "Φ(α⁰₁)"),
    ("[∂E/∂z^j]^T", "B^j ⊙ Φ'(ζ^j)", "", "Φ'(ζ¹₁)"),
    ("∇_{b^L} E", "∇_{a^L} C(α^L, ρ)", "Φ'(ζ³₁)", ""),
]


@pytest.mark.parametrize(("right", "wrong", "missing", "superfluous"), FORGOTTEN)
def test_what_is_forgotten_or_too_much_is_shown_as_a_formula(right, wrong, missing, superfluous):
    check = my_derivation([right, wrong]).first_wrong.check
    assert (check.missing, check.superfluous) == (missing, superfluous)
    assert check.difference


OTHER_WRONGS = [
    ("a[j] = W[j].T a[j-1] + b[j]", "the factor Φ(ζ¹₁) is missing and the factor ζ¹₁ is superfluous"),
    ("dE/dz[j] = delta[j]", "it is 3 × 1 in place of 1 × 3; transposed it is equal"),
    ("grad_W[j] = delta[j] a[j-1].T", "it is 3 × 2 in place of 2 × 3; transposed it is equal"),
    ("P[j] = 0 P[j]", "difference"),
    ("P[j+1] = dE/da[L]", "for j = 1"),  # right in the last layer alone
    ("a[j] = tanh(z[j])", "the factor Φ(ζ¹₁) is missing and the factor tanh(ζ¹₁) is superfluous"),
    ("B^L = Φ'(ζ^L) ⊙ ∇_{a^L} C(ρ, α^L)", "factor"),
]


@pytest.mark.parametrize(("chain", "words"), OTHER_WRONGS)
def test_other_wrong_steps_are_refuted(chain, words):
    assert words in str(my_derivation(chain).first_wrong.check)


LIGHTER = [
    ("delta[j] = phi'(z[j]) * (W[j+1] @ delta[j+1]) = σ'(z[j]) ⊙ W[j+1] delta[j+1] = δʲ", {}),
    ("dW[j] = a[j-1] delta[j].T = grad_omega[j] = dE/dW[j]", {}),
    ("z1 = W1 x + b1", {"layout": "columns"}),
    ("delta[j] = (W[j+1].T @ delta[j+1]) * dphi(z[j])", {"layout": "columns"}),
    ("dW[j] = delta[j] @ a[j-1].T", {"layout": "columns"}),
    ("dZ3 = A3 - Y", {"activation": "identity", "cost": "mse"}),
    ("dW1 = dZ1 @ X.T = (W2.T @ dZ2 * (1 - A1**2)) @ X.T", {"layout": "columns", "activation": "tanh"}),
    ("z[j] = a[j-1] @ W[j] + b[j]", {"layout": "rows"}),
    ("delta[j] = delta[j+1] @ W[j+1].T * (1 - a[j]**2)", {"layout": "rows", "activation": "tanh"}),
    ("dz[L] = a[L] - y", {"activation": "identity", "cost": "mse"}),
    ("dz[L] = (a[L] - y) * a[L] * (1 - a[L])", {"activation": "sigmoid", "cost": "mse"}),
    ("dz[L] = (exp(a[L]) - exp(a[L]) + a[L] - y) * a[L] * (1 - a[L])^1", {"activation": "sigmoid", "cost": "mse"}),
    ("da[j]/dz[j] = diag(exp(z[j]) / (1 + exp(z[j])))", {"activation": "softplus"}),
    ("delta[j] = (dE/da[L] da[L]/dz[L] dz[L]/dz[j])^T", {"sizes": [1, 2, 2, 2]}),
    ("a[1] = 1/(1 + exp(-z[1]))", {"activation": "sigmoid", "sizes": [1, 1]}),
    ("delta[1] * 0.5 = delta[1] / 2 = 2**3 delta[1] / 16", {}),
    ("phi(z[1]) = phi(-(-z[1]))", {"sizes": [1, 1]}),
]


@pytest.mark.parametrize(("chain", "options"), LIGHTER)
def test_right_steps_in_unusual_forms_and_lighter_letters_are_proved(chain, options):
    assert my_derivation(chain, **options).holds


def test_a_rule_that_is_right_below_the_last_layer_alone_is_refuted():
    found = my_derivation(["delta[j]", "phi'(z[j]) * (W[L] @ delta[L])"], [2, 2, 2, 2])
    assert "for j = 1" in str(found.first_wrong.check)


def test_steps_may_be_functions_whose_arguments_are_letters():
    def right(omega, delta, z, dphi, j):
        return dphi(z[j]) * (omega[j + 1] @ delta[j + 1])

    def forgotten(omega, delta, j):
        return omega[j + 1] @ delta[j + 1]

    assert my_derivation(["delta[j]", right]).holds  # layer 3 has no layer above, and is left out
    found = my_derivation(["delta[j]", right, forgotten, "W[j+1] delta[j+1]"])
    assert [step.check.decision for step in found] == ["given", "holds", "fails", "holds"]
    assert (str(found.first_wrong.formula), found.first_wrong.check.missing) == ("forgotten", "Φ'(ζ¹₁)")
    assert found.verdict == "Refuted: step-3 is the first that does not equal the one before it."


def endless():
    while True:
        pass


def leaves():
    raise GeneratorExit


def writes(delta):
    delta[1][:] = 0
    return delta[1]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (endless, "stopped after"), (leaves, "GeneratorExit"), (writes, "read-only"),
        (lambda: sys.exit(0), "SystemExit"), (lambda a: float(a[1][0, 0]), "TypeError"),
        (lambda: None, "your <lambda>"),
    ],
)  # fmt: skip
def test_a_function_that_does_not_run_on_symbols_is_not_decided(step, words, monkeypatch):
    monkeypatch.setattr(sys.modules["tinygrad_ed.lecture.my_derivation"], "SECONDS", 0.2)
    found = my_derivation(["delta[1]", step])
    assert (found.holds, found.first_wrong) == (False, None)
    assert words in found[1].check.words
    assert found.verdict == "Not decided: nothing is refuted, but step-2 is not proved."


def test_what_sympy_cannot_decide_in_time_is_not_called_proved(monkeypatch):
    monkeypatch.setattr("tinygrad_ed.lecture.algebra.decided", lambda _: ("not decided", "zero at 1000 random points"))
    found = my_derivation("a[1] = a[1]")
    assert (found.holds, found.first_wrong) == (False, None)
    assert str(found[1].check) == "? Not decided for j = 1: entry [1, 1]: zero at 1000 random points."


REFUSED = [
    ("(" * 190 + "a[1]" + ")" * 190, "more than 25 brackets"),
    ("-" * 300 + "a[1]", "more than 25 brackets"),
    ("a[1] + " * 60 + "a[1]", "too long; write it in at most 400"),
    ("a[1]**99999999", "exponent is T or a whole number"),
    ("((((a[1]**9)**9)**9)**9)", "multiplied they are at most 9"),
    ("__import__('os').system('true')", "is no letter or number"),
    ("a[1].__class__", "'.' cannot stand here"),
    ("lambda: 0", "'lambda' is no letter or number"),
    ("delte[1]", "Did you mean 'delta'"),
    ("a[9]", "there is no layer 9"),
    ("a[j-9]", "there is no layer"),
    ("a[j**2]", "a needs its layer"),
    ("a", r"a needs its layer, such as a\[j\]"),
    ("a[1", "a needs its layer"),
    ("(a[1]", r"expected '\)', found 'the end'"),
    ("a[1] @", "'the end' is no letter or number"),
    ("x^2", r"x has no layers; a power is written x\*\*2"),
    ("W[1].T W[1] " * 28, "more than 20,000 letters and signs when it is written out"),
    ("a[1]/0", "divided by zero"),
    ("a[1]/(z[1]-z[1])", "divided by zero"),
    ("a[1]\x1b[31m", "cannot stand here"),
    ("<script>", "is no letter or number"),
    ("dE/dq[1]", "behind dE/ stands a vector of a layer"),
    ("dz[2]/dW[1]", "the only one by W"),
    ("da[1]/dz[2]", "does not depend on"),
    ("grad_C(a[1], rho)", "2 entries each"),
    ("a[1] * W[1]", "entry by entry, but the shapes are 3 × 1 and 2 × 3; a product of matrices is written @"),
    ("W[1] a[2]", "product of matrices 2 × 3 and 2 × 1: the inner lengths"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_hostile_or_meaningless_text_is_refused_at_once_with_a_lesson(text, words):
    start = time.monotonic()
    with pytest.raises(tg.Error, match=words):
        my_derivation([text, "a[1]"])
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("chain", ["exp(exp(exp(exp(9)))) = 2", "exp(exp(exp(exp(x)))) = 2 x", f"{'9' * 300} = 9"])
def test_large_numbers_end_in_time_and_are_not_proved(chain):
    start = time.monotonic()
    assert not my_derivation(chain).holds
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        (["a[1]"], {}, "has 2 to 50 steps"), (["a[1] = a[1]"], {"layout": "row"}, "Did you mean 'rows'"),
        (["a[1] = a[1]"], {"activation": "tahn"}, "Did you mean 'tanh'"), ([[1, 2]], {}, "is text or a function"),
        (["a[1] = a[1]"], {"cost": "msee"}, "unknown cost"), (["a[1] = a[1]", [3]], {}, "at least two widths"),
        (["a[1] = a[1]", [30, 30]], {}, "together at most 40"), ([["a[1]", lambda q: q]], {}, "asks for 'q'"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(arguments, keywords, words):
    with pytest.raises(tg.Error, match=words):
        my_derivation(*arguments, **keywords)


def test_it_is_written_in_every_form_and_escaped(tmp_path):
    def step(a):
        return a[1]

    step.__name__ = "<script>$&_\x1b[31m"
    found = my_derivation(["delta[1]", step])
    for suffix in ("txt", "md", "html", "tex"):
        text = found.save(tmp_path / f"mine.{suffix}").read_text("utf-8")
        assert "delta[1]" in text
        assert "\x1b" not in text
        assert suffix != "html" or "<script>" not in text
    assert json.loads(json.dumps(found.to_dict()))["first_wrong"] == "step-2"
    assert repr(found) == f"<My derivation. {found.verdict}>"


def test_without_sympy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    for name in ("algebra", "lemmas", "own_text"):
        monkeypatch.delitem(sys.modules, f"tinygrad_ed.lecture.{name}", raising=False)
    with pytest.raises(tg.MissingExtra, match=r'pip install "tinygrad_ed\[proof\]"'):
        my_derivation("a[1] = a[1]")


def test_the_letters_have_the_values_of_the_rules():
    """Put numbers in the place of the symbols: B and P are those of the ledger."""
    from tinygrad_ed.lecture.own_text import OwnNetwork, Reader

    mlp, x, rho = tg.nn.MLP([2, 3, 2], output="tanh", rng=1), [0.5, -1.0], [1.0, 0.0]
    book, network = tg.ledger(mlp, x, rho), OwnNetwork((2, 3, 2), "rows", "tanh", "mse")
    table = {}
    for name, j in (("alpha", 0), ("zeta", 1), ("zeta", 2)):
        table |= dict(zip(network.letters[name][j].ravel(), book[f"{name}[{j}]"].ravel(), strict=True))
    for j, layer in enumerate(mlp.layers, start=1):
        table |= dict(zip(network.letters["W"][j].ravel(), layer.weights.value.ravel(), strict=True))
    table |= dict(zip(network.letters["rho"].ravel(), np.array(rho), strict=True))
    for text, quantity in {"delta[1]": "B[1]", "P[2]": "P[2]", "dW[1]": "grad_omega[1]", "b[2]": None}.items():
        found = [float(each.xreplace(table)) for each in Reader(text, network, 1).value().ravel()]
        right = mlp.layers[1].bias.value if quantity is None else book[quantity]
        assert np.allclose(found, np.ravel(right))
