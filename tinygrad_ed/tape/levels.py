"""Levels: tens of thousands of single numbers in a few dozen NumPy calls.

A graph of single numbers is wide: most steps do not wait for each other. The level of a step is the longest way to it
from the inputs, so all steps of one level can be done at once, and those of one level and one function in one NumPy
call. All numbers lie in one array, the *arena*: first the inputs, then the constants, then group after group. A group
gathers its operands from the arena and writes its results to the arena's next part.

A chain of additions, ((a + b) + c) + d, would be as many levels as it has terms. It is one step here, a sum; chains of
equal length are the columns of one array, added row after row, which is the order of the chain.
"""

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.graph.op import is_exact
from tinygrad_ed.graph.values import Array
from tinygrad_ed.tape.record import ON_NUMBERS, Recording
from tinygrad_ed.tape.text import Names, function_text
from tinygrad_ed.tape.traced import OPERATORS, Traced, operands, traced_in

MANY = 1000
"""With fewer steps on single numbers, lines of Python are as quick."""

WIDE = 100
"""A NumPy call costs as much as so many steps in Python: the mean width of the groups from which levels pay."""

FUNCTIONS: dict[Any, Any] = {
    **ON_NUMBERS,
    float: np.positive,
    OPERATORS["and"][1]: np.logical_and,
    OPERATORS["or"][1]: np.logical_or,
    OPERATORS["xor"][1]: np.logical_xor,
}
_ADD, _TRUE_OR_FLOAT = np.add, (float, bool)


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


@dataclass(frozen=True, eq=False)
class Levels:
    """The arena, which begins with so many `inputs` and the `constants`; the groups that are computed, in order.

    `outputs` are the positions of the numbers that are needed outside.
    """

    constants: Array
    inputs: int
    groups: list[Group]
    outputs: Array

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


def level(recording: Recording) -> str:
    """Put levels in place of the steps on single numbers, where that pays; say why or why not."""
    few = sum([_on_numbers(step) for step in recording.steps])
    if few < MANY:
        return f"{few} steps on single numbers: lines of Python (levels pay from {MANY})"
    numbers, late = _sorted_out(recording.steps)
    if any([type(x) is int and not is_exact(x) for step in numbers for x in step.args]):
        return f"{len(numbers)} steps on single numbers: lines of Python (a whole number among them is no float)"
    plan = _Plan(recording, numbers, late)
    members = plan.members()
    words, width = f"{plan.live.sum()} steps on single numbers", plan.live.sum() / max(len(members), 1)
    if width < WIDE:
        return (
            f"{words} in {len(members)} groups, {width:.0f} in each on average: too narrow for levels (they pay from "
            f"{WIDE}), so lines of Python"
        )
    _replace(recording, plan, plan.levels(members))
    return f"{words}, done level by level in {len(members)} groups"


def _on_numbers(step: Traced) -> bool:
    return step.fn in FUNCTIONS and type(step.value) in _TRUE_OR_FLOAT


def _sorted_out(steps: list[Traced]) -> tuple[list[Traced], set[Traced]]:
    """Return the steps to be levelled, and those that come after all of them, for they use a result of theirs."""
    numbers: list[Traced] = []
    late: set[Traced] = set()
    for step in steps:
        if _on_numbers(step):
            if late and not late.isdisjoint([x for x in step.args if type(x) is Traced]):
                late.add(step)
            else:
                numbers.append(step)
        elif any([x in late or _on_numbers(x) for x in operands(step)]):
            late.add(step)
    return numbers, late


