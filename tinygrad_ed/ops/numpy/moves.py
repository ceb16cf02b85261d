"""NumPy functions that only move entries.

Most by one idea: the value is what NumPy's function makes of the values, and a gradient is sent back by what the same
function makes of *positions*. `np.rot90` of the positions 1, 2, 3, ... tells where each entry of `np.rot90(x)` comes
from; 0 stands for a blank, so zeros that NumPy fills in (`np.pad`, `np.diag`) stay zeros. What joins, splits or spreads
arrays is said with the ops of `shape.py`, which give each of many arrays its own part.
"""

import inspect
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, NoDerivativeRule
from tinygrad_ed.graph.nested import leaves, rebuilt
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import Op, op
from tinygrad_ed.graph.values import Array, Lifted, as_array, constant, shape_of
from tinygrad_ed.ops.elementwise import where
from tinygrad_ed.ops.shape import (
    axes_as_lengths,
    axes_before,
    broadcast_to,
    concatenate,
    cut,
    flip,
    getitem,
    moveaxis,
    outline,
    reshape,
    roll,
    scatter_add,
    stack,
    transpose,
)
from tinygrad_ed.ops.typed import answer

MOVES: dict[Callable[..., Any], tuple[str, ...]] = {
    np.choose: ("choices",),
    np.compress: ("a",),
    np.delete: ("arr",),
    np.diag: ("v",),
    np.diagflat: ("v",),
    np.extract: ("arr",),
    np.insert: ("arr", "values"),
    np.lib.stride_tricks.sliding_window_view: ("x",),
    np.pad: ("array", "constant_values"),
    np.resize: ("a",),
    np.rot90: ("m",),
    np.take_along_axis: ("arr",),
}
"""The functions, and which of their arguments hold the entries that are moved."""

signature_of = cache(inspect.signature)


def _back_from_deleted(g: Any, shape: tuple[int, ...], obj: Any, axis: int | None = None) -> Any:
    """Put zeros where np.delete has taken entries away: that takes half the time that positions take."""
    if axis is None:
        return reshape(_back_from_deleted(g, (math.prod(shape),), obj, 0), shape)
    kept = np.ones(shape[axis], bool)
    kept[obj] = False
    return scatter_add(g, index=(*axes_before(axis, outline(shape)), kept), shape=shape)


def _mover(function: Callable[..., Any]) -> Op:
    """Return the op of a function: its inputs are the moved arrays, whose places among the arguments `moved` tells."""

    def forward(*xs: Any, moved: Any = None, **others: Any) -> Any:
        alone = map(as_array, xs) if len(xs) == 1 else iter(xs)  # some functions want an array, and no number
        return function(**rebuilt(moved, alone), **others)

    def rule(g: Any, y: Any, i: int, *xs: Any, moved: Any = None, **others: Any) -> Any:
        shapes = [shape_of(x) for x in xs]
        part: Any = ...
        if function is np.insert or (function is np.pad and others.get("mode", "constant") == "constant"):
            here = [np.full(shape, k == i) for k, shape in enumerate(shapes)]  # in their order, with others among them
            part = forward(*here, moved=moved, **others)
            if i == 0:
                return reshape(g[part], shapes[0])
        if function is np.delete and not isinstance(others["obj"], Lifted):
            return _back_from_deleted(g, shapes[0], **others)
        numbers = np.arange(1, math.prod(shapes[i]) + 1).reshape(shapes[i])
        numbered = [numbers if k == i else np.zeros(shape, int) for k, shape in enumerate(shapes)]
        return scatter(g[part], positions=forward(*numbered, moved=moved, **others)[part], shape=shapes[i])

    return op(function.__name__, forward, rule, variadic=True)


MOVERS = {function: _mover(function) for function in MOVES}

# `position` counts from 1 through the flat x; 0 reads a zero.
gather = op(
    "gather",
    lambda x, positions=(): np.concatenate([np.zeros(1, np.asarray(x).dtype), np.ravel(x)])[positions],
    lambda g, y, x, positions=(): scatter(g, positions=positions, shape=shape_of(x)),
)


def _scatter(g: Any, positions: Array, shape: tuple[int, ...] = ()) -> Any:
    sums = np.bincount(np.ravel(positions), np.ravel(g), minlength=math.prod(shape) + 1)[1:]
    return sums.astype(np.asarray(g).dtype, copy=False).reshape(shape)


scatter: Op = op("scatter", _scatter, lambda g, y, x, positions=(), shape=(): gather(g, positions=positions))


