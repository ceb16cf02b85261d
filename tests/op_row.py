"""A row of `op_table.py`: one call of one op, with the points at which it is checked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

REAL, POSITIVE, UNIT, ABOVE_ONE = (-2.0, 2.0), (0.4, 3.0), (-0.9, 0.9), (1.2, 4.0)
FAR = (4.0, 7.0)  # as divisor of entries of REAL: no quotient is an integer, but for 0
MASK = numpy.array([[True, False, True], [False, False, True]])
FLOATS = numpy.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


class Row(NamedTuple):
    """One call of one op at one set of shapes."""

    op: str  # the name in tinygrad_ed.ops, or of the NumPy function that is handled
    call: Callable[..., Any]  # (namespace, *arguments)
    shapes: tuple[tuple[int, ...], ...]
    domains: tuple[tuple[float, float], ...]
    twin: Callable[..., Any] | None = None  # the same in NumPy's words
    oracle: bool = True  # whether HIPS autograd can differentiate it
    note: str = ""

    def __str__(self) -> str:
        return f"{self.op}{self.note} {' '.join(str(shape) for shape in self.shapes)}"

    def arguments(self) -> list[Any]:
        """Draw the same points every time: evenly spaced over the domain and shaken, so no two entries meet."""
        rng = numpy.random.default_rng(sum(map(ord, str(self))))
        return [_points(rng, shape, domain) for shape, domain in zip(self.shapes, self.domains, strict=True)]


def _points(rng: numpy.random.Generator, shape: tuple[int, ...], domain: tuple[float, float]) -> Any:
    n = int(numpy.prod(shape, dtype=int))
    places = (rng.permutation(n) + rng.uniform(0.2, 0.8, n)) / max(n, 1)
    points = (domain[0] + (domain[1] - domain[0]) * places).reshape(shape)
    return points if shape else float(points)


class Rows(list[Row]):
    """A part of the table."""

    def add(
        self, op: str, call: Callable[..., Any], *cases: Any, domain: Any = REAL, note: str = "", **more: Any
    ) -> None:
        """Add a row for each case: the shape of the only argument, or a list of shapes."""
        for case in cases:
            shapes = tuple(case) if isinstance(case, list) else (case,)
            domains = domain if isinstance(domain, list) else [domain] * len(shapes)
            self.append(Row(op, call, shapes, tuple(domains), note=note, **more))
