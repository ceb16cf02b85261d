"""The pages in a real browser: headless Chromium opens them from disk, as a reader would by a double click.

Run by `python -m pytest -m browser`, after `pip install ".[browser]"`; Chromium itself is the system's.
"""

import json
import re

import numpy as np
import pytest
from pages import press, violations

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.style import number_text

pytestmark = pytest.mark.browser
X, RHO = np.array([0.5, -1.0]), np.array([1.0, 0.0])
HOSTILE = ["<b>hi", "</script>", "]]>", "a|b {c}", "ends in \\", "\"'&amp;", "😀 α<β & γ", "x" * 200]


def network() -> tg.nn.MLP:
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    for layer in mlp.layers:
        layer.bias.value = np.linspace(-0.3, 0.4, layer.n_out)
    return mlp


def by_numpy(mlp: tg.nn.MLP) -> list[np.ndarray]:
    """The gradients of omega[1], beta[1], omega[2], beta[2], by hand."""
    (w1, b1), (w2, b2) = [(layer.weights.value, layer.bias.value) for layer in mlp.layers]
    hidden = np.tanh(X @ w1 + b1)
    last = hidden @ w2 + b2 - RHO
    first = (last @ w2.T) * (1 - hidden**2)
    return [np.outer(X, first), first, np.outer(hidden, last), last]


def expression() -> tg.Node:
    a, b, c = tg.Node(2.0, name="a"), tg.Node(-3.0, name="b"), tg.Node(5.5, name="c")
    return (a * b + c).tanh()


def hostile() -> tg.Node:
    y = tg.Node(1.0)
    for name in HOSTILE:
        y = y * tg.Node(1.5, name=name)
    return y


def digits() -> draw.Picture:
    data = tg.data.digits()
    return draw.player(tg.nn.MLP([64, 32, 10], rng=0), data.x[:8], data.rho[:8], "cross_entropy")


PLAYERS = {
    "scalar": lambda: draw.player(network(), X, RHO),
    "layer": lambda: draw.player(network(), X, RHO, detail="layer"),
    "tensor": lambda: draw.player(network(), X, RHO, detail="tensor"),
    "expression": lambda: draw.player(expression()),
    "hostile": lambda: draw.player(hostile(), title="</title><script>alert(1)</script>"),
    "digits": digits,
}
VIEWS = {
    **PLAYERS,
    "graph": lambda: draw.graph(hostile()),
    "network": lambda: draw.network(network(), X, RHO),
    "compare": lambda: draw.compare(network(), X, RHO),
    "compare, red": lambda: draw.compare(network(), X, RHO, rules={"grad_beta": lambda B: 2 * B.sum(axis=0)}),
}


def data_of(page) -> dict:
    return json.loads(page.locator("#data").text_content())


def shown(page, node: str, part: str) -> str:
    return page.locator(f"#node-{node} text.{part}").text_content()


def address(page):
    """The step in the address, asked of the page itself: `page.url` is told of it later."""
    return page.evaluate("window.location.hash")


@pytest.mark.parametrize("detail", ["scalar", "layer", "tensor"])
def test_stepped_to_its_end_by_keyboard_the_player_has_the_gradients_of_numpy(visit, detail):
    mlp = network()
    page = visit(draw.player(mlp, X, RHO, detail=detail))
    data = data_of(page)
    last_backward = max(i for i, step in enumerate(data["steps"], start=1) if step["phase"] == "backward")
    press(page, "ArrowRight", last_backward)
    assert page.locator("#count").text_content() == f"{last_backward} / {len(data['steps'])}"
    assert address(page) == f"#step={last_backward}"
    nodes = {node["quantity"]: node for node in data["trace"]["nodes"] if node["quantity"]}
    for (kind, j), wanted in zip([("omega", 1), ("beta", 1), ("omega", 2), ("beta", 2)], by_numpy(mlp), strict=True):
        if detail == "scalar":
            for at, gradient in np.ndenumerate(wanted):
                node = nodes[f"{kind}[{j},{','.join(map(str, at))}]"]
                assert node["gradient"] == pytest.approx(gradient, rel=1e-12)
                assert shown(page, node["id"], "gradient") == f"∂ {number_text(gradient)}"
        else:
            node = nodes[f"{kind}[{j}]"]
            assert np.allclose(node["gradient"]["entries"], wanted, rtol=1e-12, atol=0)
            card = page.locator(f"#node-{node['id']}").text_content()
            assert all(number_text(gradient) in card for gradient in wanted.flat)
            assert page.locator(f"#node-{node['id']}.arrived").count() == 1
    press(page, "ArrowRight", len(data["steps"]) - last_backward + 3)
    assert address(page) == f"#step={len(data['steps'])}"


