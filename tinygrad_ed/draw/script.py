"""The steps of a trace as plain text: a script for a lesson, to be read aloud, printed or handed out."""

import textwrap

from tinygrad_ed.draw.equations import brief
from tinygrad_ed.draw.trace import Trace

_HEADS = {
    "forward": "Forward: every value, from the leaves to the result",
    "backward": "Backward: what arrives times the local derivative, from the result to the leaves",
    "update": "Update: a step of η against the gradient",
    "again": "Again: what has changed, and by how much",
}


def script(data: Trace, title: str) -> str:
    """Return the story of a trace as text: for each step the equation, the numbers, and the lecture's rule."""
    lines = [title, "=" * len(title)]
    phase = ""
    for i, step in enumerate(data.steps, start=1):
        if step.phase != phase:
            phase = step.phase
            lines += ["", _HEADS[phase], "-" * len(_HEADS[phase]), ""]
        lines.append(f"{i:>3}  {step.general.unicode}")
        if step.numbers.unicode not in step.general.unicode:
            lines.append(f"     {step.numbers.unicode}")
        if step.rule is not None:
            gives = f", gives {brief(step.rule_gives, 60)}" if step.rule_gives else ""
            verdict = {True: " ✓", False: " ✗ not as in the graph", None: ""}[step.rule_agrees]
            lines.append(f"     rule: {step.rule.unicode}{gives}{verdict}")
        said = textwrap.wrap(step.sentence, 100, initial_indent="     ", subsequent_indent="     ")
        lines += [*said, ""]
    return "\n".join(lines) + "\n"
