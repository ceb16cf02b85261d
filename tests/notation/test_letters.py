"""What the typesetter makes of names, numbers, arrays and texts, by example; and the letters of other notations."""

import math

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.alphabet import LETTERS
from tinygrad_ed.notation.blocks import beside, block, pieces
from tinygrad_ed.notation.colors import page_css
from tinygrad_ed.notation.formula import tex_text
from tinygrad_ed.notation.letters import (
    factor,
    formula,
    given,
    letter,
    lines,
    matrix,
    named,
    number,
    prose,
    symbols,
    tex_of,
    tex_prose,
)
from tinygrad_ed.notation.op_formulas import described
from tinygrad_ed.notation.quantity import Quantity, lettered
from tinygrad_ed.notation.tables import escape, listing, paragraph
from tinygrad_ed.notation.writing import Writing


def test_names_numbers_and_arrays():
    names = ("zeta[2]", "B[2,0]", "omega[1,0,2]", "cost", "dphi[1]", "W1")
    assert [named(name).unicode for name in names] == ["ζ²", "B²₁", "ω¹₁,₃", "ε", "Φ′(ζ¹)", "W1"]
    names = ("grad_omega[2]", "f_by_a[2]", "f_by_w[2,1]", "E_by_b[1]", "h_by_a")
    assert [named(name).unicode for name in names] == ["∂E/∂Ω²", "∂f²/∂a¹", "∂f²/∂w²₂", "∂E/∂b¹", "∂h/∂a"]
    shown = [number(x).unicode for x in (0.5, -0.99996, 12345, 0.0000123, math.inf)]
    assert shown == ["0.5", "−1.00", "12345", "1.23·10⁻⁵", "∞"]
    assert number(-0.0000123).latex == r"-1.23 \cdot 10^{-5}"
    assert [number(x, digits=5).unicode for x in (1 / 3, 999.9, 1234.567, 123456.7)] == [
        "0.33333", "999.9", "1234.6", "1.2346·10⁵",
    ]  # fmt: skip
    assert number(999.9, digits=1).unicode == "1000"
    assert (factor(-2).unicode, factor(2).unicode) == ("(−2)", "2")
    assert matrix([[1.0, -0.5], [0.0, 2.0]]).unicode == "[1, −0.5; 0, 2]"
    assert matrix(np.arange(20.0)[np.newaxis], columns=[7]).unicode == "[0, 1, 2, ⋯, 7, ⋯, 19]"
    assert symbols("Φ'(ζ_1) & 0", "0 & Φ'(ζ_2)").unicode == "[Φ′(ζ₁), 0; 0, Φ′(ζ₂)]"
    assert (letter("omega_k", 1, "1,2").unicode, letter("zeta", "j").latex) == ("ω¹₁,₂", r"\zeta^{j}")
    assert Quantity.of("omega[1,0,2]") == ("omega", 1, (0, 2))
    assert [lettered(name) for name in ("W1[0,2]", "b2", "x")] == ["omega[1,0,2]", "beta[2]", "x"]


def test_texts_lines_and_tables():
    assert prose("The error `E` falls by `η ⟦∇E⟧^2`.", str) == "The error E falls by η ‖∇E‖²."
    assert tex_prose("✗ Φ′(ζ¹) & 50 %") == (
        r"\ensuremath{\times} \ensuremath{\Phi}\ensuremath{'}(\ensuremath{\zeta}\ensuremath{^{1}}) \& 50 \%"
    )
    assert tex_text("for W_1") == r"\text{for W\_1}"
    loop = lines(("1", 0, formula('"for" j ← L-1 "to" 1 "do"')), ("2", 1, formula("B^j ← Φ'(ζ^j)")))
    assert loop.unicode == "1  for j ← L − 1 to 1 do\n2      Bʲ ← Φ′(ζʲ)"
    assert beside([["A = "], ["⎡1⎤", "⎢2⎥", "⎣3⎦"]]) == ["    ⎡1⎤", "A = ⎢2⎥", "    ⎣3⎦"]
    assert block(formula("A = $a", a=[[1.0, 0.0], [-0.5, 2.0]])) == ["A = ⎡   1  0⎤", "    ⎣−0.5  2⎦"]
    assert [piece.unicode for piece in pieces(formula("a = b · c = d"))] == ["a", "= b · c", "= d"]
    assert described("relu", ["x"]) == (
        "relu(x): y = max(0, x)\n\n∂y/∂x = 1 if x > 0 else 0. At 0 the derivative is 0."
    )
    assert escape("<b>α & 'β'") == "&lt;b&gt;α &amp; &#x27;β&#x27;"
    assert paragraph("1 < 2", strong=True) == "<p><strong>1 &lt; 2</strong></p>"
    assert (listing(["one", "two"]), listing([])) == ("<ul><li>one</li><li>two</li></ul>", "")
    assert page_css().startswith(":root{--alpha:#0a5ad6;")


