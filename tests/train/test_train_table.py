"""Training on a table: the score, the rows held out, and a network that keeps the units of its columns."""

import numpy as np
import pytest
from user_tables import money

from tinygrad_ed.data import Dataset, iris
from tinygrad_ed.errors import FileProblem, InvalidValue
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.train.table import train_on_table
from tinygrad_ed.train.table_network import Scale, TableNetwork


def test_the_answers_are_those_of_the_network_on_standardised_numbers():
    data = Dataset("d", iris().x, iris().y, iris().classes, iris().features)
    result = train_on_table(data, hidden=[8], epochs=20)
    network, x = result.network, result.held_out.x
    standardised = (x - result.train.x.mean(axis=0)) / result.train.x.std(axis=0)
    assert np.allclose(network.predict_proba(x), result.mlp.predict_proba(standardised))
    names = np.array(data.classes)[result.mlp.predict(standardised).argmax(axis=1)]
    assert (network.predict(x) == names).all()
    assert result.score.value == np.mean(names == np.array(data.classes)[result.held_out.y])


def test_a_constant_column_is_zero_whatever_stands_there_later():
    scale = Scale.of(np.array([[2.0, 1e300], [2.0, -1e300]]))
    assert scale.applied(np.array([[7.0, 0.0]]), ("a", "b")).tolist() == [[0.0, 0.0]]
    assert scale.undone(np.array([[3.0, 1.0]])).tolist() == [[2.0, 1e300]]


def test_the_score_tells_each_class():
    result = train_on_table(money(), hidden=[2], epochs=1)
    found = result.network.predict(result.held_out.x)
    right = [
        f"{name}: {sum(found[result.held_out.y == k] == name)} of {sum(result.held_out.y == k)}"
        for k, name in enumerate(("$5", "$9"))
    ]
    assert result.score.detail == f"right: {', '.join(right)}"
    assert str(result.score).startswith(f"accuracy on 15 rows held out: {result.score.value:.4g} (a constant answer: ")


def test_the_seed_chooses_the_rows_that_are_held_out():
    first, again, other = [train_on_table(iris(), hidden=[2], epochs=1, seed=seed) for seed in (1, 1, 2)]
    assert (first.held_out.x == again.held_out.x).all()
    assert not np.array_equal(first.held_out.x, other.held_out.x)


def test_validation_rows_are_neither_learned_from_nor_scored():
    result = train_on_table(iris(), hidden=[8], epochs=500, validation=0.2, patience=5)
    assert result.history.stopped == "patience"
    assert len(result.train) + len(result.held_out) == 150 - round(0.2 * (150 - 38))
    with pytest.raises(InvalidValue, match="validation must be a number of at least 0 and below 1"):
        train_on_table(iris(), hidden=[8], validation=1.5)


def test_a_score_that_does_not_exist_is_said():
    data = Dataset("d", np.arange(8.0).reshape(4, 2), np.array([1.0, 2.0, 3.0, 4.5]))
    assert "R² does not exist for the rows held out: too few (1)" in str(train_on_table(data, hidden=[2], epochs=2))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("data", [iris(), Dataset("d", iris().x[:, :3], iris().x[:, 3])])
def test_a_saved_network_is_the_same_network(tmp_path, suffix, data):
    network = train_on_table(data, hidden=[4, 3], activation="relu", epochs=3).network
    again = TableNetwork.load(network.save(tmp_path / f"network{suffix}"))
    assert (again.features, again.target, again.classes) == (network.features, network.target, network.classes)
    assert (again.predict(data.x) == network.predict(data.x)).all()
    with pytest.raises(FileProblem, match="holds a network of a table, but a network or a training is needed"):
        MLP.load(tmp_path / f"network{suffix}")


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["a"]},
        {"features": "ab"},
        {"classes": ["x", 2, "y"]},
        {"classes": None},
        {"columns": 3},
        {"inputs.deviation": np.zeros(4)},
        {"inputs.mean": np.full(4, np.nan)},
        {"inputs.unit": np.ones(3)},
        {"inputs.unit": None},
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(tmp_path, change):
    path = train_on_table(iris(), hidden=[3], epochs=1).network.save(tmp_path / "network.npz")
    kind, about, arrays = storage.read(path, "network of a table")
    for name, value in change.items():
        if "." in name:
            arrays[name] = value
        else:
            about["table"][name] = value
    storage.write(path, kind, about, {name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(FileProblem, match=r"network.npz' does not fit together"):
        TableNetwork.load(path)
