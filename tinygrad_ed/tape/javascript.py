"""A recorded program as one JavaScript function over flat arrays of numbers, with nothing but `Math` around it.

The size of the batch is an argument of it. To find out where it stands in the program, the function is recorded for two
sizes, 11 samples and 13 say: what differs between both programs, a shape or the 1/M of a mean, is written with M.
A step that only looks at an array in another way (`x.T`, `x[0]`, a repetition) takes no line: it is another index.
"""

import json
import math
import operator
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.errors import Error, InvalidValue
from tinygrad_ed.graph.nested import leaves, name_of, rebuilt
from tinygrad_ed.graph.op import OPS
from tinygrad_ed.tape.flat import FOLDS, Lines, OtherProgram, Size, View, at, pairs, whole
from tinygrad_ed.tape.record import ON_NUMBERS, Recording
from tinygrad_ed.tape.simplify import Program
from tinygrad_ed.tape.traced import Traced, converted, operands, plain_tree, traced_in

_ROWS = """add {} + {}; subtract {} - {}; multiply {} * {}; divide {} / {}; negative -{}; positive {}; power {} ** {};
greater {} > {}; greater_equal {} >= {}; less {} < {}; less_equal {} <= {}; equal {} == {}; not_equal {} != {};
maximum Math.max({}, {}); minimum Math.min({}, {}); absolute Math.abs({}); sign Math.sign({}); square {0} * {0};
reciprocal 1 / {}; root Math.sqrt({}); where {} ? {} : {}; isfinite Number.isFinite({}); isnan Number.isNaN({});
float +{}; astype +{};
bitwise_and {} & {}; bitwise_or {} | {}; logical_and {} && {}; logical_or {} || {}; logical_not !{}; invert !{};
deg2rad {} * (Math.PI / 180); rad2deg {} * (180 / Math.PI); exp2 2 ** {}; relu Math.max({}, 0); identity {};
arcsin Math.asin({}); arccos Math.acos({}); arctan Math.atan({}); arctan2 Math.atan2({}, {}); hypot Math.hypot({}, {});
arcsinh Math.asinh({}); arccosh Math.acosh({}); arctanh Math.atanh({}); floor Math.floor({}); ceil Math.ceil({});
logaddexp Math.max({0}, {1}) + Math.log1p(Math.exp(-Math.abs({0} - {1}))); over {1} == 0 ? 0 : {0} / {1};
sigmoid {0} >= 0 ? 1 / (1 + Math.exp(-{0})) : Math.exp({0}) / (1 + Math.exp({0}));
softplus Math.max({0}, 0) + Math.log1p(Math.exp(-Math.abs({0}))); fmod {} % {}; trunc Math.trunc({});
remainder {0} % {1} && {0} % {1} < 0 != {1} < 0 ? {0} % {1} + {1} : {0} % {1};
floor_divide {1} == 0 ? {0} / {1} : Math.round(({0} - {0} % {1}) / {1}) - ({0} % {1} && {0} % {1} < 0 != {1} < 0)"""
ENTRYWISE: dict[str, str] = dict([row.split(maxsplit=1) for row in _ROWS.split(";")])
_ALIKE = "exp expm1 log log1p log2 log10 sqrt cbrt sin cos tan sinh cosh tanh"
ENTRYWISE |= {name: f"Math.{name}({{}})" for name in _ALIKE.split()}
"""What is done entry by entry, by the name of the ufunc or op."""

_MOVES = "reshape ravel transpose swapaxes moveaxis squeeze expand_dims broadcast_to atleast_1d atleast_2d flip"
MOVES: frozenset[Any] = frozenset([*[getattr(np, name) for name in _MOVES.split()], ops.broadcast_to, operator.getitem])

_OF_OPS = {fn: op.name for op in reversed(OPS.values()) for fn in (op.scalar, op.forward, op) if fn is not None}
_SIZES = ((11, 13), (17, 19), (23, 29))


def javascript(
    f: Callable[..., Any], args: Sequence[Any], keywords: dict[str, Any], samples: set[int] | None = None
) -> str:
    """Return `f` as a JavaScript function, from what it does with these arguments; see `Compiled.javascript`.

    `samples` tells which entries of the arguments have a row for each sample.
    """
    for batch in _batches(leaves([list(args), keywords])) if samples is None else [samples]:
        for sizes in _SIZES if batch else ((1, 1),):
            try:
                programs = [_recorded(f, args, keywords, batch, size) for size in sizes]
            except (Error, ValueError, TypeError, IndexError):
                if not batch:
                    raise
                break  # not all of these are the samples
            try:
                return _Writer(programs, sizes, name_of(f), bool(batch)).text()
            except OtherProgram:
                continue
    raise InvalidValue(f"{name_of(f)} does other things for other numbers of samples: no one program does them all")


