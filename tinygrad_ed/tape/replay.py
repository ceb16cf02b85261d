"""The replay: the program as straight lines of NumPy that write into buffers planned beforehand.

The text has two parts. The first is run once: it makes the buffers, and the views of buffers that steps read
(`z.T`, `x.reshape(...)`), which never change. The second is run at each call, and nearly every line is one NumPy call
with its last argument the buffer it writes to. A buffer is given to another step when nobody reads it any more, and an
entry-by-entry step writes over its own operand if that was the last use. What goes out of the program is written into
new arrays, which belong to the caller.
"""

import math
import operator
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.graph.values import Array
from tinygrad_ed.ops.linalg import by_dot
from tinygrad_ed.ops.shape import can_repeat
from tinygrad_ed.tape.levels import Levels
from tinygrad_ed.tape.program import Program, Undecided
from tinygrad_ed.tape.record import is_ufunc, order_among
from tinygrad_ed.tape.simplify import is_plain_reduction, operands
from tinygrad_ed.tape.text import Names, argument_text, call_text, errstate_text, function_text, was_made_a_float
from tinygrad_ed.tape.traced import Traced, converted, plain_tree
from tinygrad_ed.tape.unpack import OTHER

_MOVING: list[Any] = [
    *(np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.broadcast_to, np.squeeze, np.expand_dims, np.ravel),
    *(np.atleast_1d, np.atleast_2d, np.diagonal, np.flip, operator.getitem),
]
MOVING = frozenset(_MOVING)
"""Functions that may answer with a view."""

TAKING_OUT: frozenset[Any] = frozenset(
    [np.concatenate, np.stack, np.einsum, np.cumsum, np.cumprod, np.clip, np.argmax, np.argmin, np.round]
)
"""NumPy functions, apart from ufuncs, that take `out=`."""


LARGE = 65_536
"""A result of so many bytes is written into memory that is used again when nobody holds the array any more: for large
arrays new memory costs more than the numbers in it."""


def _is_number(step: Traced) -> bool:
    """Tell whether it is no array, nor several of them."""
    return not isinstance(step.value, np.ndarray | list | tuple)


def _by_dot(step: Traced) -> bool:
    """Tell whether a product is made by `np.dot`, as eager ones are, and those with a vector."""
    if step.fn is not np.matmul or step.kwargs:
        return False
    a, b = [np.asarray(x.value if type(x) is Traced else x) for x in step.args]
    if a.ndim == b.ndim == 2:
        return by_dot(a, b)
    return max(a.ndim, b.ndim) < 3 and (a.size != 1 != b.size)


