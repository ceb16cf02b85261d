"""What JavaScript says of flat arrays: sizes for any number of samples, loops, and ways to look at an array."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.tape.text import Names

FOLDS = {"add": ("0", "{} + {}"), "multiply": ("1", "{} * {}"), "maximum": ("-Infinity", "Math.max({}, {})")}
FOLDS |= {"minimum": ("Infinity", "Math.min({}, {})"), "logical_or": ("0", "{} || {}")}
FOLDS |= {"logical_and": ("1", "{} && {}")}
"""Where a fold begins, and what it does with the total and the next entry."""

_RESERVED = """arguments await break case catch const continue debugger default delete do else enum eval export extends
false finally function if implements import in instanceof interface let new null package private protected public return
static super switch this throw true try typeof undefined var void while with yield NaN Infinity Math Number Boolean
Error Float64Array Float32Array Uint8Array i j k l n total M"""
_INDICES = "ijkln"
_ONE_LOOP = ["i"]  # the index where all arrays are read in the order in which they lie
Size = tuple[int, int]  # in both programs


class View(NamedTuple):
    """How to read an array: entry (i, j, ...) lies in the flat array `name` at offset + i strides[0] + j strides[1] ...

    Of a `number` the name is its text, whatever the place; without a name, the place itself is the entry. What has an
    `inner` is no array: its entries are computed where they are read, from those of other views.
    """

    name: str
    shape: tuple[Size, ...]
    strides: tuple[Size, ...]
    offset: Size = (0, 0)
    dtype: Any = np.dtype(float)
    number: bool = False
    inner: "tuple[str, tuple[View, ...]] | None" = None


def whole(name: str, shape: Sequence[Size], dtype: Any) -> View:
    """Return the view of a flat array from its beginning to its end; of no axes, of a number."""
    strides = [tuple([math.prod([size[k] for size in shape[i + 1 :]]) for k in (0, 1)]) for i in range(len(shape))]
    return View(name, tuple(shape), tuple(strides), (0, 0), dtype, not shape)  # type: ignore[arg-type]  # pairs


class OtherProgram(Exception):
    """Both programs differ in more than the size of the batch (never leaves the package)."""


class Lines:
    """The lines of a function so far, for two programs of different numbers of samples, `sizes`."""

    def __init__(self, sizes: Size, rounding: float) -> None:
        self.sizes, self.rounding = sizes, rounding
        self.lines: list[str] = []
        self.made: list[View] = []  # the arrays of its own, which may be handed out
        self.names = Names(_RESERVED.split())

    def size(self, size: Size) -> str:
        """Return a size as text: a number, or what it is for M samples."""
        (a, b), (m, n) = size, self.sizes
        if a == b:
            return str(a)
        for power, unit in ((1, "M"), (2, "M * M")):
            k = a // m**power
            if (k * m**power, k * n**power) == (a, b):
                return unit if k == 1 else f"{k} * {unit}"
        k = (b - a) // (n - m)
        c = a - k * m
        if k < 1 or k * n + c != b:
            raise OtherProgram
        return f"({'M' if k == 1 else f'{k} * M'} {'+' if c > 0 else '-'} {abs(c)})"

    def count(self, shape: Sequence[Size]) -> str:
        """Return how many entries there are."""
        return self.size((math.prod([a for a, _ in shape]), math.prod([b for _, b in shape])))

    def literal(self, a: Any, b: Any) -> str:
        """Return a constant number as text."""
        if isinstance(a, bool | np.bool_):
            return str(int(a))
        if isinstance(a, int | np.integer):
            text = self.size((int(a), int(b)))
            return f"({text})" if not text.isalnum() and text[0] != "(" else text
        a, b, (m, n) = float(a), float(b), self.sizes
        if a == b or a != a:
            text = "NaN" if a != a else repr(a).replace("inf", "Infinity").removesuffix(".0")
            return f"({text})" if text[0] == "-" else text
        for power, text in ((-1, "/ M"), (-2, "/ (M * M)"), (1, "* M")):
            k = a / float(m) ** power
            short = float(f"{k:.6g}")
            k = short if abs(short - k) <= 4 * self.rounding * abs(k) else k
            if abs(k * float(n) ** power - b) <= 8 * self.rounding * abs(b):
                return f"({repr(k).removesuffix('.0')} {text})" if (k, power) != (1.0, 1) else "M"
        raise OtherProgram

    def constant(self, x: Any, y: Any) -> View:
        """Return how to read an operand: a traced value, a number, or a constant array."""
        a, b = np.asarray(x), np.asarray(y)
        if a.dtype.kind not in "fiub" or a.ndim != b.ndim:
            raise OtherProgram
        shape = pairs(a.shape, b.shape)
        if a.size and (a == a.flat[0]).all():
            return View(self.literal(a.flat[0], b.flat[0]), shape, ((0, 0),) * a.ndim, dtype=a.dtype, number=True)
        if a.ndim == 1 and all([np.array_equal(c, np.arange(len(c))) for c in (a, b)]):
            return View("", shape, ((1, 1),), dtype=a.dtype)
        if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            raise OtherProgram
        name = self.names.new("constant")
        entries = ", ".join([self.literal(k, k).strip("()") for k in a.flat])
        self.lines.append(f"const {name} = {_array(a.dtype)}.of({entries});")
        return whole(name, shape, a.dtype)

    def entry(self, view: View, where: Sequence[str]) -> str:
        """Return the text of the entry at these indices of a result, to whose shape the view is repeated."""
        if view.number:
            return view.name
        if view.inner:
            return f"({view.inner[0].format(*[self.entry(v, where) for v in view.inner[1]])})"
        if where is _ONE_LOOP:
            return f"{view.name}[i]"
        parts = [
            index if stride == (1, 1) else f"{index} * {self.size(stride)}"
            for index, stride, size in zip(where[len(where) - len(view.shape) :], view.strides, view.shape, strict=True)
            if stride != (0, 0) and size != (1, 1)
        ]
        parts += [self.size(view.offset)] if view.offset != (0, 0) else []
        return f"{view.name}[{' + '.join(parts) or '0'}]" if view.name else " + ".join(parts) or "0"

    def moved(self, view: View, change: Callable[[Any, int], Any]) -> View | None:
        """Return how to read an array after its entries have been moved; None, if strides cannot say it."""
        found = []
        for k in (0, 1):
            strides, shape = [s[k] for s in view.strides], [s[k] for s in view.shape]
            places = np.asarray(change(_places(view.offset[k], strides, shape), k))
            first = int(places.flat[0]) if places.size else 0
            axes = enumerate(places.shape if places.size else ())
            strides = [int(np.take(places, min(1, n - 1), i).flat[0]) - first for i, n in axes] or [0] * places.ndim
            if not np.array_equal(places, _places(first, strides, places.shape)):
                return None
            found.append((places.shape, strides, first))
        (a, s, first), (b, t, second) = found
        return view._replace(shape=pairs(a, b), strides=pairs(s, t), offset=(first, second))

    # Lines

    def loops(self, shape: Sequence[Size], where: Sequence[str], *inner: str) -> list[str]:
        """Return lines in loops; an axis of one entry needs none."""
        sizes = [(i, self.size(size)) for size, i in zip(shape, where, strict=True) if i != "0"]
        heads = [f"for (let {i} = 0; {i} < {size}; {i}++)" for i, size in sizes]
        if len(inner) == 1 and len(line := " ".join([*heads, *inner])) < 116:
            return [line]
        return [" ".join([*heads, "{"]), *[f"  {line}" for line in inner], "}"]

    def new(self, made: View) -> None:
        """Write a new array of zeros."""
        self.made.append(made)
        self.lines.append(f"const {made.name} = new {_array(made.dtype)}({self.count(made.shape)});")

    def fill(self, made: View, text: str, operands: Sequence[View]) -> None:
        """Write what is computed entry by entry."""
        in_order = bool(operands) and all([_in_order(v, made.shape) for v in operands])
        where = _ONE_LOOP if in_order else at(made.shape)
        value = text.format(*[self.entry(v, where) for v in operands])
        if made.number:
            value = f"Math.fround({value})" if made.dtype == np.float32 else value
            self.lines.append(f"const {made.name} = {value};")
            return
        self.new(made)
        if in_order:
            self.lines.append(f"for (let i = 0; i < {made.name}.length; i++) {made.name}[i] = {value};")
        else:
            self.lines += self.loops(made.shape, where, f"{self.entry(made, where)} = {value};")

    def fold(self, made: View, fold: str, text: str, operands: Sequence[View], axes: Sequence[int]) -> None:
        """Write the fold of what is computed entry by entry, along some axes."""
        sizes = zip(*[v.shape for v in operands], strict=True)
        shape = [next((size for size in each if size != (1, 1)), (1, 1)) for each in sizes]
        where = at(shape)
        start, both = FOLDS["add" if fold == "mean" else fold]
        count = self.count([shape[i] for i in axes])
        total = made.name if made.number else "total"
        step = f"{total} = {both.format(total, text.format(*[self.entry(v, where) for v in operands]))};"
        inner = self.loops([shape[i] for i in axes], [where[i] for i in axes], step)
        mean = f" / ({count})" if fold == "mean" else ""
        if made.number:
            self.lines += [f"let {total} = {start};", *inner, *([f"{total} = {total}{mean};"] if mean else [])]
            return
        self.new(made)
        rest = [i for i in range(len(shape)) if i not in axes]
        kept = [[1 if i in axes else size[k] for i, size in enumerate(shape)] for k in (0, 1)]
        target = self.moved(made, lambda places, k: places.reshape(kept[k]))
        assert target is not None  # noqa: S101  # a whole array can have any shape
        last = f"{self.entry(target, where)} = total{mean};"
        outer = [shape[i] for i in rest], [where[i] for i in rest]
        self.lines += self.loops(*outer, f"let total = {start};", *inner, last)

    def flat(self, view: View, afresh: bool = False) -> View:
        """Return a whole array with these entries: itself, or a copy."""
        if not view.shape or (not afresh and view == whole(view.name, view.shape, view.dtype) and view.name):
            return view
        copy = whole(self.names.new("copy"), view.shape, view.dtype)
        self.fill(copy, "{}", [view])
        return copy


def pairs(a: Sequence[int], b: Sequence[int]) -> tuple[Size, ...]:
    """Return sizes of both programs in pairs."""
    if len(a) != len(b):
        raise OtherProgram
    return tuple(zip(map(int, a), map(int, b), strict=True))


def _places(first: int, strides: Sequence[int], shape: Sequence[int]) -> Any:
    """Return where each entry of an array lies."""
    grids = np.indices(shape)
    return sum([s * grid for s, grid in zip(strides, grids, strict=True)], np.full(shape, first))


def _in_order(view: View, shape: Sequence[Size]) -> bool:
    """Tell whether entry after entry of a result needs entry after entry of the view."""
    if view.inner:
        return all([_in_order(v, shape) for v in view.inner[1]])
    return view.number or view == whole(view.name, shape, view.dtype)


def at(shape: Sequence[Size]) -> list[str]:
    """Return the index of each axis: a letter; 0 if there is one entry only."""
    return ["0" if size == (1, 1) else i for size, i in zip(shape, _INDICES, strict=False)]


def _array(dtype: Any) -> str:
    """Return the kind of flat array that holds this dtype; whole numbers are kept as floats."""
    return {"f4": "Float32Array", "b1": "Uint8Array"}.get(dtype.str[1:], "Float64Array")
