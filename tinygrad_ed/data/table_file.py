"""From a file to a `Table`: its encoding, what separates its cells, and its header. CSV files are read by pandas.

Lines are counted as an editor counts them: a header and blank lines count, and a row whose quoted cells span several
lines has the number of its first. Nothing in an npz file is ever executed (no pickle).
"""

import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.data.cells import MISSING, Marks, Table, known, pandas
from tinygrad_ed.data.files import DAMAGE
from tinygrad_ed.errors import Error, FileProblem, InvalidType, InvalidValue, ShapeError, nearest

SEPARATORS = {"tab": "\t", "semicolon": ";", "pipe": "|", "comma": ",", "space": r"\s+"}
HEADERS = ("auto", "yes", "no")

_NAMES = {mark: name for name, mark in SEPARATORS.items()}
_BEGIN = re.compile(r"(?:sep=(\S)[ \t]*(?:\r\n|\r|\n))?(?:[ \t]*(?:\r\n|\r|\n))*", re.IGNORECASE)  # "sep=;" tells Excel
_LINE_END = re.compile(r"\r\n|\r|\n")


def read_file(path: Path, names: Collection[str], header: str, separator: str, encoding: str) -> Table:
    """Read a file by its suffix; one of these names in the first line makes that a header."""
    known("header", header, HEADERS)
    suffix = path.suffix.lower()
    if path.is_dir():
        raise FileProblem("this is a folder; name a .csv or .npz file in it")
    if suffix not in (".csv", ".tsv", ".txt", ".data", ".npz"):
        raise FileProblem(f"tables are read from .csv, .tsv, .txt, .data and .npz files, not {path.suffix!r}")
    if path.exists() and not path.is_file():
        raise FileProblem("this is a pipe or a device, and no file; write what comes from it to a file first")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileProblem(f"there is no such file (seen from the folder {str(Path.cwd())!r})") from None
    except OSError as error:
        raise FileProblem(f"the file cannot be read: {error.strerror or error}") from error
    if not content:
        raise FileProblem("the file is empty")
    if suffix == ".npz":
        return _from_npz(content, names)
    text, encoding = _decoded(content, encoding)
    return _from_text(text, names, header, separator, f"encoding: {encoding}")


def _decoded(content: bytes, encoding: str) -> tuple[str, str]:
    """Return the text, and the encoding: as asked, by the byte order mark, UTF-8, or else that of Windows."""
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    tried = [encoding] if encoding != "auto" else ["utf-16"] if utf16 else ["utf-8", "cp1252"]
    for name in tried:
        try:
            text = content.decode(name).removeprefix("\ufeff")
        except LookupError:
            raise InvalidValue(
                f"encoding {name!r} is not known; known are utf-8, utf-16, cp1252, latin-1 ..."
            ) from None
        except ValueError:
            continue
        if "\0" in text:
            raise FileProblem(f"it holds zeros, so it is no text in {name}; perhaps in utf-16-le (option encoding)")
        return text, name
    raise FileProblem(f"it is no text in {' or '.join(tried)}; name its encoding (option encoding)")


def _from_text(text: str, names: Collection[str], header: str, separator: str, encoding: str) -> Table:
    begin = _BEGIN.match(text)
    assert begin is not None  # noqa: S101  # it matches the empty text too
    body, before = text[begin.end() :], len(_LINE_END.findall(begin[0])) + 1
    if not body.strip():
        raise FileProblem("the file is empty: it has only blank lines")
    mark = begin[1] if begin[1] and separator == "auto" else _separator(body, separator)
    named = _NAMES.get(mark, repr(mark))
    try:
        frame = _cells(body, mark)
    except pandas().errors.ParserError as error:
        raise _not_a_table(str(error), before, named) from None
    breaks = np.zeros(len(frame), int)
    for k in frame:
        codes, different = pandas().factorize(frame[k])
        if '"' in body:
            breaks += np.array([len(_LINE_END.findall(cell)) for cell in different])[codes]
        again, stripped = pandas().factorize(np.array([cell.strip() for cell in different], object))
        frame[k] = pandas().Categorical.from_codes(again[codes], stripped)  # its texts are quickly asked
    lines = before + np.arange(len(frame)) + np.cumsum(breaks) - breaks
    table = Table([], frame, lines, "line", False, [f"separator: {named}", encoding])
    table = table.rows(np.any([frame[k] != "" for k in frame], axis=0))
    if not len(table.lines):
        raise FileProblem("the file is empty: it has only blank lines")
    first, below = [" ".join(cell.split()) for cell in table.frame.iloc[0]], table.rows(table.lines > table.lines[0])
    numbered = [f"c{k}" for k in range(1, len(first) + 1)]
    if header == "no" or (header == "auto" and not _is_header(first, below, names)):
        remark = f"no header line, so the columns are c1 ... {numbered[-1]}"
        return table._replace(names=numbered, remarks=[*table.remarks, remark])
    if not len(below.lines):
        raise InvalidValue("there is no data below the header")
    remarks = [*table.remarks, f"header: line {table.lines[0]}"]
    if unnamed := [name for k, name in enumerate(numbered) if not first[k] and (below.frame[k] != "").any()]:
        remarks.append(f"without a name in the header: {', '.join(unnamed)}")
    found = [cell or name for name, cell in zip(numbered, first, strict=True)]
    return below._replace(names=found, header=True, remarks=remarks)


