"""Singular matrices and low rank: determinants to second order by minors, and what has a derivative along equal rank.

The oracles are NumPy's determinants of minors, and central differences along directions that keep the rank.
"""

from itertools import combinations

import numpy as np
import pytest

import tinygrad_ed as tg

L = np.linalg


def central(f, x, v, h=1e-5):
    """The derivative of f along v, to the fourth order of h."""
    return (8 * (f(x + h * v) - f(x - h * v)) - (f(x + 2 * h * v) - f(x - 2 * h * v))) / (12 * h)


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


# --- determinants ----------------------------------------------------------------------------------------------------


def minor(a, rows, columns):
    return L.det(np.delete(np.delete(a, rows, 0), columns, 1))


def cofactors(a):
    n = len(a)
    return np.array([[(-1.0) ** (i + j) * minor(a, [i], [j]) for j in range(n)] for i in range(n)]).reshape(n, n)


def second_minors(a):
    """All second derivatives of the determinant: minors without two rows and two columns, with their signs."""
    n = len(a)
    found = np.zeros((n,) * 4)
    for i, k in combinations(range(n), 2):
        for j, m in combinations(range(n), 2):
            found[i, j, k, m] = found[k, m, i, j] = (-1.0) ** (i + j + k + m) * minor(a, [i, k], [j, m])
            found[i, m, k, j] = found[k, j, i, m] = -found[i, j, k, m]
    return found


def made(kind, n):
    a = numbers(n, n, seed=n)
    u, _, vh = L.svd(a)
    few = np.arange(n) < max(n - 2, 0)
    return {
        "regular": a,
        "rank n-1": a @ (np.eye(n) - np.ones((n, n)) / n),
        "rank n-2": u @ np.diag(few * (1.0 + np.arange(n))) @ vh,
        "a zero column": a * (np.arange(n) > 0),
        "two equal rows of whole numbers": np.round(2 * a)[np.arange(n) % max(n - 1, 1)],
        "zero": 0.0 * a,
        "orthogonal": u,
        "ill-conditioned": u @ np.diag(10.0 ** -np.linspace(0, 13, n)) @ vh,
        "small": 1e-8 * a,
        "reflection": np.diag(np.where(np.arange(n) == 0, -1.0, 1.0)),
    }[kind]


KINDS = [
    *("regular", "rank n-1", "rank n-2", "a zero column", "two equal rows of whole numbers", "zero", "orthogonal"),
    *("ill-conditioned", "small", "reflection"),
]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 12, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_determinant_is_the_matrix_of_cofactors(kind, n):
    a = made(kind, n)
    size = np.prod(np.sort(L.svdvals(a))[2:]) * max(L.norm(a, 2), 1e-300)  # what rounding of a by 1 would change
    np.testing.assert_allclose(tg.grad(L.det)(a), cofactors(a), rtol=1e-9, atol=1e-12 * size)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_of_a_determinant_are_minors_of_minors(kind, n):
    a, expected = made(kind, n), second_minors(made(kind, n))
    scale = max(np.max(np.abs(expected)), 1e-300)
    np.testing.assert_allclose(tg.hessian(L.det)(a) / scale, expected / scale, atol=1e-10)
    v = numbers(n, n, seed=7)
    along = np.tensordot(expected, v, 2)
    np.testing.assert_allclose(tg.hvp(L.det, (a,), (v,))[0] / scale, along / scale, atol=1e-9)
    np.testing.assert_allclose(tg.jvp(tg.grad(L.det), (a,), (v,))[1] / scale, along / scale, atol=1e-9)


def test_determinants_of_a_stack_are_each_for_itself():
    stack = np.stack([made(kind, 4) for kind in KINDS])
    found = tg.grad(lambda x: np.sum(L.det(x) * np.arange(1.0, 1.0 + len(KINDS))))(stack)
    for k, a in enumerate(stack):
        np.testing.assert_allclose(found[k], (k + 1) * cofactors(a), rtol=1e-9, atol=1e-11)
    v = numbers(*stack.shape)
    second = tg.hvp(lambda x: np.sum(L.det(x)), (stack,), (v,))[0]
    for k, a in enumerate(stack):
        np.testing.assert_allclose(second[k], np.tensordot(second_minors(a), v[k], 2), rtol=1e-9, atol=1e-10)


