"""What each column of a table is, and how it becomes inputs of a network: a `Recipe`, applied in training and after.

A column holds numbers, or two words such as yes and no (0 and 1), or categories (a column of 0 and 1 for each). Row
numbers, ids and dates are left out, and it is said why.
"""

import itertools
import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.data.cells import Array, Table, known, pandas, short
from tinygrad_ed.errors import InvalidValue

CATEGORIES = ("onehot", "refuse")
MISSINGS = ("refuse", "skip", "mean", "median")
MANY = 50  # categories that are one-hot encoded
FEW = 20  # so many different integers may mean classes
WORDS = ("", "false true", "no yes", "f t", "n y", "off on", "falsch wahr", "nein ja", "non oui", "faux vrai")

_ID = re.compile(r"(?i:(?:^|[\W_])(?:id|ident|key|uuid|guid))$|[a-z](?:Id|ID|Key)$")
_NUMBER = re.compile(r"(?i:(?:^|[\W_])(?:index|idx|no|nr|number|row|rownames?))$|[a-z](?:No|Nr|Number|Index)$")
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_DATE = re.compile(
    r"(?:\d{1,4}([-/.])\d{1,2}\1\d{1,4}|\d{1,2}\.?[ -][^\W\d_]{3,9}\.?[ -]\d{2,4}|[^\W\d_]{3,9}\.? \d{1,2},? \d{4})"
    rf"(?:[ T]+{_CLOCK}.*)?|{_CLOCK}"
)
_UNIT = re.compile(r"[-+]?\s?(?:[$€£¥]|[A-Z]{3} )\s?[-+]?\d[\d.,'’\s]*|[-+]?\d[\d.,'’\s]*(?:%|[$€£¥])")
_COUNTS = "it counts the rows"


class Column(NamedTuple):
    """How one column becomes inputs.

    It has the `values` of categories, each of which gets an input; or the two `words` it holds, such as "no yes"; or
    numbers. The `fills` stand in for a missing value: mean and median, or twice the commonest text.
    """

    name: str
    values: tuple[str, ...] = ()
    words: str = ""
    fills: tuple[float | str, float | str] = (0.0, 0.0)


