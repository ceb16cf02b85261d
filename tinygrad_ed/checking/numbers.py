"""A reader's numbers for the quantities of the slides, each judged on the reader's own numbers before it.

A rule is run again on what the reader had. So a slip is one finding, and what follows from it inherits it. Numbers of
few digits carry their rounding along: what it can have moved is not wrong. Digits are significant ones of each number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.checking.diagnosis import attempt
from tinygrad_ed.checking.judgement import Finding
from tinygrad_ed.checking.mistakes import KNOWN, MEND, surroundings
from tinygrad_ed.checking.passes import half_unit, ratio
from tinygrad_ed.checking.slips import factor_words
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, nearest
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import numbers as as_numbers
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.notation.quantity import Quantity

TRIES = 8  # how often numbers are moved within their rounding
ALL_DIGITS = 7  # what is left of floats that were printed, or computed in float32
USUAL = {
    "zeta": ("z{j}", "zeta{j}"),
    "alpha": ("a{j}", "alpha{j}"),
    "P": ("da{i}", "dalpha{i}", "grada{i}", "gradalpha{i}", "p{j}"),
    "B": ("delta{j}", "dz{j}", "dzeta{j}", "gradz{j}", "gradzeta{j}"),
    "grad_omega": ("dw{j}", "gradw{j}", "domega{j}", "gradomega{j}"),
    "grad_beta": ("db{j}", "gradb{j}", "dbeta{j}", "gradbeta{j}"),
}
"""The usual names by quantity, without case and underscores; j is its layer, i = j - 1."""
SLOPES: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: np.where(a > 0, 1.0, 0.0),
    "softplus": lambda a: -np.expm1(-a),
}
"""Φ' from α, as it is computed by hand."""


class Sheet(NamedTuple):
    """A reader's numbers, judged: each with what is said of it, and how far off it is."""

    verdicts: dict[str, tuple[Array, str, float]]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def as_sheet(given: Any, problem: Problem, book: Mapping[str, Any], layout: str) -> dict[str, Array]:
    """Return the reader's numbers by the name of the quantity, in its shape, in the order of the slides."""
    if not isinstance(given, Mapping):
        raise InvalidType(f"numbers is a dict by name, such as {{'dW1': [[0.5, 1.0]]}}, not {given!r}")
    aliases = _aliases(book)
    found: dict[str, Array] = {}
    for name, value in given.items():
        folded = name if name in book else str(name).lower().replace("_", "")
        if folded not in book and folded not in aliases:
            guess, _, _ = nearest(folded, [*book, *aliases]).partition("Known")
            raise InvalidValue(
                f"unknown quantity {name!r}. {guess}Known: the names of the ledger ({', '.join(book)}), and the usual "
                "ones, such as z1 a1 delta1 dZ1 dA1 dW1 db1 loss"
            )
        quantity = folded if folded in book else aliases[folded]
        if quantity in found:
            raise InvalidValue(f"{name!r} is {quantity}, which was given twice; leave one out")
        found[quantity] = _shaped(str(name), quantity, as_numbers(str(name), value).astype(float), book, layout)
    return {quantity: found[quantity] for quantity in book if quantity in found}


def judged_numbers(
    given: Mapping[str, Array], problem: Problem, truth: Mapping[str, Any], digits: int | None, layout: str
) -> Sheet:
    """Judge the reader's numbers, with 1/M where the lecture has it, or else in the gradients."""
    M = len(problem.x)
    trials = [_Judge(given, problem, truth, digits, scale) for scale in dict.fromkeys([1.0, float(M)])]
    best = min(trials, key=lambda trial: trial.faults)
    words = f"B and P are {M} times those of the lecture: here 1/M stands in the gradients, and that is right, too"
    notes = [words] if best.scale != 1 else []
    notes += [
        f"all entries of Ω^{j} are the same (symmetric neurons); these numbers cannot show a mistake in their order"
        for j, omega in problem.omega.items()
        if min(omega.shape) > 1 and not np.ptp(omega)
    ]
    findings = tuple([best.finding(quantity, layout) for quantity in best.wrong])
    fewer = min(digits or ALL_DIGITS, ALL_DIGITS) - 1
    if findings and fewer > 1:
        lower, words = judged_numbers(given, problem, truth, fewer, layout), "all numbers are right to"
        found = [text for text in lower.notes if text.startswith(words)]
        notes += found if lower.findings else [f"{words} {fewer} digits: say digits={fewer}"]
    return Sheet(best.verdicts, findings, tuple(notes))


def _aliases(book: Mapping[str, Any]) -> dict[str, str]:
    found = {"loss": "cost", "cost": "cost", "error": "cost", "e": "cost", "c": "cost", "x": "alpha[0]"}
    for quantity in book:
        kind, j, _ = Quantity.of(quantity)
        found |= {usual.format(j=j, i=(j or 0) - 1): quantity for usual in USUAL.get(kind, ())}
    return found


