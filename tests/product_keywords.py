"""Every keyword of NumPy's polynomials, products and linear algebra: the rows of `keyword_rows.py`."""

from typing import Any

import numpy as np
from keyword_values import (
    AXES,
    CASTING,
    CUBE,
    DEFINITE,
    DTYPES,
    KEEP,
    NORMS,
    ORDERS,
    OUT,
    SQUARE,
    STACKED,
    TENSOR,
    A,
    B,
    V,
)

CALLS: dict[str, tuple[list[tuple[Any, ...]], dict[str, list[Any]]]] = {
    # Polynomials
    "poly": ([(V,), (SQUARE,), (V[:1],)], {}),
    "polyadd": ([(V, V[:2]), (V, 1.0), ([1, 2], V)], {}),
    "polysub": ([(V, V[:2]), (V, 1.0), ([1, 2], V)], {}),
    "polymul": ([(V, V[:2]), (V, 2.0), ([0, 1, 2], V)], {}),
    "polydiv": ([(V, V[:2]), (V, V[:1]), (V[:2], V), ([1, 0, 0, 0], V[:2]), (V, 2.0)], {}),
    "polyder": ([(V,), ([1, 2, 3],)], {"m": [0, 1, 2, 4, 5, 6]}),
    "polyint": ([(V,)], {"m": [0, 1, 2, 3], "k": [None, 2.0, 1, [1.0], [1.0, 2.0], V[:2]]}),
    "polyval": ([(V, 0.7), (V, A), ([1, 2, 3], V), (V, [1, 2]), (V, V[:2])], {}),
    "polyfit": (
        [
            ([0, 1, 2, 3, 5], V, 1),
            (V, [*A[0].tolist(), 1.0], 2),
            (V, V[::-1] * V, 3),
            (V, np.stack([V, V * V], axis=1), 2),
            (V, V[::-1].copy(), 4),
            (V, V[::-1].copy(), 0),
            (V, V[::-1].copy(), np.int64(1)),
        ],
        {
            "rcond": [None, 1e-3, 0.3, 1e-12],
            "full": KEEP,
            "w": [None, [1.0, 2.0, 0.5, 3.0, 1.0], np.abs(V)],
            "cov": [True, False, "unscaled"],
        },
    ),
    "vander": ([(V,), ([1, 2, 3],)], {"N": [None, 0, 1, 3, 7], "increasing": KEEP}),
    # Products
    "dot": ([(A, B.T), (V, V), (A, V[:4]), (A, 2.0), (CUBE, A.T)], {"out": OUT}),
    "inner": ([(A, B), (V, V), (A, 2.0)], {}),
    "outer": ([(A, V), (V, V)], {"out": OUT}),
    "vdot": ([(A, B), (V, V)], {}),
    "tensordot": ([(CUBE, CUBE), (A, B)], {"axes": [2, 0, 1, [[0], [0]], ([0, 1], [0, 1]), (1, 1), [[-1], [-1]]]}),
    "kron": ([(A, V), (A, B)], {}),
    "cross": (
        [(A[:, :3], B[:, :3]), (V[:3], V[1:4]), (SQUARE, V[:3])],
        {"axisa": [0, -1], "axisb": [0, -1], "axisc": [0, 1], "axis": [None, 0, 1, -1]},
    ),
    "convolve": ([(V, V[:2]), (V[:2], V), (V, V)], {"mode": ["full", "same", "valid"]}),
    "correlate": ([(V, V[:2]), (V[:2], V), (V, V)], {"mode": ["full", "same", "valid"]}),
    "linalg.tensordot": ([(CUBE, CUBE), (A, B)], {"axes": [2, 0, 1, [[0], [0]], ([0, 1], [0, 1])]}),
    "linalg.outer": ([(V, V[:2])], {}),
    "linalg.cross": ([(A[:, :3], B[:, :3]), (V[:3], V[1:4])], {"axis": [-1, 0]}),
    "linalg.vecdot": ([(A, B), (V, V)], {"axis": [-1, 0]}),
    "linalg.matmul": ([(A, B.T), (CUBE, A.T)], {}),
    "linalg.multi_dot": ([([A, B.T, A],), ([V[:3], A, B.T],)], {"out": OUT}),
    "linalg.matrix_power": ([(SQUARE, 3), (SQUARE, 0), (SQUARE, -2), (SQUARE, np.uint8(2))], {}),
    "linalg.inv": ([(SQUARE,), (STACKED,)], {}),
    "linalg.det": ([(SQUARE,), (STACKED,)], {}),
    "linalg.slogdet": ([(SQUARE,), (STACKED,)], {}),
    "linalg.solve": ([(SQUARE, V[:3]), (SQUARE, A), (STACKED, A)], {}),
    "linalg.cholesky": ([(DEFINITE,), (SQUARE + 3.0 * np.eye(3),)], {"upper": KEEP}),
    "linalg.eigh": ([(DEFINITE,), (SQUARE,)], {"UPLO": ["L", "U", "l", "u", "X"]}),
    "linalg.eigvalsh": ([(DEFINITE,), (SQUARE,)], {"UPLO": ["L", "U", "l", "u", "X"]}),
    "linalg.svd": (
        [(A,), (A.T,), (SQUARE,), (DEFINITE,), (CUBE,)],
        {"full_matrices": KEEP, "compute_uv": KEEP, "hermitian": KEEP},
    ),
    "linalg.svdvals": ([(A,), (CUBE,)], {}),
    "linalg.qr": ([(A,), (A.T,), (SQUARE,)], {"mode": ["reduced", "complete", "r", "raw"]}),
    "linalg.pinv": (
        [(A,), (A.T,), (DEFINITE,), (CUBE,)],
        {"rcond": [None, 1e-15, 0.3, [0.3, 0.1]], "hermitian": KEEP, "rtol": [None, 1e-10, 0.3]},
    ),
    "linalg.lstsq": (
        [(A.T, V[:4]), (A, V[:3]), (A.T, B.T)],
        {"rcond": [None, -1, 1e-12, 0.5]},
    ),
    "linalg.norm": (
        [(A,), (V,), (CUBE,)],
        {"ord": NORMS, "axis": [None, 0, 1, -1, (0, 1), (1, 0), (0,), np.int64(1)], "keepdims": KEEP},
    ),
    "linalg.vector_norm": ([(A,), (V,)], {"axis": AXES, "keepdims": KEEP, "ord": NORMS}),
    "linalg.matrix_norm": ([(A,), (CUBE,)], {"keepdims": KEEP, "ord": NORMS}),
    "linalg.cond": ([(SQUARE,), (A,)], {"p": [None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc", 2.0, 3]}),
    "linalg.tensorinv": ([(SQUARE.reshape(3, 3, 1), 1), (TENSOR,)], {"ind": [1, 2, 0]}),
    "linalg.tensorsolve": ([(TENSOR, TENSOR[..., 0, 0])], {"axes": [None, (0,), (0, 2)]}),
    "einsum": (
        [("ij,jk->ik", A, B.T), ("ij->ji", A), ("i,i", V, V), ("...j,j", CUBE, A[0]), ("ii->i", SQUARE), ("ij->", A)],
        {
            "out": OUT,
            "optimize": [False, True, "greedy", "optimal"],
            "dtype": DTYPES,
            "order": ORDERS,
            "casting": CASTING,
        },
    ),
}
