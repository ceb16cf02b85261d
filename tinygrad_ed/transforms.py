"""Derivatives as functions: `grad(f)` is again a function, and can be given to `grad`.

A transform makes *variables* of the arguments, runs `f` on them and sweeps back from the result. A plain
number becomes a new leaf. An argument that is a Node already (we are inside another transform) becomes an
`identity` of it: the inner sweep stops there, the outer one passes through, and so the nested program

>>> grad(lambda x: grad(lambda y: x * y)(x))(3.0)
1.0

counts both uses of x. Inside another transform, or where an argument is a Node, the results are Nodes; else
they are plain values.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, cast

import numpy as np

from tinygrad_ed.backward import finished, pull, start, walk
from tinygrad_ed.batch import Batch
from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError
from tinygrad_ed.nested import leaves, leaves_like, rebuilt
from tinygrad_ed.node import Node, plain
from tinygrad_ed.ops.elementwise import identity
from tinygrad_ed.ops.shape import reshape, stack
from tinygrad_ed.recording import recording
from tinygrad_ed.values import Array, constant, shape_of

Function = Callable[..., Any]
ArgNums = int | Sequence[int]

ROOM = 1 << 21
"""How many numbers one node's gradients may hold in a batched sweep (16 MB of float64)."""

SMALL = 1 << 14
"""Below this many numbers a node the results share one sweep: the way through the rules costs more than the zeros."""

_inside: ContextVar[bool] = ContextVar("inside a transform", default=False)


