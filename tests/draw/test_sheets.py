"""Sheets for a class: letters alone, blanks with answers, other digits; one picture a step, the steps as a table."""

import html
import re

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw

X, RHO = np.array([0.5, -1.0]), np.array([1.0, 0.0])


def network() -> tg.nn.MLP:
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    for layer in mlp.layers:
        layer.bias.value = np.linspace(-0.3, 0.4, layer.n_out)
    return mlp


def graph(**how):
    error = tg.nn.costs.mse(network()(X), RHO)
    error.backward()
    return draw.graph(error, detail="tensor", **how)


def large(**how):
    """More nodes than a layout engine gets: the graph is drawn in rows by ourselves."""
    y = tg.Node(0.7, name="x")
    for _ in range(200):
        y = y.tanh()
    y.backward()
    return draw.graph(y, detail="tensor", **how)


VIEWS = {
    "network": lambda **how: draw.network(network(), X, RHO, **how),
    "compare": lambda **how: draw.compare(network(), X, RHO, **how),
    "graph": graph,
    "large graph": large,
}


def numbers(picture, form="svg") -> list[str]:
    """The decimal fractions of a picture, which only data are, of its texts and its tooltips."""
    page = re.sub(r"<style.*?</style>|<\?xml[^>]*>|<!--.*?-->", "", picture.render(form).decode(), flags=re.DOTALL)
    said = html.unescape(" ".join([re.sub(r"<[^>]*>", " ", page), *re.findall(r'(?:title|label)="([^"]*)"', page)]))
    return re.findall(r"−?\d+\.\d+", said)


def known() -> set[str]:
    """The numbers that a class is given."""
    arrays = [X, RHO, *[p.value for p in network().parameters()]]
    return {tg.notation.letters.number(float(x)).unicode for array in arrays for x in np.ravel(array)}


@pytest.mark.parametrize("view", VIEWS)
def test_without_numbers_there_are_letters_alone_and_no_tooltip_tells_them(view):
    picture = VIEWS[view](numbers=False)
    assert numbers(VIEWS[view]())
    assert numbers(picture) == []
    assert "____" not in picture.render("svg").decode()
    assert picture.answers is None


@pytest.mark.parametrize("view", VIEWS)
def test_a_sheet_with_blanks_shows_what_is_given_and_has_the_answers_on_a_second_page(view):
    sheet, full = VIEWS[view](numbers="blank"), VIEWS[view]()
    assert set(numbers(sheet)) <= known() | {"0.5", "0.7"}
    assert numbers(sheet.answers) == numbers(full)
    first, second = sheet.render("html").decode().split('<section style="break-before:page">')
    assert second.count("<svg") == first.count("<svg") == 1
    assert len(re.findall(r"\d\.\d", re.sub(r"<style.*?</style>|\w+=\"[^\"]*\"", "", second, flags=re.DOTALL))) > 5


def test_blanks_are_boxes_as_large_as_a_number_inside_of_their_neuron():
    svg = VIEWS["network"](numbers="blank").render("svg").decode()
    boxes = re.findall(r'<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="([\d.]+)" fill="#ffffff" stroke=', svg)
    assert len(boxes) >= 3 * 4 + 2 * 4 + 2  # of ζ, α, B and P of each neuron, and of P of the input
    blanks = [(float(w), float(h)) for w, h in boxes if (w, h) != ("96", "22")]  # those are of the legend
    assert all(40 <= w <= 60 and 14 <= h <= 24 for w, h in blanks)


@pytest.mark.parametrize("view", ["network", "compare", "graph"])
def test_digits_are_those_that_were_asked_for(view):
    error = float(tg.nn.costs.mse(network()(X), RHO).value)
    for digits in (2, 5):
        assert tg.notation.letters.number(error, digits).unicode in numbers(VIEWS[view](digits=digits))
    assert tg.notation.letters.number(error, 5).unicode not in numbers(VIEWS[view]())


def test_colors_that_would_tell_the_numbers_are_refused():
    with pytest.raises(tg.InvalidValue, match="color='value' would tell what numbers='blank' hides"):
        graph(numbers="blank", color="value")


def test_a_derivation_in_letters_alone_with_blanks_and_with_digits():
    bare, blank, full = [tg.lecture.derive(network(), X, RHO, numbers=n) for n in (False, "blank", True)]
    assert all(step.equations == () for step in bare)
    assert all(step.formula == same.formula for step, same in zip(bare, full, strict=True))
    assert blank.holds
    first = str(blank["forward"].equations[0])
    assert "____" in first
    assert "0.5" in first  # α⁰ is given
    shown = {n for step in blank for f in step.equations for n in re.findall(r"−?\d+\.\d+", f.unicode)}
    assert shown <= known() | {"0.1"}  # and η
    assert [str(step) for step in blank.answers] == [str(step) for step in full]
    assert blank.to_html().count('id="answer-') == len(full)
    exact = tg.lecture.derive(network(), X, RHO, digits=6)["C_by_a"].equations[0].unicode
    assert f"{network().predict(X)[0] - 1:.6g}".replace("-", "−") in exact


