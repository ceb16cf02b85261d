"""Depth, breadth and memory of the sweep: long chains, many uses, and every node freed without the collector."""

import gc
import sys
import time
import weakref

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed import Node


def chain(x, n):
    for _ in range(n):
        x = x + 1.0
    return x


def test_a_chain_of_100000_ops_builds_sweeps_and_dies_at_the_default_recursion_limit():
    assert sys.getrecursionlimit() <= 1000
    x = Node(1.0)
    y = chain(x, 100_000)
    assert y.value == 100_001.0
    y.backward()
    assert (x.grad, tg.gradients(y, x)) == (1.0, 1.0)
    slope = tg.gradients(y * y, x, create_graph=True)
    assert tg.gradients(slope, x) == 2.0
    seen = weakref.ref(y.args[0])
    del y, slope
    assert seen() is None


def test_a_chain_of_arrays_dies_too():
    y = chain(Node(np.ones(2)), 20_000)
    seen = weakref.ref(y.args[0])
    del y
    assert seen() is None


def test_sixty_doublings_are_exact_and_fast():
    x = y = Node(1.0)
    for _ in range(60):
        y = y + y
    started = time.perf_counter()
    y.backward()
    assert x.grad == 2.0**60
    assert tg.gradients(y, x) == 2.0**60
    assert time.perf_counter() - started < 0.5


def test_a_node_with_many_uses_and_an_op_with_many_inputs():
    x = Node(1.0)
    y = tg.stack([x] * 3000).sum()
    y.backward()
    assert x.grad == 3000.0


def test_everything_is_freed_without_the_garbage_collector():
    alive = lambda: sum([type(thing) is Node for thing in gc.get_objects()])  # noqa: E731
    gc.collect()
    gc.disable()
    before = alive()
    try:
        x, w = Node(np.ones(3)), Node(np.ones((3, 3)))
        y = np.tanh(x @ w).max() + np.concatenate([x, x * x])[[0, 0, 1]].prod()
        y.backward()
        slopes = tg.gradients(y, (x, w), create_graph=True)
        tg.gradients((slopes[0] * slopes[0]).sum(), w)
        seen = [weakref.ref(node) for node in (x, w, y, *y.parents, *slopes)]
        tg.hessian(lambda v: np.tanh(v).sum() * v.prod())(np.ones(2))
        del x, w, y, slopes
        assert [ref() for ref in seen] == [None] * len(seen)
        assert alive() == before
    finally:
        gc.enable()


def test_a_scalar_node_is_small():
    x = Node(1.0)
    y = x * x
    bytes_each = sys.getsizeof(y) + sys.getsizeof(y.args) + sys.getsizeof(y.value) + sys.getsizeof(y.id) + 16
    assert bytes_each <= 250
