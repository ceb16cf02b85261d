"""A reader's code can do no harm: whatever it does is words, and the process is as it was."""

import _thread
import os
import random
import runpy
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn.guard import guarded, plain_numbers, protected, restored, tame


def loop():
    while True:
        pass


def loop_that_catches_everything():
    n = 0
    while True:
        try:
            n += 1
            time.sleep(0.001)
        except:  # noqa: E722
            n = 0


def loop_in_a_function_that_catches_everything():
    try:
        loop_that_catches_everything()
    except:  # noqa: E722
        loop()


def endless(n=0):
    return endless(n + 1)


def raises(error):
    raise error


class Lies(BaseException):
    pass


class NoWords(Exception):
    def __str__(self):
        raise SystemExit


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (sys.exit, r"your f ended the program \(SystemExit\)"),
        (lambda: raises(SystemExit(3)), "SystemExit: 3"),
        (lambda: raises(KeyboardInterrupt()), r"your f ended the program \(KeyboardInterrupt\)"),
        (lambda: raises(Lies("ha")), "your f raised Lies: ha"),
        (lambda: raises(NoWords()), "your f raised NoWords$"),
        (lambda: raises(Lies("\x1b[2J\n  two")), r"your f raised Lies: \[2J two$"),
        (lambda: 1 / 0, "your f raised ZeroDivisionError: division by zero"),
        (endless, "recursion"),
        (loop, r"your f was stopped after 0.05 seconds"),
        (loop_that_catches_everything, r"your f was stopped after 0.05 seconds"),
        (loop_in_a_function_that_catches_everything, r"your f was stopped after 0.05 seconds"),
        (lambda: time.sleep(30), r"your f was stopped after 0.05 seconds"),
        (lambda: protected([np.ones(2)])[0].fill(3), "your f writes into what it was given .*make a copy first"),
        (lambda: np.ones(3) @ np.ones(2), "your f raised ValueError: matmul"),
    ],
)
def test_whatever_a_readers_code_does_is_words(function, words):
    began = time.monotonic()
    answer, problem = guarded("f", function, seconds=0.05)
    assert answer is None
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(problem)
    assert time.monotonic() - began < 5


def test_nothing_of_the_limit_is_left_in_what_comes_after(tmp_path):
    file = tmp_path / "loop.py"
    file.write_text("with open(__file__) as f:\n    while True:\n        pass\n")
    assert "stopped" in guarded("f", runpy.run_path, str(file), seconds=0.05)[1]
    assert sys.exc_info() == (None, None, None)
    assert sys.gettrace() is None


def test_away_from_the_main_thread_a_loop_is_stopped_too():
    found = []
    thread = threading.Thread(target=lambda: found.append(guarded("f", loop, seconds=0.05)))
    thread.start()
    thread.join(10)
    assert found == [(None, "your f was stopped after 0.05 seconds: an endless loop?")]


def test_the_limit_is_gone_afterwards_and_is_not_there_without_being_asked_for():
    assert guarded("f", lambda: 1, seconds=0.02) == (1, None)
    time.sleep(0.05)
    assert guarded("f", time.sleep, 0.05) == (None, None)


def test_ctrl_c_gets_through():
    def work():
        _thread.interrupt_main()
        for _ in range(10**6):
            pass

    with pytest.raises(KeyboardInterrupt):
        guarded("f", work)


def test_what_it_prints_never_stands_where_a_result_should(capsys):
    assert guarded("f", print, "all right") == (None, None)
    assert capsys.readouterr() == ("", "all right\n")


def shared_state():
    return (
        np.geterr(), np.get_printoptions(), np.random.get_state()[2], np.random.get_state()[1].tolist(),
        random.getstate(), list(warnings.filters), sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(),
        Path.cwd(), sys.stdout,
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        lambda: np.seterr(all="raise"),
        lambda: np.set_printoptions(precision=1),
        lambda: np.random.seed(0),
        lambda: random.seed(0),
        lambda: warnings.simplefilter("ignore"),
        lambda: sys.setrecursionlimit(5000),
        lambda: sys.settrace(lambda *event: None),
        lambda: sys.setprofile(lambda *event: None),
        lambda: os.chdir("/"),
        lambda: setattr(sys, "stdout", None),
    ],
)
def test_the_process_is_as_it_was(change, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = shared_state()
    assert guarded("f", change)[1] is None
    after = shared_state()
    sys.setprofile(None)
    assert after == before


def test_the_state_comes_back_also_where_the_code_fails():
    before = np.geterr()
    with pytest.raises(FloatingPointError), restored():
        np.seterr(all="raise") and np.exp(np.full(1, 1e4))
    assert np.geterr() == before


class SaysEqual(np.ndarray):
    def __eq__(self, other):
        return True

    __hash__ = None


class NoNumber:
    def __array__(self, dtype=None, copy=None):
        sys.exit(0)


def test_answers_are_plain_numbers_or_refused():
    liar = np.zeros(2).view(SaysEqual)
    assert bool((liar == 1) is True)
    assert not (plain_numbers("f", liar) == np.ones(2)).any()
    assert plain_numbers("f", np.float32(1)).dtype == np.float32
    given = np.ones(2)
    assert plain_numbers("f", given) is not given
    for bad in ("text", object(), 1j, NoNumber(), [[1], [2, 3]], np.array([None])):
        with pytest.raises(tg.InvalidType, match="your f gave no array of real numbers"):
            plain_numbers("your f", bad)


def test_what_is_given_is_a_copy_however_it_is_nested():
    given = {"W": [np.ones(2), (np.zeros(1), 3.0)]}
    copies = protected(given, writable=True)
    copies["W"][0][:] = 7
    copies["W"].append(1)
    assert given["W"][0].tolist() == [1, 1]
    assert len(given["W"]) == 2
    with pytest.raises(ValueError, match="read-only"):
        protected(given)["W"][1][0][:] = 1


def test_a_tame_function_fails_with_a_rule_error():
    assert tame("f", lambda a, b: a + b)(1, 2) == 3
    with pytest.raises(tg.RuleError, match="your f writes into what it was given"):
        tame("f", lambda a: a.sort())(np.ones(2))
