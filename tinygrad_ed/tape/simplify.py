"""What makes a program shorter: the same numbers, to the last bit, in fewer steps.

In one walk forward every step is simplified and looked up among the earlier ones: the same call on the same operands
is made once. A walk backward then drops what no result and no decision needs.
"""

import operator
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.graph.nested import rebuilt
from tinygrad_ed.tape.levels import level
from tinygrad_ed.tape.record import Recording, is_ufunc
from tinygrad_ed.tape.traced import Traced, converted, operands, traced_in

REDUCTIONS: dict[Any, Any] = {
    np.sum: np.add.reduce,
    np.prod: np.multiply.reduce,
    np.max: np.maximum.reduce,
    np.min: np.minimum.reduce,
    np.any: np.logical_or.reduce,
    np.all: np.logical_and.reduce,
}
_MINUS, _SIZE = (np.negative, operator.neg), (np.absolute, operator.abs, abs)
_TIMES, _OVER = (np.multiply, operator.mul), (np.divide, operator.truediv)


class Program:
    """The shortened program of a recording, single numbers by levels where that pays.

    Attributes:
        inputs: the values that a call brings.
        steps: the values that are computed, in order; each knows its call (`fn`, `args`, `kwargs`).
        results: the entries of the result: traced values and constants; `output` has their nesting.
        decisions: (value, outcome, line): what must come out again, or the program does not hold.
        arguments: the name of each argument, with the traced values in place of its entries.
        why: whether single numbers are computed by levels or by lines of Python, and why.
        recorded: how many steps the recording had.
    """

    def __init__(self, recording: Recording) -> None:
        self.inputs, self.arguments = recording.inputs, recording.arguments
        self.recorded, self.why = len(recording.steps), level(recording)
        changed: dict[Traced, Traced] = {}
        known: dict[Any, Traced] = {}
        steps: list[Traced] = []
        for step in recording.steps:
            if changed:
                step.substitute(changed)
            if any([x.tape is not recording for x in operands(step)]):
                recording.refuse()
            same = simplified(step, recording)
            if same is None:
                same = known.setdefault(key_of(step), step)
            if same is step:
                steps.append(step)
            else:
                changed[step] = same
                if same.label is None:
                    same.label = step.label
        self.results = [changed.get(y, y) if type(y) is Traced else y for y in recording.results]
        self.output = rebuilt(recording.output, iter(self.results))
        self.decisions = [(changed.get(x, x), outcome, line) for x, outcome, line in recording.decisions]
        live = {*traced_in(self.results), *[x for x, _, _ in self.decisions]}
        self.steps: list[Traced] = []
        for step in reversed(steps):
            if step in live:
                live.update(operands(step))
                self.steps.append(step)
        self.steps.reverse()

    @cached_property
    def precision(self) -> float:
        """The rounding of the least exact dtype among its numbers."""
        dtypes = {x.dtype for x in [*self.inputs, *self.steps] if not isinstance(x.value, list | tuple)}
        return max([float(np.finfo(dtype).eps) for dtype in dtypes if dtype.kind == "f"], default=2.0**-52)


def key_of(step: Traced) -> Any:
    """Return a key of the step; equal keys mean equal results."""
    number = type(step.value) is float  # what NumPy gives for float32 is none
    return step.fn, frozen(step.args), frozen(step.kwargs), frozen(step.errors), number


def frozen(tree: Any) -> Any:
    """Return what can be compared and hashed in place of `tree`; the id of what is neither a container nor a number."""
    kind = type(tree)
    if kind is float:  # 0.0 and -0.0 are equal, and NaN is not equal to itself
        return tree.hex()
    if kind is Traced:
        return id(tree)
    if isinstance(tree, tuple | list):
        return kind, tuple([frozen(branch) for branch in tree])
    if isinstance(tree, dict):
        return tuple([(key, frozen(tree[key])) for key in sorted(tree)])
    if isinstance(tree, slice):
        return slice, frozen((tree.start, tree.stop, tree.step))
    return kind, tree if isinstance(tree, str | int | np.dtype | None) else id(tree)


def simplified(step: Traced, recording: Recording) -> Traced | None:
    """Make the step simpler, in place; return another value if that is the result already."""
    if step.fn in REDUCTIONS:
        _as_reduction(step)
    if step.kwargs and is_plain_reduction(step):
        step.kwargs = {key: x for key, x in step.kwargs.items() if x is not False}
    if isinstance(step.fn, np.ufunc) and step.fn.signature is None and isinstance(step.value, np.ndarray):
        step.args = tuple([_as_number(x, step, recording) for x in step.args])
    if step.fn in _SIZE and type(x := step.args[0]) is Traced and x.fn in _MINUS and x.dtype.kind == "f":
        step.args = x.args  # |-x| is |x|: the sigmoids of x and of -x, which its derivative takes, share their exp
    same = _same(step)
    if same is None:
        return None
    a, b = same.value, step.value
    return same if type(a) is type(b) and same.shape == step.shape and same.dtype == step.dtype else None


def _as_reduction(step: Traced) -> None:
    """Write np.sum(x, axis) as what it is, np.add.reduce."""
    x, *others = step.args
    given = {**dict(zip(("axis",), others, strict=False)), **(step.kwargs or {})}
    if len(others) <= 1 and given.keys() <= {"axis", "keepdims"}:
        axis = given.get("axis")
        step.fn, step.args = REDUCTIONS[step.fn], (x,)
        axis = int(axis) if isinstance(axis, np.integer) else axis
        step.kwargs = {**given, "axis": axis if axis is None or isinstance(axis, int) else tuple(axis)}


def is_plain_reduction(step: Traced) -> bool:
    """Tell whether it is a reduction, such as `np.add.reduce`, that was told of no more than its axis."""
    plain = len(step.args) == 1 and (step.kwargs or {}).keys() <= {"axis", "keepdims"}
    return plain and is_ufunc(step.fn) and step.fn.__name__ == "reduce"


def _as_number(x: Any, step: Traced, recording: Recording) -> Any:
    """Replace a constant array of equal numbers by the number, where the result keeps its shape and dtype."""
    if not isinstance(x, np.ndarray) or not x.size or x.dtype.kind != "f" or not recording.belongs_to_f(x):
        return x
    alike = any([type(y) is Traced and y.shape == step.shape and y.dtype == x.dtype for y in step.args])
    first = x.flat[0]
    return float(first) if alike and (first or not np.signbit(x).any()) and np.all(x == first) else x


def _same(step: Traced) -> Traced | None:
    """Return the operand that the step gives back unchanged, if there is one."""
    fn, args = step.fn, step.args
    first = args[0] if args and type(args[0]) is Traced else None
    if fn in _TIMES:
        for one, x in ((args[0], args[1]), (args[1], first)):
            if type(one) is float and one == 1.0:
                return x if type(x) is Traced else None
    if first is None:
        return None
    if (fn in _OVER or fn is np.power) and type(args[1]) is float and args[1] == 1.0:
        return first
    if fn in (np.positive, operator.pos, ops.identity.forward, ops.identity, ops.positive, converted):
        return first
    if fn in (np.reshape, np.broadcast_to, ops.broadcast_to, np.squeeze, np.ravel):
        return first
    return None
