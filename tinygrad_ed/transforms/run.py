"""One run of a function under a transform: its arguments made variables, its result, and all first derivatives of it.

`transforms.py` asks; here is how variables are made (a Node of an outer transform becomes an `identity` of it), how
results are handed out, and how a Jacobian is computed: one sweep for a whole batch of rows.
"""

import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygrad_ed.errors import GraphDropped, InvalidType, InvalidValue, ShapeError
from tinygrad_ed.graph.backward import finished, pull, start, walk
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.nested import leaves, leaves_like, name_of, rebuilt
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Lifted, Plain, constant, shape_of
from tinygrad_ed.ops.elementwise import identity
from tinygrad_ed.ops.shape import reshape, stack
from tinygrad_ed.transforms.many_sweeps import Batch

Function = Callable[..., Any]
ArgNums = int | Sequence[int]
Tree = Node | Plain | dict[Any, Any]
"""An argument: numbers and arrays, also in nested lists, tuples and dicts."""

ROOM = 1 << 21  # numbers that one node's gradients may hold in a batched sweep (16 MB of float64)
SMALL = 1 << 14  # below so many a node the results share one sweep: the way through the rules costs more than the zeros

inside: ContextVar[bool] = ContextVar("inside a transform", default=False)


class FunctionRun:
    """One run of `f` on variables: the arguments, the variables made of them, and the result."""

    def __init__(self, f: Function, args: tuple[Any, ...], argnums: ArgNums, keywords: dict[str, Any]) -> None:
        must_be_callable(f)
        self.f = f
        self.single = not isinstance(argnums, list | tuple)
        positions = _positions_of(f, argnums, len(args))
        self.chosen = [args[i] for i in positions]
        self.keep = inside.get() or any([isinstance(x, Node) for x in leaves([args, keywords])])
        # While f runs, transforms inside it give Nodes, and a graph is recorded even under no_grad.
        token = inside.set(True)
        try:
            with recording(True):
                self.variables = [identity(x) if isinstance(x, Node) else Node(x) for x in leaves(self.chosen)]
                fresh = iter(self.variables)
                replaced = {i: rebuilt(tree, fresh) for i, tree in zip(positions, self.chosen, strict=True)}
                self.output = f(*[replaced.get(i, arg) for i, arg in enumerate(args)], **keywords)
        except ValueError as error:
            if isinstance(error.__cause__, GraphDropped):  # it is NumPy's, of `out[0] = node`
                raise GraphDropped(str(error.__cause__)) from error
            raise
        finally:
            inside.reset(token)

    def output_nodes(self) -> list[Node]:
        """Return the entries of the result as Nodes; constants become Nodes without a past."""
        return [self._as_node(y) for y in leaves(self.output)]

    def single_output(self, transform: str) -> Node:
        """Return the result, where a container is not allowed."""
        if isinstance(self.output, list | tuple | dict):
            raise InvalidType(
                f"{transform} wants one number or array as the result, but {name_of(self.f)} returned a "
                f"{type(self.output).__name__}; use tg.vjp or tg.jacobian for nested results"
            )
        return self._as_node(self.output)

    def _as_node(self, y: Any) -> Node:
        if isinstance(y, Node):
            return y
        if isinstance(y, Lifted):
            return Node(y)  # type: ignore[arg-type]  # it stands for an array
        if y is None or isinstance(y, bool | np.bool_ | str) or np.asarray(y).dtype.kind not in "fiu":
            hint = "; is a `return` missing?" if y is None else ""
            raise InvalidType(
                f"{name_of(self.f)} returned {y!r}, which has no derivative; return a number or array{hint}"
            )
        return Node(y)

    def pull(self, nodes: list[Node], seeds: list[Any], create_graph: bool | None = None) -> list[Any]:
        """Return the gradients of `sum(node . seed)` with respect to the variables; None where nothing arrives."""
        return pull(nodes, seeds, self.variables, self.keep if create_graph is None else create_graph)

    def per_argument(self, found: list[Any], keep: bool | None = None) -> Any:
        """Return the gradients, nested as the arguments are."""
        again = self.keep if keep is None else keep
        return self.nested([finished(g, x, again) for g, x in zip(found, self.variables, strict=True)])

    def nested(self, results: list[Any]) -> Any:
        """Return one thing for each variable, nested as the arguments are; a tuple where several were asked for."""
        entries = iter(results)
        nested = tuple([rebuilt(tree, entries) for tree in self.chosen])
        return nested[0] if self.single else nested

    def like_output(self, results: list[Any]) -> Any:
        """Return one thing for each entry of the result, nested as it is."""
        return rebuilt(self.output, iter(results))

    def out(self) -> Any:
        """Return the result as the user gets it: Nodes inside another transform, else plain and the user's own."""
        return self.like_output([y if self.keep else finished(plain(y), y, False) for y in self.output_nodes()])

    def tangents(self, vs: Sequence[Any]) -> list[Any]:
        """Return the entries of `vs`, checked against the arguments."""
        found = leaves_like(tuple(as_tuple(vs, "vs")), tuple(self.chosen), "vs")
        checked = [v if isinstance(v, Node) else constant(v) for v in found]
        for v, x in zip(checked, self.variables, strict=True):
            if shape_of(v) != x.shape:
                raise ShapeError(f"an entry of vs has shape {shape_of(v)}, but its argument has shape {x.shape}")
        return checked


