"""Chapter 3: four roads to one gradient, and your own rule on trial.

The gradient of a network can be found by a sweep through its graph, by the lecture's rules, by the derivation taken
literally, or by central differences. The roads share no derivative code, so it means something when they agree. Where
one differs, the first quantity that is wrong can be named. That is how your own rules are judged below.
"""

# %%
import numpy as np
from IPython.display import Image

import tinygrad_ed as tg

mlp = tg.nn.MLP([2, 3, 2], activation="tanh", rng=0)
rng = np.random.default_rng(0)
x, rho = rng.standard_normal((4, 2)), rng.standard_normal((4, 2))

# %% [markdown]
# ## The ledger
#
# Each road writes down every quantity of the slides, in their order: forward the net inputs ζ and activations α, then
# the cost, then P and B from the last layer to the first, and at the end the gradients. Rows of an array are samples.

# %%
tg.ledger(mlp, x, rho, road="rules")

# %% [markdown]
# ## The cross-check
#
# Now all four ledgers side by side. (The numeric road has only the cost and the gradients.)

# %%
tg.crosscheck(mlp, x, rho)

# %% [markdown]
# ## Your own rule
#
# Suppose that you have derived the rule for B of a hidden layer, and written it like this:


# %%
def my_B_hidden(zeta, omega_next, B_next, dphi):
    """B^j = Φ'(ζ^j) ⊙ B^{j+1} [Ω^{j+1}]^T, or so I think."""
    return dphi(np.tanh(zeta)) * (B_next @ omega_next.T)


check = tg.crosscheck(mlp, x, rho, rules={"B_hidden": my_B_hidden})
check

# %% [markdown]
# The mistake was made at B¹; what follows has only inherited it, and all that comes before is right. The diagnosis has
# tried the mistakes that students and textbooks make, and found the one that gives just these numbers. Mended:


# %%
def my_B_hidden(zeta, omega_next, B_next, dphi):
    """B^j = Φ'(ζ^j) ⊙ B^{j+1} [Ω^{j+1}]^T."""
    return dphi(zeta) * (B_next @ omega_next.T)


tg.crosscheck(mlp, x, rho, rules={"B_hidden": my_B_hidden}).agree

# %% [markdown]
# ## What the data cannot show
#
# Of one sample the mean is the sum. A wrong rule can agree with all roads there, and the check says so:

# %%
mean_of_rows = {"grad_beta": lambda B: B.mean(axis=0)}
lucky = tg.crosscheck(mlp, x[:1], rho[:1], rules=mean_of_rows)
print(lucky.agree, *lucky.notes, sep="\n")
print(tg.crosscheck(mlp, x, rho, rules=mean_of_rows).first_divergence)

# %% [markdown]
# ## The same as a picture
#
# `compare` draws the graph and the rules side by side. In Jupyter you can choose a row, a node or a neuron, and its
# partner is marked. Below it is the same drawing as an image, for pages that do not show the interactive one.

# %%
picture = tg.draw.compare(mlp, x, rho, rules={"B_hidden": lambda zeta, omega, B, dphi: B @ omega.T})
picture

# %%
Image(picture.render("png"), width=900)

# %% [markdown]
# **Try it.** Replace "grad_omega" by a version of your own: `lambda alpha_prev, B: ...`. Make it wrong in a way that
# you think nobody would find.
