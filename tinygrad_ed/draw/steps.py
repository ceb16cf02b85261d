"""The story of a graph, step by step: every value forward, then every contribution backward, then the update.

A step names its node and its edge, and says what happens three times: as a sentence for a screen reader, as the
general equation, and as the equation with the numbers in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.draw.equations import (
    Term,
    backward_template,
    derivative,
    fill,
    forward_template,
    name_term,
    summary,
    value_term,
)
from tinygrad_ed.draw.style import number
from tinygrad_ed.draw.trace import Edge, Numbers, Trace, TraceNode, numbers_of


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        phase: "forward", "backward" or "update".
        node: the id of the node that gets its value, a contribution, or its new value.
        edge: the index of the edge along which the contribution comes, or None.
        sentence: what happens, in words.
        general: the equation in letters.
        numbers: the same with numbers.
        shown: what the node then has: its value, the gradient so far, or the new value; None if it is too large.
        rule: the lecture's rule for the quantity that this step completes, or None.
    """

    phase: str
    node: str
    edge: int | None
    sentence: str
    general: Term
    numbers: Term
    shown: Numbers | None
    rule: str | None = None


def steps(data: Trace, learning_rate: float, rules: Mapping[str, tuple[str, str]] | None = None) -> list[Step]:
    """Return the steps of a trace that has gradients.

    Args:
        data: the trace.
        learning_rate: η of the update of the parameters.
        rules: for some nodes, by id, the lecture's rule of their value and of their gradient.
    """
    story = _Story(data, rules or {})
    made = [node for node in data.nodes if node.op is not None]
    told = [story.forward(node) for node in made]
    if story.root.gradient is not None:
        told.append(story.seed())
        for node in reversed(made):
            told += [story.backward(i, edge, node) for i, edge in story.into[node.id] if edge.contribution is not None]
    told += [story.update(n, learning_rate) for n in data.nodes if n.role == "parameter" and n.gradient is not None]
    return told


