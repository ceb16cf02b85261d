"""Claim: on overlapping classes logistic finds the best boundary. Run: python examples/claim_overlapping_classes.py.

And the slide's one-sided margin says +1 to everybody. The nearer the classes, the less anybody can do.
Writes overlapping_classes.png.
"""

import tinygrad_ed as tg

result = tg.experiments.overlapping_classes()
print(result)
for distance in (1.0, 2.0, 4.0):
    made = tg.experiments.overlapping_classes(distance)
    right = ", ".join([f"{cost} {learned.accuracy:.1%}" for cost, learned in made.learned.items()])
    print(f"distance {distance:g}: at best {made.best:.1%}; {right}")
result.plot().figure.savefig("overlapping_classes.png", dpi=150)
