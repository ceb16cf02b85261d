"""Claim: SGD with a constant rate stalls in a ball of noise. Run: python examples/claim_noise_ball.py.

Four rates and a shrinking one, which escapes, beside what theory says of a parabola; mini-batches of 8, whose ball is
some 9 times smaller; and gradient descent, which has none. Writes noise_ball.png.
"""

import tinygrad_ed as tg

result = tg.experiments.noise_ball()
print(result)
for method in ("sgd", "minibatch", "gradient"):
    ball = tg.experiments.noise_ball(learning_rates=(0.05, 0.2), updates=4000, method=method).balls[-1]
    print(f"{method:<10} with η = 0.2: {ball.excess:.2e} above the optimum (theory {ball.theory:.2e})")
result.plot().figure.savefig("noise_ball.png", dpi=150)
