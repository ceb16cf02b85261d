"""Gradient, Hessian and Hessian-vector product against PyTorch: python benchmarks/second_order.py (needs torch).

The same network in all, float64, one thread; ours, ours compiled and PyTorch take turns, call by call, and each row has
the medians and their ratios to PyTorch's. Results are compared first, so that all do the same work. Recording is not in
the times: it is done once, before.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import tinygrad_ed as tg
from tinygrad_ed.tape import compile  # noqa: A004  # torch and re have it too

ROUNDS = 200


def cost(np_: Any, x: Any, expected: Any, *parameters: Any) -> Any:
    """An MLP with tanh and half the mean square, said with functions that both libraries have."""
    for j in range(0, len(parameters), 2):
        x = x @ parameters[j] + parameters[j + 1]
        if j < len(parameters) - 2:
            x = np_.tanh(x)
    distance = x - expected
    return (distance * distance).mean() * 0.5


def problem(sizes: tuple[int, ...], batch: int) -> tuple[Any, Any, list[Any], list[Any]]:
    """Inputs, expected outputs, parameters and a direction in their space."""
    rng = np.random.default_rng(0)
    parameters = []
    for n_in, n_out in itertools.pairwise(sizes):
        parameters += [rng.standard_normal((n_in, n_out)) / np.sqrt(n_in), rng.standard_normal(n_out)]
    direction = [rng.standard_normal(p.shape) for p in parameters]
    return rng.standard_normal((batch, sizes[0])), rng.standard_normal((batch, sizes[-1])), parameters, direction


def flat(f: Callable[..., Any], parameters: list[Any]) -> Callable[[Any], Any]:
    """The same function of one vector."""

    def of_vector(p: Any) -> Any:
        parts, start = [], 0
        for like in parameters:
            parts.append(p[start : start + like.size].reshape(like.shape))
            start += like.size
        return f(*parts)

    return of_vector


def compare(name: str, f: Callable[..., Any], args: Any, theirs: Callable[[], Any], rounds: int = ROUNDS) -> None:
    """Check that all agree, then let them take turns."""
    compiled = compile(f)
    runs: list[Callable[[], Any]] = [lambda: f(*args), lambda: compiled(*args), theirs]
    expected = [np.asarray(other.detach()) for other in theirs()]
    for run in runs[:2]:
        for mine, other in zip(run(), expected, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-10)
    seconds: list[list[float]] = [[], [], []]
    for _ in range(rounds):
        for run, times in zip(runs, seconds, strict=True):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
    a, b, c = (statistics.median(times) * 1e6 for times in seconds)
    print(f"{name:<44} {a:>9.0f} us {b:>9.0f} us {c:>9.0f} us {a / c:>7.2f} {b / c:>9.3f}")


def table(sizes: tuple[int, ...], batch: int) -> None:
    """Print the rows of one network."""
    x, expected, ps, vs = problem(sizes, batch)
    tx, te = torch.tensor(x), torch.tensor(expected)
    tps, tvs = [torch.tensor(p) for p in ps], [torch.tensor(v) for v in vs]

    def ours(*parameters: Any) -> Any:
        return cost(tg, x, expected, *parameters)

    def theirs(*parameters: Any) -> Any:
        return cost(torch, tx, te, *parameters)

    def torch_gradient(again: bool = False) -> Any:
        leaves = [p.clone().requires_grad_(True) for p in tps]
        return leaves, torch.autograd.grad(theirs(*leaves), leaves, create_graph=again)

    def torch_hvp() -> Any:
        leaves, slopes = torch_gradient(again=True)
        return torch.autograd.grad(sum((s * v).sum() for s, v in zip(slopes, tvs, strict=True)), leaves)

    label = f"{'-'.join(map(str, sizes))}, batch {batch}"
    compare(f"gradient, {label}", tg.grad(ours, tuple(range(len(ps)))), ps, lambda: torch_gradient()[1])
    compare(f"Hessian-vector product, {label}", lambda xs, vs: tg.hvp(ours, xs, vs), (tuple(ps), tuple(vs)), torch_hvp)
    if sum(p.size for p in ps) == 49:
        vector = np.concatenate([p.ravel() for p in ps])
        torch_vector = torch.tensor(vector)
        mine, other = tg.hessian(flat(ours, ps)), torch.func.hessian(flat(theirs, ps))
        title = f"Hessian (49 parameters), {label}"
        compare(title, lambda v: [mine(v)], [vector], lambda: [other(torch_vector)], rounds=60)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"{'':<44} {'tinygrad_ed':>12} {'compiled':>12} {'PyTorch':>12} {'ratio':>7} {'compiled':>9}")
    table((2, 12, 1), batch=8)
    table((64, 128, 64, 10), batch=32)


if __name__ == "__main__":
    main()
