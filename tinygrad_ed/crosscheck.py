"""One network, several roads to its gradient, compared quantity by quantity.

A *ledger* holds every quantity of the slides that a road computes, by name, in the order of the slides:

- `graph`: the network as a graph of Nodes; P and B are gradients of its inner nodes;
- `rules`: the lecture's rules, layer by layer, for the whole batch;
- `jacobians`: the derivation taken literally, one sample at a time;
- `numeric`: central differences (the cost and the parameter gradients).

A *cross-check* lays ledgers side by side. In this order every quantity is computed from those before it, so
the first one that differs is where the mistake was made; all that follow have only inherited it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.backward import partial_gradients
from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, nearest
from tinygrad_ed.gradcheck import numeric_derivative
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.node import Array, Node, plain, recording

Ledger = dict[str, Any]
ROADS = ("graph", "rules", "jacobians", "numeric")


def ledger(mlp: MLP, x: Any, rho: Any, cost: str = "mse", road: str = "rules") -> Ledger:
    """Return every quantity that a road computes, by name, in the order of the slides.

    The names are `alpha[0] zeta[1] alpha[1] ... alpha[L] cost P[L+1] B[L] P[L] ... B[1] P[1] grad_omega[L]
    grad_beta[L] ... grad_omega[1] grad_beta[1]`, with the numbers written out. Each is an array with the batch
    axis first, also for one sample, except the parameter gradients; `cost` is a float. P and B are derivatives
    of the mean E: the 1/M is in `P[L+1]` already.

    Args:
        mlp: the network.
        x: the batch `(M, n_0)`, or one sample `(n_0,)`.
        rho: the expected outputs `(M, n_L)`, or `(n_L,)`; for cross_entropy class numbers as well.
        cost: the name of the cost, see `nn.costs`.
        road: graph, rules, jacobians or numeric.

    Raises:
        InvalidValue: for an unknown cost or road, an empty batch, NaN or infinite data.
        InvalidType: for a network that is not an MLP, or data that are not numbers.
        ShapeError: for a wrong width; the message names both shapes.

    >>> book = ledger(MLP([2, 3, 1], rng=0), [0.5, -1.0], [1.0])
    >>> list(book)[:5], book["B[1]"].shape
    (['alpha[0]', 'zeta[1]', 'alpha[1]', 'zeta[2]', 'alpha[2]'], (1, 3))
    """
    return _ROADS[_known_road(road)](*_prepared(mlp, x, rho, cost), {})


@dataclass(frozen=True)
class Row:
    """One quantity: its value on each road that has it, and the largest difference between two of them."""

    quantity: str
    values: dict[str, Any]
    difference: float
    agree: bool
    odd: str | None
    """The road that stands alone against at least two that agree, if there is one."""
    problem: str | None = None
    """What a reader's rule did wrong here, other than a wrong number: it raised, or gave another shape."""


@dataclass(frozen=True)
class Divergence:
    """The first quantity that differs, and the roads that differ there (the odd one alone, if it stands alone)."""

    quantity: str
    roads: tuple[str, ...]
    problem: str | None = None

    def __str__(self) -> str:
        who = f"road {self.roads[0]!r} differs" if len(self.roads) == 1 else f"roads {', '.join(self.roads)} differ"
        return f"first divergence: {self.quantity} ({who})" + (f": {self.problem}" if self.problem else "")


@dataclass(frozen=True)
class CrossCheck:
    """The roads side by side. `str()` is a table."""

    roads: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def agree(self) -> bool:
        """Whether all roads agree in all quantities."""
        return all(row.agree for row in self.rows)

    @property
    def first_divergence(self) -> Divergence | None:
        """The first quantity, in the order of the slides, that differs; None if all agree."""
        for row in self.rows:
            if not row.agree:
                return Divergence(row.quantity, (row.odd,) if row.odd else tuple(row.values), row.problem)
        return None

    def __str__(self) -> str:
        head = f"{'quantity':<14} {'shape':<12} " + " ".join(f"{road:>13}" for road in self.roads) + "   difference"
        lines = [head, "-" * len(head)]
        for row in self.rows:
            shape = np.shape(next(iter(row.values.values())))
            cells = [_norm(row.values[road]) if road in row.values else "" for road in self.roads]
            verdict = "✓" if row.agree else f"✗ {row.odd or 'differ'}"
            lines.append(
                f"{row.quantity:<14} {'×'.join(map(str, shape)) or 'number':<12} "
                + " ".join(f"{cell:>13}" for cell in cells)
                + f"   {row.difference:<10.1e} {verdict}"
            )
        lines.append("-" * len(head))
        lines.append("(of an array the table shows the root of the sum of squares)")
        if self.first_divergence is None:
            lines.append(f"all {len(self.rows)} quantities agree on the roads {', '.join(self.roads)}")
        else:
            lines.append(str(self.first_divergence))
        return "\n".join(lines)


