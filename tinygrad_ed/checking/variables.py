"""Variables: which local variable of a reader's backward is which gradient, and which line made it wrong.

`dlogits` is the gradient of `logits`. A variable of another name is the gradient of the value for which it explains the
wrong gradients that come after it.
"""

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ed.checking.passes import Judged, Pass, ratio
from tinygrad_ed.checking.traced import Change, Run
from tinygrad_ed.checking.your_pass import as_given, match
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Array

TRIALS = 80  # how many unnamed variables are tried as gradients
Wheres = dict[Node, list[Change]]


def labels_of(second: Run, taken: Mapping[Node, str]) -> dict[Node, str]:
    """Return what the reader calls each value of the forward: the first name that is its own, or else the first."""
    names: dict[Node, list[str]] = {}
    for change in second.changes:
        if change.own and isinstance(change.value, Node) and change.value not in taken:
            names.setdefault(change.value, []).append(change.name)
    counts = Counter([name for each in names.values() for name in set(each)])
    return {node: next((name for name in each if counts[name] == 1), each[0]) for node, each in names.items()}


def changes_of(mine: Run, name: str) -> list[Change]:
    """Return the changes of the reader's variable for the gradient of `name`."""
    return [c for c in mine.changes if c.own and match(c.name, {name: 0}, bare=False)]


def by_name(run: Pass, second: Run, mine: Run, wheres: Wheres) -> Pass:
    """Return the pass with the local variables whose names say which gradient they are."""
    values: dict[str, list[Node]] = {}
    for change in second.changes:
        if change.own and isinstance(change.value, Node) and change.value not in wheres:
            values.setdefault(change.name, []).append(change.value)
    given, names = dict(run.given), dict(run.names)
    for name in dict.fromkeys([c.name for c in mine.changes if c.own]):
        whose = match(name, values, bare=False)
        history = [c for c in mine.changes if c.own and c.name == name and _is_gradient(c.value)]
        for node, changes in _paired(values[whose], history) if whose and history else ():
            fresh = node in run.uses and node not in given
            for one, its in _placed(run, given, node, changes).items() if fresh else ():
                given[one], names[one], wheres[one] = as_given(name, its[-1].value), name, its
    return run.again_with(given, names)


def _placed(run: Pass, given: Mapping[Node, Array], node: Node, changes: list[Change]) -> Wheres:
    """Return whose gradients a variable was: of `node`, and, once its Φ' is multiplied into it, of what is below it."""
    last, rest = changes[-1], {c.line: i for i, c in enumerate(changes[:-1]) if np.any(c.value)}

    def fitting(change: Change, among: list[Node], known: Mapping[Node, Array]) -> list[Node]:
        rights, got = run._swept(1.0, 1.0, known)[0], as_given(change.name, change.value)
        ks = {n: ratio(got, rights.get(n), max(1e-6, run.share(got))) for n in among if n not in known}
        return sorted([n for n, k in ks.items() if k], key=lambda n: abs((ks[n] or 0) - 1))

    lower = run.below(node)
    if fitting(last, [node], given) or not lower:
        return {node: changes}
    for i in [i for i in rest.values() if np.shape(changes[i].value) == node.shape]:
        found = fitting(last, lower, {**given, node: as_given(last.name, changes[i].value)})
        found += lower[-1:] if fitting(changes[i], [node], given) and lower[-1] not in given else []
        if found:
            return {node: changes[: i + 1], found[0]: changes[i + 1 :]}
    return {[*fitting(last, lower, given), node][0]: changes}


def by_effect(run: Pass, judged: Judged, mine: Run, wheres: Wheres) -> tuple[Pass, Judged, Wheres]:
    """Return the pass with other local variables, each as the gradient for which it explains most of what is wrong."""
    wheres = dict(wheres)
    named, tried, counts = set(run.names.values()), 0, run.counts()
    last = {c.name: c for c in mine.changes}  # zeros that are filled later are no gradient yet
    rest = [c for c in mine.changes if c.name not in named and np.ndim(c.value)]
    rest = [c for c in rest if np.any(c.value) or last[c.name] is c]
    for change in rest:
        best: Any = None
        for node in [n for n in run.order if n.op and n not in run.given and n.shape == np.shape(change.value)]:
            tried += 1
            got = as_given(change.name, change.value)
            other = run.again_with({**run.given, node: got}, {**run.names, node: change.name})
            scales = dict.fromkeys([judged.scale, *(node.shape if judged.scale == 1 else ())])
            trial = min([other.judge(judged.seed, k) for k in scales], key=lambda judged: judged.faults)
            before, after = set(judged.wrong), set(trial.wrong)
            moved = node in after and len(after) == len(before) and before - after
            blamed = [(trial, node), *[(judged, leaf) for leaf in before - after]]
            ks = [ratio(one.told[n].got, one.told[n].right) or 0.0 for one, n in blamed]
            if ks[0] > 2 and np.isclose(list(counts), ks[0]).any() and np.allclose(ks, ks[0]):
                continue  # 1/M is missing where the others have it: in the gradients of the parameters
            if (moved or len(after) < len(before)) and trial.faults[1] <= judged.faults[1]:
                rank = (*trial.faults, ratio(trial.told[node].got, trial.told[node].right) is None)
                best = (rank, other, trial, node) if best is None or rank <= best[0] else best
        if best is not None:
            _, run, judged, node = best
            wheres[node] = [c for c in rest if _equal(c.value, change.value)][-1:]
        if not judged.wrong or tried >= TRIALS:
            break
    return run, judged, wheres