def test_values_and_gradients_appear_one_after_the_other(visit):
    page = visit(PLAYERS["expression"]())
    product = data_of(page)["steps"][0]["node"]
    assert (shown(page, product, "value"), shown(page, product, "gradient")) == ("", "")
    press(page, "ArrowRight")
    assert (shown(page, product, "value"), shown(page, product, "gradient")) == ("−6", "∂ –")
    press(page, "b")
    assert page.locator("#now .phase").text_content() == "backward"
    press(page, "ArrowRight", 2)
    assert shown(page, product, "gradient") == f"∂ = {number_text(1 - np.tanh(-0.5) ** 2)}"
    press(page, "Home")
    assert shown(page, product, "value") == ""
    press(page, "End")
    assert page.locator("#live").text_content().startswith("Step 9 of 9. Backward: ")


@pytest.mark.parametrize("view", VIEWS)
def test_no_id_is_there_twice_and_axe_finds_nothing_serious(visit, view):
    page = visit(VIEWS[view](), "#step=5" if view in PLAYERS else "")
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]'), (e) => e.id)")
    assert len(ids) == len(set(ids))
    assert violations(page) == []


@pytest.mark.parametrize("view", ["scalar", "layer", "expression", "compare", "compare, red", "network"])
def test_in_the_dark_nothing_is_too_faint(visit, view):
    page = visit(VIEWS[view](), "#step=8" if view in PLAYERS else "", color_scheme="dark")
    assert violations(page) == []
    assert max(rgb(page.evaluate("getComputedStyle(document.body).backgroundColor"))) < 60
    paper = page.locator("svg rect.paper").first.evaluate("(e) => getComputedStyle(e).fill")
    assert max(rgb(paper)) < 60
    for text in page.locator("svg text").all()[:60]:
        behind = text.evaluate(BEHIND)
        if behind is not None:
            assert contrast(rgb(text.evaluate("(e) => getComputedStyle(e).fill")), rgb(behind)) >= 4.5


BEHIND = """(text) => {
  const card = text.closest('g.node, g.quantity');
  return card ? getComputedStyle(card.querySelector('rect')).fill : null;
}"""


