"""Graphs of single numbers and of small vectors: what an engine itself costs, where the arithmetic costs nothing.

Run `python benchmarks/graphs.py --help`. The cases:

* demo: a step of micrograd's own demo, an MLP 2-16-16-1 with relu, the max-margin cost and L2 over 100 moons,
  built from 64,000 single numbers, swept, and updated;
* chain, dag: 10,000 operations on single numbers, one after the other, or on random earlier results; built and swept;
* vectors: 1000 elementwise operations on vectors of 4; built and swept;
* million: a chain of a million additions; built, swept and freed.
"""

import argparse
import sys
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from harness import Case, Maker, available, measure, run, table, write

Step = Callable[[], Any]
RATE = 0.1


class Engine(NamedTuple):
    """What the cases need of an engine."""

    leaf: Callable[[Any], Any]  # a number, or a vector, that is differentiated
    sweep: Callable[[Any, list[Any]], list[Any]]  # the gradients of one number by some leaves
    plain: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    tanh: Any = None
    sum: Any = None  # micrograd has neither


def _moons() -> tuple[Any, Any, Any]:
    """The network's numbers, layer by layer and neuron by neuron, the inputs and the labels of the demo."""
    rng = np.random.default_rng(0)
    sizes = [2, 16, 16, 1]
    theta = [[([float(w) for w in rng.uniform(-1, 1, n)], 0.0) for _ in range(m)] for n, m in pairwise(sizes)]
    t = np.pi * rng.random(50)
    outer, inner = np.column_stack([np.cos(t), np.sin(t)]), np.column_stack([1 - np.cos(t), 0.5 - np.sin(t)])
    data = (np.concatenate([outer, inner]) + 0.1 * rng.standard_normal((100, 2))).tolist()
    return theta, data, [1.0] * 50 + [-1.0] * 50


def _demo_cost(network: Any, parameters: Any, data: Any, labels: Any, relu: Callable[[Any], Any]) -> Any:
    """The max-margin cost and the penalty, number by number."""
    losses = []
    for x, label in zip(data, labels, strict=True):
        for depth, layer in enumerate(network):
            outputs = []
            for ws, b in layer:
                z = b
                for w, number in zip(ws, x, strict=True):
                    z = z + w * number
                outputs.append(relu(z) if depth < len(network) - 1 else z)
            x = outputs  # from layer to layer
        losses.append(relu(1.0 + x[0] * -label))
    error = losses[0]
    for loss in losses[1:]:
        error = error + loss
    penalty = parameters[0] * parameters[0]
    for p in parameters[1:]:
        penalty = penalty + p * p
    return error * 0.01 + penalty * 1e-4


def demo(engine: Engine) -> Step:
    """A step of micrograd's demo."""
    theta, data, labels = _moons()

    def step() -> float:
        nonlocal theta
        network = [[([engine.leaf(w) for w in ws], engine.leaf(b)) for ws, b in layer] for layer in theta]
        parameters = [p for layer in network for ws, b in layer for p in (*ws, b)]
        inputs = [[engine.leaf(number) for number in row] for row in data]
        error = _demo_cost(network, parameters, inputs, labels, engine.relu)
        gradients = iter(engine.sweep(error, parameters))
        theta = [
            [([w - RATE * float(next(gradients)) for w in ws], b - RATE * float(next(gradients))) for ws, b in layer]
            for layer in theta
        ]
        return float(engine.plain(error))

    return step


def chain(engine: Engine) -> Step:
    """10,000 operations, each on the result of the last."""

    def step() -> float:
        x = engine.leaf(0.5)
        y = x
        for _ in range(2500):
            y = engine.relu(y * 0.999 + 0.001) + x
        (gradient,) = engine.sweep(y, [x])
        return float(gradient)

    return step


def dag(engine: Engine) -> Step:
    """10,000 operations on two random results out of the last hundred."""
    rng = np.random.default_rng(0)
    plan = [
        (int(kind), *(max(0, n - int(back)) for back in backs))
        for n, (kind, backs) in enumerate(
            zip(rng.integers(0, 3, 10_000), rng.integers(0, 100, (10_000, 2)), strict=True), start=9
        )
    ]

    def step() -> float:
        leaves = [engine.leaf(0.1 * i) for i in range(10)]
        nodes = list(leaves)
        for kind, a, b in plan:
            if kind == 0:
                nodes.append(nodes[a] + nodes[b])
            elif kind == 1:
                nodes.append(nodes[a] * 0.5)
            else:
                nodes.append(engine.relu(nodes[a] * 0.5))
        gradients = engine.sweep(nodes[-1], leaves)
        return sum([float(g) for g in gradients if g is not None])

    return step


def vectors(engine: Engine) -> Step:
    """1000 operations on vectors of 4."""
    start = np.array([0.1, -0.2, 0.3, 0.4])
    tanh, total = engine.tanh, engine.sum

    def step() -> float:
        x = engine.leaf(start)
        y = x
        for _ in range(250):
            y = tanh(y * x) + x
            y = y * y
        (gradient,) = engine.sweep(total(y), [x])
        return float(gradient[0])

    return step


