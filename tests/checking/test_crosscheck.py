# ruff: noqa: N806
# (the names are the slides' letters, capitals included)
"""The cross-check accuses nobody wrongly: sizes, kinks, rounding; bad input; the table."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from road_problems import ACTIVATION_NAMES, ALL, COST_NAMES, EXACT, names_of, network
from test_crosscheck_faults import FAULTS, SLIM, assert_named, planted

import tinygrad_ed as tg
from tinygrad_ed.checking.roads import INDEPENDENT
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.nn import MLP

# sizes, kinks, rounding


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6])
@pytest.mark.parametrize("phi", ["identity", "relu", "tanh", "softplus"])
def test_right_rules_are_never_accused_and_wrong_ones_always_found_at_any_size(phi, scale):
    mlp, rng = network([3, 4, 2], phi, seed=1), np.random.default_rng(1)
    x, rho = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    if phi == "tanh":  # its values stay in -1..1: small gradients come from small weights above
        mlp.layers[1].weights.value = mlp.layers[1].weights.value * scale
    else:
        x, rho = x * scale, rho * scale
        for layer in mlp.layers:
            layer.bias.value = layer.bias.value * scale
    check = tg.crosscheck(mlp, x, rho)
    assert check.agree, str(check)
    for name, rule, _ in FAULTS.values():
        wrong = tg.crosscheck(mlp, x, rho, rules={name: rule})
        right = {row.quantity: row.values["graph"] for row in check.rows}
        moved = [
            row.quantity
            for row in wrong.rows
            if not np.allclose(row.values["rules"], right[row.quantity], rtol=1e-6, atol=0)
        ]
        assert (wrong.first_divergence.quantity if wrong.first_divergence else None) == (moved[0] if moved else None)


def test_gradients_of_a_trillionth_with_a_wrong_rule_are_found_beside_large_ones():
    mlp = network([2, 2, 2], "tanh", seed=1)
    x, rho = np.array([[0.3, -0.2], [0.1, 0.4]]), mlp.predict([[0.3, -0.2], [0.1, 0.4]])
    rho[0] += 1e6  # the second sample's part stays small
    rho[1] += 1e-6

    def off_in_the_second_sample(z, w, B, d):
        right = RULES["B_hidden"](z, w, B, d)
        return right * [[1.0], [1.001]]

    assert tg.crosscheck(mlp, x, rho).agree
    assert_named(tg.crosscheck(mlp, x, rho, rules={"B_hidden": off_in_the_second_sample}), "B[1]")


@pytest.mark.parametrize("cost", ["l1", "mse", "huber", "margin"])
@pytest.mark.parametrize("phi", ["relu", "leaky_relu", "elu"])
def test_zeros_at_kinks_accuse_nobody(phi, cost):
    mlp = MLP([2, 3, 2], phi, output=phi, rng=0)
    check = tg.crosscheck(mlp, [[0.0, 0.0], [1.0, -1.0]], [[0.0, 0.0], [0.0, 0.0]], cost)
    assert check.agree, str(check)
    assert tg.crosscheck(MLP([2, 3, 2], phi, init="zeros"), [1.0, 2.0], [0.0, 0.0], cost).agree


def test_a_hinge_exactly_at_its_kink_accuses_nobody():
    mlp = MLP([1, 1])
    mlp.layers[0].weights.value = [[1.0]]
    check = tg.crosscheck(mlp, [[1.0], [-1.0], [3.0]], [[1.0], [-1.0], [-1.0]], "hinge")
    assert check.agree, str(check)
    assert "kink" in str(check).split("grad_omega[1]")[1].splitlines()[0]


def test_a_net_input_that_rounding_puts_on_either_side_of_the_kink_accuses_nobody():
    rng, sides = np.random.default_rng(0), set()
    for _ in range(150):  # sums such as 0.1 + 0.2 - 0.3 are 0 or 5e-17, as the order of the terms has it
        mlp = network([4, 2, 2], "relu", seed=0)
        for layer in mlp.layers:
            layer.weights.value = np.round(rng.integers(-3, 4, layer.weights.shape) * 0.1, 1)
            layer.bias.value = np.round(rng.integers(-3, 4, layer.n_out) * 0.1, 1)
        x, rho = rng.integers(-3, 4, (3, 4)), np.round(rng.integers(-3, 4, (3, 2)) * 0.1, 1)
        check = tg.crosscheck(mlp, x, rho, "l1", roads=EXACT)
        assert check.agree, str(check)
        zetas = np.concatenate([np.ravel(tg.ledger(mlp, x, rho, "l1", road)["zeta[1]"]) for road in EXACT])
        sides |= {math.copysign(1, z) if z else 0 for z in zetas if abs(z) < 1e-15}
    assert len(sides) > 1  # such sums did occur


def test_cancelling_large_weights_accuse_nobody():
    rng = np.random.default_rng(2)
    mlp, x = network([4, 3, 2], "tanh", seed=2), rng.normal(size=(3, 2))
    W = 1e7 * rng.normal(size=(2, 3))
    mlp.layers[0].weights.value = np.vstack([W, -W])
    check = tg.crosscheck(mlp, np.hstack([x, x + 1e-8 * rng.normal(size=(3, 2))]), rng.normal(size=(3, 2)))
    assert check.agree, str(check)
    assert 0.01 < np.abs(check.rows[1].values["graph"]).max() < 10  # the net inputs are small


def test_large_data_with_small_weights_are_no_difficulty_for_central_differences():
    rng = np.random.default_rng(3)
    for scale in (1e2, 1e3, 1e4, 1e6):
        mlp = network([3, 4, 2], "tanh", seed=3)
        mlp.layers[0].weights.value = mlp.layers[0].weights.value / scale
        check = tg.crosscheck(mlp, scale * rng.normal(size=(5, 3)), rng.normal(size=(5, 2)))
        assert check.agree, str(check)
        assert not np.isnan(check.rows[-2].values["numeric"]).any()


@pytest.mark.parametrize("phi", ACTIVATION_NAMES)
def test_far_out_where_an_activation_is_nearly_flat_nobody_is_accused(phi):
    mlp = MLP([1, 1, 1], phi)
    mlp.layers[0].weights.value = [[1.0]]
    for zeta in np.linspace(-40.0, 40.0, 161):
        assert tg.crosscheck(mlp, [zeta], [1.0], roads=EXACT).agree, zeta


@pytest.mark.parametrize("phi", ACTIVATION_NAMES)
def test_tails_whose_squares_are_zero_accuse_nobody(phi):
    mlp = MLP([1, 2, 2], phi, rng=0)
    for tail in np.arange(300.0, 760.0, 2.5):  # e^-350 has a square, e^-745 is the last number before zero
        mlp.layers[0].bias.value, mlp.layers[1].bias.value = [-tail, -tail / 3], [0.0, -tail]
        check = tg.crosscheck(mlp, [[0.5], [1.5]], [[1.0, 0.0]] * 2, "cross_entropy", roads=EXACT)
        assert check.agree, str(check)


def test_the_smallest_gradients_are_still_judged():
    mlp = network([1, 2, 2], "identity")
    mlp.layers[1].weights.value = mlp.layers[1].weights.value * 1e-140
    mlp.layers[1].bias.value = [0.0, 0.0]
    assert tg.crosscheck(mlp, [[0.5], [1.5]], np.ones((2, 2)), roads=EXACT).agree
    check = tg.crosscheck(mlp, [[0.5], [1.5]], np.ones((2, 2)), roads=EXACT, rules={"P": lambda w, B: -(B @ w.T)})
    assert_named(check, "P[2]")
    assert np.linalg.norm(next(row for row in check.rows if row.quantity == "P[2]").values["graph"]) < 1e-139


def test_float32_and_large_weights_hide_no_fault():
    for phi, seed in itertools.product(["tanh", "relu", "silu"], range(4)):
        mlp, rng = network([5, 6, 4, 4, 1, 3], [phi] * 4 + ["identity"], seed, np.float32), np.random.default_rng(seed)
        for layer in mlp.layers:
            layer.weights.value = 10 * layer.weights.value
        x, rho = 1e2 * rng.normal(size=(3, 5)), rng.normal(size=(3, 3))
        check = tg.crosscheck(mlp, x, rho)
        assert check.agree, str(check)
        for fault in ("missing 1/M", "P with the wrong sign"):
            name, rule, quantity = FAULTS[fault]
            found = tg.crosscheck(mlp, x, rho, rules={name: rule})
            assert_named(found, quantity.replace("3", "5"))


def test_a_float32_network_is_judged_in_float64_and_stays_float32():
    mlp = network([2, 3, 1], dtype=np.float32)
    seen = set()

    def grad_beta(B):
        seen.add(B.dtype)
        return B.sum(axis=0)

    check = tg.crosscheck(mlp, [0.1, 2.0], [1.0], rules={"grad_beta": grad_beta})
    assert check.agree
    assert {np.asarray(value).dtype for row in check.rows for value in row.values.values()} == {np.dtype(float)}
    assert seen == {np.dtype(float)}
    assert {p.dtype for p in mlp.parameters()} == {np.dtype(np.float32)}
    assert check.rows[0].values["rules"][0, 0] == np.float32(0.1)  # the network's own data, cast up


def test_a_rule_is_judged_on_what_is_not_zero():
    rules, x, rho = {"zeta": lambda a, w, b: a @ w}, np.ones((4, 2)), np.zeros((4, 2))
    mlp = MLP([2, 3, 2], rng=0)
    check = tg.crosscheck(mlp, x, rho, rules=rules)  # the biases of a fresh network are zeros
    assert all(row.agree for row in check.rows)
    assert not check.agree
    for layer in mlp.layers:
        layer.bias.value = np.random.default_rng(0).normal(size=layer.n_out)
    assert_named(tg.crosscheck(mlp, x, rho, rules=rules), "zeta[1]")


def test_a_deep_network_hides_no_fault_in_its_rounding():
    assert planted([6] * 13, None, roads=EXACT).agree
    seen = []

    def off_at_the_bottom(z, w, B, d):
        seen.append(0)
        return RULES["B_hidden"](z, w, B, d) * (1 + 1e-9 * (len(seen) == 11))

    assert_named(planted([6] * 13, {"B_hidden": off_at_the_bottom}, roads=EXACT), "B[1]")


def test_a_network_that_overflows_is_reported_and_gives_no_warning():
    mlp = network([2, 2, 1], "identity")
    for layer in mlp.layers:
        layer.weights.value = layer.weights.value * 1e200
    check = tg.crosscheck(mlp, [[1.0, 2.0]], [[1.0]])
    assert "inf" in str(check) or "nan" in str(check)


def test_infinite_numbers_of_the_other_sign_differ():
    mlp = network([2, 2, 1], "identity")
    for layer in mlp.layers:
        layer.weights.value = layer.weights.value * 1e200

    def zeta(*args):
        right = RULES["zeta"](*args)
        return np.where(np.isinf(right), -right, right)

    check = tg.crosscheck(mlp, [[1.0, 2.0]], [[1.0]], roads=EXACT, rules={"zeta": zeta})
    assert_named(check, "zeta[2]")


@pytest.mark.parametrize("name", ["grad_omega", "grad_beta"])
def test_numeric_alone_is_judge_enough_for_one_part_in_ten_thousand(name):
    def wrong(*args):
        return RULES[name](*args) * 1.0001

    assert planted(SLIM, None, roads=("rules", "numeric")).agree
    found = planted(SLIM, {name: wrong}, roads=("rules", "numeric")).first_divergence
    assert (found.quantity, found.roads) == (f"{name}[3]", ("rules", "numeric"))


def test_a_rule_that_returns_whole_numbers_or_booleans_is_taken_at_its_value():
    check = planted(SLIM, {"alpha": lambda z, phi: z > 0, "grad_beta": lambda B: np.ones(B.shape[1], int)})
    assert_named(check, "alpha[1]")
    for row in check.rows:
        assert np.asarray(row.values["rules"]).dtype == float


# bad input


BAD = [
    ({"x": [[math.nan, 1.0]]}, tg.InvalidValue, r"x holds nan at \[0, 0\]; every number must be finite"),
    ({"x": [[1.0, math.inf]]}, tg.InvalidValue, r"x holds inf at \[0, 1\]"),
    ({"rho": [[-math.inf]]}, tg.InvalidValue, r"rho holds -inf at \[0, 0\]"),
    ({"rho": [[math.nan]], "cost": "logistic"}, tg.InvalidValue, r"rho holds nan at \[0, 0\]"),
    ({"rho": [[math.nan]], "cost": "cross_entropy"}, tg.InvalidValue, r"rho holds nan at \[0, 0\]"),
    ({"x": np.zeros((0, 2)), "rho": np.zeros((0, 1))}, tg.InvalidValue, r"x is an empty batch \(shape \(0, 2\)\)"),
    ({"x": [["a", "b"]]}, tg.InvalidType, "x must hold real numbers, but it holds the text 'a'"),
    ({"rho": [["yes"]]}, tg.InvalidType, "rho must hold real numbers, but it holds the text 'yes'"),
    ({"x": None}, tg.InvalidType, "x must hold real numbers, but its dtype is object"),
    ({"x": [[1.0, 2.0], [1.0]]}, tg.ShapeError, "x must be one array, but its rows differ in length"),
    ({"x": [[1.0, 2.0, 3.0]]}, tg.ShapeError, r"layer 1 has weights W1 of shape \(2, 3\) .* x has shape \(1, 3\)"),
    ({"x": [[[1.0, 2.0]]]}, tg.ShapeError, r"x has shape \(1, 1, 2\)"),
    ({"x": 1.0}, tg.ShapeError, r"x has shape \(\)"),
    (
        {"x": [[1.0, 2.0]] * 3, "rho": [1.0, 2.0, 3.0]},
        tg.ShapeError,
        r"shape \(3, 1\), .* shape \(3,\); give one column",
    ),
    ({"rho": [[1.0, 2.0]]}, tg.ShapeError, r"the output has shape \(1, 1\), but expected has shape \(1, 2\)"),
    ({"rho": [[1.0], [2.0]]}, tg.ShapeError, r"the output has shape \(1, 1\), but expected has shape \(2, 1\)"),
    ({"rho": [[0.0]], "cost": "hinge"}, tg.InvalidValue, r"labels must be -1 and \+1, but expected holds 0.0"),
    ({"rho": [3], "cost": "cross_entropy"}, tg.InvalidValue, "class number 3 does not exist"),
    ({"cost": "mes"}, tg.InvalidValue, "unknown cost 'mes'. Did you mean 'mse'?"),
    ({"cost": None}, tg.InvalidValue, "unknown cost None"),
    ({"mlp": lambda x: x}, tg.InvalidType, r"a network, a tg\.nn\.MLP, not <function"),
]


@pytest.mark.parametrize(("change", "error", "lesson"), BAD)
@pytest.mark.parametrize("ask", [tg.ledger, tg.crosscheck])
def test_bad_input_is_refused_with_a_lesson(ask, change, error, lesson):
    good = {"mlp": MLP([2, 3, 1]), "x": [[1.0, 2.0]], "rho": [[1.0]], "cost": "mse"}
    ask(**good)
    with pytest.raises(error, match=lesson):
        ask(**{**good, **change})


def test_data_that_is_finite_but_not_in_the_networks_dtype_is_refused():
    with pytest.raises(tg.InvalidValue, match=r"x holds 1e\+300 at \[1\]; every number must be finite in float32"):
        tg.ledger(MLP([2, 1], dtype=np.float32), [1.0, 1e300], [1.0])


@pytest.mark.parametrize("ask", [tg.ledger, tg.crosscheck])
def test_weights_that_are_not_finite_are_refused_by_name(ask):
    mlp = MLP([2, 3, 1])
    mlp.layers[1].bias.value = [math.nan]
    with pytest.raises(tg.InvalidValue, match=r"b2 holds nan at \[0\]; every number must be finite"):
        ask(mlp, [1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("options", "error", "lesson"),
    [
        ({"roads": ("graph", "ruels")}, tg.InvalidValue, "unknown road 'ruels'. Did you mean 'rules'?"),
        ({"roads": ("graph", None)}, tg.InvalidValue, "unknown road None"),
        ({"roads": ("graph",)}, tg.InvalidValue, "needs at least two roads of graph, rules, jacobians, numeric"),
        ({"roads": "rules"}, tg.InvalidValue, "needs at least two roads .* it got 'rules'"),
        ({"roads": ("rules", "rules")}, tg.InvalidValue, "needs at least two roads"),
        ({"roads": ()}, tg.InvalidValue, "needs at least two roads"),
        ({"rules": {"B_hiden": len}}, tg.InvalidValue, "unknown rule 'B_hiden'. Did you mean 'B_hidden'?"),
        ({"rules": {"P": 3}}, tg.InvalidType, "the rule 'P' must be a function with the signature .* not 3"),
        ({"rules": [len]}, tg.InvalidType, "rules is a dict of functions by name"),
    ],
)
def test_unknown_roads_and_rules_are_refused(options, error, lesson):
    with pytest.raises(error, match=lesson):
        tg.crosscheck(MLP([2, 1]), [1.0, 2.0], [1.0], **options)


def test_an_unknown_road_of_a_ledger_is_refused():
    with pytest.raises(tg.InvalidValue, match=r"unknown road 'numerik'\. Did you mean 'numeric'\?"):
        tg.ledger(MLP([2, 1]), [1.0, 2.0], [1.0], road="numerik")


def test_readers_rules_are_not_used_where_the_road_rules_is_not_taken():
    assert planted(SLIM, {"P": lambda w, B: 1 / 0}, roads=("graph", "numeric")).agree


# the table


def test_the_table_of_roads_that_agree():
    check = tg.crosscheck(network([2, 3, 2]), np.ones((4, 2)), np.zeros((4, 2)))
    lines = str(check).splitlines()
    assert lines[0].split() == ["quantity", "shape", *ALL, "difference"]
    assert [line.split()[0] for line in lines[2:-3]] == names_of(2)
    assert [line.split()[1] for line in lines[2:-3]] == [
        "4×2", "4×3", "4×3", "4×2", "4×2", "number", "4×2", "4×2", "4×3", "4×3", "4×2", "3×2", "2", "2×3", "3",
    ]  # fmt: skip
    assert all(line.endswith("  ✓") for line in lines[2:-3])
    ends = {line.rindex("e-") if "e-" in line else line.rindex("e+") for line in lines[2:-3]}
    assert len(ends) == 1  # the columns stand below each other
    assert lines[-1] == "all 15 quantities agree on the roads graph, rules, jacobians, numeric"


def test_in_a_console_a_crosscheck_is_one_line():
    agreed = tg.crosscheck(network([2, 1]), [1.0, 2.0], [1.0], roads=("graph", "rules"))
    assert repr(agreed) == "<CrossCheck: all 9 quantities agree on the roads graph, rules>"
    wrong = planted(SLIM, {"P": lambda w, B: -(B @ w.T)})
    assert repr(wrong) == "<CrossCheck: first divergence: P[3] (road 'rules' differs): probably wrong sign>"


def test_the_table_of_roads_that_differ_names_the_road_in_every_row():
    check = planted(SLIM, {"P": lambda w, B: 2 * (B @ w.T)})
    rows = {line.split()[0]: line for line in str(check).splitlines()[2 : 2 + len(names_of(3))]}
    assert [name for name, line in rows.items() if line.endswith("✗ rules")] == ["P[3]", "P[2]", "P[1]"]
    assert all(line.endswith("✓") for name, line in rows.items() if not name.startswith("P[") or name == "P[4]")
    verdict, finding = str(check).splitlines()[-2:]
    assert verdict == "first divergence: P[3] (road 'rules' differs): probably a factor of 2 too much"
    assert finding == "your P (layers 3, 2 and 1): probably a factor of 2 too much"
    mend = check.diagnosis[0].told("mend")
    assert mend.startswith(f"{finding}. It should be Pʲ = Bʲ [Ωʲ]ᵀ")
    assert str(replace(check, tell="mend")).splitlines()[-1] == mend
    hidden = str(replace(check, tell="where")).splitlines()[-2:]
    assert hidden == ["first divergence: P[3] (road 'rules' differs)", "your P (layers 3, 2 and 1) is wrong"]
    norm = np.linalg.norm(next(row for row in check.rows if row.quantity == "P[3]").values["rules"])
    assert f"{norm:.8g}" in rows["P[3]"]
    assert "✗ differ" in str(planted(SLIM, {"P": lambda w, B: 0 * (B @ w.T)}, roads=("graph", "rules")))


def test_a_row_holds_the_value_of_every_road_that_has_it_and_the_largest_difference():
    shift = np.array([0.0, 0.0, 0.25, 0.0, 0.0])
    check = planted(SLIM, {"grad_beta": lambda B: B.sum(axis=0) + (shift if B.shape[1] == 5 else 0)})
    rows = {row.quantity: row for row in check.rows}
    assert list(rows["B[3]"].values) == list(EXACT)
    assert list(rows["grad_beta[3]"].values) == list(INDEPENDENT) == list(ALL)
    assert rows["grad_beta[3]"].difference == pytest.approx(0.25, rel=1e-6)
    assert rows["grad_beta[3]"].odd == ("rules",)
    assert rows["grad_beta[2]"].odd == ()
    assert type(rows["cost"].values["graph"]) is float


def test_a_crosscheck_of_one_sample_and_of_class_numbers():
    mlp = network([4, 3], "identity")
    one = tg.crosscheck(mlp, [1.0, 2.0, 3.0, 4.0], 2, "cross_entropy")
    many = tg.crosscheck(mlp, [[1.0, 2.0, 3.0, 4.0]], [[0, 0, 1]], "cross_entropy")
    assert one.agree
    assert str(one) == str(many)


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
@pytest.mark.parametrize("cost", COST_NAMES)
def test_the_tape_is_the_graphs_road_recorded(activation, cost):
    rng = np.random.default_rng(0)
    mlp, x = tg.nn.MLP([2, 3, 2], activation, activation, rng=1), rng.standard_normal((4, 2))
    rho = (
        np.eye(2)[rng.integers(0, 2, 4)]
        if cost == "cross_entropy"
        else rng.choice([0.0 if cost == "bce" else -1.0, 1.0], (4, 2))
    )
    graph, tape = tg.ledger(mlp, x, rho, cost, road="graph"), tg.ledger(mlp, x, rho, cost, road="tape")
    assert list(graph) == list(tape)
    for name, value in graph.items():
        assert type(tape[name]) is type(value)
        np.testing.assert_allclose(tape[name], value, rtol=1e-12, atol=1e-15)
    assert tg.crosscheck(mlp, x, rho, cost, roads=["graph", "rules", "tape"]).agree
