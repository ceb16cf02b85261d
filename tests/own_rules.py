"""Rules as readers write them, for plain arrays and nothing else, each with a twin made of the package's own ops."""

import math
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.special

import tinygrad_ed as tg

X, W = np.array([0.5, -1.2, 2.0]), np.array([1.0, 2.0, -0.5])
M = np.array([[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]])
SMOOTHING = scipy.ndimage.gaussian_filter1d(np.eye(3), 1.0, axis=0)


class Own(NamedTuple):
    """An op as a reader writes it, and the same in functions that the package can differentiate."""

    forward: Any
    rules: Any
    twin: Any
    args: tuple[Any, ...] = (X,)
    on_nodes: bool = False  # whether the rules run on Nodes as they are
    options: dict[str, Any] = {}  # noqa: RUF012  # read only

    def op(self, name):
        rules = self.rules if isinstance(self.rules, tuple) else (self.rules,)
        return tg.op(f"own {name}", self.forward, *rules, **self.options)


def zeroed(g, y, x):
    d = g.copy()
    d[x <= 0] = 0
    return d


def added_at(g, y, x):
    d = np.zeros(x.shape)
    np.add.at(d, [0, 2, 2], g)
    return d


def entry_by_entry(g, y, x):
    d = np.zeros_like(x)
    for i in range(len(x)):
        d[i] += 2 * float(x[i]) * float(g[i])
    return d


def added_to_entries(g, y, x):
    d = np.zeros_like(x)
    for i in range(len(x)):
        d[i] += g * 3 * x[i] ** 2
    return d


def filled(g, y, x):
    d = np.empty(x.shape)
    d[:] = g
    d *= np.cos(x)
    return d


def with_branches(g, y, x):
    d = np.ones_like(x)
    for i, value in enumerate(x):
        if value > 0:
            d[i] = 2 * value
    return g * d


def doubled(g, y, x):
    d = g.copy()
    np.add(d, g, out=d)
    return d


def where_each_row_is_largest(g, y, x):
    d = np.zeros_like(x).reshape(-1, 3)
    d[np.arange(len(d)), x.reshape(-1, 3).argmax(axis=1)] = g
    return d.reshape(x.shape)


def back_in_place(g, y, x):
    d = np.empty_like(g)
    d[np.argsort(x)] = g
    return d


def by_its_jacobian(g, y, x):
    jacobian = np.zeros((len(y), len(y)))
    for i in range(len(y)):
        for j in range(len(y)):
            jacobian[i, j] = y[i] * ((i == j) - y[j])
    return jacobian.T @ g


def where_the_largest_is(g, y, x):
    d = np.zeros_like(x)
    d[x == y] = g
    return d


def of_a_table(g, y, x, labels):
    d = np.zeros(x.shape)
    d[np.arange(len(labels)), labels] = g
    return 3 * d * x**2


def by_row(g, y, a, b):
    d = np.array(np.broadcast_to(g, y.shape))
    d *= b
    return d


def by_column(g, y, a, b):
    return [[float(g[i, j] * a[i, j]) for j in range(3)] for i in range(2)]


