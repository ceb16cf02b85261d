"""A reader's numbers from a sheet of paper: right ones of few digits are not accused, a slip is one finding."""

import json

import numpy as np
import pytest
from diagnosis_cases import network

import tinygrad_ed as tg
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.nn.batch import parameters_of

BY_HAND = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a**2}


def significant(x, digits):
    """Round to so many significant digits."""
    x = np.asarray(x, float)
    size = 10.0 ** (np.floor(np.log10(np.where(x == 0, 1.0, np.abs(x)))) - digits + 1)
    return np.round(x / size) * size


def sheet(mlp, x, rho, cost, rounded, over_m=False, slip=None):
    """The quantities as they are computed by hand, each from those before it; `over_m`: 1/M in the gradients."""
    omega, beta, activations = parameters_of(mlp)
    L, M, book = len(omega), len(x), {"alpha[0]": x}

    def put(name, value):
        book[name] = rounded(slip[1](value) if slip and slip[0] == name else value)

    for j in range(1, L + 1):
        put(f"zeta[{j}]", book[f"alpha[{j - 1}]"] @ omega[j] + beta[j])
        put(f"alpha[{j}]", ACTIVATIONS[activations[j]].phi(book[f"zeta[{j}]"]))
    put("cost", np.mean(COSTS[cost].C(book[f"alpha[{L}]"], rho)))
    put(f"P[{L + 1}]", COSTS[cost].grad_C(book[f"alpha[{L}]"], rho) / (1 if over_m else M))
    for j in range(L, 0, -1):
        slope = BY_HAND.get(activations[j])
        slope = slope(book[f"alpha[{j}]"]) if slope else ACTIVATIONS[activations[j]].dphi(book[f"zeta[{j}]"])
        put(f"B[{j}]", slope * book[f"P[{j + 1}]"])
        put(f"P[{j}]", book[f"B[{j}]"] @ omega[j].T)
    for j in range(L, 0, -1):
        put(f"grad_omega[{j}]", book[f"alpha[{j - 1}]"].T @ book[f"B[{j}]"] / (M if over_m else 1))
        put(f"grad_beta[{j}]", book[f"B[{j}]"].sum(axis=0) / (M if over_m else 1))
    return book


def drawn(seed):
    """A random network and batch."""
    rng = np.random.default_rng(seed)
    L, M, cost = int(rng.integers(1, 4)), int(rng.integers(1, 5)), str(rng.choice(["mse", "cross_entropy", "logistic"]))
    sizes = [int(n) for n in rng.integers(1, 5, L + 1)]
    mlp = network(sizes, [str(phi) for phi in rng.choice(sorted(ACTIVATIONS), L)], seed)
    x, rho = np.round(rng.normal(size=(M, sizes[0])), 2), rng.normal(size=(M, sizes[-1]))
    if cost == "cross_entropy":
        rho = np.eye(sizes[-1])[rng.integers(0, sizes[-1], M)]
    return rng, mlp, x, np.where(rho > 0, 1.0, -1.0) if cost == "logistic" else rho, cost


def checked(mlp, x, rho, cost, numbers, digits=None, **options):
    return tg.crosscheck(mlp, x, rho, cost, roads=("graph", "rules"), numbers=numbers, digits=digits, **options)


@pytest.mark.parametrize("kind", ["exact, then rounded", "from rounded ones", "1/M in the gradients", "decimals"])
def test_right_numbers_of_few_digits_are_not_accused(kind):
    for seed in range(60):
        rng, mlp, x, rho, cost = drawn(seed)
        digits = int(rng.integers(2, 7))

        def rounded(value, digits=digits):
            if kind == "decimals":  # of numbers above 0.1 these are as many digits, or more
                return np.where(np.abs(value) >= 0.1, np.round(value, digits), significant(value, digits))
            return significant(value, digits)

        if kind == "exact, then rounded":
            numbers = {name: rounded(value) for name, value in tg.ledger(mlp, x, rho, cost).items()}
        else:
            numbers = sheet(mlp, x, rho, cost, rounded, over_m="1/M" in kind)
        if rng.random() < 0.5:
            numbers = {name: value for name, value in numbers.items() if rng.random() < 0.6}
        check = checked(mlp, x, rho, cost, numbers, digits)
        assert check.agree, (seed, str(check))


