"""The learning phase: gradient descent, SGD and mini-batch as the lecture defines them, and `fit`."""

from tinygrad_ed.train.fit import History, fit
from tinygrad_ed.train.methods import METHODS, SAMPLINGS, batches
from tinygrad_ed.train.optim import GradientDescent, Optimizer

__all__ = ["METHODS", "SAMPLINGS", "GradientDescent", "History", "Optimizer", "batches", "fit"]
