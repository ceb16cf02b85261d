"""Several threads and processes on one file: what is read is whole, and one run holds it."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tinygrad_ed as tg
from tinygrad_ed.data import files

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(tg.__file__).parents[1])}
WRITES = """
import sys
from tinygrad_ed.data.files import write_whole
letter = sys.argv[2].encode()
print("begun", flush=True)
while True:
    write_whole(sys.argv[1], letter * 100_000)
"""
HOLDS = """
import sys, time
from tinygrad_ed.data.files import held
with held(sys.argv[1]):
    print("begun", flush=True)
    time.sleep(60)
"""


def started(code, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stdout.readline() == b"begun\n"
    return process


def ended(process):
    process.kill()
    process.wait(60)
    process.stdout.close()


def whole(path):
    content = path.read_bytes()
    return len(content) == 100_000 and len(set(content)) == 1


def test_threads_that_write_one_file_leave_it_whole_at_every_moment(tmp_path):
    place = files.write_whole(tmp_path / "file", b"0" * 100_000)
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(files.write_whole, place, str(k % 10).encode() * 100_000) for k in range(60)]
        while not all(each.done() for each in done):
            assert whole(place)
    assert all(each.result() == place for each in done)
    assert list(tmp_path.iterdir()) == [place]


def test_processes_that_are_killed_while_they_write_leave_the_old_file_or_the_new(tmp_path):
    place = files.write_whole(tmp_path / "file", b"0" * 100_000)
    for round_ in range(3):
        processes = [started(WRITES, place, letter) for letter in "ab"]
        until = time.monotonic() + 0.03 * (round_ + 1)
        while time.monotonic() < until:
            assert whole(place)
        for process in processes:
            ended(process)
        assert whole(place)
    left = [path for path in tmp_path.iterdir() if path != place]
    assert len(left) <= 6, "at most what each killed process was writing"
    assert all(path.suffix == ".part" for path in left)


def test_one_process_holds_a_file_and_a_killed_one_holds_nothing(tmp_path):
    place, link = tmp_path / "run.npz", tmp_path / "link.npz"
    link.symlink_to(place)
    process = started(HOLDS, place)
    try:
        for name in (place, link):
            with pytest.raises(tg.FileProblem, match=f"{name.name}' is in use by another run; wait"), files.held(name):
                pass
        with files.held(tmp_path / "another.npz"):
            pass
    finally:
        ended(process)
    assert (tmp_path / ".run.npz.lock").exists(), "what a killed process leaves"
    with files.held(place):
        pass
    assert list(tmp_path.iterdir()) == [link]


def test_one_thread_holds_a_file_until_it_is_done_or_has_failed(tmp_path):
    place, found = tmp_path / "run.npz", []

    def other():
        try:
            with files.held(place):
                found.append("held")
        except tg.FileProblem as problem:
            found.append("refused" if "in use" in str(problem) else problem)

    def ask():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(60)
        return found.pop()

    for error in (None, ZeroDivisionError, KeyboardInterrupt):
        try:
            with files.held(place):
                assert ask() == "refused"
                if error:
                    raise error
        except (ZeroDivisionError, KeyboardInterrupt):
            pass
        assert ask() == "held"
        assert not list(tmp_path.iterdir())


def test_a_lock_file_that_its_last_holder_removes_just_then_is_made_again(tmp_path, monkeypatch):
    place, beside, lock = tmp_path / "run.npz", tmp_path / ".run.npz.lock", files._lock
    removed = []

    def late(number):
        if not removed:
            removed.append(beside.unlink())
        return lock(number)

    monkeypatch.setattr(files, "_lock", late)
    with files.held(place):
        process = subprocess.run(
            [sys.executable, "-c", HOLDS, place],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=60,
            check=False,
        )
        assert "is in use by another run" in process.stderr
    assert removed


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    import fcntl

    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "lockf", none)
    with files.held(tmp_path / "run.npz"):
        pass
