"""What `fit` says of a run: its history afterwards, and its state to the callbacks while it goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType
from tinygrad_ed.graph.values import Array
from tinygrad_ed.notation.tables import paragraph, table

SHOWN = 4  # epochs at each end of the table in a notebook


@dataclass
class History:
    """What happened in a run of `fit`. The totals count whole epochs, from the first on, also of a resumed run."""

    cost: list[float] = field(default_factory=list)
    """One entry an epoch: the mean of the costs of its batches, each before its update."""
    validation: list[float] = field(default_factory=list)
    """One entry an epoch: the cost of the validation data after it, where they were given."""
    epochs: int = 0
    updates: int = 0
    gradient_computations: int = 0
    """How many gradients of single samples were computed."""
    seconds: float = 0.0
    metrics: dict[str, list[float]] = field(default_factory=dict)
    """By name one entry an epoch: the metrics of the validation data after it."""
    best_epoch: int | None = None
    """The epoch (counted from 1) with the lowest validation cost."""
    stopped: str | None = None
    """Why the run ended before its last epoch: "patience", "callback" or "interrupted" (Ctrl-C)."""

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
    """What a callback is told after an epoch. Nothing in it can be changed."""

    epoch: int
    """How many epochs are done: 1 after the first."""
    epochs: int
    """How many were asked for."""
    cost: float
    validation: float | None
    metrics: Mapping[str, float]
    learning_rate: float | None
    """The rate of the last update; None for an optimizer that does not tell."""
    seconds: float
    parameters: tuple[Array, ...]
    """W1, b1, W2, b2, ..., read-only."""


Callback = Callable[[Epoch], bool | None]


def wants_to_stop(callback: Callback, epoch: Epoch) -> bool:
    """Call a callback; return whether it wants the run to end."""
    answer: Any = callback(epoch)
    if not isinstance(answer, bool | np.bool_ | None):
        raise InvalidType(
            f"the callback {callback!r} returned {answer!r}; a callback returns True to stop the run, or False or "
            "None to go on"
        )
    return bool(answer)