class _Story:
    """What the steps need to know about the whole graph, and the gradients so far."""

    def __init__(self, data: Trace, rules: Mapping[str, tuple[str, str]]) -> None:
        self.by_id = {node.id: node for node in data.nodes}
        self.names = labels(data)
        self.terms = {key: name_term(name) for key, name in self.names.items()}
        self.root = self.by_id[data.root]
        self.rules = rules
        self.into: dict[str, list[tuple[int, Edge]]] = {node.id: [] for node in data.nodes}
        self.waiting = dict.fromkeys(self.by_id, 0)
        for i, edge in enumerate(data.edges):
            self.into[edge.target].append((i, edge))
            self.waiting[edge.source] += edge.contribution is not None
        self.uses = dict(self.waiting)
        self.sofar: dict[str, Any] = {}

    def slope(self, node: str) -> Term:
        """The letter of a gradient: ∂E/∂node."""
        return derivative(self.terms[self.root.id], self.terms[node])

    def forward(self, node: TraceNode) -> Step:
        inputs = [edge.source for _, edge in self.into[node.id]]
        template = forward_template(node.op or "", len(inputs))
        y = self.terms[node.id]
        letters = fill(template, {str(i): self.terms[source] for i, source in enumerate(inputs[:10])})
        values = fill(template, {str(i): value_term(self.by_id[source].value) for i, source in enumerate(inputs[:10])})
        result = value_term(node.value, alone=True)
        return Step(
            "forward",
            node.id,
            None,
            f"Forward: {y.text} = {letters.text}, which is {_spoken(node.value)}.",
            equation(y, letters),
            equation(values, result) if inputs else result,
            node.value,
            self.rules.get(node.id, ("", ""))[0] or None,
        )

    def seed(self) -> Step:
        root = self.root
        one = value_term(root.gradient, alone=True)  # type: ignore[arg-type]  # told only where the root has a gradient
        self.sofar[root.id] = root.gradient.entries  # type: ignore[union-attr]  # the same
        text = f"Backward starts: the derivative of {self.names[root.id]} with respect to itself is {one.text}."
        return Step("backward", root.id, None, text, equation(self.slope(root.id), one), one, root.gradient)

    def backward(self, i: int, edge: Edge, node: TraceNode) -> Step:
        source = self.by_id[edge.source]
        sent: Numbers = edge.contribution  # type: ignore[assignment]  # told only for edges that have one
        g, part = self.slope(node.id), value_term(sent, alone=True)
        names = {str(e.slot): self.terms[e.source] for _, e in self.into[node.id]} | {"y": self.terms[node.id], "g": g}
        template = backward_template(node.op or "", edge.slot, not node.value.shape)
        general = (
            fill(template, names)
            if template
            else Term(f"rule of {node.op}", f"<mtext>rule of {_plain(node.op)}</mtext>")
        )
        if edge.local is not None and node.gradient is not None:
            product = fill("{g} · {0}", {"g": value_term(node.gradient), "0": value_term(numbers_of(edge.local))})
            filled = equation(product, part)
        else:
            filled = part
        self.waiting[source.id] -= 1
        last = not self.waiting[source.id]
        before = self.sofar.get(source.id)
        total = source.gradient if last and source.gradient else self._added(source.id, before, sent)
        self.sofar[source.id] = total.entries if total else None
        if self.uses[source.id] > 1 and before is not None and total is not None:
            filled = equation(filled, value_term(total, alone=True), Term("; in all ", "<mtext>; in all\u00a0</mtext>"))
        name = self.names[source.id]
        more = (
            f" It is used {self.uses[source.id]} times, and all contributions add up."
            if self.uses[source.id] > 1
            else ""
        )
        now = f", whose derivative is now {_spoken(total)}" if total else ""
        text = f"Backward: {self.names[node.id]} sends {_spoken(sent)} to {name}{now}.{more}"
        sign = "=" if self.uses[source.id] == 1 else "+="
        rule = self.rules.get(source.id, ("", ""))[1] if last else ""
        return Step(
            "backward", source.id, i, text, equation(self.slope(source.id), general, sign), filled, total, rule or None
        )

    def update(self, node: TraceNode, learning_rate: float) -> Step:
        name, slope = self.terms[node.id], self.slope(node.id)
        eta = value_term(numbers_of(learning_rate))
        new = None
        if node.value.entries is not None and node.gradient is not None and node.gradient.entries is not None:
            new = numbers_of(np.asarray(node.value.entries) - learning_rate * np.asarray(node.gradient.entries))
        general = fill("{0} − η · {g}", {"0": name, "g": slope})
        gradient: Numbers = node.gradient  # type: ignore[assignment]  # told only for nodes that have one
        filled = fill("{0} − {1} · {g}", {"0": value_term(node.value), "1": eta, "g": value_term(gradient)})
        text = f"Update: {self.names[node.id]} takes a step of {number(learning_rate)} against its gradient."
        numbers = equation(filled, value_term(new, alone=True)) if new else filled
        return Step("update", node.id, None, text, equation(name, general, "←"), numbers, new)

    def _added(self, node: str, before: Any, sent: Numbers) -> Numbers | None:
        """The sum so far; None where the arrays are too large to be in the trace."""
        if before is None and node not in self.sofar:
            return sent
        if before is None or sent.entries is None:
            return None
        return numbers_of(np.asarray(before) + np.asarray(sent.entries))


def labels(data: Trace) -> dict[str, str]:
    """A name for every node: its own, a constant's number, or v1, v2, ... in order.

    >>> from tinygrad_ed.draw.trace import trace
    >>> from tinygrad_ed.node import Node
    >>> labels(trace(Node(2.0, name="w") * 3.0 + 1.0))
    {'n0': 'w', 'n1': '3', 'n2': 'v1', 'n3': '1', 'n4': 'v2'}
    """
    found, count = {}, 0
    for node in data.nodes:
        if node.name:
            found[node.id] = node.name
        elif node.role == "constant":
            found[node.id] = summary(node.value) if not node.value.shape else "const"
        else:
            count += 1
            found[node.id] = f"v{count}"
    return found


def equation(left: Term, right: Term, sign: str | Term = "=") -> Term:
    """Two terms with a sign between them."""
    between = sign if isinstance(sign, Term) else Term(f" {sign} ", f"<mo>{sign}</mo>")
    return Term(left.text + between.text + right.text, left.math + between.math + right.math)


def _spoken(numbers: Numbers) -> str:
    return value_term(numbers, alone=True).text


def _plain(text: str | None) -> str:
    return fill("{0}", {"0": name_term(text or "")}).math
