"""Networks and central differences for the tests of the closed form."""

import itertools
import math

import numpy as np
from hypothesis import strategies as st

from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS

ACTIVATION_NAMES, COST_NAMES = sorted(ACTIVATIONS), sorted(COSTS)
H = 1e-6  # the step of central differences


def expected_values(rng, cost, shape):
    if cost in ("logistic", "hinge"):
        return rng.choice([-1.0, 1.0], size=shape)
    if cost == "bce":
        return rng.choice([0.0, 1.0], size=shape)
    if cost == "cross_entropy":
        return rng.dirichlet(np.ones(shape[1]), size=shape[0])
    return rng.normal(size=shape)


def network(seed, sizes, activations, cost, M):
    """The arguments of `quantities`: omega, beta, activations, x, rho, cost."""
    rng = np.random.default_rng(seed)
    pairs = list(enumerate(itertools.pairwise(sizes), start=1))
    omega = {j: rng.normal(size=(n, m)) / math.sqrt(n) for j, (n, m) in pairs}
    beta = {j: rng.normal(size=m) for j, (_, m) in pairs}
    x = rng.normal(size=(M, sizes[0]))
    names = dict(enumerate(activations, start=1))
    return omega, beta, names, x, expected_values(rng, cost, (M, sizes[-1])), cost


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    activations = [draw(st.sampled_from(ACTIVATION_NAMES)) for _ in sizes[1:]]
    cost = draw(st.sampled_from(COST_NAMES))
    return network(draw(st.integers(0, 2**32 - 1)), sizes, activations, cost, draw(st.integers(1, 4)))


def mean_cost(omega, beta, activations, x, rho, cost):
    _, alpha = rules.forward(omega, beta, activations, x)
    return float(COSTS[cost].C(alpha[len(omega)], rho).mean())


def central_differences(parameter, f):
    """The derivative of f() by every entry of `parameter`, which is changed in place and restored."""
    gradient = np.empty_like(parameter)
    for index in np.ndindex(parameter.shape):
        before = parameter[index]
        parameter[index] = before + H
        above = f()
        parameter[index] = before - H
        below = f()
        parameter[index] = before
        gradient[index] = (above - below) / (2 * H)
    return gradient
