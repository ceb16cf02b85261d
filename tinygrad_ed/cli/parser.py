"""What all commands share: a parser with errors on one line, kinds of numbers, and files that are not overwritten."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tinygrad_ed.data.files import writable
from tinygrad_ed.errors import InvalidValue, printable

Run = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """argparse with its errors on one line, and texts as they are written."""

    def __init__(self, **options: object) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)  # type: ignore[arg-type]  # handed on

    def error(self, message: str) -> NoReturn:
        """Say what is wrong on one line, and end with status 2."""
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
    """Read a whole number.

    Raises:
        argparse.ArgumentTypeError: for anything else, or one below `at_least`.
    """
    if not text.isdecimal() or int(text) < at_least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {at_least}")
    return int(text)


def seed(text: str) -> int:
    """Read a whole number of at least 0."""
    return whole(text, at_least=0)


def sizes(text: str) -> list[int]:
    """Read widths such as 2-3-2 (or 2,3,2)."""
    return [whole(part) for part in text.replace(",", "-").split("-")]


_ARGUMENT = re.compile(r"\b(decimal|drop|header|kind|missing)=('[^']*'|\"[^\"]*\")")

_RATE = re.compile(r"\blearning_rate\b(?!=)")


def in_options(text: str) -> str:
    """Return a text of the package with its keywords as options.

    >>> in_options("numbers, unless kind='classes'")
    "numbers, unless --kind 'classes'"
    """
    return _RATE.sub("--learning-rate", _ARGUMENT.sub(r"--\1 \2", text))


def check_free(path: Path, force: bool) -> None:
    """Refuse a file that is there already, unless it may be replaced, and a place where none can be written.

    Raises:
        InvalidValue: if it is there.
        FileProblem: as `writable`.
    """
    writable(path)
    if path.exists() and not force:
        raise InvalidValue(f"{str(path)!r} is there already; give another name, or replace it with --force")
