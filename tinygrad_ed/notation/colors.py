"""The colors of letters, pages and drawings: one table, light and dark. A letter has the same color everywhere.

The colors of the letters differ in lightness as well as in hue, so that readers with any kind of color vision can tell
them apart, and all can be read on every background of their row; tests simulate and measure both.
"""

LETTERS: dict[str, tuple[str, str]] = {  # the letter's name in `letters.LETTERS`: its color in the light, in the dark
    "alpha": ("#0a5ad6", "#a4cdf9"),
    "zeta": ("#22303a", "#f1f3f3"),
    "omega": ("#5a3200", "#fad205"),
    "omega_k": ("#5a3200", "#fad205"),
    "beta": ("#00684a", "#47fda0"),
    "B": ("#c93a10", "#ec863d"),
    "P": ("#9c3391", "#e65fff"),
    "rho": ("#333333", "#d8d8d8"),
    "cost": ("#111111", "#f2f2f2"),
}
REST: dict[str, tuple[str, str]] = {
    "ink": ("#1b1f24", "#e8eaed"),
    "quiet": ("#5f6873", "#a6afba"),
    "paper": ("#ffffff", "#1d2126"),
    "ground": ("#f4f5f7", "#14171a"),
    "line": ("#d5d9df", "#39414b"),
    "stroke": ("#8b95a1", "#77818d"),
    "op": ("#4b5563", "#5b6675"),
    "wrong": ("#b3261e", "#ff8a80"),
    "forward-fill": ("#e6f1f9", "#16324d"),
    "backward-fill": ("#fdeee3", "#472a1b"),
    "cluster-fill": ("#f6f7f9", "#262b31"),
    "wrong-fill": ("#fde2da", "#4a1f1a"),
    "parameter-fill": ("#fff4dc", "#3a2f17"),
    "constant-fill": ("#f0f1f3", "#2a2f36"),
    "good-fill": ("#dff3ec", "#17382f"),
    "now-fill": ("#ffffff", "#20252b"),
}
COLORS = {**LETTERS, **REST}


def page_css() -> str:
    """Return the colors as variables of CSS, such as `var(--alpha)`, and the letters in formulas colored by them.

    >>> page_css().startswith(":root{--alpha:#0a5ad6;")
    True
    """
    light, dark = ["".join([f"--{name}:{pair[i]};" for name, pair in COLORS.items()]) for i in (0, 1)]
    letters = "".join([f"mi.{name}{{color:var(--{name})}}" for name in LETTERS])
    return f":root{{{light}}}{letters}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
