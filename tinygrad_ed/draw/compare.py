"""The compare view: the graph's numbers beside those of the closed-form rules, quantity by quantity.

Each road is a ladder with the same rungs. The way forward goes down on the left, the way back goes up beside it, and a
letter stands in the row of the one whose derivative it is: B^j beside ζ^j, P^{j+1} beside α^j. The gradients of the
parameters stand at the side of their layer. Under the ladders is the table of the cross-check. Pointing at a row or a
box shows its partners. A wrong rule turns red, and so does all that inherits its error.
"""

import itertools
from collections.abc import Callable, Container, Mapping
from typing import Any

from tinygrad_ed.checking.crosscheck import CrossCheck, Row, crosscheck
from tinygrad_ed.draw.equations import brief, brief_term, math, words
from tinygrad_ed.draw.lecture import rule_of
from tinygrad_ed.draw.parts import numbers_of
from tinygrad_ed.draw.picture import Picture, asset, of_scene, page, sheet
from tinygrad_ed.draw.scene import Box, Group, Item, Line, Scene, Text, rewritten, to_svg
from tinygrad_ed.draw.style import (
    BACKWARD_FILL,
    COLORS,
    FORWARD_FILL,
    LINE,
    PAPER,
    QUIET,
    WRONG,
    WRONG_FILL,
    escape,
    number_text,
)
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.notation.formula import Formula
from tinygrad_ed.notation.letters import formula, given, letter, named
from tinygrad_ed.notation.quantity import Quantity
from tinygrad_ed.notation.writing import Writing

_W, _H, _ROW, _TOP, _LEFT = 186.0, 48.0, 70.0, 150.0, 36.0
_COLUMNS = ((0.0, "forward ↓", "alpha"), (206.0, "backward ↑", "B"), (412.0, "gradients →", "B"))
_SIDE = 640.0  # from one ladder to the other
_ROADS = (("graph", '"the graph: one sweep from" E'), ("rules", '"the lecture: closed-form rules"'))


def compare(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    rules: Mapping[str, Callable[..., Any]] | None = None,
    *,
    title: str | None = None,
    engine: str | None = None,
    notation: Notation = "lecture",
    numbers: bool | str = True,
    digits: int = 3,
) -> Picture:
    """Draw the graph's numbers beside those of the rules, with the table of the cross-check.

    Args:
        mlp: the network.
        x: inputs, `(M, n_0)` or `(n_0,)`.
        rho: expected outputs, `(M, n_L)` or `(n_L,)`.
        cost: the name of the cost.
        rules: a reader's own version of some of the rules, judged against the graph.
        title: a line above the picture.
        engine: for png and pdf, the path of a `dot` program, or "pygraphviz" (see `doctor`).
        notation: the letters, as in `network`.
        numbers: False for letters alone, "blank" for boxes to fill in, as in `network`.
        digits: significant digits of every number.

    Returns:
        a picture; the table is in html, the drawing in every format.

    Raises:
        as `crosscheck`.
    """
    checked = crosscheck(mlp, x, rho, cost, roads=[road for road, _ in _ROADS], rules=rules)
    name = title or f"Two roads through a {'-'.join(map(str, mlp.sizes))} network"

    def drawn(write: Writing) -> Picture:
        scene = layout(checked, len(mlp.layers), name, cost, write)
        return of_scene(name, lambda: scene, engine, frame=900, html=lambda: _page(scene, checked, write))

    return sheet(drawn, written_in(notation, len(mlp.layers), numbers, digits))


def layout(checked: CrossCheck, L: int, title: str, cost: str, write: Writing) -> Scene:
    """Place both ladders."""
    rows = {row.quantity: row for row in checked.rows}
    places: dict[str, tuple[int, int]] = {"cost": (0, 2 * L + 1)}
    for j in range(L + 1):
        places |= {f"alpha[{j}]": (0, 2 * j), f"P[{j + 1}]": (1, 2 * j)}
    for j in range(1, L + 1):
        places |= {f"zeta[{j}]": (0, 2 * j - 1), f"B[{j}]": (1, 2 * j - 1)}
        places |= {f"grad_omega[{j}]": (2, 2 * j - 1), f"grad_beta[{j}]": (2, 2 * j)}
    parted = checked.first_divergence.quantity if checked.first_divergence else None
    items: list[Item] = [Text(_LEFT, 44, words(title), 20, anchor="start", bold=True)]
    items.append(Text(_LEFT, 68, words(f"cost: {cost}. {verdict(checked, write)}"), 13, QUIET, "start"))
    for side, (road, heading) in enumerate(_ROADS):
        left = _LEFT + side * _SIDE
        items.append(Text(left, _TOP - 46, formula(heading), 15, anchor="start", bold=True))
        items += [Text(left + at + _W / 2, _TOP - 22, words(text), 12.5, COLORS[key]) for at, text, key in _COLUMNS]

        def center(quantity: str, left: float = left) -> tuple[float, float]:
            column, row = places[quantity]
            return left + _COLUMNS[column][0] + _W / 2, _TOP + row * _ROW + _H / 2

        items += _rails(center, L, rows)
        items += [_box(rows[q], road, L, *center(q), first=q == parted) for q in places if q in rows]
    height = _TOP + (2 * L + 2) * _ROW + 10
    return Scene(
        _LEFT * 2 + _SIDE + _COLUMNS[2][0] + _W, height, title, verdict(checked, write), rewritten(items, write)
    )


