"""A graph of arrays, written out as a graph of numbers.

Every entry of every array becomes a Node of its own: an op that works entry by entry is repeated, a matrix product or
a sum becomes products and additions, and an op that only moves entries disappears. An op of any other kind stays what
it is: its entries are stacked before it and taken apart after it. Values and derivatives are those of the arrays.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.draw.trace import layers_of
from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.op import Op
from tinygrad_ed.ops import add, divide, elementwise, getitem, linalg, multiply, reduce, shape, stack

_EACH = {op for op in vars(elementwise).values() if isinstance(op, Op)}
_MOVES = {op for op in vars(shape).values() if isinstance(op, Op)} - {shape.scatter_add}


class Expanded(NamedTuple):
    """A graph in numbers."""

    root: Node
    leaves: dict[Node, Node]  # for every leaf the leaf of the graph of arrays that it is an entry of
    homes: dict[Node, str]  # the layer of every node that has one
    entries: dict[Node, Any]  # for every node of the graph of arrays the nodes of its entries, in its shape


def expand(root: Node) -> Expanded:
    """Return the graph of a result with one entry as a graph of numbers."""
    order = walk(root)[::-1]
    layers = layers_of(order)
    entries: dict[Node, Any] = {}
    leaves: dict[Node, Node] = {}
    homes: dict[Node, str] = {}
    for node in order:
        made = _Recorder()
        if node.op is None:
            entries[node] = _leaves(node)
            leaves |= dict.fromkeys(entries[node].flat, node)
            made += entries[node].flat
        else:
            inputs = [entries[arg] if isinstance(arg, Node) else np.asarray(arg).astype(object) for arg in node.args]
            entries[node] = _written_out(node.op, node, inputs, made).reshape(node.shape)
        if node in layers:
            homes |= dict.fromkeys(made, layers[node])
    return Expanded(entries[root].item(), leaves, homes, entries)


class _Recorder(list[Node]):
    """Applies ops and keeps the Nodes they make."""

    def __call__(self, op: Any, *inputs: Any, **params: Any) -> Any:
        result = op(*inputs, **params)
        if isinstance(result, Node):
            self.append(result)
        return result


def _leaves(node: Node) -> Any:
    if node.shape == ():
        return _array([node], ())
    name = node.name or ""
    parts = [Node(float(node.value[at]), name=f"{name}[{','.join(map(str, at))}]") for at in np.ndindex(node.shape)]
    return _array(parts, node.shape)


def _written_out(op: Op, node: Node, inputs: list[Any], made: _Recorder) -> Any:
    """Return the entries of the result of an op."""
    params = node.params or {}
    if op in _EACH:
        wide = np.broadcast_arrays(*inputs)
        parts = [made(op, *[each[at] for each in wide], **params) for at in np.ndindex(node.shape)]
    elif op in _MOVES:
        return np.asarray(op.forward(*inputs, **params), dtype=object)
    elif op is linalg.matmul and all(each.ndim <= 2 and each.size for each in inputs):
        left, right = np.atleast_2d(inputs[0]), inputs[1] if inputs[1].ndim == 2 else inputs[1][:, None]
        parts = [
            _total(made, [made(multiply, a, b) for a, b in zip(row, column, strict=True)])
            for row, column in itertools.product(left, right.T)
        ]
    elif op in (reduce.sum, reduce.mean) and inputs[0].size:
        folded = reduce.axes_of(inputs[0], params.get("axis"))
        groups = np.moveaxis(inputs[0], folded, range(-len(folded), 0)).reshape(node.size, -1)
        parts = [_total(made, list(group)) for group in groups]
        if op is reduce.mean:
            parts = [made(divide, part, float(groups.shape[1])) for part in parts]
    else:
        whole = made(op, *[_together(made, each) for each in inputs], **params)
        parts = [made(getitem, whole, index=at) if node.shape else whole for at in np.ndindex(node.shape)]
    return _array(parts, node.shape)


def _total(made: _Recorder, parts: list[Any]) -> Any:
    return list(itertools.accumulate(parts, lambda a, b: made(add, a, b)))[-1]


def _together(made: _Recorder, entries: Any) -> Any:
    """Join entries into one array: a plain one if none of them is a Node. An array without entries stays a Node."""
    parts = list(entries.flat)
    if not parts:
        made.append(Node(np.empty(entries.shape)))
        return made[-1]
    if not any(isinstance(part, Node) for part in parts):
        return np.array(parts, float).reshape(entries.shape)
    if not entries.shape:
        return parts[0]
    return made(shape.reshape, made(stack, parts), shape=entries.shape) if entries.ndim > 1 else made(stack, parts)


def _array(parts: list[Any], shape: tuple[int, ...]) -> Any:
    """Return an array of objects, which NumPy does not look into."""
    return np.fromiter(parts, object, len(parts)).reshape(shape)
