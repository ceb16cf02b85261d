"""npz files: the arrays of inputs and of the target, checked; nothing in them is ever executed (no pickle)."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from tinygrad_ed.data.columns import Found, Rows, Which, left_out, numbered
from tinygrad_ed.data.dataset import Array
from tinygrad_ed.errors import FileProblem, InvalidType, InvalidValue, ShapeError, nearest

# What NumPy and zipfile raise for a broken archive, or for an array in it whose description is broken.
DAMAGE = (
    ValueError,
    TypeError,
    EOFError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    TokenError,
    zlib.error,
    zipfile.BadZipFile,
)


SKIP = "; missing='skip' leaves out rows that lack a value"


def read_npz(
    path: Path, target: str, kind: str = "auto", drop: str | Sequence[Which] = (), missing: str = "refuse"
) -> Found:
    """Return the columns of the inputs, which get the names c1, c2, ..., and the target."""
    with path.open("rb") as stream:
        archive = _opened(stream, path.name)
        inputs = _inputs_of(archive)
        if target not in archive.files:
            raise InvalidValue(f"there is no array {target!r}. {nearest(target, archive.files)}")
        x, values = _array(archive, inputs), _array(archive, target)
    _check_inputs(inputs, x)
    if values.shape not in {(len(x),), (len(x), 1)}:
        raise ShapeError(f"target {target!r} must be ({len(x)},), one value a row of {inputs!r}, got {values.shape}")
    if values.dtype.kind == "U" and kind == "numbers":
        raise InvalidType(f"array {target!r} holds text, but numbers are needed")
    columns = [*numbered(x.shape[1]), target]
    out = left_out(columns, x.shape[1], drop)
    used = [k for k in range(x.shape[1]) if k not in out]
    if not used:
        raise InvalidValue("all columns are left out: nothing remains to learn from")
    x, values, remarks = x[:, used].astype(float), values.ravel(), []
    if missing == "skip":
        whole = ~np.isnan(x).any(axis=1) & ((values != "") if values.dtype.kind == "U" else ~np.isnan(values))
        if not whole.all():
            remarks = [f"{np.sum(~whole)} of {len(x)} rows lack a value and are left out"]
            x, values = x[whole], values[whole]
    features = [columns[k] for k in used]
    _finite(inputs, x, used)
    _finite(target, values)
    names = values.dtype.kind == "U" or (values.dtype.kind == "b" and kind != "numbers")
    return Found(x, features, target, values.astype(str if names else float), columns, remarks)


def read_npz_rows(path: Path, features: Sequence[str], target: str, columns: Sequence[str]) -> Rows:
    """Return inputs in the order in which they were trained on: an array has no names."""
    with path.open("rb") as stream:
        archive = _opened(stream, path.name)
        inputs = _inputs_of(archive)
        x = _array(archive, inputs)
        given = _array(archive, target).ravel() if target in archive.files else None
    _check_inputs(inputs, x)
    order = list(features)
    if x.shape[1] != len(features):  # those that were left out may be there
        order = [name for name in columns if name != target]
        if x.shape[1] != len(order):
            raise ShapeError(
                f"array {inputs!r} has {x.shape[1]} columns, but the network takes {len(features)} "
                f"({', '.join(features)})"
            )
    used = [order.index(name) for name in features]
    x = x[:, used].astype(float)
    _finite(inputs, x, used, "")
    texts = None if given is None or len(given) != len(x) else [str(value) for value in given.tolist()]
    return Rows(x, "row", list(range(len(x))), texts, [name for name in order if name not in features])


def _opened(stream: BinaryIO, name: str) -> Any:
    try:
        archive = np.load(stream, allow_pickle=False)
    except DAMAGE:
        archive = None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise FileProblem(f"this is not an npz file; numpy.savez({name!r}, x=..., y=...) writes one")
    return archive


def _inputs_of(archive: Any) -> str:
    inputs = "X" if "X" in archive.files and "x" not in archive.files else "x"
    if inputs not in archive.files:
        raise InvalidValue(f"there is no array {inputs!r}. {nearest(inputs, archive.files)}")
    return inputs


def _check_inputs(name: str, x: Array) -> None:
    if x.ndim != 2 or x.size == 0:
        raise ShapeError(
            f"array {name!r} must be (N, n), one row a sample, got {x.shape}; reshape it, as x.reshape(N, -1)"
        )
    if x.dtype.kind == "U":
        raise InvalidType(f"array {name!r} holds text, but numbers are needed")


def _array(archive: Any, name: str) -> Array:
    """Return an array of numbers, bools or text."""
    try:
        array = np.asarray(archive[name])
    except DAMAGE as error:
        if "allow_pickle" in str(error):
            raise InvalidType(
                f"array {name!r} holds Python objects, not numbers; save it with .astype(float)"
            ) from None
        raise FileProblem(f"array {name!r} is damaged ({type(error).__name__}); save the file again") from None
    if array.dtype.kind not in "biufU":
        raise InvalidType(
            f"array {name!r} must hold real numbers or text, not {array.dtype}; save it with .astype(float)"
        )
    return array


def _finite(name: str, array: Array, columns: Sequence[int] = (), advice: str = SKIP) -> None:
    """Refuse NaN, infinities and empty texts; `columns` says where those of the array stood in the file."""
    bad = np.argwhere(array == "" if array.dtype.kind == "U" else ~np.isfinite(array))
    if len(bad):
        place = bad[0].tolist()
        shown = [*place[:1], *[columns[k] for k in place[1:]]]
        value = array[tuple(place)].item()
        raise InvalidValue(
            f"{name}[{', '.join(map(str, shown))}] is {value!r}; correct it or take the row out"
            f"{advice if value != value else ''}"
        )
