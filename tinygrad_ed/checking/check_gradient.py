"""Hand-written gradients of a plain NumPy function, judged by central differences."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_ed.checking.judgement import Finding, JudgedRow, Judgement
from tinygrad_ed.checking.passes import Pass, standing_for
from tinygrad_ed.checking.traced import around, takes
from tinygrad_ed.checking.your_pass import told
from tinygrad_ed.errors import InvalidType
from tinygrad_ed.graph.differences import ROUNDINGS, Referee
from tinygrad_ed.graph.nested import rebuilt
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.nn.guard import guarded, plain_numbers

SUBJECT = "your gradients"
MOST = 300  # entries of one parameter that are looked at; of more, some are drawn
SPELLINGS = ("{}", "d{}", "d_{}", "grad_{}", "{}_grad", "grad{}")


def check_gradient(
    f: Callable[..., Any],
    parameters: Any,
    gradients: Any,
    digits: int | None = None,
    tell: str = "what",
    seconds: float | None = None,
) -> Judgement:
    """Judge gradients of a plain NumPy function that returns one number, by central differences in float64.

    Each entry of each parameter is moved to both sides, by its own step, and by shorter ones until two agree. Where
    none do there is a kink, as of relu at 0: such an entry is noted, and not judged. Of more than 300 entries of
    one parameter, 300 are drawn. `f` gets copies.

    Args:
        f: the function. It is called as `f(parameters)`; where the parameters are a dict and `f` takes several, as
            `f(**parameters)`; where they are a list or a tuple, as `f(*parameters)`.
        parameters: an array or a number, or nested lists, tuples and dicts of them.
        gradients: the same nesting, with your gradients in it; in a dict, that of `W` may be called `dW` or `grad_W`.
        digits: how many significant digits your gradients have, such as 4 for numbers on paper.
        tell: how much is given away, "where", "what" or "mend".
        seconds: a time limit for each call of `f`.

    Raises:
        InvalidType: for parameters that are not numbers, or gradients that are nested in another way.

    >>> import numpy as np
    >>> x, y = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0])
    >>> def cost(p):
    ...     return np.mean((p["w"] * x + p["b"] - y) ** 2)
    >>> d = 0.5 * x + 1.0 - y
    >>> print(check_gradient(cost, {"w": 0.5, "b": 1.0}, {"dw": 2 * (d @ x) / 3, "db": 2 * d.sum()}))
    w   0.0e+00  right
    b   4.7e+00  wrong
    your gradients: 1 mistake
    b: probably 3 times the right numbers (a sum in place of a mean?); 3 is len(x)
    """
    found = list(_pairs(parameters, gradients))
    at = [numbers(f"the parameter {name}", leaf).astype(float) for name, leaf, _ in found]
    run = _Run(_of_all(f, parameters), parameters, at, seconds)
    here = run.value(at)
    if run.problem is None and run.value(at) != here:
        run.problem = "it gives another number each time; set a seed in it, or take the random part out"
    if run.problem:
        failed = Finding("f", "", run.problem, "a function that returns one number")
        return Judgement(SUBJECT, (), (failed,), (), tell)
    notes = [f"f changes {found[k][0]} in place; it was given a copy each time" for k in sorted(run.changed)]
    leaves = [Node(value, name=name) for value, (name, *_) in zip(at, found, strict=True)]
    given, slopes, broken = {}, {}, []
    for k, (leaf, (name, _, mine)) in enumerate(zip(leaves, found, strict=True)):
        chosen = _entries(at[k].shape)
        slopes[leaf] = run.slopes(k, chosen, here)
        there = [slopes[leaf][entry] for entry in chosen]
        if len(chosen) < at[k].size:
            notes.append(f"{name}: {len(chosen)} of its {at[k].size} entries were looked at")
        if kinks := [list(entry) for entry, slope in zip(chosen, there, strict=True) if np.isnan(slope)]:
            notes.append(f"{name}: no derivative (a kink?) at {len(kinks)} entries, such as {kinks[0]}: not judged")
        if len(kinks) == len(chosen):
            broken += [Finding(name, "", str(words)) for words in (run.problem,) if words]
        elif not len(kinks) and np.max(np.abs(there), initial=0.0) <= 10 * run.noise and np.any(there):
            notes.append(f"{name}: its gradient is too small to be told from zero by differences")
        try:
            given[leaf] = plain_numbers(f"the gradient of {name}", mine)
        except InvalidType as error:
            broken.append(Finding(name, "", "no gradient is given" if mine is None else str(error)))
    names = {leaf: name for leaf, (name, *_) in zip(leaves, found, strict=True)}
    judged = Pass(standing_for({leaf: slopes[leaf] for leaf in given}, given), given, names, digits)
    judged.by_differences, judged.fine, judged.floor, judged.lengths = True, 1e-6, run.noise, _lengths(f)
    beside = told(judged, judged.judge(), SUBJECT, tell)
    rows = {row.quantity: row for row in beside.rows}
    rows |= {wrong.quantity: JudgedRow(wrong.quantity, False, math.inf, "wrong") for wrong in broken}
    for leaf in given:
        if np.isnan(slopes[leaf]).all() and rows[names[leaf]].agree:
            rows[names[leaf]] = replace(rows[names[leaf]], verdict="not judged")
    order = [name for name, *_ in found]
    findings = sorted([*broken, *beside.diagnosis], key=lambda wrong: order.index(wrong.quantity))
    return Judgement(SUBJECT, tuple([rows[name] for name in order]), tuple(findings), tuple(notes), tell)


class _Run:
    """The reader's function, moved along one entry at a time."""

    def __init__(self, f: Callable[..., Any], parameters: Any, at: Sequence[Array], seconds: float | None) -> None:
        self._f, self._parameters, self._at, self._seconds = f, parameters, at, seconds
        self.problem: str | None = None
        self.changed: set[int] = set()
        self._eps, self.noise = float(np.finfo(float).eps), 0.0

    def value(self, at: Sequence[Array]) -> float:
        """Return f there, or NaN."""
        given = [array.copy() if array.ndim else float(array) for array in at]
        answer, problem = guarded("f", self._f, rebuilt(self._parameters, iter(given)), seconds=self._seconds)
        self.changed |= {k for k, array in enumerate(given) if not np.array_equal(array, at[k], equal_nan=True)}
        try:
            number = plain_numbers("your f", None if problem else answer)
        except InvalidType as error:
            problem = problem or str(error)
        if not problem and number.size != 1:
            problem = f"your f returned shape {number.shape}; a gradient is that of one number (the sum or the mean?)"
        self.problem = self.problem or problem
        if problem:
            return math.nan
        self._eps = max(self._eps, float(np.finfo(number.dtype).eps))
        return float(number.item())

    def slopes(self, k: int, chosen: Sequence[tuple[int, ...]], here: float) -> Array:
        """Return the slopes along some entries of a parameter, NaN elsewhere and where there is none."""
        step = self._eps ** (1 / 3)
        referee = Referee(self._eps, step, max(1e-7, 10 * step**2))
        self.noise = ROUNDINGS * self._eps * abs(here) / step
        slopes = np.full(self._at[k].shape, np.nan)
        unit = abs(here) or 1.0  # so that a small cost is judged as closely as a large one
        for entry in chosen:

            def line(t: float, entry: tuple[int, ...] = entry) -> Array:
                moved = [array.copy() for array in self._at]
                moved[k][entry] += t
                return np.asarray(self.value(moved) / unit)

            found = referee.limit(line, np.asarray(here / unit), referee.starts(float(self._at[k][entry])))
            slopes[entry] = float(found.slope) * unit if found.settled else math.nan
        return slopes


