# pyright: strict
"""Mistakes that mypy and pyright find: each line that is marked as wrong, and no other (`.ci/check_types.py` asks)."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinygrad_ed as tg

a, b = tg.Node([1.0, 2.0]), tg.Node(2.0)
array = np.ones(2)


def f(x: tg.Node, power: int = 2) -> tg.Node:
    """Return one number."""
    return (x**power).sum()


def plain(x: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Return x, scaled."""
    return x * scale


# What runs into an error, or drops a derivative
tg.Node("text")  # wrong
tg.Node(2.0, name=3)  # wrong
a + "text"  # wrong
"text" * a  # wrong
a @ None  # wrong
a["text"]  # wrong
a[b]  # wrong
a[0] = 1.0  # wrong
a.name = 3  # wrong
a.grad = array  # wrong
a.shape = (2, 1)  # wrong
a.sigmiod()  # wrong
a.sum(axes=0)  # wrong
a.sum(axis="rows")  # wrong
a.reshape("flat")  # wrong
a.tanh(2.0)  # wrong
a.backward("text")  # wrong
float(b)  # wrong
int(b)  # wrong
math.exp(b)  # wrong
array[b]  # wrong
(a > b).backward()  # wrong

# Names and arguments of the package
tg.tahn(a)  # wrong
tg.tanh("text")  # wrong
tg.tanh()  # wrong
tg.std(a, axes=0)  # wrong
tg.clip(a, 0.0, 1.0, 2.0)  # wrong
tg.op("twice", 2.0, f)  # wrong
tg.gradients(3.0, a)  # wrong
tg.gradients(b, 3.0)  # wrong

# A transform keeps the parameters of its function
tg.grad(3.0)  # wrong
tg.grad(f)("text")  # wrong
tg.grad(f)()  # wrong
tg.grad(f)(2.0, 3, 4)  # wrong
tg.grad(f)(2.0, "text")  # wrong
tg.grad(f)(2.0, strength=3)  # wrong
tg.value_and_grad(f)(array, power="text")  # wrong
tg.jacobian(f)(array, strength=3)  # wrong
tg.hessian(f)("text")  # wrong
tg.jvp(f, 2.0, 1.0)  # wrong
tg.hvp(f, 2.0, 1.0)  # wrong
tg.check_grads(f, "text")  # wrong
text: str = tg.grad(f)(2.0)  # wrong
number: float = tg.grad(f)(array)  # wrong

# So does compile
tg.compile(3.0)  # wrong
tg.compile(plain)(array)  # wrong
tg.compile(plain)(array, "text")  # wrong
number = tg.compile(plain)(array, 2.0)  # wrong
tg.compile(plain).taep  # wrong

# Networks
mlp = tg.nn.MLP([2, 3, 1])
tg.nn.MLP("wide")  # wrong
tg.nn.MLP([2, 1], activation=tg.tanh)  # wrong
tg.nn.MLP([2, 1], hidden="tanh")  # wrong
mlp("text")  # wrong
mlp.layers[0].wieghts  # wrong
mlp.parameters()[0].sum().backward().grad  # wrong
tg.nn.costs.mse(mlp(array))  # wrong
tg.nn.costs.mse(mlp(array), array, delta=1.0)  # wrong
tg.train.fit(mlp, array)  # wrong
tg.train.fit(mlp, array, array, epochs="many")  # wrong
tg.train.fit(mlp, array, array, learning_rat=0.1)  # wrong
tg.train.fit(mlp, array, array, optimizer="adam")  # wrong
tg.crosscheck(mlp, array).agree  # wrong


def unannotated(x: Any) -> str:
    """Return what is no text."""
    return tg.tanh(tg.Node(x))  # wrong
