import re
import shutil
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw import backends
from tinygrad_ed.draw.graph import to_dot
from tinygrad_ed.draw.style import BEHIND_TEXT, clean, heat, number_text
from tinygrad_ed.draw.trace import trace
from tinygrad_ed.graph.node import Node

ENGINES = ["pygraphviz", *(["dot"] if shutil.which("dot") else [])]
HOSTILE = [
    "<lambda> <map>",
    "a|b {c}",
    "C:\\new\\node",
    "α<β & γ",
    "<b>hi",
    "ends in \\",
    "</script>",
    "]]>",
    "\"double\" 'single'",
    "x" * 200,
    "😀 emoji",
    "\\N \\G \\l",
    "&amp; &#92;",
    "<<TABLE></TABLE>>",
    "line\nbreak\x00nul",
]


def dot(node, **options):
    return draw.graph(node, **options).render("dot").decode()


def read(svg: bytes):
    """All text of an SVG, and all its tooltips."""
    root = ET.fromstring(svg)  # noqa: S314  our own file
    texts = [e.text.replace("\xa0", " ").strip() for e in root.iter() if e.text]
    return texts, [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("title")]


@pytest.mark.parametrize("engine", ENGINES)
def test_hostile_names_come_out_as_they_went_in(engine):
    y = Node(1.0)
    for name in HOSTILE:
        y = y * Node(1.5, name=name)
    y.backward()
    texts, tips = read(draw.graph(y, engine=engine).render("svg"))
    for shown in map(clean, HOSTILE):
        assert (shown if len(shown) <= 32 else shown[:31] + "…") in texts
        assert any(tip.startswith(shown + ",") for tip in tips)


@pytest.mark.parametrize("name", ['<b> & "x" \\N \\', "</svg>"])
def test_hostile_titles_and_layers_come_out_as_they_went_in(name):
    y = Node(1.0) * 2.0
    texts, _ = read(draw.graph(y, title=name).render("svg"))
    assert name in texts
    strange = to_dot(trace(y, layers={y: name}))
    texts, _ = read(backends.render(strange, "svg"))
    assert name in texts


@pytest.mark.parametrize("engine", ENGINES)
def test_the_numbers_in_the_picture_are_those_of_the_nodes(engine):
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    cost = tg.nn.costs.mse(mlp(Node([[0.5, -1.0]], name="x")), [[1.0, 0.0]])
    cost.backward()
    texts, _ = read(draw.graph(cost, detail="tensor", engine=engine).render("svg"))
    for parameter in mlp.parameters():
        assert parameter.name in texts
        for entry in np.ravel(parameter.value):
            assert number_text(entry) in texts
        for entry in np.ravel(parameter.grad):
            assert number_text(entry) in texts
    assert number_text(cost.value) in texts


def test_not_computed_zero_and_a_number_look_different():
    x, z = Node(2.0, name="x"), Node(3.0, name="z")
    y = x * 0.5 + z * 0.0
    assert "∂ –" in dot(y)
    assert "∂ = " not in dot(y)
    assert "call backward() first" in dot(y)
    y.backward()
    text = dot(y)
    assert "∂ = 0.5<" in text
    assert "∂ = 0<" in text
    assert "∂ –" not in text


def test_an_edge_says_what_arrives_times_the_local_derivative():
    x = Node(3.0, name="x")
    y = x * x
    y.backward()
    assert dot(y).count('[label=" 1 · 3 = 3 "]') == 2


def test_after_two_sweeps_the_caption_says_whose_gradients_these_are_and_the_edges_are_bare():
    x = Node(2.0, name="x")
    y = x * x
    y.backward()
    assert "∂: the derivative of the last result, from the last backward()." in dot(y)
    (x * 5.0).backward()
    text = dot(y)
    assert "∂: from another backward()" in text
    assert "∂ = 5<" in text
    assert "[label=" not in text.split("op_n1 -> n1")[1]
    assert "On an edge" not in text


