"""Terms: what a wrong gradient is made of: a short sum or product of the reader's own numbers, such as `A - Y`."""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from tinygrad_ed.checking.passes import Judged, Pass, ratio
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Array

MOST = 24  # how many named arrays are tried in pairs


def named_values(run: Pass, judged: Judged, node: Node) -> dict[str, Array]:
    """Return the arrays that a reader has a name for: values, constants, and gradients other than this one."""
    found: dict[str, Any] = {f"`{name}`": other._value for other, name in run.labels.items()}
    found |= {f"`{name}`": value for name, value in run.known.items()}
    for other, told in judged.told.items():
        if other is not node:
            found[f"the gradient of `{run.labels.get(other, run.names[other])}`"] = told.got
    shape = judged.told[node].right.shape
    for name, y in run.known.items():
        classes = np.ndim(y) == 1 and np.asarray(y).dtype.kind in "iu" and len(shape) == 2 and len(y) == shape[0]
        if classes and np.min(y) >= 0 and np.max(y) < shape[1]:
            found[f"the one-hot rows of `{name}`"] = np.eye(shape[1])[y]
    return {name: np.asarray(value, float) for name, value in found.items() if np.ndim(value)}


def of_terms(got: Array, right: Array, values: Mapping[str, Array]) -> Iterator[str]:
    """Guess which terms have another factor than they should."""
    alike = {name: value for name, value in values.items() if value.shape == got.shape and np.ptp(value)}
    for axis in range(got.ndim):
        for soft, upstream in permutations(list(alike)[:MOST], 2):
            yield from _softmax(alike[soft], alike[upstream], axis, got, right, soft)
    for name, v in alike.items():
        for words, extra in ((f"{name} (1 - {name})", v * (1 - v)), (f"1 - {name}²", 1 - v * v), (name, v)):
            if ratio(got, right * extra) is not None:
                yield f"an extra factor {words} is in it"
    one = np.ones(got.shape)
    bases = [((one, v), ("1", name)) for name, v in alike.items()]
    bases += [((one, v * v), ("1", f"{name}²")) for name, v in alike.items()]
    pairs = list(combinations(list(alike)[:MOST], 2))
    bases += [((alike[a], alike[b]), (a, b)) for a, b in pairs]
    for basis, names in bases:
        found = _factor(basis, got, right)
        if found is not None:
            yield f"a factor in it is {_sum(found[0], names)}; it should be {_sum(found[1], names)}"
    for a, b in pairs:
        k = _fitted((alike[a], alike[b]), right)
        for c in alike if k is not None and k.all() else ():
            for new, names in (((c, b), (c, b)), ((a, c), (a, c))):
                wrong = _fitted([alike[name] for name in new], got)
                if wrong is not None and wrong.all():
                    yield f"it is {_sum(wrong, names)}; it should be {_sum(k, (a, b))}"


def of_products(got: Array, values: Mapping[str, Array]) -> Iterator[str]:
    """Guess which other product or sum of named arrays it is."""
    if not got.ndim:
        return
    for name, value in values.items():
        made_of = [("{}", value), ("{} transposed", value.T)]
        for i, keep in product(range(value.ndim), (True, False)):
            made_of.append((f"the sum of {{}} over axis {i}", value.sum(axis=i, keepdims=keep)))
        for words, made in made_of:
            if made.shape == got.shape and (k := ratio(got, made)):
                yield f"it is {_sum([k], (words.format(name),))}"
    for one, other in permutations(list(values)[:MOST], 2):
        a, b = values[one], values[other]
        for words, left, right in (("{}ᵀ {}", a.T, b), ("{} {}ᵀ", a, b.T), ("{} {}", a, b)):
            flat = left.ndim == right.ndim == 2 and left.shape[1] == right.shape[0]
            if flat and (len(left), right.shape[1]) == got.shape and (k := ratio(got, left @ right)):
                yield f"it is the matrix product {_sum([k], (words.format(one, other),))}"
        if np.shape(a) == np.shape(b) == got.shape and one < other and (k := ratio(got, a * b)):
            yield f"it is the product {_sum([k], (f'{one} ⊙ {other}',))}"


