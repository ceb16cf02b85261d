"""What makes a program shorter: each pass looks at one step and its operands.

The numbers stay the same to the last bit but for one pass: a sum of products of entries becomes a product of vectors
(up to `DOT_UP_TO` entries), which rounds in another order.
"""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.tape.record import Recording, is_ufunc
from tinygrad_ed.tape.traced import Traced, converted, traced_in

REDUCTIONS: dict[Any, Any] = {
    np.sum: np.add.reduce,
    np.prod: np.multiply.reduce,
    np.max: np.maximum.reduce,
    np.min: np.minimum.reduce,
    np.any: np.logical_or.reduce,
    np.all: np.logical_and.reduce,
}
FOLDS = frozenset([np.add.reduce, np.multiply.reduce, np.maximum.reduce, np.minimum.reduce])

DOT_UP_TO = 4096
"""Up to so many entries a sum of products is a product of vectors: quicker, and rounded in another order."""

SUMMED = -2
"""The place `at` of a sum before its factor: it may be out of range where the sum of the products is not."""

_REPEATING = (np.broadcast_to, ops.broadcast_to)
_MINUS, _SIZE = (np.negative, operator.neg), (np.absolute, operator.abs, abs)
_TIMES, _OVER = (np.multiply, operator.mul), (np.divide, operator.truediv)


def operands(step: Traced) -> list[Traced]:
    """Return the traced values that a step takes, in order, repeated where repeated."""
    found = []
    for arg in step.args:
        if type(arg) is Traced:
            found.append(arg)
        elif isinstance(arg, tuple | list | slice):
            found += traced_in(arg)
    return found + traced_in(step.kwargs) if step.kwargs else found


def key_of(step: Traced) -> Any:
    """Return a key of the step; equal keys mean equal results."""
    number = type(step.value) is float  # what NumPy gives for float32 is none
    return step.fn, frozen(step.args), frozen(step.kwargs), frozen(step.errors), number


def frozen(tree: Any) -> Any:
    """Return what can be compared and hashed in place of `tree`; the id of what is neither a container nor a number."""
    if isinstance(tree, tuple | list):
        return type(tree), tuple([frozen(branch) for branch in tree])
    if isinstance(tree, dict):
        return tuple([(key, frozen(tree[key])) for key in sorted(tree)])
    if isinstance(tree, slice):
        return slice, frozen((tree.start, tree.stop, tree.step))
    if type(tree) is float:  # 0.0 and -0.0 are equal, and NaN is not equal to itself
        return float, tree.hex()
    if isinstance(tree, str | int | np.dtype | None):
        return type(tree), tree
    return type(tree), id(tree)


def simplified(step: Traced, recording: Recording, steps: list[Traced]) -> Traced | None:
    """Make the step simpler, in place; return another value if that is the result already."""
    if step.fn in REDUCTIONS:
        _as_reduction(step)
    if step.fn in FOLDS and is_plain_reduction(step):
        _fold(step, steps)
    if isinstance(step.fn, np.ufunc) and step.fn.signature is None and isinstance(step.value, np.ndarray):
        for i in range(len(step.args)):  # one after the other: each relies on what the others are then
            x = _as_number(_unrepeated(step.args[i], step), step, recording)
            step.args = (*step.args[:i], x, *step.args[i + 1 :])
    if step.fn in _SIZE and type(x := step.args[0]) is Traced and x.fn in _MINUS and x.dtype.kind == "f":
        step.args = x.args  # |-x| is |x|: the sigmoids of x and of -x, which its derivative takes, share their exp
    same = _same(step)
    if same is not None and _alike(same.value, step.value):
        return same
    _joined_factors(step)
    return None


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


def _fold(step: Traced, steps: list[Traced]) -> None:
    """Replace a fold of single entries by a move, and the sum of all products of two arrays by a product of vectors."""
    (x,), given = step.args, step.kwargs or {}
    axis = given.get("axis", 0)
    folded = range(x.ndim) if axis is None or not x.ndim else np.lib.array_utils.normalize_axis_tuple(axis, x.ndim)
    if all([x.shape[i] == 1 for i in folded]) and x.dtype == step.dtype and x.ndim:
        whole = isinstance(step.value, np.ndarray)
        step.fn, step.args = (np.reshape, (x, step.shape)) if whole else (operator.getitem, (x, (0,) * x.ndim))
        step.kwargs = None
    elif step.fn == np.add.reduce and type(step.value) is float and x.dtype.kind == "f" and x.size <= DOT_UP_TO:
        factor, product = _factor(x)
        product = product if type(product) is Traced else x
        pair = product.args * 2 if product.fn is np.square else product.args if product.fn in _TIMES else ()
        if len(pair) == 2 and all([type(y) is Traced and _alike(y.value, x.value) for y in pair]):
            flat = {y: Traced(step.tape, np.ravel, (y,), None, np.ravel(y.value)) for y in pair}
            steps += flat.values()
            step.fn, step.args, step.kwargs = np.dot, tuple([flat[y] for y in pair]), None
            if factor is not None:
                dot = Traced(step.tape, np.dot, step.args, None, step.value / factor if factor else 0.0)
                dot.at = SUMMED
                steps.append(dot)
                step.fn, step.args = operator.mul, (factor, dot)


