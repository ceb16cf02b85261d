"""Graphs that come again: their second derivatives as a program, while the function itself runs at every call.

`tg.hessian(f)` and `tg.hvp(f, ...)` run `f` each time, and most often it makes the same graph with other numbers in it.
The third time a graph of one kind comes by (the same ops in the same order, on values of the same shapes), what the
two sweeps do with its values is recorded; from then on the record is replayed on the values of each new graph. Nothing
that `f` reads or decides can be missed, as it could be with `tg.compile`: another graph is of another kind.

>>> x = Node([1.0, 2.0])
>>> kind_of(x * 3.0, [x])[1]
[array([1., 2.]), array([3., 6.]), 3.0]
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.backward import walk
from tinygrad_ed.nested import leaves, rebuilt
from tinygrad_ed.node import Node
from tinygrad_ed.ops.elementwise import identity
from tinygrad_ed.recording import observer
from tinygrad_ed.tape.passes import frozen
from tinygrad_ed.tape.program import Undecided
from tinygrad_ed.tape.record import Recording, collector_off
from tinygrad_ed.tape.tape import Tape
from tinygrad_ed.tape.unpack import OTHER
from tinygrad_ed.tape.watch import Watch
from tinygrad_ed.values import shape_of

Sweeps = Callable[[Node, Sequence[Node], Sequence[Any]], list[Any]]

TIMES = 3
"""A recording takes as long as some tens of calls, so a graph must have come this often."""

KINDS = 16
"""So many kinds are remembered; the one that was not seen for the longest time is forgotten."""

LARGEST = 1 << 18
"""Numbers in a graph, times its sweeps: beyond that arithmetic takes the time, and the buffers are worth more."""

_COMPARED = frozenset([int, float, bool, str, type(None), type(Ellipsis)])

_kinds: OrderedDict[Any, int | Tape | None] = OrderedDict()  # how often it came, then its program; None: never
_lock = threading.Lock()


class NoKind(Exception):
    """The graph has something that is not compared with other graphs (never leaves the module)."""


def again(sweeps: Sweeps, y: Node, variables: Sequence[Node], more: Sequence[Any], rows: int = 1) -> list[Any]:
    """Return `sweeps(y, variables, more)`, by a program if graphs of this kind come often.

    `sweeps` gives plain numbers and arrays; `more` are further inputs, such as a direction; and `rows` sweeps go
    through the graph at once.
    """
    try:
        kind, entries = kind_of(y, variables, LARGEST // max(rows, 1))
        kind = sweeps, kind, tuple([_like(x) for x in more])
    except NoKind:
        return sweeps(y, variables, more)
    with _lock:
        known = _kinds.setdefault(kind, 0)
        _kinds.move_to_end(kind)
        if isinstance(known, int):
            _kinds[kind] = known + 1
        if len(_kinds) > KINDS:
            _kinds.popitem(last=False)
    given = (entries, list(more))
    if known == TIMES - 1:
        try:
            known = _program(sweeps, y, variables, given)
        except Exception:  # noqa: BLE001  # what cannot be recorded, for whatever reason, has been swept all the same
            known = None
        with _lock:
            _kinds[kind] = known
    if isinstance(known, Tape):
        try:
            found: Any = known.replay(given, {})
        except Undecided:  # a rule that looks at the numbers themselves
            found = OTHER
        if found is not OTHER:
            return found  # type: ignore[no-any-return]  # what `sweeps` returned while it was recorded
    return sweeps(y, variables, more)


def kind_of(y: Node, variables: Sequence[Node], largest: int = LARGEST) -> tuple[Any, list[Any]]:
    """Return what is the same for all graphs of one kind, and what is not: the values of its nodes and constants.

    Raises:
        NoKind: for graphs with an op or a parameter that is not compared, and for large ones.
    """
    if observer.get() is not None:
        raise NoKind
    number: dict[Any, int] = {}
    parts: list[Any] = []
    entries: list[Any] = []
    size = 0
    for node in reversed(walk(y)):
        number[node] = len(number)
        op, value = node.op, node._value
        entries.append(value)
        size += 1 if type(value) is float else value.size  # type: ignore[union-attr]  # a float or an array
        if op is None:
            parts.append(_like(value))
            continue
        parts.append(op)
        for arg in node.args:
            if isinstance(arg, Node):
                parts.append(number[arg])
            else:
                entries.append(arg)
                parts.append(_like(arg))
        if node.params:
            parts.append(_compared(node.params))
        if op.guarded or size > largest:
            raise NoKind
    places = [number[x] if x in number else _like(x._value) for x in variables]
    return (tuple(parts), tuple(places)), entries


def _like(x: Any) -> Any:
    """What an entry has in common with others of its kind."""
    if type(x) is float:
        return float
    if type(x) is np.ndarray and x.dtype.kind in "fb":
        return x.shape, x.dtype
    raise NoKind


def _compared(params: dict[str, Any]) -> Any:
    """Parameters as a part of a kind: numbers, text, slices and shapes, but no arrays."""
    stack: list[Any] = list(params.values())
    while stack:
        x = stack.pop()
        if type(x) in (tuple, list):
            stack += x
        elif type(x) is slice:
            stack += (x.start, x.stop, x.step)
        elif type(x) not in _COMPARED and not isinstance(x, np.dtype):
            raise NoKind
    return frozen(params)


def _program(sweeps: Sweeps, y: Node, variables: Sequence[Node], inputs: tuple[Any, Any]) -> Tape:
    """Record how the results of `sweeps` follow from the values and constants of the graph."""
    order, chosen = walk(y)[::-1], set(variables)

    def from_the_values(given: list[Any], more: list[Any]) -> list[Any]:
        entries = iter(given)
        made: dict[Node, Any] = {}
        for node in order:
            value = next(entries)
            if node.op is None:
                made[node] = Node(value) if node in chosen else value
                continue
            args = [made[arg] if isinstance(arg, Node) else next(entries) for arg in node.args]
            copy = node.op(*args, **(node.params or {}))
            if isinstance(copy, Node):
                copy._value = value  # it is known: how it was computed need not be a part of the program
            made[node] = copy if isinstance(copy, Node) else value
        root = made[y] if isinstance(made[y], Node) else Node(made[y])
        found = sweeps(root, [made.get(x, x) for x in variables], more)
        floats = [x if shape_of(x) else identity(x) for x in leaves(found)]  # no numbers of NumPy's
        return list(rebuilt(found, iter(floats)))

    with collector_off():
        recording = Recording(from_the_values, inputs, {})
        return Tape(sweeps.__name__, recording, inputs, {}, Watch(len), reuse=False)  # there is nothing to watch
