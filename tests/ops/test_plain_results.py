"""NumPy functions without a derivative, and ops on plain values: the result is plain."""

import numpy as np
import pytest

import tinygrad_ed as tg

PLAIN = {
    "sign": [np.sign],
    "floor": [np.floor],
    "ceil": [np.ceil],
    "rint": [np.rint],
    "trunc": [np.trunc],
    "round": [np.round],
    "floor_divide": [np.floor_divide, 2.0],
    "equal": [np.equal, 2.0],
    "less": [np.less, 2.0],
    "isnan": [np.isnan],
    "isfinite": [np.isfinite],
    "argmax": [np.argmax],
    "argmin": [np.argmin, 0],
    "argsort": [np.argsort],
    "shape": [np.shape],
    "ndim": [np.ndim],
    "size": [np.size],
    "any": [np.any],
    "all": [np.all, 0],
    "allclose": [np.allclose, 1.0],
    "array_equal": [np.array_equal, np.ones(3)],
    "nonzero": [np.nonzero],
    "count_nonzero": [np.count_nonzero],
    "zeros_like": [np.zeros_like],
    "ones_like": [np.ones_like],
    "searchsorted": [np.searchsorted, 2.0],
    "isclose": [np.isclose, 2.0],
    "logical_not": [np.logical_not],
    "where": [np.where],
    "full_like": [np.full_like, 3.0],
    "array2string": [np.array2string],
}


@pytest.mark.parametrize("name", PLAIN)
def test_functions_without_a_derivative_give_numpys_plain_result(name):
    function, *others = PLAIN[name]
    x = np.array([-1.0, 2.0, 3.5])
    found, expected = function(tg.Node(x), *others), function(x, *others)
    assert type(found) is type(expected)
    np.testing.assert_equal(found, expected)


def test_where_of_plain_branches_stays_plain():
    x = tg.Node([-1.0, 2.0])
    found = np.where(x > 0, 1.0, np.array([5.0, 6.0]))
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, [5.0, 1.0])
    np.testing.assert_array_equal(tg.where(x, 1.0, 0.0), [1.0, 1.0])  # the truth of a Node is plain, too


def test_plain_integers_give_plain_floats():
    assert [(type(y), y) for y in (tg.add(1, 2), tg.sum([1, 2, 3]), tg.dot([1, 2], [3, 4]))] == [
        (float, 3.0),
        (float, 6.0),
        (float, 11.0),
    ]


def test_the_text_and_the_types_of_a_scalar_node():
    x = tg.Node(0.5)
    assert np.array_repr(x) == "array(0.5)"
    assert np.array2string(x) == np.array_str(x) == "0.5"
    assert np.common_type(x) is np.float64