def grad(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that computes the gradient of `f`.

    Args:
        f: a function whose result has exactly one entry. Arguments may be nested lists, tuples and dicts of
            arrays; keyword arguments are handed to `f` untouched.
        argnums: the position of the argument to differentiate, or a tuple of positions (gives a tuple).

    Raises (the returned function):
        ShapeError: if the result has more than one entry.
        InvalidType: if `f` returns None, a truth value, text or a container.
        InvalidValue: for positions that do not exist.

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(lambda p, x: (p["w"] * x + p["b"]) ** 2)({"w": 2.0, "b": 1.0}, 3.0)
    {'w': 42.0, 'b': 14.0}
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def gradient(*args: Any, **keywords: Any) -> Any:
        return both(*args, **keywords)[1]

    return gradient


def value_and_grad(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that computes the value and the gradient of `f`, in one run.

    Raises: as `grad`.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """
    _callable(f)

    @functools.wraps(f)
    def both(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        run = _Run(f, args, argnums, keywords)
        y = run.single_output("grad")
        if y.size != 1:
            raise ShapeError(
                f"grad differentiates a function with one number as its result, but {_name(f)} returned shape "
                f"{y.shape}; reduce it (`.sum()`), or use tg.jacobian or tg.elementwise_grad"
            )
        return run.out(y), run.per_argument(run.pull([y], [start(y)]))

    return both


def elementwise_grad(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that differentiates each entry of the result with respect to its own entry.

    It is the gradient of the sum of the result, so it means what it says only where entry i of the result
    depends on entry i of the argument alone.

    Raises: as `grad`, but any shape is taken.

    >>> elementwise_grad(np.square)(np.arange(3.0))
    array([0., 2., 4.])
    """
    _callable(f)

    @functools.wraps(f)
    def gradient(*args: Any, **keywords: Any) -> Any:
        run = _Run(f, args, argnums, keywords)
        y = run.single_output("elementwise_grad")
        return run.per_argument(run.pull([y], [_ones(y)]))

    return gradient


def vjp(f: Function, *xs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Return `f(*xs)` and its pullback v -> v^T J, for one reverse sweep a call.

    The pullback takes a gradient of the result's shape (for a nested result: nested in the same way) and
    gives a tuple with one entry an argument.

    Raises:
        ShapeError: (the pullback) for a gradient of another shape than the result's.

    >>> y, pullback = vjp(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> y, pullback(np.array([1.0, 10.0]))
    (array([3., 6.]), (array([ 3., 30.]), 21.0))
    """
    _callable(f)
    run = _Run(f, xs, tuple(range(len(xs))), {})

    def pullback(v: Any) -> tuple[Any, ...]:
        seeds = leaves_like(v, run.output, "the gradient given to the pullback")
        again = run.keep or _inside.get() or any([isinstance(seed, Node) for seed in seeds])
        nodes = run.output_nodes()
        seeds = [start(node, seed) for node, seed in zip(nodes, seeds, strict=True)]
        return cast(tuple[Any, ...], run.per_argument(run.pull(nodes, seeds, again), again))

    return run.all_out(), pullback


def jvp(f: Function, xs: Sequence[Any], vs: Sequence[Any]) -> tuple[Any, Any]:
    """Return `f(*xs)` and its tangent J v: how the result moves when the arguments move along `vs`.

    Done with reverse sweeps alone: the pullback u -> u^T J is linear in u, and *its* pullback is v -> J v.
    So forward mode needs no second set of rules.

    Args:
        f: any function of Nodes.
        xs: the arguments, a tuple.
        vs: the direction, nested like xs.

    Raises:
        InvalidType: if xs or vs is not a tuple or list.
        ShapeError: if an entry of vs has another shape than that of xs.

    >>> jvp(lambda x: x**3, (2.0,), (10.0,))
    (8.0, 120.0)
    """
    _callable(f)
    run = _Run(f, _tuple(xs, "xs"), tuple(range(len(xs))), {})
    tangents = run.tangents(vs)
    nodes = run.output_nodes()
    probes = [Node(_ones(node)) for node in nodes]
    pulled = run.pull(nodes, probes, True)
    keep = run.keep or _inside.get() or any([isinstance(v, Node) for v in tangents])
    moved = _along(pulled, tangents, probes, keep)
    return run.all_out(), run.like_output([finished(g, p, keep) for g, p in zip(moved, probes, strict=True)])


def hvp(f: Function, xs: Sequence[Any], vs: Sequence[Any]) -> tuple[Any, ...]:
    """Return the product of the Hessian of `f` at `xs` with `vs`, without building the Hessian.

    The gradient of the number (grad f . v), so two sweeps. Tuples in, a tuple out, one entry an argument.

    Raises: as `grad` and `jvp`.

    >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([  6., 120.]),)
    """
    _callable(f)
    run = _Run(f, _tuple(xs, "xs"), tuple(range(len(xs))), {})
    tangents = run.tangents(vs)
    y = run.single_output("hvp")
    if y.size != 1:
        raise ShapeError(
            f"hvp needs one number as the result, but {_name(f)} returned shape {y.shape}; reduce it first"
        )
    slopes = run.pull([y], [start(y)], True)
    keep = run.keep or any([isinstance(v, Node) for v in tangents])
    found = _along(slopes, tangents, run.variables, keep)
    return cast(tuple[Any, ...], run.per_argument(found, keep))


def jacobian(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that computes all first derivatives of `f`.

    For a result of shape `s` and an argument of shape `t` the Jacobian has shape `s + t`; nested results and
    arguments give the nested structure of the result, with that of the argument in each place.

    Raises: as `grad`, but any shape is taken.

    >>> jacobian(lambda x: x * x[::-1])(np.array([1.0, 2.0]))
    array([[2., 1.],
           [2., 1.]])
    """
    _callable(f)

    @functools.wraps(f)
    def matrix(*args: Any, **keywords: Any) -> Any:
        run = _Run(f, args, argnums, keywords)
        return run.like_output(_jacobians(run, run.output_nodes()))

    return matrix


def hessian(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that computes all second derivatives of `f`, whose result has one entry.

    For an argument of shape `t` the Hessian has shape `t + t`: the Jacobian of the gradient.

    Raises: as `grad`.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    return jacobian(grad(f, argnums), argnums)


class _Run:
    """One run of `f` on variables: the arguments, the variables made of them, and the result."""

    def __init__(self, f: Function, args: tuple[Any, ...], argnums: ArgNums, keywords: dict[str, Any]) -> None:
        self.f = f
        self.single = not isinstance(argnums, list | tuple)
        positions = _positions(f, argnums, len(args))
        self.chosen = [args[i] for i in positions]
        given = leaves(self.chosen)
        everything = given if len(given) == len(args) and not keywords else leaves([args, keywords])
        self.keep = _inside.get() or any([isinstance(x, Node) for x in everything])
        # While f runs, transforms inside it give Nodes, and a graph is recorded even under no_grad.
        token = _inside.set(True)
        try:
            with recording(True):
                self.variables = [identity(x) if isinstance(x, Node) else Node(x) for x in given]
                fresh = iter(self.variables)
                replaced = {i: rebuilt(tree, fresh) for i, tree in zip(positions, self.chosen, strict=True)}
                self.output = f(*[replaced.get(i, arg) for i, arg in enumerate(args)], **keywords)
        finally:
            _inside.reset(token)

    def output_nodes(self) -> list[Node]:
        """The entries of the result as Nodes; constants become Nodes without a past."""
        return [self._as_node(y) for y in leaves(self.output)]

    def single_output(self, transform: str) -> Node:
        """The result, where a container is not allowed."""
        if isinstance(self.output, list | tuple | dict):
            raise InvalidType(
                f"{transform} wants one number or array as the result, but {_name(self.f)} returned a "
                f"{type(self.output).__name__}; use tg.vjp or tg.jacobian for nested results"
            )
        return self._as_node(self.output)

    def _as_node(self, y: Any) -> Node:
        if isinstance(y, Node):
            return y
        if y is None or isinstance(y, bool | np.bool_ | str) or np.asarray(y).dtype.kind not in "fiu":
            hint = "; is a `return` missing?" if y is None else ""
            raise InvalidType(
                f"{_name(self.f)} returned {y!r}, which has no derivative; return a number or array{hint}"
            )
        return Node(y)

    def pull(self, nodes: list[Node], seeds: list[Any], create_graph: bool | None = None) -> list[Any]:
        """The gradients of `sum(node . seed)` with respect to the variables; None where nothing arrives."""
        return pull(nodes, seeds, self.variables, self.keep if create_graph is None else create_graph)

    def per_argument(self, found: list[Any], keep: bool | None = None) -> Any:
        """The gradients, nested as the arguments are; a tuple where several were asked for."""
        again = self.keep if keep is None else keep
        done = iter([finished(g, x, again) for g, x in zip(found, self.variables, strict=True)])
        results = tuple([rebuilt(tree, done) for tree in self.chosen])
        return results[0] if self.single else results

    def like_output(self, results: list[Any]) -> Any:
        """One thing for each entry of the result, nested as the result is."""
        return rebuilt(self.output, iter(results))

    def out(self, y: Node) -> Any:
        """A result as the user gets it: a Node inside another transform, else plain and the user's own."""
        return y if self.keep else finished(plain(y), y, False)

    def all_out(self) -> Any:
        """The whole result as the user gets it."""
        return self.like_output([self.out(y) for y in self.output_nodes()])

    def tangents(self, vs: Sequence[Any]) -> list[Any]:
        """The entries of `vs`, checked against the arguments."""
        found = leaves_like(tuple(_tuple(vs, "vs")), tuple(self.chosen), "vs")
        checked = [v if isinstance(v, Node) else constant(v) for v in found]
        for v, x in zip(checked, self.variables, strict=True):
            if shape_of(v) != x.shape:
                raise ShapeError(f"an entry of vs has shape {shape_of(v)}, but its argument has shape {x.shape}")
        return checked


def _jacobians(run: _Run, ys: list[Node]) -> list[Any]:
    """For each result the derivatives of all its entries, nested as the arguments are."""
    if run.keep:
        columns = [_rows_as_nodes(run, y) for y in ys]
    else:
        largest = max([node.size for node in walk(*ys)], default=0)
        small = largest * sum([y.size for y in ys]) <= SMALL
        groups = [ys] if small else [[y] for y in ys]
        columns = [found for group in groups for found in _batched_rows(run, group, largest)]
    jacobians = []
    for found in columns:
        entries = iter(found)
        results = tuple([rebuilt(tree, entries) for tree in run.chosen])
        jacobians.append(results[0] if run.single else results)
    return jacobians


def _batched_rows(run: _Run, ys: list[Node], largest: int) -> list[list[Any]]:
    """One sweep from several results for a whole batch of rows; as many at once as fit into some megabytes."""
    ends = list(itertools.accumulate([y.size for y in ys]))
    at_once = max(1, ROOM // max(largest, 1))
    columns = [np.zeros((ends[-1], *x.shape), x.dtype) for x in run.variables]
    for first in range(0, ends[-1], at_once):
        count = min(at_once, ends[-1] - first)
        # Row i of the whole belongs to the result in whose range it lies; for all others it is zero.
        seeds = [
            Batch(np.eye(count, y.size, first - end + y.size, dtype=y.dtype).reshape(count, *y.shape))
            for y, end in zip(ys, ends, strict=True)
        ]
        for column, part in zip(columns, pull(ys, seeds, run.variables), strict=True):
            if part is not None:
                column[first : first + count] = part.array if isinstance(part, Batch) else part
    return [
        [
            _shaped(column[end - y.size : end], y.shape + x.shape)
            for x, column in zip(run.variables, columns, strict=True)
        ]
        for y, end in zip(ys, ends, strict=True)
    ]


def _shaped(rows: Array, shape: tuple[int, ...]) -> Any:
    return rows.reshape(shape).copy() if shape else float(rows[0])


def _rows_as_nodes(run: _Run, y: Node) -> list[Any]:
    """Inside another transform: a sweep for each row, whose gradients can be differentiated again."""
    basis = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
    rows = [run.pull([y], [start(y, row if y.shape else 1.0)]) for row in basis]
    return [
        reshape(stack([finished(row[i], x, True) for row in rows]), y.shape + x.shape)
        if rows
        else Node(np.zeros(y.shape + x.shape))
        for i, x in enumerate(run.variables)
    ]


def _along(slopes: list[Any], vs: list[Any], targets: list[Node], create_graph: bool) -> list[Any]:
    """The gradients of the sum of all slope . v; a slope that is no Node depends on nothing."""
    pairs = [(g, start(g, v)) for g, v in zip(slopes, vs, strict=True) if isinstance(g, Node)]
    return pull([g for g, _ in pairs], [v for _, v in pairs], targets, create_graph)


def _ones(y: Node) -> Any:
    return np.ones(y.shape, y.dtype) if y.shape else 1.0


def _callable(f: object) -> None:
    if not callable(f):
        raise InvalidType(f"a transform takes a function, but got {f!r}; write grad(f)(x), not grad(f(x))")


def _positions(f: Function, argnums: ArgNums, count: int) -> list[int]:
    numbers: list[Any] = list(argnums) if isinstance(argnums, list | tuple) else [argnums]
    fits = [type(i) is not bool and isinstance(i, int | np.integer) and -count <= i < count for i in numbers]
    found = [int(i) % count for i in numbers] if all(fits) else []
    if not all(fits) or len(set(found)) < len(found):
        raise InvalidValue(
            f"argnums={argnums!r} does not fit: give different positions; {_name(f)} was called with {count} "
            "positional arguments (arguments given by keyword are not differentiated)"
        )
    return found


def _tuple(xs: Any, what: str) -> tuple[Any, ...]:
    if not isinstance(xs, list | tuple):
        raise InvalidType(f"{what} must be a tuple with one entry an argument, such as (x,); got {type(xs).__name__}")
    return tuple(xs)


def _name(f: Function) -> str:
    return getattr(f, "__name__", repr(f))
