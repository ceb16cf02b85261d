"""The derivation as slides: one file of HTML for the lecture hall, with one idea on a screen.

A line begins as its left-hand side and an empty box. Keys (arrows, space, PageUp and PageDown of a remote control)
fill the box piece by piece. Without a script, and on paper, all is shown; with `blank` the boxes stay empty.
"""

import html
from importlib.resources import files

from tinygrad_ed.lecture.page import words
from tinygrad_ed.lecture.step import Parts
from tinygrad_ed.notation.blocks import pieces
from tinygrad_ed.notation.colors import page_css
from tinygrad_ed.notation.formula import Lines
from tinygrad_ed.notation.letters import Formula
from tinygrad_ed.notation.tables import page

KEYS = "→ or space: on; ←: back; Home, End; F: full screen"


def slides_of(heading: str, intro: str, parts: Parts, verdict: str, blank: bool) -> str:
    """Return the page: a title, a slide for each step in letters and one for each of its equations in numbers."""
    room = files("tinygrad_ed.lecture")
    style, script = [(room / f"slides.{kind}").read_text("utf-8") for kind in ("css", "js")]
    shown = [f"<h1>{html.escape(heading)}</h1><p>{words(intro)}</p><p class='keys'>{KEYS}</p>"]
    for p, (part, steps) in enumerate(parts, start=1):
        shown.append(f"<h1>{p} {html.escape(part)}</h1>")
        for number, step in steps:
            title = f"<h2>{number} {html.escape(step.title)}</h2>"
            shown.append(f"{title}<p>{words(f'{step.words} {step.note}'.strip())}</p>{_revealed(step.formula)}")
            shown += [f"{title}{_revealed(f)}" for f in step.equations]
    shown.append(f"<h1>{html.escape(verdict)}</h1>")
    sections = "\n".join([f'<section id="s{n}">{inner}</section>' for n, inner in enumerate(shown, start=1)])
    body = f'<main>\n{sections}\n</main>\n<footer role="status" aria-live="polite"></footer>'
    return page(heading, f"{page_css()}\n{style}", body, f"\n{script}", "blank" * blank)


def _revealed(f: Formula) -> str:
    """Return the lines of a formula, each with what stands left of its first sign, and the rest in pieces."""
    said = [("", 0, f)] if not isinstance(f, Lines) else f.lines
    return "".join([_line(number, depth, line) for number, depth, line in said])


def _line(number: str, depth: int, f: Formula) -> str:
    left, *rest = pieces(f)
    cuts = ["".join([cut.math() for cut in pieces(piece, "·⊙−+")]) for piece in rest]  # where a wide one may break
    filled = "".join([f'<span class="piece">{cut}</span>' for cut in cuts])
    box = f'<span class="box">{filled}</span>' if rest else ""
    margin = f' style="margin-left:{2 * depth}em"' if depth else ""
    named = f'<span class="number">{number}</span>' if number else ""
    return f'<div class="line"{margin}>{named}<span class="left">{left.math()}</span>{box}</div>'
