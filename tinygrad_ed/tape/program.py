"""The program of a recording as plain data.

In one walk forward every step gets its operands, is simplified (`passes.py`), and is looked up among the earlier ones:
the same call on the same operands is made once. A walk backward then drops what no result and no decision needs. At
last, factors go to where they cost least (`factors.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_ed.tape.factors import scaled_at_source, scaled_first
from tinygrad_ed.tape.passes import key_of, operands, simplified, turned_first
from tinygrad_ed.tape.record import ON_NUMBERS, Recording
from tinygrad_ed.tape.traced import Traced, mapped, traced_in


@dataclass
class Program:
    """A flat program.

    Attributes:
        inputs: the values that a call brings.
        steps: the values that are computed, in order; each knows its call (`fn`, `args`, `kwargs`).
        results: the entries of the result: traced values and constants.
        decisions: (value, outcome, line): what must come out again, or the program does not hold.
        recorded: how many steps the recording had.
    """

    inputs: list[Traced]
    steps: list[Traced]
    results: list[Any]
    decisions: list[tuple[Traced, Any, str]]
    recorded: int = 0

    @cached_property
    def single(self) -> bool:
        """True if some numbers are rounded to less than float64."""
        arrays = [x.value for x in [*self.inputs, *self.steps] if isinstance(x.value, np.ndarray | np.floating)]
        return any([x.dtype.kind == "f" and x.dtype.itemsize < 8 for x in arrays])


def program_of(recording: Recording, outside: frozenset[int] = frozenset()) -> Program:
    """Return the shortened program; arrays whose ids are in `outside` belong to the user and are not read now."""
    changed: dict[Traced, Traced] = {}
    known: dict[Any, Traced] = {}
    steps: list[Traced] = []
    for step in recording.steps:
        if changed:
            step.args = mapped(step.args, lambda x: changed.get(x, x))
            step.kwargs = step.kwargs and mapped(step.kwargs, lambda x: changed.get(x, x))
        if any([x.tape is not recording for x in operands(step)]):
            recording.refuse()
        same = simplified(step, outside, steps)
        if same is None:
            same = known.setdefault(key_of(step), step)
        if same is step:
            steps.append(step)
        else:
            changed[step] = same
            if same.label is None:
                same.label = step.label
    results = [changed.get(y, y) if type(y) is Traced else y for y in recording.results]
    decisions = [(changed.get(x, x), outcome, line) for x, outcome, line in recording.decisions]
    roots = [*traced_in(results), *[x for x, _, _ in decisions]]
    for rewritten in (scaled_at_source, scaled_first, turned_first):
        steps = needed(rewritten(needed(steps, roots), roots), roots)
    return Program(recording.inputs, steps, results, decisions, recording.count)


def needed(steps: list[Traced], roots: Iterable[Traced]) -> list[Traced]:
    """Return the steps that the roots depend on."""
    live = set(roots)
    kept = []
    for step in reversed(steps):
        if step in live:
            live.update(operands(step))
            kept.append(step)
    return kept[::-1]


def interpreted(program: Program, entries: list[Any]) -> list[Any]:
    """Return the results of a program by the simplest road: one step after the other, each as NumPy does it.

    Where Python's numbers raise (a division by zero), NumPy says inf or nan, with its warning.
    """
    values: dict[Traced, Any] = dict(zip(program.inputs, entries, strict=True))
    for step in program.steps:
        args, kwargs = mapped((step.args, step.kwargs or {}), values.__getitem__)
        value = ON_NUMBERS.get(step.fn, step.fn)(*args, **kwargs)
        kind = type(step.value)
        values[step] = kind(value) if kind in (float, bool, int) else value
    for k, (x, outcome, _) in enumerate(program.decisions):
        now = np.shape(values[x]) if isinstance(outcome, tuple) else bool(values[x])
        if now != outcome:
            raise Undecided(k, now)
    found = [values[y] if type(y) is Traced else y for y in program.results]
    return [y.copy() if isinstance(y, np.ndarray) else y for y in found]


class Undecided(Exception):
    """A decision of the recording falls otherwise at this call (never leaves the package)."""
