# ruff: noqa: N803
# (the names are the slides' letters, capitals included)
"""Planted faults: the checker is tested by what it catches, and by what a wrong rule cannot reach."""

import itertools

import numpy as np
import pytest
from road_problems import ALL, EXACT, network

import tinygrad_ed as tg
from tinygrad_ed.checking import roads
from tinygrad_ed.closed_form import derivatives
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.nn import activations

# planted faults: (name of the rule, the wrong version, the quantity that must be named)

SQUARE, SLIM = [3, 2, 2, 2], [2, 4, 3, 5]
M = 3


def b_last(factor=1.0, *, slope=True, at_alpha=False, over_m=True):
    def rule(zeta, alpha, rho, dphi, grad_C):
        B = factor * grad_C(alpha, rho) / (len(alpha) if over_m else 1)
        return B * dphi(alpha if at_alpha else zeta) if slope else B

    return rule


FAULTS = {
    "zeta without bias": ("zeta", lambda a, w, b: a @ w, "zeta[1]"),
    "zeta with the bias subtracted": ("zeta", lambda a, w, b: a @ w - b, "zeta[1]"),
    "zeta with the bias twice": ("zeta", lambda a, w, b: a @ w + 2 * b, "zeta[1]"),
    "alpha without phi": ("alpha", lambda z, phi: z, "alpha[1]"),
    "alpha with phi twice": ("alpha", lambda z, phi: phi(phi(z)), "alpha[1]"),
    "missing 1/M": ("B_last", b_last(over_m=False), "B[3]"),
    "1/M twice": ("B_last", b_last(1 / M), "B[3]"),
    "1/n_L in place of 1/M": ("B_last", lambda z, a, r, d, g: d(z) * g(a, r) / a.shape[1], "B[3]"),
    "factor 2 in the gradient of C": ("B_last", b_last(2.0), "B[3]"),
    "wrong sign of the gradient of C": ("B_last", b_last(-1.0), "B[3]"),
    "slope at alpha in the last layer": ("B_last", b_last(at_alpha=True), "B[3]"),
    "slope forgotten in the last layer": ("B_last", b_last(slope=False), "B[3]"),
    "slope forgotten in a hidden layer": ("B_hidden", lambda z, w, B, d: B @ w.T, "B[2]"),
    "slope at alpha in a hidden layer": ("B_hidden", lambda z, w, B, d: d(np.tanh(z)) * (B @ w.T), "B[2]"),
    "1/M again in a hidden layer": ("B_hidden", lambda z, w, B, d: d(z) * (B @ w.T) / len(z), "B[2]"),
    "P with the wrong sign": ("P", lambda w, B: -(B @ w.T), "P[3]"),
    "mean in place of sum for the bias": ("grad_beta", lambda B: B.mean(axis=0), "grad_beta[3]"),
    "bias summed over everything, spread": ("grad_beta", lambda B: np.full(B.shape[1], B.sum()), "grad_beta[3]"),
    "bias of the first sample only": ("grad_beta", lambda B: B[0], "grad_beta[3]"),
    "mean in place of sum for the weights": ("grad_omega", lambda a, B: a.T @ B / len(a), "grad_omega[3]"),
    "weights with the wrong sign": ("grad_omega", lambda a, B: -a.T @ B, "grad_omega[3]"),
    "weights of the last sample only": ("grad_omega", lambda a, B: np.outer(a[-1], B[-1]), "grad_omega[3]"),
}
FAULTS_OF_SQUARE_LAYERS = {  # with these a non-square layer raises or has another shape
    "transposed weights in a hidden layer": ("B_hidden", lambda z, w, B, d: d(z) * (B @ w), "B[2]"),
    "P without transposition": ("P", lambda w, B: B @ w, "P[3]"),
    "zeta with transposed weights": ("zeta", lambda a, w, b: a @ (w.T if w.shape == (2, 2) else w) + b, "zeta[2]"),
    "transposed gradient": ("grad_omega", lambda a, B: (a.T @ B).T, "grad_omega[3]"),
}  # fmt: skip


def planted(sizes, rules, cost="mse", samples=M, phis="tanh", roads=ALL):
    rng = np.random.default_rng(5)
    mlp, rho = network(sizes, phis, seed=5), rng.normal(size=(samples, sizes[-1]))
    return tg.crosscheck(mlp, rng.normal(size=(samples, sizes[0])), rho, cost, roads=roads, rules=rules)


