"""float16: its ones add up to 2,048 and no further, and its largest number is 65,504. So sums are made in float32."""

import numpy as np
import pytest

import tinygrad_ed as tg

HALF = np.float16
COUNT = 5000
ONES, MANY = np.ones(3, HALF), np.ones((COUNT, 3), HALF)
FAR_APART = np.tile(np.array([300.0, -300.0], HALF), 20000)

# f, x, and the gradient of f at x
GRADIENTS = {
    "5,000 reads at once": (lambda x: x[np.zeros(COUNT, int)].sum(), ONES, [COUNT, 0, 0]),
    "take": (lambda x: np.take(x, np.zeros(COUNT, int)).sum(), ONES, [COUNT, 0, 0]),
    "repeat": (lambda x: np.repeat(x, COUNT).sum(), ONES, [COUNT] * 3),
    "tile": (lambda x: np.tile(x, COUNT).sum(), ONES, [COUNT] * 3),
    "a bias": (lambda x: (x + MANY).sum(), ONES, [COUNT] * 3),
    "a factor": (lambda x: (x * MANY).sum(), ONES, [COUNT] * 3),
    "a column": (lambda x: (x.reshape(3, 1) + MANY.T).sum(), ONES, [COUNT] * 3),
    "a number": (lambda x: (x[0] + MANY).sum(), ONES, [3 * COUNT, 0, 0]),
    "broadcast_to": (lambda x: np.broadcast_to(x, (COUNT, 3)).sum(), ONES, [COUNT] * 3),
    "matmul": (lambda x: (MANY @ x).sum(), ONES, [COUNT] * 3),
    "matmul of matrices": (lambda x: (MANY @ x.reshape(3, 1)).sum(), ONES, [COUNT] * 3),
    "outer": (lambda x: np.outer(x, MANY[:, 0]).sum(), ONES, [COUNT] * 3),
    "einsum": (lambda x: np.einsum("i,j->", x, MANY[:, 0]), ONES, [COUNT] * 3),
    "cumsum": (lambda x: (np.cumsum(x) / HALF(2.0)).sum(), np.full(COUNT, 0.1, HALF), np.arange(COUNT, 0, -1) / 2),
    "mean": (np.mean, np.ones(70000, HALF), 1 / 70000),
    "mean of columns": (lambda x: np.mean(x, axis=0).sum(), np.ones((70000, 2), HALF), 1 / 70000),
    "logsumexp": (lambda x: tg.logsumexp(x, axis=0).sum(), MANY, 1 / COUNT),
    "average": (lambda x: np.average(x, weights=np.ones(70000, HALF)), np.ones(70000, HALF), 1 / 70000),
    "var": (np.var, FAR_APART, FAR_APART.astype(float) / 20000),
}


@pytest.mark.filterwarnings("ignore:overflow encountered")  # of a sum or a variance that float16 cannot hold
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_added_up_in_float32(name):
    f, x, expected = GRADIENTS[name]
    node = tg.Node(x)
    f(node).backward()
    graph = tg.Node(x)
    again = tg.gradients(f(graph), graph, create_graph=True).value
    for found in (tg.grad(f)(x), node.grad, again):
        assert found.dtype == HALF
        np.testing.assert_allclose(found.astype(float), np.broadcast_to(expected, x.shape), rtol=2e-3, atol=1e-7)


LONG = np.ones(70000, HALF)
WITH_NAN = np.where(np.arange(70000) == 5, np.nan, LONG).astype(HALF)
VALUES = {
    "mean": (np.mean, LONG, 1.0),
    "mean of columns": (lambda x: np.mean(x, axis=0), MANY, 1.0),
    "the method": (lambda x: x.mean(axis=0), MANY, 1.0),
    "var": (lambda x: np.var(x, axis=0), MANY, 0.0),  # NumPy's own is 0.2
    "the method var": (lambda x: x.var(), LONG, 0.0),
    "std": (lambda x: tg.std(x, axis=0), MANY, 0.0),
    "average": (lambda x: np.average(x, weights=x), LONG, 1.0),
    "nanmean": (np.nanmean, WITH_NAN, 1.0),
    "nanvar": (np.nanvar, WITH_NAN, 0.0),
    "nanstd": (np.nanstd, WITH_NAN, 0.0),
    "median": (np.median, LONG, 1.0),
    "median of two": (np.median, np.array([40000.0, 40000.0], HALF), 40000.0),
    "logsumexp": (lambda x: tg.logsumexp(x, axis=0), MANY, np.log(COUNT) + 1.0),
    "cov": (np.cov, LONG, 0.0),
}


@pytest.mark.parametrize("name", VALUES)
def test_statistics_are_added_up_in_float32(name):
    f, x, expected = VALUES[name]
    found = f(tg.Node(x)).value
    np.testing.assert_allclose(np.asarray(found, float), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("call", [lambda x: np.sum(x, axis=0), np.cumsum, np.prod, lambda x: np.sum(100 * x)])
def test_one_call_of_numpys_is_numpys(call):
    np.testing.assert_array_equal(call(tg.Node(MANY)).value, call(MANY))


def chain(x):
    """A sum with 5,000 reads of every entry, node by node."""
    total = x
    for _ in range(4999):
        total = total + x
    return total


@pytest.mark.parametrize("shape", [(3,), (1, 2)])
def test_the_sweep_adds_up_in_float32_and_gives_float16(shape):
    """Beyond 2,048 a float16 knows even numbers only: added up in float16 the sum would stop there."""
    start = np.ones(shape, np.float16)
    x = tg.Node(start)
    y = chain(x).sum()
    y.backward()
    found = {
        "backward": x.grad,
        "gradients": tg.gradients(y, x),
        "create_graph": tg.gradients(y, x, create_graph=True).value,
        "grad": tg.grad(lambda x: chain(x).sum())(start),
        "jacobian": tg.jacobian(chain)(start).sum(axis=tuple(range(len(shape)))),
    }
    for road, gradient in found.items():
        assert gradient.dtype == np.float16, road
        np.testing.assert_array_equal(gradient, np.full(shape, 5000), err_msg=road)
    read = tg.Node(np.ones(3, np.float16))
    sum([read[0] * 1.0 for _ in range(5000)]).backward()
    np.testing.assert_array_equal(read.grad, [5000, 0, 0])


@pytest.mark.parametrize("seed", [None, np.ones(1, np.float16)], ids=["no seed", "a seed"])
def test_what_arrives_at_a_root_of_one_entry_is_float32(seed):
    """On its way back the gradient is 90,000, more than float16 can hold; what arrives at x is 90."""
    x = tg.Node(np.ones(1, HALF))
    y = x * np.array([1e-3], HALF) * np.array([300], HALF) * np.array([300], HALF)
    y.backward(seed)
    assert x.grad.dtype == HALF
    np.testing.assert_allclose(x.grad, [90], rtol=1e-3)
