"""The compare view: the graph's numbers beside those of the rules, or of the reader, quantity by quantity.

Each road is a ladder with the same rungs. The way forward goes down on the left, the way back goes up beside it, and a
letter stands in the row of the one whose derivative it is: B^j beside ζ^j, P^{j+1} beside α^j. The gradients of the
parameters stand at the side of their layer. Under the ladders is the table of the cross-check. Pointing at a row or a
box shows its partners. What is wrong is red on the reader's side; what has only inherited it has a dashed border.
"""

import itertools
import re
from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np

from tinygrad_ed.checking.crosscheck import CrossCheck, Row, crosscheck
from tinygrad_ed.draw import style
from tinygrad_ed.draw.equations import brief, brief_term, letter_of, math, rule_of, words
from tinygrad_ed.draw.parts import numbers_of
from tinygrad_ed.draw.picture import Picture, of_scene, page, sheet
from tinygrad_ed.draw.scene import Box, Group, Item, Line, Scene, Text, rewritten, to_svg
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.notation.formula import Formula
from tinygrad_ed.notation.letters import formula, given, named, number
from tinygrad_ed.notation.quantity import Quantity
from tinygrad_ed.notation.writing import Writing

_W, _H, _ROW, _TOP, _LEFT = 184.0, 50.0, 68.0, 150.0, 14.0
_COLUMNS = ((0.0, "forward ↓", "alpha"), (194.0, "backward ↑", "B"), (388.0, "gradients →", "B"))
_SIDE = 596.0  # from one ladder to the other
Rules = Mapping[str, Callable[..., Any]]


def compare(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    rules: Rules | None = None,
    *,
    numbers: bool | str | Mapping[str, Any] = True,
    digits: int | None = None,
    layout: str = "rows",
    title: str | None = None,
    engine: str | None = None,
    notation: Notation = "lecture",
) -> Picture:
    """Draw the graph's numbers beside those of the rules, with the table of the cross-check.

    Args:
        mlp: the network.
        x: inputs, `(M, n_0)` or `(n_0,)`.
        rho: expected outputs, `(M, n_L)` or `(n_L,)`.
        cost: the name of the cost.
        rules: a reader's own version of some of the rules, judged against the graph.
        numbers: a reader's own numbers by name, as `crosscheck` takes them, which get a ladder of their own; or False
            for letters alone, "blank" for boxes to fill in, as in `network`.
        digits: significant digits of every number, 3 where left out; a reader's own are then judged on all.
        layout: "rows" if a sample is a row of them, "columns" if it is a column.
        title: a line above the picture.
        engine: for png and pdf, the path of a `dot` program, or "pygraphviz" (see `doctor`).
        notation: the letters, as in `network`.

    Returns:
        a picture; the table and all that was found are in html, the drawing in every format.

    Raises:
        as `crosscheck`.
    """
    own = numbers if isinstance(numbers, Mapping) else None
    write = written_in(notation, len(mlp.layers), True if own is not None else numbers, 3 if digits is None else digits)
    checked = crosscheck(mlp, x, rho, cost, ("graph", "rules"), rules, own, digits, layout)
    roads = {"graph": "the graph: one sweep from E"}
    if rules or own is None:
        roads["rules"] = "your rules, beside the lecture's" if rules else "the lecture: closed-form rules"
    if own is not None:
        roads["yours"] = "your numbers"
    name = title or f"{'Two' if len(roads) == 2 else 'Three'} roads through a {'-'.join(map(str, mlp.sizes))} network"

    def drawn(write: Writing) -> Picture:
        view = _Compared(checked, roads, rules or {}, len(mlp.layers), cost, write)
        scene = view.scene(name)
        return of_scene(name, lambda: scene, engine, frame=900, html=lambda: view.page(scene))

    return sheet(drawn, write)


