"""Gradient descent, SGD and mini-batch on two moons, with the counts of the lecture.

Run: python examples/three_methods.py.
"""

import numpy as np

import tinygrad_ed as tg

train, test = tg.data.moons(400, noise=0.15).split(0.25)
print(f"{'method':<10} {'updates':>8} {'gradients':>10} {'cost':>8} {'accuracy':>9}")
for method, learning_rate in (("gradient", 1.0), ("sgd", 0.05), ("minibatch", 0.5)):
    mlp = tg.nn.MLP([2, 16, 2], activation="tanh", rng=0)
    history = tg.train.fit(
        mlp, *train, cost="cross_entropy", method=method, batch_size=25, learning_rate=learning_rate, epochs=60
    )
    accuracy = np.mean(mlp.predict(test.x).argmax(axis=1) == test.y)
    counts = f"{history.updates:>8} {history.gradient_computations:>10}"
    print(f"{method:<10} {counts} {history.cost[-1]:>8.4f} {accuracy:>9.1%}")
