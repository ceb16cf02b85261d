"""Nothing happens behind a user's back: the import changes nothing in the process, and equal calls give equal bits."""

import json
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ed as tg

STATE = """
import atexit, builtins, copyreg, gc, json, locale, logging, os, random, signal, sys, threading
import tracemalloc, types, warnings
import numpy as np

def state():
    return {
        "warnings": [repr(warnings.filters), repr(warnings.showwarning)],
        "floating point": [repr(np.geterr()), repr(np.geterrcall()), repr(np.get_printoptions())],
        "random": [repr(np.random.get_state()), repr(random.getstate())],
        "interpreter": [sys.getrecursionlimit(), sys.getswitchinterval(), repr(sys.excepthook), repr(sys.displayhook)],
        "tracing": [repr(sys.gettrace()), repr(sys.getprofile()), repr(threading.excepthook), threading.stack_size()],
        "collector": [gc.get_threshold(), gc.isenabled(), gc.get_debug(), len(gc.callbacks)],
        "imports": [sys.path, repr(sys.meta_path), repr(sys.path_hooks)],
        "system": [dict(os.environ), os.getcwd(), locale.setlocale(locale.LC_ALL, None)],
        "signals": [repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "at exit": atexit._ncallbacks(),
        "names": [sorted(vars(builtins)), repr(copyreg.dispatch_table)],
        "logging": [logging.root.level, repr(logging.root.handlers)],
        "NumPy": [repr(x) for x in vars(np).values() if not isinstance(x, types.ModuleType)],  # parts come when asked
    }

before = state()
tracemalloc.start()
import tinygrad_ed
peak = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
after = state()
print(json.dumps({"changed": [name for name in before if before[name] != after[name]], "peak": peak}))
"""


def test_the_import_changes_nothing_in_the_process_and_takes_little_memory():
    run = subprocess.run([sys.executable, "-c", STATE], capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(run.stdout)
    assert found["changed"] == []
    assert found["peak"] < 16e6  # no large array is made and dropped, which would move the allocator's thresholds


def network():
    return tg.nn.MLP([3, 5, 2], activation="tanh", rng=3)


X = np.random.default_rng(0).standard_normal((7, 3))
RHO = np.random.default_rng(1).standard_normal((7, 2))
W = np.random.default_rng(2).standard_normal((3, 2))


def cost(w):
    return (np.tanh(X @ w) * (X @ w) ** 2).mean()


def trained():
    mlp = network()
    tg.train.fit(mlp, X, RHO, epochs=2, batch_size=3)
    return [p.value for p in mlp.parameters()]


def backward():
    w = tg.Node(W)
    cost(w).backward()
    return [w.grad]


compiled = tg.compile(tg.value_and_grad(cost))

CALLS = {
    "backward": backward,
    "grad": lambda: [tg.grad(cost)(W)],
    "value_and_grad": lambda: list(tg.value_and_grad(cost)(W)),
    "jacobian": lambda: [tg.jacobian(lambda w: np.tanh(X @ w))(W)],
    "hessian": lambda: [tg.hessian(cost)(W)],
    "hvp": lambda: list(tg.hvp(cost, (W,), (W[::-1],))),
    "jvp": lambda: list(tg.jvp(cost, (W,), (W[::-1],))),
    "compiled": lambda: list(compiled(W)),
    "ledger": lambda: list(tg.ledger(network(), X, RHO, road="graph").values()),
    "crosscheck": lambda: [row.difference for row in tg.crosscheck(network(), X, RHO).rows],
    "fit": trained,
}


@pytest.mark.parametrize("call", CALLS)
def test_equal_calls_give_equal_bits(call):
    first = [np.asarray(x).tobytes() for x in CALLS[call]()]
    for _ in range(8):
        assert [np.asarray(x).tobytes() for x in CALLS[call]()] == first
