"""Random draws, clocks and counters in a compiled function are found by the cross-check."""

import random
import time

import numpy as np
import pytest
from test_tape_refusals import X

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

GENERATOR, PYTHON_GENERATOR = np.random.default_rng(0), random.Random(0)  # noqa: S311  # no secret


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: x * np.random.standard_normal(3),  # the old way to draw
        lambda x: x * GENERATOR.standard_normal(3),
        lambda x: x * random.random(),  # noqa: S311  # no secret
        lambda x: x * PYTHON_GENERATOR.random(),
        tg.grad(lambda x: (x * (GENERATOR.random(3) < 0.5)).sum()),
    ],
)
def test_a_random_draw_is_found_at_the_first_call(draw):
    with pytest.raises(tg.StaleGraph, match="The first step that differs"):
        compile(draw)(X)


@pytest.mark.parametrize("draw", [lambda x: x * np.random.default_rng().random(3), lambda x: x * time.perf_counter()])
def test_a_draw_that_leaves_no_state_is_found_too(draw):
    with pytest.raises(tg.StaleGraph, match="it draws, or asks the time"):
        compile(draw)(X)


def test_a_function_that_treats_recorded_values_in_another_way_is_found():
    with pytest.raises(tg.StaleGraph, match="it asks for the kind of its arguments"):
        compile(lambda x: x * 2.0 if isinstance(x, np.ndarray) else x * 3.0)(X)
    with pytest.raises(tg.StaleGraph, match=r"2 entries, .*itself gives 1, nested"):
        compile(lambda x: [x] if isinstance(x, np.ndarray) else [x, x[:0]])(X)


def test_one_huge_number_on_the_way_hides_no_draw():
    def f(x):
        masked = np.where(x > 0, x, -1e9)  # as softmax is told to leave something out
        shares = np.exp(masked - masked.max())
        return shares / shares.sum() * np.random.default_rng().random(3)

    with pytest.raises(tg.StaleGraph, match="it draws"):
        compile(f)(np.float32([0.5, 1.5, -1.0]))


def test_a_counter_is_found():
    count = 0

    def f(x):
        nonlocal count
        count += 1
        return x * count

    with pytest.raises(tg.InvalidValue, match="itself changes count"):
        compile(f)(X)
    history = []

    def logs(x):
        history.append(1.0)
        return x * 2.0

    with pytest.raises(tg.InvalidValue, match="itself changes the length of history"):
        compile(logs)(X)
