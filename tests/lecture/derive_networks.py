"""Networks with a sample, from which the lecture is derived."""

import numpy as np

import tinygrad_ed as tg


def expected_output(rng, cost, n):
    if cost in ("logistic", "hinge"):
        return rng.choice([-1.0, 1.0], size=n)
    if cost == "bce":
        return rng.choice([0.0, 1.0], size=n)
    return rng.dirichlet(np.ones(n)) if cost == "cross_entropy" else rng.normal(size=n)


def given_network(sizes, activation="tanh", output="identity", cost="mse", seed=0, dtype=float):
    """A network with random biases, a sample and its expected output."""
    rng = np.random.default_rng(seed)
    mlp = tg.nn.MLP(sizes, activation=activation, output=output, rng=seed, dtype=dtype)
    for layer in mlp.layers:
        layer.bias.value = rng.normal(size=layer.n_out).astype(dtype)
    return mlp, rng.normal(size=sizes[0]), expected_output(rng, cost, sizes[-1]), cost
