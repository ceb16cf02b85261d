"""The player: one page that walks a graph forward, value by value, and back, contribution by contribution.

The page is self-contained: the drawing is inline SVG, the equations are MathML, the script is ours and reads the trace
as JSON. Without JavaScript the page is the finished drawing and the list of all steps.
"""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_ed.draw.equations import brief, math, value_term
from tinygrad_ed.draw.frames import Player
from tinygrad_ed.draw.network_trace import DETAILS, network_trace
from tinygrad_ed.draw.parts import Numbers, last_layer
from tinygrad_ed.draw.picture import of_scene, page
from tinygrad_ed.draw.scene import Scene, to_svg
from tinygrad_ed.draw.stage import drawing, in_card, size_of
from tinygrad_ed.draw.steps import StoryStep
from tinygrad_ed.draw.stored import as_json
from tinygrad_ed.draw.stored import content as written
from tinygrad_ed.draw.style import escape
from tinygrad_ed.draw.trace import Trace, trace
from tinygrad_ed.errors import InvalidType, InvalidValue, nearest, printable
from tinygrad_ed.graph.node import Node
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import written_in

_HEADS = {
    "forward": "Forward: every value, from the leaves to the result",
    "backward": "Backward: what arrives times the local derivative, from the result to the leaves",
    "update": "Update: a step of η against the gradient",
    "again": "Again: what has changed, and by how much",
}
MOST = 400  # nodes; a longer story is not one that a reader steps through
_PIECES = r'(d="[^"]*[L ])([\d.]+ [\d.]+)" (fill="none"[^>]*)/>\n<path class="wire" d="M\2([^"]*)" \3/>'
_SHORTER = {  # what is written a thousand times on a page
    '<mo form="prefix" rspace="0">∂</mo>': "<mi>∂</mi>",
    '<mrow><mi>∂</mi><mi class="E">E</mi></mrow>': "<mi>∂𝐸</mi>",
    r"<mrow><mo>\(</mo><mn>([^<]*)</mn><mo>\)</mo></mrow>": r"<mn>(\1)</mn>",
    r"<mrow><mn>(\d+)</mn><mo>,</mo><mn>(\d+)</mn></mrow>": r"<mn>\1,\2</mn>",
}
NEURONS, CONNECTIONS = 5, 32  # of a larger network "auto" shows layers


def player(
    subject: "Node | MLP | Trace",
    x: Any = None,
    rho: Any = None,
    cost: str = "mse",
    *,
    detail: str = "auto",
    learning_rate: float = 0.1,
    title: str | None = None,
    engine: str | None = None,
    notation: str | Mapping[str, str] | None = None,
) -> Player:
    """Make a page that plays a graph step by step: `player(node)` or `player(mlp, x, rho, cost)`.

    Args:
        subject: the result of a computation, one number; or a network, together with data; or a saved trace.
        x: inputs of the network, `(M, n_0)` or `(n_0,)`.
        rho: expected outputs, `(M, n_L)` or `(n_L,)`.
        cost: the name of the cost.
        detail: of a network: "scalar" plays one sample neuron by neuron, "layer" in matrices, and "tensor" every op;
            "auto" takes "scalar" for one sample of a small network, else "layer".
        learning_rate: η of the update of the parameters, at the end.
        title: the heading of the page.
        engine: for png and pdf, the path of a `dot` program, or "pygraphviz" (see `doctor`).
        notation: the letters of a network, "lecture", "textbook" or a dict; a trace keeps those that it has.

    Returns:
        a picture; its html is the player, `.save("lesson.txt")` writes the same steps as a script for a lesson,
        `.save("trace.json")` the trace, and the other formats are the drawing at its last step. `.save_steps(folder)`
        writes one picture for each step, `.save_handout("steps.html")` all steps as a table.

    Raises:
        InvalidType: if `subject` is neither a Node nor an MLP nor a Trace, or an MLP comes without data.
        InvalidValue: for a graph of more than 400 nodes, an unknown detail, and as `ledger` for the data.
        ShapeError: for a node with more than one entry, and as `ledger` for the data.

    >>> a, b = Node(2.0, name="a"), Node(-3.0, name="b")
    >>> player((a * b).tanh(), title="tanh of a product")
    <picture: tanh of a product; save it as dot, html, json, pdf, png, svg, txt>
    """
    if isinstance(subject, MLP):
        if x is None or rho is None:
            raise InvalidType("player(mlp, x, rho, cost) needs inputs and expected outputs; a single Node plays alone")
        if detail not in ("auto", *DETAILS):
            raise InvalidValue(f"detail={detail!r} is not a level of detail. {nearest(detail, ('auto', *DETAILS))}")
        if detail == "auto":  # neuron by neuron, if it is one sample, and the network fits on a screen
            connections = sum(layer.n_in * layer.n_out for layer in subject.layers)
            small = max(subject.sizes) <= NEURONS and connections <= CONNECTIONS
            detail = "scalar" if small and (np.ndim(x) == 1 or len(x) == 1) else "layer"
        write = written_in(notation or "lecture", len(subject.layers))
        data = network_trace(subject, x, rho, cost, detail, learning_rate, write)
        name = title or f"A {'-'.join(map(str, subject.sizes))} network, step by step"
    elif isinstance(subject, Node | Trace):
        data = subject if isinstance(subject, Trace) else trace(subject, fresh=True, learning_rate=learning_rate)
        name = title or "A computation, step by step"
        if notation is not None:
            data = replace(data, write=written_in(notation, last_layer(data.nodes)))
    else:
        raise InvalidType(f"player() takes a Node, a Trace, or an MLP with data, not {subject!r}")
    if len(data.nodes) > MOST:
        raise InvalidValue(
            f"this graph has {len(data.nodes)} nodes, and the player takes at most {MOST}; play a smaller network or "
            "one part of the computation, or draw it with graph(..., detail='auto')"
        )
    scene = drawing(data, name)
    picture = of_scene(
        name,
        lambda: scene,
        engine,
        frame=760,
        html=lambda: _page(data, scene),
        txt=lambda: printable(script(data, name)).encode(),
        json=lambda: data.to_json().encode(),
    )
    return Player(picture, data, scene, engine)


