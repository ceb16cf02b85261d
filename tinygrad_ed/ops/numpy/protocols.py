"""NumPy's two protocols: what `np.tanh(node)` and `np.sum(node, axis=0)` do.

NumPy hands every call with a Node among its arguments to one of the two methods below. There are three
answers: an op of ours (`HANDLERS`, filled where the ops stand); the plain result, for functions whose
derivative is zero everywhere or whose result is not a real number (`PLAIN`); or `NoDerivativeRule`, which
names the function. Never an object array, never a silently dropped derivative.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_ed.errors import GraphDropped, NoDerivativeRule
from tinygrad_ed.graph.grad_mode import observer
from tinygrad_ed.graph.nested import leaves, rebuilt
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import HANDLERS, Op
from tinygrad_ed.graph.values import Lifted, shape_of
from tinygrad_ed.ops.elementwise import where
from tinygrad_ed.ops.numpy.moves import MOVES, move, signature_of, without_nodes
from tinygrad_ed.ops.shape import astype

_PLAIN = (
    "sign floor ceil rint trunc fix round around floor_divide imag angle zeros_like ones_like empty_like "
    # truth values
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not signbit "
    "isnan isinf isfinite isneginf isposinf isreal iscomplex any all allclose isclose array_equal array_equiv isin "
    "isrealobj iscomplexobj may_share_memory shares_memory "
    # positions and counts
    "argmax argmin nanargmax nanargmin argsort argpartition lexsort argwhere nonzero flatnonzero count_nonzero "
    "searchsorted digitize shape ndim size linalg.matrix_rank diag_indices_from tril_indices_from triu_indices_from "
    # text and types
    "array_repr array_str array2string result_type common_type can_cast"
)
PLAIN: frozenset[Callable[..., Any]] = frozenset(attrgetter(*_PLAIN.split())(np))
"""Functions whose derivative is zero wherever there is one, or whose result is not a real number."""

_OWN_DTYPE = (
    "interp bincount cov corrcoef geomspace polyfit polyder polyint vander "
    "quantile nanquantile percentile nanpercentile "
    "diff polyadd polysub polymul polydiv "  # which make arrays of numbers first
    "astype full_like gradient ediff1d select meshgrid broadcast_arrays append block concatenate stack hstack vstack "
    "dstack column_stack atleast_1d atleast_2d atleast_3d convolve correlate "
    "dot inner outer linalg.outer tensordot kron"  # to which a number is of float64
)
OWN_DTYPE: frozenset[Callable[..., Any]] = frozenset(attrgetter(*_OWN_DTYPE.split())(np))
"""Functions that see to the dtype themselves: NumPy makes float64 of float32, or of some arguments, or what is told."""

_DEFAULTS = {"where": True, "casting": "same_kind", "order": "K", "dtype": None, "subok": True}
_WRITING = frozenset([np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask])


def array_ufunc(self: Node, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
    """Answer NumPy's ufuncs (`Node.__array_ufunc__`)."""
    handler = HANDLERS.get(ufunc) or _of_scipy(ufunc)
    if method == "__call__" and not keywords and handler is not None:
        return handler(*inputs)
    if ufunc in PLAIN and method != "at" and not any([isinstance(x, Node) for x in keywords.get("out", ())]):
        return _without_nodes(ufunc if method == "__call__" else getattr(ufunc, method), inputs, keywords)
    if method != "__call__":
        raise _no_method(ufunc, method)
    given = {name: x for name, x in keywords.items() if name not in _DEFAULTS or x is not _DEFAULTS[name]}
    known = _taken_by(handler)[1] if handler is not None else ()
    if given.keys() - set(known):
        raise _not_taken(ufunc, [name for name in given if name not in known], known)
    if handler is None:
        raise _no_rule(ufunc)
    return handler(*inputs, **given)


def _of_scipy(ufunc: np.ufunc) -> Any:
    """Return the op of a function of scipy.special: who has one has imported SciPy, and the rules may be made."""
    if ufunc in PLAIN or getattr(sys.modules.get("scipy.special"), ufunc.__name__, None) is not ufunc:
        return None
    from tinygrad_ed.ops.numpy import special

    special.install()
    return HANDLERS.get(ufunc)


