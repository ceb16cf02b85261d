"""Dataset: samples and their expected outputs, in the one form that every source of data returns.

The lecture's samples are pairs of an input and an expected output, `(alpha0, rho)`. Taken apart, a Dataset
gives these two as arrays with one row a sample, and so it fits every function that takes `x, rho`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tinygrad_ed.data.cells import Array
from tinygrad_ed.data.columns import Recipe
from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, generator, printable, real_number

__all__ = ["Array", "Dataset"]


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """Samples `x` with class numbers or numbers `y` to be learned.

    Args:
        name: what the data are called.
        x: the inputs, `(N, n)`, kept as float64; x and y are copied.
        y: `(N,)`: class numbers (ints, 0 for `classes[0]`), or floats where `classes` is None.
        classes: the names of the classes, or None where the target is a number (regression).
        features: the names of the n columns of `x`.
        target: the name of what is to be learned.
        source: where the data come from.
        note: how it was decided whether the target means classes or numbers, where that was decided.
        columns: the names of all columns of the file they were read from, in its order.
        remarks: what a reader of the file should know, a line each.
        recipe: how the columns of that file became the inputs, for a network that will meet others like it.

    Raises:
        InvalidType: for x or y that are no arrays of numbers.
        ShapeError: if x, y and features do not fit together.
        InvalidValue: for class numbers that have no name in `classes`.

    >>> data = Dataset("and", np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 0, 1]), ("no", "yes"))
    >>> data
    Dataset(and: 4 samples, 2 features; target 'class': 2 classes (no, yes))
    >>> x, rho = data
    >>> rho[-1]
    array([0., 1.])
    """

    name: str
    x: Array
    y: Array
    classes: tuple[str, ...] | None = None
    features: tuple[str, ...] = ()
    target: str = "class"
    source: str = ""
    note: str = ""
    columns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "x", np.array(self.x, dtype=float))
            object.__setattr__(self, "y", np.array(self.y, dtype=float if self.classes is None else None))
        except (TypeError, ValueError) as error:
            raise InvalidType(f"data set {self.name!r}: x and y must be arrays of numbers, but {error}") from error
        if not self.features and self.x.ndim == 2:
            object.__setattr__(self, "features", tuple(f"x{k}" for k in range(1, self.x.shape[1] + 1)))
        if self.x.ndim != 2 or self.y.shape != self.x.shape[:1] or len(self.features) != self.x.shape[1]:
            raise ShapeError(
                f"data set {self.name!r}: x must be (N, n), y (N,) and features n names, "
                f"got x {self.x.shape}, y {self.y.shape} and {len(self.features)} names"
            )
        if self.classes is None:
            return
        if self.y.dtype.kind not in "iu" or np.any((self.y < 0) | (self.y >= len(self.classes))):
            raise InvalidValue(
                f"data set {self.name!r}: y must hold class numbers 0..{len(self.classes) - 1} as integers"
            )

    @property
    def rho(self) -> Array:
        """The expected outputs, made anew: one-hot rows `(N, classes)`, or the numbers as a column `(N, 1)`."""
        return self.y[:, None].copy() if self.classes is None else np.eye(len(self.classes))[self.y]

    @property
    def signs(self) -> Array:
        """The labels -1 (class 0) and +1 (class 1) as a column `(N, 1)`, for the costs `logistic` and `hinge`.

        Raises:
            InvalidValue: unless there are exactly two classes.
        """
        if self.classes is None or len(self.classes) != 2:
            has = "a target of numbers" if self.classes is None else f"{len(self.classes)} classes"
            raise InvalidValue(
                f"signs are the labels -1 and +1 of two classes, but {self.name!r} has {has}; "
                f"use .rho, with cost {'mse' if self.classes is None else 'cross_entropy'!r} for example"
            )
        return 2.0 * self.y[:, None] - 1.0

    @property
    def said(self) -> str:
        """What the target was taken for, in words, and why where that was decided."""
        if self.classes is None:
            meaning = "numbers"
        else:
            names = self.classes if len(self.classes) <= 10 else (*self.classes[:3], "...", self.classes[-1])
            meaning = f"{len(self.classes)} classes ({', '.join(names)})"
        return printable(f"target {self.target!r}: {meaning}" + (f"; {self.note}" if self.note else ""))

    def split(self, test: float = 0.25, rng: int | np.random.Generator = 0) -> "tuple[Dataset, Dataset]":
        """Return `(train, test)`: every sample in one of the two, in random order, the same from the same seed.

        The test set has `round(test * N)` samples. Each class keeps its share of it, to within one sample.

        Args:
            test: the fraction of the samples that is kept for the test, between 0 and 1.
            rng: a seed or a random generator.

        Raises:
            InvalidType, InvalidValue: for a fraction that is no number between 0 and 1, or that leaves one part empty.

        >>> from tinygrad_ed.data import iris
        >>> train, test = iris().split(test=0.2)
        >>> len(train), len(test), np.bincount(test.y)
        (120, 30, array([10, 10, 10]))
        """
        n = len(self)
        fraction = real_number("test", test, "the fraction of samples to keep for the test, such as 0.25")
        size = round(fraction * n) if 0 < fraction < 1 else 0
        if not 0 < size < n:
            raise InvalidValue(
                f"test is a fraction between 0 and 1 that leaves samples in both parts, got {test!r} "
                f"for the {n} samples of {self.name!r}"
            )
        order = generator(rng).permutation(n)
        # Class after class, the samples in random order; then `size` positions evenly spaced over all of them.
        grouped = order if self.classes is None else order[np.argsort(self.y[order], kind="stable")]
        steps = np.arange(n + 1) * size // n
        in_test = np.zeros(n, bool)
        in_test[grouped[steps[1:] > steps[:-1]]] = True
        return self._rows(order[~in_test[order]], "train"), self._rows(order[in_test[order]], "test")

    def _rows(self, rows: Array, part: str) -> "Dataset":
        return replace(self, name=f"{self.name} ({part})", x=self.x[rows], y=self.y[rows])

    def __len__(self) -> int:
        return len(self.x)

    def __iter__(self) -> Iterator[Array]:
        """Give `x` and `rho`, so that `x, rho = data` and `fit(mlp, *data)` work."""
        return iter((self.x, self.rho))

    def __repr__(self) -> str:
        return f"Dataset({self.name}: {len(self)} samples, {self.x.shape[1]} features; {self.said})"
