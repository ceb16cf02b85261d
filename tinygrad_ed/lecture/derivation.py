"""Derivation: the steps of `derive`, to read on a terminal, in Markdown, or on one page of HTML."""

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from tinygrad_ed.data.files import write_whole
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.lecture.page import framed, page_of
from tinygrad_ed.lecture.slides import slides_of
from tinygrad_ed.lecture.step import WIDTH, DerivationStep, Parts
from tinygrad_ed.notation.letters import Formula, prose, tex_prose, tex_signs
from tinygrad_ed.notation.writing import LECTURE, Writing


@dataclass(frozen=True, eq=False)
class Derivation:
    """A whole derivation: its steps in order.

    It is a sequence of steps, and a mapping by their names: `derivation[0]`, `derivation["f_by_a"]`, `for step in
    derivation`. It prints itself, shows itself in a notebook, and saves itself.

    Attributes:
        title: what is derived.
        intro: the network, the sample, and the neuron that is followed, in words.
        steps: the steps; where one does not hold, it is the last.
        write: in whose letters it is written.
        answers: the derivation with all numbers, if this one leaves them blank.
    """

    title: str
    intro: str
    steps: tuple[DerivationStep, ...]
    write: Writing = LECTURE
    answers: "Derivation | None" = None

    def written(self, write: Writing) -> "Derivation":
        """Return it in other letters, with other digits, or without its numbers."""
        steps = tuple([step.written(write) for step in self.steps])
        return replace(self, intro=write.in_prose(self.intro), steps=steps, write=write)

    @property
    def holds(self) -> bool:
        """True if every step equals the one before it."""
        return self.first_failure is None

    @property
    def first_failure(self) -> DerivationStep | None:
        """The step that does not hold; None if all do."""
        return next((step for step in self.steps if not step.check.holds), None)

    @property
    def verdict(self) -> str:
        """How it came out, in one sentence."""
        failed = self.first_failure
        if failed is None:
            return f"All {len(self.steps)} steps hold: each equals the step before it."
        return f"The step {failed.name!r} does not hold. The derivation stops there, for all that follows rests on it."

    @property
    def parts(self) -> Parts:
        """The parts by their titles, each with its steps and their numbers: "2.1" is the first step of part 2."""
        grouped = enumerate(groupby(self.steps, key=lambda step: step.part), start=1)
        return [(part, [(f"{p}.{s}", step) for s, step in enumerate(steps, start=1)]) for p, (part, steps) in grouped]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[DerivationStep]:
        return iter(self.steps)

    def __getitem__(self, key: int | str) -> DerivationStep:
        return self.steps[key] if isinstance(key, int) else {step.name: step for step in self.steps}[key]

    def __repr__(self) -> str:
        return f"<{self.title}. {self.verdict}>"

    def __str__(self) -> str:
        said = [self.title, "=" * len(self.title), "", *textwrap.wrap(prose(self.intro, str), WIDTH)]
        for p, (part, steps) in enumerate(self.parts, start=1):
            said += ["", "", f"{p} {part}", "-" * (len(part) + 2)]
            said += ["\n" + f"{number} {step}" for number, step in steps]
        return "\n".join([*said, "", "", self.verdict])

    def to_markdown(self) -> str:
        """Return it as Markdown, with formulas in LaTeX between `$$`."""
        said = [f"# {self.title}", prose(self.intro, _inline)]
        for p, (part, steps) in enumerate(self.parts, start=1):
            said.append(f"## {p} {part}")
            for number, step in steps:
                said += [f"### {number} {step.title}", prose(f"{step.words} {step.note}".strip(), _inline)]
                said += [f"$$\n{f.latex}\n$$" for f in (step.formula, *step.equations)]
                said += [f"> {step.check}", *([f"Numbers: `{step.listed}`"] if step.numbers else [])]
        return "\n\n".join([*said, f"**{self.verdict}**"]) + "\n"

    def to_latex(self) -> str:
        """Return it as a LaTeX document, which compiles as it is."""
        title = rf"\title{{{tex_prose(self.title)}}}\author{{}}\date{{}}\maketitle"
        said = [title, prose(self.intro, _inline, tex_prose)]
        for part, steps in self.parts:
            said.append(rf"\section{{{tex_prose(part)}}}")
            for _, step in steps:
                said.append(rf"\subsection{{{tex_prose(step.title)}}}")
                said.append(prose(f"{step.words} {step.note}".strip(), _inline, tex_prose))
                said += [rf"\[{f.latex}\]" for f in (step.formula, *step.equations)]
                said.append(rf"\emph{{{tex_prose(str(step.check))}}}")
        said.append(rf"\textbf{{{tex_prose(self.verdict)}}}")
        used = {c: latex for c, latex in tex_signs().items() if c in "".join(said)}  # in a reader's own words
        signs = [rf"\DeclareUnicodeCharacter{{{ord(c):04X}}}{{\ensuremath{{{latex}}}}}" for c, latex in used.items()]
        packages = [r"\usepackage{amsmath,amssymb}", r"\allowdisplaybreaks", *signs]
        head = "\n".join([r"\documentclass{article}", *packages, r"\begin{document}"])
        return "\n\n".join([head, *said, "\\end{document}\n"])

    def to_html(self) -> str:
        """Return it as one page that needs nothing else: formulas in MathML, a table of contents, light and dark."""
        return page_of(
            self.title,
            self.intro,
            self.parts,
            self.verdict,
            self.holds,
            self.write,
            self.answers.parts if self.answers else [],
        )

    def save(self, path: str | os.PathLike[str], *, slides: bool = False, blank: bool = False) -> Path:
        """Write it to a file; the suffix of the name (.txt, .md, .html, .tex) is the format.

        Args:
            path: the file. It is written beside its place and then renamed, so a save that fails leaves an older file.
            slides: an .html file to hold as a lecture: keys reveal one right-hand side after the other.
            blank: slides whose right-hand sides stay empty, for the class to fill in, on paper too.

        Returns:
            the path.

        Raises:
            InvalidValue: for a name with another suffix, or none; for slides or blank with another than .html.
            FileProblem: if the folder is missing or cannot be written.
        """
        path = Path(path)
        writers = {".txt": lambda: f"{self}\n", ".md": self.to_markdown, ".html": self.to_html, ".tex": self.to_latex}
        if slides or blank:
            writers = {".html": lambda: slides_of(self.title, self.intro, self.parts, self.verdict, blank)}
        if path.suffix.lower() not in writers:
            raise InvalidValue(f"{str(path)!r} must end with one of {', '.join(writers)}: the suffix is the format")
        return write_whole(path, writers[path.suffix.lower()]().encode())

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the page in a frame, so that neither's style touches the other."""
        return framed(self.to_html(), self.title)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def _inline(f: Formula) -> str:
    return f"${f.latex}$"