def verdict(checked: CrossCheck, write: Writing) -> str:
    """Return one sentence: do the roads agree, and if not, where do they part?"""
    if checked.first_divergence is None:
        return f"Both roads agree in all {len(checked.rows)} quantities."
    quantity = checked.first_divergence.quantity
    wrong = sum(not row.agree for row in checked.rows)
    problem = f" ({checked.first_divergence.problem})" if checked.first_divergence.problem else ""
    return f"The roads part at {write(named(quantity))}{problem}; {wrong} of {len(checked.rows)} quantities differ."


def _in_graph(quantity: str) -> Formula | None:
    """Return what a gradient is in the graph: a derivative of E; None for a value."""
    kind, j, _ = Quantity.of(quantity)
    of = {"B": "zeta", "P": "alpha", "grad_omega": "omega", "grad_beta": "beta"}.get(kind)
    return formula("{∂E}/{∂$x}", x=letter(of, j - (kind == "P"))) if of else None


def _box(row: Row, road: str, L: int, x: float, y: float, first: bool) -> Item:
    """Return a quantity on one road; red, with a cross, where the roads differ."""
    key = Quantity.of(row.quantity).kind
    fill = FORWARD_FILL if key in ("alpha", "zeta") else PAPER if key == "cost" else BACKWARD_FILL
    fill, stroke = (fill, LINE) if row.agree else (WRONG_FILL, WRONG)
    what = brief_term(numbers_of(row.values[road]), 28)
    what = given(what) if row.quantity == "alpha[0]" else what
    said = (rule_of(row.quantity, L) if road == "rules" else _in_graph(row.quantity)) or named(row.quantity)
    items: list[Item] = [
        Box(x, y, _W, _H, fill, stroke, 3 if first else 1.2, 9),
        Text(x - _W / 2 + 10, y - 4, said, 13, COLORS[key.removeprefix("grad_")], "start", bold=True),
        Text(x - _W / 2 + 10, y + 15, what, 12, anchor="start"),
    ]
    if not row.agree:
        items.append(Text(x + _W / 2 - 10, y - 4, words("✗ first" if first else "✗"), 12, WRONG, "end", bold=True))
    return Group(items, cls="quantity", extra={"data-quantity": row.quantity}, tip=f"{row.quantity} on the road {road}")


def _rails(center: Callable[[str], tuple[float, float]], L: int, rows: Container[str]) -> list[Item]:
    """Return the lines between the boxes of one ladder."""
    down = [f"{name}[{j}]" for j in range(L + 1) for name in (("alpha",) if j == 0 else ("zeta", "alpha"))] + ["cost"]
    up = [f"P[{L + 1}]", *(f"{name}[{j}]" for j in range(L, 0, -1) for name in ("B", "P"))]
    pairs = [*itertools.pairwise(down), ("cost", up[0]), *itertools.pairwise(up)]
    pairs += [(f"B[{j}]", f"grad_{name}[{j}]") for j in range(1, L + 1) for name in ("omega", "beta")]
    return [Line(*center(a), *center(b), LINE, 1.4) for a, b in pairs if b in rows]


def _page(scene: Scene, checked: CrossCheck, write: Writing) -> bytes:
    """Return the drawing over the table."""
    lines, parted = [], False
    for row in checked.rows:
        first = not row.agree and not parted
        parted = parted or first
        kind = "wrong first" if first else "wrong" if not row.agree else "after" if parted else "right"
        values = "".join(f"<td>{escape(brief(numbers_of(row.values[road]), 60, write))}</td>" for road, _ in _ROADS)
        says = "✓ agree" if row.agree else "✗ first divergence" if first else "✗ differ"
        name = math(write(named(row.quantity)))
        lines.append(
            f'<tr class="{kind}" data-quantity="{row.quantity}" tabindex="0">'
            f'<th scope="row">{name} <code>{row.quantity}</code></th>{values}'
            f"<td>{number_text(row.difference)}</td><td>{says}</td></tr>"
        )
    body = (
        '<main>\n<div class="drawing" role="region" aria-label="Both roads" tabindex="0">'
        f"{to_svg(scene, inline=True)}</div>\n"
        '<div class="scroll" role="region" aria-label="All quantities" tabindex="0">'
        f"<table>\n<caption>{escape(verdict(checked, write))}</caption>\n"
        '<thead><tr><th scope="col">quantity</th><th scope="col">graph</th><th scope="col">rules</th>'
        '<th scope="col">largest difference</th><th scope="col">verdict</th></tr></thead>\n'
        f"<tbody>\n{chr(10).join(lines)}\n</tbody>\n</table></div>\n</main>"
    )
    return page(scene.title, body, asset("compare.css"), asset("compare.js"))
