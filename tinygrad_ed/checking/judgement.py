"""What every judge of a reader's own work returns: a row for each thing judged, a finding for each mistake."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.notation.tables import listing, paragraph, table

TELL = ("where", "what", "mend")


@dataclass(frozen=True)
class Finding:
    """One mistake."""

    quantity: str  # the name of what is wrong, in the reader's words where there are any
    where: str  # a layer, a sample and an entry, or a line of the reader's file
    mistake: str
    mend: str = ""  # what it should be
    known: bool = False  # it has a name

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is wrong, as in a `Diagnosis`."""
        return (self.quantity,)

    def told(self, tell: str) -> str:
        """Return the finding in words, as much as `tell` says."""
        place = f"{self.quantity} ({self.where})" if self.where else self.quantity
        if tell == "where":
            return f"{place} is wrong"
        mend = f". It should be: {self.mend}" if tell == "mend" and self.mend else ""
        return f"{place}: {'probably ' if self.known else ''}{self.mistake}{mend}"


def as_json(value: Any) -> Any:
    """Return numbers as JSON knows them: lists, with None for NaN and infinities."""
    if np.ndim(value):
        return [as_json(entry) for entry in value]
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True)
class JudgedRow:
    """One thing that was judged."""

    quantity: str
    agree: bool
    difference: float  # the largest from what is right, on what the reader had before it
    verdict: str  # "right", "wrong", "inherits" (right on a wrong number before it), or words of its own


@dataclass(frozen=True, repr=False)
class Judgement:
    """A reader's own work, judged. `str()` is a table, and so is what a notebook shows."""

    subject: str  # what was judged, such as "your numbers"
    rows: tuple[JudgedRow, ...]
    diagnosis: tuple[Finding, ...] = ()  # the mistakes, in the order in which they were made
    notes: tuple[str, ...] = ()  # what else a reader should know
    tell: str = "what"

    def __post_init__(self) -> None:
        chosen("tell", self.tell, dict.fromkeys(TELL))

    @property
    def agree(self) -> bool:
        """True if nothing is wrong."""
        return not self.diagnosis and all([row.agree for row in self.rows])

    @property
    def first_divergence(self) -> Finding | None:
        """The first mistake; None if there is none."""
        return self.diagnosis[0] if self.diagnosis else None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it, whatever `tell` is."""
        rows = [asdict(row) | {"difference": as_json(row.difference)} for row in self.rows]
        return {"agree": self.agree, **asdict(self), "rows": rows}

    def __repr__(self) -> str:
        return f"<{self._verdict()}>"

    def __str__(self) -> str:
        width = max([len(row.quantity) for row in self.rows], default=0)
        lines = [f"{row.quantity:<{width}}  {row.difference:8.1e}  {row.verdict}" for row in self.rows]
        return "\n".join([*lines, self._verdict(), *self._findings()])

    def _repr_html_(self) -> str:
        rows = [(row.quantity, f"{row.difference:.1e}", row.verdict) for row in self.rows]
        marked = [i for i, row in enumerate(self.rows) if row.verdict == "wrong"]
        verdict = paragraph(f"{'✓' if self.agree else '✗'} {self._verdict()}", strong=True)
        return verdict + table(("", "difference", "verdict"), rows, "lrl", marked=marked) + listing(self._findings())

    def _findings(self) -> list[str]:
        return [*[found.told(self.tell) for found in self.diagnosis], *[f"note: {text}" for text in self.notes]]

    def _verdict(self) -> str:
        if self.agree:
            return f"{self.subject}: right"
        count = len(self.diagnosis)
        return f"{self.subject}: {count} mistake{'' if count == 1 else 's'}"
