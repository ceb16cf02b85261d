"""The whole mission once, on real data: train, cross-check, draw. This is `tinygrad-ed demo`.

Everything is computed by the public functions that a reader would call; the numbers are printed, the
pictures and the table are written into one folder.
"""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed import draw
from tinygrad_ed.checking.crosscheck import crosscheck
from tinygrad_ed.data import Dataset, digits
from tinygrad_ed.data.files import writable as file_to_write
from tinygrad_ed.data.files import write_whole
from tinygrad_ed.draw.equations import words
from tinygrad_ed.draw.picture import of_scene
from tinygrad_ed.draw.scene import Box, Item, Scene, Text
from tinygrad_ed.draw.style import COLORS, FORWARD_FILL, INK, LINE, PAPER, QUIET, WRONG, WRONG_FILL
from tinygrad_ed.errors import FileProblem, MissingExtra
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.train import History, fit


def run(folder: str | Path, seed: int = 0, progress: bool | None = None) -> bool:
    """Run the demo, write its files into `folder`, and return whether all roads agreed."""
    folder = writable(Path(folder), "crosscheck.txt")
    train, test = digits().split(0.25, rng=seed)
    mlp = MLP([64, 32, 10], activation="tanh", rng=seed)

    print(f"1. Training a 64-32-10 network on handwritten digits: {len(train)} to learn from, {len(test)} held out.\n")
    how: dict[str, Any] = {"cost": "cross_entropy", "batch_size": 32, "learning_rate": 0.5, "epochs": 40}
    history = fit(mlp, train.x, train.rho, **how, rng=seed, progress=progress)
    print(_falling(history))
    print(f"\n   {history}")
    right = np.mean(mlp.predict(test.x).argmax(axis=1) == test.y)
    print(f"   Of the digits it never saw, it reads {right:.1%} correctly.\n")

    print("2. Four roads to the gradient of this network, on 8 of the digits:\n")
    check = crosscheck(mlp, test.x[:8], test.rho[:8], cost="cross_entropy")
    print(textwrap.indent(str(check), "   "))
    write_whole(folder / "crosscheck.txt", f"{check}\n".encode())

    print("\n3. The network that was trained, on one of these digits, drawn with its numbers:\n")
    written, lesson = _pictures(folder, mlp, history, test)
    print("\n".join([f"   {name:<14} {what}" for name, what in written]))
    if lesson:
        print(f"\n   {lesson}")
    print(f"\nAll of it is in {folder.resolve()}")
    return check.agree


def _pictures(folder: Path, mlp: MLP, history: History, test: Dataset) -> tuple[list[tuple[str, str]], str]:
    """Draw the network in each view; return the files with what they show, and why some are missing."""
    x, rho, cost = test.x[0], test.rho[0], "cross_entropy"
    error = costs.find(cost)(mlp(x), rho)
    error.backward()
    files = ("svg", "png", "pdf", "dot")
    learned = of_scene("What was learned", lambda: learning(mlp, history, test), None)
    views = {
        "learning": (learned, ("svg",), "the cost, digits with the answers, and a table of which is taken for which"),
        "graph": (draw.graph(error, detail="tensor"), files, "the computational graph with values and gradients"),
        "network": (draw.network(mlp, x, rho, cost), files, "the network with the lecture's letters"),
        "compare": (draw.compare(mlp, x, rho, cost), ("html",), "graph and rules side by side, for a browser"),
        "player": (draw.player(mlp, x, rho, cost), ("html",), "forward and backward step by step, for a browser"),
    }
    written, lesson = [], ""
    for view, (picture, suffixes, what) in views.items():
        for suffix in suffixes:
            name = f"{view}.{suffix}"
            try:
                picture.save(folder / name)
                written.append((name, what))
            except MissingExtra as missing:
                written.append((name, "left out: no layout engine"))
                lesson = lesson or str(missing)
    return written, lesson


def learning(mlp: MLP, history: History, test: Dataset) -> Scene:
    """Draw the cost of each epoch, ten digits with what the network reads, the wrong ones first, and how often."""
    read = mlp.predict(test.x).argmax(axis=1)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (test.y, read), 1)
    title = f"What was learned: {np.mean(read == test.y):.1%} of {len(test)} digits it never saw are read correctly"
    items: list[Item] = [Text(30, 40, words(title), 18, anchor="start", bold=True)]
    items.append(Text(30, 70, words(f"cost over {len(history.cost)} epochs"), 13, anchor="start"))
    for k, cost in enumerate(history.cost):
        high = max(1.0, 180 * cost / max(history.cost))
        items.append(Box(30 + 8 * k + 3, 270 - high / 2, 6, high, COLORS["alpha"]))
    items.append(Text(30, 290, words(f"{history.cost[0]:.3f} to {history.cost[-1]:.4f}"), 12, QUIET, "start"))
    for k, i in enumerate(np.argsort(read == test.y, kind="stable")[:10]):
        left, top = 30 + 66 * (k % 5), 330 + 90 * (k // 5)
        for (row, column), ink in np.ndenumerate(test.x[i].reshape(8, 8)):
            side = 6 * float(np.sqrt(ink))
            items += [Box(left + 6 * column + 3, top + 6 * row + 3, side, side, INK)] if ink else []
        right = bool(read[i] == test.y[i])
        said = words(f"{'✓' if right else '✗'} read as {read[i]}")
        items.append(Text(left, top + 66, said, 11.5, INK if right else WRONG, "start"))
    items.append(Text(420, 70, words("digit (row) read as (column)"), 13, anchor="start"))
    for (row, column), n in np.ndenumerate(counts):
        fill = FORWARD_FILL if row == column else WRONG_FILL if n else PAPER
        x, y = 460 + 40 * column, 124 + 40 * row
        items += [Box(x, y, 38, 38, fill, LINE), Text(x, y + 5, words(str(n) if n else ""), 14)]
    for k in range(10):
        items += [Text(*at, words(str(k)), 13, bold=True) for at in ((460 + 40 * k, 96), (428, 129 + 40 * k))]
    return Scene(850, 530, "What was learned", title, items)


def _falling(history: History) -> str:
    """Return the cost of some epochs as numbers and bars."""
    lines = []
    for epoch in (1, 2, 3, 5, 10, 20, 40):
        cost = history.cost[epoch - 1]
        lines.append(f"   epoch {epoch:>3}   cost {cost:.4f}  {'█' * max(1, round(40 * cost / history.cost[0]))}")
    return "\n".join(lines)


def writable(folder: Path, *names: str) -> Path:
    """Make the folder, see that files of these names can be written into it, and return it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileProblem(f"the folder {folder} cannot be written: {error.strerror or error}") from error
    for name in names:
        file_to_write(folder / name)
    return folder
