"""Diagnosis: tries the known mistakes, and names those that give the numbers of a reader's rule.

Every rule is judged on its own arguments, whatever went wrong before it. A mistake is named if it gives what the
reader's rule gave in every call, and if the rule itself does not. Where several do, all are named, and a *probe*
is looked for: a change of the data that would tell them apart. The same probes say which mistakes the data of a
right rule could not have shown.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from tinygrad_ed.checking.judge import EPSILON, Call, Judged, differ, rounding
from tinygrad_ed.checking.mistakes import FITTED, KNOWN, MEND, Wrong, surroundings
from tinygrad_ed.checking.other_data import probes
from tinygrad_ed.checking.passes import ratio
from tinygrad_ed.checking.slips import pattern
from tinygrad_ed.closed_form.rules import RULES, quantities
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.problem import Problem

Given = Array | Exception | None  # what a mistake gives: numbers, what it raises, or nothing where it cannot be made


@dataclass(frozen=True)
class Diagnosis:
    """What is probably wrong with one rule."""

    rule: str
    layers: tuple[int, ...]  # those in which it is wrong on its own arguments, in the order of its calls
    mistake: str  # the known mistakes that give the same numbers, or what can be said of an unknown one
    mend: str  # the rule as it should be, and where the lecture has it
    known: tuple[str, ...] = ()  # these known mistakes
    apart: str | None = None  # a change of the data that would tell several of them apart

    @property
    def layer(self) -> int:
        """The first layer in which the rule is wrong."""
        return self.layers[0]

    @property
    def quantities(self) -> tuple[str, ...]:
        """The quantities of the slides that it has spoiled."""
        return tuple([f"{self.rule.removesuffix('_last').removesuffix('_hidden')}[{j}]" for j in self.layers])

    def __str__(self) -> str:
        return self.told("what")

    def told(self, tell: str) -> str:
        """Return the diagnosis in words; `where` gives the rule and the layers alone, `mend` all."""
        *others, last = map(str, self.layers)
        where = f"layers {', '.join(others)} and {last}" if others else f"layer {last}"
        said = f"your {self.rule} ({where})"
        if tell == "where":
            return f"{said} is wrong"
        return f"{said}: {self.verdict}" + (f". It should be {self.mend}" if tell == "mend" else "")

    @property
    def verdict(self) -> str:
        """What is probably wrong, in words."""
        advice = f" (they give the same here; {self.apart} would tell them apart)" if self.apart else ""
        return f"probably {self.mistake}{advice}" if self.known else self.mistake


class RuleCase:
    """The calls of one rule in one run, but for those spoiled by others, and what every known mistake gives there."""

    def __init__(
        self, judged: Judged, problem: Problem, book: Mapping[str, Any], mistakes: Collection[str] | None = None
    ) -> None:
        L = len(problem.omega)
        called = [(judged.layer(i, L), call) for i, call in enumerate(judged.calls) if call.fair]
        if judged.name == "grad_beta":  # a layer without a bias has no such gradient
            called = [(j, call) for j, call in called if j in problem.beta]
        self.rule, self.problem = judged.name, problem
        self.layers, self.calls = [j for j, _ in called], [call for _, call in called]
        self.around = around = [surroundings(j, problem, book) for j in self.layers]
        self.given = {
            words: [attempt(wrong, at, *call.args) for at, call in zip(around, self.calls, strict=True)]
            for words, wrong in KNOWN[self.rule].items()
            if mistakes is None or words in mistakes
        }

    @property
    def wrong(self) -> list[tuple[int, Call]]:
        """The layers in which the reader's rule is wrong on its own arguments, with these calls."""
        return [(j, call) for j, call in zip(self.layers, self.calls, strict=True) if np.any(call.off)]

    def visible(self, words: str) -> bool:
        """Tell whether a mistake gives other numbers than the rule itself, in some call."""
        return any(_visible(given, call) for given, call in zip(self.given[words], self.calls, strict=True))

    def explaining(self) -> list[str]:
        """Return the mistakes that give what the reader's rule gave: in every call, or else in those that are wrong."""
        every = [words for words in self.given if self.gives(words)]
        return every or [words for words in self.given if self.gives(words, everywhere=False)]

    def gives(self, words: str, everywhere: bool = True) -> bool:
        """Tell whether a mistake gives what the rule gave, everywhere or where that is wrong."""
        pairs = zip(self.given.get(words, ()), self.calls, strict=False)
        return all([_same(given, call) for given, call in pairs if everywhere or np.any(call.off)])

    def fitted(self) -> list[str]:
        """Return the mistakes with a number of their own that give what the rule gave where it is wrong."""
        off = [(at, call) for at, call in zip(self.around, self.calls, strict=True) if np.any(call.off)]
        if any([call.problem for _, call in off]):
            return []
        gaps = [np.asarray(call.answer, float) - call.right for _, call in off]
        found = {
            words: _constant(gaps, [attempt(term, at, *call.args) for at, call in off])
            for words, term in FITTED.get(self.rule, {}).items()
        }
        return [words.format(k=k, M=k * len(self.problem.x)) for words, k in found.items() if k]

    def right_in_float32(self) -> bool:
        """Tell whether the reader's rule is off by no more than the rounding of float32."""
        single = np.finfo(np.float32)
        return not any(
            call.problem or differ(call.answer, call.right, rounding(self.rule, call.args, call.right, single)).any()
            for call in self.calls
        )

    def separates(self) -> bool:
        """Tell whether no two mistakes give the same in every call."""
        return not any(all(map(_equal, a, b)) for a, b in combinations(self.given.values(), 2))


