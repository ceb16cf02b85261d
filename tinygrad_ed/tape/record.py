"""Recording: run a function once on traced values and keep every call, in order.

Three entrances write steps: an op (`op`), a call of NumPy (`call`), and Python's arithmetic (`arithmetic`). Numbers
stay Python numbers here as in the engine, so a scalar step is a Python expression later. An op with a composed forward,
such as sigmoid, is followed into the NumPy calls it is made of; any other op is one step.
"""

import gc
import inspect
import itertools
import keyword
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.errors import GraphDropped, InvalidType, InvalidValue, ShapeError, StaleGraph
from tinygrad_ed.graph.grad_mode import Observer, mode, observer, users_line
from tinygrad_ed.graph.nested import leaves, name_of, rebuilt
from tinygrad_ed.graph.node import Node, clock
from tinygrad_ed.graph.op import OPS, Op, is_numpy_function
from tinygrad_ed.graph.values import Lifted
from tinygrad_ed.ops import shape
from tinygrad_ed.ops.numpy import moves, norms
from tinygrad_ed.tape.traced import OPERATORS, Live, Traced, converted, plain_tree, traced_in, unknown_layout

_NUMBERS = frozenset([float, bool, int])
_FLOATS = frozenset([float])
_POWERS: dict[Any, np.ufunc] = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}

_COMPOSED: list[Op] = [
    *(ops.relu, ops.sigmoid, ops.softplus, ops.leaky_relu, ops.elu, ops.sum, ops.mean, ops.logsumexp, norms.norm),
    *(ops.reshape, ops.matrix_transpose, shape._concatenate, shape._stack, OPS["einsum"]),
    *(moves.SELECT, *moves.MOVERS.values()),
]
COMPOSED = frozenset(_COMPOSED)
"""Ops whose forward is written with NumPy calls that can be recorded one by one."""

_SHAPED: list[Any] = [
    *(converted, np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.amax, np.amin, np.any, np.all),
    *(np.cumsum, np.cumprod, np.round, np.clip, np.argmax, np.argmin, np.argsort, np.sort, np.squeeze, np.swapaxes),
    *(np.diagonal, np.trace, np.dot, np.ravel, np.reshape, np.transpose, np.broadcast_to, np.moveaxis, np.take),
    *(np.concatenate, np.stack, np.vstack, np.hstack, np.flip, np.roll, np.expand_dims, np.atleast_1d, np.atleast_2d),
    *(np.take_along_axis, np.einsum, np.tensordot, np.outer, np.inner, np.vdot, np.isclose, np.nan_to_num),
    *(np.count_nonzero, np.interp, np.argpartition, np.isin, np.tril, np.triu, np.linalg.norm, np.allclose, np.copy),
    *(
        operator.pow,
        np.full_like,
        np.searchsorted,
        np.array_equal,
        np.unwrap,
        np.heaviside,
        np.partition,
        np.diff,
        np.real,
    ),
]
SHAPED = frozenset(_SHAPED)
"""NumPy functions whose result has a shape that follows from the shapes of the arguments alone."""

COMPARISONS = dict([OPERATORS[name] for name in ("lt", "le", "gt", "ge", "eq", "ne")])
"""Comparing two numbers gives Python's truth values."""

RESERVED = frozenset([*keyword.kwlist, "np", "math", "collections", "abs", "bool", "float", "slice"])
"""Names that the text of a program uses itself."""

ON_NUMBERS: dict[Any, Callable[..., Any]] = {
    **{op.scalar: op.forward for op in OPS.values() if op.scalar is not None},
    **{of_numbers: ufunc for ufunc, of_numbers in OPERATORS.values()},
}
"""For each function of Python numbers that a step may call, the same for arrays: it says inf, where that one raises."""


