"""Training on a table: the score, the rows held out, and a network that keeps the units of its columns."""

import numpy as np
import pandas as pd
import pytest
from user_tables import people

from tinygrad_ed.data import Dataset, iris, read_table
from tinygrad_ed.errors import FileProblem, InvalidType, InvalidValue, ShapeError
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.train.table import Scale, TableNetwork, train_on_table


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
    assert again.recipe == network.recipe
    assert (again.features, again.target, again.classes) == (network.features, network.target, network.classes)
    assert (again.predict(data.x) == network.predict(data.x)).all()
    with pytest.raises(FileProblem, match="holds a network of a table, but a network or a training is needed"):
        MLP.load(tmp_path / f"network{suffix}")


NUMBER = {"name": "a", "values": [], "words": "", "fills": [0.0, 0.0]}


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": []},
        {"marks": ";"},
        {"marks": [","]},
        {"marks": None},
        {"inputs": "ab"},
        {"inputs": [{"name": "a"}] * 4},
        {"inputs": [{**NUMBER, "more": 1}] * 4},
        {"inputs": [{**NUMBER, "words": "yes no"}] * 4},
        {"inputs": [{**NUMBER, "fills": [1.0]}] * 4},
        {"inputs": [{**NUMBER, "fills": [1.0, "a"]}] * 4},
        {"inputs": [{**NUMBER, "fills": [float("nan"), 1.0]}] * 4},
        {"inputs": [{**NUMBER, "values": ["a", 1], "fills": ["a", "a"]}] * 2},
        {"inputs": [{**NUMBER, "name": 3}] * 4},
        {"missing": "fill"},
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


# --- a network that knows its table ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people_network(tmp_path_factory):
    """A network of a table with numbers, text, two words and gaps, and the table as a DataFrame."""
    path = tmp_path_factory.mktemp("people") / "people.csv"
    path.write_text(people())
    data = read_table(path, "pays", missing="mean")
    network = train_on_table(data, hidden=[4], epochs=5).network
    saved = TableNetwork.load(network.save(path.with_suffix(".npz")))
    return saved, data, pd.read_csv(path)


def test_a_dataframe_is_read_as_the_file_was(people_network):
    network, data, frame = people_network
    assert (network.predict_proba(frame) == network.predict_proba(data.x)).all()
    assert (network.predict(frame) == network.predict(data.x)).all()
    nullable = frame.convert_dtypes()
    assert (network.predict_proba(nullable) == network.predict_proba(data.x)).all()
    texts = frame.astype(object).where(frame.notna(), None)
    assert (network.predict_proba(texts) == network.predict_proba(data.x)).all()


def test_columns_of_a_dataframe_are_found_by_name(people_network):
    network, data, frame = people_network
    turned = frame[frame.columns[::-1]].assign(more="x")
    turned.index = turned.index[::-1] + 7
    assert network.predict(turned[:0]).shape == (0,)
    assert (network.predict_proba(turned) == network.predict_proba(data.x)).all()
    with pytest.raises(InvalidValue, match="there is no column 'age', which the network was trained on"):
        network.predict(frame.drop(columns="age"))
    with pytest.raises(InvalidValue, match=r"no column 'age' \(and 1 more\), which the network was trained on"):
        network.predict(frame.drop(columns=["age", "city"]))
    with pytest.raises(InvalidValue, match="2 columns are called 'age'"):
        network.predict(pd.concat([frame, frame[["age"]]], axis=1))


def test_what_does_not_fit_names_its_column(people_network):
    network, _, frame = people_network
    with pytest.raises(InvalidValue, match="row 0, column 'age': 'old' is not a number"):
        network.predict(frame.assign(age="old"))
    with pytest.raises(InvalidValue, match="row 0, column 'age': '1,234' is not a number"):
        network.predict(frame.assign(age="1,234"))
    with pytest.raises(InvalidValue, match="column 'member' holds no and yes, but here also 'maybe'"):
        network.predict(frame.assign(member="maybe"))
    with pytest.warns(UserWarning, match=r"city: not seen in training, so its inputs are all 0: 'Rom' \(row 0\)"):
        network.predict(frame.assign(city=["Rom", *frame.city[1:]]))


def test_a_gap_is_filled_only_if_that_was_wanted(people_network):
    network, _, frame = people_network
    refusing = TableNetwork(**{**vars(network), "recipe": network.recipe._replace(missing="refuse")})
    with pytest.raises(
        InvalidValue,
        match=r"column 'age': a value is missing .*fill it in, or leave such rows out \(`fillna`, `dropna`\)",
    ):
        refusing.predict(frame)


@pytest.mark.parametrize("shape", [(1, 7), (1, 1), (8,), (), (2, 8), (1, 1, 6)])
def test_an_array_of_another_width_is_refused(people_network, shape):
    network = people_network[0]
    assert len(network.features) == 6
    with pytest.raises(ShapeError, match=r"x must be \(M, 6\), or one row \(6,\), got .*; its columns are age, "):
        network.predict(np.ones(shape))


def test_one_row_gives_one_answer(people_network):
    network, data, frame = people_network
    assert network.predict(data.x[0]) == network.predict(data.x[:1])[0] == network.predict(frame.iloc[0])
    assert network.predict_proba(data.x[0]).shape == (2,)
    numbers = train_on_table(Dataset("d", iris().x[:, :3], iris().x[:, 3]), hidden=[4], epochs=2).network
    assert numbers.predict(iris().x[0, :3]) == numbers.predict(iris().x[:1, :3])[0]
    assert network.predict(np.ones((1, 6))).shape == (1,)


def test_arrays_of_text_are_refused(people_network):
    with pytest.raises(InvalidType, match="x must hold real numbers"):
        people_network[0].predict(np.array([["a"] * 6]))
