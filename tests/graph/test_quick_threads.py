"""The quick sweeps in several threads and in a forked child: side by side, and none reads half a gradient."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from planting import planted

import tinygrad_ed as tg
from tinygrad_ed.graph.op import OPS
from tinygrad_ed.graph.quick import sweep_in_place


def test_sweeps_of_arrays_in_two_threads_run_side_by_side():
    """The second one does not wait for the first, and neither finds the gradients of the other in its own."""
    shared, inside, go_on, read = tg.Node([1.0, 2.0]), threading.Event(), threading.Event(), []
    tanh = OPS["tanh"].rules[0]

    def slow(g, y, x):
        inside.set()
        assert go_on.wait(20)
        return tanh(g, y, x)

    with planted(OPS["tanh"], slow):
        first, second = (tg.tanh(shared * 1.0) + shared).sum(), (shared * 3.0 + shared).sum()
        one = threading.Thread(target=first.backward)
        one.start()
        assert inside.wait(20)
        assert sweep_in_place(second, 1.0) is False
        reader = threading.Thread(target=lambda: read.append(shared.grad))  # waits, for a whole gradient
        reader.start()
        reader.join(0.2)
        assert read == []
        np.testing.assert_array_equal(tg.gradients(second, shared), [4.0, 4.0])
        other = threading.Thread(target=second.backward)  # computes, and waits with what it has to write
        other.start()
        other.join(0.2)
        go_on.set()
        for thread in (one, other, reader):
            thread.join(20)
        assert read[0].tolist() in ([2.0 - np.tanh(1.0) ** 2, 2.0 - np.tanh(2.0) ** 2], [4.0, 4.0])
        assert second.grad == 1.0
        np.testing.assert_array_equal(shared.grad, [4.0, 4.0])


def test_sweeps_in_several_threads_do_not_mix_what_arrives_at_a_shared_leaf():
    shared, interval = tg.Node(1.5), sys.getswitchinterval()

    def uses(factor):
        y = shared * factor
        for _ in range(1000):
            y = y + shared * factor
        return y

    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            roots, start = [uses(1.0), uses(2.0)], threading.Barrier(2)

            def work(root, start=start):
                start.wait()
                root.backward()

            threads = [threading.Thread(target=work, args=(root,)) for root in roots]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert shared.grad in (1001.0, 2002.0)
            assert [root.grad for root in roots] == [1.0, 1.0]
    finally:
        sys.setswitchinterval(interval)


def test_a_reader_who_comes_in_between_finds_a_number_or_nothing():
    x, found = tg.Node(3.0), []
    square = OPS["square"]
    first = square.rules[0]
    with planted(square, lambda g, y, a: (found.append(x.grad), first(g, y, a))[1]):
        tg.square(x * 1.0).backward()
    assert x.grad == 6.0
    assert [type(value) for value in found] == [float]


FORK = """
import os, signal, threading
import numpy as np
import tinygrad_ed as tg
from tinygrad_ed.graph.op import OPS

signal.alarm(30)
inside, go_on, tanh = threading.Event(), threading.Event(), OPS["tanh"].rules[0]
rules = (lambda g, y, x: (inside.set(), go_on.wait(20), tanh(g, y, x))[2],)
OPS["tanh"].trusted = (rules, True, True)
OPS["tanh"].rules = rules
x = tg.Node([1.0, 2.0])
sweep = threading.Thread(target=tg.tanh(x).sum().backward)
sweep.start()
inside.wait(20)
threading.Timer(0.2, go_on.set).start()
child = os.fork()
if not child:
    signal.alarm(10)  # the alarm of the parent is not inherited
    x.value = 2.0 * x.grad
    (x * x).sum().backward()
    os._exit(0 if x.grad.shape == (2,) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
sweep.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_child_that_is_forked_during_a_sweep_can_read_and_sweep():
    run = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]  # Python 3.12 warns of forks beside threads
    result = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr) == ("0\n", "")
