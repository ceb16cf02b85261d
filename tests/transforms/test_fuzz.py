"""Differential fuzzing: random programs, differentiated by us, by HIPS autograd and by central differences.

A program is data: a list of steps, each a function of values that are there already. Hypothesis draws it step by step
while NumPy computes it, so every step fits the shapes it meets. The same steps then run on Nodes, on autograd's boxes
and on plain arrays. What fuzzing found is kept below as tests with names.
"""

import string
from dataclasses import dataclass
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg

SHAPES = [(), (1,), (3,), (2, 3), (3, 1), (1, 3), (2, 1, 3), (3, 3), (2, 3, 3), (0, 3)]


@dataclass(frozen=True)
class Step:
    """One line of a program: `call(np, *values at these places)`."""

    text: str
    call: Any
    places: tuple[int, ...]


def run(steps, space, inputs):
    """All values of a program."""
    values = list(inputs)
    for step in steps:
        values.append(step.call(space, *[values[i] for i in step.places]))
    return values


def result(steps, space, inputs):
    """One number: every value counts, so every step is tested; tanh keeps it tame."""
    total = 0.0
    for k, value in enumerate(run(steps, space, inputs)):
        total = total + space.sum(space.tanh(value * (0.3 + 0.1 * k)) * weights(np.shape(value)))
    return total


def weights(shape):
    return np.cos(np.arange(1.0, np.prod(shape, dtype=int) + 1)).reshape(shape)


UNARY = {
    "tanh": lambda np, x: np.tanh(x),
    "sin": lambda np, x: np.sin(x),
    "exp": lambda np, x: np.exp(np.tanh(x)),
    "log": lambda np, x: np.log(1.5 + x * x),
    "sqrt": lambda np, x: np.sqrt(1.5 + x * x),
    "square": lambda np, x: np.tanh(x) ** 2,
    "reciprocal": lambda np, x: 1.0 / (2.0 + x * x),
    "negative": lambda np, x: -x,
    "arctan": lambda np, x: np.arctan(x),
    "power": lambda np, x: (1.2 + np.tanh(x)) ** 1.7,
    "transpose": lambda np, x: np.transpose(x),
    "ravel": lambda np, x: np.reshape(x, -1),
    "cumsum": lambda np, x: np.tanh(np.cumsum(x)),
    "expand": lambda np, x: np.expand_dims(x, -1),
    "squeeze": lambda np, x: np.squeeze(x),
}
BINARY = {
    "add": lambda np, a, b: a + b,
    "subtract": lambda np, a, b: a - b,
    "multiply": lambda np, a, b: np.tanh(a) * b,
    "divide": lambda np, a, b: a / (2.0 + b * b),
    "power": lambda np, a, b: (1.2 + np.tanh(a)) ** np.tanh(b),
    "logaddexp": lambda np, a, b: np.logaddexp(a, b),
    "arctan2": lambda np, a, b: np.arctan2(a, 2.0 + b * b),
    "where": lambda np, a, b: np.where(numpy_mask(np, a, b), a + 0.0 * b, b + 0.0 * a),
}
FOLDS = ("sum", "mean", "prod", "max", "min", "var")


def numpy_mask(_, a, b):
    """A condition that depends on places, not on values."""
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    return (np.arange(np.prod(shape, dtype=int)) % 2 == 0).reshape(shape)


@st.composite
def programs(draw):
    """Inputs and steps; NumPy computes along, so that only steps that fit are drawn."""
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    inputs = [rng.uniform(-1.5, 1.5, shape) if shape else float(rng.uniform(-1.5, 1.5)) for shape in shapes]
    steps, values = [], list(inputs)
    for _ in range(draw(st.integers(1, 7))):
        step = draw(steps_for(values))
        if step is None:
            continue
        value = step.call(np, *[values[i] for i in step.places])
        if np.size(value) <= 200:
            steps.append(step)
            values.append(value)
    return inputs, steps


@st.composite
def steps_for(draw, values):
    """A step that fits some of the values, or None."""
    i = draw(st.integers(0, len(values) - 1))
    j = draw(st.integers(0, len(values) - 1))
    a, b = values[i], values[j]
    shape, ndim = np.shape(a), np.ndim(a)
    kind = draw(
        st.sampled_from(["unary", "binary", "binary", "fold", "index", "matmul", "join", "broadcast", "einsum"])
    )
    if kind == "unary":
        # Of a number HIPS autograd's cumsum has no gradient: 'float' object has no attribute 'shape'.
        name = draw(st.sampled_from(sorted(UNARY if ndim else UNARY.keys() - {"cumsum"})))
        return Step(name, UNARY[name], (i,))
    if kind == "binary":
        name = draw(st.sampled_from(sorted(BINARY)))
        return Step(name, BINARY[name], (i, j)) if fits(np.broadcast_shapes, shape, np.shape(b)) else None
    if kind == "fold":
        return draw(folds(i, shape))
    if kind == "index":
        return draw(indexings(i, shape))
    if kind == "matmul":
        works = ndim and np.ndim(b) and fits(np.matmul, a, b)
        return Step("matmul", lambda np, a, b: np.tanh(np.matmul(a, b)), (i, j)) if works else None
    if kind == "join" and ndim:
        axis = draw(st.integers(-ndim, ndim - 1))
        if not fits(lambda: np.concatenate([a, b], axis=axis)):
            return None
        return Step(f"concatenate axis={axis}", lambda np, a, b: np.concatenate([a, b], axis=axis), (i, j))
    if kind == "broadcast" and shape:
        return Step("broadcast_to", lambda np, x: x + np.zeros((2, *shape)), (i,))
    if kind == "einsum" and ndim and fits(np.broadcast_shapes, shape, np.shape(b)) and shape == np.shape(b):
        letters = string.ascii_lowercase[:ndim]
        out = draw(st.sampled_from([letters, letters[::-1], letters[:1], ""]))
        text = f"{letters},{letters}->{out}"
        return Step(f"einsum {text}", lambda np, a, b: np.tanh(np.einsum(text, a, b)), (i, j))
    return None


