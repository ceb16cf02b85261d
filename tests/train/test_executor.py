"""Gradients by several workers: the same numbers as by one process, and never a mean with a part missing."""

import multiprocessing
import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.nn import storage
from tinygrad_ed.train import shards

X = np.random.default_rng(0).standard_normal((23, 3))
RHO = np.random.default_rng(1).standard_normal((23, 2))


def network(**options):
    return tg.nn.MLP([3, 8, 2], rng=1, **options)


def trained(epochs=3, **options):
    mlp = options.pop("mlp", None) or network()
    history = tg.train.fit(mlp, X, RHO, epochs=epochs, **{"batch_size": 7} | options)
    return np.concatenate([parameter.value.ravel() for parameter in mlp.parameters()]), history


class Here(Executor):
    """An executor of several threads that are taken in turn: workers without a memory in common."""

    def __init__(self, workers=1):
        self.pools = [ThreadPoolExecutor(1) for _ in range(workers)]
        self.calls = []

    def submit(self, function, /, *args):
        self.calls.append(args)
        return self.pools[len(self.calls) % len(self.pools)].submit(function, *args)

    def shutdown(self, wait=True, *, cancel_futures=False):
        for pool in self.pools:
            pool.shutdown()


@pytest.fixture
def here():
    with Here(3) as executor:
        yield executor


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    method=st.sampled_from(tg.train.METHODS),
    sampling=st.sampled_from(tg.train.SAMPLINGS),
    road=st.sampled_from(["rules", "graph"]),
    parts=st.integers(1, 30),
    batch_size=st.integers(1, 30),
)
def test_any_cut_of_a_batch_gives_the_numbers_of_one_process(method, sampling, road, parts, batch_size):
    options = {"method": method, "sampling": sampling, "road": road, "batch_size": batch_size, "learning_rate": 0.05}
    alone, one = trained(**options)
    with Here(2) as executor:
        together, several = trained(executor=executor, shards=parts, **options)
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)
    assert several.cost == pytest.approx(one.cost, rel=1e-12)
    assert (several.updates, several.gradient_computations) == (one.updates, one.gradient_computations)


@pytest.mark.parametrize("road", ["rules", "graph"])
def test_the_sum_of_the_parts_weighs_them_by_their_samples(road, here):
    """23 samples in 4 parts of 5 and 6: the plain mean of the parts would be another number."""
    data = shards.Data(network(), X, RHO, "mse", road)
    parts = shards.ByShards(data, here, 4)
    error = parts.compute(slice(None), 2.0)
    expected = tg.nn.costs.mse(network().predict(X), RHO)
    assert error == pytest.approx(expected, rel=1e-13)
    assert sorted({len(call[3]) for call in here.calls}) == [5, 6]
    mlp = network()
    found = tg.gradients(tg.nn.costs.mse(mlp(X), RHO), mlp.parameters())
    for mine, other in zip(parts.arena.gradients, found, strict=True):
        np.testing.assert_allclose(mine, 2.0 * other, rtol=1e-12, atol=1e-14)


def test_data_go_out_about_once_a_worker(here):
    trained(epochs=20, executor=here)
    with_data = [args[1] is not None for args in here.calls]
    assert sum(with_data) <= 4 + 4 * 3
    assert not any(with_data[-100:])


def test_a_worker_that_forgot_is_sent_the_data_again(here):
    expected, _ = trained()
    for _ in range(2):
        for _run in range(2 * shards.KEPT):  # more runs than a worker remembers
            found, _ = trained(mlp=network(), executor=here)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    for pool in here.pools:
        assert len(pool.submit(lambda: shards._HERE.memory).result()) <= shards.KEPT


def test_the_numbers_do_not_depend_on_how_many_workers_there_are():
    results = []
    for workers in (1, 2, 5):
        with ThreadPoolExecutor(workers) as pool:
            results.append(trained(executor=pool, shards=3, optimizer=tg.train.Adam(0.01))[0])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_float32_stays_float32(here):
    mlp = network(dtype=np.float32)
    trained(mlp=mlp, executor=here)
    assert {parameter.dtype for parameter in mlp.parameters()} == {np.dtype(np.float32)}


def test_a_diverging_run_is_stopped_as_without_workers(here, recwarn):
    with pytest.raises(tg.Diverged, match="smaller learning_rate"):
        trained(epochs=400, executor=here, learning_rate=1e6)
    assert [(warned.category, warned.filename) for warned in recwarn] == [(tg.TrainingWarning, __file__)]


