"""The story of a trace: every value forward, every contribution backward, the update, and the values after it.

A step names its node and its edges, and says what happens three times: as a sentence for a screen reader, as the
general equation, and as the equation with the numbers in it. Beside it stands the closed-form rule of the lecture, if
the step completes a quantity that has one, with the number that the rule gives.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ed.draw import equations as eq
from tinygrad_ed.draw.parts import Edge, Numbers, TraceData, TraceNode, last_layer, numbers_of
from tinygrad_ed.draw.style import number_text
from tinygrad_ed.notation.formula import Formula, Row, Sign
from tinygrad_ed.notation.letters import formula
from tinygrad_ed.notation.op_formulas import COSTS
from tinygrad_ed.notation.quantity import Quantity

FEW = 6  # a sum of more products than this is not written out
SLOTS = 10  # so many inputs an equation names at most


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step; what is not known, or too large to be kept, is None."""

    phase: str  # "forward", "backward", "update" or "again"
    node: str  # the id of the node that gets its value, a contribution, or its new value
    edges: tuple[int, ...]  # the places, in the trace, of the inputs forward, and of the one it comes along backward
    sentence: str  # what happens, in words
    general: Formula  # the equation in letters
    work: Formula | None  # the same with numbers, up to the result
    result: Numbers | None  # what comes out: a value, one contribution, or the new value
    shown: Numbers | None  # what the node then has: its value, the gradient so far, or the new value
    total: Numbers | None = None  # the sum of several contributions
    rule: Formula | None = None  # the lecture's closed-form rule of the quantity that this step completes
    rule_gives: Numbers | None = None

    @property
    def numbers(self) -> Formula:
        """The equation with numbers: the work, the result, and after several contributions their sum."""
        outcome = eq.value_term(self.result, alone=True) if self.result else None
        if self.work is None or outcome is None:
            told = self.work or outcome or eq.words("too large to be shown")
        else:
            told = eq.equation(self.work, outcome)
        return told if self.total is None else eq.equation(told, eq.value_term(self.total, alone=True), "; in all")

    @property
    def rule_agrees(self) -> bool | None:
        """True if graph and rule give the same numbers, up to rounding; None where one of them is not known."""
        return None if self.rule_gives is None or self.shown is None else alike(self.shown, self.rule_gives)


def alike(a: Numbers, b: Numbers) -> bool:
    """Tell whether numbers on two roads are the same up to rounding; a batch of one sample is a vector."""
    if a.entries is None or b.entries is None:
        return bool(np.allclose([a.low, a.high, a.mean], [b.low, b.high, b.mean], rtol=1e-6, atol=1e-12))
    one, other = np.ravel(a.entries), np.ravel(b.entries)
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-6, atol=1e-12, equal_nan=True))


def steps(data: TraceData) -> list[StoryStep]:
    """Return the steps of a trace; without gradients it has forward steps only."""
    story = _Story(data)
    made = [node for node in data.nodes if node.op is not None]
    told = [story.forward(node) for node in made]
    if data.of_root:
        told.append(story.seed())
        for node in reversed(made):
            told += [story.backward(i, edge, node) for i, edge in story.into[node.id] if edge.contribution is not None]
        parameters = [n for n in data.nodes if n.role == "parameter" and n.gradient is not None]
        told += [story.update(node, data.learning_rate) for node in parameters]
        told += [story.again(node) for node in made if node.after is not None]
        if data.predicted is not None:
            told.append(story.change(data.predicted, data.learning_rate))
    return told


