"""The checks that training adds to those of the network: samples without gaps, labels, and ranges of numbers."""

from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import InvalidType, InvalidValue, real_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.nn.mlp import batch_of


def samples(mlp: MLP, x: Any, rho: Any, cost: str, which: str = "") -> tuple[Array, Array]:
    """Return inputs `(N, n_0)` and expected outputs `(N, n_L)` in the network's dtype, if one can learn from them.

    Args:
        mlp: the network.
        x: the inputs, as `fit` takes them.
        rho: the expected outputs.
        cost: the name of the cost.
        which: a word for the message, such as "validation".

    Raises:
        InvalidValue: for a missing value (NaN), whose row and column are named; and what `MLP.problem` refuses.
        InvalidType, ShapeError: as `MLP.problem`.

    >>> samples(MLP([2, 1]), [[1.0, 2.0], [3.0, np.nan]], [[0.0], [1.0]], "mse")
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: x holds nan at [1, 1]: the value in row 1, column 1 (counted from 0) is missing;
    fill it in, with the mean of the column for example, or take the row out
    """
    for name, data in (("x", x), ("rho", rho)):
        _no_gaps(f"{which} {name}".strip(), data)
    x, rho = batch_of(mlp, x, rho, cost)
    row = COSTS[cost]
    if row.classes and row.expects == "numbers":  # the cost takes any numbers, but what is learned with it are labels
        wrong = rho[(rho != 1) & (rho != -1)]
        if wrong.size:
            raise InvalidValue(
                f"{cost}: labels must be -1 and +1, but expected holds {wrong[0]}; map labels 0 and 1 by 2 * y - 1"
            )
    return x, rho


def pair(validation: Any) -> tuple[Any, Any]:
    """Return validation data taken apart.

    Raises:
        InvalidType: for anything but a pair.
    """
    try:
        x, rho = validation
    except (TypeError, ValueError):
        raise InvalidType(
            f"validation must be a pair (x, rho), such as (test.x, test.rho), not {validation!r}"
        ) from None
    return x, rho


def number_between(name: str, value: Any, *, low: float = 0.0, high: float = np.inf, closed: str = "") -> float:
    """Return a number between two bounds; `closed` has "[" if the lower belongs to it, and "]" if the upper does.

    Raises:
        InvalidType: for what is not a real number.
        InvalidValue: for one outside, NaN or an infinity.

    >>> number_between("momentum", 1.0, high=1.0, closed="[")
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: momentum must be a number of at least 0 and below 1, got 1.0
    """
    wanted = f"a number {'of at least' if '[' in closed else 'above'} {low:g}"
    if high < np.inf:
        wanted += f" and {'at most' if ']' in closed else 'below'} {high:g}"
    found = real_number(name, value, wanted)
    if (low < found < high) or (found == low and "[" in closed) or (found == high and "]" in closed):
        return found
    raise InvalidValue(f"{name} must be {wanted}, got {value!r}")


def _no_gaps(name: str, data: Any) -> None:
    array = numbers(name, data)
    if array.dtype.kind != "f" or not np.isnan(array).any():
        return
    gaps = np.argwhere(np.isnan(array))
    place = [int(index) for index in gaps[0]]
    if array.ndim == 2:
        row, column = place[0], place[1]
        columns = getattr(data, "columns", None)  # the names, where the data come from a table such as a DataFrame
        name_of = column if columns is None else repr(columns[column])
        where = f"the value in row {row}, column {name_of} (counted from 0) is missing"
    else:
        where = f"entry {', '.join(map(str, place))} (counted from 0) is missing"
    more = f", and {len(gaps) - 1} more" if len(gaps) > 1 else ""
    raise InvalidValue(
        f"{name} holds nan at {place}: {where}{more}; fill it in, with the mean of the column for example, "
        "or take the row out"
    )
