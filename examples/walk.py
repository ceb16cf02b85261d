"""One expression: forward, backward, second order, and its picture. Run: python examples/walk.py."""

from pathlib import Path

import tinygrad_ed as tg

a, b, c = tg.Node(2.0, name="a"), tg.Node(-3.0, name="b"), tg.Node(10.0, name="c")
y = (a * b + c).tanh()
y.name = "y"
y.backward()
for node in (a, b, c):
    print(f"d y / d {node.name} = {node.grad:+.6f}")


def expression(a: tg.Node) -> tg.Node:
    """Return the same expression as a function of `a` alone."""
    return (a * b.value + c.value).tanh()


tg.check_grads(expression, 2.0)
print(f"second derivative by a: {tg.grad(tg.grad(expression))(2.0):+.6f}")

path = tg.draw.graph(y).save(Path("walk.dot"))
print(f"wrote {path}")