class Recipe(NamedTuple):
    """How columns become inputs, what is done where a value is missing, and the `proven` marks of numbers."""

    columns: tuple[Column, ...]
    missing: str = "refuse"
    marks: str = ""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs."""
        names = [[f"{column.name}={value}" for value in column.values] or [column.name] for column in self.columns]
        return tuple(itertools.chain(*names))

    def applied(self, table: Table, places: Sequence[int], missing: str) -> tuple[Array, list[str], list[str]]:
        """Return the inputs `(N, n)`, what was filled, and which categories are new, in words.

        The columns stand at these places of the table; where a value is missing, they are treated as `missing` says.
        """
        gaps = {k: table.gaps(k) for k in places}
        if missing not in ("mean", "median"):
            refuse_gaps(table, gaps)
        parts, filled, new = [], [], []
        for column, k in zip(self.columns, places, strict=True):
            fill = column.fills[missing == "median"]
            if gaps[k].any():
                shown = f"{fill:.6g}, the {missing}" if isinstance(fill, float) else f"{fill!r}, the commonest"
                filled.append(f"{column.name}: missing values ({gaps[k].sum()}) are filled with {shown}")
            if not (column.values or column.words):
                parts.append(np.where(gaps[k], fill, finite_numbers(table, k, gaps[k]))[:, None].astype(float))
                continue
            texts = table.texts(k).mask(gaps[k], fill)
            texts, choices = (texts.str.lower(), column.words.split()) if column.words else (texts, column.values)
            codes = pandas().Index(choices, dtype=object).get_indexer(texts)
            if (unseen := codes < 0).any():
                cells = ", ".join([short(cell) for cell in texts[unseen].unique()[:5]])
                if column.words:
                    raise InvalidValue(f"column {column.name!r} holds {' and '.join(choices)}, but here also {cells}")
                where = f"{table.counted} {table.listed(unseen)}"
                new.append(f"{column.name}: not seen in training, so its inputs are all 0: {cells} ({where})")
            parts.append(codes[:, None] if column.words else codes[:, None] == np.arange(len(choices)))
        return np.hstack(parts).astype(float), filled, new


def refuse_gaps(table: Table, gaps: dict[int, Array]) -> None:
    """Refuse columns that lack a value: say where the first is, and how many each of them lacks."""
    counts = {k: int(lacking.sum()) for k, lacking in gaps.items() if lacking.any()}
    if not counts:
        return
    k, total = next(iter(counts)), sum(counts.values())
    row = int(gaps[k].argmax())
    each = ", ".join([f"{table.names[j]} {count}" for j, count in counts.items()])
    in_all = f" ({total} are missing in all: {each})" if total > 1 else ""
    ways = "by missing='skip', or have inputs filled by missing='mean' or missing='median'"
    way = f", leave such {table.counted}s out {ways}"
    if table.counted == "row" and table.header:  # a DataFrame
        way = ", or leave such rows out (`fillna`, `dropna`)"
    raise InvalidValue(f"{table.where(row, k)}: a value is missing ({table.texts(k)[row]!r}){in_all}; fill it in{way}")


def finite_numbers(table: Table, k: int, gaps: Array, advice: str = "") -> Array:
    """Return the numbers of a column, all finite; where it has gaps, anything."""
    values = table.numbers(k)
    wrong = ~np.isfinite(values) & ~gaps
    if not wrong.any():
        return values
    row = int(wrong.argmax())
    cell, mark = table.texts(k)[row], table.marks.decimal
    what = "not a number" if np.isnan(values[row]) else "not finite"
    other = {".": ",", ",": "."}[mark]
    if np.isnan(values[row]) and not np.isnan(table.marks._replace(decimal=other).number(cell)):
        advice = f"; numbers have a decimal {'point' if mark == '.' else 'comma'} here (option decimal)"
    raise InvalidValue(
        f"{table.where(row, k)}: {short(cell)} is {what}; correct it, or take the {table.counted} out{advice}"
    )


def recipe_of(
    table: Table, used: Sequence[int], keep: Collection[int], categories: str, missing: str
) -> tuple[Recipe, list[int], list[str]]:
    """Return how the used columns become inputs, where the columns of the recipe stand, and what to say about it.

    Those of `keep` are not left out, whatever they look like.
    """
    known("categories", categories, CATEGORIES)
    found, out, remarks = {}, {}, []
    for k in used:
        column, why = _column(table, k)
        if why and k in keep and column is None:
            raise InvalidValue(f"column {table.names[k]!r} cannot be kept: {why}")
        if why and k not in keep:
            out[k] = (column, why)
        elif column is not None:
            found[k] = column
    if not found:
        found = {k: column for k, (column, why) in out.items() if column is not None and why == _COUNTS}
        remarks += [f"{table.names[k]}: {_COUNTS}, and is used, for there is nothing else" for k in found]
    reasons = ", ".join([f"{table.names[k]} ({why})" for k, (_, why) in out.items() if k not in found])
    if not found:
        raise InvalidValue(
            f"nothing is left to learn from. Left out: {reasons}; the option keep takes one all the same"
        )
    texts = [column for column in found.values() if column.values]
    if texts and categories == "refuse":
        held = ", ".join([f"{column.name!r} (such as {short(column.values[0])})" for column in texts])
        raise InvalidValue(f"text in {held}; leave it out (option drop), write numbers, or say categories='onehot'")
    if texts:
        held = ", ".join([f"{column.name} {len(column.values)}" for column in texts])
        count = sum([len(column.values) for column in texts])
        remarks.append(f"text columns ({len(texts)}) are one-hot encoded as {count} inputs of 0 and 1: {held}")
    remarks += [
        f"{column.name}: {column.words.replace(' ', ' is 0, ')} is 1" for column in found.values() if column.words
    ]
    if reasons:
        remarks.append(f"left out: {reasons}; the option keep takes one all the same")
    return Recipe(tuple(found.values()), missing, table.proven), list(found), remarks


def _column(table: Table, k: int) -> tuple[Column | None, str]:
    """Return how a column becomes inputs (None: it cannot), and why it should be left out ("": it should not)."""
    name, there = table.names[k], ~table.gaps(k)
    if not there.any():
        return None, "it is empty"
    values, texts = table.numbers(k)[there], table.texts(k)[there]
    numbers = ~np.isnan(values)
    if table.numeric(k) or (2 * numbers.sum() >= len(values) and not codes(texts) and not levels(texts, numbers)):
        finite = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
        with np.errstate(over="ignore"):  # of numbers near the end of all floats
            fills = float(np.nan_to_num(np.mean(finite))), float(np.nan_to_num(np.median(finite)))
        return Column(name, fills=fills), _row_number(name, name == f"c{k + 1}" and table.header, finite)
    counts = texts.value_counts()
    commonest, lower = str(counts.index[0]), {text.lower() for text in counts.index}
    for words in WORDS[1:]:
        if lower <= set(words.split()):
            return Column(name, words=words, fills=(commonest.lower(), commonest.lower())), ""
    refuse_amounts(name, texts)
    if dates(texts):
        ways = "write days since a first day, or the month and the weekday"
        return None, f"dates as text, such as {short(commonest)}: {ways}"
    column = Column(name, tuple(sorted(counts.index)), fills=(commonest, commonest))
    if len(counts) == len(texts) > 1:
        return column, "a different text in each row"
    if len(counts) > MANY or 2 * len(counts) > len(texts) > 20:
        return column, f"{len(counts)} different texts; up to {MANY}, each in several rows, are one-hot encoded"
    return column, ""


def spellings(texts: Sequence[str]) -> list[list[str]]:
    """Return texts that may be one thing: but for capitals, or spaces, - and _ in words; or words such as y and yes."""
    plain = {text: re.sub(r"(?<=[^\W\d])[\s_-]+(?=[^\W\d])", " ", text.casefold()) for text in texts}
    yes = {"1", *[words.split()[1] for words in WORDS[1:]]}
    if set(plain.values()) <= {"0", *yes, *" ".join(WORDS).split()}:
        plain = {text: str(word in yes) for text, word in plain.items()}
    groups: dict[str, list[str]] = {}
    for text, word in plain.items():
        groups.setdefault(word, []).append(text)
    return [same for same in groups.values() if len(same) > 1]


def codes(texts: Any) -> bool:
    """Tell whether a column holds codes such as 01 and 07: digits of one length, some with a zero in front."""
    cells = texts.unique()
    return (
        cells[0].isdecimal()
        and {len(cell) for cell in cells} == {max(2, len(cells[0]))}
        and (all(map(str.isdecimal, cells)) and any([cell[0] == "0" for cell in cells]))
    )


def levels(texts: Any, numbers: Array) -> bool:
    """Tell whether numbers with words between are categories, such as 0, 1, 2, 3+: few, each in several rows."""
    few = texts.nunique() <= min(FEW, len(texts) // 5)
    return bool(few and not numbers.all() and texts[~numbers].value_counts().min() > 1)


def dates(texts: Any) -> bool:
    """Tell whether a column holds dates (or times of a day) as text."""
    return bool(texts.str.fullmatch(_DATE).mean() > 0.5)


def refuse_amounts(name: str, texts: Any) -> None:
    """Refuse numbers with their unit, if at least half are so."""
    units = texts[texts.str.fullmatch(_UNIT)]
    if 2 * len(units) >= len(texts):
        held = f"column {name!r} holds numbers with their unit, such as {short(units.iloc[0])}"
        raise InvalidValue(f"{held}; write the numbers alone, or leave it out (option drop)")


def _row_number(name: str, unnamed: bool, values: Array) -> str:
    """Tell why numbers look like those of rows, or like ids; "" if they do not.

    So many different whole numbers, so close together, that a measurement would have repeated some of them, count.
    """
    rows, different = len(values), len(np.unique(values))
    if (values != np.round(values)).any():
        return ""
    if unnamed or re.fullmatch(r"Unnamed: \d+", name):
        return "row numbers"
    if _ID.search(name) and 2 * different > rows > different:
        return f"an id: {different} different numbers in {rows} rows"
    if different < rows or rows < 3:
        return ""
    if _ID.search(name) or _NUMBER.search(name):
        return "a different number in each row"
    dense = rows**2 > 10 * (float(values.max()) - float(values.min()) + 1)
    return _COUNTS if rows > 5 and (dense or (np.diff(values) == 1).all()) else ""
