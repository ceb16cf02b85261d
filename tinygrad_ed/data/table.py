"""read_table: a user's own CSV or npz file as a Dataset, or one clear line that says what is wrong with it.

`table_file` reads the file, `columns` says what each column is; here it is decided, once for all files, whether the
target means classes or numbers, and said what looks strange. `read_rows` reads rows for a network that is there.
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tinygrad_ed.data import columns
from tinygrad_ed.data.cells import Array, Table, known, pandas, short
from tinygrad_ed.data.columns import FEW, MISSINGS, Recipe, finite_numbers, recipe_of, refuse_gaps
from tinygrad_ed.data.dataset import Dataset
from tinygrad_ed.data.table_file import read_file
from tinygrad_ed.errors import Error, InvalidValue, MissingExtra, nearest, printable

KINDS = ("auto", "classes", "numbers")
EXACT = 2**53  # whole numbers beyond are rounded as floats

Which = str | int


def read_table(
    path: str | Path,
    target: Which = "y",
    header: str = "auto",
    kind: str = "auto",
    *,
    drop: str | Sequence[Which] = (),
    keep: str | Sequence[Which] = (),
    separator: str = "auto",
    encoding: str = "auto",
    decimal: str = "auto",
    thousands: str = "auto",
    missing: str = "refuse",
    categories: str = "onehot",
    positive: str | None = None,
) -> Dataset:
    r"""Read a table from a .csv (.tsv, .txt, .data) or .npz file: the column `target` is learned from the others.

    CSV files are read by pandas (extra `tables`). In an npz file the inputs are the array `x` or `X`, `(N, n)`, and
    the target is another array, `(N,)` or `(N, 1)`. Whatever is found out, and not asked for, is said in the `remarks`.

    The target means classes if it is text, or integers with at most 20 different values and at least five times as many
    rows; else numbers, where `classes` is None and `rho` is `(N, 1)`. `said` of the result tells which, in words.

    Args:
        path: the file.
        target: the name of a column, or its number from 1; in an npz file the name of an array.
        header: "yes", "no", or "auto": the first line is a header if it has the name of the target, text above
            numbers, or texts that do not come again. Without one the columns are called c1, c2, ...
        kind: what the target holds: "classes", "numbers", or "auto" for the rule above.
        drop: columns to leave out: a list of names and numbers, or a text with commas between them.
        keep: columns not to leave out, though they look like row numbers, ids or text of too many kinds.
        separator: "tab", "semicolon", "pipe", "comma", "space" or a character; "auto": the one of the first four that
            splits most of the first rows.
        encoding: its name; "auto": by the byte order mark, else UTF-8, else cp1252.
        decimal: "point" or "comma"; "auto": what the numbers prove.
        thousands: "none", "comma", "point", "space" or "apostrophe"; "auto": all but the decimal mark.
        missing: "refuse" a row that lacks a value, "skip" it, or fill the gap with the "mean" or "median" of its
            column over all rows (text: the commonest). A target is never filled: such rows are left out.
        categories: "onehot": a column of up to 50 different texts becomes one of 0 and 1 for each; or "refuse".
        positive: of two classes the one that gets the number 1; by default yes, ja, true and so on, else the last.

    Raises:
        FileProblem: for a file that is not there, cannot be read, is empty or is not what its suffix says.
        InvalidValue: for an unknown column or option, numbers that can be read in two ways, a missing value, a text
            where a number belongs, a target that is always the same; the message names line and column.
        InvalidType, ShapeError: for arrays of an npz file that hold no numbers or do not fit together.
        MissingExtra: without pandas.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "fruit.csv")
    ...     _ = file.write_text("weight;width;fruit\n150;7,1;apple\n120;3,5;banana\n170;7,4;apple\n110;3;banana\n")
    ...     data = read_table(file, target="fruit")
    >>> data
    Dataset(fruit.csv: 4 samples, 2 features; target 'fruit': 2 classes (apple, banana))
    >>> data.x[0], data.y, data.features
    (array([150. ,   7.1]), array([0, 1, 0, 1]), ('weight', 'width'))
    >>> "; ".join(data.remarks[:-1]), data.remarks[-1]
    ('separator: semicolon; encoding: utf-8; header: line 1; decimal comma; gaps: refuse',
     'positive class: banana, the last of both (option positive)')
    """
    known("kind", kind, KINDS)
    known("missing", missing, MISSINGS)
    with _naming(path):
        table = read_file(Path(path), [str(target)], header, separator, encoding)
        names = table.names
        at, out, kept = _target(table, target), _found(table, drop), _found(table, keep)
        if at in out:
            raise InvalidValue(f"column {names[at]!r} is the target, so it cannot be left out too")
        nameless = {k for k, name in enumerate(names) if name == f"c{k + 1}" and table.gaps(k).all()}
        used = [k for k in range(len(names)) if k not in {at, *out, *nameless}]
        if not used:
            raise InvalidValue(f"the only column is {names[at]!r}: nothing is left to learn it from")
        if twice := [k for k in used if names.index(names[k]) in used and names.index(names[k]) != k]:
            first, second = names.index(names[twice[0]]) + 1, twice[0] + 1
            what = f"columns {first} and {second} are both called {names[twice[0]]!r}"
            raise InvalidValue(f"{what}; rename one, or leave one out by drop='{second}'")
        table = table.marked([*used, at], decimal, thousands, f"gaps: {missing}")
        recipe, places, remarks = recipe_of(table, used, kept, categories, missing)
        gaps = {k: table.gaps(k) for k in [*places, at]}
        if kind == "classes":
            gaps[at] = (table.texts(at) == "").to_numpy()
        if missing == "refuse":
            refuse_gaps(table, gaps)
        table = table.without(np.any([*gaps.values()], axis=0) if missing == "skip" else gaps[at])
        x, filled, _ = recipe.applied(table, places, missing)
        y, classes, note = _classes_or_numbers(table, at, kind)
        if positive is not None or (classes and len(classes) == 2):
            plain = {text.lower(): text for text in classes or ()}
            word = next((plain[yes] for no, yes in map(str.split, columns.WORDS[1:]) if {no, yes} == {*plain}), None)
            y, classes = _with_positive(names[at], y, classes or (), word if positive is None else positive)
            why = f", as {classes[0]} is 0 and {classes[1]} is 1" if word else ", the last of both"
            remarks.append(f"positive class: {classes[1]}{f'{why} (option positive)' if positive is None else ''}")
        remarks = [*table.remarks, *remarks, *filled, *_strange(x, y, recipe, classes)]
        about = names[at], str(path), note, tuple(names), tuple(map(printable, remarks)), recipe
        return Dataset(Path(path).name, x, y, classes, recipe.features, *about)


def read_rows(
    path: str | Path,
    recipe: Recipe,
    target: str,
    old: Sequence[str],
    *,
    missing: str | None = None,
    header: str = "auto",
    separator: str = "auto",
    encoding: str = "auto",
    decimal: str = "auto",
    thousands: str = "auto",
) -> tuple[Array, Table, int | None, list[str]]:
    """Read the columns of a recipe, and the target if it is there, from a file like those that `read_table` takes.

    Columns are found by name, wherever they stand. Without a header (and in an npz file) they are taken by position:
    they are those of the `old` table, all of them, all but the target, or the inputs. A gap is treated, and `1,234` is
    read, as in training, unless an option says otherwise. Returned are the inputs `(M, n)`; the rows as they were
    found, without those that were left out; where the target stands in them, if it is there; and what to say, a line
    each.
    """
    missing = recipe.missing if missing is None else missing
    known("missing", missing, MISSINGS)
    with _naming(path):
        table = read_file(Path(path), [*recipe.names, target], header, separator, encoding)
        if not table.header:
            table = table._replace(names=_by_order(table, recipe.names, target, old, header))
        places = found_by_name(table.names, recipe.names)
        at = table.names.index(target) if table.names.count(target) == 1 else None
        used = places if at is None else [*places, at]
        table = table.marked(used, decimal, thousands, f"gaps: {missing}", recipe.marks)
        if missing == "skip":
            table = table.without(np.any([table.gaps(k) for k in places], axis=0))
        x, filled, new = recipe.applied(table, places, missing)
        unused = [name for k, name in enumerate(table.names) if k not in {*places, at}]
        unused_said = [f"not used: {', '.join(unused)}"] if unused else []
        return x, table, at, [*map(printable, [*table.remarks, *filled, *new, *unused_said])]


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Let what goes wrong with a file begin with its name."""
    try:
        yield
    except MissingExtra:
        raise
    except Error as error:
        raise type(error)(f"{str(path)!r}: {error}") from None


