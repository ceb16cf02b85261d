"""Points where there is no derivative, or where it is hard to have: the right number, NaN, or a warning under debug.

The numbers of the conventions are in docs/conventions.md, where each row is run; here is what must hold beside them:
a smooth function of equal eigenvalues is right or NaN, in every mode and at every order, and never another number.
"""

import warnings

import numpy as np
import pytest

import tinygrad_ed as tg

L = np.linalg
Q = L.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
EQUAL = {
    "identity": np.eye(3),
    "zero": np.zeros((3, 3)),
    "two equal": Q @ np.diag([1.0, 1.0, 2.0, 3.0]) @ Q.T,
    "two pairs": Q @ np.diag([-1.0, -1.0, 2.0, 2.0]) @ Q.T,
    "rank 1": np.outer(Q[0], Q[0]),
    "diagonal": np.diag([2.0, 0.0, 0.0]),
}


def symmetric(x):
    return (x + x.mT) / 2.0


def central(f, x, v, h=1e-5):
    return (np.asarray(f(x + h * v)) - np.asarray(f(x - h * v))) / (2 * h)


def rebuilt(x, f):
    w, v = L.eigh(symmetric(x))
    return (v * f(w)) @ v.mT


def spread(x, f):
    u, s, vh = L.svd(x, full_matrices=False)
    return (u * f(s)) @ vh


def bend(f, x, v):
    """The second derivative along v, to the fourth order of the step."""
    h = 2e-3 / L.norm(v)
    samples = [np.asarray(f(x + k * h * v)) for k in (-2, -1, 0, 1, 2)]
    return np.dot([-1.0, 16.0, -30.0, 16.0, -1.0], samples) / (12 * h * h)


WEIGHTS = np.random.default_rng(1).standard_normal((4, 4))


def weighted(y):
    return np.sum(y * WEIGHTS[: y.shape[-1], : y.shape[-1]])


# Functions that are smooth wherever eigenvalues are equal, and whether they are so where they are zero.
SMOOTH = {
    "sum of squares": (lambda x: np.sum(L.eigvalsh(symmetric(x)) ** 2), True),
    "sum of squares, eigh": (lambda x: np.sum(L.eigh(symmetric(x))[0] ** 2), True),
    "trace": (lambda x: np.sum(L.eigvalsh(symmetric(x))), True),
    "sum of exponentials": (lambda x: np.sum(np.exp(L.eigvalsh(symmetric(x)))), True),
    "product": (lambda x: np.prod(L.eigvalsh(symmetric(x))), True),
    "trace of V f(w) V^T": (lambda x: np.trace(rebuilt(x, np.exp)), True),
    "V f(w) V^T": (lambda x: weighted(rebuilt(x, np.exp)), True),
    "V w V^T": (lambda x: weighted(rebuilt(x, lambda w: w)), True),
    "V V^T": (lambda x: weighted(rebuilt(x, lambda w: 0.0 * w + 1.0)), True),
    "sum of squared singular values": (lambda x: np.sum(L.svdvals(x) ** 2), True),
    "sum of singular values": (lambda x: np.sum(L.svdvals(x)), False),
    "norm by singular values": (lambda x: np.sqrt(np.sum(L.svd(x)[1] ** 2)), False),
    "U s V^T": (lambda x: weighted(spread(x, lambda s: s)), True),
    "U V^T": (lambda x: weighted(spread(x, lambda s: 0.0 * s + 1.0)), False),
    "nuclear norm": (lambda x: L.norm(x, "nuc"), False),
    "squared Frobenius norm": (lambda x: L.norm(x) ** 2, True),
}
ALWAYS = {"sum of squares", "sum of squares, eigh", "trace", "sum of exponentials", "product", "trace of V f(w) V^T"}
ALWAYS |= {"sum of squared singular values", "squared Frobenius norm"}


def right_or_nan(found, expected, name):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    has = ~np.isnan(found)
    np.testing.assert_allclose(found[has], expected[has], rtol=2e-5, atol=2e-6, err_msg=name)
    return bool(np.all(has))


@pytest.mark.parametrize("point", EQUAL)
@pytest.mark.parametrize("name", SMOOTH)
@np.errstate(all="ignore")
def test_a_smooth_function_of_equal_values_is_right_or_nan(name, point):
    (f, at_zero), x = SMOOTH[name], EQUAL[point]
    if L.matrix_rank(x) < len(x) and not at_zero:
        return  # there it has no derivative
    rng = np.random.default_rng(2)
    directions = [
        *np.eye(len(x) ** 2).reshape(-1, *x.shape)[:6],
        *rng.standard_normal((3, *x.shape)),
        x + np.eye(len(x)),
    ]
    gradient = tg.grad(f)(x)
    sure = right_or_nan(
        gradient, [[central(f, x, e) for e in row] for row in np.eye(x.size).reshape(*x.shape, *x.shape)], name
    )
    assert sure or name not in ALWAYS
    hessian = tg.hessian(f)(x)
    for v in directions:
        along = central(f, x, v)
        right_or_nan(tg.jvp(f, (x,), (v,))[1], along, name)
        second = bend(f, x, v)
        right_or_nan(np.sum(v * tg.hvp(f, (x,), (v,))[0]), second, name)
        right_or_nan(np.sum(v * np.tensordot(hessian, v, 2)), second, name)
        right_or_nan(np.sum(v * tg.jvp(tg.grad(f), (x,), (v,))[1]), second, name)


ZEROS = {
    "eigh": (lambda x: rebuilt(x, lambda w: w),
        [np.zeros((2, 2)), EQUAL["zero"], EQUAL["diagonal"], np.diag([0.0, 1.0])]),
    "svd": (lambda x: spread(x, lambda s: s), [np.zeros((2, 2)), EQUAL["diagonal"], np.zeros((3, 1)), np.zeros((1, 3)),
        np.diag([3.0, 0.0, 0.0])[:, :2], np.diag([3.0, 0.0])]),
}  # fmt: skip


@pytest.mark.parametrize("name", ZEROS)
def test_a_product_with_values_that_are_equal_and_zero_is_right_or_nan_or_named(name):
    f, points = ZEROS[name]
    for x in points:
        for place in np.ndindex(x.shape):
            entry = lambda x: f(x)[place]  # noqa: B023, E731  # called here
            expected = np.array([central(entry, x, e) for e in np.eye(x.size).reshape(-1, *x.shape)]).reshape(x.shape)
            with tg.debug(), warnings.catch_warnings(record=True, action="always") as caught:
                try:
                    found = tg.grad(entry)(x)
                except tg.NotFinite:
                    continue
            if not any(["equal and 0" in str(warning.message) for warning in caught]):
                np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_vectors_beside_zeros_are_right():
    x = EQUAL["diagonal"]
    np.testing.assert_array_equal(tg.grad(lambda x: abs(L.eigh(symmetric(x))[1][1, 2]) ** 2)(x), 0.0 * x)
    along = np.arange(9.0).reshape(3, 3)
    slope = tg.jvp(lambda x: L.eigh(symmetric(x))[1][:, 2] * np.sign(L.eigh(symmetric(x))[1][0, 2]), (x,), (along,))[1]
    np.testing.assert_allclose(slope, [0.0, (along[0, 1] + along[1, 0]) / 4, (along[0, 2] + along[2, 0]) / 4])
