"""How good answers are, beside the best answer that is always the same: for classes accuracy, for numbers R²."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_ed.errors import printable
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import metrics

SHOWN = 10  # classes: a larger confusion table is hard to read


@dataclass(frozen=True)
class Score:
    """How good answers are: their accuracy or R² (NaN where it does not exist).

    The baseline is that of the best constant answer, the commonest class of these rows or their mean. The detail is the
    balanced accuracy (the mean over the classes of the share that was found), or the usual error; the confusion says of
    classes how often each (column) was answered for each (row).
    """

    measure: str
    value: float
    baseline: float
    constant: str
    rows: int
    detail: str
    confusion: Array | None = None
    classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.said("held out")

    def said(self, which: str) -> str:
        """Return the score in words, and the confusion table; `which` says of which rows."""
        if np.isnan(self.value):
            return f"{self.measure} does not exist for the rows {which}: too few ({self.rows}), or all the same"
        lines = [
            f"{self.measure} on {self.rows} rows {which}: {self.value:.4g} "
            f"(baseline, always {self.constant}: {self.baseline:.4g}); {self.detail}"
        ]
        if self.confusion is not None and len(self.classes) <= SHOWN:
            cells = [["expected \\ answered", *self.classes]]
            cells += [[name, *map(str, row)] for name, row in zip(self.classes, self.confusion.tolist(), strict=True)]
            wide = [max([len(row[k]) for row in cells]) for k in range(len(cells[0]))]
            lines += ["  ".join([cell.rjust(width) for cell, width in zip(row, wide, strict=True)]) for row in cells]
        if self.value <= self.baseline < 1.0:
            lines.append(
                f"That is no better than always answering {self.constant}. Try early stopping (patience), a "
                "smaller network, another learning rate, more rows, or other columns: these may not tell the target."
            )
        return printable("\n".join(lines))


def score(target: str, classes: Sequence[str] | None, answers: Array, expected: Array) -> Score:
    """Score answers, `(M,)`: numbers of classes, or numbers where `classes` is None."""
    rows = len(expected)
    if classes is None:
        unit = float(np.abs(expected).max()) or 1.0  # so that no square of an expected number overflows
        found, known = answers[:, None] / unit, expected[:, None] / unit
        with np.errstate(over="ignore"):
            error, usual = [unit * float(np.sqrt(np.mean(miss**2))) for miss in (found - known, known - known.mean())]
            r2 = metrics.r2(found, known)
        detail = f"root of the mean square error of {target!r}: {error:.4g} (baseline: {usual:.4g})"
        return Score("R²", r2, 0.0, "the mean", rows, detail)
    n = len(classes)
    confusion = np.zeros((n, n), int)
    np.add.at(confusion, (expected, answers), 1)
    right, there, said = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    commonest = int(there.argmax())
    detail = f"balanced accuracy {np.mean((right / np.maximum(there, 1))[there > 0]):.4g}"
    if n == 2:
        precision, recall = right[1] / max(said[1], 1), right[1] / max(there[1], 1)
        detail += f"; of {classes[1]!r}: precision {precision:.4g}, recall {recall:.4g}"
    constant, baseline = repr(classes[commonest]), float(there[commonest] / rows)
    return Score("accuracy", float(right.sum() / rows), baseline, constant, rows, detail, confusion, tuple(classes))
