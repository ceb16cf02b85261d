"""Chapter 5: pictures, and the player.

Backpropagation is easier to see than to read. Every picture here is drawn from the same plain data, the *trace*, and
shows the very numbers that were computed. `.save("name.svg")` (or png, pdf, dot, html) writes one for your slides.
"""

# %%
from IPython.display import Image

import tinygrad_ed as tg

mlp = tg.nn.MLP([2, 2, 1], activation="tanh", rng=1)
x, rho = [0.5, -1.0], [1.0]
tg.draw.network(mlp, x, rho)

# %% [markdown]
# That is the network as on the slides: the values forward, and B and P on the way back. Any other computation is drawn
# as a graph. `detail` says how much of it: every number, every Node, or one box a layer. Left to itself, it takes the
# finest that still fits.

# %%
flowers = tg.data.iris()
network = tg.nn.MLP([4, 8, 3], rng=0)
error = tg.nn.costs.mse(network(flowers.x[:6]), flowers.rho[:6])
error.backward()
tg.draw.graph(error, detail="layer")

# %% [markdown]
# ## The player
#
# The player tells the story step by step: forward, value by value, and back, contribution by contribution. Use the
# buttons, or the keys ← and →. It can hide the next number until you have typed yours.

# %%


def expression(a, b, c):
    """tanh(a b + c), as a graph."""
    a, b, c = tg.Node(a, name="a"), tg.Node(b, name="b"), tg.Node(c, name="c")
    return (a * b + c).tanh()


player = tg.draw.player(expression(2.0, -3.0, 5.5), title="tanh(a · b + c), step by step")
player

# %% [markdown]
# A page that shows only images cannot run it. There, this is its last step, and below it is the story as text:

# %%
Image(player.render("png"), width=600)

# %%
print(player.render("txt").decode())

# %% [markdown]
# It plays networks as well, with the lecture's rule beside each step of the graph. Save this one and open it by double
# click; it is one file that needs no network:

# %%
print(tg.draw.player(mlp, x, rho).save("player.html"))

# %% [markdown]
# ## The data behind the pictures
#
# A trace is plain data. Two of them can be compared like receipts: here a sign was lost on the way.

# %%
print(tg.draw.trace(expression(2.0, -3.0, 5.5)).compare(tg.draw.trace(expression(2.0, 3.0, 5.5))))

# %% [markdown]
# **Try it.** Draw an expression of your own. Use one of its values twice, and find the sum at that node in the player.
