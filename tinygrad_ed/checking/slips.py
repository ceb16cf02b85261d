"""Slips: what is probably wrong with a gradient of any graph, in words.

A right gradient is the sum of what the uses of its node send. Each guess changes one of these uses, as a slip does,
and runs the sweep from there again, on the reader's own numbers. The first guess that gives the same is told.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations, islice
from typing import Any

import numpy as np

from tinygrad_ed.checking.passes import Judged, Pass, Twist, Use, ratio, send
from tinygrad_ed.checking.terms import named_values, of_products, of_terms
from tinygrad_ed.errors import Error
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Array

NAN = "it holds NaN or infinite numbers"
MOST = 500  # how many guesses of uses are tried for one gradient
PLAIN = {-1.0: "the sign is wrong", 2.0: "a factor of 2 too much", 0.5: "a factor of 1/2 too much"}
OF_SIZES: dict[str, Callable[[int], float]] = {
    "{n} times the right numbers (a sum in place of a mean?)": lambda n: n,
    "1/{n} times the right numbers (a mean in place of a sum?)": lambda n: 1 / n,
    "√{n} times the right numbers": math.sqrt,
    "1/√{n} times the right numbers": lambda n: 1 / math.sqrt(n),
    "{n}/({n} - 1) times the right numbers (n - 1 in place of n)": lambda n: n / (n - 1),
    "({n} - 1)/{n} times the right numbers (n in place of n - 1)": lambda n: (n - 1) / n,
    "2/{n} times the right numbers": lambda n: 2 / n,
    "{n}/2 times the right numbers": lambda n: n / 2,
    "1/{n}² times the right numbers": lambda n: 1 / n**2,
    "{n}² times the right numbers": lambda n: n**2,
}
Same = Callable[[Any], bool]


def factor_words(k: float, sizes: Mapping[int, str], close: float = 1e-5) -> str | None:
    """Return what a factor is, in words; None for one that says nothing. A length may have a name."""
    if abs(k - 1) <= close:
        return None
    for known, words in PLAIN.items():
        if abs(k - known) <= close:
            return words
    for words, value in OF_SIZES.items():
        for n, called in sizes.items():
            if n > 1 and abs(abs(k) - value(n)) <= close * abs(k):
                return f"{'-' if k < 0 else ''}{words.format(n=n)}{called and f'; {n} is {called}'}"
    return None


def explained(run: Pass, judged: Judged, node: Node) -> tuple[str, bool]:
    """Return what is wrong with the gradient of a node, in words, and whether that is a known slip."""
    got, right = judged.told[node].got, judged.told[node].right
    if not np.isfinite(got).all():
        return NAN, True
    if not np.any(got) and got.shape == right.shape:
        return "it is zeros", True
    with np.errstate(all="ignore"):
        for words in _guesses(run, judged, node, got, right):
            return words, True
    if got.shape != right.shape:
        return f"its shape is {got.shape}; it should be that of its value, {right.shape}", False
    return observed(got, right), False


def mended(run: Pass, node: Node) -> str:
    """Return what the gradient should be: the sum of what each use sends."""
    uses = run.uses.get(node, [])
    if run.by_differences:
        return f"∂f/∂{run.names[node]}, of shape {node.shape}"
    spread = any([user.shape != node.shape for user, _ in uses])
    sums = " (summed over the axes along which it was spread)" if spread else ""
    parts = [f"what comes back from {run.called(user)} through `{user.op.name}`" for user, _ in uses]
    return " + ".join(dict.fromkeys(parts)) + sums if parts else "zeros: the loss does not depend on it"


def _guesses(run: Pass, judged: Judged, node: Node, got: Array, right: Array) -> Iterator[str]:
    values = named_values(run, judged, node)
    if got.shape != right.shape:
        yield from _of_shape(run, judged, node, got, right)
    else:
        unseen = run.floor / (float(np.max(np.abs(right), initial=0.0)) or 1.0)
        fine = 10.0 ** (1 - run.digits) if run.digits else max(1e-6, run.share(got), 2 * unseen)

        def same(made: Any) -> bool:
            if made is None or np.shape(made) != got.shape or not np.isfinite(made).all():
                return False
            near, apart = [np.max(np.abs(np.asarray(made) - numbers), initial=0.0) for numbers in (got, right)]
            return bool(near <= max(1e-5, fine) * apart) and run.close(node, got, made, fine * np.abs(made))

        k = ratio(got, right, fine)
        if k is not None:
            yield factor_words(k, run.sizes(), fine) or f"{k:.4g} times the right numbers"
        if not run.by_differences:
            yield from _of_parts(run, judged, node, same, fine)
            yield from _of_uses(run, judged, node, values, same, fine)
        if right.ndim == 2 and same(right.T):
            yield "it is transposed"
        if node.op is None and right.size > 2 and (fitted := ratio(got - right, node._value, 10 * fine)):
            sign, more = ("plus", "") if fitted > 0 else ("minus", " is missing, or of the wrong sign")
            size = f"{abs(fitted):.4g}"
            yield f"the right numbers {sign} {size} times the value itself: an L2 term of λ = {size}{more}"
        yield from of_terms(got, right, values)
    yield from of_products(got, values)


def _of_shape(run: Pass, judged: Judged, node: Node, got: Array, right: Array) -> Iterator[str]:
    """Guess how numbers of another shape came about."""

    def same(a: Any) -> bool:
        return np.shape(a) == right.shape and run.close(node, a, right, 1e-9)

    if right.shape[1:] == (1,) and got.shape == (len(right), len(right)):
        yield f"a matrix {got.shape} out of two vectors: one of shape {right.shape}, the other {right.shape[:1]}"
    if got.ndim == 2 and same(got.T):
        yield f"it is transposed: {got.shape} in place of {right.shape}"
    if got.size == right.size and same(got.reshape(right.shape)):
        ones = np.squeeze(got).shape == np.squeeze(right).shape
        why = ": an axis of length 1 was kept or lost (keepdims?)" if ones else "; the numbers are right"
        yield f"its shape is {got.shape} in place of {right.shape}{why}"
    for count in range(1, got.ndim + 1):
        for over in combinations(range(got.ndim), count):
            if any([same(got.sum(axis=over, keepdims=keep)) for keep in (True, False)]):
                axes = ", ".join(map(str, over))
                yield f"it is not summed over axis {axes}, along which its value was spread: its shape is {got.shape}"
    made = [(f"{words} too much", numbers) for words, numbers in _sums(right)]
    for use in run.uses.get(node, ()):
        made += [(f"it is {words}", numbers) for words, numbers in _sums(_raw(judged, use))]
    for words, numbers in made:
        if numbers.size == got.size and np.allclose(numbers.reshape(got.shape), got, rtol=1e-7):
            yield words


def _of_parts(run: Pass, judged: Judged, node: Node, same: Same, fine: float) -> Iterator[str]:
    """Guess which of several parts is missing, has a factor, or has overwritten the others."""
    got, right = judged.told[node].got, judged.told[node].right
    parts = [(run.called(user), user, np.asarray(part)) for (user, _), part in judged.parts.get(node, [])]
    if len(parts) < 2:
        return
    often = "twice" if len(parts) == 2 else f"{len(parts)} times"
    for few in range(1, min(len(parts), 4)):
        for chosen in combinations(parts, few):
            if same(right - sum([part for *_, part in chosen])):
                names = ", ".join(dict.fromkeys([name for name, *_ in chosen]))
                yield f"the part that comes through {names} is missing: it is used {often}"
    for name, _, part in parts:
        k = ratio(got - (right - part), part, fine)
        if k is not None and (words := factor_words(k, run.sizes(), max(fine, 1e-5))):
            yield f"in the part that comes through {name}: {words}"
        if same(part):
            yield f"only the part that comes through {name} is there: it is used {often}"
    if all([user.op.name == "getitem" for _, user, _ in parts]):
        for order in (parts, parts[::-1]):
            made = np.zeros(got.shape)
            for _, user, part in order:
                index = (user.params or {})["index"]
                made[index] = part[index]
            if same(made):
                yield "entries that are read several times were overwritten (`=` in place of `+=`?)"


def _of_uses(run: Pass, judged: Judged, node: Node, values: Any, same: Same, fine: float) -> Iterator[str]:
    """Guess what is wrong in one of the uses between a node and the gradients above it."""
    got, right = judged.told[node].got, judged.told[node].right

    def made(use: Use, twist: Twist) -> Any:
        try:
            return run.again(judged, node, use, twist)
        except (Error, ValueError, IndexError, TypeError, ArithmeticError):  # what does not fit is no guess
            return None

    uses = [use for use in run.segment(node)[:40] if use[0] in judged.passed]
    tries = ((use, words, twist) for use in uses for words, twist in _twists(run, judged, use, values))
    for use, words, twist in islice(tries, MOST):
        numbers = made(use, twist)
        if same(numbers) or ("lost" in words and ratio(got, numbers) is not None):
            yield words
    for user, _ in uses:
        if same(np.asarray(judged.passed[user])):
            yield f"it is the gradient of {run.called(user)}: the derivative between them (Φ') is left out"
    for use in uses:
        for i, arg in enumerate(use[0].args):
            if isinstance(arg, Node) and arg in run.given and i != use[1] and use[0].op.name in ("matmul", "multiply"):
                new = [run.given[arg] if j == i else plain(other) for j, other in enumerate(use[0].args)]
                step = made(use, partial(send, *use, inputs=new))
                if step is not None and (eta := ratio(right - got, step, fine)):
                    yield f"`{run.labels.get(arg, '')}` was updated before it was used here, η = {eta:.4g}"


def _twists(run: Pass, judged: Judged, use: Use, values: Mapping[str, Array]) -> Iterator[tuple[str, Twist]]:
    """Yield slips in one use."""
    user = use[0]
    op, here, at = user.op.name, run.called(user), partial(send, *use)
    x, alone = use[0].args[use[1]]._value, len(user.parents) == 1
    slope = f"Φ' (of `{op}`)" if alone else f"the other factor of `{op}`"
    if op == "getitem":
        yield "what belongs to entries that are read twice was overwritten (see np.add.at)", partial(_overwritten, use)
    if np.shape(x) == user.shape:
        yield f"{slope} is left out, at {here}", lambda g: g
        yield f"what arrives at {here} is lost: only {slope} is there", lambda g: at(np.ones_like(g))
        yield f"{slope} is applied twice, at {here}", lambda g: at(at(g))
    if np.shape(x) == user.shape and alone:
        yield f"divided by {slope}, at {here}, not multiplied", lambda g: g / at(np.ones_like(g))
        yield f"the formula for the output of `{op}` used on its input", lambda g: at(g, x)
        yield f"the formula for the input of `{op}` used on its output", lambda g: at(g, None, _with(use, user._value))
        yield f"{slope} is taken at the gradient that arrives", lambda g: at(g, None, _with(use, g))
    for k, words in PLAIN.items():
        yield f"on the way through {here}: {words}", partial(lambda k, g: k * at(g), k)
    if len(run.uses.get(use[0].args[use[1]], ())) > 1:
        yield f"the part that comes through {here} is missing: there are several", lambda g: 0 * at(g)
    yield from _exchanged(run, use, values)
    raw = _raw(judged, use)
    if np.ndim(raw) and np.shape(raw) != np.shape(x):
        for words, numbers in _sums(raw):
            if numbers.size in (1, np.size(x)):
                yield f"it is {words}", partial(_instead, partial(_filled, np.shape(x)), numbers)


def _exchanged(run: Pass, use: Use, values: Mapping[str, Array]) -> Iterator[tuple[str, Twist]]:
    """Yield slips in which a use is given something else: transposed, or another array of the same shape."""
    user, position = use
    here, at, own = run.called(user), partial(send, *use), len(user.parents) == 1
    for i, arg in enumerate(user.args):
        old = plain(arg)
        label = run.labels.get(arg) if isinstance(arg, Node) else None
        place = f"`{label}`" if label else f"what `{user.op.name}` is given"
        if i != position and np.ndim(old) == 2 and old.shape == old.T.shape:
            yield f"{place} is transposed, or not as it should be", partial(at, inputs=_with(use, old.T, i))
        for name, value in values.items() if i != position or own else ():
            if np.shape(old) == value.shape and not np.array_equal(old, value):
                y = value if value.shape == user.shape and i == position else None
                yield f"taken at {name} in place of {place}", partial(at, y=y, inputs=_with(use, value, i))
    for name, value in values.items():
        if user.shape == value.shape and not np.array_equal(value, user._value):
            yield f"taken at {name} in place of {here}", partial(at, y=value)
            if name.startswith("the gradient"):
                yield f"{name} in place of that of {here}", partial(_instead, at, value)


def _with(use: Use, other: Any, place: int | None = None) -> list[Any]:
    """Return the inputs of a use with another one at a place, or at its own."""
    at = use[1] if place is None else place
    return [other if i == at else plain(arg) for i, arg in enumerate(use[0].args)]


def _instead(at: Twist, other: Any, g: Any) -> Any:
    return at(other)


def _filled(shape: tuple[int, ...], numbers: Array) -> Any:
    return np.full(shape, numbers.item()) if numbers.size == 1 else numbers.reshape(shape)


def _overwritten(use: Use, g: Any) -> Any:
    """Return what `d[index] = g` leaves of gradients that belong to the same entries."""
    made = np.zeros(np.shape(use[0].args[use[1]]._value))
    made[(use[0].params or {})["index"]] = g
    return made


def _raw(judged: Judged, use: Use) -> Any:
    """Return what a use sends before it is summed over the axes along which its input was spread; else None."""
    user, position = use
    g = judged.passed.get(user)
    if not user.op.entrywise or g is None or np.shape(use[0].args[use[1]]._value) == user.shape:
        return None
    part = user.op.rules[position](g, user._value, *[plain(arg) for arg in user.args], **(user.params or {}))
    return np.broadcast_to(part, user.shape)


def _sums(raw: Any) -> Iterator[tuple[str, Array]]:
    """Yield what sums, means and single entries along an axis make of numbers."""
    for axis in range(np.ndim(raw)):
        yield f"a sum over axis {axis}", raw.sum(axis=axis)
        yield f"a mean over axis {axis}", raw.mean(axis=axis)
        yield f"only the first along axis {axis}", np.take(raw, 0, axis)
        yield f"only the last along axis {axis} (`=` in place of `+=`?)", np.take(raw, -1, axis)
    if np.ndim(raw):
        yield "a sum over all axes", np.asarray(raw.sum())
        yield "a mean over all axes", np.asarray(raw.mean())


def observed(got: Array, right: Array) -> str:
    """Return what is to be seen in numbers that no known slip gives: where they are wrong, and how far off."""
    off, size = np.abs(got - right), float(np.max(np.abs(right), initial=0.0))
    place = np.unravel_index(int(np.argmax(off)), off.shape)
    if not got.ndim:
        return f"it is {float(got):.6g}; expected was {float(right):.6g}"
    worst = f"most at entry {[int(i) for i in place]}: {got[place]:.6g}, expected was {right[place]:.6g}"
    if not size:
        return f"it should be zeros; {worst}"
    if np.sum(off > 1e-6 * size) == 1:
        return f"one entry is wrong, {worst.removeprefix('most at entry ')}"
    return f"{pattern(got, right)}; {worst}"


def pattern(got: Array, right: Array) -> str:
    """Return what is to be seen in wrong numbers: a sum, signs, rows or columns, or how far off they are."""
    gap, size = got - right, float(np.max(np.abs(right), initial=0.0))
    off = np.abs(gap) > 1e-6 * size
    if np.ptp(gap) <= 1e-8 * np.max(np.abs(gap)):
        return f"it gives the right numbers plus {gap.flat[0]:.6g}"
    if np.all(np.abs(np.abs(got) - np.abs(right)) <= 1e-8 * np.abs(right)):
        return "it gives the right numbers but for some signs"
    for axis, line in enumerate(("row", "column")[: right.ndim] if right.ndim > 1 else ()):
        lines = np.any(off, axis=tuple([i for i in range(right.ndim) if i != axis]))
        if not lines.all():
            numbers = ", ".join(map(str, np.flatnonzero(lines)))
            return f"only {line} {numbers} is wrong (counted from 0, of shape {right.shape})"
    return f"it is off by up to {float(np.max(np.abs(gap))) / (size or 1.0):.2g} times the largest right number"
