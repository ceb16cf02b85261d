"""What an op sends to one of its inputs in a sweep: its rule, called and checked. Broadcasting is undone here alone.

>>> from tinygrad_ed import ops
>>> contribution(ops.add, 1, np.ones((2, 3)), None, [np.ones((2, 3)), np.ones(3)], None, Node(np.ones(3)))
array([2., 2., 2.])
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import RuleError
from tinygrad_ed.node import Node, plain
from tinygrad_ed.operation import Op
from tinygrad_ed.ops.reduce import HALF, wide
from tinygrad_ed.ops.shape import astype, reshape
from tinygrad_ed.values import Lifted, constant, read_only, shape_of

NOT_PLAIN = (Node, Lifted)


def contribution(
    op: Op, position: int, g: Any, y: Any, inputs: Sequence[Any], params: dict[str, Any] | None, arg: Node
) -> Any:
    """What the op's rule sends to one input, of that input's shape and dtype; None if it has no rule."""
    rule = op.rules[0 if op.variadic else position]
    if rule is None:
        return None
    if op.guarded:
        g, y, *inputs = [read_only(v) if isinstance(v, np.ndarray) else v for v in (g, y, *inputs)]
    if op.variadic:
        inputs = (position, *inputs)
    try:
        part = rule(g, y, *inputs) if params is None else rule(g, y, *inputs, **params)
    except ArithmeticError:  # floats raise where NumPy says inf or nan, with its warning
        part = rule(*[np.float64(v) if type(v) is float else v for v in (g, y, *inputs)], **(params or {}))
    except Exception as error:
        error.add_note(f"(raised by the derivative rule of op {op.name!r} for input {position})")
        raise
    want: Any = arg._value
    kind = type(part)
    if kind is type(want) and (kind is float or (part.shape == want.shape and part.dtype is want.dtype)):
        return part
    return fitted(part if isinstance(y, Node) else plain(part), want, op, position)


def fitted(part: Any, want: Any, op: Op, position: int) -> Any:
    """Undo broadcasting, here and nowhere else, and see that a gradient has its input's shape and dtype."""
    alike = type(part) is type(want) is np.ndarray and part.dtype is want.dtype
    if alike and op.broadcasts and part.shape[1:] == want.shape and part.dtype != HALF:  # of a bias, most often
        return np.add.reduce(part)
    if not isinstance(part, NOT_PLAIN):
        try:
            part = constant(part)
        except TypeError as error:
            raise RuleError(
                f"the derivative rule of op {op.name!r} for input {position} returned {part!r}, not a gradient"
            ) from error
    if shape_of(part) != shape_of(want):
        part = _unbroadcast(part, shape_of(want), op, position)
    if isinstance(part, Lifted) and shape_of(want) == ():
        return part.as_number()
    dtype = getattr(want, "dtype", None)  # a float has none
    if shape_of(want) and plain(part).dtype != dtype:
        part = astype(part, dtype=dtype)
    return part


def _unbroadcast(g: Any, shape: tuple[int, ...], op: Op, position: int) -> Any:
    """Sum over the axes along which an input of this shape was repeated."""
    have = shape_of(g)
    extra = len(have) - len(shape)
    repeated = [i + extra for i, n in enumerate(shape) if n == 1 and have[i + extra] != 1] if extra >= 0 else []
    kept = tuple([1 if i in repeated else n for i, n in enumerate(have)][max(extra, 0) :])
    if not op.broadcasts or kept != shape:
        raise RuleError(
            f"the derivative rule of op {op.name!r} for input {position} returned a gradient of shape {have}, "
            f"but that input has shape {shape}; a rule must return its input's shape"
            + ("" if op.broadcasts else " (if the inputs of the op broadcast, say so: tg.op(..., broadcasts=True))")
        )
    summed = wide(g).sum(axis=(*range(extra), *repeated))
    if isinstance(g, NOT_PLAIN):
        return reshape(summed, shape=shape) if repeated else summed
    return summed.reshape(shape) if shape else float(summed)
