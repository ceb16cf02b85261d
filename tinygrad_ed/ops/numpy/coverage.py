"""Which of NumPy's functions work on Nodes: the source of `tinygrad-ed ops` and of `docs/ops.md`.

Every function that NumPy lets other types answer is in one of three classes: *differentiable*; *plain* (the derivative
is zero wherever there is one, or the result is not a real number); or *refused*, with `NoDerivativeRule`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.fft  # NumPy's list has its functions only once it is imported
from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs

from tinygrad_ed.graph.op import HANDLERS, Op
from tinygrad_ed.ops.numpy.moves import MOVES
from tinygrad_ed.ops.numpy.protocols import PLAIN, path

HOMES = {"": np, "linalg": np.linalg, "fft": numpy.fft, "lib.stride_tricks": np.lib.stride_tricks}
"""Where NumPy keeps its functions of numbers."""


class Entry(NamedTuple):
    """One NumPy function: its name after `np.`, its class, and how it is answered."""

    name: str
    kind: str
    how: str


def coverage() -> list[Entry]:
    """Return an entry for every NumPy function that can be answered, sorted by name."""
    functions = get_overridable_numpy_ufuncs() | get_overridable_numpy_array_functions()
    return sorted([_entry(function) for function in functions if is_public(function)])


def is_public(function: Callable[..., Any]) -> bool:
    """Tell whether it is a function of numbers that a reader can reach: NumPy's list has insides and text, too."""
    home, _, name = path(function).rpartition(".")
    return home in HOMES and getattr(HOMES[home], name, None) is function


def _entry(function: Callable[..., Any]) -> Entry:
    how = "moves entries" if function in MOVES else ""
    if function in HANDLERS:
        how = "op" if isinstance(HANDLERS[function], Op) else "said with ops"
    return Entry(path(function), "differentiable" if how else "plain" if function in PLAIN else "refused", how)


def summary() -> str:
    """Return the coverage as text: the counts, and the functions of each class."""
    entries = coverage()
    classes = {kind: [e.name for e in entries if e.kind == kind] for kind in ("differentiable", "plain", "refused")}
    paragraphs = [f"{kind}: {', '.join('np.' + name for name in names)}" for kind, names in classes.items()]
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in classes.items())
    return "\n\n".join([*paragraphs, counts])
