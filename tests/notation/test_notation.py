import re
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

from tinygrad_ed.notation.blocks import block, pieces, wrapped
from tinygrad_ed.notation.formula import Fraction
from tinygrad_ed.notation.letters import LETTERS, factor, formula, letter, lines, matrix, named, number, prose

FORMULAS = [
    "h(a, w, b) = Φ(Ψ(a, w, b))",
    "{∂h}/{∂a} = Φ'(ζ) ω^T",
    "{∂E}/{∂w_k^j} = {∂C}/{∂a^L} · [∏_{i=L}^{j+1} {∂f^i}/{∂a^{i-1}}] · {∂f^j}/{∂w_k^j}",
    "P^j = [Φ'(ζ^j) ⊙ [P^{j+1}]^T]^T · [Ω^j]^T",
    "B^L = Φ'(ζ^L) ⊙ ∇_{a^L} C(α^L, ρ)",
    "∇_{W^j} E = α^{j-1} [B^j]^T",
    "Ω^j ← Ω^j - η ∇_{W^j} E",
    "-η (⟦{∂E}/{∂ω}⟧^2 + ({∂E}/{∂β})^2) ≈ -0.5",
    "diag(Φ'(ζ_1), …, Φ'(ζ_m)) × 2 ∈ θ",
    '"for" j ← L - 1 "to" 1 "do"',
]

TEX = {entry.latex: entry.sign for entry in LETTERS.values()} | {
    r"\cdot": "·", r"\odot": "⊙", r"\prod": "∏", r"\nabla": "∇", r"\partial": "∂", r"\leftarrow": "←", r"\approx": "≈",
    r"\prime": "′", r"\ldots": "…", r"\cdots": "⋯", r"\vdots": "⋮", r"\ddots": "⋱", r"\times": "×", r"\in": "∈",
    r"\|": "", r"\left": "", r"\right": "", r"\frac": "", r"\mathrm": "", r"\text": "", r"\quad": "", r"\_": "_",
    "\\ ": "",
}  # fmt: skip
LAYOUT = set("()[]{}/^_‖;&,\u2061\u2062 \n")  # brackets, and what only places things


def signs(text):
    """Which signs a formula holds, however they are placed."""
    plain = "".join(unicodedata.normalize("NFKC", c) if c != "…" else c for c in text)
    return Counter(c.replace("-", "−") for c in plain if c not in LAYOUT)


def signs_of_latex(latex):
    latex = re.sub(r"\\(begin|end)\{\w+\}(\{\w+\})?", "", latex).replace(r"\\", "")
    return signs(re.sub(r"\\(?:[A-Za-z]+|.)", lambda match: TEX[match[0]], latex))


def signs_of_mathml(f):
    return signs("".join(ET.fromstring(f.math()).itertext()))  # noqa: S314  # our own


def check_latex(latex):
    """Braces and brackets and environments are closed in the order in which they were opened."""
    open_ = []
    for token in re.findall(r"\\begin\{\w+\}|\\end\{\w+\}|\\left\b|\\right\b|\\.|[{}]", latex):
        if token in ("{", r"\left") or token.startswith(r"\begin"):
            open_.append(token)
        elif token in ("}", r"\right") or token.startswith(r"\end"):
            assert open_.pop() == {"}": "{", r"\right": r"\left"}.get(token, token.replace("end", "begin")), latex
    assert not open_, latex


ARITY = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}


def check_mathml(f):
    root = ET.fromstring(f.math())  # noqa: S314  # our own
    for element in root.iter():
        tag = element.tag.split("}")[1]
        assert len(element) == ARITY.get(tag, len(element)), ET.tostring(element)
        if tag == "mtable":
            assert len({len(row) for row in element}) == 1
    assert root.get("alttext") == " ".join(f.unicode.split())


def check_all_ways(f):
    check_latex(f.latex)
    check_mathml(f)
    limits = Counter({"…": f.unicode.count("∏")})  # on one line they stand in a row, from … to
    assert signs(f.unicode) - limits == signs_of_latex(f.latex) == signs_of_mathml(f)
    assert signs("".join(text for text, _ in f.runs)) == signs(f.unicode)
    assert len({len(line) for line in block(f)}) == 1


@pytest.mark.parametrize("markup", FORMULAS)
def test_a_formula_says_the_same_in_unicode_latex_mathml_and_runs(markup):
    check_all_ways(formula(markup))


@pytest.mark.parametrize("markup", FORMULAS)
def test_latex_without_matrices_is_drawn_by_another_reader_of_latex(markup):
    assert MathTextParser("path").parse(f"${formula(markup).latex}$").width > 0


