"""The text of one call: `np.tanh(z)`, `a @ b`, `x[0]`. Every name is ours; what is no number goes in by name."""

import math
import operator
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_ed.graph.op import OPS, Op
from tinygrad_ed.ops.numpy.protocols import path
from tinygrad_ed.tape.record import RESERVED, free_name, is_ufunc
from tinygrad_ed.tape.traced import OPERATORS, Traced, converted

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "matmul": "@", "gt": ">", "ge": ">=", "lt": "<"}
_SIGNS |= {"le": "<=", "eq": "==", "ne": "!="}
_OF_NUMBERS = {"pow": "**", "floordiv": "//", "mod": "%", "and": "&", "or": "|", "xor": "^"}  # arrays go otherwise
INFIX: dict[Any, str] = {
    **{fn: f"{{}} {sign} {{}}" for name, sign in _SIGNS.items() for fn in OPERATORS[name]},
    **{OPERATORS[name][1]: f"{{}} {sign} {{}}" for name, sign in _OF_NUMBERS.items()},
    **dict.fromkeys(OPERATORS["neg"], "-{}"),
    **dict.fromkeys([operator.abs, abs], "abs({})"),
    operator.getitem: "{}[{}]",
    float: "float({})",
    bool: "bool({})",
}

OP_NAMES: dict[Any, str] = {fn: op.name for op in reversed(OPS.values()) for fn in (op.scalar, op.forward)}
"""The name of the op that a function computes, for arrays or for Python numbers."""


class Names(dict[str, Any]):
    """The things that a text names: constants, and functions that are not NumPy's; and what it calls traced values."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__()
        self.given: dict[Traced, str] = {}
        self._by_id: dict[int, str] = {}
        # Each name, and the last number that followed it.
        self._taken = dict.fromkeys([*RESERVED, *taken], 1)

    def new(self, base: str) -> str:
        """Return a name that the text does not have yet: the base, or that with a number."""
        base = free_name(re.sub(r"\W|^(?=\d)", "_", base))
        name, number = base, self._taken.get(base, 1)
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken[base], self._taken[name] = number, 1
        return name

    def of(self, thing: Any, prefix: str = "K") -> str:
        """Return the name of a thing, a new one if it has none yet."""
        if id(thing) not in self._by_id:
            name = self.new(prefix)
            self[name] = thing
            self._by_id[id(thing)] = name
        return self._by_id[id(thing)]

    def text(self, x: Any) -> str:
        """Return an argument as Python text; arrays and other things by name."""
        if type(x) is Traced:
            return self.given[x]
        if type(x) is float:
            text = repr(x) if math.isfinite(x) else f"np.{x}" if x > 0 or math.isnan(x) else "-np.inf"
            return f"({text})" if text[0] == "-" else text
        if x is None or x is Ellipsis or type(x) in (bool, int, str):  # not what is made of them, such as an IntEnum
            return f"({x!r})" if type(x) is int and x < 0 else repr(x)
        if type(x) is tuple:
            inner = [self.text(y) for y in x]
            return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
        if type(x) is list:
            return f"[{', '.join([self.text(y) for y in x])}]"
        if type(x) is slice:
            return f"slice({', '.join([self.text(y) for y in (x.start, x.stop, x.step)])})"
        if x is float:
            return "float"
        if isinstance(x, np.dtype) and x.kind in "fiub":
            return f"np.{x.name}" if x.kind != "b" else "bool"
        return function_text(x, self) if callable(x) else self.of(x)


def function_text(fn: Any, names: Names) -> str:
    """Tell how a function is called: `np.tanh`, `math.tanh`, `np.add.reduce`, or `sigmoid_of`, a name for it."""
    owner = getattr(fn, "__self__", None)
    name = str(getattr(fn, "__name__", ""))
    if isinstance(fn, np.ufunc) and _offers(np, name, fn):
        return f"np.{name}"
    if isinstance(owner, np.ufunc):
        return f"np.{owner.__name__}.{name}"
    if _offers(math, name, fn):
        return f"math.{name}"
    if isinstance(fn, Op):
        return names.of(fn, f"{fn.name}_of")
    if str(getattr(fn, "__module__", "")).partition(".")[0] == "numpy" and callable(fn):
        return f"np.{path(fn)}"
    return names.of(fn, f"{OP_NAMES.get(fn, name.strip('_<>'))}_of")


def _offers(module: Any, name: str, fn: Any) -> bool:
    return getattr(module, name, None) is fn


def call_text(step: Traced, names: Names) -> str:
    """Return the call of a step as a Python expression."""
    given = {key: x for key, x in (step.kwargs or {}).items() if x is not None}
    if step.fn in INFIX and len(step.args) == INFIX[step.fn].count("{}") and not given:
        return INFIX[step.fn].format(*[names.text(x) for x in step.args])
    source = step.args[0] if step.args else None
    if type(source) is Traced and isinstance(source.value, np.ndarray):  # methods are quicker than functions
        name = names.text(source)
        if step.fn is np.swapaxes and sorted(step.args[1:]) == [-2, -1]:
            return f"{name}.{'T' if source.ndim == 2 else 'mT'}"
        if step.fn is np.transpose and not given and len(step.args) == 1:
            return f"{name}.T"
        if step.fn is np.reshape and len(step.args) == 2 and not given:
            return f"{name}.reshape({names.text(step.args[1])})"
        if step.fn is np.ravel and len(step.args) == 1 and not given:
            return f"{name}.reshape(-1)"
    if step.fn is converted:  # a cast has its dtype as keyword; a number has no such method
        given_as = "{}" if isinstance(step.args[0].value, np.ndarray) else "np.asarray({})"
        return f"{given_as.format(names.text(step.args[0]))}.astype({names.text(given['dtype'])})"
    parts = [names.text(x) for x in step.args] + [f"{key}={names.text(x)}" for key, x in (step.kwargs or {}).items()]
    return f"{function_text(step.fn, names)}({', '.join(parts)})"


def errstate_text(errors: dict[str, str]) -> str:
    """Return the head of the context in which a step was recorded."""
    return f"with np.errstate({', '.join([f'{key}={how!r}' for key, how in errors.items()])}):"


def was_made_a_float(step: Traced) -> bool:
    """Tell whether a number of NumPy's became a Python float, as where an op gave it."""
    fn, source = step.fn, step.args[0] if step.args else None
    if type(step.value) is not float or (type(source) is Traced and type(source.value) is list):
        return False
    if fn is operator.getitem or is_ufunc(fn):
        return True
    return not isinstance(fn, Op) and str(getattr(fn, "__module__", "")).startswith("numpy")


