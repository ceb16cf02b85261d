"""What an op sends to one of its inputs in a sweep: its rule, called and checked. Broadcasting is undone here alone."""

from collections.abc import Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from functools import cache
from textwrap import shorten
from typing import Any

import numpy as np

from tinygrad_ed.errors import GraphDropped, RuleError
from tinygrad_ed.graph.grad_mode import losing
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import Op
from tinygrad_ed.graph.opaque import Opaque
from tinygrad_ed.graph.values import HALF, Lifted, constant, read_only, shape_of, wide

NOT_PLAIN = (Node, Lifted)

run_plainly: ContextVar[dict[str, str] | None] = ContextVar("run plainly", default=None)
"""Where to note which op has a rule that does not run on Nodes, and why."""


def same(g: Any, y: Any, *inputs: Any) -> Any:
    """Pass the gradient on, as a sum does to each of its inputs."""
    return g


def times_second(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Multiply the gradient by the second input: the rule of a product for its first one."""
    return g * b


def times_first(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Multiply the gradient by the first input: the rule of a product for its second one."""
    return g * a


def contribution(
    op: Op,
    position: int,
    g: Any,
    y: Any,
    inputs: Sequence[Any],
    params: dict[str, Any] | None,
    arg: Node,
    as_it_is: bool = False,
) -> Any:
    """Return what the op's rule sends to one input, of that input's shape and dtype; None if it has no rule.

    A reader's rule may know no more than plain arrays; unless it is to be run as it is, it gets them.
    """
    rule = op.rules[0 if op.variadic else position]
    if rule is None:
        return None
    if op.guarded:
        if not as_it_is and any([isinstance(v, NOT_PLAIN) for v in (g, y, *inputs)]):
            return _of_a_reader(op, position, g, y, inputs, params or {}, arg)
        g, y, *inputs = [read_only(v) if isinstance(v, np.ndarray) else v for v in (g, y, *inputs)]
    if op.variadic:
        inputs = (position, *inputs) if op.reads_inputs else (position,)
    try:
        part = rule(g, y, *inputs) if params is None else rule(g, y, *inputs, **params)
    except ArithmeticError:  # floats raise where NumPy says inf or nan, with its warning
        part = rule(*[np.float64(v) if type(v) is float else v for v in (g, y, *inputs)], **(params or {}))
    except Exception as error:
        mend = "; what it is given is read-only: write `g = 2 * g`, not `g *= 2`" if "read-only" in str(error) else ""
        error.add_note(f"(raised by the derivative rule of op {op.name!r} for input {position}{mend})")
        raise
    if op.guarded and type(part) is np.ndarray:
        part = part.copy()  # the reader may use it again
    want: Any = arg._value
    kind = type(part)
    if kind is type(want) and (
        kind is float or (part.shape == want.shape and part.dtype is want.dtype and part.dtype is not HALF)
    ):
        return part
    return fitted(part if isinstance(y, Node) else plain(part), want, op, position)


def _of_a_reader(
    op: Op, position: int, g: Any, y: Any, inputs: Sequence[Any], params: dict[str, Any], arg: Node
) -> Any:
    """Return what a reader's rule sends where there are Nodes, a batch, or values that are recorded.

    Of a batch it gets one gradient after the other. Nodes it gets to try; where it does not run on them, loses the
    derivative, or gives other numbers than for arrays, an opaque op runs it on plain arrays.
    """
    if isinstance(g, Lifted) and g.many:
        return g.of([contribution(op, position, row, y, inputs, params, arg) for row in g.rows()])
    if isinstance(y, Node) and not isinstance(g, Node):
        g = Node(g)  # the result hangs on it: a plain one has lost its derivative
    opaque, values = _opaque(op, position, len(inputs)), (g, y, *inputs)
    lifted = [x for x in map(plain, values) if isinstance(x, Lifted)]
    token = losing.set(False)
    try:
        with lifted[0].undone_if_it_fails() if lifted else nullcontext():
            part = contribution(op, position, g, y, inputs, params, arg, True)
            if isinstance(y, Node) and not isinstance(part, Node) and np.any(part):
                raise GraphDropped(f"it returned {part!r}, which is no Node")
            here = opaque.forward(*map(_now, values), **params)
            if not np.allclose(_now(part), here, 1e-3, 1e-3 * np.max(np.abs(here), initial=0.0), equal_nan=True):
                raise GraphDropped("it gives other numbers for Nodes than for arrays")
            return part
    except Exception as error:  # noqa: BLE001  # whatever it is, the rule may run on plain arrays all the same
        noted = run_plainly.get()
        if noted is not None:
            noted.setdefault(op.name, shorten(f"{type(error).__name__}: {error}", 100, placeholder=" ..."))
    finally:
        losing.reset(token)
    return opaque(g, plain(y), *inputs, **params)


def _now(x: Any) -> Any:
    """Return the numbers of a Node, or of what is recorded."""
    value = plain(x)
    return value._now() if isinstance(value, Lifted) else value


@cache
def _opaque(op: Op, position: int, count: int) -> Opaque:
    """Return the op (g, y, *inputs) -> what a rule sends; the differences move y with the inputs."""

    def forward(g: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        return contribution(op, position, g, y, inputs, params, Node(inputs[position]), True)

    def again(g: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        return forward(g, op(*inputs, **params), *inputs, **params)

    return Opaque(f"{op.name}'", forward, (True, None, *[False] * count), again)


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
    if shape_of(want):
        dtype = np.float32 if want.dtype == HALF else want.dtype
        part = part if plain(part).dtype == dtype else part.astype(dtype)
    return part


SHORT = 16
"""Rows of fewer entries are summed by a matrix product: of (400,000, 3) in a tenth of the time of np.sum."""


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
    if repeated == [len(have) - 1] and not extra and have[-1] < SHORT and type(g) is np.ndarray:
        return (wide(g) @ np.ones(have[-1], g.dtype))[..., None]
    summed = wide(g).sum(axis=(*range(extra), *repeated))
    if isinstance(g, NOT_PLAIN):
        return summed.reshape(shape) if repeated else summed
    return summed.reshape(shape) if shape else float(summed)
