"""Says whether ops record a graph, and which observer sees it: for each thread and each asynchronous task.

Ops ask `mode` once: False (results are leaves), True (results remember op and inputs), or an `Observer`, which is
True and sees every new node (`debug.py` has one). Without an observer this costs nothing.
"""

import os
import sys
from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any

import numpy as np

_HOMES = tuple([os.path.join(os.path.dirname(path), "") for path in (os.path.dirname(__file__), np.__file__)])  # noqa: PTH118, PTH120  # pathlib takes longer to import


class Observer:
    """Someone who watches nodes being made and gradients being sent."""

    def computed(self, run: Callable[[], Any]) -> Any:
        """Return what `run` computes: the value of a new node, or what a rule sends."""
        return run()

    def given(self, *things: Any) -> None:
        """Take note of what a reader gives to the op that makes the next node."""

    def made(self, node: Any) -> None:
        """Take note of a new node."""

    def sending(self, node: Any) -> None:
        """Look at a node before the sweep goes through it."""

    def sent(self, node: Any, position: int, gradient: Any) -> None:
        """Look at the gradient that a node's rule sent to one input."""


mode: ContextVar[bool | Observer] = ContextVar("mode", default=True)
observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
losing: ContextVar[bool] = ContextVar("losing", default=True)
"""Whether `node.item()` and the like may give plain numbers: not to a reader's rule that has to keep the derivative."""


def users_frame() -> FrameType:
    """Return the frame that called into the package, or into NumPy."""
    frame = sys._getframe()
    while frame.f_back and frame.f_code.co_filename.startswith(_HOMES):
        frame = frame.f_back
    return frame


def users_line() -> str:
    """Return the file and line that called into the package."""
    frame = users_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def way_out(array: bool) -> str:
    """Say what to do where a Node is asked for a plain number, or for an array: it depends on who asks."""
    frame = users_frame()
    if "-packages" in frame.f_code.co_filename:
        library = frame.f_globals["__name__"].partition(".")[0]
        return (
            f"{library} asks for plain numbers here: give it node.value (or node.item()), use NumPy's functions or "
            "tg.sigmoid, tg.softplus, tg.logsumexp, which take Nodes, or make an op of what it computes: "
            "f = tg.op('f', function_of_arrays, lambda g, y, x: ...)"
        )
    if array:
        return (
            "NumPy's arrays hold plain numbers: use node.value (or node.item()) for these, functions that take Nodes, "
            "such as tg.exp and np.exp, and tg.array([...]) in place of np.array([...]) to make one Node of several "
            "(tg.full in place of np.full)"
        )
    return (
        "use node.item() (or node.value) for the plain value, tg.exp, np.exp, ... in place of the functions of "
        "`math`, and to fill an array, as in `array[i] = node`, make one Node of a list of Nodes: tg.array([...])"
    )


class recording(ContextDecorator):  # noqa: N801  # a context, used like a function
    """A context (or decorator) that switches recording on or off; an observer goes on watching."""

    def __init__(self, on: bool) -> None:
        self._on = on
        self._tokens: list[Token[bool | Observer]] = []

    def __enter__(self) -> None:
        self._tokens.append(mode.set((observer.get() or True) if self._on else False))

    def __exit__(self, *_: object) -> None:
        mode.reset(self._tokens.pop())


def no_grad() -> recording:
    """Return a context in which results are leaves: no graph is kept (this thread or task only).

    >>> from tinygrad_ed.graph.node import Node
    >>> with no_grad():
    ...     print(Node(2.0) * 3.0)
    Node(6.0)
    """
    return recording(False)
