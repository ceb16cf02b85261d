"""Data larger than the memory: `fit` reads them in batches, never whole, and learns what it learns from arrays."""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import metrics
from tinygrad_ed.train import gradients, stored
from tinygrad_ed.train.stored import Stored, is_stored

X = np.random.default_rng(0).standard_normal((60, 3))
RHO = np.random.default_rng(1).standard_normal((60, 4))
CLASSES = np.random.default_rng(2).integers(0, 4, 60)


class Rows:
    """Rows that another library keeps, by `len` and batch indexing alone; `most` is how many were asked for at once."""

    def __init__(self, array):
        self._array, self.most = array, 0

    def __len__(self):
        return len(self._array)

    def __getitem__(self, rows):
        if not isinstance(rows, slice) and not (np.diff(rows) > 0).all():
            raise TypeError("the row numbers must ascend")  # as in HDF5
        found = self._array[rows]
        self.most = max(self.most, len(found))
        return found


def in_a_file(array, tmp_path, name="x"):
    kept = np.memmap(tmp_path / name, array.dtype, "w+", shape=array.shape)
    kept[:] = array
    return kept


def trained(x, rho, cost="mse", **options):
    mlp = tg.nn.MLP([3, 5, 4], rng=1)
    history = tg.train.fit(mlp, x, rho, cost, **{"epochs": 2, "batch_size": 8, **options})
    return np.concatenate([parameter.value.ravel() for parameter in mlp.parameters()]), history


@pytest.fixture
def small_blocks(monkeypatch):
    """Ten numbers are many: all samples at once are taken in parts, and data are checked in several blocks."""
    monkeypatch.setattr(gradients, "AT_ONCE", 50)
    monkeypatch.setattr(stored, "AT_ONCE", 50)


@pytest.mark.parametrize("road", gradients.ROADS)
@pytest.mark.parametrize("method", tg.train.METHODS)
@pytest.mark.parametrize("sampling", tg.train.SAMPLINGS)
@pytest.mark.parametrize(("cost", "rho"), [("mse", RHO), ("cross_entropy", CLASSES)])
@pytest.mark.usefixtures("small_blocks")
def test_from_a_file_is_learned_what_is_learned_from_an_array(road, method, sampling, cost, rho, tmp_path):
    options = {"road": road, "method": method, "sampling": sampling, "epochs": 1, "validation": (X, rho)}
    whole, told = trained(X, rho, cost, **options)
    for kept in (in_a_file(X, tmp_path), np.asarray(in_a_file(X, tmp_path)), Rows(X)):
        for expected in (rho, Rows(rho)):
            options["validation"] = kept, expected
            theta, history = trained(kept, expected, cost, **options)
            np.testing.assert_array_equal(theta, whole)
            assert (history.cost, history.validation, history.metrics) == (told.cost, told.validation, told.metrics)
    assert kept.most <= 10, "blocks of 50 numbers, five a row in the widest layer"


@pytest.mark.parametrize("road", gradients.ROADS)
def test_the_gradient_of_all_samples_is_that_of_its_parts(road, monkeypatch):
    options = {"road": road, "method": "gradient", "epochs": 3}
    weights = np.random.default_rng(3).random(60)
    for cost, rho in (("mse", RHO), ("cross_entropy", CLASSES)):
        for more in ({}, {"weights": weights}, {"optimizer": tg.train.Adam(0.1)}):
            whole, told = trained(X, rho, cost, **options, **more)
            with monkeypatch.context() as patch:
                patch.setattr(gradients, "AT_ONCE", 5 * 7)  # parts of 7 samples, and one of 4
                parts, history = trained(X, rho, cost, **options, **more)
            np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-13)
            np.testing.assert_allclose(history.cost, told.cost, rtol=1e-13)
            assert history.gradient_computations == told.gradient_computations


class Drawn:
    """Rows that are made when they are asked for: 40 MB, if all were."""

    shape = (100_000, 50)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        return np.sin(numbers[:, None] * np.arange(1.0, 51.0))


