"""read_table: a user's own CSV or npz file as a Dataset, or one clear line that says what is wrong with it.

`csv_file` and `npz_file` turn the file into plain arrays; here it is decided, once for both, whether the
target means classes or numbers.
"""

from pathlib import Path

import numpy as np

from tinygrad_ed.data.csv_file import read_csv
from tinygrad_ed.data.dataset import Array, Dataset
from tinygrad_ed.data.npz_file import read_npz
from tinygrad_ed.errors import Error, FileProblem, InvalidValue, nearest

HEADERS = ("auto", "yes", "no")
KINDS = ("auto", "classes", "numbers")
FEW = 20  # so many different integers may mean classes


def read_table(path: str | Path, target: str | int = "y", header: str = "auto", kind: str = "auto") -> Dataset:
    r"""Read a table from a .csv (.tsv, .txt) or .npz file: the column `target` is to be learned from all the others.

    CSV: UTF-8, cells separated by tab, semicolon or comma (the first of these that splits the first line), quotes as
    usual, blank lines skipped. The first line is a header if one of its cells is the name `target`, or is text above a
    column of which at least half are numbers; without a header the columns are called c1, c2, ...

    npz: the inputs are the array `x` or `X`, `(N, n)`, the target is another array, `(N,)` or `(N, 1)`.

    The target means classes if it is text, or integers with at most 20 different values and at least five times as many
    rows; else numbers. `said` of the result tells which, in words.

    Args:
        path: the file.
        target: the name of a column, or its number from 1; in an npz file the name of an array.
        header: "yes", "no", or "auto" for the rule above.
        kind: "classes", "numbers", or "auto" for the rule above.

    Returns:
        A Dataset; for a target of numbers its `classes` is None and `rho` is `(N, 1)`.

    Raises:
        FileProblem: for a file that is not there, cannot be read, is empty or is not what its suffix says.
        InvalidValue: for an unknown target, a line with too few or too many cells, text or a missing value where a
            number belongs, a target that is always the same; the message names line and column.
        InvalidType, ShapeError: for arrays of an npz file that hold no numbers or do not fit together.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "fruit.csv")
    ...     _ = file.write_text("weight;width;fruit\n150;7.1;apple\n120;3.5;banana\n170;7.4;apple\n")
    ...     data = read_table(file, target="fruit")
    >>> data
    Dataset(fruit.csv: 3 samples, 2 features; target 'fruit': 2 classes (apple, banana))
    >>> data.x[0], data.y, data.features
    (array([150. ,   7.1]), array([0, 1, 0]), ('weight', 'width'))
    """
    for name, value, known in (("header", header, HEADERS), ("kind", kind, KINDS)):
        if value not in known:
            raise InvalidValue(f"{name} {value!r} is not known. {nearest(value, known)}")
    path = Path(path)
    try:
        return _read(path, target, header, kind)
    except Error as error:
        raise type(error)(f"{str(path)!r}: {error}") from None
    except FileNotFoundError:
        raise FileProblem(f"{str(path)!r}: there is no such file (seen from the folder {str(Path.cwd())!r})") from None
    except OSError as error:
        raise FileProblem(f"{str(path)!r}: the file cannot be read: {error.strerror or error}") from error


def _read(path: Path, target: str | int, header: str, kind: str) -> Dataset:
    if path.is_dir():
        raise FileProblem("this is a folder; name a .csv or .npz file in it")
    if path.stat().st_size == 0:
        raise FileProblem("the file is empty")
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return _dataset(path, kind, *read_csv(path, target, header, kind))
        case ".npz":
            return _dataset(path, kind, *read_npz(path, str(target), kind))
    raise FileProblem(f"tables are read from .csv, .tsv, .txt and .npz files, not {path.suffix!r}")


def _dataset(
    path: Path, kind: str, x: Array, features: list[str], target: str, values: Array, note: str = ""
) -> Dataset:
    """Decide what the target means, by the rule that `read_table` tells."""
    distinct, numbers = np.unique(values, return_inverse=True)
    count, rows = len(distinct), len(values)
    if count == 1:
        raise InvalidValue(f"target {target!r} is always {distinct.item()!r}: there is nothing to learn")
    text = values.dtype.kind == "U"
    if text and kind == "auto" and count > FEW and 2 * count > rows:
        raise InvalidValue(
            f"target {target!r} has {count} different texts in {rows} rows, more like names of the rows than classes; "
            "choose another target, or say kind='classes'"
        )
    integers = not text and bool(np.all(distinct == np.round(distinct)))
    classes: tuple[str, ...] | None = None
    if text or kind == "classes" or (kind == "auto" and integers and count <= FEW and 5 * count <= rows):
        classes = tuple(str(value) if text or not integers else str(int(value)) for value in distinct)
    if kind == "auto" and integers:
        why = "few integers mean classes" if classes else f"{count} different integers in {rows} rows mean numbers"
        note = f"{why}, unless kind={'numbers' if classes else 'classes'!r}" + (f"; {note}" if note else "")
    return Dataset(
        name=path.name,
        x=x,
        y=values if classes is None else numbers,
        classes=classes,
        features=tuple(features),
        target=target,
        source=str(path),
        note=note,
    )
