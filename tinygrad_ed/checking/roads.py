"""The roads to the gradient: each fills a *ledger* with the quantities of the slides, by name and in their order.

- `graph`: the network as a graph of Nodes; P and B are gradients of its inner nodes;
- `tape`: that graph recorded as a program and replayed (it is the graph's road once more, not one of its own);
- `rules`: the lecture's rules, layer by layer, for the whole batch;
- `jacobians`: the derivation taken literally, one sample at a time;
- `numeric`: central differences (the cost and the parameter gradients).

`crosscheck.py` lays the ledgers side by side. A road takes a network and the checked batch of `batch_of`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.closed_form import jacobians, rules
from tinygrad_ed.graph.differences import stacked_derivative
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, costs
from tinygrad_ed.nn.batch import forward, parameters_of
from tinygrad_ed.notation.letters import named
from tinygrad_ed.notation.tables import table
from tinygrad_ed.notation.writing import LECTURE, Writing
from tinygrad_ed.tape import compile  # noqa: A004  # ours, as re and torch have theirs

VANISHED = 1e-4  # of the gradient in the last layer
STEP = 6e-6  # of central differences
NOISE = 1e-9  # the rounding of a cost of one over that step, and room
MANY, DRAWN = 5_000, 64  # above so many parameters, so many entries of each array are judged by central differences


class Ledger(dict[str, Any]):
    """The quantities of one road by name, in the order of the slides: a dict that prints itself as a table.

    >>> book = Ledger({"alpha[0]": np.array([[0.5, -1.0]]), "cost": 1.25})
    >>> book
    <Ledger of 2 quantities: alpha[0] ... cost>
    >>> print(book)
    quantity  shape   value
    alpha[0]  1×2     [[0.5 -1]]
    cost      number  1.25
    """

    def __repr__(self) -> str:
        ends = f": {next(iter(self))} ... {next(reversed(self))}" if self else ""
        return f"<Ledger of {len(self)} quantities{ends}>"

    def __str__(self) -> str:
        return self.in_letters(LECTURE)

    def in_letters(self, write: Writing) -> str:
        """Return the table with the quantities in other letters."""
        rows = [("quantity", "shape", "value")]
        for name, value in self.items():
            numbers = " ".join(entries(value, most=12, edge=1).split()).replace("[ ", "[")
            rows.append((write.name(name), shape_text(value), numbers))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {value}" for name, shape, value in rows]
        sizes = [float(np.linalg.norm(self[name])) for name in self if name.startswith("B[")]  # from the last layer
        if sizes and 0 < sizes[-1] < VANISHED * sizes[0]:
            first, last = write.name("B[1]"), write.name(f"B[{len(sizes)}]")
            lines.append(f"gradients vanish: {first} has {sizes[-1] / sizes[0]:.1e} times the size of {last}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a row for each quantity, with its letter and its values."""
        rows = [(named(name).unicode, name, shape_text(value), entries(value)) for name, value in self.items()]
        return table(("letter", "in code", "shape", "value"), rows, "lllp")


def shape_text(value: Any) -> str:
    """Return the shape of a quantity as a table shows it: 4×3."""
    return "×".join(map(str, np.shape(value))) or "number"


def entries(value: Any, most: int = 48, edge: int = 2) -> str:
    """Return numbers in five significant digits, row by row; of more than `most` entries `edge` at each end."""
    if not np.ndim(value):
        return f"{value:.6g}"

    def written(width: int) -> str:
        how: dict[str, Any] = {"formatter": {"all": lambda number: f"{number:{width}.5g}"}, "max_line_width": 200}
        return np.array2string(np.asarray(value), threshold=most, edgeitems=edge, **how)

    return written(max(map(len, written(0).replace("[", " ").replace("]", " ").split()), default=0))


Road = Callable[[MLP, Array, Array, str], Ledger]


def by_graph(mlp: MLP, x: Array, rho: Array, cost: str) -> Ledger:
    """Build the graph on copies of the parameters, call `.backward()`, and read P and B off its inner nodes."""
    with recording(True):
        return _own(_swept(mlp, [Node(parameter.value) for parameter in mlp.parameters()], x, rho, cost))


def by_tape(mlp: MLP, x: Array, rho: Array, cost: str) -> Ledger:
    """Record the same as a program (`tape/`), and replay it."""

    def program(parameters: list[Array], x: Array, rho: Array) -> dict[str, Any]:
        return _swept(mlp, [Node(parameter) for parameter in parameters], x, rho, cost)

    return _own(compile(program)([parameter.value for parameter in mlp.parameters()], x, rho))


