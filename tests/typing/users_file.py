# pyright: strict
"""What a reader of the README may write, with types: mypy and pyright, both strict, accept it without an ignore.

`.ci/check_types.py` asks them. `tests/test_typing.py` runs the file, and sees that the values have the types asserted.
"""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import tinygrad_ed as tg

Floats = NDArray[np.float64]
Array = np.ndarray[Any, np.dtype[Any]]
Truth = bool | Array

a = tg.Node([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], name="a")
b = tg.Node(2.0)
matrix = np.ones((3, 2))

# Operators

assert_type(tg.Node(2.0) * 3.0, tg.Node)
assert_type(3.0 * a, tg.Node)
assert_type(2 - a, tg.Node)
assert_type(1.0 / a + a / 2, tg.Node)
assert_type(a**2 + 2.0**a, tg.Node)
assert_type(a % 2.0, tg.Node)
assert_type(-a, tg.Node)
assert_type(+a, tg.Node)
assert_type(abs(a), tg.Node)
assert_type(a @ a.T, tg.Node)
assert_type(a @ matrix, tg.Node)
assert_type(matrix @ a, tg.Node)
assert_type(matrix.T * a, tg.Node)
assert_type(matrix.T - a, tg.Node)
assert_type(np.float64(2.0) * a, tg.Node)
assert_type(np.float32(2.0) + a, tg.Node)
assert_type(a + [1.0, 2.0, 3.0], tg.Node)
assert_type(a > b, Truth)
assert_type(a >= 1.0, Truth)
assert_type(1.0 < a, Truth)
assert_type(a == b, Truth)
assert_type(a != 2.0, Truth)
assert_type(divmod(a, 2.0)[1], tg.Node)
assert_type(a // 2.0, float | Array)
assert_type(sum([b, 2.0 * b], tg.Node(0.0)), tg.Node)
a += 1.0
assert_type(a, tg.Node)
if b > 1.0 and not b == 3.0:
    print(f"{b:.3f}", round(b, 1), len(a), 2.0 in a)

# Indexing and iteration

assert_type(a[0], tg.Node)
assert_type(a[None], tg.Node)
assert_type(a[...], tg.Node)
assert_type(a[..., 0], tg.Node)
assert_type(a[:, 1:3], tg.Node)
assert_type(a[[0, 1], np.array([0, 1])], tg.Node)
assert_type(a[a > 2.0], tg.Node)
assert_type(a[np.argmax(matrix[:, 0]) - 1], tg.Node)
for row in a:
    assert_type(row, tg.Node)

# Attributes and methods

assert_type(a.shape, tuple[int, ...])
assert_type(a.ndim + a.size, int)
assert_type(a.name, str | None)
assert_type(a.parents, tuple[tg.Node, ...])
assert_type(b.item(), float)
assert_type(a.T, tg.Node)
assert_type(a.sum(), tg.Node)
assert_type(a.sum(axis=0), tg.Node)
assert_type(a.mean(axis=(0, 1), keepdims=True), tg.Node)
assert_type(a.max(axis=np.int64(0)), tg.Node)
assert_type(a.var(ddof=1).clip(0.0, None), tg.Node)
assert_type(a.reshape(3, 2), tg.Node)
assert_type(a.reshape((3, -1)).transpose(1, 0).ravel(), tg.Node)
assert_type(a.swapaxes(0, 1).squeeze().flatten().repeat(2).take([0, 1]), tg.Node)
assert_type(a.dot(matrix), tg.Node)
assert_type(a.tanh().exp().log().relu().sigmoid(), tg.Node)
assert_type(a.astype(np.float32), tg.Node)
assert_type(a.astype(np.dtype(np.float32)), tg.Node)
assert_type(a.astype(int), Any)
assert_type(a.cumsum(axis=0) * a.prod(axis=1).min(), tg.Node)
assert_type(a[:, :2].trace() + a.diagonal() + a.copy()[0, :2], tg.Node)

# NumPy's functions: its types give Any, or know nothing of a Node

y = np.sin(a)
y.sum().backward()
print(np.sum(a), np.sum(a, axis=0), np.max(a, axis=0), np.maximum(a, 0.0), a * np.tanh(a))
print(np.where(a > 2.0, a, 0.0), np.concatenate([a, a]), np.dot(a, matrix), np.linalg.norm(a), np.argmax(a))

# Ops of the package

assert_type(tg.tanh(a), tg.Node)
assert_type(tg.sum(a, axis=0), tg.Node)
assert_type(tg.sum(a, 0, True), tg.Node)
assert_type(tg.matmul(a, matrix), tg.Node)
assert_type(tg.matmul(matrix, a), tg.Node)
assert_type(tg.maximum(0.0, a), tg.Node)
assert_type(tg.where(a > 2.0, 0.0, a), tg.Node)
assert_type(tg.clip(a, max=3.0), tg.Node)
assert_type(tg.dot(matrix, a), tg.Node)
assert_type(tg.concatenate([a, matrix.T], axis=1), tg.Node)
assert_type(tg.stack([b, 2.0]), tg.Node)
assert_type(tg.array([[b, 1.0], [0.0, b]]), tg.Node)
assert_type(tg.std(a, axis=0, keepdims=True), tg.Node)
assert_type(tg.gelu(tg.logsumexp(a, axis=-1)), tg.Node)
half: float = tg.tanh(0.5)
squashed: Floats = tg.tanh(matrix)

# Derivatives


def f(x: tg.Node) -> tg.Node:
    """Return one number for any x."""
    y: tg.Node = np.sin(x)
    return (x * y).sum()


def loss(w: tg.Node, x: Floats, power: int = 2) -> tg.Node:
    """Return the loss of weights w, a Node; the data are handed on as they are."""
    return ((x @ w).tanh() ** power).sum()


def times(u: tg.Node, v: tg.Node) -> tg.Node:
    """Return the product."""
    return u * v


def slope_at(x: float) -> float:
    """Return f'(x)."""
    return tg.grad(f)(x)


w = np.array([0.5, -1.0])
x = np.ones((4, 2))
assert_type(tg.grad(f)(2.0), float)
assert_type(tg.grad(f)(b), tg.Node)
assert_type(tg.grad(tg.grad(f))(2.0), float)
assert_type(tg.grad(lambda x: x**3)(2.0), float)
assert_type(tg.grad(tg.tanh)(0.5), float)
assert_type(tg.grad(np.sin)(0.5), float)
slopes: Floats = tg.elementwise_grad(np.square)(w)
weights: Floats = tg.grad(loss)(w, x, power=4)
value, slope = tg.value_and_grad(loss)(w, x)
both: tuple[float, float] = tg.grad(times, argnums=(0, 1))(2.0, 3.0)
tree: dict[str, float] = tg.grad(lambda p: p["w"] * p["b"])({"w": 2.0, "b": 1.0})
print(tg.jacobian(f)(w), tg.hessian(f)(w).shape, slope.round(6), value)
z, pullback = tg.vjp(times, w, 3.0)
for_w, for_v = pullback(np.array([1.0, 10.0]))
assert_type(for_v, float)
z, tangent = tg.jvp(f, (w,), (np.array([1.0, 0.0]),))
(product,) = tg.hvp(f, (2.0,), (1.0,))
assert_type(product, float)
assert_type(tg.gradients(f(b), b, create_graph=True), tg.Node)
(by_b,) = tg.gradients(f(b), [b])
tg.check_grads(f, 0.7, order=2, modes=("rev",))

# An op of one's own


def cube(x: Floats) -> Floats:
    """Return x to the power of three."""
    return x**3


def by_x(g: Any, y: Any, x: Any) -> Any:
    """Return the gradient of x from that of y."""
    return 3.0 * g * x**2


my_cube = tg.op("users_cube", cube, by_x)
assert_type(my_cube(b), tg.Node)
print(my_cube(2.0), my_cube.name, tg.grad(my_cube)(2.0))

# Networks

mlp = tg.nn.MLP([2, 3, 1], activation="tanh", rng=0)
rho = np.zeros((4, 1))
error = tg.nn.costs.mse(mlp(x), rho)
assert_type(mlp(x), tg.Node)
assert_type(mlp([0.5, 1.0]), tg.Node)
assert_type(mlp.parameters(), list[tg.Node])
assert_type(mlp.layers[0].weights, tg.Node)
assert_type(mlp.layers[0](x), tg.Node)
assert_type(error, tg.Node)
assert_type(tg.nn.costs.huber(mlp(x), rho, delta=0.5), tg.Node)
print(mlp.predict(x).shape, mlp.sizes, mlp.score(x, rho))

for _ in range(3):
    error = tg.nn.costs.mse(mlp(x), rho)
    error.backward()
    for p in mlp.parameters():
        p.value = p.value - 0.1 * p.grad

history = tg.train.fit(mlp, x, rho, epochs=2, batch_size=2, optimizer=tg.train.Adam(0.01), validation=(x, rho))
assert_type(history.cost[-1], float)
check = tg.crosscheck(mlp, x, rho)
assert_type(check.agree, bool)
print(check.first_divergence, list(tg.ledger(mlp, x, rho)))
classes = tg.nn.MLP([2, 4, 2])
inputs, labels = tg.data.xor(20)
tg.train.fit(classes, inputs, labels, cost="cross_entropy", epochs=1)

# Compiled


def distance(u: Floats, v: Floats, scale: float = 1.0) -> Floats:
    """Return how far u is from v."""
    return scale * (u - v) ** 2


fast = tg.compile(distance)
step = tg.compile(tg.value_and_grad(loss))
value, slope = step(w, x)
distances: Floats = fast(w, w, scale=2.0)
compiled_f = tg.compile(f)
print(compiled_f(w), step.tape, step.source(), tg.compile(tg.grad(f))(w))

# Contexts, and functions that take what the package gives

with tg.no_grad():
    assert_type(b * 2.0, tg.Node)
with tg.debug():
    (b * 2.0).backward()


def twice(g: Callable[[tg.Node], tg.Node]) -> Callable[[tg.Node], tg.Node]:
    """Return the function that applies g twice."""
    return lambda node: g(g(node))


assert_type(twice(tg.tanh)(b), tg.Node)
activation: tg.Op = tg.relu
assert_type(activation(a), tg.Node)
try:
    a.reshape(5)
except tg.ShapeError as lesson:
    print(lesson)
