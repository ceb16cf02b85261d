"""The walk over NumPy: every function that can be answered is differentiable, plain, or refused by name."""

import inspect
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs
from op_table import ROWS

import tinygrad_ed as tg
from tinygrad_ed.ops.numpy.coverage import coverage, is_public, summary
from tinygrad_ed.ops.numpy.protocols import PLAIN, path


def place(function):
    """A name for one function alone: NumPy has some twice, and tests in parallel need one order."""
    return f"{path(function)}-{getattr(function, '__module__', 'ufunc')}"


ALL = sorted(get_overridable_numpy_ufuncs() | get_overridable_numpy_array_functions(), key=place)
KINDS = {entry.name: entry.kind for entry in coverage()}

# HIPS autograd 1.9: every NumPy function of real numbers that it differentiates.
AUTOGRADS = re.findall(
    r"\S+",
    """
    absolute add amax amin angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh array_split astype atleast_1d
    atleast_2d atleast_3d broadcast_to clip conjugate cos cosh cross cumsum deg2rad degrees diag diagonal diff divide
    dot dsplit einsum exp exp2 expand_dims expm1 fabs fliplr flipud fmax fmin gradient hsplit hypot imag inner kron
    linalg.cholesky linalg.det linalg.eigh linalg.inv linalg.norm linalg.pinv linalg.slogdet linalg.solve linalg.svd
    linspace log log10 log1p log2 logaddexp logaddexp2 matmul max maximum mean min minimum moveaxis multiply nan_to_num
    negative outer pad partition power prod rad2deg radians ravel real real_if_close reciprocal remainder repeat reshape
    roll rollaxis rot90 sin sinc sinh sort split sqrt square squeeze std subtract sum swapaxes tan tanh tensordot tile
    trace transpose tril triu var vsplit where
    """,
)


def test_every_function_is_in_one_of_three_classes_and_at_least_210_are_differentiable():
    assert set(KINDS) == {path(function) for function in ALL if is_public(function)}
    assert len(KINDS) > 340, "the rest are NumPy's insides"
    kinds = list(KINDS.values())
    assert set(kinds) == {"differentiable", "plain", "refused"}
    assert kinds.count("differentiable") >= 210


def test_what_autograd_differentiates_we_do():
    ours = {name for name, kind in KINDS.items() if kind == "differentiable"} | {
        "angle",
        "imag",
    }  # zero for real numbers
    assert set(AUTOGRADS) - ours == set()


def test_every_differentiable_function_has_a_row_in_the_table_that_is_checked():
    differentiable = {name.split(".")[-1] for name, kind in KINDS.items() if kind == "differentiable"}
    assert differentiable - {row.op for row in ROWS} == set()


TWO, X = np.array([1.5, -2.0]), np.array([[0.5, -1.5, 2.0], [1.0, np.nan, -np.inf]])
CALLS = {
    "array_equal": (X, X),
    "array_equiv": (X, X),
    "allclose": (X, X),
    "result_type": (X, 1.0),
    "can_cast": None,  # NumPy asks no Node: it takes types
    "digitize": (X, TWO[::-1]),
    "empty_like": None,  # its entries are arbitrary
    "fix": (TWO,),
    "heaviside": (X, 0.5),
    "isclose": (X, X),
    "isin": (X, TWO),
    "lexsort": ((TWO, TWO),),
    "linalg.matrix_rank": (np.eye(3),),
    "argpartition": (TWO, 1),
    "may_share_memory": (X, TWO),
    "nanargmax": (X, 0),
    "nanargmin": (X, 0),
    "searchsorted": (np.sort(TWO), 0.3),
    "shares_memory": (X, TWO),
    "tril_indices_from": (X,),
    "triu_indices_from": (X,),
    "diag_indices_from": (np.eye(3),),
}


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # since NumPy 2.5; it is answered all the same
@pytest.mark.parametrize("function", sorted(PLAIN, key=path), ids=path)
def test_a_plain_function_gives_what_numpy_gives(function):
    arguments = CALLS.get(path(function), ()) if path(function) in CALLS else _arguments(function)
    if arguments is None:
        assert path(function) in ("can_cast", "empty_like")
        return
    with np.errstate(invalid="ignore"):
        expected = function(*arguments)
        found = function(*[_node(argument) for argument in arguments])
    assert not any(isinstance(part, tg.Node) for part in np.atleast_1d(np.array(found, dtype=object)).flat)
    if isinstance(expected, np.dtype):
        assert found == expected
    else:
        np.testing.assert_array_equal(found, expected)


