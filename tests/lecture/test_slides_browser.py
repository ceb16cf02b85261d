"""The derivation as slides, held in a real browser: keys reveal the right-hand sides, and nothing is cut off."""

from types import SimpleNamespace

import numpy as np
import pytest
from pages import press, violations

import tinygrad_ed as tg

pytestmark = pytest.mark.browser


def held(sizes=(2, 3, 2), **options):
    mlp = tg.nn.MLP(sizes, rng=0)
    derivation = tg.lecture.derive(mlp, np.linspace(-1.0, 1.0, sizes[0]), np.ones(sizes[-1]))
    return SimpleNamespace(save=lambda path: derivation.save(path, **options))


def seen(page):
    return page.locator("section.now .piece.seen").count()


def test_a_line_begins_with_an_empty_box_and_keys_fill_it(visit):
    page = visit(held(slides=True))
    press(page, "PageDown", 2)
    title, pieces = page.locator("section.now h2").text_content(), page.locator("section.now .piece").count()
    assert (title, pieces, seen(page)) == ("1.1 The network runs forward", 3, 0)
    assert page.locator("section.now .box.open").count() == 3
    for key in ("ArrowRight", " ", "Enter"):
        press(page, key)
    assert (seen(page), page.locator("section.now .box.open").count()) == (3, 0)
    press(page, "ArrowRight")
    assert (page.locator("footer").text_content()[:5], seen(page)) == ("4 / 7", 0)
    press(page, "PageUp")
    assert (page.locator("footer").text_content()[:5], seen(page)) == ("3 / 7", 3)
    press(page, "ArrowLeft")
    assert seen(page) == 2


def test_an_address_opens_where_the_lecture_stood(visit):
    page = visit(held(slides=True), "#4.2")
    assert (page.locator("footer").text_content()[:5], seen(page)) == ("4 / 7", 2)
    press(page, "Home")
    assert page.url.endswith("#1.0")


@pytest.mark.parametrize("sizes", [(2, 3, 2), (4, 8, 8, 3)])
@pytest.mark.parametrize(("width", "height", "least"), [(1920, 1080, 28), (1366, 768, 20), (1024, 768, 16)])
def test_every_slide_fits_and_is_large(sizes, width, height, least, visit):
    page = visit(held(sizes, slides=True), width=width, height=height)
    for i in range(page.evaluate("slides.length")):
        page.evaluate(f"go({i}, Infinity)")
        broad, high, size, end = page.evaluate(
            """() => {
                const texts = [...document.querySelectorAll("section.now p, section.now .line, section.now h2")];
                const last = [...document.querySelectorAll("section.now .piece")].at(-1);
                return [document.documentElement.scrollWidth, document.documentElement.scrollHeight,
                        Math.min(99, ...texts.map((text) => parseFloat(getComputedStyle(text).fontSize))),
                        last ? last.getBoundingClientRect().bottom : 0];
            }"""
        )
        assert broad <= width, page.locator("section.now").text_content()[:80]
        assert size >= least
        assert end <= height + 1
        if sizes == (2, 3, 2):
            assert high <= height + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_slides_can_be_read_by_all(scheme, visit):
    page = visit(held(slides=True), "#4.9", color_scheme=scheme)
    assert violations(page) == []


def test_blank_slides_stay_empty_on_the_screen_and_on_paper(visit):
    page = visit(held(blank=True))
    visible = (
        "[...document.querySelectorAll('.piece')].filter((p) => getComputedStyle(p).visibility === 'visible').length"
    )
    press(page, "PageDown", 3)
    assert page.locator("footer").text_content()[:5] == "4 / 7"
    page.emulate_media(media="print")
    assert page.evaluate(visible) == 0


def test_on_paper_all_is_shown(visit):
    page = visit(held(slides=True))
    page.emulate_media(media="print")
    shown = page.evaluate(
        "[...document.querySelectorAll('.piece')].every((p) => getComputedStyle(p).visibility === 'visible')"
    )
    assert shown
    assert page.evaluate("[...slides].every((slide) => getComputedStyle(slide).display === 'flex')")
