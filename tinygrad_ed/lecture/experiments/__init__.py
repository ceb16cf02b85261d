"""The lecture's claims as experiments: each runs the code that trains, says whether its claim holds, and can fail.

A result is plain data: `print(result)` gives the verdict with its numbers, `result.holds` is the verdict alone, and
`result.plot(ax=None)` draws it (extra `plots`).
"""

from tinygrad_ed.lecture.experiments.batch_variance import BatchVariance, batch_variance
from tinygrad_ed.lecture.experiments.expectation import Expectation, expectation
from tinygrad_ed.lecture.experiments.noise_ball import NoiseBall, noise_ball
from tinygrad_ed.lecture.experiments.overlapping_classes import OverlappingClasses, overlapping_classes
from tinygrad_ed.lecture.experiments.robust_costs import RobustCosts, robust_costs
from tinygrad_ed.lecture.experiments.saddle import Saddle, saddle

__all__ = [
    "BatchVariance",
    "Expectation",
    "NoiseBall",
    "OverlappingClasses",
    "RobustCosts",
    "Saddle",
    "batch_variance",
    "expectation",
    "noise_ball",
    "overlapping_classes",
    "robust_costs",
    "saddle",
]
