"""What a value and its gradient cost grows with the size as NumPy's own cost does: counted, not timed.

Every call that `benchmarks/functions.py` measures is made at two sizes. The graph must have the same number of nodes at
both, and the memory at the peak must grow as the size does, and be no more than a few times what NumPy's call needs.
"""

import importlib.util
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.op import HANDLERS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL, TIMES = 6_400, 4
LOOPS = ("np.apply_along_axis(", "np.poly(")  # of Python, in NumPy as well, over all entries: a node for each


def load():
    """The module of the benchmark, which imports its neighbor."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("functions", BENCHMARKS / "functions.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


functions = load()
CALLS = [(text, shape) for calls, (shape, _) in functions.GROUPS.items() for text in calls.split()]


def peak_of(step):
    """How many bytes are in use at once, beside what was before; and what the step returned."""
    tracemalloc.start()
    try:
        result = step()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def costs(text, shape):
    """The peaks of NumPy and of value and sweep, and the number of nodes."""
    call, x, y = functions.prepared(text, shape)
    call(x, y)  # what is loaded and cached at a first call is no cost of it
    theirs, _ = peak_of(lambda: call(x, y))
    a, b = tg.Node(x), tg.Node(y)

    def sweep():
        root = functions.total(call(a, b))
        root.backward()
        return root

    ours, root = peak_of(sweep)
    return theirs + x.nbytes + y.nbytes, ours, len(walk(root))


@pytest.mark.parametrize(("text", "shape"), CALLS, ids=[text for text, _ in CALLS])
def test_memory_and_nodes_grow_as_the_size_does(text, shape):
    (small, less, few), (large, more, many) = [costs(text, shape(n)) for n in (SMALL, TIMES * SMALL)]
    assert more < 1.5 * large / small * less + 200_000
    if not text.startswith(LOOPS):
        assert few == many
        assert more < 14 * large


def test_the_road_of_einsum_is_the_one_that_was_asked_for(monkeypatch):
    taken, theirs = [], np.einsum

    def spy(*args, optimize=False, **keywords):
        taken.append(optimize)
        return theirs(*args, optimize=optimize, **keywords)

    monkeypatch.setattr(np, "einsum", spy)
    a, b, c = [tg.Node(x) for x in np.random.default_rng(0).standard_normal((3, 4, 4))]
    for optimize in (False, True, "greedy", "optimal", ["einsum_path", (0, 1), (0, 1)]):
        taken.clear()
        HANDLERS[theirs]("ij,jk,kl->il", a, b, c, optimize=optimize).sum().backward()
        assert taken[0] == optimize
        assert taken[1:] == [True, True, True]  # the sweep finds roads of its own


CALLS_OF_TALL = {
    "pinv": np.linalg.pinv,
    "lstsq": lambda a: np.linalg.lstsq(a, np.ones((a.shape[0], 2)), rcond=None)[0],
    "svd": lambda a: np.linalg.svd(a, full_matrices=False)[0],
    "norm": lambda a: np.linalg.norm(a, "nuc"),
}


@pytest.mark.parametrize("shape", [(20_000, 3), (3, 20_000)])
@pytest.mark.parametrize("name", CALLS_OF_TALL)
def test_a_matrix_that_is_tall_or_wide_makes_no_square_one(name, shape):
    a = tg.Node(np.random.default_rng(0).standard_normal(shape))
    peak, _ = peak_of(lambda: CALLS_OF_TALL[name](a).sum().backward())
    assert peak < 60 * a.value.nbytes
