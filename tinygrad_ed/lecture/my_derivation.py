"""`my_derivation`: a reader's own chain of steps, each proved equal to the one before it, or refuted by a formula."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.errors import InvalidType, InvalidValue, RuleError, nearest, printable, whole_number
from tinygrad_ed.lecture.derivation import Derivation
from tinygrad_ed.lecture.step import DerivationStep
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import guarded
from tinygrad_ed.notation.formula import Sign, tex_text

if TYPE_CHECKING:
    from tinygrad_ed.lecture.own_text import OwnNetwork

LAYOUTS = dict.fromkeys(("slides", "columns", "rows"))
WIDEST, MOST = 40, 50  # neurons in all; steps
SECONDS = 5.0  # for a step that is a function, and for each entry of a comparison
Written = str | Callable[..., Any]


@dataclass(frozen=True)
class Compared:
    """How a step compares with the one before it; factors and the difference are formulas."""

    decision: str  # "given" (the first step), "holds", "fails" or "not decided"
    words: str
    missing: str = ""
    superfluous: str = ""
    difference: str = ""  # this step minus the one before

    @property
    def holds(self) -> bool:
        """True if the step is proved, or the first."""
        return self.decision in ("given", "holds")

    def __str__(self) -> str:
        return f"{'✓' if self.holds else '✗' if self.decision == 'fails' else '?'} {self.words}"


@dataclass(frozen=True, eq=False, repr=False)
class MyDerivation(Derivation):
    """A reader's derivation. All steps are compared, also those behind a wrong one."""

    @property
    def first_wrong(self) -> DerivationStep | None:
        """The first step that does not equal the one before it; None if there is none."""
        return next((step for step in self.steps if cast(Compared, step.check).decision == "fails"), None)

    @property
    def verdict(self) -> str:
        """How it came out, in one sentence."""
        if self.first_failure is None:
            return f"Proved: each of the {len(self.steps)} steps equals the one before it, for all numbers."
        if self.first_wrong:
            return f"Refuted: {self.first_wrong.name} is the first that does not equal the one before it."
        return f"Not decided: nothing is refuted, but {self.first_failure.name} is not proved."

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        steps = [
            {"name": step.name, "text": str(step.formula)} | asdict(cast(Compared, step.check)) for step in self.steps
        ]
        first = self.first_wrong.name if self.first_wrong else None
        return {"holds": self.holds, "first_wrong": first, "verdict": self.verdict, "steps": steps}


def my_derivation(
    steps: str | Sequence[Written],
    sizes: Sequence[int] = (2, 3, 2, 2),
    *,
    layout: str = "slides",
    activation: str | None = None,
    cost: str | None = None,
) -> MyDerivation:
    """Prove that each step of your own derivation equals the one before it, or find the first that does not.

    A step is text in the letters of the lecture, `Φ'(ζ^j) ⊙ (Ω^{j+1} B^{j+1})`, or in lighter ones,
    `phi'(z[j]) * (W[j+1] @ delta[j+1])`; docs/proof.md lists them. Text is read by a grammar and never run. A step may
    also be a function, whose arguments are named like letters: `lambda a, delta, j: a[j - 1] @ delta[j].T`.

    Args:
        steps: the chain, as a list, or as one text with `=` or the ends of lines between its steps.
        sizes: the widths n_0, ..., n_L. What is written for j is proved for each layer j where all its letters exist.
        layout: "slides" (z = W^T a + b), "columns" (z = W a + b) or "rows" (z = a W + b). P and ∂E/∂z are rows in all.
        activation: the name of Φ in all layers; None: any Φ with a derivative.
        cost: the name of C; None: any C with a derivative.

    Returns:
        the derivation: print it, or `save` it as txt, md, html or tex; ask it for `holds` and `first_wrong`.

    Raises:
        MissingExtra: without SymPy (extra `proof`).
        InvalidValue: for what the grammar does not know, unknown names, and layers that do not exist.
        ShapeError: for matrices that cannot be added or multiplied so.
        InvalidType: for a step that is neither text nor a function.

    >>> mine = my_derivation("dE/dz[j] = dE/da[j] @ da[j]/dz[j] = delta[j].T")
    >>> mine.holds
    True
    >>> wrong = my_derivation(["delta[j]", "W[j+1] @ delta[j+1]"])
    >>> wrong.first_wrong.name, wrong.first_wrong.check.missing
    ('step-2', "Φ'(ζ¹₁)")
    """
    from tinygrad_ed.lecture.own_text import NoLayer, OwnNetwork

    chosen("layout", layout, LAYOUTS)
    chosen("activation", activation or "tanh", ACTIVATIONS)
    chosen("cost", cost or "mse", COSTS)
    widths = tuple([whole_number("a width", n) for n in sizes])
    if len(widths) < 2 or sum(widths) > WIDEST:
        raise InvalidValue(f"sizes needs at least two widths, together at most {WIDEST}, but got {sizes!r}")
    chain, network = _chain(steps), OwnNetwork(widths, layout, activation, cost)
    values: dict[int, list[Any]] = {}
    for j in range(1, network.L + 1):
        try:
            values[j] = [_value(step, network, j) for step in chain]
        except NoLayer as error:
            missing = error
    if not values:
        raise missing
    checks = [Compared("given", "Here the derivation begins.")]
    checks += [
        _worst(k, {j: _compared(*row[k - 1 : k + 1]) for j, row in values.items()}) for k in range(1, len(chain))
    ]
    made = []
    for k, (step, check) in enumerate(zip(chain, checks, strict=True), start=1):
        shown = Sign(_text(step), tex_text(_text(step)), "text")
        made.append(DerivationStep(f"step-{k}", f"Step {k}", "", shown, (), {}, check, part="Your steps"))
    phi, C = [name or "any function with a derivative" for name in (activation, cost)]
    intro = (
        f"Weights, biases, inputs and expected outputs of a {'-'.join(map(str, widths))} network are symbols, for one "
        f"sample. `Φ` is {phi}, the same in all layers; `C` is {C}. Compared for `j` = {', '.join(map(str, values))}."
    )
    return MyDerivation("My derivation", intro, tuple(made))


