"""Chapter 6: the engine as a framework.

What you have seen is not a toy that is thrown away after the lesson. NumPy's own functions work on Nodes, derivatives
are functions of any order, a referee checks them, and an op of your own is one line.
"""

# %%
import numpy as np

import tinygrad_ed as tg

x = tg.Node([[1.0, 2.0], [3.0, 4.0]], name="x")
y = np.linalg.norm(np.exp(-x) @ np.ones(2)) + np.median(x)
y.backward()
print(y)
print(x.grad)

# %% [markdown]
# What has no derivative gives plain values. What would silently lose the derivative is refused, with the way out:

# %%
print(np.argmax(x), x.value.max())
try:
    float(y)
except tg.GraphDropped as error:
    print(error)

# %% [markdown]
# ## Derivatives as functions
#
# `tg.grad(f)` is a function again, so it can be differentiated again.


# %%
def f(x):
    """A function of one number."""
    return np.sin(x) * x


print(f"f' (2) = {tg.grad(f)(2.0):+.6f}, by hand {np.cos(2.0) * 2 + np.sin(2.0):+.6f}")
print(f"f''(2) = {tg.grad(tg.grad(f))(2.0):+.6f}, by hand {2 * np.cos(2.0) - 2 * np.sin(2.0):+.6f}")

# %%
print("Hessian of x0² x1 at (3, 2):")
print(tg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0])))
value, tangent = tg.jvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
print(f"value {value}, and its change in the direction (1, 0): {tangent}")

# %% [markdown]
# ## An op of your own
#
# Forward, and for each input the rule `(g, y, *inputs)`: what arrives at the result, the result, the inputs. Written
# with ops, a rule can be differentiated itself. So second derivatives come for free, and the referee checks both.

# %%
sin2 = tg.op("sin2", lambda x: np.sin(x) ** 2, lambda g, y, x: g * tg.sin(2 * x))
tg.check_grads(sin2, 0.7)
print(f"{tg.grad(sin2)(0.7):.6f} {tg.grad(tg.grad(sin2))(0.7):.6f}")

# %% [markdown]
# ## Where did the NaN come from?
#
# Inside `tg.debug()` the first number that is not finite stops the program, and says which op made it, of what, and
# in which line of yours.

# %%
weights = tg.Node([0.5, -0.1, 2.0], name="weights")
try:
    with tg.debug():
        np.log(weights).sum().backward()
except tg.NotFinite as error:
    print(error)

# %% [markdown]
# ## Newton's method in four lines
#
# With a gradient and a Hessian, more than learning can be done. This finds the bottom of Rosenbrock's valley, (1, 1).


# %%
def valley(x):
    """Rosenbrock's function: a curved valley with its bottom at (1, 1)."""
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


point = np.array([-1.2, 1.0])
for step in range(7):
    print(f"{step}: ({point[0]:+.4f}, {point[1]:+.4f}), cost {valley(point):.6f}")
    point = point - np.linalg.solve(tg.hessian(valley)(point), tg.grad(valley)(point))

# %% [markdown]
# **Try it.** Write the rule of `sin2` with `np.sin` and with a mistake in it, and see what the referee says.
# `docs/ops.md` lists the functions of NumPy that work on Nodes.
