"""`tinygrad-ed train --checkpoint`: a run is resumed, and Ctrl-C keeps the network so far."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from user_tables import flowers

from tinygrad_ed.train.table import TableNetwork

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def test_a_resumed_run_ends_in_the_same_network(run):
    Path("flowers.csv").write_text(flowers())
    train = ["train", "flowers.csv", "--target", "kind"]
    long = [*train, "--checkpoint", "run.npz"]
    assert "run.npz: no run yet, so one begins" in run(*long, "--epochs", 13, "--resume")[1]
    status, _, err = run(*long, "--epochs", 30)
    assert status == 2
    assert "'run.npz' is there already; go on with that run by --resume" in err
    status, out, _ = run(*long, "--epochs", 30, "--resume", "--save", "resumed.npz")
    assert status == 0
    assert "run.npz: going on with this run" in out
    assert run(*train, "--epochs", 30, "--save", "straight.npz")[0] == 0
    assert Path("resumed.npz").read_bytes() == Path("straight.npz").read_bytes()
    status, _, err = run(*long, "--epochs", 30, "--resume", "--hidden", 5)
    assert status == 2
    assert "'run.npz' is of a run with network MLP([3, 16, 2], activation='tanh', output='identity'), now MLP" in err


@pytest.mark.parametrize("weights", ["last", "best"])
def test_resume_replaces_what_its_own_run_has_saved_and_nothing_else(run, weights):
    Path("flowers.csv").write_text(flowers())
    train = ["train", "flowers.csv", "--target", "kind", "--save", "model.npz"]
    train += ["--validation", 0] if weights == "last" else ["--learning-rate", 3]
    long = [*train, "--checkpoint", "run.npz", "--epochs"]
    assert run(*long, 20)[0] == 0
    assert run(*long, 40, "--resume")[0] == 0
    forty = Path("model.npz").read_bytes()
    run(*train, "--epochs", 40, "--force")
    assert Path("model.npz").read_bytes() == forty
    run(*train, "--epochs", 20, "--seed", 1, "--force")
    for other in (Path("model.npz").read_bytes(), b"my notes", Path("run.npz").read_bytes(), b""):
        Path("model.npz").write_bytes(other)
        status, _, err = run(*long, 60, "--resume")
        assert (status, err.count("'model.npz' is there already")) == (2, 1)
        assert Path("model.npz").read_bytes() == other


def test_a_checkpoint_needs_a_name_of_its_own(run):
    Path("flowers.csv").write_text(flowers())
    train = ["train", "flowers.csv", "--target", "kind"]
    assert "--resume needs the file to go on from: --checkpoint run.npz" in run(*train, "--resume")[2]
    assert "need files of different names" in run(*train, "--checkpoint", "a.npz", "--save", "a.npz")[2]


def test_ctrl_c_keeps_the_network_so_far(tmp_path):
    (tmp_path / "flowers.csv").write_text(flowers())
    words = ["train", "flowers.csv", "--target", "kind", "--epochs", "100000000", "--save", "model.npz"]
    words += ["--checkpoint", "run.npz", "--checkpoint-every", "500"]
    # Tests that run in the background are started with Ctrl-C ignored, and their children inherit that.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tinygrad_ed.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=tmp_path,
        text=True,
    ) as process:
        try:
            until = time.monotonic() + 60
            while not (tmp_path / "run.npz").exists() and time.monotonic() < until:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()  # a run that does not stop is a failure, and not a test that never ends
    assert process.returncode == 130
    assert re.fullmatch(
        "tinygrad-ed: stopped; the network is the one after the last whole epoch, or the best; the state of the run "
        r"after epoch \d+ is in run.npz: --resume goes on from it\n",
        err,
    )
    assert "(stopped: interrupted)" in out
    assert "rows held out" in out
    assert TableNetwork.load(tmp_path / "model.npz").classes == ("lily", "rose")


def test_ctrl_c_in_the_first_epoch_saves_nothing(run, monkeypatch):
    def pressed(*_):
        raise KeyboardInterrupt

    Path("flowers.csv").write_text(flowers())
    monkeypatch.setattr("tinygrad_ed.train.run.TrainingRun._updates", pressed)
    status, _, err = run("train", "flowers.csv", "--target", "kind", "--save", "model.npz")
    assert status == 130
    assert err == "tinygrad-ed: stopped in the first epoch; no network is saved\n"
    assert not Path("model.npz").exists()


def test_without_a_bar_a_terminal_gets_lines(run, monkeypatch):
    from tinygrad_ed.cli import train

    Path("flowers.csv").write_text(flowers())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ticks = iter(range(10**6))
    monkeypatch.setattr(train.time, "monotonic", lambda: 3.0 * next(ticks))
    status, _, err = run("train", "flowers.csv", "--target", "kind", "--epochs", 5)
    assert status == 0
    assert re.findall(r"epoch (\d) of 5, cost \d\.\d+", err) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("option", ["--save", "--checkpoint"])
def test_a_file_that_needs_an_extra_is_refused_before_the_training(run, monkeypatch, option):
    Path("flowers.csv").write_text(flowers())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("tinygrad_ed.train.table.train_on_table", None)
    status, _, err = run("train", "flowers.csv", "--target", "kind", option, "network.safetensors")
    assert (status, err.count("\n")) == (2, 1)
    assert 'pip install "tinygrad_ed[safetensors]"' in err
