"""Every keyword of NumPy's functions that fold axes, sort and take differences: the rows of `keyword_rows.py`."""

from typing import Any

import numpy as np
from keyword_values import (
    AXES,
    CUBE,
    DTYPES,
    EVERY_METHOD,
    GAPS,
    KEEP,
    NO_AXIS,
    ONE_AXIS,
    OUT,
    POSITIVE,
    ROW_WEIGHTS,
    THE_AXIS,
    WHERE,
    A,
    B,
    V,
)

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
}