def test_a_slip_is_one_finding_and_what_follows_inherits():
    seen = 0
    for seed in range(60):
        rng, mlp, x, rho, cost = drawn(seed)
        right = tg.ledger(mlp, x, rho, cost)
        name = str(rng.choice([name for name in right if name not in ("alpha[0]", "cost")]))
        words, wrong = [("sign", lambda v: -v), ("a factor of 2 too much", lambda v: 2 * v)][seed % 2]
        if np.max(np.abs(right[name])) < 1e-3:
            continue
        for digits in (4, None):
            rounded = (lambda v: significant(v, 4)) if digits else (lambda v: v)
            check = checked(mlp, x, rho, cost, sheet(mlp, x, rho, cost, rounded, slip=(name, wrong)), digits)
            (found,) = check.diagnosis
            assert found.quantity == name
            assert found.known
            assert words in found.mistake or "," in found.mistake or "1/M" in found.mistake or len(x) < 3, found
            assert check.first_divergence.quantity == name
            assert check.first_divergence.roads == ("yours",)
            seen += 1
    assert seen > 80


def paper():
    mlp = network([2, 3, 2], ["tanh", "sigmoid"], 1)
    x, rho = np.array([[0.5, -1.0], [1.0, 2.0], [-0.5, 0.3], [0.2, 0.7]]), np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    return mlp, x, rho, tg.ledger(mlp, x, rho)


USUAL = {
    "z1": "zeta[1]",
    "A1": "alpha[1]",
    "a_1": "alpha[1]",
    "Z2": "zeta[2]",
    "loss": "cost",
    "dA2": "P[3]",
    "delta2": "B[2]",
    "dZ2": "B[2]",
    "d_Z1": "B[1]",
    "grad_W1": "grad_omega[1]",
    "d_W1": "grad_omega[1]",
    "dW2": "grad_omega[2]",
    "db1": "grad_beta[1]",
    "grad_b2": "grad_beta[2]",
}


@pytest.mark.parametrize("usual", USUAL)
def test_the_usual_names(usual):
    mlp, x, rho, book = paper()
    assert checked(mlp, x, rho, "mse", {usual: book[USUAL[usual]]}).agree
    (found,) = checked(mlp, x, rho, "mse", {usual: 2 * np.asarray(book[USUAL[usual]])}).diagnosis
    assert found.quantity == USUAL[usual]


def test_the_known_mistake_is_tried_on_the_readers_own_numbers():
    mlp, x, rho, book = paper()
    delta2 = 3 * book["B[2]"]  # a slip, and another one after it
    delta1 = delta2 @ mlp.layers[1].weights.value.T
    numbers = {"delta2": delta2, "delta1": delta1, "dW1": x.T @ delta1, "db1": delta1[-1]}
    check = checked(mlp, x, rho, "mse", numbers)
    assert [(found.quantity, found.mistake) for found in check.diagnosis] == [
        ("B[2]", check.diagnosis[0].mistake),
        ("B[1]", "Φ' forgotten"),
        ("grad_beta[1]", "only the last sample (`=` in place of `+=`?)"),
    ]
    assert {row.quantity: row.verdict for row in check.rows if row.verdict} == {
        "B[2]": "wrong",
        "B[1]": "wrong",
        "grad_omega[1]": "inherits",
        "grad_beta[1]": "wrong",
    }
    assert check.diagnosis[1].where.startswith("layer 1, sample ")
    assert "grad_omega[1]  2×3" in str(check)
    assert "✓ inherits" in str(check)
    assert "B[1] (layer 1, sample" in str(checked(mlp, x, rho, "mse", numbers, tell="where"))
    assert "forgotten" not in str(checked(mlp, x, rho, "mse", numbers, tell="where"))
    assert "It should be" not in str(check)
    assert "It should be: Bʲ" in str(checked(mlp, x, rho, "mse", numbers, tell="mend"))
    found = json.loads(json.dumps(check.to_dict()))
    assert found["diagnosis"][1]["mistake"] == "Φ' forgotten"
    assert found["rows"][0]["values"]["graph"] == x.tolist()


def test_the_place_is_named_in_the_readers_layout():
    mlp, x, rho, book = paper()
    for layout in ("rows", "columns"):
        wrong = {name: np.array(book[name]) for name in ("alpha[1]", "grad_omega[1]")}
        wrong["alpha[1]"][2, 1] += 1
        wrong["grad_omega[1]"] = x.T @ book["B[1]"]
        wrong["grad_omega[1]"][1, 2] += 1
        numbers = {name: value.T if layout == "columns" else value for name, value in wrong.items()}
        found = checked(mlp, x, rho, "mse", {"alpha[1]": numbers["alpha[1]"]}, layout=layout).diagnosis[0]
        assert found.where == "layer 1, sample 2, entry 1"
        found = checked(mlp, x, rho, "mse", {"dW1": numbers["grad_omega[1]"]}, layout=layout).diagnosis[0]
        assert found.where == f"layer 1, entry {[1, 2] if layout == 'rows' else [2, 1]}"


