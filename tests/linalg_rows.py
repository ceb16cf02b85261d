"""The rows of `op_table.py` for NumPy's linear algebra and its less common products."""

import numpy
from op_row import Rows

ROWS = Rows()
add = ROWS.add


def spd(np, x):
    """Make a well-conditioned symmetric matrix of any square one."""
    return x @ np.swapaxes(x, -1, -2) + 2.0 * numpy.eye(3)


# Linear algebra

add("inv", lambda np, x: np.linalg.inv(spd(np, x)), (3, 3), (2, 3, 3))
add("inv", lambda np, x: np.linalg.inv(x + 4.0 * numpy.eye(3)), (3, 3), note="(general)")
add("det", lambda np, x: np.linalg.det(x), (3, 3), (2, 2, 2), (1, 1))
add("slogdet", lambda np, x: np.linalg.slogdet(x)[1], (3, 3), (2, 2, 2))
add("solve", lambda np, a, b: np.linalg.solve(spd(np, a), b), [(3, 3), (3,)], [(3, 3), (3, 2)])
STACKS: list[list[tuple[int, ...]]] = [[(2, 3, 3), (3, 1)], [(3, 3), (2, 3, 2)], [(2, 3, 3), (3,)]]
add("solve", lambda np, a, b: np.linalg.solve(spd(np, a), b), *STACKS, oracle=False, note="(stacks)")
add("cholesky", lambda np, x: np.linalg.cholesky(spd(np, x)), (3, 3), (2, 3, 3))
add("cholesky", lambda np, x: np.linalg.cholesky(0.1 * x + 2.0 * numpy.eye(3)), (3, 3), oracle=False, note="(lower)")
add("cholesky", lambda np, x: np.linalg.cholesky(spd(np, x), upper=True), (3, 3), oracle=False, note="(upper)")
add("eigh", lambda np, x: np.linalg.eigh(spd(np, x))[1] ** 2 + np.linalg.eigh(spd(np, x))[0], (3, 3))
add("eigh", lambda np, x: np.linalg.eigh(x, "U")[0], (3, 3), (2, 3, 3), oracle=False, note="(U)")
add("eigvalsh", lambda np, x: np.linalg.eigvalsh(x), (3, 3), (2, 2, 2), oracle=False)
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[1], (3, 4), (2, 3, 2))
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[0] ** 2, (3, 2), (2, 2), (2, 3), note="(U)")
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[2] ** 2, (3, 2), (2, 2), (2, 3), note="(V)")
add("svd", lambda np, x: np.linalg.svd(x, compute_uv=False), (3, 2), note="(values)")
add("svdvals", lambda np, x: np.linalg.svdvals(x), (3, 2), (2, 2, 3), oracle=False)
add("qr", lambda np, x: np.linalg.qr(x)[0], (3, 3), (4, 2), (2, 3), (2, 3, 2), oracle=False)
add("qr", lambda np, x: np.linalg.qr(x)[1], (3, 3), (4, 2), (2, 3), oracle=False, note="(R)")
add("qr", lambda np, x: np.linalg.qr(x, mode="r"), (3, 2), oracle=False, note="(r)")
add("pinv", lambda np, x: np.linalg.pinv(x), (3, 2), (2, 3), (2, 2))
add("pinv", lambda np, x: np.linalg.pinv(x), (2, 3, 2), oracle=False, note="(stack)")
for part in (0, 1, 3):
    call = lambda np, a, b, part=part: np.linalg.lstsq(a, b, rcond=None)[part]  # noqa: E731 # bound in a loop
    add("lstsq", call, [(4, 2), (4,)], [(4, 2), (4, 3)], oracle=False, note=f"[{part}]")
add("norm", lambda np, x: np.linalg.norm(x), (3,), (2, 3), (2, 3, 2))
for order in (1, 2, 3, numpy.inf, -numpy.inf, 2.5):
    call = lambda np, x, order=order: np.linalg.norm(x, order, axis=0)  # noqa: E731 # bound in a loop
    add("norm", call, (3,), (3, 2), oracle=False, note=f"({order})")
for order in (1, -1, 2, -2, "fro", "nuc", numpy.inf, -numpy.inf):
    call = lambda np, x, order=order: np.linalg.norm(x, order, axis=(0, -1), keepdims=True)  # noqa: E731 # ditto
    add("norm", call, (3, 2), (2, 2, 3), oracle=False, note=f"(matrix, {order})")
add("vector_norm", lambda np, x: np.linalg.vector_norm(x), (3,), (2, 3), (), oracle=False)
add(
    "vector_norm",
    lambda np, x: np.linalg.vector_norm(x, ord=3, axis=1, keepdims=True),
    (2, 3),
    oracle=False,
    note="(3)",
)
add("matrix_norm", lambda np, x: np.linalg.matrix_norm(x), (3, 2), (2, 3, 2), oracle=False)
add(
    "matrix_norm",
    lambda np, x: np.linalg.matrix_norm(x, ord="nuc", keepdims=True),
    (2, 3, 2),
    oracle=False,
    note="(nuc)",
)
for order in (None, 2, -2, 1, "fro", numpy.inf):
    call = lambda np, x, order=order: np.linalg.cond(x + 4.0 * numpy.eye(3), order)  # noqa: E731 # bound in a loop
    add("cond", call, (3, 3), oracle=False, note=f"({order})")
