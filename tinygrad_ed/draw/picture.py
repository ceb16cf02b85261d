"""Picture: what every drawing function returns. It saves itself, and it shows itself in a notebook."""

import base64
import html
import os
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_ed.data.files import checked, write_whole
from tinygrad_ed.draw import backends
from tinygrad_ed.draw.scene import Scene, to_dot, to_svg
from tinygrad_ed.draw.style import clean, escape, page_css
from tinygrad_ed.errors import Error, InvalidValue, nearest, printable
from tinygrad_ed.notation.tables import page as whole_page
from tinygrad_ed.notation.writing import Writing

if TYPE_CHECKING:
    import graphviz

Makers = dict[str, Callable[[], bytes]]


class Picture:
    """A picture in several formats, each made when it is asked for.

    Args:
        title: what it shows, in a few words.
        makers: for each of the formats a function that returns the file's bytes.
        frame: show the page ("html") in a notebook, in a frame of this height in pixels, in place of the image.

    Attributes:
        answers: the same picture with its numbers, if this one leaves them blank.
    """

    def __init__(self, title: str, makers: Makers, frame: int = 0) -> None:
        self.title = title
        self.answers: Picture | None = None
        self._makers = makers
        self._frame = frame

    def __repr__(self) -> str:
        return f"<picture: {printable(self.title)}; save it as {', '.join(self.formats)}>"

    @property
    def formats(self) -> list[str]:
        """The suffixes it can be saved under, without their dot."""
        return sorted(self._makers)

    def render(self, form: str) -> bytes:
        """Return the picture in one format, as the bytes of a file.

        Raises:
            InvalidValue: for an unknown format.
            MissingExtra, FileProblem: if it needs a layout engine that is missing or fails.
        """
        if form not in self._makers:
            raise InvalidValue(
                f"the suffix {'.' + form!r} names no format of this picture. {nearest(form, self.formats)}"
            )
        return self._makers[form]()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; the suffix of the name (.svg, .png, .pdf, .dot, .html; see `formats`) is the format.

        The file is written beside its place and then renamed, so a save that fails leaves an older file as it was.

        Returns:
            the path.

        Raises:
            InvalidValue: for a name that is empty, has no suffix, or one of an unknown format.
            FileProblem: if the folder is missing or cannot be written.
            MissingExtra: if the format needs a layout engine and there is none.
        """
        path = Path(path)
        ends = ", ".join("." + form for form in self.formats)
        if not path.name:
            raise InvalidValue(f"the file name is empty; give one that ends with one of {ends}")
        if not path.suffix:
            raise InvalidValue(f"{str(path)!r} has no suffix, so the format is not known; end it with one of {ends}")
        return write_whole(checked(path, "save"), self.render(path.suffix[1:].lower()))

    def to_graphviz(self) -> "graphviz.Source":
        """Return the picture as an object of the package `graphviz`, for its viewers, engines and options."""
        import graphviz

        return graphviz.Source(self.render("dot").decode())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows: the page in a frame, or SVG and PNG side by side; always a line of text."""
        bundle = {"text/plain": repr(self)}
        if self._frame:
            page = html.escape(self.render("html").decode())  # line ends stay: the script needs them
            bundle["text/html"] = (
                f'<iframe srcdoc="{page}" title="{escape(self.title)}" sandbox="allow-scripts" '
                f'style="width:100%;height:{self._frame}px;border:0"></iframe>'
            )
            return bundle
        for form, mime in (("svg", "image/svg+xml"), ("png", "image/png")):
            try:
                drawn = self.render(form)
            except Error as problem:  # without an engine a notebook gets the lesson, not a traceback
                bundle["text/plain"] = f"{bundle['text/plain']}\n{problem}"
                break
            fit = '<svg style="max-width:100%;height:auto" '  # else a wide drawing is cut off at the cell's edge
            bundle[mime] = (
                drawn.decode().replace("<svg ", fit, 1) if form == "svg" else base64.b64encode(drawn).decode()
            )
        return bundle


def of_scene(
    title: str, scene: Callable[[], Scene], engine: str | None, frame: int = 0, **more: Callable[[], bytes]
) -> Picture:
    """Return the picture of a scene: svg and dot by ourselves, png and pdf from that dot by a layout engine."""
    makers: Makers = {
        "svg": lambda: to_svg(scene()).encode(),
        "png": lambda: backends.render(to_dot(scene()), "png", engine),
        "pdf": lambda: backends.render(to_dot(scene()), "pdf", engine),
        "dot": lambda: to_dot(scene()).encode(),
        "html": lambda: image_page(title, to_svg(scene(), inline=True)),
    }
    return Picture(title, makers | more, frame)


def of_dot(title: str, source: str, engine: str | None, **more: Callable[[], bytes]) -> Picture:
    """Return the picture of DOT text, drawn by a layout engine."""
    drawn = partial(backends.render, source, engine=engine)

    def html() -> bytes:
        svg = drawn("svg").decode()
        return image_page(title, svg[svg.index("<svg") :])

    makers: Makers = {form: partial(drawn, form) for form in backends.FORMATS}
    return Picture(title, makers | {"dot": source.encode, "html": html} | more)


def sheet(draw: Callable[[Writing], Picture], write: Writing) -> Picture:
    """Return a picture; if it leaves numbers blank, its page has the answers on a second page."""
    picture = draw(write)
    if write.numbers != "blank":
        return picture
    picture.answers = answers = draw(replace(write, numbers=True))

    def html() -> bytes:
        blank, full = [drawn[drawn.index("<svg") :] for drawn in (p.render("svg").decode() for p in (picture, answers))]
        return image_page(picture.title, f'{blank}<section style="break-before:page">{full}</section>')

    picture._makers["html"] = html
    picture._frame = 0
    return picture


def image_page(title: str, svg: str) -> bytes:
    """Return a page with one drawing, which can be searched, and be seen as a whole or in its parts."""
    return page(title, "drawing", {"$DRAWING": svg})


def asset(name: str) -> str:
    """Return a file that is part of a page; of a script or style without comments."""
    lines = [line.strip() for line in (files("tinygrad_ed.draw") / "assets" / name).read_text("utf-8").splitlines()]
    return "\n".join([line for line in lines if line and not line.startswith(("//", "/*"))])


def page(title: str, name: str, parts: dict[str, str], *scripts: str) -> bytes:
    """Return a whole HTML page in one file: that of this name, with its style and script inside, and its parts."""
    svg = parts["$DRAWING"]
    _, _, w, h = re.findall(r'viewBox="(.*?)"', svg)[0].split()
    sizes = [re.search(r'font-size="([\d.]+)"', letters) for letters in re.findall(r"<text[^>]*>", svg)]
    least = min([float(size[1]) if size else 14.0 for size in sizes], default=14.0)
    parts |= {"$TITLE": escape(title), "$FIT": f"--w:{w};--h:{h};--t:{least:g}"}
    # in one pass: what is put in is not looked at again
    body = re.sub(r"\$[A-Z]+", lambda mark: parts[mark[0]], asset(f"{name}.html"))
    css = asset("view.css") + (asset(f"{name}.css") if name != "drawing" else "")
    script = "\n".join([asset(f"{each}.js") for each in ("view", *scripts)])
    return whole_page(clean(title), f"{page_css(body)}\n{css}", body, script).encode()
