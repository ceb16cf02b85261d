"""The command `train`: a network for the user's own table.

What can be refused is refused before the training: the table, the file to save to, the folder of the plots. Ctrl-C
ends the training; the network so far is scored and saved as at the end, and the exit status is 130.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_ed.cli.parser import Add, check_free, reading, reading_options, say, seed, sizes, whole
from tinygrad_ed.data import Dataset, read_table
from tinygrad_ed.data.columns import CATEGORIES, MANY
from tinygrad_ed.data.files import writable
from tinygrad_ed.data.table import KINDS
from tinygrad_ed.errors import Error, InvalidValue
from tinygrad_ed.nn import activations, storage
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.train import METHODS, OPTIMIZERS, SAMPLINGS, Epoch
from tinygrad_ed.train.gradients import ROADS

if TYPE_CHECKING:
    from tinygrad_ed.train.table import TableResult

FEW = 20  # rows: with fewer all are learned from
NEVER = 10**9  # epochs of patience: the run is not stopped early, and its best weights are kept

EXAMPLES = """\
examples:
  tinygrad-ed train flowers.csv --target species --save flowers.npz --plots plots
  tinygrad-ed train houses.csv --target price --drop address,id --hidden 32-16 --patience 20
  tinygrad-ed train big.csv --target 7 --epochs 500 --checkpoint run.npz            (stop it whenever you like ...)
  tinygrad-ed train big.csv --target 7 --epochs 500 --checkpoint run.npz --resume   (... and go on from there)