@pytest.mark.parametrize("method", ["minibatch", "gradient"])
def test_data_larger_than_the_memory_are_never_whole(method, tmp_path, monkeypatch):
    for module in (gradients, stored):
        monkeypatch.setattr(module, "AT_ONCE", 2**17)  # blocks of 1 MB
    x, rho, mlp = Drawn(), np.zeros((100_000, 1)), tg.nn.MLP([50, 2, 1], rng=1)
    options = {"method": method, "batch_size": 2000, "sampling": "shuffle", "epochs": 1, "validation": (x, rho)}
    tracemalloc.start()
    tg.train.fit(mlp, x, rho, **options, checkpoint=tmp_path / "run.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15e6, f"{peak / 1e6:.0f} MB"


@pytest.mark.parametrize("road", gradients.ROADS)
def test_a_thousand_classes_are_never_rows(road):
    """As rows they were 80 MB; the buffers of a batch are some."""
    rng, mlp = np.random.default_rng(0), tg.nn.MLP([4, 1000], rng=1)
    x, classes = rng.standard_normal((10_000, 4)), rng.integers(0, 1000, 10_000)
    tracemalloc.start()
    history = tg.train.fit(mlp, x, classes, "cross_entropy", batch_size=200, epochs=1, road=road)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6, f"{peak / 1e6:.0f} MB"
    assert history.cost[0] == pytest.approx(np.log(1000), rel=0.2)


def test_a_run_goes_on_with_the_same_data_from_a_file(tmp_path):
    options = {"checkpoint": tmp_path / "run.npz", "resume": True}
    trained(X, CLASSES, "cross_entropy", **options, epochs=1)
    theta, _ = trained(in_a_file(X, tmp_path), Rows(CLASSES), "cross_entropy", **options, epochs=2)
    np.testing.assert_array_equal(theta, trained(X, CLASSES, "cross_entropy", epochs=2)[0])
    other = X.copy()
    other[-1, -1] += 1
    for x, more in ((Rows(other), {}), (Rows(X), {"weights": np.ones(60)})):
        with pytest.raises(tg.InvalidValue, match="is of a run with other numbers in the"):
            trained(x, CLASSES, "cross_entropy", **options, **more, epochs=3)


@pytest.mark.usefixtures("small_blocks")
def test_what_is_wrong_is_found_in_every_block_before_anything_is_changed():
    def refused(error, message, x, rho, cost="mse"):
        mlp = tg.nn.MLP([3, 5, 4], rng=1)
        before = mlp.layers[0].weights.value
        with pytest.raises(error, match=message):
            tg.train.fit(mlp, x, rho, cost)
        np.testing.assert_array_equal(mlp.layers[0].weights.value, before)

    gap, classes = X.copy(), CLASSES.copy()
    gap[57, 2], classes[33] = np.nan, 4
    lesson = r"^x holds nan at \[57, 2\]: the value in row 57, column 2"
    refused(tg.InvalidValue, lesson, Rows(gap), RHO)
    refused(tg.InvalidValue, r"^x holds nan at \[7, 2\]", Rows(gap[50:]), RHO[50:])
    refused(
        tg.InvalidValue,
        r"^among the rows 30 to 39, .* class number 4 does not exist",
        Rows(X),
        Rows(classes),
        "cross_entropy",
    )
    refused(tg.ShapeError, "x holds 60 samples, but rho holds 59 expected", Rows(X), RHO[:59])
    refused(tg.ShapeError, r"takes inputs of shape \(M, 3\).* x has shape \(10, 2\)", Rows(X[:, :2]), RHO)
    refused(tg.InvalidValue, "x is an empty batch", Rows(X[:0]), RHO[:0])

    class OneByOne(Rows):
        def __getitem__(self, row):
            return self._array[row] if isinstance(row, int) else self._array[int(row)]

    class Uneven(Rows):
        def __getitem__(self, rows):
            return self._array[:1]

    refused(tg.InvalidType, r"read in batches, as data\[start:stop\] .* OneByOne answered TypeError", OneByOne(X), RHO)
    refused(tg.ShapeError, r"when 10 were asked for, an array of shape \(1, 3\) came", Uneven(X), RHO)


def test_one_sample_in_a_file_is_one_sample(tmp_path):
    assert trained(in_a_file(X[0], tmp_path), RHO[0])[1].updates == 2
    np.testing.assert_array_equal(trained(in_a_file(X[0], tmp_path), RHO[0])[0], trained(X[0], RHO[0])[0])


def test_workers_read_their_part(tmp_path):
    """Threads read the file; a process would be sent all of it, so that is refused by name."""
    kept, alone = in_a_file(X, tmp_path), trained(X, RHO)[0]
    with ThreadPoolExecutor(2) as workers:
        np.testing.assert_allclose(trained(kept, RHO, executor=workers)[0], alone, rtol=0, atol=1e-13)
    with pytest.raises(tg.InvalidType, match="use an executor of threads, or an object of your own"):
        pickle.dumps(Stored(kept))
    again = pickle.loads(pickle.dumps(Stored(Rows(X), np.array([5, 2]))))  # noqa: S301  # our own
    np.testing.assert_array_equal(again[:], X[[5, 2]])
    np.testing.assert_array_equal(again.only(np.array([1]))[:], X[[2]])


@pytest.mark.parametrize("data", [[[1.0]], ((1.0,),), X, X[:0], np.float64(1), {"a": 1}, "text", range(3), tg.Node(X)])
def test_what_is_in_memory_is_not_read_in_batches(data):
    assert not is_stored(data)


@pytest.mark.parametrize("weights", [(), (np.arange(1.0, 61.0),)])
@pytest.mark.parametrize("wanted", [None, ["accuracy", "cross_entropy"], ["r2", "accuracy"]])
def test_answers_to_validation_rows_are_held_by_blocks_where_metrics_are_means(weights, wanted, monkeypatch):
    options = {"validation": (X, CLASSES, *weights), "metrics": wanted}
    _, whole = trained(X, CLASSES, "cross_entropy", **options)
    monkeypatch.setattr(stored, "AT_ONCE", 50)
    seen, accuracy = [], metrics.NAMES["accuracy"]
    monkeypatch.setitem(metrics.NAMES, "accuracy", lambda *args: seen.append(len(args[0])) or accuracy(*args))
    _, parts = trained(X, CLASSES, "cross_entropy", **options)
    np.testing.assert_allclose(parts.validation, whole.validation, rtol=1e-12)
    for name in whole.metrics:
        np.testing.assert_allclose(parts.metrics[name], whole.metrics[name], rtol=1e-12)
    assert max(seen) == (60 if wanted and "r2" in wanted else 10)