def _batches(given: list[Any]) -> Iterator[set[int]]:
    """Yield which entries of the arguments may hold one row a sample: as many as possible first, and at last none."""
    arrays = [i for i, x in enumerate(given) if np.ndim(x) and np.size(x)]
    alike = [i for i in arrays if len(given[i]) == len(given[arrays[-1]])]
    for start in range(len(alike)):
        yield set(alike[start:])
    yield set()


class _Watched(Recording):
    """A recording without the questions that the package itself asks of data: no result needs their answers."""

    def decide(self, x: Traced) -> bool:
        """Answer a question, and forget it if it is one of ours."""
        outcome = super().decide(x)
        if str(sys._getframe(2).f_globals.get("__name__")).startswith("tinygrad_ed.nn"):
            self.decisions.pop()
        return outcome


def _recorded(f: Callable[..., Any], args: Sequence[Any], keywords: dict[str, Any], batch: set[int], size: int) -> Any:
    """Return the program for so many samples, and its recording."""
    given = leaves([list(args), keywords])
    entries = [np.resize(x, (size, *x.shape[1:])) if i in batch else x for i, x in enumerate(given)]
    args, keywords = rebuilt([list(args), keywords], iter(entries))
    recording = _Watched(f, tuple(args), keywords, lines=True)
    recording.decisions = [decision for decision in recording.decisions if isinstance(decision[1], bool)]
    return Program(recording, levels=False), recording


