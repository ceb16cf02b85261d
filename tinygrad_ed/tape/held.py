"""What a function holds outside of its arguments, and whether that has changed.

Before each call every place is looked up again: closures, globals and defaults; entries of dicts, lists and tuples;
attributes of objects (slots, too), classes and modules, as far as the function and what it calls name them; the values
of Nodes; the entries of small arrays. What this does not see, the cross-check finds later (`verify.py`).
"""

import dis
import os
import sys
import types
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType
from tinygrad_ed.graph.nested import name_of
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.op import Op, edits

WHOLE = 16_384  # arrays up to so many bytes are compared: all their entries
MOST = 2_000  # so many places are looked at, at most

_NUMBERS = (np.generic, float, int, str, bytes, type(None))
_NOTHING_INSIDE = (types.BuiltinFunctionType, np.ufunc, Op, *_NUMBERS)  # `edits` tells of an op with other rules
_STANDARD = str(Path(os.__file__).parent)
_COMPARED = (types.MethodType, *_NUMBERS)
_MADE_BY = ("__init__", "__new__")  # which an object has behind it
_RUNNING = (types.FunctionType, property, staticmethod, classmethod)
_READING = ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME")
_GONE = object()


class Held:
    """The places that a function reads from, with what is there.

    Attributes:
        places: for each place how it is read, what was there, and its name.
        outside: the ids of the arrays that were found, and of those that they are views of.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self._names: set[str] = set()
        known = -1
        while known < len(self._names):  # of an object only what functions name counts, and they are found on the way
            known = len(self._names)
            self.places: list[tuple[Callable[[], Any], Any, str]] = [(partial(edits.__getitem__, 0), edits[0], "")]
            self._kept: dict[int, Any] = {}  # what was looked at; kept, so that no other object gets its id
            try:
                self._look_at(f, getattr(f, "__name__", "f"))
            except RecursionError:
                raise InvalidType(
                    f"what {name_of(f)} reads from outside is nested too deep to be compared at each call; give it as "
                    "an argument, or as an array"
                ) from None
        arrays = [x for x in self._kept.values() if isinstance(x, np.ndarray)]
        self.outside = frozenset([id(x) for array in arrays for x in (array, array.base) if x is not None])

    def add_nodes(self, nodes: dict[Node, int]) -> None:
        """Look at Nodes that the recording met, too."""
        for node in nodes:
            self._look_at(node, node.name or "")

    def changed(self) -> str | None:
        """Say what has changed, if anything."""
        for read, was, words in self.places:
            now = read()
            if now is not was and not _equal(now, was):
                return _said(words, now, was)
        return None

    def _look_at(self, thing: Any, words: str) -> None:
        """Go through what can be reached from a thing."""
        if isinstance(thing, _NOTHING_INSIDE) or id(thing) in self._kept or len(self.places) > MOST:
            return
        self._kept[id(thing)] = thing
        if isinstance(thing, Node):
            self.places.append((partial(getattr, thing, "id"), thing.id, f"the Node {words}".strip()))
        elif isinstance(thing, np.ndarray):
            if thing.nbytes <= WHOLE and thing.dtype != object:
                self.places.append((thing.tobytes, thing.tobytes(), f"the array {words}"))
        elif isinstance(thing, types.FunctionType):
            self._look_into_function(thing, words)
        elif isinstance(thing, types.MethodType):
            self._look_at(thing.__self__, words)
            self._look_at(thing.__func__, words)
        elif isinstance(thing, partial):
            self._look_into_container((thing.func, thing.args, thing.keywords), words)
        elif isinstance(thing, dict | list | tuple):
            self._look_into_container(thing, words)
        elif type(thing).__module__ == "tinygrad_ed.tape.compiled":  # a compiled function inside this one
            self._look_at(thing.__wrapped__, words)
        elif not isinstance(thing, types.ModuleType) or not _is_known(thing.__name__):
            self._look_into_attributes(thing, words)

    def _look_into_container(self, thing: Any, words: str) -> None:
        keys = thing if isinstance(thing, dict) else range(len(thing))
        if isinstance(thing, tuple):  # which stays as it is
            for key in keys:
                self._look_at(thing[key], f"{words}[{key!r}]")
            return
        self.places.append((thing.__len__, len(thing), f"the length of {words}"))
        for key in keys:
            self._place(partial(_entry, thing, key), f"{words}[{key!r}]")

    def _look_into_attributes(self, thing: Any, words: str) -> None:
        """Go through what an object, a class or a module has under the names that functions use."""
        kind = thing if isinstance(thing, type) else type(thing)
        found: dict[str, Any] = {}
        for home in reversed(kind.__mro__):
            known = _is_known(home.__module__)  # of these, functions alone, for what they name
            found |= {name: x for name, x in vars(home).items() if not known or isinstance(x, _RUNNING)}
        found.update(getattr(thing, "__dict__", {}))
        for name, static in found.items():
            function = static.fget if isinstance(static, property) else getattr(static, "__func__", static)
            runs = isinstance(function, types.FunctionType)
            if (
                name in self._names
                and name[:2] != "__"
                and not (runs and (isinstance(static, property) or _is_known(function.__module__)))
            ):
                self._place(partial(getattr, thing, name, _GONE), f"{words}.{name}")
            elif runs and (name in self._names or name[:2] == "__") and (kind is thing or name not in _MADE_BY):
                self._look_at(function, f"{words}.{name}")

    def _look_into_function(self, f: types.FunctionType, words: str) -> None:
        read, named = _names_in(f.__code__)
        self._names |= named
        self._look_into_container((f.__defaults__, f.__kwdefaults__), f"the defaults of {words}")
        ours = _is_known(f.__globals__.get("__name__", ""))
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            if ours:
                self._look_at(_content(cell), name)
            else:
                self._place(partial(_content, cell), name)
        for name in () if ours else read:
            if name in f.__globals__:
                self._place(partial(f.__globals__.get, name, _GONE), name)
            elif name in sys.modules:  # imported inside of the function
                self._look_at(sys.modules[name], name)

    def _place(self, read: Callable[[], Any], words: str) -> None:
        thing = read()
        if not isinstance(thing, types.ModuleType):
            self.places.append((read, thing, words))
        self._look_at(thing, words)


def _entry(home: Any, key: Any) -> Any:
    try:
        return home[key]
    except (KeyError, IndexError):
        return _GONE


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return _GONE


def _equal(a: Any, b: Any) -> bool:
    """Tell whether two numbers or texts are the same; other things are only the same as themselves."""
    return type(a) is type(b) and isinstance(a, _COMPARED) and bool(a == b or (a != a and b != b))


def _said(words: str, now: Any, was: Any) -> str:
    """Say what has changed."""
    if not words:
        return "the derivative rules of the ops"
    if words.startswith(("the Node", "the array")):
        return f"{words} ({'it has another value' if words[4] == 'N' else 'its entries have changed'})"
    if isinstance(was, int | float | str) and isinstance(now, int | float | str):
        return f"{words} (it was {was!r} and is {now!r})"
    return f"{words} (it is {'gone' if now is _GONE else 'new' if was is _GONE else f'another {type(now).__name__}'})"


def _is_known(module: str) -> bool:
    """Tell whether a module is ours, NumPy's or Python's, which stay as they are; a reader's `code.py` is none."""
    package = str(module).partition(".")[0]  # a function that was made by exec has none
    if package in ("tinygrad_ed", "numpy"):
        return True
    file = getattr(sys.modules.get(package), "__file__", None)
    return package in sys.stdlib_module_names and (file is None or file.startswith(_STANDARD))


@lru_cache(4096)  # taking code apart is most of the work: 0.09 s a function without this, 0.004 s with it
def _names_in(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Return the names that a function reads or imports, and all that it names, attributes among them."""
    read = {str(step.argval) for step in dis.get_instructions(code) if step.opname in _READING}
    named = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = _names_in(constant)
            read, named = read | inner[0], named | inner[1]
    return read, named
