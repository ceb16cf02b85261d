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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from tinygrad_ed import __version__
from tinygrad_ed.cli import about, predict, random_network, train
from tinygrad_ed.cli.parser import Parser, add_commands, in_options
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

FILES = ("file", "model", "weights", "save", "checkpoint", "plots", "output", "out")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 done, 1 the roads disagree, 2 an error, 130 Ctrl-C, 143 SIGTERM).

    >>> main(["check", "--sizes", "2-3-1", "--roads", "graph,rules", "--brief"])
    all 15 quantities agree on the roads graph, rules
    0
    """
    with _outputs() as output, _signals() as received:
        try:
            status = _run(argv)
        except KeyboardInterrupt as stop:
            print("; ".join(["tinygrad-ed: stopped", *map(str, stop.args)]), file=sys.stderr)
            status = 130
        output.flush()
        if output.problem:
            status = status or _failed(f"the output cannot be written: {output.problem}")
        return 143 if status == 130 and signal.SIGTERM in received else status


def _run(argv: Sequence[str] | None) -> int:
    try:
        options = _parser().parse_args(argv)
        options.argv = sys.argv[1:] if argv is None else argv
        for name in FILES:
            if getattr(options, name, None) == "":
                raise InvalidValue(f"the name of a file is empty: {name}")
        return int(options.run(options))
    except MemoryError as error:
        return _failed(f"not enough memory; choose smaller sizes or a smaller batch. {error}")
    except (Error, OSError) as error:
        return _failed(in_options(str(error)))
    except Exception as error:  # noqa: BLE001  # status 1 and a traceback would say that the roads disagree
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return _failed(f"a mistake of tinygrad-ed itself; please report it: {type(error).__name__}: {error} ({where})")


def _failed(text: str) -> int:
    print(f"tinygrad-ed: {' '.join(text.split())}", file=sys.stderr)
    return 2


class _Output:
    """A stream that may be gone, as after `| head`: what it does not take is dropped, and the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.problem = stream, ""
        if hasattr(stream, "reconfigure"):  # a question mark for a tick that it cannot write
            stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        self._hand_over(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._hand_over(self._stream.flush)

    def _hand_over(self, call: Callable[..., Any], *text: str) -> None:
        try:
            call(*text)
        except OSError as error:
            self.problem = "" if isinstance(error, BrokenPipeError) else str(error.strerror)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _outputs() -> Iterator[_Output]:
    """Give the command its outputs, also if there are none (`2>&-`), and a line to a warning."""
    with ExitStack() as stack:
        output, errors = [
            _Output(stream or stack.enter_context(open(os.devnull, "w")))  # noqa: PTH123  # no path
            for stream in (sys.stdout, sys.stderr)
        ]
        stack.enter_context(redirect_stdout(output))
        stack.enter_context(redirect_stderr(errors))
        stack.enter_context(warnings.catch_warnings())
        warnings.showwarning = lambda message, *_: _failed(in_options(str(message)))  # type: ignore[assignment]
        stack.callback(errors.flush)
        stack.callback(output.flush)
        yield output


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
