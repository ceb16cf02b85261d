"""A walk over NumPy: every function that Nodes answer, with every keyword it has, against NumPy itself.

What comes out is NumPy's: the values, their shape, their dtype, the type of sequence they stand in, its warnings and
the type of its errors; or it is a refusal that names the keyword. The derivatives are those of differences.
"""

import functools
import inspect
import itertools
import warnings

import numpy as np
import pytest
from keyword_rows import CALLS, A, V

import tinygrad_ed as tg
from tinygrad_ed.graph.op import HANDLERS, Op
from tinygrad_ed.ops.numpy.moves import MOVES
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
FUNCTIONS = {path(f): f for f in {**HANDLERS, **MOVES} if not isinstance(f, np.ufunc) and f.__module__[:5] == "numpy"}
NAMES = [name for name in CALLS if name in FUNCTIONS]  # an older NumPy has not all of them
each = pytest.mark.parametrize("name", NAMES)


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


def is_array(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def arrays(tree):
    """The arrays of floats in nested lists and tuples: what becomes a Node."""
    if isinstance(tree, list | tuple):
        return [x for branch in tree for x in arrays(branch)]
    return [tree] if is_array(tree) else []


def replaced(tree, new):
    """The tree with other things in the place of its arrays."""
    if isinstance(tree, list | tuple) and arrays(tree):
        return type(tree)([replaced(branch, new) for branch in tree])
    return next(new) if is_array(tree) else tree


def with_arrays(name, args, keywords, change):
    """Call the function with every array changed."""
    tree = [list(args), list(keywords.values())]
    given, values = replaced(tree, iter([change(x) for x in arrays(tree)])) if arrays(tree) else tree
    return FUNCTIONS[name](*given, **dict(zip(keywords, values, strict=True)))


def outcome(name, args, keywords, change):
    return outcome_of(lambda: with_arrays(name, args, keywords, change))


def outcome_of(call):
    """What comes of a call, a result or an error, and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  # whichever it is, it is compared
            result = error
    return result, {str(warning.message) for warning in caught}


def combinations(options, how_many=(0, 1, 2)):
    for count in how_many:
        for names in itertools.combinations(options, count):
            for values in itertools.product(*[options[name] for name in names]):
                yield dict(zip(names, values, strict=True))


def difference(expected, found, rtol=1e-13):
    """In which way a result is not NumPy's; None if it is."""
    if isinstance(expected, list | tuple):
        names = [getattr(x, "_fields", None) for x in (expected, found)]  # (which of list and tuple is of no matter)
        if not isinstance(found, list | tuple) or len(found) != len(expected) or names[0] != names[1]:
            return f"{found!r} stands for {expected!r}"
        return next(filter(None, map(functools.partial(difference, rtol=rtol), expected, found)), None)
    found = found.value if isinstance(found, tg.Node) else found
    expected, found = np.asarray(expected), np.asarray(found)
    # (A number is a Python float, and has no dtype but its kind.)
    kinds = [x.dtype if x.ndim else x.dtype.kind for x in (expected, found)]
    if expected.shape != found.shape or kinds[0] != kinds[1]:
        return f"{found.dtype}{found.shape} stands for {expected.dtype}{expected.shape}"
    scale = 1.0 + np.max(np.abs(expected), where=np.isfinite(expected), initial=0.0)
    close = np.allclose(found, expected, rtol=rtol, atol=rtol * float(scale), equal_nan=True)
    return None if close else f"{found!r} stands for {expected!r}"


def named(words):
    """Warnings that say what is the matter; those of the processor differ with the way a thing is computed."""
    return {word for word in words if "encountered in" not in word}


def compared(expected, found, options, rtol=1e-13):
    """What is wrong with an outcome, and the keywords that were refused."""
    (expected, words), (found, own_words) = expected, found
    if isinstance(found, tg.NoDerivativeRule):
        words = str(found).replace("the orders C", "order=")
        said = {name for name in options if f"{name}=" in words}
        return None if said else f"a refusal that names no keyword: {found}", said
    if isinstance(expected, Exception) or isinstance(found, Exception):
        fits = isinstance(found, type(expected)) and isinstance(expected, Exception)
        return None if fits else f"{found!r} stands for {expected!r}", set()
    silent = not own_words if rtol < 1e-9 else False
    if named(words) != named(own_words) or (own_words and not words) or (words and silent):
        return f"warnings {own_words} stand for {words}", set()
    return difference(expected, found, rtol), set()


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
        expected = outcome(name, args, keywords, dtype)
        found = outcome(name, args, keywords, lambda x: tg.Node(x.astype(dtype)))
        lapack = isinstance(expected[0], TypeError) and "unsupported in linalg" in str(expected[0])
        if not isinstance(found[0], tg.NoDerivativeRule) and not lapack:
            fault, _ = compared(expected, found, keywords, 8 * float(np.finfo(dtype).eps))
            wrong += [f"{args} {keywords}: {fault}"] if fault else []
    assert not wrong, f"{len(wrong)} calls, the first: {wrong[0]}"


# --- derivatives -----------------------------------------------------------------------------------------------------


def floats(result):
    """The parts of a result that are real numbers, or Nodes."""
    if isinstance(result, list | tuple):
        return [part for branch in result for part in floats(branch)]
    real = isinstance(result, tg.Node) or (isinstance(result, np.ndarray | np.floating) and result.dtype.kind == "f")
    return [result] if real else []


SMOOTH = [name for name in NAMES if not name.startswith(("linalg.", "astype"))]


@pytest.mark.parametrize("name", SMOOTH)
def test_every_keyword_has_the_derivative_of_differences(name):
    calls, options = CALLS[name]
    rng = np.random.default_rng(3)
    for args, keywords in itertools.product(calls, combinations(options, (0, 1))):
        xs = arrays([*args, *keywords.values()])
        if "dtype" in keywords or (name == "polyfit" and keywords.get("rcond") == 0.3):  # which leaves directions out
            continue

        def run(values, args=args, keywords=keywords):
            new = iter(values)
            return floats(with_arrays(name, args, keywords, lambda x: next(new)))

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                parts = run(xs)
                run([tg.Node(x) for x in xs])
            except Exception:  # noqa: BLE001, S112  # compared above
                continue
            if not xs or not parts:
                continue
            weights = [np.where(np.abs(part) < 1e9, rng.uniform(0.5, 1.5, np.shape(part)), 0.0) for part in parts]

            def total(*values, run=run, weights=weights):
                finite = [np.where(w != 0, part, 0.0) * w for part, w in zip(run(values), weights, strict=True)]
                return sum([np.sum(part) for part in finite])

            vs = [np.where(np.isfinite(x), rng.standard_normal(x.shape), 0.0) for x in xs]
            slope = sum(np.sum(g * v) for g, v in zip(tg.grad(total, range_of(xs))(*xs), vs, strict=True))
            ends = [total(*[moved(x, h * v) for x, v in zip(xs, vs, strict=True)]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(
            slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-6, err_msg=f"{args} {keywords}"
        )


def range_of(xs):
    return tuple(range(len(xs)))


def moved(x, step):
    """The array moved a step, as it lies in memory."""
    there = x.copy("K")
    there += step
    return there


# --- bad arguments ---------------------------------------------------------------------------------------------------

RAGGED = [[1, 2], [3]]
BAD = [
    *("x", 1.5, -1, 99, np.nan, np.inf, [], [0], (0, 0), [1.5, 2.5], {}, RAGGED, slice(0, 1)),
    *(np.zeros((2, 2, 2)), np.ones((2, 2)), np.arange(3.0), np.array([1, 2]), np.array(-1), np.array(1.5), np.int64(2)),
    *(np.ones((1, 1)), np.ones(1), np.ones((2, 3)), np.ones((3, 2)), np.ones((1, 2, 3, 4))),
]
OURS = (tg.NoDerivativeRule, tg.InvalidType, tg.GraphDropped)  # for a keyword, for text, for a Node among these
# What has an answer here, where NumPy fails on the way; and what takes a Node for its dtype.
ANSWERED = {"astype", "full_like", "apply_over_axes", "pad", "linalg.cond", "linalg.tensorinv", "polyder"}


def with_bad_arguments(name):
    """Calls with one argument or keyword that may not fit; and with one argument less."""
    calls, options = CALLS[name]
    for args in calls:
        for i in range(len(args)):
            yield from [((*args[:i], bad, *args[i + 1 :]), {}) for bad in BAD if not callable(args[i])]
        yield args[:-1], {}
        try:
            known = [*inspect.signature(FUNCTIONS[name]).parameters][: len(args)]
        except ValueError:  # an older NumPy
            known = []
        for key in set(options) - {"out", "subok", "casting", "device", "copy", "overwrite_input", *known}:
            yield from [(args, {key: bad}) for bad in BAD]


@each
def test_what_numpy_refuses_is_refused_with_its_type_of_error(name):
    wrong = []
    for args, keywords in with_bad_arguments(name):
        if name in ANSWERED or not arrays([*args, *keywords.values()]):
            continue
        with np.errstate(all="ignore"):
            expected, found = [outcome(name, args, keywords, change)[0] for change in (np.copy, tg.Node)]
        if isinstance(expected, Exception) and not isinstance(found, (type(expected), *OURS)):
            wrong.append(f"{args} {keywords}: {found!r} stands for {expected!r}")
    assert not wrong, f"{len(wrong)} calls, the first: {wrong[0]}"


# --- a number, along an axis that it does not have -------------------------------------------------------------------

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


def test_no_positions_are_an_empty_list_of_them():
    for nothing in ([], (), np.zeros(0, int)):
        assert np.take(tg.Node(V), nothing).shape == tg.Node(V).take(nothing).shape == (0,)
        assert np.take(tg.Node(A), nothing, axis=1).shape == (3, 0)
        np.testing.assert_array_equal(tg.grad(lambda x: np.take(x, nothing).sum())(V), 0.0)  # noqa: B023
    with pytest.raises(TypeError):
        np.take(tg.Node(V), np.zeros(0))


# --- in a program ----------------------------------------------------------------------------------------------------

NOT_IN_A_PROGRAM = {"nanmedian", "nanquantile", "nanpercentile", "piecewise", "polymul", "polydiv"}


@each
def test_every_function_can_be_in_a_program_or_is_named(name):
    calls, options = CALLS[name]
    refused = set()
    for args, keywords in itertools.product(calls, combinations(options, (0, 1))):
        xs = arrays([*args, *keywords.values()])
        if not xs or "out" in keywords:
            continue

        def total(*values, args=args, keywords=keywords):
            new = iter(values)
            parts = floats(with_arrays(name, args, keywords, lambda x: next(new)))
            return sum([np.sum(part) for part in parts if isinstance(part, tg.Node)], 0.0)

        slope = tg.grad(total, range_of(xs))
        expected, _ = outcome_of(lambda: slope(*xs))  # noqa: B023
        found, _ = outcome_of(lambda: tg.compile(slope)(*xs))  # noqa: B023
        if isinstance(expected, Exception) or "order" in keywords:
            continue
        if isinstance(found, tg.GraphDropped):
            assert str(found).startswith(f"np.{name} of these arguments cannot be part of a program")
            refused.add(name)
        else:
            assert all([np.allclose(*pair, equal_nan=True) for pair in zip(found, expected, strict=True)]), keywords
    assert refused == {name} & NOT_IN_A_PROGRAM


# --- nothing at all --------------------------------------------------------------------------------------------------

EMPTY = [(0,), (0, 3), (3, 0), (2, 0, 3)]
ABOUT_EMPTY = ["axis", "keepdims", "ddof", "n", "mode", "method", "k", "axes", "full", "num", "offset", "weights", "m"]


@each
def test_of_nothing_comes_what_numpy_says_and_no_derivative(name):
    calls, options = CALLS[name]
    options = {key: options[key] for key in ABOUT_EMPTY if key in options}
    wrong = []
    for args, shape, keywords in itertools.product(calls, EMPTY, combinations(options)):
        if not arrays(args):
            continue
        nodes = []

        def node(_, shape=shape, nodes=nodes):
            nodes.append(tg.Node(np.zeros(shape)))
            return nodes[-1]

        expected = outcome(name, args, keywords, lambda x, shape=shape: np.zeros(shape))
        found = outcome(name, args, keywords, node)
        fault, _ = compared(expected, found, keywords)
        if fault and not isinstance(found[0], tg.NoDerivativeRule):
            wrong.append(f"{args} {shape} {keywords}: {fault}")
        for part in floats(found[0]):
            if isinstance(part, tg.Node):
                slopes = tg.gradients(part, nodes, seed=np.ones(part.shape))
                assert [(g.shape, g.dtype) for g in slopes] == [(shape, float)] * len(nodes)
    assert not wrong, f"{len(wrong)} calls, the first: {wrong[0]}"


BESIDE = {  # nothing, beside something that the result does depend on
    "append": (np.append, [0], [3]),
    "concatenate": (lambda a, b: np.concatenate([a, b]), [0], [3]),
    "insert": (lambda a, b: np.insert(a, 0, b), [0], [3]),
    "diff": (lambda a, b: np.diff(a, prepend=b), [0], [3]),
    "ediff1d": (lambda a, b: np.ediff1d(a, to_end=b), [0], [3]),
    "polyadd": (np.polyadd, [0], [3]),
    "polymul": (np.polymul, [0], [3]),
    "polyval": (np.polyval, [3], [0]),
    "interp": (lambda a, b: np.interp(a, [0.0, 1.0, 2.0], b), [0], [3]),
    "dot": (np.dot, [3, 0], [0, 2]),
    "outer": (np.outer, [0], [3]),
    "einsum": (lambda a, b: np.einsum("i,j->j", a, b), [0], [3]),
    "full_like": (lambda a, b: np.full_like(a, b, shape=(2, 3)), [0], [3]),
}


@pytest.mark.parametrize("name", BESIDE)
def test_nothing_beside_something(name):
    f, *shapes = BESIDE[name]
    xs = [1.0 + np.arange(np.prod(shape)).reshape(shape) for shape in shapes]
    assert difference(f(*xs), f(*map(tg.Node, xs))) is None
    weights = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(f(*xs)))
    total = lambda *xs: np.sum(f(*xs) * weights)  # noqa: E731
    slopes = tg.grad(total, range_of(xs))(*xs)
    assert [slope.shape for slope in slopes] == [x.shape for x in xs]
    for k, x in enumerate(xs):
        ends = [total(*[y + h * (y is x) for y in xs]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(np.sum(slopes[k]), (ends[0] - ends[1]) / 2e-6, atol=1e-6)


def test_of_nothing_methods_say_what_numpy_says():
    x = tg.Node(np.zeros((0, 3)))
    for method, words in ((x.mean, "Mean of empty slice"), (x.var, "Degrees of freedom <= 0 for slice")):
        with pytest.warns(RuntimeWarning) as caught:
            assert np.isnan(method().value)
        assert any(words in str(warning.message) for warning in caught)
    with pytest.raises(tg.ShapeError, match="zero-size array to reduction operation maximum"):
        x.max()
    np.testing.assert_array_equal(x.sum(axis=0).value, np.zeros(3))
