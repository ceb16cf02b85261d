"""Layout engines: who turns DOT text into svg, png or pdf on this machine.

The order: what the caller or `TINYGRAD_ED_DOT` names; then the program `dot`, if it runs and offers the format; then
pygraphviz, which carries Graphviz inside its wheel. A named engine is used or refused, never silently replaced. All run
in a process of their own, without a shell, so that a layout that never ends or crashes is one line of text. The time
and the output are limited, and whatever an engine has started ends with it.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import IO

from tinygrad_ed.errors import FileProblem, InvalidValue, MissingExtra

VARIABLE = "TINYGRAD_ED_DOT"
INSTALL = 'python -m pip install "tinygrad_ed[dot]"'
ENGINES = ("dot", "pygraphviz")  # tried in this order where none is named
FORMATS = ("svg", "png", "pdf")
SECONDS = 60  # after this a layout is given up
MEGABYTES = 64  # a drawing that is larger is given up
_PNG = ["-Gdpi=144", "-Gsize=55,55"]  # at most 55 inches: 8000 pixels a side, so that no picture eats the memory
_CHILD = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot", args=" ".join(sys.argv[2:])))
"""
NO_FONT = (
    "this machine has no font, so every letter in a png or pdf would be an empty box; install one (on Debian "
    "fonts-dejavu-core), or save as .svg or .html, which use the fonts of the machine that shows them"
)


class _Failed(Exception):
    """One engine could not do it; the text says why. A signal between the functions below, never seen outside."""


def render(source: str, form: str, engine: str | None = None) -> bytes:
    """Return DOT text drawn as `form` by an engine: the path of a `dot` program, or "pygraphviz"; None tries both."""
    if form not in FORMATS:
        raise InvalidValue(f"a layout engine draws {', '.join(FORMATS)}, not {form!r}")
    named = engine or os.environ.get(VARIABLE)
    reasons = []
    for name in [named] if named else ENGINES:
        try:
            drawn = _run(name, source, form)
            if form != "svg" and not has_letters(name):
                raise FileProblem(NO_FONT)
            return drawn
        except _Failed as problem:
            reasons.append(f"{name}: {problem}")
            if "gave up" in reasons[-1]:
                break  # another one would need as long
    if named:
        origin = "the engine" if engine else VARIABLE
        raise FileProblem(f"{origin} names a layout engine that cannot be used: {reasons[0]}")
    if all("not installed" in reason for reason in reasons):
        raise MissingExtra(
            f"drawing {form} needs a layout engine, and none was found (no `dot` program on PATH, no pygraphviz); "
            f"install one with: {INSTALL}   (saving as .dot always works)"
        )
    slow = "gave up" in reasons[-1]
    hint = "Take less detail, or draw a part of the graph" if slow else f"Another one comes with: {INSTALL}"
    raise FileProblem(f"no layout engine could draw {form}: {'; '.join(reasons)}. {hint}")


@dataclass(frozen=True)
class Doctor:
    """What `doctor` found: the engine in use (or None), why, and the state of every engine."""

    engine: str | None
    why: str
    engines: dict[str, str]

    @property
    def ok(self) -> bool:
        """True if pictures of graphs can be drawn as svg, png and pdf."""
        return self.engine is not None

    def __str__(self) -> str:
        head = f"layout engine: {self.engine or 'none'} ({self.why})"
        return "\n".join([head, *(f"  {name}: {state}" for name, state in self.engines.items())])


def doctor() -> Doctor:
    """Say which layout engine draws graphs on this machine, and why, by drawing a tiny graph with each."""
    named = os.environ.get(VARIABLE)
    states = {name: _state(name) for name in dict.fromkeys([*([named] if named else []), *ENGINES])}
    working = [name for name, state in states.items() if state.startswith(f"draws {', '.join(FORMATS)}")]
    if named:
        good = named in working
        return Doctor(named if good else None, f"named by {VARIABLE}" + ("" if good else ", but unusable"), states)
    if not working:
        return Doctor(None, f"install one with: {INSTALL}", states)
    why = "the `dot` program on PATH" if working[0] == "dot" else "no usable `dot` program, so the one in pygraphviz"
    return Doctor(working[0], why, states)


def _state(name: str) -> str:
    """Return what an engine can draw, or why not."""
    done, problem = [], ""
    for form in FORMATS:
        try:
            _run(name, "digraph { a -> b }", form)
            done.append(form)
        except _Failed as reason:
            problem = str(reason)
    if "png" in done and not has_letters(name):
        return "draws svg; png and pdf would have no letters: no font is installed"
    return (f"draws {', '.join(done)}" if done else "") + ("; " if done and problem else "") + problem


def _run(name: str, source: str, form: str) -> bytes:
    """Start an engine, give it the text and return what it draws."""
    command = [*_command(name, form), *(_PNG if form == "png" else [])]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as drawn, tempfile.TemporaryFile() as said:
        given.write(source.encode())
        given.seek(0)
        try:
            engine = subprocess.Popen(command, stdin=given, stdout=drawn, stderr=said, start_new_session=True)  # noqa: S603  no shell; the program is the user's own choice
        except OSError as error:
            raise _Failed(f"it does not start ({error.strerror or error})") from None
        try:
            _wait(engine, drawn, said)
        finally:
            _end(engine)
        drawn.seek(0)
        said.seek(0)
        picture = drawn.read()
        if engine.returncode == 0 and picture:
            return picture
        lines = said.read().decode(errors="replace").strip().splitlines() or [f"exit status {engine.returncode}"]
        raise _Failed(lines[-1][:200])


def _wait(engine: "subprocess.Popen[bytes]", *outputs: IO[bytes]) -> None:
    """Wait until an engine ends, as long as it keeps to the limits."""
    until = time.monotonic() + SECONDS
    running = True
    while running:
        try:
            engine.wait(timeout=0.05)
            running = False
        except subprocess.TimeoutExpired:
            if time.monotonic() > until:
                raise _Failed(f"gave up after {SECONDS} s; draw a smaller part or less detail") from None
        if any(os.fstat(file.fileno()).st_size > MEGABYTES * 2**20 for file in outputs):
            raise _Failed(f"it wrote more than {MEGABYTES} MB and was stopped")


def _end(engine: "subprocess.Popen[bytes]") -> None:
    """End an engine and all that it has started."""
    if os.name == "posix":
        with suppress(OSError):  # all have ended
            os.killpg(engine.pid, signal.SIGKILL)
    elif engine.poll() is None:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(engine.pid)], capture_output=True, check=False)  # noqa: S603, S607  Windows' own
    engine.wait()


@cache
def has_letters(name: str) -> bool:
    """Tell whether an engine finds a font: without one every letter is the same empty box."""
    one, other = [_run(name, f'digraph {{ a [label="{letter}"] }}', "png") for letter in "Wl"]
    return one != other


def _command(name: str, form: str) -> list[str]:
    """Tell how an engine is started."""
    if name == "pygraphviz":
        if importlib.util.find_spec(name) is None:
            raise _Failed("not installed (no such package)")
        return [sys.executable, "-P", "-W", "ignore", "-c", _CHILD, form]
    program = shutil.which(name)
    if program is None:
        raise _Failed("not installed (no such program)")
    return [program, f"-T{form}"]
