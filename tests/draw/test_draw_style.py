import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed.draw import style
from tinygrad_ed.notation.letters import letter

# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color vision deficiency".
VISION = {
    "usual": np.eye(3),
    "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no blue cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(color):
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = [math.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz / np.array([0.9505, 1.0, 1.089])]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_the_letters_can_be_told_apart_with_any_color_vision(vision):
    seen = {
        k: lab(np.clip(VISION[vision] @ linear(style.COLORS[k]), 0, 1))
        for k in ("alpha", "zeta", "omega", "beta", "B", "P")
    }
    nearest = min(np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(seen, 2))
    assert nearest > 15  # 2.3 is the smallest difference that people notice


def contrast(one, other):
    light, dark = sorted([float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


FILLS = [
    style.PAPER,
    style.FORWARD_FILL,
    style.BACKWARD_FILL,
    style.WRONG_FILL,
    *(fill for fill, _ in style.ROLES.values()),
]


@pytest.mark.parametrize("fill", sorted(set(FILLS)))
@pytest.mark.parametrize("letter", style.COLORS)
def test_every_letter_can_be_read_on_every_box_by_day_and_in_the_dark(letter, fill):
    color = style.COLORS[letter]
    assert contrast(color, fill) >= 4  # large and bold
    assert contrast(style.DARK[color], style.DARK[fill]) >= 4.5  # WCAG AA
    assert fill != style.PAPER or contrast(color, fill) >= 4.5


@pytest.mark.parametrize("vision", VISION)
def test_in_the_dark_the_letters_can_be_told_apart_too(vision):
    names = ("alpha", "zeta", "omega", "beta", "B", "P")
    seen = {k: lab(np.clip(VISION[vision] @ linear(style.DARK[style.COLORS[k]]), 0, 1)) for k in names}
    assert min(np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(seen, 2)) > 15


@pytest.mark.parametrize("vision", VISION)
def test_below_and_above_zero_can_be_told_apart_in_a_heat_map(vision):
    low, zero, high = [lab(np.clip(VISION[vision] @ linear(style.heat(x, 1.0)), 0, 1)) for x in (-1.0, 0.0, 1.0)]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations([low, zero, high], 2)) > 30


@pytest.mark.parametrize("strongest", [style.BEHIND_TEXT, 1.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_heat_map_goes_away_from_its_paper_step_by_step_by_day_and_in_the_dark(sign, strongest):
    colors = [style.heat(sign * x, 1.0, strongest) for x in np.linspace(0, 1, 9)]
    light = [lab(linear(color))[0] for color in colors]
    dark = [lab(linear(style.DARK[color]))[0] for color in colors]
    assert min(np.diff(light[::-1])) > 1
    assert min(np.diff(dark)) > 1


@pytest.mark.parametrize("x", np.linspace(-1, 1, 17))
def test_numbers_can_be_read_on_a_box_of_every_color_of_the_scale(x):
    color = style.heat(x, 1.0, style.BEHIND_TEXT)
    assert contrast(style.INK, color) >= 4.5
    assert contrast(style.DARK[style.INK], style.DARK[color]) >= 4.5


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_reads_back_within_its_last_digit(x):
    text = style.number_text(x)
    assert "-" not in text
    assert len(text) <= 12
    if abs(x) < 1e308:
        plain = text.replace("−", "-")
        if "·10" in plain:
            mantissa, exponent = plain.split("·10")
            plain = f"{mantissa}e{exponent.translate(str.maketrans('⁰¹²³⁴⁵⁶⁷⁸⁹⁻', '0123456789-'))}"
        assert float(plain) == pytest.approx(x, rel=6e-3, abs=0)


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.0, "0"), (-0.0, "0"), (2.0, "2"), (1 / 3, "0.333"), (0.99996, "1.00"), (999.96, "1000"), (-1e-9, "−1·10⁻⁹")],
)
def test_numbers_are_short(x, text):
    assert style.number_text(x) == text


def test_scripts_become_unicode_or_tspans():
    spans = style.tspans(letter("omega_k", 1, "1,2").runs, 10)
    assert spans.count("<tspan") == 3
    assert 'dy="-4"' in spans  # up ...
    assert 'dy="6.4"' in spans  # ... and from there to below the line


def test_text_is_cut_and_made_safe_for_every_language():
    assert style.short("a" * 40, 6) == "aaaaa…"
    assert style.clean("a" + chr(0) + "b") == "a␀b"
    assert style.escape("<b>α & 'β'") == "&lt;b&gt;α &amp; &#x27;β&#x27;"
    assert style.quoted(r"a\N") == r'"a\\N"'
    assert style.quoted('"b" & c') == r'"\"b\" &amp; c"'
    assert style.tooltip(r"a\N") == r'"a\\\\N"'


def test_a_heat_map_is_white_at_zero():
    assert [style.heat(x, 2.0) for x in (0.0, -2.0, 1.0)] == ["#ffffff", "#0b5ad6", "#e49d88"]
