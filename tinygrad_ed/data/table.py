"""read_table: a user's own CSV or npz file as a Dataset, or one clear line that says what is wrong with it.

`csv_file` and `npz_file` turn the file into plain arrays; here it is decided, once for both, whether the
target means classes or numbers, and said what looks strange. `read_rows` reads rows for a network that is there.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from tinygrad_ed.data.columns import Found, Rows, Which
from tinygrad_ed.data.csv_file import EXACT, read_csv, read_csv_rows
from tinygrad_ed.data.dataset import Array, Dataset
from tinygrad_ed.data.npz_file import read_npz, read_npz_rows
from tinygrad_ed.errors import Error, FileProblem, InvalidValue, nearest

HEADERS = ("auto", "yes", "no")
KINDS = ("auto", "classes", "numbers")
DECIMALS = ("auto", "point", "comma")
MISSINGS = ("refuse", "skip")
FEW = 20  # so many different integers may mean classes

T = TypeVar("T")


def read_table(
    path: str | Path,
    target: Which = "y",
    header: str = "auto",
    kind: str = "auto",
    *,
    drop: str | Sequence[Which] = (),
    missing: str = "refuse",
    decimal: str = "auto",
) -> Dataset:
    r"""Read a table from a .csv (.tsv, .txt) or .npz file: the column `target` is to be learned from all the others.

    CSV: UTF-8, cells separated by tab, semicolon or comma (the first of these that splits the first line), quotes as
    usual, blank lines skipped. The first line is a header if one of its cells is the name `target`, or is text above a
    column of which at least half are numbers; without a header the columns are called c1, c2, ... Where cells are not
    separated by commas and no number has a point, a comma is the decimal mark.

    npz: the inputs are the array `x` or `X`, `(N, n)`, the target is another array, `(N,)` or `(N, 1)`.

    The target means classes if it is text, or integers with at most 20 different values and at least five times as many
    rows; else numbers. `said` of the result tells which, in words; its `remarks` tell what looks strange.

    Args:
        path: the file.
        target: the name of a column, or its number from 1; in an npz file the name of an array.
        header: "yes", "no", or "auto" for the rule above.
        kind: "classes", "numbers", or "auto" for the rule above.
        drop: columns to leave out: a list of names and numbers, or a text with commas between them.
        missing: "refuse" a row that lacks a value, or "skip" it; the remarks tell which.
        decimal: the decimal mark: "point", "comma", or "auto" for the rule above.

    Returns:
        A Dataset; for a target of numbers its `classes` is None and `rho` is `(N, 1)`.

    Raises:
        FileProblem: for a file that is not there, cannot be read, is empty or is not what its suffix says.
        InvalidValue: for an unknown target, a line with too few or too many cells, two inputs of one name, text or a
            missing value where a number belongs, a target that is always the same; the message names line and column.
        InvalidType, ShapeError: for arrays of an npz file that hold no numbers or do not fit together.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "fruit.csv")
    ...     _ = file.write_text("weight;width;fruit\n150;7,1;apple\n120;3,5;banana\n170;7,4;apple\n110;3;banana\n")
    ...     data = read_table(file, target="fruit")
    >>> data
    Dataset(fruit.csv: 4 samples, 2 features; target 'fruit': 2 classes (apple, banana))
    >>> data.x[0], data.y, data.features, data.remarks
    (array([150. ,   7.1]), array([0, 1, 0, 1]), ('weight', 'width'), ('numbers have a decimal comma',))
    """
    _known(header=(header, HEADERS), kind=(kind, KINDS), missing=(missing, MISSINGS), decimal=(decimal, DECIMALS))
    path = Path(path)
    found = _read(
        path,
        lambda: read_csv(path, target, header, kind, drop, missing, decimal),
        lambda: read_npz(path, str(target), kind, drop, missing),
    )
    try:
        return _dataset(path, kind, found)
    except Error as error:
        raise type(error)(f"{str(path)!r}: {error}") from None


def read_rows(
    path: str | Path,
    features: Sequence[str],
    target: str,
    columns: Sequence[str],
    header: str = "auto",
    decimal: str = "auto",
) -> Rows:
    """Read the columns of these names, in this order, from a file like those that `read_table` takes.

    Columns are found by name, wherever they stand. Without a header (and in an npz file) they are taken by position.

    Args:
        path: the file.
        features: the names of the inputs.
        target: the name of what is learned: it need not be there.
        columns: all columns of the table that was learned from.
        header: as in `read_table`.
        decimal: as in `read_table`.

    Raises:
        FileProblem, InvalidValue, InvalidType, ShapeError: as `read_table`; a column that is not there is named.
    """
    _known(header=(header, HEADERS), decimal=(decimal, DECIMALS))
    path = Path(path)
    return _read(
        path,
        lambda: read_csv_rows(path, features, target, columns, header, decimal),
        lambda: read_npz_rows(path, features, target, columns),
    )


def _known(**options: tuple[str, tuple[str, ...]]) -> None:
    for name, (value, known) in options.items():
        if value not in known:
            raise InvalidValue(f"{name} {value!r} is not known. {nearest(value, known)}")


def _read(path: Path, from_csv: Callable[[], T], from_npz: Callable[[], T]) -> T:
    """Read a file by its suffix; what goes wrong begins with its name."""
    try:
        if path.is_dir():
            raise FileProblem("this is a folder; name a .csv or .npz file in it")
        if path.exists() and not path.is_file():
            raise FileProblem("this is a pipe or a device; name a .csv or .npz file")
        if path.stat().st_size == 0:
            raise FileProblem("the file is empty")
        match path.suffix.lower():
            case ".csv" | ".tsv" | ".txt":
                return from_csv()
            case ".npz":
                return from_npz()
        raise FileProblem(f"tables are read from .csv, .tsv, .txt and .npz files, not {path.suffix!r}")
    except Error as error:
        raise type(error)(f"{str(path)!r}: {error}") from None
    except FileNotFoundError:
        raise FileProblem(f"{str(path)!r}: there is no such file (seen from the folder {str(Path.cwd())!r})") from None
    except OSError as error:
        raise FileProblem(f"{str(path)!r}: the file cannot be read: {error.strerror or error}") from error


def _dataset(path: Path, kind: str, found: Found) -> Dataset:
    """Decide what the target means, by the rule that `read_table` tells."""
    values, target = found.values, found.target
    distinct, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    count, rows = len(distinct), len(values)
    if rows < 2:
        raise InvalidValue("there is one row of data; a network learns from several")
    if count == 1:
        raise InvalidValue(f"target {target!r} is always {distinct.item()!r}: there is nothing to learn")
    text = values.dtype.kind == "U"
    if text and kind == "auto" and count > FEW and 2 * count > rows:
        raise InvalidValue(
            f"target {target!r} has {count} different texts in {rows} rows, more like names of the rows than classes; "
            "choose another target, or say kind='classes'"
        )
    integers = not text and _whole(values)
    classes: tuple[str, ...] | None = None
    if text or kind == "classes" or (kind == "auto" and integers and count <= FEW and 5 * count <= rows):
        classes = tuple(str(value) if text or not integers else str(int(value)) for value in distinct)
    note = ""
    if kind == "auto" and integers:
        why = "few integers mean classes" if classes else f"{count} different integers in {rows} rows mean numbers"
        note = f"{why}, unless kind={'numbers' if classes else 'classes'!r}"
    rare = [f"{name!r}" for name, n in zip(classes or (), counts, strict=False) if n == 1]
    return Dataset(
        name=path.name,
        x=found.x,
        y=values if classes is None else numbers,
        classes=classes,
        features=tuple(found.features),
        target=target,
        source=str(path),
        note=note,
        columns=tuple(found.columns),
        remarks=(
            *found.remarks,
            *_strange(found.x, found.features),
            *([f"classes with a single row: {', '.join(rare)}"] if rare else []),
        ),
    )


def _whole(values: Array) -> bool:
    """Tell whether all are whole numbers that a float holds exactly."""
    return bool(np.all((values == np.round(values)) & (np.abs(values) <= EXACT)))


def _strange(x: Array, features: Sequence[str]) -> list[str]:
    """Return what looks as if it was no input: constants, numbers of the rows, and what floats round."""
    remarks = []
    for column, name in zip(x.T, features, strict=True):
        if np.any((np.abs(column) > EXACT) & (column == np.round(column))) and np.all(np.abs(column) < 1e30):
            remarks.append(f"column {name!r} has whole numbers beyond {EXACT}, which are rounded")
        if column.min() == column.max():
            remarks.append(f"column {name!r} is always {column[0]:g}: nothing can be learned from it")
            continue
        with np.errstate(over="ignore"):
            steps = np.diff(column)
        if len(column) > 5 and np.all(steps == 1):
            remarks.append(f"column {name!r} counts the rows; if it means nothing else, leave it out (drop={name!r})")
        elif _ID.search(name) and _whole(column) and len(np.unique(column)) == len(column) > FEW:
            remarks.append(f"column {name!r} looks like a name of the row; then leave it out (drop={name!r})")
    return remarks


_ID = re.compile(r"(^|[^a-z])(id|ident|index|key|no|nr|number)$", re.IGNORECASE)
