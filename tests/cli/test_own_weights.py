"""`--weights`: check, draw and play on a reader's own numbers; hostile files are one line each, and status 2."""

import json
import os
import re
import zipfile

import numpy as np
import pytest
from command_line import run

import tinygrad_ed as tg
from tinygrad_ed.cli import own_weights
from tinygrad_ed.nn import MLP
from tinygrad_ed.notation.alphabet import NOTATIONS

WEIGHTS = [[[0.15, 0.25], [0.2, 0.3]], [[0.4, 0.5], [0.45, 0.55]]]  # a sheet of paper with two layers
BIASES = [[0.35, 0.35], [0.6, 0.6]]
X, RHO = [0.05, 0.1], [0.01, 0.99]
SHEET = {"weights": WEIGHTS, "biases": BIASES, "activation": "sigmoid", "output": "sigmoid", "x": X, "rho": RHO}


def as_json(folder, content=None, name="sheet.json", **more):
    path = folder / name
    path.write_text(json.dumps((SHEET if content is None else content) | more if more else content or SHEET))
    return path


def as_npz(folder, **arrays):
    path = folder / "sheet.npz"
    np.savez(path, **arrays)
    return path


def number(out, quantity):
    return re.search(rf"^{re.escape(quantity)} .*?(-?\d\.\d+)", out, re.MULTILINE)[1]


def test_a_sheet_of_paper_is_checked_and_all_its_numbers_are_printed(capsys, tmp_path):
    status, out, err = run(capsys, "check", "--weights", as_json(tmp_path), "--ledger")
    assert (status, err) == (0, "")
    assert "all 15 quantities agree on the roads graph, rules, jacobians, numeric, tape" in out
    assert number(out, "cost") == "0.29837111"
    assert "grad_omega[2]  2×2     [[0.082167 -0.022603] [0.082668 -0.02274]]" in out
    assert "grad_omega[1]  2×2     [[0.00043857 0.00049771] [0.00087714 0.00099543]]" in out


