"""Moves a product by a number to the place in the program where it costs least.

A step of gradient descent asks for `rate * gradient`, a product for each parameter. The whole sweep is linear in what
it starts from, `1/M * (alpha - rho)` say, so one product there does for all (`scaled_at_source`). Else, if the
gradient is a matrix product, its smaller side is multiplied (`scaled_first`). It rounds in another order, and a number
that leaves the range of its dtype may do so on one way only; so it is done for factors of moderate size, and a call
with another one runs the function itself.
"""

import operator
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_ed import ops
from tinygrad_ed.tape.simplify import frozen, is_plain_reduction, key_of, needed, operands
from tinygrad_ed.tape.traced import Traced, mapped

_LINEAR: list[Any] = [
    *(np.negative, operator.getitem, np.reshape, np.ravel, np.squeeze, np.expand_dims),
    *(np.transpose, np.swapaxes, np.broadcast_to, ops.broadcast_to, ops.scatter_add),
]
LINEAR = frozenset(_LINEAR)
"""Functions that are linear in their first argument."""

SUMS: frozenset[Any] = frozenset([np.add, np.subtract])

MODERATE = (1e-6, 1e3)
Bounds = dict[Traced, tuple[float, float]]
PATIENCE = 8
"""How many steps are looked at for each step of the program: it must not take the square of their number."""


def scaled_at_source(steps: list[Traced], kept: set[Traced]) -> tuple[list[Traced], Bounds]:
    """Multiply a value by c and leave out the ends, where all that is made of it ends in `c * ...`.

    A value that is `k * x` already becomes `(c k) * x`. Also returned are the bounds of each c that is an argument.
    """
    readers: dict[Traced, list[Traced]] = {}
    for step in steps:
        for operand in dict.fromkeys(operands(step)):
            readers.setdefault(operand, []).append(step)
    asked = _asked(steps, readers, kept)
    left = PATIENCE * len(steps)
    instead: dict[Traced, Traced] = {}
    done: set[Traced] = set()
    found: list[Traced] = []
    bounds = {}
    for step in steps:
        if instead:
            step.args = mapped(step.args, lambda x: instead.get(x, x))
            step.kwargs = step.kwargs and mapped(step.kwargs, lambda x: instead.get(x, x))
        found.append(step)
        if step not in asked or step in done or left < 0:
            continue
        made, ends = _made_of(step, readers, asked)
        left -= len(made)
        known = set(made)
        linear = done.isdisjoint(known) and all([_is_linear(other, known) for other in made[1:]])
        k, x = _number_times_array(step)
        if linear and x is not None and _representable(k, asked[step], step.dtype):
            step.args = (_product(step, k, asked[step], found), x)
        elif linear and x is None and _pays(step, made, ends):
            found.append(Traced(step.tape, np.multiply, (asked[step], step), None, step.value))
            instead[step] = made[0] = found[-1]
            made[0].label = step.label
        else:
            continue
        if type(asked[step]) is Traced:
            bounds[asked[step]] = MODERATE
        done.update(made)
        instead.update({end: instead.get(x, x) for end, x in ends.items()})
        for y in made:
            y.label = ("scaled", y.label) if isinstance(y.label, Traced) else None
    return needed(found, kept), bounds


def _asked(steps: list[Traced], readers: dict[Traced, list[Traced]], kept: set[Traced]) -> dict[Traced, Any]:
    """Return the number, known from the beginning, that all that is made of a value ends in a product with.

    Each step is looked at alone here, so a sum may yet turn out to have an operand that was made otherwise.
    """
    asked: dict[Traced, Any] = {}
    for x in reversed(steps):
        if x in kept or not x.ndim or x.dtype.kind != "f" or x.dtype.itemsize < 4:  # halves are soon out of range
            continue
        factors = {}
        for step in readers.get(x, ()):
            alike = isinstance(step.value, np.ndarray) and step.dtype == x.dtype
            fits = alike and (step.fn in SUMS or _is_linear(step, {x}))
            c = asked.get(step) if fits else None
            if c is None and step not in kept:
                number, array = _number_times_array(step)
                c = number if array is x else None
            factors[frozen(c)] = c
        c = factors.popitem()[1] if len(factors) == 1 else None
        if _moderate(c):
            asked[x] = c
    return asked