def assert_named(check, quantity, problem=None):
    assert not check.agree
    assert check.first_divergence.quantity == quantity
    assert check.first_divergence.roads == ("rules",)
    if problem is None:
        assert check.first_divergence.problem is None
    else:
        assert problem in check.first_divergence.problem
        assert problem in str(check)


@pytest.mark.parametrize("roads", [ALL, EXACT])
@pytest.mark.parametrize("sizes", [SQUARE, SLIM])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(fault, sizes, roads):
    name, rule, quantity = FAULTS[fault]
    assert_named(planted(sizes, {name: rule}, roads=roads), quantity)


@pytest.mark.parametrize("fault", FAULTS_OF_SQUARE_LAYERS)
def test_a_planted_fault_of_a_square_layer_is_named(fault):
    name, rule, quantity = FAULTS_OF_SQUARE_LAYERS[fault]
    assert_named(planted(SQUARE, {name: rule}), quantity)


def test_every_rule_has_a_planted_fault():
    assert {name for name, _, _ in FAULTS.values()} == set(RULES)


@pytest.mark.parametrize(
    ("name", "rule", "quantity", "problem"),
    [
        ("B_hidden", lambda z, w, B, d: d(z) * (B @ w), "B[2]", "your B_hidden raised ValueError: matmul"),
        ("P", lambda w, B: B @ w, "P[3]", "your P raised ValueError"),
        ("zeta", lambda a, w, b: a @ w.T + b, "zeta[1]", "your zeta raised ValueError"),
        ("grad_omega", lambda a, B: B.T @ a, "grad_omega[3]", "returned shape (5, 3); expected was (3, 5)"),
        ("grad_beta", lambda B: B.sum(), "grad_beta[3]", "returned shape (); expected was (5,)"),
        ("grad_beta", lambda B: B.sum(axis=1), "grad_beta[3]", "returned shape (3,); expected was (5,)"),
        ("grad_beta", lambda B: B.sum(axis=0, keepdims=True), "grad_beta[3]", "returned shape (1, 5)"),
        ("grad_beta", lambda B: B, "grad_beta[3]", "returned shape (3, 5); expected was (5,)"),
        ("B_last", lambda z, a, r, d, g: 1 / 0, "B[3]", "your B_last raised ZeroDivisionError: division by zero"),
        ("B_last", lambda z, a: z, "B[3]", "your B_last raised TypeError"),
        ("alpha", lambda z, phi: None, "alpha[1]", "your alpha returned None; is a `return` missing?"),
        ("alpha", lambda z, phi: "text", "alpha[1]", "your alpha returned no array of real numbers (dtype <U4)"),
        ("alpha", lambda z, phi: z + 1j, "alpha[1]", "no array of real numbers (dtype complex128)"),
        ("alpha", lambda z, phi: phi(tg.Node(z)), "alpha[1]", "your alpha raised"),
        ("grad_beta", lambda B: [[1.0], [1.0, 2.0]], "grad_beta[3]", "your grad_beta raised ValueError"),
    ],
)
def test_a_rule_that_raises_or_gives_another_shape_is_a_finding(name, rule, quantity, problem):
    assert_named(planted(SLIM, {name: rule}), quantity, problem)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        *itertools.product(["zeta", "alpha", "P", "grad_omega", "grad_beta"], [1, 2, 3]),
        ("B_hidden", 1),
        ("B_hidden", 2),
    ],
)
def test_a_rule_that_fails_in_one_layer_is_named_there(name, layer):
    widths = dict(zip((1, 2, 3), SLIM[1:], strict=True))

    def rule(*args):
        right = RULES[name](*args)
        wide_as_the_layer = args[0] if name in ("alpha", "B_hidden", "grad_beta") else args[1]
        width = wide_as_the_layer.shape[1]
        if width == widths[layer]:
            raise LookupError(f"width {width}")
        return right

    check = planted(SLIM, {name: rule})
    assert_named(
        check, f"{name.replace('_hidden', '')}[{layer}]", f"your {name} raised LookupError: width {widths[layer]}"
    )


def test_a_problem_of_the_rule_p_is_not_told_of_the_quantity_above_it():
    check = planted(SLIM, {"alpha": lambda z, phi: 2 * phi(z), "P": lambda w, B: 1 / 0})
    problems = {row.quantity: row.problem for row in check.rows if row.problem}
    assert problems == dict.fromkeys(["P[3]", "P[2]", "P[1]"], "your P raised ZeroDivisionError: division by zero")
    assert not next(row for row in check.rows if row.quantity == "P[4]").agree


def test_a_bias_summed_over_the_wrong_axis_is_found_also_where_the_shape_is_right():
    assert_named(planted([2, 4, 3], {"grad_beta": lambda B: B.sum(axis=1)}, samples=3), "grad_beta[2]")


