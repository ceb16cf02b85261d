"""A drawing as plain data: circles, boxes, lines and texts at coordinates, and the two languages it is written in.

The views on a fixed grid (network, compare, player) are laid out once as a `Scene`. `to_svg` writes it without
any layout engine; `to_dot` writes the same coordinates as DOT with pinned nodes, from which a layout
engine draws png and pdf. Coordinates are pixels from the upper left corner.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tinygrad_ed.draw.style import DOT_FONT, FONT, INK, PAPER, QUIET, escape, quoted, tspans
from tinygrad_ed.notation.formula import Formula, Row
from tinygrad_ed.notation.writing import BLANK, Writing


@dataclass(frozen=True, slots=True)
class Circle:
    """A disc; with `lower`, its lower half has another fill."""

    x: float
    y: float
    r: float
    fill: str
    stroke: str
    width: float = 1.2
    lower: str | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its center, with rounded corners where `radius` is given."""

    x: float
    y: float
    w: float
    h: float
    fill: str
    stroke: str = "none"
    width: float = 1.2
    radius: float = 0.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line, or a curve that leaves and arrives upright where `bend` is given."""

    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str
    width: float = 1.2
    dashed: bool = False
    bend: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; y is its baseline, anchor is "start", "middle" or "end"."""

    x: float
    y: float
    what: Formula
    size: float = 12.0
    color: str = INK
    anchor: str = "middle"
    bold: bool = False
    cls: str | None = None

    @property
    def length(self) -> float:
        """A width in pixels that the text does not exceed by much in any usual font."""
        return sum(len(text) * self.size * (0.4 if level else 0.57) for text, level in self.what.runs)


@dataclass(frozen=True, slots=True)
class Group:
    """Items that belong together, with an id, a class and a tooltip in SVG."""

    items: "Sequence[Item]"
    id: str | None = None
    cls: str | None = None
    tip: str | None = None
    extra: dict[str, str] = field(default_factory=dict)


Item = Circle | Box | Line | Text | Group
_NUMBERS = (
    "value",
    "gradient",
    "value-map",
    "gradient-map",
    "after-map",
    "flow",
)  # of the cards of a graph


@dataclass(frozen=True)
class Scene:
    """A drawing of a size in pixels; `title` and `description` are what a screen reader says."""

    width: float
    height: float
    title: str
    description: str
    items: Sequence[Item]


def rewritten(items: "Sequence[Item]", write: Writing) -> "list[Item]":
    """Return items whose texts are written in another way: blanks are boxes, and what hides numbers has no tooltips."""
    found: list[Item] = []
    for item in items:
        if write.numbers is not True and getattr(item, "cls", None) in _NUMBERS:
            continue
        if isinstance(item, Group):
            tip = write.text(item.tip) if item.tip and write.numbers is True else None
            found.append(replace(item, items=rewritten(item.items, write), tip=tip))
        elif isinstance(item, Text):
            found += _lettered(replace(item, what=write(item.what)))
        else:
            found.append(item)
    return found


def _lettered(text: Text) -> "list[Item]":
    """Return a text; a blank at its end becomes a box that one can write into."""
    parts = text.what.parts if isinstance(text.what, Row) else (text.what,)
    if parts[-1:] != (BLANK,):
        return [text] if parts else []
    before, wide = replace(text, what=Row(parts[:-1])), 3.6 * text.size
    whole = wide + (before.length + 4 if parts[:-1] else 0)
    left = text.x - {"start": 0.0, "middle": whole / 2, "end": whole}[text.anchor]
    box = Box(left + whole - wide / 2, text.y - 0.36 * text.size, wide, 1.3 * text.size, PAPER, QUIET, 0.8, 2)
    return [replace(before, x=left, anchor="start"), box] if parts[:-1] else [box]


def to_svg(scene: Scene, inline: bool = False) -> str:
    """Return a scene as one SVG element: a file, or `inline` for a page, which needs no namespace."""
    space = "" if inline else 'xmlns="http://www.w3.org/2000/svg" '
    w, h = round(scene.width), round(scene.height)
    inside = "\n".join(line for item in scene.items for line in _svg(item))
    return (
        f'<svg {space}width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" '
        f'aria-label="{escape(scene.title)}" font-family="{FONT}" font-size="14" fill="{INK}">\n'
        f"<title>{escape(scene.title)}</title>\n"
        f"<desc>{escape(scene.description)}</desc>\n"
        f'<rect class="paper" width="{w}" height="{h}" fill="{PAPER}"/>\n{inside}\n</svg>\n'
    )


def _n(x: float) -> str:
    """Return a coordinate, to a tenth of a pixel."""
    return f"{x:.1f}".removesuffix(".0")