def _made_of(
    source: Traced, readers: dict[Traced, list[Traced]], asked: dict[Traced, Any]
) -> tuple[list[Traced], dict[Traced, Traced]]:
    """Return all that is made of `source`, itself first; and the products at the ends, each with the array in it."""
    made, known, ends = [source], {source}, {}
    for x in made:  # which grows meanwhile
        for step in readers.get(x, ()):
            if step not in asked:
                ends[step] = x
            elif step not in known:
                known.add(step)
                made.append(step)
    return made, ends


def _pays(step: Traced, made: list[Traced], ends: Iterable[Traced]) -> bool:
    """Tell whether one more product costs less than those at the ends, and no later step has a number to join."""
    joins = any([_number_times_array(other)[1] is not None for other in made[1:]])
    return not joins and step.size < sum([end.size for end in ends])


def _is_linear(step: Traced, known: set[Traced]) -> bool:
    """Tell whether a step is linear in its operands among `known`, taken together."""
    inside = [type(x) is Traced and x in known for x in step.args]
    if step.fn in LINEAR:
        return inside[0]
    if step.fn == np.add.reduce:
        return inside == [True] and is_plain_reduction(step)
    if step.fn in (np.matmul, np.multiply):
        return inside.count(True) == 1 and not step.kwargs
    if step.fn in SUMS:
        return all(inside) and not step.kwargs
    return step.fn is np.divide and inside == [True, False] and not step.kwargs


def _representable(k: Any, c: Any, dtype: np.dtype[Any]) -> bool:
    """Tell whether `c k` is as good a number of that dtype as its factors; of an argument nothing is known."""
    if type(k) is not float or type(c) is not float or k == 0 or c == 0:
        return True
    return bool(np.finfo(dtype).tiny <= abs(c * k) <= np.finfo(dtype).max)


def _product(step: Traced, k: Any, c: Any, before: list[Traced]) -> Any:
    """Return the number `c k`: computed now, or by a step of its own before this one, the last."""
    if type(k) is float and type(c) is float:
        return c * k
    value = float(np.multiply(*[y.value if type(y) is Traced else y for y in (c, k)]))
    before.insert(-1, Traced(step.tape, operator.mul, (c, k), None, value))
    return before[-2]


def scaled_first(steps: list[Traced], kept: set[Traced]) -> tuple[list[Traced], Bounds]:
    """Write c (a @ b) as a @ (c b), so that a gradient is scaled by a learning rate before it is large."""
    uses = Counter([*[x for step in steps for x in operands(step)], *kept])
    bounds = {}
    known: dict[Any, Traced] = {}
    found = []
    for step in steps:
        c, product = _number_times_array(step)
        alone = product is not None and product.dtype.itemsize >= 4 and uses[product] == 1
        if alone and product is not None and _of_matrices(product) and _moderate(c):
            a, b = product.args
            small = a if a.size < b.size else b
            if type(small) is Traced and small.dtype == step.dtype and 2 * small.size <= product.size:
                scaled = Traced(step.tape, np.multiply, (c, small), None, small.value)
                scaled = known.setdefault(key_of(scaled), scaled)
                found.append(scaled)
                if type(c) is Traced:
                    bounds[c] = MODERATE
                step.fn, step.args = np.matmul, (scaled, b) if small is a else (a, scaled)
        found.append(step)
    return needed(list(dict.fromkeys(found)), kept), bounds


def _of_matrices(step: Traced) -> bool:
    """Tell whether it is the product of two matrices, not of a vector or of a stack."""
    matrices = [x for x in step.args if isinstance(x, Traced | np.ndarray) and x.ndim == 2]
    return step.fn is np.matmul and not step.kwargs and len(matrices) == 2


def _moderate(c: Any) -> bool:
    """Tell whether c is a number of moderate size; an argument is watched at each call."""
    return (type(c) is float and MODERATE[0] <= abs(c) <= MODERATE[1]) or (type(c) is Traced and c.fn is None)


def _number_times_array(step: Traced) -> tuple[Any, Traced | None]:
    """Return the number and the array that a step multiplies with each other."""
    if step.fn is np.multiply and isinstance(step.value, np.ndarray) and not step.kwargs:
        for c, x in (step.args, step.args[::-1]):
            number = c.value if type(c) is Traced else c
            if type(number) is float and type(x) is Traced and isinstance(x.value, np.ndarray) and x.ndim:
                return c, x
    return None, None
