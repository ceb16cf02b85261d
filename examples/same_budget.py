"""Gradient descent, SGD and mini-batch from the same start, with the same budget. Run: python examples/same_budget.py.

Prints the lecture's table with the numbers that were counted. Writes same_budget.png (the cost over gradient
computations, updates and seconds) and paths.png (the way of each method over the cost of a linear neuron).
"""

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ed as tg

moons = tg.data.moons(200, noise=0.15)
rates = {"gradient": 0.5, "sgd": 0.1, "minibatch": 0.3}
mlp = tg.nn.MLP([2, 8, 2], rng=0)
compared = tg.train.compare_methods(mlp, *moons, cost="cross_entropy", batch_size=20, learning_rate=rates)
print(compared)
figure, axes = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
for ax, against in zip(axes, ("gradient_computations", "updates", "seconds"), strict=True):
    compared.plot(ax, against)
figure.savefig("same_budget.png", dpi=150)

x = np.linspace(-2, 2, 30)[:, None]
rho = x - 1 + 0.3 * np.random.default_rng(0).standard_normal(x.shape)
neuron = tg.nn.MLP([1, 1], init="zeros")
paths = tg.train.compare_methods(neuron, x, rho, batch_size=5, budget=600, path=True)
figure, axes = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
for ax, (method, run) in zip(axes, paths.runs.items(), strict=True):
    tg.plots.cost_contour(neuron, x, rho, path=run.path, around=[one.path for one in paths.runs.values()], ax=ax)
    ax.set_title(f"{method}: {run.updates[-1]} updates", loc="left", fontsize=11)
figure.savefig("paths.png", dpi=150)
