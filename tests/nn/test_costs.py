"""The costs: their definitions and slopes, and the expected values they refuse."""

import math

import numpy as np
import pytest
from nn_definitions import COSTS, DTYPES, H, plain_cost, problem

import tinygrad_ed as tg
from tinygrad_ed.nn import costs


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
        "bce": ([0, 2e4, 1e4], [[0, 0], [-1, 1], [1, 0]]),
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


@pytest.mark.parametrize("label", [-1.0, 2.0, 1 + 1e-9, math.nan, math.inf])
def test_labels_outside_of_zero_to_one_are_refused(label):
    with pytest.raises(
        tg.InvalidValue, match=rf"bce: labels must be 0 and 1, but expected holds {label}; map labels -1"
    ):
        costs.bce([[1.0], [2.0]], [[0.0], [label]])
    assert costs.bce([[0.0]], [[0.25]]) == pytest.approx(math.log(2))


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
    with pytest.raises(tg.InvalidType, match=f"{name}: expected must hold real numbers, but it holds the text"):
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
