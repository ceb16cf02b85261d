"""The derivation as a program: `derive` runs every step of the lecture on a network and one sample.

The steps go as the lecture goes: one neuron, one layer, the network by the chain rule, the effective computations,
the rules, the algorithms. Each calls the functions of `jacobians` or `rules` on the reader's numbers, and is checked
against the step before it; the first derivatives, of Φ, C and one neuron, against slopes. A derivation stops at
the first step that does not hold, because all that follow rest on it.
"""

from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from tinygrad_ed.lecture.case import Case
from tinygrad_ed.lecture.derivation import Derivation
from tinygrad_ed.lecture.steps_network import effective, network
from tinygrad_ed.lecture.steps_neuron import forward, layer, neuron
from tinygrad_ed.lecture.steps_rules import algorithms, the_rules
from tinygrad_ed.nn.batch import problem_of
from tinygrad_ed.nn.checks import written_in
from tinygrad_ed.nn.mlp import MLP
from tinygrad_ed.notation.alphabet import Notation

PARTS = (forward, neuron, layer, network, effective, the_rules, algorithms)


def derive(
    mlp: MLP,
    x: Any,
    rho: Any,
    cost: str = "mse",
    *,
    j: int = 1,
    k: int = 0,
    learning_rate: float = 0.1,
    notation: Notation = "lecture",
    numbers: bool | str = True,
    digits: int = 3,
) -> Derivation:
    """Derive the gradient of the error by all parameters, step by step, for one sample.

    Args:
        mlp: the network, a `tg.nn.MLP`. A float32 network is derived in float64.
        x: one sample, `(n_0,)` or `(1, n_0)`.
        rho: its expected output; for cross_entropy also a class number.
        cost: the name of the cost.
        j: the layer that is followed on the page, from 1 as on the slides. The numbers are complete.
        k: the neuron of that layer that is followed, from 0 as in NumPy.
        learning_rate: η of the update, the last step.
        notation: the letters: "lecture", "textbook" (x z a W b δ y ŷ C), or a dict such as `{"B": "δ"}`.
        numbers: False for the steps in letters alone; "blank" leaves all numbers to be filled in but those that are
            given, and `.answers` is the derivation with them, which the page as html has at its end.
        digits: significant digits of every number.

    Returns:
        the derivation: print it, `save` it as txt, md or html, or ask a step for its numbers.

    Raises:
        ShapeError: for more than one sample; and what `mlp.problem` raises.
        InvalidValue, InvalidType: for a layer or neuron that does not exist, or a learning rate that is not positive.

    >>> from tinygrad_ed.nn import MLP
    >>> derivation = derive(MLP([2, 3, 2], rng=0), [0.5, -1.0], [1.0, 0.0])
    >>> derivation.holds, len(derivation)
    (True, 24)
    >>> derivation["f_by_a"].shapes
    {'f_by_a[1]': (3, 2), 'f_by_a[2]': (2, 3)}
    >>> print(derivation["P"].formula)
    Pᴸ⁺¹ = ∂C/∂aᴸ
    Pʲ = Pʲ⁺¹ · ∂fʲ/∂aʲ⁻¹
    """
    case = case_of(mlp, x, rho, cost, j, k, learning_rate)
    write = written_in(notation, case.L, numbers, digits)
    steps = []
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is found by the checks
        for step in chain.from_iterable(part(case) for part in PARTS):
            steps.append(step)
            if not step.check.holds:
                break
    derivation = Derivation(case.title, case.intro, tuple(steps))
    if write.numbers == "blank":
        answers = derivation.written(replace(write, numbers=True))
        return replace(derivation.written(write), answers=answers)
    return derivation.written(write)


def case_of(mlp: MLP, x: Any, rho: Any, cost: str, j: int, k: int, learning_rate: float) -> Case:
    """Check what `derive` and `contribution` are given, and return it as plain arrays; see `derive`."""
    problem = problem_of(mlp, x, rho, cost).one_sample()
    j, k = problem.neuron(j, k)
    return Case(problem, j, k, problem.step_size(learning_rate))
