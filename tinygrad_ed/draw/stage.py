"""What the player shows: the graph as cards and wires, as it stands when all gradients have arrived.

A card holds a name, a value and a gradient, and of a large array two heat maps. `in_rows` places any graph without an
engine, from the leaves down to the result; `as_network` places a network neuron by neuron from left to right, each
weight on its connection. Every card and every wire has an id, by which the page's script finds it.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from tinygrad_ed.draw import style
from tinygrad_ed.draw.equations import brief, label_of, matrix_cells, shape_text, summary, words
from tinygrad_ed.draw.parts import Edge, Numbers, TraceNode
from tinygrad_ed.draw.scene import Box, Group, Item, Line, Scene, Text
from tinygrad_ed.draw.steps import labels
from tinygrad_ed.draw.trace import Trace
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.notation.formula import Formula
from tinygrad_ed.notation.quantity import Quantity

_MARGIN = 10.0
_CELL = 3.2  # pixels, in a heat map
SWEEPS = 8
CROSSED = 100_000  # rows, by all edges together
ACROSS, DOWN = 22.0, 50.0  # the room between the boxes of a row, and between rows
Point = tuple[float, float]


class Size(NamedTuple):
    """How large a card is, and how its numbers are written."""

    w: float
    h: float
    text: float = 14.0
    most: int = 29


Places = dict[str, tuple[Size, float, float]]  # of every node the card and its center
Paint = Callable[[TraceNode], str]
_PITCH, _BESIDE, _UNDER = 156.0, 18.0, 65.0  # from neuron to neuron, from ζ to α, and down to β
_FLOW = 84.0  # the room for what flows back, right of a neuron
_LINE = 17.0  # between the rows of a matrix


def size_of(node: TraceNode) -> Size:
    """Return a card in a row: large enough for a small matrix in full, or for the style.heat maps of a large array."""
    if node.value.cells:
        return Size(244.0, 124.0 + _CELL * len(node.value.cells))
    rows = cells_of(node.value)
    if not rows:
        return Size(216.0, 80.0)
    parts = 1 if node.role == "constant" else 2
    return Size(max(216.0, 34.0 + 66.0 * len(rows[0])), 40.0 + parts * _LINE * len(rows))


def cells_of(numbers: Numbers) -> list[list[str]] | None:
    """Return the entries of a small matrix of several rows, as text; a single row is written on the line."""
    rows = matrix_cells(numbers)
    return rows if rows and len(rows) > 1 else None


def drawing(data: Trace, title: str) -> Scene:
    """Return the graph of a trace: a network in numbers as a network, everything else in rows."""
    if any((node.quantity or "").startswith("alpha[0,") for node in data.nodes):
        try:
            return as_network(data, title)
        except (KeyError, ValueError, ZeroDivisionError):  # in a trace from a file something may be missing
            pass
    return in_rows(data, title)


def in_rows(data: Trace, title: str, paint: Paint | None = None) -> Scene:
    """Draw the graph with cards in rows; edges that share a card leave and enter side by side; `paint` gives colors."""
    sizes = {node.id: size_of(node) for node in data.nodes}
    places, routes = place(data, {name: (size.w, size.h) for name, size in sizes.items()})
    wires: list[Item] = []
    ports = _ports([e.source for e in data.edges], [r[2][0] for r in routes], 190.0, 66.0)
    sides = _ports([e.target for e in data.edges], [r[-3][0] for r in routes], 190.0, 66.0)
    for i, edge in enumerate(data.edges):
        points = [(x + _MARGIN, y + _MARGIN) for x, y in routes[i]]
        points[:2] = [(x + ports[i], y) for x, y in points[:2]]
        points[-2:] = [(x + sides[i], y) for x, y in points[-2:]]
        lines: list[Item] = [Line(*a, *b, style.LINE, 1.5, bend=True) for a, b in itertools.pairwise(points) if a != b]
        middle = (points[-2][0] + points[-3][0]) / 2, (points[-2][1] + points[-3][1]) / 2
        wires.append(_wire(i, edge, lines, middle))
    placed = {name: (sizes[name], x + _MARGIN, y + _MARGIN) for name, (x, y) in places.items()}
    return _scene(data, title, wires, placed, paint)


def as_network(data: Trace, title: str) -> Scene:
    """Return a network in numbers: the input at the left, ζ and α of every layer, the cost at the right."""
    known = {node.quantity: node for node in data.nodes if node.quantity}
    widths = Counter(Quantity.of(name)[1] for name in known if name.startswith("alpha"))
    long = {node.id: [len(brief(n, 12)) for n in (node.value, node.gradient or node.value)] for node in data.nodes}
    sign = max([len(style.symbol(node.op)) for node in data.nodes if node.op not in (None, "net input")])
    neuron = Size(max(23.0 + 7.4 * max(map(max, long.values())), 56 + 7.2 * min(sign, 13)), 76.0)
    weights = [long[node.id] for name, node in known.items() if name.startswith("omega")]
    weight = Size(max(max(50 + 7.4 * value, 24 + 7.4 * slope) for value, slope in weights), 46.0)
    under = Size(neuron.w, weight.h)
    columns = {j: min(widths[j - 1], widths[j], 3) for j in range(1, len(widths))}
    height = _PITCH * max(widths.values())
    xs, at = {("alpha", 0): _MARGIN + neuron.w / 2}, _MARGIN + neuron.w
    for j, count in columns.items():
        at += _FLOW + (weight.w + 6) * count + 9 + neuron.w
        xs["zeta", j] = at - neuron.w / 2
        at += _BESIDE + neuron.w
        xs["alpha", j] = at - neuron.w / 2
    places: Places = {data.root: (neuron, at + 36 + neuron.w / 2, _MARGIN + height / 2 - 24)}
    for name, node in known.items():
        kind, j, neurons = Quantity.of(name)
        if kind in ("alpha", "zeta", "beta", "rho"):
            layer, k = (max(columns), j) if kind == "rho" else (j, neurons[0])
            y = _MARGIN + height / 2 + _PITCH * (k - (widths[layer] - 1) / 2) - 24
            x = xs["alpha" if kind in ("alpha", "rho") else "zeta", layer]
            places[node.id] = (neuron, x, y) if kind in ("alpha", "zeta") else (under, x, y + _UNDER)
    routes: dict[str, list[Point]] = {}
    for j, count in columns.items():
        ends = {  # of every connection, by its weight: both neurons, and its slot
            known[f"omega[{j},{i},{k}]"].id: (known[f"alpha[{j - 1},{i}]"].id, known[f"zeta[{j},{k}]"].id, slot % count)
            for i, k in itertools.product(range(widths[j - 1]), range(widths[j]))
            for slot in [i if widths[j - 1] <= widths[j] else k]
        }
        for column in range(count):  # a weight stands on its own connection, and the others pass above and below it
            x = xs["alpha", j - 1] + neuron.w / 2 + _FLOW + (weight.w + 6) * (column + 0.5)
            share = (x - xs["alpha", j - 1]) / (xs["zeta", j] - xs["alpha", j - 1])
            wish = {w: (1 - share) * places[a][2] + share * places[z][2] for w, (a, z, _) in ends.items()}
            room = {w: (weight.h + 8 if slot == column else 9) - ACROSS for w, (_, _, slot) in ends.items()}
            gates: dict[str, float] = {}
            spread(sorted(ends, key=wish.__getitem__), wish, room, gates)
            for w, (_, _, slot) in ends.items():
                routes.setdefault(w, []).extend([(x - weight.w / 2, gates[w]), (x + weight.w / 2, gates[w])])
                if slot == column:
                    places[w] = (weight, x, gates[w])
        routes |= {a + z: routes[w] for w, (a, z, _) in ends.items()}
    return _scene(data, title, _network_wires(data, places, routes), places)


def _network_wires(data: Trace, places: Places, routes: dict[str, list[Point]]) -> list[Item]:
    """Return the connections: from side to side, and those of a weight or a bias from its own card."""
    ends = [(places[e.source], places[e.target]) for e in data.edges]
    uses = Counter(edge.source for edge in data.edges)
    across = [a[0].h > 50 for a, _ in ends]  # from a neuron; smaller cards stand on a connection or under a neuron
    order = [routes.get(e.source + e.target, [(0.0, b[2])])[0][1] for e, (_, b) in zip(data.edges, ends, strict=True)]
    last = [routes.get(e.source + e.target, [(0.0, a[2])])[-1][1] for e, (a, _) in zip(data.edges, ends, strict=True)]
    ports = _ports([e.source for e in data.edges], order, 76.0, 19.0, across)
    apart = _ports([e.source for e in data.edges], order, 900.0, 18.0, across)
    sides = _ports([e.target for e in data.edges], last, 76.0, 19.0, across)
    arrives = {(e.target, last[i]): sides[i] for i, e in enumerate(data.edges) if across[i]}
    wires: list[Item] = []
    for i, (edge, ((size, x1, y1), (target, x2, y2))) in enumerate(zip(data.edges, ends, strict=True)):
        points, flow = [(x1 + size.w / 2, y1 + ports[i]), (x2 - target.w / 2, y2 + sides[i])], None
        if across[i]:
            points[1:1] = routes.get(edge.source + edge.target, [])
            if uses[edge.source] > 1:  # first straight ahead, side by side, with what flows back written on the wire
                x, y = points[0][0], y1 + apart[i]
                points[1:1], flow = [(x + 7, y), (x + 70, y)], (x + 38, y)
        elif edge.source in routes:
            rest = [point for point in routes[edge.source] if point[0] > x1]
            points = [*rest, (x2 - target.w / 2, y2 + arrives[edge.target, routes[edge.source][-1][1]])]
        elif abs(x1 - x2) < 1:
            points = [(x1, y1 - size.h / 2), (x2, y2 + target.h / 2)]
        wires.append(_wire(i, edge, [Line(*a, *b, style.LINE, 1.3) for a, b in itertools.pairwise(points)], flow))
    return wires


def _scene(data: Trace, title: str, wires: list[Item], places: Places, paint: Paint | None = None) -> Scene:
    cards = []
    for node, name in zip(data.nodes, labels(data.nodes).values(), strict=True):
        fill = paint(node) if paint else style.ROLES[node.role][0]
        cards.append(_card(node, data.write(label_of(node, style.short(name, 14))), fill, *places[node.id]))
    width = max(x + size.w / 2 for size, x, _ in places.values()) + _MARGIN
    height = max(y + size.h / 2 for size, _, y in places.values()) + _MARGIN
    described = f"a graph of {len(data.nodes)} values; the steps beside it say the same in words"
    return Scene(width, height, title, described, [*wires, *cards])


def in_card(numbers: Numbers, size: Size) -> str:
    """Return what stands on a card's line for a value: nothing, if it is written out below as a matrix."""
    return "" if cells_of(numbers) and size.w > 150 else brief(numbers, size.most)