def crosscheck(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    roads: Sequence[str] = ROADS,
    rules: Mapping[str, Callable[..., Any]] | None = None,
) -> CrossCheck:
    """Compute the ledger on several roads and compare it quantity by quantity.

    Two values agree if they differ by at most 1e-10 of their largest entry in float64 (1e-6 against the road
    `numeric`, whose entries at a kink are NaN and left out; 2e-4 and 2e-3 in float32), plus what rounding of the
    largest number in the ledger explains.

    Args:
        mlp: the network.
        x: the inputs, as in `ledger`.
        rho: the expected outputs, as in `ledger`.
        cost: the name of the cost.
        roads: at least two of graph, rules, jacobians, numeric.
        rules: a reader's own version of some of `closed_form.rules.RULES`, with the same signatures; used on the
            road `rules` only, so that the others judge it. One that raises or gives another shape is a finding
            too: NaN stands in its place, and the divergence says what happened.

    Raises:
        InvalidValue: for unknown roads or rules, or fewer than two roads; and as `ledger`.

    >>> print(crosscheck(MLP([1, 1], rng=0), [2.0], [1.0], rules={"grad_beta": lambda B: 2 * B.sum(axis=0)})
    ...     .first_divergence)
    first divergence: grad_beta[1] (road 'rules' differs)
    """
    chosen = tuple(dict.fromkeys(_known_road(road) for road in roads))
    if len(chosen) < 2:
        raise InvalidValue(f"a cross-check needs at least two roads of {', '.join(ROADS)}; it got {list(roads)!r}")
    own = dict(rules or {})
    for name, rule in own.items():
        if name not in _RULES:
            raise InvalidValue(f"unknown rule {name!r}. {nearest(name, _RULES)}")
        if not callable(rule):
            raise InvalidType(f"the rule {name!r} must be a function with the signature of the one it replaces")
    prepared = _prepared(mlp, x, rho, cost)
    judged = {name: _Judged(name, rule) for name, rule in own.items()}
    books = {road: _ROADS[road](*prepared, judged if road == "rules" else {}) for road in chosen}
    names = next(book for road, book in books.items() if road != "numeric")
    largest = max([_largest(value) for book in books.values() for value in book.values()])
    problems = {rule.name: rule.problem for rule in judged.values() if rule.problem}
    return CrossCheck(chosen, tuple(_row(name, books, mlp.dtype, largest, problems) for name in names))


class _Judged:
    """A reader's rule, run so that what it raises or a wrong shape becomes a finding and the others go on."""

    def __init__(self, name: str, rule: Callable[..., Any]) -> None:
        self.name, self.rule, self.problem = name, rule, ""

    def __call__(self, *args: Any) -> Any:
        expected = _RULES[self.name](*args)
        try:
            result = np.asarray(self.rule(*args), dtype=float)
        except Exception as error:  # noqa: BLE001  # whatever a reader's rule raises is a finding
            self.problem = f"your {self.name} raised {type(error).__name__}: {error}"
            return np.full_like(expected, np.nan)
        if result.shape == expected.shape:
            return result
        self.problem = f"your {self.name} returned shape {result.shape}; expected was {expected.shape}"
        return result if self.name.startswith("grad") else np.full_like(expected, np.nan)


def _row(name: str, books: dict[str, Ledger], dtype: np.dtype[Any], largest: float, problems: dict[str, str]) -> Row:
    """Compare one quantity on the roads that have it."""
    values = {road: book[name] for road, book in books.items() if name in book}
    scale = max([_largest(value) for value in values.values()])
    roads = list(values)
    apart = {(a, b): _difference(values, a, b) for i, a in enumerate(roads) for b in roads[i + 1 :]}
    differing = {pair for pair, d in apart.items() if not d <= _tolerance(pair, dtype, scale, largest)}
    alone = [road for road in roads if len(differing) > 1 and all([road in pair for pair in differing])]
    difference = float(np.max(list(apart.values()), initial=0.0))
    problem = problems.get(_rule_of(name, books)) if differing else None
    return Row(name, values, difference, not differing, alone[0] if alone else None, problem)


