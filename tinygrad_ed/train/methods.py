"""Which samples an update sees: all N (gradient descent), one (SGD) or M (mini-batch; lecture, section 1)."""

import math
from collections.abc import Iterator

import numpy as np

from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import chosen

METHODS = ("gradient", "sgd", "minibatch")
SAMPLINGS = ("uniform", "shuffle")


def batches(method: str, n: int, batch_size: int, sampling: str, rng: np.random.Generator) -> Iterator[Array | slice]:
    """Yield the samples of each update of one epoch, as an index into the data.

    With sampling "uniform" every sample is drawn with replacement, as on the slides: mini-batch does ceil(N/M)
    updates of M samples each. With "shuffle" an epoch sees every sample once, and the last batch may be smaller.
    Gradient descent always takes all samples.

    Raises:
        InvalidValue: for an unknown method or sampling.

    >>> rng = np.random.default_rng(0)
    >>> [len(batch) for batch in batches("minibatch", 10, 4, "shuffle", rng)]
    [4, 4, 2]
    >>> [len(batch) for batch in batches("minibatch", 10, 4, "uniform", rng)]
    [4, 4, 4]
    """
    check_method(method, sampling)
    if method == "gradient":
        yield slice(None)
        return
    size = 1 if method == "sgd" else batch_size
    if sampling == "uniform":
        yield from rng.integers(0, n, (updates_an_epoch(method, n, batch_size), size))
    else:
        order = rng.permutation(n)
        for start in range(0, n, size):
            yield order[start : start + size]


def updates_an_epoch(method: str, n: int, batch_size: int) -> int:
    """Return how many updates an epoch has: 1, N, or N/M rounded up."""
    return {"gradient": 1, "sgd": n}.get(method, math.ceil(n / batch_size))


def check_method(method: str, sampling: str) -> None:
    """Refuse an unknown method or sampling; the message suggests the nearest."""
    chosen("method", method, dict.fromkeys(METHODS))
    chosen("sampling", sampling, dict.fromkeys(SAMPLINGS))
