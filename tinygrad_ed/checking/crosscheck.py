"""One network, several roads to its gradient, compared quantity by quantity.

A cross-check lays the ledgers of the roads (`roads.py`) side by side, in the order of the slides. In this order
every quantity is computed from those before it, so the first one that differs is where the mistake was made;
all that follow have only inherited it. What is probably wrong with a reader's rule is told by `diagnosis.py`.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from tinygrad_ed.checking.diagnosis import Diagnosis, diagnose, elsewhere
from tinygrad_ed.checking.judge import Judged, judged
from tinygrad_ed.checking.judgement import TELL, Finding, as_json
from tinygrad_ed.checking.numbers import Sheet, as_sheet, judged_numbers
from tinygrad_ed.checking.roads import DRAWN, INDEPENDENT, ROADS, Ledger, by_rules, entries, shape_text
from tinygrad_ed.checking.rounding import allowances
from tinygrad_ed.closed_form.rules import quantities
from tinygrad_ed.errors import InvalidValue, whole_number
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Plain
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.batch import batch_of, parameters_of
from tinygrad_ed.nn.checks import chosen, written_in
from tinygrad_ed.nn.dense import Layers
from tinygrad_ed.nn.guard import restored
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.notation.alphabet import Notation
from tinygrad_ed.notation.letters import named
from tinygrad_ed.notation.quantity import Quantity
from tinygrad_ed.notation.tables import listing, paragraph, table
from tinygrad_ed.notation.writing import LECTURE, Writing

__all__ = ["ROADS", "CrossCheck", "Divergence", "Ledger", "Row", "crosscheck", "ledger"]

Pair = tuple[str, str]

READING = "of an array: the root of the sum of its squares; `kink`: no numeric derivative at some entries"
INHERITS = "`inherits`: right on your numbers before it, which are wrong; the difference is that from what they give"


def ledger(mlp: MLP, x: Plain, rho: Plain, cost: str = "mse", road: str = "rules") -> Ledger:
    """Return every quantity that a road computes, by name, in the order of the slides.

    The names are `alpha[0] zeta[1] alpha[1] ... alpha[L] cost P[L+1] B[L] P[L] ... B[1] P[1] grad_omega[L]
    grad_beta[L] ... grad_omega[1] grad_beta[1]`, with the numbers written out. Each is an array with the batch
    axis first, also for one sample, except the parameter gradients; `cost` is a float. P and B are derivatives
    of the mean E: the 1/M is in `P[L+1]` already. The arrays are the caller's own.

    Args:
        mlp: the network.
        x: the batch `(M, n_0)`, or one sample `(n_0,)`.
        rho: the expected outputs `(M, n_L)`, or `(n_L,)`; for cross_entropy class numbers as well.
        cost: the name of the cost, see `nn.costs`.
        road: graph, rules, jacobians, tape or numeric (the cost and the parameter gradients only; NaN at kinks).

    Raises:
        InvalidValue: for an unknown cost or road, an empty batch, NaN or infinite data.
        InvalidType: for a network that is not an MLP, or data that are not numbers.
        ShapeError: for a wrong width; the message names both shapes.

    >>> from tinygrad_ed.nn import MLP
    >>> book = ledger(MLP([2, 3, 1], rng=0), [0.5, -1.0], [1.0])
    >>> list(book)[:5], book["B[1]"].shape
    (['alpha[0]', 'zeta[1]', 'alpha[1]', 'zeta[2]', 'alpha[2]'], (1, 3))
    """
    return chosen("road", road, ROADS)(mlp, *batch_of(mlp, x, rho, cost, classes=True), cost)


@dataclass(frozen=True, eq=False)
class Row:
    """One quantity: its value on each road that has it, and the largest difference between two of them."""

    quantity: str
    values: dict[str, Any]
    difference: float
    agree: bool
    odd: tuple[str, ...] = ()  # the roads that are wrong here, as far as the others can tell: see `crosscheck`
    problem: str | None = None  # what a reader's rule did here, other than give a wrong number
    verdict: str = ""  # of the reader's numbers: `right`, `wrong`, `inherits` (right on a wrong number before it)


@dataclass(frozen=True)
class Divergence:
    """The first quantity that differs, and the roads that are wrong there (all that differ, if none can tell)."""

    quantity: str
    roads: tuple[str, ...]
    problem: str | None = None
    diagnosis: Diagnosis | Finding | None = None  # what is probably wrong with the reader's rule, or numbers

    def __str__(self) -> str:
        who = f"road {self.roads[0]!r} differs" if len(self.roads) == 1 else f"roads {', '.join(self.roads)} differ"
        found = self.diagnosis
        said = [self.problem, found.told("what") if isinstance(found, Finding) else found and found.verdict]
        return ": ".join([f"first divergence: {self.quantity} ({who})", *[text for text in said if text]])


@dataclass(frozen=True, eq=False, repr=False)
class CrossCheck:
    """The roads side by side. `str()` is a table, and so is what a notebook shows."""

    roads: tuple[str, ...]
    rows: tuple[Row, ...]
    diagnosis: tuple[Diagnosis | Finding, ...] = ()  # of each rule that is wrong on its own arguments, and each number
    notes: tuple[str, ...] = ()  # what these data could not have shown, and where else a right rule was tried
    tell: str = "what"  # how much `str()` gives away: `where`, `what` or `mend`
    write: Writing = LECTURE  # in whose letters it speaks

    @property
    def agree(self) -> bool:
        """True if all roads agree in all quantities, and the reader's rules are right on other data, too."""
        return not self.diagnosis and all([row.agree for row in self.rows])

    @property
    def first_divergence(self) -> Divergence | None:
        """The first quantity, in the order of the slides, that differs; None if all agree."""
        for row in self.rows:
            if not row.agree:
                diagnosis = next((found for found in self.diagnosis if row.quantity in found.quantities), None)
                return Divergence(row.quantity, row.odd or tuple(row.values), row.problem, diagnosis)
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it, whatever `tell` is; NaN and infinities are None."""
        rows = [
            {
                "quantity": row.quantity,
                "agree": row.agree,
                "difference": as_json(row.difference),
                "verdict": row.verdict or ("right" if row.agree else "wrong"),
                "values": {road: as_json(value) for road, value in row.values.items()},
            }
            for row in self.rows
        ]
        found = [
            {"known": bool(d.known), "mistake": d.mistake, "mend": d.mend, "quantities": list(d.quantities)}
            for d in self.diagnosis
        ]
        told = {"roads": list(self.roads), "notes": list(self.notes), "tell": self.tell}
        return {"agree": self.agree, "rows": rows, "diagnosis": found, **told}

    def __repr__(self) -> str:
        return f"<CrossCheck: {self._verdict()}>"

    def __str__(self) -> str:
        cells = [("quantity", "shape", *self.roads, "difference", ""), *map(self._cells, self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [_line(line, widths) for line in cells]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, f"({READING})", self._verdict(), *self._findings()])

    def _repr_html_(self) -> str:
        """Show in a notebook the verdict, the table, and what each road has at the first divergence."""
        first = next((i for i, row in enumerate(self.rows) if not row.agree), None)
        rows = [(self.write(named(row.quantity)).unicode, row.quantity, *self._cells(row)[1:]) for row in self.rows]
        close = ""
        if first is not None:
            rows[first] = (*rows[first][:-1], f"{rows[first][-1]} ◀ first divergence")
            values = [(road, entries(value)) for road, value in self.rows[first].values.items()]
            close = table(("road", f"its {self.write.name(self.rows[first].quantity)}"), values, "lp")
        head = ("letter", "in code", "shape", *self.roads, "difference", "")
        columns = "lll" + "r" * len(self.roads) + "rl"
        whole = table(head, rows, columns, marked=() if first is None else (first,))
        verdict = paragraph(f"{'✓' if first is None else '✗'} {self._verdict()}", strong=True)
        return verdict + whole + paragraph(f"({READING})") + close + listing(self._findings())

    def _cells(self, row: Row) -> tuple[str, ...]:
        shape = shape_text(next(iter(row.values.values())))
        sizes = [_size(road, row.values[road]) if road in row.values else "" for road in self.roads]
        inherits = " inherits" if row.verdict == "inherits" else ""
        verdict = f"✓{inherits}" if row.agree else f"✗ {', '.join(row.odd) or 'differ'}"
        return self.write.name(row.quantity), shape, *sizes, f"{row.difference:.1e}", verdict

    def _findings(self) -> list[str]:
        said = [*[found.told(self.tell) for found in self.diagnosis], *[f"note: {text}" for text in self.notes]]
        said += [f"note: {INHERITS}"] if any([row.verdict == "inherits" for row in self.rows]) else []
        return [self.write.outside_code(text) for text in said]

    def _verdict(self) -> str:
        agreed = f"all {len(self.rows)} quantities agree on the roads {', '.join(self.roads)}"
        first = self.first_divergence
        if first and self.tell == "where":
            first = replace(first, diagnosis=None)
        return self.write.outside_code(str(first or agreed))


@restored()
def crosscheck(
    mlp: MLP,
    x: Plain,
    rho: Plain,
    cost: str = "mse",
    roads: Sequence[str] = INDEPENDENT,
    rules: Mapping[str, Callable[..., Any]] | None = None,
    numbers: Mapping[str, Any] | None = None,
    digits: int | None = None,
    layout: str = "rows",
    tell: str = "what",
    seconds: float | None = None,
    notation: Notation = "lecture",
) -> CrossCheck:
    """Compute the ledger on several roads and compare it quantity by quantity.

    Two roads agree on a quantity if each entry differs by at most 1e-10 of itself, plus what rounding explains
    (`rounding.py`). Against the road `numeric` it is 1e-6 of the largest entry more, and the rounding of the cost
    over the step; entries at a kink are NaN there, and left out. Above 5,000 parameters it judges 64 drawn entries of
    each array, and the table says `64 drawn`.

    Which road is wrong is told by `numeric`, where it disagrees with some roads' gradients and not with others';
    else it is the road that stands alone against two or more. (`rules` and `jacobians` share their Φ' and ∇C:
    only `numeric` can tell a mistake in those from one in the graph.)

    A float32 network is judged in float64, its parameters and data cast up as they are: float32 rounds so much
    that a missing 1/M can hide in it. (`ledger` keeps the network's dtype.)

    A reader's rule that is wrong gets a diagnosis: the known mistakes that give the same numbers. Each rule is judged
    on its own arguments, so that several can be told from each other. One that computes in float32 is judged to
    the digits of float32, and float64 goes on in its place.

    A rule can only be judged on what is not zero, and the biases of a fresh network are zeros. So a rule that is right
    on these data runs on others, too: other samples, widths, biases, Φ and C. One that is wrong where Φ and C are the
    same is a finding; `notes` say where it is right.

    Args:
        mlp: the network.
        x: the inputs, as in `ledger`.
        rho: the expected outputs, as in `ledger`.
        cost: the name of the cost.
        roads: at least two of graph, rules, jacobians, numeric, tape (all but the last by default).
        rules: a reader's own version of some of `closed_form.rules.RULES`, with the same signatures; used on the
            road `rules` only, so that the others judge it. It gets read-only copies. One that raises or gives
            another shape is a finding too, and the divergence says what happened.
        numbers: a reader's own numbers, as a road `yours`: by the names of the ledger (`"B[2]"`) or by the usual ones
            (`z1 a1 delta1 dZ1 dA1 dW1 db1 loss`). Each is judged on the reader's own numbers before it.
        digits: how many significant digits these have; all, where left out.
        layout: "rows" if a sample is a row of them, "columns" if it is a column (dW1 is then `(n_1, n_0)`).
        tell: "where" names the place of a mistake, "what" the mistake as well, and "mend" what it should be.
        seconds: a time limit for each call of a rule; an endless loop is then a finding.
        notation: the letters of the table and of the findings: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict
            such as `{"B": "δ"}`. In another notation than the lecture's, quantities have letters in place of names.

    Raises:
        InvalidValue: for unknown roads, rules or letters, or fewer than two roads; and as `ledger`.
        InvalidType: for rules that are not a dict of functions; and as `ledger`.
        ShapeError: as `ledger`.

    >>> from tinygrad_ed.nn import MLP
    >>> x, rho = [[2.0], [1.0]], [[1.0], [0.0]]
    >>> check = crosscheck(MLP([1, 1], rng=0), x, rho, rules={"grad_beta": lambda B: B[-1]})
    >>> print(check.first_divergence)
    first divergence: grad_beta[1] (road 'rules' differs): probably only the last sample (`=` in place of `+=`?)
    >>> check.diagnosis[0].mend
    '∂E/∂βʲ = the sum of the rows of Bʲ, `B.sum(axis=0)` (gradient computation, line 3)'
    """
    taken = {name: chosen("road", name, ROADS) for name in ([roads] if isinstance(roads, str) else roads)}
    names = tuple(taken)
    if len(names) < 2:
        raise InvalidValue(f"a cross-check needs at least two roads of {', '.join(ROADS)}; it got {roads!r}")
    readers = judged(rules, seconds)
    for what, name, known in (("tell", tell, TELL), ("layout", layout, ("rows", "columns"))):
        chosen(what, name, dict.fromkeys(known))
    digits = None if digits is None else whole_number("digits", digits)
    if layout == "columns":
        x, rho = _as_rows(x, mlp.sizes[0]), _as_rows(rho, mlp.sizes[-1])
    x, rho = [data.astype(float) for data in batch_of(mlp, x, rho, cost)]
    mlp, write = _in_float64(mlp), written_in(notation, len(mlp.layers))
    if readers and "rules" in taken:
        taken["rules"] = partial(by_rules, readers=readers)
    books = {name: road(mlp, x, rho, cost) for name, road in taken.items()}
    problem = Problem(*parameters_of(mlp), x, rho, cost)
    rows = _compared(books, allowances(*problem), readers)
    wrong: tuple[Diagnosis | Finding, ...] = ()
    said: tuple[str, ...] = ()
    if readers and "rules" in books:
        here = diagnose(readers, problem, books["rules"]) if not all([row.agree for row in rows]) else ()
        there, said = elsewhere(readers, problem, books["rules"])
        wrong = (*here, *there)
    if numbers is not None:
        truth = quantities(*problem)
        sheet = judged_numbers(as_sheet(numbers, problem, truth, layout), problem, truth, digits, layout)
        names, rows = (*names, "yours"), tuple([_with_yours(row, sheet) for row in rows])
        wrong, said = (*wrong, *sheet.findings), (*said, *sheet.notes)
    last, held = f"alpha[{len(mlp.layers)}]", {"bce": "sigmoid", "cross_entropy": "softmax"}.get(cost, "nothing")
    applied = any([last in found.quantities and held in found.mistake for found in wrong])
    if applied or ((readers or numbers is not None) and problem.activations[len(mlp.layers)] == held):
        said = (*said, f"{cost} holds the {held} already: take output='identity', and leave {last} out")
    return CrossCheck(names, rows, wrong, said, tell, write)


def _with_yours(row: Row, sheet: Sheet) -> Row:
    """Return a row with the reader's numbers, if there are any."""
    if row.quantity not in sheet.verdicts:
        return row
    got, verdict, difference = sheet.verdicts[row.quantity]
    values, wrong = {**row.values, "yours": got if got.ndim else float(got)}, verdict == "wrong"
    odd = (*row.odd, "yours") if wrong else row.odd
    return Row(
        row.quantity, values, max(row.difference, difference), row.agree and not wrong, odd, row.problem, verdict
    )


def _as_rows(data: Any, n: int) -> Any:
    """Return data of n columns, or else of n rows, with a sample as a row."""
    array = np.asarray(data)
    return array.T if array.ndim == 2 and array.shape[1] != n and array.shape[0] == n else data


def _in_float64(mlp: MLP) -> MLP:
    """Return the same network with parameters in float64: every float32 number is one of them."""
    twin = copy.copy(mlp)
    twin.layers = Layers([copy.copy(layer) for layer in mlp.layers])
    for layer in twin.layers:
        for kind, p in zip(("weights", "bias"), layer.parameters(), strict=False):
            setattr(layer, kind, Node(p.value.astype(float), name=p.name))
    return twin


def _compared(books: dict[str, Ledger], off: dict[str, Any], readers: dict[str, Judged]) -> tuple[Row, ...]:
    """Compare all quantities, in the order of the slides."""
    names = next(book for road, book in books.items() if road != "numeric")
    values = {name: {road: book[name] for road, book in books.items() if name in book} for name in names}
    apart = {name: _apart(name, values[name], off) for name in names}
    differing = {name: {pair for pair, (_, differ) in pairs.items() if differ} for name, pairs in apart.items()}
    accused = {road for pairs in differing.values() for pair in pairs if "numeric" in pair for road in pair}
    accused -= {"numeric"}
    if len(accused) == len(books) - 1:
        accused = set()  # it is against all: then they are judged by each other
    rows, L = [], sum([name.startswith("B[") for name in names])
    for name, pairs in differing.items():
        difference = max([d for d, _ in apart[name].values()], default=0.0)
        problem = _problem(name, L, readers) if pairs else None
        rows.append(Row(name, values[name], difference, not pairs, _odd(list(values[name]), pairs, accused), problem))
    return tuple(rows)


def _apart(name: str, values: dict[str, Any], off: dict[str, Any]) -> dict[Pair, tuple[float, bool]]:
    """Return the largest difference of every pair of roads, and whether it is more than allowed."""
    found = {}
    for pair in combinations(values, 2):
        a, b = [np.asarray(values[road], float) for road in pair]
        with np.errstate(invalid="ignore"):
            difference = np.where(a == b, 0.0, np.abs(a - b))
        allowed = 1e-10 * np.fmin(np.abs(a), np.abs(b)) + off[name]
        if "numeric" in pair and name != "cost":
            difference = np.where(np.isnan(values["numeric"]), 0.0, difference)
            largest = max([np.max(np.abs(v), initial=0.0, where=np.isfinite(v)) for v in (a, b)])
            allowed = allowed + 1e-6 * largest + off[f"numeric {name}"]
        difference = np.where(np.isnan(difference), np.inf, difference)
        wrong = (difference > 0) & (~(difference <= allowed) | np.isinf(difference))
        found[pair] = float(np.max(difference)), bool(wrong.any())
    return found


def _odd(roads: list[str], differing: set[Pair], accused: set[str]) -> tuple[str, ...]:
    """Return the wrong roads: those that `numeric` accuses, else one that stands alone; none if nobody can tell."""
    if differing and all([accused.intersection(pair) for pair in differing]):
        return tuple([road for road in roads if any([road in pair and road in accused for pair in differing])])
    return tuple([road for road in roads if len(differing) > 1 and all([road in pair for pair in differing])])


def _problem(quantity: str, L: int, readers: dict[str, Judged]) -> str | None:
    """Return what the reader's rule for a quantity did wrong there, other than a wrong number."""
    kind, j, _ = Quantity.of(quantity)
    rule = kind if kind != "B" else "B_last" if j == L else "B_hidden"
    return readers[rule].problem(j, L) if rule in readers and not (rule == "P" and j > L) else None


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return words to the left, numbers to the right."""
    padded = [f"{cell:{'<' if i < 2 else '>'}{widths[i]}}" for i, cell in enumerate(cells[:-1])]
    return "  ".join([*padded, cells[-1]]).rstrip()


def _size(road: str, value: Any) -> str:
    """Return what the table shows of a value: a number, or the root of the sum of the squares of an array."""
    if road == "numeric" and np.isnan(value).any():
        return f"{DRAWN} drawn" if np.count_nonzero(~np.isnan(value)) == DRAWN else "kink"
    with np.errstate(over="ignore"):
        return f"{np.linalg.norm(np.ravel(value)) if np.ndim(value) else value:.8g}"
