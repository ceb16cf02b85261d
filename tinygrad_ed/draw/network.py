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
from tinygrad_ed.draw.equations import letter_of, words
from tinygrad_ed.draw.picture import Picture, of_scene, sheet
from tinygrad_ed.draw.scene import Box, Circle, Group, Item, Line, Scene, Text, rewritten
from tinygrad_ed.draw.style import BACKWARD_FILL, COLORS, FORWARD_FILL, GRADIENT, LINE, PAPER, QUIET, number_text
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.batch import batch_of
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.notation.formula import Formula
from tinygrad_ed.notation.letters import factor, formula, given, letter, number
from tinygrad_ed.notation.writing import Writing

LABELS = 25  # connections between two columns; of more, the numbers are in tooltips
MOST = 8  # neurons in a column; of a wider layer the first three and the last two are drawn
_R = 72.0  # radius of a neuron
_ROW = 212.0  # from one neuron to the next
_LEGEND, _LEFT = 88.0, 28.0
_TEXT = 14.0


def network(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    *,
    sample: int = 0,
    title: str | None = None,
    engine: str | None = None,
    notation: Notation = "lecture",
    numbers: bool | str = True,
    digits: int = 3,
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
        notation: the letters: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict such as `{"B": "δ"}`.
        numbers: False for letters alone, "blank" for boxes to fill in: what is given stays, the page as html has the
            answers on a second page, and so has `.answers`, for the other formats.
        digits: significant digits of every number.

    Returns:
        a picture; svg, html and dot need no layout engine.

    Raises:
        InvalidValue: for a sample that is not in the batch, an unknown notation or letter, and as `ledger`.
        ShapeError: as `ledger`.
    """
    found = ledger(mlp, x, rho, cost, road="rules")
    rho = batch_of(mlp, x, rho, cost)[1]

    def drawn(write: Writing) -> Picture:
        scene = layout(mlp, found, rho, cost, sample, title, write)
        return of_scene(scene.title, lambda: scene, engine)

    return sheet(drawn, written_in(notation, len(mlp.layers), numbers, digits))


def layout(mlp: MLP, found: Any, rho: Any, cost: str, sample: int, title: str | None, write: Writing) -> Scene:
    """Place everything; `found` is a ledger."""
    M = len(found["alpha[0]"])
    if not -M <= sample < M:
        raise InvalidValue(f"sample={sample} is not in this batch of {M}: give a number from 0 to {M - 1}")
    columns = [shown(n) for n in mlp.sizes]
    dense = not all(_slots(*pair) for pair in itertools.pairwise(columns))
    legend = _legend(dense, M, _example(found, columns[1]) if M == 1 and write.numbers is True else None)
    top = _LEGEND + 13 * len(legend) + 56  # of the neurons
    heights = [_ROW * len(rows) for rows in columns]
    middle = top + max(heights) / 2
    xs = [_LEFT + _R]
    for before, after in itertools.pairwise(columns):
        slots = _slots(before, after)
        xs.append(xs[-1] + 2 * _R + ((118.0 if slots <= 3 else 82.0) * slots + 16.0 if slots else 340.0))
    ys = [
        {k: middle - h / 2 + _ROW * (row + 0.42) for row, k in enumerate(rows)}
        for h, rows in zip(heights, columns, strict=True)
    ]
    right, items = _cost(mlp, found, rho, cost, sample % M, xs[-1], ys[-1], middle - 0.08 * _ROW)
    items += [*_heading(xs[-1] + _R + 110, top, "cost", words(f"C = {cost}"), QUIET), *legend]
    for j in range(1, len(columns)):
        layer = mlp.layers[j - 1]
        items += _connections(layer.weights.value, found[f"grad_omega[{j}]"], j, xs, ys, write)
        shape = formula(f'Ω^$j "  {layer.n_in} × {layer.n_out}"', j=j)
        items.append(Text((xs[j - 1] + xs[j]) / 2, top - 17, shape, _TEXT, COLORS["omega"]))
        items += _heading(xs[j], top, f"layer {j}", words(f"Φ = {layer.activation}"), QUIET)
    items += _heading(xs[0], top, "input", letter("alpha", 0), COLORS["alpha"])
    for j in range(len(columns)):
        items += _column(mlp, found, rho, j, xs[j], ys[j], sample, write)
    name = title or f"a {'-'.join(map(str, mlp.sizes))} network"
    which = f'"cost: {cost}; one sample"'
    if M > 1:
        which = f'"cost: {cost}; sample {sample % M + 1} of {M};" B "and" P "and ∂ are derivatives of'
        which += '" E "= the mean of all" ε_{(i)}'
    items.append(Text(_LEFT, 40, words(title or f"A{name[1:]}"), 22, anchor="start", bold=True))
    items.append(Text(_LEFT, 64, formula(which), _TEXT, QUIET, "start"))
    size, described = (max(right, 1040), top + max(heights) + 10), _described(mlp, found, sample, write)
    return Scene(*size, name, described, rewritten(items, write))


def shown(n: int) -> list[int | None]:
    """Tell which of n neurons are drawn, from 0; None stands for those left out."""
    return list(range(n)) if n <= MOST else [0, 1, 2, None, n - 2, n - 1]


def _described(mlp: MLP, found: Any, sample: int, write: Writing) -> str:
    """Return all numbers in words, for those who do not see them; of a large network those that are drawn."""
    layers = f"layers of {', '.join(map(str, mlp.sizes))} neurons."
    if write.numbers is not True:
        return layers
    told = [f"cost {write(number(found['cost']))}; {layers}"]
    for j, n in enumerate(mlp.sizes):
        letters = {"α": f"alpha[{j}]", "ζ": f"zeta[{j}]", "B": f"B[{j}]", "P": f"P[{j + 1}]"}
        for k in [k for k in shown(n) if k is not None]:
            numbers = [
                f"{write.text(sign)} {write(number(float(found[key][sample, k])))}"
                for sign, key in letters.items()
                if key in found
            ]
            told.append(f"Neuron {k + 1} of layer {j}: {', '.join(numbers)}.")
    return " ".join(told)


def _slots(before: Collection[int | None], after: Collection[int | None]) -> int:
    """Return how many columns the labels between two layers are sorted into; 0 where there would be too many labels."""
    n, m = (len([k for k in rows if k is not None]) for rows in (before, after))
    return min(n, m) if n * m <= LABELS else 0


def _connections(
    weights: Any, gradients: Any, j: int, xs: list[float], ys: list[dict[int | None, float]], write: Writing
) -> list[Item]:
    """Draw the lines from layer j-1 to layer j, each with its weight over its gradient; labels lie above lines."""
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
            said = formula("$n = $w" if slots <= 3 and write.digits < 4 else "$w", n=name, w=given(w))
            slope = formula("{∂E}/{∂$n}" if write.bare else '"∂" $g', n=name, g=g)
            first = Text(x, y - 3, name if write.bare else write(said), _TEXT, COLORS["omega_k"])
            second = Text(x, y + 17, write(slope), _TEXT, GRADIENT)
            tip = f"weight from neuron {i + 1} of layer {j - 1} to neuron {k + 1} of layer {j}: "
            tip += f"{number_text(w)}, gradient {number_text(g)}"
            lines.append(Group([Line(x1, y1, x2, y2, LINE, 0.8 + 2.6 * abs(w) / largest, dashed=w < 0)], tip=tip))
            if slots:
                width = max(first.length, second.length) + 2
                labels.append(Group([Box(x, y + 2, width, 39, PAPER, radius=5), first, second], tip=tip))
    return lines + labels


def _heading(x: float, top: float, name: str, below: Formula, color: str) -> list[Item]:
    """Return what stands above a column."""
    return [Text(x, top - 36, words(name), 15, bold=True), Text(x, top - 17, below, _TEXT, color)]


def _column(
    mlp: MLP, found: Any, rho: Any, j: int, x: float, ys: dict[int | None, float], sample: int, write: Writing
) -> list[Item]:
    items: list[Item] = []
    for k, y in ys.items():
        if k is None:
            more = words(f"{mlp.sizes[j] - len(ys) + 1} more")
            items += [Text(x, y - 8, words("⋮"), 30, QUIET), Text(x, y + 18, more, _TEXT, QUIET)]
            continue
        places = {"alpha": (1, -1, j), "P": (1, 1, j + 1), "zeta": (-1, -1, j), "B": (-1, 1, j)}
        quarters = [
            (side, half, letter(key, layer, k + 1), float(found[f"{key}[{layer}]"][sample, k]), key)
            for key, (side, half, layer) in places.items()
            if f"{key}[{layer}]" in found
        ]
        below: list[Item] = []
        if j and mlp.layers[j - 1].bias is not None:
            bias, gradient = float(mlp.layers[j - 1].bias.value[k]), float(found[f"grad_beta[{j}]"][k])
            b = letter("beta", j, k + 1)
            slope = formula("{∂E}/{∂$b}" if write.bare else '"∂" $g', b=b, g=gradient)
            below.append(Box(x, y + _R + 23, 96, 38, PAPER, radius=5))
            below.append(Text(x, y + _R + 18, formula("$b = $x", b=b, x=given(bias)), _TEXT, COLORS["beta"]))
            below.append(Text(x, y + _R + 38, slope, _TEXT, GRADIENT))
        if j == len(mlp.layers):
            expected = formula("ρ_$k = $x", k=k + 1, x=given(float(rho[sample, k])))
            low = y > sum(ys.values()) / len(ys)  # on the side that the line to the cost leaves free
            at = y + (_R - 2 if low else 8 - _R)
            below.append(Box(x + _R + 24, at - 5, 52, 19, PAPER, radius=5))
            below.append(Text(x + _R - 2, at, expected, _TEXT, COLORS["rho"], "start"))
        items.append(Group([*_neuron(x, y, quarters, bool(j), write), *below], tip=f"neuron {k + 1} of layer {j}"))
    return items


def _neuron(
    x: float, y: float, quarters: list[tuple[int, int, Any, float, str]], split: bool, write: Writing
) -> list[Item]:
    """Return a disc whose quarters hold a letter and its number; the input has two halves only."""
    items: list[Item] = [Circle(x, y, _R, FORWARD_FILL, QUIET, 1.4, BACKWARD_FILL), Box(x, y, 2 * _R - 2, 1, LINE)]
    if split:
        items.append(Box(x, y, 1, 2 * _R - 2, LINE))
    for side, half, name, value, key in quarters:
        at = x + (side * 0.47 * _R if split else 0)
        what = write(number(value) if split or half > 0 else given(value))
        size = _TEXT if len(what.unicode) <= 8 else 11.0
        items.append(Text(at, y + (-34 if half < 0 else 44), name, 15, COLORS[key], bold=True))
        items.append(Text(at, y + (-11 if half < 0 else 21), what, size))
    return items


def _cost(
    mlp: MLP, found: Any, rho: Any, cost: str, sample: int, x: float, ys: dict[int | None, float], middle: float
) -> tuple[float, list[Item]]:
    """Return the error at the right end, the lines that lead to it, and under it those of the samples."""
    at, r = x + _R + 110, 46.0
    items: list[Item] = [Line(x, y, at, middle, LINE, 1.2) for k, y in ys.items() if k is not None]
    items += [
        Circle(at, middle, r, PAPER, COLORS["cost"], 2),
        Text(at, middle - 6, letter_of("cost"), 19, COLORS["cost"], bold=True),
        Text(at, middle + 16, number(found["cost"]), _TEXT),
    ]
    for row, i in enumerate(shown(len(rho)) if len(rho) > 1 else []):
        said = formula("⋮")
        if i is not None:  # of each sample its own error, of which E is the mean
            own = costs.find(cost)(found[f"alpha[{len(mlp.layers)}]"][i], rho[i])
            said = formula("$e_{($i)} = $x", e=letter("cost"), i=i + 1, x=own)
        items.append(Text(at, middle + r + 24 + 20 * row, said, _TEXT, COLORS["cost"], bold=i == sample))
    return at + r + 40, items


def _legend(dense: bool, M: int, example: Formula | None) -> list[Item]:
    """Tell how to read it, as rules, and for one sample with the numbers of one connection."""
    where = "; point at one without numbers to see its own" if dense else ""
    many, also = (", summed over the samples", "(summed, too)") if M > 1 else ("", "")
    arrives = 'P^{j+1} = {∂E}/{∂α^j} "arrives;  " B^j = {∂E}/{∂ζ^j} = Φ\'(ζ^j) ⊙ P^{j+1}; '
    product = f'{{∂E}}/{{∂ω}} = α · B "(the" α "where it starts times the" B "where it ends{many})"; '
    rows = [
        (FORWARD_FILL, "forward", formula('ζ^j = [Ω^j]^T α^{j-1} + β^j "  and  " α^j = Φ(ζ^j) "  from left to right"')),
        (BACKWARD_FILL, "backward", formula(arrives + 'P^j = Ω^j B^j "goes on to the left"')),
        (PAPER, "connection", formula(product + f'{{∂E}}/{{∂β}} = B "{also}"')),
        *([(PAPER, "for example", example)] if example else []),
        (PAPER, "line", formula(f'"the thicker, the farther is" ω "from 0; dashed where" ω "is negative{where}"')),
    ]
    items: list[Item] = []
    for row, (fill, head, said) in enumerate(rows):
        at = _LEGEND + 26 * row
        swatch: list[Item] = [
            Box(_LEFT + 48, at, 96, 22, fill, LINE, 1, 5),
            Text(_LEFT + 48, at + 5, words(head), _TEXT),
        ]
        items += [Group(swatch), Text(_LEFT + 110, at + 5, said, _TEXT, anchor="start")]
    return items


def _example(found: Any, rows: Collection[int | None]) -> Formula | None:
    """Return the gradient of one weight of the first layer, as a product of the two numbers at its ends."""
    k = max([k for k in rows if k is not None], key=lambda k: abs(float(found["B[1]"][0, k])))
    a, b = float(found["alpha[0]"][0, 0]), float(found["B[1]"][0, k])
    return formula("{∂E}/{∂ω^1_{1,$k}} = α^0_1 · B^1_$k = $x · $y = $g", k=k + 1, x=factor(a), y=factor(b), g=a * b)