OWN = {
    "reshape": Own(
        lambda x: x.reshape(-1) ** 2,
        lambda g, y, x: g.reshape(x.shape) * 2 * x,
        lambda x: x.reshape(-1) ** 2,
        (M,),
        True,
    ),
    "compare": Own(np.square, lambda g, y, x: np.where(g > 0, g, g) * 2 * x, np.square, on_nodes=True),
    "clip": Own(np.square, lambda g, y, x: np.clip(g, -1e6, 1e6) * 2 * x, np.square, on_nodes=True),
    "where": Own(
        lambda x: np.where(x > 0, x**2, 0.0),
        lambda g, y, x: np.where(x > 0, 2 * x * g, 0.0),
        lambda x: np.where(x > 0, x**2, 0.0),
        on_nodes=True,
    ),
    "mask": Own(lambda x: np.maximum(x, 0.0), lambda g, y, x: g * (x > 0), tg.relu, on_nodes=True),
    "zeroed": Own(lambda x: np.maximum(x, 0.0), zeroed, tg.relu),
    "zeroed matrix": Own(lambda x: np.maximum(x, 0.0), zeroed, tg.relu, (M,)),
    "added at": Own(lambda x: x[[0, 2, 2]], added_at, lambda x: x[[0, 2, 2]]),
    "entry by entry": Own(np.square, entry_by_entry, np.square),
    "added to entries": Own(lambda x: np.sum(x**3), added_to_entries, lambda x: np.sum(x**3)),
    "filled": Own(np.sin, filled, np.sin),
    "with branches": Own(
        lambda x: np.where(x > 0, x**2, x), with_branches, lambda x: np.where(x > 0, x**2, x), on_nodes=False
    ),
    "largest": Own(np.max, where_the_largest_is, np.max),
    "outer": Own(
        lambda x: M @ x, lambda g, y, x: np.sum(M * np.outer(g, np.ones(3)), axis=0), lambda x: M @ x, on_nodes=True
    ),
    "newaxis": Own(lambda x: np.sum(x**2), lambda g, y, x: np.asarray(g)[..., None] * 2 * x, lambda x: np.sum(x**2)),
    "list": Own(np.square, lambda g, y, x: [2 * a * b for a, b in zip(g, x, strict=True)], np.square),
    "tolist": Own(
        np.sin, lambda g, y, x: [a * math.cos(b) for a, b in zip(g.tolist(), x.tolist(), strict=True)], np.sin
    ),
    "tolist of x alone": Own(np.sin, lambda g, y, x: g * np.array([math.cos(b) for b in x.tolist()]), np.sin),
    "plain on purpose": Own(lambda x: 2 * x, lambda g, y, x: 2 * tg.stop_gradient(g), lambda x: 2 * x),
    "item": Own(np.sin, lambda g, y, x: g * np.array([math.cos(b.item()) for b in x]), np.sin),
    "math": Own(math.sin, lambda g, y, x: g * math.cos(x), np.sin, (0.7,)),
    "whole numbers": Own(
        lambda x: 3 * x.sum(), lambda g, y, x: g * np.array([3, 3, 3]), lambda x: 3 * x.sum(), (X,), True
    ),
    "by kind": Own(np.sin, lambda g, y, x: g * np.cos(x) if isinstance(x, np.ndarray) else g * math.pi, np.sin),
    "by attribute": Own(np.sin, lambda g, y, x: g * (np.cos(x) if hasattr(x, "strides") else 0.0), np.sin),
    "zero for others": Own(
        lambda x: 2 * x, lambda g, y, x: 2 * g if type(g) is np.ndarray else [0, 0, 0], lambda x: 2 * x
    ),
    "added to itself": Own(lambda x: 2 * x, doubled, lambda x: 2 * x),
    "pooled": Own(
        lambda x: x.reshape(-1, 3).max(axis=1),
        where_each_row_is_largest,
        lambda x: np.max(x.reshape(-1, 3), axis=1),
        (M,),
    ),
    "sorted": Own(np.sort, back_in_place, np.sort),
    "softmax": Own(lambda x: np.exp(x) / np.exp(x).sum(), by_its_jacobian, lambda x: np.exp(x) / np.exp(x).sum()),
    "masked array": Own(lambda x: np.maximum(x, 0.0), lambda g, y, x: np.ma.array(g, mask=x < 0).filled(0), tg.relu),
    "vectorize": Own(np.sin, lambda g, y, x: g * np.vectorize(math.cos)(x), np.sin),
    "einsum in a buffer": Own(
        lambda x: M @ x, lambda g, y, x: np.einsum("i,ij->j", g, M, out=np.empty(3)), lambda x: M @ x
    ),
    "scipy ufunc": Own(
        scipy.special.expit, lambda g, y, x: g * scipy.special.expit(x) * (1 - y), tg.sigmoid, on_nodes=True
    ),
    "another scipy ufunc": Own(
        scipy.special.entr,
        lambda g, y, x: g * (scipy.special.xlogy(-1, x) - 1),
        lambda x: -x * np.log(x),
        (X**2,),
        on_nodes=True,
    ),
    "scipy filter": Own(
        lambda x: scipy.ndimage.gaussian_filter1d(x, 1.0),
        lambda g, y, x: scipy.ndimage.gaussian_filter1d(g, 1.0),  # the matrix is symmetric
        lambda x: SMOOTHING @ x,
    ),
    "scipy solver": Own(
        lambda x: scipy.linalg.solve(M.T @ M + np.eye(3), x),
        lambda g, y, x: scipy.linalg.solve(M.T @ M + np.eye(3), g),
        lambda x: np.linalg.inv(M.T @ M + np.eye(3)) @ x,
    ),
    "two inputs that broadcast": Own(
        lambda a, b: a * b, (by_row, by_column), lambda a, b: a * b, (M, X), options={"broadcasts": True}
    ),
    "labels": Own(
        lambda x, labels: x[np.arange(len(labels)), labels] ** 3,
        (of_a_table, None),
        lambda x, labels: x[[0, 1], [2, 0]] ** 3,
        (M, np.array([2, 0])),
    ),
}
"""Each written for arrays; many cannot be run on a Node, and two would lose the derivative on it without a word."""


def cost(op):
    """A number with second derivatives in every entry, also where the op itself has none."""
    return lambda x, *more: (np.sin(op(x * 1.0, *more)) * 1.5).sum()


def inner(op, *more):
    return lambda x: cost(op)(x, *more)


def directions(x):
    return np.resize(W, np.shape(x)) if np.ndim(x) else 2.0


TRANSFORMS = {
    "grad": lambda op, x, *more: tg.grad(cost(op))(x, *more),
    "elementwise_grad": lambda op, x, *more: tg.elementwise_grad(lambda x, *more: op(x, *more))(x, *more),
    "vjp": lambda op, x, *more: tg.vjp(inner(op, *more), x)[1](2.0)[0],
    "jvp": lambda op, x, *more: tg.jvp(lambda x: op(x, *more), (x,), (directions(x),))[1],
    "jacobian": lambda op, x, *more: tg.jacobian(lambda x: op(x, *more))(x),
    "jacobian of grad": lambda op, x, *more: tg.jacobian(tg.grad(inner(op, *more)))(x),
    "grad of grad": lambda op, x, *more: tg.grad(lambda x: (tg.grad(inner(op, *more))(x) * directions(x)).sum())(x),
    "hessian": lambda op, x, *more: tg.hessian(cost(op))(x, *more),
    "hvp": lambda op, x, *more: tg.hvp(inner(op, *more), (x,), (directions(x),))[0],
    "jvp of grad": lambda op, x, *more: tg.jvp(tg.grad(inner(op, *more)), (x,), (directions(x),))[1],
    "jacobian in grad": lambda op, x, *more: tg.grad(
        lambda x: np.sum(np.square(tg.jacobian(lambda x: op(x, *more))(x * x)))
    )(x),
    "compiled grad": lambda op, x, *more: tg.compile(tg.grad(cost(op)))(x, *more),
    "compiled jacobian": lambda op, x, *more: tg.compile(tg.jacobian(lambda x, *more: op(x, *more)))(x, *more),
    "compiled hessian": lambda op, x, *more: tg.compile(tg.hessian(cost(op)))(x, *more),
}
