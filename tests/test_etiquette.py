"""Nodes among other things of Python: pickled, copied, in threads and tasks, and gone without the garbage collector."""

import asyncio
import copy
import gc
import pickle
import sys
import threading
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw


@pytest.fixture
def graph():
    x = tg.Node([[1.0, 2.0], [3.0, 4.0]], name="x")
    y = np.linalg.norm(np.tanh(x @ x[:, [1, 0]]), axis=1).sum() + x[0, 0] ** 2
    return x, y


@pytest.mark.parametrize("again", [lambda pair: pickle.loads(pickle.dumps(pair)), copy.deepcopy])  # noqa: S301  # our own
def test_a_graph_survives_pickling_and_copying(graph, again):
    x, y = graph
    x2, y2 = again((x, y))
    assert x2 is not x
    assert (x2.name, y2.item()) == ("x", y.item())
    y.backward()
    y2.backward()
    np.testing.assert_array_equal(x.grad, x2.grad)
    assert (y2 * x2).sum().id > y2.id, "new nodes come after those that were loaded"
    x2.value = np.zeros((2, 2))
    np.testing.assert_array_equal(x.value, [[1, 2], [3, 4]])
    with pytest.raises(tg.StaleGraph):
        y2.backward()


def test_a_network_survives_pickling():
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    again = pickle.loads(pickle.dumps(mlp))  # noqa: S301  # our own
    np.testing.assert_array_equal(again.predict([0.5, 1.0]), mlp.predict([0.5, 1.0]))


def test_an_op_of_ones_own_is_pickled_by_name_and_refused_where_the_name_is_taken():
    mine = tg.op("etiquette_cube", lambda x: x**3, lambda g, y, x: 3 * g * x**2)
    assert pickle.loads(pickle.dumps(mine(tg.Node(2.0)))).op is mine  # noqa: S301  # our own
    other = tg.op("etiquette_cube", lambda x: x, lambda g, y, x: g)
    with pytest.raises(tg.InvalidType, match="op 'etiquette_cube' cannot be pickled: another op has the same name"):
        pickle.dumps(other(tg.Node(2.0)))
    with pytest.raises(tg.InvalidValue, match="no op 'never_made'; make it with"):
        tg.graph.op.find_op("never_made", "")


def test_threads_build_and_sweep_their_own_graphs():
    def work(seed):
        x = tg.Node(np.random.default_rng(seed).standard_normal(20))
        for _ in range(50):
            y = (np.sin(x) * x).sum()
            y.backward()
        return np.allclose(x.grad, np.cos(x.value) * x.value + np.sin(x.value))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(32)))


def test_no_grad_is_local_to_its_thread():
    inside, checked = threading.Event(), threading.Event()
    seen = []

    def other():
        inside.wait(10)
        seen.append((tg.Node(2.0) * 3.0).op)
        checked.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tg.no_grad():
        inside.set()
        assert checked.wait(10)
        assert (tg.Node(2.0) * 3.0).op is None
    thread.join()
    assert seen[0].name == "multiply"


def test_no_grad_is_local_to_its_task():
    async def without():
        with tg.no_grad():
            await asyncio.sleep(0.01)
            return (tg.Node(2.0) * 3.0).op

    async def with_graph():
        await asyncio.sleep(0.005)
        return (tg.Node(2.0) * 3.0).op

    async def both():
        return await asyncio.gather(without(), with_graph())

    first, second = asyncio.run(both())
    assert first is None
    assert second.name == "multiply"


def test_no_grad_is_a_decorator_as_well():
    @tg.no_grad()
    def predict(x):
        return x * 2.0

    assert predict(tg.Node(1.0)).op is None
    assert (tg.Node(1.0) * 2.0).op is not None


def test_everything_is_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = tg.Node(np.ones((3, 3)), name="x")
        y = np.linalg.norm(np.tanh(x @ x)[0]) + np.sort(x, axis=None)[2] * np.median(x)
        y.backward()
        tg.hessian(lambda z: (z * z).sum())(np.ones(3))
        watched = [weakref.ref(node) for node in (x, y, *y.parents)]
        del x, y
        assert [ref() for ref in watched] == [None] * len(watched)
    finally:
        gc.enable()


def test_a_scalar_node_takes_at_most_250_bytes():
    x = y = tg.Node(1.5)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10_000):
            y = y + 1.5
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert y.item() == x.item() + 15_000
    assert taken / 10_000 <= 250


def test_a_million_adds_build_sweep_and_die_at_the_default_recursion_limit():
    assert sys.getrecursionlimit() <= 1000 + 200, "pytest may have raised it a little"
    x = y = tg.Node(0.0)
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert (y.item(), x.grad) == (1e6, 1.0)
    last = weakref.ref(y)
    del y
    assert last() is None


def test_a_long_chain_has_a_trace():
    x = y = tg.Node(0.0)
    for _ in range(50_000):
        y = y + 1.0
    y.backward()
    trace = draw.trace(y)
    assert len(trace.nodes) >= 50_001
    assert x.grad == 1.0


def test_joins_of_shapes_that_do_not_fit_say_both():
    with pytest.raises(tg.ShapeError, match=r"concatenate: inputs of shape \(2, 3\) and \(3, 3\) do not fit"):
        np.hstack([tg.Node(np.ones((2, 3))), np.ones((3, 3))])
