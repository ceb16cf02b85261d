"""A run that is stopped, in whatever way, is in its checkpoint; it can be taken up, and one run holds the file."""

import json
import signal
import threading
from dataclasses import asdict

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import storage

X = np.random.default_rng(0).standard_normal((12, 3))
RHO = np.random.default_rng(1).standard_normal((12, 2))


def network():
    return tg.nn.MLP([3, 4, 2], rng=1)


def vector(mlp):
    return np.concatenate([parameter.value.ravel() for parameter in mlp.parameters()])


class Pressed(tg.train.Adam):
    """Adam, until it is broken off in one of its updates; three make an epoch."""

    def __init__(self, update, error=KeyboardInterrupt):
        super().__init__(0.02)
        self._at, self._error = update, error

    def _update(self, *block):
        if self.steps == self._at:
            raise self._error
        super()._update(*block)


Pressed.__name__ = "Adam"


def run(path=None, epochs=12, optimizer=None, mlp=None, **options):
    mlp = mlp or network()
    optimizer = optimizer or tg.train.Adam(0.02)
    files = {} if path is None else {"checkpoint": path, "resume": True, "checkpoint_every": 10}
    validation = {"validation": (X[:6], -RHO[:6])}
    return mlp, tg.train.fit(
        mlp,
        X,
        RHO,
        batch_size=5,
        sampling="shuffle",
        epochs=epochs,
        optimizer=optimizer,
        **validation | files | options,
    )


def kept(path):
    return storage.read(path, "training").about["history"]["epochs"]