def test_a_writing_changes_letters_numbers_and_both():
    f = formula("{∂E}/{∂ω^1_{2,3}} = α^0_2 · B^1_3 = $g", g=0.123456)
    own = {"alpha": "a", "alpha[0]": "x", "B": "δ"}
    assert Writing(own, numbers="blank")(f).unicode == "∂E/∂ω¹₂,₃ = x₂ · δ¹₃ = ____"
    assert Writing(own, digits=5)(f).latex.endswith(r"x_{2} \cdot \delta_{3}^{1} = 0.12346")
    assert Writing(numbers=False)(f).unicode == "∂E/∂ω¹₂,₃ = α⁰₂ · B¹₃"
    assert Writing(own)(Writing(own)(f)).unicode == Writing(own)(f).unicode
    assert Writing()(f) == f


def test_blanks_hide_signs_too_and_leave_what_is_given_and_what_counts():
    blank = Writing(numbers="blank")
    assert blank(
        formula("$a · $b + $c = $d", a=factor(-0.5), b=given(0.5), c=given([[1.5, -2.0]]), d=[[3.0]])
    ).unicode == ("____ · 0.5 + [1.5, −2] = [____]")
    assert blank(letter("zeta", 2, 3)).unicode == "ζ²₃"
    assert Writing(numbers="blank", digits=2)(given(1 / 3)).unicode == "0.33"


def test_a_letter_of_the_input_and_of_the_output_stands_without_its_layer():
    write = written_in("textbook", last=2)
    said = [write(formula(f)).unicode for f in ("α^0", "α^0_1", "α^1", "α^2_1", "α^L", "α^{L-1}", "[α^0]^T", "α^{12}")]
    assert said == ["x", "x₁", "a¹", "ŷ₁", "ŷ", "aᴸ⁻¹", "[x]ᵀ", "a¹²"]
    assert write.text("α⁰ α¹ α² αᴸ αᴸ⁻¹ α¹² αʲ⁻¹ B[2] P[1] grad_omega[1] B_hidden Bald") == (
        "x a¹ ŷ ŷ aᴸ⁻¹ a¹² aʲ⁻¹ δ² g¹ ∂C/∂W¹ B_hidden Bald"
    )
    assert write.outside_code("B is `B.sum()`") == "δ is `B.sum()`"
    assert prose(write.in_prose("E, that is `ε`, `α^L` and `Ω_k`"), lambda f: f.mathml) == (
        'E, that is <mi class="cost">C</mi>, <mi class="alpha">ŷ</mi> and '
        '<msub><mi class="omega">W</mi><mi>k</mi></msub>'
    )


@pytest.mark.parametrize(
    ("sign", "latex"),
    [("δ", r"\delta"), ("ŷ", r"\hat{y}"), ("W", "W"), ("dZ", r"\text{dZ}"), ("Ω", r"\Omega"), ("ε", r"\varepsilon")],
)
def test_a_letter_of_the_readers_own_has_its_latex(sign, latex):
    assert tex_of(sign) == latex


def test_the_weight_follows_the_matrix_and_keeps_its_color():
    write = written_in({"omega": "Θ"})
    assert write(letter("omega_k", 1, "1,2")).unicode == "θ¹₁,₂"
    assert 'class="omega"' in write(letter("omega")).mathml
    assert 'mathvariant="normal"' not in written_in("textbook")(letter("omega")).mathml  # upright are capitals of Greek


@pytest.mark.parametrize("numbers", ["blanks", None, 2, "True"])
def test_what_numbers_are_shown_is_said_in_one_of_three_ways(numbers):
    with pytest.raises(tg.InvalidValue, match=r"take True, False \(letters only\) or 'blank'"):
        written_in(numbers=numbers)
    with pytest.raises(tg.InvalidValue, match="digits must be"):
        written_in(digits=0)


def test_every_letter_with_a_color_has_it_by_day_and_in_the_dark():
    assert all(bool(entry.light) == bool(entry.dark) for entry in LETTERS.values())
