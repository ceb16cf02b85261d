"""The page of a derivation: one file of HTML with its style inside, formulas in MathML, no script and no network.

A formula that is too wide for the window goes on in the next line, before its next "="; what is still too wide can be
scrolled, also by keyboard.
"""

import html
from importlib.resources import files

from tinygrad_ed.lecture.step import DerivationStep, Parts
from tinygrad_ed.notation.blocks import pieces
from tinygrad_ed.notation.colors import page_css
from tinygrad_ed.notation.letters import LETTERS, letter, prose

FRAME = 760  # pixels of height in a notebook


def page_of(heading: str, intro: str, parts: Parts, verdict: str, holds: bool) -> str:
    """Return the whole page."""
    contents, sections = [], []
    for p, (part, steps) in enumerate(parts, start=1):
        entries = "".join([f'<li><a href="#{s.name}">{number} {html.escape(s.title)}</a></li>' for number, s in steps])
        contents.append(f'<li><a href="#part-{p}">{p} {part}</a><ol>{entries}</ol></li>')
        sections.append(
            f'<section aria-labelledby="part-{p}">\n<h2 id="part-{p}">{p} {part}</h2>\n'
            + "\n".join([_step(number, step) for number, step in steps])
            + "\n</section>"
        )
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
{_letters()}
{chr(10).join(sections)}
</main>"""
    return document(heading, "derivation", body)


def document(title: str, name: str, body: str, blank: bool = False) -> str:
    """Return a document of HTML with a style of ours inside."""
    style = (files("tinygrad_ed.lecture") / f"{name}.css").read_text("utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
{page_css()}
{style}</style>
</head>
<body{' class="blank"' if blank else ""}>
{body}
</body>
</html>
"""


def framed(page: str, title: str) -> str:
    """Return a page in a frame, for a notebook."""
    page, title = html.escape(page), html.escape(title)
    return f'<iframe srcdoc="{page}" title="{title}" sandbox="" style="width:100%;height:{FRAME}px;border:0"></iframe>'


def _letters() -> str:
    """Return the lecture's letters, and their usual names elsewhere."""
    rows = [
        f'<tr><th scope="row">{letter(name).math()}</th><td><code>{name}</code></td>'
        f"<td>{words(entry.meaning)}</td><td>{entry.elsewhere}</td></tr>"
        for name, entry in LETTERS.items()
        if entry.meaning
    ]
    return (
        '<details class="letters"><summary>The letters</summary>\n<table><thead><tr><th scope="col">letter</th>'
        '<th scope="col">in code</th><th scope="col">meaning</th><th scope="col">elsewhere</th></tr></thead>\n'
        f"<tbody>{''.join(rows)}</tbody></table></details>"
    )


def _step(number: str, step: DerivationStep) -> str:
    """Return one step: words, the formula in a box, the equations with numbers, and the check."""
    note = f'<p class="note">{words(step.note)}</p>\n' if step.note else ""
    broken = ["\n".join([piece.math() for piece in pieces(f)]) for f in step.equations]  # where a line may break
    equations = "\n".join([f'<div class="equation" tabindex="0">{f}</div>' for f in broken])
    state = "holds" if step.check.holds else "fails"
    shapes = f'<p class="shapes">Numbers: <code>{html.escape(step.listed)}</code></p>\n'
    return (
        f'<article aria-labelledby="{step.name}">\n<h3 id="{step.name}">{number} {html.escape(step.title)}</h3>\n'
        f"<p>{words(step.words)}</p>\n{note}"
        f'<div class="formula" tabindex="0">{step.formula.math(display=True)}</div>\n{equations}\n'
        f'<p class="check {state}">{html.escape(str(step.check))}</p>\n'
        f"{shapes if step.numbers else ''}</article>"
    )


def words(text: str) -> str:
    """Return a text as HTML, with formulas in MathML."""
    return prose(text, lambda f: f.math(), html.escape)
