"""NumPy's two protocols: what `np.tanh(node)` and `np.sum(node, axis=0)` do.

NumPy hands every call with a Node among its arguments to one of the two methods below. There are three
answers: an op of ours (`HANDLERS`, filled where the ops stand); the plain result, for functions whose
derivative is zero everywhere or whose result is not a real number (`PLAIN`); or `NoDerivativeRule`, which
names the function. Never an object array, never a silently dropped derivative.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np

from tinygrad_ed.errors import NoDerivativeRule
from tinygrad_ed.node import Node, plain
from tinygrad_ed.operation import HANDLERS, Op
from tinygrad_ed.ops.moves import MOVES, move
from tinygrad_ed.ops.shape import astype
from tinygrad_ed.values import Lifted, as_array

_Functions = list[Callable[..., Any]]
_CONSTANT: _Functions = [
    np.sign,
    np.floor,
    np.ceil,
    np.rint,
    np.trunc,
    np.fix,
    np.round,
    np.around,
    np.floor_divide,
]
_OF_COMPLEX: _Functions = [np.imag, np.angle]
_LIKE: _Functions = [np.zeros_like, np.ones_like, np.empty_like]
_TRUTH: _Functions = [
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.signbit),
    *(np.isnan, np.isinf, np.isfinite, np.isneginf, np.isposinf, np.isreal, np.iscomplex),
    *(np.any, np.all, np.allclose, np.isclose, np.array_equal, np.array_equiv, np.isin),
    *(np.isrealobj, np.iscomplexobj, np.may_share_memory, np.shares_memory),
]
_POSITIONS: _Functions = [
    *(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort),
    *(np.argwhere, np.nonzero, np.flatnonzero, np.count_nonzero, np.searchsorted, np.digitize),
    *(np.shape, np.ndim, np.size, np.linalg.matrix_rank),
    *(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from),
]
_TEXT_AND_TYPES: _Functions = [
    np.array_repr,
    np.array_str,
    np.array2string,
    np.result_type,
    np.common_type,
    np.can_cast,
]

PLAIN: frozenset[Callable[..., Any]] = frozenset(
    [*_CONSTANT, *_OF_COMPLEX, *_LIKE, *_TRUTH, *_POSITIONS, *_TEXT_AND_TYPES]
)
"""Functions whose derivative is zero wherever there is one, or whose result is not a real number."""

_WIDENING: _Functions = [
    *(np.interp, np.bincount, np.cov, np.corrcoef, np.geomspace, np.polyfit, np.polyder, np.polyint, np.vander),
    *(np.quantile, np.nanquantile, np.percentile, np.nanpercentile),
]
WIDENING: frozenset[Callable[..., Any]] = frozenset(_WIDENING)
"""Functions for which NumPy itself makes float64 of float32."""

_WRITING = frozenset([np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask])


def array_ufunc(self: Node, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
    """Answer NumPy's ufuncs (`Node.__array_ufunc__`)."""
    if method == "__call__" and not keywords and (handler := HANDLERS.get(ufunc)) is not None:
        return handler(*inputs)
    name = path(ufunc) if method == "__call__" else f"{path(ufunc)}.{method}"
    if method != "__call__":
        whole = {"add.reduce": "sum", "multiply.reduce": "prod", "maximum.reduce": "max", "minimum.reduce": "min"}
        raise NoDerivativeRule(
            f"np.{name} has no derivative rule for Nodes; use np.{whole.get(name, ufunc.__name__)} itself, or plain "
            "values (node.value)"
        )
    if keywords:
        raise NoDerivativeRule(
            f"np.{name} on a Node does not take {', '.join(f'{k}=' for k in keywords)}: a Node is never written "
            "into, its graph needs every entry, and a plain array cannot hold its result (write `a = a + node`, not "
            "`a += node`); leave it out (tg.where picks entries)"
        )
    if ufunc in PLAIN:
        return _without_nodes(ufunc, inputs, {})
    raise _no_rule(name)


