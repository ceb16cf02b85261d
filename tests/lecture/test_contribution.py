import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.closed_form import rules
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.lecture import contribution
from tinygrad_ed.lecture.paths import paths_of


def given_network(sizes, activation="tanh", output="identity", cost="mse", seed=0):
    """A network with random biases, a sample and its expected output."""
    rng = np.random.default_rng(seed)
    mlp = tg.nn.MLP(sizes, activation=activation, output=output, rng=seed)
    for layer in mlp.layers:
        layer.bias.value = rng.normal(size=layer.n_out)
    n = sizes[-1]
    rho = rng.dirichlet(np.ones(n)) if cost == "cross_entropy" else rng.choice([-1.0, 1.0], size=n)
    rho = np.maximum(rho, 0.0) if cost == "bce" else rho
    return mlp, rng.normal(size=sizes[0]), rho, cost


@st.composite
def neurons(draw):
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    activation, output = [draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in range(2)]
    problem = given_network(
        sizes, activation, output, draw(st.sampled_from(sorted(COSTS))), draw(st.integers(0, 2**32 - 1))
    )
    j = draw(st.integers(1, len(sizes) - 1))
    return *problem, j, draw(st.integers(0, sizes[j] - 1))


def all_products(omega, dphi, slopes, j, k):
    """Every path from neuron k of layer j, as one writes them down: the product by its neurons."""
    L = max(omega)
    found = {}
    for ends in itertools.product(*[range(len(dphi[i])) for i in range(j + 1, L + 1)]):
        product, at = 1.0, k
        for i, q in zip(range(j + 1, L + 1), ends, strict=True):
            product *= omega[i][at, q] * dphi[i][q]
            at = q
        found[tuple(zip(range(j + 1, L + 1), ends, strict=True))] = product * slopes[at]
    return found


@settings(max_examples=40, deadline=None)
@given(neurons())
def test_it_is_what_the_graph_finds_for_this_neuron(problem):
    mlp, x, rho, cost, j, k = problem
    found, book = contribution(mlp, x, rho, j, k, cost), tg.ledger(mlp, x, rho, cost, road="graph")
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(found.grad_omega, book[f"grad_omega[{j}]"][:, k], **close)
    np.testing.assert_allclose(found.grad_beta, book[f"grad_beta[{j}]"][k], **close)
    np.testing.assert_allclose(found.B, book[f"B[{j}]"][0, k], **close)
    np.testing.assert_allclose(found.P, book[f"P[{j + 1}]"][0, k], **close)
    np.testing.assert_allclose(
        (found.zeta, found.alpha), (book[f"zeta[{j}]"][0, k], book[f"alpha[{j}]"][0, k]), **close
    )
    assert found.error == pytest.approx(book["cost"])
    assert found.check.holds, found.check
    np.testing.assert_allclose(found.paths.total, book[f"P[{j + 1}]"][0, k], **close)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_the_paths_are_those_that_a_list_of_all_of_them_shows(widths, seed, most):
    rng = np.random.default_rng(seed)
    omega = {i: rng.normal(size=pair).round(1) for i, pair in enumerate(itertools.pairwise([2, *widths]), start=1)}
    dphi = {i: rng.choice([0.0, 0.5, 1.0], size=w.shape[1]) for i, w in omega.items()}
    slopes = rng.normal(size=widths[-1]).round(1)
    j = int(rng.integers(1, len(widths) + 1))
    k = int(rng.integers(len(dphi[j])))
    found, products = paths_of(omega, dphi, slopes, j, k, most), all_products(omega, dphi, slopes, j, k)
    values = np.array(list(products.values()))
    assert found.count == len(products)
    assert found.alive == np.count_nonzero(values)
    assert found.raising == pytest.approx(values[values > 0].sum())
    assert found.lowering == pytest.approx(values[values < 0].sum())
    assert len(found.heaviest) == min(most, len(products))
    assert len({path.neurons for path in found.heaviest}) == len(found.heaviest)
    for path in found.heaviest:
        assert path.product == pytest.approx(products[path.neurons], abs=1e-15)
    heaviest = [abs(path.product) for path in found.heaviest]
    np.testing.assert_allclose(heaviest, sorted(np.abs(values), reverse=True)[:most], rtol=1e-12, atol=1e-15)


