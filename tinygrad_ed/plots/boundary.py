"""The decision boundary of a classifier with two inputs, with the data on it."""

from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue, ShapeError, whole_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import numbers, written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.plots.style import INK, SERIES, Axes, axes, dots, dressed, marks


def decision_boundary(
    mlp: MLP, x: Any, y: Any, ax: "Axes | None" = None, *, resolution: int = 200, notation: Notation = "lecture"
) -> "Axes":
    """Draw which class the network gives to each point of the plane, and the samples.

    With one output the class is its sign; the boundary is where the output is 0. With several it is the largest
    output, and the boundary is where the two largest are equal. Samples that lie on the wrong side have a ring.

    Args:
        mlp: a network with two inputs.
        x: the inputs `(M, 2)`.
        y: class numbers `(M,)`, labels -1 and +1 (`(M,)` or `(M, 1)`), or one-hot rows `(M, classes)`.
        ax: where to draw; a new figure by default.
        resolution: points of the grid along each side.
        notation: the letters: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict such as `{"B": "δ"}`.

    Returns:
        The axes.

    Raises:
        ShapeError: for a network that has not two inputs, or data that do not fit.
        InvalidValue: for labels that are no classes of this network.
        MissingExtra: without matplotlib.

    >>> from tinygrad_ed.data import xor
    >>> data = xor(20)
    >>> decision_boundary(MLP([2, 3, 2], rng=0), data.x, data.y).get_xlabel()
    'α⁰₁'
    """
    if mlp.sizes[0] != 2:
        raise ShapeError(f"a decision boundary is drawn in the plane of 2 inputs, but {mlp!r} takes {mlp.sizes[0]}")
    x = numbers("x", x)
    if x.ndim != 2 or x.shape[1] != 2 or len(x) == 0:
        raise ShapeError(f"x must be (M, 2), a point of the plane a row, but has shape {x.shape}")
    write = written_in(notation, len(mlp.layers))
    classes = _classes(mlp, numbers("y", y), len(x))
    resolution = whole_number("resolution", resolution, 2)

    middle, half = (x.max(axis=0) + x.min(axis=0)) / 2, (x.max(axis=0) - x.min(axis=0)) / 2 * 1.15 + 1e-9
    across, up = np.linspace(middle - half, middle + half, resolution).T
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    output = mlp.predict(grid)
    ax = axes(ax, (5.4, 4.6))
    for k in range(output.shape[1]):
        levels, colors, score = [-np.inf, 0.0, np.inf], list(SERIES[:2]), output[:, 0]
        if output.shape[1] > 1:  # how far output k is above the best of the others
            levels, colors = [0.0, np.inf], [SERIES[k % len(SERIES)]]
            score = output[:, k] - np.delete(output, k, axis=1).max(axis=1)
        score = score.reshape(resolution, resolution)
        ax.contourf(across, up, score, levels, colors=colors, alpha=0.18)
        if score.min() < 0 < score.max():  # matplotlib warns of a contour that is not there
            ax.contour(across, up, score, [0.0], colors=INK, linewidths=1.2)
    answers = mlp.predict(x)
    found = answers[:, 0] >= 0 if mlp.sizes[-1] == 1 else answers.argmax(axis=1)
    labels = ["label −1", "label +1"] if mlp.sizes[-1] == 1 else [f"class {k}" for k in range(mlp.sizes[-1])]
    for k, label in enumerate(labels):
        ax.plot(*x[classes == k].T, label=label, **dots(k))
    wrong = x[found != classes]
    if len(wrong):
        ax.plot(*wrong.T, label=f"wrong side ({len(wrong)})", **marks(INK, "o", 11, markerfacecolor="none"))
    title = f"Decision boundary: {np.mean(found == classes):.1%} of {len(x)} right"
    dressed(ax, title, "α⁰₁", "α⁰₂", legend=True, write=write)
    ax.grid(False)
    return ax


def _classes(mlp: MLP, y: Array, samples: int) -> Array:
    """Return class numbers: 0 and 1 for the labels -1 and +1 of a network with one output."""
    n = mlp.sizes[-1]
    if y.shape not in ((samples,), (samples, n)):
        raise ShapeError(f"y must hold a class of each of the {samples} samples, shape ({samples},), not {y.shape}")
    if n == 1:
        wrong = y[np.abs(y) != 1]
        if wrong.size:
            raise InvalidValue(
                f"a network with one output tells the labels -1 and +1 apart, but y holds {wrong.flat[0]}; "
                "map classes 0 and 1 by 2 * y - 1"
            )
        return np.asarray(y.reshape(-1) > 0, int)
    if y.ndim == 2:
        return np.asarray(y.argmax(axis=1))
    wrong = y[(y != np.floor(y)) | (y < 0) | (y >= n)]
    if wrong.size:
        raise InvalidValue(f"y holds {wrong[0]}, but this network has the classes 0 to {n - 1}")
    return y.astype(int)