def _rule_of(quantity: str, books: dict[str, Ledger]) -> str:
    """The name of the rule that computes a quantity."""
    letter = quantity.split("[")[0]
    if letter != "B":
        return letter
    last = max(int(name[2:-1]) for book in books.values() for name in book if name.startswith("B["))
    return "B_last" if quantity == f"B[{last}]" else "B_hidden"


def _largest(value: Any) -> float:
    """The largest finite entry."""
    entries = np.abs(np.asarray(value, float))
    return float(np.max(entries, initial=0.0, where=np.isfinite(entries)))


def _difference(values: dict[str, Any], a: str, b: str) -> float:
    """The largest difference of entries; infinite for different shapes. At a kink there is no numeric derivative."""
    first, second = np.asarray(values[a], float), np.asarray(values[b], float)
    if first.shape != second.shape:
        return np.inf
    apart = np.abs(first - second)
    counted = ~np.isnan(values["numeric"]) if "numeric" in (a, b) else np.full(apart.shape, True)
    return float(np.max(apart, initial=0.0, where=counted))


def _tolerance(pair: tuple[str, str], dtype: np.dtype[Any], scale: float, largest: float) -> float:
    """A part of the quantity's own size, and what rounding of the ledger's largest number explains."""
    single, numeric = dtype == np.float32, "numeric" in pair
    own, rounding = (2e-3 if numeric else 2e-4, 1e-5) if single else (1e-6, 1e-8) if numeric else (1e-10, 1e-13)
    return own * scale + rounding * max(1.0, largest)


def _norm(value: Any) -> str:
    return f"{float(np.sqrt(np.sum(np.square(np.asarray(value, float))))):.8g}" if np.ndim(value) else f"{value:.8g}"


# The roads. Each takes what `_prepared` returns, and the reader's own rules.


def _graph_road(mlp: MLP, x: Array, rho: Array, cost: str, own: Mapping[str, Any]) -> Ledger:
    """Build the graph once, sweep once, and read P and B off its inner nodes."""
    L = len(mlp.layers)
    alpha, zeta = {0: Node(x, name="alpha[0]")}, {}
    with recording(True):
        for j, layer in enumerate(mlp.layers, start=1):
            zeta[j] = layer.net_input(alpha[j - 1])
            alpha[j] = layer.activate(zeta[j])
        error = costs.find(cost)(alpha[L], rho)
    inner = [*alpha.values(), *zeta.values(), *mlp.parameters()]
    found = dict(zip(inner, partial_gradients(error, inner, 1.0, False), strict=True))

    def gradient(node: Node) -> Any:
        return np.zeros(node.shape, node.dtype) if found[node] is None else np.array(found[node])

    return _in_order(
        {j: np.array(node.value) for j, node in alpha.items()},
        {j: np.array(node.value) for j, node in zeta.items()},
        float(plain(error)),
        {j + 1: gradient(node) for j, node in alpha.items()},
        {j: gradient(node) for j, node in zeta.items()},
        {j: gradient(layer.weights) for j, layer in enumerate(mlp.layers, start=1)},
        {j: gradient(layer.bias) for j, layer in enumerate(mlp.layers, start=1)},
    )


def _rules_road(mlp: MLP, x: Array, rho: Array, cost: str, own: Mapping[str, Any]) -> Ledger:
    return rules.quantities(*parameters_of(mlp), x, rho, cost, {**_RULES, **own})


def _jacobians_road(mlp: MLP, x: Array, rho: Array, cost: str, own: Mapping[str, Any]) -> Ledger:
    return jacobians.quantities(*parameters_of(mlp), x, rho, cost)


