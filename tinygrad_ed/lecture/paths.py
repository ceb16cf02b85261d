"""The paths from a neuron to the cost: counted, added up, and the heaviest found, without a list of them.

There are n_{j+1} · … · n_L of them. But a path from layer i-1 is a connection and then a path from layer i. So counts
and sums go from the cost down, layer by layer; and the heaviest paths of a neuron begin with a connection, and go on
with one of the heaviest of the neuron where it ends.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.closed_form.derivatives import Array


class Path(NamedTuple):
    """A way from the activation of a neuron to the cost."""

    neurons: tuple[tuple[int, int], ...]  # on it after the first, as (layer, neuron); layers from 1, neurons from 0
    factors: tuple[float, ...]  # for each of these neurons the weight and Φ', at the end ∂C/∂a

    @property
    def product(self) -> float:
        """What the path carries: the product of its factors."""
        return math.prod(self.factors)


@dataclass(frozen=True)
class Paths:
    """All paths from a neuron to the cost."""

    count: int
    alive: int  # how many of them carry something: no factor is zero
    raising: float  # the sum of all positive products
    lowering: float  # the sum of all negative products
    heaviest: tuple[Path, ...]  # those with the largest products, by absolute value, in that order

    @property
    def total(self) -> float:
        """The sum of all products: P of the neuron."""
        return self.raising + self.lowering


def paths_of(omega: Mapping[int, Array], dphi: Mapping[int, Array], C_by_a: Array, j: int, k: int, most: int) -> Paths:
    """Return the paths from neuron k (from 0) of layer j to the cost, and the heaviest, at most so many.

    Of the weights and slopes Φ'(ζ), by layer, those above j are used; `C_by_a` is ∂C/∂a^L, `(n_L,)`.

    >>> omega, dphi = {2: np.array([[2.0, -3.0]])}, {2: np.array([1.0, 0.5])}
    >>> found = paths_of(omega, dphi, np.array([1.0, 4.0]), 1, 0, 5)
    >>> found.count, found.raising, found.lowering, [path.product for path in found.heaviest]
    (2, 2.0, -6.0, [-6.0, 2.0])
    """
    count, above = 1, np.abs(C_by_a)[:, np.newaxis]
    alive = (C_by_a != 0).astype(object)
    raising, lowering = np.maximum(C_by_a, 0), np.minimum(C_by_a, 0)
    ways: dict[int, Any] = {}
    for i in range(max(omega), j, -1):
        slopes = omega[i] * dphi[i]
        up, down = np.maximum(slopes, 0), np.minimum(slopes, 0)
        count *= len(dphi[i])
        alive = (slopes != 0).astype(object) @ alive
        raising, lowering = up @ raising + down @ lowering, up @ lowering + down @ raising
        weights = (np.abs(slopes)[:, :, np.newaxis] * above).reshape(len(slopes), -1)
        best = np.argsort(-weights, axis=1, kind="stable")[:, :most]
        ways[i] = np.stack(np.divmod(best, above.shape[1]), axis=-1)  # the next neuron, and which of its paths
        above = np.take_along_axis(weights, best, axis=1)
    heaviest = []
    for place in range(above.shape[1]):
        at, neurons, factors = k, [], []
        for i in sorted(ways):
            start, (at, place) = at, ways[i][at, place].tolist()
            neurons.append((i, at))
            factors += [float(omega[i][start, at]), float(dphi[i][at])]
        heaviest.append(Path(tuple(neurons), (*factors, float(C_by_a[at]))))
    return Paths(count, int(alive[k]), float(raising[k]), float(lowering[k]), tuple(heaviest))
