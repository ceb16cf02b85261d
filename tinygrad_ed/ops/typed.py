"""What a function that is said with ops needs: its type for type checkers, and NumPy's name for it."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Concatenate, ParamSpec, Protocol, cast, overload

from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.op import HANDLERS
from tinygrad_ed.graph.values import Plain

P = ParamSpec("P")


class Function(Protocol[P]):
    """A function with the parameters P behind its first. A Node among the first three arguments gives a Node."""

    @overload
    def __call__(self, x: Node, /, *args: P.args, **params: P.kwargs) -> Node: ...
    @overload
    def __call__(self, x: Plain, y: Node, /, *args: Any, **params: Any) -> Node: ...
    @overload
    def __call__(self, x: Plain, y: Plain, z: Node, /, *args: Any, **params: Any) -> Node: ...
    @overload
    def __call__(self, x: Plain, /, *args: P.args, **params: P.kwargs) -> Any: ...


def typed(f: Callable[Concatenate[Any, P], Any]) -> Function[P]:
    """Return `f` as it is; a type checker knows from now on what it gives."""
    return cast(Function[P], f)


def answer(home: ModuleType, *functions: Callable[..., Any], **named: Callable[..., Any]) -> None:
    """Let these answer, for Nodes, NumPy's functions of the same names in that module."""
    named |= {function.__name__: function for function in functions}
    HANDLERS.update({getattr(home, name): function for name, function in named.items()})
