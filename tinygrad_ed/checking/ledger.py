"""Ledger: the quantities of one road by name, in the order of the slides."""

from typing import Any

import numpy as np

from tinygrad_ed.notation.letters import named
from tinygrad_ed.notation.tables import table

VANISHED = 1e-4  # of the gradient in the last layer


class Ledger(dict[str, Any]):
    """The quantities of one road by name, in the order of the slides: a dict that prints itself as a table.

    >>> book = Ledger({"alpha[0]": np.array([[0.5, -1.0]]), "cost": 1.25})
    >>> book
    <Ledger of 2 quantities: alpha[0] ... cost>
    >>> print(book)
    quantity  shape   value
    alpha[0]  1×2     [[ 0.5 -1. ]]
    cost      number  1.25
    """

    def __repr__(self) -> str:
        ends = f": {next(iter(self))} ... {next(reversed(self))}" if self else ""
        return f"<Ledger of {len(self)} quantities{ends}>"

    def __str__(self) -> str:
        rows = [("quantity", "shape", "value")]
        rows += [
            (name, shape_text(value), " ".join(entries(value, most=12, edge=1).split())) for name, value in self.items()
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {value}" for name, shape, value in rows]
        sizes = [float(np.linalg.norm(self[name])) for name in self if name.startswith("B[")]  # from the last layer
        if sizes and 0 < sizes[-1] < VANISHED * sizes[0]:
            lines.append(f"gradients vanish: B[1] has {sizes[-1] / sizes[0]:.1e} times the size of B[{len(sizes)}]")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a row for each quantity, with its letter and its values."""
        rows = [(named(name).unicode, name, shape_text(value), entries(value)) for name, value in self.items()]
        return table(("letter", "in code", "shape", "value"), rows, "lllp")


def shape_text(value: Any) -> str:
    """Return the shape of a quantity as a table shows it: 4×3."""
    return "×".join(map(str, np.shape(value))) or "number"


def entries(value: Any, most: int = 48, edge: int = 2) -> str:
    """Return the numbers of a quantity in four digits, row by row; of more than `most` entries `edge` at each end."""
    if not np.ndim(value):
        return f"{value:.6g}"
    return np.array2string(np.asarray(value), precision=4, threshold=most, edgeitems=edge, max_line_width=200)