def test_columns_are_transposed_and_so_are_data_that_fit_no_other_way():
    mlp, x, rho, book = paper()
    numbers = {name: np.asarray(value).T for name, value in book.items()}
    numbers["db1"] = numbers.pop("grad_beta[1]")[:, None]
    assert checked(mlp, x, rho, "mse", numbers, layout="columns").agree
    assert checked(mlp, x.T, rho.T, "mse", numbers, layout="columns").agree
    with pytest.raises(
        tg.ShapeError, match=r"dW1 is grad_omega\[1\], of shape \(2, 3\) here; yours has shape \(3, 2\)"
    ):
        checked(mlp, x, rho, "mse", {"dW1": np.asarray(book["grad_omega[1]"]).T})
    with pytest.raises(tg.ShapeError, match="if your samples are columns, say layout='columns'"):
        checked(mlp, x, rho, "mse", {"z1": book["zeta[1]"].T})


def test_one_sample_on_paper_has_vectors():
    mlp, x, rho, _ = paper()
    book = tg.ledger(mlp, x[0], rho[0])
    assert checked(mlp, x[0], rho[0], "mse", {"z1": book["zeta[1]"][0], "delta2": book["B[2]"][0].tolist()}).agree


def test_numbers_that_were_rounded_say_to_how_many_digits_they_are_right():
    mlp, x, rho, book = paper()
    numbers = {name: significant(value, 4) for name, value in book.items()}
    check = checked(mlp, x, rho, "mse", numbers)
    assert not check.agree
    assert check.notes[-1] == "all numbers are right to 4 digits: say digits=4"


def test_digits_are_those_of_each_number_however_small_it_is():
    weights = [[[0.15, 0.25], [0.2, 0.3]], [[0.4, 0.5], [0.45, 0.55]]]
    mlp = tg.nn.MLP.from_weights(weights, [[0.35, 0.35], [0.6, 0.6]], activation="sigmoid", output="sigmoid")
    x, rho = np.array([[0.05, 0.1]]), np.array([[0.01, 0.99]])
    book = tg.ledger(mlp, x, rho)
    for name in ("grad_omega[1]", "grad_omega[2]", "grad_beta[1]", "B[1]", "P[1]"):
        truth = np.asarray(book[name])
        for digits in (2, 3, 4, 5):
            assert checked(mlp, x, rho, "mse", {name: significant(truth, digits)}, digits).agree
            wrong = [0 * truth, -truth, 2 * truth, truth + 1e-3, truth[..., ::-1], truth * 1.02]
            for numbers in wrong:
                if np.max(np.abs(numbers / truth - 1)) < 15 * 10.0 ** (1 - digits):
                    continue  # what is before it may have been rounded, too
                (found,) = checked(mlp, x, rho, "mse", {name: significant(numbers, digits)}, digits).diagnosis
                assert found.quantity == name, (digits, numbers)
    for numbers, digits in (
        ([[0.0005, 0.0006], [0.001, 0.0011]], 4),
        ([[0.0005, 0.0004], [0.001, 0.0009]], 4),
    ):
        assert not checked(mlp, x, rho, "mse", {"dW1": numbers}, digits).agree
    check = checked(mlp, x, rho, "mse", {"dW1": [[0.000439, 0.000498], [0.000877, 0.000995]]}, 5)
    assert check.notes == ("all numbers are right to 4 digits: say digits=4",)
    zeros = checked(mlp, x, rho, "mse", {"dW1": [[0, 0], [0, 0]], "dW2": [[0, 0], [0, 0]]}, 2)
    assert [found.mistake for found in zeros.diagnosis] == ["zeros", "zeros"]


