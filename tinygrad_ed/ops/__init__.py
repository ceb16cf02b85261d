"""Every op: its NumPy function and its derivative rules, side by side.

This is the one place where `Node` gets its operators and methods, each a call of an op. (A rule is written
with operators, and an operator needs an op: this is the one cycle of the package, and it is closed here.)
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from tinygrad_ed.errors import InvalidType, ShapeError
from tinygrad_ed.node import Node, clock, plain
from tinygrad_ed.operation import OPS, Op, blank, is_exact, recording_mode
from tinygrad_ed.ops import decompose as decompose  # this and the next answer to NumPy's own names alone
from tinygrad_ed.ops import elementwise, linalg, protocols, reduce, shape
from tinygrad_ed.ops import norms as norms
from tinygrad_ed.ops import order as order
from tinygrad_ed.ops import parts as parts
from tinygrad_ed.ops import polynomial as polynomial
from tinygrad_ed.ops import products as products
from tinygrad_ed.ops import scan as scan
from tinygrad_ed.ops import spectral as spectral
from tinygrad_ed.ops import statistics as statistics
from tinygrad_ed.ops.elementwise import *
from tinygrad_ed.ops.linalg import *
from tinygrad_ed.ops.reduce import *
from tinygrad_ed.ops.shape import *
from tinygrad_ed.values import Lifted, as_array

abs = absolute

__all__ = ["abs"]
__all__ += elementwise.__all__
__all__ += reduce.__all__
__all__ += shape.__all__
__all__ += linalg.__all__

Array = np.ndarray

OPERANDS = (Node, Lifted, int, float, np.ndarray, np.generic, list, tuple)


def methods(op: Any) -> tuple[Any, Any]:
    """The method for `node ∘ other` and the one for `other ∘ node`; unknown operands are left to Python."""

    def method(self: Any, other: Any) -> Any:
        return op(self, other) if isinstance(other, OPERANDS) else NotImplemented

    def mirrored(self: Any, other: Any) -> Any:
        return op(other, self) if isinstance(other, OPERANDS) else NotImplemented

    return method, mirrored


def _operator(op: Any, compute: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """The same, with a short way for numbers and float arrays: that of `Op.__call__` without its questions."""
    method, mirrored = methods(op)
    op.compute = compute

    def short(self: Node, other: Any) -> Any:
        a = self._value
        b = other._value if type(other) is Node else other
        numbers = type(a) is float and type(b) is float
        if not numbers:
            plain_b = type(b) is float or (type(b) is Array and (b is not other or (b.ndim and b.dtype.kind == "f")))
            if not plain_b or not (type(a) is float or type(a) is Array):
                return short(self, float(other)) if is_exact(other) else method(self, other)
        if recording_mode() is not True:
            return method(self, other)
        try:
            value = compute(a, b)
        except (ArithmeticError, ValueError):
            return method(self, other)  # it has the right words
        if not numbers and type(value) is not Array:
            if not isinstance(value, float):
                return method(self, other)
            value = float(value)  # NumPy's own, of a product of two vectors
        node = blank()
        node._value = value
        node.op = op
        node._first = self
        node._second = other
        node.id = next(clock)
        node._grad = None
        return node

    def short_mirrored(self: Node, other: Any) -> Any:
        node = op.of_two(other, self)
        return mirrored(self, other) if node is None else node

    return short, short_mirrored


def _method(op: Op) -> Any:
    """The method for an op of one input, with the same short way."""

    def method(self: Node) -> Any:
        node = op.of_one(self)
        return op(self) if node is None else node

    return method


def _comparison(compare: np.ufunc) -> Any:
    """A method that gives plain truth values: Python's for floats, an array for arrays."""

    def method(self: Node, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        try:
            result = compare(self._value, plain(other))
        except ValueError as error:
            raise ShapeError(f"{self!r} of shape {self.shape} cannot be compared with {other!r}: {error}") from error
        return bool(result) if isinstance(result, np.bool_) else result

    return method


def _plain(name: str) -> Any:
    """A method of ndarray whose result has no derivative: positions, truth values, rounding."""

    def method(self: Node, *args: Any, **keywords: Any) -> Any:
        return getattr(as_array(self._value), name)(*args, **keywords)

    return method


def _getitem(self: Node, index: Any) -> Any:
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if isinstance(part, Node):
            raise InvalidType(f"{part!r} cannot be an index: a position has no derivative; use int(node.item())")
    if any([isinstance(part, np.ndarray) for part in parts]):  # a copy: the sweep comes later, and reads it again
        index = tuple([part.copy() if isinstance(part, np.ndarray) else part for part in parts])
    return getitem(self, index=index)


def _iter(self: Node) -> Iterator[Any]:
    return iter([getitem(self, index=i) for i in range(len(self))])


def _reshape(self: Node, *sizes: Any, order: str = "C") -> Any:
    return shape.reshape_in(self, sizes[0] if len(sizes) == 1 else sizes, order)


def _transpose(self: Node, *axes: Any) -> Any:
    given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int | np.integer) else axes
    return transpose(self, axes=given or None)


