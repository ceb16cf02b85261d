"""The player: one page that walks a graph forward, value by value, and back, contribution by contribution.

The page is self-contained: the drawing is inline SVG, the equations are MathML, the script is ours and reads the trace
as JSON. Without JavaScript the page is the finished drawing and the list of all steps.
"""

import itertools
import json
from collections import Counter
from dataclasses import replace
from functools import partial
from importlib.resources import files
from typing import Any

from tinygrad_ed.crosscheck import batch_of
from tinygrad_ed.draw.equations import brief, shape_text, summary
from tinygrad_ed.draw.layout import place
from tinygrad_ed.draw.picture import Picture, of_scene, page
from tinygrad_ed.draw.scene import Box, Group, Item, Line, Scene, Text, to_svg, words
from tinygrad_ed.draw.steps import Step, labels, steps
from tinygrad_ed.draw.style import GRADIENT, LINE, OP, PAPER, QUIET, ROLES, escape, letter, plain, short, symbol
from tinygrad_ed.draw.trace import Trace, TraceNode, numbers_of, trace
from tinygrad_ed.errors import InvalidType, InvalidValue
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.node import Node

MOST = 400  # nodes; a longer story is not one that a reader steps through
_W, _H, _ACROSS, _DOWN, _MARGIN = 176.0, 74.0, 22.0, 50.0, 24.0


def player(
    subject: Node | MLP,
    x: Any = None,
    rho: Any = None,
    cost: str = "mse",
    *,
    learning_rate: float = 0.1,
    title: str | None = None,
    engine: str | None = None,
) -> Picture:
    """Make a page that plays a graph step by step: `player(node)` or `player(mlp, x, rho, cost)`.

    Args:
        subject: the result of a computation, one number; or a network, together with data.
        x: inputs of the network, `(M, n_0)` or `(n_0,)`.
        rho: expected outputs, `(M, n_L)` or `(n_L,)`.
        cost: the name of the cost.
        learning_rate: η of the update of the parameters, at the end.
        title: the heading of the page.
        engine: for png and pdf, the path of a `dot` program, or "pygraphviz" (see `doctor`).

    Returns:
        a picture; its html is the player, and the other formats are the drawing at its last step.

    Raises:
        InvalidType: if `subject` is neither a Node nor an MLP, or an MLP comes without data.
        InvalidValue: for a graph of more than 400 nodes, and as `ledger` for the data.
        ShapeError: for a node with more than one entry, and as `ledger` for the data.

    >>> a, b = Node(2.0, name="a"), Node(-3.0, name="b")
    >>> player((a * b).tanh(), title="tanh of a product")
    <picture: tanh of a product; save it as dot, html, pdf, png, svg>
    """
    if isinstance(subject, MLP):
        if x is None or rho is None:
            raise InvalidType("player(mlp, x, rho, cost) needs inputs and expected outputs; a single Node plays alone")
        data, rules = of_network(subject, x, rho, cost)
        name = title or f"A {'-'.join(map(str, subject.sizes))} network, step by step"
    elif isinstance(subject, Node):
        data, rules = trace(subject, fresh=True), {}
        name = title or "A computation, step by step"
    else:
        raise InvalidType(f"player() takes a Node, or an MLP with data, not {subject!r}")
    if len(data.nodes) > MOST:
        raise InvalidValue(
            f"this graph has {len(data.nodes)} nodes, and the player takes at most {MOST}; play a smaller network or "
            "one part of the computation, or draw it with graph(..., detail='auto')"
        )
    told = steps(data, learning_rate, rules)
    scene = drawing(data, name)
    return of_scene(scene, partial(_page, data, told, scene), engine=engine, frame=760)


