"""The picture of a compiled program: every step, every use, and nothing that a name could break."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.draw.backends import render
from tinygrad_ed.draw.program import MOST, to_dot
from tinygrad_ed.tape.listing import ProgramStep

X, Y = np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 1.0]]), np.ones((3, 2))


def cost(w, b, x, y):
    return tg.nn.costs.mse(np.tanh(x @ w + b), y)


@pytest.fixture
def step():
    compiled = tg.compile(tg.value_and_grad(cost, argnums=(0, 1)))
    compiled(np.ones((2, 2)), np.zeros(2), X, Y)
    return compiled


def parsed(dot):
    """The boxes (id: attributes) and the edges (from, to, attributes) of DOT text, by the names in the tooltips."""
    boxes = dict(re.findall(r"^  (s\d+) \[(.*)\]$", dot, re.M))
    names = {node: re.search(r'tooltip="(\w+)', text)[1] for node, text in boxes.items()}
    edges = [(names[a], names[b], more) for a, b, more in re.findall(r"^  (s\d+) -> (s\d+)(.*)$", dot, re.M)]
    return {names[node]: text for node, text in boxes.items()}, edges


def test_every_step_has_a_box_and_every_use_an_edge(step):
    boxes, edges = parsed(tg.draw.program(step).render("dot").decode())
    steps = step.tape.steps()
    assert set(boxes) == {"w", "b", "x", "y"} | {one.target for one in steps}
    uses = {(source, one.target) for one in steps for source in one.sources}
    assert {(b, a) if "dir=back" in more else (a, b) for a, b, more in edges} == uses
    assert len(edges) == len(uses)
    for one in steps:
        assert str(one.shape) in boxes[one.target] or not one.shape
        assert one.buffer in boxes[one.target]


def test_forward_goes_down_and_the_derivative_up(step):
    boxes, edges = parsed(tg.draw.program(step.tape).render("dot").decode())
    back = {one.target for one in step.tape.steps() if one.derivative}
    assert {"d_subtract", "d_add", "d_w", "d_b"} < back
    assert not back & {"matmul", "add", "tanh", "subtract", "divide"}
    for a, b, more in edges:
        assert ("dir=back" in more) == (a in back and b in back)
        assert ("constraint=false" in more) == (a not in back and b in back)
    assert {name for name, box in boxes.items() if "penwidth=2.4" in box} == {"divide", "d_w", "d_b"}
    assert {name for name, box in boxes.items() if "dashed" in box} == {
        one.target for one in step.tape.steps() if one.buffer == "view"
    }


@pytest.mark.parametrize("form", ["svg", "png", "pdf", "html"])
def test_it_is_drawn_in_every_format(step, form):
    picture = tg.draw.program(step, title='a <b> & "c" \\N')
    drawn = picture.render(form)
    assert len(drawn) > 3000
    if form == "svg":
        text = " ".join(ET.fromstring(drawn).itertext())  # noqa: S314  # our own
        for one in step.tape.steps():
            assert one.target in text
        assert 'a <b> & "c" \\N' in text
        assert "16 steps" in text


def test_equal_programs_give_equal_text_and_hostile_names_are_text(step):
    again = tg.compile(tg.value_and_grad(cost, argnums=(0, 1)))
    again(np.zeros((2, 2)), np.ones(2), X, Y)
    assert tg.draw.program(step).render("dot") == tg.draw.program(again).render("dot")
    name = '</TABLE>"];<script>\\N&'
    dot = to_dot([ProgramStep(name, name, ("x",), (2,), name, name, name, False)], [name], name)
    tree = ET.fromstring(render(dot, "svg"))  # noqa: S314  # our own
    assert [element for element in tree.iter() if "script" in element.tag] == []
    assert name in " ".join(tree.itertext())


def test_a_program_by_levels_and_one_without_steps_have_pictures():
    levels = tg.compile(lambda xs: sum([tg.tanh(x * 0.5) * x for x in xs]))
    levels([0.01 * k for k in range(300)])
    assert "by levels" in tg.draw.program(levels).render("dot").decode()
    nothing = tg.compile(lambda x: x)
    nothing(X)
    assert tg.draw.program(nothing).render("svg")


def test_what_cannot_be_drawn_is_refused_in_words(step):
    with pytest.raises(tg.InvalidType, match=r"a program is drawn from what tg.compile returned.*but got 3"):
        tg.draw.program(3)
    with pytest.raises(tg.InvalidValue, match="call cost once"):
        tg.draw.program(tg.compile(cost))
    long = tg.compile(lambda x: [x := np.sin(x) for _ in range(MOST + 1)][-1])
    long(X)
    with pytest.raises(tg.InvalidValue, match=r"has 151 steps, and a picture takes at most 150; print\(tape\)"):
        tg.draw.program(long)


def test_the_results_of_a_tape_have_the_names_of_its_source(step):
    assert step.tape.results() == ["divide", "d_w", "d_b"]
    assert "return (divide, (d_w, d_b))" in step.source()
    constant = tg.compile(lambda x: (x + 1.0, 2.5))
    constant(X)
    assert constant.tape.results() == ["t", "2.5"]
