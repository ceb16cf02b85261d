"""The live page in a real browser: after random gestures every number on it is that of `ledger` at the same weights."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pages import press, violations

import tinygrad_ed as tg
from tinygrad_ed.checking.mistakes import KNOWN
from tinygrad_ed.draw import live_programs
from tinygrad_ed.draw.style import number_text

pytestmark = pytest.mark.browser

STATE = """() => {
const listed = (all) => Object.fromEntries(Object.entries(all).map(([k, v]) => [k, v.length ? [...v] : v]));
return {
  book: listed(books().book), parameters: listed(state.parameters),
  samples: samples(), x: [...state.x], row: state.row, rule: state.rule, eta: state.eta, chosen: state.chosen,
  wrong: state.rule < 0 ? null : [WRONG[state.rule].rule, WRONG[state.rule].name],
  map: plane && tile && !hovered ? [...tile.values] : null,
  cards: drawn.cards.map((c) => [c.j, c.k, ...[c.value, c.zeta, c.slope].map((part) => part.textContent)]),
  pills: drawn.pills.map((p) => [p.chosen, p.text.textContent]),
  cost: $("cost").textContent, slope: $("slope").textContent,
  tangent: curveParts.tangent.getAttribute("d"), curve: curveParts.line.getAttribute("d"), costs: [...curve.costs],
}}"""
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


def moons(n=20, **options):
    data = tg.data.moons(n, rng=0)
    return tg.draw.live(tg.nn.MLP([2, 4, 2], rng=1), data.x, data.rho, "cross_entropy", learning_rate=0.5, **options)


def state_of(page):
    page.evaluate(DRAWN)
    return page.evaluate(STATE)


def expected_book(picture, now):
    """Every quantity at the weights of the page, by NumPy: by `ledger`, and with a wrong rule by that rule."""
    sizes, activations, cost = picture.facts
    weights = [np.reshape(now["parameters"][f"omega[{j}]"], sizes[j - 1 : j + 1]) for j in range(1, len(sizes))]
    biases = [now["parameters"][f"beta[{j}]"] for j in range(1, len(sizes))]
    mlp = tg.nn.MLP.from_weights(weights, biases, activation=activations)
    x = np.reshape(now["x"], (-1, sizes[0]))[now["samples"]]
    rho = np.reshape(picture.rho, (-1, sizes[-1]))[now["samples"]]
    if now["wrong"] is None:
        return mlp, dict(tg.ledger(mlp, x, rho, cost))
    rule, name = now["wrong"]
    problem = mlp.problem(x, rho, cost)
    book = {**live_programs.book_of(problem), "alpha[0]": x}
    for quantity in live_programs.order_of(problem):
        j = int(quantity.partition("[")[2].rstrip("]") or 0)
        if quantity == f"P[{len(sizes)}]":
            book[quantity] = tg.closed_form.derivatives.COSTS[cost].grad_C(book[f"alpha[{j - 1}]"], rho) / len(rho)
        elif quantity == "cost":
            book[quantity] = float(
                np.mean(tg.closed_form.derivatives.COSTS[cost].C(book[f"alpha[{len(sizes) - 1}]"], rho))
            )
        else:
            arguments = live_programs.arguments(quantity, book, problem)
            right = tg.closed_form.rules.RULES[live_programs.rule_of(quantity, problem)](*arguments)
            book[quantity] = right
            if live_programs.rule_of(quantity, problem) == rule:
                try:
                    with np.errstate(all="ignore"):
                        made = KNOWN[rule][name](live_programs.at_layer(j, book, problem), *arguments)
                    book[quantity] = made if np.shape(made) == right.shape else right
                except (KeyError, IndexError, ValueError):
                    pass
    return mlp, {name: book[name] for name in ["alpha[0]", *live_programs.order_of(problem)]}


def compare(picture, page):
    """Every number of the state, and every number that is shown, is NumPy's."""
    now = state_of(page)
    mlp, book = expected_book(picture, now)
    for name, value in book.items():
        wanted = np.ravel(value)
        np.testing.assert_allclose(
            np.ravel(now["book"][name]), wanted, rtol=1e-10, atol=1e-10, err_msg=f"{name} {now['wrong']}"
        )
    sizes, row = picture.facts[0], now["row"]
    for j, k, alpha, zeta, B in now["cards"]:
        assert alpha.endswith(f" {number_text(now['book'][f'alpha[{j}]'][row * sizes[j] + k])}")
        assert B.endswith(f" {number_text(now['book'][f'B[{j}]' if j else 'P[1]'][row * sizes[j] + k])}")
        assert j == 0 or zeta == f"ζ {number_text(now['book'][f'zeta[{j}]'][row * sizes[j] + k])}"
    for chosen, shown in now["pills"]:
        at = (chosen["i"] * sizes[chosen["layer"]] if chosen["kind"] == "omega" else 0) + chosen["k"]
        assert shown == number_text(now["parameters"][f"{chosen['kind']}[{chosen['layer']}]"][at])
    chosen = now["chosen"]
    name = f"{chosen['kind']}[{chosen['layer']}]"
    at = (chosen["i"] * sizes[chosen["layer"]] if chosen["kind"] == "omega" else 0) + chosen["k"]
    slope = np.ravel(book[f"grad_{name}"])[at]
    assert now["cost"] == number_text(now["book"]["cost"])
    assert now["slope"] == number_text(now["book"][f"grad_{name}"][at])
    if now["tangent"] and now["wrong"] is None:
        assert tangent_slope(now) == pytest.approx(slope, abs=0.02 * max(np.ptp(now["costs"]), 1e-9))
    if now["map"] is not None and now["wrong"] is None:
        (x, y), n = (picture.range), 60
        grid = [
            [x[0] + (c + 0.5) / n * (x[1] - x[0]), y[1] - (r + 0.5) / n * (y[1] - y[0])]
            for r in range(n)
            for c in range(n)
        ]
        answers = mlp.predict(np.array(grid))
        np.testing.assert_allclose(now["map"], answers[:, 1] - answers[:, 0], rtol=1e-9, atol=1e-9)
    return now