def of_network(mlp: MLP, x: Any, rho: Any, cost: str) -> tuple[Trace, dict[str, tuple[str, str]]]:
    """The trace of a network in the lecture's letters, and for its nodes the rules of their value and gradient."""
    x, rho = batch_of(mlp, x, rho, cost)
    alpha = Node(x)
    names: dict[Node, str] = {alpha: _up("α", 0)}
    layers: dict[Node, str] = {}
    rules: dict[Node, tuple[str, str]] = {alpha: ("", f"{_up('P', 1)} = {_up('B', 1)} [{_up('Ω', 1)}]ᵀ")}
    last = len(mlp.layers)
    for j, layer in enumerate(mlp.layers, start=1):
        zeta = layer.net_input(alpha)
        alpha = layer.activate(zeta)
        names |= {layer.weights: _up("Ω", j), layer.bias: _up("β", j), zeta: _up("ζ", j), alpha: _up("α", j)}
        B, P = _up("B", j), _up("P", j + 1)
        arrives = f"{P} = ∇C / M" if j == last else f"{P} = {_up('B', j + 1)} [{_up('Ω', j + 1)}]ᵀ"
        net = f"{_up('ζ', j)} = {_up('α', j - 1)} {_up('Ω', j)} + {_up('β', j)}"
        rules[layer.weights] = ("", f"∇{_up('Ω', j)} = [{_up('α', j - 1)}]ᵀ {B}")
        rules[layer.bias] = ("", f"∇{_up('β', j)} = the sum of the rows of {B}")
        rules[alpha] = (f"{_up('α', j)} = Φ({_up('ζ', j)})", arrives)
        rules[zeta] = (net, f"{B} = Φ′({_up('ζ', j)}) ⊙ {P}")
    error = costs.find(cost)(alpha, rho)
    names[error] = "E"
    data = trace(error, parameters=mlp.parameters(), layers=layers, names=names, fresh=True)
    by_name = {names[node]: rule for node, rule in rules.items()}
    nodes = tuple(replace(n, name="ρ") if _is(rho, n) else n for n in data.nodes)
    return replace(data, nodes=nodes), {n.id: by_name[n.name] for n in nodes if n.name in by_name}


def _is(rho: Any, node: TraceNode) -> bool:
    """Whether a constant is the expected output."""
    return node.role == "constant" and node.value.shape == rho.shape and node.value == numbers_of(rho)


def _up(name: str, j: int) -> str:
    return plain(letter(name, j))


def drawing(data: Trace, title: str) -> Scene:
    """The graph with boxes in rows, as it stands when all gradients have arrived."""
    places, routes = place(data, _W, _H, _ACROSS, _DOWN)
    places = {name: (x + _MARGIN, y + _MARGIN) for name, (x, y) in places.items()}
    names = labels(data)
    items: list[Item] = [*_wires(data, places, routes), *(_card(n, names[n.id], *places[n.id]) for n in data.nodes)]
    width = max(x for x, _ in places.values()) + _W / 2 + _MARGIN
    height = max(y for _, y in places.values()) + _H / 2 + _MARGIN
    described = f"a graph of {len(data.nodes)} values; the steps beside it say the same in words"
    return Scene(width, height, title, described, items)


def _card(node: TraceNode, name: str, x: float, y: float) -> Item:
    """A box: name, value, gradient; and for the result of an op its sign in a disc."""
    fill, border = ROLES[node.role]
    left = x - _W / 2 + 12
    radius = 0 if node.role in ("parameter", "input", "constant") else 12
    items: list[Item] = [
        Box(x, y, _W, _H, fill, border, 2.4 if node.role == "output" else 1.3, radius, node.role == "constant")
    ]
    if node.role == "parameter":
        items.append(Box(x, y, _W - 6, _H - 6, "none", border, 0.8))
    if node.op is not None:
        sign = symbol(node.op)
        wide = max(15.0, 3.6 * len(sign) + 7)
        items.append(Box(x + _W / 2 - wide - 8, y - _H / 2 + 19, 2 * wide, 22, OP, radius=11))
        items.append(Text(x + _W / 2 - wide - 8, y - _H / 2 + 23.5, words(short(sign, 12)), 13, PAPER))
    elif node.value.shape:
        items.append(Text(x + _W / 2 - 12, y - _H / 2 + 20, words(shape_text(node.value.shape)), 11, QUIET, "end"))
    if node.role != "constant" or node.name:
        items.append(Text(left, y - _H / 2 + 21, _name(name), 13.5, bold=True, anchor="start"))
    value = Text(left, y - _H / 2 + 44, words(brief(node.value)), 12.5, anchor="start", cls="value")
    gradient = "" if node.role == "constant" else "∂ –" if node.gradient is None else f"∂ = {brief(node.gradient)}"
    items.append(value)
    items.append(Text(left, y - _H / 2 + 64, words(gradient), 12.5, GRADIENT, "start", cls="gradient"))
    tip = f"{name}: {node.op or node.role}, value {summary(node.value)}"
    return Group(items, id=f"node-{node.id}", cls=f"node {node.role}", tip=tip)


