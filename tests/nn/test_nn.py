import math
import re

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.nn import MLP, Dense, activations, costs, init

ACTIVATIONS = ["elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh"]
COSTS = ["cross_entropy", "hinge", "huber", "l1", "logistic", "margin", "mse"]
DTYPES = [np.float32, np.float64]
H = 1e-6


def sigma(z):
    return 1 / (1 + math.exp(-z))


PHI = {  # the definitions, in plain Python
    "identity": lambda z: z,
    "sigmoid": sigma,
    "tanh": lambda z: (math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)),
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "elu": lambda z: z if z > 0 else math.exp(z) - 1,
    "silu": lambda z: z * sigma(z),
    "gelu": lambda z: z / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
}


def softmax(row):
    total = sum(math.exp(v) for v in row)
    return [math.exp(v) / total for v in row]


C_OF_NEURON = {  # of y_hat and y
    "mse": lambda y_hat, y: 0.5 * (y - y_hat) ** 2,
    "l1": lambda y_hat, y: abs(y - y_hat),
    "huber": lambda y_hat, y: (y - y_hat) ** 2 / 2 if abs(y - y_hat) <= 1 else abs(y - y_hat) - 0.5,
    "logistic": lambda y_hat, y: math.log(1 + math.exp(-y * y_hat)),
    "hinge": lambda y_hat, y: max(0.0, 1 - y * y_hat),
    "margin": lambda y_hat, y: max(0.0, y - y_hat),
}


def plain_cost(name, output, expected):
    """The mean over the samples of the sum over the neurons, in plain Python."""
    total = 0.0
    for y_hats, ys in zip(output, expected, strict=True):
        if name == "cross_entropy":
            total += -sum(y * math.log(p) for p, y in zip(softmax(y_hats), ys, strict=True))
        else:
            total += sum(C_OF_NEURON[name](y_hat, y) for y_hat, y in zip(y_hats, ys, strict=True))
    return total / len(output)


def problem(name, M=4, n=3, seed=0):
    """Outputs and expected values that suit the cost, far from all kinks."""
    rng = np.random.default_rng(seed)
    output = rng.normal(size=(M, n)) * 2
    if name in ("logistic", "hinge"):
        rho = rng.choice([-1.0, 1.0], size=(M, n))
    elif name == "cross_entropy":
        rho = rng.dirichlet(np.ones(n), size=M)
    else:
        rho = output + rng.choice([-1.0, 1.0], size=(M, n)) * rng.choice([0.3, 0.6, 1.7], size=(M, n))
    return output, rho


# activations