def unpacked(label: str, home: str, tree: Any, names: Names, other: str = "") -> list[str]:
    """Return lines that bind the entries of an argument; with `other`, they answer that if it is of another kind."""
    lines = [f"if {_is_other(home, tree, names)}: return {other}"] if other else []
    nested = isinstance(tree, dict | list | tuple)
    for key in tree if isinstance(tree, dict) else range(len(tree)) if nested else ():
        branch, inner = tree[key], f"{label}_{key}"
        if other or isinstance(branch, Traced | dict | list | tuple):
            name = names.given[branch] if type(branch) is Traced else names.new(inner)
            lines.append(f"{name} = {home}[{names.text(key)}]")
            lines += unpacked(inner, name, branch, names, other)
    return lines


def _is_other(name: str, tree: Any, names: Names) -> str:
    """Return the question whether a value is of another kind than that of the recording."""
    kind = type(tree._value if type(tree) is Traced else tree)
    text = kind.__name__ if kind in (list, tuple, dict, float, int, bool, str) else names.of(kind)
    if kind is np.ndarray:
        shape, dtype = names.of(tree.shape, "S"), names.of(tree.dtype, "D")
        return f"type({name}) is not {text} or {name}.shape != {shape} or {name}.dtype != {dtype}"
    if type(tree) is Traced:
        return f"type({name}) is not {text}"
    if kind is dict:
        return f"type({name}) is not dict or tuple({name}) != {names.of(tuple(tree))}"
    if isinstance(tree, list | tuple):
        return f"type({name}) is not {text} or len({name}) != {len(tree)}"
    return f"type({name}) is not {text} or {name} != {names.of(tree)}"


def nested_text(tree: Any, entries: Iterator[str], names: Names) -> str:
    """Return the text that builds the nesting of a result around its entries."""
    if isinstance(tree, dict):
        return f"{{{', '.join([f'{names.text(k)}: {nested_text(v, entries, names)}' for k, v in tree.items()])}}}"
    if isinstance(tree, list | tuple):
        inner = ", ".join([nested_text(branch, entries, names) for branch in tree])
        if hasattr(tree, "_fields"):
            return f"{names.of(type(tree))}({inner})"
        return f"[{inner}]" if type(tree) is list else f"({inner}{',' if len(tree) == 1 else ''})"
    return next(entries)