def _swept(mlp: MLP, parameters: Sequence[Node], x: Array, rho: Array, cost: str) -> dict[str, Any]:
    """Return the ledger of a network's graph, with these parameters in the place of its own."""
    L = len(mlp.layers)
    alpha, zeta = forward(mlp, Node(x, name="alpha[0]"), parameters)
    error = costs.find(cost)(alpha[L], rho)
    error.backward()

    book: dict[str, Any] = {"alpha[0]": x}
    for j in range(1, L + 1):
        book |= {f"zeta[{j}]": zeta[j].value, f"alpha[{j}]": alpha[j].value}
    book |= {"cost": error.value, f"P[{L + 1}]": alpha[L].grad}
    for j in range(L, 0, -1):
        book |= {f"B[{j}]": zeta[j].grad, f"P[{j}]": alpha[j - 1].grad}
    found = iter([parameter.grad for parameter in parameters])
    kinds = [("omega", "beta")[: len(layer.parameters())] for layer in mlp.layers]
    gradients = [{f"grad_{kind}[{j}]": next(found) for kind in own} for j, own in enumerate(kinds, start=1)]
    for own in reversed(gradients):
        book |= own
    return book


def by_rules(
    mlp: MLP, x: Array, rho: Array, cost: str, readers: Mapping[str, Callable[..., Any]] = rules.RULES
) -> Ledger:
    """Run the lecture's two algorithms, with a reader's own version of some rules where there is one."""
    return _own(rules.quantities(*parameters_of(mlp), x, rho, cost, readers))


def by_jacobians(mlp: MLP, x: Array, rho: Array, cost: str) -> Ledger:
    """Build every Jacobian, sample by sample."""
    return _own(jacobians.quantities(*parameters_of(mlp), x, rho, cost))


def by_numeric(mlp: MLP, x: Array, rho: Array, cost: str) -> Ledger:
    """Move one parameter at a time, in float64, and watch the cost; NaN stands within a step of a kink.

    A weight counts in units of the inputs that it meets, and the cost in units of itself: then a step is small
    for the net input also if the data are large, and rounding is not taken for a kink. Of a large network a drawn
    sample is judged; NaN stands elsewhere, too.
    """
    omega, beta, _ = parameters_of(mlp)
    omega, beta = [{j: p.astype(float) for j, p in parameters.items()} for parameters in (omega, beta)]
    L, C = len(omega), costs.individual(cost)
    alpha, _ = forward(mlp, x.astype(float), [p[j] for j in omega for p in (omega, beta) if j in p])
    shift = {j: beta.get(j, 0.0) for j in omega}
    large, draw = sum([p.size for p in [*omega.values(), *beta.values()]]) > MANY, np.random.default_rng(0)

    def error(zeta: Array, j: int) -> Array:
        """Return E for each of many net inputs of layer j, `(K, M, n_j)`."""
        alpha = np.asarray(mlp.layers[j - 1].activate(zeta))
        for i in range(j + 1, L + 1):
            alpha = np.asarray(mlp.layers[i - 1].activate(alpha @ omega[i] + shift[i]))
        return np.asarray(np.mean(C(alpha, rho), axis=-1))

    book = Ledger(cost=float(np.mean(C(alpha[L], rho))))
    unit: float = max(1.0, book["cost"])
    for j in range(L, 0, -1):
        below, reach = alpha[j - 1], reach_of(alpha[j - 1])

        def by_omega(w: Array, j: int = j, below: Array = below, reach: float = reach) -> Array:
            return error(below @ (w / reach) + shift[j], j) / unit

        def by_beta(b: Array, j: int = j, below: Array = below) -> Array:
            return error(below @ omega[j] + b[:, None, :], j) / unit

        def sample(p: Array) -> Array | None:
            return draw.choice(p.size, DRAWN, replace=False) if large and p.size > DRAWN else None

        w = omega[j]
        book[f"grad_omega[{j}]"] = stacked_derivative(by_omega, w * reach, STEP, sample(w)) * (unit * reach)
        if j in beta:
            book[f"grad_beta[{j}]"] = stacked_derivative(by_beta, beta[j], STEP, sample(beta[j])) * unit
    return book


INDEPENDENT = ("graph", "rules", "jacobians", "numeric")  # the tape is the graph's road once more
ROADS: dict[str, Road] = {
    **dict(zip(INDEPENDENT, (by_graph, by_rules, by_jacobians, by_numeric), strict=True)),
    "tape": by_tape,
}


def reach_of(alpha: Array) -> float:
    """Tell how far the net input moves, at most, when a weight moves by one; at least 1."""
    return max(1.0, float(np.max(np.abs(alpha))))


def _own(book: Mapping[str, Any]) -> Ledger:
    """Return copies: a change of a ledger changes neither the network nor another entry."""
    return Ledger({name: np.array(value) if np.ndim(value) else value for name, value in book.items()})
