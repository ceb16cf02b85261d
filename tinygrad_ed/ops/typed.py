"""The type of a function that is said with ops, for type checkers: a Node gives a Node, plain values a plain one."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, cast, overload

from tinygrad_ed.graph.node import Node
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