def _cells(text: str, mark: str, rows: int | None = None) -> Any:
    """Return all cells as text, those of blank lines too."""
    options = {"header": None, "dtype": object, "na_filter": False, "skip_blank_lines": False, "skipinitialspace": True}
    return pandas().read_csv(io.StringIO(text, newline=""), sep=mark, nrows=rows, **options)


def _separator(text: str, asked: str) -> str:
    """Return the separator that was asked for, or the one that splits most of the first rows."""
    if asked != "auto":
        known("separator", asked, ("auto", *SEPARATORS, *asked[: len(asked) == 1]))
        return SEPARATORS.get(asked, asked)
    shares = {}
    for mark in "\t;|,":
        try:
            filled = _cells(text, mark, 20) != ""
            shares[mark] = float(filled.loc[:, 1:].any(axis=1).sum())
        except pandas().errors.ParserError:  # rows of different lengths
            shares[mark] = 0.5 * (_cells(text, mark, 1).shape[1] > 1)
    return max(shares, key=lambda mark: shares[mark]) if any(shares.values()) else ","


def _not_a_table(said: str, before: int, separator: str) -> Error:
    """Return what pandas says about a text that is no table, with lines as an editor counts them."""
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said):
        wanted, line, cells = map(int, found.groups())
        return InvalidValue(
            f"line {before + line - 1} has {cells} cells, but line {before} has {wanted}; cells are separated by "
            f"{separator} here (option separator); one that holds it is put in double quotes"
        )
    if found := re.search(r"EOF inside string starting at row (\d+)", said):
        return FileProblem(f"line {before + int(found[1])}: a quote is opened and not closed; check the quotes")
    return FileProblem(f"it cannot be read as a table: {said}")


def _is_header(first: list[str], below: Table, names: Collection[str]) -> bool:
    """Tell whether the first row is a header: a known name, text above numbers, or new texts only."""
    below = below.rows(np.arange(len(below.lines)) < 100)
    several = [below._replace(marks=Marks(mark)) for mark in ".,"]
    words = [np.isnan([table.marks.number(cell) for table in several]).all() for cell in first]
    texts = [k for k, cell in enumerate(first) if words[k] and cell.lower() not in MISSING]
    numbers = [max([np.sum(~np.isnan(table.numbers(k))) for table in several]) for k in texts]
    if any([first[k] in names for k in texts]) or any([2 * count >= len(below.lines) > 0 for count in numbers]):
        return True
    again = any([(below.frame[k] == cell).any() for k, cell in enumerate(first)])
    return len(texts) == len(first) and len(below.lines) > 0 and not again


def _from_npz(content: bytes, names: Collection[str]) -> Table:
    """Return the inputs, which get the names c1, c2, ..., and the array of the target if it is there."""
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        inputs = "X" if "X" in archive.files and "x" not in archive.files else "x"
        arrays = {name: np.asarray(archive[name]) for name in archive.files if name in (inputs, *names)}
    except DAMAGE as error:
        if "allow_pickle" in str(error) and content.startswith(b"PK"):
            raise InvalidType("an array of it holds Python objects, not numbers; save it as floats") from None
        raise FileProblem("this is not a whole npz file, with arrays x and y, as NumPy writes it") from None
    if inputs not in arrays:
        raise InvalidValue(f"there is no array {inputs!r}. {nearest(inputs, archive.files)}")
    for name, array in arrays.items():
        if array.dtype.kind not in "biufU":
            raise InvalidType(f"array {name!r} must hold real numbers or text, not {array.dtype}; save it as floats")
    x = arrays.pop(inputs)
    if x.ndim != 2 or x.size == 0:
        raise ShapeError(f"array {inputs!r} must be (N, n), one row a sample, got {x.shape}; reshape it")
    for name, array in arrays.items():
        if array.shape not in {(len(x),), (len(x), 1)}:
            raise ShapeError(f"target {name!r} must be ({len(x)},), one value a row of {inputs!r}, got {array.shape}")
    columns = {f"c{k}": column for k, column in enumerate(x.T, start=1)} | arrays
    kinds = [object if each.dtype.kind == "U" else each.dtype.newbyteorder("=") for each in columns.values()]
    native = [each.ravel().astype(kind) for each, kind in zip(columns.values(), kinds, strict=True)]
    frame = pandas().DataFrame(
        dict(enumerate(native))
    )  # which wants objects for text, and the machine's order of bytes
    return Table(list(columns), frame, np.arange(len(x)), "row", False, [])