@pytest.mark.parametrize(
    ("activation", "cost", "phi", "nabla"),
    [
        ("sigmoid", "mse", "σ(ζ¹) (1 − σ(ζ¹))", "[α² − ρ]ᵀ"),
        ("tanh", "cross_entropy", "1 − tanh²(ζ¹)", "[softmax(α²) − ρ]ᵀ"),
        ("relu", "l1", "(1  if  ζ¹ > 0  else  0)", "[sign(α² − ρ)]ᵀ"),
    ],
)
def test_a_derivation_writes_the_slope_and_the_gradient_of_the_cost_in_letters_before_the_numbers(
    activation, cost, phi, nabla
):
    derivation = tg.lecture.derive(tg.nn.MLP([2, 3, 2], activation=activation, rng=1), X, RHO, cost)
    assert f" = {phi} = [" in derivation["dphi"].equations[0].unicode.replace("  if  ", "  if  ")
    assert f" = {nabla} = [" in derivation["C_by_a"].equations[0].unicode


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu"])
def test_the_slope_in_letters_is_the_slope(activation):
    from tinygrad_ed.closed_form.derivatives import ACTIVATIONS
    from tinygrad_ed.notation.op_formulas import PHI_SLOPE

    z = np.array([-1.3, 0.4, 2.0])
    python = PHI_SLOPE[activation].replace('"', "").replace("$z", "z").replace("tanh^2(z)", "tanh(z) ** 2")
    python = python.replace("e^{z}", "exp(z)").replace(" (", " * (").replace("−", "-")
    python = re.sub(r"\((.*) if (.*) else \* \((.*)\)\)", r"(\1 if \2 else \3)", python)
    names = {"σ": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "exp": np.exp}
    found = [eval(python, names | {"z": x}) for x in z]  # noqa: S307  # our own template
    np.testing.assert_allclose(found, ACTIVATIONS[activation].dphi(z), rtol=1e-12)


def test_a_page_of_a_derivation_folds_by_part_and_shows_where_each_letter_sits():
    derivation = tg.lecture.derive(network(), X, RHO)
    page = derivation.to_html()
    assert page.count("<details open><summary><h2") == len(derivation.parts)
    figure = page[page.index('<figure class="map"') : page.index("</figure>")]
    said = re.findall(r'alttext="([^"]*)"', figure)
    assert said[:9] == ["αʲ⁻¹", "→ Ωʲ, βʲ →", "ζʲ", "→ Φ →", "αʲ", "→ ⋯ →", "αᴸ", "→ C →", "E"]
    assert "∂E/∂Ωʲ = αʲ⁻¹ [Bʲ]ᵀ" in said


def test_one_picture_a_step_shows_what_is_known_after_it(tmp_path):
    player = draw.player(network(), X, RHO)
    steps = player._data.steps
    paths = player.save_steps(tmp_path / "made")
    assert [path.name for path in paths] == [f"step-{i:03}.svg" for i in range(1, len(steps) + 1)]
    pages = [path.read_text("utf-8") for path in paths]
    texts = [re.sub(r"<[^>]*>", "", page.replace("</text>", " ")) for page in pages]
    error = tg.notation.letters.number(float(tg.nn.costs.mse(network()(X), RHO).value)).unicode
    at = next(i for i, step in enumerate(steps) if step.phase == "backward")
    assert [f">{error}</text>" in page for page in pages[: at + 1]] == [False] * (at - 1) + [True, True]
    assert not re.search(r"∂ [−\d]", texts[at - 1])
    assert "∂ 1 " in texts[at]
    assert texts[-1].count("∂ –") == 0
    new = steps[-1].shown
    assert tg.notation.letters.number(new.low).unicode in texts[-1]
    assert all(step.sentence in html.unescape(text) for step, text in zip(steps, texts, strict=True))


def test_a_matrix_that_was_updated_has_no_old_numbers(tmp_path):
    mlp = tg.nn.MLP([2, 2], rng=0)
    *_, before, last = draw.player(mlp, np.ones((3, 2)), np.zeros((3, 2)), detail="layer").save_steps(tmp_path)
    old = tg.notation.letters.number(float(mlp.layers[0].weights.value[0, 1])).unicode
    both = [re.sub(r"<desc>.*?</desc>", "", path.read_text("utf-8")) for path in (before, last)]
    card = [text[text.index('id="node-n') :].split("</g>")[0:3] for text in both]
    assert not any(f">{old}<" in part for part in card[1])


def test_steps_are_refused_before_anything_is_written(tmp_path):
    player = draw.player(tg.Node(2.0, name="x") * 3.0)
    with pytest.raises(tg.InvalidValue, match="form='html' is none for a picture of a step"):
        player.save_steps(tmp_path / "none", form="html")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(tg.FileProblem, match="cannot be made"):
        player.save_steps(tmp_path / "file" / "below")


def test_a_handout_is_the_trace_as_a_table_and_may_be_filled_in(tmp_path):
    player = draw.player(tg.Node(2.0, name="<x>") * 3.25)
    full, blank = [player.save_handout(tmp_path / f"{b}.html", blank=b).read_text("utf-8") for b in (False, True)]
    assert full.count("<tr>") == blank.count("<tr>") == len(player._data.steps) + 1
    assert "&lt;x&gt; · 3.25" in full
    assert "= 6.5" in full
    assert "6.5" not in blank
    with pytest.raises(tg.InvalidValue, match=r"must end with \.html"):
        player.save_handout(tmp_path / "steps.txt")
