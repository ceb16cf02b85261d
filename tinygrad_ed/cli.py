"""The command `tinygrad-ed`: demo, check, draw, play, train, ops, doctor.

A command parses its options, calls the public functions, and prints. What goes wrong is one line on
stderr and exit status 2; status 1 says that the roads disagree.
"""

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from tinygrad_ed import __version__, demo, draw
from tinygrad_ed.checks import generator, storable
from tinygrad_ed.crosscheck import ROADS, crosscheck
from tinygrad_ed.data import read_table
from tinygrad_ed.errors import Error
from tinygrad_ed.nn import MLP, activations, costs
from tinygrad_ed.ops.coverage import coverage, table
from tinygrad_ed.train import METHODS, SAMPLINGS
from tinygrad_ed.train.gradients import ROADS as TRAINING_ROADS
from tinygrad_ed.train.table import train_on_table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 done, 1 the roads disagree, 2 an error).

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
        return _failed(str(error))


def _failed(text: str) -> int:
    print(f"tinygrad-ed: {' '.join(text.split())}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """argparse with its errors on one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tinygrad-ed", description="Automatic differentiation that shows, checks and draws every number."
    )
    parser.add_argument("--version", action="version", version=f"tinygrad-ed {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    demo_ = command("demo", _demo, "Train on the digits, cross-check four roads, draw a small network.")
    demo_.add_argument("--out", default="tinygrad-ed-demo", help="folder for the files (default: %(default)s)")
    demo_.add_argument("--seed", type=_seed, default=0)

    check = command("check", _check, "Cross-check the roads on a random network and batch.")
    _network_options(check)
    check.add_argument("--batch", type=_whole, default=4, help="number of samples (default: %(default)s)")
    check.add_argument("--roads", default=",".join(ROADS), help="default: %(default)s")
    check.add_argument("--brief", action="store_true", help="only the last line of the table")

    draw_ = command("draw", _draw, "Draw a random network on one sample.")
    _network_options(draw_)
    draw_.add_argument("--view", choices=("graph", "network", "compare"), default="graph")
    draw_.add_argument("--detail", choices=("auto", "layer", "tensor", "scalar"), default="tensor", help="of the graph")
    draw_.add_argument("--out", required=True, help="file: .svg, .png, .pdf, .dot or .html, as the view allows")

    play = command("play", _play, "Write the step-by-step player of a random network: one HTML file.")
    _network_options(play)
    play.add_argument("--out", default="player.html", help="file (default: %(default)s)")

    train = command("train", _train, "Train on your own table and say how well the network does on rows it never saw.")
    train.add_argument("file", help="a CSV file (with or without a header line) or an npz file")
    train.add_argument(
        "--target", default="y", help="column to predict: a name or a number from 1 (default: %(default)s)"
    )
    train.add_argument("--header", default="auto", choices=("auto", "yes", "no"))
    train.add_argument("--kind", default="auto", choices=("auto", "classes", "numbers"), help="what the target holds")
    train.add_argument("--hidden", type=_sizes, default=[16], help="widths of the hidden layers, such as 16-16")
    train.add_argument("--activation", default="tanh", help=", ".join(activations.NAMES))
    train.add_argument("--method", default="minibatch", help=", ".join(METHODS))
    train.add_argument("--sampling", default="shuffle", help=", ".join(SAMPLINGS))
    train.add_argument("--batch-size", type=_whole, default=32)
    train.add_argument("--learning-rate", type=float, default=0.1)
    train.add_argument("--epochs", type=_whole, default=100)
    train.add_argument("--test", type=float, default=0.25, help="share of the rows held out (default: %(default)s)")
    train.add_argument("--road", default="rules", help=", ".join(TRAINING_ROADS))
    train.add_argument("--seed", type=_seed, default=0)

    ops = command("ops", _ops, "Say which of NumPy's functions work on Nodes.")
    ops.add_argument("--list", action="store_true", help="one line a function")
    command("doctor", _doctor, "Say which layout engine draws the graphs, and why.")
    return parser


def _network_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=_sizes, default=[2, 3, 2], help="widths n_0-n_1-...-n_L (default: 2-3-2)")
    parser.add_argument("--activation", default="tanh", help=", ".join(activations.NAMES))
    parser.add_argument("--output", default="identity", help="activation of the last layer")
    parser.add_argument("--cost", default="mse", help=", ".join(costs.NAMES))
    parser.add_argument("--seed", type=_seed, default=0)


