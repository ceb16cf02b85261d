"""Chapter 2: the derivation of backpropagation, on your own numbers.

A network is a special graph: layers, one after the other. For it, the walk back can be written as a few closed rules,
and the lecture derives them in parts: one neuron, one layer, the whole network, and then the rules without any
Jacobian. Here every step runs on a real network and one sample, and is checked against the step before.
"""

# %%
from IPython.display import Markdown, Math

import tinygrad_ed as tg

mlp = tg.nn.MLP([2, 3, 2], activation="tanh", rng=0)
x, rho = [0.5, -1.0], [1.0, 0.0]
tg.draw.network(mlp, x, rho)

# %% [markdown]
# The letters are the lecture's. α is an activation, ζ a net input, Ω and β are weights and biases, ρ is the expected
# output. Φ is the activation function, here tanh in the hidden layer. P and B carry the error back; the next lines
# say where they come from.

# %%
derivation = tg.lecture.derive(mlp, x, rho)
print(derivation.verdict)
for part, steps in derivation.parts:
    print(f"\n{part}")
    for number, step in steps:
        print(f"  {number}  {step.name:<20} {step.title}")

# %% [markdown]
# ## One step from close by
#
# A step has words, a formula in letters, and the same with our numbers. This one is the heart of the matter: the
# Jacobian of a layer is never built, because most of it is zeros.

# %%
step = derivation["effective_P"]
print(step)

# %% [markdown]
# Formulas come in Unicode, LaTeX and MathML. In a notebook LaTeX is the nicest:

# %%
Math(step.formula.latex)

# %% [markdown]
# ## The rules
#
# Near the end of the derivation stand the rules that programs use, a line or two each.

# %%
rules = [derivation[name] for name in ("B", "rule_grad_omega", "rule_grad_beta")]
Markdown("\n\n".join([f"{rule.title}:\n\n$$\n{rule.formula.latex}\n$$" for rule in rules]))

# %% [markdown]
# ## What does one neuron contribute?
#
# The lecture opens with this question. The third neuron of the first layer reaches the error on two ways, one through
# each output. Along a way the local derivatives multiply, and the ways add up: that sum is P.

# %%
print(tg.lecture.contribution(mlp, x, rho, j=1, k=2))

# %% [markdown]
# **Try it.** Change `k` to another neuron, or the activation to "relu", and run all cells again. With relu, look for
# a way that is blocked by a zero. `derivation.save("derivation.html")` writes all of it as one page.
