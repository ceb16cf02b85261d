"""Nothing is lost: a run that was broken off or killed goes on bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import storage

X = np.random.default_rng(0).standard_normal((12, 3))
RHO = np.random.default_rng(1).standard_normal((12, 2))
HELD_OUT = np.random.default_rng(2).standard_normal((6, 3)), np.random.default_rng(3).standard_normal((6, 2))
SUFFIXES = [".npz", ".safetensors"]


def network(**options):
    return tg.nn.MLP([3, 4, 2], rng=1, **options)


def weights_of(mlp):
    return [parameter.value.copy() for parameter in mlp.parameters()]


def same(one, two):
    return all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(weights_of(one), weights_of(two), strict=True)
    )


OPTIONS = {
    "gradient descent": {"learning_rate": 0.05},
    "momentum": {"optimizer": lambda: tg.train.Momentum(0.02)},
    "nesterov": {"optimizer": lambda: tg.train.Nesterov(0.02), "method": "gradient"},
    "rmsprop": {"optimizer": lambda: tg.train.RMSprop(0.01), "method": "sgd"},
    "adam": {"optimizer": lambda: tg.train.Adam(0.02), "sampling": "shuffle"},
    "adamw": {"optimizer": lambda: tg.train.AdamW(0.02), "road": "graph"},
    "schedule": {
        "optimizer": lambda: tg.train.Adam(0.02),
        "schedule": tg.train.schedules.WarmUp(3, tg.train.schedules.Cosine(5, per_update=True)),
    },
    "mersenne twister": {"rng": lambda: np.random.Generator(np.random.MT19937(4)), "sampling": "shuffle"},
    "philox": {"rng": lambda: np.random.Generator(np.random.Philox(4))},
    "patience": {"validation": HELD_OUT, "patience": 3, "learning_rate": 0.3},
    "best long ago": {"validation": (X, -RHO), "patience": 8},
}


def run(mlp, epochs, case, **more):
    options = {name: value() if name in ("optimizer", "rng") else value for name, value in OPTIONS[case].items()}
    return tg.train.fit(mlp, X, RHO, batch_size=5, epochs=epochs, **options, **more)


def without_time(history):
    return asdict(history) | {"seconds": None}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", OPTIONS)
def test_a_run_that_is_resumed_is_the_run_that_never_stopped(tmp_path, case, dtype, suffix):
    whole, parts = network(dtype=dtype), network(dtype=dtype)
    expected = run(whole, 9, case)
    path = tmp_path / f"run{suffix}"
    for epochs in (1, 4, 5, 9):
        found = run(parts, epochs, case, checkpoint=path, resume=True)
        parts = network(dtype=dtype) if epochs < 9 else parts  # nothing is left but the file
    assert same(parts, whole)
    assert without_time(found) == without_time(expected)
    assert same(tg.nn.MLP.load(path), whole) or OPTIONS[case].get("patience")
    with np.errstate(all="raise"):  # a run that is over is not begun again
        again = run(network(dtype=dtype), 9, case, checkpoint=path, resume=True)
    assert without_time(again) == without_time(expected)


def test_a_file_is_written_every_so_many_epochs_and_at_the_end(tmp_path):
    path, written = tmp_path / "run.npz", []

    def look(epoch):
        written.append(storage.read(path, "training").about["history"]["epochs"] if path.exists() else 0)

    run(network(), 8, "adam", checkpoint=path, checkpoint_every=3, callbacks=[look])
    assert written == [0, 0, 0, 3, 3, 3, 6, 6]  # callbacks come before the file of the same epoch
    assert storage.read(path, "training").about["history"]["epochs"] == 8


def test_a_run_broken_off_by_ctrl_c_can_be_resumed(tmp_path):
    class Pressed(tg.train.Adam):
        def _update(self, *block):
            if self.steps == 8:
                raise KeyboardInterrupt
            super()._update(*block)

    Pressed.__name__ = "Adam"
    whole, broken, path = network(), network(), tmp_path / "run.npz"
    expected = run(whole, 6, "adam")
    OPTIONS["pressed"] = OPTIONS["adam"] | {"optimizer": lambda: Pressed(0.02)}
    try:
        assert run(broken, 6, "pressed", checkpoint=path).stopped == "interrupted"
    finally:
        del OPTIONS["pressed"]
    found = run(broken, 6, "adam", checkpoint=path, resume=True)
    assert same(broken, whole)
    assert without_time(found) == without_time(expected)


def test_a_file_that_is_there_is_not_overwritten_by_a_new_run(tmp_path):
    path = tmp_path / "run.npz"
    run(network(), 2, "adam", checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(tg.InvalidValue, match="is there already; resume=True goes on with that run"):
        run(network(), 2, "adam", checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"batch_size": 6},
            r"run.npz' is of a run with batch size 5, now 6. Resume with the same data and options \(only epochs, pat",
        ),
        ({"sampling": "uniform"}, "sampling shuffle, now uniform"),
        ({"optimizer": tg.train.Adam(0.03)}, r"optimizer Adam\(learning_rate=0.02.*, now Adam.learning_rate=0.03"),
        ({"optimizer": tg.train.AdamW(0.02)}, "optimizer Adam.*, now AdamW"),
        ({"schedule": tg.train.schedules.Cosine(3)}, r"schedule None, now Cosine"),
        ({"validation": HELD_OUT}, r"with metrics None, now \['r2'\]; other numbers in the validation data. Res"),
        ({"cost": "huber"}, "cost mse, now huber"),
        ({"road": "graph"}, "road rules, now graph"),
        ({"x": X + 1}, "is of a run with other numbers in the inputs x. Resume"),
        ({"rho": 2 * RHO}, "is of a run with other numbers in the expected outputs rho. Resume"),
        ({"x": X[:9], "rho": RHO[:9]}, "rows 12, now 9; other numbers in the inputs x, the expected outputs rho. Resu"),
        ({"mlp": tg.nn.MLP([3, 5, 2])}, r"network MLP\(\[3, 4, 2\].*, now MLP\(\[3, 5, 2\]"),
        ({"mlp": tg.nn.MLP([3, 4, 2], dtype=np.float32)}, "dtype float64, now float32"),
        ({"rng": 1}, "is of a run with seed 0, now 1. Resume"),
        ({"rng": np.random.default_rng(0)}, "seed 0, now Generator. Resume"),
        (
            {"rng": 1, "x": X[::-1]},
            "seed 0, now 1; other numbers in the inputs x, as they do where a table is split",
        ),
        ({"batch_size": 6, "cost": "huber"}, "run with cost mse, now huber; batch size 5, now 6. Resume"),
    ],
)
def test_another_run_is_not_resumed_from_a_file(tmp_path, change, message):
    path = tmp_path / "run.npz"
    run(network(), 2, "adam", checkpoint=path)
    options = {"mlp": network(), "x": X, "rho": RHO, "batch_size": 5, "sampling": "shuffle"}
    options |= {"optimizer": tg.train.Adam(0.02), "checkpoint": path, "resume": True} | change
    before = weights_of(options["mlp"])
    with pytest.raises(tg.InvalidValue, match=message):
        tg.train.fit(**options)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights_of(options["mlp"]), strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about, arrays: about.pop("run"), "does not say which run it belongs to"),
        (lambda about, arrays: about.pop("rng"), "cannot be resumed from: KeyError: 'rng'"),
        (lambda about, arrays: about["rng"].update(bit_generator="MT19937"), "cannot be resumed from"),
        (
            lambda about, arrays: about["history"].update(epochs=7),
            r"history.cost holds \(2,\) float64, not .* \{7\} ep",
        ),
        (lambda about, arrays: about["history"].update(epochs="7"), "epochs is '7'"),
        (lambda about, arrays: about["history"].update(stopped=3), "stopped 3"),
        (lambda about, arrays: arrays.pop("history.cost"), "KeyError: 'history.cost'"),
        (
            lambda about, arrays: arrays.update({"history.cost": np.ones((2, 1))}),
            r"cost holds \(2, 1\) float64",
        ),
        (lambda about, arrays: arrays.update({"history.cost": np.ones(2, int)}), r"history.cost holds \(2,\) int64"),
        (lambda about, arrays: arrays.update({"history.validation": np.ones(1)}), r"validation holds \(1,\) float64"),
        (lambda about, arrays: about["history"].update(metrics=["r2"]), "KeyError: 'history.metrics.0'"),
        (lambda about, arrays: about["history"].update(metrics=[[]]), "cannot be resumed from: TypeError"),
        (lambda about, arrays: about["length"].update(waits_from="1"), "patience is counted from '1'"),
        (lambda about, arrays: about["history"].update(best_epoch="1"), "best_epoch is '1'"),
        (lambda about, arrays: arrays.update(best=np.ones(3)), "its parameters have other shapes"),
        (lambda about, arrays: arrays.pop("best"), "cannot be resumed from: KeyError: 'best'"),
        (lambda about, arrays: arrays.update({"optimizer.mean.0": np.ones(3)}), "buffers have another shape"),
        (lambda about, arrays: arrays.update({"optimizer.mean.0": np.ones(26, int)}), "buffers have another .* dtype"),
        (lambda about, arrays: about["optimizer"].pop("steps"), "cannot be resumed from: KeyError: 'steps'"),
        (lambda about, arrays: arrays.update(W2=np.ones((9, 9))), "W2 must hold"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_in_one_line(tmp_path, change, message):
    path, mlp = tmp_path / "run.npz", network()
    run(network(), 2, "adam", checkpoint=path)
    _, about, arrays = storage.read(path, "training")
    change(about, arrays)
    storage.write(path, "training", about, arrays)
    before = weights_of(mlp)
    with pytest.raises(tg.FileProblem, match=message):
        run(mlp, 4, "adam", checkpoint=path, resume=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights_of(mlp), strict=True))


def test_an_optimizer_of_ones_own_needs_a_state_for_a_checkpoint(tmp_path):
    class Own:
        def __init__(self):
            self.velocity, self.count = None, 0

        def step(self, parameters, gradients):
            self.count += 1
            self.velocity = self.velocity or [np.zeros_like(p) for p in parameters]
            for parameter, v, g in zip(parameters, self.velocity, gradients, strict=True):
                v *= 0.9
                v += g
                parameter -= v * 0.1 / self.count

    class Kept(Own):
        def state(self):
            return {"count": self.count} | {str(k): v for k, v in enumerate(self.velocity)}

        def restore(self, state):
            self.count = state["count"]
            self.velocity = [state[str(k)].copy() for k in range(4)]

    with pytest.raises(tg.InvalidType, match=r"has no methods state\(\) -> dict"):
        tg.train.fit(network(), X, RHO, optimizer=Own(), checkpoint=tmp_path / "run.npz")
    whole, parts = network(), network()
    tg.train.fit(whole, X, RHO, epochs=6, optimizer=Kept())
    for epochs in (2, 6):
        tg.train.fit(parts, X, RHO, epochs=epochs, optimizer=Kept(), checkpoint=tmp_path / "run.npz", resume=True)
    assert same(parts, whole)


LONG = """
import sys, time, numpy as np, tinygrad_ed as tg
path, out = sys.argv[1:]
rng = np.random.default_rng(0)
x, rho = rng.standard_normal((64, 4)), rng.standard_normal((64, 2))
mlp = tg.nn.MLP([4, 16, 2], rng=1)
options = dict(
    batch_size=8, epochs=100, sampling="shuffle", optimizer=tg.train.Adam(0.01), validation=(x[:20], rho[:20]),
    schedule=tg.train.schedules.WarmUp(10, tg.train.schedules.Cosine(80, per_update=True)), rng=5,
)
if path:  # not too fast, so that it can be killed some times before it is done
    options |= dict(checkpoint=path, resume=True, callbacks=[lambda epoch: time.sleep(0.001)])
