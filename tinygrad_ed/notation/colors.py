"""The colors of pages and drawings, light and dark; those of the letters stand in `alphabet.py`."""

from tinygrad_ed.notation.alphabet import LETTERS

REST: dict[str, tuple[str, str]] = {
    "ink": ("#1b1f24", "#e8eaed"), "quiet": ("#5f6873", "#a6afba"),
    "paper": ("#ffffff", "#1d2126"), "ground": ("#f4f5f7", "#14171a"),
    "line": ("#d5d9df", "#39414b"), "stroke": ("#8b95a1", "#77818d"),
    "op": ("#4b5563", "#5b6675"), "wrong": ("#b3261e", "#ff8a80"),
    "forward-fill": ("#e6f1f9", "#16324d"), "backward-fill": ("#fdeee3", "#472a1b"),
    "cluster-fill": ("#f6f7f9", "#262b31"), "wrong-fill": ("#fde2da", "#4a1f1a"),
    "parameter-fill": ("#fff4dc", "#3a2f17"), "constant-fill": ("#f0f1f3", "#2a2f36"),
    "good-fill": ("#dff3ec", "#17382f"), "now-fill": ("#ffffff", "#20252b"),
}  # fmt: skip
COLORS = {**{name: (entry.light, entry.dark) for name, entry in LETTERS.items() if entry.light}, **REST}


def page_css() -> str:
    """Return the colors as variables of CSS, such as `var(--alpha)`, and the letters in formulas colored by them."""
    light, dark = ["".join([f"--{name}:{pair[i]};" for name, pair in COLORS.items()]) for i in (0, 1)]
    letters = "".join([f"mi.{name}{{color:var(--{name})}}" for name in COLORS if name in LETTERS])
    blank = "mi.blank{border:1px solid var(--stroke);color:transparent;padding:.5em .2em .1em}"
    return f":root{{{light}}}{letters}{blank}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
