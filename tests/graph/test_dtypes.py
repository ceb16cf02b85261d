"""Arrays of different dtypes together, and with numbers and lists: the result has NumPy's dtype, and its value.

A Node without axes is a Python float, so it stands for one in NumPy's call. Every gradient has the dtype of its Node.
"""

import numpy as np
import pytest

import tinygrad_ed as tg

ONE_TO_THREE = np.arange(1, 4)


def table(a):
    return np.stack([a, a * a], axis=1)


CALLS = {
    "add": np.add,
    "operators": lambda a, b: (a * b - b / a) ** 2,
    "reflected": lambda a, b: 2 * b - a,
    "power": np.power,
    "float_power": lambda a, b: np.float_power(a, b) + np.float_power(b, a),
    "arctan2": np.arctan2,
    "maximum": np.maximum,
    "heaviside": lambda a, b: np.heaviside(b, a),
    "where": lambda a, b: np.where(ONE_TO_THREE > 1, a, b),
    "select": lambda a, b: np.select([ONE_TO_THREE > 2], [a], b),
    "select of two": lambda a, b: np.select([ONE_TO_THREE > 1, ONE_TO_THREE < 1], [a, b]),
    "choose": lambda a, b: np.choose([0, 1, 0], [a, b]),
    "clip": lambda a, b: np.clip(a, b, 5),
    "append": lambda a, b: np.append(a, b) + np.append(b, a),
    "concatenate": lambda a, b: np.concatenate([a, b]),
    "stack": lambda a, b: np.stack([a, b]),
    "hstack": lambda a, b: np.hstack([a, b]),
    "vstack": lambda a, b: np.vstack([a, b]),
    "dstack": lambda a, b: np.dstack([a, b]),
    "column_stack": lambda a, b: np.column_stack([a, b]),
    "block": lambda a, b: np.block([a, b]),
    "insert": lambda a, b: np.insert(a, 0, b),
    "pad": lambda a, b: np.pad(a, 1, constant_values=b),
    "diff": lambda a, b: np.diff(a, prepend=b),
    "ediff1d": lambda a, b: np.ediff1d(a, to_end=b),
    "dot": np.dot,
    "inner": np.inner,
    "outer": lambda a, b: np.outer(a, b).T + np.outer(b, a),
    "linalg.outer": np.linalg.outer,
    "vdot": np.vdot,
    "tensordot": lambda a, b: np.tensordot(a, b, 0),
    "kron": np.kron,
    "cross": np.cross,
    "cross of a table": lambda a, b: np.cross(np.stack([a, a * a]), b),
    "matvec": lambda a, b: np.matvec(np.stack([a, a * a]), b),
    "multi_dot": lambda a, b: np.linalg.multi_dot([a[None], np.ones((3, 3), a.dtype), np.stack([b, b])]),
    "einsum": lambda a, b: np.einsum("i,i->i", a, b),
    "convolve": np.convolve,
    "correlate": np.correlate,
    "polyval": np.polyval,
    "polyval at": lambda a, b: np.polyval(b, a),
    "polyadd": np.polyadd,
    "polysub": np.polysub,
    "polymul": np.polymul,
    "polyfit": lambda a, b: np.polyfit(b, a, 1),
    "vander": lambda a, b: np.vander(a),
    "trapezoid": lambda a, b: np.trapezoid(table(a), b, axis=0),
    "trapezoid by": lambda a, b: np.trapezoid(table(a), dx=b, axis=0),
    "gradient": lambda a, b: np.gradient(a, b),
    "interp": lambda a, b: np.interp(a, b, a),
    "average": lambda a, b: np.average(table(a), axis=0, weights=b),
    "cov": np.cov,
    "linspace": lambda a, b: np.linspace(a, b, 3) + np.linspace(b, a, 3),
    "logspace": lambda a, b: np.logspace(a / 4, b, 3),
    "geomspace": lambda a, b: np.geomspace(a, b, 3),
    "meshgrid": lambda a, b: np.meshgrid(a, b)[0],
    "broadcast_arrays": lambda a, b: np.broadcast_arrays(a, b)[0],
    "cumulative_sum": lambda a, b: np.cumulative_sum(a, include_initial=True),
    "apply_along_axis": lambda a, b: np.apply_along_axis(np.sum, 0, table(a)),
    "piecewise": lambda a, b: np.piecewise(a, [ONE_TO_THREE > 1], [lambda t: t * t]),
    "nanvar": lambda a, b: np.nanvar(table(a), axis=0),
    "norm": lambda a, b: np.linalg.norm(table(a), 3, axis=0),
    "solve": lambda a, b: np.linalg.solve(np.stack([a, a * a, np.sqrt(a)]), b),
}
BESIDES = {
    "float64": ONE_TO_THREE / 4,
    "float32": np.float32(ONE_TO_THREE / 4),
    "float16": np.float16(ONE_TO_THREE / 4),
    "a number": 0.25,
    "an integer": 2,
    "a list": [0.25, 0.5, 0.75],
    "int64": ONE_TO_THREE,
    "int16": ONE_TO_THREE.astype(np.int16),
    "uint8": ONE_TO_THREE.astype(np.uint8),
}
# Functions with their own idea of small integers (divided, they are of float64), and of a number that is a gradient's.
OTHERWISE = {("solve", "int16"), ("solve", "uint8")}
PLAIN = {"pad", "gradient", "select"}  # here NumPy asks the first argument alone


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("beside", BESIDES)
@pytest.mark.parametrize("name", CALLS)
def test_together_they_have_numpys_dtype(name, beside, dtype):
    call, other = CALLS[name], BESIDES[beside]
    a = (ONE_TO_THREE / 2).astype(dtype)
    try:
        expected = np.asarray(call(a, other))
    except (TypeError, ValueError, np.linalg.LinAlgError, np.exceptions.AxisError):
        return  # no such call
    floats = isinstance(other, float) or (isinstance(other, np.ndarray) and other.dtype.kind == "f")
    pairs = [(tg.Node(a), other)]
    if floats and name not in PLAIN:
        pairs += [(tg.Node(a), tg.Node(other)), (a, tg.Node(other))]
    digits = 1e-2 if np.float16 in (dtype, expected.dtype) or beside == "float16" else 1e-5
    for x, y in pairs:
        result = call(x, y)
        if not isinstance(result, tg.Node):  # it does not depend on the only Node
            assert x is a
            continue
        assert result.shape == expected.shape
        np.testing.assert_allclose(result.value, expected.astype(float), rtol=digits, atol=digits)
        if result.ndim and (name, beside) not in OTHERWISE:
            assert result.dtype == expected.dtype
        nodes = [node for node in (x, y) if isinstance(node, tg.Node)]
        for node, slope in zip(nodes, tg.gradients(result.sum(), nodes), strict=True):
            assert (np.shape(slope), np.asarray(slope).dtype) == (node.shape, node.dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_logsumexp_keeps_the_dtype(dtype):
    x = tg.Node(table(ONE_TO_THREE.astype(dtype)))
    for y in (tg.logsumexp(x, axis=0), tg.logsumexp(x, axis=1, keepdims=True)):
        assert y.dtype == tg.gradients(y.sum(), x).dtype == dtype