def find(names: Sequence[str], which: Which, remark: str = "") -> int:
    """Return the position of a column, given by its name, or, if no column has that name, by its number from 1."""
    if (count := names.count(str(which))) > 1:
        raise InvalidValue(f"{count} columns are called {which!r}; give the number of the column, from 1")
    numbers = {str(k): k - 1 for k in range(1, len(names) + 1)} | {name: k for k, name in enumerate(names)}
    if str(which) in numbers:
        return numbers[str(which)]
    shown = names if len(names) <= 20 else difflib.get_close_matches(str(which), names, n=5, cutoff=0)
    raise InvalidValue(f"there is no column {which!r}{remark}. {nearest(which, shown)}")


def found_by_name(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where the columns of a network stand in a table."""
    if absent := [name for name in wanted if name not in names]:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        find(names, absent[0], f"{more}, which the network was trained on")
    return [find(names, name) for name in wanted]


def _target(table: Table, target: Which) -> int:
    """Return where the target stands."""
    remark = "" if table.header or table.counted == "row" else " (no line was taken for a header, see option header)"
    if len(table.names) <= 2 and table.remarks:
        remark += f" ({table.remarks[0]}, see option separator)"
    return find(table.names, target, remark)


def _found(table: Table, wanted: str | Sequence[Which]) -> set[int]:
    """Return the positions of columns: a list of names and numbers, or a text with commas between."""
    which = [each.strip() for each in wanted.split(",") if each.strip()] if isinstance(wanted, str) else wanted
    return {find(table.names, each) for each in which}


def _by_order(table: Table, inputs: list[str], target: str, old: Sequence[str], header: str) -> list[str]:
    """Name columns by order."""
    if table.counted == "line" and header != "no" and list(old) != [f"c{k}" for k in range(1, len(old) + 1)]:
        raise InvalidValue(
            f"the first line does not name the columns {', '.join(inputs)}, which the network was trained on; "
            "write them there, or say header='no' if the columns are in their old order"
        )
    rest = [name for name in old if name != target]
    with_target = [[*inputs, target]] if target in table.names and table.counted == "row" else []
    for names in (*with_target, list(old), rest, inputs):
        if len(names) == len(table.names):
            return names
    there = len(table.names) - len(with_target)
    raise InvalidValue(f"there are {there} columns, but the network takes {len(inputs)} ({', '.join(inputs)})")


def _classes_or_numbers(table: Table, at: int, kind: str) -> tuple[Array, tuple[str, ...] | None, str]:
    """Decide what the target means, by the rule that `read_table` tells: its values, the classes, and why."""
    name, values, texts = table.names[at], table.numbers(at), table.texts(at)
    rows, count = len(texts), texts.nunique()
    if rows < 2:
        raise InvalidValue("there is one row of data; a network learns from several")
    if count == 1:
        raise InvalidValue(f"target {name!r} is always {short(texts[0])}: there is nothing to learn")
    if kind != "numbers" and _holds_names(table, at, kind):
        if kind == "auto":
            columns.refuse_amounts(name, texts)
            if columns.dates(texts):
                raise InvalidValue(f"target {name!r} holds dates, such as {short(texts[0])}; write a number to learn")
            if 2 * count > rows and count > FEW:
                raise InvalidValue(
                    f"target {name!r} has {count} different texts in {rows} rows, more like names of the rows than "
                    "classes; choose another target, or say kind='classes'"
                )
        codes, classes = pandas().factorize(texts, sort=True)
        return codes, tuple(classes), ""
    finite_numbers(table, at, np.zeros(rows, bool), "; or say kind='classes' to read the target as names of classes")
    different, codes = np.unique(values, return_inverse=True)
    whole = bool(np.all((values == np.round(values)) & (np.abs(values) <= EXACT)))
    few = whole and len(different) <= FEW and 5 * len(different) <= rows
    few = few and not any(map(table.marks.grouped, texts.unique()))
    note = ""
    if kind == "auto" and whole:
        why = "few integers mean classes" if few else f"{len(different)} different integers in {rows} rows mean numbers"
        note = f"{why}, unless kind={'numbers' if few else 'classes'!r}"
    if kind == "numbers" or not (few or kind == "classes"):
        return values, None, note
    written = [labels.tolist() for labels in texts.groupby(codes).unique()]
    if twice := [labels for labels in written if len(labels) > 1]:
        same = f"{short(twice[0][0])} and {short(twice[0][1])} are one number, written in two ways"
        raise InvalidValue(f"target {name!r}: {same}; write it in one way, or say kind='numbers'")
    return codes, tuple([labels[0] for labels in written]), note


def _holds_names(table: Table, at: int, kind: str) -> bool:
    """Tell whether the target holds names: mostly text, codes such as 01, or whole numbers that no float holds exactly.

    Mostly numbers with a few texts among them are taken for a slip.
    """
    if table.numeric(at):
        return bool(table.frame[at].dtype.kind == "b")
    texts, numbers = table.texts(at), ~np.isnan(table.numbers(at))
    long = [cell for cell in texts[texts.str.fullmatch(r"\d{16,}")] if float(cell) > EXACT]
    if long or texts.str.fullmatch(r"0\d+").any():
        return True
    return not numbers.all() and (kind == "classes" or 2 * numbers.sum() < len(texts) or columns.levels(texts, numbers))


def _with_positive(
    name: str, y: Array, classes: tuple[str, ...], positive: str | None
) -> tuple[Array, tuple[str, ...]]:
    """Return two classes so that the positive one has the number 1."""
    if len(classes) != 2:
        held = f"{len(classes)} classes" if classes else "numbers"
        raise InvalidValue(f"one of two classes can be positive (option positive), but target {name!r} holds {held}")
    if positive is not None and positive not in classes:
        raise InvalidValue(f"target {name!r} has no class {positive!r} (option positive). {nearest(positive, classes)}")
    return (1 - y, classes[::-1]) if positive == classes[0] else (y, classes)


def _strange(x: Array, y: Array, recipe: Recipe, classes: Sequence[str] | None) -> list[str]:
    """Return what looks strange: constants, what floats round, one thing in two spellings, classes of a single row."""
    remarks = []
    for column, name in zip(x.T, recipe.features, strict=True):
        if np.any((np.abs(column) > EXACT) & (column == np.round(column))) and np.all(np.abs(column) < 1e30):
            remarks.append(f"column {name!r} has whole numbers beyond {EXACT}, which are rounded")
        if column.min() == column.max():
            remarks.append(f"column {name!r} is always {column[0]:g}: nothing can be learned from it")
    for what, texts in (("classes", classes or ()), *[(f"texts of {c.name!r}", c.values) for c in recipe.columns]):
        remarks += [
            f"{what}: {' and '.join(map(short, same))} may be one thing in {len(same)} spellings, but are kept apart"
            for same in columns.spellings(texts)
        ]
    if classes and (rare := [name for name, count in zip(classes, np.bincount(y), strict=True) if count == 1]):
        remarks.append(f"classes with a single row: {', '.join(map(repr, rare))}")
    return remarks
