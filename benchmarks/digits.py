"""Twenty epochs on the digits (64-128-10, relu, batches of 32, float64): a whole training, data to accuracy.

Run `python benchmarks/digits.py --help`. Every contender returns its accuracy on held-out digits; the weights at the
start are the same for all but scikit-learn, which draws its own (and its own order of the samples).
"""

import argparse
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Maker, available, measure, run, table, write

SIZES, BATCH, EPOCHS, RATE = [64, 128, 10], 32, 20, 0.1
Training = Callable[[], float]


def data() -> tuple[Any, Any, Any, Any]:
    """Inputs and classes for training and for the score."""
    import tinygrad_ed as tg

    digits = tg.data.digits()
    train, test = digits.split(0.25, rng=0)
    return train.x, train.y, test.x, test.y


def start() -> list[tuple[Any, Any]]:
    """He's initial weights, and zeros."""
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((n, m)) * np.sqrt(2 / n), np.zeros(m)) for n, m in pairwise(SIZES)]


def batches(n: int) -> Any:
    """The samples of every update, in order."""
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = rng.permutation(n)
        for first in range(0, n, BATCH):
            yield order[first : first + BATCH]


def tinygrad_ed(case: Case) -> Training:
    """Ours: `fit` with its defaults, but for the sampling."""
    import tinygrad_ed as tg

    x, classes, test_x, test_classes = data()
    mlp, first = tg.nn.MLP(SIZES, activation="relu"), start()

    def training() -> float:
        for layer, (w, b) in zip(mlp.layers, first, strict=True):
            layer.weights.value, layer.bias.value = w, b
        tg.train.fit(
            mlp,
            x,
            classes,
            cost="cross_entropy",
            epochs=EPOCHS,
            batch_size=BATCH,
            learning_rate=RATE,
            sampling="shuffle",
        )
        return float(np.mean(mlp.predict(test_x).argmax(axis=1) == test_classes))

    return training


def jax_jit(case: Case) -> Training:
    """jax.jit of one update, called for every batch; compiled before the clock starts."""
    import jax
    import jax.numpy as jnp

    x, classes, test_x, test_classes = data()
    rho = np.eye(10)[classes]

    def output(parameters: Any, x: Any) -> Any:
        (w1, b1), (w2, b2) = parameters
        return jnp.maximum(x @ w1 + b1, 0) @ w2 + b2

    def cost(parameters: Any, x: Any, rho: Any) -> Any:
        return -jnp.sum(jax.nn.log_softmax(output(parameters, x)) * rho) / len(x)

    @jax.jit
    def update(parameters: Any, x: Any, rho: Any) -> Any:
        error, gradients = jax.value_and_grad(cost)(parameters, x, rho)
        return error, jax.tree.map(lambda p, g: p - RATE * g, parameters, gradients)

    def training() -> float:
        parameters = start()
        for batch in batches(len(x)):
            _, parameters = update(parameters, x[batch], rho[batch])
        return float(np.mean(np.asarray(output(parameters, test_x)).argmax(axis=1) == test_classes))

    return training


def torch_eager(case: Case) -> Training:
    """PyTorch, a plain loop over the batches."""
    import torch

    torch.set_num_threads(case["threads"])
    x, classes, test_x, test_classes = [torch.from_numpy(np.array(a)) for a in data()]

    def training() -> float:
        network = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)).double()
        with torch.no_grad():
            for layer, (w, b) in zip((network[0], network[2]), start(), strict=True):
                layer.weight.copy_(torch.from_numpy(w.T.copy()))
                layer.bias.copy_(torch.from_numpy(b))
        optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
        for batch in batches(len(x)):
            chosen = torch.from_numpy(batch)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x[chosen]), classes[chosen]).backward()
            optimizer.step()
        with torch.no_grad():
            return float((network(test_x).argmax(axis=1) == test_classes).double().mean())

    return training


def scikit_learn(case: Case) -> Training:
    """scikit-learn's MLPClassifier with plain SGD."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    x, classes, test_x, test_classes = data()
    warnings.simplefilter("ignore")  # that twenty epochs are not enough for it

    def training() -> float:
        network = MLPClassifier(
            hidden_layer_sizes=[128],
            solver="sgd",
            alpha=0.0,
            batch_size=BATCH,
            learning_rate_init=RATE,
            momentum=0.0,
            max_iter=EPOCHS,
            random_state=0,
        )
        return float(network.fit(x, classes).score(test_x, test_classes))

    return training


MAKERS: dict[str, Maker] = {
    "tinygrad_ed": tinygrad_ed,
    "jax.jit": jax_jit,
    "PyTorch": torch_eager,
    "scikit-learn": scikit_learn,
}
NEEDS = {"tinygrad_ed": None, "jax.jit": "jax", "PyTorch": "torch", "scikit-learn": "sklearn"}


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=9, help="trainings of each contender (default: 9)")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    figures = {}
    for threads in options.threads:
        print(f"{threads} threads ...", file=sys.stderr)
        case = {"threads": threads, "checked": 1}
        title = f"{threads} thread{'s' * (threads > 1)}"
        figures[title] = measure(available(NEEDS), case, threads, options.rounds, 0.1, tolerance=0.03)
    text = table("20 epochs on the digits, in units of ours", "tinygrad_ed", figures)
    print(text)
    if options.write:
        write(options.write, "Twenty epochs on the digits", text)


if __name__ == "__main__":
    run(MAKERS, main)
