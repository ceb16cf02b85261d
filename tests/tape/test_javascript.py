"""A compiled function as JavaScript gives what NumPy gives, for any number of samples; the rest is refused by name."""

import re

import numpy as np
import pytest
from javascript import MARKS, answers, close
from op_calls import weighted
from op_table import ROWS
from tape_examples import refused

import tinygrad_ed as tg

pytestmark = MARKS
ALL_COSTS = [(activation, name) for activation in tg.nn.activations.NAMES for name in tg.nn.costs.NAMES]
rng = np.random.default_rng(0)


def expected_of(cost, M, dtype):
    if cost == "cross_entropy":
        return rng.integers(0, 2, M)
    return (rng.random((M, 2)) > 0.5).astype(dtype) if cost == "bce" else np.sign(rng.normal(size=(M, 2))).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_training_step_runs_for_any_number_of_samples(dtype):
    calls, wanted = [], []
    for activation, cost in ALL_COSTS:
        phi, chosen = tg.nn.activations.find(activation), tg.nn.costs.find(cost)

        def step(w, b, x, y, phi=phi, chosen=chosen):
            value, (d_w, d_b) = tg.value_and_grad(lambda w, b: chosen(phi(x @ w + b), y), (0, 1))(w, b)
            return value, w - 0.1 * d_w, b - 0.1 * d_b

        w, b = rng.normal(size=(3, 2)).astype(dtype), rng.normal(size=2).astype(dtype)
        compiled = tg.compile(step)
        compiled(w, b, rng.normal(size=(3, 3)).astype(dtype), expected_of(cost, 3, dtype))  # as many samples as inputs
        for M in (1, 3, 8):
            args = w, b, rng.normal(size=(M, 3)).astype(dtype), expected_of(cost, M, dtype)
            calls.append((compiled.javascript(), args))
            wanted.append(step(*args))
    for (source, _), found, expected in zip(calls, answers(calls), wanted, strict=True):
        assert "M = " in source
        close(found, expected, 1e-12 if dtype is np.float64 else 1e-5)


ENTRIES = ["np.tanh(a)", "np.exp(-a * a)", "a * b", "a + b", "a - b", "a / (2 + b * b)", "tg.sigmoid(a)", "np.abs(a)"]
ENTRIES += ["np.maximum(a, b)", "np.where(a > b, a, b)", "np.clip(a, -0.5, 0.5)", "tg.softplus(a)", "np.sqrt(1 + a**2)"]
ROWWISE = ["a @ m", "a + v", "a * v", "a - a.mean(axis=0)", "a - a.max(axis=1, keepdims=True)", "a[:, ::-1]", "a @ m.T"]
ROWWISE += ["a - a[0]", "(a.T * v[:, None]).T", "np.outer(a[:, 0], v)", "a.reshape(-1).reshape(-1, 3)", "a + a[-1:]"]


def a_program(seed):
    """A function of samples (M, 3), of others alike, of a matrix and of a row, from a few random lines."""
    random = np.random.default_rng(seed)
    steps = [random.choice(ENTRIES if random.random() < 0.5 else ROWWISE) for _ in range(random.integers(2, 7))]
    lines = [f"a, b = {step}, a" for step in steps]
    text = "\n    ".join(["a, b = x, y", *lines, "return (a * a + b).sum() / len(x)"])
    space = {"np": np, "tg": tg}
    exec(f"def f(m, v, x, y):\n    {text}", space)  # noqa: S102  # text of the lists above
    return space["f"], text


def test_random_programs_and_their_derivatives():
    calls, wanted, texts = [], [], []
    for seed in range(300):
        f, text = a_program(seed)
        compiled = tg.compile(tg.value_and_grad(f, argnums=(0, 1, 2)), verify=False)

        def args(M, seed=seed):
            random = np.random.default_rng(seed)
            return tuple([random.uniform(-1, 1, shape) for shape in ((3, 3), (3,), (M, 3), (M, 3))])

        compiled(*args(4))
        calls.append((compiled.javascript(), args(5)))
        wanted.append(tg.value_and_grad(f, argnums=(0, 1, 2))(*args(5)))
        texts.append(text)
    for text, (source, _), found, expected in zip(texts, calls, answers(calls), wanted, strict=True):
        assert "M = " in source, text
        close(found, expected)


