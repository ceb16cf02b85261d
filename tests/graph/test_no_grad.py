"""`no_grad` and `stop_gradient` leave the graph out, each thread and each task for itself."""

import asyncio
import threading

import numpy as np
import pytest
from node_arrays import VECTOR

import tinygrad_ed as tg
from tinygrad_ed import Node


def test_no_grad_keeps_no_graph():
    x = Node(2.0)
    with tg.no_grad():
        y = x * x
        assert (y.op, y.args, y.value) == (None, (), 4.0)
        with tg.no_grad():
            pass
        assert (x * x).op is None
    assert (x * x).op is not None
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        1 / 0  # noqa: B018 # the context must end on errors too
    assert (x * x).op is not None


def test_no_grad_belongs_to_its_thread():
    seen = {}
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.update(op=(Node(1.0) + 1).op))
        thread.start()
        thread.join()
        assert (Node(1.0) + 1).op is None
    assert seen["op"].name == "add"


def test_no_grad_belongs_to_its_task():
    async def quiet(ready, done):
        with tg.no_grad():
            ready.set()
            await done.wait()

    async def loud():
        ready, done = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(quiet(ready, done))
        await ready.wait()
        op = (Node(1.0) + 1).op
        done.set()
        await task
        return op

    assert asyncio.run(loud()).name == "add"


def test_graphs_can_be_built_in_several_threads():
    found = [None] * 8

    def work(i):
        x = Node(float(i))
        y = x
        for _ in range(200):
            y = y + x
        found[i] = tg.gradients(y, x)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [201.0] * 8


def test_stop_gradient_gives_the_plain_value():
    x = Node(3.0)
    assert type(tg.stop_gradient(x)) is float
    assert tg.gradients(x * tg.stop_gradient(x), x) == 3.0
    assert type(tg.stop_gradient(Node(VECTOR))) is np.ndarray
    assert tg.stop_gradient(2.5) == 2.5
