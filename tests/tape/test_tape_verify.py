"""The cross-check: f runs beside its program at calls 1, 2, 4, 8, ..., and a disagreement is explained."""

from collections import deque

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

X = np.array([1.0, 2.0, 3.0])


class Hidden:
    """A number that no name in the text of a function leads to."""

    def __init__(self, number):
        self.numbers = {number}

    def now(self):
        (number,) = getattr(self, "num" + "bers")
        return number


def counted(f):
    """`f`, and what gets an entry whenever it runs: to be recorded, and at each cross-check."""
    runs = deque()  # in which nobody looks for changes
    return lambda x: runs.append(1) or f(x), runs


@pytest.mark.parametrize(("verify", "checked"), [("doubling", [1, 2, 4, 8, 16]), ("always", range(1, 21)), (False, [])])
def test_the_function_runs_beside_its_program_at_these_calls(verify, checked):
    f, runs = counted(lambda x: x * 2.0)
    compiled, found = compile(f, verify=verify), []
    for call in range(1, 21):
        before = len(runs)
        compiled(X)
        if len(runs) - before > (call == 1):  # the first call records, too
            found.append(call)
    assert found == list(checked)


def test_each_signature_is_checked_by_its_own_calls():
    f, runs = counted(lambda x: x * 2.0)
    compiled = compile(f)
    for x in (X, 1.0, X, 1.0):
        compiled(x)
    assert len(runs) == 6


def test_another_word_is_refused():
    with pytest.raises(tg.InvalidValue, match="verify is 'doubling', 'always' or False, not 'sometimes'"):
        compile(lambda x: x, verify="sometimes")


def test_what_has_changed_unseen_is_found_with_both_numbers_and_the_first_step():
    hidden = Hidden(3.0)
    compiled = compile(lambda x: (np.tanh(x) * hidden.now()).sum() + 1.0)
    compiled(X)
    hidden.numbers = {4.0}
    right = (np.tanh(X) * 4.0).sum() + 1.0
    words = rf"gives 9\.16\d*, and <lambda> itself gives {right:.2f}\d*: what it reads has changed"
    step = r"`t_2 = t \* 3\.0` is `t \* 4\.0` now at .*test_tape_verify\.py:\d+"
    with pytest.raises(tg.StaleGraph, match=rf"{words}.*{step} \(cross-check at call 2\)"):
        compiled(X)
    with pytest.raises(tg.StaleGraph, match="at call 3"):  # and it stays refused
        compiled(X)
    compiled.forget()
    assert compiled(X) == pytest.approx(right)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda h, x: x * 2.0 if h == 1.0 else x - 2.0, r"`t = x \* 2\.0` is `x - 2\.0` now"),
        (lambda h, x: x * 2.0 if h == 1.0 else np.tanh(x * 2.0), "there were 1, and are 2 now"),
        (lambda h, x: x * 2.0 if h == 1.0 else (x * 2.0)[:2], r"float64 of shape \(3,\), .* of shape \(2,\)"),
        (lambda h, x: x * 2.0 if h == 1.0 else (x * 2.0).astype(np.float32), "float64 of .* itself gives float32"),
        (lambda h, x: x * 2.0 if h == 1.0 else [x * 2.0], "1 entries, nested as"),
        (lambda h, x: {"a": x} if h == 1.0 else {"b": x}, "nested as {'a': '.'}, .*{'b': '.'}"),
        (lambda h, x: x * 2.0 if h == 1.0 else x * np.array([2.0, 2.0, np.nan]), r"gives 6\.0 at \(2,\), .* gives nan"),
        (lambda h, x: x * 2.0 if h == 1.0 else x * np.array([2.0, np.inf, 2.0]), r"gives 4\.0 at \(1,\), .* gives inf"),
        (lambda h, x: (x, h), "the result 1.0 is 2.0 now"),
        (lambda h, x: x[: int(h)], r"shape \(1,\)"),
    ],
)
def test_values_dtypes_shapes_nesting_nan_and_inf_are_compared(f, words):
    hidden = Hidden(1.0)
    compiled = compile(lambda x: f(hidden.now(), x))
    compiled(X)
    hidden.numbers = {2.0}
    with pytest.raises(tg.StaleGraph, match=words):
        compiled(X)


@pytest.mark.parametrize("verify", ["doubling", False])
def test_without_the_check_the_program_goes_on_as_it_was_recorded(verify):
    hidden = Hidden(1.0)
    compiled = compile(lambda x: x * hidden.now(), verify=verify)
    compiled(X)
    compiled(X)
    hidden.numbers = {2.0}
    np.testing.assert_array_equal(compiled(X), X)  # the third call
    if verify:
        with pytest.raises(tg.StaleGraph, match="at call 4"):
            compiled(X)
    else:
        np.testing.assert_array_equal(compiled(X), X)


def test_what_rounds_in_another_order_is_no_disagreement():
    rng = np.random.default_rng(0)

    def chaotic(x):  # a thousandfold at each ten steps
        for _ in range(40):
            x = 3.9 * x * (1.0 - x)
        return x

    def cancelling(x):
        return (x * x).sum() - (x * x * 0.1).sum() * 10.0

    def sharp(x, y):
        return np.linalg.solve(x.T @ x + 1e-9 * np.eye(5), x.T @ y)

    for f, args in (
        (lambda x: chaotic(0.4 + 0.1 * np.tanh((x * x).sum() / 1e3)), (rng.standard_normal(1000),)),
        (cancelling, (rng.standard_normal(1000),)),
        (sharp, (rng.standard_normal((4, 5)), rng.standard_normal(4))),
        (tg.grad(lambda x: (x * 1e300 * x).sum() * 1e-300), (X,)),
    ):
        compiled = compile(f, verify="always")
        for _ in range(3):
            compiled(*args)


def test_a_number_out_of_range_on_one_way_only_is_no_disagreement():
    compiled = compile(lambda x: 0.5 * (2.0 * x), verify="always")
    for x in (X, np.full(3, 1.5e308)):
        with np.errstate(over="ignore"):
            compiled(x)


def test_a_program_that_is_wrong_is_found(monkeypatch):
    """The checker is checked: a pass that spoils the program does not pass."""
    from tinygrad_ed.tape import simplify

    right = simplify.simplified

    def wrong(step, recording):
        if step.fn is np.tanh:
            step.fn = np.sinh
        return right(step, recording)

    monkeypatch.setattr(simplify, "simplified", wrong)
    with pytest.raises(tg.StaleGraph, match="though it would be recorded with the same steps now"):
        compile(lambda x: np.tanh(x) * 2.0)(X)


def test_slots_functions_and_classes_are_compared_at_each_call():
    class Slotted:
        __slots__ = ("rate",)

    class Config:
        rate = 0.1

        @classmethod
        def of_class(cls, x):
            return x * cls.rate

    slotted = Slotted()
    slotted.rate = 0.1

    inner = np.sinh

    def outer(x):
        return inner(x)

    functions = [lambda x: x * slotted.rate, outer, Config.of_class]
    compiled = [compile(f) for f in functions]
    for f in compiled:
        f(X)
    slotted.rate = 0.2
    inner = np.tanh
    Config.rate = 0.2
    for f, words in zip(compiled, [r"slotted\.rate \(it was 0\.1 and is 0\.2", "inner", r"\.rate"], strict=True):
        with pytest.raises(tg.StaleGraph, match=f"another value of .*{words}"):
            f(X)
