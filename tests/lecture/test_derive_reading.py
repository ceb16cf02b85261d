"""A derivation to read: as text, Markdown, a page of its own, in a notebook, and saved."""

import html.parser
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import tinygrad_ed as tg


def test_printing_it_shows_words_formulas_numbers_and_checks(small):
    text = str(small)
    for line in (
        "Backpropagation, derived on a 2-3-2 network",
        "4 The whole network",
        "4.2 The error by any parameter, as one product",
        "    ∂E/∂wʲₖ = ∂C/∂aᴸ · [∏(i=L…j+1) ∂fⁱ/∂aⁱ⁻¹] · ∂fʲ/∂wʲₖ",
        "    3  for j ← L − 1 to 1 do",
        "    5      [Pʲ]ᵀ ← Ωʲ · Bʲ",
        "    2      Gradient(Ωʲ) ← αʲ⁻¹ · [Bʲ]ᵀ",
        "All 24 steps hold: each equals the step before it.",
    ):
        assert line in text.splitlines(), line
    assert "neuron 2 of layer 1 (j=1, k=1 in code)" in text
    assert text.count("✓ Compared: ") == 24
    assert max(map(len, text.splitlines())) <= 110
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert (
        repr(small)
        == "<Backpropagation, derived on a 2-3-2 network. All 24 steps hold: each equals the step before it.>"
    )
    assert repr(small["B"]) == "<step 'B': The rule for B>"


def test_the_numbers_that_are_printed_are_those_of_the_steps(small):
    number = tg.notation.letters.number
    row = small["P"].numbers["P[1]"][0]
    assert small["P"].equations[-1].unicode.endswith(f"= [{number(row[0])}, {number(row[1])}]")
    new = small["update"].numbers["omega[1]"]
    rows = "; ".join([", ".join([number(x).unicode for x in line]) for line in new])
    before, gradients = small["forward"].numbers["cost"], small["gradient_computation"].numbers.values()
    fall = 0.1 * sum(float(np.sum(g**2)) for g in gradients)
    guess = f"E − η ‖∇E‖² = {number(before)} − {number(fall)} = {number(before - fall)}"
    assert small["update"].equations[2].unicode == guess
    assert small["update"].equations[0].unicode.endswith(f"= [{rows}]")


def test_every_formula_is_latex_that_another_reader_takes(small):
    for step in small:
        for f in (step.formula, *step.equations):
            if "\\begin" not in f.latex:
                MathTextParser("path").parse(f"${f.latex}$")


def test_markdown_has_headings_and_display_formulas(small):
    text = small.to_markdown()
    headings = re.findall(r"^(#+) ", text, re.M)
    assert (headings.count("#"), headings.count("##"), headings.count("###")) == (1, 7, 24)
    assert text.count("$$\n") == 2 * sum(1 + len(step.equations) for step in small)
    assert r"\frac{\partial E}{\partial w_{k}^{j}}" in text
    assert r"the slope of $\Phi$ times the derivative" in text
    assert "`" not in re.sub(r"Numbers: `[^`]*`", "", text)
    assert small._repr_markdown_() == text


class Outline(html.parser.HTMLParser):
    """The tags of a page, checked to be closed; its headings, ids, links and scripts."""

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.ids, self.links, self.tags = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "mspace"):
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs[name] for name in ("href", "aria-labelledby") if name in attrs]

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(small):
    page = small.to_html()
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    assert outline.headings == ["h1", "h2", *[tag for _, steps in small.parts for tag in ["h2", *["h3"] * len(steps)]]]
    assert len(set(outline.ids)) == len(outline.ids)
    assert {link.lstrip("#") for link in outline.links} <= set(outline.ids)
    assert {step.name for step in small} <= set(outline.ids)
    assert not {"script", "link", "img"} & set(outline.tags)
    assert set(re.findall(r"https?://[^\"' ]*", page)) == {"http://www.w3.org/1998/Math/MathML"}
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme:dark" in page
    assert "@media print" in page
    assert '<html lang="en">' in page
    assert "`" not in page
    for math in re.findall(r"<math.*?</math>", page):
        ET.fromstring(math)  # noqa: S314  # our own
    assert 'class="zero"' in page


def test_no_text_reaches_the_page_unescaped(small):
    hostile = replace(
        small, title="<b>&", intro="a < b & `α`", steps=(replace(small[0], title="</h3>", words="x > 0 & `ζ`"),)
    )
    page = hostile.to_html()
    for text in ("<title>&lt;b&gt;&amp;</title>", "a &lt; b &amp; <math", "&lt;/h3&gt;", "x &gt; 0 &amp; <math"):
        assert text in page
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    assert "&amp;lt;b" in hostile._repr_html_()


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(small):
    shown = small._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert shown.count("<") == 2
    assert html.unescape(re.search('srcdoc="([^"]*)"', shown)[1]) == small.to_html()


@pytest.mark.parametrize(
    ("suffix", "start"), [(".txt", "Backprop"), (".md", "# Backprop"), (".HTML", "<!DOCTYPE html>")]
)
def test_it_saves_itself_by_the_suffix(small, suffix, start, tmp_path):
    path = small.save(tmp_path / f"derivation{suffix}")
    assert path.read_text(encoding="utf-8").startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_save_that_fails_leaves_the_old_file(small, tmp_path, monkeypatch):
    path = tmp_path / "derivation.md"
    path.write_text("old")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        small.save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["derivation.md"]


@pytest.mark.parametrize("name", ["derivation", "derivation.pdf", ""])
def test_an_unknown_suffix_is_refused(small, name, tmp_path):
    with pytest.raises(ValueError, match=r"must end with one of \.txt, \.md, \.html, \.tex: the suffix is the format"):
        small.save(tmp_path / name if name else name)
    with pytest.raises(tg.FileProblem, match=r"the folder .* does not exist; make it first"):
        small.save(tmp_path / "missing" / "derivation.md")