def test_every_op_of_the_table_agrees_or_is_refused_by_name():
    calls, wanted, refusals = [], [], []
    for row in [row for row in ROWS if not refused(row)]:
        compiled = tg.compile(tg.value_and_grad(weighted(row), tuple(range(len(row.shapes)))), verify=False)
        compiled(*row.arguments())
        try:
            calls.append((compiled.javascript(), tuple(row.arguments())))
            wanted.append((row, compiled(*row.arguments())))
        except tg.InvalidValue as refusal:
            refusals.append((row.op, str(refusal)))
    for (row, expected), found in zip(wanted, answers(calls), strict=True):
        try:
            close(found, expected)
        except AssertionError as error:
            error.add_note(str(row))
            raise
    assert all([re.match(r"javascript\(\) has no text for '?[\w.<]+", said) for _, said in refusals]), refusals
    assert len(calls) > 640
    assert not {op for op, _ in refusals} & {"add", "exp", "tanh", "sigmoid", "sum", "mean", "where", "transpose"}


def test_single_numbers_lists_and_dicts():
    def f(p, xs):
        hidden = [tg.tanh(p["w"] * x + p["b"]) for x in xs]
        return {"sum": sum(hidden), "each": hidden}

    compiled = tg.compile(f)
    args = {"w": 0.5, "b": -1.0}, [1.0, 2.0]
    close(answers([(compiled.javascript(), args)])[0] if compiled(*args) else "", list(f(*args).values()))


def test_choices_and_whole_quotients_as_numpys():
    def f(x, y):
        chosen = np.select([x > 1, x > 0], [x * y, np.array([1.0, 2.0])], default=y)
        return chosen, np.select([y < 0], [x]), x // y, x % y, np.fmod(x, y), x // 0.1

    compiled, x = tg.compile(f), np.array([[1.0, -1e-20], [7.5, -7.5], [0.5, 0.0]])
    y = np.array([[0.1, 1.0], [-2.0, 2.0], [-np.inf, 3.0]])
    compiled(x, y)
    assert "M = " in compiled.javascript()
    for found in answers([(compiled.javascript(), (x, y))]):
        close(found, list(f(x, y)))


def test_thousands_of_single_numbers_are_lines_here_too():
    compiled = tg.compile(tg.value_and_grad(lambda xs: sum([tg.tanh(x * x) for x in xs])))
    xs = [i / 500 for i in range(400)]
    compiled(xs)
    assert "level by level" in compiled.tape.why
    close(answers([(compiled.javascript(), (xs,))])[0], list(compiled(xs)))


def test_what_is_handed_out_is_an_array_of_its_own():
    def f(x):
        y = x + 1
        return x, x[0], y[0], y.T, y[:1], y

    compiled, x = tg.compile(f), np.arange(6.0).reshape(2, 3)
    compiled(x)
    close(answers([(compiled.javascript(), (x,))])[0], list(f(x)))


def test_casts_round_as_numpys():
    def f(x):
        return x.astype(int) * 1.0, x.astype(bool) * 2.0, (x > 0).astype(float), np.float32(0.1) * x.astype(np.float32)

    compiled, x = tg.compile(f), np.array([-1.5, 0.0, 0.5, 2.75])
    compiled(x)
    close(answers([(compiled.javascript(), (x,))])[0], list(f(x)), 1e-7)


def test_what_has_no_text_is_refused_with_the_line_of_the_reader():
    def f(x):
        return np.sort(x * 2).sum()

    compiled = tg.compile(f)
    compiled(np.array([2.0, 1.0]))
    with pytest.raises(tg.InvalidValue, match=r"no text for 'sort' \(test_javascript.py:\d+\): it writes arithmetic"):
        compiled.javascript()
    with pytest.raises(tg.InvalidValue, match="nothing is recorded yet"):
        tg.compile(f).javascript()


def test_a_branch_that_falls_otherwise_is_an_error_there_too():
    compiled = tg.compile(lambda x: x * 2 if x > 0 else x)
    compiled(1.0)
    right, wrong = answers([(compiled.javascript(), (3.0,)), (compiled.javascript(), (-3.0,))])
    assert float(right) == 6.0
    assert "recorded with another branch at test_javascript.py" in wrong
