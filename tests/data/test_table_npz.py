"""Tables in npz files: what is read, and what is refused."""

import contextlib
import math
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import read_table
from tinygrad_ed.errors import Error, FileProblem, InvalidType, InvalidValue, ShapeError


@pytest.mark.parametrize("inputs", ["x", "X"])
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool", ">f8"])
def test_npz_of_numbers(save, inputs, dtype):
    x = np.array([[0, 1], [1, 0], [1, 1]]).astype(dtype)
    data = read_table(save(**{inputs: x, "y": np.array([[0.5], [1.5], [2.5]])}))
    assert data.x.dtype == np.float64
    assert data.x.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert data.rho.tolist() == [[0.5], [1.5], [2.5]]
    assert data.features == ("c1", "c2")


def test_npz_of_text_is_encoded_as_that_of_csv(save):
    x = np.array([["red", "yes"], ["blue", "no"], ["red", "no"]])
    data = read_table(save(x=x, y=np.array([0.5, 1.5, 2.5])))
    assert data.features == ("c1=blue", "c1=red", "c2")
    assert data.x.tolist() == [[0, 1, 1], [1, 0, 0], [0, 1, 0]]


def test_npz_of_classes(save):
    x = np.arange(20.0).reshape(10, 2)
    assert read_table(save(x=x, y=np.arange(10) % 2)).classes == ("0", "1")
    assert read_table(save(x=x, kind=np.array(["b", "a"] * 5)), "kind").y.tolist() == [1, 0] * 5
    truth = save(x=x, y=np.arange(10) > 4)
    assert read_table(truth).classes == ("False", "True")
    assert read_table(truth, kind="numbers").rho[-1].tolist() == [1.0]


def test_npz_columns_can_be_left_out_and_rows_skipped(save):
    path = save(x=np.array([[1, 2, 3], [4, np.nan, 6], [7, 8, 9]]), y=np.array([0.5, 1.5, np.nan]))
    assert read_table(path, missing="skip", drop="c2").x.tolist() == [[1, 3], [4, 6]]
    with pytest.raises(InvalidValue, match=r"row 1, column 'c2': a value is missing .*c2 1, y 1.*by missing='skip'"):
        read_table(path)
    with pytest.raises(InvalidValue, match=r"row 2, column 'y': a value is missing"):
        read_table(path, drop=[2])
    with pytest.raises(InvalidValue, match="nothing is left"):
        read_table(path, drop=[1, 2, 3])


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ({"a": np.ones(3), "y": np.ones(3)}, InvalidValue, "there is no array 'x'. Known: a, y"),
        ({"x": np.ones((3, 1)), "yy": np.ones(3)}, InvalidValue, "there is no column 'y'. Known: c1"),
        (
            {"x": np.ones(3), "y": np.ones(3)},
            ShapeError,
            r"'x' must be \(N, n\), one row a sample, got \(3,\); reshape it",
        ),
        ({"x": np.ones((2, 3, 3)), "y": np.ones(2)}, ShapeError, r"got \(2, 3, 3\); reshape it"),
        ({"x": np.ones((0, 3)), "y": np.ones(0)}, ShapeError, r"got \(0, 3\)"),
        (
            {"x": np.ones((3, 2)), "y": np.ones(4)},
            ShapeError,
            r"'y' must be \(3,\), one value a row of 'x', got \(4,\)",
        ),
        ({"x": np.ones((3, 2)), "y": np.ones((3, 2))}, ShapeError, r"'y' must be \(3,\).* got \(3, 2\)"),
        (
            {"x": np.ones((2, 1)), "y": np.ones(2, complex)},
            InvalidType,
            "'y' must hold real numbers or text, not complex",
        ),
        ({"x": np.ones((2, 1)), "y": np.array([b"a", b"b"])}, InvalidType, r"'y' must hold real .* not \|S1"),
        (
            {"x": np.array([[1, None]], object), "y": np.ones(1)},
            InvalidType,
            "an array of it holds Python objects, not numbers",
        ),
        (
            {"x": np.array([[1, 2], [3, np.nan]]), "y": np.ones(2)},
            InvalidValue,
            r"row 1, column 'c2': a value is missing",
        ),
        (
            {"x": np.ones((2, 1)), "y": np.array([1, np.inf])},
            InvalidValue,
            r"row 1, column 'y': 'inf' is not finite; correct it",
        ),
        (
            {"x": np.ones((2, 1)), "y": np.array(["a", ""])},
            InvalidValue,
            r"row 1, column 'y': a value is missing \(''\)",
        ),
        (
            {"x": np.ones((2, 1)), "y": np.ones(2)},
            InvalidValue,
            "target 'y' is always '1': there is nothing to learn",
        ),
    ],
)
def test_bad_npz_gets_one_clear_line(save, arrays, error, message):
    with pytest.raises(error, match=rf"data\.npz': .*{message}"):
        read_table(save(**arrays))


def test_npz_text_where_numbers_are_asked_for(save):
    with pytest.raises(InvalidValue, match="row 0, column 'y': 'a' is not a number"):
        read_table(save(x=np.ones((2, 1)), y=np.array(["a", "b"])), kind="numbers")


def test_what_is_no_npz_is_refused(tmp_path, write):
    with pytest.raises(FileProblem, match="this is not a whole npz file, with arrays x and y"):
        read_table(write("hello", "data.npz"))
    with pytest.raises(FileProblem, match="the file is empty"):
        read_table(write("", "data.npz"))
    with (tmp_path / "single.npz").open("wb") as stream:
        np.save(stream, np.ones((3, 2)))
    with pytest.raises(FileProblem, match="this is not a whole npz file"):
        read_table(tmp_path / "single.npz")
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("x", "hello")
        archive.writestr("y", "hello")
    with pytest.raises(InvalidType, match="array 'x' must hold real numbers or text"):
        read_table(tmp_path / "text.npz")


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_damaged_npz_is_read_or_refused_but_never_crashes(tmp_path_factory, place, byte):
    path = tmp_path_factory.mktemp("damaged") / "data.npz"
    np.savez_compressed(path, x=np.arange(12.0).reshape(6, 2), y=np.arange(6) + 0.5)
    content = bytearray(path.read_bytes())
    content[math.floor(place * len(content))] = byte
    path.write_bytes(content)
    with contextlib.suppress(Error):
        assert read_table(path).x.shape == (6, 2)
