"""The options by which tables are read: each reaches the reader, in `train` and in `predict`."""

from pathlib import Path

import pytest
from user_tables import flowers, people

from tinygrad_ed.cli.parser import READING, in_options
from tinygrad_ed.cli.train import NEVER
from tinygrad_ed.errors import InvalidValue

TRAIN = ["train", "table.csv", "--target", "pays", "--epochs", 2]


def written(**changes):
    """A table of people in which some texts are replaced."""
    text = people()
    for old, new in changes.items():
        text = text.replace({"comma": ",", "point": "."}.get(old, old), new)
    return text


@pytest.mark.parametrize(
    ("text", "encoding", "options", "said"),
    [
        (written(comma="!"), "utf-8", ["--separator", "!"], "separator: '!';"),
        (written(), "utf-16-le", ["--encoding", "utf-16-le"], "encoding: utf-16-le;"),
        (written(comma=";", point=","), "utf-8", ["--decimal", "comma"], "decimal comma;"),
        (written(comma=";", point=","), "utf-8", ["--thousands", "point"], "decimal comma;"),
        (written(), "utf-8", ["--header", "yes"], "header: line 1;"),
    ],
)
def test_each_option_reaches_both_commands(run, text, encoding, options, said):
    Path("table.csv").write_bytes(text.encode(encoding))
    status, out, err = run(*TRAIN, "--missing", "mean", *options, "--save", "m.npz")
    assert (status, err) == (0, "")
    assert "note: separator: " in out
    assert said in out
    assert "gaps: mean" in out
    status, out, err = run("predict", "m.npz", "table.csv", *options)
    assert status == 0
    assert said in err


@pytest.mark.parametrize("missing", ["skip", "mean", "median"])
def test_gaps_are_treated_as_asked_and_new_rows_as_those_before(run, missing):
    Path("table.csv").write_text(people())
    status, _, err = run(*TRAIN)
    assert status == 2
    assert "leave such lines out by --missing skip, or have inputs filled by --missing mean or --missing median" in err
    status, out, _ = run(*TRAIN, "--missing", missing, "--save", "m.npz")
    assert status == 0
    assert ("9 of 80 lines lack a value" if missing == "skip" else f"the {missing}") in out
    out = run("predict", "m.npz", "table.csv")[1]
    assert len(out.splitlines()) == (72 if missing == "skip" else 81)


def test_what_is_left_out_kept_and_encoded_is_said(run):
    Path("table.csv").write_text(people())
    out = run(*TRAIN, "--missing", "mean")[1]
    assert "80 rows, 6 inputs" in out
    assert "text columns (1) are one-hot encoded as 3 inputs of 0 and 1: city 3" in out
    assert "note: member: no is 0, yes is 1" in out
    assert "note: positive class: rarely, the last of both (--positive)" in out
    assert "80 rows, 7 inputs" in run(*TRAIN, "--missing", "mean", "--keep", "PersonId")[1]
    out = run(*TRAIN, "--missing", "mean", "--positive", "often")[1]
    assert "note: positive class: often\n" in out
    assert "of 'often': precision" in out
    status, _, err = run(*TRAIN, "--missing", "mean", "--categories", "refuse")
    assert status == 2
    assert "text in 'city' (such as 'Bonn'); leave it out (--drop), write numbers, or say --categories onehot" in err
    status, _, err = run(*TRAIN, "--missing", "mean", "--positive", "never")
    assert (status, err.count("\n")) == (2, 1)
    assert "target 'pays' has no class 'never' (--positive). Known: often, rarely." in err


def test_the_best_weights_are_chosen_on_validation_rows_unless_that_is_turned_off(run):
    Path("table.csv").write_text(flowers())
    words = ["train", "table.csv", "--target", "kind", "--epochs", 30]
    usual, off = run(*words)[1], run(*words, "--validation", 0)[1]
    assert "note: the best weights are chosen on a share of 0.2 of the rows that are not held out" in usual
    assert "the best weights" not in off
    Path("table.csv").write_text("a,y\n1.5,2\n2.5,3\n4,5.5\n")
    status, out, _ = run("train", "table.csv", "--epochs", 2)
    assert status == 0
    assert "the best weights" not in out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], (0.2, NEVER)),
        (["--patience", 7], (0.2, 7)),
        (["--validation", 0], (0.0, None)),
        (["--validation", 0.4], (0.4, NEVER)),
    ],
)
def test_patience_beyond_all_epochs_keeps_the_best_weights(run, monkeypatch, words, wanted):
    asked = []

    def trained(data, validation, patience, **others):
        asked.append((validation, patience))
        raise InvalidValue("that is enough")

    monkeypatch.setattr("tinygrad_ed.train.table.train_on_table", trained)
    Path("table.csv").write_text(flowers())
    assert run("train", "table.csv", "--target", "kind", *words)[0] == 2
    assert asked == [wanted]


def test_without_pandas_both_commands_say_the_extra_in_one_line(run, model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    for words in (["train", "flowers.csv", "--target", "kind"], ["predict", model, "flowers.csv"]):
        status, out, err = run(*words)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert 'python -m pip install "tinygrad_ed[tables]"' in err


@pytest.mark.parametrize("command", ["train", "predict"])
def test_the_help_says_each_default(run, command):
    text = " ".join(run(command, "--help")[1].split())
    for name, (choices, _) in READING.items():
        default = "auto" if name != "missing" else "refuse" if command == "train" else "as in training"
        shown = f"--{name} {{{','.join(choices)}}}" if choices else f"--{name} {name.upper()}"
        assert f"(default: {default})" in text.split(shown)[-1][:200]
        assert len(text.split(shown)) > 1


def test_messages_name_options_as_they_are_typed():
    said = "say decimal='comma', drop='a b' or (option keep); the option keep; batch_size=3 and learning_rate must be"
    assert in_options(said) == (
        "say --decimal comma, --drop 'a b' or (--keep); --keep; batch_size=3 and --learning-rate must be"
    )


@pytest.mark.parametrize("cell", ["9" * 5000, "a" * 200_000, "1," * 3000])
@pytest.mark.parametrize("column", [0, 1])
def test_monstrous_cells_are_one_line_or_read(run, cell, column):
    rows = [[f"{k / 7}", "pq"[k % 2]] for k in range(40)]
    rows[7][column] = f'"{cell}"'
    Path("table.csv").write_text("\n".join(["a,kind", *map(",".join, rows)]))
    status, out, err = run("train", "table.csv", "--target", "kind", "--epochs", 1)
    assert (status, err.count("\n")) in {(2, 1), (0, 0)}
    assert len(out) + len(err) < 1000 or column == 1