def array_function(
    self: Node, function: Callable[..., Any], types: Any, args: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """Answer NumPy's other functions (`Node.__array_function__`)."""
    handler = HANDLERS.get(function)
    if handler is not None:
        return _call(function, handler, args, keywords)
    if function in MOVES:
        return move(function, *_split(function, args, keywords))
    if function in PLAIN:
        return _without_nodes(function, args, keywords)
    if function in _WRITING:
        raise NoDerivativeRule(
            f"np.{path(function)} writes into an array: a Node is never written into, and a plain array cannot hold "
            "one; use tg.where(mask, new, old) or tg.scatter_add, which make a new Node"
        )
    raise _no_rule(path(function))


def _call(function: Callable[..., Any], handler: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Call the handler with what the user gave, leaving out what is NumPy's default anyway."""
    signature = _signature_of(function, handler)
    parameters = signature.parameters
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
        elif position < _inputs_of(handler) and name in given:
            inputs.append(given.pop(name))
    unknown = [
        name for name in {**given, **keywords} if name not in others and (name not in parameters or name in given)
    ]
    unknown = [name for name in unknown if name not in _options_of(handler)]
    if unknown and not (isinstance(handler, Op) and handler.any_params):
        raise NoDerivativeRule(
            f"np.{path(function)} on a Node does not take {', '.join(f'{k}=' for k in unknown)} "
            f"(known: {', '.join(_options_of(handler)) or 'none'})"
        )
    result = handler(*inputs, **given, **others)
    return _single(result) if function not in WIDENING and set(_are_single(inputs)) == {True} else result


def _are_single(inputs: Iterable[Any]) -> Iterator[bool]:
    """For each array of real numbers among the inputs: whether it is float32."""
    for x in inputs:
        if isinstance(x, list | tuple):
            # In a list of arrays NumPy makes float64 of a list of Python floats.
            yield from _are_single(np.asarray(entry) if isinstance(entry, list) else entry for entry in x)
        elif isinstance(plain(x), np.ndarray | Lifted) and x.ndim and x.dtype.kind == "f":
            yield x.dtype == np.float32


def _single(result: Any) -> Any:
    """The result in float32: numbers on the way are Python floats, and arrays made of them are float64."""
    if isinstance(result, list):
        return [_single(part) for part in result]
    if isinstance(result, tuple):
        parts = [_single(part) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    wide = isinstance(result, Node) and result.ndim and result.dtype == np.float64
    return astype(result, dtype=np.float32) if wide else result


def _split(
    function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[inspect.BoundArguments, dict[str, Any]]:
    """The arguments by name, those whose entries are not moved made plain; and those of `**keywords` apart."""
    bound = _signature(function).bind(*args, **keywords)
    for name, value in bound.arguments.items():
        if name not in MOVES[function]:
            bound.arguments[name] = _strip(value)
    return bound, bound.arguments.get("kwargs", {})


def _is_default(value: Any, parameter: inspect.Parameter) -> bool:
    default = parameter.default
    return value is default or (
        isinstance(value, int | str | None) and type(value) is type(default) and value == default
    )


_signature = cache(inspect.signature)


@cache
def _signature_of(function: Callable[..., Any], handler: Any) -> inspect.Signature:
    """What NumPy's function takes; older versions do not tell it of those written in C, then what ours takes."""
    try:
        return inspect.signature(function)
    except ValueError:
        return inspect.signature(handler)


@cache
def _inputs_of(handler: Any) -> int:
    """How many arguments the handler takes by position."""
    if isinstance(handler, Op):
        return handler.arity
    required = [p for p in _signature(handler).parameters.values() if p.default is p.empty]
    return len(required)


@cache
def _options_of(handler: Any) -> tuple[str, ...]:
    """Which arguments the handler takes by name."""
    if isinstance(handler, Op):
        return handler.params
    return tuple(p.name for p in _signature(handler).parameters.values() if p.default is not p.empty)


def _without_nodes(function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return function(*[_strip(arg) for arg in args], **{k: _strip(v) for k, v in keywords.items()})


def _strip(value: Any) -> Any:
    """Replace Nodes, also inside lists and tuples, by their values, as arrays."""
    if isinstance(value, list | tuple):
        return type(value)([_strip(entry) for entry in value])
    return as_array(plain(value)) if isinstance(value, Node) else value


def path(function: Callable[..., Any]) -> str:
    """Return the name of a NumPy function after `np.`, such as `linalg.norm`."""
    module = getattr(function, "__module__", None)  # ufuncs have none
    if module is None:
        return function.__name__ if hasattr(np, function.__name__) else f"strings.{function.__name__}"
    return f"{module}.{function.__name__}".removeprefix("numpy.")


def _no_rule(name: str) -> NoDerivativeRule:
    return NoDerivativeRule(
        f"np.{name} has no derivative rule for Nodes. Say it with other functions, call it on plain values "
        f"(node.value), or add a rule: {name.split('.')[-1]} = tg.op({name.split('.')[-1]!r}, np.{name}, "
        "lambda g, y, x: ...), with one rule `gradient of x from the gradient g of the result y` for each input"
    )
