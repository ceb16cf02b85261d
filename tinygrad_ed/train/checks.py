"""The checks that training adds to those of the network: samples without gaps, labels, and ranges of numbers."""

from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import Error, InvalidType, InvalidValue, ShapeError, real_number
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.nn.mlp import batch_of
from tinygrad_ed.train.stored import Rows, Stored, blocks, is_stored, some


def samples(mlp: MLP, x: Any, rho: Any, cost: str, which: str = "") -> tuple[Rows, Rows]:
    """Return inputs `(N, n_0)` and expected outputs `(N, n_L)` in the network's dtype, if one can learn from them.

    Class numbers stay such, `(N,)`. What is `Stored` stays where it is, and is checked block by block.

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
    if not is_stored(x) and not is_stored(rho):
        _no_gaps_in(x, rho, which)
        return _checked(mlp, x, rho, cost)
    x, rho = [_rows(f"{which} {name}".strip(), data) for name, data in (("x", x), ("rho", rho))]
    if len(x.shape) < 2 or not len(x):  # one sample, or none
        return samples(mlp, np.array(x[:]), np.array(rho[:]), cost, which)
    if len(x) != len(rho):
        raise ShapeError(f"x holds {len(x)} samples, but rho holds {len(rho)} expected outputs")
    inputs, expected, start = [], [], 0
    for block in blocks(x, max(mlp.sizes)):
        expected_block = rho[start : start + len(block)]
        at = x.numbers(start, len(block)) if isinstance(x, Stored) else np.arange(start, start + len(block))
        _no_gaps_in(block, expected_block, which, at)
        try:
            one, other = _checked(mlp, block, expected_block, cost)
        except Error as error:
            raise type(error)(f"among the rows {at.min()} to {at.max()}, in their order there: {error}") from error
        inputs += [] if isinstance(x, Stored) else [one]
        expected += [] if isinstance(rho, Stored) else [other]
        start += len(block)
    return (
        x.only(dtype=one.dtype) if isinstance(x, Stored) else np.concatenate(inputs),
        rho.only(dtype=other.dtype) if isinstance(rho, Stored) else np.concatenate(expected),
    )


def _rows(name: str, data: Any) -> Rows:
    """Return data as they are if they are stored, else as an array."""
    if isinstance(data, Stored):
        return data
    return Stored(data) if is_stored(data) else numbers(name, data)


def _checked(mlp: MLP, x: Any, rho: Any, cost: str) -> tuple[Array, Array]:
    """Return samples that are in memory and have no gaps, as `samples` does."""
    x, rho = batch_of(mlp, x, rho, cost, classes=True)
    row = COSTS[cost]
    if row.classes and row.expects == "numbers":  # the cost takes any numbers, but what is learned with it are labels
        wrong = rho[(rho != 1) & (rho != -1)]
        if wrong.size:
            raise InvalidValue(
                f"{cost}: labels must be -1 and +1, but expected holds {wrong[0]}; map labels 0 and 1 by 2 * y - 1"
            )
    return x, rho


def weighted(x: Rows, rho: Rows, weights: Any) -> tuple[Rows, Rows, Array | None]:
    """Return checked samples and their weights, without the samples that weigh nothing; see `weights_of`.

    >>> weighted(np.ones((2, 1)), np.array([[3.0], [4.0]]), [0, 2])
    (array([[1.]]), array([[4.]]), array([2.]))
    """
    if weights is None:
        return x, rho, None
    found = weights_of("weights", weights, len(x))
    rows = np.flatnonzero(found)
    if len(rows) < len(found):
        x, rho = some(x, rows), some(rho, rows)
    return x, rho, found[rows].astype(x.dtype)


def weights_of(name: str, weights: Any, count: int) -> Array:
    """Return the weights of so many samples as an array.

    Raises:
        ShapeError: unless there is one weight a sample.
        InvalidValue: for a weight below zero or not finite, or if all are zero.
        InvalidType: for what are no numbers.

    >>> weights_of("weights", [1, -2], 2)
    Traceback (most recent call last):
    tinygrad_ed.InvalidValue: weights must be finite numbers of at least zero, and not all zero; the least is -2
    """
    found = numbers(name, weights)
    if found.shape != (count,):
        raise ShapeError(f"{name} has shape {found.shape}, but {count} samples need one number each, ({count},)")
    if not np.isfinite(found.sum()) or not found.any() or found.min() < 0:
        raise InvalidValue(
            f"{name} must be finite numbers of at least zero, and not all zero; the least is {found.min()}"
        )
    return found


def parted(validation: Any) -> tuple[Any, Any, Any]:
    """Return validation data taken apart: x, rho, and weights or None.

    Raises:
        InvalidType: for anything but a pair, or a triple with weights.
    """
    try:
        x, rho, weights = validation if len(validation) == 3 else (*validation, None)
    except (TypeError, ValueError):
        raise InvalidType(
            f"validation must be a pair (x, rho), such as (test.x, test.rho), not {validation!r}"
        ) from None
    return x, rho, weights


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


def _no_gaps_in(x: Any, rho: Any, which: str, at: Array | None = None) -> None:
    """Refuse a missing value; `at` says which rows these are."""
    for name, data in (("x", x), ("rho", rho)):
        _no_gaps(f"{which} {name}".strip(), data, at)


def _no_gaps(name: str, data: Any, at: Array | None) -> None:
    array = numbers(name, data)
    if array.dtype.kind != "f" or not np.isnan(array).any():
        return
    gaps = np.argwhere(np.isnan(array))
    place = [int(index) for index in gaps[0]]
    if at is not None:
        place[0] = int(at[place[0]])
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
