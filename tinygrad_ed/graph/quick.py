"""A faster version of the sweep in `backward.py`, for plain values. Read `backward.py` first.

Most ops have one or two inputs and no parameters. For these, a check that is skipped saves more time than the
arithmetic costs. The sweep knows no op: it calls the rules that an op has, and writes out two tuples of rules that are
known by name, those of a sum and of a product. Every other op goes through `contribution`.

To fill `.grad` on all nodes, gradients are added up in the nodes themselves (`sweep_in_place`). For the gradients of
some nodes only, they are added up in a dictionary (`sweep_values`).
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_ed.graph.grad_mode import observer
from tinygrad_ed.graph.node import Node, last_renewal, one_at_a_time, plain
from tinygrad_ed.graph.op import OF_A_PRODUCT, OF_A_SUM
from tinygrad_ed.graph.rule import added, contribution, fitted

Array = np.ndarray
by_id = attrgetter("id")


def sweep_values(order: list[Node], seeds: Mapping[Node, Any], between: set[Node] | None = None) -> dict[Node, Any]:
    """Send the seeds back through `order` and return what each node got, as `backward.sweep` does without a graph.

    >>> from tinygrad_ed import ops
    >>> x = Node([1.0, 2.0])
    >>> y = x * x
    >>> sweep_values([y, x], {y: x.value})[x]
    array([2., 8.])
    """
    gradients = dict(seeds)
    get = gradients.get
    for node in order:
        op, upstream = node.op, get(node)
        if op is None or upstream is None:
            continue
        y, first, second = node._value, node._first, node._second
        a = first._value if isinstance(first, Node) else first
        b = second._value if isinstance(second, Node) else second
        to_first = to_second = None
        try:
            if not op.quick or type(first) is tuple:
                _add_parts(node, upstream, gradients, between)
            elif op.single:
                to_first = op.rules[0](upstream, y, a) if between is None or first in between else None
            else:
                if a is not first and (between is None or first in between):
                    to_first = op.rules[0](upstream, y, a, b)
                if b is not second and (between is None or second in between):
                    to_second = op.rules[1](upstream, y, a, b)
        except ArithmeticError:  # of floats; nothing has been added yet
            _add_parts(node, upstream, gradients, between)
            continue
        if to_first is not None:
            if type(to_first) is not type(a) or _differs(to_first, a):
                to_first = fitted(to_first, a, op, 0)
            sum_so_far = get(first)
            gradients[first] = to_first if sum_so_far is None else added(sum_so_far, to_first)
        if to_second is not None:
            if type(to_second) is not type(b) or _differs(to_second, b):
                to_second = fitted(to_second, b, op, 1)
            sum_so_far = get(second)
            gradients[second] = to_second if sum_so_far is None else added(sum_so_far, to_second)
    return gradients


def _differs(gradient: Any, value: Any) -> bool:
    """Whether a gradient, of the same type, has another shape or dtype than its input."""
    return type(gradient) is not float and (gradient.shape != value.shape or gradient.dtype is not value.dtype)


def _add_parts(node: Node, upstream: Any, gradients: dict[Node, Any], between: set[Node] | None) -> None:
    """Add what any node at all sends to its inputs."""
    for parent, part in _parts(node, upstream, between):
        sum_so_far = gradients.get(parent)
        gradients[parent] = part if sum_so_far is None else added(sum_so_far, part)


def _parts(node: Node, upstream: Any, between: set[Node] | None = None) -> Iterator[tuple[Any, Any]]:
    """Each parent of a node with the gradient that the node sends to it."""
    args = node.args
    inputs = [plain(arg) for arg in args]
    for position, arg in enumerate(args):
        if isinstance(arg, Node) and (between is None or arg in between):
            part = contribution(node.op, position, upstream, node._value, inputs, node.params, arg)
            if part is not None:
                yield arg, part


def sweep_in_place(root: Node, seed: Any) -> bool:
    """Fill `.grad` on `root` and on all that it depends on; return False, with nothing changed, where this cannot.

    It cannot where an observer watches, where another thread sweeps, where an op is a reader's own (its rule may
    sweep, too), where the graph is outdated, and where a rule fails: `backward.py` then finds the right words.

    >>> from tinygrad_ed import ops
    >>> x = Node(3.0)
    >>> sweep_in_place(x * x, 1.0), x.grad
    (True, 6.0)
    """
    visited = float("-0.0")  # a new object, in the place of a gradient; and -0.0 + g is g, to the sign of a zero
    order: list[Any] = []
    older: list[Any] = []
    done = False
    # Two threads are no faster with numbers than one, so they wait; NumPy lets them work side by side.
    worth_waiting = root.op is not None and root.op.entrywise
    if observer.get() is not None or last_renewal[0] > root.id or not one_at_a_time.acquire(blocking=worth_waiting):
        return False
    try:
        leaves, all_numbers = _listed(root, visited, order, older)
        root._grad = seed
        if all_numbers and type(seed) is float:
            _through_numbers(order)
        else:
            _through_arrays(order, visited)
        for leaf in leaves:
            if leaf._grad is visited:
                leaf._grad = None
        done = True
    except (ArithmeticError, _NotSupported):
        pass
    finally:
        if not done:
            for node in order:
                for parent in node.parents:
                    parent._grad = None
            for node, gradient in older:
                node._grad = gradient
        one_at_a_time.release()
    return done


class _NotSupported(Exception):
    """The graph holds a node that `sweep_in_place` does not support."""


def _listed(root: Node, visited: float, inner: list[Any], older: list[Any]) -> tuple[list[Any], bool]:  # noqa: C901  # for speed
    """Mark all nodes, list those with inputs, newest first; return the leaves, and whether all ops are of numbers.

    The gradients of an older sweep are listed as well; in a new graph there are none. An op of numbers gives a number
    only where its inputs are numbers, so no value need be looked at.
    """
    older.append((root, root._grad))
    root._grad = visited
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
                raise _NotSupported
            if type(first) is tuple:
                for arg in first:
                    if isinstance(arg, Node) and arg._grad is not visited:
                        older.append((arg, arg._grad))
                        arg._grad = visited
                        stack.append(arg)
                continue
        if isinstance(first, Node) and first._grad is not visited:
            if first._grad is not None:
                older.append((first, first._grad))
            first._grad = visited
            stack.append(first)
        if isinstance(second, Node) and second._grad is not visited:
            if second._grad is not None:
                older.append((second, second._grad))
            second._grad = visited
            stack.append(second)
    inner.sort(key=by_id, reverse=True)
    if inner and inner[-1].id < last_renewal[0] and any([arg.id > node.id for node in inner for arg in node.parents]):
        raise _NotSupported
    return leaves, all_numbers


def _through_numbers(order: list[Any]) -> None:
    """Send gradients back through a graph of numbers."""
    for node in order:
        upstream, rules = node._grad, node.op.rules
        first, second = node._first, node._second  # two at a time: of four Python makes a tuple
        if rules is OF_A_SUM:
            if isinstance(first, Node):
                first._grad += upstream
            if isinstance(second, Node):
                second._grad += upstream
        elif rules is OF_A_PRODUCT:
            if not isinstance(second, Node):
                first._grad += upstream * second
            elif not isinstance(first, Node):
                second._grad += upstream * first
            else:
                first._grad += upstream * second._value
                second._grad += upstream * first._value
        elif second is None:  # an op of one input
            first._grad += rules[0](upstream, node._value, first._value)
        else:
            y, a, b = node._value, plain(first), plain(second)
            if a is not first:
                first._grad += rules[0](upstream, y, a, b)
            if b is not second:
                second._grad += rules[1](upstream, y, a, b)


def _through_arrays(order: list[Any], visited: float) -> None:
    """Send gradients back through a graph of arrays, with numbers among them."""
    for node in order:
        upstream, op = node._grad, node.op
        y, first, second = node._value, node._first, node._second
        if upstream is visited:  # no gradient reached this node
            node._grad = None
            continue
        if not op.quick or type(first) is tuple:
            for parent, part in _parts(node, upstream):
                sum_so_far = parent._grad
                parent._grad = part if sum_so_far is visited else added(sum_so_far, part)
            continue
        rules = op.rules
        a: Any = first._value if isinstance(first, Node) else first
        if second is None:  # an op of one input
            part = rules[0](upstream, y, a)
            if type(part) is not type(a) or (type(a) is Array and part.dtype is not a.dtype):
                part = fitted(part, a, op, 0)
            sum_so_far = first._grad
            first._grad = part if sum_so_far is visited else added(sum_so_far, part)
            continue
        b: Any = second._value if isinstance(second, Node) else second
        # To look at the shapes and dtypes of all parts would take NumPy as long as an addition.
        alike = type(a) is type(b) is Array and a.shape == b.shape and a.dtype is b.dtype
        of_a_sum, of_a_product = rules is OF_A_SUM, rules is OF_A_PRODUCT
        sure_to_fit = alike and (of_a_sum or of_a_product) and y.dtype is a.dtype
        if a is not first:
            part = upstream if of_a_sum else upstream * b if of_a_product else rules[0](upstream, y, a, b)
            if not sure_to_fit and (
                type(part) is not type(a)
                or (type(a) is Array and (part.dtype is not a.dtype or not (alike or part.shape == a.shape)))
            ):
                part = fitted(part, a, op, 0)
            sum_so_far = first._grad
            first._grad = part if sum_so_far is visited else added(sum_so_far, part)
        if b is not second:
            part = upstream if of_a_sum else upstream * a if of_a_product else rules[1](upstream, y, a, b)
            if not sure_to_fit and (
                type(part) is not type(b)
                or (type(b) is Array and (part.dtype is not b.dtype or not (alike or part.shape == b.shape)))
            ):
                part = fitted(part, b, op, 1)
            sum_so_far = second._grad
            second._grad = part if sum_so_far is visited else added(sum_so_far, part)
