"""The sweep of `backward.py` once more, for plain values, and written out: read that one first.

Most ops have one or two inputs, no parameters, and rules that give what their inputs want. For these each question that
is not asked, and each call that is not made, is worth more than the arithmetic. Whatever is different is left to
`contribution`. For `.grad` on all nodes, what arrives is added up in the nodes themselves (`sweep_in_place`); for some
nodes only, in a dictionary (`sweep_values`).
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_ed.contribution import contribution, fitted
from tinygrad_ed.node import Node, last_renewal, one_at_a_time, plain
from tinygrad_ed.operation import OPS
from tinygrad_ed.recording import observer

Array = np.ndarray
by_id = attrgetter("id")


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
            if not op.quick or type(first) is tuple:
                _slowly(node, g, arrived, between)
            elif op.single:
                by_first = op.rules[0](g, y, a) if between is None or first in between else None
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
    for arg, part in _parts(node, g, between):
        sofar = arrived.get(arg)
        arrived[arg] = part if sofar is None else sofar + part


def _parts(node: Node, g: Any, between: set[Node] | None = None) -> Iterator[tuple[Any, Any]]:
    """What a node sends to its inputs."""
    args = node.args
    inputs = [plain(arg) for arg in args]
    for position, arg in enumerate(args):
        if isinstance(arg, Node) and (between is None or arg in between):
            part = contribution(node.op, position, g, node._value, inputs, node.params, arg)
            if part is not None:
                yield arg, part


def sweep_in_place(root: Node, seed: Any) -> bool:
    """Fill `.grad` on `root` and on all that it depends on; False, and nothing is changed, if that is left to others.

    It is left to `backward.py` where somebody watches, where another thread is at it, where an op is a reader's own
    (its rule may sweep, too), where the graph is outdated, and where a rule fails: there the right words are found.

    >>> from tinygrad_ed import ops
    >>> x = Node(3.0)
    >>> sweep_in_place(x * x, 1.0), x.grad
    (True, 6.0)
    """
    mark = float("-0.0")  # a new object, in the place of a gradient: seen; and -0.0 + g is g, to the sign of a zero
    order: list[Any] = []
    older: list[Any] = []
    done = False
    # Two threads are no faster with numbers than one, so they wait; NumPy lets them work side by side.
    worth_waiting = root.op is not None and root.op.entrywise
    if observer.get() is not None or last_renewal[0] > root.id or not one_at_a_time.acquire(blocking=worth_waiting):
        return False
    try:
        leaves, all_numbers = _listed(root, mark, order, older)
        root._grad = seed
        if all_numbers and type(seed) is float:
            _through_numbers(order)
        else:
            _through_arrays(order, mark)
        for leaf in leaves:
            if leaf._grad is mark:
                leaf._grad = None
        done = True
    except (ArithmeticError, _LeftToOthers):
        pass
    finally:
        if not done:
            for node in order:
                for arg in node.parents:
                    arg._grad = None
            for node, gradient in older:
                node._grad = gradient
        one_at_a_time.release()
    return done


class _LeftToOthers(Exception):
    """There is something in the graph that `sweep_in_place` does not see to."""


def _listed(root: Node, mark: float, inner: list[Any], older: list[Any]) -> tuple[list[Any], bool]:  # noqa: C901  # for speed
    """Mark all nodes, list those with inputs, newest first; return the leaves, and whether all ops are of numbers.

    The gradients of an older sweep are listed as well; in a new graph there are none. An op of numbers gives a number
    only where its inputs are numbers, so no value need be looked at.
    """
    older.append((root, root._grad))
    root._grad = mark
    leaves: list[Any] = []
    stack: list[Any] = [root]
    all_numbers = True
    while True:  # Python 3.11 takes `while stack` for a loop not worth quickening
        if not stack:
            break
        node = stack.pop()
        op = node.op
        if op is None:
            leaves.append(node)
            continue
        inner.append(node)
        first, second = node._first, node._second
        if not op.entrywise:
            all_numbers = False
            if op.guarded:
                raise _LeftToOthers
            if type(first) is tuple:
                for arg in first:
                    if isinstance(arg, Node) and arg._grad is not mark:
                        older.append((arg, arg._grad))
                        arg._grad = mark
                        stack.append(arg)
                continue
        if isinstance(first, Node) and first._grad is not mark:
            if first._grad is not None:
                older.append((first, first._grad))
            first._grad = mark
            stack.append(first)
        if isinstance(second, Node) and second._grad is not mark:
            if second._grad is not None:
                older.append((second, second._grad))
            second._grad = mark
            stack.append(second)
    inner.sort(key=by_id, reverse=True)
    if inner and inner[-1].id < last_renewal[0] and any([arg.id > node.id for node in inner for arg in node.parents]):
        raise _LeftToOthers
    return leaves, all_numbers


def _through_numbers(order: list[Any]) -> None:
    """Send gradients back; sums and products, of which most graphs of numbers are made, are written out."""
    add, multiply = OPS["add"], OPS["multiply"]
    for node in order:
        g, op = node._grad, node.op
        first, second = node._first, node._second  # two at a time: of four Python makes a tuple
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
            y, a, b = node._value, plain(first), plain(second)
            if a is not first:
                first._grad += op.rules[0](g, y, a, b)
            if b is not second:
                second._grad += op.rules[1](g, y, a, b)


def _through_arrays(order: list[Any], mark: float) -> None:
    """Send gradients back, of arrays and of numbers among them."""
    add, multiply = OPS["add"], OPS["multiply"]  # written out, for they are the most of many graphs
    for node in order:
        g, op = node._grad, node.op
        y, first, second = node._value, node._first, node._second
        if g is mark:  # nothing arrived
            node._grad = None
            continue
        if not op.quick or type(first) is tuple:
            for arg, part in _parts(node, g):
                sofar = arg._grad
                arg._grad = part if sofar is mark else sofar + part
            continue
        a: Any = first._value if isinstance(first, Node) else first
        if op.single:
            part = op.rules[0](g, y, a)
            if type(part) is not type(a) or (type(a) is Array and part.dtype is not a.dtype):
                part = fitted(part, a, op, 0)
            sofar = first._grad
            first._grad = part if sofar is mark else sofar + part
            continue
        b: Any = second._value if isinstance(second, Node) else second
        # To look at the shapes and dtypes of all parts would take NumPy as long as an addition.
        even = type(a) is type(b) is Array and a.shape == b.shape and a.dtype is b.dtype
        fits = even and (op is add or op is multiply) and y.dtype is a.dtype
        if a is not first:
            part = g if op is add else g * b if op is multiply else op.rules[0](g, y, a, b)
            if not fits and (
                type(part) is not type(a)
                or (type(a) is Array and (part.dtype is not a.dtype or not (even or part.shape == a.shape)))
            ):
                part = fitted(part, a, op, 0)
            sofar = first._grad
            first._grad = part if sofar is mark else sofar + part
        if b is not second:
            part = g if op is add else g * a if op is multiply else op.rules[1](g, y, a, b)
            if not fits and (
                type(part) is not type(b)
                or (type(b) is Array and (part.dtype is not b.dtype or not (even or part.shape == b.shape)))
            ):
                part = fitted(part, b, op, 1)
            sofar = second._grad
            second._grad = part if sofar is mark else sofar + part
