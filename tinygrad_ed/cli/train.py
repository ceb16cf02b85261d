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

from tinygrad_ed.cli.parser import Add, check_free, in_options, seed, sizes, whole
from tinygrad_ed.data import Dataset, read_table
from tinygrad_ed.data.files import writable
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.nn import activations, storage
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.train import METHODS, OPTIMIZERS, SAMPLINGS, Epoch
from tinygrad_ed.train.gradients import ROADS

if TYPE_CHECKING:
    from tinygrad_ed.train.table import TableResult

EXAMPLES = """\
examples:
  tinygrad-ed train flowers.csv --target species --save flowers.npz --plots plots
  tinygrad-ed train houses.csv --target price --drop address,id --hidden 32-16 --patience 20
  tinygrad-ed train big.csv --target 7 --epochs 500 --checkpoint run.npz            (stop it whenever you like ...)
  tinygrad-ed train big.csv --target 7 --epochs 500 --checkpoint run.npz --resume   (... and go on from there)

All columns but the target are inputs, and must be numbers. Inputs (and a target of numbers) are standardized; the
saved network knows how, and the names of its columns. A quarter of the rows is held out, and at the end the network is
scored on them. Ctrl-C stops: the network is scored and saved as it then is (exit status 130)."""


def add_train(add: Add) -> None:
    """Add the command `train`."""
    text = "Train on your own table and say how well the network does on rows it never saw."
    train = add("train", _train, text, EXAMPLES)
    train.usage = "tinygrad-ed train FILE --target COLUMN [--save MODEL] [other options]"
    train.add_argument(
        "file", metavar="FILE", help="a CSV file (with or without a header line) or an npz file (arrays x and target)"
    )
    _table_options(train.add_argument_group("the table"))
    _network_options(train.add_argument_group("the network and its training"))
    files = train.add_argument_group("files")
    files.add_argument("--save", metavar="FILE", help="save the network: .npz or .safetensors; for tinygrad-ed predict")
    files.add_argument("--force", action="store_true", help="replace the file of --save if it is there")
    files.add_argument("--plots", metavar="FOLDER", help="write plots of the training and of the answers (extra plots)")
    files.add_argument("--checkpoint", metavar="FILE", help="keep the state of the run in this .npz file")
    files.add_argument(
        "--checkpoint-every", type=whole, default=10, metavar="EPOCHS", help="how often (default: %(default)s)"
    )
    files.add_argument(
        "--resume", action="store_true", help="go on with the run in --checkpoint; --epochs, --patience may change"
    )


def _table_options(group: Any) -> None:
    group.add_argument("--target", metavar="COLUMN", help="column to predict: a name, or a number from 1 (default: y)")
    group.add_argument(
        "--drop", default="", metavar="COLUMNS", help="columns to leave out: names or numbers, with commas between"
    )
    group.add_argument(
        "--kind",
        default="auto",
        choices=("auto", "classes", "numbers"),
        help="what the target holds (default: auto: text and few different whole numbers are classes)",
    )
    group.add_argument(
        "--missing", default="refuse", choices=("refuse", "skip"), help="rows that lack a value (default: refuse)"
    )
    group.add_argument(
        "--header", default="auto", choices=("auto", "yes", "no"), help="is the first line a header? (default: auto)"
    )
    group.add_argument(
        "--decimal", default="auto", choices=("auto", "point", "comma"), help="the decimal mark (default: auto)"
    )
    group.add_argument(
        "--test",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="share of the rows held out for the score (default: %(default)s)",
    )


def _network_options(group: Any) -> None:
    group.add_argument(
        "--hidden",
        type=sizes,
        default=[16],
        metavar="WIDTHS",
        help="widths of the hidden layers, such as 32-16 (default: 16)",
    )
    group.add_argument(
        "--activation", default="tanh", help=f"of the hidden layers (default: tanh): {', '.join(activations.NAMES)}"
    )
    group.add_argument(
        "--cost", help="cross_entropy for classes; mse (default), l1 or huber for numbers: the last two bear outliers"
    )
    group.add_argument("--epochs", type=whole, default=100, help="passes over the rows (default: %(default)s)")
    group.add_argument("--optimizer", default="adam", help=f"default: adam; known: {', '.join(OPTIMIZERS)}")
    group.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="default: 0.01, and 0.1 for gradient_descent"
    )
    group.add_argument("--weight-decay", type=float, default=0.0, help="keeps the weights small (default: 0)")
    group.add_argument("--method", default="minibatch", help=f"default: minibatch; known: {', '.join(METHODS)}")
    group.add_argument("--batch-size", type=whole, default=32, help="rows an update sees (default: %(default)s)")
    group.add_argument("--sampling", default="shuffle", help=f"default: shuffle; known: {', '.join(SAMPLINGS)}")
    group.add_argument("--road", default="rules", help=f"who computes gradients (default: rules): {', '.join(ROADS)}")
    group.add_argument(
        "--patience",
        type=whole,
        metavar="EPOCHS",
        help="stop early: after so many epochs without a lower cost of the validation rows; keep the best weights",
    )
    group.add_argument(
        "--validation",
        type=float,
        metavar="SHARE",
        help="share of the rows for that (default: 0.2 with --patience, else none)",
    )
    group.add_argument("--seed", type=seed, default=0, help="same seed, same run (default: %(default)s)")