def test_the_names_are_those_of_the_contract():
    assert sorted(activations.NAMES) == ACTIVATIONS
    assert sorted(costs.NAMES) == COSTS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_its_definition(name):
    phi, z = activations.find(name), np.array([-6.0, -2.5, -1.0, -0.1, 0.1, 0.7, 1.0, 3.0, 6.0])
    expected = [PHI[name](float(v)) for v in z]
    np.testing.assert_allclose(phi(z), expected, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(phi(tg.Node(z)).value, expected, rtol=1e-13, atol=1e-16)
    for v, want in zip(z, expected, strict=True):
        assert phi(tg.Node(float(v))).value == pytest.approx(want, rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_of_an_activation_is_the_slope_of_its_definition(name):
    for v in (-4.0, -1.3, -0.2, 0.2, 1.3, 4.0):
        slope = (PHI[name](v + H) - PHI[name](v - H)) / (2 * H)
        assert tg.grad(activations.find(name))(v) == pytest.approx(slope, rel=1e-7, abs=1e-9)
        assert tg.elementwise_grad(activations.find(name))(np.array([v]))[0] == pytest.approx(slope, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_passes_the_check_to_second_order(name):
    tg.check_grads(activations.find(name), np.array([[-2.0, -0.4], [0.4, 2.0]]), order=2)
    tg.check_grads(activations.find(name), 0.7, order=2)


KINKS = {"relu": 0.0, "leaky_relu": 0.01, "elu": 1.0, "gelu": 0.5, "silu": 0.5, "identity": 1.0}


@pytest.mark.parametrize(("name", "slope"), KINKS.items())
def test_the_slope_at_zero(name, slope):
    for zero in (0.0, -0.0):
        assert tg.grad(activations.find(name))(zero) == slope
        assert tg.elementwise_grad(activations.find(name))(np.array([zero]))[0] == slope


FAR = {  # value and slope at -1e4 and at 1e4
    "identity": (-1e4, 1, 1e4, 1),
    "sigmoid": (0, 0, 1, 0),
    "tanh": (-1, 0, 1, 0),
    "relu": (0, 0, 1e4, 1),
    "leaky_relu": (-100, 0.01, 1e4, 1),
    "softplus": (0, 0, 1e4, 1),
    "elu": (-1, 0, 1e4, 1),
    "silu": (0, 0, 1e4, 1),
    "gelu": (0, 0, 1e4, 1),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_far_from_zero_value_and_gradient_are_exact_and_no_warning_is_given(name, dtype):
    phi, (low, slope_low, high, slope_high) = activations.find(name), FAR[name]
    z = tg.Node(np.array([-1e4, 1e4], dtype))
    alpha = phi(z)
    np.testing.assert_allclose(alpha.value, [low, high], rtol=1e-6)
    np.testing.assert_allclose(tg.gradients(alpha, z, seed=np.ones(2, dtype)), [slope_low, slope_high], rtol=1e-6)
    assert phi(-1e4) == pytest.approx(low)
    assert tg.grad(phi)(1e4) == pytest.approx(slope_high)
    assert tg.grad(phi)(-1e4) == pytest.approx(slope_low)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_finite_and_keep_their_dtype_at_every_size(name, dtype):
    sizes = np.array([0, 1e-30, 1e-8, 0.5, 5, 17, 40, 90, 400, 1e3, 1e4], dtype)
    z = tg.Node(np.concatenate([-sizes, sizes]))
    alpha = activations.find(name)(z)
    gradient = tg.gradients(alpha, z, seed=np.ones(22, dtype))
    assert alpha.dtype == gradient.dtype == dtype
    assert np.isfinite(alpha.value).all()
    assert np.isfinite(gradient).all()
    assert activations.find(name)(z.value).dtype == dtype


# costs


@pytest.mark.parametrize("name", COSTS)
def test_a_cost_is_its_definition(name):
    cost, (output, rho) = costs.find(name), problem(name)
    want = pytest.approx(plain_cost(name, output.tolist(), rho.tolist()), rel=1e-13)
    assert cost(output, rho) == want
    assert type(cost(output, rho)) is float
    assert cost(output.tolist(), rho.tolist()) == want
    assert cost(tg.Node(output), rho).value == want


@pytest.mark.parametrize("name", COSTS)
def test_one_sample_costs_what_a_batch_of_one_costs(name):
    cost, (output, rho) = costs.find(name), problem(name)
    assert cost(output[0], rho[0]) == pytest.approx(plain_cost(name, output[:1].tolist(), rho[:1].tolist()), rel=1e-13)
    one, many = tg.Node(output[0]), tg.Node(output[:1])
    np.testing.assert_array_equal(
        tg.gradients(cost(one, rho[0]), one), tg.gradients(cost(many, rho[:1]), many)[0], strict=True
    )


@pytest.mark.parametrize("name", COSTS)
def test_the_gradient_of_a_cost_is_the_slope_of_its_definition(name):
    output, rho = problem(name)
    node = tg.Node(output)
    gradient = tg.gradients(costs.find(name)(node, rho), node)
    for entry in np.ndindex(output.shape):
        up, down = output.copy(), output.copy()
        up[entry] += H
        down[entry] -= H
        slope = (plain_cost(name, up.tolist(), rho.tolist()) - plain_cost(name, down.tolist(), rho.tolist())) / (2 * H)
        assert gradient[entry] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", COSTS)
def test_a_cost_passes_the_check_to_second_order(name):
    output, rho = problem(name)
    tg.check_grads(lambda y_hat: costs.find(name)(y_hat, rho), output, order=2)


@pytest.mark.parametrize("name", ["mse", "l1", "huber", "margin"])
def test_an_expected_value_that_is_a_node_keeps_its_derivative(name):
    output, rho = problem(name)
    tg.check_grads(costs.find(name), output, rho, order=1)


@pytest.mark.parametrize(
    ("name", "output", "rho"), [("l1", 2.0, 2.0), ("margin", 2.0, 2.0), ("hinge", 1.0, 1.0), ("hinge", -1.0, -1.0)]
)
def test_at_its_kink_the_derivative_of_a_cost_is_zero(name, output, rho):
    node = tg.Node([output])
    assert tg.gradients(costs.find(name)(node, [rho]), node).tolist() == [0.0]


def test_huber_has_no_kink_and_takes_a_delta():
    for distance, slope in ((1.0, 1.0), (-1.0, -1.0), (0.999, 0.999), (1.001, 1.0), (5.0, 1.0), (0.0, 0.0)):
        node = tg.Node([distance])
        assert tg.gradients(costs.huber(node, [0.0]), node).tolist() == [slope]
    assert costs.huber([5.0], [0.0], delta=2.0) == 2.0 * (5.0 - 1.0)
    with pytest.raises(tg.InvalidValue, match="delta is a distance above zero, not 0"):
        costs.huber([5.0], [0.0], delta=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", COSTS)
def test_costs_are_right_for_outputs_of_ten_thousand_and_keep_the_dtype(name, dtype):
    output = tg.Node(np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4]], dtype))
    rho = [[1, 1], [-1, 1], [1, -1]] if name in ("logistic", "hinge") else [[1, 0], [1, 0], [0, 1]]
    expected = {  # the cost of each sample, then the gradient times the 3 samples
        "mse": ([(9999**2 + 1e8) / 2, (10001**2 + 1e8) / 2, (1e8 + 9999**2) / 2],
                [[9999, -1e4], [-10001, 1e4], [1e4, 9999]]),
        "l1": ([19999, 20001, 19999], [[1, -1], [-1, 1], [1, 1]]),
        "huber": ([19998, 20000, 19998], [[1, -1], [-1, 1], [1, 1]]),
        "logistic": ([1e4, 0, 1e4], [[0, -1], [0, 0], [0, 1]]),
        "hinge": ([10001, 0, 10001], [[0, -1], [0, 0], [0, 1]]),
        "margin": ([1e4, 10001, 0], [[0, -1], [-1, 0], [0, 0]]),
        "cross_entropy": ([0, 2e4, math.log(2)], [[0, 0], [-1, 1], [0.5, -0.5]]),
    }[name]  # fmt: skip
    cost = costs.find(name)(output, np.array(rho, float))
    gradient = tg.gradients(cost, output)
    assert cost.value == pytest.approx(sum(expected[0]) / 3, rel=1e-6)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient * 3, expected[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_loses_no_digits_to_large_outputs(dtype):
    assert costs.cross_entropy(tg.Node(np.array([1e4, 1e4], dtype)), 0).value == pytest.approx(math.log(2), rel=1e-6)


def test_cross_entropy_takes_class_numbers_in_every_form():
    output, rows = np.array([[0.1, 2.0, -1.0], [0.3, 0.0, 0.5]]), np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    want = costs.cross_entropy(output, rows)
    forms = [[1, 2], (1, 2), np.array([1, 2]), np.array([1, 2], np.uint8), np.array([1, 2], np.int32)]
    for classes in forms:
        assert costs.cross_entropy(output, classes) == want
    one = costs.cross_entropy(output[0], rows[0])
    assert costs.cross_entropy(output[0], 1) == costs.cross_entropy(output[0], np.int64(1)) == one


@pytest.mark.parametrize("wrong", [[1, 3], [-1, 0]])
def test_a_class_number_out_of_range_is_refused(wrong):
    with pytest.raises(tg.InvalidValue, match=r"class number (3|-1) does not exist: 3 outputs have classes 0 to 2"):
        costs.cross_entropy(np.zeros((2, 3)), wrong)


def test_class_numbers_that_are_floats_are_refused_with_the_way_out():
    with pytest.raises(tg.ShapeError, match=r"class numbers must be integers: expected\.astype\(int\)"):
        costs.cross_entropy(np.zeros((2, 3)), [1.0, 2.0])


@pytest.mark.parametrize("row", [[0.5, 0.4], [1.0, 1.0], [0.0, 0.0], [0.5, 0.5 + 2e-5]])
def test_expected_rows_must_sum_to_one(row):
    total = str(np.float64(sum(row))).replace(".", r"\.")
    with pytest.raises(tg.InvalidValue, match=rf"rows must sum to one, but a row sums to {total};"):
        costs.cross_entropy(np.zeros((2, 2)), [[1.0, 0.0], row])


@pytest.mark.parametrize(
    ("row", "wrong"), [([2, -1, 0], 2), ([0, 1 + 2e-5, -2e-5], 1.00002), ([math.nan, 1, 0], "nan")]
)
def test_expected_rows_hold_shares_between_0_and_1(row, wrong):
    with pytest.raises(tg.InvalidValue, match=rf"rows hold shares between 0 and 1, but one is {wrong}"):
        costs.cross_entropy(np.zeros((2, 3)), [[0.5, 0.5, 0.0], row])


def test_expected_rows_may_be_rounded():
    rows = np.array([[1 + 5e-6, -5e-6, 0.0]])
    np.testing.assert_array_equal(costs.matching("cross_entropy", np.zeros((1, 3)), rows), rows)


@pytest.mark.parametrize("cost", ["logistic", "hinge"])
@pytest.mark.parametrize("label", [0.0, 2.0, 0.5, 1 + 1e-9, math.nan, math.inf])
def test_labels_other_than_plus_and_minus_one_are_refused(cost, label):
    with pytest.raises(tg.InvalidValue, match=rf"{cost}: labels must be -1 and \+1, but expected holds {label}"):
        costs.find(cost)([[1.0], [2.0]], [[-1.0], [label]])


@pytest.mark.parametrize("name", COSTS)
def test_a_row_of_expected_values_against_a_column_of_outputs_is_refused(name):
    expected = [1.0, 1.0, 1.0]
    with pytest.raises(tg.ShapeError, match=rf"{name}: the output has shape \(3, 1\), but expected has shape \(3,\)"):
        costs.find(name)(np.zeros((3, 1)), expected)
    with pytest.raises(tg.ShapeError, match=r"but expected has shape \(1, 3\)"):
        costs.find(name)(tg.Node(np.zeros((3, 1))), [expected])


@pytest.mark.parametrize("name", COSTS)
def test_an_empty_batch_has_no_mean(name):
    with pytest.raises(tg.InvalidValue, match=r"shape \(0, 2\): the mean over an empty batch does not exist"):
        costs.find(name)(np.zeros((0, 2)), np.zeros((0, 2)))


@pytest.mark.parametrize("name", COSTS)
def test_a_cost_refuses_what_is_not_numbers(name):
    cost = costs.find(name)
    with pytest.raises(tg.InvalidType, match=f"{name}: expected must hold real numbers, but its dtype is <U"):
        cost([[1.0]], [["yes"]])
    with pytest.raises(tg.InvalidType, match=f"{name}: the output must hold real numbers, but its dtype is object"):
        cost(None, [[1.0]])
    with pytest.raises(tg.ShapeError, match="rows differ in length"):
        cost([[1.0]], [[1.0], [1.0, 2.0]])
    with pytest.raises(tg.ShapeError, match=r"a cost takes \(M, n\), or \(n,\)"):
        cost(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)))


@pytest.mark.parametrize("cost", [costs.mse, costs.logistic, costs.cross_entropy])
def test_a_float32_output_costs_the_same_with_expected_values_of_any_type(cost):
    output = tg.Node(np.array([[0.5, 2.0]], np.float32))
    forms = ([1], [[0, 1]], [[0.0, 1.0]]) if cost is costs.cross_entropy else ([[1, 1]], [[1.0, 1.0]])
    for rho in (*forms, np.array(forms[-1], np.float32)):
        assert cost(output, rho).value == cost(output, forms[-1]).value
        node = cost(output, rho)
        while node.parents:
            node = node.parents[0]
            assert node.dtype == np.float32 or node.shape == ()


# initial weights

DEVIATION = {
    "zeros": 0.0,
    "uniform": 2 / math.sqrt(12),
    "normal": 1.0,
    "glorot": math.sqrt(2 / (400 + 200)),
    "he": math.sqrt(2 / 400),
    "lecun": math.sqrt(1 / 400),
}
BOUND = {"zeros": 0.0, "uniform": 1.0, "glorot": math.sqrt(6 / 600)}


@pytest.mark.parametrize("name", sorted(init.NAMES))
def test_initial_weights_have_the_spread_they_promise(name):
    weights = Dense(400, 200, init=name, rng=3).weights.value
    assert weights.shape == (400, 200)
    assert abs(weights.mean()) <= 4 * DEVIATION[name] / math.sqrt(weights.size)
    assert weights.std() == pytest.approx(DEVIATION[name], rel=0.02)
    assert np.abs(weights).max() <= BOUND.get(name, math.inf)
    assert np.abs(weights).max() >= BOUND.get(name, 0.0) * 0.99


def test_all_initializers_are_held_by_the_table():
    assert sorted(init.NAMES) == sorted(DEVIATION)


@pytest.mark.parametrize("name", sorted(set(init.NAMES) - {"zeros"}))
def test_a_seed_gives_the_same_weights_again_and_another_seed_others(name):
    one, again, other = [MLP([3, 3, 3], init=name, rng=seed) for seed in (7, 7, 8)]
    for p, q in zip(one.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)
    assert not np.array_equal(one.layers[0].weights.value, other.layers[0].weights.value)
    assert not np.array_equal(one.layers[0].weights.value, one.layers[1].weights.value)


def test_a_generator_is_drawn_from_and_a_bias_starts_at_zero():
    generator = np.random.default_rng(7)
    first, second = Dense(2, 2, rng=generator), Dense(2, 2, rng=generator)
    assert not np.array_equal(first.weights.value, second.weights.value)
    np.testing.assert_array_equal(first.weights.value, Dense(2, 2, rng=7).weights.value)
    assert first.bias.value.tolist() == [0.0, 0.0]


def test_a_readers_own_initializer_is_taken_and_checked():
    layer = Dense(2, 3, init=lambda rng, n_in, n_out: np.arange(6).reshape(n_in, n_out))
    assert layer.weights.value.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(tg.ShapeError, match=r"init gave weights of shape \(3, 2\), but this layer needs \(2, 3\)"):
        Dense(2, 3, init=lambda rng, n_in, n_out: np.zeros((n_out, n_in)))
    with pytest.raises(tg.InvalidType, match="init gave weights that must hold real numbers, but its dtype is <U"):
        Dense(2, 3, init=lambda rng, n_in, n_out: "glorot")
    with pytest.raises(tg.InvalidType, match="init takes a name or a function"):
        Dense(2, 3, init=0.1)


# layers and networks


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_layer_is_phi_of_x_w_plus_b(name):
    layer = Dense(3, 2, name, rng=1)
    layer.bias.value = [0.5, -0.25]
    x = np.random.default_rng(0).normal(size=(4, 3))
    w, b = layer.weights.value, layer.bias.value
    want = [[PHI[name](sum(row[i] * w[i, k] for i in range(3)) + b[k]) for k in range(2)] for row in x]
    np.testing.assert_allclose(layer(x).value, want, rtol=1e-12)
    np.testing.assert_allclose(layer(x[0]).value, want[0], rtol=1e-12)
    np.testing.assert_allclose(layer.net_input(x).value, x @ w + b, rtol=1e-12)


def test_a_network_is_its_layers_one_after_another_and_has_the_contracts_attributes():
    mlp = MLP([4, 3, 5, 2], "relu", output="sigmoid", rng=0)
    assert mlp.sizes == (4, 3, 5, 2)
    assert [layer.activation for layer in mlp.layers] == ["relu", "relu", "sigmoid"]
    assert [p.name for p in mlp.parameters()] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert [p.shape for p in mlp.parameters()] == [(4, 3), (3,), (3, 5), (5,), (5, 2), (2,)]
    assert all(isinstance(p, tg.Node) and p.op is None for p in mlp.parameters())
    x = np.ones((2, 4))
    np.testing.assert_array_equal(mlp(x).value, mlp.layers[2](mlp.layers[1](mlp.layers[0](x))).value)
    assert [p.name for p in Dense(1, 1).parameters()] == ["W", "b"]
    assert repr(mlp) == "MLP([4, 3, 5, 2], activation='relu', output='sigmoid')"
    assert repr(MLP(np.array([2, 1]))) == "MLP([2, 1], output='identity')"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 4), (0, 4)])