def test_more_paths_than_atoms_are_counted_added_up_and_their_heaviest_found():
    sizes = [10, *[64] * 50, 5]
    mlp, x, rho, cost = given_network(sizes, "tanh")
    found = contribution(mlp, x, rho, 1, 7, cost)
    assert found.paths.count == 64**49 * 5
    assert found.paths.alive == found.paths.count
    assert found.check.holds
    best = None
    book = tg.ledger(mlp, x, rho, cost)
    for j in range(len(sizes) - 1, 1, -1):  # the heaviest path by the largest suffix of each neuron
        best = np.abs(book[f"P[{len(sizes)}]"][0]) if best is None else best
        slope = ACTIVATIONS[mlp.layers[j - 1].activation].dphi(book[f"zeta[{j}]"])[0]
        best = np.max(np.abs(mlp.layers[j - 1].weights.value) * np.abs(slope) * best, axis=1)
    assert abs(found.paths.heaviest[0].product) == pytest.approx(best[7], rel=1e-12)
    assert f"{64**49 * 5:,} paths to the cost; the 6 heaviest:" in str(found)


def test_a_path_names_its_neurons_and_its_factors():
    mlp, x, rho, _ = given_network([2, 3, 2, 1], "sigmoid")
    book = tg.ledger(mlp, x, rho)
    found = contribution(mlp, x, rho, 1, 2)
    slopes = {j: ACTIVATIONS["sigmoid" if j < 3 else "identity"].dphi(book[f"zeta[{j}]"][0]) for j in (2, 3)}
    for path in found.paths.heaviest:
        (two, q), (three, r) = path.neurons
        assert (two, three, r) == (2, 3, 0)
        weights = mlp.layers[1].weights.value[2, q], mlp.layers[2].weights.value[q, 0]
        expected = [weights[0], slopes[2][q], weights[1], slopes[3][0], book["P[4]"][0, 0]]
        np.testing.assert_allclose(path.factors, expected)
        assert path.product == math.prod(path.factors)
    assert contribution(mlp, x, rho, 3, 0).paths.heaviest[0] == ((), (found.paths.heaviest[0].factors[-1],))


# The step on this neuron alone


@pytest.mark.parametrize("cost", sorted(COSTS))
@pytest.mark.parametrize("j", [1, 2])
def test_the_measured_step_is_what_the_changed_network_does(cost, j):
    mlp, x, rho, _ = given_network([3, 4, 2], "softplus", cost=cost, seed=2)
    found = contribution(mlp, x, rho, j, 1, cost, learning_rate=0.03)
    gradient = np.append(found.grad_omega, found.grad_beta)
    assert found.predicted == pytest.approx(-0.03 * gradient @ gradient)
    before = tg.nn.costs.find(cost)(mlp.predict(x), rho)
    weights, bias = mlp.layers[j - 1].weights.value.copy(), mlp.layers[j - 1].bias.value.copy()
    weights[:, 1] -= 0.03 * found.grad_omega
    bias[1] -= 0.03 * found.grad_beta
    mlp.layers[j - 1].weights.value, mlp.layers[j - 1].bias.value = weights, bias
    assert found.measured == pytest.approx(tg.nn.costs.find(cost)(mlp.predict(x), rho) - before, abs=1e-14)


def test_the_smaller_the_step_the_better_is_the_first_order():
    problem = given_network([3, 4, 3, 2], "tanh", "sigmoid", seed=1)
    gaps = []
    for eta in (1.0, 0.1, 0.01, 0.001):
        found = contribution(*problem[:3], 2, 0, learning_rate=eta)
        assert found.predicted < 0
        gaps.append(abs(found.measured / found.predicted - 1))
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3]
    assert gaps[3] < 2e-3
    assert gaps[1] / gaps[2] == pytest.approx(10, rel=0.1)


def test_the_gradients_are_the_slopes_of_the_error():
    mlp, x, rho, _ = given_network([2, 3, 2], "silu", seed=3)
    found, h = contribution(mlp, x, rho, 1, 2), 1e-6
    original = mlp.layers[0].bias.value.copy()
    errors = []
    for sign in (1, -1):
        moved = original.copy()
        moved[2] += sign * h
        mlp.layers[0].bias.value = moved
        errors.append(tg.nn.costs.mse(mlp.predict(x), rho))
    assert found.grad_beta == pytest.approx((errors[0] - errors[1]) / (2 * h), rel=1e-6)


