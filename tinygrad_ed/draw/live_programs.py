"""The programs of a live page: each quantity of a network, each known mistake, each value of a graph, as JavaScript.

Each program is a function of the book, in which the quantities stand by their names in the ledger, and of the number of
samples. The page calls them in the order of the slides, so a wrong rule is another program in the place of one.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_ed.checking.mistakes import KNOWN, At
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.closed_form.rules import RULES, quantities
from tinygrad_ed.errors import Error
from tinygrad_ed.graph.values import Array
from tinygrad_ed.nn.problem import Problem
from tinygrad_ed.notation.quantity import Quantity
from tinygrad_ed.tape.javascript import javascript

Book = dict[str, Any]
_OF_SAMPLES = ("alpha", "zeta", "B", "P", "rho")
_CANNOT = (Error, KeyError, IndexError, ValueError, TypeError)
"""What says that a mistake cannot be made here: there is no such layer, or the shapes do not fit."""


@functools.cache
def _parts(name: str) -> tuple[str, int]:
    return Quantity.of(name)[:2]


def order_of(problem: Problem) -> list[str]:
    """Return what is computed, in the order in which the algorithms find it."""
    L = len(problem.omega)
    back = [name for j in range(L, 0, -1) for name in (f"B[{j}]", f"P[{j}]")]
    gradients = [name for j in range(L, 0, -1) for name in (f"grad_omega[{j}]", f"grad_beta[{j}]")]
    forth = [name for j in range(1, L + 1) for name in (f"zeta[{j}]", f"alpha[{j}]")]
    return [*forth, "cost", f"P[{L + 1}]", *back, *[name for name in gradients if problem.beta or "beta" not in name]]


def book_of(problem: Problem) -> Book:
    """Return every quantity of a problem, and what they are computed from."""
    given = {f"{kind}[{j}]": x for kind in ("omega", "beta") for j, x in getattr(problem, kind).items()}
    return {**given, "rho": problem.rho, **quantities(*problem)}


def rule_of(name: str, problem: Problem) -> str:
    """Return the rule of the lecture by which a quantity is computed."""
    kind, j = _parts(name)
    return f"B_{'last' if j == len(problem.omega) else 'hidden'}" if kind == "B" else kind


def arguments(name: str, book: Mapping[str, Any], problem: Problem) -> list[Any]:
    """Return the arguments of the rule of a quantity, from a book."""
    j = _parts(name)[1]
    phi = ACTIVATIONS[problem.activations[min(j, len(problem.omega))]] if j else ACTIVATIONS["identity"]
    needed = {
        "zeta": (f"alpha[{j - 1}]", f"omega[{j}]", f"beta[{j}]"),
        "alpha": (f"zeta[{j}]",),
        "B_last": (f"zeta[{j}]", f"alpha[{j}]", "rho"),
        "B_hidden": (f"zeta[{j}]", f"omega[{j + 1}]", f"B[{j + 1}]"),
        "P": (f"omega[{j}]", f"B[{j}]"),
        "grad_omega": (f"alpha[{j - 1}]", f"B[{j}]"),
        "grad_beta": (f"B[{j}]",),
    }[rule_of(name, problem)]
    functions: dict[str, list[Any]] = {
        "alpha": [phi.phi],
        "B_last": [phi.dphi, COSTS[problem.cost].grad_C],
        "B_hidden": [phi.dphi],
    }
    found: list[Any] = [book[key] if key in book else np.zeros(problem.omega[j].shape[1]) for key in needed]
    return found + functions.get(rule_of(name, problem), [])


def program(name: str, book: Book, compute: Callable[[Mapping[str, Any]], Any]) -> str:
    """Return the program of a quantity; `compute` takes the book."""

    def quantity(book: Any) -> Any:
        return compute(book)

    samples = {i for i, key in enumerate(book) if _parts(key)[0] in _OF_SAMPLES}
    quantity.__name__ = name.replace("[", "_").replace("]", "")
    text = javascript(quantity, (book,), {}, samples)
    return re.sub(r"\bbook_([A-Za-z_]+?)(_\d+)?_?\b", r"\1\2", text)  # its arguments are the letters themselves


def right(problem: Problem) -> dict[str, str]:
    """Return the program of every quantity by the rules of the lecture."""
    book = book_of(problem)
    L, cost = len(problem.omega), COSTS[problem.cost]
    top = f"alpha[{L}]"
    special = {
        "cost": lambda book: np.mean(cost.C(book[top], book["rho"])),
        f"P[{L + 1}]": lambda book: cost.grad_C(book[top], book["rho"]) / len(book["rho"]),
    }

    def by_rule(name: str) -> Callable[[Mapping[str, Any]], Any]:
        return lambda book: RULES[rule_of(name, problem)](*arguments(name, book, problem))

    return {name: program(name, book, special.get(name) or by_rule(name)) for name in order_of(problem)}


def slopes(problem: Problem) -> dict[str, str]:
    """Return programs of Φ'(ζ), which the page shows as a factor."""
    book = book_of(problem)

    def slope(j: int) -> Callable[[Mapping[str, Any]], Any]:
        return lambda book: ACTIVATIONS[problem.activations[j]].dphi(book[f"zeta[{j}]"])

    return {f"dphi[{j}]": program(f"dphi[{j}]", book, slope(j)) for j in problem.omega}