def diagnose(readers: Mapping[str, Judged], problem: Problem, book: Mapping[str, Any]) -> tuple[Diagnosis, ...]:
    """Return what is wrong with the reader's rules on their own arguments, after a run that filled this ledger."""
    cases = [RuleCase(readers[name], problem, book) for name in RULES if name in readers]
    return tuple([_diagnosis(case) for case in cases if case.wrong])


def elsewhere(
    readers: Mapping[str, Judged], problem: Problem, book: Mapping[str, Any]
) -> tuple[tuple[Diagnosis, ...], tuple[str, ...]]:
    """Run each of the reader's rules that is right here on other data; return the diagnoses and notes that this gives.

    Where Φ and C are the same, a rule that is wrong there is wrong. Else it may have been written for this Φ or C.
    """
    found, said = [], []
    cases = [RuleCase(readers[name], problem, book) for name in RULES if name in readers]
    right = {case.rule: case for case in cases if not case.wrong}
    counts = dict.fromkeys(right, 0)
    phis, open_ = set(problem.activations.values()), set(right)
    for name, case in right.items():
        if not case.calls:
            said.append(f"your {name} was not judged: no layer of this network called it with finite numbers")
            open_.discard(name)
        if any(call.epsilon > EPSILON for call in case.calls):
            said.append(f"your {name} computes in float32; it is right to the digits of float32")
    for change, probe in probes(problem) if open_ else ():
        again = {name: Judged(name, reader.rule, reader.seconds) for name, reader in readers.items()}
        there = quantities(*probe, rules={**RULES, **again})
        same = probe.cost == problem.cost and phis >= set(probe.activations.values())
        for name in [name for name in right if name in open_]:
            trial = RuleCase(again[name], probe, there)
            counts[name] += bool(trial.calls)
            if not trial.wrong:
                continue
            open_.discard(name)
            wrong = _diagnosis(trial)
            if any(call.problem for _, call in trial.wrong) and not wrong.known:
                said.append(f"your {name} could not be run with {change}: {wrong.mistake}")
            elif same:
                mistake = f"right on these data, but not with {change}: {wrong.mistake}"
                found.append(replace(wrong, layers=tuple(right[name].layers), mistake=mistake))
            else:
                only = f"{', '.join(sorted(phis))} and C is {problem.cost}"
                said.append(f"your {name} is right only where Φ is {only}; with {change}: {wrong.mistake}")
    said += [f"your {name} is right on all {counts[name]} other problems, too" for name in right if name in open_]
    return tuple(found), tuple(said)


def _diagnosis(case: RuleCase) -> Diagnosis:
    known, apart = case.explaining(), None
    if len(known) > 1:
        trials = ((change, _trial(case.rule, probe, known)) for change, probe in probes(case.problem))
        apart = next((change for change, trial in trials if trial.separates()), None)
    if not any([call.problem or np.any(np.asarray(call.answer)) for _, call in case.wrong]):
        known, apart, mistake = ["zeros"], None, "zeros"
    elif not known and case.right_in_float32():
        mistake = "right to the digits of float32, but not of float64: something is rounded on the way"
    elif known := known or case.fitted() or _two_at_once(case):
        one = len(case.wrong) < len(case.calls) and not case.gives(known[0])
        mistake = ", or ".join(known) + (f", in layer {', '.join([str(j) for j, _ in case.wrong])} only" if one else "")
    else:
        mistake = f"an unknown mistake, not one of the {len(case.given)} known of this rule: {observed(case)}"
    return Diagnosis(case.rule, tuple([j for j, _ in case.wrong]), mistake, MEND[case.rule], tuple(known), apart)


def _trial(rule: str, problem: Problem, mistakes: Collection[str]) -> RuleCase:
    """Return a case of the right rule, on other data, and what these mistakes give there."""
    right = Judged(rule, RULES[rule])
    return RuleCase(right, problem, quantities(*problem, rules={rule: right}), mistakes)


