"""Short ways for speed: faster versions of `Op.__call__`, of the operators, and of the sweeps. Nothing depends on them.

Read `op.py` and `backward.py` first: they have the same results, bit for bit, and the words for every case. `install`
puts the short ways in, `with tg.readable():` leaves them out. A short way serves ops of one or two inputs without
parameters on floats and arrays of floats, and hands everything else to the readable one: there a check that is skipped
saves more than the arithmetic costs. No sweep knows an op: it calls the rules that an op has, and writes out two tuples
of rules that are known by name, those of a sum and of a product. `backward` adds gradients up in the nodes themselves
(`sweep_in_place`), all others, who want those of some nodes, in a dictionary (`sweep_values`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, update_wrapper, wraps
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_ed.graph import backward as readable_road
from tinygrad_ed.graph.grad_mode import mode, observer
from tinygrad_ed.graph.node import Node, clock, last_renewal, one_at_a_time, plain
from tinygrad_ed.graph.op import OPS, Op, is_exact
from tinygrad_ed.graph.rule import contribution, fitted, same, times_first, times_second
from tinygrad_ed.graph.values import HALF

Array = np.ndarray
Method = Callable[..., Any]
OF_A_SUM, OF_A_PRODUCT = (same, same), (times_second, times_first)

# Bound once: each is called for every node.
blank, recording_mode, by_id = partial(object.__new__, Node), mode.get, attrgetter("id")

_UNASKED: Any = object()  # what stands for a gradient that nobody asked a rule for

_WAYS: list[tuple[Any, str, Any]] = []
"""The short ways: an owner, the name of its attribute, and the readable way there."""


def install(operators: Mapping[str, tuple[Op, Method]], methods: Mapping[str, Op]) -> None:
    """Put the short ways in: for `a ∘ b`, with what computes it for floats and arrays alike, and for the methods."""
    for op in OPS.values():
        op.rules = next((known for known in (OF_A_SUM, OF_A_PRODUCT) if known == op.rules), op.rules)
        quick = op.arity <= 2 and not op.variadic and None not in op.rules
        op.trust(quick, quick and op.scalar is not None and not (op.params or op.any_params))
        if op.single:
            _put(op, "shortly", _of_one(op, _nothing))
    for name, (op, compute) in operators.items():
        left, right = Node.__dict__[f"__{name}__"], Node.__dict__[f"__r{name}__"]
        _put(op, "shortly", _of_two(op, compute, _nothing))
        _put(Node, f"__{name}__", _of_two(op, compute, left))
        _put(Node, f"__r{name}__", _turned(_of_two(op, compute, _turned(right))))
    for name, op in methods.items():
        _put(Node, name, _of_one(op, op))
    _put(Node, "backward", backward)
    _put(readable_road, "quick_sweep", sweep_values)


def _put(owner: Any, name: str, short: Any) -> None:
    readable_way: Any = vars(owner).get(name) if isinstance(owner, type) else getattr(owner, name)
    _WAYS.append((owner, name, readable_way))
    setattr(owner, name, update_wrapper(short, readable_way, updated=()) if owner is Node else short)


@contextmanager
def readable() -> Iterator[None]:
    """Leave the short ways for speed out: a debugger then walks the readable road. For the whole process."""
    before = [getattr(owner, name) for owner, name, _ in _WAYS]
    for owner, name, readable_way in _WAYS:
        setattr(owner, name, readable_way)
    try:
        yield
    finally:
        for (owner, name, _), way in zip(_WAYS, before, strict=True):
            setattr(owner, name, way)


def _nothing(*_: Any) -> None:
    """Leave it to the readable way, which called."""


def _turned(way: Method) -> Method:
    return lambda x, y: way(y, x)


def _of_one(op: Op, otherwise: Method) -> Method:
    """Return the short way for an op of one input; `otherwise` takes what needs more care."""

    def short(x: Any) -> Any:
        if type(x) is not Node or recording_mode() is not True:
            return otherwise(x)
        a: Any = x._value
        function = op.scalar if type(a) is float else op.forward if type(a) is Array else None
        if function is None:
            return otherwise(x)
        try:
            value: Any = function(a)
        except (ArithmeticError, ValueError):
            return otherwise(x)  # it lets NumPy say inf or nan, with its warning
        if type(value) is not float and (type(value) is not Array or not value.ndim):
            if not isinstance(value, np.floating):  # of a sum, say
                return otherwise(x)
            value = float(value)
        node = blank()
        node._value = value
        node.op = op
        node._first = x
        node.id = next(clock)
        node._grad = node._second = None
        return node

    return short


def _of_two(op: Op, compute: Method, otherwise: Method) -> Method:
    """Return the short way for an op of two inputs, a Node among them; `otherwise` takes what needs more care."""

    def short(x: Any, y: Any) -> Any:
        a: Any = x._value if type(x) is Node else x
        b: Any = y._value if type(y) is Node else y
        numbers = type(a) is float and type(b) is float
        if not numbers and not (_usual(a) and _usual(b)):
            if is_exact(y):
                return short(x, float(y))
            return short(float(x), y) if is_exact(x) else otherwise(x, y)  # 2 * node
        if recording_mode() is not True or (a is x and b is y):
            return otherwise(x, y)
        try:
            value: Any = compute(a, b)
        except (ArithmeticError, ValueError):
            return otherwise(x, y)
        if not numbers:
            if type(value) is not Array:
                if not isinstance(value, float):
                    return otherwise(x, y)
                value = float(value)  # NumPy's own, of a product of two vectors
            if a is x and type(a) is Array:
                x = a.copy()  # its owner may change it before the sweep
            elif b is y and type(b) is Array:
                y = b.copy()
        node = blank()
        node._value = value
        node.op = op
        node._first = x
        node._second = y
        node.id = next(clock)
        node._grad = None
        return node

    return short


def _usual(value: Any) -> bool:
    """Tell whether a value is what most Nodes hold: a float, or an array of floats."""
    return type(value) is float or (type(value) is np.ndarray and value.ndim > 0 and value.dtype.kind == "f")


@wraps(readable_road.backward)
def backward(root: Node, seed: object = None) -> None:  # noqa: D103  # it has that of the other
    if not sweep_in_place(root, readable_road.start(root, plain(seed))):
        readable_road.backward(root, seed)


def sweep_values(order: list[Node], seeds: Mapping[Node, Any], between: set[Node] | None = None) -> dict[Node, Any]:
    """Send the seeds back through `order` and return what each node got, as `backward.sweep` does without a graph."""
    gradients = dict(seeds)
    get = gradients.get
    for node in order:
        op, upstream = node.op, get(node)
        if op is None or upstream is None:
            continue
        y, first, second = node._value, node._first, node._second
        a = first._value if isinstance(first, Node) else first
        b = second._value if isinstance(second, Node) else second
        to_first = to_second = _UNASKED
        try:
            if not op.quick or type(first) is tuple:
                _add_parts(node, upstream, gradients, between)
            elif op.single:
                to_first = op.rules[0](upstream, y, a) if between is None or first in between else _UNASKED
            else:
                if a is not first and (between is None or first in between):
                    to_first = op.rules[0](upstream, y, a, b)
                if b is not second and (between is None or second in between):
                    to_second = op.rules[1](upstream, y, a, b)
        except ArithmeticError:  # of floats; nothing has been added yet
            _add_parts(node, upstream, gradients, between)
            continue
        if to_first is not _UNASKED:
            if type(to_first) is not type(a) or _differs(to_first, a):
                to_first = fitted(to_first, a, op, 0)
            sum_so_far = get(first)
            gradients[first] = to_first if sum_so_far is None else sum_so_far + to_first
        if to_second is not _UNASKED:
            if type(to_second) is not type(b) or _differs(to_second, b):
                to_second = fitted(to_second, b, op, 1)
            sum_so_far = get(second)
            gradients[second] = to_second if sum_so_far is None else sum_so_far + to_second
    return gradients


def _differs(gradient: Any, value: Any) -> bool:
    """Tell whether a gradient, of the same type as its input, has another shape or dtype, or has to be widened."""
    return type(gradient) is not float and (
        gradient.shape != value.shape or gradient.dtype is not value.dtype or gradient.dtype is HALF
    )


def _add_parts(node: Node, upstream: Any, gradients: dict[Node, Any], between: set[Node] | None) -> None:
    """Add what any node at all sends to its inputs."""
    for parent, part in _parts(node, upstream, between):
        sum_so_far = gradients.get(parent)
        gradients[parent] = part if sum_so_far is None else sum_so_far + part


def _parts(node: Node, upstream: Any, between: set[Node] | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield each parent of a node with the gradient that the node sends to it."""
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
        all_numbers = all_numbers and type(seed) is float
        if all_numbers:
            _through_numbers(order)
        else:
            _through_arrays(order, visited)
        for leaf in leaves:
            if leaf._grad is visited:
                leaf._grad = None
            elif all_numbers and type(leaf._grad) is not float:
                return False  # a rule gave something else
        done = True
    except (ArithmeticError, TypeError, _NotSupported):
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
                parent._grad = part if sum_so_far is visited else sum_so_far + part
            continue
        rules = op.rules
        a: Any = first._value if isinstance(first, Node) else first
        if second is None:  # an op of one input
            part = rules[0](upstream, y, a)
            if type(part) is not type(a) or _differs(part, a):
                part = fitted(part, a, op, 0)
            sum_so_far = first._grad
            first._grad = part if sum_so_far is visited else sum_so_far + part
            continue
        b: Any = second._value if isinstance(second, Node) else second
        of_a_sum, of_a_product = rules is OF_A_SUM, rules is OF_A_PRODUCT
        alike = type(a) is type(b) is Array and a.shape == b.shape and a.dtype is b.dtype
        sure_to_fit = alike and (of_a_sum or of_a_product) and y.dtype is a.dtype
        if a is not first:
            part = upstream if of_a_sum else upstream * b if of_a_product else rules[0](upstream, y, a, b)
            if not sure_to_fit and (type(part) is not type(a) or _differs(part, a)):
                part = fitted(part, a, op, 0)
            sum_so_far = first._grad
            first._grad = part if sum_so_far is visited else sum_so_far + part
        if b is not second:
            part = upstream if of_a_sum else upstream * a if of_a_product else rules[1](upstream, y, a, b)
            if not sure_to_fit and (type(part) is not type(b) or _differs(part, b)):
                part = fitted(part, b, op, 1)
            sum_so_far = second._grad
            second._grad = part if sum_so_far is visited else sum_so_far + part
