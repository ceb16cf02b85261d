"""What a function reads from outside: closures, globals, defaults and what they hold, and whether that has changed.

A program keeps what the function read when it was recorded. Before each call every place is looked up again: another
object there, a Node with a new value, an array with other entries, and the call is refused. Places are names, entries
of dicts, lists and tuples, and attributes of objects, classes and modules, as far as the function and what it calls
name them. Not seen: a change of some entries of a large array (more than `WHOLE` bytes, of which about a thousand
entries are compared) that the function used in a computation without any of its arguments; what is in a set, a deque,
an array of objects, or an object without a `__dict__`; and what a function finds by other means than a name in its text
(`getattr`, a descriptor, a file).
"""

import dis
import functools
import os
import random
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType
from tinygrad_ed.graph.nested import name_of
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.op import edits

WHOLE = 16_384
"""Up to so many bytes an array is compared whole."""

MOST = 2_000
"""So many places are looked at, at most."""

_WHOLE_THINGS = (types.BuiltinFunctionType, np.ufunc, np.generic, float, int, str, bytes, type(None))  # nothing inside
_STANDARD = str(Path(os.__file__).parent)
"""Where Python's own library is."""

_GONE = object()


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
            try:
                self._look_at(f, getattr(f, "__name__", "f"))
            except RecursionError:
                raise InvalidType(
                    f"what {name_of(f)} reads from outside is nested too deep to be compared at each call; give "
                    "it as an argument, or as an array"
                ) from None
        self._places.append((edits, 0, edits[0], "the derivative rules of the ops"))
        self.outside = frozenset([id(a) for array, _, _ in self._arrays for a in (array, array.base) if a is not None])

    def add_nodes(self, nodes: dict[Node, int]) -> None:
        """Watch Nodes that the recording met, too."""
        known = {id(node) for node, _, _ in self._nodes}
        self._nodes += [
            (node, i, f"the Node {node.name or ''}".strip()) for node, i in nodes.items() if id(node) not in known
        ]

    def changed(self) -> str | None:
        """Return what has changed, in words; None if nothing has."""
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
                now = _GONE
            if now is not thing and not _equal(now, thing):
                what = "gone" if now is _GONE else "new" if thing is _GONE else f"another {type(now).__name__}"
                return f"{words} (it is {what})"
        for array, state, words in self._arrays:
            if _state(array) != state:
                return f"{words} (its entries have changed)"
        return None

    def random_state(self) -> tuple[Any, ...]:
        """Return the states of the global random numbers and of the generators that were found."""
        state: Any = np.random.get_state()
        own = [
            repr(g.bit_generator.state if isinstance(g, np.random.Generator) else g.getstate())
            for g in self._generators
        ]
        return random.getstate(), state[0], state[1].tobytes(), *state[2:], *own

    # Finding the places

    def _look_at(self, thing: Any, words: str) -> None:
        """Go through what can be reached from a thing."""
        if isinstance(thing, _WHOLE_THINGS) or id(thing) in self._seen or len(self._places) > MOST:
            return
        self._seen.add(id(thing))
        if isinstance(thing, Node):
            self._nodes.append((thing, thing.id, f"the Node {words}"))
        elif isinstance(thing, np.ndarray):
            self._arrays.append((thing, _state(thing), f"the array {words}"))
        elif isinstance(thing, np.random.Generator | random.Random):
            self._generators.append(thing)
        else:
            self._look_into(thing, words)

    def _look_into(self, thing: Any, words: str) -> None:
        if isinstance(thing, types.FunctionType):
            self._look_into_function(thing, words)
        elif isinstance(thing, types.MethodType | functools.partial):
            for part in _parts(thing):
                self._look_at(part, words)
        elif isinstance(thing, types.ModuleType):
            for key in () if _is_known(thing.__name__) else self._names.intersection(vars(thing)):
                self._place(vars(thing), key, f"{words}.{key}")
        elif isinstance(thing, type):
            self._look_into_class(thing, words, ())
        elif isinstance(thing, dict | list | tuple):
            self._look_into_container(thing, words)
        elif hasattr(thing, "__dict__"):
            self._look_into_object(thing, words)

    def _look_into_container(self, thing: Any, words: str) -> None:
        self._lengths.append((thing, len(thing), words))
        for key in thing if isinstance(thing, dict) else range(len(thing)):
            self._place(thing, key, f"{words}[{key!r}]")

    def _look_into_object(self, thing: Any, words: str) -> None:
        if type(thing).__module__.startswith("tinygrad_ed.tape"):  # a compiled function inside this one
            self._look_at(thing.__wrapped__, words)
            return
        for key in self._names.intersection(vars(thing)):
            self._place(vars(thing), key, f"{words}.{key}")
        for key in self._look_into_class(type(thing), words, ("__init__", "__new__")) - vars(thing).keys():
            self._places.append((vars(thing), key, _GONE, f"{words}.{key}"))  # it would hide that of the class

    def _look_into_class(self, kind: type, words: str, past: tuple[str, ...]) -> set[str]:
        """Go through what a class and its bases hold, but for methods that were called before; return its names."""
        found: set[str] = set()
        for home in kind.__mro__:
            for name, thing in list(vars(home).items()):
                if name in self._names and not _is_known(home.__module__):
                    self._place(vars(home), name, f"{words}.{name}")
                    found.add(name)
                for function in _functions_in(thing):
                    if name in self._names or (name.startswith("__") and name not in past):
                        self._look_at(function, f"{words}.{name}")
        return found

    def _look_into_function(self, f: types.FunctionType, words: str) -> None:
        read, named = _names_in(f.__code__)
        self._names |= named
        ours = _is_known(f.__globals__.get("__name__", ""))
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            content = _content(cell)
            if not ours:
                self._cells.append((cell, content, name))
            self._look_at(content, name)
        for part in (f.__defaults__, f.__kwdefaults__):
            self._look_at(part, f"a default of {words}")
        if not ours:
            for name in read:
                if name in f.__globals__:
                    self._place(f.__globals__, name, name)
                elif name in sys.modules:  # imported inside of the function
                    self._look_at(sys.modules[name], name)

    def _place(self, home: Any, key: Any, words: str) -> None:
        thing = home[key]
        if not isinstance(home, tuple) and not isinstance(thing, types.ModuleType):
            self._places.append((home, key, thing, words))
        self._look_at(thing, words)


