"""The cross-check: `f` itself runs beside its program, and all results are compared.

A difference is no fault yet: sums round in another order, and what is ill-conditioned shows it. So it is explained
first: `f` is recorded once more, both records are compared step by step, and `f` runs once more (a draw?).
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.graph.nested import leaves, name_of, rebuilt
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.tape.levels import Levels
from tinygrad_ed.tape.listing import Listing
from tinygrad_ed.tape.record import Recording, collector_off, is_input
from tinygrad_ed.tape.simplify import Program
from tinygrad_ed.tape.traced import Traced, traced_in

_DATA = (np.ndarray, np.generic, float, int)


def plainly(f: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Run `f` itself; on Nodes, if it uses what they have and arrays have not, or where Python's numbers raise."""
    try:
        found = f(*args, **keywords)
    except (AttributeError, ArithmeticError) as error:
        if isinstance(error, AttributeError) and not isinstance(error.obj, np.ndarray | float):
            raise
        nodes = iter([Node(x) if is_input(x) else x for x in leaves([args, keywords])])
        args, keywords = rebuilt([args, keywords], nodes)
        found = f(*args, **keywords)
    entries = [plain(y) for y in leaves(found)]
    return rebuilt(found, iter([y.copy() if isinstance(y, np.ndarray) else y for y in entries]))


def complaint(
    old: Program,
    f: Callable[..., Any],
    args: tuple[Any, ...],
    keywords: dict[str, Any],
    outside: frozenset[int],
    found: Any,
) -> str | None:
    """Return what is wrong with the results of a call, in words; None if `f` itself gives the same."""
    expected, tiny = plainly(f, args, keywords), old.precision
    pair = _different(found, expected, tiny)
    if pair is None:
        return None
    with collector_off():
        recording = Recording(f, args, keywords, outside, lines=True)
        eager = rebuilt(recording.output, iter([y.value if type(y) is Traced else y for y in recording.results]))
        rounding = _different(eager, expected, tiny) is None and _is_rounding(recording, found, expected, tiny)
        step = _first_difference(old, Program(recording), recording.lines)
    again = _different(plainly(f, args, keywords), expected, tiny)
    if rounding and step is None:
        return None
    words = f"the program of {name_of(f)} gives {pair[0]}, and {name_of(f)} itself gives {pair[1]}"
    if again:
        words += f", then {again[0]}: it draws, or asks the time, or counts. Give that as an argument"
    elif step is None:
        words += (
            ", though it would be recorded with the same steps now: it asks for the kind of its arguments (isinstance, "
            "hasattr: in a recording these are no arrays), or changes what it has read"
        )
    else:
        words += ": what it reads has changed. Give that as an argument, or call forget() to record anew"
    return f"{words}. The first step that differs: {step}" if step else words


def _different(found: Any, expected: Any, tiny: float, usual: float = 0.0) -> tuple[str, str] | None:
    """Return the first entries that differ, in words: in value beyond rounding, in dtype, shape or nesting."""
    entries, wanted = leaves(found), leaves(expected)
    if len(entries) != len(wanted) or _keys(found) != _keys(expected):
        return f"{len(entries)} entries, nested as {_keys(found)}", f"{len(wanted)}, nested as {_keys(expected)}"
    for x, y in zip(entries, wanted, strict=True):
        a, b = np.asarray(x), np.asarray(y)
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{a.dtype} of shape {a.shape}", f"{b.dtype} of shape {b.shape}"
        close = a == b
        if a.dtype.kind == "f" and not close.all():
            size = max([_largest(y) for y in wanted])
            with np.errstate(all="ignore"):
                close |= np.abs(a - b) <= 1e5 * tiny * size + 1e4 * tiny * usual
            close |= np.isnan(a) & np.isnan(b)
        if not np.all(close):
            first = tuple(np.argwhere(~close)[0].tolist())
            return f"{a[first]}{f' at {first}' if first else ''}", f"{b[first]}"
    return None


def _keys(tree: Any) -> Any:
    """Return the nesting of a result: its containers, with the keys of dicts."""
    if isinstance(tree, dict):
        return {key: _keys(branch) for key, branch in tree.items()}
    return [_keys(branch) for branch in tree] if isinstance(tree, list | tuple) else "."


def _is_rounding(recording: Recording, found: Any, expected: Any, tiny: float) -> bool:
    """Tell whether it explains a difference that the program rounds in another order, beside numbers of usual size.

    Where a number leaves the range of its dtype, or is about to, it may do so on one way only.
    """
    sizes = []
    for step in recording.steps:
        sizes.append(_largest(step.value))
        if isinstance(step.value, np.ndarray | float) and step.dtype.kind == "f":
            before = [x.value for x in traced_in(step.args)]
            left = not np.all(np.isfinite(step.value)) and all([np.all(np.isfinite(x)) for x in before])
            if left or sizes[-1] > 1e-4 * float(np.finfo(step.dtype).max):
                return True
    usual = float(np.median([size for size in sizes if size] or [0.0]))
    return _different(found, expected, tiny, usual) is None


def _first_difference(old: Program, new: Program, lines: dict[int, str]) -> str | None:
    """Return the first step in which two programs differ, in words."""
    was, now = Listing(old, {}), Listing(new, {})
    steps = was.steps(), now.steps()
    for a, b, one, other in zip(*steps, old.steps, new.steps, strict=False):
        place = f" at {lines[id(other)]}" if id(other) in lines else ""
        if (a.target, a.text) != (b.target, b.text):
            return f"`{a.target} = {a.text}` is `{b.text}` now{place}"
        constants = [(was.names[name], now.names[name]) for name in re.findall(r"\w+", a.text) if name in was.names]
        if isinstance(one.fn, Levels) and isinstance(other.fn, Levels):
            constants = [(one.fn.constants, other.fn.constants)]
        pair = next(filter(None, [_unlike(*both) for both in constants]), None)
        if pair is not None:
            return f"`{a.target} = {a.text}`, where a constant was {pair[0]} and is {pair[1]} now{place}"
    if len(old.steps) != len(new.steps):
        return f"there were {len(old.steps)}, and are {len(new.steps)} now"
    pair = next(filter(None, map(_unlike, old.results, new.results)), None)
    return f"the result {pair[0]} is {pair[1]} now" if pair else None


def _unlike(x: Any, y: Any) -> tuple[str, str] | None:
    """Return two constants in words if they differ."""
    if isinstance(x, _DATA) and isinstance(y, _DATA):
        return _different(x, y, 0.0)
    return None if type(x) is type(y) else (str(x), str(y))


def _largest(x: Any) -> float:
    """Return the largest finite size of a number in an entry."""
    if isinstance(x, list | tuple):
        return max([_largest(part) for part in x], default=0.0)
    array = np.abs(np.asarray(x).astype(float))
    return float(np.max(array, initial=0.0, where=np.isfinite(array)))
