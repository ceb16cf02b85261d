"""The cost functions: E = the mean over samples of C, and C = the sum over the neurons (lecture, section 1).

Every cost takes `(output, expected)`: `(M, n)` against `(M, n)`, or one sample, `(n,)` against `(n,)`.
They are written with the ops of the graph, so on a Node they give a Node, on arrays a float; all are
stable for arguments up to 1e4. At a kink (l1 at 0, margin at 0, hinge at 1) the derivative is 0.

>>> float(mse(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])))
2.5
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, nearest
from tinygrad_ed.node import Array, plain, shape_of
from tinygrad_ed.ops import absolute, logsumexp, relu, softplus, square, where

Cost = Callable[..., Any]


def mse(output: Any, expected: Any) -> Any:
    """Return the mean square error, C = sum 1/2 (y - y_hat)^2 (the half is part of the definition)."""
    return _mean(0.5 * square(output - matching("mse", output, expected)), output)


def l1(output: Any, expected: Any) -> Any:
    """Return the mean absolute error, C = sum |y - y_hat|, robust against outliers."""
    return _mean(absolute(output - matching("l1", output, expected)), output)


def huber(output: Any, expected: Any, delta: float = 1.0) -> Any:
    """Return Huber's cost: (y - y_hat)^2 / 2 up to a distance of delta, delta (|y - y_hat| - delta/2) beyond."""
    distance = output - matching("huber", output, expected)
    size = absolute(distance)
    return _mean(where(plain(size) <= delta, 0.5 * square(distance), delta * (size - delta / 2.0)), output)


def logistic(output: Any, expected: Any) -> Any:
    """Return the logistic cost, C = sum log(1 + exp(-y y_hat)), for labels y of -1 and +1."""
    return _mean(softplus(-matching("logistic", output, expected) * output), output)


def hinge(output: Any, expected: Any) -> Any:
    """Return the hinge cost, C = sum max(0, 1 - y y_hat), for labels y of -1 and +1."""
    return _mean(relu(1.0 - matching("hinge", output, expected) * output), output)


def margin(output: Any, expected: Any) -> Any:
    """Return the margin cost, C = sum max(0, y - y_hat), one-sided as on the slide."""
    return _mean(relu(matching("margin", output, expected) - output), output)


def cross_entropy(output: Any, expected: Any) -> Any:
    """Return the cross-entropy after a softmax, C = sum_k y_k (log(sum exp y_hat) - y_hat_k).

    `expected` holds rows that sum to one, or class numbers: `(M,)` integers (one integer for one sample).

    >>> float(cross_entropy(np.array([[0.0, 0.0]]), [1]))
    0.6931471805599453
    """
    rho = matching("cross_entropy", output, expected)
    return _mean(rho * (logsumexp(output, axis=-1, keepdims=True) - output), output)


NAMES: dict[str, Cost] = {
    "mse": mse,
    "l1": l1,
    "huber": huber,
    "logistic": logistic,
    "hinge": hinge,
    "margin": margin,
    "cross_entropy": cross_entropy,
}


def find(name: str) -> Cost:
    """Return the cost function of that name.

    Raises:
        InvalidValue: for an unknown name; it suggests the nearest.
    """
    if name not in NAMES:
        raise InvalidValue(f"unknown cost {name!r}. {nearest(name, NAMES)}")
    return NAMES[name]


def matching(cost: str, output: Any, expected: Any) -> Array:
    """Return the expected values as an array of the output's shape, after the checks of that cost.

    Raises:
        ShapeError: for another shape; `(M,)` against `(M, 1)` would broadcast to `(M, M)` and is refused too.
        InvalidValue: for an empty batch, labels other than -1 and +1 (logistic, hinge), and rows that do
            not sum to one or class numbers out of range (cross_entropy).

    >>> matching("cross_entropy", np.zeros((2, 3)), [0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    shape, rho = shape_of(output), np.asarray(plain(expected))
    if not 1 <= len(shape) <= 2:
        raise ShapeError(f"{cost}: the output has shape {shape}; a cost takes (M, n), or (n,) for one sample")
    if 0 in shape:
        raise InvalidValue(f"{cost}: the output has shape {shape}: the mean over an empty batch does not exist")
    if rho.dtype.kind not in "fiub":
        raise InvalidType(f"{cost}: expected values must be numbers, but they are {rho.dtype}")
    if cost == "cross_entropy" and rho.dtype.kind in "iu" and rho.shape == shape[:-1]:
        return _one_hot(rho, shape[-1])
    if rho.shape != shape:
        hint = ""
        if rho.shape == shape[:-1] and shape[-1] == 1:
            hint = "; give one column, expected.reshape(-1, 1), or the difference would have shape (M, M)"
        elif cost == "cross_entropy" and rho.shape == shape[:-1]:
            hint = "; class numbers must be integers: expected.astype(int)"
        raise ShapeError(f"{cost}: the output has shape {shape}, but expected has shape {rho.shape}{hint}")
    if cost in ("logistic", "hinge") and not np.all(np.abs(rho) == 1):
        raise InvalidValue(f"{cost}: labels must be -1 and +1, but expected holds {_odd(rho)}; map 0/1 by 2 * y - 1")
    if cost == "cross_entropy" and not np.allclose(np.sum(rho, axis=-1), 1.0, atol=1e-6):
        raise InvalidValue(
            f"cross_entropy: expected rows must sum to one, but a row sums to {_odd(np.sum(rho, axis=-1))}; "
            "give one-hot rows, or class numbers of shape (M,)"
        )
    return rho if rho.dtype.kind == "f" else rho.astype(float)


def _one_hot(classes: Array, n: int) -> Array:
    if np.any((classes < 0) | (classes >= n)):
        odd = classes[(classes < 0) | (classes >= n)].flat[0]
        raise InvalidValue(f"cross_entropy: class number {odd} does not exist: {n} outputs have classes 0 to {n - 1}")
    return np.eye(n)[classes]


def _odd(values: Array) -> float:
    """The first value whose size is not one."""
    flat = np.atleast_1d(values).ravel()
    return float(flat[np.abs(flat - np.sign(flat)) > 1e-6][0]) if np.any(np.abs(flat) != 1) else float(flat[0])


def _mean(individual: Any, output: Any) -> Any:
    """The sum over all, divided by the number of samples."""
    shape = shape_of(output)
    return individual.sum() / (shape[0] if len(shape) == 2 else 1)