def _softmax(s: Array, g: Array, axis: int, got: Array, right: Array, name: str) -> Iterator[str]:
    """Guess what is wrong with s ⊙ (g - Σ s ⊙ g), the way back through a softmax."""
    total: Callable[..., Any] = np.sum
    if ratio(right, s * (g - total(s * g, axis=axis, keepdims=True))) is None:
        return
    other = axis - 1 if axis else (1 if got.ndim > 1 else 0)
    inner = total(s * g, axis=axis, keepdims=True)
    for words, made in (
        ("only the diagonal of its derivative is there: the sum is missing", s * g),
        ("only the sum is there: the diagonal of its derivative is missing", s * inner),
        ("the sum is added, not subtracted", s * (g + inner)),
        ("the sum is over the wrong axis", s * (g - total(s * g, axis=other, keepdims=True))),
        ("the sum is over all entries", s * (g - total(s * g))),
        ("a mean in place of the sum", s * (g - inner / got.shape[axis])),
        ("the sum is of the gradient alone, without the softmax", s * (g - total(g, axis=axis, keepdims=True))),
        ("the sum is of the softmax alone, without the gradient", s * (g - total(s, axis=axis, keepdims=True))),
        ("the softmax in front is missing", g - inner),
        ("the slope of a logistic function, s (1 - s), is used in place of that of a softmax", g * s * (1 - s)),
        ("the softmax's derivative is applied twice", s * (right - total(s * right, axis=axis, keepdims=True))),
        (
            "the sum has lost its axis (keepdims)",
            s * (g - inner.squeeze(axis)) if got.shape[0] == got.shape[-1] else 0 * s,
        ),
    ):
        if ratio(got, made) is not None:
            yield f"on the way back through the softmax {name}: {words}"


def _fitted(terms: Any, numbers: Array) -> Array | None:
    """Return the factors of the terms, if the numbers are such a sum."""
    matrix = np.stack([np.ravel(term) for term in terms], axis=1)
    if len(matrix) <= len(matrix.T) or np.linalg.cond(matrix) > 1e6:
        return None
    factors, *_ = np.linalg.lstsq(matrix, np.ravel(numbers), rcond=None)
    close = np.max(np.abs(matrix @ factors - np.ravel(numbers))) <= 1e-7 * np.max(np.abs(numbers))
    return np.where(np.abs(factors) < 1e-7 * np.max(np.abs(factors)), 0.0, factors) if close else None


def _factor(basis: Any, got: Array, right: Array) -> tuple[Array, Array] | None:
    """Return a and b such that got · (b₁ u + b₂ v) is right · (a₁ u + a₂ v), if there is one such pair."""
    columns = [np.ravel(numbers * term) for numbers in (right, -got) for term in basis]
    sizes = [float(np.linalg.norm(column)) for column in columns]
    if len(columns[0]) < 6 or not all(sizes) or not np.isfinite(sizes).all():
        return None
    _, singular, rows = np.linalg.svd(np.stack(columns, axis=1) / sizes, full_matrices=False)
    if singular[-1] > 1e-8 or singular[-2] < 1e-4:
        return None
    found = rows[-1] / sizes
    found = np.where(np.abs(found) * sizes < 1e-7, 0.0, found)
    b, divisor = found[2:], np.abs(found[2] * basis[0] + found[3] * basis[1])
    if np.min(divisor) < 1e-9 * np.max(divisor) or np.linalg.matrix_rank(found.reshape(2, 2), 1e-9) < 2:
        return None
    unit = b[np.argmax(np.abs(b))] if b.any() else 1.0
    return found[:2] / unit, b / unit


def _sum(factors: Any, terms: tuple[str, ...]) -> str:
    """Return a sum in words: `1 - 2 y²`."""
    text = ""
    for k, term in zip(factors, terms, strict=True):
        if k:
            size = f"{abs(k):.4g}"
            shown = term if size == "1" else size if term == "1" else f"{size} {term}"
            text += f" {'-' if k < 0 else '+'} {shown}" if text else f"{'-' if k < 0 else ''}{shown}"
    return text or "0"
