# ruff: noqa: N806
"""Hand-written gradients of any graph: one sweep isolates each slip to one line and names it."""

import time

import numpy as np
import pytest

import tinygrad_ed as tg

LINES = """
dlogprobs = np.zeros_like(logprobs); dlogprobs[range(n), Y] = -1.0 / n
dprobs = (1.0 / probs) * dlogprobs
dcounts_sum_inv = (counts * dprobs).sum(1, keepdims=True)
dcounts = counts_sum_inv * dprobs
dcounts_sum = (-(counts_sum**-2)) * dcounts_sum_inv
dcounts = dcounts + np.ones_like(counts) * dcounts_sum
dnorm_logits = counts * dcounts
dlogit_maxes = (-dnorm_logits).sum(1, keepdims=True)
dlogits = dnorm_logits.copy() + np.eye(27)[logits.argmax(1)] * dlogit_maxes
dh = dlogits @ W2.T
dW2 = h.T @ dlogits
db2 = dlogits.sum(0)
dhpreact = (1.0 - h**2) * dh
dbngain = (bnraw * dhpreact).sum(0, keepdims=True)
dbnraw = bngain * dhpreact
dbnbias = dhpreact.sum(0, keepdims=True)
dbndiff = bnvar_inv * dbnraw
dbnvar_inv = (bndiff * dbnraw).sum(0, keepdims=True)
dbnvar = (-0.5 * (bnvar + 1e-5) ** -1.5) * dbnvar_inv
dbndiff2 = (1.0 / (n - 1)) * np.ones_like(bndiff2) * dbnvar
dbndiff = dbndiff + (2 * bndiff) * dbndiff2
dbnmeani = (-dbndiff).sum(0, keepdims=True)
dhprebn = dbndiff + 1.0 / n * (np.ones_like(hprebn) * dbnmeani)
dembcat = dhprebn @ W1.T
dW1 = embcat.T @ dhprebn
db1 = dhprebn.sum(0)
demb = dembcat.reshape(emb.shape)
dC = np.zeros_like(C); np.add.at(dC, X, demb)
"""
SLIPS = [
    ("-1.0 / n", "-1.0", "logprobs", "32 times the right numbers (a sum in place of a mean?)"),
    ("(1.0 / probs)", "probs", "probs", "divided by Φ' (of `log`), at `logprobs`, not multiplied"),
    ("(-(counts_sum**-2))", "counts_sum**-2", "counts_sum", "the sign is wrong"),
    ("dcounts = dcounts +", "dcounts =", "counts", "the part that comes through `probs` is missing: it is used twice"),
    ("dlogits @ W2.T", "2 * dlogits @ W2.T", "h", "a factor of 2 too much"),
    ("h.T @ dlogits", "hpreact.T @ dlogits", "W2", "taken at `hpreact` in place of `h`"),
    ("db2 = dlogits.sum(0)", "db2 = dlogits", "b2", "it is not summed over axis 0, along which its value was spread"),
    ("(1.0 - h**2)", "(1.0 - hpreact**2)", "hpreact", "the formula for the output of `tanh` used on its input"),
    ("(bnraw * dhpreact).sum(0, keepdims=True)", "(bnraw * dhpreact).sum(0)", "bngain", "(keepdims?)"),
    ("bngain * dhpreact", "dhpreact", "bnraw", "the other factor of `multiply` is left out"),
    ("1.0 / (n - 1)", "1.0 / n", "bndiff2", "(32 - 1)/32 times the right numbers (n in place of n - 1)"),
    ("dbndiff + (2 * bndiff) * dbndiff2", "dbndiff", "bndiff", "the part that comes through `bndiff2` is missing"),
    ("dbndiff + 1.0 / n", "dbndiff + 1.0", "hprebn", "in the part that comes through `bnmeani`: 32 times"),
    ("(bnvar + 1e-5) ** -1.5", "bnvar ** -1.5", "bnvar", "taken at `bnvar` in place of what `power` is given"),
    ("(bndiff * dbnraw)", "(bnraw * dbnraw)", "bnvar_inv", "taken at `bnraw` in place of `bndiff`"),
    ("dW1 = embcat.T @ dhprebn", "dW1 = np.zeros_like(W1)", "W1", "it is zeros"),
    ("np.add.at(dC, X, demb)", "dC[X] = demb", "C", "entries that are read twice was overwritten"),
]


