"""Found by composition: the whole table of ops, index forms, dtypes, views and layouts in random programs.

Each has three inputs and is recorded at one point. At another one, and at special values, three roads must agree, NaN
and inf included: the function, its program, and `source()` with NumPy alone; for the values, first or second
derivatives.
"""

import warnings

import numpy as np
import pytest
from op_table import ROWS
from tape_examples import refused
from test_tape_reading import run as run_source

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

TABLE = [row for row in ROWS if not refused(row) and all(0 not in shape for shape in row.shapes)]
OPS = sorted({row.op for row in TABLE})
SHAPES = [(), (3,), (1,), (2, 3), (3, 1), (3, 3), (2, 1, 3), (2, 3, 2)]
DTYPES = [float, float, float, np.float32, np.float32, np.int64, np.int8, np.uint8, bool]
SPECIAL = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e300, -1e300, 1e-300, 5e-324, 1.0]
LAYOUTS = [
    lambda x: x,
    np.asfortranarray,
    lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    lambda x: np.ascontiguousarray(x[::-1])[::-1],
    lambda x: np.broadcast_to(x[..., :1], x.shape) if x.size else x,
]
INDICES = [
    *(0, -1, slice(1, None), slice(None, None, -1), slice(None, None, 2), Ellipsis, None, (Ellipsis, 0)),
    *((None, Ellipsis, slice(0, 1)), [0, -1, 0], np.array([[0], [-1]]), (Ellipsis, np.array([0, 0]))),
]
UFUNCS = [np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.hypot, np.logaddexp, np.arctan2]
FOLDS = [np.sum, np.mean, np.max, np.min, np.prod, np.cumsum, np.any, np.argmax]


def an_input(rng, shape, dtype, layout, special=False):
    if not shape:
        return float(rng.choice(SPECIAL)) if special else float(rng.uniform(-2.0, 2.0))
    x = rng.uniform(-2.0, 2.0, shape) if np.dtype(dtype).kind == "f" else rng.integers(0, 100, shape)
    if special and np.dtype(dtype).kind == "f":
        x = np.where(rng.random(shape) < 0.4, rng.choice(SPECIAL, shape), x)
    with np.errstate(over="ignore"):
        return layout(x.astype(dtype))


def fitted(x, shape, domain):
    """What of a value the table's row takes: its shape, in its domain."""
    low, high = domain
    n = int(np.prod(shape, dtype=int))
    x = low + (high - low) * (0.5 + 0.45 * np.tanh(x * 0.5 + 0.01))
    if np.ndim(x):
        x = np.take(np.reshape(x, -1), np.arange(n) % np.size(x))
        return np.reshape(x + np.linspace(0.0, 0.05 * (high - low), n), shape) if shape else np.sum(x)
    return x * np.linspace(0.9, 1.0, n).reshape(shape) if shape else x


def a_step(rng, shapes):
    """One step, a function of the values so far, and what it is."""
    i, j = rng.integers(0, len(shapes), 2)
    kind = rng.choice(["row", "row", "row", "operator", "operator", "index", "fold", "cast", "choose", "positions"])
    if kind == "row":
        op = OPS[rng.integers(len(OPS))]
        of_op = [row for row in TABLE if row.op == op]
        row = of_op[rng.integers(len(of_op))]
        space = np if hasattr(np, row.op.split(".")[0]) else tg
        places = rng.integers(0, len(shapes), len(row.shapes))

        def step(v):
            given = [fitted(v[k], *about) for k, *about in zip(places, row.shapes, row.domains, strict=True)]
            return row.call(space, *given)

        return step, str(row)
    if kind == "operator":
        u, c = UFUNCS[rng.integers(len(UFUNCS))], [2, 3.0, -0.5, 1, 0][rng.integers(5)]
        steps = [
            lambda v: u(v[i], v[j]),
            lambda v: v[i] * v[j],
            lambda v: v[i] - c,
            lambda v: c * v[i],
            lambda v: v[i] / (2.0 + np.abs(v[j])),
            lambda v: (v[i] * 1.0) ** 2,
            lambda v: np.asarray(0.5) * v[i],
            lambda v: v[i] * np.ones(3, np.float32),
            lambda v: v[i] @ v[j],
        ]
        k = rng.integers(len(steps))
        return steps[k], f"operator {k} {u.__name__} {c} of {i}, {j}" + " in float32" * int(k == 7)
    if kind == "index":
        index = INDICES[rng.integers(len(INDICES))]
        return lambda v: v[i][index], f"{i}[{index}]"
    if kind == "fold":
        fold, axis = FOLDS[rng.integers(len(FOLDS))], [None, 0, -1][rng.integers(3)]
        return lambda v: fold(v[i], axis=axis), f"{fold.__name__} of {i} along {axis}"
    if kind == "cast":
        dtype = [np.float32, float][rng.integers(2)]
        return lambda v: v[i].astype(dtype), f"{i} as {dtype.__name__}"
    if kind == "choose":
        return lambda v: np.where(v[i] > 0.1, v[j], v[i] * 0.5), f"where {i}, {j}"
    return lambda v: np.take(v[i], np.argsort(v[i], axis=-1)[..., 0]), f"positions of {i}"


