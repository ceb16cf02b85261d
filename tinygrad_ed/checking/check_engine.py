"""A reader's own scalar engine, a class with `data`, `grad` and `backward()`, judged beside the package's Nodes.

Each case is a function of three leaves that returns all the nodes it makes, the result last. The cases go from single
operations to shared ones, to the order of the sweep, and to random expressions: the first that differs says it all.
"""

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinygrad_ed.checking.judgement import TELL, Finding, JudgedRow, Judgement
from tinygrad_ed.errors import InvalidType
from tinygrad_ed.graph.node import Node
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import guarded, plain_numbers

Case = Callable[[Any, Any, Any], list[Any]]
LEAVES = (0.7, 1.3, -0.6)
DEEP = 2000

SIGNS = {"+": operator.add, "*": operator.mul, "-": operator.sub, "/": operator.truediv}


def _operations() -> dict[str, Callable[[Any, Any, Any], Any]]:
    """Return the operations that are judged, as functions of a, b and c."""
    found: dict[str, Callable[[Any, Any, Any], Any]] = {}
    for sign, op in SIGNS.items():
        if sign == "/":  # it is often made of a power
            found |= {f"a ** {k}": partial(lambda k, a, b, c: a**k, k) for k in (3, 2, -1, 0.5)}
        found[f"a {sign} b"] = partial(lambda op, a, b, c: op(a, b), op)
    found["-a"] = lambda a, b, c: -a
    for sign, op in SIGNS.items():
        k = 2 if sign in "+*" else 1
        found[f"a {sign} 2"] = partial(lambda op, a, b, c: op(a, 2), op)
        found[f"{k} {sign} a"] = partial(lambda op, k, a, b, c: op(k, a), op, k)
    for name in ("tanh", "exp", "relu", "log", "sigmoid"):
        found[f"a.{name}()"] = partial(lambda name, a, b, c: getattr(a, name)(), name)
    return found | {"c.relu()": lambda a, b, c: c.relu()}


OPERATIONS = _operations()


def check_engine(Value: Any, tell: str = "what", seconds: float | None = None) -> Judgement:  # noqa: N803
    """Judge a scalar engine of your own: a class such as micrograd's, made by `Value(2.0)`.

    It needs `+`, `*` and `backward()`, its number in `data` or `value`, its gradient in `grad` or `gradient`. What is
    judged: each operation that it has, constants on either side (`2 * a`, `1 - a`), sharing (`a + a`), the order of the
    sweep, inner nodes, random expressions, and a chain of 2000 nodes. Notes say, without judging, which operations are
    missing, that a recursion ends at some depth, and what a second `backward()` does: PyTorch adds to the gradients
    that are there, tinygrad_ed replaces them.

    Args:
        Value: the class.
        tell: how much is given away, "where", "what" or "mend".
        seconds: a time limit for each case.

    Raises:
        InvalidType: for what cannot be called.

    >>> class Overwrites(Node):
    ...     def __add__(self, other):
    ...         return self * 1.0 if other is self else Node.__add__(self, other)
    >>> print(check_engine(Overwrites).first_divergence.told("where"))
    a + a is wrong
    """
    chosen("tell", tell, dict.fromkeys(TELL))
    if not callable(Value):
        raise InvalidType(f"check_engine takes a class such as Value, not {Value!r}")
    return _Engine(Value, seconds).judge(tell)


