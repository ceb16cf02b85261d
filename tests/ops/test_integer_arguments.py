"""Axes, counts, shifts, orders and sizes as integers of NumPy: the same as with Python's, under every transform.

A row is a call with one integer. Where NumPy takes it as another kind of integer (some of its functions trip over
small ones), so do we, with the same value, gradient, Jacobian and second derivatives as for Python's integer.
"""

import numpy as np
import pytest

import tinygrad_ed as tg

RNG = np.random.default_rng(0)
V, X, SQUARE = np.linspace(0.5, 2.0, 6), RNG.standard_normal((3, 4)), RNG.standard_normal((3, 3)) + 3 * np.eye(3)
CUBE = RNG.standard_normal((2, 3, 4))
NUMPYS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
KINDS = {kind.__name__: kind for kind in NUMPYS}
KINDS["0-d array"] = np.array
KINDS["0-d array of int8"] = lambda i: np.array(i, np.int8)
KINDS["0-d array of uint8"] = lambda i: np.array(i, np.uint8)

FOLDS = [
    *("sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std", "median", "ptp", "average"),
    *("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd", "nanmedian"),
]
RUNS = [
    *("cumsum", "cumprod", "nancumsum", "nancumprod", "cumulative_sum", "cumulative_prod"),
    *("sort", "diff", "trapezoid", "unwrap", "gradient", "flip", "expand_dims"),
]
METHODS = ["sum", "mean", "max", "min", "prod", "var", "std", "cumsum", "cumprod"]


def first(y):
    return y[0] if isinstance(y, list | tuple) else y


def folded(name):
    """NumPy's function by name, with the integer as its axis."""
    return lambda x, i: getattr(np, name)(x, axis=i)


def folded_in_a_tuple(name):
    return lambda x, i: getattr(np, name)(x, axis=(i,))


def method(name):
    return lambda x, i: getattr(x, name)(i)


ROWS = []
for axis in (0, 1, -1):
    ROWS += [(f"{name} axis={axis}", folded(name), CUBE, axis) for name in (*FOLDS, *RUNS)]
    ROWS += [(f"{name} axis=({axis},)", folded_in_a_tuple(name), CUBE, axis) for name in FOLDS]
    ROWS += [(f"x.{name}({axis})", method(name), CUBE, axis) for name in METHODS]
    ROWS += [
        (f"concatenate axis={axis}", lambda x, i: np.concatenate([x, 2 * x], axis=i), CUBE, axis),
        (f"stack axis={axis}", lambda x, i: np.stack([x, 2 * x], axis=i), CUBE, axis),
        (f"take axis={axis}", lambda x, i: np.take(x, [0, 1], axis=i), CUBE, axis),
        (f"repeat axis={axis}", lambda x, i: np.repeat(x, 2, axis=i), CUBE, axis),
        (f"roll axis={axis}", lambda x, i: np.roll(x, 1, axis=i), CUBE, axis),
        (f"roll by {axis}", lambda x, i: np.roll(x, i), V, axis),
        (f"roll by ({axis}, 1)", lambda x, i: np.roll(x, (i, 1), axis=(1, 0)), CUBE, axis),
        (f"append axis={axis}", lambda x, i: np.append(x, 2 * x, axis=i), CUBE, axis),
        (f"delete axis={axis}", lambda x, i: np.delete(x, 1, axis=i), CUBE, axis),
        (f"insert axis={axis}", lambda x, i: np.insert(x, 1, 5.0, axis=i), CUBE, axis),
        (f"insert at {axis}", lambda x, i: np.insert(x, i, 5.0), V, axis),
        (f"moveaxis {axis}", lambda x, i: np.moveaxis(x, i, 2) + np.moveaxis(x, (i,), (2,)), CUBE, axis),
        (f"moveaxis to {axis}", lambda x, i: np.moveaxis(x, 2, i), CUBE, axis),
        (f"swapaxes {axis}", lambda x, i: np.swapaxes(x, i, 2) + x.swapaxes(2, i), CUBE, axis),
        (f"rollaxis {axis}", lambda x, i: np.rollaxis(x, i), CUBE, axis),
        (f"unstack {axis}", lambda x, i: np.unstack(x, axis=i)[1], CUBE, axis),
        (f"array_split axis={axis}", lambda x, i: np.array_split(x, 2, axis=i)[0], CUBE, axis),
        (f"diagonal {axis}", lambda x, i: np.diagonal(x, i) + x.diagonal(i), X, axis),
        (f"trace {axis}", lambda x, i: np.trace(x, i) + x.trace(i) + np.linalg.trace(x, offset=i), X, axis),
        (f"diag {axis}", lambda x, i: np.diag(x, i), V, axis),
        (f"tril {axis}", lambda x, i: np.tril(x, i), X, axis),
        (f"triu {axis}", lambda x, i: np.triu(x, i), X, axis),
        (f"norm axis={axis}", lambda x, i: np.linalg.norm(x, 3, axis=i) + np.linalg.norm(x, axis=i), CUBE, axis),
        (f"norm axis=({axis}, 2)", lambda x, i: np.linalg.norm(x[..., None], axis=(i, 3)), CUBE, axis),
        (f"vector_norm axis={axis}", lambda x, i: np.linalg.vector_norm(x, axis=i), CUBE, axis),
        (f"quantile axis={axis}", lambda x, i: np.quantile(x, 0.3, axis=i), CUBE, axis),
        (f"weighted average axis={axis}", lambda x, i: np.average(x, axis=i, weights=np.exp(CUBE)), CUBE, axis),
        (f"linspace axis={axis}", lambda x, i: np.linspace(x, 2.0, 4, axis=i), X, axis),
        (f"apply_along_axis {axis}", lambda x, i: np.apply_along_axis(np.sum, i, x), CUBE, axis),
        (f"apply_over_axes {axis}", lambda x, i: np.apply_over_axes(np.sum, x, [i]), CUBE, axis),
        (f"sliding_window_view {axis}", lambda x, i: np.lib.stride_tricks.sliding_window_view(x, 2, i), X, axis % 2),
        (f"fftshift {axis}", lambda x, i: np.fft.fftshift(x, i), X, axis),
        (f"cross axis={axis}", lambda x, i: np.cross(x, SQUARE[::-1], axisa=i, axisc=i), SQUARE, axis),
        (f"vecdot axis={axis}", lambda x, i: np.linalg.vecdot(x, 2 * SQUARE, axis=i), SQUARE, axis),
        (f"squeeze {axis}", lambda x, i: np.squeeze(x[:, None, :1], i), V[None].T, 1 if axis == 0 else axis),
        (f"x[{axis}]", lambda x, i: x[i], CUBE, axis),
        (f"x[{axis}:]", lambda x, i: x[i:], CUBE, axis),
        (f"matrix_power {axis}", lambda x, i: np.linalg.matrix_power(x, i) * x, SQUARE, axis),
        (f"rot90 {axis}", lambda x, i: np.rot90(x, i), X, axis),
        (f"logsumexp axis={axis}", lambda x, i: tg.logsumexp(x, axis=i), CUBE, axis),
    ]