# In words


def test_it_says_in_words_what_it_found():
    mlp, x, rho, _ = given_network([2, 3, 2], seed=4)
    found = contribution(mlp, x, rho, 1, 1)
    text, number = str(found), tg.notation.letters.number
    lines = text.splitlines()
    assert lines[0] == "What the neuron v¹₂ contributes to the error"
    assert f"The error is ε = {number(found.error)}." in " ".join(lines)
    verb = "rises" if found.B > 0 else "falls"
    assert f"so when its net input rises a little, the error {verb} {number(abs(found.B))} times as far" in text
    for i in range(2):
        row = next(line for line in lines if line.startswith(f"  ω¹{'₁₂'[i]},₂"))
        assert row.endswith(f"B · α⁰{'₁₂'[i]} = {number(found.grad_omega[i])}")
    assert f"B = {number(found.grad_beta)}" in text
    assert "2 paths to the cost; all of them:" in text
    for path in found.paths.heaviest:
        q = "₁₂"[path.neurons[0][1]]
        row = next(line for line in lines if line.startswith(f"  v¹₂ → v²{q} → ε"))
        assert row.endswith(f" = {number(path.product)}")
    assert f"= {number(found.predicted)};" in text
    assert f"that is by {number(found.measured)}" in text
    assert f"{100 * found.measured / found.predicted:.1f} % of that." in text
    assert "✓ Compared: the sum of all paths with P of the rules" in text
    assert max(map(len, lines)) <= 112
    assert repr(found).startswith(f"<what neuron 1 of layer 1 contributes: B = {number(found.B)}, 2 paths;")


def test_a_neuron_that_is_off_is_said_to_move_nothing():
    mlp, x, rho, _ = given_network([2, 3, 2], "relu")
    mlp.layers[0].bias.value = [-100.0, 1.0, 1.0]
    found = contribution(mlp, x, rho, 1, 0)
    text = str(found)
    assert found.B == found.predicted == found.measured == 0
    assert found.P != 0
    assert "so when its net input rises a little, the error does not move" in text
    assert "% of that" not in text


def test_paths_through_neurons_that_are_off_are_blocked():
    mlp, x, rho, _ = given_network([2, 2, 3, 2], "relu")
    mlp.layers[1].bias.value = [-100.0, 100.0, 100.0]
    found = contribution(mlp, x, rho, 1, 0)
    assert (found.paths.count, found.paths.alive) == (6, 4)
    assert "6 paths to the cost (2 of them blocked by a zero); all of them:" in str(found)


def test_of_many_weights_those_with_the_largest_gradients_are_printed():
    mlp, x, rho, _ = given_network([30, 3, 1])
    found = contribution(mlp, x, rho, 1, 0)
    rows = [line for line in str(found).splitlines() if line.startswith("  ω¹")]
    assert len(rows) == 8
    largest = 1 + int(np.argmax(np.abs(found.grad_omega)))
    assert rows[0].startswith("  " + tg.notation.letters.letter("omega_k", 1, f"{largest},1").unicode)
    assert "22 more" in str(found)


def test_a_kink_is_said():
    found = contribution(tg.nn.MLP([2, 2, 1], "relu", rng=0), [0.0, 0.0], [1.0], 1, 1)
    assert "lies on the kink of relu" in str(found)


def test_the_check_of_the_paths_can_fail(monkeypatch):
    monkeypatch.setitem(rules.RULES, "B_last", lambda *args: 2 * rules.B_last(*args))
    found = contribution(*given_network([2, 3, 2])[:3], 1, 0)
    assert not found.check.holds
    assert "✗ Compared: the sum of all paths with P of the rules" in str(found)


def test_the_network_stays_as_it_is():
    mlp, x, rho, _ = given_network([2, 3, 2])
    before = [p.value.copy() for p in mlp.parameters()]
    found = contribution(mlp, x, rho, 1, 0, learning_rate=10.0)
    assert found.measured != 0
    for p, value in zip(mlp.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, value)
