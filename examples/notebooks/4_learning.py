"""Chapter 4: learning.

Learning is walking downhill on the cost, and the gradient shows the way. The lecture has three methods, which differ in
how many samples they look at before each step. Here we train, count, and put two claims of the lecture to the test.
"""

# %%
import matplotlib.pyplot as plt

import tinygrad_ed as tg

train, test = tg.data.moons(200, noise=0.15).split(0.25)
mlp = tg.nn.MLP([2, 8, 2], activation="tanh", rng=0)
history = tg.train.fit(
    mlp, *train, cost="cross_entropy", batch_size=15, learning_rate=0.5, epochs=60, validation=tuple(test)
)
history

# %% [markdown]
# The cost falls on the training data. The validation cost is that of data which the network has never seen. When it
# rises while the other falls, the network begins to learn its samples by heart.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
tg.plots.cost_curves(history, left)
_ = tg.plots.decision_boundary(mlp, train.x, train.y, right)

# %% [markdown]
# ## Three methods, one budget
#
# Gradient descent computes the gradients of all N samples for one update. SGD takes one sample, drawn at random, and
# mini-batch M of them. To be fair, each gets the same start and the same number of gradient computations.

# %%
rates = {"gradient": 0.5, "sgd": 0.1, "minibatch": 0.3}
start = tg.nn.MLP([2, 8, 2], rng=0)
compared = tg.train.compare_methods(start, *train, cost="cross_entropy", batch_size=15, learning_rate=rates)
print(f"{'method':<10} {'updates per epoch':>18} {'gradients per update':>21} {'last cost':>10}")
for method, counted in compared.runs.items():
    numbers = f"{counted.updates_per_epoch:>18g} {counted.gradients_per_update:>21g} {counted.cost[-1]:>10.4f}"
    print(f"{method:<10} {numbers}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
compared.plot(left)
_ = compared.plot(right, against="updates")

# %% [markdown]
# On the left, the axis is what the computer has to do; on the right, how often the weights were changed. SGD is cheap
# and quick at first, and restless at the end.
#
# ## A claim: on average, SGD walks in the right direction
#
# "The expectation of that gradient over i is the full gradient." We need not draw at random to see it: all possible
# draws can be listed.

# %%
expectation = tg.experiments.expectation()
print(expectation)

# %%
_ = expectation.plot()

# %% [markdown]
# ## A claim: the noise falls with the batch
#
# The variance of the mini-batch gradient is σ²/M.

# %%
variance = tg.experiments.batch_variance(draws=200)
print(variance)
_ = variance.plot()

# %% [markdown]
# **Try it.** Give SGD the learning rate of gradient descent, and look at the right plot again. There are four more
# claims in `tg.experiments`; `docs/experiments.md` tells of them.
