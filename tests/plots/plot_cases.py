"""Networks, data and results for the tests of the plots, and what is found in axes."""

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.lecture import experiments
from tinygrad_ed.train.compare_methods import compare_methods

DATA = tg.data.moons(30, noise=0.2)
MLP = tg.nn.MLP([2, 3, 1], rng=0)
LINE = tg.nn.MLP([1, 1], init=lambda rng, n, m: np.array([[0.5]]))
LINE.layers[0].bias.value = [0.25]
X, RHO = np.array([[-1.0], [0.0], [2.0]]), np.array([[-3.0], [-1.0], [3.0]])
"""Three points of the line 2 x - 1."""


def labels(ax):
    return ax.get_legend_handles_labels()[1]


def line(ax, label):
    found = [line for line in ax.lines if line.get_label() == label]
    assert len(found) == 1
    return found[0]


EXPECTED = {"mse": 0, "l1": 0, "huber": 0, "logistic": 1, "bce": 1, "hinge": 1, "margin": 1, "cross_entropy": 1}
"""Each cost, with the expected answer that is drawn."""

RESULTS = {
    "expectation": lambda: experiments.expectation(batch_sizes=(1,)),
    "batch_variance": lambda: experiments.batch_variance(draws=20, batch_sizes=(1, 4)),
    "noise_ball": lambda: experiments.noise_ball(learning_rates=(0.1, 0.2), updates=900),
    "saddle": lambda: experiments.saddle(updates=50, runs=2),
    "robust_costs": lambda: experiments.robust_costs(sizes=(0, 1, 2), epochs=50),
    "overlapping_classes": lambda: experiments.overlapping_classes(epochs=50),
    "compare_methods": lambda: compare_methods(MLP, DATA.x, DATA.signs, batch_size=5, budget=90),
}
