"""Entry-by-entry ops: one line each, the NumPy function beside its derivative rules.

A rule reads `(g, y, x)` or `(g, y, a, b)`: `g` is the gradient that arrives at the result `y`. It uses
only operators and the ops of this package, so the same line works on floats, arrays and Nodes. Inputs
broadcast; the sum that undoes it is in `graph/rule.py`, once for all. Comparisons give plain booleans:
for a derivative they are constants.

Conventions at kinks, ties and zeros, each visible in its rule: abs'(0) = relu'(0) = 0, leaky_relu'(0) is
the slope below, equal inputs of maximum and minimum get one half each, hypot has the gradient 0 at the
origin, clip passes the gradient at its bounds, and x**n at x = 0 has the derivative of the polynomial.
"""

import math
import operator
import warnings
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue
from tinygrad_ed.graph.grad_mode import observer
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.op import Op, Rule, op
from tinygrad_ed.graph.rule import same, times_first, times_second
from tinygrad_ed.graph.values import Array, Lifted, constant
from tinygrad_ed.ops.typed import answer, typed

__all__ = ["absolute", "add", "copysign", "deg2rad", "divide", "fmod", "identity", "multiply", "negative", "positive"]
__all__ += ["power", "rad2deg", "reciprocal", "remainder", "subtract"]
__all__ += ["clip", "fmax", "fmin", "maximum", "minimum", "where"]
__all__ += ["cbrt", "exp", "exp2", "expm1", "hypot", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2"]
__all__ += ["sqrt", "square"]
__all__ += ["arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cos", "cosh", "sin", "sinh"]
__all__ += ["tan", "tanh"]
__all__ += ["elu", "gelu", "leaky_relu", "relu", "sigmoid", "silu", "softplus"]

LN2, LN10 = math.log(2.0), math.log(10.0)
GELU_SCALE = math.sqrt(2.0 / math.pi)


def binary(name: str, forward: Any, *rules: Rule | None, scalar: Any = None) -> Op:
    """Make an op whose inputs broadcast against each other."""
    return op(name, forward, *rules, scalar=scalar, broadcasts=True)


# Arithmetic

add = binary("add", np.add, same, same, scalar=operator.add)
subtract = binary("subtract", np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g, scalar=operator.sub)
multiply = binary("multiply", np.multiply, times_second, times_first, scalar=operator.mul)
divide = binary("divide", np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b, scalar=operator.truediv)
negative = op("negative", np.negative, lambda g, y, x: -g, scalar=operator.neg)
identity = op("identity", lambda x: x, same)
positive = op("positive", np.positive, same, scalar=operator.pos)
reciprocal = op("reciprocal", np.reciprocal, lambda g, y, x: -g * y * y, scalar=lambda x: 1.0 / x)
remainder = binary("remainder", np.remainder, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b))
fmod = binary("fmod", np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.trunc(a / b))

# Choice. `where` picks its inputs by a plain condition; a rule uses it to keep 0 * inf out of gradients.

_where: Op = binary(
    "where",
    np.where,
    None,
    lambda g, y, c, a, b: _where(c, g, 0.0),
    lambda g, y, c, a, b: _where(c, 0.0, g),
    scalar=lambda c, a, b: a if c else b,
)