def test_a_result_above_the_swept_one_has_no_gradient_and_the_caption_says_whose_the_others_are():
    x = Node(2.0, name="x")
    y = x * x
    y.backward()
    text = dot(y * 3.0)
    assert "∂: from another backward()" in text
    assert "∂ = 4<" in text
    assert text.count("∂ –") == 1  # the root
    assert "derivative of the last result" not in text
    assert " · " not in text


def test_a_seed_and_what_came_from_above_are_said_in_the_caption():
    x = Node(2.0, name="x")
    y = x * x
    y.backward(seed=0.5)
    assert "∂: from a backward() that brought 0.5 to the last result." in dot(y)
    assert dot(y).count('[label=" 0.5 · 2 = 1 "') == 2
    (y * 3.0).backward()
    assert "that brought 3 to the last result." in dot(y)


def test_tensors_are_rounded_boxes_ops_are_circles_and_the_leaves_differ_in_shape():
    w = Node(2.0, name="W1")
    y = (Node(3.0, name="x") * w + 1.0).tanh()
    text = dot(y)
    node = {key: re.search(rf"^ *{key} \[(.*)\]$", text, re.M)[1] for key in ("n0", "n1", "op_n2", "n2", "n3")}
    assert "peripheries=2" in node["n0"]  # W1 was made first
    assert "penwidth=2" in node["n1"]
    assert "shape=circle" in node["op_n2"]
    assert "rounded" in node["n2"]
    assert "dashed" in node["n3"]
    assert len({re.search("fillcolor=(.*?),", node[key])[1] for key in ("n0", "n1", "n2", "n3")}) == 4
    assert "record" not in text


def test_layers_are_clusters():
    mlp = tg.nn.MLP([2, 3, 2])
    text = dot(tg.nn.costs.mse(mlp([[1.0, 2.0]]), [[0.0, 0.0]]), detail="tensor")
    assert text.count("subgraph cluster_") == 2
    assert 'label="layer 1"' in text
    inside = text[text.index("cluster_1") : text.index("  }")]
    assert "W1" in inside
    assert "b1" in inside
    assert "W2" not in inside


def test_the_detail_layer_draws_one_box_a_layer_and_auto_takes_it_for_large_graphs():
    small = tg.nn.MLP([2, 3, 2])
    text = dot(small([[1.0, 2.0]]), detail="layer")
    assert re.findall("op_n[0-9]+ \\[.*?label=(.*?),", text) == ['"layer 1"', '"layer 2"']
    assert "W1" not in text
    large = tg.nn.MLP([2, *[3] * 40, 2])(np.ones((1, 2)))
    assert "One box a layer, because the graph has" in dot(large)
    assert "subgraph cluster_" in dot(large, detail="tensor")


def test_an_unknown_detail_is_refused_with_the_nearest():
    with pytest.raises(tg.InvalidValue, match="Did you mean 'tensor'"):
        draw.graph(Node(1.0) * 2.0, detail="tensors")
    with pytest.raises(tg.InvalidType, match="a graph is drawn from its last Node"):
        draw.graph([1.0])  # type: ignore[arg-type]


def test_above_one_hundred_and_forty_edges_labels_become_tooltips():
    x = y = Node(1.0)
    for _ in range(75):
        y = y + x
    y.backward()
    text = dot(y)
    assert text.count("edgetooltip=") == 150
    assert '[label=" ' not in text


def test_large_arrays_are_summarized_small_ones_written_out():
    y = Node(np.linspace(-1.0, 1.0, 100), name="big") * 2.0
    assert "−1 … 1" in dot(y)
    assert dot(y).count('<TD FIXEDSIZE="TRUE"') == 2 * (25 + 9)  # a strip for either array, with its scale
    assert len(dot(y)) < 9000
    assert all(f";{n}<" in dot(Node([1.5, -2.5, 7.0]) * 1.0) for n in ("1.5", "−2.5", "7"))


