"""Node: a value that remembers how it was made.

This is where the walk begins. `Node(0.6)` is a *leaf*: a value and nothing else. An op (`op.py`) that meets a
Node makes a new one, which keeps the op and its `args`. Those references are the whole computational graph;
`backward.py` walks them.

A scalar is a Python float, never a 0-d array: arithmetic on floats costs a tenth of that on arrays.
The operators (`x * y`, `x[0]`, `x.sum()`) are listed in `typed_node.py` and attached in `ops/__init__.py`.
"""

import itertools
import os
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import partialmethod
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from tinygrad_ed.errors import GraphDropped, InvalidType, ShapeError
from tinygrad_ed.graph.grad_mode import losing, way_out
from tinygrad_ed.graph.typed_node import Operators
from tinygrad_ed.graph.values import HALF, Plain, Value, leaf_value, read_only, shape_of, short

clock = itertools.count()
"""Gives the ids: the later a node got its value, the greater its id."""

last_renewal = [-1]
"""The id that the last new value gave to a leaf: a graph of younger nodes cannot be outdated."""

one_at_a_time = threading.RLock()
"""Held where gradients are written, read, or outdated: other threads may have the same leaves."""

if hasattr(os, "register_at_fork"):  # a child must not inherit it from a thread that it does not have
    os.register_at_fork(
        before=one_at_a_time.acquire, after_in_child=one_at_a_time.release, after_in_parent=one_at_a_time.release
    )


