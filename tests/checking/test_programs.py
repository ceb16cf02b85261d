# ruff: noqa: N803, N806
"""A reader's forward and backward pass in NumPy: right ones are not accused, and a slip is found in its line."""

import json
import sys

import numpy as np
import pytest
from own_programs import PROGRAMS, changed, load

import tinygrad_ed as tg


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_right_program_is_not_accused(name):
    source, arguments = PROGRAMS[name]
    for seed in range(5):
        check = tg.check_program(*load(source), *arguments(np.random.default_rng(seed)))
        assert check.agree, str(check)
        assert check.diagnosis == check.notes == ()
        assert check.first_divergence is None


BOOKKEEPING = {
    "1/m in the last delta": [
        ("A2 - Y", "(A2 - Y) / m"),
        ("A1.T / m", "A1.T"),
        ("X.T / m", "X.T"),
        ("keepdims=True) / m", "keepdims=True)"),
    ],
    "means": [
        ("np.sum(dZ2, axis=1, keepdims=True) / m", "np.mean(dZ2, axis=1, keepdims=True)"),
        ("np.sum(dZ1, axis=1, keepdims=True) / m", "dZ1.mean(axis=1)[:, None]"),
    ],
    "other names": [("dZ2", "delta"), ("dZ1", "hidden"), ("dA1", "back")],
    "einsum": [("dZ1 @ X.T / m", "np.einsum('ik,jk->ij', dZ1, X) / m")],
    "samples": [
        (
            "    dW2 = dZ2 @ A1.T / m",
            "    dW2 = np.zeros_like(W2)\n    for i in range(m):\n        dW2 += np.outer(dZ2[:, i], A1[:, i]) / m",
        )
    ],
    "lists": [("dW1 = dZ1 @ X.T / m", "dW1 = (dZ1 @ X.T / m).tolist()")],
}


@pytest.mark.parametrize("words", BOOKKEEPING)
def test_every_bookkeeping_is_right(words):
    forward, backward, args, _ = changed("cols", *BOOKKEEPING[words])
    if words == "lists":
        check = tg.check_program(forward, lambda cache: {k: np.array(v) for k, v in backward(cache).items()}, *args)
    else:
        check = tg.check_program(forward, backward, *args)
    assert check.agree, str(check)
    assert not any("factor" in note for note in check.notes)


@pytest.mark.parametrize(("wrong", "factor"), [("Y - A2", "-1"), ("(A2 - Y) / m", "0.166667")])
def test_one_factor_in_all_gradients_is_bookkeeping(wrong, factor):
    forward, backward, args, _ = changed("cols", ("A2 - Y", wrong))
    check = tg.check_program(forward, backward, *args)
    assert check.agree
    assert check.notes[0].startswith(f"right up to the factor {factor}, ")


def test_a_half_or_two_is_bookkeeping_only_where_the_loss_has_a_square():
    forward, backward, args, line = changed("cols", ("A2 - Y", "2 * (A2 - Y)"))
    (found,) = tg.check_program(forward, backward, *args).diagnosis
    assert (found.quantity, found.where, found.mistake) == ("dZ2", f"line {line}", "a factor of 2 too much")
    forward, backward, args, _ = changed("cols", ("m = X.shape[1]", "m = X.shape[0]"))  # the features: 3, not 6
    (found,) = tg.check_program(forward, backward, *args).diagnosis
    assert found.mistake == "a factor of 2 too much"
    forward, backward, args, _ = changed("rows", ("(z2 - Y) / len(X)", "2 * (z2 - Y) / len(X)"))
    assert tg.check_program(forward, backward, *args).agree


def test_a_factor_that_is_no_bookkeeping_is_found_where_it_enters():
    forward, backward, args, line = changed("cols", ("A2 - Y", "3.7 * (A2 - Y)"))
    (found,) = tg.check_program(forward, backward, *args).diagnosis
    assert (found.where, found.mistake) == (f"line {line}", "3.7 times the right numbers")