class _Compared:
    """A cross-check with what its pictures need to know."""

    def __init__(
        self, checked: CrossCheck, roads: dict[str, str], rules: Rules, L: int, cost: str, write: Writing
    ) -> None:
        self.checked, self.roads, self.rules, self.L, self.cost, self.write = checked, roads, rules, L, cost, write
        self.rows = {row.quantity: row for row in checked.rows}
        self.first = checked.first_divergence.quantity if checked.first_divergence else None
        self.guilty = {self.first, *[q for found in checked.diagnosis for q in found.quantities]}

    def kind(self, row: Row, road: str = "") -> str:
        """Tell how a quantity stands on a road (or on any): right, wrong, or it inherits what was wrong before it."""
        yours = "right" if road == "rules" else row.verdict or "right"
        differs = road != "yours" and road != "graph" and self._apart(row)
        ruled = "right" if not differs else "wrong" if row.quantity in self.guilty else "inherits"
        kinds = {yours if road != "graph" else "right", ruled}
        return next(kind for kind in ("wrong", "inherits", "right") if kind in kinds)

    def _apart(self, row: Row) -> bool:
        """Tell whether graph and rules differ, whatever is said of the reader's numbers."""
        if "yours" not in row.odd:
            return not row.agree
        return not np.allclose(row.values["graph"], row.values["rules"], rtol=1e-9, atol=1e-12)

    def verdict(self) -> str:
        """Return one sentence: do the roads agree, and if not, where do they part?"""
        if self.first is None:
            both, but = "Both" if len(self.roads) == 2 else "All", " on these data, but not on others"
            return f"{both} roads agree in all {len(self.rows)} quantities{but if self.checked.diagnosis else ''}."
        kinds = [self.kind(row) for row in self.rows.values()]
        more = f", {kinds.count('inherits')} only inherit it" if "inherits" in kinds else ""
        wrong = (
            f"{kinds.count('wrong')} of {len(kinds)} quantities {'is' if kinds.count('wrong') == 1 else 'are'} wrong"
        )
        return f"The roads part at {self.write(named(self.first))}: {wrong}{more}."

    def said(self, row: Row, road: str) -> Formula:
        """Return what stands over a number: the derivative of E that it is, the rule that gave it, or its letter."""
        kind, j, _ = Quantity.of(row.quantity)
        letter = letter_of(row.quantity)
        if road == "rules":
            own = {"B": "B_last" if j == self.L else "B_hidden", "P": "" if j > self.L else "P"}.get(kind, kind)
            if own not in self.rules:
                return rule_of(row.quantity, self.L) or letter
            called = getattr(self.rules[own], "__name__", "")
            return formula(
                "$q = $r", q=letter, r=words(f"{style.short(called, 8)}(…)" if called.isidentifier() else "your rule")
            )
        of = {"B": f"zeta[{j}]", "P": f"alpha[{j - 1}]"}.get(kind)
        return formula("$q = {∂E}/{∂$x}", q=letter, x=named(of)) if of and road == "graph" else letter

    def missing(self, row: Row, road: str, most: int) -> str:
        """Return why there is no number; nothing if there is one."""
        got = row.values.get(road)
        if got is None:
            return "not given"
        shapes = re.search(r"returned shape (\(.*?\)); expected was (\(.*?\))", row.problem or "")
        if road != "graph" and row.problem:
            return f"shape {shapes[1]}, not {shapes[2]}" if shapes else style.short(row.problem, most)
        if road != "graph" and self.kind(row, road) == "inherits" and np.all(np.isnan(got)):
            return "nothing to compute it from"
        return ""

    def scene(self, title: str) -> Scene:
        """Place the ladders."""
        L = self.L
        places: dict[str, tuple[int, int]] = {"cost": (0, 2 * L + 1)}
        for j in range(L + 1):
            places |= {f"alpha[{j}]": (0, 2 * j), f"P[{j + 1}]": (1, 2 * j)}
        for j in range(1, L + 1):
            places |= {f"zeta[{j}]": (0, 2 * j - 1), f"B[{j}]": (1, 2 * j - 1)}
            places |= {f"grad_omega[{j}]": (2, 2 * j - 1), f"grad_beta[{j}]": (2, 2 * j)}
        items: list[Item] = [Text(_LEFT, 40, words(title), 20, anchor="start", bold=True)]
        key = " ✗: wrong; ↳: right by itself, but it inherits a mistake." if self.first else ""
        caption = f"cost: {self.cost}; a sample is a row. {self.verdict()}{key}"
        items.append(Text(_LEFT, 62, words(caption), 14, style.QUIET, "start"))
        told = [self.write.outside_code(found.told("what")) for found in self.checked.diagnosis[:1]]
        items += [Text(_LEFT, 82, words(style.short(text, 150)), 14, style.WRONG, "start", bold=True) for text in told]
        for side, (road, heading) in enumerate(self.roads.items()):
            left, color = _LEFT + side * _SIDE, style.YOURS if "your" in heading else style.COLORS["rho"]
            items.append(Text(left, _TOP - 42, words(self.write.text(heading)), 15, color, anchor="start", bold=True))
            items += [
                Text(left + at + _W / 2, _TOP - 20, words(text), 14, style.COLORS[key]) for at, text, key in _COLUMNS
            ]

            def center(quantity: str, left: float = left) -> tuple[float, float]:
                column, row = places[quantity]
                return left + _COLUMNS[column][0] + _W / 2, _TOP + row * _ROW + _H / 2

            items += _rails(center, L, self.rows)
            items += [self.box(self.rows[q], road, *center(q)) for q in places if q in self.rows]
        height = _TOP + (2 * L + 2) * _ROW + 10
        width = _LEFT * 2 + _SIDE * (len(self.roads) - 1) + _COLUMNS[2][0] + _W
        return Scene(width, height, title, self.verdict(), rewritten(items, self.write))

    def box(self, row: Row, road: str, x: float, y: float) -> Item:
        """Return a quantity on one road; with a cross where it is wrong, and a dashed border where it inherits it."""
        key, kind = Quantity.of(row.quantity).kind, self.kind(row, road)
        fill = style.FORWARD_FILL if key in ("alpha", "zeta") else style.PAPER if key == "cost" else style.BACKWARD_FILL
        wrong, missing = kind == "wrong", road not in row.values
        stroke = style.WRONG if kind != "right" else style.YOURS if road == "yours" and not missing else style.LINE
        width = 3 if wrong else 1.6 if kind == "inherits" else 1.2
        color = style.YOURS if road == "yours" and not missing else style.COLORS["rho"]
        left = x - _W / 2 + 8
        why = self.missing(row, road, 24)
        value = words(why) if why else brief_term(numbers_of(row.values[road]), 24)
        value = given(value) if row.quantity == "alpha[0]" else value
        items: list[Item] = [
            Box(x, y, _W, _H, style.WRONG_FILL if wrong else fill, stroke, width, 9, kind == "inherits" or missing),
            Text(
                left,
                y - 4,
                self.said(row, road),
                13.5,
                style.COLORS[key.removeprefix("grad_")],
                "start",
                bold=True,
            ),
            Text(left, y + 15, value, 14, color, "start"),
        ]
        if kind != "right":
            mark = "↳" if kind == "inherits" else "✗ first" if row.quantity == self.first else "✗"
            items.append(Text(x + _W / 2 - 8, y - 4, words(mark), 14, style.WRONG, "end", bold=wrong))
        tip = f"{row.quantity} on the road {road}: {kind}"
        return Group(items, cls="quantity", extra={"data-quantity": row.quantity}, tip=tip)

    def page(self, scene: Scene) -> bytes:
        """Return the drawing over what was found, and the table."""
        lines = []
        for row in self.rows.values():
            kind, first = self.kind(row), row.quantity == self.first
            says = {"right": "✓ agree", "inherits": "inherits", "wrong": "✗ first divergence" if first else "✗ wrong"}
            told = [
                self.missing(row, road, 60) or brief(numbers_of(row.values[road]), 60, self.write)
                for road in self.roads
            ]
            values = "".join(f"<td>{style.escape(text)}</td>" for text in told)
            difference = self.write(number(float(row.difference))).unicode if np.isfinite(row.difference) else "–"
            lines.append(
                f'<tr class="{kind}{" first" if first else ""}" data-quantity="{row.quantity}" tabindex="0">'
                f'<th scope="row">{math(self.write(letter_of(row.quantity)))} <code>{row.quantity}</code></th>{values}'
                f"<td>{difference}</td><td>{says[kind]}</td></tr>"
            )
        heads = ["quantity", *[{"rules": "your rules"}.get(r, r) if self.rules else r for r in self.roads]]
        heads += ["largest difference", "verdict"]
        said = [found.told("what") for found in self.checked.diagnosis] + [f"Note: {t}" for t in self.checked.notes]
        parts = {
            "$DRAWING": to_svg(scene, inline=True),
            "$VERDICT": style.escape(self.verdict()),
            "$FOUND": "".join(f"<li>{style.escape(self.write.outside_code(text))}</li>" for text in said),
            "$HEADS": "".join(f'<th scope="col">{head}</th>' for head in heads),
            "$ROWS": "\n".join(lines),
        }
        return page(scene.title, "compare", parts, "compare")


def _rails(center: Callable[[str], tuple[float, float]], L: int, rows: Container[str]) -> list[Item]:
    """Return the lines between the boxes of one ladder."""
    down = [f"{name}[{j}]" for j in range(L + 1) for name in (("alpha",) if j == 0 else ("zeta", "alpha"))] + ["cost"]
    up = [f"P[{L + 1}]", *(f"{name}[{j}]" for j in range(L, 0, -1) for name in ("B", "P"))]
    pairs = [*itertools.pairwise(down), ("cost", up[0]), *itertools.pairwise(up)]
    pairs += [(f"B[{j}]", f"grad_{name}[{j}]") for j in range(1, L + 1) for name in ("omega", "beta")]
    return [Line(*center(a), *center(b), style.LINE, 1.4) for a, b in pairs if b in rows]