def _chain(steps: Any) -> list[Written]:
    """Return the steps one by one."""
    chain: list[Written] = []
    for step in [steps] if isinstance(steps, str) else steps:
        if not isinstance(step, str) and not callable(step):
            raise InvalidType(f"a step is text or a function, but got {step!r:.60}")
        chain += [step] if callable(step) else [part for part in re.split(r"[=\n]", step) if part.strip()]
    if not 2 <= len(chain) <= MOST:
        raise InvalidValue(f"a derivation has 2 to {MOST} steps, with = between them, but got {len(chain)}")
    return chain


def _text(step: Written) -> str:
    return printable(step.strip() if isinstance(step, str) else getattr(step, "__name__", "a function"))


def _value(step: Written, network: "OwnNetwork", j: int) -> Any:
    """Return what a step is in layer j; a RuleError where a function does not run on symbols."""
    from tinygrad_ed.lecture.own_text import NoLayer, Reader, checked

    if isinstance(step, str):
        return checked(Reader(step, network, j).value())
    letters = {**network.letters, **network.functions, "j": j, "L": network.L}
    names = list(inspect.signature(step).parameters)
    if unknown := [name for name in names if name not in letters]:
        raise InvalidValue(f"{_text(step)} asks for {unknown[0]!r}. {nearest(unknown[0], letters)}")

    def tried() -> Any:
        try:
            return checked(step(*[letters[name] for name in names]))
        except NoLayer as error:
            return error

    found, problem = guarded(_text(step), tried, seconds=SECONDS)
    if isinstance(found, NoLayer):
        raise found
    return RuleError(problem) if problem else found


def _compared(before: Any, now: Any) -> Compared:
    """Compare two steps entry by entry; where they differ, say by which factor."""
    from tinygrad_ed.lecture.algebra import decided, readable, sympy

    for each in (before, now):
        if isinstance(each, RuleError):
            return Compared("not decided", str(each))
    if np.shape(before) != np.shape(now):
        shapes = [" × ".join(map(str, np.shape(each))) or "a number" for each in (now, before)]
        turned = np.shape(before) == np.shape(now)[::-1] and _compared(before, np.transpose(now)).holds
        return Compared("fails", f"it is {shapes[0]} in place of {shapes[1]}{'; transposed it is equal' * turned}")
    ways = []
    for place in np.ndindex(np.shape(now)):
        old, new = [np.asarray(each, object)[place] for each in (before, now)]
        decision, how = _timed(decided, new - old) or ("not decided", "SymPy finds no answer")
        at = f"entry {[i + 1 for i in place]}: " if place else ""
        if decision == "not decided":
            return Compared(decision, at + how)
        if decision == "fails":
            gap = _timed(sympy.factor, new - old) or new - old
            top, bottom = _timed(lambda old, new: sympy.fraction(sympy.cancel(new / old)), old, new) or (gap, gap)
            if 0 in (old, top) or sympy.count_ops(top / bottom) > sympy.count_ops(gap):
                return Compared("fails", f"{at}the difference is {readable(gap)}", difference=readable(gap))
            missing, superfluous = ["" if each == 1 else readable(each) for each in (bottom, top)]
            said = [f"the factor {missing} is missing"] * bool(missing)
            said += [f"the factor {superfluous} is superfluous"] * bool(superfluous)
            return Compared("fails", at + " and ".join(said), missing, superfluous, readable(gap))
        ways.append(how)
    return Compared("holds", ", ".join(dict.fromkeys(ways)))


def _timed(ask: Callable[..., Any], *args: Any) -> Any:
    """Return what SymPy says, or None if it takes too long or fails."""
    return guarded("SymPy", ask, *args, seconds=SECONDS)[0]


def _worst(k: int, found: dict[int, Compared]) -> Compared:
    """Return the worst of all layers."""
    j, one = min(found.items(), key=lambda item: ("fails", "not decided", "holds").index(item[1].decision))
    said = {"holds": f"Equal to step-{k} for all numbers", "fails": f"Not equal to step-{k} for j = {j}"}
    return replace(one, words=f"{said.get(one.decision, f'Not decided for j = {j}')}: {one.words}.")