def test_a_bias_gradient_taken_from_the_weight_product_is_named():
    kept = {}

    def grad_omega(alpha, B):
        kept["product"] = alpha.T @ B
        return kept["product"]

    rules = {"grad_omega": grad_omega, "grad_beta": lambda B: kept["product"].sum(axis=0)}
    assert_named(planted(SLIM, rules), "grad_beta[3]")


def test_b_of_the_wrong_layer_is_named():
    kept = []

    def b_last(*args):
        kept.append(RULES["B_last"](*args))
        return kept[0]

    def b_hidden(zeta, omega_next, B_next, dphi):
        return dphi(zeta) * (kept[0] @ omega_next.T)

    assert_named(planted([2, 2, 2, 2], {"B_last": b_last, "B_hidden": b_hidden}), "B[1]")

    def grad_beta(B):
        return kept[0].sum(axis=0)

    kept.clear()
    check = planted([2, 2, 2, 2], {"B_last": b_last, "grad_beta": grad_beta})
    assert_named(check, "grad_beta[2]")
    assert [row.quantity for row in check.rows if not row.agree] == ["grad_beta[2]", "grad_beta[1]"]


def test_what_only_inherits_a_fault_comes_after_it_and_the_rest_agrees():
    check = planted(SLIM, {"B_hidden": lambda z, w, B, d: B @ w.T})
    wrong = [row.quantity for row in check.rows if not row.agree]
    assert wrong == ["B[2]", "P[2]", "B[1]", "P[1]", "grad_omega[2]", "grad_beta[2]", "grad_omega[1]", "grad_beta[1]"]


@pytest.mark.parametrize("cost", ["mse", "l1", "huber", "margin"])
@pytest.mark.parametrize("fault", ["missing 1/M", "wrong sign of the gradient of C", "factor 2 in the gradient of C"])
def test_a_fault_of_the_last_layer_is_named_for_every_cost(fault, cost):
    name, rule, quantity = FAULTS[fault]
    assert_named(planted(SLIM, {name: rule}, cost), quantity)


def test_the_right_rules_of_a_reader_agree_also_if_written_otherwise():
    def grad_omega(alpha, B):
        return sum(np.outer(a, b) for a, b in zip(alpha, B, strict=True))

    rules = {
        "zeta": lambda a, w, b: np.einsum("mi,ik->mk", a, w) + b[np.newaxis],
        "P": lambda w, B: (w @ B.T).T,
        "grad_omega": grad_omega,
        "grad_beta": lambda B: list(B.sum(axis=0)),
    }  # fmt: skip
    assert planted(SLIM, rules).agree


# nothing a rule does reaches anything else


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_that_changes_its_inputs_in_place_is_found_and_corrupts_nothing(name):
    def rule(*args):
        right = RULES[name](*args)
        for arg in args:
            if isinstance(arg, np.ndarray):
                arg *= 2.0
        return right

    mlp = network(SLIM, seed=5)
    before = [p.value.copy() for p in mlp.parameters()]
    x, rho = np.ones((2, 2)), np.zeros((2, 5))
    good, check = tg.crosscheck(mlp, x, rho), tg.crosscheck(mlp, x, rho, rules={name: rule})
    assert f"your {name} writes into what it was given" in check.first_divergence.problem
    assert "read-only" in check.first_divergence.problem
    assert check.first_divergence.roads == ("rules",)
    for a, b in zip(good.rows, check.rows, strict=True):
        for road in ("graph", "jacobians"):
            np.testing.assert_array_equal(a.values[road], b.values[road])
    for p, old in zip(mlp.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, old)
    assert (x == 1).all()
    assert (rho == 0).all()


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_that_forces_its_inputs_open_reaches_only_copies(name):
    def rule(*args):
        right = RULES[name](*args)
        for arg in args:
            if isinstance(arg, np.ndarray):
                arg.flags.writeable = True
                arg[...] = 7.0
        return right

    mlp = network(SLIM, seed=5)
    before = [p.value.copy() for p in mlp.parameters()]
    assert tg.crosscheck(mlp, np.ones((2, 2)), np.zeros((2, 5)), rules={name: rule}).agree
    for p, old in zip(mlp.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, old)


def test_a_rule_may_use_one_buffer_again_and_again():
    buffer = np.empty((M, 2))

    def zeta(alpha_prev, omega, beta):
        np.matmul(alpha_prev, omega, out=buffer)
        buffer[...] += beta
        return buffer

    assert planted([2, 2, 2, 2], {"zeta": zeta}).agree


