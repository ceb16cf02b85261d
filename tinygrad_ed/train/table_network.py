"""A network that knows its table: the names of its columns, and how they were standardized; it can be saved and used.

A plain `MLP` takes standardized numbers. This one takes the numbers of the table themselves, and
answers in the table's own terms: a class by its name, or a number in the unit of the target.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.data.cells import Table
from tinygrad_ed.data.columns import MISSINGS, WORDS, Column, Recipe
from tinygrad_ed.data.table import found_by_name
from tinygrad_ed.errors import FileProblem, InvalidValue, ShapeError
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.nn.checks import numbers

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
        """Return the scale by which the columns of `(N, n)` values get mean 0 and deviation 1."""
        largest = np.abs(values).max(axis=0)
        unit = np.where(largest > 0, largest, 1.0)
        values = values / unit
        deviation = values.std(axis=0)
        varies = (deviation > 0) & (values.min(axis=0) < values.max(axis=0))
        return cls(unit, values.mean(axis=0), np.where(varies, deviation, np.inf))

    def applied(self, values: Array, names: Sequence[str]) -> Array:
        """Return the values standardized, if none lies more than 1e100 deviations from the mean."""
        with np.errstate(over="ignore"):
            shifted: Array = (values / self.unit - self.mean) / self.deviation
        far = np.argwhere(~(np.abs(shifted) <= FAR))
        if len(far):
            place = tuple(far[0])
            raise InvalidValue(
                f"column {names[place[-1]]!r}: {values[place]} lies more than {FAR:g} deviations from the mean of "
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

    The network takes standardized numbers; the recipe says how the columns of the table become its inputs. It answers
    with the names of `classes`, or with numbers (None) of the scale `outputs`. `columns` are all those of the table
    that it was trained on, for files without a header.
    """

    mlp: MLP
    recipe: Recipe
    target: str
    classes: tuple[str, ...] | None
    columns: tuple[str, ...]
    inputs: Scale
    outputs: Scale | None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return self.recipe.features

    def predict(self, x: Any) -> Array:
        """Return the answers in the table's units, names of classes or numbers, `(M,)`; for one row one answer.

        Args:
            x: a DataFrame (or a row of one), whose columns are found by name, in any order, and become inputs as in
                training; or an array of inputs `(M, n)`, or `(n,)` for one row, in the order of `features`. A category
                that was not seen in training is said in a warning.

        Raises:
            InvalidValue: for a column that is not there, a missing value, or numbers far beyond those of the training.
            InvalidType: for arrays of anything but numbers.
            ShapeError: for an array of another width.
        """
        answers = self.answers(x)
        return answers if self.classes is None else np.array(self.classes)[answers]

    def predict_proba(self, x: Any) -> Array:
        """Return the probability of each class, `(M, classes)`, or `(classes,)` for one row; x as in `predict`.

        Raises:
            InvalidValue: for a network that answers with numbers; and as `predict`.
        """
        if self.classes is None:
            raise InvalidValue(f"{self.target!r} is a number: there are no probabilities of classes")
        return self.mlp.predict_proba(self._standardized(x), "cross_entropy")

    def answers(self, x: Any) -> Array:
        """Return the answers as numbers: those of the classes, or of the target; x as in `predict`."""
        output = self.mlp.predict(self._standardized(x))
        return np.asarray(output.argmax(axis=-1) if self.outputs is None else self.outputs.undone(output)[..., 0])

    def _standardized(self, x: Any) -> Array:
        if hasattr(x, "to_frame"):  # a row of a DataFrame
            return np.asarray(self._standardized(x.to_frame().T)[0])
        if hasattr(x, "columns"):
            frame = x.set_axis(range(x.shape[1]), axis=1).reset_index(drop=True)
            table = Table(list(map(str, x.columns)), frame, np.arange(len(x)), "row", True, [])
            x, _, new = self.recipe.applied(table, found_by_name(table.names, self.recipe.names), self.recipe.missing)
            for remark in new:
                warnings.warn(remark, stacklevel=4)
        x = numbers("x", x).astype(float)
        if x.ndim not in (1, 2) or x.shape[-1] != len(self.features):
            raise ShapeError(
                f"x must be (M, {len(self.features)}), or one row ({len(self.features)},), got {x.shape}; its columns "
                f"are {', '.join(self.features)}"
            )
        return self.inputs.applied(x, self.features)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write all of it to a .npz or .safetensors file, without pickle, all or nothing; return the file's path.

        Raises:
            InvalidValue, FileProblem, MissingExtra: as `MLP.save`.
        """
        about, arrays = self.mlp.parts()
        about["table"] = {
            "inputs": [column._asdict() for column in self.recipe.columns],
            "missing": self.recipe.missing,
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
            recipe, classes, columns = _recipe(table), table["classes"], _texts(table["columns"])
            outputs = _scale(arrays, "outputs", 1) if classes is None else None
            network = cls(
                mlp,
                recipe,
                str(table["target"]),
                None if classes is None else _texts(classes),
                columns,
                _scale(arrays, "inputs", mlp.sizes[0]),
                outputs,
            )
            answers = 1 if network.classes is None else len(network.classes)
            if (len(recipe.features), answers) != (mlp.sizes[0], mlp.sizes[-1]):
                raise ValueError(f"{mlp!r} with {len(recipe.features)} inputs and {answers} answers")
        except storage.DAMAGE as error:
            raise FileProblem(f"{str(path)!r} does not fit together: {type(error).__name__}: {error}") from error
        return network


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all([isinstance(each, str) for each in found]):
        raise TypeError(f"{found!r} is no list of names")
    return tuple(found)


def _recipe(table: dict[str, Any]) -> Recipe:
    """Read how columns become inputs."""
    columns = []
    for column in [Column(**column) for column in table["inputs"]]:
        (first, second), kind = column.fills, str if column.values or column.words else float
        if not isinstance(column.name, str) or column.words not in WORDS or table["missing"] not in MISSINGS:
            raise ValueError(f"{column.name!r} is read in an unknown way")
        if not (type(first) is type(second) is kind) or (kind is float and not np.isfinite(column.fills).all()):
            raise TypeError(f"the fills of {column.name!r} are {column.fills!r}")
        columns.append(column._replace(values=_texts(column.values), fills=(first, second)))
    return Recipe(tuple(columns), table["missing"])


def _scale(arrays: dict[str, Array], side: str, width: int) -> Scale:
    scale = Scale(*[arrays[f"{side}.{name}"] for name in ("unit", "mean", "deviation")])
    if any([array.shape != (width,) for array in vars(scale).values()]):
        raise ValueError(f"the scale of the {side} has another width than {width}")
    good = np.isfinite(scale.unit).all() and np.isfinite(scale.mean).all() and (scale.deviation > 0).all()
    if not good or math.isnan(float(scale.deviation.sum())) or (scale.unit <= 0).any():
        raise ValueError(f"the scale of the {side} holds numbers that are none")
    return scale
