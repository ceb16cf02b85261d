"""The source of a program runs with NumPy alone and gives what the program gives; what has no text is refused."""

import collections
import enum
import functools
import math

import numpy as np
import pytest
import scipy.special
from op_calls import space_of, weighted
from op_table import ROWS
from tape_examples import B, W, X, Y, refused
from test_tape_levels import LABELS, SAMPLES, cost, levels_of, parameters_of
from test_tape_reading import run

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

ALL_COSTS = [(activation, name) for activation in tg.nn.activations.NAMES for name in tg.nn.costs.NAMES]


def agrees(f, *args):
    """Compile and run: the source gives what the program gives, the kinds of the results included."""
    compiled = compile(f)
    expected, found = leaves(compiled(*args)), leaves(run(compiled, *args))
    single = any([np.asarray(x).dtype == np.float32 for x in leaves(args)])
    rtol = 1e-5 if single else 1e-12
    for a, b in zip(found, expected, strict=True):
        assert type(a) is type(b) or (isinstance(a, float) and isinstance(b, float))
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(np.abs(b), initial=1.0))
    return compiled


@pytest.mark.parametrize("row", [row for row in ROWS if not refused(row)], ids=str)
def test_the_source_of_every_op_needs_numpy_alone(row):
    gradient = tg.value_and_grad(weighted(row), tuple(range(len(row.shapes))))
    xs = row.arguments()
    for args in (xs, [x.astype(np.float32) if isinstance(x, np.ndarray) else x for x in xs]):
        agrees(gradient, *args)
        if row.op != "array" and (row.op, row.shapes) != ("getitem", ((),)):  # these need a Node
            agrees(lambda *xs: row.call(space_of(row), *xs), *args)


