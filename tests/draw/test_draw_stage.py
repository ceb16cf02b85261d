import itertools
import re
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.network_trace import network_trace
from tinygrad_ed.draw.overview import stages
from tinygrad_ed.draw.parts import numbers_of
from tinygrad_ed.draw.scene import Group, Line, Text
from tinygrad_ed.draw.stage import drawing
from tinygrad_ed.draw.style import heat, number_text
from tinygrad_ed.draw.trace import trace
from tinygrad_ed.graph.node import Node

X, RHO = [0.5, -1.0], [1.0, 0.0]


def cards(scene):
    return {item.id: item for item in scene.items if isinstance(item, Group) and item.id.startswith("node-")}


def mess(n):
    rng = np.random.default_rng(0)
    pool = [Node(0.5, name="x"), Node(0.3, name="y")]
    for i in range(n):
        a, b = pool[-1], pool[int(rng.integers(max(0, len(pool) - 30), len(pool)))]
        pool.append((a * b).tanh() if i % 2 else a + b)
    pool[-1].backward()
    return pool[-1]


@pytest.mark.parametrize("sizes", [[2, 3, 2], [1, 1], [3, 1, 4], [4, 4, 3], [2, 5, 1], [5, 2, 2, 3]])
def test_in_a_network_no_card_lies_on_another(sizes):
    data = network_trace(tg.nn.MLP(sizes, rng=0), np.ones(sizes[0]), np.ones(sizes[-1]), "mse", "scalar", 0.1)
    scene = drawing(data, "t")
    boxes = [card.items[0] for card in cards(scene).values()]
    assert len(boxes) == len(data.nodes)
    for a, b in itertools.combinations(boxes, 2):
        assert abs(a.x - b.x) >= (a.w + b.w) / 2 - 4 or abs(a.y - b.y) >= (a.h + b.h) / 2 - 1
    for box in boxes:
        assert box.w / 2 <= box.x <= scene.width - box.w / 2
        assert box.h / 2 <= box.y <= scene.height - box.h / 2


def test_a_small_matrix_stands_in_full_on_its_card():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    data = network_trace(mlp, X, RHO, "mse", "layer", 0.1)
    node = next(node for node in data.nodes if node.quantity == "omega[1]")
    card = cards(drawing(data, "t"))[f"node-{node.id}"]
    maps = {group.cls: [text.what.unicode for text in group.items] for group in card.items if isinstance(group, Group)}
    assert maps["value-map"] == [number_text(x) for x in mlp.layers[0].weights.value.flat]
    texts = next(group.items for group in card.items if isinstance(group, Group) and group.cls == "value-map")
    assert [len({text.y for text in texts[i : i + 3]}) for i in (0, 3)] == [1, 1]  # rows ...
    assert [len({text.x for text in texts[i::3]}) for i in range(3)] == [1, 1, 1]  # ... and columns
    assert len({(text.x, text.y) for text in texts}) == 6
    assert maps["gradient-map"] == [number_text(x) for x in np.ravel(node.gradient.entries)]


def test_a_large_array_is_a_heat_map_with_its_shape_and_range():
    values = np.linspace(-1.0, 1.0, 48 * 62).reshape(48, 62)
    y = Node(values, name="big").sum()
    card = cards(drawing(trace(y, fresh=True), "t"))["node-n0"]
    texts = [item.what.unicode for item in card.items if isinstance(item, Text)]
    assert {"48×62", "−1 … 1"} <= set(texts)
    squares = next(item for item in card.items if isinstance(item, Group) and item.cls == "value-map").items
    cells, frame, scale, largest, said = squares
    means = values.reshape(24, 2, 31, 2).mean(axis=(1, 3))  # squares of entries, so that the shape stays what it is
    assert [box.fill for box in cells.items] == [heat(x, abs(means).max()) for x in means.flat]
    assert frame.w / frame.h == pytest.approx(62 / 48)
    assert [box.fill for box in scale.items] == [heat(step, 4.0) for step in range(-4, 5)]
    assert (largest.what.unicode, said.what.unicode) == (f"±{number_text(abs(means).max())}", "means over 2×2")


