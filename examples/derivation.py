"""The derivation of backpropagation on a 2-3-2 network, step by step, and what one neuron contributes to the error.

Run: python examples/derivation.py. It prints the derivation, and writes it as a page: derivation.html.
"""

import tinygrad_ed as tg

mlp = tg.nn.MLP([2, 3, 2], activation="tanh", rng=0)
x, rho = [0.5, -1.0], [1.0, 0.0]

derivation = tg.lecture.derive(mlp, x, rho, cost="mse", j=1, k=2)
print(derivation)
print(f"wrote {derivation.save('derivation.html')}\n")

print(tg.lecture.contribution(mlp, x, rho, j=1, k=2))
