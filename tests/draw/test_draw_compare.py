import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import draw
from tinygrad_ed.draw.style import number_text

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


def test_a_wrong_rule_turns_its_row_and_what_inherits_it_red():
    mlp = tg.nn.MLP([2, 3, 2], rng=1)
    wrong = {"B_hidden": lambda zeta, omega_next, b_next, dphi: b_next @ omega_next.T}
    picture = draw.compare(mlp, X, RHO, rules=wrong)
    kinds = rows(picture.render("html").decode())
    assert [q for q, kind in kinds.items() if kind == "wrong first"] == ["B[1]"]
    assert {q for q, kind in kinds.items() if kind.startswith("wrong")} == {
        "B[1]",
        "P[1]",
        "grad_omega[1]",
        "grad_beta[1]",
    }
    assert {kinds[q] for q in ("grad_omega[2]", "grad_beta[2]")} == {"after"}
    assert {kinds[q] for q in ("alpha[0]", "cost", "B[2]", "P[2]")} == {"right"}
    assert "The roads part at B¹" in picture.render("html").decode()
    assert picture.render("svg").decode().count("✗ first") == 2


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
