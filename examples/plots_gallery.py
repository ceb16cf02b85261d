"""Every plot of `tg.plots` once. Run: python examples/plots_gallery.py. Writes cost_functions.png and gallery.png."""

import matplotlib.pyplot as plt

import tinygrad_ed as tg

figure, axes = plt.subplots(2, 4, figsize=(17, 8), layout="constrained")
for ax, cost in zip(axes.flat, ("mse", "l1", "huber", "cross_entropy", "logistic", "hinge", "margin"), strict=False):
    tg.plots.cost_function(cost, ax)
tg.plots.cost_function("margin", axes.flat[-1], y=-1)
figure.savefig("cost_functions.png", dpi=150)
print("cost_functions.png: each cost C, its derivative, and the kinks; the last two are the margin of +1 and of -1")

train, test = tg.data.moons(200, noise=0.15).split(0.25)
histories = {}
for method, rate in (("gradient", 1.0), ("sgd", 0.05), ("minibatch", 0.5)):
    mlp = tg.nn.MLP([2, 8, 2], rng=0)
    histories[method] = tg.train.fit(
        mlp,
        *train,
        cost="cross_entropy",
        method=method,
        batch_size=15,
        learning_rate=rate,
        epochs=60,
        validation=tuple(test),
    )
    print(f"{method}: {histories[method]}")

digits = tg.data.digits()
deep = tg.nn.MLP([64, 32, 32, 32, 10], activation="sigmoid", rng=0)
figure, axes = plt.subplots(1, 3, figsize=(16, 4.6), layout="constrained")
tg.plots.cost_curves(histories, axes[0])
tg.plots.decision_boundary(mlp, train.x, train.y, axes[1])
tg.plots.gradient_histograms(deep, digits.x[:64], digits.rho[:64], "cross_entropy", axes[2])
figure.savefig("gallery.png", dpi=150)
