"""Functions that take numbers apart or repair them, and functions by pieces.

A part that is constant nearby (a sign, an exponent, a whole number) is plain; the rest keeps its derivative.
"""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_ed.errors import NoDerivativeRule
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import op
from tinygrad_ed.graph.values import as_array, shape_of
from tinygrad_ed.ops.elementwise import cos, power, sin, where
from tinygrad_ed.ops.numpy.moves import gather, without_nodes
from tinygrad_ed.ops.shape import astype, broadcast_to, concatenate, ravel
from tinygrad_ed.ops.typed import answer

# The slope of sin(t)/t, by t: -2/3! + 4 t^2/5! - 6 t^4/7! + ...; below 0.5 ten terms are exact to rounding.
_SERIES = [(-1.0) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 11)]


def _slope_of_sinc(x: Any) -> Any:
    """Return the derivative of sin(pi x) / (pi x); near zero by its series, so it is smooth there, to every order."""
    angle = np.pi * x
    small = np.abs(plain(angle)) < 0.5
    near, far = where(small, angle, 0.0), where(small, 1.0, angle)
    series: Any = _SERIES[-1]
    for coefficient in reversed(_SERIES[:-1]):
        series = series * (near * near) + coefficient
    return np.pi * where(small, near * series, (cos(far) - sin(far) / far) / far)


op("sinc", np.sinc, lambda g, y, x: g * _slope_of_sinc(x))


def ldexp(x1: Any, x2: Any) -> Any:
    """Multiply x1 by 2 to the power of the whole number x2 (plain)."""
    if isinstance(x2, Node):
        raise NoDerivativeRule("np.ldexp has no derivative rule for the exponent: give it as plain whole numbers")
    return x1 * np.ldexp(np.ones((), as_array(plain(x1)).dtype), x2)


def frexp(x: Any) -> tuple[Any, Any]:
    """Return the mantissa, and the exponent (plain)."""
    _, exponent = np.frexp(plain(x))
    return x * np.ldexp(np.ones_like(plain(x)), -exponent), exponent


def full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    """Return an array of a's shape with one value; only the value has a derivative."""
    if isinstance(fill_value, Node):
        y = broadcast_to(fill_value, shape=shape_of(a) if shape is None else shape)
        return astype(y, dtype=plain(a).dtype if dtype is None else dtype) if shape_of(y) else y
    return np.full_like(plain(a), fill_value, dtype=dtype, shape=shape)


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Return one function (or number) for each condition; one more at the end is for the rest. Conditions are plain."""
    values = as_array(plain(x))
    which = np.ravel(np.piecewise(values, without_nodes(condlist), [*range(1, len(funclist) + 1)]))
    parts, positions = [np.zeros(0, values.dtype)], np.zeros(values.size, int)
    for k, function in enumerate(funclist, start=1):
        chosen = np.flatnonzero(which == k)
        if len(chosen):
            part = function(ravel(x)[chosen], *args, **kw) if callable(function) else function
            parts.append(astype(broadcast_to(part, shape=chosen.shape), dtype=values.dtype))
            positions[chosen] = np.arange(1, len(chosen) + 1) + np.max(positions, initial=0)
    return gather(concatenate(parts), positions=positions.reshape(values.shape))


def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """Apply a function (a, axis) over one axis after the other, keeping the number of axes."""
    for axis in map(operator.index, np.atleast_1d(axes)):
        ndim, a = len(shape_of(a)), func(a, axis)
        a = np.expand_dims(a, axis) if len(shape_of(a)) == ndim - 1 else a
    return a


answer(np, apply_over_axes, frexp, full_like, ldexp, piecewise)
answer(
    np,
    float_power=lambda x1, x2: power(*[x if shape_of(x) == () else astype(x) for x in (x1, x2)]),
    # constant in x1, so plain where x2 is
    heaviside=lambda x1, x2: where(np.equal(plain(x1), 0), x2, np.heaviside(plain(x1), plain(x2))),
    modf=lambda x: (x - np.trunc(plain(x)), np.trunc(plain(x))),
    nan_to_num=lambda x, copy=True, nan=0.0, posinf=None, neginf=None: where(
        np.isfinite(plain(x)), x, np.nan_to_num(as_array(plain(x)), nan=nan, posinf=posinf, neginf=neginf)
    ),
    real=lambda val: val,  # a Node is real
    real_if_close=lambda a: a,
)
