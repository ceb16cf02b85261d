"""What an op computes, as a short text: a pickled graph is refused where the op of that name is another one.

An op of the package is known by its name. Of a reader's own, what counts is the code of its forward function and its
rules, and whatever these read: constants, defaults, and what they find in closures and globals. Functions of
Python and of installed packages are known by their names.
"""

import hashlib
import sys
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_NAMED = (type, ModuleType, BuiltinFunctionType, np.ufunc, type(np.sum))  # their names say what they are


def meaning(op: Any) -> str:
    """Return a text that is the same in every process where the op has the same code; none for one of the package."""
    if op.trusted is not None and op.rules is op.trusted[0]:
        return ""
    told = _told((op.forward, op.rules, op.broadcasts, op.variadic), set())
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _told(thing: Any, met: set[int]) -> str:
    """Return what a value is, whoever holds it; `met` are the functions and objects that were told before."""
    if isinstance(thing, tuple | list | set | frozenset | dict):
        parts = [_told(part, met) for part in (thing.items() if isinstance(thing, dict) else thing)]
        return repr(parts if isinstance(thing, tuple | list) else sorted(parts))
    if isinstance(thing, np.ndarray):
        return f"{thing.dtype} {thing.shape} {thing.tobytes().hex()}"
    if isinstance(thing, CodeType):
        return _told((thing.co_code.hex(), thing.co_names, thing.co_consts, thing.co_argcount, thing.co_flags), met)
    if thing is None or isinstance(thing, int | float | complex | str | bytes | np.generic):
        return repr(thing)
    name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__name__', type(thing).__qualname__)}"
    if id(thing) in met or isinstance(thing, _NAMED):
        return name
    met.add(id(thing))
    if isinstance(thing, MethodType):
        return _told((thing.__func__, thing.__self__), met)
    if isinstance(thing, partial):
        return _told((thing.func, thing.args, thing.keywords), met)
    if isinstance(thing, FunctionType):
        code, world = thing.__code__, thing.__globals__
        home, package = sys.modules.get(thing.__module__), thing.__module__.partition(".")[0]
        known = "site-packages" in code.co_filename or package in {"tinygrad_ed", *sys.stdlib_module_names}
        if known and getattr(home, thing.__qualname__, None) is thing:
            return name
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        read = [world[word] for word in sorted(_names(code)) if word in world]
        return _told((code, thing.__defaults__, thing.__kwdefaults__, cells, read), met)
    if hasattr(thing, "forward") and hasattr(thing, "rules"):  # another op
        return f"op {thing.name} {meaning(thing)}"
    return f"{type(thing).__module__}.{type(thing).__qualname__} {_told(getattr(thing, '__dict__', None), met)}"


def _names(code: CodeType) -> set[str]:
    """Return the names that a function reads, also in functions inside it."""
    return set(code.co_names).union(*[_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)])
