"""A network that knows its table: the names of its columns, and how they were standardized; it can be saved and used.

A plain `MLP` takes standardized numbers. This one takes the numbers of the table themselves, and
answers in the table's own terms: a class by its name, or a number in the unit of the target.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.errors import FileProblem, InvalidValue
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, storage

FAR = 1e100  # deviations: the squares of numbers beyond are no floats
KIND = "network of a table"


@dataclass(frozen=True)
class Scale:
    """How columns are standardized: (x / unit - mean) / deviation, each `(n,)`.

    The unit is the largest number of the column, so that neither sums nor squares overflow. A constant column has an
    infinite deviation: it becomes 0, whatever stands there later.
    """

    unit: Array
    mean: Array
    deviation: Array

    @classmethod
    def of(cls, values: Array) -> "Scale":
        """Return the scale by which the columns of `(N, n)` values get mean 0 and deviation 1.

        >>> Scale.of(np.array([[1.0, 5.0], [3.0, 5.0]])).applied(np.array([[1.0, 5.0], [5.0, 7.0]]), ("a", "b"))
        array([[-1.,  0.],
               [ 3.,  0.]])
        """
        largest = np.abs(values).max(axis=0)
        unit = np.where(largest > 0, largest, 1.0)
        values = values / unit
        deviation = values.std(axis=0)
        varies = (deviation > 0) & (values.min(axis=0) < values.max(axis=0))
        return cls(unit, values.mean(axis=0), np.where(varies, deviation, np.inf))

    def applied(self, values: Array, names: Sequence[str]) -> Array:
        """Return the values standardized.

        Raises:
            InvalidValue: for a number more than 1e100 deviations from the mean; its column is named.
        """
        with np.errstate(over="ignore"):
            shifted: Array = (values / self.unit - self.mean) / self.deviation
        far = np.argwhere(~(np.abs(shifted) <= FAR))
        if len(far):
            row, column = far[0]
            raise InvalidValue(
                f"column {names[column]!r}: {values[row, column]} lies more than {FAR:g} deviations from the mean of "
                "the rows to learn from; correct it or take the row out"
            )
        return shifted

    def undone(self, values: Array) -> Array:
        """Return standardized values in the unit of the column; a constant column has its constant."""
        deviation = np.where(np.isfinite(self.deviation), self.deviation, 0.0)
        return np.asarray((values * deviation + self.mean) * self.unit)


@dataclass(frozen=True)
class TableNetwork:
    """A network with the table it belongs to.

    Args:
        mlp: the network, which takes standardized numbers.
        features: the names of its inputs.
        target: the name of what it answers.
        classes: the names of the classes, or None where it answers with numbers.
        columns: all columns of the table it was trained on, for files without a header.
        inputs: the scale of the inputs.
        outputs: the scale of the target, where it answers with numbers.
    """

    mlp: MLP
    features: tuple[str, ...]
    target: str
    classes: tuple[str, ...] | None
    columns: tuple[str, ...]
    inputs: Scale
    outputs: Scale | None

    def predict(self, x: Array) -> Array:
        """Return the answers to inputs `(M, n)` in the table's units: names of classes, or numbers, `(M,)`.

        Raises:
            InvalidValue: for numbers far beyond those it was trained on.
            InvalidType, ShapeError: as `MLP.predict`.
        """
        output = self.mlp.predict(self.inputs.applied(x, self.features))
        if self.outputs is not None:
            return np.asarray(self.outputs.undone(output)[:, 0])
        return np.asarray(np.array(self.classes)[output.argmax(axis=1)])

    def predict_proba(self, x: Array) -> Array:
        """Return the probability of each class, `(M, classes)`.

        Raises:
            InvalidValue: for a network that answers with numbers; and as `predict`.
        """
        if self.classes is None:
            raise InvalidValue(f"{self.target!r} is a number: there are no probabilities of classes")
        return self.mlp.predict_proba(self.inputs.applied(x, self.features), "cross_entropy")

    def save(self, path: str | PathLike[str]) -> Path:
        """Write all of it to a .npz or .safetensors file, without pickle, all or nothing; return the file's path.

        Raises:
            InvalidValue, FileProblem, MissingExtra: as `MLP.save`.
        """
        about, arrays = self.mlp.parts()
        about["table"] = {
            "features": self.features,
            "target": self.target,
            "classes": self.classes,
            "columns": self.columns,
        }
        for side, scale in (("inputs", self.inputs), ("outputs", self.outputs)):
            if scale is not None:
                arrays |= {f"{side}.{name}": array for name, array in vars(scale).items()}
        return storage.write(path, KIND, about, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "TableNetwork":
        """Read what `save` wrote.

        Raises:
            FileProblem: for a file that is missing, damaged, cut short, foreign, newer, or holds something else.
            InvalidValue, MissingExtra: as `save`.
        """
        _, about, arrays = storage.read(path, KIND)
        mlp = MLP.from_parts(path, about, arrays)
        try:
            table = about["table"]
            features, classes, columns = _texts(table["features"]), table["classes"], _texts(table["columns"])
            outputs = _scale(arrays, "outputs", 1) if classes is None else None
            network = cls(
                mlp,
                features,
                str(table["target"]),
                None if classes is None else _texts(classes),
                columns,
                _scale(arrays, "inputs", mlp.sizes[0]),
                outputs,
            )
            answers = 1 if network.classes is None else len(network.classes)
            if (len(features), answers) != (mlp.sizes[0], mlp.sizes[-1]):
                raise ValueError(f"{mlp!r} with {len(features)} inputs and {answers} answers")
        except storage.DAMAGE as error:
            raise FileProblem(f"{str(path)!r} does not fit together: {type(error).__name__}: {error}") from error
        return network


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all([isinstance(each, str) for each in found]):
        raise TypeError(f"{found!r} is no list of names")
    return tuple(found)


def _scale(arrays: dict[str, Array], side: str, width: int) -> Scale:
    scale = Scale(*[arrays[f"{side}.{name}"] for name in ("unit", "mean", "deviation")])
    if any([array.shape != (width,) for array in vars(scale).values()]):
        raise ValueError(f"the scale of the {side} has another width than {width}")
    good = np.isfinite(scale.unit).all() and np.isfinite(scale.mean).all() and (scale.deviation > 0).all()
    if not good or math.isnan(float(scale.deviation.sum())) or (scale.unit <= 0).any():
        raise ValueError(f"the scale of the {side} holds numbers that are none")
    return scale