class Node(Operators):
    """A value in a computational graph.

    Args:
        value: a number (becomes a float) or an array-like (copied; float32 stays, ints become float64).
        name: what pictures and messages call it.

    Raises:
        InvalidType: for bool, complex, text or object input.

    `grad` is None until a sweep has reached the node: "not computed" is not zero. `id` is the moment at
    which the node got its value, so ids are a topological order; giving a leaf a new value gives it a
    new id, and that is how a sweep through an outdated graph is noticed.

    >>> x = Node([1, 2, 3], name="x")
    >>> x.shape, x.dtype, x.op, x.args, x.grad
    ((3,), dtype('float64'), None, (), None)
    """

    __slots__ = ("__weakref__", "_first", "_grad", "_name", "_second", "_value", "id", "op")

    _value: Value
    _grad: Value | None
    op: Any  # the Op that made it, None for a leaf
    # The inputs: one or two of an op without parameters are in fields of their own; else there is a tuple of them in
    # the first field, and the parameters are in the second. (A tuple for every node would be one more object for the
    # garbage collector to visit, again and again, in a graph of many numbers; one more field would take 16 bytes.)
    _first: Any
    _second: Any
    _name: str | None  # empty unless somebody gave one: the garbage collector passes over an empty field
    id: int

    def __init__(self, value: Plain, name: str | None = None) -> None:
        if name is not None:
            self.name = name
        self._value = leaf_value(value)
        self._grad = None
        self.op = self._first = self._second = None
        self.id = next(clock)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Tell pickle and deepcopy what to keep: first the nodes that it was computed from, oldest first, as a list.

        Each of these finds its own inputs done then, so nothing calls itself once for each node of a deep graph.
        """
        parents = self.parents
        if parents:
            met = _met.get()()
            if met is None or any([self is arg for arg in met.inputs]):  # they would be done: this is another pickler
                met = _Met()
                _met.set(weakref.ref(met))
            if self not in met:
                return _blank, (type(self), _Older(self, met)), self._fields()
            met.inputs = parents
        return _blank, (type(self),), self._fields()

    def _fields(self) -> tuple[None, dict[str, Any]]:
        fields: Any = object.__reduce_ex__(self, 2)[2]
        renewed = [arg for arg in self.parents if arg.id > self.id]
        if renewed:
            fields[1]["renewed"] = renewed
        return fields  # type: ignore[no-any-return]  # for Python it is a part of any tuple

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        """Take over what was pickled or copied, with an id of this process: inputs come first, but for renewed ones."""
        renewed = state[1].pop("renewed", ())
        for name, value in state[1].items():
            setattr(self, name, value)
        self.id = next(clock)
        if renewed:
            self.id, last_renewal[0] = min([leaf.id for leaf in renewed]) - 1, self.id

    def __copy__(self) -> "Node":
        other = object.__new__(type(self))
        other.__setstate__(self._fields())
        return other

    @property
    def value(self) -> Any:
        """The number (a float) or a read-only view of the array.

        A step is `leaf.value = leaf.value - step`. `leaf.value -= step` would write into the view: NumPy refuses it
        ("output array is read-only").
        """
        if not losing.get():
            self._dropped()
        return read_only(self._value)

    @value.setter
    def value(self, new: Any) -> None:
        if self.op is not None:
            raise InvalidType(
                f"the value of {self!r} was computed by {self.op.name!r} and cannot be assigned; "
                "assign to the leaves it came from and build the graph again"
            )
        self._value = leaf_value(new)
        with one_at_a_time:
            self.id = last_renewal[0] = next(clock)

    @property
    def grad(self) -> Any:
        """The gradient that the last sweep left here (plain, read-only), or None where none arrived."""
        with one_at_a_time:
            g: Any = self._grad
        if type(g) is np.ndarray:
            return read_only(g.astype(HALF) if self.dtype == HALF else g)  # in a sweep it may be float32
        return g

    @property
    def name(self) -> str | None:
        """What pictures and messages call it, None if it has no name."""
        return getattr(self, "_name", None)

    @name.setter
    def name(self, new: str | None) -> None:
        if new is not None and not isinstance(new, str):
            raise InvalidType(f"a Node's name is text, not {new!r}")
        self._name = new

    @property
    def args(self) -> tuple[Any, ...]:
        """The inputs of the op in order, Nodes and constants; none for a leaf."""
        if self.op is None:
            return ()
        if type(self._first) is tuple:
            return self._first
        return (self._first,) if self.op.single else (self._first, self._second)

    @property
    def params(self) -> dict[str, Any] | None:
        """The parameters of the op, such as `axis`, if it was given any."""
        return self._second if type(self._first) is tuple else None

    @property
    def parents(self) -> "tuple[Node, ...]":
        """The Nodes among `args`, in order, repeated where repeated: `x * x` has two."""
        return tuple(arg for arg in self.args if isinstance(arg, Node))

    @property
    def shape(self) -> tuple[int, ...]:
        """The value's shape; `()` for a float."""
        return shape_of(self._value)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return 1 if type(self._value) is float else self._value.size  # type: ignore[union-attr]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the entries; float64 for a float."""
        return np.dtype(float) if type(self._value) is float else self._value.dtype  # type: ignore[union-attr]

    def item(self) -> float:
        """Return the single entry as a plain float, outside of the graph.

        Raises:
            ShapeError: if there is more than one entry.
        """
        if self.size != 1:
            raise ShapeError(f"item() wants exactly one entry, but {self!r} has shape {self.shape}; index it first")
        if not losing.get():
            self._dropped()
        return float(self._value) if type(self._value) is float else self._value.item()  # type: ignore[union-attr]

    def tolist(self) -> Any:
        """Return the value as nested lists of plain floats, outside of the graph."""
        if not losing.get():
            self._dropped()
        return self._value if type(self._value) is float else self._value.tolist()  # type: ignore[union-attr]

    def __repr__(self) -> str:
        value = repr(self._value) if type(self._value) is float else short(self._value)
        made = f", op={self.op.name!r}" if self.op else ""
        named = f", name={self.name!r}" if self.name is not None else ""
        return f"Node({value}{made}{named})"

    def __format__(self, spec: str) -> str:
        return format(self._value, spec) if spec else repr(self)

    __hash__ = object.__hash__

    def __len__(self) -> int:
        if type(self._value) is float:
            raise InvalidType(f"{self!r} is a scalar and has no length")
        return len(self._value)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return bool(self._value)

    def __contains__(self, item: object) -> bool:
        return bool(np.any(self._value == plain(item)))

    def __setitem__(self, index: Never, new: Never) -> None:
        raise GraphDropped(
            "a Node cannot be changed in place, because the graph needs the old entries; "
            "use tg.where(mask, new, node), or assign a whole new array to `leaf.value`"
        )

    def _dropped(self, *_: Any, array: bool = False, **__: Any) -> Any:
        raise GraphDropped(
            f"{self!r} would become a plain number here and its derivative would be lost; {way_out(array)}"
        )

    if not TYPE_CHECKING:  # a type checker is to find `float(node)`
        __float__ = __int__ = __index__ = __complex__ = _dropped
        __trunc__ = __floor__ = __ceil__ = as_integer_ratio = _dropped
        __array__ = partialmethod(_dropped, array=True)

    def __round__(self, digits: int = 0) -> Any:
        return round(self._value, digits) if type(self._value) is float else np.round(self._value, digits)


class _Met(set[Node]):
    """The nodes that a pickler or a deepcopy has met; it lives as long as that does, which keeps every `_Older`."""

    inputs: tuple[Node, ...] = ()  # of the node that came last


class _Older:
    """All that a node was computed from and that was not met before, oldest first; in a file it is a list."""

    def __init__(self, node: Node, met: _Met) -> None:
        self.met, self.nodes = met, [node]
        met.add(node)
        for newer in self.nodes:
            for arg in newer.parents:
                if arg not in met:
                    met.add(arg)
                    self.nodes.append(arg)

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, iter(sorted(self.nodes[1:], key=attrgetter("id")))


_met: ContextVar[Callable[[], _Met | None]] = ContextVar("met", default=lambda: None)


def _blank(kind: type[Node], older: object = None) -> Node:
    """Return a node that gets its fields later; those that are older are there already."""
    return object.__new__(kind)


def plain(value: Any) -> Any:
    """Return the value of a Node, and anything else as it is."""
    return value._value if isinstance(value, Node) else value


def stop_gradient(x: Any) -> Any:
    """Return the plain value of `x`: a constant for every derivative.

    >>> stop_gradient(Node(3.0))
    3.0
    """
    return read_only(x._value) if isinstance(x, Node) else x