def _sizes(text: str) -> list[int]:
    """Read widths such as 2-3-2 (or 2,3,2)."""
    return [_whole(part) for part in text.replace(",", "-").split("-")]


def _whole(text: str, at_least: int = 1) -> int:
    if not text.isdecimal() or int(text) < at_least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {at_least}")
    return int(text)


def _seed(text: str) -> int:
    return _whole(text, at_least=0)


def _random_problem(options: argparse.Namespace, samples: int) -> tuple[MLP, Any, Any]:
    """A network, biases included, and data from the seed; expected outputs that suit the cost."""
    costs.find(options.cost)
    mlp = MLP(options.sizes, options.activation, options.output, rng=options.seed)
    storable("the batch", samples, max(mlp.sizes))
    rng = generator(options.seed)
    for layer in mlp.layers:  # at zero a bias would be left out of the check, and of the picture
        layer.bias.value = rng.uniform(-1.0, 1.0, layer.n_out)
    x = rng.standard_normal((samples, mlp.sizes[0])).round(2)
    shape = (samples, mlp.sizes[-1])
    if options.cost == "cross_entropy":
        return mlp, x, np.eye(shape[1])[rng.integers(0, shape[1], samples)]
    if options.cost in ("logistic", "hinge", "margin"):
        return mlp, x, rng.choice([-1.0, 1.0], shape)
    return mlp, x, rng.standard_normal(shape).round(2)


def _demo(options: argparse.Namespace) -> int:
    return 0 if demo.run(options.out, options.seed) else 1


def _check(options: argparse.Namespace) -> int:
    mlp, x, rho = _random_problem(options, options.batch)
    result = crosscheck(mlp, x, rho, options.cost, [road.strip() for road in options.roads.split(",")])
    print(str(result).splitlines()[-1] if options.brief else result)
    return 0 if result.agree else 1


def _draw(options: argparse.Namespace) -> int:
    mlp, x, rho = _random_problem(options, 1)
    if options.view == "graph":
        error = costs.find(options.cost)(mlp(x[0]), rho[0])
        error.backward()
        picture: Any = draw.graph(error, detail=options.detail)
    elif options.view == "network":
        picture = draw.network(mlp, x[0], rho[0], options.cost)
    else:
        picture = draw.compare(mlp, x[0], rho[0], options.cost)
    print(f"wrote {picture.save(options.out)}")
    return 0


def _play(options: argparse.Namespace) -> int:
    mlp, x, rho = _random_problem(options, 1)
    print(f"wrote {draw.player(mlp, x[0], rho[0], options.cost).save(options.out)}; open it in a browser")
    return 0


def _train(options: argparse.Namespace) -> int:
    data = read_table(options.file, options.target, options.header, options.kind)
    print(f"{Path(options.file).name}: {len(data)} rows, {data.x.shape[1]} inputs; {data.said}")
    print(
        train_on_table(
            data,
            hidden=options.hidden,
            activation=options.activation,
            test=options.test,
            seed=options.seed,
            method=options.method,
            sampling=options.sampling,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            epochs=options.epochs,
            road=options.road,
        )
    )
    return 0


def _ops(options: argparse.Namespace) -> int:
    if options.list:
        for entry in coverage():
            print(f"np.{entry.name:<40} {entry.kind:<15} {entry.how}".rstrip())
    else:
        print("\n\n".join([textwrap.fill(part, 110, subsequent_indent="  ") for part in table().split("\n\n")]))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    print(draw.doctor())
    return 0