def _parts(thing: Any) -> tuple[Any, ...]:
    """Return what a bound method or a partial function is made of."""
    if isinstance(thing, types.MethodType):
        return thing.__self__, thing.__func__
    return thing.func, thing.args, thing.keywords


def _functions_in(thing: Any) -> list[types.FunctionType]:
    """Return the function behind what a class holds: a method of any kind, or a property."""
    function = thing.fget if isinstance(thing, property) else getattr(thing, "__func__", thing)
    return [function] if isinstance(function, types.FunctionType) else []


def _is_known(module: str) -> bool:
    """Tell whether a module is ours, NumPy's or Python's, which stay as they are; a reader's `code.py` is none."""
    package = module.partition(".")[0]
    if package in ("tinygrad_ed", "numpy"):
        return True
    file = getattr(sys.modules.get(package), "__file__", None)
    return package in sys.stdlib_module_names and (file is None or file.startswith(_STANDARD))


def _names_in(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Return the names that a function reads or imports, and all that it names, attributes among them."""
    read = {str(step.argval) for step in dis.get_instructions(code) if step.opname in _READING}
    named = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = _names_in(constant)
            read, named = read | inner[0], named | inner[1]
    return read, named


_READING = ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME")


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _equal(a: Any, b: Any) -> bool:
    """Tell whether two numbers or texts are the same; other things are only the same as themselves."""
    alike = type(a) is type(b) and isinstance(a, float | int | str | bytes | np.generic)
    return alike and bool(a == b or (a != a and b != b))


def _state(array: Any) -> bytes:
    """Return the entries, or about a thousand of them."""
    if array.nbytes > WHOLE and array.dtype != object:
        flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
        array = flat[:: array.size // 1000]
    state: bytes = array.tobytes()
    return state