@typed
def where(condition: Any, a: Any, b: Any) -> Any:
    """Pick entries of `a` where the condition holds, entries of `b` elsewhere; the condition is a constant.

    >>> import numpy as np
    >>> where(np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    return _where(plain(condition), a, b)


maximum = binary("maximum", np.maximum, lambda g, y, a, b: g * _beats(a, b), lambda g, y, a, b: g * _beats(b, a))
minimum = binary("minimum", np.minimum, lambda g, y, a, b: g * _beats(b, a), lambda g, y, a, b: g * _beats(a, b))
fmax = binary("fmax", np.fmax, lambda g, y, a, b: g * _wins(y, a, b), lambda g, y, a, b: g * _wins(y, b, a))
fmin = binary("fmin", np.fmin, lambda g, y, a, b: g * _wins(y, a, b), lambda g, y, a, b: g * _wins(y, b, a))
_clip = binary(
    "clip",
    np.clip,
    lambda g, y, x, low, high: g * ((x >= low) & (x <= high)),
    lambda g, y, x, low, high: g * ((x < low) & (low <= high)),
    lambda g, y, x, low, high: g * ((x > high) | (low > high)),
)


@typed
def clip(x: Any, min: Any = None, max: Any = None) -> Any:  # NumPy's names
    """Limit the entries of x to [min, max]; None leaves that side open.

    >>> import numpy as np
    >>> clip(np.array([1.0, 2.0, 3.0]), max=2.0)
    array([1., 2., 2.])
    """
    return _clip(x, -math.inf if min is None else min, math.inf if max is None else max)


def sign_of(x: Any) -> Any:
    """Return np.sign, a float for a float. Where a second derivative will meet the kink at zero, `tg.debug()` warns."""
    if type(x) is float:
        return float(np.sign(x))
    if isinstance(x, Node) and watched(x) and np.any(plain(x) == 0):
        warnings.warn(
            "abs at 0: both its first and its second derivative are taken as 0 there, so those of abs(x)**2 are, too "
            "(that of x**2 is 2)",
            stacklevel=2,
        )
    return np.sign(x)


def watched(*values: Any) -> bool:
    """Tell whether `tg.debug()` watches, and the values are numbers (not a batch of gradients, say)."""
    return observer.get() is not None and not any([isinstance(plain(value), Lifted) for value in values])


def _beats(a: Any, b: Any) -> Any:
    """Return 1 where a is greater, one half where both are equal, 0 elsewhere."""
    greater, equal = a > b, a == b
    if type(equal) is np.ndarray and not equal.any():  # as it is most often
        return greater
    return greater + 0.5 * equal


def _wins(y: Any, a: Any, b: Any) -> Any:
    """Return the share of a in a result y that ignores NaN: 1 where only a gave it, one half where both did."""
    return (y == a) / np.maximum(1.0, 1.0 * (y == a) + (y == b))


def _one_minus(own: Any) -> Any:
    """Write 1 - x over an array x that nobody else has: for a large one new memory costs more than the numbers."""
    return np.subtract(1.0, own, own) if type(own) is np.ndarray else 1.0 - own


def _over_square(x: Any, a: Any, b: Any) -> Any:
    """Return x / (a^2 + b^2); where a square would be lost, in parts of the larger one."""
    if type(a) is type(b) is np.ndarray:
        with np.errstate(all="ignore"):
            squares = a * a + b * b
        if is_safe(squares):
            return x / squares
    sizes = abs(plain(a)), abs(plain(b))
    scale = max(sizes) if type(sizes[0]) is type(sizes[1]) is float else np.maximum(*sizes)
    a, b = a / scale, b / scale
    return x / scale / (a * a + b * b) / scale


def is_safe(y: Array) -> bool:
    """Tell whether no entry is zero, or so small that digits are lost, or infinite: then it may be divided by."""
    size, limits = np.abs(y), np.finfo(y.dtype)
    return bool(np.min(size, initial=1.0) > limits.tiny / limits.eps and np.max(size, initial=1.0) < np.inf)


# Powers and roots


def _one_less(a: Any, b: Any) -> Any:
    """Return the exponent of the derivative; at 0**0, whose derivative is 0, any that gives no infinity."""
    return b - 1.0 if type(b) is float and b != 0 else where((a == 0) & (b == 0), 1.0, b - 1.0)


power: Op = binary(
    "power",
    np.power,
    lambda g, y, a, b: g * b * power(a, _one_less(a, b)),
    lambda g, y, a, b: g * y * log(where(a == 0, 1.0, a)),
    scalar=math.pow,
)
square = op("square", np.square, lambda g, y, x: g * (2.0 * x), scalar=lambda x: x * x)
sqrt = op("sqrt", np.sqrt, lambda g, y, x: g * 0.5 / y, scalar=math.sqrt)
cbrt = op("cbrt", np.cbrt, lambda g, y, x: g / (3.0 * y * y), scalar=math.cbrt)
hypot = binary(
    "hypot", np.hypot, lambda g, y, a, b: g * over(a, y), lambda g, y, a, b: g * over(b, y), scalar=math.hypot
)

# The slope of what is bent to a point at zero, as a norm is: 0 there by convention, and then no slope of the slope.
over: Op = binary(
    "over",
    lambda a, b: np.where(b == 0, 0.0, a / np.where(b == 0, 1.0, b)),
    lambda g, y, a, b: g / where(b == 0, np.nan, b),
    lambda g, y, a, b: -g * y / where(b == 0, np.nan, b),
    scalar=lambda a, b: a / b if b else 0.0,
)
root = op("root", np.sqrt, lambda g, y, x: 0.5 * g * over(1.0, y), scalar=math.sqrt)  # of a variance

# Exponentials and logarithms

exp = op("exp", np.exp, lambda g, y, x: g * y, scalar=math.exp)
exp2 = op("exp2", np.exp2, lambda g, y, x: g * y * LN2, scalar=math.exp2)
expm1 = op("expm1", np.expm1, lambda g, y, x: g * exp(x), scalar=math.expm1)
log: Op = op("log", np.log, lambda g, y, x: g / x, scalar=math.log)
log2 = op("log2", np.log2, lambda g, y, x: g / (x * LN2), scalar=math.log2)
log10 = op("log10", np.log10, lambda g, y, x: g / (x * LN10), scalar=math.log10)
log1p = op("log1p", np.log1p, lambda g, y, x: g / (x + 1.0), scalar=math.log1p)
logaddexp = binary(
    "logaddexp", np.logaddexp, lambda g, y, a, b: g * sigmoid(a - b), lambda g, y, a, b: g * sigmoid(b - a)
)
logaddexp2 = binary(
    "logaddexp2",
    np.logaddexp2,
    lambda g, y, a, b: g * sigmoid(LN2 * (a - b)),
    lambda g, y, a, b: g * sigmoid(LN2 * (b - a)),
)

# Trigonometric and hyperbolic

sin = op("sin", np.sin, lambda g, y, x: g * cos(x), scalar=math.sin)
cos: Op = op("cos", np.cos, lambda g, y, x: -g * sin(x), scalar=math.cos)
tan = op("tan", np.tan, lambda g, y, x: g * (1.0 + y * y), scalar=math.tan)
arcsin = op("arcsin", np.arcsin, lambda g, y, x: g / sqrt(1.0 - x * x), scalar=math.asin)
arccos = op("arccos", np.arccos, lambda g, y, x: -g / sqrt(1.0 - x * x), scalar=math.acos)
arctan = op("arctan", np.arctan, lambda g, y, x: g / (1.0 + x * x), scalar=math.atan)
arctan2 = binary(
    "arctan2",
    np.arctan2,
    lambda g, y, a, b: g * _over_square(b, a, b),
    lambda g, y, a, b: -g * _over_square(a, a, b),
    scalar=math.atan2,
)
sinh = op("sinh", np.sinh, lambda g, y, x: g * cosh(x), scalar=math.sinh)
cosh: Op = op("cosh", np.cosh, lambda g, y, x: g * sinh(x), scalar=math.cosh)
tanh = op("tanh", np.tanh, lambda g, y, x: g * _one_minus(y * y), scalar=math.tanh)
# cosh(y) is sqrt(1 + x^2), without the square of a large x, and in a tenth of the time of np.hypot.
arcsinh = op("arcsinh", np.arcsinh, lambda g, y, x: g / cosh(y), scalar=math.asinh)
arccosh = op("arccosh", np.arccosh, lambda g, y, x: g / (sqrt(x - 1.0) * sqrt(x + 1.0)), scalar=math.acosh)
arctanh = op("arctanh", np.arctanh, lambda g, y, x: g / (1.0 - x * x), scalar=math.atanh)
deg2rad = op("deg2rad", np.deg2rad, lambda g, y, x: g * math.radians(1.0), scalar=math.radians)
rad2deg = op("rad2deg", np.rad2deg, lambda g, y, x: g * math.degrees(1.0), scalar=math.degrees)

# Magnitude

absolute = op("absolute", np.absolute, lambda g, y, x: g * sign_of(x), scalar=abs)
copysign = binary("copysign", np.copysign, lambda g, y, a, b: g * np.sign(a) * np.copysign(1.0, b), None)

# Activation functions that NumPy does not have, stable for large arguments


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _sigmoid_of_float(x: float) -> float:
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


relu = op("relu", lambda x: np.maximum(x, 0.0), lambda g, y, x: g * (x > 0), scalar=lambda x: 0.0 if x <= 0 else x)
sigmoid: Op = op("sigmoid", _sigmoid, lambda g, y, x: g * y * sigmoid(-x), scalar=_sigmoid_of_float)
softplus = op(
    "softplus",
    lambda x: np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))),
    lambda g, y, x: g * sigmoid(x),
    scalar=lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
)
leaky_relu = op(
    "leaky_relu",
    lambda x, slope=0.01: np.where(x > 0, x, slope * x),
    lambda g, y, x, slope=0.01: g * where(x > 0, 1.0, slope),
)
elu = op(
    "elu",
    lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
    lambda g, y, x: g * where(x > 0, 1.0, exp(minimum(x, 0.0))),
)


@typed
def silu(x: Any) -> Any:
    """Return the activation x sigmoid(x), also called swish.

    >>> silu(2.0)
    1.7615941559557646
    """
    return x * sigmoid(x)


@typed
def gelu(x: Any) -> Any:
    """Return the activation x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), GELU in its tanh form.

    >>> gelu(2.0)
    1.9545976940877752
    """
    return x * sigmoid(2.0 * GELU_SCALE * x * (1.0 + 0.044715 * x * x))  # (1 + tanh u)/2 = sigmoid(2u), to all digits


# What NumPy's functions and the operators take and ours do not.


def raised(a: Any, b: Any) -> Any:
    """Return what `a ** b` does; for two floats it is a real number, or an error."""
    return math.pow(a, b) if type(a) is type(b) is float else np.power(a, b)


def floor_divide(a: Any, b: Any) -> Any:
    """Return a // b as a constant: its derivative is zero wherever there is one."""
    return constant(np.floor_divide(plain(a), plain(b)))


