"""Traced: what stands for a number or an array while a function is recorded.

A function that is being recorded is run once, on traced values. Whatever NumPy or an op does with one is done (on the
numbers of that run) and written down, so all that the result depends on is in the record: the forward pass, the sweep,
the masks and positions that a rule finds on plain values. What cannot be written down is refused at once: a traced
value never becomes a plain number, a text or a key, for the program would keep the one of this run.
"""

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any, NoReturn

import numpy as np

from tinygrad_ed.errors import GraphDropped, InvalidType, InvalidValue
from tinygrad_ed.graph.grad_mode import users_line
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.op import Op
from tinygrad_ed.graph.values import Lifted
from tinygrad_ed.ops import exp, log, relu, sigmoid, tanh

KNOWN_BY_SHAPE: frozenset[Any] = frozenset(
    [
        *(np.shape, np.ndim, np.size, np.result_type, np.common_type, np.can_cast, np.isrealobj, np.iscomplexobj),
        *(np.zeros_like, np.ones_like, np.empty_like, np.may_share_memory, np.shares_memory),
    ]
)
"""Functions whose answer is the same for all arrays of that shape and dtype."""

TEXTS: frozenset[Any] = frozenset([np.array_repr, np.array_str, np.array2string])

_FLOAT64 = np.dtype(float)
_OTHERS = (Node, Lifted)

WRITING: frozenset[Any] = frozenset([np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask])


