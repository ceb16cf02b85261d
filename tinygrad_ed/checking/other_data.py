"""Changes of the data that would show a mistake, or tell two apart: a larger batch, other widths, another Φ, ..."""

from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.problem import Problem

OTHER = ("sigmoid", "softplus", "tanh")


def probes(problem: Problem) -> list[tuple[str, Problem]]:
    """Return problems that differ from this one in one thing, and then in several, each with that in words."""
    rng = np.random.default_rng(0)
    L, M = len(problem.omega), len(problem.x)
    sizes = [problem.x.shape[1], *[problem.omega[j].shape[1] for j in range(1, L + 1)]]
    samples = next(m for m in range(3, L + 6) if m not in (M, *sizes))
    widths = [n for n in range(3, L + 5) if n != M][: L + 1]
    x, rho = rng.normal(size=(samples, sizes[0])), _expected(rng, problem.cost, samples, sizes[-1])
    beta: dict[int, Any] = {j: rng.normal(size=sizes[j]) for j in range(1, L + 1)} if problem.beta else {}
    all_biased = problem.beta.keys() == beta.keys() and all(b.all() for b in problem.beta.values())
    larger = _of_sizes(problem, L + 5, list(range(3, L + 4)))
    deeper = _of_sizes(problem, L + 7, list(range(3, L + 6)))
    return [
        (f"a batch of {samples} samples", problem._replace(x=x, rho=rho)),
        ("other biases" if all_biased else "biases that are not zero", problem._replace(beta=beta)),
        (f"layers of widths {'-'.join(map(str, widths))}", _of_sizes(problem, M, widths)),
        ("a larger batch and other widths", larger),
        ("outputs farther from what is expected", _far(problem)),
        ("other activations", _other_phis(problem)),
        ("another cost", _other_cost(problem)),
        (f"{L + 2} layers", deeper),
        ("a larger network with other activations", _other_phis(_far(deeper))),
        ("a larger network with other activations and another cost", _other_phis(_other_cost(deeper))),
    ]


def _of_sizes(problem: Problem, M: int, sizes: list[int]) -> Problem:
    """Return the problem with random numbers in other shapes; new hidden layers get the Φ of the first."""
    rng, L = np.random.default_rng(1), len(sizes) - 1
    omega = {j: rng.normal(size=(sizes[j - 1], sizes[j])) for j in range(1, L + 1)}
    beta = {j: rng.normal(size=sizes[j]) for j in range(1, L + 1)} if problem.beta else {}
    x, rho = rng.normal(size=(M, sizes[0])), _expected(rng, problem.cost, M, sizes[-1])
    phis = list(problem.activations.values())
    phis = [phis[0]] * (L - len(phis)) + phis
    return Problem(omega, beta, dict(enumerate(phis, start=1)), x, rho, problem.cost)


def _other_phis(problem: Problem) -> Problem:
    """Return the problem with other smooth activations: no two neighbors are the same, and none stays where it was."""
    others: dict[int, str] = {}
    for j, phi in problem.activations.items():
        others[j] = next(other for other in OTHER if other not in (phi, others.get(j - 1)))
    return problem._replace(activations=others)


def _other_cost(problem: Problem) -> Problem:
    """Return a cost with a gradient of its own."""
    cost = "logistic" if problem.cost != "logistic" else "mse"
    return problem._replace(cost=cost, rho=_expected(np.random.default_rng(2), cost, *problem.rho.shape))


def _far(problem: Problem) -> Problem:
    """Tell where the expected values are free, move them away from the outputs; else make the outputs larger."""
    if COSTS[problem.cost].expects == "numbers":
        return problem._replace(rho=problem.rho + np.resize([10.0, -10.0], problem.rho.shape))
    L = len(problem.omega)
    omega, beta = [{**book, L: 10 * book[L]} if L in book else book for book in (problem.omega, problem.beta)]
    return problem._replace(omega=omega, beta=beta)


def _expected(rng: np.random.Generator, cost: str, M: int, n: int) -> Array:
    """Return random expected values that the cost takes."""
    expects = COSTS[cost].expects
    if expects == "shares":
        return rng.dirichlet(np.ones(n), size=M)
    if expects == "numbers":
        return rng.normal(size=(M, n))
    return rng.choice([-1.0 if expects == "labels" else 0.0, 1.0], size=(M, n))
