import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.network_trace import network_trace
from tinygrad_ed.draw.trace import Trace, trace
from tinygrad_ed.graph.node import Node

SCHEMA = (Path(__file__).parents[2] / "docs" / "trace.md").read_text(encoding="utf-8")


def small() -> Trace:
    x, w = Node(3.0, name="x"), Node([[1.0, -2.0], [0.5, 4.0]], name="W1")
    y = (x * w + x).sum().tanh()
    y.backward()
    return trace(y)


def saved(content, tmp_path) -> Path:
    path = tmp_path / "trace.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("detail", ["scalar", "layer", "tensor"])
def test_a_network_comes_back_as_it_was_with_its_steps_and_can_be_played(detail, tmp_path):
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    data = network_trace(mlp, [0.5, -1.0], [1.0, 0.0], "mse", detail, 0.25)
    back = Trace.load(data.save(tmp_path / "t.json"))
    assert back == data
    assert back.to_json() == data.to_json()
    assert [step.numbers.unicode for step in back.steps] == [step.numbers.unicode for step in data.steps]
    assert draw.player(back).render("txt") == draw.player(data).render("txt")


@pytest.mark.parametrize(
    "value",
    [0.1 + 0.2, np.nan, -np.inf, 1e308, [], [[1.0, np.inf]], np.zeros((0, 3)), np.arange(200.0).reshape(2, 50, 2)],
)
@pytest.mark.parametrize("name", ["</script>", "half \ud800 pair", 'a"b\\', "\x00", "😀", None])
def test_every_kind_of_value_and_name_comes_back(value, name, tmp_path):
    data = trace(Node(value, name=name) * 2.0)
    back = Trace.load(data.save(tmp_path / "t.json"))
    assert data.compare(back).equal
    assert back.to_json() == data.to_json()


def test_a_picture_saves_its_trace_too(tmp_path):
    y = Node(2.0, name="x") * 3.0
    y.backward()
    assert Trace.load(draw.graph(y).save(tmp_path / "t.json")) == trace(y)
    assert Trace.load(draw.player(y).save(tmp_path / "p.json")) == trace(y, fresh=True)


def test_the_steps_of_a_large_graph_are_left_out():
    y = Node(1.0)
    for _ in range(2001):
        y = y.tanh()
    assert json.loads(trace(y).to_json())["steps"] is None
    assert len(json.loads(small().to_json())["steps"]) == len(small().steps)


