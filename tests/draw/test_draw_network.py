import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.network import shown
from tinygrad_ed.draw.style import number_text

X, RHO = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1.0, 0.0], [0.0, 1.0]])


def texts(picture):
    root = ET.fromstring(picture.render("svg"))  # noqa: S314  our own file
    return ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("sample", [0, 1])
@pytest.mark.parametrize("cost", ["mse", "l1", "cross_entropy"])
def test_every_quantity_of_the_sample_stands_in_the_picture(cost, sample):
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    book = tg.ledger(mlp, X, RHO, cost, road="graph")
    seen = texts(draw.network(mlp, X, RHO, cost, sample=sample))
    for quantity, values in book.items():
        if quantity[0] in "azPB":
            assert all(number_text(v) in seen for v in values[sample]), quantity
    for j, layer in enumerate(mlp.layers, start=1):
        for (i, k), gradient in np.ndenumerate(book[f"grad_omega[{j}]"]):
            assert f"ω{j}{i + 1},{k + 1}=" + number_text(layer.weights.value[i, k]) in [
                t.replace(" ", "") for t in seen
            ]
            assert f"∂ {number_text(gradient)}" in seen
        assert all(f"∂ {number_text(g)}" in seen for g in book[f"grad_beta[{j}]"])
    assert number_text(book["cost"]) in seen
    assert f"ρ1= {number_text(RHO[sample, 0])}".replace(" ", "") in [t.replace(" ", "") for t in seen]


def test_the_letters_are_those_of_the_lecture():
    seen = texts(draw.network(tg.nn.MLP([2, 3, 2]), [0.5, 1.0], [1.0, 0.0]))
    for name in ("α01", "P11", "ζ12", "α12", "B12", "P22", "ζ21", "B21", "P31", "E"):
        assert name in seen
    assert {"input", "layer 1", "layer 2", "cost", "Φ = tanh", "Φ = identity"} <= set(seen)


def test_wide_layers_show_the_first_three_and_the_last_two():
    assert shown(8) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert shown(9) == [0, 1, 2, None, 7, 8]
    mlp = tg.nn.MLP([64, 32, 10], rng=0)
    seen = texts(draw.network(mlp, np.ones(64), np.eye(10)[0]))
    assert {"59 more", "27 more", "5 more"} <= set(seen)
    assert "α064" in seen
    assert "α04" not in seen


def test_where_labels_would_be_too_many_the_numbers_are_in_tooltips():
    mlp = tg.nn.MLP([8, 8], rng=0)
    picture = draw.network(mlp, np.ones(8), np.ones(8))
    assert number_text(mlp.layers[0].weights.value[0, 0]) not in texts(picture)
    assert f"layer 1: {number_text(mlp.layers[0].weights.value[0, 0])}, gradient" in picture.render("svg").decode()
    assert "point at one without numbers" in " ".join(texts(picture)).replace("\xa0", " ")


def test_labels_do_not_lie_on_each_other():
    mlp = tg.nn.MLP([5, 5, 3, 1], rng=0)
    svg = draw.network(mlp, np.ones(5), [1.0]).render("svg").decode()
    boxes = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="39"', svg)
    assert len(boxes) == 25 + 15 + 3
    places = [tuple(map(float, box)) for box in boxes]
    for i, (x1, y1, w1) in enumerate(places):
        for x2, y2, w2 in places[:i]:
            assert abs(y1 - y2) >= 32 or x1 + w1 <= x2 + 6 or x2 + w2 <= x1 + 6


def test_svg_and_html_need_no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TINYGRAD_ED_DOT", raising=False)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    picture = draw.network(tg.nn.MLP([2, 2]), [1.0, 2.0], [0.0, 1.0])
    for form in ("svg", "html", "dot"):
        assert picture.save(tmp_path / f"x.{form}").stat().st_size > 1000
    with pytest.raises(tg.MissingExtra, match=r'python -m pip install "tinygrad_ed\[dot\]"'):
        picture.save(tmp_path / "x.png")


def test_png_and_pdf_come_from_the_same_layout():
    picture = draw.network(tg.nn.MLP([2, 3, 2]), [1.0, 2.0], [0.0, 1.0], engine="pygraphviz")
    width, height = map(int, re.search(r'width="(\d+)" height="(\d+)"', picture.render("svg").decode()).groups())
    png = picture.render("png")
    size = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    assert size == pytest.approx((2 * width, 2 * height), abs=6)  # 144 dots an inch
    assert picture.render("pdf").startswith(b"%PDF")
    dot = picture.render("dot").decode()
    assert dot.count("shape=circle") == 2 + 3 + 2 + 1
    assert dot.count(" -> ") == 6 + 6 + 2


def test_titles_are_text_whatever_they_hold():
    title = "</svg><script> & ]]> \\N"
    picture = draw.network(tg.nn.MLP([1, 1]), [1.0], [0.0], title=title)
    assert title in texts(picture)
    assert picture.render("html").decode().count("<script>") == 1  # the page's own
    assert b"<script>" not in draw.network(tg.nn.MLP([1, 1]), [1.0], [0.0], title=title).render("svg")


def test_a_sample_outside_of_the_batch_is_refused():
    with pytest.raises(tg.InvalidValue, match="sample=2 is not in this batch of 2: give a number from 0 to 1"):
        draw.network(tg.nn.MLP([2, 2]), X, RHO, sample=2)


def test_class_numbers_are_shown_as_expected_outputs():
    seen = texts(draw.network(tg.nn.MLP([2, 3]), X, np.array([2, 0]), "cross_entropy"))
    assert [t.replace(" ", "") for t in seen if t.startswith("ρ")] == ["ρ1=0", "ρ2=0", "ρ3=1"]


def test_of_a_batch_the_disc_has_the_mean_and_every_sample_its_own_error_beside_it():
    mlp, x, rho = tg.nn.MLP([2, 3, 2], rng=1), np.linspace(-1.0, 1.0, 24).reshape(12, 2), np.eye(2)[[0, 1] * 6]
    seen = [t.replace(" ", "") for t in texts(draw.network(mlp, x, rho, "huber", sample=-2))]
    own = [tg.ledger(mlp, x[i], rho[i], "huber")["cost"] for i in range(12)]
    assert seen[seen.index("E") + 1] == number_text(np.mean(own))
    for i in (0, 1, 2, 10, 11):
        assert f"ε({i + 1})={number_text(own[i])}" in seen
    assert "∂E/∂β=B(summed,too)" in "".join(seen)
    assert "ε" not in "".join(texts(draw.network(mlp, x[0], rho[0])))


def test_two_runs_give_equal_bytes():
    pictures = [draw.network(tg.nn.MLP([2, 3, 2], rng=3), X, RHO) for _ in range(2)]
    assert pictures[0].render("svg") == pictures[1].render("svg")
    assert pictures[0].render("dot") == pictures[1].render("dot")


def test_one_connection_is_worked_out_with_the_numbers_of_the_picture():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    book = tg.ledger(mlp, X[0], RHO[0])
    k = int(np.argmax(np.abs(book["B[1]"][0])))
    seen = [t.replace(" ", "") for t in texts(draw.network(mlp, X[0], RHO[0]))]
    line = next(t for t in seen if "=α01·B1" in t)
    assert line.endswith(f"={number_text(book['grad_omega[1]'][0, k])}")
    assert number_text(book["B[1]"][0, k]) in line
    several = "".join(texts(draw.network(mlp, X, RHO))).replace(" ", "")
    assert "summedoverthesamples" in several
    assert "=α01·B1" not in several
