"""A trace in a file: JSON with a version, written beside its place and renamed, and read without trusting it.

docs/trace.md describes every field. What is read is checked from the outside inward, and a file that is no trace, or
that was cut off or changed so that it makes no sense, is refused with one line that names the place. The steps are
written for other programs and not read back: they follow from nodes and edges.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from tinygrad_ed.data.files import checked
from tinygrad_ed.draw.parts import CELLS, FULL, Edge, Numbers, TraceData, TraceNode, last_layer, numbers_of
from tinygrad_ed.draw.steps import StoryStep
from tinygrad_ed.draw.style import ROLES, short
from tinygrad_ed.errors import Error, FileProblem
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.notation.writing import Writing

T = TypeVar("T")
FORMAT, SCHEMA = "tinygrad_ed trace", 2
TOLD = 2000  # of a larger graph the steps are not written
_QUANTITY = re.compile(r"cost|rho(\[\d{1,4}\])?|(alpha|zeta|omega|beta)\[\d{1,4}(,\d{1,4}){0,2}\]")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def written(data: TraceData, story: Sequence[StoryStep] | None = None) -> str:
    """Return a trace as JSON, with the steps of its story if there are any; equal traces give equal text."""
    return as_json(content(data, story))


def content(data: TraceData, story: Sequence[StoryStep] | None = None) -> dict[str, Any]:
    """Return what a trace has in JSON."""
    return {
        "format": FORMAT, "schema": SCHEMA, "root": data.root, "of_root": data.of_root,
        "learning_rate": _out(data.learning_rate),
        "nodes": [
            {
                "id": n.id, "role": n.role, "op": n.op, "name": n.name, "layer": n.layer, "quantity": n.quantity,
                "value": _out(n.value), "gradient": _out(n.gradient),
                **({} if n.after is None else {"after": _out(n.after)}),
            }
            for n in data.nodes
        ],
        "edges": [
            {
                "source": e.source, "target": e.target, "slot": e.slot,
                "local": _out(e.local), "contribution": _out(e.contribution),
            }
            for e in data.edges
        ],
        "closed": {name: _out(numbers) for name, numbers in data.closed.items()},
        **({} if data.predicted is None else {"predicted": _out(data.predicted)}),
        **({"letters": dict(data.write.signs)} if data.write.signs else {}),
        "steps": None if story is None else [_step(step) for step in story],
    }  # fmt: skip


def as_json(content: Any) -> str:
    """Return JSON in which all that is not printable is escaped, half a surrogate pair too."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _step(step: StoryStep) -> dict[str, Any]:
    return {
        "phase": step.phase, "node": step.node, "edges": list(step.edges),
        "equation": step.general.unicode, "numbers": step.numbers.unicode,
        "latex": [step.general.latex, step.numbers.latex],
        "result": _out(step.result), "shown": _out(step.shown),
        "rule": step.rule and step.rule.unicode, "rule_gives": _out(step.rule_gives),
        "say": step.sentence,
    }  # fmt: skip


def _out(part: Any) -> Any:
    """Return the same number, numbers or lists as JSON can hold them."""
    if isinstance(part, float):
        return part if math.isfinite(part) else str(part)
    if isinstance(part, list):
        return [_out(inner) for inner in part]
    if not isinstance(part, Numbers):
        return part
    if not part.shape:
        return _out(part.low)
    whole = {"shape": list(part.shape), "entries": _out(part.entries)}
    return {**whole, **{key: _out(getattr(part, key)) for key in ("low", "high", "mean", "cells")}}


