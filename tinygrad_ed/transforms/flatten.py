"""One vector in place of nested parameters: what optimizers such as SciPy's work on."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_ed.errors import ShapeError
from tinygrad_ed.graph.nested import leaves, rebuilt
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Array, shape_of
from tinygrad_ed.ops import concatenate, ravel, reshape
from tinygrad_ed.transforms.functions import hessian, hvp, value_and_grad
from tinygrad_ed.transforms.run import Function, must_be_callable


def flatten(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the entries of nested lists, tuples and dicts as one vector, and the way back.

    Args:
        tree: numbers, arrays and Nodes, nested or not; with a Node among them the vector is a Node.

    Raises (the way back):
        ShapeError: for a vector of another length.

    >>> import numpy as np
    >>> vector, unflatten = flatten({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> vector, unflatten(vector * 10)
    (array([1., 2., 3.]), {'w': array([[10., 20.]]), 'b': 30.0})
    """
    entries = [entry if isinstance(entry, Node) else Node(entry).value for entry in leaves(tree)]
    shapes = [shape_of(entry) for entry in entries]
    vector = concatenate([ravel(entry) for entry in entries]) if entries else np.empty(0)
    count = sum([math.prod(shape) for shape in shapes])

    def unflatten(vector: Any) -> Any:
        if shape_of(vector) != (count,):
            raise ShapeError(f"the vector must have shape {(count,)}, as the one that was made, not {shape_of(vector)}")

        def parts() -> Iterator[Any]:
            start = 0
            for shape in shapes:
                stop = start + math.prod(shape)
                part = vector[start:stop] if shape else vector[start]
                yield reshape(part, shape) if shape else part if isinstance(part, Node) else float(part)
                start = stop

        return rebuilt(tree, parts())

    return vector, unflatten


class Objective:
    """A function of nested parameters, as optimizers of vectors take it; see `objective`.

    Attributes:
        fun: vector -> (value, gradient).
        x0: the vector to start from.
        hess: vector -> matrix of second derivatives.
        hessp: (vector, direction) -> second derivatives along a direction, `(n,)`.
        unflatten: vector -> parameters, nested as at the start.
    """

    def __init__(self, f: Function, x0: Any) -> None:
        must_be_callable(f)
        self.x0, self.unflatten = flatten(x0)

        @functools.wraps(f)
        def of_vector(vector: Any) -> Any:
            return f(self.unflatten(vector))

        self.fun = value_and_grad(of_vector)
        self.hess = hessian(of_vector)
        self._of_vector = of_vector

    def hessp(self, vector: Array, direction: Array) -> Array:
        """Return the product of the second derivatives and a direction, without the matrix."""
        return hvp(self._of_vector, (vector,), (direction,))[0]

    def __iter__(self) -> Iterator[Any]:
        """Yield the first arguments of scipy.optimize.minimize: fun, x0, args, method, jac."""
        return iter((self.fun, self.x0, (), None, True))


def objective(f: Function, x0: Any) -> Objective:
    """Return a function of nested parameters as optimizers of vectors take it, with its derivatives.

    Args:
        f: a function of one argument with one number as its result.
        x0: where to start: numbers and arrays, nested or not.

    Raises:
        InvalidType: if `f` cannot be called, or for what is no number in `x0`.

    >>> import numpy as np
    >>> from scipy.optimize import minimize
    >>> of = objective(lambda p: (p["a"] - 3.0) ** 2 + np.sum((p["b"] - p["a"]) ** 2), {"a": 0.0, "b": np.zeros(2)})
    >>> found = minimize(*of)
    >>> {name: np.round(x, 5) for name, x in of.unflatten(found.x).items()}
    {'a': np.float64(3.0), 'b': array([3., 3.])}
    >>> minimize(of.fun, of.x0, jac=True, hess=of.hess, method="trust-exact").success
    True
    """
    return Objective(f, x0)
