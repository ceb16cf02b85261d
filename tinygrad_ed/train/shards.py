"""The gradient of a batch by several workers: that of the whole is the mean of the shards', weighted by their sizes.

    ∇E over M samples = Σ over the shards of (M_k / M) ∇E over the M_k samples of shard k

The batch is cut into a number of shards that does not depend on the workers of the executor, and the sum is taken in
their order. So the numbers depend neither on the workers nor on who is first. An executor does not say which worker
takes a call: the data go along with the first calls, a worker keeps them, and one that has not seen them says so and
is sent them then. So they travel about once a worker, not once an update.
"""

import copy
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tinygrad_ed.errors import InvalidType, WorkerLost, shown
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.train.gradients import ROADS, Gradients
from tinygrad_ed.train.stored import Rows

KEPT = 4  # how many runs a worker remembers the data of: the oldest go first

_HERE = threading.local()  # a worker's memory; of each thread, for two must not compute in the same buffers


class Data(NamedTuple):
    """What a worker needs to have once."""

    mlp: MLP
    x: Rows
    rho: Rows
    cost: str
    road: str
    weights: Array | None = None


class Answer(NamedTuple):
    """A shard's mean cost and gradient, and how many samples they are the mean of."""

    samples: int
    error: float
    gradient: Array


class ByShards(Gradients):
    """As the other roads to the gradient (`gradients.py`), but with an executor's workers."""

    def __init__(self, data: Data, executor: Executor, shards: int) -> None:
        if isinstance(executor, type) or not callable(getattr(executor, "submit", None)):
            raise InvalidType(
                f"executor must be a concurrent.futures.Executor, such as ProcessPoolExecutor(4), not {shown(executor)}"
            )
        super().__init__(data.mlp, data.x, data.rho, data.weights)
        self._data, self._executor, self._shards = data, executor, shards
        self._token, self._sent = uuid.uuid4().hex, False

    def compute(self, batch: Array | slice, scale: float) -> float:
        """Compute as `Gradients.compute` says; where a part is lost there is no gradient, and no mean of the rest."""
        rows = range(self.samples) if isinstance(batch, slice) else batch
        cuts = np.linspace(0, len(rows), min(self._shards, len(rows)) + 1).astype(int).tolist()
        parts = [rows[start:stop] for start, stop in pairwise(cuts)]
        error, gradient = 0.0, self.arena.gradient
        gradient[:] = 0
        for part, answer in zip(parts, self._answers(parts), strict=True):
            if not isinstance(answer, Answer) or answer.gradient.shape != gradient.shape or answer.samples != len(part):
                raise self._lost(f"asked for the gradient of {len(part)} samples it gave {shown(answer)}")
            share = self.counts(np.asarray(part)) / self.counts(batch)
            error += share * answer.error
            np.add(gradient, share * answer.gradient, gradient)
        np.multiply(gradient, scale, gradient)
        return error

    def _answers(self, parts: Sequence[Array | range]) -> list[Answer | None]:
        """Ask for all parts at once; send the data to workers that do not have them."""
        theta, known = self.arena.theta, None if self._sent else self._data
        calls: list[Future[Answer | None]] = []
        try:
            calls.extend(self._executor.submit(shard_gradient, self._token, known, theta, part) for part in parts)
            answers = [call.result() for call in calls]
            missing = [k for k, answer in enumerate(answers) if answer is None]
            calls = [self._executor.submit(shard_gradient, self._token, self._data, theta, parts[k]) for k in missing]
            for k, call in zip(missing, calls, strict=True):
                answers[k] = call.result()
        except Exception as error:
            raise self._lost(f"{type(error).__name__}: {error}") from error
        finally:
            for call in calls:
                call.cancel()
        self._sent = True
        return answers

    def _lost(self, why: str) -> WorkerLost:
        return WorkerLost(
            f"a worker of the executor was lost or failed, and its part of the gradient with it: {why}. This update "
            "was not made, and the network has the weights of the last whole epoch; go on with a new executor "
            "(with checkpoint=... and resume=True from there)"
        )


def shard_gradient(token: str, data: Data | None, theta: Array, rows: Array | range) -> Answer | None:
    """Return the mean cost and gradient of some samples: what a worker is called for.

    The token says of which run. Without its data, where they are not here already, the answer is None: ask again with
    them.
    """
    memory: dict[str, Gradients] = _HERE.__dict__.setdefault("memory", {})
    if token not in memory:
        if data is None:
            return None
        mlp = copy.deepcopy(data.mlp)  # the road "graph" writes into it, and threads share the one that was sent
        memory[token] = ROADS[data.road](mlp, data.x, data.rho, data.cost, data.weights)
        while len(memory) > KEPT:
            del memory[next(iter(memory))]
    gradients = memory[token]
    gradients.arena.theta[:] = theta
    batch = np.arange(rows.start, rows.stop) if isinstance(rows, range) else rows
    with np.errstate(all="ignore"):  # as in `fit`: what overflows ends in Diverged
        error = gradients.compute(batch, 1.0)
    return Answer(len(batch), error, gradients.arena.gradient.copy())
