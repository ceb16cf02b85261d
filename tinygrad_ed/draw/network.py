"""The network view: neurons in columns as on the slides, with the lecture's letters at their places.

A neuron is a disc in four quarters. The upper half is the way forward: ζ, the net input, and α, what Φ makes of
it. The lower half is the way back, each letter under the one whose derivative it is: P is ∂E/∂α, what arrives, and
B is ∂E/∂ζ, what Φ' leaves of it. A weight stands on its connection, over its gradient. So the rule of the weights,
∂E/∂ω = α · B, can be read off every connection: α where it starts, B where it ends.
"""

import itertools
from collections.abc import Collection
from typing import Any

import numpy as np

from tinygrad_ed.checking.crosscheck import ledger
from tinygrad_ed.draw.equations import words
from tinygrad_ed.draw.lecture import letter_of
from tinygrad_ed.draw.picture import Picture, of_scene
from tinygrad_ed.draw.scene import Box, Circle, Group, Item, Line, Scene, Text
from tinygrad_ed.draw.style import BACKWARD_FILL, COLORS, FORWARD_FILL, GRADIENT, LINE, PAPER, QUIET, number_text
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.mlp import batch_of
from tinygrad_ed.notation.formula import Formula
from tinygrad_ed.notation.letters import factor, formula, letter
from tinygrad_ed.notation.quantity import Quantity

LABELS = 25  # connections between two columns; of more, the numbers are in tooltips
MOST = 8  # neurons in a column; of a wider layer the first three and the last two are drawn
_R = 59.0  # radius of a neuron
_ROW = 188.0  # from one neuron to the next
_TOP, _LEFT = 150.0, 40.0


def network(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    *,
    sample: int = 0,
    title: str | None = None,
    engine: str | None = None,
) -> Picture:
    """Draw a network with all values and gradients of one sample, in the lecture's letters.

    Args:
        mlp: the network.
        x: inputs, `(M, n_0)` or `(n_0,)`.
        rho: expected outputs, `(M, n_L)` or `(n_L,)`.
        cost: the name of the cost.
        sample: which sample of the batch is shown, from 0; gradients are those of the mean over the batch.
        title: a line above the picture.
        engine: for png and pdf, the path of a `dot` program, or "pygraphviz" (see `doctor`).

    Returns:
        a picture; svg, html and dot need no layout engine.

    Raises:
        InvalidValue: for a sample that is not in the batch, and as `ledger`.
        ShapeError: as `ledger`.
    """
    found = ledger(mlp, x, rho, cost, road="rules")
    scene = layout(mlp, found, batch_of(mlp, x, rho, cost)[1], cost, sample, title)
    return of_scene(scene.title, lambda: scene, engine)


def layout(mlp: MLP, found: Any, rho: Any, cost: str, sample: int, title: str | None) -> Scene:
    """Place everything; `found` is a ledger."""
    M = len(found["alpha[0]"])
    if not -M <= sample < M:
        raise InvalidValue(f"sample={sample} is not in this batch of {M}: give a number from 0 to {M - 1}")
    columns = [shown(n) for n in mlp.sizes]
    heights = [_ROW * len(rows) for rows in columns]
    middle = _TOP + max(heights) / 2
    xs = [_LEFT + _R + 20]
    for before, after in itertools.pairwise(columns):
        slots = _slots(before, after)
        xs.append(xs[-1] + 2 * _R + (max(180.0, 86.0 * slots + 30.0) if slots else 340.0))
    ys = [
        {k: middle - h / 2 + _ROW * (row + 0.42) for row, k in enumerate(rows)}
        for h, rows in zip(heights, columns, strict=True)
    ]
    right, items = _cost(found, rho, cost, xs[-1], ys[-1], middle - 0.08 * _ROW, sample % M)
    for j in range(1, len(columns)):
        items += _connections(mlp, found, j, xs, ys)
    for j in range(len(columns)):
        items += _heading(mlp, j, xs)
        items += _column(mlp, found, rho, j, xs[j], ys[j], sample)
    name = title or f"a {'-'.join(map(str, mlp.sizes))} network"
    which = (
        f"sample {sample % M + 1} of {M}; B, P and ∂ are derivatives of E, the mean of all ε" if M > 1 else "one sample"
    )
    items.append(Text(_LEFT, 44, words(title or f"A{name[1:]}"), 20, anchor="start", bold=True))
    items.append(Text(_LEFT, 68, words(f"cost: {cost}; {which}"), 13, QUIET, "start"))
    bottom = _TOP + max(heights) + 6
    dense = not all(_slots(*pair) for pair in itertools.pairwise(columns))
    items += _legend(bottom, dense, M, _example(found, columns[1]) if M == 1 else None)
    described = f"cost {number_text(found['cost'])}; layers of {', '.join(map(str, mlp.sizes))} neurons"
    return Scene(max(right, 860), bottom + (142 if M == 1 else 118), name, described, items)


def shown(n: int) -> list[int | None]:
    """Tell which of n neurons are drawn, from 0; None stands for those left out."""
    return list(range(n)) if n <= MOST else [0, 1, 2, None, n - 2, n - 1]


