"""`prove`: the derivation for all numbers, with symbols for every weight, bias, input and expected output.

`derive` checks each step on a reader's numbers. Here each step is a set of equations between expressions
(`lemmas.py`), which SymPy decides (`algebra.py`). What is proved: for networks of this size, for all numbers, and for
all Φ and C that have a derivative where it is taken. A rule of the reader's own is proved in the same way, or refuted
by a formula and by a counterexample in small whole numbers (`refute.py`).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_ed.checking.judge import judged
from tinygrad_ed.closed_form.derivatives import ACTIVATIONS, COSTS
from tinygrad_ed.closed_form.rules import RULES
from tinygrad_ed.errors import ShapeError, whole_number
from tinygrad_ed.lecture.derivation import Derivation
from tinygrad_ed.lecture.derive import derive
from tinygrad_ed.lecture.step import DerivationStep
from tinygrad_ed.nn import MLP
from tinygrad_ed.nn.checks import chosen
from tinygrad_ed.nn.guard import restored
from tinygrad_ed.notation.letters import formula

if TYPE_CHECKING:
    from tinygrad_ed.lecture.refute import Proved, Refutation


@dataclass(frozen=True, eq=False, repr=False)
class Proof(Derivation):
    """A derivation whose steps are proved; beside each stand the numbers of one network of this size."""

    @property
    def checks(self) -> "tuple[Proved, ...]":
        """How each step came out, in the order of the steps."""
        return tuple([step.check for step in self.steps])  # type: ignore[misc]  # `prove` put them there

    @property
    def refuted(self) -> tuple[DerivationStep, ...]:
        """The steps that do not hold for all numbers."""
        found = zip(self.steps, self.checks, strict=True)
        return tuple([step for step, check in found if check.decision == "fails"])

    @property
    def refutations(self) -> "tuple[Refutation, ...]":
        """Why each of the reader's rules that is wrong is wrong."""
        return tuple([each for check in self.checks for each in check.refutations])

    @property
    def verdict(self) -> str:
        """How it came out, in one sentence."""
        if self.holds:
            equations = sum([check.equations for check in self.checks])
            return f"Proved: all {len(self.steps)} steps hold for all numbers ({equations} equations)."
        word = "refuted" if self.refuted else "not decided"
        names = [step.name for step in self.refuted or self.steps if not step.check.holds]
        return f"Not proved: {', '.join(names)} {'is' if len(names) == 1 else 'are'} {word}."


@restored()
def prove(
    sizes: Sequence[int] | MLP,
    batch: int = 1,
    activations: str | Sequence[str] | None = None,
    cost: str | None = None,
    rules: Mapping[str, Callable[..., Any]] | None = None,
) -> Proof:
    """Prove the derivation for networks of a size, for all numbers and for any Φ and C.

    Args:
        sizes: the widths n_0, n_1, ... n_L; or a network, whose numbers then stand beside the algebra.
        batch: M, the number of samples.
        activations: names of Φ, one for all layers or one a layer. Then their Φ' are proved as well, away from kinks,
            and a rule that is right for these functions only is proved for these. None: any Φ.
        cost: the name of C, likewise.
        rules: the reader's own versions of some of `closed_form.rules.RULES`. They run on arrays of symbols.

    Returns:
        the proof: print it, or `save` it as txt, md, html or tex; ask it for `holds`, `refuted`, `refutations`.

    Raises:
        MissingExtra: without SymPy (extra `proof`).
        InvalidValue, InvalidType, ShapeError: for sizes, names or rules that cannot be used.

    >>> proof = prove([2, 3, 2], batch=2)
    >>> proof.holds, proof.refuted
    (True, ())
    >>> wrong = prove([2, 3, 2], rules={"B_hidden": lambda zeta, omega_next, B_next, dphi: B_next @ omega_next.T})
    >>> [step.name for step in wrong.refuted]
    ['B', 'backpropagation']
    >>> wrong.refutations[0].mistakes
    ("Φ' forgotten",)
    """
    from tinygrad_ed.lecture.lemmas import Lecture
    from tinygrad_ed.lecture.refute import Judges

    network = sizes if isinstance(sizes, MLP) else MLP(sizes, rng=0)
    batch, L = whole_number("batch", batch), len(network.layers)
    names = [activations] * L if isinstance(activations, str) else activations
    if names is not None and len(names) != L:
        raise ShapeError(f"activations needs a name for each of the {L} layers, but got {activations!r}")
    for name in names or ():
        chosen("activation", name, ACTIVATIONS)
    if cost is not None:
        chosen("cost", cost, COSTS)
    readers = {name: judge.rule for name, judge in judged(rules).items()}
    lecture = Lecture(network.sizes, batch, None, None, {**RULES, **readers})
    named = Lecture(network.sizes, batch, names, cost, lecture.rules)
    by_step = defaultdict(list)
    for lemma in chain(lecture.lemmas(), named.definitions()):
        by_step[lemma.step].append(lemma)
    judges = Judges(lecture, named, readers)
    shown = _with_numbers(network, names or [layer.activation for layer in network.layers], cost or "mse")
    steps = tuple(
        [
            replace(step, check=judges.proved(by_step[step.name]) if step.check.holds else judges.on_these(step.check))
            for step in shown
        ]
    )
    phi, C = [name or "any function with a derivative" for name in (activations, cost)]
    intro = (
        f"Weights, biases, inputs and expected outputs are symbols, for a batch of {batch}. `Φ` is {phi}; `C` is {C}. "
        "What lies above a layer is any function, so the steps hold layer by layer, by induction. What is fixed are "
        "the sizes. The numbers beside the letters are those of one network."
    )
    return Proof(f"Backpropagation, proved for {'-'.join(map(str, network.sizes))} networks", intro, steps)


def _with_numbers(network: MLP, names: Sequence[str], cost: str) -> list[DerivationStep]:
    """Return the steps of the derivation with the numbers of one network, and one about the batch."""
    biases = [None if layer.bias is None else layer.bias.value for layer in network.layers]
    mlp = MLP.from_weights([layer.weights.value for layer in network.layers], biases, names)
    rng, width = np.random.default_rng(0), network.sizes[-1]
    x = rng.uniform(-1.0, 1.0, network.sizes[0]).round(2)
    rho = np.eye(width)[0] if COSTS[cost].expects in ("shares", "bits") else 2.0 * np.eye(width)[0]
    derivation = derive(mlp, x, rho - (COSTS[cost].expects == "labels"), cost)
    plain = ["tanh"] * len(names)
    if not derivation.holds and (names, cost) != (plain, "mse"):  # a function with a name has a wrong derivative: the
        return _with_numbers(network, plain, "mse")  # proof says so, beside the numbers of another
    steps = list(derivation.steps)
    last = next((i for i, step in enumerate(steps) if step.name == "backpropagation"), None)
    if last is None:  # a step before was wrong, and the derivation ended there
        return steps
    words = (
        "`E` is the mean over the samples. So 1/M enters once, in `B^L`, and every other rule hands it down. The "
        "parameters are shared, so their gradients are sums over the samples."
    )
    letters = formula("B^L = {1}/{M} Φ'(ζ^L) ⊙ ∇_{a^L} C(α^L, ρ)")
    batch = DerivationStep("batch", "The batch", words, letters, (), {}, steps[last].check, part=steps[last].part)
    return [*steps[:last], batch, *steps[last:]]
