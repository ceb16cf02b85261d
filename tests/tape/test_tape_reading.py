"""A program can be read: as a table, as a Python function that runs, and as plain data."""

import math
import re

import numpy as np
import pytest
from tape_examples import B, W, X, Y, cost, equal

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs


def run(compiled, *args, **keywords):
    """Execute the source of a tape, which needs nothing else, and call the function in it."""
    text, space = compiled.source(), {}
    assert "tinygrad_ed" not in text
    assert not re.search(r"\btg\b", text)
    exec(text, space)  # noqa: S102  # that it can be executed is what is tested
    name = re.findall(r"^def (\w+)", text, re.MULTILINE)[-1]
    return space[name](*args, **keywords)


def test_the_source_of_a_network_is_numpy_alone_and_can_stand_on_a_slide():
    compiled = compile(tg.value_and_grad(cost))
    compiled({"W": W, "b": B}, X, Y)
    assert (
        compiled.source()
        == """import numpy as np


def cost(p, x, y):
    p_W = p['W']
    p_b = p['b']
    matmul = x @ p_W  # (3, 3)
    add = matmul + p_b  # (3, 3)
    tanh = np.tanh(add)  # (3, 3)
    subtract = tanh - y  # (3, 3)
    square = np.square(subtract)  # (3, 3)
    multiply = 0.5 * square  # (3, 3)
    sum = np.add.reduce(multiply, axis=None)
    divide = sum / 3.0
    # the derivative: from the result back
    t = 2.0 * subtract  # (3, 3)
    d_subtract = 0.16666666666666666 * t  # (3, 3)
    t_2 = tanh * tanh  # (3, 3)
    t_3 = 1.0 - t_2  # (3, 3)
    d_add = d_subtract * t_3  # (3, 3)
    d_p_b = np.add.reduce(d_add, axis=(0,))  # (3,)
    t_4 = x.T  # (2, 3)
    d_p_W = t_4 @ d_add  # (2, 3)
    return (divide, {'W': d_p_W, 'b': d_p_b})
"""
    )
    equal(run(compiled, {"W": W, "b": B}, 2.0 * X, Y), tg.value_and_grad(cost)({"W": W, "b": B}, 2.0 * X, Y))


def test_the_table_has_a_line_for_each_step_with_shape_and_buffer():
    compiled = compile(tg.value_and_grad(cost))
    compiled({"W": W, "b": B}, X, Y)
    lines = str(compiled).splitlines()
    steps = compiled.tape.steps()
    assert lines[0] == "cost: 16 steps of 16 recorded ones, 288 bytes of buffers"
    assert re.fullmatch(r"1 steps on single .*; made in [\d.e-]+ s", lines[1])
    assert len(lines) == 2 + len(steps)
    for line, step in zip(lines[2:], steps, strict=True):
        assert line.startswith(f"{step.target} = {step.op}(")
        assert str(step.shape) in line
        assert line.endswith(step.buffer)
    assert lines[2].split() == ["matmul", "=", "matmul(x,", "p_W)", "(3,", "3)", "b0"]


def test_the_steps_are_plain_data_that_hang_together():
    compiled = compile(tg.value_and_grad(cost))
    compiled({"W": W, "b": B}, X, Y)
    known = {"x", "y", "p_W", "p_b"}
    for step in compiled.tape.steps():
        assert set(step.sources) <= known
        assert step.target not in known
        known.add(step.target)
    assert [step.derivative for step in compiled.tape.steps()] == [False] * 8 + [True] * 8
    assert {"d_p_W", "d_p_b"} <= known


def test_decisions_stand_in_the_table_with_their_lines():
    compiled = compile(lambda x: (x if x.sum() > 0 else -x)[x > 0.0].sum())
    compiled(np.abs(X))
    text = str(compiled)
    assert "decision 0: sum" in text or "decision 0: t_" in text
    assert "is True" in text
    assert "decision 1: shape of" in text
    assert "test_tape_reading.py:" in text


@pytest.mark.parametrize(("power", "line"), [(2, "d_x = 2.0 * x"), (3, "t_4 = np.power(x, 2.0)")])
def test_what_is_constant_in_a_rule_is_folded(power, line):
    compiled = compile(tg.grad(lambda x: (x**power).sum()))
    for x in (np.arange(3.0), np.arange(3.0) - 1.0):
        equal(compiled(x), power * x ** (power - 1.0))
    assert line.partition(" = ")[2] in compiled.source()
    assert "where" not in compiled.source()


def test_names_that_python_has_taken_are_changed():
    compiled = compile(lambda p: p["lambda"] * p["np"] + p["a b"] + p["1"])
    p = {"lambda": 2.0, "np": 3.0, "a b": 4.0, "1": 5.0}
    assert compiled(p) == 15.0
    assert run(compiled, p) == 15.0


def test_constants_are_named_and_written_out():
    data = np.arange(3.0)
    compiled = compile(lambda x: x * data + np.where(x > np.inf, -np.inf, -0.0))
    compiled(B * 0.0)
    assert "K = np.array([0.0, 1.0, 2.0], dtype=np.float64)" in compiled.source()
    equal(run(compiled, B * 0.0 + 1.0), data)


def test_a_function_of_the_reader_keeps_its_op():
    cube = tg.op("cube of a reader", lambda x: x**3, lambda g, y, x: g * 3 * x**2)
    compiled = compile(tg.value_and_grad(lambda x: cube(x).sum()))
    equal(compiled(X), (np.sum(X**3), 3 * X**2))
    equal(run(compiled, 2.0 * X), (np.sum(8 * X**3), 12 * X**2))
    assert "cube of a reader" in str(compiled)


def test_the_source_writes_constants_that_are_not_finite_and_gives_floats_for_float32():
    for number in (math.inf, -math.inf, math.nan):
        compiled = compile(tg.grad(lambda x, number=number: x * number))
        compiled(2.0)
        np.testing.assert_equal(run(compiled, 2.0), number)
    compiled = compile(tg.value_and_grad(lambda x: x.sum() * 0.1))
    x = X.astype(np.float32)
    assert type(compiled(x)[0]) is type(run(compiled, x)[0]) is float


def test_names_of_arguments_and_their_parts_stay_apart():
    def of_dict(p, p_w):
        return p["w"] * p_w

    def of_list(w, w_0, w_0_a):
        return w[0]["a"][0] * w_0 + w_0_a

    def of_many(x1, *xs):
        return x1 + 2.0 * xs[0]

    absolute, tanh = np.absolute, np.tanh

    def hiding(abs, slice, np):  # noqa: A002  # names that the text of a program uses
        return absolute(abs) * slice + tanh(np)

    for f, args in (
        (of_dict, ({"w": 2.0}, 5.0)),
        (of_list, ([{"a": [3.0]}], 5.0, 0.25)),
        (of_many, (1.0, 2.0)),
        (hiding, (1.0, 2.0, 3.0)),
        (abs, (-X,)),
    ):
        compiled = compile(f)
        equal(compiled(*args), f(*args))
        equal(run(compiled, *args), f(*args))
        assert compiled.source() == compiled.source()


def test_the_source_gives_floats_where_the_call_does():
    single = X.astype(np.float32)
    for f, args in (
        (lambda x, y: tg.ops.sum(x) * y, (X, single)),
        (lambda x: tg.ops.mean(x) + 0.1, (single,)),
        (lambda x: tg.ops.sum(x), (np.arange(3),)),
    ):
        compiled = compile(f)
        expected, found = compiled(*args), run(compiled, *args)
        assert type(found) is type(expected)
        equal(found, expected)
