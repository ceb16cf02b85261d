"""What a function reads from outside: closures, globals, defaults and what they hold, and whether that has changed.

A program keeps what the function read when it was recorded. Before each call every place is looked up again: another
object there, a Node with a new value, an array with other entries, and the call is refused. Not seen: a change of some
entries of a large array (more than `WHOLE` bytes, of which about a thousand entries are compared) that the function
used in a computation without any of its arguments; what hangs on an object without a `__dict__`; and what a function
finds by other means than a name in its text (`getattr`, a descriptor, a file).
"""

import functools
import random
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_ed.node import Node

WHOLE = 16_384
"""Up to so many bytes an array is compared whole."""

MOST = 2_000
"""So many places are looked at, at most."""

_FIXED = (types.ModuleType, type, types.BuiltinFunctionType, np.ufunc)  # not looked at, and not looked into
_NEVER_CHANGED = (*_FIXED, np.generic, float, int, str, bytes, type(None))
_OURS = "tinygrad_ed"


class Watch:
    """The places that a function reads from, with what is there."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self._names: set[str] = set()
        known = -1
        while known < len(
            self._names
        ):  # of an object only what the functions name counts, and they must be found first
            known = len(self._names)
            self._places: list[tuple[Any, Any, Any, str]] = []
            self._cells: list[tuple[types.CellType, Any, str]] = []
            self._arrays: list[tuple[Any, bytes, str]] = []
            self._nodes: list[tuple[Node, int, str]] = []
            self._lengths: list[tuple[Any, int, str]] = []
            self._generators: list[Any] = []
            self._seen: set[int] = set()
            self._look_at(f, getattr(f, "__name__", "f"))
        self.outside = frozenset([id(a) for array, _, _ in self._arrays for a in (array, array.base) if a is not None])

    def add_nodes(self, nodes: dict[Node, int]) -> None:
        """Watch Nodes that the recording met, too."""
        known = {id(node) for node, _, _ in self._nodes}
        self._nodes += [
            (node, i, f"the Node {node.name or ''}".strip()) for node, i in nodes.items() if id(node) not in known
        ]

    def changed(self) -> str | None:
        """What has changed, in words; None if nothing has."""
        for node, i, words in self._nodes:
            if node.id != i:
                return f"{words} (it has another value)"
        for cell, thing, words in self._cells:
            if (now := _content(cell)) is not thing and not _equal(now, thing):
                return f"{words} (it is another {type(now).__name__})"
        for home, length, words in self._lengths:
            if len(home) != length:
                return f"{words} (it has {len(home)} entries in place of {length})"
        for home, key, thing, words in self._places:
            try:
                now = home[key]
            except (KeyError, IndexError):
                return f"{words} (it is gone)"
            if now is not thing and not _equal(now, thing):
                return f"{words} (it is another {type(now).__name__})"
        for array, state, words in self._arrays:
            if _state(array) != state:
                return f"{words} (its entries have changed)"
        return None

    def random_state(self) -> tuple[Any, ...]:
        """The states of the global random numbers and of the generators that were found."""
        state: Any = np.random.get_state()
        own = [
            repr(g.bit_generator.state if isinstance(g, np.random.Generator) else g.getstate())
            for g in self._generators
        ]
        return random.getstate(), state[0], state[1].tobytes(), *state[2:], *own

    # Finding the places

    def _look_at(self, thing: Any, words: str) -> None:
        """Go through what can be reached from a thing."""
        if isinstance(thing, _NEVER_CHANGED) or id(thing) in self._seen or len(self._places) > MOST:
            return
        self._seen.add(id(thing))
        if isinstance(thing, Node):
            self._nodes.append((thing, thing.id, f"the Node {words}"))
        elif isinstance(thing, np.ndarray):
            self._arrays.append((thing, _state(thing), f"the array {words}"))
        elif isinstance(thing, np.random.Generator | random.Random):
            self._generators.append(thing)
        elif isinstance(thing, types.FunctionType):
            self._look_into_function(thing, words)
        elif isinstance(thing, types.MethodType | functools.partial):
            for part in _parts(thing):
                self._look_at(part, words)
        elif isinstance(thing, dict | list | tuple):
            self._look_into_container(thing, words)
        elif hasattr(thing, "__dict__"):
            self._look_into_object(thing, words)

    def _look_into_container(self, thing: Any, words: str) -> None:
        self._lengths.append((thing, len(thing), words))
        for key in thing if isinstance(thing, dict) else range(len(thing)):
            self._place(thing, key, f"{words}[{key!r}]")

    def _look_into_object(self, thing: Any, words: str) -> None:
        if type(thing).__module__.startswith(f"{_OURS}.tape"):  # a compiled function inside this one
            self._look_at(thing.__wrapped__, words)
            return
        for key in self._names.intersection(vars(thing)):
            self._place(vars(thing), key, f"{words}.{key}")
        for name, method in _methods(type(thing)):
            if name in self._names or (name.startswith("__") and name not in ("__init__", "__new__")):
                self._look_at(method, f"{words}.{name}")

    def _look_into_function(self, f: types.FunctionType, words: str) -> None:
        names = list(_names_in(f.__code__))
        self._names.update(names)
        ours = f.__globals__.get("__name__", "").partition(".")[0] in (_OURS, "numpy")
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            content = _content(cell)
            if not ours:
                self._cells.append((cell, content, name))
            self._look_at(content, name)
        for part in (f.__defaults__, f.__kwdefaults__):
            self._look_at(part, f"a default of {words}")
        if not ours:
            for name in names:
                thing = f.__globals__.get(name)
                if isinstance(thing, types.ModuleType) and thing.__name__.partition(".")[0] not in (_OURS, "numpy"):
                    for inner in names:
                        if inner in vars(thing):
                            self._place(vars(thing), inner, f"{name}.{inner}")
                elif name in f.__globals__:
                    self._place(f.__globals__, name, name)

    def _place(self, home: Any, key: Any, words: str) -> None:
        thing = home[key]
        if isinstance(thing, _FIXED):
            return
        if not isinstance(home, tuple):
            self._places.append((home, key, thing, words))
        self._look_at(thing, words)


def _parts(thing: Any) -> tuple[Any, ...]:
    """What a bound method or a partial function is made of."""
    if isinstance(thing, types.MethodType):
        return thing.__self__, thing.__func__
    return thing.func, thing.args, thing.keywords


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The functions of a class, those of its properties among them."""
    for home in kind.__mro__:
        for name, thing in vars(home).items():
            function = thing.fget if isinstance(thing, property) else thing
            if isinstance(function, types.FunctionType):
                yield name, function


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _equal(a: Any, b: Any) -> bool:
    """Whether two numbers or texts are the same; other things are only the same as themselves."""
    return type(a) is type(b) and isinstance(a, float | int | str | bytes) and (a == b or (a != a and b != b))


def _state(array: Any) -> bytes:
    """The entries, or about a thousand of them."""
    if array.nbytes > WHOLE and array.dtype != object:
        flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
        array = flat[:: array.size // 1000]
    state: bytes = array.tobytes()
    return state
