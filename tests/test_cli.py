"""The command line: what it prints, its exit status, and one line on stderr for what goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ed import cli, demo

COMMANDS = ["demo", "check", "draw", "play", "train", "ops", "doctor"]


def run(capsys, *argv):
    """Status, stdout and stderr of one command."""
    try:
        status = cli.main([str(word) for word in argv])
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def flowers(tmp_path):
    """A CSV file of three classes that can be told apart."""
    rng = np.random.default_rng(0)
    kinds = ["rose", "tulip", "daisy"]
    lines = ["height,width,kind"]
    lines += [
        f"{h:.3f},{w:.3f},{kinds[i % 3]}"
        for i, (h, w) in enumerate(rng.normal([[i % 3, -(i % 3)] for i in range(90)], 0.1))
    ]
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(capsys, command):
    status, out, err = run(capsys, command, "--help")
    assert (status, err) == (0, "")
    assert f"tinygrad-ed {command}" in out


def test_the_top_level_help_names_every_command(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(command in out for command in COMMANDS)


def test_demo_does_the_whole_mission(capsys, tmp_path):
    folder = tmp_path / "made" / "here"
    status, out, err = run(capsys, "demo", "--out", folder)
    assert (status, err) == (0, "")
    accuracy = float(out.split("it reads ")[1].split("%")[0])
    assert accuracy > 95
    assert "all 15 quantities agree on the roads graph, rules, jacobians, numeric" in out
    assert str(folder) in out
    written = {path.name for path in folder.iterdir()}
    assert written == {
        *(f"{view}.{suffix}" for view in ("graph", "network") for suffix in ("svg", "png", "pdf", "dot")),
        *("compare.html", "player.html", "crosscheck.txt"),
    }


def test_demo_fails_with_status_1_when_the_roads_disagree(capsys, tmp_path, monkeypatch):
    from tinygrad_ed.crosscheck import crosscheck

    def with_a_wrong_rule(*args, **options):
        return crosscheck(*args, rules={"grad_beta": lambda B: 2 * B.sum(axis=0)}, **options)

    monkeypatch.setattr(demo, "crosscheck", with_a_wrong_rule)
    status, out, _ = run(capsys, "demo", "--out", tmp_path)
    assert status == 1
    assert "first divergence: grad_beta[2]" in out


def test_check_agrees_and_prints_the_table(capsys):
    status, out, err = run(capsys, "check", "--sizes", "3-4-4-2", "--activation", "softplus", "--cost", "huber")
    assert (status, err) == (0, "")
    assert "grad_omega[3]" in out
    assert out.splitlines()[-1].startswith("all 21 quantities agree")


@pytest.mark.parametrize("cost", ["mse", "l1", "huber", "logistic", "hinge", "margin", "cross_entropy"])
def test_check_knows_every_cost(capsys, cost):
    assert run(capsys, "check", "--cost", cost, "--brief")[0] == 0


@pytest.mark.parametrize(
    ("view", "suffix"), [("graph", "svg"), ("network", "png"), ("compare", "html"), ("graph", "dot")]
)
def test_draw_writes_each_view(capsys, tmp_path, view, suffix):
    path = tmp_path / f"picture.{suffix}"
    status, out, err = run(capsys, "draw", "--view", view, "--out", path)
    assert (status, err) == (0, "")
    assert str(path) in out
    assert path.stat().st_size > 500


def test_play_writes_one_html_file(capsys, tmp_path):
    path = tmp_path / "step.html"
    status, _, err = run(capsys, "play", "--out", path)
    assert (status, err) == (0, "")
    assert path.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


def test_train_on_classes(capsys, flowers):
    status, out, err = run(capsys, "train", flowers, "--target", "kind", "--epochs", "30")
    assert (status, err) == (0, "")
    assert "flowers.csv: 90 rows, 2 inputs; target 'kind': 3 classes" in out
    assert float(out.split("held out: ")[1].split()[0]) > 0.9


def test_train_on_numbers_without_a_header(capsys, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (120, 2))
    np.savetxt(tmp_path / "plane.csv", np.column_stack([x, 3 * x[:, 0] - x[:, 1]]), delimiter=";")
    status, out, err = run(capsys, "train", tmp_path / "plane.csv", "--target", "3")
    assert (status, err) == (0, "")
    assert float(out.split("R² on 30 rows held out: ")[1].split()[0]) > 0.9


def test_train_on_npz(capsys, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2))
    np.savez(tmp_path / "halves.npz", x=x, side=(x[:, 0] > 0).astype(int))
    status, out, err = run(capsys, "train", tmp_path / "halves.npz", "--target", "side")
    assert (status, err) == (0, "")
    assert float(out.split("held out: ")[1].split()[0]) > 0.9


def test_ops_lists_functions(capsys):
    status, out, _ = run(capsys, "ops")
    assert status == 0
    assert int(out.splitlines()[-1].split(" differentiable")[0]) >= 210
    status, out, _ = run(capsys, "ops", "--list")
    assert status == 0
    assert "np.tanh " in out


def test_doctor_says_which_engine(capsys):
    status, out, _ = run(capsys, "doctor")
    assert status == 0
    assert out.strip()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["check", "--activation", "tahn"], "unknown activation 'tahn'. Did you mean 'tanh'?"),
        (["check", "--cost", "mes"], "unknown cost 'mes'. Did you mean 'mse'?"),
        (["check", "--roads", "graph,ruels"], "unknown road 'ruels'. Did you mean 'rules'?"),
        (["check", "--roads", "graph"], "at least two roads"),
        (["check", "--sizes", "2-x"], "'x' is not a whole number of at least 1"),
        (["check", "--sizes", "2"], "at least one layer"),
        (["check", "--batch", "0"], "'0' is not a whole number of at least 1"),
        (["train", "no-such-file.csv"], "no-such-file.csv"),
        (["draw", "--out", "picture.xyz"], "xyz"),
        (["draw", "--out", "no/such/folder/picture.dot"], "no/such/folder"),
        (["dance"], "invalid choice: 'dance'"),
        ([], "required"),
    ],
)
def test_what_goes_wrong_is_one_line_and_status_2(capsys, argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("tinygrad-ed")
    assert list(tmp_path.iterdir()) == []


def test_text_in_a_column_names_row_and_column(capsys, flowers):
    flowers.write_text(flowers.read_text().replace("\n", "\ntall,1.0,rose\n", 1))
    status, _, err = run(capsys, "train", flowers, "--target", "kind")
    assert status == 2
    assert "height" in err
    assert "2" in err
    assert "tall" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["demo", "draw"])
def test_a_folder_that_cannot_be_written_is_refused_first(capsys, tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / ("folder" if command == "demo" else "graph.svg")
    status, printed, err = run(capsys, command, "--out", out)
    assert (status, printed) == (2, "")
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err


def test_as_a_module_and_with_a_reader_that_leaves():
    """`python -m tinygrad_ed ops | head -1` ends quietly."""
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    command = [sys.executable, "-m", "tinygrad_ed", "ops", "--list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline().startswith(b"np.")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