def _card(node: TraceNode, name: Formula, fill: str, size: Size, x: float, y: float) -> Item:
    """Return a box: name, value, gradient; and for the result of an op its sign in a disc."""
    border = style.ROLES[node.role][1]
    left, top, right, text = x - size.w / 2 + 10, y - size.h / 2, x + size.w / 2, size.text
    back = style.back_on(node.role, fill)
    radius = 0 if node.role in ("parameter", "input", "constant") else 12
    rim = 2.4 if node.role == "output" else 1.3
    items: list[Item] = [Box(x, y, size.w, size.h, fill, border, rim, radius, node.role == "constant")]
    color = style.COLORS.get(Quantity.of(node.quantity or "")[0], style.INK)
    value = in_card(node.value, size)
    gradient = "∂ –" if node.gradient is None else f"{'∂ =' if size.w > 150 else '∂'} {in_card(node.gradient, size)}"
    if node.role == "constant":
        gradient = ""
    if size.h < 50:
        items.append(Text(left - 4, top + 18, name, text, color, "start", bold=True))
        items.append(Text(right - 6, top + 18, words(value), text, anchor="end", cls="value"))
        items.append(Text(left - 4, top + 37, words(gradient), text, back, "start", cls="gradient"))
        return Group(items, id=f"node-{node.id}", cls=f"node {node.role}", tip=_tip(node, name))
    if node.role == "parameter":
        items.append(Box(x, y, size.w - 6, size.h - 6, "none", border, 0.8))
    if node.op is not None:
        sign = style.short("Σ" if node.op == "net input" else style.symbol(node.op), 13)
        wide = max(13.0, 3.6 * len(sign) + 5)
        items.append(Box(right - wide - 7, top + 17, 2 * wide, 21, style.OP, radius=10.5))
        items.append(Text(right - wide - 7, top + 21, words(sign), 14, style.ON_OP))
    shape = shape_text(node.value.shape)
    at = right - 12 if node.op is None else right - 2 * wide - 14
    items.append(Text(at, top + 20, words(shape), 14, style.QUIET if back == style.GRADIENT else style.INK, "end"))
    if node.role != "constant" or node.name:
        items.append(Text(left, top + 21, name, 14.5, color, "start", bold=True))
    down = top + 45 + _LINE * len(cells_of(node.value) or "")
    items.append(Text(left, top + 45, words(value), text, anchor="start", cls="value"))
    rows = cells_of(node.value) if size.w > 150 else None
    items.append(Text(left, down if rows else top + 66, words(gradient), text, back, "start", cls="gradient"))
    if rows:
        items.append(Group(_table(rows, left + 18, right - 14, top + 45, style.INK), cls="value-map"))
        grads = cells_of(node.gradient) if node.gradient else None
        if grads:
            items.append(Group(_table(grads, left + 18, right - 14, down, back), cls="gradient-map"))
    maps = (
        (left, node.value, "value-map"),
        (left + 116, node.gradient, "gradient-map"),
        (left, node.after, "after-map"),
    )
    for start, numbers, kind in maps:
        table = cells_of(numbers) if numbers and kind == "after-map" and rows else None
        drawn = _table(table, left + 18, right - 14, top + 45, style.INK) if table else []
        drawn += _heat_map(numbers, start, top + 76) if numbers and numbers.cells else []
        if drawn:
            items.append(Group(drawn, cls=kind, extra={"visibility": "hidden"} if kind == "after-map" else {}))
    return Group(items, id=f"node-{node.id}", cls=f"node {node.role}", tip=_tip(node, name))


