"""The noise of mini-batch gradients: their variance against the size of the batch."""

from typing import Any

import numpy as np

from tinygrad_ed.errors import ShapeError
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.plots.style import INK, SERIES, Axes, axes, dressed, marks


def gradient_noise(
    batch_sizes: Any, variance: Any, band: Any = None, exact: Any = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw the variance of the mini-batch gradient over M, both axes logarithmic.

    Args:
        batch_sizes: M, `(K,)`.
        variance: the measured variance for each M, `(K,)`.
        band: how far the measured number may be off to both sides, `(K,)`.
        exact: what theory says, such as σ²/M, `(K,)`; drawn as a line.
        ax: where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        ShapeError: for lists of different lengths.
        MissingExtra: without matplotlib.

    >>> ax = gradient_noise([1, 2, 4], [1.1, 0.5, 0.26], exact=[1.0, 0.5, 0.25])
    >>> [line.get_label() for line in ax.lines], ax.get_xscale()
    (['exact', 'measured'], 'log')
    """
    given = {"batch_sizes": batch_sizes, "variance": variance, "band": band, "exact": exact}
    data = {name: numbers(name, values) for name, values in given.items() if values is not None}
    if len({array.shape for array in data.values()}) != 1 or data["variance"].ndim != 1:
        shapes = ", ".join([f"{name} {array.shape}" for name, array in data.items()])
        raise ShapeError(f"batch_sizes, variance, band and exact must be lists of one length, but are {shapes}")
    ax = axes(ax)
    if exact is not None:
        ax.plot(data["batch_sizes"], data["exact"], color=INK, linewidth=1.4, label="exact")
    style = marks(SERIES[0], "o", 5, label="measured")
    if band is None:
        ax.plot(data["batch_sizes"], data["variance"], **style)
    else:
        ax.errorbar(data["batch_sizes"], data["variance"], data["band"], capsize=3, elinewidth=1.2, **style)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    sizes = np.unique(data["batch_sizes"])
    ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
    return dressed(ax, "Noise of the mini-batch gradient", "batch size M", "variance of the gradient", legend=True)