def _svg(item: Item) -> Iterator[str]:
    match item:
        case Circle(x, y, r, fill, stroke, width, lower):
            disc = f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{r:g}"'
            rim = f'stroke="{stroke}" stroke-width="{width:g}"'
            yield f'{disc} fill="{fill}" {rim}/>'
            if lower:
                yield f'<path d="M{_n(x - r)} {_n(y)}A{r:g} {r:g} 0 0 0 {_n(x + r)} {_n(y)}Z" fill="{lower}"/>'
                yield f'{disc} fill="none" {rim}/>'
        case Box(x, y, w, h, fill, stroke, width, radius, dashed):
            more = (f' rx="{radius:g}"' if radius else "") + (' stroke-dasharray="5 3"' if dashed else "")
            line = f' stroke="{stroke}" stroke-width="{width:g}"' if stroke != "none" else ""
            place = f'x="{_n(x - w / 2)}" y="{_n(y - h / 2)}" width="{_n(w)}" height="{_n(h)}"'
            yield f'<rect {place} fill="{fill}"{line}{more}/>'
        case Line(x1, y1, x2, y2, stroke, width, dashed, bend):
            middle = (y1 + y2) / 2
            curve = f"C{_n(x1)} {_n(middle)} {_n(x2)} {_n(middle)} {_n(x2)} {_n(y2)}" if bend else f"L{_n(x2)} {_n(y2)}"
            more = ' stroke-dasharray="6 4"' if dashed else ""
            yield (
                f'<path class="wire" d="M{_n(x1)} {_n(y1)}{curve}" fill="none" stroke="{stroke}" '
                f'stroke-width="{width:.2g}"{more}/>'
            )
        case Text(x, y, what, size, color, anchor, bold, cls):
            more = (' font-weight="bold"' if bold else "") + (f' class="{cls}"' if cls else "")
            more += f' text-anchor="{anchor}"' if anchor != "start" else ""
            place = f'x="{_n(x)}" y="{_n(y)}"' + (f' font-size="{size:g}"' if size != 14 else "")
            paint = "" if color == INK else f' fill="{color}"'
            yield f"<text {place}{paint}{more}>{tspans(what.runs, size)}</text>"
        case Group(items, cls="cells"):
            yield from _cells(items)
        case Group(items, ident, cls, tip, extra):
            names = {"id": ident, "class": cls, **extra}
            yield "<g" + "".join(f' {key}="{escape(value)}"' for key, value in names.items() if value) + ">"
            if tip:
                yield f"<title>{escape(tip)}</title>"
            for inner in items:
                yield from _svg(inner)
            yield "</g>"


def _cells(items: Sequence[Item]) -> Iterator[str]:
    """Return squares, those of one color as one path."""
    paths: dict[str, str] = {}
    for box in items:
        if isinstance(box, Box):
            corner = f"M{_n(box.x - box.w / 2)} {_n(box.y - box.h / 2)}"
            paths[box.fill] = f"{paths.get(box.fill, '')}{corner}h{box.w:g}v{box.h:g}h-{box.w:g}z"
    for fill, path in paths.items():
        yield f'<path fill="{fill}" shape-rendering="crispEdges" d="{path}"/>'


def to_dot(scene: Scene) -> str:
    """Return a scene as DOT with the place of every box and the course of every line given (`layout=nop2`)."""
    lines = [
        "digraph {",
        f'  graph [bgcolor="{PAPER}", pad=0, margin=0, outputorder=edgesfirst, notranslate=true, layout=nop2]',
        f'  node [fontname="{DOT_FONT}", margin=0, fixedsize=true]',
        "  edge [arrowhead=none]",
    ]
    for corner, x, y in (("s0", 0.0, 0.0), ("s1", scene.width, scene.height)):
        lines.append(f'  {corner} [{_at(scene, x, y, 0.01, 0.01)}, shape=point, style=invis, label=""]')
    names = (f"s{i}" for i in itertools.count(2))
    for item in _flat(scene.items):
        if not isinstance(item, Text) or item.length:  # an empty label with an alignment crashes Graphviz 14
            lines += [f"  {line}" for line in _dot(item, scene, names)]
    return "\n".join([*lines, "}"]) + "\n"


def _flat(items: Sequence[Item]) -> Iterator[Circle | Box | Line | Text]:
    for item in items:
        if isinstance(item, Group):
            yield from _flat(item.items if item.extra.get("visibility") != "hidden" else ())
        else:
            yield item


def _at(scene: Scene, x: float, y: float, w: float, h: float) -> str:
    return f'pos="{x:.2f},{scene.height - y:.2f}!", width={w / 72:.4f}, height={h / 72:.4f}'


def _dot(item: Circle | Box | Line | Text, scene: Scene, names: Iterator[str]) -> Iterator[str]:
    match item:
        case Circle(x, y, r, fill, stroke, width, lower):
            paint = (
                f'style=wedged, fillcolor="{fill};0.5:{lower};0.5"' if lower else f'style=filled, fillcolor="{fill}"'
            )
            place = _at(scene, x, y, 2 * r, 2 * r)
            yield f'{next(names)} [{place}, shape=circle, {paint}, color="{stroke}", penwidth={width:g}, label=""]'
        case Box(x, y, w, h, fill, stroke, width, radius, dashed):
            style = "filled" + (",rounded" if radius else "") + (",dashed" if dashed else "")
            pen = f'color="{stroke}", penwidth={width:g}' if stroke != "none" else "penwidth=0"
            place = _at(scene, x, y, w, h)
            yield f'{next(names)} [{place}, shape=box, style="{style}", fillcolor="{fill}", {pen}, label=""]'
        case Line(x1, y1, x2, y2, stroke, width, dashed, bend):
            middle = (y1 + y2) / 2
            course = [(x1, y1), (x1, middle if bend else y1), (x2, middle if bend else y2), (x2, y2)]
            points = " ".join(f"{x:.2f},{scene.height - y:.2f}" for x, y in course)
            style = ", style=dashed" if dashed else ""
            yield f's0 -> s1 [pos="{points}", color="{stroke}", penwidth={width:.2g}{style}]'
        case Text(x, y, what, size, color, anchor, bold, _):
            w = item.length + 4
            x += {"start": w / 2, "middle": 0.0, "end": -w / 2}[anchor]
            end = {"start": "\\l", "middle": "", "end": "\\r"}[anchor]
            label = quoted(what.unicode)[:-1] + end + '"'
            font = ', fontname="Helvetica,Arial,Liberation Sans,DejaVu Sans Bold"' if bold else ""
            place = _at(scene, x, y - 0.36 * size, w, 1.3 * size)
            yield f'{next(names)} [{place}, shape=none, fontsize={size:g}, fontcolor="{color}"{font}, label={label}]'
