"""Functions of a number, along an axis that it does not have: the result or the error is NumPy's."""

import numpy as np
import pytest
from keyword_calls import (
    FUNCTIONS,
    NAMES,
    arrays,
    difference,
    floats,
    outcome_of,
)
from keyword_rows import CALLS

import tinygrad_ed as tg

BESIDE_A_NUMBER = {
    **dict.fromkeys(["quantile", "nanquantile"], (0.3,)),
    **dict.fromkeys(["percentile", "nanpercentile"], (30,)),
    **dict.fromkeys(["partition", "delete"], (0,)),
    **dict.fromkeys(["roll", "append", "array_split", "split"], (1,)),
    "take": ([0],),
    "repeat": (2,),
    "insert": (0, 1.0),
    "take_along_axis": (np.array([0]),),
}
ALONG = [name for name in NAMES if "axis" in CALLS[name][1] and len(arrays(CALLS[name][0][0])) == 1]


@pytest.mark.parametrize("name", [name for name in ALONG if name[-5:] != "space" and name not in ("bincount", "stack")])
@pytest.mark.parametrize("number", [0.7, np.nan])
def test_a_number_along_an_axis_is_what_it_is_in_numpy(name, number):
    function, beside = FUNCTIONS[name], BESIDE_A_NUMBER.get(name, ())
    for axis in (None, 0, -1, 1, np.int8(0), (), (0,), (-1,)):
        expected, _ = outcome_of(lambda: function(np.array(number), *beside, axis=axis))  # noqa: B023  # called here
        found, _ = outcome_of(lambda: function(tg.Node(number), *beside, axis=axis))  # noqa: B023
        if isinstance(expected, Exception):
            assert isinstance(found, (type(expected), tg.NoDerivativeRule)), f"{axis}: {found!r}"
            continue
        assert difference(expected, found) is None, f"{axis}: {found!r} stands for {expected!r}"
        if not np.isnan(number) and floats(expected) and not isinstance(expected, list | tuple):
            order = 1 if name[-3:] == "std" else 2  # which is bent to a point here
            tg.check_grads(lambda x: np.sum(function(x, *beside, axis=axis) ** 2), number, order=order)  # noqa: B023