def move(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Answer a function of `MOVES`."""
    others = {**arguments, **arguments.get("kwargs", {})}
    others.pop("kwargs", None)
    if function is np.pad:  # positions must not be computed with
        mode, known = others.get("mode", "constant"), ("constant", "edge", "reflect", "symmetric", "wrap")
        if mode not in known or others.get("reflect_type") == "odd":
            raise NoDerivativeRule(
                f"np.pad with mode={mode!r} has no derivative rule for Nodes; say it with tg.concatenate"
            )
    moved = {name: others.pop(name) for name in MOVES[function] if name in others}
    arrays = [x if isinstance(x, Node) else _floats(constant(x)) for x in leaves(moved)]
    places = rebuilt(moved, iter(range(len(arrays))))
    return MOVERS[function](*arrays, moved=places, **without_nodes(others))


def _floats(x: Any) -> Any:
    """Return an array of integers as floats, as small as hold them: a number that is inserted must not be cut off."""
    return x.astype(np.result_type(x.dtype, np.float16)) if isinstance(x, np.ndarray) and x.dtype.kind != "f" else x


def without_nodes(tree: Any) -> Any:
    """Replace Nodes, also inside lists, tuples and dicts, by their values, as arrays."""
    return rebuilt(tree, iter([as_array(x._value) if isinstance(x, Node) else x for x in leaves(tree)]))


# Joining and splitting


def _joined(arrays: Sequence[Any], axis: int, grown: Callable[[Array], Array]) -> Any:
    """Join arrays along an axis, once they have the axes that `grown` gives them."""
    arrays = list(arrays)
    shapes = {shape: grown(outline(shape)).shape for shape in dict.fromkeys(map(shape_of, arrays))}
    first, whole = next(iter(shapes.items()), ((), ()))
    if len(shapes) != 1 or whole == first:
        return concatenate([_reshaped(x, shapes[shape_of(x)]) for x in arrays], axis)
    # All of one shape are stacked at once, and not reshaped one by one.
    rows = moveaxis(reshape(stack(arrays), (len(arrays), *whole)), 0, axis)
    return reshape(rows, (*whole[:axis], len(arrays) * whole[axis], *whole[axis + 1 :]))


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    if shape_of(x) == shape:
        return x
    return reshape(x, shape) if isinstance(x, Node) else np.reshape(x, shape)


def _columns(x: Array) -> Array:
    return np.atleast_2d(x).T if x.ndim < 2 else x


def _at_least(numpys: Any) -> Callable[..., Any]:
    def at_least(*arys: Any) -> Any:
        results = [_reshaped(x, numpys(outline(shape_of(x))).shape) for x in arys]
        return results[0] if len(results) == 1 else tuple(results)

    return at_least


def block(arrays: Any) -> Any:
    """Join nested lists of blocks: the innermost along the last axis, the next ones along the last but one."""
    depth, inner = 0, arrays
    while isinstance(inner, list) and inner:
        depth, inner = depth + 1, inner[0]
    return _of_blocks(arrays, depth, max([depth, *[len(shape_of(x)) for x in leaves(arrays)]]))


def _of_blocks(tree: Any, depth: int, ndim: int) -> Any:
    if isinstance(tree, list | tuple) != (depth > 0) or isinstance(tree, tuple):
        raise InvalidValue(
            f"block: give lists of arrays, all nested to the same depth, and none of them empty; there is {tree!r}"
        )
    if depth:
        return np.concatenate([_of_blocks(branch, depth - 1, ndim) for branch in tree], -depth)
    return _reshaped(tree, (1,) * (ndim - len(shape_of(tree))) + shape_of(tree))


def _parts(split: Callable[..., Any], x: Any, sections: Any, axis: int) -> list[Any]:
    """Return the parts into which NumPy splits the places along an axis."""
    length = shape_of(x)[operator.index(axis)]
    places = [part.tolist() for part in split(np.arange(length), without_nodes(sections))]
    if [*itertools.chain(*places)] == [*range(length)]:
        return cut(x, axis, [*itertools.accumulate(map(len, places))])
    return [getitem(x, (*axes_before(axis, x), slice(part[0], part[-1] + 1) if part else slice(0))) for part in places]


# Spreading and choosing


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Return all arrays, spread to one shape."""
    shape = np.broadcast_shapes(*[shape_of(x) for x in args])
    return tuple([np.broadcast_to(x, shape) for x in args])  # what is plain stays so


def tile(A: Any, reps: Any) -> Any:
    """Repeat the whole array along each axis."""
    reps = without_nodes(reps)
    counts = [operator.index(0 + n) for n in (reps if np.ndim(reps) else [reps])]
    ndim = max(len(counts), len(shape_of(A)))
    counts, shape = [1] * (ndim - len(counts)) + counts, (1,) * (ndim - len(shape_of(A))) + shape_of(A)
    rows = reshape(A, tuple([n for length in shape for n in (1, length)]))
    pairs = [*zip(counts, shape, strict=True)]
    return reshape(broadcast_to(rows, shape=[*itertools.chain(*pairs)]), tuple([k * n for k, n in pairs]))


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    """Return the coordinates of a grid: each vector along an axis of its own, spread over those of the others."""
    outlines = np.meshgrid(*[np.empty(shape_of(x)) for x in xi], copy=copy, sparse=True, indexing=indexing)
    grids = [np.reshape(x, outline.shape) for x, outline in zip(xi, outlines, strict=True)]
    return type(outlines)(grids) if sparse else broadcast_arrays(*grids)


def _rolled_by_half(x: Any, axes: Any, sign: int) -> Any:
    axes = range(len(shape_of(x))) if axes is None else np.atleast_1d(axes).tolist()
    return roll(x, shift=[sign * (shape_of(x)[axis] // 2) for axis in axes], axis=tuple(axes))


def _selected(*xs: Any, which: Any = ()) -> Any:
    *choices, default = xs
    return np.select([which == i for i in range(len(choices))], choices, default)


SELECT = op("select", _selected, lambda g, y, i, which=(): where(which == i, g, 0.0), broadcasts=True, variadic=True)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Take for each entry the first choice whose condition holds. Conditions are plain."""
    count = len(choicelist)
    which = np.select([plain(condition) for condition in condlist], [*range(count)], count)
    return SELECT(*choicelist, default, which=which)


def _triangle(m: Any, k: Any) -> Array:
    """Return True in the lower triangle, up to diagonal k, and False above."""
    triangle: Any = np.tri  # whose types do not know a starred shape
    k = float(k)
    lower: Array = triangle(*shape_of(m)[-2:], k=int(k) if k.is_integer() else k, dtype=bool)
    return lower


answer(np.fft, fftshift=lambda x, axes=None: _rolled_by_half(x, axes, 1))
answer(np.fft, ifftshift=lambda x, axes=None: _rolled_by_half(x, axes, -1))
answer(np, **{numpys.__name__: _at_least(numpys) for numpys in (np.atleast_1d, np.atleast_2d, np.atleast_3d)})
answer(
    np,
    block,
    broadcast_arrays,
    meshgrid,
    select,
    tile,
    append=lambda arr, values, axis=None: concatenate([arr, values], axis),
    array_split=lambda ary, indices_or_sections, axis=0: _parts(np.array_split, ary, indices_or_sections, axis),
    column_stack=lambda tup: _joined(tup, 1, _columns),
    dsplit=lambda ary, indices_or_sections: _parts(np.split, ary, indices_or_sections, 2),
    dstack=lambda tup: _joined(tup, 2, np.atleast_3d),
    fliplr=lambda m: flip(m, 1),
    flipud=lambda m: flip(m, 0),
    hsplit=lambda ary, indices_or_sections: _parts(np.split, ary, indices_or_sections, int(len(shape_of(ary)) > 1)),
    hstack=lambda tup: _joined(tup, int(len(tup) > 0 and len(shape_of(tup[0])) > 1), np.atleast_1d),
    rollaxis=lambda a, axis, start=0: transpose(a, np.rollaxis(axes_as_lengths(a), axis, start).shape),
    split=lambda ary, indices_or_sections, axis=0: _parts(np.split, ary, indices_or_sections, axis),
    tril=lambda m, k=0: where(_triangle(m, k), m, 0.0),
    triu=lambda m, k=0: where(_triangle(m, float(k) - 1), 0.0, m),
    unstack=lambda x, axis=0: tuple(cut(x, axis, range(1, shape_of(x)[axis] + 1), single=True)),
    vsplit=lambda ary, indices_or_sections: _parts(  # along rows, which a vector does not have
        np.split, ary, indices_or_sections, 0 if len(shape_of(ary)) > 1 else 1
    ),
    vstack=lambda tup: _joined(tup, 0, np.atleast_2d),
)