def _arguments(function):
    """X for every argument that must be given."""
    return (X,) * (function.nin if isinstance(function, np.ufunc) else len(_required(function)))


def _parameters(function):
    try:
        return inspect.signature(function).parameters
    except ValueError:  # before NumPy 2.4, a function in C says its parameters in the first line of its docstring only
        said = re.search(r"\w+\((.*?)\)\n", function.__doc__, re.DOTALL)[1]
        said = re.sub(r",? ?\[[^]]+\]|\n", "", said).replace(
            "(a1, a2, ...)", "arrays"
        )  # without arange's optional ones
        return inspect.signature(eval(f"lambda {said}: None", {})).parameters  # noqa: S307  # NumPy's text


def _required(function):
    parameters = _parameters(function).values()
    return [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _node(argument):
    if isinstance(argument, tuple):
        return tuple(_node(part) for part in argument)
    return tg.Node(argument) if np.asarray(argument).dtype.kind == "f" else argument


REFUSED = [function for function in ALL if is_public(function) and KINDS[path(function)] == "refused"]


@pytest.mark.parametrize("function", REFUSED, ids=place)
def test_a_refused_function_says_its_name_and_how_to_add_a_rule(function):
    node = tg.Node(np.eye(3))
    with pytest.raises(tg.NoDerivativeRule, match=re.escape(f"np.{path(function)}")):
        _try(function, node)


LIKE = {
    "fromfunction": (np.negative, (2,)),
    "fromiter": ([1.0], float),
    "fromstring": ("1 2", float, 2),
    "genfromtxt": (["1 2"],),
    "loadtxt": (["1 2"],),
    "frombuffer": (b"12345678",),
}


def _try(function, node):
    """Call it with a Node wherever NumPy looks for one."""
    if isinstance(function, np.ufunc):
        return function(*[node] * function.nin)
    parameters = _parameters(function) if path(function) != "fromstring" else ["like"]
    if "like" in parameters:
        keywords = {"sep": " "} if path(function) == "fromstring" else {}
        arguments = LIKE.get(path(function)) or [2] * max(len(_required(function)), 1)
        return function(*arguments, like=node, **keywords)
    if path(function).startswith("savez"):
        return function("never-written", node)
    return function(*[node] * max(len(_required(function)), 1))


PLAIN_PARTS = (  # a part of the result is plain; np.where(x) alone gives places
    "broadcast_shapes",
    "divmod",
    "frexp",
    "linalg.lstsq",
    "linalg.slogdet",
    "modf",
    "where",
)


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # since NumPy 2.5; it is answered all the same
@pytest.mark.parametrize("function", ALL, ids=place)
def test_no_function_gives_an_object_array_or_drops_the_graph(function):
    """Whatever meets a Node: the result is a Node, plain numbers, or an error that is no riddle."""
    try:
        result = _try(function, tg.Node(0.5 * np.eye(3) + 1.2))
    except (
        TypeError,
        ValueError,
        IndexError,
        RuntimeWarning,
    ):  # NumPy's own, for arguments that mean nothing here, or ours
        return
    for part in result if isinstance(result, tuple | list) else [result]:
        assert not (isinstance(part, np.ndarray) and part.dtype == object)
        if KINDS.get(path(function)) == "differentiable" and path(function) not in PLAIN_PARTS:
            assert isinstance(part, tg.Node)


GONE = {"np.in1d"}  # in NumPy up to 2.3


def listed(text):
    kinds = re.findall(r"^(\w+): (.*)$", text, re.MULTILINE)
    return {name: kind for kind, names in kinds for name in names.split(", ")}


def test_the_page_of_the_docs_is_the_table():
    page = (Path(__file__).parents[2] / "docs" / "ops.md").read_text(encoding="utf-8")
    found = listed(page)
    assert found == {name: kind for name, kind in listed(summary()).items() if name not in GONE}
    counts = Counter(found.values())
    assert page.splitlines()[-1] == ", ".join(
        f"{counts[kind]} {kind}" for kind in ("differentiable", "plain", "refused")
    )
