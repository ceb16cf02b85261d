"""Claim: the variance of the mini-batch gradient falls as 1/M. Run: python examples/claim_batch_variance.py.

Measured on drawn batches, beside the exact σ²/M. Then three ways to draw: the lecture's, without replacement (it falls
faster), and batches of one sample repeated (it does not fall). Writes batch_variance.png.
"""

import numpy as np

import tinygrad_ed as tg

result = tg.experiments.batch_variance()
print(result)


def the_same_again(rng, n, size):
    """Draw one sample, and fill the batch with it."""
    return np.repeat(rng.integers(n), size)


for sampling in ("uniform", "shuffle", the_same_again):
    slope = tg.experiments.batch_variance(draws=300, sampling=sampling).slope
    print(f"{getattr(sampling, '__name__', sampling):<15} slope {slope:+.3f}")
result.plot().figure.savefig("batch_variance.png", dpi=150)
