"""The command `tinygrad-ed`.

A command parses its options, calls the public functions, and prints; each has a file here, or shares one. What goes
wrong is one line on stderr and exit status 2; status 1 says that the roads disagree, 130 that Ctrl-C was pressed.
"""

import os
import sys
from collections.abc import Sequence

from tinygrad_ed import __version__
from tinygrad_ed.cli import about, predict, random_network, train
from tinygrad_ed.cli.parser import Parser, add_commands, in_options
from tinygrad_ed.errors import Error

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 done, 1 the roads disagree, 2 an error, 130 Ctrl-C).

    >>> main(["check", "--sizes", "2-3-1", "--roads", "graph,rules", "--brief"])
    all 15 quantities agree on the roads graph, rules
    0
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # an output that cannot write a tick gets a question mark
            stream.reconfigure(errors="replace")
    try:
        options = _parser().parse_args(argv)
        return int(options.run(options))
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("tinygrad-ed: stopped", file=sys.stderr)
        return 130
    except MemoryError as error:
        return _failed(f"not enough memory; choose smaller sizes or a smaller batch. {error}")
    except (Error, OSError) as error:
        return _failed(in_options(str(error)))


def _failed(text: str) -> int:
    print(f"tinygrad-ed: {' '.join(text.split())}", file=sys.stderr)
    return 2


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
