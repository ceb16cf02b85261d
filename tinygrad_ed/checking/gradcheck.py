"""The referee: derivatives against central differences, in both modes, to any order.

A numeric derivative knows nothing of rules, so agreement means something:

    (f(x + h v) - f(x - h v)) / 2h   against   J v   (forward mode)   and   u . (J v) = (u^T J) . v   (reverse)

for a random direction v and a random weighting u of the results. Second order is the same check of the function
`x -> u^T J(x)`. Where they differ, single entries are looked at, with smaller steps as well: a step may be too long for
a function that bends sharply, or lead out of its domain. What still differs is wrong, and the worst is named.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import GradientMismatch, InvalidValue
from tinygrad_ed.graph.differences import ROUNDINGS, Line, Referee, power_of_two, sides
from tinygrad_ed.graph.grad_mode import recording
from tinygrad_ed.graph.nested import leaves, rebuilt
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.rule import run_plainly
from tinygrad_ed.graph.values import Array, leaf_value
from tinygrad_ed.transforms.functions import jvp, vjp
from tinygrad_ed.transforms.run import FunctionRun, Tree

Function = Callable[..., Any]
MODES = ("rev", "fwd")
FEW = 64  # so many entries are looked at one by one


def check_grads(
    f: Function,
    *xs: Tree,
    order: int = 2,
    modes: Sequence[str] = MODES,
    rtol: float | None = None,
    atol: float | None = None,
    rng: int = 0,
) -> None:
    """Check the derivatives of `f` at `xs` against central differences, for the orders 1 up to `order`.

    Args:
        f: a function of Nodes; arguments and result may be nested lists, tuples and dicts.
        *xs: the arguments at which it is checked.
        order: 1 checks first derivatives, 2 also second ones, and so on.
        modes: "rev" (reverse: `.backward()`) and "fwd" (forward: `jvp`), at least one.
        rtol: allowed difference, relative; by default 1e-6 for float64 and 2e-2 for float32.
        atol: allowed difference, absolute; the same by default.
        rng: seed of the random directions.

    Raises:
        GradientMismatch: naming mode, order, argument, entry and both numbers, and whether the point looks
            like a kink, where no derivative exists: however small the step, the slopes do not settle.
        InvalidValue: for no mode, an unknown one, or an order below 1.

    Warns:
        UserWarning: for float32 arguments, whose differences are good to two digits only; and for an op whose rule does
            not run on Nodes, as forward mode and second order want it: it was run on plain arrays, entry by entry.

    >>> from tinygrad_ed import stop_gradient
    >>> check_grads(lambda x: x**3, 2.0)
    >>> check_grads(lambda x: x * stop_gradient(x), 2.0)
    Traceback (most recent call last):
    tinygrad_ed.GradientMismatch: order 1, mode rev, argument 0: derivative 2, central difference 4
    """
    known = bool(modes) and all([mode in MODES for mode in modes])
    if not known or not isinstance(order, int) or order < 1:
        raise InvalidValue(f"check_grads takes modes among {MODES} and order >= 1, but got {modes!r} and {order!r}")
    values = [leaf_value(plain(x)) for x in leaves(xs)]
    at = [np.asarray(value) for value in values]
    single = any([a.dtype == np.float32 for a in at])
    if single:
        warnings.warn("check_grads: float32 differences are good to two digits; use float64", stacklevel=2)
    eps = float(np.finfo(np.float32 if single else np.float64).eps)
    tolerance = 2e-2 if single else 1e-6
    # Rounding costs eps/h, cutting off the series h^2: the best step is eps^(1/3).
    referee = Referee(eps, power_of_two(eps ** (1 / 3)), tolerance / 10)
    check = _Check(referee, tolerance if rtol is None else rtol, tolerance if atol is None else atol, rng)
    noted: dict[str, str] = {}
    token = run_plainly.set(noted)
    try:
        check.run(f, rebuilt(xs, iter(values)), order, tuple(modes), at)
    finally:
        run_plainly.reset(token)
    for name, why in noted.items():
        warnings.warn(
            f"check_grads: a rule of op {name!r} does not run on Nodes ({why}), so forward mode and second derivatives "
            "run it on plain arrays, entry by entry, and take differences: that is slow, and of second derivatives "
            "nine digits are right. A rule that makes new arrays with operators and functions of tg and NumPy, such as "
            'tg.where(x > 0, g, 0.0), is exact. check_grads(..., order=1, modes=("rev",)) asks for the rule alone.',
            stacklevel=2,
        )


class _Point:
    """A function at a point, with a random weighting `u` of its results, and its derivatives along directions."""

    def __init__(self, f: Function, xs: Any, at: list[Array], rng: np.random.Generator) -> None:
        self.f, self.xs, self.at = f, xs, at
        run = FunctionRun(f, xs, tuple(range(len(xs))), {})
        roots = run.output_nodes()
        results = [np.asarray(root.value, dtype=float) for root in roots]
        one = sum([r.size for r in results]) == 1
        weights = [np.ones(r.shape) if one else rng.standard_normal(r.shape) for r in results]
        self.weights = _nest(run.output, weights)
        self.here, self.u = _flat(results), _flat(weights)
        self.gradient = np.zeros(sum([a.size for a in at]))
        for root, weight in zip(roots, weights, strict=True):
            root.backward(weight)
            self.gradient += _flat(np.zeros(x.shape) if x.grad is None else x.grad for x in run.variables)
            for x in run.variables:
                x._grad = None

    def derivative(self, mode: str, v: list[Array]) -> float:
        """Return what the rules say of the direction `v`, in reverse or in forward mode."""
        if mode == "rev":
            return float(self.gradient @ _flat(v))
        return float(self.u @ _flat(leaves(jvp(self.f, self.xs, _nest(self.xs, v))[1])))

    def line(self, v: list[Array]) -> Line:
        """Return the results along `v`, as one flat array; `f` gets Nodes here as well."""

        def results(t: float) -> Array:
            moved = [Node(a + t * d) for a, d in zip(self.at, v, strict=True)]
            with recording(True):
                return _flat(plain(r) for r in leaves(self.f(*rebuilt(self.xs, iter(moved)))))

        return results


class _Check:
    """The tolerances and the randomness of one call of `check_grads`."""

    def __init__(self, referee: Referee, rtol: float, atol: float, rng: int) -> None:
        self.referee, self.rtol, self.atol, self.rng = referee, rtol, atol, np.random.default_rng(rng)

    def run(self, f: Function, xs: Any, order: int, modes: tuple[str, ...], at: list[Array], level: int = 1) -> None:
        """Check first derivatives of `f`, then those of its pullback, and so on up to `order`."""
        point = _Point(f, xs, at, self.rng)
        v = self._direction(at)
        for mode in modes:
            problem = self._compare(point, mode, v, [self.referee.step])[1] and self._worst_entry(point, mode)
            if problem:
                raise GradientMismatch(f"order {level}, mode {mode}, {problem}")
        if level < order:

            def derivative(*args: Any) -> Any:
                return vjp(f, *args)[1](point.weights)

            self.run(derivative, xs, order, modes, at, level + 1)

    def _direction(self, at: list[Array]) -> list[Array]:
        """Return a random direction of length one, then each entry as much longer as the entry of the point is."""
        v = [self.rng.standard_normal(a.shape) for a in at]
        length = np.sqrt(np.sum([np.sum(np.square(d)) for d in v])) or 1.0
        return [(d / length * np.maximum(1.0, np.abs(a))).astype(a.dtype) for d, a in zip(v, at, strict=True)]

    def _compare(self, point: _Point, mode: str, v: list[Array], starts: list[float]) -> tuple[float, str]:
        """Tell how far the derivative along `v` is off, and the words for it; no words where it agrees."""
        found, line = point.derivative(mode, v), point.line(v)
        with np.errstate(all="ignore"):
            slope, _ = sides(line, point.here, starts[0])
        if self._agree(point, found, slope, starts[0]):
            return 0.0, ""
        slope, gap, settled, kink = self.referee.limit(line, point.here, starts)
        if settled.all() and self._agree(point, found, slope, starts[0]):
            return 0.0, ""
        expected, half_gap = float(point.u @ slope), float(point.u @ gap) / 2
        words = f"derivative {found:.8g}, central difference {expected:.8g}"
        if kink.any():
            left, right = expected - half_gap, expected + half_gap
            words += f" (this point looks like a kink: slope {left:.6g} from the left, {right:.6g} from the right,"
            words += " and smaller steps do not settle it)"
        elif np.isnan(expected):
            words += " (the function has no values on both sides of this point)"
        return abs(found - expected), words

    def _agree(self, point: _Point, found: float, slope: Array, h: float) -> bool:
        weights = np.abs(point.u)
        # Rounding of f by eps moves the difference by eps/h.
        noise = ROUNDINGS * self.referee.eps / h * float(weights @ np.abs(point.here))
        allowed = self.atol + self.rtol * float(weights @ np.abs(slope)) + noise
        return abs(found - float(point.u @ slope)) <= allowed

    def _worst_entry(self, point: _Point, mode: str) -> str:
        """Describe the entry that is farthest off on its own, if any is; of many, in the worse half first."""
        entries = [(number, entry) for number, a in enumerate(point.at) for entry in np.ndindex(a.shape)]
        parts, text = [(np.inf, 0, len(entries))], ""
        while parts and not text:
            _, start, stop = parts.pop()
            if stop - start <= FEW:
                text = self._worst_of(point, mode, entries[start:stop])
                continue
            middle = (start + stop) // 2
            halves = [(self._off(point, mode, part), *part) for part in ((start, middle), (middle, stop))]
            parts += sorted([half for half in halves if half[0] > 0])
        return text

    def _off(self, point: _Point, mode: str, part: tuple[int, int]) -> float:
        """Tell how far the derivative is off along a random direction that moves these entries only."""
        direction = self._direction(point.at)
        chosen = np.zeros(sum([a.size for a in point.at]))
        chosen[slice(*part)] = 1.0
        masks = np.split(chosen, np.cumsum([a.size for a in point.at])[:-1])
        v = [d * mask.reshape(d.shape).astype(d.dtype) for d, mask in zip(direction, masks, strict=True)]
        off, words = self._compare(point, mode, v, [self.referee.step])
        return (off if off == off else np.inf) if words else 0.0

    def _worst_of(self, point: _Point, mode: str, entries: Sequence[tuple[int, tuple[int, ...]]]) -> str:
        """Look at each of these entries on its own; describe the one that is farthest off, if any is."""
        worst, text = -1.0, ""
        for number, entry in entries:
            v = [np.zeros_like(b) for b in point.at]
            v[number][entry] = 1.0
            off, words = self._compare(point, mode, v, self.referee.starts(float(point.at[number][entry])))
            if words and (not text or not off <= worst):
                worst = off
                text = f"argument {number}{f', entry {list(entry)}' if entry else ''}: {words}"
        return text


def _flat(arrays: Iterable[Any]) -> Array:
    """Return all entries in one row."""
    return np.concatenate([np.zeros(0), *[np.ravel(np.asarray(a, dtype=float)) for a in arrays]])


def _nest(model: Any, entries: list[Any]) -> Any:
    """Return the entries nested as `model`; floats where the shape is ()."""
    return rebuilt(model, iter([float(e) if np.ndim(e) == 0 else e for e in entries]))
