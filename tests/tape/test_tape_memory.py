"""The memory of a compiled function: results belong to the caller, threads have buffers of their own, nothing leaks."""

import gc
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from tape_examples import B, W, X, Y, cost, equal

import tinygrad_ed as tg
from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs
from tinygrad_ed.tape.traced import Traced


def test_results_belong_to_the_caller():
    compiled = compile(lambda x: (x, x.T, np.tanh(x), np.tanh(x), B))
    first = compiled(X)
    kept = [np.array(y) for y in first]
    for y in first:
        assert not np.shares_memory(y, X)
        y += 1.0
    equal(compiled(X), kept)
    assert not np.shares_memory(first[2], first[3])
    assert B[0] == 0.1


def test_results_are_not_written_over_by_later_calls():
    compiled = compile(lambda x: x * 2.0)
    x = np.arange(8192.0)
    kept = [compiled(x + k) for k in range(6)]
    views = [compiled(x + k)[:3] for k in range(6)]
    for k in range(6):
        np.testing.assert_array_equal(kept[k], 2 * (x + k))
        np.testing.assert_array_equal(views[k], 2 * (x + k)[:3])


def test_reuse_hands_out_the_buffers_themselves():
    compiled = compile(lambda x: np.tanh(x) * 2.0, reuse=True)
    first = compiled(X)
    assert compiled(2.0 * X) is first
    equal(first, np.tanh(2.0 * X) * 2.0)


@pytest.mark.parametrize("reuse", [False, True])
def test_a_replay_makes_no_node_and_allocates_nothing_but_its_results(reuse):
    rng = np.random.default_rng(0)
    p = {"W": rng.standard_normal((100, 200)), "b": np.zeros(200)}
    x, y = rng.standard_normal((400, 100)), rng.standard_normal((400, 200))
    compiled = compile(tg.value_and_grad(cost), reuse=reuse, verify=False)
    compiled(p, x, y)
    held = [compiled(p, x, y) for _ in range(2)]
    before = tg.Node(0.0).id
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = compiled(p, x, y)
        peak = tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()
    assert tg.Node(0.0).id == before + 1
    # NumPy has a buffer of 8192 numbers while it broadcasts; one array on the way has 80,000.
    assert peak < (0 if reuse else p["W"].nbytes + p["b"].nbytes) + 8192 * 8 + 3000
    equal(result, held[0])


def test_threads_have_buffers_of_their_own():
    f = tg.grad(cost)
    compiled = compile(f)
    p = {"W": W, "b": B}
    wrong = []
    start = threading.Barrier(4)

    def work(k):
        expected = f(p, k * X, Y)
        start.wait()
        for _ in range(200):
            found = compiled(p, k * X, Y)
            if not all([np.array_equal(a, b) for a, b in zip(leaves(found), leaves(expected), strict=True)]):
                wrong.append(k)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert len(compiled.tapes) == 1


def test_a_recording_leaves_the_collector_as_it_was_and_no_garbage():
    gc.collect()
    assert gc.isenabled()
    compile(tg.grad(cost))({"W": W, "b": B}, X, Y)
    assert gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        before = sum([type(x) is Traced for x in gc.get_objects()])
        compiled = compile(tg.grad(cost))
        compiled({"W": W, "b": B}, X, Y)
        assert not gc.isenabled()
        kept = len(compiled.tape.program.steps) + len(compiled.tape.program.inputs)
        assert sum([type(x) is Traced for x in gc.get_objects()]) == before + kept
        del compiled
        assert sum([type(x) is Traced for x in gc.get_objects()]) == before
    finally:
        gc.enable()
