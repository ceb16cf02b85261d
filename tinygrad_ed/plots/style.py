"""The one look of all plots: colors, lines and marks that also work in gray and for any kind of color vision.

The colors are the blue, vermilion and green of Okabe and Ito (2008), a purple that is dark enough for a line on white,
and black. A series also has a line and a mark of its own, so that no meaning is carried by color alone. Matplotlib
(extra `plots`) is imported here, and only when something is drawn.
"""

from typing import TYPE_CHECKING, Any

from tinygrad_ed.errors import InvalidType, MissingExtra
from tinygrad_ed.notation.writing import LECTURE, Writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
else:
    Axes = Any  # so that the other files can name it without Matplotlib

SERIES = ("#0072b2", "#d55e00", "#009e73", "#b0508c", "#1b1f24")
LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), ":")
MARKS = ("o", "s", "^", "D", "v", "P")
INK, QUIET, GRID = "#1b1f24", "#5f6873", "#e3e6ea"


def axes(ax: "Axes | None", size: tuple[float, float] = (6.0, 4.0)) -> "Axes":
    """Return `ax`, or the axes of a new figure of this size in inches."""
    if ax is not None:
        if not hasattr(ax, "set_xlabel"):
            raise InvalidType(f"ax is one pair of matplotlib's axes, such as plt.subplots()[1], not {ax!r}")
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingExtra(
            'plots need matplotlib; install it with: python -m pip install "tinygrad_ed[plots]"'
        ) from None
    return plt.subplots(figsize=size, layout="constrained")[1]


def dressed(ax: "Axes", title: str, x: str, y: str, *, legend: bool = False, write: Writing = LECTURE) -> "Axes":
    """Give the axes a title, labels and quiet lines, and return them; a legend stands below, not on the data."""
    ax.set_title(write.text(title), loc="left", fontsize=11, color=INK)
    ax.set_xlabel(write.text(x))
    ax.set_ylabel(write.text(y))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    if legend:
        handles, labels = ax.get_legend_handles_labels()
        said = [write.text(str(label)) for label in labels]
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "borderaxespad": 4.2}
        ax.legend(handles, said, frameon=False, fontsize=9, ncols=2 if len(said) < 6 else 3, **place)
        figure = ax.get_figure(root=True)
        if figure is not None and figure.get_layout_engine() is None:
            figure.set_layout_engine("constrained")  # it makes room for the legend
    return ax


def series(k: int) -> dict[str, Any]:
    """Return color and line of the k-th series, as keywords for `ax.plot`."""
    return {"color": SERIES[k % len(SERIES)], "linestyle": LINES[k % len(LINES)], "linewidth": 1.8}


def marks(color: str, marker: str, size: float, **more: Any) -> dict[str, Any]:
    """Return keywords for `ax.plot` that draw marks without a line."""
    return {"color": color, "marker": marker, "markersize": size, "linestyle": "none", **more}


def dots(k: int, size: float = 6.0) -> dict[str, Any]:
    """Return color and mark of the k-th group of points, as keywords for `ax.plot`."""
    edge = {"markeredgecolor": "white", "markeredgewidth": 0.5}
    return marks(SERIES[k % len(SERIES)], MARKS[k % len(MARKS)], size, **edge)
