"""The gradient in pictures: how large its entries are, layer by layer, and how noisy that of a mini-batch is."""

from typing import Any

import numpy as np

from tinygrad_ed.closed_form import rules
from tinygrad_ed.errors import ShapeError, whole_number
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import numbers, written_in
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.plots.style import INK, SERIES, Axes, axes, dressed, marks

TALL = 0.82  # of the distance between two layers: the highest bar


def gradient_histograms(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    ax: "Axes | None" = None,
    *,
    bins: int = 30,
    notation: Notation = "lecture",
) -> "Axes":
    """Draw for each layer a histogram of log10 |∂E/∂ω|, one above the other, and the median of each.

    Layers whose histograms lie far to the left learn slowly (vanishing gradients). Entries that are exactly 0 have no
    logarithm; how many there are stands beside the layer.

    Args:
        mlp: the network.
        x: the inputs `(M, n_0)`.
        rho: the expected outputs, as in `fit`.
        cost: the name of the cost.
        ax: where to draw; a new figure by default.
        bins: bars of each histogram.
        notation: the letters: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict such as `{"B": "δ"}`.

    Returns:
        The axes; layer j stands on the height j.

    Raises:
        InvalidValue, InvalidType, ShapeError: as `MLP.problem`.
        MissingExtra: without matplotlib.

    >>> from tinygrad_ed.data import moons
    >>> ax = gradient_histograms(MLP([2, 8, 8, 2], rng=0), *moons(20), cost="cross_entropy")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['layer 1', 'layer 2', 'layer 3']
    """
    book = rules.quantities(*mlp.problem(x, rho, cost))
    write = written_in(notation, len(mlp.layers))
    bins, L = whole_number("bins", bins), len(mlp.layers)
    sizes = {j: np.abs(np.ravel(book[f"grad_omega[{j}]"])).astype(float) for j in range(1, L + 1)}
    logs = {j: np.log10(entries[entries > 0]) for j, entries in sizes.items()}
    together = np.concatenate(list(logs.values()))
    low, high = (together.min(), together.max()) if together.size else (-1.0, 0.0)
    edges = np.linspace(low, max(high, low + 1e-3), bins + 1)

    ax = axes(ax, (6.0, 1.3 + 0.9 * L))
    for j, entries in logs.items():
        counts, _ = np.histogram(entries, edges)
        heights = TALL * counts / max(counts.max(), 1)
        ax.stairs(j + heights, edges, baseline=j, fill=True, color=SERIES[0], alpha=0.35)
        ax.stairs(j + heights, edges, baseline=j, color=SERIES[0], linewidth=1.2)
        said = f"{sizes[j].size} weights"
        if entries.size:
            ax.plot([np.median(entries)] * 2, [j, j + TALL], color=INK, linewidth=1.4)
            said += f", median {10 ** np.median(entries):.1e}"
        if entries.size < sizes[j].size:
            said += f", {sizes[j].size - entries.size} exactly 0"
        ax.annotate(said, (0.01, j + 0.89), xycoords=("axes fraction", "data"), fontsize=8, color=INK, va="center")
    ax.set_yticks(range(1, L + 1), [f"layer {j}" for j in range(1, L + 1)])
    ax.set_ylim(0.9, L + 1.1)
    dressed(ax, "Gradient of the weights, layer by layer", "log₁₀ |∂E/∂ω|", "", write=write)
    ax.grid(False, axis="y")
    return ax


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
