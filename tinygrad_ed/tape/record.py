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
from tinygrad_ed.graph.nested import leaves, name_of
from tinygrad_ed.graph.node import Node, clock
from tinygrad_ed.graph.op import OPS, Op, is_numpy_function
from tinygrad_ed.graph.values import Lifted
from tinygrad_ed.ops import shape
from tinygrad_ed.ops.numpy import moves, norms
from tinygrad_ed.tape.traced import OPERATORS, Live, Traced, converted, plain_tree, traced_in, unknown_layout

_NUMBERS = frozenset([float, bool, int])
_FLOATS = frozenset([float])
_POWERS: dict[Any, np.ufunc] = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}

COMPOSED: frozenset[Op] = frozenset(
    [
        *(ops.relu, ops.sigmoid, ops.softplus, ops.leaky_relu, ops.elu, ops.sum, ops.mean, ops.logsumexp, norms.norm),
        *(ops.reshape, ops.matrix_transpose, shape._concatenate, shape._stack, OPS["einsum"]),
        *(moves.SELECT, *moves.MOVERS.values()),
    ]
)
"""Ops whose forward is written with NumPy calls that can be recorded one by one."""

_SHAPED = """sum prod mean var std max min amax amin any all cumsum cumprod round clip argmax argmin argsort sort
squeeze swapaxes diagonal trace dot ravel reshape transpose broadcast_to moveaxis take concatenate stack vstack hstack
flip roll expand_dims atleast_1d atleast_2d take_along_axis einsum tensordot outer inner vdot isclose nan_to_num interp
count_nonzero argpartition isin tril triu allclose copy full_like searchsorted array_equal unwrap partition diff real"""
SHAPED: frozenset[Any] = frozenset(
    [converted, operator.pow, np.linalg.norm, *[getattr(np, name) for name in _SHAPED.split()]]
)
"""Functions whose result has a shape that follows from the shapes of the arguments alone, beside ufuncs."""

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
        arguments: the name of each argument, with the traced values in place of its entries.
        steps: every value that was computed from them, in order; `lines`: where, by the id of the step, if asked for.
        decisions: (value, outcome, line) for each truth value that Python asked for and each shape that depends on
            numbers: the program holds for these only.
        captured: the leaf Nodes that `f` took from outside, with their ids.
        output: what `f` returned, and `results`: its entries.
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
        self._noting_lines, self._outside = lines, outside
        self.errors: list[tuple[Exception, str]] = []
        self._errstate: Any = np.geterr()
        self.steps: list[Traced] = []
        self.decisions: list[tuple[Traced, bool | tuple[int, ...], str]] = []
        self.captured: dict[Node, int] = {}
        self._began = next(clock)
        self.inputs: list[Traced] = []
        names = argument_names(f, args, keywords)
        given = zip(names, [*args, *keywords.values()], strict=True)
        self.arguments = [(name, self._traced(name, tree)) for name, tree in given]
        traced = [tree for _, tree in self.arguments]
        entries = leaves(traced)
        self.output: Any = None
        observing, watching = observer.set(self), mode.set(self)
        try:
            self.output = f(*traced[: len(args)], **dict(zip(keywords, traced[len(args) :], strict=True)))
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
        self._see_that_nothing_was_hidden(f, entries, leaves(traced))
        self.results = [_result(f, y) for y in leaves(self.output)]
        if any([isinstance(y, Traced) and y.tape is not self for y in self.results]):
            self.refuse()

    def _traced(self, name: str, tree: Any) -> Any:
        """Return an argument with a traced value, called `w`, `params_0`, `params_w`, in place of each entry."""
        if type(tree) is dict:
            return {key: self._traced(f"{name}_{key}", branch) for key, branch in tree.items()}
        if type(tree) is list or isinstance(tree, tuple):
            parts = [self._traced(f"{name}_{i}", branch) for i, branch in enumerate(tree)]
            return tree._make(parts) if isinstance(tree, tuple) and hasattr(tree, "_make") else type(tree)(parts)
        if not is_input(tree):
            return _switch(tree)
        self.inputs.append(Live(self, None, (len(self.inputs),), None, tree))
        self.inputs[-1].label = name
        return self.inputs[-1]

    def _see_that_nothing_was_hidden(self, f: Callable[..., Any], before: list[Any], now: list[Any]) -> None:
        """Refuse an error that `f` caught, and a list or dict of the arguments that it has changed."""
        if self.errors:
            error, line = self.errors[0]
            raise InvalidValue(
                f"{name_of(f)} caught an error of a traced value at {line} ({type(error).__name__}: {error}); a "
                "program cannot try: whether it is raised may hang on the numbers. Say it with np.where, or leave "
                "the `try` outside of tg.compile"
            ) from error
        if len(now) != len(before) or any([x is not y for x, y in zip(now, before, strict=True)]):
            raise InvalidValue(
                f"{name_of(f)} changes a list or dict that it was given: a replay would not do that. Make a new one "
                "(`[*xs, y]`), and return it"
            )

    # What writes a step

    def op(self, op: Op, values: list[Any], params: dict[str, Any]) -> Any:
        """Compute and keep an op."""
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
        try:
            value = of_numbers(*plain)
        except ArithmeticError:  # NumPy says inf or nan, with its warning
            value = float(ufunc(*plain))
        return self._kept(of_numbers, args, None, value)

    def _kept(self, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, value: Any) -> Traced:
        if not self.open:
            self.refuse()
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
        return id(array) not in self._outside and id(array.base) not in self._outside

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
        vars(self).clear()
        self.open = False

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
    return isinstance(x, float | np.floating) or (type(x) is np.ndarray and x.dtype.kind in "fiub")


def _switch(x: Any) -> Any:
    """Return an entry of the arguments that belongs to the signature; refuse what does not."""
    if isinstance(x, bool | int | str | np.integer | np.bool_ | None):
        return x
    if isinstance(x, np.ma.MaskedArray):
        raise InvalidType("a masked array would lose its mask in a program; fill it first (`array.filled(...)`)")
    if type(x) is np.ndarray:
        raise InvalidType(f"tg.compile takes arrays of real numbers, not of {x.dtype}")
    base = next((kind for kind in (np.ndarray, list, dict) if isinstance(x, kind)), None)
    if base is not None:
        how = "np.asarray(x)" if base is np.ndarray else f"{base.__name__}(x)"
        raise InvalidType(
            f"tg.compile takes {base.__name__}s themselves, and a {type(x).__name__} may do other things: give {how}"
        )
    raise InvalidType(
        "tg.compile takes numbers and arrays, in lists, tuples and dicts, and switches (True, None, text), but got "
        f"{x!r}"
    )


def argument_names(f: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> list[str]:
    """Return a name for each argument, after the parameters of `f`."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
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
