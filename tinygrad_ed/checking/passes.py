"""Passes: a reader's gradients of the nodes of a graph, each judged on what the reader had before it.

One sweep goes from the loss to the leaves. At a node whose gradient the reader gave, it compares, and then goes on with
the reader's numbers: so a slip is one finding, and what follows only inherits it.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ed.graph.backward import walk
from tinygrad_ed.graph.node import Node, plain
from tinygrad_ed.graph.rule import contribution
from tinygrad_ed.graph.values import Array

TRIES = 6  # how often the numbers of a reader with few digits are moved within their rounding

KINKS = ("absolute", "relu", "leaky_relu", "maximum", "minimum", "fmax", "fmin", "clip", "max", "min")
NUDGE = 1e-12  # what moves a number to one side of a kink
SHAKES = 8  # how often all values are moved within their rounding

Use = tuple[Node, int]
Twist = Callable[[Any], Any]


class Told(NamedTuple):
    """What is said of one gradient."""

    verdict: str
    got: Array
    right: Array  # on the reader's numbers before it
    difference: float
    follows: bool = False  # it is what the numbers before it give
    kink: bool = False  # it is so by another slope at a kink than ours


class Judged(NamedTuple):
    """A whole pass, judged in one bookkeeping."""

    told: dict[Node, Told]
    undone: bool  # a parameter whose gradient is right makes up for `scale`
    passed: dict[Node, Any]  # what went on from each node
    parts: dict[Node, list[tuple[Use, Any]]]  # what each node got, by use
    seed: float  # how many times the right ones all gradients may be
    scale: float  # how many times those of inner nodes may be, if those of the leaves are right

    @property
    def wrong(self) -> list[Node]:
        """The nodes that are wrong, in the order of the sweep."""
        return [node for node, told in self.told.items() if told.verdict == "wrong"]

    @property
    def faults(self) -> tuple[int, int]:
        """How many are wrong; and how many are right all the same, though what is before them is not."""
        return len(self.wrong), sum([told.verdict == "right" and not told.follows for told in self.told.values()])


class Pass:
    """A graph with this root, and a reader's gradients of some of its nodes, which the reader calls by these names."""

    fine = 1e-7  # of what is right, the share that is no mistake
    floor = 0.0  # what no difference can see
    rounding = 64 * float(np.finfo(float).eps)  # the share by which an operation may be off
    by_differences = False  # the graph stands for central differences: it has no ops of the reader's

    def __init__(
        self, root: Node, given: Mapping[Node, Array], names: Mapping[Node, str], digits: int | None = None
    ) -> None:
        self.root, self.given, self.names, self.digits = root, given, names, digits
        self.known: dict[str, Array] = {}  # what the reader's program was given beside the leaves
        self.lengths: dict[int, str] = {}  # what some lengths are called
        self.labels = names
        self.order = walk(root)
        self.uses: dict[Node, list[Use]] = {}
        for user in self.order:
            for position, arg in enumerate(user.args):
                if isinstance(arg, Node) and user.op.rules[0 if user.op.variadic else position] is not None:
                    self.uses.setdefault(arg, []).append((user, position))
        self.truth = self._swept(1.0, 1.0, {})[0]
        self.halves = _halves(given, digits)

    def again_with(self, given: Mapping[Node, Array], names: Mapping[Node, str]) -> "Pass":
        """Return the pass with other gradients."""
        other = copy.copy(self)
        other.given, other.names, other.halves = given, names, _halves(given, self.digits)
        return other

    def judge(self, seed: float = 1.0, scale: float = 1.0) -> Judged:
        """Judge all gradients in one sweep, in this bookkeeping."""
        rights, passed, parts, scaled = self._swept(seed, scale, self.given)
        spread: dict[Node, Any] = {}
        rng = np.random.default_rng(0)
        for _ in range(TRIES if self.digits else 0):
            signs = {node: rng.choice([-1.0, 1.0], got.shape) for node, got in self.given.items()}
            moved = {node: got + signs[node] * self.halves[node] for node, got in self.given.items()}
            for node, right in self._swept(seed, scale, moved)[0].items():
                spread[node] = np.maximum(spread.get(node, 0.0), 3 * np.abs(right - rights[node]))
        told: dict[Node, Told] = {}
        for node in [*self.order, *self.given]:
            if node in self.given and node not in told:
                right = np.asarray(rights.get(node, np.zeros(node.shape)))
                factors = ((scale,) if scaled.get(node) else (1.0, scale)) if node.op else (1.0,)
                late = any([before.verdict == "wrong" for before in told.values()])
                told[node] = self._told(node, right, spread.get(node, 0.0), seed, factors, late)
        undone = any([scaled.get(node) and told[node].verdict != "wrong" for node in self.given if node.op is None])
        return Judged(told, undone, passed, parts, seed, scale)

    @np.errstate(all="ignore")
    def _told(self, node: Node, right: Array, spread: Any, seed: float, factors: tuple[float, ...], late: bool) -> Told:
        got, true = self.given[node], seed * np.asarray(self.truth.get(node, np.zeros(node.shape)))
        if got.shape != right.shape:
            return Told("wrong", got, right, float("inf"))
        follows = usual = any([self.close(node, got, k * right, spread) for k in factors])
        exact = any([self.close(node, got, k * true) for k in factors])
        apart = min([float(np.max(np.abs(got - k * right), initial=0.0)) for k in factors])
        if not (follows or exact) and node in self.unsure:
            *sides, kept = self.unsure[node]
            low, high = np.sort([seed * side for side in sides], axis=0)
            for k in factors:
                off = got / k - right
                shared = not kept or abs(np.sum(off)) <= 1e-3 * np.max(high - low)
                follows |= shared and self.close(node, got, k * (right + np.clip(off, low, high)), spread)
        verdict = "right" if exact or (follows and not late) else "inherits" if follows else "wrong"
        return Told(verdict, got / factors[-1], right, apart, follows, follows and not usual and apart > 1e-3)

    @cached_property
    def unsure(self) -> dict[Node, tuple[Any, Any, bool]]:
        """How far right gradients move, down and up, when all values move within their rounding or across a kink.

        And whether their sum stays: a tie of a maximum shares out what there is.
        """
        moved = []
        with np.errstate(all="ignore"):
            for shake in range(0 if self.by_differences else SHAKES):  # each, and then the other way round
                rng, sign = np.random.default_rng(shake // 2), 1 - 2 * (shake % 2)
                values: dict[Any, Any] = {"rng": rng}
                for node in reversed(self.order):
                    inputs = [values[arg] if isinstance(arg, Node) else arg for arg in node.args]
                    value = node.op.forward(*inputs, **(node.params or {})) if node.op else node._value
                    size = np.abs(value)
                    step = self.rounding * size * (node.op is None or node.op.name not in KINKS)
                    if any([user.op.name in KINKS for user, _ in self.uses.get(node, ())]):
                        step = np.maximum(step, NUDGE * (np.max(size, initial=0.0) or 1.0))
                    values[node] = value + sign * step * rng.uniform(-1.0, 1.0, np.shape(value))
                moved.append(self._swept(1.0, 1.0, {}, values)[0])
        found = {}
        for node, right in self.truth.items() if moved else ():
            off = np.stack([0.0 * np.asarray(right), *[other[node] - right for other in moved]])
            lost = np.where(np.isfinite(off).all(axis=0), 0.0, np.inf)  # so ill-conditioned that anything may be right
            kept = bool(np.max(np.abs([np.sum(side) for side in off])) <= 1e-6 * np.max(np.abs(off), initial=0.0))
            above = {node}
            for _ in range(3):  # a formula of the reader's may cancel what comes from there
                above |= {user for one in above for user, _ in self.uses.get(one, ()) if user in self.truth}
            lost = lost + self.rounding * max([float(np.max(np.abs(self.truth[user]), initial=0.0)) for user in above])
            off = np.nan_to_num(off)
            found[node] = np.min(off, axis=0) - lost, np.max(off, axis=0) + lost, kept
        return found

    @np.errstate(all="ignore")
    def close(self, node: Node, got: Array, right: Any, spread: Any = 0.0) -> bool:
        """Tell whether numbers are right to their digits; what is not finite accuses nobody."""
        near = np.abs(got - right) <= self._slack(node, got, right) + spread
        return bool(np.all(near | (~np.isfinite(right) & np.isfinite(got))))

    def share(self, got: Array) -> float:
        """Return the share of such numbers that is no mistake: their floats may be short."""
        return max(self.fine, 3 * float(np.sqrt(np.finfo(got.dtype).eps)) if got.dtype != float else 0.0)

    def _slack(self, node: Node, got: Array, right: Any) -> Any:
        fine = self.share(got)
        slack = fine * np.abs(right) + fine / 100 * np.max(np.abs(right), initial=0.0) + self.floor
        return slack + (1.001 * self.halves[node] if self.digits else 0.0)

    @np.errstate(all="ignore")
    def _swept(
        self, seed: float, scale: float, given: Mapping[Node, Array], values: Mapping[Any, Any] | None = None
    ) -> tuple[dict[Node, Any], dict[Node, Any], dict[Node, list[tuple[Use, Any]]], dict[Node, bool]]:
        """Return what is right at each node, what went on, its parts, and whether `scale` was in use above it."""
        rights: dict[Node, Any] = {self.root: seed if self.root.shape == () else np.full(self.root.shape, seed)}
        passed: dict[Node, Any] = {}
        parts: dict[Node, list[tuple[Use, Any]]] = {}
        scaled: set[Node] = set()
        late: dict[Node, bool] = {}
        for node in self.order:
            if node not in rights:
                continue
            goes, late[node] = rights[node], any([user in scaled for user, _ in self.uses.get(node, ())])
            if late[node]:
                scaled.add(node)
            if node in given and given[node].shape == node.shape and np.isfinite(given[node]).all():
                goes = given[node]
                if scale != 1 and node.op and not self.close(node, goes, rights[node]):
                    goes = goes / scale
                    scaled.add(node)
                goes = float(goes) if node.shape == () else goes.astype(node.dtype)
            passed[node] = goes
            moved = (
                (values[node], [values[arg] if isinstance(arg, Node) else arg for arg in node.args]) if values else ()
            )
            for position, arg in enumerate(node.args):
                if isinstance(arg, Node):
                    part = send(node, position, goes, *moved)
                    if part is not None and values:
                        part = part * (1 + self.rounding * values["rng"].choice([-1.0, 1.0], np.shape(part)))
                    if part is not None:
                        parts.setdefault(arg, []).append(((node, position), part))
                        rights[arg] = rights[arg] + part if arg in rights else part
        return rights, passed, parts, late

    @np.errstate(all="ignore")
    def again(self, judged: Judged, node: Node, twisted: Use, twist: Twist) -> Any:
        """Return the gradient of a node on the reader's numbers, if one use sent what `twist` makes of what it gets."""
        between = {node, *[user for user, _ in self.segment(node) if user in judged.passed]}
        sums: dict[Node, Any] = {}
        for user in sorted(between, key=lambda n: n.id, reverse=True):
            goes = judged.passed.get(user) if user in self.given else sums.get(user, judged.passed.get(user))
            if user is node:
                return sums.get(node)
            for position, arg in enumerate(user.args):
                if isinstance(arg, Node) and arg in between:
                    part = twist(goes) if user is twisted[0] and position == twisted[1] else send(user, position, goes)
                    if part is not None:
                        sums[arg] = sums[arg] + part if arg in sums else part
        return None

    def below(self, node: Node) -> list[Node]:
        """Return what an activation is computed from, entry by entry, and nothing else; its net input is the last."""
        found, open_ends = list[Node](), {node}
        while True:
            last = max(open_ends, key=lambda n: n.id)
            alike = [bool(arg.op) and arg.shape == node.shape for arg in last.parents]
            if not alike or not all(alike) or last.op.name == "matmul":
                return found
            open_ends = open_ends - {last} | set(last.parents)
            found += open_ends if len(open_ends) == 1 else ()

    def segment(self, node: Node) -> list[Use]:
        """Return the uses through which a node gets its gradient from those that the reader gave."""
        found, stack, seen = [], [node], {node}
        while stack:
            for user, position in self.uses.get(stack.pop(0), ()):
                found.append((user, position))
                if user not in self.given and user not in seen:
                    seen.add(user)
                    stack.append(user)
        return found

    def called(self, node: Node) -> str:
        """Return what a message calls a node: its name, or that of the first named node that is computed from it."""
        after = node
        while after not in self.labels and after in self.uses:
            after = self.uses[after][0][0]
        return f"`{self.labels.get(after, 'loss')}`"

    def settled(self, seeds: bool) -> Judged:
        """Judge in the bookkeeping that leaves the fewest mistakes; `seeds` lets all gradients be off by one factor."""
        best = self.judge()
        if best.wrong:
            leaves = [node for node in self.given if node.op is None]
            at = [1.0, *(self._factors(leaves, self.counts()) if seeds else ())]
            if len(leaves) == 1:  # the half of a square may as well be a slip
                at = [k for k in at if not np.isclose(abs(k), (2.0, 0.5), 1e-3).any()]
            powers = [node.op.name in ("power", "square", "norm") for node in self.order if node.op]
            twice = [len(set(node.parents)) < len(node.parents) for node in self.order]
            if not (self.by_differences or any(powers + twice)):  # no square of the loss has a half
                at = [k for k in at if usual(k, self.counts(), (1,))]
            lengths = [1, *self.sizes()]
            counts = {m * n for m, n in product(lengths, lengths[:6])}
            inner = self._factors([node for node in self.given if node.op], counts)
            undone = [
                ratio(told.right, told.got) for node, told in best.told.items() if node in set(best.wrong) - set(inner)
            ]
            inner += [k for k in dict.fromkeys(undone) if k and k > 1 and usual(k, counts)]
            for seed in at:
                scales = dict.fromkeys([1.0, *[k / seed for k in inner if usual(k / seed, counts)]])
                trials = [self.judge(seed, scale) for scale in list(scales)[:4]]
                trials = [t for t in trials if t.scale == 1 or t.undone or (seeds and not leaves)]
                trial = min(trials, key=lambda t: t.faults[::-1])  # what parameters make up for is bookkeeping
                undoing = best.scale != 1 and np.isclose(abs(seed), best.scale)
                if seed == 1 or (trial.faults < best.faults and not undoing):
                    best = trial
        return best

    def _factors(self, nodes: Iterable[Node], counts: Iterable[float]) -> list[float]:
        """Return the usual factors between these gradients and the right ones, the most frequent first."""
        found: dict[float, int] = {}
        for node in nodes:
            close = 10.0 ** (1 - self.digits) if self.digits else max(1e-6, self.share(self.given[node]))
            k = ratio(self.given[node], self.truth.get(node), close)
            if k and usual(k, counts):
                known = next((other for other in found if abs(other - k) <= 1e-3 * abs(k)), k)
                found[known] = found.get(known, 0) + 1
        return [k for k in sorted(found, key=found.__getitem__, reverse=True) if k != 1][:4]

    def counts(self) -> set[float]:
        """Return the number of samples, the length that the data share, and by how much the loss itself is divided."""
        data = [set(np.shape(value)) for value in self.known.values() if np.ndim(value)]
        lengths = Counter([n for shape in data for n in shape])
        samples = [n for n, times in lengths.items() if times >= min(2, len(data))]
        divided, node = 1.0, self.root
        while node.op and node.op.name in ("mean", "sum", "multiply", "divide", "negative"):
            other = [plain(arg) for arg in node.args if not isinstance(arg, Node)]
            if len(node.parents) != 1 or np.size(other[:1] or 1.0) != 1:
                break
            times = {"mean": node.parents[0].size / node.size, "multiply": 1 / float(other[0]) if other else 1.0}
            divided *= times.get(node.op.name, float(other[0]) if node.op.name == "divide" else 1.0)
            node = node.parents[0]
        return {1.0, *samples, abs(divided), *[abs(divided) / n for n in samples]}

    def sizes(self) -> dict[int, str]:
        """Return the lengths of the axes, and what they are called, if anything."""
        nodes = [*self.given, self.root, *self.order]
        return self.lengths | {n: self.lengths.get(n, "") for node in nodes for n in node.shape[::-1]}


def _halves(given: Mapping[Node, Array], digits: int | None) -> dict[Node, Array]:
    return {node: half_unit(got, digits) for node, got in given.items()} if digits else {}


def send(user: Node, position: int, g: Any, y: Any = None, inputs: list[Any] | None = None) -> Any:
    """Return what a use sends to its input, with other values in the place of its own if there are any."""
    arg = user.args[position]
    inputs = [arg._value if isinstance(arg, Node) else arg for arg in user.args] if inputs is None else inputs
    y = user._value if y is None else y
    with np.errstate(all="ignore"):
        return contribution(user.op, position, g, y, inputs, user.params, arg)


def standing_for(slopes: Mapping[Node, Array], given: Mapping[Node, Array]) -> Node:
    """Return a loss with these gradients of its leaves; where one is NaN, it has the reader's."""
    total: Any = Node(0.0)
    for leaf, slope in slopes.items():
        if given[leaf].shape == slope.shape:
            slope = np.where(np.isnan(slope), given[leaf], slope)
        total = total + (leaf * np.nan_to_num(slope)).sum()
    return total  # type: ignore[no-any-return]


def ratio(a: Any, b: Any, close: float = 1e-6) -> float | None:
    """Return the number that, times all of b, gives a; None if no one does. `close` is above 1e-5 for few digits."""
    a, b = [np.ravel(0.0 if side is None else side).astype(float) for side in (a, b)]
    if a.shape != b.shape or not np.any(b) or not np.isfinite([*a, *b]).all():
        return None
    k = float(a @ b / (b @ b))
    off = np.abs(a - k * b)
    return k if np.all(off <= close * np.abs(a) + close / (100 if close < 1e-5 else 1) * np.max(np.abs(a))) else None


def usual(k: float, counts: Iterable[float], halves: tuple[float, ...] = (1, 2, 1 / 2)) -> bool:
    """Tell whether a factor is one of bookkeeping: a sign, the half of a square, one of these counts."""
    return any(abs(abs(k) - base * f) <= 1e-3 * abs(k) for n in counts for base in (n, 1 / n) for f in halves)


def half_unit(got: Array, digits: int) -> Array:
    """Return how far each number may be from what was rounded to it: half a unit of its last significant digit."""
    size = np.abs(np.where(np.isfinite(got), got, 0.0))
    with np.errstate(divide="ignore"):
        half: Array = 0.5 * 10.0 ** np.where(size > 0, np.floor(np.log10(size)) + 1 - digits, -300.0)
    return half
