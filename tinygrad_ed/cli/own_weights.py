"""The option `--weights`: a network of the reader's own, and perhaps a sample, from a file."""

import argparse
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.data.files import DAMAGE
from tinygrad_ed.errors import FileProblem, InvalidValue, nearest
from tinygrad_ed.nn import MLP, storage
from tinygrad_ed.nn.checks import chosen

MEGABYTES = 64  # a larger file is refused
KEYS = ("weights", "biases", "activation", "output", "layout", "x", "rho")
FILES = """\
A file of weights is one of these:
  .json   a list of matrices, one a layer, or an object with the keys "weights", and as wanted "biases",
          "activation", "output", "layout" (the arguments of MLP.from_weights), "x" and "rho"
  .npz    arrays W1 b1 W2 b2 ..., and as wanted x and rho; a layer without b has no bias
  or a network that MLP.save wrote (.npz or .safetensors)
x holds a sample or rows of samples, rho what is expected of each; else both are random."""


def read(path: Path, layout: str | None) -> tuple[MLP, Any, Any]:
    """Return the network in a file, and its x and rho, None where it has none; refuse every other file in one line."""
    readers = {".json": _from_json, ".npz": _from_npz, ".safetensors": MLP.load}
    if path.suffix not in readers:
        raise InvalidValue(f"a file of weights ends with {', '.join(readers)}, but this is {str(path)!r}")
    if not path.is_file():  # a pipe or a device would never end
        raise FileProblem(f"cannot read {str(path)!r}: there is no such file")
    if path.stat().st_size > MEGABYTES * 2**20:
        raise FileProblem(f"{str(path)!r} is larger than {MEGABYTES} MB, too large for weights to be looked at")
    given = readers[path.suffix](path)
    if isinstance(given, MLP):
        return given, None, None
    x, rho = given.pop("x", None), given.pop("rho", None)
    return MLP.from_weights(**given | ({} if layout is None else {"layout": layout})), x, rho


def rows(text: str) -> list[list[float]]:
    """Read samples such as 0.5,-1 or 0.5,-1;2,3: numbers between commas, samples between semicolons."""
    try:  # whole ones may be class numbers
        cells = [[part.strip() for part in row.split(",")] for row in text.split(";")]
        return [[int(cell) if cell.lstrip("+-").isdecimal() else float(cell) for cell in row] for row in cells]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no sample such as 0.5,-1 (samples: 0.5,-1;2,3)") from None


def _from_json(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"{str(path)!r} is no JSON: {error}") from error
    given = {"weights": given} if isinstance(given, list) else given
    if not isinstance(given, dict) or not isinstance(given.get("weights"), list):
        raise InvalidValue(f'{str(path)!r} holds no weights: give a list of matrices, or {{"weights": [...], ...}}')
    if "cost" in given:
        raise InvalidValue(f"{str(path)!r} has a cost; take it out, and say it as an option: --cost bce")
    for key in given:
        chosen("key", key, dict.fromkeys(KEYS))
    return given


def _from_npz(path: Path) -> dict[str, Any] | MLP:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename.removesuffix(".npy"): member.file_size for member in archive.infolist()}
        if storage.TEXT in sizes:
            return MLP.load(path)
        if sum(sizes.values()) > MEGABYTES * 2**20:
            raise ValueError(f"it unfolds to more than {MEGABYTES} MB")
        with np.load(path, allow_pickle=False) as opened:
            arrays = dict(opened)
    except DAMAGE as error:
        raise FileProblem(f"{str(path)!r} is no npz file of numbers: {error}") from error
    layers = range(1, 1 + max(1, sum([name.startswith("W") for name in arrays])))
    weights, biases = [[f"{kind}{j}" for j in layers] for kind in "Wb"]
    known = [*weights, *biases, "x", "rho"]
    for name in {**arrays, **dict.fromkeys(weights)}:
        if name not in known or name not in arrays:
            raise InvalidValue(f"{str(path)!r} should hold W1 b1 W2 b2 ...: {name!r}. {nearest(name, known)}")
    given = {name: [arrays.get(part) for part in parts] for name, parts in (("weights", weights), ("biases", biases))}
    return given | {name: arrays[name] for name in ("x", "rho") if name in arrays}
