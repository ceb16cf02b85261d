"""A reader's function, run with an eye on its local variables: what each was, and which line made it so.

It may be run on Nodes: arrays of zeros that it fills entry by entry, and `np.array([...])` of Nodes, work there, too.
"""

import inspect
import math
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.guard import guarded


class Change(NamedTuple):
    """A local variable, or an entry of a list or dict in one, that has got a value."""

    name: str
    value: Any
    line: int
    own: bool  # it is in the function itself, not in one that it calls


class Run(NamedTuple):
    """What a function returned, and what its variables were on the way."""

    result: Any
    problem: str | None  # what went wrong, and in which line
    line: int
    changes: list[Change]
    ends: dict[str, Any]  # its variables at its end
    touched: dict[str, int]  # arrays around it that it changed in place, and in which line


def traced(name: str, function: Callable[..., Any], *args: Any, seconds: float | None = None, **kwargs: Any) -> Run:
    """Run a function and note the changes of its variables, and of those of functions in the same file.

    Arrays around it that it changes are set right again.
    """
    code = getattr(inspect.unwrap(function), "__code__", None) or getattr(type(function).__call__, "__code__", None)
    file = code and code.co_filename
    changes: list[Change] = []
    last = [0]
    ends: dict[str, Any] = {}
    watched = {called: (array, array.copy()) for called, array in around(function).items()}
    touched: dict[str, int] = {}

    def enter(frame: types.FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        own, seen, line = frame.f_code is code, dict[str, Any](), frame.f_code.co_firstlineno

        def look(frame: types.FrameType, event: str, arg: Any) -> Any:
            nonlocal line
            for called, value in flat(frame.f_locals):
                if called not in seen or not _same(seen[called], value):
                    kept = value.copy() if isinstance(value, np.ndarray) else value
                    seen[called] = value, kept
                    changes.append(Change(called, kept, line, own))
            touched.update(
                {name: line for name, (a, kept) in watched.items() if name not in touched and _differ(a, kept)}
            )
            if own and event == "return":
                ends.update(frame.f_locals)
            if event == "line":
                line = frame.f_lineno
                last[0] = line if own else last[0]
            return look

        return look

    def run() -> Any:
        before = sys.gettrace()
        sys.settrace(enter)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(before)

    result, problem = guarded(name, run, seconds=seconds)
    for called in touched:
        array, kept = watched[called]
        array[...] = kept
    return Run(result, problem, last[0], changes, ends, touched)


def takes(function: Callable[..., Any], *args: Any) -> bool:
    """Tell whether a function takes these arguments; some functions written in C do not say, and count as such."""
    try:
        inspect.signature(function).bind(*args)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def around(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the arrays that a function, and those of its file that it calls, read from around it, by name."""
    found: dict[str, Any] = {}
    left, seen = [inspect.unwrap(function)], set()
    while left:
        one = left.pop()
        one = getattr(one, "__func__", one)
        if isinstance(one, types.FunctionType) and one not in seen:
            seen.add(one)
            read = inspect.getclosurevars(one)
            names = {**read.globals, **read.nonlocals}
            left += [v for v in names.values() if getattr(v, "__globals__", None) is one.__globals__]
            found |= {name: value for name, value in flat(names) if isinstance(value, np.ndarray)}
    return found


def flat(variables: Mapping[str, Any], deep: int = 2) -> Iterator[tuple[str, Any]]:
    """Yield the arrays and Nodes among variables, and in lists, tuples and dicts, with a name for each: `hs[0]`."""
    for name, value in variables.items():
        if isinstance(value, int | float | np.number | np.ndarray | Node) and not isinstance(value, bool):
            yield name, value
        elif isinstance(value, Mapping) and deep:
            yield from flat({k if isinstance(k, str) else f"{name}[{k}]": v for k, v in value.items()}, deep - 1)
        elif isinstance(value, list | tuple) and deep and len(value) <= 1000:
            yield from flat({f"{name}[{i}]": v for i, v in enumerate(value)}, deep - 1)


def _same(before: tuple[Any, Any], value: Any) -> bool:
    """Tell whether a variable is the same object as before, with the same numbers in it."""
    old, kept = before
    return old is value and not (isinstance(value, np.ndarray) and _differ(kept, value))


def _differ(a: Array, b: Array) -> bool:
    return a.dtype != b.dtype or a.tobytes() != b.tobytes()


class Buffer(Node):
    """An array that is filled entry by entry by a function that runs on Nodes: each entry written makes a new Node."""

    __slots__ = ("now",)
    now: Node

    def __getitem__(self, index: Any) -> Any:
        return self.now[index] if hasattr(self, "now") else super().__getitem__(index)

    def __setitem__(self, index: Any, new: Any) -> None:
        now = self.now if hasattr(self, "now") else Node(self._value)
        mask = np.zeros(now.shape, bool)
        mask[index] = True
        spread = ops.broadcast_to(new, np.zeros(now.shape)[index].shape) if isinstance(new, Node) else new
        written = ops.scatter_add(spread, index=index, shape=now.shape) if isinstance(new, Node) else new
        if not isinstance(new, Node):
            written = np.zeros(now.shape)
            written[index] = plain(new)
        self.now = made = ops.where(mask, written, now)
        for field in ("_value", "op", "_first", "_second", "id"):
            setattr(self, field, getattr(made, field))


def on_nodes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the same code, in which NumPy's `zeros`, `array` and the like, and `math`, know of Nodes."""
    if not isinstance(function, types.FunctionType):
        return function
    stand_ins = {id(getattr(np, name)): made for name, made in _STAND_INS.items()}
    stand_ins |= {id(np): _Numpy(), id(math): _Math()}
    known: dict[str, Any] = {}
    for name, value in function.__globals__.items():
        ours = isinstance(value, types.FunctionType) and value.__globals__ is function.__globals__
        known[name] = _twin(value, known) if ours else stand_ins.get(id(value), value)
    return _twin(function, known)


def _twin(function: types.FunctionType, known: dict[str, Any]) -> types.FunctionType:
    twin = types.FunctionType(function.__code__, known, function.__name__, function.__defaults__, function.__closure__)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _holds_nodes(value: Any) -> bool:
    return isinstance(value, Node) or (isinstance(value, list | tuple) and any(map(_holds_nodes, value)))


def _filled(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return a maker of arrays of which those of floats can take Nodes."""

    def made(*args: Any, **kwargs: Any) -> Any:
        args = tuple([np.asarray(arg._value) if isinstance(arg, Node) else arg for arg in args])
        array = make(*args, **kwargs)
        return Buffer(array) if array.dtype.kind == "f" and array.ndim else array

    return made


def _array(value: Any, *args: Any, **kwargs: Any) -> Any:
    return ops.array(value) if _holds_nodes(value) else np.array(value, *args, **kwargs)


_STAND_INS: dict[str, Any] = {
    **{name: _filled(getattr(np, name)) for name in ("zeros", "empty", "zeros_like", "empty_like")},
    **dict.fromkeys(("array", "asarray"), _array),
}


class _Math:
    """The functions of `math`, as those of NumPy, which take Nodes."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name, None) or getattr(math, name)


class _Numpy:
    """NumPy, but for these functions."""

    def __getattr__(self, name: str) -> Any:
        return _STAND_INS.get(name) or getattr(np, name)
