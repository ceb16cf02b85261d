"""The program for people: as data (for pictures), as a table of steps, and as a Python function to run and to read."""

import builtins
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.graph.op import Op
from tinygrad_ed.tape.definitions import module_text
from tinygrad_ed.tape.levels import Levels
from tinygrad_ed.tape.record import ON_NUMBERS, free_name, is_ufunc
from tinygrad_ed.tape.simplify import Program
from tinygrad_ed.tape.text import (
    OP_NAMES,
    Names,
    call_text,
    errstate_text,
    function_text,
    nested_text,
    unpacked,
    was_made_a_float,
)
from tinygrad_ed.tape.traced import Traced, operands


@dataclass(frozen=True)
class ProgramStep:
    """One step of a program as plain data: `target` is what `op` gives for `sources`, repeated where repeated.

    `shape` and `dtype` are those of the result; `buffer` says where that is written: `b0` (a planned buffer), `new`
    (handed out), `view`, or "" (a number). `text` is a line of Python; `derivative`: it belongs to the way back.
    """

    target: str
    op: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    buffer: str
    text: str
    derivative: bool


class Listing:
    """A program with a name for every value: after the arguments, the ops, and `d_x` for the derivative by `x`."""

    def __init__(self, program: Program, places: dict[Traced, str]) -> None:
        self.program, self._places = program, places
        self.names = Names([start for start, _ in program.arguments])
        self._name = self.names.given
        self._name |= {tree: start for start, tree in program.arguments if type(tree) is Traced}
        for x in [*program.inputs, *program.steps]:
            if x not in self._name:
                of = f"d_{self._name.get(x.label, 'd')}" if isinstance(x.label, Traced) else x.label
                self._name[x] = self.names.new(of or "t")
        self._unpacking = [
            line for start, tree in program.arguments for line in unpacked(start, start, tree, self.names)
        ]

    def steps(self) -> list[ProgramStep]:
        """Return the steps in order."""
        steps = self.program.steps
        back = next((i for i, x in enumerate(steps) if isinstance(x.label, Traced)), len(steps))
        while 0 < back < len(steps) and steps[back - 1].label is None:  # what a rule computes first
            back -= 1
        return [
            ProgramStep(
                self._name[x],
                "levels" if isinstance(x.fn, Levels) else _op_name(x.fn),
                tuple([self._name[y] for y in operands(x)]),
                x.shape,
                str(x.dtype) if x.shape else "number",
                self._places.get(x, ""),
                self._text(x),
                i >= back,
            )
            for i, x in enumerate(steps)
        ]

    def results(self) -> list[str]:
        """Return the names of the entries of the result in order; of a constant, its text."""
        return [self.names.text(y) for y in self.program.results]

    def _text(self, x: Traced) -> str:
        if isinstance(x.fn, Levels):
            return f"{len(x.value)} numbers, by levels"
        text = call_text(x, self.names)
        if isinstance(
            x.fn, Op
        ):  # what its forward function gives, as the op hands it out: a float, or an array of them
            plain = not x.fn.guarded and any([y.dtype.kind == "f" for y in operands(x)])
            whole = text if plain else f"np.asarray({text}, np.{x.dtype})"
            return f"float({text})" if type(x.value) is float else whole
        # Where all is float64, a number of NumPy's passes for a float; an array without axes never does.
        other = self.program.precision > 1e-12 or any(
            [isinstance(y.value, np.ndarray) and y.dtype != float for y in operands(x)]
        )
        other = other or not (is_ufunc(x.fn) or x.fn in (np.dot, operator.getitem))
        return f"float({text})" if other and was_made_a_float(x) else text

    def table(self, heading: list[str]) -> str:
        """Return the heading, then one line a step: target = op(sources), shape, buffer."""
        rows = []
        for step, x in zip(self.steps(), self.program.steps, strict=True):
            if isinstance(x.fn, Levels):
                text = f"{step.target} = levels({len(step.sources)} numbers)"
                rows.append((text, f"{len(x.value)} numbers", "arena"))
                rows += [_level_row(group) for group in x.fn.groups]
            elif not (x.fn is operator.getitem and isinstance(x.args[0].fn, Levels)):
                given = [self.names.text(y) for y in x.args]
                given += [f"{key}={self.names.text(y)}" for key, y in (x.kwargs or {}).items()]
                rows.append((f"{step.target} = {step.op}({', '.join(given)})", str(step.shape), step.buffer))
        for k, (x, outcome, line) in enumerate(self.program.decisions):
            what = "shape of " if isinstance(outcome, tuple) else ""
            rows.append((f"decision {k}: {what}{self._name[x]} is {outcome}", line, ""))
        wide = [min(max([len(row[i]) for row in rows], default=0), 72) for i in range(2)]
        lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c}".rstrip() for a, b, c in rows]
        return "\n".join([*heading, *lines])

    def source(self, name: str) -> str:
        """Return the program as a Python function with the same arguments and results, below all that it needs."""
        body, back, errors = list(self._unpacking), False, None
        for step, x in zip(self.steps(), self.program.steps, strict=True):
            if step.derivative and not back:
                body.append("# the derivative: from the result back")
                back = True
            if isinstance(x.fn, Levels):
                taken = "".join([f"{source}, " for source in step.sources])
                body += [line for part in x.fn.lines(step.target, f"({taken})", self.names) for line in part]
                continue
            if x.errors and x.errors != errors:
                body.append(errstate_text(x.errors))
            errors = x.errors
            shape = f"  # {step.shape}" if step.shape else ""
            body.append(f"{'    ' if errors else ''}{step.target} = {step.text}{shape}")
        body.append(f"return {nested_text(self.program.output, iter(self.results()), self.names)}")
        known = {*self.names, *vars(builtins)}
        name = name if name.isidentifier() and free_name(name) == name and name not in known else "program"
        head = f"def {name}({', '.join([start for start, _ in self.program.arguments])}):"
        return module_text("\n".join([head, *[f"    {line}" for line in body], ""]), self.names)


def _op_name(fn: Any) -> str:
    """Return a function without its home; one of Python numbers has the name of the op."""
    fn = ON_NUMBERS.get(fn, fn)
    text = fn.name if isinstance(fn, Op) else _OP_NAMES.get(fn) or function_text(fn, Names())
    return text.removeprefix("np.").removeprefix("math.").removesuffix("_of")


_OP_NAMES: dict[Any, str] = {**OP_NAMES, operator.getitem: "getitem", float: "float", bool: "bool"}


def _level_row(group: Any) -> tuple[str, str, str]:
    name = f"sum of {group.terms}" if group.terms else _op_name(group.fn)
    count = group.stop - group.start
    alone = group.terms and count == 2 and np.array_equal(*group.operands[0].T)  # see `levels.py`
    numbers = "1 number, twice" if alone else f"{count} numbers"
    return f"  level {group.level}: {name}", numbers, f"[{group.start}:{group.stop}]"