@pytest.mark.parametrize("detail", ["auto", "tensor", "layer", "scalar"])
def test_an_array_without_entries_is_drawn(detail):
    y = Node(np.zeros((0, 3)), name="x").sum()
    text = dot(y, detail=detail)
    assert "0×3" in text
    assert "no entries" in text
    assert ("<B>x</B>" in text) == (detail != "scalar")  # nothing is gained by writing out nothing
    assert ">0<" in text
    y.backward()
    assert "∂ = no entries" in dot(y, detail=detail)


def test_two_runs_give_equal_bytes():
    def run() -> str:
        x = Node(0.5, name="x")
        y = (x * 2.0 + x).tanh()
        y.backward()
        return dot(y)

    assert run() == run()


def test_text_for_ten_thousand_ops_and_sixty_doublings_takes_under_a_second():
    y = Node(1.0)
    for _ in range(10_000):
        y = y.tanh()
    z = Node(1.0)
    for _ in range(60):
        z = z + z
    began = time.process_time()
    assert dot(y, detail="tensor").count("shape=circle") == 10_000
    assert dot(z).count(" -> op_n") == 120
    assert time.process_time() - began < 1.0


def test_an_op_of_the_reader_with_a_hostile_name_is_drawn():
    strange = tg.op('<x> "y" \\N', lambda x: x + 1.0, lambda g, y, x: g)
    texts, _ = read(draw.graph(strange(Node(1.0))).render("svg"))
    assert '<x> "y" \\N' in texts


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("small", [True, False])
def test_hostile_names_come_out_of_our_own_rows_and_of_an_overview_as_they_went_in(engine, small):
    y = Node(1.0)
    for i in range(160):
        y = y * Node(1.5, name=HOSTILE[i % len(HOSTILE)])
    picture = draw.graph(y, detail="auto" if small else "tensor", title="<title> & ]]>", engine=engine)
    root = ET.fromstring(picture.render("svg"))  # noqa: S314  our own file
    seen = "".join(root.itertext()).replace("\xa0", " ")
    if not small:
        for shown in map(clean, HOSTILE):
            assert (shown if len(shown) <= 14 else shown[:13] + "…") in seen
    assert picture.render("png").startswith(b"\x89PNG")
    assert "<title> & ]]>" in seen


@pytest.mark.parametrize("color", ["value", "gradient"])
def test_boxes_can_be_colored_by_value_or_gradient_on_a_scale_with_a_legend(color):
    a, b, unused = Node(-4.0, name="a"), Node(2.0, name="b"), Node(0.0, name="c")
    y = a * b + unused
    y.backward()
    text = dot(y, color=color)
    fills = dict(re.findall(r'^ *(n\d+) \[.*?fillcolor="(#\w+)"', text, re.M))
    shown = {"value": (-4.0, 2.0, 0.0, -8.0, -8.0), "gradient": (2.0, -4.0, 1.0, 1.0, 1.0)}[color]
    largest = max(map(abs, shown))
    assert list(fills.values()) == [heat(x, largest, BEHIND_TEXT) for x in shown]
    assert f">{color} {number_text(-largest)}<" in text
    assert f">{number_text(largest)}<" in text
    before = dot(Node(1.0) * 2.0, color="gradient")
    assert ">not computed<" in before
    assert before.count('fillcolor="#f0f1f3"') == 3


def test_a_larger_graph_is_colored_too_and_an_unknown_color_is_refused():
    y = Node(0.5)
    for _ in range(160):
        y = y.tanh()
    y.backward()
    svg = draw.graph(y, detail="tensor", color="gradient").render("svg").decode()
    assert f'fill="{heat(1.0, 1.0, BEHIND_TEXT)}"' in svg
    with pytest.raises(tg.InvalidValue, match=r"color='grad' is nothing that .* Did you mean 'gradient'"):
        draw.graph(y, color="grad")


def test_an_array_is_colored_by_its_entry_farthest_from_zero():
    y = Node([-4.0, 1.0], name="a").sum()
    text = dot(y, detail="tensor", color="value")
    assert re.search(f'n0 .*fillcolor="{heat(-4.0, 4.0, BEHIND_TEXT)}"', text)
    assert re.search(f'n1 .*fillcolor="{heat(-3.0, 4.0, BEHIND_TEXT)}"', text)
