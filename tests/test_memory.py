"""Memory that is freed stays with the process: a step on large arrays does not fetch its pages anew."""

import platform
import subprocess
import sys

import pytest

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
