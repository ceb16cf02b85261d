"""A training step of an MLP (forward, backward, update) on every engine.

Run `python benchmarks/training_step.py --help`.

In units of `products`: the bare matrix products of that step, NumPy's `dot` into arrays that are there already.
Nothing that is not wasted can be faster than 1 on NumPy. Needs the extra `bench`; what is not installed is left out.
"""

import argparse
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Figure, Maker, available, measure, run, table, write

SIZES = {
    "a": ([2, 16, 16, 1], 1),
    "b": ([2, 16, 16, 1], 32),
    "c": ([64, 128, 64, 10], 32),
    "d": ([784, 128, 10], 64),
    "e": ([784, 512, 512, 10], 256),
    "f": ([784, 1024, 1024, 10], 1024),
}
RATE = 0.01
TITLE = "A training step of an MLP, in units of its bare matrix products"
Step = Callable[[], Any]


def problem(case: Case) -> tuple[list[int], Any, Any, list[Any], list[Any]]:
    """Widths, inputs, expected outputs, weights and biases: the same for every contender."""
    rng = np.random.default_rng(0)
    sizes, batch = SIZES[case["size"]]
    dtype = np.dtype(case["dtype"])
    weights = [(rng.standard_normal((n, m)) / np.sqrt(n)).astype(dtype) for n, m in pairwise(sizes)]
    biases = [(0.1 * rng.standard_normal(m)).astype(dtype) for m in sizes[1:]]
    x = rng.standard_normal((batch, sizes[0])).astype(dtype)
    if case["cost"] == "cross_entropy":
        rho = np.eye(sizes[-1], dtype=dtype)[rng.integers(0, sizes[-1], batch)]
    else:
        rho = rng.standard_normal((batch, sizes[-1])).astype(dtype)
    return sizes, x, rho, weights, biases


def products(case: Case) -> Step:
    """The bare matrix products: the unit."""
    sizes, x, _, weights, _ = problem(case)
    alpha = [x, *[np.empty((len(x), n), x.dtype) for n in sizes[1:]]]
    B = [np.ones_like(a) for a in alpha]
    gradients = [np.empty_like(w) for w in weights]

    def step() -> float:
        for j, w in enumerate(weights):
            np.dot(alpha[j], w, out=alpha[j + 1])
        for j in range(len(weights) - 1, -1, -1):
            np.dot(alpha[j].T, B[j + 1], out=gradients[j])
            if j:
                np.dot(B[j + 1], weights[j].T, out=B[j])
        return float("nan")

    return step


def _network(case: Case) -> tuple[Any, Any, Any]:
    import tinygrad_ed as tg

    sizes, x, rho, weights, biases = problem(case)
    mlp = tg.nn.MLP(sizes, dtype=case["dtype"])
    for layer, w, b in zip(mlp.layers, weights, biases, strict=True):
        layer.weights.value, layer.bias.value = w, b
    return mlp, x, rho


def closed_form(case: Case) -> Step:
    """Ours: the rules in place, `closed_form/fast.py`."""
    from tinygrad_ed.train.gradients import ByRules

    mlp, x, rho = _network(case)
    rules = ByRules(mlp, x, rho, case["cost"])
    everything = slice(None)
    return lambda: rules.descend(everything, RATE)


def readable_rules(case: Case) -> Step:
    """Ours: `closed_form/rules.py` as it stands in the lecture."""
    from tinygrad_ed.closed_form import derivatives, rules

    mlp, x, rho = _network(case)
    omega, beta, names, x, rho, cost = mlp.problem(x, rho, case["cost"])

    def step() -> float:
        nonlocal omega, beta
        zeta, alpha = rules.forward(omega, beta, names, x)
        B, _ = rules.backpropagation(omega, names, zeta, alpha, rho, cost, with_P=False)
        omega, beta = rules.update(omega, beta, *rules.gradient_computation(alpha, B), RATE)
        return float(derivatives.COSTS[cost].C(alpha[len(omega)], rho).mean())

    return step


def graph(case: Case) -> Step:
    """Ours: a graph of Nodes, swept."""
    import tinygrad_ed as tg

    mlp, x, rho = _network(case)
    parameters, cost = mlp.parameters(), getattr(tg.nn.costs, case["cost"])

    def step() -> float:
        error = cost(mlp(x), rho)
        error.backward()
        for parameter in parameters:
            parameter.value = parameter.value - RATE * parameter.grad
        return float(error.item())

    return step


def compiled(case: Case) -> Step:
    """Ours: that graph and the update, recorded by `tg.compile` and replayed."""
    import tinygrad_ed as tg

    mlp, x, rho = _network(case)
    cost, phis = getattr(tg.nn.costs, case["cost"]), [layer.activate for layer in mlp.layers]

    def error(parameters: list[Any], x: Any, rho: Any) -> Any:
        for phi, weights, bias in zip(phis, parameters[::2], parameters[1::2], strict=True):
            x = phi(x @ weights + bias)
        return cost(x, rho)

    def update(parameters: list[Any], x: Any, rho: Any) -> Any:
        value, gradients = tg.value_and_grad(error)(parameters, x, rho)
        return value, [p - RATE * g for p, g in zip(parameters, gradients, strict=True)]

    program = tg.compile(update)
    parameters = [np.array(p.value) for p in mlp.parameters()]

    def step() -> float:
        nonlocal parameters
        value, parameters = program(parameters, x, rho)
        return float(value)

    return step


