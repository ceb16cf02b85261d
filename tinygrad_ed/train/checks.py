"""The checks that training adds to those of the network: samples without gaps, labels, and ranges of numbers."""

from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.errors import Error, InvalidValue, ShapeError, real_number, shown
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.batch import batch_of
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.nn.costs import refuse_labels
from tinygrad_ed.train.stored import Rows, Stored, blocks, is_stored, some


def samples(mlp: MLP, x: Any, rho: Any, cost: str, which: str = "") -> tuple[Rows, Rows]:
    """Return inputs `(N, n_0)` and expected outputs `(N, n_L)` in the network's dtype, if one can learn from them.

    Class numbers stay such, `(N,)`. What is `Stored` stays where it is, and is checked block by block. A missing value
    (NaN) is refused by row and column, as is all that `MLP.problem` refuses; `which`, such as "validation", goes into
    the message.
    """
    if not is_stored(x) and not is_stored(rho):
        _no_gaps(which, x, rho)
        return _checked(mlp, x, rho, cost)
    x, rho = [_rows(f"{which} {name}".strip(), data) for name, data in (("x", x), ("rho", rho))]
    if len(x.shape) < 2 or not len(x):  # one sample, or none
        return samples(mlp, np.array(x[:]), np.array(rho[:]), cost, which)
    if len(x) != len(rho):
        raise ShapeError(f"x holds {len(x)} samples, but rho holds {len(rho)} expected outputs")
    inputs, expected = [], []
    for start, block in blocks(x, max(mlp.sizes)):
        expected_block = rho[start : start + len(block)]
        at = x.numbers(start, len(block)) if isinstance(x, Stored) else np.arange(start, start + len(block))
        _no_gaps(which, block, expected_block, at)
        try:
            one, other = _checked(mlp, block, expected_block, cost)
        except Error as error:
            raise type(error)(f"among the rows {at.min()} to {at.max()}, in their order there: {error}") from error
        inputs += [] if isinstance(x, Stored) else [one]
        expected += [] if isinstance(rho, Stored) else [other]
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
    if COSTS[cost].classes and COSTS[cost].expects == "numbers":  # it takes any numbers, but learns labels
        refuse_labels(cost, rho)
    return x, rho


def weighted(x: Rows, rho: Rows, weights: Any) -> tuple[Rows, Rows, Array | None]:
    """Return checked samples and their weights, without the samples that weigh nothing."""
    if weights is None:
        return x, rho, None
    found = weights_of("weights", weights, len(x))
    rows = np.flatnonzero(found)
    if len(rows) < len(found):
        x, rho = some(x, rows), some(rho, rows)
    return x, rho, found[rows].astype(x.dtype)


def weights_of(name: str, weights: Any, count: int) -> Array:
    """Return the weights of so many samples as an array: finite numbers of at least zero, and not all zero."""
    found = numbers(name, weights)
    if found.shape != (count,):
        raise ShapeError(f"{name} has shape {found.shape}, but {count} samples need one number each, ({count},)")
    if not np.isfinite(found.sum()) or not found.any() or found.min() < 0:
        raise InvalidValue(
            f"{name} must be finite numbers of at least zero, and not all zero; the least is {found.min()}"
        )
    return found


def number_between(name: str, value: Any, *, low: float = 0.0, high: float = np.inf, closed: str = "") -> float:
    """Return a number between two bounds; `closed` has "[" if the lower belongs to it, and "]" if the upper does."""
    wanted = f"a number {'of at least' if '[' in closed else 'above'} {low:g}"
    if high < np.inf:
        wanted += f" and {'at most' if ']' in closed else 'below'} {high:g}"
    found = real_number(name, value, wanted)
    if (low < found < high) or (found == low and "[" in closed) or (found == high and "]" in closed):
        return found
    raise InvalidValue(f"{name} must be {wanted}, got {shown(value)}")


def _no_gaps(which: str, x: Any, rho: Any, at: Array | None = None) -> None:
    """Refuse a missing value; `at` says which rows these are."""
    for name, data in ((f"{which} x".strip(), x), (f"{which} rho".strip(), rho)):
        array = numbers(name, data)
        gaps = np.argwhere(np.isnan(array))
        if not len(gaps):
            continue
        place = gaps[0].tolist()
        if at is not None:
            place[0] = int(at[place[0]])
        where = f"entry {', '.join(map(str, place))} (counted from 0) is missing"
        if array.ndim == 2:
            columns = getattr(data, "columns", None)  # the names, of a DataFrame for example
            called = place[1] if columns is None else repr(columns[place[1]])
            where = f"the value in row {place[0]}, column {called} (counted from 0) is missing"
        more = f", and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        raise InvalidValue(
            f"{name} holds nan at {place}: {where}{more}; fill it in, with the mean of the column for example, "
            "or take the row out"
        )
