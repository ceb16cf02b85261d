"""Integers of every dtype beside Nodes, with values near the limits of the dtype: nothing wraps.

The value is that of NumPy's own call, with a plain array of floats in the place of the Node; the Jacobian is that of
central differences of NumPy's own call; the Hessian is that of differences of the gradient.
"""

import warnings

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.graph.op import HANDLERS

RNG = np.random.default_rng(0)
V, TABLE = RNG.uniform(0.5, 2.0, 6), RNG.standard_normal((2, 6))
SQUARE = RNG.uniform(0.5, 2.0, (3, 3)) + np.eye(3)
SIGNED, UNSIGNED = [np.int8, np.int16, np.int32, np.int64], [np.uint8, np.uint16, np.uint32, np.uint64]
DTYPES = [bool, *SIGNED, *UNSIGNED]


def limits(dtype, bits=14):
    """The least and the greatest number; of wide dtypes such as leave the differences their digits."""
    return (0, 1) if dtype is bool else (max(np.iinfo(dtype).min, -(2**bits)), min(np.iinfo(dtype).max, 2**bits))


def near(dtype):
    low, high = limits(dtype)
    return np.array([high, 1, high - 1, low, 0, low + 1]).astype(dtype)


def rising(dtype):
    return None if dtype is bool else np.linspace(*limits(dtype), 6).astype(dtype)


def gap(dtype):
    """Two numbers at the one end, and four at the other: of small integers their difference does not fit."""
    low, high = limits(dtype)
    return None if dtype is bool else np.array([low, low + 1, high - 3, high - 2, high - 1, high]).astype(dtype)


def small(dtype):
    return np.array([1, 2, 3, 0, 2, 1]).astype(dtype)


def positive(dtype):
    return np.array([limits(dtype)[1], 1, 99, 3, 2, 7]).astype(dtype)


def labels(dtype):
    return None if dtype is bool else np.array([limits(dtype, 7)[1] - 1, 0, 1, 127 % 128, 2, 1]).astype(dtype)


def some(*numbers):
    """These numbers, where the dtype has them."""
    return lambda dtype: np.array(numbers, dtype) if dtype is not bool or set(np.ravel(numbers)) <= {0, 1} else None


def both(ufunc):
    """A ufunc with the Node before and behind the integers."""
    return lambda x, p: ufunc(x, p) + 2.0 * ufunc(p, x)


