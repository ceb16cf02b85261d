"""The derivation: its steps are those of the lecture, its numbers those of the graph."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from derive_networks import given_network
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.lecture import derive

NAMES = [
    "forward", "dphi",
    "h", "h_by_a", "h_by_w", "h_by_b",
    "f_by_a", "f_by_w", "f_by_b_k", "f_by_b",
    "C_by_a", "product", "P", "with_P",
    "effective_P", "effective_grad_omega", "effective_grad_beta",
    "B", "rule_P", "rule_grad_omega", "rule_grad_beta",
    "backpropagation", "gradient_computation", "update",
]  # fmt: skip
PARTS = [
    "The network and the sample",
    "One neuron",
    "One layer",
    "The whole network",
    "The effective computations",
    "The backpropagation rules",
    "The algorithms",
]


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    activation, output = [draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in range(2)]
    seed, dtype = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([np.float32, np.float64]))
    j = draw(st.integers(1, len(sizes) - 1))
    problem = given_network(sizes, activation, output, draw(st.sampled_from(sorted(COSTS))), seed, dtype)
    return *problem, j, draw(st.integers(0, sizes[j] - 1))


# The steps


def test_the_steps_are_those_of_the_lecture_in_its_order(small):
    assert [step.name for step in small] == NAMES
    assert [part for part, _ in small.parts] == PARTS
    assert [number for _, steps in small.parts for number, _ in steps][:7] == [
        "1.1",
        "1.2",
        "2.1",
        "2.2",
        "2.3",
        "2.4",
        "3.1",
    ]
    assert small["P"] is small[NAMES.index("P")]
    assert small.holds
    assert small.first_failure is None
    assert all(step.check.difference <= step.check.allowed for step in small)


@settings(max_examples=30, deadline=None)
@given(networks())
def test_every_number_is_that_of_the_graph(problem):
    mlp, x, rho, cost, j, k = problem
    derivation = derive(mlp, x, rho, cost, j=j, k=k)
    assert derivation.holds, derivation.first_failure.check
    twin = tg.nn.MLP(mlp.sizes, mlp.layers[0].activation, mlp.layers[-1].activation)
    for layer, old in zip(twin.layers, mlp.layers, strict=True):
        layer.weights.value, layer.bias.value = old.weights.value.astype(float), old.bias.value.astype(float)
    book = tg.ledger(twin, x.astype(mlp.dtype), np.asarray(rho, mlp.dtype), cost, road="graph")
    compared = 0
    for step in derivation:
        if step.name == "update":
            continue
        for name, found in step.numbers.items():
            if name in book:
                np.testing.assert_allclose(
                    np.ravel(found), np.ravel(book[name]), rtol=1e-8, atol=1e-10, err_msg=f"{step.name}: {name}"
                )
                compared += 1
    L = len(mlp.layers)
    assert compared == 15 * L + 6
    for i, layer in enumerate(twin.layers, start=1):
        new = layer.weights.value - 0.1 * book[f"grad_omega[{i}]"]
        np.testing.assert_allclose(derivation["update"].numbers[f"omega[{i}]"], new, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("cost", sorted(COSTS))
def test_it_holds_for_every_activation_and_cost(activation, cost):
    derivation = derive(*given_network([3, 4, 3], activation, activation, cost, seed=5), j=2, k=2)
    assert derivation.holds, derivation.first_failure.check
    assert len(derivation) == len(NAMES)


def test_the_products_are_what_autograd_finds():
    mlp, x, rho, _ = given_network([3, 4, 3, 2])
    parameters = [p.value for p in mlp.parameters()]

    def error(parameters):
        a = x
        for i in range(0, 6, 2):
            z = anp.dot(a, parameters[i]) + parameters[i + 1]
            a = anp.tanh(z) if i < 4 else z
        return anp.sum((a - rho) ** 2) / 2

    gradients = autograd.grad(error)([*parameters])
    numbers = derive(mlp, x, rho)["product"].numbers
    for j in (1, 2, 3):
        np.testing.assert_allclose(numbers[f"E_by_w[{j}]"].T, gradients[2 * j - 2], rtol=1e-10)
        np.testing.assert_allclose(numbers[f"E_by_b[{j}]"][0], gradients[2 * j - 1], rtol=1e-10)


def test_the_jacobians_of_a_layer_have_the_zeros_of_the_slides():
    mlp, x, rho, _ = given_network([3, 4, 2], "sigmoid")
    derivation = derive(mlp, x, rho, j=1, k=2)
    slope = derivation["dphi"].numbers["dphi[1]"]
    by_w = derivation["f_by_w"].numbers["f_by_w[1,2]"]
    np.testing.assert_array_equal(by_w[[0, 1, 3]], 0)
    np.testing.assert_allclose(by_w[2], slope[2] * x)
    np.testing.assert_array_equal(derivation["f_by_b_k"].numbers["f_by_b[1,2]"].ravel(), [0, 0, slope[2], 0])
    np.testing.assert_array_equal(derivation["f_by_b"].numbers["f_by_b[1]"], np.diag(slope))
    np.testing.assert_allclose(
        derivation["f_by_a"].numbers["f_by_a[1]"], slope[:, np.newaxis] * mlp.layers[0].weights.value.T
    )
    assert derivation["f_by_a"].shapes == {"f_by_a[1]": (4, 3), "f_by_a[2]": (2, 4)}
    assert derivation["product"].shapes["product[0]"] == (2, 3)
    assert derivation["h"].shapes["zeta[1,2]"] == ()


def test_the_update_says_what_the_error_becomes():
    mlp, x, rho, _ = given_network([2, 3, 2])
    step = derive(mlp, x, rho, learning_rate=0.05)["update"]
    for i, layer in enumerate(mlp.layers, start=1):
        layer.weights.value, layer.bias.value = step.numbers[f"omega[{i}]"], step.numbers[f"beta[{i}]"]
    assert step.numbers["cost"] == pytest.approx(tg.nn.costs.mse(mlp.predict(x), rho), rel=1e-12)


def test_a_large_network_is_derived_whole_and_printed_short():
    mlp = tg.nn.MLP([100, 60, 40, 30, 20, 20, 10], "relu", rng=0)
    derivation = derive(mlp, np.random.default_rng(0).normal(size=100), 3, "cross_entropy", j=3, k=17)
    assert derivation.holds
    assert derivation["with_P"].shapes["grad_omega[1]"] == (100, 60)
    text = str(derivation)
    assert "Printed are the layers 1, 3, 6." in text
    assert len(text.splitlines()) < 700
    assert max(map(len, text.splitlines())) < 130
    assert len(derivation.to_html()) < 300_000
    by_w = derivation["f_by_w"]
    nonzero = by_w.numbers["f_by_w[3,17]"][17]
    shown = by_w.equations[0].unicode.split("; ")
    assert shown[4] == ", ".join(
        [tg.notation.letters.number(x).unicode for x in nonzero[:3]]
        + ["⋯", tg.notation.letters.number(nonzero[-1]).unicode]
    )


# What is refused


@pytest.mark.parametrize(
    ("arguments", "named", "kind", "message"),
    [
        (
            ([[1.0, 2.0]] * 3, [[0.0]] * 3),
            {},
            tg.ShapeError,
            r"for one sample, as on the slides, but x holds 3 of them",
        ),
        (([1.0, 2.0], [0.0]), {"j": 3}, tg.InvalidValue, "j=3: the network has 2 layers, counted from 1"),
        (([1.0, 2.0], [0.0]), {"j": 0}, tg.InvalidValue, "j must be a layer, counted from 1"),
        (([1.0, 2.0], [0.0]), {"j": 1.0}, tg.InvalidType, "j must be a layer"),
        (([1.0, 2.0], [0.0]), {"k": 3}, tg.InvalidValue, "k=3: layer 1 has 3 neurons, counted from 0"),
        (([1.0, 2.0], [0.0]), {"k": -1}, tg.InvalidValue, "k must be a neuron, counted from 0"),
        (([1.0, 2.0], [0.0]), {"learning_rate": 0}, tg.InvalidValue, "learning_rate must be a positive number"),
        (([1.0, 2.0], [0.0]), {"learning_rate": "1"}, tg.InvalidType, "learning_rate must be a positive number"),
        (([1.0, 2.0], [0.0]), {"cost": "msee"}, tg.InvalidValue, "Did you mean 'mse'"),
        (([1.0], [0.0]), {}, tg.ShapeError, "layer 1 has weights W1"),
        (([1.0, np.nan], [0.0]), {}, tg.InvalidValue, "x holds nan"),
    ],
)
def test_what_cannot_be_derived_is_refused_with_a_lesson(arguments, named, kind, message):
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    for entrance in (tg.lecture.derive, lambda *a, **n: tg.lecture.contribution(*a, **{"j": 1, "k": 0, **n})):
        with pytest.raises(kind, match=message) as problem:
            entrance(mlp, *arguments, **named)
        assert isinstance(problem.value, tg.Error)
        assert isinstance(problem.value, ValueError | TypeError)


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match=r"the first argument is a network, a tg\.nn\.MLP, not 5"):
        derive(5, [1.0], [1.0])


def test_one_sample_may_be_a_batch_of_one_and_the_network_stays_as_it_is():
    mlp, x, rho, _ = given_network([2, 3, 2])
    before = [p.value.copy() for p in mlp.parameters()]
    one, batch = derive(mlp, x, rho), derive(mlp, x[None], rho[None])
    assert str(one) == str(batch)
    for p, value in zip(mlp.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, value)
