"""A reader's whole program, a forward and a backward pass in plain NumPy, judged line by line: `tg.check_program`."""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_ed.checking.judgement import Finding, Judgement
from tinygrad_ed.checking.passes import Pass
from tinygrad_ed.checking.traced import Run, flat, on_nodes, traced
from tinygrad_ed.checking.variables import Wheres, by_effect, by_name, changes_of, computed, labels_of, line_of
from tinygrad_ed.checking.your_pass import as_given, match, told
from tinygrad_ed.errors import InvalidType, InvalidValue, whole_number
from tinygrad_ed.graph.differences import numeric_derivative
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.guard import restored

SUBJECT = "your program"


@restored()
def check_program(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *args: Any,
    digits: int | None = None,
    tell: str = "what",
    **kwargs: Any,
) -> Judgement:
    """Judge a forward and a backward pass that a reader wrote in plain NumPy.

    The forward runs once on arrays and once on Nodes, the backward once. Where a gradient that it returns is wrong, its
    local variables are judged as well, `dlogits` as ∂loss/∂logits and so on, each on what the reader had before it. So
    the finding names the first line that is wrong. Where all gradients are right, nothing else is judged: where 1/M
    stands is up to the reader. They may also be off by one factor of bookkeeping, such as -1 (then the update is
    `W += lr * dW`) or M, and a note says so.

    Args:
        forward: `forward(*args)` returns the loss, a number, or `(loss, cache)`.
        backward: `backward(cache)`, or `backward(*args)` if there is no cache, returns the gradients: a dict (`dW1` or
            `W1`), or a tuple in the order of `args`, or of the last ones.
        args: arrays, or dicts and lists of arrays.
        digits: how many significant digits of the gradients count; all, where left out.
        tell: "where" names the line of a mistake, "what" the mistake as well, and "mend" what it should be.
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
    inputs = _inputs(forward, args, _taken(forward, kwargs))
    first = _run(forward, inputs, len(args), {})
    if first.error:
        return _failed("forward", first, tell)
    loss, cache = _split(first.result)
    if isinstance(loss, bool) or np.size(loss) != 1 or np.asarray(loss).dtype.kind not in "fiu":
        raise InvalidType(f"forward must return the loss, one number, or (loss, cache); it returned {loss!r}")
    mine = _same_dice(traced, backward, *_arguments(backward, cache, copy.deepcopy(args)), **_taken(backward, kwargs))
    floats = {name: value for name, value in flat(inputs) if np.asarray(value).dtype.kind == "f"}
    returned = {} if mine.error else _returned(mine, inputs, len(args), floats)

    leaves = {name: Node(np.asarray(floats[name], float), name=name) for name in returned or floats}
    second: Run | None = _run(on_nodes(forward), inputs, len(args), leaves)
    root = _split(second.result)[0] if second else None
    names = {node: f"d{name}" for name, node in leaves.items()}
    given = {leaves[name]: value for name, value in returned.items()}
    raised = _failed("backward", mine, tell)
    notes: list[str] = []
    if second is None or second.error or not isinstance(root, Node) or root.size != 1:
        if mine.error:
            return raised
        notes.append(_unseen(second))
        second, root = None, _by_differences(forward, inputs, len(args), floats, leaves, given)
    run = Pass(root, given, names, digits)
    run.fine = 1e-7 if second is not None else 1e-4
    run.known = {name: value for name, value in flat(inputs) if name not in leaves}
    run.labels = {node: name for name, node in leaves.items()}
    run.labels |= labels_of(second, run.labels) if second else {}
    judged = run.settled(seeds=True)
    wheres: Wheres = {node: changes_of(mine, name) for name, node in leaves.items()}
    if (judged.wrong or mine.error) and second is not None:
        run = by_name(run, second, mine, wheres)
        mine = computed(second, mine)
        tries = [by_effect(run, run.settled(seeds), mine, wheres) for seeds in (False, True)]
        run, judged, wheres = min(tries, key=lambda found: found[1].faults)
    lines = {node: line_of(backward, mine, run, judged, node, wheres.get(node, [])) for node in judged.wrong}
    found = told(run, judged, SUBJECT, tell, lines)
    if judged.seed != 1 and not judged.wrong:
        notes.append(_up_to(judged.seed))
    once = {(finding.where, finding.quantity): finding for finding in found.diagnosis[::-1]}  # a loop repeats itself
    findings = (*list(once.values())[::-1], *(raised.diagnosis if mine.error else ()))
    return Judgement(SUBJECT, found.rows, findings, (*found.notes, *notes), tell)


def _up_to(seed: float) -> str:
    advice = " (then the update adds: `W += lr * dW`)" if seed < 0 else ""
    return f"right up to the factor {seed:.6g}, by which all gradients are multiplied here{advice}"


def _failed(name: str, run: Run, tell: str) -> Judgement:
    """Return the judgement of a function that raised."""
    what = f"it raised {type(run.error).__name__}: {' '.join(str(run.error).split())}"
    return Judgement(SUBJECT, (), (Finding(f"`{name}`", f"line {run.line}", what),), (), tell)


def _inputs(forward: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by name; those of `*args` are counted."""
    names: list[str] = []
    for name, parameter in inspect.signature(forward).parameters.items():
        starred = parameter.kind is parameter.VAR_POSITIONAL
        names += [f"{name}[{i}]" for i in range(len(args) - len(names))] if starred else [name]
    return {**dict(zip(names, args, strict=False)), **kwargs}


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
        try:
            inspect.signature(backward).bind(*choice)
        except TypeError:
            continue
        return tuple(choice)
    return (cache,)