class _Engine:
    """The reader's class, asked case by case."""

    def __init__(self, make: Callable[[float], Any], seconds: float | None) -> None:
        self._make, self._seconds = make, seconds
        self._rows: list[JudgedRow] = []
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._missing: list[str] = []
        self._right: list[str] = []

    def judge(self, tell: str) -> Judgement:
        """Return what is found; the order of the sweep comes before all but `+` and `*`, of which others are made."""
        needed, others = list(OPERATIONS)[:2], list(OPERATIONS)[2:]
        if all([self._operation(name) for name in needed]):
            if all([self._sharing(name) for name in needed]) and self._order():
                usable = [*needed, *[name for name in others if self._operation(name)]]
                if self._missing:
                    self._notes.append(f"not there, and not judged: {', '.join(self._missing)}")
                if powers := [name[5:] for name in usable if "**" in name]:
                    self._notes.append(f"exponents that were tried: {', '.join(powers)}; others were not")
                if all([self._sharing(name) for name in usable if name.endswith("()")]) and not self._findings:
                    self._random(usable)
            self._again()
            self._deep()
        return Judgement("your engine", tuple(self._rows), tuple(self._findings), tuple(self._notes), tell)

    def _operation(self, name: str) -> bool:
        """Judge one operation; tell whether the cases that follow may use it."""
        got, right, problem = self._both(lambda a, b, c: [OPERATIONS[name](a, b, c)])
        if problem:
            signs = ("operand type", "'int' object has no attribute", f"has no attribute '{name[2:-2]}'")
            whole = name in ("a ** -1", "a ** 0.5") and "a ** 3" in self._right  # it takes some exponents only
            if name in ("a + b", "a * b") or not (whole or any([sign in problem for sign in signs])):
                self._found(name, problem.replace("your Value", "it"), "")
            else:
                self._missing.append(name)
            return False
        seed, start = got[1][-1], self._start
        if _off(got[0], right[0]):
            words = f"its value is {got[0][-1]:.6g}"
            return self._row(name, got, right, words, f"{right[0][-1]:.6g}")
        if not _off(got[1][:3], right[1][:3]):
            self._right.append(name)
        if name == "a + b" and _off([seed], [1.0]):
            words = f"the gradient of the result itself is {seed:.6g}: the seed of the sweep is not 1"
            return self._row(name, got, right, words, "`self.grad = 1.0` at the start of `backward()`")
        if name == "a + b" and start and not _off([g - start for g in got[1][:2]], [1.0, 1.0]):
            words = f"gradients start at {start:.6g}: they are not zeroed"
            return self._row(name, got, right, words, "`self.grad = 0.0` in `__init__`")
        words = f"its rule is wrong: the gradients of a, b, c are {_listed(got[1][:3])}"
        return self._row(name, got, right, words, _listed(right[1][:3]), known=False)

    def _sharing(self, name: str) -> bool:
        """Judge an operation whose gradients go to one node twice."""
        unary, sign, leaf = name.endswith("()"), name[2], "abc".index(name[0])
        shown = f"{name} + {name}" if unary else f"a {sign} a"

        def case(a: Any, b: Any, c: Any) -> list[Any]:
            if not unary:
                return [OPERATIONS[name](a, a, c)]
            one, two = OPERATIONS[name](a, b, c), OPERATIONS[name](a, b, c)
            return [one, two, one + two]

        op = f"`{name[2:]}`" if unary else f"`{sign}`"
        got, right, problem = self._both(case)
        words = problem or f"`=` in place of `+=` in the rule of {op}"
        known = problem is None and not _off([2 * got[1][leaf]], [right[1][leaf]])
        words = words if problem or known else f"the gradient is {got[1][0]:.6g}"
        return self._row(shown, got, right, words, "every use of a node adds to its gradient", known)

    def _order(self) -> bool:
        """Judge diamonds, and a node that is used both at once and later."""
        got, right, problem = self._both(lambda a, b, c: [d := a * b, e := a + b, d * e])
        parts = [right[1][3] * LEAVES[1], right[1][4]]  # what comes to a through each of the two
        lost = not problem and any([not _off(got[1][0], part) for part in parts])
        words = "`=` in place of `+=` between nodes" if lost else "no topological order, or the wrong way round"
        mend = "every use of a node adds to its gradient" if lost else "from the result to the leaves (`reversed`?)"
        if not self._row("(a * b) * (a + b)", got, right, problem or words, mend):
            return False
        got, right, problem = self._both(lambda a, b, c: [d := a + b, e := d * a, f := e + d, g := f * d, g + d])
        twice = not problem and sum(got[1][:2]) > sum(right[1][:2])
        how = "more than once" if twice else "before all of it has arrived"
        words = problem or f"no topological order: a node passes its gradient on {how}"
        mend = "each node passes its gradient on once, after all nodes that use it"
        return self._row("d = a + b, used four times", got, right, words, mend)

    def _random(self, usable: list[str]) -> None:
        """Judge random expressions of the operations that are right."""
        rng = np.random.default_rng(0)
        smooth = [name for name in usable if name not in ("a / b", "1 / a", "a.log()", "a.exp()") and "**" not in name]
        for _ in range(20):
            plan = [(smooth[rng.integers(len(smooth))], rng.integers(0, 3 + k, 3)) for k in range(12)]

            def case(*leaves: Any, plan: Any = plan) -> list[Any]:
                nodes = [*leaves]
                for name, picked in plan:
                    nodes.append(OPERATIONS[name](*[nodes[i] for i in picked]))
                total = nodes[0]
                return [*nodes[3:], *[total := total + node for node in nodes[1:]]]

            got, right, problem = self._both(case)
            words = (
                problem or "a random expression has wrong gradients, of operations that were right in the cases before"
            )
            if not self._row("random expressions", got, right, words, "", known=False):
                return
        self._rows = [*self._rows[:-20], self._rows[-1]]

    def _again(self) -> None:
        """Say what a second call does to gradients that are there."""

        def anew(a: Any, b: Any, c: Any) -> list[Any]:
            (a * b + a).backward()
            return [a * b + a]

        def through_the_same(a: Any, b: Any, c: Any) -> list[Any]:
            y = a * b + a
            y.backward()
            return [y]

        (got, right, problem), (same, _, _) = self._both(anew), self._both(through_the_same)
        if problem or self._findings:
            return
        times, times_same = got[1][0] / right[1][0], same[1][0] / right[1][0]
        if not _off(times, 1.0):
            self._notes.append("a second backward() replaces the gradients that are there, as in tinygrad_ed")
        elif not _off(times, 2.0):
            words = "a second backward() adds to the gradients that are there, as in PyTorch: zero them first"
            self._notes.append(words)
        else:
            words = f"it gives {times:.4g} times the gradient"
            self._found("a second backward()", words, "once, or twice where it adds")
        if _off(times_same, times):
            words = "through the same graph it counts what was left in inner nodes as well: build the graph anew"
            self._notes.append(words)

    def _deep(self) -> None:
        """Judge a long chain; a recursion that ends there is said."""

        def chain(a: Any, b: Any, c: Any) -> list[Any]:
            for _ in range(DEEP):
                a = a + b
            return [a]

        got, right, problem = self._both(chain)
        if problem and "recursion" in problem:
            self._rows.append(JudgedRow(f"a chain of {DEEP}", True, math.inf, "recursion"))
            self._notes.append(f"recursion: backward() fails on a chain of {DEEP} nodes; a loop over a list would not")
        elif not self._findings:
            self._row(f"a chain of {DEEP}", got, right, problem or "its gradients are wrong", "", known=False)

    def _both(self, case: Case) -> tuple[Any, Any, str | None]:
        """Return values and gradients of a case on the reader's class and on Nodes: leaves, inner nodes, the result."""
        nodes = [Node(x) for x in LEAVES]
        made = case(*nodes)
        made[-1].backward()
        right = [node.value for node in made], [0.0 if n.grad is None else n.grad for n in [*nodes, *made]]

        def ask() -> Any:
            leaves = [self._make(x) for x in LEAVES]
            self._start = _number(leaves[0], "grad", "gradient")
            made = case(*leaves)
            made[-1].backward()
            slopes = [_number(v, "grad", "gradient") for v in [*leaves, *made]]
            return [_number(v, "data", "value") for v in made], slopes

        got, problem = guarded("Value", ask, seconds=self._seconds)
        return got or ([math.nan] * len(right[0]), [math.nan] * len(right[1])), right, problem

    def _row(self, name: str, got: Any, right: Any, words: str, mend: str, known: bool = True) -> bool:
        """Add a row, and a finding where values or gradients differ; tell whether they agree."""
        wrong = _off(got[0], right[0]) or _off(got[1], right[1])
        if wrong and not _off([*got[1][:3], got[1][-1]], [*right[1][:3], right[1][-1]]) and not _off(got[0], right[0]):
            wrong = any(got[1][3:-1])  # PyTorch keeps no gradients of inner nodes
            words = f"gradients of inner nodes are wrong: {_listed(got[1][3:-1])}"
        apart = float(np.max(np.abs(np.subtract(got[1], right[1]))))
        self._rows.append(JudgedRow(name, not wrong, apart, "wrong" if wrong else "right"))
        if wrong:
            self._findings.append(Finding(name, "", words, mend, known))
        return not wrong

    def _found(self, name: str, words: str, mend: str) -> None:
        self._rows.append(JudgedRow(name, False, math.inf, "wrong"))
        self._findings.append(Finding(name, "", words, mend))


def _number(value: Any, *names: str) -> float:
    """Return what stands under one of these names, as a float; None is zero."""
    found = next((getattr(value, name) for name in names if hasattr(value, name)), value)
    return 0.0 if found is None else float(plain_numbers(f"its {names[0]}", found))


def _off(got: Any, right: Any) -> bool:
    return not np.allclose(got, right, rtol=1e-6, atol=1e-9)


def _listed(numbers: Any) -> str:
    return ", ".join([f"{number:.6g}" for number in numbers])
