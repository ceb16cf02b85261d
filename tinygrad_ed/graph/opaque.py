"""Opaque: a plain function as an op without a rule. Its derivatives are central differences, and are ops again.

A reader's rule that does not run on Nodes is run on plain arrays (see `rule.py`), and then nobody knows how its
result hangs on what it was given. An opaque op finds that out entry by entry:

    (u^T J)_i = u . (f(.., x + h e_i, ..) - f(.., x - h e_i, ..)) / 2h

Where the function is linear (a rule is, in `g`), a long step is exact but for rounding. At a kink or a jump that no
short step avoids, the calmer of the two sides counts: of `d[x <= 0] = 0` at x = 0 that is the 0.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any, NoReturn

import numpy as np

from tinygrad_ed.errors import InvalidType, RuleError
from tinygrad_ed.graph.differences import Referee, power_of_two
from tinygrad_ed.graph.op import Op, Rule
from tinygrad_ed.graph.values import Array, Value, constant, shape_of

Function = Callable[..., Any]


class Opaque(Op):
    """A plain function as an op.

    `linear` tells for each value whether `forward` is linear in it (None: no derivative by it is asked for), `again`
    what to take differences of, where that is not `forward`, `eps` how far its results may be off, relatively,
    `first_rule` the rule for the first value, where it is known, and `stacks` whether that may be a stack.
    """

    def __init__(
        self,
        name: str,
        forward: Function,
        linear: tuple[bool | None, ...],
        again: Function | None = None,
        eps: float = float(np.finfo(float).eps),
        first_rule: Rule | None = None,
        stacks: bool = False,
    ) -> None:
        rules: list[Rule | None] = [None if kind is None else self._rule(i) for i, kind in enumerate(linear)]
        rules[0] = first_rule or rules[0]
        super().__init__(name, forward, tuple(rules))
        self.again, self.linear, self.eps, self.stacks = again or forward, linear, eps, stacks
        self.guarded = False  # its rules are ours
        self.pulled = partial(cache(_pulled), self)

    def _rule(self, i: int) -> Rule:
        return lambda u, y, *values, **params: self.pulled(i)(u, *values, **params)

    def __reduce__(self) -> NoReturn:
        raise InvalidType(
            f"op {self.name!r} cannot be pickled: it takes differences of a rule that does not run on Nodes; "
            "pickle what was computed without create_graph, or write the rule with operators and functions of tg"
        )

    def _evaluate(self, values: list[Any], params: dict[str, Any], inputs: tuple[Any, ...], floats: bool) -> Value:
        value: Value = constant(self.forward(*values, **params))
        return value

    def push(self, i: int, v: Any, *values: Any, **params: Any) -> Array:
        """Compute J_i v, also for a stack of many v."""
        shape = shape_of(values[i])
        stack = np.shape(v)[: np.ndim(v) - len(shape)]
        slopes = np.array(list(self._slopes(i, np.reshape(v, (math.prod(stack), *shape)), values, params)))
        return slopes.reshape((*stack, *slopes.shape[1:]))

    def pull(self, i: int, u: Any, *values: Any, **params: Any) -> Array:
        """Compute u^T J_i, also for a stack of many u, beside which J_i is not large."""
        shape, ndim = shape_of(values[i]), np.ndim(self.forward(*values, **params))
        stack, result = np.shape(u)[: np.ndim(u) - ndim], np.shape(u)[np.ndim(u) - ndim :]
        units = (np.reshape(np.arange(math.prod(shape)) == k, shape).astype(float) for k in range(math.prod(shape)))
        slopes = self._slopes(i, units, values, params)
        if not stack:
            return np.array([np.vdot(u, slope) for slope in slopes]).reshape(shape)
        columns = np.reshape(np.array(list(slopes)), (math.prod(shape), *result))
        return np.tensordot(u, columns, (range(-ndim, 0), range(1, ndim + 1))).reshape((*stack, *shape))

    def _slopes(self, i: int, vs: Iterable[Array], values: tuple[Any, ...], params: dict[str, Any]) -> Iterator[Array]:
        """Tell how the result moves when one of the values moves along each v."""
        x, function = np.asarray(values[i], dtype=float), self.forward if self.linear[i] else self.again
        referee = Referee(self.eps, self.eps ** (1 / 3), 8 * self.eps**0.5)

        def line(t: float) -> Array:
            moved: Any = x + t * v
            result = function(*values[:i], moved if x.ndim else float(moved), *values[i + 1 :], **params)
            return np.asarray(result, dtype=float)

        v = np.zeros_like(x)
        here = line(0.0)
        for v in vs:
            size = float(np.max(np.abs(x), where=(v != 0) | bool(self.linear[i]), initial=0.0))
            starts = [power_of_two(size or 1.0)] if self.linear[i] else referee.starts(size)
            length = float(np.max(np.abs(v), initial=0.0)) or 1.0
            found = referee.limit(line, here, [start / length for start in starts])
            left, right = found.slope - found.gap / 2, found.slope + found.gap / 2
            yield np.where(found.settled, found.slope, np.where(np.abs(left) < np.abs(right), left, right))
        if not np.allclose(line(0.0), here, equal_nan=True):
            raise RuleError(
                f"the rule of op {self.name.rstrip(chr(39))!r} does not run on Nodes, and its derivative cannot be "
                "found by trying it on plain arrays either: with the same inputs the op gives other results each time; "
                "write the rule with operators and functions of tg, or make what is random an input"
            )


def _pulled(op: Opaque, i: int) -> Opaque:
    """Return the op (u, *values) -> u^T J_i of another. It is linear in u, and its own rule for that is v -> J_i v."""
    pulled: Opaque
    make = partial(Opaque, f"{op.name}'", linear=(True, *op.linear), eps=op.eps ** (2 / 3), stacks=True)
    pushed = make(partial(op.push, i), first_rule=lambda u, y, v, *rest, **params: pulled(u, *rest, **params))
    pulled = make(partial(op.pull, i), first_rule=lambda v, y, u, *rest, **params: pushed(v, *rest, **params))
    return pulled