@pytest.mark.parametrize(("cost", "held"), [("bce", "sigmoid"), ("cross_entropy", "softmax")])
def test_a_cost_that_holds_the_last_activation_already_says_so(cost, held):
    zeta, rho = np.array([[0.5, -1.0]]), np.array([[1.0, 0.0]])
    share = 1 / (1 + np.exp(-zeta)) if cost == "bce" else np.exp(zeta) / np.exp(zeta).sum()
    note = f"{cost} holds the {held} already: take output='identity', and leave alpha[1] out"
    textbook = {"a1": share, "delta1": share - rho, "dW1": share - rho}
    for output in ("identity", "sigmoid")[: 2 if cost == "bce" else 1]:
        mlp = tg.nn.MLP.from_weights([zeta], [[0.0, 0.0]], output=output)
        check = checked(mlp, [[1.0]], rho, cost, textbook)
        assert not check.agree
        assert check.notes[-1] == note
        assert note in str(check)
        assert (note in tg.crosscheck(mlp, [1.0], rho[0], cost, rules={"P": lambda w, B: B @ w.T}).notes) == (
            output == "sigmoid"
        )
        assert note not in tg.crosscheck(mlp, [1.0], rho[0], cost).notes
    mlp = tg.nn.MLP.from_weights([zeta], [[0.0, 0.0]], output="identity")
    right = checked(mlp, [[1.0]], rho, cost, {"z1": zeta, "delta1": share - rho, "dW1": share - rho})
    assert right.agree
    assert note not in right.notes


def test_the_difference_of_a_row_is_that_of_its_verdict():
    mlp = tg.nn.MLP.from_weights([[[0.5]], [[1.0]]], [[0.0], [0.1]], activation="tanh")
    book = tg.ledger(mlp, [1.0], [1.0])
    for z2, verdict in ((book["zeta[2]"], "right"), ([1.0], "inherits"), ([1.25], "wrong")):
        check = checked(mlp, [1.0], [1.0], "mse", {"a1": [0.9], "z2": z2})
        row = next(row for row in check.rows if row.quantity == "zeta[2]")
        assert row.verdict == verdict
        assert np.isclose(row.difference, 0.25 if verdict == "wrong" else 0.0, atol=1e-9)
        assert ("note: `inherits`: right on your numbers before it" in str(check)) == (verdict == "inherits")


def test_zeros_are_called_zeros_and_a_note_says_where_one_over_m_stands():
    mlp, x, rho, _ = paper()
    (found,) = checked(mlp, x, rho, "mse", {"db1": np.zeros(3)}).diagnosis
    assert found.mistake == "zeros"
    numbers = sheet(mlp, x, rho, "mse", lambda v: v, over_m=True)
    assert checked(mlp, x, rho, "mse", numbers).notes == (
        "B and P are 4 times those of the lecture: here 1/M stands in the gradients, and that is right, too",
    )
    numbers["grad_omega[1]"] = 4 * numbers["grad_omega[1]"]
    (found,) = checked(mlp, x, rho, "mse", numbers).diagnosis
    assert found.quantity == "grad_omega[1]"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["0,3775", 0.5], "'0,3775'; write 0.3775$"),
        ([[0.1, "-0,3775"]], "'-0,3775'; write -0.3775$"),
        (["0.5", 0.25], "'0.5'; write 0.5$"),
        ([0.5, " 1e-3 "], "' 1e-3 '; write 1e-3$"),
        ([0.5, "1.234,5"], "'1.234,5'$"),
        (["one", 0.5], "'one'$"),
        ("", "''$"),
    ],
)
def test_a_text_among_numbers_is_named_with_what_to_write(given, said):
    mlp, x, rho, _ = paper()
    with pytest.raises(tg.InvalidType, match=f"z1 must hold real numbers, but it holds the text {said}"):
        checked(mlp, x, rho, "mse", {"z1": given})


def test_what_is_no_number_of_this_network_is_refused():
    mlp, x, rho, book = paper()
    with pytest.raises(tg.InvalidValue, match=r"unknown quantity 'dW9'\. Did you mean 'dw"):
        checked(mlp, x, rho, "mse", {"dW9": 1.0})
    with pytest.raises(tg.InvalidValue, match=r"'delta1' is B\[1\], which was given twice"):
        checked(mlp, x, rho, "mse", {"dZ1": book["B[1]"], "delta1": book["B[1]"]})
    with pytest.raises(tg.InvalidType, match="numbers is a dict by name"):
        checked(mlp, x, rho, "mse", [1.0])
    with pytest.raises(tg.InvalidValue, match=r"unknown layout 'column'\. Did you mean 'columns'"):
        checked(mlp, x, rho, "mse", {}, layout="column")
    with pytest.raises(tg.InvalidValue, match="digits must be a whole number of at least 1, not 0"):
        checked(mlp, x, rho, "mse", {}, 0)
