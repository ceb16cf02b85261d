"""The roads to the gradient: each fills a *ledger* with the quantities of the slides, by name and in their order.

- `graph`: the network as a graph of Nodes; P and B are gradients of its inner nodes;
- `rules`: the lecture's rules, layer by layer, for the whole batch;
- `jacobians`: the derivation taken literally, one sample at a time;
- `numeric`: central differences (the cost and the parameter gradients).

`crosscheck.py` lays the ledgers side by side. A road takes a network and the checked batch of `batch_of`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_ed.backward import pull
from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.differences import numeric_derivative
from tinygrad_ed.errors import InvalidType
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.node import Node
from tinygrad_ed.recording import recording
from tinygrad_ed.values import Array

Ledger = dict[str, Any]
Road = Callable[[MLP, Array, Array, str], Ledger]

STEP = 6e-6  # of central differences
NOISE = 1e-9  # the rounding of a cost of one over that step, and room


def by_graph(mlp: MLP, x: Array, rho: Array, cost: str) -> Ledger:
    """Build the graph once, sweep once, and read P and B off its inner nodes."""
    L = len(mlp.layers)
    alpha, zeta = {0: Node(x, name="alpha[0]")}, {}
    with recording(True):
        for j, layer in enumerate(mlp.layers, start=1):
            zeta[j] = layer.net_input(alpha[j - 1])
            alpha[j] = layer.activate(zeta[j])
        error = costs.find(cost)(alpha[L], rho)
    inner = [*alpha.values(), *zeta.values(), *mlp.parameters()]
    gradient = dict(zip(inner, pull([error], [1.0], inner), strict=True))

    book: Ledger = {"alpha[0]": x}
    for j in range(1, L + 1):
        book |= {f"zeta[{j}]": zeta[j].value, f"alpha[{j}]": alpha[j].value}
    book |= {"cost": error.item(), f"P[{L + 1}]": gradient[alpha[L]]}
    for j in range(L, 0, -1):
        book |= {f"B[{j}]": gradient[zeta[j]], f"P[{j}]": gradient[alpha[j - 1]]}
    for j in range(L, 0, -1):
        layer = mlp.layers[j - 1]
        book |= {f"grad_omega[{j}]": gradient[layer.weights], f"grad_beta[{j}]": gradient[layer.bias]}
    return _own(book)


def by_rules(
    mlp: MLP, x: Array, rho: Array, cost: str, readers: Mapping[str, Callable[..., Any]] = rules.RULES
) -> Ledger:
    """Run the lecture's two algorithms, with a reader's own version of some rules where there is one."""
    return _own(rules.quantities(*parameters_of(mlp), x, rho, cost, readers))


def by_jacobians(mlp: MLP, x: Array, rho: Array, cost: str) -> Ledger:
    """Build every Jacobian, sample by sample."""
    return _own(jacobians.quantities(*parameters_of(mlp), x, rho, cost))


def by_numeric(mlp: MLP, x: Array, rho: Array, cost: str) -> Ledger:
    """Move one parameter at a time, in float64, and watch the cost.

    A weight counts in units of the inputs that it meets, and the cost in units of itself: then a step is small
    for the net input also if the data are large, and rounding is not taken for a kink. NaN stands where there is
    no numeric derivative to be had: within a step of a kink. (A smaller step would come nearer to it, but with
    more rounding than `rounding.py` allows.)
    """
    omega, beta, _ = parameters_of(mlp)
    omega, beta = [{j: p.astype(float) for j, p in parameters.items()} for parameters in (omega, beta)]
    reach, alpha = {}, x.astype(float)
    for j, layer in enumerate(mlp.layers, start=1):
        reach[j] = reach_of(alpha)
        alpha = layer.activate(alpha @ omega[j] + beta[j])

    def error(omega: Mapping[int, Array], beta: Mapping[int, Array]) -> Any:
        alpha = x.astype(float)
        for j, layer in enumerate(mlp.layers, start=1):
            alpha = layer.activate(alpha @ omega[j] + beta[j])
        return costs.find(cost)(alpha, rho)

    book: Ledger = {"cost": error(omega, beta)}
    unit = max(1.0, book["cost"])
    for j in range(len(omega), 0, -1):

        def by_omega(w: Array, j: int = j) -> Any:
            return error({**omega, j: w / reach[j]}, beta) / unit

        def by_beta(b: Array, j: int = j) -> Any:
            return error(omega, {**beta, j: b}) / unit

        slopes = numeric_derivative(by_omega, omega[j] * reach[j], STEP, retry=False)
        book[f"grad_omega[{j}]"] = slopes * (unit * reach[j])
        book[f"grad_beta[{j}]"] = numeric_derivative(by_beta, beta[j], STEP, retry=False) * unit
    return book


ROADS: dict[str, Road] = {"graph": by_graph, "rules": by_rules, "jacobians": by_jacobians, "numeric": by_numeric}
"""The roads by name."""


def reach_of(alpha: Array) -> float:
    """How far the net input moves, at most, when a weight moves by one; at least 1.

    >>> reach_of(np.array([[0.5, -3.0]]))
    3.0
    """
    return max(1.0, float(np.max(np.abs(alpha))))


def parameters_of(mlp: MLP) -> tuple[dict[int, Array], dict[int, Array], dict[int, str]]:
    """Return Ω, β (read-only) and the names of Φ by layer, as `closed_form` takes them: plain data, no lemmas."""
    numbered = list(enumerate(mlp.layers, start=1))
    omega = {j: layer.weights.value for j, layer in numbered}
    beta = {j: layer.bias.value for j, layer in numbered}
    return omega, beta, {j: layer.activation for j, layer in numbered}


def batch_of(mlp: MLP, x: Any, rho: Any, cost: str) -> tuple[Array, Array]:
    """Return inputs `(M, n_0)` and expected outputs `(M, n_L)` in the network's dtype, as `mlp.problem` checks them.

    Raises:
        InvalidType: for a network that is not an MLP; and what `MLP.problem` raises.

    >>> batch_of(MLP([2, 3], rng=0), [0.5, -1.0], 2, "cross_entropy")
    (array([[ 0.5, -1. ]]), array([[0., 0., 1.]]))
    """
    if not isinstance(mlp, MLP):
        raise InvalidType(f"expected a tg.nn.MLP, but got {mlp!r}")
    problem = mlp.problem(x, rho, cost)
    return problem.x, problem.rho


def _own(book: Ledger) -> Ledger:
    """Copies: whoever changes a ledger changes neither the network nor another entry."""
    return {name: np.array(value) if np.ndim(value) else value for name, value in book.items()}
