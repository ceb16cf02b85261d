"""Right numbers: what a program gives is what its function gives: whole numbers, inf and NaN, any process."""

import os
import subprocess
import sys
import threading
import warnings
from collections import deque

import numpy as np
import pytest
from tape_examples import equal

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

SMALL = np.array([[3, 200], [250, 7]], np.uint8)
WHOLE = [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.bool_]


def same(found, expected):
    """Equal numbers, NaN, inf and signs of zero included, in equal dtypes and shapes."""
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: tg.take(x, 1) - 128,
        lambda x: tg.take(x, np.array([0, 1]), axis=1) * 100,
        lambda x: tg.getitem(x, index=(0, 1)) - 128,
        lambda x: tg.reshape(x, -1) * 2 - 300,
        lambda x: tg.concatenate([x, x]) * 200,
        lambda x: tg.stack([x, x])[1] - 129,
        lambda x: tg.sum(x, axis=0) * 200,
        lambda x: tg.transpose(x) * 3 - 200,
        lambda x: np.take(x, 1) - np.int64(128),
        lambda x: x.sum() - 1000,
        lambda x: x * np.int8(2),
    ],
)
def test_whole_numbers_wrap_where_eager_ones_do_and_nowhere_else(f, dtype):
    compiled = compile(f, verify="always")
    for x in (SMALL.astype(dtype), (SMALL // 2).astype(dtype)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            same(compiled(x), f(x))


@pytest.mark.parametrize("dtype", [*WHOLE, np.float32, np.float64])
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 2.0, 0.5, -1.0])
def test_powers_have_the_dtype_and_the_short_ways_of_numpys_operator(dtype, exponent):
    compiled = compile(lambda x: x**exponent, verify="always")
    points = np.array([0, 1, 2, 3]), np.array([5, 1, 4, 0])
    if np.dtype(dtype).kind == "f":
        points = (*points, np.array([-np.inf, -0.0, np.nan, np.inf]))
    for x in points:
        with np.errstate(all="ignore"):
            same(compiled(x.astype(dtype)), x.astype(dtype) ** exponent)


SPECIAL = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e300, -1e300, 5e-324, 1.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.tanh(x @ x),
        lambda x: np.tanh(x @ x) * (x * x).sum(),
        lambda x: (np.outer(x, x) @ x).sum(),
        lambda x: (x[:, None] @ x[None, :1]).sum(),
        lambda x: (x[:1, None] @ x[None, :]).sum(),
        lambda x: 0.5 * (x * x).sum() / 3.0,
        lambda x: (x * 1e-3 * x).sum() * 2.0,
        lambda x: tg.sigmoid(x).sum() + tg.softplus(-x).sum() + tg.logsumexp(x),
        lambda x: (np.where(x > 0, x, 0.0) * x).sum(),
        lambda x: np.maximum(x, 1.0).sum() * x.max(),
        lambda x: np.abs(-x).sum() - (x / 1e-3).sum(),
        lambda x: x.mean() + x.std() + np.prod(x),
    ],
)
def test_inf_and_nan_come_out_where_they_do_eagerly(f):
    for g in (f, tg.grad(f), tg.value_and_grad(f)):
        compiled, rng = compile(g, verify=False), np.random.default_rng(0)
        compiled(np.array([0.1, 0.2]))
        for _ in range(40):
            x = rng.choice(SPECIAL, 2)
            with np.errstate(all="ignore"):
                equal(compiled(x), g(x), 1e-12)


def test_a_sum_that_is_a_float_here_and_float32_there_is_made_twice():
    def f(x):
        return x.mean().astype(np.float32) * 2.0 + x.sum()

    x = np.ones((2, 3), np.float32)
    same(compile(tg.value_and_grad(f))(x), tg.value_and_grad(f)(x))


def test_at_inf_the_derivative_of_tanh_of_a_square_is_nan():
    slope = compile(tg.grad(lambda x: np.tanh(x @ x)))
    slope(np.array([0.1, 0.2]))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(slope(np.array([np.inf, 1.0])), [np.nan, 0.0])


