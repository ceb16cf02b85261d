import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.style import WRONG, number_text

X, RHO = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1.0, 0.0], [0.0, 1.0]])


def rows(html: str) -> dict[str, str]:
    """The class of every row of the table, by quantity."""
    return {quantity: kind for kind, quantity in re.findall(r'<tr class="(.*?)" data-quantity="(.*?)"', html)}


def test_both_roads_stand_side_by_side_with_all_quantities_in_slide_order():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    html = draw.compare(mlp, X, RHO).render("html").decode()
    book = tg.ledger(mlp, X, RHO)
    assert list(rows(html)) == list(book)
    assert set(rows(html).values()) == {"right"}
    assert f"Both roads agree in all {len(book)} quantities." in html
    assert html.count(f"<td>{number_text(book['cost'])}</td>") == 2
    for quantity in book:  # a row, and a box on either road
        assert html.count(f'data-quantity="{quantity}"') == 3


def test_a_wrong_rule_is_red_on_the_readers_side_and_what_follows_only_inherits_it():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    wrong = {"B_hidden": lambda zeta, omega_next, b_next, dphi: b_next @ omega_next.T}
    picture = draw.compare(mlp, X, RHO, rules=wrong)
    kinds = rows(picture.render("html").decode())
    assert [q for q, kind in kinds.items() if kind == "wrong first"] == ["B[1]"]
    assert {q for q, kind in kinds.items() if kind == "inherits"} == {"P[1]", "grad_omega[1]", "grad_beta[1]"}
    assert len([q for q, kind in kinds.items() if kind == "right"]) == 15 - 4
    html, svg = picture.render("html").decode(), picture.render("svg").decode()
    assert "The roads part at B¹: 1 of 15 quantities is wrong, 3 only inherit it." in html
    assert "<li>your B_hidden (layer 1): probably Φ&#x27; forgotten" in html
    assert svg.count("✗ first") == 1
    assert svg.count(">↳<") == 3
    assert svg.count(f'stroke="{WRONG}"') == 4  # none of them on the side of the graph
    assert "your rules, beside the lecture" in svg


def boxes(picture) -> dict[str, list[str]]:
    """The texts of every quantity's boxes, road by road."""
    found = {}
    for group in ET.fromstring(picture.render("svg")).iter("{http://www.w3.org/2000/svg}g"):  # noqa: S314  our own file
        said = ["".join(t.itertext()).replace(" =", "=") for t in group.iter("{http://www.w3.org/2000/svg}text")]
        found.setdefault(group.get("data-quantity"), []).append(said)
    return found


def test_over_a_readers_numbers_stands_the_readers_rule_and_never_the_lectures():
    mlp = tg.nn.MLP([2, 3, 3, 2], rng=1)

    def my_slope(B):
        return 2 * B.sum(axis=0)

    rules = {
        "grad_beta": my_slope,
        "P": lambda omega, B: B @ omega.T,
        "B_last": tg.closed_form.rules.RULES["B_last"],
    }
    found = boxes(draw.compare(mlp, X, RHO, rules=rules))
    for j in (1, 2, 3):
        assert found[f"grad_beta[{j}]"][1][0] == f"∂E/∂β{j}= my_slope(…)"
        assert found[f"grad_beta[{j}]"][1][-1].startswith("✗")
        assert len(found[f"grad_beta[{j}]"][0]) == 2
        assert found[f"P[{j}]"][1][0] == f"P{j}= your rule"
        assert found[f"grad_omega[{j}]"][1][0] == f"∂E/∂Ω{j}= [α{j - 1}]TB{j}"
    assert found["P[4]"][1][0] == "P4= ∇C / M"
    assert found["B[3]"][1][0] != found["B[2]"][1][0]


def test_a_wrong_shape_is_shown_with_both_shapes_and_no_number_is_made_up():
    wrong = {"B_hidden": lambda zeta, omega_next, b_next, dphi: (b_next @ omega_next.T).T}
    picture = draw.compare(tg.nn.MLP([2, 3, 2], rng=1), X, RHO, rules=wrong)
    found = boxes(picture)
    assert found["B[1]"][1][1] == "shape (3, 2), not (2, 3)"
    assert found["P[1]"][1][1] == "nothing to compute it from"
    assert "nan" not in picture.render("html").decode().replace("lnan", "")


def test_the_numbers_of_a_reader_have_a_ladder_of_their_own():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    book = tg.ledger(mlp, X, RHO)
    slip = book["B[1]"] * [1.0, 1.0, -1.0]
    numbers = {"z1": book["zeta[1]"], "B[1]": slip, "dW1": X.T @ slip}
    picture = draw.compare(mlp, X, RHO, numbers=numbers)
    found = boxes(picture)
    assert found["zeta[1]"][1] == ["ζ1", found["zeta[1]"][0][1]]
    assert found["B[1]"][1][-1] == "✗ first"
    assert found["grad_omega[1]"][1][-1] == "↳"
    assert found["alpha[1]"][1][1] == "not given"
    assert "in place of" in picture.render("html").decode()
    assert "your numbers" in picture.render("svg").decode()
    three = boxes(draw.compare(mlp, X, RHO, rules={"grad_beta": lambda B: 2 * B.sum(axis=0)}, numbers=numbers))
    assert [len(texts) for texts in three["grad_beta[1]"]] == [2, 3, 2]  # the rule is wrong, the number not given
    assert [len(texts) for texts in three["B[1]"]] == [2, 2, 3]


def test_a_rule_that_raises_is_named():
    def broken(B):
        raise ZeroDivisionError("oh <b>")

    html = draw.compare(tg.nn.MLP([2, 2]), X, RHO, rules={"grad_beta": broken}).render("html").decode()
    assert "The roads part at ∂E/∂β¹" in html
    assert "<b>" not in html


@pytest.mark.parametrize("sizes", [[2, 2], [2, 3, 4, 2], [2, 64, 2]])
def test_every_depth_and_width_is_well_formed(sizes):
    picture = draw.compare(tg.nn.MLP(sizes, rng=0), X, RHO)
    ET.fromstring(picture.render("svg"))  # noqa: S314  our own file
    html = picture.render("html").decode()
    assert "http" not in html
    ids = re.findall(r'\bid="(.*?)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("wrong", [{}, {"grad_beta": lambda b: 2 * b.sum(axis=0)}])
def test_png_and_pdf_come_from_the_same_layout(wrong):
    picture = draw.compare(tg.nn.MLP([2, 3, 2], rng=1), X, RHO, rules=wrong, engine="pygraphviz")
    assert picture.render("png").startswith(b"\x89PNG")
    assert picture.render("pdf").startswith(b"%PDF")
    dot = picture.render("dot").decode()
    assert not re.search(r'label="(\\[lr])"', dot)  # an empty label with an alignment crashes Graphviz 14
