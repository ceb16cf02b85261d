"""Matrices that are not finite: what is searched for is refused in NumPy's words, the rest is NumPy's."""

import numpy as np
import pytest
from matrices import L, numbers

import tinygrad_ed as tg

WITHOUT_END = {  # what is searched for step by step, and may never be found; the rest NumPy computes in so many steps
    "svd": lambda x: L.svd(x),
    "svd, values": lambda x: L.svd(x, compute_uv=False),
    "svd, hermitian": lambda x: L.svd(x, hermitian=True),
    "svdvals": lambda x: L.svdvals(x),
    "pinv": lambda x: L.pinv(x),
    "pinv, hermitian": lambda x: L.pinv(x, hermitian=True),
    "lstsq": lambda x: L.lstsq(x, np.ones(len(x)), None),
    "eigh": lambda x: L.eigh(x),
    "eigh, U": lambda x: L.eigh(x, "U"),
    "eigvalsh": lambda x: L.eigvalsh(x),
    "cond": lambda x: L.cond(x),
    "cond, -2": lambda x: L.cond(x, -2),
    **{f"norm, {p}": lambda x, p=p: L.norm(x, p) for p in (2, -2, "nuc")},
    "matrix_norm": lambda x: L.matrix_norm(x, ord="nuc"),
}
IN_SO_MANY_STEPS = {
    **{f"cond, {p}": lambda x, p=p: L.cond(x, p) for p in (1, -1, np.inf, "fro")},
    **{f"norm, {p}": lambda x, p=p: L.norm(x, p) for p in (None, 1, -1, np.inf)},
    "det": lambda x: L.det(x),
    "slogdet": lambda x: L.slogdet(x)[1],
    "inv": lambda x: L.inv(x),
    "solve": lambda x: L.solve(x, np.ones(len(x))),
    "cholesky": lambda x: L.cholesky(x),
    "qr": lambda x: L.qr(x)[1],
    "matrix_power": lambda x: L.matrix_power(x, 3),
}
INFINITE = {
    "beside": [np.inf],
    "diagonal": [1.0, np.inf],
    "negative": [-np.inf, np.inf],
    "with a NaN": [np.inf, np.nan],
}


def holding(n, entries):
    """A symmetric, positive definite matrix with other entries at its last row and column."""
    x = numbers(n, n)
    x = x @ x.T + np.eye(n)
    x[n - 1, : len(entries)] = x[: len(entries), n - 1] = entries
    return x


def found_in(result):
    return result if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("kind", INFINITE)
@pytest.mark.parametrize("name", WITHOUT_END)
def test_a_search_in_an_infinite_matrix_is_refused_in_numpys_words_for_nan(name, kind, n):
    f, x = WITHOUT_END[name], holding(n, INFINITE[kind])
    what = "Eigenvalues" if "eig" in name or "hermitian" in name else "SVD"
    words = f"^{what} did not converge{' in Linear Least Squares' if name == 'lstsq' else ''}$"
    gradient = tg.grad(lambda x: sum([np.sum(y) for y in found_in(f(x))]))
    for call in (lambda x: f(tg.Node(x)), gradient, tg.compile(gradient)):
        with pytest.raises(L.LinAlgError, match=words):
            call(x)


@np.errstate(all="ignore")
@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("name", [*WITHOUT_END, *IN_SO_MANY_STEPS])
def test_of_a_matrix_with_a_nan_the_value_is_numpys_whatever_that_is(name, n):
    f, x = {**WITHOUT_END, **IN_SO_MANY_STEPS}[name], holding(n, [np.nan])
    try:
        expected = f(x)
    except L.LinAlgError as error:
        with pytest.raises(L.LinAlgError, match=f"^{error}$"):
            f(tg.Node(x))
    else:
        for a, b in zip(found_in(f(tg.Node(x))), found_in(expected), strict=True):
            np.testing.assert_array_equal(getattr(a, "value", a), b)


@np.errstate(all="ignore")
@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("kind", INFINITE)
@pytest.mark.parametrize("name", IN_SO_MANY_STEPS)
def test_what_takes_so_many_steps_is_numpys_in_an_infinite_matrix_and_its_sweep_comes_to_an_end(name, kind, n):
    f, x = IN_SO_MANY_STEPS[name], holding(n, INFINITE[kind])
    try:
        expected = f(x)
    except L.LinAlgError as error:
        with pytest.raises(L.LinAlgError, match=str(error)):
            f(tg.Node(x))
    else:
        np.testing.assert_array_equal(f(tg.Node(x)).value, expected)
        tg.hvp(lambda x: np.sum(f(x)), (x,), (np.ones_like(x),))


def test_an_infinity_in_the_triangle_that_is_not_read_does_no_harm():
    x = np.array([[2.0, np.inf], [1.0, 3.0]])
    for f, a in [(L.eigvalsh, x), (lambda x: L.eigvalsh(x, "U"), x.T)]:
        np.testing.assert_array_equal(f(tg.Node(a)).value, f(a))
        assert np.all(np.isfinite(tg.grad(lambda x, f=f: f(x)[0])(a)))
