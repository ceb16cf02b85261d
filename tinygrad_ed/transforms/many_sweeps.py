"""Many sweeps at once: a batch of gradients goes through the rules as if it were one.

A Jacobian needs one sweep for each entry of the result, and all of them walk the same graph. A `Batch` holds one
gradient for each of them, `(B, *shape)`, but shows the rules only `shape`. An op that meets a Batch is run once on
the whole array, with its parameters (axes, shapes, indices) moved behind the first axis. Ops without such a rule
here, a user's own among them, are run one gradient after the other, so the result is the same for all.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.op import Op
from tinygrad_ed.graph.opaque import Opaque
from tinygrad_ed.graph.values import Array, Lifted, as_array, shape_of
from tinygrad_ed.ops import elementwise, shape
from tinygrad_ed.ops.numpy import decompose, moves, products, scan, spectral

Batching = Callable[..., Any]
"""What runs an op on whole batches: it gets the op, its parameters and its inputs; None where it cannot."""


class Batch(Lifted):
    """Arrays of one shape, stacked along a first axis that the outside does not see."""

    __slots__ = ("array", "dtype", "shape")

    many = True

    def __init__(self, array: Array) -> None:
        self.array, self.shape, self.dtype = array, array.shape[1:], array.dtype

    def through(self, op: Op, values: list[Any], params: dict[str, Any]) -> "Batch":
        """Run the op on whole batches, if there is a rule for that and the parameters allow it."""
        rule = _stacked if isinstance(op, Opaque) and op.stacks else _RULES.get(op, _one_by_one)
        result = rule(op, params, *values)
        if result is None:
            result = _one_by_one(op, params, *values)
        return Batch(result if result.dtype.kind == "f" else result.astype(float))

    def _now(self) -> Array:
        return self.array

    def rows(self) -> list[Any]:  # noqa: D102  # as of what is lifted
        return [_alone(self, i) for i in range(len(self.array))]

    def of(self, rows: list[Any]) -> "Batch":  # noqa: D102
        return Batch(np.stack([as_array(row) for row in rows]))


# The same operators and methods as a Node has: each is the call of an op.
for _name, (_op, *_) in {**ops.OPERATORS, "mod": (ops.remainder,)}.items():
    for _side, _method in zip(("", "r"), ops.methods(_op), strict=True):
        setattr(Batch, f"__{_side}{_name}__", _method)
_SAME = "__neg__ __pos__ __abs__ __getitem__ __array_ufunc__ __array_function__ astype reshape sum T mT"
for _name in _SAME.split():
    setattr(Batch, _name, Node.__dict__[_name])


def _one_by_one(op: Op, params: dict[str, Any], *inputs: Any) -> Any:
    """Run the op on each gradient alone."""
    size = next(len(x.array) for x in inputs if isinstance(x, Batch))
    rows = [op(*[_alone(x, i) for x in inputs], **params) for i in range(size)]
    return np.stack([as_array(row) for row in rows])


def _alone(x: Any, i: int) -> Any:
    if not isinstance(x, Batch):
        return x
    row = x.array[i]
    return row if x.array.ndim > 1 or isinstance(row, Lifted) else float(row)


def _trailing(op: Op, params: dict[str, Any], *inputs: Any) -> Any:
    """Apply an op that lines its inputs up at the last axis: entry by entry, or on stacks of matrices."""
    ndim = max([len(shape_of(x)) for x in inputs])
    return as_array(op(*[_padded(x.array, ndim) if type(x) is Batch else x for x in inputs], **params))


def _padded(array: Array, ndim: int) -> Array:
    """Return the batch with axes of length 1 behind the first, as broadcasting would put them in front."""
    missing = ndim + 1 - array.ndim
    return array.reshape(len(array), *[1] * missing, *array.shape[1:]) if missing > 0 else array


def _stacked(op: Op, params: dict[str, Any], first: Any, *rest: Any) -> Any:
    """Apply an op that takes a whole stack in the place of its first input."""
    return None if any([isinstance(x, Batch) for x in rest]) else as_array(op(first.array, *rest, **params))


def _matmul(op: Op, params: dict[str, Any], *inputs: Any) -> Any:
    return _trailing(op, params, *inputs) if min([len(shape_of(x)) for x in inputs]) >= 2 else None


def _folding(op: Op, params: dict[str, Any], x: Batch) -> Any:
    """Apply an op with an axis, counted from the end."""
    axis = params.get("axis")
    folded = range(len(x.shape)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, len(x.shape))
    return as_array(op(x.array, **{**params, "axis": tuple([i - len(x.shape) for i in folded])}))


def _along(op: Op, params: dict[str, Any], x: Batch) -> Any:
    """Apply an op along one axis, where None would flatten the batch too."""
    axis = params.get("axis")
    return None if axis is None else op(x.array, axis=axis % len(x.shape) + 1)


def _reshape(op: Op, params: dict[str, Any], x: Batch) -> Array:
    return x.array.reshape(len(x.array), *shape.outline(x.shape).reshape(params["shape"]).shape)


def _transpose(op: Op, params: dict[str, Any], x: Batch) -> Array:
    ndim, axes = len(x.shape), params.get("axes")
    return x.array.transpose(0, *[a % ndim + 1 for a in (reversed(range(ndim)) if axes is None else axes)])


def _broadcast_to(op: Op, params: dict[str, Any], x: Batch) -> Array:
    target = np.broadcast_shapes(params["shape"])
    return np.broadcast_to(_padded(x.array, len(target)), (len(x.array), *target))


def _getitem(op: Op, params: dict[str, Any], x: Batch) -> Any:
    index, in_front = _beside_the_batch(params["index"])
    return as_array(x.array[index] if in_front else _turned(_turned(x.array, 1)[index], -1))


def _scatter_add(op: Op, params: dict[str, Any], g: Batch) -> Any:
    index, in_front = _beside_the_batch(params["index"])
    if in_front:
        return as_array(op(g.array, index=index, shape=(len(g.array), *params["shape"])))
    return _turned(as_array(op(_turned(g.array, 1), index=index, shape=(*params["shape"], len(g.array)))), -1)


def _turned(array: Array, first: int) -> Array:
    """Return the array with its axes from that one on, and then those before it."""
    axes = range(array.ndim)
    return array.transpose(*axes[first:], *axes[:first])


def _beside_the_batch(index: Any) -> tuple[Any, bool]:
    """Return the index with an axis more for the batch: before the others, or, as arrays may move axes, behind them."""
    read = shape.as_read(index)
    parts = read if isinstance(read, tuple) else (read,)
    if not shape.arrays_in(parts):
        return (slice(None), *parts), True
    return (*parts, slice(None)) if any([part is Ellipsis for part in parts]) else parts, False


def _joining(op: Op, params: dict[str, Any], *inputs: Any) -> Any:
    size, axis = next(len(x.array) for x in inputs if isinstance(x, Batch)), params["axis"]
    arrays = [x.array if isinstance(x, Batch) else np.broadcast_to(x, (size, *shape_of(x))) for x in inputs]
    return as_array(op(*arrays, axis=axis + 1 if axis >= 0 else axis))


def _gather(op: Op, params: dict[str, Any], x: Batch) -> Any:
    flat = x.array.reshape(len(x.array), -1)
    blank = np.zeros((len(flat), 1), flat.dtype)
    return as_array(ops.getitem(np.concatenate([blank, flat], axis=1), index=(slice(None), params["positions"])))


def _einsum(op: Op, params: dict[str, Any], *inputs: Any) -> Any:
    terms, out = params["terms"], params["out"]
    letter = next(c for c in products.LETTERS if c not in "".join([*terms, out]))
    terms = tuple([letter + term if isinstance(x, Batch) else term for x, term in zip(inputs, terms, strict=True)])
    arrays = [x.array if isinstance(x, Batch) else x for x in inputs]
    return as_array(op(*arrays, **{**params, "terms": terms, "out": letter + out}))


_ALIGNED = {made for room in (elementwise, decompose, spectral) for made in vars(room).values() if isinstance(made, Op)}
_RULES: dict[Op, Batching] = {
    **dict.fromkeys(_ALIGNED, _trailing),
    **dict.fromkeys((ops.sum, ops.mean, ops.max, ops.min, ops.prod, ops.logsumexp, ops.flip), _folding),
    ops.matmul: _matmul,
    **dict.fromkeys((shape._astype, scan._neighbors, scan._of_neighbors, scan._slope, scan._of_slope), _trailing),
    ops.cumsum: _along,
    ops.reshape: _reshape,
    ops.matrix_transpose: _trailing,
    ops.transpose: _transpose,
    ops.broadcast_to: _broadcast_to,
    ops.getitem: _getitem,
    ops.scatter_add: _scatter_add,
    shape._concatenate: _joining,
    shape._stack: _joining,
    moves.gather: _gather,
    products._einsum: _einsum,
}