class Traced(Lifted):
    """One value of a recording: the call that makes it, and what it was in the recorded run.

    Attributes:
        tape: the recording it belongs to.
        fn, args, kwargs: the call; `fn` is None for an input. Args hold Traced and constants.
        shape: its shape, `()` for a number.
        errors: what np.errstate around it says in place of what holds around the function.
        at: its place among the single numbers, if it is levelled (see `levels.py`), else -1.
        label: what to call it: the op that made it, or the value whose derivative it is.
    """

    __slots__ = ("_value", "args", "at", "errors", "fn", "kwargs", "label", "shape", "tape")

    def __init__(self, tape: Any, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, value: Any) -> None:
        self.tape = tape  # a `Recording` of record.py
        self.fn, self.args, self.kwargs, self._value = fn, args, kwargs, value
        self.shape = () if type(value) is float else getattr(value, "shape", ())
        self.errors: dict[str, Any] | None = None
        self.at = -1
        self.label: str | Traced | None = None

    @property
    def value(self) -> Any:
        """What it was in the recorded run, once that is over: a rule of a reader's would put it into the program."""
        return self._leave() if self.tape.open else self._value

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype; float64 for a float."""
        return _FLOAT64 if type(self._value) is float else np.asarray(self._value).dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.size(self._value))

    @property
    def flags(self) -> Any:
        """Refuse to say how the array lies in memory: that may differ from call to call."""
        raise self.tape.noted(unknown_layout())

    def through(self, op: Op, values: list[Any], params: dict[str, Any]) -> Any:
        """Compute and record an op; a batch of gradients among the values goes first."""
        for x in values:
            if isinstance(x, Lifted) and not isinstance(x, Traced):
                return x.through(op, values, params)
        return self.tape.op(op, values, params)

    def _now(self) -> Any:
        """Return what it is in the recorded run."""
        return self._value

    @contextmanager
    def undone_if_it_fails(self) -> Iterator[None]:
        """Take back what an attempt has left behind."""
        left = [(kept, len(kept)) for kept in (self.tape.steps, self.tape.decisions, self.tape.errors)]
        try:
            yield
        except Exception:
            for kept, before in left:
                del kept[before:]
            raise

    def substitute(self, changed: dict["Traced", "Traced"]) -> None:
        """Take other operands in place of some."""
        self.args = mapped(self.args, lambda x: changed.get(x, x))
        self.kwargs = self.kwargs and mapped(self.kwargs, lambda x: changed.get(x, x))

    def as_leaf(self) -> Any:
        """Return what a leaf Node keeps: this, as real numbers."""
        kind = self.dtype.kind
        if kind in "iu" and self.ndim:
            return self.astype(float)
        if kind != "f":
            raise InvalidType(f"a Node holds real numbers, not {self.dtype}; write 1.0 and 0.0")
        return self.as_number()

    def as_number(self) -> Any:
        """Return a number of NumPy's as a float, anything else as it is."""
        return self.tape.number(self) if isinstance(self._value, np.floating) else self

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        if any([isinstance(x, _OTHERS) and not isinstance(x, Traced) for x in inputs]):
            return NotImplemented
        if method == "at" or "out" in keywords:
            self._write(f"np.{ufunc.__name__}")
        return self.tape.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, keywords)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if any([issubclass(kind, _OTHERS) and not issubclass(kind, Traced) for kind in types]):
            return NotImplemented
        in_place = function is np.nan_to_num and False in (*args[1:2], keywords.get("copy"))
        if function in WRITING or keywords.get("out") is not None or in_place:
            self._write(f"np.{function.__name__}")
        if function in TEXTS:
            self._leave("text")
        if function in KNOWN_BY_SHAPE:
            return function(*plain_tree(args), **plain_tree(keywords))
        return self.tape.call(function, args, keywords)

    def __bool__(self) -> bool:
        truth: bool = self.tape.decide(self)
        return truth

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __getitem__(self, index: Any) -> Any:
        return self.tape.call(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, new: Any) -> None:
        self._write("an assignment to entries")

    def __repr__(self) -> str:
        """Say what it is, without its number, on which nothing may hang."""
        return f"Traced({self.label if isinstance(self.label, str) else 'value'}, shape {self.shape})"

    def __str__(self) -> str:
        self._leave("text")

    def __format__(self, spec: str) -> str:
        self._leave("text")

    def __contains__(self, item: object) -> bool:
        return bool(np.any(self == item))

    __hash__ = object.__hash__

    def _refuse(self, words: str) -> NoReturn:
        """Refuse to leave the record, or to be written into."""
        if not self.tape.open:
            self.tape.refuse()
        raise self.tape.noted(GraphDropped(words))

    def _leave(self, what: str = "a plain number") -> NoReturn:
        self._refuse(
            f"tg.compile is recording, and {self.label or 'a value'} would become {what} at {users_line()}: the "
            "program would keep that of this one call for ever. Compute with it as it is (np.where in place of "
            "if, tg.take(array, index) in place of array[index]), return it and look at it outside, or give a "
            "whole number, which belongs to the signature"
        )

    def _write(self, what: str, *_: Any, **__: Any) -> NoReturn:
        self._refuse(
            f"{what} at {users_line()} writes into an array while tg.compile is recording; the program could not "
            "see it: use np.where, tg.scatter_add or np.concatenate, which make new arrays (`y = y * s` in place "
            "of `y *= s`)"
        )

    def _plain(self, *_: Any, **__: Any) -> Any:
        self._leave()

    __array__ = __float__ = __int__ = __index__ = __complex__ = __round__ = _plain
    item = tolist = tobytes = _plain
    sort = fill = put = partition = resize = setflags = partialmethod(_write, "a method of the array")

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Convert to another dtype."""
        return self if np.dtype(dtype) == self.dtype else self.tape.call(converted, (self,), {"dtype": np.dtype(dtype)})

    def copy(self, order: object = "C") -> "Traced":
        """Return itself: nobody writes into it."""
        return self

    __copy__ = __deepcopy__ = copy

    def reshape(self, *sizes: Any, order: Any = "C") -> Any:
        """Reshape, as ndarray does."""
        shape = sizes[0] if len(sizes) == 1 else sizes
        return np.reshape(self, shape) if order == "C" else np.reshape(self, shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        """Permute the axes, as ndarray does."""
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    T = property(lambda self: np.transpose(self))
    mT = property(lambda self: np.swapaxes(self, -1, -2))
    exp, log, relu, sigmoid, tanh = exp, log, relu, sigmoid, tanh

    def backward(self, seed: object = None) -> None:
        """Refuse: arguments of a compiled function are arrays, as they are without `tg.compile`."""
        raise InvalidType("inside tg.compile the arguments are arrays, not Nodes; compile tg.grad(f), or make Nodes")


class Live(Traced):
    """A traced value of a recording that goes on; it becomes a `Traced`, which programs keep in dicts, at the end."""

    __slots__ = ()

    def __hash__(self) -> int:
        self._leave("a key of a dict or an entry of a set")


def converted(x: Any, dtype: Any = float) -> Any:
    """Return `x` as an array of that dtype."""
    return np.asarray(x).astype(dtype)


def plain_tree(tree: Any) -> Any:
    """Replace traced values by what they were in the recorded run, also inside lists, tuples, dicts and slices."""
    return mapped(tree, lambda x: x._value)


def mapped(tree: Any, change: Callable[[Traced], Any]) -> Any:
    """Replace each traced value; everything else stays, and what holds none stays the same object."""
    kind = type(tree)
    if kind is Traced or kind is Live:
        return change(tree)
    if kind is tuple or kind is list:
        parts = [mapped(branch, change) for branch in tree]
        return kind(parts) if any([a is not b for a, b in zip(parts, tree, strict=True)]) else tree
    if kind is dict:
        return {key: mapped(branch, change) for key, branch in tree.items()}
    if kind is slice:
        return slice(*[mapped(part, change) for part in (tree.start, tree.stop, tree.step)])
    return tree


def traced_in(tree: Any) -> list[Traced]:
    """Return the traced values in nested lists, tuples, dicts and slices, in order."""
    found: list[Traced] = []
    mapped(tree, found.append)
    return found


def operands(step: Traced) -> list[Traced]:
    """Return the traced values that a step takes, in order, repeated where repeated."""
    found = []
    for arg in step.args:
        if type(arg) is Traced:
            found.append(arg)
        elif isinstance(arg, tuple | list | slice):
            found += traced_in(arg)
    return found + traced_in(step.kwargs) if step.kwargs else found


def unknown_layout() -> InvalidValue:
    """Return the error for what depends on how an array lies in memory."""
    return InvalidValue(
        "tg.compile is recording, and how an array lies in memory (order='A' or 'K', flags) is not part of a program, "
        "whose arrays lie in rows: say order='C' or order='F'"
    )


def _operator(ufunc: np.ufunc, of_numbers: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """Return the methods for `traced o other`, for `other o traced`, and for `traced o= other`."""

    def method(self: Traced, other: Any) -> Any:
        if isinstance(other, _OTHERS) and not isinstance(other, Traced):
            return NotImplemented
        return self.tape.arithmetic(ufunc, of_numbers, self, other)

    def mirrored(self: Traced, other: Any) -> Any:
        return self.tape.arithmetic(ufunc, of_numbers, other, self)

    def in_place(self: Traced, other: Any) -> Any:
        if isinstance(self._value, np.ndarray):  # who else has it would see it changed
            self._write(f"an assignment such as `{self.label or 'y'} += ...`")
        return method(self, other)

    return method, mirrored, in_place


def _unary(ufunc: np.ufunc, of_numbers: Callable[..., Any]) -> Any:
    return lambda self: self.tape.arithmetic(ufunc, of_numbers, self)


def _method(name: str) -> Any:
    """Return a method of ndarray, which is the NumPy function of that name."""
    function = getattr(np, name)
    return lambda self, *args, **keywords: function(self, *args, **keywords)


_PAIRS = """add add, sub subtract, mul multiply, truediv divide, floordiv floor_divide, mod remainder, pow power,
matmul matmul, and bitwise_and, or bitwise_or, xor bitwise_xor, lt less, le less_equal, gt greater, ge greater_equal,
eq equal, ne not_equal, neg negative, pos positive, abs absolute, invert invert"""
OPERATORS: dict[str, tuple[np.ufunc, Callable[..., Any]]] = {
    name: (getattr(np, ufunc), getattr(operator, f"__{name}__"))
    for name, ufunc in [pair.split() for pair in _PAIRS.split(",")]
}
"""Python's operators: what NumPy calls them, and what they are for two Python numbers."""

for _name, (_ufunc, _of_numbers) in OPERATORS.items():
    if _ufunc.nin == 1:
        setattr(Traced, f"__{_name}__", _unary(_ufunc, _of_numbers))
    else:
        _left, _right, _in_place = _operator(_ufunc, _of_numbers)
        setattr(Traced, f"__{_name}__", _left)
        if _name not in ("lt", "le", "gt", "ge", "eq", "ne"):
            setattr(Traced, f"__r{_name}__", _right)
            setattr(Traced, f"__i{_name}__", _in_place)

for _name in (
    *("sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "cumsum", "cumprod", "round", "clip"),
    *("argmax", "argmin", "argsort", "nonzero", "squeeze", "swapaxes", "repeat", "take", "diagonal", "trace", "dot"),
    *("ravel", "flatten", "conj"),
):
    setattr(Traced, _name, _method("ravel" if _name == "flatten" else _name))
