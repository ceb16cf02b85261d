"""Chapter 1: a value that remembers how it was made.

Automatic differentiation rests on one idea. Every result keeps the operation that made it, and the values that went in.
These references form the *computational graph*. Once it is there, every derivative can be found by walking back
through it. In this chapter we build a graph of five numbers, look at it, and walk back by hand.
"""

# %%
import numpy as np

import tinygrad_ed as tg

a, b, c = tg.Node(2.0, name="a"), tg.Node(-3.0, name="b"), tg.Node(5.5, name="c")
y = (a * b + c).tanh()
y

# %% [markdown]
# Read the picture from the leaves to the result. Each box holds a value. The sign `∂ –` means that no gradient was
# computed yet, which is not the same as a gradient of zero.
#
# The picture shows nothing that is not in the nodes themselves:

# %%
print("y was made by", y.op.name, "of", y.args[0])
print("that was made by", y.args[0].op.name, "of", y.args[0].args)
print("a was made by", a.op)

# %% [markdown]
# ## The sweep
#
# `y.backward()` starts with ∂y/∂y = 1 and walks back, the newest node first. At each op it multiplies what arrives
# with the local derivative of the op, and hands the product on to the inputs. That is the chain rule, and all of it.

# %%
y.backward()
y

# %% [markdown]
# On every edge stands what flows back through it. Follow the way to `a` with a pencil: the derivative of tanh is
# 1 − y², an addition hands on what it gets, and a product sends the *other* factor.

# %%
by_hand = 1.0 * (1 - y.value**2) * 1.0 * b.value
print(f"by hand {by_hand:.6f}, by the sweep {a.grad:.6f}")

# %% [markdown]
# ## A value that is used twice
#
# In `x * x + x` the leaf `x` has three edges. Each of them brings a part, and the gradient is their sum. Forgetting
# one of the parts is the oldest mistake in programs of this kind.

# %%
x = tg.Node(3.0, name="x")
z = x * x + x
z.backward()
z

# %%
print("parts: 3 + 3 + 1, sum:", x.grad)

# %% [markdown]
# ## Who says that it is right?
#
# A referee that knows nothing of derivative rules: central differences. `check_grads` compares with them, here up to
# the second order, and says nothing if all is well. A rule with a mistake does not get past it.

# %%
tg.check_grads(lambda x: x * x + x, 3.0)

wrong_square = tg.op("wrong_square", lambda x: x * x, lambda g, y, x: g * x)  # the 2 is missing
try:
    tg.check_grads(wrong_square, 3.0)
except tg.GradientMismatch as error:
    print(error)

# %% [markdown]
# ## Arrays are values, too
#
# A node may hold an array. Then one op is one NumPy call, and the gradient has the shape of the value.

# %%
w = tg.Node([[1.0, -2.0], [0.5, 3.0]], name="w")
s = np.sum(np.tanh(w @ np.array([1.0, 0.5])))
s.backward()
s

# %% [markdown]
# **Try it.** Which sign has ∂y/∂b in the first example? Guess it from the picture, then look at `b.grad`. Change `c`
# to 10 and run all cells again: why do all gradients nearly vanish?
