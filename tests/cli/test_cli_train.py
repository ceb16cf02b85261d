"""`tinygrad-ed train` on a table: what is learned, what the options change, and what is refused."""

import re

import numpy as np
import pytest
from command_line import run


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "there is no column 'y'. Known: height, kind, width. Say which column to predict: --target NAME"),
        (["--target", "knd"], "there is no column 'knd'. Did you mean 'kind'?"),
        (["--target", "kind", "--drop", "with"], "there is no column 'with'. Did you mean 'width'?"),
        (
            ["--target", "kind", "--kind", "numbers"],
            "'rose' is not a number; correct it, or take the line out; or say --kind classes",
        ),
        (["--target", "kind", "--optimizer", "adm"], "unknown optimizer 'adm'. Did you mean 'adam'?"),
        (["--target", "kind", "--cost", "mse"], "are learned with the cost cross_entropy, not 'mse'"),
        (["--target", "width", "--cost", "cross_entropy"], "are learned with the cost mse or l1 or huber, not"),
        (["--target", "kind", "--method", "sdg"], "unknown method 'sdg'. Did you mean 'sgd'?"),
        (["--target", "kind", "--test", "1"], "test is a fraction between 0 and 1"),
        (["--target", "kind", "--patience", "5", "--validation", "1"], "validation must be a number of at least 0 and"),
        (
            ["--target", "width", "--learning-rate", "1e99", "--optimizer", "gradient_descent", "--activation", "relu"],
            "try a smaller --learning-rate",
        ),
        (["--target", "kind", "--save", "model.txt"], "'model.txt' must end with .npz or .safetensors"),
        (["--target", "kind", "--save", "no/model.npz"], "the folder 'no' does not exist"),
    ],
)
def test_what_a_newcomer_may_get_wrong_is_one_line(capsys, flowers, monkeypatch, options, message):
    monkeypatch.chdir(flowers.parent)
    if "width" in options:
        flowers.write_text(flowers.read_text().replace("kind", "day").replace("rose", "1").replace("tulip", "2"))
        flowers.write_text(flowers.read_text().replace("daisy", "3"))
    status, _, err = run(capsys, "train", "flowers.csv", *options)
    assert status == 2
    assert message in err
    assert err.startswith("tinygrad-ed: ")
    assert err.count("\n") == 1
    assert [path.name for path in flowers.parent.iterdir()] == ["flowers.csv"]


def test_the_options_of_training_reach_it(capsys, flowers):
    """Each of them changes what comes out."""
    usual = run(capsys, "train", flowers, "--target", "kind", "--epochs", "3")[1]
    others = ["--hidden 5", "--activation relu", "--optimizer nesterov", "--learning-rate 0.2", "--weight-decay 1"]
    others += ["--method gradient", "--sampling uniform", "--batch-size 5", "--seed 1", "--test 0.4", "--drop height"]
    others += ["--validation 0.3", "--validation 0", "--kind numbers --target width --drop kind"]
    found = [run(capsys, "train", flowers, "--target", "kind", "--epochs", "3", *other.split())[1] for other in others]
    without_seconds = [re.sub(r"[\d.]+ s:", "", out) for out in [usual, *found]]
    assert all(without_seconds)
    assert len(set(without_seconds)) == 1 + len(others)
    words = ["train", flowers, "--target", "kind", "--learning-rate", "1", "--epochs", "300", "--patience", "2"]
    assert "stopped: patience" in run(capsys, *words)[1]


def test_plain_gradient_descent_has_the_larger_rate_by_itself(capsys, flowers):
    words = ["train", flowers, "--target", "kind", "--epochs", "3", "--optimizer", "gradient_descent"]
    without, with_rate = run(capsys, *words)[1], run(capsys, *words, "--learning-rate", "0.1")[1]
    assert re.sub(r"[\d.]+ s:", "", without) == re.sub(r"[\d.]+ s:", "", with_rate)


def test_text_in_a_column_names_row_and_column(capsys, flowers):
    flowers.write_text(flowers.read_text().replace("\n", "\ntall,1.0,rose\n", 1))
    status, _, err = run(capsys, "train", flowers, "--target", "kind")
    assert status == 2
    assert "height" in err
    assert "2" in err
    assert "tall" in err
    assert err.count("\n") == 1


def test_values_near_the_end_of_all_floats_can_be_learned_from(capsys, tmp_path):
    """1e300 and its square: what counts is the column in its own unit."""
    path = tmp_path / "big.csv"
    path.write_text("a,b,kind\n" + "".join(f"{(1 + i % 2) * 1e300:g},0.1,{'xy'[i % 2]}\n" for i in range(80)))
    status, out, err = run(capsys, "train", path, "--target", "kind", "--epochs", "30")
    assert (status, err) == (0, "")
    assert "accuracy on 20 rows held out: 1 (baseline, always 'x': 0.5)" in out
    path.write_text("a,y\n" + "".join(f"{i * 1e-310:g},{i * 1e306 - 4e307:g}\n" for i in range(80)))
    status, out, err = run(capsys, "train", path, "--epochs", "30")
    assert (status, err) == (0, "")
    assert float(out.split("R² on 20 rows held out: ")[1].split()[0]) > 0.9


def test_a_row_held_out_that_is_beyond_all_others_is_refused_by_name(capsys, tmp_path):
    for k in range(8):  # whichever row is held out
        rows = [f"{1e300 if i == k else i},{'xy'[i % 2]}" for i in range(8)]
        (tmp_path / "far.csv").write_text("\n".join(["a,kind", *rows]))
        status, _, err = run(capsys, "train", tmp_path / "far.csv", "--target", "kind", "--epochs", "1")
        if status:
            break
    assert status == 2
    assert "column 'a': 1e+300 lies more than 1e+100 deviations from the mean" in err
    assert err.count("\n") == 1
