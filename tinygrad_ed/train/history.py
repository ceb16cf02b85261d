"""What `fit` says of a run: its history afterwards, and its state to the callbacks while it goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tinygrad_ed.graph.values import Array
from tinygrad_ed.notation.tables import paragraph, table

SHOWN = 4  # epochs at each end of the table in a notebook


@dataclass
class History:
    """What happened in a run of `fit`. The totals count whole epochs, from the first on, also of a resumed run.

    One entry an epoch: `cost`, the mean of the costs of its batches, each before its update; `validation`, the cost of
    the validation data after it, and by name their `metrics`. `gradient_computations` counts gradients of single
    samples, and `best_epoch` (from 1) had the lowest validation cost. `stopped` says why the run ended before its last
    epoch: "patience", "callback" or "interrupted" (Ctrl-C).
    """

    cost: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    epochs: int = 0
    updates: int = 0
    gradient_computations: int = 0
    seconds: float = 0.0
    metrics: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int | None = None
    stopped: str | None = None

    # What was done with a checkpoint, in words. They are no fields: a resumed run equals one that never stopped.
    taken_up = ""
    kept = ""

    def __str__(self) -> str:
        fell = f"cost {self.cost[0]:.4g} -> {self.cost[-1]:.4g}" if self.cost else "no epoch"
        checked = f", validation {self.validation[-1]:.4g}" if self.validation else ""
        measured = "".join([f", {name} {values[-1]:.4g}" for name, values in self.metrics.items() if values])
        ended = f" (stopped: {self.stopped})" if self.stopped else ""
        ended += "".join([f"; {words}" for words in (self.taken_up, self.kept) if words])
        return (
            f"{self.epochs} epochs, {self.updates} updates, {self.gradient_computations} gradient computations, "
            f"{self.seconds:.2f} s: {fell}{checked}{measured}{ended}"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the summary in IPython, and not every number."""
        printer.text(str(self))

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the summary, and the first, the last and the best epochs."""
        curves = {"cost": self.cost, "validation": self.validation, **self.metrics}
        curves = {name: curve for name, curve in curves.items() if curve}
        shown = sorted({*range(SHOWN), *range(len(self.cost) - SHOWN, len(self.cost)), (self.best_epoch or 1) - 1})
        rows, best = [], []
        for before, i in pairwise([-1, *[i for i in shown if 0 <= i < len(self.cost)]]):
            if i > before + 1:
                rows.append(("⋮", *["" for _ in curves], ""))
            if i + 1 == self.best_epoch:
                best.append(len(rows))
            numbers = [f"{curve[i]:.4g}" if i < len(curve) else "" for curve in curves.values()]
            rows.append((str(i + 1), *numbers, "◀ best" if i + 1 == self.best_epoch else ""))
        head = ("epoch", *curves, "")
        return paragraph(str(self)) + (table(head, rows, "r" * (len(head) - 1) + "l", marked=best) if rows else "")


@dataclass(frozen=True)
class Epoch:
    """What a callback is told after an epoch. Nothing in it can be changed.

    `epoch` counts from 1 up to the `epochs` that were asked for; the `learning_rate` is that of the last update, or
    None for an optimizer that does not tell; the `parameters` are W1, b1, W2, b2, ..., read-only.
    """

    epoch: int
    epochs: int
    cost: float
    validation: float | None
    metrics: Mapping[str, float]
    learning_rate: float | None
    seconds: float
    parameters: tuple[Array, ...]


Callback = Callable[[Epoch], bool | None]
