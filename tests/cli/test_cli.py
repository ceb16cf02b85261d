"""The command line: what it prints, its exit status, and one line on stderr for what goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

from tinygrad_ed import cli, nn
from tinygrad_ed.checking import roads
from tinygrad_ed.cli import demo

COMMANDS = ["demo", "check", "draw", "play", "train", "predict", "ops", "doctor"]


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
        *("learning.svg", "compare.html", "player.html", "crosscheck.txt"),
    }


def test_demo_fails_with_status_1_when_the_roads_disagree(capsys, tmp_path, monkeypatch):
    from tinygrad_ed.checking.crosscheck import crosscheck

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


@pytest.mark.parametrize("cost", ["mse", "l1", "huber", "logistic", "bce", "hinge", "margin", "cross_entropy"])
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
        (["train"], "the following arguments are required: FILE"),
        (["predict", "model.npz"], "the following arguments are required: file"),
        (["predict", "model.npz", "new.csv"], "cannot read 'model.npz'"),
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


def test_importing_the_command_line_is_light():
    code = (
        "import sys, tinygrad_ed.train, tinygrad_ed.data, tinygrad_ed.checking.crosscheck\n"  # whose options it names
        "before = set(sys.modules); import tinygrad_ed.cli; new = set(sys.modules) - before\n"
        "print(*[name for name in sorted(new) if not name.startswith('tinygrad_ed.cli')])\n"
        "print(*[name for name in ('matplotlib', 'sklearn', 'tqdm', 'tinygrad_ed.cli.demo') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    brought, heavy = done.stdout.split("\n")[:2]
    assert set(brought.split()) <= {"argparse", "gettext", "shlex", "signal"}
    assert heavy == ""


@pytest.mark.parametrize("command", ["demo", "draw"])
def test_a_folder_that_cannot_be_written_is_refused_first(capsys, tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / ("folder" if command == "demo" else "graph.svg")
    status, printed, err = run(capsys, command, "--out", out)
    assert (status, printed) == (2, "")
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("command", [["check"], ["demo", "--out", "folder"], ["check", "--activation", b"\xcf\x84anh"]])
def test_an_output_that_is_not_utf_8_gets_question_marks(tmp_path, encoding, command):
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(cli.__file__).parents[2]),
        "PYTHONIOENCODING": encoding,
        "PYTHONWARNINGS": "error,ignore::ImportWarning",  # see `filterwarnings`
    }
    words = [sys.executable, "-m", "tinygrad_ed", *command]
    done = subprocess.run(words, capture_output=True, env=environment, cwd=tmp_path, check=False)
    out, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    if "--activation" in command:
        assert (done.returncode, out) == (2, "")
        assert err.count("\n") == 1
        assert "unknown activation '" in err
    else:
        assert (done.returncode, err) == (0, "")
        assert "all 15 quantities agree" in out
        assert "?" in out


HUGE = "9" * 20


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["check", "--sizes", f"{HUGE}-2"], "matrix of weights would hold more numbers than any memory can"),
        (["check", "--sizes", f"2-{HUGE}"], "matrix of weights would hold more numbers than any memory can"),
        (["check", "--batch", HUGE], "the batch would hold more numbers than any memory can"),
        (["draw", "--sizes", f"{HUGE}-{HUGE}", "--out", "a.svg"], "more numbers than any memory can"),
        (["train", "flowers.csv", "--target", "kind", "--hidden", HUGE], "more numbers than any memory can"),
        (
            ["train", "flowers.csv", "--target", "kind", "--sampling", "uniform", "--batch-size", HUGE],
            "a batch would hold more numbers than any memory can",
        ),
        (["train", "flowers.csv", "--target", "kind", "--learning-rate", "1e999"], "--learning-rate must be"),
    ],
)
def test_what_no_memory_can_hold_is_one_line_and_status_2(capsys, flowers, monkeypatch, argv, message):
    monkeypatch.chdir(flowers.parent)
    status, _, err = run(capsys, *argv)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in flowers.parent.iterdir()] == ["flowers.csv"]


@pytest.mark.parametrize("said", ["Unable to allocate 745. GiB for an array", ""])
def test_too_little_memory_is_one_line_and_status_2(capsys, monkeypatch, said):
    def full(*_):
        raise MemoryError(said)

    monkeypatch.setitem(nn.init.NAMES, "glorot", full)
    status, out, err = run(capsys, "check", "--sizes", "100000-100000-1")
    assert (status, out) == (2, "")
    assert err == f"tinygrad-ed: not enough memory; choose smaller sizes or a smaller batch. {said}".rstrip() + "\n"


def test_mistakes_of_ours_are_named_and_do_not_look_like_roads_that_disagree(capsys, monkeypatch):
    def wrong(*_):
        raise ValueError("a mistake")

    monkeypatch.setitem(nn.init.NAMES, "glorot", wrong)
    status, out, err = run(capsys, "check")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "a mistake of tinygrad-ed itself; please report it: ValueError: a mistake (test_cli.py, line " in err


@pytest.mark.parametrize("cost", ["mse", "cross_entropy"])
def test_the_biases_of_random_networks_are_tested_too(capsys, monkeypatch, cost):
    """At zero a road that forgot the biases would agree."""
    forgets = roads.by_rules

    def without_biases(mlp, *rest):
        plain = nn.MLP(mlp.sizes, rng=0)
        for layer, copy in zip(mlp.layers, plain.layers, strict=True):
            copy.weights.value = layer.weights.value
        return forgets(plain, *rest)

    monkeypatch.setitem(roads.ROADS, "rules", without_biases)
    status, out, _ = run(capsys, "check", "--cost", cost)
    assert status == 1
    assert "first divergence: zeta[1] (road 'rules' differs)" in out


def test_a_demo_without_a_layout_engine_says_once_how_to_get_one(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, out, _ = run(capsys, "demo", "--out", tmp_path)
    assert status == 0
    assert out.count("pip install") == 1
    assert out.count("left out: no layout engine") > 1
    assert (tmp_path / "graph.dot").exists()


def test_as_a_module_and_with_a_reader_that_leaves():
    """`python -m tinygrad_ed ops | head -1` ends quietly."""
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    command = [sys.executable, "-m", "tinygrad_ed", "ops", "--list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline().startswith(b"np.")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_commands_write_the_letters_that_are_asked_for(capsys, tmp_path):
    status, out, _ = run(capsys, "check", "--notation", "textbook")
    assert status == 0
    assert "∂C/∂W¹" in out
    assert "alpha" not in out
    for options in (["play"], ["draw", "--view", "network"], ["draw", "--view", "compare"]):
        page = tmp_path / "page.html"
        assert run(capsys, *options, "--notation", "textbook", "--out", page)[0] == 0
        assert "ŷ" in page.read_text("utf-8")
    status, _, err = run(capsys, "draw", "--notation", "textbok", "--out", page)
    assert (status, "invalid choice: 'textbok'" in err) == (2, True)