ROWS = {
    **{f.__name__: (both(f), V, near) for f in (np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.arctan2)},
    **{f.__name__: (both(f), V, near) for f in (np.hypot, np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.copysign)},
    "divide": (both(np.divide), V, positive),
    "remainder": (np.remainder, V, positive),
    "fmod": (np.fmod, V, positive),
    "to the power of": (lambda x, p: x**p + np.power(x, p) + np.float_power(x, p), V, small),
    "power": (lambda x, p: p**x + np.power(p, x) + np.float_power(p, x), V / 2, positive),
    "operators": (lambda x, p: (x + p) + p * (p - x) / (p + 2.5), V, near),
    "one integer": (lambda x, p: (p[0] - x) * p[0] + np.maximum(x, p[1]) + p[0] / x, V, near),
    "the power of one": (lambda x, p: x ** p[2] + p[0] ** (x / 2), V, small),
    "ldexp": (np.ldexp, V, small),
    "heaviside": (lambda x, p: np.heaviside(p, x), V, small),
    "clip": (lambda x, p: np.clip(x, p, None) + np.clip(x, None, p) + np.clip(x, p[3], p[0]), V + 0.1, small),
    "where": (lambda x, p: np.where(x > 1, x, p) + np.where(p, x, -x), V, near),
    "select": (lambda x, p: np.select([x > 1, x < 0.8], [x * x, p], p[::-1]), V, near),
    "choose": (lambda x, p: np.choose(p % 2, [x, 2 * x]) + np.choose([0, 1] * 3, [x, p]), V, near),
    "nan_to_num": (lambda x, p: np.nan_to_num(x, nan=p[0]), V, near),
    "matmul": (lambda x, p: x @ p + p @ x + np.dot(x, p) + np.inner(p, x) + np.vdot(p, x), V, near),
    "matmul of matrices": (lambda x, p: x @ p[:3] + p[3:] @ x, SQUARE, near),
    "outer": (lambda x, p: np.outer(x, p) + np.outer(p, x).T, V, near),
    "tensordot": (lambda x, p: np.tensordot(x, p, 1) + np.einsum("i,i,j->", x, p, p), V, small),
    "einsum": (lambda x, p: np.einsum("i,ij->j", p, x.T), TABLE, near),
    "kron": (lambda x, p: np.kron(x, p) + np.kron(p, x), V, near),
    "cross": (lambda x, p: np.cross(x, p[:3]) + np.cross(p[3:], x), V[:3], near),
    "vecdot": (lambda x, p: np.vecdot(x, p) + np.vecdot(p, x), V, near),
    "matvec": (lambda x, p: np.matvec(p.reshape(2, 3), x), V[:3], near),
    "multi_dot": (lambda x, p: np.linalg.multi_dot([x, x, p[:3]]), SQUARE, near),
    "solve": (lambda x, p: np.linalg.solve(x, p[:3]), SQUARE, near),
    "solve for": (lambda x, p: np.linalg.solve(p, x), V[:3], some([[100, 1, 2], [3, 120, 1], [4, 5, 99]])),
    "lstsq": (lambda x, p: np.linalg.lstsq(p, x, rcond=None)[0], V[:3], some([100, 1], [3, 120], [4, 5])),
    "convolve": (lambda x, p: np.convolve(x, p) + np.convolve(p, x), V, near),
    "correlate": (lambda x, p: np.correlate(x, p, "full") + np.correlate(p, x, "full"), V, near),
    "roll": (lambda x, p: np.roll(x, p[2]), V, small),
    "roll along axes": (lambda x, p: np.roll(x, p[1:3], axis=(0, 1)), SQUARE, small),
    "roll by a pair": (lambda x, p: np.roll(x, (p[1], 1), axis=(1, 0)), TABLE, small),
    "bincount": (lambda x, p: np.bincount(p, x), V, labels),
    "bincount of few": (lambda x, p: np.bincount(p, x, minlength=3), V, small),
    "interp at": (lambda x, p: np.interp(p, [-99.0, 0.0, 1.0, 2.0, 90.0, 260.0], x), V, near),
    "interp between": (lambda x, p: np.interp([-99.5, -1.0, 3.0, 99.0, 200.0], p, x), V, gap),
    "interp of rising": (lambda x, p: np.interp(20 * x, p, [1.0, 2.0, 4.0, 8.0, 1.0, 0.0]), V, rising),
    "interp of values": (lambda x, p: np.interp(x, [-9.0, 0.7, 0.8, 1.0, 1.5, 9.0], p), V, near),
    "interp of falling": (lambda x, p: np.interp(20 * x, p, p[::-1]), V, rising),
    "interp outside": (lambda x, p: np.interp(x, [0.6, 1.0], [1.0, 2.0], left=p[0], right=p[1]), V, near),
    "trapezoid": (lambda x, p: np.trapezoid(x, p) + np.trapezoid(p, x) + np.trapezoid(x, dx=p[0]), V, near),
    "gradient": (lambda x, p: np.gradient(x[:4], p[:4]) + np.gradient(x[:4], p[3::-1]), V, gap),
    "gradient by": (lambda x, p: np.gradient(x, p[0], edge_order=2), V, positive),
    "diff": (lambda x, p: np.diff(x, n=2, prepend=p, append=p[3]), V, near),
    "ediff1d": (lambda x, p: np.ediff1d(x, to_end=p[0], to_begin=p[3:]), V, near),
    "average": (lambda x, p: np.average(x, weights=p), V, positive),
    "average of integers": (lambda x, p: np.average(p, weights=x), V, near),
    "cov of counts": (lambda x, p: np.cov(x, fweights=p), TABLE, small),
    "cov of weights": (lambda x, p: np.cov(x, aweights=p), TABLE, positive),
    "cov with integers": (lambda x, p: np.cov(x, p), V, rising),
    "corrcoef": (lambda x, p: np.corrcoef(x, p), V, rising),
    "percentile": (lambda x, p: np.percentile(x, p), V, some(30, 100, 0, 70)),
    "polyval": (lambda x, p: np.polyval(p[:4], x) + np.polyval(x, p), V, small),
    "polyadd": (lambda x, p: np.polyadd(x, p[:4]) + np.polyadd(p, x), V, near),
    "polysub": (lambda x, p: np.polysub(x, p[:4]) + np.polysub(p, x), V, near),
    "polymul": (lambda x, p: np.polymul(x, p) + np.polymul(p, x), V, near),
    "polydiv": (lambda x, p: np.polydiv(x, p[:2])[0], V, positive),
    "polyint": (lambda x, p: np.polyint(x, 2, p[:2]), V, near),
    "polyfit": (lambda x, p: np.polyfit(p, x, 2), V, some(0, 20, 40, 60, 100, 120)),
    "polyfit to": (lambda x, p: np.polyfit(x, p, 2), np.linspace(0.0, 1.0, 6), near),
    "take": (lambda x, p: np.take(x, p) + np.take(x, p, mode="wrap") + np.take(x, p, mode="clip"), V, small),
    "take wrapped": (lambda x, p: np.take(x, p, mode="wrap"), V, near),
    "take_along_axis": (lambda x, p: np.take_along_axis(x, p, 0), V, small),
    "index": (lambda x, p: x[p], V, small),
    "index far": (lambda x, p: x[p], np.linspace(1.0, 2.0, 200), labels),
    "repeat": (lambda x, p: np.repeat(x, p), V, labels),
    "delete": (lambda x, p: np.delete(x, p), V, some(1, 2)),
    "insert": (lambda x, p: np.insert(x, p[:1] % 3, p[1]), V, near),
    "joins": (lambda x, p: np.append(x, p) + np.concatenate([p, x]) + np.hstack([x, p]), V, near),
    "stacks": (lambda x, p: np.stack([x, p]) + np.vstack([p, x]) + np.column_stack([x, p]).T, V, near),
    "block": (lambda x, p: np.block([[x, p], [p, x]]), V, near),
    "compress": (lambda x, p: np.append(np.compress(p, x), np.extract(p, x)), V, small),
    "tile": (lambda x, p: np.tile(x, p[1:3]), V, small),
    "reshape": (lambda x, p: np.reshape(x, p) + np.reshape(x, (p[0], p[1])), V, some(2, 3)),
    "broadcast_to": (lambda x, p: np.broadcast_to(x, p), V, some(100, 6)),
    "resize": (lambda x, p: np.resize(x, tuple(p)), V, some(20, 20)),
    "pad": (lambda x, p: np.pad(x, p, constant_values=p[0, 0]), V, some([100, 100])),
    "pad wrapped": (lambda x, p: np.pad(x, p, mode="wrap"), V, some([100, 100])),
    "split": (lambda x, p: np.split(x, p)[1], V, some(1, 3)),
    "partition": (lambda x, p: np.sort(np.partition(x, p)[:4]), V, some(1, 3)),
    "piecewise": (lambda x, p: np.piecewise(x, [p.astype(bool)], [lambda t: t * t, 3.0]), V, small),
    "meshgrid": (lambda x, p: np.meshgrid(x, p)[0] * np.meshgrid(x, p)[1], V, near),
    "linspace": (lambda x, p: np.linspace(p, x, 4) + np.linspace(x, p, 4), V, near),
    "logspace": (lambda x, p: np.logspace(x, p, 3), V, small),
    "geomspace": (lambda x, p: np.geomspace(p, x, 4) + np.geomspace(x, p, 4), V, positive),
    "apply_over_axes": (lambda x, p: np.apply_over_axes(np.sum, x, p), TABLE, some(0, 1)),
    "transpose": (lambda x, p: np.transpose(x, p), TABLE, some(1, 0)),
    "maximum twice": (lambda x, p: np.maximum(np.maximum(x, p), p), V, near),
    "counts": (lambda x, p: np.tril(x, p[1]) + np.triu(x, p[0]) + np.rot90(x, p[2]) + np.diag(x, p[3]), SQUARE, small),
    "norm": (lambda x, p: np.linalg.norm(x, p[2]), V, small),
    "vander": (lambda x, p: np.vander(x, p[2]), V, small),
}  # fmt: skip