def _name(name: str) -> Any:
    return letter("v", None, name[1:]) if name[0:1] == "v" and name[1:].isdigit() else words(short(name, 14))


def _wires(data: Trace, places: dict[str, Any], routes: list[Any]) -> list[Item]:
    """The edges, each with what flows back through it; edges that share a box leave and enter side by side."""
    out, into = Counter(e.source for e in data.edges), Counter(e.target for e in data.edges)
    left, seen = Counter[str](), Counter[str]()
    order = sorted(range(len(data.edges)), key=lambda i: (routes[i][1][0], i))
    starts, ends = {}, {}
    for i in order:
        source = data.edges[i].source
        starts[i] = _port(left[source], out[source])
        left[source] += 1
    for i in sorted(range(len(data.edges)), key=lambda i: (routes[i][-2][0], i)):
        target = data.edges[i].target
        ends[i] = _port(seen[target], into[target])
        seen[target] += 1
    items: list[Item] = []
    for i, edge in enumerate(data.edges):
        # from the lower side of the source, upright through each row between, to the upper side of the target
        points = [(x + _MARGIN, y + _MARGIN + side) for x, y in routes[i] for side in (-_H / 2, _H / 2)][1:-1]
        points[0] = (points[0][0] + starts[i], points[0][1])
        points[-1] = (points[-1][0] + ends[i], points[-1][1])
        lines: list[Item] = [Line(*a, *b, LINE, 1.5, bend=True) for a, b in itertools.pairwise(points)]
        if edge.contribution is not None:
            x, y = (points[-1][0] + points[-2][0]) / 2, (points[-1][1] + points[-2][1]) / 2
            flow = Text(x, y + 4, words(brief(edge.contribution)), 11, GRADIENT)
            lines.append(Group([Box(x, y, flow.length + 4, 15, PAPER, radius=4), flow], cls="flow"))
        items.append(Group(lines, id=f"edge-{i}", cls="edge"))
    return items


def _port(i: int, n: int) -> float:
    """Where along a box's side the i-th of n edges ends."""
    return (i - (n - 1) / 2) * min(58.0, (_W - 24) / n)


def _page(data: Trace, told: list[Step], scene: Scene) -> bytes:
    """The page: the drawing, the steps as a list, the script and what it needs to know."""
    assets = files("tinygrad_ed.draw") / "assets"
    kept = {
        "trace": json.loads(data.to_json()),
        "steps": [
            {
                "phase": s.phase,
                "node": s.node,
                "edge": s.edge,
                "shown": brief(s.shown) if s.shown else "…",
                "say": s.sentence,
            }
            for s in told
        ],
    }
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    body = (
        (assets / "player.html")
        .read_text("utf-8")
        .replace("$TITLE", escape(scene.title))
        .replace("$DRAWING", to_svg(scene, inline=True))
        .replace("$STEPS", "\n".join(_item(i, step) for i, step in enumerate(told, start=1)))
        .replace("$DATA", text)
    )
    css, script = ((assets / f"player.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return page(scene.title, body, css, script)


def _item(i: int, step: Step) -> str:
    """One step as an item of the list."""
    general, numbers = (
        f'<math display="block" alttext="{escape(term.text)}"><mrow>{term.math}</mrow></math>'
        for term in (step.general, step.numbers)
    )
    rule = f'<p class="rule">The lecture’s rule: {escape(step.rule)}</p>' if step.rule else ""
    return (
        f'<li id="step-{i}" class="{step.phase}"><a href="#step={i}">{step.phase}</a>'
        f'<div class="general">{general}</div><div class="numbers">{numbers}</div>'
        f'<p class="say">{escape(step.sentence)}</p>{rule}</li>'
    )
