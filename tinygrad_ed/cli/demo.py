"""The whole mission once, on real data: train, cross-check, draw. This is `tinygrad-ed demo`.

Everything is computed by the public functions that a reader would call; the numbers are printed, the
pictures and the table are written into one folder.
"""

from pathlib import Path

import numpy as np

from tinygrad_ed import draw
from tinygrad_ed.checking.crosscheck import crosscheck
from tinygrad_ed.data import Dataset, digits, moons
from tinygrad_ed.data.files import writable as file_to_write
from tinygrad_ed.data.files import write_whole
from tinygrad_ed.errors import FileProblem, MissingExtra
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.train import History, fit

SAMPLE, EXPECTED = [0.5, -1.0], [1.0, 0.0]


def run(folder: str | Path, seed: int = 0, progress: bool | None = None) -> bool:
    """Run the demo, write its files into `folder`, and return whether all roads agreed.

    Raises:
        FileProblem: if the folder cannot be made or written; that is found out first.
    """
    folder = writable(Path(folder), "crosscheck.txt")
    train, test = digits().split(0.25, rng=seed)
    mlp = MLP([64, 32, 10], activation="tanh", rng=seed)

    print(f"1. Training a 64-32-10 network on handwritten digits: {len(train)} to learn from, {len(test)} held out.\n")
    history = fit(
        mlp,
        train.x,
        train.rho,
        cost="cross_entropy",
        batch_size=32,
        learning_rate=0.5,
        epochs=40,
        rng=seed,
        progress=progress,
    )
    print(_falling(history))
    print(f"\n   {history}")
    print(f"   Of the digits it never saw, it reads {_accuracy(mlp, test):.1%} correctly.\n")

    print("2. Four roads to the gradient of this network, on 8 of the digits:\n")
    check = crosscheck(mlp, test.x[:8], test.rho[:8], cost="cross_entropy")
    print(_indented(str(check)))
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
    data = moons(60, rng=seed)
    page = draw.live(MLP([2, 4, 2], rng=seed), data.x, data.rho, "cross_entropy", learning_rate=0.5)
    views = {
        "live": (page, ("html",), "a network that answers: open it in a browser, drag a weight, run"),
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
    lines = []
    for epoch in (1, 2, 3, 5, 10, 20, 40):
        cost = history.cost[epoch - 1]
        lines.append(f"   epoch {epoch:>3}   cost {cost:.4f}  {'█' * max(1, round(40 * cost / history.cost[0]))}")
    return "\n".join(lines)


def _accuracy(mlp: MLP, data: Dataset) -> float:
    return float(np.mean(mlp.predict(data.x).argmax(axis=1) == data.y))


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())


def writable(folder: Path, *names: str) -> Path:
    """Make the folder, see that files of these names can be written into it, and return it.

    Raises:
        FileProblem: if not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileProblem(f"the folder {folder} cannot be written: {error.strerror or error}") from error
    for name in names:
        file_to_write(folder / name)
    return folder