def test_third_derivatives_of_a_determinant_are_those_of_the_inverse_or_nan():
    for n in (1, 2, 3, 4):
        tg.check_grads(L.det, made("regular", n), order=3)
        tg.check_grads(L.det, made("orthogonal", n), order=3)
    a, v = made("rank n-1", 3), numbers(3, 3)
    assert np.all(np.isnan(tg.grad(lambda x: np.sum(tg.hvp(L.det, (x,), (v,))[0]))(a)))


def test_the_determinant_of_nothing_and_of_nan():
    assert tg.grad(L.det)(np.zeros((0, 0))).shape == (0, 0)
    assert tg.grad(L.det)(np.array([[0.0]])) == [[1.0]]
    with np.errstate(invalid="ignore"):
        assert np.all(np.isnan(tg.grad(L.det)(np.full((2, 2), np.nan))))


def test_the_logarithm_of_a_determinant_of_zero_has_no_derivative():
    stack = np.stack([np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[2.0, 0.0], [0.0, 4.0]])])
    found = tg.grad(lambda x: np.sum(L.slogdet(x)[1]))(stack)
    assert np.all(np.isnan(found[0]))
    np.testing.assert_allclose(found[1], [[0.5, 0.0], [0.0, 0.25]])
    assert np.all(np.isnan(tg.grad(lambda x: L.slogdet(x)[1])(np.zeros((2, 2)))))


# --- powers and products ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rank n-1", "rank n-2", "zero", "a zero column"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8])
def test_powers_of_a_singular_matrix(kind, n):
    tg.check_grads(lambda x: x * 0.0 + L.matrix_power(x, n), made(kind, 3))


def test_what_needs_an_inverse_is_refused_as_numpy_does():
    a = tg.Node([[1.0, 2.0], [2.0, 4.0]])
    for call in (L.inv, lambda x: L.matrix_power(x, -1), lambda x: L.solve(x, np.ones(2))):
        with pytest.raises(L.LinAlgError, match="Singular matrix"):
            call(a)
    with pytest.raises(L.LinAlgError, match="Singular matrix"):
        L.tensorinv(a.reshape(2, 1, 2), ind=1)


@pytest.mark.parametrize("p", [None, 2, -2, 1, "fro", np.inf])
def test_the_condition_of_a_singular_matrix_has_no_derivative(p):
    for a in (np.array([[1.0, 2.0], [2.0, 4.0]]), np.zeros((2, 2)), np.diag([1.0, 0.0])):
        if p == -2:
            continue  # 0 there, as a norm at zero is
        with np.errstate(all="ignore"):
            assert not np.any(np.isfinite(tg.grad(lambda x: L.cond(x, p))(a)))


# --- along matrices of equal rank ------------------------------------------------------------------------------------

WIDE = {"1 x 3": (1, 3), "2 x 3": (2, 3), "3 x 5": (3, 5), "stack": (2, 2, 4)}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("of", ["pinv", "projection", "hermitian", "square"])
def test_pinv_of_a_gram_matrix_of_lower_rank_is_right_to_third_order(name, of):
    x = numbers(*WIDE[name])
    f = {
        "pinv": lambda x: L.pinv(x.mT @ x),
        "projection": lambda x: L.pinv(x.mT @ x) @ (x.mT @ x),
        "hermitian": lambda x: L.pinv(x.mT @ x, hermitian=True),
        "square": lambda x: np.sum(L.pinv(x.mT @ x) ** 2),
    }[of]
    tg.check_grads(f, x, order=3)


@pytest.mark.parametrize("rank", [1, 2])
def test_pinv_and_lstsq_of_a_product_of_lower_rank(rank):
    p, q, b = numbers(5, rank), numbers(rank, 3), numbers(5, 2)
    tg.check_grads(lambda p, q: L.pinv(p @ q), p, q)
    tg.check_grads(lambda p, q, b: L.lstsq(p @ q, b, rcond=None)[0], p, q, b)
    tg.check_grads(lambda p, q: L.pinv((p @ q).T @ (p @ q)), p, q)
    found = tg.jacobian(lambda p: L.lstsq(p @ q, b, rcond=None)[3][:rank])(p)
    for e in np.eye(5 * rank).reshape(-1, 5, rank):
        expected = central(lambda p: L.svdvals(p @ q)[:rank], p, e)
        np.testing.assert_allclose(np.tensordot(found, e, 2), expected, atol=1e-8)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3), (2, 4, 3)])