def rgb(color: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", color)[:3]]


def contrast(one: list[int], other: list[int]) -> float:
    def luminance(color: list[int]) -> float:
        c = np.array(color) / 255
        return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("view", ["scalar", "layer", "expression", "hostile", "compare"])
@pytest.mark.parametrize("width", [640, 320])  # a window of 1280 pixels at 200 % and at 400 %
def test_zoomed_in_the_page_does_not_run_out_of_its_window(visit, view, width):
    page = visit(VIEWS[view](), "#step=6" if view in PLAYERS else "", width=width, height=450, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if view in PLAYERS:
        for button in page.locator("#controls button").all():
            box = button.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] >= 24
        stage = page.locator("#stage").bounding_box()
        assert stage["height"] <= 0.7 * 450  # the step itself has room on the screen
        texts = page.locator("#stage svg text").all()
        assert max(text.bounding_box()["height"] for text in texts) >= 9
    assert violations(page) == []


@pytest.mark.parametrize("view", ["scalar", "layer", "expression"])
def test_in_print_every_step_can_be_read_and_no_button_is_there(visit, view):
    page = visit(VIEWS[view](), width=794)  # A4
    count = len(data_of(page)["steps"])
    page.emulate_media(media="print")
    drawing = page.locator("#stage svg").bounding_box()
    assert drawing["x"] + drawing["width"] <= 794
    assert page.locator("#steps li .say:visible").count() == count
    assert page.locator("#steps li .general:visible").count() == count
    assert page.locator("button:visible").count() == 0
    hidden = page.locator("#steps").evaluate("(e) => e.scrollHeight - e.clientHeight")
    assert hidden <= 1  # nothing has to be scrolled to
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#count").text_content() == f"{count} / {count}"  # the finished drawing
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#count").text_content() == f"0 / {count}"
    assert page.pdf().startswith(b"%PDF")


def test_a_step_has_an_address(visit):
    page = visit(PLAYERS["expression"](), "#step=7")
    assert page.locator("#count").text_content() == "7 / 9"
    assert page.locator("#steps li.current").get_attribute("id") == "step-7"
    page.evaluate("window.location.hash = '#step=2'")
    page.wait_for_function("document.getElementById('count').textContent === '2 / 9'")
    page.evaluate("window.location.hash = '#step=9999'")
    page.wait_for_function("document.getElementById('count').textContent === '9 / 9'")


def test_predicting_hides_the_number_judges_the_guess_and_counts(visit):
    page = visit(PLAYERS["expression"]())
    press(page, "p")  # the first step: v1 = a · b
    product = data_of(page)["steps"][0]["node"]
    assert shown(page, product, "value") == "?"
    assert "−6" not in page.locator("#now").text_content()
    assert "−6" not in page.locator("#live").text_content()
    assert "−6" not in page.locator("#now").inner_html()
    assert page.evaluate("document.activeElement.id") == "answer"
    page.keyboard.type("-6")
    press(page, "Enter")
    assert page.locator("#verdict").text_content() == "✓ Right. 1 right of 1."
    assert shown(page, product, "value") == "−6"
    press(page, "Enter")  # the focus is on the button for the next step
    page.keyboard.type("7,5")
    press(page, "Enter")
    assert page.locator("#verdict").text_content() == "✗ Not quite. Try once more."
    page.locator("#answer").fill("0.5")
    press(page, "Enter")
    assert (
        page.locator("#verdict").text_content()
        == "✗ Not quite: it is −0.5. The size is right, the sign is not. 1 right of 2."
    )
    press(page, "Enter")
    page.keyboard.type("much")
    press(page, "Enter")
    assert "Type a number" in page.locator("#verdict").text_content()
    assert page.locator("#now.asking").count() == 1
    press(page, "Escape")
    press(page, "ArrowRight")
    assert page.locator("#verdict").text_content() == "Shown without a guess. 1 right of 2."


@pytest.mark.parametrize(
    ("typed", "good"),
    [
        *[(typed, True) for typed in ("-0.4621", "-0.46", "−0,462", "-6/13", "-4.62e-1")],
        *[(typed, False) for typed in ("0.462", "-0.47", "-0.4", "0")],
    ],
)
def test_a_guess_is_right_within_the_digits_that_the_page_shows(visit, typed, good):
    page = visit(PLAYERS["expression"](), "#step=2")
    press(page, "p")  # tanh(−0.5) = −0.46212
    page.keyboard.type(typed)
    press(page, "Enter")
    assert page.locator("#verdict").text_content().startswith("✓ Right." if good else "✗ Not quite")


def test_of_a_matrix_one_entry_is_asked_for(visit):
    page = visit(PLAYERS["layer"]())
    press(page, "p")
    assert re.search(r"\(row 1, column \d\)", page.locator("#question").text_content())
    assert violations(page) == []


def test_every_button_and_the_slider_work(visit):
    page = visit(PLAYERS["expression"]())

    def at() -> str:
        return page.locator("#count").text_content()

    for button, wanted in [("next", "1 / 9"), ("last", "9 / 9"), ("previous", "8 / 9"), ("first", "0 / 9")]:
        page.locator(f"#{button}").click()
        assert at() == wanted
    page.locator("#backward").click()
    assert at() == "4 / 9"
    page.locator("#forward").click()
    assert at() == "1 / 9"
    page.locator("#slider").fill("6")
    assert at() == "6 / 9"
    page.locator("#steps li").nth(2).click()
    assert at() == "3 / 9"
    page.locator("#help").click()
    assert page.locator("#keys").is_visible()
    page.locator("#play").click()
    assert page.locator("#play").get_attribute("aria-pressed") == "true"
    page.wait_for_function("document.getElementById('count').textContent === '4 / 9'")
    page.locator("#play").click()
    assert page.locator("#play").text_content() == "Play"


def test_who_wants_less_motion_gets_none(visit):
    page = visit(PLAYERS["expression"](), "#step=2", reduced_motion="reduce")
    durations = page.evaluate(
        "Array.from(document.querySelectorAll('.node, .wire'), (e) => getComputedStyle(e).transitionDuration)"
    )
    assert set(durations) == {"0s"}


def test_without_javascript_the_page_is_the_finished_drawing_and_all_steps(visit):
    page = visit(PLAYERS["expression"](), java_script_enabled=False)
    assert page.locator("#steps li .say:visible").count() == 9
    assert page.locator("button:visible").count() == 0
    assert "∂ = −2.36" in page.locator("#stage").text_content()


@pytest.mark.parametrize("view", ["hostile", "graph"])
def test_hostile_names_are_on_the_page_as_they_were_given(visit, view):
    page = visit(VIEWS[view]())
    drawn = page.locator("svg").first.text_content()
    for name in HOSTILE[:-1]:
        assert name in drawn


def test_in_the_compare_view_a_row_and_its_boxes_are_marked_together(visit):
    page = visit(VIEWS["compare"]())
    page.locator("tr[data-quantity='B[1]']").hover()
    assert page.locator("g.quantity.picked").count() == 2
    page.locator("tr[data-quantity='P[2]']").focus()
    press(page, "Enter")
    assert page.locator("tr.picked").get_attribute("data-quantity") == "P[2]"


class InANotebook:
    """A page with what a notebook shows for a picture."""

    def __init__(self, picture):
        self.html = picture._repr_mimebundle_()["text/html"]

    def save(self, path):
        path.write_text(f"<!DOCTYPE html><meta charset='utf-8'><title>notebook</title>{self.html}", encoding="utf-8")
        return path


def test_in_the_frame_of_a_notebook_the_player_plays(visit):
    page = visit(InANotebook(PLAYERS["hostile"]()))
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    frame.locator("#next").click()
    assert frame.locator("#count").text_content().startswith("2 / ")
    frame.locator("#last").click()
    assert frame.locator("#now .phase").text_content() == "backward"
