"""NumPy's functions under every transform: Jacobian and Hessian against central differences, compiled, and watched."""

import numpy as np
import pytest

import tinygrad_ed as tg

RNG = np.random.default_rng(0)
V, M, SQUARE, WIDE = RNG.standard_normal(6), *[RNG.standard_normal(shape) for shape in ((3, 4), (3, 3), (2, 3))]
L, ONE_ZERO = np.linalg, np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])

CASES = {
    **{
        f"pad, {how}": (lambda x, how=how: np.pad(x, ((1, 2), (0, 3)), mode=how), M)
        for how in ("edge", "reflect", "wrap")
    },
    "pad, constants that move": (lambda x: np.pad(x, 1, constant_values=x[0, 0]), M),
    "pad by nothing": (lambda x: np.pad(x, 0), M),
    "insert, twice at a place": (lambda x: np.insert(x, [0, 0, 3], x[:3] * 2), V),
    "insert along an axis": (lambda x: np.insert(x, 1, x[:, 0], axis=1), M),
    "insert into the flat array": (lambda x: np.insert(x, [1, 5], [9.0, x[0, 0]]), M),
    "insert by a slice": (lambda x: np.insert(x, slice(0, 4, 2), x[2:4]), V),
    "insert by a mask": (lambda x: np.insert(x, ONE_ZERO == 0, x[:2]), V),
    "delete from the end": (lambda x: np.delete(x, [-1, 0], axis=-1), M),
    "delete by a mask": (lambda x: np.delete(x, ONE_ZERO == 0), V),
    "select": (lambda x: np.select([x > 0.5, x > -0.5], [x**2, 2 * x], x**3), V),
    "select with one condition for all": (lambda x: np.select([True, x > 0], [x, x * x]), V),
    "rollaxis": (lambda x: np.rollaxis(x, -1, -2), M),
    "dstack": (lambda x: np.dstack([x, np.ones(6)]), V),
    "column_stack": (lambda x: np.column_stack([x, np.ones((6, 2)), x * x]), V),
    "vstack": (lambda x: np.vstack([x, np.outer(x, x)]), V),
    "hstack": (lambda x: np.hstack([x, [1.0], x[0]]), V),
    "atleast": (lambda x: np.atleast_3d(x)[0] * np.atleast_2d(x[0])[0], V),
    "unstack": (lambda x: np.unstack(x, axis=-1)[2], M),
    "heaviside": (lambda x: np.heaviside([-1.0, 0.0, 2.0, 0.0, 0.0, 0.0], x) * x, V),
    "modf": (lambda x: np.modf(x * 3)[0] * np.modf(x)[1] + x, V),
    "float_power": (lambda x: np.float_power(x * x + 1, x), V),
    "nan_to_num": (lambda x: np.nan_to_num(x) * x, V),
    "unwrap": (lambda x: np.unwrap(x * 10), V),
    "geomspace": (lambda x: np.geomspace(x[:2] ** 2 + 1, x[2:4] ** 2 + 3, 4, axis=1), V),
    "ptp": (lambda x: np.ptp(x, axis=1, keepdims=True) * x, M),
    "nanprod": (lambda x: np.nanprod(x, axis=0), M),
    "vdot": (lambda x: np.vdot(x, x**2), M),
    "outer of vectors": (lambda x: L.outer(x, x[:2]), V),
    "poly": (lambda x: np.poly(x), V[:4]),
    "cov": (lambda x: np.cov(x, x[::-1] ** 2), V),
    "trapezoid": (lambda x: np.trapezoid(x * x, x), V),
    "diff": (lambda x: np.diff(x, 2, axis=0, prepend=x[:1] * 2, append=1.0), M),
    "tensordot": (lambda x: np.tensordot(x, x, ((1,), (-1,))), M),
    "tensordot over nothing": (lambda x: np.tensordot(x, x[0], 0), M),
    "vector_norm": (lambda x: L.vector_norm(x.reshape(3, 2, 2), axis=(0, 2), ord=3), M),
    "apply_over_axes": (lambda x: np.apply_over_axes(np.sum, x, [0, 1]), M),
    "rows that repeat": (lambda x: x[[0, 0, 2]] * x[[2, 1, 0]], M),
    "rows in another order": (lambda x: x[[2, 0, 1]] * x, M),
    "some columns": (lambda x: x[:, np.array([3, 1], np.uint8)] * 2, M),
    "rows from the end": (lambda x: x[[-1, 2, 0]], M),
    "moveaxis": (lambda x: np.moveaxis(x.reshape(3, 2, 2), (0, -1), (-1, 0)), M),
    "swapaxes": (lambda x: np.swapaxes(x.reshape(3, 2, 2), -1, 0), M),
    "pinv with a cut": (lambda x: L.pinv(x, rcond=1e-10), M),
    "pinv of lower rank": (lambda x: L.pinv(x.T @ x, rcond=1e-10), WIDE),
    "pinv of lower rank, rtol": (lambda x: L.pinv(x.T @ x, rtol=1e-10), WIDE),
    "lstsq of lower rank": (lambda x: L.lstsq(x.T @ x, np.arange(3.0), 1e-10)[0], WIDE),
    "matrix_power": (lambda x: L.matrix_power(x, -3), SQUARE),
    "cumprod with zeros": (lambda x: np.cumprod(x * ONE_ZERO), V),
}


def differences(f, x, h=1e-5):
    """The derivatives of a plain function, entry by entry."""
    columns = []
    for entry in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[entry] = h
        columns.append((np.asarray(f(x + step)) - np.asarray(f(x - step))) / (2 * h))
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)


@pytest.mark.parametrize("name", CASES)
def test_a_function_is_right_under_every_transform(name):
    f, x = CASES[name]
    weights = np.cos(np.arange(np.size(f(x)))).reshape(np.shape(f(x)))

    def number(x):
        return np.sum(np.sin(f(x)) * weights)

    gradient = tg.grad(number)
    np.testing.assert_allclose(tg.jacobian(f)(x), differences(f, x), rtol=1e-5, atol=1e-6)
    size = np.max(np.abs(gradient(x)))
    np.testing.assert_allclose(gradient(x), differences(number, x), rtol=1e-4, atol=1e-6 * size)
    hessian = tg.hessian(number)(x)
    np.testing.assert_allclose(hessian, differences(gradient, x), rtol=1e-3, atol=1e-4 * (1 + np.max(np.abs(hessian))))
    program = tg.compile(gradient)
    program(x)
    np.testing.assert_allclose(program(1.01 * x), gradient(1.01 * x), rtol=1e-7, atol=1e-9 * size)
    with tg.debug():
        np.testing.assert_allclose(gradient(x), gradient(x), rtol=0)