@pytest.mark.parametrize(
    ("shape", "means"), [((8, 12), ""), ((65,), "means over 1×3"), ((784, 128), "means over 33×33"), ((3, 5, 7), "")]
)
def test_cells_are_squares_of_entries_and_say_so(shape, means):
    numbers = numbers_of(np.arange(float(np.prod(shape))).reshape(shape))
    assert numbers.means == means
    assert np.max(numbers.cells) <= numbers.high
    assert max(len(numbers.cells) / 24, len(numbers.cells[0]) / 32) <= 1


def test_the_graph_view_shows_large_arrays_as_heat_maps_too():
    y = Node(np.repeat([[-1.0, 1.0]], 8, axis=0).repeat(12, axis=1), name="big").sum()
    y.backward()
    dot = draw.graph(y, detail="tensor").render("dot").decode()
    assert dot.count('BGCOLOR="#0b5ad6"') == 8 * 12 + 2  # and in the scales
    assert dot.count('BGCOLOR="#c93b10"') == 8 * 12 + 8 * 24 + 2  # the gradient is one everywhere
    assert b"<svg" in draw.graph(y, detail="tensor").render("svg")


@pytest.mark.parametrize(("x", "largest"), [(0.0, 0.0), (np.nan, 1.0), (np.inf, np.inf), (1.0, np.nan), (-np.inf, 2.0)])
def test_a_number_that_is_none_has_a_color(x, largest):
    assert re.fullmatch("#[0-9a-f]{6}", heat(x, largest))


def test_ten_thousand_nodes_become_an_overview_in_seconds():
    y = mess(6600)
    began = time.process_time()
    picture = draw.graph(y)
    dot = picture.render("dot").decode()
    assert time.process_time() - began < 5.0
    assert "24 stages by depth, because the graph has 990" in dot
    assert dot.count("shape=circle") == 25  # and the result
    ET.fromstring(picture.render("svg"))  # noqa: S314  our own file


def test_an_overview_counts_every_op_once_and_keeps_ranges_and_gradients():
    y = mess(300)
    data = trace(y)
    small, _ = stages(data)
    made = [node for node in data.nodes if node.op]
    counted = sum(int(node.op.split()[0]) for node in small.nodes if node.op and node.op.endswith(" ops"))
    assert counted == len(made) - 1
    assert small.nodes[-1].value == data.nodes[-1].value
    assert max(n.value.high for n in small.nodes) == max(n.value.high for n in data.nodes)
    assert max(n.gradient.high for n in small.nodes) == max(n.gradient.high for n in data.nodes)
    assert {e.target for e in small.edges} <= {node.id for node in small.nodes}


def test_the_range_of_a_stage_is_that_of_all_entries_of_its_arrays():
    y = Node(np.array([-3.0, 5.0]), name="x")
    for _ in range(200):
        y = y * 1.0
    y = y.sum()
    y.backward()
    small, _ = stages(trace(y))
    assert {(n.value.low, n.value.high) for n in small.nodes[:-1]} == {(-3.0, 5.0)}


def test_connections_that_skip_stages_are_left_out_where_they_would_be_too_many_and_that_is_said():
    y = x = Node(0.5, name="x")
    seen = [x]
    for i in np.random.default_rng(0).integers(0, 10**6, 800):
        y = (y * seen[i % len(seen)]).tanh()
        seen.append(y)
    small, said = stages(trace(y))
    assert re.search(r"; \d+ connections that skip a stage are not drawn", said)
    assert len(small.edges) <= 60


def test_every_node_of_a_larger_graph_is_placed_by_ourselves_without_an_engine(monkeypatch):
    monkeypatch.setenv("PATH", "")
    picture = draw.graph(mess(200), detail="tensor")
    began = time.process_time()
    svg = picture.render("svg").decode()
    assert time.process_time() - began < 5.0
    root = ET.fromstring(svg)  # noqa: S314  our own file
    assert len(root.findall(".//*[@class='node op']")) == 299
    assert picture.render("html").count(b"<svg") == 1


@pytest.mark.parametrize("form", ["svg", "png", "pdf", "html"])
def test_what_is_too_large_in_full_is_refused_with_a_way_out(form):
    y = Node(1.0)
    for _ in range(2001):
        y = y.tanh()
    picture = draw.graph(y, detail="tensor")
    with pytest.raises(
        tg.InvalidValue, match=r"has 2002 nodes, and a picture of every node takes at most 2000; det.*auto"
    ):
        picture.render(form)
    assert picture.render("dot").startswith(b"digraph")


