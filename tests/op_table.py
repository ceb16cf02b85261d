"""Every op as its users write it, with the points at which `test_ops.py` checks it.

A row's `call` takes a namespace and the arguments, so that one line runs on NumPy, on HIPS autograd and on
`tinygrad_ed` itself: `lambda np, x: np.sum(x, axis=0)`. Where NumPy has no such function (sigmoid), `twin`
says it with functions that all three have. The points lie away from kinks; `test_ops.py` has those by hand.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

REAL, POSITIVE, UNIT, ABOVE_ONE = (-2.0, 2.0), (0.4, 3.0), (-0.9, 0.9), (1.2, 4.0)
FAR = (4.0, 7.0)  # as divisor of entries of REAL: no quotient is an integer, but for 0
MASK = numpy.array([[True, False, True], [False, False, True]])
FLOATS = numpy.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


class Row(NamedTuple):
    """One call of one op at one set of shapes."""

    op: str  # the name in tinygrad_ed.ops, or of the NumPy function that is handled
    call: Callable[..., Any]  # (namespace, *arguments)
    shapes: tuple[tuple[int, ...], ...]
    domains: tuple[tuple[float, float], ...]
    twin: Callable[..., Any] | None = None  # the same in NumPy's words
    oracle: bool = True  # whether HIPS autograd can differentiate it
    note: str = ""

    def __str__(self) -> str:
        return f"{self.op}{self.note} {' '.join(str(shape) for shape in self.shapes)}"

    def arguments(self) -> list[Any]:
        """Draw the same points every time: evenly spaced over the domain and shaken, so no two entries meet."""
        rng = numpy.random.default_rng(sum(map(ord, str(self))))
        return [_points(rng, shape, domain) for shape, domain in zip(self.shapes, self.domains, strict=True)]


def _points(rng: numpy.random.Generator, shape: tuple[int, ...], domain: tuple[float, float]) -> Any:
    n = int(numpy.prod(shape, dtype=int))
    places = (rng.permutation(n) + rng.uniform(0.2, 0.8, n)) / max(n, 1)
    points = (domain[0] + (domain[1] - domain[0]) * places).reshape(shape)
    return points if shape else float(points)


def _by_name(name: str) -> Callable[..., Any]:
    return lambda np, *xs: getattr(np, name)(*xs)


ROWS: list[Row] = []


def add(op: str, call: Callable[..., Any], *cases: Any, domain: Any = REAL, note: str = "", **more: Any) -> None:
    """Add a row for each case: the shape of the only argument, or a list of shapes."""
    for case in cases:
        shapes = tuple(case) if isinstance(case, list) else (case,)
        domains = domain if isinstance(domain, list) else [domain] * len(shapes)
        ROWS.append(Row(op, call, shapes, tuple(domains), note=note, **more))


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

# Reductions

AXES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((), {}),
    ((), {"keepdims": True}),
    ((4,), {}),
    ((4,), {"axis": 0}),
    ((2, 3), {"axis": 0}),
    ((2, 3), {"axis": -1, "keepdims": True}),
    ((2, 3), {"axis": None, "keepdims": True}),
    ((2, 3, 2), {"axis": (0, 2)}),
    ((2, 3, 2), {"axis": (-1, 0), "keepdims": True}),
    ((2, 3), {"axis": ()}),
    ((1, 1), {}),
    ((1, 3), {"axis": 0}),
]
EMPTY: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((0,), {}),
    ((0, 3), {"axis": 0}),
    ((2, 0), {"axis": 1, "keepdims": True}),
]
NO_RESULT: list[tuple[tuple[int, ...], dict[str, Any]]] = [((0, 3), {"axis": 1}), ((2, 0), {"axis": 0})]


def reduction(name: str, cases: list[tuple[tuple[int, ...], dict[str, Any]]], **more: Any) -> None:
    """Add a row for each shape and set of options."""
    for shape, options in cases:
        text = ", ".join(f"{key}={value}" for key, value in options.items())
        call = lambda np, x, options=options: getattr(np, name)(x, **options)  # noqa: E731 # bound in a loop
        twin = more.get("twin_of")
        twin = twin and (lambda np, x, options=options, twin=twin: twin(np, x, **options))
        add(
            name,
            call,
            shape,
            note=f"({text})",
            twin=twin,
            oracle=more.get("oracle", True) and options.get("axis") != (),
        )


reduction("sum", AXES + EMPTY + NO_RESULT)
reduction("mean", AXES + NO_RESULT)
reduction("max", AXES + NO_RESULT)
reduction("min", AXES + NO_RESULT)
reduction("prod", AXES + EMPTY + NO_RESULT, oracle=False)  # autograd divides by the entries and takes no tuples
reduction("var", [*AXES, ((4,), {"ddof": 1}), ((3, 2), {"axis": 0, "ddof": 1})])
reduction("std", [*(case for case in AXES if case[0] == (4,)), *AXES[4:9], ((3, 2), {"axis": 0, "ddof": 1})])
reduction(
    "logsumexp",
    [case for case in AXES if case[1].get("axis") != ()],
    twin_of=lambda np, x, **options: np.log(np.sum(np.exp(x), **options)),
)
add("sum", lambda np, x: np.sum(x, 0, keepdims=True) * x, (2, 3), note="(x, 0)")
add("amax", lambda np, x: np.amax(x, axis=1), (2, 3), oracle=False)
add("amin", lambda np, x: np.amin(x), (2, 3), (), oracle=False)
add("max", lambda np, x: np.max(x, -1), (2, 3), note="(x, -1)")
add("cumsum", lambda np, x: np.cumsum(x) * np.cumsum(x), (4,), (2, 3), (0,), (1,))
add("cumsum", lambda np, x: np.cumsum(x, axis=0), (4,), (2, 3), note="(axis=0)")
add("cumsum", lambda np, x: np.cumsum(x, -1), (4,), (2, 3), (0, 2), note="(axis=-1)")
add("cumsum", lambda np, x: np.cumsum(x), (), oracle=False, note="(scalar)")

# Shapes

add("reshape", lambda np, x: np.reshape(x, (3, 2)), (2, 3), (6,), (1, 6, 1))
add("reshape", lambda np, x: np.reshape(x, -1), (2, 3), (0, 2), (1, 1), note="(-1)")
add("reshape", lambda np, x: np.reshape(x, ()), (1,), (1, 1), note="(())")
add("reshape", lambda np, x: np.reshape(x, (1, 1)), (), (1,), note="((1, 1))")
add("reshape", lambda np, x: x.reshape(2, -1) * x.reshape((2, 3)), (6,), (3, 2), note="(method)")
add("transpose", lambda np, x: np.transpose(x), (2, 3), (3,), (2, 1, 3), (0, 2))
add("transpose", lambda np, x: np.transpose(x, (1, 2, 0)), (2, 3, 4), note="((1, 2, 0))")
add("transpose", lambda np, x: np.transpose(x, (0, -1, 1)), (2, 3, 4), oracle=False, note="((0, -1, 1))")
add("transpose", lambda np, x: x.T @ x, (2, 3), (3,), note="(T)")
add("ravel", lambda np, x: np.ravel(x), (2, 3), (0, 2), (3,))
add("ravel", lambda np, x: np.ravel(x), (), oracle=False, note="(scalar)")
add("ravel", lambda np, x: x.ravel() * x.flatten(), (2, 3), note="(methods)")
add("expand_dims", lambda np, x: np.expand_dims(x, 0), (2, 3), (3,), ())
add("expand_dims", lambda np, x: np.expand_dims(x, -1), (2, 3), (0,), note="(-1)")
add("expand_dims", lambda np, x: np.expand_dims(x, (0, 2)), (3,), note="((0, 2))", oracle=False)
add("squeeze", lambda np, x: np.squeeze(x), (1, 3, 1), (2, 3), (1, 1))
add("squeeze", lambda np, x: np.squeeze(x, -1), (1, 3, 1), note="(-1)")
add("squeeze", lambda np, x: np.squeeze(x, (0, 2)), (1, 3, 1), note="((0, 2))")
add("swapaxes", lambda np, x: np.swapaxes(x, 0, -1), (2, 3), (2, 3, 4), (3,))
add("moveaxis", lambda np, x: np.moveaxis(x, 0, -1), (2, 3, 4), (2, 3))
add("moveaxis", lambda np, x: np.moveaxis(x, (0, -1), (1, 0)), (2, 3, 4), note="(tuples)")
add("broadcast_to", lambda np, x: np.broadcast_to(x, (2, 3)), (1, 3), (2, 1), (2, 3))
add("broadcast_to", lambda np, x: np.broadcast_to(x, (2, 3)), (), (3,), oracle=False, note="(new axes)")
add("broadcast_to", lambda np, x: np.broadcast_to(x, (2, 0)), (1,), (2, 1), oracle=False, note="((2, 0))")
add("flip", lambda np, x: np.flip(x), (2, 3), (3,), (0,), oracle=False)
add("flip", lambda np, x: np.flip(x, axis=-1), (2, 3), (3,), oracle=False, note="(-1)")
add("flip", lambda np, x: np.flip(x, (0, 1)), (2, 3), oracle=False, note="((0, 1))")
add("roll", lambda np, x: np.roll(x, 2), (2, 3), (5,), (0,))
add("roll", lambda np, x: np.roll(x, -1, axis=1), (2, 3), note="(-1, axis=1)")
add("roll", lambda np, x: np.roll(x, (1, 2), axis=(0, -1)), (2, 3), oracle=False, note="(tuples)")
add("repeat", lambda np, x: np.repeat(x, 3), (2, 2), (3,))
add("repeat", lambda np, x: np.repeat(x, 2, axis=1), (2, 2), (0, 2), note="(axis=1)")
add("repeat", lambda np, x: np.repeat(x, 2, axis=-1), (2, 2), (0, 2), oracle=False, note="(axis=-1)")
add("repeat", lambda np, x: np.repeat(x, [1, 0, 2], axis=0), (3, 2), oracle=False, note="(list)")
add("take", lambda np, x: np.take(x, [2, 0, 0]), (2, 3), (3,), oracle=False)
add("take", lambda np, x: np.take(x, [[1, -1]], axis=-1), (2, 3), oracle=False, note="(axis=-1)")
add("take", lambda np, x: np.take(x, 1, axis=0), (2, 3), (3,), oracle=False, note="(one)")
add("diagonal", lambda np, x: np.diagonal(x), (3, 3), (2, 3), (3, 2), oracle=False)
add("diagonal", lambda np, x: np.diagonal(x, 1, 0, 2), (2, 3, 4), note="(1, 0, 2)", oracle=False)
add("diagonal", lambda np, x: np.diagonal(x, offset=-1, axis1=-1, axis2=0), (2, 3, 4), note="(-1)", oracle=False)
add("diagonal", lambda np, x: np.linalg.diagonal(x, offset=1), (2, 2, 3), note="(linalg)", oracle=False)
add("trace", lambda np, x: np.trace(x), (3, 3), (2, 3))
add("trace", lambda np, x: np.trace(x, offset=1), (3, 3), note="(1)")
add("trace", lambda np, x: np.linalg.trace(x), (3, 2, 2), note="(linalg)", oracle=False)
add("astype", lambda np, x: np.astype(x, numpy.float64), (3,), (2, 2), oracle=False)

INDICES: dict[str, Any] = {
    "0": 0,
    "-1": -1,
    "1:": slice(1, None),
    "::-1": slice(None, None, -1),
    "..., 1": (..., 1),
    "None": None,
    ":, None, 1": (slice(None), None, 1),
    "[0, 0, 1]": [0, 0, 1],
    "array": numpy.array([[1, -2], [0, 0]]),
    "((0, 0),)": ((0, 0),),
    ":, [2, 2]": (slice(None), [2, 2]),
    "[0, 1], [2, 2]": ([0, 1, 0], [2, 2, 2]),
    "0, array": (0, numpy.array([1, 1])),
    "mask": MASK,
    "mask row": numpy.array([True, False]),
    "empty": numpy.array([], int),
    "0, 1": (0, 1),
    "5:": slice(5, None),
    "range": range(2),
}
for text, index in INDICES.items():
    add("getitem", lambda np, x, index=index: x[index], (2, 3), note=f"[{text}]", oracle=text != "range")
for text, index in {"None": None, "...": ..., "()": ()}.items():
    twin = lambda np, x, index=index: np.reshape(x, (1,) if index is None else ())  # noqa: E731 # bound in a loop
    add("getitem", lambda np, x, index=index: x[index], (), note=f"[{text}]", twin=twin)
add(
    "scatter_add",
    lambda np, x: np.scatter_add(x, index=[1, 1, 0], shape=(4,)),
    (3,),
    twin=lambda np, x: np.stack([x[2], x[0] + x[1], 0.0 * x[0], 0.0 * x[0]]),
)
add(
    "scatter_add",
    lambda np, x: np.scatter_add(x, index=(slice(None), 1), shape=(2, 3)),
    (2,),
    note="(column)",
    twin=lambda np, x: np.stack([0.0 * x, x, 0.0 * x], axis=1),
)

# Joins

add("concatenate", lambda np, a, b: np.concatenate([a, b]), [(2, 3), (1, 3)], [(2,), (0,)], [(0,), (0,)])
add("concatenate", lambda np, a, b: np.concatenate((a, b), axis=-1), [(2, 3), (2, 1)], [(2,), (3,)], note="(axis=-1)")
add("concatenate", lambda np, a, b: np.concatenate((a, b, a), 1), [(2, 1), (2, 2)], note="(1)")
add("concatenate", lambda np, a, b: np.concatenate((a, b), axis=None), [(2, 1), (3,)], note="(None)", oracle=False)
add("concatenate", lambda np, x: np.concatenate([x, [1.0, 2.0], x]), (3,), note="(list)")
add("stack", lambda np, a, b: np.stack([a, b, a]), [(2, 3), (2, 3)], [(2,), (2,)], [(), ()], [(0,), (0,)])
add("stack", lambda np, a, b: np.stack((a, b), axis=-1), [(2, 3), (2, 3)], [(), ()], note="(axis=-1)")
add("stack", lambda np, a, b: np.stack((a, b), 1), [(2, 3), (2, 3)], note="(1)")
add(
    "array",
    lambda np, a, b: np.array([[a, 1.0, a * b], [b, 2, 0.5]]),
    [(), ()],
    twin=lambda np, a, b: np.stack([np.stack([a, 1.0, a * b]), np.stack([b, 2.0, 0.5])]),
)

# Products

PRODUCTS: list[list[tuple[int, ...]]] = [
    [(3,), (3,)],
    [(2, 3), (3,)],
    [(3,), (3, 2)],
    [(2, 3), (3, 4)],
    [(1, 1), (1, 1)],
    [(0, 3), (3, 2)],
    [(2, 0), (0, 3)],
]
BATCHED: list[list[tuple[int, ...]]] = [
    [(4, 2, 3), (3, 2)],
    [(2, 3), (4, 3, 2)],
    [(4, 2, 3), (4, 3, 1)],
    [(2, 1, 2, 3), (3, 3, 1)],
    [(3,), (4, 3, 2)],
    [(4, 2, 3), (3,)],
]
add("matmul", lambda np, a, b: np.matmul(a, b), *PRODUCTS, *BATCHED)
add("matmul", lambda np, a, b: a @ b, *PRODUCTS[:4], note="(@)")
add("matmul", lambda np, x: FLOATS @ x @ FLOATS, (3, 2), note="(array @ x)")
add("dot", lambda np, a, b: np.dot(a, b), *PRODUCTS, [(), ()], [(), (2, 3)], [(2, 3), ()])
add(
    "dot", lambda np, a, b: np.dot(a, b), [(4, 2, 3), (3,)], [(4, 2, 3), (3, 2)], [(2, 3), (4, 3, 2)], [(3,), (2, 3, 2)]
)
add(
    "inner",
    lambda np, a, b: np.inner(a, b),
    [(3,), (3,)],
    [(2, 3), (3,)],
    [(2, 3), (4, 3)],
    [(), (3,)],
    [(2, 1, 3), (3,)],
)
add("outer", lambda np, a, b: np.outer(a, b), [(3,), (2,)], [(1,), (0,)])
add("outer", lambda np, a, b: np.outer(a, b), [(2, 2), (3,)], [(), (3,)], [(), ()], oracle=False, note="(other shapes)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=2), [(4, 2, 3), (2, 3, 2)], [(2, 3), (2, 3)])
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=0), [(2,), (3, 1)], note="(0)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=1), [(2, 3), (3,)], [(2, 3), (3, 4)], note="(1)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=([0, -1], [1, 0])), [(2, 4, 3), (3, 2, 5)], note="(lists)")
add("tensordot", lambda np, a, b: np.tensordot(a, b, axes=(0, -1)), [(3, 2), (4, 3)], note="(0, -1)")
