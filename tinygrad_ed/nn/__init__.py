"""Networks on the graph: activation functions, costs, initial weights, layers."""

from tinygrad_ed.nn import activations, costs, init
from tinygrad_ed.nn.dense import Dense
from tinygrad_ed.nn.mlp import MLP

__all__ = ["MLP", "Dense", "activations", "costs", "init"]
