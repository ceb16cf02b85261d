"""Cost curves: how E falls over the epochs of a run, or of several."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.plots.style import Axes, axes, dressed, series


def cost_curves(runs: Any, ax: "Axes | None" = None, *, log: bool = False, notation: Notation = "lecture") -> "Axes":
    """Draw the cost over the epochs, and the cost of validation data as a thin line of the same color.

    Args:
        runs: a `History`, a list of costs (one an epoch), or several of these: a dict by name, or a list.
        ax: where to draw; a new figure by default.
        log: a logarithmic axis for the cost.
        notation: the letters: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict such as `{"B": "δ"}`.

    Returns:
        The axes.

    Raises:
        InvalidType: for what is neither a History nor a list of numbers.
        MissingExtra: without matplotlib.

    >>> ax = cost_curves({"slow": [1.0, 0.9, 0.8], "fast": [1.0, 0.4, 0.1]})
    >>> [line.get_label() for line in ax.lines], ax.lines[1].get_ydata()
    (['slow', 'fast'], array([1. , 0.4, 0.1]))
    """
    named = _named(runs)
    curves = {name: (_costs(name, run), getattr(run, "validation", [])) for name, run in named.items()}
    ax = axes(ax)
    for k, (name, (cost, validation)) in enumerate(curves.items()):
        ax.plot(np.arange(1, len(cost) + 1), cost, label=name, **series(k))
        if len(validation):
            thin = {**series(k), "linewidth": 0.9, "marker": ".", "markersize": 3}
            ax.plot(np.arange(1, len(validation) + 1), validation, label=f"{name} validation".strip(), **thin)
    if log:
        ax.set_yscale("log")
    ax.locator_params(axis="x", integer=True)
    shown = any(not str(line.get_label()).startswith("_") for line in ax.lines if line.get_label())
    return dressed(ax, "Cost of each epoch", "epoch", "cost E", legend=shown, write=written_in(notation))


def _named(runs: Any) -> dict[str, Any]:
    """Return the runs by name; a single one has the name ""."""
    if isinstance(runs, Mapping):
        return {str(name): run for name, run in runs.items()}
    several = isinstance(runs, Sequence) and not isinstance(runs, str) and len(runs) > 0
    if several and all([hasattr(run, "cost") or np.ndim(run) == 1 for run in runs]):
        return {f"run {k}": run for k, run in enumerate(runs, start=1)}
    return {"": runs}


def _costs(name: str, run: Any) -> Any:
    try:
        cost = np.asarray(getattr(run, "cost", run), dtype=float)
    except (TypeError, ValueError):
        cost = np.zeros(())
    if cost.ndim != 1:
        which = f" of {name!r}" if name else ""
        raise InvalidType(f"a cost curve{which} is a History or a list of costs, one an epoch, not {run!r}")
    return cost
