"""NumPy's polynomials, highest power first, said with other ops."""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.node import Node, plain
from tinygrad_ed.operation import HANDLERS
from tinygrad_ed.ops.decompose import lstsq
from tinygrad_ed.ops.scan import convolve
from tinygrad_ed.ops.shape import astype, concatenate, stack
from tinygrad_ed.values import constant, shape_of


def polyval(p: Any, x: Any) -> Any:
    """The value at x, by Horner's scheme."""
    y = 0.0 * x
    for k in range(shape_of(p)[0]):
        y = y * x + p[k]
    return y


def polyadd(a1: Any, a2: Any) -> Any:
    """The sum of two polynomials."""
    a1, a2 = _of_one_length(a1, a2)
    return a1 + a2


def polysub(a1: Any, a2: Any) -> Any:
    """The difference of two polynomials."""
    a1, a2 = _of_one_length(a1, a2)
    return a1 - a2


def polymul(a1: Any, a2: Any) -> Any:
    """The product of two polynomials: the convolution of their coefficients."""
    return convolve(_trimmed(np.atleast_1d(a1)), _trimmed(np.atleast_1d(a2)))


def polydiv(u: Any, v: Any) -> Any:
    """Quotient and remainder, by long division."""
    u, v = np.atleast_1d(u), np.atleast_1d(v)
    n, m = shape_of(u)[0], shape_of(v)[0]
    if n < m:
        return np.zeros(1), u
    quotient, rest = [], u
    for k in range(n - m + 1):
        factor = rest[k] / v[0]
        quotient.append(factor)
        rest = rest - np.pad(v * factor, (k, n - m - k))
    return stack(quotient), _trimmed(rest[n - m + 1 :]) if m > 1 else np.zeros(1)


def polyder(p: Any, m: int = 1) -> Any:
    """The m-th derivative."""
    for _ in range(m):
        p = p[:-1] * np.arange(shape_of(p)[0] - 1, 0, -1)
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The m-th integral, with integration constants k."""
    m = operator.index(m)
    constants = [0.0] * m if k is None else [k] * m if shape_of(k) == () else k
    for i in range(m):
        raised = p / np.arange(shape_of(p)[0], 0, -1)
        p = concatenate([raised, np.reshape(constants[i], (1,))])
    return p


def poly(seq_of_zeros: Any) -> Any:
    """The polynomial with these zeros."""
    if len(shape_of(seq_of_zeros)) != 1:
        raise InvalidValue("poly on a Node wants a sequence of zeros, not a matrix")
    p: Any = np.ones(1)
    for k in range(shape_of(seq_of_zeros)[0]):
        p = convolve(p, stack([1.0, -seq_of_zeros[k]]))
    return p


def polyfit(x: Any, y: Any, deg: int) -> Any:
    """The coefficients of the polynomial of least squares."""
    return lstsq(vander(x if isinstance(x, Node) else constant(x), deg + 1), y)[0]


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The matrix of the powers of x."""
    count, x = shape_of(x)[0] if N is None else N, astype(x, dtype=float)
    powers = range(count) if increasing else range(count - 1, -1, -1)
    return stack([x**k for k in powers], axis=-1) if count else np.zeros((shape_of(x)[0], 0))


def _of_one_length(a1: Any, a2: Any) -> list[Any]:
    both = np.atleast_1d(a1), np.atleast_1d(a2)
    length = max([shape_of(p)[0] for p in both])
    return [np.pad(p, (length - shape_of(p)[0], 0)) for p in both]


def _trimmed(p: Any) -> Any:
    """Without leading zeros, as NumPy returns it."""
    nonzero = np.flatnonzero(plain(p))
    return p[min(int(nonzero[0]) if len(nonzero) else math.inf, shape_of(p)[0] - 1) :]


HANDLERS.update(
    {
        np.poly: poly,
        np.polyadd: polyadd,
        np.polyder: polyder,
        np.polydiv: polydiv,
        np.polyfit: polyfit,
        np.polyint: polyint,
        np.polymul: polymul,
        np.polysub: polysub,
        np.polyval: polyval,
        np.vander: vander,
    }
)
