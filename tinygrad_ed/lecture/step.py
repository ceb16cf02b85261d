"""DerivationStep: one step of the derivation, in letters, with numbers, and with its check."""

import textwrap
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tinygrad_ed.closed_form.derivatives import Array
from tinygrad_ed.lecture.check import Check
from tinygrad_ed.notation.blocks import wrapped
from tinygrad_ed.notation.letters import Formula, prose
from tinygrad_ed.notation.writing import Writing

WIDTH = 110  # of a line on a terminal
MOST = 6  # shapes that are listed in print

Parts = list[tuple[str, list[tuple[str, "DerivationStep"]]]]
"""The parts of a derivation by their titles, each with its steps and their numbers: "2.1" is the first of part 2."""


class Outcome(Protocol):
    """How a step came out, on numbers (`Check`) or for all numbers (`Proved`); its text is one sentence."""

    @property
    def holds(self) -> bool:
        """True if it does."""


@dataclass(frozen=True, eq=False)
class DerivationStep:
    """One step of the derivation.

    Attributes:
        name: its name in code, such as "f_by_a".
        part: the part of the lecture to which it belongs.
        title: what it is about.
        words: what happens; formulas stand between backquotes (see `notation.prose`).
        formula: the step in letters, in Unicode, LaTeX and MathML.
        equations: the same with the reader's numbers, for the layer and the neuron that are followed.
        numbers: all arrays of the step by their names, complete.
        check: that it equals the step before.
        note: what was decided where there is a kink, in words as well; else nothing.
    """

    name: str
    part: str
    title: str
    words: str
    formula: Formula
    equations: tuple[Formula, ...]
    numbers: dict[str, Array]
    check: Outcome
    note: str = ""

    def written(self, write: Writing) -> "DerivationStep":
        """Return it in other letters, with other digits, or without its numbers."""
        said, note = write.in_prose(self.words), write.in_prose(self.note)
        equations = () if write.bare else tuple(map(write, self.equations))
        check = self.check
        if isinstance(check, Check):
            check = replace(check, compared=write.text(check.compared))
        made = replace(self, formula=write(self.formula), equations=equations, check=check)
        return replace(made, title=write.text(self.title), words=said, note=note)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the numbers; () is a single number."""
        return {name: np.shape(array) for name, array in self.numbers.items()}

    @property
    def text(self) -> str:
        """What happens, in plain text."""
        return prose(f"{self.words} {self.note}".strip(), str)

    @property
    def listed(self) -> str:
        """The names and shapes of the numbers, in one line; of many the first ones."""
        shown = [f"{name} {shape}" for name, shape in list(self.shapes.items())[:MOST]]
        more = [f"{len(self.numbers) - MOST} more"] if len(self.numbers) > MOST else []
        return ", ".join(shown + more)

    def __repr__(self) -> str:
        return f"<step {self.name!r}: {self.title}>"

    def __str__(self) -> str:
        shown = [line for f in (self.formula, *self.equations) for line in ("", *_indented(wrapped(f, WIDTH - 4)))]
        words = textwrap.wrap(self.text, WIDTH)
        end = [
            textwrap.wrap(line, WIDTH, subsequent_indent="  ") for line in (str(self.check), f"Numbers: {self.listed}")
        ]
        return "\n".join([self.title, *words, *shown, "", *end[0], *end[1]])


def _indented(block: list[str]) -> list[str]:
    return [f"    {line}".rstrip() for line in block]
