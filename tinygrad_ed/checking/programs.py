"""A reader's whole program, a forward and a backward pass in plain NumPy, judged line by line: `tg.check_program`."""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_ed.checking.judgement import Finding, Judgement
from tinygrad_ed.checking.passes import Pass, standing_for
from tinygrad_ed.checking.slips import NAN
from tinygrad_ed.checking.traced import Run, flat, on_nodes, takes, traced
from tinygrad_ed.checking.variables import Wheres, by_effect, by_name, changes_of, computed, labels_of, line_of
from tinygrad_ed.checking.your_pass import as_given, match, told
from tinygrad_ed.errors import Error, InvalidType, InvalidValue, whole_number
from tinygrad_ed.graph.differences import numeric_derivative
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.values import Array

SUBJECT = "your program"
DRAWS = 2  # on how many other numbers a right program is judged
SECOND = "in a second call: what the first left is still there"


def check_program(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *args: Any,
    digits: int | None = None,
    tell: str = "what",
    seconds: float | None = None,
    **kwargs: Any,
) -> Judgement:
    """Judge a forward and a backward pass that a reader wrote in plain NumPy.

    The forward runs once on arrays and once on Nodes, the backward once. Where a gradient that it returns is wrong, its
    local variables are judged as well, `dlogits` as ∂loss/∂logits and so on, each on what the reader had before it. So
    the finding names the first line that is wrong. Where all gradients are right, nothing else is judged: where 1/M
    stands is up to the reader. They may also be off by one factor of bookkeeping, such as -1 (then the update is
    `W += lr * dW`) or M, and a note says so. What is right is called a second time, and with other numbers of the same
    shapes, for data can hide a mistake: zero weights, or relus that are all active. Notes say what they still hide.

    Args:
        forward: `forward(*args)` returns the loss, a number, or `(loss, cache)`.
        backward: `backward(cache)`, or `backward(*args)` if there is no cache, returns the gradients: a dict (`dW1` or
            `W1`), or a tuple in the order of `args`, or of the last ones.
        args: arrays, or dicts and lists of arrays.
        digits: how many significant digits of the gradients count; all, where left out.
        tell: "where" names the line of a mistake, "what" the mistake as well, and "mend" what it should be.
        seconds: a time limit for each call of a function, on the main thread of a system with `signal.setitimer`.
        kwargs: handed to both functions, as far as they take them.

    Returns:
        Judgement: a function that raises is a finding, too.

    Raises:
        InvalidType: for what is not a function, a loss that is not a number, or gradients that are not arrays.
        InvalidValue: if no gradient can be told to belong to an argument.

    >>> import numpy as np
    >>> def forward(X, Y, W):
    ...     Z = X @ W
    ...     return np.mean((Z - Y) ** 2)
    >>> def backward(X, Y, W):
    ...     Z = X @ W
    ...     dZ = Z - Y
    ...     return {"dW": X.T @ dZ}
    >>> X, Y, W = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0], [0.5]]), np.array([[0.5], [-0.5]])
    >>> check_program(forward, backward, X, Y, W).agree
    True
    """
    for name, function in (("forward", forward), ("backward", backward)):
        if not callable(function):
            raise InvalidType(f"{name} must be a function, not {function!r}")
    digits = None if digits is None else whole_number("digits", digits)
    args = copy.deepcopy(args)
    program = _Program(forward, backward, len(args), digits, tell, seconds)
    found = program.judge(_inputs(forward, args, kwargs), kwargs)
    rng, same = np.random.default_rng(0), program.inputs
    for draw in range(DRAWS + 1 if found.agree else 0):
        said = f"right on these data, but not {'with other numbers of the same shapes' if draw else SECOND}: "
        try:
            again = program.judge(program.drawn(same, rng) if draw else same, kwargs, fine=1e-4)
        except Error:  # these numbers are out of its domain
            continue
        if again.diagnosis and not any([wrong.quantity[0] == "`" or NAN in wrong.mistake for wrong in again.diagnosis]):
            wrong = [replace(finding, mistake=said + finding.mistake) for finding in again.diagnosis]
            return replace(again, diagnosis=tuple(wrong))
    return found


