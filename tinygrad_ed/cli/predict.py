"""The command `predict`: the answers of a saved network to new rows, as CSV, and their score where it can be known."""

import argparse
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_ed.cli.parser import Add, check_free, reading, reading_options, say
from tinygrad_ed.errors import printable

if TYPE_CHECKING:
    from tinygrad_ed.data.cells import Table
    from tinygrad_ed.train.table import TableNetwork

EXAMPLES = """\
examples:
  tinygrad-ed predict model.npz new.csv
  tinygrad-ed predict model.npz new.csv --probabilities --output answers.csv

Columns are found by their names, in any order, and read as in training; others are not used. The answers are CSV: the
line of the row in the file, the answer, and for classes its probability. Where the new rows have the target too, the
answers are scored. A name that a spreadsheet would run as a formula gets an apostrophe in front."""


def add_predict(add: Add) -> None:
    """Add the command `predict`."""
    predict = add("predict", _predict, "Let a network that `train` saved answer new rows.", EXAMPLES)
    predict.add_argument("model", help="the file of tinygrad-ed train --save")
    predict.add_argument("file", help="a CSV or npz file with the columns that the network was trained on")
    predict.add_argument("--output", metavar="FILE", help="write the answers there (default: print them)")
    predict.add_argument("--force", action="store_true", help="replace the file of --output if it is there")
    predict.add_argument("--probabilities", action="store_true", help="write the probability of each class")
    reading_options(predict.add_argument_group("the table"), None)


def _predict(options: argparse.Namespace) -> int:
    import csv

    from tinygrad_ed.data.files import write_whole
    from tinygrad_ed.data.table import read_rows
    from tinygrad_ed.train.table import TableNetwork

    network = TableNetwork.load(options.model)
    if options.output:
        check_free(Path(options.output), options.force)
    x, table, at, notes = read_rows(options.file, network.recipe, network.target, network.columns, **reading(options))
    answers = network.answers(x)
    columns: dict[str, Any] = {table.counted: table.lines, network.target: answers.tolist()}
    if network.classes is None and options.probabilities:
        network.predict_proba(x)  # says that there are none
    if network.classes is not None:
        columns[network.target] = [network.classes[k] for k in answers]
        shares = network.predict_proba(x)
        if options.probabilities:
            columns |= {
                f"probability of {name}": _rounded(share) for name, share in zip(network.classes, shares.T, strict=True)
            }
        else:
            columns["probability"] = _rounded(shares.max(axis=1))
    text = io.StringIO(newline="")
    cells = [columns, *zip(*columns.values(), strict=True)]
    csv.writer(text, lineterminator="\n").writerows([map(_safe, row) for row in cells])
    if options.output:
        write_whole(Path(options.output), text.getvalue().encode("utf-8", "backslashreplace"))
        say(f"wrote {options.output}: {len(answers)} answers")
    else:
        print(printable(text.getvalue()), end="")
    notes += [] if at is None else _scored(network, answers, table, at)
    for note in notes:  # beside the answers, which others may read
        say(note, sys.stdout if options.output else sys.stderr)
    return 0


def _rounded(shares: Any) -> list[str]:
    return [f"{share:.6f}" for share in shares]


def _safe(cell: Any) -> Any:
    """Return a cell that a spreadsheet takes for text: one that begins like a formula gets an apostrophe."""
    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _scored(network: "TableNetwork", answers: Any, table: "Table", at: int) -> list[str]:
    """Tell how good the answers are, for the rows that have the target; nothing if none has it."""
    from tinygrad_ed.train.score import score

    if network.classes is None:
        expected = table.numbers(at)
        known = np.isfinite(expected)
    else:
        numbers = {name: k for k, name in enumerate(network.classes)}
        expected = np.array([numbers.get(text, -1) for text in table.texts(at)])
        known = expected >= 0
    if not known.any():
        return []
    found = score(network.target, network.classes, answers[known], expected[known])
    which = f"not scored, for their {network.target!r} is missing or unknown to the network"
    unknown = f"{which}: {(~known).sum()} of {len(known)} rows"
    return [found.said(f"whose {network.target!r} is known"), *([unknown] if not known.all() else [])]