def by_differences(f, x, h):
    """Central differences of a function of an array, one column for each entry of x."""
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    columns = [(np.asarray(f(x + e), float) - np.asarray(f(x - e), float)) / (2 * h) for e in steps]
    return np.stack(columns, axis=-1).reshape(*np.shape(columns[0]), *x.shape)


def close(found, expected, size=1.0):
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale + 1e-8 * size)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", ROWS)
def test_a_partner_of_integers(name, dtype):
    call, x, given = ROWS[name]
    integers = given(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zeros in a division, and such; NumPy's call gives the same
        try:
            expected = np.asarray(call(x, integers)) if integers is not None else None
        except (TypeError, ValueError, IndexError, OverflowError, MemoryError, np.linalg.LinAlgError):
            expected = None
        if expected is None:  # NumPy does not take it, or trips over it itself
            assert dtype in (bool, np.uint32, np.uint64) or name in ("pad", "pad wrapped", "resize", "counts")
            return
        y = call(tg.Node(x), integers)
        assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(y.value, expected, rtol=1e-10, atol=1e-9)
        size = float(np.max(np.abs(expected)))
        close(tg.jacobian(lambda x: call(x, integers))(x), by_differences(lambda x: call(x, integers), x, 1e-6), size)
        weights = np.random.default_rng(1).uniform(0.5, 1.5, expected.shape)
        slope = tg.grad(lambda x: (weights * call(x, integers)).sum())
        close(slope(x), np.tensordot(weights, tg.jacobian(lambda x: call(x, integers))(x), expected.ndim))
        if x.size < 10:
            hessian = tg.hessian(lambda x: (weights * call(x, integers)).sum())(x)
            close(hessian, by_differences(slope, x, 1e-5), float(np.max(np.abs(slope(x)))))


BINARY = sorted([f for f in HANDLERS if isinstance(f, np.ufunc) and f.nin == 2 and f.nout == 1], key=str)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_partner_of_integers_is_one_of_floats_to_every_rule(ufunc, dtype, compiled):
    vector = "->()" in (ufunc.signature or "") or ufunc.signature is None
    for x, p in ((V, near(dtype)),) if vector else ((SQUARE, near(dtype)[:3]), (V[:3], np.resize(near(dtype), (3, 3)))):
        for call in (lambda x, p: ufunc(x, p), lambda x, p: ufunc(p, x)):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    call(x, p)
                    expected = tg.grad(lambda x: np.sum(call(x, p.astype(float))))(x)  # noqa: B023  # called here
                except (TypeError, ValueError):  # of ldexp, and of matrices on the wrong side
                    continue
                slope = tg.grad(lambda x, p: np.sum(call(x, p)))  # noqa: B023
                found = (tg.compile(slope) if compiled else slope)(x, p)
            np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_to_a_readers_rule_integers_stay_whole_and_the_value_is_numpys():
    seen = []
    pick = tg.op(
        "pick by number", lambda x, i: x[i], lambda g, y, x, i: seen.append(i.dtype) or np.eye(3)[i].T @ g, None
    )
    assert tg.grad(lambda x: pick(x, np.array([2, 0])).sum())(np.ones(3)).tolist() == [1.0, 0.0, 1.0]
    assert seen == [np.dtype(int)]
    single = tg.Node(np.ones(2, np.float32))
    assert (single * np.ones(2, np.int8)).dtype == np.float32
    assert (single * np.ones(2, np.int64)).dtype == np.float64
