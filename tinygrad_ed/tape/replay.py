"""The replay: the program as straight lines of NumPy that write into buffers planned beforehand.

The text has two parts. The first is run once, and makes the buffers. The second is run at each call, and nearly every
line is one NumPy call with its last argument the buffer it writes to. A buffer is given to another step when nobody
reads it any more. What goes out of the program is written into new arrays, which belong to the caller.
"""

import operator
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.ops.linalg import by_dot
from tinygrad_ed.ops.shape import can_repeat
from tinygrad_ed.tape.levels import Levels
from tinygrad_ed.tape.record import is_ufunc
from tinygrad_ed.tape.simplify import Program, is_plain_reduction
from tinygrad_ed.tape.text import (
    Names,
    call_text,
    errstate_text,
    function_text,
    nested_text,
    unpacked,
    was_made_a_float,
)
from tinygrad_ed.tape.traced import Traced, operands, plain_tree

OTHER = object()
"""What a replay answers when the arguments are of another kind."""


MOVING: frozenset[Any] = frozenset(
    [
        *(np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.broadcast_to, np.squeeze, np.expand_dims, np.ravel),
        *(np.atleast_1d, np.atleast_2d, np.diagonal, np.flip, operator.getitem),
    ]
)
"""Functions that may answer with a view."""


def _is_number(step: Traced) -> bool:
    """Tell whether it is no array, nor several of them."""
    return not isinstance(step.value, np.ndarray | list | tuple)


def _by_dot(step: Traced) -> bool:
    """Tell whether a product is made by `np.dot`, as eager ones are."""
    if step.fn is not np.matmul or step.kwargs:
        return False
    a, b = [np.asarray(x.value if type(x) is Traced else x) for x in step.args]
    return a.ndim == b.ndim == 2 and by_dot(a, b)


class Undecided(Exception):
    """A decision of the recording falls otherwise at this call (never leaves the package)."""


