"""Data that stay where they are, such as in a file larger than the memory: they are read in batches, never whole."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP

AT_ONCE = 2**20  # numbers that are read, or computed by a layer, at a time


class Stored:
    """The rows of a `numpy.memmap`, or of any object with `len(data)`, `data[start:stop]` and `data[row numbers]`.

    They may be some of its rows, by number, and be read as another dtype. What a sparse matrix of SciPy gives becomes a
    dense array, a batch at a time.
    """

    def __init__(self, data: Any, rows: Array | None = None, dtype: Any = None) -> None:
        self._data, self._rows = data, rows
        first = self._read(slice(0, 1))
        count = data.shape[0] if hasattr(data, "shape") else len(data)  # sparse matrices have no len
        self.shape: tuple[int, ...] = (count if rows is None else len(rows), *first.shape[1:])
        self.dtype = np.dtype(dtype or first.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, batch: Array | slice) -> Array:
        """Return some rows as an array; they are asked for in ascending order, each once."""
        wanted = np.arange(*batch.indices(len(self))) if isinstance(batch, slice) else batch
        rows, back = np.unique(wanted if self._rows is None else self._rows[wanted], return_inverse=True)
        if not len(rows):
            return np.zeros((0, *self.shape[1:]), self.dtype)
        first, stop = int(rows[0]), int(rows[-1]) + 1
        found = self._read(slice(first, stop) if stop - first == len(rows) else rows)
        if found.shape != (len(rows), *self.shape[1:]):
            raise ShapeError(
                f"the data are of {len(self)} rows of shape {self.shape[1:]}, but when {len(rows)} were asked for, an "
                f"array of shape {found.shape} came"
            )
        return found[back].astype(self.dtype, copy=False)

    def only(self, rows: Array | None = None, dtype: Any = None) -> "Stored":
        """Return some of the rows, perhaps in another dtype."""
        kept = self._rows if rows is None else rows if self._rows is None else self._rows[rows]
        return Stored(self._data, kept, dtype or self.dtype)

    def numbers(self, start: int, count: int) -> Array:
        """Return by which numbers the rows from `start` on are asked for."""
        return np.arange(start, start + count) if self._rows is None else self._rows[start : start + count]

    def __reduce__(self) -> Any:
        if in_a_file(self._data):  # a pickled memmap is the whole array
            raise InvalidType(
                "the rows of a numpy.memmap are not sent to other processes, for they would travel whole; use an "
                "executor of threads, or an object of your own that opens the file when it is unpickled"
            )
        return super().__reduce__()

    def _read(self, rows: Array | slice) -> Array:
        try:
            found = self._data[rows]
            return np.asarray(found.toarray() if hasattr(found, "toarray") else found)
        except (TypeError, IndexError, KeyError, ValueError, AttributeError) as error:
            raise InvalidType(
                f"data are read in batches, as data[start:stop] and data[an array of row numbers], but "
                f"{type(self._data).__name__} answered {type(error).__name__}: {error}"
            ) from error


Rows = Array | Stored


def in_a_file(data: Any) -> bool:
    """Return whether an array lies in a file: a `numpy.memmap`, or a view of one."""
    while isinstance(data, np.ndarray) and not isinstance(data, np.memmap):
        data = data.base
    return isinstance(data, np.memmap)


def is_stored(data: Any) -> bool:
    """Return whether data are read in batches: not what is in memory as a list, an array or a table."""
    if isinstance(data, np.ndarray):
        return data.ndim > 0 and in_a_file(data)
    in_memory = isinstance(data, Sequence | Mapping | Node) or hasattr(data, "columns") or hasattr(data, "iloc")
    return not in_memory and hasattr(data, "__len__") and hasattr(data, "__getitem__")


def some(data: Any, rows: Array) -> Any:
    """Return some rows of an array, a sparse matrix or stored data."""
    return data.only(rows) if isinstance(data, Stored) else data[rows]


def blocks(data: Rows, width: int = 1) -> Iterator[tuple[int, Array]]:
    """Yield blocks of rows and where each starts: of at most `AT_ONCE` numbers, also if a row makes `width` of them."""
    step = max(1, AT_ONCE // max(width, *data.shape[1:], 1))
    for start in range(0, len(data), step):
        yield start, data[start : start + step]


def answered(mlp: MLP, x: Rows) -> Iterator[tuple[int, Array]]:
    """Yield what a network answers to many samples, block by block, and where each block starts."""
    for start, block in blocks(x, max(mlp.sizes)):
        if isinstance(x, Stored) and not np.isfinite(block).all():
            raise InvalidValue(f"x holds NaN or infinite numbers in the rows from {start} to {start + len(block) - 1}")
        yield start, mlp.predict(block)


def answers(mlp: MLP, x: Rows, then: Callable[[Array], Array] = np.asarray) -> Array:
    """Return all answers of a network, or what `then` makes of those of each block."""
    return np.concatenate([then(output) for _, output in answered(mlp, x)])
