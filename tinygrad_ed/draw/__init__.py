"""Pictures: the computational graph, the network, both roads side by side, and the step-by-step player.

A drawing is data first: `trace.py` turns a graph of Nodes into plain numbers and text, and the views turn that
into pictures. `show` is what a notebook shows of a Node.
"""

from collections.abc import Collection

from tinygrad_ed.draw.backends import Doctor, doctor
from tinygrad_ed.draw.compare import compare
from tinygrad_ed.draw.graph import AUTO, graph
from tinygrad_ed.draw.live import live
from tinygrad_ed.draw.network import network
from tinygrad_ed.draw.picture import Picture
from tinygrad_ed.draw.player import player
from tinygrad_ed.draw.program import program
from tinygrad_ed.draw.trace import Receipt, Trace, trace
from tinygrad_ed.errors import Error
from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.node import Node

__all__ = [
    "Doctor",
    "Picture",
    "Receipt",
    "Trace",
    "compare",
    "doctor",
    "graph",
    "live",
    "network",
    "player",
    "program",
]
__all__ += ["show", "trace"]


def show(node: Node, include: Collection[str] | None = None, exclude: Collection[str] | None = None) -> dict[str, str]:
    """Return what a notebook shows of a Node: its text, and below it its graph, if that fits on a screen.

    >>> show(Node(2.0))
    {'text/plain': 'Node(2.0)'}
    """
    text = {"text/plain": repr(node)}
    try:
        if node.op is None or len(walk(node)) > AUTO:
            return text
        return graph(node)._repr_mimebundle_(include, exclude) | text
    except Error:  # an outdated graph, for example, has no picture, but still its text
        return text
