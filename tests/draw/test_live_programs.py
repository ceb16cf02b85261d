"""The programs of the live page, run in JavaScript: every rule and every known mistake gives NumPy's numbers."""

import json
import re

import numpy as np
import pytest
from javascript import MARKS, answers, close

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.checking.mistakes import KNOWN
from tinygrad_ed.draw import live_programs

pytestmark = MARKS
NETWORKS = [("tanh", "mse"), ("sigmoid", "cross_entropy"), ("relu", "logistic"), ("gelu", "huber"), ("softplus", "bce")]
NETWORKS += [("elu", "hinge"), ("leaky_relu", "margin"), ("silu", "l1"), ("identity", "mse")]


def problem_of(activation, cost, M=5, sizes=(2, 3, 3, 2)):
    rng = np.random.default_rng(M)
    mlp = tg.nn.MLP(list(sizes), activation, rng=1)
    for layer in mlp.layers:
        layer.bias = rng.uniform(-0.3, 0.3, layer.n_out)
    labels = rng.integers(0, 2, M)
    rho = np.eye(sizes[-1])[labels] if cost in ("cross_entropy", "bce", "mse") else 2 * np.eye(sizes[-1])[labels] - 1
    return mlp, mlp.problem(rng.normal(size=(M, sizes[0])), rho, cost)


@pytest.mark.parametrize(("activation", "cost"), NETWORKS)
def test_rules_and_mistakes_are_those_of_numpy_for_other_numbers_of_samples(activation, cost):
    _, problem = problem_of(activation, cost)
    right, wrong = live_programs.right(problem), live_programs.wrong(problem, None)
    assert len(wrong) > 70
    calls, wanted = [], []
    for M in (1, 4):
        _, other = problem_of(activation, cost, M)
        book = live_programs.book_of(other)
        for name, source in right.items():
            calls.append((f"(book) => ({source})(book, {M})", (book,)))
            wanted.append(book[name])
        for entry in wrong:
            for name, source in entry["programs"].items():
                j = int(re.sub(r"\D", "", name))
                at = live_programs.at_layer(j, {k: v for k, v in book.items() if k != "cost"}, other)
                with np.errstate(all="ignore"):
                    wanted.append(KNOWN[entry["rule"]][entry["name"]](at, *live_programs.arguments(name, book, other)))
                calls.append((f"(book) => ({source})(book, {M})", (book,)))
    for found, expected in zip(answers(calls), wanted, strict=True):
        close(found, expected)


def test_nearly_all_known_mistakes_can_be_switched_on_somewhere():
    seen = set()
    for activation, cost in NETWORKS:
        for sizes in ((2, 3, 3, 2), (3, 3, 3, 3), (2, 3, 1)):
            for entry in live_programs.wrong(problem_of(activation, cost, 3, sizes)[1], None):
                seen.add((entry["rule"], entry["name"]))
    known = {(rule, name) for rule, mistakes in KNOWN.items() for name in mistakes}
    assert len(seen) >= 109
    assert len(known - seen) < 40, sorted(known - seen)


def test_a_page_for_200_points_with_all_mistakes_is_small_and_asks_nothing_of_a_network():
    data = tg.data.moons(200, rng=0)
    for rho, cost in ((data.rho, "cross_entropy"), (2 * data.rho - 1, "logistic")):
        page = draw.live(tg.nn.MLP([2, 8, 2], rng=1), data.x, rho, cost).render("html").decode()
        assert len(page.encode()) <= 150_000
        assert not re.search(r"https?://(?!www\.w3\.org)|\beval\(|new Function|\bfetch\(|import\(", page)
        assert page.count("</script") == 1
        facts = json.loads(re.search(r"const PAGE ?= ?(.*);\n", page)[1])
        assert facts["sizes"] == [2, 8, 2]


def test_a_title_or_rule_from_outside_is_escaped():
    rules = {"zeta": lambda a, w, b: a @ w - b}
    mlp = tg.nn.MLP([2, 3, 1], rng=0)
    page = draw.live(mlp, [1.0, 2.0], [1.0], rules=rules).render("html").decode()
    assert "your own rules" in page
    assert page.count("<svg") >= 2  # without script there is the drawing


def test_bad_input_is_refused_with_a_lesson():
    mlp = tg.nn.MLP([2, 1], rng=0)
    with pytest.raises(tg.InvalidType, match=r"live\(\) takes an MLP with data, or a Node, not 'x'"):
        draw.live("x")
    with pytest.raises(tg.InvalidType, match=r"live\(mlp, x, rho, cost\) needs inputs and expected outputs"):
        draw.live(mlp)
    with pytest.raises(tg.InvalidValue, match="batch_size=3 is more than the 1 samples of x; take at most 1"):
        draw.live(mlp, [1.0, 2.0], [1.0], batch_size=3)
    with pytest.raises(tg.InvalidValue, match="learning_rate must be a positive number, got 0"):
        draw.live(mlp, [1.0, 2.0], [1.0], learning_rate=0)
    with pytest.raises(tg.ShapeError):
        draw.live(mlp, [1.0, 2.0, 3.0], [1.0])
    with pytest.raises(tg.InvalidValue, match="betas"):
        draw.live(mlp, [1.0, 2.0], [1.0], rules={"betas": lambda B: B})
    with pytest.raises(tg.InvalidValue, match=r"javascript\(\) has no text for 'sort' \(test_live_programs.py:\d+\)"):
        draw.live(mlp, [1.0, 2.0], [1.0], rules={"grad_beta": lambda B: np.sort(B, axis=0).sum(axis=0)})
