"""A walk over NumPy: every function that Nodes answer, with every keyword it has, against NumPy itself.

What comes out is NumPy's, or it is a refusal that names the keyword (`keyword_calls.py` compares).
"""

import inspect
import itertools

import numpy as np
import pytest
from keyword_calls import (
    FUNCTIONS,
    NAMES,
    arrays,
    combinations,
    compared,
    each,
    is_array,
    outcome,
    outcome_of,
    with_arrays,
)
from keyword_rows import CALLS

import tinygrad_ed as tg
from tinygrad_ed.graph.op import HANDLERS, Op
from tinygrad_ed.ops.numpy.protocols import PLAIN, path

# A keyword that is not taken with some value at least (`out=` never is). A list, so that none is lost unseen.
_REFUSED = [
    ("sum prod nansum nanprod", "dtype initial where"),
    ("max min amax amin nanmax nanmin", "initial where"),
    ("mean nanmean", "dtype where"),
    ("var std", "dtype where mean"),
    ("nanvar nanstd", "dtype where mean correction"),
    ("cumsum cumprod nancumsum nancumprod cumulative_sum cumulative_prod", "dtype"),
    ("median nanmedian", "overwrite_input"),
    ("quantile percentile nanquantile nanpercentile", "overwrite_input weights"),
    ("concatenate stack vstack hstack", "dtype casting"),
    ("corrcoef logspace geomspace trace linalg.trace", "dtype"),
    ("cov", "dtype aweights"),  # the weights as a Node
    ("interp", "period"),
    ("linspace", "dtype device"),
    ("reshape", "copy"),
    ("ravel", "order"),
    ("copy", "order subok"),
    ("astype", "copy device"),
    ("full_like", "order subok device"),
    ("broadcast_to", "subok"),
    ("clip", "where dtype casting"),
    ("pad linalg.qr", "mode"),
    ("real_if_close", "tol"),
    ("einsum", "dtype order casting"),
]
REFUSED = {name: set(keywords.split()) for names, keywords in _REFUSED for name in names.split()}
OUTDATED = {"interpolation", "bias", "ddof", "newshape"}  # keywords of older versions: of quantile, corrcoef, reshape


# --- the table is complete -------------------------------------------------------------------------------------------


def test_every_function_with_every_keyword_is_in_the_table():
    assert set(FUNCTIONS) - set(CALLS) == set()
    for name in NAMES:
        try:
            parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
        except ValueError:  # older versions of NumPy do not tell it of functions written in C
            continue
        calls, options = CALLS[name]
        most = max(len(args) for args in calls)
        by_position = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:most]
        named = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        assert named - set(by_position) - set(options) <= {"like", *OUTDATED}, name


# --- calls, plain and on Nodes ---------------------------------------------------------------------------------------


@each
def test_every_keyword_gives_what_numpy_gives_or_is_refused_by_name(name):
    calls, options = CALLS[name]
    wrong, refused = [], set()
    for args, keywords in itertools.product(calls, combinations(options)):
        if not arrays([*args, *keywords.values()]):
            continue
        expected = outcome(name, args, keywords, np.copy)
        found = outcome(name, args, keywords, tg.Node)
        if isinstance(expected[0], Exception) and isinstance(found[0], tg.NoDerivativeRule):
            continue
        # One call is NumPy's to the last bit. (And the inverse of a matrix that is nearly singular has few digits.)
        rtol = 0.0 if isinstance(HANDLERS.get(FUNCTIONS[name]), Op) else 1e-12
        fault, said = compared(expected, found, options, 1e-7 if name == "polyfit" and "cov" in keywords else rtol)
        refused |= said
        if fault and not (name == "poly" and "matrix" in fault):
            wrong.append(f"{args} {keywords}: {fault}")
    assert not wrong, f"{len(wrong)} calls, the first: {wrong[0]}"
    assert refused - {"out"} == REFUSED.get(name, set())


