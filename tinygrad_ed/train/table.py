"""Train on a reader's own table: hold rows out, standardize, fit, and score what was held out.

Inputs are standardized with the mean and deviation of the rows that are learned from, so that the held-out rows stay
unseen; so is the target where it holds numbers. Classes are learned with cross_entropy, numbers with mse.
"""

from dataclasses import dataclass
from typing import Any

from tinygrad_ed.closed_form.derivatives import COSTS
from tinygrad_ed.data import Dataset
from tinygrad_ed.data.columns import Column, Recipe
from tinygrad_ed.errors import InvalidValue
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn import MLP
from tinygrad_ed.train.checks import number_between
from tinygrad_ed.train.fit import fit
from tinygrad_ed.train.history import History
from tinygrad_ed.train.score import Score, score
from tinygrad_ed.train.table_network import Scale, TableNetwork

FOR_NUMBERS = tuple([name for name, row in COSTS.items() if not row.classes])


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
    **options: Any,
) -> TableResult:
    """Train an MLP on a table and score it on held-out rows: accuracy for classes, R² for numbers.

    Args:
        data: the table, with `classes` or without.
        hidden: the widths of the hidden layers.
        activation: Φ of the hidden layers.
        test: the share of the rows that is held out for the score.
        seed: for the split, the weights and the batches.
        cost: cross_entropy for classes; mse, l1 or huber for numbers.
        validation: the share of the other rows that is kept for the validation cost, for early stopping.
        **options: handed to `fit`.

    Raises:
        InvalidValue: for a held-out number more than 1e100 deviations from the mean, or a cost that does not suit.
        InvalidValue, InvalidType, ShapeError, Diverged: as `Dataset.split`, `MLP` and `fit`.

    >>> from tinygrad_ed.data import iris
    >>> result = train_on_table(iris(), hidden=[8], epochs=50)
    >>> result.score.measure, result.score.rows, result.score.value > 0.9
    ('accuracy', 38, True)
    >>> result.network.predict(iris().x[:2])
    array(['setosa', 'setosa'], dtype='<U10')
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
    for part in (train, checked, held_out):  # what cannot be standardized is refused before the training
        if part is not None:
            _standardized(network, part)
    if checked is not None:
        options["validation"] = _standardized(network, checked)
    history = fit(mlp, *_standardized(network, train), cost=cost, rng=seed, **options)
    found = score(network.target, network.classes, network.answers(held_out.x), held_out.y)
    return TableResult(network, history, found, train, held_out)


def _standardized(network: TableNetwork, data: Dataset) -> tuple[Array, Array]:
    x = network.inputs.applied(data.x, network.features)
    return x, data.rho if network.outputs is None else network.outputs.applied(data.rho, [network.target])
