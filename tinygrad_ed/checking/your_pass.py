"""The reader's own backward pass through any graph, judged: `tg.check_pass`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_ed.checking.judgement import Finding, JudgedRow, Judgement
from tinygrad_ed.checking.passes import Judged, Pass
from tinygrad_ed.checking.slips import explained, mended
from tinygrad_ed.errors import InvalidType, InvalidValue, ShapeError, nearest, whole_number
from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.node import Node
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.checks import numbers

PREFIXES = ("grad_", "d_", "d")


def check_pass(
    loss: Node,
    gradients: Mapping[str, Any],
    nodes: Mapping[str, Any] | None = None,
    digits: int | None = None,
    tell: str = "what",
) -> Judgement:
    """Judge gradients that a reader computed by hand, for any graph.

    One sweep goes back from the loss. At each node whose gradient was given it compares with ∂loss/∂node on the
    reader's own gradients before it, and then goes on with what the reader has. So one slip is one finding, and what
    only follows from it `inherits`.

    Args:
        loss: a Node with one entry.
        gradients: the reader's arrays by name, each of the shape of its node: `"dlogits"`, `"d_logits"`,
            `"grad_logits"` or `"logits"`. They need not be complete.
        nodes: Nodes by name, such as `locals()`; what is no Node is passed over. Names of Nodes (`Node.name`)
            count, too.
        digits: how many significant digits the numbers have; all, where left out.
        tell: "where" names the place of a mistake, "what" the mistake as well, and "mend" what it should be.

    Returns:
        Judgement: with a row for each gradient, in the order of the sweep.

    Raises:
        InvalidType: for a loss that is not a Node, or gradients that are not a dict of numbers.
        ShapeError: for a loss with several entries.
        InvalidValue: for an unknown name; it suggests the nearest.

    >>> x, w = Node([[1.0, 2.0], [3.0, 5.0]]), Node([[0.5], [-1.0]])
    >>> z = x @ w
    >>> loss = (z * z).mean()
    >>> dz = z.value
    >>> print(check_pass(loss, {"dz": dz, "dw": dz.T @ x.value}, nodes={"z": z, "w": w}))
    z   0.0e+00  right
    w       inf  wrong
    your gradients: 1 mistake
    w: probably it is transposed: (1, 2) in place of (2, 1)
    """
    if not isinstance(loss, Node):
        raise InvalidType(f"the loss must be a Node, the end of a graph, not {loss!r}")
    if loss.size != 1:
        raise ShapeError(f"a loss has one entry, but {loss!r} has shape {loss.shape}; reduce it (`.sum()`)")
    if not isinstance(gradients, Mapping) or not isinstance(nodes, Mapping | None):
        raise InvalidType("gradients and nodes are dicts by name: check_pass(loss, {'dlogits': dlogits}, locals())")
    if digits is not None:
        digits = whole_number("digits", digits)
    named = {node.name: node for node in walk(loss) if node.name}
    named |= {name: node for name, node in (nodes or {}).items() if isinstance(node, Node)}
    given: dict[Node, Array] = {}
    for name, value in gradients.items():
        found = match(name, named) if isinstance(name, str) else None
        if found is None:
            raise InvalidValue(
                f"no node is called {name!r}, nor what is left of it without `d`, `d_` or `grad_`. "
                f"{nearest(name, named)}"
            )
        given[named[found]] = as_given(name, value)
    judged = Pass(loss, given, {node: name for name, node in named.items()}, digits)
    return told(judged, judged.settled(seeds=False), "your gradients", tell)


def told(run: Pass, judged: Judged, subject: str, tell: str, lines: Mapping[Node, str] | None = None) -> Judgement:
    """Return the judgement of a pass."""
    rows, findings = [], []
    for node, one in judged.told.items():
        rows.append(JudgedRow(run.names[node], one.verdict != "wrong", one.difference, one.verdict))
    for node in judged.wrong:
        mistake, known = explained(run, judged, node)
        findings.append(Finding(run.names[node], (lines or {}).get(node, ""), mistake, mended(run, node), known))
    notes = []
    if judged.scale != 1:
        notes.append(
            f"the gradients of inner nodes are {judged.scale:.4g} times the derivatives of the loss here, which those "
            "of the parameters make up for: that is right, too"
        )
    for node in judged.told:
        if node.op is None and node.ndim == 2 and min(node.shape) > 1 and not np.ptp(node._value):
            said = (
                "all entries of `{}` are the same (symmetric neurons): these data cannot show a mistake in their order"
            )
            notes.append(said.format(run.labels.get(node, run.names[node])))
    if kinks := [run.names[node] for node, told in judged.told.items() if told.kink]:
        notes.append(
            f"{', '.join(kinks)}: not the numbers of tinygrad_ed, but right: at a kink or a tie (relu, |x|, max) so is "
            "each slope between those of its two sides, and where digits cancel so is what rounding makes"
        )
    return Judgement(subject, tuple(rows), tuple(findings), tuple(notes), tell)


def as_given(name: str, value: Any) -> Array:
    """Return a reader's gradient as an array of floats."""
    array = numbers(f"the gradient {name!r}", value)
    return array if array.dtype in (np.float16, np.float32) else array.astype(float)


def match(name: str, known: Mapping[str, Any], bare: bool = True) -> str | None:
    """Return the name of the value whose gradient is called so; None if there is none. `bare`: its own name counts."""
    tries = [name[len(prefix) :] for prefix in PREFIXES if name.lower().startswith(prefix)]
    tries += [name.removesuffix("_grad")] if name.endswith("_grad") else []
    tries += [name] if bare else []
    folded = {other.lower().replace("_", ""): other for other in known}
    found = [w for w in tries if w in known] + [folded.get(w.lower().replace("_", "")) for w in tries]
    return next((w for w in found if w), None)
