"""Formulas as text of several lines, for the terminal: a matrix has a line for each of its rows."""

from collections.abc import Sequence

from tinygrad_ed.notation.formula import (
    ABOVE,
    BELOW,
    Bracket,
    Formula,
    Lines,
    Matrix,
    Row,
    Script,
    Sign,
    numbered,
    numeric,
    shifted,
    spaced,
)

_TALL = {"[": "⎡⎢⎣", "]": "⎤⎥⎦", "(": "⎛⎜⎝", ")": "⎞⎟⎠"}


def block(f: Formula) -> list[str]:
    """Return lines of equal length."""
    match f:
        case Row():
            return beside([piece for gap, part in spaced(f.parts) for piece in ([gap], block(part))])
        case Bracket():
            inside = block(f.inside)
            return beside([_wall(f.left, len(inside)), inside, _wall(f.right, len(inside))])
        case Script():
            base = block(f.base)
            script = shifted(f.up, ABOVE, "^") + shifted(f.down, BELOW, "_")
            return beside([base, [script, *[""] * (len(base) - 1)]]) if len(base) > 1 else [f.unicode]
        case Matrix():
            columns = [_column([cell.unicode for cell in column], numeric(f)) for column in zip(*f.rows, strict=True)]
            rows = ["  ".join(row) for row in zip(*columns, strict=True)]
            return beside([_wall("[", len(rows)), rows, _wall("]", len(rows))])
        case Lines():
            return _padded([line for before, what in numbered(f) for line in beside([[before], block(what)])])
        case _:
            return [f.unicode]


def _column(cells: list[str], numbers: bool) -> list[str]:
    """Return numbers to the right, dots and formulas in the middle."""
    wide = max([len(cell) for cell in cells])
    return [cell.rjust(wide) if numbers and cell not in "⋮⋯⋱" else cell.center(wide) for cell in cells]


def _wall(sign: str, n: int) -> list[str]:
    """Return a bracket beside n lines."""
    top, middle, bottom = tuple(_TALL.get(sign, sign * 3))
    return [sign] if n == 1 else [top, *[middle] * (n - 2), bottom]


def beside(blocks: Sequence[list[str]]) -> list[str]:
    """Put blocks of lines side by side, centered."""
    height = max([len(block) for block in blocks])
    columns = []
    for block in blocks:
        above = (height - len(block)) // 2
        columns.append(_padded([""] * above + block + [""] * (height - len(block) - above)))
    return ["".join(row) for row in zip(*columns, strict=True)]


def _padded(lines: list[str]) -> list[str]:
    wide = max([len(line) for line in lines])
    return [line.ljust(wide) for line in lines]


def pieces(f: Formula, signs: str = "=←") -> list[Formula]:
    """Cut an equation before each of its signs, so that it can go on in the next line."""
    if not isinstance(f, Row):
        return [f]
    starts = [0, *[i for i, part in enumerate(f.parts) if i and isinstance(part, Sign) and part.text in signs]]
    ends = [*starts[1:], len(f.parts)]
    return [Row(f.parts[start:end]) for start, end in zip(starts, ends, strict=True)]


def wrapped(f: Formula, width: int) -> list[str]:
    """Return the block of an equation; one that is too wide goes on below, from the next sign."""
    if len(block(f)[0]) <= width:
        return block(f)
    cuts = [cut for piece in pieces(f) for cut in ([piece] if len(block(piece)[0]) <= width else pieces(piece, "·⊙−+"))]
    rows: list[list[list[str]]] = [[block(cuts[0])]]
    for cut in cuts[1:]:
        wide = beside([*rows[-1], [" "], block(cut)])
        if len(wide[0]) <= width:
            rows[-1] += [[" "], block(cut)]
        else:
            rows.append([["    "], block(cut)])
    return [line for row in rows for line in beside(row)]
