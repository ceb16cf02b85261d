"""The text that takes arguments apart and checks them, and the text that puts results together."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_ed.graph.nested import leaves
from tinygrad_ed.tape.record import is_input
from tinygrad_ed.tape.text import Names, argument_text

OTHER = object()
"""What a replay answers when the arguments are of another kind."""


def unpacking(args: tuple[Any, ...], keywords: dict[str, Any], names: Names) -> list[str]:
    """Return lines that bind the entries of `args` and `keywords` to x0, x1, ... or return OTHER."""
    return _Unpacking(names).lines(args, keywords)


class _Unpacking:
    def __init__(self, names: Names) -> None:
        self._names = names
        self._containers = 0
        self._tests: list[str] = []
        self._lines: list[str] = []

    def lines(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> list[str]:
        other = self._names.of(OTHER, "OTHER")
        self._lines.append(f"if len(args) != {len(args)} or {self._other_keys('keywords', keywords)}: return {other}")
        self._branches("args", list(args), [str(i) for i in range(len(args))], 0)
        self._branches(
            "keywords", list(keywords.values()), [key_text(key, self._names) for key in keywords], _inputs_in(args)
        )
        if self._tests:
            self._lines.append(f"if {' or '.join(self._tests)}: return {other}")
        return self._lines

    def _branches(self, home: str, branches: list[Any], keys: list[str], first: int) -> None:
        """Bind each branch; the inputs among the entries are numbered from `first`, in their order."""
        starts = list(itertools.accumulate([_inputs_in(branch) for branch in branches], initial=first))[:-1]
        bound = [self._name(branch, start) for branch, start in zip(branches, starts, strict=True)]
        if home != "keywords" and keys and keys[0] == "0":
            self._lines.append(f"{', '.join(bound)}, = {home}")
        else:
            self._lines += [f"{name} = {home}[{key}]" for name, key in zip(bound, keys, strict=True)]
        for name, branch, start in zip(bound, branches, starts, strict=True):
            self._check(name, branch, start)

    def _name(self, branch: Any, start: int) -> str:
        if is_input(branch):
            return f"x{start}"
        self._containers += 1
        return f"a{self._containers}"

    def _check(self, name: str, branch: Any, first: int) -> None:
        other = self._names.of(OTHER, "OTHER")
        if isinstance(branch, dict):
            self._lines.append(f"if {self._other_keys(name, branch)}: return {other}")
            self._branches(name, list(branch.values()), [key_text(key, self._names) for key in branch], first)
        elif isinstance(branch, list | tuple):
            kind = self._text(type(branch))
            self._lines.append(f"if type({name}) is not {kind} or len({name}) != {len(branch)}: return {other}")
            self._branches(name, list(branch), [str(i) for i in range(len(branch))], first)
        elif isinstance(branch, np.ndarray):
            shape, dtype = self._names.of(branch.shape, "S"), self._names.of(branch.dtype, "D")
            array = self._names.of(np.ndarray, "ndarray")
            self._tests.append(f"type({name}) is not {array} or {name}.shape != {shape} or {name}.dtype is not {dtype}")
        elif is_input(branch):
            self._tests.append(f"type({name}) is not {self._text(type(branch))}")
        else:
            self._tests.append(f"type({name}) is not {self._text(type(branch))} or {name} != {self._names.of(branch)}")

    def _other_keys(self, name: str, branch: dict[Any, Any]) -> str:
        if name == "keywords" and not branch:
            return "keywords"
        return f"type({name}) is not dict or tuple({name}) != {self._names.of(tuple(branch))}"

    def _text(self, thing: Any) -> str:
        return thing.__name__ if thing in (list, tuple, float, int, bool, str) else self._names.of(thing)


def _inputs_in(tree: Any) -> int:
    return sum([is_input(x) for x in leaves(tree)])


def key_text(key: Any, names: Names) -> str:
    """Return the key of a dict as text, by name if it is no plain thing."""
    return repr(key) if type(key) in (str, int) else argument_text(key, str, names)


def nested_text(tree: Any, entries: Iterator[str], names: Names) -> str:
    """Return the text that builds the nesting of a result around its entries."""
    if isinstance(tree, dict):
        return f"{{{', '.join([f'{key_text(k, names)}: {nested_text(v, entries, names)}' for k, v in tree.items()])}}}"
    if isinstance(tree, list | tuple):
        inner = ", ".join([nested_text(branch, entries, names) for branch in tree])
        if hasattr(tree, "_fields"):
            return f"{names.of(type(tree))}({inner})"
        if type(tree) is list:
            return f"[{inner}]"
        return f"({inner}{',' if len(tree) == 1 else ''})"
    return next(entries)