for number in (0, 1, 2, 3):
    ROWS += [
        (f"take {number}", lambda x, i: np.take(x, i), V, number),
        (f"repeat {number}", lambda x, i: np.repeat(x, i) + x.repeat(i), V, number),
        (f"tile {number}", lambda x, i: np.tile(x, i), X, number),
        (f"tile ({number}, 1)", lambda x, i: np.tile(x, (i, 1)), X, number),
        (f"pad {number}", lambda x, i: np.pad(x, i, constant_values=i), X, number),
        (f"diff {number}", lambda x, i: np.diff(x, i), X, number),
        (f"vander {number}", lambda x, i: np.vander(x, i), V, number),
        (f"polyder {number}", lambda x, i: np.polyder(x, i), V, number),
        (f"polyint {number}", lambda x, i: np.polyint(x, i), V, number),
        (f"polyfit {number}", lambda x, i: np.polyfit(np.arange(6.0), x, i), V, number),
        (f"linspace {number}", lambda x, i: np.linspace(x, 2.0, i), X, number),
        (f"logspace {number}", lambda x, i: np.logspace(x, 2.0, i), V, number),
        (f"geomspace {number}", lambda x, i: np.geomspace(x, 2.0, i), V, number),
        (f"bincount {number}", lambda x, i: np.bincount([0, 1, 1, 0, 2, 2], x, i), V, number),
        (f"var ddof={number}", lambda x, i: np.var(x, ddof=i) + np.nanvar(x, ddof=i), V, number),
        (f"std correction={number}", lambda x, i: np.std(x, correction=i, axis=-1), V, number),
        (f"cov ddof={number}", lambda x, i: np.cov(x, ddof=i), X, number),
        (f"norm {number}", lambda x, i: np.linalg.norm(x, i) * x.sum(), V, number),
        (f"vector_norm {number}", lambda x, i: np.linalg.vector_norm(x, ord=i) * x.sum(), V, number),
        (f"percentile {number}", lambda x, i: np.percentile(x, i), V, number),
        (f"reshape {number}", lambda x, i: np.reshape(x, (i, -1)) + x.reshape(i, -1), CUBE, number + 1),
        (f"broadcast_to {number}", lambda x, i: np.broadcast_to(x, (i, 3, 4)), X, number),
        (f"full {number}", lambda x, i: np.broadcast_to(tg.full((i, 6), x), (2, i, 6)), V, number),
        (f"resize {number}", lambda x, i: np.resize(x, (i, 4)), X, number),
        (f"partition {number}", lambda x, i: np.sort(np.partition(x, i)), V, number),
        (f"ldexp {number}", np.ldexp, V, number),
        (f"power {number}", lambda x, i: x**i + np.power(x, i) + i**x, V, number),
        (f"plus {number}", lambda x, i: (i - x) * i, V, number),
        (f"where {number}", lambda x, i: np.where(x > 1, x, i) + np.clip(x, i, 3), V, number),
        (f"choose {number}", lambda x, i: np.choose(i, [x, 2 * x, 3 * x, x]), V, number),
    ]  # fmt: skip
