"""NumPy functions that only move entries, all by one idea: let NumPy move *positions*, then read the entries there.

`np.rot90` of the positions 1, 2, 3, ... tells where each entry of `np.rot90(x)` comes from; 0 stands for a blank, so
zeros that NumPy fills in (`np.tril`, `np.pad`, `np.diag`) stay zeros. Joining several arrays is the same with one
numbering over all of them. The only rule is that of `gather`: what was read from a place is sent back to it.

>>> np.rot90(Node([[1.0, 2.0], [3.0, 4.0]]))
Node([[2., 4.],
      [1., 3.]], op='gather')
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.errors import NoDerivativeRule, ShapeError
from tinygrad_ed.node import Node, plain
from tinygrad_ed.operation import Op, op
from tinygrad_ed.ops.shape import astype, concatenate, ravel
from tinygrad_ed.values import Array, as_array, constant, shape_of

MOVES: dict[Callable[..., Any], tuple[str, ...]] = {
    np.append: ("arr", "values"),
    np.array_split: ("ary",),
    np.atleast_1d: ("arys",),
    np.atleast_2d: ("arys",),
    np.atleast_3d: ("arys",),
    np.block: ("arrays",),
    np.broadcast_arrays: ("args",),
    np.choose: ("choices",),
    np.column_stack: ("tup",),
    np.compress: ("a",),
    np.delete: ("arr",),
    np.diag: ("v",),
    np.diagflat: ("v",),
    np.dsplit: ("ary",),
    np.dstack: ("tup",),
    np.extract: ("arr",),
    np.fft.fftshift: ("x",),
    np.fft.ifftshift: ("x",),
    np.fliplr: ("m",),
    np.flipud: ("m",),
    np.hsplit: ("ary",),
    np.hstack: ("tup",),
    np.insert: ("arr", "values"),
    np.lib.stride_tricks.sliding_window_view: ("x",),
    np.meshgrid: ("xi",),
    np.pad: ("array", "constant_values"),
    np.resize: ("a",),
    np.rollaxis: ("a",),
    np.rot90: ("m",),
    np.select: ("choicelist", "default"),
    np.split: ("ary",),
    np.take_along_axis: ("arr",),
    np.tile: ("A",),
    np.tril: ("m",),
    np.triu: ("m",),
    np.vsplit: ("ary",),
    np.vstack: ("tup",),
}
"""The functions, and which of their arguments hold the entries that are moved."""

if hasattr(np, "unstack"):  # NumPy 2.1
    MOVES[np.unstack] = ("x",)

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


def move(function: Callable[..., Any], bound: inspect.BoundArguments, free: dict[str, Any]) -> Any:
    """Answer a function of `MOVES`, by running it on positions in place of the entries."""
    if function is np.pad:
        _check_pad(bound.arguments.get("mode", "constant"), free)
    numbering = _Numbering()
    slots = [(place, k, place[k]) for place in (bound.arguments, free) for k in MOVES[function] if k in place]
    for place, name, given in slots:
        place[name] = numbering.of(given)
    try:
        positions = function(*bound.args, **bound.kwargs)
    except ValueError as error:
        if type(error) is not ValueError:
            raise  # AxisError already says what is wrong
        shapes = ", ".join([str(shape_of(array)) for array in numbering.arrays])
        raise ShapeError(f"{function.__name__}: inputs of shape {shapes} do not fit: {error}") from error
    result = _read(numbering.entries(), positions)
    if len({as_array(plain(array)).dtype for array in numbering.arrays}) == 1:
        return result
    for place, name, given in slots:
        place[name] = _outline(given)
    return _typed(result, function(*bound.args, **bound.kwargs))


def _check_pad(mode: Any, options: dict[str, Any]) -> None:
    """Some modes of np.pad compute new entries, and positions must not be computed with."""
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap") or options.get("reflect_type") == "odd":
        raise NoDerivativeRule(
            f"np.pad with mode={mode!r} has no derivative rule for Nodes; say it with tg.concatenate"
        )


class _Numbering:
    """One numbering 1, 2, 3, ... over the entries of several arrays."""

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self.next = 1

    def of(self, tree: Any) -> Any:
        """The positions of an array, or of each array in nested lists and tuples."""
        if isinstance(tree, list | tuple):
            return type(tree)([self.of(branch) for branch in tree])
        array = tree if isinstance(tree, Node) else constant(tree)
        first, shape = self.next, shape_of(array)
        self.next += math.prod(shape)
        self.arrays.append(array)
        return np.arange(first, self.next).reshape(shape)

    def entries(self) -> Any:
        """All entries, flat, in the order of their positions."""
        if len(self.arrays) == 1:
            return self.arrays[0]
        return concatenate([ravel(array) for array in self.arrays])


def _read(entries: Any, positions: Any) -> Any:
    """The entries at the positions; a list or tuple of them where NumPy returns one."""
    if isinstance(positions, list | tuple):
        return type(positions)([_read(entries, part) for part in positions])
    return gather(entries, positions=positions)


def _outline(tree: Any) -> Any:
    """Zeros of the same shapes and dtypes, which take no memory: of them NumPy says the dtype of the result."""
    if isinstance(tree, list | tuple):
        return type(tree)([_outline(branch) for branch in tree])
    shape = shape_of(tree)
    return np.broadcast_to(np.zeros((), as_array(plain(tree)).dtype), shape) if shape else 0.0


def _typed(result: Any, outline: Any) -> Any:
    """The result in the dtypes of its outline."""
    if isinstance(result, list | tuple):
        return type(result)([_typed(part, other) for part, other in zip(result, outline, strict=True)])
    return result if result.dtype == outline.dtype else astype(result, dtype=outline.dtype)