@pytest.mark.parametrize("rate", [0.1, 0.0, -0.0, 1e300, -1e300, 1e-300, np.inf, np.nan])
def test_a_step_of_descent_holds_at_any_rate(rate):
    def step(w, x, y, rate):
        return w - rate * tg.grad(lambda w: tg.nn.costs.mse(np.tanh(x @ w), y))(w)

    compiled, rng = compile(step, verify=False), np.random.default_rng(0)
    w, x, y = rng.standard_normal((2, 2)), rng.standard_normal((5, 2)), rng.standard_normal((5, 2))
    for at in (0.1, rate):
        for factor in (1.0, 1e10, 1e160):
            with np.errstate(all="ignore"):
                equal(compiled(w, factor * x, y, at), step(w, factor * x, y, at), 1e-12)


def test_a_view_is_planned_with_memory_that_is_written():
    def f(x, k):
        y = (x * 2.0)[::-1]
        positions = np.argsort(y)
        return y[positions], np.take(y, positions[::-1])[1:], y[positions[:2]][None], (x > k)[::-1] * y

    compiled = compile(f)
    for x in (np.array([3.0, 1.0, 2.0]), np.array([1.0, 5.0, -1.0])):
        same(compiled(x, 1.5), f(x, 1.5))


def quiet(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 0, np.log(x), x / x)


def loud(x):
    with np.errstate(divide="raise"):
        y = 1.0 / x
    return y + np.exp(x)


def test_errstate_in_the_function_holds_in_its_program_and_its_source():
    compiled = compile(quiet)
    for x in (np.array([1.0, 0.0]), np.array([0.0, -1.0])):
        same(compiled(x), quiet(x))  # a warning would be an error
    assert "with np.errstate(divide='ignore', invalid='ignore'):\n" in compiled.source()
    space = {}
    exec(compiled.source(), space)  # noqa: S102  # that it can be executed is what is tested
    same(space["quiet"](np.array([1.0, 0.0])), quiet(np.array([1.0, 0.0])))
    raising = compile(loud)
    same(raising(np.array([1.0, 2.0])), loud(np.array([1.0, 2.0])))
    with pytest.raises(FloatingPointError, match="divide by zero"):
        raising(np.array([0.0, 1.0]))
    with pytest.warns(RuntimeWarning, match="overflow"):
        raising(np.array([1e4, 1.0]))


DEBUGGED = """
import sys, threading
kept = []
def trace(frame, event, argument):
    kept.append(frame.f_locals if len(kept) < 1000 else None)
    return trace
sys.settrace(trace)
import numpy as np
import tinygrad_ed as tg
double = tg.compile(lambda x: x * 2.0)
found = [double(np.full(8192, float(k))) for k in range(6)]
sys.settrace(None)
assert [y[0] for y in found] == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [y[0] for y in found]
"""


def test_a_debugger_that_is_active_at_import_changes_no_result():
    subprocess.run([sys.executable, "-c", DEBUGGED], check=True, timeout=120)


def test_a_child_process_can_record_while_another_thread_of_its_parent_records():
    entered, leave = events = deque([threading.Event(), threading.Event()])  # in which nobody looks for changes

    def slow(x):
        if threading.current_thread() is not threading.main_thread():
            events[0].set()
            events[1].wait(20.0)
        return x * 2.0

    compiled = compile(slow, verify=False)
    thread = threading.Thread(target=lambda: compiled(2.0))
    thread.start()
    entered.wait(20.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: it is what is tested
        child = os.fork()
    if child == 0:
        os._exit(0 if compiled(3.0) == 6.0 else 1)
    for _ in range(400):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        leave.wait(0.05)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
    leave.set()
    thread.join()
    assert done
    assert status == 0


def test_a_recording_does_not_hang_on_the_draws_of_another_thread():
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            np.random.standard_normal(3)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(50):
            assert compile(lambda x: x * 2.0 + np.tanh(x))(0.0) == 0.0
    finally:
        stop.set()
        thread.join()