def test_one_sample_in_one_sample_out_and_predict_gives_plain_numbers_of_ones_own(shape, dtype):
    mlp, x = MLP([4, 3, 2], rng=0, dtype=dtype), np.random.default_rng(0).normal(size=shape)
    node, found = mlp(x), mlp.predict(x)
    assert type(found) is np.ndarray
    assert node.shape == found.shape == (*shape[:-1], 2)
    assert node.dtype == found.dtype == dtype
    np.testing.assert_array_equal(node.value, found)
    found[...] = 7.0
    assert found.flags.owndata
    np.testing.assert_array_equal(node.value, mlp.predict(x))


def test_predict_never_drops_the_derivative_of_a_node():
    mlp = MLP([2, 3, 1], rng=0)
    with pytest.raises(tg.GraphDropped, match=r"derivative by photo would be lost; use mlp\(x\)"):
        mlp.predict(tg.Node([1.0, 2.0], name="photo"))
    with pytest.raises(tg.GraphDropped, match=r"use mlp\(x\)"):
        tg.grad(lambda x: mlp.predict(x)[0])(np.ones(2))


def test_predict_takes_lists_and_builds_no_graph(monkeypatch):
    mlp = MLP([2, 3, 1], rng=0)
    np.testing.assert_array_equal(mlp.predict([1, 2]), mlp(np.array([1.0, 2.0])).value)
    seen = []
    monkeypatch.setattr(mlp.layers[1], "_phi", lambda zeta: (seen.append(zeta), zeta)[1])
    mlp.predict([1.0, 2.0])
    assert seen[0].op is None
    assert seen[0].parents == ()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_stays_float32_in_weights_activations_and_gradients(activation):
    mlp = MLP([3, 4, 2], activation, activation, rng=0, dtype=np.float32)
    for x in (np.ones((5, 3)), tg.Node(np.ones((5, 3))), np.ones((5, 3), np.float32), [[1, 2, 3]] * 5):
        output = mlp(x)
        costs.mse(output, np.zeros((5, 2))).backward()
        assert output.dtype == output.grad.dtype == np.float32
        assert all(p.dtype == p.grad.dtype == np.float32 for p in mlp.parameters())
    assert mlp.dtype == np.float32