def _slots(before: Collection[int | None], after: Collection[int | None]) -> int:
    """Return how many columns the labels between two layers are sorted into; 0 where there would be too many labels."""
    n, m = (len([k for k in rows if k is not None]) for rows in (before, after))
    return min(n, m) if n * m <= LABELS else 0


def _connections(mlp: MLP, found: Any, j: int, xs: list[float], ys: list[dict[int | None, float]]) -> list[Item]:
    """Draw the lines from layer j-1 to layer j, each with its weight over its gradient; labels lie above lines."""
    weights, gradients = mlp.layers[j - 1].weights.value, found[f"grad_omega[{j}]"]
    above = [i for i in ys[j - 1] if i is not None]
    largest = float(np.max(np.abs(weights))) or 1.0
    slots = _slots(ys[j - 1], ys[j])
    lines: list[Item] = []
    labels: list[Item] = []
    for row, i in enumerate(above):
        for column, k in enumerate(k for k in ys[j] if k is not None):
            slot = row if len(above) == slots else column  # so labels in one slot belong to lines that are apart
            w, g = float(weights[i, k]), float(gradients[i, k])
            x1, y1, x2, y2 = xs[j - 1], ys[j - 1][i], xs[j], ys[j][k]
            t = (_R + (x2 - x1 - 2 * _R) * (slot + 0.5) / max(slots, 1)) / (x2 - x1)
            x, y = x1 + t * (x2 - x1), y1 + t * (y2 - y1)
            name = letter("omega_k", j, f"{i + 1},{k + 1}")
            said = formula("$n = $w", n=name, w=w) if slots <= 3 else words(number_text(w))
            first = Text(x, y - 2, said, 11.5, COLORS["omega_k"])
            second = Text(x, y + 11.5, words(f"∂ {number_text(g)}"), 11.5, GRADIENT)
            ends = f"from neuron {i + 1} of layer {j - 1} to neuron {k + 1} of layer {j}"
            tip = f"weight {ends}: {number_text(w)}, gradient {number_text(g)}"
            lines.append(Group([Line(x1, y1, x2, y2, LINE, 0.8 + 2.6 * abs(w) / largest, dashed=w < 0)], tip=tip))
            if slots:
                width = max(first.length, second.length) + 2
                labels.append(Group([Box(x, y + 0.5, width, 30, PAPER, radius=5), first, second], tip=tip))
    return lines + labels


def _heading(mlp: MLP, j: int, xs: list[float]) -> list[Item]:
    """Return what stands above a column: the layer and its Φ, and before it the shapes of its parameters."""
    y = _TOP - 34
    head = Text(xs[j], y, words(f"layer {j}" if j else "input"), 14, bold=True)
    if j == 0:
        return [head, Text(xs[0], y + 17, letter("alpha", 0), 13, COLORS["alpha"])]
    layer, middle = mlp.layers[j - 1], (xs[j - 1] + xs[j]) / 2
    shape = formula(f'Ω^$j "  {layer.n_in} × {layer.n_out}"', j=j)
    return [
        head,
        Text(xs[j], y + 17, words(f"Φ = {layer.activation}"), 13, QUIET),
        Text(middle, y + 17, shape, 13, COLORS["omega"]),
    ]


def _column(mlp: MLP, found: Any, rho: Any, j: int, x: float, ys: dict[int | None, float], sample: int) -> list[Item]:
    items: list[Item] = []
    for k, y in ys.items():
        if k is None:
            hidden = mlp.sizes[j] - len(ys) + 1
            items += [Text(x, y - 8, words("⋮"), 30, QUIET), Text(x, y + 18, words(f"{hidden} more"), 13, QUIET)]
            continue
        quarters = [(1, -1, letter("alpha", j, k + 1), found[f"alpha[{j}]"][sample, k], "alpha")]
        if f"P[{j + 1}]" in found:
            quarters.append((1, 1, letter("P", j + 1, k + 1), found[f"P[{j + 1}]"][sample, k], "P"))
        below: list[Item] = []
        if j:
            quarters.append((-1, -1, letter("zeta", j, k + 1), found[f"zeta[{j}]"][sample, k], "zeta"))
            quarters.append((-1, 1, letter("B", j, k + 1), found[f"B[{j}]"][sample, k], "B"))
        if j and mlp.layers[j - 1].bias is not None:
            bias, gradient = float(mlp.layers[j - 1].bias.value[k]), float(found[f"grad_beta[{j}]"][k])
            below.append(Box(x, y + _R + 19, 62, 29, PAPER, radius=5))
            said = formula("$b = $x", b=letter("beta", j, k + 1), x=bias)
            below.append(Text(x, y + _R + 16, said, 12, COLORS["beta"]))
            below.append(Text(x, y + _R + 31, words(f"∂ {number_text(gradient)}"), 11.5, GRADIENT))
        if j == len(mlp.layers):
            expected = formula("ρ_$k = $x", k=k + 1, x=float(rho[sample, k]))
            low = y > sum(ys.values()) / len(ys)  # on the side that the line to the cost leaves free
            at = y + (_R - 2 if low else 8 - _R)
            below.append(Box(x + _R + 21, at - 4, 46, 17, PAPER, radius=5))
            below.append(Text(x + _R - 2, at, expected, 12, COLORS["rho"], "start"))
        items.append(Group([*_neuron(x, y, quarters, bool(j)), *below], tip=f"neuron {k + 1} of layer {j}"))
    return items


