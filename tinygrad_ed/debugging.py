"""`with tg.debug():` stops at the first NaN or infinity, and at arrays that were changed too early.

A NaN is noticed where training has long gone wrong; what one wants to know is which op made the first one, from which
inputs, and in which line. An observer looks at every result and every gradient; where nobody watches, ops are as
quick as ever.

>>> with debug():
...     Node([1.0, -1.0], name="x").log()
Traceback (most recent call last):
tinygrad_ed.errors.NotFinite: op 'log' gave nan at [1] (1 of 2 entries, shape (2,)) in the forward pass, from x of
shape (2,), which is finite there: -1.0; made at ...
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_ed import recording
from tinygrad_ed.errors import NotFinite, StaleGraph
from tinygrad_ed.node import Node, plain
from tinygrad_ed.values import Array


@contextmanager
def debug() -> Iterator[None]:
    """Watch every op and every gradient made inside the context (this thread or task only).

    Raises:
        NotFinite: at the first NaN or infinity that an op or a derivative rule makes, with the op, the names and
            shapes, the first offending entry, and the file and line of the reader's code that made the node.
        StaleGraph: in a sweep, if an array that went into the graph was changed since.
    """
    watcher = _Watcher()
    observing = recording.observer.set(watcher)
    watching = recording.mode.set(watcher)
    try:
        with np.errstate(all="ignore"):  # the first NaN stops with more than a warning
            yield
    finally:
        recording.mode.reset(watching)
        recording.observer.reset(observing)


class _Watcher:
    """The observer: for each node it keeps the line that made it and the state of the plain arrays in it."""

    def __init__(self) -> None:
        self._lines: dict[int, str] = {}
        self._arrays: dict[int, list[tuple[int, int]]] = {}

    def made(self, node: Node) -> None:
        """Keep line and arrays of a new node; stop if it is not finite."""
        self._lines[node.id] = recording.users_line()
        self._arrays[node.id] = [(i, _state(x)) for i, x in _plain_arrays(node)]
        bad = _first_bad(node._value)
        if bad is not None:
            raise NotFinite(
                f"op {_op(node)!r} gave {_found(node._value, bad)} in the forward pass, "
                f"from {_inputs(node, bad)}; {self._place(node)}"
            )

    def sending(self, node: Node) -> None:
        """See that the arrays of a node are what they were in the forward pass."""
        arrays = dict(_plain_arrays(node))
        for i, state in self._arrays.get(node.id, []):
            if _state(arrays[i]) != state:
                raise StaleGraph(
                    f"the array of shape {arrays[i].shape} that is input {i} of op {_op(node)!r} was changed after the "
                    f"forward pass, so the gradients would be those of other numbers; give a copy, or sweep before you "
                    f"change it; {self._place(node)}"
                )

    def sent(self, node: Node, position: int, gradient: Any) -> None:
        """Stop if a rule made a gradient that is not finite."""
        bad = _first_bad(plain(gradient))
        if bad is not None:
            target = node.args[position]
            raise NotFinite(
                f"the derivative rule of op {_op(node)!r} sent {_found(plain(gradient), bad)} in the backward pass "
                f"to input {position}, {_called(target)}; the input is {_entry(target._value, bad)} there, the "
                f"result was {_short(node._value)}; {self._place(node)}"
            )

    def _place(self, node: Node) -> str:
        return f"made at {self._lines[node.id]}" if node.id in self._lines else "made before tg.debug() was entered"


def _plain_arrays(node: Node) -> list[tuple[int, Array]]:
    """The arrays among the inputs that are the user's own, with their places."""
    return [(i, x) for i, x in enumerate(node.args) if isinstance(x, np.ndarray)]


def _state(array: Array) -> int:
    return hash(array.tobytes())


def _first_bad(value: Any) -> tuple[int, ...] | None:
    """The place of the first entry that is not finite."""
    finite = np.isfinite(value)
    return None if np.all(finite) else tuple([int(i) for i in np.argwhere(~finite)[0]])


def _found(value: Any, bad: tuple[int, ...]) -> str:
    """The offending entry, and how many there are."""
    if not bad:
        return f"{value}"
    count = int(np.sum(~np.isfinite(value)))
    return f"{value[bad]} at {list(bad)} ({count} of {value.size} entries, shape {value.shape})"


def _inputs(node: Node, bad: tuple[int, ...]) -> str:
    return " and ".join([f"{_called(x)}, which is {_entry(plain(x), bad)}" for x in node.args])


def _op(node: Node) -> str:
    return node.op.name if node.op else "leaf"


def _called(x: Any) -> str:
    shape = f" of shape {np.shape(plain(x))}" if np.ndim(plain(x)) else ""
    if not isinstance(x, Node):
        return f"a constant{shape}"
    return (x.name or (f"the result of {x.op.name!r}" if x.op else "a leaf")) + shape


def _entry(value: Any, bad: tuple[int, ...]) -> str:
    """What an input holds where the result went wrong, if the shapes allow to say it."""
    if not np.all(np.isfinite(value)):
        return "not finite itself"
    if np.ndim(value) == 0:
        return f"{value}"
    return f"finite there: {value[bad]}" if np.ndim(value) == len(bad) and _inside(value, bad) else "finite"


def _inside(value: Array, place: tuple[int, ...]) -> bool:
    return all([i < n for i, n in zip(place, value.shape, strict=True)])


def _short(value: Any) -> str:
    return f"{value}" if np.ndim(value) == 0 else f"of shape {value.shape}"