def jacobians(run: FunctionRun, ys: list[Node]) -> list[Any]:
    """Return for each result the derivatives of all its entries, nested as the arguments are."""
    if run.keep:
        return [run.nested(_rows_as_nodes(run, y)) for y in ys]
    largest = max([node.size for node in walk(*ys)], default=0)
    small = largest * sum([y.size for y in ys]) <= SMALL
    groups = [ys] if small else [[y] for y in ys]
    return [run.nested(found) for group in groups for found in _batched_rows(run.variables, group, largest)]


def _batched_rows(variables: Sequence[Node], ys: list[Node], largest: int) -> list[list[Any]]:
    """Return one sweep from several results for a whole batch of rows; as many at once as fit into some megabytes."""
    ends = list(itertools.accumulate([y.size for y in ys]))
    at_once = max(1, ROOM // max(largest, 1))
    columns: list[list[Any]] = [[np.zeros((0, *x.shape), x.dtype)] for x in variables]
    for first in range(0, ends[-1], at_once):
        count = min(at_once, ends[-1] - first)
        # Row i of the whole belongs to the result in whose range it lies; for all others it is zero.
        seeds = [
            Batch(np.eye(count, y.size, first - end + y.size, dtype=y.dtype).reshape(count, *y.shape))
            for y, end in zip(ys, ends, strict=True)
        ]
        for column, part, x in zip(columns, pull(ys, seeds, variables), variables, strict=True):
            column.append(_rows(part, count, x))
    whole = [parts[-1] if len(parts) < 3 else np.concatenate(parts) for parts in columns]
    return [
        [_shaped(column[end - y.size : end], y.shape + x.shape) for x, column in zip(variables, whole, strict=True)]
        for y, end in zip(ys, ends, strict=True)
    ]


def _rows(part: Any, count: int, x: Node) -> Any:
    """Return the gradients of so many rows: where nothing arrived, zeros."""
    nothing = 0.0 if part is None else part
    rows = part.array if isinstance(part, Batch) else np.broadcast_to(nothing, (count, *x.shape))
    return rows if rows.dtype == x.dtype else rows.astype(x.dtype)


def _shaped(rows: Any, shape: tuple[int, ...]) -> Any:
    if shape:
        return rows.reshape(shape).copy()
    first = rows[0]
    return identity(first) if isinstance(first, Lifted) else float(first)  # type: ignore[call-overload]  # as there


def _rows_as_nodes(run: FunctionRun, y: Node) -> list[Any]:
    """Sweep once for each row, inside another transform: the gradients can be differentiated again."""
    basis = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
    rows = [run.pull([y], [start(y, row if y.shape else 1.0)]) for row in basis]
    if not rows:
        return [Node(np.zeros(y.shape + x.shape)) for x in run.variables]
    columns = [[finished(row[i], x, True) for row in rows] for i, x in enumerate(run.variables)]
    return [reshape(stack(column), y.shape + x.shape) for column, x in zip(columns, run.variables, strict=True)]


def _positions_of(f: Function, argnums: ArgNums, count: int) -> list[int]:
    numbers: list[Any] = list(argnums) if isinstance(argnums, list | tuple) else [argnums]
    fits = [type(i) is not bool and isinstance(i, int | np.integer) and -count <= i < count for i in numbers]
    found = [int(i) % count for i in numbers] if all(fits) else []
    if not all(fits) or len(set(found)) < len(found):
        raise InvalidValue(
            f"argnums={argnums!r} does not fit: give different positions; {name_of(f)} was called with {count} "
            "positional arguments (arguments given by keyword are not differentiated)"
        )
    return found


def must_be_callable(f: object) -> None:
    """Refuse what is not a function."""
    if not callable(f):
        raise InvalidType(f"a transform takes a function, but got {f!r}; write grad(f)(x), not grad(f(x))")


def as_tuple(xs: Any, what: str) -> tuple[Any, ...]:
    """Return a tuple or a list as a tuple; refuse anything else."""
    if not isinstance(xs, list | tuple):
        raise InvalidType(f"{what} must be a tuple with one entry an argument, such as (x,); got {type(xs).__name__}")
    return tuple(xs)