def _of_all(f: Callable[..., Any], parameters: Any) -> Callable[[Any], Any]:
    """Return the function as one of all parameters at once."""
    if takes(f, parameters):
        return f
    return (lambda given: f(**given)) if isinstance(parameters, dict) else (lambda given: f(*given))


def _pairs(parameters: Any, gradients: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the name of each parameter, the parameter, and its gradient: None where a dict has none."""
    if isinstance(parameters, dict):
        if not isinstance(gradients, Mapping):
            raise InvalidType(f"the gradients of {name or 'a dict'} must be a dict with its keys, not {gradients!r}")
        for key, branch in parameters.items():
            spelled = next((s.format(key) for s in SPELLINGS if s.format(key) in gradients), None)
            yield from _pairs(branch, gradients.get(key if spelled is None else spelled), f"{name}.{key}".strip("."))
    elif isinstance(parameters, list | tuple):
        if not isinstance(gradients, Sequence | np.ndarray) or len(gradients) != len(parameters):
            raise InvalidType(
                f"the gradients of {name or 'the parameters'} must be {len(parameters)}, one each, not {gradients!r}"
            )
        for k, branch in enumerate(parameters):
            yield from _pairs(branch, gradients[k], f"{name or 'parameters'}[{k}]")
    else:
        yield name or "x", parameters, gradients


def _entries(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    size = math.prod(shape)
    chosen = range(size) if size <= MOST else np.sort(np.random.default_rng(0).choice(size, MOST, replace=False))
    return [tuple(map(int, np.unravel_index(i, shape))) for i in chosen]


def _lengths(f: Callable[..., Any]) -> dict[int, str]:
    """Return the lengths of the arrays that a function reads from around it, each with its name."""
    return {len(a): f"len({name})" for name, a in reversed(around(f).items()) if a.ndim}