def attempt(wrong: Wrong, *args: Any) -> Given:
    """Return what a mistake gives."""
    try:
        return np.asarray(wrong(*args), float)
    except KeyError:
        return None  # it cannot be made here
    except (ValueError, IndexError) as error:
        return error  # shapes that do not fit


def _visible(given: Given, call: Call) -> bool:
    """Tell whether a mistake gives something else than the rule itself."""
    if not isinstance(given, np.ndarray):
        return given is not None
    return given.shape != call.right.shape or bool(np.any(differ(given, call.right, call.slack)))


def _same(given: Given, call: Call) -> bool:
    """Tell whether a mistake gives what the reader's rule gave, and is much nearer to that than the rule itself."""
    answer = call.answer
    if isinstance(given, Exception) and isinstance(answer, Exception):
        return _same_clash(str(given), str(answer))
    if not isinstance(given, np.ndarray) or not isinstance(answer, np.ndarray):
        return False
    if given.shape != answer.shape and (given.ndim or answer.shape != call.right.shape):
        return False  # a single number may have been spread over an array
    largest = np.max(np.abs(given), initial=0.0)
    close = np.sqrt(call.epsilon) * np.abs(given) + 64 * call.epsilon * largest
    if differ(given, answer, close).any():
        return False
    if call.problem or not np.any(call.off):
        return True
    return bool(np.max(np.abs(given - answer)) <= np.max(np.abs(call.right - answer)) / 100)


def _same_clash(one: str, other: str) -> bool:
    """Tell whether two messages name the same sizes that do not fit; `@`, `dot` and `einsum` use words of their own."""
    return one.strip() in other or (len(_clash(one)) == 2 and _clash(one) == _clash(other))


def _clash(message: str) -> set[int]:
    pair = re.search(r"size (\d+) is different from (\d+)|: (\d+) \(dim 1\) != (\d+) \(dim 0\)", message)
    pair = pair or re.search(r"->\([^)]*?(\d+)\) .*->\([^)]*?(\d+)\)", message)  # einsum sums over the last axes
    return {int(size) for size in pair.groups() if size} if pair else set()


def _equal(one: Given, other: Given) -> bool:
    """Tell whether two mistakes give the same numbers, up to rounding."""
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return str(one) == str(other)
    scale = np.max(np.abs(one), initial=0.0)
    return one.shape == other.shape and not differ(one, other, 1e-8 * np.abs(one) + 1e-12 * scale).any()


def _two_at_once(case: RuleCase) -> list[str]:
    """Return a known mistake, with a factor that tells of a second one."""
    M = len(case.problem.x)
    factors = {-1.0: "a wrong sign", M: "a factor of M", 1 / M: "a factor of 1/M", 2.0: "a factor of 2"}
    for words, given in case.given.items():
        if words.startswith("a factor") or not case.visible(words):
            continue
        found = _constant([call.answer for call in case.calls], given)
        for number, factor in {**factors, 0.5: "a factor of 1/2"}.items():
            if found is not None and abs(found - number) <= 1e-8 * abs(number):
                return [f"two mistakes at once: {words}, and {factor}"]
    return []


def _constant(answers: Sequence[Given], others: Sequence[Given]) -> float | None:
    """Return the number that, times all of the others, gives the answers; None if no single one does."""
    pairs = [(a, b) for a, b in zip(answers, others, strict=True) if isinstance(a, np.ndarray)]
    if len(pairs) < len(answers) or any(not isinstance(b, np.ndarray) or a.shape != b.shape for a, b in pairs):
        return None
    a, b = [np.concatenate([np.ravel(part) for part in side]) for side in zip(*pairs, strict=True)]
    return ratio(a, b, 1e-8)


def observed(case: RuleCase) -> str:
    """Return what can be said of numbers that no known mistake gives, in words."""
    for _, call in case.wrong:
        if call.problem:
            return call.problem.replace(f"your {case.rule}", "it", 1)
    layers, answers = [j for j, _ in case.wrong], [np.asarray(call.answer) for _, call in case.wrong]
    rights = [call.right for _, call in case.wrong]
    where = "" if len(layers) == len(case.calls) else f" in layer {', '.join(map(str, layers))} only"
    if (factor := _constant(answers, rights)) is not None:
        return f"it gives {factor:.6g} times the right numbers{where}" if factor else f"it gives zeros{where}"
    factors = [_constant([a], [b]) for a, b in zip(answers, rights, strict=True)]
    if None not in factors:
        each = ", ".join([f"{factor:.6g} in layer {j}" for factor, j in zip(factors, layers, strict=True)])
        return f"it gives the right numbers times {each}"
    seen = [_pattern(call) for _, call in case.wrong]
    return seen[0] + (where if len(set(seen)) == 1 else f" in layer {layers[0]}")


def _pattern(call: Call) -> str:
    answer = np.asarray(call.answer)
    return pattern(answer, call.right) if np.isfinite(answer).all() else "it gives NaN or infinite numbers"
