"""Live pages to open in a browser: a neuron, one sample, XOR, moons, a dead relu, digits.

Run: python examples/live_pages.py.
"""

from pathlib import Path

import numpy as np

import tinygrad_ed as tg

moons, digits = tg.data.moons(200, rng=0), tg.data.digits()
corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
dead = tg.nn.MLP([1, 3, 1], "relu", rng=0)
dead.layers[0].bias = [-9.0, 0.5, 0.5]  # neuron 1 is never above zero: no derivative goes through it

w, x, b = tg.Node(0.5, name="w"), tg.Node(2.0, name="x"), tg.Node(-0.3, name="b")

pages = {
    "neuron": tg.draw.live(tg.sigmoid(w * x + b)),
    "one_sample": tg.draw.live(tg.nn.MLP([2, 3, 2], rng=1), [0.5, -1.0], [1.0, 0.0]),
    "xor": tg.draw.live(tg.nn.MLP([2, 4, 1], rng=3), corners, [[0.0], [1.0], [1.0], [0.0]], learning_rate=0.5),
    "moons": tg.draw.live(tg.nn.MLP([2, 8, 2], rng=1), moons.x, moons.rho, "cross_entropy", learning_rate=0.5),
    "dead_relu": tg.draw.live(dead, [[-1.0], [0.0], [1.0]], [[1.0], [0.0], [1.0]], batch_size=1),
    "digits": tg.draw.live(
        tg.nn.MLP([64, 32, 10], rng=0), digits.x[:200], digits.rho[:200], "cross_entropy", batch_size=32
    ),
}
folder = Path("live-pages")
folder.mkdir(exist_ok=True)
for name, page in pages.items():
    print(page.save(folder / f"{name}.html"))
