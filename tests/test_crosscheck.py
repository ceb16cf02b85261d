# ruff: noqa: N803, N806
# (the names are the slides' letters, capitals included)
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.closed_form import derivatives
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.nn import MLP, activations, costs
from tinygrad_ed.roads import INDEPENDENT

ACTIVATION_NAMES, COST_NAMES = sorted(activations.NAMES), sorted(costs.NAMES)
EXACT = ("graph", "rules", "jacobians")
ALL = (*EXACT, "numeric")


def expected_values(rng, cost, M, n):
    if cost in ("logistic", "hinge"):
        return rng.choice([-1.0, 1.0], size=(M, n))
    if cost == "cross_entropy":
        return rng.dirichlet(np.ones(n), size=M) if rng.random() < 0.5 else rng.integers(0, n, M)
    return rng.normal(size=(M, n))


def network(sizes, phis="tanh", seed=0, dtype=float):
    """A network with biases that are not zero, and an activation of its own for each layer."""
    names = [phis] * (len(sizes) - 1) if isinstance(phis, str) else phis
    mlp, rng = MLP(sizes, rng=seed, dtype=dtype), np.random.default_rng(seed)
    mlp.layers = [
        tg.nn.Dense(a, b, name, rng=rng, dtype=dtype, number=j)
        for j, (a, b, name) in enumerate(zip(sizes[:-1], sizes[1:], names, strict=True), start=1)
    ]
    for layer in mlp.layers:
        layer.bias.value = rng.normal(size=layer.n_out).astype(dtype)
    return mlp


@st.composite
def problems(draw, dtype=float):
    """A network, a batch and a cost: the arguments of `crosscheck`."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    phis = [draw(st.sampled_from(ACTIVATION_NAMES)) for _ in sizes[1:]]
    cost, seed = draw(st.sampled_from(COST_NAMES)), draw(st.integers(0, 2**32 - 1))
    M, rng = draw(st.integers(1, 6)), np.random.default_rng(seed)
    return network(sizes, phis, seed, dtype), rng.normal(size=(M, sizes[0])), expected_values(
        rng, cost, M, sizes[-1]
    ), cost  # fmt: skip


def names_of(L):
    names = ["alpha[0]"]
    for j in range(1, L + 1):
        names += [f"zeta[{j}]", f"alpha[{j}]"]
    names += ["cost", f"P[{L + 1}]"]
    for j in range(L, 0, -1):
        names += [f"B[{j}]", f"P[{j}]"]
    for j in range(L, 0, -1):
        names += [f"grad_omega[{j}]", f"grad_beta[{j}]"]
    return names


# the ledger


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
    with tg.no_grad() if not recording else tg.recording.recording(True):
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

    found = tg.crosscheck(*problem, rules={name: wrong}).first_divergence
    if sizes and max(sizes) > 1e-9:
        letter = name.split("_")[0] if name.startswith("B") else name
        assert found.quantity.startswith(f"{letter}[")
        assert found.roads == ("rules",)


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
    assert f"your {name} raised ValueError" in check.first_divergence.problem
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
    assert tg.crosscheck(mlp, x, rho, rules=rules).agree  # the biases of a fresh network are zeros
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
    ({"x": [["a", "b"]]}, tg.InvalidType, "x must hold real numbers, but its dtype is <U1"),
    ({"rho": [["yes"]]}, tg.InvalidType, "rho must hold real numbers, but its dtype is <U3"),
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
    ({"mlp": lambda x: x}, tg.InvalidType, r"expected a tg\.nn\.MLP, but got <function"),
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
    assert finding.startswith("your P (layer 3, 2, 1): probably a factor of 2 too much. It should be P^j = B^j [Ω^j]ᵀ")
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
    rho = np.eye(2)[rng.integers(0, 2, 4)] if cost == "cross_entropy" else rng.choice([-1.0, 1.0], (4, 2))
    graph, tape = tg.ledger(mlp, x, rho, cost, road="graph"), tg.ledger(mlp, x, rho, cost, road="tape")
    assert list(graph) == list(tape)
    for name, value in graph.items():
        assert type(tape[name]) is type(value)
        np.testing.assert_allclose(tape[name], value, rtol=1e-12, atol=1e-15)
    assert tg.crosscheck(mlp, x, rho, cost, roads=["graph", "rules", "tape"]).agree
