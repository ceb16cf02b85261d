"""A vector and a matrix for the tests of Nodes, and what a result is without its graph."""

import numpy as np

from tinygrad_ed import Node

VECTOR = np.array([1.0, -2.0, 3.0])
MATRIX = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])


def plain(y):
    return y.value if isinstance(y, Node) else y