def million(engine: Engine) -> Step:
    """A million additions."""

    def step() -> float:
        x = engine.leaf(0.5)
        y = x
        for _ in range(1_000_000):
            y = y + x
        (gradient,) = engine.sweep(y, [x])
        return float(gradient)

    return step


CASES = {"demo": demo, "chain": chain, "dag": dag, "vectors": vectors, "million": million}


def _ours() -> Engine:
    import tinygrad_ed as tg

    def sweep(root: Any, leaves: list[Any]) -> list[Any]:
        root.backward()
        return [leaf.grad for leaf in leaves]

    return Engine(tg.Node, sweep, lambda x: x.item(), lambda x: x.relu(), tg.tanh, tg.sum)


def _compiled_demo() -> Step:
    """The demo's step as a program: all numbers are arguments, and the gradients are results."""
    import tinygrad_ed as tg

    theta, data, labels = _moons()
    flat = [number for layer in theta for ws, b in layer for number in (*ws, b)]

    def error(numbers: list[Any]) -> Any:
        left = iter(numbers)
        network = [[([next(left) for _ in ws], next(left)) for ws, b in layer] for layer in theta]
        return _demo_cost(network, numbers, data, labels, lambda x: x.relu())

    program = tg.compile(tg.value_and_grad(error))

    def step() -> float:
        nonlocal flat
        value, gradients = program(flat)
        flat = [number - RATE * gradient for number, gradient in zip(flat, gradients, strict=True)]
        return float(value)

    return step


def _micrograd() -> Engine:
    from micrograd.engine import Value

    def sweep(root: Any, leaves: list[Any]) -> list[Any]:
        root.backward()
        return [leaf.grad for leaf in leaves]

    return Engine(Value, sweep, lambda x: x.data, lambda x: x.relu())


def _torch() -> Engine:
    import torch

    torch.set_num_threads(1)

    def leaf(value: Any) -> Any:
        return torch.tensor(value, dtype=torch.float64, requires_grad=True)

    def sweep(root: Any, leaves: list[Any]) -> Any:
        return torch.autograd.grad(root, leaves, allow_unused=True)

    return Engine(leaf, sweep, lambda x: x.item(), torch.relu, torch.tanh, torch.sum)


def _mygrad() -> Engine:
    import mygrad as mg

    def sweep(root: Any, leaves: list[Any]) -> list[Any]:
        root.backward()
        return [leaf.grad for leaf in leaves]

    return Engine(mg.tensor, sweep, lambda x: x.item(), lambda x: mg.maximum(x, 0.0), mg.tanh, mg.sum)


ENGINES = {"tinygrad_ed": _ours, "micrograd": _micrograd, "PyTorch": _torch, "MyGrad": _mygrad}
NEEDS = {
    "tinygrad_ed": None,
    "tinygrad_ed compiled": None,
    "micrograd": "micrograd",
    "PyTorch": "torch",
    "MyGrad": "mygrad",
}
TAKING_PART = {
    "demo": ["tinygrad_ed", "tinygrad_ed compiled", "micrograd", "PyTorch", "MyGrad"],
    "chain": ["tinygrad_ed", "micrograd", "PyTorch", "MyGrad"],
    "dag": ["tinygrad_ed", "micrograd", "PyTorch", "MyGrad"],
    "vectors": ["tinygrad_ed", "PyTorch", "MyGrad"],  # micrograd knows single numbers only
    "million": ["tinygrad_ed", "PyTorch"],  # the others recurse
}


def make(engine: str, case: Case) -> Step:
    """The step of one engine, run in a thread of its own: engines that recurse get a deep stack."""
    if engine == "tinygrad_ed compiled":
        return _compiled_demo()
    step = CASES[case["case"]](ENGINES[engine]())
    if engine != "micrograd":
        return step
    sys.setrecursionlimit(10**6)
    threading.stack_size(512 * 2**20)

    def in_a_thread() -> Any:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(step()))
        thread.start()
        thread.join()
        return found[0]

    return in_a_thread


MAKERS: dict[str, Maker] = {engine: partial(make, engine) for engine in NEEDS}


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=9, help="blocks of each contender (default: 9)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a block (default: 0.3)")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    found, figures = available(NEEDS), {}
    for case in options.cases:
        print(f"{case} ...", file=sys.stderr)
        names = [name for name in TAKING_PART[case] if name in found]
        order = {"case": case, "checked": 2 if case == "demo" else 1}
        figures[case] = measure(names, order, 1, options.rounds, options.seconds, tolerance=1e-9)
    text = table("Build and sweep, in units of ours, one thread", "tinygrad_ed", figures)
    print(text)
    if options.write:
        write(options.write, "Graphs of single numbers and of small vectors", text)


if __name__ == "__main__":
    run(MAKERS, main)