def numpy_by_hand(case: Case) -> Step:
    """What one writes by hand: rows, and every buffer made once."""
    sizes, x, rho, weights, biases = problem(case)
    M, L, half = len(x), len(weights), case["cost"] == "mse"
    alpha = [x, *[np.empty((M, n), x.dtype) for n in sizes[1:]]]
    B = [np.empty_like(a) for a in alpha]
    scratch = [np.empty_like(a) for a in alpha]
    gradients = [(np.empty_like(w), np.empty_like(b)) for w, b in zip(weights, biases, strict=True)]

    def step() -> float:
        for j in range(L):
            np.dot(alpha[j], weights[j], out=alpha[j + 1])
            np.add(alpha[j + 1], biases[j], out=alpha[j + 1])
            if j < L - 1:
                np.tanh(alpha[j + 1], out=alpha[j + 1])
        if half:
            np.subtract(alpha[L], rho, out=B[L])
            error = 0.5 * float(np.vdot(B[L], B[L])) / M
        else:
            logs = alpha[L] - alpha[L].max(axis=1, keepdims=True)
            np.exp(logs, out=B[L])
            total = B[L].sum(axis=1, keepdims=True)
            error = float(np.sum((np.log(total) - logs) * rho)) / M
            np.divide(B[L], total, out=B[L])
            np.subtract(B[L], rho, out=B[L])
        np.multiply(B[L], 1.0 / M, out=B[L])
        for j in range(L - 1, -1, -1):
            grad_w, grad_b = gradients[j]
            np.dot(alpha[j].T, B[j + 1], out=grad_w)
            np.sum(B[j + 1], axis=0, out=grad_b)
            if j:
                np.dot(B[j + 1], weights[j].T, out=B[j])
                np.multiply(alpha[j], alpha[j], out=scratch[j])
                np.subtract(1.0, scratch[j], out=scratch[j])
                np.multiply(B[j], scratch[j], out=B[j])
            np.multiply(grad_w, RATE, out=grad_w)
            np.subtract(weights[j], grad_w, out=weights[j])
            np.multiply(grad_b, RATE, out=grad_b)
            np.subtract(biases[j], grad_b, out=biases[j])
        return error

    return step


def jax_jit(case: Case) -> Step:
    """jax.jit over value and gradient and update, in one program."""
    import jax
    import jax.numpy as jnp

    _, x, rho, weights, biases = problem(case)

    def cost(parameters: Any, x: Any, rho: Any) -> Any:
        for w, b in parameters[:-1]:
            x = jnp.tanh(x @ w + b)
        w, b = parameters[-1]
        x = x @ w + b
        if case["cost"] == "mse":
            return jnp.sum((x - rho) ** 2) * (0.5 / len(x))
        return -jnp.sum(jax.nn.log_softmax(x) * rho) / len(x)

    @jax.jit
    def update(parameters: Any, x: Any, rho: Any) -> Any:
        error, gradients = jax.value_and_grad(cost)(parameters, x, rho)
        return error, jax.tree.map(lambda p, g: p - RATE * g, parameters, gradients)

    parameters = [(jnp.asarray(w), jnp.asarray(b)) for w, b in zip(weights, biases, strict=True)]
    inputs, expected = jnp.asarray(x), jnp.asarray(rho)

    def step() -> Any:
        nonlocal parameters
        error, parameters = update(parameters, inputs, expected)
        return error

    return step


def torch_eager(case: Case) -> Step:
    """PyTorch as everybody writes it: Sequential, backward, torch.optim.SGD."""
    import torch

    torch.set_num_threads(case["threads"])
    sizes, x, rho, weights, biases = problem(case)
    layers: list[Any] = []
    for (n, m), w, b in zip(pairwise(sizes), weights, biases, strict=True):
        linear = torch.nn.Linear(n, m, dtype=torch.from_numpy(x).dtype)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w.T.copy()))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, torch.nn.Tanh()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    inputs, expected = torch.from_numpy(x), torch.from_numpy(rho)

    def step() -> Any:
        optimizer.zero_grad()
        output = network(inputs)
        if case["cost"] == "mse":
            error = ((output - expected) ** 2).sum() * (0.5 / len(x))
        else:
            error = torch.nn.functional.cross_entropy(output, expected)
        error.backward()
        optimizer.step()
        return error.detach()

    return step