def at_layer(j: int, book: Mapping[str, Any], problem: Problem) -> At:
    """Return what surrounds a rule in layer j, as the known mistakes see it."""
    by_kind: dict[str, dict[int, Array]] = {"zeta": {0: book["alpha[0]"]}}
    for key, value in book.items():
        kind, layer = _parts(key)
        by_kind.setdefault(kind, {})[layer] = value
    parts = {kind: by_kind.get(kind, {}) for kind in ("omega", "beta", "zeta", "alpha", "P", "B", "grad_omega")}
    phi = {i: ACTIVATIONS[name] for i, name in problem.activations.items()}
    return At(j, len(problem.omega), len(book["alpha[0]"]), **parts, activation=phi, cost=problem.cost)


def wrong(problem: Problem, rules: Mapping[str, Callable[..., Any]] | None) -> list[dict[str, Any]]:
    """Return the reader's own rules, then every known mistake that changes a number here, with their programs."""
    found = []
    books = [book_of(each) for each in (problem, _cut(problem, 3), _cut(problem, 7))]
    if rules:
        own: dict[str, str] = {}
        for rule, f in rules.items():
            own |= _programs(rule, lambda at, *args, f=f: f(*args), problem, books, known=False)
        found.append({"rule": " and ".join(rules), "name": "your own rules", "programs": own})
    for rule, mistakes in KNOWN.items():
        for words, mistake in mistakes.items():
            if programs := _programs(rule, mistake, problem, books, known=True):
                found.append({"rule": rule, "name": words, "programs": programs})
    return found


def _programs(
    rule: str, mistake: Callable[..., Any], problem: Problem, books: list[Book], known: bool
) -> dict[str, str]:
    """Return a wrong rule for each quantity to which it can be applied, if it changes any number."""
    found: dict[str, str] = {}
    differs = False
    names = order_of(problem)
    for i, name in enumerate(names):
        if rule_of(name, problem) != rule or name == f"P[{len(problem.omega) + 1}]":
            continue
        before = [*[key for key in books[0] if _parts(key)[0] in ("omega", "beta", "rho")], "alpha[0]", *names[:i]]

        def compute(book: Mapping[str, Any], name: str = name) -> Any:
            given = arguments(name, book, problem)
            if rule == "B_last":  # ∇C is in the book already, as P of the top: a page holds it once
                _, alpha, rho, _, gradient = given
                P = book[f"P[{len(problem.omega) + 1}]"]
                given[-1] = lambda a, r: P * len(r) if a is alpha and r is rho else gradient(a, r)
            return mistake(at_layer(_parts(name)[1], book, problem), *given)

        try:
            with np.errstate(all="ignore"):
                values = [np.asarray(compute({key: book[key] for key in before})) for book in books]
                if any([value.shape != book[name].shape for value, book in zip(values, books, strict=True)]):
                    continue
                found[name] = program(name, {key: books[0][key] for key in before}, compute)
            differs = differs or not np.allclose(values[0], books[0][name], rtol=1e-9, atol=1e-12)
        except _CANNOT:
            if not known:
                raise
    return found if differs or not known else {}


def _cut(problem: Problem, size: int) -> Problem:
    """Return the problem with another number of samples."""
    x, rho = [np.resize(rows, (size, rows.shape[1])) for rows in (problem.x, problem.rho)]
    return problem._replace(x=x, rho=rho)
