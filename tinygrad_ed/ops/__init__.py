"""Every op: its NumPy function and its derivative rules, side by side.

This is the one place where `Node` gets its operators and methods, each a call of an op. (A rule is written
with operators, and an operator needs an op: this is the one cycle of the package, and it is closed here.)
"""

import operator
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import numpy as np

from tinygrad_ed.errors import ShapeError
from tinygrad_ed.graph import quick
from tinygrad_ed.graph.grad_mode import observer
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Lifted, as_array
from tinygrad_ed.ops import elementwise, linalg, reduce, shape
from tinygrad_ed.ops.elementwise import *
from tinygrad_ed.ops.linalg import *
from tinygrad_ed.ops.numpy import norms, parts, polynomial, protocols, scan, statistics  # noqa: F401  # they answer NumPy
from tinygrad_ed.ops.numpy import order as order
from tinygrad_ed.ops.reduce import *
from tinygrad_ed.ops.shape import *

abs = absolute

__all__ = ["abs"]
__all__ += elementwise.__all__
__all__ += reduce.__all__
__all__ += shape.__all__
__all__ += linalg.__all__

OPERANDS = (Node, Lifted, int, float, np.ndarray, np.generic, list, tuple)


def methods(op: Any) -> tuple[Any, Any]:
    """Return the method for `node ∘ other` and the one for `other ∘ node`; unknown operands are left to Python."""

    def method(self: Any, other: Any) -> Any:
        return op(self, other) if isinstance(other, OPERANDS) else NotImplemented

    def mirrored(self: Any, other: Any) -> Any:
        return op(other, self) if isinstance(other, OPERANDS) else NotImplemented

    method.__doc__ = mirrored.__doc__ = op.__doc__
    return method, mirrored


def _comparison(compare: np.ufunc) -> Any:
    """Return a method that gives plain truth values: Python's for floats, an array for arrays."""

    def method(self: Node, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        try:
            result = compare(self._value, plain(other))
        except ValueError as error:
            raise ShapeError(f"{self!r} of shape {self.shape} cannot be compared with {other!r}: {error}") from error
        return bool(result) if isinstance(result, np.bool_) else result

    method.__doc__ = f"Compare the values by `numpy.{compare.__name__}`; the result is plain."
    return method


def _plain(name: str) -> Any:
    """Return a method of ndarray whose result has no derivative: positions, truth values, rounding."""

    def method(self: Node, *args: Any, **keywords: Any) -> Any:
        return getattr(as_array(self._value), name)(*args, **keywords)

    method.__doc__ = f"Call `numpy.ndarray.{name}` of the value; the result is plain."
    return method


def _getitem(self: Node, index: Any) -> Any:
    """Return the entries at an index, as NumPy does."""
    watcher = observer.get()
    if watcher is not None:
        watcher.given(index)
    return getitem(self, index=shape.as_read(index))


def _iter(self: Node) -> Iterator[Any]:
    """Give the entries along the first axis."""
    return iter(shape.cut(self, 0, range(1, len(self) + 1), single=True))


def _reshape(self: Node, *sizes: Any, order: str = "C") -> Any:
    """Return the entries in another shape; one size may be -1."""
    return shape.reshape_in(self, sizes[0] if len(sizes) == 1 else sizes, order)


def _transpose(self: Node, *axes: Any) -> Any:
    """Return it with its axes in another order, by default the reverse."""
    given = axes[0] if len(axes) == 1 and (axes[0] is None or np.ndim(axes[0])) else axes
    return transpose(self, axes=None if given is None or len(given) == 0 else given)


cls: Any = Node  # what a type checker knows of it is in `graph/typed_node.py`

OPERATORS = {  # with what computes each for floats and for arrays alike
    "add": (add, operator.add),
    "sub": (subtract, operator.sub),
    "mul": (multiply, operator.mul),
    "truediv": (divide, operator.truediv),
    "pow": (power, elementwise.raised),
    "matmul": (matmul, linalg.product),
}
METHODS = {"__neg__": negative, "__pos__": positive, "__abs__": absolute}
METHODS |= {"exp": exp, "log": log, "tanh": tanh, "sigmoid": sigmoid, "relu": relu}

for _name, (_op, _) in OPERATORS.items():
    _left, _right = methods(_op)
    setattr(cls, f"__{_name}__", _left)
    setattr(cls, f"__r{_name}__", _right)
for _name, _op in METHODS.items():
    setattr(cls, _name, _op)
cls.__floordiv__, cls.__rfloordiv__ = methods(elementwise.floor_divide)
cls.__divmod__, cls.__rdivmod__ = methods(elementwise.quotient_and_rest)
cls.__mod__, cls.__rmod__ = methods(remainder)
cls.__lt__, cls.__le__ = _comparison(np.less), _comparison(np.less_equal)
cls.__gt__, cls.__ge__ = _comparison(np.greater), _comparison(np.greater_equal)
cls.__eq__ = _comparison(np.equal)
cls.__ne__ = _comparison(np.not_equal)
cls.__getitem__, cls.__iter__ = _getitem, _iter

cls.T, cls.mT = property(transpose), property(matrix_transpose)
cls.reshape, cls.transpose, cls.ravel, cls.flatten = _reshape, _transpose, ravel, ravel
cls.squeeze, cls.swapaxes, cls.repeat, cls.take = squeeze, swapaxes, repeat, take
cls.diagonal, cls.trace, cls.dot, cls.clip, cls.astype = diagonal, trace, dot, clip, astype
cls.copy, cls.conj, cls.cumprod = positive, positive, scan.cumprod
cls.sum, cls.prod, cls.mean, cls.var, cls.std = sum, prod, mean, var, std
cls.max, cls.min, cls.cumsum = max, min, cumsum
for _name in ("all", "any", "argmax", "argmin", "argsort", "nonzero", "round"):
    setattr(cls, _name, _plain(_name))

cls.__array_ufunc__, cls.__array_function__ = protocols.array_ufunc, protocols.array_function

for _name, _method in vars(Node).items():
    if isinstance(_method, FunctionType) and _method.__module__ == __name__:  # `help` then says what a reader wrote
        _method.__name__, _method.__qualname__ = _name, f"Node.{_name}"

quick.install(OPERATORS, METHODS)
