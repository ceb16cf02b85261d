"""Gradient, Hessian and Hessian-vector product against PyTorch: python benchmarks/second_order.py (needs torch).

The same network in both, float64, one thread; the two take turns, call by call, and each row has the medians and their
ratio. Results are compared first, so that both do the same work.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import tinygrad_ed as tg

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


def compare(name: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = ROUNDS) -> None:
    """Check that both agree, then let them take turns."""
    for mine, other in zip(ours(), theirs(), strict=True):
        np.testing.assert_allclose(mine, other.detach().numpy(), rtol=1e-8, atol=1e-10)
    seconds: dict[Callable[[], Any], list[float]] = {ours: [], theirs: []}
    for _ in range(rounds):
        for f in (ours, theirs):
            began = time.perf_counter()
            f()
            seconds[f].append(time.perf_counter() - began)
    a, b = (statistics.median(seconds[f]) * 1e6 for f in (ours, theirs))
    print(f"{name:<44} {a:>9.0f} us {b:>9.0f} us {a / b:>7.2f}")


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
    gradient = tg.grad(ours, tuple(range(len(ps))))
    compare(f"gradient, {label}", lambda: gradient(*ps), lambda: torch_gradient()[1])
    compare(f"Hessian-vector product, {label}", lambda: tg.hvp(ours, tuple(ps), tuple(vs)), torch_hvp)
    if sum(p.size for p in ps) == 49:
        vector = np.concatenate([p.ravel() for p in ps])
        torch_vector = torch.tensor(vector)
        mine, other = tg.hessian(flat(ours, ps)), torch.func.hessian(flat(theirs, ps))
        compare(f"Hessian (49 parameters), {label}", lambda: [mine(vector)], lambda: [other(torch_vector)], rounds=60)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"{'':<44} {'tinygrad_ed':>12} {'PyTorch':>12} {'ratio':>7}")
    table((2, 12, 1), batch=8)
    table((64, 128, 64, 10), batch=32)


if __name__ == "__main__":
    main()