def quotient_and_rest(a: Any, b: Any) -> tuple[Any, Any]:
    """Return what Python's `divmod` gives: the quotient is plain, the rest has a derivative."""
    return floor_divide(a, b), remainder(a, b)


def _numpy_clip(a: Any, a_min: Any = ..., a_max: Any = ..., min: Any = ..., max: Any = ...) -> Any:
    """Limit as `np.clip` does, which has two pairs of names for the bounds."""
    pairs = [[bound is not ... for bound in pair] for pair in ((a_min, a_max), (min, max))]
    if any(pairs[0]) and any(pairs[1]):
        raise InvalidValue("np.clip: a_min and a_max are other names of min and max; give one pair of them")
    if any(pairs[0]) and not all(pairs[0]):
        raise InvalidType("np.clip takes a_min and a_max, both of them: None leaves a side open")
    low, high = [None if bound is ... else bound for bound in ((a_min, a_max) if any(pairs[0]) else (min, max))]
    return clip(a, low, high)


answer(
    np,
    where=lambda condition, x=..., y=...: np.nonzero(plain(condition)) if x is ... else where(condition, x, y),
    clip=_numpy_clip,
    divmod=quotient_and_rest,
    copy=positive,
    conjugate=positive,
    fabs=absolute,
    radians=deg2rad,
    degrees=rad2deg,
)
