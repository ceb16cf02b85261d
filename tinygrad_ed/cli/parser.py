"""What all commands share: a parser with errors on one line, kinds of numbers, and files that are not overwritten."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from tinygrad_ed.data.cells import DECIMALS, THOUSANDS
from tinygrad_ed.data.columns import MISSINGS
from tinygrad_ed.data.files import writable
from tinygrad_ed.data.table_file import HEADERS, SEPARATORS
from tinygrad_ed.errors import InvalidValue, printable

Run = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """argparse with its errors on one line, and texts as they are written."""

    def __init__(self, **options: object) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)  # type: ignore[arg-type]  # handed on

    def error(self, message: str) -> NoReturn:
        """Say what is wrong on one line, and end with status 2."""
        message = re.sub(r"(--x|--rho): expected one argument", r"\g<0>; write a negative one so: \1=-1,2", message)
        print(f"{self.prog}: {printable(message)} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


Add = Callable[..., Parser]


def add_commands(parser: Parser) -> Add:
    """Give a parser commands; return the function that adds one: by name, what runs it, and its text."""
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    def add(name: str, run: Run, text: str, epilog: str = "") -> Parser:
        added = commands.add_parser(name, help=text, description=text, epilog=epilog)
        added.set_defaults(run=run)
        return added

    return add


def whole(text: str, at_least: int = 1) -> int:
    """Read a whole number."""
    if not (text.isascii() and text.isdecimal() and len(text) < 1000) or int(text) < at_least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {at_least}")
    return int(text)


def seed(text: str) -> int:
    """Read a whole number of at least 0."""
    return whole(text, at_least=0)


def sizes(text: str) -> list[int]:
    """Read widths such as 2-3-2 (or 2,3,2)."""
    return [whole(part) for part in text.replace(",", "-").split("-")]


READING: dict[str, tuple[Sequence[str] | None, str]] = {
    "separator": (None, f"what separates cells: {', '.join(SEPARATORS)}, or a character"),
    "encoding": (None, "of the text, such as utf-8 or cp1252"),
    "header": (HEADERS, "is the first line a header?"),
    "decimal": (("auto", *DECIMALS), "the decimal mark"),
    "thousands": (("auto", *THOUSANDS), "the mark between groups of three digits"),
    "missing": (MISSINGS, "rows that lack a value: refuse, leave out, or fill (text: with the commonest)"),
}
"""How a table is read: the options of `read_table` and `read_rows` by name, what may be chosen, and what it is."""


def reading_options(group: Any, missing: str | None) -> None:
    """Add the options by which a table is read."""
    for name, (choices, text) in READING.items():
        default, metavar = missing if name == "missing" else "auto", None if choices else name.upper()
        shown = f"{text} (default: {default or 'as in training'})"
        group.add_argument(f"--{name}", default=default, choices=choices, metavar=metavar, help=shown)


def reading(options: argparse.Namespace) -> dict[str, Any]:
    """Return how a table is to be read, as keywords."""
    return {name: getattr(options, name) for name in READING}


_ARGUMENT = re.compile(r"\b(categories|decimal|drop|header|kind|missing|thousands)=(?:'([\w,]+)'|('[^']*'|\"[^\"]*\"))")
_OPTION = re.compile(r"\b(?:the )?option ([a-z]+)\b|\b(batch_size|learning_rate|weight_decay|checkpoint_every)\b(?!=)")


def in_options(text: str) -> str:
    """Return a text of the package with its keywords as options: `kind='classes'` is `--kind classes`."""
    text = _ARGUMENT.sub(lambda found: f"--{found[1]} {found[2] or found[3]}", text)
    return _OPTION.sub(lambda found: f"--{found[1] or found[2].replace('_', '-')}", text)


def say(text: str, file: TextIO | None = None) -> None:
    """Print a text of the package: its keywords as options, and nothing in it that steers a terminal."""
    print(printable(in_options(text)), file=file)


def check_free(path: Path, force: bool) -> None:
    """Refuse a file that is there already, unless it may be replaced, and a place where none can be written."""
    writable(path)
    if path.exists() and not force:
        raise InvalidValue(f"{str(path)!r} is there already; give another name, or replace it with --force")