class Recording(Observer):
    """One recorded run of `f`: its inputs, its steps in order, its decisions and its result.

    Attributes:
        inputs: the traced values that stand for the arguments' entries.
        steps: every value that was computed from them, in order.
        decisions: (value, outcome, line) for each truth value that Python asked for and each shape that depends on
            numbers: the program holds for these only.
        errors: what calls on traced values raised, each with the line.
        lines: where each step was made, by the id of the step, if it was asked for.
        captured: the leaf Nodes that `f` took from outside, with their ids.
        arguments: the name of each argument, with the traced values in place of its entries.
        output: what `f` returned.
        count: how many steps were recorded.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        outside: frozenset[int] = frozenset(),
        lines: bool = False,
    ) -> None:
        self.open = True
        self.lines: dict[int, str] = {}
        self._noting_lines = lines
        self.outside = outside
        self.errors: list[tuple[Exception, str]] = []
        self._errstate: Any = np.geterr()
        self.steps: list[Traced] = []
        self.decisions: list[tuple[Traced, bool | tuple[int, ...], str]] = []
        self.captured: dict[Node, int] = {}
        self._began = next(clock)
        given = leaves([args, keywords])
        self.inputs: list[Traced] = [Live(self, None, (i,), None, x) for i, x in enumerate(given) if is_input(x)]
        starts = argument_names(f, args, keywords)
        names = [
            name
            for start, tree in zip(starts, [*args, *keywords.values()], strict=True)
            for name in _names(start, tree)
        ]
        entries = iter(self.inputs)
        self.tree = [next(entries) if is_input(x) else x for x in given]
        for x, name in zip(self.tree, names, strict=True):
            if isinstance(x, Traced):
                x.label = name
        traced_args, traced_keywords = rebuilt([args, keywords], iter(self.tree))
        self.arguments = list(zip(starts, [*traced_args, *traced_keywords.values()], strict=True))
        self.output: Any = None
        observing, watching = observer.set(self), mode.set(self)
        try:
            self.output = f(*traced_args, **traced_keywords)
        except ValueError as error:
            if isinstance(error.__cause__, GraphDropped):  # NumPy's words hide ours: array[0] = traced
                raise error.__cause__ from None
            raise
        finally:
            mode.reset(watching)
            observer.reset(observing)
            self.open = False
            for step in [*self.inputs, *self.steps]:
                step.__class__ = Traced
        self._see_that_nothing_was_hidden(f, traced_args, traced_keywords)
        self.count = len(self.steps)
        self.results = [_result(f, y) for y in leaves(self.output)]
        if any([isinstance(y, Traced) and y.tape is not self for y in self.results]):
            self.refuse()

    def _see_that_nothing_was_hidden(self, f: Callable[..., Any], *given: Any) -> None:
        """Refuse an error that `f` caught, and a list or dict of the arguments that it has changed."""
        if self.errors:
            error, line = self.errors[0]
            raise InvalidValue(
                f"{name_of(f)} caught an error of a traced value at {line} ({type(error).__name__}: {error}); a "
                "program cannot try: whether it is raised may hang on the numbers. Say it with np.where, or leave "
                "the `try` outside of tg.compile"
            ) from error
        now = leaves(given)
        if len(now) != len(self.tree) or any([x is not y for x, y in zip(now, self.tree, strict=True)]):
            raise InvalidValue(
                f"{name_of(f)} changes a list or dict that it was given: a replay would not do that. Make a new one "
                "(`[*xs, y]`), and return it"
            )

    # What writes a step

    def op(self, op: Op, values: list[Any], params: dict[str, Any]) -> Any:
        """Compute and keep an op."""
        if not self.open:
            self.refuse()
        if op.scalar is not None and not params:  # most steps of a graph of single numbers
            plain = [x._value if isinstance(x, Traced) else x for x in values]
            if _FLOATS.issuperset(map(type, plain)):
                return self._kept(op.scalar, tuple(values), None, op._evaluate(plain, params, (), True))
        values = [self.number(x) if isinstance(x, Traced) and type(x._value) is not float else x for x in values]
        plain = [x._value if isinstance(x, Traced) else x for x in values]
        numbers = op.scalar is not None and all([type(x) in _NUMBERS for x in plain])
        try:
            value = op._evaluate(plain, plain_tree(params) if params else params, tuple(values), numbers)
        except Exception as error:
            self.noted(error)
            raise
        if numbers:
            return self._kept(op.scalar, tuple(values), params, value)
        # What NumPy makes of whole numbers and truth values alone, an op turns into floats.
        real = any([np.asarray(x).dtype.kind == "f" for x in plain])
        if op in COMPOSED and real:
            result = op.forward(*values, **params)
            if type(value) is float:  # NumPy's scalar becomes a float, as everywhere
                result._value = value
            if result.dtype == np.asarray(value).dtype:
                return result
        if op is ops.getitem and real and np.ndim(plain[0]):
            return self._kept(operator.getitem, (values[0], params.get("index", ())), None, value)
        direct = is_numpy_function(op.forward) and real
        return self._kept(op.forward if direct else op, tuple(values), params, value)

    def call(self, function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Compute and keep a call of NumPy; each of several results is a value of its own."""
        if function in COMPARISONS and not keywords and all([type(plain_tree(x)) in _NUMBERS for x in args]):
            return self.arithmetic(function, COMPARISONS[function], *args)
        if not self.open:
            self.refuse()
        if not args:
            args, keywords = _positional(function, keywords)
        if function in (np.ravel, np.reshape) and order_among(args, keywords) in ("A", "K"):
            raise self.noted(unknown_layout())
        try:
            value = function(*plain_tree(args), **plain_tree(keywords))
        except Exception as error:
            self.noted(error)
            raise
        result = self._kept(function, args, keywords, value)
        if isinstance(value, list | tuple):
            parts = [self._kept(operator.getitem, (result, i), None, part) for i, part in enumerate(value)]
            for part in parts:
                self._fix_shape(function, args, part)
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        self._fix_shape(function, args, result)
        return result

    def _fix_shape(self, function: Any, args: tuple[Any, ...], result: Traced) -> None:
        """Tell where the shape may depend on the numbers, the program holds for this shape only."""
        if function is operator.getitem:
            masks = [x for x in traced_in(args[1]) if x.dtype.kind == "b"]
            known = not masks
        else:
            known = is_ufunc(function) or function in SHAPED or (function is np.where and len(args) == 3)
        if not known:
            self.decisions.append((result, result.shape, users_line()))

    def arithmetic(self, ufunc: np.ufunc, of_numbers: Callable[..., Any], *args: Any) -> Any:
        """Compute and keep an operator: Python's for Python numbers, else NumPy's."""
        plain = [x._value if isinstance(x, Traced) else x for x in args]
        if not _NUMBERS.issuperset(map(type, plain)):
            function: Any = ufunc
            if ufunc is np.power and args[1] is plain[1] and type(plain[1]) in _NUMBERS:  # NumPy has short ways here
                function = _POWERS.get(plain[1], ufunc) if np.asarray(plain[0]).dtype.kind == "f" else operator.pow
                args = args[:1] if function in _POWERS.values() else args
            try:
                return self.call(function, args, {})
            except ValueError as error:
                shapes = " and ".join([str(np.shape(x)) for x in plain])
                raise ShapeError(f"{ufunc.__name__}: inputs of shape {shapes} do not fit: {error}") from error
        if not self.open:
            self.refuse()
        try:
            value = of_numbers(*plain)
        except ArithmeticError:  # NumPy says inf or nan, with its warning
            value = float(ufunc(*plain))
        return self._kept(of_numbers, args, None, value)

    def _kept(self, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, value: Any) -> Traced:
        if np.ndarray in map(type, args):  # one that f has made, it may write into again
            args = tuple([x.copy() if type(x) is np.ndarray and self.belongs_to_f(x) else x for x in args])
        step = Live(self, fn, args, kwargs or None, value)
        if type(value) is not float and (now := np.geterr()) != self._errstate:
            step.errors = {key: how for key, how in now.items() if how != self._errstate[key]}
        self.steps.append(step)
        if self._noting_lines:
            self.lines[id(step)] = users_line()
        return step

    def belongs_to_f(self, array: np.ndarray) -> bool:
        """Tell whether nobody outside of `f` is known to hold the array."""
        return id(array) not in self.outside and id(array.base) not in self.outside

    def noted(self, error: Exception) -> Exception:
        """Return the error; if `f` catches it, the recording is refused."""
        self.errors.append((error, users_line()))
        return error

    def number(self, x: Traced) -> Traced:
        """Return an operand of an op: what is no array becomes a float, as it does in `values.constant`."""
        return x if x.ndim else self._kept(float, (x,), None, float(x._value))

    def decide(self, x: Traced) -> bool:
        """Answer Python's question for a truth value, and remember the answer: a branch hangs on it."""
        if not self.open:
            self.refuse()
        outcome = bool(x._value)
        self.decisions.append((x, outcome, users_line()))
        return outcome

    def forget(self) -> None:
        """Let go of the steps, so that those which no program needs are freed at once: each of them knows its tape."""
        self.steps, self.inputs, self.results, self.decisions = [], [], [], []
        self.tree, self.arguments, self.output, self.captured = [], [], None, {}

    def refuse(self) -> NoReturn:
        """Refuse a value that was kept from a recording that is over."""
        raise StaleGraph(
            "a value of a recording that is over was used: it was kept outside of the compiled function (in a "
            "list, an attribute, a global name) while tg.compile recorded; return it as a result instead"
        )

    # What an observer is told

    def made(self, node: Node) -> None:
        """Give a new node's value a name; note leaves that come from outside."""
        value: Any = node._value
        if isinstance(value, Traced) and value.label is None:
            value.label = node.op.name
        for arg in node.args:
            if isinstance(arg, Node) and arg.op is None and arg.id < self._began and not isinstance(arg._value, Lifted):
                self.captured[arg] = arg.id

    def sent(self, node: Node, position: int, gradient: Any) -> None:
        """Name a derivative after what it is the derivative by."""
        value: Any = gradient._value if isinstance(gradient, Node) else getattr(gradient, "array", gradient)
        target: Any = node.args[position]._value
        if isinstance(value, Traced) and value.label is None:
            value.label = target if isinstance(target, Traced) else "d"


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the garbage collector from looking again and again at a long recording, which holds no garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _positional(function: Any, keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give a call without positional arguments those that can be: `np.sum(a=x, axis=0)` is `np.sum(x, 0)`."""
    try:
        names = itertools.takewhile(keywords.__contains__, inspect.signature(function).parameters)
    except ValueError:  # older versions of NumPy do not tell it of functions written in C
        return (), keywords
    args = {name: keywords[name] for name in names}
    return tuple(args.values()), {name: x for name, x in keywords.items() if name not in args}


def order_among(args: tuple[Any, ...], keywords: dict[str, Any] | None) -> str | None:
    """Return the order that np.reshape or np.ravel is told, if it is told one."""
    return next((x for x in [*args, *(keywords or {}).values()] if isinstance(x, str)), None)


def is_ufunc(function: Any) -> bool:
    """Tell whether it is a ufunc or a method of one, such as `np.add.reduce`."""
    return isinstance(function, np.ufunc) or isinstance(getattr(function, "__self__", None), np.ufunc)


def is_input(x: Any) -> bool:
    """Tell whether an entry of the arguments changes from call to call: a float or an array.

    Whole numbers, truth values, texts and None belong to the signature: Python needs them as they are.
    """
    return isinstance(x, np.ndarray | float | np.floating)


def argument_names(f: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> list[str]:
    """Return a name for each argument, after the parameters of `f`."""
    try:
        bound = inspect.signature(f).bind(*args, **keywords)
        parameters = list(bound.signature.parameters.values())
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        positional = []
    names = [free_name(name) for name in positional[: len(args)]]
    for i in range(len(names), len(args)):  # of *args
        name = f"x{i}"
        while name in names or name in positional or name in keywords:
            name += "_"
        names.append(name)
    return [*names, *[free_name(key) for key in keywords]]


def free_name(name: str) -> str:
    """Return the name, or one beside it if programs give it a meaning of their own."""
    return f"{name}_" if name in RESERVED else name


def _names(start: str, tree: Any) -> list[str]:
    """Return a name for each entry of an argument: `w`, `params_0`, `params_w`."""
    if isinstance(tree, dict):
        return [name for key, branch in tree.items() for name in _names(f"{start}_{key}", branch)]
    if isinstance(tree, list | tuple):
        return [name for i, branch in enumerate(tree) for name in _names(f"{start}_{i}", branch)]
    return [start]


def _result(f: Callable[..., Any], y: Any) -> Any:
    """Return one entry of the result: traced, or a constant number or array."""
    y = y._value if isinstance(y, Node) else y
    if isinstance(y, Traced | float | int | np.ndarray | np.generic):
        return y
    if isinstance(y, Lifted):
        raise InvalidType("a compiled function cannot be called by tg.jacobian's rules; compile the Jacobian itself")
    hint = "; is a `return` missing?" if y is None else ""
    raise InvalidType(
        f"{getattr(f, '__name__', f)!r} returned {y!r}, and tg.compile hands out numbers and arrays only{hint}"
    )