class _Writer(Lines):
    """Writes one function; `views` tells how to read each value."""

    def __init__(self, programs: Any, sizes: Size, name: str, batch: bool) -> None:
        (self.program, self.recording), (self.other, _) = programs
        super().__init__(sizes, self.program.precision)
        self.batch = batch
        self.name = self.names.new(name if name.isidentifier() else "program")
        self.views: dict[Traced, View] = {}
        self.readers: dict[Any, list[Any]] = {}  # None for what reads it outside

    def text(self) -> str:
        """Return the function."""
        if len(self.program.steps) != len(self.other.steps):
            raise OtherProgram
        for x, y in zip(self.program.inputs, self.other.inputs, strict=True):
            self.views[x] = whole(self.names.new(str(x.label)), pairs(x.shape, y.shape), x.dtype)
        for x in self.program.steps:
            for operand in operands(x):
                self.readers.setdefault(operand, []).append(x)
        for out in [*self.program.results, *[x for x, _, _ in self.program.decisions]]:
            self.readers.setdefault(out if isinstance(out, Traced) else None, []).append(None)
        back = False
        for x, y in zip(self.program.steps, self.other.steps, strict=True):
            if isinstance(x.label, Traced) and not back:
                back = True
                self.lines.append("// the derivative: from the result back")
            self._step(x, y)
        for x, outcome, line in self.program.decisions:
            said = json.dumps(f"recorded with another branch at {line.replace(chr(92), '/').rpartition('/')[2]}")
            test = f"Boolean({self.entry(self.views[x], ())}) !== {str(outcome).lower()}"
            self.lines.append(f"if ({test}) throw new Error({said});")
        both = zip(self.program.results, self.other.results, strict=True)
        views = [self._operand(x, y) for x, y in both]
        own = {made.name: self.count(made.shape) for made in self.made}
        results = iter([self.flat(v, own.get(v.name) != self.count(v.shape)).name for v in views])
        lines = [*self.lines, f"return {_nested(self.recording.output, results)};"]
        self.read = set(re.findall(r"\w+", " ".join(lines)))
        heads = [self._parameter(tree, start) for start, tree in self.program.arguments]
        given = [self.views[x] for x in self.program.inputs]
        of_samples = [v for v in given if v.shape[:1] == (self.sizes,) and v.name in self.read]
        if self.batch and not of_samples:
            heads += ["M"] * ("M" in self.read)
        elif self.batch:
            row = math.prod([n for n, _ in of_samples[-1].shape[1:]])
            heads.append(f"M = {of_samples[-1].name}.length{f' / {row}' if row > 1 else ''}")
        inner = "".join([f"  {line}\n" for line in lines])
        return f"function {self.name}({', '.join(heads)}) {{\n{inner}}}"

    def _parameter(self, tree: Any, start: str) -> str:
        """Return the parameter for one argument: a name, or a pattern that takes lists and dicts apart."""
        if isinstance(tree, dict):
            parts = [(json.dumps(str(key)), self._parameter(branch, start)) for key, branch in tree.items()]
            read = [(key, part) for key, part in parts if self.read & set(re.findall(r"\w+", part))]
            return f"{{ {', '.join([f'{key}: {part}' for key, part in read])} }}"
        if isinstance(tree, list | tuple):
            return f"[{', '.join([self._parameter(branch, start) for branch in tree])}]"
        return self.views[tree].name if isinstance(tree, Traced) else self.names.new(start)  # a switch is not read

    def _picked(self, view: View, indices: Any, where: Sequence[str]) -> str | None:
        """Return the entry of an array at an index that may hold arrays of whole numbers."""
        pair = [index if isinstance(index, tuple) else (index,) for index in indices]
        if not traced_in(pair[0]) and (moved := self.moved(view, lambda places, k: places[pair[k]])):
            return self.entry(moved, where)
        given = [(i, j) for i, j in zip(*pair, strict=True) if i is not Ellipsis]
        if len(given) != len(view.shape) or any([np.asarray(plain_tree(i)).dtype.kind not in "iu" for i, _ in given]):
            return None
        texts = []
        for (i, j), size, stride in zip(given, view.shape, view.strides, strict=True):
            index, wide = self.entry(self._operand(i, j), where), self.size(size)
            if isinstance(i, Traced) or np.min(i) < 0:  # -1 is the last
                index = f"(({index} + {wide}) % {wide})"
            texts.append(index if stride == (1, 1) else f"{index} * {self.size(stride)}")
        return f"{view.name}[{' + '.join(texts)}]"

    def _step(self, x: Traced, y: Traced) -> None:
        """Write one step, or keep how to read its result."""
        if x.fn != y.fn or len(x.args) != len(y.args):
            raise OtherProgram
        given = x.kwargs or {}
        if x.fn in MOVES and not traced_in([*x.args[1:], given]) and not isinstance(x.args[0].value, list | tuple):
            rest, both, source = (x.args[1:], y.args[1:]), (given, y.kwargs or {}), self._operand(x.args[0], y.args[0])

            def change(places: Any, k: int) -> Any:
                return x.fn(places, *rest[k], **both[k])

            if view := self.moved(source, change) or self.moved(self.flat(source), change):
                number = view.number or not view.shape
                self.views[x] = view._replace(name=self.entry(view, ()), number=True) if number else view
                return
        if isinstance(x.value, list | tuple):
            self._refuse(x)
        base: Any = x.label
        if isinstance(base, Traced):
            base = f"d_{self.views[base].name if base in self.views else 'x'}"
        word, shape = _word(x.fn), pairs(x.shape, y.shape)
        if word in ENTRYWISE and self._read_at_once(x):
            self.views[x] = whole("", shape, x.dtype)._replace(inner=(ENTRYWISE[word], tuple(self._operands(x, y))))
            return
        self.views[x] = made = whole(self.names.new(str(base or "t")), shape, x.dtype)
        if word == "astype" and x.dtype.kind in "iub":
            self.fill(made, "{} != 0" if x.dtype.kind == "b" else "Math.trunc({})", self._operands(x, y))
        elif word in ENTRYWISE and given.keys() <= {"dtype"}:
            self.fill(made, ENTRYWISE[word], self._operands(x, y))
        elif (write := getattr(self, f"_write_{word}", None)) is None or not write(x, y, made):
            self._refuse(x)

    def _read_at_once(self, x: Traced) -> bool:
        """Tell whether a step without a name is read by one other alone, entry by entry: then it takes no line."""
        readers = self.readers.get(x, [])
        alone = x.shape and x.label is None and len(readers) == 1 and readers[0] is not None
        if not alone or readers[0].shape != x.shape or x.fn is converted:
            return False
        return "{0}" not in ENTRYWISE.get(_word(readers[0].fn), "{0}")

    def _write_clip(self, x: Traced, y: Traced, made: View) -> bool:
        if len(x.args) == 3 and not any([arg is None for arg in x.args]):
            self.fill(made, "Math.min(Math.max({}, {}), {})", self._operands(x, y))
        return len(x.args) == 3

    def _write_select(self, x: Traced, y: Traced, made: View) -> bool:
        """Write the first choice whose condition holds."""
        parts = []
        for step in (x, y):
            conditions, choices, *default = step.args
            pairwise = [entry for pair in zip(conditions, choices, strict=True) for entry in pair]
            parts.append([*pairwise, *(default or [(step.kwargs or {}).get("default", 0)])])
        self.fill(
            made, "{} ? {} : " * len(x.args[0]) + "{}", [self._operand(*both) for both in zip(*parts, strict=True)]
        )
        return True

    def _write_matmul(self, x: Traced, y: Traced, made: View) -> bool:
        """Write the product of matrices and vectors: the fold of a[i, 0, k] b[0, j, k] along k."""
        a, b = self._operands(x, y)
        if not (0 < len(a.shape) < 3 and 0 < len(b.shape) < 3):
            return False
        left = self.moved(a, lambda places, k: np.atleast_2d(places)[:, None])
        right = self.moved(b, lambda places, k: np.atleast_2d(places.T)[None])
        self.fold(made, "add", "{} * {}", [view for view in (left, right) if view], [2])
        return True

    _write_dot = _write_matmul

    def _write_outer(self, x: Traced, y: Traced, made: View) -> bool:
        a, b = self._operands(x, y)
        if not len(a.shape) == len(b.shape) == 1:
            return False
        views = self.moved(a, lambda places, k: places[:, None]), self.moved(b, lambda places, k: places[None])
        self.fill(made, "{} * {}", [view for view in views if view])
        return True

    def _write_reduce(self, x: Traced, y: Traced, made: View) -> bool:
        """Write the sum, product, maximum or mean along some axes."""
        given = x.kwargs or {}
        fold, first = ("mean", None) if x.fn is np.mean else (x.fn.__self__.__name__, 0)
        if fold not in ("mean", *FOLDS) or not given.keys() <= {"axis", "keepdims"} or len(x.args) > 2:
            return False
        axis, n = given.get("axis", (*x.args, first)[1]), len(np.shape(x.args[0]))
        axes = range(n) if axis is None else [int(i) % n for i in np.atleast_1d(axis)]
        self.fold(made, fold, "{}", [self._operand(x.args[0], y.args[0])], list(axes))
        return True

    _write_mean = _write_reduce

    def _write_getitem(self, x: Traced, y: Traced, made: View) -> bool:
        picked = self._picked(self._operand(x.args[0], y.args[0]), (_index(x), _index(y)), at(made.shape))
        if picked:
            self.fill(made, picked, [])
        return bool(picked)

    def _write_scatter_add(self, x: Traced, y: Traced, made: View) -> bool:
        """Write an array of zeros, to which entries are added at an index."""
        (source,), both = self._operands(x, y), (_index(x), _index(y))
        self.new(made)
        where = at(source.shape)
        picked = self._picked(made, both, where)
        if picked:
            self.lines += self.loops(source.shape, where, f"{picked} += {self.entry(source, where)};")
        return bool(picked)

    def _refuse(self, x: Traced) -> NoReturn:
        line = self.recording.lines.get(id(x), "").replace("\\", "/").rpartition("/")[2]
        raise InvalidValue(
            f"javascript() has no text for {_word(x.fn) or x.fn!r}{f' ({line})' if line else ''}: it writes "
            "arithmetic, comparisons, NumPy's elementary functions, sums, products of matrices and indices. Write this "
            "step with those, or leave it out of the compiled function"
        )

    def _operands(self, x: Traced, y: Traced) -> list[View]:
        return [self._operand(a, b) for a, b in zip(x.args, y.args, strict=True)]

    def _operand(self, x: Any, y: Any) -> View:
        """Return how to read an operand: a traced value, a number, or a constant array."""
        return self.views[x] if isinstance(x, Traced) else self.constant(x, y)


def _index(step: Traced) -> Any:
    return step.args[1] if len(step.args) > 1 else (step.kwargs or {}).get("index", ())


def _word(fn: Any) -> str:
    """Return what the tables call a function of NumPy's or ours, also if it is the one for Python numbers."""
    fn = ON_NUMBERS.get(fn, fn)
    if fn in _OF_OPS:
        return _OF_OPS[fn]
    if isinstance(getattr(fn, "__self__", None), np.ufunc):
        return "reduce" if fn.__name__ == "reduce" else ""
    if fn is converted:
        return "astype"
    numpys = isinstance(fn, np.ufunc) or getattr(np, getattr(fn, "__name__", ""), None) is fn
    return fn.__name__ if numpys or fn in (float, operator.getitem) else getattr(fn, "name", "")


def _nested(tree: Any, results: Iterator[str]) -> str:
    """Return the nesting of the result around its entries: lists for tuples, too."""
    if isinstance(tree, dict):
        return f"{{ {', '.join([f'{json.dumps(str(key))}: {_nested(tree[key], results)}' for key in tree])} }}"
    if isinstance(tree, list | tuple):
        return f"[{', '.join([_nested(branch, results) for branch in tree])}]"
    return next(results)
