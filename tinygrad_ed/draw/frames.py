"""The player without a browser: one picture a step, and the whole story as a table to hand out."""

import os
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

from tinygrad_ed.data.files import write_whole
from tinygrad_ed.draw.equations import brief, words
from tinygrad_ed.draw.picture import Picture, of_scene, page
from tinygrad_ed.draw.scene import Box, Group, Item, Line, Scene, Text
from tinygrad_ed.draw.stage import in_card, size_of
from tinygrad_ed.draw.style import COLORS, QUIET, escape
from tinygrad_ed.draw.trace import Trace
from tinygrad_ed.errors import FileProblem, InvalidValue
from tinygrad_ed.notation.tables import table


class Player(Picture):
    """The picture of a player, which is also saved step by step, and as a table."""

    def __init__(self, picture: Picture, data: Trace, scene: Scene, engine: str | None) -> None:
        super().__init__(picture.title, picture._makers, picture._frame)
        self._data, self._scene, self._engine = data, scene, engine

    def save_steps(self, folder: str | os.PathLike[str], form: str = "svg") -> list[Path]:
        """Write one picture for each step, `step-001.svg` and so on, as the graph stands after it.

        Args:
            folder: where; it is made if it is not there. Nothing is written unless all pictures could be drawn.
            form: "svg", "png", "pdf" or "dot".

        Returns:
            the paths, in order.

        Raises:
            InvalidValue: for another form.
            FileProblem: if the folder cannot be made or written.
            MissingExtra: if the form needs a layout engine and there is none.
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
        css = "body{font-family:sans-serif;margin:1rem}td,th{border-bottom:1px solid var(--line);padding:.3rem .8rem}"
        return write_whole(path, page(self.title, body, css + "td:last-child{min-width:16rem}"))


def frames(data: Trace, scene: Scene) -> Iterator[Scene]:
    """Return the drawing after each step: what is not known yet is missing, and the equation stands below."""
    known, nodes = {node.id for node in data.nodes if node.op is None}, data.by_id
    values: dict[str, str] = {}
    gradients: dict[str, str] = {}
    sent: set[int] = set()
    last = {step.node: i for i, step in enumerate(data.steps) if step.phase == "backward"}
    whole: set[str] = set()

    def still(item: Item, node: str, edges: tuple[int, ...], color: str) -> Item:
        if not isinstance(item, Group) or not item.id:
            return item
        kind, _, name = item.id.partition("-")
        now = name == node if kind == "node" else int(name) in edges
        gone = {"flow"} if kind == "edge" and int(name) not in sent else set()
        gone |= {"value", "value-map"} if kind == "node" and name not in known else set()
        gone |= {"gradient-map"} if kind == "node" and name not in whole else set()
        found: list[Item] = []
        for at, part in enumerate(item.items):
            cls = getattr(part, "cls", None)
            if cls in gone:
                continue
            if isinstance(part, Text) and cls == "value" and name in values:
                part = replace(part, what=words(values[name]))
            elif isinstance(part, Text) and cls == "gradient" and nodes[name].role != "constant":
                part = replace(part, what=words(f"∂ = {gradients[name]}" if name in gradients else "∂ –"))
            elif now and isinstance(part, Line | Box) and (at == 0 or kind == "edge"):
                part = replace(part, stroke=color, width=3.5)
            found.append(part)
        return replace(item, items=found)

    for i, step in enumerate(data.steps):
        if step.phase == "forward":
            known.add(step.node)
        elif step.phase == "backward":
            whole |= {step.node} if last[step.node] == i else set()
            size = size_of(nodes[step.node])
            say = partial(in_card, size=size) if step.node in whole else brief
            gradients[step.node] = say(step.shown) if step.shown else "…"
            sent |= set(step.edges)
        elif step.shown:
            values[step.node] = brief(step.shown)
        color = COLORS["alpha" if step.phase == "forward" else "B"]
        items = [still(item, step.node, step.edges, color) for item in scene.items]
        below = [Text(24, scene.height + 26, step.general, 16, color, "start")]
        below.append(Text(24, scene.height + 50, step.numbers, 14, anchor="start"))
        below.append(Text(24, scene.height + 72, words(step.sentence), 12, QUIET, "start"))
        width = max(scene.width, *[text.length + 48 for text in below])
        yield replace(scene, width=width, height=scene.height + 88, items=[*items, *below], description=step.sentence)