def tangent_slope(now):
    """The slope of the dashed line, in the units of the picture's axes."""
    (x0, y0), (x1, y1) = [map(float, spot.split()) for spot in now["tangent"][1:].split("L")]
    spots = [tuple(map(float, spot.split())) for spot in now["curve"][1:].split("L")]
    low, high = int(np.argmin(now["costs"])), int(np.argmax(now["costs"]))
    unit = (spots[high][1] - spots[low][1]) / (now["costs"][high] - now["costs"][low])
    return (y1 - y0) / unit / ((x1 - x0) / (spots[-1][0] - spots[0][0]) * 4)


def gesture(page, rng, n):
    """One thing that a reader does, with the pointer, with keys, or with the controls of the bar."""
    kind = rng.choice(
        ["drag", "drag", "key", "step", "step", "rule", "right", "batch", "eta", "sample", "move", "back", "rare"]
    )
    if kind == "drag":
        box = page.locator(".pill").nth(int(rng.integers(page.locator(".pill").count()))).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + 8
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + float(rng.uniform(-60, 60)), steps=3)
        page.mouse.up()
    elif kind == "key":
        page.locator('.pill[tabindex="0"]').first.focus()
        page.keyboard.press(rng.choice(["ArrowUp", "ArrowDown", "PageUp", "ArrowRight", "ArrowLeft"]))
    elif kind in ("step", "back"):
        page.locator(f"#{kind}").click(force=True)
    elif kind == "rule":
        page.locator("#rules").select_option(index=int(rng.integers(page.locator("#rules option").count())))
    elif kind == "right":
        page.locator("#rules").select_option("-1")
    elif kind in ("batch", "eta"):
        value = rng.integers(1, n + 1) if kind == "batch" else rng.uniform(-3, 0.5)
        page.evaluate(
            "([id, value]) => { $(id).value = value; $(id).dispatchEvent(new Event('input')); }", [kind, float(value)]
        )
    elif kind == "sample":
        page.locator("#next").click()
    elif kind == "move":
        page.locator("#plane").focus()
        page.keyboard.press(rng.choice(["Shift+ArrowUp", "Shift+ArrowLeft", "ArrowRight"]))
    else:
        page.locator(rng.choice(["#reset", "#rewind"])).click(force=True)


def facts(picture, sizes, activations, cost, data):
    picture.facts, picture.rho = (
        (sizes, activations, cost),
        np.eye(sizes[-1])[data.rho] if data.rho.ndim == 1 else data.rho,
    )
    low, high = data.x.min(axis=0), data.x.max(axis=0)
    picture.range = [(a - 0.25 * (b - a), b + 0.25 * (b - a)) for a, b in zip(low, high, strict=True)]
    return picture


@pytest.fixture
def page_of_moons(visit):
    def opened(change=None):
        data = tg.data.moons(20, rng=0)
        picture = facts(moons(), [2, 4, 2], ["tanh", "identity"], "cross_entropy", data)
        shown = picture if change is None else planted(picture, *change)
        return picture, visit(shown, height=800)

    return opened


