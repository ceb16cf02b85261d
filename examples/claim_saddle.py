"""Claim: gradient descent stays at a saddle that SGD leaves. Run: python examples/claim_saddle.py.

At the exact saddle, and a little beside it, where gradient descent finds its way, too. Writes saddle.png.
"""

import tinygrad_ed as tg

result = tg.experiments.saddle()
print(result)
print(tg.experiments.saddle(offset=0.1))
result.plot().figure.savefig("saddle.png", dpi=150)