def _shaped(name: str, quantity: str, got: Array, book: Mapping[str, Any], layout: str) -> Array:
    """Return the reader's array in the shape of the quantity; a sample is a row."""
    want, yours, bias = np.shape(book[quantity]), got.shape, quantity.startswith("grad_beta")
    columns = layout == "columns" and not bias
    got = got.T if columns and got.ndim == 2 else got
    if got.shape != want and (bias or got.ndim < 2 or got.size == 1) and got.size == np.prod(want, dtype=int):
        got = got.reshape(want)  # an axis of length 1 more or less is no mistake on paper
    if got.shape != want:
        hint = "; if your samples are columns, say layout='columns'" if got.T.shape == want and not columns else ""
        shown = want[::-1] if columns else want
        raise ShapeError(f"{name} is {quantity}, of shape {shown} here; yours has shape {yours}{hint}")
    return got


class _Read(dict[str, Any]):
    """A book that keeps the names of what is read."""

    def __init__(self, book: Mapping[str, Any]) -> None:
        super().__init__(book)
        self.names: dict[str, None] = {}

    def __getitem__(self, name: str) -> Any:
        self.names[name] = None
        return super().__getitem__(name)


class _Judge:
    """The rules, run on the reader's own numbers, with how far rounding may have moved each result."""

    def __init__(
        self, given: Mapping[str, Array], problem: Problem, truth: Mapping[str, Any], digits: int | None, scale: float
    ) -> None:
        self.problem, self.truth, self.scale, self.digits = problem, truth, scale, digits or ALL_DIGITS
        self.given = {name: got / self._times(name) for name, got in given.items()}
        self.book: dict[str, Any] = {}
        self.off: dict[str, Any] = {}
        self.rights: dict[str, Any] = {}
        self.slack: dict[str, Any] = {}
        self.verdicts: dict[str, tuple[Array, str, float]] = {}
        self.odd, rng = 0, np.random.default_rng(0)
        tainted: dict[str, bool] = {}
        for name in truth:
            book = _Read(self.book)
            choices, before = self._choices(name, book), book.names
            moved = [self._choices(name, self._moved(before, rng)) for _ in range(TRIES if before else 0)]
            self.rights[name] = right = choices[0]
            half = half_unit(np.asarray(right, float), self.digits)
            reach = [np.max([np.abs(m[i] - c) for m in moved], axis=0, initial=0.0) for i, c in enumerate(choices)]
            slack = [3 * far + half for far in reach]  # the worst case is farther than a few draws show
            self.book[name], self.slack[name] = right, slack[0]
            fair = not any([other in self.wrong for other in before])
            self.off[name] = reach[0] + half + (max([np.abs(c - right) for c in choices], key=np.max) if fair else 0.0)
            late = any([tainted[other] for other in before])
            if name in given:
                got, half = self.given[name], 1.001 * half_unit(given[name], self.digits) / self._times(name)
                follows = any([bool(np.all(np.abs(got - c) <= half + e)) for c, e in zip(choices, slack, strict=True)])
                exact = bool(np.all(np.abs(got - truth[name]) <= half))
                zeros = not np.any(got) and all([np.any(choice) for choice in choices])  # whatever else was rounded
                verdict = (
                    "wrong"
                    if zeros
                    else "right"
                    if exact
                    else "wrong"
                    if not follows
                    else "inherits"
                    if late
                    else "right"
                )
                late = verdict in ("wrong", "inherits")
                self.odd += exact and not follows
                self.verdicts[name] = (
                    given[name],
                    verdict,
                    float(np.max(np.abs(got - (truth[name] if exact else right)))),
                )
                if np.isfinite(got).all():
                    self.book[name], self.off[name] = got, half
            tainted[name] = late

    def _times(self, name: str) -> float:
        """Return how many times the lecture's quantity the reader has here."""
        return self.scale if name[0] in "PB" else 1.0

    @property
    def wrong(self) -> list[str]:
        """The quantities that are wrong, in the order of the slides."""
        return [name for name, (_, verdict, _) in self.verdicts.items() if verdict == "wrong"]

    @property
    def faults(self) -> tuple[int, int]:
        """How many are wrong; and how many are right all the same, though what is before them is not."""
        return len(self.wrong), self.odd

    def _moved(self, before: Iterable[str], rng: np.random.Generator) -> dict[str, Any]:
        """Return the book with some quantities moved within their rounding."""
        steps = {name: rng.choice([-1.0, -0.5, 0.5, 1.0], np.shape(self.book[name])) for name in before}
        return {**self.book, **{name: self.book[name] + step * self.off[name] for name, step in steps.items()}}

    def _choices(self, name: str, book: Mapping[str, Any]) -> list[Any]:
        """Return what a quantity is by the rules; and B by Φ' from α, where it is computed so by hand."""
        omega, _, activations, x, rho, cost = self.problem
        kind, j, _ = Quantity.of(name)
        if name == "alpha[0]":
            return [x]
        if kind == "cost":
            return [float(np.mean(COSTS[cost].C(book[f"alpha[{len(omega)}]"], rho)))]
        if kind == "B":
            P, by_hand = book[f"P[{j + 1}]"], SLOPES.get(activations[j])
            right = ACTIVATIONS[activations[j]].dphi(book[f"zeta[{j}]"]) * P
            return [right, by_hand(book[f"alpha[{j}]"]) * P] if by_hand else [right]
        rule, args = self._call(name, book)
        return [RULES[rule](*args)]

    def _call(self, name: str, book: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
        """Return the rule of a quantity, with the arguments that it has on the reader's numbers."""
        omega, beta, activations, _, rho, cost = self.problem
        kind, j, _ = Quantity.of(name)
        L, theirs = len(omega), book.get(f"P[{j + 1}]") if f"P[{j + 1}]" in self.given else None
        if kind == "zeta":
            return kind, (book[f"alpha[{j - 1}]"], omega[j], beta[j])
        if kind == "alpha":
            return kind, (book[f"zeta[{j}]"], ACTIVATIONS[activations[j]].phi)
        if name in (f"B[{L}]", f"P[{L + 1}]"):
            zeta, dphi, gradient = book[f"zeta[{L}]"], ACTIVATIONS[activations[L]].dphi, COSTS[cost].grad_C
            if kind == "P":
                return "B_last", (zeta, book[f"alpha[{L}]"], rho, np.ones_like, gradient)
            own = gradient if theirs is None else lambda alpha, rho: len(rho) * theirs
            return "B_last", (zeta, book[f"alpha[{L}]"], rho, dphi, own)
        if kind == "B":
            above = (omega[j + 1], book[f"B[{j + 1}]"]) if theirs is None else (np.eye(len(beta[j])), theirs)
            return "B_hidden", (book[f"zeta[{j}]"], *above, ACTIVATIONS[activations[j]].dphi)
        if kind == "P":
            return kind, (omega[j], book[f"B[{j}]"])
        return kind, (book[f"alpha[{j - 1}]"], book[f"B[{j}]"]) if kind == "grad_omega" else (book[f"B[{j}]"],)

    def finding(self, name: str, layout: str) -> Finding:
        """Return where a number is wrong, and the known mistakes that give the same on the reader's numbers."""
        kind, layer, _ = Quantity.of(name)
        got, right = np.asarray(self.given[name], float), np.asarray(self.rights[name], float)
        close, off = half_unit(got, self.digits) + self.slack[name], np.abs(got - right)
        unit = 10.0 ** (1 - self.digits)
        rule, found = "", []
        if kind != "cost" and name != "alpha[0]":
            rule, args = self._call(name, self.book)
            at = surroundings(layer, self.problem, self.book)
            for words, wrong in KNOWN[rule].items():
                with np.errstate(all="ignore"):
                    made = attempt(wrong, at, *args)
                if isinstance(made, np.ndarray) and made.shape in (got.shape, ()):
                    apart = np.abs(got - made)
                    if np.all(apart <= close) and np.max(apart) <= np.max(off) / 10:
                        found.append((float(np.max(apart)), words))
        known = [words for _, words in sorted(found, key=itemgetter(0))[:2]]  # of equal ones, in the order of the table
        if not known and (k := ratio(got, right, max(10 * unit, 1e-6))) is not None:
            known = [text for text in [factor_words(k, {len(self.problem.x): ""}, max(2 * unit, 1e-6))] if text]
        if np.any(right) and not np.any(got):
            known = ["zeros"]
        place = np.unravel_index(int(np.argmax(off / close)), off.shape)
        said = ", or ".join(known) or f"there is {got[place]:.6g} in place of {right[place]:.6g}"
        return Finding(name, _where(kind, layer, place, layout), said, MEND.get(rule, ""), bool(known))


def _where(kind: str, layer: int, place: Sequence[Any], layout: str) -> str:
    """Return the place of the worst entry, in the reader's layout; samples and entries are counted from 0."""
    at = [int(i) for i in place]
    if kind == "cost":
        return ""
    if kind == "grad_omega":
        return f"layer {layer}, entry {at[::-1] if layout == 'columns' else at}"
    return f"layer {layer}, entry {at}" if len(at) == 1 else f"layer {layer}, sample {at[0]}, entry {at[1]}"