def _table(rows: list[list[str]], left: float, right: float, top: float, color: str) -> list[Item]:
    """Return a matrix, its columns set flush right."""
    step = (right - left) / len(rows[0])
    return [
        Text(left + step * (i + 1), top + _LINE * row, words(entry), 14, color, "end")
        for row, line in enumerate(rows)
        for i, entry in enumerate(line)
    ]


def _heat_map(numbers: Numbers, left: float, top: float) -> list[Item]:
    """Return a large array as small squares, blue below zero, white at zero, orange above, with their scale."""
    cells, largest = numbers.cells or [], numbers.largest
    w, h = _CELL * len(cells[0]), _CELL * len(cells)
    below = top + h + 4
    return [
        _squares(left, top, _CELL, cells, largest),
        Box(left + w / 2, top + h / 2, w, h, "none", style.LINE, 0.6),
        _squares(left, below, 6.0, [list(range(-4, 5))], 4.0),
        Text(left, below + 21, words(f"±{style.number_text(largest)}"), 14, anchor="start"),
        Text(left, below + 38, words(numbers.means), 14, style.QUIET, "start"),
    ]


def _squares(left: float, top: float, size: float, rows: Sequence[Sequence[float]], largest: float) -> Group:
    places = [(i, row, x) for row, line in enumerate(rows) for i, x in enumerate(line)]
    fills = [(left + (i + 0.5) * size, top + (row + 0.5) * size, style.heat(x, largest)) for i, row, x in places]
    return Group([Box(x, y, size, size, fill) for x, y, fill in fills], cls="cells")