@dataclass
class _Program:
    """A reader's forward, of `count` arguments without a keyword, and backward."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    count: int
    digits: int | None
    tell: str
    seconds: float | None

    def judge(self, inputs: Mapping[str, Any], kwargs: Mapping[str, Any], fine: float = 1e-7) -> Judgement:
        """Judge it on these inputs."""
        self.inputs, self.free = inputs, dict[str, Any]()
        first = self._run(self.forward, {})
        if first.problem:
            return self._failed("forward", first)
        loss, cache = _split(first.result)
        if isinstance(loss, bool) or np.size(loss) != 1 or np.asarray(loss).dtype.kind not in "fiu":
            raise InvalidType(f"forward must return the loss, one number, or (loss, cache); it returned {loss!r}")
        if not np.isfinite(loss):
            return self._failed("forward", first._replace(problem=f"its loss is {loss}: log(0), 0/0, or an overflow?"))
        args = copy.deepcopy(tuple(list(inputs.values())[: self.count]))
        given_to = _arguments(self.backward, cache, args)
        mine = traced("backward", self.backward, *given_to, seconds=self.seconds, **_taken(self.backward, kwargs))
        floats = {name: value for name, value in flat(inputs) if np.asarray(value).dtype.kind == "f"}
        returned = {} if mine.problem else _returned(mine, inputs, self.count, floats)

        leaves = {name: Node(np.asarray(floats[name], float), name=name) for name in returned or floats}
        second: Run | None = self._run(on_nodes(self.forward), leaves)
        root = _split(second.result)[0] if second else None
        given = {leaves[name]: value for name, value in returned.items()}
        notes = [
            f"your {name} changes `{array}` in place (line {line}); it was set right again"
            for name, run in (("forward", first), ("backward", mine))
            for array, line in run.touched.items()
        ]
        if second is None or second.problem or not isinstance(root, Node) or root.size != 1:
            if mine.problem:
                return self._failed("backward", mine)
            why = f"line {second.line}: {second.problem}" if second and second.problem else "it returns no Node"
            notes.append(
                f"the forward does not run on Nodes ({why}), so only what the backward returns was judged, by central "
                "differences"
            )
            slopes = {leaf: self._slope(name, np.asarray(floats[name], float)) for name, leaf in leaves.items()}
            second, root = None, standing_for(slopes, given)
        run = Pass(root, given, {node: f"d{name}" for name, node in leaves.items()}, self.digits)
        run.by_differences = second is None
        short = [value.dtype for value in floats.values() if isinstance(value, np.ndarray | np.floating)]
        run.fine = max([fine if second else 1e-4, *[run.share(np.zeros(0, dtype)) for dtype in short]])
        run.rounding = max([run.rounding, *[8 * float(np.finfo(dtype).eps) for dtype in short]])
        run.known = {name: value for name, value in flat(inputs) if name not in leaves}
        run.labels = {node: name for name, node in leaves.items()}
        run.labels |= labels_of(second, run.labels) if second else {}
        judged = run.settled(seeds=True)
        wheres: Wheres = {node: changes_of(mine, name) for name, node in leaves.items()}
        if (judged.wrong or mine.problem) and second is not None:
            run = by_name(run, second, mine, wheres)
            mine = computed(second, mine)
            tries = [by_effect(run, run.settled(seeds), mine, wheres) for seeds in (False, True)]
            run, judged, wheres = min(tries, key=lambda found: found[1].faults)
        lines = {node: line_of(self.backward, mine, run, judged, node, wheres.get(node, [])) for node in judged.wrong}
        found = told(run, judged, SUBJECT, self.tell, lines)
        if judged.seed != 1 and not judged.wrong:
            advice = " (then the update adds: `W += lr * dW`)" if judged.seed < 0 else ""
            words = f"right up to the factor {judged.seed:.6g}, by which all gradients are multiplied here{advice}"
            notes.append(words)
        notes += [] if judged.wrong else _hidden(run)
        self.free = _free(run, floats)
        once = {(one.where, one.quantity): one for one in found.diagnosis[::-1]}  # a loop repeats itself
        raised = self._failed("backward", mine).diagnosis if mine.problem else ()
        return Judgement(SUBJECT, found.rows, (*list(once.values())[::-1], *raised), (*found.notes, *notes), self.tell)

    def drawn(self, inputs: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Return the inputs with other numbers where these are free, of the same size."""
        new = {}
        for name, value in self.free.items():
            size = float(np.sqrt(np.mean(np.square(value, dtype=float)))) or 1.0
            new[name] = (size * rng.normal(size=np.shape(value))).astype(np.asarray(value).dtype)[()]
        return {name: _replaced(value, name, new) for name, value in inputs.items()}

    def _run(self, forward: Callable[..., Any], leaves: Mapping[str, Any]) -> Run:
        """Run the forward with `leaves` in the place of some of its inputs."""
        new = [_replaced(value, name, leaves) for name, value in self.inputs.items()]
        by_name = dict(list(zip(self.inputs, new, strict=True))[self.count :])
        return traced("forward", forward, *new[: self.count], seconds=self.seconds, **by_name)

    def _slope(self, name: str, at: Array) -> Array:
        """Return the slopes of the loss along an input by central differences, NaN at a kink."""

        def loss(value: Any) -> Any:
            run = self._run(self.forward, {name: value})
            if run.problem:
                raise InvalidValue(f"it cannot be judged by central differences, either: {run.problem}")
            return np.asarray(_split(run.result)[0], float).item()

        return numeric_derivative(loss, at)

    def _failed(self, name: str, run: Run) -> Judgement:
        """Return the judgement of a function that raised."""
        what = str(run.problem).replace(f"your {name}", "it", 1)
        return Judgement(SUBJECT, (), (Finding(f"`{name}`", f"line {run.line}", what),), (), self.tell)