def _page(data: Trace, scene: Scene) -> bytes:
    """Return the page: the drawing, the steps as a list, the script and what it needs to know."""
    keys = {"id", "role", "op", "quantity", "gradient", *(["name"] if not data.closed else [])}
    nodes = [{key: node[key] for key in node if key in keys} for node in written(data)["nodes"]]
    whole = {"nodes": nodes, "edges": [[edge.source, edge.target] for edge in data.edges]}
    told = "\n".join(_item(i, step) for i, step in enumerate(data.steps, start=1))
    for long, brief_ in _SHORTER.items():
        told = re.sub(long, brief_, told)
    svg = to_svg(scene, inline=True).replace("<title>", "<desc>", 1).replace("</title>", "</desc>", 1)
    before = ""
    while before != svg:  # a wire of several pieces is one line
        before, svg = svg, re.sub(_PIECES, r'\1\2\4" \3/>', svg)
    parts = {
        "$SHAPE": "wide" if scene.width > 1.25 * scene.height else "tall",
        "$DRAWING": re.sub("<title>.*?</title>", "", svg),  # a card says more when it is pointed at
        "$STEPS": told,
        "$DATA": as_json({"trace": whole, "steps": _kept(data)}).replace("<", "\\u003c"),
    }
    return page(scene.title, "player", parts, "why", "guess", "player")


def _kept(data: Trace) -> list[dict[str, Any]]:
    """Return what the page's script needs to know of each step; `ask` is the number that a reader may predict."""
    nodes = data.by_id
    last = {step.node: i for i, step in enumerate(data.steps) if step.phase == "backward"}
    kept = []
    for i, step in enumerate(data.steps):
        number, which = asked(step.result)
        whole = last.get(step.node) == i  # then its gradient is complete, and a matrix is shown in full
        text = brief(step.shown) if step.shown else "…"
        if step.shown and (whole or step.phase in ("update", "again")):
            text = in_card(step.shown, size_of(nodes[step.node]))
        known = {
            "phase": step.phase,
            "node": step.node,
            "ask": None if number is None else float(f"{number:.6g}"),
            "which": which or None,
            "edge": step.edges[0] if step.phase == "backward" and step.edges else None,
            "whole": whole or None,
            "shown": None if step.phase == "forward" else text,
        }
        kept.append({key: value for key, value in known.items() if value is not None})
    return kept


def asked(result: Numbers | None) -> tuple[float | None, str]:
    """Return the number of a step that a reader is asked for, and in an array which one: the largest."""
    if result is None or result.entries is None or not np.size(result.entries):
        return None, ""
    array = np.asarray(result.entries, float)
    if not np.isfinite(array).all():
        return None, ""
    at = np.unravel_index(int(np.argmax(np.abs(array))), array.shape)
    places = [int(i) + 1 for i in at]
    which = {0: "", 1: "entry {}", 2: "row {}, column {}"}.get(len(places), "entry " + ", ".join(["{}"] * len(places)))
    return float(array[at]), which.format(*places)


def _item(i: int, step: StoryStep) -> str:
    """Return one step as an item of the list: the graph's equation, and beside it the lecture's rule."""
    numbers = math(step.work) if step.work else ""
    if step.result:
        outcome = math(value_term(step.result, alone=True), "=" if step.work else "")
        whole = math(value_term(step.total, alone=True)) if step.total else ""
        total = f'<span class="total">; in all {whole}</span>' if whole else ""
        numbers += f'<span class="answer">{outcome}{total}</span>'
    rule = ""
    if step.rule is not None:
        said = {True: "✓", False: "✗ not as in the graph", None: ""}[step.rule_agrees]
        kind = "answer differs" if step.rule_agrees is False else "answer"
        number = escape(brief(step.rule_gives, 60)) if step.rule_gives else ""
        gives = f'<div class="{kind}">gives {number} <strong>{said}</strong></div>' if number else ""
        rule = f'<div class="rule"><math>{step.rule.mathml}</math>{gives}</div>'
    return (
        f'<li id="step-{i}" class="{step.phase}"><div class="pair">'
        f'<div><div class="general">{math(step.general)}</div><div class="numbers">{numbers}</div></div>'
        f'{rule}</div><p class="say">{escape(step.sentence)}</p></li>'
    )


def script(data: Trace, title: str) -> str:
    """Return the story of a trace as text: for each step the equation, the numbers, and the lecture's rule."""
    lines = [title, "=" * len(title)]
    phase = ""
    for i, step in enumerate(data.steps, start=1):
        if step.phase != phase:
            phase = step.phase
            lines += ["", _HEADS[phase], "-" * len(_HEADS[phase]), ""]
        lines.append(f"{i:>3}  {step.general.unicode}")
        if step.numbers.unicode not in step.general.unicode:
            lines.append(f"     {step.numbers.unicode}")
        if step.rule is not None:
            gives = f", gives {brief(step.rule_gives, 60)}" if step.rule_gives else ""
            verdict = {True: " ✓", False: " ✗ not as in the graph", None: ""}[step.rule_agrees]
            lines.append(f"     rule: {step.rule.unicode}{gives}{verdict}")
        said = textwrap.wrap(step.sentence, 100, initial_indent="     ", subsequent_indent="     ")
        lines += [*said, ""]
    return "\n".join(lines) + "\n"
