"""npz files: the arrays of inputs and of the target, checked; nothing in them is ever executed (no pickle)."""

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

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


def read_npz(path: Path, target: str, kind: str) -> tuple[Array, list[str], str, Array]:
    """Return x `(N, n)`, names c1, c2, ... for its columns, the name and the values of the target."""
    with path.open("rb") as stream:
        try:
            archive = np.load(stream, allow_pickle=False)
        except DAMAGE:
            archive = None
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise FileProblem(f"this is not an npz file; numpy.savez({path.name!r}, x=..., y=...) writes one")
        inputs = "X" if "X" in archive.files and "x" not in archive.files else "x"
        for name in (inputs, target):
            if name not in archive.files:
                raise InvalidValue(f"there is no array {name!r}. {nearest(name, archive.files)}")
        x, values = _array(archive, inputs), _array(archive, target)
    if x.ndim != 2 or x.size == 0:
        raise ShapeError(
            f"array {inputs!r} must be (N, n), one row a sample, got {x.shape}; reshape it, as x.reshape(N, -1)"
        )
    if values.shape not in {(len(x),), (len(x), 1)}:
        raise ShapeError(f"target {target!r} must be ({len(x)},), one value a row of {inputs!r}, got {values.shape}")
    for name, array in ((inputs, x), (target, values)):
        if array.dtype.kind == "U" and (name == inputs or kind == "numbers"):
            raise InvalidType(f"array {name!r} holds text, but numbers are needed")
    names = values.dtype.kind == "U" or (values.dtype.kind == "b" and kind != "numbers")
    features = [f"c{k}" for k in range(1, x.shape[1] + 1)]
    return x.astype(float), features, target, values.ravel().astype(str if names else float)


def _array(archive: Any, name: str) -> Array:
    """Return an array of finite numbers, bools or text."""
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
    bad = np.argwhere(array == "" if array.dtype.kind == "U" else ~np.isfinite(array))
    if len(bad):
        where, value = ", ".join(map(str, bad[0])), array[tuple(bad[0])].item()
        raise InvalidValue(f"{name}[{where}] is {value!r}; correct it or take the row out")
    return array