FORMS = {
    "rows": lambda folder: [as_json(folder)],
    "columns": lambda folder: [as_json(folder, weights=[np.transpose(w).tolist() for w in WEIGHTS], layout="columns")],
    "columns as an option": lambda folder: [
        as_json(folder, weights=[np.transpose(w).tolist() for w in WEIGHTS]), "--layout", "columns"
    ],
    "options before the file": lambda folder: [
        as_json(folder, activation="relu", x=[9, 9], rho=[9, 9]), "--activation", "sigmoid", "--x=0.05,.1",
        "--rho", "0.01,0.99",
    ],
    "npz": lambda folder: [
        as_npz(folder, W1=WEIGHTS[0], b1=BIASES[0], W2=WEIGHTS[1], b2=BIASES[1], x=X, rho=RHO),
        "--activation", "sigmoid", "--output", "sigmoid",
    ],
    "a batch": lambda folder: [as_json(folder, x=[X, X], rho=[RHO, RHO])],
    "saved": lambda folder: [
        MLP.from_weights(WEIGHTS, BIASES, "sigmoid", "sigmoid").save(folder / "n.npz"),
        "--x=0.05,0.1", "--rho=0.01,0.99",
    ],
    "saved as safetensors": lambda folder: [
        MLP.from_weights(WEIGHTS, BIASES, "sigmoid", "sigmoid").save(folder / "n.safetensors"),
        "--x=0.05,0.1;0.05,0.1", "--rho=0.01,0.99;0.01,0.99",
    ],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_numbers_gives_the_same(capsys, tmp_path, form):
    status, out, err = run(capsys, "check", "--weights", *FORMS[form](tmp_path))
    assert (status, err) == (0, "")
    assert number(out, "cost") == "0.29837111"
    for command, name in (("draw", "a.svg"), ("play", "a.html"), ("live", "b.html")):
        view = ["--view", "network"] if command == "draw" else []
        status, out, err = run(capsys, command, *view, "--out", tmp_path / name, "--weights", *FORMS[form](tmp_path))
        assert (status, err) == (0, "")
        assert "0.298" in (tmp_path / name).read_text("utf-8")


def test_a_bare_list_and_a_layer_without_a_bias(capsys, tmp_path):
    out = run(capsys, "check", "--weights", as_json(tmp_path, WEIGHTS), "--ledger")[1]
    assert "grad_beta[1]" in out  # zeros, as in from_weights
    out = run(capsys, "check", "--weights", as_json(tmp_path, biases=[[0.35, 0.35], None]))[1]
    assert ("grad_beta[1]" in out, "grad_beta[2]" in out) == (True, False)
    out = run(capsys, "check", "--weights", as_npz(tmp_path, W1=WEIGHTS[0], W2=WEIGHTS[1], b2=BIASES[1]))[1]
    assert ("grad_beta[1]" in out, "grad_beta[2]" in out) == (False, True)


def test_without_a_sample_it_is_random_and_suits_the_cost(capsys, tmp_path):
    for cost in ("mse", "hinge", "cross_entropy"):
        status, out, _ = run(capsys, "check", "--weights", as_json(tmp_path, WEIGHTS), "--cost", cost, "--batch", "3")
        assert status == 0
        assert "alpha[0]       3×2" in out


def test_a_class_number(capsys, tmp_path):
    path = as_json(tmp_path, WEIGHTS)
    for argv in (["--x=1,2", "--rho=1"], ["--x=1,2;3,4", "--rho=1;0"]):
        status, out, err = run(capsys, "check", "--weights", path, "--cost", "cross_entropy", *argv, "--ledger")
        assert (status, err) == (0, "")
    expected = tg.ledger(MLP.from_weights(WEIGHTS), [[1, 2], [3, 4]], [1, 0], "cross_entropy")["cost"]
    assert f"cost           number  {expected:.6g}" in out


def test_a_sample_of_your_own_for_a_random_network(capsys):
    status, out, err = run(capsys, "check", "--x=0.5,-1", "--rho=1,0", "--brief")
    assert (status, err) == (0, "")
    assert out.startswith("all 15 quantities agree")


def bomb(folder):
    path = folder / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("W1.npy", b"\0" * (own_weights.MEGABYTES + 1) * 2**20)
    return path


def text(folder, content, name="bad.json"):
    path = folder / name
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return path


def large(folder):
    path = folder / "large.json"
    with path.open("wb") as stream:
        stream.truncate((own_weights.MEGABYTES + 1) * 2**20)
    return path


def pipe(folder):
    os.mkfifo(folder / "pipe.json")
    return folder / "pipe.json"


def pickled(folder):
    np.savez(folder / "bad.npz", W1=np.array([{}], dtype=object))
    return folder / "bad.npz"


HOSTILE = {
    "missing": (lambda f: f / "no.json", "no such file"),
    "a folder": (lambda f: (f / "a.json").mkdir() or f / "a.json", "no such file"),
    "a pipe": (pipe, "no such file"),
    "a device": (lambda f: (f / "a.json").symlink_to("/dev/zero") or f / "a.json", "no such file"),
    "another suffix": (lambda f: text(f, "1", "bad.csv"), "ends with .json, .npz, .safetensors"),
    "large": (large, "larger than 64 MB"),
    "a bomb": (bomb, "it unfolds to more than 64 MB"),
    "not JSON": (lambda f: text(f, "W1 = [[1]]"), "is no JSON"),
    "cut off": (lambda f: text(f, '{"weights": [[['), "is no JSON"),
    "not UTF-8": (lambda f: text(f, b"\xff\xfe\xfa"), "is no JSON"),
    "deep": (lambda f: text(f, "[" * 100_000), "is no JSON"),
    "deep, and whole": (lambda f: text(f, "[" * 900 + "]" * 900), "the weights of layer 1"),
    "a number": (lambda f: text(f, "5"), "holds no weights"),
    "text": (lambda f: text(f, '"weights"'), "holds no weights"),
    "no weights": (lambda f: text(f, '{"W1": [[1]]}'), "holds no weights"),
    "weights that are none": (lambda f: text(f, '{"weights": 5}'), "holds no weights"),
    "an unknown key": (lambda f: as_json(f, SHEET, bias=1), "unknown key 'bias'. Did you mean 'biases'?"),
    "a cost": (lambda f: as_json(f, SHEET, cost="bce"), "has a cost; take it out, and say it as an option: --cost bce"),
    "no layer": (lambda f: text(f, "[]"), "at least one layer"),
    "strings": (lambda f: text(f, '[[["a", "b"]]]'), "the weights of layer 1 must hold real numbers"),
    "null": (lambda f: text(f, "[[[null]]]"), "the weights of layer 1 must hold real numbers"),
    "rows of different lengths": (lambda f: text(f, "[[[1], [1, 2]]]"), "its rows differ in length"),
    "a vector": (lambda f: text(f, "[[1, 2]]"), "the weights of layer 1 are a matrix"),
    "a chain": (lambda f: text(f, "[[[1]], [[1], [2]]]"), "layer 2 has weights of shape (2, 1)"),
    "NaN": (lambda f: text(f, "[[[NaN]]]"), "W1 holds nan"),
    "infinity": (lambda f: text(f, "[[[1e999]]]"), "W1 holds inf"),
    "a huge integer": (lambda f: text(f, f"[[[1{'0' * 400}]]]"), "the weights of layer 1 must hold real numbers"),
    "a larger integer": (lambda f: text(f, f"[[[1{'0' * 5000}]]]"), "is no JSON"),
    "a wide bias": (lambda f: as_json(f, biases=[[1, 2, 3], [1, 2]]), "the bias of layer 1 must be of shape (2,)"),
    "biases that are none": (lambda f: as_json(f, biases=5), "biases a list of vectors"),
    "biases as an object": (lambda f: as_json(f, biases={"b1": [1]}), "2 matrices of weights, but 1 biases"),
    "an activation": (lambda f: as_json(f, activation="tanhh"), "unknown activation 'tanhh'. Did you mean 'tanh'?"),
    "an activation that is none": (lambda f: as_json(f, activation=5), "one for each of the 2 layers"),
    "an output": (lambda f: as_json(f, output=None), "unknown activation None"),
    "a layout": (lambda f: as_json(f, layout=["rows"]), "unknown layout ['rows']"),
    "a wide sample": (lambda f: as_json(f, x=[1, 2, 3]), "x has shape (3,)"),
    "a sample of text": (lambda f: as_json(f, x="abc"), "x must hold real numbers"),
    "a wide expectation": (lambda f: as_json(f, rho=[1]), "the output has shape (2,), but expected has shape (1,)"),
    "a sample alone": (lambda f: as_json(f, {"weights": WEIGHTS, "x": X}), "x and rho belong together"),
    "no npz": (lambda f: text(f, "W1", "bad.npz"), "no npz file of numbers"),
    "pickle": (pickled, "no npz file of numbers"),
    "other arrays": (lambda f: as_npz(f, weights1=[[1.0]]), "'weights1'. Known: "),
    "no W1": (lambda f: as_npz(f, x=[1.0], rho=[1.0]), "'W1'"),
    "no W2": (lambda f: as_npz(f, W1=[[1.0]], W3=[[1.0]]), "'W3'"),
    "a bias without weights": (lambda f: as_npz(f, W1=[[1.0]], b2=[1.0]), "'b2'"),
    "an escape": (lambda f: as_json(f, SHEET, **{"\x1b[31m": 1}), r"unknown key '\x1b[31m'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_line_and_status_2(capsys, tmp_path, name):
    make, words = HOSTILE[name]
    path = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    for command in (["check"], ["draw", "--out", tmp_path / "a.svg"], ["play", "--out", tmp_path / "a.html"]):
        status, out, err = run(capsys, *command, "--weights", path)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert words in err
        assert err.startswith("tinygrad-ed")
        assert err.rstrip("\n").isprintable()
        assert len(err) < 1000
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--x=1,2"], "x and rho belong together"),
        (["--x=1;2,3", "--rho=1,0"], "x must be one array, but its rows differ in length"),
        (["--x=1,a", "--rho=1"], "'1,a' is no sample such as 0.5,-1"),
        (["--x=1,nan", "--rho=1,0"], "x holds nan at [0, 1]"),
        (["--layout", "columns"], "--layout tells how --weights FILE is laid out"),
        (["--activation", "tahn", "--sizes", "2-1"], "unknown activation 'tahn'"),
        (["--x=\x1b[31m", "--rho=1"], r"'\x1b[31m' is no sample"),
        (["--weights"], "argument --weights: expected one argument (see"),
        (["--x", "-1,2", "--rho=1"], "argument --x: expected one argument; write a negative one so: --x=-1,2 (see"),
        (["--x=1,2", "--rho", "-1,2"], "argument --rho: expected one argument; write a negative one so: --rho=-1,2"),
    ],
)
def test_options_that_do_not_fit(capsys, argv, words):
    status, out, err = run(capsys, "check", *argv)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert err.rstrip("\n").isprintable()


def test_sizes_belong_to_a_random_network(capsys, tmp_path):
    status, _, err = run(capsys, "check", "--weights", as_json(tmp_path), "--sizes", "2-2-2")
    assert status == 2
    assert "--sizes is for a random network" in err


@pytest.mark.parametrize("command", ["check", "draw", "play", "live"])
def test_the_help_tells_what_a_file_of_weights_is(capsys, command):
    out = run(capsys, command, "--help")[1]
    for key in (*own_weights.KEYS, "--weights FILE", "--layout", "--x", "--rho", "W1 b1 W2 b2", ".safetensors"):
        assert key in out


@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_ledger_is_printed_in_the_letters_of_the_table_above_it(capsys, notation):
    argv = ["check", "--sizes", "2-2-2-2-2-2-2-2-2-2", "--activation", "sigmoid", "--notation", notation, "--ledger"]
    status, out, _ = run(capsys, *argv)
    check, book = out.split("\n\n")
    above, *names, vanish = [line.split()[0] for line in book.splitlines()]
    assert (status, above, vanish) == (0, "quantity", "gradients")
    assert names == [line.split()[0] for line in check.splitlines()[2 : 2 + len(names)]]
    first, last = {"lecture": ("B[1]", "B[9]"), "textbook": ("δ¹", "δ⁹")}[notation]
    assert re.search(f": {re.escape(first)} has .* size of {re.escape(last)}$", book.strip())
