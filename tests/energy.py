"""A function of three variables, its slope and its curvature, for the tests of the transforms."""

import numpy as np

X = np.array([0.5, -1.0, 2.0])
MATRIX = np.array([[1.0, 2.0, -1.0], [0.5, -0.3, 0.8]])


def energy(x):
    return (x**2 * np.sin(x)).sum() + x[0] * x[1] * x[2]


def energy_slope(x):
    return 2 * x * np.sin(x) + x**2 * np.cos(x) + np.array([x[1] * x[2], x[0] * x[2], x[0] * x[1]])


def energy_curvature(x):
    return 2 * np.sin(x) + 4 * x * np.cos(x) - x**2 * np.sin(x)


def mixed(x):
    return np.array([[0.0, x[2], x[1]], [x[2], 0.0, x[0]], [x[1], x[0], 0.0]])
