"""The program of a recording as plain data.

In one walk forward every step gets its operands, is simplified (`simplify.py`), and is looked up among the earlier
ones: the same call on the same operands is made once. A walk backward then drops what no result and no decision needs.
At last, factors go to where they cost least (`scale.py`).
"""

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_ed.tape.levels import level
from tinygrad_ed.tape.record import Recording
from tinygrad_ed.tape.scale import scaled_at_source, scaled_first
from tinygrad_ed.tape.simplify import SUMMED, key_of, needed, operands, simplified
from tinygrad_ed.tape.traced import Traced, mapped, traced_in


@dataclass
class Program:
    """A flat program.

    Attributes:
        inputs: the values that a call brings.
        steps: the values that are computed, in order; each knows its call (`fn`, `args`, `kwargs`).
        results: the entries of the result: traced values and constants.
        decisions: (value, outcome, line): what must come out again, or the program does not hold.
        guards: numbers whose sizes must lie between two bounds; else the function itself is run, as the program would
            leave the range of numbers where the function does not.
        why: whether single numbers are computed by levels or by lines of Python, and why.
        recorded: how many steps the recording had.
        arguments: the name of each argument, with the traced values in place of its entries.
        outside: the ids of arrays that belong to the user, so that they are read at each call.
    """

    inputs: list[Traced]
    steps: list[Traced]
    results: list[Any]
    decisions: list[tuple[Traced, Any, str]]
    guards: dict[Traced, tuple[float, float]]
    why: str
    recorded: int
    arguments: list[tuple[str, Any]]
    outside: frozenset[int]

    @cached_property
    def precision(self) -> float:
        """The rounding of the least exact dtype among its numbers."""
        dtypes = {x.dtype for x in [*self.inputs, *self.steps] if not isinstance(x.value, list | tuple)}
        return max([float(np.finfo(dtype).eps) for dtype in dtypes if dtype.kind == "f"], default=2.0**-52)


def program_of(recording: Recording) -> Program:
    """Return the shortened program, single numbers by levels where that pays."""
    why = level(recording)
    changed: dict[Traced, Traced] = {}
    known: dict[Any, Traced] = {}
    steps: list[Traced] = []
    for step in recording.steps:
        if changed:
            step.args = mapped(step.args, lambda x: changed.get(x, x))
            step.kwargs = step.kwargs and mapped(step.kwargs, lambda x: changed.get(x, x))
        if any([x.tape is not recording for x in operands(step)]):
            recording.refuse()
        same = simplified(step, recording, steps)
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
    steps, guards = scaled_at_source(needed(steps, roots), set(roots))
    steps, more = scaled_first(steps, set(roots))
    guards |= more
    guards |= {x: (0.0, sys.float_info.max) for x in steps if x.at == SUMMED}
    return Program(
        recording.inputs,
        steps,
        results,
        decisions,
        guards,
        why,
        recording.count,
        recording.arguments,
        recording.outside,
    )


class Undecided(Exception):
    """A decision of the recording falls otherwise at this call (never leaves the package)."""
