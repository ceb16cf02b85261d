"""What the text of a program names beside NumPy, written out: constants, and functions with all that they use."""

import ast
import builtins
import copy
import inspect
import linecache
import math
import re
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any, cast

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.op import Op, is_numpy_function
from tinygrad_ed.ops.numpy.protocols import called
from tinygrad_ed.tape.text import Names

_IMPORTS = {"collections": "import collections", "math": "import math", "np": "import numpy as np"}


def module_text(program: str, names: Names) -> str:
    """Return the text of a program with what it needs above it: imports, constants, functions.

    Raises:
        InvalidValue: if one of the names stands for what no text of Python says.
    """
    found: dict[str, str] = {}
    while len(found) < len(names):  # functions name others
        for name in list(names)[len(found) :]:
            found[name] = _definition(name, names[name], names)
    code = "\n".join([*found.values(), program])
    imports = [line for word, line in _IMPORTS.items() if re.search(rf"\b{word}\.", code)]
    imports += [text for text in found.values() if text.startswith(("import ", "from "))]
    functions = [text for text in found.values() if text.startswith("def ")]
    constants = [text for text in found.values() if text not in {*functions, *imports}]
    above = "\n\n".join(["\n".join(lines) for lines in (imports, constants) if lines])
    return "\n\n\n".join([*([above] if above else []), *functions, program])


def _definition(name: str, thing: Any, names: Names) -> str:
    """Return what gives the name its meaning."""
    thing = thing.forward if isinstance(thing, Op) else thing
    if isinstance(thing, FunctionType):
        return _function_text(name, thing, names)
    if isinstance(thing, ModuleType) and thing.__name__.partition(".")[0] != "tinygrad_ed":
        return f"import {thing.__name__} as {name}"
    if isinstance(thing, type) and hasattr(thing, "_fields"):
        return f"{name} = collections.namedtuple({thing.__name__!r}, {thing._fields!r})"
    home, _, word = called(thing).rpartition(".") if is_numpy_function(thing) else ("", "", "")
    if home:
        return f"from {home} import {word} as {name}".replace("from np", "from numpy")
    return f"{name} = {_constant_text(thing)}"


def _constant_text(x: Any) -> str:
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fiub":
        dtype = f"np.{x.dtype.name}" if x.dtype.isnative else f"np.dtype({x.dtype.str!r})"
        text = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(x.tolist()))
        if isinstance(x, np.generic):
            return f"{dtype}({text})"
        return f"np.array({text}, dtype={dtype})" if x.size else f"np.zeros({x.shape}, dtype={dtype})"
    if isinstance(x, np.dtype):
        return f"np.dtype({x.str!r})"
    for kind in (int, float, str):
        if isinstance(x, kind):  # made of one, as an IntEnum is
            return Names().text(kind(x))
    if isinstance(x, range) or vars(builtins).get(getattr(x, "__name__", "")) is x:
        return str(getattr(x, "__name__", x))
    try:
        ast.literal_eval(repr(x))
    except (SyntaxError, ValueError):
        raise _no_text(x) from None
    return repr(x)


def _no_text(x: Any) -> InvalidValue:
    return InvalidValue(
        f"source() is to run with NumPy alone, and has no text for {x!r}: give numbers, arrays, and functions that are "
        "written in a file with `def` or `lambda` and call NumPy, math and other such functions only. (The compiled "
        "function itself runs.)"
    )


def _function_text(name: str, fn: FunctionType, names: Names) -> str:
    """Write the function as a `def` of that name, without types and decorators; name what it uses from outside, too."""

    def expression(x: Any) -> ast.expr:
        if isinstance(x, ModuleType):
            text = "np" if x is np else "math" if x is math else names.of(x, x.__name__.rpartition(".")[2])
        else:
            text = name if x is fn else names.text(x)
        return ast.parse(text, mode="eval").body

    node = _node_of(fn)
    made = cast(ast.FunctionDef, ast.parse(f"def {name}(): pass").body[0])
    made.args, made.body = node.args, [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
    made.args.defaults = [expression(x) for x in fn.__defaults__ or ()]
    if ast.get_docstring(made) is not None:
        del made.body[0]
    inside = list(ast.walk(made))
    if any([isinstance(x, ast.Global | ast.Nonlocal) for x in inside]):  # it remembers its calls
        raise _no_text(fn)
    own = {x.arg for x in inside if isinstance(x, ast.arg)}
    own |= {x.id for x in inside if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
    outer = {**fn.__globals__, **inspect.getclosurevars(fn).nonlocals}
    alone = _Alone({word: x for word, x in outer.items() if word not in own}, expression)
    return ast.unparse(ast.fix_missing_locations(alone.visit(made)))


def _node_of(fn: FunctionType) -> ast.FunctionDef | ast.Lambda:
    """Return the function in the text of its file."""
    code, known = fn.__code__, _functions_in("".join(linecache.getlines(fn.__code__.co_filename, fn.__globals__)))
    found = list(known.get((code.co_name, code.co_firstlineno), ()))
    if len(found) > 1:  # on one line: the one that stands where its code says
        columns = [x for _, _, left, right in code.co_positions() if left is not None and right for x in (left, right)]
        ends = [min(columns, default=0), max(columns, default=0)]
        found = [x for x in found if isinstance(x, ast.Lambda) and [x.body.col_offset, x.body.end_col_offset] == ends]
    if len(found) != 1:
        raise _no_text(fn)
    return copy.deepcopy(found[0])


@lru_cache(64)  # parsing a file takes a hundred times as long as all the rest
def _functions_in(text: str) -> dict[tuple[str, int], list[ast.FunctionDef | ast.Lambda]]:
    """Return the functions of a file by their names and first lines."""
    known: dict[tuple[str, int], list[ast.FunctionDef | ast.Lambda]] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            name, above = (node.name, node.decorator_list) if isinstance(node, ast.FunctionDef) else ("<lambda>", [])
            known.setdefault((name, min([node.lineno, *[x.lineno for x in above]])), []).append(node)
    return known


class _Alone(ast.NodeTransformer):
    """Puts what a name means in place of the name, and takes types away."""

    def __init__(self, outer: dict[str, Any], expression: Callable[[Any], ast.expr]) -> None:
        self._outer, self._expression = outer, expression

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._expression(self._outer[node.id]) if node.id in self._outer else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return self.visit(ast.Assign([node.target], node.value)) if node.value else None