def _train(options: argparse.Namespace) -> int:
    from tinygrad_ed.train.table import train_on_table

    data = _read(options)
    print(in_options(f"{Path(options.file).name}: {len(data)} rows, {len(data.features)} inputs; {data.said}"))
    for remark in data.remarks:
        print(in_options(f"note: {remark}"))
    _check_files(options)
    validation = options.validation if options.validation is not None else 0.2 if options.patience else 0.0
    sys.stdout.flush()
    result = train_on_table(
        data,
        hidden=options.hidden,
        activation=options.activation,
        test=options.test,
        seed=options.seed,
        cost=options.cost,
        validation=validation,
        method=options.method,
        sampling=options.sampling,
        batch_size=options.batch_size,
        optimizer=_optimizer(options),
        epochs=options.epochs,
        road=options.road,
        patience=options.patience,
        checkpoint=options.checkpoint,
        checkpoint_every=options.checkpoint_every,
        resume=options.resume,
        callbacks=_progress(),
    )
    return _finish(result, options)


def _read(options: argparse.Namespace) -> Dataset:
    target = "y" if options.target is None else options.target
    try:
        return read_table(
            options.file,
            target,
            options.header,
            options.kind,
            drop=options.drop,
            missing=options.missing,
            decimal=options.decimal,
        )
    except InvalidValue as error:
        if options.target is None and "there is no" in str(error):
            raise InvalidValue(f"{error} Say which to predict: --target NAME") from None
        raise


def _check_files(options: argparse.Namespace) -> None:
    """See that what will be written can be, and that nothing is lost by it."""
    if options.save:
        options.save = storage.placed(options.save)
        check_free(options.save, options.force)
    if options.checkpoint:
        options.checkpoint = storage.placed(options.checkpoint)
        writable(options.checkpoint)
        if options.save and options.checkpoint.resolve() == options.save.resolve():
            raise InvalidValue("--save and --checkpoint need files of different names")
        there = options.checkpoint.exists()
        if there and not options.resume:
            raise InvalidValue(
                f"{str(options.checkpoint)!r} is there already; go on with that run by --resume, give another file, "
                "or delete it"
            )
        if options.resume:
            print(f"{options.checkpoint}: " + ("going on with this run" if there else "no run yet, so one begins"))
    elif options.resume:
        raise InvalidValue("--resume needs the file to go on from: --checkpoint run.npz")
    if options.plots:
        from tinygrad_ed.cli import table_plots

        options.plots = table_plots.check(Path(options.plots))


def _optimizer(options: argparse.Namespace) -> Any:
    make = chosen("optimizer", options.optimizer, OPTIMIZERS)
    usual = 0.1 if options.optimizer == "gradient_descent" else 0.01
    rate = usual if options.learning_rate is None else options.learning_rate
    return make(rate, weight_decay=options.weight_decay)


def _progress() -> Iterable[Callable[[Epoch], None]]:
    """Return a callback that prints a line every two seconds on a terminal; none where tqdm shows its bar."""
    if not sys.stderr.isatty() or importlib.util.find_spec("tqdm") is not None:
        return []
    said = time.monotonic()

    def say(epoch: Epoch) -> None:
        nonlocal said
        if time.monotonic() > said + 2.0:
            said = time.monotonic()
            print(f"epoch {epoch.epoch} of {epoch.epochs}, cost {epoch.cost:.4g}", file=sys.stderr)

    return [say]


def _finish(result: "TableResult", options: argparse.Namespace) -> int:
    """Write what was asked for, the network first, and say how good it is."""
    history = result.history
    state = f"; the state of the run after epoch {history.epochs} is in {options.checkpoint}: --resume goes on from it"
    state = state if options.checkpoint else ""
    interrupted = history.stopped == "interrupted"
    if interrupted and not history.epochs:
        print(f"tinygrad-ed: stopped in the first epoch; no network is saved{state}", file=sys.stderr)
        return 130
    saved = result.network.save(options.save) if options.save else None
    print(result)
    if options.plots:
        from tinygrad_ed.cli import table_plots

        for path in table_plots.write(result, options.plots):
            print(f"wrote {path}")
    if saved:
        print(f"saved {saved}; use it: tinygrad-ed predict {saved} new.csv")
    else:
        print("the network is not kept: --save model.npz would do it, for tinygrad-ed predict")
    if interrupted:
        network = "the network is the one after the last whole epoch, or the best"
        print(f"tinygrad-ed: stopped; {network}{state}", file=sys.stderr)
        return 130
    return 0
