"""Every keyword of every NumPy function that Nodes answer, with the values that mean something there.

`CALLS` has a function by its name after `np.`: the arguments of its calls, and for each keyword its values. An array of
floats among the arguments becomes a Node when the call is tried on Nodes; `as_nodes` does the same with keywords. What
a function takes beside its arrays stands as it is. `test_keywords.py` walks over all of it, one keyword and two.
"""

from typing import Any

import numpy as np

rng = np.random.default_rng(7)
V = np.array([0.3, -1.2, 2.5, 0.9, -0.4])
A, B, SQUARE = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.standard_normal((3, 3))
CUBE = rng.uniform(0.2, 3.0, (2, 3, 4))
STACKED = rng.standard_normal((2, 3, 3))
DEFINITE = SQUARE @ SQUARE.T + 0.5 * np.eye(3)
TENSOR = rng.standard_normal((2, 3, 6, 1))
NORMS: list[Any] = [None, 0, 1, 2, 3, -1, -2, 1.0, 2.0, 0.5, 2.5, np.inf, -np.inf, "fro", "nuc", np.int64(2), "f"]
GAPS = A.copy()
GAPS[0, 1] = GAPS[2, 2] = GAPS[2, 3] = np.nan
MASK = A > -1.0
POSITIVE = np.abs(A) + 0.3
ROW_WEIGHTS = np.array([1.0, 2.0, 0.5, 3.0])
EVERY_METHOD = [
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull"),
    *("linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"),
]
SINGLE = np.float32

NO_AXIS: tuple[int, ...] = ()
AXES: list[Any] = [None, 0, 1, -1, (0, 1), (1,), NO_AXIS, (-1, 0), np.int64(1), np.uint8(0)]
ONE_AXIS: list[Any] = [None, 0, 1, -1, np.int64(1), np.uint8(0)]
THE_AXIS: list[Any] = ONE_AXIS[1:]
KEEP = [True, False]
DTYPES: list[Any] = [SINGLE, float, None, int, "f4", np.longdouble]
WHERE: list[Any] = [MASK, True, MASK[0], MASK[:, :1]]
OUT = [None, np.full(99, 7.0)]
ORDERS = ["C", "F", "A", "K"]
CASTING = ["no", "equiv", "safe", "same_kind", "unsafe"]

REDUCED: dict[str, Any] = {"axis": AXES, "out": OUT, "keepdims": KEEP}
SUMMED = {**REDUCED, "dtype": DTYPES, "initial": [0.0, 2.5, np.float64(1.5)], "where": WHERE}
EXTREME = {**REDUCED, "initial": [0.1, -9.0, 9.0], "where": WHERE}
MEAN = {**REDUCED, "dtype": DTYPES, "where": WHERE}
SPREAD = {
    **MEAN,
    "ddof": [0, 1, 2, 0.5, True, np.int64(1)],
    "correction": [0, 1, 0.5],
    "mean": [np.zeros((3, 1)), np.mean(A, axis=1, keepdims=True)],
}
RUNNING: dict[str, Any] = {"axis": ONE_AXIS, "dtype": DTYPES, "out": OUT}
RUNNING_TOO = {**RUNNING, "include_initial": KEEP}
QUANTILE: dict[str, Any] = {
    **REDUCED,
    "overwrite_input": KEEP,
    "method": EVERY_METHOD,
    "weights": [POSITIVE, ROW_WEIGHTS],
}
# (With axis=() and a table of quantiles NumPy puts the axes of the table first in one and last in the other.)
NAN_QUANTILE: dict[str, Any] = {**QUANTILE, "axis": [axis for axis in AXES if axis is not NO_AXIS]}
MEDIAN: dict[str, Any] = {**REDUCED, "overwrite_input": KEEP}
QUANTILES: list[Any] = [0.3, 0.0, 1.0, 0.5, 0, 1, [0.2, 0.7], [[0.2, 0.7], [0.1, 0.4]], [], np.float64(0.25), (0.4,)]
PERCENTS: list[Any] = [30, 0, 100, 12.5, [20, 70], [[20, 70], [10.0, 40]], np.int64(25), np.float32(30)]

