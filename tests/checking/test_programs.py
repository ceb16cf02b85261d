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


@pytest.mark.parametrize(("wrong", "factor"), [("Y - A2", "-1"), ("(A2 - Y) / m", "0.166667"), ("2 * (A2 - Y)", "2")])
def test_one_factor_in_all_gradients_is_bookkeeping(wrong, factor):
    forward, backward, args, _ = changed("cols", ("A2 - Y", wrong))
    check = tg.check_program(forward, backward, *args)
    assert check.agree
    assert check.notes[0].startswith(f"right up to the factor {factor}, ")


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


def squares(w, b):
    return np.sum(w**2) + np.sum(b**2)


@pytest.mark.parametrize("factor", [3, 5, -3, 1.5])
def test_one_factor_that_is_no_number_of_samples_is_accused_though_a_length_gives_it(factor):
    args = np.random.default_rng(0).normal(size=(2, 3))
    check = tg.check_program(squares, lambda w, b: {"w": factor * w, "b": factor * b}, *args)
    assert not check.agree
    assert {found.quantity for found in check.diagnosis} == {"dw", "db"}


@pytest.mark.parametrize("factor", [-2, 4, 1, 2 * 7, 2 / 7])
def test_signs_halves_and_the_number_of_samples_are_bookkeeping(factor):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=7)

    def backward(x, y, w, b):
        d = factor * (x @ w + b - y)
        return {"w": x.T @ d, "b": d.sum()}

    forward = lambda x, y, w, b: np.sum((x @ w + b - y) ** 2)  # noqa: E731
    check = tg.check_program(forward, backward, x, y, rng.normal(size=3), 0.5)
    assert check.agree, str(check)