def exercise(right="", wrong=""):
    """A language model of characters with batch normalization: its loss, its nodes, and gradients by hand."""
    rng = np.random.default_rng(0)
    n, X, Y = 32, rng.integers(0, 27, (32, 3)), rng.integers(0, 27, 32)

    def node(*shape, scale=0.1, mean=0.0):
        return tg.Node(rng.normal(size=shape) * scale + mean)

    C, W1, b1, W2, b2 = node(27, 10, scale=1), node(30, 64), node(64), node(64, 27), node(27)
    bngain, bnbias = node(1, 64, mean=1), node(1, 64)
    emb = C[X]
    embcat = emb.reshape(n, -1)
    hprebn = embcat @ W1 + b1
    bnmeani = 1 / n * hprebn.sum(0, keepdims=True)
    bndiff = hprebn - bnmeani
    bndiff2 = bndiff**2
    bnvar = 1 / (n - 1) * bndiff2.sum(0, keepdims=True)
    bnvar_inv = (bnvar + 1e-5) ** -0.5
    bnraw = bndiff * bnvar_inv
    hpreact = bngain * bnraw + bnbias
    h = np.tanh(hpreact)
    logits = h @ W2 + b2
    logit_maxes = logits.max(1, keepdims=True)
    norm_logits = logits - logit_maxes
    counts = np.exp(norm_logits)
    counts_sum = counts.sum(1, keepdims=True)
    counts_sum_inv = counts_sum**-1
    probs = counts * counts_sum_inv
    logprobs = np.log(probs)
    loss = -logprobs[range(n), Y].mean()
    nodes = {name: value for name, value in locals().items() if isinstance(value, tg.Node) and name != "loss"}
    assert right in LINES
    names = {**{name: np.array(value.value) for name, value in nodes.items()}, "np": np, "n": n, "X": X, "Y": Y}
    exec(LINES.replace(right, wrong) if right else LINES, names)  # noqa: S102  # lines of ours
    made = {name: value for name, value in names.items() if name[0] == "d" and isinstance(value, np.ndarray)}
    return loss, made, nodes


def test_the_whole_exercise_is_right_in_any_of_its_names_and_in_little_time():
    loss, made, nodes = exercise()
    check = tg.check_pass(loss, made, nodes)
    assert check.agree
    assert len(check.rows) == len(made) == 26
    assert {row.verdict for row in check.rows} == {"right"}
    for prefix in ("d_", "grad_", ""):
        assert tg.check_pass(loss, {prefix + name[1:]: value for name, value in made.items()}, nodes).agree
    for name, node in nodes.items():
        node.name = name
    took = []
    for _ in range(5):
        start = time.perf_counter()
        assert tg.check_pass(loss, made).agree
        took.append(time.perf_counter() - start)
    assert min(took) < 0.25  # 10 ms where nothing else runs


@pytest.mark.parametrize(("right", "wrong", "name", "words"), SLIPS, ids=[wrong for _, wrong, *_ in SLIPS])
def test_each_slip_of_the_exercise_is_one_finding(right, wrong, name, words):
    loss, made, nodes = exercise(right, wrong)
    check = tg.check_pass(loss, made, nodes)
    (found,) = check.diagnosis
    assert found.quantity == name
    assert found.known
    assert words in found.mistake
    assert check.first_divergence is found
    verdicts = {row.quantity: row.verdict for row in check.rows}
    assert verdicts.pop(name) == "wrong"
    assert set(verdicts.values()) <= {"right", "inherits"}


def test_what_follows_from_a_slip_inherits_it():
    loss, made, nodes = exercise("dlogits @ W2.T", "2 * dlogits @ W2.T")
    check = tg.check_pass(loss, {name: made[name] for name in ("dlogits", "dh", "dhpreact", "dW2")}, nodes)
    verdicts = {row.quantity: row.verdict for row in check.rows}
    assert verdicts == {"logits": "right", "W2": "right", "h": "wrong", "hpreact": "inherits"}


@pytest.mark.parametrize("digits", [3, 4, 6])
def test_gradients_of_few_digits(digits):
    loss, made, nodes = exercise()
    rounded = {
        name: np.array(
            [[float(f"{x:.{digits}g}") for x in row] for row in np.atleast_2d(value.reshape(len(value), -1))]
        ).reshape(value.shape)
        for name, value in made.items()
    }
    assert not tg.check_pass(loss, rounded, nodes).agree
    assert tg.check_pass(loss, rounded, nodes, digits=digits).agree
    rounded["dW2"] = 2 * rounded["dW2"]
    (found,) = tg.check_pass(loss, rounded, nodes, digits=digits).diagnosis
    assert (found.quantity, found.mistake) == ("W2", "a factor of 2 too much")


