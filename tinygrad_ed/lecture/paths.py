"""The paths from a neuron to the cost: counted, added up, and the heaviest found, without a list of them.

There are n_{j+1} · … · n_L of them. But a path from layer i-1 is a connection and then a path from layer i. So counts
and sums go from the cost down, layer by layer; and the heaviest paths of a neuron begin with a connection, and go on
with one of the heaviest of the neuron where it ends.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_ed.closed_form.derivatives import Array

Places = NDArray[np.intp]


class Path(NamedTuple):
    """A way from the activation of a neuron to the cost.

    Attributes:
        neurons: the neurons on it after the first, as `(layer, neuron)`; layers from 1, neurons from 0.
        factors: the local derivatives on it: for each of these neurons the weight and Φ', at the end ∂C/∂a.
    """

    neurons: tuple[tuple[int, int], ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """What the path carries: the product of its factors."""
        return math.prod(self.factors)


@dataclass(frozen=True)
class Paths:
    """All paths from a neuron to the cost.

    Attributes:
        count: how many there are.
        alive: how many of them carry something: no factor is zero.
        raising: the sum of all positive products.
        lowering: the sum of all negative products.
        heaviest: the paths with the largest products, by absolute value, in that order.
    """

    count: int
    alive: int
    raising: float
    lowering: float
    heaviest: tuple[Path, ...]

    @property
    def total(self) -> float:
        """The sum of all products: P of the neuron."""
        return self.raising + self.lowering


def paths_of(omega: Mapping[int, Array], dphi: Mapping[int, Array], C_by_a: Array, j: int, k: int, most: int) -> Paths:
    """Return the paths from neuron k of layer j to the cost.

    Args:
        omega: the weights by layer, up to L; only those above j are used.
        dphi: Φ'(ζ) by layer.
        C_by_a: ∂C/∂a^L, `(n_L,)`.
        j: the layer of the neuron, from 1.
        k: its place there, from 0.
        most: how many of the heaviest are returned.

    >>> omega, dphi = {2: np.array([[2.0, -3.0]])}, {2: np.array([1.0, 0.5])}
    >>> found = paths_of(omega, dphi, np.array([1.0, 4.0]), 1, 0, 5)
    >>> found.count, found.raising, found.lowering, [path.product for path in found.heaviest]
    (2, 2.0, -6.0, [-6.0, 2.0])
    """
    count, above = 1, np.abs(C_by_a)[:, np.newaxis]
    alive = (C_by_a != 0).astype(object)
    raising, lowering = np.maximum(C_by_a, 0), np.minimum(C_by_a, 0)
    ways: dict[int, Places] = {}
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
    heaviest = [_path(omega, dphi, C_by_a, ways, j, k, place) for place in range(above.shape[1])]
    return Paths(count, int(alive[k]), float(raising[k]), float(lowering[k]), tuple(heaviest))


def _path(
    omega: Mapping[int, Array],
    dphi: Mapping[int, Array],
    C_by_a: Array,
    ways: Mapping[int, Places],
    j: int,
    k: int,
    place: int,
) -> Path:
    """Follow one of the heaviest paths upwards."""
    neurons, factors = [], []
    for i in sorted(ways):
        below, (k, place) = k, ways[i][k, place].tolist()
        neurons.append((i, k))
        factors += [float(omega[i][below, k]), float(dphi[i][k])]
    return Path(tuple(neurons), (*factors, float(C_by_a[k])))