def test_the_unicode_of_the_rules_is_what_a_slide_shows():
    assert [formula(markup).unicode for markup in FORMULAS[:7]] == [
        "h(a, w, b) = Φ(Ψ(a, w, b))",
        "∂h/∂a = Φ′(ζ) ωᵀ",
        "∂E/∂wʲₖ = ∂C/∂aᴸ · [∏(i=L…j+1) ∂fⁱ/∂aⁱ⁻¹] · ∂fʲ/∂wʲₖ",
        "Pʲ = [Φ′(ζʲ) ⊙ [Pʲ⁺¹]ᵀ]ᵀ · [Ωʲ]ᵀ",
        "Bᴸ = Φ′(ζᴸ) ⊙ ∇[aᴸ] C(αᴸ, ρ)",
        "∇[Wʲ] E = αʲ⁻¹ [Bʲ]ᵀ",
        "Ωʲ ← Ωʲ − η ∇[Wʲ] E",
    ]


def test_every_letter_has_its_sign_in_all_ways_and_those_for_the_reader_a_meaning():
    assert len({entry.sign for entry in LETTERS.values()}) == len(LETTERS)
    for name, entry in LETTERS.items():
        check_all_ways(letter(name, "j", "k"))
        assert letter(entry.sign) == letter(name)
        assert f'class="{name}"' in letter(name).mathml
    explained = [name for name, entry in LETTERS.items() if entry.meaning]
    assert explained == ["alpha", "zeta", "omega", "beta", "rho", "phi", "cost", "P", "B", "eta"]


def test_the_neuron_stands_before_the_sign_of_the_transpose():
    f = formula("ω_k^T ω^j_k")
    assert f.unicode == "ωₖᵀ ωʲₖ"
    assert f.runs == (("ω", 0), ("k", -1), ("T", 1), (" ω", 0), ("j", 1), ("k", -1))


def test_a_letter_in_runs_has_its_layer_above_and_its_neuron_below():
    assert letter("omega_k", 1, "1,2").runs == (("ω", 0), ("1", 1), ("1,2", -1))
    assert formula("[P^{j+1}]^T = Φ'(ζ)").runs == (("[P", 0), ("j+1", 1), ("]", 0), ("T", 1), (" = Φ′(ζ)", 0))


def test_the_quantities_of_a_ledger_have_their_letters():
    names = ["alpha[0]", "zeta[1]", "alpha[1]", "cost", "P[3]", "B[2]", "grad_omega[12]", "grad_beta[1]"]
    assert [named(name).unicode for name in names] == ["α⁰", "ζ¹", "α¹", "ε", "P³", "B²", "∂E/∂Ω¹²", "∂E/∂β¹"]
    assert named("grad_omega[2,1]").unicode == "∂E/∂ω²₂"
    assert named("beta[2,0]").unicode == "β²₁"
    assert named("C_by_a[2]").unicode == "∂C/∂a²"


@pytest.mark.parametrize(
    "name", ["<b>&'\"", "a|b {c}", "C:\\new", "x^2_3 $y$ #1 % ~", "grad_zeta[1]", "👍", "", "B[", "B[x]"]
)
def test_a_name_that_is_no_quantity_stays_a_word_and_does_no_harm(name):
    f = named(name)
    assert f.unicode == name
    check_latex(f.latex)
    assert "".join(ET.fromstring(f.math()).itertext()) == name  # noqa: S314  # our own
    assert not re.search(r"(?<!\\)[$#%&_]", f.latex)


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ("(a", r"'\(' is not closed"),
        ("[a)", r"'\[' is not closed"),
        ("{a", "'{' is not closed"),
        ("a)", r"'\)' closes nothing"),
        ("^2", "has nothing before it"),
        ("a^{_b}", "has nothing before it"),
    ],
)
def test_markup_that_is_wrong_is_refused(markup, problem):
    with pytest.raises(ValueError, match=problem):
        formula(markup)


LEAVES = st.sampled_from([*"abjkmnwEC", *[e.sign for e in LETTERS.values()], "1", "0.25", "diag", "$x", '"so it is"'])


def grown(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from([" ", " · ", " ⊙ ", " + ", " - ", " = ", ", "]), inner).map("".join),
        st.tuples(LEAVES, inner, inner).map(lambda t: f"{t[0]}^{{{t[1]}}}_{{{t[2]}}}"),
        st.tuples(inner, inner).map(lambda t: f"{{{t[0]}}}/{{{t[1]}}}"),
        inner.map(lambda t: f"[{t}]^T"),
        inner.map(lambda t: f"Φ'({t})"),
        inner.map(lambda t: f"∂{t}"),
        inner.map(lambda t: f"∏_{{i={t}}}^{{{t}}} {t}"),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.recursive(LEAVES, grown, max_leaves=8))
def test_any_formula_says_the_same_in_all_ways(markup):
    f = formula(markup, x=-1.5)
    check_all_ways(f)
    joined = " ".join(piece.unicode for piece in pieces(f))
    assert joined.replace(" ", "") == f.unicode.replace(" ", "")


