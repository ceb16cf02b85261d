"""The referee: derivatives against central differences, in both modes, to any order.

A numeric derivative knows nothing of rules, so agreement means something:

    (f(x + h v) - f(x - h v)) / 2h   against   J v   (forward mode)   and   u . (J v) = (u^T J) . v   (reverse)

for a random direction v and a random weighting u of the results. Second order is the same check of the
function `x -> u^T J(x)`. Where a check fails, every entry is looked at on its own, and the worst is named.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import GradientMismatch, InvalidValue
from tinygrad_ed.nested import leaves, rebuilt
from tinygrad_ed.node import Array, Node, plain, recording
from tinygrad_ed.transforms import jvp, vjp
from tinygrad_ed.values import leaf_value

Function = Callable[..., Any]
MODES = ("rev", "fwd")


def check_grads(
    f: Function,
    *xs: Any,
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
        modes: "rev" (reverse: vjp) and "fwd" (forward: jvp).
        rtol: allowed difference, relative; by default 1e-6 for float64 and 2e-2 for float32.
        atol: allowed difference, absolute; the same by default.
        rng: seed of the random directions.

    Raises:
        GradientMismatch: naming mode, order, argument, entry and both numbers, and whether the point looks
            like a kink, where no derivative exists.
        InvalidValue: for an unknown mode or an order below 1.

    Warns:
        UserWarning: for float32 arguments, whose differences are good to two digits only.

    >>> check_grads(lambda x: x**3, 2.0)
    >>> check_grads(lambda x: x * plain(x), 2.0)
    Traceback (most recent call last):
    tinygrad_ed.errors.GradientMismatch: order 1, mode rev, argument 0: derivative 2, central difference 4
    """
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or not isinstance(order, int) or order < 1:
        raise InvalidValue(f"check_grads takes modes among {MODES} and order >= 1, but got {modes!r} and {order!r}")
    values = [leaf_value(plain(x)) for x in leaves(xs)]
    at = [np.asarray(value) for value in values]
    single = any([a.dtype == np.float32 for a in at])
    if single:
        warnings.warn("check_grads: float32 differences are good to two digits; use float64", stacklevel=2)
    # Rounding costs eps/h, cutting off the series h^2: the best step is eps^(1/3).
    step = float(np.finfo(np.float32 if single else np.float64).eps) ** (1 / 3)
    tolerance = 2e-2 if single else 1e-6
    check = _Check(step, tolerance if rtol is None else rtol, tolerance if atol is None else atol, rng)
    check.run(f, rebuilt(xs, iter(values)), order, tuple(modes), at)


def numeric_derivative(f: Callable[[Array], Any], x: Any, step: float = 6e-6) -> Array:
    """Return the derivatives of a plain function with respect to each entry of `x`, by central differences.

    The step is h = step * max(1, |x_i|). The result has shape `shape of f(x) + x.shape`. It is NaN where f has a
    kink within a step of x, for there is no derivative: the slopes from both sides then differ by more than
    curvature explains, whose share halves with the step.

    >>> numeric_derivative(lambda x: x[0] * x[1], np.array([3.0, 2.0])).round(6)
    array([2., 3.])
    >>> numeric_derivative(lambda x: abs(x), np.array([0.0, 1.0])).diagonal().round(6)
    array([nan,  1.])
    """
    x = np.array(x, dtype=float)
    here = np.asarray(f(x), dtype=float)
    columns = [_slope(f, x, here, entry, step) for entry in np.ndindex(x.shape)]
    return np.stack(columns, axis=-1).reshape(here.shape + x.shape) if columns else np.zeros(here.shape + x.shape)


def _slope(f: Callable[[Array], Any], x: Array, here: Array, entry: tuple[int, ...], step: float) -> Array:
    """The derivative with respect to one entry; NaN at a kink."""
    slope, gap = _sides(f, x, here, entry, step)
    allowed = 1e-7 * np.maximum(1.0, np.abs(slope))
    if np.all(gap <= allowed):
        return slope
    _, half_gap = _sides(f, x, here, entry, step / 2)
    return np.where(np.abs(half_gap - gap / 2) <= allowed, slope, np.nan)


def _sides(
    f: Callable[[Array], Any], x: Array, here: Array, entry: tuple[int, ...], step: float
) -> tuple[Array, Array]:
    """The central difference, and how far apart the slopes from both sides are."""
    h = step * max(1.0, abs(float(x[entry])))
    up, down = x.copy(), x.copy()
    up[entry] += h
    down[entry] -= h
    above, below = np.asarray(f(up), dtype=float), np.asarray(f(down), dtype=float)
    return (above - below) / (up[entry] - down[entry]), np.abs(
        (above - here) / (up[entry] - x[entry]) - (here - below) / (x[entry] - down[entry])
    )