@pytest.mark.parametrize("update", [1, 3, 4, 8, 27, 29, 30, 31, 36])
def test_a_run_stopped_by_ctrl_c_is_in_its_file_and_goes_on_bit_for_bit(tmp_path, update):
    path, (whole, expected) = tmp_path / "run.npz", run()
    mlp, stopped = run(path, optimizer=Pressed(update))
    assert (stopped.stopped, stopped.epochs) == ("interrupted", (update - 1) // 3)
    assert kept(path) == stopped.epochs
    assert f"; the state after epoch {stopped.epochs} is in {str(path)!r}" in str(stopped)
    _, found = run(path, mlp=mlp)
    np.testing.assert_array_equal(vector(mlp), vector(whole))
    assert asdict(found) | {"seconds": 0} == asdict(expected) | {"seconds": 0}
    assert str(found).endswith(f"; taken up after epoch {stopped.epochs}")


def test_a_stop_in_a_callback_keeps_the_epoch_that_is_told(tmp_path):
    def press(epoch):
        if epoch.epoch == 4:
            raise KeyboardInterrupt

    path = tmp_path / "run.npz"
    run(path, callbacks=[press])
    assert kept(path) == 4
    np.testing.assert_array_equal(vector(run(path)[0]), vector(run()[0]))


def test_a_stop_while_an_epoch_is_kept_keeps_it_all_the_same(tmp_path, monkeypatch):
    path, parts, calls = tmp_path / "run.npz", tg.nn.MLP.parts, []

    def press(mlp):
        calls.append(mlp)
        if len(calls) == 5:  # the beginning is the first
            raise KeyboardInterrupt
        return parts(mlp)

    monkeypatch.setattr(tg.nn.MLP, "parts", press)
    assert run(path)[1].epochs == 4
    assert kept(path) == 4
    np.testing.assert_array_equal(vector(run(path)[0]), vector(run()[0]))


def test_an_error_keeps_the_last_whole_epoch_and_none_is_kept_of_the_first(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(ZeroDivisionError):
        run(path, optimizer=Pressed(2, ZeroDivisionError))
    assert not path.exists()
    with pytest.raises(ZeroDivisionError):
        run(path, optimizer=Pressed(8, ZeroDivisionError))
    assert kept(path) == 2
    np.testing.assert_array_equal(vector(run(path)[0]), vector(run()[0]))


@pytest.mark.parametrize("where", ["save", "twice"])
def test_ctrl_c_while_the_file_is_written_damages_nothing(tmp_path, monkeypatch, where):
    path, write, calls = tmp_path / "run.npz", storage.write_whole, []
    run(path, epochs=2)

    def pressed(*arguments):
        calls.append(arguments)
        if len(calls) <= (1 if where == "save" else 2):
            raise KeyboardInterrupt
        return write(*arguments)

    monkeypatch.setattr(storage, "write_whole", pressed)
    if where == "save":  # the second attempt, on the way out, is not disturbed
        assert run(path, epochs=5)[1].stopped == "interrupted"
        assert kept(path) == 5
    else:
        with pytest.raises(KeyboardInterrupt):
            run(path, epochs=5)
        assert kept(path) == 2
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    np.testing.assert_array_equal(vector(run(path)[0]), vector(run()[0]))


def test_an_optimizer_without_a_state_before_its_first_step_can_be_stopped_there(tmp_path):
    class Own(Pressed):
        def state(self):
            assert self.steps
            return super().state()

    Own.__name__ = "Adam"
    path = tmp_path / "run.npz"
    run(path, optimizer=Own(1))
    assert kept(path) == 0
    np.testing.assert_array_equal(vector(run(path, optimizer=Own(99))[0]), vector(run()[0]))


def test_fit_and_the_import_leave_the_signals_alone(tmp_path):
    seen = []
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run(tmp_path / "run.npz", callbacks=[lambda _: seen.append([signal.getsignal(n) for n in (2, 15)])])
    assert all(handlers == before for handlers in seen)


# Patience, callbacks and epochs may be others


def test_a_run_that_patience_stopped_goes_on_with_more_patience_as_if_it_had_had_it_all_along(tmp_path):
    path, options = tmp_path / "run.npz", {"epochs": 60, "optimizer": tg.train.Adam(0.05)}
    _, first = run(path, patience=2, **options)
    assert first.stopped == "patience"
    for patience in (5, None):
        whole, expected = run(patience=patience, **options)
        mlp, found = run(path, patience=patience, **options)
        np.testing.assert_array_equal(vector(mlp), vector(whole))
        assert found.cost == expected.cost
        assert f"taken up after epoch {first.epochs}, where patience had stopped it" in str(found)
        first = found


def test_with_more_epochs_patience_counts_anew_also_when_that_run_is_broken_off(tmp_path):
    once, twice = tmp_path / "once.npz", tmp_path / "twice.npz"
    for path in (once, twice):
        done = run(path, patience=3, epochs=60, optimizer=tg.train.Adam(0.05))[1].epochs
    expected, history = run(once, patience=3, epochs=61, optimizer=tg.train.Adam(0.05))
    assert history.epochs >= done + 3 or history.epochs == 61
    assert f"after epoch {done}, where patience had stopped it; patience counts from there" in str(history)

    pressed = Pressed(3 * done + 5)
    pressed.learning_rate = 0.05
    assert run(twice, patience=3, epochs=61, optimizer=pressed)[1].epochs == done + 1
    mlp, found = run(twice, patience=3, epochs=61, optimizer=tg.train.Adam(0.05))
    assert found.cost == history.cost
    np.testing.assert_array_equal(vector(mlp), vector(expected))


def test_the_same_call_again_does_nothing_and_says_so(tmp_path):
    path, options = tmp_path / "run.npz", {"patience": 2, "epochs": 60, "optimizer": tg.train.Adam(0.05)}
    mlp, first = run(path, **options)
    again, second = run(path, **options)
    np.testing.assert_array_equal(vector(again), vector(mlp))
    assert asdict(second) | {"seconds": 0} == asdict(first) | {"seconds": 0}
    words = (
        f"nothing was left to do: a patience of 2 had stopped the run after epoch {first.epochs}; more epochs, another"
    )
    assert words in str(second)
    over = run(tmp_path / "over.npz")[1]
    assert over.epochs == 12
    assert "nothing was left to do: 12 epochs were done already" in str(run(tmp_path / "over.npz")[1])


def test_a_run_that_a_callback_stopped_goes_on_with_others(tmp_path):
    path = tmp_path / "run.npz"
    assert run(path, callbacks=[lambda epoch: epoch.epoch == 2])[1].epochs == 2
    mlp, history = run(path, callbacks=[lambda epoch: False], progress=False, checkpoint_every=3)
    assert (history.epochs, history.stopped) == (12, None)
    assert "taken up after epoch 2, where callback had stopped it" in str(history)
    np.testing.assert_array_equal(vector(mlp), vector(run()[0]))


# One run holds the file


def test_a_second_run_on_the_same_file_is_refused_until_the_first_has_ended(tmp_path):
    path, said = tmp_path / "run.npz", []

    def second():
        try:
            run(path)
        except tg.FileProblem as problem:
            said.append(str(problem))

    def meanwhile(epoch):
        if epoch.epoch == 2:
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(60)
        if epoch.epoch == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(path, callbacks=[meanwhile])
    assert said == [f"{str(path)!r} is in use by another run; wait until that has ended, or give another file"]
    np.testing.assert_array_equal(vector(run(path)[0]), vector(run()[0]))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/run.npz", "folder.npz", "run.txt"])
def test_a_file_that_cannot_be_written_is_refused_before_the_training(tmp_path, name):
    (tmp_path / "folder.npz").mkdir()
    mlp = network()
    before = vector(mlp)
    with pytest.raises((tg.FileProblem, tg.InvalidValue), match=r"folder|must end with"):
        run(tmp_path / name, mlp=mlp)
    np.testing.assert_array_equal(vector(mlp), before)


def test_what_is_written_an_epoch_does_not_grow_with_the_epochs_but_by_their_numbers(tmp_path):
    sizes = []
    for epochs in (10, 1000):
        path = tmp_path / f"{epochs}.npz"
        tg.train.fit(
            network(),
            X,
            RHO,
            method="gradient",
            epochs=epochs,
            validation=(X, RHO),
            checkpoint=path,
            checkpoint_every=epochs,
        )
        _, about, _ = storage.read(path, "training")
        sizes.append((len(json.dumps(about)), path.stat().st_size))
    (text, all_), (longer_text, longer) = sizes
    assert longer_text < text + 20
    assert longer - all_ < 990 * 3 * 8 + 500  # cost, validation and one metric, 8 bytes each