def computed(second: Run, mine: Run) -> Run:
    """Return the run of the backward without what it had from the forward."""
    known = {np.asarray(plain(c.value), float).tobytes() for c in second.changes}
    own = [c for c in mine.changes if _is_gradient(c.value) and np.asarray(c.value, float).tobytes() not in known]
    return mine._replace(changes=own)


def _is_gradient(value: Any) -> bool:
    return isinstance(value, np.ndarray | float | np.floating) and np.asarray(value).dtype.kind in "fb"


def _paired(nodes: list[Node], history: list[Change]) -> list[tuple[Node, list[Change]]]:
    """Pair the values that a variable had with those of its gradient, which come in the opposite order."""
    if len(nodes) == 1:
        fits = [c for c in history if np.shape(c.value) == nodes[0].shape]
        return [(nodes[0], fits or history)]
    groups = [history]
    if len(history) % len(nodes) == 0:
        each = len(history) // len(nodes)
        groups = [history[i : i + each] for i in range(0, len(history), each)]
    elif len(history) < len(nodes):
        groups = [[c] for c in history]
    pairs = list(zip(nodes[::-1], groups, strict=False))
    return pairs if all([node.shape == np.shape(changes[-1].value) for node, changes in pairs]) else []


def line_of(
    backward: Callable[..., Any], mine: Run, run: Pass, judged: Judged, node: Node, changes: list[Change]
) -> str:
    """Return the line of the reader's file in which a gradient went wrong."""
    made = [c for c in changes if np.any(c.value)] or changes
    if made:
        number = _blamed(made, mine, run, judged, node)
    else:
        number = _line_of_key(backward, run.names[node]) or mine.line
    code = getattr(inspect.unwrap(backward), "__code__", None)
    file = Path(code.co_filename).name if code else ""
    return f"line {number}" + (f" of {file}" if file and not file.startswith("<") else "")


def _blamed(changes: list[Change], mine: Run, run: Pass, judged: Judged, node: Node) -> int:
    """Return the line of the change that is wrong."""
    got, right, scale = judged.told[node].got, judged.told[node].right, judged.scale
    steps, before = [], np.zeros(right.shape)
    for change in changes:
        if np.shape(change.value) in (right.shape, ()):
            after = np.broadcast_to(np.asarray(change.value, float), right.shape)
            steps.append((change.line, before, after))
            before = after
    if got.shape != right.shape or not steps:
        return changes[-1].line
    size = np.max(np.abs(right), initial=0.0)
    parts = [np.asarray(part) for _, part in judged.parts.get(node, ()) if np.max(np.abs(part)) > 1e-9 * size][:8]
    if len(parts) > 1:
        names = {run.names[other] for other in run.given}
        for part in parts:  # what the reader has in the place of this part may be a variable
            made = [c for c in mine.changes if c.name not in names and _equal(c.value, scale * (got - right + part))]
            if made:
                return made[0].line
        found = _added(steps, parts, lambda step, part: run.close(node, step, scale * part))
        if found:
            return found
    if ratio(got, right) is not None and (scaling := [line for line, a, b in steps if ratio(b, a) is not None]):
        return scaling[-1]
    wrong = np.abs(got - right) > 1e-6 * size
    covering = [(int(np.sum(a != b)), i, line) for i, (line, a, b) in enumerate(steps) if not np.any(wrong & (a == b))]
    return min(covering)[2] if covering else changes[-1].line


def _added(
    steps: list[tuple[int, Array, Array]], parts: list[Array], same: Callable[[Array, Array], bool]
) -> int | None:
    """Return the first line that adds what is no sum of parts; None where no line adds one."""
    left, met, wrong = parts, False, None
    for line, before, after in steps:
        sums = [chosen for n in range(len(left) + 1) for chosen in combinations(range(len(left)), n)]
        found = next((s for s in sums if same(after - before, sum([left[i] for i in s], 0 * after))), None)
        met, wrong = met or bool(found), line if found is None and wrong is None else wrong
        left = [part for i, part in enumerate(left) if i not in (found or ())]
    return (wrong or steps[-1][0]) if met else None


def _equal(value: Any, numbers: Array) -> bool:
    floor = 1e-9 * float(np.max(np.abs(numbers), initial=0.0))
    return _is_gradient(value) and np.shape(value) == numbers.shape and np.allclose(value, numbers, 1e-7, floor)


def _line_of_key(backward: Callable[..., Any], name: str) -> int | None:
    """Return the line of a dict's entry in the source of the backward, where that can be read."""
    try:
        source, start = inspect.getsourcelines(inspect.unwrap(backward))
        tree = ast.parse(textwrap.dedent("".join(source)))
    except (OSError, TypeError, SyntaxError):
        return None
    pairs = [
        pair
        for entry in ast.walk(tree)
        if isinstance(entry, ast.Dict)
        for pair in zip(entry.keys, entry.values, strict=True)
    ]
    found = [
        value.lineno for key, value in pairs if isinstance(key, ast.Constant) and match(str(key.value), {name[1:]: 0})
    ]
    return found[0] + start - 1 if found else None