def test_a_graph_whose_edges_cross_too_many_rows_is_refused_with_a_way_out():
    y = x = Node(0.5, name="x")
    for _ in range(600):
        y = y * x
    with pytest.raises(tg.InvalidValue, match=r"the edges of this graph cross 1\d{5} rows"):
        draw.graph(y, detail="tensor").render("svg")
    assert b"stages" in draw.graph(y).render("dot")


def test_a_stage_says_what_it_holds():
    x = y = tg.Node(0.5, name="x")
    for _ in range(1000):
        y = (y * x).tanh()
    small, said = stages(trace(y, fresh=True))
    assert (len(small.nodes), small.nodes[1].name) == (26, "depth 1 to 84: 42 ×, 42 tanh")
    assert said == "24 stages by depth, because the graph has 2001 nodes"


SMALL = [
    [2, 3, 2],
    [1, 1],
    [3, 1, 4],
    [4, 4, 3],
    [2, 5, 1],
    [5, 2, 2, 3],
    [2, 2, 2, 2],
    [1, 5, 4, 1],
    [5, 5],
    [3, 4, 4],
]


@pytest.mark.parametrize("sizes", SMALL)
@pytest.mark.parametrize("seed", range(3))
def test_in_a_network_no_card_covers_a_card_and_no_line_runs_under_a_foreign_card(sizes, seed):
    rng = np.random.default_rng(seed)
    mlp = tg.nn.MLP(sizes, rng=seed)
    data = network_trace(mlp, rng.normal(size=sizes[0]), rng.normal(size=sizes[-1]), "mse", "scalar", 0.1)
    scene = drawing(data, "t")
    boxes = {name: card.items[0] for name, card in cards(scene).items()}
    for a, b in itertools.combinations(boxes.values(), 2):
        assert abs(a.x - b.x) >= (a.w + b.w) / 2 - 0.5 or abs(a.y - b.y) >= (a.h + b.h) / 2 - 0.5
    wires = [item for item in scene.items if isinstance(item, Group) and item.id.startswith("edge-")]
    weights = [edge.source for edge in data.edges]
    for wire, edge in zip(wires, data.edges, strict=True):
        own = {f"node-{edge.source}", f"node-{edge.target}"}
        for other in data.edges:  # the card of a weight stands on the connection that it is the weight of
            if other.target == edge.target and other.source in weights:
                own.add(f"node-{other.source}")
        for line in [item for item in wire.items if isinstance(item, Line)]:
            for t in np.linspace(0, 1, 25):
                x, y = line.x1 + t * (line.x2 - line.x1), line.y1 + t * (line.y2 - line.y1)
                for name, box in boxes.items():
                    inside = abs(x - box.x) < box.w / 2 - 1 and abs(y - box.y) < box.h / 2 - 1
                    assert name in own or not inside, (wire.id, name)


@pytest.mark.parametrize("sizes", SMALL)
def test_what_flows_back_stands_on_its_own_wire_and_on_no_other(sizes):
    data = network_trace(tg.nn.MLP(sizes, rng=0), np.ones(sizes[0]), np.ones(sizes[-1]), "mse", "scalar", 0.1)
    wires = [item for item in drawing(data, "t").items if isinstance(item, Group) and item.id.startswith("edge-")]
    flows = {wire.id: group.items[0] for wire in wires for group in wire.items if isinstance(group, Group)}
    lines = [(wire.id, line) for wire in wires for line in wire.items if isinstance(line, Line)]
    for (one, a), (other, b) in itertools.combinations(flows.items(), 2):
        assert abs(a.x - b.x) >= (a.w + b.w) / 2 or abs(a.y - b.y) >= (a.h + b.h) / 2, (one, other)
    for name, box in flows.items():
        for other, line in lines:
            inside = [
                (x, y)
                for t in np.linspace(0, 1, 60)
                for x, y in [(line.x1 + t * (line.x2 - line.x1), line.y1 + t * (line.y2 - line.y1))]
                if abs(x - box.x) < box.w / 2 and abs(y - box.y) < box.h / 2 - 2
            ]
            length = max([np.hypot(x - inside[0][0], y - inside[0][1]) for x, y in inside], default=0.0)
            assert other == name or length < 6, (name, other)
