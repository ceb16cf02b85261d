"""The program view: what `tg.compile` replays, forward down and the derivative up beside it, as DOT text.

One box is one step, with the line of Python that it is and the place that it writes to; `Tape.steps` is the data. A
program has no numbers of its own but its constants; they are shown with the digits of every picture.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from tinygrad_ed.draw import style
from tinygrad_ed.draw.graph import head, swatch
from tinygrad_ed.draw.picture import Picture, of_dot
from tinygrad_ed.errors import InvalidType, InvalidValue
from tinygrad_ed.tape import Compiled, Tape
from tinygrad_ed.tape.listing import ProgramStep

MOST = 150  # steps in a picture
_CONSTANT = re.compile(r"(?<![\w.])(?:\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)")
_LEGEND = {
    "argument": (style.PAPER, style.ROLES["parameter"][1]),
    "forward": (style.FORWARD_FILL, style.ROLES["input"][1]),
    "derivative": (style.BACKWARD_FILL, style.GRADIENT),
}


def program(compiled: Compiled[..., Any] | Tape, *, title: str | None = None, engine: str | None = None) -> Picture:
    """Draw the program of a compiled function, one box a step.

    Arguments stand at the top; what follows from them goes down, and the derivative goes up again beside it. A thick
    border marks what is handed out. `b0` is a planned buffer, `new` an array for the caller, and a dashed box a view,
    which costs nothing.

    Args:
        compiled: what `tg.compile` returned, after its first call, or one of its tapes.
        title: a line above the picture; None takes the name of the function.
        engine: the path of a `dot` program, or "pygraphviz"; None takes what there is (see `doctor`).

    Returns:
        a picture with `.save("name.svg")` (also png, pdf, dot, html), that shows itself in a notebook.

    Raises:
        InvalidType: if it is neither.
        InvalidValue: if it was not called yet, or has more than 150 steps.

    >>> from tinygrad_ed import compile, grad
    >>> slope = compile(grad(lambda x: x * x))
    >>> slope(3.0)
    6.0
    >>> print(program(slope).render("dot").decode().splitlines()[0])
    digraph {
    """
    tape = compiled.tape if isinstance(compiled, Compiled) else compiled
    if not isinstance(tape, Tape):
        raise InvalidType(f"a program is drawn from what tg.compile returned, or from its tape, but got {compiled!r}")
    steps = tape.steps()
    if len(steps) > MOST:
        raise InvalidValue(
            f"the program of {tape.name} has {len(steps)} steps, and a picture takes at most {MOST}; "
            "print(tape) lists them, and tape.source() writes them as Python"
        )
    name = title or f"the program of {tape.name}"
    return of_dot(name, to_dot(steps, tape.results(), name), engine)


def to_dot(steps: Sequence[ProgramStep], results: Iterable[str], title: str) -> str:
    """Return a program as DOT text; equal programs give equal text."""
    back = {step.target: step.derivative for step in steps}
    arguments = dict.fromkeys([name for step in steps for name in step.sources if name not in back])
    ids = {name: f"s{i}" for i, name in enumerate([*arguments, *back])}
    handed_out = set(results)
    lines = [
        "digraph {",
        f'  graph [rankdir=TB, nodesep=0.2, ranksep=0.3, newrank=true, bgcolor="{style.PAPER}", pad=0.2,',
        f'    fontname="{style.DOT_FONT}", labelloc=t, labeljust=l, label={_heading(title, steps)}]',
        f'  node [shape=box, fontname="{style.DOT_FONT}", fontsize=12, fontcolor="{style.INK}", margin="0.08,0.05"]',
        f'  edge [color="{style.LINE}", arrowsize=0.7]',
    ]
    for name in arguments:
        fill, border = _LEGEND["argument"]
        lines.append(
            f'  {ids[name]} [style=filled, penwidth=2, height=0.35, fillcolor="{fill}", color="{border}", '
            f"label={style.quoted(style.short(name))}, tooltip={style.tooltip(name)}]"
        )
    lines += [f"  {_box(step, ids[step.target], step.target in handed_out)}" for step in steps]
    for step in steps:
        for source in dict.fromkeys(step.sources):
            lines.append(f"  {_edge(ids[source], ids[step.target], back.get(source), step.derivative)}")
    return "\n".join([*lines, "}"]) + "\n"


def _box(step: ProgramStep, node: str, handed_out: bool) -> str:
    fill, border = _LEGEND["derivative" if step.derivative else "forward"]
    shape = "filled,rounded" + (",dashed" if step.buffer == "view" else "")
    text = _CONSTANT.sub(lambda match: style.number_text(float(match[0])), step.text)
    where = "  ".join(part for part in (str(step.shape) if step.shape else "", step.buffer) if part)
    place = f'  <FONT COLOR="{style.QUIET}" POINT-SIZE="10">{style.cell(where)}</FONT>' if where else ""
    label = (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">'
        f"<TR><TD><B>{style.cell(style.short(step.target))}</B>{place}</TD></TR>"
        f"<TR><TD>{style.cell(style.short(text, 44))}</TD></TR></TABLE>>"
    )
    return (
        f'{node} [style="{shape}", fillcolor="{fill}", color="{border}", penwidth={2.4 if handed_out else 1}, '
        f"label={label}, tooltip={style.tooltip(f'{step.target} = {text}')}]"
    )


def _edge(source: str, target: str, source_is_back: bool | None, back: bool) -> str:
    """Write an edge; on the way back it goes up, and one from the other column does not pull its ends together."""
    if not back:
        return f"{source} -> {target}"
    if source_is_back:
        return f"{target} -> {source} [dir=back]"
    return f"{source} -> {target} [constraint=false, style=dotted]"


def _heading(title: str, steps: Sequence[ProgramStep]) -> str:
    """Return title, caption and legend, as one table of DOT."""
    present = {"argument", *["derivative" if step.derivative else "forward" for step in steps]}
    buffers = len({step.buffer for step in steps if step.buffer.startswith("b")})
    caption = (
        f"{len(steps)} steps, {buffers} buffers (b0, b1, ...). Down: forward. Up: the derivative; dotted: what it "
        "takes from the way forward. Thick: handed out. Dashed: a view."
    )
    return head(title, [caption], [swatch(word, *colors) for word, colors in _LEGEND.items() if word in present])