ROWS += [
    ("tensordot 0", lambda x, i: np.tensordot(x, SQUARE, i), SQUARE, 0),
    ("tensordot 1", lambda x, i: np.tensordot(x, SQUARE, i), SQUARE, 1),
    ("tensordot 2", lambda x, i: np.linalg.tensordot(x, SQUARE, axes=i), SQUARE, 2),
    ("tensordot of axes", lambda x, i: np.tensordot(x, SQUARE, ([i], [0])), SQUARE, 1),
    ("tensordot of two axes", lambda x, i: np.tensordot(x, SQUARE, (i, 0)), SQUARE, 1),
    ("tensorinv", lambda x, i: np.linalg.tensorinv(x.reshape(3, 1, 3), ind=i), SQUARE, 1),
    ("einsum", lambda x, i: np.einsum(x, [0, i], [i]), X, 1),
    ("cond", lambda x, i: np.linalg.cond(x, i), SQUARE, 2),
    ("matrix_norm", lambda x, i: np.linalg.matrix_norm(x, ord=i), X, 1),
    ("transpose", lambda x, i: np.transpose(x, (i, 0, 2)) + x.transpose(i, 0, 2), CUBE, 1),
    ("split", lambda x, i: np.split(x, i)[0], CUBE, 2),
    ("hsplit", lambda x, i: np.hsplit(x, i)[1], CUBE, 3),
    ("vsplit", lambda x, i: np.vsplit(x, i)[1], CUBE, 2),
    ("dsplit", lambda x, i: np.dsplit(x, i)[1], CUBE, 2),
    ("expand_dims", lambda x, i: np.expand_dims(x, (i, 0)), X, 1),
    ("a long diagonal", lambda x, i: np.diagonal(x, i), RNG.standard_normal((3, 300)), 2),
    ("a tall diagonal", lambda x, i: np.diagonal(x, i), RNG.standard_normal((300, 3)), -2),
    ("a diagonal outside", lambda x, i: np.diagonal(x, i), X, 5),
    ("roll by a hundred", lambda x, i: np.roll(x, i), np.arange(150.0), 100),
    ("repeat a hundred times", lambda x, i: np.repeat(x, i), V, 100),
]  # fmt: skip


def told(call, x, i):
    """The value of the call and its derivatives, all as plain arrays."""
    y = first(call(tg.Node(x), i))
    if not isinstance(y, tg.Node):
        return [y]
    weights = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
    found = [y.value, tg.vjp(lambda x: first(call(x, i)), x)[1](weights)[0]]
    found.append(tg.hvp(lambda x: (weights * first(call(x, i)) ** 2).sum(), (x,), (np.cos(x),))[0])
    return [*found, tg.jacobian(lambda x: first(call(x, i)))(x)] if x.size < 30 else found


@pytest.mark.parametrize(("name", "call", "x", "number"), ROWS, ids=[row[0] for row in ROWS])
def test_an_integer_of_numpy_is_an_integer(name, call, x, number):
    with np.errstate(all="ignore"):
        try:
            expected = told(call, x, number)
        except (ValueError, ArithmeticError):  # such as a table without columns: of any kind, and in NumPy, too
            with pytest.raises((ValueError, ArithmeticError)):
                call(x, number)
            return
        taken = 0
        for kind, make in KINDS.items():
            if number < 0 and "uint" in kind:
                continue
            try:
                if name[:9] != "logsumexp":
                    call(x, make(number))
            except (TypeError, OverflowError, IndexError, ValueError, MemoryError):  # resize of NumPy 2.2 wraps
                continue
            taken += 1
            for found, wanted in zip(told(call, x, make(number)), expected, strict=True):
                np.testing.assert_array_equal(found, wanted, err_msg=kind)
        assert taken >= 3, "NumPy takes no other kind: the row tells nothing"