def mygrad(case: Case) -> Step:
    """MyGrad."""
    import mygrad as mg

    _, x, rho, weights, biases = problem(case)
    parameters = [mg.tensor(p) for pair in zip(weights, biases, strict=True) for p in pair]

    def step() -> float:
        output = mg.tensor(x, constant=True)
        for j in range(0, len(parameters), 2):
            output = mg.matmul(output, parameters[j]) + parameters[j + 1]
            if j < len(parameters) - 2:
                output = mg.tanh(output)
        if case["cost"] == "mse":
            error = mg.sum((output - rho) ** 2) * (0.5 / len(x))
        else:
            error = -mg.sum(mg.nnet.activations.logsoftmax(output) * rho) / len(x)
        error.backward()
        for p in parameters:
            p.data -= x.dtype.type(RATE) * p.grad
        return float(error.item())

    return step


def hips_autograd(case: Case) -> Step:
    """HIPS autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    _, x, rho, weights, biases = problem(case)
    parameters = list(zip(weights, biases, strict=True))

    def cost(parameters: Any) -> Any:
        output = x
        for w, b in parameters[:-1]:
            output = anp.tanh(anp.dot(output, w) + b)
        w, b = parameters[-1]
        output = anp.dot(output, w) + b
        if case["cost"] == "mse":
            return anp.sum((output - rho) ** 2) * (0.5 / len(x))
        return anp.sum((logsumexp(output, axis=1, keepdims=True) - output) * rho) / len(x)

    gradient_of = value_and_grad(cost)
    rate = x.dtype.type(RATE)

    def step() -> float:
        nonlocal parameters
        error, gradients = gradient_of(parameters)
        parameters = [(w - rate * dw, b - rate * db) for (w, b), (dw, db) in zip(parameters, gradients, strict=True)]
        return float(error)

    return step


def scikit_learn(case: Case) -> Step:
    """scikit-learn's MLPRegressor, one batch at a time; its cost is the mean over the outputs as well."""
    import warnings

    from sklearn.neural_network import MLPRegressor

    if case["cost"] != "mse":
        raise SystemExit("scikit-learn takes part with mse only")
    sizes, x, rho, weights, biases = problem(case)
    network = MLPRegressor(
        hidden_layer_sizes=sizes[1:-1],
        activation="tanh",
        solver="sgd",
        alpha=0.0,
        batch_size=len(x),
        learning_rate_init=RATE,
        momentum=0.0,
    )
    expected = rho if sizes[-1] > 1 else rho[:, 0]
    warnings.simplefilter("ignore")
    network.partial_fit(x, expected)
    network.coefs_, network.intercepts_ = [w.copy() for w in weights], [b.copy() for b in biases]

    def step() -> float:
        network.partial_fit(x, expected)
        return float(network.loss_) * sizes[-1]

    return step


MAKERS: dict[str, Maker] = {
    "products": products,
    "tinygrad_ed closed form": closed_form,
    "tinygrad_ed graph": graph,
    "tinygrad_ed compiled": compiled,
    "rules as in the lecture": readable_rules,
    "NumPy by hand": numpy_by_hand,
    "jax.jit": jax_jit,
    "PyTorch": torch_eager,
    "MyGrad": mygrad,
    "HIPS autograd": hips_autograd,
    "scikit-learn": scikit_learn,
}
NEEDS = {
    **dict.fromkeys(MAKERS, None),
    "jax.jit": "jax",
    "PyTorch": "torch",
    "MyGrad": "mygrad",
    "HIPS autograd": "autograd",
    "scikit-learn": "sklearn",
}


def main() -> None:
    """Read the command line, measure, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--sizes", default="abcdef", help="which of the sizes a to f (default: all)")
    parser.add_argument("--dtype", nargs="+", default=["float32", "float64"], choices=["float32", "float64"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--cost", nargs="+", default=["mse"], choices=["mse", "cross_entropy"])
    parser.add_argument("--rounds", type=int, default=9, help="blocks of each contender (default: 9)")
    parser.add_argument("--seconds", type=float, default=0.1, help="length of a block (default: 0.1)")
    parser.add_argument("--only", nargs="+", choices=list(MAKERS), help="these contenders, and the bare products")
    parser.add_argument("--write", type=Path, help="a Markdown file for the tables")
    options = parser.parse_args()
    names = available({n: NEEDS[n] for n in MAKERS if not options.only or n in ["products", *options.only]})

    texts = []
    for cost in options.cost:
        for dtype in options.dtype:
            for threads in options.threads:
                figures: dict[str, dict[str, Figure]] = {}
                for size in options.sizes:
                    case = {"size": size, "dtype": dtype, "cost": cost, "threads": threads}
                    taking_part = [n for n in names if n != "scikit-learn" or cost == "mse"]
                    tolerance = 2e-3 if dtype == "float32" else 1e-9
                    widths, batch = SIZES[size]
                    head = f"{size}: {'-'.join(map(str, widths))}, batch {batch}"
                    print(f"{head}, {cost}, {dtype}, {threads} threads ...", file=sys.stderr)
                    figures[head] = measure(taking_part, case, threads, options.rounds, options.seconds, tolerance)
                title = f"{cost}, {dtype}, {threads} thread{'s' * (threads > 1)}"
                texts.append(table(title, "products", figures))
                print(texts[-1])
    if options.write:
        write(options.write, TITLE, "\n".join(texts))


if __name__ == "__main__":
    run(MAKERS, main)