def _same_dice(run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run with the state of NumPy's global generator as it is, and put it back: every run throws the same dice."""
    state = np.random.get_state()  # a reader's program may use it
    try:
        return run(*args, **kwargs)
    finally:
        np.random.set_state(state)


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
        else:  # in the order of the arguments, or of the last ones
            names = list(inputs)[:count]
            if len(values) != count:
                names = [name for name in names if any([one in floats for one, _ in flat({name: inputs[name]})])]
            pairs = list(flat(dict(zip(names[-len(values) :], values, strict=False))))
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


def _run(forward: Callable[..., Any], inputs: Mapping[str, Any], count: int, leaves: Mapping[str, Any]) -> Run:
    """Run the forward with `leaves` in the place of some of its inputs, of which `count` have no keyword."""
    new = [_replaced(value, name, leaves) for name, value in inputs.items()]
    run: Run = _same_dice(traced, forward, *new[:count], **dict(list(zip(inputs, new, strict=True))[count:]))
    return run


def _split(result: Any) -> tuple[Any, Any]:
    """Return the loss and the cache, None if there is none."""
    return result if isinstance(result, tuple) and len(result) == 2 else (result, None)


def _unseen(run: Run | None) -> str:
    """Say why the variables were not judged."""
    why = f"line {run.line}: {' '.join(str(run.error).split())}" if run and run.error else "it returns no Node"
    return (
        f"the forward does not run on Nodes ({why}), so only what the backward returns was judged, "
        "by central differences"
    )


def _by_differences(
    forward: Callable[..., Any],
    inputs: Mapping[str, Any],
    count: int,
    floats: Mapping[str, Any],
    leaves: Mapping[str, Node],
    given: Mapping[Node, Array],
) -> Node:
    """Return a loss with the gradients of central differences, and the reader's where there are none: at a kink."""
    total: Any = Node(0.0)
    for name, leaf in leaves.items():

        def loss(value: Any, name: str = name) -> Any:
            new = [_replaced(v, n, {name: value}) for n, v in inputs.items()]
            result = _same_dice(forward, *new[:count], **dict(list(zip(inputs, new, strict=True))[count:]))
            return np.asarray(_split(result)[0]).item()

        slope = numeric_derivative(loss, np.asarray(floats[name], float))
        if given[leaf].shape == slope.shape:
            slope = np.where(np.isnan(slope), given[leaf], slope)
        total = total + (leaf * np.nan_to_num(slope)).sum()
    return total  # type: ignore[no-any-return]
