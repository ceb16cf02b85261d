"""Graphs of tens of thousands of single numbers: by levels where they are wide, else by lines of Python."""

import functools
import itertools
import math
import operator

import numpy as np
import pytest
from tape_examples import equal
from test_tape_reading import run

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs
from tinygrad_ed.tape.levels import MANY, Levels
from tinygrad_ed.tape.traced import Traced


def network(parameters, x):
    """A network of single Nodes, as micrograd builds it."""
    for k, layer in enumerate(parameters):
        x = [sum((w * v for w, v in zip(weights, x, strict=True)), bias) for weights, bias in layer]
        x = [z.relu() for z in x] if k < len(parameters) - 1 else x
    return x[0]


def parameters_of(sizes, seed=0):
    draw = np.random.default_rng(seed)
    return [
        [([draw.uniform(-1, 1) for _ in range(n_in)], draw.uniform(-1, 1)) for _ in range(n_out)]
        for n_in, n_out in itertools.pairwise(sizes)
    ]


def cost(parameters, samples, labels):
    losses = [(1.0 - y * network(parameters, x)).relu() for x, y in zip(samples, labels, strict=True)]
    size = sum([w * w for layer in parameters for weights, _ in layer for w in weights])
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * size


SAMPLES = [[math.cos(k), math.sin(k)] for k in range(40)]
LABELS = [1.0 if k % 2 else -1.0 for k in range(40)]


def levels_of(compiled):
    return [step.fn for step in compiled.tape.program.steps if isinstance(step.fn, Levels)]


def test_a_wide_graph_is_done_by_levels_and_gives_the_same():
    f = tg.value_and_grad(lambda p: cost(p, SAMPLES, LABELS))
    compiled = compile(f)
    for seed in range(3):
        parameters = parameters_of([2, 8, 8, 1], seed)
        equal(compiled(parameters), f(parameters))
    (levels,) = levels_of(compiled)
    assert int(compiled.tape.why.split()[0]) > 10_000
    assert len(levels.groups) < 50
    assert "done level by level in" in compiled.tape.why
    text = str(compiled)
    assert "multiply" in text
    assert "sum of 9" in text
    parameters = parameters_of([2, 8, 8, 1], 5)
    equal(run(compiled, parameters), f(parameters))


def test_every_function_of_numbers_can_be_levelled():
    def f(xs):
        parts = []
        for x in xs:
            y = tg.sin(x) * tg.exp(x) - x / (x * x + 1.0) + tg.tanh(x) ** 2 + tg.sigmoid(x) + tg.softplus(-x)
            y = y + tg.where(x > 0.5, x, -x) + abs(x) + tg.sqrt(x * x + 1.0) + tg.relu(x) + tg.log(x * x + 2.0)
            parts += [y * (x >= 0), -y * ((x < 0.3) | (x > 2.0))]
        return sum(parts)

    xs = [np.random.default_rng(k).uniform(-2.0, 2.0) for k in range(300)]
    g = tg.value_and_grad(f)
    compiled = compile(g)
    compiled(xs)
    assert len(levels_of(compiled)) == 1
    equal(compiled(xs[::-1]), g(xs[::-1]), 1e-11)


def test_numbers_from_arrays_and_arrays_of_numbers_stand_around_the_levels():
    def f(x):
        parts = [x[i] * x[i + 1] + tg.tanh(x[i]) for i in range(400)]
        return (tg.stack(parts) ** 2).sum() + tg.exp(parts[0])

    def value(x):
        return tg.vjp(f, x)[0]

    compiled = compile(value)
    x = np.linspace(-1.0, 1.0, 401)
    for factor in (1.0, 0.5):
        equal(compiled(x * factor), value(x * factor))
    assert len(levels_of(compiled)) == 1


def test_a_chain_is_too_narrow_and_becomes_lines_of_python():
    def f(x):
        y = x
        for _ in range(1500):
            y = tg.sin(y) * 1.01
        return y

    g = tg.value_and_grad(f)
    compiled = compile(g)
    compiled(0.5)
    assert compiled(0.7) == g(0.7)  # Python's numbers: the same to the last bit
    assert levels_of(compiled) == []
    assert "too narrow for levels" in compiled.tape.why
    assert "math.sin(" in compiled.tape.text


def test_a_few_numbers_are_lines_of_python():
    compiled = compile(lambda x, y: x * y + 1.0)
    assert compiled(2.0, 3.0) == 7.0
    assert compiled.tape.why == f"2 steps on single numbers: lines of Python (levels pay from {MANY})"


def test_numbers_that_wait_for_an_array_come_after_the_levels():
    def f(xs):
        first = [x * 2.0 for x in xs]
        mean = tg.stack(first).mean()
        return tg.stack([x * mean for x in first]).sum()

    xs = [float(k) for k in range(MANY)]
    compiled = compile(lambda xs: tg.vjp(f, xs)[0])
    equal(compiled(xs), f([tg.Node(x) for x in xs]).item())
    assert compiled.tape.why.startswith(f"{MANY} steps")  # and the second thousand are lines of Python


def test_long_sums_are_added_in_the_order_of_the_chain():
    xs = [[np.random.default_rng(k).uniform(-1, 1) * 10.0 ** (k % 9) for k in range(n, n + 300)] for n in range(4)]

    def f(xs):
        # (Python's own sum corrects its rounding, from 3.12 on, where it meets floats.)
        return [functools.reduce(operator.add, [x * 1.5 for x in row]) for row in xs]

    compiled = compile(f)
    assert compiled(xs) == f(xs)
    assert len(levels_of(compiled)) == 1
    again = [row[::-1] for row in xs]
    assert compiled(again) == f(again)