def _numeric_road(mlp: MLP, x: Array, rho: Array, cost: str, own: Mapping[str, Any]) -> Ledger:
    """Move one parameter at a time, in float64, and watch the cost."""
    omega = {j: np.asarray(layer.weights.value, float) for j, layer in enumerate(mlp.layers, start=1)}
    beta = {j: np.asarray(layer.bias.value, float) for j, layer in enumerate(mlp.layers, start=1)}
    x, rho = np.asarray(x, float), np.asarray(rho, float)

    def error(omega: Mapping[int, Array], beta: Mapping[int, Array]) -> Any:
        alpha = x
        for j, layer in enumerate(mlp.layers, start=1):
            alpha = layer.activate(alpha @ omega[j] + beta[j])
        return costs.find(cost)(alpha, rho)

    book: Ledger = {"cost": float(error(omega, beta))}
    for j in range(len(omega), 0, -1):
        book[f"grad_omega[{j}]"] = numeric_derivative(lambda w, j=j: error({**omega, j: w}, beta), omega[j])
        book[f"grad_beta[{j}]"] = numeric_derivative(lambda b, j=j: error(omega, {**beta, j: b}), beta[j])
    return book


_RULES = rules.RULES
_ROADS: dict[str, Callable[..., Ledger]] = {
    "graph": _graph_road,
    "rules": _rules_road,
    "jacobians": _jacobians_road,
    "numeric": _numeric_road,
}


def _known_road(road: str) -> str:
    if road not in _ROADS:
        raise InvalidValue(f"unknown road {road!r}. {nearest(road, _ROADS)}")
    return road


def _in_order(alpha: Any, zeta: Any, cost: float, P: Any, B: Any, grad_omega: Any, grad_beta: Any) -> Ledger:
    """Give the quantities their names, in the order of the slides."""
    L = len(zeta)
    book: Ledger = {"alpha[0]": alpha[0]}
    for j in range(1, L + 1):
        book |= {f"zeta[{j}]": zeta[j], f"alpha[{j}]": alpha[j]}
    book |= {"cost": cost, f"P[{L + 1}]": P[L + 1]}
    for j in range(L, 0, -1):
        book |= {f"B[{j}]": B[j], f"P[{j}]": P[j]}
    for j in range(L, 0, -1):
        book |= {f"grad_omega[{j}]": grad_omega[j], f"grad_beta[{j}]": grad_beta[j]}
    return book


def parameters_of(mlp: MLP) -> tuple[dict[int, Array], dict[int, Array], dict[int, str]]:
    """Return Ω, β and the names of Φ by layer, as `closed_form` takes them: plain data, no lemmas."""
    numbered = list(enumerate(mlp.layers, start=1))
    omega = {j: layer.weights.value for j, layer in numbered}
    beta = {j: layer.bias.value for j, layer in numbered}
    return omega, beta, {j: layer.activation for j, layer in numbered}


def _prepared(mlp: MLP, x: Any, rho: Any, cost: str) -> tuple[MLP, Array, Array, str]:
    """Check the data before anything is computed; return them as batches."""
    if not isinstance(mlp, MLP):
        raise InvalidType(f"expected a tg.nn.MLP, but got {mlp!r}")
    costs.find(cost)
    x, rho = batch_of(mlp, x, rho, cost)
    return mlp, x, rho, cost


def batch_of(mlp: MLP, x: Any, rho: Any, cost: str) -> tuple[Array, Array]:
    """Return inputs `(M, n_0)` and expected outputs `(M, n_L)` in the network's dtype, after all checks.

    Raises:
        InvalidType, InvalidValue, ShapeError: as `ledger`.
    """
    n_in, n_out = mlp.sizes[0], mlp.sizes[-1]
    x, rho = np.asarray(plain(x)), np.asarray(plain(rho))
    for what, data in (("x", x), ("rho", rho)):
        if data.dtype.kind not in "fiub":
            raise InvalidType(f"{what} must hold numbers, but its dtype is {data.dtype}")
    if not 1 <= x.ndim <= 2 or x.shape[-1] != n_in:
        raise ShapeError(
            f"layer 1 has weights W1 of shape {mlp.layers[0].weights.shape} and takes inputs of shape (M, {n_in}), or "
            f"({n_in},) for one sample; x has shape {x.shape}"
        )
    if len(x) == 0:
        raise InvalidValue(f"x is an empty batch (shape {x.shape}); there is nothing to average over")
    rho = costs.matching(cost, np.broadcast_to(0.0, (*x.shape[:-1], n_out)), rho)
    for what, data in (("x", x), ("rho", rho)):
        if not np.isfinite(data).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(data))[0])
            raise InvalidValue(f"{what} holds {data[where]} at {list(where)}; every number must be finite")
    return np.atleast_2d(x).astype(mlp.dtype), np.atleast_2d(rho).astype(mlp.dtype)
