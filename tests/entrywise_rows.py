"""The rows of `op_table.py` for what is done entry by entry, with one argument or two, and for choices."""

from collections.abc import Callable
from typing import Any

import numpy
from op_row import ABOVE_ONE, FAR, FLOATS, MASK, POSITIVE, REAL, UNIT, Rows

ROWS = Rows()
add = ROWS.add


def _by_name(name: str) -> Callable[..., Any]:
    return lambda np, *xs: getattr(np, name)(*xs)


# Entry by entry, one argument

UNARY = {
    **dict.fromkeys(["abs", "absolute", "cbrt", "fabs"], REAL),
    **dict.fromkeys(
        [
            "negative",
            "positive",
            "conjugate",
            "square",
            "exp",
            "exp2",
            "expm1",
            "sin",
            "cos",
            "sinh",
            "cosh",
            "tanh",
            "arctan",
            "arcsinh",
        ],
        REAL,
    ),
    **dict.fromkeys(["deg2rad", "rad2deg", "radians", "degrees", "copy"], REAL),
    **dict.fromkeys(["reciprocal", "sqrt", "log", "log2", "log10", "log1p"], POSITIVE),
    **dict.fromkeys(["tan", "arcsin", "arccos", "arctanh"], UNIT),
    "arccosh": ABOVE_ONE,
}
for name, domain in UNARY.items():
    lacking = name in ("cbrt", "positive", "copy")
    add(name, _by_name(name), (), (3,), (2, 1, 2), (1, 1), (0,), (2, 0), domain=domain, oracle=not lacking)

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "identity": lambda np, x: 1.0 * x,
    "relu": lambda np, x: np.maximum(x, 0.0),
    "sigmoid": lambda np, x: 1.0 / (1.0 + np.exp(-x)),
    "softplus": lambda np, x: np.log(1.0 + np.exp(x)),
    "leaky_relu": lambda np, x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda np, x: np.where(x > 0, x, np.exp(x) - 1.0),
    "silu": lambda np, x: x / (1.0 + np.exp(-x)),
    "gelu": lambda np, x: 0.5 * x * (1.0 + np.tanh((2.0 / numpy.pi) ** 0.5 * (x + 0.044715 * x**3))),
}
for name, twin in ACTIVATIONS.items():
    add(name, _by_name(name), (), (4,), (2, 3), (1, 1), (0,), twin=twin)
add(
    "leaky_relu",
    lambda np, x: np.leaky_relu(x, 0.2),
    (4,),
    note="(0.2)",
    twin=lambda np, x: np.where(x > 0, x, 0.2 * x),
)
add(
    "leaky_relu",
    lambda np, x: np.leaky_relu(x, slope=0.2),
    (),
    note="(slope)",
    twin=lambda np, x: np.where(x > 0, x, 0.2 * x),
)

# Entry by entry, two arguments that broadcast

PAIRS: list[list[tuple[int, ...]]] = [
    [(), ()],
    [(3,), (3,)],
    [(), (2, 3)],
    [(2, 3), ()],
    [(3,), (2, 3)],
    [(2, 1), (1, 3)],
    [(2, 1, 3), (4, 1)],
    [(1,), (0,)],
    [(2, 0), (1,)],
    [(1, 1), ()],
]
BINARY: dict[str, Any] = {
    **dict.fromkeys(
        ["add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2"], REAL
    ),
    **dict.fromkeys(["arctan2", "hypot"], POSITIVE),
    "divide": [REAL, POSITIVE],
    "power": [POSITIVE, REAL],
    "float_power": [POSITIVE, REAL],
    "remainder": [REAL, FAR],
    "fmod": [REAL, FAR],
    "copysign": REAL,
}
for name, domain in BINARY.items():
    add(name, _by_name(name), *PAIRS, domain=domain, oracle=name not in ("fmod", "copysign", "hypot", "float_power"))
for name in ("fmod", "remainder"):  # a quotient whose whole part is 2
    add(name, _by_name(name), [(), ()], [(3,), (3,)], domain=[(8.5, 9.5), (3.5, 4.0)], oracle=False, note="(2)")
add("divmod", lambda np, a, b: np.divmod(a, b)[1], *PAIRS, domain=[REAL, FAR], oracle=False)

for note, call in {
    "(b + 2)": lambda np, x: np.add(x, 2),
    "(2 + b)": lambda np, x: 2 + x,
    "(a + list)": lambda np, x: x + FLOATS.tolist(),
    "(array + a)": lambda np, x: FLOATS + x,
    "(float64 * a)": lambda np, x: numpy.float64(2.5) * x * x,
    "(a - b)": lambda np, x: (3 - x) - (x - 1.5),
    "(a / b)": lambda np, x: (1.0 / (x + 5.0)) / (x + 4.0),
    "(a ** 3)": lambda np, x: x**3,
    "(a ** 2.0)": lambda np, x: x**2.0,
    "(a ** 1)": lambda np, x: x**1,
    "(a ** 0)": lambda np, x: x**0 * x,
    "(2 ** a)": lambda np, x: 2**x,
    "(a % 7)": lambda np, x: (x % 7) * x,
    "(7 % a)": lambda np, x: 7.0 % (x + 5.0) * x,
    "(-abs)": lambda np, x: -abs(x) * x,
    "(x * x)": lambda np, x: x * x * x,
}.items():
    add("multiply", call, (2, 3), () if "list" not in note and "array" not in note else (3,), note=note)
add("positive", lambda np, x: +x * x, (3,), (), oracle=False, note="(+a)")
add("power", lambda np, x: np.power(x, 2), (3,), (), note="(2)")
add("power", lambda np, x: np.power(x, [1, 2, 3]), (3,), oracle=False, note="(list)")
add("power", lambda np, x: np.power(x, -1.5), (3,), domain=POSITIVE, note="(-1.5)")

# Choice

add("where", lambda np, a, b: np.where(MASK, a, b), [(2, 3), (2, 3)])
add(
    "where",
    lambda np, a, b: np.where(MASK, a, b),
    [(), (3,)],
    [(2, 1), ()],
    [(3,), (2, 1)],
    oracle=False,
    note="(broadcast)",
)
add("where", lambda np, x: np.where(x > 0.1, x * x, np.sin(x)), (), (5,), (2, 2), (0,), note="(x > 0.1)")
add("where", lambda np, x: np.where(MASK[0], 1.0, x), (3,), note="(constant)")
add("clip", lambda np, x: np.clip(x, -0.7, 0.9), (), (5,), (2, 3), (0,))
add("clip", lambda np, x: np.clip(x, a_min=-0.7, a_max=None) * x, (5,), note="(a_min)")
add("clip", lambda np, x: np.clip(x, None, 0.3) * x, (5,), note="(a_max)")
add(
    "clip",
    lambda np, x, low, high: np.clip(x, low, high) * x,
    [(5,), (5,), (5,)],
    [(2, 3), (3,), ()],
    domain=[(-2.0, 2.0), (-1.2, -0.4), (0.4, 1.2)],
    oracle=False,
    note="(bounds)",
)
add(
    "clip",
    lambda np, x: np.clip(x, min=-0.5, max=1.0) * x,  # NumPy takes these names from version 2.1 on
    (5,),
    twin=lambda np, x: np.clip(x, -0.5, 1.0) * x,
    note="(min, max)",
)
add("full_like", lambda np, a, x: np.full_like(a, x), [(2, 3), ()], [(2, 3), (3,)], [(2, 3), (2, 1)], oracle=False)
