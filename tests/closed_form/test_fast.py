"""The rules in place, against the readable rules: every quantity, every Φ and C, and not a byte per step."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.closed_form import fast, in_place, rules
from tinygrad_ed.closed_form.arena import Arena
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.closed_form.fast import FastStep
from tinygrad_ed.train.gradients import ROADS

TOLERANCE = {"float32": 3e-5, "float64": 1e-13}


def data_for(cost, rng, M, n, dtype):
    if cost in ("logistic", "hinge"):
        return rng.choice([-1.0, 1.0], (M, n)).astype(dtype)
    if cost == "bce":
        return rng.choice([0.0, 1.0], (M, n)).astype(dtype)
    if cost == "cross_entropy":
        rho = rng.random((M, n))
        return (rho / rho.sum(axis=1, keepdims=True)).astype(dtype)
    return rng.standard_normal((M, n)).astype(dtype)


def filled(sizes, activations, cost, M, dtype, rng, spread=1.0):
    arena = Arena(sizes, dtype)
    arena.theta[:] = spread * rng.standard_normal(arena.theta.shape)
    step = FastStep(arena, activations, cost, M)
    step.x[:, :-1] = rng.standard_normal((M, sizes[0]))
    step.rho[:] = data_for(cost, rng, M, sizes[-1], dtype).T
    return arena, step


def readable(arena, step, activations, cost):
    """The same by `rules.py`, in float64."""
    omega, beta = [{j: a.astype(float) for j, a in views.items()} for views in (arena.omega, arena.beta)]
    x, rho = step.x[:, :-1].astype(float), step.rho.T.astype(float)
    return rules.quantities(omega, beta, activations, x, rho, cost)


def check_against_the_rules(arena, step, activations, cost, dtype, scale=1.0):
    book = readable(arena, step, activations, cost)
    error = step.cost_and_gradient(scale)
    tolerance = TOLERANCE[np.dtype(dtype).name]

    def close(mine, theirs):
        size = max(1.0, np.max(np.abs(theirs)))
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * size)

    close(error, book["cost"])
    for j in arena.omega:
        close(step.alpha[j].T, book[f"alpha[{j}]"])
        close(step.B[j].T, scale * book[f"B[{j}]"])
        close(arena.grad_omega[j], scale * book[f"grad_omega[{j}]"])
        close(arena.grad_beta[j], scale * book[f"grad_beta[{j}]"])


@pytest.mark.parametrize("M", [1, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_class_numbers_give_what_their_rows_give(dtype, M):
    rng = np.random.default_rng(0)
    arena, rows = filled((3, 4, 5), {1: "tanh", 2: "identity"}, "cross_entropy", M, dtype, rng, spread=3.0)
    classes = rng.integers(0, 5, M)
    rows.rho[:] = np.eye(5)[:, classes]
    step = FastStep(arena, {1: "tanh", 2: "identity"}, "cross_entropy", M, classes=True)
    step.x[:], step.rho[:] = rows.x, classes
    error, gradient = step.cost_and_gradient(0.25), arena.gradient.copy()
    assert error == pytest.approx(rows.cost_and_gradient(0.25), rel=TOLERANCE[dtype] * 10)
    np.testing.assert_allclose(gradient, arena.gradient, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("cost", COSTS)
def test_a_share_is_what_a_sample_counts(cost):
    """Against a batch in which the samples stand as often as their share says."""
    rng, counts, activations = np.random.default_rng(0), np.array([1, 3, 0, 2]), {1: "tanh", 2: "identity"}
    arena, step = filled((3, 4, 2), activations, cost, 4, "float64", rng)
    weighted = FastStep(arena, activations, cost, 4, weighted=True)
    weighted.x[:], weighted.rho[:], weighted.share[:] = step.x, step.rho, counts / 6
    repeated = FastStep(arena, activations, cost, 6)
    rows = np.repeat(np.arange(4), counts)
    repeated.x[:], repeated.rho[:] = step.x[rows], step.rho[:, rows]
    error, gradient = weighted.cost_and_gradient(0.5), arena.gradient.copy()
    assert error == pytest.approx(repeated.cost_and_gradient(0.5), rel=1e-13)
    np.testing.assert_allclose(gradient, arena.gradient, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_cost_is_that_of_the_readable_rules(activation, cost, dtype):
    rng = np.random.default_rng(0)
    for M in (1, 7):
        activations = dict.fromkeys((1, 2, 3), activation)
        arena, step = filled((3, 5, 4, 2), activations, cost, M, dtype, rng)
        check_against_the_rules(arena, step, activations, cost, dtype, scale=0.25)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.integers(1, 12),
    st.sampled_from(list(ACTIVATIONS)),
    st.sampled_from(list(ACTIVATIONS)),
    st.sampled_from(list(COSTS)),
    st.integers(0, 2**32 - 1),
)
def test_any_shape_of_network(sizes, M, hidden, output, cost, seed):
    L = len(sizes) - 1
    activations = dict.fromkeys(range(1, L), hidden) | {L: output}
    arena, step = filled(sizes, activations, cost, M, "float64", np.random.default_rng(seed))
    for _ in range(2):  # what a step leaves in the buffers must not reach the next one
        check_against_the_rules(arena, step, activations, cost, "float64")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("sizes", "M"),
    [
        ((fast.WIDE, fast.NARROW, 2), 3),  # the product whose rows are samples
        ((2, 3, 2), fast.BLOCK // 2),  # two rows at a time, and then one
        ((2, 3, 2), fast.BLOCK + 1),  # a row is more than a block
    ],
)
def test_wide_inputs_and_large_batches_take_other_ways_to_the_same_numbers(sizes, M, activation):
    activations = {1: activation, 2: "identity"}
    arena, step = filled(sizes, activations, "mse", M, "float64", np.random.default_rng(0), spread=0.1)
    check_against_the_rules(arena, step, activations, "mse", "float64")


@pytest.mark.parametrize("size", [1e2, 1e4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_large_net_inputs_give_no_warning_and_finite_gradients(activation, cost, dtype, size):
    activations = {1: activation, 2: activation}
    arena, step = filled((2, 3, 2), activations, cost, 4, dtype, np.random.default_rng(0))
    step.x[:, :-1] *= size
    assert np.isfinite(step.cost_and_gradient())
    assert np.isfinite(arena.gradient).all()


def test_a_step_of_descent_is_the_update_of_the_readable_rules():
    activations = {1: "tanh", 2: "identity"}
    arena, step = filled((3, 5, 2), activations, "mse", 4, "float64", np.random.default_rng(0))
    book = readable(arena, step, activations, "mse")
    before = {j: (arena.omega[j].copy(), arena.beta[j].copy()) for j in arena.omega}
    assert step.descend(0.3) == pytest.approx(book["cost"], rel=1e-13)
    for j, (omega, beta) in before.items():
        np.testing.assert_allclose(arena.omega[j], omega - 0.3 * book[f"grad_omega[{j}]"], rtol=0, atol=1e-13)
        np.testing.assert_allclose(arena.beta[j], beta - 0.3 * book[f"grad_beta[{j}]"], rtol=0, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_kinks_are_decided_as_in_the_readable_rules(activation):
    arena, step = filled((2, 3, 2), {1: activation, 2: activation}, "mse", 2, "float64", np.random.default_rng(0))
    arena.beta[1][:] = arena.beta[2][:] = 0.0
    step.x[:, :-1] = 0.0
    check_against_the_rules(arena, step, {1: activation, 2: activation}, "mse", "float64")


def peak_of(work):
    """The bytes that a run allocates at once: the smallest of three, as others in the process may allocate, too."""
    work()
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(3):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            work()
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return min(peaks)


def test_what_is_allocated_for_each_run_counts():
    assert peak_of(lambda: np.empty(40_000)) >= 320_000


@pytest.mark.parametrize("cost", in_place.COSTS)
@pytest.mark.parametrize("activation", in_place.ACTIVATIONS)
def test_a_step_allocates_nothing(activation, cost):
    M = 4000  # a reduction of NumPy 2.2 takes up to 64 kB: little beside a quantity of this size
    _, step = filled((20, 30, 10), {1: activation, 2: activation}, cost, M, "float64", np.random.default_rng(0))
    smallest = 10 * M * 8  # the bytes of the smallest quantity of a batch
    assert peak_of(step.cost_and_gradient) < smallest / 2


def test_a_quantity_that_is_allocated_would_be_seen():
    assert peak_of(lambda: np.ones((10, 100))) >= 10 * 100 * 8


@pytest.mark.parametrize("batch", [slice(None), np.arange(100)])
def test_an_update_of_fit_allocates_nothing(batch):
    rng = np.random.default_rng(0)
    mlp = tg.nn.MLP([20, 30, 10], rng=0)
    road = ROADS["rules"](mlp, rng.standard_normal((200, 20)), rng.standard_normal((200, 10)), "mse")
    assert peak_of(lambda: road.compute(batch, 0.1)) < 4000


def test_all_samples_are_all_samples_also_after_a_batch_of_as_many():
    rng = np.random.default_rng(0)
    mlp, x, rho = tg.nn.MLP([2, 1], rng=0), rng.standard_normal((4, 2)), rng.standard_normal((4, 1))
    road = ROADS["rules"](mlp, x, rho, "mse")
    first = road.compute(slice(None), 1.0)
    assert road.compute(np.zeros(4, int), 1.0) != first
    assert road.compute(slice(None), 1.0) == first


def test_the_arena_is_one_vector_in_the_order_of_the_layers():
    arena = Arena([2, 3, 1], np.float32)
    arena.theta[:] = np.arange(13)
    np.testing.assert_array_equal(arena.omega[1], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(arena.beta[1], [6, 7, 8])
    np.testing.assert_array_equal(arena.omega[2], [[9], [10], [11]])
    np.testing.assert_array_equal(arena.beta[2], [12])
    assert [p.shape for p in arena.parameters] == [(2, 3), (3,), (3, 1), (1,)]
    for array in (*arena.parameters, *arena.gradients):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert np.shares_memory(array, arena.theta) or np.shares_memory(array, arena.gradient)
