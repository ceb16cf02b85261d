"""How the pages look, measured in headless Chromium: contrast, sizes, what is in view, what keyboard and voice find."""

import json

import numpy as np
import pytest
from measured import TEXTS, contrasts
from pages import press
from test_browser import PLAYERS, RHO, VIEWS, X, network, shown

import tinygrad_ed as tg
from tinygrad_ed import draw

pytestmark = pytest.mark.browser
MODES = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
    "forced, dark": {"forced_colors": "active", "color_scheme": "dark"},
}


def swept(batch=False):
    error = tg.nn.costs.mse(network()(np.array([X, X])) if batch else network()(X), [RHO, RHO] if batch else RHO)
    error.backward()
    return error


def program():
    step = tg.compile(tg.value_and_grad(lambda w, x: (np.tanh(x @ w) ** 2).sum()))
    step(np.ones((2, 2)), np.ones((3, 2)))
    return draw.program(step)


ALL = {
    **VIEWS,
    "a batch": lambda: draw.network(network(), [X, X], [RHO, RHO]),
    "a wide network": lambda: draw.network(tg.nn.MLP([784, 128, 64, 10], rng=0), np.ones(784), np.eye(10)[3]),
    "numbers": lambda: draw.compare(network(), X, RHO, numbers={"z1": [1.0, 2.0, 3.0], "dW1": np.ones((2, 3))}),
    "program": program,
    **{
        f"{detail} by {color}": lambda detail=detail, color=color: draw.graph(swept(), detail=detail, color=color)
        for detail in ("scalar", "tensor", "layer")
        for color in ("role", "value", "gradient")
    },
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("view", ALL)
def test_every_letter_and_every_line_can_be_read(visit, view, mode):
    for address in ("#step=5", "#step=999") if view in PLAYERS else ("",):
        page = visit(ALL[view](), address, width=1600, height=1700, reduced_motion="reduce", **MODES[mode])
        letters, lines = contrasts(page, html="forced" not in mode)
        assert len(letters) > 5
        assert {text: ratio for text, ratio in letters.items() if ratio < 4.5} == {}
        assert {line: ratio for line, ratio in lines.items() if ratio < 3} == {}


@pytest.mark.parametrize("view", ["scalar", "expression", "network", "tensor by value", "compare", "program"])
def test_on_paper_the_page_is_light(visit, view):
    page = visit(ALL[view](), color_scheme="dark", reduced_motion="reduce")
    page.emulate_media(media="print", color_scheme="dark")
    for ratio in contrasts(page)[0].values():
        assert ratio >= 4.5
    assert (
        page.evaluate("getComputedStyle(document.querySelector('svg .paper, svg polygon')).fill")
        == "rgb(255, 255, 255)"
    )


@pytest.mark.parametrize(
    ("width", "height", "least", "key"), [(1280, 800, 14, None), (1920, 1080, 20, "f"), (375, 667, 12, None)]
)
@pytest.mark.parametrize(
    "view", ["scalar", "layer", "expression", "digits", "network", "compare", "tensor by role", "program"]
)
def test_letters_are_large_enough_for_the_window(visit, view, width, height, least, key):
    page = visit(ALL[view](), "#step=12" if view in PLAYERS else "", width=width, height=height)
    if key:
        press(page, key)
    small = {
        text["text"]: text["size"] for text in page.evaluate(TEXTS) if not text["small"] and text["size"] < least - 0.05
    }
    assert small == {}


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1366, 768), (1920, 1080)])
@pytest.mark.parametrize("view", ["scalar", "layer", "tensor", "expression", "digits"])
def test_the_formula_and_the_current_step_are_in_view_also_when_opened_by_address(visit, view, width, height):
    count = len(json.loads(visit(PLAYERS[view]()).locator("#data").text_content())["steps"])
    for step in (1, count // 2, count):
        page = visit(PLAYERS[view](), f"#step={step}", width=width, height=height, reduced_motion="reduce")
        for part, inside in (("#now .general", "body"), ("li.current", "#steps"), (".node.active rect", "#stage")):
            box, room = [page.locator(each).first.bounding_box() for each in (part, inside)]
            assert box["y"] >= room["y"] - 1
            assert box["y"] + box["height"] <= min(height, room["y"] + room["height"]) + 1
            assert box["x"] + min(box["width"], room["width"]) <= room["x"] + room["width"] + 1


def test_a_drawing_is_zoomed_seen_as_a_whole_and_searched(visit):
    page = visit(ALL["scalar by role"](), width=1366, height=768, reduced_motion="reduce")
    width = page.locator("svg").first.bounding_box()["width"]
    press(page, "+")
    assert page.locator("svg").first.bounding_box()["width"] == pytest.approx(1.25 * width, rel=0.01)
    press(page, "0")
    whole, stage = page.locator("svg").first.bounding_box(), page.locator("#stage").bounding_box()
    assert whole["height"] <= stage["height"]
    press(page, "0")
    page.locator("#search").fill("W2[0,1]")
    press(page, "Enter")
    assert page.locator("#found").text_content() == "1 of 1"
    hit = page.locator(".hit").bounding_box()
    assert stage["x"] <= hit["x"] <= stage["x"] + stage["width"] - hit["width"]
    assert stage["y"] <= hit["y"] <= stage["y"] + stage["height"] - hit["height"]


def test_a_remote_control_steps_and_the_speed_of_play_can_be_set(visit):
    page = visit(PLAYERS["expression"]())
    press(page, "PageDown", 3)
    press(page, "PageUp")
    assert page.locator("#count").text_content() == "2 / 9"
    page.locator("#speed").click()
    assert page.locator("#speed").text_content() == "2×"


def test_both_factors_of_a_step_are_ringed_and_linked_to_the_terms_of_the_equation(visit):
    page = visit(PLAYERS["scalar"]())
    nodes = json.loads(page.locator("#data").text_content())["trace"]["nodes"]
    by_quantity = {node["quantity"]: node["id"] for node in nodes}
    steps = json.loads(page.locator("#data").text_content())["steps"]
    at = next(i for i, step in enumerate(steps, 1) if step["node"] == by_quantity["omega[1,1,2]"])
    page.evaluate(f"window.location.hash = '#step={at}'")
    page.wait_for_selector(".ring.two")
    owners = {
        kind: page.locator(f".node:has(> .ring.{kind})").evaluate_all("(all) => all.map((e) => e.id)")
        for kind in ("one", "two")
    }
    assert owners == {"one": [f"node-{by_quantity['zeta[1,2]']}"], "two": [f"node-{by_quantity['alpha[0,1]']}"]}
    assert page.locator("#now .term").evaluate_all("(all) => all.map((e) => e.textContent)") == ["∂𝐸∂ζ31", "α20"]
    page.locator("#now .term.two").hover()
    assert page.locator(".ring.two.lit").count() == 1
    page.locator(f"#node-{by_quantity['zeta[1,2]']}").hover()
    assert page.locator("#now .term.one.lit").count() == 1
    assert "ω" in page.locator("#why .general").first.text_content()


def test_few_tab_stops_and_every_card_and_edge_has_a_spoken_name(visit):
    page = visit(PLAYERS["scalar"](), "#step=65")
    stops = page.evaluate(
        "Array.from(document.querySelectorAll('a[href], button, input, [tabindex]')).filter("
        "(e) => e.tabIndex >= 0 && e.checkVisibility()).length"
    )
    assert stops <= 14
    assert page.locator("h1, h2").count() >= 2
    names = page.locator("g.node").evaluate_all("(all) => all.map((e) => e.getAttribute('aria-label'))")
    weight = tg.ledger(network(), X, RHO)["grad_omega[1]"][0, 1]
    wanted = (
        f"weight from neuron 1 of layer 0 to neuron 2 of layer 1, 0.987, derivative {draw.style.number_text(weight)}"
    )
    assert wanted in names
    edges = page.locator("g.edge").evaluate_all("(all) => all.map((e) => e.getAttribute('aria-label'))")
    assert all(edge.startswith("from ") for edge in edges)
    page.locator("#stage").focus()
    press(page, "Enter")
    before = page.evaluate("document.activeElement.id")
    press(page, "ArrowLeft")
    assert page.evaluate("document.activeElement.id") not in ("stage", before)
    assert page.locator("#why").is_visible()
    press(page, "Escape")
    assert page.evaluate("document.activeElement.id") == "stage"


@pytest.mark.parametrize("view", ALL)
def test_every_page_has_a_heading(visit, view):
    assert visit(ALL[view]()).locator("h1").count() == 1


def test_predicting_shows_no_factor_and_names_what_was_typed(visit):
    page = visit(PLAYERS["scalar"](), "#step=0")
    steps = json.loads(page.locator("#data").text_content())["steps"]
    at = next(i for i, step in enumerate(steps, 1) if step.get("edge") is not None and abs(step["ask"]) > 0.1)
    page.evaluate(f"window.location.hash = '#step={at - 1}'")
    page.wait_for_function(f"document.getElementById('count').textContent.startsWith('{at - 1} /')")
    press(page, "p")
    said = page.locator("#now").text_content()
    assert "·" not in said
    assert "rule" not in said
    assert page.locator(".ring").count() == 0
    page.locator("#hint").click()
    assert "·" in page.locator("#now").text_content()
    page.keyboard.type(str(2 * steps[at - 1]["ask"]))
    press(page, "Enter")
    assert "That is twice the number." in page.locator("#verdict").text_content()
    page.locator("#answer").fill(str(steps[at - 1]["ask"]))
    press(page, "Enter")
    assert page.locator("#verdict").text_content().startswith("✓ Right.")
    with page.expect_download() as saved:
        page.locator("#save").click()
    score = json.loads(saved.value.path().read_text(encoding="utf-8"))
    assert (score["right"], score["asked"], [each["right"] for each in score["answers"]]) == (1, 1, [False, True])


def test_after_the_update_a_card_shows_its_new_number(visit):
    page = visit(PLAYERS["scalar"](), "#step=999")
    nodes = json.loads(page.locator("#data").text_content())["trace"]["nodes"]
    omega = next(node["id"] for node in nodes if node["quantity"] == "omega[1,0,0]")
    new = network().layers[0].weights.value - 0.1 * tg.ledger(network(), X, RHO)["grad_omega[1]"]
    assert shown(page, omega, "value") == draw.style.number_text(new[0, 0])
