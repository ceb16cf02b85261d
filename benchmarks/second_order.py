"""Second derivatives of a small and a middle-sized MLP, float64, one thread: what the transforms themselves cost.

Run `python benchmarks/second_order.py --help`. The cases:

* gradient: of half the mean squared error by all parameters;
* product: the Hessian of it times a direction (PyTorch: twice backward; jax: forward over reverse, jitted);
* hessian: all second derivatives of the network 2-12-1, of one vector of 49 parameters (`torch.func.hessian`).

Ours runs the function at every call; "ours compiled" is `tg.compile` of the same.
"""

import argparse
import itertools
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Maker, available, measure, run, table, write

Step = Callable[[], Any]
Vector = np.ndarray[Any, np.dtype[Any]]

CASES = {
    "gradient, 2-12-1, batch 8": ("gradient", (2, 12, 1), 8),
    "product, 2-12-1, batch 8": ("product", (2, 12, 1), 8),
    "hessian, 2-12-1, batch 8": ("hessian", (2, 12, 1), 8),
    "gradient, 64-128-64-10, batch 32": ("gradient", (64, 128, 64, 10), 32),
    "product, 64-128-64-10, batch 32": ("product", (64, 128, 64, 10), 32),
}


def cost(tanh: Any, x: Any, expected: Any, parameters: Any) -> Any:
    """An MLP with tanh and half the mean square, in operators that all libraries have."""
    for j in range(0, len(parameters), 2):
        x = x @ parameters[j] + parameters[j + 1]
        if j < len(parameters) - 2:
            x = tanh(x)
    distance = x - expected
    return (distance * distance).mean() * 0.5


def problem(sizes: tuple[int, ...], batch: int) -> tuple[Vector, Vector, list[Vector], list[Vector]]:
    """Inputs, expected outputs, parameters and a direction in their space."""
    rng = np.random.default_rng(0)
    parameters = []
    for n_in, n_out in itertools.pairwise(sizes):
        parameters += [rng.standard_normal((n_in, n_out)) / np.sqrt(n_in), rng.standard_normal(n_out)]
    direction = [rng.standard_normal(p.shape) for p in parameters]
    return rng.standard_normal((batch, sizes[0])), rng.standard_normal((batch, sizes[-1])), parameters, direction


def split(p: Any, like: list[Vector]) -> list[Any]:
    """One vector as the parameters."""
    ends = list(itertools.accumulate([x.size for x in like]))
    return [p[end - x.size : end].reshape(x.shape) for x, end in zip(like, ends, strict=True)]


def ours(what: str, sizes: tuple[int, ...], batch: int, compiled: bool) -> Step:
    """The step of this package."""
    import tinygrad_ed as tg

    x, expected, ps, vs = problem(sizes, batch)

    def f(*parameters: Any) -> Any:
        return cost(tg.tanh, x, expected, parameters)

    make: Callable[[Any], Any] = tg.compile if compiled else lambda f: f
    if what == "gradient":
        gradient = make(tg.grad(f, tuple(range(len(ps)))))
        return lambda: gradient(*ps)[0].sum()
    if what == "product":
        product = make(lambda xs, vs: tg.hvp(f, xs, vs))
        xs, directions = tuple(ps), tuple(vs)
        return lambda: product(xs, directions)[0].sum()
    hessian = make(tg.hessian(lambda p: f(*split(p, ps))))
    vector = np.concatenate([p.ravel() for p in ps])
    return lambda: hessian(vector).sum()


def pytorch(what: str, sizes: tuple[int, ...], batch: int) -> Step:
    """The step of PyTorch, eager."""
    import torch

    torch.set_num_threads(1)
    x, expected, ps, vs = [
        [torch.tensor(a) for a in group] if isinstance(group, list) else torch.tensor(group)
        for group in problem(sizes, batch)
    ]

    def f(*parameters: Any) -> Any:
        return cost(torch.tanh, x, expected, parameters)

    def gradient(again: bool) -> Any:
        leaves = [p.detach().requires_grad_(True) for p in ps]
        return leaves, torch.autograd.grad(f(*leaves), leaves, create_graph=again)

    def product() -> Any:
        leaves, slopes = gradient(True)
        return torch.autograd.grad(slopes, leaves, grad_outputs=vs)[0].sum()

    if what == "gradient":
        return lambda: gradient(False)[1][0].sum()
    if what == "product":
        return product
    like = problem(sizes, batch)[2]
    hessian = torch.func.hessian(lambda p: f(*split(p, like)))  # type: ignore[no-untyped-call]  # it has no types
    vector = torch.cat([p.ravel() for p in ps])
    return lambda: hessian(vector).sum()


def jitted(what: str, sizes: tuple[int, ...], batch: int) -> Step:
    """The step of jax.jit."""
    import jax

    x, expected, ps, vs = problem(sizes, batch)

    def f(parameters: Any) -> Any:
        return cost(jax.numpy.tanh, x, expected, parameters)

    if what == "gradient":
        program = jax.jit(jax.grad(f))
        return lambda: program(ps)[0].sum().block_until_ready()
    if what == "product":
        forward = jax.jit(lambda ps, vs: jax.jvp(jax.grad(f), (ps,), (vs,))[1])
        return lambda: forward(ps, vs)[0].sum().block_until_ready()
    hessian = jax.jit(jax.hessian(lambda p: f(split(p, ps))))
    vector = np.concatenate([p.ravel() for p in ps])
    return lambda: hessian(vector).sum().block_until_ready()


ENGINES: dict[str, Callable[..., Step]] = {
    "tinygrad_ed": partial(ours, compiled=False),
    "tinygrad_ed compiled": partial(ours, compiled=True),
    "PyTorch": pytorch,
    "jax.jit": jitted,
}
NEEDS = {"tinygrad_ed": None, "tinygrad_ed compiled": None, "PyTorch": "torch", "jax.jit": "jax"}


def make(engine: str, case: Case) -> Step:
    """The step of one engine."""
    what, sizes, batch = CASES[case["case"]]
    return ENGINES[engine](what, sizes, batch)


MAKERS: dict[str, Maker] = {engine: partial(make, engine) for engine in NEEDS}


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", nargs="+", default=["gradient", "product", "hessian"], help="kinds of cases")
    parser.add_argument("--rounds", type=int, default=9, help="blocks of each contender (default: 9)")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of a block (default: 0.2)")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    names, figures = available(NEEDS), {}
    for case in [case for case, (what, *_) in CASES.items() if what in options.only]:
        print(f"{case} ...", file=sys.stderr)
        figures[case] = measure(names, {"case": case}, 1, options.rounds, options.seconds, tolerance=1e-8)
    text = table("First and second derivatives, in units of PyTorch, float64, one thread", "PyTorch", figures)
    print(text)
    if options.write:
        write(options.write, "Second derivatives", text)


if __name__ == "__main__":
    run(MAKERS, main)