@pytest.mark.parametrize("cut", [None, 1e-10, 0.3, 0.6])
def test_a_pinv_that_leaves_out_what_is_small_moves_with_it(shape, cut):
    tg.check_grads(lambda x: L.pinv(x, rcond=cut), numbers(*shape))
    if len(shape) == 2:
        tg.check_grads(lambda a, b: L.lstsq(a, b, rcond=cut)[0], numbers(*shape), numbers(shape[0]))


def test_the_nuclear_norm_of_a_matrix_of_low_rank():
    u, v = np.array([3.0, 4.0]) / 5.0, np.array([1.0, 2.0, 2.0]) / 3.0
    np.testing.assert_allclose(tg.grad(lambda x: L.norm(x, "nuc"))(7.0 * np.outer(u, v)), np.outer(u, v), atol=1e-14)


def test_q_r_of_columns_that_depend_on_each_other_has_no_derivative():
    for a in (np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])):
        assert np.all(np.isnan(tg.grad(lambda x: np.sum(L.qr(x)[0]))(a)))
    tg.check_grads(lambda x: tuple(L.qr(x)), np.array([[1.0, 1e-20], [2.0, 3e-20]]) * np.array([1.0, 1e20]))


# --- every keyword, away from such points ----------------------------------------------------------------------------


def whole_svd(x, **how):
    """What the full factors determine: the vectors of singular values, and the space of the others."""
    u, s, vh = L.svd(x, **how)
    k = s.shape[-1]
    return u[..., :k], s, vh[..., :k, :], u[..., k:] @ u[..., k:].mT, vh[..., k:, :].mT @ vh[..., k:, :]


def whole_qr(x):
    q, r = L.qr(x, "complete")
    k = min(x.shape[-2:])
    return q[..., :k], q[..., k:] @ q[..., k:].mT, r


SQUARE, TALL, LYING, STACK = (3, 3), (4, 2), (2, 4), (2, 3, 3)
CALLS = {
    "svd, full": (lambda x: whole_svd(x), [SQUARE, TALL, LYING, (2, 4, 2)]),
    "svd": (lambda x: whole_svd(x, full_matrices=False), [SQUARE, TALL, LYING, STACK]),
    "svd, hermitian": (lambda x: tuple(L.svd(x, hermitian=True)), [SQUARE, STACK]),
    "svd, values, hermitian": (lambda x: L.svd(x, compute_uv=False, hermitian=True), [SQUARE, STACK]),
    "pinv, hermitian": (lambda x: L.pinv(x, hermitian=True), [SQUARE, STACK]),
    "pinv, rtol": (lambda x: L.pinv(x, rtol=0.2), [SQUARE, TALL]),
    "eigh, U": (lambda x: tuple(L.eigh(x, "U")), [SQUARE, STACK]),
    "eigh, l": (lambda x: tuple(L.eigh(x, "l")), [SQUARE]),
    "eigvalsh, U": (lambda x: L.eigvalsh(x, "U"), [SQUARE, STACK]),
    "cholesky, upper": (lambda x: L.cholesky(x @ x.mT + np.eye(3), upper=True), [SQUARE, STACK]),
    "qr, complete": (whole_qr, [SQUARE, TALL, LYING, (2, 4, 2)]),
    "qr, r": (lambda x: L.qr(x, "r"), [TALL, LYING]),
    "multi_dot": (lambda x: L.multi_dot([x[0], x.T, x, x[0] + x[1]]), [(3, 3)]),
    "cond, nuc": (lambda x: L.cond(x, "nuc"), [SQUARE, STACK]),
    "cond, -1": (lambda x: L.cond(x, -1), [SQUARE]),
    "cond, -inf": (lambda x: L.cond(x, -np.inf), [SQUARE]),
    "norm, axes": (lambda x: L.norm(x, "nuc", axis=(2, 0), keepdims=True), [(3, 2, 2)]),
    "vector_norm, axes": (lambda x: L.vector_norm(x, axis=(2, 0), ord=3), [(3, 2, 2)]),
    "norm, 0.5": (lambda x: L.norm(x, 0.5, axis=0), [TALL]),
    "tensorsolve, axes": (lambda x: L.tensorsolve(x, x[:, 0, 0], axes=(1,)), [(4, 2, 2)]),
}


