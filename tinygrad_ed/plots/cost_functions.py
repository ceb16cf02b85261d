"""A cost of the lecture and its derivative, over the answer of one neuron, with the kinks marked."""

from itertools import pairwise

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import InvalidValue, real_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import chosen, written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.plots.style import INK, QUIET, SERIES, Axes, axes, dressed, marks, series


def cost_function(
    cost: str, ax: "Axes | None" = None, *, y: float | None = None, reach: float = 3.0, notation: Notation = "lecture"
) -> "Axes":
    """Draw the individual cost C and its derivative over the answer αᴸ of one neuron, and mark the kinks.

    Where the derivative jumps, open circles show its limits from both sides and a full one the value that is used
    there. For cross_entropy the answers of two neurons are 0 and αᴸ, and the second class is expected.

    Args:
        cost: the name of a cost, see `nn.costs`.
        ax: where to draw; a new figure by default.
        y: the expected answer ρ; by default 0, and +1 for the costs of labels.
        reach: how far to go to both sides of it.
        notation: the letters: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict such as `{"B": "δ"}`.

    Returns:
        The axes.

    Raises:
        InvalidValue: for an unknown cost, or a y that is no label where one is needed.
        MissingExtra: without matplotlib.

    >>> ax = cost_function("margin", y=-1)
    >>> ax.get_title(loc="left"), ax.get_legend_handles_labels()[1]
    ('margin, expected ρ = −1', ['cost C', 'derivative ∂C/∂αᴸ', 'kink (derivative used: 0)'])
    """
    chosen("cost", cost, COSTS)
    write = written_in(notation)
    y = _expected(cost, y)
    row = COSTS[cost]
    kinks = [y + off for off in sorted((*row.kinks, *row.bends))]
    pieces = [y - reach, *kinks, y + reach]
    ax = axes(ax)
    answers = np.linspace(y - reach, y + reach, 601)
    ax.plot(answers, _of(cost, y, answers)[0], label="cost C", **series(0))
    # The derivative piece by piece, with NaN between: no line may lead over a jump.
    parts = [np.append(np.linspace(left, right, 301)[1:-1], np.nan) for left, right in pairwise(pieces)]
    slopes = [np.append(_of(cost, y, part[:-1])[1], np.nan) for part in parts]
    ax.plot(np.concatenate(parts), np.concatenate(slopes), label=write.text("derivative ∂C/∂αᴸ"), **series(1))
    for k, kink in enumerate(kinks):
        _mark(ax, cost, y, kink, first=k == 0)
    ax.axvline(y, color=QUIET, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    ax.axhline(0.0, color=QUIET, linewidth=0.8, zorder=0)
    signed = "0" if y == 0 else f"{y:+g}".replace("-", "−")
    expected = "the second class expected" if row.expects == "shares" else f"expected ρ = {signed}"
    return dressed(ax, f"{cost}, {expected}", "answer αᴸ", "C and ∂C/∂αᴸ", legend=True, write=write)


def _expected(cost: str, y: float | None) -> float:
    row = COSTS[cost]
    if y is None:
        return 1.0 if row.classes else 0.0
    found = real_number("y", y, "the expected answer, a number")
    if row.expects == "bits" and found not in (0, 1):
        raise InvalidValue(f"y must be a label, 0 or 1, for the cost {cost!r}, not {y!r}")
    if abs(found) != 1 and row.classes and row.expects not in ("bits", "shares"):
        raise InvalidValue(f"y must be a label, -1 or +1, for the cost {cost!r}, not {y!r}")
    if found != 1 and row.expects == "shares":
        raise InvalidValue(f"of {cost} the second class is drawn, y = 1, not {y!r}")
    return found


def _of(cost: str, y: float, answers: Array) -> tuple[Array, Array]:
    """Return C and ∂C/∂αᴸ at each answer."""
    classes = 2 if COSTS[cost].expects == "shares" else 1
    output, rho = np.zeros((2, len(answers), classes))
    output[:, -1], rho[:, -1] = answers, y
    return COSTS[cost].C(output, rho), COSTS[cost].grad_C(output, rho)[:, -1]


def _mark(ax: "Axes", cost: str, y: float, kink: float, first: bool) -> None:
    """Draw a diamond on C; on the derivative mark what is used there, and both limits if it jumps."""
    C, used = _of(cost, y, np.array([kink]))
    limits = _of(cost, y, np.array([kink - 1e-9, kink + 1e-9]))[1]
    jumps = abs(limits[1] - limits[0]) > 1e-6
    said = f"kink (derivative used: {used[0]:.0f})" if jumps else "kink of the derivative"
    ax.plot(
        [kink], C, label=said if first else "_kink", **marks(INK, "D", 10, markerfacecolor="none", markeredgewidth=1.4)
    )
    if jumps:
        ax.plot([kink, kink], limits, label="_limits", **marks(SERIES[1], "o", 6, markerfacecolor="white"))
    ax.plot([kink], used, label="_used", **marks(SERIES[1], "o", 5))
