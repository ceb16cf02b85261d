"""Networks, batches and costs for the tests of the roads, and the order of their quantities."""

import numpy as np
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP, activations, costs

ACTIVATION_NAMES, COST_NAMES = sorted(activations.NAMES), sorted(costs.NAMES)
EXACT = ("graph", "rules", "jacobians")
ALL = (*EXACT, "numeric")


def expected_values(rng, cost, M, n):
    if cost in ("logistic", "hinge"):
        return rng.choice([-1.0, 1.0], size=(M, n))
    if cost == "bce":
        return rng.choice([0.0, 1.0], size=(M, n))
    if cost == "cross_entropy":
        return rng.dirichlet(np.ones(n), size=M) if rng.random() < 0.5 else rng.integers(0, n, M)
    return rng.normal(size=(M, n))


def network(sizes, phis="tanh", seed=0, dtype=float):
    """A network with biases that are not zero, and an activation of its own for each layer."""
    names = [phis] * (len(sizes) - 1) if isinstance(phis, str) else phis
    mlp, rng = MLP(sizes, rng=seed, dtype=dtype), np.random.default_rng(seed)
    mlp.layers = [
        tg.nn.Dense(a, b, name, rng=rng, dtype=dtype, number=j)
        for j, (a, b, name) in enumerate(zip(sizes[:-1], sizes[1:], names, strict=True), start=1)
    ]
    for layer in mlp.layers:
        layer.bias.value = rng.normal(size=layer.n_out).astype(dtype)
    return mlp


@st.composite
def problems(draw, dtype=float):
    """A network, a batch and a cost: the arguments of `crosscheck`."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    phis = [draw(st.sampled_from(ACTIVATION_NAMES)) for _ in sizes[1:]]
    cost, seed = draw(st.sampled_from(COST_NAMES)), draw(st.integers(0, 2**32 - 1))
    M, rng = draw(st.integers(1, 6)), np.random.default_rng(seed)
    return network(sizes, phis, seed, dtype), rng.normal(size=(M, sizes[0])), expected_values(
        rng, cost, M, sizes[-1]
    ), cost  # fmt: skip


def names_of(L):
    names = ["alpha[0]"]
    for j in range(1, L + 1):
        names += [f"zeta[{j}]", f"alpha[{j}]"]
    names += ["cost", f"P[{L + 1}]"]
    for j in range(L, 0, -1):
        names += [f"B[{j}]", f"P[{j}]"]
    for j in range(L, 0, -1):
        names += [f"grad_omega[{j}]", f"grad_beta[{j}]"]
    return names
