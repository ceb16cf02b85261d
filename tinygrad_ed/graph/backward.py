"""The sweep: gradients of one node with respect to all that it was computed from.

Nodes are visited newest first. Ids are given in the order of creation, so when a node's turn comes, all nodes that use
it have already sent it their part and its gradient is complete. Then, by the rules of its op:

    gradient(input) += rule(gradient(node), node, *inputs)
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Literal, overload

import numpy as np

from tinygrad_ed.errors import InvalidType, ShapeError, StaleGraph
from tinygrad_ed.graph.grad_mode import observer, recording
from tinygrad_ed.graph.node import Node, one_at_a_time, plain
from tinygrad_ed.graph.rule import contribution
from tinygrad_ed.graph.values import HALF, Lifted, constant, shape_of, wide


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
    gradients = sweep(order, {root: start(root, seed if seed is None else plain(seed))})
    with one_at_a_time:
        for node in order:
            node._grad = gradients.get(node)


@overload
def gradients(  # type: ignore[overload-overlap]  # a Node can be iterated, but is not taken so
    root: Node, wrt: Node, seed: Any = None, *, create_graph: Literal[True]
) -> Node: ...
@overload
def gradients(root: Node, wrt: Node, seed: Any = None, create_graph: bool = False) -> Any: ...
@overload
def gradients(root: Node, wrt: Iterable[Node], seed: Any = None, create_graph: bool = False) -> tuple[Any, ...]: ...
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
    """Return the gradients of the sum of all root . seed with respect to the targets; None where nothing arrived.

    Only what lies between roots and targets is walked.
    """
    order, wanted = walk(*roots), set(targets)
    # If every leaf is a target, as in most programs, then everything lies between.
    between = _between(order, wanted) if any([node.op is None and node not in wanted for node in order]) else None
    arriving: dict[Node, Any] = {}
    with recording(create_graph):
        for node, seed in zip(roots, seeds, strict=True):
            arriving[node] = arriving[node] + seed if node in arriving else seed
        if between is not None:
            order = [node for node in order if node in between]
        found = sweep(order, arriving, between, create_graph)
    return [found.get(node) for node in targets]


def finished(gradient: Any, node: Node, create_graph: bool) -> Any:
    """Return what a user gets: zeros where nothing arrived; a Node, or a plain value that is the user's own."""
    if gradient is None:
        gradient = 0.0 if node.shape == () else np.zeros(node.shape, node.dtype)
    if create_graph:
        gradient = gradient if isinstance(gradient, Node) else Node(gradient)
        return gradient.astype(HALF) if node.dtype == HALF else gradient
    if isinstance(gradient, Lifted):
        return gradient.as_number()
    if isinstance(gradient, np.ndarray):
        return np.array(gradient, HALF if node.dtype == HALF else None)
    return gradient


def start(root: Node, seed: Any = None) -> Any:
    """Return the gradient that arrives at the root: the seed, checked, or 1."""
    if seed is None and type(root._value) is float:
        return 1.0
    shape = root.shape
    if seed is None:
        if root.size != 1:
            raise ShapeError(
                f"a sweep starts from one number, but {root!r} has shape {shape}; reduce it (`.sum()`), give "
                "the gradient that arrives as seed= (of that shape), or use tg.jacobian for all entries"
            )
        return wide(np.ones(shape, root.dtype)) if shape else 1.0
    seed = seed if isinstance(seed, Node) else constant(seed)
    if shape_of(seed) != shape:
        raise ShapeError(f"the seed has shape {shape_of(seed)}, but {root!r} has shape {shape}; they must be equal")
    # A copy: the caller may go on with the array, and it may be of integers.
    return wide(np.array(seed, root.dtype)) if isinstance(seed, np.ndarray) else seed


def walk(*roots: Node) -> list[Node]:
    """Return the roots and every node they depend on, newest first. No recursion: graphs may be deep."""
    seen = set(roots)
    stack, found = list(seen), []
    while stack:
        node = stack.pop()
        found.append(node)
        first = node._first
        for arg in first if type(first) is tuple else (first, node._second):
            if isinstance(arg, Node):
                if arg.id > node.id:
                    raise StaleGraph(
                        f"{arg!r} got a new value after {node!r} was computed from the old one, so the gradients "
                        "would mix both; build the graph again with the new value, then sweep"
                    )
                if arg not in seen:
                    seen.add(arg)
                    stack.append(arg)
    return sorted(found, key=attrgetter("id"), reverse=True)


def _between(order: list[Node], targets: Iterable[Node]) -> set[Node]:
    """Return the nodes that depend on a target, and the targets."""
    between = set(targets)
    for node in reversed(order):
        if any([isinstance(arg, Node) and arg in between for arg in node.args]):
            between.add(node)
    return between


quick_sweep: Callable[..., dict[Node, Any]] | None = None
"""A faster sweep for plain values, if `quick.py` is installed."""


def sweep(
    order: list[Node], seeds: dict[Node, Any], between: set[Node] | None = None, create_graph: bool = False
) -> dict[Node, Any]:
    """Send the seeds of some nodes back through all of `order`; return the gradient of each node that got one."""
    watcher = observer.get()
    if quick_sweep is not None and watcher is None and not create_graph:
        return quick_sweep(order, seeds, between)
    gradients = dict(seeds)
    for node in order:
        upstream, op, args = gradients.get(node), node.op, node.args
        if upstream is None or op is None:
            continue
        if watcher is not None:
            watcher.sending(node)
        y, params = node if create_graph else node._value, node.params
        inputs = args if create_graph else [arg._value if isinstance(arg, Node) else arg for arg in args]
        for position, arg in enumerate(args):
            if isinstance(arg, Node) and (between is None or arg in between):
                call = (op, position, upstream, y, inputs, params, arg)
                part = contribution(*call) if watcher is None else watcher.computed(partial(contribution, *call))
                if part is None:
                    continue
                if watcher is not None:
                    watcher.sent(node, position, part)
                so_far = gradients.get(arg)
                gradients[arg] = part if so_far is None else so_far + part
    return gradients


Node.backward = backward  # type: ignore[assignment, method-assign]  # what `typed_node.py` says it is
