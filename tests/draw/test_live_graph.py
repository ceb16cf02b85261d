"""The live page of a graph: every value and derivative is that of the graph, whatever has been dragged."""

import numpy as np
import pytest
from javascript import MARKS, answers, close
from pages import press, violations

import tinygrad_ed as tg
from tinygrad_ed.draw import live_graph
from tinygrad_ed.draw.style import number_text
from tinygrad_ed.graph.backward import walk


def expression(a, b, c):
    a, b, c = [tg.Node(x, name=name) for x, name in zip((a, b, c), "abc", strict=True)]
    return (a * b + c).tanh() * a + tg.exp(b / 4.0) ** 2 + a * a


GRAPHS = {
    "expression": lambda: expression(2.0, -3.0, 5.5),
    "one leaf": lambda: tg.Node(2.0, name="x"),
    "network": lambda: tg.nn.costs.mse(tg.nn.MLP([2, 3, 1], rng=0)(np.array([1.0, -0.5])), [0.5]),
    "arrays": lambda: tg.sigmoid(tg.Node([0.3, -0.2], name="v") @ np.array([2.0, 1.0])) + tg.sqrt(tg.Node(1.5)),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS) for name in GRAPHS])
def test_values_derivatives_and_locals_are_those_of_the_graph(name):
    root = GRAPHS[name]()
    facts, program = live_graph.parts(root)
    found = dict(zip(("values", "slopes", "locals"), answers([(program, (facts["values"],))])[0], strict=True))
    root.backward()
    close(found["values"][-1], root.item())
    leaves = [np.ravel(node.grad) for node in walk(root) if node.op is None]
    close(sorted([found["slopes"][i] for i in facts["leaves"]], key=float), sorted(np.concatenate(leaves)))
    arrived = np.zeros(len(facts["nodes"]))
    arrived[-1] = 1.0
    edges = [(i, arg) for i, node in enumerate(facts["nodes"]) for arg in node["args"] if isinstance(arg, int)]
    for (to, source), local in zip(edges, found["locals"], strict=True):
        arrived[source] += float(found["slopes"][to]) * float(local)
    close(found["slopes"], list(arrived))


def test_what_is_no_graph_of_few_numbers_is_refused():
    with pytest.raises(tg.ShapeError, match=r"one number, and this one has shape \(2,\); sum it first"):
        tg.draw.live(tg.Node([1.0, 2.0]) * 2.0)
    x = tg.Node(1.0)
    for _ in range(199):
        x = x + 1.0
    with pytest.raises(tg.InvalidValue, match="has 200 numbers, and the live page takes at most 80"):
        tg.draw.live(x)
    with pytest.raises(tg.InvalidValue, match=r"shows single numbers, and \w+ has none"):
        tg.draw.live(tg.logsumexp(tg.Node([1.0, 2.0])))


SHOWN = "drawn.cards.filter((c) => c.leaf >= 0).map((c) => [c.value, c.slope].map((text) => text.textContent))"


@pytest.mark.browser
def test_leaves_are_dragged_and_everything_answers(visit):
    page = visit(tg.draw.live(expression(2.0, -3.0, 5.5)), height=800)
    rng = np.random.default_rng(0)
    frame = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
    for i in range(30):
        if i % 3 == 0:
            box = page.locator(".card.leaf").nth(int(rng.integers(3))).bounding_box()
            page.mouse.move(box["x"] + 20, box["y"] + 20)
            page.mouse.down()
            page.mouse.move(box["x"] + 20, box["y"] + 20 + float(rng.uniform(-50, 50)), steps=2)
            page.mouse.up()
        else:
            page.locator('.leaf[tabindex="0"]').focus()
            page.keyboard.press(rng.choice(["ArrowUp", "PageDown", "ArrowRight", "ArrowLeft", "Control+z"]))
        page.evaluate(frame)
        values = page.evaluate("state.values")
        root = expression(*values)
        root.backward()
        leaves = [next(n for n in walk(root) if n.name == name) for name in "abc"]
        shown = page.evaluate(SHOWN)
        assert shown == [[number_text(leaf.value), f"∂ {number_text(leaf.grad)}"] for leaf in leaves]
        assert page.locator("#result").text_content() == number_text(root.value)
    page.locator("#reset").click()
    page.evaluate(frame)
    assert page.evaluate("state.values") == [2.0, -3.0, 5.5]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_steps_follow_and_names_stay_text(visit, scheme):
    a, b = tg.Node(2.0, name="</script><b>hi"), tg.Node(-3.0, name="a|b {c} \\ &amp;")
    page = visit(tg.draw.live((a * b).tanh()), height=800, color_scheme=scheme)
    press(page, ".", 3)
    assert page.locator("#steps").text_content() == "3 / 6"
    assert page.locator(".card.factor-B").count() == 1
    assert page.locator("#graph .B").first.text_content() == "∂ –"
    press(page, ".", 3)
    page.wait_for_function("document.querySelector('#graph .B').textContent !== '∂ –'")  # painted at the next frame
    page.locator(".card.leaf").first.click()
    assert "</script><b>hi" in page.locator("#why").text_content()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
