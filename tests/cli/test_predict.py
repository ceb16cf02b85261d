"""`tinygrad-ed train --save`, `--checkpoint` and `--plots`, and `tinygrad-ed predict`, on tables of a user."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ed import cli
from tinygrad_ed.data import Dataset, iris, read_table
from tinygrad_ed.errors import FileProblem, InvalidValue
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.train.table import train_on_table
from tinygrad_ed.train.table_network import Scale, TableNetwork

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in the folder of the test: status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        try:
            status = cli.main([str(word) for word in argv])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


def flowers(rows=90, order=("height", "width", "color", "kind"), target=True):
    """A table of two classes, with an input of no meaning, in any order of columns."""
    rng = np.random.default_rng(0)
    lines = [",".join(name for name in order if target or name != "kind")]
    for i in range(rows):
        cells = {
            "height": f"{rng.normal(2 * (i % 2), 0.3):.3f}",
            "width": f"{1e6 * rng.normal(-(i % 2), 0.1):.1f}",
            "color": f"{rng.uniform():.3f}",
            "kind": ["rose", "lily"][i % 2],
        }
        lines.append(",".join(cells[name] for name in order if target or name != "kind"))
    return "\n".join(lines)


def houses(rows=120, comma=False):
    rng = np.random.default_rng(0)
    size, rooms = rng.uniform(30, 200, rows), rng.integers(1, 8, rows)
    price = 3.0 * size + 20.0 * rooms + 100.0
    text = "\n".join(
        ["size;rooms;price", *[f"{s:.2f};{r};{p:.2f}" for s, r, p in zip(size, rooms, price, strict=True)]]
    )
    return text.replace(".", ",") if comma else text


@pytest.fixture
def model(run):
    """A saved network of flowers."""
    Path("flowers.csv").write_text(flowers())
    status, out, err = run("train", "flowers.csv", "--target", "kind", "--epochs", 20, "--save", "model.npz")
    assert (status, err) == (0, "")
    assert "saved model.npz; use it: tinygrad-ed predict model.npz new.csv" in out
    return Path("model.npz")


def answers(text):
    return list(csv.DictReader(text.splitlines()))


# --- from a table to answers ------------------------------------------------------------------------------------------


def test_classes_from_a_table_to_answers(run, model):
    Path("new.csv").write_text(flowers(rows=10, target=False))
    status, out, err = run("predict", model, "new.csv")
    assert (status, err) == (0, "")
    found = answers(out)
    assert [row["kind"] for row in found] == ["rose", "lily"] * 5
    assert [row["line"] for row in found] == [str(k) for k in range(2, 12)]
    assert all(0.5 < float(row["probability"]) <= 1.0 for row in found)


def test_columns_are_found_by_name_in_any_order_and_others_are_not_used(run, model):
    _, straight, _ = run("predict", model, "flowers.csv")
    Path("turned.csv").write_text(flowers(order=("color", "kind", "width", "height")).replace("\n", ",x\n") + ",x")
    status, turned, err = run("predict", model, "turned.csv")
    assert status == 0
    assert turned == straight
    assert "not used: x" in err
    assert "'kind' is known here: accuracy 1 (90 of 90)" in err


def test_numbers_come_back_in_their_own_unit(run):
    Path("houses.csv").write_text(houses(comma=True))
    status, out, _ = run("train", "houses.csv", "--target", "price", "--epochs", 200, "--save", "houses")
    assert status == 0
    assert "note: numbers have a decimal comma" in out
    saved = re.search(r"saved (\S+);", out)[1]
    Path("new.csv").write_text("rooms,size\n3,100\n\n5,50.5\n")
    status, out, err = run("predict", saved, "new.csv")
    assert (status, err) == (0, "")
    assert [row["line"] for row in answers(out)] == ["2", "4"]
    assert [float(row["price"]) for row in answers(out)] == pytest.approx([460.0, 351.5], rel=0.05)
    status, _, err = run("predict", saved, "houses.csv")
    assert float(err.split("R² ")[1].split(",")[0]) > 0.98


@pytest.mark.parametrize("unknown", ["", "?", "daisy"])
def test_a_target_that_is_not_filled_in_is_not_scored(run, model, unknown):
    Path("new.csv").write_text(f"height,width,color,kind\n1,2,3,rose\n1,2,3,{unknown}\n")
    status, out, err = run("predict", model, "new.csv")
    assert (status, err) == (0, "")
    assert len(answers(out)) == 2


def test_the_answers_are_those_of_the_network_on_standardised_numbers():
    data = Dataset("d", iris().x, iris().y, iris().classes, iris().features)
    result = train_on_table(data, hidden=[8], epochs=20)
    network, x = result.network, result.held_out.x
    standardised = (x - result.train.x.mean(axis=0)) / result.train.x.std(axis=0)
    assert np.allclose(network.predict_proba(x), result.mlp.predict_proba(standardised))
    names = np.array(data.classes)[result.mlp.predict(standardised).argmax(axis=1)]
    assert (network.predict(x) == names).all()
    assert result.score.value == np.mean(names == np.array(data.classes)[result.held_out.y])


def test_a_constant_column_is_zero_whatever_stands_there_later():
    scale = Scale.of(np.array([[2.0, 1e300], [2.0, -1e300]]))
    assert scale.applied(np.array([[7.0, 0.0]]), ("a", "b")).tolist() == [[0.0, 0.0]]
    assert scale.undone(np.array([[3.0, 1.0]])).tolist() == [[2.0, 1e300]]


def test_the_score_tells_each_class():
    result = train_on_table(money(), hidden=[2], epochs=1)
    found = result.network.predict(result.held_out.x)
    right = [
        f"{name}: {sum(found[result.held_out.y == k] == name)} of {sum(result.held_out.y == k)}"
        for k, name in enumerate(("$5", "$9"))
    ]
    assert result.score.detail == f"right: {', '.join(right)}"
    assert str(result.score).startswith(f"accuracy on 15 rows held out: {result.score.value:.4g} (a constant answer: ")


def test_the_seed_chooses_the_rows_that_are_held_out():
    first, again, other = [train_on_table(iris(), hidden=[2], epochs=1, seed=seed) for seed in (1, 1, 2)]
    assert (first.held_out.x == again.held_out.x).all()
    assert not np.array_equal(first.held_out.x, other.held_out.x)


def test_validation_rows_are_neither_learned_from_nor_scored():
    result = train_on_table(iris(), hidden=[8], epochs=500, validation=0.2, patience=5)
    assert result.history.stopped == "patience"
    assert len(result.train) + len(result.held_out) == 150 - round(0.2 * (150 - 38))
    with pytest.raises(InvalidValue, match="validation must be a number of at least 0 and below 1"):
        train_on_table(iris(), hidden=[8], validation=1.5)


def test_a_score_that_does_not_exist_is_said():
    data = Dataset("d", np.arange(8.0).reshape(4, 2), np.array([1.0, 2.0, 3.0, 4.5]))
    assert "R² does not exist for the rows held out: too few (1)" in str(train_on_table(data, hidden=[2], epochs=2))


def test_npz_tables(run):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    np.savez("table.npz", X=x, side=np.where(x[:, 1] > 0, "right", "left"))
    assert run("train", "table.npz", "--target", "side", "--drop", "c1", "--epochs", 30, "--save", "m.npz")[0] == 0
    np.savez("all.npz", x=x)
    np.savez("two.npz", x=x[:, 1:])
    status, out, err = run("predict", "m.npz", "all.npz")
    assert (status, err) == (0, "not used: c1\n")
    assert [row["row"] for row in answers(out)[:2]] == ["0", "1"]
    assert run("predict", "m.npz", "two.npz")[1] == out
    np.savez("one.npz", x=x[:, :1])
    status, _, err = run("predict", "m.npz", "one.npz")
    assert status == 2
    assert "array 'x' has 1 columns, but the network takes 2 (c2, c3)" in err


def test_without_a_header_columns_are_taken_by_their_order(run):
    body = "\n".join(flowers(order=("color", "height", "kind", "width")).splitlines()[1:])
    Path("bare.csv").write_text(body)
    assert run("train", "bare.csv", "--target", 3, "--drop", 1, "--epochs", 20, "--save", "m.npz")[0] == 0
    _, whole, err = run("predict", "m.npz", "bare.csv")
    assert "'c3' is known here: accuracy 1 (90 of 90)" in err
    rows = [line.split(",") for line in body.splitlines()]
    Path("no_target.csv").write_text("\n".join(f"{row[0]},{row[1]},{row[3]}" for row in rows))
    Path("inputs.csv").write_text("\n".join(f"{row[1]},{row[3]}" for row in rows))
    assert run("predict", "m.npz", "no_target.csv")[1] == whole
    assert run("predict", "m.npz", "inputs.csv")[1] == whole
    Path("one.csv").write_text("1\n2\n")
    assert "there are 1 columns, but the network takes 2 (c2, c4)" in run("predict", "m.npz", "one.csv")[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "height,with,color\n1,2,3\n",
            "there is no column 'width', which the network was trained on. Did you mean 'with'",
        ),
        ("1,2,3\n", "the first line does not name the columns height, width, color.*--header 'no'"),
        (
            "height,width,color\n1,,3\n1,2,3\n",
            "line 2, column 'width': a value is missing .''.; fill it in or take the line out$",
        ),
        (
            "height,width,color\n1,2,red\n1,2,blue\n",
            "text in column 'color' .*but the network was trained on numbers",
        ),
        ("height,width,color\n1,2,red\n1,2,3\n1,2,3\n", "line 2, column 'color': 'red' is not a number"),
        ("height,width,color\n1,2,3\n1,1e300,3\n", "column 'width': 1e.300 lies more than 1e.100 deviations"),
        ("height,width,width,color\n1,2,3,4\n", "2 columns are called 'width'"),
        ("height,width,color\n", "there is no data below the header"),
        ("", "the file is empty"),
    ],
)
def test_new_rows_that_do_not_fit_are_one_line(run, model, text, message):
    Path("new.csv").write_text(text)
    status, out, err = run("predict", model, "new.csv", "--output", "answers.csv")
    assert (status, out) == (2, "")
    assert err.startswith("tinygrad-ed: ")
    assert err.count("\n") == 1
    assert re.search(message, err.strip())
    assert not Path("answers.csv").exists()


# --- files ------------------------------------------------------------------------------------------------------------


def test_answers_go_to_a_file_which_is_not_replaced_unless_forced(run, model):
    status, out, err = run("predict", model, "flowers.csv", "--output", "answers.csv")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "wrote answers.csv: 90 answers"
    text = Path("answers.csv").read_text()
    assert text == run("predict", model, "flowers.csv")[1]
    Path("answers.csv").write_text("mine")
    status, out, err = run("predict", model, "flowers.csv", "--output", "answers.csv")
    assert (status, out) == (2, "")
    assert err == "tinygrad-ed: 'answers.csv' is there already; give another name, or replace it with --force\n"
    assert Path("answers.csv").read_text() == "mine"
    assert run("predict", model, "flowers.csv", "--output", "answers.csv", "--force")[0] == 0
    assert Path("answers.csv").read_text() == text
    assert run("predict", model, "flowers.csv", "--output", "no/answers.csv")[0] == 2
    assert not list(Path().glob(".*.part"))


def test_names_are_quoted_in_the_answers(run):
    tall = '"tall, ""very"""'
    rows = "".join(f"{i % 9},{tall if i % 9 > 4 else 'small'}\n" for i in range(60))
    Path("t.csv").write_text(f"height,kind\n{rows}")
    assert run("train", "t.csv", "--target", "kind", "--epochs", 40, "--save", "m.npz")[0] == 0
    assert {row["kind"] for row in answers(run("predict", "m.npz", "t.csv")[1])} == {"small", 'tall, "very"'}


