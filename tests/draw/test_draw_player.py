import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw import backends
from tinygrad_ed.draw.network_trace import network_trace
from tinygrad_ed.draw.parts import numbers_of
from tinygrad_ed.draw.player import asked
from tinygrad_ed.draw.scene import Line, to_dot, to_svg
from tinygrad_ed.draw.stage import drawing
from tinygrad_ed.draw.trace import trace
from tinygrad_ed.graph.node import Node

ENGINES = ["pygraphviz", *(["dot"] if shutil.which("dot") else [])]


class Page(HTMLParser):
    """Reads a page: its ids, the text of its steps and scripts, and whether its tags are balanced."""

    VOID = frozenset({"meta", "input", "rect", "path", "circle"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for key, value in attrs if key == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data


def page(picture) -> tuple[str, Page, dict]:
    html = picture.render("html").decode()
    read = Page(html)
    assert read.open == []
    return html, read, json.loads(read.scripts[0])


def network_page(**options):
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    return mlp, page(draw.player(mlp, [[0.5, -1.0]], [[1.0, 0.0]], **options))


def test_the_page_is_whole_small_and_needs_no_network():
    _, (html, read, _) = network_page()
    assert "http" not in html
    assert "src=" not in html
    assert "@import" not in html
    assert "url(" not in html.replace("url(#toward)", "")  # a mark in the page itself
    assert len(html.encode()) < 150_000
    assert len(read.ids) == len(set(read.ids))


def test_the_last_gradients_in_the_page_are_those_of_the_rules():
    mlp, (_, _, data) = network_page(detail="layer")
    book = tg.ledger(mlp, [[0.5, -1.0]], [[1.0, 0.0]], road="rules")
    by_name = {node["quantity"]: node["gradient"] for node in data["trace"]["nodes"]}
    for j in (1, 2):
        assert np.allclose(by_name[f"omega[{j}]"]["entries"], book[f"grad_omega[{j}]"], rtol=1e-12)
        assert np.allclose(by_name[f"beta[{j}]"]["entries"], book[f"grad_beta[{j}]"], rtol=1e-12)
        assert np.allclose(by_name[f"zeta[{j}]"]["entries"], book[f"B[{j}]"], rtol=1e-12)
    assert np.allclose(by_name["alpha[0]"]["entries"], book["P[1]"], rtol=1e-12)


@pytest.mark.parametrize(("detail", "updates"), [("scalar", 17), ("layer", 4), ("tensor", 4)])
def test_steps_go_forward_then_backward_then_update(detail, updates):
    _, (html, _, data) = network_page(detail=detail)
    phases = [step["phase"] for step in data["steps"]]
    assert phases == sorted(phases, key=["forward", "backward", "update", "again"].index)
    assert phases.count("update") == updates
    assert phases.count("again") > phases.count("forward") // 2
    assert html.count('<li id="step-') == len(phases)
    made = [node["id"] for node in data["trace"]["nodes"] if node["op"]]
    assert [step["node"] for step in data["steps"] if step["phase"] == "forward"] == made
    ids = set(re.findall(r'id="(node-n\d+|edge-\d+)"', html))
    assert {f"node-{step['node']}" for step in data["steps"]} <= ids
    assert {f"edge-{step['edge']}" for step in data["steps"] if "edge" in step} <= ids


def test_a_scalar_expression_is_told_with_its_numbers():
    a, b, c = Node(2.0, name="a"), Node(-3.0, name="b"), Node(5.5, name="c")
    told = trace((a * b + c).tanh(), fresh=True).steps
    assert [s.general.unicode for s in told] == [
        "v₁ = a · b",
        "v₂ = v₁ + c",
        "v₃ = tanh(v₂)",
        "∂v₃/∂v₃ = 1",
        "∂v₃/∂v₂ = ∂v₃/∂v₃ · (1 − (v₃)²)",
        "∂v₃/∂v₁ = ∂v₃/∂v₂ · 1",
        "∂v₃/∂c = ∂v₃/∂v₂ · 1",
        "∂v₃/∂a = ∂v₃/∂v₁ · b",
        "∂v₃/∂b = ∂v₃/∂v₁ · a",
    ]
    assert told[0].numbers.unicode == "2 · (−3) = −6"
    assert told[-2].numbers.unicode == "0.786 · (−3) = −2.36"
    assert told[-2].shown.low == pytest.approx(-3 * (1 - np.tanh(-0.5) ** 2))


def test_contributions_add_up_in_front_of_the_reader():
    x = Node(3.0, name="x")
    told = trace(x * x + 2.0 * x, fresh=True).steps
    arrivals = [s for s in told if s.phase == "backward" and s.node == "n0"]
    assert [s.shown.low for s in arrivals] == [2.0, 5.0, 8.0]
    assert arrivals[-1].numbers.unicode == "1 · 3 = 3; in all 8"
    assert all("+=" in s.general.unicode for s in arrivals)
    assert "used 3 times" in arrivals[0].sentence


def test_the_update_takes_the_learning_rate():
    w = Node(2.0, name="W1")
    told = trace(w * 5.0, fresh=True, learning_rate=0.5).steps
    update, again, change = told[-3:]
    assert (update.phase, update.shown.low, update.numbers.unicode) == ("update", -0.5, "2 − 0.5 · 5 = −0.5")
    assert (again.phase, again.shown.low, again.numbers.unicode) == ("again", -2.5, "(−0.5) · 5 = −2.5")
    assert change.general.unicode == "Δv₁ ≈ −η · ‖∂v₁/∂θ‖² (θ: all parameters)"
    assert change.numbers.unicode == "−0.5 · 25 = −12.5 (predicted);  measured:   Δv₁ = −12.5"


@pytest.mark.parametrize("detail", ["layer", "tensor"])
@pytest.mark.parametrize("cost", ["mse", "huber", "cross_entropy"])
def test_after_the_update_all_is_computed_again_and_the_prediction_is_kept_to(detail, cost):
    x, rho = np.random.default_rng(0).normal(size=(5, 12)), np.eye(5)
    mlp, moved = [tg.nn.MLP([12, 9, 5], "relu", rng=1) for _ in range(2)]
    data = network_trace(mlp, x, rho, cost, detail, 0.3)
    book = tg.ledger(mlp, x, rho, cost)
    for j, layer in enumerate(moved.layers, start=1):
        layer.weights = layer.weights.value - 0.3 * book[f"grad_omega[{j}]"]
        layer.bias = layer.bias.value - 0.3 * book[f"grad_beta[{j}]"]
    new = tg.ledger(moved, x, rho, cost)
    known = {node.quantity: node.after for node in data.nodes if node.quantity in new and node.after}
    assert known.keys() == {"zeta[1]", "alpha[1]", "zeta[2]", "alpha[2]", "cost"}
    for quantity, after in known.items():
        assert after.mean == pytest.approx(np.mean(new[quantity]), rel=1e-9)
    slope = sum(np.sum(book[name] ** 2) for name in book if name.startswith("grad_"))
    assert data.predicted == pytest.approx(-0.3 * slope, rel=1e-9)
    last = data.steps[-1]
    assert last.result.low == pytest.approx(new["cost"] - book["cost"], rel=1e-9)
    large = next(step for step in data.steps if step.phase == "update")  # 108 weights, of which only means are kept
    assert large.shown.mean == pytest.approx(moved.layers[0].weights.value.mean(), rel=1e-9)
    assert "updated" not in draw.player(data).render("html").decode().replace(".updated", "").replace('"updated"', "")


def test_the_rule_of_the_lecture_stands_beside_the_step_that_computes_the_same_number():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    data = network_trace(mlp, [[0.5, -1.0]], [[1.0, 0.0]], "mse", "layer", 0.1)
    book = tg.ledger(mlp, [[0.5, -1.0]], [[1.0, 0.0]], road="rules")
    told = {s.rule.unicode: s for s in data.steps if s.rule}
    assert np.allclose(told["ζ¹ = α⁰ Ω¹ + β¹"].shown.entries, book["zeta[1]"])
    assert np.allclose(told["B¹ = Φ′(ζ¹) ⊙ P²"].shown.entries, book["B[1]"])
    assert np.allclose(told["P² = B² [Ω²]ᵀ"].shown.entries, book["P[2]"])
    assert np.allclose(told["∂E/∂Ω¹ = [α⁰]ᵀ B¹"].shown.entries, book["grad_omega[1]"])


@pytest.mark.parametrize("cost", ["mse", "l1", "huber", "logistic", "bce", "hinge", "margin", "cross_entropy"])
@pytest.mark.parametrize(
    "activation", ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu", "silu", "gelu"]
)
def test_every_activation_and_cost_can_be_played(activation, cost):
    mlp = tg.nn.MLP([2, 2, 2], activation, rng=1)
    rho = np.array([[1.0, -1.0]]) if cost in ("logistic", "hinge") else np.array([[1.0, 0.0]])
    page(draw.player(mlp, [[0.5, -1.0]], rho, cost))


@pytest.mark.parametrize(
    "name", ["<lambda> <map>", "</script><script>alert(1)</script>", "]]>", 'a"b\\', "x" * 200, "$DATA", "<!--"]
)
def test_hostile_names_stay_text(name):
    y = Node(2.0, name=name) * Node(3.0, name="b")
    html, read, data = page(draw.player(y, title=name))
    assert len(read.scripts) == 2
    assert data["trace"]["nodes"][0]["name"] == name
    assert "alert(1)</script>" not in html
    draw.player(y).render("svg")


def test_what_cannot_be_played_is_refused():
    with pytest.raises(tg.InvalidType, match="needs inputs and expected outputs"):
        draw.player(tg.nn.MLP([2, 2]))
    with pytest.raises(tg.InvalidType, match="takes a Node, a Trace, or an MLP with data, not 3"):
        draw.player(3)  # type: ignore[arg-type]
    with pytest.raises(tg.ShapeError, match="a sweep starts from one number"):
        draw.player(Node([1.0, 2.0]) * 2.0)
    x = y = Node(1.0)
    for _ in range(400):
        y = y + x
    with pytest.raises(tg.InvalidValue, match="has 401 nodes, and the player takes at most 400"):
        draw.player(y)


def test_playing_touches_no_gradient():
    x = Node(2.0)
    draw.player(x * 3.0).render("html")
    assert x.grad is None


@pytest.mark.parametrize("engine", ENGINES)
def test_the_still_picture_has_the_last_numbers_in_every_format(engine):
    x = Node(3.0, name="x")
    picture = draw.player(x * x, engine=engine)
    assert picture.render("png").startswith(b"\x89PNG")
    assert picture.render("pdf").startswith(b"%PDF")
    drawn = backends.render(picture.render("dot").decode(), "svg", engine).decode()
    for text in ("x", "3", "9", "∂ = 6", "∂ = 1"):  # name, values, gradients
        assert f">{text}</text>" in drawn.replace("&#45;", "-")
        assert f">{text}</text>" in picture.render("svg").decode()


def test_a_line_goes_upright_through_the_rows_between_and_under_no_box():
    a, b = Node(2.0, name="a"), Node(-3.0, name="b")
    data = trace((a * b + a * 5.5).tanh() * a, fresh=True)
    items = drawing(data, "t").items
    cards = [item.items[0] for item in items if item.id.startswith("node")]
    lines = [line for item in items if item.id.startswith("edge") for line in item.items if isinstance(line, Line)]
    assert len(lines) > len(data.edges)  # one of them is long
    for line in lines:
        for box in cards:
            top, bottom = box.y - box.h / 2, box.y + box.h / 2
            beside = not min(line.x1, line.x2) < box.x + box.w / 2 or not max(line.x1, line.x2) > box.x - box.w / 2
            assert beside or line.y2 <= top or line.y1 >= bottom


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_draws_every_line_where_our_own_svg_has_it(engine):
    x = Node(2.0, name="x")
    data = trace((x * x).tanh() * x, fresh=True)
    scene = drawing(data, "t")

    def courses(svg: str, down: float) -> np.ndarray:
        found = [re.findall(r"-?[\d.]+", course) for course in re.findall(r' d="(M.*?)"', svg)]
        return np.array([line for line in found if len(line) == 8], float) + [0, down] * 4

    own = courses(to_svg(scene), 0)
    assert len(own) > len(data.edges)
    drawn = courses(backends.render(to_dot(scene), "svg", engine).decode(), scene.height)
    assert np.allclose(own, drawn, rtol=0, atol=0.06)


def test_of_a_number_it_is_asked_for_itself_and_of_an_array_for_the_largest_entry():
    assert asked(numbers_of(0.5)) == (0.5, "")
    assert asked(numbers_of([[1.0, -2.0]])) == (-2.0, "row 1, column 2")
    assert asked(numbers_of([np.nan, 1.0])) == asked(None) == (None, "")
