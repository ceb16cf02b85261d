"""Train on a reader's own table, and keep a network that knows it: the names of its columns, and how they are scaled.

Inputs are standardized with the mean and deviation of the rows that are learned from, so that the held-out rows stay
unseen; so is the target where it holds numbers. Classes are learned with cross_entropy, numbers with mse. A plain
`MLP` takes standardized numbers; a `TableNetwork` takes those of the table itself, and answers in the table's terms.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.data import Dataset
from tinygrad_ed.data.cells import DECIMALS, Table
from tinygrad_ed.data.columns import MISSINGS, WORDS, Column, Recipe
from tinygrad_ed.data.files import DAMAGE
from tinygrad_ed.data.table import found_by_name
from tinygrad_ed.errors import FileProblem, InvalidValue, ShapeError
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.nn.checks import numbers
from tinygrad_ed.train.checks import number_between
from tinygrad_ed.train.fit import fit
from tinygrad_ed.train.history import History
from tinygrad_ed.train.score import Score, score

FOR_NUMBERS = tuple([name for name, row in COSTS.items() if not row.classes])
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

        x is a DataFrame (or a row of one), whose columns are found by name, in any order, and become inputs as in
        training; or an array of inputs `(M, n)`, or `(n,)` for one row, in the order of `features`. A category that was
        not seen in training is said in a warning. A column that is not there, a missing value, numbers far beyond those
        of the training, and an array of another width are refused (InvalidValue, InvalidType, ShapeError).
        """
        answers = self.answers(x)
        return answers if self.classes is None else np.array(self.classes)[answers]

    def predict_proba(self, x: Any) -> Array:
        """Return the probability of each class, `(M, classes)`, or `(classes,)` for one row; x as in `predict`."""
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
        """Write all of it to a .npz or .safetensors file as `MLP.save` does; return the file's path."""
        about, arrays = self.mlp.parts()
        about["table"] = {
            "inputs": [column._asdict() for column in self.recipe.columns],
            "missing": self.recipe.missing,
            "marks": self.recipe.marks,
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
        """Read what `save` wrote; a file that is damaged, foreign or newer is a FileProblem."""
        _, about, arrays = storage.read(path, KIND)
        mlp = MLP.from_parts(path, about, arrays)
        try:
            table = about["table"]
            recipe, classes, columns = _recipe(table), table["classes"], _texts(table["columns"])
            outputs = _scale(arrays, "outputs", 1) if classes is None else None
            names, inputs = None if classes is None else _texts(classes), _scale(arrays, "inputs", mlp.sizes[0])
            network = cls(mlp, recipe, str(table["target"]), names, columns, inputs, outputs)
            answers = 1 if network.classes is None else len(network.classes)
            if (len(recipe.features), answers) != (mlp.sizes[0], mlp.sizes[-1]):
                raise ValueError(f"{mlp!r} with {len(recipe.features)} inputs and {answers} answers")
        except DAMAGE as error:
            raise FileProblem(f"{str(path)!r} does not fit together: {type(error).__name__}: {error}") from error
        return network


@dataclass(frozen=True)
class TableResult:
    """A network trained on a table, and its score on the rows that were held out."""

    network: TableNetwork
    history: History
    score: Score
    train: Dataset
    held_out: Dataset

    @property
    def mlp(self) -> MLP:
        """The network without its table."""
        return self.network.mlp

    def __str__(self) -> str:
        return f"{self.mlp}\n{self.history}\n{self.score}"


def train_on_table(
    data: Dataset,
    hidden: list[int],
    activation: str = "tanh",
    test: float = 0.25,
    seed: int = 0,
    *,
    cost: str | None = None,
    validation: float = 0.0,
    save: Path | None = None,
    **options: Any,
) -> TableResult:
    """Train an MLP on a table and score it on held-out rows: accuracy for classes, R² for numbers.

    The hidden layers have these widths and this activation. A share of the rows (`test`) is held out for the score, and
    one of the others (`validation`) for the validation cost; a seed gives the split, the weights and the batches. The
    cost is cross_entropy for classes; mse, l1 or huber for numbers. Other options are handed to `fit`. The network is
    saved as soon as it is trained, and a Ctrl-C in between does not lose it.

    >>> from tinygrad_ed.data import iris
    >>> result = train_on_table(iris(), hidden=[8], epochs=50)
    >>> result.score.measure, result.score.rows, result.score.value > 0.9
    ('accuracy', 38, True)
    """
    known = ("cross_entropy",) if data.classes else FOR_NUMBERS
    cost = known[0] if cost is None else cost
    if cost not in known:
        raise InvalidValue(
            f"the target {data.target!r} holds {'classes' if data.classes else 'numbers'}, which are learned with the "
            f"cost {' or '.join(known)}, not {cost!r}"
        )
    validation = number_between("validation", validation, high=1.0, closed="[")
    learned, held_out = data.split(test, rng=seed)
    train, checked = learned.split(validation, rng=seed) if validation else (learned, None)
    outputs = None if data.classes else Scale.of(train.rho)
    mlp = MLP([train.x.shape[1], *hidden, train.rho.shape[1]], activation, rng=seed)
    recipe = data.recipe or Recipe(tuple(map(Column, data.features)))
    network = TableNetwork(mlp, recipe, data.target, data.classes, data.columns, Scale.of(train.x), outputs)
    learn, _ = [_standardized(network, part) for part in (train, held_out)]  # what cannot be is refused before training
    if checked is not None:
        options["validation"] = _standardized(network, checked)
    done: list[int] = []
    if save:
        options["callbacks"] = [*options.get("callbacks", ()), lambda epoch: done.append(epoch.epoch)]
    try:
        history = fit(mlp, *learn, cost=cost, rng=seed, **options)
        if save and history.epochs:
            network.save(save)
        found = score(network.target, network.classes, network.answers(held_out.x), held_out.y)
    except KeyboardInterrupt as stop:
        if save and done:  # what `fit` does not catch comes after the last epoch
            raise KeyboardInterrupt(f"the network is trained, and saved in {network.save(save)}") from stop
        raise
    return TableResult(network, history, found, train, held_out)


def _standardized(network: TableNetwork, data: Dataset) -> tuple[Array, Array]:
    x = network.inputs.applied(data.x, network.features)
    return x, data.rho if network.outputs is None else network.outputs.applied(data.rho, [network.target])


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all([isinstance(each, str) for each in found]):
        raise TypeError(f"{found!r} is no list of names")
    return tuple(found)


def _recipe(table: dict[str, Any]) -> Recipe:
    """Read how columns become inputs."""
    columns, marks = [], table.get("marks", "")
    unknown = table["missing"] not in MISSINGS or marks[:1] not in ("", *DECIMALS.values())
    for column in [Column(**column) for column in table["inputs"]]:
        (first, second), kind = column.fills, str if column.values or column.words else float
        if not isinstance(column.name, str) or column.words not in WORDS or unknown:
            raise ValueError(f"{column.name!r} is read in an unknown way")
        if not (type(first) is type(second) is kind) or (kind is float and not np.isfinite(column.fills).all()):
            raise TypeError(f"the fills of {column.name!r} are {column.fills!r}")
        columns.append(column._replace(values=_texts(column.values), fills=(first, second)))
    return Recipe(tuple(columns), table["missing"], marks)


def _scale(arrays: dict[str, Array], side: str, width: int) -> Scale:
    scale = Scale(*[arrays[f"{side}.{name}"] for name in ("unit", "mean", "deviation")])
    if any([array.shape != (width,) for array in vars(scale).values()]):
        raise ValueError(f"the scale of the {side} has another width than {width}")
    good = np.isfinite(scale.unit).all() and np.isfinite(scale.mean).all() and (scale.deviation > 0).all()
    if not good or math.isnan(float(scale.deviation.sum())) or (scale.unit <= 0).any():
        raise ValueError(f"the scale of the {side} holds numbers that are none")
    return scale