class _Plan:
    """The steps on numbers as arrays of positions: 0, 1, ... for them, then the values from outside, then constants."""

    def __init__(self, recording: Recording, numbers: list[Traced], late: set[Traced]) -> None:
        self.numbers, self.late = numbers, late
        self.count = n = len(numbers)
        for i, step in enumerate(numbers):
            step.at = i
        self.sources: list[Traced] = []
        constants: dict[Any, int] = {}
        found: list[int] = []
        for step in numbers:
            for x in step.args:
                if type(x) is Traced:
                    if x.tape is not recording:
                        recording.refuse()
                    if x.at < 0:
                        x.at = n + len(self.sources)
                        self.sources.append(x)
                    found.append(x.at)
                else:  # constants get numbers below -1 first: their place is known when all sources are
                    key = x or repr(float(x))  # 0.0 and -0.0 are equal
                    found.append(-2 - constants.setdefault(key, len(constants)))
        first = n + len(self.sources)
        self.constants = [float(key) for key in constants]
        self.total = first + len(constants)
        places = np.array([*found, -1, -1, -1])  # the last step may have one operand only
        places = np.where(places < -1, first - 2 - places, places)
        having = np.array([len(step.args) for step in numbers])
        begins = np.cumsum(having) - having
        self.args = [np.where(having > k, places[begins + k], -1) for k in range(3)]
        codes = {fn: k for k, fn in enumerate(FUNCTIONS)}
        self.code = np.array([codes[step.fn] for step in numbers])
        self.functions = list(FUNCTIONS.values())
        self.others = [step for step in recording.steps if not 0 <= step.at < n]
        wanted = [*traced_in(recording.results), *[x for x, _, _ in recording.decisions]]
        wanted += [x for step in self.others for x in operands(step)]
        self.outputs = sorted({x.at for x in wanted if 0 <= x.at < n})

    def members(self) -> list[Array]:
        """Find chains and heights; return the groups of steps that can be done at once, in order."""
        n, (a, b, _) = self.count, self.args
        self.live = live = self._live()
        uses = np.bincount(np.concatenate([x[live & (x >= 0)] for x in self.args]), minlength=self.total)
        uses[self.outputs] += 1
        # Chains of additions: an addition whose only user is an addition goes into that one.
        added = np.append(
            live & (np.array([f is _ADD for f in self.functions])[self.code]), np.zeros(self.total - n, bool)
        )
        inner = added & (uses == 1)
        left = added[:n] & inner[a]
        right = added[:n] & inner[b]
        before = np.where(left, a, np.where(right, b, -1))
        self.term = np.where(left, b, np.where(right, a, -1))
        self.level, self.terms = self._heights(live, before, self.term, added)
        self.head, self.additions = np.arange(n), np.flatnonzero(live & added[:n])
        for t in np.flatnonzero(before >= 0)[::-1].tolist():
            self.head[before[t]] = self.head[t]
        final = np.flatnonzero(live & (self.head == np.arange(n)))
        order = final[np.lexsort((self.terms[final], self.code[final], self.level[final]))]
        keys = np.stack([self.level[order], self.code[order], self.terms[order]])
        cuts = np.flatnonzero(np.any(keys[:, 1:] != keys[:, :-1], axis=0)) + 1
        return np.split(order, cuts) if len(order) else []

    def _live(self) -> Array:
        """Tell which steps the outputs depend on."""
        n, (a, b, c) = self.count, [x.tolist() for x in self.args]
        live = bytearray(self.total + 1)  # the last place is for "no operand", -1
        for at in self.outputs:
            live[at] = 1
        for t in range(n - 1, -1, -1):
            if live[t]:
                live[a[t]] = live[b[t]] = live[c[t]] = 1
        return np.frombuffer(live, np.uint8)[:n].astype(bool)

    def _heights(self, live: Array, before: Array, term: Array, added: Array) -> tuple[Array, Array]:
        """Return the level of each step, and for additions how many terms its chain has up to it."""
        n, (a, b, c) = self.count, [x.tolist() for x in self.args]
        height, below, terms = [0] * (self.total + 1), [0] * n, [0] * n
        chained, other, adds = before.tolist(), term.tolist(), added.tolist()
        for t in np.flatnonzero(live).tolist():
            p = chained[t]
            if p >= 0:
                highest = below[p] if below[p] > height[other[t]] else height[other[t]]
                terms[t] = terms[p] + 1
            else:
                x, y, z = height[a[t]], height[b[t]], height[c[t]]
                highest = x if x > y else y
                highest = highest if highest > z else z
                terms[t] = 2 if adds[t] else 0
            below[t], height[t] = highest, highest + 1
        return np.array(height[:n]), np.array(terms)

    def levels(self, members: list[Array]) -> Levels:
        """Lay the groups out in the arena."""
        n, (a, b, c), head, additions = self.count, self.args, self.head, self.additions
        first = self.total - n
        where = np.full(self.total, -1)
        where[n:] = np.arange(first)
        by_head = additions[np.argsort(head[additions], kind="stable")]  # the members of each chain, first to last
        ends = np.append(np.flatnonzero(np.diff(head[by_head])) + 1, len(by_head))
        start_of = (
            dict(zip(head[by_head[ends - 1]].tolist(), [0, *ends[:-1].tolist()], strict=True)) if len(by_head) else {}
        )
        groups = []
        position = first
        for group in members:
            count = int(self.terms[group[0]])
            if count:
                # Of a single column NumPy adds by halves; of two it adds row after row, so one alone is done twice.
                group = np.repeat(group, 2) if len(group) == 1 else group
                begins = np.array([start_of[h] for h in group.tolist()])
                links = by_head[begins[None, :] + np.arange(count - 1)[:, None]]
                ids = np.concatenate([a[links[:1]], b[links[:1]], self.term[links[1:]]])
                given: tuple[Any, ...] = (where[ids],)
            else:
                group = group[np.argsort(where[a[group]], kind="stable")]
                columns = [x[group] for x in (a, b, c) if x[group[0]] >= 0]
                given = tuple([_as_slice(where[x]) for x in columns])
            where[group] = np.arange(position, position + len(group))
            fn = self.functions[self.code[group[0]]]
            groups.append(Group(int(self.level[group[0]]), fn, given, position, position + len(group), count))
            position += len(group)
        return Levels(np.array(self.constants), len(self.sources), groups, where[self.outputs])


def _as_slice(positions: Array) -> Any:
    """Return a slice for neighbors, which are read without a gather; one number for all is read once."""
    if len(positions) and np.all(positions == positions[0]):
        return slice(int(positions[0]), int(positions[0]) + 1)
    if np.array_equal(positions, np.arange(positions[0], positions[0] + len(positions))):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def _replace(recording: Recording, plan: _Plan, levels: Levels) -> None:
    """Make one step of all levelled ones, whose results are its entries."""
    numbers = plan.numbers
    found = [numbers[at].value for at in plan.outputs]
    whole = Traced(recording, levels, tuple(plan.sources), None, found)
    parts: dict[Traced, Traced] = {}
    taken: list[Traced] = []
    for i, (at, x) in enumerate(zip(plan.outputs, found, strict=True)):
        taken.append(Traced(recording, operator.getitem, (whole, i), None, float(x)))
        if type(x) is bool:  # the levels hold 0.0 and 1.0
            taken.append(Traced(recording, bool, (taken[-1],), None, x))
        taken[-1].label = numbers[at].label
        parts[numbers[at]] = taken[-1]
    before = [step for step in plan.others if step not in plan.late]
    after = [step for step in plan.others if step in plan.late]
    for step in after:
        step.substitute(parts)
    recording.steps = [*before, whole, *taken, *after]
    recording.results = [parts.get(y, y) if type(y) is Traced else y for y in recording.results]
    recording.decisions = [(parts.get(x, x), outcome, line) for x, outcome, line in recording.decisions]
