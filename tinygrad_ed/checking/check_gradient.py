"""Hand-written gradients of a plain NumPy function, judged by central differences."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.checking.judgement import Finding, JudgedRow, Judgement
from tinygrad_ed.errors import InvalidType
from tinygrad_ed.graph.differences import ROUNDINGS, Referee
from tinygrad_ed.graph.nested import rebuilt
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.nn.guard import guarded, plain_numbers

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
    b: probably 3 times the right numbers (3 is len(x))
    """
    found = list(_pairs(parameters, gradients))
    at = [numbers(f"the parameter {name}", leaf).astype(float) for name, leaf, _ in found]
    run = _Run(_of_all(f, parameters), parameters, at, seconds)
    here = run.value(at)
    if run.problem is None and run.value(at) != here:
        run.problem = "it gives another number each time; set a seed in it, or take the random part out"
    if run.problem:
        failed = Finding("f", "", run.problem, "a function that returns one number")
        return Judgement("your gradients", (), (failed,), (), tell)
    notes = [f"f changes {found[k][0]} in place; it was given a copy each time" for k in sorted(run.changed)]
    rows, findings = [], []
    for k, (name, _, given) in enumerate(found):
        chosen = _entries(at[k].shape)
        slopes = run.slopes(k, chosen, here)
        if len(chosen) < at[k].size:
            notes.append(f"{name}: {len(chosen)} of its {at[k].size} entries were looked at")
        if kinks := [list(entry) for entry, slope in zip(chosen, slopes, strict=True) if np.isnan(slope)]:
            notes.append(f"{name}: no derivative (a kink?) at {len(kinks)} entries, such as {kinks[0]}: not judged")
        try:
            judged = _Beside(plain_numbers(f"the gradient of {name}", given), at[k], chosen, slopes, run.noise, digits)
        except InvalidType as error:
            words, known, worst = "no gradient is given" if given is None else str(error), False, math.inf
        else:
            words, known = judged.mistake(_lengths(f))
            words, worst = words or (run.problem or "" if len(kinks) == len(chosen) else ""), judged.worst()
            if not words and 0 < judged.size <= 10 * run.noise:
                notes.append(f"{name}: its gradient is too small to be told from zero by differences")
        if words:
            findings.append(Finding(name, "", words, f"∂f/∂{name}, of shape {at[k].shape}", known))
        verdict = "wrong" if words else "right" if len(kinks) < len(chosen) else "not judged"
        rows.append(JudgedRow(name, not words, worst, verdict))
    return Judgement("your gradients", tuple(rows), tuple(findings), tuple(notes), tell)


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
        """Return the slopes along some entries of a parameter, NaN where there is none."""
        step = self._eps ** (1 / 3)
        referee = Referee(self._eps, step, max(1e-7, 10 * step**2))
        self.noise = ROUNDINGS * self._eps * abs(here) / step
        slopes, unit = [], abs(here) or 1.0  # so that a small cost is judged as closely as a large one
        for entry in chosen:

            def line(t: float, entry: tuple[int, ...] = entry) -> Array:
                moved = [array.copy() for array in self._at]
                moved[k][entry] += t
                return np.asarray(self.value(moved) / unit)

            found = referee.limit(line, np.asarray(here / unit), referee.starts(float(self._at[k][entry])))
            slopes.append(float(found.slope) * unit if found.settled else math.nan)
        return np.array(slopes)