class _Story:
    """What the steps need to know about the whole graph, and the gradients so far."""

    def __init__(self, data: TraceData) -> None:
        self.by_id, self.into = data.by_id, data.into()
        self.names = labels(data.nodes)
        self.terms = {node.id: data.write(eq.label_of(node, self.names[node.id])) for node in data.nodes}
        self.write = data.write
        self.root = self.by_id[data.root]
        self.closed = data.closed
        self.last = last_layer(data.nodes)
        self.waiting = dict.fromkeys(self.by_id, 0)
        self.inputs: dict[str, dict[str, str]] = {node.id: {} for node in data.nodes}  # by quantity
        self.slots: dict[str, dict[str, str]] = {node.id: {} for node in data.nodes}  # the first, as in the templates
        for edge in data.edges:
            self.waiting[edge.source] += edge.contribution is not None
            self.inputs[edge.target].setdefault(self.by_id[edge.source].quantity or "", edge.source)
            if edge.slot < SLOTS:
                self.slots[edge.target][f"x{edge.slot}"] = edge.source
        self.uses = dict(self.waiting)
        self.neurons = {node.id for node in data.nodes if node.op == "net input" and self.whole(node)}
        self.letters: dict[str, Formula] = {}  # the right sides of the way forward
        self.sofar: dict[str, Any] = {}
        self.around: dict[str, dict[str, Formula] | None] = {}

    def whole(self, node: TraceNode) -> bool:
        """Tell whether all inputs of a net input are there; in a trace from a file some may be missing."""
        inputs = {self.by_id[edge.source].quantity or "" for _, edge in self.into[node.id]}
        kind, j, neurons = Quantity.of(node.quantity or "")
        if not neurons:
            return kind == "zeta" and inputs - {f"beta[{j}]"} == {f"alpha[{j - 1}]", f"omega[{j}]"}
        k = neurons[0]
        before = [name for name in inputs if name.startswith("alpha")]
        weights = {f"omega[{j},{at[0]},{k}]" for _, _, at in map(Quantity.of, before) if at}
        return kind == "zeta" and bool(weights) and inputs - {f"beta[{j},{k}]"} == {*before, *weights}

    def slope(self, node: str) -> Formula:
        """Return the letter of a gradient: ∂E/∂node."""
        return eq.derivative(self.terms[self.root.id], self.terms[node])

    def rule(self, quantity: str | None) -> tuple[Formula | None, Numbers | None]:
        """Return the lecture's rule of a quantity, and the number it gives."""
        rule = eq.rule_of(quantity or "", self.last)
        return (self.write(rule), eq.number_of(self.closed, quantity or "")) if rule else (None, None)

    def written(self, node: TraceNode, terms: dict[str, Formula]) -> Formula | None:
        """Return the right side of a forward equation, in letters or numbers; None for a sum that is too long."""
        inputs = [edge.source for _, edge in self.into[node.id]]
        by_quantity = {self.by_id[i].quantity or i: terms[i] for i in inputs}
        if node.id in self.neurons:
            return eq.net_input(node.quantity or "", by_quantity) if len(inputs) <= 2 * FEW + 1 else None
        if node.quantity == "cost" and node.op in COSTS:
            rho = [by_quantity[name] for name in by_quantity if name.startswith("rho")]
            alpha = [by_quantity[name] for name in by_quantity if name.startswith("alpha")]
            short = len(alpha) == len(rho) <= FEW and all(not self.by_id[i].value.shape for i in inputs)
            return eq.cost_of(node.op, list(zip(alpha, rho, strict=True))) if short else None
        return eq.forward(node.op or "", [terms[i] for i in inputs])

    def forward(self, node: TraceNode) -> StoryStep:
        edges = self.into[node.id]
        y, names = self.terms[node.id], [self.terms[edge.source] for _, edge in edges]
        letters = self.written(node, self.terms)
        if letters is None:
            whole, _ = self.rule(node.quantity)
            sides = whole.parts[2:] if isinstance(whole, Row) else ()  # what follows `ζ =`
            letters = Row(sides) if sides else eq.forward("C" if node.quantity == "cost" else node.op or "", names)
        values = {edge.source: eq.value_term(self.by_id[edge.source].value) for _, edge in edges}
        self.letters[node.id] = letters
        text = f"Forward: {y.unicode} = {letters.unicode}, which is {_spoken(node.value)}."
        rule, gives = self.rule(node.quantity)
        work = self.written(node, self.terms | values) if edges else None
        places = tuple([i for i, _ in edges])
        left, value = eq.equation(y, letters), node.value
        return StoryStep("forward", node.id, places, text, left, work, value, value, None, rule, gives)

    def seed(self) -> StoryStep:
        root, one = self.root, self.root.gradient
        self.sofar[root.id] = one.entries if one else None
        name = self.names[root.id]
        text = f"Backward starts: the derivative of {name} with respect to itself is {_spoken(one)}."
        result = eq.value_term(one, alone=True) if one else eq.words("too large to be shown")
        return StoryStep("backward", root.id, (), text, eq.equation(self.slope(root.id), result), None, one, one)

    def backward(self, i: int, edge: Edge, node: TraceNode) -> StoryStep:
        source, sent = self.by_id[edge.source], edge.contribution
        general, work = self.sends(edge, node, self.terms, self.slope(node.id)), self.worked(edge, node)
        self.waiting[source.id] -= 1
        last, uses = not self.waiting[source.id], self.uses[source.id]
        before = self.sofar.get(source.id)
        total = sent if source.id not in self.sofar else None  # so far; None where the arrays are too large
        if last and source.gradient:
            total = source.gradient
        elif before is not None and sent is not None and sent.entries is not None:
            total = numbers_of(np.asarray(before) + np.asarray(sent.entries))
        self.sofar[source.id] = total.entries if total else None
        several = total if uses > 1 and before is not None else None
        more = f" It is used {uses} times, and all contributions add up." if uses > 1 and before is None else ""
        now = f", whose derivative is now {_spoken(total)}" if total else ""
        name = self.terms[source.id].unicode
        text = f"Backward: {self.terms[node.id].unicode} sends {_spoken(sent)} to {name}{now}.{more}"
        rule, gives = self.rule(eq.gradient_of(source.quantity) if last and source.quantity else None)
        left = self.slope(source.id)
        told = eq.equation(left, general, "=" if uses == 1 else "+=")
        return StoryStep("backward", source.id, (i,), text, told, work, sent, total, several, rule, gives)

    def worked(self, edge: Edge, node: TraceNode) -> Formula | None:
        """Write what goes back through an edge in numbers; None for large arrays, or where no rule has a short form."""
        arrives = node.gradient
        if arrives is None:
            return None
        if edge.local is not None and not node.value.shape:
            return eq.fill("$g · $d", {"g": eq.value_term(arrives), "d": eq.value_term(numbers_of(edge.local))})
        if node.id not in self.around:  # once for all edges of the node
            around = {n.id: n for n in (*[self.by_id[e.source] for _, e in self.into[node.id]], node)}
            short = all(eq.written_out(part) for part in (arrives, *(n.value for n in around.values())))
            told = short and eq.has_slope(node.op or "")
            self.around[node.id] = {name: eq.value_term(n.value) for name, n in around.items()} if told else None
        values = self.around[node.id]
        return None if values is None else self.sends(edge, node, values, eq.value_term(arrives))

    def sends(self, edge: Edge, node: TraceNode, names: Mapping[str, Formula], g: Formula) -> Formula:
        """Return what goes back through an edge, in letters or in numbers: what arrives times the local derivative."""
        source = self.by_id[edge.source]
        slots = self.slots[node.id] | {f"x{edge.slot}": edge.source}
        terms = {slot: names[name] for slot, name in slots.items()} | {"y": names[node.id], "g": g}
        inputs, slope = self.inputs[node.id], None
        if node.id in self.neurons and source.quantity and node.quantity:
            if Quantity.of(node.quantity)[2]:
                beside = eq.net_slope(node.quantity, source.quantity, inputs)
                slope = names[beside] if beside else formula("1")
            else:
                known = {Quantity.of(quantity)[0]: names[name] for quantity, name in inputs.items()}
                return eq.fill(_LAYER[Quantity.of(source.quantity)[0]], {"g": terms["g"], **known})
        elif node.quantity == "cost" and node.op in COSTS and source.quantity:
            _, _, neurons = Quantity.of(source.quantity)
            kind, at = COSTS[node.op][1], f"rho[{','.join(map(str, neurons))}]" if neurons else "rho"
            slope = eq.fill(kind, {"a": names[source.id], "r": names[inputs[at]]}) if at in inputs else None
            if slope and not neurons and source.value.shape and len(source.value.shape) == 2:
                slope = eq.fill("$s / M", {"s": slope})
        if slope is None:
            return eq.backward(node.op or "", edge.slot, not node.value.shape, terms)
        return eq.fill("$g · $s", {"g": terms["g"], "s": slope})

    def update(self, node: TraceNode, learning_rate: float) -> StoryStep:
        name, slope, gradient = self.terms[node.id], self.slope(node.id), node.gradient
        new = node.after
        if new is None and node.value.entries is not None and gradient is not None and gradient.entries is not None:
            new = numbers_of(node.value.array - learning_rate * gradient.array)
        general = eq.fill("$x − η · $g", {"x": name, "g": slope})
        terms = {
            "x": eq.value_term(node.value, alone=True),
            "eta": eq.value_term(numbers_of(learning_rate)),
        }
        work = eq.fill("$x − $eta · $g", {**terms, "g": eq.value_term(gradient)}) if gradient else None
        text = f"Update: {name.unicode} takes a step of {number_text(learning_rate)} against its gradient."
        return StoryStep("update", node.id, (), text, eq.equation(name, general, "←"), work, new, new)

    def again(self, node: TraceNode) -> StoryStep:
        y, new = self.terms[node.id], node.after
        inputs = [self.by_id[edge.source] for _, edge in self.into[node.id]]
        work = self.written(node, self.terms | {n.id: eq.value_term(n.after or n.value) for n in inputs})
        text = f"Again: {y.unicode} is now {_spoken(new)}, not {_spoken(node.value)}."
        places = tuple([i for i, _ in self.into[node.id]])
        general = formula('$y "with the new parameters:"', y=y)
        return StoryStep("again", node.id, places, text, general, work, new, new)

    def change(self, predicted: float, learning_rate: float) -> StoryStep:
        """Compare what the gradient predicts of the change of the result with what is measured."""
        after, name = self.root.after, self.terms[self.root.id]
        measured = numbers_of(after.low - self.root.value.low) if after else None
        told = {"D": Row((Sign("Δ", r"\Delta", "prefix"), name)), "eta": learning_rate, "p": predicted}
        general = formula('$D ≈ − η · ⟦{∂$E}/{∂θ}⟧^2 "(θ: all parameters)"', E=name, **told)
        square = -predicted / learning_rate if learning_rate else 0.0
        work = formula('− $eta · $square = $p "(predicted);  measured:  " $D', square=square, **told)
        text = f"Again: the gradient predicts that {name.unicode} changes by {number_text(predicted)}; "
        text += f"measured, it has changed by {_spoken(measured)}."
        return StoryStep("again", self.root.id, (), text, general, work, measured, after)


_LAYER = {"alpha": "$g $omega^T", "omega": "$alpha^T $g", "beta": '$g " (summed over samples)"'}


def labels(nodes: Sequence[TraceNode]) -> dict[str, str]:
    """Return a name for every node: its own, a constant's number, or v1, v2, ... in order."""
    numbered = (f"v{i}" for i in itertools.count(1))
    constants = {n.id: "const" if n.value.shape else eq.summary(n.value) for n in nodes if n.role == "constant"}
    return {node.id: node.name or constants.get(node.id) or next(numbered) for node in nodes}


def _spoken(numbers: Numbers | None) -> str:
    return eq.value_term(numbers, alone=True).unicode if numbers else "not known"