DAMAGE = {
    "no object": (lambda d: [], "the file should be an object"),
    "another format": (lambda d: d.update(format="x"), "says it is 'x', not 'tinygrad_ed trace'"),
    "a later schema": (lambda d: d.update(schema=3), "has schema 3; this version reads 2"),
    "a schema in words": (lambda d: d.update(schema=True), "has schema True"),
    "no nodes": (lambda d: d.pop("nodes"), "the file has no 'nodes'"),
    "nodes that are no list": (lambda d: d.update(nodes={}), "nodes should be a list"),
    "an id twice": (lambda d: d["nodes"][1].update(id="n0"), "nodes has the same id twice"),
    "an unknown role": (
        lambda d: d["nodes"][0].update(role="banana"),
        r"nodes\[0\].role is 'banana'; it should be one",
    ),
    "a result without op": (lambda d: d["nodes"][-2].update(op=None), "is the result of an op, but names none"),
    "a leaf with inputs": (lambda d: d["nodes"][-2].update(role="input"), "is a leaf .input., but an edge leads to it"),
    "a name that is a number": (lambda d: d["nodes"][0].update(name=3), r"nodes\[0\].name should be text, not 3"),
    "text for a number": (lambda d: d["nodes"][0].update(value="3"), r"nodes\[0\].value should be a number, not '3'"),
    "a bool for a number": (lambda d: d["nodes"][0].update(value=True), "should be a number, not True"),
    "a number that is too large": (lambda d: d["nodes"][0].update(value=10**400), r"nodes\[0\].value is too large"),
    "another shape": (lambda d: d["nodes"][1]["gradient"].update(shape=[4], entries=[0, 0, 0, 0]), "another shape"),
    "too few entries": (lambda d: d["nodes"][1]["value"]["entries"].pop(), r"entries should be a list of 2"),
    "no entries": (lambda d: d["nodes"][1]["value"].update(entries=None), "should be there for up to 64"),
    "a shape without end": (lambda d: d["nodes"][1]["value"].update(shape=[1] * 99), "1 to 64 lengths"),
    "a huge shape": (lambda d: d["nodes"][1]["value"].update(shape=[10**9] * 3), "should be null for more than 64"),
    "a root that is not there": (lambda d: d.update(root="n99"), "root names no node"),
    "an edge to nowhere": (lambda d: d["edges"][0].update(target="n99"), r"edges\[0\].target names no node: 'n99'"),
    "an edge backward": (lambda d: d["edges"][0].update(source="n4"), "leads backward"),
    "edges out of order": (lambda d: d["edges"].reverse(), "not in the order of their targets"),
    "a slot below zero": (lambda d: d["edges"][0].update(slot=-1), "slot should be a whole number from 0"),
    "a contribution of another shape": (lambda d: d["edges"][0].update(contribution=[1]), "should be a number"),
    "closed in words": (lambda d: d.update(closed="x"), "closed should be an object"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_is_refused_with_one_line_that_names_the_place(what, tmp_path):
    damage, message = DAMAGE[what]
    content = json.loads(small().to_json())
    changed = damage(content)
    path = saved(changed if what == "no object" else content, tmp_path)
    with pytest.raises(tg.FileProblem, match=message) as caught:
        Trace.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_was_cut_off_anywhere_is_refused(tmp_path):
    text = small().to_json()
    for end in range(0, len(text) - 1, 97):
        with pytest.raises(tg.FileProblem, match="it is no JSON, or cut off"):
            Trace.load(saved(text[:end], tmp_path))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": NaN}', "\ufeff{}", "null", ""])
def test_what_is_no_trace_at_all_is_refused(text, tmp_path):
    with pytest.raises(tg.FileProblem, match="is not a trace"):
        Trace.load(saved(text, tmp_path))


def test_bytes_that_are_no_text_and_a_missing_file_are_refused(tmp_path):
    path = tmp_path / "t.json"
    with pytest.raises(tg.FileProblem, match=r"cannot read .*t\.json.*: No such file"):
        Trace.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(tg.FileProblem, match="is not a trace"):
        Trace.load(path)


NAMES = ["x", "nan", "net input", "mse", "zeta[1]", "rho", "alpha[0,1]", "omega[1,7,7]", "cost"]
ODD = st.sampled_from([None, True, -1, 0, 1.5, 10**400, *NAMES, [], [[]], {}, {"shape": []}, [1, 2]])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_put_into_a_file_it_is_read_or_refused(data, tmp_path):
    mlp = tg.nn.MLP([2, 1], rng=1)
    kind = data.draw(st.sampled_from(["any", "scalar", "layer"]))
    whole = small() if kind == "any" else network_trace(mlp, [0.5, -1.0], [1.0], "mse", kind, 0.1)
    content = json.loads(whole.to_json())
    content["steps"] = None
    at = content
    while isinstance(at, dict | list) and at:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.integers(0, 5)) == 0:
            if isinstance(at, list) and data.draw(st.booleans()):
                del at[key]
            else:
                at[key] = data.draw(ODD)
            break
        at = at[key]
    try:
        back = Trace.load(saved(content, tmp_path))
    except tg.FileProblem:
        return
    draw.player(back).render("html")


def test_a_save_that_fails_damages_nothing(tmp_path):
    with pytest.raises(tg.InvalidValue, match=r"must end with \.json"):
        small().save(tmp_path / "trace.txt")
    with pytest.raises(tg.FileProblem, match="cannot save"):
        small().save(tmp_path / "gone" / "trace.json")
    assert list(tmp_path.iterdir()) == []


def test_every_key_is_described():
    content = json.loads(small().to_json())
    array = content["nodes"][1]["value"]
    for part in (content, content["nodes"][0], content["edges"][0], content["steps"][0], array):
        for key in part:
            assert re.search(rf"^\| (`\w+` )*`{key}`", SCHEMA, re.M), key


def test_traces_are_compared_by_what_they_hold():
    assert small() == small()
    other = copy.deepcopy(small())
    other.nodes[0].name = "y"
    assert small() != other