def test_a_rule_with_overflow_or_nan_is_a_finding_and_no_warning():
    assert_named(planted(SLIM, {"alpha": lambda z, phi: np.full_like(z, 1e300)}), "alpha[1]")
    assert_named(planted(SLIM, {"alpha": lambda z, phi: np.full_like(z, np.nan)}), "alpha[1]")
    assert_named(planted(SLIM, {"B_hidden": lambda z, w, B, d: np.full_like(z, np.inf)}), "B[2]")
    assert_named(planted(SLIM, {"grad_beta": lambda B: 1e30 * B.sum(axis=0)}), "grad_beta[3]")


def test_a_huge_wrong_number_does_not_hide_a_small_one_before_it():
    rules = {"B_hidden": lambda z, w, B, d: RULES["B_hidden"](z, w, B, d) * 1.0001, "grad_beta": lambda B: 1e30 + B[0]}
    assert_named(planted(SLIM, rules), "B[2]")


# who is wrong


def test_two_roads_cannot_tell_which_is_wrong_and_a_third_can():
    fault = {"B_hidden": FAULTS["slope forgotten in a hidden layer"][1]}
    two = planted(SLIM, fault, roads=("rules", "graph")).first_divergence
    assert (two.quantity, two.roads) == ("B[2]", ("rules", "graph"))
    assert str(two) == "first divergence: B[2] (roads rules, graph differ): probably Φ' forgotten"
    with_numbers = planted(SLIM, fault, roads=("graph", "rules", "numeric")).first_divergence
    assert (with_numbers.quantity, with_numbers.roads) == ("B[2]", ("rules",))
    gradients = planted(SLIM, {"grad_beta": lambda B: B[0]}, roads=("numeric", "rules")).first_divergence
    assert (gradients.quantity, gradients.roads) == ("grad_beta[3]", ("numeric", "rules"))


def test_a_wrong_derivative_that_rules_and_jacobians_share_is_not_blamed_on_the_graph(monkeypatch):
    tanh = derivatives.ACTIVATIONS["tanh"]
    monkeypatch.setitem(derivatives.ACTIVATIONS, "tanh", tanh._replace(dphi=lambda z: 1 - np.tanh(z)))
    found = planted(SLIM, None).first_divergence
    assert (found.quantity, found.roads) == ("B[3]", ("rules", "jacobians"))
    assert str(found) == "first divergence: B[3] (roads rules, jacobians differ)"


@pytest.mark.parametrize("factor", [2.0, -1.0, 1 / 5])
def test_a_wrong_gradient_of_the_cost_is_named_at_the_top(monkeypatch, factor):
    mse = derivatives.COSTS["mse"]
    monkeypatch.setitem(derivatives.COSTS, "mse", mse._replace(grad_C=lambda a, rho: factor * (a - rho)))
    found = planted(SLIM, None).first_divergence
    assert (found.quantity, found.roads) == ("P[4]", ("rules", "jacobians"))


def test_a_wrong_rule_of_an_op_is_blamed_on_the_graph(monkeypatch):
    wrong = tg.op("tanh", np.tanh, lambda g, y, x: g * (1.0 - y))
    monkeypatch.setitem(activations.NAMES, "tanh", wrong)
    found = planted(SLIM, None).first_divergence
    assert (found.quantity, found.roads) == ("B[3]", ("graph",))


@pytest.mark.parametrize("name", ["graph", "rules"])
def test_of_a_large_network_numeric_judges_a_drawn_sample_and_still_finds_who_is_wrong(name, monkeypatch):
    mlp, rng = tg.nn.MLP([60, 90, 3], rng=0), np.random.default_rng(0)
    x, rho = rng.normal(size=(2, 60)), rng.normal(size=(2, 3))
    check = tg.crosscheck(mlp, x, rho)
    assert check.agree
    drawn = [line.split()[0] for line in str(check).splitlines() if "64 drawn" in line]
    assert drawn == ["grad_omega[2]", "grad_omega[1]", "grad_beta[1]"]
    right = roads.ROADS[name]

    def wrong(*args):
        book = right(*args)
        book["grad_omega[1]"] = book["grad_omega[1]"] * 1.0001
        return book

    monkeypatch.setitem(roads.ROADS, name, wrong)
    (row,) = [row for row in tg.crosscheck(mlp, x, rho, roads=(name, "numeric")).rows if not row.agree]
    assert row.quantity == "grad_omega[1]"
    assert tg.crosscheck(mlp, x, rho).first_divergence.roads == (name,)
