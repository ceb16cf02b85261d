"""`with tg.debug():` stops at the first NaN, names two vectors that become a matrix, and what was changed too early.

A NaN is noticed where training has long gone wrong; what one wants to know is which op made the first one, from which
inputs, and in which line. An observer looks at every result and every gradient; where nobody watches, ops are as
quick as ever.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, cast

import numpy as np

from tinygrad_ed.errors import NotFinite, StaleGraph
from tinygrad_ed.graph import grad_mode
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Lifted, shape_of

_HOME = Path(__file__).parents[1]
_OF_ONE_OP = {__file__, grad_mode.__file__}
_OF_ONE_OP |= {str(_HOME / name) for name in ("graph/op.py", "graph/quick.py", "ops/__init__.py")}
_OF_ONE_OP |= {str(_HOME / "ops" / name) for name in ("elementwise.py", "numpy/parts.py", "numpy/protocols.py")}
"""The files on the way from a reader's line to one op; in all others are functions that are made of several."""


@contextmanager
def debug() -> Iterator[None]:
    """Watch every op and every gradient made inside the context (this thread or task only).

    Raises:
        NotFinite: at the first NaN or infinity that an op or a derivative rule makes, with the op, the names and
            shapes, the first offending entry, and the file and line of the reader's code that made the node.
        StaleGraph: in a sweep, if an array or a list that was given to an op has been changed since.

    Warns:
        UserWarning: where an op makes a matrix (n, n) out of a column (n, 1) and a vector (n,), with the line.
        RuntimeWarning: NumPy's own, as ever, but for those of a computation that `NotFinite` stops.

    >>> with debug():
    ...     Node([1.0, -1.0], name="x").log()
    Traceback (most recent call last):
    tinygrad_ed.NotFinite: op 'log' gave nan at [1] (1 of 2 entries, shape (2,)) in the forward pass, from x of
    shape (2,), which is finite there: -1.0; made at ...
    """
    watcher = _Watcher()
    observing = grad_mode.observer.set(watcher)
    watching = grad_mode.mode.set(watcher)
    try:
        yield
    finally:
        grad_mode.mode.reset(watching)
        grad_mode.observer.reset(observing)


class _Watcher(grad_mode.Observer):
    """The observer: for each node it keeps the line that made it, and what the reader gave to its op."""

    def __init__(self) -> None:
        self._lines: dict[int, str] = {}
        self._given: dict[int, list[tuple[Any, Any]]] = {}
        self._next: list[tuple[Any, Any]] = []

    def given(self, *things: Any) -> None:
        """Keep arrays and lists, which their owner can change, with what they hold now."""
        for thing in things:
            if isinstance(thing, tuple):
                self.given(*thing)
            elif isinstance(thing, np.ndarray | list | dict):
                self._next.append((thing, _state(thing)))

    def computed(self, run: Callable[[], Any]) -> Any:
        """Keep NumPy's warnings back; if they do not come to NaN or infinity, the second run gives them."""
        flags: list[str] = []
        with np.errstate(all="call", call=lambda kind, _: flags.append(kind)):
            result = run()
        return run() if flags and _first_bad(_array(result)) is None else result

    def made(self, node: Node) -> None:
        """Keep the line of a new node; stop if it is not finite."""
        self._lines[node.id] = grad_mode.users_line()
        self._given[node.id], self._next = self._next, []
        bad = _first_bad(node._value)
        if bad is not None:
            inputs = " and ".join([f"{_called(x)}, which is {_entry(plain(x), bad)}" for x in node.args])
            raise NotFinite(
                f"op {node.op.name!r} gave {_found(node._value, bad)} in the forward pass, "
                f"from {inputs}; {self._place(node)}"
            )
        if node.ndim == 2 and node.op.broadcasts:
            _see_that_it_is_meant(node)

    def sending(self, node: Node) -> None:
        """Stop if something that was given to the op of this node has been changed since."""
        for thing, state in self._given.get(node.id, ()):
            if _state(thing) != state:
                kind = (
                    f"an array of shape {thing.shape}" if isinstance(thing, np.ndarray) else f"a {type(thing).__name__}"
                )
                raise StaleGraph(
                    f"{kind} that was given to op {node.op.name!r} was changed after the forward pass: the graph keeps "
                    "what it read, so the gradients would be those of the old entries; sweep before you change it, or "
                    f"build the graph again; {self._place(node)}"
                )

    def sent(self, node: Node, position: int, gradient: Any) -> None:
        """Stop if a rule made a gradient that is not finite."""
        value = _array(gradient)
        bad = _first_bad(value)
        if bad is not None:
            if isinstance(gradient, Lifted) and gradient.many:  # of many sweeps: the first one that went wrong
                value, bad = value[bad[0]], bad[1:]
            target = node.args[position]
            raise NotFinite(
                f"the derivative rule of op {node.op.name!r} sent {_found(value, bad)} in the backward pass "
                f"to input {position}, {_called(target)}; the input is {_entry(target._value, bad)}, the "
                f"result was {f'of shape {node.shape}' if node.ndim else node._value}; {self._place(node)}"
            )

    def _place(self, node: Node) -> str:
        return f"made at {self._lines[node.id]}" if node.id in self._lines else "made before tg.debug() was entered"