def test_one_wrong_array_among_right_ones_is_one_finding():
    loss, made, nodes = exercise()
    for name in made:
        if name == "dlogit_maxes":  # zero, but for rounding
            continue
        (found,) = tg.check_pass(loss, {**made, name: 3 * made[name] + 1e-3}, nodes).diagnosis
        assert found.quantity == name[1:]


def test_one_over_m_may_stand_in_the_gradients():
    rng = np.random.default_rng(0)
    x, w1, w2 = rng.normal(size=(6, 3)), tg.Node(rng.normal(size=(3, 4))), tg.Node(rng.normal(size=(4, 2)))
    z1 = x @ w1
    a1 = np.tanh(z1)
    z2 = a1 @ w2
    dz2 = z2.value
    dz1 = dz2 @ w2.value.T * (1 - a1.value**2)
    made = {"dz2": dz2, "dz1": dz1, "dw2": a1.value.T @ dz2 / 6, "dw1": x.T @ dz1 / 6}
    nodes = {"z1": z1, "z2": z2, "w1": w1, "w2": w2}
    loss = (z2 * z2).sum() / 12
    check = tg.check_pass(loss, made, nodes)
    assert check.agree
    assert check.notes[0].startswith("the gradients of inner nodes are 6 times")
    (found,) = tg.check_pass(loss, {**made, "dw1": x.T @ dz1}, nodes).diagnosis
    assert (found.quantity, found.mistake) == ("w1", "6 times the right numbers (a sum in place of a mean?)")


def test_a_value_that_the_loss_does_not_depend_on_has_zeros():
    x, y = tg.Node([1.0, 2.0], name="x"), tg.Node([1.0, 2.0])
    assert tg.check_pass((x * x).sum(), {"dy": [0.0, 0.0]}, {"y": y}).agree
    (found,) = tg.check_pass((x * x).sum(), {"dy": [0.0, 1.0]}, {"y": y}, tell="mend").diagnosis
    assert found.mend == "zeros: the loss does not depend on it"


def test_what_is_not_a_number_or_not_a_name_is_refused():
    x = tg.Node([1.0, 2.0], name="x")
    loss = (x * x).sum()
    (found,) = tg.check_pass(loss, {"dx": [np.nan, 1.0]}).diagnosis
    assert found.mistake == "it holds NaN or infinite numbers"
    with pytest.raises(tg.InvalidValue, match=r"no node is called 'dlogits'.*Known: x"):
        tg.check_pass(loss, {"dlogits": 1.0})
    with pytest.raises(tg.InvalidType, match="the loss must be a Node, the end of a graph, not 3"):
        tg.check_pass(3.0, {})
    with pytest.raises(tg.ShapeError, match="a loss has one entry, but"):
        tg.check_pass(x, {})
    with pytest.raises(tg.InvalidType, match="gradients and nodes are dicts by name"):
        tg.check_pass(loss, [1.0])
    with pytest.raises(tg.InvalidType, match="the gradient 'dx' must hold real numbers"):
        tg.check_pass(loss, {"dx": "text"})
    with pytest.raises(tg.InvalidValue, match="unknown tell"):
        tg.check_pass(loss, {"dx": [2.0, 4.0]}, tell="all")


@pytest.mark.parametrize(
    ("gradient", "right"), [([0, 2, 0], True), ([0, 0, 2], True), ([0, 1, 1], True), ([0, 2, 2], False)]
)
def test_ties_of_a_maximum_may_go_to_any_of_them(gradient, right):
    x = tg.Node([1.0, 3.0, 3.0], name="x")
    assert tg.check_pass(2 * np.max(x), {"dx": np.array(gradient, float)}).agree == right


def test_infinite_gradients_are_a_finding_and_no_warning():
    x = tg.Node([1.0, 2.0], name="x")
    for digits in (None, 3):
        (found,) = tg.check_pass((x * x).sum(), {"dx": [np.inf, 4.0]}, digits=digits).diagnosis
        assert found.mistake == "it holds NaN or infinite numbers"


def test_symmetric_neurons_are_said():
    x, w = np.array([[1.0, 2.0, 3.0]]), tg.Node(np.zeros((3, 2)), name="w")
    check = tg.check_pass(((x @ w) * 1.0).sum(), {"dw": np.repeat(x.T, 2, axis=1)})
    assert check.agree
    assert check.notes == (
        "all entries of `w` are the same (symmetric neurons): these data cannot show a mistake in their order",
    )