class _Beside:
    """A reader's gradient of one parameter, beside the slopes along the entries that were looked at."""

    def __init__(self, got: Array, at: Array, chosen: Any, slopes: Array, noise: float, digits: int | None) -> None:
        self.got, self.at, there = got, at, np.isfinite(slopes)
        self._chosen, self._right = [chosen[i] for i in np.flatnonzero(there)], slopes[there]
        self.size = float(np.max(np.abs(self._right), initial=0.0))
        near, far = (1e-4, 1e-5) if got.dtype == np.float32 else (1e-6, 1e-8)
        self._allowed = near * np.abs(self._right) + far * self.size + noise
        if digits and self.size:
            leading = np.floor(np.log10(np.maximum(np.abs(self._right), self.size / 10)))
            self._allowed += 0.51 * 10.0 ** (leading + 1 - digits)

    def worst(self) -> float:
        """Return the largest difference."""
        same = self.got.shape == self.at.shape
        return float(np.max(np.abs(self._of(self.got) - self._right), initial=0.0)) if same else math.inf

    def mistake(self, lengths: Mapping[int, str]) -> tuple[str, bool]:
        """Return what is wrong, in words, and whether that is a known mistake; no words where nothing is."""
        got, at = self.got, self.at
        if got.shape != at.shape:
            return self._shape()
        if not self._off(got).any():
            return "", False
        if not np.isfinite(got).all():
            return "it holds NaN or infinite numbers", True
        if not got.any():
            return "it is zeros", True
        mine, value, right = self._of(got), self._of(at), self._right
        k = float(mine @ right / (right @ right)) if right.any() else 0.0
        if k and not self._off(got / k).any():
            named = _factor(k, {**{n: f"the length of axis {i}" for i, n in enumerate(at.shape)}, **lengths})
            return named or f"{k:.4g} times the right numbers", named is not None
        if self._fits(got.T):
            return "transposed", True
        fitted = float((mine - right) @ value / (value @ value)) if value.any() else 0.0
        if len(mine) > 2 and fitted and not self._off(got - fitted * at).any():
            kind = "too much" if fitted > 0 else "missing, or of the wrong sign"
            return f"off by {fitted:.4g} times the parameter: an L2 term is {kind}", True
        if not right.any():
            return "it should be zeros", False
        gap = np.where(self._off(got), np.abs(mine - right), -1.0)
        worst, count = int(np.argmax(gap)), int((gap >= 0).sum())
        place = f"[{', '.join(map(str, self._chosen[worst]))}]" if at.ndim else "it"
        many = f"{count} of {len(gap)} entries are wrong, most" if count > 1 else "one wrong entry:"
        return f"{many} {place}, by {gap[worst] / (self.size or 1.0):.2g} times the largest slope", False

    def _shape(self) -> tuple[str, bool]:
        """Return what is wrong with the shape, and whether the numbers are right."""
        got, shapes = self.got, f"{self.got.shape} in place of {self.at.shape}"
        if self._fits(got.T):
            return f"transposed: {shapes}", True
        if got.size == self.at.size and self._fits(got.reshape(self.at.shape)):
            return f"its shape is {shapes}; the numbers are right", True
        for axis in range(got.ndim):
            if self._fits(got.sum(axis=axis)) or self._fits(got.sum(axis=axis, keepdims=True)):
                return f"not summed over axis {axis}: {shapes}", True
        return f"its shape is {shapes}", False

    def _of(self, array: Array) -> Array:
        return np.array([array[entry] for entry in self._chosen], dtype=float)

    def _off(self, array: Array) -> Any:
        return ~(np.abs(self._of(array) - self._right) <= self._allowed)

    def _fits(self, array: Array) -> bool:
        return array.shape == self.at.shape and not self._off(array).any()


def _of_all(f: Callable[..., Any], parameters: Any) -> Callable[[Any], Any]:
    """Return the function as one of all parameters at once."""
    try:
        inspect.signature(f).bind(parameters)
    except TypeError:
        return (lambda given: f(**given)) if isinstance(parameters, dict) else (lambda given: f(*given))
    except ValueError:  # some functions written in C have no signature
        return f
    return f


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


def _factor(k: float, lengths: Mapping[int, str]) -> str | None:
    """Return what a factor is, in words."""
    known = {-1.0: "the sign is wrong", 2.0: "a factor of 2 too much", 0.5: "a factor of 1/2 too much"}
    for n, of in lengths.items():
        if n > 1:
            known.setdefault(float(n), f"{n} times the right numbers ({n} is {of})")
            known.setdefault(1 / n, f"1/{n} times the right numbers ({n} is {of})")
    return next((words for value, words in known.items() if math.isclose(k, value, rel_tol=1e-3)), None)


def _lengths(f: Callable[..., Any]) -> dict[int, str]:
    """Return the lengths of the arrays that a function reads from around it, each with its name."""
    try:
        around = inspect.getclosurevars(f)
    except TypeError:
        return {}
    read = [*around.globals.items(), *around.nonlocals.items()]
    return {len(a): f"len({name})" for name, a in reversed(read) if isinstance(a, np.ndarray) and a.ndim}
