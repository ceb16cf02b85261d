"""Random programs (those of test_fuzz.py), compiled and not: value, gradient, Jacobian and second derivatives agree."""

import numpy as np
from hypothesis import given
from tape_examples import equal
from test_fuzz import bounded, described, ours, programs, run, weights
from test_tape_reading import run as run_source

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs


def both(f, inputs, program):
    """Compiled at one point, compared there and at two others."""
    compiled = compile(f)
    for factor in (1.0, 0.9, -0.7):
        xs = [x * factor for x in inputs]
        try:
            equal(compiled(*xs), f(*xs), 1e-9)
        except AssertionError as error:
            error.add_note(f"{described(program)} at {factor}\n{compiled}")
            raise
    return compiled


@bounded
@given(programs())
def test_values_gradients_and_their_source_agree(program):
    inputs, steps = program
    f = tg.value_and_grad(ours(steps), tuple(range(len(inputs))))
    compiled = both(f, inputs, program)
    equal(run_source(compiled, *inputs), f(*inputs), 1e-9)


@bounded
@given(programs())
def test_jacobians_agree(program):
    inputs, steps = program
    both(tg.jacobian(lambda *xs: run(steps, np, xs)[-1] * 1.0, tuple(range(len(inputs)))), inputs, program)


@bounded
@given(programs())
def test_second_derivatives_agree(program):
    inputs, steps = program
    first = tg.grad(ours(steps), tuple(range(len(inputs))))
    vs = [weights(np.shape(x)) + 0.2 for x in inputs]

    def slope(*xs):
        return sum([np.sum(g * v) for g, v in zip(first(*xs), vs, strict=True)])

    both(tg.grad(slope, tuple(range(len(inputs)))), inputs, program)
