"""The operators and methods of a Node, as types only: what they do is attached in `ops/__init__.py`.

A rule is written with operators and an operator is the call of an op, so `node.py` cannot define them; a
type checker and a reader want to know them all the same.
"""

from collections.abc import Callable, Iterator
from typing import Any


class Operators:
    """What `ops/__init__.py` and `backward.py` attach to `Node`."""

    __slots__ = ()

    __add__: Callable[[Any], Any]
    __radd__: Callable[[Any], Any]
    __sub__: Callable[[Any], Any]
    __rsub__: Callable[[Any], Any]
    __mul__: Callable[[Any], Any]
    __rmul__: Callable[[Any], Any]
    __truediv__: Callable[[Any], Any]
    __rtruediv__: Callable[[Any], Any]
    __floordiv__: Callable[[Any], Any]
    __rfloordiv__: Callable[[Any], Any]
    __mod__: Callable[[Any], Any]
    __rmod__: Callable[[Any], Any]
    __divmod__: Callable[[Any], Any]
    __rdivmod__: Callable[[Any], Any]
    __pow__: Callable[[Any], Any]
    __rpow__: Callable[[Any], Any]
    __matmul__: Callable[[Any], Any]
    __rmatmul__: Callable[[Any], Any]
    __lt__: Callable[[Any], Any]
    __le__: Callable[[Any], Any]
    __gt__: Callable[[Any], Any]
    __ge__: Callable[[Any], Any]
    __neg__: Callable[[], Any]
    __pos__: Callable[[], Any]
    __abs__: Callable[[], Any]
    __getitem__: Callable[[Any], Any]
    __iter__: Callable[[], Iterator[Any]]
    __array_ufunc__: Callable[..., Any]
    __array_function__: Callable[..., Any]
    T: Any
    mT: Any
    backward: Callable[..., None]
    sum: Callable[..., Any]
    prod: Callable[..., Any]
    mean: Callable[..., Any]
    var: Callable[..., Any]
    std: Callable[..., Any]
    max: Callable[..., Any]
    min: Callable[..., Any]
    cumsum: Callable[..., Any]
    cumprod: Callable[..., Any]
    conj: Callable[[], Any]
    reshape: Callable[..., Any]
    transpose: Callable[..., Any]
    ravel: Callable[..., Any]
    flatten: Callable[..., Any]
    squeeze: Callable[..., Any]
    swapaxes: Callable[..., Any]
    repeat: Callable[..., Any]
    take: Callable[..., Any]
    diagonal: Callable[..., Any]
    trace: Callable[..., Any]
    dot: Callable[..., Any]
    clip: Callable[..., Any]
    copy: Callable[[], Any]
    astype: Callable[..., Any]
    round: Callable[..., Any]
    argmax: Callable[..., Any]
    argmin: Callable[..., Any]
    argsort: Callable[..., Any]
    nonzero: Callable[..., Any]
    any: Callable[..., Any]
    all: Callable[..., Any]
    relu: Callable[[], Any]
    sigmoid: Callable[[], Any]
    tanh: Callable[[], Any]
    exp: Callable[[], Any]
    log: Callable[[], Any]
