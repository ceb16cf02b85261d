"""Decides the lemmas of a proof; of a rule that is wrong it says why, by a formula, a name, and whole numbers."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Number
from typing import Any

import numpy as np

from tinygrad_ed.checking.crosscheck import crosscheck
from tinygrad_ed.checking.mistakes import KNOWN, At
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS, Activation
from tinygrad_ed.errors import RuleError, shown
from tinygrad_ed.lecture.algebra import Decision, decided, readable, sympy
from tinygrad_ed.lecture.lemmas import SECONDS, Lecture, Lemma
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.guard import tame

TRIES = 60  # networks of small whole numbers in which a counterexample is looked for
ZEROS = 12  # of these, for a rule that is proved: one that tells 0 from other numbers is wrong there


@dataclass(frozen=True, eq=False)
class Refutation:
    """Why a rule is wrong."""

    rule: str
    layer: int  # where it was refuted, from 1
    entry: tuple[int, ...]  # the place in the array, from 0
    yours: str  # what the rule gives there, as a formula
    right: str  # what it should give
    difference: str  # yours minus right, factored
    mistakes: tuple[str, ...]  # the known mistakes that give the same for all numbers
    example: Mapping[str, Any]
    """A network, a batch, and what both give there ("quantity", "yours", "right"); empty if none was found."""

    def __str__(self) -> str:
        place = f"Your {self.rule} in layer {self.layer}, entry {list(self.entry)}"
        named = f" That is the known mistake: {', or '.join(self.mistakes)}." if self.mistakes else ""
        said = f"{place}, gives {self.yours}, and should give {self.right}. The difference is {self.difference}.{named}"
        if not self.example:
            return said
        numbers = ", ".join([f"{name} = {self.example[name]}" for name in ("weights", "biases", "x", "rho")])
        pair = f"{self.example['yours']:.6g} in place of {self.example['right']:.6g}"
        return f"{said} With {numbers} the largest error is in {self.example['quantity']}: {pair}."


@dataclass(frozen=True, eq=False)
class Proved:
    """How the equations of a step came out, in the place of a `Check` on numbers."""

    equations: int
    decision: Decision
    words: str
    refutations: tuple[Refutation, ...] = ()

    @property
    def holds(self) -> bool:
        """True if all equations are proved."""
        return self.decision == "holds"

    def __str__(self) -> str:
        mark = {"holds": "✓ Holds for all numbers", "fails": "✗ Refuted"}.get(self.decision, "? Not decided")
        why = " ".join(map(str, self.refutations)) or f"{self.words}."
        return f"{mark} ({self.equations} equations): {why}"


class Judges:
    """Decides lemmas of a network with unknown functions, with the functions that have a name, and readers' rules."""

    def __init__(self, lecture: Lecture, named: Lecture, readers: Mapping[str, Callable[..., Any]]) -> None:
        self.lecture, self.named = lecture, named
        self.readers = {name: tame(name, rule, SECONDS) for name, rule in readers.items()}
        self.refuted: set[str] = set()
        self.on_numbers: dict[str, bool] = {}
        phis = [ACTIVATIONS[name].kinks for name in named.activations or ()]
        self._kinked = {"dphi"} if any(phis) else set()
        if named.cost and COSTS[named.cost].kinks:
            self._kinked.add("C_by_a")

    def proved(self, lemmas: Sequence[Lemma]) -> Proved:
        """Return how the equations of a step came out: the worst of all."""
        count = sum([int(np.size(lemma.right)) for lemma in lemmas])
        words: list[str] = []
        for lemma in lemmas:
            decision, said, entry = self._decided(lemma)
            if decision == "fails" and self._holds_by_name(lemma):
                decision, said = "holds", f"for these functions alone; with another Φ or C your {lemma.rule} is wrong"
            if decision == "fails" and self._is_of_shares(lemma.rule):
                decision = "not decided"
                said = f"your {lemma.rule} is right in {TRIES} networks, where the shares sum to 1, as symbols need not"
            if decision == "holds" and lemma.rule in self.readers and not self._right_on_numbers(lemma.rule):
                decision = "not decided"
                said = f"your {lemma.rule} is right on symbols and wrong on numbers: it asks which of them it is given"
            if decision != "holds":
                return Proved(count, decision, said, self._refutations(lemma, entry) if decision == "fails" else ())
            words += [said, *(["away from kinks"] if lemma.step in self._kinked else [])]
        return Proved(count, "holds", ", ".join(dict.fromkeys(words)) or "by definition")

    @staticmethod
    def on_these(check: Any) -> Proved:
        """Return how a step came out that is wrong at the numbers beside the letters already."""
        return Proved(0, "fails", f"on numbers: {check}")

    def _decided(self, lemma: Lemma) -> tuple[Decision, str, tuple[int, ...]]:
        """Return how a lemma came out, why, and the first entry that is wrong."""
        if isinstance(lemma.found, BaseException):
            return "not decided", self._not_on_symbols(lemma.rule, lemma.found), ()
        found, right = np.asarray(lemma.found, object), np.asarray(lemma.right, object)
        if odd := [each for each in found.ravel() if not isinstance(each, sympy.Basic | Number)]:
            return "not decided", f"your {lemma.rule} gives {shown(odd[0])}, which is no number", ()
        if found.shape != right.shape:
            return "fails", f"your {lemma.rule} has shape {found.shape} in place of {right.shape}", ()
        words = []
        for place in np.ndindex(right.shape):
            difference = sympy.sympify(found[place] - right[place])
            decision, how = decided(difference)
            if decision == "holds" and difference.atoms(sympy.Eq, sympy.Ne) and lemma.rule in self.readers:
                decision, how = "not decided", "right but where numbers are equal that your rule compares with == or !="
            if decision != "holds":
                return decision, f"layer {lemma.layer}, entry {list(place)}: {how}", place
            words.append(how)
        return "holds", ", ".join(dict.fromkeys(words)), ()

    def _holds_by_name(self, lemma: Lemma) -> bool:
        """Tell whether a rule of the reader's is right with the functions that have a name."""
        if not (lemma.rule in self.readers and (self.named.activations or self.named.cost)):
            return False
        same = [each for each in self.named.lemmas() if (*each[:2], each.rule) == (*lemma[:2], lemma.rule)]
        return bool(same) and all([self._decided(each)[0] == "holds" for each in same])

    def _is_of_shares(self, rule: str) -> bool:
        """Tell whether a rule is right for expected shares, and only because their sum is 1."""
        shares = self.named.cost is not None and COSTS[self.named.cost].expects == "shares"
        return shares and rule in self.readers and not self._example(rule)

    def _right_on_numbers(self, rule: str) -> bool:
        """Tell whether a rule that is proved is right on numbers as well; on zeros, too, where these are no kinks."""
        if rule not in self.on_numbers:
            wrong = self._example(rule, tries=2, shift=0.1)
            self.on_numbers[rule] = not (wrong or (not self._kinked and self._example(rule, tries=ZEROS)))
        return self.on_numbers[rule]

    def _not_on_symbols(self, rule: str, error: BaseException) -> str:
        """Say why a rule cannot run on symbols, and what its numbers say."""
        if isinstance(error, RuleError):  # it was stopped, and would have to be once more
            return str(error)
        line = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {error}; {line.name}, line {line.lineno}"
        judged = "wrong" if self._example(rule) else f"right in {TRIES} networks, which proves nothing"
        return f"your {rule} cannot run on symbols ({why}); on numbers it is {judged}"

    def _refutations(self, lemma: Lemma, entry: tuple[int, ...]) -> tuple[Refutation, ...]:
        """Say why a rule is wrong, once for each rule."""
        if lemma.rule not in self.readers or lemma.rule in self.refuted:
            return ()
        self.refuted.add(lemma.rule)
        found, right = np.asarray(lemma.found, object), np.asarray(lemma.right, object)
        fits = found.shape == right.shape
        yours, should = (found[entry], right[entry]) if fits else (found, right)
        difference = readable(sympy.factor(yours - should)) if fits else "one of shapes"
        named, example = self._mistakes(lemma), self._example(lemma.rule)
        return (
            Refutation(lemma.rule, lemma.layer, entry, readable(yours), readable(should), difference, named, example),
        )

    def _mistakes(self, lemma: Lemma) -> tuple[str, ...]:
        """Return the known mistakes that give the same as the rule for all numbers."""
        at, named = self._around(lemma.layer), []
        found = np.asarray(lemma.found, object)
        for words, wrong in KNOWN[lemma.rule].items():
            try:
                guess = np.asarray(wrong(at, *lemma.args), object)
            except Exception:  # noqa: BLE001, S112  # the mistake cannot be made here, or not with symbols
                continue
            pairs = zip(guess.ravel(), found.ravel(), strict=False)
            if guess.shape == found.shape and all(decided(a - b)[0] == "holds" for a, b in pairs):
                named.append(words)
        return tuple(named)

    def _around(self, j: int) -> At:
        """Return a layer and what surrounds it, as the known mistakes take it."""
        book, L, sizes = self.lecture, self.lecture.L, self.lecture.sizes
        rows = {name: {i: book.batch(name, i, sizes[i]) for i in range(L + 1)} for name in ("zeta", "alpha", "B")}
        P = {i: book.batch("P", i, sizes[i - 1]) for i in range(1, L + 2)}
        omega, beta = [{i: book.parameters(i)[part] for i in range(1, L + 1)} for part in (0, 1)]
        grad_omega = {i: rows["alpha"][i - 1].T @ rows["B"][i] for i in range(1, L + 1)}
        activation = {i: Activation(book.phi(i), book.dphi(i)) for i in range(1, L + 1)}
        inner = (rows["zeta"], rows["alpha"], P, rows["B"], grad_omega)
        return At(j, L, book.M, omega, beta, *inner, activation, self.named.cost or "mse")

    def _example(self, rule: str, tries: int = TRIES, shift: float = 0.0) -> dict[str, Any]:
        """Return a network and a batch of small whole numbers where the rule is wrong, by the other roads."""
        names, cost = self.named.activations or ["tanh"] * self.lecture.L, self.named.cost or "mse"
        sizes, M, rng = self.lecture.sizes, self.lecture.M, np.random.default_rng(0)
        for _ in range(tries):
            weights = [rng.integers(-2, 3, pair) for pair in pairwise(sizes)]
            biases = [rng.integers(-2, 3, n) for n in sizes[1:]]
            x, rho = rng.integers(-2, 3, (M, sizes[0])), rng.integers(-2, 3, (M, sizes[-1]))
            if COSTS[cost].expects in ("labels", "bits"):
                rho = np.where(rho > 0, 1, -1 if COSTS[cost].expects == "labels" else 0)
            elif COSTS[cost].expects == "shares":
                rho = np.eye(sizes[-1], dtype=int)[rng.integers(0, sizes[-1], M)]
            moved = [w + shift * np.sqrt(1 + np.arange(w.size)).reshape(w.shape) for w in weights]
            mlp = MLP.from_weights(moved, [b + shift for b in biases], names)
            found = crosscheck(mlp, x, rho, cost, roads=("graph", "rules"), rules={rule: self.readers[rule]})
            if first := found.first_divergence:
                values = next(row.values for row in found.rows if row.quantity == first.quantity)
                worst = np.unravel_index(np.argmax(np.abs(values["rules"] - values["graph"])), values["graph"].shape)
                numbers: dict[str, Any] = {
                    "weights": [w.tolist() for w in weights],
                    "biases": [b.tolist() for b in biases],
                }
                numbers |= {"x": x.tolist(), "rho": rho.tolist(), "quantity": first.quantity}
                return numbers | {"yours": float(values["rules"][worst]), "right": float(values["graph"][worst])}
        return {}