SLIPS = [
    ("cols", "A1 ** 2", "Z1 ** 2", "the formula for the output of `tanh` used on its input"),
    ("cols", "dZ1 = dA1 * (1 - A1 ** 2)", "dZ1 = dA1", "Φ' (of `tanh`) is left out"),
    (
        "cols",
        "dZ1 = dA1 * (1 - A1 ** 2)",
        "dZ1 = dA1 * (1 + A1 ** 2)",
        "a factor in it is 1 + `A1`²; it should be 1 - `A1`²",
    ),
    ("cols", "dZ1 = dA1 * (1 - A1 ** 2)", "dZ1 = 1 - A1 ** 2", "what arrives at `A1` is lost"),
    ("cols", "dZ1 = dA1 * (1 - A1 ** 2)", "dZ1 = dA1 / (1 - A1 ** 2)", "divided by Φ' (of `tanh`)"),
    ("cols", "    dA1 = W2.T", "    dA1 = (W2 - 0.37 * dW2).T", "`W2` was updated before it was used here, η = 0.37"),
    ("cols", "np.sum(dZ1, axis=1", "np.sum(dA1, axis=1", "the gradient of `A1` in place of that of `Z1`"),
    ("cols", "dW2 = dZ2 @ A1.T", "dW2 = dZ2 @ A2.T", "it is the matrix product the gradient of `Z2` `A2`ᵀ"),
    ("cols", "dW2 = dZ2 @ A1.T / m", "dW2 = 2 * dZ2 @ A1.T / m", "a factor of 2 too much"),
    ("cols", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T / m + 0.02 * W2", "an L2 term of λ = 0.02"),
    ("cols", "dW2 = dZ2 @ A1.T / m", "dW2 = np.zeros_like(W2)", "it is zeros"),
    ("cols", "dZ2 = A2 - Y", "dZ2 = A2 + Y", "`A2` + `Y`"),
    ("cols", "dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "an extra factor `A2` (1 - `A2`) is in it"),
    ("cols", "np.sum(dZ1, axis=1, keepdims=True)", "np.sum(dZ1, axis=1)", "its shape is (4,) in place of (4, 1)"),
    ("rows", "(z1 > 0)", "(delta2 @ W2.T > 0)", "Φ' (of `maximum`) is taken at the gradient that arrives"),
    ("rows", "delta1.sum(axis=0)", "delta1.sum()", "a sum over axis 0 too much"),
    ("softmax", "dlogits[np.arange(n), y] -= 1", "dlogits[np.arange(n), y] += 1", "the one-hot rows of `y`"),
    ("softmax", "dlogits.sum(axis=0)", "dlogits", "it is not summed over axis 0"),
    ("bn", "dvar / (N - 1)", "dvar / N", "(9 - 1)/9 times the right numbers (n in place of n - 1)"),
    ("bn", "dxmu += 2", "dxmu -= 2", "in the part that comes through `sq`: the sign is wrong"),
    ("bn", "dh = dxmu + np.ones_like(xmu) * dmu / N", "dh = dxmu + 0", "the part that comes through `mu` is missing"),
    (
        "attn",
        "dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))",
        "dS = A * dA",
        "only the diagonal of its derivative",
    ),
    ("attn", "dQ = dS @ K / np.sqrt(d)", "dQ = dS @ K", "√3 times the right numbers"),
    ("rnn", "dWx += np.outer(xs[t], dz)", "dWx = np.outer(xs[t], dz)", "the right numbers"),
    ("rnn", "dh = Wy @ do + dhnext", "dh = Wy @ do", "the part that comes through `z` is missing"),
    ("rnn", "dhnext = Wh @ dz", "dhnext = Wh.T @ dz", ""),
    ("conv", "dX[i:i + k] += K", "dX[i:i + k] = K", "overwritten (`=` in place of `+=`?)"),
    ("convloop", "dA * (Z > 0)", "dA", "Φ' (of `maximum`) is left out"),
    ("emb", "dC[ix[k, j]] += demb", "dC[ix[k, j]] = demb", "entries that are read twice was overwritten"),
    ("mlp_dicts", "(A - Y) * A * (1 - A)", "(A - Y)", "the derivative between them (Φ') is left out"),
]


@pytest.mark.parametrize(
    ("name", "right", "wrong", "words"), SLIPS, ids=[f"{name}: {wrong}" for name, _, wrong, _ in SLIPS]
)
def test_a_slip_is_one_finding_in_its_line(name, right, wrong, words):
    forward, backward, args, line = changed(name, (right, wrong))
    check = tg.check_program(forward, backward, *args)
    (found,) = check.diagnosis
    assert found.where == f"line {line}"
    if words and "rnn: dWx" not in f"{name}: {wrong}":
        assert words in found.mistake
    assert check.first_divergence is found
    assert json.loads(json.dumps(check.to_dict()))["diagnosis"][0]["where"] == f"line {line}"


def test_two_slips_are_two_findings():
    forward, backward, args, _ = changed(
        "cols", ("dW2 = dZ2 @ A1.T / m", "dW2 = -dZ2 @ A1.T / m"), ("np.sum(dZ1", "3 * np.sum(dZ1")
    )
    assert [(found.quantity, found.where) for found in tg.check_program(forward, backward, *args).diagnosis] == [
        ("dW2", "line 15"),
        ("db1", "line 20"),
    ]


def test_tell_says_how_much_is_given_away():
    forward, backward, args, line = changed("cols", ("dW2 = dZ2 @ A1.T / m", "dW2 = 2 * dZ2 @ A1.T / m"))
    where, what, mend = [
        str(tg.check_program(forward, backward, *args, tell=tell)) for tell in ("where", "what", "mend")
    ]
    assert f"dW2 (line {line}) is wrong" in where
    assert "2 too much" not in where
    assert "2 too much" in what
    assert "It should be" not in what
    assert "It should be: what comes back from `Z2` through `matmul`" in mend


def test_the_line_is_that_of_the_readers_file_also_in_a_returned_dict():
    def forward(X, Y, W, b):
        Z = X @ W + b
        return np.sum((Z - Y) ** 2) / 2

    def backward(X, Y, W, b):
        dZ = X @ W + b - Y
        return {
            "dW": X.T @ dZ,
            "db": -dZ.sum(axis=0),
        }

    rng = np.random.default_rng(0)
    args = rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), rng.normal(size=(3, 2)), rng.normal(size=2)
    (found,) = tg.check_program(forward, backward, *args).diagnosis
    assert found.where == f"line {backward.__code__.co_firstlineno + 4} of test_programs.py"


def test_a_program_that_raises_is_judged_up_to_there():
    forward, backward, args, line = changed("cols", ("dA1 = W2.T @ dZ2", "dA1 = -W2.T @ dZ2"), ("dZ1 @ X.T", "dZ1 @ X"))
    found = tg.check_program(forward, backward, *args).diagnosis
    assert [(one.quantity, one.where) for one in found] == [("dA1", f"line {line}"), ("`backward`", f"line {line + 2}")]
    assert found[1].mistake.startswith("it raised ValueError: matmul")

    def leaves(cache):
        raise SystemExit(0)

    (found,) = tg.check_program(forward, leaves, *args).diagnosis
    assert found.mistake.startswith("it ended the program (SystemExit: 0)")
    (found,) = tg.check_program(lambda *args: 1 / 0, leaves, *args).diagnosis
    assert found.quantity == "`forward`"


def test_a_forward_that_loses_nodes_is_judged_by_differences_and_the_note_names_the_line():
    def forward(X, w):
        loss = 0.0
        for row in X:
            loss += float(np.dot(row, w)) ** 2
        return loss

    def backward(X, w):
        return None, 2 * X.T @ (X @ w)

    args = np.random.default_rng(0).normal(size=(4, 3)), np.array([0.5, -1.0, 2.0])
    check = tg.check_program(forward, backward, *args)
    assert check.agree
    (note,) = check.notes
    assert f"(line {forward.__code__.co_firstlineno + 3}: " in note
    assert "np.exp" in note
    wrong = tg.check_program(forward, lambda X, w: (None, X.T @ (X @ w)), *args)
    assert wrong.diagnosis[0].mistake == "a factor of 1/2 too much"


def test_tuples_single_arrays_and_keywords():
    def forward(X, W, *, power=2):
        return np.sum((X @ W) ** power)

    def backward(X, W, *, power=2):
        return power * X.T @ (X @ W) ** (power - 1)

    rng = np.random.default_rng(0)
    assert tg.check_program(forward, backward, rng.normal(size=(3, 2)), rng.normal(size=(2, 2)), power=4).agree


def test_the_dice_are_thrown_once():
    def forward(X, W):
        mask = np.random.rand(*X.shape) < 0.5
        A = X * mask
        return np.sum((A @ W) ** 2), (A, W)

    def backward(cache):
        A, W = cache
        return {"dW": 2 * A.T @ (A @ W)}

    rng = np.random.default_rng(0)
    assert tg.check_program(forward, backward, rng.normal(size=(3, 2)), rng.normal(size=(2, 2))).agree


def test_nothing_is_changed_and_a_tracer_that_was_there_comes_back():
    forward, backward, args, _ = changed("cols", ("dZ2 = A2 - Y", "X *= 0\n    dZ2 = A2 - Y"))
    before = [arg.copy() for arg in args]
    seen = []

    def tracer(frame, event, arg):
        seen.append(event)

    old = sys.gettrace()
    try:
        sys.settrace(tracer)
        tg.check_program(forward, backward, *args)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(old)
    assert all(np.array_equal(a, b) for a, b in zip(args, before, strict=True))


def test_what_cannot_be_judged_is_refused():
    forward, backward = load(PROGRAMS["cols"][0])
    args = PROGRAMS["cols"][1](np.random.default_rng(0))
    with pytest.raises(tg.InvalidType, match="backward must be a function, not 3"):
        tg.check_program(forward, 3, *args)
    with pytest.raises(tg.InvalidType, match="forward must return the loss, one number, or"):
        tg.check_program(lambda *args: (np.ones(3), 1), backward, *args)
    with pytest.raises(tg.InvalidValue, match="backward returned no gradient that belongs to an argument"):
        tg.check_program(forward, lambda cache: {"nothing": np.ones(3)}, *args)
    with pytest.raises(tg.InvalidValue, match="unknown tell 'all'"):
        tg.check_program(forward, backward, *args, tell="all")
    with pytest.raises(tg.InvalidValue, match="digits must be a whole number of at least 1"):
        tg.check_program(forward, backward, *args, digits=0)