def composed(seed):
    """A random program: the function, makers of its inputs, its text, and which inputs have derivatives."""
    rng = np.random.default_rng(seed)
    kinds = [
        (SHAPES[rng.integers(len(SHAPES))], DTYPES[rng.integers(len(DTYPES))], LAYOUTS[rng.integers(len(LAYOUTS))])
        for _ in range(3)
    ]
    values, steps, texts = [an_input(rng, *kind) for kind in kinds], [], []
    for _ in range(int(rng.integers(3, 9))):
        step, text = a_step(rng, values)
        try:
            value = step(values)
        except Exception:  # noqa: BLE001, S112  # whatever NumPy says: a step that does not fit is left out
            continue
        if isinstance(value, np.ndarray | np.generic | float) and 0 < np.size(value) <= 60:
            known = np.asarray(value).dtype.kind in "fiub"
            values += [value] * known
            steps += [step] * known
            texts += [text] * known

    def f(*xs):
        v = list(xs)
        for step in steps:
            v.append(step(v))
        return v[3:]

    def total(*xs):
        parts = [y for y in f(*xs) if isinstance(y, tg.Node)]
        return sum([np.sum(np.tanh(y * 0.1) * (1.0 + 0.1 * k)) for k, y in enumerate(parts)], 0.0 * np.sum(xs[0]))

    places = [k for k, (shape, dtype, _) in enumerate(kinds) if not shape or np.dtype(dtype).kind == "f"]
    mode = rng.choice(["values", "first", "second"]) if places else "values"
    if mode == "values":
        return f, kinds, texts
    first = tg.grad(total, tuple(places))
    if mode == "first":
        return tg.value_and_grad(total, tuple(places)), kinds, texts
    return tg.grad(lambda *xs: sum([np.sum(g * g) for g in first(*xs)]), tuple(places)), kinds, texts


def agree(found, expected, loose):
    """Equal dtypes, shapes, NaN and inf; numbers to rounding beside the largest."""
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        a, b = np.asarray(a), np.asarray(getattr(b, "value", b))
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        finite = np.abs(b[np.isfinite(b)].astype(float))
        np.testing.assert_allclose(a, b, rtol=loose, atol=loose * (1.0 + np.max(finite, initial=0.0)))


def check(seed):
    """Say what came of a program: how many points agreed, or why it is refused."""
    f, kinds, texts = composed(seed)
    if not texts:
        return "empty"
    compiled, rng = compile(f, verify=False), np.random.default_rng(seed + 1)
    loose = 1e-3 if any(np.dtype(d) == np.float32 for _, d, _ in kinds) or "float32" in str(texts) else 1e-8
    source = None
    for point in ("recorded", "other", "special"):
        xs = [an_input(rng, *kind, special=point == "special") for kind in kinds]
        try:
            expected = f(*xs)
        except Exception as error:  # noqa: BLE001  # the function itself refuses
            return f"eager: {type(error).__name__}"
        try:
            found = compiled(*xs)
        except (tg.StaleGraph, tg.GraphDropped, tg.InvalidValue, tg.InvalidType) as error:
            return f"refused: {type(error).__name__}"
        try:
            agree(found, expected, loose)
            if point == "other":
                source = compiled.source()
            if source:
                agree(run_source(compiled, *xs), expected, loose)
        except (ZeroDivisionError, OverflowError):  # of Python's numbers; the program has asked the function
            return "source: Python's numbers raise"
        except tg.InvalidValue:
            return "source: no text"
        except Exception as error:
            error.add_note(f"seed {seed} at {point}: {[k[:2] for k in kinds]} {texts}\n{compiled}")
            raise
    return "agreed"


@pytest.mark.parametrize("part", range(6))
def test_three_roads_agree_on_random_programs(part):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = [check(seed) for seed in range(40 * part, 40 * part + 40)]
    assert found.count("agreed") > 30, found
