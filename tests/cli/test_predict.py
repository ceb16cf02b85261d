"""`tinygrad-ed train --save` and `tinygrad-ed predict`, on tables of a user."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from user_tables import answers, flowers, houses

from tinygrad_ed.data import read_table
from tinygrad_ed.nn import MLP

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
