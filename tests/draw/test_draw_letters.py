"""Everything that writes letters writes those of the notation it is given, and spells a gradient in one way."""

import html
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.notation.alphabet import LETTERS, NOTATIONS, OTHER

X, RHO = np.array([0.5, -1.0]), np.array([1.0, 0.0])
BATCH, SIGNS = np.array([[0.5, -1.0], [0.2, 0.9], [-0.4, 0.1]]), np.array([1.0, -1.0, 1.0])
CODE = r"\b(?:alpha|zeta|omega|beta|rho|phi|cost|eta|[BPE])(?:_\w+|\[[\d,]+\])|`[^`]*`|P predict first|F B"


def network(n_out: int = 2) -> tg.nn.MLP:
    mlp = tg.nn.MLP([2, 3, n_out], rng=1)
    for layer in mlp.layers:
        layer.bias.value = np.linspace(-0.3, 0.4, layer.n_out)
    return mlp


def shown(page: str) -> str:
    """The text of a page: without its style, script, and the letters' names in code."""
    page = re.sub(r"<(style|script|code).*?</\1>", "", page, flags=re.DOTALL)
    said = re.findall(r'(?:alttext|aria-label|title)="([^"]*)"', page)
    return html.unescape("\n".join([re.sub(r"<[^>]*>", "", page), *said]))


def on_axes(ax) -> str:
    legend = ax.get_legend()
    said = [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
    text = "\n".join([*said, *[t.get_text() for t in (legend.get_texts() if legend else ())]])
    plt.close(ax.figure)
    return text


def wrong(z, omega, B, dphi):
    return B @ omega.T


def checked(notation):
    check = tg.crosscheck(network(), X, RHO, rules={"B_hidden": wrong}, tell="mend", notation=notation)
    return f"{check}\n{shown(check._repr_html_())}"


def player(notation, detail="scalar"):
    picture = draw.player(network(), X, RHO, detail=detail, notation=notation)
    return (
        shown(picture.render("html").decode()) + picture.render("txt").decode() + shown(picture.render("svg").decode())
    )


def derived(notation):
    derivation = tg.lecture.derive(network(), X, RHO, notation=notation)
    numbers = r"Numbers: .*"
    return re.sub(numbers, "", str(derivation)) + re.sub(numbers, "", shown(derivation.to_html()))


def graph(notation):
    error = tg.nn.costs.mse(network()(X), RHO)
    error.backward()
    dot = draw.graph(error, detail="tensor", notation=notation).render("dot").decode()
    return " ".join(re.findall(r"<B>([^<]*)</B>", dot))


VIEWS = {
    "network": lambda n: shown(draw.network(network(), X, RHO, notation=n).render("svg").decode()),
    "network of a batch": lambda n: shown(
        draw.network(network(1), BATCH, SIGNS[:, None], notation=n).render("svg").decode()
    ),
    "graph": graph,
    "compare": lambda n: shown(draw.compare(network(), X, RHO, notation=n).render("html").decode()),
    "player": player,
    "player in layers": lambda n: player(n, "layer"),
    "derive": derived,
    "contribution": lambda n: str(tg.lecture.contribution(network(), X, RHO, 1, 2, notation=n)),
    "crosscheck": checked,
    "cost_function": lambda n: on_axes(tg.plots.cost_function("margin", notation=n)),
    "cost_curves": lambda n: on_axes(tg.plots.cost_curves({"a": [2.0, 1.0]}, notation=n)),
    "decision_boundary": lambda n: on_axes(
        tg.plots.decision_boundary(network(1), BATCH, SIGNS, notation=n, resolution=5)
    ),
    "gradient_histograms": lambda n: on_axes(tg.plots.gradient_histograms(network(), BATCH, BATCH, notation=n)),
    "cost_contour": lambda n: on_axes(
        tg.plots.cost_contour(network(), BATCH, BATCH, directions=("W1[0,1]", "b2[0]"), resolution=3, notation=n)
    ),
}
LECTURE = re.compile(r"[αζΩωβρε]|(?<![A-Za-z_'\"])[BPE](?![A-Za-z_.(\[])")
TEXTBOOK = re.compile(r"[δŷ]|(?<![A-Za-z])[zx][⁰-⁹¹²³₀-₉]")


@pytest.mark.parametrize("view", VIEWS)
def test_a_textbook_has_none_of_the_lectures_letters_and_the_lecture_none_of_a_textbooks(view):
    lecture, textbook = [re.sub(CODE, "", VIEWS[view](notation)) for notation in ("lecture", "textbook")]
    assert LECTURE.search(lecture)
    assert not (found := TEXTBOOK.search(lecture)), lecture[found.start() - 40 : found.end() + 20]
    assert not (found := LECTURE.search(textbook)), textbook[found.start() - 40 : found.end() + 20]


@pytest.mark.parametrize("view", VIEWS)
def test_a_letter_of_the_readers_own_takes_its_place_and_leaves_the_others(view):
    own = {"B": "Δ", "omega": "Θ", "cost": "J", "alpha": "ɑ", "beta": "ϐ"}
    text = re.sub(CODE, "", VIEWS[view](own))
    assert any(sign in text for sign in (*own.values(), "θ"))
    assert not re.search(r"[Ωωαβε]|(?<![A-Za-z_'\"])[BE](?![A-Za-z_.(\[])", text)


@pytest.mark.parametrize("view", VIEWS)
def test_a_gradient_is_spelled_in_one_way(view):
    text = VIEWS[view]("lecture")
    assert not re.search(r"∇[_^(]|∇_?\{|\\nabla", text)  # raw markup
    if view != "derive":  # there the slides' ∇ tells a column from the row ∂E/∂b
        assert not re.search(r"∇(?!C)", text)


@pytest.mark.parametrize("view", VIEWS)
def test_an_unknown_notation_and_an_unknown_letter_are_lessons_that_name_all(view):
    with pytest.raises(tg.InvalidValue, match=r"unknown notation 'text'.*Known: lecture, textbook"):
        VIEWS[view]("text")
    with pytest.raises(
        tg.InvalidValue, match=r"unknown letter 'bta'. Did you mean 'beta'\? Known: B, P, alpha, .*zeta"
    ):
        VIEWS[view]({"bta": "b"})
    for sign in ("", "<b>", "$x$", 3, "a b", "1", "toolongaletter"):
        with pytest.raises(tg.InvalidValue, match="the letter for B must be"):
            VIEWS[view]({"B": sign})
    with pytest.raises(tg.InvalidValue, match="'α' would stand for B and for alpha"):
        VIEWS[view]({"B": "α"})
    plt.close("all")


def test_every_letter_that_may_be_another_is_in_the_table_and_every_notation_knows_no_more():
    assert {name.partition("[")[0] for name in OTHER} <= set(LETTERS)
    assert all(set(signs) <= set(OTHER) for signs in NOTATIONS.values())


def test_a_saved_trace_keeps_its_letters_and_can_be_played_in_others(tmp_path):
    path = draw.player(network(), X, RHO, notation="textbook").save(tmp_path / "trace.json")
    loaded = draw.Trace.load(path)
    assert loaded.steps[0].general.unicode == "z¹₁ = w¹₁,₁ · x₁ + w¹₂,₁ · x₂ + b¹₁"
    assert "ζ¹₁ = ω¹₁,₁" in draw.player(loaded, notation="lecture").render("txt").decode()
    path.write_text(path.read_text("utf-8").replace('"letters":{"alpha"', '"letters":{"alhpa"'), "utf-8")
    with pytest.raises(tg.FileProblem, match="letters: unknown letter 'alhpa'"):
        draw.Trace.load(path)