@each
def test_an_array_given_as_out_is_never_written_into(name):
    if "out" not in CALLS[name][1]:
        return
    args = next(args for args in CALLS[name][0] if not isinstance(outcome(name, args, {}, np.copy)[0], Exception))
    out = np.full_like(with_arrays(name, args, {}, np.copy), 7.0)
    with pytest.raises(tg.NoDerivativeRule, match=r"does not take out=.*a plain array cannot hold one"):
        with_arrays(name, args, {"out": out[...]}, lambda x: x if x is out else tg.Node(x))
    np.testing.assert_array_equal(out, 7.0)


# --- ufuncs ----------------------------------------------------------------------------------------------------------

UFUNCS = sorted({f for f in {*HANDLERS, *PLAIN} if isinstance(f, np.ufunc)}, key=path)
BETWEEN = np.array([[0.3, 0.6, 0.9], [0.2, 0.5, 0.7], [0.15, 0.45, 0.8]])
UFUNC_OPTIONS = {
    "dtype": [None, float, np.float32, bool],
    "casting": ["same_kind", "unsafe", "no"],
    "order": ["K", "C", "F"],
    "where": [True, np.eye(3) > 0],
    "subok": [True, False],
    "axis": [0, -1],
    "keepdims": [True, False],
    "axes": [[(-2, -1)] * 3, [0, 1, ()]],
    "signature": ["d->d"],
}


@pytest.mark.parametrize("ufunc", UFUNCS, ids=path)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_ufunc_with_any_keyword_gives_what_numpy_gives_or_is_refused_by_name(ufunc, dtype):
    inputs = [BETWEEN.astype(dtype), BETWEEN[::-1].astype(dtype)][: ufunc.nin]
    inputs = [inputs[0], np.arange(3)] if ufunc is np.ldexp else inputs
    for keywords in combinations(UFUNC_OPTIONS, (0, 1)):
        given = {**keywords, "out": np.zeros((3, 3), bool)} if ufunc.nout == 1 and ufunc in PLAIN else keywords
        if not isinstance(keywords.get("where", True), bool):
            given = given if ufunc in PLAIN and "out" in given else {}  # else NumPy leaves entries as they happen to be
        outcomes = []
        for change in (np.copy, lambda x: tg.Node(x) if is_array(x) else x):
            options = {key: np.copy(x) if key == "out" else x for key, x in given.items()}
            outcomes.append(outcome_of(lambda: ufunc(*[change(x) for x in inputs], **options)))  # noqa: B023  # called here
        if isinstance(outcomes[0][0], Exception) and isinstance(outcomes[1][0], tg.NoDerivativeRule):
            continue
        rtol = 0.0 if isinstance(HANDLERS.get(ufunc), Op) else 8 * float(np.finfo(dtype).eps)
        fault, _ = compared(*outcomes, UFUNC_OPTIONS, rtol)
        assert fault is None, f"{keywords}: {fault}"


# --- dtypes ----------------------------------------------------------------------------------------------------------

# A Python number beside an array of float32 is float64 to these functions of NumPy's; here a number has no dtype. And
# where NumPy itself computes in float16, and rounds at every step, it is not the measure.
NUMBERS = {"dot", "inner", "polyval", "logspace", "atleast_1d", "atleast_2d", "atleast_3d"}
COARSE = {"sinc", "poly", "polyfit", "logspace", "geomspace"}
ROUNDED = {"polydiv"}  # the zeros in front of a remainder are left out, and rounding decides what is zero


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_dtype_is_numpys_and_the_value_no_worse(name, dtype):
    calls, options = CALLS[name]
    if name in NUMBERS or name in ROUNDED or (dtype is np.float16 and name in COARSE):
        return
    wrong = []
    for args, keywords in itertools.product(calls, combinations(options, (0, 1))):
        if "dtype" in keywords or not arrays(args):
            continue
        expected = outcome(name, args, keywords, lambda x: x.astype(dtype))
        found = outcome(name, args, keywords, lambda x: tg.Node(x.astype(dtype)))
        lapack = isinstance(expected[0], TypeError) and "unsupported in linalg" in str(expected[0])
        if not isinstance(found[0], tg.NoDerivativeRule) and not lapack:
            fault, _ = compared(expected, found, keywords, 8 * float(np.finfo(dtype).eps))
            wrong += [f"{args} {keywords}: {fault}"] if fault else []
    assert not wrong, f"{len(wrong)} calls, the first: {wrong[0]}"
