"""The plots of `tinygrad-ed train --plots`: the cost, and the answers to the rows that were held out."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_ed.cli.demo import writable
from tinygrad_ed.data.files import write_whole
from tinygrad_ed.errors import MissingExtra
from tinygrad_ed.plots import cost_curves, decision_boundary
from tinygrad_ed.plots.style import INK, axes, dots, dressed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tinygrad_ed.train.table import TableResult

MANY = 30  # classes: the numbers in the squares would be too small to read


def check(folder: Path) -> Path:
    """See that plots can be drawn and written, and make the folder."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingExtra(
            '--plots needs matplotlib; install it with: python -m pip install "tinygrad_ed[plots]"'
        ) from None
    plt.switch_backend("agg")  # files, no windows
    return writable(folder, *[f"{name}.png" for name in ("cost", "answers", "confusion", "boundary")])


def write(result: "TableResult", folder: Path) -> list[Path]:
    """Write the plots of a training; return their files."""
    import matplotlib.pyplot as plt

    draw: dict[str, Callable[[TableResult], Axes]] = {"cost": lambda result: cost_curves(result.history)}
    if result.network.classes is None:
        draw["answers"] = answers
    else:
        draw["confusion"] = confusion
        if result.mlp.sizes[0] == 2:
            draw["boundary"] = boundary
    for name, plot in draw.items():
        plot(result)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph", UserWarning)  # a letter that the font lacks
            plt.savefig(drawn := io.BytesIO(), format="png", dpi=150)
        plt.close()
        write_whole(folder / f"{name}.png", drawn.getvalue())
    return [folder / f"{name}.png" for name in draw]


def answers(result: "TableResult") -> "Axes":
    """Draw what the network answers against what was expected, for a target of numbers."""
    expected, found = result.held_out.y, result.network.predict(result.held_out.x)
    ends = [min(expected.min(), found.min()), max(expected.max(), found.max())]
    ax = axes(None, (4.8, 4.6))
    ax.plot(ends, ends, color=INK, linewidth=1.0, label="exact")
    ax.plot(expected, found, label="rows held out", **dots(0, 4.5))
    score = result.score
    title = f"Answers to {score.rows} rows held out: {score.measure} {score.value:.3g}"
    target = _plain(result.network.target)
    return dressed(ax, title, f"{target}, expected", f"{target}, answered", legend=True)


def confusion(result: "TableResult") -> "Axes":
    """Draw how often each class was answered for each that was expected."""
    classes = result.held_out.classes or ()
    n = len(classes)
    numbers = {name: k for k, name in enumerate(classes)}
    found = [numbers[name] for name in result.network.predict(result.held_out.x)]
    counts = np.zeros((n, n), int)
    np.add.at(counts, (result.held_out.y, np.array(found)), 1)
    side = min(3.2 + 0.35 * n, 12.0)
    ax = axes(None, (side, side))
    ax.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0.0, vmax=1.6)
    for row, column in np.argwhere(counts) if n <= MANY else ():
        ax.text(column, row, str(counts[row, column]), ha="center", va="center", color=INK, fontsize=9)
    names = list(map(_plain, classes))
    ax.set_xticks(range(n), names, rotation=90 if max(map(len, classes)) > 3 else 0)
    ax.set_yticks(range(n), names)
    target = _plain(result.network.target)
    dressed(ax, f"Rows held out: {result.score.value:.1%} right", f"{target}, answered", f"{target}, expected")
    ax.grid(False)
    return ax


def boundary(result: "TableResult") -> "Axes":
    """Draw the decision boundary between two inputs, on the rows that were learned from."""
    network = result.network
    x = network.inputs.applied(result.train.x, network.features)
    ax = decision_boundary(network.mlp, x, result.train.y)
    labels = {f"class {k}": _plain(name) for k, name in enumerate(network.classes or ())}
    legend = ax.get_legend()
    for text in legend.get_texts() if legend else ():
        text.set_text(labels.get(text.get_text(), text.get_text()))
    ax.set_xlabel(f"{_plain(network.features[0])}, standardized")
    ax.set_ylabel(f"{_plain(network.features[1])}, standardized")
    return ax


def _plain(text: str) -> str:
    """Return a name as it is: between dollars matplotlib would set mathematics."""
    return text.replace("$", r"\$")