def test_a_saved_network_is_not_replaced_unless_forced_and_that_is_said_before_the_training(run, model):
    before = model.read_bytes()
    again = ["train", "flowers.csv", "--target", "kind", "--epochs", 5, "--save", model]
    status, _, err = run(*again)
    assert status == 2
    assert "'model.npz' is there already" in err
    assert model.read_bytes() == before
    assert run(*again, "--force")[0] == 0
    assert model.read_bytes() != before


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("data", [iris(), Dataset("d", iris().x[:, :3], iris().x[:, 3])])
def test_a_saved_network_is_the_same_network(tmp_path, suffix, data):
    network = train_on_table(data, hidden=[4, 3], activation="relu", epochs=3).network
    again = TableNetwork.load(network.save(tmp_path / f"network{suffix}"))
    assert (again.features, again.target, again.classes) == (network.features, network.target, network.classes)
    assert (again.predict(data.x) == network.predict(data.x)).all()
    with pytest.raises(FileProblem, match="holds a network of a table, but a network or a training is needed"):
        MLP.load(tmp_path / f"network{suffix}")


def test_other_files_are_no_networks_of_a_table(run, model):
    MLP([2, 1]).save("plain.npz")
    Path("damaged.npz").write_bytes(model.read_bytes()[:-20])
    for file, message in [
        ("plain.npz", "'plain.npz' holds a network, but a network of a table is needed"),
        ("damaged.npz", "'damaged.npz' is damaged"),
        ("nowhere.npz", "cannot read 'nowhere.npz': No such file"),
        ("flowers.csv", "'flowers.csv' must end with .npz or .safetensors"),
    ]:
        status, out, err = run("predict", file, "flowers.csv")
        assert (status, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["a"]},
        {"features": "ab"},
        {"classes": ["x", 2, "y"]},
        {"classes": None},
        {"columns": 3},
        {"inputs.deviation": np.zeros(4)},
        {"inputs.mean": np.full(4, np.nan)},
        {"inputs.unit": np.ones(3)},
        {"inputs.unit": None},
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(tmp_path, change):
    path = train_on_table(iris(), hidden=[3], epochs=1).network.save(tmp_path / "network.npz")
    kind, about, arrays = storage.read(path, "network of a table")
    for name, value in change.items():
        if "." in name:
            arrays[name] = value
        else:
            about["table"][name] = value
    storage.write(path, kind, about, {name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(FileProblem, match=r"network.npz' does not fit together"):
        TableNetwork.load(path)


# --- long runs --------------------------------------------------------------------------------------------------------


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
    assert "resume with the same arguments" in err


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
    assert err == "tinygrad-ed: stopped; the network is the one after the last whole epoch, or the best\n"
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
    assert err == "tinygrad-ed: stopped in the first epoch; nothing is saved\n"
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


# --- plots ------------------------------------------------------------------------------------------------------------


def test_plots_of_classes_and_of_numbers(run):
    Path("flowers.csv").write_text(flowers(order=("height", "width", "kind")))
    status, out, err = run("train", "flowers.csv", "--target", "kind", "--epochs", 5, "--plots", "plots")
    assert (status, err) == (0, "")
    assert {path.name for path in Path("plots").iterdir()} == {"cost.png", "confusion.png", "boundary.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in Path("plots").iterdir())
    assert "wrote plots/boundary.png" in out
    Path("houses.csv").write_text(houses())
    assert run("train", "houses.csv", "--target", "price", "--epochs", 5, "--plots", "more/plots")[0] == 0
    assert {path.name for path in Path("more/plots").iterdir()} == {"cost.png", "answers.png"}


def test_the_numbers_in_the_confusion_plot():
    from matplotlib import pyplot as plt

    from tinygrad_ed.cli import table_plots

    result = train_on_table(money(), hidden=[2], epochs=1, seed=3)
    ax = table_plots.confusion(result)
    drawn = {text.get_position(): int(text.get_text()) for text in ax.texts}
    pairs = list(zip(result.network.predict(result.held_out.x), result.held_out.y, strict=True))
    counts = {(column, row): pairs.count((found, row)) for column, found in enumerate(("$5", "$9")) for row in (0, 1)}
    assert drawn == {place: count for place, count in counts.items() if count}
    assert counts[1, 0] != counts[0, 1]
    assert [label.get_text() for label in ax.get_xticklabels()] == [r"\$5", r"\$9"]
    plt.close()


def money():
    """Classes whose names have dollars in them, between which matplotlib sets mathematics."""
    x = np.random.default_rng(0).normal(size=(60, 2))
    return Dataset("money", x, (x[:, 0] > 0).astype(int), ("$5", "$9"))


def test_plots_are_refused_before_the_training(run, monkeypatch):
    Path("flowers.csv").write_text(flowers())
    train = ["train", "flowers.csv", "--target", "kind", "--plots"]
    status, _, err = run(*train, "flowers.csv")
    assert status == 2
    assert "the folder flowers.csv cannot be written" in err
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    status, _, err = run(*train, "plots")
    assert status == 2
    assert '--plots needs matplotlib; install it with: python -m pip install "tinygrad_ed[plots]"' in err
    assert not Path("plots").exists()


def test_the_commands_of_the_help_work(run, capsys):
    """The examples of `tinygrad-ed --help`, word for word."""
    _, out, _ = run("--help")
    lines = [line.split()[1:] for line in out.splitlines() if line.startswith("  tinygrad-ed ")]
    assert [line[0] for line in lines] == ["train", "predict"]
    Path("table.csv").write_text(houses())
    shutil.copy("table.csv", "new.csv")
    for line in lines:
        assert run(*line)[0] == 0
    assert len(Path("answers.csv").read_text().splitlines()) == 121
    assert read_table("answers.csv", "price").features == ("line",)
