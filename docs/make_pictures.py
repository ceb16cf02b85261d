"""Make the pictures of the README and the docs again: python docs/make_pictures.py.

A test sees that network.svg is up to date, and that program.svg, which needs a layout engine, has all steps. The others
are photographs of pages in a browser; they need the extra `browser` and Chromium, and are left alone where one of them
is missing.
"""

import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_ed as tg

PICTURES = Path(__file__).parent / "pictures"
SAMPLE, EXPECTED = [0.5, -1.0], [1.0, 0.0]


def network() -> tg.nn.MLP:
    """Return the network of the README's tour."""
    return tg.nn.MLP([2, 3, 2], activation="tanh", rng=0)


def network_view() -> "tg.draw.Picture":
    """Return the network view of the README: the network and the sample of its tour."""
    return tg.draw.network(network(), SAMPLE, EXPECTED)


def program_view() -> "tg.draw.Picture":
    """Return the program of docs/tape.md: a layer and its cost, with the derivative."""

    def cost(W: Any, b: Any, x: Any, y: Any) -> Any:  # noqa: N803  # the letters of that page
        return tg.nn.costs.mse(np.tanh(x @ W + b), y)

    step = tg.compile(tg.value_and_grad(cost, argnums=(0, 1)))
    step(np.ones((2, 2)), np.zeros(2), np.ones((3, 2)), np.ones((3, 2)))
    return tg.draw.program(step)


def expression() -> tg.Node:
    """Return the expression of the README's tour, with a number for which tanh still has a slope."""
    a, b, c = tg.Node(2.0, name="a"), tg.Node(-3.0, name="b"), tg.Node(5.5, name="c")
    return (a * b + c).tanh()


def without_slope(zeta: Any, omega_next: Any, b_next: Any, dphi: Any) -> Any:
    """Return a wrong B of a hidden layer: Φ' is forgotten."""
    return b_next @ omega_next.T


def live_page() -> tg.draw.Picture:
    """Return the live page of a network on two moons that has learned for a while."""
    data, mlp = tg.data.moons(200, rng=0), tg.nn.MLP([2, 8, 2], rng=1)
    tg.train.fit(mlp, data.x, data.rho, "cross_entropy", learning_rate=0.3, epochs=12, rng=0)
    return tg.draw.live(mlp, data.x, data.rho, "cross_entropy", learning_rate=0.5)


def pages() -> "dict[str, tuple[tg.draw.Picture, str, int, int]]":
    """Return for each photograph the page, its address, and the size of the window."""
    data = tg.data.digits()
    digits = tg.nn.MLP([64, 32, 10], rng=0)
    wrong = {"B_hidden": without_slope}
    return {
        "live.png": (live_page(), "", 1280, 800),
        "player.png": (tg.draw.player(network(), SAMPLE, EXPECTED), "#step=37", 1280, 780),
        "player-layers.png": (tg.draw.player(network(), SAMPLE, EXPECTED, detail="layer"), "#step=12", 1280, 760),
        "player-expression.png": (tg.draw.player(expression()), "#step=8", 1100, 640),
        "player-digits.png": (
            tg.draw.player(digits, data.x[:8], data.rho[:8], "cross_entropy"),
            "#step=12",
            1280,
            860,
        ),
        "compare.png": (tg.draw.compare(network(), SAMPLE, EXPECTED, rules=wrong), "", 1330, 640),
    }


def photographs() -> None:
    """Open every page in a browser and keep what is seen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (picture, address, width, height) in pages().items():
            page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
            page.goto(picture.save(Path(folder) / "page.html").as_uri() + address)
            page.screenshot(path=PICTURES / name)
        browser.close()


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    network_view().save(PICTURES / "network.svg")
    if tg.draw.doctor().ok:
        program_view().save(PICTURES / "program.svg")
    if importlib.util.find_spec("playwright") and shutil.which("chromium"):
        photographs()
