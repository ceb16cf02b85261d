"""Claim: L1 and Huber are robust against outliers where mse is not. Run: python examples/claim_robust_costs.py.

Writes robust_costs.png: the learned lines, and their errors over the distance of the outliers.
"""

import matplotlib.pyplot as plt

import tinygrad_ed as tg

result = tg.experiments.robust_costs()
print(result)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
result.plot(left)
result.plot_errors(right)
figure.savefig("robust_costs.png", dpi=150)