# The functions whose files are mended elsewhere come last in the table.
CALLS: dict[str, tuple[list[tuple[Any, ...]], dict[str, list[Any]]]] = {
    # Folding axes
    "sum": ([(A,), (CUBE,), (V,)], SUMMED),
    "prod": ([(A,), (V,)], SUMMED),
    "max": ([(A,), (V,)], EXTREME),
    "min": ([(A,), (V,)], EXTREME),
    "amax": ([(A,)], EXTREME),
    "amin": ([(A,)], EXTREME),
    "mean": ([(A,), (V,)], MEAN),
    "var": ([(A,), (V,)], SPREAD),
    "std": ([(A,), (V,)], SPREAD),
    "ptp": ([(A,), (V,)], REDUCED),
    "nansum": ([(GAPS,), (A,)], SUMMED),
    "nanprod": ([(GAPS,)], SUMMED),
    "nanmax": ([(GAPS,)], EXTREME),
    "nanmin": ([(GAPS,)], EXTREME),
    "nanmean": ([(GAPS,)], MEAN),
    "nanvar": ([(GAPS,)], SPREAD),
    "nanstd": ([(GAPS,)], SPREAD),
    "average": (
        [(A,), (CUBE,)],
        {"axis": AXES, "weights": [POSITIVE, ROW_WEIGHTS, [1, 2, 3], None], "returned": KEEP, "keepdims": KEEP},
    ),
    "cumsum": ([(A,), (V,)], RUNNING),
    "cumprod": ([(A,), (V,)], RUNNING),
    "nancumsum": ([(GAPS,)], RUNNING),
    "nancumprod": ([(GAPS,)], RUNNING),
    "cumulative_sum": ([(A,), (V,)], RUNNING_TOO),
    "cumulative_prod": ([(A,), (V,)], RUNNING_TOO),
    # Order
    "sort": (
        [(A,), (V,)],
        {
            "axis": ONE_AXIS,
            "kind": ["quicksort", "mergesort", "heapsort", "stable", None],
            "order": [None],
            "stable": [True, False, None],
        },
    ),
    "partition": (
        [(A, 1), (V, 2), (A, (0, 2)), (A, [2, 0]), (V, -1)],
        {"axis": ONE_AXIS, "kind": ["introselect"], "order": [None]},
    ),
    "median": ([(A,), (V,), (GAPS,)], MEDIAN),
    "nanmedian": ([(GAPS,), (A,)], MEDIAN),
    "quantile": ([*[(A, q) for q in QUANTILES], (V, 0.3), (GAPS, 0.4)], QUANTILE),
    "percentile": ([*[(A, q) for q in PERCENTS], (V, 30)], QUANTILE),
    "nanquantile": ([(GAPS, q) for q in QUANTILES], NAN_QUANTILE),
    "nanpercentile": ([(GAPS, q) for q in PERCENTS], NAN_QUANTILE),
    # Statistics
    "cov": (
        [(A,), (V,), (A, B), (V, V[::-1].copy())],
        {
            "y": [B, ROW_WEIGHTS],
            "rowvar": [True, False, 1, 0],
            "bias": [True, False, 1],
            "ddof": [0, 1, 2, None],
            "fweights": [[1, 2, 3, 1], np.array([2, 1, 1, 3]), [1, 2, 1]],
            "aweights": [ROW_WEIGHTS, [1.0, 2.0, 0.5]],
            "dtype": DTYPES,
        },
    ),
    "corrcoef": ([(A,), (V,), (A, B)], {"y": [B, ROW_WEIGHTS], "rowvar": [True, False, 0], "dtype": DTYPES}),
    "bincount": (
        [([0, 1, 1, 4, 0], V), (np.array([2, 2, 0, 1, 1], np.uint8), V), ([0, 1, 1, 4, 0],)],
        {"weights": [V], "minlength": [0, 3, 9, np.int64(7)]},
    ),
    # Differences and integrals
    "diff": (
        [(A,), (V,)],
        {"n": [0, 1, 2, 3], "axis": THE_AXIS, "prepend": [0.5, 1, A[:, :1], V], "append": [0.5, -2, A[:, :1]]},
    ),
    "ediff1d": ([(A,), (V,)], {"to_end": [0.5, [1.0, 2.0], V], "to_begin": [0.5, [1.0, 2.0], V, 1]}),
    "trapezoid": ([(A,), (V, V)], {"x": [ROW_WEIGHTS, A, [0, 1, 3, 4], None], "dx": [0.5, 2], "axis": THE_AXIS}),
    "gradient": (
        [(A,), (V,), (V, 0.5), (A, 0.5, 2.0), (V, [0.0, 1.0, 3.0, 4.5, 5.0]), (A, 2)],
        {"axis": [None, 0, 1, -1, (0, 1), (1,), (1, 0)], "edge_order": [1, 2]},
    ),
    "interp": (
        [(V, [-1.0, 0.0, 2.0], [0.5, 1.0, -1.0]), (A, np.array([-1.0, 0.0, 2.0]), np.array([0.5, 1.0, -1.0]))],
        {"left": [0.0, -3.5, None], "right": [0.0, 7], "period": [2.5, 360, None]},
    ),
    "linspace": (
        [(0.5, np.array([2.0, 3.0])), (V, 2.0), (np.array([0.3, 2.0]), np.array([3.0, 5.0]), 4)],
        {
            "num": [0, 1, 2, 5, -1, np.int64(3)],
            "endpoint": KEEP,
            "retstep": KEEP,
            "dtype": DTYPES,
            "axis": [0, 1, -1],
            "device": [None, "cpu"],
        },
    ),
    "logspace": (
        [(0.5, np.array([2.0, 3.0])), (V, 2.0), (np.array([0.3, 2.0]), np.array([3.0, 5.0]), 4)],
        {
            "num": [0, 1, 2, 5],
            "endpoint": KEEP,
            "base": [2.0, 10, np.array([2.0, 3.0])],
            "dtype": DTYPES,
            "axis": [0, 1, -1],
        },
    ),
    "geomspace": (
        [(0.5, np.array([2.0, 3.0])), (np.abs(V), 2.0), (np.array([-0.3, -2.0]), np.array([-3.0, -5.0]), 4)],
        {"num": [0, 1, 2, 5], "endpoint": KEEP, "dtype": DTYPES, "axis": [0, 1, -1]},
    ),
    "unwrap": (
        [(5.0 * A,), (4.0 * V,)],
        {"discont": [None, 3.0, 4.0, 0.5], "axis": THE_AXIS, "period": [2 * np.pi, 3.1, 5, 360]},
    ),
    # Shapes
    "reshape": (
        [(A, (4, 3)), (A, -1), (V, (5, 1)), (A, (2, -1)), (A.T, (2, 6))],
        {"order": ["C", "F", "A"], "copy": [None, True, False]},
    ),
    "ravel": ([(A,), (V,), (A.T,), (CUBE,), (CUBE.transpose(1, 0, 2),), (A[::-1],)], {"order": ORDERS}),
    "copy": ([(A,), (A.T,)], {"order": ORDERS, "subok": KEEP}),
    "astype": ([(A, SINGLE), (A, float), (A, int), (A, "f4")], {"copy": KEEP, "device": [None, "cpu"]}),
    "full_like": (
        [(A, 2.0), (A, V[:4])],
        {
            "dtype": DTYPES,
            "order": ORDERS,
            "subok": KEEP,
            "shape": [None, (2, 4), (4,), 4],
            "device": [None, "cpu"],
        },
    ),
    "broadcast_to": ([(V, (2, 5)), (A, (2, 3, 4)), (V[:1], 3)], {"subok": KEEP}),
    "broadcast_arrays": ([(V[:4], A), (V[:1], A, CUBE)], {"subok": KEEP}),
    "concatenate": (
        [((A, B),), ([A, B[:1]],), ((V, [1.0, 2.0]),), ([V, [1, 2]],)],
        {"axis": [None, 0, 1, -1], "out": OUT, "dtype": DTYPES, "casting": CASTING},
    ),
    "stack": ([((A, B),), ([V, V + 1.0],)], {"axis": [0, 1, 2, -1], "out": OUT, "dtype": DTYPES, "casting": CASTING}),
    "vstack": ([((A, B),), ([V, V],)], {"dtype": DTYPES, "casting": CASTING}),
    "hstack": ([((A, B),), ([V, V],)], {"dtype": DTYPES, "casting": CASTING}),
    "dstack": ([((A, B),), ([V, V],)], {}),
    "column_stack": ([((A, B),), ([V, V],)], {}),
    "block": ([([[A, B], [B, A]],), ([V, V],), (A,)], {}),
    "append": ([(A, B), (V, 2.0), (V, [1, 2])], {"axis": [None, 0, 1, -1]}),
    "insert": (
        [(A, 1, 5.0), (V, [1, 3], [2.0, 1.0]), (A, slice(0, 2), 3.0), (A, [0, 2], B[:1])],
        {"axis": [None, 0, 1, -1]},
    ),
    "delete": ([(A, 1), (A, [0, -1]), (A, slice(0, 2)), (V, [True, False, True, False, False])], {"axis": ONE_AXIS}),
    "expand_dims": ([(A, 0), (A, (0, 2)), (V, -1)], {}),
    "squeeze": ([(A[None, :, None],), (V[None],)], {"axis": [None, 0, 2, (0, 2), (0,), -2]}),
    "swapaxes": ([(CUBE, 0, 2), (A, -1, 0)], {}),
    "moveaxis": ([(CUBE, 0, 2), (CUBE, [0, 1], [-1, 0])], {}),
    "rollaxis": ([(CUBE, 2), (CUBE, -1)], {"start": [0, 1, 2, 3, -1]}),
    "transpose": ([(CUBE,), (CUBE, (2, 0, 1))], {"axes": [None, (0, 2, 1), [-1, 0, 1]]}),
    "matrix_transpose": ([(CUBE,), (A,)], {}),
    "linalg.matrix_transpose": ([(CUBE,), (A,)], {}),
    "flip": ([(CUBE,), (A,)], {"axis": AXES}),
    "fliplr": ([(A,)], {}),
    "flipud": ([(A,)], {}),
    "roll": (
        [(A, 1), (A, -2), (A, (1, 2)), (V, 7), (A, np.uint8(1))],
        {"axis": [None, 0, 1, -1, (0, 1), (1, 1), (1, 0)]},
    ),
    "rot90": ([(A,), (CUBE,)], {"k": [0, 1, 2, 3, -1, 5], "axes": [(0, 1), (1, 0), (-1, 0)]}),
    "fft.fftshift": ([(A,), (V,)], {"axes": [None, 0, 1, -1, (0, 1)]}),
    "fft.ifftshift": ([(A,), (V,)], {"axes": [None, 0, 1, -1, (0, 1)]}),
    "tile": ([(A, 2), (A, (2, 1)), (V, (2, 2))], {}),
    "repeat": ([(A, 2), (A, [1, 2, 0]), (V, [1, 0, 2, 1, 1]), (A, 0)], {"axis": ONE_AXIS}),
    "resize": ([(A, (2, 2)), (A, (5, 4)), (V, 3), (V, 12)], {}),
    "pad": (
        [(A, 1), (V, (2, 1)), (A, ((0, 1), (2, 0))), (V, 0)],
        {
            "mode": [
                "constant",
                "edge",
                "reflect",
                "symmetric",
                "wrap",
                "linear_ramp",
                "maximum",
                "mean",
                "median",
                "minimum",
                "empty",
            ],
            "constant_values": [0, 2.5, (1.0, 2.0), ((1, 2), (3, 4))],
            "reflect_type": ["even", "odd"],
            "end_values": [0, 2.5],
            "stat_length": [None, 2],
        },
    ),
    "split": ([(A, 3), (A, [1, 2]), (CUBE, 2)], {"axis": [0, 1, -1]}),
    "array_split": ([(A, 2), (A, [1, 2]), (V, 3)], {"axis": [0, 1, -1]}),
    "hsplit": ([(A, 2), (V, [1, 3])], {}),
    "vsplit": ([(A, 3)], {}),
    "dsplit": ([(CUBE, 2)], {}),
    "unstack": ([(CUBE,), (A,)], {"axis": [0, 1, -1]}),
    "meshgrid": ([(V, V[:3]), (V, A, V[:2])], {"copy": KEEP, "sparse": KEEP, "indexing": ["xy", "ij"]}),
    "atleast_1d": ([(A,), (V, 2.0)], {}),
    "atleast_2d": ([(A,), (V, 2.0)], {}),
    "atleast_3d": ([(A,), (V, 2.0)], {}),
    "lib.stride_tricks.sliding_window_view": (
        [(A, 2), (A, (2, 2)), (V, 3)],
        {"axis": [None, 0, 1, -1, (0, 1)], "subok": KEEP, "writeable": KEEP},
    ),
    # Picking
    "take": (
        [(A, [0, 2]), (V, [[0, -1], [1, 1]]), (A, 1), (A, [5, -7])],
        {"axis": ONE_AXIS, "mode": ["raise", "wrap", "clip"], "out": OUT},
    ),
    "take_along_axis": ([(A, np.array([[0, 1, 1, 2]])), (V, np.array([0, 4]))], {"axis": [0, 1, -1, None]}),
    "choose": (
        [([0, 1, 1, 0, 1], (V, 2 * V)), ([2, -1, 5, 0, 1], [V, -V, 0.0])],
        {"mode": ["raise", "wrap", "clip"], "out": OUT},
    ),
    "compress": ([([True, False, True], A), ([0, 1, 1], V)], {"axis": ONE_AXIS, "out": OUT}),
    "extract": ([(MASK, A), ([1, 0, 1, 0, 0], V)], {}),
    "select": ([([V > 0, V < -1], [V, 2.0 * V]), ([V > 0, V > 1], [1.0, V])], {"default": [0, 3.5, V, -1]}),
    "where": ([(MASK, A, B), (MASK, A, 0.0), (A,), (MASK, 1, A)], {}),
    "piecewise": ([(V, [V < 0, V >= 1], [lambda t: t * t, 2.0]), (V, [V < 0], [lambda t: -t, lambda t: t])], {}),
    "clip": (
        [(A, -1.0, 1.0), (A, None, 1.0), (A, -1.0, None), (A,), (A, B, 1.5)],
        {"min": [-0.5], "max": [0.5, B], "out": OUT, "where": [MASK], "dtype": [SINGLE], "casting": ["same_kind"]},
    ),
    "diag": ([(A,), (V,)], {"k": [0, 1, -1, 7]}),
    "diagflat": ([(A,), (V,)], {"k": [0, 1, -1]}),
    "diagonal": ([(A,), (CUBE,)], {"offset": [0, 1, -1, 9], "axis1": [0, 1], "axis2": [1, -1, 2]}),
    "trace": (
        [(A,), (CUBE,)],
        {"offset": [0, 1, -1, 9], "axis1": [0, 1], "axis2": [1, -1, 2], "dtype": DTYPES, "out": OUT},
    ),
    "tril": ([(A,), (CUBE,), (V,)], {"k": [0, 1, -1]}),
    "triu": ([(A,), (CUBE,), (V,)], {"k": [0, 1, -1]}),
    "linalg.diagonal": ([(A,), (CUBE,)], {"offset": [0, 1, -1]}),
    "linalg.trace": ([(A,), (CUBE,)], {"offset": [0, 1, -1], "dtype": DTYPES}),
    # Parts
    "nan_to_num": (
        [(GAPS,), (np.array([np.inf, -np.inf, np.nan]),)],
        {"copy": KEEP, "nan": [0.0, 2.5, 3], "posinf": [None, 9.0, 5], "neginf": [None, -9.0]},
    ),
    "real_if_close": ([(A,)], {"tol": [100, 10]}),
    "real": ([(A,)], {}),
    "sinc": ([(A,), (0.0 * V,)], {}),
    "apply_along_axis": (
        [(lambda row: row * row[0], 0, A), (lambda row: row.sum(), 1, A), (lambda row: row[:2], -1, CUBE)],
        {},
    ),
    "apply_over_axes": ([(np.sum, CUBE, [0, 2]), (np.sum, CUBE, 1), (np.max, A, (0,)), (np.mean, CUBE, [-1])], {}),
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