All columns but the target are inputs: numbers, two words such as yes and no, or text (a column of 0 and 1 for each).
Row numbers and ids are left out. How the file was read is said. Inputs (and a target of numbers) are standardized; the
saved network knows all of it, by the names of the columns. A quarter of the rows is held out, and at the end the
network, with the weights that were best on the validation rows, is scored on them. Ctrl-C stops: the network is scored
and saved as it then is (exit status 130)."""


def add_train(add: Add) -> None:
    """Add the command `train`."""
    text = "Train on your own table and say how well the network does on rows it never saw."
    train = add("train", _train, text, EXAMPLES)
    train.usage = "tinygrad-ed train FILE --target COLUMN [--save MODEL] [other options]"
    train.add_argument("file", metavar="FILE", help="a CSV file, or an npz file (arrays x and target)")
    _table_options(train.add_argument_group("the table"))
    _network_options(train.add_argument_group("the network and its training"))
    option = train.add_argument_group("files").add_argument
    option("--save", metavar="FILE", help="save the network: .npz or .safetensors; for tinygrad-ed predict")
    option("--force", action="store_true", help="replace the file of --save if it is there")
    option("--plots", metavar="FOLDER", help="write plots of the training and of the answers (extra plots)")
    option("--checkpoint", metavar="FILE", help="keep the state of the run in this .npz file")
    option("--checkpoint-every", type=whole, default=10, metavar="EPOCHS", help="how often (default: %(default)s)")
    option("--resume", action="store_true", help="go on with the run in --checkpoint; --epochs, --patience may change")


def _table_options(group: Any) -> None:
    option = group.add_argument
    option("--target", metavar="COLUMN", help="column to predict: a name, or a number from 1 (default: y)")
    option("--drop", default="", metavar="COLUMNS", help="to leave out: names or numbers, with commas between")
    option("--keep", default="", metavar="COLUMNS", help="not to leave out, though like row numbers, ids or names")
    few = "what the target holds (default: auto: text and few different whole numbers are classes)"
    option("--kind", default="auto", choices=KINDS, help=few)
    option("--positive", metavar="VALUE", help="the positive of two classes (default: yes and the like, else the last)")
    text = f"text in inputs: 0 and 1 for each of up to {MANY} texts, or refused (default: onehot)"
    option("--categories", default="onehot", choices=CATEGORIES, help=text)
    reading_options(group, "refuse")
    share = "share of the rows held out for the score (default: %(default)s)"
    option("--test", type=float, default=0.25, metavar="SHARE", help=share)


def _network_options(group: Any) -> None:
    option = group.add_argument
    widths = "widths of the hidden layers, such as 32-16 (default: 16)"
    option("--hidden", type=sizes, default=[16], metavar="WIDTHS", help=widths)
    names = ", ".join(activations.NAMES)
    option("--activation", default="tanh", help=f"of the hidden layers (default: tanh): {names}")
    costs = "cross_entropy for classes; mse (default), l1 or huber for numbers: the last two bear outliers"
    option("--cost", help=costs)
    option("--epochs", type=whole, default=100, help="passes over the rows (default: %(default)s)")
    option("--optimizer", default="adam", help=f"default: adam; known: {', '.join(OPTIMIZERS)}")
    option("--learning-rate", type=float, metavar="RATE", help="default: 0.01, and 0.1 for gradient_descent")
    option("--weight-decay", type=float, default=0.0, help="keeps the weights small (default: 0)")
    option("--method", default="minibatch", help=f"default: minibatch; known: {', '.join(METHODS)}")
    option("--batch-size", type=whole, default=32, help="rows an update sees (default: %(default)s)")
    option("--sampling", default="shuffle", help=f"default: shuffle; known: {', '.join(SAMPLINGS)}")
    option("--road", default="rules", help=f"who computes gradients (default: rules): {', '.join(ROADS)}")
    early = "stop early: after so many epochs without a lower cost of the validation rows; keep the best weights"
    option("--patience", type=whole, metavar="EPOCHS", help=early)
    share = f"share of the rows on which the best weights are chosen; 0: the last (default: 0.2 from {FEW} rows on)"
    option("--validation", type=float, metavar="SHARE", help=share)
    option("--seed", type=seed, default=0, help="same seed, same run (default: %(default)s)")


def _train(options: argparse.Namespace) -> int:
    from tinygrad_ed.train.table import train_on_table

    data = _read(options)
    say(f"{Path(options.file).name}: {len(data)} rows, {len(data.features)} inputs; {data.said}")
    for remark in data.remarks:
        say(f"note: {remark}")
    _check_files(options)
    if options.validation is None:
        options.validation = 0.2 if len(data) >= FEW else 0.0
    if options.validation:
        say(f"note: the best weights are chosen on a share of {options.validation:g} of the rows that are not held out")
    sys.stdout.flush()
    handed_on = "hidden activation test seed cost validation method sampling batch_size epochs road"
    handed_on += " checkpoint checkpoint_every resume"
    result = train_on_table(
        data,
        **{name: getattr(options, name) for name in handed_on.split()},
        optimizer=_optimizer(options),
        patience=options.patience or (NEVER if options.validation else None),
        callbacks=_progress(),
        save=options.save,
    )
    return _finish(result, options)


def _read(options: argparse.Namespace) -> Dataset:
    target = "y" if options.target is None else options.target
    words = {name: getattr(options, name) for name in ("kind", "drop", "keep", "categories", "positive")}
    try:
        return read_table(options.file, target, **words, **reading(options))
    except InvalidValue as error:
        if options.target is None and "there is no" in str(error):
            raise InvalidValue(f"{str(error).removesuffix('.')}. Say which column to predict: --target NAME") from None
        raise


def _check_files(options: argparse.Namespace) -> None:
    """See that what will be written can be, and that nothing is lost by it."""
    if options.save:
        options.save = storage.placed(options.save)
        check_free(options.save, options.force or (options.resume and _saved_by_run(options)))
    if options.checkpoint:
        options.checkpoint = storage.placed(options.checkpoint)
        writable(options.checkpoint)
        if options.save and options.checkpoint.resolve() == options.save.resolve():
            raise InvalidValue("--save and --checkpoint need files of different names")
        there = options.checkpoint.exists()
        if there and not options.resume:
            ways = "go on with that run by --resume, give another file, or delete it"
            raise InvalidValue(f"{str(options.checkpoint)!r} is there already; {ways}")
        if options.resume:
            print(f"{options.checkpoint}: " + ("going on with this run" if there else "no run yet, so one begins"))
    elif options.resume:
        raise InvalidValue("--resume needs the file to go on from: --checkpoint run.npz")
    if options.plots:
        from tinygrad_ed.cli import table_plots

        options.plots = table_plots.check(Path(options.plots))


def _saved_by_run(options: argparse.Namespace) -> bool:
    """Tell whether the file of --save has the last or the best weights of the run in --checkpoint, to the last bit."""
    from tinygrad_ed.train.table import TableNetwork

    try:
        saved = TableNetwork.load(options.save).mlp.parts()[1]
        state = storage.read(options.checkpoint or "", "training").arrays
    except Error:
        return False
    last = all([np.array_equal(array, state.get(name, ())) for name, array in saved.items()])
    return last or np.array_equal(np.concatenate([*map(np.ravel, saved.values())]), state.get("best", ()))


def _optimizer(options: argparse.Namespace) -> Any:
    make = chosen("optimizer", options.optimizer, OPTIMIZERS)
    usual = 0.1 if options.optimizer == "gradient_descent" else 0.01
    rate = usual if options.learning_rate is None else options.learning_rate
    return make(rate, weight_decay=options.weight_decay)


def _progress() -> Iterable[Callable[[Epoch], None]]:
    """Return a callback that prints a line every two seconds on a terminal; none where tqdm shows its bar."""
    said = time.monotonic()

    def tell(epoch: Epoch) -> None:
        nonlocal said
        if time.monotonic() > said + 2.0:
            said = time.monotonic()
            print(f"epoch {epoch.epoch} of {epoch.epochs}, cost {epoch.cost:.4g}", file=sys.stderr)

    return [tell] if sys.stderr.isatty() and importlib.util.find_spec("tqdm") is None else []


def _finish(result: "TableResult", options: argparse.Namespace) -> int:
    """Say how good the saved network is, and write what else was asked for."""
    history = result.history
    kept = f"; the state of the run after epoch {history.epochs} is in {options.checkpoint}: --resume goes on from it"
    state = kept if options.checkpoint else ""
    interrupted = history.stopped == "interrupted"
    if interrupted and not history.epochs:
        print(f"tinygrad-ed: stopped in the first epoch; no network is saved{state}", file=sys.stderr)
        return 130
    print(result)
    if options.plots:
        from tinygrad_ed.cli import table_plots

        for path in table_plots.write(result, options.plots):
            print(f"wrote {path}")
    not_kept = "the network is not kept: --save model.npz would do it, for tinygrad-ed predict"
    print(f"saved {options.save}; use it: tinygrad-ed predict {options.save} new.csv" if options.save else not_kept)
    if interrupted:
        network = "the network is the one after the last whole epoch, or the best"
        print(f"tinygrad-ed: stopped; {network}{state}", file=sys.stderr)
        return 130
    return 0