@pytest.mark.parametrize("n", [31, 32, 33, 70])
def test_the_triangle_of_a_large_matrix_is_inverted_by_blocks(n):
    w = numbers(n, n, seed=1)
    tg.check_grads(lambda x: np.sum(w * L.cholesky(x @ x.mT / n + np.eye(n))), numbers(n, n))


@pytest.mark.parametrize("name", CALLS)
def test_derivatives_by_differences_for_every_keyword(name):
    f, shapes = CALLS[name]
    for shape in shapes:
        tg.check_grads(f, numbers(*shape, seed=3) + (0.5 * np.eye(3) if shape[-2:] == (3, 3) else 0.0))


def test_vectors_beyond_the_singular_values_count_as_a_space_only():
    x = numbers(4, 2)
    for call in (lambda x: L.svd(x)[0][0, 3], lambda x: L.qr(x, "complete")[0][0, 3]):
        assert np.all(np.isnan(tg.grad(call)(x)))
        assert np.isnan(tg.jvp(call, (x,), (x**2,))[1])
    tg.check_grads(lambda x: abs(L.svd(x)[0][0, 2]), numbers(3, 2))  # of one vector the space is all but the sign
    assert np.all(np.isfinite(tg.hvp(lambda x: np.sum(L.svd(x)[0][:, :2] ** 3), (x,), (x**2,))[0]))


# --- matrices that are not finite ------------------------------------------------------------------------------------

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


# --- second derivatives where equal values get different gradients ----------------------------------------------------

ONE = np.eye(2)
NO_SECOND = {
    "largest eigenvalue": lambda m: L.eigvalsh(m)[-1],
    "of eigh": lambda m: L.eigh(m)[0][0],
    "largest singular value": lambda m: L.svdvals(m)[0],
    "of svd": lambda m: L.svd(m)[1][0],
    "norm 2": lambda m: L.norm(m, 2),
    "norm -2": lambda m: L.norm(m, -2),
    "cube": lambda m: L.eigvalsh(m)[0] ** 3 + L.eigvalsh(m)[0],
}


@pytest.mark.parametrize("name", NO_SECOND)
@pytest.mark.parametrize("add", [0.0, 1.0])
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_not_determined_is_nan_also_where_the_matrix_does_not_move(name, add, compiled):
    hessian = tg.hessian(lambda x: NO_SECOND[name](add * ONE + x @ x.T))
    assert np.all(np.isnan((tg.compile(hessian) if compiled else hessian)(np.zeros((2, 2)))[0, 0]))
    stack = tg.hessian(lambda x: np.sum(tg.stack([NO_SECOND[name](add * ONE + x @ x.T), x[0, 0] ** 2])))
    assert np.all(np.isnan(stack(np.zeros((2, 2)))[0, 0]))


def test_where_equal_values_get_equal_gradients_the_second_derivative_is_right():
    for f in (lambda m: L.eigvalsh(m).sum(), lambda m: L.svdvals(ONE + m).sum(), lambda m: L.norm(ONE + m, "nuc")):
        np.testing.assert_allclose(tg.hessian(lambda x: f(x @ x.T))(np.zeros((2, 2)))[0, 0], [[2, 0], [0, 0]])  # noqa: B023
    apart = np.diag([1.0, 3.0])
    tg.check_grads(lambda x: L.eigvalsh(apart + x @ x.T)[-1] + L.norm(apart + x @ x.T, 2), np.zeros((2, 2)))


@pytest.mark.parametrize("order", [-1, -2, -3, -0.5, np.int64(-1)])
def test_norms_of_negative_order_at_an_entry_of_zero(order):
    x = np.array([1.0, 0.0, -2.0])
    for norm in (lambda v: L.norm(v, order), lambda v: L.vector_norm(v, ord=order), lambda v: L.norm(v, order, axis=0)):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(tg.grad(norm)(x), [0.0, np.nan, 0.0])
            assert np.all(np.isnan(tg.hessian(norm)(x)[1]))
        tg.check_grads(norm, x + 0.5)
    with np.errstate(all="ignore"):
        rows = tg.grad(lambda v: L.norm(v, order, axis=1).sum())(np.stack([x, x + 0.5]))
    np.testing.assert_array_equal(rows[0], [0.0, np.nan, 0.0])
    assert np.all(np.isfinite(rows[1]))
