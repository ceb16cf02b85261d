"""What is drawn shows digits, not noise: every picture and page, in every format that is text, for awkward numbers."""

import re

import numpy as np
import pytest
from digits import long_numbers, same

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.graph import COLORINGS, DETAILS

THIRD = 1 / 3
X, RHO = [0.1234567891, -THIRD], [THIRD, 0.2]
WRONG = {"B_hidden": lambda zeta, omega_next, b_next, dphi: b_next @ omega_next.T}


def mlp(*sizes):
    return tg.nn.MLP(sizes or [2, 3, 2], rng=0)


def expression():
    a = tg.Node(THIRD, name="a")
    return swept((a * np.pi + np.exp(a)).tanh())


def arrays(n):
    a = tg.Node(np.random.default_rng(0).normal(size=(n, n)), name="A")
    return swept((np.tanh(a @ a * THIRD) ** 2).sum())


def chain():
    x = tg.Node(THIRD, name="x")
    for _ in range(300):
        x = (x * 1.0123456789).tanh()
    return swept(x)


def swept(root):
    root.backward(0.7 * THIRD)
    return root


def program():
    step = tg.compile(tg.value_and_grad(lambda w, x: ((w * x * np.pi - 1.23456789e-5).tanh() ** 2).sum()))
    step(np.full(2, THIRD), np.ones(2))
    return step


def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 64)), rng.normal(size=(4, 10))


GRAPHS = {"expression": expression, "arrays": lambda: arrays(3), "large arrays": lambda: arrays(20), "chain": chain}
PICTURES = {
    **{
        f"graph of {name}, {detail}, {color}": lambda make=make, detail=detail, color=color: draw.graph(
            make(), detail=detail, color=color
        )
        for name, make in GRAPHS.items()
        for detail in DETAILS
        for color in COLORINGS
        if detail == "auto" or (detail != "scalar" and color == "role") or name == "expression"
    },
    **{f"player of {name}": lambda make=make: draw.player(make()) for name, make in GRAPHS.items() if name != "chain"},
    **{
        f"player, {detail}": lambda detail=detail: draw.player(mlp(), X, RHO, detail=detail, learning_rate=THIRD)
        for detail in ("scalar", "layer", "tensor")
    },
    "player of a large network": lambda: draw.player(mlp(64, 32, 10), *batch()),
    "network": lambda: draw.network(mlp(), X, RHO),
    "large network": lambda: draw.network(mlp(64, 32, 10), *batch()),
    "compare": lambda: draw.compare(mlp(), X, RHO),
    "compare a wrong rule": lambda: draw.compare(mlp(64, 32, 10), *batch(), rules=WRONG),
    "program": lambda: draw.program(program()),
}


def read(text):
    """What a reader may see: all but remarks, and the data that a page's script computes with."""
    return re.sub(r"<!--.*?-->|<script [^>]*json.*?</script>", "", text, flags=re.S)


@pytest.mark.parametrize("name", PICTURES)
def test_no_picture_shows_more_digits_than_can_be_read(name):
    picture = PICTURES[name]()
    forms = {"svg", "html", "dot", "txt"} & {*picture.formats}
    assert len(forms) >= 3
    assert [
        (form, long_numbers(text)) for form in forms if long_numbers(text := read(picture.render(form).decode()))
    ] == []


@pytest.mark.parametrize("form", ["txt", "md", "html"])
def test_no_page_of_the_derivation_shows_more_digits_than_can_be_read(form, tmp_path):
    page = tg.lecture.derive(mlp(), X, RHO).save(tmp_path / f"page.{form}").read_text(encoding="utf-8")
    assert long_numbers(page) == []
    assert long_numbers(str(tg.lecture.contribution(mlp(), X, RHO, j=1, k=2))) == []


def test_long_numbers_are_found_and_places_are_none():
    assert long_numbers("weight 0.30006802263971943, at 1234.56,-0.000012") == ["0.30006802263971943"]


def test_the_comparison_sees_words_and_digits_and_forgives_rounding():
    assert same("a  −2.36, off by 2.2·10⁻¹⁶", "a -2.36, off by 0")
    assert same("1.4e-17 at 0.1234", "0.0e+00 at 0.1235")
    assert not same("a 0.786", "b 0.786")
    assert not same("a 0.786", "a 0.788")
    assert not same("a 0.12345678901", "a 0.12345679901")
    assert not same("a 0.786", "a −0.786")