def fits(f, *args):
    try:
        f(*args)
    except ValueError:
        return False
    return True


@st.composite
def folds(draw, i, shape):
    name = draw(st.sampled_from(FOLDS))
    keepdims = draw(st.booleans())
    axis = draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    folded = int(np.prod(shape if axis is None else shape[axis], dtype=int))
    if folded == 0 and name != "sum":
        return None
    options = {"axis": axis, "keepdims": keepdims}
    if name == "prod":  # autograd's rule divides by the entries
        return Step(f"prod {options}", lambda np, x: np.prod(1.5 + np.tanh(x), **options), (i,))
    return Step(f"{name} {options}", lambda np, x: getattr(np, name)(x, **options), (i,))


@st.composite
def indexings(draw, i, shape):
    if not shape or 0 in shape:
        return None
    n = shape[0]
    index = draw(
        st.one_of(
            st.integers(-n, n - 1),
            st.builds(slice, st.integers(-n, n), st.integers(-n, n)),
            st.just(slice(None, None, -1)),
            st.just((Ellipsis, 0)),
            st.just((None, slice(None))),
            st.lists(st.integers(-n, n - 1), min_size=1, max_size=4).map(np.array),
            st.lists(st.booleans(), min_size=n, max_size=n).map(np.array),
        )
    )
    return Step(f"[{index}]", lambda np, x: x[index], (i,))


bounded = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def ours(steps):
    return lambda *xs: result(steps, np, xs)


def described(program):
    inputs, steps = program
    return f"{[np.shape(x) for x in inputs]} {[(step.text, step.places) for step in steps]}"


@bounded
@given(programs())
def test_first_and_second_order_agree_with_autograd(program):
    inputs, steps = program
    places = tuple(range(len(inputs)))
    vs = [weights(np.shape(x)) + 0.2 for x in inputs]

    def slope(space, gradient):
        """The derivative along vs, a function that can be differentiated again."""
        return lambda *xs: sum(space.sum(g * v) for g, v in zip(gradient(*xs), vs, strict=True))

    reference = autograd.grad(lambda *xs: result(steps, anp, xs), places)
    first = tg.grad(ours(steps), places)
    for mine, theirs in zip(first(*inputs), reference(*inputs), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-9, err_msg=described(program))
    second = tg.grad(slope(np, first), places)(*inputs)
    theirs_second = autograd.grad(slope(anp, reference), places)(*inputs)
    for mine, theirs in zip(second, theirs_second, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-8, err_msg=described(program))


@bounded
@given(programs())
def test_gradients_agree_with_central_differences_and_forward_with_reverse(program):
    inputs, steps = program
    vs = tuple(weights(np.shape(x)) for x in inputs)
    h = 1e-5
    up, down = ([x + s * h * v for x, v in zip(inputs, vs, strict=True)] for s in (1, -1))
    expected = (result(steps, np, up) - result(steps, np, down)) / (2 * h)
    gradients = tg.grad(ours(steps), tuple(range(len(inputs))))(*inputs)
    along = sum(np.sum(np.asarray(g) * v) for g, v in zip(gradients, vs, strict=True))
    assert along == pytest.approx(expected, rel=1e-5, abs=1e-6), described(program)
    _, tangent = tg.jvp(ours(steps), tuple(inputs), tuple(float(v) if v.ndim == 0 else v for v in vs))
    assert tangent == pytest.approx(along, rel=1e-9, abs=1e-9), described(program)


@bounded
@given(programs())
def test_a_jacobian_in_one_batched_sweep_equals_row_by_row(program):
    inputs, steps = program
    places = tuple(range(len(inputs)))

    def last(*xs):
        return run(steps, np, xs)[-1] * 1.0

    y, pullback = tg.vjp(last, *inputs)
    rows = np.eye(np.size(y)).reshape(np.size(y), *np.shape(y))
    one_by_one = [pullback(row if np.ndim(y) else float(row)) for row in rows]
    for k, jacobian in enumerate(tg.jacobian(last, places)(*inputs)):
        shape = np.shape(y) + np.shape(inputs[k])
        expected = np.reshape([np.asarray(row[k]) for row in one_by_one], shape) if len(rows) else np.zeros(shape)
        np.testing.assert_allclose(jacobian, expected, rtol=1e-10, atol=1e-12, err_msg=described(program))
