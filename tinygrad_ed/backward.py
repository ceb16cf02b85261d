"""The sweep: gradients of one node with respect to all that it was computed from.

Nodes are visited newest first. Ids are given in the order of creation, so when a node's turn comes, all
nodes that use it have already sent it their part and its gradient is complete. Its op's rules then give
the parts of its inputs:

    gradient(input) += rule(gradient(node), node, *inputs)

>>> x = Node(3.0)
>>> y = x * x
>>> y.backward()
>>> x.grad
6.0
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, RuleError, ShapeError, StaleGraph
from tinygrad_ed.node import Node, plain
from tinygrad_ed.operation import Op
from tinygrad_ed.ops.shape import astype, reshape
from tinygrad_ed.recording import observer, recording
from tinygrad_ed.values import Lifted, Value, constant, read_only, shape_of

_by_id = attrgetter("id")


def backward(root: Node, seed: object = None) -> None:
    """Fill `.grad` on `root` and on every node it depends on, by one reverse sweep.

    A sweep replaces the gradients of an older one, it never adds to them.

    Args:
        root: where the sweep starts. With more than one entry it needs a seed.
        seed: the gradient that arrives at the root, of the root's shape; 1 where left out.

    Raises:
        ShapeError: for a root with several entries and no seed, or a seed of another shape.
        StaleGraph: if a leaf got a new value after the graph was built.

    >>> w, x = Node([1.0, 2.0]), Node([3.0, 4.0])
    >>> (w * x).sum().backward()
    >>> w.grad
    array([3., 4.])
    """
    order = walk(root)
    gradients = sweep(order, {root: start(root, plain(seed))})
    for node in order:
        node._grad = gradients.get(node)


def gradients(root: Node, wrt: Any, seed: Any = None, create_graph: bool = False) -> Any:
    """Return the gradients of `root` with respect to some nodes; no `.grad` is touched.

    Args:
        root: the node to differentiate.
        wrt: a Node (gives one gradient) or a sequence of Nodes (gives a tuple).
        seed: as in `backward`; with `create_graph` it may be a Node.
        create_graph: return Nodes that can be differentiated again, instead of plain values.

    Raises:
        InvalidType: if `root` or `wrt` or one of its entries is not a Node.
        ShapeError, StaleGraph: as in `backward`.

    >>> x = Node(2.0)
    >>> slope = gradients(x**3, x, create_graph=True)
    >>> slope.value, gradients(slope, x)
    (12.0, 12.0)
    """
    targets = tuple(wrt) if isinstance(wrt, Iterable) and not isinstance(wrt, Node) else (wrt,)
    for node in (root, *targets):
        if not isinstance(node, Node):
            raise InvalidType(f"gradients(root, wrt) takes Nodes, but got {node!r}")
    found = pull([root], [start(root, seed if create_graph else plain(seed))], targets, create_graph)
    results = tuple([finished(g, node, create_graph) for g, node in zip(found, targets, strict=True)])
    return results[0] if isinstance(wrt, Node) else results


def pull(roots: Sequence[Node], seeds: Sequence[Any], targets: Sequence[Node], create_graph: bool = False) -> list[Any]:
    """The gradients of the sum of all root . seed with respect to the targets; None where nothing arrived.

    Only what lies between roots and targets is walked.
    """
    order = walk(*roots)
    between = _between(order, targets)
    arriving: dict[Node, Any] = {}
    with recording(create_graph):
        for node, seed in zip(roots, seeds, strict=True):
            arriving[node] = arriving[node] + seed if node in arriving else seed
        found = sweep([node for node in order if node in between], arriving, between, create_graph)
    return [found.get(node) for node in targets]


def finished(gradient: Any, node: Node, create_graph: bool) -> Any:
    """What a user gets: zeros where nothing arrived; a Node, or a plain value that is the user's own."""
    if gradient is None:
        gradient = 0.0 if node.shape == () else np.zeros(node.shape, node.dtype)
    if create_graph:
        return gradient if isinstance(gradient, Node) else Node(gradient)
    return np.array(gradient) if isinstance(gradient, np.ndarray) else gradient


def start(root: Node, seed: Any = None) -> Any:
    """The gradient that arrives at the root: the seed, checked, or 1."""
    shape = root.shape
    if seed is None:
        if root.size != 1:
            raise ShapeError(
                f"a sweep starts from one number, but {root!r} has shape {shape}; reduce it (`.sum()`), give "
                "the gradient that arrives as seed= (of that shape), or use tg.jacobian for all entries"
            )
        return 1.0 if shape == () else np.ones(shape, root.dtype)
    seed = seed if isinstance(seed, Node) else constant(seed)
    if shape_of(seed) != shape:
        raise ShapeError(f"the seed has shape {shape_of(seed)}, but {root!r} has shape {shape}; they must be equal")
    # A copy: the caller may go on with the array, and it may be of integers.
    return np.array(seed, root.dtype) if isinstance(seed, np.ndarray) else seed


