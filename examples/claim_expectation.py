"""Claim: over uniform i the expectation of the SGD gradient is the full one. Run: python examples/claim_expectation.py.

All draws are enumerated. Then the coin is loaded: a sampler that prefers some samples, and the claim breaks.
Writes expectation.png.
"""

import tinygrad_ed as tg

result = tg.experiments.expectation()
print(result)
print(tg.experiments.expectation(probabilities=[0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]))
result.plot().figure.savefig("expectation.png", dpi=150)
