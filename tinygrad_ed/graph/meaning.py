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


def meaning(op: Any) -> str:
    """Return a text that is the same in every process where the op has the same code; none for one of the package.

    >>> from tinygrad_ed.graph.op import Op
    >>> square = Op("square", lambda x: x * x, (lambda g, y, x: 2 * g * x,))
    >>> again = Op("square", lambda x: x * x, (lambda g, y, x: 2 * g * x,))
    >>> fives = Op("square", lambda x: x * x, (lambda g, y, x: 5 * g,))
    >>> meaning(square) == meaning(again), meaning(square) == meaning(fives)
    (True, False)
    """
    if op.trusted is not None and op.rules is op.trusted[0]:
        return ""
    told = _told((op.forward, op.rules, op.broadcasts, op.variadic), set())
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _told(thing: Any, met: set[int]) -> str:
    """Return what a value is, whoever holds it; `met` are the functions and objects that were told before."""
    if isinstance(thing, tuple | list):
        return f"({', '.join([_told(part, met) for part in thing])})"
    if isinstance(thing, set | frozenset | dict):
        parts = thing.items() if isinstance(thing, dict) else thing
        return f"{{{', '.join(sorted([_told(part, met) for part in parts]))}}}"
    if isinstance(thing, np.ndarray):
        return f"{thing.dtype} {thing.shape} {hashlib.sha256(thing.tobytes()).hexdigest()}"
    if isinstance(thing, CodeType):
        return _told((thing.co_code.hex(), thing.co_names, thing.co_consts, thing.co_argcount, thing.co_flags), met)
    if thing is None or isinstance(thing, int | float | complex | str | bytes | np.generic):
        return repr(thing)
    name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', getattr(thing, '__name__', ''))}"
    if id(thing) in met or isinstance(thing, ModuleType):
        return name
    met.add(id(thing))
    if isinstance(thing, partial):
        return _told((thing.func, thing.args, thing.keywords), met)
    if isinstance(thing, MethodType):
        return _told((thing.__func__, thing.__self__), met)
    if isinstance(thing, FunctionType) and not _is_known(thing):
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        read = {name: thing.__globals__[name] for name in sorted(_names(thing.__code__)) if name in thing.__globals__}
        return _told((thing.__code__, thing.__defaults__, thing.__kwdefaults__, cells, read), met)
    if hasattr(thing, "forward") and hasattr(thing, "rules"):  # another op
        return f"op {thing.name} {meaning(thing)}"
    if isinstance(thing, type | FunctionType | BuiltinFunctionType | np.ufunc | type(np.sum)):
        return name
    return f"{type(thing).__module__}.{type(thing).__qualname__} {_told(getattr(thing, '__dict__', None), met)}"


def _is_known(function: FunctionType) -> bool:
    """Tell whether a name says it all: that of a function of Python, of this package, or of an installed one."""
    home = sys.modules.get(function.__module__ or "")
    if getattr(home, function.__qualname__, None) is not function:
        return False
    package = function.__module__.partition(".")[0]
    installed = "site-packages" in function.__code__.co_filename
    return installed or package == "tinygrad_ed" or package in sys.stdlib_module_names


def _names(code: CodeType) -> set[str]:
    """Return the names that a function reads, also in functions inside it."""
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)