print("begun", flush=True)
history = tg.train.fit(mlp, x, rho, **options)
history.seconds = 0.0
weights = np.concatenate([p.value.ravel() for p in mlp.parameters()])
with open(out, "w") as stream:
    stream.write(weights.tobytes().hex() + repr(history))
"""


def run_of_its_own(*arguments, kill_after=None):
    """Train in a process, which may be killed some seconds after it began; return its exit status."""
    command = [sys.executable, "-c", LONG, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        process.stdout.readline()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        return process.wait(60)


def test_a_process_that_is_killed_again_and_again_ends_as_if_it_had_not_been(tmp_path):
    """SIGKILL at random moments, also while the file is being written; every time a new process goes on."""
    path, chance, reached = tmp_path / "run.npz", random.Random(), []  # noqa: S311  # moments, not secrets
    assert run_of_its_own("", tmp_path / "expected") == 0
    longest = 0.06  # seconds; a disk that is slow to flush gets more
    while len(reached) < 3:
        assert run_of_its_own(path, tmp_path / "found", kill_after=chance.uniform(0.02, longest)) == -signal.SIGKILL
        if path.exists():
            reached.append(storage.read(path, "training").about["history"]["epochs"])
        else:
            longest *= 1.3
    assert run_of_its_own(path, tmp_path / "found") == 0
    assert reached == sorted(reached)
    assert reached[-1] < 100
    assert (tmp_path / "found").read_text() == (tmp_path / "expected").read_text()
    left = {each.name for each in tmp_path.iterdir()} - {"expected", "found", "run.npz"}
    assert all(name.endswith(".part") for name in left)