def planted(picture, old, new):
    """The page with a mistake in its script; spaces do not count."""
    text = picture.render("html").decode()
    place = r"\s*".join(re.escape(word) for word in re.findall(r"\w+|\S", old))
    text, times = re.subn(place, lambda _: new, text)
    assert times == 1, old

    def save(path):
        Path(path).write_text(text, "utf-8")
        return Path(path)

    return SimpleNamespace(save=save)


def test_after_200_gestures_every_number_is_that_of_the_ledger(page_of_moons):
    picture, page = page_of_moons()
    rng = np.random.default_rng(0)
    compare(picture, page)
    for _ in range(200):
        gesture(page, rng, 20)
        compare(picture, page)


FAULTS = {
    "a flipped sign in one gradient": ("total + alpha_1[i + k * 4] * B_2[", "total - alpha_1[i + k * 4] * B_2["),
    "a stale boundary": ("grid && grid.parameters === state.parameters &&", "grid &&"),
    "the tangent at the old weight": ("line(value, cost, slope)", "line(value, cost, hold.slope)"),
    "the wrong sample": ("PAGE.order[(s.start + r) % N]", "PAGE.order[(s.start + r + 1) % N]"),
    "a card of another sample": ("const at = row * n + k;", "const at = k;"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(page_of_moons, fault):
    picture, page = page_of_moons(FAULTS[fault])
    with pytest.raises(AssertionError):
        look_around(picture, page)


def look_around(picture, page):
    assert compare(picture, page)["samples"] == list(np.random.default_rng(0).permutation(20))
    for name in ("next", "step", "next"):
        page.locator(f"#{name}").click()
        page.evaluate("setValue(state.chosen, valueOf(state.chosen) + 0.7)")
        compare(picture, page)


@pytest.mark.parametrize("fault", [None, ("value - eta * book", "value - 0.5 * book")])
def test_a_step_is_that_of_gradient_descent(page_of_moons, fault):
    picture, page = page_of_moons(fault)
    page.evaluate("setEta(0.25)")
    before = state_of(page)
    page.locator("#step").click()
    after = state_of(page)
    _, book = expected_book(picture, before)
    moved = [
        np.subtract(before["parameters"][name], 0.25 * np.ravel(book[f"grad_{name}"])) - after["parameters"][name]
        for name in before["parameters"]
    ]
    assert bool(max(np.max(np.abs(m)) for m in moved) < 1e-14) is (fault is None)


@pytest.mark.parametrize("fault", [None, ("state = past[0]", "state = past[1]")])
def test_rewinding_is_bit_for_bit(page_of_moons, fault):
    _, page = page_of_moons(fault)
    before = state_of(page)
    for key in ("step", "step", "next", "step"):
        page.locator(f"#{key}").click()
    page.locator('.pill[tabindex="0"]').first.focus()
    press(page, "ArrowUp", 3)
    assert state_of(page)["parameters"] != before["parameters"]
    page.locator("#rewind").click()
    assert (state_of(page)["parameters"] == before["parameters"]) is (fault is None)


def test_what_is_predicted_misses_by_the_square_of_the_step_and_a_wrong_rule_by_the_step(page_of_moons):
    _, page = page_of_moons()
    error = """([rule, step]) => { reset(); setRule(rule); choose({ kind: "omega", layer: 1, i: 0, k: 1 }); takeHold();
      setValue(state.chosen, hold.value + step);
      return Math.abs(hold.slope * step - (books().book.cost - hold.cost)); }"""
    steps = [4e-4, 2e-4, 1e-4, 5e-5]
    rules = page.evaluate("WRONG.map(({ rule, name }) => [rule, name])")
    forgotten = rules.index(["B_hidden", "Φ' forgotten"])
    for rule, order in ((-1, 2), (forgotten, 1)):
        errors = [page.evaluate(error, [rule, step]) for step in steps]
        slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
        assert slope == pytest.approx(order, abs=0.1), (rule, errors)


def test_the_first_wrong_quantity_is_ringed_and_named(page_of_moons):
    _, page = page_of_moons()
    index = page.evaluate("WRONG.findIndex((w) => w.rule === 'B_hidden' && w.name === 'wrong sign')")
    page.locator("#rules").select_option(str(index))
    page.evaluate(DRAWN)
    assert page.locator("#verdict").text_content() == "B¹ is the first wrong quantity; 3 more inherit it."
    assert page.locator(".card.first").count() == 4
    assert page.locator(".card.first .should").first.text_content().startswith("should be ")
    assert page.locator(".pill.wrong").count() == 2 * 4 + 4
    page.locator("#step").click()
    page.locator("summary").click()
    page.evaluate(DRAWN)
    assert page.locator("#history path.ghost").count() == 1


def test_every_gesture_by_keyboard_and_what_a_screen_reader_is_told(page_of_moons):
    _, page = page_of_moons()
    page.evaluate(DRAWN)
    stops = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        stops.add(
            page.evaluate(
                "(({ id, className, tagName }) => id || className.baseVal || tagName)(document.activeElement)"
            )
        )
    assert len(stops) <= 14, stops
    pill = page.locator('.pill[tabindex="0"]').first
    pill.focus()
    assert pill.get_attribute("aria-label") == "weight from neuron 1 to neuron 1 of layer 2"
    assert ", slope " in pill.get_attribute("aria-valuetext")
    before = state_of(page)["parameters"]["omega[2]"][0]
    press(page, "ArrowUp", 2)
    assert state_of(page)["parameters"]["omega[2]"][0] == pytest.approx(before + 0.1)
    page.wait_for_timeout(600)
    assert page.locator("#said").text_content().startswith("ω²₁,₁ ")
    press(page, ".")
    page.evaluate(DRAWN)
    assert page.locator("#steps").text_content() == "1"
    press(page, ",")
    page.evaluate(DRAWN)
    assert page.locator("#steps").text_content() == "0"
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_too_small_or_too_pale(visit, scheme):
    page = visit(moons(), height=800, color_scheme=scheme)
    page.locator("summary").click()
    page.evaluate(DRAWN)
    small = page.evaluate(SMALL)
    assert small == []
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


SMALL = """() => {
  const found = [];
  const walker = document.createTreeWalker($("live"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const home = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !home.getClientRects().length || home.closest(".sr")) continue;
    const svg = home.closest("svg");
    const scale = svg ? svg.getScreenCTM().a : 1;
    const size = parseFloat(getComputedStyle(home).fontSize) * scale;
    if (size < 13.9) found.push([walker.currentNode.textContent.trim(), size]);
  }
  return found;
}"""


@pytest.mark.parametrize("width", [375, 1280, 1920])
def test_the_page_fits_its_window(visit, width):
    page = visit(moons(), width=width, height=1080)
    page.evaluate(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tops = [page.locator(f"section.{name}").bounding_box()["y"] for name in ("network", "curve", "data", "why")]
    assert width > 900 or tops == sorted(tops)


def test_the_address_brings_the_state_back(visit):
    page = visit(moons(), height=800)
    page.locator("#step").click()
    page.locator("#share").click()
    address, code = page.locator("#address").input_value(), page.locator("#code").input_value()
    now = state_of(page)
    space = {}
    exec(code, space)  # noqa: S102  # what the page offers to run
    for j, layer in enumerate(space["mlp"].layers, start=1):
        assert np.array_equal(np.ravel(layer.weights.value), now["parameters"][f"omega[{j}]"])
        assert np.array_equal(layer.bias.value, now["parameters"][f"beta[{j}]"])
    page.goto("about:blank")
    page.goto(address)
    assert state_of(page)["parameters"] == now["parameters"]


def test_digits_are_shown_as_images_and_their_weights_as_matrices(visit):
    data = tg.data.digits()
    picture = tg.draw.live(tg.nn.MLP([64, 32, 10], rng=0), data.x[:200], data.rho[:200], "cross_entropy", batch_size=32)
    assert len(picture.render("html")) <= 400_000
    page = visit(picture, height=800)
    page.evaluate(DRAWN)
    assert page.locator("#data canvas").count() == 3
    box = page.locator(".hit").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.999, box["y"] + box["height"] * 0.999)
    assert state_of(page)["chosen"] == {"kind": "omega", "layer": 1, "i": 63, "k": 31}
    press(page, ".", 2)
    now = state_of(page)
    weights = [np.reshape(now["parameters"][f"omega[{j}]"], shape) for j, shape in ((1, (64, 32)), (2, (32, 10)))]
    mlp = tg.nn.MLP.from_weights(weights, [now["parameters"][f"beta[{j}]"] for j in (1, 2)])
    book = tg.ledger(mlp, data.x[:200][now["samples"]], data.rho[:200][now["samples"]], "cross_entropy")
    for name, value in book.items():
        np.testing.assert_allclose(np.ravel(now["book"][name]), np.ravel(value), rtol=1e-10, atol=1e-10, err_msg=name)


def test_hostile_names_stay_text(visit):
    rule = {"grad_beta": lambda B: 2 * B.sum(axis=0)}
    page = visit(moons(4, rules=rule), height=800)
    page.evaluate(DRAWN)
    assert page.locator("#rules option").nth(1).text_content() == "your own rules"
    page.locator("#rules").select_option("0")
    page.evaluate(DRAWN)
    assert page.locator("#verdict").text_content().startswith("∂E/∂β² is the first wrong")
