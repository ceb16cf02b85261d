"""The sweep of `backward.py` once more, for values only, and written out: read that one first.

Most ops have one or two inputs, no parameters, and rules that give what their inputs want. For these each question that
is not asked, and each call that is not made, is worth more than the arithmetic. Whatever is different is left to
`contribution`; and in a graph of single numbers what arrives is added up in the nodes themselves.
"""

import threading
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from tinygrad_ed.contribution import contribution, fitted
from tinygrad_ed.node import Node, last_renewal, plain
from tinygrad_ed.operation import OPS
from tinygrad_ed.recording import observer

by_id = attrgetter("id")
_one_at_a_time = threading.Lock()  # two threads may sweep through the same leaves


def sweep_values(order: list[Node], seeds: Mapping[Node, Any], between: set[Node] | None = None) -> dict[Node, Any]:
    """Send the seeds back through `order` and return what arrived where, as `backward.sweep` does without a graph.

    >>> from tinygrad_ed import ops
    >>> x = Node([1.0, 2.0])
    >>> y = x * x
    >>> sweep_values([y, x], {y: x.value})[x]
    array([2., 8.])
    """
    arrived = dict(seeds)
    get = arrived.get
    for node in order:
        op, g = node.op, get(node)
        if op is None or g is None:
            continue
        y, first, second = node._value, node._first, node._second
        a = first._value if isinstance(first, Node) else first
        b = second._value if isinstance(second, Node) else second
        by_first = by_second = None
        try:
            if not op.quick or node.params is not None:
                _slowly(node, g, arrived, between)
            elif op.single:
                by_first = op.rules[0](g, y, a)
            else:
                if a is not first and (between is None or first in between):
                    by_first = op.rules[0](g, y, a, b)
                if b is not second and (between is None or second in between):
                    by_second = op.rules[1](g, y, a, b)
        except ArithmeticError:  # of floats; nothing has been added yet
            _slowly(node, g, arrived, between)
            continue
        if by_first is not None:
            if type(by_first) is not type(a) or _differs(by_first, a):
                by_first = fitted(by_first, a, op, 0)
            sofar = get(first)
            arrived[first] = by_first if sofar is None else sofar + by_first
        if by_second is not None:
            if type(by_second) is not type(b) or _differs(by_second, b):
                by_second = fitted(by_second, b, op, 1)
            sofar = get(second)
            arrived[second] = by_second if sofar is None else sofar + by_second
    return arrived


def _differs(part: Any, want: Any) -> bool:
    """Whether a gradient, of the same type, is of another shape or dtype than its input."""
    return type(part) is not float and (part.shape != want.shape or part.dtype is not want.dtype)


def _slowly(node: Node, g: Any, arrived: dict[Node, Any], between: set[Node] | None) -> None:
    """Any node at all, by `contribution`."""
    args = node.args
    inputs = [plain(arg) for arg in args]
    for position, arg in enumerate(args):
        if isinstance(arg, Node) and (between is None or arg in between):
            part = contribution(node.op, position, g, node._value, inputs, node.params, arg)
            if part is not None:
                sofar = arrived.get(arg)
                arrived[arg] = part if sofar is None else sofar + part


def sweep_numbers(root: Node, seed: float) -> bool:
    """Fill `.grad` on `root` and on all that it depends on; False if there is more than single numbers in the graph.

    False as well where a rule fails, where the graph is outdated or somebody watches: `backward.py` knows what to say.
    The rules of sum and product, of which most graphs of numbers are made, are written out here.

    >>> from tinygrad_ed import ops
    >>> x = Node(3.0)
    >>> sweep_numbers(x * x, 1.0), x.grad
    (True, 6.0)
    """
    if observer.get() is not None:
        return False
    add, multiply = OPS["add"], OPS["multiply"]
    token = float("-0.0")  # a new object, which marks what was seen; and -0.0 + g is g, to the sign of a zero
    order: list[Any] = []
    with _one_at_a_time:
        try:
            _list_nodes(root, token, order)
            root._grad = seed
            for node in order:
                g, op, first, second = node._grad, node.op, node._first, node._second
                if op is add:
                    if isinstance(first, Node):
                        first._grad += g
                    if isinstance(second, Node):
                        second._grad += g
                elif op is multiply:
                    if not isinstance(second, Node):
                        first._grad += g * second
                    elif not isinstance(first, Node):
                        second._grad += g * first
                    else:
                        first._grad += g * second._value
                        second._grad += g * first._value
                elif op.single:
                    first._grad += op.rules[0](g, node._value, first._value)
                else:
                    a, b = plain(first), plain(second)
                    if a is not first:
                        first._grad += op.rules[0](g, node._value, a, b)
                    if b is not second:
                        second._grad += op.rules[1](g, node._value, a, b)
        except (ArithmeticError, _NotOfNumbers):
            for node in order:
                for seen in (node, node._first, node._second):
                    if isinstance(seen, Node):
                        seen._grad = None
            return False
    return True


class _NotOfNumbers(Exception):
    """There is something in the graph that `sweep_numbers` leaves to others."""


def _list_nodes(root: Node, token: float, inner: list[Any]) -> None:
    """Fill the list with the nodes that have inputs, newest first, and mark them and their inputs.

    An op of numbers gives a number only where all its inputs are numbers, so that of the values only the root's is
    looked at.
    """
    root._grad = token
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        op = node.op
        if op is None:
            continue
        if not op.of_numbers:
            raise _NotOfNumbers
        inner.append(node)
        first, second = node._first, node._second
        if isinstance(first, Node) and first._grad is not token:
            first._grad = token
            stack.append(first)
        if isinstance(second, Node) and second._grad is not token:
            second._grad = token
            stack.append(second)
    inner.sort(key=by_id, reverse=True)
    if inner and inner[-1].id < last_renewal[0] and any([_outdated(node) for node in inner]):
        raise _NotOfNumbers


def _outdated(node: Any) -> bool:
    """Whether an input got a new value after the node was computed."""
    return any([isinstance(arg, Node) and arg.id > node.id for arg in (node._first, node._second)])