def test_partial_sums_that_others_read_are_kept():
    def f(xs):
        out = []
        for k in range(0, len(xs), 4):
            a, b, c, d = xs[k : k + 4]
            first = a + b
            second = first + c
            third = c + d
            out += [first, d + second, second * first, (a + c) + (b + d), (b + c) * 2.0 + d, third, third + a]
        return out

    compiled = compile(f)
    xs = np.random.default_rng(0).standard_normal(1200).tolist()
    assert compiled(xs) == f(xs)
    assert len(levels_of(compiled)) == 1
    assert compiled(xs[::-1]) == f(xs[::-1])


def test_a_decision_on_a_levelled_number_is_kept():
    def f(xs):
        total = sum([x * x * 0.5 + x for x in xs])
        return total if total > 0 else -total

    compiled = compile(f)
    xs = [1.0] * 500
    assert compiled(xs) == 750.0
    assert len(levels_of(compiled)) == 1
    with pytest.raises(tg.StaleGraph, match="branch on a number"):
        compiled([-1.0] * 500)


@pytest.mark.parametrize("seed", range(6))
def test_random_wide_graphs_agree(seed):
    draw = np.random.default_rng(seed)
    binary = [operator.add, operator.sub, operator.mul, lambda a, b: tg.maximum(a, b), lambda a, b: a / (2.0 + b * b)]
    unary = [tg.tanh, tg.sin, tg.relu, operator.neg, tg.square, lambda x: x * 0.5, lambda x: x + 1.0, tg.sigmoid]
    plan = [
        (binary[draw.integers(len(binary))], draw.random(), draw.random())
        if draw.random() < 0.7
        else (unary[draw.integers(len(unary))], draw.random(), None)
        for _ in range(1200)
    ]

    def f(xs):
        values = list(xs)
        for fn, i, j in plan:
            a = values[int(i * min(len(values), 200))]
            values.append(fn(a) if j is None else fn(a, values[int(j * len(values))]))
        return sum([tg.tanh(v) for v in values[len(xs) :]])

    g = tg.value_and_grad(f)
    compiled = compile(g)
    xs = [draw.uniform(-1, 1) for _ in range(50)]
    compiled(xs)
    again = [draw.uniform(-1, 1) for _ in xs]
    equal(compiled(again), g(again), 1e-10)


def test_levels_are_not_traced_values():
    compiled = compile(lambda xs: sum([x * x for x in xs]))
    compiled([1.0] * MANY)
    assert not any([isinstance(x, Traced) for x in vars(levels_of(compiled)[0]).values()])


def test_constants_that_are_equal_and_not_the_same_are_kept_apart():
    def f(xs):
        return [[x * 0.0, x * -0.0, x * math.nan, x * 1.0, x + 0.0, x + -0.0] for x in xs]

    xs = [-0.0, *[0.5 + k for k in range(MANY)]]
    compiled = compile(f)
    found = compiled(xs)
    assert levels_of(compiled)
    assert np.array(leaves(found)).tobytes() == np.array(leaves(f(xs))).tobytes()


def test_a_truth_value_of_numbers_is_no_node():
    with pytest.raises(tg.InvalidType, match="real numbers, not bool"):
        compile(lambda x: tg.Node(x > 0.0) * 1.0)(0.5)


def chain(xs, signs):
    total = xs[0] * signs[0]
    for x, sign in zip(xs[1:], signs[1:], strict=True):
        total = total + x * sign
    return total


@pytest.mark.parametrize(
    ("first", "middle", "last", "total"), [(1e16, 1.0, -1e16, 0.0), (1.5e308, 1.0, -1.5e308, math.inf)]
)
def test_a_chain_that_is_alone_is_added_in_its_order_too(first, middle, last, total):
    signs = [1.0] * 2 * MANY
    compiled = compile(chain)
    compiled(signs, signs)
    assert len(levels_of(compiled)) == 1
    assert f"sum of {2 * MANY}    1 number, twice" in str(compiled.tape)
    xs = [first, first if total else middle, *[middle] * (2 * MANY - 3), last]
    for found in (compiled(xs, signs), run(compiled, xs, signs)):
        assert found == chain(xs, signs) == total


def test_truth_values_leave_the_levels_as_truth_values():
    xs = [0.1 + 0.002 * k for k in range(MANY)]

    def f(xs):
        masks = [x * x - x + x * 2.0 > 0.5 for x in xs]
        return masks, [mask & (x > 0.3) for mask, x in zip(masks, xs, strict=True)], np.stack(masks)

    compiled = compile(f)
    for found in (compiled(xs), run(compiled, xs)):
        assert levels_of(compiled)
        for a, b in zip(leaves(found), leaves(f(xs)), strict=True):
            assert type(a) is type(b)
            assert np.array_equal(a, b)

    powers = tg.value_and_grad(lambda xs: sum([(x * x + 1.0) ** np.maximum(x * x - x, 0.3) for x in xs], 0.0))
    compiled = compile(powers)  # its rule combines masks
    equal(compiled(xs), powers(xs))
    assert levels_of(compiled)


@pytest.mark.parametrize("number", [10**400, 2**53 + 1])
def test_whole_numbers_that_no_float_holds_are_left_to_python(number):
    xs = [1.0 + k for k in range(MANY)]
    compiled = compile(lambda xs: [x * x < number for x in xs])
    assert compiled(xs) == [x * x < number for x in xs]
    assert "a whole number among them is no float" in compiled.tape.why