Node.__add__, Node.__radd__ = _operator(add, operator.add)
Node.__sub__, Node.__rsub__ = _operator(subtract, operator.sub)
Node.__mul__, Node.__rmul__ = _operator(multiply, operator.mul)
Node.__truediv__, Node.__rtruediv__ = _operator(divide, operator.truediv)
Node.__floordiv__, Node.__rfloordiv__ = methods(elementwise.floor_divide)
Node.__divmod__, Node.__rdivmod__ = methods(elementwise.quotient_and_rest)
Node.__mod__, Node.__rmod__ = methods(remainder)
Node.__pow__, Node.__rpow__ = _operator(power, elementwise.raised)
Node.__matmul__, Node.__rmatmul__ = _operator(matmul, linalg.product)
Node.__neg__, Node.__pos__, Node.__abs__ = _method(negative), _method(positive), _method(absolute)
Node.__lt__, Node.__le__ = _comparison(np.less), _comparison(np.less_equal)
Node.__gt__, Node.__ge__ = _comparison(np.greater), _comparison(np.greater_equal)
Node.__eq__ = _comparison(np.equal)  # type: ignore[method-assign]  # typed by object itself
Node.__ne__ = _comparison(np.not_equal)  # type: ignore[method-assign]  # typed by object itself
Node.__getitem__, Node.__iter__ = cast(Any, _getitem), cast(Any, _iter)

Node.T, Node.mT = property(transpose), property(matrix_transpose)
Node.reshape, Node.transpose, Node.ravel, Node.flatten = _reshape, _transpose, ravel, ravel
Node.squeeze, Node.swapaxes, Node.repeat, Node.take = squeeze, swapaxes, repeat, take
Node.diagonal, Node.trace, Node.dot, Node.clip, Node.astype = diagonal, trace, dot, clip, astype
Node.copy, Node.conj, Node.cumprod = positive, positive, scan.cumprod
Node.sum, Node.prod, Node.mean, Node.var, Node.std = sum, prod, mean, var, std
Node.max, Node.min, Node.cumsum = max, min, cumsum
Node.exp, Node.log, Node.tanh = _method(exp), _method(log), _method(tanh)
Node.sigmoid, Node.relu = _method(sigmoid), _method(relu)
Node.round, Node.argmax, Node.argmin, Node.argsort = (
    _plain("round"),
    _plain("argmax"),
    _plain("argmin"),
    _plain("argsort"),
)
Node.nonzero, Node.any, Node.all = _plain("nonzero"), _plain("any"), _plain("all")

Node.__array_ufunc__, Node.__array_function__ = protocols.array_ufunc, protocols.array_function

for _op in OPS.values():
    _op.trust()
