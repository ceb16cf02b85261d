"""Draw the pictures of the README again: python docs/make_pictures.py. A test sees that they are up to date."""

from pathlib import Path

import tinygrad_ed as tg

PICTURES = Path(__file__).parent / "pictures"


def network_view() -> "tg.draw.Picture":
    """Return the network view of the README: the network and the sample of its tour."""
    mlp = tg.nn.MLP([2, 3, 2], activation="tanh", rng=0)
    return tg.draw.network(mlp, [0.5, -1.0], [1.0, 0.0])


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    network_view().save(PICTURES / "network.svg")