class _Check:
    """The tolerances and the randomness of one call of `check_grads`."""

    def __init__(self, step: float, rtol: float, atol: float, rng: int) -> None:
        self.step, self.rtol, self.atol, self.rng = step, rtol, atol, np.random.default_rng(rng)

    def run(self, f: Function, xs: Any, order: int, modes: tuple[str, ...], at: list[Array], level: int = 1) -> None:
        """Check first derivatives of `f`, then those of its pullback, and so on up to `order`."""
        y, pullback = vjp(f, *xs)
        results = [np.asarray(r, dtype=float) for r in leaves(y)]
        one = sum([r.size for r in results]) == 1
        u = [np.ones(r.shape) if one else self.rng.standard_normal(r.shape) for r in results]
        v = self._direction(at)
        slope = self._difference(f, xs, at, v, self.step)
        weights = [np.abs(a) for a in u]
        # Rounding of f by eps moves the difference by eps/h, which is the square of the step.
        noise = 4 * self.step**2 * _along(weights, [np.abs(r) for r in results])
        expected, scale = _along(u, slope), _along(weights, [np.abs(a) for a in slope])
        for mode in modes:
            if mode == "rev":
                found = _along(leaves(pullback(_nest(y, u))), v)
            else:
                found = _along(u, leaves(jvp(f, xs, _nest(xs, v))[1]))
            if not abs(found - expected) <= self.atol + self.rtol * scale + noise:
                raise GradientMismatch(f"order {level}, mode {mode}, {self._worst_entry(f, xs, at, mode, u, y)}")
        if level < order:

            def derivative(*args: Any) -> Any:
                out, pull = vjp(f, *args)
                return pull(_nest(out, u))

            self.run(derivative, xs, order, modes, at, level + 1)

    def _direction(self, at: list[Array]) -> list[Array]:
        """A random direction of length one, then each entry as much longer as the entry of the point is."""
        v = [self.rng.standard_normal(a.shape) for a in at]
        length = np.sqrt(np.sum([np.sum(np.square(d)) for d in v])) or 1.0
        return [(d / length * np.maximum(1.0, np.abs(a))).astype(a.dtype) for d, a in zip(v, at, strict=True)]

    def _difference(
        self, f: Function, xs: Any, at: list[Array], v: list[Array], h: float, side: int = 0
    ) -> list[Array]:
        """The derivative along `v`: central, or from one side (+1, -1)."""
        up = self._evaluate(f, xs, [a + h * d if side >= 0 else a for a, d in zip(at, v, strict=True)])
        down = self._evaluate(f, xs, [a - h * d if side <= 0 else a for a, d in zip(at, v, strict=True)])
        return [(a - b) / (h if side else 2 * h) for a, b in zip(up, down, strict=True)]

    def _evaluate(self, f: Function, xs: Any, at: list[Array]) -> list[Array]:
        """The results of `f` at other points, as plain arrays; `f` gets Nodes here as well."""
        with recording(True):
            result = f(*rebuilt(xs, iter([Node(a) for a in at])))
        return [np.asarray(plain(r), dtype=float) for r in leaves(result)]

    def _worst_entry(self, f: Function, xs: Any, at: list[Array], mode: str, u: list[Array], y: Any) -> str:
        """Look at every entry of every argument on its own; describe the one that is farthest off."""
        gradients = [np.asarray(g) for g in leaves(vjp(f, *xs)[1](_nest(y, u)))]
        worst, text = -1.0, "no entry"
        for number, a in enumerate(at):
            for entry in np.ndindex(a.shape):
                v = [np.zeros_like(b) for b in at]
                v[number][entry] = 1.0
                h = self.step * max(1.0, abs(float(a[entry])))
                expected = _along(u, self._difference(f, xs, at, v, h))
                if mode == "rev":
                    found = float(gradients[number][entry])
                else:
                    found = _along(u, leaves(jvp(f, xs, _nest(xs, v))[1]))
                if worst < 0 or not abs(found - expected) <= worst:
                    worst = abs(found - expected)
                    place = f"argument {number}" + (f", entry {list(entry)}" if entry else "")
                    text = f"{place}: derivative {found:.8g}, central difference {expected:.8g}"
                    text += self._kink(f, xs, at, v, h, u)
        return text

    def _kink(self, f: Function, xs: Any, at: list[Array], v: list[Array], h: float, u: list[Array]) -> str:
        """A remark, if the slopes from both sides, or two steps, differ by more than curvature explains."""
        right, left = [_along(u, self._difference(f, xs, at, v, h, side)) for side in (+1, -1)]
        allowed = 100 * h * max(1.0, abs(right), abs(left))
        if abs(right - left) > allowed:
            return f" (this point looks like a kink: slope {left:.6g} from the left, {right:.6g} from the right)"
        if abs(_along(u, self._difference(f, xs, at, v, h / 2)) - (right + left) / 2) > allowed:
            return (
                " (this point looks like a kink: the function jumps here, so the difference grows as the step shrinks)"
            )
        return ""


def _along(u: list[Any], slope: list[Any]) -> float:
    """The sum of all products."""
    return float(sum([np.sum(np.asarray(a) * np.asarray(b)) for a, b in zip(u, slope, strict=True)]))


def _nest(model: Any, entries: list[Any]) -> Any:
    """The entries nested as `model`; floats where the shape is ()."""
    return rebuilt(model, iter([float(e) if np.ndim(e) == 0 else e for e in entries]))