def test_the_gradient_reaches_an_input_that_is_a_node():
    mlp, x = MLP([3, 2], rng=0), tg.Node([1.0, 2.0, 3.0])
    mlp(x).sum().backward()
    np.testing.assert_allclose(x.grad, mlp.layers[0].weights.value.sum(axis=1))


@pytest.mark.parametrize("activation", ["tanh", "softplus", "gelu"])
def test_a_network_with_its_cost_passes_the_check_in_all_parameters(activation):
    mlp, (output, rho) = MLP([2, 3, 3], activation, rng=0), problem("cross_entropy")

    def cost(w1, b1, w2, b2):
        phi = activations.find(activation)
        return costs.cross_entropy(phi(output[:, :2] @ w1 + b1) @ w2 + b2, rho)

    tg.check_grads(cost, *[p.value for p in mlp.parameters()], order=2)
    want = tg.grad(cost, argnums=(0, 1, 2, 3))(*[p.value for p in mlp.parameters()])
    for found, expected in zip(
        tg.gradients(costs.cross_entropy(mlp(output[:, :2]), rho), mlp.parameters()), want, strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2,), (4, 4, 4), ()])
def test_a_wrong_width_names_the_layer_and_both_shapes(shape):
    mlp, got = MLP([4, 3, 2]), str(shape).replace("(", r"\(").replace(")", r"\)")
    lesson = rf"layer 1 has weights W1 of shape \(4, 3\) and takes inputs of shape \(M, 4\), .* it got {got}"
    for x in (np.zeros(shape), tg.Node(np.zeros(shape))):
        with pytest.raises(tg.ShapeError, match=lesson):
            mlp(x)
    with pytest.raises(tg.ShapeError, match=lesson):
        mlp.predict(np.zeros(shape))
    with pytest.raises(tg.ShapeError, match=r"layer 2 has weights W2 of shape \(3, 2\)"):
        mlp.layers[1](np.zeros((1, 4)))
    with pytest.raises(tg.ShapeError, match=r"this layer has weights W of shape \(2, 2\)"):
        Dense(2, 2)(np.zeros(3))


