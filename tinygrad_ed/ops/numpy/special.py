"""The functions of scipy.special whose derivatives are elementary, or functions of scipy.special again: one line each.

This file imports SciPy, and is imported itself when a Node first meets a function of SciPy's that has no rule yet.
"""

import math

import numpy as np
from scipy import special

from tinygrad_ed.graph.node import plain
from tinygrad_ed.graph.op import HANDLERS, OPS, Op, Rule
from tinygrad_ed.graph.values import Array
from tinygrad_ed.ops.elementwise import where

ROOT_PI = math.sqrt(math.pi)


def _op(name: str, *rules: Rule | None) -> Op:
    return Op(name, getattr(special, name), rules, broadcasts=True)


def _over(a: Array, x: Array, at_zero: float) -> Array:
    """Return a / x, and where x is 0 its limit."""
    zero = plain(x) == 0
    limit: Array = where(zero, at_zero, a / where(zero, 1.0, x))
    return limit


# To NumPy scipy.special.zeta is no ufunc, but a Python function: only rules get it on Nodes.
zeta: Op = _op("zeta", None, lambda g, y, a, x: -g * a * zeta(a + 1, x))

SPECIAL = [
    # The error function and the normal distribution
    _op("erf", lambda g, y, x: g * (2 / ROOT_PI) * np.exp(-x * x)),
    _op("erfc", lambda g, y, x: -g * (2 / ROOT_PI) * np.exp(-x * x)),
    _op("erfcx", lambda g, y, x: g * (2 * x * y - 2 / ROOT_PI)),
    _op("erfi", lambda g, y, x: g * (2 / ROOT_PI) * np.exp(x * x)),
    _op("erfinv", lambda g, y, x: g * (ROOT_PI / 2) * np.exp(y * y)),
    _op("erfcinv", lambda g, y, x: -g * (ROOT_PI / 2) * np.exp(y * y)),
    _op("dawsn", lambda g, y, x: g * (1 - 2 * x * y)),
    _op("ndtr", lambda g, y, x: g * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)),
    _op("log_ndtr", lambda g, y, x: g * np.exp(-x * x / 2 - y) / math.sqrt(2 * math.pi)),
    _op("ndtri", lambda g, y, x: g * np.exp(y * y / 2) * math.sqrt(2 * math.pi)),
    # Logistic functions and entropies; x log y is 0 where x is 0, whatever y
    _op("expit", lambda g, y, x: g * y * (1 - y)),
    _op("log_expit", lambda g, y, x: g * special.expit(-x)),
    _op("logit", lambda g, y, x: g / (x * (1 - x))),
    _op("xlogy", lambda g, y, a, b: g * np.log(b), lambda g, y, a, b: g * a / b),
    _op("xlog1py", lambda g, y, a, b: g * np.log1p(b), lambda g, y, a, b: g * a / (1 + b)),
    _op("entr", lambda g, y, x: -g * (np.log(x) + 1)),
    _op("rel_entr", lambda g, y, a, b: g * (np.log(a / b) + 1), lambda g, y, a, b: -g * a / b),
    _op("kl_div", lambda g, y, a, b: g * np.log(a / b), lambda g, y, a, b: g * (1 - a / b)),
    _op("exp10", lambda g, y, x: g * math.log(10.0) * y),
    _op("exprel", lambda g, y, x: g * _over(np.exp(x) - y, x, 0.5)),
    # The gamma function and its relatives
    _op("gamma", lambda g, y, x: g * y * special.psi(x)),
    _op("gammaln", lambda g, y, x: g * special.psi(x)),
    _op("loggamma", lambda g, y, x: g * special.psi(x)),
    _op("psi", lambda g, y, x: g * zeta(2.0, x)),
    _op(
        "beta",
        lambda g, y, a, b: g * y * (special.psi(a) - special.psi(a + b)),
        lambda g, y, a, b: g * y * (special.psi(b) - special.psi(a + b)),
    ),
    _op(
        "betaln",
        lambda g, y, a, b: g * (special.psi(a) - special.psi(a + b)),
        lambda g, y, a, b: g * (special.psi(b) - special.psi(a + b)),
    ),
    _op("gammainc", None, lambda g, y, a, x: g * np.exp((a - 1) * np.log(x) - x - special.gammaln(a))),
    _op("gammaincc", None, lambda g, y, a, x: -g * np.exp((a - 1) * np.log(x) - x - special.gammaln(a))),
    _op("spence", lambda g, y, x: -g * _over(np.log(x), x - 1, 1.0)),
    # Bessel functions
    _op("j0", lambda g, y, x: -g * special.j1(x)),
    _op("j1", lambda g, y, x: g * (special.j0(x) - _over(y, x, 0.5))),
    _op("jv", None, lambda g, y, v, x: g * (special.jv(v - 1, x) - special.jv(v + 1, x)) / 2),
    _op("y0", lambda g, y, x: -g * special.y1(x)),
    _op("y1", lambda g, y, x: g * (special.y0(x) - y / x)),
    _op("i0", lambda g, y, x: g * special.i1(x)),
    _op("i1", lambda g, y, x: g * (special.i0(x) - _over(y, x, 0.5))),
    _op("iv", None, lambda g, y, v, x: g * (special.iv(v - 1, x) + special.iv(v + 1, x)) / 2),
    _op("i0e", lambda g, y, x: g * (special.i1e(x) - np.sign(x) * y)),
    _op("i1e", lambda g, y, x: g * (special.i0e(x) - _over(y, x, 0.5) - np.sign(x) * y)),
    _op("k0", lambda g, y, x: -g * special.k1(x)),
    _op("k1", lambda g, y, x: -g * (special.k0(x) + y / x)),
]


def install() -> None:
    """Give each function its rule; one that a reader has made before stays."""
    for made in SPECIAL:
        OPS.setdefault(made.name, made)
        HANDLERS.setdefault(made.forward, made)
