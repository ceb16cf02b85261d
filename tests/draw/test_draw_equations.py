import re

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.draw.equations import (
    FORWARD,
    SLOPE,
    backward,
    brief,
    forward,
    math,
    name_term,
    summary,
    value_term,
)
from tinygrad_ed.draw.parts import numbers_of
from tinygrad_ed.draw.steps import labels
from tinygrad_ed.draw.trace import trace
from tinygrad_ed.graph.node import Node
from tinygrad_ed.notation.op_formulas import COSTS

NAMES = {"ln": np.log, "sin": np.sin, "cos": np.cos, "abs": abs, "sign": np.sign, "σ": lambda x: 1 / (1 + np.exp(-x))}
NAMES |= {"max": max, "clip": np.clip, "huber": lambda d: d * d / 2 if abs(d) <= 1 else abs(d) - 0.5, "e": np.e}
NAMES |= {
    "min": min,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "floor": np.floor,
    "trunc": np.trunc,
    "π": np.pi,
    "sqrt": np.sqrt,
}


def value(template: str, **numbers: float) -> float:
    """What a line of markup is as a formula of plain numbers."""
    text = template.replace("−", "-").replace("·", "*").replace("$", "").replace('"', "").replace("{1}/{2}", "0.5 *")
    text = (
        re.sub(r"\^\{([^}]*)\}", r"**(\1)", text).replace("^", "**").replace("√ x0", "x0 ** 0.5").replace("√", "sqrt")
    )
    text = re.sub(r"\bln (\w+)", r"ln(\1)", text)
    text = re.sub(r"(?<=[\w)]) (?=[(\w])(?!if|else)(?<!if )(?<!else )", " * ", text)
    return float(eval(text, {"__builtins__": {}}, {**NAMES, **numbers}))  # noqa: S307  our own templates


@pytest.mark.parametrize("op", SLOPE)
@pytest.mark.parametrize("a", [0.7, 1.9])
def test_the_derivative_that_is_written_for_an_op_is_its_derivative(op, a):
    function = getattr(tg, op, None) or getattr(np, op)
    a = {"arcsin": 0.3 * a, "arccos": 0.3 * a, "arctanh": 0.3 * a, "arccosh": 1.0 + a}.get(op, a)
    inputs = [a, 1.3][: len(SLOPE[op])]
    y = function(*inputs)
    if op in FORWARD and op not in ("sum", "matmul"):
        assert value(FORWARD[op], x0=inputs[0], x1=inputs[-1]) == pytest.approx(y, rel=1e-12)
    for slot, slope in enumerate(SLOPE[op]):
        wanted = tg.grad(lambda x, slot=slot: function(*[x if i == slot else v for i, v in enumerate(inputs)]))(
            inputs[slot]
        )
        assert value(slope, x0=inputs[0], x1=inputs[-1], y=y) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("cost", [name for name in COSTS if name != "cross_entropy"])
@pytest.mark.parametrize(("a", "r"), [(0.3, 1.0), (-2.5, 1.0), (0.4, -1.0), (2.0, -1.0)])
def test_the_cost_that_is_written_and_its_derivative_are_the_cost(cost, a, r):
    function = getattr(tg.nn.costs, cost)
    r = max(r, 0.0) if cost == "bce" else r
    term, slope = COSTS[cost]
    assert value(term, a=a, r=r) == pytest.approx(function(np.array([a]), np.array([r])), rel=1e-12)
    wanted = tg.grad(lambda x: function(x.reshape((1,)), np.array([r])))(a)
    assert value(slope, a=a, r=r) == pytest.approx(wanted, rel=1e-12)


def test_an_op_of_the_reader_is_written_as_a_function_and_a_fraction():
    terms = {"g": name_term("g"), "y": name_term("y"), "x0": name_term("x")}
    assert forward("my op", [name_term("x")]).unicode == "my op(x)"
    assert backward("my op", 0, True, terms).unicode == "g · ∂y/∂x"
    many = [name_term(f"v{i}") for i in range(12)]
    assert forward("stack", many).unicode.endswith("v₉, …)")


def test_an_op_that_has_lost_an_input_is_still_written():
    terms = {"g": name_term("g"), "y": name_term("y"), "x0": name_term("a")}
    assert forward("multiply", [name_term("a")]).unicode == "multiply(a)"
    assert backward("multiply", 0, True, terms).unicode == "g · ∂y/∂a"


@pytest.mark.parametrize("name", ["<b>", "a & b", "</math>", '"', "α<β", "$x0", "^{", "x" * 200])
def test_hostile_names_stay_names(name):
    element = math(name_term(name))
    assert element.count("<") == 4
    y = Node(2.0, name=name) * 3.0
    y.backward()
    assert [step.general.unicode for step in trace(y).steps]


def test_an_input_without_a_rule_gets_no_share_and_is_not_counted_as_a_use():
    pick = tg.op("pick", lambda x, i: x * 1.0, lambda g, y, x, i: g, None)
    x = Node(2.0, name="x")
    told = trace(pick(x, x), fresh=True).steps
    backward_ = [step for step in told if step.node == "n0"]
    assert [step.general.unicode for step in backward_] == ["∂v₁/∂x = ∂v₁/∂v₁ · ∂v₁/∂x"]
    assert "used" not in backward_[0].sentence


def test_brackets_stand_only_where_they_are_needed():
    assert value_term(numbers_of(-2.0)).unicode == "(−2)"
    assert forward("tanh", [value_term(numbers_of(-2.0))]).unicode == "tanh(−2)"
    assert forward("subtract", [value_term(numbers_of(-2.0)), value_term(numbers_of(-3.0))]).unicode == "(−2) − (−3)"
    assert forward("square", [value_term(numbers_of(-2.0))]).unicode == "(−2)²"


def test_what_goes_back_through_an_op_in_letters():
    terms = {"g": name_term("g"), "y": name_term("v7"), "x0": name_term("a"), "x1": name_term("b")}
    assert backward("multiply", 0, True, terms).unicode == "g · b"
    assert backward("matmul", 1, False, terms).unicode == "aᵀ g"
    assert forward("tanh", [terms["y"]]).unicode == "tanh(v₇)"


def test_a_value_in_a_small_room_is_written_out_or_is_a_range():
    vector = numbers_of([1.0, -2.0, 3.0])
    assert (brief(vector), brief(vector, 5), summary(vector)) == ("[1, −2, 3]", "−2 … 3", "−2 … 3")
    assert (summary(numbers_of(0.5)), summary(numbers_of([2.0, 2.0])), summary(numbers_of([]))) == (
        "0.5",
        "all 2",
        "no entries",
    )
    large = numbers_of(np.arange(100.0))
    assert (large.entries, len(large.cells), len(large.cells[0])) == (None, 1, 25)


def test_nodes_are_called_by_their_names_their_numbers_or_in_order():
    nodes = trace(Node(2.0, name="w") * 3.0 + 1.0).nodes
    assert labels(nodes) == {"n0": "w", "n1": "3", "n2": "v1", "n3": "1", "n4": "v2"}


def test_a_page_has_an_equation_and_its_text():
    shown = '<math alttext="= v₁"><mo>=</mo><msub><mi>v</mi><mn>1</mn></msub></math>'
    assert math(name_term("v1"), "=") == shown
    assert math(value_term(numbers_of(2.0))) == "<math><mn>2</mn></math>"
