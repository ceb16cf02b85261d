"""Memory that is freed stays with the process, and a copy is made only where somebody else could write into it."""

import platform
import subprocess
import sys
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.memory import TEMPORARY

STEPS = """
import resource
import numpy as np
import tinygrad_ed as tg

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    x = tg.Node(np.ones((256, 512), np.float32))
    for _ in range(10):
        x = tg.tanh(x * 0.5)
    x.sum().backward()

for _ in range(3):
    step()
before = faults()
for _ in range(20):
    step()
print((faults() - before) / 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator of glibc is meant")
def test_the_steps_of_a_graph_do_not_fetch_their_pages_anew():
    """A step makes some forty arrays of 128 pages each."""
    run = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True, timeout=120)
    assert float(run.stdout) < 20


def _held_in_a_local(leaf):
    array = np.arange(3.0)
    leaf.value = array
    return array


def _held_weakly(leaf):
    seen = []

    def made():
        array = np.arange(3.0)
        seen.append(weakref.ref(array))
        return array

    leaf.value = made()
    held = seen[0]()
    return np.empty(3) if held is None else held


def _held_in_a_list(leaf):
    arrays = [np.arange(3.0)]
    leaf.value = arrays[0]
    return arrays[0]


def _held_by_a_loop(leaf):
    for array in [np.arange(3.0)]:
        leaf.value = array
    return array


def _held_by_an_object(leaf):
    box = SimpleNamespace(array=np.arange(3.0))
    leaf.value = box.array
    return box.array


def _held_by_a_view(leaf):
    views = []

    def made():
        array = np.arange(3.0)
        views.append(array[:])
        return array

    leaf.value = made()
    return views[0]


def _held_by_a_memoryview(leaf):
    views = []

    def made():
        array = np.arange(3.0)
        views.append(memoryview(array))
        return array

    leaf.value = made()
    return np.asarray(views[0])


def _held_as_a_part(leaf):
    whole = np.arange(5.0)
    leaf.value = whole[:3]
    return whole


def _held_by_a_call(leaf):
    array = np.arange(3.0)
    setattr(leaf, "value", array)  # noqa: B010  # another way to the same setter
    return array


def _held_by_a_caller_of_the_property(leaf):
    array = np.arange(3.0)
    tg.Node.value.fset(leaf, array)
    return array


@pytest.mark.parametrize(
    "assign",
    [
        _held_in_a_local,
        _held_in_a_list,
        _held_by_a_loop,
        _held_by_an_object,
        _held_by_a_view,
        _held_by_a_memoryview,
        _held_weakly,
        _held_as_a_part,
        _held_by_a_call,
        _held_by_a_caller_of_the_property,
    ],
)
def test_a_leaf_never_shares_its_value_with_somebody_who_still_has_it(assign):
    leaf = tg.Node(np.zeros(3))
    held = assign(leaf)
    held[:] = 7.0
    np.testing.assert_array_equal(leaf.value, [0.0, 1.0, 2.0])


@pytest.mark.skipif(TEMPORARY == 0, reason="this Python does not tell")
def test_a_leaf_takes_an_array_that_nobody_else_has():
    leaf, seen = tg.Node(np.zeros(3)), []

    def made(array):
        seen.append(array.ctypes.data)
        return array

    leaf.value = made(leaf.value - 0.5 * np.ones(3))
    assert leaf.value.ctypes.data == seen[0]
    np.testing.assert_array_equal(leaf.value, [-0.5, -0.5, -0.5])
    assert not leaf.value.flags.writeable
    for odd in (np.arange(3), np.zeros((3, 2), order="F"), np.broadcast_to(1.0, 3), np.array(2.0)):
        leaf.value = made(odd.copy("K"))
        assert type(leaf.value) is float or (leaf.dtype == np.float64 and leaf.value.flags.c_contiguous)
