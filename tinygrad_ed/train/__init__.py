"""The learning phase: gradient descent, SGD and mini-batch as the lecture defines them, and `fit`."""

from tinygrad_ed.train import schedules
from tinygrad_ed.train.compare_methods import Comparison, MethodRun, compare_methods
from tinygrad_ed.train.fit import fit
from tinygrad_ed.train.history import Epoch, History
from tinygrad_ed.train.methods import METHODS, SAMPLINGS, batches
from tinygrad_ed.train.optim import OPTIMIZERS, Adam, AdamW, GradientDescent, Momentum, Nesterov, Optimizer, RMSprop

__all__ = [
    "METHODS",
    "OPTIMIZERS",
    "SAMPLINGS",
    "Adam",
    "AdamW",
    "Comparison",
    "Epoch",
    "GradientDescent",
    "History",
    "MethodRun",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "batches",
    "compare_methods",
    "fit",
    "schedules",
]