def test_gradients_in_one_flat_tuple_for_a_list_of_parameters():
    rng = np.random.default_rng(0)
    parameters = [rng.normal(size=shape) for shape in ((3, 3), (3,), (3, 3), (3,))]

    def forward(parameters, x, y):
        w1, b1, w2, b2 = parameters
        return np.sum((np.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2) / 2

    def backward(parameters, x, y, wrong=1):
        w1, b1, w2, b2 = parameters
        a = np.tanh(x @ w1 + b1)
        d = a @ w2 + b2 - y
        e = d @ w2.T * (1 - a**2)
        return x.T @ e, e.sum(axis=0), wrong * a.T @ d, d.sum(axis=0)

    x, y = rng.normal(size=(2, 3, 3))
    for given in (parameters, tuple(parameters), dict(enumerate(parameters))):
        assert tg.check_program(forward, backward, given, x, y).agree or isinstance(given, dict)
    check = tg.check_program(forward, lambda *args: backward(*args, wrong=2), parameters, x, y)
    assert [found.quantity for found in check.diagnosis] == ["dparameters[2]"]


KINKED = {
    "abs": (lambda x, w: np.sum(np.abs(w) * x), np.array([0.0, 1.0, -2.0]), (-1, 0, 0.5, 1), (-1.5, 2)),
    "maximum": (lambda x, w: np.sum(np.maximum(w, 0) * x), np.array([0.0, 1.0, -2.0]), (0, 0.5, 1), (-0.5, 2)),
}


@pytest.mark.parametrize("name", KINKED)
def test_every_slope_between_those_of_the_two_sides_of_a_kink_is_right_and_said(name):
    forward, w, right, wrong = KINKED[name]
    x = np.array([1.0, 2.0, 3.0])
    low = -1.0 if name == "abs" else 0.0
    for slope in (*right, *wrong):

        def backward(x, w, slope=slope):
            return {"dw": np.where(w == 0, slope, np.where(w > 0, 1.0, low)) * x}

        check = tg.check_program(forward, backward, x, w)
        assert check.agree == (slope in right), (slope, str(check))
        assert bool(check.notes) == (check.agree and slope != (0 if name == "abs" else 0.5))
        assert not check.notes or "dw: not the numbers of tinygrad_ed, but right: at a kink" in check.notes[0]


def test_a_relu_that_is_taken_as_one_at_zero_is_right_in_every_line():
    forward, backward, args, _ = changed("rows", ("(z1 > 0)", "(z1 >= 0)"))
    args[0][:2], args[3][:] = 0, 0
    check = tg.check_program(forward, backward, *args)
    assert check.agree, str(check)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", ["cols", "rows", "attn", "rnn"])
def test_short_floats_are_judged_to_their_own_digits(name, dtype):
    source, arguments = PROGRAMS[name]
    for seed in range(3):
        args = [np.asarray(arg).astype(dtype) for arg in arguments(np.random.default_rng(seed))]
        assert tg.check_program(*load(source), *args).agree, seed
    if name == "cols":
        forward, backward, args, line = changed(name, ("dW2 = dZ2 @", "dW2 = 2 * dZ2 @"))
        (found,) = tg.check_program(forward, backward, *[arg.astype(dtype) for arg in args]).diagnosis
        assert (found.where, found.mistake) == (f"line {line}", "a factor of 2 too much")


HIDDEN = {
    "zero weights": ("dZ1 = dA1 * (1 - A1 ** 2)", "dZ1 = 17 * dA1 * (1 - A1 ** 2)", 4, lambda w: 0 * w),
    "relus that are all active": ("* (z1 > 0)", "* 1.0", 2, lambda w: np.abs(w)),
    "zeros and ones": ("dW1 = X.T @ delta1", "dW1 = (X**2).T @ delta1", 0, lambda x: 1.0 * (x > 0)),
}


@pytest.mark.parametrize("words", HIDDEN)
def test_what_the_data_hide_is_found_on_other_numbers_of_the_same_shapes(words):
    right, wrong, place, change = HIDDEN[words]
    name = "cols" if "W2" in right or "dZ1" in right else "rows"
    forward, backward, args, line = changed(name, (right, wrong))
    args = list(args)
    args[place] = change(args[place])
    if place == 2:
        args[0], args[3] = np.abs(args[0]), np.abs(args[3])
    check = tg.check_program(forward, backward, *args)
    (found,) = check.diagnosis
    assert found.where == f"line {line}"
    assert found.mistake.startswith("right on these data, but not with other numbers of the same shapes: ")


def test_notes_say_what_the_data_cannot_show():
    forward, backward, args, _ = changed("cols")
    (note,) = tg.check_program(forward, backward, args[0][:, :1], args[1][:, :1], *args[2:]).notes
    assert note == "X, Y: length 1 along axis 1; these data cannot show whether something is summed or averaged"
    forward, backward, args, _ = changed("emb")
    (note,) = tg.check_program(forward, backward, np.array([[0, 1], [2, 3]]), args[1][:2], *args[2:]).notes
    assert note == "no entry of `C` is read twice; these data cannot show `=` in place of `+=`"


def test_gradients_that_a_first_call_left_behind_are_found():
    total = {"dw": 0.0}

    def backward(w):
        total["dw"] = total["dw"] + 2 * w
        return {"dw": total["dw"]}

    (found,) = tg.check_program(lambda w: np.sum(w**2), backward, np.array([1.0, 2.0])).diagnosis
    assert found.mistake == (
        "right on these data, but not in a second call: what the first left is still there: a factor of 2 too much"
    )


def test_an_array_around_the_program_that_it_changes_is_set_right_and_named_with_its_line():
    w, x = np.array([[0.5], [-1.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])

    def backward(x, w_):
        dw = 2 * x.T @ (x @ w)
        w[...] = w - 0.1 * dw
        return {"w_": dw}

    before = w.copy()
    check = tg.check_program(lambda x, w_: np.sum((x @ w_) ** 2), backward, x, w)
    assert check.notes[0] == (
        f"your backward changes `w` in place (line {backward.__code__.co_firstlineno + 2}); it was set right again"
    )
    assert not check.agree  # with other numbers it still reads the `w` around it
    assert np.array_equal(w, before)


def test_an_endless_loop_is_a_finding_where_there_is_a_limit():
    def loops(*args):
        while True:
            pass

    forward, backward, args, _ = changed("cols")
    for functions, name in (((loops, backward), "`forward`"), ((forward, loops), "`backward`")):
        (found,) = tg.check_program(*functions, *args, seconds=0.1).diagnosis
        assert (found.quantity, found.mistake) == (name, "it was stopped after 0.1 seconds: an endless loop?")


def test_a_loss_that_is_no_number_is_said_and_nothing_is_accused():
    (found,) = tg.check_program(lambda w: np.sum(np.log(w)), lambda w: {"w": 1 / w}, np.zeros(2)).diagnosis
    assert found.quantity == "`forward`"
    assert found.mistake.startswith("its loss is -inf")


def test_where_outputs_saturate_what_the_graph_loses_is_not_accused():
    source, arguments = PROGRAMS["cols"]
    for seed in range(12):
        x, y, *weights = arguments(np.random.default_rng(seed))
        check = tg.check_program(*load(source), x, y, *[5 * w for w in weights])
        assert all(found.quantity == "`forward`" for found in check.diagnosis), str(check)


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
