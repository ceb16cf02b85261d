# ruff: noqa: N803, N806
"""What data show of a reader's program: bookkeeping, kinks, short floats, other numbers, and what they cannot show."""

import numpy as np
import pytest
from own_programs import PROGRAMS, changed, load

import tinygrad_ed as tg


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


def test_labels_and_shares_keep_their_numbers_when_others_are_tried():
    def forward(X, Y, W):
        e = np.exp(X @ W)
        p = e / e.sum(axis=1, keepdims=True)
        return -np.sum(Y * np.log(p)), (X, Y, p)

    def backward(cache):
        X, Y, p = cache
        return {"dW": X.T @ (p - Y)}  # right where the rows of Y sum to one

    rng = np.random.default_rng(0)
    for Y in (np.eye(3)[rng.integers(0, 3, 5)], rng.dirichlet(np.ones(3), 5)):
        check = tg.check_program(forward, backward, rng.normal(size=(5, 4)), Y, rng.normal(size=(4, 3)))
        assert check.agree, str(check)


def test_numbers_out_of_the_domain_of_a_program_are_passed_over():
    check = tg.check_program(lambda w: np.sum(np.log(w)), lambda w: {"w": 1 / w}, np.array([0.5, 2.0]))
    assert check.agree
    assert check.notes == ()