def _hidden(run: Pass) -> list[str]:
    """Return what right gradients on these data cannot show."""
    said, data = [], {name: np.shape(value) for name, value in run.known.items() if np.ndim(value) == 2}
    for axis in (0, 1):
        if data and all([shape[axis] == 1 for shape in data.values()]):
            names = ", ".join(data)
            words = "these data cannot show whether something is summed or averaged"
            said.append(f"{names}: length 1 along axis {axis}; {words}")
    for node, users in run.uses.items():
        if node in run.given and node.op is None and all([user.op.name == "getitem" for user, _ in users]):
            read = np.zeros(node.shape)
            for user, _ in users:
                np.add.at(read, (user.params or {})["index"], 1)
            if np.max(read, initial=0.0) == 1:
                name = run.labels[node]
                said.append(f"no entry of `{name}` is read twice; these data cannot show `=` in place of `+=`")
    return said


def _free(run: Pass, floats: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that may have other numbers: what has a gradient, and meets it in a product; but no labels."""
    products = [user.args for user in run.order if user.op and user.op.name == "matmul"]
    products = [args for args in products if any([arg in run.given for arg in args if isinstance(arg, Node)])]
    meet, found = [plain(arg) for args in products for arg in args], {}
    for name, value in floats.items():
        entries = np.asarray(value, float)
        sums = [entries.sum(axis=axis) for axis in range(entries.ndim)]
        shares = entries.ndim == 2 and np.min(entries, initial=0.0) >= 0 and any([np.allclose(s, 1) for s in sums])
        labels = not entries.size or (np.ptp(entries) > 0 and np.isin(entries, (-1, 0, 1)).all())
        multiplied = any([np.array_equal(side, m) for m in meet for side in (entries, entries.T)])
        if not shares and (multiplied or (name not in run.known and not labels)):
            found[name] = value
    return found


def _inputs(forward: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by name; those of `*args` are counted."""
    names: list[str] = []
    for name, parameter in inspect.signature(forward).parameters.items():
        starred = parameter.kind is parameter.VAR_POSITIONAL
        names += [f"{name}[{i}]" for i in range(len(args) - len(names))] if starred else [name]
    return {**dict(zip(names, args, strict=False)), **_taken(forward, kwargs)}


def _taken(function: Callable[..., Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments that a function takes."""
    parameters = inspect.signature(function).parameters.values()
    if any([p.kind is p.VAR_KEYWORD for p in parameters]):
        return dict(kwargs)
    return {name: value for name, value in kwargs.items() if name in [p.name for p in parameters]}


def _arguments(backward: Callable[..., Any], cache: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what the backward is given: the cache, or the arguments of the forward, or both."""
    if cache is None:
        return args
    spread = cache if isinstance(cache, tuple | list) else ()
    for choice in ((cache,), args, (cache, *args), (*args, cache), tuple(spread)):
        if takes(backward, *choice):
            return tuple(choice)
    return (cache,)


def _returned(mine: Run, inputs: Mapping[str, Any], count: int, floats: Mapping[str, Any]) -> dict[str, Array]:
    """Return the gradients that the backward returned, by the name of the argument."""
    result = mine.result
    if isinstance(result, Mapping):
        pairs = [(match(name, floats), value) for name, value in flat(dict(result), 3)]
    else:
        values = list(result) if isinstance(result, tuple | list) else [result]
        called = {id(value): name for name, value in mine.ends.items()}
        by_local = [match(called.get(id(value), ""), floats) for value in values]
        if all(by_local) and len(set(by_local)) == len(values):
            pairs = list(zip(by_local, values, strict=True))
        else:  # in the order of the arguments, or of the last ones, or of what one of them holds
            names = list(inputs)[:count]
            holders = [[one for one, _ in flat({name: inputs[name]}) if one in floats] for name in names]
            last = names if len(values) == count else [n for n, held in zip(names, holders, strict=True) if held]
            orders = [last[-len(values) :], *holders, [one for held in holders for one in held]]
            pairs, best = [], -1
            for order in [order for order in orders if len(order) == len(values)]:
                one: list[tuple[str | None, Any]] = [*flat(dict(zip(order, values, strict=True)))]
                fitting = sum([np.shape(value) == np.shape(floats.get(str(name), ())) for name, value in one])
                pairs, best = (one, fitting) if fitting > best else (pairs, best)
    found = {name: as_given(name, value) for name, value in pairs if name and name in floats}
    if not found:
        raise InvalidValue(
            "backward returned no gradient that belongs to an argument of forward; return a dict by name, such as "
            f"{{'dW': dW}}, or a tuple in the order of the arguments: {', '.join(floats) or 'none of them has floats'}"
        )
    return found


def _replaced(value: Any, name: str, leaves: Mapping[str, Any], deep: int = 3) -> Any:
    """Return an argument with Nodes in the place of what gradients are returned for."""
    if name in leaves:
        return leaves[name]
    if isinstance(value, Mapping) and deep:
        return {
            k: _replaced(v, k if isinstance(k, str) else f"{name}[{k}]", leaves, deep - 1) for k, v in value.items()
        }
    if isinstance(value, list | tuple) and deep:
        return type(value)([_replaced(v, f"{name}[{i}]", leaves, deep - 1) for i, v in enumerate(value)])
    return copy.deepcopy(value)


def _split(result: Any) -> tuple[Any, Any]:
    """Return the loss and the cache, None if there is none."""
    return result if isinstance(result, tuple) and len(result) == 2 else (result, None)
