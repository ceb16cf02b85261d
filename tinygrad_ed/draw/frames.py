"""The player without a browser: one picture a step, and the whole story as a table to hand out."""

import os
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

from tinygrad_ed.data.files import write_whole
from tinygrad_ed.draw.equations import brief, words
from tinygrad_ed.draw.picture import Picture, of_scene
from tinygrad_ed.draw.scene import Box, Group, Item, Line, Scene, Text
from tinygrad_ed.draw.stage import in_card, size_of
from tinygrad_ed.draw.style import COLORS, QUIET, clean, escape, page_css
from tinygrad_ed.draw.trace import Trace
from tinygrad_ed.errors import FileProblem, InvalidValue
from tinygrad_ed.notation.tables import page, table


class Player(Picture):
    """The picture of a player, which is also saved step by step, and as a table."""

    def __init__(self, picture: Picture, data: Trace, scene: Scene, engine: str | None) -> None:
        super().__init__(picture.title, picture._makers, picture._frame)
        self._data, self._scene, self._engine = data, scene, engine

    def save_steps(self, folder: str | os.PathLike[str], form: str = "svg") -> list[Path]:
        """Write one picture for each step, `step-001.svg` and so on, as the graph stands after it; return the paths.

        The folder is made if it is not there; nothing is written unless all pictures could be drawn.

        Raises:
            InvalidValue: for a form that is not "svg", "png", "pdf" or "dot".
            FileProblem, MissingExtra: if the folder cannot be written, or the form needs a layout engine.
        """
        if form not in ("svg", "png", "pdf", "dot"):
            raise InvalidValue(f"form={form!r} is none for a picture of a step: take svg, png, pdf or dot")
        stills = frames(self._data, self._scene)
        drawn = [of_scene(self.title, partial(copy, still), self._engine).render(form) for still in stills]
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileProblem(f"the folder {str(folder)!r} cannot be made: {error.strerror or error}") from error
        return [write_whole(Path(folder) / f"step-{i:03}.{form}", what) for i, what in enumerate(drawn, start=1)]

    def save_handout(self, path: str | os.PathLike[str], blank: bool = False) -> Path:
        """Write the steps as a table: a page of HTML; with `blank` the column of the numbers is left to be filled in.

        Raises:
            InvalidValue: for a name that does not end with .html.
            FileProblem: if the folder is missing or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".html":
            raise InvalidValue(f"a handout is a page of HTML; {str(path)!r} must end with .html")
        rows = [
            (str(i), step.phase, step.general.unicode, "" if blank else step.numbers.unicode)
            for i, step in enumerate(self._data.steps, start=1)
        ]
        body = f"<h1>{escape(self.title)}</h1>{table(('step', 'phase', 'in letters', 'in numbers'), rows, 'rlll')}"
        css = f"{page_css(body)}body{{font-family:sans-serif;margin:1rem;color:var(--ink);background:var(--ground)}}"
        css += "td,th{border-bottom:1px solid var(--line);padding:.3rem .8rem}td:last-child{min-width:16rem}"
        return write_whole(path, page(clean(self.title), css, body).encode())


def frames(data: Trace, scene: Scene) -> Iterator[Scene]:
    """Return the drawing after each step: what is not known yet is missing, and the equation stands below."""
    nodes = data.by_id
    complete = {step.node: i for i, step in enumerate(data.steps) if step.phase == "backward"}
    said = {f"node-{n.id}": {"gradient": "∂ –"} for n in data.nodes if n.role != "constant"}  # else it is as drawn
    hidden = {f"edge-{i}": {"flow"} for i in range(len(data.edges))}
    computed = {"value", "value-map", "gradient-map"}
    cards = [item for item in scene.items if isinstance(item, Group)]
    widths = {card.id: box.w for card in cards for box in card.items[:1] if isinstance(box, Box)}
    hidden |= {f"node-{n.id}": {"after-map", *(computed if n.op else ("gradient-map",))} for n in data.nodes}
    for i, step in enumerate(data.steps):
        card, shown = f"node-{step.node}", "…"
        if step.phase == "forward":
            hidden[card] -= {"value", "value-map"}
        elif step.phase == "backward":
            if whole := complete[step.node] == i:  # then a matrix is shown in full
                hidden[card] = {"after-map"}
            if step.shown:
                shown = in_card(step.shown, size_of(nodes[step.node])) if whole else brief(step.shown)
            said[card]["gradient"] = f"{'∂ =' if widths[card] > 150 else '∂'} {shown}"
            for edge in step.edges:
                hidden[f"edge-{edge}"].clear()
        elif step.shown:
            size, whole = size_of(nodes[step.node]), nodes[step.node].after is not None
            said[card]["value"] = in_card(step.shown, size) if whole else brief(step.shown)
            hidden[card] = hidden[card] - {"after-map"} | {"value-map"}  # new numbers for the old
        color = COLORS["alpha" if step.phase == "forward" else "B"]
        now = {card, *[f"edge-{edge}" for edge in step.edges]}
        items = [_still(item, hidden, said, color if getattr(item, "id", None) in now else "") for item in scene.items]
        below = [Text(24, scene.height + 26, step.general, 16, color, "start")]
        below.append(Text(24, scene.height + 50, step.numbers, 14, anchor="start"))
        below.append(Text(24, scene.height + 72, words(step.sentence), 12, QUIET, "start"))
        width = max(scene.width, *[text.length + 48 for text in below])
        yield replace(scene, width=width, height=scene.height + 88, items=[*items, *below], description=step.sentence)


def _still(item: Item, hidden: dict[str, set[str]], said: dict[str, dict[str, str]], color: str) -> Item:
    """Return a card or an edge with what is known of it; the one that the step is about gets a color."""
    if not isinstance(item, Group) or item.id not in hidden:
        return item
    parts = [part for part in item.items if getattr(part, "cls", None) not in hidden[item.id]]
    for i, part in enumerate(parts):
        if isinstance(part, Group):
            parts[i] = replace(part, extra={})  # what is shown is visible
        elif isinstance(part, Text) and (text := said.get(item.id, {}).get(part.cls or "")):
            parts[i] = replace(part, what=words(text))
        elif color and (isinstance(part, Line) or (isinstance(part, Box) and i == 0)):
            parts[i] = replace(part, stroke=color, width=3.5)
    return replace(item, items=parts)