def walk(*roots: Node) -> list[Node]:
    """Return the roots and every node they depend on, newest first. No recursion: graphs may be deep."""
    seen = set(roots)
    stack = list(roots)
    while stack:
        node = stack.pop()
        for arg in node.args:
            if isinstance(arg, Node):
                if arg.id > node.id:
                    raise StaleGraph(
                        f"{arg!r} got a new value after {node!r} was computed from the old one, so the gradients "
                        "would mix both; build the graph again with the new value, then sweep"
                    )
                if arg not in seen:
                    seen.add(arg)
                    stack.append(arg)
    return sorted(seen, key=_by_id, reverse=True)


def _between(order: list[Node], targets: Iterable[Node]) -> set[Node]:
    """The nodes that depend on a target, and the targets."""
    between = set(targets)
    for node in reversed(order):
        for arg in node.args:
            if isinstance(arg, Node) and arg in between:
                between.add(node)
                break
    return between


def sweep(
    order: list[Node], seeds: dict[Node, Any], between: set[Node] | None = None, create_graph: bool = False
) -> dict[Node, Any]:
    """Send the seeds of some nodes back through all of `order`; return what arrived where."""
    arrived = dict(seeds)
    watcher = observer.get()
    for node in order:
        g, op = arrived.get(node), node.op
        if g is None or op is None:
            continue
        if watcher is not None:
            watcher.sending(node)
        y = node if create_graph else node._value
        inputs = node.args if create_graph else [a._value if isinstance(a, Node) else a for a in node.args]
        for position, arg in enumerate(node.args):
            if isinstance(arg, Node) and (between is None or arg in between):
                part = contribution(op, position, g, y, inputs, node.params, arg)
                if part is None:
                    continue
                if watcher is not None:
                    watcher.sent(node, position, part)
                sofar = arrived.get(arg)
                arrived[arg] = part if sofar is None else sofar + part
    return arrived


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
    want = arg._value
    if type(part) is np.ndarray and type(want) is np.ndarray and part.shape == want.shape and part.dtype == want.dtype:
        return part
    if type(part) is float and type(want) is float:
        return part
    return _fitted(part if isinstance(y, Node) else plain(part), want, op, position)


def _fitted(part: Any, want: Value, op: Op, position: int) -> Any:
    """Undo broadcasting, here and nowhere else, and see that a gradient has its input's shape and dtype."""
    if not isinstance(part, Node | Lifted):
        try:
            part = constant(part)
        except TypeError as error:
            raise RuleError(
                f"the derivative rule of op {op.name!r} for input {position} returned {part!r}, not a gradient"
            ) from error
    if shape_of(part) != shape_of(want):
        part = _unbroadcast(part, shape_of(want), op, position)
    dtype = getattr(want, "dtype", None)  # a float has none
    if shape_of(want) and plain(part).dtype != dtype:
        part = astype(part, dtype=dtype)
    return part


def _unbroadcast(g: Any, shape: tuple[int, ...], op: Op, position: int) -> Any:
    """Sum over the axes along which an input of this shape was repeated."""
    have = shape_of(g)
    extra = len(have) - len(shape)
    if op.broadcasts and extra > 0 and have[extra:] == shape:  # a bias, most often
        summed = g.sum(axis=tuple(range(extra)))
        return summed if shape or isinstance(summed, Node | Lifted) else float(summed)
    repeated = [i + extra for i, n in enumerate(shape) if n == 1 and have[i + extra] != 1] if extra >= 0 else []
    kept = tuple([1 if i in repeated else n for i, n in enumerate(have)][max(extra, 0) :])
    if not op.broadcasts or kept != shape:
        raise RuleError(
            f"the derivative rule of op {op.name!r} for input {position} returned a gradient of shape {have}, "
            f"but that input has shape {shape}; a rule must return its input's shape"
            + ("" if op.broadcasts else " (if the inputs of the op broadcast, say so: tg.op(..., broadcasts=True))")
        )
    summed = g.sum(axis=(*range(extra), *repeated))
    if isinstance(g, Node | Lifted):
        return reshape(summed, shape=shape) if repeated else summed
    return summed.reshape(shape) if shape else float(summed)


Node.backward = backward
