"""The commands without a network of the user's: demo, ops, doctor."""

import argparse
import textwrap

from tinygrad_ed.cli.parser import Add, seed


def add_demo(add: Add) -> None:
    """Add the command `demo`."""
    demo = add("demo", _demo, "Train on the digits, cross-check four roads, draw the network.")
    demo.add_argument("--out", default="tinygrad-ed-demo", help="folder for the files (default: %(default)s)")
    demo.add_argument("--seed", type=seed, default=0)


def add_ops_and_doctor(add: Add) -> None:
    """Add the commands `ops` and `doctor`."""
    ops = add("ops", _ops, "Say which of NumPy's functions work on Nodes.")
    ops.add_argument("--list", action="store_true", help="one line a function")
    add("doctor", _doctor, "Say which layout engine draws the graphs, and why.")


def _demo(options: argparse.Namespace) -> int:
    from tinygrad_ed.cli import demo

    return 0 if demo.run(options.out, options.seed) else 1


def _ops(options: argparse.Namespace) -> int:
    from tinygrad_ed.ops.numpy.coverage import coverage, summary

    if options.list:
        for entry in coverage():
            print(f"np.{entry.name:<40} {entry.kind:<15} {entry.how}".rstrip())
    else:
        print("\n\n".join([textwrap.fill(part, 110, subsequent_indent="  ") for part in summary().split("\n\n")]))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from tinygrad_ed import draw

    print(draw.doctor())
    return 0
