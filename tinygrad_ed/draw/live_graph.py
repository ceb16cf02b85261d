"""The live page of any graph of numbers: every value, every derivative and what each edge sends, as one program."""

import itertools
import json
from typing import Any

import numpy as np

from tinygrad_ed.draw.scalar import expand
from tinygrad_ed.draw.style import symbol
from tinygrad_ed.errors import InvalidValue, ShapeError
from tinygrad_ed.graph.backward import gradients, walk
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.node import Node
from tinygrad_ed.tape.javascript import javascript

MOST = 80  # nodes; more cannot be read on one page


def parts(root: Node) -> tuple[dict[str, Any], str]:
    """Return what the page knows of a graph, and the program that computes it.

    Raises:
        ShapeError: for a result with more than one entry.
        InvalidValue: for more than 80 numbers, and for an op that cannot be written out in numbers.
    """
    if root.size != 1:
        raise ShapeError(f"live(node) takes a result of one number, and this one has shape {root.shape}; sum it first")
    with recording(True):  # also inside no_grad: this graph is ours
        root = expand(root).root
    order = walk(root)[::-1]
    if len(order) > MOST:
        raise InvalidValue(
            f"this graph has {len(order)} numbers, and the live page takes at most {MOST}; take a part of the "
            "computation, or give live() a network, which it shows in layers"
        )
    for node in order:
        if node.shape != ():
            raise InvalidValue(f"live(node) shows single numbers, and {node.op.name if node.op else 'a leaf'} has none")
    at = {node: i for i, node in enumerate(order)}
    leaves = [node for node in order if node.op is None]

    def compute(leaf: list[Any]) -> dict[str, list[Any]]:
        given, made = iter(leaf), dict[Node, Node]()
        locals_: list[Any] = []
        with recording(True):
            for node in order:
                if node.op is None:
                    made[node] = Node(next(given))
                    continue
                fresh = [Node(made[arg]._value) if isinstance(arg, Node) else arg for arg in node.args]
                alone = node.op(*fresh, **(node.params or {}))
                locals_ += gradients(alone, [arg for arg in fresh if isinstance(arg, Node)])
                args = [made[arg] if isinstance(arg, Node) else arg for arg in node.args]
                made[node] = node.op(*args, **(node.params or {}))
            values = [made[node]._value for node in order]
            slopes = gradients(made[root], [made[node] for node in order])
        return {"values": values, "slopes": list(slopes), "locals": locals_}

    numbers = [float(node.value) for node in leaves]
    counter = itertools.count(1)
    facts = {
        "nodes": [
            {
                "name": node.name or ("y" if node is root else "" if node.op is None else f"v{next(counter)}"),
                "op": node.op and node.op.name,
                "sign": node.op and symbol(node.op.name),
                "args": [at[arg] if isinstance(arg, Node) else str(np.asarray(arg)) for arg in node.args],
            }
            for node in order
        ],
        "leaves": [at[node] for node in leaves],
        "values": numbers,
    }
    return facts, javascript(compute, (numbers,), {}, set())


def script(root: Node) -> str:
    """Return the facts and the program, for the head of the page's script."""
    facts, program = parts(root)
    return f"const PAGE = {json.dumps(facts)};\nconst PROGRAM = {program};"