def _see_that_it_is_meant(node: Node) -> None:
    """Warn if a column and a vector of one length became a matrix, and no function of the package meant it."""
    n, columns = node.shape[0], [x for x in node.args if shape_of(x)[1:] == (1,)]
    vectors = [x for x in node.args if shape_of(x) == (n,)]
    if n == 1 or node.shape != (n, n) or not columns or not vectors:
        return
    reader, frame = grad_mode.users_frame(), sys._getframe()
    while frame is not reader and frame.f_code.co_filename in _OF_ONE_OP:
        frame = cast(FrameType, frame.f_back)
    if frame is reader:
        warnings.warn_explicit(
            f"op {node.op.name!r} made a matrix of shape {node.shape} out of two vectors of length {n}: "
            f"{_called(columns[0])} meets {_called(vectors[0])} as a column meets a row. If entry i is to meet entry "
            "i, give both one shape, as in column[:, 0] or vector[:, None]; if the matrix is meant, write "
            "vector[None, :]",
            UserWarning,
            reader.f_code.co_filename,
            reader.f_lineno,
            registry=reader.f_globals.setdefault("__warningregistry__", {}),
        )


def _state(thing: Any) -> Any:
    """Return what an array or a container holds, to be compared later."""
    if isinstance(thing, np.ndarray):
        return thing.shape, hash(thing.tobytes())
    if isinstance(thing, dict):
        return [(key, _state(x)) for key, x in thing.items()]
    if isinstance(thing, list | tuple):
        return [_state(x) for x in thing]
    return repr(thing) if isinstance(thing, int | float | slice) else id(thing)


def _array(result: Any) -> Any:
    """Return a result or a gradient as a number or an array; of no gradient, 0."""
    value = plain(result)
    return 0.0 if value is None else value._now() if isinstance(value, Lifted) and value.many else value


def _first_bad(value: Any) -> tuple[int, ...] | None:
    """Return the place of the first entry that is not finite."""
    finite = np.isfinite(value)
    return None if np.all(finite) else tuple([int(i) for i in np.argwhere(~finite)[0]])


def _found(value: Any, bad: tuple[int, ...]) -> str:
    """Return the offending entry, and how many there are."""
    if not bad:
        return f"{value}"
    count = int(np.sum(~np.isfinite(value)))
    return f"{value[bad]} at {list(bad)} ({count} of {value.size} entries, shape {value.shape})"


def _called(x: Any) -> str:
    shape = f" of shape {np.shape(plain(x))}" if np.ndim(plain(x)) else ""
    if not isinstance(x, Node):
        return f"a constant{shape}"
    return (x.name or (f"the result of {x.op.name!r}" if x.op else "a leaf")) + shape


def _entry(value: Any, bad: tuple[int, ...]) -> str:
    """Return what an input holds where the result went wrong, if the shapes allow to say it."""
    if not np.all(np.isfinite(value)):
        return "not finite itself"
    if np.ndim(value) == 0:
        return f"{value}"
    inside = np.ndim(value) == len(bad) and all([i < n for i, n in zip(bad, value.shape, strict=True)])
    return f"finite there: {value[bad]}" if inside else "finite"
