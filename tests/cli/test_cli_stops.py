"""A command that is stopped, has nobody to talk to, or is given a place that is no file: nothing is lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from user_tables import flowers

from tinygrad_ed import cli
from tinygrad_ed.nn import storage
from tinygrad_ed.train import table as train_table
from tinygrad_ed.train.table import TableNetwork

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
# Tests that run in the background are started with Ctrl-C ignored, and their children inherit that.
CODE = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from tinygrad_ed.cli import main; sys.exit(main(sys.argv[1:]))"
)
TRAIN = ["train", "flowers.csv", "--target", "kind"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("flowers.csv").write_text(flowers())
    return tmp_path


def stopped(*numbers):
    """Train without an end, stop it by signals when it is in the middle; status and what it said."""
    words = [*TRAIN, "--epochs", "100000000", "--checkpoint", "run.npz", "--checkpoint-every", "100000000"]
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *words, "--save", "model.npz"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    ) as process:
        try:
            until = time.monotonic() + 60
            while not Path(".run.npz.lock").exists() and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.3)
            for number in numbers:
                process.send_signal(number)
                time.sleep(0.002)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("numbers", "status"),
    [
        ([signal.SIGTERM], 143),
        ([signal.SIGINT], 130),
        ([signal.SIGTERM, signal.SIGINT], 143),
        ([signal.SIGINT, signal.SIGINT], 130),
    ],
)
def test_a_stop_writes_the_checkpoint_and_the_network_and_says_where(table, numbers, status):
    found, out, err = stopped(*numbers)
    epochs = storage.read("run.npz", "training").about["history"]["epochs"]
    assert found == status
    assert f"the state of the run after epoch {epochs} is in run.npz: --resume goes on from it\n" in err
    assert err.count("\n") == 1
    assert epochs > 0
    assert "saved model.npz" in out
    assert TableNetwork.load("model.npz").classes == ("lily", "rose")
    assert {path.name for path in table.iterdir()} == {"flowers.csv", "model.npz", "run.npz"}


def test_a_stop_while_the_command_is_loaded_is_a_line(tmp_path):
    code = (
        "import runpy, sys, tinygrad_ed\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'tinygrad_ed.cli.predict': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "runpy.run_module('tinygrad_ed', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "tinygrad-ed: stopped\n")


def test_a_stop_in_the_first_epoch_keeps_the_beginning(run, table, monkeypatch):
    def pressed(*_):
        signal.raise_signal(signal.SIGTERM)

    long = [*TRAIN, "--epochs", 12, "--checkpoint", "run.npz", "--resume", "--save"]
    with monkeypatch.context() as patched:
        patched.setattr("tinygrad_ed.train.run.TrainingRun._updates", pressed)
        status, _, err = run(*long, "model.npz")
    assert status == 143
    assert err == (
        "tinygrad-ed: stopped in the first epoch; no network is saved; the state of the run after epoch 0 is in "
        "run.npz: --resume goes on from it\n"
    )
    assert run(*long, "resumed.npz")[0] == run(*TRAIN, "--epochs", 12, "--save", "straight.npz")[0] == 0
    assert Path("resumed.npz").read_bytes() == Path("straight.npz").read_bytes()


@pytest.mark.parametrize("place", ["score", "TableNetwork.save", "fit"])
def test_a_stop_after_the_last_epoch_does_not_lose_the_network(run, table, monkeypatch, place):
    assert run(*TRAIN, "--epochs", 3, "--save", "whole.npz")[0] == 0
    real, calls = TableNetwork.save if "." in place else getattr(train_table, place), []

    def pressed(*args, **options):
        found = real(*args, **options) if place != "TableNetwork.save" or calls else None
        calls.append(place)
        if len(calls) == 1:
            signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(f"tinygrad_ed.train.table.{place}", pressed)
    status, _, err = run(*TRAIN, "--epochs", 3, "--save", "model.npz")
    assert (status, err) == (130, "tinygrad-ed: stopped; the network is trained, and saved in model.npz\n")
    assert Path("model.npz").read_bytes() == Path("whole.npz").read_bytes()
    assert len(list(table.iterdir())) == 3


def test_handlers_are_those_of_before_and_others_stay(run, monkeypatch):
    seen, before = [], signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("tinygrad_ed.cli.about._ops", lambda _: seen.append(signal.getsignal(signal.SIGTERM)) or 0)
    for mine in (signal.SIG_DFL, signal.SIG_IGN, lambda *_: None):
        signal.signal(signal.SIGTERM, mine)
        try:
            assert run("ops")[0] == 0
            assert signal.getsignal(signal.SIGTERM) == mine
            assert (seen.pop() == mine) == (mine != signal.SIG_DFL)
        finally:
            signal.signal(signal.SIGTERM, before)


def in_shell(words, unbuffered=""):
    return subprocess.run(
        [shutil.which("bash"), "-c", f'set -o pipefail; "$0" -m tinygrad_ed {words}', sys.executable],
        env=ENVIRONMENT | {"PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("end", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-", "| true", "2>&1 | true", ">/dev/full"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_training_goes_on_when_nobody_listens(table, end, unbuffered):
    done = in_shell(f"{' '.join(TRAIN)} --epochs 3 --save model.npz --checkpoint run.npz {end}", unbuffered)
    assert done.returncode == (2 if end == ">/dev/full" else 0)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert ("the output cannot be written: No space left on device" in done.stderr) == (end == ">/dev/full")
    assert TableNetwork.load("model.npz").classes == ("lily", "rose")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("--help | true", 0),
        ("ops --list | head -1", 0),
        ("ops --list >/dev/full", 2),
        ("train missing.csv 2>&-", 2),
        ("train missing.csv 2>&1 | true", 2),
        ("nonsense 2>&1 | true", 2),
        ("check --sizes 2-2 --roads graph,rules 2>&- >&-", 0),
    ],
)
def test_no_status_is_1_or_120_for_want_of_a_listener(table, words, status):
    done = in_shell(words)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def actions():
    """Every option and argument of every command that names a file or folder."""
    commands = next(action for action in cli._parser()._actions if action.choices).choices
    for name, parser in commands.items():
        for action in parser._actions:
            words = f"{action.metavar} {action.dest}".lower()
            if any(word in words for word in ("file", "folder", "model", "out")) and action.dest != "layout":
                yield name, action


NAMED = [
    (name, action)
    for name, action in actions()
    if not (name in ("check", "draw", "play", "live") and action.dest == "output")
]


@pytest.mark.parametrize(("command", "action"), NAMED, ids=[f"{name} {action.dest}" for name, action in NAMED])
def test_an_empty_name_is_refused_before_any_work(run, model, command, action):
    usual = {"train": TRAIN, "predict": ["predict", "model.npz", "flowers.csv"], "draw": ["draw", "--out", "a.svg"]}
    words = usual.get(command, [command])
    if action.option_strings:
        words = [*words, action.option_strings[0], ""]
    else:
        words += [""] * (command == "check")
        place = ["file"] if command in ("train", "check") else ["model", "file"]
        words = [*words[: 1 + place.index(action.dest)], "", *words[2 + place.index(action.dest) :]]
    there = set(Path().iterdir())
    status, out, err = run(*words)
    assert (status, out, err) == (2, "", f"tinygrad-ed: the name of a file is empty: {action.dest}\n")
    assert set(Path().iterdir()) == there


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "nowhere"])
@pytest.mark.parametrize("option", ["--save", "--checkpoint", "--plots", "--output"])
def test_a_place_that_is_no_file_is_refused_before_the_training_and_stays(run, model, monkeypatch, kind, option):
    monkeypatch.setattr("tinygrad_ed.train.table.train_on_table", None)
    if option == "--plots":
        Path("plots").mkdir()
    place = Path("plots/confusion.png" if option == "--plots" else "place.npz")
    terminal = os.openpty()  # a device in a folder where nothing can be made, so that a mistake does no harm
    if kind == "device":
        place.symlink_to(os.ttyname(terminal[1]))
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place = Path("flowers.csv/plots" if option == "--plots" else "nowhere/place.npz")
    given = place if option != "--plots" or kind == "nowhere" else "plots"
    words = ["predict", "model.npz", "flowers.csv"] if option == "--output" else TRAIN
    status, _, err = run(*words, option, given, *([] if option in ("--plots", "--checkpoint") else ["--force"]))
    assert (status, err.count("\n")) == (2, 1)
    assert str(place) in err
    assert place.exists() == (kind != "nowhere")
    assert place.is_symlink() == (kind == "device")
    for number in terminal:
        os.close(number)


def test_a_pipe_as_a_table_or_a_model_is_not_waited_for(run, model):
    os.mkfifo("pipe.csv")
    os.mkfifo("pipe.npz")
    for words in (["train", "pipe.csv"], ["train", "pipe.npz"], ["predict", "model.npz", "pipe.csv"]):
        assert "pipe" in run(*words)[2]
    status, _, err = run("predict", "pipe.npz", "flowers.csv")
    assert (status, err) == (
        2,
        "tinygrad-ed: cannot read 'pipe.npz': it is a pipe, a socket or a device; name a file\n",
    )


def test_a_second_run_on_a_checkpoint_is_refused_by_name(run, table):
    from tinygrad_ed.data.files import held

    with held("run.npz"):
        status, _, err = run(*TRAIN, "--checkpoint", "run.npz")
    assert (status, err) == (
        2,
        "tinygrad-ed: 'run.npz' is in use by another run; wait until that has ended, or give another file\n",
    )


def test_another_seed_other_data_and_other_options_are_told_apart(run, table):
    long = [*TRAIN, "--epochs", 3, "--checkpoint", "run.npz"]
    assert run(*long)[0] == 0
    again = [*long, "--resume"]
    seed, share, hidden = (run(*again, *words)[2] for words in (["--seed", 1], ["--test", 0.4], ["--batch-size", 5]))
    assert "is of a run with seed 0, now 1; other numbers in the inputs x" in seed
    assert "as they do where a table is split by another seed. Resume" in seed
    assert "is of a run with rows " in share
    assert "seed" not in share
    assert "is of a run with batch size 32, now 5. Resume" in hidden


def test_a_run_that_patience_stopped_is_taken_up_and_says_so(run, table):
    long = [*TRAIN, "--epochs", 60, "--learning-rate", 3, "--checkpoint", "run.npz", "--resume", "--patience"]
    assert "(stopped: patience)" in run(*long, 1)[1]
    assert "; nothing was left to do: a patience of 1 had stopped the run after epoch " in run(*long, 1)[1]
    assert ", where patience had stopped it" in run(*long, 2)[1]


def test_a_cost_that_explodes_is_a_line_without_a_path(run, table, monkeypatch):
    import warnings

    import tinygrad_ed as tg

    monkeypatch.setattr(
        "tinygrad_ed.cli.about._ops",
        lambda _: warnings.warn("explodes; try a smaller learning_rate", tg.TrainingWarning, 2) or 0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run("ops") == (0, "", "tinygrad-ed: explodes; try a smaller --learning-rate\n")


def test_the_network_is_saved_before_anything_else_can_fail(run, table, monkeypatch):
    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tinygrad_ed.cli.table_plots.write", fails)
    assert run(*TRAIN, "--epochs", 3, "--save", "model.npz", "--plots", "plots")[0] == 130
    assert TableNetwork.load("model.npz").classes == ("lily", "rose")
