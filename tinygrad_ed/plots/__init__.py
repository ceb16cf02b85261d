"""Plots of training (extra `plots`): each function takes `ax=`, draws into it, and returns it.

They draw plain data: what is on the picture are the numbers that were given, or that the network gives.
"""

from tinygrad_ed.plots.boundary import decision_boundary
from tinygrad_ed.plots.contour import cost_contour
from tinygrad_ed.plots.cost_functions import cost_function
from tinygrad_ed.plots.curves import cost_curves
from tinygrad_ed.plots.gradients import gradient_histograms, gradient_noise

__all__ = ["cost_contour", "cost_curves", "cost_function", "decision_boundary", "gradient_histograms", "gradient_noise"]
