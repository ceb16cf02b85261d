"""The rows of `op_table.py` for products."""

from op_row import FLOATS, Rows

ROWS = Rows()
add = ROWS.add

PRODUCTS: list[list[tuple[int, ...]]] = [
    [(3,), (3,)],
    [(2, 3), (3,)],
    [(3,), (3, 2)],
    [(2, 3), (3, 4)],
    [(1, 1), (1, 1)],
    [(0, 3), (3, 2)],
    [(2, 0), (0, 3)],
]
BATCHED: list[list[tuple[int, ...]]] = [
    [(4, 2, 3), (3, 2)],
    [(2, 3), (4, 3, 2)],
    [(4, 2, 3), (4, 3, 1)],
    [(2, 1, 2, 3), (3, 3, 1)],
    [(3,), (4, 3, 2)],
    [(4, 2, 3), (3,)],
]
add("matmul", lambda np, a, b: np.matmul(a, b), *PRODUCTS, *BATCHED)
add("matmul", lambda np, a, b: a @ b, *PRODUCTS[:4], note="(@)")
add("matmul", lambda np, x: FLOATS @ x @ FLOATS, (3, 2), note="(array @ x)")
add("dot", lambda np, a, b: np.dot(a, b), *PRODUCTS, [(), ()], [(), (2, 3)], [(2, 3), ()])
add(
    "dot", lambda np, a, b: np.dot(a, b), [(4, 2, 3), (3,)], [(4, 2, 3), (3, 2)], [(2, 3), (4, 3, 2)], [(3,), (2, 3, 2)]
)
add(
    "inner",
    lambda np, a, b: np.inner(a, b),
    [(3,), (3,)],
    [(2, 3), (3,)],
    [(2, 3), (4, 3)],
    [(), (3,)],
    [(2, 1, 3), (3,)],
)
add("outer", lambda np, a, b: np.outer(a, b), [(3,), (2,)], [(1,), (0,)])
add("outer", lambda np, a, b: np.outer(a, b), [(2, 2), (3,)], [(), (3,)], [(), ()], oracle=False, note="(other shapes)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=2), [(4, 2, 3), (2, 3, 2)], [(2, 3), (2, 3)])
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=0), [(2,), (3, 1)], note="(0)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=1), [(2, 3), (3,)], [(2, 3), (3, 4)], note="(1)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=([0, -1], [1, 0])), [(2, 4, 3), (3, 2, 5)], note="(lists)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=(0, -1)), [(3, 2), (4, 3)], note="(0, -1)")
