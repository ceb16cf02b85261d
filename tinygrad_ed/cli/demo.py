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
from tinygrad_ed.data import digits
from tinygrad_ed.data.files import writable as file_to_write
from tinygrad_ed.data.files import write_whole
from tinygrad_ed.errors import FileProblem, MissingExtra
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.train import History, fit

SAMPLE, EXPECTED = [0.5, -1.0], [1.0, 0.0]


def run(folder: str | Path, seed: int = 0, progress: bool | None = None) -> bool:
    """Run the demo, write its files into `folder`, and return whether all roads agreed."""
    folder = writable(Path(folder), "crosscheck.txt")
    train, test = digits().split(0.25, rng=seed)
    mlp = MLP([64, 32, 10], activation="tanh", rng=seed)

    print(f"1. Training a 64-32-10 network on handwritten digits: {len(train)} to learn from, {len(test)} held out.\n")
    told: dict[str, Any] = {"batch_size": 32, "learning_rate": 0.5, "epochs": 40}
    history = fit(mlp, train.x, train.rho, "cross_entropy", rng=seed, progress=progress, **told)
    print(_falling(history))
    print(f"\n   {history}")
    right = np.mean(mlp.predict(test.x).argmax(axis=1) == test.y)
    print(f"   Of the digits it never saw, it reads {right:.1%} correctly.\n")

    print("2. Four roads to the gradient of this network, on 8 of the digits:\n")
    check = crosscheck(mlp, test.x[:8], test.rho[:8], cost="cross_entropy")
    print(textwrap.indent(str(check), "   ", lambda _: True))
    write_whole(folder / "crosscheck.txt", f"{check}\n".encode())

    print("\n3. A 2-3-2 network on one sample, drawn with every number:\n")
    written, lesson = _pictures(folder, seed)
    print("\n".join([f"   {name:<14} {what}" for name, what in written]))
    if lesson:
        print(f"\n   {lesson}")
    print(f"\nAll of it is in {folder.resolve()}")
    return check.agree


def _pictures(folder: Path, seed: int) -> tuple[list[tuple[str, str]], str]:
    """Draw a small network in each view; return the files with what they show, and why some are missing."""
    small = MLP([2, 3, 2], activation="tanh", rng=seed)
    error = costs.mse(small(SAMPLE), EXPECTED)
    error.backward()
    files = ("svg", "png", "pdf", "dot")
    views = {
        "graph": (draw.graph(error, detail="tensor"), files, "the computational graph with values and gradients"),
        "network": (draw.network(small, SAMPLE, EXPECTED), files, "the network with the lecture's letters"),
        "compare": (draw.compare(small, SAMPLE, EXPECTED), ("html",), "graph and rules side by side, for a browser"),
        "player": (draw.player(small, SAMPLE, EXPECTED), ("html",), "forward and backward step by step, for a browser"),
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


def _falling(history: History) -> str:
    """Return the cost of some epochs as numbers and bars."""
    costs = [(epoch, history.cost[epoch - 1]) for epoch in (1, 2, 3, 5, 10, 20, 40)]
    bars = ["█" * max(1, round(40 * cost / history.cost[0])) for _, cost in costs]
    return "\n".join([f"   epoch {k:>3}   cost {cost:.4f}  {bar}" for (k, cost), bar in zip(costs, bars, strict=True)])


def writable(folder: Path, *names: str) -> Path:
    """Make the folder, see that files of these names can be written into it, and return it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileProblem(f"the folder {folder} cannot be written: {error.strerror or error}") from error
    for name in names:
        file_to_write(folder / name)
    return folder
