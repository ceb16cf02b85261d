"""Levels: tens of thousands of single numbers in a few dozen NumPy calls.

A graph of single numbers is wide: most steps do not wait for each other. The level of a step is the longest way to it
from the inputs, so all steps of one level can be done at once, and those of one level and one function in one NumPy
call. All numbers lie in one array, the *arena*: first the inputs, then the constants, then group after group. A group
gathers its operands from the arena and writes its results to the arena's next part. `levelling.py` finds the groups.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.graph.values import Array
from tinygrad_ed.tape.text import Names, function_text


@dataclass(frozen=True)
class Group:
    """Equal steps of one level: `fn` of the operands, written to the arena from `start` to `stop`.

    An operand is a slice of the arena, or the positions of its entries; a sum has one operand, `(terms, sums)`.
    """

    level: int
    fn: Any
    operands: tuple[Any, ...]
    start: int
    stop: int
    terms: int = 0


class Levels:
    """The arena and the groups: from the inputs, the numbers that are needed outside.

    Attributes:
        constants: the numbers that follow the inputs in the arena.
        inputs: how many inputs it begins with.
        groups: what is computed, in order.
        outputs: the positions of the numbers that are needed outside.
        steps: how many steps were levelled.
    """

    def __init__(self, constants: Array, inputs: int, groups: list[Group], outputs: Array, steps: int) -> None:
        self.constants, self.inputs, self.groups, self.outputs, self.steps = constants, inputs, groups, outputs, steps

    def lines(self, name: str, entries: str, names: Names) -> tuple[list[str], list[str]]:
        """Return the same as text: what is made once, and what is done at each call."""
        arena = f"{name}_arena"
        gathers = [x.size for group in self.groups for x in group.operands if isinstance(x, np.ndarray)]
        most = max([len(group.operands) for group in self.groups])
        setup = [f"{arena} = np.empty({self.groups[-1].stop})", f"{name}_take = {arena}.take"]
        setup.append(f"{arena}[{self.inputs}:{self.groups[0].start}] = {names.of(self.constants)}")
        setup += [f"{name}_g{k} = np.empty({max(gathers, default=0)})" for k in range(most)]
        body = []
        for i, group in enumerate(self.groups):
            out, parts = f"{name}_{i}", []
            setup.append(f"{out} = {arena}[{group.start}:{group.stop}]")
            for k, operand in enumerate(group.operands):
                part = f"{out}_{'abc'[k]}"
                parts.append(part)
                if isinstance(operand, slice):
                    setup.append(f"{part} = {arena}[{operand.start}:{operand.stop}]")
                else:
                    shape = f".reshape({operand.shape})" if operand.ndim > 1 else ""
                    setup.append(f"{part} = {name}_g{k}[:{operand.size}]{shape}")
                    body.append(f'{name}_take({names.of(operand, "i")}, None, {part}, "clip")')
            body.append(_group_text(group, out, parts, names))
        quiet = 'with np.errstate(over="ignore", invalid="ignore"):  # as Python is where numbers overflow'
        body = [f"{arena}[:{self.inputs}] = {entries}", quiet, *[f"    {line}" for line in body]]
        body.append(f"{name} = {name}_take({names.of(self.outputs, 'i')}).tolist()")
        return setup, body


def _group_text(group: Group, out: str, parts: list[str], names: Names) -> str:
    if group.terms:  # from -0.0 on: NumPy begins with 0.0, and -0.0 + -0.0 would be 0.0
        return f"np.add.reduce({parts[0]}, 0, None, {out}, False, -0.0)"
    if group.fn is ops.relu.forward:
        return f"np.maximum({parts[0]}, 0.0, out={out})"
    if isinstance(group.fn, np.ufunc):
        return f"{function_text(group.fn, names)}({', '.join(parts)}, out={out})"
    return f"{out}[:] = {function_text(group.fn, names)}({', '.join(parts)})"
