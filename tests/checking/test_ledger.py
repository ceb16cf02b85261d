# ruff: noqa: N806
# (the names are the slides' letters, capitals included)
"""The ledger: the quantities of each road, in the order of the slides, and that all roads agree."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from road_problems import ALL, EXACT, names_of, network, problems

import tinygrad_ed as tg
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.nn import MLP, costs

# the ledger


def test_gradients_that_vanish_are_said():
    for sizes, vanish in (([2] * 10, True), ([2, 2, 2], False)):
        mlp = MLP(sizes, "sigmoid", rng=0)
        assert ("gradients vanish: B[1] has " in str(tg.ledger(mlp, [0.5, -1.0], [1.0, 0.0]))) == vanish


@pytest.mark.parametrize("road", EXACT)
def test_the_quantities_of_two_layers_are_written_out_in_the_order_of_the_slides(road):
    assert list(tg.ledger(network([2, 3, 1]), [1.0, 2.0], [1.0], road=road)) == [
        "alpha[0]", "zeta[1]", "alpha[1]", "zeta[2]", "alpha[2]", "cost", "P[3]", "B[2]", "P[2]", "B[1]", "P[1]",
        "grad_omega[2]", "grad_beta[2]", "grad_omega[1]", "grad_beta[1]",
    ]  # fmt: skip


@pytest.mark.parametrize("L", [1, 2, 3])
@pytest.mark.parametrize("road", ALL)
def test_every_road_gives_the_contracts_quantities_in_order(L, road):
    book = tg.ledger(network([2, 3, 4, 1][: L + 1]), [1.0, 2.0], np.ones([3, 4, 1][L - 1]), road=road)
    names = names_of(L)
    if road == "numeric":
        names = [name for name in names if name == "cost" or name.startswith("grad")]
    assert list(book) == names
    assert type(book["cost"]) is float


@pytest.mark.parametrize("x_shape", [(2,), (1, 2), (5, 2)])
@pytest.mark.parametrize("road", ALL)
def test_shapes_have_the_batch_axis_first_also_for_one_sample(road, x_shape):
    M, n = (x_shape[0] if len(x_shape) == 2 else 1), [2, 3, 4]
    book = tg.ledger(network(n), np.ones(x_shape), np.ones((*x_shape[:-1], 4)), road=road)
    for name, value in book.items():
        if name == "cost":
            assert np.shape(value) == ()
            continue
        letter, j = name.rstrip("]").split("[")
        at, below = [*n, 4][int(j)], n[int(j) - 1]  # (P[L+1] has the width of the output: `below` is right there too)
        shapes = {"P": (M, below), "grad_omega": (below, at), "grad_beta": (at,)}
        assert np.shape(value) == shapes.get(letter, (M, at)), name


def test_a_worked_example_by_hand():
    mlp = MLP([1, 1, 1], "identity")
    (W1, b1, W2, b2), x, rho = mlp.parameters(), [[1.0], [2.0]], [[0.0], [10.0]]
    W1.value, b1.value, W2.value, b2.value = [[2.0]], [1.0], [[3.0]], [-1.0]
    want = {
        "alpha[0]": [[1], [2]],
        "zeta[1]": [[3], [5]],
        "alpha[1]": [[3], [5]],
        "zeta[2]": [[8], [14]],
        "alpha[2]": [[8], [14]],
        "cost": (8**2 / 2 + 4**2 / 2) / 2,
        "P[3]": [[4], [2]],
        "B[2]": [[4], [2]],
        "P[2]": [[12], [6]],
        "B[1]": [[12], [6]],
        "P[1]": [[24], [12]],
        "grad_omega[2]": [[22]],
        "grad_beta[2]": [6],
        "grad_omega[1]": [[24]],
        "grad_beta[1]": [18],
    }
    for road in ALL:
        for name, value in tg.ledger(mlp, x, rho, road=road).items():
            np.testing.assert_allclose(value, want[name], rtol=1e-8, err_msg=f"{road} {name}")


@pytest.mark.parametrize("road", ALL)
def test_a_ledger_is_the_callers_own(road):
    mlp, x = network([2, 3, 2], "identity"), np.ones((2, 2))
    before = [p.value.copy() for p in mlp.parameters()]
    book = tg.ledger(mlp, x, np.zeros((2, 2)), road=road)
    arrays = {name: value for name, value in book.items() if name != "cost"}
    for a, b in itertools.combinations(arrays, 2):
        assert not np.shares_memory(arrays[a], arrays[b]), (a, b)
    for value in arrays.values():
        value[...] = 99.0
    assert (x == 1).all()
    for p, old in zip(mlp.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, old)


@pytest.mark.parametrize("road", ALL)
def test_a_ledger_of_a_float32_network_is_float32(road):
    book = tg.ledger(network([2, 3, 2], dtype=np.float32), np.ones((2, 2)), np.zeros((2, 2)), road=road)
    dtypes = {value.dtype for name, value in book.items() if name != "cost"}
    assert dtypes == {np.dtype(float if road == "numeric" else np.float32)}


@pytest.mark.parametrize("recording", [True, False])
def test_nothing_changes_the_network_and_no_grad_around_it_does_not_matter(recording):
    mlp, x, rho = network([2, 3, 2], "softplus"), np.ones((4, 2)), np.zeros((4, 2))
    costs.mse(mlp(x), rho).backward()

    def state():
        return [(p.id, p.name, p.value.tolist(), p.grad.tolist(), p.value.dtype) for p in mlp.parameters()]

    before, books = state(), {}
    with tg.no_grad() if not recording else tg.graph.grad_mode.recording(True):
        for road in ALL:
            books[road] = tg.ledger(mlp, x, rho, road=road)
        check = tg.crosscheck(mlp, x, rho, rules={"P": lambda *a: 0 * RULES["P"](*a)})
    assert state() == before
    assert (x == 1).all()
    assert (rho == 0).all()
    assert not check.agree
    np.testing.assert_array_equal(books["graph"]["grad_omega[1]"], mlp.layers[0].weights.grad)


@pytest.mark.parametrize(("road", "module"), [("rules", "rules"), ("jacobians", "jacobians")])
def test_a_road_is_computed_by_its_own_module_and_the_others_do_without_it(road, module, monkeypatch):
    def closed(*_):
        raise LookupError(module)

    monkeypatch.setattr(getattr(tg.closed_form, module), "quantities", closed)
    for other in ALL:
        if other == road:
            with pytest.raises(LookupError, match=module):
                tg.ledger(network([2, 1]), [1.0, 2.0], [1.0], road=other)
        else:
            tg.ledger(network([2, 1]), [1.0, 2.0], [1.0], road=other)


# all roads agree


def test_inputs_far_below_the_bias_accuse_nobody_in_float32():
    rng = np.random.default_rng(0)
    for seed in range(100):  # 1e-12 and 1e-10: the sum with the bias is what rounds
        mlp = network([2, 3], "sigmoid", seed, np.float32)
        mlp.layers[0].bias.value = mlp.layers[0].bias.value * np.float32(1e-10)
        check = tg.crosscheck(mlp, 1e-12 * rng.normal(size=(5, 2)), rng.normal(size=(5, 3)))
        assert check.agree, str(check)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(problem=problems())
def test_three_roads_agree_to_ten_digits_on_every_quantity_of_random_networks(problem):
    graph, rules, jacobians = [tg.ledger(*problem, road=road) for road in EXACT]
    assert list(graph) == list(rules) == list(jacobians)
    for name in graph:
        assert np.shape(graph[name]) == np.shape(rules[name]) == np.shape(jacobians[name])
        for other in (rules, jacobians):
            np.testing.assert_allclose(other[name], graph[name], rtol=1e-10, atol=1e-10, err_msg=name)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems())
def test_all_four_roads_agree_on_random_networks_and_numeric_is_near(problem):
    check = tg.crosscheck(*problem)
    assert check.agree, str(check)
    assert check.first_divergence is None
    assert check.roads == ALL
    for row in check.rows:
        assert row.agree
        if "numeric" in row.values:
            judge = np.asarray(row.values["numeric"])
            seen = ~np.isnan(judge)
            np.testing.assert_allclose(judge[seen], np.asarray(row.values["graph"])[seen], rtol=1e-4, atol=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems(np.float32))
def test_all_roads_agree_on_float32_networks(problem):
    check = tg.crosscheck(*problem)
    assert check.agree, str(check)
    for row in check.rows:
        for road in EXACT:
            np.testing.assert_allclose(row.values[road], row.values["graph"], rtol=1e-3, atol=1e-3)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems(), name=st.sampled_from(sorted(RULES)))
def test_a_rule_that_is_off_by_a_thousandth_is_always_found(problem, name):
    sizes = []

    def wrong(*args):
        right = RULES[name](*args)
        sizes.append(float(np.max(np.abs(right))))
        return 1.001 * right

    check = tg.crosscheck(*problem, rules={name: wrong})
    found = check.first_divergence
    if sizes and max(sizes) > 1e-9:
        assert not check.agree  # here, or on other data
    if found is not None:
        letter = name.split("_")[0] if name.startswith("B") else name
        assert found.quantity.startswith(f"{letter}[")
        assert found.roads == ("rules",)


@pytest.mark.parametrize("road", [*ALL, "tape"])
@pytest.mark.parametrize("M", [1, 6])
def test_class_numbers_give_the_ledger_of_their_rows(road, M, monkeypatch):
    """No road makes rows of them: each computes the cost from one entry of each sample."""
    rng = np.random.default_rng(0)
    mlp, x, classes = tg.nn.MLP([3, 4, 5], rng=1), rng.standard_normal((M, 3)), rng.integers(0, 5, M)
    with monkeypatch.context() as patch:
        patch.setattr(costs, "one_hot", None)
        book = tg.ledger(mlp, x, classes, "cross_entropy", road)
    of_rows = tg.ledger(mlp, x, np.eye(5)[classes], "cross_entropy", road)
    assert list(book) == list(of_rows)
    for name, value in of_rows.items():
        np.testing.assert_allclose(book[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
    assert tg.crosscheck(mlp, x, classes, "cross_entropy").agree