def test_a_resumed_run_with_workers_is_the_same_bit_for_bit(here, tmp_path):
    expected, _ = trained(epochs=6, executor=here)
    options = {"executor": here, "checkpoint": tmp_path / "run.npz", "resume": True}
    trained(epochs=2, **options)
    np.testing.assert_array_equal(trained(epochs=6, **options)[0], expected)
    with pytest.raises(tg.InvalidValue, match="shards 4, now 3"):
        trained(epochs=6, shards=3, **options)
    with pytest.raises(tg.InvalidValue, match="shards 4, now None"):
        trained(epochs=6, **options | {"executor": None})


# Processes

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        yield executor


@pytest.mark.parametrize("method", tg.train.METHODS)
def test_processes_give_the_numbers_of_one_process(pool, method):
    alone, one = trained(method=method)
    together, several = trained(method=method, executor=pool)
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)
    assert several.cost == pytest.approx(one.cost, rel=1e-12)


def test_a_killed_process_is_an_error_and_the_network_has_the_last_whole_epoch(tmp_path):
    expected, _ = trained(epochs=2)
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:

        def kill_one(epoch):
            if epoch.epoch == 2:
                os.kill(next(iter(pool._processes)), signal.SIGKILL)

        mlp = network()
        path = tmp_path / "run.npz"
        lesson = r"a worker of the executor was lost or failed.*BrokenProcessPool.*last whole epoch; go on with a new"
        with pytest.raises(tg.WorkerLost, match=lesson):
            trained(epochs=400, mlp=mlp, executor=pool, callbacks=[kill_one], checkpoint=path)
    found = np.concatenate([parameter.value.ravel() for parameter in mlp.parameters()])
    again = tg.nn.MLP.load(path)
    np.testing.assert_array_equal(found, np.concatenate([parameter.value.ravel() for parameter in again.parameters()]))
    if storage.read(path, "training").about["history"]["epochs"] == 2:
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


# What goes wrong


class Broken(Here):
    """Every call but the first fails, or answers something else."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def submit(self, function, /, *args):
        if self.calls:
            future = Future()
            if isinstance(self.answer, BaseException):
                future.set_exception(self.answer)
            else:
                future.set_result(self.answer)
            return future
        return super().submit(function, *args)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (OSError("the line is dead"), "OSError: the line is dead"),
        (shards.Answer(3, 0.0, np.zeros(50)), "asked for the gradient of 6 samples it gave Answer"),
        (shards.Answer(6, 0.0, np.zeros(7)), "it gave Answer"),
        (None, "it gave None"),
    ],
)
def test_a_part_that_is_missing_or_wrong_is_never_left_out(answer, message):
    mlp = network()
    before = [parameter.value for parameter in mlp.parameters()]
    with Broken(answer) as executor, pytest.raises(tg.WorkerLost, match=message):
        trained(mlp=mlp, executor=executor, method="gradient")
    for old, parameter in zip(before, mlp.parameters(), strict=True):
        np.testing.assert_array_equal(parameter.value, old)


def test_an_executor_that_is_shut_down_is_named():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(tg.WorkerLost, match="cannot schedule new futures after shutdown"):
        trained(executor=pool)


def test_ctrl_c_returns_the_history_with_workers_too():
    with Broken(KeyboardInterrupt()) as executor:
        _, history = trained(executor=executor)
    assert (history.stopped, history.epochs) == ("interrupted", 0)


def test_bad_options_are_refused():
    with pytest.raises(tg.InvalidType, match=r"executor must be a concurrent.futures.Executor.*not 4"):
        trained(executor=4)
    with pytest.raises(tg.InvalidType, match="executor must be"):
        trained(executor=ThreadPoolExecutor)
    with pytest.raises(tg.InvalidValue, match="shards must be a whole number of at least 1, not 0"):
        trained(shards=0)


# A cluster


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(processes=False, protocol="tcp", **options) as running:  # quick to start, and yet all is sent
        yield running


def test_a_dask_cluster_gives_the_numbers_of_one_process(cluster):
    from distributed import Client

    alone, one = trained(optimizer=tg.train.Adam(0.01))
    with Client(cluster) as client, client.get_executor() as executor:
        together, several = trained(optimizer=tg.train.Adam(0.01), executor=executor)
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)
    assert several.cost == pytest.approx(one.cost, rel=1e-12)
