"""Derivatives as functions: `grad(f)` is again a function, and can be given to `grad`.

A transform makes *variables* of the arguments, runs `f` on them and sweeps back from the result. A plain number becomes
a new leaf. An argument that is a Node already, of an outer transform, becomes an `identity` of it: the inner sweep
stops there, the outer one passes through, and so `grad(lambda x: grad(lambda y: x * y)(x))` counts both uses of x.
Inside another transform, or where an argument is a Node, the results are Nodes; else they are plain values.
"""

import functools
import reprlib
import types
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, TypeVarTuple, cast, overload

import numpy as np

from tinygrad_ed.errors import InvalidType, ShapeError
from tinygrad_ed.graph.backward import finished, pull, start
from tinygrad_ed.graph.nested import leaves, leaves_like, name_of, rebuilt
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.transforms.run import (
    ArgNums,
    Function,
    FunctionRun,
    Tree,
    as_tuple,
    inside,
    jacobians,
    must_be_callable,
)

# A transform keeps the parameters of f. The gradient is of the argument's type: nested like it; a Node for a Node.
P = ParamSpec("P")
X = TypeVar("X", bound=Tree)
Xs = TypeVarTuple("Xs")
Trees = tuple[Tree, ...] | list[Any]


@overload
def grad(f: Callable[Concatenate[Any, P], Any], argnums: Literal[0] = 0) -> Callable[Concatenate[X, P], X]: ...
@overload
def grad(f: Function, argnums: ArgNums) -> Function: ...
def grad(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that computes the gradient of `f`.

    Args:
        f: a function whose result has exactly one entry. Arguments may be nested lists, tuples and dicts of
            arrays; keyword arguments are handed to `f` untouched.
        argnums: the position of the argument to differentiate, or a tuple of positions (gives a tuple).

    Raises (the returned function):
        ShapeError: if the result has more than one entry.
        InvalidType: if `f` returns None, a truth value, text or a container.
        InvalidValue: for positions that do not exist.

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(lambda p, x: (p["w"] * x + p["b"]) ** 2)({"w": 2.0, "b": 1.0}, 3.0)
    {'w': 42.0, 'b': 14.0}
    """
    return Transformed(f, argnums, _gradient_alone)


@overload
def value_and_grad(
    f: Callable[Concatenate[Any, P], Any], argnums: Literal[0] = 0
) -> Callable[Concatenate[X, P], tuple[Any, X]]: ...
@overload
def value_and_grad(f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> Function: ...
def value_and_grad(f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the value and the gradient of `f`, in one run.

    Args:
        f: as in `grad`; with `has_aux` it returns a pair, of which the first alone is differentiated.
        argnums: as in `grad`.
        has_aux: the result is ((value, the other thing), gradient).

    Raises: as `grad`; InvalidType where `f` returns no pair with `has_aux`.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    >>> value_and_grad(lambda x: (x**3, {"square": x * x}), has_aux=True)(2.0)
    ((8.0, {'square': 4.0}), 12.0)
    """
    return Transformed(f, argnums, _with_other_thing if has_aux else _value_and_gradient)


class Transformed:
    """A function with the parameters of `f` that gives what is found in a run of it; it pickles where `f` does."""

    def __init__(self, f: Function, argnums: ArgNums, found: Callable[[FunctionRun], Any]) -> None:
        must_be_callable(f)
        functools.update_wrapper(self, f)
        self.f, self.argnums, self.found = f, argnums, found

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Run `f`, and return what is asked of the run."""
        return self.found(FunctionRun(self.f, args, self.argnums, keywords))

    def __get__(self, instance: Any, owner: type) -> Any:
        """Bind the object of a method, as a function does."""
        return self if instance is None else types.MethodType(self, instance)


def _value_and_gradient(run: FunctionRun) -> tuple[Any, Any]:
    y = _one_number(run)
    return run.out(), _gradient(run, y)


def _gradient_alone(run: FunctionRun) -> Any:
    return _gradient(run, _one_number(run))


def _with_other_thing(run: FunctionRun) -> tuple[Any, Any]:
    """Return ((value, other thing), gradient) of a function that returns a pair."""
    if not isinstance(run.output, tuple) or len(run.output) != 2:
        raise InvalidType(
            f"with has_aux, {name_of(run.f)} must return a pair (value, other thing), but it returned "
            f"{reprlib.repr(run.output)}"
        )
    run.output, other = run.output
    value, gradient = _value_and_gradient(run)
    entries = leaves(other)
    return (value, rebuilt(other, iter(entries if run.keep else map(plain, entries)))), gradient


def _entry_by_entry(run: FunctionRun) -> Any:
    return _gradient(run, run.single_output("elementwise_grad"))


def _all_slopes(run: FunctionRun) -> Any:
    return run.like_output(jacobians(run, run.output_nodes()))


def _slopes_of_slopes(run: FunctionRun) -> Any:
    return run.nested(jacobians(run, _slopes(run)))


def _gradient(run: FunctionRun, y: Node) -> Any:
    """Return the gradients of the sum of a result."""
    return run.per_argument(run.pull([y], [start(y, _ones(y))]))


@overload
def elementwise_grad(
    f: Callable[Concatenate[Any, P], Any], argnums: Literal[0] = 0
) -> Callable[Concatenate[X, P], X]: ...
@overload
def elementwise_grad(f: Function, argnums: ArgNums) -> Function: ...
def elementwise_grad(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that differentiates each entry of the result with respect to its own entry.

    It is the gradient of the sum of the result, so it means what it says only where entry i of the result
    depends on entry i of the argument alone.

    Raises: as `grad`, but any shape is taken.

    >>> import numpy as np
    >>> elementwise_grad(np.square)(np.arange(3.0))
    array([0., 2., 4.])
    """
    return Transformed(f, argnums, _entry_by_entry)


def vjp(f: Function, *xs: *Xs) -> tuple[Any, Callable[[Any], tuple[*Xs]]]:
    """Return `f(*xs)` and its pullback v -> v^T J, for one reverse sweep a call.

    The pullback takes a gradient of the result's shape (for a nested result: nested in the same way) and
    gives a tuple with one entry an argument.

    Raises:
        ShapeError: (the pullback) for a gradient of another shape than the result's.

    >>> import numpy as np
    >>> y, pullback = vjp(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> y, pullback(np.array([1.0, 10.0]))
    (array([3., 6.]), (array([ 3., 30.]), 21.0))
    """
    run = FunctionRun(f, xs, tuple(range(len(xs))), {})

    def pullback(v: Any) -> tuple[Any, ...]:
        seeds = leaves_like(v, run.output, "the gradient given to the pullback")
        again = run.keep or inside.get() or any([isinstance(seed, Node) for seed in seeds])
        nodes = run.output_nodes()
        seeds = [start(node, seed) for node, seed in zip(nodes, seeds, strict=True)]
        return cast(tuple[Any, ...], run.per_argument(run.pull(nodes, seeds, again), again))

    return run.out(), pullback


def jvp(f: Function, xs: Trees, vs: Trees) -> tuple[Any, Any]:
    """Return `f(*xs)` and its tangent J v: how the result moves when the arguments move along `vs`.

    Done with reverse sweeps alone: the pullback u -> u^T J is linear in u, and *its* pullback is v -> J v.
    So forward mode needs no second set of rules.

    Args:
        f: any function of Nodes.
        xs: the arguments, a tuple.
        vs: the direction, nested like xs.

    Raises:
        InvalidType: if xs or vs is not a tuple or list.
        ShapeError: if an entry of vs has another shape than that of xs.

    >>> jvp(lambda x: x**3, (2.0,), (10.0,))
    (8.0, 120.0)
    """
    run = FunctionRun(f, as_tuple(xs, "xs"), tuple(range(len(xs))), {})
    tangents = run.tangents(vs)
    nodes = run.output_nodes()
    probes = [Node(_ones(node)) for node in nodes]
    pulled = run.pull(nodes, probes, True)
    keep = run.keep or inside.get() or any([isinstance(v, Node) for v in tangents])
    moved = _along(pulled, tangents, probes, keep)
    return run.out(), run.like_output([finished(g, p, keep) for g, p in zip(moved, probes, strict=True)])


@overload
def hvp(f: Function, xs: tuple[*Xs], vs: Trees) -> tuple[*Xs]: ...
@overload
def hvp(f: Function, xs: list[Any], vs: Trees) -> tuple[Any, ...]: ...
def hvp(f: Function, xs: Any, vs: Trees) -> tuple[Any, ...]:
    """Return the product of the Hessian of `f` at `xs` with `vs`, without building the Hessian.

    The gradient of the number (grad f . v), so two sweeps. Tuples in, a tuple out, one entry an argument.

    Raises: as `grad` and `jvp`.

    >>> import numpy as np
    >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([  6., 120.]),)
    """
    run = FunctionRun(f, as_tuple(xs, "xs"), tuple(range(len(xs))), {})
    tangents = run.tangents(vs)
    y = run.single_output("hvp")
    if y.size != 1:
        raise ShapeError(
            f"hvp needs one number as the result, but {name_of(f)} returned shape {y.shape}; reduce it first"
        )
    keep = run.keep or any([isinstance(v, Node) for v in tangents])
    moved = _along(run.pull([y], [start(y)], True), tangents, run.variables, keep)
    return cast(tuple[Any, ...], run.per_argument(moved, keep))


@overload
def jacobian(f: Callable[Concatenate[Any, P], Any], argnums: Literal[0] = 0) -> Callable[Concatenate[Tree, P], Any]: ...
@overload
def jacobian(f: Function, argnums: ArgNums) -> Function: ...
def jacobian(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that computes all first derivatives of `f`.

    For a result of shape `s` and an argument of shape `t` the Jacobian has shape `s + t`; nested results and
    arguments give the nested structure of the result, with that of the argument in each place.

    Raises: as `grad`, but any shape is taken.

    >>> import numpy as np
    >>> jacobian(lambda x: x * x[::-1])(np.array([1.0, 2.0]))
    array([[2., 1.],
           [2., 1.]])
    """
    return Transformed(f, argnums, _all_slopes)


@overload
def hessian(f: Callable[Concatenate[Any, P], Any], argnums: Literal[0] = 0) -> Callable[Concatenate[Tree, P], Any]: ...
@overload
def hessian(f: Function, argnums: ArgNums) -> Function: ...
def hessian(f: Function, argnums: ArgNums = 0) -> Function:
    """Return the function that computes all second derivatives of `f`, whose result has one entry.

    For an argument of shape `t` the Hessian has shape `t + t`: the Jacobian of the gradient.

    Raises: as `grad`.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    return Transformed(f, argnums, _slopes_of_slopes)


def _slopes(run: FunctionRun) -> list[Any]:
    """Return the gradients as Nodes, one for each variable."""
    y = _one_number(run)
    return [finished(g, x, True) for g, x in zip(run.pull([y], [start(y)], True), run.variables, strict=True)]


def _one_number(run: FunctionRun) -> Node:
    """Return the result, where it has to be one number."""
    y = run.single_output("grad")
    if y.size != 1:
        raise ShapeError(
            f"grad differentiates a function with one number as its result, but {name_of(run.f)} returned shape "
            f"{y.shape}; reduce it (`.sum()`), or use tg.jacobian or tg.elementwise_grad"
        )
    return y


def _along(slopes: Sequence[Any], vs: Sequence[Any], targets: Sequence[Node], create_graph: bool) -> list[Any]:
    """Return the gradients of the sum of all slope . v; a slope that is no Node depends on nothing."""
    pairs = [(g, start(g, v)) for g, v in zip(slopes, vs, strict=True) if isinstance(g, Node)]
    return pull([g for g, _ in pairs], [v for _, v in pairs], targets, create_graph)


def _ones(y: Node) -> Any:
    return np.ones(y.shape, y.dtype) if y.shape else 1.0