@pytest.mark.parametrize("x", ["text", [["a", "b"]], None, [[1j, 2.0]], [[None, 1.0]]])
def test_inputs_that_are_not_numbers_are_refused(x):
    for network in (MLP([2, 1]), MLP([2, 1]).predict, Dense(2, 1)):
        with pytest.raises(tg.InvalidType, match="the input x must hold real numbers, but its dtype is"):
            network(x)


def test_ragged_and_masked_inputs_and_lists_of_nodes_are_refused():
    mlp = MLP([2, 1])
    with pytest.raises(tg.ShapeError, match="the input x must be one array, but its rows differ in length"):
        mlp([[1.0, 2.0], [3.0]])
    with pytest.raises(tg.InvalidType, match="masked array, whose mask would be lost"):
        mlp(np.ma.masked_less([[1.0, -2.0]], 0))
    with pytest.raises(tg.GraphDropped, match=r"tg\.array"):
        mlp([[tg.Node(1.0), tg.Node(2.0)]])


@pytest.mark.parametrize(
    ("make", "lesson"),
    [
        (lambda: MLP([2, 1], "tahn"), "unknown activation 'tahn'. Did you mean 'tanh'?"),
        (lambda: MLP([2, 1], output="sigmod"), "unknown activation 'sigmod'. Did you mean 'sigmoid'?"),
        (lambda: Dense(2, 1, "rleu"), "unknown activation 'rleu'. Did you mean 'relu'?"),
        (lambda: Dense(2, 1, init="glorrot"), "unknown init 'glorrot'. Did you mean 'glorot'?"),
        (lambda: costs.find("mes"), "unknown cost 'mes'. Did you mean 'mse'?"),
        (lambda: costs.find("cross-entropy"), "unknown cost 'cross-entropy'. Did you mean 'cross_entropy'?"),
        (lambda: costs.find(["mse"]), "unknown cost"),
        (lambda: activations.find(None), "unknown activation None. Known: elu, gelu,"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(make, lesson):
    with pytest.raises(tg.InvalidValue) as caught:
        make()
    assert lesson in str(caught.value)
    assert "Known: " in str(caught.value)


@pytest.mark.parametrize(
    ("make", "error", "lesson"),
    [
        (lambda: MLP([3]), tg.InvalidValue, r"widths of its input and of at least one layer, but got \[3\]"),
        (lambda: MLP([]), tg.InvalidValue, "at least one layer"),
        (lambda: MLP(3), tg.InvalidType, r"sizes is a list of widths, such as \[2, 3, 1\], not 3"),
        (lambda: MLP("23"), tg.InvalidType, "whole number of at least 1, not '2'"),
        (lambda: MLP([2, 0, 1]), tg.InvalidValue, "whole number of at least 1, not 0"),
        (lambda: MLP([2, -3]), tg.InvalidValue, "not -3"),
        (lambda: MLP([2, 2.5]), tg.InvalidType, "not 2.5"),
        (lambda: MLP([2, True]), tg.InvalidType, "not True"),
        (lambda: Dense("2", 1), tg.InvalidType, "not '2'"),
        (lambda: Dense(2, 1, dtype=int), tg.InvalidValue, "float32 or float64, not in int64"),
        (lambda: Dense(2, 1, dtype=np.float16), tg.InvalidValue, "float32 or float64, not in float16"),
        (lambda: MLP([2, 1], dtype="single precision"), tg.InvalidType, "'single precision' is no dtype"),
        (lambda: MLP([2, 1], rng="seed"), tg.InvalidType, "rng must be a .*Generator or a seed .* not 'seed'"),
        (lambda: Dense(2, 1, rng=-1), tg.InvalidValue, "rng must be .* a seed of at least 0, not -1"),
        (lambda: MLP([2, 10**20]), tg.InvalidValue, "matrix of weights would hold more numbers than any memory can"),
        (lambda: MLP([10**10, 10**10]), tg.InvalidValue, "more numbers than any memory can"),
    ],
)
def test_a_network_that_cannot_be_is_refused(make, error, lesson):
    with pytest.raises(error, match=lesson):
        make()


# --- values that are assigned -----------------------------------------------------------------------------------------


def test_an_array_assigned_to_a_parameter_is_a_new_value_of_its_node():
    mlp = tg.nn.MLP([2, 3, 1], rng=0, dtype=np.float32)
    first, second = mlp.layers
    nodes = mlp.parameters()
    first.weights, first.bias = np.ones((2, 3)), [1, 2, 3]
    assert all(a is b for a, b in zip(mlp.parameters(), nodes, strict=True))
    assert (first.weights.dtype, first.weights.name, first.bias.value.tolist()) == (np.float32, "W1", [1.0, 2.0, 3.0])
    own = tg.Node(np.zeros((3, 1)), name="own")
    second.weights = own
    assert mlp.parameters()[2] is own
    tg.train.fit(mlp, np.ones((4, 2)), np.ones((4, 1)), epochs=1)


@pytest.mark.parametrize("shape", [(3, 3), (2,), (), (1, 2, 3), (3,)])
def test_a_parameter_of_another_shape_is_refused_at_once_or_named(shape):
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    words = re.escape(f"the weights of layer 1 must be of shape (2, 3), not {shape}")
    for given in (np.ones(shape), tg.Node(np.ones(shape))):
        with pytest.raises(tg.ShapeError, match=words):
            mlp.layers[0].weights = given
    with pytest.raises(tg.ShapeError, match=r"the bias of this layer must be of shape \(4,\)"):
        tg.nn.Dense(2, 4).bias = [0.0]
    with pytest.raises(tg.InvalidType, match="the weights must hold real numbers"):
        mlp.layers[0].weights = "ones"
    mlp.layers[0].weights.value = np.ones(shape)
    for use in (lambda: tg.train.fit(mlp, np.ones((4, 2)), np.ones((4, 1))), lambda: mlp.save("never.npz")):
        with pytest.raises(tg.ShapeError, match=words):
            use()
