"""Nested lists, tuples and dicts: their entries in order, and the same nesting around other entries.

The transforms take such arguments, as in `grad(f)({"w": w, "b": b})`. A list is a container here, an array is not.
"""

import reprlib
from collections.abc import Iterator
from typing import Any

from tinygrad_ed.errors import InvalidType

CONTAINERS = (list, tuple, dict)
DEEPEST = 300
"""So deep may arguments be nested: a function that calls itself for each level has some room left then."""


def leaves(tree: Any, level: int = 0) -> list[Any]:
    """Return the entries of nested lists, tuples and dicts, in order."""
    check_level(level)
    if isinstance(tree, dict):
        tree = list(tree.values())
    if not isinstance(tree, CONTAINERS):
        return [tree]
    entries = [leaves(branch, level + 1) if isinstance(branch, CONTAINERS) else (branch,) for branch in tree]
    return [leaf for few in entries for leaf in few]


def check_level(level: int) -> None:
    """Refuse what is nested too deep, before Python does it with a RecursionError."""
    if level > DEEPEST:
        raise InvalidType(
            f"lists, tuples and dicts are nested more than {DEEPEST} levels deep, or one of them holds itself; give "
            "arrays, or a flat list"
        )


def rebuilt(tree: Any, entries: Iterator[Any]) -> Any:
    """Return the nesting of `tree` around other entries."""
    if isinstance(tree, dict):
        return {key: rebuilt(branch, entries) for key, branch in tree.items()}
    if isinstance(tree, list | tuple):
        branches = [rebuilt(branch, entries) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    return next(entries)


def leaves_like(tree: Any, model: Any, what: str) -> list[Any]:
    """Return the entries of `tree`, which must be nested as `model` is."""
    if isinstance(model, dict):
        if not isinstance(tree, dict) or tree.keys() != model.keys():
            raise InvalidType(f"{what} must be a dict with the keys {list(model)}, but got {reprlib.repr(tree)}")
        return [leaf for key in model for leaf in leaves_like(tree[key], model[key], what)]
    if isinstance(model, list | tuple):
        if not isinstance(tree, list | tuple) or len(tree) != len(model):
            raise InvalidType(f"{what} must be nested like {model!r}, but got {reprlib.repr(tree)}")
        return [leaf for branch, like in zip(tree, model, strict=True) for leaf in leaves_like(branch, like, what)]
    return [tree]


def name_of(f: Any) -> str:
    """Return what messages call a function."""
    return getattr(f, "__name__", repr(f))
