"""The lecture as a program: its derivation on a reader's network, and its claims as experiments.

* `derive`: every step of the derivation, checked against the one before, to print;
* `prove`: the same for all numbers, with symbols (extra `proof`), and a reader's rule proved or refuted;
* `my_derivation`: a reader's own chain of steps, each proved equal to the one before;
* `contribution`: what one neuron contributes to the error, and on which paths;
* `experiments`: each claim runs the code that trains, says whether it holds, and can fail.
"""

from tinygrad_ed.lecture.contribution import Contribution, contribution
from tinygrad_ed.lecture.derivation import Derivation
from tinygrad_ed.lecture.derive import derive
from tinygrad_ed.lecture.my_derivation import MyDerivation, my_derivation
from tinygrad_ed.lecture.prove import Proof, prove
from tinygrad_ed.lecture.step import DerivationStep

__all__ = [
    "Contribution",
    "Derivation",
    "DerivationStep",
    "MyDerivation",
    "Proof",
    "contribution",
    "derive",
    "my_derivation",
    "prove",
]
