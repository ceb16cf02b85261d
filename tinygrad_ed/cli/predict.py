"""The command `predict`: the answers of a saved network to new rows, as CSV."""

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_ed.cli.parser import Add, check_free
from tinygrad_ed.nn import metrics

if TYPE_CHECKING:
    from tinygrad_ed.train.table_network import TableNetwork

EXAMPLES = """\
examples:
  tinygrad-ed predict model.npz new.csv
  tinygrad-ed predict model.npz new.csv --output answers.csv

Columns are found by their names, in any order; others are not used. The answers are CSV: the line of the row in the
file, the answer, and for classes its probability. Where the new rows have the target too, the answers are scored."""


def add_predict(add: Add) -> None:
    """Add the command `predict`."""
    predict = add("predict", _predict, "Let a network that `train` saved answer new rows.", EXAMPLES)
    predict.add_argument("model", help="the file of tinygrad-ed train --save")
    predict.add_argument("file", help="a CSV or npz file with the columns that the network was trained on")
    predict.add_argument("--output", metavar="FILE", help="write the answers there (default: print them)")
    predict.add_argument("--force", action="store_true", help="replace the file of --output if it is there")
    predict.add_argument("--header", default="auto", choices=("auto", "yes", "no"), help="default: auto")
    predict.add_argument("--decimal", default="auto", choices=("auto", "point", "comma"), help="default: auto")


def _predict(options: argparse.Namespace) -> int:
    from tinygrad_ed.data.files import write_whole
    from tinygrad_ed.data.table import read_rows
    from tinygrad_ed.train.table_network import TableNetwork

    network = TableNetwork.load(options.model)
    if options.output:
        check_free(Path(options.output), options.force)
    rows = read_rows(options.file, network.features, network.target, network.columns, options.header, options.decimal)
    answers = network.predict(rows.x)
    columns: list[Any] = [rows.places, answers.tolist()]
    names = [rows.counted, network.target]
    if network.classes is not None:
        names.append("probability")
        columns.append([f"{p:.6f}" for p in network.predict_proba(rows.x).max(axis=1)])
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([names, *zip(*columns, strict=True)])
    if options.output:
        write_whole(Path(options.output), (text.getvalue()).encode())
        print(f"wrote {options.output}: {len(answers)} answers")
    else:
        print(text.getvalue(), end="")
    notes = [f"not used: {', '.join(rows.unused)}"] if rows.unused else []
    if rows.given is not None and (scored := _scored(network, answers, rows.given)):
        notes.append(scored)
    for note in notes:  # beside the answers, which others may read from stdout
        print(note, file=sys.stdout if options.output else sys.stderr)
    return 0


def _scored(network: "TableNetwork", answers: Any, given: list[str]) -> str:
    """Tell how good the answers are, if the rows have the target; "" if it is not filled in."""
    if network.classes is not None:
        right = sum(answer == known for answer, known in zip(answers, given, strict=True))
        if not set(given) <= set(network.classes):
            return ""
        return f"{network.target!r} is known here: accuracy {right / len(given):.4g} ({right} of {len(given)})"
    try:
        expected = np.array([float(known) for known in given])
    except ValueError:
        return ""
    if not np.isfinite(expected).all():
        return ""
    r2, missed = metrics.r2(answers[:, None], expected[:, None]), np.sqrt(np.mean((answers - expected) ** 2))
    return f"{network.target!r} is known here: R² {r2:.4g}, root of the mean square error {missed:.4g}"