def test_a_slot_takes_a_formula_a_number_an_array_and_markup():
    f = formula("$f = $n · $a + $m", f=letter("B", 1), n=2, a=np.eye(2), m="Ω^2")
    assert f.unicode == "B¹ = 2 · [1, 0; 0, 1] + Ω²"
    assert f.latex == r"B^{1} = 2 \cdot \begin{bmatrix} 1 & 0 \\ 0 & 1 \end{bmatrix} + \Omega^{2}"


def test_fractions_with_a_sum_get_brackets_on_one_line():
    assert formula("{a + b}/{2}").unicode == "(a + b)/2"
    assert isinstance(formula("{a}/{b}"), Fraction)


def test_a_minus_at_the_beginning_stands_close_and_between_apart():
    assert formula("-a - b = -c").unicode == "−a − b = −c"
    assert factor(-2.0).unicode == "(−2)"


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e308, 1e308))
def test_a_number_is_right_to_three_digits_in_unicode_and_in_latex(x):
    f = number(x)
    text = unicodedata.normalize("NFKC", f.unicode).replace("−", "-")
    shown = float(re.sub(r"·10(?=-?\d)", "e", text))
    assert shown == pytest.approx(x, rel=5.001e-3, abs=0)
    latex = f.latex.replace(r" \cdot 10^{", "e").replace("}", "")
    assert float(latex) == shown


def test_a_number_of_four_or_five_digits_is_written_out():
    assert [number(x).unicode for x in (1234.5, -99999.4, 999.96, 123456.0)] == ["1234", "−99999", "1000", "1.23·10⁵"]


def test_numbers_that_are_none():
    assert [number(x).unicode for x in (np.nan, np.inf, -np.inf)] == ["nan", "∞", "−∞"]


# Matrices


def test_zeros_and_dots_of_a_matrix_are_marked_in_mathml():
    f = matrix(np.diag(np.arange(1.0, 13.0)))
    assert f.mathml.count('class="zero"') == 12
    assert f.mathml.count('class="dots"') == 9
    check_mathml(f)


def test_of_a_large_matrix_the_wanted_rows_and_columns_are_among_those_shown():
    array = np.arange(400.0).reshape(20, 20)
    shown = matrix(array, rows=[7], columns=[4, 99])
    assert shown.unicode.split("; ")[4] == "140, 141, 142, 143, 144, ⋯, 159"
    assert [row[0] for row in shown.unicode[1:-1].split("; ")] == ["0", "2", "4", "⋮", "1", "⋮", "3"]


def test_a_small_matrix_is_shown_whole_and_a_vector_is_a_column():
    assert matrix(np.ones((8, 8))).unicode.count("1") == 64
    assert matrix([1.0, 2.0]).unicode == "[1; 2]"
    assert matrix(np.zeros((9, 1))).unicode == "[0; 0; 0; ⋮; 0]"


# Lines of text


def test_a_block_has_tall_brackets_and_is_centred():
    f = formula("[$d ⊙ $d]^T = ($d)", d=[1.0, 2.0, 3.0])
    assert block(f) == [
        "⎡⎡1⎤   ⎡1⎤⎤ᵀ   ⎛⎡1⎤⎞",
        "⎢⎢2⎥ ⊙ ⎢2⎥⎥  = ⎜⎢2⎥⎟",
        "⎣⎣3⎦   ⎣3⎦⎦    ⎝⎣3⎦⎠",
    ]


def test_an_equation_that_is_too_wide_goes_on_below():
    f = formula("P = $a · $b = $c", a=np.ones((1, 8)), b=np.ones((8, 2)), c=np.ones((1, 2)))
    for width in (20, 40, 80):
        rows = wrapped(f, width)
        assert max(map(len, rows)) <= max(width, 30)
        assert "".join(rows).count("1") == 26
    assert len(wrapped(f, 80)) == 8


def test_lines_of_an_algorithm_have_their_numbers_in_front():
    f = lines(("9", 0, formula('"for" j')), ("10", 1, formula("B ← $a", a=[1.0, 2.0])), ("11", 0, formula('"end"')))
    assert block(f) == [" 9  for j      ", "10      B ← ⎡1⎤", "            ⎣2⎦", "11  end        "]
    check_all_ways(f)


def test_words_in_a_formula_stand_apart_from_their_neighbors():
    f = formula('"for" j "in" 1')
    assert (f.unicode, f.latex) == ("for j in 1", r"\text{for} \ j \ \text{in} \ 1")
    assert f.mathml.count("<mspace") == 3


def test_formulas_in_a_text_are_written_as_wished_and_the_text_around_them_is_escaped():
    text = "a < b, so `α^L` & `Φ'` move"
    assert prose(text, str) == "a < b, so αᴸ & Φ′ move"
    assert prose(text, lambda f: f"${f.latex}$") == r"a < b, so $\alpha^{L}$ & $\Phi^{\prime}$ move"
    assert prose(text, lambda f: "*", lambda plain: plain.replace("<", "&lt;")) == "a &lt; b, so * & * move"