def load(path: Path) -> dict[str, Any]:
    """Return the parts of the trace in a file."""
    path = checked(path, "read")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise FileProblem(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"{str(path)!r} is not a trace: it is no JSON, or cut off ({error})") from error
    try:
        return _Reader().trace(content)
    except _Bad as problem:
        raise FileProblem(f"{str(path)!r} is not a trace that can be used: {problem}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class _Bad(Exception):
    """What is wrong, and where; a signal inside this file."""


def _need(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise _Bad(f"{where} {what}")


def _object(value: Any, where: str, *keys: str) -> dict[str, Any]:
    _need(isinstance(value, dict), where, "should be an object")
    for key in keys:
        _need(key in value, where, f"has no {key!r}")
    return value  # type: ignore[no-any-return]  # it is a dict, as was just seen


class _Reader:
    """Reads the parts of a trace, each checked before it is used."""

    def trace(self, content: Any) -> dict[str, Any]:
        top = _object(content, "the file", "format", "schema")
        _need(top["format"] == FORMAT, "the file", f"says it is {_short(top['format'])}, not {FORMAT!r}")
        known = type(top["schema"]) is int and top["schema"] == SCHEMA
        _need(known, "the file", f"has schema {_short(top['schema'])}; this version reads {SCHEMA}")
        _object(top, "the file", "root", "of_root", "learning_rate", "nodes", "edges", "closed")
        nodes = self.every(top["nodes"], "nodes", self.node)
        self.nodes, self.place = nodes, {node.id: i for i, node in enumerate(nodes)}
        _need(len(self.place) == len(nodes), "nodes", "has the same id twice")
        edges = self.every(top["edges"], "edges", self.edge)
        order = [self.place[edge.target] for edge in edges]
        _need(all(a <= b for a, b in pairwise(order)), "edges", "is not in the order of their targets")
        used = {edge.target for edge in edges}
        for i, node in enumerate(nodes):
            leaf = node.role in ("parameter", "input", "constant")
            _need(not (node.id in used and leaf), f"nodes[{i}]", f"is a leaf ({node.role}), but an edge leads to it")
        _need(self.text(top["root"], "root") in self.place, "root", "names no node")
        _need(type(top["of_root"]) is bool, "of_root", "should be true or false")
        closed = _object(top["closed"], "closed")
        return {
            "root": top["root"],
            "nodes": tuple(nodes),
            "edges": tuple(edges),
            "of_root": top["of_root"],
            "learning_rate": self.number(top["learning_rate"], "learning_rate"),
            "predicted": self.number(top["predicted"], "predicted") if "predicted" in top else None,
            "closed": {name: self.value(v, f"closed[{_short(name)}]") for name, v in closed.items()},
            "write": self.writing(_object(top.get("letters", {}), "letters")),
        }

    def writing(self, letters: dict[str, Any]) -> Writing:
        try:
            return written_in(letters, last_layer(self.nodes))
        except Error as problem:
            raise _Bad(f"letters: {problem}") from None

    def every(self, value: Any, where: str, read: Callable[[Any, str], Any]) -> list[Any]:
        _need(isinstance(value, list), where, "should be a list")
        return [read(entry, f"{where}[{i}]") for i, entry in enumerate(value)]

    def text(self, value: Any, where: str) -> str:
        _need(isinstance(value, str), where, f"should be text, not {_short(value)}")
        return value  # type: ignore[no-any-return]  # it is a str, as was just seen

    def part(self, got: dict[str, Any], key: str, where: str, read: Callable[[Any, str], T]) -> T | None:
        """Read what may be null."""
        return None if got[key] is None else read(got[key], f"{where}.{key}")

    def node(self, value: Any, where: str) -> TraceNode:
        got = _object(value, where, "id", "role", "op", "name", "layer", "quantity", "value", "gradient")
        texts = ("op", "name", "layer", "quantity")
        op, name, layer, quantity = [self.part(got, key, where, self.text) for key in texts]
        _need(quantity is None or bool(_QUANTITY.fullmatch(quantity)), f"{where}.quantity", f"is {_short(quantity)}")
        role = self.text(got["role"], f"{where}.role")
        _need(role in ROLES, f"{where}.role", f"is {_short(role)}; it should be one of {', '.join(ROLES)}")
        _need((role == "op") <= (op is not None), where, "is the result of an op, but names none")
        value_ = self.value(got["value"], f"{where}.value")
        gradient = self.part(got, "gradient", where, self.value)
        _need(_fits(gradient, value_), f"{where}.gradient", "has another shape than the value")
        after = self.value(got["after"], f"{where}.after") if "after" in got else None
        _need(_fits(after, value_), f"{where}.after", "has another shape than the value")
        return TraceNode(self.text(got["id"], f"{where}.id"), role, op, name, layer, value_, gradient, quantity, after)

    def edge(self, value: Any, where: str) -> Edge:
        got = _object(value, where, "source", "target", "slot", "local", "contribution")
        for key in ("source", "target"):
            known = self.text(got[key], f"{where}.{key}") in self.place
            _need(known, f"{where}.{key}", f"names no node: {_short(got[key])}")
        source, target = self.place[got["source"]], self.place[got["target"]]
        _need(source < target, where, "leads backward: a node comes after those it was computed from")
        _need(type(got["slot"]) is int and got["slot"] >= 0, f"{where}.slot", "should be a whole number from 0")
        local, sent = self.part(got, "local", where, self.number), self.part(got, "contribution", where, self.value)
        fits = _fits(sent, self.nodes[source].value)
        _need(fits, f"{where}.contribution", "has another shape than its source")
        return Edge(got["source"], got["target"], got["slot"], local, sent)

    def number(self, value: Any, where: str) -> float:
        if isinstance(value, str) and value in _ODD:
            return _ODD[value]
        _need(type(value) in (int, float), where, f"should be a number, not {_short(value)}")
        try:
            return float(value)
        except OverflowError:
            raise _Bad(f"{where} is too large") from None

    def value(self, value: Any, where: str) -> Numbers:
        if not isinstance(value, dict):
            return numbers_of(self.number(value, where))
        got = _object(value, where, "shape", "entries", "low", "high", "mean", "cells")
        shape = self.every(got["shape"], f"{where}.shape", self.length)
        _need(0 < len(shape) <= 64, f"{where}.shape", "should have 1 to 64 lengths")
        size = math.prod(shape)
        low, high, mean = (self.number(got[key], f"{where}.{key}") for key in ("low", "high", "mean"))
        if got["entries"] is not None:
            _need(size <= FULL, f"{where}.entries", f"should be null for more than {FULL} entries")
            entries = self.entries(got["entries"], shape, f"{where}.entries")
            return numbers_of(np.array(entries, float).reshape(shape))
        _need(size > FULL, f"{where}.entries", f"should be there for up to {FULL} entries")
        _need(not (low > mean or mean > high), where, "should have low <= mean <= high")  # nan is none of these
        cells = self.every(got["cells"], f"{where}.cells", lambda row, at: self.every(row, at, self.number))
        fits = 0 < len(cells) <= CELLS[0] and 0 < len(cells[0]) <= CELLS[1] and len({len(row) for row in cells}) == 1
        _need(fits, f"{where}.cells", f"should be at most {CELLS[0]} rows of {CELLS[1]}")
        return Numbers(tuple(shape), None, low, high, mean, cells)

    def length(self, value: Any, where: str) -> int:
        _need(type(value) is int and 0 <= value < 2**63, where, "should be a whole number from 0")
        return value  # type: ignore[no-any-return]  # it is an int, as was just seen

    def entries(self, value: Any, shape: list[int], where: str) -> Any:
        if not shape:
            return self.number(value, where)
        _need(isinstance(value, list) and len(value) == shape[0], where, f"should be a list of {shape[0]}")
        return [self.entries(entry, shape[1:], f"{where}[{i}]") for i, entry in enumerate(value)]


def _fits(part: Numbers | None, whole: Numbers) -> bool:
    return part is None or part.shape == whole.shape


def _short(value: Any) -> str:
    return short(repr(value), 40)
