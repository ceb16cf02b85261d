"""Arrays, axes, dtypes and other values that the keywords of NumPy's functions take in the tests."""

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
