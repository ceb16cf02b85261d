"""`tinygrad-ed check FILE`: the verdict, how much it tells, its exit status, and that no file can end it."""

import json

import pytest
from command_line import run

RIGHT = "def grad_omega(alpha_prev, B):\n    return alpha_prev.T @ B\n"
WRONG = "print('all right')\ndef grad_beta(B):\n    print('right')\n    return 2 * B.sum(axis=0)\n"


@pytest.fixture
def check(capsys, tmp_path):
    def checked(text, *options):
        file = tmp_path / "mine.py"
        file.write_text(text, encoding="utf-8")
        return run(capsys, "check", file, *options)

    return checked


def test_a_right_rule_is_right(check):
    status, out, err = check(RIGHT)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "note: your grad_omega is right on all 10 other problems, too"
    assert check(RIGHT, "--brief")[1].startswith("CrossCheck: all 15 quantities agree")


@pytest.mark.parametrize(
    ("tell", "words"),
    [
        ("where", "grad_beta (layers 1 and 2) is wrong"),
        ("what", "grad_beta (layers 1 and 2): probably a factor of 2"),
        ("mend", "It should be ∂E/∂βʲ = the sum of the rows of Bʲ"),
    ],
)
def test_a_wrong_rule_is_told_as_far_as_is_asked(check, tell, words):
    status, out, err = check(WRONG, "--tell", tell)
    assert status == 1
    assert words in out
    assert ("factor" in out) == (tell != "where")
    assert ("sum of the rows" in out) == (tell == "mend")
    assert "right\n" in err  # what the file prints


def test_json_is_json_whatever_the_file_prints(check):
    status, out, _ = check(WRONG, "--json")
    found = json.loads(out)
    assert (status, found["agree"]) == (1, False)
    assert found["diagnosis"][0]["quantities"] == ["grad_beta[1]", "grad_beta[2]"]
    out = check("def grad_beta(B):\n    return None\n", "--json")[1]
    assert "is a `return` missing" in json.loads(out)["diagnosis"][0]["mistake"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise SystemExit(0)", "it ended the program (SystemExit: 0)"),
        ("raise KeyboardInterrupt", "it ended the program (KeyboardInterrupt)"),
        ("while True: pass", "it was stopped after 1 seconds: an endless loop?"),
        ("return grad_beta(B)", "recursion"),
        ("B[:] = 0", "it writes into what it was given"),
        ("return B[None]", "it returned shape (1, 4, 3)"),
    ],
)
def test_whatever_a_rule_does_is_a_verdict(check, body, words):
    status, out, _ = check(f"def grad_beta(B):\n    {body}\n", "--seconds", "1" if "while" in body else "20")
    assert status == 1
    assert words in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; sys.exit(0)", "your file ended the program (SystemExit: 0)"),
        ("import os; os._exit(0)", "it ended the program (status 0)"),
        ("import os, sys; os.execv(sys.executable, [sys.executable, '-c', ''])", "it ended the program (status 0)"),
        ("while True: pass", "your file was stopped after 1 seconds"),
        ("def grad_bta(B): pass", "nor a function named after a rule: zeta, alpha"),
        ("grad_beta = 3", "nor a function named after a rule"),
        ("def f(:", "your file raised SyntaxError"),
        ("from tinygrad_ed.closed_form.rules import B_hidden", "B_hidden in .* is that of the package"),
    ],
)
def test_a_file_that_cannot_be_judged_is_one_line_and_status_2(check, text, words):
    status, out, err = check(text, "--seconds", "1" if "while" in text else "20")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    with pytest.raises(AssertionError, match=words.replace("(", r"\(").replace(")", r"\)")):
        raise AssertionError(err)


def test_files_beside_it_stand_in_the_place_of_no_module(check, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit(0)")
    assert check(RIGHT)[::2] == (0, "")


def test_a_limit_that_is_none_is_refused(check):
    assert check(RIGHT, "--seconds", "0")[0] == 2
    assert "--seconds must be a number above 0" in check(RIGHT, "--seconds", "-1")[2]


def test_without_a_file_there_is_no_json(capsys):
    assert run(capsys, "check", "--json")[::2] == (
        2, "tinygrad-ed: --json is for a FILE of your own; the cross-check of the roads is a table\n"
    )  # fmt: skip


def test_a_file_that_is_not_there_is_named(capsys):
    status, _, err = run(capsys, "check", "none.py")
    assert (status, err) == (2, "tinygrad-ed: there is no file 'none.py'\n")


PROGRAM = """
import numpy as np
def forward(X, Y, W):
    Z = X @ W
    return np.mean((Z - Y) ** 2)
def backward(X, Y, W):
    Z = X @ W
    dZ = 2 * (Z - Y) / Y.size
    dW = X.T @ dZ
    return {"dW": dW}
args = (np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]]), np.ones((3, 1)), np.array([[0.5], [-0.5]]))
"""


def test_a_program_is_judged_down_to_the_line(check):
    assert check(PROGRAM)[0] == 0
    status, out, _ = check(PROGRAM.replace("X.T @ dZ", "X[:1].T @ dZ[:1]"))
    assert status == 1
    assert "line 9" in out
    status, _, err = check(PROGRAM.replace("args =", "arguments ="))
    assert (status, "but no args" in err) == (2, True)


def test_numbers_from_a_sheet_are_judged(capsys, tmp_path):
    sheet = tmp_path / "sheet.json"
    weights = {"weights": [[[0.5], [-1.0]]], "activation": "identity", "x": [[1.0, 2.0]], "rho": [[0.0]]}
    (tmp_path / "weights.json").write_text(json.dumps(weights))
    for number, expected in ((-1.5, 0), (1.5, 1)):
        sheet.write_text(json.dumps({"B[1]": [[number]]}))
        status, out, err = run(capsys, "check", sheet, "--weights", tmp_path / "weights.json", "--digits", "2")
        assert (status, err) == (expected, ""), out
    for text, words in (("[1", "no JSON"), ("{}", "an object of numbers"), ('{"Q": 1}', "Q")):
        sheet.write_text(text)
        status, out, err = run(capsys, "check", sheet)
        assert (status, out, words in err, err.count("\n")) == (2, "", True, 1)