@pytest.mark.parametrize(("activation", "name"), ALL_COSTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_source_of_every_training_step_needs_numpy_alone(activation, name, dtype):
    phi, chosen = tg.nn.activations.find(activation), tg.nn.costs.find(name)
    labels = {"cross_entropy": np.array([2, 0, 1]), "bce": (Y > 0.15).astype(dtype)}
    y = labels.get(name, np.sign(Y - 0.15).astype(dtype))

    def step(w, b, x, y):
        value, (d_w, d_b) = tg.value_and_grad(lambda w, b: chosen(phi(x @ w + b), y), (0, 1))(w, b)
        return value, w - 0.1 * d_w, b - 0.1 * d_b

    agrees(step, W.astype(dtype), B.astype(dtype), X.astype(dtype), y)


def test_the_source_of_a_levelled_program_needs_numpy_alone():
    parameters = parameters_of([2, 8, 8, 1])
    compiled = agrees(tg.value_and_grad(lambda p: cost(p, SAMPLES, LABELS)), parameters)
    assert levels_of(compiled)

    def of_many(xs):
        bent = [tg.sigmoid(x) * tg.softplus(x) + abs(x) + tg.where(x > 0.5, x, -x) + tg.sqrt(x * x + 1.0) for x in xs]
        return sum(bent)

    assert levels_of(agrees(tg.value_and_grad(of_many), np.linspace(-2.0, 2.0, 400).tolist()))


def test_a_function_of_python_numbers_is_defined_above():
    compiled = agrees(tg.grad(tg.softplus), 0.5)
    assert compiled.source().startswith("""import math


def sigmoid_of(x):
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


def""")


ARRAYS = [
    np.array([math.nan, math.inf, -math.inf, -0.0, 0.1, 1e-320]),
    np.array([[0.1, -2.5], [math.nan, 1.0]], np.float32),
    np.array([0.1, math.inf], np.float16),
    np.array([0.1, 1 / 3], np.longdouble),
    np.array(2.5),
    np.array(-7),
    np.array([True, False]),
    np.array([2**62, -1]),
    np.array([200, 1], np.uint8),
    np.array([1.5, -2.0], np.dtype(float).newbyteorder()),
    np.zeros((0, 3)),
    np.zeros((2, 0, 1), np.float32),
    np.zeros((0,), int),
    np.arange(24.0).reshape(2, 3, 4)[::-1, :, ::2].T,
    np.random.default_rng(0).standard_normal((300, 70)),
    np.float64(1 / 3),
    np.float32(-np.inf),
    np.int8(-3),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_constants_are_written_to_the_last_bit(array):
    compiled = compile(lambda x: (x, array))
    compiled(1.0)
    (_, found) = run(compiled, 1.0)
    found = np.asarray(found)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)
    assert np.array_equal(np.signbit(found), np.signbit(array)) or array.dtype.kind in "ub"


def test_slices_dtypes_and_other_arguments_are_written():
    class Axis(enum.IntEnum):
        LAST = 1

    Pair = collections.namedtuple("Pair", ["first", "second"])  # as NumPy's own are made
    places = np.array([[2, 0], [1, 1]])

    def f(p):
        x = p[None, 1.5]
        parts = [x[::-1, None, ..., 1:], x[places], x[x[:, 0] > -9.0], np.sum(x, axis=Axis.LAST), x[range(2)]]
        return Pair({True: parts, (1, -2.5): x.astype(np.float32)}, [(x > 0) | (x < -1), x.astype(np.int8) % 3])

    agrees(f, {(None, 1.5): X})
    agrees(lambda x: np.linalg.eigh(x @ x.T), X)


def test_names_of_the_reader_and_of_the_text_stay_apart():
    def max(K, sigmoid_of, i):  # noqa: A001, N803  # names that the text uses
        return tg.softplus(K) * np.array([2.0, 3.0]) + tg.sigmoid(sigmoid_of) * i

    agrees(max, 0.5, -0.25, 2.0)
    strange = tg.op("2 max", lambda x: x + 1.0, lambda g, y, x: g)
    agrees(tg.value_and_grad(lambda x: strange(x) * tg.softplus(x)), 0.5)


SHIFT, TABLE = np.array([1.0, 2.0, 3.0]), {"a": 2.0}


def shifted(x, /, by: float = math.pi, *, more=0.5):
    """Shift."""
    total: float = by + TABLE["a"]
    return np.array([entry + total for entry in x]) + SHIFT[:2] - more


@functools.wraps(shifted)
def wrapped(*args):
    return shifted(*args)


def ours_in_pairs(k):
    return tg.op("a pair", lambda x: k * x, lambda g, y, x: k * g), tg.op(
        "other", lambda x, k=k: x - k, lambda g, y, x: g
    )


def test_functions_of_the_reader_are_written_with_all_that_they_use():
    times, minus = ours_in_pairs(3.5)
    erf = tg.op("erf of SciPy", scipy.special.erf, lambda g, y, x: g * math.exp(-1.0) + 0.0 * x)
    inside = tg.op("inside", lambda x: scipy.special.expit(x).round(2), lambda g, y, x: g)
    steps = tg.op("whole", lambda x: np.floor(x).astype(int), lambda g, y, x: 0.0 * g)
    lists = tg.op("lists", lambda x: x.tolist(), lambda g, y, x: g)
    first = tg.op("first", shifted, lambda g, y, x: g)
    second = tg.op("second", wrapped, lambda g, y, x: g)
    cube = tg.op("cube", lambda x: x**3, lambda g, y, x: 3.0 * g * x**2, scalar=lambda x: x * x * x)
    for made in (times, minus, erf, inside, steps, lists, first, second, cube):
        compiled = agrees(tg.value_and_grad(lambda x, made=made: (made(x) * 3.0).sum()), X)
        assert f" = {made.name.partition(' of')[0]}(" in str(compiled)
    for made in (times, minus, erf, steps, cube):
        agrees(tg.value_and_grad(made), 0.7)
    compiled = compile(lambda x: erf(x))
    compiled(X)
    assert compiled.source().startswith("from scipy.special import erf as ")


class Callable:
    def __call__(self, x):
        return x + 1.0


def counting():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return x * 1.0

    return f


def from_text():
    space = {}
    exec("def f(x): return x + 1.0", space)  # noqa: S102  # a function whose text is in no file
    return space["f"]


@pytest.mark.parametrize(
    "forward", [Callable(), Callable().__call__, counting(), from_text(), functools.partial(np.add, 1.0)]
)
def test_what_has_no_text_is_refused(forward):
    made = tg.op("without text", forward, lambda g, y, x: g)
    compiled = compile(lambda x: made(x))
    compiled(X)
    assert "without text" in str(compiled)
    with pytest.raises(tg.InvalidValue, match=r"source\(\) is to run with NumPy alone, and has no text for"):
        compiled.source()


def test_a_function_said_with_this_package_is_refused():
    made = tg.op("said with ours", lambda x: tg.sigmoid(x), lambda g, y, x: g)
    compiled = compile(lambda x: made(x))
    compiled(X)
    with pytest.raises(tg.InvalidValue, match="tinygrad_ed"):
        compiled.source()
