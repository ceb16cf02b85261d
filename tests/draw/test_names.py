"""Hostile names, titles and messages at every door: nothing that a terminal obeys or that no file can hold."""

import contextlib
import re
import time
import warnings

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import cli
from tinygrad_ed.draw.style import clean
from tinygrad_ed.draw.trace import Trace, trace
from tinygrad_ed.errors import printable
from tinygrad_ed.nn import MLP

NAMES = {
    "a terminal escape": "a\x1b[31mred\x1b]0;title\x07",
    "half a surrogate pair": "a\ud800b",
    "a null": "a\x00b",
    "ends of lines": "a\nb\r\u2028c",
    "an escape of one byte": "a\x9b31mb\x85",
    "turned round": "a\u202eb\u2066\u200f",
}
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u2028-\u202e\u2066-\u2069]")
X, RHO = np.array([[0.5, -1.0]]), np.array([[1.0]])


def graph(name):
    x, w = tg.Node([[0.5, 1.0]], name=name), tg.Node([[1.0], [2.0]], name=name + "w")
    y = tg.tanh(x @ w)
    y.name = name + "y"
    root = y.sum()
    root.name = name + "root"
    root.backward()
    return x, root


def net(name="W1"):
    mlp = MLP([2, 1], rng=0)
    mlp.layers[0].weights.name, mlp.layers[0].bias.name = name, name + "b"
    return mlp


def own_op(name):
    return tg.op(name, lambda x: x * 1.0, lambda g, y, x: g)


def message(f):
    with pytest.raises(tg.Error) as caught:
        f()
    return str(caught.value)


def raises(name):
    raise ValueError(name)


def in_every_form(picture):
    return [picture.render(form).decode() for form in picture.formats if form not in ("png", "pdf")] + [repr(picture)]


def stale(name):
    x, root = graph(name)
    x.value = [[1.0, 1.0]]
    root.backward()


def not_finite(name):
    mlp = net(name)
    mlp.layers[0].weights.value = [[np.nan], [1.0]]
    return tg.crosscheck(mlp, X, RHO)


DOORS = {
    "repr": lambda n: [repr(graph(n)[0]), f"{graph(n)[0]}"],
    "graph": lambda n: in_every_form(tg.draw.graph(graph(n)[1])),
    "player": lambda n: in_every_form(tg.draw.player(graph(n)[1])),
    "a title of a graph": lambda n: in_every_form(tg.draw.graph(graph("x")[1], title=n)),
    "a title of a player": lambda n: in_every_form(tg.draw.player(graph("x")[1], title=n)),
    "a title of a network": lambda n: in_every_form(tg.draw.network(net(), X, RHO, title=n)),
    "a title of a comparison": lambda n: in_every_form(tg.draw.compare(net(), X, RHO, title=n)),
    "a network": lambda n: in_every_form(tg.draw.network(net(n), X, RHO)),
    "a trace": lambda n: [trace(graph(n)[1]).to_json(), str(trace(graph(n)[1]).compare(trace(graph("b")[1])))],
    "a ledger": lambda n: [str(tg.ledger(net(n), X, RHO)), str(tg.crosscheck(net(n), X, RHO))],
    "what a rule raises": lambda n: [str(tg.crosscheck(net(), X, RHO, rules={"B_last": lambda *a: raises(n)}))],
    "an op": lambda n: [repr(own_op(n)), repr(own_op(n)(tg.Node(1.0)))],
    "an op in a picture": lambda n: in_every_form(tg.draw.graph(own_op(n)(tg.Node(1.0)))),
    "a contour": lambda n: [tg.plots.cost_contour(net(n), X, RHO, directions=(f"{n}[0,0]", f"{n}b[0]"), resolution=3)
                            .get_xlabel()],
    "shapes": lambda n: [message(lambda: graph(n)[0] @ graph(n)[0])],
    "float": lambda n: [message(lambda: float(graph(n)[1]))],
    "a seed": lambda n: [message(lambda: graph(n)[0].backward())],
    "an assignment": lambda n: [message(lambda: setattr(graph(n)[1], "value", 1.0))],
    "predict": lambda n: [message(lambda: net().predict(graph(n)[0]))],
    "an input": lambda n: [message(lambda: net(n)([1.0]))],
    "item": lambda n: [message(lambda: graph(n)[0].item())],
    "a stale graph": lambda n: [message(lambda: stale(n))],
    "a weight": lambda n: [message(lambda: not_finite(n))],
    "a cost": lambda n: [message(lambda: tg.crosscheck(net(), X, RHO, cost=n))],
    "a bad op": lambda n: [message(lambda: tg.op(n, lambda x: "text", lambda g, y, x: g)(tg.Node(1.0)))],
    "a file to read": lambda n: [message(lambda: MLP.load(n + ".npz"))],
    "a file to write": lambda n: [message(lambda: net().save("no/" + n + ".npz"))],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("door", DOORS)
def test_no_door_lets_a_hostile_name_through(door, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Matplotlib's about letters that its font lacks
        texts = DOORS[door](NAMES[name])
    assert texts
    for text in texts:
        assert not OBEYED.search(text)
        text.encode()


@pytest.mark.parametrize("name", ["half a surrogate pair", "a null"])
def test_a_file_that_no_file_system_can_name_is_one_lesson(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for write in (
        lambda path: net().save(path + ".npz"),
        lambda path: tg.draw.network(net(), X, RHO).save(path + ".svg"),
        lambda path: trace(graph("x")[1]).save(path + ".json"),
    ):
        with pytest.raises(tg.FileProblem, match="cannot save"):
            write(NAMES[name])
    assert list(tmp_path.iterdir()) == []


def test_what_the_command_line_prints(capsys, tmp_path):
    for argv in (
        ["check", "--activation", "\x1b[31m"], ["draw", "--out", tmp_path / "\x1b[31m.svg"], ["\x9b31m"],
        ["play", "--out", tmp_path / "a\u202eb.html"], ["check", "--weights", "\x1b[31m.json"], ["check", "--\x1b[31m"],
    ):  # fmt: skip
        with contextlib.suppress(SystemExit):
            cli.main([str(word) for word in argv])
        said = "".join(capsys.readouterr())
        assert said
        assert not OBEYED.search(said)


def test_names_stay_what_they_are_and_come_back_from_a_trace(tmp_path):
    for name in NAMES.values():
        assert graph(name)[0].name == name
        data = trace(graph(name)[1])
        assert Trace.load(data.save(tmp_path / "t.json")) == data


def test_text_and_signs():
    assert printable("é\x1b[1m\n\ud800\x9b ω\u202e") == "é\\x1b[1m\n\\ud800\\x9b ω\\u202e"
    assert clean("é\x1b\x9b\ud800\u202e\nω") == "é␛\ufffd\ufffd\ufffd␊ω"


def test_a_trace_of_parallel_edges_takes_time_linear_in_them():
    def seconds(uses):
        began = time.process_time()
        data = trace(tg.stack([tg.Node(2.0, name="x")] * uses).sum(), fresh=True)
        assert len(data.steps) > uses
        return time.process_time() - began

    seconds(10)
    few = min(seconds(1000) for _ in range(3))
    assert seconds(8000) < 24 * few  # eight times as much; it was sixty-four times


def test_the_equations_of_a_node_with_many_inputs_name_the_first_ten_and_the_one_that_counts():
    said = [
        step.general.unicode for step in trace(tg.stack([tg.Node(float(i)) for i in range(14)]).sum(), fresh=True).steps
    ]
    assert any("…" in line for line in said)
    assert len(said) > 14
