"""Calls of every NumPy function that Nodes answer, on plain arrays and on Nodes, and how two outcomes are compared.

What comes out is NumPy's: the values, their shape, their dtype, the type of sequence they stand in, its warnings and
the type of its errors; or it is a refusal that names the keyword.
"""

import functools
import itertools
import warnings

import numpy as np
import pytest
from keyword_rows import CALLS

import tinygrad_ed as tg
from tinygrad_ed.graph.op import HANDLERS
from tinygrad_ed.ops.numpy.moves import MOVES
from tinygrad_ed.ops.numpy.protocols import path

FUNCTIONS = {path(f): f for f in {**HANDLERS, **MOVES} if not isinstance(f, np.ufunc) and f.__module__[:5] == "numpy"}
NAMES = [name for name in CALLS if name in FUNCTIONS]  # an older NumPy has not all of them
each = pytest.mark.parametrize("name", NAMES)


def is_array(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def arrays(tree):
    """The arrays of floats in nested lists and tuples: what becomes a Node."""
    if isinstance(tree, list | tuple):
        return [x for branch in tree for x in arrays(branch)]
    return [tree] if is_array(tree) else []


def replaced(tree, new):
    """The tree with other things in the place of its arrays."""
    if isinstance(tree, list | tuple) and arrays(tree):
        return type(tree)([replaced(branch, new) for branch in tree])
    return next(new) if is_array(tree) else tree


def with_arrays(name, args, keywords, change):
    """Call the function with every array changed."""
    tree = [list(args), list(keywords.values())]
    given, values = replaced(tree, iter([change(x) for x in arrays(tree)])) if arrays(tree) else tree
    return FUNCTIONS[name](*given, **dict(zip(keywords, values, strict=True)))


def outcome(name, args, keywords, change):
    return outcome_of(lambda: with_arrays(name, args, keywords, change))


def outcome_of(call):
    """What comes of a call, a result or an error, and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  # whichever it is, it is compared
            result = error
    return result, {str(warning.message) for warning in caught}


def combinations(options, how_many=(0, 1, 2)):
    for count in how_many:
        for names in itertools.combinations(options, count):
            for values in itertools.product(*[options[name] for name in names]):
                yield dict(zip(names, values, strict=True))


def difference(expected, found, rtol=1e-13):
    """In which way a result is not NumPy's; None if it is."""
    if isinstance(expected, list | tuple):
        names = [getattr(x, "_fields", None) for x in (expected, found)]  # (which of list and tuple is of no matter)
        if not isinstance(found, list | tuple) or len(found) != len(expected) or names[0] != names[1]:
            return f"{found!r} stands for {expected!r}"
        return next(filter(None, map(functools.partial(difference, rtol=rtol), expected, found)), None)
    found = found.value if isinstance(found, tg.Node) else found
    expected, found = np.asarray(expected), np.asarray(found)
    # (A number is a Python float, and has no dtype but its kind.)
    kinds = [x.dtype if x.ndim else x.dtype.kind for x in (expected, found)]
    if expected.shape != found.shape or kinds[0] != kinds[1]:
        return f"{found.dtype}{found.shape} stands for {expected.dtype}{expected.shape}"
    scale = 1.0 + np.max(np.abs(expected), where=np.isfinite(expected), initial=0.0)
    close = np.allclose(found, expected, rtol=rtol, atol=rtol * float(scale), equal_nan=True)
    return None if close else f"{found!r} stands for {expected!r}"


def named(words):
    """Warnings that say what is the matter; those of the processor differ with the way a thing is computed."""
    return {word for word in words if "encountered in" not in word}


def compared(expected, found, options, rtol=1e-13):
    """What is wrong with an outcome, and the keywords that were refused."""
    (expected, words), (found, own_words) = expected, found
    if isinstance(found, tg.NoDerivativeRule):
        words = str(found).replace("the orders C", "order=")
        said = {name for name in options if f"{name}=" in words}
        return None if said else f"a refusal that names no keyword: {found}", said
    if isinstance(expected, Exception) or isinstance(found, Exception):
        fits = isinstance(found, type(expected)) and isinstance(expected, Exception)
        return None if fits else f"{found!r} stands for {expected!r}", set()
    silent = not own_words if rtol < 1e-9 else False
    if named(words) != named(own_words) or (own_words and not words) or (words and silent):
        return f"warnings {own_words} stand for {words}", set()
    return difference(expected, found, rtol), set()


def floats(result):
    """The parts of a result that are real numbers, or Nodes."""
    if isinstance(result, list | tuple):
        return [part for branch in result for part in floats(branch)]
    real = isinstance(result, tg.Node) or (isinstance(result, np.ndarray | np.floating) and result.dtype.kind == "f")
    return [result] if real else []


def range_of(xs):
    return tuple(range(len(xs)))