def _as_number(x: Any, step: Traced, recording: Recording) -> Any:
    """Replace a constant array of equal numbers by the number, where the result keeps its shape and dtype."""
    if type(x) is Traced and x.fn is np.where and x.dtype == step.dtype and (number := _chosen(x)) is not None:
        others = [y for y in step.args if y is not x and type(y) is Traced]
        return number if any([y.shape == step.shape and y.dtype == step.dtype for y in others]) else x
    if not isinstance(x, np.ndarray) or not x.size or x.dtype.kind != "f" or not recording.belongs_to_f(x):
        return x
    others = [y for y in step.args if type(y) is Traced and isinstance(y.value, np.ndarray)]
    alike = any([y.shape == step.shape and y.dtype == x.dtype for y in others])
    first = x.flat[0]
    return float(first) if alike and (first or not np.signbit(x).any()) and np.all(x == first) else x


def _unrepeated(x: Any, step: Traced) -> Any:
    """Return an operand without its broadcasting, where the other operand brings the shape and the dtype."""
    if type(x) is Traced and x.fn in _REPEATING:
        source = x.args[0]
        others = [y for y in step.args if type(y) is Traced and y.shape == step.shape and y.fn not in _REPEATING]
        if type(source) is Traced and any([y.dtype == step.dtype == x.dtype for y in others]):
            return source
    return x


def _chosen(x: Traced) -> float | None:
    """Return the one number that np.where gives: both are the same, or the condition holds nowhere (`mask & False`)."""
    if x.kwargs or len(x.args) != 3:
        return None
    condition, a, b = x.args
    if type(condition) is Traced and condition.fn is np.bitwise_and and any([y is False for y in condition.args]):
        a = b
    return a if type(a) is float and type(b) is float and a.hex() == b.hex() else None


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
    if fn in (np.transpose, np.swapaxes) and first.fn is fn and _turned_back(step, first):
        return first.args[0] if type(first.args[0]) is Traced else None
    return None


def _turned_back(step: Traced, inner: Traced) -> bool:
    """Tell whether both turn all axes, or swap the same two."""
    axes, others = step.args[1:], inner.args[1:]
    if step.kwargs or inner.kwargs or not all([x is None or type(x) is int for x in (*axes, *others)]):
        return False
    return axes == others and (step.fn is np.swapaxes or axes in ((), (None,)))


def _alike(a: Any, b: Any) -> bool:
    """Tell whether one value may stand for the other: same kind, shape and dtype."""
    return type(a) is type(b) and np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.asarray(b).dtype


def _joined_factors(step: Traced) -> None:
    """Write c1 (c2 x) as (c1 c2) x: equal to the last bit if a factor is a power of two and nothing overflows."""
    factor, x = _factor(step)
    if factor is not None and type(x) is Traced and _alike(x.value, step.value):
        inner, y = _factor(x)
        if inner is None or type(y) is not Traced or step.dtype.itemsize < 4:
            return
        # In between nothing gets out of range that does not get so now, but within a factor of 2 of the largest number.
        moderate = all([1e-6 < abs(c) < 1e6 for c in (factor, inner)]) and (abs(inner) <= 2 or abs(factor) >= 1)
        if moderate and (_power_of_two(factor) or _power_of_two(inner)):
            step.fn, step.args = x.fn, (factor * inner, y)


def _factor(step: Traced) -> tuple[float | None, Any]:
    if step.fn in _TIMES and len(step.args) == 2 and not step.kwargs:
        for c, x in (step.args, step.args[::-1]):
            if type(c) is float and math.isfinite(c):
                return c, x
    return None, None


def _power_of_two(x: float) -> bool:
    return x != 0 and abs(math.frexp(x)[0]) == 0.5


def needed(steps: list[Traced], roots: Iterable[Traced]) -> list[Traced]:
    """Return the steps that the roots depend on."""
    live = set(roots)
    kept = []
    for step in reversed(steps):
        if step in live:
            live.update(operands(step))
            kept.append(step)
    return kept[::-1]