def lender(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Callable[[], Array]:
    """Return a function that gives an array, in the memory of an earlier one that is gone, if there is one.

    Each view of an array that lies in foreign memory keeps that array; so when it is gone, all views are.
    """
    turns: list[tuple[Callable[[], Array | None], bytearray]] = []

    def lend() -> Array:
        free = [i for i, (array, _) in enumerate(turns) if array() is None]
        if not free and len(turns) == 2:
            return np.empty(shape, dtype)
        memory = turns.pop(free[0])[1] if free else bytearray(math.prod(shape) * dtype.itemsize)
        lent = np.ndarray(shape, dtype, memory)
        turns.append((weakref.ref(lent), memory))
        return lent

    return lend


class Replay:
    """The writer of the text.

    Attributes:
        setup, body: the lines of both parts.
        names: the constants that the text names.
        places: where each array is written: a buffer, `new`, or `view`.
        buffers: how many bytes the planned buffers take.
    """

    def __init__(self, program: Program, reuse: bool = False) -> None:
        self.program = program
        self.setup: list[str] = []
        self.body: list[str] = []
        self.names = Names()
        self.buffers = 0
        self._functions: dict[str, str] = {}
        self._numbers: dict[Any, Any] = {}
        self._name = {x: f"x{i}" for i, x in enumerate(program.inputs)}
        self.places: dict[Traced, str] = {}
        self._fixed: dict[Traced, Any] = {}  # the array that a value has at every call
        self._roots: dict[Traced, set[Traced]] = {}  # in whose buffers it may lie
        self._slot: dict[Traced, str] = {}
        self._free: dict[tuple[Any, int], list[tuple[str, Any]]] = {}
        self._slots = 0
        self._fresh = set() if reuse else {y for y in program.results if type(y) is Traced and y not in self._name}
        self._owned: set[Traced] = set()
        self._reuse = reuse
        decisions: dict[Traced, list[int]] = {}
        for k, (x, _, _) in enumerate(program.decisions):
            decisions.setdefault(x, []).append(k)
        self._last = self._last_uses()
        self._product_of = self._products_written_over()
        self._fresh.update(self._product_of.values())
        for x in program.inputs:
            self._decide(x, decisions)
        errors = None
        for i, step in enumerate(program.steps):
            self._now = i
            self._name[step] = f"v{i}"
            begin = len(self.body)
            self._write(step)
            if step.errors:
                self.body[begin:] = [f"    {line}" for line in self.body[begin:]]
                if step.errors != errors:
                    self.body.insert(begin, errstate_text(step.errors))
            errors = step.errors
            self._decide(step, decisions)
            self._release(step)

    def _last_uses(self) -> dict[Traced, int]:
        last = {x: i for i, step in enumerate(self.program.steps) for x in operands(step)}
        return last | {y: len(self.program.steps) for y in self.program.results if type(y) is Traced}

    def _products_written_over(self) -> dict[Traced, Traced]:
        """Find results of a matrix product that nobody else reads: it goes into the new array, and is written over."""
        steps = self.program.steps
        moved = {x for step in steps if not (is_ufunc(step.fn) or _is_number(step)) for x in operands(step)}
        found: dict[Traced, Traced] = {}
        for i, step in enumerate(steps):
            if step in self._fresh and isinstance(step.fn, np.ufunc) and not step.fn.signature and not step.kwargs:
                for x in step.args:
                    fits = type(x) is Traced and x.fn is np.matmul and x.shape == step.shape and x.dtype == step.dtype
                    if fits and self._last[x] == i and x not in moved:
                        found[step] = x
        return found

    # One step

    def _write(self, step: Traced) -> None:
        value, name = step.value, self._name[step]
        if isinstance(step.fn, Levels):
            entries = "".join([f"{self._name[x]}, " for x in step.args])
            setup, body = step.fn.lines(name, f"({entries})", self.names)
            self.setup += setup
            self.body += body
        elif _is_number(step):
            self.body.append(f"{name} = {self._expression(step)}")
        elif step.fn in MOVING and len(operands(step)) == 1 and type(step.args[0]) is Traced:  # not only its index
            self._move(step)
        elif not isinstance(value, np.ndarray) or not value.ndim or not self._write_into(step):
            self._assign(step)

    def _assign(self, step: Traced) -> None:
        """Assign what a function makes in its own way; it may be a view of an operand, whose buffer is kept as long."""
        self.body.append(f"{self._name[step]} = {self._expression(step)}")
        self._lies_in(step, operands(step))

    def _lies_in(self, step: Traced, sources: Iterable[Traced]) -> None:
        self._roots[step] = {root for x in sources for root in self._roots.get(x, {x})}
        for root in self._roots[step]:
            self._last[root] = max(self._last.get(root, -1), self._last.get(step, -1))

    def _expression(self, step: Traced) -> str:
        text = call_text(step, self._name.__getitem__, self.names, self._argument)
        fn = step.fn
        if _by_dot(step):
            text = self._call(np.dot, *step.args)
        elif is_plain_reduction(step) and not (step.kwargs or {}).get("keepdims"):
            text = self._call(fn, *step.args, (step.kwargs or {}).get("axis", 0))
        elif is_ufunc(fn):
            text = self._call(fn, *step.args, **(step.kwargs or {}))
        return f"float({text})" if was_made_a_float(step) else text

    def _move(self, step: Traced) -> None:
        """Make a view: once if it is one of a buffer, else at each call."""
        name, text = self._name[step], self._expression(step)
        self.places[step] = "view"
        (source,) = operands(step)
        if source not in self._fixed:
            self._assign(step)
            return
        array = step.fn(*[self._concrete(x) for x in step.args], **(step.kwargs or {}))
        if np.shares_memory(array, self._fixed[source]) or not array.size:
            self.setup.append(f"{name} = {text}")
            self._fixed[step] = array
            self._lies_in(step, [source])
        elif step.fn in (np.reshape, np.ravel) and order_among(step.args, step.kwargs) != "F":
            out = self._out(step)
            self.body.append(f"{self._function(np.copyto)}({out}.reshape({source.shape!r}), {self._name[source]})")
        elif not self._take(step):
            self.body.append(f"{name} = {text}")

    def _write_into(self, step: Traced) -> bool:
        """Return a step whose result goes into a buffer, if its function can do that."""
        fn, args = step.fn, step.args
        if _by_dot(step):
            self.body.append(self._call(np.dot, *args, out=self._out(step)))
        elif isinstance(fn, np.ufunc) and not step.kwargs and fn.nout == 1:
            product = self._product_of.get(step)
            if product is not None:
                self._name[step], self.places[step] = self._name[product], "new"
                self._owned.add(step)
                self.body.append(self._call(fn, *args, out=self._name[product]))
                return True
            over = self._overwritten(step) if fn.signature is None else None
            self.body.append(self._call(fn, *args, out=self._out(step, over)))
        elif is_plain_reduction(step):
            given = step.kwargs or {}
            more = (given.get("axis", 0), None)
            keep = (given["keepdims"],) if given.get("keepdims") else ()
            self.body.append(self._call(fn, *args, *more, out=self._out(step), after=keep))
        elif fn is np.where and len(args) == 3 and not step.kwargs:
            self._choose(step)
        elif fn in TAKING_OUT and len(args) < 4 and not {"dtype", "out"} & (step.kwargs or {}).keys():
            text = self._expression(step)
            self.body.append(f"{text[:-1]}, out={self._out(step)})")
        elif fn is converted:
            self.body.append(f'{self._function(np.copyto)}({self._out(step)}, {self._argument(args[0])}, "unsafe")')
        elif fn is ops.scatter_add:
            self._scatter(step)
        else:
            return False
        return True

    def _choose(self, step: Traced) -> None:
        """Fill with the one array of np.where, then copy the other where the condition holds."""
        condition, a, b = step.args
        out = self._out(step)
        copy = self._function(np.copyto)
        self.body.append(f"{copy}({out}, {self._argument(b)})")
        where = self._argument(condition)
        if np.asarray(condition.value if type(condition) is Traced else condition).dtype != bool:
            where = f"({where} != 0)"
        self.body.append(f'{copy}({out}, {self._argument(a)}, "same_kind", {where})')

    def _scatter(self, step: Traced) -> None:
        index = (step.kwargs or {})["index"]
        out, text = self._out(step), self._argument(index)
        self.body.append(f"{out}.fill(0.0)")
        if can_repeat(plain_tree(index)):
            self.body.append(f"{self._function(np.add.at)}({out}, {text}, {self._argument(step.args[0])})")
        else:
            self.body.append(f"{out}[{text}] = {self._argument(step.args[0])}")

    def _take(self, step: Traced) -> bool:
        """Return rows at constant places: np.take can write them into a buffer."""
        if step.fn is not operator.getitem or not isinstance(step.args[1], np.ndarray):
            return False
        source, index = step.args
        if index.dtype.kind not in "iu" or not index.size or index.min() < 0 or index.max() >= source.shape[0]:
            return False
        out = self._out(step)
        self.body.append(f'{self._function(np.take)}({self._name[source]}, {self.names.of(index)}, 0, {out}, "clip")')
        return True

    def _decide(self, x: Traced, decisions: dict[Traced, list[int]]) -> None:
        """Stop where a decision falls otherwise than it did, or a number is out of its bounds."""
        if x in self.program.guards:
            low, high = self.program.guards[x]
            self.body.append(
                f"if not {low!r} <= abs({self._name[x]}) <= {high!r}: return {self.names.of(OTHER, 'OTHER')}"
            )
        for k in decisions.get(x, ()):
            outcome, name = self.program.decisions[k][1], self._name[x]
            now = f"np.shape({name})" if isinstance(outcome, tuple) else f"bool({name})"
            self.body.append(f"if {now} != {outcome!r}: raise {self.names.of(Undecided, 'Undecided')}({k}, {now})")

    # Buffers

    def _out(self, step: Traced, over: Traced | None = None) -> str:
        """Return the name of the array that a step writes to: a new one for a result, else a planned buffer."""
        name, value = self._name[step], step.value
        if step in self._fresh:
            shape, dtype = self.names.of(value.shape, "S"), self.names.of(value.dtype, "D")
            make = f"{self._function(np.empty)}({shape}, {dtype})"
            self.body.append(f"{name} = {make}")
            if value.nbytes >= LARGE:
                self.setup.append(f"lend_{name} = {self.names.of(lender, 'lender')}({shape}, {dtype})")
                self.body[-1] = f"{name} = lend_{name}()"
            self._owned.add(step)
            self.places[step] = "new"
            return name
        if over is not None:
            slot, array = self._slot.pop(over), self._fixed[over]
            self.setup.append(f"{name} = {self._name[over]}")
        else:
            free = self._free.get((value.dtype, value.size))
            if free:
                slot, flat = free.pop()
            else:
                slot, flat = f"b{self._slots}", np.zeros(value.size, value.dtype)
                self._slots += 1
                self.buffers += flat.nbytes
                self.setup.append(f"{slot} = np.empty({value.size}, {self.names.of(value.dtype, 'D')})")
            array = flat.reshape(value.shape)
            self.setup.append(f"{name} = {slot}.reshape({value.shape!r})")
        self._slot[step] = self.places[step] = slot
        self._fixed[step] = array
        return name

    def _overwritten(self, step: Traced) -> Traced | None:
        """Return an operand that dies here and whose buffer has the result's shape and dtype."""
        if step in self._fresh:
            return None
        for x in [x for x in step.args if type(x) is Traced and x in self._slot]:
            if x.shape == step.shape and x.dtype == step.dtype and self._last[x] == self._now:
                return x
        return None

    def _release(self, step: Traced) -> None:
        """Give back the buffers that are read for the last time here."""
        for x in {root for y in [*operands(step), step] for root in self._roots.get(y, {y})}:
            if x in self._slot and self._last.get(x, -1) <= self._now:
                array = self._fixed[x]
                self._free.setdefault((array.dtype, array.size), []).append((self._slot.pop(x), array.reshape(-1)))

    # Pieces of text

    def _call(self, fn: Any, *args: Any, out: str | None = None, after: tuple[Any, ...] = (), **keywords: Any) -> str:
        parts = [self._operand(x, args) if isinstance(fn, np.ufunc) else self._argument(x) for x in args]
        named = "out=" if fn in (np.maximum, np.minimum) else ""  # NumPy wants it so for these two
        parts += [f"{named}{out}"] if out else []
        parts += [self._argument(x) for x in after]
        parts += [f"{key}={self._argument(x)}" for key, x in keywords.items()]
        return f"{self._function(fn)}({', '.join(parts)})"

    def _operand(self, x: Any, others: tuple[Any, ...]) -> str:
        """Return a constant number beside an array is kept as an array of that dtype: NumPy reads it quicker."""
        dtypes = {y.dtype for y in others if type(y) is Traced and y.ndim}
        if type(x) is float and len(dtypes) == 1 and (dtype := dtypes.pop()).kind == "f":
            return self.names.of(self._numbers.setdefault((x.hex(), dtype), np.array(x, dtype)), "N")
        return self._argument(x)

    def _argument(self, x: Any) -> str:
        return argument_text(x, self._name.__getitem__, self.names)

    def _function(self, fn: Any) -> str:
        """Return a function by a short name of its own: `tanh` in place of `np.tanh`, looked up once."""
        text = function_text(fn, self.names)
        if "." not in text:
            return text
        short = text.replace(".", "_")
        if short not in self._functions:
            self._functions[short] = text
        return short

    def _concrete(self, x: Any) -> Any:
        return self._fixed[x] if type(x) is Traced else x

    # The whole text

    def text(self, unpack: list[str], answer: str) -> str:
        """Return the text of a function `bind()` that makes buffers and returns `replay(args, keywords)`."""
        setup = [f"{short} = {text}" for short, text in self._functions.items()] + self.setup
        lines = ["def bind():"]
        lines += [f"    {line}" for line in setup]
        lines += ["    def replay(args, keywords):"]
        lines += [f"        {line}" for line in [*unpack, *self.body, answer]]
        return "\n".join([*lines, "    return replay", ""])

    def result_text(self, y: Any) -> str:
        """Return an entry of the result as the caller gets it: an array of its own."""
        if type(y) is not Traced:
            return f"{self.names.of(y)}.copy()" if isinstance(y, np.ndarray) else self._argument(y)
        owned = y in self._owned or (self._reuse and y in self._fixed)
        self._owned.discard(y)  # where the same array is asked for twice, the second is a copy
        return self._name[y] if owned or not isinstance(y.value, np.ndarray) else f"{self._name[y]}.copy()"
