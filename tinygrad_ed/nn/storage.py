"""Files of named arrays with a description: npz, or safetensors where that is installed. Never pickle.

The description is JSON; in it are the kind and the version of the file, and a SHA-256 digest of all it holds. How it is
written, `data/files.py` says. Whatever cannot be read whole is refused with one line: what is damaged, cut short,
foreign, newer, or packed so that it would unfold to more than its own size.
"""

import hashlib
import importlib.util
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.data.files import DAMAGE, checked, write_whole
from tinygrad_ed.errors import FileProblem, InvalidType, InvalidValue, MissingExtra
from tinygrad_ed.graph.values import Array

FORMAT, VERSION = "tinygrad_ed", 1
TEXT = "about"  # the member of an npz file, or the key of the metadata of a safetensors file, that holds the JSON


class Content(NamedTuple):
    """What a file holds."""

    kind: str
    about: dict[str, Any]
    arrays: dict[str, Array]


def write(path: str | os.PathLike[str], kind: str, about: Mapping[str, Any], arrays: Mapping[str, Array]) -> Path:
    """Write a description (of what JSON knows) and arrays of plain numbers to a file, all or nothing; return its path.

    The path ends with .npz or .safetensors; without a suffix it gets the latter where that is installed, else the
    former.
    """
    place = placed(path)
    kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    for name, array in kept.items():
        if not _plain(array.dtype):
            raise InvalidType(f"{name!r} holds {array.dtype}; a file keeps plain numbers of at most 8 bytes")
    head = {"format": FORMAT, "version": VERSION, "kind": kind, "about": dict(about)}
    try:
        text = json.dumps(head | {"digest": _digest(head, kept)})
    except (TypeError, ValueError) as error:
        raise InvalidType(f"the description of a file is made of what JSON knows, but {error}") from error
    return write_whole(place, _FORMS[place.suffix][0](kept, text))


def read(path: str | os.PathLike[str], *kinds: str) -> Content:
    """Read what `write` wrote, if the file is of one of these kinds."""
    place = found(path)
    try:
        arrays, text = _FORMS[place.suffix][1](place)
        head = json.loads(text)
        known, newer = head["format"] == FORMAT, head["version"] > VERSION
        fits = newer or (isinstance(head["kind"], str) and isinstance(head["about"], dict))
    except OSError as error:
        raise FileProblem(f"cannot read {str(place)!r}: {error.strerror or error}") from error
    except DAMAGE as error:
        raise _refused(place, f"it cannot be read: {type(error).__name__}: {error}") from error
    if not known or not fits:
        raise _refused(place, "its description is another's")
    if newer:
        raise FileProblem(
            f"{str(place)!r} was written by a newer tinygrad_ed (version {head['version']} of the format, and this one "
            f"reads {VERSION}); update: python -m pip install --upgrade tinygrad_ed"
        )
    if head.pop("digest", None) != _digest(head, arrays):
        raise _refused(place, "its contents are not those that were written")
    if head["kind"] not in kinds:
        raise FileProblem(f"{str(place)!r} holds a {head['kind']}, but a {' or a '.join(kinds)} is needed")
    return Content(head["kind"], head["about"], arrays)


def placed(path: str | os.PathLike[str]) -> Path:
    """Return where a file will be written: the path, with a suffix, if a file can be there."""
    place = Path(path)
    if place.name and not place.suffix:
        if not place.is_dir():
            checked(place, "save")  # with --force on /dev/null, /dev/null.npz is not meant
        installed = importlib.util.find_spec("safetensors") is not None
        place = place.with_name(place.name + (".safetensors" if installed else ".npz"))
    _check_suffix(place)
    return checked(place, "save")


def found(path: str | os.PathLike[str]) -> Path:
    """Return the file that is meant by a path, which may lack its suffix."""
    place = Path(path)
    if place.name and not place.suffix:
        there = [each for suffix in _FORMS if (each := place.with_name(place.name + suffix)).exists()]
        if len(there) != 1:
            which = " and ".join([repr(str(each)) for each in there]) or "nothing"
            raise FileProblem(f"cannot read {str(place)!r}: with .npz or .safetensors at its end there is {which}")
        place = there[0]
    _check_suffix(place)
    return checked(place, "read")


def _check_suffix(path: Path) -> None:
    if path.suffix not in _FORMS:
        raise InvalidValue(f"{str(path)!r} must end with .npz or .safetensors")
    if path.suffix == ".safetensors" and importlib.util.find_spec("safetensors") is None:
        raise MissingExtra(
            'files that end with .safetensors need safetensors: python -m pip install "tinygrad_ed[safetensors]"; '
            "files that end with .npz need nothing more"
        )


def _refused(path: Path, why: str) -> FileProblem:
    return FileProblem(f"{str(path)!r} is damaged, or no file of tinygrad_ed: {why}")


def _digest(head: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of the description and of every array with its name, dtype and shape."""
    found = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.data if array.size else b"")
    return found.hexdigest()


def _plain(dtype: np.dtype[Any]) -> bool:
    """Tell whether a file may hold it: bools, whole numbers and floats as every machine has them."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8 and dtype.str[0] in "<|"


def _to_npz(arrays: Mapping[str, Array], text: str) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{TEXT: np.frombuffer(text.encode(), np.uint8), **arrays})
    return stream.getvalue()


def _from_npz(path: Path) -> tuple[dict[str, Array], str]:
    """Read the arrays by the description in their heads, which must fit what is there to the byte."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any([member.compress_type != zipfile.ZIP_STORED for member in members]):
            raise ValueError("it is compressed, and files of this package are not")
        if sum([member.file_size for member in members]) > path.stat().st_size:
            raise ValueError("its parts are larger than the whole")
        text = _array(archive.read(f"{TEXT}.npy")).tobytes().decode()  # others' files have none: no further then
        arrays = {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    return {name: array for name, array in arrays.items() if name != TEXT}, text


def _array(data: bytes) -> Array:
    """Read one npy file of plain numbers: of the size that it says, and in C's order."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("not an npy file of version 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if not _plain(dtype) or fortran:
        raise ValueError(f"an array of dtype {dtype}")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape)


def _to_safetensors(arrays: Mapping[str, Array], text: str) -> bytes:
    from safetensors.numpy import save

    return bytes(save(dict(arrays), {TEXT: text}))


def _from_safetensors(path: Path) -> tuple[dict[str, Array], str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stream:
            text = stream.metadata()[TEXT]
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118  # it is no dict
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return arrays, text


_Form = tuple[Callable[[Mapping[str, Array], str], bytes], Callable[[Path], tuple[dict[str, Array], str]]]
_FORMS: dict[str, _Form] = {".safetensors": (_to_safetensors, _from_safetensors), ".npz": (_to_npz, _from_npz)}