def _tip(node: TraceNode, name: Formula) -> str:
    return f"{node.name or name.unicode}: {node.op or node.role}, value {summary(node.value)}"


def _wire(i: int, edge: Edge, lines: list[Item], at: Point | None) -> Item:
    """Return an edge, with what flows back through it written where `at` is given."""
    if at is not None and edge.contribution is not None:
        flow = Text(at[0], at[1] + 4, words(brief(edge.contribution)), 14, style.GRADIENT)
        lines = [*lines, Group([Box(*at, flow.length + 2, 16, style.PAPER, radius=4), flow], cls="flow")]
    return Group(lines, id=f"edge-{i}", cls="edge")


def _ports(
    ends: list[str], order: list[float], room: float, step: float, counted: list[bool] | None = None
) -> list[float]:
    """Tell where along a card's side each edge ends: side by side, in the order of where they come from or go to."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i in sorted(range(len(ends)), key=lambda i: (order[i], i)):
        if counted is None or counted[i]:
            groups[ends[i]].append(i)
    found = [0.0] * len(ends)
    for group in groups.values():
        for number, i in enumerate(group):
            found[i] = (number - (len(group) - 1) / 2) * min(step, (room - 16) / len(group))
    return found


def place(data: Trace, boxes: Mapping[str, tuple[float, float]]) -> tuple[dict[str, Point], list[list[Point]]]:
    """Return the center of every node's box, and the points that every edge passes, from lower side to upper side."""
    rank = _ranks(data)
    rows_crossed = sum(rank[edge.target] - rank[edge.source] for edge in data.edges)
    if rows_crossed > CROSSED:
        raise InvalidValue(
            f"the edges of this graph cross {rows_crossed} rows, too many to be drawn one by one; detail='auto' draws "
            "an overview"
        )
    chains = []
    for i, edge in enumerate(data.edges):
        between = {f"{i}/{row}": row for row in range(rank[edge.source] + 1, rank[edge.target])}
        chains.append([edge.source, *between, edge.target])
        rank |= between
    rows: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for name, number in rank.items():
        rows[number].append(name)
    above: dict[str, list[str]] = {name: [] for name in rank}
    below: dict[str, list[str]] = {name: [] for name in rank}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    sizes = dict.fromkeys(rank, 0.0) | {name: width for name, (width, _) in boxes.items()}
    usual = max(width for width, _ in boxes.values())
    at: dict[str, float] = {}
    for row in rows:
        spread(row, {name: i * (usual + ACROSS) for i, name in enumerate(row)}, sizes, at)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows if downwards else reversed(rows):
            near = above if downwards else below
            wish = {name: fmean([at[n] for n in near[name]] or [at[name]]) for name in row}
            row.sort(key=lambda name: (wish[name], at[name]))
            spread(row, wish, sizes, at)
    left = min(at[name] - sizes[name] / 2 for name in at)
    tops, top = [], 0.0
    for row in rows:
        height = max([boxes[name][1] for name in row if name in boxes], default=0.0)
        tops.append((top, top + height))
        top += height + DOWN
    centers = {name: (at[name] - left, sum(tops[rank[name]]) / 2) for name in boxes}
    routes = []
    for chain in chains:
        (x1, y1), (x2, y2) = centers[chain[0]], centers[chain[-1]]
        inner = [(at[name] - left, y) for name in chain for y in tops[rank[name]]][1:-1]
        routes.append([(x1, y1 + boxes[chain[0]][1] / 2), *inner, (x2, y2 - boxes[chain[-1]][1] / 2)])
    return centers, routes


def _ranks(data: Trace) -> dict[str, int]:
    """Return the row of every node."""
    made = {node.id for node in data.nodes if node.op is not None}
    rank = data.depths()
    first: dict[str, int] = {}
    for edge in data.edges:
        first[edge.source] = min(first.get(edge.source, rank[edge.target]), rank[edge.target])
    return {name: row if name in made or name not in first else first[name] - 1 for name, row in rank.items()}


def spread(row: Sequence[str], wish: dict[str, float], sizes: dict[str, float], at: dict[str, float]) -> None:
    """Put a row as near to its wishes as its order and the room between boxes allow: the mean of both extremes."""
    rightmost, leftmost = {}, {}
    edge = float("-inf")
    for name in row:
        rightmost[name] = max(wish[name], edge + sizes[name] / 2)
        edge = rightmost[name] + sizes[name] / 2 + ACROSS
    edge = float("inf")
    for name in reversed(row):
        leftmost[name] = min(wish[name], edge - sizes[name] / 2)
        edge = leftmost[name] - sizes[name] / 2 - ACROSS
    for name in row:
        at[name] = (rightmost[name] + leftmost[name]) / 2
