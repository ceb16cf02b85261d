"""The command `tinygrad-ed`.

A command parses its options, calls the public functions, and prints; each has a file here, or shares one. What goes
wrong is one line on stderr and exit status 2; status 1 says that the roads disagree and nothing else, 130 that Ctrl-C
was pressed, 143 that the process was told to end (SIGTERM).
"""

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from tinygrad_ed import __version__
from tinygrad_ed.cli import about, predict, random_network, train
from tinygrad_ed.cli.parser import Parser, add_commands, flush, in_options
from tinygrad_ed.errors import Error, InvalidValue

COMMANDS = (
    about.add_demo,
    train.add_train,
    predict.add_predict,
    random_network.add_check,
    random_network.add_draw,
    random_network.add_play,
    about.add_ops,
    about.add_doctor,
)
"""What adds each command, in the order of the help."""

FILES = ("file", "model", "save", "checkpoint", "plots", "output", "out")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 done, 1 the roads disagree, 2 an error, 130 Ctrl-C, 143 SIGTERM).

    >>> main(["check", "--sizes", "2-3-1", "--roads", "graph,rules", "--brief"])
    all 15 quantities agree on the roads graph, rules
    0
    """
    with _outputs(), _signals() as received:
        try:
            status = _run(argv)
        except KeyboardInterrupt:
            with suppress(OSError):
                print("tinygrad-ed: stopped", file=sys.stderr)
            status = 130
        finally:
            for stream in (sys.stdout, sys.stderr):
                flush(stream)
        return 143 if status == 130 and received[:1] == [signal.SIGTERM] else status


def _run(argv: Sequence[str] | None) -> int:
    try:
        options = _parser().parse_args(argv)
        empty = [f"--{name}" for name in FILES if getattr(options, name, None) == ""]
        if empty:
            raise InvalidValue(f"{empty[0]} names no file: its name is empty")
        status = int(options.run(options))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of our output left, as `head` does
        return 0
    except MemoryError as error:
        return _failed(f"not enough memory; choose smaller sizes or a smaller batch. {error}")
    except (Error, OSError) as error:
        return _failed(in_options(str(error)))
    except Exception as error:  # noqa: BLE001  # status 1 and a traceback would say that the roads disagree
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return _failed(f"a mistake of tinygrad-ed itself; please report it: {type(error).__name__}: {error} ({where})")


def _failed(text: str) -> int:
    with suppress(OSError):  # nobody may be there to read it
        print(f"tinygrad-ed: {' '.join(text.split())}", file=sys.stderr)
    return 2


@contextmanager
def _outputs() -> Iterator[None]:
    """Give the command an output and an error output, also if there is none (`2>&-`), and a line to a warning."""
    with ExitStack() as stack:
        for name, redirected in (("stdout", redirect_stdout), ("stderr", redirect_stderr)):
            if getattr(sys, name) is None:
                stack.enter_context(redirected(stack.enter_context(open(os.devnull, "w"))))  # noqa: PTH123  # no path
            if hasattr(stream := getattr(sys, name), "reconfigure"):  # a question mark for a tick it cannot write
                stream.reconfigure(errors="replace")
        stack.enter_context(warnings.catch_warnings())
        warnings.showwarning = lambda message, *_: _failed(in_options(str(message)))  # type: ignore[assignment]
        yield


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Stop by Ctrl-C or SIGTERM in order: the second one may come in haste, and does not disturb the saving."""
    received: list[int] = []

    def stop(number: int, _: Any) -> None:
        received.append(number)
        if len(received) != 2:
            raise KeyboardInterrupt

    usual: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    here = threading.current_thread() is threading.main_thread()
    mine = [number for number, handler in usual.items() if here and signal.getsignal(number) == handler]
    for number in mine:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number in mine:
            signal.signal(number, usual[number])


def _parser() -> Parser:
    parser = Parser(
        prog="tinygrad-ed",
        description="Automatic differentiation that shows, checks and draws every number.",
        epilog="A network for your own table, and its answers to new rows:\n"
        "  tinygrad-ed train table.csv --target price --save model.npz\n"
        "  tinygrad-ed predict model.npz new.csv --output answers.csv\n"
        "tinygrad-ed COMMAND --help tells more about each.",
    )
    parser.add_argument("--version", action="version", version=f"tinygrad-ed {__version__}")
    add = add_commands(parser)
    for command in COMMANDS:
        command(add)
    return parser