for n in (1, 2, 5, -2):
    call = lambda np, x, n=n: np.linalg.matrix_power(x + 3.0 * numpy.eye(2), n)  # noqa: E731 # bound in a loop
    add("matrix_power", call, (2, 2), (3, 2, 2), oracle=False, note=f"({n})")
add("multi_dot", lambda np, a, b: np.linalg.multi_dot([a, b, a]), [(2, 3), (3, 2)], oracle=False)
add("tensorinv", lambda np, x: np.linalg.tensorinv(x + 5.0 * numpy.eye(4).reshape(4, 2, 2), 1), (4, 2, 2), oracle=False)
add("tensorsolve", lambda np, a, b: np.linalg.tensorsolve(a + 5.0 * numpy.eye(4).reshape(2, 2, 4), b),
    [(2, 2, 4), (2, 2)], oracle=False)  # fmt: skip
add("eigvalsh", lambda np, x: np.linalg.eigvalsh(x), (0, 3, 3), oracle=False, note="(no matrix)")
add("svdvals", lambda np, x: np.linalg.svdvals(x), (0, 3, 2), oracle=False, note="(no matrix)")
add("svd", lambda np, x: np.linalg.svd(x, full_matrices=False)[0], (0, 3, 2), oracle=False, note="(no matrix)")

# Products

EINSUMS: dict[str, list[tuple[int, ...]]] = {
    "ij,jk->ik": [(2, 3), (3, 2)],
    "ij,jk": [(2, 3), (3, 2)],
    "ij->ji": [(2, 3)],
    "ij->j": [(2, 3)],
    "i,j->": [(2,), (3,)],
    ",->": [(), ()],
    ",i": [(), (3,)],
    "...j,jk": [(2, 3, 4), (4, 2)],
    "...,...->...": [(3,), (2, 3)],
    "b...i,bi->b...": [(2, 3, 4), (2, 4)],
    "ii": [(3, 3)],
    "ii->i": [(3, 3)],
    "ij,ij,jk->k": [(2, 3), (2, 3), (3, 2)],
    "iij,j->i": [(2, 2, 3), (3,)],
}
for text, shapes in EINSUMS.items():
    call = lambda np, *xs, text=text: np.einsum(text, *xs)  # noqa: E731 # bound in a loop
    add("einsum", call, shapes, note=f"({text})", oracle=text in ("ij,jk->ik", "ij->ji", "ij,ij,jk->k"))
add("kron", lambda np, a, b: np.kron(a, b), [(2, 2), (2, 3)])
add("kron", lambda np, a, b: np.kron(a, b), [(3,), (2,)], [(2,), (2, 3)], oracle=False, note="(vectors)")
add("cross", lambda np, a, b: np.cross(a, b), [(3,), (3,)], [(2, 3), (2, 3)], [(2, 3), (3,)], oracle=False)
add("cross", lambda np, a, b: np.cross(a, b, axis=0), [(3, 2), (3, 2)], oracle=False, note="(axis=0)")
add("cross", lambda np, a, b: np.linalg.cross(a, b), [(2, 3), (2, 3)], oracle=False, note="(linalg)")
add("vdot", lambda np, a, b: np.vdot(a, b), [(3,), (3,)], [(2, 3), (2, 3)], oracle=False)
add("vecdot", lambda np, a, b: np.vecdot(a, b), [(3,), (3,)], [(2, 3), (3,)], oracle=False)
add("vecdot", lambda np, a, b: np.linalg.vecdot(a, b, axis=0), [(3, 2), (3, 2)], oracle=False, note="(axis=0)")
add("matvec", lambda np, a, b: np.matvec(a, b), [(2, 3), (3,)], [(4, 2, 3), (3,)], [(2, 3), (4, 3)], oracle=False)
add("vecmat", lambda np, a, b: np.vecmat(a, b), [(2,), (2, 3)], [(4, 2), (2, 3)], oracle=False)
add("matmul", lambda np, a, b: np.linalg.matmul(a, b), [(2, 3), (3, 2)], oracle=False, note="(linalg)")
add("outer", lambda np, a, b: np.linalg.outer(a, b), [(2,), (3,)], oracle=False, note="(linalg)")
add("tensordot", lambda np, a, b: np.linalg.tensordot(a, b, axes=1), [(2, 3), (3, 2)], oracle=False, note="(linalg)")
add(
    "einsum",
    lambda np, a, b: np.einsum("ij,jk->ik", a, b, optimize=True),
    [(2, 3), (3, 2)],
    note="(optimize)",
    oracle=False,
)
add("einsum", lambda np, a, b: np.einsum("ij,jk->ik", a, b), [(2, 1), (3, 4)], note="(length 1)", oracle=False)
add("einsum", lambda np, a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), [(2, 3), (3, 2)], note="(lists)", oracle=False)
add("einsum", lambda np, a, b: np.einsum(a, [..., 0], b, [0]), [(2, 3), (3,)], note="(lists, ...)", oracle=False)
