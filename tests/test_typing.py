"""Types: what `tests/typing/users_file.py` asserts is so when it runs, and `mistakes.py` runs into errors.

That mypy and pyright say the same is seen by `.ci/check_types.py`.
"""

import inspect
import re
import runpy
import types
import typing
from pathlib import Path

import pytest

import tinygrad_ed as tg

HERE = Path(__file__).parent / "typing"
MISTAKES = (HERE / "mistakes.py").read_text(encoding="utf-8")
HEAD, _, _ = MISTAKES.partition("# What runs into an error")
WRONG = [line.removesuffix("  # wrong") for line in MISTAKES.splitlines() if line.endswith("  # wrong")]
LINES = [line for line in WRONG if not line.startswith((" ", "text", "number"))]  # those are wrong to a checker alone


def is_a(value, kind):
    """Whether a value has a type as it is written in an annotation, entry by entry."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is typing.Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(is_a(value, part) for part in parts)
    if origin is tuple:
        return type(value) is tuple and all(is_a(entry, parts[0]) for entry in value)
    if origin is list:
        return type(value) is list and all(is_a(entry, parts[0]) for entry in value)
    return type(value) is (origin or kind)


def test_what_a_readers_file_asserts_of_types_is_so(monkeypatch):
    seen = []

    def assert_type(value, kind):
        assert is_a(value, kind), f"{value!r} is no {kind}"
        seen.append(kind)
        return value

    monkeypatch.setattr(typing, "assert_type", assert_type)
    runpy.run_path(str(HERE / "users_file.py"))
    assert len(seen) > 80


@pytest.mark.parametrize("line", LINES)
def test_what_a_checker_calls_wrong_runs_into_an_error(line):
    space = {}
    exec(HEAD + "mlp = tg.nn.MLP([2, 3, 1])\n", space)  # noqa: S102  # a file of ours
    with pytest.raises((TypeError, ValueError, LookupError, AttributeError)):
        exec(line, space)  # noqa: S102  # as above


def test_what_is_attached_to_a_node_is_declared_and_the_other_way_round():
    """The types stand in `typed_node.py`, what they do in other files; nothing of the types is there at run time."""

    def names(kind):
        return set(re.findall(r"(?:def )(\w+)|(\w+)(?= = )", inspect.getsource(kind)))

    types = inspect.getsource(tg.graph.typed_node.Operators)
    aliases = re.findall(r"^ +((?:\w+ = )+)\w+$", types, re.MULTILINE)
    declared = {*re.findall(r"def (\w+)", types), *" ".join(aliases).replace("=", "").split()} - {"__new__"}
    own = {name for pair in names(tg.graph.node) for name in pair}
    attached = {name for name in vars(tg.Node) if callable(getattr(tg.Node, name)) or name in ("T", "mT")}
    assert declared <= attached
    assert attached - declared - own == {"_repr_mimebundle_"}
    assert not declared & set(vars(tg.graph.typed_node.Operators))