def _neuron(x: float, y: float, quarters: list[tuple[int, int, Any, float, str]], split: bool) -> list[Item]:
    """Return a disc whose quarters hold a letter and its number; the input has two halves only."""
    items: list[Item] = [Circle(x, y, _R, FORWARD_FILL, QUIET, 1.4, BACKWARD_FILL), Box(x, y, 2 * _R - 2, 1, LINE)]
    if split:
        items.append(Box(x, y, 1, 2 * _R - 2, LINE))
    for side, half, name, value, key in quarters:
        at = x + (side * 0.46 * _R if split else 0)
        text = number_text(float(value))
        size = 12.5 if len(text) <= 6 else 11.5 if len(text) <= 7 else 9.5
        items.append(Text(at, y + (-27 if half < 0 else 37), name, 13, COLORS[key], bold=True))
        items.append(Text(at, y + (-9 if half < 0 else 18), words(text), size))
    return items


def _cost(
    found: Any, rho: Any, cost: str, x: float, ys: dict[int | None, float], middle: float, sample: int
) -> tuple[float, list[Item]]:
    """Return the error at the right end, the lines that lead to it, and under it those of the samples."""
    at, r = x + _R + 150, 42.0
    items: list[Item] = [Line(x, y, at, middle, LINE, 1.2) for k, y in ys.items() if k is not None]
    items += [
        Circle(at, middle, r, PAPER, COLORS["cost"], 2),
        Text(at, middle - 6, letter_of("cost"), 17, COLORS["cost"], bold=True),
        Text(at, middle + 14, words(number_text(found["cost"])), 13),
        Text(at, _TOP - 34, words("cost"), 14, bold=True),
        Text(at, _TOP - 17, words(f"C = {cost}"), 13, QUIET),
    ]
    answers = found[f"alpha[{max(Quantity.of(name).layer for name in found if name.startswith('alpha'))}]"]
    for row, i in enumerate(shown(len(rho)) if len(rho) > 1 else []):
        said, own = formula("⋮"), i == sample
        if i is not None:  # of each sample its own error, of which E is the mean
            said = formula("$e_{($i)} = $x", e=letter("cost"), i=i + 1, x=costs.find(cost)(answers[i], rho[i]))
        items.append(Text(at, middle + r + 22 + 17 * row, said, 12.5, COLORS["cost"], bold=own))
    return at + r + 40, items


def _legend(y: float, dense: bool, M: int, example: Formula | None) -> list[Item]:
    """Tell how to read it, as rules, and for one sample with the numbers of one connection."""
    where = "; point at one without numbers to see its own" if dense else ""
    many, also = (", summed over the samples", "(summed, too)") if M > 1 else ("", "")
    forward = 'ζ^j = [Ω^j]^T α^{j-1} + β^j "  and  " α^j = Φ(ζ^j) "  from left to right"'
    arrives = 'P^{j+1} = {∂E}/{∂α^j} "arrives;  " B^j = {∂E}/{∂ζ^j} = Φ\'(ζ^j) ⊙ P^{j+1}; '
    product = (
        f'{{∂E}}/{{∂ω}} = α · B "(the α where it starts times the B where it ends{many})";  {{∂E}}/{{∂β}} = B "{also}"'
    )
    lines = [
        (FORWARD_FILL, "forward", formula(forward)),
        (BACKWARD_FILL, "backward", formula(arrives + 'P^j = Ω^j B^j "goes on to the left"')),
        (PAPER, "connection", formula(product)),
        *([(PAPER, "for example", example)] if example else []),
        (PAPER, "line", words(f"the thicker, the larger is |ω|; dashed where ω is negative{where}")),
    ]
    items: list[Item] = []
    for row, (fill, head, said) in enumerate(lines):
        at = y + 12 + 24 * row
        items.append(Box(_LEFT + 44, at, 88, 20, fill, LINE, 1, 5))
        items.append(Text(_LEFT + 44, at + 4.5, words(head), 12))
        items.append(Text(_LEFT + 100, at + 4.5, said, 12.5, anchor="start"))
    return items


def _example(found: Any, rows: Collection[int | None]) -> Formula | None:
    """Return the gradient of one weight of the first layer, as a product of the two numbers at its ends."""
    k = max([k for k in rows if k is not None], key=lambda k: abs(float(found["B[1]"][0, k])))
    a, b = float(found["alpha[0]"][0, 0]), float(found["B[1]"][0, k])
    return formula("{∂E}/{∂ω^1_{1,$k}} = α^0_1 · B^1_$k = $x · $y = $g", k=k + 1, x=factor(a), y=factor(b), g=a * b)
