"""The page of a derivation: one file of HTML with its style inside, formulas in MathML, no script and no network.

A formula that is too wide for the window goes on in the next line, before its next "="; what is still too wide can be
scrolled, also by keyboard.
"""

import html
from importlib.resources import files

from tinygrad_ed.lecture.step import DerivationStep, Parts
from tinygrad_ed.notation.blocks import pieces
from tinygrad_ed.notation.colors import page_css
from tinygrad_ed.notation.letters import LETTERS, Formula, letter, prose
from tinygrad_ed.notation.tables import page
from tinygrad_ed.notation.writing import Writing

FRAME = 760  # pixels of height in a notebook


def page_of(heading: str, intro: str, parts: Parts, verdict: str, holds: bool, write: Writing, answers: Parts) -> str:
    """Return the whole page."""
    sits, css = [
        (files("tinygrad_ed.lecture") / name).read_text("utf-8") for name in ("letters.html", "derivation.css")
    ]
    contents, sections = [], []
    for p, (part, steps) in enumerate(parts, start=1):
        entries = "".join([f'<li><a href="#{s.name}">{number} {html.escape(s.title)}</a></li>' for number, s in steps])
        contents.append(f'<li><a href="#part-{p}">{p} {part}</a><ol>{entries}</ol></li>')
        sections.append(_section(f"part-{p}", f"{p} {part}", steps))
    if answers:
        sections.append('<div class="answers">')
        sections += [_section(f"answers-{p}", f"Answers: {p} {part}", a) for p, (part, a) in enumerate(answers, 1)]
        sections.append("</div>")
    state = "holds" if holds else "fails"
    body = f"""<header>
<h1>{html.escape(heading)}</h1>
<p>{words(intro)}</p>
<p class="verdict {state}">{html.escape(verdict)}</p>
</header>
<nav aria-labelledby="contents">
<h2 id="contents">Contents</h2>
<ol>{"".join(contents)}</ol>
</nav>
<main>
{prose(sits, lambda f: write(f).math())}
{_letters(write)}
{chr(10).join(sections)}
</main>"""
    return page(heading, f"{page_css()}\n{css}", body)


def framed(whole: str, title: str) -> str:
    """Return a page in a frame, for a notebook."""
    whole, title = html.escape(whole), html.escape(title)
    return f'<iframe srcdoc="{whole}" title="{title}" sandbox="" style="width:100%;height:{FRAME}px;border:0"></iframe>'


def _section(name: str, title: str, steps: list[tuple[str, DerivationStep]]) -> str:
    """Return a part, which can be folded."""
    return (
        f'<section aria-labelledby="{name}">\n<details open><summary><h2 id="{name}">{title}</h2></summary>\n'
        + "\n".join([_step(number, step, "" if name.startswith("part") else "answer-") for number, step in steps])
        + "\n</details></section>"
    )


def _letters(write: Writing) -> str:
    """Return the letters, and their usual names elsewhere."""
    rows = "".join(
        [
            f'<tr><th scope="row">{write(letter(name)).math()}</th><td><code>{name}</code></td>'
            f"<td>{words(write.in_prose(entry.meaning))}</td><td>{entry.elsewhere}</td></tr>"
            for name, entry in LETTERS.items()
            if entry.meaning
        ]
    )
    return (
        '<details class="letters"><summary>The letters</summary>\n<table><thead><tr><th scope="col">letter</th>'
        '<th scope="col">in code</th><th scope="col">meaning</th><th scope="col">elsewhere</th></tr></thead>\n'
        f"<tbody>{rows}</tbody></table></details>"
    )


def _step(number: str, step: DerivationStep, before: str) -> str:
    """Return one step: words, the formula in a box, the equations with numbers, and the check."""
    note = f'<p class="note">{words(step.note)}</p>\n' if step.note else ""
    equations = "\n".join([f'<div class="equation" tabindex="0">{_pieces(f)}</div>' for f in step.equations])
    state = "holds" if step.check.holds else "fails"
    name = before + step.name
    return (
        f'<article aria-labelledby="{name}">\n<h3 id="{name}">{number} {html.escape(step.title)}</h3>\n'
        f"<p>{words(step.words)}</p>\n{note}"
        f'<div class="formula" tabindex="0">{step.formula.math(display=True)}</div>\n{equations}\n'
        f'<p class="check {state}">{html.escape(str(step.check))}</p>\n'
        f'<p class="shapes">Numbers: <code>{html.escape(step.listed)}</code></p>\n</article>'
    )


def words(text: str) -> str:
    """Return a text as HTML, with formulas in MathML."""
    return prose(text, lambda f: f.math(), html.escape)


def _pieces(f: Formula) -> str:
    """Return the equation in pieces, between which a line may break."""
    return "\n".join([piece.math() for piece in pieces(f)])