class Replay:
    """The writer of the text.

    Attributes:
        names: the constants that the text names.
        places: where each array is written: a buffer, `new`, or `view`.
        buffers: how many bytes the planned buffers take.
    """

    def __init__(self, program: Program, reuse: bool = False) -> None:
        self.program, self._reuse = program, reuse
        self._setup: list[str] = []
        self._body: list[str] = []
        self.names, self.buffers = Names(), 0
        self._functions: dict[str, str] = {}
        self._short: dict[Any, str] = {}
        self._spare: list[str] = []  # names of numbers that nobody reads any more: Python compiles few names faster
        self._name = self.names.given
        self._name |= {x: f"x{i}" for i, x in enumerate(program.inputs)}
        self.places: dict[Traced, str] = {}
        self._roots: dict[Traced, set[Traced]] = {}  # in whose buffers it may lie
        self._slot: dict[Traced, str] = {}
        self._free: dict[tuple[Any, int], list[str]] = {}
        self._slots = 0
        self._fresh = set() if reuse else {y for y in program.results if type(y) is Traced and y not in self._name}
        self._owned: set[Traced] = set()
        decisions: dict[Traced, list[int]] = {}
        for k, (x, _, _) in enumerate(program.decisions):
            decisions.setdefault(x, []).append(k)
        self._last = {x: i for i, step in enumerate(program.steps) for x in operands(step)}
        self._last |= {y: len(program.steps) for y in program.results if type(y) is Traced}
        for x in program.inputs:
            self._decide(x, decisions)
        errors = None
        for i, step in enumerate(program.steps):
            self._now = i
            self._name[step] = self._spare.pop() if self._spare and _is_number(step) else f"v{i}"
            begin = len(self._body)
            self._write(step)
            if step.errors:
                self._body[begin:] = [f"    {line}" for line in self._body[begin:]]
                if step.errors != errors:
                    self._body.insert(begin, errstate_text(step.errors))
            errors = step.errors
            self._decide(step, decisions)
            self._release(step)

    # One step

    def _write(self, step: Traced) -> None:
        value, name = step.value, self._name[step]
        if isinstance(step.fn, Levels):
            entries = "".join([f"{self._name[x]}, " for x in step.args])
            setup, body = step.fn.lines(name, f"({entries})", self.names)
            self._setup += setup
            self._body += body
        elif _is_number(step):
            self._body.append(f"{name} = {self._expression(step)}")
        elif not isinstance(value, np.ndarray) or not value.ndim or not self._write_into(step):
            # What a function makes in its own way may be a view of an operand, whose buffer is kept as long.
            self._body.append(f"{name} = {self._expression(step)}")
            self._roots[step] = {root for x in operands(step) for root in self._roots.get(x, {x})}
            for root in self._roots[step]:
                self._last[root] = max(self._last.get(root, -1), self._last.get(step, -1))
            if step.fn in MOVING and len(operands(step)) == 1 and type(step.args[0]) is Traced:  # not only its index
                self.places[step] = "view"

    def _expression(self, step: Traced) -> str:
        if _by_dot(step):
            text = self._call(np.dot, step)
        elif is_ufunc(step.fn):
            text = self._call(step.fn, step)
        else:
            text = call_text(step, self.names)
        return f"float({text})" if was_made_a_float(step) else text

    def _write_into(self, step: Traced) -> bool:
        """Return a step whose result goes into a buffer, if its function can do that."""
        fn = np.dot if _by_dot(step) else step.fn
        alone = isinstance(fn, np.ufunc) and not step.kwargs and fn.nout == 1
        if alone or fn is np.dot or is_plain_reduction(step):
            out = self._out(step)  # NumPy takes the out= of reductions and of these two by name
            named = not isinstance(fn, np.ufunc) or fn in (np.maximum, np.minimum)
            self._body.append(self._call(fn, step, f"out={out}" if named else out))
            return True
        if fn is ops.scatter_add:
            index = (step.kwargs or {})["index"]
            out, place, new = self._out(step), self.names.text(index), self.names.text(step.args[0])
            self._body.append(f"{out}.fill(0.0)")
            repeated = can_repeat(plain_tree(index))
            self._body.append(f"np.add.at({out}, {place}, {new})" if repeated else f"{out}[{place}] = {new}")
            return True
        return False

    def _decide(self, x: Traced, decisions: dict[Traced, list[int]]) -> None:
        """Stop where a decision falls otherwise than it did."""
        for k in decisions.get(x, ()):
            outcome, name = self.program.decisions[k][1], self._name[x]
            now = f"np.shape({name})" if isinstance(outcome, tuple) else f"bool({name})"
            self._body.append(f"if {now} != {outcome!r}: raise {self.names.of(Undecided, 'Undecided')}({k}, {now})")

    # Buffers

    def _out(self, step: Traced) -> str:
        """Return the name of the array that a step writes to: a new one for a result, else a planned buffer."""
        name, value = self._name[step], step.value
        if step in self._fresh:
            dtype = self.names.of(value.dtype, "D")
            self._body.append(f"{name} = {self._function(np.empty)}({value.shape!r}, {dtype})")
            self._owned.add(step)
            self.places[step] = "new"
            return name
        free = self._free.get((value.dtype, value.size))
        if free:
            slot = free.pop()
        else:
            slot = f"b{self._slots}"
            self._slots += 1
            self.buffers += value.nbytes
            self._setup.append(f"{slot} = np.empty({value.size}, {self.names.of(value.dtype, 'D')})")
        self._setup.append(f"{name} = {slot}.reshape({value.shape!r})")
        self._slot[step] = self.places[step] = slot
        return name

    def _release(self, step: Traced) -> None:
        """Give back the buffers, and the names of numbers, that are read for the last time here."""
        for y in set(operands(step)):
            if self._last[y] == self._now and y.fn is not None and _is_number(y):
                self._spare.append(self._name[y])
        for x in {root for y in [*operands(step), step] for root in self._roots.get(y, {y})}:
            if x in self._slot and self._last.get(x, -1) <= self._now:
                self._free.setdefault((x.dtype, x.size), []).append(self._slot.pop(x))

    # Pieces of text

    def _call(self, fn: Any, step: Traced, out: str = "") -> str:
        parts = [*[self.names.text(x) for x in step.args], *([out] if out else [])]
        parts += [f"{key}={self.names.text(x)}" for key, x in (step.kwargs or {}).items()]
        return f"{self._function(fn)}({', '.join(parts)})"

    def _function(self, fn: Any) -> str:
        """Return a function by a short name of its own: `tanh` in place of `np.tanh`, looked up once."""
        if fn not in self._short:
            text = function_text(fn, self.names)
            self._short[fn] = text.replace(".", "_")
            if "." in text:
                self._functions[self._short[fn]] = text
        return self._short[fn]

    # The whole text

    def text(self, positional: int, keywords: tuple[str, ...]) -> str:
        """Return the text of a function `bind()` that makes buffers and returns `replay(args, keywords)`."""
        other = self.names.of(OTHER, "OTHER")
        homes = [*[f"args[{i}]" for i in range(positional)], *[f"keywords[{key!r}]" for key in keywords]]
        given = f"tuple(keywords) != {keywords!r}" if keywords else "keywords"
        lines = [f"if len(args) != {positional} or {given}: return {other}"]
        for i, (home, (_, tree)) in enumerate(zip(homes, self.program.arguments, strict=True)):
            name = self._name[tree] if type(tree) is Traced else f"a{i}"
            lines += [f"{name} = {home}", *unpacked(name, name, tree, self.names, other)]
        results = iter([self._result_text(y) for y in self.program.results])
        answer = f"return {nested_text(self.program.output, results, self.names)}"
        bound = [f"{short} = {text}" for short, text in self._functions.items()] + self._setup
        lines = ["def replay(args, keywords):", *[f"    {line}" for line in [*lines, *self._body, answer]]]
        return "\n".join(["def bind():", *[f"    {line}" for line in [*bound, *lines, "return replay"]], ""])

    def _result_text(self, y: Any) -> str:
        """Return an entry of the result as the caller gets it: an array of its own."""
        if type(y) is not Traced:
            return f"{self.names.of(y)}.copy()" if isinstance(y, np.ndarray) else self.names.text(y)
        owned = y in self._owned or (self._reuse and y in self._slot)
        self._owned.discard(y)  # where the same array is asked for twice, the second is a copy
        return self._name[y] if owned or not isinstance(y.value, np.ndarray) else f"{self._name[y]}.copy()"