def array_function(
    self: Node, function: Callable[..., Any], types: Any, args: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """Answer NumPy's other functions (`Node.__array_function__`)."""
    watcher = observer.get()
    if watcher is not None:
        watcher.given(*args, *keywords.values())
    handler = HANDLERS.get(function)
    if isinstance(handler, Op) and handler.single and len(args) == 1 and not keywords and isinstance(args[0], Node):
        with suppress(Exception):  # `_call` finds the words for what fails
            return handler(*args)
    if handler is not None:
        return _call(function, handler, args, keywords)
    if function in MOVES:
        bound = signature_of(function).bind(*args, **keywords)
        for name in ("dtype", "casting", "out"):
            if name in bound.arguments and not _is_default(bound.arguments[name], bound.signature.parameters[name]):
                raise _not_taken(function, [name], ())
        return move(function, bound.arguments)
    if function in PLAIN:
        return _without_nodes(function, args, keywords)
    if function in _WRITING:
        raise NoDerivativeRule(
            f"{called(function)} writes into an array: a Node is never written into, and a plain array cannot hold "
            "one; use tg.where(mask, new, old) or tg.scatter_add, which make a new Node"
        )
    raise _no_rule(function)


def _call(function: Callable[..., Any], handler: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Call the handler with what the user gave, leaving out what is NumPy's default anyway."""
    signature = _signature_of(function, handler)
    parameters, (count, options, takes_any) = signature.parameters, _taken_by(handler)
    free = any([p.kind is p.VAR_KEYWORD for p in parameters.values()])
    bound = signature.bind(*args, **{k: v for k, v in keywords.items() if free or k in parameters})
    given = {k: v for k, v in bound.arguments.items() if not _is_default(v, parameters[k])}
    inputs: list[Any] = []
    others: dict[str, Any] = {}
    for position, name in enumerate(parameters):
        if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            inputs.extend(given.pop(name, ()))
        elif parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            others = given.pop(name, {})
        elif position < count and name in given and parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY:
            inputs.append(given.pop(name))
    unknown = [name for name in {**given, **keywords} if name not in parameters or name in given]
    unknown = [name for name in unknown if name not in options]
    if unknown and not takes_any:
        raise _not_taken(function, unknown, options)
    arrays = [x for x in leaves([args, keywords]) if isinstance(x, Node | np.ndarray)]
    nodes = [x for x in arrays if isinstance(x, Node)]
    single = isinstance(handler, Op)
    if not single and nodes and not any([x.size for x in nodes]):  # none if a rule meets a batch of gradients
        return _mapped(lambda part: _of_nothing(part, nodes), _without_nodes(function, args, keywords))
    try:
        result = handler(*inputs, **given, **others)
    except (NoDerivativeRule, np.linalg.LinAlgError):  # NumPy's own: it need not be asked, and may search for ever
        raise
    except GraphDropped as error:
        if not any([isinstance(plain(x), Lifted) for x in nodes]):
            raise
        raise GraphDropped(
            f"{called(function)} of these arguments cannot be part of a program, for what it does hangs on the numbers "
            "in them: call it outside of the function that tg.compile gets, or do without tg.compile"
        ) from error
    except Exception as ours:
        _refuse_as_numpy_does(ours, function, args, keywords)
        raise
    if (
        single
        or function in OWN_DTYPE
        or not any([x.kind == "f" and x.itemsize < 8 for x in {x.dtype for x in arrays}])
    ):
        return result
    dtypes = {*_dtypes((*inputs, *given.values()))}
    return _mapped(lambda part: _narrowed(part, np.result_type(*dtypes)), result) if dtypes else result


def _of_nothing(result: Any, nodes: list[Node]) -> Any:
    """Return what NumPy says of arrays without entries: it depends on none of them, but is a Node, as every result."""
    if getattr(result, "dtype", None) is None or result.dtype.kind != "f":
        return result
    return where(True, result, sum([x.sum() for x in nodes]))


def _refuse_as_numpy_does(ours: Exception, function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Raise what NumPy raises for the plain values, if that is an error of another type."""
    try:
        _without_nodes(function, args, keywords)
    except Exception as theirs:
        if not isinstance(ours, type(theirs)):
            raise theirs from ours


def _dtypes(x: Any) -> Iterator[np.dtype[Any]]:
    """Yield the dtypes of arrays of numbers in nested lists. A list of numbers is an array, too; a number is not."""
    if isinstance(x, list | tuple):
        found = [dtype for entry in x for dtype in _dtypes(entry)]
        numbers = x and isinstance(x, list) and all([isinstance(entry, int | float) for entry in x])
        yield from [np.asarray(x).dtype] if numbers else found
    elif shape_of(value := plain(x)) and value.dtype.kind in "fiu":
        yield value.dtype


def _narrowed(result: Any, dtype: np.dtype[Any]) -> Any:
    """Narrow the result to that dtype: numbers on the way are Python floats, and arrays made of them float64."""
    wide = isinstance(result, Node) and result.ndim and result.dtype.itemsize > dtype.itemsize
    return astype(result, dtype=dtype) if wide else result


def _mapped(change: Callable[[Any], Any], result: Any) -> Any:
    """Return the result with each array in it changed: a list, a tuple, or a tuple with names stays one."""
    return rebuilt(result, map(change, leaves(result)))


def _is_default(value: Any, parameter: inspect.Parameter) -> bool:
    default = parameter.default
    return value is default or (
        isinstance(value, int | str | None) and type(value) is type(default) and value == default
    )


@cache
def _signature_of(function: Callable[..., Any], handler: Any) -> inspect.Signature:
    """Return what NumPy's function takes; older versions do not tell it of those written in C, then what ours takes."""
    try:
        return inspect.signature(function)
    except ValueError:
        return inspect.signature(handler)


@cache
def _taken_by(handler: Any) -> tuple[int, tuple[str, ...], bool]:
    """Tell how many arguments it takes by position, which ones by name, and whether it takes any others by name."""
    if isinstance(handler, Op):
        return handler.arity, handler.params, handler.any_params
    takes = signature_of(handler).parameters.values()
    names = tuple([p.name for p in takes if p.default is not p.empty])
    return len(takes) - len(names), names, any([p.kind is p.VAR_KEYWORD for p in takes])


def _without_nodes(function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return function(*without_nodes(args), **without_nodes(keywords))


# Messages

_METHODS = {
    "add.reduce": "use np.sum itself",
    "multiply.reduce": "use np.prod itself",
    "maximum.reduce": "use np.max itself",
    "minimum.reduce": "use np.min itself",
    "logaddexp.reduce": "use tg.logsumexp itself",
    "add.accumulate": "use np.cumsum itself",
    "multiply.accumulate": "use np.cumprod itself",
    "add.outer": "write x[:, None] + y for vectors",
    "subtract.outer": "write x[:, None] - y for vectors",
    "multiply.outer": "write x[:, None] * y for vectors",
    "divide.outer": "write x[:, None] / y for vectors",
    "outer": "write {name}(x[:, None], y) for vectors",
    "reduce": "functools.reduce({name}, x) goes through the rows",
    "accumulate": "tg.stack([*itertools.accumulate(x, {name})]) goes through the rows",
    "reduceat": "take slices, as in x[i:j]",
    "at": "a Node is never written into, nor can an array hold one: tg.scatter_add and tg.where make a new Node",
}

_KEYWORDS = {
    "out": "a Node is never written into, and a plain array cannot hold one (write `a = a + node`, not `a += node`)",
    "where": "pick entries with tg.where(mask, node, other)",
    "dtype": "convert what you give, or what you get: node.astype(dtype)",
}


_COMPLEX = "its result is complex, and a Node is real"
_NO_OPS = {
    "fft.": f"{_COMPLEX}: products with np.cos and np.sin of 2 pi j k / n are its real and its imaginary part",
    "linalg.eig": f"{_COMPLEX}: for symmetric matrices use np.linalg.eigh or np.linalg.eigvalsh",
    "roots sort_complex": f"{_COMPLEX}: call it on plain values (node.value)",
    "save": "it writes plain numbers to a file: give it node.value",
    "histogram unique_ einsum_path ix_ unravel_index": "it has several results, and an op has one: call it on plain "
    "values (node.value)",
}
"""Why a function cannot be an op, by the beginnings of names, and what can be done."""


def _no_method(ufunc: np.ufunc, method: str) -> NoDerivativeRule:
    instead = _METHODS.get(f"{ufunc.__name__}.{method}", _METHODS[method]).format(name=called(ufunc))
    return NoDerivativeRule(
        f"{called(ufunc)}.{method} has no derivative rule for Nodes; {instead}, or plain values (node.value)"
    )


def _not_taken(function: Any, unknown: list[str], known: tuple[str, ...]) -> NoDerivativeRule:
    advice = [_KEYWORDS[name] for name in unknown if name in _KEYWORDS] or ["leave it out"]
    return NoDerivativeRule(
        f"{called(function)} on a Node does not take {', '.join(f'{k}=' for k in unknown)} "
        f"(known: {', '.join(known) or 'none'}): {'; '.join(advice)}"
    )


def _no_rule(function: Any) -> NoDerivativeRule:
    name, count = called(function), getattr(function, "nin", 1)
    if name.endswith("(vectorized)"):
        return NoDerivativeRule(
            f"a ufunc of np.frompyfunc, {name}, has no derivative rule for Nodes: call the function itself on the "
            "whole Node, with NumPy's functions and np.where in it, or on plain values (node.value)"
        )
    why = [why for names, why in _NO_OPS.items() if name.removeprefix("np.").startswith(tuple(names.split()))]
    if why and name.startswith("np."):
        return NoDerivativeRule(f"{name} has no derivative rule for Nodes: {why[0]}")
    short = function.__name__ if function.__name__.isidentifier() else "f"
    rule = f"lambda g, y, {', '.join('abcdefhijk'[:count]) if count > 1 else 'x'}: ..."
    return NoDerivativeRule(
        f"{name} has no derivative rule for Nodes. Say it with other functions, call it on plain values "
        f"(node.value), or add a rule: {short} = tg.op({short!r}, {name}, {', '.join([rule] * count)}), with one rule "
        "`gradient of x from the gradient g of the result y` for each input"
    )


def called(function: Any) -> str:
    """Return the name that readers know a function by: np.tanh, np.linalg.norm, scipy.special.erf."""
    if not isinstance(function, np.ufunc):  # ufuncs do not know their module
        return f"np.{function.__module__}.{function.__name__}".replace("np.numpy.", "np.")
    homes = {"np": np, "np.strings": np.strings, "scipy.special": sys.modules.get("scipy.special")}
    name = function.__name__
    return next((f"{home}.{name}" for home, module in homes.items() if getattr(module, name, None) is function), name)


def path(function: Callable[..., Any]) -> str:
    """Return the name of a NumPy function after `np.`, such as `linalg.norm`."""
    return called(function).removeprefix("np.")
