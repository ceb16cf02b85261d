"""The derivation as slides, as a file: what stands in it, and what is refused."""

import re

import numpy as np
import pytest

import tinygrad_ed as tg


@pytest.fixture(scope="module")
def derivation():
    return tg.lecture.derive(tg.nn.MLP([2, 3, 2], rng=0), np.array([0.5, -1.0]), np.array([1.0, 0.0]))


def test_slides_hold_every_step_and_every_equation(derivation, tmp_path):
    page = derivation.save(tmp_path / "slides.html", slides=True).read_text("utf-8")
    equations = sum([1 + len(step.equations) for step in derivation])
    assert page.count("<section") == equations + len(derivation.parts) + 2
    assert all(step.title.replace("'", "&#x27;") in page for step in derivation)
    assert re.findall(r"(?:src|href)=|url\(|@import", page) == []


def test_an_equation_is_cut_before_each_of_its_signs(derivation, tmp_path):
    page = derivation.save(tmp_path / "slides.html", slides=True).read_text("utf-8")
    lines = re.findall(r'<div class="line".*?</div>', page, re.DOTALL)
    left = [re.search(r'class="left">(.*?)</span>', line)[1] for line in lines]
    assert all(">=<" not in math for math in left)
    assert [line.count('class="piece"') for line in lines[:4]] == [1, 1, 1, 3]


def test_blank_slides_say_so(derivation, tmp_path):
    full, blank = [derivation.save(tmp_path / "s.html", slides=True, blank=b).read_text("utf-8") for b in (False, True)]
    assert '<body class="blank">' in blank
    assert '<body class="blank">' not in full


@pytest.mark.parametrize("options", [{"slides": True}, {"blank": True}])
@pytest.mark.parametrize("name", ["s.txt", "s.md", "s.tex", "s"])
def test_slides_are_html(derivation, options, name, tmp_path):
    with pytest.raises(tg.InvalidValue, match=r"must end with one of \.html"):
        derivation.save(tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_proof_can_be_held_too(tmp_path):
    page = tg.lecture.prove([1, 1]).save(tmp_path / "proof.html", slides=True).read_text("utf-8")
    assert "Proved: all 25 steps hold for all numbers" in page
