"""Weights of a reader's own, checked: matrices that follow one another, each with its bias."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError
from tinygrad_ed.graph.values import Array, Plain
from tinygrad_ed.nn.checks import chosen, numbers


class Given(NamedTuple):
    """A layer's numbers."""

    weights: Array  # (n_in, n_out)
    bias: Array | None


def chained(weights: Sequence[Plain], biases: Sequence[Plain | None] | None, layout: str) -> list[Given]:
    """Return the layers that `MLP.from_weights` was given, or say what does not fit."""
    turned = chosen("layout", layout, {"rows": False, "columns": True})
    if not np.iterable(weights) or not np.iterable([] if biases is None else biases):
        raise InvalidType("weights is a list of matrices, one for each layer, and biases a list of vectors")
    given = [numbers(f"the weights of layer {j}", w) for j, w in enumerate(weights, start=1)]
    if not given:
        raise InvalidValue("from_weights needs the weights of at least one layer")
    for j, matrix in enumerate(given, start=1):
        if matrix.ndim != 2:
            raise ShapeError(f"the weights of layer {j} are a matrix, but got shape {matrix.shape}")
    matrices = [matrix.T if turned else matrix for matrix in given]
    for j, (above, below) in enumerate(pairwise(matrices), start=2):
        if below.shape[0] != above.shape[1]:
            raise ShapeError(
                f"layer {j} has weights of shape {given[j - 1].shape}, which take {below.shape[0]} inputs, but "
                f"layer {j - 1} gives {above.shape[1]}"
            )
    if biases is None:
        return [Given(matrix, np.zeros(matrix.shape[1], matrix.dtype)) for matrix in matrices]
    if len(biases) != len(matrices):
        raise ShapeError(f"there are {len(matrices)} matrices of weights, but {len(biases)} biases")
    return [
        Given(matrix, None if bias is None else _row(f"the bias of layer {j}", bias, matrix.shape[1]))
        for j, (matrix, bias) in enumerate(zip(matrices, biases, strict=True), start=1)
    ]


def _row(name: str, bias: Plain, width: int) -> Array:
    """Return a bias as it is, or a row or column of one as a vector."""
    array = numbers(name, bias)
    return array.ravel() if array.shape in ((1, width), (width, 1)) else array
